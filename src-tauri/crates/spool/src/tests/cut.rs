//! Every call that changes the disk fails once, and the power is cut between
//! any two: what was acknowledged is there, whole, and nothing half is taken up.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::home;
use super::platter::{Platter, Seed};
use super::story::{Fact, Story, What, read};
use super::watch::{self, Done, Failing};
use crate::Spool;
use crate::disk::Call;

/// What a file says that was taken back.
const MARK: &str = "\"withdrawn\":{";

const STEPS: usize = 12;

struct Played {
    home: std::path::PathBuf,
    changes: Vec<Done>,
    facts: Vec<Fact>,
    struck: bool,
    errors: Vec<String>,
    _folder: tempfile::TempDir,
}

fn play(seed: u64, fault: Option<(usize, Failing)>) -> Played {
    let (folder, _) = home();
    watch::begin(fault);
    let mut story = Story::new(folder.path(), seed);
    story.goes_on(STEPS);
    let (facts, errors) = story.facts();
    let (changes, struck) = watch::end();
    Played { home: folder.path().to_owned(), changes, facts, struck, errors, _folder: folder }
}

/// What is wrong in this home, if only the first `cut` changes were made.
fn judge(home: &Path, facts: &[Fact], cut: usize) -> Result<(), String> {
    let spool = Spool::of(home);
    let mut stored: BTreeMap<String, (String, bool)> = BTreeMap::new();
    let (mut accepted, mut withdrawn) = (BTreeMap::new(), BTreeSet::new());
    let mut aside = BTreeSet::new();
    for fact in facts.iter().filter(|fact| fact.after <= cut) {
        match fact.what.clone() {
            What::Accepted { id, text } => {
                // After it was set aside, the same key is a new handoff.
                accepted.insert(id, text);
            }
            What::Withdrawn { id } => {
                withdrawn.insert(id);
            }
            What::Stored { id, text, withdrawn } => {
                let before = stored.get(&id).is_some_and(|(_, before)| *before);
                stored.insert(id, (text, withdrawn || before));
            }
            What::SetAside { id } => {
                aside.insert(id);
            }
        }
    }
    let set_aside: Vec<String> = spool
        .set_aside_files()
        .iter()
        .filter_map(|one| fs::read_to_string(&one.path).ok())
        .collect();
    for (id, text) in &accepted {
        let found = spool.find(id).map_err(|error| error.to_string())?;
        let waits = found.as_ref().is_some_and(|found| found.handoff.get() == text);
        let kept = stored.get(id).is_some_and(|(stored, _)| stored == text);
        let refused = set_aside.iter().any(|file| file.contains(text.as_str()));
        if !waits && !kept && !refused {
            return Err(format!("{id} was accepted and is gone"));
        }
        // What the desk had claimed is only asked to be taken back.
        let asked = fs::read_to_string(spool.file(id)).is_ok_and(|file| file.contains(MARK));
        let marked = found.is_some_and(|found| found.withdrawn.is_some())
            || asked
            || stored.get(id).is_some_and(|(_, withdrawn)| *withdrawn)
            || set_aside.iter().any(|file| file.contains(MARK));
        if withdrawn.contains(id) && !marked {
            return Err(format!("{id} was taken back and is not marked"));
        }
    }
    if aside.len() > set_aside.len() {
        return Err(format!("{aside:?} were set aside, and are not there"));
    }
    // The desk starts.
    for one in spool.take().map_err(|error| error.to_string())? {
        let (id, found) = catch_unwind(AssertUnwindSafe(|| read(&one)))
            .map_err(|_| format!("{} is taken up and not whole", one.path().display()))?;
        if !found.handoff.get().contains("long enough") {
            return Err(format!("{id} is not what anybody gave"));
        }
    }
    Ok(())
}

/// The first wrong thing that a cut leaves, if any does.
fn cut(played: &Played, at: usize, seed: u64, lie: Option<Call>) -> Result<(), String> {
    let (folder, _) = home();
    watch::begin(None);
    let platter = Platter::after(&played.changes[..at], lie);
    platter.write(&played.home, folder.path(), &mut Seed(seed));
    judge(folder.path(), &played.facts, at)
        .map_err(|what| format!("cut at {at} of {}, seed {seed}: {what}", played.changes.len()))
}

#[test]
fn a_power_cut_loses_nothing_that_was_acknowledged() {
    let mut cuts = 0;
    for story in 0..8 {
        let played = play(story, None);
        assert_eq!(played.errors, Vec::<String>::new(), "nothing failed");
        for at in 0..=played.changes.len() {
            for seed in 0..2 {
                cut(&played, at, seed, None).unwrap_or_else(|what| panic!("story {story}, {what}"));
                cuts += 1;
            }
        }
    }
    assert!(cuts > 800, "{cuts} cuts");
}

#[test]
fn a_disk_that_lies_is_found_out_by_these_tests() {
    for lie in [Call::SyncFile, Call::SyncFolder] {
        let found = (0..20).any(|story| {
            let played = play(story, None);
            (0..=played.changes.len())
                .any(|at| (0..4).any(|seed| cut(&played, at, seed, Some(lie)).is_err()))
        });
        assert!(found, "{lie:?} could be left out, and no test would notice");
    }
}

#[test]
fn every_call_fails_once_and_nothing_is_lost_or_half() {
    let mut faults = 0;
    for story in 0..2 {
        for how in [Failing::NoSpace, Failing::Device, Failing::Falsely] {
            for nth in 0.. {
                let played = play(story, Some((nth, how)));
                if !played.struck {
                    break;
                }
                faults += 1;
                let name = || format!("story {story}, call {nth} fails with {how:?}");
                assert!(played.errors.len() <= 1, "{}: told {:?}", name(), played.errors);
                watch::begin(None);
                judge(&played.home, &played.facts, usize::MAX)
                    .unwrap_or_else(|what| panic!("{}: {what}", name()));
                let mut seed = Seed(u64::try_from(nth).expect("a number"));
                for number in 0..2 {
                    let at = seed.below(played.changes.len() + 1);
                    cut(&played, at, number, None)
                        .unwrap_or_else(|what| panic!("{}, {what}", name()));
                }
            }
        }
    }
    assert!(faults > 200, "{faults} faults");
}
