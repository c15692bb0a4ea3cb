//! What is done to a store while its power may be cut: handoffs that come,
//! change and are proposed again, many at once, with commits shared by the
//! group, readers that hold old snapshots, and desks closed and opened again.
//!
//! The same seed does the same: a group of changes is queued behind one that
//! keeps the writer waiting, so that chance does not decide what shares a
//! commit.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, mpsc};

use chrono::{DateTime, TimeDelta, Utc};
use handoff_domain::lifecycle::{Event, Progress, Traits, transition};
use handoff_domain::payload::{Deadline, OnTimeout, Priority, TimeoutKind};
use handoff_faultfs::{Call, Cause, Disk, Fault, Lie, Op, Seed};
use handoff_store::{Entry, NewHandoff, Proposal, Record, Store, StoreError, Write};

/// A disk, the rules of the store on it, and how much is done.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub synchronous: &'static str,
    pub lie: Option<Lie>,
    /// How many times many changes are made at once.
    pub rounds: usize,
    /// After how many pages the log is brought into the database.
    pub checkpoint_pages: u32,
    /// How long the longest payload is, in bytes.
    pub longest: usize,
    /// Whether calls of the file system fail on the way.
    pub faults: bool,
}

/// All that was done, and when.
#[derive(Debug)]
pub struct Story {
    pub log: Vec<Op>,
    pub handoffs: Vec<Handoff>,
}

/// A handoff, with each step that was asked for.
#[derive(Debug)]
pub struct Handoff {
    pub id: String,
    pub steps: Vec<Step>,
}

/// A change: what the handoff is after it, and when it was asked for and
/// acknowledged, as positions in the log.
#[derive(Debug, Clone)]
pub struct Step {
    pub progress: Progress,
    pub payload: String,
    pub asked: usize,
    pub acknowledged: Option<usize>,
}

pub fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + seconds, 0).unwrap()
}

fn traits() -> Traits {
    Traits { on_timeout: TimeoutKind::ManualReview, irreversible: vec![] }
}

fn ready() -> Progress {
    let deadline = Deadline {
        respond_by: None,
        respond_within_s: Some(600),
        warn_before_s: None,
        grace_s: None,
        on_timeout: OnTimeout { kind: TimeoutKind::ManualReview, option: None },
    };
    let queued = Progress::new(&deadline, false, at(0));
    transition(&queued, &traits(), Event::Present, at(0)).unwrap()
}

fn proposal(handoff: usize, step: usize, payload: &str) -> Proposal {
    Proposal {
        fingerprint: format!("{handoff}/{step}"),
        json: payload.to_owned(),
        task: "t".to_owned(),
        title: format!("Title {step}"),
        question: format!("Question {handoff}?"),
        priority: Priority::Normal,
        effect: None,
        high: false,
        traits: traits(),
    }
}

