//! Folders and renames that are still there after a power cut.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use crate::{SpoolError, disk, failed};

/// Makes a folder that only its owner can enter, or checks the one that is
/// there.
pub fn make(path: &Path) -> Result<(), SpoolError> {
    match disk::make_folder(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(failed(path, "made")(error));
        }
        Ok(()) | Err(_) => {}
    }
    check(path)?;
    Ok(())
}

/// Whether there is such a folder; a link or another user's is an error.
pub fn check(path: &Path) -> Result<bool, SpoolError> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(failed(path, "read")(error)),
    };
    let refused = |why| SpoolError::Unsafe { path: path.to_owned(), why };
    if !found.is_dir() {
        return Err(refused("it is not a folder"));
    }
    if found.uid() != rustix::process::geteuid().as_raw() {
        return Err(refused("it belongs to another user"));
    }
    if found.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))
            .map_err(failed(path, "closed to others"))?;
    }
    Ok(true)
}

/// The names in a folder; of one that is not there, none.
pub fn names(path: &Path) -> Result<Vec<OsString>, SpoolError> {
    let list = fs::read_dir(path).and_then(|list| {
        list.map(|one| one.map(|one| one.file_name())).collect::<io::Result<Vec<_>>>()
    });
    match list {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        other => other.map_err(failed(path, "listed")),
    }
}

/// Returns once the names in a folder are on disk.
pub fn sync(path: &Path) -> Result<(), SpoolError> {
    disk::sync_folder(path).map_err(failed(path, "synced"))
}

/// Moves a file to a name that must be free; says whether it was.
pub fn move_to_free(from: &Path, to: &Path) -> io::Result<bool> {
    match disk::rename_to_free(from, to) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}
