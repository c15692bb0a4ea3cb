//! A desktop of its own, for a run without a screen: an X server, a session
//! bus, a window manager and a notification service that nobody else sees,
//! and a driver for the window that is opened on them.
//!
//! Only `cargo xtask`, the system tests and the measurements use it; nothing
//! of it is in the app. It knows nothing of handoffs.

pub mod child;
pub mod driver;
pub mod mounts;
pub mod notices;
pub mod stage;

pub use child::Child;
pub use driver::{Driver, Element};
pub use notices::{Notice, Notices};
pub use stage::{Plan, Stage};

use std::time::{Duration, Instant};

/// Asks `question` until it has an answer, for at most `limit`.
///
/// For what cannot be waited for any other way, such as a property of another
/// program; between two questions the processor is given away for a moment.
pub fn ask_until<T>(
    limit: Duration,
    mut question: impl FnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<Option<T>> {
    let until = Instant::now() + limit;
    loop {
        if let Some(answer) = question()? {
            return Ok(Some(answer));
        }
        if Instant::now() >= until {
            return Ok(None);
        }
        std::thread::park_timeout(Duration::from_millis(15));
    }
}
