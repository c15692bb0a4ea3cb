//! Text made to be misread: it is never read as less than it is, never
//! panics, and never takes long.

use std::time::{Duration, Instant};

use handoff_domain::effect::{Class, command_words, read};
use proptest::prelude::*;
use serde_json::json;

use crate::{args, class, corpus};

/// What a shell does something with.
const PIECES: [&str; 62] = [
    "ls",
    "rm x",
    "rm",
    "cat",
    "echo",
    " ",
    " ",
    "\t",
    "\n",
    ";",
    "&",
    "&&",
    "||",
    "|",
    "(",
    ")",
    "{",
    "}",
    "$(",
    "`",
    "\"",
    "'",
    "\\",
    "\\\n",
    "#",
    " #",
    "$'",
    "$",
    "${",
    "<<EOF",
    "\nEOF\n",
    "<<'E'",
    "\nE",
    "<",
    ">",
    "<<<",
    "[[",
    "]]",
    "if",
    "then",
    "fi",
    "for i in",
    "do",
    "done",
    "case x in",
    "x)",
    "esac",
    ";;",
    "!",
    "=",
    "a=",
    "*",
    "~",
    "$((",
    "))",
    "<(",
    "\r",
    "é",
    "\u{a0}",
    "sh -c",
    "function f",
    "eval",
];

/// What a command may stand in, and whether it stands there as one word.
const FRAMES: [(&str, &str, bool); 32] = [
    ("ls; ", "; ls", false),
    ("ls\n", "\nls", false),
    ("ls && ", "", false),
    ("false || ", "", false),
    ("", " &", false),
    ("cat a | ", "", false),
    ("", " | wc -l", false),
    ("( ", " )", false),
    ("{ ", "; }", false),
    ("! ", "", false),
    ("echo $( ", " )", false),
    ("echo \"$( ", " )\"", false),
    ("cat <( ", " )", false),
    ("a=$( ", " ); ls", false),
    ("[[ -n $( ", " ) ]]", false),
    ("cat <<E\n$( ", " )\nE\nls", false),
    ("ls | xargs ", "", false),
    ("ls | xargs -n 1 ", "", false),
    ("ls | xargs -I{} ", " {}", false),
    ("ls | xargs sh -c ", "", true),
    ("env ", "", false),
    ("env -i A=1 ", "", false),
    ("time ", "", false),
    ("nice -n 5 ", "", false),
    ("timeout 5 bash -c ", "", true),
    ("find . -exec ", " {} \\;", false),
    ("if ", "; then ls; fi", false),
    ("if ls; then ls; else ", "; fi", false),
    ("for i in a b; do ", "; done", false),
    ("while ", "; do ls; done", false),
    ("case x in x) ", ";; esac", false),
    ("f() { ", "; }; f", false),
];

/// Commands of the corpus that can be read, and that end where their text ends.
fn readable() -> Vec<(Class, String)> {
    let open = |command: &str| command.contains(['#', '\n']) || command.ends_with('&');
    let all = corpus().into_iter();
    all.filter(|(class, command)| *class != Class::Unknown && !open(command)).collect()
}

/// The command as one word in single quotes.
fn quoted(command: &str) -> String {
    format!("'{}'", command.replace('\'', r"'\''"))
}

#[test]
fn a_deletion_after_any_command_is_irreversible() {
    for (_, command) in readable() {
        for joined in ["; ", "\n", " && ", " || ", " | ", " & "] {
            let line = format!("{command}{joined}rm -rf x");
            assert_eq!(class(&line), Class::Irreversible, "{line}");
        }
    }
}

#[test]
fn a_deletion_that_was_not_read_is_never_better_than_unknown() {
    for (label, command) in corpus() {
        if label == Class::Unknown {
            let line = format!("{command}\nrm -rf x");
            assert!(class(&line) >= Class::Unknown, "{line}");
        }
    }
}

