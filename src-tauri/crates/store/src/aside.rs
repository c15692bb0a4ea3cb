//! Moving a database aside, and another into its place.
//!
//! What is to be done is written down before the first step, and whoever comes
//! after a crash goes on with it: a database that is parted from its log has
//! lost what only the log holds, and one that was chosen must not give way to
//! another.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::disk::Disk;
use crate::files::{Files, make_folder, parts_of, replace, sync_folder_of};
use crate::{StoreError, audit, open, take_up};

/// What is to be done with a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The folder it is moved to, among those of the databases that were set
    /// aside; none where there is nothing to move.
    folder: Option<String>,
    /// Another is ready, and takes its place.
    replaced: bool,
}

/// Moves a database with all that belongs to it into a folder of its own;
/// returns the folder, or the last such folder if there is no database.
pub fn set_aside(files: &Files, now: DateTime<Utc>) -> Result<Option<PathBuf>, StoreError> {
    let plan = Plan::write_down(files, now, false)?;
    plan.carry_out(files)?;
    match plan.folder_of(files) {
        Some(folder) => Ok(Some(folder)),
        None => Ok(newest(&files.damaged())?),
    }
}

/// Gives the database that was made for it the place of the present one, which
/// is set aside; returns where that is now.
pub fn put_in_place(files: &Files, now: DateTime<Utc>) -> Result<Option<PathBuf>, StoreError> {
    // Nothing is done for a successor that a power cut could take away.
    fs::File::open(files.successor())?.sync_all()?;
    let plan = Plan::write_down(files, now, true)?;
    plan.carry_out(files)?;
    Ok(plan.folder_of(files))
}

/// Ends what a crash has interrupted; returns what the reviewer is to know.
pub fn finish(files: &Files) -> Result<Option<String>, StoreError> {
    let Some(plan) = Plan::read(files)? else { return Ok(None) };
    tracing::warn!(?plan, "a database was being moved when the desk ended");
    match plan.carry_out(files) {
        Ok(()) => Ok(plan.replaced.then(|| {
            "The desk ended while it went back to a backup; that is done now. `handoff verify` \
             names what it undid."
                .to_owned()
        })),
        // The room or the right that is missing may be there again.
        Err(error @ (StoreError::Full | StoreError::ReadOnly(_) | StoreError::Busy)) => Err(error),
        Err(error) => {
            // What is missing then is found to be, and mended.
            tracing::error!(%error, "it cannot be ended");
            forget(files)?;
            Ok(None)
        }
    }
}

impl Plan {
    /// Writes down what is to be done, before any of it is.
    pub fn write_down(
        files: &Files,
        now: DateTime<Utc>,
        replaced: bool,
    ) -> Result<Self, StoreError> {
        let any = files.parts().iter().any(|part| part.exists());
        let folder = any.then(|| now.format("%Y%m%dT%H%M%S%6fZ").to_string());
        let plan = Self { folder, replaced };
        if let Some(folder) = plan.folder_of(files) {
            make_folder(&files.damaged())?;
            make_folder(&folder)?;
            if files.head().exists() {
                fs::copy(files.head(), folder.join("audit-head"))?;
            }
        }
        replace(&place(files), serde_json::to_string(&plan)?.as_bytes())?;
        Ok(plan)
    }

    fn read(files: &Files) -> Result<Option<Self>, StoreError> {
        let text = match fs::read_to_string(place(files)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        match serde_json::from_str(&text) {
            Ok(plan) => Ok(Some(plan)),
            Err(error) => {
                tracing::error!(%error, "what was to be done with the database cannot be read");
                forget(files)?;
                Ok(None)
            }
        }
    }

    fn folder_of(&self, files: &Files) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| files.damaged().join(folder))
    }

    /// What is still to be moved, and where, in this order. The database is the
    /// last: once it is there, nothing is left of it in its old place.
    pub fn moves(&self, files: &Files) -> Vec<(PathBuf, PathBuf)> {
        let Some(folder) = self.folder_of(files) else { return Vec::new() };
        let target = |part: &Path| folder.join(part.file_name().unwrap_or_default());
        if target(&files.database).exists() {
            return Vec::new();
        }
        let left = files.parts().into_iter().rev().filter(|part| part.exists());
        left.map(|part| (part.clone(), target(&part))).collect()
    }

    /// Does what is left to do.
    fn carry_out(&self, files: &Files) -> Result<(), StoreError> {
        for (from, to) in self.moves(files) {
            fs::rename(from, to)?;
        }
        if let Some(folder) = self.folder_of(files) {
            sync_folder_of(&folder.join("any"))?;
        }
        sync_folder_of(&files.database)?;
        if self.replaced && files.successor().exists() {
            succeed(files)?;
        }
        forget(files)
    }
}

/// Gives a database that is whole the name of the one that is used; there is
/// none by that name.
pub fn succeed(files: &Files) -> Result<(), StoreError> {
    let new = files.successor();
    let connection = open::for_reading(&new, &Disk::default())?;
    take_up::put_down(files, &audit::tip(&connection)?);
    drop(connection);
    let [_, log, index] = parts_of(&new);
    for part in [log, index] {
        match fs::remove_file(part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            Ok(()) | Err(_) => {}
        }
    }
    fs::File::open(&new)?.sync_all()?;
    fs::rename(new, &files.database)?;
    Ok(sync_folder_of(&files.database)?)
}

fn place(files: &Files) -> PathBuf {
    files.database.with_extension("moving")
}

/// For good: done once more, it would move the one that took its place.
fn forget(files: &Files) -> Result<(), StoreError> {
    fs::remove_file(place(files))?;
    Ok(sync_folder_of(&files.database)?)
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
