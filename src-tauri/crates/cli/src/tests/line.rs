//! The command line without a desk: words, inputs, exit codes.

use std::path::PathBuf;

use clap::CommandFactory as _;
use handoff_domain::lifecycle::{Flag, State};
use handoff_protocol::wire::Answered;
use serde_json::{Value, json};

use super::room::{Ended, start};
use crate::exit::Exit;

const MINIMAL: &str = r#"{
  "version": "1", "key": "k-1",
  "task": {"id": "t-1", "title": "Sort the mail", "goal": "An empty inbox"},
  "reason": {"code": "missing_information"}, "priority": "low",
  "summary": "Two folders could take the letters. I cannot tell which one you use.",
  "pending_question": {"text": "Which folder?"}, "allowed_decisions": ["inform"],
  "deadline": {"respond_within_s": 3600, "on_timeout": {"kind": "manual_review"}}
}"#;

/// With a home in which there is no desk, and no display to start one on.
fn run(words: &[&str], stdin: &[u8]) -> Ended {
    let folder = tempfile::tempdir().expect("a folder");
    start(folder.path().join("home"), words, stdin, None).end()
}

#[test]
fn validation_needs_no_desk() {
    let good = run(&["validate", "-"], MINIMAL.as_bytes());
    assert_eq!((good.exit, good.err.as_str()), (Exit::Done, ""), "{good:?}");
    let with_mark = run(&["validate", "-"], format!("\u{feff}{MINIMAL}").as_bytes());
    assert_eq!(with_mark.exit, Exit::Done, "a byte order mark is no fault");
}

#[test]
fn every_fault_is_named_with_its_place() {
    let text = MINIMAL.replace(r#""priority": "low""#, r#""priority": "lo", "sumary": 3"#);
    let bad = run(&["validate", "-"], text.as_bytes());
    assert_eq!((bad.exit, bad.out.as_str()), (Exit::Invalid, ""));
    let lines: Vec<&str> = bad.err.lines().collect();
    assert!(lines.iter().any(|line| line.trim_start().starts_with("/priority ")), "{bad:?}");
    assert!(lines.iter().any(|line| line.trim_start().starts_with("/sumary ")), "{bad:?}");
    let as_json = run(&["validate", "-", "--json"], text.as_bytes());
    assert_eq!(as_json.exit, Exit::Invalid);
    assert_eq!(as_json.json()["valid"], json!(false));
    assert_eq!(as_json.json()["faults"].as_array().map(Vec::len), Some(2));
}

#[test]
fn inputs_that_are_no_text_are_refused_clearly() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(at("latin"), b"{\"a\": \"caf\xe9\"}").expect("written");
    std::fs::write(at("empty"), b" \n").expect("written");
    std::fs::write(at("big"), vec![b' '; 8 * 1024 * 1024 + 1]).expect("written");
    std::fs::write(at("broken"), b"{\"a\": ").expect("written");
    for (name, part) in [
        ("latin", "not UTF-8: byte 10"),
        ("empty", "is empty"),
        ("big", "longer than 8 MiB"),
        ("broken", ""),
    ] {
        for verb in ["validate", "submit"] {
            let ended = run(&[verb, &at(name)], b"");
            assert_eq!(ended.exit, Exit::Invalid, "{verb} {name}: {ended:?}");
            assert!(ended.err.contains(part), "{verb} {name}: {ended:?}");
            assert_eq!(ended.out, "", "errors are no answer");
        }
    }
}

#[test]
fn a_file_that_cannot_be_read_is_a_wrong_command_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = folder.path().join("case.json").display().to_string();
    let there = folder.path().display().to_string();
    for words in [
        &["validate", &missing][..],
        &["submit", &missing],
        &["submit", &missing, "--wait", "10m"],
        &["revise", "h-1", &missing],
        &["reconcile", "h-1", &missing],
        &["check", &missing],
        &["tools", &missing],
    ] {
        let ended = run(words, b"");
        assert_eq!(ended.exit, Exit::Usage, "{words:?}: {ended:?}");
        assert!(ended.err.contains(&format!("There is no file {missing}.")), "{ended:?}");
        assert!(ended.err.contains("standard input"), "{ended:?}");
    }
    let ended = run(&["validate", &there], b"");
    assert_eq!(ended.exit, Exit::Usage, "{ended:?}");
    assert!(ended.err.contains("is a folder"), "{ended:?}");
    let ended = run(&["submit", &missing, "--json"], b"");
    assert_eq!(ended.json()["error"]["code"], json!("invalid_params"));
}

