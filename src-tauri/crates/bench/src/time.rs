//! The real time: the one place of the measurements where it is read.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use handoff_engine::Clock;

/// The system's clocks.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        wall()
    }

    fn awake(&self) -> Duration {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        START.elapsed()
    }

    /// Nothing sleeps during a measurement.
    fn boot(&self) -> Duration {
        self.awake()
    }

    fn boot_id(&self) -> Option<String> {
        None
    }

    fn zone(&self) -> Tz {
        Tz::UTC
    }
}

/// The wall clock in milliseconds, as a page and a bus monitor give it.
pub fn wall_ms() -> f64 {
    // A difference of two of these is well below what a double holds exactly.
    #[expect(clippy::cast_precision_loss, reason = "microseconds stay below 2^53 for centuries")]
    let micros = wall().timestamp_micros() as f64;
    micros / 1000.0
}

/// A span in milliseconds.
pub fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1000.0
}

/// The wall clock.
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub fn wall() -> DateTime<Utc> {
    Utc::now()
}
