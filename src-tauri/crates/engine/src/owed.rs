//! What the reviewer's words had done again and the agent has not done since: the next
//! word says it anew, although nothing else shows it any more
//! ([`handoff_domain::reconcile::Owed`]).
//!
//! Each word carries on what those before it left, so that the last one is enough; a
//! task that begins anew owes nothing.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, SubsecRound, Utc};
use handoff_domain::lifecycle::{Outcome, StepReport};
use handoff_domain::reconcile::Owed;
use handoff_store::{Entry, Read, Record, StoreError};

use crate::control::subject;
use crate::course::part;

/// Under this name a word keeps what it leaves.
pub const OWED: &str = "owed";

/// The steps of a task with these handoffs that were told to be done again; `but` is a
/// handoff whose own word does not count.
pub fn owed(
    read: &Read<'_>,
    (agent, task): (&str, &str),
    handoffs: &[Record],
    but: Option<&str>,
) -> Result<BTreeMap<String, Owed>, StoreError> {
    let about = subject(agent, task);
    let anew = read.latest_about(&about, ["begun_anew"])?;
    let told = match read.last_told(agent, task, but)? {
        Some(id) => read.handoff(&id)?.map(|record| out(read, &record)).transpose()?.flatten(),
        None => None,
    };
    let back = read.latest_about(&about, ["given_back", "rollback_over"])?;
    let last = match (told, back) {
        (Some(told), Some(back)) if told.at <= back.at => Some(back),
        (told, back) => told.or(back),
    };
    let last = last.filter(|last| anew.is_none_or(|anew| anew.at < last.at));
    let Some(mut last) = last else { return Ok(BTreeMap::new()) };
    let steps: BTreeMap<String, DateTime<Utc>> = part(&mut last, OWED)?.unwrap_or_default();
    if steps.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut said = Said::of_plan(read.entries_about(&about)?)?;
    for record in handoffs.iter().filter(|record| but != Some(&*record.id)) {
        said.hear(read, record)?;
    }
    let owed = steps.into_iter().map(|(step, told_at)| {
        // As exact as the times that it is compared with.
        let told_at = told_at.trunc_subsecs(3);
        let owed = Owed { told_at, said: said.since(&step, told_at) };
        (step, owed)
    });
    Ok(owed.collect())
}

/// What an agent says that it did.
#[derive(Default)]
struct Said {
    /// When it began or finished a step in its plan.
    moved: Vec<(DateTime<Utc>, BTreeSet<String>)>,
    /// When it was told what it says that it did; without steps, all of it.
    applied: Vec<(DateTime<Utc>, BTreeSet<String>)>,
}

impl Said {
    fn of_plan(about: Vec<Entry>) -> Result<Self, StoreError> {
        let mut said = Self::default();
        for mut entry in about.into_iter().filter(|entry| entry.kind == "progressed") {
            said.moved.push((entry.at, part(&mut entry, "steps")?.unwrap_or_default()));
        }
        Ok(said)
    }

    /// The report of a handoff, if its agent gave one.
    fn hear(&mut self, read: &Read<'_>, record: &Record) -> Result<(), StoreError> {
        let Some(report) = record.progress.phase.report() else { return Ok(()) };
        let own = read.latest_entry(record.seq, ["reconciled"])?;
        let own = own.is_some_and(|entry| entry.data.get("by").is_none());
        let applied = |step: &&StepReport| step.outcome == Outcome::Applied;
        let steps: BTreeSet<String> =
            report.steps.iter().filter(applied).map(|step| step.id.clone()).collect();
        let all = report.steps.is_empty() && report.outcome == Outcome::Applied;
        if own
            && (all || !steps.is_empty())
            && let Some(out) = out(read, record)?
        {
            self.applied.push((out.at, steps));
        }
        Ok(())
    }

    fn since(&self, step: &str, moment: DateTime<Utc>) -> bool {
        let moved =
            |(at, steps): &(DateTime<Utc>, BTreeSet<String>)| *at >= moment && steps.contains(step);
        let applied = |(told_at, steps): &(DateTime<Utc>, BTreeSet<String>)| {
            *told_at >= moment && (steps.is_empty() || steps.contains(step))
        };
        self.moved.iter().any(moved) || self.applied.iter().any(applied)
    }
}

/// The word that went out with a handoff's decision.
fn out(read: &Read<'_>, record: &Record) -> Result<Option<Entry>, StoreError> {
    read.latest_entry(record.seq, ["released", "default_taken"])
}
