//! Asking before acting, against a real desk.

use serde_json::{Value, json};

use super::room::Room;
use crate::exit::Exit;

fn check(command: &str, key: &str) -> String {
    json!({
        "task": { "id": "t", "title": "Tidy", "goal": "Room on the disk" },
        "tool": "bash", "args": { "command": command }, "cwd": "/work", "key": key,
    })
    .to_string()
}

fn done(command: &str) -> String {
    json!({ "task": "t", "action": {
        "id": "a-1", "tool": "bash", "input": { "command": command },
        "effect": "irreversible", "status": "done" } })
    .to_string()
}

#[test]
fn a_read_runs_and_a_deletion_waits_for_a_yes_that_is_good_once() {
    let room = Room::new();
    let read = room.file("read.json", check("ls -l", "k-1"));
    assert_eq!(room.run(&["check", &read]).exit, Exit::Done);
    let delete = room.file("delete.json", check("rm -r build", "k-2"));
    let held = room.run(&["check", &delete, "--json"]);
    assert_eq!(held.exit, Exit::Pending, "{held:?}");
    let id = held.json()["handoff_id"].as_str().expect("a handoff").to_owned();
    let waiting = room.start(&["wait", &id]);
    let case = room.next_case(&[]);
    assert_eq!(case.id, id);
    room.decide(&case, json!({ "kind": "approve", "option": "run" }));
    assert_eq!(waiting.end().exit, Exit::Done);
    assert_eq!(room.run(&["check", &delete]).exit, Exit::Done);
    let record = room.file("record.json", done("rm -r build"));
    let recorded = room.run(&["record", &record, "--json"]);
    assert_eq!(recorded.json()["reconciled"], Value::String(id));
    let again = room.file("again.json", check("rm -r build", "k-3"));
    assert_eq!(room.run(&["check", &again]).exit, Exit::Pending, "it was good for one call");
}

#[test]
fn a_no_is_a_denial() {
    let room = Room::new();
    let file = room.file("delete.json", check("rm -r build", "k-1"));
    let held = room.run(&["check", &file, "--json"]);
    let id = held.json()["handoff_id"].as_str().expect("a handoff").to_owned();
    let waiting = room.start(&["wait", &id]);
    let case = room.next_case(&[]);
    room.decide(&case, json!({ "kind": "reject", "reason": "It is in use.", "then": "skip" }));
    assert_eq!(waiting.end().exit, Exit::Reject);
    let denied = room.run(&["check", &file]);
    assert_eq!(denied.exit, Exit::Refused);
    assert!(denied.out.contains("It is in use."), "{denied:?}");
}

#[test]
fn tasks_and_tools_are_told_before_the_work() {
    let room = Room::new();
    let tools = json!({ "tools": [{ "name": "fs.move", "effect": "reversible" }] });
    let told = room.run(&["tools", &room.file("tools.json", tools.to_string()), "--json"]);
    assert_eq!(told.json()["waiting"], json!(["fs.move"]));
    let task = json!({
        "task": { "id": "t", "title": "Tidy", "goal": "Room on the disk" },
        "plan": { "steps": [{ "id": "scan", "title": "Look", "status": "pending" }] },
    });
    let opened = room.run(&["task", "open", &room.file("task.json", task.to_string()), "--json"]);
    assert_eq!(
        (&opened.json()["level"], &opened.json()["runnable"]),
        (&json!("suggest"), &json!(["scan"]))
    );
    let plan = json!({ "task": "t", "revision": 7, "plan": { "steps": [] } });
    let stale = room.run(&["task", "plan", &room.file("plan.json", plan.to_string())]);
    assert_eq!(stale.exit, Exit::Refused, "{stale:?}");
    assert_eq!(room.run(&["task", "runnable", "t"]).exit, Exit::Done);
    assert_eq!(room.run(&["task", "runnable", "elsewhere"]).exit, Exit::NotFound);
    assert_eq!(room.run(&["task", "close", "t", "--json"]).json()["closed"], json!(true));
}

