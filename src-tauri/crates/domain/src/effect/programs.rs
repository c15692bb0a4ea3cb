//! Programs that read or do harm by what they are asked for.

use super::part::Part;
use super::tables::denied;
use super::word::Word;

const KNOWN: [&str; 40] = [
    "[",
    "apt",
    "apt-cache",
    "apt-get",
    "brew",
    "cargo",
    "crontab",
    "date",
    "docker",
    "dpkg",
    "find",
    "gh",
    "hostname",
    "ip",
    "kill",
    "kubectl",
    "less",
    "man",
    "more",
    "mount",
    "npm",
    "pip",
    "pip3",
    "pnpm",
    "podman",
    "printf",
    "pushd",
    "popd",
    "read",
    "service",
    "set",
    "shopt",
    "ssh",
    "systemctl",
    "test",
    "top",
    "uniq",
    "xxd",
    "yarn",
    "yq",
];

pub(super) fn is_known(name: &str) -> bool {
    KNOWN.contains(&name)
        || matches!(
            name,
            "git"
                | "curl"
                | "wget"
                | "sed"
                | "awk"
                | "gawk"
                | "cp"
                | "mv"
                | "ln"
                | "tee"
                | "mkdir"
                | "touch"
                | "dd"
                | "tar"
                | "chmod"
                | "chown"
                | "psql"
                | "sqlite3"
                | "mysql"
        )
}

/// What such a program does; nothing where it is another kind of program.
pub(super) fn judged(name: &str, args: &[Word]) -> Option<Part> {
    let words: Vec<&str> = args.iter().map(|word| word.exact().unwrap_or("?")).collect();
    let sure = args.iter().all(|word| word.exact().is_some());
    let verb = words.iter().find(|word| !word.starts_with('-')).copied().unwrap_or("");
    Some(match name {
        "[" | "test" => tested(args),
        "printf" => match args.first() {
            Some(first) if first.may_be("v", &[]) => Part::unknown("sets a variable"),
            _ => Part::reads(),
        },
        "set" => only(
            sure && words.iter().all(|word| shell_option(word)),
            "changes how the shell reads what follows",
        ),
        "read" => read(&words, sure),
        // It can name a variable to set.
        "wait" => only(!args.iter().any(Word::may_be_option), "waits in a way that is not read"),
        "less" | "more" => {
            let bad = denied(
                args,
                "oOkK",
                &["log-file", "LOG-FILE", "lesskey-file", "lesskey-src", "lesskey-content"],
            );
            let commands = args.iter().any(|word| {
                word.text.starts_with('+')
                    || (word.text.starts_with('-') && word.text.contains('+'))
            });
            only(bad.is_none() && !commands, "has the pager do something")
        }
        "man" => {
            let plain =
                |word: &&str| !word.starts_with('-') || matches!(*word, "-k" | "-f" | "-a" | "-w");
            only(sure && words.iter().all(plain), "runs a program to show it")
        }
        "date" => dated(args, &words),
        "hostname" => only(
            sure && words
                .iter()
                .all(|word| matches!(*word, "-f" | "-i" | "-I" | "-s" | "-d" | "-A")),
            "sets the name of this machine",
        ),
        "uniq" => {
            let operands =
                args.iter().filter(|word| !word.text.starts_with('-') || word.is("-")).count();
            only(
                operands <= 1
                    && !words.contains(&"--")
                    && !args.iter().any(|word| word.open)
                    && !words.iter().any(|word| matches!(*word, "-f" | "-s" | "-w")),
                "writes its second operand",
            )
        }
        "xxd" => dumped(&words, sure),
        "top" => only(
            sure && words.contains(&"-b") && !words.iter().any(|word| word.starts_with("-W")),
            "runs until it is stopped",
        ),
        "ip" => network(&words, sure, verb),
        "mount" => {
            if args.is_empty() {
                Part::reads()
            } else {
                Part::irreversible("changes the disks of this machine")
            }
        }
        "kill" => match words.as_slice() {
            ["-l" | "-0", rest @ ..] if sure && !rest.iter().any(|word| word.starts_with('-')) => {
                Part::reads()
            }
            ["-L"] => Part::reads(),
            _ => Part::irreversible("ends programs"),
        },
        "crontab" => match words.as_slice() {
            ["-l"] => Part::reads(),
            _ => Part::irreversible("has commands run later"),
        },
        "pushd" | "popd" => Part::unknown("changes the folder in a way that is not followed"),
        "dig" | "nslookup" | "host" => only(
            sure && !words.iter().any(|word| word.starts_with("-f") || word.starts_with('@')),
            "asks in a way that is not read",
        ),
        "ping" => only(sure && matches!(words.as_slice(), ["-c", _, _]), "sends without end"),
        "nproc" => Part::reads(),
        _ => return super::services::judged(name, &words, sure, verb),
    })
}

