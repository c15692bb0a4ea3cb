//! Calls that ask the gate, and the account of their permits: what cannot be
//! undone runs by a decision alone, a permit lets exactly one call through, and no
//! acknowledged record is lost.

use handoff_domain::decision::{Answer, Then, action_hash, fingerprint};
use handoff_domain::identity::handoff_id;
use handoff_domain::lifecycle::{Flag, State};
use handoff_protocol::view::{DecideRequest, List, OfTask};
use handoff_protocol::wire::{Checked, Gate};
use serde_json::{Map, Value, json};

use crate::agents::Call as Answering;
use crate::world::World;

/// The agent whose calls they are, and the most of one seed.
const AGENT: usize = 0;
const MOST: usize = 3;

/// Nobody knows what it does.
const TOOL: &str = "gate.burn";

/// The keys under which one call is asked for: that of the question, and another.
const KEYS: [&str; 2] = ["first", "other"];

/// One call, and all that anybody was told of it.
#[derive(Debug, Clone)]
pub struct GateCall {
    number: usize,
    /// The question that it became.
    id: String,
    /// The reviewer was asked to say yes, and may have.
    approved: bool,
    permit: Permit,
    recorded: bool,
}

/// Who a permit has let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Permit {
    /// Nobody, for all that anybody was told.
    Free,
    /// Perhaps the one who asks under this key: its answer never came.
    Perhaps(usize),
    /// The one who asked under this key.
    Used(usize),
    /// One of them perhaps: more than one answer never came.
    Unknown,
}

impl GateCall {
    fn task(&self) -> String {
        format!("gate-{}", self.number)
    }

    fn args(&self) -> Map<String, Value> {
        Map::from_iter([("call".to_owned(), json!(self.number))])
    }

    fn check(&self, key: usize) -> Value {
        let task = json!({ "id": self.task(), "title": "T", "goal": "G" });
        json!({ "task": task, "tool": TOOL, "args": self.args(),
            "key": format!("{}-{}", self.task(), KEYS[key]) })
    }

    /// The id of the handoff that it becomes where it is asked for under this key.
    fn question(&self, key: usize) -> String {
        let check = self.check(key);
        let digest = fingerprint(&json!(["check", check["key"]]));
        handoff_id(&format!("agent-{AGENT}"), &format!("check:{}", &digest[..32]))
    }

    fn record(&self) -> Value {
        json!({ "task": self.task(), "action": { "id": self.task(), "tool": TOOL,
            "input": self.args(), "effect": "read", "status": "done" } })
    }

    /// Takes the answer to a check under this key.
    fn answered(&mut self, key: usize, state: State, answer: &Value) -> Result<(), String> {
        let told = || format!("{self:?}, {state:?}: {key} was answered {answer}");
        let checked: Checked = serde_json::from_value(answer.clone())
            .map_err(|error| format!("{error} in {answer}"))?;
        let out = matches!(state, State::Released | State::Collected | State::Reconciled);
        let run = checked.verdict == Gate::Run;
        if run && (!out || !self.approved || checked.handoff_id.as_ref() != Some(&self.id)) {
            return Err(format!("invariant 7: it ran, and nobody said yes: {}", told()));
        }
        // Once it is recorded, nobody is let through again.
        let over = self.recorded;
        if over && run {
            return Err(format!("it was recorded, and runs again: {}", told()));
        }
        match (self.permit, run) {
            (Permit::Used(by), _) if !over && (by == key) != run => {
                return Err(format!("a permit lets exactly one call through: {}", told()));
            }
            (Permit::Free | Permit::Perhaps(_) | Permit::Unknown, true) => {
                self.permit = Permit::Used(key);
            }
            (Permit::Perhaps(by), false) if by != key => self.permit = Permit::Used(by),
            (Permit::Free | Permit::Perhaps(_), false) if out && self.approved && !over => {
                return Err(format!("a permit lets nobody through: {}", told()));
            }
            (Permit::Used(_) | Permit::Free | Permit::Perhaps(_) | Permit::Unknown, _) => {}
        }
        Ok(())
    }
}

