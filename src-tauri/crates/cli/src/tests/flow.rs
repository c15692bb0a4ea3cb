//! Handing off, waiting and reporting, against a real desk.

use serde_json::{Value, json};

use super::room::{Room, start};
use crate::exit::Exit;

fn payload(key: &str) -> String {
    json!({
        "version": "1", "key": key,
        "task": {"id": "t-1", "title": "Clean up", "goal": "Room on the disk"},
        "reason": {"code": "approval_required"}, "priority": "normal",
        "summary": "The build folder takes 4 GiB. It can be made again.",
        "pending_question": {"text": "May I remove the build folder?"},
        "options": [{
            "id": "remove", "label": "Remove it",
            "risk": {"level": "low", "effect": "reversible", "why": "It can be built again."},
            "action": {
                "tool": "fs.remove", "args": {"path": "build", "depth": 2},
                "undo": {"kind": "tool", "tool": "build.run", "args": {}},
                "args_schema": {"type": "object", "properties": {"depth": {"type": "integer"}}}
            }
        }],
        "deadline": {"respond_within_s": 3600, "on_timeout": {"kind": "escalate"}}
    })
    .to_string()
}

fn submitted(room: &Room, key: &str) -> String {
    let file = room.file("case.json", payload(key));
    let ended = room.run(&["submit", &file, "--json"]);
    assert_eq!(ended.exit, Exit::Done, "{ended:?}");
    ended.json()["id"].as_str().expect("an id").to_owned()
}

#[test]
fn each_answer_ends_the_wait_with_its_own_code() {
    let room = Room::new();
    let answers = [
        (json!({"kind": "approve", "option": "remove"}), Exit::Done),
        (
            json!({"kind": "modify", "option": "remove", "args": {"path": "build", "depth": 1}}),
            Exit::Done,
        ),
        (json!({"kind": "inform", "text": "It is in use."}), Exit::Inform),
        (json!({"kind": "reject", "reason": "No.", "then": "skip"}), Exit::Reject),
        (json!({"kind": "take_over", "note": "I do it."}), Exit::TakeOver),
    ];
    for (number, (answer, exit)) in answers.into_iter().enumerate() {
        let file = room.file("case.json", payload(&format!("k-{number}")));
        let running = room.start(&["submit", &file, "--wait", "60", "--json"]);
        let case = room.next_case(&[]);
        room.decide(&case, answer.clone());
        let ended = running.end();
        assert_eq!(ended.exit, exit, "{answer}: {ended:?}");
        let document = ended.json();
        assert_eq!(document["decision"]["kind"], answer["kind"]);
        assert_eq!(document["act"], json!(true));
        let state = serde_json::to_value(room.case(&case.id).state).expect("a state");
        assert_eq!(state, json!("collected"), "its receipt was acknowledged");
        // Run again, whatever stands behind `&&` must not run again.
        let twice = if exit == Exit::Done { Exit::Refused } else { exit };
        let again = [
            (&["wait", &case.id, "--json"][..], exit),
            (&["submit", &file, "--wait", "9", "--json"], twice),
        ];
        for (words, exit) in again {
            let again = room.run(words);
            assert_eq!((again.exit, &again.json()["act"]), (exit, &json!(false)), "{again:?}");
            assert_eq!(again.json()["decision"], document["decision"], "the same for ever");
        }
    }
}

#[test]
fn edited_arguments_arrive_complete() {
    let room = Room::new();
    let id = submitted(&room, "k");
    let case = room.next_case(&[]);
    room.decide(
        &case,
        json!({"kind": "modify", "option": "remove", "args": {"path": "build", "depth": 1}}),
    );
    let ended = room.run(&["wait", &id, "--timeout", "60", "--json"]);
    assert_eq!(ended.json()["decision"]["args"], json!({"path": "build", "depth": 1}));
    let reported = room.run(&["reconcile", &id, "--applied", "--json"]);
    assert_eq!((reported.exit, &reported.json()["state"]), (Exit::Done, &json!("reconciled")));
    let text = room.run(&["show", &id]).out;
    assert!(text.contains("reported    applied"), "{text}");
}

#[test]
fn a_wait_that_gets_no_answer_in_time_is_pending() {
    let room = Room::new();
    let id = submitted(&room, "k");
    let ended = room.run(&["wait", &id, "--timeout", "0"]);
    assert_eq!(ended.exit, Exit::Pending, "{ended:?}");
    assert!(ended.out.contains("none yet"), "{ended:?}");
    let again = room.file("case.json", payload("k"));
    let again = room.run(&["submit", &again, "--wait", "0", "--json"]);
    assert_eq!((again.exit, &again.json()["decision"]), (Exit::Pending, &Value::Null));
}

