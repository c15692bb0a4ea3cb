//! The server, spoken to in lines, against a real desk.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use handoff_domain::decision::action_hash;
use handoff_protocol::view::CaseView;
use handoff_transport::session::{Let, Passed, Session};
use serde_json::{Map, Value, json};

use super::{Server, case, tools};
use crate::Way;
use crate::room::{Peer, RESPOND_WITHIN_S, Room};

/// A client with a server of its own.
struct Talk {
    peer: Peer,
    server: JoinHandle<()>,
}

impl Talk {
    fn with(room: &Room) -> Self {
        Self::over(room.way())
    }

    fn over(way: Way) -> Self {
        let (peer, (input, output)) = Peer::new();
        let server = Server::new(way, Some("tidy".to_owned()), Box::new(output));
        let running = Arc::clone(&server);
        let server = std::thread::spawn(move || running.run(input).expect("it serves"));
        Self { peer, server }
    }

    fn call(&mut self, id: u32, tool: &str, args: Value) {
        self.peer.call(id, tool, args);
    }

    /// What a tool answered, as its document.
    fn said(&mut self, id: u32) -> Value {
        let answer = self.peer.answer(id);
        assert_eq!(answer["result"]["isError"], json!(false), "{answer}");
        let text = answer["result"]["content"][0]["text"].as_str().expect("a text");
        serde_json::from_str(text).expect("json")
    }

    /// Why a tool did not work.
    fn fault(&mut self, id: u32) -> String {
        let answer = self.peer.answer(id);
        assert_eq!(answer["result"]["isError"], json!(true), "{answer}");
        answer["result"]["content"][0]["text"].as_str().expect("a text").to_owned()
    }

    fn end(self) {
        self.peer.close();
        self.server.join().expect("it ends");
    }
}

fn asks(key: &str) -> Value {
    json!({
        "question": "May I?", "summary": "It is full.", "key": key,
        "options": [{ "id": "go", "label": "Go", "effect": "irreversible",
            "tool": "fs.remove", "args": { "path": "x" } }],
    })
}

fn time_to_answer(case: &CaseView) -> i64 {
    (case.deadline.respond_by - case.received_at).num_seconds()
}

#[test]
fn both_eras_are_greeted_and_what_is_not_understood_is_refused_in_form() {
    let room = Room::without_desk();
    let mut talk = Talk::with(&room);
    let peer = &mut talk.peer;
    for (id, asked, spoken) in [
        (1, "2025-11-25", "2025-11-25"),
        (2, "2024-11-05", "2024-11-05"),
        (3, "2031-01-01", "2025-11-25"),
    ] {
        peer.ask(id, "initialize", json!({ "protocolVersion": asked }));
        assert_eq!(peer.answer(id)["result"]["protocolVersion"], json!(spoken));
    }
    let meta =
        |version: &str| json!({ "_meta": { "io.modelcontextprotocol/protocolVersion": version } });
    peer.ask(4, "server/discover", meta("2026-07-28"));
    assert_eq!(peer.answer(4)["result"]["supportedVersions"], json!(["2026-07-28"]));
    peer.ask(5, "server/discover", meta("2031-01-01"));
    let refused = peer.answer(5);
    assert_eq!(refused["error"]["code"], json!(-32022), "{refused}");
    assert_eq!(refused["error"]["data"]["supported"], json!(["2026-07-28"]));
    peer.ask(6, "tools/list", meta("2026-07-28"));
    let listed = peer.answer(6);
    assert_eq!(listed["result"]["resultType"], json!("complete"));
    peer.ask(7, "ping", json!({}));
    assert_eq!(peer.answer(7)["result"], json!({}));
    peer.ask(8, "prompts/list", json!({}));
    assert_eq!(peer.answer(8)["error"]["code"], json!(-32601));
    peer.call(9, "no_such_tool", json!({}));
    assert_eq!(peer.answer(9)["error"]["code"], json!(-32602));
    peer.ask(10, "tools/call", json!({ "name": "handoff", "arguments": [] }));
    assert_eq!(peer.answer(10)["error"]["code"], json!(-32602));
    for (line, code) in [
        ("nonsense\n", -32700),
        ("[]\n", -32600),
        ("{\"id\":1,\"method\":\"ping\",\"method\":\"ping\"}\n", -32600),
    ] {
        peer.say(line.as_bytes());
        assert_eq!(peer.next(|message| message["id"].is_null())["error"]["code"], json!(code));
    }
    peer.say(b"\n\r\n{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n");
    peer.ask(11, "ping", json!({}));
    assert_eq!(peer.answer(11)["result"], json!({}), "it goes on");
    talk.end();
}

