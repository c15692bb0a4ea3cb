//! `handoff mcp`: the desk as a server of the Model Context Protocol, on
//! standard input and output.
//!
//! It serves both eras at once: whoever begins with a handshake gets one, and a
//! request that names its version stands for itself. A call never waits longer
//! than [`LONGEST_WAIT`] for a person; the handoff stays, and is waited for
//! again. That a client cancels or goes away ends a wait, and no handoff.

mod approve;
mod calls;
mod case;
mod input;
mod tools;

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use handoff_domain::integration::Integration;
use handoff_protocol::wire::{Ack, LeaseGrant, method};
use handoff_transport::client::Client;
use handoff_transport::session::Session;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::asking::{LeftOpen, Receipt};
use crate::desk::{Desk, Patience, Way, acknowledge};
use crate::line::{self, Line};
use crate::message::{self, HANDSHAKE, Message, Meta, Odd, STATELESS, code};
use crate::out::Out;

/// The longest that a call waits for a person.
pub const LONGEST_WAIT: Duration = Duration::from_secs(42);

/// How much longer than it waits a call may take, and the longest that one takes
/// together with that, whatever the desk does. It may have to be started first.
const LATE: Duration = Duration::from_secs(10);
const IN_ALL: Duration = Duration::from_secs(45);

/// The versions with a handshake that are spoken.
const HANDSHAKES: [&str; 3] = [HANDSHAKE, "2025-06-18", "2024-11-05"];

/// How many calls may be under way at once.
const AT_ONCE: usize = 64;

/// How long the end waits for what is being handed off just then.
const LAST: Duration = Duration::from_secs(30);

const INSTRUCTIONS: &str = "\
Handoff Desk: a person reviews what you hand over. Call `handoff` when you need a decision, an \
approval, or something only the person knows; write the summary so that somebody who knows \
nothing can decide in 30 seconds. If it answers `pending`, call `handoff_wait` with the \
handoff_id until it is `decided`, or stop and tell the id. Never act while it is pending: no \
answer is not a yes. Before a tool call that changes something, ask with `handoff_check`; after \
it, tell with `handoff_record`. When you have done what was decided, call `handoff_reconcile`.";

/// The server.
pub struct Server {
    way: Arc<Way>,
    named: Option<String>,
    client: OnceLock<String>,
    nonce: String,
    out: Out,
    calls: Mutex<HashMap<String, Arc<AtomicBool>>>,
    left_open: LeftOpen,
    /// Connections that hold the lease on a decision until it is reported on.
    holders: Mutex<HashMap<String, Client>>,
    /// Taken while an answer is written and what follows from it is done: the
    /// next call comes after both.
    following: Mutex<()>,
    /// How many calls are at a point that the end must not cut off.
    busy: (Mutex<u32>, Condvar),
    counted: AtomicU32,
}

/// What a tool answers, and what is to be done once that was written.
struct Answer {
    text: String,
    structured: Option<Value>,
    is_error: bool,
    after: After,
}

/// What is done once an answer was written: an answer that was acknowledged
/// and never written would be lost to everyone.
enum After {
    Nothing,
    /// The decision has arrived; the lease stays held until it is reported on.
    Hold {
        client: Client,
        lease: LeaseGrant,
        handoff: String,
    },
    /// A decision that says no has arrived.
    Give(Receipt),
    /// What the reviewer said is known.
    Known {
        client: Client,
        items: Vec<String>,
    },
}

/// A call of a tool, with its surroundings.
struct Call<'c> {
    server: &'c Server,
    desk: Desk,
    /// The session that the client works on, where it is known.
    session: Option<Session>,
    args: Map<String, Value>,
    patience: Patience<'c>,
}

impl Server {
    /// A server on the way to a desk, for the agent of this name, or else the
    /// one that the client's name gives.
    pub fn new(way: Way, agent: Option<String>, output: Box<dyn Write + Send>) -> Arc<Self> {
        Arc::new(Self {
            way: Arc::new(way),
            named: agent,
            client: OnceLock::new(),
            nonce: crate::nonce(),
            out: Out::new(output),
            calls: Mutex::new(HashMap::new()),
            left_open: LeftOpen::default(),
            holders: Mutex::new(HashMap::new()),
            following: Mutex::new(()),
            busy: (Mutex::new(0), Condvar::new()),
            counted: AtomicU32::new(0),
        })
    }

    /// Serves until the client closes its end.
    pub fn run(self: &Arc<Self>, input: impl Read) -> io::Result<()> {
        let mut input = BufReader::new(input);
        loop {
            match line::next(&mut input, line::LONGEST)? {
                Line::End => break,
                Line::Begun(_) => self.skip(&mut input)?,
                Line::Whole(line) => self.hear(&line)?,
            }
        }
        for dropped in lock(&self.calls).values() {
            dropped.store(true, Ordering::Release);
        }
        let (count, none) = &self.busy;
        // Past that a desk hangs; what it was sent it may have.
        drop(none.wait_timeout_while(lock(count), LAST, |count| *count > 0));
        Ok(())
    }

