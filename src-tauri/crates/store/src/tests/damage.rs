//! Damage of every kind: the desk always opens, never shows a decision that
//! was not made without saying so, and saves what can be saved.

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use handoff_domain::audit::Reason;

use super::at;
use super::desk::{Desk, decide, desk, submit};
use crate::aside::Plan;
use crate::{Files, Kind, Opened, Store, backup, head, open, take_up};

const HANDOFFS: usize = 40;
/// How many of them are in the backup.
const BACKED_UP: usize = 25;

/// A desk after a crash: a backup of some time ago, a database, and a log that
/// is not yet part of it.
struct Image {
    desk: Desk,
    truth: BTreeMap<String, String>,
}

async fn image() -> Image {
    let live = desk();
    let store = live.open().store;
    for number in 0..HANDOFFS {
        if number == BACKED_UP {
            drop(backup::make(&live.files, Kind::Daily, at(50)).expect("a backup"));
        }
        submit(&store, &number.to_string()).await.expect("stored");
        if number % 2 == 0 {
            decide(&store, &number.to_string()).await.expect("decided");
        }
        if number == HANDOFFS * 3 / 4 {
            store
                .write(|write| {
                    // Some of it is brought into the database, as from time to time.
                    write.set("checkpoint", "1")
                })
                .await
                .expect("stored");
            super::desk::raw(&live.files)
                .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
                .expect("a checkpoint");
        }
    }
    // So that nothing is written while it is copied.
    store.index().await.expect("indexed");
    let truth = standings(&store);
    let image = desk();
    copy(live.folder(), image.folder());
    drop(store);
    fs::copy(live.files.head(), image.files.head()).expect("the last head");
    Image { desk: image, truth }
}

/// What the store says of each handoff: where it stands, and its proposal.
fn standings(store: &Store) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for number in 0..HANDOFFS {
        let id = format!("h-{number}");
        let read = store.read(|read| {
            let Some(record) = read.handoff(&id)? else { return Ok(None) };
            let payload = read.payload(record.seq, record.progress.revision)?;
            Ok(Some((record, payload)))
        });
        if let Ok(Some((record, payload))) = read {
            let decision = record.progress.phase.decision();
            all.insert(id, format!("{:?} {decision:?} {payload:?}", record.progress.state()));
        }
    }
    all
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("listed") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir(&target).expect("made");
            copy(&entry.path(), &target);
        } else if !passing(&entry.file_name().to_string_lossy()) {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}

/// What comes and goes while a desk runs.
fn passing(name: &str) -> bool {
    name.ends_with("-shm") || Path::new(name).extension().is_some_and(|ending| ending == "new")
}

/// A small generator: the same seed, the same damage.
struct Seed(u64);

impl Seed {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) >> 1).expect("a number") % bound.max(1)
    }
}

/// Harms the files as a seed says; returns how, in words.
fn harm(files: &Files, seed: u64) -> String {
    let mut seed = Seed(seed);
    let [database, log, _] = files.parts();
    let edit = |path: &Path, change: &mut dyn FnMut(&mut Vec<u8>)| {
        let mut bytes = fs::read(path).expect("read");
        change(&mut bytes);
        fs::write(path, bytes).expect("written");
    };
    let kind = seed.below(8);
    match kind {
        0 | 1 => {
            let path = if kind == 0 { &database } else { &log };
            edit(path, &mut |bytes| {
                for _ in 0..=seed.below(8) {
                    let place = seed.below(bytes.len());
                    bytes[place] ^= 1 << seed.below(8);
                }
            });
        }
        2 => edit(&database, &mut |bytes| {
            let place = seed.below(100);
            bytes[place] ^= 1 << seed.below(8);
        }),
        3 => edit(&database, &mut |bytes| bytes.truncate(seed.below(bytes.len()))),
        4 => edit(&log, &mut |bytes| bytes.truncate(seed.below(bytes.len()))),
        5 => fs::remove_file(&log).expect("removed"),
        6 => edit(&database, &mut |bytes| {
            let page = seed.below(bytes.len() / 4096) * 4096;
            for byte in &mut bytes[page..page + 4096] {
                *byte = u8::try_from(seed.below(256)).expect("a byte");
            }
        }),
        _ => edit(&database, &mut |bytes| {
            // A whole page of zeros: a sector that was never written.
            let page = seed.below(bytes.len() / 4096) * 4096;
            bytes[page..page + 4096].fill(0);
        }),
    }
    [
        "bits of the database",
        "bits of the log",
        "header",
        "cut database",
        "cut log",
        "no log",
        "random page",
        "empty page",
    ][kind]
        .to_owned()
}

