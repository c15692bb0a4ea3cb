//! The durable queue: one SQLite file, one writer that commits in groups,
//! several readers.
//!
//! What is answered is on disk: a write returns only after its transaction has
//! been synced. The store keeps and finds; it decides nothing. Which change is
//! legal is the lifecycle's word, carried out here inside the transaction that
//! read what it was based on.

mod agents;
mod aside;
mod audit;
mod backup;
mod damage;
mod disk;
mod files;
mod gate;
mod go_back;
mod handoffs;
mod head;
mod keep;
mod open;
mod owed;
mod report;
mod reserve;
mod rotation;
mod rows;
mod salvage;
mod search;
mod servers;
mod take_up;
#[cfg(test)]
mod tests;
mod unread;
mod verify;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use rusqlite::Connection;

pub use agents::{Agent, AgentConnection};
pub use backup::list as backups;
pub use damage::{Restored, restore};
#[cfg(feature = "fault-injection")]
pub use disk::{AfterRead, Disk};
pub use files::Files;
pub use gate::{
    CallTakenBack, CheckRow, Counted, DecidedRow, FactsFound, InHandsRow, KnownTool, NewAction,
    NewCheck, OpenQuestion, Past, PastRow, Permit, RollbackRow, RuleRow, SetLevels, SubmittedRow,
    TakenBack, TaskRow, Told, UndoRow,
};
pub use go_back::{Choice, go_back};
pub use handoffs::{Entry, ListPart, NewHandoff, Page, Proposal, Record, Row};
pub use open::{OpenError, SQLITE_MINIMUM};
pub use report::{Report, report};
pub use reserve::Reserve;
pub use rotation::{Backup, Kind};
pub use servers::{AskRow, NewAsk, ServerRow};
pub use take_up::Opened;
pub use verify::{Verified, verify};
pub use writer::Write;

use writer::Due;

/// The open database.
#[derive(Debug)]
pub struct Store {
    // Before the writer, which then is the last and can put the log away.
    readers: Mutex<Vec<Connection>>,
    writer: writer::Writer,
    path: PathBuf,
    disk: disk::Disk,
    reserve: Reserve,
    /// How the keeping of its log's head goes, where one is kept.
    head: Option<head::Told>,
    /// What is wrong with it, once that is known.
    damaged: OnceLock<String>,
    /// Something that was stored could not be read.
    suspected: AtomicBool,
    /// That was looked into.
    looked: AtomicBool,
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
    /// The disk failed while a change was being brought to it. Until the next
    /// start it counts as not stored; then it is there, whole, or it is not.
    #[error("the disk failed, and whether this is stored is not known: {0}")]
    Unknown(String),
    /// A row was changed by somebody else since it was read.
    #[error("the handoff changed meanwhile")]
    Stale,
}

