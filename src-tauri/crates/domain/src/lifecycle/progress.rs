//! Where a handoff stands, and what the edges need to know of its payload.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::state::{Flag, Phase, State, Unmet};
use super::timing::Timing;
use crate::agreement::Divergence;
use crate::decision::Decision;
use crate::effect::Judged;
use crate::floor;
use crate::gate::{Held, by_default};
use crate::payload::{Deadline, HandoffOption, Payload, RiskLevel, TimeoutKind};

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
    /// Since when the deadline stands still: while it is queued, and while it
    /// is decided and not released.
    pub stood_still_since: Option<DateTime<Utc>>,
    /// Why a declared default was not taken.
    pub default_refused: Option<String>,
    /// The reviewer allowed the declared default beforehand, on the card.
    #[serde(default)]
    pub default_allowed: bool,
    /// When the reviewer is reminded next, unless the warning comes first.
    #[serde(default)]
    pub remind_at: Option<DateTime<Utc>>,
    /// How far the escalation has come.
    #[serde(default)]
    pub escalation: Option<Escalation>,
    /// By when the agent that has the decision, or acted on it, is to report on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report_by: Option<DateTime<Utc>>,
    /// Where the agent did something else than it was told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub divergences: Vec<Divergence>,
    /// What did not hold any more, so that it is asked again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmet: Vec<Unmet>,
}

/// The louder and louder alerts after a deadline that escalates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escalation {
    /// How many alerts there were.
    pub done: u32,
    /// What comes next.
    pub next: NextAlert,
    /// What comes next is the last alert once more: it was to be given up
    /// while nobody watched.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
}

/// What comes next in an escalation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextAlert {
    /// When, at the earliest.
    pub at: DateTime<Utc>,
    /// There is no alert left: it becomes manual review.
    pub gives_up: bool,
}

/// What time asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    /// To remind the reviewer.
    Remind,
    /// To warn of the deadline.
    Warn,
    /// To do what the handoff says for its deadline.
    TimeUp,
    /// To alert the reviewer once more.
    Alert,
    /// To leave it to manual review.
    GiveUp,
    /// To say that the agent has not reported.
    Unreported,
}

/// What the edges need to know of the payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traits {
    /// What happens at the deadline.
    pub on_timeout: TimeoutKind,
    /// The options that were found not to be taken back once they are carried
    /// out; by the agent's own word, where they name no action.
    pub irreversible: Vec<String>,
}

impl Traits {
    /// The traits of a payload, the calls of whose options were found to do
    /// this, in their order.
    pub fn of(payload: &Payload, found: &[Judged]) -> Self {
        Self {
            on_timeout: payload.deadline.on_timeout.kind,
            irreversible: floor::irreversible(payload.options.iter().zip(found)),
        }
    }

    /// The risk that is shown of an option.
    pub fn risk(&self, option: &HandoffOption) -> RiskLevel {
        if self.irreversible.contains(&option.id) { RiskLevel::High } else { option.risk.level }
    }

    /// Whether carrying out this decision cannot be taken back.
    pub fn is_irreversible(&self, decision: &Decision) -> bool {
        decision.option.as_ref().is_some_and(|option| self.irreversible.contains(option))
    }
}

