//! A room with a desk in it: a client speaks lines, the test is the reviewer.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use handoff_domain::autonomy::Level;
use handoff_protocol::view::{CaseView, List, Liveness, Pause, QueueQuery, SetLevel, Settings};
use handoff_protocol::wire::{ErrorCode, ErrorData};
use handoff_testkit::Headless;
use handoff_testkit::reviewer::{self, answering};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::desk::Way;

/// Longer than anything here takes, so that a failing test ends.
const PATIENCE: Duration = Duration::from_mins(1);

/// The moment at which the desk's clock stands.
pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).expect("a moment")
}

/// What the desk answered; its failures have no other way to be shown.
fn well<T, E>(outcome: Result<T, E>) -> T {
    outcome.unwrap_or_else(|_| panic!("the desk refuses"))
}

/// How long there is to answer where nobody names a deadline.
pub const RESPOND_WITHIN_S: u32 = 5400;

/// A desk with a reviewer.
pub struct Room {
    runtime: Runtime,
    desk: Option<Headless>,
}

impl Room {
    /// With a desk that listens.
    pub fn new() -> Self {
        let mut room = Self::without_desk();
        room.open();
        room
    }

    /// With one that does not.
    pub fn without_desk() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let desk = runtime.block_on(async {
            let desk = Headless::new().await.expect("a desk");
            // Decisions are released as soon as the desk looks.
            let mut settings = Settings { hold_s: 0, ..Settings::default() };
            settings.alerts.respond_within_s.normal = RESPOND_WITHIN_S;
            well(desk.engine.save_settings(settings).await);
            desk
        });
        Self { runtime, desk: Some(desk) }
    }

    /// The desk listens from now on.
    pub fn open(&mut self) {
        let desk = self.desk.as_mut().expect("a desk");
        self.runtime.block_on(async { desk.listen().expect("it listens") });
    }

    /// Something listens in the desk's place that hangs after its greeting.
    pub fn greet_and_say_nothing_more(&self) {
        let listener = UnixListener::bind(self.desk().home.socket()).expect("a socket");
        std::thread::spawn(move || {
            let mut open = Vec::new();
            while let Ok((mut stream, _)) = listener.accept() {
                let mut hello = String::new();
                let read = BufReader::new(&stream).read_line(&mut hello);
                let hello: Value = read.ok().and_then(|_| serde_json::from_str(&hello).ok())?;
                let greeting = json!({ "jsonrpc": "2.0", "id": hello["id"], "result": {
                    "agent": hello["params"]["name"], "level": "suggest", "protocol": "1" } });
                writeln!(stream, "{greeting}").ok()?;
                open.push(stream);
            }
            Some(())
        });
    }

    /// Another desk takes over.
    pub fn restart(&mut self) {
        let desk = self.desk.take().expect("a desk");
        self.desk = Some(self.runtime.block_on(async {
            let mut desk = desk.restart().await.expect("it restarts");
            desk.listen().expect("it listens");
            desk
        }));
    }

    /// The way to it, with nothing that could start it.
    pub fn way(&self) -> Way {
        Way {
            home: self.desk().home.clone(),
            launch: Box::new(|_| {
                Err(ErrorData {
                    code: ErrorCode::Unavailable,
                    message: "No desk is running.".to_owned(),
                    hint: "Start `handoff-desk`.".to_owned(),
                    retryable: true,
                    faults: Vec::new(),
                    winner: None,
                })
            }),
            now,
            client: None,
            session: None,
        }
    }

    fn desk(&self) -> &Headless {
        self.desk.as_ref().expect("a desk")
    }

    /// The next item in the inbox that is none of `known`, opened.
    pub fn next_case(&self, known: &[&str]) -> CaseView {
        let next = reviewer::next_case(&self.desk().engine, known);
        self.runtime.block_on(async {
            let case = tokio::time::timeout(PATIENCE, next).await.expect("an item comes");
            case.expect("the desk answers")
        })
    }

    /// The reviewer answers what is on screen; the answer is released at once.
    pub fn decide(&self, case: &CaseView, answer: Value) {
        let answer = serde_json::from_value(answer).expect("an answer");
        let request = answering(case, answer);
        let engine = &self.desk().engine;
        self.runtime.block_on(async {
            if let Err(failure) = engine.decide(request).await {
                panic!("{}", failure.0.message);
            }
            engine.tick().await;
        });
    }

    /// The reviewer lets an agent that the desk knows work at this level.
    pub fn set_level(&self, agent: &str, level: Level) {
        let set =
            SetLevel { agent: agent.to_owned(), task: None, level: Some(level), minutes: None };
        well(self.runtime.block_on(self.desk().engine.set_level(set)));
    }

    /// The reviewer pauses a task.
    pub fn pause(&self, agent: &str, task: &str) {
        let (agent, task) = (Some(agent.to_owned()), Some(task.to_owned()));
        let pause = Pause { agent, task, paused: true };
        well(self.runtime.block_on(self.desk().engine.pause(pause)));
    }

    /// The ids of what waits for the reviewer.
    pub fn inbox(&self) -> Vec<String> {
        let query = QueueQuery { list: List::Inbox, search: String::new(), limit: 100 };
        let queue = well(self.runtime.block_on(self.desk().engine.queue(query)));
        queue.items.into_iter().map(|item| item.id).collect()
    }

    /// Waits until somebody waits for the answer to this item.
    pub fn until_listened_to(&self, id: &str) {
        until("nobody listens", || self.case(id).liveness == Liveness::Listening);
    }

    /// Waits until an item stands there.
    pub fn until_state(&self, id: &str, state: &str) {
        until(state, || json!(self.case(id).state) == json!(state));
    }

    /// An item, as it is now.
    pub fn case(&self, id: &str) -> CaseView {
        well(self.desk().engine.open_case(id))
    }
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let limit = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < limit, "it never came: {what}");
        std::thread::yield_now();
    }
}

