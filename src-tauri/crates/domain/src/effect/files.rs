//! Programs that make, move and change files: which ones they touch.

use super::part::Part;
use super::paths;
use super::tables::denied;
use super::word::Word;

/// What such a program does; nothing where it is another kind of program.
pub(super) fn judged(name: &str, args: &[Word], folder: Option<&str>) -> Option<Part> {
    Some(match name {
        "touch" => each(args, "acm", &[], "changes the time of", folder),
        "mkdir" => each(args, "v", &["-p", "-vp", "-pv"], paths::MAKES, folder),
        "truncate" => resized(args, folder),
        "tee" => each(args, "ai", &[], "writes", folder),
        "cp" => copied(args, "fivnpax", &["-r", "-R", "-rf", "-a", "-av"], false, folder),
        "mv" => copied(args, "fivn", &[], true, folder),
        "ln" => copied(args, "sfvn", &[], false, folder),
        "install" => Part::writes("writes files", None),
        "chmod" | "chown" | "chgrp" => owned(args, folder),
        "dd" => raw(args, folder),
        "patch" => Part::writes("changes files", None),
        "tar" => packed(args, folder),
        "unzip" => unzipped(args),
        "zip" | "gzip" | "gunzip" | "bzip2" | "xz" | "unxz" | "bunzip2" | "zstd" | "7z" => {
            packer(name, args)
        }
        "mktemp" => Part::writes("makes a file", None),
        "split" | "csplit" => {
            if denied(args, "", &["filter"]).is_some() {
                return Some(Part::unknown("may run something for every piece"));
            }
            Part::writes("writes files", None)
        }
        _ => return None,
    })
}

/// The words that are no options, where every option is one of these.
fn operands<'a>(args: &'a [Word], letters: &str, whole: &[&str]) -> Option<Vec<&'a Word>> {
    let mut found = Vec::new();
    let mut options = true;
    for word in args {
        if options && found.is_empty() && word.is("--") {
            options = false;
        } else if options && word.may_be_option() && !word.is("-") {
            // After an operand, it is one as well to some programs.
            if !found.is_empty() {
                return None;
            }
            let text = word.exact()?;
            let known = whole.contains(&text)
                || (!text.starts_with("--") && text.chars().skip(1).all(|c| letters.contains(c)));
            if !known {
                return None;
            }
        } else {
            found.push(word);
        }
    }
    Some(found)
}

const UNREAD: &str = "has an option that is not read";

/// A program that changes each of its operands.
fn each(args: &[Word], letters: &str, whole: &[&str], does: &str, folder: Option<&str>) -> Part {
    let Some(paths) = operands(args, letters, whole) else { return Part::unknown(UNREAD) };
    let all = paths.iter().map(|word| paths::written(word, folder, does));
    let part = all.fold(Part::reads(), Part::and);
    // Folders on the way may be made as well, which nobody names.
    let more = args.iter().any(|word| word.text.starts_with('-') && word.text.contains('p'));
    if does == paths::MAKES && more { part.and(Part::writes("makes folders", None)) } else { part }
}

fn resized(args: &[Word], folder: Option<&str>) -> Part {
    match args {
        [size, path]
            if size.exact().is_some_and(|s| s.starts_with("-s") || s.starts_with("--size=")) =>
        {
            paths::written(path, folder, "cuts or lengthens")
        }
        [option, size, path] if option.is("-s") && size.exact().is_some() => {
            paths::written(path, folder, "cuts or lengthens")
        }
        _ => Part::unknown(UNREAD),
    }
}

/// `cp`, `mv` and `ln`: the last operand is a file, or a folder that they go in.
fn copied(args: &[Word], letters: &str, whole: &[&str], moves: bool, folder: Option<&str>) -> Part {
    let Some(paths) = operands(args, letters, whole) else {
        return Part::unknown(UNREAD);
    };
    let Some((target, sources)) = paths.split_last() else { return Part::unknown("has no target") };
    if sources.is_empty() {
        return Part::unknown("names one file, and so writes another one");
    }
    let does = if moves { "moves files over" } else { "writes over" };
    let mut part = paths::written(target, folder, does);
    for source in sources {
        if moves {
            part = part.and(paths::written(source, folder, "moves away"));
        }
        let inside = source.exact().and_then(|path| path.trim_end_matches('/').rsplit('/').next());
        part = part.and(match (inside, target.exact()) {
            (Some(name), Some(into)) if !matches!(name, "" | "." | "..") => {
                let into = Word::plain(format!("{}/{name}", into.trim_end_matches('/')));
                paths::written(&into, folder, does)
            }
            _ => Part::writes(format!("{does} files"), None),
        });
    }
    // A folder is copied with all that is in it.
    let deep = args.iter().any(|word| {
        word.text.starts_with('-')
            && !word.text.starts_with("--")
            && word.text.contains(['r', 'R', 'a'])
    });
    if deep { part.and(Part::writes(does, None)) } else { part }
}

