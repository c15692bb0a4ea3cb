//! Handoffs for tests.

use serde_json::{Value, json};

/// A small decision of low risk: one file is to be renamed, or left alone. The
/// desk itself can read that it is one.
pub fn rename(key: &str) -> Value {
    json!({
        "version": "1",
        "key": key,
        "task": {"id": format!("task-{key}"), "title": "Tidy the notes", "goal": "Clear names"},
        "reason": {"code": "ambiguous_request"},
        "priority": "normal",
        "summary": format!("The file draft-{key}.txt has a name that says nothing."),
        "pending_question": {"text": format!("May I rename draft-{key}.txt?")},
        "deadline": {"respond_within_s": 86_400, "on_timeout": {"kind": "manual_review"}},
        "options": [
            {
                "id": "rename",
                "label": format!("Rename draft-{key}.txt"),
                "pros": ["The name says what is in it"],
                "cons": ["Links to the old name break"],
                "risk": {"level": "low", "effect": "reversible", "why": "It can be renamed back"},
                "recommended": true,
                "action": {
                    "tool": "bash",
                    "args": {"command": format!("mv -n draft-{key}.txt notes.txt"), "timeout": 1},
                    "args_schema": {
                        "type": "object",
                        "required": ["command"],
                        "properties": {
                            "command": {"type": "string"},
                            "timeout": {"type": "integer"},
                        },
                    },
                    "undo": {
                        "kind": "tool",
                        "tool": "bash",
                        "args": {"command": format!("mv -n notes.txt draft-{key}.txt")},
                    },
                },
            },
            {
                "id": "leave",
                "label": "Leave it",
                "risk": {"level": "low", "effect": "read", "why": "Nothing changes"},
            },
        ],
        "briefing": {
            "intent": "Find the notes again",
            "entities": [{"kind": "file", "label": "Draft", "value": format!("draft-{key}.txt")}],
            "constraints": [{"text": "At most a second", "expr": "!has(args.timeout) || args.timeout == 1"}],
        },
        "actions_taken": [{
            "id": "list",
            "tool": "files.list",
            "input": {"folder": "notes"},
            "output": {"files": 1},
            "effect": "read",
            "status": "done",
        }],
    })
}

/// The same with an action that cannot be taken back.
pub fn delete(key: &str) -> Value {
    let mut payload = rename(key);
    payload["priority"] = json!("high");
    payload["pending_question"] =
        json!({"text": format!("May I delete draft-{key}.txt for good?")});
    payload["options"][0] = json!({
        "id": "delete",
        "label": format!("Delete draft-{key}.txt"),
        "risk": {"level": "high", "effect": "irreversible", "why": "There is no copy"},
        "recommended": true,
        "action": {
            "tool": "files.delete",
            "args": {"path": format!("draft-{key}.txt")},
        },
    });
    payload
}

/// A question of a plan that is half done: what is to be refunded was found, a
/// letter was written on that, which can be taken back, and a message was sent.
pub fn refund(key: &str) -> Value {
    let action = |id: &str, tool: &str, effect: &str| {
        json!({ "id": id, "step": id, "tool": tool, "input": { "case": key }, "effect": effect,
                "status": "done" })
    };
    let mut find = action("find", "billing.list", "read");
    find["output"] = json!({ "captured": 149.0 });
    find["facts"] = json!({ "email": "dana@example.com" });
    let mut letter = action("letter", "mail.draft", "reversible");
    letter["undo"] = json!({ "kind": "tool", "tool": "mail.discard", "args": { "case": key } });
    let step = |id: &str, title: &str, status: &str, uses: &[&str]| json!({ "id": id, "title": title, "status": status, "uses": uses, "depends_on": [] });
    let mut found = step("find", "Find the charges", "done", &[]);
    found["output"] = json!({ "captured": 149.0 });
    let mut notify = step("notify", "Write to the customer", "pending", &[]);
    notify["depends_on"] = json!(["refund"]);
    json!({
        "version": "1",
        "key": key,
        "task": { "id": format!("case-{key}"), "title": "A double charge", "goal": "Settle it" },
        "reason": { "code": "approval_required" },
        "priority": "normal",
        "summary": "A customer was charged twice. One of the charges is to be paid back.",
        "pending_question": { "text": format!("May I refund case {key}?"), "step": "refund" },
        "deadline": { "respond_within_s": 86_400, "on_timeout": { "kind": "manual_review" } },
        "options": [{
            "id": "refund",
            "label": "Refund the second charge",
            "risk": { "level": "high", "effect": "irreversible", "why": "Paid is paid" },
            "recommended": true,
            "action": { "tool": "billing.refund", "args": { "charge": "ch_2", "amount": 149.0 } },
        }],
        "actions_taken": [
            find,
            action("tag", "crm.tag", "reversible"),
            letter,
            action("sms", "sms.send", "irreversible"),
        ],
        "plan": { "steps": [
            found,
            step("tag", "Tag the case", "done", &[]),
            step("letter", "Draft a letter", "done", &["facts.email"]),
            step("sms", "Announce the letter", "done", &["facts.email"]),
            step("refund", "Refund the charge", "pending", &["steps.find.output.captured"]),
            notify,
        ]},
    })
}