impl World {
    /// Somebody asks the gate, answers it, or tells of what was done.
    pub fn gate(&mut self) -> Result<(), String> {
        for _ in 0..=self.seed.below(3) {
            let few = self.calls.len() < MOST;
            if self.calls.is_empty() || few && self.seed.chance(20) {
                self.ask_gate()?;
                continue;
            }
            let index = self.seed.below(self.calls.len());
            match self.state_of(index)? {
                State::Ready if self.seed.chance(75) => self.answer_gate(index)?,
                State::Decided if self.seed.chance(60) => {
                    self.pass(31);
                    self.tick()?;
                }
                State::Queued | State::Ready | State::Decided => self.ask_again(index)?,
                _ if self.calls[index].permit != Permit::Free && self.seed.chance(40) => {
                    self.tell_gate(index)?;
                }
                _ if self.seed.chance(15) => return self.crash_at_gate(index),
                _ => self.ask_again(index)?,
            }
        }
        self.recorded()?;
        self.unchanged()
    }

    fn state_of(&self, index: usize) -> Result<State, String> {
        let stored = self.desk()?.stored()?;
        let Some(stored) = stored.get(&self.calls[index].id) else {
            return Err(format!("invariant 1: {:?} is gone", self.calls[index]));
        };
        Ok(stored.progress()?.state())
    }

    fn by_agent(&self, method: &str, params: Value) -> Result<Option<Answering>, String> {
        self.desk()?;
        let open = self.connections.iter().find(|open| open.agent == AGENT);
        Ok(open.map(|open| open.call(method, params)))
    }

    fn ask_gate(&mut self) -> Result<(), String> {
        self.next += 1;
        let mut call = GateCall {
            number: self.next,
            id: String::new(),
            approved: false,
            permit: Permit::Free,
            recorded: false,
        };
        self.tell(&format!("the gate is asked: {call:?}"));
        let Some(asked) = self.by_agent("action.check", call.check(0))? else { return Ok(()) };
        let answer = self.desk()?.run(asked)?.map_err(|error| error.message)?;
        if answer["verdict"] != "held" || !answer["handoff_id"].is_string() {
            return Err(format!("invariant 7: {call:?} was answered {answer}"));
        }
        answer["handoff_id"].as_str().unwrap_or_default().clone_into(&mut call.id);
        self.calls.push(call);
        self.desk()?.settle()
    }

    fn ask_again(&mut self, index: usize) -> Result<(), String> {
        let key = self.seed.below(KEYS.len());
        let state = self.state_of(index)?;
        if key == 1 && !matches!(state, State::Released | State::Collected | State::Reconciled) {
            // It would wait for the first, and not be asked about.
            return Ok(());
        }
        self.tell(&format!("{:?} is asked for again: {}", self.calls[index], KEYS[key]));
        let check = self.calls[index].check(key);
        let Some(asked) = self.by_agent("action.check", check)? else { return Ok(()) };
        let answer = self.desk()?.run(asked)?.map_err(|error| error.message)?;
        self.calls[index].answered(key, state, &answer)?;
        self.desk()?.settle()?;
        self.take_back(index, &answer)
    }

    /// What was asked beside is nobody's: the agent takes it back.
    fn take_back(&mut self, index: usize, answer: &Value) -> Result<(), String> {
        let beside = answer["handoff_id"].as_str().filter(|id| *id != self.calls[index].id);
        let Some(id) = beside.filter(|_| answer["verdict"] == "held") else { return Ok(()) };
        if let Some(gone) = self.by_agent("handoff.withdraw", json!({ "id": id }))? {
            self.desk()?.run(gone)?.map_err(|error| error.message)?;
        }
        self.desk()?.settle()
    }

