//! The dialect of Claude Code.

use serde_json::{Value, json};

use crate::event::{Form, Names, Verdict};

/// What it calls its events.
pub(crate) const NAMES: Names = Names {
    before: "PreToolUse",
    permission: Some("PermissionRequest"),
    reason: None,
    done: "PostToolUse",
    failed: Some("PostToolUseFailure"),
    stopped: "Stop",
    begun: "UserPromptSubmit",
    ended: "SessionEnd",
};

/// The verdict as it obeys it.
pub(crate) fn says(form: &Form, verdict: &Verdict) -> Value {
    if form.is_permission {
        let decision = match verdict {
            Verdict::Run(_) => json!({ "behavior": "allow" }),
            Verdict::Edited(args, _) => json!({ "behavior": "allow", "updatedInput": args }),
            Verdict::Deny(why) => json!({ "behavior": "deny", "message": why }),
        };
        return json!({ "hookSpecificOutput": {
            "hookEventName": "PermissionRequest", "decision": decision,
        } });
    }
    let event = form.event.as_deref().unwrap_or(NAMES.before);
    let (decision, why) = match verdict {
        Verdict::Run(why) | Verdict::Edited(_, why) => ("allow", why),
        Verdict::Deny(why) => ("deny", why),
    };
    let mut said = json!({
        "hookEventName": event, "permissionDecision": decision, "permissionDecisionReason": why,
    });
    if let Verdict::Edited(args, _) = verdict {
        said["updatedInput"] = json!(args);
    }
    json!({ "hookSpecificOutput": said })
}