/// A client's end of the lines.
pub struct Peer {
    to: UnixStream,
    from: BufReader<UnixStream>,
    kept: VecDeque<Value>,
}

/// The other end: what to read from, and what to write to.
pub type Ends = (UnixStream, UnixStream);

impl Peer {
    /// A client, and the ends for what it speaks with.
    pub fn new() -> (Self, Ends) {
        let (to, input) = UnixStream::pair().expect("a pair");
        let (output, from) = UnixStream::pair().expect("a pair");
        from.set_read_timeout(Some(PATIENCE)).expect("set");
        (Self { to, from: BufReader::new(from), kept: VecDeque::new() }, (input, output))
    }

    /// Says these very bytes.
    pub fn say(&mut self, bytes: &[u8]) {
        self.to.write_all(bytes).expect("said");
    }

    /// Sends a message.
    pub fn send(&mut self, message: Value) {
        self.say((message.to_string() + "\n").as_bytes());
    }

    /// Makes a request.
    pub fn ask(&mut self, id: u32, method: &str, params: Value) {
        self.send(json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
    }

    /// Calls a tool.
    pub fn call(&mut self, id: u32, tool: &str, args: Value) {
        self.ask(id, "tools/call", json!({ "name": tool, "arguments": args }));
    }

    /// The next line, as it came.
    pub fn line(&mut self) -> Vec<u8> {
        let mut line = Vec::new();
        self.from.read_until(b'\n', &mut line).expect("a line");
        line
    }

    /// The answer with this id; what comes before it is kept.
    pub fn answer(&mut self, id: u32) -> Value {
        self.next(|message| message["id"] == json!(id))
    }

    /// The next message that fits.
    pub fn next(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.kept.iter().position(&fits) {
            return self.kept.remove(at).expect("it is there");
        }
        loop {
            let line = self.line();
            assert!(!line.is_empty(), "the other end has closed; kept: {:?}", self.kept);
            let message: Value = serde_json::from_slice(&line).expect("json");
            if fits(&message) {
                return message;
            }
            self.kept.push_back(message);
        }
    }

    /// Says nothing more.
    pub fn close(&self) {
        self.to.shutdown(Shutdown::Write).expect("closed");
    }
}