    fn answer_gate(&mut self, index: usize) -> Result<(), String> {
        let yes = self.seed.chance(75);
        let call = &mut self.calls[index];
        call.approved |= yes;
        let answer = if yes {
            Answer::Approve { option: "run".to_owned() }
        } else {
            Answer::Reject { reason: "No".to_owned(), then: Then::Stop }
        };
        let request = DecideRequest {
            id: call.id.clone(),
            revision: 1,
            answer,
            shown_hash: yes.then(|| action_hash(TOOL, &call.args())),
            confirmed: true,
            overriding: None,
            message: None,
        };
        self.tell(&format!("the reviewer answers {:?}", request.answer));
        let desk = self.desk()?;
        let decided = desk.run(desk.engine.decide(request))?;
        decided.map_err(|failure| failure.0.message)?;
        self.desk()?.settle()
    }

    fn tell_gate(&mut self, index: usize) -> Result<(), String> {
        let call = &self.calls[index];
        self.tell(&format!("{call:?} is recorded"));
        let Some(told) = self.by_agent("action.record", call.record())? else { return Ok(()) };
        let answer = self.desk()?.run(told)?.map_err(|error| error.message)?;
        if !answer["diverged"].is_null() {
            return Err(format!("{:?} did as decided, and {answer}", self.calls[index]));
        }
        self.calls[index].recorded = true;
        self.desk()?.settle()
    }

    /// The desk dies while it is asked for a call that is allowed.
    fn crash_at_gate(&mut self, index: usize) -> Result<(), String> {
        let (key, polls) = (self.seed.below(KEYS.len()), self.seed.below(5));
        let state = self.state_of(index)?;
        self.tell(&format!("{:?}, and a crash after {polls} polls", self.calls[index]));
        let check = self.calls[index].check(key);
        let Some(mut asked) = self.by_agent("action.check", check)? else { return Ok(()) };
        let answer = self.desk()?.begin(&mut asked, polls)?;
        drop(asked);
        self.crash();
        match answer {
            Some(answer) => {
                let answer = answer.map_err(|error| error.message)?;
                self.calls[index].answered(key, state, &answer)?;
            }
            None if polls > 0 => {
                let call = &mut self.calls[index];
                match call.permit {
                    Permit::Free if call.approved => call.permit = Permit::Perhaps(key),
                    Permit::Perhaps(other) if other != key => call.permit = Permit::Unknown,
                    Permit::Free | Permit::Perhaps(_) | Permit::Used(_) | Permit::Unknown => {}
                }
            }
            None => {}
        }
        self.start()?;
        self.desk()?.settle()?;
        let moment = self.moment();
        self.look(|_, case, warned| case.asked_all(warned, moment))?;
        self.tick()
    }

    /// Every record that was acknowledged is there.
    pub fn recorded(&self) -> Result<(), String> {
        for call in self.calls.iter().filter(|call| call.recorded) {
            let of = OfTask { agent: format!("agent-{AGENT}"), task: call.task() };
            let task = self.desk()?.engine.task(&of).map_err(|failure| failure.0.message)?;
            if !task.actions.iter().any(|action| action.id == call.task()) {
                return Err(format!("invariant 1: the record of {call:?} is lost"));
            }
        }
        Ok(())
    }

    /// The questions of the gate, each with the list in which it belongs.
    pub fn asked(&self) -> Result<Vec<(List, String)>, String> {
        let stored = self.desk()?.stored()?;
        let mut found = Vec::new();
        let both = |call: &GateCall| [0, 1].map(|key| call.question(key));
        for id in self.calls.iter().flat_map(both) {
            // A crash may have cut off the one beside.
            let Some(stored) = stored.get(&id) else { continue };
            let progress = stored.progress()?;
            let manual = progress.has(Flag::ManualReview);
            let its = match progress.state() {
                State::Ready if manual => List::Review,
                State::Queued | State::Ready => List::Inbox,
                State::Decided | State::Released | State::Collected => List::Waiting,
                State::Reconciled | State::Withdrawn | State::Superseded => List::Done,
            };
            found.push((its, id));
        }
        Ok(found)
    }
}