#[derive(Debug, Default)]
struct Tally {
    mutants: usize,
    mended: usize,
    saved: usize,
    refused: usize,
    /// Said to be affected, and as it was.
    feared: usize,
    silent: Vec<String>,
}

fn suffer(image: &Image, seed: u64, tally: &mut Tally) {
    let hurt = desk();
    copy(image.desk.folder(), hurt.folder());
    let how = harm(&hurt.files, seed);
    tally.mutants += 1;
    let harmed = content(&hurt.files.parts());
    let outcome = catch_unwind(AssertUnwindSafe(|| Store::take_up(&hurt.files, at(200))));
    let Ok(outcome) = outcome else { panic!("seed {seed}, {how}: a panic") };
    let opened = match outcome {
        Ok(opened) => opened,
        Err(error) => {
            tally.refused += 1;
            assert!(
                matches!(error, open::OpenError::Foreign(_) | open::OpenError::Newer { .. }),
                "seed {seed}, {how}: {error}"
            );
            return;
        }
    };
    if opened.notices.iter().any(|notice| notice.contains("was damaged")) {
        // What was done to it, somebody may want to look at.
        let aside = fs::read_dir(hurt.files.damaged()).expect("set aside").next();
        let aside = Files::of(aside.expect("a folder").expect("an entry").path().join("desk.db"));
        assert!(content(&aside.parts()) == harmed, "seed {seed}, {how}: not as it was found");
    }
    judge(image, &hurt, opened, &format!("seed {seed}, {how}"), tally);
}

/// A database and its log; the log's index says nothing that they do not say.
fn content([database, log, _]: &[PathBuf; 3]) -> [Option<Vec<u8>>; 2] {
    [fs::read(database).ok(), fs::read(log).ok()]
}

fn judge(image: &Image, hurt: &Desk, opened: Opened, how: &str, tally: &mut Tally) {
    let Opened { store, notices } = opened;
    let found = store.inspect().expect("inspected");
    if !found.is_empty() {
        // The reviewer is told, and the next start mends it.
        drop(store);
        let again = Store::take_up(&hurt.files, at(300)).unwrap_or_else(|error| {
            panic!("{how}: found {found:?}, then {error}");
        });
        assert!(!again.notices.is_empty(), "{how}: {found:?} was mended without a word");
        let still = again.store.inspect().expect("inspected");
        assert_eq!(still, Vec::<String>::new(), "{how}: not mended");
        return compare(image, hurt, &again, how, tally);
    }
    compare(image, hurt, &Opened { store, notices }, how, tally);
}

fn compare(image: &Image, hurt: &Desk, opened: &Opened, how: &str, tally: &mut Tally) {
    let told = opened.notices.join("\n");
    let mended = told.contains("was damaged");
    let behind = told.contains("is older than");
    let found = standings(&opened.store);
    let note: String = super::desk::raw(&hurt.files)
        .query_row("SELECT coalesce(group_concat(note), '') FROM epochs", [], |row| row.get(0))
        .expect("notes");
    let mut right = 0;
    for (id, standing) in &image.truth {
        if found.get(id) == Some(standing) {
            right += 1;
            tally.feared += usize::from(note.contains(&format!("\"{id}\"")));
        } else if !behind && !note.contains(&format!("\"{id}\"")) {
            let number: usize = id[2..].parse().expect("a number");
            // What came after the backup and left no trace: the lost range
            // says that there was something.
            let lost_whole = mended && !found.contains_key(id) && number >= BACKED_UP;
            if !lost_whole {
                tally.silent.push(format!("{how}: {id} is {:?}\n{told}", found.get(id)));
            }
        }
    }
    if mended {
        tally.mended += 1;
        tally.saved += right;
        assert!(hurt.files.damaged().exists(), "{how}: it was not set aside");
    }
}

