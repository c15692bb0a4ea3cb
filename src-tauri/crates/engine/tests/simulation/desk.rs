//! One run of the desk: the engine with the runtime it lives in, both gone in
//! a crash.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use handoff_domain::lifecycle::Progress;
use handoff_engine::Engine;
use handoff_faultfs::Disk as Medium;
use handoff_spool::Spool;
use handoff_store::{Disk, Store};
use handoff_testkit::{FakeClock, RecordingRunner};
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use crate::calm::Bell;

/// How long anything may take on a real clock before it counts as stuck.
const PATIENCE: Duration = Duration::from_secs(60);

/// A desk that runs. What is left of its tasks goes before the engine does.
pub struct Desk {
    runtime: Runtime,
    pub engine: Engine,
    /// Looks past the engine at what is stored.
    reader: Connection,
}

/// What is stored of a handoff.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    progress: String,
    /// The last of its events.
    last: Option<i64>,
}

impl Stored {
    pub fn progress(&self) -> Result<Progress, String> {
        serde_json::from_str(&self.progress).map_err(|error| error.to_string())
    }
}

/// A folder that costs nothing: no power is cut here.
pub fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() }.unwrap()
}

fn disk(medium: &Medium) -> Disk {
    Disk { vfs: Some(medium.vfs().to_owned()), synchronous: "OFF", ..Disk::default() }
}

pub fn database(folder: &TempDir) -> PathBuf {
    folder.path().join("desk.db")
}

#[expect(clippy::disallowed_methods, reason = "it only looks")]
fn open_reader(folder: &TempDir) -> Result<Connection, rusqlite::Error> {
    let connection =
        Connection::open_with_flags(database(folder), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(PATIENCE)?;
    Ok(connection)
}

impl Desk {
    pub fn start(
        folder: &TempDir,
        medium: &Medium,
        clock: &FakeClock,
        bell: &Bell,
    ) -> Result<Self, String> {
        let store = Store::open_on(&database(folder), disk(medium)).map_err(|e| e.to_string())?;
        // One thread for what blocks: in the order it came, every time.
        let runtime = Builder::new_current_thread().enable_time().max_blocking_threads(1).build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let (clock, bell) = (Arc::new(clock.clone()), Arc::new(bell.clone()));
        let started = Engine::start(store, clock, bell, Arc::new(RecordingRunner::default()));
        let engine = runtime.block_on(started).map_err(|failure| failure.0.message)?;
        let reader = open_reader(folder).map_err(|error| error.to_string())?;
        let desk = Self { runtime, engine, reader };
        desk.run(desk.engine.take_up(Spool::of(folder.path())))?;
        Ok(desk)
    }

    pub fn run<T>(&self, work: impl Future<Output = T>) -> Result<T, String> {
        let patient = async { tokio::time::timeout(PATIENCE, work).await };
        self.runtime.block_on(patient).map_err(|_| "somebody waits for ever".to_owned())
    }

    /// What is stored of each handoff, by its id.
    pub fn stored(&self) -> Result<BTreeMap<String, Stored>, String> {
        let all = || {
            let mut statement = self.reader.prepare_cached(
                "SELECT id, progress, (SELECT max(seq) FROM events WHERE handoff = h.seq)
                 FROM handoffs AS h",
            )?;
            let rows = statement.query_map([], |row| {
                Ok((row.get(0)?, Stored { progress: row.get(1)?, last: row.get(2)? }))
            })?;
            rows.collect::<Result<_, rusqlite::Error>>()
        };
        all().map_err(|error| error.to_string())
    }

    /// Lets everything go as far as it goes without anything new.
    pub fn settle(&self) -> Result<(), String> {
        self.run(settle(self.engine.clone()))
    }

    /// Lets everything go until this is so: how often one thing waits for
    /// another on the way is not known beforehand.
    pub fn settle_until(&self, is_so: impl Fn() -> bool) -> Result<(), String> {
        let engine = self.engine.clone();
        self.run(async {
            while !is_so() {
                settle(engine.clone()).await;
            }
        })
    }

    /// Starts something and goes only so far with it; what came of it, if
    /// anything did.
    pub fn begin<T>(
        &self,
        work: &mut Pin<Box<dyn Future<Output = T> + Send>>,
        polls: usize,
    ) -> Result<Option<T>, String> {
        self.run(async {
            for poll in 0..polls {
                if poll > 0 {
                    settle(self.engine.clone()).await;
                }
                let once = std::future::poll_fn(|context| {
                    Poll::Ready(match work.as_mut().poll(context) {
                        Poll::Ready(outcome) => Some(outcome),
                        Poll::Pending => None,
                    })
                });
                let outcome = once.await;
                if outcome.is_some() {
                    return outcome;
                }
            }
            None
        })
    }
}

/// Goes on until the threads of the store and of the checks have done what
/// they were asked: a change that changes nothing comes after all others.
async fn settle(engine: Engine) {
    for _ in 0..2 {
        drop(tokio::task::spawn_blocking(|| ()).await);
        drop(engine.undo("h-none").await);
        for _ in 0..6 {
            tokio::task::yield_now().await;
        }
    }
}
