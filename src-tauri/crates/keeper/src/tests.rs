use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use handoff_domain::kept::{Content, KeptFile, WayBack, way_back};
use tempfile::TempDir;

use super::*;

/// A desk's folder and a folder in which an agent works.
struct Room {
    _root: TempDir,
    keeper: Keeper,
    work: PathBuf,
}

impl Room {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a folder");
        let keeper = Keeper::of(&root.path().join("home"));
        let work = root.path().canonicalize().expect("there").join("work");
        fs::create_dir_all(&work).expect("made");
        Self { _root: root, keeper, work }
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.work.join(name);
        fs::write(&path, text).expect("written");
        path
    }

    fn keep(&self, name: &str) -> KeptFile {
        self.keeper.keep(&self.work, &[name.to_owned()], MOST_BYTES).expect("kept").remove(0)
    }

    /// What the agent has left there.
    fn changed(&self, mut kept: KeptFile) -> KeptFile {
        kept.after = Some(self.keeper.look(&kept.path).expect("seen"));
        kept
    }

    fn back(&self, kept: &KeptFile) -> Result<(), KeepError> {
        let expected = kept.after.clone().expect("what was left");
        self.keeper.put_back(kept, &expected)
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(&self.work)
            .expect("listed")
            .map(|entry| entry.expect("one").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).expect("read")
}

#[test]
fn content_mode_and_absence_come_back() {
    let room = Room::new();
    let changed = room.write("changed", "before");
    fs::set_permissions(&changed, fs::Permissions::from_mode(0o640)).unwrap();
    let removed = room.write("removed", "was here");
    let (a, b, c) = (room.keep("changed"), room.keep("removed"), room.keep("made"));
    assert_eq!(c.before, Content::Absent);

    fs::write(&changed, "after").unwrap();
    fs::set_permissions(&changed, fs::Permissions::from_mode(0o777)).unwrap();
    fs::remove_file(&removed).unwrap();
    room.write("made", "new");
    for kept in [a, b, c] {
        let kept = room.changed(kept);
        assert_eq!(way_back(&kept, &room.keeper.look(&kept.path).unwrap()), WayBack::PutBack);
        room.back(&kept).expect("put back");
        room.back(&kept).expect("once more is nothing");
    }
    assert_eq!((text(&changed), text(&removed)), ("before".to_owned(), "was here".to_owned()));
    assert_eq!(fs::metadata(&changed).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(room.names(), ["changed", "removed"], "and nothing is left behind");
}

#[test]
fn what_somebody_wrote_since_is_not_overwritten() {
    let room = Room::new();
    let path = room.write("a", "before");
    let kept = room.keep("a");
    room.write("a", "after");
    let kept = room.changed(kept);
    room.write("a", "mine");
    assert!(matches!(room.back(&kept), Err(KeepError::Changed(_))));
    assert_eq!((text(&path), room.names()), ("mine".to_owned(), vec!["a".to_owned()]));

    let made = room.keep("new");
    room.write("new", "after");
    let made = room.changed(made);
    room.write("new", "mine");
    assert!(matches!(room.back(&made), Err(KeepError::Changed(_))));
    assert_eq!(text(&room.work.join("new")), "mine");

    let removed = room.keep("a");
    fs::remove_file(&path).unwrap();
    let removed = room.changed(removed);
    room.write("a", "mine again");
    assert!(matches!(room.back(&removed), Err(KeepError::Changed(_))));
    assert_eq!(text(&path), "mine again");
}

#[test]
fn a_path_that_leads_out_of_its_folder_is_refused_and_nothing_is_touched() {
    let room = Room::new();
    let outside = room.work.parent().unwrap().join("outside");
    fs::create_dir_all(&outside).unwrap();
    fs::write(outside.join("secret"), "s").unwrap();
    symlink(&outside, room.work.join("way")).unwrap();
    symlink(outside.join("secret"), room.work.join("link")).unwrap();
    symlink("nowhere", room.work.join("dangling")).unwrap();
    fs::create_dir(room.work.join("folder")).unwrap();
    fs::hard_link(room.write("one", "1"), room.work.join("two")).unwrap();
    let absolute = outside.join("secret").display().to_string();
    for bad in [
        "../outside/secret",
        "folder/../../outside/secret",
        "way/secret",
        "link",
        "dangling",
        "dangling/file",
        "folder",
        "one",
        "",
        "/",
        "..",
        absolute.as_str(),
    ] {
        let refused = room.keeper.keep(&room.work, &[bad.to_owned()], MOST_BYTES);
        assert!(matches!(refused, Err(KeepError::Refused { .. })), "{bad:?}: {refused:?}");
    }
    let relative = room.keeper.keep(Path::new("work"), &["a".to_owned()], MOST_BYTES);
    assert!(matches!(relative, Err(KeepError::Refused { .. })));
    assert_eq!(room.keeper.clear(&BTreeSet::new(), later()).unwrap(), 0, "no copy was taken");
}

#[test]
fn a_folder_that_became_a_link_since_is_not_followed() {
    let room = Room::new();
    fs::create_dir(room.work.join("folder")).unwrap();
    let path = room.write("folder/a", "before");
    let kept = room.keep("folder/a");
    fs::write(&path, "after").unwrap();
    let kept = room.changed(kept);
    let elsewhere = room.work.join("elsewhere");
    fs::rename(room.work.join("folder"), &elsewhere).unwrap();
    symlink(&elsewhere, room.work.join("folder")).unwrap();
    assert!(matches!(room.back(&kept), Err(KeepError::Refused { .. })));
    assert_eq!(text(&elsewhere.join("a")), "after");
}

#[test]
fn a_damaged_or_missing_copy_is_not_put_back() {
    let room = Room::new();
    let path = room.write("a", "before");
    let kept = room.keep("a");
    fs::write(&path, "after").unwrap();
    let kept = room.changed(kept);
    let Content::File { sha256, .. } = &kept.before else { panic!("a file") };
    let copy = room.keeper.of_hash(sha256);
    fs::write(&copy, "befora").unwrap();
    assert!(matches!(room.back(&kept), Err(KeepError::Lost(_))));
    fs::remove_file(&copy).unwrap();
    assert!(matches!(room.back(&kept), Err(KeepError::Lost(_))));
    assert_eq!((text(&path), room.names()), ("after".to_owned(), vec!["a".to_owned()]));
}

/// A moment after everything that a test makes.
fn later() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 40)
}

