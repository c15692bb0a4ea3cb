//! What a tool call does to the world, as far as the desk can tell
//! (CONTRACT §3): claims are weighed here, and our own reading of the call.
//!
//! It does not say whether a call may run; the gate does.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use ts_rs::TS;

use crate::action::Effect;

mod argv;
mod calls;
mod files;
mod find;
mod git;
mod grammar;
mod here;
mod http;
mod names;
mod network;
mod own;
mod part;
mod patch;
mod paths;
mod programs;
mod redirect;
mod scripts;
mod services;
mod shell;
mod sql;
mod tables;
mod tools;
mod word;
mod words;

/// What reading a call itself says of it, before anybody's word is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// It changes nothing.
    Read,
    /// It changes what an undo, or copies of the named files, can bring back.
    Write,
    /// It cannot be read, or nothing is known of the tool.
    Unknown,
    /// It deletes, sends, or otherwise does what cannot be taken back.
    Irreversible,
}

/// A call, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The worst of its parts.
    pub class: Class,
    /// The part that decided, and why, in words a reviewer reads:
    /// `git push --force rewrites what others have`.
    pub why: String,
    /// The files it would change, absolute where the folder is known; `None`
    /// where they cannot all be named.
    pub touches: Option<Vec<String>>,
}

/// What a call was found to do, and why that is so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Judged {
    /// What it counts as; unknown is irreversible.
    pub effect: Effect,
    /// Nobody knows what it does, so it counts as irreversible.
    pub unknown: bool,
    /// Why, in words a reviewer reads.
    pub why: String,
}

/// What speaks for or against a call besides itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Word {
    /// What the reviewer has set for exactly such calls.
    pub reviewer: Option<Effect>,
    /// What the agent, or an annotation, claims.
    pub claimed: Option<Effect>,
    /// What was claimed of the tool's definition when the reviewer accepted
    /// it; gone when the definition changes.
    pub accepted: Option<Effect>,
    /// A working way back: an undo that has not run out, or copies of every
    /// file it touches.
    pub undoable: bool,
}

/// Names of tools that run whatever text they are given: shells, terminals and
/// interpreters, in lower case and without what a client puts before a name.
pub const SHELLS: [&str; 31] = [
    "bash",
    "cmd",
    "code_interpreter",
    "eval",
    "exec",
    "exec_command",
    "execute",
    "execute_bash",
    "execute_code",
    "execute_command",
    "execute_python",
    "execute_shell",
    "fish",
    "ksh",
    "local_shell",
    "local_shell_call",
    "powershell",
    "pwsh",
    "python",
    "repl",
    "run_code",
    "run_command",
    "run_in_terminal",
    "run_shell",
    "run_shell_command",
    "run_terminal_cmd",
    "sh",
    "shell",
    "terminal",
    "write_stdin",
    "zsh",
];

/// Whether a tool runs whatever text it is given. Clients put a server's name
/// before a tool's (`mcp__box__bash`, `box.exec`); that changes nothing.
pub fn is_shell(tool: &str) -> bool {
    let lower = tool.trim().to_lowercase();
    let last = lower.rsplit("__").next().unwrap_or(&lower);
    let last = last.rsplit(['.', '/', ':']).next().unwrap_or(last);
    [lower.as_str(), last].iter().any(|name| SHELLS.contains(name))
        || ["shell", "bash", "terminal"].iter().any(|word| last.contains(word))
}

/// Weighs what a call is read as against what is said of it.
///
/// The reviewer's own word stands. A claim raises at once; it lowers only what
/// nobody knew, and only once the reviewer has accepted it. A write without a
/// working way back is irreversible, whoever calls it reversible.
pub fn judge(reading: &Reading, word: Word) -> Judged {
    if let Some(effect) = word.reviewer {
        return Judged { effect, unknown: false, why: "You have set this for such calls.".into() };
    }
    let raised = |effect: Effect, why: &str| match word.claimed {
        Some(claimed) if claimed > effect => {
            Judged { effect: claimed, unknown: false, why: "The agent says so.".into() }
        }
        _ => Judged { effect, unknown: false, why: why.to_owned() },
    };
    let no_way_back = || Judged {
        effect: Effect::Irreversible,
        unknown: false,
        why: format!("{} There is no working way to undo it.", reading.why),
    };
    match reading.class {
        Class::Irreversible => {
            Judged { effect: Effect::Irreversible, unknown: false, why: reading.why.clone() }
        }
        Class::Write if word.undoable => raised(Effect::Reversible, &reading.why),
        Class::Write => no_way_back(),
        Class::Read => match raised(Effect::Read, &reading.why) {
            Judged { effect: Effect::Reversible, .. } if !word.undoable => no_way_back(),
            judged => judged,
        },
        Class::Unknown => match word.accepted {
            None => {
                Judged { effect: Effect::Irreversible, unknown: true, why: reading.why.clone() }
            }
            Some(accepted) => {
                let said = word.claimed.map_or(accepted, |claimed| claimed.max(accepted));
                if said == Effect::Reversible && !word.undoable {
                    no_way_back()
                } else {
                    let why = "The agent says so, and you have accepted this tool.".into();
                    Judged { effect: said, unknown: false, why }
                }
            }
        },
    }
}

/// Reads a call of a known kind; any other is [`Class::Unknown`].
/// `cwd` is the folder a command would run in, where it is known.
pub fn read(tool: &str, args: &Map<String, Value>, cwd: Option<&str>) -> Reading {
    calls::read(tool, args, cwd)
}

/// Whether this is the name of a tool that clients have of their own, and no server
/// offers: [`read`] takes it for theirs. Whoever asks for a server's calls says
/// otherwise.
pub fn is_of_a_client(tool: &str) -> bool {
    tools::is_of_a_client(tool)
}

/// What an acceptance of a tool's definition can say of its calls: nothing,
/// where the desk reads each of them itself. "Bash only reads" is not a thing
/// that can be accepted.
pub fn acceptable(tool: &str, accepted: Option<Effect>) -> Option<Effect> {
    accepted.filter(|_| !calls::are_read(tool))
}

/// The words of a call that runs one plain command, and the folder that the
/// call itself names; nothing where a shell would put anything in, send output
/// anywhere, or run a second command.
pub fn command_words(
    tool: &str,
    args: &Map<String, Value>,
) -> Option<(Vec<String>, Option<String>)> {
    calls::command_words(tool, args)
}

/// The folder in which a call runs: the one that the call itself names, from
/// `cwd` on where it is relative, or else `cwd`; the empty one where neither names
/// any, and nothing where it is not known from the root.
pub fn folder(cwd: Option<&str>, named: Option<&str>) -> Option<String> {
    match (named, cwd) {
        (Some(named), _) => paths::absolute(named, cwd),
        (None, Some(cwd)) => cwd.starts_with('/').then(|| cwd.to_owned()),
        (None, None) => Some(String::new()),
    }
}

/// Why the file at this path is no mere file: the running system, or what other
/// programs obey; nothing if it is one. A call is read by what its paths say, and
/// reads no disk: whoever has followed the links asks again with where they lead.
pub fn no_mere_file(path: &str) -> Option<&'static str> {
    paths::no_mere_file(path)
}