#[test]
fn without_desk_and_display_it_says_what_to_do() {
    for words in [&["list"][..], &["wait", "x"], &["show", "x"], &["revise", "x", "-"], &["demo"]] {
        let ended = run(words, MINIMAL.as_bytes());
        assert_eq!(ended.exit, Exit::Unreachable, "{words:?}: {ended:?}");
        assert!(ended.err.contains("handoff-desk"), "{words:?}: {ended:?}");
    }
    let ended = run(&["list", "--json"], b"");
    assert_eq!(ended.json()["error"]["code"], json!("unavailable"));
    assert_eq!(ended.err, "", "one document, and nothing beside it");
}

#[test]
fn the_demo_touches_nothing_where_nobody_can_be_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let mine = folder.path().join("mine");
    std::fs::create_dir(&mine).expect("made");
    std::fs::write(mine.join("a.txt"), "a").expect("written");
    let home = folder.path().join("home");
    for words in [&["demo"][..], &["demo", &mine.display().to_string()]] {
        let ended = start(home.clone(), words, b"", None).end();
        assert_eq!(ended.exit, Exit::Unreachable, "{ended:?}");
        assert!(ended.err.contains("no display"), "{ended:?}");
        assert!(!home.exists(), "not even a folder of its own");
        assert!(mine.join("a.txt").is_file());
    }
}

#[test]
fn nonsense_is_a_usage_error() {
    for words in [
        &["no-such-word"][..],
        &["wait"],
        &["list", "--state", "asleep"],
        &["list", "--limit", "0"],
        &["reconcile", "x"],
        &["reconcile", "x", "f", "--applied"],
        &["submit", "-", "--wait", "soon"],
        &["submit", "-", "--wait", "10 m"],
        &["wait", "h-1", "--timeout", "-5"],
        &["wait", "h-1", "--timeout", "5m5m"],
        &["wait", "h-1", "--timeout", ""],
        &["wait", "h-1", "--timeout", "s"],
        &["wait", "h-1", "--timeout", "9999999h"],
        &["wait", "h-1", "--timeout", "1.5h"],
        &["completions", "tcsh"],
        &["schema", "nothing"],
        &["man", "nothing"],
        &["demo", "/no/such/folder"],
        &[],
    ] {
        let ended = run(words, b"");
        assert_eq!(ended.exit, Exit::Usage, "{words:?}: {ended:?}");
        assert!(!ended.err.is_empty() && ended.out.is_empty(), "{words:?}: {ended:?}");
    }
    let before = run(&["wait", "h-1", "--timeout", "-5"], b"");
    assert!(before.err.contains("write a number of seconds"), "{before:?}");
    let order = run(&["reconcile", "x"], b"");
    assert!(order.err.contains("reconcile [OPTIONS] <ID> <FILE|->"), "{order:?}");
    let nobody = run(&["--agent", "", "list"], b"");
    assert_ne!(nobody.exit, Exit::Done, "an empty name is nobody else's");
    let ended = run(&["wait", "--json"], b"");
    assert_eq!(ended.json()["error"]["code"], json!("invalid_params"));
}

/// Every way in which a command of the desk's own ends.
fn exits() -> Vec<Exit> {
    // A way that is new has to be put in here, or this does not compile.
    let next = |exit: Exit| match exit {
        Exit::Done => Some(Exit::Internal),
        Exit::Internal => Some(Exit::Usage),
        Exit::Usage => Some(Exit::Invalid),
        Exit::Invalid => Some(Exit::Unreachable),
        Exit::Unreachable => Some(Exit::Refused),
        Exit::Refused => Some(Exit::NotFound),
        Exit::NotFound => Some(Exit::Pending),
        Exit::Pending => Some(Exit::NoDecision),
        Exit::NoDecision => Some(Exit::Inform),
        Exit::Inform => Some(Exit::Reject),
        Exit::Reject => Some(Exit::TakeOver),
        Exit::TakeOver => Some(Exit::Default),
        Exit::Default | Exit::Passed(_) => None,
    };
    std::iter::successors(Some(Exit::Done), |exit| next(*exit)).collect()
}

/// The exit codes that a text explains: each is followed by two spaces.
fn explained(text: &str) -> Vec<u8> {
    let list = text.split_once("Exit codes:").expect("a list").1;
    let list = list.split_once("The manual page:").expect("its end").0;
    let mut codes: Vec<u8> = list
        .match_indices("  ")
        .filter_map(|(at, _)| list[..at].rsplit([' ', '\n']).next()?.parse().ok())
        .collect();
    codes.sort_unstable();
    codes
}

