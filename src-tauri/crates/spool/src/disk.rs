//! The calls that change the disk, one by one, so that tests can make any of
//! them fail and can cut the power between any two.
//!
//! It knows no spool: names and contents are its callers'.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

#[cfg(test)]
use crate::tests::watch::watched;

/// A call that changes the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// A folder is made.
    MakeFolder,
    /// A file is made, and is empty.
    Create,
    /// A file gets its content.
    Write,
    /// The content of a file is brought to the disk.
    SyncFile,
    /// The names in a folder are brought to the disk.
    SyncFolder,
    /// A file gets another name.
    Rename,
    /// A file is removed.
    Remove,
}

/// Makes a folder that only its owner can enter.
pub fn make_folder(path: &Path) -> io::Result<()> {
    watched(Call::MakeFolder, &[path], || DirBuilder::new().mode(0o700).create(path))
}

/// Writes a file that must be new, and returns once its content is on disk.
pub fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = watched(Call::Create, &[path], || {
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
    })?;
    watched(Call::Write, &[path], || file.write_all(bytes))?;
    watched(Call::SyncFile, &[path], || bring(&file))
}

/// Returns once the names in a folder are on disk.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    watched(Call::SyncFolder, &[path], || bring(&File::open(path)?))
}

/// Gives a file another name, in the place of what had it.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    watched(Call::Rename, &[from, to], || fs::rename(from, to))
}

/// The same for a name that must be free; else it is an error of the kind
/// `AlreadyExists`.
pub fn rename_to_free(from: &Path, to: &Path) -> io::Result<()> {
    watched(Call::Rename, &[from, to], || {
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            Ok(()) => Ok(()),
            Err(Errno::NOTEMPTY) => Err(Errno::EXIST.into()),
            // Some file systems cannot promise that, but all that can hold a home
            // refuse a second link of the same name.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                fs::hard_link(from, to).and_then(|()| fs::remove_file(from))
            }
            Err(error) => Err(error.into()),
        }
    })
}

/// Removes a file.
pub fn remove(path: &Path) -> io::Result<()> {
    watched(Call::Remove, &[path], || fs::remove_file(path))
}

fn bring(file: &File) -> io::Result<()> {
    // Where the disk is only written down, to wait for the real one takes long.
    #[cfg(test)]
    if crate::tests::watch::is_on() {
        return Ok(());
    }
    file.sync_all()
}

#[cfg(not(test))]
fn watched<T>(_call: Call, _paths: &[&Path], act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    act()
}
