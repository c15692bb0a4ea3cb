//! Where a handoff stands, and what the edges need to know of its payload.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::state::{Flag, Phase, State};
use super::timing::Timing;
use crate::action::Effect;
use crate::decision::Decision;
use crate::payload::{Deadline, Payload, TimeoutKind};

/// Where a handoff stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Counts the agent's proposals, from 1.
    pub revision: u32,
    /// The state.
    #[serde(flatten)]
    pub phase: Phase,
    /// Sorted, without repeats.
    pub flags: Vec<Flag>,
    /// The deadline.
    pub timing: Timing,
    /// Since when the deadline stands still.
    pub stood_still_since: Option<DateTime<Utc>>,
    /// Why a declared default was not taken.
    pub default_refused: Option<String>,
}

/// What the edges need to know of the payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traits {
    /// What happens at the deadline.
    pub on_timeout: TimeoutKind,
    /// Whether the declared default runs nothing or only reads.
    pub default_is_read: bool,
    /// The options that cannot be taken back once they are carried out; by the
    /// agent itself, where they name no action.
    pub irreversible: Vec<String>,
}

impl Traits {
    /// The traits of a payload.
    pub fn of(payload: &Payload) -> Self {
        let default =
            payload.deadline.on_timeout.option.as_deref().and_then(|id| payload.option(id));
        Self {
            on_timeout: payload.deadline.on_timeout.kind,
            default_is_read: default.is_some_and(|option| {
                option.action.is_none() || option.risk.effect == Effect::Read
            }),
            irreversible: payload
                .options
                .iter()
                .filter(|option| option.risk.effect == Effect::Irreversible)
                .map(|option| option.id.clone())
                .collect(),
        }
    }

    /// Whether carrying out this decision cannot be taken back.
    pub fn is_irreversible(&self, decision: &Decision) -> bool {
        decision.option.as_ref().is_some_and(|option| self.irreversible.contains(option))
    }
}

impl Progress {
    /// A handoff just received.
    pub fn new(deadline: &Deadline, cold: bool, now: DateTime<Utc>) -> Self {
        Self {
            revision: 1,
            phase: Phase::Queued,
            flags: if cold { vec![Flag::Cold] } else { Vec::new() },
            timing: Timing::new(deadline, now),
            stood_still_since: None,
            default_refused: None,
        }
    }

    /// The state in one word.
    pub fn state(&self) -> State {
        self.phase.state()
    }

    /// Whether it carries a flag.
    pub fn has(&self, flag: Flag) -> bool {
        self.flags.contains(&flag)
    }

    /// Whether the lease of an irreversible decision has lapsed with nothing
    /// reported, so that the action may have run, or not.
    pub fn may_have_run(&self, traits: &Traits, now: DateTime<Utc>) -> bool {
        matches!(&self.phase, Phase::Collected { lease, regranted, decision, .. }
            if lease.expires_at <= now && !regranted && traits.is_irreversible(decision))
    }

    /// The next moment at which time alone makes something happen.
    pub fn next_timer(&self) -> Option<DateTime<Utc>> {
        match self.phase {
            Phase::Ready if self.has(Flag::Escalated) || self.has(Flag::ManualReview) => None,
            Phase::Ready => Some(self.timing.due_at().unwrap_or(self.timing.warn_at)),
            Phase::Queued
            | Phase::Decided { .. }
            | Phase::Released { .. }
            | Phase::Collected { .. }
            | Phase::Reconciled { .. }
            | Phase::Withdrawn { .. }
            | Phase::Superseded { .. } => None,
        }
    }

    pub(super) fn mark(&mut self, flag: Flag) {
        if let Err(place) = self.flags.binary_search(&flag) {
            self.flags.insert(place, flag);
        }
    }

    pub(super) fn unmark(&mut self, flags: &[Flag]) {
        self.flags.retain(|flag| !flags.contains(flag));
    }
}
