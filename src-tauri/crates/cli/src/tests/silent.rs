//! A desk that takes the connection and then says nothing, or is gone.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use handoff_domain::identity::handoff_id;
use handoff_domain::lifecycle::State;
use handoff_transport::home::Home;
use serde_json::{Value, json};

use super::room::{Ended, Room, start};
use crate::exit::Exit;

const CASE: &str = r#"{
  "version": "1", "key": "k-1",
  "task": {"id": "t-1", "title": "Sort the mail", "goal": "An empty inbox"},
  "reason": {"code": "missing_information"}, "priority": "low",
  "summary": "Two folders could take the letters. I cannot tell which one you use.",
  "pending_question": {"text": "Which folder?"}, "allowed_decisions": ["inform"],
  "deadline": {"respond_within_s": 3600, "on_timeout": {"kind": "manual_review"}}
}"#;

/// How far a connection is answered before it is closed.
#[derive(Clone, Copy)]
enum Answers {
    Nothing,
    Hello,
    HelloAndSubmit,
}

/// A program in the desk's place that answers each connection this far, and
/// further ones not at all.
struct Broken {
    folder: tempfile::TempDir,
    over: Arc<AtomicBool>,
    thread: JoinHandle<Vec<String>>,
}

impl Broken {
    fn new(script: &'static [Answers]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let home = folder.path().join("home");
        std::fs::create_dir(&home).expect("made");
        std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o700)).expect("closed");
        let socket = Home::new(&home).socket().to_owned();
        let listener = UnixListener::bind(&socket).expect("it listens");
        let over = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&over);
        let thread = std::thread::spawn(move || {
            let mut asked = Vec::new();
            let mut script = script.iter();
            for stream in listener.incoming() {
                let stream = stream.expect("a client");
                if is_over.load(Ordering::Acquire) {
                    break;
                }
                asked.extend(serve(stream, *script.next().unwrap_or(&Answers::Nothing)));
            }
            asked
        });
        Self { folder, over, thread }
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    fn run(&self, words: &[&str]) -> Ended {
        start(self.home(), words, CASE.as_bytes(), None).end()
    }

    /// It is gone, and a desk takes its place; with what it was asked.
    fn ends(self) -> (Room, Vec<String>) {
        self.over.store(true, Ordering::Release);
        drop(UnixStream::connect(Home::new(self.home()).socket()).expect("it listens"));
        let asked = self.thread.join().expect("it does not panic");
        (Room::over(self.folder), asked)
    }
}

/// Answers one connection, and tells the methods that were asked on it.
fn serve(stream: UnixStream, answers: Answers) -> Vec<String> {
    let mut writer = stream.try_clone().expect("a second end");
    let mut asked = Vec::new();
    for line in BufReader::new(stream).lines() {
        let call: Value = serde_json::from_str(&line.expect("a line")).expect("a call");
        let method = call["method"].as_str().expect("a method").to_owned();
        let result = match (method.as_str(), answers) {
            ("agent.hello", Answers::Hello | Answers::HelloAndSubmit) => {
                json!({"agent": "cli", "level": "suggest", "protocol": "1"})
            }
            ("handoff.submit", Answers::HelloAndSubmit) => {
                json!({"id": handoff_id("cli", "k-1"), "revision": 1, "state": "ready"})
            }
            _ => Value::Null,
        };
        asked.push(method);
        if result.is_null() {
            break;
        }
        let answer = json!({"jsonrpc": "2.0", "id": call["id"], "result": result});
        writeln!(writer, "{answer}").expect("written");
    }
    asked
}

#[test]
fn a_submit_that_is_not_answered_is_kept_in_the_spool_and_not_tried_again() {
    let id = handoff_id("cli", "k-1");
    for (script, methods) in [
        (&[Answers::Nothing] as &[_], &["agent.hello"][..]),
        (&[Answers::Hello], &["agent.hello", "handoff.submit"]),
    ] {
        let broken = Broken::new(script);
        let ended = broken.run(&["submit", "-", "--json"]);
        let told = json!({"id": id, "revision": 1, "state": "queued", "spooled": true});
        assert_eq!((ended.exit, ended.json()), (Exit::Done, told), "{ended:?}");
        let (room, asked) = broken.ends();
        assert_eq!(asked, methods, "once");
        assert_eq!(room.case(&id).state, State::Ready);
        let again = room.start_with(&["submit", "-", "--json"], CASE).end().json();
        assert_eq!((&again["id"], &again["replayed"]), (&json!(id), &json!(true)));
    }
}

#[test]
fn it_says_in_words_that_the_desk_did_not_answer() {
    let broken = Broken::new(&[Answers::Hello]);
    let said = broken.run(&["submit", "-"]).out;
    let id = handoff_id("cli", "k-1");
    for part in ["did not answer", &id, "It lies safe in", "handoff wait"] {
        assert!(said.contains(part), "{part} in {said}");
    }
    drop(broken.ends());
}

#[test]
fn what_is_invalid_is_refused_though_the_desk_is_silent() {
    let broken = Broken::new(&[Answers::Hello]);
    let bad = CASE.replace(r#""priority": "low""#, r#""priority": "lo""#);
    let ended = start(broken.home(), &["submit", "-"], bad.as_bytes(), None).end();
    assert_eq!(ended.exit, Exit::Invalid, "{ended:?}");
    drop(broken.ends());
}

#[test]
fn a_wait_from_the_spool_goes_on_at_the_desk_that_comes() {
    let broken = Broken::new(&[Answers::Hello]);
    let running = start(broken.home(), &["submit", "-", "--wait", "60"], CASE.as_bytes(), None);
    let (room, _) = broken.ends();
    let case = room.next_case(&[]);
    room.decide(&case, json!({"kind": "inform", "text": "The left one."}));
    assert_eq!(running.end().exit, Exit::Inform);
}

#[test]
fn a_wait_that_loses_the_desk_says_so_and_goes_on_when_it_is_back() {
    let mut room = Room::new();
    let file = room.file("case.json", CASE);
    let running = room.start(&["submit", &file, "--wait", "60", "--json"]);
    let case = room.next_case(&[]);
    room.until_listened_to(&case.id);
    room.restart();
    room.decide(&room.case(&case.id), json!({"kind": "inform", "text": "The left one."}));
    let ended = running.end();
    assert_eq!((ended.exit, &ended.json()["state"]), (Exit::Inform, &json!("released")));
    let lines: Vec<&str> = ended.err.lines().collect();
    let [lost, back] = lines.as_slice() else { panic!("two remarks: {ended:?}") };
    assert!(lost.contains("does not answer any more") && lost.contains("s more"), "{lost}");
    assert!(back.contains("back"), "{back}");
}

#[test]
fn a_desk_that_stays_away_ends_the_wait_with_what_to_do() {
    let broken = Broken::new(&[Answers::HelloAndSubmit]);
    let ended = broken.run(&["submit", "-", "--wait", "1"]);
    assert_eq!(ended.exit, Exit::Unreachable, "{ended:?}");
    let id = handoff_id("cli", "k-1");
    for part in ["does not answer any more", "time to wait is over", &format!("handoff wait {id}")]
    {
        assert!(ended.err.contains(part), "{part} in {ended:?}");
    }
    drop(broken.ends());
}
