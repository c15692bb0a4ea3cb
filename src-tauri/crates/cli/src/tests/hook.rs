//! The hook of a coding agent against a real desk.

use handoff_domain::autonomy::Level;
use handoff_domain::decision::action_hash;
use handoff_domain::lifecycle::State;
use handoff_protocol::view::{List, QueueQuery};
use handoff_transport::session::{Let, Passed, Session, served};
use serde_json::{Value, json};

use super::room::{Ended, Room, Running, well};
use crate::exit::Exit;

/// An event of Claude Code about a call of this session.
fn event(name: &str, call: &str, tool: &str, input: &Value) -> String {
    let mut event = json!({
        "session_id": "s-1", "cwd": "/work", "hook_event_name": name, "tool_name": tool,
        "tool_input": input,
    });
    if name != "PermissionRequest" {
        event["tool_use_id"] = json!(call);
    }
    if name == "PostToolUse" {
        event["tool_response"] = json!({ "stdout": "so it was" });
    }
    event.to_string()
}

fn removes(name: &str, call: &str, path: &str) -> String {
    event(name, call, "Bash", &json!({ "command": format!("rm {path}") }))
}

fn begin(room: &Room, event: &str) -> Running {
    room.start_with(&["hook", "claude-code", "--answer-within", "60"], event)
}

fn said(ended: &Ended) -> Value {
    assert_eq!(ended.exit, Exit::Done, "{ended:?}");
    ended.json()["hookSpecificOutput"].clone()
}

fn reason(ended: &Ended) -> String {
    let said = said(ended);
    assert_eq!(said["permissionDecision"], "deny", "{ended:?}");
    said["permissionDecisionReason"].as_str().expect("a reason").to_owned()
}

fn allowed(ended: &Ended) -> bool {
    said(ended)["permissionDecision"] == "allow"
}

/// The ids of what waits for the reviewer.
fn waiting(room: &Room) -> Vec<String> {
    let query = QueueQuery { list: List::Inbox, search: String::new(), limit: 100 };
    let view = well(room.runtime.block_on(room.desk().engine.queue(query)));
    view.items.into_iter().map(|item| item.id).collect()
}

#[test]
fn a_read_goes_on_and_an_approval_is_good_for_one_call() {
    let room = Room::new();
    let read = event("PreToolUse", "t-1", "Bash", &json!({ "command": "ls" }));
    assert!(allowed(&begin(&room, &read).end()));
    assert!(waiting(&room).is_empty());
    let held = begin(&room, &removes("PreToolUse", "t-2", "old"));
    let case = room.next_case(&[]);
    assert_eq!((case.agent.name.as_str(), case.task.id.as_str()), ("claude-code", "s-1"));
    assert!(case.allowed.modify, "it can be edited");
    room.decide(&case, json!({ "kind": "approve", "option": "run" }));
    assert!(allowed(&held.end()));
    let done = begin(&room, &removes("PostToolUse", "t-2", "old")).end();
    assert_eq!((done.exit, done.json()), (Exit::Done, json!({})));
    assert_eq!(room.case(&case.id).state, State::Reconciled);
    let again = begin(&room, &removes("PreToolUse", "t-3", "old"));
    let other = room.next_case(&[]);
    assert_ne!(other.id, case.id);
    room.decide(&other, json!({ "kind": "reject", "reason": "Once is enough.", "then": "skip" }));
    assert!(reason(&again.end()).contains("Once is enough."));
    assert_eq!(room.case(&other.id).state, State::Reconciled);
}

#[test]
fn an_edit_reaches_the_client_complete() {
    let room = Room::new();
    let held = begin(&room, &removes("PreToolUse", "t-1", "old dear"));
    let case = room.next_case(&[]);
    let args = json!({ "command": "rm old" });
    room.decide(&case, json!({ "kind": "modify", "option": "run", "args": args }));
    let said = said(&held.end());
    assert_eq!((&said["permissionDecision"], &said["updatedInput"]), (&json!("allow"), &args));
    begin(&room, &removes("PostToolUse", "t-1", "old")).end();
    let report = room.case(&case.id).report.expect("a report");
    assert_eq!(report.outcome, handoff_domain::lifecycle::Outcome::Applied);
}

