//! From what a model writes to a whole handoff, and from its faults back to
//! what the model wrote.
//!
//! It puts values where they belong and fills in what can be said without the
//! model. It checks nothing but names: what is wrong the desk's own validator
//! finds, all of it at once.

use handoff_domain::decision::fingerprint;
use handoff_domain::payload::LeftOpen;
use handoff_domain::validate::Fault;
use serde_json::{Map, Value, json};

use super::input;

/// What `handoff` takes.
pub const FIELDS: [&str; 24] = [
    "question",
    "summary",
    "options",
    "actions_taken",
    "deadline_s",
    "on_timeout",
    "default_option",
    "title",
    "goal",
    "task_id",
    "reason",
    "reason_detail",
    "priority",
    "intent",
    "entities",
    "constraints",
    "not_included",
    "conversation",
    "plan",
    "step",
    "allowed_decisions",
    "key",
    "meta",
    "wait_s",
];

/// What an option takes.
pub const OPTION: [&str; 15] = [
    "id",
    "label",
    "description",
    "pros",
    "cons",
    "risk",
    "effect",
    "why",
    "tool",
    "args",
    "args_schema",
    "undo",
    "files",
    "preconditions",
    "recommended",
];

/// What an action that was taken takes.
pub const ACTION: [&str; 12] = [
    "id",
    "tool",
    "what",
    "input",
    "output",
    "effect",
    "status",
    "step",
    "facts",
    "undo",
    "files",
    "depends_on",
];

/// What stands for a deadline that the model does not name: the desk puts the
/// reviewer's own in its place.
const DEADLINE_S: u32 = 3600;

/// The work that a handoff belongs to where the model does not say.
pub struct Session<'s> {
    /// Its id.
    pub task: &'s str,
    /// What names this run of the server.
    pub run: &'s str,
    /// Who does it.
    pub agent: &'s str,
}

