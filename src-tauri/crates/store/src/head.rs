//! The head of the audit log outside of the database: without it, an end that
//! was cut off would leave no trace.
//!
//! It is written behind the acknowledgement, and so it may be behind the
//! database. It is never ahead of it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use handoff_domain::audit::Head;

use crate::StoreError;
use crate::files::replace;

/// How long at least lies between two writes under load.
const PACE: Duration = Duration::from_millis(100);

/// How long after a write that failed it is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// What was written down last; `None` if nothing ever was.
pub fn read(path: &Path) -> io::Result<Option<Head>> {
    match std::fs::read(path) {
        Ok(text) => serde_json::from_slice(&text).map(Some).map_err(io::Error::from),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes the head down, durably.
pub fn write(path: &Path, head: &Head) -> io::Result<()> {
    let mut text = serde_json::to_vec(head)?;
    text.push(b'\n');
    replace(path, &text)
}

/// The thread that writes the head down: the latest one, as often as the disk
/// allows.
#[derive(Debug)]
pub struct HeadKeeping {
    shared: Arc<(Mutex<Pending>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Pending {
    head: Option<Head>,
    over: bool,
    /// Why it could not be written at the last try.
    fault: Option<String>,
}

impl HeadKeeping {
    pub fn start(path: PathBuf) -> Result<Self, StoreError> {
        let shared = Arc::new((Mutex::new(Pending::default()), Condvar::new()));
        let seen = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("store-head".to_owned())
            .spawn(move || keep(&path, &seen))
            .map_err(|error| StoreError::Failed(error.to_string()))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Has this head written down, unless a later one comes first.
    pub fn note(&self, head: Head) {
        let (pending, changed) = &*self.shared;
        lock(pending).head = Some(head);
        changed.notify_one();
    }

    /// Tells how that goes, from elsewhere.
    pub fn told(&self) -> Told {
        Told(Arc::clone(&self.shared))
    }
}

/// How the keeping of the head goes.
#[derive(Debug)]
pub struct Told(Arc<(Mutex<Pending>, Condvar)>);

impl Told {
    /// Why the head is not written down, if it could not be; it is tried again.
    pub fn fault(&self) -> Option<String> {
        lock(&self.0.0).fault.clone()
    }
}

impl Drop for HeadKeeping {
    fn drop(&mut self) {
        let (pending, changed) = &*self.shared;
        lock(pending).over = true;
        changed.notify_one();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the audit log's head can no longer be written: its thread panicked");
        }
    }
}

fn keep(path: &Path, (pending, changed): &(Mutex<Pending>, Condvar)) {
    loop {
        let waiting = lock(pending);
        let mut found = changed
            .wait_while(waiting, |pending| pending.head.is_none() && !pending.over)
            .unwrap_or_else(PoisonError::into_inner);
        let Some(head) = found.head.take() else { return };
        drop(found);
        let written = write(path, &head);
        let mut pace = PACE;
        if let Err(error) = &written {
            tracing::warn!(%error, "the audit log's head could not be written");
        }
        let mut seen = lock(pending);
        seen.fault = written.err().map(|error| error.to_string());
        if seen.fault.is_some() {
            // A database ahead of it is no fault; but what is cut off of its end
            // would not be found, and so it is tried again, or a later one.
            if !seen.over {
                seen.head.get_or_insert(head);
            }
            pace = AGAIN;
        }
        drop(changed.wait_timeout_while(seen, pace, |pending| !pending.over));
    }
}

fn lock(pending: &Mutex<Pending>) -> MutexGuard<'_, Pending> {
    pending.lock().unwrap_or_else(PoisonError::into_inner)
}