#[test]
fn an_edit_is_not_lost_while_the_task_is_paused_or_nobody_waits() {
    let room = Room::new();
    let args = json!({ "command": "rm old" });
    let edit = json!({ "kind": "modify", "option": "run", "args": args });
    let call = |id: &str| removes("PreToolUse", id, "old dear");
    let late = ["hook", "claude-code", "--answer-within", "2"];
    let held = begin(&room, &call("t-1"));
    let case = room.next_case(&[]);
    room.pause("claude-code", "s-1", true);
    room.decide(&case, edit.clone());
    room.until_state(&case.id, State::Collected);
    room.pause("claude-code", "s-1", false);
    let edited = said(&held.end());
    assert_eq!((&edited["permissionDecision"], &edited["updatedInput"]), (&json!("allow"), &args));

    room.run_with(&late, &call("t-3"));
    let case = room.next_case(&[]);
    room.decide(&case, edit);
    let said = said(&begin(&room, &call("t-4")).end());
    assert_eq!((&said["permissionDecision"], &said["updatedInput"]), (&json!("allow"), &args));
}

#[test]
fn the_second_gate_does_not_ask_twice() {
    let room = Room::new();
    let held = begin(&room, &removes("PreToolUse", "t-1", "old"));
    let case = room.next_case(&[]);
    room.decide(&case, json!({ "kind": "approve", "option": "run" }));
    assert!(allowed(&held.end()));
    let prompt = removes("PermissionRequest", "", "old");
    let said = said(&begin(&room, &prompt).end());
    assert_eq!(said["decision"]["behavior"], "allow");
    assert!(waiting(&room).is_empty());
    // It was let through once; by itself it is a question of its own.
    let alone = begin(&room, &prompt);
    let other = room.next_case(&[]);
    assert_ne!(other.id, case.id);
    room.decide(&other, json!({ "kind": "take_over" }));
    let decision = self::said(&alone.end())["decision"].clone();
    assert_eq!(decision["behavior"], "deny");
    assert!(decision["message"].to_string().contains("taken this task over"), "{decision}");
}

/// The model of a session that the desk knows was allowed a call at the MCP
/// server, which has noted it for the hook; the card it was.
fn allowed_at_the_server(room: &Room, path: &str) -> String {
    begin(room, &event("PreToolUse", "t-0", "Bash", &json!({ "command": "ls" }))).end();
    let args = json!({ "command": format!("rm {path}") });
    let check = json!({ "task": "s-1", "tool": "Bash", "args": args, "key": "mcp:1",
        "cwd": "/work" });
    let ask = || {
        let words = ["--json", "--agent", "claude-code", "check", "-"];
        room.start_with(&words, &check.to_string()).end()
    };
    assert_eq!(ask().exit, Exit::Pending);
    let case = room.next_case(&[]);
    room.decide(&case, json!({ "kind": "approve", "option": "run" }));
    assert_eq!(ask().exit, Exit::Done);
    let session = Session { agent: "claude-code".to_owned(), id: "s-1".to_owned() };
    let hash = action_hash("Bash", args.as_object().expect("an object"));
    let passed = Let { key: "mcp:1".to_owned(), cwd: Some("/work".to_owned()) };
    session.note(&room.desk().home, Passed::Asked, &hash, &passed).expect("noted");
    case.id
}

#[test]
fn what_the_server_allowed_passes_once_in_its_folder_and_closes_its_card() {
    let room = Room::new();
    let card = allowed_at_the_server(&room, "old");
    assert!(allowed(&begin(&room, &removes("PreToolUse", "t-1", "old")).end()));
    assert!(waiting(&room).is_empty());
    begin(&room, &removes("PostToolUse", "t-1", "old")).end();
    assert_eq!(room.case(&card).state, State::Reconciled);
    let again = begin(&room, &removes("PreToolUse", "t-2", "old"));
    let other = room.next_case(&[&card]);
    room.decide(&other, json!({ "kind": "reject", "reason": "Once.", "then": "skip" }));
    assert!(reason(&again.end()).contains("Once."));

    let room = Room::new();
    let card = allowed_at_the_server(&room, "old");
    let elsewhere = removes("PreToolUse", "t-1", "old").replace("/work", "/elsewhere");
    let held = begin(&room, &elsewhere);
    let other = room.next_case(&[&card]);
    room.decide(&other, json!({ "kind": "reject", "reason": "Not there.", "then": "skip" }));
    assert!(reason(&held.end()).contains("Not there."));
}

#[test]
fn what_the_server_allowed_does_not_pass_once_the_task_is_taken_over() {
    let room = Room::new();
    let card = allowed_at_the_server(&room, "old");
    let held = begin(&room, &removes("PreToolUse", "t-1", "dear"));
    let other = room.next_case(&[&card]);
    room.decide(&other, json!({ "kind": "take_over" }));
    held.end();
    let late = begin(&room, &removes("PreToolUse", "t-2", "old"));
    assert!(reason(&late.end()).contains("taken this task over"));
}