/// The payload, or the names that are not known.
pub fn payload(args: &Map<String, Value>, session: &Session<'_>) -> Result<Value, Vec<Fault>> {
    let mut faults = Vec::new();
    input::unknown(args, &FIELDS, "", &mut faults);
    for (list, known) in [("options", &OPTION[..]), ("actions_taken", &ACTION[..])] {
        for (number, item) in items(args, list).iter().enumerate() {
            if let Value::Object(item) = item {
                input::unknown(item, known, &format!("/{list}/{number}"), &mut faults);
            }
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let has_options = args.contains_key("options");
    let reason = if has_options { "approval_required" } else { "missing_information" };
    let title = format!("Work of {}", session.agent);
    let mut payload = json!({
        "version": "1",
        "task": {
            "id": given(args, "task_id", json!(session.task)),
            "title": given(args, "title", json!(title)),
            "goal": given(args, "goal", given(args, "title", json!(title))),
        },
        "reason": { "code": given(args, "reason", json!(reason)) },
        "priority": given(args, "priority", json!("normal")),
        "summary": given(args, "summary", Value::Null),
        "pending_question": { "text": given(args, "question", Value::Null) },
        "deadline": {
            "respond_within_s": given(args, "deadline_s", json!(DEADLINE_S)),
            "on_timeout": { "kind": given(args, "on_timeout", json!("escalate")) },
        },
    });
    // What is missing is to be missed, not to be null.
    for (object, name) in [("", "summary"), ("pending_question", "text")] {
        let place = if object.is_empty() { &mut payload } else { &mut payload[object] };
        if let Value::Object(place) = place
            && place.get(name) == Some(&Value::Null)
        {
            place.remove(name);
        }
    }
    put(args, "reason_detail", &mut payload["reason"], "detail");
    put(args, "step", &mut payload["pending_question"], "step");
    put(args, "default_option", &mut payload["deadline"]["on_timeout"], "option");
    for name in ["plan", "conversation", "allowed_decisions", "meta"] {
        put(args, name, &mut payload, name);
    }
    let mut briefing = json!({});
    for name in ["intent", "entities", "not_included"] {
        put(args, name, &mut briefing, name);
    }
    if let Some(constraints) = args.get("constraints") {
        briefing["constraints"] =
            each(
                constraints,
                |_, one| if one.is_string() { json!({ "text": one }) } else { one.clone() },
            );
    }
    if briefing != json!({}) {
        payload["briefing"] = briefing;
    }
    if let Some(options) = args.get("options") {
        payload["options"] = numbered(options, option);
    } else if !args.contains_key("allowed_decisions") {
        payload["allowed_decisions"] = json!(["inform"]);
    }
    if let Some(actions) = args.get("actions_taken") {
        payload["actions_taken"] = numbered(actions, action);
    }
    // The same again, as after a lost answer, is the same handoff; another day of
    // the same session asks anew.
    let key = format!("mcp:{}", &fingerprint(&json!([session.run, payload]))[..32]);
    payload["key"] = given(args, "key", json!(key));
    Ok(payload)
}

/// The parts of the deadline that the model does not name.
pub fn left_open(args: &Map<String, Value>) -> Vec<LeftOpen> {
    let names = |name: &str| args.contains_key(name);
    let time = (!names("deadline_s")).then_some(LeftOpen::RespondWithinS);
    let outcome = (!names("on_timeout")).then_some(LeftOpen::OnTimeout);
    time.into_iter().chain(outcome).collect()
}

/// Where the model finds what a fault of the payload is about.
pub fn place(pointer: &str) -> String {
    const PLACES: [(&str, &str); 14] = [
        ("/pending_question/text", "/question"),
        ("/pending_question/step", "/step"),
        ("/pending_question", "/question"),
        ("/task/id", "/task_id"),
        ("/task/title", "/title"),
        ("/task/goal", "/goal"),
        ("/reason/code", "/reason"),
        ("/reason/detail", "/reason_detail"),
        ("/deadline/respond_within_s", "/deadline_s"),
        ("/deadline/on_timeout/kind", "/on_timeout"),
        ("/deadline/on_timeout/option", "/default_option"),
        ("/deadline/on_timeout", "/default_option"),
        ("/deadline", "/deadline_s"),
        ("/briefing", ""),
    ];
    let within = |from: &str| {
        let rest = pointer.strip_prefix(from)?;
        (rest.is_empty() || rest.starts_with('/')).then_some(rest)
    };
    for (from, to) in PLACES {
        if let Some(rest) = within(from) {
            return format!("{to}{rest}");
        }
    }
    let parts: Vec<&str> = pointer.split('/').collect();
    match parts.as_slice() {
        ["", "options", number, "risk", "level"] => format!("/options/{number}/risk"),
        ["", "options", number, "risk" | "action"] => format!("/options/{number}"),
        ["", "options", number, "risk" | "action", rest @ ..] => {
            format!("/options/{number}/{}", rest.join("/"))
        }
        ["", "actions_taken", number, "reasoning"] => format!("/actions_taken/{number}/what"),
        _ => pointer.to_owned(),
    }
}

fn option(number: usize, given_option: &Map<String, Value>) -> Value {
    let effect = given_option.get("effect").cloned();
    let level = match effect.as_ref().and_then(Value::as_str) {
        Some("read") => "low",
        Some("reversible") => "medium",
        _ => "high",
    };
    let mut option = json!({
        "id": given(given_option, "id", json!(format!("option-{number}"))),
        "risk": {
            "level": given(given_option, "risk", json!(level)),
            "why": given(given_option, "why", json!("The agent did not say what could go wrong.")),
        },
    });
    put(given_option, "effect", &mut option["risk"], "effect");
    for name in ["label", "description", "pros", "cons", "preconditions", "recommended"] {
        put(given_option, name, &mut option, name);
    }
    let calls = ["tool", "args", "args_schema", "undo", "files"];
    if calls.iter().any(|name| given_option.contains_key(*name)) {
        let mut action = json!({ "args": {} });
        for name in calls {
            put(given_option, name, &mut action, name);
        }
        option["action"] = action;
    }
    option
}

fn action(number: usize, given_action: &Map<String, Value>) -> Value {
    let mut action = json!({
        "id": given(given_action, "id", json!(format!("before-{number}"))),
        "status": given(given_action, "status", json!("done")),
    });
    put(given_action, "what", &mut action, "reasoning");
    for name in
        ["tool", "input", "output", "effect", "step", "facts", "undo", "files", "depends_on"]
    {
        put(given_action, name, &mut action, name);
    }
    action
}

fn given(args: &Map<String, Value>, name: &str, otherwise: Value) -> Value {
    args.get(name).cloned().unwrap_or(otherwise)
}

fn put(args: &Map<String, Value>, name: &str, into: &mut Value, field: &str) {
    if let (Some(value), Value::Object(into)) = (args.get(name), into) {
        into.insert(field.to_owned(), value.clone());
    }
}

fn items<'a>(args: &'a Map<String, Value>, name: &str) -> &'a [Value] {
    args.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Each item of a list made anew; what is no list stays, for the validator.
fn each(list: &Value, make: impl Fn(usize, &Value) -> Value) -> Value {
    list.as_array().map_or_else(
        || list.clone(),
        |items| items.iter().enumerate().map(|(number, item)| make(number, item)).collect(),
    )
}

/// The same for objects, by number from 1.
fn numbered(list: &Value, make: fn(usize, &Map<String, Value>) -> Value) -> Value {
    each(list, |number, item| {
        item.as_object().map_or_else(|| item.clone(), |item| make(number + 1, item))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use handoff_domain::validate;

    const SESSION: Session<'_> = Session { task: "mcp-1", run: "mcp-1", agent: "claude-code" };

    fn args(value: Value) -> Map<String, Value> {
        value.as_object().cloned().expect("an object")
    }

    fn faults(value: Value) -> Vec<String> {
        let faults = match payload(&args(value), &SESSION) {
            Ok(payload) => validate::parse(&payload.to_string(), chrono::DateTime::UNIX_EPOCH)
                .err()
                .unwrap_or_default(),
            Err(faults) => faults,
        };
        faults.into_iter().map(|fault| place(&fault.pointer)).collect()
    }

    #[test]
    fn little_is_enough() {
        let asked = json!({ "question": "Which folder?", "summary": "Two could take it." });
        assert_eq!(faults(asked.clone()), Vec::<String>::new());
        let payload = payload(&args(asked), &SESSION).expect("a payload");
        assert_eq!(payload["allowed_decisions"], json!(["inform"]));
        assert_eq!(payload["reason"]["code"], json!("missing_information"));
        assert_eq!(payload["task"]["id"], json!("mcp-1"));
    }

    #[test]
    fn all_that_can_be_said_arrives() {
        let asked = json!({
            "question": "May I?", "summary": "It is full.", "title": "Tidy", "goal": "Room",
            "task_id": "t-1", "reason": "policy", "reason_detail": "It says so.",
            "priority": "high", "deadline_s": 60, "on_timeout": "safe_default",
            "default_option": "keep", "intent": "Room", "constraints": ["Keep photos"],
            "entities": [{ "kind": "file", "label": "Disk", "value": "/dev/sda" }],
            "not_included": ["The log"], "key": "k-1", "meta": { "a": 1 }, "wait_s": 3,
            "options": [
                { "id": "drop", "label": "Drop it", "effect": "irreversible", "why": "Gone.",
                  "tool": "fs.remove", "args": { "path": "x" }, "pros": ["Room"], "cons": ["Gone"] },
                { "id": "keep", "label": "Keep it", "effect": "read", "recommended": true },
            ],
            "actions_taken": [{ "tool": "df", "what": "Looked", "effect": "read", "output": "9%" }],
        });
        assert_eq!(faults(asked.clone()), Vec::<String>::new());
        let payload = payload(&args(asked), &SESSION).expect("a payload");
        assert_eq!(payload["options"][0]["risk"]["level"], json!("high"));
        assert_eq!(payload["options"][0]["action"]["args"], json!({ "path": "x" }));
        assert_eq!(payload["options"][1].get("action"), None);
        assert_eq!(payload["briefing"]["constraints"], json!([{ "text": "Keep photos" }]));
        assert_eq!(payload["actions_taken"][0]["reasoning"], json!("Looked"));
        assert_eq!(payload["key"], json!("k-1"));
    }

    #[test]
    fn every_fault_is_named_where_the_model_wrote_it() {
        let found = faults(json!({
            "question": 5, "deadline_s": "soon", "reason": "whim", "on_timeout": "yes",
            "options": [{ "label": "Go", "effect": "big", "tool": "x", "args": 3 }, "no"],
            "actions_taken": [{ "tool": "df" }], "constraints": "none",
        }));
        for place in [
            "/question",
            "/summary",
            "/deadline_s",
            "/reason",
            "/on_timeout",
            "/options/0/effect",
            "/options/0/args",
            "/options/1",
            "/actions_taken/0/effect",
            "/constraints",
        ] {
            assert!(found.iter().any(|one| one == place), "{place} in {found:?}");
        }
    }

    #[test]
    fn names_that_are_not_known_are_all_told() {
        let found = faults(json!({
            "questions": "?", "options": [{ "labl": "Go" }], "actions_taken": [{ "tol": "df" }],
        }));
        assert_eq!(found, ["/questions", "/options/0/labl", "/actions_taken/0/tol"]);
    }

    #[test]
    fn the_same_again_has_the_same_key_and_nothing_else_has() {
        let key = |asked: Value, run: &str| {
            let session = Session { task: "t", run, agent: "a" };
            payload(&args(asked), &session).expect("a payload")["key"].clone()
        };
        let asked = json!({ "question": "A?", "summary": "B." });
        assert_eq!(key(asked.clone(), "t"), key(asked.clone(), "t"));
        assert_ne!(key(asked.clone(), "t"), key(asked, "u"));
        let waited = json!({ "question": "A?", "summary": "B.", "wait_s": 3 });
        assert_eq!(key(waited, "t"), key(json!({ "question": "A?", "summary": "B." }), "t"));
    }
}
