//! Putting a copy back, so that nothing that somebody wrote meanwhile is lost:
//! what lies there is taken out by one rename, looked at, and put back where it
//! is another file than expected.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use handoff_domain::kept::{Content, KeptFile};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::copy::{content, digest, fresh};
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
            let copy = copy_of(keeper, kept, sha256)?;
            let made = folders(folder)?;
            let draft = beside(path)?;
            let written = write(copy, kept, sha256, *mode, &draft);
            let swap = |flags| renameat_with(CWD, &draft, CWD, path, flags);
            let outcome = match written {
                Ok(()) => exchange(&draft, path, kept, expected, swap),
                // It is a copy of a copy; there may be none.
                Err(error) => Err(discarded(&draft, error)),
            };
            if outcome.is_err() {
                // Only those go that nobody has put anything into.
                made.iter().all(|folder| fs::remove_dir(folder).is_ok());
            }
            outcome?;
            for folder in made.iter().filter_map(|folder| folder.parent()) {
                sync_folder(folder)?;
            }
        }
    }
    sync_folder(folder)
}

/// Makes the folders that are gone; those that it made, the innermost first.
fn folders(folder: &Path) -> Result<Vec<PathBuf>, KeepError> {
    let gone = folder.ancestors().take_while(|folder| !folder.exists());
    let made: Vec<PathBuf> = gone.map(Path::to_path_buf).collect();
    fs::create_dir_all(folder).map_err(failed(folder, "made again"))?;
    Ok(made)
}

fn copy_of(keeper: &Keeper, kept: &KeptFile, sha256: &str) -> Result<File, KeepError> {
    File::open(keeper.of_hash(sha256)).map_err(|_| KeepError::Lost(kept.path.clone()))
}

/// Removes a draft that was of no use.
fn discarded(draft: &Path, error: KeepError) -> KeepError {
    fs::remove_file(draft).ok();
    error
}

/// A name beside the file that nobody else uses.
fn beside(path: &Path) -> Result<PathBuf, KeepError> {
    let folder = path.parent().unwrap_or(path);
    Ok(folder.join(format!(".handoff-{}", random_name()?)))
}

/// Writes the copy beside the file, and sees that it is what was kept.
fn write(
    copy: File,
    kept: &KeptFile,
    sha256: &str,
    mode: u32,
    draft: &Path,
) -> Result<(), KeepError> {
    let lost = || KeepError::Lost(kept.path.clone());
    let mut to = fresh(draft)?;
    let (found, _) = digest(copy, &mut to).map_err(failed(draft, "written"))?;
    if found != sha256 {
        return Err(lost());
    }
    to.set_permissions(Permissions::from_mode(mode)).map_err(failed(draft, "written"))?;
    to.sync_all().map_err(failed(draft, "synced"))
}

/// Puts the draft in the place of the file if that is what is expected. A draft
/// that is left is removed only while it is the desk's: once swapped, it may be
/// what somebody wrote.
fn exchange(
    draft: &Path,
    path: &Path,
    kept: &KeptFile,
    expected: &Content,
    mut swap: impl FnMut(RenameFlags) -> Result<(), Errno>,
) -> Result<(), KeepError> {
    if *expected == Content::Absent {
        // Refused where somebody has made one.
        return swap(RenameFlags::NOREPLACE).map_err(|error| {
            let changed = error == Errno::EXIST;
            let error = failed(path, "put back")(error.into());
            discarded(draft, if changed { KeepError::Changed(kept.path.clone()) } else { error })
        });
    }
    swap(RenameFlags::EXCHANGE)
        .map_err(|error| discarded(draft, failed(path, "put back")(error.into())))?;
    if content(draft).is_ok_and(|taken| taken == *expected) {
        return fs::remove_file(draft).map_err(failed(draft, "removed"));
    }
    match swap(RenameFlags::EXCHANGE) {
        Ok(()) => Err(discarded(draft, KeepError::Changed(kept.path.clone()))),
        Err(_) => Err(lies_in(kept, draft)),
    }
}

/// What somebody wrote at this very moment is kept, where it does not get back.
fn lies_in(kept: &KeptFile, aside: &Path) -> KeepError {
    refused(
        &kept.path,
        format!("it was changed at this moment, and lies in {} now", aside.display()),
    )
}

/// Removes a file that was not there before, if it is what is expected.
fn remove(path: &Path, kept: &KeptFile, expected: &Content) -> Result<(), KeepError> {
    let aside = beside(path)?;
    fs::rename(path, &aside).map_err(failed(path, "removed"))?;
    if content(&aside).is_ok_and(|taken| taken == *expected) {
        return fs::remove_file(&aside).map_err(failed(&aside, "removed"));
    }
    renameat_with(CWD, &aside, CWD, path, RenameFlags::NOREPLACE)
        .map_err(|_| lies_in(kept, &aside))?;
    Err(KeepError::Changed(kept.path.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_swapped_back_is_kept_and_named() {
        let root = tempfile::tempdir().expect("a folder");
        let (path, draft) = (root.path().join("a.txt"), root.path().join(".draft"));
        fs::write(&path, "before").expect("written");
        let expected = content(&path).expect("seen");
        fs::write(&draft, "the copy").expect("written");
        fs::write(&path, "by somebody at this moment").expect("written");
        let kept = KeptFile {
            path: path.display().to_string(),
            before: content(&draft).expect("seen"),
            after: None,
        };
        let mut calls = 0;
        let swap = |flags| {
            calls += 1;
            if calls > 1 { Err(Errno::IO) } else { renameat_with(CWD, &draft, CWD, &path, flags) }
        };
        let failed = exchange(&draft, &path, &kept, &expected, swap).expect_err("it fails");
        assert!(failed.to_string().contains(".draft"), "{failed}");
        let left = fs::read_to_string(&draft).expect("still there");
        assert_eq!(left, "by somebody at this moment");
    }
}
