//! The files that belong to one database, and changing them so that a power
//! cut leaves the old or the new.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Where the database lies, and what lies beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The database.
    pub database: PathBuf,
}

impl Files {
    /// The files of this database.
    pub fn of(database: impl Into<PathBuf>) -> Self {
        Self { database: database.into() }
    }

    /// The head of the audit log, kept outside the database.
    pub fn head(&self) -> PathBuf {
        self.folder().join("audit-head")
    }

    /// The folder of the backups.
    pub fn backups(&self) -> PathBuf {
        self.folder().join("backups")
    }

    /// The folder of the databases that were set aside.
    pub fn damaged(&self) -> PathBuf {
        self.folder().join("damaged")
    }

    /// Whether the database is to be looked at before it is used again.
    pub fn is_suspect(&self) -> bool {
        self.suspicion().exists()
    }

    pub(crate) fn suspicion(&self) -> PathBuf {
        self.folder().join("desk.suspect")
    }

    /// What the reviewer has not read of what was lost.
    pub(crate) fn unread(&self) -> PathBuf {
        self.folder().join("unread.json")
    }

    /// Where a database is made that is to take the place of this one.
    pub(crate) fn successor(&self) -> PathBuf {
        self.database.with_extension("new")
    }

    /// The database, its log and the log's index: what belongs together.
    pub fn parts(&self) -> [PathBuf; 3] {
        parts_of(&self.database)
    }

    pub(crate) fn folder(&self) -> &Path {
        match self.database.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            Some(_) | None => Path::new("."),
        }
    }
}

/// A database, its log and the log's index.
pub fn parts_of(database: &Path) -> [PathBuf; 3] {
    let with = |end: &str| {
        let mut name = database.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    };
    [database.to_owned(), with("-wal"), with("-shm")]
}

/// Puts these bytes in the place of the file, durably and all at once.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    let mut file = private().write(true).create(true).truncate(true).open(&new)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    sync_folder_of(path)
}

/// Makes the names in the folder of this file durable.
pub fn sync_folder_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        Some(_) | None => File::open(".")?.sync_all(),
    }
}

/// Makes a folder that only its owner can enter, durably.
pub fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    sync_folder_of(path)
}

/// Opens or makes files that only their owner can read.
pub fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// The size of a file that may be missing.
pub fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |found| found.len())
}
