//! The sentences that the desk says of itself: outcomes, thread entries,
//! notifications. Agents' words are quoted, never mended.

use std::fmt::Write as _;

use handoff_domain::alerts::{Alerts, Purpose};
use handoff_domain::decision::{Decider, Decision, DecisionKind, Then};
use handoff_domain::gate::Held;
use handoff_domain::payload::{Payload, Priority, TimeoutKind};
use handoff_protocol::view::ThreadEntry;
use handoff_store::{Entry, Record};
use serde_json::Value;

use crate::burst::Summary;
use crate::ports::Notice;

/// What a notification says where its body may not be read by others.
pub const HIDDEN: &str = "Open it to read more.";

/// A decision in a few words, with the option as the payload labels it.
pub fn outcome(decision: &Decision, payload: Option<&Payload>, is_draft: bool) -> String {
    let id = decision.option.as_deref().unwrap_or_default();
    let option = payload.and_then(|payload| payload.option(id)).map_or(id, |option| &option.label);
    match (decision.kind, decision.by) {
        (_, Decider::System) => format!("Default taken: {option}"),
        (DecisionKind::Approve, Decider::Reviewer) => format!("Approved: {option}"),
        (DecisionKind::Modify, Decider::Reviewer) => {
            let some = payload.filter(|_| is_draft).and_then(|draft| picked(decision, draft));
            some.unwrap_or_else(|| format!("Approved with changes: {option}"))
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
fn picked(decision: &Decision, draft: &Payload) -> Option<String> {
    let count =
        |args: &serde_json::Map<String, Value>| Some(args.get("actions")?.as_array()?.len());
    let action = draft.option(decision.option.as_deref()?)?.action.as_ref()?;
    let (some, all) = (count(decision.args.as_ref()?)?, count(&action.args)?);
    Some(format!("Undo {some} of {all} changes"))
}

/// What really happens at the deadline, in one sentence.
pub fn at_the_deadline(
    payload: &Payload,
    held: Option<Held>,
    taken: Result<(), &'static str>,
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
        TimeoutKind::SafeDefault => match taken {
            Ok(()) => {
                let because = if held.is_some() { ", because you have allowed it" } else { "" };
                format!(
                    "“{label}” is taken{because}. It is recorded as done by the desk, not by you."
                )
            }
            Err(why) => {
                format!(
                    "Nothing is done and it stays for later: “{label}” is not taken unasked. {why}"
                )
            }
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
        Purpose::Diverged => format!("{agent} did something else than you decided ({weight})"),
        Purpose::Unreported => format!("{agent} has not said what it did ({weight})"),
    };
    let body = if show_question { record.question.clone() } else { HIDDEN.to_owned() };
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
        sound: summary.sound,
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
        "queued" => "Waits behind other cards of its agent".to_owned(),
        "weighed_again" => format!("Found anew what it does: it {}", does(text("effect"))),
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
        "alerted" => {
            let alerted = attempted("Alerted after the deadline", text("attempt"), text("why"));
            match entry.data.get("not_run") {
                Some(_) => format!("{alerted}; your command waits for the end of that"),
                None => alerted,
            }
        }
        "opened" => "Opened".to_owned(),
        "decided" | "default_taken" => {
            let said = entry.data.pointer("/decision/message/text").and_then(Value::as_str);
            with_message(text("outcome").to_owned(), said)
        }
        "undone" => "Decision taken back".to_owned(),
        "released" => "Sent to the agent".to_owned(),
        "collected" => "Received by the agent".to_owned(),
        "granted_again" => "Allowed the agent to act again".to_owned(),
        "reconciled" => match text("outcome") {
            _ if text("by") == "hand" => "Ended: the step was done by hand".to_owned(),
            "diverged" => format!("Did something else: {}", text("why")),
            _ => "Did what was decided".to_owned(),
        },
        "diverged" => format!("Did something else: {}", text("why")),
        "report_put_off" => {
            "This machine slept: the agent has a little longer to report".to_owned()
        }
        "unreported" => "The agent has not reported in time".to_owned(),
        "reopened" => {
            "Did nothing, since what it rests on has changed: it is asked again".to_owned()
        }
        "contradicted" => {
            format!("Not sent, since it contradicts what is known now: {}", text("why"))
        }
        "withdrawn" => match text("reason") {
            "" => "Taken back".to_owned(),
            reason => format!("Taken back: {reason}"),
        },
        "superseded" => format!("Replaced by {}", text("by")),
        "revised" => {
            format!("Made proposal {}", entry.data.get("revision").cloned().unwrap_or_default())
        }
        "restored" => "Went back to a backup: later events are lost".to_owned(),
        "taken_over" => {
            let said = entry.data.get("message").and_then(Value::as_str);
            with_message("Took the task over".to_owned(), said)
        }
        "given_back" => match text("text") {
            "" => "Gave the task back".to_owned(),
            words => format!("Gave the task back: {words}"),
        },
        "plan_edited" => match text("text") {
            "" => "Changed the plan".to_owned(),
            words => format!("Changed the plan: {words}"),
        },
        "begun_anew" => "Began the task anew".to_owned(),
        "gone_on" => "Went on with the task".to_owned(),
        "progressed" => progressed(&entry.data),
        "told" => format!("Said: {}", text("text")),
        kind if kind.starts_with("undo_") || kind.starts_with("rollback_") => taking_back(&entry),
        "paused" => "Paused it".to_owned(),
        "resumed" => "Let it go on".to_owned(),
        "knows" => knows(text("what")).to_owned(),
        "warned" => attempted("Warned of the deadline", text("attempt"), text("why")),
        "escalated" => "Deadline passed: you are alerted".to_owned(),
        "manual_review" => match text("why") {
            "" => "Deadline passed: nothing was done".to_owned(),
            why => format!("Deadline passed: nothing was done. {why}"),
        },
        other => other.replace('_', " "),
    };
    let until = text("until").parse().ok();
    // Nobody was told: it does not count as an alert.
    let unheard = entry.kind == "alerted" && !matches!(text("attempt"), "" | "shown");
    let event = if unheard { "not_alerted".to_owned() } else { entry.kind };
    ThreadEntry { at: entry.at, actor: entry.actor, event, text: sentence, until }
}

/// What an agent has heard of.
fn knows(what: &str) -> &'static str {
    match what {
        "pause" => "Knows that it is paused",
        "resume" => "Knows that it may go on",
        "take_over" => "Knows that the task is taken over",
        "give_back" => "Knows that the task is its own again",
        "plan" => "Has the changed plan",
        "undo" | "undo_yourself" => "Has said what came of the undo",
        "directive" => "Knows what becomes of the plan",
        _ => "Has read it",
    }
}

/// What an effect means, of a card.
fn does(effect: &str) -> &str {
    match effect {
        "read" => "changes nothing",
        "reversible" => "can be undone",
        _ => "cannot be undone",
    }
}

/// What happened when actions were taken back.
fn taking_back(entry: &Entry) -> String {
    let text = |name: &str| entry.data.get(name).and_then(Value::as_str).unwrap_or("");
    let count = |name: &str| entry.data.get(name).cloned().unwrap_or_default();
    let tool = text("tool");
    match entry.kind.as_str() {
        "rollback_confirmed" => match entry.data.get("actions").and_then(Value::as_array) {
            Some(actions) if actions.len() == 1 => "Has one action undone".to_owned(),
            Some(actions) => format!("Has {} actions undone", actions.len()),
            None => "Has actions undone".to_owned(),
        },
        "rollback_over" => {
            format!("The rollback is over: {} of {} undone", count("undone"), count("of"))
        }
        "rollback_left" => "The rollback is over: nothing was undone".to_owned(),
        "undo_asked" => format!("Asked the agent to undo {tool}"),
        "undo_taken" | "undo_begun" => format!("Began to undo {tool}"),
        "undo_done" => format!("Undid {tool}"),
        "undo_failed" => format!("Undoing {tool} failed: {}", text("why")),
        "undo_cut_short" => format!("Undoing {tool} was cut short, and may have run"),
        "undo_again" => format!("Has undoing {tool} tried again"),
        "undo_skipped" => format!("Left {tool} as it is"),
        "undo_handed_over" => format!("Left undoing {tool} to the agent"),
        other => other.replace('_', " "),
    }
}

/// How far an agent has come in its plan.
fn progressed(data: &Value) -> String {
    const NAMED: usize = 5;
    let parts = [
        ("began", "Began"),
        ("finished", "Finished"),
        ("failed", "Failed at"),
        ("left_out", "Left out"),
    ];
    let said = parts.into_iter().filter_map(|(name, what)| {
        let titles: Vec<String> = data[name]
            .as_array()?
            .iter()
            .filter_map(|title| Some(format!("“{}”", title.as_str()?)))
            .collect();
        let more = match titles.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let named = titles.get(..NAMED).unwrap_or(&titles).join(", ");
        (!titles.is_empty()).then(|| format!("{what} {named}{more}"))
    });
    said.collect::<Vec<_>>().join(". ")
}

/// What was done, with what the end user is told of it.
fn with_message(what: String, said: Option<&str>) -> String {
    match said {
        Some(words) => format!("{what}. The end user is told: {words}"),
        None => what,
    }
}

/// What was tried, and how it went where it was not simply shown.
fn attempted(what: &str, attempt: &str, why: &str) -> String {
    match attempt {
        "" | "shown" => what.to_owned(),
        "inhibited" => format!("{what}, not shown: {why}"),
        _ => format!("{what}, but it could not be shown: {why}"),
    }
}
