//! What must be true of a store that was opened after a power cut.

use std::path::Path;

use handoff_faultfs::Disk;
use handoff_store::{Page, Store, StoreError};

use crate::workload::{Handoff, Story};

/// Opens what lies in the folder with the real store, and says what is wrong
/// with it if the power was cut at this position of the log.
pub fn check(folder: &Path, disk: &Disk, told: &Story, position: usize) -> Result<(), String> {
    let path = folder.join("desk.db");
    let on = handoff_store::Disk { vfs: Some(disk.vfs().to_owned()), ..Default::default() };
    let store = Store::open_on(&path, on).map_err(|error| format!("it does not open: {error}"))?;
    let found = store
        .read(|read| {
            let known = read.page(&Page { limit: u32::MAX, ..Page::default() })?.0;
            let mut there = 0;
            for handoff in &told.handoffs {
                match same(read, handoff, position)? {
                    Ok(is_there) => there += usize::from(is_there),
                    Err(fault) => return Ok(Err(format!("{}: {fault}", handoff.id))),
                }
            }
            if known.len() == there {
                return Ok(Ok(()));
            }
            Ok(Err(format!("{there} handoffs were found, {} are there", known.len())))
        })
        .map_err(|error| format!("it cannot be read: {error}"))?;
    drop(store);
    found?;
    sound(&path, disk).map_err(|error| format!("it is damaged: {error}"))
}

/// Says whether a handoff is there, or how it differs from what it may be: as
/// after the last step that was acknowledged before the cut, or after a later
/// one that had been asked for.
fn same(
    read: &handoff_store::Read<'_>,
    handoff: &Handoff,
    position: usize,
) -> Result<Result<bool, String>, StoreError> {
    let acknowledged = |at: Option<usize>| at.is_some_and(|at| at <= position);
    let least = handoff.steps.iter().filter(|step| acknowledged(step.acknowledged)).count();
    let most = handoff.steps.iter().filter(|step| step.asked < position).count();
    let Some(record) = read.handoff(&handoff.id)? else {
        return Ok(if least == 0 { Ok(false) } else { Err("is lost".to_owned()) });
    };
    let steps = usize::try_from(record.version).unwrap_or_default();
    if steps < least || steps > most {
        return Ok(Err(format!("has {steps} steps, not {least} to {most}")));
    }
    let Some(step) = steps.checked_sub(1).and_then(|last| handoff.steps.get(last)) else {
        return Ok(Err(format!("has {steps} steps")));
    };
    if record.progress != step.progress {
        return Ok(Err(format!("is not as step {steps} left it: {:?}", record.progress)));
    }
    for step in handoff.steps.iter().take(steps) {
        let payload = read.payload(record.seq, step.progress.revision)?;
        if payload.as_ref() != Some(&step.payload) {
            return Ok(Err(format!("proposal {} is another one", step.progress.revision)));
        }
    }
    if read.payload(record.seq, step.progress.revision + 1)?.is_some() {
        return Ok(Err("has a proposal too many".to_owned()));
    }
    let kinds: Vec<String> = read.entries(record.seq)?.into_iter().map(|e| e.kind).collect();
    let told: Vec<String> = (0..steps).map(|step| format!("step {step}")).collect();
    if kinds != told {
        return Ok(Err(format!("has the history {kinds:?}")));
    }
    Ok(Ok(true))
}

/// SQLite's own check of every page and index.
#[expect(clippy::disallowed_methods, reason = "a look at the file behind the store")]
pub fn sound(path: &Path, disk: &Disk) -> Result<(), String> {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
    let connection = rusqlite::Connection::open_with_flags_and_vfs(path, flags, disk.vfs())
        .map_err(|error| error.to_string())?;
    let verdict: String = connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .map_err(|error| error.to_string())?;
    if verdict == "ok" { Ok(()) } else { Err(verdict) }
}
