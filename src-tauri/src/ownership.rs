//! Only one desk owns a home: whoever holds the lock on its lock file. The
//! lock dies with its process, so a crash leaves nothing to clean up.

use std::fs::{File, OpenOptions};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use handoff_protocol::wire::{Show, method};
use handoff_transport::client::Client;
use handoff_transport::home::Home;

/// How long the owner of the home may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The lock, for as long as it lives.
pub struct Ownership {
    _lock: File,
}

impl Ownership {
    /// Takes the home, or returns `None` if another desk has it.
    fn take(home: &Home) -> anyhow::Result<Option<Self>> {
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

/// Takes the home, or brings the desk that owns it forward and returns the
/// code to end with. Two desks started at once settle it within [`PATIENCE`].
pub fn take_or_show(home: &Home, background: bool) -> anyhow::Result<Result<Ownership, ExitCode>> {
    let since = Instant::now();
    loop {
        if let Some(ownership) = Ownership::take(home)? {
            return Ok(Ok(ownership));
        }
        if background {
            return Ok(Err(ExitCode::SUCCESS));
        }
        let shown: Result<serde_json::Value, _> = Client::ask(home, method::SHOW, &Show::default());
        match shown {
            Ok(_) => return Ok(Err(ExitCode::SUCCESS)),
            Err(error) if since.elapsed() > PATIENCE => {
                return Err(error).context(
                    "Another Handoff Desk has this folder open, but does not answer; end it and start again",
                );
            }
            // It has the lock and no socket yet, or it is just ending.
            Err(_) => pause(),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "nothing tells when another program listens")]
fn pause() {
    std::thread::sleep(Duration::from_millis(50));
}
