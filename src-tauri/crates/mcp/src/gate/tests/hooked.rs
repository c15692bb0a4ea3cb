//! A gate behind the hook of the same client: what that was told by the desk counts
//! here, once, and nothing that it was not told.

use handoff_protocol::view::CaseView;
use handoff_protocol::wire::{Checked, Gate as Says, Recorded, method};
use handoff_transport::client::Client;
use handoff_transport::session::{ClientProcess, Let, Served, Session, served};
use serde_json::{Map, Value, json};

use super::{ANSWER, ECHO, Talk, refused};
use crate::desk::Way;
use crate::room::Room;

const TOOL: &str = "mcp__files__write";

fn session() -> Session {
    Session { agent: "claude-code".to_owned(), id: "s-1".to_owned() }
}

/// What the hook of the client does, as far as the gate sees it.
struct Hook<'r> {
    room: &'r Room,
    line: Client,
}

impl<'r> Hook<'r> {
    fn of(room: &'r Room) -> Self {
        let client = ClientProcess::of_this().expect("something has started this");
        session().tell(&room.way().home, &client).expect("told");
        let hello = json!({ "name": "claude-code", "framework": "Claude Code hook",
            "observer": "hook" });
        let hello = serde_json::from_value(hello).expect("a hello");
        Self { room, line: Client::connect(&room.way().home, hello).expect("a desk") }
    }

    fn check(&mut self, call: &str, path: &str) -> Checked {
        let check = json!({ "task": { "id": "s-1", "title": "Tidy", "goal": "Tidy this up." },
            "tool": TOOL, "args": { "path": path }, "key": format!("s-1:{call}"), "cwd": "/work" });
        self.line.call(method::CHECK, &check).expect("an answer")
    }

    /// Asks for a call and is told `run`; the card that it was.
    fn is_let(&mut self, call: &str, path: &str, known: &[&str]) -> CaseView {
        assert_eq!(self.check(call, path).verdict, Says::Held);
        let case = self.room.next_case(known);
        self.room.decide(&case, json!({ "kind": "approve", "option": "run" }));
        assert_eq!(self.check(call, path).verdict, Says::Run);
        self.note(call, path, &format!("s-1:{call}"));
        case
    }

    fn note(&self, call: &str, path: &str, key: &str) {
        let noted = Served {
            passed: Let { key: key.to_owned(), cwd: Some("/work".to_owned()) },
            tool: TOOL.to_owned(),
            framework: "Claude Code hook".to_owned(),
        };
        let name = served("write", &args(path), Some(call));
        session().note_served(&self.room.way().home, &name, &noted).expect("noted");
    }

    fn record(&mut self, call: &str, path: &str) -> Recorded {
        let record = json!({ "task": "s-1", "cwd": "/work", "action": { "id": call, "tool": TOOL,
            "input": { "path": path }, "effect": "irreversible", "status": "done" } });
        self.line.call(method::RECORD, &record).expect("recorded")
    }
}

fn args(path: &str) -> Map<String, Value> {
    Map::from_iter([("path".to_owned(), json!(path))])
}

fn gate(room: &Room, server: &[&str]) -> Talk {
    let way = Way { client: ClientProcess::of_this(), ..room.way() };
    Talk::over(way, server, std::time::Duration::from_mins(1))
}

fn call(talk: &mut Talk, id: u32, call: &str, path: &str) {
    let params = json!({ "name": "write", "arguments": args(path),
        "_meta": { "claudecode/toolUseId": call } });
    talk.peer.ask(id, "tools/call", params);
}

#[test]
fn what_the_hook_was_allowed_is_asked_once_and_is_one_action() {
    let room = Room::new();
    let mut hook = Hook::of(&room);
    let mut talk = gate(&room, ANSWER);
    let card = hook.is_let("t-1", "a", &[]);
    call(&mut talk, 1, "t-1", "a");
    assert_eq!(talk.peer.answer(1)["result"]["arguments"], json!({ "path": "a" }));
    assert_eq!(hook.record("t-1", "a").reconciled.as_deref(), Some(card.id.as_str()));

    // The same again, and the same that the hook was not asked for, are asked for here.
    let mut known = vec![card.id];
    for (id, name) in [(2, "t-1"), (3, "t-2")] {
        call(&mut talk, id, name, "a");
        let seen: Vec<&str> = known.iter().map(String::as_str).collect();
        let case = room.next_case(&seen);
        assert_eq!(case.agent.name, "tidy", "the gate's own agent");
        room.decide(&case, json!({ "kind": "reject", "reason": "Once.", "then": "skip" }));
        assert!(refused(&talk.peer.answer(id)).contains("Once."));
        known.push(case.id);
    }
    talk.end();
    hook.check("t-9", "z");
    let seen: Vec<&str> = known.iter().map(String::as_str).collect();
    let case = room.next_case(&seen);
    assert_eq!((case.actions_total, case.actions[0].id.as_str()), (1, "t-1"));
}

#[test]
fn a_note_lets_nothing_run_that_the_desk_does_not() {
    let room = Room::new();
    let mut hook = Hook::of(&room);
    let mut talk = gate(&room, ECHO);
    // Of a key that was asked for another call, of one that was used, and of none.
    let card = hook.is_let("t-1", "a", &[]);
    hook.note("t-2", "b", "s-1:t-1");
    call(&mut talk, 1, "t-2", "b");
    refused(&talk.peer.answer(1));
    hook.record("t-1", "a");
    call(&mut talk, 2, "t-1", "a");
    refused(&talk.peer.answer(2));
    hook.note("t-3", "c", "s-1:never");
    call(&mut talk, 3, "t-3", "c");
    assert!(refused(&talk.peer.answer(3)).contains("Make it again"));
    assert_eq!(room.inbox(), Vec::<String>::new(), "nobody waits for it");

    // Paused since.
    let other = hook.is_let("t-4", "d", &[&card.id]);
    room.pause("claude-code", "s-1");
    call(&mut talk, 4, "t-4", "d");
    assert!(refused(&talk.peer.answer(4)).contains("paused"));
    assert_eq!(room.case(&other.id).actions_total, 1, "only what was recorded");
    assert_eq!(talk.end(), (Vec::new(), 0), "the server has seen none of it");
}