#[test]
fn wrapping_a_command_never_makes_it_less() {
    let mut less = Vec::new();
    for (label, command) in readable() {
        for line in [
            // Two brackets at once would be a sum.
            format!("( {command} )"),
            format!("{{ {command}; }}"),
            format!("sh -c {}", quoted(&command)),
            format!("sudo sh -c {}", quoted(&command)),
            format!("env bash -c {}", quoted(&command)),
            format!("nohup bash -lc {}", quoted(&command)),
            format!("echo $( {command} )"),
            format!("if {command}; then ls; fi"),
            format!("if true; then ls; else {command}; fi"),
            format!("for i in 1 2; do {command}; done"),
            format!("while {command}; do break; done"),
            format!("fn_of_mine() {{ {command}; }}"),
            format!("! true || {command}"),
            format!("ls | {command}"),
            format!("ls; {command}\nls"),
        ] {
            let found = class(&line);
            if found < label {
                less.push(format!("{label:?} became {found:?}: {line}"));
            }
        }
    }
    assert!(less.is_empty(), "{}", less.join("\n"));
}

proptest! {
    #[test]
    fn a_program_that_nobody_knows_is_never_read_in_any_frame(
        name in "(/home/me/bin/|\\./|)(frob|zz)[a-z0-9]{1,8}",
        frames in proptest::collection::vec(0..FRAMES.len(), 0..5),
    ) {
        let mut line = format!("{name} x");
        for frame in frames {
            let (before, after, one_word) = FRAMES[frame];
            let inner = if one_word { quoted(&line) } else { line };
            line = format!("{before}{inner}{after}");
        }
        prop_assert!(class(&line) >= Class::Unknown, "{line}: {:?}", class(&line));
    }
}

#[test]
fn a_program_before_a_command_never_makes_it_less() {
    let simple = readable().into_iter().filter(|(_, command)| {
        !command.contains(['=', '(', '[', '{', '!', ';'])
            && !command.starts_with(['>', 'i', 'f', 'w', 'c'])
    });
    for (label, command) in simple {
        for before in ["sudo", "env", "nice", "nohup", "timeout 5", "command", "exec", "time"] {
            let line = format!("{before} {command}");
            assert!(class(&line) >= label, "{label:?} became {:?}: {line}", class(&line));
        }
    }
}

#[test]
fn nothing_overflows_or_takes_long() {
    let long = |piece: &str, bytes: usize| piece.repeat(bytes / piece.len());
    let mut texts = Vec::new();
    for bytes in [4 * 1024, 64 * 1024 - 64, 64 * 1024 + 64, 8 * 1024 * 1024] {
        for piece in [
            "(",
            "$(",
            "`",
            "{ ",
            "\"$(",
            "'",
            "\"",
            "\\",
            "ls;",
            "ls|",
            "ls&&",
            "a=",
            "<<a ",
            "{ <<a ",
            "$((",
            "${x:-",
            "[[ ",
            "if ls; then ",
            "case x in x) ",
            "for i in a; do ",
            "! ",
            "x () ",
            "sudo ",
            "é",
            "\n",
            " ",
            "#",
            "\\\n",
            "<(",
            "-",
            "*",
        ] {
            texts.push(long(piece, bytes));
        }
        for (open, close) in [("(", ")"), ("$(", ")"), ("{ ", ";}"), ("\"$(", ")\"")] {
            let half = bytes / (open.len() + close.len());
            texts.push(format!("{}ls{}", open.repeat(half), close.repeat(half)));
        }
    }
    for text in &texts {
        let start = Instant::now();
        for tool in ["bash", "sql"] {
            let key = if tool == "sql" { "query" } else { "command" };
            let call = args(json!({ key: text }));
            let found = read(tool, &call, None);
            let shown: String = text.chars().take(30).collect();
            assert!(found.why.len() < 1_000, "{shown}: {} bytes said", found.why.len());
            if text.len() > 64 * 1024 {
                assert!(found.class >= Class::Unknown, "{shown}");
                assert_eq!(command_words(tool, &call), None, "{shown}");
            }
            // Generous: the machines that run this are slow and shared.
            assert!(
                start.elapsed() < Duration::from_secs(10),
                "{shown} took {:?}",
                start.elapsed()
            );
        }
    }
}

