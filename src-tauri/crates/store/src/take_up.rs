//! Taking up the database of a desk: with a backup before its format changes,
//! with its audit log's head beside it, and with another in its place where it
//! is damaged.

use chrono::{DateTime, Utc};
use handoff_domain::audit::{Epoch, Head, Reason};

use crate::disk::Disk;
use crate::files::{Files, replace, size};
use crate::reserve::{FOR_ANSWERS, Reserve};
use crate::rotation::{Backup, Kind, is_due};
use crate::{OpenError, Store, StoreError, aside, audit, backup, damage, head, open, unread};

/// A database that was opened, and what the reviewer is to know about it.
#[derive(Debug)]
pub struct Opened {
    /// The database.
    pub store: Store,
    /// In whole sentences, what was found and done.
    pub notices: Vec<String>,
}

impl From<Store> for Opened {
    /// One about which there is nothing to say.
    fn from(store: Store) -> Self {
        Self { store, notices: Vec::new() }
    }
}

impl Store {
    /// Opens the database of a desk. A damaged one is set aside, and what can
    /// be saved is opened in its place.
    pub fn take_up(files: &Files, now: DateTime<Utc>) -> Result<Opened, OpenError> {
        let moved = with_reserve(files, "moving the database", || Ok(aside::finish(files)?))?;
        let damaged = match whole(files, now) {
            Err(OpenError::Store(StoreError::Damaged(why))) => why,
            other => {
                return other.map(|mut opened| {
                    opened.notices.extend(moved);
                    opened
                });
            }
        };
        tracing::error!(why = damaged, "the database is damaged");
        let notice = with_reserve(files, "saving what the damaged database holds", || {
            Ok(damage::mend(files, &damaged, now)?)
        })?;
        let mut opened = whole(files, now)?;
        opened.notices.insert(0, notice);
        opened.notices.extend(moved);
        Ok(opened)
    }

    /// Looks for damage that nobody has run into yet: the file, the audit log,
    /// and what is still to be decided. Where something is found, nothing more is
    /// stored, and it is looked at again at the next start, before the database is
    /// used.
    pub fn inspect(&self) -> Result<Vec<String>, StoreError> {
        let files = Files::of(&self.path);
        let found = inspect(&files)?;
        if let Some(first) = found.first() {
            suspect(&files, &found.join("\n"));
            self.damaged.get_or_init(|| first.clone());
        }
        Ok(found)
    }

    /// Makes the daily backup, if it is time for one.
    pub fn back_up_if_due(&self, now: DateTime<Utc>) -> Result<Option<Backup>, StoreError> {
        let files = Files::of(&self.path);
        if is_due(&backup::list(&files)?, now) {
            backup::make(&files, Kind::Daily, now).map(Some)
        } else {
            Ok(None)
        }
    }
}

/// Has the database looked at before it is used again.
pub fn suspect(files: &Files, why: &str) {
    if let Err(error) = replace(&files.suspicion(), why.as_bytes()) {
        tracing::error!(%error, "that the database is damaged could not be written down");
    }
}

fn whole(files: &Files, now: DateTime<Utc>) -> Result<Opened, OpenError> {
    let mut written = head::read(&files.head()).unwrap_or_else(|error| {
        tracing::warn!(%error, "the audit log's head cannot be read");
        None
    });
    let [database, log, _] = files.parts();
    if size(&database) == 0 && (size(&log) > 0 || written.is_some_and(|head| head.seq > 0)) {
        // SQLite would make a new one, and remove the log.
        return Err(StoreError::Damaged("it is empty or missing".to_owned()).into());
    }
    if files.suspicion().exists() {
        if let Some(first) = inspect(files)?.into_iter().next() {
            return Err(StoreError::Damaged(first).into());
        }
        std::fs::remove_file(files.suspicion()).map_err(StoreError::from)?;
    }
    let format = open::format(&database)?;
    if format.is_some_and(|format| format < open::FORMAT) {
        with_reserve(files, "the backup before the database changes its format", || {
            Ok(backup::make(files, Kind::Migration, now)?)
        })?;
    }
    if written.is_none() && format.is_none_or(|format| format < open::AUDITED) {
        // Before there is anything to lose, so that a missing head is a sign.
        written = Some(Head::EMPTY);
        put_down(files, &Head::EMPTY);
    }
    let connection = with_reserve(files, "bringing the database to the present format", || {
        open::for_writing(&database, &Disk::default())
    })?;
    let mut notices = Vec::new();
    if let Some(epoch) = audit::settle(&connection, written, now)? {
        let reason = epoch.reason.as_str();
        tracing::error!(reason, epoch.lost_from, epoch.first, "the audit log is not what it was");
        let notice = notice_of(&epoch);
        unread::keep(files, &notice);
        notices.push(notice);
    }
    put_down(files, &audit::tip(&connection)?);
    open::merges_when_closed(&connection, true)?;
    let head = head::HeadKeeping::start(files.head())?;
    Ok(Opened { store: Store::with(connection, Some(head), &database, Disk::default())?, notices })
}

/// Does what a start cannot do without. Where the disk is full, the room that is
/// kept for answers is given for it: a desk that does not start takes none.
fn with_reserve<T>(
    files: &Files,
    doing: &'static str,
    act: impl Fn() -> Result<T, OpenError>,
) -> Result<T, OpenError> {
    let is_full =
        |outcome: &Result<T, OpenError>| matches!(outcome, Err(OpenError::Store(StoreError::Full)));
    let mut outcome = act();
    if is_full(&outcome) && Reserve::give_up(&files.database) {
        outcome = act();
    }
    if !is_full(&outcome) {
        return outcome;
    }
    // A copy of it all, and as much as its answers need.
    let parts: u64 = files.parts().iter().map(|part| size(part)).sum();
    Err(OpenError::NoRoom {
        doing,
        needed: parts.saturating_add(FOR_ANSWERS),
        free: Reserve::free_beside(&files.database),
        folder: files.folder().to_owned(),
    })
}

fn inspect(files: &Files) -> Result<Vec<String>, StoreError> {
    let written = head::read(&files.head()).unwrap_or(None);
    let look = || -> Result<Vec<String>, StoreError> {
        let connection = open::for_reading(&files.database, &Disk::default())?;
        let snapshot = connection.unchecked_transaction()?;
        backup::harm(&snapshot, written)
    };
    match look() {
        Err(StoreError::Damaged(why)) => Ok(vec![why]),
        other => other,
    }
}

/// A desk on a full disk can still be read and decide: it goes on without.
pub fn put_down(files: &Files, head: &Head) {
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
