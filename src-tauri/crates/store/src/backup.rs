//! Copies of the database that count only once they are whole and on disk.
//!
//! A copy is made from one snapshot with SQLite's own backup, beside the work
//! of the desk: no change waits for it.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use chrono::{DateTime, Utc};
use handoff_domain::audit::Head;
use rusqlite::Connection;
use rusqlite::backup::{Backup as Copying, StepResult};

use crate::disk::Disk;
use crate::files::{Files, make_folder, parts_of, private, sync_folder_of};
use crate::rotation::{Backup, Kind, name, read_name, superfluous};
use crate::{StoreError, audit, open, verify};

/// How many pages are copied at a time.
const STEP: i32 = 256;

/// The ending of a copy that is not finished.
const PART: &str = "part";

/// The backups of a desk, the newest first.
pub fn list(files: &Files) -> io::Result<Vec<Backup>> {
    let entries = match fs::read_dir(files.backups()) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        if let Some((kind, at)) = entry.file_name().to_str().and_then(read_name) {
            found.push(Backup { path: entry.path(), kind, at });
        }
    }
    found.sort_by_key(|backup| std::cmp::Reverse(backup.at));
    Ok(found)
}

/// The same, those first that know most: what a clock said that was wrong does
/// not count.
pub fn by_what_they_know(files: &Files) -> io::Result<Vec<Backup>> {
    let mut found = list(files)?;
    let reached = |backup: &Backup| {
        let connection = open::for_reading(&backup.path, &Disk::default()).ok()?;
        Some(audit::tip(&connection).ok()?.seq)
    };
    found.sort_by_cached_key(|backup| std::cmp::Reverse(reached(backup)));
    Ok(found)
}

/// Copies the database, checks the copy, and removes the backups that it makes
/// superfluous.
pub fn make(files: &Files, kind: Kind, now: DateTime<Utc>) -> Result<Backup, StoreError> {
    let folder = files.backups();
    make_folder(&folder)?;
    remove_unfinished(&folder)?;
    let path = folder.join(name(kind, now));
    let part = path.with_extension(PART);
    let made = copy(&files.database, &part, kind).and_then(|()| {
        File::open(&part)?.sync_all()?;
        fs::rename(&part, &path)?;
        Ok(sync_folder_of(&path)?)
    });
    if let Err(error) = made {
        // What is left of it must not take the room that is missing.
        drop(fs::remove_file(&part));
        return Err(error);
    }
    for old in superfluous(&list(files)?, now) {
        fs::remove_file(&old.path)?;
    }
    Ok(Backup { path, kind, at: now })
}

/// What is wrong with a database as a file; nothing, if the list is empty.
pub fn faults(connection: &Connection) -> Result<Vec<String>, StoreError> {
    // The quick one does not look whether an index leads to its rows: a handoff
    // that its id does not find is lost to its agent, and one that its timer
    // does not find is never warned of.
    let mut statement = connection.prepare("PRAGMA integrity_check(10)")?;
    let found = statement
        .query_map([], |row| row.get(0))?
        .collect::<Result<Vec<String>, _>>()
        .map_err(StoreError::from);
    match found {
        Ok(lines) if lines == ["ok"] => Ok(Vec::new()),
        Ok(lines) => Ok(lines),
        Err(StoreError::Damaged(why)) => Ok(vec![why]),
        Err(error) => Err(error),
    }
}

/// The same, and what its audit log and the proposals under it show of damage
/// that SQLite takes for whole.
pub fn harm(connection: &Connection, head: Option<Head>) -> Result<Vec<String>, StoreError> {
    let mut found = faults(connection)?;
    if found.is_empty() && audit::is_chained(connection)? {
        found.extend(verify::damage(connection, head).map(|broken| broken.what));
        found.extend(verify::changed_proposals(connection)?);
    }
    Ok(found)
}

fn copy(from: &Path, to: &Path, kind: Kind) -> Result<(), StoreError> {
    private().write(true).create_new(true).open(to)?;
    let source = open::for_reading(from, &Disk::default())?;
    // One snapshot for the whole copy: else each change would begin it anew.
    let snapshot = source.unchecked_transaction()?;
    snapshot.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    let mut target = open::for_copy(to)?;
    {
        let copying = Copying::new(&snapshot, &mut target)?;
        loop {
            let step = copying.step(STEP)?;
            if step == StepResult::Done {
                break;
            }
            // Nobody else knows the copy, and the snapshot is ours.
            if step != StepResult::More {
                return Err(StoreError::Busy);
            }
            std::thread::yield_now();
        }
    }
    // One file, with no log beside it.
    target.pragma_update(None, "journal_mode", "DELETE")?;
    let faults = match kind {
        // It takes the place of older ones, which may be the last good ones.
        Kind::Daily => harm(&target, None)?,
        // In its old format, which the rest is not made for.
        Kind::Migration => faults(&target)?,
    };
    if let Some(first) = faults.first() {
        return Err(StoreError::Damaged(first.clone()));
    }
    target.close().map_err(|(_, error)| StoreError::from(error))
}

fn remove_unfinished(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == PART) {
            for part in parts_of(&path) {
                match fs::remove_file(part) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    Ok(()) | Err(_) => {}
                }
            }
        }
    }
    Ok(())
}