#[test]
fn help_and_manual_name_every_command_and_every_exit_code() {
    let help = run(&["--help"], b"");
    assert_eq!(help.exit, Exit::Done);
    let manual = run(&["man"], b"").out;
    assert!(manual.starts_with(".ie") && manual.contains(".TH handoff"), "{manual}");
    let codes: Vec<u8> = exits().into_iter().map(Exit::code).collect();
    assert_eq!(explained(&help.out), codes);
    assert_eq!(explained(&manual), codes);
    let command = crate::args::CommandLine::command();
    let words: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
    assert!(words.len() >= 24, "{words:?}");
    for word in words {
        assert!(help.out.contains(&format!("\n  {word} ")), "{word} in {}", help.out);
        let roff = word.replace('-', "\\-");
        assert!(manual.contains(&format!("\nhandoff\\-{roff}(1)\n")), "{word} in {manual}");
        for page in [run(&[word, "--help"], b""), run(&["man", word], b"")] {
            assert_eq!(page.exit, Exit::Done, "{word}: {page:?}");
            assert!(page.out.contains(word) || page.out.contains(&roff), "{word}: {}", page.out);
        }
    }
    assert!(help.out.lines().all(|line| line.chars().count() <= 100), "fits a terminal");
}

#[test]
fn every_shell_completes_every_command() {
    let command = crate::args::CommandLine::command();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(&["completions", shell], b"").out;
        for word in command.get_subcommands().map(clap::Command::get_name) {
            assert!(script.contains(word), "{word} for {shell}");
        }
    }
}

#[test]
fn the_schema_accepts_the_payload_it_describes() {
    let schema = run(&["schema"], b"").json();
    assert_eq!(schema["title"], json!("Handoff"));
    for name in ["action", "decision", "report"] {
        assert!(run(&["schema", name, "--json"], b"").json().is_object(), "{name}");
    }
}

#[test]
fn only_a_reviewers_yes_is_a_success() {
    let answered = |state: &str, flags: &[Flag], decision: Value, act: bool| -> Exit {
        Exit::of_submit(&Answered {
            preconditions: Vec::new(),
            id: "h".to_owned(),
            revision: 1,
            state: serde_json::from_value::<State>(json!(state)).expect("a state"),
            flags: flags.to_vec(),
            warned_at: None,
            decision: serde_json::from_value(decision).expect("a decision"),
            action_hash: None,
            act,
            lease: None,
            directive: Vec::new(),
        })
    };
    let by = |kind: &str, who: &str| json!({"kind": kind, "by": who, "at": "2026-11-22T10:00:00Z"});
    let codes = [("approve", 0), ("modify", 0), ("inform", 12), ("reject", 13), ("take_over", 14)];
    for (kind, code) in codes {
        assert_eq!(answered("released", &[], by(kind, "reviewer"), true).code(), code, "{kind}");
        assert_eq!(answered("reconciled", &[], by(kind, "System"), false).code(), 15, "{kind}");
        // A yes that another caller acts on is none to act on.
        let code = if code == 0 { 5 } else { code };
        assert_eq!(answered("collected", &[], by(kind, "reviewer"), false).code(), code, "{kind}");
    }
    for state in ["queued", "ready", "decided"] {
        assert_eq!(answered(state, &[Flag::Escalated], Value::Null, false).code(), 10, "{state}");
    }
    for state in ["withdrawn", "superseded"] {
        assert_eq!(answered(state, &[], Value::Null, false).code(), 11, "{state}");
    }
    assert_eq!(answered("ready", &[Flag::ManualReview], Value::Null, false).code(), 11);
    assert_eq!(
        answered("decided", &[Flag::ManualReview], Value::Null, false).code(),
        10,
        "still held"
    );
}

#[test]
fn a_closed_pipe_is_no_panic_and_no_success() {
    let folder = tempfile::tempdir().expect("a folder");
    let home: PathBuf = folder.path().join("home");
    let ended = start(home, &["completions", "bash"], b"", Some("_handoff")).end();
    assert_eq!(ended.exit, Exit::Internal);
    assert_eq!(ended.err, "");
}

#[test]
fn a_gate_wants_a_server_and_a_name_that_an_agent_can_have() {
    for words in [
        &["mcp-gate"][..],
        &["mcp-gate", "--wait", "soon", "--", "true"],
        &["mcp-gate", "--agent", "two words", "--", "true"],
        &["mcp-gate", "--", "/no/such/server"],
        &["mcp", "--agent", "two words"],
    ] {
        let ended = run(words, b"");
        assert_eq!(ended.exit, Exit::Usage, "{words:?}: {ended:?}");
        assert_eq!(ended.out, "", "standard output is the client's");
    }
}
