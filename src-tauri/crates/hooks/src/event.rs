//! What a client tells its hooks, and what it can be told: the shape that all of
//! them share. Names and answers of each are in its own module.

use std::path::PathBuf;

use handoff_domain::integration::Integration;
use serde_json::{Map, Value};

use crate::{claude_code, codex, gemini};

/// The coding agents whose hooks are spoken here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// Anthropic's Claude Code.
    ClaudeCode,
    /// OpenAI's Codex CLI.
    Codex,
    /// Google's Gemini CLI.
    Gemini,
}

impl Client {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::ClaudeCode, Self::Codex, Self::Gemini];

    /// Its name on the command line, and its agent's name unless told otherwise.
    pub fn name(self) -> &'static str {
        match self {
            Self::ClaudeCode => "claude-code",
            Self::Codex => "codex",
            Self::Gemini => "gemini",
        }
    }

    /// Its name for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::ClaudeCode => "Claude Code",
            Self::Codex => "Codex",
            Self::Gemini => "Gemini CLI",
        }
    }

    /// What the desk knows its hook as.
    pub(crate) fn integration(self) -> Integration {
        match self {
            Self::ClaudeCode => Integration::ClaudeCodeHook,
            Self::Codex => Integration::CodexHook,
            Self::Gemini => Integration::GeminiHook,
        }
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|client| client.name() == name)
    }

    /// The verdict in the words that this client obeys.
    pub(crate) fn says(self, form: &Form, verdict: &Verdict) -> String {
        if form.is_note {
            return Self::notes(None);
        }
        match self {
            Self::ClaudeCode => claude_code::says(form, verdict),
            Self::Codex => codex::says(form, verdict),
            Self::Gemini => gemini::says(form, verdict),
        }
        .to_string()
    }

    /// The answer to an event that is only told: nothing to say, or what went
    /// wrong, for the person at the terminal.
    pub(crate) fn notes(fault: Option<&String>) -> String {
        match fault {
            Some(fault) => serde_json::json!({ "systemMessage": fault }).to_string(),
            None => "{}".to_owned(),
        }
    }

    /// Whether it can be given other arguments at this moment.
    pub(crate) fn can_edit(self, moment: Moment) -> bool {
        !matches!((self, moment), (Self::Codex, Moment::Permission))
    }

    /// Whether this edit can be told at this moment.
    pub(crate) fn can_carry(
        self,
        moment: Moment,
        args: &Map<String, Value>,
        edited: &Map<String, Value>,
    ) -> bool {
        let leaves_out = args.keys().any(|name| !edited.contains_key(name));
        self.can_edit(moment) && !(self == Self::Gemini && leaves_out)
    }

    /// Whether it tells a server by which name it has shown its hook the call.
    pub(crate) fn names_calls_to_servers(self) -> bool {
        self == Self::ClaudeCode
    }

    /// Whether the person at the terminal may be asked after the first gate.
    pub(crate) fn has_second_gate(self) -> bool {
        self.names().permission.is_some()
    }

    pub(crate) fn names(self) -> &'static Names {
        match self {
            Self::ClaudeCode => &claude_code::NAMES,
            Self::Codex => &codex::NAMES,
            Self::Gemini => &gemini::NAMES,
        }
    }
}

/// What a client calls its events.
pub(crate) struct Names {
    /// A tool is about to be called.
    pub before: &'static str,
    /// The person at the terminal is about to be asked.
    pub permission: Option<&'static str>,
    /// Under which name it puts a reason among the arguments there.
    pub reason: Option<&'static str>,
    /// A tool has been called.
    pub done: &'static str,
    /// A tool has failed.
    pub failed: Option<&'static str>,
    /// The turn is over.
    pub stopped: &'static str,
    /// The user has said something: another turn begins.
    pub begun: &'static str,
    /// The session is over.
    pub ended: &'static str,
}

/// At which of its two gates a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Before every call.
    Before,
    /// Where the client would ask the person at the terminal.
    Permission,
}

/// What an answer must look like.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Form {
    /// The event's name as it came; none where it could not be read.
    pub event: Option<String>,
    /// It asks at the second gate.
    pub is_permission: bool,
    /// It asks for nothing.
    pub is_note: bool,
}

/// A tool call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    /// The session it belongs to.
    pub session: String,
    /// The folder it would run in.
    pub cwd: Option<String>,
    /// Where the client keeps what was said.
    pub transcript: Option<PathBuf>,
    /// The tool.
    pub tool: String,
    /// What the tool would be given.
    pub args: Map<String, Value>,
    /// What the client calls this very call.
    pub id: Option<String>,
    /// Why it is to be made, where that is no argument.
    pub why: Option<String>,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ending {
    /// What the tool answered.
    pub output: Value,
    /// It did not work.
    pub failed: bool,
}

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event {
    /// May this call go on?
    Gate(Moment, Call),
    /// It went on, and ended.
    Done(Call, Ending),
    /// A turn is over, or another begins; `busy` where work may go on behind.
    Stopped { session: String, busy: bool },
    /// The session is over.
    Over { session: String },
    /// Nothing that the desk needs to know.
    Aside,
}

