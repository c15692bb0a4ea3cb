//! The durable queue: one SQLite file, one writer that commits in groups,
//! several readers.
//!
//! What is answered is on disk: a write returns only after its transaction has
//! been synced. The store keeps and finds; it decides nothing. Which change is
//! legal is the lifecycle's word, carried out here inside the transaction that
//! read what it was based on.

mod agents;
mod audit;
mod files;
mod handoffs;
mod head;
mod keep;
mod open;
mod rows;
mod search;
#[cfg(test)]
mod tests;
mod verify;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use handoff_domain::audit::{Epoch, Head, Reason};
use rusqlite::Connection;

pub use agents::Agent;
pub use files::Files;
pub use handoffs::{Entry, ListPart, NewHandoff, Page, Proposal, Record, Row};
pub use open::{OpenError, SQLITE_MINIMUM};
pub use verify::{Verified, verify};
pub use writer::Write;

use writer::Due;

/// The open database.
#[derive(Debug)]
pub struct Store {
    writer: writer::Writer,
    readers: Mutex<Vec<Connection>>,
    path: PathBuf,
}

/// A database that was opened, and what the reviewer is to know about it.
#[derive(Debug)]
pub struct Opened {
    /// The database.
    pub store: Store,
    /// In whole sentences, what was found and done.
    pub notices: Vec<String>,
}

/// Why the store could not do what it was asked; nothing was changed, unless
/// it says that the outcome is unknown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// No room is left.
    #[error("the disk is full")]
    Full,
    /// The file or its folder cannot be written.
    #[error("the database cannot be written: {0}")]
    ReadOnly(String),
    /// Another program holds the database.
    #[error("another program holds the database")]
    Busy,
    /// The file is damaged.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// Anything else.
    #[error("the database failed: {0}")]
    Failed(String),
    /// A change that shared the commit failed so badly that it took this one
    /// with it.
    #[error("another change that was stored at the same time failed")]
    Aborted,
    /// A row was changed by somebody else since it was read.
    #[error("the handoff changed meanwhile")]
    Stale,
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        let text = error.to_string();
        match error.sqlite_error_code() {
            Some(Code::DiskFull) => Self::Full,
            Some(
                Code::ReadOnly
                | Code::CannotOpen
                | Code::PermissionDenied
                | Code::SystemIoFailure
                | Code::AuthorizationForStatementDenied,
            ) => Self::ReadOnly(text),
            Some(Code::DatabaseBusy | Code::DatabaseLocked) => Self::Busy,
            Some(Code::DatabaseCorrupt | Code::NotADatabase) => Self::Damaged(text),
            Some(_) | None => Self::Failed(text),
        }
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self::Damaged(error.to_string())
    }
}

impl Store {
    /// Opens the database at `path`, making it if there is none; what else a
    /// desk keeps beside its database is left alone.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Self::with(open::for_writing(path)?, None, path)
    }

    /// Opens the database of a desk, with its audit log's head beside it.
    pub fn take_up(files: &Files, now: DateTime<Utc>) -> Result<Opened, OpenError> {
        let mut notices = Vec::new();
        let mut written = head::read(&files.head()).unwrap_or_else(|error| {
            tracing::warn!(%error, "the audit log's head cannot be read");
            None
        });
        if written.is_none() && !open::is_chained(&files.database)? {
            // Before there is anything to lose, so that a missing head is a sign.
            written = Some(Head::EMPTY);
            put_down(files, &Head::EMPTY);
        }
        let connection = open::for_writing(&files.database)?;
        if let Some(epoch) = audit::settle(&connection, written, now)? {
            tracing::error!(
                reason = epoch.reason.as_str(),
                lost_from = epoch.lost_from,
                first = epoch.first,
                "the audit log does not agree with its head"
            );
            notices.push(notice_of(&epoch));
        }
        put_down(files, &audit::tip(&connection)?);
        let head = head::HeadKeeping::start(files.head())?;
        let store = Self::with(connection, Some(head), &files.database)?;
        Ok(Opened { store, notices })
    }

    fn with(
        connection: Connection,
        head: Option<head::HeadKeeping>,
        path: &Path,
    ) -> Result<Self, OpenError> {
        let writer = writer::Writer::start(connection, head)?;
        Ok(Self { writer, readers: Mutex::new(Vec::new()), path: path.to_owned() })
    }

    /// Runs `change` in a transaction and answers once it is on disk. If it
    /// fails, nothing of it remains.
    pub async fn write<T, E, F>(&self, change: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Write<'_>) -> Result<T, E> + Send + 'static,
    {
        self.writer.submit(Due::Now, change).await
    }

    /// The same for what nobody waits for: it shares the commit of the next
    /// change, or has one of its own once the writer is idle.
    pub async fn write_soon<T, E, F>(&self, change: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Write<'_>) -> Result<T, E> + Send + 'static,
    {
        self.writer.submit(Due::Soon, change).await
    }

    /// Runs `look` on a snapshot of the database, on the calling thread.
    pub fn read<T>(
        &self,
        look: impl FnOnce(&Read<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => open::for_reading(&self.path)?,
        };
        let snapshot = connection.unchecked_transaction()?;
        let found = look(&Read { connection: &snapshot });
        snapshot.finish()?;
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        found
    }

    /// Brings the search index up to date with everything acknowledged.
    pub async fn index(&self) -> Result<(), StoreError> {
        self.write(|write| search::fill(write.connection, usize::MAX).map(|_| ())).await
    }
}

/// A desk on a full disk can still be read and decide: it goes on without.
fn put_down(files: &Files, head: &Head) {
    if let Err(error) = head::write(&files.head(), head) {
        tracing::warn!(%error, "the audit log's head could not be written");
    }
}

fn notice_of(epoch: &Epoch) -> String {
    let last = epoch.first.saturating_sub(1);
    match epoch.reason {
        Reason::Behind => format!(
            "The database is older than its audit log: the events {} to {last} are missing, and \
             with them whatever was handed over or decided there. Was an old copy put in its \
             place? `handoff verify` says more.",
            epoch.lost_from
        ),
        Reason::Rewritten => "The audit log is another than the one that was written down. \
             Somebody or something has changed the database; `handoff verify` says more."
            .to_owned(),
        Reason::HeadMissing | Reason::Restored | Reason::Salvaged => {
            "The file audit-head is missing from the desk's folder, so whether the end of the \
             audit log was cut off is not known."
                .to_owned()
        }
    }
}

/// A consistent view of the database.
#[derive(Debug)]
pub struct Read<'a> {
    pub(crate) connection: &'a Connection,
}
