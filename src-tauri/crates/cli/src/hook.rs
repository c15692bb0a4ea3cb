//! `handoff hook`: a coding agent's hook. And `handoff install`, which puts it
//! into that agent's settings.
//!
//! The exit codes of the other commands do not hold here: whatever happens is
//! said in the client's own words, on standard output, with code 0. Where even
//! that cannot be written, code 2 and words on standard error are what clients
//! obey as a no.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use handoff_hooks::install::{self, Change};
use handoff_hooks::{Answer, Client, Hook, Start};
use handoff_protocol::wire::{ErrorCode, Hello};
use handoff_transport::client;
use handoff_transport::home::Home;
use serde_json::json;

use crate::args::Scope;
use crate::edge::Edge;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::start::{self, Found};

/// In what time clients want an answer if nothing else was agreed with them:
/// less than their own time-out.
fn usual_time(client: Client) -> u64 {
    match client {
        Client::ClaudeCode | Client::Codex => 570,
        Client::Gemini => 54,
    }
}

/// The shortest time in which an answer can be tried.
const SHORTEST_S: u64 = 1;

/// Answers at once where the words are those that `install` writes: hooks run
/// before every call of an agent, and reading a whole command line takes longer
/// than asking the desk.
pub fn at_once(words: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    let words: Vec<String> = words.skip(1).map_while(|word| word.into_string().ok()).collect();
    let mut words = words.iter().map(String::as_str);
    let (Some("hook"), Some(client)) = (words.next(), words.next()) else { return None };
    let client = Client::named(client)?;
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let (mut agent, mut within) = (set("HANDOFF_AGENT"), None);
    while let Some(word) = words.next() {
        match word {
            "--agent" => agent = Some(words.next()?.to_owned()),
            "--answer-within" => within = Some(words.next()?.parse().ok()?),
            _ => return None,
        }
    }
    let within: Option<u64> = within;
    if within.is_some_and(|within| within < SHORTEST_S) {
        return None;
    }
    let home = Home::resolve().map_err(|error| error.to_string());
    let hook = hook(client, agent.as_deref(), within, home, Box::new(start_desk));
    let answer = handoff_hooks::answer(hook, || all_of(&mut io::stdin().lock()));
    Some(ExitCode::from(say(&answer, &mut io::stdout().lock(), &mut io::stderr().lock()).code()))
}

/// `handoff hook`, with any other words.
pub fn run(edge: &mut Edge<'_>, client: Client, agent: Option<&str>, within: Option<u64>) -> Exit {
    let home = edge.home().map_err(|error| error.to_string());
    let nobody: Start = Box::new(|_, _| Err("No desk is running.".to_owned()));
    let hook = hook(client, agent, within, home, nobody);
    let input = all_of(edge.stdin);
    let answer = handoff_hooks::answer(hook, move || input);
    say(&answer, edge.stdout, edge.stderr)
}

/// `handoff install`.
pub fn install(
    edge: &mut Edge<'_>,
    client: Client,
    agent: Option<&str>,
    scope: Scope,
    dry_run: bool,
) -> Result<Exit, Failure> {
    let path = settings(edge, client, scope)?;
    let change = install::install(client, path, &program(), agent).map_err(refused)?;
    if matches!(scope, Scope::Project) && change.is_any() {
        edge.remark(&shared(client, &program()));
    }
    make(edge, &change, dry_run, &installed(client))
}

/// `handoff uninstall`.
pub fn uninstall(
    edge: &mut Edge<'_>,
    client: Client,
    scope: Scope,
    dry_run: bool,
) -> Result<Exit, Failure> {
    let path = settings(edge, client, scope)?;
    let change = install::uninstall(client, path).map_err(refused)?;
    make(edge, &change, dry_run, &format!("{} no longer asks the desk.\n", client.title()))
}

fn hook(
    client: Client,
    agent: Option<&str>,
    within: Option<u64>,
    home: Result<Home, String>,
    start: Start,
) -> Hook {
    let within = Duration::from_secs(within.unwrap_or_else(|| usual_time(client)));
    let agent = agent.unwrap_or_else(|| client.name()).to_owned();
    Hook { client, agent, within, home, start }
}

