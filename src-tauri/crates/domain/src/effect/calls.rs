//! Which kind of call a tool's name and arguments make, and what it would do.

use serde_json::{Map, Value};

use super::argv::{self, Place};
use super::part::Part;
use super::word::Word;
use super::{Reading, grammar, http, paths, shell, sql, tools};

const SHELLS: [&str; 13] = [
    "shell",
    "bash",
    "Bash",
    "sh",
    "exec_command",
    "run_command",
    "run_shell_command",
    "execute_command",
    "shell_command",
    "local_shell",
    "terminal",
    "run_terminal_cmd",
    "exec",
];

const COMMANDS: [&str; 2] = ["command", "cmd"];
const FOLDERS: [&str; 5] = ["workdir", "cwd", "working_directory", "directory", "dir_path"];

/// What may be told about a command besides itself and its folder.
const ASIDE: [&str; 22] = [
    "description",
    "timeout",
    "timeout_ms",
    "yield_time_ms",
    "max_output_tokens",
    "login",
    "tty",
    "justification",
    "sandbox_permissions",
    "with_escalated_permissions",
    "additional_permissions",
    "prefix_rule",
    "run_in_background",
    "is_background",
    "explanation",
    "dangerouslyDisableSandbox",
    "shell",
    "delay_ms",
    "blocking",
    "requires_approval",
    "title",
    "restart",
];

const SQL: [&str; 11] = [
    "sql",
    "query",
    "execute_sql",
    "run_sql",
    "psql",
    "postgres",
    "sqlite",
    "mysql",
    "read_query",
    "write_query",
    "execute_query",
];
const STATEMENTS: [&str; 3] = ["query", "sql", "statement"];
const SQL_ASIDE: [&str; 9] = [
    "database",
    "db",
    "limit",
    "timeout",
    "schema",
    "connection",
    "description",
    "dialect",
    "params",
];

/// More words than any command that a person reads through.
const MOST_WORDS: usize = 4_096;

/// Whether calls of this tool are read here, whatever they say: nobody's word
/// can stand in for a command that could not be read.
pub(super) fn are_read(tool: &str) -> bool {
    super::is_shell(tool) || SHELLS.contains(&tool) || SQL.contains(&tool)
}

pub(super) fn read(tool: &str, args: &Map<String, Value>, cwd: Option<&str>) -> Reading {
    if SHELLS.contains(&tool) {
        return command(tool, args, cwd);
    }
    if SQL.contains(&tool) {
        return match one_of(args, &STATEMENTS) {
            Some(Value::String(text)) if known(args, &STATEMENTS, &SQL_ASIDE) => {
                sql::judged(text).reading(text)
            }
            _ => unread(tool),
        };
    }
    if http::TOOLS.contains(&tool) {
        return http::judged(args).reading(tool);
    }
    match tools::judged(tool, args, cwd) {
        Some(part) => part.reading(tool),
        None => unread(tool),
    }
}

pub(super) fn command_words(
    tool: &str,
    args: &Map<String, Value>,
) -> Option<(Vec<String>, Option<String>)> {
    if !SHELLS.contains(&tool) || !known(args, &COMMANDS, &[&FOLDERS[..], &ASIDE[..]].concat()) {
        return None;
    }
    let folder = match one_of(args, &FOLDERS) {
        Some(Value::String(folder)) => Some(folder.clone()),
        Some(_) => return None,
        None if FOLDERS.iter().any(|name| args.contains_key(*name)) => return None,
        None => None,
    };
    if !usual_shell(args) {
        return None;
    }
    let words = match one_of(args, &COMMANDS)? {
        Value::String(text) => grammar::plain_words(text)?,
        Value::Array(items) => {
            let words = strings(items)?;
            match words.as_slice() {
                [shell, option, text] if runs_text(shell, option) => grammar::plain_words(text)?,
                _ => words,
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => return None,
    };
    (!words.is_empty()).then_some((words, folder))
}

/// `bash -lc text`, as Codex sends every command.
fn runs_text(shell: &str, option: &str) -> bool {
    matches!(shell, "bash" | "sh" | "zsh" | "/bin/bash" | "/bin/sh" | "/bin/zsh" | "/usr/bin/bash")
        && matches!(option, "-c" | "-lc")
}

fn unread(tool: &str) -> Reading {
    Part::unknown("is a call of which nothing is known").reading(tool)
}

/// The one of these arguments that is given; nothing where several are.
fn one_of<'a>(args: &'a Map<String, Value>, names: &[&str]) -> Option<&'a Value> {
    let mut given = names.iter().filter_map(|name| args.get(*name));
    let first = given.next()?;
    given.next().is_none().then_some(first)
}

/// Whether no argument is there of which nothing is known.
fn known(args: &Map<String, Value>, names: &[&str], aside: &[&str]) -> bool {
    args.keys().all(|name| names.contains(&name.as_str()) || aside.contains(&name.as_str()))
}

/// Where the call names the shell itself, it is one whose words are read here.
fn usual_shell(args: &Map<String, Value>) -> bool {
    match args.get("shell") {
        None | Some(Value::Null) => true,
        Some(Value::String(shell)) => {
            let name = shell.strip_prefix("/usr").unwrap_or(shell);
            matches!(name, "bash" | "sh" | "zsh" | "/bin/bash" | "/bin/sh" | "/bin/zsh")
        }
        Some(_) => false,
    }
}

fn strings(items: &[Value]) -> Option<Vec<String>> {
    if items.len() > MOST_WORDS {
        return None;
    }
    items.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}

fn command(tool: &str, args: &Map<String, Value>, cwd: Option<&str>) -> Reading {
    if !known(args, &COMMANDS, &[&FOLDERS[..], &ASIDE[..]].concat()) || !usual_shell(args) {
        return unread(tool);
    }
    let mut folder = cwd.map(str::to_owned);
    if FOLDERS.iter().any(|name| args.contains_key(*name)) {
        folder = match one_of(args, &FOLDERS) {
            Some(Value::String(named)) => paths::absolute(named, cwd),
            _ => None,
        };
    }
    match one_of(args, &COMMANDS) {
        Some(Value::String(text)) => shell::line(text, folder.as_deref(), 0).reading(text),
        Some(Value::Array(items)) => {
            let Some(words) = strings(items) else { return unread(tool) };
            if words.iter().map(String::len).sum::<usize>() > grammar::LONGEST {
                return Part::unknown("is longer than a command that can be read").reading(tool);
            }
            let words: Vec<Word> = words.into_iter().map(Word::plain).collect();
            let part = argv::judged(&words, &mut Place { folder, depth: 0 });
            part.reading(&argv::shown(&words))
        }
        _ => unread(tool),
    }
}
