//! Only one desk owns a home: whoever holds the lock on its lock file. The
//! lock dies with its process, so a crash leaves nothing to clean up.

use std::fs::{File, OpenOptions};
use std::process::ExitCode;

use anyhow::Context as _;
use handoff_protocol::wire::{Show, method};
use handoff_transport::client::Client;
use handoff_transport::home::Home;

/// The lock, for as long as it lives.
pub struct Ownership {
    _lock: File,
}

impl Ownership {
    /// Takes the home, or returns `None` if another desk has it.
    pub fn take(home: &Home) -> anyhow::Result<Option<Self>> {
        let path = home.lock();
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options
            .open(&path)
            .with_context(|| format!("{} could not be opened", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _lock: file })),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("{} could not be locked", path.display()))
            }
        }
    }
}

/// Brings the desk that owns the home forward, over its socket.
pub fn show_the_other(home: &Home, background: bool) -> anyhow::Result<ExitCode> {
    if background {
        return Ok(ExitCode::SUCCESS);
    }
    let shown: Result<serde_json::Value, _> = Client::ask(home, method::SHOW, &Show::default());
    shown.map(|_| ExitCode::SUCCESS).context(
        "Another Handoff Desk has this folder open, but does not answer; end it and start again",
    )
}
