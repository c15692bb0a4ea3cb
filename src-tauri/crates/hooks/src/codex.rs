//! The dialect of Codex. It takes no bare "allow" before a call: what may go on
//! is not spoken of, and its own sandbox and prompts stay.

use serde_json::{Value, json};

use crate::event::{Form, Names, Verdict};
use crate::words;

/// What it calls its events.
pub(crate) const NAMES: Names = Names {
    before: "PreToolUse",
    permission: Some("PermissionRequest"),
    reason: Some("description"),
    done: "PostToolUse",
    failed: None,
    stopped: "Stop",
    begun: "UserPromptSubmit",
    ended: "SessionEnd",
};

/// The verdict as it obeys it.
pub(crate) fn says(form: &Form, verdict: &Verdict) -> Value {
    if form.is_permission {
        let decision = match verdict {
            Verdict::Run(_) => json!({ "behavior": "allow" }),
            // It takes no other arguments here.
            Verdict::Edited(args, _) => {
                json!({ "behavior": "deny", "message": words::cannot_carry(args) })
            }
            Verdict::Deny(why) => json!({ "behavior": "deny", "message": why }),
        };
        return json!({ "hookSpecificOutput": {
            "hookEventName": "PermissionRequest", "decision": decision,
        } });
    }
    let event = form.event.as_deref().unwrap_or(NAMES.before);
    match verdict {
        Verdict::Run(_) => json!({}),
        Verdict::Edited(args, why) => json!({ "hookSpecificOutput": {
            "hookEventName": event, "permissionDecision": "allow",
            "permissionDecisionReason": why, "updatedInput": args,
        } }),
        Verdict::Deny(why) => json!({ "hookSpecificOutput": {
            "hookEventName": event, "permissionDecision": "deny",
            "permissionDecisionReason": why,
        } }),
    }
}
