//! What a disk may hold after the power was cut: of the content of files and of
//! the names in folders that was not brought to it, any part.
//!
//! A rename is whole or not there, as on every file system that can hold a
//! home; nothing else is assumed of the order in which things come to the disk.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::watch::Done;
use crate::disk::Call;

/// A small generator: the same seed, the same disk.
pub struct Seed(pub u64);

impl Seed {
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) >> 1).expect("a number") % bound.max(1)
    }
}

#[derive(Debug, Clone)]
enum Entry {
    Folder,
    File(usize),
}

/// A change of names that may not be on the disk yet.
#[derive(Debug, Clone)]
enum Pending {
    Add(PathBuf, Entry),
    Move(PathBuf, PathBuf, usize),
    Remove(PathBuf),
}

impl Pending {
    fn touches(&self, folder: &Path) -> bool {
        let is_in = |path: &Path| path.parent() == Some(folder);
        match self {
            Self::Add(path, _) | Self::Remove(path) => is_in(path),
            Self::Move(from, to, _) => is_in(from) || is_in(to),
        }
    }
}

#[derive(Debug, Default)]
struct Content {
    now: Vec<u8>,
    on_disk: Option<Vec<u8>>,
}

/// A disk, as far as a number of changes have come.
#[derive(Debug, Default)]
pub struct Platter {
    /// The names as programs see them.
    names: BTreeMap<PathBuf, usize>,
    files: Vec<Content>,
    on_disk: BTreeMap<PathBuf, Entry>,
    pending: Vec<Pending>,
}

impl Platter {
    /// The disk after these changes. Calls of the kind `lie` say that they
    /// brought something to it, and did not.
    pub fn after(changes: &[Done], lie: Option<Call>) -> Self {
        let mut platter = Self::default();
        for change in changes {
            if lie != Some(change.call) {
                platter.take(change);
            }
        }
        platter
    }

    fn take(&mut self, change: &Done) {
        let path = change.path.clone();
        match change.call {
            Call::MakeFolder => self.pending.push(Pending::Add(path, Entry::Folder)),
            Call::Create => {
                let file = self.files.len();
                self.files.push(Content::default());
                self.names.insert(path.clone(), file);
                self.pending.push(Pending::Add(path, Entry::File(file)));
            }
            Call::Write => self.file(&path).now.clone_from(&change.content),
            Call::SyncFile => {
                let file = self.file(&path);
                file.on_disk = Some(file.now.clone());
            }
            Call::SyncFolder => {
                let (settled, left) = std::mem::take(&mut self.pending)
                    .into_iter()
                    .partition(|change| change.touches(&path));
                self.pending = left;
                settle(&mut self.on_disk, settled);
            }
            Call::Rename => {
                let to = change.to.clone().expect("a second name");
                let file = self.names.remove(&path).expect("a file of that name");
                self.names.insert(to.clone(), file);
                self.pending.push(Pending::Move(path, to, file));
            }
            Call::Remove => {
                self.names.remove(&path);
                self.pending.push(Pending::Remove(path));
            }
        }
    }

    fn file(&mut self, path: &Path) -> &mut Content {
        let file = self.names[path];
        &mut self.files[file]
    }

    /// Writes what may be left of `from` after a cut into an empty folder.
    pub fn write(&self, from: &Path, into: &Path, seed: &mut Seed) {
        let mut names = self.on_disk.clone();
        // All of it, nothing, or any part.
        let which = seed.below(6);
        let lucky = self.pending.iter().filter(|_| match which {
            0 => true,
            1 => false,
            _ => seed.below(2) == 0,
        });
        settle(&mut names, lucky.cloned().collect());
        for (path, entry) in names {
            let target = into.join(path.strip_prefix(from).expect("inside"));
            // What is in a folder that is not there is not there either.
            if !target.parent().is_some_and(Path::is_dir) {
                continue;
            }
            match entry {
                Entry::Folder => fs::create_dir(target).expect("made"),
                Entry::File(file) => {
                    fs::write(target, torn(&self.files[file], seed)).expect("written");
                }
            }
        }
    }
}

fn settle(names: &mut BTreeMap<PathBuf, Entry>, changes: Vec<Pending>) {
    for change in changes {
        match change {
            Pending::Add(path, entry) => {
                names.insert(path, entry);
            }
            Pending::Move(from, to, file) => {
                names.remove(&from);
                names.insert(to, Entry::File(file));
            }
            Pending::Remove(path) => {
                names.remove(&path);
            }
        }
    }
}

fn torn(file: &Content, seed: &mut Seed) -> Vec<u8> {
    if let Some(whole) = &file.on_disk {
        return whole.clone();
    }
    let mut left = file.now.clone();
    match seed.below(4) {
        0 => left.clear(),
        1 => left.truncate(seed.below(file.now.len() + 1)),
        // The length came to the disk, a part of the content did not.
        2 => {
            let from = seed.below(left.len() + 1);
            left[from..].fill(0);
        }
        _ => {}
    }
    left
}
