//! The desk, as a hook talks to it: one connection, made again where the desk
//! comes back, and an end to all waiting.

use std::time::{Duration, Instant};

use handoff_domain::lifecycle::{Outcome, Report};
use handoff_protocol::wire::{
    Ack, Answered, ById, ByTask, Check, Checked, ErrorCode, Hello, Observer, Reconcile,
    RecordAction, Recorded, Shown, Standing, TaskStanding, Wait, Withdraw, method,
};
use handoff_transport::client::{Client as Connection, ClientError};
use handoff_transport::home::Home;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Hook, Start, words};

/// How long a desk that went away while it was asked is looked for: as long as
/// a start of it takes.
const COMES_BACK: Duration = Duration::from_secs(8);

/// The first and the longest pause between two looks.
const FIRST_PAUSE: Duration = Duration::from_millis(25);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Why a question has no answer, in words for the client's model.
#[derive(Debug)]
pub(crate) enum Fault {
    /// There is no such task yet.
    NoSuchTask,
    /// The time is over.
    Late,
    /// Anything else.
    Said(String),
}

/// A connection to the desk, made by the first call on it.
pub(crate) struct Talk {
    home: Home,
    hello: Hello,
    /// How a desk is started; once.
    start: Option<Start>,
    connection: Option<Connection>,
    until: Instant,
}

impl Talk {
    /// Knows where the desk is; nothing is asked of it yet.
    pub fn begin(hook: Hook, until: Instant) -> Result<Self, String> {
        let Hook { client, agent, home, start, within: _ } = hook;
        let home = home.map_err(|why| words::no_desk(&why))?;
        let hello = Hello {
            name: agent,
            framework: Some(client.integration().framework().to_owned()),
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            token: None,
            observer: Some(Observer::Hook),
        };
        Ok(Self { home, hello, start: Some(start), connection: None, until })
    }

    /// Where the desk lives.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// The agent's name.
    pub fn agent(&self) -> &str {
        &self.hello.name
    }

    /// Asks the gate.
    pub fn check(&mut self, check: &Check) -> Result<Checked, Fault> {
        self.call(method::CHECK, check)
    }

    /// Records an action.
    pub fn record(&mut self, record: &RecordAction) -> Result<Recorded, Fault> {
        self.call(method::RECORD, record)
    }

    /// How a task stands.
    pub fn task(&mut self, task: &str) -> Result<TaskStanding, Fault> {
        self.call(method::TASK_RUNNABLE, &ByTask { task: task.to_owned() })
    }

    /// Ends a task.
    pub fn close(&mut self, task: &str) -> Result<TaskStanding, Fault> {
        self.call(method::TASK_CLOSE, &ByTask { task: task.to_owned() })
    }

    /// How a handoff stands, without waiting for it.
    pub fn look(&mut self, id: &str) -> Result<Shown, Fault> {
        self.call(method::GET, &ById { id: id.to_owned() })
    }

    /// Waits for a decision and acknowledges that it came.
    pub fn wait(&mut self, id: &str) -> Result<Answered, Fault> {
        loop {
            let left = self.left()?;
            // What is left of a second counts as one: the answer is given up by
            // the time here, not by the desk's.
            let seconds = u32::try_from(left.as_secs() + 1).ok();
            let wait = Wait { id: id.to_owned(), timeout_s: seconds };
            let connection = self.connection()?;
            match connection.call_by::<_, Answered>(method::WAIT, &wait, left) {
                Ok(answered) => {
                    if let Some(lease) = &answered.lease {
                        let known = Ack { id: lease.id.clone(), result: None };
                        // If it gets lost, the check that follows says so.
                        connection.call::<_, Value>(method::ACK, &known).ok();
                    }
                    return Ok(answered);
                }
                Err(ClientError::Lost { .. }) if self.is_late() => return Err(Fault::Late),
                Err(error) => self.come_back(error)?,
            }
        }
    }

    /// Tells the desk that a decision which runs nothing was carried out.
    pub fn reconcile(&mut self, id: &str) {
        let report =
            Report { outcome: Outcome::Applied, why: None, steps: Vec::new(), unmet: Vec::new() };
        let reconcile = Reconcile { id: id.to_owned(), report };
        // The client is told either way; the reviewer then sees no report.
        if let Ok(connection) = self.connection() {
            connection.call::<_, Standing>(method::RECONCILE, &reconcile).ok();
        }
    }

