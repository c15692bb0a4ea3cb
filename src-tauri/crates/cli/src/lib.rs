//! The `handoff` command: how agents, hooks and scripts hand off and get their
//! answers.
//!
//! It is a client and nothing more. It decides nothing, stores nothing but its
//! token, and has no window in it.

mod args;
mod commands;
mod demo;
mod desk;
mod doctor;
mod edge;
mod exit;
mod failure;
mod gate;
mod hook;
mod input;
mod mcp;
mod spool;
mod start;
#[cfg(test)]
mod tests;
mod text;
mod verify;

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::Parser;
use clap::error::ErrorKind;
use handoff_domain::visible;
use handoff_protocol::wire::{ErrorCode, ErrorData, ListQuery};
use serde::Serialize;

use crate::args::{CommandLine, Verb};
use crate::edge::Edge;
use crate::exit::Exit;
use crate::failure::Failure;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    if let Some(exit) = hook::at_once(std::env::args_os()) {
        return exit;
    }
    let mut edge = Edge {
        // Not locked: the gate of `mcp-gate` reads it on a thread of its own.
        stdin: &mut io::stdin(),
        stdout: &mut io::stdout(),
        stderr: &mut io::stderr().lock(),
        variable: &|name| std::env::var_os(name),
        now,
        json: false,
        terminal: io::stdin().is_terminal(),
        columns: columns(),
    };
    ExitCode::from(run(std::env::args_os(), &mut edge).code())
}

/// How wide the terminal is that answers go to.
fn columns() -> Option<usize> {
    let (width, _) = terminal_size::terminal_size_of(io::stdout())?;
    Some(usize::from(width.0))
}

/// Runs a command line against any surroundings.
fn run(words: impl IntoIterator<Item = OsString>, edge: &mut Edge<'_>) -> Exit {
    let words: Vec<OsString> = words.into_iter().collect();
    let line = match CommandLine::try_parse_from(&words) {
        Ok(line) => line,
        Err(error) => return not_understood(&words, &error, edge),
    };
    edge.json = line.json;
    match perform(line, edge) {
        Ok(exit) => exit,
        Err(failure) => {
            tell(&failure, edge);
            failure.exit
        }
    }
}

fn perform(line: CommandLine, edge: &mut Edge<'_>) -> Result<Exit, Failure> {
    // A variable that is set to nothing is not set; a name that is given and
    // empty is a script's mistake, and no other agent's.
    let unset = (edge.variable)("HANDOFF_AGENT").is_some_and(|value| value.is_empty());
    let named = line.agent.filter(|name| !(name.is_empty() && unset));
    let agent = named.as_deref().unwrap_or("cli");
    if agent.is_empty() {
        return Err(Failure::unreadable(
            "The agent's name is empty.",
            "Give it a name, or leave --agent out.",
        ));
    }
    match line.verb {
        Verb::Demo { dir } => demo::run(edge, named.as_deref().unwrap_or("demo"), dir.as_deref()),
        Verb::Schema { name } => commands::schema(edge, name.as_deref()),
        Verb::Submit(given) => commands::submit(edge, agent, &given),
        Verb::Validate { file } => commands::validate(edge, &file),
        Verb::Wait { id, timeout } => commands::wait(edge, agent, &id, timeout),
        Verb::Next { undid: Some(item), .. } => gate::undid(edge, agent, item, None),
        Verb::Next { not_undone: Some(item), why, .. } => {
            gate::undid(edge, agent, item, Some(why.unwrap_or_default()))
        }
        Verb::Next { wait, task, .. } => gate::next(edge, agent, wait, task),
        Verb::Show { id } => commands::show(edge, agent, &id),
        Verb::List { state, search, limit } => {
            commands::list(edge, agent, &ListQuery { state, search, limit: Some(limit) })
        }
        Verb::Withdraw { id, reason } => commands::withdraw(edge, agent, id, reason),
        Verb::Revise { id, file } => commands::revise(edge, agent, id, &file),
        Verb::Reconcile(given) => commands::reconcile(edge, agent, &given),
        Verb::Check { file } => gate::check(edge, agent, &file),
        Verb::Record { file } => gate::record(edge, agent, &file),
        Verb::Tools { file } => gate::tools(edge, agent, &file),
        Verb::Task { verb } => gate::task(edge, agent, verb),
        Verb::Hook { client, answer_within } => {
            Ok(hook::run(edge, client.into(), named.as_deref(), answer_within))
        }
        Verb::Install { client, scope, dry_run } => {
            hook::install(edge, client.into(), named.as_deref(), scope, dry_run)
        }
        Verb::Uninstall { client, scope, dry_run } => {
            hook::uninstall(edge, client.into(), scope, dry_run)
        }
        Verb::Mcp => mcp::serve(edge, named),
        Verb::McpGate(given) => mcp::gate(edge, named, given),
        Verb::Doctor(given) => doctor::run(edge, &given),
        Verb::Verify => verify::run(edge),
        Verb::Completions { shell } => commands::completions(edge, shell),
        Verb::Man { command } => commands::manual(edge, command.as_deref()),
    }
}

#[derive(Serialize)]
struct ErrorDocument<'a> {
    error: &'a ErrorData,
}

fn tell(failure: &Failure, edge: &mut Edge<'_>) {
    if failure.unheard {
        return;
    }
    // Where even this cannot be written, the exit code has to say it.
    if edge.json {
        edge.answer(&ErrorDocument { error: &failure.data }, "").ok();
    } else {
        write!(edge.stderr, "{}", failure.text()).ok();
    }
}

/// Answers `--help` and `--version`, and complains about the rest.
fn not_understood(words: &[OsString], error: &clap::Error, edge: &mut Edge<'_>) -> Exit {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        let text = error.render();
        let text =
            if io::stdout().is_terminal() { text.ansi().to_string() } else { text.to_string() };
        let written = edge.stdout.write_all(text.as_bytes()).and_then(|()| edge.stdout.flush());
        return if written.is_ok() { Exit::Done } else { Exit::Internal };
    }
    edge.json = words.iter().any(|word| word == "--json");
    let text = error.render().to_string();
    if edge.json {
        let failure = Failure::new(
            ErrorCode::InvalidParams,
            text.trim_start_matches("error: ").trim_end(),
            "`handoff --help` lists the commands.",
        );
        tell(&failure, edge);
    } else {
        write!(edge.stderr, "{text}").ok();
    }
    Exit::Usage
}

#[expect(clippy::disallowed_methods, reason = "the edge of the command, where the clock is read")]
fn now() -> DateTime<Utc> {
    Utc::now()
}
