//! An agent that asks the gate before each call and records what it did, and what
//! it was told: a permit lets exactly one call through, what cannot be undone
//! never runs without one, and no acknowledged record is lost.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use handoff_domain::decision::{Decision, DecisionKind};
use handoff_domain::gate::Ran;
use handoff_domain::lifecycle::{Flag, State};
use handoff_faultfs::Seed;
use handoff_protocol::wire::{
    Answered, Checked, ErrorCode, Gate, Recorded, Standing, Wait, Withdraw, method,
};
use handoff_store::{Read, Record};
use serde_json::{Value, json};

use crate::check::Count;
use crate::events;
use crate::line::{Line, Trouble};

/// The agent that asks.
pub const CALLER: &str = "cara";

/// What it was told, in memory that no kill reaches.
#[derive(Default)]
pub struct Calls {
    told: Mutex<Told>,
}

#[derive(Default, Clone)]
pub struct Told {
    /// The keys under which a call was let through, by the permit's handoff, each
    /// with the hash of the call.
    runs: BTreeMap<String, Vec<(String, String)>>,
    /// The records that were acknowledged.
    records: Vec<Value>,
}

impl Calls {
    pub fn told(&self) -> Told {
        self.told.lock().unwrap().clone()
    }

    fn ran(&self, permit: &str, key: &str, hash: &str) {
        let mut told = self.told.lock().unwrap();
        let keys = told.runs.entry(permit.to_owned()).or_default();
        if !keys.iter().any(|(known, _)| known == key) {
            keys.push((key.to_owned(), hash.to_owned()));
        }
    }

    fn recorded(&self, record: Value) {
        self.told.lock().unwrap().records.push(record);
    }
}

/// A thread of that agent.
pub struct Caller {
    line: Line,
    seed: Seed,
    name: String,
    made: u32,
    calls: Arc<Calls>,
}

impl Caller {
    pub fn new(line: Line, seed: Seed, name: String, calls: Arc<Calls>) -> Self {
        Self { line, seed, name, made: 0, calls }
    }

    /// Calls until there is to be nothing new.
    pub fn work(mut self) {
        while !self.line.ledger.is_winding_up() {
            if let Err(Trouble::Refused(data)) = self.call() {
                let lost = data.code == ErrorCode::NotFound;
                let what = if lost { "what was acknowledged is lost" } else { "the gate refused" };
                self.fault(format!("{what}: {data:?}"));
            }
        }
    }

    fn call(&mut self) -> Result<(), Trouble> {
        self.made += 1;
        let (key, number) = (format!("{}-{}", self.name, self.made), self.seed.below(1_000_000));
        let what = self.seed.below(10);
        let (tool, args) = match what {
            0..3 => ("bash", json!({ "command": format!("ls {number}") })),
            3..6 => ("bash", json!({ "command": format!("mv heap heap-{number}") })),
            _ => ("remove", json!({ "count": number })),
        };
        // Each in a task of its own: a pending question holds its task's others.
        let mut check = json!({ "key": key, "tool": tool, "args": args,
            "task": { "id": format!("task-{key}"), "title": "Tidy", "goal": "Tidy up" } });
        if (3..6).contains(&what) {
            check["undo"] = json!({ "kind": "tool", "tool": "move_back", "args": {} });
        }
        let within = [2, 30, 600][self.seed.below(3)];
        check["deadline"] = json!({ "respond_within_s": within, "grace_s": 1, "on_timeout": { "kind": "manual_review" } });
        let checked = self.ask(&check)?;
        match (what < 3, checked.verdict, checked.handoff_id.clone()) {
            (true, Gate::Run, _) if checked.ran == Some(Ran::Read) => self.record(&check),
            // Denied at once: its question was answered before a desk's answer came
            // through to it, and what was said is to be had like any other decision.
            (false, Gate::Held | Gate::Denied, Some(id)) => self.held(check, &id),
            (false, Gate::Run, Some(id)) => {
                self.lets(&check, &id, &checked);
                let mut other = check.clone();
                other["key"] = json!(format!("{key}-other"));
                self.lets_only(&check, &other, &id)
            }
            (_, verdict, _) => {
                self.fault(format!("{key}: {tool} was answered {verdict:?}: {}", checked.why));
                Ok(())
            }
        }
    }

    /// Asks until a desk answers.
    fn ask(&mut self, check: &Value) -> Result<Checked, Trouble> {
        self.line.insist(method::CHECK, check)
    }

    fn held(&mut self, mut check: Value, id: &str) -> Result<(), Trouble> {
        if self.seed.chance(15) {
            return self.withdraw(id);
        }
        let Some(decision) = self.decision(id)? else { return Ok(()) };
        let key = check["key"].as_str().unwrap_or_default().to_owned();
        if !matches!(decision.kind, DecisionKind::Approve | DecisionKind::Modify) {
            let checked = self.ask(&check)?;
            if checked.verdict != Gate::Denied {
                self.fault(format!("{key}: {:?} was said, and {checked:?}", decision.kind));
            }
            return Ok(());
        }
        if decision.kind == DecisionKind::Modify {
            check["args"] = json!(decision.args);
            check["key"] = json!(format!("{key}-edited"));
        }
        let mut other = check.clone();
        other["key"] = json!(format!("{key}-other"));
        // Whichever comes first, one of them gets through.
        let (first, second) =
            if self.seed.chance(50) { (&check, &other) } else { (&other, &check) };
        let checked = self.ask(first)?;
        self.lets(first, id, &checked);
        if self.seed.chance(30) {
            let again = self.ask(first)?;
            self.lets(first, id, &again);
        }
        self.lets_only(first, second, id)
    }