#[test]
fn two_calls_at_once_are_two_questions() {
    let room = Room::new();
    let one = begin(&room, &removes("PreToolUse", "t-1", "old"));
    let first = room.next_case(&[]);
    // The very same, but another call of it.
    let two = begin(&room, &removes("PreToolUse", "t-2", "old"));
    room.decide(&first, json!({ "kind": "approve", "option": "run" }));
    // Whichever of the two takes the yes, the other is a question.
    let second = room.next_case(&[&first.id]);
    room.decide(&second, json!({ "kind": "inform", "text": "It is gone.", "facts": { "n": 1 } }));
    let (goes, stays): (Vec<_>, Vec<_>) = [one.end(), two.end()].into_iter().partition(allowed);
    assert_eq!(goes.len(), 1, "{stays:?}");
    let why = reason(&stays[0]);
    assert!(why.contains("It is gone.") && why.contains("n is 1."), "{why}");
}

#[test]
fn what_is_not_decided_in_time_is_waited_for_by_the_same_call() {
    let room = Room::new();
    let event = removes("PreToolUse", "t-1", "old");
    let late = room.run_with(&["hook", "claude-code", "--answer-within", "1"], &event);
    let case = room.next_case(&[]);
    let why = reason(&late);
    assert!(why.contains("not decided yet") && why.contains(&case.id), "{why}");
    // The turn may end: it was told to come back.
    let stop = json!({ "session_id": "s-1", "hook_event_name": "Stop" }).to_string();
    assert_eq!(begin(&room, &stop).end().json(), json!({}));
    let again = begin(&room, &removes("PreToolUse", "t-2", "old"));
    room.until_listened_to(&case.id);
    assert_eq!(waiting(&room), std::slice::from_ref(&case.id), "it is the same question");
    room.decide(&case, json!({ "kind": "approve", "option": "run" }));
    assert!(allowed(&again.end()));
    begin(&room, &removes("PostToolUse", "t-2", "old")).end();
    assert_eq!(room.case(&case.id).state, State::Reconciled);
}

#[test]
fn what_the_terminal_answered_first_is_taken_back() {
    let room = Room::new();
    let held = begin(&room, &removes("PreToolUse", "t-1", "old"));
    let case = room.next_case(&[]);
    room.until_listened_to(&case.id);
    begin(&room, &removes("PostToolUse", "t-1", "old")).end();
    assert_eq!(room.case(&case.id).state, State::Withdrawn);
    assert!(reason(&held.end()).contains("withdrawn"));
    // And what nobody waits for when the turn is over.
    let held = begin(&room, &removes("PreToolUse", "t-2", "new"));
    let case = room.next_case(&[]);
    room.until_listened_to(&case.id);
    let busy = json!({ "session_id": "s-1", "hook_event_name": "Stop",
                       "background_tasks": [{ "id": "b" }] });
    begin(&room, &busy.to_string()).end();
    assert_eq!(room.case(&case.id).state, State::Ready, "somebody may wait for it still");
    let stop = json!({ "session_id": "s-1", "hook_event_name": "Stop" }).to_string();
    begin(&room, &stop).end();
    assert_eq!(room.case(&case.id).state, State::Withdrawn);
    assert!(reason(&held.end()).contains("withdrawn"));
}

#[test]
fn a_gate_in_front_of_the_server_learns_what_was_let_go_on() {
    let room = Room::new();
    let session = Session { agent: "claude-code".to_owned(), id: "s-1".to_owned() };
    let told = |path: &str, call: &str| {
        let args = json!({ "path": path });
        let name = served("write", args.as_object().expect("an object"), Some(call));
        session.take_served(&room.desk().home, &name)
    };
    let write = |name: &str, call: &str, path: &str| {
        begin(&room, &event(name, call, "mcp__files__write", &json!({ "path": path })))
    };
    let held = write("PreToolUse", "t-1", "a b");
    let case = room.next_case(&[]);
    assert_eq!(told("a b", "t-1"), None, "nobody has said yes");
    let edit = json!({ "kind": "modify", "option": "run", "args": { "path": "a" } });
    room.decide(&case, edit);
    assert!(allowed(&held.end()));
    let refused = write("PreToolUse", "t-2", "c");
    let other = room.next_case(&[&case.id]);
    room.decide(&other, json!({ "kind": "reject", "reason": "Not c.", "then": "skip" }));
    reason(&refused.end());
    assert_eq!((told("a b", "t-1"), told("a", "t-2"), told("c", "t-2")), (None, None, None));
    let noted = told("a", "t-1").expect("as it was edited");
    assert_eq!(noted.tool, "mcp__files__write");
    assert!(noted.passed.fits(Some("/work")));

    let name = |path: &str| {
        let args = json!({ "path": path });
        served("write", args.as_object().expect("an object"), Some("t-1"))
    };
    session.note_served(&room.desk().home, &name("a"), &noted).expect("noted");
    write("PostToolUse", "t-1", "a").end();
    assert_eq!(told("a", "t-1"), None, "it is made, and made once");
}

