//! The agents: some ask, change and take back, others wait without an end.

use std::time::Duration;

use handoff_domain::decision::Then;
use handoff_domain::lifecycle::{Flag, Outcome, Report, State};
use handoff_faultfs::Seed;
use handoff_protocol::wire::{
    Ack, Answered, ById, ErrorCode, ErrorData, Reconcile, Revise, Shown, Standing, Submit, Wait,
    Withdraw, method,
};
use handoff_spool::{Entry, Spool};
use handoff_transport::client::Client;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use crate::ledger::Known;
use crate::line::{Line, Trouble};
use crate::payload;

/// How long a wait may last; nothing here takes so long.
const WAIT: Duration = Duration::from_mins(2);

/// How many unanswered handoffs an agent has at most.
const OPEN: usize = 150;

/// A thread of an agent.
pub struct Agent {
    line: Line,
    seed: Seed,
    name: String,
    made: u32,
}

impl Agent {
    pub fn new(line: Line, seed: Seed, name: String) -> Self {
        Self { line, seed, name, made: 0 }
    }

    /// Does what comes to mind until there is to be nothing new.
    pub fn work(mut self) {
        while !self.line.ledger.is_winding_up() {
            if let Err(Trouble::Nobody | Trouble::Lost) = self.step() {
                drop(self.line.wait_for_desk());
            }
        }
    }

    /// Waits for one handoff after the other, until all have an answer.
    pub fn wait(mut self) {
        while !self.line.ledger.is_over() {
            let Some((id, known)) = self.line.ledger.to_wait_for(&self.line.agent) else {
                self.line.ledger.pause(Duration::from_millis(10));
                continue;
            };
            drop(self.wait_for(&id, &known));
            self.line.ledger.no_longer_waits(&id);
        }
    }

    fn wait_for(&mut self, id: &str, known: &Known) -> Result<(), Trouble> {
        loop {
            let call = Wait { id: id.to_owned(), timeout_s: None };
            match self.line.call_by::<Answered>(method::WAIT, &call, WAIT) {
                Ok(told) => {
                    let answered = self.told(&told);
                    if !matches!(answered, Ok(true)) && told.decision.is_none() {
                        self.fault(format!("{id}: a wait has ended with nothing: {told:?}"));
                    }
                    return answered.map(drop);
                }
                Err(Trouble::Nobody | Trouble::Lost) => self.line.wait_for_desk()?,
                // The desk takes it up within moments.
                Err(Trouble::Refused(data))
                    if data.code == ErrorCode::NotFound && known.spooled =>
                {
                    self.line.ledger.pause(Duration::from_millis(5));
                }
                Err(Trouble::Refused(data)) => {
                    self.refused("wait for", id, &data, &[]);
                    return Ok(());
                }
                Err(Trouble::Over) => return Err(Trouble::Over),
            }
        }
    }

    fn step(&mut self) -> Result<(), Trouble> {
        let what = self.seed.below(100);
        if what < 35 {
            if self.line.ledger.unanswered(&self.line.agent) < OPEN {
                return self.submit();
            }
            self.line.ledger.pause(Duration::from_millis(5));
            return Ok(());
        }
        let open = self.line.ledger.some_open(&self.line.agent, &mut self.seed);
        let Some((id, known)) = open else { return self.submit() };
        match what {
            35..45 => self.submit_again(&id, &known),
            45..60 => self.revise(&id, &known),
            60..64 => self.withdraw(&id),
            64..90 => {
                let call = Wait { id, timeout_s: Some(u32::from(self.seed.chance(10))) };
                let told: Answered = self.known_to_the_desk(method::WAIT, &call)?;
                self.told(&told).map(drop)
            }
            _ => {
                let shown: Shown = self.known_to_the_desk(method::GET, &ById { id })?;
                self.line.ledger.saw(&shown.answered);
                Ok(())
            }
        }
    }

