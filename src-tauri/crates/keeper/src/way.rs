//! Which file a path names, and whether it is one that may be touched.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::{KeepError, failed, refused};

/// The file that a path names: absolute, no link on the way, and within the
/// folder.
pub fn within(folder: &Path, file: &str) -> Result<PathBuf, KeepError> {
    let refuse = |why: &str| Err(refused(file, why.to_owned()));
    if !folder.is_absolute() {
        return refuse("the folder that it lies in is not known");
    }
    let folder = folder.canonicalize().map_err(failed(folder, "found"))?;
    let path = folder.join(file);
    if path.components().any(|part| matches!(part, Component::ParentDir)) {
        return refuse("“..” leads out of sight: name it from its folder");
    }
    let Some(name) = path.file_name() else { return refuse("it names no file") };
    let (known, missing) = known_part(path.parent().unwrap_or(&folder))?;
    let whole = known.join(missing).join(name);
    if !whole.starts_with(&folder) {
        return refuse("it lies outside of the folder that the call runs in");
    }
    Ok(whole)
}

/// Where a path leads, with all links followed.
pub fn leads_to(path: &Path) -> Result<PathBuf, KeepError> {
    let (known, missing) = known_part(path)?;
    Ok(known.components().chain(missing.components()).collect())
}

/// Refuses a path that leads elsewhere than when it was kept: a folder on the
/// way was replaced by a link.
pub fn unchanged(path: &Path) -> Result<(), KeepError> {
    let (known, missing) = known_part(path.parent().unwrap_or(path))?;
    if path.parent().is_some_and(|parent| parent != known.join(missing)) {
        let why = "it leads elsewhere than when it was kept".to_owned();
        return Err(refused(&path.display().to_string(), why));
    }
    Ok(())
}

/// The part of a path that is there, with its links followed, and the rest.
fn known_part(folder: &Path) -> Result<(PathBuf, PathBuf), KeepError> {
    let mut missing = PathBuf::new();
    let mut known = folder;
    loop {
        match known.canonicalize() {
            Ok(found) => return Ok((found, missing)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // A link that leads nowhere is there all the same.
                if fs::symlink_metadata(known).is_ok() {
                    let why = "a link on the way leads nowhere".to_owned();
                    return Err(refused(&folder.display().to_string(), why));
                }
                let (Some(parent), Some(name)) = (known.parent(), known.file_name()) else {
                    return Err(failed(folder, "found")(error));
                };
                missing = Path::new(name).join(missing);
                known = parent;
            }
            Err(error) => return Err(failed(folder, "found")(error)),
        }
    }
}