/// What the client gets.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    /// The call goes on as it is; why, in words.
    Run(String),
    /// It goes on with these arguments, complete; why, in words.
    Edited(Map<String, Value>, String),
    /// It does not go on; why, in words that its model reads.
    Deny(String),
}

/// Reads an event, and says in any case what the answer must look like.
pub(crate) fn read(client: Client, input: &[u8]) -> (Form, Result<Event, String>) {
    if input.len() as u64 > crate::LONGEST_INPUT {
        return (guessed(client, input), Err("The event is too long to be read.".to_owned()));
    }
    let fields = match serde_json::from_slice(input) {
        Ok(Value::Object(fields)) => fields,
        Ok(_) => return (guessed(client, input), Err("The event is no JSON object.".to_owned())),
        Err(error) => {
            return (guessed(client, input), Err(format!("The event is not JSON: {error}.")));
        }
    };
    let names = client.names();
    let Some(name) = text(&fields, "hook_event_name") else {
        return (Form::default(), Err("The event does not say which one it is.".to_owned()));
    };
    let mut form = form_of(names, &name);
    // An event of a later version that carries a call may be a gate.
    let known = [Some(names.before), names.permission].contains(&Some(name.as_str()));
    let told = form.is_note;
    if !known && !told {
        if !fields.contains_key("tool_input") {
            form.is_note = true;
            return (form, Ok(Event::Aside));
        }
        let why = format!("This version of the hook does not know the event {name:?}.");
        return (form, Err(why));
    }
    let event = event(names, &name, fields);
    (form, event)
}

fn form_of(names: &Names, name: &str) -> Form {
    Form {
        event: Some(name.to_owned()),
        is_permission: names.permission == Some(name),
        is_note: [names.done, names.stopped, names.begun, names.ended].contains(&name)
            || names.failed == Some(name),
    }
}

/// What the answer to something unreadable should look like: only a denial at
/// the right gate is obeyed.
fn guessed(client: Client, input: &[u8]) -> Form {
    let names = client.names();
    let start = String::from_utf8_lossy(&input[..input.len().min(64 * 1024)]);
    match names.permission.filter(|name| start.contains(&format!("\"{name}\""))) {
        Some(name) => form_of(names, name),
        None => Form::default(),
    }
}

fn event(names: &Names, name: &str, mut fields: Map<String, Value>) -> Result<Event, String> {
    let session = text(&fields, "session_id")
        .ok_or("The event does not say to which session it belongs (session_id).")?;
    if name == names.begun {
        return Ok(Event::Stopped { session, busy: true });
    }
    if name == names.ended {
        return Ok(Event::Over { session });
    }
    if name == names.stopped {
        let busy = fields.get("background_tasks").and_then(Value::as_array);
        return Ok(Event::Stopped { session, busy: busy.is_some_and(|tasks| !tasks.is_empty()) });
    }
    let tool = text(&fields, "tool_name").ok_or("The event does not name the tool (tool_name).")?;
    let Some(Value::Object(args)) = fields.remove("tool_input") else {
        return Err("The tool's input (tool_input) is no JSON object.".to_owned());
    };
    let mut call = Call {
        session,
        cwd: text(&fields, "cwd"),
        transcript: text(&fields, "transcript_path").map(PathBuf::from),
        tool,
        args,
        id: text(&fields, "tool_use_id"),
        why: None,
    };
    if name == names.before {
        return Ok(Event::Gate(Moment::Before, call));
    }
    if names.permission == Some(name) {
        if let Some(reason) = names.reason {
            // It is the same call as at the first gate, told with a reason.
            call.why = text(&call.args, reason);
            call.args.remove(reason);
        }
        return Ok(Event::Gate(Moment::Permission, call));
    }
    let failed = names.failed == Some(name);
    let output = ["tool_response", "error", "tool_output"]
        .into_iter()
        .find_map(|field| fields.remove(field))
        .unwrap_or(Value::Null);
    let failed = failed || output.get("error").is_some_and(|error| !error.is_null());
    Ok(Event::Done(call, Ending { output, failed }))
}

/// A text that is there and not empty.
fn text(fields: &Map<String, Value>, name: &str) -> Option<String> {
    let text = fields.get(name)?.as_str()?;
    (!text.is_empty()).then(|| text.to_owned())
}
