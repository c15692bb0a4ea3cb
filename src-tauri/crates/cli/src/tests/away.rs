//! The command while no desk runs and none can be started, and what becomes of
//! it when one does.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use chrono::DateTime;
use handoff_domain::identity::handoff_id;
use handoff_domain::lifecycle::State;
use serde_json::{Value, json};

use super::room::{Ended, Room, Running, start, start_at};
use crate::exit::Exit;

const CASE: &str = r#"{
  "version": "1", "key": "k-1",
  "task": {"id": "t-1", "title": "Sort the mail", "goal": "An empty inbox"},
  "reason": {"code": "missing_information"}, "priority": "low",
  "summary": "Two folders could take the letters. I cannot tell which one you use.",
  "pending_question": {"text": "Which folder?"}, "allowed_decisions": ["inform"],
  "deadline": {"respond_within_s": 3600, "on_timeout": {"kind": "manual_review"}}
}"#;

/// A home in which no desk runs, and no display to start one on.
struct Away {
    folder: tempfile::TempDir,
}

impl Away {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    fn spool(&self) -> PathBuf {
        self.home().join("spool")
    }

    fn start(&self, words: &[&str], stdin: &str) -> Running {
        start(self.home(), words, stdin.as_bytes(), None)
    }

    fn run(&self, words: &[&str], stdin: &str) -> Ended {
        self.start(words, stdin).end()
    }

    /// The desk starts.
    fn ends(self) -> Room {
        Room::over(self.folder)
    }
}

fn files(folder: &Path) -> usize {
    std::fs::read_dir(folder).map_or(0, |list| {
        list.filter(|one| one.as_ref().is_ok_and(|one| one.path().is_file())).count()
    })
}

#[test]
fn a_submit_without_a_desk_is_kept_and_the_desk_has_it_under_the_same_id() {
    let away = Away::new();
    let ended = away.run(&["submit", "-", "--json"], CASE);
    let id = handoff_id("cli", "k-1");
    assert_eq!((ended.exit, ended.err.as_str()), (Exit::Done, ""), "{ended:?}");
    let told = json!({"id": id, "revision": 1, "state": "queued", "spooled": true});
    assert_eq!(ended.json(), told);
    let file = away.spool().join(format!("{id}.json"));
    let mode = std::fs::metadata(&file).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let again = away.run(&["submit", "-", "--json"], CASE).json();
    assert_eq!((&again["id"], &again["replayed"]), (&json!(id), &json!(true)));
    let other = away.run(&["submit", "-"], &CASE.replace("Two folders", "Three folders"));
    assert_eq!(other.exit, Exit::Refused, "{other:?}");
    assert_eq!(files(&away.spool()), 1);
    let room = away.ends();
    assert_eq!(room.case(&id).state, State::Ready);
    let again = room.start_with(&["submit", "-", "--json"], CASE).end().json();
    assert_eq!((&again["id"], &again["replayed"]), (&json!(id), &json!(true)));
    assert_eq!(again["spooled"], Value::Null);
    room.decide(&room.case(&id), json!({"kind": "inform", "text": "The left one."}));
    assert_eq!(room.run(&["wait", &id]).exit, Exit::Inform);
}

#[test]
fn it_says_in_words_where_it_lies_and_what_to_do() {
    let away = Away::new();
    let said = away.run(&["submit", "-"], CASE).out;
    let id = handoff_id("cli", "k-1");
    let file = away.spool().join(format!("{id}.json")).display().to_string();
    for part in [&id, &file, "no display", "handoff-desk", "as soon as it runs", "handoff wait"] {
        assert!(said.contains(part), "{part} in {said}");
    }
}