    /// A call about something that the desk has acknowledged.
    fn known_to_the_desk<R: serde::de::DeserializeOwned>(
        &mut self,
        method: &str,
        call: &impl serde::Serialize,
    ) -> Result<R, Trouble> {
        self.line.call(method, call).inspect_err(|trouble| {
            if let Trouble::Refused(data) = trouble {
                self.fault(format!("{method} of what was acknowledged is lost: {}", data.message));
            }
        })
    }

    fn submit(&mut self) -> Result<(), Trouble> {
        self.made += 1;
        let key = format!("{}-{}", self.name, self.made);
        let payload = payload::make(&key, &mut self.seed);
        let (id, hash) = self.line.ledger.ask(&self.line.agent, &payload);
        let handoff = raw(&payload);
        loop {
            match self.line.call::<Standing>(method::SUBMIT, &Submit::of(&handoff)) {
                Ok(standing) => {
                    if standing.id != id {
                        self.fault(format!("{id} was acknowledged as {}", standing.id));
                    }
                    self.line.ledger.proposed(&id, 1, &hash);
                    return Ok(());
                }
                Err(Trouble::Nobody) if self.seed.chance(25) => {
                    self.spool(&id, handoff);
                    return Ok(());
                }
                // It may be stored or not: asked again, or put into the spool.
                Err(Trouble::Lost) => {}
                Err(Trouble::Nobody) => self.line.wait_for_desk()?,
                Err(Trouble::Refused(data)) => {
                    self.refused("submit", &id, &data, &[]);
                    return Ok(());
                }
                Err(Trouble::Over) => return Err(Trouble::Over),
            }
        }
    }

    /// As the command line does where it finds no desk.
    fn spool(&self, id: &str, handoff: Box<RawValue>) {
        let (home, agent) = (&self.line.home, self.line.agent.clone());
        let token = match Client::token(home, &agent) {
            Ok(token) => token,
            Err(error) => return self.fault(format!("{id} has no token: {error}")),
        };
        let spooled_at = self.line.ledger.now();
        let (framework, withdrawn, left_open) = (None, None, Vec::new());
        let entry = Entry { agent, framework, token, spooled_at, withdrawn, left_open, handoff };
        match Spool::of(home.root()).put(&entry) {
            Ok(_) => self.line.ledger.spooled(id),
            Err(error) => self.fault(format!("{id} was not spooled: {error}")),
        }
    }

    /// The same again, by an agent that has forgotten.
    fn submit_again(&mut self, id: &str, known: &Known) -> Result<(), Trouble> {
        let handoff = raw(&known.payload);
        let told = self.line.call::<Standing>(method::SUBMIT, &Submit::of(&handoff));
        match told {
            Ok(standing) if standing.id == id && standing.replayed == Some(true) => Ok(()),
            Ok(standing) => {
                self.fault(format!("{id} was submitted again and is new: {standing:?}"));
                Ok(())
            }
            // A later proposal that was asked for may not have been stored.
            Err(Trouble::Refused(data)) if known.asked.len() > 1 => {
                self.refused("submit again", id, &data, &[ErrorCode::Conflict]);
                Ok(())
            }
            Err(Trouble::Refused(data)) => {
                self.refused("submit again", id, &data, &[]);
                Ok(())
            }
            Err(trouble) => Err(trouble),
        }
    }

    fn revise(&mut self, id: &str, known: &Known) -> Result<(), Trouble> {
        let key = known.payload["key"].as_str().unwrap_or_default();
        let payload = payload::make(key, &mut self.seed);
        let (_, hash) = self.line.ledger.ask(&self.line.agent, &payload);
        let handoff = raw(&payload);
        let call = Revise { id: id.to_owned(), handoff: &handoff };
        match self.line.insist::<Standing>(method::REVISE, &call) {
            Ok(standing) => {
                self.line.ledger.proposed(id, standing.revision, &hash);
                Ok(())
            }
            Err(Trouble::Refused(data)) => {
                self.refused("revise", id, &data, &[ErrorCode::Conflict]);
                Ok(())
            }
            Err(trouble) => Err(trouble),
        }
    }