    fn skip(&self, input: &mut impl BufRead) -> io::Result<()> {
        line::rest(input, |_| Ok(()))?;
        let words = format!("The line is longer than {} bytes.", line::LONGEST);
        self.out.line(&message::error(None, code::INVALID, &words, None))
    }

    fn hear(self: &Arc<Self>, line: &[u8]) -> io::Result<()> {
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        match Message::read(line) {
            Ok(Message::Request { id, method, params }) => self.request(id, &method, params),
            Ok(Message::Notification { method, params }) => {
                if method == "notifications/cancelled"
                    && let Some(id) = message::cancelled(params)
                    && let Some(dropped) = lock(&self.calls).remove(&id)
                {
                    dropped.store(true, Ordering::Release);
                }
                Ok(())
            }
            // Nothing was asked of the client.
            Ok(Message::Answer { .. }) => Ok(()),
            Err(Odd) => {
                let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok();
                let (code, words) = if is_json {
                    (code::INVALID, "The line is not one message of JSON-RPC 2.0.")
                } else {
                    (code::PARSE, "The line is not JSON.")
                };
                self.out.line(&message::error(None, code, words, None))
            }
        }
    }

    fn request(
        self: &Arc<Self>,
        id: &RawValue,
        method: &str,
        params: Option<&RawValue>,
    ) -> io::Result<()> {
        let meta = Meta::of(params);
        if let Some(version) = meta.version.as_deref().filter(|version| *version != STATELESS) {
            let data = json!({ "supported": [STATELESS], "requested": version });
            let words = "That version of the protocol is not spoken here.";
            return self.out.line(&message::error(Some(id), code::VERSION, words, Some(data)));
        }
        if let Some(client) = &meta.client {
            self.client.get_or_init(|| client.name.clone());
        }
        let result = match method {
            "initialize" => self.initialize(params),
            "server/discover" => json!({
                "resultType": "complete",
                "supportedVersions": [STATELESS],
                "capabilities": { "tools": {} },
                "serverInfo": implementation(),
                "_meta": { "io.modelcontextprotocol/serverInfo": implementation() },
                "instructions": INSTRUCTIONS,
                "ttlMs": 3_600_000,
                "cacheScope": "private",
            }),
            "ping" => json!({}),
            "tools/list" => {
                let mut result = json!({ "tools": tools::list() });
                if meta.is_stateless() {
                    result["resultType"] = json!("complete");
                    result["ttlMs"] = json!(3_600_000);
                    result["cacheScope"] = json!("private");
                }
                result
            }
            "tools/call" => return self.call(id, params, meta),
            other => {
                let words = format!("There is no method {other:?} here.");
                return self.out.line(&message::error(Some(id), code::NO_METHOD, &words, None));
            }
        };
        self.out.line(&message::answer(id, &result))
    }

    fn initialize(&self, params: Option<&RawValue>) -> Value {
        #[derive(Default, Deserialize)]
        struct Asked {
            #[serde(rename = "protocolVersion", default)]
            version: Option<String>,
            #[serde(rename = "clientInfo", default)]
            client: Option<message::Client>,
        }
        let asked: Asked =
            params.and_then(|params| serde_json::from_str(params.get()).ok()).unwrap_or_default();
        if let Some(client) = asked.client {
            self.client.get_or_init(|| client.name);
        }
        let version = HANDSHAKES.iter().find(|version| asked.version.as_deref() == Some(version));
        json!({
            "protocolVersion": version.unwrap_or(&HANDSHAKE),
            "capabilities": { "tools": {} },
            "serverInfo": implementation(),
            "instructions": INSTRUCTIONS,
        })
    }

