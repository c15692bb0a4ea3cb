//! The dialect of Gemini CLI. It lays edited arguments over those it has, so an
//! edit that leaves one out cannot be carried.

use serde_json::{Value, json};

use crate::event::{Form, Names, Verdict};

/// What it calls its events.
pub(crate) const NAMES: Names = Names {
    before: "BeforeTool",
    permission: None,
    reason: None,
    done: "AfterTool",
    failed: None,
    stopped: "AfterAgent",
    begun: "BeforeAgent",
    ended: "SessionEnd",
};

/// The verdict as it obeys it.
pub(crate) fn says(form: &Form, verdict: &Verdict) -> Value {
    let event = form.event.as_deref().unwrap_or(NAMES.before);
    match verdict {
        Verdict::Run(_) => json!({ "decision": "allow" }),
        Verdict::Edited(args, why) => json!({
            "decision": "allow", "reason": why,
            "hookSpecificOutput": { "hookEventName": event, "tool_input": args },
        }),
        Verdict::Deny(why) => json!({ "decision": "deny", "reason": why }),
    }
}