fn all_of(input: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(handoff_hooks::input_limit()).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Says it whole, or says that it could not be said.
fn say(answer: &Answer, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let line = format!("{}\n", answer.out);
    match out.write_all(line.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Exit::Done,
        Err(error) => {
            let why = "Handoff Desk: nothing is permitted, the answer could not be written";
            // There is nobody left to tell.
            writeln!(err, "{why}: {error}.").ok();
            Exit::Usage
        }
    }
}

/// Starts the desk as every other command does.
fn start_desk(home: &Home, agent: &str) -> Result<(), String> {
    let mut edge = Edge {
        stdin: &mut io::empty(),
        stdout: &mut io::sink(),
        stderr: &mut io::sink(),
        variable: &|name| std::env::var_os(name),
        now: crate::now,
        json: true,
        terminal: false,
        columns: None,
    };
    let greeting = || Hello { name: agent.to_owned(), ..Hello::default() };
    let connect = || client::Client::connect(home, greeting());
    match start::desk(home, &mut edge, connect) {
        Ok(Found::Desk(_)) => Ok(()),
        Ok(Found::Nobody(why) | Found::Silent(why)) | Err(why) => {
            Err(format!("{} {}", why.data.message, why.data.hint))
        }
    }
}

/// This command as a client is to start it: by its whole path, since a hook
/// that is not found lets calls go on.
fn program() -> String {
    std::env::current_exe()
        .ok()
        .filter(|path| path.file_name().is_some_and(|name| name == "handoff"))
        .map_or_else(|| "handoff".to_owned(), |path| path.display().to_string())
}

fn settings(edge: &Edge<'_>, client: Client, scope: Scope) -> Result<PathBuf, Failure> {
    let set = |name: &str| (edge.variable)(name).filter(|value| !value.is_empty());
    match scope {
        Scope::Project => Ok(install::settings_below(client, Path::new("."))),
        Scope::User => match install::folder_variable(client).and_then(set) {
            Some(folder) => Some(install::settings_in(client, Path::new(&folder))),
            None => set("HOME").map(|home| install::settings_below(client, Path::new(&home))),
        }
        .ok_or_else(|| {
            Failure::new(
                ErrorCode::Refused,
                "There is no home folder: HOME is not set.",
                "Set HOME, or give --scope project in the folder of a project.",
            )
        }),
    }
}

fn make(edge: &mut Edge<'_>, change: &Change, dry_run: bool, done: &str) -> Result<Exit, Failure> {
    let path = change.path.display().to_string();
    let backup = if dry_run || !change.is_any() { None } else { change.make().map_err(refused)? };
    let backup = backup.map(|backup| backup.display().to_string());
    let document = json!({
        "file": path, "changed": change.is_any() && !dry_run, "backup": backup,
        "diff": change.diff(),
    });
    let text = match (change.is_any(), dry_run, &backup) {
        (false, ..) => format!("Nothing is to be changed in {path}.\n"),
        (true, true, _) => format!("{}Nothing was written: --dry-run.\n", change.diff()),
        (true, false, Some(backup)) => {
            format!("{}What was there is kept in {backup}.\n{done}", change.diff())
        }
        (true, false, None) => format!("{}{done}", change.diff()),
    };
    edge.answer(&document, &text)?;
    Ok(Exit::Done)
}

fn installed(client: Client) -> String {
    let title = client.title();
    let more = match client {
        Client::ClaudeCode => "Sessions that run already have to be started again.",
        Client::Codex => {
            "Codex skips a hook until you trust it: start Codex, open /hooks and trust these. \
             Codex has no setting that stops a call whose hook is killed."
        }
        Client::Gemini => {
            "Sessions that run already have to be started again. Gemini CLI has no setting that \
             stops a call whose hook is killed."
        }
    };
    let add = match client {
        Client::ClaudeCode => "claude mcp add --scope user handoff --",
        Client::Codex => "codex mcp add handoff --",
        Client::Gemini => "gemini mcp add --scope user handoff",
    };
    let program = install::quoted(&program());
    format!(
        "{title} asks the desk before every call from now on. {more}\nFor its model to hand over by \
         itself, too, give it the desk's MCP server once:\n  {add} {program} mcp\n"
    )
}

/// What a project's settings mean for those who share the project.
fn shared(client: Client, program: &str) -> String {
    let elsewhere = match client {
        Client::ClaudeCode => "there every call is refused",
        Client::Codex | Client::Gemini => "there calls go on unasked",
    };
    format!(
        "This file is the project's: whoever gets it with the project runs {program} as well, and \
         where that is not installed at the same place, {elsewhere}. Keep it out of version \
         control, or write a path that holds for all of you."
    )
}

fn refused(fault: install::Fault) -> Failure {
    Failure::new(ErrorCode::Refused, format!("{fault}."), "Nothing was changed.")
}
