//! The handoff that a held call becomes: written from the task, its plan, what
//! was done lately and what the triggers found.

use handoff_domain::action::{Action, Effect};
use handoff_domain::args::args_faults;
use handoff_domain::effect::is_shell;
use handoff_domain::gate::{Held, reason};
use handoff_domain::payload::{Plan, Priority, RiskLevel, Task};
use handoff_domain::trace::Call;
use handoff_protocol::wire::Check;
use serde_json::{Value, json};

use super::carried::{self, carried};
use super::form::handoff_key;
use super::{Known, Weighed};

/// How many of the latest calls go along.
const CALLS: usize = 20;

/// The most that the calls that go along may hold, in bytes; the rest of the
/// history is in the desk all the same.
const CALLS_BYTES: usize = 2 * 1024 * 1024;

/// How many characters of a command the question quotes; the whole of it is
/// the option's argument.
const QUOTED: usize = 160;

/// How much a call that is held for this matters.
pub fn priority(held: Held) -> Priority {
    if held.is_mandatory() { Priority::High } else { Priority::Normal }
}

/// The names of arguments that say what a call is about, the most telling first.
const DECISIVE: [&str; 19] = [
    "file_path",
    "path",
    "notebook_path",
    "file",
    "filename",
    "from",
    "source",
    "to",
    "target",
    "destination",
    "url",
    "uri",
    "host",
    "table",
    "pattern",
    "account",
    "id",
    "name",
    "amount",
];

/// The payload as text, as an agent would have submitted it.
pub fn payload(
    agent: &str,
    task: &Task,
    plan: Option<&Plan>,
    check: &Check,
    known: &Known,
    weighed: &Weighed,
    held: Held,
) -> String {
    let judged = &weighed.judged;
    let in_plan = |step: &str| plan.is_some_and(|plan| plan.steps.iter().any(|at| at.id == step));
    let step = check.step.as_deref().filter(|step| in_plan(step));
    let headlines: Vec<&str> =
        weighed.evidence.iter().map(|evidence| evidence.headline.as_str()).collect();
    let (actions, left_out, changed) = recent(&known.trace.calls, &in_plan);
    let allowed: &[&str] = if check.editable == Some(false) {
        &["approve", "inform"]
    } else {
        &["approve", "modify", "inform"]
    };
    let mut missing = Vec::new();
    if left_out > 0 {
        missing.push(format!("{left_out} earlier actions of this task: the desk has them"));
    }
    missing.extend(carried::said(changed));
    let mut action = json!({ "tool": check.tool, "args": check.args, "files": check.files });
    if let Some(undo) = &check.undo {
        action["undo"] = json!(undo);
    }
    if let Some(schema) = fitting_schema(known, check) {
        action["args_schema"] = schema;
    }
    let mut question = json!({ "text": asks(check) });
    if let Some(step) = step {
        question["step"] = json!(step);
    }
    let mut option = json!({
        "id": "run",
        "label": format!("Run {}", clipped(&check.tool, 60)),
        "risk": { "level": risk(judged.effect, judged.unknown), "effect": judged.effect, "why": judged.why },
        "action": action,
    });
    if let Some(reasoning) = check.reasoning.as_ref().filter(|words| !words.trim().is_empty()) {
        option["description"] = json!(reasoning);
    }
    let mut payload = json!({
        "version": "1",
        "key": handoff_key(check),
        "task": task,
        "reason": { "code": reason(held, &weighed.evidence), "detail": detail(held, &headlines, &judged.why) },
        "priority": priority(held),
        "summary": summary(agent, task, check, &headlines, &judged.why),
        "pending_question": question,
        "deadline": check.deadline,
        "options": [option],
        "allowed_decisions": allowed,
        "briefing": {
            "intent": task.goal,
            "entities": entities(check),
            "not_included": missing,
        },
        "actions_taken": actions,
    });
    if let Some(plan) = plan {
        payload["plan"] = json!(plan);
    }
    if let Some(resume) = &check.resume {
        payload["resume"] = json!(resume);
    }
    payload.to_string()
}

