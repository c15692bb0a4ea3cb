//! The gate between a client that speaks in lines and small servers made of the
//! system's own programs, against a real desk.

use std::thread::JoinHandle;
use std::time::Duration;

use handoff_domain::autonomy::Level;
use serde_json::{Value, json};

use super::Gate;
use crate::desk::Way;
use crate::room::{Peer, Room};

mod hooked;

/// Says back every line that it is given.
const ECHO: &[&str] = &["cat"];

/// Answers every call with its own parameters.
const ANSWER: &[&str] = &["sed", "-u", r#"s/"method":"tools\/call","params"/"result"/"#];

/// A client behind a gate.
struct Talk {
    peer: Peer,
    gate: JoinHandle<u8>,
}

impl Talk {
    fn with(room: &Room, server: &[&str]) -> Self {
        Self::waiting(room, server, Duration::from_mins(1))
    }

    fn waiting(room: &Room, server: &[&str], wait: Duration) -> Self {
        Self::over(room.way(), server, wait)
    }

    fn over(way: Way, server: &[&str], wait: Duration) -> Self {
        let (peer, (input, output)) = Peer::new();
        let gate = Gate {
            way,
            agent: Some("tidy".to_owned()),
            command: server.iter().map(Into::into).collect(),
            wait,
        };
        let gate = std::thread::spawn(move || {
            gate.run(Box::new(input), Box::new(output)).expect("it runs")
        });
        Self { peer, gate }
    }

    fn end(mut self) -> (Vec<u8>, u8) {
        self.peer.close();
        let mut rest = Vec::new();
        loop {
            let line = self.peer.line();
            if line.is_empty() {
                break;
            }
            rest.extend(line);
        }
        (rest, self.gate.join().expect("it ends"))
    }
}

fn remove() -> Value {
    json!({ "command": "rm -r x" })
}

fn refused(answer: &Value) -> &str {
    assert_eq!(answer["result"]["isError"], json!(true), "{answer}");
    answer["result"]["content"][0]["text"].as_str().expect("a text")
}

#[test]
fn what_is_no_call_passes_to_the_byte() {
    let room = Room::without_desk();
    let mut talk = Talk::with(&room, ECHO);
    let lines: &[&[u8]] = &[
        b"{\"jsonrpc\":\"2.0\",  \"id\":1, \"method\":\"initialize\",\"params\":{}}\r\n",
        b"{\"method\":\"resources/read\",\"id\":\"\\u0061\",\"params\":{\"uri\":\"x\"}}\n",
        b"{\"id\":9,\"result\":{\"tools/call\":1}}\n",
        b"\n",
        b"no message\n",
        b"\xff\xfe\n",
        b"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":1}}\n",
        b"without an end",
    ];
    for line in lines {
        talk.peer.say(line);
    }
    let (rest, code) = talk.end();
    assert_eq!(String::from_utf8_lossy(&rest), String::from_utf8_lossy(&lines.concat()));
    assert_eq!(code, 0);
}

