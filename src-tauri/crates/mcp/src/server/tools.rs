//! The tools as a model sees them: names, descriptions, schemas, annotations.
//!
//! A description says when to call, what comes back, and what to call next: a
//! model reads nothing else.

use serde_json::{Value, json};

use super::LONGEST_WAIT;

/// Hands a case to the reviewer.
pub const HANDOFF: &str = "handoff";
/// Waits for the decision.
pub const WAIT: &str = "handoff_wait";
/// Asks before a call.
pub const CHECK: &str = "handoff_check";
/// Tells of a call.
pub const RECORD: &str = "handoff_record";
/// Reports on a decision.
pub const RECONCILE: &str = "handoff_reconcile";
/// Takes a handoff back.
pub const WITHDRAW: &str = "handoff_withdraw";
/// What the reviewer says unasked.
pub const NEXT: &str = "handoff_next";
/// Claude Code's question whether a tool may run.
pub const APPROVE: &str = "approve";

/// Whether there is such a tool.
pub fn is_known(name: &str) -> bool {
    [HANDOFF, WAIT, CHECK, RECORD, RECONCILE, WITHDRAW, NEXT, APPROVE].contains(&name)
}

/// All of them.
pub fn list() -> Value {
    json!([handoff(), wait(), check(), record(), reconcile(), withdraw(), next(), approve(),])
}

fn tool(name: &str, title: &str, does: &str, schema: Value, reads: bool, again: bool) -> Value {
    json!({
        "name": name,
        "title": title,
        "description": does,
        "inputSchema": schema,
        "annotations": {
            "title": title,
            "readOnlyHint": reads,
            "destructiveHint": false,
            "idempotentHint": again,
            "openWorldHint": false,
        },
    })
}