/// The grammar's scanner once looked letters beyond its table up, and crashed.
#[test]
fn letters_beyond_ascii_reach_no_table() {
    for letter in ['é', '\u{a0}', '\u{2028}', 'ｌ', '\u{20000}', '\u{e2531}', '\u{10ffff}'] {
        for before in ["{", "echo {", "echo {1", "echo {1..", "$", "${", "<<", "a", "\"", "'", "`"]
        {
            for after in ["", "}", "..2}", "\nEOF", "=1", "\"", "'", "`", " ls", "()", "{ ls; }"] {
                let found = class(&format!("{before}{letter}{after}"));
                assert!(
                    found >= Class::Unknown || before.starts_with("echo"),
                    "{before}{letter}{after}"
                );
            }
        }
        assert_eq!(class(&format!("cat a{letter}b")) == Class::Read, !letter.is_whitespace());
        assert_eq!(class(&format!("cat '{letter}'")), Class::Read);
        assert_eq!(class(&format!("{letter}=1; ls")), Class::Unknown);
        assert_eq!(class(&format!("ls; {letter}")), Class::Unknown);
    }
}

#[test]
fn what_is_nested_too_deep_is_unknown() {
    let mut command = "rm x".to_owned();
    for depth in 0..12 {
        let found = class(&command);
        assert!(found >= Class::Unknown, "{depth}: {found:?}");
        command = format!("sh -c {}", quoted(&command));
    }
    for (open, close) in [("(", ")"), ("$(", ")"), ("if ls; then ", "; fi")] {
        let command = format!("{}ls{}", open.repeat(60), close.repeat(60));
        assert_eq!(class(&command), Class::Unknown, "{command}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_text_panics(text in "\\PC{0,200}") {
        for tool in ["bash", "sql", "http", "apply_patch", "Write"] {
            for key in ["command", "query", "url", "input", "file_path"] {
                let _class = read(tool, &args(json!({ key: text })), Some(&text)).class;
            }
        }
    }

    #[test]
    fn no_mixture_panics_or_hides_a_plain_deletion(
        pieces in proptest::collection::vec(0..PIECES.len(), 0..14),
    ) {
        let text: String = pieces.iter().map(|at| PIECES[*at]).collect();
        let found = class(&text);
        // Before the mixture, on a line of its own, it is run whatever follows.
        let after = class(&format!("rm -rf x\n{text}"));
        prop_assert!(after >= Class::Unknown, "{text:?}: {found:?}, then {after:?}");
        let words = command_words("bash", &args(json!({ "command": text })));
        if let Some((words, _)) = words {
            let name = words.first().map(String::as_str);
            prop_assert!(name != Some("rm") || found == Class::Irreversible, "{text:?}");
        }
    }

    #[test]
    fn a_plain_command_keeps_its_words(
        words in proptest::collection::vec("[a-zA-Z0-9_./][a-zA-Z0-9_./,:-]{0,8}", 1..6),
    ) {
        prop_assume!(!RESERVED.contains(&words[0].as_str()));
        let call = args(json!({ "command": words.join(" ") }));
        prop_assert_eq!(command_words("bash", &call), Some((words.clone(), None)));
        let quoted: Vec<String> = words.iter().map(|word| quoted(word)).collect();
        let call = args(json!({ "cmd": quoted.join("  ") , "workdir": "/w"}));
        prop_assert_eq!(command_words("exec_command", &call), Some((words, Some("/w".to_owned()))));
    }
}

const RESERVED: [&str; 26] = [
    "if", "then", "fi", "else", "elif", "for", "do", "done", "while", "until", "case", "esac",
    "in", "function", "select", "time", "coproc", "export", "declare", "local", "typeset",
    "readonly", "unset", "unsetenv", "let", "return",
];
