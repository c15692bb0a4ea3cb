//! One folder, and what the agent may do in it: look, move and delete, by paths
//! that cannot lead out of it.
//!
//! Every path is walked part by part from the opened folder without following
//! links, at the very moment of acting. So a link put in the way after the plan
//! was made leads nowhere. It never overwrites, and never touches a file that
//! is not what it was when it was looked at.

use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use super::plan::{Found, Move};

/// A folder that has been opened.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    root: OwnedFd,
}

/// Why something was not done. Nothing was changed then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotDone {
    /// The path leads, or could lead, out of the folder or to a hidden file.
    Outside,
    /// There is no such file.
    Missing,
    /// It is a folder, a link or a device.
    NotAFile,
    /// It is not what it was when it was looked at.
    Changed,
    /// Something has the new name.
    Taken,
    /// The system refused.
    System(String),
}

impl fmt::Display for NotDone {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Outside => out.write_str("the path does not stay among the folder's own files"),
            Self::Missing => out.write_str("it is no longer there"),
            Self::NotAFile => out.write_str("it is not an ordinary file"),
            Self::Changed => out.write_str("it has changed since it was looked at"),
            Self::Taken => out.write_str("the new name is taken, and nothing is overwritten"),
            Self::System(why) => out.write_str(why),
        }
    }
}

impl From<Errno> for NotDone {
    fn from(error: Errno) -> Self {
        match error {
            Errno::NOENT => Self::Missing,
            Errno::LOOP | Errno::NOTDIR | Errno::ISDIR | Errno::NXIO => Self::NotAFile,
            Errno::EXIST => Self::Taken,
            other => Self::System(io::Error::from(other).to_string()),
        }
    }
}

impl From<io::Error> for NotDone {
    fn from(error: io::Error) -> Self {
        Self::System(error.to_string())
    }
}

impl Folder {
    /// Opens a folder by its real path.
    pub fn open(path: &Path) -> io::Result<Self> {
        let path = path.canonicalize()?;
        let root = rustix::fs::open(&path, OFlags::RDONLY | FOLDER, Mode::empty())?;
        Ok(Self { path, root })
    }

    /// Its real path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Looks at a file without reading it; its digest stays empty.
    pub fn glance(&self, path: &str) -> Result<Found, NotDone> {
        let (parent, name) = self.parent(path)?;
        let seen = open_file(&parent, name)?.metadata()?;
        Ok(found(&seen, String::new()))
    }

    /// Looks at a file: what it is, and what is in it.
    pub fn look(&self, path: &str) -> Result<Found, NotDone> {
        let (parent, name) = self.parent(path)?;
        let mut file = open_file(&parent, name)?;
        let before = file.metadata()?;
        let mut hash = Sha256::new();
        let mut chunk = vec![0; 256 * 1024];
        let mut size = 0;
        loop {
            let count = match file.read(&mut chunk) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            hash.update(&chunk[..count]);
            size += u64::try_from(count).unwrap_or(u64::MAX);
        }
        let after = file.metadata()?;
        if size != after.size() || modified(&before) != modified(&after) {
            return Err(NotDone::Changed);
        }
        Ok(found(&after, super::hex(&hash.finalize())))
    }

    /// Moves a file that is still what it was, to a name that is free.
    pub fn carry(&self, way: &Move, was: &Found) -> Result<(), NotDone> {
        let (from, from_name) = self.parent(&way.from)?;
        let now = open_file(&from, from_name)?.metadata()?;
        if now.size() != was.size || modified(&now) != was.modified {
            return Err(NotDone::Changed);
        }
        if let Some((folder, _)) = way.to.rsplit_once('/') {
            self.make_folder(folder)?;
        }
        let (to, to_name) = self.parent(&way.to)?;
        rename_to_free_name(&from, from_name, &to, to_name)
    }

    /// Deletes a file whose content is still what it was, while another copy of
    /// that content is really there.
    pub fn delete(&self, path: &str, was: &Found, other_copy: &str) -> Result<(), NotDone> {
        let now = self.look(path)?;
        if now.size != was.size || now.modified != was.modified || now.digest != was.digest {
            return Err(NotDone::Changed);
        }
        let other = self.look(other_copy).map_err(|why| {
            NotDone::System(format!("the copy that was to stay, {other_copy}, is not safe: {why}"))
        })?;
        if other.digest != was.digest || other.inode == now.inode {
            return Err(NotDone::System(format!(
                "the copy that was to stay, {other_copy}, no longer has this content"
            )));
        }
        let (parent, name) = self.parent(path)?;
        let still = open_file(&parent, name)?.metadata()?;
        if (still.dev(), still.ino()) != now.inode {
            return Err(NotDone::Changed);
        }
        Ok(rustix::fs::unlinkat(&parent, name, AtFlags::empty())?)
    }

