//! `verify` and `doctor`: they look at the files, whether a desk runs or not.

use serde_json::{Value, json};

use super::room::{Room, start};
use crate::exit::Exit;

const HANDOFF: &str = r#"{
  "version": "1", "key": "k-1",
  "task": {"id": "t-1", "title": "Sort the mail", "goal": "An empty inbox"},
  "reason": {"code": "missing_information"}, "priority": "low",
  "summary": "Two folders could take the letters. I cannot tell which one you use.",
  "pending_question": {"text": "Which folder?"}, "allowed_decisions": ["inform"],
  "deadline": {"respond_within_s": 3600, "on_timeout": {"kind": "manual_review"}}
}"#;

fn submitted(room: &Room, key: &str) -> String {
    let file = room.file("case.json", HANDOFF.replace("k-1", key));
    let ended = room.run(&["submit", &file, "--json"]);
    assert_eq!(ended.exit, Exit::Done, "{ended:?}");
    ended.json()["id"].as_str().expect("an id").to_owned()
}

/// The folder of a desk that has ended, with a backup between two handoffs.
fn ended() -> (tempfile::TempDir, std::path::PathBuf, String) {
    let room = Room::new();
    submitted(&room, "before");
    room.desk().engine.back_up();
    let after = submitted(&room, "after");
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path().join("home");
    std::fs::create_dir(&home).expect("made");
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(&home, private).expect("closed");
    copy(&room.home(), &home);
    (folder, home, after)
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    for entry in std::fs::read_dir(from).expect("listed").flatten() {
        let (name, path) = (entry.file_name(), entry.path());
        if path.is_dir() {
            std::fs::create_dir(to.join(&name)).expect("made");
            copy(&path, &to.join(&name));
        } else if path.is_file()
            && path.extension().is_none_or(|end| end != "db-shm" && end != "new")
        {
            std::fs::copy(&path, to.join(&name)).expect("copied");
        }
    }
}

#[test]
fn the_log_of_a_running_desk_is_verified() {
    let room = Room::new();
    submitted(&room, "one");
    let whole = room.run(&["verify", "--json"]);
    assert_eq!(whole.exit, Exit::Done, "{whole:?}");
    let answer = whole.json();
    assert_eq!((&answer["ok"], &answer["broken"]), (&json!(true), &Value::Null));
    assert!(answer["events"].as_u64() >= Some(2) && answer["handoffs"] == 1, "{answer}");
    assert!(room.run(&["verify"]).out.starts_with("The audit log is whole: "));
}

#[test]
fn what_was_cut_off_behind_the_head_is_named() {
    let room = Room::new();
    submitted(&room, "one");
    let head = room.home().join("audit-head");
    let known = std::fs::read_to_string(&head).expect("a head");
    let mut later: Value = serde_json::from_str(&known).expect("json");
    later["seq"] = json!(1000);
    std::fs::write(&head, later.to_string()).expect("written");
    let broken = room.run(&["verify", "--json"]);
    std::fs::write(&head, known).expect("put back");
    assert_eq!(broken.exit, Exit::Internal, "{broken:?}");
    let what = broken.json()["broken"]["what"].as_str().expect("said").to_owned();
    assert!(what.contains("event 1000"), "{what}");
}

#[test]
fn without_a_database_both_say_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    for words in [["verify"], ["doctor"]] {
        let ended = start(folder.path().join("none"), &words, b"", None).end();
        assert_eq!(ended.exit, Exit::Internal);
        assert!(ended.err.contains("HANDOFF_DESK_HOME"), "{ended:?}");
    }
}

#[test]
fn the_doctor_reports_beside_a_running_desk() {
    let room = Room::new();
    submitted(&room, "one");
    let poor = room.run(&["doctor", "--json"]);
    assert_eq!(poor.exit, Exit::Internal);
    assert_eq!(
        poor.json()["faults"],
        json!(["There is no backup; a running desk makes one every day."])
    );
    room.desk().engine.back_up();
    let well = room.run(&["doctor", "--json"]);
    assert_eq!(well.exit, Exit::Done, "{well:?}");
    let found = well.json();
    assert_eq!(found["database"]["journal_mode"], "wal");
    assert_eq!(found["backups"].as_array().map(Vec::len), Some(1));
    assert!(found["free_bytes"].as_u64() > Some(0));
    assert!(room.run(&["doctor"]).out.ends_with("Nothing is wrong.\n"));
}

#[test]
fn a_backup_is_restored_after_a_yes_and_nothing_is_dropped() {
    let (_folder, home, after) = ended();
    let run = |words: &[&str], stdin: &[u8]| start(home.clone(), words, stdin, None).end();
    let no = run(&["doctor", "--restore"], b"no\n");
    assert_eq!(no.exit, Exit::Refused);
    assert!(no.out.contains("daily") && no.out.ends_with("Nothing was changed.\n"), "{no:?}");
    assert_eq!(run(&["doctor", "--restore", "--json"], b"yes\n").exit, Exit::Usage);
    assert_eq!(run(&["doctor", "--restore", "/none"], b"").exit, Exit::Usage);
    assert_eq!(run(&["doctor", "--yes"], b"").exit, Exit::Usage);
    let done = run(&["doctor", "--restore"], b"yes\n");
    assert_eq!(done.exit, Exit::Done, "{done:?}");
    assert!(done.out.contains(&after), "{done:?}");
    let verified = run(&["verify", "--json"], b"");
    assert_eq!(verified.exit, Exit::Done, "{verified:?}");
    let answer = verified.json();
    assert_eq!(answer["handoffs"], 1);
    assert_eq!(answer["epochs"][0]["reason"], "restored");
    assert!(answer["epochs"][0]["note"].as_str().expect("a note").contains(&after));
}

#[test]
fn nothing_is_restored_while_a_desk_has_the_lock() {
    let (_folder, home, _) = ended();
    let lock = std::fs::File::create(home.join("desk.lock")).expect("a file");
    lock.lock().expect("locked");
    let refused = start(home.clone(), &["doctor", "--restore", "--yes"], b"", None).end();
    assert_eq!(refused.exit, Exit::Refused, "{refused:?}");
    let seen = start(home, &["doctor", "--json"], b"", None).end().json();
    #[cfg(target_os = "linux")]
    assert_eq!(seen["running"]["pid"], std::process::id());
    #[cfg(not(target_os = "linux"))]
    assert!(seen["running"].is_object());
}
