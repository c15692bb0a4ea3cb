//! What the engine needs from the outside: time, notifications, randomness.
//! Nothing else of the world reaches it.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use handoff_domain::alerts::Purpose;
use handoff_domain::payload::Priority;

/// The time.
pub trait Clock: Send + Sync + 'static {
    /// The wall clock, in which deadlines are given.
    fn now(&self) -> DateTime<Utc>;

    /// A clock that never steps and stands still while the machine sleeps, in
    /// which holds are counted.
    fn awake(&self) -> Duration;

    /// A clock that never steps and goes on while the machine sleeps.
    fn boot(&self) -> Duration;

    /// Names the run of the machine by whose start the boot clock counts; `None`
    /// where none can be told from another.
    fn boot_id(&self) -> Option<String>;

    /// Where the clock on the reviewer's wall hangs.
    fn zone(&self) -> Tz;
}

/// What a notification says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The handoff it is about; the same one replaces its earlier notice.
    /// `None` for the summary of a burst, of which there is one at a time.
    pub handoff: Option<String>,
    /// The first line: agent and priority.
    pub title: String,
    /// The question, unless the reviewer hides it; plain text.
    pub body: String,
    /// How much it matters.
    pub priority: Priority,
    /// What it is for: warnings and alerts stay until they are seen.
    pub purpose: Purpose,
    /// It is heard, too.
    pub sound: bool,
}

/// What became of a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// The service took it.
    Shown,
    /// The reviewer sees its item, or has answered it; with the reason.
    Inhibited(String),
    /// The reviewer wants nothing shown now; with the reason.
    Calm(&'static str),
    /// It is one of many, which the notification for all of them counts.
    Summed,
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

    /// Takes back what was shown for a handoff; for many at once where it is
    /// `None`.
    fn retire(&self, handoff: Option<&str>);
}

/// Runs the reviewer's own commands.
pub trait CommandRunner: Send + Sync + 'static {
    /// Runs a program with its arguments, no shell between, and gives it
    /// `about` on its standard input; says why it failed. Never takes longer
    /// than a minute.
    fn run(
        &self,
        argv: Vec<String>,
        about: serde_json::Value,
    ) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

    /// Runs a program with its arguments in a folder, no shell between, for at
    /// most `limit`; then it is ended with all that it started. Keeps the end of
    /// what it says.
    fn run_in(
        &self,
        argv: Vec<String>,
        folder: String,
        limit: Duration,
    ) -> Pin<Box<dyn Future<Output = Ended> + Send>>;
}

/// How something ended that the desk ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Whether it succeeded, or why it did not, in a sentence.
    pub outcome: Result<(), String>,
    /// What it said, or the end of that.
    pub output: String,
}

impl Ended {
    /// It failed and said nothing.
    pub fn failed(why: impl Into<String>) -> Self {
        Self { outcome: Err(why.into()), output: String::new() }
    }
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
