//! What the disk itself holds, as far as a log goes, and what else it may hold
//! after a power cut there.
//!
//! The disk promises no more than this: what was synced is there; of the rest
//! each sector of each write may be there or not; a file may be as long as its
//! longest write or not; a name that was given or removed and not synced may
//! be there or not. It is harsher than real disks, which do not forget a write
//! and keep a later one to the same sector.

use std::collections::BTreeMap;

use crate::image::{Fate, Image};
use crate::record::{FileId, Op};
use crate::seed::Seed;

/// What a disk writes whole or not at all, in bytes.
const SECTOR: usize = 512;

/// The disk as it is after the first operations of a log.
#[derive(Debug)]
pub struct Platter<'a> {
    log: &'a [Op],
    at: usize,
    files: Vec<File<'a>>,
    names: BTreeMap<&'a str, Name>,
}

#[derive(Debug, Default)]
struct File<'a> {
    synced: Vec<u8>,
    unsynced: Vec<&'a Op>,
}

/// Which file a name may name: as synced, and each that it had since.
#[derive(Debug, Default)]
struct Name {
    synced: Option<FileId>,
    unsynced: Vec<Option<FileId>>,
}

impl<'a> Platter<'a> {
    /// An empty folder, before the first operation.
    pub fn new(log: &'a [Op]) -> Self {
        Self { log, at: 0, files: Vec::new(), names: BTreeMap::new() }
    }

    /// Goes on to a position of the log; the past is past. The seed decides
    /// what a failed sync has brought to the disk all the same.
    pub fn advance(&mut self, to: usize, seed: &mut Seed) {
        let ops = self.log.get(self.at..to).unwrap_or_default();
        self.at = self.at.max(to);
        for op in ops {
            match op {
                Op::Create { file, name } => {
                    self.file(*file);
                    self.names.entry(name).or_default().unsynced.push(Some(*file));
                }
                Op::Delete { name } => {
                    self.names.entry(name).or_default().unsynced.push(None);
                }
                Op::Write { file, .. } | Op::Truncate { file, .. } => {
                    self.file(*file).unsynced.push(op);
                }
                Op::Sync { file } => {
                    let File { synced, unsynced } = self.file(*file);
                    for op in unsynced.drain(..) {
                        apply(op, synced, |_| true);
                    }
                }
                Op::SyncFailed { file } => {
                    let File { synced, unsynced } = self.file(*file);
                    let unsynced = std::mem::take(unsynced);
                    settle(&unsynced, synced, seed);
                }
                Op::SyncFolder => {
                    for name in self.names.values_mut() {
                        if let Some(last) = name.unsynced.drain(..).next_back() {
                            name.synced = last;
                        }
                    }
                }
            }
        }
    }

    /// What may be there after a power cut here; the seed chooses.
    pub fn cut(&self, seed: &mut Seed) -> Image {
        let mut files = BTreeMap::new();
        let mut fate = Fate::Kept;
        for (name, known) in &self.names {
            let choice = seed.below(known.unsynced.len() + 1);
            let named = match choice.checked_sub(1) {
                None => known.synced,
                Some(later) => known.unsynced.get(later).copied().flatten(),
            };
            let Some(file) = named.and_then(|file| self.files.get(file.0)) else { continue };
            let mut bytes = file.synced.clone();
            let settled = settle(&file.unsynced, &mut bytes, seed);
            if !file.unsynced.is_empty() {
                fate = settled;
            }
            files.insert((*name).to_owned(), bytes);
        }
        Image { files, fate }
    }

    fn file(&mut self, file: FileId) -> &mut File<'a> {
        if self.files.len() <= file.0 {
            self.files.resize_with(file.0 + 1, File::default);
        }
        &mut self.files[file.0]
    }
}

/// Does to the bytes what a disk may have done of the unsynced operations.
fn settle(unsynced: &[&Op], bytes: &mut Vec<u8>, seed: &mut Seed) -> Fate {
    let mut longest = bytes.len();
    for op in unsynced {
        if let Op::Write { offset, bytes, .. } = op {
            longest = longest.max(offset + bytes.len());
        }
    }
    let fate = match seed.below(8) {
        0 => Fate::Dropped,
        1 => Fate::Kept,
        2 => Fate::Prefix,
        3 | 4 => Fate::Some,
        _ => Fate::Torn,
    };
    let percent = 5 + seed.below(91);
    let first = seed.below(unsynced.len() + 1);
    for (number, op) in unsynced.iter().enumerate() {
        match fate {
            Fate::Kept => apply(op, bytes, |_| true),
            Fate::Prefix if number < first => apply(op, bytes, |_| true),
            Fate::Prefix if number == first => {
                let sectors = seed.below(9);
                apply(op, bytes, |sector| sector < sectors);
            }
            Fate::Prefix => break,
            Fate::Some if seed.chance(percent) => apply(op, bytes, |_| true),
            Fate::Dropped | Fate::Some => {}
            Fate::Torn => apply(op, bytes, |_| seed.chance(percent)),
        }
    }
    if bytes.len() < longest && seed.chance(30) {
        // The size came to the disk and the bytes did not.
        let mut old = Seed::new(seed.number(), 0);
        let zeros = seed.chance(50);
        bytes.resize_with(longest, || if zeros { 0 } else { old.number().to_le_bytes()[0] });
    }
    fate
}

/// Does to the bytes what an operation does, for the sectors of it that count;
/// they are counted from 0 at the start of the operation.
fn apply(op: &Op, file: &mut Vec<u8>, mut keep: impl FnMut(usize) -> bool) {
    match op {
        Op::Write { offset, bytes, .. } => {
            let (mut at, end) = (*offset, offset + bytes.len());
            let mut number = 0;
            while at < end {
                let next = ((at / SECTOR + 1) * SECTOR).min(end);
                if keep(number) {
                    if file.len() < next {
                        file.resize(next, 0);
                    }
                    file[at..next].copy_from_slice(&bytes[at - offset..next - offset]);
                }
                at = next;
                number += 1;
            }
        }
        Op::Truncate { size, .. } => {
            if keep(0) {
                file.resize(*size, 0);
            }
        }
        Op::Create { .. }
        | Op::Delete { .. }
        | Op::Sync { .. }
        | Op::SyncFailed { .. }
        | Op::SyncFolder => {}
    }
}
