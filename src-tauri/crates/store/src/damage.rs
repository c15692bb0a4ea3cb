//! What becomes of a damaged database: it is set aside as it is, and another
//! takes its place, made of the newest good backup and of what can be proven
//! to be unharmed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use handoff_domain::audit::Head;
use rusqlite::Connection;
use serde::Serialize;

use crate::files::{Files, make_folder, parts_of, private, sync_folder_of};
use crate::salvage::{self, Saved};
use crate::{StoreError, audit, backup, head, open, take_up, verify};

/// How many ids a notice names.
const NAMED: usize = 20;

/// Sets a damaged database aside, and puts what can be saved in its place;
/// returns what the reviewer is to know.
pub fn mend(files: &Files, why: &str, now: DateTime<Utc>) -> Result<String, StoreError> {
    // If this is interrupted, the next start begins here again.
    take_up::suspect(files, why);
    let aside = set_aside(files, now)?;
    let notice = build(files, aside.as_deref(), why, now)?;
    fs::remove_file(files.suspicion())?;
    Ok(notice)
}

/// What was done to go back to a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// The folder in which the database is that was used so far.
    pub set_aside: Option<PathBuf>,
    /// How many later events it has; the new epoch keeps them.
    pub later_events: u64,
    /// The handoffs that they were about: those are older now, or gone.
    pub affected: Vec<String>,
}

/// Puts a backup in the place of the present database, which is set aside. No
/// desk may run: the caller holds the lock.
pub fn restore(files: &Files, backup: &Path, now: DateTime<Utc>) -> Result<Restored, StoreError> {
    let written = head::read(&files.head()).unwrap_or(None);
    let new = files.database.with_extension("new");
    let work = files.database.with_extension("work");
    let target = sound(Some(backup), &new)?;
    // A copy, since even reading would leave a trace beside the original.
    let present = salvage::readable(&files.database, &new, &work)
        .inspect_err(|error| tracing::warn!(%error, "the present database cannot be read"))
        .ok();
    let change = target.unchecked_transaction()?;
    let (later_events, affected) = salvage::leave_behind(present.as_ref(), &change, written, now)?;
    change.commit()?;
    drop(present);
    finish(target, Saved::default())?;
    remove(&work)?;
    let set_aside = if files.database.exists() { set_aside(files, now)? } else { None };
    put_in_place(files, &new)?;
    Ok(Restored { set_aside, later_events, affected })
}

/// Moves a database with all that belongs to it into a folder of its own;
/// returns the folder, or the last such folder if there is no database.
pub fn set_aside(files: &Files, now: DateTime<Utc>) -> Result<Option<PathBuf>, StoreError> {
    let parts: Vec<PathBuf> = files.parts().into_iter().filter(|part| part.exists()).collect();
    if parts.is_empty() {
        return Ok(newest(&files.damaged())?);
    }
    make_folder(&files.damaged())?;
    let folder = files.damaged().join(now.format("%Y%m%dT%H%M%S%6fZ").to_string());
    make_folder(&folder)?;
    // The database last: while it is in its old place, nothing was done yet.
    for part in parts.iter().rev() {
        fs::rename(part, folder.join(part.file_name().unwrap_or_default()))?;
    }
    if files.head().exists() {
        fs::copy(files.head(), folder.join("audit-head"))?;
    }
    sync_folder_of(&folder.join("any"))?;
    sync_folder_of(&files.database)?;
    Ok(Some(folder))
}

/// Makes a copy of a file that only its owner can read.
pub fn copy_private(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = fs::File::open(from)?;
    let mut target = private().write(true).create(true).truncate(true).open(to)?;
    io::copy(&mut source, &mut target)?;
    target.sync_all()
}