#[test]
fn what_the_tools_say_they_take_is_what_they_take() {
    let list = tools::list();
    let list = list.as_array().expect("a list");
    for tool in list {
        let schema = &tool["inputSchema"];
        let properties = schema["properties"].as_object().expect("properties");
        for name in schema["required"].as_array().expect("a list") {
            assert!(properties.contains_key(name.as_str().expect("a name")), "{tool}");
        }
        assert!(tools::is_known(tool["name"].as_str().expect("a name")));
        assert!(tool["description"].as_str().is_some_and(|text| text.len() < 800), "{tool}");
    }
    let names = |properties: &Value| {
        let mut names: Vec<String> =
            properties.as_object().map(Map::keys).into_iter().flatten().cloned().collect();
        names.sort();
        names
    };
    let sorted = |known: &[&str]| {
        let mut known: Vec<String> = known.iter().map(|name| (*name).to_owned()).collect();
        known.sort();
        known
    };
    let handoff = &list[0]["inputSchema"]["properties"];
    assert_eq!(names(handoff), sorted(&case::FIELDS));
    assert_eq!(names(&handoff["options"]["items"]["properties"]), sorted(&case::OPTION));
    assert_eq!(names(&handoff["actions_taken"]["items"]["properties"]), sorted(&case::ACTION));
}

#[test]
fn a_decision_is_received_once_and_reported() {
    let room = Room::new();
    let mut talk = Talk::with(&room);
    talk.call(1, "handoff", asks("k"));
    let case = room.next_case(&[]);
    room.decide(&case, json!({ "kind": "modify", "option": "go", "args": { "path": "y" } }));
    let decided = talk.said(1);
    assert_eq!((&decided["status"], &decided["act"]), (&json!("decided"), &json!(true)));
    assert_eq!(decided["decision"]["args"], json!({ "path": "y" }));
    talk.call(2, "handoff", asks("k"));
    let again = talk.said(2);
    assert_eq!((&again["handoff_id"], &again["act"]), (&json!(case.id), &json!(false)));
    room.until_state(&case.id, "collected");
    talk.call(3, "handoff_reconcile", json!({ "handoff_id": case.id, "outcome": "applied" }));
    assert_eq!(talk.said(3)["state"], json!("reconciled"));
    talk.call(4, "handoff_wait", json!({ "handoff_id": "h-00000000000000000000" }));
    assert!(talk.fault(4).contains("h-00000000000000000000"));
    talk.end();
}

#[test]
fn what_is_found_changed_before_acting_asks_the_person_again() {
    let room = Room::new();
    let mut talk = Talk::with(&room);
    let read = json!({ "tool": "fs.read", "args": { "path": "x" } });
    let mut question = asks("k");
    question["options"][0]["preconditions"] =
        json!([{ "tool": read["tool"], "args": read["args"], "expect": "full" }]);
    talk.call(1, "handoff", question);
    let case = room.next_case(&[]);
    room.decide(&case, json!({ "kind": "approve", "option": "go" }));
    let decided = talk.said(1);
    assert_eq!(decided["preconditions"][0]["expect"], json!("full"));
    assert!(decided["next"].as_str().is_some_and(|next| next.contains("First")), "{decided}");
    let unmet = json!([{ "tool": read["tool"], "args": read["args"], "found": "empty" }]);
    let report = json!({ "handoff_id": case.id, "outcome": "diverged", "unmet": unmet });
    talk.call(2, "handoff_reconcile", report);
    let reopened = talk.said(2);
    assert_eq!((&reopened["state"], &reopened["revision"]), (&json!("ready"), &json!(2)));
    room.decide(&room.case(&case.id), json!({ "kind": "reject", "reason": "No.", "then": "stop" }));
    talk.call(3, "handoff_wait", json!({ "handoff_id": case.id }));
    assert_eq!(talk.said(3)["decision"]["kind"], json!("reject"));
    talk.end();
}

