//! What the agents and the reviewer were told, in memory that no kill reaches,
//! and whether it fits together.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde_json::Value;

/// An answer of the reviewer, by what distinguishes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// As the agent calls it.
    pub kind: &'static str,
    /// The option, or the words that only this try has.
    pub words: String,
}

/// A handoff, with all that was asked and told of it.
#[derive(Debug, Clone)]
pub struct Known {
    pub agent: String,
    pub payload: Value,
    /// Somebody was told that it is safe.
    pub acknowledged: bool,
    /// What may be stored as its decision; `None` is that there is none.
    pub possible: Vec<Option<Answer>>,
    /// The decision as its agent got it.
    pub told: Option<Value>,
    /// How often an agent acknowledged the right to act, and was heard.
    pub acts: u32,
    /// It was reported on.
    pub done: bool,
}

/// How much there was to lose.
#[derive(Debug, Clone, Copy, Default)]
pub struct Told {
    pub handoffs: usize,
    /// Decisions that the page has confirmed.
    pub decisions: usize,
    /// Those that were sent and never confirmed, because the app was dead.
    pub doubtful: usize,
    /// Decisions whose undoing the page has confirmed.
    pub undone: usize,
}

#[derive(Default)]
struct State {
    handoffs: BTreeMap<String, Known>,
    faults: Vec<String>,
    told: Told,
    winding_up: bool,
}

/// Shared by all.
#[derive(Default)]
pub struct Ledger {
    state: Mutex<State>,
    bell: Condvar,
}

impl Ledger {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn change<T>(&self, id: &str, change: impl FnOnce(&mut Known, &mut Told) -> T) -> T {
        let mut state = self.state();
        let State { handoffs, told, .. } = &mut *state;
        let known = handoffs.get_mut(id).unwrap_or_else(|| panic!("nobody has asked {id}"));
        let changed = change(known, told);
        drop(state);
        self.bell.notify_all();
        changed
    }

    /// Something is about to be handed off.
    pub fn ask(&self, id: &str, agent: &str, payload: &Value) {
        let known = Known {
            agent: agent.to_owned(),
            payload: payload.clone(),
            acknowledged: false,
            possible: vec![None],
            told: None,
            acts: 0,
            done: false,
        };
        let before = self.state().handoffs.insert(id.to_owned(), known);
        assert!(before.is_none(), "{id} was asked before");
    }

    /// The desk, or the spool, has it.
    pub fn acknowledged(&self, id: &str) {
        self.change(id, |known, told| {
            told.handoffs += usize::from(!known.acknowledged);
            known.acknowledged = true;
        });
    }

    /// The card is on screen and takes an answer; says whether it may.
    pub fn asks_for_an_answer(&self, id: &str) {
        let lost = self.change(id, |known, _| {
            let before = known.possible.clone();
            known.possible = vec![None];
            (!before.contains(&None)).then_some(before)
        });
        if let Some(lost) = lost {
            self.fault(format!("{id} is asked again though it was decided: {lost:?} is lost"));
        }
    }

    /// The reviewer is about to send this.
    pub fn sends(&self, id: &str, answer: &Answer) {
        self.change(id, |known, told| {
            told.doubtful += 1;
            known.possible.push(Some(answer.clone()));
        });
    }

    /// The page says that it is recorded.
    pub fn recorded(&self, id: &str, answer: &Answer) {
        self.change(id, |known, told| {
            told.doubtful -= 1;
            told.decisions += 1;
            known.possible = vec![Some(answer.clone())];
        });
    }

    /// The reviewer is about to take the answer back.
    pub fn takes_back(&self, id: &str) {
        self.change(id, |known, _| known.possible.push(None));
    }

    /// The page says that it waits for an answer again.
    pub fn taken_back(&self, id: &str) {
        let told = self.change(id, |known, told| {
            told.undone += 1;
            known.possible = vec![None];
            known.told.clone()
        });
        if let Some(told) = told {
            self.fault(format!("{id}: its agent was told what could be undone: {told}"));
        }
    }

    /// An agent was told the decision.
    pub fn is_told(&self, id: &str, decision: &Value) {
        let fault = self.change(id, |known, _| {
            if let Some(before) = &known.told {
                let same = before == decision;
                return (!same).then(|| format!("{id}: told {before} first, then {decision}"));
            }
            known.told = Some(decision.clone());
            let fits = |answer: &&Answer| {
                let words = ["option", "reason", "text", "note"].map(|part| &decision[part]);
                decision["kind"] == answer.kind
                    && (answer.words.is_empty() || words.iter().any(|said| **said == answer.words))
            };
            let found = known.possible.iter().flatten().find(fits).cloned();
            match found {
                Some(answer) => {
                    known.possible = vec![Some(answer)];
                    None
                }
                None => Some(format!("{id}: told {decision}; possible: {:?}", known.possible)),
            }
        });
        if let Some(fault) = fault {
            self.fault(fault);
        }
    }

    /// An agent may act, and the desk knows that it knows.
    pub fn acts(&self, id: &str) {
        let acts = self.change(id, |known, _| {
            known.acts += 1;
            known.acts
        });
        if acts > 1 {
            self.fault(format!("{id} may be acted on {acts} times"));
        }
    }

    /// Its agent has reported.
    pub fn done(&self, id: &str) {
        self.change(id, |known, _| known.done = true);
    }

    pub fn fault(&self, fault: String) {
        self.state().faults.push(fault);
        self.bell.notify_all();
    }

    pub fn faults(&self) -> Vec<String> {
        self.state().faults.clone()
    }

    pub fn handoffs(&self) -> BTreeMap<String, Known> {
        self.state().handoffs.clone()
    }

    pub fn told(&self) -> Told {
        self.state().told
    }

    /// The id of the handoff whose question this is.
    pub fn fits(&self, id: &str, question: &str) -> bool {
        let state = self.state();
        let asked = state.handoffs.get(id).map(|known| &known.payload["pending_question"]["text"]);
        asked.and_then(Value::as_str).is_some_and(|asked| question.contains(asked))
    }

    /// No new handoffs from now on.
    pub fn wind_up(&self) {
        self.state().winding_up = true;
        self.bell.notify_all();
    }

    pub fn is_winding_up(&self) -> bool {
        let state = self.state();
        state.winding_up || !state.faults.is_empty()
    }

    /// After a fault nobody goes on.
    pub fn is_over(&self) -> bool {
        !self.state().faults.is_empty()
    }

    /// Lets `span` pass, unless all is over before.
    pub fn pause(&self, span: Duration) {
        let until = Instant::now() + span;
        let mut state = self.state();
        while state.faults.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.bell.wait_timeout(state, left).unwrap().0;
        }
    }
}