#[test]
fn a_withdrawn_handoff_ends_the_wait() {
    let room = Room::new();
    let id = submitted(&room, "k");
    let mut waiting = room.start(&["wait", &id]);
    let gone = room.run(&["withdraw", &id, "--reason", "Done by hand.", "--json"]);
    assert_eq!((gone.exit, &gone.json()["state"]), (Exit::Done, &json!("withdrawn")));
    waiting.until_line("withdrawn");
    assert_eq!(waiting.end().exit, Exit::NoDecision);
    let twice = room.run(&["withdraw", &id]);
    assert_eq!(twice.exit, Exit::Refused, "{twice:?}");
}

#[test]
fn a_wait_outlives_the_desk() {
    let mut room = Room::new();
    let id = submitted(&room, "k");
    let running = room.start(&["wait", &id, "--timeout", "60", "--json"]);
    room.until_listened_to(&id);
    room.restart();
    let case = room.next_case(&[]);
    room.decide(&case, json!({"kind": "approve", "option": "remove"}));
    let ended = running.end();
    assert_eq!((ended.exit, &ended.json()["act"]), (Exit::Done, &json!(true)), "{ended:?}");
}

#[test]
fn an_answer_that_nobody_read_was_not_received() {
    let room = Room::new();
    let id = submitted(&room, "k");
    room.decide(&room.next_case(&[]), json!({"kind": "approve", "option": "remove"}));
    let broken = start(room.home(), &["wait", &id], b"", Some("approved")).end();
    assert_eq!(broken.exit, Exit::Internal, "a closed pipe must not look like a yes");
    let ended = room.run(&["wait", &id, "--timeout", "60", "--json"]);
    assert_eq!((ended.exit, &ended.json()["act"]), (Exit::Done, &json!(true)), "{ended:?}");
}

#[test]
fn the_same_again_is_the_same_and_another_is_a_conflict() {
    let room = Room::new();
    let id = submitted(&room, "k");
    let file = room.file("case.json", payload("k"));
    let again = room.run(&["submit", &file, "--json"]).json();
    assert_eq!((&again["id"], &again["replayed"]), (&json!(id), &json!(true)));
    let other = room.file("case.json", payload("k").replace("4 GiB", "5 GiB"));
    assert_eq!(room.run(&["submit", &other]).exit, Exit::Refused);
    let revised = room.run(&["revise", &id, &other, "--json"]).json();
    assert_eq!(revised["revision"], json!(2));
}

#[test]
fn the_desk_sees_the_payload_letter_for_letter() {
    let room = Room::new();
    let doubled = payload("k").replacen('{', "{\n  \"key\": \"other\",\r\n", 1);
    let file = room.file("case.json", doubled);
    let ended = room.run(&["submit", &file, "--json"]);
    assert_eq!(ended.exit, Exit::Invalid, "{ended:?}");
    let faults = ended.json()["error"]["faults"].to_string();
    assert!(faults.contains("/key"), "the doubled key was not lost on the way: {faults}");
    assert_eq!(room.run(&["list", "--json"]).json()["total"], json!(0));
}

#[test]
fn an_agent_sees_only_its_own() {
    let room = Room::new();
    let id = submitted(&room, "k");
    for verb in ["show", "wait", "withdraw"] {
        let ended = room.run(&[verb, &id, "--agent", "somebody-else"]);
        assert_eq!(ended.exit, Exit::NotFound, "{verb}: {ended:?}");
    }
    let listed = room.run(&["list", "--agent", "somebody-else"]);
    assert_eq!(listed.out, "No handoffs.\n");
    let found = room.run(&["list", "--state", "ready", "--search", "build folder"]);
    assert!(found.out.contains(&id), "{found:?}");
}

#[test]
fn a_list_names_the_key_and_the_task() {
    let room = Room::new();
    let id = submitted(&room, "clean-1");
    let listed = room.run(&["list"]).out;
    assert_eq!(listed.lines().count(), 1, "one line where nobody reads it: {listed:?}");
    assert!(listed.starts_with(&id), "{listed:?}");
    let rest = "  clean-1  Clean up: May I remove the build folder? (incomplete briefing)\n";
    assert!(listed.ends_with(rest), "{listed:?}");
    assert_eq!(room.run(&["list", "--json"]).json()["handoffs"][0]["title"], json!("Clean up"));
}

#[test]
fn many_first_hellos_of_one_name_share_its_token() {
    let room = Room::new();
    let started: Vec<_> = (0..8).map(|_| room.start(&["list", "--agent", "new/one"])).collect();
    for running in started {
        let ended = running.end();
        assert_eq!(ended.exit, Exit::Done, "{ended:?}");
    }
    std::fs::write(room.desk().home.token("new/one"), "wrong").expect("written");
    let ended = room.run(&["list", "--agent", "new/one"]);
    assert_eq!(ended.exit, Exit::Refused, "{ended:?}");
}

