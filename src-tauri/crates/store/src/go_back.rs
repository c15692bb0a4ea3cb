//! Going back to one of the desk's own backups, as the reviewer chose in the
//! window: what there is, and what was done. The going back itself is
//! `damage::restore`, as `handoff doctor --restore` does it.

use chrono::{DateTime, Utc};

use crate::damage::AS_BEFORE;
use crate::disk::Disk;
use crate::files::{Files, size};
use crate::rotation::Backup;
use crate::{Restored, StoreError, backup, damage, open, unread};

/// How many ids a notice names.
const NAMED: usize = 20;

/// A backup, as it can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The name of its file, by which it is chosen.
    pub name: String,
    /// What it is.
    pub backup: Backup,
    /// In bytes.
    pub bytes: u64,
    /// How many handoffs it has, if it says so.
    pub handoffs: Option<u32>,
}

/// The backups of a desk, the newest first.
pub fn choices(files: &Files) -> Result<Vec<Choice>, StoreError> {
    let found = backup::list(files)?;
    Ok(found
        .into_iter()
        .filter_map(|backup| {
            let name = backup.path.file_name()?.to_str()?.to_owned();
            let (bytes, handoffs) = (size(&backup.path), counted(&backup));
            Some(Choice { name, backup, bytes, handoffs })
        })
        .collect())
}

fn counted(backup: &Backup) -> Option<u32> {
    let connection = open::for_reading(&backup.path, &Disk::default()).ok()?;
    let counted =
        connection.query_row("SELECT coalesce(sum(count), 0) FROM tallies", [], |row| row.get(0));
    counted.ok()
}

/// Puts the backup of this name in the place of the present database; returns
/// what the reviewer is to know. The caller holds the desk's lock. What fails
/// leaves the present database as it is.
pub fn go_back(files: &Files, name: &str, now: DateTime<Utc>) -> String {
    let found = choices(files).and_then(|all| {
        all.into_iter()
            .find(|choice| choice.name == name)
            .ok_or_else(|| StoreError::Failed("it is not among the backups".to_owned()))
    });
    let restored = found.and_then(|choice| {
        damage::restore(files, &choice.backup.path, now).map(|restored| (choice, restored))
    });
    match restored {
        Ok((choice, restored)) => {
            let notice = in_words(&choice, &restored);
            unread::keep(files, &notice);
            notice
        }
        Err(error) => {
            tracing::error!(%error, name, "the backup was not restored");
            format!(
                "The desk did not go back to the backup {name}: {error}. Choose another one, or \
                 see what `handoff doctor` says of it."
            )
        }
    }
}

fn in_words(choice: &Choice, restored: &Restored) -> String {
    let aside = restored
        .set_aside
        .as_ref()
        .map(|folder| format!(" The database used until then is in {}.", folder.display()))
        .unwrap_or_default();
    let named: Vec<&str> = restored.affected.iter().take(NAMED).map(String::as_str).collect();
    let loss = match restored.affected.len() {
        0 => "Nothing has happened since.".to_owned(),
        count => format!(
            "{} later events are undone on the desk, but not in the world; they are kept in the \
             audit log and were about {count} handoffs: {}{}.",
            restored.later_events,
            named.join(", "),
            if count > NAMED { " and others" } else { "" }
        ),
    };
    format!(
        "The desk went back to the backup of {}. {loss} {AS_BEFORE}{aside}",
        choice.backup.at.format("%Y-%m-%d %H:%M UTC")
    )
}