    /// Makes a folder, and those above it, where there is none.
    fn make_folder(&self, path: &str) -> Result<(), NotDone> {
        let mut here = rustix::fs::openat(&self.root, ".", OFlags::RDONLY | FOLDER, Mode::empty())?;
        for part in parts(path)? {
            match rustix::fs::mkdirat(&here, part, Mode::from_raw_mode(0o755)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            here = rustix::fs::openat(&here, part, OFlags::RDONLY | FOLDER, Mode::empty())?;
        }
        Ok(())
    }

    /// The opened folder that a path's last part is in.
    fn parent<'a>(&self, path: &'a str) -> Result<(OwnedFd, &'a str), NotDone> {
        let parts = parts(path)?;
        let (name, above) = parts.split_last().ok_or(NotDone::Outside)?;
        let mut here = rustix::fs::openat(&self.root, ".", OFlags::RDONLY | FOLDER, Mode::empty())?;
        for part in above {
            here = rustix::fs::openat(&here, *part, OFlags::RDONLY | FOLDER, Mode::empty())?;
        }
        Ok((here, name))
    }
}

const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// The parts of a path that stays inside and names nothing hidden.
pub fn parts(path: &str) -> Result<Vec<&str>, NotDone> {
    let parts: Vec<&str> = path.split('/').collect();
    let plain = |part: &&str| !part.is_empty() && !part.starts_with('.') && !part.contains('\0');
    if parts.len() <= 8 && parts.iter().all(plain) { Ok(parts) } else { Err(NotDone::Outside) }
}

fn found(file: &Metadata, digest: String) -> Found {
    Found { size: file.size(), modified: modified(file), digest, inode: (file.dev(), file.ino()) }
}

/// When a file's content was last changed, in nanoseconds since 1970.
fn modified(file: &Metadata) -> i64 {
    file.mtime().saturating_mul(1_000_000_000).saturating_add(file.mtime_nsec())
}

fn open_file(parent: &OwnedFd, name: &str) -> Result<File, NotDone> {
    // Without NONBLOCK a named pipe in the file's place would hold us for ever.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::openat(parent, name, flags, Mode::empty())?);
    if file.metadata()?.is_file() { Ok(file) } else { Err(NotDone::NotAFile) }
}