#[test]
fn hostile_text_is_shown_and_does_nothing() {
    let room = Room::new();
    let question = "\u{1b}[2J\u{1b}]8;;http://x\u{7}Really?\u{202e}\u{200b}";
    let mut case: Value = serde_json::from_str(&payload("k")).expect("json");
    case["pending_question"]["text"] = json!(question);
    let file = room.file("case.json", case.to_string());
    let id =
        room.run(&["submit", &file, "--json"]).json()["id"].as_str().expect("an id").to_owned();
    for words in [&["list"][..], &["show", &id], &["list", "--json"], &["show", &id, "--json"]] {
        let out = room.run(words).out;
        let acts = |letter: char| {
            letter != '\n' && (letter.is_control() || letter == '\u{202e}' || letter == '\u{200b}')
        };
        assert!(!out.contains(acts), "{words:?}: {out:?}");
    }
    let shown = room.run(&["show", &id, "--json"]).json();
    assert_eq!(shown["handoff"]["pending_question"]["text"], json!(question), "nothing is lost");
}

#[test]
fn reports_come_from_files_and_are_checked() {
    let room = Room::new();
    let id = submitted(&room, "k");
    room.decide(&room.next_case(&[]), json!({"kind": "approve", "option": "remove"}));
    assert_eq!(room.run(&["wait", &id]).exit, Exit::Done);
    let bad = room.file("bad.json", r#"{"outcome": "perhaps"}"#);
    let ended = room.run(&["reconcile", &id, &bad]);
    assert_eq!(ended.exit, Exit::Invalid, "{ended:?}");
    let report = room.file("report.json", r#"{"outcome": "diverged", "why": "It was gone."}"#);
    assert_eq!(room.run(&["reconcile", &id, &report]).exit, Exit::Done);
    assert_eq!(room.run(&["reconcile", &id, &report]).exit, Exit::Done, "the same again");
    assert_eq!(room.run(&["reconcile", &id, "--applied"]).exit, Exit::Refused, "another one");
    assert!(room.run(&["show", &id]).out.contains("diverged: It was gone."));
}

#[test]
fn a_quick_question_is_answered_while_the_steps_go_on() {
    let room = Room::new();
    let quick = json!({
        "version": "1", "key": "quick",
        "task": {"id": "t-1", "title": "Clean up", "goal": "Room on the disk"},
        "reason": {"code": "missing_information"}, "priority": "normal",
        "summary": "Two folders look alike. I go on with the rest meanwhile.",
        "pending_question": {"text": "Which of the two is the newer one?"},
        "plan": {"steps": [{"id": "sweep", "title": "Sweep", "status": "pending"}]},
        "allowed_decisions": ["inform"],
        "deadline": {"respond_within_s": 60, "on_timeout": {"kind": "manual_review"}}
    });
    let file = room.file("quick.json", quick.to_string());
    let id =
        room.run(&["submit", &file, "--json"]).json()["id"].as_str().expect("an id").to_owned();
    let standing = room.run(&["task", "runnable", "t-1", "--json"]).json();
    assert_eq!((&standing["runnable"], &standing["pending"]), (&json!(["sweep"]), &json!([id])));
    room.decide(&room.next_case(&[]), json!({"kind": "inform", "text": "The second."}));
    let ended = room.run(&["wait", &id]);
    assert_eq!(ended.exit, Exit::Inform, "{ended:?}");
    assert!(ended.out.contains("The second."), "{ended:?}");
}

#[test]
fn a_precondition_is_told_with_the_decision_and_a_changed_one_asks_again() {
    let room = Room::new();
    let mut case: Value = serde_json::from_str(&payload("k")).expect("json");
    case["options"][0]["preconditions"] =
        json!([{"tool": "fs.stat", "args": {"path": "build"}, "expect": "unused"}]);
    let file = room.file("case.json", case.to_string());
    let id =
        room.run(&["submit", &file, "--json"]).json()["id"].as_str().expect("an id").to_owned();
    room.decide(&room.next_case(&[]), json!({"kind": "approve", "option": "remove"}));
    let waited = room.run(&["wait", &id]);
    assert!(waited.out.contains("fs.stat"), "{waited:?}");
    let unmet = r#"{"outcome": "diverged", "unmet": [
        {"tool": "fs.stat", "args": {"path": "build"}, "found": "in use"}]}"#;
    let report = room.file("unmet.json", unmet);
    let asked = room.run(&["reconcile", &id, &report, "--json"]);
    assert_eq!((asked.exit, &asked.json()["revision"]), (Exit::Done, &json!(2)), "{asked:?}");
    assert_eq!(room.case(&id).changed[0].found, json!("in use"));
    let unknown = room.file("unknown.json", r#"{"outcome": "diverged", "unmet": [{"tool": "x"}]}"#);
    assert_ne!(room.run(&["reconcile", &id, &unknown]).exit, Exit::Done);
}
