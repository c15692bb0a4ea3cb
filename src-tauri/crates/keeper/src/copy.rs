//! Taking a copy, and saying what lies at a path.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use handoff_domain::decision::hex;
use handoff_domain::kept::Content;
use sha2::{Digest as _, Sha256};

use crate::{KeepError, Keeper, LARGEST, failed, random_name, refused};

/// How often a file is read again that somebody writes meanwhile.
const TRIES: u32 = 3;

impl Keeper {
    /// Copies the file at `path`, which was given as `named`, and counts its
    /// bytes down from `room`.
    pub(crate) fn copy(
        &self,
        path: &Path,
        named: &str,
        room: &mut u64,
    ) -> Result<Content, KeepError> {
        for _ in 0..TRIES {
            let Some(file) = open(path)? else { return Ok(Content::Absent) };
            let before = file.metadata().map_err(failed(path, "read"))?;
            if before.len() > LARGEST || before.len() > *room {
                return Err(refused(named, "it is too large to keep a copy of".to_owned()));
            }
            let draft = self.drafts().join(random_name()?);
            let copied = copied(file.take(before.len() + 1), &draft, path);
            let same = open(path)?.map(|again| again.metadata()).transpose();
            let same = same.map_err(failed(path, "read"))?;
            let still = same.is_some_and(|now| {
                (now.dev(), now.ino(), now.len(), now.mtime(), now.mtime_nsec())
                    == (
                        before.dev(),
                        before.ino(),
                        before.len(),
                        before.mtime(),
                        before.mtime_nsec(),
                    )
            });
            match copied {
                Ok((sha256, bytes)) if still && bytes == before.len() => {
                    fs::rename(&draft, self.of_hash(&sha256)).map_err(failed(&draft, "kept"))?;
                    *room -= bytes;
                    return Ok(Content::File { sha256, bytes, mode: before.mode() & 0o7777 });
                }
                outcome => {
                    // What was begun is of no use, and its end changes nothing.
                    fs::remove_file(&draft).ok();
                    outcome?;
                }
            }
        }
        Err(refused(named, "somebody writes it at this moment".to_owned()))
    }
}

/// What lies at a path. What is too large for a copy is not read through.
pub fn content(path: &Path) -> Result<Content, KeepError> {
    let Some(file) = open(path)? else { return Ok(Content::Absent) };
    let found = file.metadata().map_err(failed(path, "read"))?;
    let too_large =
        || refused(&path.display().to_string(), "it is larger than any copy".to_owned());
    if found.len() > LARGEST {
        return Err(too_large());
    }
    let read = digest(file.take(LARGEST + 1), io::sink());
    let (sha256, bytes) = read.map_err(failed(path, "read"))?;
    // It may have grown since.
    if bytes > LARGEST {
        return Err(too_large());
    }
    Ok(Content::File { sha256, bytes, mode: found.mode() & 0o7777 })
}

/// Opens a regular file, itself and not what it links to; none if nothing is
/// there.
pub fn open(path: &Path) -> Result<Option<File>, KeepError> {
    let refuse = |why: &str| Err(refused(&path.display().to_string(), why.to_owned()));
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => return refuse("it is a link; name the file itself"),
        Ok(found) if found.is_dir() => return refuse("it is a folder; name its files"),
        Ok(found) if !found.is_file() => return refuse("it is no regular file"),
        Ok(found) if found.nlink() > 1 => {
            return refuse("it has a second name, which would be left behind");
        }
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(path, "read")(error)),
    }
    // A pipe that somebody has put there meanwhile would be waited for.
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)
        .map_err(failed(path, "read"))?;
    if !file.metadata().map_err(failed(path, "read"))?.is_file() {
        return refuse("it is no regular file");
    }
    Ok(Some(file))
}

/// A new file that its user alone may read.
pub fn fresh(path: &Path) -> Result<File, KeepError> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(failed(path, "written"))
}

/// Writes a copy and brings it to the disk; its hash and its length.
fn copied(from: impl Read, draft: &Path, path: &Path) -> Result<(String, u64), KeepError> {
    let mut to = fresh(draft)?;
    let told = digest(from, &mut to).map_err(failed(path, "copied"))?;
    to.sync_all().map_err(failed(draft, "synced"))?;
    Ok(told)
}

/// Reads to the end, and writes what it reads.
pub fn digest(mut from: impl Read, mut to: impl io::Write) -> io::Result<(String, u64)> {
    let mut hash = Sha256::new();
    let mut part = vec![0; 128 * 1024];
    let mut bytes = 0;
    loop {
        let read = from.read(&mut part)?;
        let Some(part) = part.get(..read).filter(|part| !part.is_empty()) else {
            return Ok((hex(&hash.finalize()), bytes));
        };
        hash.update(part);
        to.write_all(part)?;
        bytes += u64::try_from(read).unwrap_or_default();
    }
}
