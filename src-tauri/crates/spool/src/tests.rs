//! Both ends against a real folder.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use serde_json::value::RawValue;

use super::*;

mod cut;
mod platter;
mod story;
pub mod watch;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).expect("a moment")
}

fn entry(key: &str, content: &str) -> Entry {
    let text = format!("{{ \"key\": {},\n \"content\": {} }}", json!(key), json!(content));
    Entry {
        agent: "tidy".to_owned(),
        framework: None,
        token: "t".repeat(64),
        spooled_at: now(),
        withdrawn: None,
        left_open: Vec::new(),
        handoff: RawValue::from_string(text).expect("json"),
    }
}

fn home() -> (tempfile::TempDir, Spool) {
    let folder = tempfile::tempdir().expect("a folder");
    let spool = Spool::of(folder.path());
    (folder, spool)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("there").permissions().mode() & 0o777
}

fn count(path: &Path) -> usize {
    fs::read_dir(path).map_or(0, Iterator::count)
}

#[test]
fn what_was_put_in_is_closed_to_others_and_comes_out_letter_for_letter() {
    let (_folder, spool) = home();
    let given = entry("k", "a");
    let id = given.id().expect("an id");
    assert!(matches!(spool.put(&given), Ok(Put::New)));
    assert_eq!((mode(spool.root()), mode(&spool.file(&id))), (0o700, 0o600));
    assert_eq!(count(&spool.drafts()), 0, "no draft is left behind");
    let found = spool.find(&id).expect("readable").expect("there");
    assert_eq!(found.handoff.get(), given.handoff.get());
    assert_eq!(found.spooled_at, given.spooled_at);
    let taken = spool.take().expect("taken");
    let [one] = taken.as_slice() else { panic!("one file: {taken:?}") };
    assert_eq!(one.read().expect("whole").handoff.get(), given.handoff.get());
    assert!(spool.find(&id).expect("readable").is_some(), "claimed is not gone");
    spool.done(one).expect("removed");
    spool.settle().expect("settled");
    assert!(!spool.has_any() && spool.find(&id).expect("readable").is_none());
}

#[test]
fn the_same_again_is_known_and_another_is_a_conflict() {
    let (_folder, spool) = home();
    spool.put(&entry("k", "a")).expect("put");
    let spaced = Entry {
        handoff: RawValue::from_string(r#"{"content":"a","key":"k"}"#.to_owned()).expect("json"),
        spooled_at: now() + TimeDelta::hours(1),
        ..entry("k", "a")
    };
    let Ok(Put::Known(known)) = spool.put(&spaced) else { panic!("known") };
    assert_eq!(known.spooled_at, now(), "the first acknowledgement counts");
    assert!(matches!(spool.put(&entry("k", "b")), Err(SpoolError::Conflict { .. })));
    assert!(matches!(spool.put(&entry("other", "b")), Ok(Put::New)));
    // The same while the desk has claimed it.
    assert_eq!(spool.take().expect("taken").len(), 2);
    assert!(matches!(spool.put(&entry("k", "a")), Ok(Put::Known(_))));
    assert!(matches!(spool.put(&entry("k", "b")), Err(SpoolError::Conflict { .. })));
}

#[test]
fn of_many_at_once_one_is_new_and_none_is_overwritten() {
    let (_folder, spool) = home();
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..12)
            .map(|number| {
                let spool = spool.clone();
                scope.spawn(move || spool.put(&entry("k", if number % 2 == 0 { "a" } else { "b" })))
            })
            .collect();
        all.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    let new = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Put::New))).count();
    let known = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Put::Known(_)))).count();
    let conflicts =
        outcomes.iter().filter(|outcome| matches!(outcome, Err(SpoolError::Conflict { .. })));
    assert_eq!((new, known, conflicts.count()), (1, 5, 6));
    assert_eq!(count(&spool.drafts()), 0);
}

#[test]
fn a_withdrawal_is_kept_though_the_desk_claims_the_file_meanwhile() {
    let (_folder, spool) = home();
    let given = entry("k", "a");
    let id = given.id().expect("an id");
    spool.put(&given).expect("put");
    let claimed = spool.take().expect("taken");
    let withdrawn = Withdrawn { at: now(), reason: Some("Done by hand.".to_owned()) };
    assert!(!spool.withdraw(&given, withdrawn.clone()).expect("marked"), "it is only asked");
    let known = || spool.find(&id).expect("readable").expect("there").withdrawn;
    assert_eq!(known(), None, "the desk may have an answer to it");
    assert_eq!(spool.waiting().expect("readable").entries[0].withdrawn, None);
    // The desk stores what it has claimed, and must not remove the mark with it.
    assert_eq!(spool.take().expect("taken"), claimed, "the second waits its turn");
    spool.done(&claimed[0]).expect("removed");
    assert_eq!(known().as_ref(), Some(&withdrawn));
    let next = spool.take().expect("taken");
    assert_eq!(next.len(), 1);
    assert_eq!(next[0].read().expect("whole").withdrawn, Some(withdrawn));
}

