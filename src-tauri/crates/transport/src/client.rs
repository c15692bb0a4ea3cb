//! The agents' end of the socket: one connection, one call at a time, blocking.
//!
//! It starts no runtime and no desk, and never repeats a call by itself: what a
//! lost connection left undone only the caller can know.

use std::io::{self, Read, Write};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use handoff_protocol::wire::{ErrorCode, ErrorData, Hello, MAX_FRAME_BYTES, Welcome, method};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::home::{Home, is_ours, own_uid};
use crate::token;

/// How long an ordinary call may take; a slow disk is included.
const CALL: Duration = Duration::from_secs(30);

/// A connection on which `agent.hello` has been answered.
#[derive(Debug)]
pub struct Client {
    line: Line,
    welcome: Welcome,
}

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens on the socket.
    #[error("no desk answers at {}: {why}", socket.display())]
    Unreachable {
        /// The socket.
        socket: PathBuf,
        /// What the system says.
        why: io::Error,
    },
    /// Something listens there that is not ours.
    #[error("the socket {} is not to be trusted: {why}", socket.display())]
    NotOurs {
        /// The socket.
        socket: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The connection ended before the answer: what was asked may have
    /// happened, or not.
    #[error("the connection to the desk was lost: {why}")]
    Lost {
        /// How.
        why: String,
    },
    /// The desk answered with an error.
    #[error("{}", data.message)]
    Refused {
        /// The number in the JSON-RPC error object.
        number: i32,
        /// The error.
        data: Box<ErrorData>,
    },
    /// The desk answered with something that is no answer.
    #[error("the desk's answer cannot be understood: {why}")]
    Malformed {
        /// Why not.
        why: String,
    },
    /// The call is longer than a line may be.
    #[error("the call takes {bytes} bytes, more than the {MAX_FRAME_BYTES} that a line may have")]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// The token of the name cannot be read or stored.
    #[error("the token {} cannot be used: {why}", path.display())]
    Token {
        /// Where it is kept.
        path: PathBuf,
        /// What the system says.
        why: io::Error,
    },
}

impl ClientError {
    /// Whether the desk may only be away for a moment, as while it restarts.
    pub fn passes(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Lost { .. } => true,
            Self::Refused { data, .. } => data.code == ErrorCode::Unavailable,
            Self::NotOurs { .. }
            | Self::Malformed { .. }
            | Self::TooLarge { .. }
            | Self::Token { .. } => false,
        }
    }

    /// What to say of it: what failed, why, and what to do.
    pub fn explained(self) -> ErrorData {
        let shown = format!("{self}.");
        let told = |code, message: String, hint: String| ErrorData {
            code,
            message,
            hint,
            retryable: code == ErrorCode::Unavailable,
            faults: Vec::new(),
            winner: None,
        };
        match self {
            Self::Refused { data, .. } => *data,
            Self::Unreachable { socket, why } => told(
                ErrorCode::Unavailable,
                format!("No desk answers at {}: {why}.", socket.display()),
                "Start `handoff-desk`, and check that HANDOFF_DESK_HOME is the same for both."
                    .to_owned(),
            ),
            Self::NotOurs { .. } => told(
                ErrorCode::Unavailable,
                shown,
                "Do not use it. Find out who made it, remove it, and start `handoff-desk`."
                    .to_owned(),
            ),
            Self::Lost { why } => told(
                ErrorCode::Unavailable,
                format!("The connection to the desk was lost: {why}."),
                "Whether it was done is unknown. Ask again: the key makes a repeated submit safe."
                    .to_owned(),
            ),
            Self::Malformed { why } => told(
                ErrorCode::Internal,
                format!("The desk's answer cannot be understood: {why}."),
                "The command and the desk may be of different versions; compare `handoff \
                 --version`."
                    .to_owned(),
            ),
            Self::TooLarge { bytes } => told(
                ErrorCode::FrameTooLarge,
                format!("The call takes {bytes} bytes, more than the desk accepts."),
                "Leave long outputs out and name them in `briefing.not_included`.".to_owned(),
            ),
            Self::Token { path, why } => told(
                ErrorCode::Refused,
                format!("The agent's token {} cannot be used: {why}.", path.display()),
                "Make the file readable for yourself, or take another name with --agent."
                    .to_owned(),
            ),
        }
    }
}

impl Client {
    /// Connects and says hello, with the token kept for this name. A new name's
    /// token is made, and on disk, before the desk is told of it.
    pub fn connect(home: &Home, hello: Hello) -> Result<Self, ClientError> {
        let (mut line, greeting) = Greeting::over(home, hello)?;
        let (id, frame) = line.frame(method::HELLO, &greeting.hello)?;
        line.write(&frame)?;
        let welcome = greeting.answered(line.answer(id, CALL))?;
        Ok(Self { line, welcome })
    }

