//! Handoffs for tests.

use serde_json::{Value, json};

/// A small decision of low risk: one file is to be renamed, or left alone.
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
                    "tool": "files.rename",
                    "args": {"from": format!("draft-{key}.txt"), "to": "notes.txt", "count": 1},
                    "args_schema": {
                        "type": "object",
                        "required": ["from", "to"],
                        "properties": {
                            "from": {"type": "string"},
                            "to": {"type": "string"},
                            "count": {"type": "integer"},
                        },
                    },
                    "undo": {
                        "kind": "tool",
                        "tool": "files.rename",
                        "args": {"from": "notes.txt", "to": format!("draft-{key}.txt")},
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
            "constraints": [{"text": "Only one file", "expr": "args.count == 1"}],
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
            "args": {"path": format!("draft-{key}.txt"), "count": 1},
        },
    });
    payload
}
