//! Putting a copy back, so that nothing that somebody wrote meanwhile is lost:
//! what lies there is taken out by one rename, looked at, and put back where it
//! is another file than expected.

use std::fs::{self, OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use handoff_domain::kept::{Content, KeptFile};
use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::copy::{content, digest};
use crate::{KeepError, Keeper, failed, random_name, refused, sync_folder, way};

pub fn put_back(keeper: &Keeper, kept: &KeptFile, expected: &Content) -> Result<(), KeepError> {
    let path = Path::new(&kept.path);
    way::unchanged(path)?;
    let present = content(path)?;
    if present == kept.before {
        return Ok(());
    }
    if present != *expected {
        return Err(KeepError::Changed(kept.path.clone()));
    }
    let folder = path.parent().unwrap_or(path);
    match &kept.before {
        Content::Absent => remove(path, kept, expected)?,
        Content::File { sha256, mode, .. } => {
            let draft = beside(path)?;
            let outcome = write(keeper, kept, sha256, *mode, &draft)
                .and_then(|()| exchange(&draft, path, kept, expected));
            if outcome.is_err() {
                // It is a copy of a copy; there may be none.
                fs::remove_file(&draft).ok();
            }
            outcome?;
        }
    }
    sync_folder(folder)
}

/// A name beside the file that nobody else uses.
fn beside(path: &Path) -> Result<PathBuf, KeepError> {
    let folder = path.parent().unwrap_or(path);
    Ok(folder.join(format!(".handoff-{}", random_name()?)))
}

/// Writes the copy beside the file, and sees that it is what was kept.
fn write(
    keeper: &Keeper,
    kept: &KeptFile,
    sha256: &str,
    mode: u32,
    draft: &Path,
) -> Result<(), KeepError> {
    let lost = || KeepError::Lost(kept.path.clone());
    let copy = fs::File::open(keeper.of_hash(sha256)).map_err(|_| lost())?;
    let mut to = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(draft)
        .map_err(failed(draft, "written"))?;
    let (found, _) = digest(copy, &mut to).map_err(failed(draft, "written"))?;
    if found != sha256 {
        return Err(lost());
    }
    to.set_permissions(Permissions::from_mode(mode)).map_err(failed(draft, "written"))?;
    to.sync_all().map_err(failed(draft, "synced"))
}

/// Puts the draft in the place of the file if that is what is expected.
fn exchange(
    draft: &Path,
    path: &Path,
    kept: &KeptFile,
    expected: &Content,
) -> Result<(), KeepError> {
    let swap = |flags| renameat_with(CWD, draft, CWD, path, flags);
    if *expected == Content::Absent {
        // Refused where somebody has made one.
        return match swap(RenameFlags::NOREPLACE) {
            Ok(()) => Ok(()),
            Err(rustix::io::Errno::EXIST) => Err(KeepError::Changed(kept.path.clone())),
            Err(error) => Err(failed(path, "put back")(error.into())),
        };
    }
    swap(RenameFlags::EXCHANGE).map_err(|error| failed(path, "put back")(error.into()))?;
    if content(draft).is_ok_and(|taken| taken == *expected) {
        return fs::remove_file(draft).map_err(failed(draft, "removed"));
    }
    swap(RenameFlags::EXCHANGE).map_err(|error| failed(path, "put back")(error.into()))?;
    Err(KeepError::Changed(kept.path.clone()))
}

/// Removes a file that was not there before, if it is what is expected.
fn remove(path: &Path, kept: &KeptFile, expected: &Content) -> Result<(), KeepError> {
    let aside = beside(path)?;
    fs::rename(path, &aside).map_err(failed(path, "removed"))?;
    if content(&aside).is_ok_and(|taken| taken == *expected) {
        return fs::remove_file(&aside).map_err(failed(&aside, "removed"));
    }
    renameat_with(CWD, &aside, CWD, path, RenameFlags::NOREPLACE).map_err(|_| {
        let why = format!("it was changed at this moment, and lies in {} now", aside.display());
        refused(&kept.path, why)
    })?;
    Err(KeepError::Changed(kept.path.clone()))
}
