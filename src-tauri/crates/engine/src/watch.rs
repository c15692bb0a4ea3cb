//! The desk's own clock: which time is, and which nobody watched.
//!
//! It compares readings of the clocks and acts on nothing.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// Time that nobody watched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gap {
    /// The machine slept, or the desk was off: since when, by the desk's clock.
    pub slept_since: Option<DateTime<Utc>>,
    /// The wall clock was set: by how much.
    pub stepped: Option<TimeDelta>,
}

/// What the clocks show.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    pub wall: DateTime<Utc>,
    pub awake: Duration,
    pub boot: Duration,
}

/// The desk's own clock: the wall clock as it was last looked at, and what has
/// passed since. It never jumps but where a jump is taken account of.
#[derive(Debug, Clone, Copy)]
pub struct Watch {
    last: Reading,
    /// What the wall clock showed when the machine started, by the setting
    /// that is taken account of.
    origin: DateTime<Utc>,
}

impl Watch {
    /// How far the wall clock may be corrected before that counts as a step.
    const SLACK: TimeDelta = TimeDelta::seconds(60);

    /// How long a sleep has to be.
    const SLEEP: Duration = Duration::from_secs(2);

    pub fn new(first: Reading) -> Self {
        Self { last: first, origin: first.wall - delta(first.boot) }
    }

    /// The time, so long after the machine started.
    pub fn at(&self, boot: Duration) -> DateTime<Utc> {
        self.origin + delta(boot)
    }

    /// What happened since the last look.
    pub fn gap(&self, now: Reading) -> Gap {
        let by = self.off(now);
        let awake = now.awake.saturating_sub(self.last.awake);
        let asleep = now.boot.saturating_sub(self.last.boot).saturating_sub(awake);
        Gap {
            slept_since: (asleep >= Self::SLEEP).then(|| self.at(self.last.boot)),
            stepped: (by.abs() > Self::SLACK).then_some(by),
        }
    }

    /// The time once this gap is taken account of.
    pub fn shows(&self, now: Reading, gap: Gap) -> DateTime<Utc> {
        self.at(now.boot) + gap.stepped.unwrap_or_default()
    }

    /// The gap is taken account of. What is no step is followed as it
    /// is: a clock that is kept right is corrected by fractions of a second.
    pub fn accept(&mut self, now: Reading, gap: Gap) {
        self.origin += gap.stepped.unwrap_or_else(|| self.off(now));
        self.last = now;
    }

    fn off(&self, now: Reading) -> TimeDelta {
        now.wall - delta(now.boot) - self.origin
    }
}

fn delta(span: Duration) -> TimeDelta {
    TimeDelta::from_std(span).unwrap_or(TimeDelta::MAX)
}
