//! What the database lies on, and what a test may change about it. It opens
//! nothing itself.

use std::sync::Arc;
use std::time::Duration;

/// What the file lies on, and how it is written. A desk knows only the
/// default; a test may have a disk that fails, or break the rules to see that
/// it is noticed.
#[derive(Debug, Clone)]
pub struct Disk {
    /// The name of the VFS, if not the system's.
    pub vfs: Option<String>,
    /// The version of the SQLite in use, as its number.
    pub sqlite: i32,
    /// SQLite's `synchronous`.
    pub synchronous: &'static str,
    /// After how many pages the log is brought into the database.
    pub checkpoint_pages: u32,
    /// Changes are answered before they are committed.
    pub answers_early: bool,
    /// How long another program may hold the database before that is said.
    pub patience: Duration,
    /// How long nothing is to be written before the log is brought into the
    /// database and emptied.
    pub rest: Duration,
    /// What happens between each read and the next line of whoever has read.
    pub after_read: AfterRead,
}

/// What happens after a read: nothing, but where a test has something happen just
/// then.
#[derive(Clone, Default)]
pub struct AfterRead(pub Option<Arc<dyn Fn() + Send + Sync>>);

impl std::fmt::Debug for AfterRead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("AfterRead").field(&self.0.is_some()).finish()
    }
}

impl Default for Disk {
    fn default() -> Self {
        Self {
            vfs: None,
            sqlite: rusqlite::version_number(),
            synchronous: "FULL",
            checkpoint_pages: 1000,
            answers_early: false,
            patience: Duration::from_secs(5),
            rest: Duration::from_secs(5),
            after_read: AfterRead::default(),
        }
    }
}
