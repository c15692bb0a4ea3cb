//! Where an agent's token is kept: a file that only its owner can read.
//!
//! It neither makes tokens nor checks them; the desk does both.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::home;

/// How often a file that another process is about to write is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// The token in this file; `None` where there is no file.
pub(crate) fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.trim().to_owned()).filter(|token| !token.is_empty())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Keeps a token: whole or not at all, and for its owner only.
pub(crate) fn store(path: &Path, token: &str) -> io::Result<()> {
    let Some(folder) = path.parent() else { return Ok(()) };
    home::make_private(folder).map_err(io::Error::other)?;
    let draft = path.with_extension(format!("{}.new", std::process::id()));
    // A draft that an earlier process of the same number left behind.
    if let Err(error) = fs::remove_file(&draft)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(token.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    fs::File::open(folder)?.sync_all()
}

/// Waits until the file holds another token than `known`; `None` when it does
/// not by `until`.
pub(crate) fn wait_for_change(
    path: &Path,
    known: Option<&str>,
    until: Instant,
) -> io::Result<Option<String>> {
    loop {
        let found = read(path)?;
        if found.is_some() && found.as_deref() != known {
            return Ok(found);
        }
        // A token that was refused is wrong; only a missing one can be late.
        if known.is_some() || Instant::now() >= until {
            return Ok(None);
        }
        std::thread::park_timeout(LOOK);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_stored_token_is_read_back_and_closed_to_others() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tokens").join("cli");
        assert_eq!(read(&path).expect("readable"), None);
        store(&path, "first").expect("stored");
        store(&path, "second").expect("stored again");
        assert_eq!(read(&path).expect("readable").as_deref(), Some("second"));
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().expect("a folder")), 0o700);
        let names = fs::read_dir(path.parent().expect("a folder")).expect("readable").count();
        assert_eq!(names, 1, "no draft is left behind");
    }
}