    fn call(
        self: &Arc<Self>,
        id: &RawValue,
        params: Option<&RawValue>,
        meta: Meta,
    ) -> io::Result<()> {
        #[derive(Deserialize)]
        struct Asked {
            name: String,
            #[serde(default)]
            arguments: Option<Value>,
        }
        let refuse =
            |words: &str| self.out.line(&message::error(Some(id), code::PARAMS, words, None));
        let asked = params.map_or("{}", RawValue::get);
        let asked: Asked = match serde_json::from_str(asked) {
            Ok(asked) => asked,
            Err(error) => return refuse(&format!("This is no tool call: {error}.")),
        };
        if !tools::is_known(&asked.name) {
            return refuse(&format!("There is no tool {:?}.", asked.name));
        }
        let args = match asked.arguments {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(args)) => args,
            Some(_) => return refuse("The arguments are no object."),
        };
        let key = message::id_key(id);
        let dropped = Arc::new(AtomicBool::new(false));
        {
            let mut calls = lock(&self.calls);
            if calls.len() >= AT_ONCE {
                let words = format!("{AT_ONCE} calls are under way. Wait for one of them.");
                return self.out.line(&message::error(Some(id), code::INVALID, &words, None));
            }
            calls.insert(key.clone(), Arc::clone(&dropped));
        }
        let (server, id, stateless) = (Arc::clone(self), id.to_owned(), meta.is_stateless());
        let (limit, in_all, late) = if asked.name == tools::APPROVE {
            (approve::LONGEST, approve::LONGEST + LATE, approve::late())
        } else {
            let limit = input::wait(&args);
            (limit, (limit + LATE).min(IN_ALL), Answer::late())
        };
        let (done, answered) = channel();
        let (worker, unwanted) = (Arc::clone(self), Arc::clone(&dropped));
        std::thread::spawn(move || {
            drop(lock(&worker.following));
            // Nobody listens any more once the time is over.
            done.send(worker.perform(&asked.name, args, &meta, limit, &unwanted)).ok();
        });
        std::thread::spawn(move || {
            let answer = answered.recv_timeout(in_all);
            lock(&server.calls).remove(&key);
            // Who has cancelled is not answered, and takes no decision along; nor does
            // a call that is still waited for behind this answer.
            if dropped.swap(true, Ordering::AcqRel) {
                return;
            }
            let in_time = answer.is_ok();
            let Answer { text, structured, is_error, after } = answer.unwrap_or(late);
            let result = message::tool_result(stateless, &text, structured.as_ref(), is_error);
            // What follows from another answer may hang with the desk.
            let _following = in_time.then(|| lock(&server.following));
            if server.out.line(&message::answer(&id, &result)).is_ok() {
                server.then(after);
            }
        });
        Ok(())
    }

    fn perform(
        &self,
        tool: &str,
        args: Map<String, Value>,
        meta: &Meta,
        limit: Duration,
        dropped: &AtomicBool,
    ) -> Answer {
        let began = Instant::now();
        let tell = |words: &str| {
            if let Some(token) = &meta.progress {
                let so_far = began.elapsed().as_secs_f64();
                // Who does not hear it asks again.
                self.out.line(&message::progress(token, so_far, None, words)).ok();
            }
        };
        let (session, hooked) = self.way.session(meta.session());
        // One agent with the client's hook, whatever that goes by.
        let agent = self.named.clone().or(hooked).unwrap_or_else(|| self.agent());
        let session = session.map(|id| Session { agent: agent.clone(), id });
        let desk = Desk::new(Arc::clone(&self.way), agent, Integration::McpServer);
        let patience = Patience { until: began + limit, dropped, tell: &tell };
        Call { server: self, desk, session, args, patience }.perform(tool)
    }

    fn then(&self, after: After) {
        match after {
            After::Nothing => {}
            After::Hold { mut client, lease, handoff } => {
                // Not acknowledged, it is offered again to the next who waits.
                if acknowledge(&mut client, &lease).is_ok() {
                    lock(&self.holders).insert(handoff, client);
                }
            }
            After::Give(receipt) => receipt.give(),
            After::Known { mut client, items } => {
                for id in items {
                    // Not acknowledged, it comes again.
                    client.call::<_, Value>(method::ACK, &Ack { id, result: None }).ok();
                }
            }
        }
    }

    /// The agent that speaks through this server, by its client's name.
    fn agent(&self) -> String {
        let client = self.client.get().and_then(|client| crate::agent_name(client));
        client.unwrap_or_else(|| "mcp".to_owned())
    }

    /// A number that no other call of this run has.
    fn number(&self) -> u32 {
        self.counted.fetch_add(1, Ordering::Relaxed)
    }

    /// Keeps the end from cutting off what must not be.
    fn uncut<T>(&self, act: impl FnOnce() -> T) -> T {
        let (count, none) = &self.busy;
        *lock(count) += 1;
        let outcome = act();
        *lock(count) -= 1;
        none.notify_all();
        outcome
    }
}

impl Answer {
    /// A document, for programs and for models.
    fn document(document: Value) -> Self {
        Self {
            text: document.to_string(),
            structured: Some(document),
            is_error: false,
            after: After::Nothing,
        }
    }

    /// Why it did not work.
    fn fault(text: String) -> Self {
        Self { text, structured: None, is_error: true, after: After::Nothing }
    }

    fn then(self, after: After) -> Self {
        Self { after, ..self }
    }

    /// The desk has the call and says nothing.
    fn late() -> Self {
        Self::fault(
            "The desk does not answer, so nothing is permitted. It may have what it was sent: \
             call again with the same input, or stop here and tell the user."
                .to_owned(),
        )
    }
}

fn implementation() -> Value {
    json!({ "name": "handoff", "title": "Handoff Desk", "version": env!("CARGO_PKG_VERSION") })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
