//! `handoff doctor`: how the desk's folder is, and going back to a backup. It
//! looks at the files and asks no desk; it changes nothing but with --restore.

mod folder;
mod words;

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use handoff_protocol::wire::ErrorCode;
use handoff_store::{Backup, Files, Report, Restored, StoreError, Verified};
use handoff_transport::home::Home;
use serde::Serialize;

use crate::args::Doctor;
use crate::edge::Edge;
use crate::exit::Exit;
use crate::failure::Failure;

/// With less free space than this a desk will soon be in trouble, in bytes.
const LITTLE: u64 = 256 * 1024 * 1024;

/// All that was looked at.
#[derive(Debug, Serialize)]
struct Findings {
    ok: bool,
    version: &'static str,
    home: PathBuf,
    /// The process that has the desk's lock, if one has.
    running: Option<Running>,
    database: Option<Report>,
    audit: Option<Verified>,
    backups: Vec<Found>,
    spooled: usize,
    free_bytes: Option<u64>,
    /// What is wrong, in whole sentences.
    faults: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Running {
    pid: Option<u32>,
}

#[derive(Debug, Serialize)]
struct Found {
    #[serde(flatten)]
    backup: Backup,
    age_s: i64,
    bytes: u64,
}

/// Runs the command.
pub fn run(edge: &mut Edge<'_>, given: &Doctor) -> Result<Exit, Failure> {
    let home = edge.home()?;
    if !home.root().is_dir() {
        return Err(Failure::new(
            ErrorCode::Internal,
            format!("There is no desk in {}.", home.root().display()),
            if home.root().exists() {
                "It is no folder: name the desk's folder in HANDOFF_DESK_HOME."
            } else {
                "Start the desk once, or name its folder in HANDOFF_DESK_HOME."
            },
        ));
    }
    match &given.restore {
        Some(file) => restore(edge, &home, file.as_deref(), given.yes),
        None => examine(edge, &home),
    }
}

fn examine(edge: &mut Edge<'_>, home: &Home) -> Result<Exit, Failure> {
    let files = Files::of(home.database());
    let mut faults = Vec::new();
    let (database, audit) = if files.database.exists() {
        (
            look(handoff_store::report(&files), &mut faults),
            look(handoff_store::verify(&files), &mut faults),
        )
    } else {
        (None, None)
    };
    if let Some(report) = &database {
        faults.extend(report.faults.iter().map(|fault| format!("The database: {fault}.")));
        if report.format > report.known_format {
            faults
                .push("A later desk has written the database; this one cannot use it.".to_owned());
        }
    }
    if let Some(broken) = audit.as_ref().and_then(|audit| audit.broken.as_ref()) {
        faults.push(format!("The audit log, at event {}: {}", broken.seq, broken.what));
    }
    if files.is_suspect() {
        faults.push("The database is to be mended; starting the desk does that.".to_owned());
    }
    let backups = backups(edge, &files)?;
    if backups.is_empty() && database.is_some() {
        faults.push("There is no backup; a running desk makes one every day.".to_owned());
    }
    let free_bytes = folder::free_bytes(home.root());
    if free_bytes.is_some_and(|free| free < LITTLE) {
        faults.push("The disk is nearly full.".to_owned());
    }
    faults.extend(folder::open_to_others(home.root()));
    let running = match take_lock(home)? {
        Lock::Ours(_) => None,
        Lock::Theirs => Some(Running { pid: folder::holder(&home.lock()) }),
    };
    let findings = Findings {
        ok: faults.is_empty(),
        version: env!("CARGO_PKG_VERSION"),
        home: home.root().to_owned(),
        running,
        database,
        audit,
        backups,
        spooled: folder::count(&home.root().join("spool")),
        free_bytes,
        faults,
    };
    edge.answer(&findings, &words::findings(&findings))?;
    Ok(if findings.ok { Exit::Done } else { Exit::Internal })
}

fn look<T>(outcome: Result<T, StoreError>, faults: &mut Vec<String>) -> Option<T> {
    outcome
        .map_err(|error| {
            let fault = format!("The database cannot be checked: {error}.");
            if !faults.contains(&fault) {
                faults.push(fault);
            }
        })
        .ok()
}

fn backups(edge: &Edge<'_>, files: &Files) -> Result<Vec<Found>, Failure> {
    let found = handoff_store::backups(files).map_err(|error| {
        Failure::new(
            ErrorCode::Internal,
            format!("The backups in {} cannot be listed: {error}.", files.backups().display()),
            "Make the folder readable for yourself.",
        )
    })?;
    let now = (edge.now)();
    Ok(found
        .into_iter()
        .map(|backup| Found {
            age_s: (now - backup.at).num_seconds(),
            bytes: std::fs::metadata(&backup.path).map_or(0, |found| found.len()),
            backup,
        })
        .collect())
}

/// What is answered after a restore.
#[derive(Serialize)]
struct Answer<'a> {
    from: &'a Path,
    #[serde(flatten)]
    restored: &'a Restored,
}

