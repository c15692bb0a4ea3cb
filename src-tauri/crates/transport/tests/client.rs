//! The client against a desk that says exactly what a test wants it to say.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::mpsc::{self, Receiver};
use std::thread::JoinHandle;
use std::time::Duration;

use handoff_protocol::wire::{ErrorCode, Hello, MAX_FRAME_BYTES, Submit};
use handoff_transport::client::{Client, ClientError};
use handoff_transport::home::Home;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Waits for a line and answers it; `{id}` stands for the call's id, and an
/// empty script line closes the connection.
struct Scripted {
    home: Home,
    heard: Receiver<String>,
    thread: Option<JoinHandle<()>>,
    _folder: TempDir,
}

const WELCOME: &str =
    r#"{"jsonrpc":"2.0","id":{id},"result":{"agent":"a","level":"suggest","protocol":"1"}}"#;

fn scripted(connections: &[&[&str]]) -> Scripted {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::new(folder.path().join("home"));
    home.create().unwrap();
    let listener = UnixListener::bind(home.socket()).unwrap();
    let (sender, heard) = mpsc::channel();
    let connections: Vec<Vec<String>> = connections
        .iter()
        .map(|lines| lines.iter().map(|line| (*line).to_owned()).collect())
        .collect();
    let thread = std::thread::spawn(move || {
        for lines in connections {
            let (stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            for line in lines {
                let mut call = String::new();
                if reader.read_line(&mut call).unwrap() == 0 {
                    break;
                }
                let id = serde_json::from_str::<Value>(&call).unwrap()["id"].to_string();
                sender.send(call).ok();
                if line.is_empty() {
                    break;
                }
                // A client that has given up is part of some tests.
                (&stream).write_all(line.replace("{id}", &id).as_bytes()).ok();
                if !line.ends_with("without an end") {
                    (&stream).write_all(b"\n").ok();
                }
            }
            end(&stream);
        }
    });
    Scripted { home, heard, thread: Some(thread), _folder: folder }
}

fn end(stream: &UnixStream) {
    stream.shutdown(std::net::Shutdown::Both).ok();
}

impl Scripted {
    fn connect(&self) -> Result<Client, ClientError> {
        connect(&self.home)
    }
}

fn connect(home: &Home) -> Result<Client, ClientError> {
    Client::connect(home, Hello { name: "a".to_owned(), ..Hello::default() })
}

impl Drop for Scripted {
    fn drop(&mut self) {
        // Takes the script's remaining connections, so that its thread ends.
        while self.thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
            drop(UnixStream::connect(self.home.socket()));
            std::thread::yield_now();
        }
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

fn ask(client: &mut Client) -> Result<Value, ClientError> {
    client.call("desk.status", &json!({}))
}

#[test]
fn a_first_call_goes_along_with_the_hello() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::new(folder.path().join("home"));
    home.create().unwrap();
    let listener = UnixListener::bind(home.socket()).unwrap();
    let desk = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        // Nothing is answered before both are here.
        let calls: Vec<Value> = (0..2)
            .map(|_| serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap())
            .collect();
        for (call, result) in calls
            .iter()
            .zip([json!({ "agent": "a", "level": "suggest", "protocol": "1" }), json!(7)])
        {
            let answer = json!({ "jsonrpc": "2.0", "id": call["id"], "result": result });
            (&stream).write_all(format!("{answer}\n").as_bytes()).unwrap();
        }
        calls
    });
    let hello = Hello { name: "a".to_owned(), ..Hello::default() };
    let limit = Duration::from_secs(10);
    let (client, answer) =
        Client::connect_calling::<_, u32>(&home, hello, "n", &json!({ "x": 1 }), limit).unwrap();
    assert_eq!((client.welcome().agent.as_str(), answer.unwrap()), ("a", 7));
    let calls = desk.join().unwrap();
    assert_eq!((&calls[0]["method"], &calls[1]["method"]), (&json!("agent.hello"), &json!("n")));
}