#[expect(clippy::print_stdout, reason = "how much was saved, for who asks")]
fn run(image: &Image, seeds: std::ops::Range<u64>) {
    let mut tally = Tally::default();
    for seed in seeds {
        suffer(image, seed, &mut tally);
    }
    let Tally { mutants, mended, saved, refused, feared, silent } = &tally;
    let rate = 100 * saved / (mended * HANDOFFS).max(1);
    println!(
        "{mutants} mutants: {mended} mended, {refused} refused, {rate} % of handoffs saved, {feared} feared for"
    );
    assert!(silent.is_empty(), "{} silent:\n{}", silent.len(), silent.join("\n"));
    // Whoever is to look at everything looks at nothing.
    assert!(feared * 10 <= mended * HANDOFFS, "{feared} feared for in {mended}");
    // So few rows share few pages: one that is lost takes many with it.
    assert!(*mended > 0 && rate >= 75, "{rate} % saved of {mended}");
}

#[tokio::test]
async fn no_damage_makes_the_desk_panic_or_show_a_wrong_decision_unsaid() {
    run(&image().await, 0..120);
}

#[tokio::test]
#[ignore = "takes minutes; the same with more seeds"]
async fn five_thousand_kinds_of_damage() {
    run(&image().await, 1_000..6_000);
}

#[tokio::test]
async fn an_index_that_leads_nowhere_is_damage_though_every_row_is_whole() {
    let desk = Desk::filled().await;
    let read = |store: &Store| store.read(|read| read.handoff("h-b")).expect("read");
    assert!(read(&desk.open().store).is_some());
    let mut bytes = fs::read(&desk.files.database).expect("read");
    let page = bytes.chunks_mut(4096).find(|page| {
        // The leaf of an index, and the id in it.
        page[0] == 0x0a && page.windows(3).any(|part| part == b"h-b")
    });
    let page = page.expect("the index of the ids");
    let place = page.windows(3).position(|part| part == b"h-b").expect("there");
    page[place + 2] ^= 0x10;
    fs::write(&desk.files.database, bytes).expect("written");

    let opened = desk.open();
    assert!(read(&opened.store).is_none(), "that is the damage");
    assert_ne!(opened.store.inspect().expect("inspected"), Vec::<String>::new());
    drop(opened);
    let mended = desk.open();
    assert!(mended.notices[0].contains("was damaged"), "{:?}", mended.notices);
    assert!(read(&mended.store).is_some(), "its row was whole");
}

#[tokio::test]
async fn what_was_stopped_or_held_since_the_backup_stays_so_and_nothing_else_is_permitted() {
    let image = image().await;
    image.desk.tamper(
        "INSERT INTO pauses VALUES ('a', '', '\"pause\"', 9);
         INSERT INTO rules (rule, made_at) VALUES
           ('{\"does\":\"hold\",\"why\":\"mine\"}', 9), ('{\"does\":\"allow\"}', 9);",
    );
    take_up::suspect(&image.desk.files, "a test");
    crate::aside::set_aside(&image.desk.files, at(150)).expect("set aside");
    let opened = image.desk.open();
    assert!(opened.notices[0].contains("at Suggest again"), "{:?}", opened.notices);
    drop(opened);
    let count = |sql: &str| -> u32 {
        super::desk::raw(&image.desk.files).query_row(sql, [], |row| row.get(0)).expect("counted")
    };
    assert_eq!(count("SELECT count(*) FROM pauses"), 1);
    assert_eq!(
        count("SELECT count(*) FROM rules WHERE revoked_at IS NULL"),
        1,
        "the one that holds"
    );
}

