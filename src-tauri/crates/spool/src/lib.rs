//! The durable spool folder: where a handoff waits while no desk can take it.
//!
//! Both ends are here. A client puts a handoff in, looks at it, or marks it as
//! withdrawn; the desk takes the files up one by one. A file has one name for
//! one handoff, the id that the desk will give it, so that the same submit
//! finds the same file.
//!
//! ```text
//! spool/ID.json     acknowledged, waits for the desk
//! spool/drafts/     being written; nobody was told that these are safe
//! spool/taken-up/   claimed by the desk, stored or about to be
//! spool/set-aside/  what the desk could not take up, and beside each file why
//! ```
//!
//! The desk claims a file by a rename before it reads it: what a client puts
//! in its place afterwards is another file, and not removed with the first.
//!
//! This crate does not know what a handoff means, who an agent is or where the
//! desk stores: it never decides whether a file may be taken up.

mod disk;
mod entry;
mod folder;
mod put;
mod take;
#[cfg(test)]
mod tests;

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

pub use entry::{Entry, Unreadable, Withdrawn};
pub use put::{Put, Waiting};
pub use take::{SetAside, Taken};

/// The spool folder of one home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spool {
    root: PathBuf,
}

/// Why the spool could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The system refused. What was to be written may be there, or not.
    #[error("{} cannot be {doing}: {source}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What was being done to it: written, read, listed.
        doing: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// A folder of the spool is none, or belongs to somebody else.
    #[error("{} cannot be used: {why}", path.display())]
    Unsafe {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The file of this handoff is damaged; the desk sets it aside.
    #[error("{} cannot be understood: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The same agent and key wait with another content.
    #[error("the key of {id} waits in the spool with another content")]
    Conflict {
        /// The id of both.
        id: String,
    },
    /// The text to be spooled has no key, and so no id.
    #[error("the handoff has no key")]
    NoKey,
}

impl Spool {
    /// The spool of the desk that lives in `home`. It need not exist.
    pub fn of(home: &Path) -> Self {
        Self { root: home.join("spool") }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the file of a handoff lies until the desk takes it up.
    pub fn file(&self, id: &str) -> PathBuf {
        self.root.join(entry::file_name(id))
    }

    fn drafts(&self) -> PathBuf {
        self.root.join(DRAFTS)
    }

    fn taken_up(&self) -> PathBuf {
        self.root.join(TAKEN_UP)
    }

    fn aside(&self) -> PathBuf {
        self.root.join(SET_ASIDE)
    }
}

const DRAFTS: &str = "drafts";
const TAKEN_UP: &str = "taken-up";
const SET_ASIDE: &str = "set-aside";

/// Whether this is one of the spool's own folders.
fn is_own(name: &OsStr) -> bool {
    [DRAFTS, TAKEN_UP, SET_ASIDE].iter().any(|own| name == *own)
}

fn failed(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> SpoolError {
    let path = path.to_owned();
    move |source| SpoolError::Io { path, doing, source }
}
