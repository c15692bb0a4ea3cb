//! The agents: each hands off, waits, acts once and reports, again and again.
//! Some speak to the socket, some call the real command line.

use std::sync::Arc;
use std::time::Duration;

use handoff_domain::identity::handoff_id;
use handoff_domain::lifecycle::{Outcome, Report, State};
use handoff_protocol::wire::{Ack, Answered, Hello, Reconcile, Standing, Submit, Wait, method};
use handoff_transport::client::{Client, ClientError};
use handoff_transport::home::Home;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use super::ledger::Ledger;
use crate::support::cli::{Answer, Calls};
use crate::support::dice::Dice;
use crate::support::payload;

/// How long a wait may last. Nothing here takes so long.
const WAIT: Duration = Duration::from_mins(4);

/// How long any other call may take.
const CALL: Duration = Duration::from_secs(30);

/// How many handoffs an agent has under way.
const BATCH: u64 = 2;

/// An agent on the socket.
pub struct BySocket {
    home: Home,
    ledger: Arc<Ledger>,
    name: &'static str,
    part: u64,
    dice: Dice,
    made: u32,
    client: Option<Client>,
}

/// It is over, and nothing more is asked.
struct Over;

impl BySocket {
    pub fn new(home: Home, ledger: Arc<Ledger>, name: &'static str, part: u64, dice: Dice) -> Self {
        Self { home, ledger, name, part, dice, made: 0, client: None }
    }

    /// Works until there is to be nothing new, and all of it is done.
    pub fn work(mut self) {
        while !self.ledger.is_winding_up() {
            let batch = 1 + self.dice.below(BATCH);
            let Ok(ids) = (0..batch).map(|_| self.submit()).collect::<Result<Vec<_>, Over>>()
            else {
                return;
            };
            for id in ids {
                if self.follow(&id).is_err() {
                    return;
                }
            }
        }
    }

    fn submit(&mut self) -> Result<String, Over> {
        self.made += 1;
        let key = format!("{}-{}-{}", self.name, self.part, self.made);
        let payload = payload::rename(&key);
        let id = handoff_id(self.name, &key);
        self.ledger.ask(&id, self.name, &payload);
        let handoff = to_raw_value(&payload).unwrap();
        let again = self.dice.chance(20);
        for turn in 0..=u32::from(again) {
            let told: Standing = self.insist(method::SUBMIT, &Submit::of(&handoff))?;
            if told.id != id || (turn == 1 && told.replayed != Some(true)) {
                self.ledger.fault(format!("{id} is acknowledged as {told:?}"));
            }
            self.ledger.acknowledged(&id);
        }
        Ok(id)
    }

    /// From the wait to the report.
    fn follow(&mut self, id: &str) -> Result<(), Over> {
        let wait = Wait { id: id.to_owned(), timeout_s: None };
        // A receipt whose answer was lost may have been stored, or not.
        let mut receipt_sent = false;
        loop {
            let told: Answered = self.insist_by(method::WAIT, &wait, WAIT)?;
            let Some(decision) = &told.decision else {
                self.ledger.fault(format!("a wait has ended with nothing: {told:?}"));
                return Err(Over);
            };
            self.ledger.is_told(id, &serde_json::to_value(decision).unwrap());
            if let Some(lease) = told.lease.filter(|_| told.act) {
                receipt_sent = true;
                let ack = Ack { id: lease.id, result: None };
                // Only this connection can acknowledge it.
                if self.once::<Value>(method::ACK, &ack, CALL)?.is_some() {
                    self.ledger.acts(id);
                    break;
                }
            } else if receipt_sent && told.state == State::Collected {
                self.ledger.acts(id);
                break;
            } else {
                // It was offered to a connection whose end is noticed in a moment.
                self.ledger.pause(Duration::from_millis(20));
                self.still_on()?;
            }
        }
        let told: Answered = self.insist_by(method::WAIT, &wait, CALL)?;
        if told.act {
            self.ledger.acts(id);
        }
        let report =
            Report { outcome: Outcome::Applied, why: None, steps: Vec::new(), unmet: Vec::new() };
        let _standing: Standing =
            self.insist(method::RECONCILE, &Reconcile { id: id.to_owned(), report })?;
        self.ledger.done(id);
        Ok(())
    }

    fn insist<R: DeserializeOwned>(
        &mut self,
        method: &str,
        params: &impl Serialize,
    ) -> Result<R, Over> {
        self.insist_by(method, params, CALL)
    }

    /// Calls until a desk answers.
    fn insist_by<R: DeserializeOwned>(
        &mut self,
        method: &str,
        params: &impl Serialize,
        limit: Duration,
    ) -> Result<R, Over> {
        loop {
            if let Some(answer) = self.once(method, params, limit)? {
                return Ok(answer);
            }
            self.ledger.pause(Duration::from_millis(15));
        }
    }