fn asks(check: &Check) -> String {
    if let Some(command) = command(check) {
        return format!("May it run “{}”?", clipped(&command, QUOTED));
    }
    let tool = clipped(&check.tool, 100);
    let (named, more) = decisive(check);
    if named.is_empty() {
        return format!("May it call {tool} with these arguments?");
    }
    let more = if more { ", …" } else { "" };
    format!("May it call {tool} ({}{more})?", named.join(", "))
}

/// The arguments that tell one call of a tool from another, shortened openly: at
/// most two of those that say where. What a call writes, sends or sets is read on the
/// card, and not from a notification over a shoulder. The second value says whether
/// there are more.
fn decisive(check: &Check) -> (Vec<String>, bool) {
    let said = |name: &&str| {
        let value = in_short(check.args.get(*name)?, check.cwd.as_deref())?;
        Some(format!("{name} {value}"))
    };
    let named: Vec<String> = DECISIVE.iter().filter_map(said).take(2).collect();
    let more = check.args.len() > named.len();
    (named, more)
}

/// A single value on one line. A path below the folder of the call is named from there.
fn in_short(value: &Value, cwd: Option<&str>) -> Option<String> {
    const MOST: usize = 60;
    match value {
        Value::String(text) => {
            let below = cwd.and_then(|cwd| text.strip_prefix(cwd)?.strip_prefix('/'));
            let text = below.filter(|below| !below.is_empty()).unwrap_or(text);
            let line = without_secrets(text.lines().next().unwrap_or_default());
            let is_cut = line.len() < text.len() && line.chars().count() <= MOST;
            let more = if is_cut { "…" } else { "" };
            Some(format!("“{}{more}”", clipped(&line, MOST)))
        }
        Value::Number(number) => Some(clipped(&number.to_string(), MOST)),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// An address without its password, and without what is asked there, where tokens are.
fn without_secrets(line: &str) -> String {
    let Some((scheme, rest)) = line.split_once("://") else { return line.to_owned() };
    let place = rest.split(['?', '#']).next().unwrap_or_default();
    let (host, path) = place.split_at(place.find('/').unwrap_or(place.len()));
    let host = host.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{path}")
}

fn command(check: &Check) -> Option<String> {
    let value = is_shell(&check.tool)
        .then(|| check.args.get("command").or_else(|| check.args.get("cmd")))
        .flatten()?;
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(words) => {
            Some(words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

fn summary(agent: &str, task: &Task, check: &Check, headlines: &[&str], why: &str) -> String {
    let title = clipped(&task.title, 120);
    let tool = clipped(&check.tool, 100);
    let mut words = format!("{agent} works on “{title}” and asks before it calls {tool}. {why}");
    for headline in headlines {
        words.push(' ');
        words.push_str(headline);
    }
    if check.editable == Some(false) {
        words.push_str(" Its arguments cannot be edited: the way it asks takes no others back.");
    }
    words
}

fn detail(held: Held, headlines: &[&str], why: &str) -> String {
    match held {
        Held::Trigger => headlines.join(" "),
        Held::Level => "At its level this agent asks before every change.".to_owned(),
        Held::Irreversible | Held::Stopped(_) | Held::Waits => why.to_owned(),
    }
}

fn risk(effect: Effect, unknown: bool) -> RiskLevel {
    match effect {
        Effect::Irreversible => RiskLevel::High,
        _ if unknown => RiskLevel::High,
        Effect::Reversible => RiskLevel::Medium,
        Effect::Read => RiskLevel::Low,
    }
}

fn entities(check: &Check) -> Vec<Value> {
    const NAMED: usize = 30;
    let folder = check.cwd.iter().map(|cwd| ("Folder", cwd));
    let files = check.files.iter().take(NAMED).map(|file| ("File", file));
    folder
        .chain(files)
        .map(|(label, value)| json!({ "kind": "file", "label": label, "value": value }))
        .collect()
}

/// The latest calls as actions, how many are left out, and how many are not there as
/// they were.
fn recent(calls: &[Call], in_plan: &dyn Fn(&str) -> bool) -> (Vec<Action>, usize, usize) {
    let mut actions: Vec<Action> = Vec::new();
    let (mut bytes, mut changed) = (0, 0);
    for call in calls.iter().rev().take(CALLS) {
        let action = Action {
            id: call.id.clone(),
            step: call.step.clone().filter(|step| in_plan(step)),
            tool: call.tool.clone(),
            input: Some(call.args.clone()).filter(|args| !args.is_null()),
            output: call.output.clone(),
            reasoning: None,
            confidence: None,
            effect: call.effect,
            status: call.status,
            started_at: None,
            ended_at: Some(call.at),
            depends_on: Vec::new(),
            facts: call.facts.clone(),
            undo: None,
            files: Vec::new(),
            handoff: None,
        };
        let (action, as_it_was) = carried(action);
        bytes += serde_json::to_string(&action).map_or(CALLS_BYTES, |text| text.len());
        if bytes > CALLS_BYTES {
            break;
        }
        actions.push(action);
        changed += usize::from(!as_it_was);
    }
    actions.reverse();
    let left_out = calls.len() - actions.len();
    (actions, left_out, changed)
}

/// The schema of the tool's arguments, if these fit it: where they do not, the
/// trigger says so, and the card must open all the same.
fn fitting_schema(known: &Known, check: &Check) -> Option<Value> {
    let tool: Value = serde_json::from_str(&known.tool.as_ref()?.definition).ok()?;
    let schema = tool.get("args_schema")?.clone();
    args_faults(Some(&schema), &check.args).is_empty().then_some(schema)
}

pub fn clipped(text: &str, characters: usize) -> String {
    let mut clipped: String = text.chars().take(characters).collect();
    if clipped.len() < text.len() {
        clipped.push('…');
    }
    clipped
}

#[cfg(test)]
mod tests {
    use handoff_protocol::wire::Check;
    use serde_json::{Value, json};

    use super::asks;

    fn asked(tool: &str, args: &Value) -> String {
        let check: Check = serde_json::from_value(
            json!({ "task": "t", "tool": tool, "args": args, "key": "k", "cwd": "/home/me/shop" }),
        )
        .expect("a check");
        asks(&check)
    }

    #[test]
    fn a_question_names_the_tool_and_what_tells_this_call_from_others() {
        for (tool, args, question) in [
            (
                "Edit",
                json!({ "new": "fetch", "old": "load", "path": "/home/me/shop/api/user.py" }),
                "May it call Edit (path “api/user.py”, …)?",
            ),
            (
                "crm.set_credit",
                json!({ "account": "D-2201", "amount": 194.0 }),
                "May it call crm.set_credit (account “D-2201”, amount 194.0)?",
            ),
            (
                "files.move",
                json!({ "to": "Pictures/a.png", "from": "a.png" }),
                "May it call files.move (from “a.png”, to “Pictures/a.png”)?",
            ),
            (
                "files.trash",
                json!({ "paths": ["a"] }),
                "May it call files.trash with these arguments?",
            ),
            ("bash", json!({ "command": "rm -r build" }), "May it run “rm -r build”?"),
        ] {
            assert_eq!(asked(tool, &args), question);
        }
    }

    #[test]
    fn what_is_cut_is_cut_openly_and_a_secret_is_not_told() {
        let long = format!("{}\nsecond line", "x".repeat(70));
        let args = json!({ "name": long, "body": "one\ntwo", "file": "one\ntwo", "size": 3 });
        let question = asked("notes.write", &args);
        let cut = "x".repeat(60);
        assert_eq!(question, format!("May it call notes.write (file “one…”, name “{cut}…”, …)?"));
        for (args, named) in [
            (json!({ "password": "hunter2", "name": "mail" }), "(name “mail”, …)"),
            (json!({ "name": "STRIPE_KEY", "value": "sk_live_1" }), "(name “STRIPE_KEY”, …)"),
            (json!({ "file_path": ".env", "content": "PW=1" }), "(file_path “.env”, …)"),
            (
                json!({ "url": "https://me:pw@host.example/a?token=1#x", "api-key": "k" }),
                "(url “https://host.example/a…”, …)",
            ),
            (json!({ "sql": "SET PASSWORD 'x'" }), "with these arguments"),
        ] {
            assert_eq!(asked("vault.put", &args), format!("May it call vault.put {named}?"));
        }
    }
}
