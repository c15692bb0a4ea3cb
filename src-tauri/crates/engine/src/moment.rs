//! The time of something that is to be stored, where the clock may be set before it is.
//!
//! What is stored says by which settings of the clock it counts, in the same database:
//! so a change that was begun by an earlier one is moved with all the rest, and nobody
//! waits for anybody. It notices no setting; that is the watch's.

use chrono::{DateTime, TimeDelta, Utc};
use handoff_store::{Read, StoreError, Write};

/// Under this name it is stored by how much the clock was set since the database was
/// made, all settings together, in microseconds.
const STEPS: &str = "clock_steps";

/// A time by the desk's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub at: DateTime<Utc>,
    /// The settings that it counts by, all together.
    pub steps: TimeDelta,
}

impl Moment {
    /// The same by the clock that everything stored counts by.
    ///
    /// # Errors
    ///
    /// If that cannot be read.
    pub fn now(self, write: &Write<'_>) -> Result<DateTime<Utc>, StoreError> {
        Ok(self.at + self.moved(write)?)
    }

    /// By how much the clock was set since, as far as that is taken account of.
    ///
    /// # Errors
    ///
    /// If that cannot be read.
    pub fn moved(self, write: &Write<'_>) -> Result<TimeDelta, StoreError> {
        Ok(steps(&write.read())? - self.steps)
    }
}

/// The settings of the clock that everything stored counts by, all together.
///
/// # Errors
///
/// If that cannot be read.
pub(crate) fn steps(read: &Read<'_>) -> Result<TimeDelta, StoreError> {
    let Some(stored) = read.setting(STEPS)? else { return Ok(TimeDelta::zero()) };
    let steps = stored.parse().map(TimeDelta::microseconds);
    steps.map_err(|_| StoreError::Damaged(format!("{STEPS} is no number: {stored}")))
}

/// Everything stored counts by these settings from now on.
///
/// # Errors
///
/// If that cannot be stored.
pub(crate) fn count_by(write: &Write<'_>, steps: TimeDelta) -> Result<(), StoreError> {
    // No clock is set by the 290,000 years that do not fit.
    write.set(STEPS, &steps.num_microseconds().unwrap_or_default().to_string())
}