    /// The same with the first call behind it, which the desk is given at once:
    /// both take one way there and back. The call's own outcome comes beside the
    /// connection; an error here is that there is none.
    pub fn connect_calling<P, R>(
        home: &Home,
        hello: Hello,
        method: &str,
        params: &P,
        limit: Duration,
    ) -> Result<(Self, Result<R, ClientError>), ClientError>
    where
        P: Serialize + ?Sized,
        R: DeserializeOwned,
    {
        let (mut line, greeting) = Greeting::over(home, hello)?;
        let (first, mut frames) = line.frame(method::HELLO, &greeting.hello)?;
        let second = line.frame(method, params);
        if let Ok((_, frame)) = &second {
            frames.extend_from_slice(frame);
        }
        line.write(&frames)?;
        let welcome = greeting.answered(line.answer(first, CALL))?;
        let outcome = second.and_then(|(id, _)| line.answer(id, limit));
        Ok((Self { line, welcome }, outcome))
    }

    /// The token kept for a name, made if there is none: for who cannot say
    /// hello now and leaves a handoff for later.
    pub fn token(home: &Home, name: &str) -> Result<String, ClientError> {
        let path = home.token(name);
        let (token, _) =
            token::read_or_make(&path).map_err(|why| ClientError::Token { path, why })?;
        Ok(token)
    }

    /// Makes one call under no name, for the few methods that need none.
    pub fn ask<P, R>(home: &Home, method: &str, params: &P) -> Result<R, ClientError>
    where
        P: Serialize,
        R: DeserializeOwned,
    {
        Line::open(home.socket())?.call(method, params, CALL)
    }

    /// What the desk answered to hello.
    pub fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// Calls a method and waits for its answer, for half a minute at most.
    pub fn call<P, R>(&mut self, method: &str, params: &P) -> Result<R, ClientError>
    where
        P: Serialize + ?Sized,
        R: DeserializeOwned,
    {
        self.line.call(method, params, CALL)
    }

    /// Calls a method whose answer must come within `limit`.
    pub fn call_by<P, R>(
        &mut self,
        method: &str,
        params: &P,
        limit: Duration,
    ) -> Result<R, ClientError>
    where
        P: Serialize + ?Sized,
        R: DeserializeOwned,
    {
        self.line.call(method, params, limit)
    }
}

/// A hello with the token kept for its name.
struct Greeting {
    hello: Hello,
    path: PathBuf,
    /// The token was made for it just now.
    made: Option<String>,
}

impl Greeting {
    fn over(home: &Home, hello: Hello) -> Result<(Line, Self), ClientError> {
        let line = Line::open(home.socket())?;
        let path = home.token(&hello.name);
        if hello.token.is_some() {
            return Ok((line, Self { hello, path, made: None }));
        }
        let (token, made) = token::read_or_make(&path)
            .map_err(|why| ClientError::Token { path: path.clone(), why })?;
        let made = made.then(|| token.clone());
        Ok((line, Self { hello: Hello { token: Some(token), ..hello }, path, made }))
    }

    fn answered(self, answer: Result<Welcome, ClientError>) -> Result<Welcome, ClientError> {
        // The name has another token: this one is of no use to anybody. After any
        // other error it may be bound to this one.
        if let (Some(token), Err(ClientError::Refused { data, .. })) = (&self.made, &answer)
            && matches!(data.code, ErrorCode::Refused | ErrorCode::InvalidParams)
        {
            token::forget(&self.path, token)
                .map_err(|why| ClientError::Token { path: self.path.clone(), why })?;
        }
        answer
    }
}

#[derive(Serialize)]
struct Call<'a, P: ?Sized> {
    jsonrpc: &'a str,
    id: u64,
    method: &'a str,
    params: &'a P,
}

#[derive(Deserialize)]
struct Incoming<'a> {
    #[serde(default)]
    id: Option<Value>,
    #[serde(default)]
    method: Option<String>,
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    #[serde(default)]
    error: Option<RpcError>,
}

#[derive(Deserialize)]
struct RpcError {
    code: i32,
    #[serde(default)]
    message: String,
    #[serde(default)]
    data: Option<Value>,
}

/// The connection with what has been read of it and not yet been used.
#[derive(Debug)]
struct Line {
    stream: UnixStream,
    read: Vec<u8>,
    last_id: u64,
}

impl Line {
    fn open(socket: &Path) -> Result<Self, ClientError> {
        let unreachable = |why| ClientError::Unreachable { socket: socket.to_owned(), why };
        let not_ours = |why| ClientError::NotOurs { socket: socket.to_owned(), why };
        let found = std::fs::symlink_metadata(socket).map_err(unreachable)?;
        if !found.file_type().is_socket() {
            return Err(not_ours("it is not a socket"));
        }
        if !is_ours(&found) {
            return Err(not_ours("it belongs to another user"));
        }
        let stream = UnixStream::connect(socket).map_err(unreachable)?;
        if peer_uid(&stream).is_some_and(|uid| uid != own_uid()) {
            return Err(not_ours("another user's program listens on it"));
        }
        Ok(Self { stream, read: Vec::new(), last_id: 0 })
    }

