//! The course of a task: what the reviewer's last words leave out of its plan,
//! and what waits for the next one.
//!
//! Each word carries on what those before it held back, so that the last one is
//! enough. A plan of the reviewer, and a task that begins anew, start afresh. Another
//! proposal that was asked for is waited for like an answer, whatever else is answered.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use handoff_domain::decision::{Decision, DecisionKind, Then};
use handoff_domain::directive::{Line, Verdict, dependants};
use handoff_domain::payload::Plan;
use handoff_domain::runnable::{self, Pending, waiting};
use handoff_store::{Entry, OpenQuestion, Read, StoreError};
use serde::de::DeserializeOwned;

use crate::control::subject;
use crate::known::holding;

/// What the reviewer's last words hold back of a task.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Course {
    /// The steps that are left out.
    pub left_out: BTreeSet<String>,
    /// The steps that were undone, and wait until the reviewer says how to go on.
    pub undone: BTreeSet<String>,
    /// The steps that are done again once these actions of theirs are taken back.
    pub again: BTreeMap<String, Vec<String>>,
    /// When that was said.
    pub told_at: Option<DateTime<Utc>>,
    /// The questions that are to be asked in another way.
    pub awaited: Vec<OpenQuestion>,
    /// The steps that wait for another proposal, or for the task to be given back.
    waits: BTreeSet<String>,
}

/// What an agent was told becomes of the steps, and when.
struct Word {
    at: DateTime<Utc>,
    lines: Vec<Line>,
    /// What waits by it does so until the next word.
    stops: bool,
}

impl Course {
    /// The course of a task; `but` is a handoff whose own word does not count.
    pub fn of(
        read: &Read<'_>,
        agent: &str,
        task: &str,
        but: Option<&str>,
    ) -> Result<Self, StoreError> {
        let about = subject(agent, task);
        let afresh = read.latest_about(&about, ["plan_edited", "begun_anew"])?;
        let counts = |at: DateTime<Utc>| afresh.as_ref().is_none_or(|afresh| afresh.at < at);
        let back = read.latest_about(&about, ["given_back"])?.filter(|back| counts(back.at));
        let back = back.map(|back| Word::of(back, false)).transpose()?;
        let told = told(read, agent, task, but)?.filter(|told| counts(told.at));
        let over = read
            .latest_about(&about, ["rollback_over"])?
            .filter(|over| counts(over.at) && back.as_ref().is_none_or(|back| back.at < over.at));
        let mut course = Self::default();
        if let Some(mut over) = over {
            course.undone = part(&mut over, "waits")?.unwrap_or_default();
            // A decision since then may have said how it goes on.
            if let Some(told) = told.as_ref().filter(|told| told.at > over.at) {
                let goes_on = |line: &&Line| line.verdict != Verdict::Blocked;
                for line in told.lines.iter().filter(goes_on) {
                    course.undone.remove(&line.step);
                }
            }
        }
        let last = match (told, back) {
            (Some(told), Some(back)) if told.at <= back.at => Some(back),
            (told, back) => told.or(back),
        };
        course.told_at = last.as_ref().map(|last| last.at);
        for line in last.iter().flat_map(|last| &last.lines) {
            match line.verdict {
                Verdict::Skip => drop(course.left_out.insert(line.step.clone())),
                Verdict::Blocked if last.as_ref().is_some_and(|last| last.stops) => {
                    course.waits.insert(line.step.clone());
                }
                Verdict::UndoThenRerun => {
                    course.again.insert(line.step.clone(), line.undo.clone());
                }
                Verdict::Run | Verdict::Keep | Verdict::Rerun | Verdict::Blocked => {}
            }
        }
        let lines = last.as_ref().map_or(&[][..], |last| &last.lines);
        for (seq, open) in read.awaited(agent, task)? {
            let asked = read.latest_entry(seq, ["released"])?.filter(|out| counts(out.at));
            if asked.is_some() && but != Some(&*open.id) && blocks(lines, open.step.as_deref()) {
                course.awaited.push(open);
            }
        }
        Ok(course)
    }

    /// The questions that steps wait for: these, and those that are to be asked in
    /// another way.
    pub fn open<'c>(&'c self, pending: &'c [OpenQuestion]) -> Vec<Pending<'c>> {
        [holding(pending), holding(&self.awaited)].concat()
    }

    /// The steps that are free to go while these questions are open.
    pub fn runnable(&self, plan: &Plan, pending: &[Pending<'_>]) -> Vec<String> {
        let mut free = runnable::runnable(plan, pending);
        let held = self.held(plan);
        free.retain(|step| !held.contains(step));
        free
    }

    /// The steps that were undone, and those that build on them.
    pub fn taken_back(&self, plan: &Plan) -> BTreeSet<String> {
        let undone: Vec<&str> = self.undone.iter().map(String::as_str).collect();
        let mut all = dependants(plan, &undone);
        all.extend(self.undone.iter().cloned());
        all
    }

    /// Whether a step of which these actions are taken back is done again: the last
    /// word has said so, of each of them.
    pub fn is_done_again(&self, step: &str, undone: &[&str]) -> bool {
        let first = self.again.get(step);
        first.is_some_and(|first| undone.iter().all(|id| first.iter().any(|named| named == id)))
    }

    /// The steps that do not go on, whatever is asked.
    pub fn held(&self, plan: &Plan) -> BTreeSet<String> {
        let mut held = self.taken_back(plan);
        held.extend(self.left_out.union(&self.waits).cloned());
        let awaited = waiting(plan, &holding(&self.awaited));
        let ids = plan.steps.iter().map(|step| &step.id);
        held.extend(ids.filter(|id| awaited.has(id)).cloned());
        held
    }
}

/// Whether the steps that wait for a question do so by the last word.
fn blocks(lines: &[Line], asked: Option<&str>) -> bool {
    match asked {
        Some(asked) => {
            lines.iter().any(|line| line.step == asked && line.verdict == Verdict::Blocked)
        }
        None => !lines.is_empty() && lines.iter().all(|line| line.verdict != Verdict::Run),
    }
}

impl Word {
    fn of(mut entry: Entry, stops: bool) -> Result<Self, StoreError> {
        let lines = part(&mut entry, "directive")?.unwrap_or_default();
        Ok(Self { at: entry.at, lines, stops })
    }
}

/// What was told with the last decision that is out.
fn told(
    read: &Read<'_>,
    agent: &str,
    task: &str,
    but: Option<&str>,
) -> Result<Option<Word>, StoreError> {
    let last = read.last_told(agent, task, but)?;
    let Some(record) = last.map(|last| read.handoff(&last)).transpose()?.flatten() else {
        return Ok(None);
    };
    let out = read.latest_entry(record.seq, ["released", "default_taken"])?;
    let decision = record.progress.phase.released_decision();
    out.map(|out| Word::of(out, decision.is_some_and(stops))).transpose()
}

/// Whether what waits by a decision waits for another word of the reviewer.
fn stops(decision: &Decision) -> bool {
    decision.kind == DecisionKind::TakeOver || decision.then == Some(Then::Revise)
}

/// A part of what was logged; none where a desk before did not log it.
pub fn part<T: DeserializeOwned>(entry: &mut Entry, name: &str) -> Result<Option<T>, StoreError> {
    let part = entry.data.get_mut(name).map(serde_json::Value::take);
    Ok(part.map(serde_json::from_value).transpose()?)
}
