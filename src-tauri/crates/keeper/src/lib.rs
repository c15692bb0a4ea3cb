//! Copies of files that agents are about to change, and putting them back.
//!
//! A copy lies under the hash of its bytes, so that the same content is kept
//! once. It is on disk before anybody is told that there is one. What somebody
//! changed since is never overwritten: the file that is there is taken out and
//! looked at, and put back where it is another one than expected.
//!
//! ```text
//! kept/SHA256      a copy, readable by its user alone
//! kept/drafts/     being written; nobody was told that these are there
//! ```
//!
//! This crate does not know which agent or which change a copy belongs to, nor
//! whether it may be put back: that is the engine's.

mod copy;
mod put_back;
#[cfg(test)]
mod tests;
mod way;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use handoff_domain::kept::{Content, KeptFile};

/// The most files of one change.
pub const MOST_FILES: usize = 200;

/// The largest file that is kept, in bytes.
pub const LARGEST: u64 = 64 * 1024 * 1024;

/// The most bytes that are kept of one change.
pub const MOST_BYTES: u64 = 256 * 1024 * 1024;

/// The copies of one home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keeper {
    root: PathBuf,
}

/// Why no copy was taken, or none put back; the file is as it was.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The path leads elsewhere than it may, or to something that is no file.
    #[error("{path}: {why}")]
    Refused {
        /// As it was given.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// Somebody has changed the file since.
    #[error("{0} was changed since, and is left as it is")]
    Changed(String),
    /// The copy is not there, or not what it was.
    #[error("the copy of {0} is damaged or gone")]
    Lost(String),
    /// The system refused.
    #[error("{path} cannot be {doing}: {source}")]
    Io {
        /// Where.
        path: String,
        /// What was being done to it.
        doing: &'static str,
        /// What the system says.
        source: io::Error,
    },
}

impl Keeper {
    /// The copies of the desk that lives in `home`. The folder need not exist.
    pub fn of(home: &Path) -> Self {
        Self { root: home.join("kept") }
    }

    /// Keeps a copy of each file as it is now, of `room` bytes together at the
    /// most. A path is taken from `folder`, and must stay in it.
    ///
    /// # Errors
    ///
    /// If one cannot be kept, none counts as kept.
    pub fn keep(
        &self,
        folder: &Path,
        files: &[String],
        room: u64,
    ) -> Result<Vec<KeptFile>, KeepError> {
        if files.len() > MOST_FILES {
            return Err(refused(
                &files.len().to_string(),
                format!("more than {MOST_FILES} files are too many to keep"),
            ));
        }
        self.prepare()?;
        let mut room = room.min(MOST_BYTES);
        let mut kept: Vec<KeptFile> = Vec::new();
        for file in files {
            let path = way::within(folder, file)?;
            let name = path.to_str().ok_or_else(|| refused(file, "it is no text".to_owned()))?;
            if kept.iter().any(|kept| kept.path == name) {
                continue;
            }
            let before = self.copy(&path, file, &mut room)?;
            kept.push(KeptFile { path: name.to_owned(), before, after: None });
        }
        self.settle()?;
        Ok(kept)
    }

    /// Which file a path names, taken from `folder`.
    ///
    /// # Errors
    ///
    /// If it leads out of the folder.
    pub fn place(folder: &Path, file: &str) -> Result<PathBuf, KeepError> {
        way::within(folder, file)
    }

    /// Where a path leads, with all links followed. What is not there yet lies
    /// where the part of it that is there leads.
    ///
    /// # Errors
    ///
    /// If that cannot be told, as where a link leads nowhere.
    pub fn leads_to(path: &Path) -> Result<PathBuf, KeepError> {
        way::leads_to(path)
    }

    /// What lies at the path of a kept file now.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or is no regular file.
    pub fn look(&self, path: &str) -> Result<Content, KeepError> {
        copy::content(Path::new(path))
    }

    /// Puts a copy back in the place of what is expected to lie there.
    ///
    /// # Errors
    ///
    /// If something else lies there, it stays; so it does if the copy is lost.
    pub fn put_back(&self, kept: &KeptFile, expected: &Content) -> Result<(), KeepError> {
        put_back::put_back(self, kept, expected)
    }

    /// Removes the copies from before a moment that are not needed, and what
    /// was left half written; says how many copies. For a time at which none is
    /// taken. A younger one may be needed by a database that is not in use now,
    /// such as the one before a backup was gone back to.
    ///
    /// # Errors
    ///
    /// If the folder cannot be read.
    pub fn clear(&self, needed: &BTreeSet<String>, before: SystemTime) -> io::Result<usize> {
        let mut removed = 0;
        match fs::remove_dir_all(self.drafts()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let entries = match fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let is_copy = name.to_str().is_some_and(is_hash);
            let is_needed = needed.contains(&*name.to_string_lossy());
            if is_copy && !is_needed && entry.metadata()?.modified()? < before {
                fs::remove_file(entry.path())?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    fn of_hash(&self, sha256: &str) -> PathBuf {
        self.root.join(sha256)
    }

    fn drafts(&self) -> PathBuf {
        self.root.join("drafts")
    }

    fn prepare(&self) -> Result<(), KeepError> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(self.drafts())
            .map_err(failed(&self.root, "made"))
    }

    /// Brings the names of the copies to the disk.
    fn settle(&self) -> Result<(), KeepError> {
        sync_folder(&self.root)
    }
}

fn sync_folder(folder: &Path) -> Result<(), KeepError> {
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed(folder, "synced"))
}

fn is_hash(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn refused(path: &str, why: String) -> KeepError {
    KeepError::Refused { path: path.to_owned(), why }
}

fn failed(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> KeepError {
    let path = path.display().to_string();
    move |source| KeepError::Io { path, doing, source }
}

fn random_name() -> Result<String, KeepError> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| KeepError::Io {
        path: "a temporary file".to_owned(),
        doing: "named",
        source: io::Error::other(error.to_string()),
    })?;
    Ok(handoff_domain::decision::hex(&bytes))
}