#[test]
fn a_file_that_a_tool_writes_is_kept_before() {
    let room = Room::new();
    let path = room.file("notes.txt", "before");
    let input = json!({ "file_path": path, "content": "after" });
    let mut event: Value =
        serde_json::from_str(&event("PreToolUse", "t-1", "Write", &input)).expect("JSON");
    event["cwd"] = json!(room.folder());
    let held = begin(&room, &event.to_string());
    let case = room.next_case(&[]);
    let action = case.options[0].action.as_ref().expect("an action");
    assert_eq!(action.files, [path]);
    assert_eq!(case.options[0].effect, handoff_domain::action::Effect::Reversible);
    room.decide(&case, json!({ "kind": "approve", "option": "run" }));
    assert!(allowed(&held.end()));
}

#[test]
fn what_a_session_wrote_as_a_draft_is_looked_through_at_its_end() {
    let room = Room::new();
    let path = room.file("notes.txt", "before");
    let input = json!({ "file_path": path, "content": "after" });
    let folder = room.folder().display().to_string();
    let here = |name: &str, id: &str| event(name, id, "Write", &input).replace("/work", &folder);
    let read = event("PreToolUse", "t-1", "Bash", &json!({ "command": "ls" }));
    begin(&room, &read.replace("/work", &folder)).end();
    room.set_level("claude-code", Level::Draft);
    assert!(allowed(&begin(&room, &here("PreToolUse", "t-2")).end()));
    begin(&room, &here("PostToolUse", "t-2")).end();
    assert!(waiting(&room).is_empty());
    let end = json!({ "session_id": "s-1", "hook_event_name": "SessionEnd", "reason": "other" });
    assert_eq!(begin(&room, &end.to_string()).end().json(), json!({}));
    let draft = room.next_case(&[]);
    assert!(draft.is_draft);
    assert_eq!(draft.actions[0].source, "observed by hook");
    let told = draft.actions[0].output.as_ref().expect("an output").head.clone();
    assert!(told.contains("so it was"), "{told}");
    // Who takes the session up again begins its task anew.
    assert!(allowed(&begin(&room, &here("PreToolUse", "t-3")).end()));
    // Another that the desk has never heard of, or no desk at all, is no fault.
    let other = end.to_string().replace("s-1", "s-2");
    assert_eq!(begin(&room, &other).end().json(), json!({}));
    let home = room.folder().join("nobody");
    let words = ["hook", "claude-code", "--answer-within", "4"];
    let off = super::room::start(home, &words, other.as_bytes(), None).end();
    assert_eq!((off.exit, off.json(), off.err.as_str()), (Exit::Done, json!({}), ""));
}

#[test]
fn the_folder_and_any_site_are_in_scope_and_a_file_beyond_is_asked_for() {
    let room = Room::new();
    let asks = |tool: &str, input: &Value| begin(&room, &event("PreToolUse", tool, tool, input));
    for (tool, input) in [
        ("Read", json!({ "file_path": "/work/notes.txt" })),
        ("WebFetch", json!({ "url": "https://example.com/a", "prompt": "What is it?" })),
    ] {
        assert!(allowed(&asks(tool, &input).end()), "{tool}");
    }
    let held = asks("Grep", &json!({ "pattern": "key", "path": "/elsewhere" }));
    let case = room.next_case(&[]);
    assert_eq!(json!(case.reason.code), json!("scope_exceeded"));
    room.decide(&case, json!({ "kind": "reject", "reason": "Stay here.", "then": "skip" }));
    assert!(reason(&held.end()).contains("Stay here."));
}

#[test]
fn a_client_that_takes_no_edit_offers_none() {
    let room = Room::new();
    let prompt = removes("PermissionRequest", "", "old");
    let held = room.start_with(&["hook", "codex", "--answer-within", "60"], &prompt);
    let case = room.next_case(&[]);
    assert_eq!(case.agent.name, "codex");
    assert!(case.allowed.approve && !case.allowed.modify);
    assert!(case.summary.contains("cannot be edited"), "{}", case.summary);
    room.decide(&case, json!({ "kind": "approve", "option": "run" }));
    assert_eq!(said(&held.end())["decision"]["behavior"], "allow");
}