#[test]
fn who_cancels_takes_no_decision_along() {
    let room = Room::new();
    let mut talk = Talk::with(&room);
    talk.call(1, "handoff", asks("k"));
    let case = room.next_case(&[]);
    room.until_listened_to(&case.id);
    talk.peer.send(json!({ "jsonrpc": "2.0", "method": "notifications/cancelled",
        "params": { "requestId": 1 } }));
    talk.peer.ask(2, "ping", json!({}));
    talk.peer.answer(2);
    room.decide(&case, json!({ "kind": "approve", "option": "go" }));
    talk.call(3, "handoff_wait", json!({ "handoff_id": case.id }));
    let decided = talk.said(3);
    assert_eq!((&decided["status"], &decided["act"]), (&json!("decided"), &json!(true)));
    talk.end();
}

#[test]
fn a_check_is_good_for_one_call_and_a_no_is_told() {
    let room = Room::new();
    let mut talk = Talk::with(&room);
    let remove = json!({ "tool": "bash", "args": { "command": "rm -r x" } });
    talk.call(1, "handoff_check", remove.clone());
    let case = room.next_case(&[]);
    room.decide(&case, json!({ "kind": "approve", "option": "run" }));
    let run = talk.said(1);
    assert_eq!(run["status"], json!("run"), "{run}");
    let record = json!({ "tool": "bash", "args": run["args"], "effect": "irreversible",
        "handoff_id": run["handoff_id"] });
    talk.call(2, "handoff_record", record);
    assert_eq!(talk.said(2)["reconciled"], json!(case.id));
    talk.call(3, "handoff_check", remove);
    let second = room.next_case(&[&case.id]);
    room.decide(&second, json!({ "kind": "reject", "reason": "No more.", "then": "stop" }));
    let denied = talk.said(3);
    assert_eq!(denied["status"], json!("denied"));
    assert!(denied["why"].as_str().is_some_and(|why| why.contains("No more.")), "{denied}");
    room.until_state(&second.id, "reconciled");
    talk.end();
}

#[test]
fn a_yes_for_one_folder_is_none_for_another() {
    let room = Room::new();
    let mut talk = Talk::with(&room);
    let remove = |cwd: &str| json!({ "tool": "bash", "args": { "command": "rm -r x" }, "cwd": cwd, "wait_s": 0 });
    let mut ask = |id: u32, cwd: &str| {
        talk.call(id, "handoff_check", remove(cwd));
        let said = talk.said(id);
        (said["status"].clone(), said["handoff_id"].clone())
    };
    let (held, here) = ask(1, "/a");
    let first = room.next_case(&[]);
    assert_eq!((held, here), (json!("held"), json!(first.id)));
    assert_eq!(ask(2, "/b"), (json!("held"), Value::Null), "the other comes first");
    room.decide(&first, json!({ "kind": "approve", "option": "run" }));
    let (held, there) = ask(3, "/b");
    let second = room.next_case(&[&first.id]);
    assert_eq!((held, there), (json!("held"), json!(second.id)));
    assert_eq!(ask(4, "/a"), (json!("run"), json!(first.id)));
    talk.end();
}