    /// Takes a question back.
    pub fn withdraw(&mut self, id: &str, reason: &str) -> Result<(), Fault> {
        let withdraw = Withdraw { id: id.to_owned(), reason: Some(reason.to_owned()) };
        match self.connection()?.call::<_, Standing>(method::WITHDRAW, &withdraw) {
            Ok(_) => Ok(()),
            // It is answered or over already.
            Err(ClientError::Refused { data, .. })
                if matches!(data.code, ErrorCode::Conflict | ErrorCode::NotFound) =>
            {
                Ok(())
            }
            Err(error) => Err(said(error)),
        }
    }

    /// Waits a moment, longer each time, but not beyond the end.
    pub fn pause(&self, pause: &mut Duration) -> Result<(), Fault> {
        let left = self.left()?;
        std::thread::park_timeout((*pause).max(FIRST_PAUSE).min(left));
        *pause = (*pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        Ok(())
    }

    fn left(&self) -> Result<Duration, Fault> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(Fault::Late) } else { Ok(left) }
    }

    fn is_late(&self) -> bool {
        Instant::now() >= self.until
    }

    fn call<P: Serialize, R: DeserializeOwned>(
        &mut self,
        method: &str,
        params: &P,
    ) -> Result<R, Fault> {
        loop {
            let left = self.left()?;
            let outcome = match &mut self.connection {
                Some(connection) => connection.call_by(method, params, left),
                None => self.first(method, params, left)?,
            };
            match outcome {
                Ok(answer) => return Ok(answer),
                Err(ClientError::Lost { .. }) if self.is_late() => return Err(Fault::Late),
                // Every call here can be made again: a key, an id or a look.
                Err(error) => self.come_back(error)?,
            }
        }
    }

    /// The connection, made if there is none.
    fn connection(&mut self) -> Result<&mut Connection, Fault> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => match Connection::connect(&self.home, self.hello.clone()) {
                Err(ClientError::Unreachable { .. }) => self.started()?,
                found => found.map_err(|error| no_desk(&error))?,
            },
        };
        Ok(self.connection.insert(connection))
    }

    /// Connects with the first call: together they take no longer than one, and
    /// a hook is waited for before each call of its client.
    fn first<P: Serialize, R: DeserializeOwned>(
        &mut self,
        method: &str,
        params: &P,
        left: Duration,
    ) -> Result<Result<R, ClientError>, Fault> {
        match Connection::connect_calling(&self.home, self.hello.clone(), method, params, left) {
            Ok((connection, outcome)) => {
                self.connection = Some(connection);
                Ok(outcome)
            }
            Err(ClientError::Unreachable { .. }) => {
                let connection = self.started()?;
                Ok(self.connection.insert(connection).call_by(method, params, left))
            }
            Err(error) => Err(no_desk(&error)),
        }
    }

    /// Starts a desk, once, and connects to it.
    fn started(&mut self) -> Result<Connection, Fault> {
        if let Some(start) = self.start.take() {
            start(&self.home, &self.hello.name).map_err(|why| Fault::Said(words::no_desk(&why)))?;
        }
        Connection::connect(&self.home, self.hello.clone()).map_err(|error| no_desk(&error))
    }

    /// Looks for a desk that went away; any other fault is passed on.
    fn come_back(&mut self, mut error: ClientError) -> Result<(), Fault> {
        let give_up = Instant::now() + COMES_BACK;
        let mut pause = FIRST_PAUSE;
        while error.passes() && Instant::now() < give_up && self.pause(&mut pause).is_ok() {
            match Connection::connect(&self.home, self.hello.clone()) {
                Ok(connection) => {
                    self.connection = Some(connection);
                    return Ok(());
                }
                Err(found) => error = found,
            }
        }
        Err(said(error))
    }
}

fn no_desk(error: &ClientError) -> Fault {
    Fault::Said(words::no_desk(&error.to_string()))
}

fn said(error: ClientError) -> Fault {
    let away = error.passes();
    if let ClientError::Refused { data, .. } = &error
        && !away
    {
        return if data.code == ErrorCode::NotFound {
            Fault::NoSuchTask
        } else {
            Fault::Said(words::denied(&format!("{} {}", data.message, data.hint)))
        };
    }
    let why = format!("{error}.");
    Fault::Said(if away { words::no_desk(&why) } else { words::broken(&why) })
}