#[test]
fn a_hello_that_is_refused_takes_the_first_call_along() {
    let refusal = r#"{"jsonrpc":"2.0","id":{id},"error":{"code":-32013,"message":"no","data":
        {"code":"refused","message":"no","hint":"","retryable":false}}}"#
        .replace('\n', " ");
    let desk = scripted(&[&[&refusal, r#"{"jsonrpc":"2.0","id":{id},"result":7}"#]]);
    let hello = Hello { name: "a".to_owned(), ..Hello::default() };
    let limit = Duration::from_secs(10);
    let outcome = Client::connect_calling::<_, u32>(&desk.home, hello, "n", &json!({}), limit);
    assert!(matches!(outcome, Err(ClientError::Refused { .. })), "{outcome:?}");
}

#[test]
fn hints_and_answers_to_others_are_passed_over() {
    let hint = r#"{"jsonrpc":"2.0","method":"handoff.changed","params":{"id":"h"}}"#;
    let foreign = r#"{"jsonrpc":"2.0","id":99,"result":1}"#;
    let answer =
        format!("{hint}\n{foreign}\n{}", r#"{"jsonrpc":"2.0","id":{id},"result":{"ok":1}}"#);
    let nothing = r#"{"jsonrpc":"2.0","id":{id},"result":null}"#;
    let desk = scripted(&[&[WELCOME, &answer, nothing]]);
    let mut client = desk.connect().unwrap();
    assert_eq!(ask(&mut client).unwrap(), json!({"ok": 1}));
    assert_eq!(ask(&mut client).unwrap(), Value::Null);
}

#[test]
fn an_error_keeps_its_data_and_its_number() {
    let full = r#"{"jsonrpc":"2.0","id":{id},"error":{"code":-32012,"message":"m","data":{"code":"conflict","message":"It is over.","hint":"h","retryable":false}}}"#;
    let bare =
        r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"The line is not JSON."}}"#;
    let desk = scripted(&[&[WELCOME, full, bare]]);
    let mut client = desk.connect().unwrap();
    let Err(ClientError::Refused { number, data }) = ask(&mut client) else { panic!("refused") };
    assert_eq!(
        (number, data.code, data.message.as_str()),
        (-32012, ErrorCode::Conflict, "It is over.")
    );
    let Err(ClientError::Refused { number, data }) = ask(&mut client) else { panic!("refused") };
    assert_eq!((number, data.message.as_str()), (-32700, "The line is not JSON."));
}

#[test]
fn a_connection_that_ends_is_lost_and_not_refused() {
    for script in [&[WELCOME, ""][..], &[WELCOME, r#"{"jsonrpc": without an end"#]] {
        let desk = scripted(&[script]);
        let mut client = desk.connect().unwrap();
        assert!(matches!(ask(&mut client), Err(ClientError::Lost { .. })), "{script:?}");
    }
}

#[test]
fn what_is_no_answer_is_malformed() {
    for line in ["hello", r#"{"jsonrpc":"2.0","id":{id},"result":"#, "[1]"] {
        let desk = scripted(&[&[WELCOME, line]]);
        let mut client = desk.connect().unwrap();
        assert!(matches!(ask(&mut client), Err(ClientError::Malformed { .. })), "{line}");
    }
    let desk = scripted(&[&[WELCOME, r#"{"jsonrpc":"2.0","id":{id},"result":{"ok":1}}"#]]);
    let mut client = desk.connect().unwrap();
    let wrong: Result<Vec<u8>, _> = client.call("desk.status", &json!({}));
    assert!(matches!(wrong, Err(ClientError::Malformed { .. })));
}

#[test]
fn a_line_that_never_ends_is_given_up() {
    let endless = format!("{} without an end", "x".repeat(MAX_FRAME_BYTES + 1));
    let desk = scripted(&[&[WELCOME, &endless, ""]]);
    let mut client = desk.connect().unwrap();
    assert!(matches!(ask(&mut client), Err(ClientError::Malformed { .. })));
}

#[test]
fn a_payload_is_sent_as_it_was_written() {
    let desk = scripted(&[&[WELCOME, r#"{"jsonrpc":"2.0","id":{id},"result":null}"#]]);
    let mut client = desk.connect().unwrap();
    let text = "{\n\t\"a\": 1.0,\r\n  \"a\": 12345678901234567890, \"s\": \"x\\n\"}";
    let handoff = RawValue::from_string(text.to_owned()).unwrap();
    let nothing: Value = client.call("handoff.submit", &Submit::of(&handoff)).unwrap();
    assert_eq!(nothing, Value::Null);
    let sent = desk.heard.iter().nth(1).unwrap();
    let expected = text.replace(['\n', '\r'], " ");
    assert!(sent.contains(&expected), "doubled keys and numbers survive: {sent}");
}

#[test]
fn a_call_too_long_for_a_line_is_not_sent() {
    let desk = scripted(&[&[WELCOME, r#"{"jsonrpc":"2.0","id":{id},"result":7}"#]]);
    let mut client = desk.connect().unwrap();
    let long = json!({"text": "x".repeat(MAX_FRAME_BYTES)});
    let refused: Result<Value, _> = client.call("handoff.submit", &long);
    assert!(matches!(refused, Err(ClientError::TooLarge { .. })));
    assert_eq!(ask(&mut client).unwrap(), json!(7), "the connection is still good");
}

#[test]
fn a_desk_that_is_silent_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::new(folder.path().join("home"));
    home.create().unwrap();
    let listener = UnixListener::bind(home.socket()).unwrap();
    let answered = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        reader.read_line(&mut String::new()).unwrap();
        (&stream).write_all(WELCOME.replace("{id}", "1").as_bytes()).unwrap();
        (&stream).write_all(b"\n").unwrap();
        stream
    });
    let mut client = connect(&home).unwrap();
    let _open = answered.join().unwrap();
    let silent: Result<Value, _> =
        client.call_by("desk.status", &json!({}), Duration::from_millis(50));
    assert!(matches!(silent, Err(ClientError::Lost { .. })));
}

#[test]
fn a_new_name_offers_a_token_that_is_on_disk_already() {
    // The desk goes away in the middle of the first hello, which it may or may
    // not have noted: the token it may have bound must not be lost.
    let desk = scripted(&[&[""], &[WELCOME]]);
    assert!(matches!(desk.connect(), Err(ClientError::Lost { .. })));
    let kept = fs::read_to_string(desk.home.token("a")).unwrap();
    desk.connect().unwrap();
    let offered: Vec<Value> = desk
        .heard
        .try_iter()
        .map(|line| serde_json::from_str::<Value>(&line).unwrap()["params"]["token"].clone())
        .collect();
    assert_eq!(offered, [json!(kept), json!(kept)]);
}

#[test]
fn a_token_made_for_a_name_that_has_another_is_not_kept() {
    let refused = r#"{"jsonrpc":"2.0","id":{id},"error":{"code":-32013,"message":"m","data":{"code":"refused","message":"The name is taken.","hint":"h","retryable":false}}}"#;
    let desk = scripted(&[&[refused], &[refused]]);
    assert!(matches!(desk.connect(), Err(ClientError::Refused { .. })));
    assert!(!desk.home.token("a").exists());
    fs::write(desk.home.token("a"), "older").unwrap();
    assert!(matches!(desk.connect(), Err(ClientError::Refused { .. })));
    assert_eq!(fs::read_to_string(desk.home.token("a")).unwrap(), "older", "not ours to remove");
}

#[test]
fn only_a_socket_of_ours_is_talked_to() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::new(folder.path().join("home"));
    home.create().unwrap();
    assert!(matches!(connect(&home), Err(ClientError::Unreachable { .. })));
    fs::write(home.socket(), "").unwrap();
    assert!(matches!(connect(&home), Err(ClientError::NotOurs { .. })));
    fs::remove_file(home.socket()).unwrap();
    // A link could lead to a socket that somebody else put up.
    let elsewhere = folder.path().join("other.sock");
    let _listener = UnixListener::bind(&elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, home.socket()).unwrap();
    assert!(matches!(connect(&home), Err(ClientError::NotOurs { .. })));
    // A socket that nobody listens on any more.
    fs::remove_file(home.socket()).unwrap();
    drop(UnixListener::bind(home.socket()).unwrap());
    assert!(matches!(connect(&home), Err(ClientError::Unreachable { .. })));
}