#[tokio::test]
async fn a_whole_image_opens_without_a_word() {
    let image = image().await;
    let opened = image.desk.open();
    assert!(opened.notices.is_empty(), "{:?}", opened.notices);
    assert_eq!(standings(&opened.store), image.truth);
    assert_eq!(opened.store.inspect(), Ok(Vec::new()));
}

#[tokio::test]
async fn a_database_that_is_gone_is_restored_from_the_backup_and_the_loss_is_named() {
    let image = image().await;
    for part in image.desk.files.parts() {
        drop(fs::remove_file(part));
    }
    let written = head::read(&image.desk.files.head()).expect("read").expect("a head");
    let opened = image.desk.open();
    assert!(opened.notices[0].contains("empty or missing"), "{:?}", opened.notices);
    assert_eq!(standings(&opened.store).len(), BACKED_UP);
    drop(opened);
    let verified = image.desk.verify();
    assert_eq!(verified.broken, None, "a loss that was mended is named, not a break");
    assert_eq!(verified.epochs[0].first, written.seq + 1);
}

#[tokio::test]
async fn of_two_backups_the_one_that_knows_more_is_taken_whatever_their_dates() {
    let image = image().await;
    let files = &image.desk.files;
    let later = backup::make(files, Kind::Daily, at(60)).expect("a backup of all");
    let earlier = backup::list(files).expect("listed").remove(1);
    // It was made when the clock was a year ahead.
    let name = crate::rotation::name(Kind::Daily, at(365 * 24 * 3600));
    fs::rename(&earlier.path, files.backups().join(name)).expect("renamed");
    for part in files.parts() {
        drop(fs::remove_file(part));
    }
    let opened = image.desk.open();
    let date = later.at.format("The backup of %Y-%m-%d %H:%M UTC").to_string();
    assert!(opened.notices[0].contains(&date), "{:?}", opened.notices);
    assert_eq!(standings(&opened.store), image.truth);
}

#[tokio::test]
async fn mending_that_was_interrupted_is_done_at_the_next_start() {
    let image = image().await;
    let files = &image.desk.files;
    // The power went after the first step.
    take_up::suspect(files, "a test");
    let aside = crate::aside::set_aside(files, at(150)).expect("set aside");
    assert!(aside.is_some() && !files.database.exists());
    let opened = image.desk.open();
    assert_eq!(standings(&opened.store), image.truth, "all of it was saved from there");
    assert!(!files.is_suspect());
}

/// Makes the first moves of a plan, and ends there as a crash would; says
/// whether there were more.
fn crash_after(plan: &Plan, files: &Files, moves: usize) -> bool {
    let all = plan.moves(files);
    for (from, to) in all.iter().take(moves) {
        fs::rename(from, to).expect("moved");
    }
    moves < all.len()
}

#[tokio::test]
async fn a_crash_while_a_damaged_database_is_moved_does_not_part_it_from_its_log() {
    for moves in 0.. {
        let image = image().await;
        let files = &image.desk.files;
        assert!(files.parts()[1].exists(), "there is a log, as after a crash");
        take_up::suspect(files, "a test");
        let plan = Plan::write_down(files, at(150), false).expect("written down");
        let more = crash_after(&plan, files, moves);
        let opened = image.desk.open();
        assert!(opened.notices[0].contains("empty or missing"), "{:?}", opened.notices);
        assert_eq!(standings(&opened.store), image.truth, "after {moves} moves");
        drop(opened);
        assert_eq!(image.desk.verify().broken, None);
        assert!(!files.is_suspect());
        if !more {
            return;
        }
    }
}