/// A read, or else nobody knows.
fn only(reads: bool, why: &str) -> Part {
    if reads {
        Part::reads()
    } else {
        Part::unknown(format!("{why}, or has an option that is not read"))
    }
}

/// `xxd in out` writes, and numbers are no files.
fn dumped(words: &[&str], sure: bool) -> Part {
    let mut rest = words.iter();
    let (mut plain, mut operands) = (sure, 0);
    while let Some(word) = rest.next() {
        match *word {
            "-l" | "-s" | "-c" | "-g" => plain &= rest.next().is_some(),
            "-p" | "-u" | "-b" | "-i" => {}
            _ => {
                plain &= !word.starts_with('-');
                operands += 1;
            }
        }
    }
    only(plain && operands <= 1, "writes its second operand")
}

/// `ip` shows where it is given nothing but what to show.
fn network(words: &[&str], sure: bool, object: &str) -> Part {
    const OBJECTS: &str = " addr a address route r link l neigh n rule ";
    const OPTIONS: &str = " -4 -6 -s -br -brief -j -json -c -o -d ";
    const ASKS: &str = " show list ls get dev ";
    let listed = |list: &str, word: &str| list.contains(&format!(" {word} "));
    let mut plain = words.iter().filter(|word| !word.starts_with('-')).skip(1);
    let shows = plain.all(|word| listed(ASKS, word) || word.chars().any(|c| c.is_ascii_digit()));
    let mut options = words.iter().filter(|word| word.starts_with('-'));
    let known = options.all(|word| listed(OPTIONS, word));
    only(sure && shows && known && listed(OBJECTS, object), "changes the network")
}

/// `-v` looks into a subscript, which can run commands.
fn tested(args: &[Word]) -> Part {
    let first =
        args.iter().any(|word| word.is("-v") || word.is("-R") || (word.breaks && args.len() < 2));
    only(!first, "tests in a way that is not read")
}

fn shell_option(word: &str) -> bool {
    matches!(word, "pipefail" | "errexit" | "nounset" | "--" | "xtrace")
        || word
            .strip_prefix(['-', '+'])
            .is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| "euxo".contains(c)))
}

fn read(words: &[&str], sure: bool) -> Part {
    let names = words.iter().filter(|word| !word.starts_with('-'));
    let plain = words.iter().filter(|word| word.starts_with('-')).all(|word| *word == "-r");
    if !(sure && plain) {
        return Part::unknown("sets variables in a way that is not read");
    }
    names.map(|name| super::names::assigned(name)).fold(Part::reads(), Part::and)
}

fn dated(args: &[Word], words: &[&str]) -> Part {
    let mut rest = words.iter().zip(args);
    while let Some((text, word)) = rest.next() {
        let fine = match *text {
            "-u" | "--utc" | "-R" | "-I" | "--iso-8601" | "-Iseconds" | "-Ins" | "-Iminutes"
            | "-Idate" => true,
            "-d" | "--date" | "-r" => rest.next().is_some_and(|(_, value)| !value.breaks),
            _ => {
                word.text.starts_with('+') && !word.breaks
                    || ((text.starts_with("--date=") || text.starts_with("-I"))
                        && word.exact().is_some())
                    || (text.starts_with("--iso-8601="))
            }
        };
        if !fine {
            return Part::irreversible("may set this machine's clock");
        }
    }
    Part::reads()
}