    /// Calls once; `None` when the desk is dead, before or after it has done it.
    fn once<R: DeserializeOwned>(
        &mut self,
        method: &str,
        params: &impl Serialize,
        limit: Duration,
    ) -> Result<Option<R>, Over> {
        self.still_on()?;
        if self.client.is_none() {
            let hello = Hello { name: self.name.to_owned(), ..Hello::default() };
            match Client::connect(&self.home, hello) {
                Ok(client) => self.client = Some(client),
                Err(error) => return self.lost("say hello", &error).map(|()| None),
            }
        }
        let Some(client) = &mut self.client else { return Ok(None) };
        match client.call_by(method, params, limit) {
            Ok(answer) => Ok(Some(answer)),
            Err(error) => {
                self.client = None;
                self.lost(method, &error).map(|()| None)
            }
        }
    }

    fn lost(&self, what: &str, error: &ClientError) -> Result<(), Over> {
        match error {
            ClientError::Unreachable { .. } => Ok(()),
            ClientError::Lost { why } if !why.contains("in time") => Ok(()),
            other @ (ClientError::NotOurs { .. }
            | ClientError::Lost { .. }
            | ClientError::Refused { .. }
            | ClientError::Malformed { .. }
            | ClientError::TooLarge { .. }
            | ClientError::Token { .. }) => {
                self.ledger.fault(format!("{}: to {what} failed: {other}", self.name));
                Err(Over)
            }
        }
    }

    fn still_on(&self) -> Result<(), Over> {
        if self.ledger.is_over() { Err(Over) } else { Ok(()) }
    }
}

/// An agent that calls `handoff`, where it cannot start a desk of its own.
pub struct ByCommand {
    calls: Calls,
    ledger: Arc<Ledger>,
    name: &'static str,
    dice: Dice,
    made: u32,
}

impl ByCommand {
    pub fn new(calls: Calls, ledger: Arc<Ledger>, name: &'static str, dice: Dice) -> Self {
        Self { calls, ledger, name, dice, made: 0 }
    }

    /// Works until there is to be nothing new, and all of it is done.
    pub fn work(mut self) {
        while !self.ledger.is_winding_up() && self.one().is_ok() {}
    }

    fn one(&mut self) -> Result<(), Over> {
        self.made += 1;
        let key = format!("{}-{}", self.name, self.made);
        let payload = payload::rename(&key);
        let id = handoff_id(self.name, &key);
        self.ledger.ask(&id, self.name, &payload);
        let at_once = self.dice.chance(50);
        let words: &[&str] = if at_once { &["--wait", "240"] } else { &[] };
        let mut told = self.call_until(&["submit", "-"], words, Some(&payload), |told| {
            matches!(told.code, 0 | 5 | 10..=14)
        })?;
        if told.json["id"] != id.as_str() {
            self.ledger.fault(format!("{id} is acknowledged as {}", told.out));
        }
        self.ledger.acknowledged(&id);
        if told.json["decision"].is_null() {
            told = self.call_until(&["wait", &id], &["--timeout", "240"], None, |told| {
                !told.json["decision"].is_null()
            })?;
        }
        self.ledger.is_told(&id, &told.json["decision"]);
        // 5: whether the receipt has arrived is unknown, so it must not act.
        if told.json["act"] == json!(true) && told.code != 5 {
            self.ledger.acts(&id);
            let again = self
                .call_until(&["wait", &id], &[], None, |told| !told.json["decision"].is_null())?;
            if again.json["act"] == json!(true) {
                self.ledger.acts(&id);
            }
        }
        self.call_until(&["reconcile", &id], &["--applied"], None, |told| told.code == 0)?;
        self.ledger.done(&id);
        Ok(())
    }

    /// Calls until the answer is one; in between no desk could be reached.
    fn call_until(
        &self,
        words: &[&str],
        more: &[&str],
        input: Option<&Value>,
        enough: impl Fn(&Answer) -> bool,
    ) -> Result<Answer, Over> {
        let words = [&["--agent", self.name], words, more].concat();
        loop {
            if self.ledger.is_over() {
                return Err(Over);
            }
            let mut call = self.calls.start(&words, input);
            let answer = loop {
                if let Some(answer) = call.ended_within(Duration::from_millis(250)) {
                    break answer;
                }
                if self.ledger.is_over() {
                    return Err(Over);
                }
            };
            if enough(&answer) {
                return Ok(answer);
            }
            // The desk died under it: nobody is there, or the answer is lost.
            if answer.code != 4 {
                let Answer { code, out, err, .. } = &answer;
                self.ledger.fault(format!("{words:?} ended with {code}: {out}\n{err}"));
                return Err(Over);
            }
            self.ledger.pause(Duration::from_millis(50));
        }
    }
}