#[test]
fn a_session_is_one_task_and_its_hook_learns_what_was_allowed() {
    let room = Room::new();
    let (home, session) =
        (room.way().home, |id: &str| Session { agent: "tidy".to_owned(), id: id.to_owned() });
    let mut talk = Talk::over(Way { session: Some("s-1".to_owned()), ..room.way() });
    let args = json!({ "command": "rm -r x" });
    let hash = action_hash("Bash", args.as_object().expect("an object"));
    let noted = |id: &str, at| session(id).look(&home, at, &hash);
    let here = crate::asking::folder();
    talk.call(1, "handoff_check", json!({ "tool": "Bash", "args": args, "cwd": here }));
    let case = room.next_case(&[]);
    assert_eq!(case.task.id, "s-1");
    assert_eq!(noted("s-1", Passed::Asked), None, "nobody has said yes");
    room.decide(&case, json!({ "kind": "approve", "option": "run" }));
    assert_eq!(talk.said(1)["status"], json!("run"));
    let passed = noted("s-1", Passed::Asked).expect("noted");
    assert_eq!(passed.cwd, here);

    // As the hook does before the client asks the person at the terminal.
    let prompt = json!({ "tool_name": "Bash", "input": args });
    let elsewhere = Let { cwd: Some("/elsewhere".to_owned()), ..passed.clone() };
    session("s-1").note(&home, Passed::ForPrompt, &hash, &elsewhere).expect("noted");
    talk.call(2, "approve", prompt.clone());
    let second = room.next_case(&[&case.id]);
    room.decide(&second, json!({ "kind": "reject", "reason": "Not there.", "then": "skip" }));
    assert_eq!(talk.said(2)["behavior"], json!("deny"), "it was let go on in another folder");
    session("s-1").note(&home, Passed::ForPrompt, &hash, &passed).expect("noted");
    talk.call(3, "approve", prompt);
    assert_eq!(talk.said(3)["behavior"], json!("allow"), "and asked of nobody again");

    // Codex tells with each call which session it is of.
    let meta = json!({ "x-codex-turn-metadata": { "session_id": "s-2" } });
    let call = json!({ "name": "handoff_check", "_meta": meta,
        "arguments": { "tool": "Bash", "args": { "command": "rm -r y" }, "wait_s": 0 } });
    talk.peer.ask(4, "tools/call", call);
    let other = room.next_case(&[&case.id, &second.id]);
    assert_eq!(other.task.id, "s-2");
    assert_eq!(talk.said(4)["status"], json!("held"));
    talk.end();
}

#[test]
fn what_the_hook_records_and_what_the_model_tells_is_one_action() {
    let room = Room::new();
    let mut talk = Talk::over(Way { session: Some("s-1".to_owned()), ..room.way() });
    let session = Session { agent: "tidy".to_owned(), id: "s-1".to_owned() };
    let args = json!({ "command": "ls" });
    let hash = action_hash("Bash", args.as_object().expect("an object"));
    let named = Let { key: "toolu_1".to_owned(), cwd: None };
    session.note(&room.way().home, Passed::Recorded, &hash, &named).expect("noted");
    let record = json!({ "tool": "Bash", "args": args, "effect": "read" });
    for (id, action) in [(1, Some("toolu_1")), (2, None)] {
        talk.call(id, "handoff_record", record.clone());
        let said = talk.said(id);
        assert_eq!(said["id"].as_str().filter(|id| id.starts_with("toolu")), action, "{said}");
    }
    talk.end();
}

#[test]
fn a_precondition_that_does_not_hold_asks_again() {
    let room = Room::new();
    let mut talk = Talk::with(&room);
    let mut asked = asks("k");
    asked["options"][0]["preconditions"] =
        json!([{ "tool": "fs.has", "args": { "path": "x" }, "expect": true }]);
    talk.call(1, "handoff", asked);
    let case = room.next_case(&[]);
    room.decide(&case, json!({ "kind": "approve", "option": "go" }));
    assert_eq!(talk.said(1)["act"], json!(true));
    let unmet = json!([{ "tool": "fs.has", "args": { "path": "x" }, "found": false }]);
    talk.call(
        2,
        "handoff_reconcile",
        json!({ "handoff_id": case.id, "outcome": "diverged",
        "unmet": unmet }),
    );
    let again = talk.said(2);
    assert_eq!((&again["state"], &again["revision"]), (&json!("ready"), &json!(2)), "{again}");
    talk.end();
}

