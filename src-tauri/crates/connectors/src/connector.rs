//! One server, asked by a thread of its own: what waits there becomes handoffs,
//! and what is decided goes back once.
//!
//! The server's word is never the last: before anything is sent, and before
//! anything counts as answered, the state of its thread is read.

mod import;
mod outgoing;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use handoff_engine::{Engine, Failure};
use handoff_protocol::view::Contact;
use tokio::runtime::Handle;

use crate::desk::Desk;
use crate::langgraph::server::{Server, Silent};
use crate::langgraph::thread::{self, Stands, State, Thread};
use crate::wake::Wake;

/// The most problems that are told of.
const PROBLEMS: usize = 20;

/// How often a server is asked.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// While it answers.
    pub poll: Duration,
    /// While an answer was sent and is not confirmed.
    pub confirm: Duration,
    /// While it does not answer: at first, and at most.
    pub away: (Duration, Duration),
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(5),
            confirm: Duration::from_millis(250),
            away: (Duration::from_secs(1), Duration::from_secs(30)),
        }
    }
}

/// What is told of a server, by whoever speaks with it.
#[derive(Debug)]
pub struct Told {
    inner: Mutex<(Contact, Vec<String>)>,
}

impl Default for Told {
    fn default() -> Self {
        Self { inner: Mutex::new((Contact::Unknown, Vec::new())) }
    }
}

impl Told {
    /// Whether it answers, and what could not be shown or done.
    pub fn now(&self) -> (Contact, Vec<String>) {
        self.inner().clone()
    }

    /// It does not answer, or cannot even be asked.
    pub fn is_away(&self, engine: &Engine, why: String) {
        let now = engine.time();
        let changed = {
            let mut told = self.inner();
            let (since, last) = match &told.0 {
                Contact::Offline { since, last, .. } => (*since, *last),
                Contact::Connected { at, .. } => (now, Some(*at)),
                Contact::Unknown => (now, None),
            };
            let away = Contact::Offline { since, last, why };
            std::mem::replace(&mut told.0, away.clone()) != away
        };
        if changed {
            engine.servers_changed();
        }
    }

    fn inner(&self) -> MutexGuard<'_, (Contact, Vec<String>)> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a round ended early.
enum Broken {
    /// The server does not answer.
    Server(Silent),
    /// The desk cannot store or find.
    Desk(Failure),
}

impl From<Silent> for Broken {
    fn from(silent: Silent) -> Self {
        Self::Server(silent)
    }
}

impl From<Failure> for Broken {
    fn from(failure: Failure) -> Self {
        Self::Desk(failure)
    }
}

/// Whoever speaks with one server.
pub struct Connector {
    name: String,
    engine: Engine,
    runtime: Handle,
    server: Server,
    pace: Pace,
    wake: Arc<Wake>,
    told: Arc<Told>,
    /// There is one while the server answers.
    desk: Option<Desk>,
    version: Option<String>,
    /// The threads whose every question is known, as they were then.
    known: HashMap<String, Option<String>>,
    problems: Vec<String>,
    /// Something was sent and is not confirmed.
    in_flight: bool,
    /// What does not fit onto a card, and why, so that it is tried once.
    unfit: HashMap<import::Named, String>,
}

impl Connector {
    /// Prepares it; asks nothing.
    pub fn new(
        name: String,
        engine: Engine,
        runtime: Handle,
        server: Server,
        pace: Pace,
        (wake, told): (Arc<Wake>, Arc<Told>),
    ) -> Self {
        Self {
            name,
            engine,
            runtime,
            server,
            pace,
            wake,
            told,
            desk: None,
            version: None,
            known: HashMap::new(),
            problems: Vec::new(),
            in_flight: false,
            unfit: HashMap::new(),
        }
    }

