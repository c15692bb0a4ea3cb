//! The real time: the one place where it is read.

use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use handoff_engine::Clock;
use rustix::time::ClockId;

/// The system's clocks.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn awake(&self) -> Duration {
        since_start(ClockId::Monotonic)
    }

    fn boot(&self) -> Duration {
        since_start(ClockId::Boottime)
    }

    fn zone(&self) -> Tz {
        let named =
            std::env::var("TZ").ok().and_then(|name| name.trim_start_matches(':').parse().ok());
        named.or_else(|| iana_time_zone::get_timezone().ok()?.parse().ok()).unwrap_or(Tz::UTC)
    }
}

fn since_start(clock: ClockId) -> Duration {
    let time = rustix::time::clock_gettime(clock);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}
