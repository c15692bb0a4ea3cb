//! The desk's end: claiming what waits, and what becomes of it.

use std::ffi::{OsStr, OsString};
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};

use crate::entry::{Entry, Unreadable, file_name};
use crate::{Spool, SpoolError, disk, failed, folder, is_own};

/// A draft older than this belongs to nobody who still writes.
const ABANDONED: Duration = Duration::from_hours(24);

/// The longest reason that is read back.
const LONGEST_WHY: usize = 2000;

/// How many names are tried for a file that is set aside.
const NAMES: u32 = 1000;

/// A file that the desk has claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    path: PathBuf,
}

/// A file that could not be taken up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// Where it lies now.
    pub path: PathBuf,
    /// Why, in one sentence.
    pub why: String,
}

impl Taken {
    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is in it.
    pub fn read(&self) -> Result<Entry, Unreadable> {
        Entry::read(&self.path)
    }
}

impl Spool {
    /// Whether anything waits. Costs little where nothing does: two folders
    /// are listed, and their times are not trusted, since a file that comes
    /// within the same tick of the file system's clock does not change them.
    pub fn has_any(&self) -> bool {
        let waits = fs::read_dir(&self.root)
            .is_ok_and(|mut list| list.any(|one| one.is_ok_and(|one| !is_own(&one.file_name()))));
        waits || fs::read_dir(self.taken_up()).is_ok_and(|mut list| list.next().is_some())
    }

    /// Claims all that waits, those claimed before and not done with included;
    /// the oldest first.
    pub fn take(&self) -> Result<Vec<Taken>, SpoolError> {
        if !folder::check(&self.root)? {
            return Ok(Vec::new());
        }
        let claimed = self.taken_up();
        self.make_own(&claimed)?;
        let mut found = Vec::new();
        for one in list(&claimed)? {
            found.push((age(&one), one.path()));
        }
        for one in list(&self.root)? {
            if is_own(&one.file_name()) {
                continue;
            }
            let target = claimed.join(one.file_name());
            // Where that name is not free, its turn comes next time.
            match folder::move_to_free(&one.path(), &target) {
                Ok(true) => found.push((age(&one), target)),
                Ok(false) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed(&one.path(), "taken up")(error)),
            }
        }
        found.sort();
        Ok(found.into_iter().map(|(_, path)| Taken { path }).collect())
    }

    /// Makes a folder in the spool; returns once it is there for good. Else a
    /// file that was moved to it could be gone with it. Who made it may have
    /// died, or failed, before it was on disk.
    fn make_own(&self, path: &Path) -> Result<(), SpoolError> {
        folder::make(path)?;
        folder::sync(&self.root)
    }

    /// Removes a file that has been stored.
    pub fn done(&self, taken: &Taken) -> Result<(), SpoolError> {
        match disk::remove(&taken.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(failed(&taken.path, "removed")(error))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Returns once all that was removed is gone for good.
    pub fn settle(&self) -> Result<(), SpoolError> {
        folder::sync(&self.taken_up())?;
        folder::sync(&self.root)
    }

    /// Puts a file that cannot be taken up out of the way, with the reason
    /// beside it.
    pub fn set_aside(&self, taken: &Taken, why: &str) -> Result<SetAside, SpoolError> {
        let aside = self.aside();
        self.make_own(&aside)?;
        let name = taken.path.file_name().unwrap_or(OsStr::new("nameless"));
        for number in 1..=NAMES {
            let mut free = name.to_owned();
            if number > 1 {
                free.push(format!("-{number}"));
            }
            let path = aside.join(free);
            let reason = reason_of(&path);
            if reason.exists() {
                continue;
            }
            if folder::move_to_free(&taken.path, &path).map_err(failed(&taken.path, "moved"))? {
                // Without its reason the file is still reported.
                write_why(&reason, why).map_err(failed(&reason, "written"))?;
                folder::sync(&aside)?;
                folder::sync(&self.taken_up())?;
                return Ok(SetAside { path, why: why.to_owned() });
            }
        }
        Err(SpoolError::Unsafe { path: aside, why: "too much of the same name was set aside" })
    }

    /// All that has been set aside and not been removed since.
    pub fn set_aside_files(&self) -> Vec<SetAside> {
        let Ok(list) = list(&self.aside()) else { return Vec::new() };
        let mut paths: Vec<PathBuf> = list.iter().map(DirEntry::path).collect();
        paths.retain(|path| path.extension() != Some(OsStr::new("why")));
        paths.sort();
        paths.into_iter().map(|path| SetAside { why: why_of(&path), path }).collect()
    }

    /// Why the handoff with this id was set aside, if it was: its latest time.
    pub fn why_set_aside(&self, id: &str) -> Option<String> {
        let name = file_name(id);
        let is_it = |path: &Path| {
            let found = path.file_name().unwrap_or_default().to_string_lossy();
            found.strip_prefix(&name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        self.set_aside_files().into_iter().rfind(|one| is_it(&one.path)).map(|one| one.why)
    }

    /// Removes drafts whose writers have died: nobody was told that they are
    /// safe.
    pub fn clear_drafts(&self, now: DateTime<Utc>) {
        let Ok(drafts) = list(&self.drafts()) else { return };
        for draft in drafts {
            let old = age(&draft)
                .and_then(|written| SystemTime::from(now).duration_since(written).ok())
                .is_some_and(|age| age > ABANDONED);
            if old {
                disk::remove(&draft.path()).ok();
            }
        }
    }
}

fn list(folder: &Path) -> Result<Vec<DirEntry>, SpoolError> {
    fs::read_dir(folder).and_then(Iterator::collect).map_err(failed(folder, "listed"))
}

fn age(entry: &DirEntry) -> Option<SystemTime> {
    entry.metadata().and_then(|found| found.modified()).ok()
}

fn reason_of(path: &Path) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(".why");
    PathBuf::from(name)
}

fn write_why(path: &Path, why: &str) -> io::Result<()> {
    disk::write_new(path, format!("{why}\n").as_bytes())
}

fn why_of(path: &Path) -> String {
    let path = reason_of(path);
    let text = match fs::symlink_metadata(&path) {
        Ok(found) if found.is_file() => fs::read_to_string(&path).unwrap_or_default(),
        Ok(_) | Err(_) => String::new(),
    };
    let line: String = text.lines().next().unwrap_or_default().chars().take(LONGEST_WHY).collect();
    if line.is_empty() { "The reason was not kept.".to_owned() } else { line }
}