#[test]
fn equal_calls_that_have_no_name_are_asked_each_time() {
    let room = Room::new();
    let event = json!({
        "session_id": "s-1", "cwd": "/work", "hook_event_name": "BeforeTool",
        "tool_name": "run_shell_command", "tool_input": { "command": "rm old" },
    })
    .to_string();
    let mut known: Vec<String> = Vec::new();
    for _ in 0..2 {
        let held = room.start_with(&["hook", "gemini", "--answer-within", "60"], &event);
        let case = room.next_case(&known.iter().map(String::as_str).collect::<Vec<_>>());
        room.decide(&case, json!({ "kind": "approve", "option": "run" }));
        assert_eq!(held.end().json(), json!({ "decision": "allow" }));
        known.push(case.id);
    }
}

#[test]
fn a_desk_that_is_off_or_goes_away_permits_nothing() {
    let room = Room::new();
    let home = room.folder().join("nobody");
    let words = ["hook", "claude-code", "--answer-within", "60"];
    let event = removes("PreToolUse", "t-1", "old");
    let off = super::room::start(home, &words, event.as_bytes(), None).end();
    assert!(reason(&off).contains("while no desk answers"), "{off:?}");
    let held = room.start_with(&["hook", "claude-code", "--answer-within", "3"], &event);
    let case = room.next_case(&[]);
    room.until_listened_to(&case.id);
    room.end();
    assert!(reason(&held.end()).contains("while no desk answers"));
}

#[test]
fn a_desk_that_comes_back_is_asked_on() {
    let mut room = Room::new();
    let held = begin(&room, &removes("PreToolUse", "t-1", "old"));
    let case = room.next_case(&[]);
    room.until_listened_to(&case.id);
    room.restart();
    room.until_listened_to(&case.id);
    room.decide(&room.case(&case.id), json!({ "kind": "approve", "option": "run" }));
    assert!(allowed(&held.end()));
}

#[test]
fn a_paused_task_is_waited_for() {
    let room = Room::new();
    let first = begin(&room, &event("PreToolUse", "t-1", "Bash", &json!({ "command": "ls" })));
    assert!(allowed(&first.end()));
    room.pause("claude-code", "s-1", true);
    let held = begin(&room, &removes("PreToolUse", "t-2", "old"));
    let late = room.run_with(
        &["hook", "claude-code", "--answer-within", "1"],
        &removes("PreToolUse", "t-3", "new"),
    );
    assert!(reason(&late).contains("paused"), "{late:?}");
    assert!(waiting(&room).is_empty());
    room.pause("claude-code", "s-1", false);
    let case = room.next_case(&[]);
    room.decide(&case, json!({ "kind": "approve", "option": "run" }));
    assert!(allowed(&held.end()));
}

#[test]
fn settings_are_changed_once_and_shown_before() {
    let room = Room::new();
    let claude = room.folder().join("claude").display().to_string();
    let file = room.folder().join("claude").join("settings.json");
    let run = |words: &[&str]| room.run_in(&[("CLAUDE_CONFIG_DIR", &claude)], words);
    let shown = run(&["install", "claude-code", "--dry-run"]);
    assert!(shown.out.contains('+') && shown.out.contains("PreToolUse"), "{shown:?}");
    assert!(!file.exists());
    let done = run(&["install", "claude-code", "--json"]).json();
    assert_eq!((&done["changed"], &done["backup"]), (&json!(true), &Value::Null));
    assert!(file.exists());
    let server = room.run_in(&[("CODEX_HOME", &claude)], &["install", "codex"]);
    assert!(server.out.contains("codex mcp add handoff -- handoff mcp\n"), "{server:?}");
    assert_eq!(run(&["install", "claude-code", "--json"]).json()["changed"], json!(false));
    assert_eq!(run(&["uninstall", "claude-code", "--json"]).json()["changed"], json!(true));
    assert!(!file.exists(), "what was made for the hooks goes with them");
    let shared = room.run(&["install", "codex", "--scope", "project", "--dry-run"]);
    assert!(shared.err.contains("This file is the project's"), "{shared:?}");
    assert!(shown.err.is_empty(), "one's own settings are nobody else's: {shown:?}");
    std::fs::write(&file, "{ // mine\n}").expect("written");
    let refused = run(&["install", "claude-code"]);
    assert_eq!(refused.exit, Exit::Refused);
    assert!(refused.err.contains("not valid JSON"), "{refused:?}");
    assert_eq!(std::fs::read_to_string(&file).expect("there"), "{ // mine\n}");
}