fn restore(
    edge: &mut Edge<'_>,
    home: &Home,
    file: Option<&Path>,
    yes: bool,
) -> Result<Exit, Failure> {
    let Lock::Ours(lock) = take_lock(home)? else {
        return Err(Failure::new(
            ErrorCode::Refused,
            "A desk is running; its database cannot be replaced.",
            "Quit the desk (in its tray menu, or Ctrl+K and Quit in its window), then try again.",
        ));
    };
    let files = Files::of(home.database());
    let backups = backups(edge, &files)?;
    let from = match file {
        Some(file) => file.to_owned(),
        None => match backups.first() {
            Some(newest) => newest.backup.path.clone(),
            None => {
                return Err(Failure::new(
                    ErrorCode::NotFound,
                    format!("There is no backup in {}.", files.backups().display()),
                    "Name the file of another one: `handoff doctor --restore FILE`.",
                ));
            }
        },
    };
    if !from.is_file() {
        return Err(Failure::new(
            ErrorCode::InvalidParams,
            format!("{} is not a file.", from.display()),
            "`handoff doctor` lists the backups.",
        ));
    }
    if !yes {
        if edge.json || !edge.terminal {
            return Err(Failure::new(
                ErrorCode::InvalidParams,
                "Going back to a backup has to be confirmed.",
                "Add --yes, or call it in a terminal.",
            ));
        }
        edge.say(&words::question(&backups, &from))?;
        let mut answer = String::new();
        BufReader::new(&mut *edge.stdin).read_line(&mut answer).map_err(Failure::from)?;
        if answer.trim() != "yes" {
            edge.say("Nothing was changed.\n")?;
            return Ok(Exit::Refused);
        }
    }
    let restored = handoff_store::restore(&files, &from, (edge.now)()).map_err(|error| {
        Failure::new(
            ErrorCode::Internal,
            format!("{} cannot be restored: {error}.", from.display()),
            "The present database is as it was, or in the folder `damaged`; `handoff doctor` \
             lists the other backups.",
        )
    })?;
    drop(lock);
    edge.answer(&Answer { from: &from, restored: &restored }, &words::restored(&from, &restored))?;
    Ok(Exit::Done)
}

enum Lock {
    /// No desk runs, and none can start while this lives.
    Ours(File),
    /// A desk runs.
    Theirs,
}

fn take_lock(home: &Home) -> Result<Lock, Failure> {
    let path = home.lock();
    let failed = |error: std::io::Error| {
        Failure::new(
            ErrorCode::Internal,
            format!("{} cannot be locked: {error}.", path.display()),
            "Make the desk's folder writable for yourself.",
        )
    };
    let mut options = std::fs::OpenOptions::new();
    options.create(true).truncate(false).write(true);
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Lock::Ours(file)),
        Err(std::fs::TryLockError::WouldBlock) => Ok(Lock::Theirs),
        Err(std::fs::TryLockError::Error(error)) => Err(failed(error)),
    }
}
