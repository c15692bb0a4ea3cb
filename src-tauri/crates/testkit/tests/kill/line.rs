//! An agent's connection to a desk that comes and goes.

use std::sync::Arc;
use std::time::Duration;

use handoff_protocol::wire::{ErrorData, Hello};
use handoff_transport::client::{Client, ClientError};
use handoff_transport::home::Home;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ledger::Ledger;

/// How long a call may take that has nothing to wait for. A desk that hangs
/// for longer is a fault.
const CALL: Duration = Duration::from_secs(30);

/// How long a desk may be gone.
const PATIENCE: Duration = Duration::from_mins(1);

/// Why there is no answer.
#[derive(Debug)]
pub enum Trouble {
    /// Nobody is there: what was asked has not happened.
    Nobody,
    /// The desk has died: what was asked has happened, or not.
    Lost,
    /// The desk said no.
    Refused(Box<ErrorData>),
    /// It is over.
    Over,
}

/// One agent's connection, made again whenever it is needed.
pub struct Line {
    pub ledger: Arc<Ledger>,
    pub home: Home,
    pub agent: String,
    client: Option<Client>,
}

impl Line {
    pub fn new(ledger: Arc<Ledger>, home: Home, agent: &str) -> Self {
        Self { ledger, home, agent: agent.to_owned(), client: None }
    }

    /// Calls once, connecting first if need be.
    pub fn call<R: DeserializeOwned>(
        &mut self,
        method: &str,
        params: &impl Serialize,
    ) -> Result<R, Trouble> {
        self.call_by(method, params, CALL)
    }

    /// The same with more patience.
    pub fn call_by<R: DeserializeOwned>(
        &mut self,
        method: &str,
        params: &impl Serialize,
        limit: Duration,
    ) -> Result<R, Trouble> {
        if self.ledger.is_over() {
            return Err(Trouble::Over);
        }
        if self.client.is_none() {
            self.client = Some(self.connect()?);
        }
        let Some(client) = &mut self.client else { return Err(Trouble::Nobody) };
        let answer = client.call_by(method, params, limit).map_err(|error| self.trouble(error));
        if matches!(answer, Err(Trouble::Lost | Trouble::Nobody)) {
            self.client = None;
        }
        answer
    }

    /// Calls until a desk answers.
    pub fn insist<R: DeserializeOwned>(
        &mut self,
        method: &str,
        params: &impl Serialize,
    ) -> Result<R, Trouble> {
        loop {
            match self.call(method, params) {
                Err(Trouble::Nobody | Trouble::Lost) => self.wait_for_desk()?,
                answer => return answer,
            }
        }
    }

    /// Waits until a desk lets this agent in.
    pub fn wait_for_desk(&mut self) -> Result<(), Trouble> {
        let since = std::time::Instant::now();
        while self.client.is_none() {
            if self.ledger.is_over() {
                return Err(Trouble::Over);
            }
            if since.elapsed() > PATIENCE {
                self.ledger.fault(format!("{} was let in by no desk for a minute", self.agent));
                return Err(Trouble::Over);
            }
            match self.connect() {
                Ok(client) => self.client = Some(client),
                Err(Trouble::Nobody | Trouble::Lost) => {
                    self.ledger.pause(Duration::from_millis(3));
                }
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }

    fn connect(&self) -> Result<Client, Trouble> {
        let hello = Hello { name: self.agent.clone(), ..Hello::default() };
        Client::connect(&self.home, hello).map_err(|error| match self.trouble(error) {
            Trouble::Refused(data) => {
                self.ledger.fault(format!("{} was not let in: {}", self.agent, data.message));
                Trouble::Over
            }
            // Nothing was asked yet.
            Trouble::Lost => Trouble::Nobody,
            other @ (Trouble::Nobody | Trouble::Over) => other,
        })
    }

    fn trouble(&self, error: ClientError) -> Trouble {
        match error {
            ClientError::Unreachable { .. } => Trouble::Nobody,
            ClientError::Lost { why } => {
                if why.contains("in time") {
                    self.ledger.fault(format!("the desk hangs: {why}"));
                }
                Trouble::Lost
            }
            ClientError::Refused { data, .. } => Trouble::Refused(data),
            ClientError::NotOurs { .. }
            | ClientError::Malformed { .. }
            | ClientError::TooLarge { .. }
            | ClientError::Token { .. } => {
                self.ledger.fault(format!("a call failed as none should: {error}"));
                Trouble::Over
            }
        }
    }
}
