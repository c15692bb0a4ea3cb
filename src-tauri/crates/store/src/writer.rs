//! The one thread that writes. Changes that arrive while a commit is being
//! synced share the next one, so that a hundred agents cost little more than
//! one.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::disk::Disk;
use crate::head::HeadKeeping;
use crate::{StoreError, audit, search};

/// How many changes may share a commit.
const GROUP: usize = 256;

/// How long the writer is idle before it reads new handoffs into the index.
const IDLE: Duration = Duration::from_millis(150);

/// How many handoffs are read into the index before the writer looks for work.
const INDEX_STEP: usize = 32;

/// A change under way: what it may do to the database.
#[derive(Debug)]
pub struct Write<'a> {
    pub(crate) connection: &'a Connection,
}

/// Runs within the transaction, or learns why there is none, and returns what
/// is to be said once the outcome is known.
type Job = Box<dyn FnOnce(Result<&Connection, StoreError>) -> Settle + Send>;
type Settle = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// When a change is to be on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// At once: somebody waits for it.
    Now,
    /// With the next commit of anything else, or once the writer is idle.
    Soon,
}

/// What the thread notes for others.
#[derive(Debug, Default)]
struct Noted {
    /// A change found no room, and nobody was told yet.
    full: AtomicBool,
    /// Counts the commits, so that what was read can be known to be the latest.
    commits: AtomicU64,
}

#[derive(Debug)]
pub struct Writer {
    jobs: Option<Sender<(Due, Job)>>,
    thread: Option<JoinHandle<()>>,
    noted: Arc<Noted>,
}

impl Writer {
    /// Takes over the connection; `head` is told how far the log goes. On a disk
    /// that answers early it breaks its one promise, so that a test can see that
    /// this is noticed.
    pub fn start(
        connection: Connection,
        head: Option<HeadKeeping>,
        disk: &Disk,
    ) -> Result<Self, StoreError> {
        let (jobs, queue) = channel();
        let (answers_early, rest) = (disk.answers_early, disk.rest);
        let shared = Arc::<Noted>::default();
        let notes = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || run(&connection, head.as_ref(), &queue, (answers_early, rest, &notes)))
            .map_err(|error| StoreError::Failed(error.to_string()))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread), noted: shared })
    }

    /// Whether a change found no room since this was last asked.
    pub fn has_run_out_of_room(&self) -> bool {
        self.noted.full.swap(false, Ordering::SeqCst)
    }

    /// How often something was committed, or may have been.
    pub fn commits(&self) -> u64 {
        self.noted.commits.load(Ordering::Acquire)
    }

    pub async fn submit<T, E, F>(&self, due: Due, change: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Write<'_>) -> Result<T, E> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let outcome = match connection {
                Ok(connection) => in_savepoint(connection, change),
                Err(error) => Err(E::from(error)),
            };
            Box::new(move |committed| {
                // The caller may have gone; what is committed stays committed.
                drop(reply.send(match committed {
                    Ok(()) => outcome,
                    Err(error) => Err(E::from(error)),
                }));
            })
        });
        let gone = || E::from(StoreError::Failed("the writer has stopped".to_owned()));
        let jobs = self.jobs.as_ref().ok_or_else(gone)?;
        jobs.send((due, job)).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the store's writer panicked");
        }
    }
}

fn in_savepoint<T, E: From<StoreError>>(
    connection: &Connection,
    change: impl FnOnce(&Write<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let run = |sql: &str| {
        connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute([]))
            .map_err(|error| E::from(error.into()))
    };
    run("SAVEPOINT change")?;
    // A panic in one change must not end the thread that writes all others.
    let outcome = catch_unwind(AssertUnwindSafe(|| change(&Write { connection })))
        .unwrap_or_else(|_| Err(E::from(StoreError::Failed("a change panicked".to_owned()))));
    if connection.is_autocommit() {
        // A full disk ends the whole transaction, savepoints and all.
        return outcome.and(Err(E::from(StoreError::Aborted)));
    }
    if outcome.is_err() && run("ROLLBACK TO change").is_err() {
        // A part of it may still be there, and nothing may be committed with it.
        end(connection);
        return outcome;
    }
    if let Err(error) = run("RELEASE change") {
        end(connection);
        return outcome.and(Err(error));
    }
    outcome
}

/// Gives up the transaction, if there still is one.
fn end(connection: &Connection) {
    if !connection.is_autocommit()
        && let Err(error) = connection.execute_batch("ROLLBACK")
    {
        tracing::error!(%error, "rolling back failed");
    }
}

