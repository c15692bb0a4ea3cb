//! What the engine needs from the outside: time, notifications, randomness.
//! Nothing else of the world reaches it.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use chrono::{DateTime, Utc};
use handoff_domain::payload::Priority;

/// The time.
pub trait Clock: Send + Sync + 'static {
    /// The wall clock, in which deadlines are given.
    fn now(&self) -> DateTime<Utc>;

    /// A clock that never steps and stands still while the machine sleeps, in
    /// which holds are counted.
    fn awake(&self) -> Duration;
}

/// What a notification says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The handoff it is about; the same one replaces its earlier notice.
    pub handoff: String,
    /// Who asks.
    pub agent: String,
    /// The first line: agent and priority.
    pub title: String,
    /// The question, unless the reviewer hides it; plain text.
    pub body: String,
    /// How much it matters.
    pub priority: Priority,
    /// It warns of a deadline.
    pub warning: bool,
}

/// What became of a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// The service took it.
    Shown,
    /// There is no service; with the reason.
    NoService(String),
    /// The service failed; with the reason.
    Failed(String),
}

/// Shows notifications. Acting on one only ever opens its item.
pub trait Notifier: Send + Sync + 'static {
    /// Shows a notice, or says why it could not; never takes longer than a few
    /// seconds.
    fn notify(&self, notice: Notice) -> Pin<Box<dyn Future<Output = Attempt> + Send>>;

    /// Takes back what was shown for a handoff.
    fn retire(&self, handoff: &str);
}

/// Random hexadecimal digits, two for each byte.
pub fn random_hex(bytes: usize) -> String {
    let mut buffer = vec![0; bytes];
    if let Err(error) = getrandom::fill(&mut buffer) {
        // Without randomness no token may be given out, nor any lease.
        tracing::error!(%error, "the system gives no random bytes");
        std::process::abort();
    }
    handoff_domain::decision::hex(&buffer)
}
