//! The client's end: putting a handoff in, finding it again, taking it back.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use handoff_domain::identity::is_handoff_id;

use crate::entry::{Entry, Unreadable, Withdrawn, file_name};
use crate::{Spool, SpoolError, disk, failed, folder, is_own};

/// Tells the drafts of one process apart.
static DRAFTS: AtomicU32 = AtomicU32::new(0);

/// What became of a handoff that was put into the spool.
#[derive(Debug)]
pub enum Put {
    /// It lies there now, safe from a power cut.
    New,
    /// The same lay there already.
    Known(Box<Entry>),
}

/// All that waits for the desk.
#[derive(Debug, Default)]
pub struct Waiting {
    /// What can be read, in no order.
    pub entries: Vec<Entry>,
    /// How many files cannot; the desk sets aside what is damaged.
    pub unreadable: usize,
}

impl Spool {
    /// Keeps a handoff for the desk. What this answers is on disk; an error
    /// means that nobody can say, and trying again is safe.
    pub fn put(&self, entry: &Entry) -> Result<Put, SpoolError> {
        let id = entry.id().ok_or(SpoolError::NoKey)?;
        self.make()?;
        let target = self.file(&id);
        loop {
            if let Some(known) = self.find(&id)? {
                if !known.is_same_handoff(entry) {
                    return Err(SpoolError::Conflict { id });
                }
                // Whoever wrote it may have died before it was on disk.
                folder::sync(&self.root)?;
                return Ok(Put::Known(Box::new(known)));
            }
            let draft = self.draft(&id, entry)?;
            match folder::move_to_free(&draft, &target) {
                Ok(true) => {
                    folder::sync(&self.root)?;
                    return Ok(Put::New);
                }
                // Somebody else was faster: look what it is.
                Ok(false) => disk::remove(&draft).map_err(failed(&draft, "removed"))?,
                Err(error) => {
                    disk::remove(&draft).ok();
                    return Err(failed(&target, "written")(error));
                }
            }
        }
    }

    /// Whether the desk has claimed the handoff with this id: it may have stored
    /// it, and more may have become of it there.
    pub fn is_claimed(&self, id: &str) -> bool {
        is_handoff_id(id) && self.taken_up().join(file_name(id)).exists()
    }

    /// The handoff with this id, if it waits here. Where it was claimed before
    /// it was taken back, only the desk can say whether it still could be.
    pub fn find(&self, id: &str) -> Result<Option<Entry>, SpoolError> {
        if !is_handoff_id(id) || !folder::check(&self.root)? {
            return Ok(None);
        }
        // In this order: the desk moves files from the first to the second.
        for path in [self.file(id), self.taken_up().join(file_name(id))] {
            match Entry::read(&path) {
                Ok(entry) => return Ok(Some(self.as_known(id, &path, entry))),
                Err(Unreadable::Gone) => {}
                Err(Unreadable::Damaged(why)) => return Err(SpoolError::Damaged { path, why }),
                Err(Unreadable::NotNow(error)) => return Err(failed(&path, "read")(error)),
            }
        }
        Ok(None)
    }

    /// What was read in this place, but for a mark beside a file that the desk
    /// had claimed without it.
    fn as_known(&self, id: &str, path: &Path, entry: Entry) -> Entry {
        let asked = path.parent() == Some(self.root.as_path()) && self.is_claimed(id);
        if asked { Entry { withdrawn: None, ..entry } } else { entry }
    }

    /// All that lies here, whoever put it in.
    pub fn waiting(&self) -> Result<Waiting, SpoolError> {
        let mut found = Waiting::default();
        if !folder::check(&self.root)? {
            return Ok(found);
        }
        let mut seen = BTreeSet::new();
        // In this order, for the same reason as in `find`; what lies in both is
        // the first.
        for place in [self.root.clone(), self.taken_up()] {
            for name in folder::names(&place)?.into_iter().filter(|name| !is_own(name)) {
                let path = place.join(&name);
                match Entry::read(&path) {
                    Ok(entry) if seen.insert(name) => {
                        let id = entry.id().unwrap_or_default();
                        found.entries.push(self.as_known(&id, &path, entry));
                    }
                    Ok(_) | Err(Unreadable::Gone) => {}
                    Err(Unreadable::Damaged(_) | Unreadable::NotNow(_)) => found.unreadable += 1,
                }
            }
        }
        Ok(found)
    }

    /// Marks a handoff that waits here as taken back. It is not removed: the
    /// desk may know it already, and is to hear of it. Says whether that is all:
    /// what a desk had claimed by then it may have an answer to, and whether it
    /// can be taken back is only asked.
    pub fn withdraw(&self, entry: &Entry, withdrawn: Withdrawn) -> Result<bool, SpoolError> {
        let id = entry.id().ok_or(SpoolError::NoKey)?;
        self.make()?;
        let marked = Entry { withdrawn: Some(withdrawn), ..entry.clone() };
        let (draft, target) = (self.draft(&id, &marked)?, self.file(&id));
        if let Err(error) = disk::rename(&draft, &target) {
            disk::remove(&draft).ok();
            return Err(failed(&target, "written")(error));
        }
        folder::sync(&self.root)?;
        Ok(!self.is_claimed(&id))
    }

    /// Removes what [`Spool::put`] has just put in, unless the desk was faster:
    /// its agent has learned that the desk does not want it.
    pub fn take_back(&self, id: &str) -> Result<(), SpoolError> {
        let path = self.file(id);
        match disk::remove(&path) {
            Ok(()) => folder::sync(&self.root),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(failed(&path, "removed")(error)),
        }
    }

    fn make(&self) -> Result<(), SpoolError> {
        folder::make(&self.root)?;
        // It and the folders above may be new, and whoever made them may have
        // died or failed before they were on disk. Those that are not ours to
        // sync are not ours to have made.
        for above in self.root.ancestors().skip(1) {
            match folder::sync(above) {
                Err(error) if Some(above) == self.root.parent() => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        folder::make(&self.drafts())
    }

    /// Writes a file under a name that nobody reads, and returns once its
    /// content is on disk.
    pub(crate) fn draft(&self, id: &str, entry: &Entry) -> Result<PathBuf, SpoolError> {
        let number = DRAFTS.fetch_add(1, Ordering::Relaxed);
        let path = self.drafts().join(format!("{id}.{}-{number}", std::process::id()));
        match write(&path, entry) {
            Ok(()) => Ok(path),
            Err(error) => {
                disk::remove(&path).ok();
                Err(failed(&path, "written")(error))
            }
        }
    }
}

fn write(path: &Path, entry: &Entry) -> io::Result<()> {
    // What an earlier process of the same number may have left behind.
    if let Err(error) = disk::remove(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    disk::write_new(path, &entry.to_bytes()?)
}