fn owned(args: &[Word], folder: Option<&str>) -> Part {
    let operands = args.iter().filter(|word| !word.text.starts_with('-')).skip(1);
    let all = operands.map(|word| match word.exact() {
        Some(_) => paths::written(word, folder, "changes the rights of"),
        None => Part::writes("changes the rights of files", None),
    });
    // A copy of the file does not bring its rights back.
    all.fold(Part::writes("changes rights", None), |whole, part| part.and(whole))
}

fn raw(args: &[Word], folder: Option<&str>) -> Part {
    let mut part = Part::reads();
    for word in args {
        let Some(text) = word.exact() else {
            return Part::unknown("has an operand that only the shell knows");
        };
        match text.split_once('=') {
            Some(("of", path)) => {
                part = part.and(paths::written(&Word::plain(path), folder, "writes over"));
            }
            Some((
                "if" | "bs" | "ibs" | "obs" | "count" | "skip" | "seek" | "status" | "conv"
                | "iflag" | "oflag",
                _,
            )) => {}
            _ => return Part::unknown(UNREAD),
        }
    }
    part
}

fn packed(args: &[Word], folder: Option<&str>) -> Part {
    let unread = || Part::unknown("has an option of tar that is not read");
    let Some((first, rest)) = args.split_first() else { return unread() };
    let Some(mode) = first.exact() else { return unread() };
    let letters = mode.strip_prefix('-').unwrap_or(mode);
    if letters.starts_with('-') || !letters.chars().all(|c| "tcxfvzjJapkO".contains(c)) {
        return unread();
    }
    // After a dash, the rest of the word is the archive's name.
    let cut = mode.starts_with('-') && letters.find('f').is_some_and(|at| at + 1 < letters.len());
    if cut || letters.chars().filter(|c| "tcx".contains(*c)).count() != 1 {
        return unread();
    }
    let mut named = rest.iter();
    let archive = if letters.contains('f') { named.next() } else { None };
    while let Some(word) = named.next() {
        if word.is("-C") {
            if named.next().is_none_or(Word::may_be_option) {
                return unread();
            }
        } else if word.may_be_option() && !word.is("-") {
            let harmless = word.exact().is_some_and(|text| {
                text.starts_with("--exclude=") || text.starts_with("--strip-components=")
            });
            if !harmless {
                return unread();
            }
        }
    }
    // `host:file` is an archive on another machine.
    let Some(archive) = archive else { return unread() };
    if archive.exact().is_none_or(|path| path.contains(':')) {
        return unread();
    }
    if letters.contains('t') || (letters.contains('x') && letters.contains('O')) {
        Part::reads()
    } else if letters.contains('x') {
        Part::writes("unpacks over what is there", None)
    } else if archive.is("-") {
        Part::reads()
    } else {
        paths::written(archive, folder, "writes")
    }
}

fn unzipped(args: &[Word]) -> Part {
    match args.first().and_then(Word::exact) {
        Some("-l" | "-v" | "-t" | "-p" | "-Z1" | "-Z") if args.len() > 1 => {
            if args[1..].iter().any(Word::may_be_option) {
                return Part::unknown(UNREAD);
            }
            Part::reads()
        }
        _ => Part::writes("unpacks over what is there", None),
    }
}

fn packer(name: &str, args: &[Word]) -> Part {
    let only = args.first().and_then(Word::exact);
    let reads = !matches!(name, "zip" | "7z")
        && matches!(
            only,
            Some("-l" | "-t" | "-c" | "-dc" | "-cd" | "-tv" | "-lv" | "--list" | "--test")
        );
    if reads && !args[1..].iter().any(Word::may_be_option) {
        return Part::reads();
    }
    if denied(args, "T", &["unzip-command", "filter"]).is_some() {
        return Part::unknown(UNREAD);
    }
    Part::writes("packs or unpacks, and takes away what it was made from", None)
}
