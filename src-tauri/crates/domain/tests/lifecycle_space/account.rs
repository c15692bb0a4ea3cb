//! The account: what a careful bystander with a stopwatch would write down of
//! one handoff, and what he would object to.

use handoff_domain::decision::{Decider, Decision};
use handoff_domain::lifecycle::{Flag, LEASE, Progress, State};
use handoff_domain::payload::TimeoutKind;

use crate::moves::Move;
use crate::world::{Shape, TICK_S};

/// From here on more ticks make no difference.
pub const LONG: i64 = 4;

/// The stopwatch and the notes; all times in elapsed ticks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Account {
    /// Until the deadline; stands still while decided.
    pub left: i64,
    /// How long the last warning is ago.
    pub warned: Option<i64>,
    /// It came after the deadline.
    pub late: bool,
    /// Its time came while nobody watched, and no warning was given since.
    pub missed: bool,
    /// The reviewer allows the default.
    pub allowed: bool,
    /// The deadline has acted.
    pub acted: bool,
    /// Somebody could have heard the last alert, or of the deadline.
    pub heard: bool,
    /// The decision in force.
    pub winner: Option<Decided>,
    /// Who may act on it.
    pub held: Option<Held>,
}

/// A decision, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Decided {
    pub option: Option<String>,
    pub by_system: bool,
}

/// A lease: offered, or acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Held {
    pub by: u8,
    pub age: i64,
    pub acknowledged: bool,
    pub regranted: bool,
}

impl Account {
    pub fn new(shape: &Shape) -> Self {
        Self {
            left: shape.within,
            warned: None,
            late: false,
            missed: false,
            allowed: false,
            acted: false,
            heard: false,
            winner: None,
            held: None,
        }
    }

    /// The time between the warning and what follows it, at the least: the lead,
    /// and the grace where the deadline had passed by then. One that was late and
    /// still in time leaves the shorter of the two.
    fn least(&self, shape: &Shape) -> i64 {
        if self.late { shape.grace } else { shape.lead.min(shape.grace) }
    }

    /// Whether the deadline may act now, as far as warning and time go.
    fn is_due(&self, shape: &Shape) -> bool {
        self.left <= 0 && self.warned.is_some_and(|ago| ago >= self.least(shape))
    }

    /// Ticks go by. While decided the deadline stands still, and the time that
    /// a warning gives does too.
    pub fn elapse(&mut self, ticks: i64, ready: bool, watched: bool, shape: &Shape) {
        let due = self.is_due(shape);
        if ready {
            self.left -= ticks;
            self.warned = self.warned.map(|ago| (ago + ticks).min(LONG));
        }
        if let Some(held) = &mut self.held {
            held.age = (held.age + ticks).min(LONG);
        }
        self.heard |= watched && ticks > 0 && (ready || self.acted);
        self.missed |= ready && !watched && !due && self.is_due(shape);
    }

    /// The wall clock was set: only a date comes closer by that, or moves away.
    pub fn stepped(&mut self, by: i64, shape: &Shape) {
        if shape.relative {
            return;
        }
        let due = self.is_due(shape);
        if by < 0 && self.late && !self.acted {
            // It told of a deadline that had not passed after all.
            self.warned = None;
        }
        self.left -= by;
        self.missed = self.is_due(shape) && (self.missed || !due);
    }

    /// Notes what has happened, and objects if it should not have.
    pub fn note(
        &mut self,
        made: Move,
        before: &Progress,
        after: &Progress,
        shape: &Shape,
    ) -> Result<(), String> {
        self.time_came_with_a_warning(made, before, after, shape)?;
        self.the_first_decision_stands(made, before, after, shape)?;
        self.one_holds_the_lease(made, before, after)?;
        match made {
            // Said again it counts as said before, unless it was recorded anew.
            Move::Warn if before.timing.warned_at != after.timing.warned_at => {
                (self.warned, self.missed, self.late) = (Some(0), false, self.left <= 0);
            }
            Move::Allow(allowed) => self.allowed = allowed,
            Move::Revise => *self = Self { left: shape.within, ..Self::new(shape) },
            _ => {}
        }
        Ok(())
    }

