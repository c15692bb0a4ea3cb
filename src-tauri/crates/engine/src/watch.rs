//! The desk's own clock: which time is, and which nobody watched.
//!
//! It compares readings of the clocks and acts on nothing.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::moment::Moment;

/// Time that nobody watched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gap {
    /// The machine slept, or the desk was off: since when, by the desk's clock.
    pub slept_since: Option<DateTime<Utc>>,
    /// The wall clock was set: by how much.
    pub stepped: Option<TimeDelta>,
    /// The machine was awake and the desk stood still: stopped, or frozen.
    pub frozen: bool,
}

/// Who looks at the clocks again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looker {
    Holds,
    Timers,
}

/// What the clocks show.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    pub wall: DateTime<Utc>,
    pub awake: Duration,
    pub boot: Duration,
}

/// What the clocks showed when it was written down, for the desk that comes
/// after this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    wall: DateTime<Utc>,
    boot: Duration,
    boot_id: Option<String>,
}

impl Shown {
    pub fn of(reading: Reading, boot_id: Option<String>) -> Self {
        Self { wall: reading.wall, boot: reading.boot, boot_id }
    }

    /// By how much the wall clock was set since, as far as that can be told:
    /// exactly while the machine runs on; after another start by what is missing
    /// to the time that had come already.
    pub fn stepped(&self, now: Reading, boot_id: Option<&str>) -> Option<TimeDelta> {
        let by = now.wall - self.wall;
        let by = if boot_id.is_some() && self.boot_id.as_deref() == boot_id {
            by - (delta(now.boot) - delta(self.boot))
        } else {
            by.min(TimeDelta::zero())
        };
        step(by)
    }
}

/// The desk's own clock: the wall clock as it was last looked at, and what has
/// passed since. It never jumps but where a jump is taken account of.
#[derive(Debug, Clone, Copy)]
pub struct Watch {
    last: Reading,
    /// What the wall clock showed when the machine started, by the setting
    /// that is taken account of.
    origin: DateTime<Utc>,
    /// All settings that are taken account of, together.
    steps: TimeDelta,
    /// When the clocks were last written down, by the boot clock.
    written: Option<Duration>,
    /// By when each looks again, by the awake clock; nobody while nothing is
    /// timed.
    next: [Option<Duration>; 2],
    /// A look came far too late, and that is not taken account of.
    late: bool,
}

impl Watch {
    /// How far the wall clock may be corrected before that counts as a step.
    const SLACK: TimeDelta = TimeDelta::seconds(60);

    /// How long a sleep has to be.
    const SLEEP: Duration = Duration::from_secs(2);

    /// How late a look has to be: no load makes it so.
    const FROZEN: Duration = Duration::from_secs(10);

    /// How often the clocks are written down.
    const NOTE: Duration = Duration::from_mins(10);

    /// By the clocks as they are at first, `steps` after the time when all their
    /// settings began to be counted.
    pub fn new(first: Reading, steps: TimeDelta) -> Self {
        let origin = first.wall - delta(first.boot);
        Self { last: first, origin, steps, written: None, next: [None; 2], late: false }
    }

    /// The time for something that is to be stored, so long after the machine started.
    pub fn moment(&self, boot: Duration) -> Moment {
        Moment { at: self.at(boot), steps: self.steps }
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
        let frozen = self.late || self.is_late(now.awake);
        Gap {
            slept_since: (frozen || asleep >= Self::SLEEP).then(|| self.at(self.last.boot)),
            stepped: step(by),
            frozen,
        }
    }

    /// Notes by when somebody looks again. No clock stands still with a desk that
    /// is stopped: only that it comes far too late tells of it.
    pub fn looks_by(&mut self, who: Looker, next: Option<Duration>, awake: Duration) {
        self.late |= self.is_late(awake);
        self.next[who as usize] = next;
    }

    fn is_late(&self, awake: Duration) -> bool {
        let late = |next: &Duration| awake.saturating_sub(*next) >= Self::FROZEN;
        self.next.iter().flatten().any(late)
    }

    /// The time once this gap is taken account of.
    pub fn shows(&self, now: Reading, gap: Gap) -> Moment {
        let Moment { at, steps } = self.moment(now.boot);
        let by = gap.stepped.unwrap_or_default();
        Moment { at: at + by, steps: steps + by }
    }

    /// The gap is taken account of. What is no step is followed as it
    /// is: a clock that is kept right is corrected by fractions of a second.
    pub fn accept(&mut self, now: Reading, gap: Gap) {
        self.origin += gap.stepped.unwrap_or_else(|| self.off(now));
        self.steps += gap.stepped.unwrap_or_default();
        if gap.frozen {
            (self.next, self.late) = ([None; 2], false);
        }
        self.last = now;
    }

    /// Whether the clocks are to be written down.
    pub fn is_to_be_written(&self, now: Reading) -> bool {
        self.written.is_none_or(|at| now.boot.saturating_sub(at) >= Self::NOTE)
    }

    /// The clocks were written down as they were then, or are to be.
    pub fn is_written(&mut self, at: Option<Reading>) {
        self.written = at.map(|reading| reading.boot);
    }

    fn off(&self, now: Reading) -> TimeDelta {
        now.wall - delta(now.boot) - self.origin
    }
}

/// The step that this is, if it is one: as exactly as it is stored, or what is stored
/// would never count by the present setting again.
fn step(by: TimeDelta) -> Option<TimeDelta> {
    let by = by.num_microseconds().map_or(by, TimeDelta::microseconds);
    (by.abs() > Watch::SLACK).then_some(by)
}

fn delta(span: Duration) -> TimeDelta {
    TimeDelta::from_std(span).unwrap_or(TimeDelta::MAX)
}
