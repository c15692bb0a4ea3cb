//! What can be seen of the desk after a step, held against the account.

use std::collections::BTreeMap;

use handoff_domain::lifecycle::{Flag, State};
use handoff_protocol::view::{CaseView, List, QueueQuery};
use serde_json::json;

use crate::agents::answered;
use crate::case::{Ask, Case, Stage};
use crate::desk::Stored;
use crate::world::World;

impl Case {
    /// Whether this is what the window shows.
    fn agrees(&self, seen: Option<&CaseView>) -> bool {
        let Some(seen) = seen else { return self.stage == Stage::Unknown };
        let state = match self.stage {
            Stage::Unknown => return false,
            Stage::Ready => State::Ready,
            Stage::Decided { .. } => State::Decided,
            Stage::Released => State::Released,
            Stage::Collected => State::Collected,
            Stage::Reconciled { .. } => State::Reconciled,
            Stage::Withdrawn => State::Withdrawn,
            Stage::Superseded => State::Superseded,
        };
        let decision = match (self.choice, &seen.decision) {
            (None, None) => true,
            (Some(choice), Some(decision)) => choice.is(decision, self.proposal()),
            _ => false,
        };
        let applied = seen
            .report
            .as_ref()
            .map(|report| report.outcome == handoff_domain::lifecycle::Outcome::Applied);
        let reported = match self.stage {
            Stage::Reconciled { applied } => Some(applied),
            _ => None,
        };
        let has = |flag| seen.flags.contains(&flag);
        let allowed = seen.deadline.default_allowed.unwrap_or(self.allowed);
        state == seen.state
            && decision
            && applied == reported
            && has(Flag::Escalated) == self.escalated
            && has(Flag::ManualReview) == self.manual
            && allowed == self.allowed
            && usize::try_from(seen.revision) == Ok(self.proposals.len())
            && seen.summary == format!("Proposal {}.", self.proposal().number)
    }
}

/// How often all is let go as far as it goes before an answer is given up.
const SETTLES: usize = 10;

/// What the window showed of a handoff, and what was stored of it then. Where that is
/// the same, and the desk is, it is shown again.
#[derive(Default)]
pub struct Seen {
    stored: Option<Stored>,
    view: Option<CaseView>,
}

/// The warnings that were recorded since the last step.
pub type Warned<'a> = &'a [(Ask, bool)];

impl World {
    /// Holds what is seen against what may have become of each handoff.
    /// `become_of` says what that is, given the warnings that were recorded.
    pub fn look(
        &mut self,
        become_of: impl Fn(usize, &Case, Warned) -> Vec<Case>,
    ) -> Result<(), String> {
        if let Some(fault) = self.bell.fault() {
            return Err(fault);
        }
        let stored = self.desk()?.stored()?;
        self.seen.resize_with(self.cases.len(), Seen::default);
        for index in 0..self.cases.len() {
            let id = &self.cases[index].id;
            let now = stored.get(id);
            // Opened again where something of it was stored since.
            if now.is_none() || self.seen[index].stored.as_ref() != now {
                let view = self.desk()?.engine.open_case(id).ok();
                self.seen[index] = Seen { stored: now.cloned(), view };
            }
            let seen = self.seen[index].view.as_ref();
            let warnings = seen.map_or(0, |seen| {
                seen.thread.iter().filter(|entry| entry.event == "warned").count()
            });
            if warnings < self.warnings[index] {
                return Err("invariant 1: a warning is gone".to_owned());
            }
            let hung = self.looking.is_some() || self.went_on;
            let warned = vec![(Ask::Warn { hung }, true); warnings - self.warnings[index]];
            self.warnings[index] = warnings;
            let may = become_of(index, &self.cases[index], &warned);
            let fits = || may.iter().filter(|case| case.agrees(seen));
            // Which of two proposals that came at once was warned of is seen here alone.
            let warned_of = |case: &&Case| {
                let told = seen.is_some_and(|seen| seen.deadline.warned);
                case.warned.is_some() == told
            };
            let found = fits().find(warned_of).or_else(|| fits().next());
            let Some(found) = found else {
                let seen = seen.map(|seen| {
                    let events: Vec<String> =
                        seen.thread.iter().map(|entry| entry.event.clone()).collect();
                    format!(
                        "{:?} {:?} revision {} {:?} {events:?}",
                        seen.state, seen.flags, seen.revision, seen.decision
                    )
                });
                return Err(format!(
                    "it was {:?}\nwarned {warned:?}, it may be {may:?}\nbut is {seen:?}",
                    self.cases[index]
                ));
            };
            self.cases[index] = found.clone();
        }
        self.hear()?;
        // Now and then: it takes as long as all the rest.
        if self.seed.chance(25) { self.lists() } else { self.agents_view() }
    }

