//! Where an agent's token is kept: a file that only its owner can read.
//!
//! A new name's token is made here and on disk before the desk hears of it: a
//! process that dies in its first hello must not leave a name that nobody can
//! use any more. Which token counts, only the desk says.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::home;

/// The length of a token, in bytes before they are written in hex.
const BYTES: usize = 32;

/// Tells the drafts of one process apart.
static DRAFTS: AtomicU32 = AtomicU32::new(0);

/// The token in this file, and whether it was made just now: of several
/// processes that come first, one makes it and all use it.
pub(crate) fn read_or_make(path: &Path) -> io::Result<(String, bool)> {
    if let Some(token) = read(path)? {
        return Ok((token, false));
    }
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    home::make_private(folder).map_err(io::Error::other)?;
    let mut random = [0; BYTES];
    getrandom::fill(&mut random).map_err(|error| io::Error::other(error.to_string()))?;
    let token = hex(&random);
    let number = DRAFTS.fetch_add(1, Ordering::Relaxed);
    let draft = path.with_extension(format!("{}-{number}.new", std::process::id()));
    let linked = write(&draft, &token).and_then(|()| fs::hard_link(&draft, path));
    let removed = fs::remove_file(&draft);
    match linked {
        Ok(()) => {
            removed?;
            // The folder may be new, too.
            for folder in [Some(folder), folder.parent()].into_iter().flatten() {
                fs::File::open(folder)?.sync_all()?;
            }
            Ok((token, true))
        }
        // Somebody was faster; a link appears with all that is in it.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match read(path)? {
            Some(token) => Ok((token, false)),
            None => Err(io::Error::new(io::ErrorKind::InvalidData, "the file is empty")),
        },
        Err(error) => Err(error),
    }
}

/// Takes back a token that [`read_or_make`] made and the desk did not want.
pub(crate) fn forget(path: &Path, token: &str) -> io::Result<()> {
    match read(path)? {
        Some(found) if found == token => fs::remove_file(path),
        Some(_) | None => Ok(()),
    }
}

fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.trim().to_owned()).filter(|token| !token.is_empty())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a string never fails.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn write(draft: &Path, token: &str) -> io::Result<()> {
    // What an earlier process of the same number may have left behind.
    if let Err(error) = fs::remove_file(draft)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft)?;
    file.write_all(token.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_token_is_made_once_and_closed_to_others() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tokens").join("cli");
        let (first, made) = read_or_make(&path).expect("made");
        assert!(made && first.len() == 2 * BYTES, "{first}");
        assert_eq!(read_or_make(&path).expect("read"), (first, false));
        let mode_of = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode_of(&path), 0o600);
        assert_eq!(mode_of(path.parent().expect("a folder")), 0o700);
        let names = fs::read_dir(path.parent().expect("a folder")).expect("readable").count();
        assert_eq!(names, 1, "no draft is left behind");
    }

    #[test]
    fn many_at_once_use_one_token_that_one_of_them_made() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tokens").join("cli");
        let results: Vec<(String, bool)> = std::thread::scope(|scope| {
            let all: Vec<_> =
                (0..16).map(|_| scope.spawn(|| read_or_make(&path).expect("usable"))).collect();
            all.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        assert_eq!(results.iter().filter(|(_, made)| *made).count(), 1);
        assert_eq!(results.iter().map(|(token, _)| token).collect::<BTreeSet<_>>().len(), 1);
    }

    #[test]
    fn only_the_token_that_was_made_is_taken_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tokens").join("cli");
        let (token, _) = read_or_make(&path).expect("made");
        forget(&path, "another").expect("nothing to do");
        assert_eq!(read_or_make(&path).expect("read"), (token.clone(), false));
        forget(&path, &token).expect("removed");
        assert!(!path.exists());
    }
}
