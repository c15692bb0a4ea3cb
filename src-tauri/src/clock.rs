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
        Utc::now() + slept()
    }

    fn awake(&self) -> Duration {
        since_start(ClockId::Monotonic)
    }

    fn boot(&self) -> Duration {
        since_start(ClockId::Boottime) + slept()
    }

    fn boot_id(&self) -> Option<String> {
        let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        // In a time namespace the clock counts from another moment.
        let offsets = std::fs::read_to_string("/proc/self/timens_offsets").unwrap_or_default();
        let words = std::iter::once(id.trim()).chain(offsets.split_whitespace());
        Some(words.collect::<Vec<_>>().join(" "))
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

/// The sleep of the machine that a test makes up: seconds in the file that
/// `HANDOFF_SLEPT` names. Only a build that is made to be driven has it.
#[cfg(feature = "automation")]
fn slept() -> Duration {
    static FILE: std::sync::OnceLock<Option<std::path::PathBuf>> = std::sync::OnceLock::new();
    let file = FILE.get_or_init(|| std::env::var_os("HANDOFF_SLEPT").map(Into::into));
    let text = file.as_ref().and_then(|file| std::fs::read_to_string(file).ok());
    Duration::from_secs(text.and_then(|text| text.trim().parse().ok()).unwrap_or_default())
}

/// A machine sleeps when it does, and its clocks know.
#[cfg(not(feature = "automation"))]
const fn slept() -> Duration {
    Duration::ZERO
}