    /// Takes what the waiting agents were told; nobody may wait for what is
    /// there.
    fn hear(&mut self) -> Result<(), String> {
        let mut told = BTreeMap::new();
        for mut wait in std::mem::take(&mut self.waits) {
            let mut heard = wait.answer.try_recv();
            // Where the clocks have something to tell, that is stored first.
            for _ in 0..SETTLES {
                if heard.is_ok() || !self.cases[wait.case].is_news() {
                    break;
                }
                self.desk()?.settle()?;
                heard = wait.answer.try_recv();
            }
            let Ok(outcome) = heard else {
                if self.cases[wait.case].is_news() {
                    return Err(format!("{} waits for ever", self.cases[wait.case].id));
                }
                self.waits.push(wait);
                continue;
            };
            let value = match outcome {
                Ok(value) => value,
                Err(_) if self.failed => continue,
                Err(error) => return Err(format!("a wait failed: {}", error.message)),
            };
            let answer = answered(&value)?;
            let case = &mut self.cases[wait.case];
            let current = usize::try_from(answer.revision) == Ok(case.proposals.len());
            if let Some(decision) = &answer.decision
                && current
                && !case.choice.is_some_and(|choice| choice.is(decision, case.proposal()))
            {
                return Err(format!("invariant 1: told {decision:?}, decided {:?}", case.choice));
            }
            if let Some(lease) = answer.lease.filter(|_| answer.act && current) {
                case.granted(wait.connection, lease.id)?;
            }
            told.insert(wait.case, answer.state);
        }
        for (case, state) in told {
            let case = &self.cases[case];
            if state == State::Released && case.stage == Stage::Released && case.held.is_none() {
                return Err(format!("{} is free, and nobody may act", case.id));
            }
        }
        Ok(())
    }

    /// Invariant 11: badge, lists and counts.
    pub fn lists(&self) -> Result<(), String> {
        let desk = self.desk()?;
        let mut sizes = Vec::new();
        let mut counts = None;
        let asked = self.asked()?;
        for list in [List::Inbox, List::Review, List::Waiting, List::Done] {
            let query = QueueQuery { list, search: String::new(), limit: 100 };
            let view = desk.run(desk.engine.queue(query))?.map_err(|f| f.0.message)?;
            let mut shown: Vec<&str> = view.items.iter().map(|item| item.id.as_str()).collect();
            shown.sort_unstable();
            let in_list = |case: &&Case| match case.stage {
                Stage::Unknown => false,
                Stage::Ready if case.manual => list == List::Review,
                Stage::Ready => list == List::Inbox,
                Stage::Decided { .. } | Stage::Released | Stage::Collected => list == List::Waiting,
                Stage::Reconciled { .. } | Stage::Withdrawn | Stage::Superseded => {
                    list == List::Done
                }
            };
            let asked = asked.iter().filter(|(its, _)| *its == list);
            let cases = self.cases.iter().filter(in_list).map(|case| case.id.as_str());
            let mut due: Vec<&str> = cases.chain(asked.map(|(_, id)| id.as_str())).collect();
            due.sort_unstable();
            if shown != due || usize::try_from(view.total) != Ok(due.len()) {
                return Err(format!("invariant 11: {list:?} shows {shown:?}, not {due:?}"));
            }
            sizes.push(view.total);
            if *counts.get_or_insert(view.counts) != view.counts {
                return Err("invariant 11: the counts differ".to_owned());
            }
        }
        let counts = counts.unwrap_or_default();
        let badge = desk.engine.inbox_count().map_err(|failure| failure.0.message)?;
        let counted = [counts.inbox, counts.review, counts.waiting, counts.done];
        if counted != sizes[..] || badge != sizes[0] {
            return Err(format!("invariant 11: {counts:?} and {badge} for {sizes:?}"));
        }
        Ok(())
    }

    /// What an agent is told of one of its own.
    fn agents_view(&mut self) -> Result<(), String> {
        if self.cases.is_empty() || self.connections.is_empty() {
            return Ok(());
        }
        let index = self.seed.below(self.cases.len());
        let case = &self.cases[index];
        let Some(connection) = self.connections.iter().find(|open| open.agent == case.agent) else {
            return Ok(());
        };
        let answer = self.desk()?.run(connection.call("handoff.get", json!({ "id": case.id })))?;
        let Ok(value) = answer else {
            return if case.stage == Stage::Unknown {
                Ok(())
            } else {
                Err(format!("invariant 1: {} is gone", case.id))
            };
        };
        let shown = answered(&value)?;
        let out = !matches!(case.stage, Stage::Ready | Stage::Decided { .. });
        let agrees = match (&shown.decision, case.choice.filter(|_| out)) {
            (None, None) => true,
            (Some(decision), Some(choice)) => choice.is(decision, case.proposal()),
            _ => false,
        };
        if !agrees || shown.act {
            return Err(format!("an agent is told {shown:?} of {case:?}"));
        }
        Ok(())
    }
}
