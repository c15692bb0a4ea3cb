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

use crate::disk::Disk;
use crate::files::{Files, parts_of, private};
use crate::salvage::{self, Saved};
use crate::{OpenError, StoreError, aside, backup, head, open, take_up, unread, verify};

/// How many ids a notice names.
const NAMED: usize = 20;

/// Sets a damaged database aside, and puts what can be saved in its place;
/// returns what the reviewer is to know.
pub fn mend(files: &Files, why: &str, now: DateTime<Utc>) -> Result<String, StoreError> {
    // If this is interrupted, the next start begins here again.
    take_up::suspect(files, why);
    let aside = aside::set_aside(files, now)?;
    let notice = build(files, aside.as_deref(), why, now)?;
    unread::keep(files, &notice);
    fs::remove_file(files.suspicion())?;
    Ok(notice)
}

/// What a backup does not know, whatever was saved beside it.
pub(crate) const AS_BEFORE: &str = "Every agent is at Suggest again, and rules that let calls run are revoked; what was stopped, and \
     rules that hold calls, stay so. What agents recorded of their actions, plans and tools, and your \
     settings, are as they were at the backup.";

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
    aside::finish(files)?;
    let (later_events, affected) = prepare(files, backup, now)?;
    let set_aside = aside::put_in_place(files, now)?;
    Ok(Restored { set_aside, later_events, affected })
}

/// Makes the database that takes the place of the present one, of a backup;
/// returns how many later events the present one has, and whom they concern.
pub fn prepare(
    files: &Files,
    backup: &Path,
    now: DateTime<Utc>,
) -> Result<(u64, Vec<String>), StoreError> {
    let written = head::read(&files.head()).unwrap_or(None);
    let (new, work) = (files.successor(), files.database.with_extension("work"));
    let target = sound(Some(backup), &new)?;
    // A copy, since even reading would leave a trace beside the original.
    let present = salvage::readable(&files.database, &new, &work)
        .inspect_err(|error| tracing::warn!(%error, "the present database cannot be read"))
        .ok();
    let change = target.unchecked_transaction()?;
    let left_behind = salvage::leave_behind(present.as_ref(), &change, written, now)?;
    change.commit()?;
    drop(present);
    finish(target, Saved::default())?;
    remove(&work)?;
    Ok(left_behind)
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

fn build(
    files: &Files,
    aside: Option<&Path>,
    why: &str,
    now: DateTime<Utc>,
) -> Result<String, StoreError> {
    let written = head::read(&files.head()).unwrap_or(None);
    let (new, work) = (files.successor(), files.database.with_extension("work"));
    let damaged = aside.map(|folder| folder.join(files.database.file_name().unwrap_or_default()));
    let (made_of, saved) = 'made: {
        for candidate in backup::by_what_they_know(files)?.into_iter().map(Some).chain([None]) {
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
    aside::succeed(files)?;
    Ok(in_words(why, aside, made_of.map(|backup| backup.at), &saved))
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
    let target = open::for_writing(new, &Disk::default()).map_err(|error| match error {
        OpenError::Store(error) => error,
        OpenError::File { cause, .. } => cause.into(),
        OpenError::OldSqlite { .. }
        | OpenError::Newer { .. }
        | OpenError::Foreign(_)
        | OpenError::NoRoom { .. } => StoreError::Failed(error.to_string()),
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
        0 if saved.lost.is_none() => "No handoff is known to be lost.".to_owned(),
        0 => String::new(),
        count => format!(
            "{count} handoffs are lost or may be older than they were; look at them before you \
             decide: {}{}.",
            named.join(", "),
            if count > NAMED { " and others" } else { "" }
        ),
    };
    let unknown = match saved.lost {
        Some((first, last)) => format!(
            " Nobody has events {first} to {last} of its log any more: what was handed over, \
             decided or done in them is lost, and which handoffs that were is not known."
        ),
        None => String::new(),
    };
    format!(
        "The database was damaged ({why}).{aside} {from} took its place, with {} handoffs and {} \
         later events that were saved from the damaged one. {} {AS_BEFORE}",
        saved.handoffs,
        saved.events,
        format!("{loss}{unknown}").trim_start()
    )
}