fn object(properties: Value, required: &[&str]) -> Value {
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn text(about: &str) -> Value {
    json!({ "type": "string", "description": about })
}

fn texts(about: &str) -> Value {
    json!({ "type": "array", "items": { "type": "string" }, "description": about })
}

fn one_of(values: &[&str], about: &str) -> Value {
    json!({ "type": "string", "enum": values, "description": about })
}

fn any_object(about: &str) -> Value {
    json!({ "type": "object", "description": about })
}

fn wait_s() -> Value {
    let longest = LONGEST_WAIT.as_secs();
    json!({
        "type": "integer", "minimum": 0, "maximum": longest,
        "description": format!("Seconds to wait for the answer; {longest} if not given."),
    })
}

fn effect() -> Value {
    one_of(
        &["read", "reversible", "irreversible"],
        "What it does to the world. If you are not sure that it can be undone: irreversible.",
    )
}

fn undo() -> Value {
    any_object(
        "How it can be taken back: {\"kind\": \"tool\", \"tool\", \"args\"}, or {\"kind\": \
         \"command\", \"argv\", \"cwd\", \"timeout_s\"}, or {\"kind\": \"files\"}.",
    )
}

fn handoff() -> Value {
    let option = object(
        json!({
            "label": text("What choosing it does, in a few words; it names the button."),
            "effect": effect(),
            "why": text("What could go wrong."),
            "risk": one_of(&["low", "medium", "high"], "How bad that would be."),
            "tool": text("The tool you will call if it is chosen; leave out if none."),
            "args": any_object("The complete arguments of that call. The person may edit them."),
            "args_schema": any_object("JSON Schema that edited arguments must satisfy."),
            "recommended": { "type": "boolean", "description": "Your own choice; one at most." },
            "description": text("The same at more length."),
            "pros": texts("What speaks for it."),
            "cons": texts("What speaks against it."),
            "undo": undo(),
            "files": texts("Files that it will change."),
            "preconditions": { "type": "array", "items": { "type": "object" },
                "description": "Reads whose results must still hold: {tool, args, expect}." },
            "id": text("A short id; made up if not given."),
        }),
        &["label", "effect"],
    );
    let action = object(
        json!({
            "tool": text("The tool that was called."),
            "what": text("Why, in a few words."),
            "effect": effect(),
            "input": { "description": "What it was given." },
            "output": { "description": "What it answered; shorten what is long." },
            "status": one_of(&["done", "failed", "running", "undone"], "done if not given."),
            "step": text("The step of the plan."),
            "facts": any_object("Named values that it found."),
            "undo": undo(),
            "files": texts("Files that it changed."),
            "depends_on": texts("Ids of actions whose results it used."),
            "id": text("A short id; made up if not given."),
        }),
        &["tool", "effect"],
    );
    let schema = object(
        json!({
            "question": text("The one question that the person must answer."),
            "summary": text("Two or three sentences for somebody who knows nothing of it: what \
                             you do, what you found, why you stop."),
            "options": { "type": "array", "items": option,
                "description": "The answers you prepared, with the exact call each leads to. \
                                Leave out if you only need to be told something." },
            "actions_taken": { "type": "array", "items": action,
                "description": "What you have done so far that matters here." },
            "deadline_s": { "type": "integer", "minimum": 1,
                "description": "Seconds within which an answer is of use; as the person has set it, if not \
                                given." },
            "on_timeout": one_of(&["escalate", "manual_review", "safe_default"],
                "What happens without an answer; as the person has set it, if not given. \
                 Silence is never a yes."),
            "default_option": text("The option for safe_default; must not be irreversible."),
            "title": text("What the work is, in a line."),
            "goal": text("What the work is to achieve."),
            "reason": one_of(&["approval_required", "ambiguous_request", "missing_information",
                "conflicting_evidence", "policy", "loop_detected", "scope_exceeded",
                "chain_too_long", "context_churn", "repeated_error", "failure", "other"],
                "Why you stop."),
            "reason_detail": text("The same in words."),
            "priority": one_of(&["low", "normal", "high", "urgent"], "normal if not given."),
            "intent": text("What the user wants, in their own terms."),
            "entities": { "type": "array", "items": { "type": "object" },
                "description": "People, amounts, files and so on: {kind, label, value}." },
            "constraints": texts("What must hold whatever is decided."),
            "not_included": texts("What you know of and did not hand over."),
            "conversation": any_object("The last messages with the end user."),
            "plan": any_object("{\"steps\": [{id, title, status, depends_on}]}."),
            "step": text("The step of the plan that waits."),
            "allowed_decisions": texts("Which of approve, modify, inform you can act on."),
            "task_id": text("The work it belongs to; this session's if not given."),
            "key": text("Another key asks the same anew; without one, the same content is the \
                         same handoff."),
            "meta": any_object("Anything else, kept as it is."),
            "wait_s": wait_s(),
        }),
        &["question", "summary"],
    );
    tool(
        HANDOFF,
        "Hand off to a person",
        "Hand a case to the person who supervises you: when you need an approval, when what you \
         were asked is ambiguous, when something is missing, when sources contradict each other, \
         or when you are stuck. It is stored safely before this answers. The answer is `decided` \
         with the decision and what to do next, or `pending` with a handoff_id: then call \
         handoff_wait, or stop and tell the id. Never go on as if it were a yes. Calling it again \
         with the same content gives the same handoff.",
        schema,
        false,
        true,
    )
}

fn wait() -> Value {
    tool(
        WAIT,
        "Wait for the decision",
        "Wait up to 42 seconds for the decision on a handoff. `pending`: call it again, or stop \
         and tell the id. `decided`: act only if `act` is true, with exactly decision.args, and \
         then call handoff_reconcile. `closed`: there will be no decision.",
        object(
            json!({
                "handoff_id": text("The id that handoff or handoff_check gave."),
                "wait_s": wait_s(),
            }),
            &["handoff_id"],
        ),
        false,
        true,
    )
}

fn check() -> Value {
    tool(
        CHECK,
        "Ask before a call",
        "Ask whether you may make a tool call, before you make it. `run`: make it now, once, with \
         exactly `args` (the person may have edited them), then call handoff_record. `held`: do \
         not make it; ask again with the same input to go on waiting. `denied`: do not \
         make it. Without an answer, do not make it.",
        object(
            json!({
                "tool": text("The tool's name."),
                "args": any_object("Its complete arguments."),
                "effect": effect(),
                "reasoning": text("Why you want it, for the person."),
                "undo": undo(),
                "files": texts("Files that it would change; the desk keeps copies of them."),
                "cwd": text("The folder it would run in."),
                "step": text("The step of the plan it belongs to."),
                "task_id": text("The work it belongs to; this session's if not given."),
                "key": text("Only for an undo: the key that handoff_next gave with it."),
                "wait_s": wait_s(),
            }),
            &["tool", "args"],
        ),
        false,
        false,
    )
}

fn record() -> Value {
    tool(
        RECORD,
        "Tell what was done",
        "Tell the desk what a tool call did, right after it, with the same tool and args that \
         were checked. It closes the handoff that it carries out. If the answer has `diverged`, \
         something else was done than was decided: stop and tell the user.",
        object(
            json!({
                "tool": text("The tool's name."),
                "args": any_object("What it was given."),
                "output": { "description": "What it answered; shorten what is long." },
                "effect": effect(),
                "status": one_of(&["done", "failed", "running", "undone"], "done if not given."),
                "handoff_id": text("The handoff that it carries out."),
                "step": text("The step of the plan it belongs to."),
                "facts": any_object("Named values that it found."),
                "undo": undo(),
                "files": texts("Files that it changed."),
                "depends_on": texts("Ids of actions whose results it used."),
                "action_id": text("An id within the work; made up if not given."),
                "cwd": text("The folder it ran in."),
                "task_id": text("The work it belongs to; this session's if not given."),
            }),
            &["tool", "args", "effect"],
        ),
        false,
        true,
    )
}

fn reconcile() -> Value {
    tool(
        RECONCILE,
        "Report on a decision",
        "Report what you did with a decision; every decision needs one report. `applied`: you did \
         exactly what was decided, or left it out if that was decided. `diverged`: you did \
         something else, or could not; say why. If a precondition did not hold, do nothing and \
         report it in `unmet`, with `diverged`: the person is asked again, so wait again.",
        object(
            json!({
                "handoff_id": text("The handoff."),
                "outcome": one_of(&["applied", "diverged"], "In one word."),
                "why": text("Why, if it diverged."),
                "steps": { "type": "array", "items": { "type": "object" },
                    "description": "Step by step: {id, outcome, why}." },
                "unmet": { "type": "array", "items": { "type": "object" },
                    "description": "The preconditions that do not hold any more, each with what \
                     you found: {tool, args, found}. Then do nothing and report `diverged`: the \
                     person is asked again." },
            }),
            &["handoff_id", "outcome"],
        ),
        false,
        true,
    )
}

fn withdraw() -> Value {
    tool(
        WITHDRAW,
        "Take a handoff back",
        "Take back a handoff that is not decided yet and that you no longer need.",
        object(
            json!({
                "handoff_id": text("The handoff."),
                "reason": text("Why, for the person."),
            }),
            &["handoff_id"],
        ),
        false,
        true,
    )
}

fn next() -> Value {
    tool(
        NEXT,
        "What the person says",
        "What the person has said without being asked: pause, go on, taken over, given back, \
         another plan, a message, an action to take back. Call it between steps, and when \
         handoff_check says that something is pending for you. What was told is not told again: \
         follow it. An `undo` is told until it is done: ask handoff_check with its tool, args, \
         key and task_id, make the call if the answer is `run`, and record it; or say with \
         `undo` and `outcome` what came of it.",
        object(
            json!({
                "wait_s": wait_s(),
                "task_id": text("Only what concerns this work."),
                "undo": text("The id of an item of kind undo or undo_yourself, to say what came \
                              of it."),
                "outcome": one_of(&["undone", "failed"], "What came of it."),
                "why": text("Why it failed."),
            }),
            &[],
        ),
        false,
        false,
    )
}

fn approve() -> Value {
    tool(
        APPROVE,
        "May this tool run?",
        "For Claude Code's --permission-prompt-tool, not for you: whether a tool may run.",
        json!({
            "type": "object",
            "properties": {
                "tool_name": text("The tool."),
                "input": any_object("Its input."),
                "tool_use_id": text("Names the call."),
            },
            "required": ["tool_name", "input"],
        }),
        false,
        false,
    )
}

#[cfg(test)]
mod tests {
    use handoff_domain::effect::{Class, read};
    use serde_json::Map;

    use super::*;

    /// A hook in the same client sees these tools: it must not ask a person
    /// whether a person may be asked.
    #[test]
    fn what_a_hook_reads_of_them_is_what_they_take() {
        let all = list();
        for tool in all.as_array().expect("a list") {
            let name = tool["name"].as_str().expect("a name");
            let schema = &tool["inputSchema"];
            let required = schema["required"].as_array().expect("a list");
            let full: Map<String, Value> = schema["properties"]
                .as_object()
                .expect("an object")
                .keys()
                .map(|field| (field.clone(), json!("x")))
                .collect();
            let least: Map<String, Value> = full
                .iter()
                .filter(|(field, _)| required.contains(&json!(field)))
                .map(|(field, value)| (field.clone(), value.clone()))
                .collect();
            for args in [full, least] {
                let found = read(&format!("mcp__handoff__{name}"), &args, None).class;
                assert_eq!(found == Class::Read, name != APPROVE, "{name} {args:?}");
            }
        }
    }
}
