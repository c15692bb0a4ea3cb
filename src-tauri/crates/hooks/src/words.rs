//! What a client's model, and the person before it, are told.

use std::fmt::Write as _;

use handoff_domain::decision::{Decider, Decision, DecisionKind, Then};
use handoff_domain::payload::Constraint;
use serde_json::{Map, Value};

/// The most characters of arguments that are quoted in a reason.
const QUOTED: usize = 4_000;

/// Something is wrong with the hook or its surroundings.
pub(crate) fn broken(why: &str) -> String {
    format!(
        "Handoff Desk: nothing is permitted, since the question did not get through. {why} Do not \
         try to do the same in another way. Tell the user, who can look with `handoff doctor`."
    )
}

/// No desk answers.
pub(crate) fn no_desk(why: &str) -> String {
    format!(
        "Handoff Desk: nothing is permitted while no desk answers. {} Do not try to do the same \
         in another way. Ask the user to start `handoff-desk`; then make the same call again.",
        sentence(why)
    )
}

/// The time is over and nobody has decided.
pub(crate) fn undecided(handoff: &str) -> String {
    format!(
        "Handoff Desk: not decided yet ({handoff}). The reviewer still has the question. Do not \
         try to do the same in another way. Go on with what does not depend on it, or make exactly \
         the same call again later: it waits for the same answer, and runs if that is yes."
    )
}

/// The time is over and something else stands in the way.
pub(crate) fn blocked(why: &str) -> String {
    format!("Handoff Desk: it could not be asked yet. {} Try again later.", sentence(why))
}

/// The gate said no.
pub(crate) fn denied(why: &str) -> String {
    format!("Handoff Desk: denied. {}", sentence(why))
}

/// The call is the reviewer's own now.
pub(crate) fn taken_over() -> String {
    "Handoff Desk: a person has taken this task over and does it by hand. Do nothing more for it, \
     and tell the user so."
        .to_owned()
}

/// Arguments were edited in a way that this client cannot be told.
pub(crate) fn cannot_carry(args: &Map<String, Value>) -> String {
    format!(
        "Handoff Desk: the reviewer approved other arguments, which cannot be put in here. Make \
         the call again with exactly these: {}",
        clipped(&Value::Object(args.clone()).to_string())
    )
}

/// The question is over without an answer.
pub(crate) fn over(state: &str) -> String {
    format!(
        "Handoff Desk: the question was {state}, so there is no answer to it. Make the call again \
         if it is still needed."
    )
}

/// A decision that does not let the call go on.
pub(crate) fn decision(decision: &Decision) -> String {
    let mut said = match decision.kind {
        DecisionKind::Reject => {
            let reason = decision.reason.as_deref().unwrap_or("There is no reason given.");
            let then = match decision.then {
                Some(Then::Stop) => "Stop this task here.",
                Some(Then::Revise) => "Propose something else.",
                Some(Then::Skip) | None => "Leave this out, and what depends on it.",
            };
            format!("Handoff Desk: the reviewer said no. {} {then}", sentence(reason))
        }
        DecisionKind::Inform => {
            let mut said = "Handoff Desk: not run; the reviewer first tells you something. \
                            Take it into account, then call again what is still right."
                .to_owned();
            if let Some(text) = &decision.text {
                write!(said, "\n{text}").ok();
            }
            for (name, value) in &decision.facts {
                write!(said, "\n{name} is {value}.").ok();
            }
            for Constraint { text, .. } in &decision.constraints {
                write!(said, "\nThis must hold: {text}").ok();
            }
            said
        }
        DecisionKind::TakeOver => {
            let mut said = taken_over();
            if let Some(note) = &decision.note {
                write!(said, "\n{note}").ok();
            }
            said
        }
        DecisionKind::Approve | DecisionKind::Modify if decision.by == Decider::System => {
            "Handoff Desk: nobody decided, and the declared default was taken.".to_owned()
        }
        DecisionKind::Approve | DecisionKind::Modify => {
            "Handoff Desk: it was approved, but not for this call.".to_owned()
        }
    };
    if let Some(message) = &decision.message {
        write!(said, "\nTell the user: {}", message.text).ok();
    }
    said
}

/// With an end, so that words can follow.
fn sentence(text: &str) -> String {
    let text = text.trim();
    if text.ends_with(['.', '!', '?', '…']) { text.to_owned() } else { format!("{text}.") }
}

fn clipped(text: &str) -> String {
    let mut clipped: String = text.chars().take(QUOTED).collect();
    if clipped.len() < text.len() {
        clipped.push('…');
    }
    clipped
}
