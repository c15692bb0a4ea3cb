//! The sentences that the desk says of itself: outcomes, thread entries,
//! notifications. Agents' words are quoted, never mended.

use handoff_domain::decision::{Decider, Decision, DecisionKind, Then};
use handoff_domain::lifecycle::Traits;
use handoff_domain::payload::{Payload, Priority, TimeoutKind};
use handoff_protocol::view::ThreadEntry;
use handoff_store::Entry;

use crate::ports::Notice;

/// A decision in a few words, with the option as the payload labels it.
pub fn outcome(decision: &Decision, payload: Option<&Payload>) -> String {
    let id = decision.option.as_deref().unwrap_or_default();
    let option = payload.and_then(|payload| payload.option(id)).map_or(id, |option| &option.label);
    match (decision.kind, decision.by) {
        (_, Decider::System) => format!("Default taken: {option}"),
        (DecisionKind::Approve, Decider::Reviewer) => format!("Approved: {option}"),
        (DecisionKind::Modify, Decider::Reviewer) => format!("Approved with changes: {option}"),
        (DecisionKind::Inform, Decider::Reviewer) => "Gave information".to_owned(),
        (DecisionKind::Reject, Decider::Reviewer) => match decision.then {
            Some(Then::Revise) => "Rejected, asked for another proposal".to_owned(),
            Some(Then::Skip) => "Rejected, step left out".to_owned(),
            Some(Then::Stop) | None => "Rejected, task stopped".to_owned(),
        },
        (DecisionKind::TakeOver, Decider::Reviewer) => "Taken over".to_owned(),
    }
}

/// What really happens at the deadline, in one sentence.
pub fn at_the_deadline(payload: &Payload, traits: &Traits) -> String {
    let label = payload
        .deadline
        .on_timeout
        .option
        .as_deref()
        .and_then(|id| payload.option(id))
        .map_or("", |option| option.label.as_str());
    match traits.on_timeout {
        TimeoutKind::Escalate => "You are alerted again; it stays open.".to_owned(),
        TimeoutKind::ManualReview => "It waits for manual review; nothing is done.".to_owned(),
        TimeoutKind::SafeDefault if traits.default_is_read => {
            format!("“{label}” is taken, and recorded as System’s.")
        }
        TimeoutKind::SafeDefault => format!(
            "It waits for manual review: “{label}” changes something, and that is not done unasked."
        ),
    }
}

/// What a notification says.
pub fn notice(
    handoff: &str,
    agent: &str,
    question: &str,
    priority: Priority,
    show_question: bool,
    warning: bool,
) -> Notice {
    let weight = match priority {
        Priority::Low => "low priority",
        Priority::Normal => "normal priority",
        Priority::High => "high priority",
        Priority::Urgent => "urgent",
    };
    let title = if warning {
        format!("{agent} still waits, and time runs out ({weight})")
    } else {
        format!("{agent} asks ({weight})")
    };
    let body = if show_question {
        question.to_owned()
    } else {
        "Open it to read the question.".to_owned()
    };
    Notice { handoff: handoff.to_owned(), agent: agent.to_owned(), title, body, priority, warning }
}

/// An entry of the thread as the reviewer reads it.
pub fn entry(entry: Entry) -> ThreadEntry {
    let text = |name: &str| entry.data.get(name).and_then(|value| value.as_str()).unwrap_or("");
    let sentence = match entry.kind.as_str() {
        "submitted" => "Handed over".to_owned(),
        "ready" => "Ready to read".to_owned(),
        "notified" => "Notification shown".to_owned(),
        "not_notified" => format!("No notification: {}", text("why")),
        "opened" => "Opened".to_owned(),
        "decided" | "default_taken" => text("outcome").to_owned(),
        "undone" => "Decision taken back".to_owned(),
        "released" => "Released to the agent".to_owned(),
        "collected" => "Collected by the agent".to_owned(),
        "granted_again" => "Allowed the agent to act again".to_owned(),
        "reconciled" => match text("outcome") {
            "diverged" => format!("Did something else: {}", text("why")),
            _ => "Did what was decided".to_owned(),
        },
        "withdrawn" => match text("reason") {
            "" => "Taken back".to_owned(),
            reason => format!("Taken back: {reason}"),
        },
        "superseded" => format!("Replaced by {}", text("by")),
        "revised" => {
            format!("Made proposal {}", entry.data.get("revision").cloned().unwrap_or_default())
        }
        "restored" => "Went back to a backup: later events are lost".to_owned(),
        "warned" => "Warned of the deadline".to_owned(),
        "escalated" => "Deadline passed: alerted again".to_owned(),
        "manual_review" => match text("why") {
            "" => "Deadline passed: kept for manual review".to_owned(),
            why => format!("Deadline passed: kept for manual review. {why}"),
        },
        other => other.replace('_', " "),
    };
    ThreadEntry { at: entry.at, actor: entry.actor, event: entry.kind, text: sentence }
}
