//! Any call of the file system fails, once or from then on, and the story is
//! told to its end all the same: no false acknowledgement, no panic, a clear
//! error, and the same facts in the end as if nothing had failed.

use std::path::Path;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use handoff_faultfs::{Call, Cause, Disk, Fault, Platter, Seed};
use handoff_store::Store;

use crate::check::sound;
use crate::story::{Facts, Told, facts, tell};

/// All that a disk does when it takes no more.
const ALL_BUT_READ: &[Call] =
    &[Call::Open, Call::Write, Call::Truncate, Call::Sync, Call::Delete, Call::ShmMap];

/// How many stories are told at once. They mostly wait: the writer gives
/// notifications time to share a commit.
const AT_ONCE: usize = 16;

/// How many stories are spared by their fault before no call is left to fail.
const SPARED: u64 = 4;

/// Panics on any thread: one that the store or the runtime catches ends no test.
static PANICS: AtomicU64 = AtomicU64::new(0);

struct Run {
    told: Told,
    struck: bool,
    facts: Facts,
}

/// Tells the story with this fault, and looks at what is there afterwards and
/// what would be there had the power been cut.
fn run(fault: Option<Fault>, known: Option<&Facts>) -> Run {
    let folder = crate::folder();
    let disk = Disk::recording().unwrap();
    if let Some(fault) = fault {
        disk.arm(fault);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let told = runtime.block_on(tell(folder.path(), &disk));
    // Ends what runs in the background, and closes the store.
    drop(runtime);
    let struck = disk.lift() || told.failures > 0;
    let log = disk.log();
    let found = look(folder.path(), &disk).unwrap();
    let plain = Disk::forgetful().unwrap();
    let mut platter = Platter::new(&log);
    let mut seed = Seed::new(fault.map_or(0, |fault| fault.nth), 0);
    if let Some(position) = told.failed_at {
        platter.advance(position, &mut seed);
        let there = cut(&platter, folder.path(), &plain, &mut seed);
        for (id, event) in &told.events[..told.before] {
            let is_there =
                there.get(id).is_some_and(|(_, _, kinds)| kinds.iter().any(|kind| kind == event));
            assert!(is_there, "{event} of {id} was acknowledged, and the cut took it");
        }
    }
    platter.advance(log.len(), &mut seed);
    let there = cut(&platter, folder.path(), &plain, &mut seed);
    assert_eq!(&there, known.unwrap_or(&found), "after a power cut in the end");
    Run { told, struck, facts: found }
}

fn cut(platter: &Platter<'_>, folder: &Path, disk: &Disk, seed: &mut Seed) -> Facts {
    let image = platter.cut(seed);
    image.write_to(folder).unwrap();
    look(folder, disk).unwrap_or_else(|error| panic!("after a power cut: {error}; {image}"))
}

fn look(folder: &Path, disk: &Disk) -> Result<Facts, String> {
    let path = folder.join("desk.db");
    let on = handoff_store::Disk { vfs: Some(disk.vfs().to_owned()), ..Default::default() };
    let store = Store::open_on(&path, on).map_err(|error| error.to_string())?;
    let found = facts(&store).map_err(|error| error.to_string())?;
    drop(store);
    sound(&path, disk)?;
    Ok(found)
}

fn count_panics() {
    static COUNTED: Once = Once::new();
    COUNTED.call_once(|| {
        let told = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            PANICS.fetch_add(1, Ordering::SeqCst);
            told(panic);
        }));
    });
}

/// Lets each call of this kind fail in its turn, until there is none left.
fn fail_each(calls: &'static [Call], cause: Cause, lasting: bool) {
    count_panics();
    let known = run(None, None).facts;
    let next = AtomicU64::new(first());
    let over = AtomicBool::new(false);
    let (failed, spared) = (AtomicU64::new(0), AtomicU64::new(0));
    let work = || {
        while !over.load(Ordering::Relaxed) {
            let nth = next.fetch_add(1, Ordering::Relaxed);
            let fault = Fault { calls, nth, cause, lasting };
            let told = std::panic::catch_unwind(|| {
                let run = run(Some(fault), Some(&known));
                assert_eq!(run.facts, known, "the story ended otherwise");
                run
            });
            match told {
                Ok(run) if run.struck => {
                    failed.fetch_add(1, Ordering::Relaxed);
                }
                Ok(_) => {
                    // What runs in the background makes a few calls more or less.
                    if spared.fetch_add(1, Ordering::Relaxed) >= SPARED {
                        over.store(true, Ordering::Relaxed);
                    }
                }
                Err(_) => {
                    over.store(true, Ordering::Relaxed);
                    panic!("HANDOFF_PROOF_CALL={nth}: with {fault:?}");
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(work);
        }
    });
    assert!(failed.into_inner() > 0, "no such call was made");
    assert_eq!(PANICS.load(Ordering::SeqCst), 0, "something panicked and was caught");
}

/// The first call to fail: `HANDOFF_PROOF_CALL` names another than the first.
fn first() -> u64 {
    std::env::var("HANDOFF_PROOF_CALL").map_or(1, |nth| nth.parse().expect("a number"))
}

#[test]
fn the_story_has_an_end_when_nothing_fails() {
    let run = run(None, None);
    assert_eq!((run.told.failures, run.struck), (0, false));
    assert_eq!(run.facts.len(), 6);
}

#[test]
fn any_write_fails_once_and_the_story_goes_on() {
    fail_each(&[Call::Write], Cause::Device, false);
}

#[test]
fn any_write_finds_no_space_once_and_the_story_goes_on() {
    fail_each(&[Call::Write], Cause::NoSpace, false);
}

#[test]
fn any_sync_fails_once_and_the_story_goes_on() {
    fail_each(&[Call::Sync], Cause::Device, false);
}

#[test]
fn any_sync_finds_no_space_once_and_the_story_goes_on() {
    fail_each(&[Call::Sync], Cause::NoSpace, false);
}

#[test]
fn any_read_fails_once_and_the_story_goes_on() {
    fail_each(&[Call::Read], Cause::Device, false);
}

#[test]
fn any_other_call_fails_once_and_the_story_goes_on() {
    for calls in [&[Call::Open][..], &[Call::Truncate], &[Call::Delete], &[Call::ShmMap]] {
        fail_each(calls, Cause::Device, false);
    }
}

#[test]
fn the_disk_fails_from_any_call_on_and_the_story_goes_on_once_it_is_back() {
    fail_each(ALL_BUT_READ, Cause::Device, true);
}

#[test]
fn the_disk_is_full_from_any_call_on_and_the_story_goes_on_once_there_is_room() {
    fail_each(&[Call::Write, Call::ShmMap], Cause::NoSpace, true);
}
