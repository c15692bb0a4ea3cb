//! The deadline of a handoff in absolute time: when to warn, and from when on
//! its passing may count.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::payload::Deadline;

/// Time between a late warning and what follows it, where the agent names none.
pub const DEFAULT_GRACE: TimeDelta = TimeDelta::minutes(5);

/// When an answer is due and what follows, in absolute time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// The deadline.
    pub respond_by: DateTime<Utc>,
    /// When the warning is due.
    pub warn_at: DateTime<Utc>,
    /// Seconds between a late warning and what follows it.
    pub grace_s: u32,
    /// When the warning was attempted.
    pub warned_at: Option<DateTime<Utc>>,
    /// The agent gave a span and no date: a stepped clock does not change it.
    #[serde(default)]
    pub relative: bool,
}

impl Timing {
    /// The timing of a deadline that was acknowledged at `now`: the default
    /// lead is the last fifth, at least a minute, at most half.
    pub fn new(deadline: &Deadline, now: DateTime<Utc>) -> Self {
        let respond_by = match (deadline.respond_by, deadline.respond_within_s) {
            (Some(at), _) => at,
            (None, Some(seconds)) => now + TimeDelta::seconds(i64::from(seconds)),
            (None, None) => now,
        };
        let span = (respond_by - now).max(TimeDelta::zero());
        let grace_s = deadline
            .grace_s
            .unwrap_or_else(|| u32::try_from(DEFAULT_GRACE.num_seconds()).unwrap_or(u32::MAX));
        let named = deadline.warn_before_s.map(|seconds| TimeDelta::seconds(i64::from(seconds)));
        let lead = if span.is_zero() {
            // It passed while the handoff waited in the spool. There is no time
            // left to take a part of, so the grace is what the warning gets.
            TimeDelta::seconds(i64::from(grace_s))
        } else {
            named.map_or_else(
                || (span / 5).max(TimeDelta::seconds(60)).min(span / 2),
                |lead| lead.min(span),
            )
        };
        let relative = deadline.respond_by.is_none();
        Self { respond_by, warn_at: respond_by - lead, grace_s, warned_at: None, relative }
    }

    /// The earliest moment at which the deadline may act: never without a
    /// warning, and never sooner after it than its lead. A warning that came
    /// after the deadline is followed by the grace, however short the lead; one
    /// that was late and still in time by the shorter of the two, so that a
    /// moment's delay does not put the deadline off by minutes.
    pub fn due_at(&self) -> Option<DateTime<Utc>> {
        let warned = self.warned_at?;
        let lead = self.respond_by - self.warn_at;
        let grace = TimeDelta::seconds(i64::from(self.grace_s));
        Some(if self.respond_by <= warned {
            warned + grace
        } else {
            self.respond_by.max(warned + lead.min(grace))
        })
    }

    /// Forgets a warning whose time was up while nobody could have acted on
    /// it, between `since` and `now`: it is given again, and the grace with it.
    pub(super) fn missed(&mut self, since: DateTime<Utc>, now: DateTime<Utc>) {
        if self.due_at().is_some_and(|due| since < due && due <= now) {
            self.warned_at = None;
        }
    }

    /// The wall clock was set back: a date that had passed by it may be still to
    /// come, and then its warning is, too.
    pub(super) fn was_not_late(&mut self) {
        let was_late = self.warned_at.is_some_and(|warned| self.respond_by <= warned);
        if was_late && !self.relative {
            self.warned_at = None;
        }
    }

    /// The wall clock was set forward from `since` to `now`: a warning of a date
    /// that passed by that told of time that there was not.
    pub(super) fn passed_at_once(&mut self, since: DateTime<Utc>, now: DateTime<Utc>) {
        if !self.relative && since < self.respond_by && self.respond_by <= now {
            self.warned_at = None;
        }
    }

    /// The wall clock was set forward by `by`, or back: what was given as a
    /// span moves with it, and so does the warning, from which the lead counts.
    pub(super) fn stepped(&mut self, by: TimeDelta) {
        if self.relative {
            self.shift(by);
        } else if let Some(warned) = &mut self.warned_at {
            *warned += by;
        }
    }

    pub(super) fn shift(&mut self, by: TimeDelta) {
        self.respond_by += by;
        self.warn_at += by;
        if let Some(warned) = &mut self.warned_at {
            *warned += by;
        }
    }
}
