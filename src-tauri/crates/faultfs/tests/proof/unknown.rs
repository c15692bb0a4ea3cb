//! A commit that fails when it is brought to the disk: nobody can know whether
//! it is there, and the store says so.

use handoff_faultfs::{Call, Cause, Disk, Fault, Platter, Seed};
use handoff_store::{Store, StoreError};

use crate::folder;

fn open(path: &std::path::Path, disk: &Disk) -> Store {
    let on = handoff_store::Disk { vfs: Some(disk.vfs().to_owned()), ..Default::default() };
    Store::open_on(path, on).unwrap()
}

async fn set(store: &Store, value: &'static str) -> Result<(), StoreError> {
    store.write(move |write| write.set("hold", value)).await
}

fn setting(store: &Store) -> Option<String> {
    store.read(|read| read.setting("hold")).unwrap()
}

fn sync_fails() -> Fault {
    Fault { calls: &[Call::Sync], nth: 1, cause: Cause::Device, lasting: false }
}

#[tokio::test]
async fn a_commit_that_cannot_be_synced_is_unknown_and_not_seen_until_the_next_start() {
    let folder = folder();
    let path = folder.path().join("desk.db");
    let disk = Disk::recording().unwrap();
    let store = open(&path, &disk);
    set(&store, "1").await.unwrap();
    disk.arm(sync_fails());
    let failed = set(&store, "2").await;
    assert!(matches!(failed, Err(StoreError::Unknown(_))), "{failed:?}");
    assert_eq!(setting(&store).as_deref(), Some("1"), "what is seen is what was answered");

    let log = disk.log();
    let mut found = std::collections::BTreeSet::new();
    for seed in 0..40 {
        let mut seed = Seed::new(seed, 0);
        let mut platter = Platter::new(&log);
        platter.advance(log.len(), &mut seed);
        let image = folder_with(&platter, &mut seed);
        found.extend(setting(&open(&image.path().join("desk.db"), &disk)));
    }
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["1", "2"], "so it is unknown indeed");
}

#[tokio::test]
async fn what_comes_after_a_commit_that_failed_is_stored_in_its_place() {
    let folder = folder();
    let path = folder.path().join("desk.db");
    let disk = Disk::recording().unwrap();
    let store = open(&path, &disk);
    disk.arm(sync_fails());
    set(&store, "1").await.unwrap_err();
    set(&store, "2").await.unwrap();
    let log = disk.log();
    for seed in 0..40 {
        let mut seed = Seed::new(seed, 0);
        let mut platter = Platter::new(&log);
        platter.advance(log.len(), &mut seed);
        let image = folder_with(&platter, &mut seed);
        let store = open(&image.path().join("desk.db"), &disk);
        assert_eq!(setting(&store).as_deref(), Some("2"));
    }
}

#[tokio::test]
async fn a_disk_that_is_full_is_named_and_nothing_is_unknown() {
    let folder = folder();
    let disk = Disk::recording().unwrap();
    let store = open(&folder.path().join("desk.db"), &disk);
    disk.arm(Fault { calls: &[Call::Write], nth: 1, cause: Cause::NoSpace, lasting: true });
    assert_eq!(set(&store, "1").await, Err(StoreError::Full));
    disk.lift();
    assert_eq!(setting(&store), None);
    set(&store, "1").await.unwrap();
    assert_eq!(setting(&store).as_deref(), Some("1"));
}

fn folder_with(platter: &Platter<'_>, seed: &mut Seed) -> tempfile::TempDir {
    let folder = folder();
    platter.cut(seed).write_to(folder.path()).unwrap();
    folder
}