#[test]
fn a_line_in_which_a_call_may_hide_is_refused() {
    let room = Room::new();
    let mut talk = Talk::with(&room, ECHO);
    let params = r#""params":{"name":"bash","arguments":{"command":"rm -r x"}}"#;
    for line in [
        format!(r#"[{{"id":1,"method":"tools/call",{params}}}]"#),
        format!(r#"{{"id":1,"method":"ping","method":"tools/call",{params}}}"#),
        format!(r#"{{"id":1,"method":"ping","Method":"tools/call",{params}}}"#),
        format!(r#"{{"id":1,"method":"tools/c\u0061ll","id":2,{params}}}"#),
        format!(
            "{{\"id\":1,\"method\":\"ping\",\"x\":\r{{\"id\":2,\"method\":\"tools/call\",{params}}}\r}}"
        ),
        format!("\u{feff}{{\"id\":1,\"method\":\"tools/call\",{params}}}"),
        format!(r#"{{"id":1,"method":"tools/call",{params}"#),
    ] {
        talk.peer.say((line.clone() + "\n").as_bytes());
        let answer = talk.peer.next(|_| true);
        assert_eq!(answer["error"]["code"], json!(-32600), "{line}: {answer}");
    }
    // Of these the id is known.
    for (id, params) in [
        (1, r#"{"name":"ls","name":"bash","arguments":{}}"#),
        (2, r#"{"name":"ls","Name":"bash"}"#),
        (3, r#"{"name":"bash","arguments":{"command":"ls","command":"rm -r x"}}"#),
    ] {
        let line = format!(r#"{{"id":{id},"method":"tools/call","params":{params}}}"#);
        talk.peer.say((line + "\n").as_bytes());
        assert_eq!(talk.peer.answer(id)["error"]["code"], json!(-32602));
    }
    // Nobody could be told that this one was refused.
    talk.peer.say(format!("{{\"method\":\"tools/call\",{params}}}\n").as_bytes());
    assert_eq!(talk.end(), (Vec::new(), 0), "the server has seen none of it");
}

#[test]
fn a_read_runs_as_it_is_and_is_recorded() {
    let room = Room::new();
    let mut talk = Talk::with(&room, ANSWER);
    let line = br#"{"jsonrpc":"2.0", "id":1,"method":"tools/call","params":{"name":"bash", "arguments":{"command":"ls"}}}"#;
    talk.peer.say(line);
    talk.peer.say(b"\n");
    let answer = talk.peer.line();
    let passed =
        br#"{"jsonrpc":"2.0", "id":1,"result":{"name":"bash", "arguments":{"command":"ls"}}}"#;
    assert_eq!(String::from_utf8_lossy(answer.trim_ascii_end()), String::from_utf8_lossy(passed));
    // Recorded behind the answer; a case shows how much its task has done.
    talk.peer.call(2, "bash", remove());
    let mut case = room.next_case(&[]);
    for id in 3..100 {
        if case.actions_total == 1 {
            break;
        }
        talk.peer.send(json!({ "jsonrpc": "2.0", "method": "notifications/cancelled",
            "params": { "requestId": id - 1 } }));
        room.until_state(&case.id, "withdrawn");
        talk.peer.call(id, "bash", remove());
        let known = case.id.clone();
        case = room.next_case(&[&known]);
    }
    assert_eq!(case.actions_total, 1);
    let done = &case.actions[0];
    assert_eq!((done.tool.as_str(), done.source.as_str()), ("bash", "observed by gateway"));
    let answered = done.output.as_ref().expect("an output").head.clone();
    assert!(answered.contains("arguments") && answered.contains("ls"), "{answered}");
    talk.end();
}

#[test]
fn edited_arguments_are_what_the_server_gets_while_the_rest_flows() {
    let room = Room::new();
    let mut talk = Talk::with(&room, ANSWER);
    talk.peer.ask(
        1,
        "tools/call",
        json!({ "name": "bash", "arguments": remove(),
        "_meta": { "progressToken": "p" } }),
    );
    let case = room.next_case(&[]);
    let progress = talk.peer.next(|message| message["method"] == json!("notifications/progress"));
    assert_eq!(progress["params"]["progressToken"], json!("p"));
    talk.peer.call(2, "bash", json!({ "command": "ls" }));
    assert_eq!(talk.peer.answer(2)["result"]["name"], json!("bash"));
    let edited = json!({ "command": "rm -r x/y" });
    room.decide(&case, json!({ "kind": "modify", "option": "run", "args": edited }));
    assert_eq!(talk.peer.answer(1)["result"]["arguments"], edited);
    room.until_state(&case.id, "reconciled");
    talk.end();
}

#[test]
fn a_write_that_names_its_files_can_be_undone_by_the_desk() {
    let room = Room::new();
    let mut talk = Talk::with(&room, ANSWER);
    let folder = crate::asking::folder().expect("a folder");
    let write = |name: &str| json!({ "path": format!("{folder}/{name}"), "content": "x" });
    talk.peer.call(1, "write_file", write("one.none"));
    let case = room.next_case(&[]);
    assert_eq!(json!(case.options[0].effect), json!("reversible"), "the desk has copies");
    room.decide(&case, json!({ "kind": "modify", "option": "run", "args": write("two.none") }));
    assert_eq!(talk.peer.answer(1)["result"]["arguments"], write("two.none"));
    room.until_state(&case.id, "reconciled");
    talk.end();
}

#[test]
fn what_was_changed_as_a_draft_is_looked_through_at_the_end() {
    let room = Room::new();
    let mut talk = Talk::with(&room, ANSWER);
    talk.peer.call(1, "bash", json!({ "command": "ls" }));
    talk.peer.answer(1);
    room.set_level("tidy", Level::Draft);
    let path = format!("{}/one.none", crate::asking::folder().expect("a folder"));
    talk.peer.call(2, "write_file", json!({ "path": path, "content": "x" }));
    assert_eq!(talk.peer.answer(2)["result"]["name"], json!("write_file"));
    talk.end();
    assert!(room.next_case(&[]).is_draft);
}

#[test]
fn a_tool_of_a_server_is_not_a_clients_own_by_its_name() {
    let room = Room::new();
    let mut talk = Talk::with(&room, ANSWER);
    let mut known: Vec<String> = Vec::new();
    for (id, tool, args) in [
        (1, "Agent", json!({ "description": "pay", "prompt": "Pay them." })),
        (2, "update_plan", json!({ "plan": "enterprise" })),
        (3, "web_fetch", json!({ "prompt": "Cancel the order." })),
    ] {
        talk.peer.call(id, tool, args.clone());
        let seen: Vec<&str> = known.iter().map(String::as_str).collect();
        let case = room.next_case(&seen);
        assert_eq!(json!(case.options[0].effect), json!("irreversible"), "{tool}");
        room.decide(&case, json!({ "kind": "approve", "option": "run" }));
        assert_eq!(talk.peer.answer(id)["result"]["arguments"], args);
        room.until_state(&case.id, "reconciled");
        known.push(case.id);
    }
    talk.end();
}

#[test]
fn a_no_is_an_error_that_a_model_can_read() {
    let room = Room::new();
    let mut talk = Talk::with(&room, ECHO);
    talk.peer.call(1, "bash", remove());
    let case = room.next_case(&[]);
    room.decide(&case, json!({ "kind": "reject", "reason": "In use", "then": "skip" }));
    assert!(refused(&talk.peer.answer(1)).contains("In use"));
    room.until_state(&case.id, "reconciled");
    talk.peer.call(2, "bash", remove());
    let case = room.next_case(&[]);
    room.decide(&case, json!({ "kind": "take_over", "note": "I do it." }));
    assert!(refused(&talk.peer.answer(2)).contains("I do it."));
    assert_eq!(talk.end(), (Vec::new(), 0), "the server has seen none of it");
}

#[test]
fn a_cancelled_call_is_withdrawn_and_one_that_runs_is_the_servers_to_cancel() {
    let room = Room::new();
    let mut talk = Talk::with(&room, ECHO);
    talk.peer.call(1, "bash", remove());
    let case = room.next_case(&[]);
    let cancel = |id: u32| {
        json!({ "jsonrpc": "2.0", "method": "notifications/cancelled",
            "params": { "requestId": id } })
    };
    talk.peer.send(cancel(1));
    room.until_state(&case.id, "withdrawn");
    talk.peer.call(2, "bash", json!({ "command": "ls" }));
    talk.peer.answer(2);
    talk.peer.send(cancel(2));
    assert_eq!(talk.peer.next(|message| message.get("id").is_none()), cancel(2));
    talk.peer.call(3, "bash", remove());
    let case = room.next_case(&[]);
    talk.end();
    room.until_state(&case.id, "withdrawn");
}

#[test]
fn a_wait_that_is_over_is_said_and_the_same_call_waits_on() {
    let room = Room::new();
    let mut talk = Talk::waiting(&room, ANSWER, Duration::ZERO);
    talk.peer.call(1, "bash", remove());
    let case = room.next_case(&[]);
    assert!(refused(&talk.peer.answer(1)).contains(&case.id));
    let edited = json!({ "command": "rm -r x/y" });
    room.decide(&case, json!({ "kind": "modify", "option": "run", "args": edited }));
    talk.peer.call(2, "bash", remove());
    assert_eq!(talk.peer.answer(2)["result"]["arguments"], edited);
    room.until_state(&case.id, "reconciled");
    talk.end();
}

#[test]
fn without_a_desk_no_call_runs_and_the_rest_goes_on() {
    let mut room = Room::without_desk();
    let mut talk = Talk::with(&room, ECHO);
    talk.peer.call(1, "bash", json!({ "command": "ls" }));
    assert!(refused(&talk.peer.answer(1)).contains("not made"));
    talk.peer.ask(2, "ping", json!({}));
    assert_eq!(talk.peer.answer(2)["method"], json!("ping"));
    room.open();
    talk.peer.call(3, "bash", remove());
    let case = room.next_case(&[]);
    room.until_listened_to(&case.id);
    room.restart();
    room.until_listened_to(&case.id);
    room.decide(&room.case(&case.id), json!({ "kind": "approve", "option": "run" }));
    assert_eq!(talk.peer.answer(3)["params"]["arguments"], remove());
    // It had the call when it ended: nobody knows what came of it.
    talk.end();
    room.until_state(&case.id, "reconciled");
}

#[test]
fn tools_are_told_of_as_the_server_lists_them_and_their_claims_stay_claims() {
    let room = Room::new();
    let listed = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"look","annotations":{"readOnlyHint":true}}]}}"#;
    let script = format!("read line; echo '{listed}'; exec cat");
    let mut talk = Talk::with(&room, &["sh", "-c", &script]);
    talk.peer.ask(1, "tools/list", json!({}));
    assert_eq!(talk.peer.line(), (listed.to_owned() + "\n").into_bytes());
    talk.peer.call(2, "look", json!({}));
    let case = room.next_case(&[]);
    assert_eq!(case.agent.name, "tidy", "nobody has accepted that it only reads");
    talk.end();
}

#[test]
fn what_the_server_wants_to_know_first_is_no_second_call() {
    let room = Room::new();
    let wants = r#"{"id":1,"result":{"resultType":"input_required","requestState":"s"}}"#;
    let script = format!("read line; echo '{wants}'; exec {}", shell(ANSWER));
    let mut talk = Talk::with(&room, &["sh", "-c", &script]);
    talk.peer.call(1, "bash", remove());
    let case = room.next_case(&[]);
    room.decide(&case, json!({ "kind": "approve", "option": "run" }));
    assert_eq!(talk.peer.answer(1)["result"]["requestState"], json!("s"));
    // Another state is no answer to what was wanted, and a call of its own.
    let again = |state: &str| {
        json!({ "name": "bash", "arguments": remove(), "requestState": state,
            "inputResponses": {} })
    };
    talk.peer.ask(2, "tools/call", again("t"));
    let other = room.next_case(&[&case.id]);
    talk.peer.ask(3, "tools/call", again("s"));
    assert_eq!(talk.peer.answer(3)["result"]["requestState"], json!("s"));
    room.until_state(&case.id, "reconciled");
    room.decide(&other, json!({ "kind": "reject", "reason": "No.", "then": "skip" }));
    refused(&talk.peer.answer(2));
    talk.end();
}

fn shell(words: &[&str]) -> String {
    words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ")
}

#[test]
fn its_end_is_the_servers_end() {
    let room = Room::without_desk();
    for (script, code) in [("exit 7", 7), ("kill -9 $$", 137), ("exit 0", 0)] {
        let talk = Talk::with(&room, &["sh", "-c", script]);
        assert_eq!(talk.gate.join().expect("it ends"), code, "{script}");
    }
}

#[test]
fn a_server_that_does_not_go_is_ended() {
    let room = Room::without_desk();
    let stays = "exec tail -f /dev/null";
    for (script, code) in [(stays, 143), (&format!("trap '' TERM; {stays}"), 137)] {
        let talk = Talk::with(&room, &["sh", "-c", script]);
        assert_eq!(talk.end().1, code, "{script}");
    }
}
