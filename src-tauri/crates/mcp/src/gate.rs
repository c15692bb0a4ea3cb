//! `handoff mcp-gate -- CMD…`: stands between a client and any server that
//! speaks the Model Context Protocol on its standard input and output.
//!
//! Every line passes on as the bytes it is, in both directions, except a tool
//! call: that is asked for at the desk's gate first, and reaches the server only
//! when the gate says `run`, as it was or with the arguments that the reviewer
//! edited. A line in which some reader might find a tool call that this one
//! cannot read is refused. It decides nothing, and without a desk no call runs.
//!
//! Four threads: one reads the client; one asks for the calls, in their order;
//! one passes on what the server says; one records. A call that is held waits
//! on a thread of its own, and everything else flows on. When either end closes,
//! so does the other: the server is made to end where it does not.

mod asker;
mod call;
mod hear;
mod hooked;
mod known;
mod name;
mod record;
mod schema;

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{self, BufReader, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use handoff_domain::integration::Integration;
use handoff_domain::payload::Task;
use rustix::process::{Pid, Signal, kill_process};

use self::asker::Asked;
use self::call::{Call, Sent};
use self::known::Known;
use self::name::called;
use self::record::Recorder;
use crate::asking::LeftOpen;
use crate::desk::{Desk, Way};
use crate::line::{self, Line};
use crate::message::{self, Message};
use crate::out::Out;

/// How long its end waits for what was done to be recorded.
const LAST: Duration = Duration::from_secs(5);

/// How long a server may take to go by itself, and to end when it is asked to:
/// together less than clients give the gate, and how often it is looked for.
const LEAVES: Duration = Duration::from_secs(1);
const ENDS: Duration = Duration::from_millis(700);
const LOOKS: Duration = Duration::from_millis(20);

/// A gate in front of one server.
pub struct Gate {
    /// The way to the desk.
    pub way: Way,
    /// The agent's name; without it, made of the client's name and the server's.
    pub agent: Option<String>,
    /// The server: a program and its arguments.
    pub command: Vec<OsString>,
    /// How long a call waits for the reviewer before the client is told so.
    pub wait: Duration,
}

/// What the threads share.
struct Shared {
    way: Arc<Way>,
    named: Option<String>,
    server: String,
    client: OnceLock<String>,
    desk: OnceLock<Desk>,
    nonce: String,
    wait: Duration,
    to_client: Out,
    to_server: Out,
    asker: Sender<Asked>,
    recorder: Recorder,
    /// Calls that the client has made and the server has not been given, by id.
    asking: Mutex<HashMap<String, Arc<Call>>>,
    /// What the server was asked and has not answered, by id.
    sent: Mutex<HashMap<String, Sent>>,
    /// Calls that the server wants more for before it goes on, by what goes on.
    going_on: Mutex<HashMap<String, Box<call::Going>>>,
    left_open: LeftOpen,
    known: Mutex<Known>,
    /// The client is gone.
    over: AtomicBool,
}

impl Gate {
    /// Runs the server behind the gate until either end closes; gives back what
    /// the server ended with.
    pub fn run(self, input: Box<dyn Read + Send>, output: Box<dyn Write + Send>) -> io::Result<u8> {
        let (mut server, from_server, to_server) = start(&self.command)?;
        let (asker, queue) = channel();
        let (recorder, records) = Recorder::new();
        let shared = Arc::new(Shared {
            way: Arc::new(self.way),
            named: self.agent,
            server: called(&self.command),
            client: OnceLock::new(),
            desk: OnceLock::new(),
            nonce: crate::nonce(),
            wait: self.wait,
            to_client: Out::new(output),
            to_server: Out::new(to_server),
            asker,
            recorder,
            asking: Mutex::default(),
            sent: Mutex::default(),
            going_on: Mutex::default(),
            left_open: LeftOpen::default(),
            known: Mutex::default(),
            over: AtomicBool::new(false),
        });
        shared.spawn(move |shared| shared.hear_client(&mut BufReader::new(input)));
        let (ends, ended) = channel();
        let gone = ends.clone();
        shared.spawn(move |shared| {
            shared.ask(&queue);
            gone.send(()).ok();
        });
        let (finish, finished) = channel();
        shared.spawn(move |shared| {
            shared.record(&records);
            finish.send(()).ok();
        });
        let (heard, all_heard) = channel();
        shared.spawn(move |shared| {
            heard.send(shared.hear_server(&mut BufReader::new(from_server))).ok();
            ends.send(()).ok();
        });
        // One of the two ends has closed.
        ended.recv().ok();
        // Whatever is held now has nobody to run it.
        shared.leave();
        shared.to_server.close();
        let status = end(&mut server);
        // What it has started itself may hold its output open.
        let passed = all_heard.recv_timeout(LAST).unwrap_or(Ok(()));
        shared.never_answered();
        shared.recorder.end();
        // Past that no desk is there to take it.
        finished.recv_timeout(LAST).ok();
        // A client that reads no more ends the server, too: its status counts.
        match (passed, status) {
            (_, Ok(status)) => Ok(code(status)),
            (Err(error), Err(_)) | (Ok(()), Err(error)) => Err(error),
        }
    }
}

impl Shared {
    fn spawn(self: &Arc<Self>, act: impl FnOnce(Arc<Self>) + Send + 'static) {
        let shared = Arc::clone(self);
        std::thread::spawn(move || act(shared));
    }

    /// The desk, for the agent that the client turned out to be.
    fn desk(&self) -> &Desk {
        self.desk.get_or_init(|| {
            let client = self.client.get().and_then(|client| crate::agent_name(client));
            let made = format!("{}/{}", client.as_deref().unwrap_or("mcp"), self.server);
            let made = crate::agent_name(&made).unwrap_or_else(|| "mcp-gate".to_owned());
            let agent = self.named.clone().unwrap_or(made);
            Desk::new(Arc::clone(&self.way), agent, Integration::McpGate)
        })
    }

    /// The work that all calls of this run belong to.
    fn task(&self) -> Task {
        let client = self.client.get().map_or("A client", String::as_str);
        Task {
            id: format!("gate-{}", self.nonce),
            title: format!("Calls of {client} to {}", self.server),
            goal: format!("What {client} was asked to do with the server {}.", self.server),
            tools: None,
            targets: None,
        }
    }

    /// Passes the server's lines on, and looks for answers to what was asked.
    fn hear_server(&self, from: &mut BufReader<impl Read>) -> io::Result<()> {
        loop {
            match line::next(from, line::LONGEST)? {
                Line::End => return Ok(()),
                Line::Begun(begun) => self.to_client.whole(|out| {
                    out.write_all(&begun)?;
                    line::rest(from, |part| out.write_all(part))
                })?,
                Line::Whole(line) => {
                    let sent = self.answered(&line);
                    if let Some((Sent::List { first }, result)) = &sent {
                        // Told before the client can call what it was told of.
                        self.known().listed(*first, result.as_deref());
                        self.asker.send(Asked::Tools).ok();
                    }
                    self.to_client.line(&line)?;
                    if let Some((Sent::Call(going), result)) = sent {
                        self.came_back(going, result, &line);
                    }
                }
            }
        }
    }

    /// What this line answers, if it answers anything that was asked here.
    fn answered(&self, line: &[u8]) -> Option<(Sent, Option<String>)> {
        if lock(&self.sent).is_empty() {
            return None;
        }
        let Ok(Message::Answer { id, result, .. }) = Message::read(line) else { return None };
        let sent = lock(&self.sent).remove(&message::id_key(id))?;
        Some((sent, result.map(|result| result.get().to_owned())))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        lock(&self.known)
    }
}

/// Starts the server; its complaints go where ours go.
fn start(
    command: &[OsString],
) -> io::Result<(Child, std::process::ChildStdout, Box<dyn Write + Send>)> {
    let [program, args @ ..] = command else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "there is no command"));
    };
    let mut server =
        Command::new(program).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    match (server.stdout.take(), server.stdin.take()) {
        (Some(from), Some(to)) => Ok((server, from, Box::new(to))),
        _ => Err(io::Error::other("it has no standard input and output")),
    }
}

/// Waits for the end of a server that is spoken with no more. One that does not go
/// by itself is asked to, and then made to: it would outlive this.
fn end(server: &mut Child) -> io::Result<ExitStatus> {
    for (patience, signal) in [(LEAVES, Signal::TERM), (ENDS, Signal::KILL)] {
        let (until, mut pause) = (Instant::now() + patience, Duration::from_millis(1));
        while Instant::now() < until {
            if let Some(status) = server.try_wait()? {
                return Ok(status);
            }
            std::thread::park_timeout(pause);
            pause = (pause * 2).min(LOOKS);
        }
        // Nobody has waited for it: the id is its own still.
        kill_process(Pid::from_child(server), signal).ok();
    }
    server.wait()
}

/// The exit code that stands for how a server ended.
fn code(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt as _;
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    u8::try_from(code & 0xff).unwrap_or(1)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The end of the queue of what is to be asked.
type Queue = Receiver<Asked>;

#[cfg(test)]
mod tests;