fn rename_to_free_name(
    from: &OwnedFd,
    from_name: &str,
    to: &OwnedFd,
    to_name: &str,
) -> Result<(), NotDone> {
    match rustix::fs::renameat_with(from, from_name, to, to_name, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        // Some file systems cannot rename only to a free name, but can give a
        // file a second name only if it is free.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            rustix::fs::linkat(from, from_name, to, to_name, AtFlags::empty())?;
            Ok(rustix::fs::unlinkat(from, from_name, AtFlags::empty())?)
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    struct Place {
        _all: tempfile::TempDir,
        outside: PathBuf,
        inside: PathBuf,
        folder: Folder,
    }

    fn place(files: &[(&str, &str)]) -> Place {
        let all = tempfile::tempdir().expect("a folder");
        let (inside, outside) = (all.path().join("in"), all.path().join("out"));
        fs::create_dir(&inside).expect("made");
        fs::create_dir(&outside).expect("made");
        for (name, text) in files {
            fs::write(inside.join(name), text).expect("written");
        }
        let folder = Folder::open(&inside).expect("opened");
        Place { _all: all, outside, inside, folder }
    }

    fn way(from: &str, to: &str) -> Move {
        Move { from: from.to_owned(), to: to.to_owned() }
    }

    #[test]
    fn a_move_makes_its_folder_and_can_be_taken_back() {
        let place = place(&[("a.txt", "text")]);
        let was = place.folder.look("a.txt").expect("seen");
        let there = way("a.txt", "Documents/a.txt");
        place.folder.carry(&there, &was).expect("moved");
        assert_eq!(
            fs::read_to_string(place.inside.join("Documents/a.txt")).expect("there"),
            "text"
        );
        place.folder.carry(&there.back(), &was).expect("moved back");
        assert!(place.inside.join("a.txt").is_file());
    }

    #[test]
    fn nothing_is_ever_overwritten() {
        let place = place(&[("a.txt", "one"), ("b.txt", "two")]);
        let was = place.folder.look("a.txt").expect("seen");
        assert_eq!(place.folder.carry(&way("a.txt", "b.txt"), &was), Err(NotDone::Taken));
        assert_eq!(fs::read_to_string(place.inside.join("b.txt")).expect("there"), "two");
        assert_eq!(fs::read_to_string(place.inside.join("a.txt")).expect("there"), "one");
    }

    #[test]
    fn no_path_leads_out() {
        let place = place(&[("a.txt", "one")]);
        let was = place.folder.look("a.txt").expect("seen");
        for out in ["../out/a", "/etc/x", "x/../../y", "", ".", "x//y", ".hidden", "a/.b", "a\0b"] {
            assert_eq!(
                place.folder.carry(&way("a.txt", out), &was),
                Err(NotDone::Outside),
                "{out}"
            );
            assert_eq!(place.folder.look(out).err(), Some(NotDone::Outside), "{out}");
        }
        assert!(place.inside.join("a.txt").is_file());
    }

    #[test]
    fn a_link_in_the_way_leads_nowhere() {
        let place = place(&[("a.txt", "one")]);
        fs::write(place.outside.join("secret"), "s").expect("written");
        symlink(&place.outside, place.inside.join("Documents")).expect("linked");
        symlink(place.outside.join("secret"), place.inside.join("link.txt")).expect("linked");
        let was = place.folder.look("a.txt").expect("seen");
        let moved = place.folder.carry(&way("a.txt", "Documents/a.txt"), &was);
        assert_eq!(moved, Err(NotDone::NotAFile));
        assert_eq!(place.folder.look("link.txt").err(), Some(NotDone::NotAFile));
        assert_eq!(place.folder.look("Documents/secret").err(), Some(NotDone::NotAFile));
        assert_eq!(fs::read_dir(&place.outside).expect("read").count(), 1);
    }

    #[test]
    fn a_file_that_changed_is_neither_moved_nor_deleted() {
        let place = place(&[("a.txt", "one"), ("b.txt", "one")]);
        let was = place.folder.look("a.txt").expect("seen");
        fs::write(place.inside.join("a.txt"), "three").expect("written");
        assert_eq!(place.folder.carry(&way("a.txt", "c.txt"), &was), Err(NotDone::Changed));
        assert_eq!(place.folder.delete("a.txt", &was, "b.txt"), Err(NotDone::Changed));
        assert_eq!(fs::read_to_string(place.inside.join("a.txt")).expect("there"), "three");
    }

    #[test]
    fn the_same_length_and_time_do_not_hide_another_content() {
        let place = place(&[("a.txt", "one"), ("b.txt", "one")]);
        let was = place.folder.look("a.txt").expect("seen");
        let time = fs::metadata(place.inside.join("a.txt")).and_then(|file| file.modified());
        fs::write(place.inside.join("a.txt"), "two").expect("written");
        let file = File::options().write(true).open(place.inside.join("a.txt")).expect("opened");
        file.set_modified(time.expect("a time")).expect("set back");
        assert_eq!(place.folder.delete("a.txt", &was, "b.txt"), Err(NotDone::Changed));
    }

    #[test]
    fn the_last_copy_is_never_deleted() {
        let place = place(&[("a.txt", "one"), ("b.txt", "one")]);
        let was = place.folder.look("a.txt").expect("seen");
        fs::write(place.inside.join("b.txt"), "changed").expect("written");
        assert!(place.folder.delete("a.txt", &was, "b.txt").is_err());
        fs::remove_file(place.inside.join("b.txt")).expect("removed");
        assert!(place.folder.delete("a.txt", &was, "b.txt").is_err());
        fs::hard_link(place.inside.join("a.txt"), place.inside.join("b.txt")).expect("linked");
        assert!(place.folder.delete("a.txt", &was, "b.txt").is_err(), "one file, two names");
        assert!(place.inside.join("a.txt").is_file());
    }

    #[test]
    fn a_true_copy_is_deleted() {
        let place = place(&[("a.txt", "one"), ("b.txt", "one")]);
        let was = place.folder.look("a.txt").expect("seen");
        place.folder.delete("a.txt", &was, "b.txt").expect("deleted");
        assert!(!place.inside.join("a.txt").exists() && place.inside.join("b.txt").is_file());
        assert_eq!(place.folder.delete("a.txt", &was, "b.txt"), Err(NotDone::Missing));
    }

    #[test]
    fn a_pipe_does_not_hold_the_agent() {
        let place = place(&[]);
        let pipe = place.inside.join("pipe.txt");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, Mode::from_raw_mode(0o600)).expect("made");
        assert_eq!(place.folder.look("pipe.txt").err(), Some(NotDone::NotAFile));
    }
}
