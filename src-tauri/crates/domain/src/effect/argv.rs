//! What a program does with its arguments.
//!
//! Only a bare name, or one in the system's own folders, is the program that
//! is meant. What is not in these tables is unknown, and so is an option that
//! could make a program that reads write or run something.

use super::part::Part;
use super::word::{self, Word};
use super::{files, find, git, network, programs, scripts, shell, sql, tables};

/// Where a command runs.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    pub(super) folder: Option<String>,
    pub(super) depth: usize,
}

/// Programs that run the command they are given, with the options that take no
/// value, and those that take one.
const WRAPPERS: [(&str, &str, &str, &[&str]); 11] = [
    ("sudo", "nEHSkb", "ugp", &["--non-interactive", "--preserve-env", "--set-home", "--stdin"]),
    ("doas", "n", "u", &[]),
    ("nice", "", "n", &[]),
    ("ionice", "t", "cn", &[]),
    ("nohup", "", "", &[]),
    ("setsid", "fw", "", &[]),
    ("stdbuf", "", "ioe", &[]),
    ("timeout", "v", "ks", &["--preserve-status", "--foreground", "--verbose"]),
    ("time", "pv", "", &[]),
    ("command", "", "", &[]),
    ("builtin", "", "", &[]),
];

const SHELLS: [&str; 6] = ["sh", "bash", "dash", "zsh", "ksh", "ash"];

/// Why a word of the shell is not what it is there.
const SHELLS_OWN: &str = "runs a word of the shell as a program";

/// What shells do themselves with words that may be sums.
const SUMS: [&str; 13] = [
    "[", "test", "printf", "exit", "return", "break", "continue", "shift", "wait", "read", "umask",
    "kill", "set",
];

/// Whether this is the name of something that is known here, or that the shell
/// itself does.
pub(super) fn is_known(name: &str) -> bool {
    tables::is_reader(name)
        || tables::harm(name).is_some()
        || programs::is_known(name)
        || WRAPPERS.iter().any(|(wrapper, ..)| *wrapper == name)
        || SHELLS.contains(&name)
        || matches!(name, "env" | "xargs" | "exec" | "eval" | "cd" | "source" | "." | "watch")
}

/// What a command does.
pub(super) fn judged(argv: &[Word], place: &mut Place) -> Part {
    place.depth += 1;
    let part = if place.depth > shell::DEEPEST {
        Part::unknown("is nested too deep to be read")
    } else {
        named(argv, place)
    };
    place.depth -= 1;
    part
}

fn named(words: &[Word], place: &mut Place) -> Part {
    let Some((first, args)) = words.split_first() else {
        return Part::unknown("has no program");
    };
    let Some(program) = first.exact() else {
        return Part::unknown("runs a program that only the shell can name");
    };
    let Some(name) = program_name(program) else {
        return Part::unknown(format!(
            "runs {program} by its path, which need not be the program of that name"
        ));
    };
    if let Some((_, flags, valued, long)) = WRAPPERS.iter().find(|(wrapper, ..)| *wrapper == name) {
        return wrapped(name, args, (flags, valued, long), place);
    }
    if SHELLS.contains(&name) {
        return script(name, args, place);
    }
    // What a shell does itself is another program by its path, and goes nowhere.
    if name == "cd" && program != name {
        return Part::unknown(SHELLS_OWN);
    }
    match name {
        "env" => return environment(args, place),
        "xargs" => return piped(args, place),
        "watch" => return Part::unknown("runs its words as a shell would"),
        "exec" => {
            return match args.first() {
                Some(word) if !word.may_be_option() => started(args, place),
                _ => Part::unknown("changes the shell itself"),
            };
        }
        "cd" => return folder(args, place),
        "eval" | "source" | "." => {
            return Part::unknown("runs what only the shell can read");
        }
        _ => {}
    }
    if args.len() == 1 && args[0].exact().is_some_and(|word| tables::tells_version(name, word)) {
        return Part::reads();
    }
    if SUMS.contains(&name) && args.iter().any(Word::may_be_worked_out) {
        return Part::unknown("may work out a sum that runs something");
    }
    if let Some(harm) = tables::harm(name) {
        return Part::irreversible(harm);
    }
    if let Some(part) = tables::reader(name, args) {
        return part;
    }
    let folder = place.folder.clone();
    let folder = folder.as_deref();
    let known = match name {
        "git" => Some(git::judged(args, folder)),
        "curl" => Some(network::curl(args, folder)),
        "wget" => Some(network::wget(args, folder)),
        "sed" => Some(scripts::sed(args, folder)),
        "awk" | "gawk" | "mawk" | "nawk" => Some(scripts::awk(args)),
        "find" => Some(find::judged(args, place)),
        "psql" | "sqlite3" | "mysql" | "mariadb" => Some(sql::client(name, args)),
        _ => files::judged(name, args, folder).or_else(|| programs::judged(name, args)),
    };
    known.unwrap_or_else(|| Part::unknown(format!("runs {name}, of which nothing is known")))
}

