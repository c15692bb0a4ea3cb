//! The desk as one agent knows it here: how to get a connection, and how to
//! wait on one while the desk goes away and comes back.
//!
//! It never takes a desk that is not there for a yes: what it cannot ask it
//! says so, and whoever asked must not act.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use handoff_domain::integration::Integration;
use handoff_domain::lifecycle::{Flag, State};
use handoff_protocol::wire::{Ack, Answered, ErrorData, Hello, LeaseGrant, Observer, Wait, method};
use handoff_spool::Spool;
use handoff_transport::client::{Client, ClientError};
use handoff_transport::home::Home;
use handoff_transport::session::{ClientProcess, Session};
use serde_json::Value;

/// Starts a desk where none runs: given how to connect, it gives back the
/// first connection, or says why there is none.
pub type Launch =
    dyn Fn(&dyn Fn() -> Result<Client, ClientError>) -> Result<Client, ErrorData> + Send + Sync;

/// The way to the desk, whoever goes it.
pub struct Way {
    /// Where the desk lives.
    pub home: Home,
    /// Starts it.
    pub launch: Box<Launch>,
    /// Reads the clock.
    pub now: fn() -> DateTime<Utc>,
    /// The program that has started this one, where the system says so.
    pub client: Option<ClientProcess>,
    /// What that program calls its session, where it says so.
    pub session: Option<String>,
}

impl Way {
    /// The session that the client works on: as the call itself says, as the
    /// client's hook has told last, or as this was started with; and the agent
    /// that its hook speaks as.
    pub fn session(&self, said: Option<&str>) -> (Option<String>, Option<String>) {
        let client = self.client.as_ref();
        let told = client.and_then(|client| Session::told(&self.home, client));
        let (id, agent) = told.map_or((None, None), |told| (Some(told.id), Some(told.agent)));
        (said.map(str::to_owned).or(id).or_else(|| self.session.clone()), agent)
    }
}

/// The desk, for one agent.
#[derive(Clone)]
pub struct Desk {
    way: Arc<Way>,
    agent: String,
    integration: Integration,
}

/// How somebody waits: until when, whether still, and who is told meanwhile.
pub struct Patience<'p> {
    /// When it ends.
    pub until: Instant,
    /// The one who asked does not want it any more.
    pub dropped: &'p AtomicBool,
    /// Told at the beginning and every few seconds, in words.
    pub tell: &'p dyn Fn(&str),
}

/// Why there is no connection.
pub struct Away {
    /// In words.
    pub data: ErrorData,
    /// A desk took the connection and gave no answer: it may have what was
    /// sent, and to try it again at once would only take as long again.
    pub silent: bool,
}

/// How often it is told that the wait goes on.
const TOLD: Duration = Duration::from_secs(10);

/// How much later than asked for an answer may come.
const LATE: Duration = Duration::from_secs(30);

/// The first and the longest pause before a lost desk is looked for again.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How long an answer that is offered to another caller, who may just be gone,
/// is asked for again.
const OFFERED: Duration = Duration::from_secs(2);

impl Desk {
    /// The desk at the end of `way`, for this agent.
    pub fn new(way: Arc<Way>, agent: String, integration: Integration) -> Self {
        Self { way, agent, integration }
    }

    /// Who speaks to it.
    pub fn agent(&self) -> &str {
        &self.agent
    }

