//! What a thread's spool does to the disk: written down, and made to fail.

use std::cell::RefCell;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::disk::Call;

/// A change that was made, with all that is needed to make it again.
#[derive(Debug, Clone)]
pub struct Done {
    pub call: Call,
    pub path: PathBuf,
    /// The second name of a rename.
    pub to: Option<PathBuf>,
    /// What was written.
    pub content: Vec<u8>,
}

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failing {
    /// ENOSPC, or EIO, and nothing is done; of a file, half is written.
    NoSpace,
    Device,
    /// It is done, and an error is reported all the same.
    Falsely,
}

#[derive(Debug, Default)]
struct Watch {
    on: bool,
    done: Vec<Done>,
    fault: Option<(usize, Failing)>,
    seen: usize,
}

thread_local! {
    static WATCH: RefCell<Watch> = RefCell::default();
}

/// Begins anew; the call of this number, from 0, fails.
pub fn begin(fault: Option<(usize, Failing)>) {
    WATCH.with_borrow_mut(|watch| *watch = Watch { on: true, fault, ..Watch::default() });
}

/// Whether this thread's changes are written down.
pub fn is_on() -> bool {
    WATCH.with_borrow(|watch| watch.on)
}

/// How many changes were made so far.
pub fn count() -> usize {
    WATCH.with_borrow(|watch| watch.done.len())
}

/// All of them, and whether the fault has struck.
pub fn end() -> (Vec<Done>, bool) {
    WATCH.with_borrow_mut(|watch| {
        let struck = watch.fault.is_none_or(|(nth, _)| watch.seen > nth);
        (std::mem::take(watch).done, struck)
    })
}

pub fn watched<T>(
    call: Call,
    paths: &[&Path],
    act: impl FnOnce() -> io::Result<T>,
) -> io::Result<T> {
    let fails = WATCH.with_borrow_mut(|watch| {
        watch.seen += 1;
        watch.fault.filter(|(nth, _)| *nth + 1 == watch.seen).map(|(_, how)| how)
    });
    let errno = match fails {
        Some(Failing::NoSpace) => Some(Errno::NOSPC),
        Some(Failing::Device | Failing::Falsely) => Some(Errno::IO),
        None => None,
    };
    match errno {
        Some(errno) if fails != Some(Failing::Falsely) => {
            if call == Call::Write {
                act()?;
                let whole = fs::read(paths[0])?;
                fs::write(paths[0], &whole[..whole.len() / 2])?;
                note(call, paths);
            }
            Err(errno.into())
        }
        Some(errno) => {
            act()?;
            note(call, paths);
            Err(errno.into())
        }
        None => {
            let outcome = act()?;
            note(call, paths);
            Ok(outcome)
        }
    }
}

fn note(call: Call, paths: &[&Path]) {
    let content =
        if call == Call::Write { fs::read(paths[0]).unwrap_or_default() } else { Vec::new() };
    let done = Done {
        call,
        path: paths[0].to_owned(),
        to: paths.get(1).map(|path| (*path).to_owned()),
        content,
    };
    WATCH.with_borrow_mut(|watch| watch.done.push(done));
}
