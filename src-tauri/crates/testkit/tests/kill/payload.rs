//! The handoffs that are made.

use handoff_domain::decision::{Decision, DecisionKind};
use handoff_faultfs::Seed;
use serde_json::{Value, json};

/// Words that make a payload long.
const FILLER: &str = "What was looked at before this question was asked. ";

/// A new handoff under this key, or another proposal for it.
pub fn make(key: &str, seed: &mut Seed) -> Value {
    let on_timeout = match seed.below(5) {
        0 => json!({ "kind": "manual_review" }),
        1 => json!({ "kind": "safe_default", "option": "look" }),
        2 => json!({ "kind": "safe_default", "option": "move" }),
        _ => json!({ "kind": "escalate" }),
    };
    let within = [1, 1, 2, 3, 30, 600, 3600][seed.below(7)];
    let mut deadline = json!({ "respond_within_s": within, "on_timeout": on_timeout });
    // A grace of minutes would never be over while the desk is killed so often.
    deadline["grace_s"] = json!(seed.below(3));
    if seed.chance(50) {
        deadline["warn_before_s"] = json!(1);
    }
    let priority = ["low", "normal", "high", "urgent"][seed.below(4)];
    let length = if seed.chance(10) { 400 } else { 8 };
    let number = seed.below(1_000_000);
    json!({
        "version": "1",
        "key": key,
        "task": { "id": format!("task-{key}"), "title": "Tidy", "goal": "Tidy up" },
        "reason": { "code": "approval_required" },
        "priority": priority,
        "summary": format!("There are {number} files to be moved."),
        "pending_question": { "text": format!("May {number} files be moved?") },
        "options": [
            {
                "id": "move",
                "label": "Move them",
                "risk": { "level": "low", "effect": "reversible", "why": "They can be moved back" },
                "action": {
                    "tool": "bash",
                    "args": { "command": format!("mv heap heap-{number}") },
                    "undo": { "kind": "tool", "tool": "move_back", "args": { "count": number } }
                }
            },
            {
                "id": "remove",
                "label": "Remove them",
                "risk": { "level": "high", "effect": "irreversible", "why": "They are gone then" },
                "action": { "tool": "remove", "args": { "count": number } }
            },
            {
                "id": "look",
                "label": "Look first",
                "risk": { "level": "low", "effect": "read", "why": "It changes nothing" },
                "action": { "tool": "shell", "args": { "command": format!("ls {number}") } }
            }
        ],
        "deadline": deadline,
        "meta": { "filler": FILLER.repeat(seed.below(length)) }
    })
}

/// Whether carrying out this decision cannot be taken back: of arguments that
/// the reviewer has made up nobody knows what they do.
pub fn is_irreversible(decision: &Decision) -> bool {
    decision.kind == DecisionKind::Modify || decision.option.as_deref() == Some("remove")
}
