//! What a model is told, in sentences that lead it to the right next call.

use handoff_domain::decision::{Decision, DecisionKind, Then};
use handoff_protocol::wire::ErrorData;

/// A failure: what is wrong, every fault by its place, and what to do.
pub fn failure(data: &ErrorData) -> String {
    let mut lines = vec![data.message.clone()];
    for fault in &data.faults {
        let place = if fault.pointer.is_empty() { "(the whole)" } else { &fault.pointer };
        let hint = if fault.hint.is_empty() { String::new() } else { format!(" {}", fault.hint) };
        lines.push(format!("- {place}: {}{hint}", fault.message));
    }
    if !data.hint.is_empty() {
        lines.push(data.hint.clone());
    }
    lines.join("\n")
}

/// Why a call does not run, where a person has answered so.
pub fn refusal(decision: &Decision) -> String {
    let mut words = match decision.kind {
        DecisionKind::Approve | DecisionKind::Modify => {
            "It was approved, but not for this call.".to_owned()
        }
        DecisionKind::Inform => {
            let mut words = said(
                "The reviewer has not allowed it, and tells you first",
                decision.text.as_deref(),
            );
            if !decision.facts.is_empty() {
                words.push_str(" They say: ");
                words.push_str(&serde_json::Value::Object(decision.facts.clone()).to_string());
                words.push('.');
            }
            words + " Think again with that; if the call is still right, make it again."
        }
        DecisionKind::Reject => {
            let words = said("The reviewer rejected it", decision.reason.as_deref());
            words
                + match decision.then {
                    Some(Then::Stop) => " Stop this task here.",
                    Some(Then::Revise) => " Propose something else.",
                    Some(Then::Skip) | None => " Leave it out, and do not try another way.",
                }
        }
        DecisionKind::TakeOver => {
            said("The reviewer does this themselves", decision.note.as_deref())
                + " Leave it to them."
        }
    };
    if let Some(message) = &decision.message {
        words.push_str(" Tell the end user: ");
        words.push_str(&message.text);
    }
    words
}

/// What to do with a decision, which may have preconditions to check first.
pub fn next(decision: &Decision, act: bool, checks: bool) -> String {
    match decision.kind {
        DecisionKind::Approve | DecisionKind::Modify if !act => {
            "Do not act on it: another caller has it, or it was carried out before. If you need \
             it done again, hand off again with another key."
                .to_owned()
        }
        DecisionKind::Approve | DecisionKind::Modify => {
            let what = match &decision.tool {
                Some(tool) => format!("Call {tool} with exactly decision.args, once."),
                None => "Do exactly what the option says, once.".to_owned(),
            };
            let first = if checks {
                "First make the reads of `preconditions` once more. If one does not give what it \
                 expects, do nothing, and call handoff_reconcile with \"diverged\" and `unmet`. \
                 Else: "
            } else {
                ""
            };
            format!(
                "{first}{what} Follow `directive` for the steps of your plan. Then call \
                 handoff_reconcile: \"applied\" if you did exactly that, else \"diverged\" and why."
            )
        }
        DecisionKind::Inform | DecisionKind::Reject | DecisionKind::TakeOver => {
            refusal(decision)
                + " When you have taken that in, call handoff_reconcile with \"applied\"."
        }
    }
}

fn said(what: &str, words: Option<&str>) -> String {
    match words.map(str::trim).filter(|words| !words.is_empty()) {
        Some(words) if words.ends_with(['.', '!', '?']) => format!("{what}: {words}"),
        Some(words) => format!("{what}: {words}."),
        None => format!("{what}."),
    }
}
