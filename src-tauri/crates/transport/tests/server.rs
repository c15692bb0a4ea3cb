//! The listening end, spoken to with plain bytes by several clients at once.

#![cfg(feature = "server")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use handoff_protocol::session::{Host, Push, Reply, Session};
use handoff_protocol::wire::{ErrorCode, ErrorData, MAX_FRAME_BYTES};
use handoff_transport::server::Server;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

/// Answers `echo` with its parameters, `later` never, anything else with an
/// error; counts its sessions.
#[derive(Clone, Default)]
struct Echo {
    open: Arc<AtomicUsize>,
}

struct EchoSession {
    open: Arc<AtomicUsize>,
    push: Push,
}

impl Host for Echo {
    fn open(&self, push: Push) -> Arc<dyn Session> {
        self.open.fetch_add(1, Ordering::SeqCst);
        Arc::new(EchoSession { open: Arc::clone(&self.open), push })
    }
}

impl Session for EchoSession {
    fn call(self: Arc<Self>, method: String, params: Option<Box<RawValue>>) -> Reply {
        Box::pin(async move {
            match method.as_str() {
                "echo" => Ok(params.unwrap_or_else(|| to_raw_value(&Value::Null).unwrap())),
                "hint" => {
                    (self.push)("hinted", &json!({ "n": 1 }));
                    Ok(to_raw_value(&true).unwrap())
                }
                "later" => std::future::pending().await,
                other => Err(ErrorData {
                    code: ErrorCode::MethodNotFound,
                    message: format!("no {other}"),
                    hint: String::new(),
                    retryable: false,
                    faults: Vec::new(),
                    winner: None,
                }),
            }
        })
    }

    fn close(&self) {
        self.open.fetch_sub(1, Ordering::SeqCst);
    }
}

struct Running {
    path: PathBuf,
    host: Echo,
    _folder: tempfile::TempDir,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn start() -> Running {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("desk.sock");
    let host = Echo::default();
    let server = Server::bind(&path).expect("bound");
    let task = tokio::spawn(server.run(Arc::new(host.clone())));
    Running { path, host, _folder: folder, task }
}

struct Client {
    read: tokio::io::Lines<BufReader<OwnedReadHalf>>,
    write: OwnedWriteHalf,
}

impl Client {
    async fn connect(running: &Running) -> Self {
        let (read, write) = UnixStream::connect(&running.path).await.unwrap().into_split();
        Self { read: BufReader::new(read).lines(), write }
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.write.write_all(bytes).await.unwrap();
        self.write.write_all(b"\n").await.unwrap();
    }

    async fn next(&mut self) -> Value {
        let line = self.read.next_line().await.unwrap().expect("an answer");
        serde_json::from_str(&line).unwrap()
    }

    async fn ask(&mut self, line: &str) -> Value {
        self.send(line.as_bytes()).await;
        self.next().await
    }