#[test]
fn a_deadline_that_the_model_does_not_name_is_the_reviewers() {
    let room = Room::new();
    let mut talk = Talk::with(&room);
    let mut known = Vec::new();
    for (named, within) in [(None, RESPOND_WITHIN_S), (Some(60), 60)] {
        let mut asked = asks(&format!("k{within}"));
        asked["wait_s"] = json!(0);
        asked["deadline_s"] = json!(named);
        if named.is_none() {
            asked.as_object_mut().expect("an object").remove("deadline_s");
        }
        talk.call(within, "handoff", asked);
        assert_eq!(talk.said(within)["status"], json!("pending"));
        let seen: Vec<&str> = known.iter().map(String::as_str).collect();
        let case = room.next_case(&seen);
        assert_eq!(time_to_answer(&case), i64::from(within));
        known.push(case.id);
    }
    talk.end();
}

#[test]
fn without_a_desk_a_handoff_is_spooled_and_nothing_is_permitted() {
    let mut room = Room::without_desk();
    let mut talk = Talk::with(&room);
    talk.call(1, "handoff", asks("k"));
    let spooled = talk.said(1);
    assert_eq!((&spooled["status"], &spooled["spooled"]), (&json!("pending"), &json!(true)));
    let mut bad = asks("bad");
    bad["options"][0]["effect"] = json!("huge");
    talk.call(2, "handoff", bad);
    assert!(talk.fault(2).contains("/options/0/effect"));
    let read = json!({ "tool": "bash", "args": { "command": "ls" } });
    talk.call(3, "handoff_check", read);
    assert!(talk.fault(3).contains("not made"));
    talk.call(4, "approve", json!({ "tool_name": "Bash", "input": { "command": "ls" } }));
    assert_eq!(talk.said(4)["behavior"], json!("deny"));
    room.open();
    let case = room.next_case(&[]);
    assert_eq!(json!(case.id), spooled["handoff_id"]);
    assert_eq!(time_to_answer(&case), i64::from(RESPOND_WITHIN_S));
    talk.call(5, "handoff_wait", json!({ "handoff_id": case.id }));
    room.until_listened_to(&case.id);
    room.restart();
    room.until_listened_to(&case.id);
    room.decide(&room.case(&case.id), json!({ "kind": "approve", "option": "go" }));
    assert_eq!(talk.said(5)["act"], json!(true));
    talk.end();
}

#[test]
fn a_desk_that_says_nothing_holds_no_call_up() {
    let room = Room::without_desk();
    room.greet_and_say_nothing_more();
    let mut talk = Talk::with(&room);
    let asked = json!({ "tool": "bash", "args": { "command": "rm -r x" }, "wait_s": 0 });
    let began = Instant::now();
    talk.call(1, "handoff_check", asked);
    let why = talk.fault(1);
    assert!(why.contains("nothing is permitted"), "{why}");
    // The desk is given half a minute to answer one call.
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    talk.end();
}

#[test]
fn what_came_of_an_undo_is_said_in_its_form() {
    let room = Room::new();
    let mut talk = Talk::with(&room);
    for (id, args, part) in [
        (1, json!({ "undo": "i-0", "outcome": "perhaps" }), "perhaps"),
        (2, json!({ "undo": "i-0" }), "outcome"),
        (3, json!({ "undo": "i-0", "outcome": "undone" }), "i-0"),
        (4, json!({ "undoes": "i-0" }), "undoes"),
    ] {
        talk.call(id, "handoff_next", args);
        let why = talk.fault(id);
        assert!(why.contains(part), "{why}");
    }
    talk.call(5, "handoff_next", json!({ "wait_s": 0 }));
    assert_eq!(talk.said(5)["items"], json!([]));
    talk.end();
}

#[test]
fn the_permission_prompt_is_always_answered_in_its_form() {
    let room = Room::new();
    let mut talk = Talk::with(&room);
    talk.call(1, "approve", json!({ "tool_name": "Bash", "input": { "command": "rm -r x" } }));
    let case = room.next_case(&[]);
    let edited = json!({ "command": "rm -r x/y" });
    room.decide(&case, json!({ "kind": "modify", "option": "run", "args": edited }));
    assert_eq!(talk.said(1), json!({ "behavior": "allow", "updatedInput": edited }));
    for (id, args) in [(2, json!({})), (3, json!({ "tool_name": "Bash", "input": "ls" }))] {
        talk.call(id, "approve", args);
        assert_eq!(talk.said(id)["behavior"], json!("deny"));
    }
    talk.end();
}