/// The program's name, where it is the one that the name stands for.
fn program_name(program: &str) -> Option<&str> {
    let Some((folder, name)) = program.rsplit_once('/') else { return Some(program) };
    matches!(folder, "/bin" | "/usr/bin" | "/sbin" | "/usr/sbin").then_some(name)
}

/// `sudo`, `nice` and others of the kind.
fn wrapped(
    name: &str,
    args: &[Word],
    (flags, valued, long): (&str, &str, &[&str]),
    place: &mut Place,
) -> Part {
    let unread = || Part::unknown(format!("gives {name} an option that is not read"));
    let mut rest = args;
    while let Some((word, after)) = rest.split_first() {
        if !word.may_be_option() {
            break;
        }
        let Some(text) = word.exact() else { return unread() };
        rest = after;
        if text == "--" {
            break;
        }
        if name == "command" && matches!(text, "-v" | "-V") {
            return Part::reads();
        }
        if long.contains(&text) || (name == "nice" && is_number(text.trim_start_matches('-'))) {
            continue;
        }
        let mut letters = text.chars().skip(1);
        let Some(letter) = letters.next().filter(|letter| *letter != '-') else { return unread() };
        if valued.contains(letter) {
            if letters.next().is_none() {
                let Some((value, after)) = rest.split_first() else { return unread() };
                if value.exact().is_none() {
                    return unread();
                }
                rest = after;
            }
        } else if !text.chars().skip(1).all(|letter| flags.contains(letter)) {
            return unread();
        }
    }
    if name == "timeout" {
        let Some((time, after)) = rest.split_first() else { return unread() };
        let timed =
            time.exact().is_some_and(|time| is_number(time.trim_end_matches(['s', 'm', 'h', 'd'])));
        if !timed {
            return unread();
        }
        rest = after;
    }
    if name == "sudo" && rest.first().is_some_and(|word| word.text.contains('=')) {
        return Part::unknown("sets a variable for a command of the superuser");
    }
    if rest.is_empty() {
        return match name {
            "time" | "ionice" | "nice" => Part::reads(),
            _ => unread(),
        };
    }
    if !matches!(name, "time" | "command" | "builtin") {
        return started(rest, place);
    }
    let before = place.folder.clone();
    let part = judged(rest, place);
    if place.folder != before {
        // To one shell these are words of its own, to another programs.
        place.folder = None;
    }
    part
}

/// A command that another program starts: no shell reads it again, so words of
/// the shell itself mean nothing there.
fn started(words: &[Word], place: &mut Place) -> Part {
    if let Some("cd" | "export" | "eval" | "source" | ".") = words.first().and_then(Word::exact) {
        return Part::unknown(SHELLS_OWN);
    }
    judged(words, &mut Place { folder: place.folder.clone(), depth: place.depth })
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == '.')
}

