//! The desk, as the agent of a server meets it: the calls of any agent, made
//! from a thread that may wait.

use std::sync::Arc;

use handoff_domain::lifecycle::{Outcome, Report};
use handoff_domain::payload::LeftOpen;
use handoff_domain::validate::Fault;
use handoff_engine::{Engine, Failure};
use handoff_protocol::session::Session;
use handoff_protocol::wire::{
    Ack, Answered, ById, ErrorCode, ErrorData, Reconcile, Shown, Standing, Validated, Wait,
    Withdraw, method,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::to_raw_value;
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::wake::Wake;

/// A session of a server's agent; it ends with this.
pub struct Desk {
    session: Arc<dyn Session>,
    runtime: Handle,
}

impl Desk {
    /// Begins a session; whatever changes wakes the connector.
    pub fn open(engine: &Engine, runtime: &Handle, server: &str, wake: &Arc<Wake>) -> Self {
        let wake = Arc::clone(wake);
        let _entered = runtime.enter();
        let session = engine.session_of_server(server, Arc::new(move |_, _| wake.changed()));
        Self { session, runtime: runtime.clone() }
    }

    /// Hands something to the reviewer; the same again is answered the same. No
    /// server says how long there is to answer, or what follows.
    pub fn submit(&self, handoff: &Value) -> Result<Standing, Failure> {
        let left_open = [LeftOpen::RespondWithinS, LeftOpen::OnTimeout];
        self.call(method::SUBMIT, &json!({ "handoff": handoff, "left_open": left_open }))
    }

    /// What is wrong with a handoff, without handing it over.
    pub fn faults(&self, handoff: &Value) -> Result<Vec<Fault>, Failure> {
        let told: Validated = self.call(method::VALIDATE, &json!({ "handoff": handoff }))?;
        Ok(told.faults)
    }

    /// The decision, once it is out.
    pub fn get(&self, id: &str) -> Result<Shown, Failure> {
        self.call(method::GET, &ById { id: id.to_owned() })
    }

    /// Takes the decision, to act on it; says whether it is ours to act on.
    pub fn take(&self, id: &str) -> Result<bool, Failure> {
        let wait = Wait { id: id.to_owned(), timeout_s: Some(0) };
        let answered: Answered = self.call(method::WAIT, &wait)?;
        let Some(lease) = answered.lease.filter(|_| answered.act) else { return Ok(false) };
        let acknowledge = Ack { id: lease.id, result: None };
        self.call::<Value>(method::ACK, &acknowledge).map(|_| true)
    }

    /// Takes back what was not decided.
    pub fn withdraw(&self, id: &str, why: &str) -> Result<(), Failure> {
        let withdraw = Withdraw { id: id.to_owned(), reason: Some(why.to_owned()) };
        self.call::<Standing>(method::WITHDRAW, &withdraw).map(drop)
    }

    /// Reports that it was done as was decided, or why it was not.
    pub fn report(&self, id: &str, diverged: Option<&str>) -> Result<(), Failure> {
        let report = Report {
            outcome: if diverged.is_some() { Outcome::Diverged } else { Outcome::Applied },
            why: diverged.map(str::to_owned),
            steps: Vec::new(),
            unmet: Vec::new(),
        };
        let reconcile = Reconcile { id: id.to_owned(), report };
        self.call::<Standing>(method::RECONCILE, &reconcile).map(drop)
    }

    fn call<T: DeserializeOwned>(&self, name: &str, params: &impl Serialize) -> Result<T, Failure> {
        let no_json = |error: serde_json::Error| {
            Failure::new(ErrorCode::Internal, format!("No JSON form: {error}."), "")
        };
        let params = to_raw_value(params).map_err(no_json)?;
        let reply = Arc::clone(&self.session).call(name.to_owned(), Some(params));
        let answer = self.runtime.block_on(reply);
        let answer = answer.map_err(|error: ErrorData| Failure(Box::new(error)))?;
        serde_json::from_str(answer.get()).map_err(no_json)
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.session.close();
    }
}