/// Removes a database that was only made to work on.
pub fn remove(database: &Path) -> io::Result<()> {
    for part in parts_of(database) {
        match fs::remove_file(part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

fn newest(folder: &Path) -> io::Result<Option<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let folders = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    Ok(folders.into_iter().max())
}

fn build(
    files: &Files,
    aside: Option<&Path>,
    why: &str,
    now: DateTime<Utc>,
) -> Result<String, StoreError> {
    let written = head::read(&files.head()).unwrap_or(None);
    let new = files.database.with_extension("new");
    let work = files.database.with_extension("work");
    let damaged = aside.map(|folder| folder.join(files.database.file_name().unwrap_or_default()));
    let (made_of, saved) = 'made: {
        for candidate in backup::list(files)?.into_iter().map(Some).chain([None]) {
            let path = candidate.as_ref().map(|backup| backup.path.as_path());
            let attempt = attempt(path, damaged.as_deref(), &new, &work, written, now);
            match attempt {
                Ok(saved) => break 'made (candidate, saved),
                // The room or the right that is missing is missing for all.
                Err(error @ (StoreError::Full | StoreError::ReadOnly(_))) => return Err(error),
                Err(error) => tracing::error!(%error, ?path, "nothing can be made of this backup"),
            }
        }
        return Err(StoreError::Failed("no database could be made".to_owned()));
    };
    remove(&work)?;
    put_in_place(files, &new)?;
    Ok(in_words(why, aside, made_of.map(|backup| backup.at), &saved))
}

/// Gives a database that is whole the name of the one that is used.
fn put_in_place(files: &Files, new: &Path) -> Result<(), StoreError> {
    let connection = open::for_reading(new, &open::Disk::default())?;
    take_up::put_down(files, &audit::tip(&connection)?);
    drop(connection);
    let [_, log, index] = parts_of(new);
    for part in [log, index] {
        match fs::remove_file(part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            Ok(()) | Err(_) => {}
        }
    }
    fs::File::open(new)?.sync_all()?;
    fs::rename(new, &files.database)?;
    Ok(sync_folder_of(&files.database)?)
}

fn attempt(
    backup: Option<&Path>,
    damaged: Option<&Path>,
    new: &Path,
    work: &Path,
    written: Option<Head>,
    now: DateTime<Utc>,
) -> Result<Saved, StoreError> {
    let target = sound(backup, new)?;
    let source = damaged.and_then(|damaged| {
        salvage::readable(damaged, backup.unwrap_or(new), work)
            .inspect_err(|error| tracing::error!(%error, "the damaged database cannot be read"))
            .ok()
    });
    let change = target.unchecked_transaction()?;
    let saved = match salvage::carry_over(source.as_ref(), &change, written, now) {
        Ok(saved) => saved,
        Err(error @ (StoreError::Full | StoreError::ReadOnly(_))) => return Err(error),
        Err(error) => {
            tracing::error!(%error, "nothing of the damaged database can be saved");
            change.rollback()?;
            let change = target.unchecked_transaction()?;
            let saved = salvage::carry_over(None, &change, written, now)?;
            change.commit()?;
            return finish(target, saved);
        }
    };
    change.commit()?;
    finish(target, saved)
}

/// A new database with the content of a backup, if that is still whole.
fn sound(backup: Option<&Path>, new: &Path) -> Result<Connection, StoreError> {
    remove(new)?;
    if let Some(backup) = backup {
        copy_private(backup, new)?;
    }
    let target = open::for_writing(new, &open::Disk::default()).map_err(|error| {
        if let open::OpenError::Store(error) = error {
            error
        } else {
            StoreError::Failed(error.to_string())
        }
    })?;
    if let Some(fault) = backup::faults(&target)?.into_iter().next() {
        return Err(StoreError::Damaged(fault));
    }
    if let Some(broken) = verify::damage(&target, None) {
        return Err(StoreError::Damaged(broken.what));
    }
    // So that the file alone is a sound one to take the first page from.
    target.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(target)
}

fn finish(target: Connection, saved: Saved) -> Result<Saved, StoreError> {
    if let Some(broken) = verify::damage(&target, None) {
        return Err(StoreError::Failed(broken.what));
    }
    target.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    target.close().map_err(|(_, error)| StoreError::from(error))?;
    Ok(saved)
}

fn in_words(
    why: &str,
    aside: Option<&Path>,
    backup: Option<DateTime<Utc>>,
    saved: &Saved,
) -> String {
    let aside = aside
        .map(|folder| format!(" It was set aside, unchanged, in {}.", folder.display()))
        .unwrap_or_default();
    let from = match backup {
        Some(at) => format!("The backup of {}", at.format("%Y-%m-%d %H:%M UTC")),
        None => "There was no backup; an empty database".to_owned(),
    };
    let named: Vec<&str> = saved.affected.iter().take(NAMED).map(String::as_str).collect();
    let loss = match saved.affected.len() {
        0 => "No handoff is known to be lost.".to_owned(),
        count => format!(
            "{count} handoffs are lost or may be older than they were; look at them before you \
             decide: {}{}.",
            named.join(", "),
            if count > NAMED { " and others" } else { "" }
        ),
    };
    format!(
        "The database was damaged ({why}).{aside} {from} took its place, with {} handoffs and {} \
         later events that were saved from the damaged one. {loss}",
        saved.handoffs, saved.events
    )
}
