//! Whatever comes in, and whatever the desk says: nothing but its `run` lets a
//! call go on.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use handoff_transport::home::Home;
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Client, Hook, answer};

/// How long a hook may take in these tests, where nothing makes it wait.
const LONG: Duration = Duration::from_secs(30);

fn hook(client: Client, home: &Path, within: Duration) -> Hook {
    Hook {
        client,
        agent: client.name().to_owned(),
        within,
        home: Ok(Home::new(home)),
        start: Box::new(|_, _| Err("No desk is running.".to_owned())),
    }
}

/// What the client makes of the answer to an event: whether the call goes on.
fn goes_on(client: Client, out: &str) -> bool {
    let out: Value = serde_json::from_str(out).expect("one JSON value");
    let said = &out["hookSpecificOutput"];
    let denied = match client {
        Client::ClaudeCode | Client::Codex => {
            said["permissionDecision"] == "deny" || said["decision"]["behavior"] == "deny"
        }
        Client::Gemini => out["decision"] == "deny",
    };
    !denied
}

/// Whether a client would run a tool on this event's answer.
fn is_gate(client: Client, input: &[u8]) -> bool {
    let Ok(input) = serde_json::from_slice::<Value>(input) else { return true };
    let gates: &[&str] = match client {
        Client::ClaudeCode | Client::Codex => &["PreToolUse", "PermissionRequest"],
        Client::Gemini => &["BeforeTool"],
    };
    input["hook_event_name"].as_str().is_none_or(|name| gates.contains(&name))
}

fn an_event() -> impl Strategy<Value = Vec<u8>> {
    let word = || {
        prop_oneof![
            Just(json!("PreToolUse")),
            Just(json!("PermissionRequest")),
            Just(json!("BeforeTool")),
            Just(json!("PostToolUse")),
            Just(json!("Stop")),
            Just(json!("Bash")),
            Just(json!("Read")),
            Just(json!({"command": "ls"})),
            Just(json!({"file_path": "/etc/passwd"})),
            Just(json!({})),
            Just(json!(null)),
            Just(json!(9_007_199_254_740_993_i64)),
            Just(json!(["allow"])),
            ".{0,12}".prop_map(|text| json!(text)),
        ]
    };
    let fields = [
        "hook_event_name",
        "session_id",
        "cwd",
        "transcript_path",
        "tool_name",
        "tool_input",
        "tool_use_id",
        "permissionDecision",
        "verdict",
    ];
    let field = prop::sample::select(fields.to_vec());
    let event = prop::collection::vec((field, word()), 0..9).prop_map(|fields| {
        let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value));
        Value::Object(fields.collect()).to_string().into_bytes()
    });
    prop_oneof![
        6 => event.clone(),
        2 => (event, any::<prop::sample::Index>()).prop_map(|(mut event, at)| {
            event.truncate(at.index(event.len() + 1));
            event
        }),
        1 => prop::collection::vec(any::<u8>(), 0..64),
    ]
}

proptest! {
    #[test]
    fn without_a_desk_no_input_lets_a_call_go_on(input in an_event()) {
        let folder = TempDir::new().expect("a folder");
        for client in Client::ALL {
            let event = input.clone();
            let said = answer(hook(client, folder.path(), LONG), move || Ok(event));
            let goes_on = goes_on(client, &said.out);
            prop_assert!(!(goes_on && is_gate(client, &input)), "{client:?}: {}", said.out);
        }
    }
}

const CALL: &str = r#"{"session_id":"s-1","cwd":"/work","hook_event_name":"PreToolUse",
    "tool_name":"Bash","tool_input":{"command":"ls"},"tool_use_id":"toolu_01"}"#;

/// Something on the socket that greets well, and answers every other call as told.
fn impostor(home: &Path, answer: &str) -> mpsc::Receiver<()> {
    let listener = UnixListener::bind(Home::new(home).socket()).expect("a socket");
    let (answer, (over, ended)) = (answer.to_owned(), mpsc::channel());
    std::thread::spawn(move || {
        // It serves as often as it is asked.
        while let Ok((stream, _)) = listener.accept() {
            serve(&stream, &answer);
            if over.send(()).is_err() {
                break;
            }
        }
    });
    ended
}

fn serve(mut stream: &UnixStream, answer: &str) {
    for line in BufReader::new(stream.try_clone().expect("a socket")).lines() {
        let Ok(line) = line else { return };
        let call: Value = serde_json::from_str(&line).expect("a call");
        let id = &call["id"];
        let said = if call["method"] == "agent.hello" {
            let name = &call["params"]["name"];
            json!({ "jsonrpc": "2.0", "id": id, "result": {
                "agent": name, "level": "execute", "protocol": "1" } })
            .to_string()
        } else if answer == "hang up" {
            return;
        } else {
            answer.replace("ID", &id.to_string())
        };
        if stream.write_all(format!("{said}\n").as_bytes()).is_err() {
            return;
        }
    }
}

#[test]
fn only_run_lets_a_call_go_on_whatever_the_desk_says() {
    let checked = |verdict: &str| {
        json!({ "verdict": verdict, "effect": "read", "why": "It reads.", "pending_for_you": 0,
                "action_hash": "" })
    };
    let result = |result: Value| format!(r#"{{"jsonrpc":"2.0","id":ID,"result":{result}}}"#);
    let run = result(checked("run"));
    let table = [
        run.replace("read", "everything"),
        result(checked("RUN")),
        result(checked("denied")),
        result(json!({ "verdict": "run" })),
        result(json!(null)),
        result(json!("run")),
        result(json!([checked("run")])),
        r#"{"jsonrpc":"2.0","id":ID,"error":{"code":-32603,"message":"run"}}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":ID}"#.to_owned(),
        "run".to_owned(),
        "hang up".to_owned(),
    ];
    // It would go on if the desk said so: what follows can fail.
    let outcome = |said: &str| {
        let home = TempDir::new().expect("a folder");
        let _ended = impostor(home.path(), said);
        let event = CALL.as_bytes().to_vec();
        let within = Duration::from_secs(2);
        answer(hook(Client::ClaudeCode, home.path(), within), move || Ok(event)).out
    };
    assert!(goes_on(Client::ClaudeCode, &outcome(&run)));
    for said in table {
        let out = outcome(&said);
        assert!(!goes_on(Client::ClaudeCode, &out), "{said}: {out}");
    }
}

#[test]
fn an_input_that_never_ends_is_denied_in_time() {
    let home = TempDir::new().expect("a folder");
    let (_open, never) = mpsc::channel::<()>();
    let said = answer(hook(Client::Gemini, home.path(), Duration::from_millis(50)), move || {
        never.recv().map_err(io::Error::other)?;
        Ok(Vec::new())
    });
    assert!(!goes_on(Client::Gemini, &said.out), "{}", said.out);
}

#[test]
fn a_hook_that_fails_itself_is_a_denial() {
    let home = TempDir::new().expect("a folder");
    let said = answer(hook(Client::Codex, home.path(), LONG), || panic!("on purpose"));
    assert!(!goes_on(Client::Codex, &said.out), "{}", said.out);
}