impl Progress {
    /// A handoff just received: its deadline stands still until it is shown.
    pub fn new(deadline: &Deadline, cold: bool, now: DateTime<Utc>) -> Self {
        Self {
            revision: 1,
            phase: Phase::Queued,
            flags: if cold { vec![Flag::Cold] } else { Vec::new() },
            timing: Timing::new(deadline, now),
            stood_still_since: Some(now),
            default_refused: None,
            default_allowed: false,
            remind_at: None,
            escalation: None,
            report_by: None,
            divergences: Vec::new(),
            unmet: Vec::new(),
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

    /// What is due at `now`: after a long silence the warning, not a reminder
    /// that should have come before it.
    pub fn due(&self, now: DateTime<Utc>) -> Option<Due> {
        match self.next_due()? {
            (at, _) if now < at => None,
            (_, Due::Remind) if self.timing.warn_at <= now => Some(Due::Warn),
            (_, due) => Some(due),
        }
    }

    /// Giving up came due while nobody could have seen it, between `since` and
    /// `now`: the reviewer is alerted once more before that.
    pub(super) fn missed_giving_up(&mut self, since: DateTime<Utc>, now: DateTime<Utc>) {
        let over = self.has(Flag::ManualReview);
        if let Some(escalation) = self.escalation.as_mut().filter(|_| !over)
            && escalation.next.gives_up
            && (since < escalation.next.at && escalation.next.at <= now)
        {
            escalation.next = NextAlert { at: now, gives_up: false };
            escalation.again = true;
        }
    }

    /// Whether its reminders can be put off.
    pub fn can_snooze(&self, now: DateTime<Utc>) -> bool {
        self.state() == State::Ready && !self.is_late() && now < self.timing.warn_at
    }

    /// Until when its reminders are put off, if they are.
    pub fn snoozed_until(&self) -> Option<DateTime<Utc>> {
        self.remind_at.filter(|_| self.has(Flag::Snoozed))
    }

    /// Whether the warning is out, or more than that has happened.
    pub(super) fn is_late(&self) -> bool {
        let over = self.escalation.is_some() || self.has(Flag::ManualReview);
        over || self.timing.warned_at.is_some()
    }

    /// Whether the reviewer has given leave for the declared default, of which
    /// the gate says `held`; `None` where there is none, none is needed, or none
    /// can be given.
    pub fn leave(&self, traits: &Traits, held: Option<Held>) -> Option<bool> {
        let declared = traits.on_timeout == TimeoutKind::SafeDefault;
        let asked = declared && held.is_some_and(by_default::takes_leave);
        asked.then_some(self.default_allowed)
    }

    /// The deadline has stood still for so long.
    pub(super) fn stood_still(&mut self, by: TimeDelta) {
        self.timing.shift(by);
        for at in self.planned() {
            *at += by;
        }
    }

    /// The wall clock was set: what was measured by it is measured on.
    pub(super) fn stepped(&mut self, by: TimeDelta) {
        self.timing.stepped(by);
        for at in self.planned() {
            *at += by;
        }
        for at in self.stood_still_since.as_mut().into_iter().chain(self.report_by.as_mut()) {
            *at += by;
        }
        match &mut self.phase {
            Phase::Released { offer: Some(lease), .. } | Phase::Collected { lease, .. } => {
                lease.expires_at += by;
            }
            Phase::Queued
            | Phase::Ready
            | Phase::Decided { .. }
            | Phase::Released { offer: None, .. }
            | Phase::Reconciled { .. }
            | Phase::Withdrawn { .. }
            | Phase::Superseded { .. } => {}
        }
    }

    fn planned(&mut self) -> impl Iterator<Item = &mut DateTime<Utc>> {
        let alert = self.escalation.as_mut().map(|escalation| &mut escalation.next.at);
        self.remind_at.as_mut().into_iter().chain(alert)
    }

    /// Whether the lease of an irreversible decision has lapsed with nothing
    /// reported, so that the action may have run, or not.
    pub fn may_have_run(&self, traits: &Traits, now: DateTime<Utc>) -> bool {
        matches!(&self.phase, Phase::Collected { lease, regranted, decision, .. }
            if lease.expires_at <= now && !regranted && traits.is_irreversible(decision))
    }

    /// The next moment at which time alone makes something happen, and what.
    pub fn next_due(&self) -> Option<(DateTime<Utc>, Due)> {
        match self.phase {
            Phase::Ready if self.has(Flag::ManualReview) => None,
            Phase::Ready => Some(match (&self.escalation, self.timing.due_at()) {
                (Some(Escalation { next, .. }), _) if next.gives_up => (next.at, Due::GiveUp),
                (Some(Escalation { next, .. }), _) => (next.at, Due::Alert),
                (None, Some(due)) => (due, Due::TimeUp),
                (None, None) => {
                    let warning = (self.timing.warn_at, Due::Warn);
                    self.remind_at.map_or(warning, |at| {
                        if at < warning.0 { (at, Due::Remind) } else { warning }
                    })
                }
            }),
            Phase::Released { .. } | Phase::Collected { .. } => {
                self.report_by.map(|by| (by, Due::Unreported))
            }
            Phase::Queued
            | Phase::Decided { .. }
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
