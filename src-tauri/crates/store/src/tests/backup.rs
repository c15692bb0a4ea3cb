//! Backups: made from a running desk, whole, private, and before a migration.

use std::os::unix::fs::PermissionsExt as _;

use chrono::TimeDelta;

use super::at;
use super::desk::{Desk, desk, raw, submit};
use crate::{Kind, Store, StoreError, backup};

#[tokio::test]
async fn a_backup_is_made_once_a_day_beside_the_work_and_is_whole() {
    let desk = Desk::filled().await;
    let store = std::sync::Arc::new(desk.open().store);
    let (busy, made) = tokio::join!(
        async {
            for key in 0..50 {
                submit(&store, &format!("k{key}")).await.expect("stored meanwhile");
            }
        },
        tokio::task::spawn_blocking({
            let store = std::sync::Arc::clone(&store);
            move || store.back_up_if_due(at(100))
        })
    );
    let () = busy;
    let made = made.expect("joined").expect("made").expect("it was due");
    assert_eq!(store.back_up_if_due(at(100) + TimeDelta::hours(23)), Ok(None));
    assert!(store.back_up_if_due(at(100) + TimeDelta::hours(24)).expect("made").is_some());
    let rights = |path: &std::path::Path| {
        std::fs::metadata(path).expect("there").permissions().mode() & 0o777
    };
    assert_eq!((rights(&made.path), rights(&desk.files.backups())), (0o600, 0o700));
    let names: Vec<_> = std::fs::read_dir(desk.files.backups()).expect("listed").collect();
    assert_eq!(names.len(), 2, "nothing unfinished, and no log beside them: {names:?}");
    let copy = Store::open(&made.path).expect("opened");
    let [count, ..] = copy.read(|read| read.counts()).expect("read");
    assert!((3..=53).contains(&count));
}

#[tokio::test]
async fn a_backup_of_a_damaged_database_does_not_count() {
    let desk = Desk::filled().await;
    drop(desk.open());
    let mut bytes = std::fs::read(&desk.files.database).expect("read");
    let page = bytes.len() / 2 / 4096 * 4096;
    bytes[page..page + 200].fill(0xa5);
    std::fs::write(&desk.files.database, bytes).expect("written");
    let refused = backup::make(&desk.files, Kind::Daily, at(0));
    assert!(matches!(refused, Err(StoreError::Damaged(_))), "{refused:?}");
    assert_eq!(std::fs::read_dir(desk.files.backups()).expect("listed").count(), 0);
}

#[tokio::test]
async fn what_sqlite_takes_for_whole_and_the_log_does_not_is_no_backup() {
    let desk = Desk::filled().await;
    drop(desk.open());
    desk.tamper("UPDATE events SET actor = 'System' WHERE seq = 2");
    let store = Store::open(&desk.files.database).expect("opened: SQLite sees nothing");
    assert_ne!(store.inspect(), Ok(Vec::new()), "it is damaged");
    let refused = store.back_up_if_due(at(100));
    assert!(matches!(refused, Err(StoreError::Damaged(_))), "{refused:?}");
    assert_eq!(std::fs::read_dir(desk.files.backups()).expect("listed").count(), 0);
}

#[test]
fn a_database_is_backed_up_before_its_format_changes() {
    let desk = desk();
    raw(&desk.files)
        .execute_batch(concat!(
            "BEGIN;",
            include_str!("../../migrations/0001_desk.sql"),
            "PRAGMA user_version = 1; INSERT INTO settings VALUES ('old', 'yes'); COMMIT;"
        ))
        .expect("an old database");
    drop(desk.open());
    let backups = backup::list(&desk.files).expect("listed");
    assert_eq!(backups.iter().map(|backup| backup.kind).collect::<Vec<_>>(), [Kind::Migration]);
    let old = crate::Files::of(&backups[0].path);
    let format: i64 =
        raw(&old).pragma_query_value(None, "user_version", |row| row.get(0)).expect("a format");
    assert_eq!(format, 1, "it is as it was");
    drop(desk.open());
    assert_eq!(backup::list(&desk.files).expect("listed").len(), 1, "only where it changes");
}
