//! The sentences that the desk says of itself: outcomes, thread entries,
//! notifications. Agents' words are quoted, never mended.

use std::fmt::Write as _;

use handoff_domain::alerts::{Alerts, Purpose};
use handoff_domain::decision::{Decider, Decision, DecisionKind, Then};
use handoff_domain::gate::{Held, by_default};
use handoff_domain::payload::{Payload, Priority, TimeoutKind};
use handoff_protocol::view::ThreadEntry;
use handoff_store::{Entry, Record};
use serde_json::Value;

use crate::burst::Summary;
use crate::ports::Notice;

/// A decision in a few words, with the option as the payload labels it.
pub fn outcome(decision: &Decision, payload: Option<&Payload>) -> String {
    let id = decision.option.as_deref().unwrap_or_default();
    let option = payload.and_then(|payload| payload.option(id)).map_or(id, |option| &option.label);
    match (decision.kind, decision.by) {
        (_, Decider::System) => format!("Default taken: {option}"),
        (DecisionKind::Approve, Decider::Reviewer) => format!("Approved: {option}"),
        (DecisionKind::Modify, Decider::Reviewer) => {
            picked(decision, payload).unwrap_or_else(|| format!("Approved with changes: {option}"))
        }
        (DecisionKind::Inform, Decider::Reviewer) => "Gave information".to_owned(),
        (DecisionKind::Reject, Decider::Reviewer) => match decision.then {
            Some(Then::Revise) => "Rejected, asked for another proposal".to_owned(),
            Some(Then::Skip) => "Rejected, step left out".to_owned(),
            Some(Then::Stop) | None => "Rejected, task stopped".to_owned(),
        },
        (DecisionKind::TakeOver, Decider::Reviewer) => "Taken over".to_owned(),
    }
}

/// How much of a draft is to be undone, where only some of it is.
fn picked(decision: &Decision, payload: Option<&Payload>) -> Option<String> {
    let payload = payload.filter(|payload| payload.key.starts_with("draft:"))?;
    let count =
        |args: &serde_json::Map<String, Value>| Some(args.get("actions")?.as_array()?.len());
    let action = payload.option(decision.option.as_deref()?)?.action.as_ref()?;
    let (some, all) = (count(decision.args.as_ref()?)?, count(&action.args)?);
    Some(format!("Undo {some} of {all} changes"))
}

/// What really happens at the deadline, in one sentence.
pub fn at_the_deadline(
    payload: &Payload,
    held: Option<Held>,
    allowed: bool,
    alerts: &Alerts,
) -> String {
    let label = payload
        .deadline
        .on_timeout
        .option
        .as_deref()
        .and_then(|id| payload.option(id))
        .map_or("", |option| option.label.as_str());
    match payload.deadline.on_timeout.kind {
        TimeoutKind::Escalate => {
            let count: u32 = alerts.stages.iter().map(|stage| stage.times).sum();
            let often = match count {
                0 => "It waits for you".to_owned(),
                1 => "You are alerted once more".to_owned(),
                many => format!("You are alerted up to {many} times"),
            };
            format!("{often}; if you do not answer, nothing is done and it stays for later.")
        }
        TimeoutKind::ManualReview => "Nothing is done; it stays for later.".to_owned(),
        TimeoutKind::SafeDefault => match held {
            None => format!("“{label}” is taken. It is recorded as done by the desk, not by you."),
            Some(held) if by_default::may_take(Some(held), allowed) => format!(
                "“{label}” is taken, because you have allowed it. It is recorded as done by the \
                 desk, not by you."
            ),
            Some(held) => format!(
                "Nothing is done and it stays for later: “{label}” is not taken unasked. {}",
                by_default::why_not(held)
            ),
        },
    }
}

/// What a notification says; the question only where it may be read by others.
pub fn notice(record: &Record, purpose: Purpose, show_question: bool) -> Notice {
    let (agent, priority) = (&record.agent, record.priority);
    let weight = match priority {
        Priority::Low => "low priority",
        Priority::Normal => "normal priority",
        Priority::High => "high priority",
        Priority::Urgent => "urgent",
    };
    let title = match purpose {
        Purpose::Ready => format!("{agent} asks ({weight})"),
        Purpose::Reminder => format!("{agent} still waits ({weight})"),
        Purpose::Warning => format!("{agent} still waits, and time runs out ({weight})"),
        Purpose::Alert => format!("{agent} got no answer in time ({weight})"),
    };
    let body = if show_question {
        record.question.clone()
    } else {
        "Open it to read the question.".to_owned()
    };
    Notice { handoff: Some(record.id.clone()), title, body, priority, purpose, sound: false }
}

