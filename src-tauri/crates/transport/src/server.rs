//! The listening end of the socket: accepts, checks the peer, frames lines,
//! and hands calls to a [`Host`]. It knows no method.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use handoff_protocol::session::{Host, Push, Session};
use handoff_protocol::wire::{ErrorCode, ErrorData, MAX_FRAME_BYTES, Request};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::unix::OwnedWriteHalf;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use crate::frame::{self, Frame};

/// How many calls of one connection may be under way at once.
const CALLS_AT_ONCE: usize = 256;

/// How many answers may wait to be written before calls have to wait.
const OUTGOING: usize = 64;

/// How long calls may still be answered after the peer has stopped sending.
const LINGER: std::time::Duration = std::time::Duration::from_millis(300);

/// A bound socket.
#[derive(Debug)]
pub struct Server {
    listener: UnixListener,
}

impl Server {
    /// Binds the socket at `path`, readable by this user alone, in a folder
    /// that is this user's alone.
    ///
    /// The caller owns the home (holds its lock), so a file that is there is
    /// the leaving of a dead desk, unless something answers on it: that is
    /// left alone and the bind fails.
    pub fn bind(path: &Path) -> std::io::Result<Self> {
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(std::io::Error::new(
                std::io::ErrorKind::AddrInUse,
                format!("another program answers on {}", path.display()),
            ));
        }
        match std::fs::remove_file(path) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let listener = UnixListener::bind(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        Ok(Self { listener })
    }

    /// Serves connections for as long as the future is polled.
    pub async fn run(self, host: Arc<dyn Host>) {
        let own = rustix::process::geteuid().as_raw();
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                Some(_) = connections.join_next() => continue,
            };
            match accepted {
                Ok((stream, _)) => match stream.peer_cred() {
                    Ok(peer) if peer.uid() == own => {
                        connections.spawn(converse(stream, Arc::clone(&host)));
                    }
                    Ok(peer) => tracing::warn!(uid = peer.uid(), "refused another user"),
                    Err(error) => tracing::warn!(%error, "refused an unknown peer"),
                },
                Err(error) => {
                    // Out of file descriptors, most likely: what is open goes on.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                }
            }
        }
    }
}

/// Closes the session also when the connection's task is dropped.
struct Open(Arc<dyn Session>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.close();
    }
}

async fn converse(stream: UnixStream, host: Arc<dyn Host>) {
    let (read, write) = stream.into_split();
    let (outgoing, to_write) = mpsc::channel::<Vec<u8>>(OUTGOING);
    let session = Open(host.open(push(outgoing.clone())));
    let mut tasks = JoinSet::new();
    let writer = tokio::spawn(write_all(write, to_write));
    let places = Arc::new(Semaphore::new(CALLS_AT_ONCE));
    let mut reader = BufReader::with_capacity(64 * 1024, read);
    loop {
        // Read to its end whatever else happens: a read that is given up in the
        // middle loses what it had.
        let frame = frame::read(&mut reader, MAX_FRAME_BYTES).await;
        while tasks.try_join_next().is_some() {}
        match frame {
            Ok(Frame::Line(line)) => {
                let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                    if outgoing.send(too_many(&line)).await.is_err() {
                        break;
                    }
                    continue;
                };
                // In the order they came: a call may rest on the one before it.
                let (reply, outgoing) = (begun(&session.0, &line), outgoing.clone());
                tasks.spawn(async move {
                    if let Some(answer) = reply.await {
                        // A peer that is gone needs no answer.
                        drop(outgoing.send(answer).await);
                    }
                    drop(place);
                });
            }
            Ok(Frame::TooLong) => {
                let answer = failed(&Value::Null, too_long());
                if outgoing.send(answer).await.is_err() {
                    break;
                }
            }
            Ok(Frame::End) | Err(_) => break,
        }
    }
    // A peer that has only stopped sending still gets what it asked for; one
    // that is gone must not look as if it listened for long.
    let finish = async {
        while tasks.join_next().await.is_some() {}
        drop(outgoing);
        drop(session);
        writer.await
    };
    if tokio::time::timeout(LINGER, finish).await.is_err() {
        tracing::debug!("calls of a closed connection were given up");
    }
}