fn run(
    connection: &Connection,
    head: Option<&HeadKeeping>,
    queue: &Receiver<(Due, Job)>,
    (answers_early, rest, notes): (bool, Duration, &Noted),
) {
    let (mut to_index, mut to_empty) = (true, true);
    // Changes that wait for company, in the order they came.
    let mut waiting: Vec<Job> = Vec::new();
    loop {
        let next = if to_index || !waiting.is_empty() {
            queue.recv_timeout(IDLE)
        } else if to_empty {
            queue.recv_timeout(rest)
        } else {
            queue.recv().map_err(RecvTimeoutError::from)
        };
        match next {
            Ok((Due::Soon, job)) if waiting.len() + 1 < GROUP => {
                waiting.push(job);
                continue;
            }
            Ok((_, job)) => waiting.push(job),
            Err(RecvTimeoutError::Timeout) if waiting.is_empty() && to_index => {
                to_index = index_some(connection);
                continue;
            }
            // Once, and not again before something is written.
            Err(RecvTimeoutError::Timeout) if waiting.is_empty() => {
                to_empty = false;
                empty_the_log(connection);
                continue;
            }
            Err(RecvTimeoutError::Disconnected) if waiting.is_empty() => break,
            // Nobody came along.
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
        commit_group(connection, std::mem::take(&mut waiting), queue, (answers_early, notes));
        // All are answered: the head is nobody's to wait for.
        if let Some(head) = head {
            match audit::tip(connection) {
                Ok(tip) => head.note(tip),
                Err(error) => tracing::warn!(%error, "the end of the audit log cannot be read"),
            }
        }
        (to_index, to_empty) = (true, true);
    }
    if let Err(error) = connection.execute_batch("PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE)")
    {
        tracing::warn!(%error, "the last checkpoint failed; the log is replayed at the next start");
    }
}

fn commit_group(
    connection: &Connection,
    first: Vec<Job>,
    queue: &Receiver<(Due, Job)>,
    (answers_early, notes): (bool, &Noted),
) {
    let execute = |sql: &str| -> Result<(), StoreError> {
        connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    };
    let began = execute("BEGIN IMMEDIATE");
    let mut first = first.into_iter();
    if let Err(error) = began {
        // Those that wait behind them would each wait as long, for the same answer.
        for job in first.chain(queue.try_iter().map(|(_, job)| job)) {
            job(Err(error.clone()))(Err(error.clone()));
        }
        return;
    }
    let mut settles: Vec<Settle> = Vec::new();
    while settles.len() < GROUP && (settles.is_empty() || !connection.is_autocommit()) {
        let next = first.next().or_else(|| queue.try_recv().ok().map(|(_, job)| job));
        let Some(job) = next else { break };
        settles.push(job(Ok(connection)));
    }
    if connection.is_autocommit() {
        // That is how a full disk ends it.
        notes.full.store(true, Ordering::SeqCst);
        let last = settles.pop();
        for settle in settles {
            settle(Err(StoreError::Aborted));
        }
        // The one that failed knows the cause itself.
        if let Some(settle) = last {
            settle(Ok(()));
        }
        for job in first {
            job(Err(StoreError::Aborted))(Err(StoreError::Aborted));
        }
        return;
    }
    if answers_early {
        for settle in settles.drain(..) {
            settle(Ok(()));
        }
    }
    let outcome = execute("COMMIT").map_err(|error| {
        // These are noticed before the last page is written.
        let known = matches!(error, StoreError::Full | StoreError::Busy);
        if known { error } else { StoreError::Unknown(error.to_string()) }
    });
    notes.commits.fetch_add(1, Ordering::Release);
    if outcome == Err(StoreError::Full) {
        notes.full.store(true, Ordering::SeqCst);
    }
    if outcome.is_err() {
        // So that what this process sees agrees with what it answers.
        end(connection);
    }
    for settle in settles {
        settle(outcome.clone());
    }
}

/// Brings the log into the database and empties it, unless somebody reads what
/// it holds: nobody is waited for.
fn empty_the_log(connection: &Connection) {
    let empty = || -> rusqlite::Result<()> {
        let patience: u32 = connection.query_row("PRAGMA busy_timeout", [], |row| row.get(0))?;
        connection.busy_timeout(Duration::ZERO)?;
        let emptied = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        connection.busy_timeout(Duration::from_millis(patience.into()))?;
        emptied
    };
    if let Err(error) = empty() {
        tracing::warn!(%error, "the log could not be emptied; it is at the next rest");
    }
}

/// Returns whether more is left.
fn index_some(connection: &Connection) -> bool {
    let step = || -> Result<bool, StoreError> {
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let more = search::fill(connection, INDEX_STEP)?;
        connection.prepare_cached("COMMIT")?.execute([])?;
        Ok(more)
    };
    step().unwrap_or_else(|error| {
        tracing::warn!(%error, "the search index could not be filled");
        end(connection);
        false
    })
}