    fn call<P, R>(&mut self, method: &str, params: &P, within: Duration) -> Result<R, ClientError>
    where
        P: Serialize + ?Sized,
        R: DeserializeOwned,
    {
        let (id, frame) = self.frame(method, params)?;
        self.write(&frame)?;
        self.answer(id, within)
    }

    /// Waits for the answer to the oldest call that has none.
    fn answer<R: DeserializeOwned>(&mut self, id: u64, within: Duration) -> Result<R, ClientError> {
        let until = Instant::now().checked_add(within);
        loop {
            let line = self.next_line(until)?;
            // A struct could be read from a list, too.
            if !line.trim_ascii_start().starts_with(b"{") {
                return Err(ClientError::Malformed { why: "it is no object".to_owned() });
            }
            let incoming: Incoming<'_> =
                serde_json::from_slice(&line).map_err(|why| malformed(&why))?;
            // A notification is a hint; what a call returns is the truth.
            if incoming.method.is_some() {
                continue;
            }
            // The desk could not read the id of what it refuses: what was asked
            // before is answered, so it is this one.
            let ours = incoming.id.as_ref().is_none_or(|found| found.as_u64() == Some(id));
            match (incoming.error, ours) {
                (Some(error), true) => return Err(refused(error)),
                (None, true) if incoming.id.is_some() => {
                    let text = incoming.result.map_or("null", RawValue::get);
                    return serde_json::from_str(text).map_err(|why| malformed(&why));
                }
                (None | Some(_), _) => {}
            }
        }
    }

    fn frame<P>(&mut self, method: &str, params: &P) -> Result<(u64, Vec<u8>), ClientError>
    where
        P: Serialize + ?Sized,
    {
        self.last_id += 1;
        let id = self.last_id;
        let call = Call { jsonrpc: "2.0", id, method, params };
        let mut frame = serde_json::to_vec(&call).map_err(|why| malformed(&why))?;
        // Text passed on as it was given may hold line ends. In JSON they can
        // only stand between tokens, where a space means the same.
        for byte in &mut frame {
            if matches!(byte, b'\n' | b'\r') {
                *byte = b' ';
            }
        }
        frame.push(b'\n');
        if frame.len() > MAX_FRAME_BYTES {
            return Err(ClientError::TooLarge { bytes: frame.len() });
        }
        Ok((id, frame))
    }

    fn write(&mut self, frames: &[u8]) -> Result<(), ClientError> {
        self.stream.set_write_timeout(Some(CALL)).map_err(|why| lost(&why))?;
        self.stream.write_all(frames).map_err(|why| lost(&why))
    }

    fn next_line(&mut self, until: Option<Instant>) -> Result<Vec<u8>, ClientError> {
        let mut searched = 0;
        let mut chunk = vec![0; 64 * 1024];
        loop {
            if let Some(end) = self.read[searched..].iter().position(|byte| *byte == b'\n') {
                let rest = self.read.split_off(searched + end + 1);
                return Ok(std::mem::replace(&mut self.read, rest));
            }
            searched = self.read.len();
            if searched > MAX_FRAME_BYTES {
                return Err(ClientError::Malformed { why: "a line without an end".to_owned() });
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Err(ClientError::Lost { why: "no answer came in time".to_owned() });
            }
            self.stream.set_read_timeout(left).map_err(|why| lost(&why))?;
            match self.stream.read(&mut chunk) {
                Ok(0) => {
                    return Err(ClientError::Lost { why: "the desk closed it".to_owned() });
                }
                Ok(count) => self.read.extend_from_slice(&chunk[..count]),
                Err(why) => {
                    let again = matches!(
                        why.kind(),
                        io::ErrorKind::Interrupted
                            | io::ErrorKind::WouldBlock
                            | io::ErrorKind::TimedOut
                    );
                    if !again {
                        return Err(lost(&why));
                    }
                }
            }
        }
    }
}

fn refused(error: RpcError) -> ClientError {
    let known = error.data.and_then(|data| serde_json::from_value(data).ok());
    let data = known.unwrap_or_else(|| ErrorData {
        code: ErrorCode::Internal,
        message: error.message,
        hint: "The desk gave no details; its log may have some.".to_owned(),
        retryable: false,
        faults: Vec::new(),
        winner: None,
    });
    ClientError::Refused { number: error.code, data: Box::new(data) }
}

fn lost(why: &io::Error) -> ClientError {
    ClientError::Lost { why: why.to_string() }
}

fn malformed(why: &serde_json::Error) -> ClientError {
    ClientError::Malformed { why: why.to_string() }
}

/// Who listens at the other end, where the system tells.
#[cfg(target_os = "linux")]
fn peer_uid(stream: &UnixStream) -> Option<u32> {
    rustix::net::sockopt::socket_peercred(stream).ok().map(|peer| peer.uid.as_raw())
}

/// The owner of the socket's file has to do where the system does not tell.
#[cfg(not(target_os = "linux"))]
fn peer_uid(_stream: &UnixStream) -> Option<u32> {
    None
}