/// What the one notification for many says.
pub fn summary(summary: &Summary) -> Notice {
    const NAMED: usize = 3;
    let count = summary.count;
    let named =
        summary.agents.iter().take(NAMED).map(|(agent, count)| format!("{count} from {agent}"));
    let mut body = named.collect::<Vec<_>>().join(", ");
    let more = summary.agents.len().saturating_sub(NAMED);
    if more > 0 {
        let _ = write!(body, " and from {more} more");
    }
    Notice {
        handoff: None,
        title: match (count, summary.loud) {
            (1, false) => "1 more asks".to_owned(),
            (1, true) => "1 more runs out of time".to_owned(),
            (_, false) => format!("{count} more ask"),
            (_, true) => format!("{count} more ask, and time runs out"),
        },
        body,
        priority: Priority::Normal,
        purpose: if summary.loud { Purpose::Warning } else { Purpose::Ready },
        sound: false,
    }
}

/// An entry of the thread as the reviewer reads it.
pub fn entry(entry: Entry) -> ThreadEntry {
    let text = |name: &str| entry.data.get(name).and_then(|value| value.as_str()).unwrap_or("");
    let sentence = match entry.kind.as_str() {
        "submitted" => match entry.data.get("spooled") {
            Some(_) => "Handed over while the desk was off".to_owned(),
            None => "Handed over".to_owned(),
        },
        "ready" => "Ready to read".to_owned(),
        "notified" => "Notification shown".to_owned(),
        "not_notified" => format!("No notification: {}", text("why")),
        "reminded" => attempted("Reminded", text("attempt"), text("why")),
        "snoozed" => "Reminders put off".to_owned(),
        "woken" => "Reminders are on again".to_owned(),
        "default_allowed" => "Allowed the default to be taken".to_owned(),
        "default_disallowed" => "Took that leave back".to_owned(),
        "clock_set" => "The clock of this machine was set".to_owned(),
        "missed" => "Its time passed unseen: you are told again first".to_owned(),
        "command_ran" => "Your command ran".to_owned(),
        "command_failed" => format!("Your command failed: {}", text("why")),
        "alerted" => attempted("Alerted after the deadline", text("attempt"), text("why")),
        "opened" => "Opened".to_owned(),
        "decided" | "default_taken" => text("outcome").to_owned(),
        "undone" => "Decision taken back".to_owned(),
        "released" => "Sent to the agent".to_owned(),
        "collected" => "Received by the agent".to_owned(),
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
        "taken_over" => "Took the task over".to_owned(),
        "given_back" => match text("text") {
            "" => "Gave the task back".to_owned(),
            words => format!("Gave the task back: {words}"),
        },
        "plan_edited" => match text("text") {
            "" => "Changed the plan".to_owned(),
            words => format!("Changed the plan: {words}"),
        },
        "told" => format!("Said: {}", text("text")),
        "paused" => "Paused it".to_owned(),
        "resumed" => "Let it go on".to_owned(),
        "knows" => match text("what") {
            "pause" => "Knows that it is paused".to_owned(),
            "resume" => "Knows that it may go on".to_owned(),
            "take_over" => "Knows that the task is taken over".to_owned(),
            "give_back" => "Knows that the task is its own again".to_owned(),
            "plan" => "Has the changed plan".to_owned(),
            _ => "Has read it".to_owned(),
        },
        "warned" => attempted("Warned of the deadline", text("attempt"), text("why")),
        "escalated" => "Deadline passed: you are alerted".to_owned(),
        "manual_review" => match text("why") {
            "" => "Deadline passed: nothing was done".to_owned(),
            why => format!("Deadline passed: nothing was done. {why}"),
        },
        other => other.replace('_', " "),
    };
    let until = text("until").parse().ok();
    ThreadEntry { at: entry.at, actor: entry.actor, event: entry.kind, text: sentence, until }
}

/// What was tried, and how it went where it was not simply shown.
fn attempted(what: &str, attempt: &str, why: &str) -> String {
    match attempt {
        "" | "shown" => what.to_owned(),
        "inhibited" => format!("{what}, not shown: {why}"),
        _ => format!("{what}, but it could not be shown: {why}"),
    }
}