/// Does all of a plan with one seed.
pub fn run(plan: Plan, seed: u64) -> Story {
    let folder = crate::folder();
    let disk = Disk::recording().unwrap();
    if let Some(lie) = plan.lie {
        disk.lie(lie);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let handoffs =
        runtime.block_on(play(&folder.path().join("desk.db"), &disk, plan, Seed::new(seed, 0)));
    Story { log: disk.log(), handoffs }
}

pub fn open(path: &Path, disk: &Disk, plan: Plan) -> Arc<Store> {
    let on = handoff_store::Disk {
        vfs: Some(disk.vfs().to_owned()),
        synchronous: plan.synchronous,
        checkpoint_pages: plan.checkpoint_pages,
        ..handoff_store::Disk::default()
    };
    let opened = Store::open_on(path, on.clone()).or_else(|error| {
        assert!(disk.lift(), "it does not open: {error}");
        Store::open_on(path, on)
    });
    Arc::new(opened.unwrap())
}

/// Lets one of the next calls fail, or all from one on.
fn arm(disk: &Disk, seed: &mut Seed) {
    const KINDS: [&[Call]; 5] = [
        &[Call::Sync],
        &[Call::Write],
        &[Call::Truncate, Call::Delete, Call::Open],
        &[Call::Read],
        &[Call::Write, Call::Sync, Call::Truncate, Call::ShmMap],
    ];
    disk.arm(Fault {
        calls: KINDS[seed.below(KINDS.len())],
        nth: 1 + seed.below(12) as u64,
        cause: if seed.chance(50) { Cause::Device } else { Cause::NoSpace },
        lasting: seed.chance(30),
    });
}

async fn play(path: &Path, disk: &Disk, plan: Plan, mut seed: Seed) -> Vec<Handoff> {
    let mut handoffs: Vec<Handoff> = Vec::new();
    let mut store = open(path, disk, plan);
    let mut snapshot: Option<Snapshot> = None;
    for _ in 0..plan.rounds {
        match seed.below(12) {
            0 => snapshot = Some(Snapshot::hold(&store)),
            1 | 2 => snapshot = None,
            3 => {
                snapshot = None;
                if plan.faults {
                    arm(disk, &mut seed);
                }
                drop(store);
                store = open(path, disk, plan);
                disk.lift();
            }
            4 => store.index().await.unwrap(),
            _ => {}
        }
        round(&store, disk, plan, &mut seed, &mut handoffs).await;
    }
    drop(snapshot);
    drop(store);
    handoffs
}

/// Many changes at once, each to another handoff. What fails is tried again
/// once the disk is back, as an agent would.
async fn round(
    store: &Arc<Store>,
    disk: &Disk,
    plan: Plan,
    seed: &mut Seed,
    handoffs: &mut Vec<Handoff>,
) {
    let (go, gate) = mpsc::channel::<()>();
    let (begun, has_begun) = mpsc::channel::<()>();
    let first = Arc::clone(store);
    let gate = tokio::spawn(async move {
        first
            .write(move |_| {
                begun.send(()).ok();
                gate.recv().ok();
                Ok::<(), StoreError>(())
            })
            .await
    });
    let mut tasks = Vec::new();
    for _ in 0..=seed.below(12) {
        let number = seed.below(handoffs.len() + 2).min(handoffs.len());
        if tasks.iter().any(|(taken, _)| *taken == number) {
            continue;
        }
        if number == handoffs.len() {
            handoffs.push(Handoff { id: format!("h-{number}"), steps: Vec::new() });
        }
        let step = next_step(&handoffs[number], plan, disk.position(), seed);
        handoffs[number].steps.push(step.clone());
        let made = Change { number, index: handoffs[number].steps.len() - 1, step };
        let (store, watch, soon) = (Arc::clone(store), disk.watch(), seed.chance(20));
        let task = async move {
            let change = move |write: &Write<'_>| made.make(write);
            let stored =
                if soon { store.write_soon(change).await } else { store.write(change).await };
            stored.map(|()| watch.position())
        };
        tasks.push((number, tokio::spawn(task)));
    }
    // All of them have handed their change to the writer before it goes on.
    tokio::task::yield_now().await;
    has_begun.recv().unwrap();
    if plan.faults && seed.chance(40) {
        arm(disk, seed);
    }
    go.send(()).unwrap();
    let mut failed = gate.await.unwrap().is_err();
    let mut again = Vec::new();
    for (number, task) in tasks {
        match task.await.unwrap() {
            Ok(position) => acknowledge(&mut handoffs[number], position),
            Err(_) => again.push(number),
        }
    }
    failed |= !again.is_empty();
    assert!(disk.lift() || !failed, "a change failed, and the disk had not");
    for number in again {
        let handoff = &mut handoffs[number];
        let index = handoff.steps.len() - 1;
        let made = Change { number, index, step: handoff.steps[index].clone() };
        store.write(move |write| made.make(write)).await.unwrap();
        acknowledge(handoff, disk.position());
    }
}

fn acknowledge(handoff: &mut Handoff, position: usize) {
    if let Some(step) = handoff.steps.last_mut() {
        step.acknowledged = Some(position);
    }
}

fn next_step(handoff: &Handoff, plan: Plan, asked: usize, seed: &mut Seed) -> Step {
    let Some(last) = handoff.steps.last() else {
        return Step { progress: ready(), payload: text(plan, seed), asked, acknowledged: None };
    };
    let mut next = Step { asked, acknowledged: None, ..last.clone() };
    next.progress.timing.respond_by += TimeDelta::seconds(1);
    if seed.chance(30) {
        next.progress.revision += 1;
        next.payload = text(plan, seed);
    }
    next
}

/// A payload: mostly short, sometimes over many pages.
fn text(plan: Plan, seed: &mut Seed) -> String {
    let longest = if seed.chance(70) { 600 } else { plan.longest };
    let mut text = String::from("\"");
    for _ in 0..seed.below(longest / 16) {
        write!(text, "{:016x}", seed.number()).unwrap();
    }
    text.push('"');
    text
}

/// A step that is made, unless it has been made before.
struct Change {
    number: usize,
    index: usize,
    step: Step,
}

impl Change {
    fn make(&self, write: &Write<'_>) -> Result<(), StoreError> {
        let Self { number, index, step } = self;
        let id = format!("h-{number}");
        let proposal = proposal(*number, *index, &step.payload);
        let record = match write.read().handoff(&id)? {
            None => {
                let key = format!("k-{number}");
                let new = NewHandoff { id, agent: "a".to_owned(), key, proposal };
                write.insert(&new, &step.progress, at(0))?
            }
            Some(record) if record.progress == step.progress => return Ok(()),
            Some(record) if record.progress.revision == step.progress.revision => {
                write.save(&record, &step.progress, at(0))?;
                record
            }
            Some(record) => {
                write.propose(&record, &step.progress, &proposal, at(0))?;
                record
            }
        };
        log(write, &record, *index)
    }
}

fn log(write: &Write<'_>, record: &Record, index: usize) -> Result<(), StoreError> {
    let entry = Entry {
        at: at(0),
        actor: "agent".to_owned(),
        kind: format!("step {index}"),
        data: serde_json::json!({}),
    };
    write.log(record.seq, &entry)
}

/// A reader that keeps what it saw, so that the log cannot start anew.
struct Snapshot {
    release: Option<mpsc::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Snapshot {
    fn hold(store: &Arc<Store>) -> Self {
        let (release, held) = mpsc::channel::<()>();
        let (ready, seen) = mpsc::channel();
        let store = Arc::clone(store);
        let thread = std::thread::spawn(move || {
            store
                .read(|read| {
                    read.counts()?;
                    ready.send(()).unwrap();
                    held.recv().ok();
                    Ok(())
                })
                .unwrap();
        });
        seen.recv().unwrap();
        Self { release: Some(release), thread: Some(thread) }
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        drop(self.release.take());
        // The store is closed by whoever lets go of it last.
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