fn push(outgoing: mpsc::Sender<Vec<u8>>) -> Push {
    Arc::new(move |method, params| {
        let line = line(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
        if outgoing.try_send(line).is_err() {
            tracing::debug!(method, "a slow peer missed a hint");
        }
    })
}

async fn write_all(mut socket: OwnedWriteHalf, mut lines: mpsc::Receiver<Vec<u8>>) {
    while let Some(line) = lines.recv().await {
        if socket.write_all(&line).await.is_err() {
            return;
        }
    }
}

/// Begins what a line asks for; gives back what its answer comes from, which is
/// `None` for a notification.
fn begun(session: &Arc<dyn Session>, line: &[u8]) -> impl Future<Output = Option<Vec<u8>>> + use<> {
    let begun = read_request(line)
        .map(|(id, method, params)| (id, Arc::clone(session).call(method, params)));
    async move {
        let (id, reply) = match begun {
            Ok(begun) => begun,
            Err((id, error)) => return Some(failed(&id, *error)),
        };
        let outcome = reply.await;
        Some(answer(&id?, outcome))
    }
}

fn answer(id: &Value, outcome: Result<Box<RawValue>, ErrorData>) -> Vec<u8> {
    match outcome {
        Ok(result) => {
            let mut text = Vec::with_capacity(result.get().len() + 64);
            text.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
            text.extend_from_slice(id.to_string().as_bytes());
            text.extend_from_slice(br#","result":"#);
            text.extend_from_slice(result.get().as_bytes());
            text.extend_from_slice(b"}\n");
            text
        }
        Err(error) => failed(id, error),
    }
}

type Call = (Option<Value>, String, Option<Box<RawValue>>);

fn read_request(line: &[u8]) -> Result<Call, (Value, Box<ErrorData>)> {
    let error = |code, message: String, hint: &str| {
        Box::new(ErrorData {
            code,
            message,
            hint: hint.to_owned(),
            retryable: false,
            faults: Vec::new(),
            winner: None,
        })
    };
    let text = std::str::from_utf8(line).map_err(|cause| {
        let message = format!("The line is not UTF-8: {cause}.");
        (Value::Null, error(ErrorCode::ParseError, message, "Send JSON in UTF-8."))
    })?;
    let request: Request<'_> = serde_json::from_str(text).map_err(|cause| {
        let (code, what) = if cause.is_data() {
            (ErrorCode::InvalidRequest, "The line is not a JSON-RPC 2.0 call")
        } else {
            (ErrorCode::ParseError, "The line is not JSON")
        };
        let id = serde_json::from_str::<Value>(text)
            .ok()
            .and_then(|value| value.get("id").cloned())
            .unwrap_or_default();
        let hint = r#"Send one object a line: {"jsonrpc":"2.0","id":1,"method":"…","params":{…}}."#;
        (id, error(code, format!("{what}: {cause}."), hint))
    })?;
    if request.jsonrpc != "2.0" {
        let message = format!("JSON-RPC version {:?} is not spoken here.", request.jsonrpc);
        return Err((
            request.id.unwrap_or_default(),
            error(ErrorCode::InvalidRequest, message, r#"Send "jsonrpc":"2.0"."#),
        ));
    }
    if let Some(id @ (Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_))) =
        request.id
    {
        let message = format!("The id {id} is neither a number nor a string.");
        return Err((
            Value::Null,
            error(ErrorCode::InvalidRequest, message, "Name each call by a number or a string."),
        ));
    }
    Ok((request.id, request.method, request.params.map(ToOwned::to_owned)))
}

fn too_many(line: &[u8]) -> Vec<u8> {
    let id = serde_json::from_slice::<Value>(line)
        .ok()
        .and_then(|call| call.get("id").cloned())
        .unwrap_or_default();
    let error = ErrorData {
        code: ErrorCode::Unavailable,
        message: format!("More than {CALLS_AT_ONCE} calls of this connection are under way."),
        hint: "Wait for some of them, or open another connection.".to_owned(),
        retryable: true,
        faults: Vec::new(),
        winner: None,
    };
    failed(&id, error)
}

fn too_long() -> ErrorData {
    ErrorData {
        code: ErrorCode::FrameTooLarge,
        message: format!("The line is longer than {MAX_FRAME_BYTES} bytes and was not read."),
        hint: "Leave large values out, or hand over a path instead of the content.".to_owned(),
        retryable: false,
        faults: Vec::new(),
        winner: None,
    }
}

fn failed(id: &Value, data: ErrorData) -> Vec<u8> {
    line(&json!({
        "jsonrpc": "2.0",
        "id": id,
        "error": { "code": data.code.number(), "message": data.message, "data": data },
    }))
}

fn line(value: &Value) -> Vec<u8> {
    let mut text = value.to_string().into_bytes();
    text.push(b'\n');
    text
}