#[tokio::test]
async fn a_crash_while_a_backup_is_put_in_place_leaves_the_one_that_was_chosen() {
    for moves in 0.. {
        let image = image().await;
        let files = &image.desk.files;
        let chosen = backup::list(files).expect("listed").remove(0);
        assert!(files.parts()[1].exists(), "there is a log, as after a crash");
        crate::damage::prepare(files, &chosen.path, at(400)).expect("made");
        let plan = Plan::write_down(files, at(400), true).expect("written down");
        let more = crash_after(&plan, files, moves);
        let opened = image.desk.open();
        assert_eq!(opened.notices.len(), 1, "{:?}", opened.notices);
        assert!(opened.notices[0].contains("went back to a backup"), "{:?}", opened.notices);
        assert_eq!(standings(&opened.store).len(), BACKED_UP, "after {moves} moves");
        drop(opened);
        let verified = image.desk.verify();
        assert_eq!(verified.broken, None);
        assert_eq!(verified.epochs.last().map(|epoch| epoch.reason), Some(Reason::Restored));
        // What was used until then is whole where it was moved to.
        let aside = fs::read_dir(files.damaged()).expect("listed").next().expect("one");
        let used = Files::of(aside.expect("an entry").path().join("desk.db"));
        let used = Store::take_up(&used, at(500)).expect("opened");
        assert_eq!(standings(&used.store), image.truth, "after {moves} moves");
        assert!(image.desk.open().notices.is_empty(), "it is done once");
        if !more {
            return;
        }
    }
}

#[tokio::test]
async fn without_a_backup_what_can_be_proven_is_saved_all_the_same() {
    let image = image().await;
    fs::remove_dir_all(image.desk.files.backups()).expect("removed");
    // Ended in order, so that the log holds no other copy of the first page.
    drop(image.desk.open());
    let mut bytes = fs::read(&image.desk.files.database).expect("read");
    bytes[..16].fill(0);
    fs::write(&image.desk.files.database, bytes).expect("written");
    let opened = image.desk.open();
    assert!(opened.notices[0].contains("There was no backup"), "{:?}", opened.notices);
    assert_eq!(standings(&opened.store), image.truth);
    drop(opened);
    assert_eq!(image.desk.verify().broken, None);
}

#[tokio::test]
async fn going_back_to_a_backup_keeps_the_later_events_and_the_database() {
    let image = image().await;
    let files = &image.desk.files;
    let backup = backup::list(files).expect("listed").remove(0);
    let reached = image.desk.verify().reached;
    let restored = crate::restore(files, &backup.path, at(400)).expect("restored");
    assert_eq!(restored.affected.len(), HANDOFFS - BACKED_UP);
    assert!(restored.set_aside.expect("a folder").join("desk.db").exists());
    let opened = image.desk.open();
    assert!(opened.notices.is_empty(), "{:?}", opened.notices);
    assert_eq!(standings(&opened.store).len(), BACKED_UP);
    drop(opened);
    let verified = image.desk.verify();
    assert_eq!(verified.broken, None);
    let epoch = &verified.epochs[0];
    assert_eq!((epoch.reason, epoch.first), (Reason::Restored, reached.seq + 1));
    let note: serde_json::Value = serde_json::from_str(&epoch.note).expect("json");
    let kept = note["events"].as_array().expect("a list").len();
    assert_eq!(u64::try_from(kept), Ok(restored.later_events));
    assert_eq!(i64::try_from(kept), Ok(epoch.first - epoch.lost_from), "none is dropped");
}

#[tokio::test]
async fn a_damaged_backup_is_refused_and_nothing_is_changed() {
    let image = image().await;
    let files = &image.desk.files;
    let backup = backup::list(files).expect("listed").remove(0);
    let mut bytes = fs::read(&backup.path).expect("read");
    let half = bytes.len() / 2 / 4096 * 4096;
    bytes[half..half + 4096].fill(0xa5);
    fs::write(&backup.path, bytes).expect("written");
    assert!(crate::restore(files, &backup.path, at(400)).is_err());
    assert_eq!(standings(&image.desk.open().store), image.truth);
    assert!(!files.damaged().exists());
}
