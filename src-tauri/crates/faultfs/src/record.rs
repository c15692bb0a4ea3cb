//! What was done to the files, in order.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::fault::{Armed, Call, Cause};

/// A file, whatever its name: a name that is removed and made again names
/// another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileId(pub(crate) usize);

/// Something that changes what is on the disk, now or later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// A name is given to a new and empty file.
    Create {
        /// The file.
        file: FileId,
        /// Its name in the folder.
        name: String,
    },
    /// A name is removed.
    Delete {
        /// The name.
        name: String,
    },
    /// Bytes are put into a file.
    Write {
        /// The file.
        file: FileId,
        /// Where they begin.
        offset: usize,
        /// The bytes.
        bytes: Box<[u8]>,
    },
    /// A file gets another size.
    Truncate {
        /// The file.
        file: FileId,
        /// The size.
        size: usize,
    },
    /// All that was done to a file so far is on the disk.
    Sync {
        /// The file.
        file: FileId,
    },
    /// Bringing a file to the disk failed: what was not there yet may be there
    /// or not, and no later sync brings it there, because the system takes it
    /// for written.
    SyncFailed {
        /// The file.
        file: FileId,
    },
    /// All names given and removed so far are on the disk.
    SyncFolder,
}

/// What a disk only pretends to do: for the proof that a proof can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// The database file is not brought to the disk when that is asked.
    DatabaseSync,
    /// The write-ahead log is not.
    LogSync,
    /// The names in the folder are not.
    FolderSync,
}

/// What all connections of a disk share.
#[derive(Debug, Default)]
pub struct Record {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
pub struct State {
    /// Nothing is kept while this is not set.
    pub recording: bool,
    pub ops: Vec<Op>,
    pub lie: Option<Lie>,
    pub fault: Option<Armed>,
    names: HashMap<String, FileId>,
    files: usize,
}

impl Record {
    pub fn lock(&self) -> MutexGuard<'_, State> {
        // A panic of a test that looks at it leaves it as it was.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    pub fn fails(&mut self, call: Call) -> Option<Cause> {
        self.fault.as_mut().and_then(|armed| armed.strikes(call))
    }

    /// The file that has this name, which is new if it had none.
    pub fn opened(&mut self, name: &str) -> FileId {
        if let Some(&known) = self.names.get(name) {
            return known;
        }
        let file = FileId(self.files);
        self.files += 1;
        self.names.insert(name.to_owned(), file);
        self.push(Op::Create { file, name: name.to_owned() });
        file
    }

    pub fn deleted(&mut self, name: &str, folder_synced: bool) {
        if self.names.remove(name).is_some() {
            self.push(Op::Delete { name: name.to_owned() });
        }
        if folder_synced {
            self.folder_synced();
        }
    }

    pub fn written(&mut self, file: FileId, offset: usize, bytes: &[u8]) {
        if self.recording {
            self.ops.push(Op::Write { file, offset, bytes: bytes.into() });
        }
    }

    pub fn truncated(&mut self, file: FileId, size: usize) {
        self.push(Op::Truncate { file, size });
    }

    pub fn synced(&mut self, file: FileId, is_database: bool, folder_too: bool) {
        let unsaid = if is_database { Lie::DatabaseSync } else { Lie::LogSync };
        if self.lie != Some(unsaid) {
            self.push(Op::Sync { file });
        }
        if folder_too {
            self.folder_synced();
        }
    }

    pub fn sync_failed(&mut self, file: FileId) {
        self.push(Op::SyncFailed { file });
    }

    fn folder_synced(&mut self) {
        if self.lie != Some(Lie::FolderSync) {
            self.push(Op::SyncFolder);
        }
    }

    fn push(&mut self, op: Op) {
        if self.recording {
            self.ops.push(op);
        }
    }
}
