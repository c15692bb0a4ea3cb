//! The reading of calls, held to a labelled corpus and to hostile text.

mod calls;
mod hostile;

use std::io::Write;
use std::time::Instant;

use handoff_domain::effect::{Class, Reading, read};
use serde_json::{Map, Value, json};

const COMMANDS: &str = include_str!("commands.txt");

/// The arguments of a call.
fn args(value: Value) -> Map<String, Value> {
    if let Value::Object(map) = value { map } else { panic!("no object: {value}") }
}

/// A command line, read as one of a coding agent in `/work/app`.
fn reading(command: &str) -> Reading {
    read("bash", &args(json!({ "command": command })), Some("/work/app"))
}

fn class(command: &str) -> Class {
    reading(command).class
}

/// Says something to whoever runs the tests, past what captures it.
fn say(text: &str) {
    // Nobody need listen.
    writeln!(std::io::stderr(), "{text}").ok();
}

/// Every line of the corpus: its class and its command.
fn corpus() -> Vec<(Class, String)> {
    let lines = COMMANDS.lines().filter(|line| !line.is_empty() && !line.starts_with("# "));
    let labelled = lines.map(|line| {
        let (class, command) = line.split_once(' ').unwrap_or((line, ""));
        let class = serde_json::from_value(json!(class));
        (class.unwrap_or_else(|_| panic!("no class: {line}")), command.replace('⏎', "\n"))
    });
    labelled.collect()
}

#[test]
fn every_command_is_read_as_what_it_is_and_few_reads_are_held() {
    let corpus = corpus();
    let is_note = |line: &&str| line.starts_with("# ");
    let notes = COMMANDS.lines().filter(is_note).count();
    let blank = COMMANDS.lines().filter(|line| line.is_empty()).count();
    assert_eq!(corpus.len() + notes + blank, COMMANDS.lines().count(), "no line is passed over");
    assert!(corpus.len() >= 400, "{} commands", corpus.len());
    let (mut reads, mut held, mut wrong) = (0, Vec::new(), Vec::new());
    for (label, command) in &corpus {
        let Reading { class, why, .. } = reading(command);
        let line = format!("{label:?} read as {class:?}: {command:?}: {why}");
        reads += usize::from(*label == Class::Read);
        if class != *label {
            if *label == Class::Read { held.push(line) } else { wrong.push(line) }
        }
    }
    say(&format!("{} commands, {reads} reads, {} of them held", corpus.len(), held.len()));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(held.len() * 100 < reads * 3, "{}", held.join("\n"));
}

#[test]
fn no_two_lines_of_the_corpus_are_the_same() {
    let mut commands: Vec<String> = corpus().into_iter().map(|(_, command)| command).collect();
    commands.sort();
    let twice = commands.windows(2).find(|pair| pair[0] == pair[1]);
    assert_eq!(twice, None);
}

#[test]
fn the_part_that_decided_is_named() {
    for (command, part) in [
        ("ls && git push --force", "`git push --force` overwrites or deletes what others have."),
        ("cat a; rm -rf x; ls", "`rm -rf x` deletes files."),
        ("echo $(rm x)", "`rm x` deletes files."),
        ("sudo sh -c 'ls; rm x'", "`rm x` deletes files."),
        ("find . -name a -delete", "`find . -name a -delete` deletes the files that it finds."),
        (
            "ls > /dev/sda",
            "`ls > /dev/sda` overwrites /dev/sda, which is a device or the running system.",
        ),
        ("ls | frobnicate -x", "`frobnicate -x` runs frobnicate, of which nothing is known."),
        ("ls -la | wc -l", "`ls -la` only reads."),
        (
            "psql -c 'SELECT 1; DROP TABLE t'",
            "`DROP TABLE t` drops what it names, with all that is in it.",
        ),
    ] {
        assert_eq!(reading(command).why, part, "{command}");
    }
}

