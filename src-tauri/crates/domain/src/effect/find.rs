//! What `find` does: its tests, and what it runs and writes for the files that
//! it finds. A word that looks like an option is taken for one wherever it
//! stands, so that none hides as the value of another.

use super::argv::{self, Place};
use super::part::Part;
use super::paths;
use super::word::Word;

/// Words of `find` that neither run nor write anything.
const HARMLESS: &str = " - -H -L -P -name -iname -path -ipath -wholename -iwholename -type -xtype \
    -maxdepth -mindepth -size -mtime -mmin -atime -amin -ctime -cmin -newer -anewer -cnewer \
    -newermt -newerct -newerat -user -group -uid -gid -perm -empty -prune -print -print0 -printf \
    -ls -not -o -or -a -and -regex -iregex -regextype -quit -depth -xdev -mount -follow -true \
    -false -readable -writable -executable -links -inum -samefile -lname -daystart -noleaf -nouser ";

pub(super) fn judged(args: &[Word], place: &mut Place) -> Part {
    let mut part = Part::reads();
    let mut at = 0;
    let mut before: Option<&Word> = None;
    while let Some(word) = args.get(at) {
        at += 1;
        let last = before.replace(word);
        if !word.may_be_option() {
            continue;
        }
        let Some(text) = word.exact() else { return unread() };
        // The time or size that a test asks for.
        let number = text[1..].starts_with(|c: char| c.is_ascii_digit());
        if !number && last.and_then(Word::exact).is_some_and(takes_value) {
            return unread();
        }
        match text {
            "-delete" => return Part::irreversible("deletes the files that it finds"),
            "-exec" | "-execdir" | "-ok" | "-okdir" => {
                match run(text, args.get(at..).unwrap_or_default(), place) {
                    Ok((found, length)) => {
                        part = part.and(found);
                        at += length;
                    }
                    Err(unread) => return unread,
                }
            }
            "-fprint" | "-fprint0" | "-fls" | "-fprintf" => {
                let length = 1 + usize::from(text == "-fprintf");
                let values = args.get(at..at + length).unwrap_or_default();
                if values.len() != length || values.iter().any(Word::may_be_option) {
                    return unread();
                }
                let folder = place.folder.as_deref();
                part = part.and(paths::written(&values[0], folder, "overwrites"));
                at += length;
            }
            _ if number || HARMLESS.contains(&format!(" {text} ")) => {}
            _ => return unread(),
        }
    }
    part
}

fn unread() -> Part {
    Part::unknown("has a test or an action that is not read")
}

/// Whether what follows is its value, even where it looks like an option.
fn takes_value(text: &str) -> bool {
    const ALONE: &str = " -H -L -P -empty -prune -print -print0 -ls -not -o -or -a -and -quit \
        -depth -xdev -mount -follow -true -false -readable -writable -executable -daystart -noleaf \
        -nouser ";
    let number = text.starts_with('-') && text[1..].starts_with(|c: char| c.is_ascii_digit());
    let value = !text.starts_with('-') || number || text == "-";
    let done = ["-exec", "-execdir", "-ok", "-okdir", "-fprint", "-fprint0", "-fls", "-fprintf"];
    !value && !done.contains(&text) && !ALONE.contains(&format!(" {text} "))
}

/// The command after `-exec` and its like, and how many words it takes up.
fn run(action: &str, rest: &[Word], place: &Place) -> Result<(Part, usize), Part> {
    // A plus is a word like any other but after the empty braces.
    let ends = |at: usize| {
        let plus = at > 0 && rest[at].is("+") && rest[at - 1].is("{}");
        rest[at].is(";") || plus
    };
    let end = (0..rest.len())
        .find(|at| ends(*at))
        .ok_or_else(|| Part::unknown("runs a command that has no end"))?;
    let words = &rest[..end];
    // What only the shell knows could be the end, and actions after it.
    let may_end = |word: &Word| {
        word.breaks
            || (word.open && (word.text.is_empty() || word.text.starts_with([';', '+', '{'])))
    };
    if words.iter().any(may_end) || (action.starts_with("-ok") && rest[end].is("+")) {
        return Err(Part::unknown("runs a command whose end only the shell knows"));
    }
    let command = argv::filled(words, "{}");
    if action.ends_with("dir") && command.first().is_none_or(|word| word.text.contains('/')) {
        return Err(Part::unknown("runs a program of each folder"));
    }
    // Run in the folder of each file, it touches what nobody names.
    let mut inner = Place { folder: None, depth: place.depth };
    let found = argv::judged(&command, &mut inner).named(&argv::shown(&command));
    Ok((found, end + 1))
}