/// The file ends before a page that it should have.
const SHORT_READ: i32 = rusqlite::ffi::SQLITE_IOERR_SHORT_READ;

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        let text = error.to_string();
        // What was stored has the type and the encoding of its column.
        let is_garbled = matches!(
            error,
            rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::Utf8Error(..)
        );
        let ends_early =
            error.sqlite_error().is_some_and(|found| found.extended_code == SHORT_READ);
        // What is asked is always the same: a table or column that is missing
        // was there before.
        let is_misshapen =
            matches!(error, rusqlite::Error::SqlInputError { .. }) || text.starts_with("no such ");
        if is_garbled || ends_early || is_misshapen {
            return Self::Damaged(text);
        }
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

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind as Kind;
        let kind = error.kind();
        if matches!(kind, Kind::StorageFull | Kind::QuotaExceeded) {
            Self::Full
        } else if matches!(kind, Kind::PermissionDenied | Kind::ReadOnlyFilesystem) {
            Self::ReadOnly(error.to_string())
        } else {
            Self::Failed(error.to_string())
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
        Self::on(path, disk::Disk::default())
    }

    /// The same on another disk than the system's, for tests.
    #[cfg(feature = "fault-injection")]
    pub fn open_on(path: &Path, disk: disk::Disk) -> Result<Self, OpenError> {
        Self::on(path, disk)
    }

    fn on(path: &Path, disk: disk::Disk) -> Result<Self, OpenError> {
        let connection = open::for_writing(path, &disk)?;
        open::merges_when_closed(&connection, true)?;
        Self::with(connection, None, path, disk)
    }

    fn with(
        connection: Connection,
        head: Option<head::HeadKeeping>,
        path: &Path,
        disk: disk::Disk,
    ) -> Result<Self, OpenError> {
        let told = head.as_ref().map(head::HeadKeeping::told);
        let writer = writer::Writer::start(connection, head, &disk)?;
        let reserve = Reserve::beside(path);
        Ok(Self {
            readers: Mutex::default(),
            writer,
            path: path.to_owned(),
            disk,
            reserve,
            head: told,
            damaged: OnceLock::new(),
            suspected: AtomicBool::new(false),
            looked: AtomicBool::new(false),
        })
    }

    /// The room that is kept for answers.
    pub fn reserve(&self) -> &Reserve {
        &self.reserve
    }

    /// Why the head of the audit log is not written down, if it cannot be; that is
    /// tried again by itself.
    pub fn head_fault(&self) -> Option<String> {
        self.head.as_ref().and_then(head::Told::fault)
    }

    /// What the reviewer has not read of what was lost, at this start or before.
    pub fn unread(&self) -> Vec<String> {
        unread::all(&Files::of(&self.path))
    }

    /// The reviewer has read one of these notices.
    pub fn dismiss(&self, notice: &str) -> Result<(), StoreError> {
        Ok(unread::dismiss(&Files::of(&self.path), notice)?)
    }

    /// Runs `change` in a transaction and answers once it is on disk. If it
    /// fails, nothing of it remains. If it fails for want of room, the reserve
    /// is given for the next try. A database that is known to be damaged takes
    /// nothing more: what is put into it may not be among what can be saved.
    pub async fn write<T, E, F>(&self, change: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Write<'_>) -> Result<T, E> + Send + 'static,
    {
        self.must_be_whole()?;
        self.reserve.make_room();
        let outcome = self.writer.submit(Due::Now, change).await;
        if self.writer.has_run_out_of_room() {
            self.reserve.give_back();
        }
        outcome
    }

    /// The same for what nobody waits for: it shares the commit of the next
    /// change, or has one of its own once the writer is idle.
    pub async fn write_soon<T, E, F>(&self, change: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Write<'_>) -> Result<T, E> + Send + 'static,
    {
        self.must_be_whole()?;
        self.writer.submit(Due::Soon, change).await
    }

    fn must_be_whole(&self) -> Result<(), StoreError> {
        self.damaged.get().map_or(Ok(()), |why| Err(StoreError::Damaged(why.clone())))
    }

    /// Something that was stored cannot be read: the next start looks for damage
    /// before it uses the database, and whoever asks for it may do so at once.
    pub fn suspect(&self, why: &str) {
        if self.damaged.get().is_none() && !self.suspected.swap(true, Ordering::Relaxed) {
            take_up::suspect(&Files::of(&self.path), why);
        }
    }

    /// Whether something could not be read; says so once, since to look for damage is
    /// to read all there is.
    pub fn is_to_be_inspected(&self) -> bool {
        self.suspected.load(Ordering::Relaxed) && !self.looked.swap(true, Ordering::Relaxed)
    }

    /// Runs `look` on a snapshot of the database, on the calling thread.
    pub fn read<T>(
        &self,
        look: impl FnOnce(&Read<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => open::for_reading(&self.path, &self.disk)?,
        };
        let snapshot = connection.unchecked_transaction()?;
        let found = look(&Read { connection: &snapshot });
        if let Err(StoreError::Damaged(why)) = &found {
            self.suspect(why);
        }
        snapshot.finish()?;
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        if let Some(happens) = &self.disk.after_read.0 {
            happens();
        }
        found
    }

    /// How often something was changed since the store was opened: what was read
    /// after this is as it is for as long as this is the same.
    pub fn changes(&self) -> u64 {
        self.writer.commits()
    }

    /// The backups that the desk can go back to, the newest first.
    pub fn choices(&self) -> Result<Vec<Choice>, StoreError> {
        go_back::choices(&Files::of(&self.path))
    }

    /// Keeps a text in a file of its own beside the database, in the place of
    /// an earlier one of that name.
    pub fn keep_aside(&self, name: &str, text: &str) -> Result<PathBuf, StoreError> {
        let path = self.path.with_file_name(name);
        files::replace(&path, text.as_bytes())?;
        Ok(path)
    }

    /// Brings the search index up to date with everything acknowledged.
    pub async fn index(&self) -> Result<(), StoreError> {
        self.write(|write| search::fill(write.connection, usize::MAX).map(|_| ())).await
    }
}

/// A consistent view of the database.
#[derive(Debug)]
pub struct Read<'a> {
    pub(crate) connection: &'a Connection,
}
