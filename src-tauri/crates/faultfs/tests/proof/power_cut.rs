//! The power is cut at any point, and the disk keeps what it likes of what was
//! not synced.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use handoff_faultfs::{Disk, Lie, Op, Platter, Seed};

use crate::check::check;
use crate::workload::{Plan, Story, run};

/// The rules of the real store.
const OURS: Plan = Plan {
    synchronous: "FULL",
    lie: None,
    rounds: 25,
    checkpoint_pages: 60,
    longest: 40_000,
    faults: false,
};

/// The same on a disk that fails now and then.
const FAILING: Plan = Plan { faults: true, ..OURS };

/// How many points are tried in each workload.
const CUTS: usize = 200;

/// Tries all points of one workload, or one of them; says what is wrong where.
fn cut(plan: Plan, workload: u64, cuts: usize, only: Option<usize>) -> Vec<String> {
    let story = run(plan, workload);
    let disk = Disk::forgetful().unwrap();
    let folder = crate::folder();
    let mut points: Vec<(usize, usize)> = (0..cuts)
        .filter(|number| only.is_none_or(|only| only == *number))
        .map(|number| (point(&story, &mut Seed::new(workload, stream(number))), number))
        .collect();
    points.sort_unstable();
    let mut platter = Platter::new(&story.log);
    let mut past = Seed::new(workload, 1);
    let mut faults = Vec::new();
    for (position, number) in points {
        platter.advance(position, &mut past);
        let image = platter.cut(&mut Seed::new(workload, stream(number) + 1));
        image.write_to(folder.path()).unwrap();
        leave_shared_memory(folder.path(), number).unwrap();
        if let Err(fault) = check(folder.path(), &disk, &story, position) {
            faults.push(format!(
                "HANDOFF_PROOF_SEED={workload}:{number} (cut after {position} of {} calls; \
                 {image}): {fault}",
                story.log.len()
            ));
        }
    }
    faults
}

/// The file behind the shared memory is never synced: now and then it is there
/// all the same, with anything in it.
fn leave_shared_memory(folder: &Path, number: usize) -> std::io::Result<()> {
    if !number.is_multiple_of(4) {
        return Ok(());
    }
    let mut seed = Seed::new(number as u64, 0);
    let junk: Vec<u8> = (0..4096).flat_map(|_| seed.number().to_le_bytes()).collect();
    std::fs::write(folder.join("desk.db-shm"), junk)
}

/// Two streams of numbers for each cut: where, and what is left.
fn stream(number: usize) -> u64 {
    2 + 2 * number as u64
}

/// A point of the log: anywhere, or in the moment of an acknowledgement.
fn point(story: &Story, seed: &mut Seed) -> usize {
    if seed.chance(50) {
        return seed.below(story.log.len() + 1);
    }
    let moments: Vec<usize> = story
        .handoffs
        .iter()
        .flat_map(|handoff| handoff.steps.iter().filter_map(|step| step.acknowledged))
        .collect();
    moments.get(seed.below(moments.len())).copied().unwrap_or(story.log.len())
}

/// Tries many workloads on all cores; the first fault ends it.
fn try_all(plan: Plan, workloads: std::ops::Range<u64>) -> Vec<String> {
    let seeds: Vec<u64> = workloads.collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut faults = Vec::new();
        while let Some(&workload) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
            faults.extend(cut(plan, workload, CUTS, None));
            if !faults.is_empty() {
                next.store(seeds.len(), Ordering::Relaxed);
            }
        }
        faults
    };
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

/// All points of all workloads, or the one that somebody wants to see again.
fn prove(plan: Plan, workloads: std::ops::Range<u64>) {
    let faults = match replay() {
        Some((workload, number)) => cut(plan, workload, CUTS, Some(number)),
        None => try_all(plan, workloads),
    };
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The workload and the cut that somebody wants to see again.
fn replay() -> Option<(u64, usize)> {
    let seed = std::env::var("HANDOFF_PROOF_SEED").ok()?;
    let (workload, cut) = seed.split_once(':').expect("HANDOFF_PROOF_SEED is workload:cut");
    Some((workload.parse().expect("a workload"), cut.parse().expect("a cut")))
}

#[test]
fn nothing_acknowledged_is_lost_in_ten_thousand_power_cuts() {
    prove(OURS, 0..50);
}

#[test]
fn nothing_acknowledged_is_lost_in_power_cuts_after_calls_that_failed() {
    prove(FAILING, 0..10);
}

#[test]
fn the_proof_finds_the_loss_when_commits_are_not_synced() {
    for synchronous in ["OFF", "NORMAL"] {
        let faults = cut(Plan { synchronous, ..OURS }, 0, CUTS, None);
        let lost = |fault: &String| fault.contains("is lost") || fault.contains("steps, not");
        assert!(faults.iter().any(lost), "synchronous={synchronous} lost nothing: {faults:#?}");
    }
}

#[test]
fn the_proof_finds_the_loss_on_a_disk_that_lies() {
    for lie in [Lie::LogSync, Lie::DatabaseSync, Lie::FolderSync] {
        let faults = cut(Plan { lie: Some(lie), ..OURS }, 0, CUTS, None);
        assert!(!faults.is_empty(), "{lie:?} had no consequence");
    }
}

#[test]
fn a_workload_is_the_same_again() {
    let shape = |plan| -> Vec<String> { run(plan, 7).log.iter().map(shape).collect() };
    for plan in [OURS, FAILING] {
        // A machine that stalls lets the idle writer do its own work in between.
        assert!((0..5).any(|_| shape(plan) == shape(plan)), "{plan:?}");
    }
}

/// An operation without the bytes, in which SQLite has some of pure chance.
fn shape(op: &Op) -> String {
    match op {
        Op::Write { file, offset, bytes } => format!("{file:?} {offset} {}", bytes.len()),
        Op::Create { .. }
        | Op::Delete { .. }
        | Op::Truncate { .. }
        | Op::Sync { .. }
        | Op::SyncFailed { .. }
        | Op::SyncFolder => format!("{op:?}"),
    }
}
