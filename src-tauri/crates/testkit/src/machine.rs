//! The machine as a desk without a window runs on it: its real clock, and the
//! threads that the app has.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use handoff_domain::bounded;
use handoff_engine::Clock;
use tokio::runtime::{Builder, Runtime};

/// The system's clock, ahead by the time that a desk was off for longer than the
/// test took. It never sleeps, and says nothing of restarts.
#[derive(Debug, Clone, Copy)]
pub struct MachineClock {
    ahead: TimeDelta,
    start: Instant,
}

impl MachineClock {
    /// Ahead by so many seconds.
    pub fn ahead_by(seconds: i64) -> Self {
        Self { ahead: TimeDelta::seconds(seconds), start: Instant::now() }
    }
}

impl Clock for MachineClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now() + self.ahead
    }

    fn awake(&self) -> Duration {
        self.start.elapsed()
    }

    fn boot(&self) -> Duration {
        self.start.elapsed()
    }

    /// It counts from the start of the process.
    fn boot_id(&self) -> Option<String> {
        None
    }

    fn zone(&self) -> Tz {
        Tz::UTC
    }
}

/// The threads of the app, as many and as deep.
pub fn threads() -> std::io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(2)
        .thread_stack_size(bounded::STACK)
        .on_thread_start(bounded::has_stack)
        .enable_all()
        .build()
}
