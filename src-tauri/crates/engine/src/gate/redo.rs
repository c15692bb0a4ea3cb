//! Whether a call goes against the reviewer's last words: it does again what was
//! taken back, or belongs to a step that does not go on. That needs another word,
//! and to be taken back first what is to be.

use chrono::{DateTime, Utc};
use handoff_domain::payload::Plan;
use handoff_domain::trigger::{Evidence, Exhibit, TriggerKind};
use handoff_protocol::wire::Check;
use handoff_store::{CallTakenBack, Read, StoreError};

use crate::control::subject;
use crate::course::Course;

/// What stands in the way of a call that does something again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redo {
    /// It does nothing again, or was told to.
    Free,
    /// What was done before is being taken back, in this rollback.
    Undoing(String),
    /// It was taken back, or was to be, and nobody has said that it may be done.
    Unsaid,
    /// Its step is left out, or waits for another proposal.
    LeftOut,
}

/// What stands in the way of this call, if it changes something.
pub fn redo(
    read: &Read<'_>,
    agent: &str,
    (check, hash): (&Check, &str),
    plan: Option<&Plan>,
    course: &Course,
) -> Result<Redo, StoreError> {
    let task = check.task.id();
    let waits = |open: Option<String>| open.map_or(Redo::Unsaid, Redo::Undoing);
    if let Some(step) = &check.step {
        if let Some(first) = course.again.get(step) {
            let taken = read.taken_back(agent, task)?;
            let stands = |id: &String| taken.get(id).is_none_or(|taken| taken.undone_at.is_none());
            if first.iter().any(stands) {
                return Ok(waits(read.open_rollback_of(agent, task)?));
            }
        }
        if plan.is_some_and(|plan| course.taken_back(plan).contains(step)) {
            return Ok(Redo::Unsaid);
        }
        if plan.is_some_and(|plan| course.held(plan).contains(step)) {
            return Ok(Redo::LeftOut);
        }
    }
    let Some(done) = read.call_taken_back(agent, task, hash)? else { return Ok(Redo::Free) };
    let CallTakenBack { action, step, undone_at } = done;
    if let Some(open) = read.open_rollback_of(agent, task)? {
        return Ok(Redo::Undoing(open));
    }
    // A directive speaks of steps alone: what had none waits for the task to begin
    // afresh, or for an answer to the call itself.
    let planned =
        |step: &String| plan.is_some_and(|plan| plan.steps.iter().any(|at| at.id == *step));
    let told = step.filter(planned).is_some_and(|step| {
        let since = course.told_at.is_some_and(|told_at| told_at > undone_at);
        course.is_done_again(&step, &[&action]) || since && !course.undone.contains(&step)
    });
    let said = told || afresh_since(read, agent, task, undone_at)?;
    Ok(if said { Redo::Free } else { Redo::Unsaid })
}

fn afresh_since(
    read: &Read<'_>,
    agent: &str,
    task: &str,
    at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let kinds = ["plan_edited", "begun_anew", "given_back"];
    let afresh = read.latest_about(&subject(agent, task), kinds)?;
    Ok(afresh.is_some_and(|afresh| afresh.at >= at))
}

impl Redo {
    /// Why a person is to look, where one is.
    pub fn evidence(&self) -> Option<Evidence> {
        let (headline, label, text) = match self {
            Self::Free | Self::Undoing(_) => return None,
            Self::Unsaid => (
                "This was taken back, and nobody has said that it is to be done again.",
                "Taken back",
                "Its step, or a step that it builds on, was undone.",
            ),
            Self::LeftOut => (
                "You left its step out, or asked for another proposal of it.",
                "Your last word",
                "By it the step does not go on.",
            ),
        };
        let (label, text) = (label.to_owned(), text.to_owned());
        Some(Evidence {
            trigger: TriggerKind::Overruled,
            headline: headline.to_owned(),
            exhibits: vec![Exhibit { action: None, label, text }],
        })
    }
}