#[test]
fn a_write_names_the_files_it_touches_or_says_that_it_cannot() {
    let named = |paths: &[&str]| Some(paths.iter().map(ToString::to_string).collect::<Vec<_>>());
    for (command, touches) in [
        ("echo a > x", named(&["/work/app/x"])),
        ("echo a > ./x", named(&["/work/app/x"])),
        ("echo a > /tmp/x", named(&["/tmp/x"])),
        ("echo a > ../x", named(&["/work/app/../x"])),
        ("echo a > 'a b'", named(&["/work/app/a b"])),
        ("cd src && echo a > x", named(&["/work/app/src/x"])),
        ("cd src && ls | grep a > x", named(&["/work/app/src/x"])),
        ("cd src && { ls; } > x", named(&["/work/app/src/x"])),
        ("{ cd src; } > x", named(&["/work/app/x"])),
        ("ls > x && cd src && ls > y", named(&["/work/app/x", "/work/app/src/y"])),
        ("cd src || ls > x", None),
        ("cd src && cat > x <<'E'\na\nE", named(&["/work/app/src/x"])),
        ("(cd src && ls) && echo a > x", named(&["/work/app/x"])),
        ("echo a > x; echo b >> y", named(&["/work/app/x", "/work/app/y"])),
        ("sed -i s/a/b/ x y", named(&["/work/app/x", "/work/app/y"])),
        ("mv a b", named(&["/work/app/b", "/work/app/a", "/work/app/b/a"])),
        ("cp d/a b", named(&["/work/app/b", "/work/app/b/a"])),
        ("curl -o x https://example.com", named(&["/work/app/x"])),
        ("sed -i.txt s/a/b/ notes", named(&["/work/app/notes", "/work/app/notes.txt"])),
        ("sed -ni.bak p a b", None),
        // Where a shell has gone up, a link may lie on the way.
        // What comes after an `||` is run or not.
        ("true || cd src && cp a b", None),
        ("cd src && cd /work/app && false || cp a b", None),
        ("cd src && ls || true && cp a b", None),
        ("true || ls && echo a > x", named(&["/work/app/x"])),
        ("cd src; cd /work/app; ls", named(&[])),
        ("cd src && cd /work/app\necho a > x", None),
        // A redirection is the last command's, and opened before that leads elsewhere.
        ("true && cd src > x", named(&["/work/app/x"])),
        ("cd /tmp && cd src > x", named(&["/tmp/x"])),
        ("cd src && true || cd /tmp > x", None),
        // Where a function goes, whoever calls it goes.
        ("f() { cd /tmp; }; cd /w && f && cp a b", None),
        ("chpwd() { cd /tmp; }; cd /w && cp a b", None),
        ("f() { cp a b; }; cd /w && f", None),
        ("f() { ls; }; cd /w && f && echo a > x", named(&["/w/x"])),
        ("(f() { cd /tmp; }; f); echo a > x", None),
        // The second time round it is elsewhere.
        ("for i in 1 2; do echo a > x; cd src; done", None),
        ("while ls; do echo a > x; c\\d src; done", None),
        ("for i in 1 2; do echo a > x; done", named(&["/work/app/x"])),
        ("case a in a) cd src;; b) echo a > x;; esac", None),
        // Some shells run the last part of a pipe themselves.
        ("ls | cd src && echo a > x", None),
        ("time cd src && echo a > x", None),
        ("command cd src && echo a > x", None),
        ("cat > x <<E && cd src\na\nE", None),
        ("cd src <<E && cp a b\na\nE", None),
        // Other programs, or none, that lead nowhere.
        ("/usr/bin/cd src && echo a > x", None),
        ("env cd src && echo a > x", None),
        ("ls | xargs cd && echo a > x", None),
        ("exec cd src && echo a > x", None),
        ("nice env ls && echo a > x", named(&["/work/app/x"])),
        // One sed takes the empty word for the suffix of no copy.
        ("sed -i '' s/a/b/ x", named(&["/work/app/x"])),
        ("sed -i '' -e s/a/b/ x", named(&["/work/app/x"])),
        ("sed -Ei '' s/a/b/ x y", named(&["/work/app/x", "/work/app/y"])),
        ("cd .. && echo a > x", None),
        ("cd link/.. && echo a > x", None),
        ("ls", named(&[])),
        ("cd src; echo a > x", None),
        ("cd $d && echo a > x", None),
        ("echo a > ~/x", None),
        ("cp -r a b", None),
        ("chmod +x a", None),
        ("git commit -m a", None),
        ("rm x", None),
        ("frobnicate", None),
    ] {
        assert_eq!(reading(command).touches, touches, "{command}");
    }
    let nowhere = read("bash", &args(json!({"command": "echo a > x"})), None);
    assert_eq!((nowhere.class, nowhere.touches), (Class::Write, None));
}

#[test]
fn a_typical_command_takes_no_time() {
    let corpus = corpus();
    let start = Instant::now();
    let found = corpus.iter().filter(|(label, command)| class(command) == *label).count();
    let each = start.elapsed() / u32::try_from(corpus.len()).expect("few");
    say(&format!("{each:?} for a command"));
    assert!(found > 0 && each.as_millis() < 20, "{each:?}: that is no quick answer");
}