#[test]
fn what_is_invalid_is_refused_with_all_its_faults_and_not_kept() {
    let away = Away::new();
    let bad = CASE.replace(r#""priority": "low""#, r#""priority": "lo", "sumary": 3"#);
    let ended = away.run(&["submit", "-", "--json"], &bad);
    assert_eq!(ended.exit, Exit::Invalid, "{ended:?}");
    assert_eq!(ended.json()["error"]["faults"].as_array().map(Vec::len), Some(2));
    let past =
        CASE.replace(r#""respond_within_s": 3600"#, r#""respond_by": "2020-01-01T00:00:00Z""#);
    assert_eq!(away.run(&["submit", "-"], &past).exit, Exit::Invalid, "too late from the start");
    let named = away.run(&["submit", "-", "--agent", "no name"], CASE);
    assert_eq!(named.exit, Exit::Usage, "{named:?}");
    assert_eq!(files(&away.spool()), 0);
}

#[test]
fn a_retry_after_its_deadline_is_answered_as_before() {
    let away = Away::new();
    // The clock of these tests stands before this moment.
    let near = CASE.replace(
        r#""respond_within_s": 3600"#,
        r#""respond_by": "2026-09-21T14:30:00Z", "warn_before_s": 60"#,
    );
    let id = handoff_id("cli", "k-1");
    assert_eq!(away.run(&["submit", "-"], &near).exit, Exit::Done);
    let late = || DateTime::from_timestamp(1_790_090_000, 0).expect("a moment");
    let again = start_at(late, away.home(), &["submit", "-", "--json"], near.as_bytes()).end();
    assert_eq!((again.exit, &again.json()["id"]), (Exit::Done, &json!(id)), "{again:?}");
    let other = near.replace("k-1", "k-2");
    let ended = start_at(late, away.home(), &["submit", "-"], other.as_bytes()).end();
    assert_eq!(ended.exit, Exit::Invalid, "nothing new is taken: {ended:?}");
}

#[test]
fn a_spool_that_cannot_be_written_is_no_success() {
    let away = Away::new();
    std::fs::create_dir(away.home()).expect("made");
    std::fs::write(away.spool(), "").expect("written");
    let ended = away.run(&["submit", "-"], CASE);
    assert_eq!(ended.exit, Exit::Unreachable, "{ended:?}");
    assert!(ended.err.contains("could not be spooled") && ended.err.contains("not a folder"));
}

#[test]
fn a_wait_ends_as_pending_when_no_desk_comes_in_time() {
    let away = Away::new();
    let ended = away.run(&["submit", "-", "--wait", "0", "--json"], CASE);
    assert_eq!(ended.exit, Exit::Pending, "{ended:?}");
    let told = ended.json();
    assert_eq!((&told["state"], &told["spooled"]), (&json!("queued"), &json!(true)));
    assert_eq!((&told["decision"], &told["act"]), (&Value::Null, &json!(false)));
    let id = handoff_id("cli", "k-1");
    let ended = away.run(&["wait", &id, "--timeout", "0"], "");
    assert_eq!(ended.exit, Exit::Pending, "{ended:?}");
    assert!(ended.out.contains("as soon as it runs"), "{ended:?}");
    let other = away.run(&["wait", &id, "--timeout", "0", "--agent", "other"], "");
    assert_eq!(other.exit, Exit::Unreachable, "another's is not shown");
}

#[test]
fn a_wait_that_began_without_a_desk_gets_the_answer_of_the_one_that_comes() {
    let away = Away::new();
    let mut submitting = away.start(&["submit", "-", "--wait", "60"], CASE);
    submitting.until_line("handoff wait");
    let id = handoff_id("cli", "k-1");
    let waiting = away.start(&["wait", &id, "--timeout", "60"], "");
    let room = away.ends();
    room.decide(&room.next_case(&[]), json!({"kind": "inform", "text": "The left one."}));
    let ends = [submitting.end(), waiting.end()];
    assert!(ends.iter().all(|ended| ended.exit == Exit::Inform), "{ends:?}");
    let acts = ends.iter().filter(|ended| ended.out.contains("yours to carry out")).count();
    assert_eq!(acts, 1, "{ends:?}");
}

#[test]
fn what_lies_in_the_spool_can_be_shown_and_taken_back() {
    let away = Away::new();
    away.run(&["submit", "-"], CASE);
    let id = handoff_id("cli", "k-1");
    let shown = away.run(&["show", &id, "--json"], "");
    assert_eq!(shown.exit, Exit::Done, "{shown:?}");
    let told = shown.json();
    assert_eq!((&told["state"], &told["spooled"]), (&json!("queued"), &json!(true)));
    assert_eq!(told["handoff"], serde_json::from_str::<Value>(CASE).expect("json"));
    assert_eq!(told["received_at"], json!("2026-09-21T14:13:20Z"));
    assert_eq!(told["respond_by"], json!("2026-09-21T15:13:20Z"));
    assert!(away.run(&["show", &id], "").out.contains("as soon as it runs"));
    assert_eq!(away.run(&["withdraw", &id, "--agent", "other"], "").exit, Exit::Unreachable);
    let back = away.run(&["withdraw", &id, "--reason", "By hand.", "--json"], "");
    assert_eq!((back.exit, &back.json()["state"]), (Exit::Done, &json!("withdrawn")));
    assert_eq!(away.run(&["withdraw", &id], "").exit, Exit::Refused);
    assert_eq!(away.run(&["wait", &id], "").exit, Exit::NoDecision);
    let again = away.run(&["submit", "-", "--json"], CASE).json();
    assert_eq!(again["state"], json!("withdrawn"), "as the desk would say");
    let room = away.ends();
    assert_eq!(room.case(&id).state, State::Withdrawn);
    let said: Vec<_> = room.case(&id).thread.into_iter().map(|entry| entry.text).collect();
    assert!(said.iter().any(|text| text.contains("By hand.")), "{said:?}");
}

#[test]
fn what_a_dead_desk_had_claimed_is_only_asked_to_be_taken_back() {
    let away = Away::new();
    away.run(&["submit", "-"], CASE);
    let id = handoff_id("cli", "k-1");
    // The desk may have stored it, and the reviewer answered, before it died.
    let (file, claimed) = (format!("{id}.json"), away.spool().join("taken-up"));
    std::fs::create_dir(&claimed).expect("made");
    std::fs::rename(away.spool().join(&file), claimed.join(&file)).expect("claimed");
    let back = away.run(&["withdraw", &id, "--json"], "");
    assert_eq!((back.exit, &back.json()["state"]), (Exit::Pending, &json!("queued")));
    assert_eq!(away.run(&["show", &id, "--json"], "").json()["state"], json!("queued"));
    let said = away.run(&["withdraw", &id], "");
    assert!(said.out.contains("may have an answer"), "{said:?}");
    assert_eq!(files(&away.spool()), 1, "the mark is kept for the desk");
}

#[test]
fn the_agent_learns_why_the_desk_did_not_want_it() {
    let away = Away::new();
    away.run(&["submit", "-"], CASE);
    let id = handoff_id("cli", "k-1");
    let file = away.spool().join(format!("{id}.json"));
    std::fs::write(&file, "{\"version\": 1").expect("damaged");
    let ended = away.run(&["submit", "-"], CASE);
    assert_eq!(ended.exit, Exit::Unreachable, "{ended:?}");
    let room = away.ends();
    for words in [&["wait", &id, "--timeout", "5"][..], &["show", &id]] {
        let ended = room.run(words);
        assert_eq!(ended.exit, Exit::NotFound, "{words:?}: {ended:?}");
        assert!(ended.err.contains("no whole spool file"), "{words:?}: {ended:?}");
    }
}

#[test]
fn the_name_of_the_spooled_is_kept_for_its_agent() {
    let away = Away::new();
    away.run(&["submit", "-", "--agent", "new/one"], CASE);
    let room = away.ends();
    let listed = room.run(&["list", "--agent", "new/one", "--json"]);
    assert_eq!((listed.exit, &listed.json()["total"]), (Exit::Done, &json!(1)));
    std::fs::write(room.desk().home.token("new/one"), "x".repeat(64)).expect("written");
    assert_eq!(room.run(&["list", "--agent", "new/one"]).exit, Exit::Refused);
}

#[test]
fn a_list_names_what_waits_for_a_desk() {
    let away = Away::new();
    let nothing = away.run(&["list"], "");
    assert_eq!(nothing.exit, Exit::Unreachable, "{nothing:?}");
    assert!(nothing.err.contains("Nothing that fits waits"), "{nothing:?}");
    away.run(&["submit", "-"], CASE);
    let second = CASE.replace("k-1", "k-2").replace("Sort the mail", "Answer the letter");
    away.run(&["submit", "-"], &second);
    away.run(&["submit", "-", "--agent", "other"], CASE);
    away.run(&["withdraw", &handoff_id("cli", "k-2")], "");
    std::fs::write(away.spool().join("h-00000000000000000000.json"), "{").expect("written");
    let listed = away.run(&["list", "--json"], "");
    assert_eq!(listed.exit, Exit::Done, "{listed:?}");
    assert!(listed.err.contains("1 of the files"), "{listed:?}");
    let document = listed.json();
    assert_eq!((&document["spooled"], &document["total"]), (&json!(true), &json!(2)));
    let of = |key: &str| {
        let all = document["handoffs"].as_array().expect("a list").iter();
        all.clone().find(|one| one["key"] == json!(key)).cloned().expect("it is listed")
    };
    assert_eq!(of("k-1")["id"], json!(handoff_id("cli", "k-1")));
    assert_eq!((&of("k-1")["state"], &of("k-2")["state"]), (&json!("queued"), &json!("withdrawn")));
    assert_eq!(of("k-1")["respond_by"], json!("2026-09-21T15:13:20Z"));
    for (words, keys) in [
        (&["--state", "queued"][..], &["k-1"][..]),
        (&["--search", "LETTER answer"], &["k-2"]),
        (&["--search", "nowhere"], &[]),
        (&["--state", "ready"], &[]),
    ] {
        let found = away.run(&[&["list", "--json"], words].concat(), "").json();
        let list = found["handoffs"].as_array().cloned().unwrap_or_default();
        let found: Vec<_> = list.iter().filter_map(|one| one["key"].as_str()).collect();
        assert_eq!(found, keys, "{words:?}");
    }
    let said = away.run(&["list", "--limit", "1"], "").out;
    for part in ["1 of 2", "wait in the spool", "as soon as it runs", "no display"] {
        assert!(said.contains(part), "{part} in {said}");
    }
}