#[test]
fn every_flipped_or_missing_byte_is_found() {
    let (_folder, spool) = home();
    let given = entry("k", "a");
    let id = given.id().expect("an id");
    spool.put(&given).expect("put");
    let path = spool.file(&id);
    let whole = fs::read(&path).expect("readable");
    let says_other = |bytes: &[u8]| {
        fs::write(&path, bytes).expect("written");
        match Entry::read(&path) {
            Err(Unreadable::Damaged(_)) => false,
            Err(other) => panic!("{other:?}"),
            Ok(read) => {
                read.handoff.get() != given.handoff.get()
                    || read.agent != given.agent
                    || read.token != given.token
                    || read.spooled_at != given.spooled_at
                    || read.withdrawn.is_some()
            }
        }
    };
    for place in 0..whole.len() {
        for bit in 0..8 {
            let mut flipped = whole.clone();
            flipped[place] ^= 1 << bit;
            assert!(!says_other(&flipped), "byte {place}, bit {bit}");
        }
    }
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).expect("written");
        assert!(matches!(Entry::read(&path), Err(Unreadable::Damaged(_))), "{length}");
    }
}

#[test]
fn what_is_no_spool_file_is_claimed_and_refused_without_following_it() {
    let (folder, spool) = home();
    spool.put(&entry("k", "a")).expect("put");
    let good = spool.file(&entry("k", "a").id().expect("an id"));
    let put = |name: &str| spool.root().join(name);
    let secret = folder.path().join("secret");
    fs::copy(&good, &secret).expect("copied");
    symlink(
        &secret,
        put(good.file_name().expect("a name").to_str().expect("text")).with_extension("x"),
    )
    .expect("linked");
    symlink(&secret, put("h-00000000000000000000.json")).expect("linked");
    fs::create_dir(put("folder.json")).expect("made");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        put("pipe.json"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .expect("made");
    fs::copy(&good, put("h-11111111111111111111.json")).expect("copied");
    fs::write(put("huge.json"), vec![b' '; entry::MAX_FILE_BYTES + 1]).expect("written");
    fs::write(put("newer.json"), r#"{"version": 2, "more": true}"#).expect("written");
    let taken = spool.take().expect("taken");
    assert_eq!(taken.len(), 8);
    let mut reasons = Vec::new();
    for one in &taken {
        match one.read() {
            Ok(entry) => {
                assert_eq!(entry.id().as_deref(), good.file_stem().and_then(|s| s.to_str()));
            }
            Err(Unreadable::Damaged(why)) => {
                let aside = spool.set_aside(one, &why).expect("set aside");
                assert!(fs::symlink_metadata(&aside.path).is_ok());
                reasons.push(why);
            }
            Err(other) => panic!("{one:?}: {other:?}"),
        }
    }
    assert_eq!(reasons.len(), 7);
    for part in ["a link", "a folder", "no file", "not that of", "larger", "another version"] {
        assert!(reasons.iter().any(|why| why.contains(part)), "{part} in {reasons:?}");
    }
    let files = spool.set_aside_files();
    assert_eq!(files.len(), 7);
    assert!(files.iter().all(|one| reasons.contains(&one.why)), "{files:?}");
    assert_eq!(fs::read_dir(spool.taken_up()).expect("there").count(), 1, "the good one");
    assert!(secret.exists());
}

#[test]
fn what_is_set_aside_twice_is_there_twice() {
    let (_folder, spool) = home();
    let id = entry("k", "a").id().expect("an id");
    for why in ["The first.", "The second."] {
        spool.put(&entry("k", "a")).expect("put");
        for one in spool.take().expect("taken") {
            spool.set_aside(&one, why).expect("set aside");
        }
    }
    assert_eq!(spool.set_aside_files().len(), 2);
    assert_eq!(spool.why_set_aside(&id).as_deref(), Some("The second."));
    assert_eq!(spool.why_set_aside("h-00000000000000000000"), None);
}

#[test]
fn a_link_or_file_in_place_of_the_folder_is_not_used() {
    let (folder, spool) = home();
    let elsewhere = folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).expect("made");
    symlink(&elsewhere, spool.root()).expect("linked");
    assert!(matches!(spool.put(&entry("k", "a")), Err(SpoolError::Unsafe { .. })));
    assert!(matches!(spool.take(), Err(SpoolError::Unsafe { .. })));
    assert_eq!(count(&elsewhere), 0);
    fs::remove_file(spool.root()).expect("removed");
    fs::write(spool.root(), "").expect("written");
    assert!(matches!(spool.put(&entry("k", "a")), Err(SpoolError::Unsafe { .. })));
}

#[test]
fn drafts_of_the_dead_are_cleared_and_those_of_the_living_are_not() {
    let (_folder, spool) = home();
    spool.put(&entry("k", "a")).expect("put");
    let draft = spool.draft("h-00000000000000000000", &entry("x", "b")).expect("written");
    let written = fs::metadata(&draft).expect("there").modified().expect("a time");
    let later = |span: Duration| DateTime::<Utc>::from(written + span);
    spool.clear_drafts(later(Duration::from_hours(1)));
    assert!(draft.exists());
    spool.clear_drafts(SystemTime::UNIX_EPOCH.into());
    assert!(draft.exists(), "a clock that went back clears nothing");
    spool.clear_drafts(later(Duration::from_hours(25)));
    assert!(!draft.exists());
}

#[test]
fn without_a_folder_nothing_waits_and_nothing_is_made() {
    let (_folder, spool) = home();
    assert!(!spool.has_any());
    assert!(spool.take().expect("nothing").is_empty());
    assert!(spool.find("h-00000000000000000000").expect("nothing").is_none());
    assert!(spool.find("../../etc/passwd").expect("nothing").is_none());
    assert!(!spool.root().exists());
}
