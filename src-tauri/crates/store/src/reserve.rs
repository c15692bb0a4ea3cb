//! Room that is kept for answers. A full disk refuses small changes as it does
//! large ones, so a part of it is taken beforehand and given back when an
//! answer needs it; new payloads are refused before it comes to that.
//!
//! It writes no handoff and decides nothing but whether there is room.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate, statvfs};
use rustix::io::Errno;

/// Its name, beside the database.
const NAME: &str = "reserve";

/// The size of the reserve, in bytes.
const SIZE: u64 = 8 * 1024 * 1024;

/// What must be free, besides its own length, for a new payload, in bytes.
const FOR_PAYLOADS: u64 = 16 * 1024 * 1024;

/// What must be free for an answer, in bytes; else the reserve is given back.
pub(crate) const FOR_ANSWERS: u64 = 2 * 1024 * 1024;

/// What must be free before the reserve is taken again, in bytes.
const PLENTY: u64 = 64 * 1024 * 1024;

/// The reserve of one home.
#[derive(Debug)]
pub struct Reserve {
    file: PathBuf,
    folder: PathBuf,
}

impl Reserve {
    /// The reserve beside the database at `path`; taken where there is plenty
    /// of room.
    pub(crate) fn beside(path: &Path) -> Self {
        let folder = folder_of(path);
        let reserve = Self { file: folder.join(NAME), folder };
        reserve.refill();
        reserve
    }

    /// Whether a new payload of so many bytes may be stored.
    pub fn has_room_for(&self, bytes: usize) -> bool {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        // Where nobody can say how much is free, the write itself will.
        self.free().is_none_or(|free| free >= FOR_PAYLOADS.saturating_add(bytes))
    }

    /// How many bytes there is room for besides what is kept for answers.
    pub fn room(&self) -> u64 {
        self.free().map_or(u64::MAX, |free| free.saturating_sub(FOR_PAYLOADS))
    }

    /// Sees to it that an answer can be stored: gives the reserve back if next
    /// to nothing else is free.
    pub(crate) fn make_room(&self) {
        if self.free().is_some_and(|free| free < FOR_ANSWERS) {
            self.give_back();
        }
    }

    /// Gives the reserve back. A quota leaves less room than is free, and says so
    /// only when it is reached.
    pub(crate) fn give_back(&self) {
        match fs::remove_file(&self.file) {
            Ok(()) => tracing::warn!("the disk is full: the reserve is used for answers"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tracing::error!(%error, "the reserve could not be given back"),
        }
    }

    /// Gives the reserve of the database at `path` back, for what a start cannot
    /// do without; says whether there was one.
    pub(crate) fn give_up(path: &Path) -> bool {
        let file = folder_of(path).join(NAME);
        let given = fs::remove_file(&file).is_ok();
        if given {
            tracing::warn!("the disk is full: the reserve is used to open the database");
        }
        given
    }

    /// How much is free where the database at `path` lies, where that can be
    /// said.
    pub(crate) fn free_beside(path: &Path) -> Option<u64> {
        free_in(&folder_of(path))
    }

    /// Takes the reserve again once there is plenty of room.
    pub fn refill(&self) {
        let gone = fs::symlink_metadata(&self.file).is_err();
        if gone
            && self.free().is_some_and(|free| free >= PLENTY)
            && let Err(error) = self.take()
        {
            tracing::warn!(%error, "no room was reserved for answers");
        }
    }

    fn take(&self) -> io::Result<()> {
        let draft = self.file.with_extension("new");
        let taken = File::create(&draft).and_then(|file| {
            fill(&file, |file| fallocate(file, FallocateFlags::empty(), 0, SIZE))?;
            file.sync_all()?;
            fs::rename(&draft, &self.file)
        });
        if taken.is_err() {
            // Half a reserve helps nobody, and takes the room that is missing.
            fs::remove_file(&draft).ok();
        }
        taken
    }

    fn free(&self) -> Option<u64> {
        free_in(&self.folder)
    }
}

/// Makes the file as long as the reserve, with room of its own; written out where
/// the disk can promise none.
fn fill(mut file: &File, allocate: impl Fn(&File) -> rustix::io::Result<()>) -> io::Result<()> {
    match allocate(file) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
            io::copy(&mut io::repeat(0xff).take(SIZE), &mut file).map(drop)
        }
        other => Ok(other?),
    }
}

fn folder_of(path: &Path) -> PathBuf {
    path.parent().unwrap_or(Path::new(".")).to_owned()
}

fn free_in(folder: &Path) -> Option<u64> {
    let stat = statvfs(folder).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_the_disk_promises_no_room_it_is_written_out() {
        use std::os::unix::fs::MetadataExt as _;
        let none = |_: &File| Err(Errno::OPNOTSUPP);
        let file = tempfile::NamedTempFile::new().expect("a file");
        fill(file.as_file(), none).expect("filled");
        file.as_file().sync_all().expect("synced");
        let taken = file.as_file().metadata().expect("there");
        assert_eq!(taken.len(), SIZE);
        assert!(taken.blocks() * 512 >= SIZE, "{} blocks", taken.blocks());
        let full = fill(file.as_file(), |_| Err(Errno::NOSPC));
        assert_eq!(full.expect_err("no room").kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn the_reserve_is_real_room_and_is_taken_once() {
        use std::os::unix::fs::MetadataExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let reserve = Reserve::beside(&folder.path().join("desk.db"));
        let taken = fs::metadata(folder.path().join("reserve")).expect("taken");
        assert!(taken.blocks() * 512 >= SIZE, "{} blocks", taken.blocks());
        reserve.refill();
        reserve.make_room();
        let again = fs::metadata(folder.path().join("reserve")).expect("kept: there is room");
        assert_eq!(again.ino(), taken.ino());
        assert!(reserve.has_room_for(1) && !reserve.has_room_for(usize::MAX));
    }
}
