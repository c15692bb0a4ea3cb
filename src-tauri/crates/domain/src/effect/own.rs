//! The desk's own tools, as `handoff mcp` offers them under the name that its
//! manual gives the server: a client's hook sees them like any others.
//!
//! They change nothing but what the desk keeps, and whatever they lead to is
//! asked for by itself. To ask whether a question may be asked would be one too
//! many. `approve` is not among them: it is for the client, and not for a model.

use super::tools::Shape;

pub(super) const READ: &[Shape] = &[
    Shape {
        names: &["mcp__handoff__handoff"],
        must: &["question", "summary"],
        may: &[
            "options",
            "actions_taken",
            "deadline_s",
            "on_timeout",
            "default_option",
            "title",
            "goal",
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
            "task_id",
            "key",
            "meta",
            "wait_s",
        ],
    },
    Shape { names: &["mcp__handoff__handoff_wait"], must: &["handoff_id"], may: &["wait_s"] },
    Shape {
        names: &["mcp__handoff__handoff_check"],
        must: &["tool", "args"],
        may: &["effect", "reasoning", "undo", "files", "cwd", "step", "task_id", "key", "wait_s"],
    },
    Shape {
        names: &["mcp__handoff__handoff_record"],
        must: &["tool", "args", "effect"],
        may: &[
            "output",
            "status",
            "handoff_id",
            "step",
            "facts",
            "undo",
            "files",
            "depends_on",
            "action_id",
            "cwd",
            "task_id",
        ],
    },
    Shape {
        names: &["mcp__handoff__handoff_reconcile"],
        must: &["handoff_id", "outcome"],
        may: &["why", "steps", "unmet"],
    },
    Shape { names: &["mcp__handoff__handoff_withdraw"], must: &["handoff_id"], may: &["reason"] },
    Shape {
        names: &["mcp__handoff__handoff_next"],
        must: &[],
        may: &["wait_s", "task_id", "undo", "outcome", "why"],
    },
];