    /// Works until its end is asked for.
    pub fn run(mut self) {
        let (mut away, mut confirm) = (self.pace.away.0, self.pace.confirm);
        let mut next_round = Instant::now();
        while !self.wake.is_stopped() {
            let whole = self.desk.is_none() || Instant::now() >= next_round;
            if whole {
                next_round = Instant::now() + self.pace.poll;
            }
            let outcome = if whole { self.round() } else { self.attend(None) };
            let pause = match outcome {
                Ok(()) => {
                    away = self.pace.away.0;
                    let rest = next_round.saturating_duration_since(Instant::now());
                    // A graph may work for long on what it was told.
                    let soon = if self.in_flight { confirm } else { rest };
                    confirm = if self.in_flight { confirm * 2 } else { self.pace.confirm };
                    soon.min(rest)
                }
                Err(Broken::Server(silent)) => {
                    self.lost(silent);
                    let pause = away;
                    away = (away * 2).min(self.pace.away.1);
                    pause
                }
                Err(Broken::Desk(failure)) => {
                    let error = failure.0.message;
                    tracing::warn!(server = self.name, error, "a server cannot be served");
                    self.pace.poll
                }
            };
            let wanted = self.wake.wait(pause);
            if wanted.look {
                next_round = Instant::now();
            }
            if wanted.changed {
                confirm = self.pace.confirm;
            }
        }
    }

    /// Looks at all of the server, and at all that was decided.
    fn round(&mut self) -> Result<(), Broken> {
        let found = self.look()?;
        self.problems.clear();
        self.reached();
        let standing = self.import(found)?;
        self.attend(Some(&standing))?;
        self.tell_problems();
        Ok(())
    }

    /// The threads that wait or failed.
    fn look(&mut self) -> Result<Vec<Thread>, Silent> {
        if self.desk.is_none() {
            self.version = self.server.version()?;
        }
        let mut found = Vec::new();
        for status in ["interrupted", "error"] {
            let mut offset = Some(0);
            while let Some(from) = offset {
                let page = self.server.threads(status, from)?;
                found.extend(page.threads);
                offset = page.next;
                if self.wake.is_stopped() {
                    break;
                }
            }
        }
        Ok(found)
    }

    /// What waits in a thread now, and its status; `None` where it is gone.
    fn examine(&self, id: &str) -> Result<Option<(Thread, State)>, Silent> {
        // The status first: an answer that was taken makes it busy at once, and
        // the state that is read afterwards is the later one.
        let Some(thread) = self.server.thread(id)? else { return Ok(None) };
        let state = self.server.state(id)?;
        Ok(state.map(|state| (thread, state)))
    }

    /// What waits in a thread, if that can be named.
    fn waiting(&mut self, thread: &Thread, state: &State) -> Option<Vec<Stands>> {
        let found = thread::waiting(&thread.status, state);
        if found.is_err() {
            self.problem(format!(
                "The thread {} waits, and its server does not say what for: it is older than the \
                 desk knows. Answer it on the server.",
                thread.id
            ));
        }
        found.ok()
    }

    fn reached(&mut self) {
        let is_new = self.desk.is_none();
        if is_new {
            self.desk = Some(Desk::open(&self.engine, &self.runtime, &self.name, &self.wake));
        }
        let contact = Contact::Connected { version: self.version.clone(), at: self.engine.time() };
        self.told.inner().0 = contact;
        if is_new {
            self.engine.servers_changed();
        }
    }

    fn lost(&mut self, silent: Silent) {
        self.desk = None;
        self.in_flight = false;
        self.told.is_away(&self.engine, silent.why);
    }

    fn problem(&mut self, problem: String) {
        if self.problems.len() < PROBLEMS && !self.problems.contains(&problem) {
            tracing::warn!(server = self.name, problem, "something of a server cannot be shown");
            self.problems.push(problem);
        }
    }

    fn tell_problems(&self) {
        let problems = self.problems.clone();
        let changed = {
            let mut told = self.told.inner();
            std::mem::replace(&mut told.1, problems.clone()) != problems
        };
        if changed {
            self.engine.servers_changed();
        }
    }
}
