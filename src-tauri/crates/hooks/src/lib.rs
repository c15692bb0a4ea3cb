//! The hooks of coding agents: what Claude Code, Codex and Gemini ask before a
//! tool call becomes a question to the desk, and its answer their own words.
//!
//! Hooks fail open: most clients run a tool whose hook broke. So whatever goes
//! wrong here is said as a denial, whole and in time. Nothing in this crate
//! permits anything: a call goes on when the desk has answered `run` to exactly
//! that call, and for no other reason. It keeps no record of its own but the
//! questions that are still open.

mod call;
mod claude_code;
mod codex;
mod desk;
mod event;
mod gemini;
pub mod install;
mod open;
mod ordered;
mod talk;
#[cfg(test)]
mod tests;
mod words;

use std::io;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use handoff_transport::home::Home;

pub use event::Client;

use event::{Event, Form, Verdict};

/// The longest input that is read, in bytes: more than any call that a desk
/// would take.
const LONGEST_INPUT: u64 = 16 * 1024 * 1024;

/// Starts a desk where none runs, for the agent of this name; an error says why
/// it cannot.
pub type Start = Box<dyn FnOnce(&Home, &str) -> Result<(), String> + Send>;

/// What a hook was started with.
pub struct Hook {
    /// Whose hook it is.
    pub client: Client,
    /// The agent that the desk knows it as.
    pub agent: String,
    /// The time in which it must have answered.
    pub within: Duration,
    /// Where the desk lives, or why that is not known.
    pub home: Result<Home, String>,
    /// How a desk is started.
    pub start: Start,
}

/// What the client is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The one line for standard output; empty for none.
    pub out: String,
    /// The words for standard error; empty for none.
    pub err: String,
}

/// Answers one event of a client, whatever happens, in time. The input is read
/// elsewhere, so that a client that never ends it cannot hold the answer up.
pub fn answer(hook: Hook, read: impl FnOnce() -> io::Result<Vec<u8>> + Send + 'static) -> Answer {
    let (client, within) = (hook.client, hook.within);
    let begun = Instant::now();
    let form: Arc<OnceLock<Form>> = Arc::default();
    let known = Arc::clone(&form);
    let (sender, answers) = mpsc::channel();
    let spawned = std::thread::Builder::new().spawn(move || {
        // Nobody listens any more once the time is over.
        sender.send(answered(hook, read, begun, &known)).ok();
    });
    let why = match spawned {
        Err(error) => format!("The hook could not begin to work: {error}."),
        Ok(_) => match answers.recv_timeout(within) {
            Ok(answer) => return answer,
            Err(RecvTimeoutError::Timeout) => {
                format!("There was no answer within {} s.", within.as_secs())
            }
            Err(RecvTimeoutError::Disconnected) => "The hook itself failed.".to_owned(),
        },
    };
    refused(client, form.get().unwrap_or(&Form::default()), &why)
}

/// The longest input that is worth reading, and one byte to see that it is longer.
pub fn input_limit() -> u64 {
    LONGEST_INPUT + 1
}

fn answered(
    hook: Hook,
    read: impl FnOnce() -> io::Result<Vec<u8>>,
    begun: Instant,
    known: &OnceLock<Form>,
) -> Answer {
    let client = hook.client;
    let input = match read() {
        Ok(input) => input,
        Err(error) => {
            let why = format!("The event could not be read: {error}.");
            return refused(client, &Form::default(), &why);
        }
    };
    let (form, event) = event::read(client, &input);
    // It is set once, here.
    known.set(form.clone()).ok();
    let event = match event {
        Ok(event) => event,
        Err(why) => return refused(client, &form, &why),
    };
    // Some of the time is for the way back.
    let spare = (hook.within / 10).min(Duration::from_secs(2));
    let until = begun + hook.within.saturating_sub(spare);
    match event {
        Event::Gate(moment, call) => {
            let verdict = desk::gate(hook, moment, &call, until);
            Answer { out: client.says(&form, &verdict), err: String::new() }
        }
        Event::Done(call, ending) => noted(&desk::record(hook, &call, ending)),
        Event::Stopped { session, busy } => noted(&desk::retire(hook, &session, busy)),
        Event::Over { session } => {
            desk::end(hook, &session, until);
            noted(&Ok(()))
        }
        Event::Aside => noted(&Ok(())),
    }
}

/// The answer to an event that asks for nothing.
fn noted(outcome: &Result<(), String>) -> Answer {
    Answer { out: Client::notes(outcome.as_ref().err()), err: String::new() }
}

/// The denial of an event that could not be worked on.
fn refused(client: Client, form: &Form, why: &str) -> Answer {
    let why = words::broken(why);
    Answer { out: client.says(form, &Verdict::Deny(why.clone())), err: why }
}