    /// What that agent is built with.
    pub fn framework(&self) -> &'static str {
        self.integration.framework()
    }

    /// Where it lives.
    pub fn home(&self) -> &Home {
        &self.way.home
    }

    /// Its spool.
    pub fn spool(&self) -> Spool {
        Spool::of(self.way.home.root())
    }

    /// The time.
    pub fn now(&self) -> DateTime<Utc> {
        (self.way.now)()
    }

    /// A connection to a desk that runs.
    pub fn connect(&self) -> Result<Client, ClientError> {
        Client::connect(
            &self.way.home,
            Hello {
                name: self.agent.clone(),
                framework: Some(self.framework().to_owned()),
                version: Some(env!("CARGO_PKG_VERSION").to_owned()),
                token: None,
                observer: (self.integration == Integration::McpGate).then_some(Observer::Gateway),
            },
        )
    }

    /// A connection; the desk is started where none runs.
    pub fn reach(&self) -> Result<Client, Away> {
        match self.connect() {
            Ok(client) => Ok(client),
            Err(ClientError::Unreachable { .. }) => {
                (self.way.launch)(&|| self.connect()).map_err(|data| Away { data, silent: false })
            }
            Err(error @ ClientError::Lost { .. }) => {
                Err(Away { data: error.explained(), silent: true })
            }
            Err(error) => Err(Away { data: error.explained(), silent: false }),
        }
    }

    /// Waits for the decision on a handoff, however often the desk goes away
    /// meanwhile. Gives back the connection that holds the lease, if there is
    /// one, and the answer; one without a decision where time or wish ran out.
    pub fn wait(
        &self,
        mut client: Client,
        id: &str,
        patience: &Patience<'_>,
    ) -> Result<(Client, Answered), ErrorData> {
        let mut pause = FIRST_PAUSE;
        let mut offered = None;
        loop {
            (patience.tell)("Waiting for the reviewer.");
            let ask = patience.left().min(TOLD);
            let seconds = ask.as_secs() + u64::from(ask.subsec_nanos() > 0);
            let params = Wait { id: id.to_owned(), timeout_s: u32::try_from(seconds).ok() };
            match client.call_by::<_, Answered>(method::WAIT, &params, ask + LATE) {
                Ok(answered) => {
                    let again = *offered.get_or_insert_with(|| Instant::now() + OFFERED);
                    if is_offered_elsewhere(&answered) && Instant::now() < again {
                        std::thread::park_timeout(OFFERED / 20);
                        continue;
                    }
                    if is_final(&answered) || patience.is_over() {
                        return Ok((client, answered));
                    }
                    offered = None;
                    pause = FIRST_PAUSE;
                }
                Err(error) if error.passes() && !patience.is_over() => {
                    (patience.tell)("The desk does not answer. Looking for it again.");
                    std::thread::park_timeout(pause);
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    client = self.look_for(patience).map_err(ClientError::explained)?;
                }
                Err(error) => return Err(error.explained()),
            }
        }
    }

    /// Looks for a desk that went away.
    pub fn look_for(&self, patience: &Patience<'_>) -> Result<Client, ClientError> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.connect() {
                Ok(client) => return Ok(client),
                Err(error) if error.passes() && !patience.is_over() => {}
                Err(error) => return Err(error),
            }
            // Nothing tells when a desk comes back.
            std::thread::park_timeout(pause.min(patience.left()));
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

impl Patience<'_> {
    /// How long it still lasts.
    pub fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// Whether there is no more waiting.
    pub fn is_over(&self) -> bool {
        self.is_dropped() || self.left().is_zero()
    }

    /// Whether nobody wants it any more.
    pub fn is_dropped(&self) -> bool {
        self.dropped.load(Ordering::Acquire)
    }
}

/// Tells the desk that a decision has arrived.
pub fn acknowledge(client: &mut Client, lease: &LeaseGrant) -> Result<(), ClientError> {
    client.call(method::ACK, &Ack { id: lease.id.clone(), result: None }).map(|_: Value| ())
}

/// Whether it is decided and was offered to somebody else, who has not taken it:
/// the desk notices in a moment if that one is gone.
fn is_offered_elsewhere(answered: &Answered) -> bool {
    answered.decision.is_some() && !answered.act && answered.state == State::Released
}

/// Whether waiting longer changes nothing.
pub fn is_final(answered: &Answered) -> bool {
    answered.decision.is_some() || answered.state.is_over() || is_left_alone(answered)
}

/// Whether its time ran out and it was left to the reviewer, without alarm.
pub fn is_left_alone(answered: &Answered) -> bool {
    answered.flags.contains(&Flag::ManualReview) && answered.state == State::Ready
}
