//! A client's tool call as the desk's question and the desk's record: what is
//! asked, under which key, and which files it would change.

use handoff_domain::action::{Action, ActionStatus, Effect, Undo};
use handoff_domain::effect::{self, Class, Word, is_shell, judge};
use handoff_domain::payload::Task;
use handoff_protocol::wire::{Check, RecordAction, TaskRef};
use handoff_transport::session::{fitting, served};
use serde_json::{Map, Value, json};

use crate::Client;
use crate::event::{Call, Ending, Moment};

/// How many characters of the user's words name a task, and tell its goal.
const TITLE: usize = 80;
const GOAL: usize = 2_000;

/// What stands for all sites among the targets of a task: a session's bounds are its
/// folder.
const SITES: &str = "https://*";

/// How many bytes of a tool's answer are recorded.
const OUTPUT: usize = 32 * 1024;

/// What Codex asks the person at the terminal, if nobody else answers.
const LEAVES: &str = "It asks to run this outside of its sandbox.";

/// The id of the task that a session is.
pub(crate) fn task_id(session: &str) -> String {
    fitting(session.to_owned())
}

/// The key of a call that its client has a name for.
pub(crate) fn key(call: &Call) -> Option<String> {
    let id = call.id.as_ref()?;
    Some(fitting(format!("{}:{id}", call.session)))
}

/// The key under which the edited call is asked for.
pub(crate) fn edited_key(key: &str) -> String {
    fitting(format!("{key}:edited"))
}

/// The task, described: a session that the desk does not know yet.
pub(crate) fn task(client: Client, call: &Call, said: Option<&str>) -> Task {
    let client = client.title();
    let folder = call.cwd.as_deref();
    let wanted = said.map(str::trim).filter(|said| !said.is_empty());
    let place = folder.map_or_else(String::new, |folder| format!(" in {folder}"));
    let title = wanted
        .and_then(|said| said.lines().next())
        .map_or_else(|| format!("{client}{place}"), |line| clipped(line, TITLE));
    let goal = wanted.map_or_else(
        || format!("What the user asked {client} for{place}; the hook was not told what that is."),
        |said| clipped(said, GOAL),
    );
    Task {
        id: task_id(&call.session),
        title,
        goal,
        tools: None,
        targets: folder.map(|folder| vec![folder.to_owned(), SITES.to_owned()]),
    }
}

/// What the user said first, in a client's own record of a session: one JSON
/// value a line, as Claude Code and Codex write it, or one as a whole.
pub(crate) fn first_words(transcript: &str) -> Option<String> {
    let said = |value: Value| {
        let part = value.get("payload").unwrap_or(&value);
        let is_user = [&value, part].iter().any(|at| {
            let user = matches!(at["type"].as_str(), Some("user" | "user_message"));
            (user || at["role"] == "user") && at["isMeta"] != true
        });
        if !is_user {
            return None;
        }
        let words = [&part["message"]["content"], &part["message"], &part["content"]];
        words.into_iter().find_map(plain_words)
    };
    if let Ok(whole) = serde_json::from_str::<Value>(transcript)
        && let Some(messages) = whole["messages"].as_array()
    {
        return messages.iter().cloned().find_map(said);
    }
    transcript.lines().filter_map(|line| serde_json::from_str(line).ok()).find_map(said)
}

fn plain_words(content: &Value) -> Option<String> {
    let text = match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n")
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => return None,
    };
    let text = text.trim();
    // What a client puts in by itself stands in angle brackets.
    (!text.is_empty() && !text.starts_with('<')).then(|| text.to_owned())
}

/// May this call run?
pub(crate) fn check(
    client: Client,
    moment: Moment,
    call: &Call,
    args: &Map<String, Value>,
    key: String,
) -> Check {
    let files = files(&call.tool, args, call.cwd.as_deref());
    let described = args.get("description").and_then(Value::as_str);
    let reasoning = call.why.as_deref().or(described).filter(|words| !words.trim().is_empty());
    let leaves = client == Client::Codex && moment == Moment::Permission;
    let reasoning = match (leaves, reasoning) {
        (true, why) => Some(format!("{LEAVES} {}", why.unwrap_or_default()).trim().to_owned()),
        (false, why) => why.map(str::to_owned),
    };
    Check {
        task: TaskRef::Id(task_id(&call.session)),
        step: None,
        tool: call.tool.clone(),
        args: args.clone(),
        key,
        effect: None,
        undo: (!files.is_empty()).then_some(Undo::Files { until: None }),
        files,
        cwd: call.cwd.clone(),
        reasoning,
        deadline: None,
        resume: None,
        editable: (!client.can_edit(moment)).then_some(false),
    }
}

/// What was done.
pub(crate) fn record(call: &Call, ending: Ending, id: String) -> RecordAction {
    let cwd = call.cwd.as_deref();
    let files = files(&call.tool, &call.args, cwd);
    let word = Word { undoable: !files.is_empty(), ..Word::default() };
    let judged = judge(&effect::read(&call.tool, &call.args, cwd), word);
    let effect = if judged.unknown { Effect::Irreversible } else { judged.effect };
    RecordAction {
        task: TaskRef::Id(task_id(&call.session)),
        action: Action {
            id,
            step: None,
            tool: call.tool.clone(),
            input: Some(Value::Object(call.args.clone())),
            output: Some(bounded(ending.output)).filter(|output| !output.is_null()),
            reasoning: None,
            confidence: None,
            effect,
            status: if ending.failed { ActionStatus::Failed } else { ActionStatus::Done },
            started_at: None,
            ended_at: None,
            depends_on: Vec::new(),
            facts: Map::new(),
            undo: (!files.is_empty()).then_some(Undo::Files { until: None }),
            files,
            handoff: None,
        },
        cwd: call.cwd.clone(),
    }
}

/// The id of the action that a call is, where its client has a name for it.
pub(crate) fn action_id(call: &Call) -> Option<String> {
    call.id.clone().map(fitting)
}

/// What a call to a server is noted as for the gate in front of that: clients call
/// its tools `mcp__SERVER__TOOL`.
pub(crate) fn to_server(client: Client, call: &Call, args: &Map<String, Value>) -> Option<String> {
    let (_, tool) = call.tool.strip_prefix("mcp__")?.split_once("__")?;
    let id = if client.names_calls_to_servers() { Some(call.id.as_deref()?) } else { None };
    Some(served(tool, args, id))
}

/// The files that a call would change: the desk keeps copies of them. What a
/// command does to files is left to the desk: reading one takes longer than
/// everything else here.
fn files(tool: &str, args: &Map<String, Value>, cwd: Option<&str>) -> Vec<String> {
    if is_shell(tool) {
        return Vec::new();
    }
    let reading = effect::read(tool, args, cwd);
    match (reading.class, reading.touches) {
        (Class::Write, Some(files)) => files,
        _ => Vec::new(),
    }
}

/// A tool's answer, cut where it is long, and saying so.
fn bounded(output: Value) -> Value {
    let text = output.as_str().map_or_else(|| output.to_string(), str::to_owned);
    if text.len() <= OUTPUT {
        return output;
    }
    json!({ "begins": text[..text.floor_char_boundary(OUTPUT)], "bytes": text.len() })
}

fn clipped(text: &str, characters: usize) -> String {
    let mut clipped: String = text.chars().take(characters).collect();
    if clipped.len() < text.len() {
        clipped.push('…');
    }
    clipped
}
