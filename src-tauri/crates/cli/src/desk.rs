//! The desk as this agent knows it: how to get a connection to it, and to wait
//! on one across its restarts.

use std::time::{Duration, Instant};

use handoff_domain::integration::Integration;
use handoff_domain::lifecycle::{Flag, State};
use handoff_protocol::wire::{Answered, Hello, Wait, method};
use handoff_spool::Spool;
use handoff_transport::client::{Client, ClientError};
use handoff_transport::home::Home;

use crate::edge::Edge;
use crate::failure::Failure;
use crate::start::{self, Found};

/// The longest single wait asked of the desk; a longer one is asked again.
pub const ONE_WAIT: Duration = Duration::from_mins(10);

/// How much later than asked for an answer may come before the desk counts as
/// gone.
pub const LATE: Duration = Duration::from_secs(30);

/// The first and the longest pause before a lost desk is looked for again.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

const BACK: &str = "The desk is back. Waiting on.";

/// The desk of one home, for one agent.
#[derive(Debug, Clone)]
pub struct Desk {
    home: Home,
    agent: String,
}

impl Desk {
    /// The desk that the environment names.
    pub fn new(edge: &Edge<'_>, agent: &str) -> Result<Self, Failure> {
        Ok(Self { home: edge.home()?, agent: agent.to_owned() })
    }

    /// Where the desk lives.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// Its spool.
    pub fn spool(&self) -> Spool {
        Spool::of(self.home.root())
    }

    /// Who speaks to it here.
    pub fn agent(&self) -> &str {
        &self.agent
    }

    /// A connection; the desk is started where none runs.
    pub fn reach(&self, edge: &mut Edge<'_>) -> Result<Client, Failure> {
        match self.seek(edge)? {
            Found::Desk(client) => Ok(client),
            Found::Nobody(why) | Found::Silent(why) => Err(why),
        }
    }

    /// The same, where nobody may be there to be reached.
    pub fn seek(&self, edge: &mut Edge<'_>) -> Result<Found, Failure> {
        match self.connect() {
            Ok(client) => Ok(Found::Desk(client)),
            Err(ClientError::Unreachable { .. }) => {
                start::desk(&self.home, edge, || self.connect())
            }
            Err(ClientError::Lost { why }) => Ok(Found::Silent(self.silent(&why))),
            Err(error) => Err(error.into()),
        }
    }

    /// What there is to say of a desk that took a connection and did not answer.
    pub fn silent(&self, why: &str) -> Failure {
        Failure::unreachable(
            format!(
                "The desk at {} took the connection, but did not answer: {why}.",
                self.home.socket().display()
            ),
            "It may be busy, stuck or just gone. If it stays silent, end `handoff-desk` and start \
             it again.",
        )
    }

    /// A connection to a desk that runs.
    pub fn connect(&self) -> Result<Client, ClientError> {
        Client::connect(
            &self.home,
            Hello {
                name: self.agent.clone(),
                framework: Some(Integration::CommandLine.framework().to_owned()),
                version: Some(env!("CARGO_PKG_VERSION").to_owned()),
                ..Hello::default()
            },
        )
    }

    /// Waits for the decision on a handoff, for `limit` at most, however often
    /// the desk goes away meanwhile: each time `remark` is told, and told when
    /// it is back. Gives back the connection that holds the lease, if there is
    /// one.
    pub fn wait(
        &self,
        mut client: Client,
        id: &str,
        limit: Option<Duration>,
        remark: &mut dyn FnMut(&str),
    ) -> Result<(Client, Answered), Failure> {
        let until = limit.and_then(|limit| Instant::now().checked_add(limit));
        let mut pause = FIRST_PAUSE;
        loop {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            let ask = left.unwrap_or(ONE_WAIT).min(ONE_WAIT);
            // A part of a second counts as a whole one: the desk's answer must
            // not come before the time that was asked for is over.
            let seconds = ask.as_secs() + u64::from(ask.subsec_nanos() > 0);
            let params = Wait { id: id.to_owned(), timeout_s: u32::try_from(seconds).ok() };
            match client.call_by::<_, Answered>(method::WAIT, &params, ask + LATE) {
                Ok(answered) => {
                    if is_final(&answered) || until.is_some_and(is_past) {
                        return Ok((client, answered));
                    }
                    pause = FIRST_PAUSE;
                }
                Err(error) if error.passes() && !until.is_some_and(is_past) => {
                    remark(&looks_again(&error, until));
                    std::thread::park_timeout(pause);
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    client = self.look_for(until).map_err(|error| stayed_away(error, id))?;
                    remark(BACK);
                }
                Err(error) => return Err(stayed_away(error, id)),
            }
        }
    }

    /// Looks for a desk that went away, until `until` at most.
    pub fn look_for(&self, until: Option<Instant>) -> Result<Client, ClientError> {
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match self.connect() {
                Ok(client) => return Ok(client),
                Err(error) if error.passes() => error,
                Err(error) => return Err(error),
            };
            if until.is_some_and(is_past) {
                return Err(error);
            }
            // Nothing tells when a desk comes back, so it is looked for, ever
            // less often.
            std::thread::park_timeout(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

pub fn is_past(moment: Instant) -> bool {
    Instant::now() >= moment
}

/// That the desk went away, and what is done about it.
fn looks_again(error: &ClientError, until: Option<Instant>) -> String {
    let span = until.map_or_else(String::new, |until| {
        let left = until.saturating_duration_since(Instant::now()).as_secs();
        format!(" for {left} s more")
    });
    format!("The desk does not answer any more ({error}). Looking for it again{span}.")
}

/// Why a wait ended without the desk, where that is why.
fn stayed_away(error: ClientError, id: &str) -> Failure {
    if !error.passes() {
        return error.into();
    }
    Failure::unreachable(
        format!("The time to wait is over, and the desk does not answer: {error}."),
        format!(
            "What it has acknowledged is kept. Start `handoff-desk`, and ask again with \
             `handoff wait {id}`."
        ),
    )
}

/// Whether waiting longer changes nothing.
fn is_final(answered: &Answered) -> bool {
    let left_alone = answered.flags.contains(&Flag::ManualReview) && answered.state == State::Ready;
    answered.decision.is_some() || answered.state.is_over() || left_alone
}