    /// One call was let through, so the other is not, and the one is recorded.
    fn lets_only(&mut self, first: &Value, second: &Value, permit: &str) -> Result<(), Trouble> {
        let checked = self.ask(second)?;
        self.lets_no_more(second, permit, &checked)?;
        self.record(first)
    }

    /// Waits for the decision; none where nobody is to wait any more.
    fn decision(&mut self, id: &str) -> Result<Option<Decision>, Trouble> {
        loop {
            let wait = Wait { id: id.to_owned(), timeout_s: Some(1) };
            let told: Answered = self.line.insist(method::WAIT, &wait)?;
            let over = matches!(told.state, State::Withdrawn | State::Superseded)
                || told.flags.contains(&Flag::ManualReview) && self.seed.chance(20);
            if told.decision.is_some() {
                return Ok(told.decision);
            }
            if over || self.line.ledger.is_winding_up() {
                return self.withdraw(id).map(|()| None);
            }
            // A wait for what is in manual review is answered at once.
            self.line.ledger.pause(Duration::from_millis(5));
        }
    }

    /// It must be let through by this permit.
    fn lets(&mut self, check: &Value, permit: &str, checked: &Checked) {
        let key = check["key"].as_str().unwrap_or_default();
        let by_permit = checked.handoff_id.as_deref() == Some(permit);
        if checked.verdict == Gate::Run && checked.ran == Some(Ran::Permit) && by_permit {
            self.calls.ran(permit, key, &checked.action_hash);
        } else {
            self.fault(format!("{key}: by the permit {permit} it was answered {checked:?}"));
        }
    }

    /// The permit was used: another call must not be let through.
    fn lets_no_more(
        &mut self,
        check: &Value,
        permit: &str,
        checked: &Checked,
    ) -> Result<(), Trouble> {
        if checked.verdict == Gate::Run {
            let key = &check["key"];
            self.fault(format!("{key}: the permit {permit} lets a second call through"));
        }
        match &checked.handoff_id {
            Some(id) if id != permit => self.withdraw(id),
            Some(_) | None => Ok(()),
        }
    }

    fn withdraw(&mut self, id: &str) -> Result<(), Trouble> {
        let call = Withdraw { id: id.to_owned(), reason: None };
        match self.line.insist::<Standing>(method::WITHDRAW, &call) {
            // The reviewer was faster.
            Err(Trouble::Refused(data)) if data.code == ErrorCode::Conflict => Ok(()),
            answer => answer.map(drop),
        }
    }

    fn record(&mut self, check: &Value) -> Result<(), Trouble> {
        let reads = check["args"]["command"].as_str().is_some_and(|line| line.starts_with("ls"));
        let effect = if reads { "read" } else { "irreversible" };
        let record = json!({ "task": check["task"], "action": {
            "id": check["key"], "tool": check["tool"], "input": check["args"],
            "effect": effect, "status": "done" } });
        let recorded: Recorded = self.line.insist(method::RECORD, &record)?;
        if recorded.diverged.is_some() {
            self.fault(format!("{}: it did as decided, and {recorded:?}", check["key"]));
        }
        self.calls.recorded(record);
        Ok(())
    }

    fn fault(&self, fault: String) {
        self.line.ledger.fault(fault);
    }
}

impl Told {
    /// Holds what the agent was told against what a desk has left.
    pub fn check(
        &self,
        read: &Read<'_>,
        records: &HashMap<String, Record>,
        count: &mut Count,
    ) -> Vec<String> {
        let mut faults = Vec::new();
        for record in records.values() {
            if let Err(fault) = self.handoff(read, record) {
                faults.push(format!("{}: {fault}", record.id));
            }
        }
        for permit in self.runs.keys().filter(|permit| !records.contains_key(*permit)) {
            faults.push(format!("{permit} let a call through and is lost"));
        }
        for told in &self.records {
            let text = |at: &str| told.pointer(at).and_then(Value::as_str).unwrap_or_default();
            let (task, id) = (text("/task/id"), text("/action/id"));
            match read.action(CALLER, task, id) {
                Ok(Some(past)) if past.action.input.as_ref() == Some(&told["action"]["input"]) => {}
                Ok(Some(past)) => faults.push(format!("the record {id} has changed: {past:?}")),
                Ok(None) => faults.push(format!("the record {id} is lost")),
                Err(error) => faults.push(format!("the record {id} cannot be read: {error}")),
            }
        }
        count.let_through += self.runs.len();
        count.recorded += self.records.len();
        faults
    }

    fn handoff(&self, read: &Read<'_>, record: &Record) -> Result<(), String> {
        let words = |error: handoff_store::StoreError| error.to_string();
        let entries = read.entries(record.seq).map_err(words)?;
        let payload = |revision| {
            let text = read.payload(record.seq, revision).ok().flatten()?;
            serde_json::from_str(&text).ok()
        };
        let history = events::follow(&entries, payload)?;
        if history.state != record.progress.state() {
            return Err(format!("its events end elsewhere: {history:?}"));
        }
        let used = entries.iter().filter(|entry| entry.kind == "permit_used").count();
        let keys = self.runs.get(&record.id).map_or(&[][..], Vec::as_slice);
        if used > 1 || keys.len() > 1 || used < keys.len() {
            return Err(format!("its permit was used {used} times, and let through {keys:?}"));
        }
        let decision = record.progress.phase.released_decision();
        let allowed = decision
            .filter(|made| matches!(made.kind, DecisionKind::Approve | DecisionKind::Modify))
            .and_then(Decision::action_hash);
        let let_through = keys.first().map(|(_, hash)| hash);
        if used > 0 && allowed.is_none() || let_through.is_some() && let_through != allowed.as_ref()
        {
            return Err(format!("{let_through:?} was let through, and allowed {allowed:?}"));
        }
        Ok(())
    }
}