#[test]
fn what_is_no_check_is_refused_with_what_would_be_right() {
    let room = Room::new();
    let table = [
        ("{}", Exit::Invalid),
        ("not json", Exit::Invalid),
        (r#"{"task":"t","tool":"x","args":{},"key":"k","colour":1}"#, Exit::Invalid),
        (r#"{"task":"t","tool":"x","args":{},"key":"k"}"#, Exit::NotFound),
    ];
    for (text, exit) in table {
        let ended = room.run(&["check", &room.file("bad.json", text)]);
        assert_eq!(ended.exit, exit, "{text}: {ended:?}");
        assert!(ended.out.is_empty(), "{text}: nothing that reads like an answer");
    }
}

#[test]
fn what_the_reviewer_says_unasked_is_printed_once() {
    let room = Room::new();
    let read = room.file("read.json", check("ls -l", "k-1"));
    assert_eq!(room.run(&["check", &read]).exit, Exit::Done);
    let nothing = room.run(&["next", "--json"]);
    assert_eq!((nothing.exit, &nothing.json()["items"]), (Exit::Done, &json!([])));
    let waiting = room.start(&["next", "--wait", "60"]);
    room.tell("t", "Leave the photos alone.");
    let told = waiting.end();
    assert_eq!(told.exit, Exit::Done);
    assert!(told.out.contains("Leave the photos alone."), "{told:?}");
    assert!(room.run(&["next"]).out.contains("Nothing new"));
}

#[test]
fn what_is_wrong_with_a_file_is_said_as_for_a_handoff_all_at_once() {
    let room = Room::new();
    let task = json!({ "id": "t", "title": "Tidy", "goal": "Room" });
    let table = [
        (
            "check",
            json!({ "task": task, "tool": "", "arg": {}, "key": 7 }),
            vec!["/arg", "/args", "/key", "/tool"],
        ),
        (
            "check",
            json!({ "task": { "id": "t", "title": "Tidy" }, "tool": "x", "args": {}, "key": "k" }),
            vec!["/task/goal"],
        ),
        (
            "record",
            json!({ "task": "t", "action": { "id": "a", "tool": "x", "effect": "bad" } }),
            vec!["/action/effect", "/action/status"],
        ),
        (
            "tools",
            json!({ "tools": [{ "nam": "x" }, { "name": "y", "effect": "undoable" }] }),
            vec!["/tools/0/nam", "/tools/0/name", "/tools/1/effect"],
        ),
    ];
    for (word, text, pointers) in table {
        let ended = room.run(&[word, &room.file("bad.json", text.to_string()), "--json"]);
        assert_eq!(ended.exit, Exit::Invalid, "{word}: {ended:?}");
        let error = ended.json()["error"].clone();
        let faults = error["faults"].as_array().cloned().unwrap_or_default();
        let mut found: Vec<&str> =
            faults.iter().filter_map(|fault| fault["pointer"].as_str()).collect();
        found.sort_unstable();
        assert_eq!(found, pointers, "{word}: {error}");
        assert!(faults.iter().all(|fault| fault["hint"] != ""), "{word}: {error}");
    }
    let report = room.file("report.json", r#"{"outcome": "aplied"}"#);
    let ended = room.run(&["reconcile", "h-1", &report]);
    assert_eq!(ended.exit, Exit::Invalid);
    assert!(ended.err.contains("/outcome") && ended.err.contains("applied"), "{ended:?}");
}

#[test]
fn hints_name_commands_and_not_methods_of_the_socket() {
    let room = Room::new();
    let read = room.file("read.json", check("ls -l", "k-1"));
    assert_eq!(room.run(&["check", &read]).exit, Exit::Done);
    let unknown = json!({ "task": "nope", "tool": "x", "args": {}, "key": "k" }).to_string();
    let unknown = room.file("unknown.json", unknown);
    let words: [&[&str]; 3] =
        [&["task", "close", "nope"], &["task", "runnable", "nope"], &["check", &unknown]];
    for words in words {
        let ended = room.run(words);
        assert_eq!(ended.exit, Exit::NotFound, "{ended:?}");
        assert!(ended.err.contains("`handoff task open FILE`"), "{words:?}: {}", ended.err);
        assert!(!ended.err.contains("task.open"), "{words:?}: {}", ended.err);
    }
}
