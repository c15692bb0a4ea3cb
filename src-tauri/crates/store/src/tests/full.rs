//! Opening on a full disk, for real: a file system of its own, filled to the
//! end.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use super::at;
use super::desk::{Desk, desk, raw};
use crate::{Kind, OpenError, Store, backup};

/// The size of what an old desk has stored.
const OLD: usize = 4 * 1024 * 1024;

#[test]
fn a_full_disk_does_not_keep_a_new_desk_from_opening_an_old_database() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = "mount -t tmpfs -o size=64m none \"$0\" && \
                  TMPDIR=\"$0\" ON_A_SMALL_DISK=1 exec \"$1\" --exact tests::full::on_a_disk_of_its_own --ignored";
    let Some(mut script) = handoff_stage::mounts::script(script) else { return };
    let output = script
        .arg(folder.path())
        .arg(std::env::current_exe().expect("this program"))
        .output()
        .expect("unshare runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
#[ignore = "the other test runs it, on a file system that it may fill"]
fn on_a_disk_of_its_own() {
    assert!(std::env::var_os("ON_A_SMALL_DISK").is_some(), "it would fill the disk");
    let (with, without) = (old(), old());
    fs::write(with.folder().join("reserve"), vec![0; 8 * 1024 * 1024]).expect("kept");
    let filler = std::env::temp_dir().join("filler");
    fill(&filler);

    let before = fs::read(&without.files.database).expect("read");
    let refused = Store::take_up(&without.files, at(1)).map(|_| ());
    let Err(error @ OpenError::NoRoom { .. }) = refused else { panic!("{refused:?}") };
    let said = error.to_string();
    let folder = without.folder().display().to_string();
    for part in ["the backup", " 7 MiB free", folder.as_str(), "0 MiB is"] {
        assert!(said.contains(part), "{part} in {said}");
    }
    assert_eq!(fs::read(&without.files.database).expect("read"), before, "nothing was changed");
    assert_eq!(backup::list(&without.files).expect("listed"), []);
    assert_eq!(fs::read_dir(without.files.backups()).expect("listed").count(), 0, "nor left");

    let opened = Store::take_up(&with.files, at(1)).expect("the reserve makes room");
    assert!(!with.folder().join("reserve").exists(), "it was needed");
    let made = backup::list(&with.files).expect("listed");
    assert_eq!(made.iter().map(|one| one.kind).collect::<Vec<_>>(), [Kind::Migration]);
    drop(opened);

    fs::remove_file(filler).expect("room again");
    Store::take_up(&without.files, at(2)).expect("it opens as before");
}

/// A database of the first format.
fn old() -> Desk {
    let desk = desk();
    let connection = raw(&desk.files);
    connection
        .execute_batch(concat!(
            "BEGIN;",
            include_str!("../../migrations/0001_desk.sql"),
            "PRAGMA user_version = 1; COMMIT;"
        ))
        .expect("an old database");
    connection
        .execute("INSERT INTO settings VALUES ('old', ?1)", ["x".repeat(OLD)])
        .expect("stored");
    desk
}

fn fill(path: &Path) {
    let mut file = File::create(path).expect("made");
    for size in [1 << 20, 4096, 1] {
        let piece = vec![b'x'; size];
        while file.write_all(&piece).is_ok() {}
    }
}