    fn withdraw(&mut self, id: &str) -> Result<(), Trouble> {
        let call = Withdraw { id: id.to_owned(), reason: None };
        match self.line.insist::<Standing>(method::WITHDRAW, &call) {
            Ok(_) => {
                self.line.ledger.withdrawn(id);
                Ok(())
            }
            Err(Trouble::Refused(data)) => {
                self.refused("withdraw", id, &data, &[ErrorCode::Conflict]);
                Ok(())
            }
            Err(trouble) => Err(trouble),
        }
    }

    /// Does what an answer asks for; says whether it was one.
    fn told(&mut self, told: &Answered) -> Result<bool, Trouble> {
        let id = &told.id;
        self.line.ledger.saw(told);
        let Some(decision) = &told.decision else {
            let over = matches!(told.state, State::Withdrawn | State::Superseded);
            let answered = over || told.flags.contains(&Flag::ManualReview);
            if answered {
                self.line.ledger.answered(id);
            }
            return Ok(answered);
        };
        self.line.ledger.answered(id);
        if told.act {
            let Some(lease) = &told.lease else {
                self.fault(format!("{id}: the right to act comes without a lease"));
                return Ok(true);
            };
            let ack = Ack { id: lease.id.clone(), result: None };
            match self.line.call::<Value>(method::ACK, &ack) {
                Ok(_) => {}
                // Somebody else may have reported meanwhile.
                Err(Trouble::Refused(data)) => {
                    self.refused("acknowledge", id, &data, &[ErrorCode::Conflict]);
                    return Ok(true);
                }
                Err(trouble) => return Err(trouble),
            }
            let irreversible = payload::is_irreversible(decision);
            self.line.ledger.holds(id, told.revision, lease.expires_at, irreversible);
            if decision.then == Some(Then::Revise) && self.seed.chance(60) {
                let known = self.line.ledger.handoffs().remove(id);
                return known.map_or(Ok(()), |known| self.revise(id, &known)).map(|()| true);
            }
            if self.seed.chance(85) {
                self.report(id, Outcome::Applied)?;
            }
        } else if told.state == State::Collected && self.seed.chance(15) {
            // Its first client has died, perhaps.
            self.report(id, Outcome::Diverged)?;
        }
        Ok(true)
    }

    fn report(&mut self, id: &str, outcome: Outcome) -> Result<(), Trouble> {
        let why = Some(format!("{} {}", self.name, self.seed.number()));
        let report = Report { outcome, why, steps: Vec::new(), unmet: Vec::new() };
        let call = Reconcile { id: id.to_owned(), report: report.clone() };
        match self.line.insist::<Standing>(method::RECONCILE, &call) {
            Ok(_) => {
                self.line.ledger.reported(id, report);
                Ok(())
            }
            Err(Trouble::Refused(data)) => {
                self.refused("report on", id, &data, &[ErrorCode::Conflict]);
                Ok(())
            }
            Err(trouble) => Err(trouble),
        }
    }

    /// A refusal that may be is none of ours; any other is a fault.
    fn refused(&self, what: &str, id: &str, data: &ErrorData, expected: &[ErrorCode]) {
        if data.code == ErrorCode::NotFound {
            self.fault(format!("{id} is lost: it cannot {what} it: {}", data.message));
        } else if !expected.contains(&data.code) {
            let ErrorData { code, message, faults, .. } = data;
            self.fault(format!("{id}: to {what} was refused: {code:?} {message} {faults:?}"));
        }
    }

    fn fault(&self, fault: String) {
        self.line.ledger.fault(fault);
    }
}

fn raw(payload: &Value) -> Box<RawValue> {
    to_raw_value(payload).unwrap()
}