    /// Invariant 2.
    fn time_came_with_a_warning(
        &mut self,
        made: Move,
        before: &Progress,
        after: &Progress,
        shape: &Shape,
    ) -> Result<(), String> {
        let late =
            |progress: &Progress| progress.has(Flag::Escalated) || progress.has(Flag::ManualReview);
        match made {
            Move::TimeUp { .. } => {
                if self.acted {
                    return Err("invariant 2: the deadline acted twice".to_owned());
                }
                if self.missed || !self.is_due(shape) {
                    return Err(format!("invariant 2: acted without its warning: {self:?}"));
                }
                (self.acted, self.heard) = (true, false);
            }
            Move::Alert => self.heard = false,
            Move::GiveUp if !self.acted => {
                return Err("invariant 2: gave up before the deadline".to_owned());
            }
            Move::GiveUp if !self.heard => {
                return Err("invariant 2: gave up on an alert that nobody could hear".to_owned());
            }
            Move::GiveUp | Move::Revise => {}
            _ if late(after) != late(before) => {
                return Err(format!("invariant 2: {made:?} did what time alone does"));
            }
            _ => {}
        }
        Ok(())
    }

    /// Invariants 4 and 6.
    fn the_first_decision_stands(
        &mut self,
        made: Move,
        before: &Progress,
        after: &Progress,
        shape: &Shape,
    ) -> Result<(), String> {
        let now = after.phase.decision().map(Decided::of);
        if now == self.winner {
            return Ok(());
        }
        let may = match (&self.winner, &now, made) {
            (None, Some(new), Move::Approve { stale: false, .. } | Move::Reject { .. }) => {
                !new.by_system && before.state() == State::Ready && after.state() == State::Decided
            }
            (None, Some(new), Move::TimeUp { decision: true }) => {
                new.by_system
                    && shape.kind == TimeoutKind::SafeDefault
                    && (shape.default_runs || self.allowed)
            }
            (Some(_), None, Move::Undo) => before.state() == State::Decided,
            (Some(won), None, Move::Revise) => !won.by_system,
            _ => false,
        };
        if !may {
            let change = format!("{:?} became {now:?} by {made:?}", self.winner);
            return Err(format!("invariants 4 and 6: {change}"));
        }
        self.winner = now;
        self.held = None;
        Ok(())
    }

    /// Invariant 10.
    fn one_holds_the_lease(
        &mut self,
        made: Move,
        before: &Progress,
        after: &Progress,
    ) -> Result<(), String> {
        let lease = LEASE.num_seconds() / TICK_S;
        match made {
            Move::Offer(by) => {
                let burns = self.winner.as_ref().is_some_and(|won| won.option() == Some("burn"));
                if let Some(held) = &self.held {
                    let lapsed = held.age >= lease;
                    let free = if held.acknowledged {
                        lapsed && (held.regranted || !burns)
                    } else {
                        lapsed || held.by == by
                    };
                    if !free {
                        return Err(format!("invariant 10: {held:?} has it, and now {by}"));
                    }
                }
                let acknowledged = after.state() == State::Collected;
                self.held = Some(Held { by, age: 0, acknowledged, regranted: false });
            }
            Move::Acknowledge(by) => {
                let Some(held) = self.held.as_mut().filter(|held| held.by == by) else {
                    return Err(format!("invariant 10: {by} took what it was not offered"));
                };
                if before.state() == State::Released {
                    (held.acknowledged, held.age) = (true, 0);
                }
            }
            Move::Holder(by, present) => {
                if let Some(held) = self.held.as_mut().filter(|held| held.by == by) {
                    if present && !held.regranted {
                        held.age = 0;
                    } else if !present && !held.acknowledged {
                        self.held = None;
                    }
                }
            }
            Move::Restart(_) => self.held = self.held.take().filter(|held| held.acknowledged),
            Move::Regrant => {
                if let Some(held) = &mut self.held {
                    held.regranted = true;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl Decided {
    fn of(decision: &Decision) -> Self {
        Self { option: decision.option.clone(), by_system: decision.by == Decider::System }
    }

    fn option(&self) -> Option<&str> {
        self.option.as_deref()
    }
}