#[test]
fn what_is_too_large_or_too_much_is_not_kept() {
    let room = Room::new();
    let large = fs::File::create(room.work.join("large")).unwrap();
    large.set_len(LARGEST + 1).unwrap();
    let refused = room.keeper.keep(&room.work, &["large".to_owned()], MOST_BYTES);
    assert!(matches!(refused, Err(KeepError::Refused { .. })), "{refused:?}");
    let path = room.work.join("large").display().to_string();
    let seen = room.keeper.look(&path);
    assert!(matches!(seen, Err(KeepError::Refused { .. })), "nor read through: {seen:?}");
    room.write("small", "12345");
    let small = |room_left| room.keeper.keep(&room.work, &["small".to_owned()], room_left);
    assert!(matches!(small(4), Err(KeepError::Refused { .. })), "there is no room for it");
    assert_eq!(small(5).unwrap().len(), 1);
    let many: Vec<String> = (0..=MOST_FILES).map(|number| number.to_string()).collect();
    assert!(matches!(
        room.keeper.keep(&room.work, &many, MOST_BYTES),
        Err(KeepError::Refused { .. })
    ));
}

#[test]
fn copies_are_private_shared_and_cleared_when_nobody_needs_them() {
    let room = Room::new();
    room.write("a", "same");
    room.write("b", "same");
    let kept =
        room.keeper.keep(&room.work, &["a".into(), "b".into(), "a".into()], MOST_BYTES).unwrap();
    assert_eq!(kept.len(), 2, "one file is kept once");
    let Content::File { sha256, .. } = &kept[0].before else { panic!("a file") };
    let copy = room.keeper.of_hash(sha256);
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    fs::write(room.keeper.drafts().join("half"), "sa").unwrap();
    assert_eq!(room.keeper.clear(&BTreeSet::from([sha256.clone()]), later()).unwrap(), 0);
    assert!(!room.keeper.drafts().exists() && copy.exists());
    let young = SystemTime::UNIX_EPOCH;
    assert_eq!(room.keeper.clear(&BTreeSet::new(), young).unwrap(), 0, "it is younger than that");
    assert_eq!(room.keeper.clear(&BTreeSet::new(), later()).unwrap(), 1);
    assert!(!copy.exists());
}

#[test]
fn a_read_only_folder_is_a_clear_error() {
    let room = Room::new();
    let missing = room.keeper.keep(&room.work.join("gone"), &["a".to_owned()], MOST_BYTES);
    assert!(matches!(missing, Err(KeepError::Io { .. })), "{missing:?}");
    // A file in the place of the desk's folder: root may write everywhere.
    let home = room.work.join("home");
    fs::write(&home, "").unwrap();
    let blocked = Keeper::of(&home).keep(&room.work, &["a".to_owned()], MOST_BYTES);
    assert!(matches!(blocked, Err(KeepError::Io { .. })), "{blocked:?}");
}

#[test]
fn a_file_comes_back_into_a_folder_that_is_gone() {
    let room = Room::new();
    fs::create_dir_all(room.work.join("deep/down")).unwrap();
    let path = room.write("deep/down/a.txt", "before");
    let kept = room.keep("deep/down/a.txt");
    fs::remove_dir_all(room.work.join("deep")).unwrap();
    let kept = room.changed(kept);
    room.back(&kept).expect("put back, with its folder");
    assert_eq!(text(&path), "before");

    let lost = KeptFile {
        before: Content::File { sha256: "0".repeat(64), bytes: 1, mode: 0o600 },
        ..kept
    };
    fs::remove_dir_all(room.work.join("deep")).unwrap();
    assert!(matches!(room.keeper.put_back(&lost, &Content::Absent), Err(KeepError::Lost(_))));
    assert_eq!(room.names(), [""; 0], "and no empty folder is left of what failed");
}