/// `env NAME=value … command`.
fn environment(args: &[Word], place: &mut Place) -> Part {
    let mut part = Part::reads();
    let mut rest = args;
    while let Some((word, after)) = rest.split_first() {
        let Some(text) = word.exact() else {
            // `NAME=$value` is a variable all the same.
            match word.text.split_once('=') {
                Some((name, _)) if !word.breaks && !word.may_be_option() => {
                    part = part.and(super::names::environment(name));
                    rest = after;
                    continue;
                }
                _ => return Part::unknown("gives env a word that only the shell knows"),
            }
        };
        if text == "-i" || text == "-" || text == "-0" {
            rest = after;
        } else if text == "-u" && after.len() > 1 {
            rest = &after[1..];
        } else if text.starts_with('-') {
            return Part::unknown("gives env an option that is not read");
        } else if let Some((name, _)) = text.split_once('=') {
            part = part.and(super::names::environment(name));
            rest = after;
        } else {
            break;
        }
    }
    if rest.is_empty() { part } else { part.and(started(rest, place)) }
}

/// `xargs command`: what it is piped comes after the words it is given.
fn piped(args: &[Word], place: &mut Place) -> Part {
    let unread = || Part::unknown("gives xargs an option that is not read");
    let mut rest = args;
    let mut mark: Option<&str> = None;
    let mut counted = false;
    while let Some((word, after)) = rest.split_first() {
        if !word.may_be_option() {
            break;
        }
        let Some(text) = word.exact() else { return unread() };
        rest = after;
        counted |= text.starts_with("-n") || text.starts_with("-L");
        match text {
            "--" => break,
            "-0" | "-r" | "-t" | "-x" | "--null" | "--no-run-if-empty" | "--verbose" | "-0r"
            | "-r0" => {}
            "-n" | "-L" | "-P" | "-s" | "-d" | "-a" | "-I" | "-E" => {
                let Some((value, after)) = rest.split_first() else { return unread() };
                let Some(value) = value.exact() else { return unread() };
                if text == "-I" {
                    mark = Some(value);
                }
                rest = after;
            }
            _ => {
                let known = ["-n", "-L", "-P", "-s", "-d", "-I"];
                if !known.iter().any(|option| text.starts_with(option)) {
                    return unread();
                }
                if let Some(value) = text.strip_prefix("-I") {
                    mark = Some(value);
                }
            }
        }
    }
    if rest.is_empty() {
        return Part::reads();
    }
    match mark {
        Some("") => unread(),
        // The last of them counts, and it may leave the mark as it stands.
        Some(_) if counted => unread(),
        Some(mark) => started(&filled(rest, mark), place),
        None => {
            let mut words = rest.to_vec();
            words.push(Word::anything());
            started(&words, place)
        }
    }
}

/// The words with everything unknown that a mark in them is replaced with.
pub(super) fn filled(argv: &[Word], mark: &str) -> Vec<Word> {
    let fill = |word: &Word| match word.text.find(mark) {
        Some(at) => Word { text: word.text[..at].to_owned(), open: true, ..word.clone() },
        None => word.clone(),
    };
    argv.iter().map(fill).collect()
}

/// `sh -c 'commands'`.
fn script(name: &str, args: &[Word], place: &mut Place) -> Part {
    if args.len() == 1 && (args[0].is("--version") || args[0].is("--help")) {
        return Part::reads();
    }
    let mut rest = args;
    while let Some((word, after)) = rest.split_first() {
        rest = after;
        match word.exact() {
            Some("-e" | "-u" | "-x" | "-l" | "-eu" | "-eux" | "-ex" | "--norc" | "--noprofile") => {
            }
            Some("-c" | "-lc" | "-ec" | "-euc" | "-xc" | "-cl" | "-exc" | "-euxc") => {
                return match rest.first().map(Word::exact) {
                    Some(Some(text)) => {
                        let part = shell::line(text, place.folder.as_deref(), place.depth);
                        part.named(text)
                    }
                    _ => Part::unknown("runs a script that only the shell can name"),
                };
            }
            _ => break,
        }
    }
    Part::unknown(format!("has {name} run what is not in the command"))
}

/// `cd folder`: what follows runs there.
fn folder(args: &[Word], place: &mut Place) -> Part {
    let args = match args.split_first() {
        Some((first, rest)) if first.is("--") || first.is("-P") || first.is("-L") => rest,
        _ => args,
    };
    place.folder = match args {
        [word] if !word.may_be_option() => super::paths::named(word, place.folder.as_deref()),
        _ => None,
    };
    Part::reads()
}

/// The words as they are named to the reviewer.
pub(super) fn shown(argv: &[Word]) -> String {
    word::line(argv)
}
