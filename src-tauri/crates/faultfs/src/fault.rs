//! Which call fails, when, and how.

/// What is asked of the file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// A file is opened.
    Open,
    /// A part of a file is read.
    Read,
    /// A part of a file is written.
    Write,
    /// A file is cut to a size.
    Truncate,
    /// A file, and perhaps its folder, is brought to the disk.
    Sync,
    /// A file is removed.
    Delete,
    /// Memory is shared between connections.
    ShmMap,
}

/// Why a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The device fails (EIO).
    Device,
    /// No room is left (ENOSPC).
    NoSpace,
    /// The file system may only be read (EROFS), or the right to write is gone.
    ReadOnly,
}

/// A call that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Which calls are counted, and fail.
    pub calls: &'static [Call],
    /// Which of them fails, counted from 1 when the fault is armed.
    pub nth: u64,
    /// Why.
    pub cause: Cause,
    /// Whether all later ones fail too, until the fault is lifted.
    pub lasting: bool,
}

/// A fault that waits for its call.
#[derive(Debug)]
pub struct Armed {
    fault: Fault,
    seen: u64,
    struck: bool,
}

impl Armed {
    pub fn new(fault: Fault) -> Self {
        Self { fault, seen: 0, struck: false }
    }

    /// Counts a call; says why it fails, if it does.
    pub fn strikes(&mut self, call: Call) -> Option<Cause> {
        if !self.fault.calls.contains(&call) {
            return None;
        }
        self.seen += 1;
        let strikes =
            self.seen == self.fault.nth || (self.fault.lasting && self.seen > self.fault.nth);
        self.struck |= strikes;
        strikes.then_some(self.fault.cause)
    }

    pub fn struck(&self) -> bool {
        self.struck
    }
}