    async fn echo(&mut self, value: Value) -> Value {
        let call = json!({ "jsonrpc": "2.0", "id": 7, "method": "echo", "params": value });
        self.ask(&call.to_string()).await["result"].clone()
    }
}

async fn soon(mut happens: impl FnMut() -> bool) {
    let waiting = async {
        while !happens() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting).await.expect("it never happened");
}

#[tokio::test]
async fn the_socket_is_private_and_only_a_dead_one_is_replaced() {
    let running = start();
    let mode = std::fs::metadata(&running.path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let stolen = Server::bind(&running.path).expect_err("a live socket is not stolen");
    assert_eq!(stolen.kind(), std::io::ErrorKind::AddrInUse);
    let mut client = Client::connect(&running).await;
    assert_eq!(client.echo(json!([1])).await, json!([1]));
    running.task.abort();
    soon(|| std::os::unix::net::UnixStream::connect(&running.path).is_err()).await;
    Server::bind(&running.path).expect("a dead socket is replaced");
}

/// Only root can become somebody else; a thread can, and the rest of the
/// process stays who it is.
#[cfg(target_os = "linux")]
#[tokio::test]
#[expect(clippy::print_stderr, reason = "whoever runs it must know that it did not")]
async fn a_program_of_another_user_is_refused_even_where_the_files_let_it_in() {
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::UnixStream as Plain;

    use rustix::process::Uid;

    if !rustix::process::geteuid().is_root() {
        // A machine that only runs tests has to have what they need.
        assert!(std::env::var_os("CI").is_none(), "under CI this test is run as root");
        eprintln!("SKIPPED: only root can become another user");
        return;
    }
    let running = start();
    let folder = running.path.parent().unwrap();
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::set_permissions(&running.path, std::fs::Permissions::from_mode(0o666)).unwrap();
    let ask = |path: &std::path::Path, uid: Option<u32>| {
        let path = path.to_owned();
        tokio::task::spawn_blocking(move || {
            let asking = std::thread::spawn(move || {
                if let Some(uid) = uid.map(Uid::from_raw) {
                    rustix::thread::set_thread_res_uid(uid, uid, uid).unwrap();
                }
                let mut stream = Plain::connect(path).unwrap();
                let call = b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\"}\n";
                // Whether the desk has hung up before or after is all the same.
                drop(stream.write_all(call));
                drop(stream.shutdown(std::net::Shutdown::Write));
                let mut answer = Vec::new();
                drop(stream.read_to_end(&mut answer));
                answer
            });
            asking.join().unwrap()
        })
    };
    assert!(ask(&running.path, Some(65_534)).await.unwrap().is_empty(), "nothing is said to it");
    assert!(!ask(&running.path, None).await.unwrap().is_empty(), "its own user is answered");
}

#[tokio::test]
async fn bad_lines_are_answered_and_disturb_nobody() {
    let running = start();
    let mut client = Client::connect(&running).await;
    let mut other = Client::connect(&running).await;
    let cases = [
        ("{", -32700, Value::Null),
        ("nonsense", -32700, Value::Null),
        ("[]", -32600, Value::Null),
        ("1", -32600, Value::Null),
        ("\"x\"", -32600, Value::Null),
        (r#"{"jsonrpc":"2.0","id":3}"#, -32600, json!(3)),
        (r#"{"jsonrpc":"1.0","id":4,"method":"echo"}"#, -32600, json!(4)),
        (r#"{"id":5,"method":"echo"}"#, -32600, json!(5)),
        (r#"{"jsonrpc":"2.0","id":{},"method":"echo"}"#, -32600, Value::Null),
        (r#"{"jsonrpc":"2.0","id":null,"method":"echo"}"#, -32600, Value::Null),
        (r#"{"jsonrpc":"2.0","id":true,"method":"echo"}"#, -32600, Value::Null),
        (r#"{"jsonrpc":"2.0","id":6,"method":"nothing"}"#, -32601, json!(6)),
        (r#"{"jsonrpc":"2.0","id":8,"method":9}"#, -32600, json!(8)),
    ];
    for (line, number, id) in cases {
        let answer = client.ask(line).await;
        assert_eq!(answer["error"]["code"], number, "{line}: {answer}");
        assert_eq!(answer["id"], id, "{line}");
        assert!(!answer["error"]["data"]["message"].as_str().unwrap().is_empty());
        assert_eq!(other.echo(json!(line)).await, json!(line));
    }
    client.send(b"\xff\xfe").await;
    assert_eq!(client.next().await["error"]["code"], -32700);
    assert_eq!(client.echo(json!("still here")).await, json!("still here"));
}

#[tokio::test]
async fn a_frame_over_the_limit_is_refused_and_the_next_is_read() {
    let running = start();
    let mut client = Client::connect(&running).await;
    let mut other = Client::connect(&running).await;
    let huge = "x".repeat(MAX_FRAME_BYTES + 1);
    let (answer, ()) = tokio::join!(client.ask(&huge), async {
        assert_eq!(other.echo(json!(1)).await, json!(1));
    });
    assert_eq!(answer["error"]["data"]["code"], "frame_too_large");
    let large = json!("y".repeat(8 * 1024 * 1024));
    assert_eq!(client.echo(large.clone()).await, large, "8 MiB pass");
}

#[tokio::test]
async fn calls_do_not_wait_for_each_other() {
    let running = start();
    let mut client = Client::connect(&running).await;
    client.send(br#"{"jsonrpc":"2.0","id":1,"method":"later"}"#).await;
    client.send(br#"{"jsonrpc":"2.0","method":"echo"}"#).await;
    assert_eq!(client.echo(json!(2)).await, json!(2), "a notification has no answer");
}

#[tokio::test]
async fn a_line_that_comes_in_parts_survives_the_end_of_another_call() {
    let running = start();
    let mut client = Client::connect(&running).await;
    let call =
        |id: u32| format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"echo","params":[{id}]}}"#);
    let second = call(2);
    let (begin, end) = second.split_at(20);
    client.write.write_all(format!("{}\n{begin}", call(1)).as_bytes()).await.unwrap();
    assert_eq!(client.next().await["result"], json!([1]));
    // Long enough for the server to have noticed the end of the first call.
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    client.send(end.as_bytes()).await;
    assert_eq!(client.next().await["result"], json!([2]));
}

#[tokio::test]
async fn more_calls_than_allowed_are_refused_and_the_connection_goes_on() {
    let running = start();
    let mut client = Client::connect(&running).await;
    for id in 0..300 {
        let call = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"later"}}"#);
        client.send(call.as_bytes()).await;
    }
    for _ in 256..300 {
        assert_eq!(client.next().await["error"]["data"]["code"], "unavailable");
    }
    drop(client);
    soon(|| running.host.open.load(Ordering::SeqCst) == 0).await;
}

#[tokio::test]
async fn hints_arrive_as_notifications() {
    let running = start();
    let mut client = Client::connect(&running).await;
    client.send(br#"{"jsonrpc":"2.0","id":"h","method":"hint"}"#).await;
    let (first, second) = (client.next().await, client.next().await);
    assert_eq!(first["method"], "hinted");
    assert_eq!((&second["id"], &second["result"]), (&json!("h"), &json!(true)));
}

#[tokio::test]
async fn three_hundred_connections_at_once() {
    let running = start();
    let mut clients = Vec::new();
    for _ in 0..300 {
        clients.push(Client::connect(&running).await);
    }
    for (number, client) in clients.iter_mut().enumerate() {
        assert_eq!(client.echo(json!(number)).await, json!(number));
    }
    assert_eq!(running.host.open.load(Ordering::SeqCst), 300);
    drop(clients);
    soon(|| running.host.open.load(Ordering::SeqCst) == 0).await;
}

#[tokio::test]
async fn a_peer_that_only_stops_sending_gets_its_answer() {
    let running = start();
    let mut client = Client::connect(&running).await;
    client.send(br#"{"jsonrpc":"2.0","id":1,"method":"echo","params":["last"]}"#).await;
    client.write.shutdown().await.unwrap();
    assert_eq!(client.next().await["result"], json!(["last"]));
}
