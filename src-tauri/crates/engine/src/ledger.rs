//! All that was done in a task, put together: what agents recorded, what they
//! told of with a handoff, and what was taken back since.
//!
//! It judges nothing: [`handoff_domain::record`] says what can be undone.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use handoff_domain::action::{Action, ActionStatus, Effect};
use handoff_domain::payload::Plan;
use handoff_domain::record::Recorded;
use handoff_domain::rollback::{Standing, standing};
use handoff_protocol::view::TaskAction;
use handoff_store::{Read, Record, StoreError, TakenBack};
use serde::Deserialize;

use crate::gate::AGENT_SAYS;

/// How many handoffs of a task are looked through for what was told and decided.
const HANDOFFS: u32 = 50;

/// The latest handoffs of a task: as far back as is looked.
pub fn handoffs(read: &Read<'_>, agent: &str, task: &str) -> Result<Vec<Record>, StoreError> {
    let ids = read.handoffs_of(agent, task, HANDOFFS)?;
    let records = ids.iter().map(|(_, id)| read.handoff(id));
    records.filter_map(Result::transpose).collect()
}

/// What is known of one action.
#[derive(Debug, Clone, PartialEq)]
pub struct Done {
    /// The action, with all that anybody said of it.
    pub action: Action,
    /// What it did, as computed; never milder than anybody said.
    pub effect: Effect,
    /// Whether the desk found that out; else the agent says so.
    pub found: bool,
    at: Option<DateTime<Utc>>,
    copies: bool,
    taken_back: Option<TakenBack>,
    /// Who says that it was done.
    pub source: String,
    /// The action that it took back, where it is the call of an undo.
    undid: Option<String>,
}

/// All that was done in a task, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Ledger {
    done: Vec<Done>,
    /// The plan in force.
    pub plan: Option<Plan>,
}

/// The part of a payload that tells of actions.
#[derive(Deserialize)]
struct Tells {
    #[serde(default)]
    actions_taken: Vec<Action>,
}

impl Ledger {
    /// What was done in a task. One that nobody knows has an empty one.
    pub fn of(read: &Read<'_>, agent: &str, task: &str) -> Result<Self, StoreError> {
        Self::with(read, agent, task, &handoffs(read, agent, task)?)
    }

    /// The same where its handoffs are known.
    pub fn with(
        read: &Read<'_>,
        agent: &str,
        task: &str,
        handoffs: &[Record],
    ) -> Result<Self, StoreError> {
        let mut done: Vec<Done> = Vec::new();
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        for (past, at) in read.actions_of(agent, task)? {
            places.insert(past.action.id.clone(), done.len());
            let done_here = Done::new(past.action, past.effect, Some(at), past.source);
            done.push(Done { found: past.found, ..done_here });
        }
        let recorded = done.len();
        for record in handoffs.iter().rev() {
            let Some(json) = read.payload(record.seq, record.progress.revision)? else { continue };
            let tells: Tells = serde_json::from_str(&json)?;
            for action in tells.actions_taken {
                if let Some(place) = places.get(&action.id) {
                    done[*place].is_told(action);
                } else {
                    places.insert(action.id.clone(), done.len());
                    let (effect, at) = (action.effect, Some(record.received_at));
                    done.push(Done::new(action, effect, at, AGENT_SAYS.to_owned()));
                }
            }
        }
        let copies: BTreeSet<String> = read.actions_with_copies(agent, task)?;
        let mut calls = read.undo_calls(agent, task)?;
        let mut taken_back = read.taken_back(agent, task)?;
        for done in &mut done {
            let id = &done.action.id;
            done.copies = copies.contains(id);
            done.undid = calls.remove(id);
            done.taken_back = taken_back.remove(id);
            if done.undone_at().is_some() {
                done.action.status = ActionStatus::Undone;
            }
        }
        // What a handoff tells of without a time was done before it came.
        done.rotate_left(recorded);
        done.sort_by_key(Done::moment);
        let plan = read.task(agent, task)?.and_then(|row| row.plan);
        Ok(Self { done, plan })
    }

    /// The actions as the way back looks at them, without the calls that took
    /// others back.
    pub fn recorded(&self) -> Vec<Recorded<'_>> {
        self.done.iter().filter(|done| done.undid.is_none()).map(Done::recorded).collect()
    }

    /// The action of this id.
    pub fn find(&self, id: &str) -> Option<&Done> {
        self.done.iter().find(|done| done.action.id == id)
    }

    /// All of it, the latest first.
    pub fn latest_first(&self) -> impl Iterator<Item = &Done> {
        self.done.iter().rev()
    }

    /// Takes these actions for undone.
    pub fn mark_undone(&mut self, ids: &[&str], now: DateTime<Utc>) {
        for done in &mut self.done {
            if ids.contains(&done.action.id.as_str()) && done.undone_at().is_none() {
                done.action.status = ActionStatus::Undone;
                done.taken_back = Some(TakenBack { undone_at: Some(now), failed: None });
            }
        }
    }

    /// Where each action stands, by its id.
    pub fn standings(&self, now: DateTime<Utc>) -> BTreeMap<String, Standing> {
        self.done.iter().map(|done| (done.action.id.clone(), done.standing(now))).collect()
    }

    /// The actions by their ids.
    pub fn by_id(&self) -> HashMap<&str, &Done> {
        self.done.iter().map(|done| (done.action.id.as_str(), done)).collect()
    }

    /// The latest actions for the window, at most `limit`, and how many there are.
    pub fn shown(&self, limit: usize, now: DateTime<Utc>) -> (Vec<TaskAction>, usize) {
        let from = self.done.len().saturating_sub(limit);
        (self.done[from..].iter().map(|done| done.view(now)).collect(), self.done.len())
    }
}

impl Done {
    fn new(action: Action, effect: Effect, at: Option<DateTime<Utc>>, source: String) -> Self {
        let (found, copies) = (false, false);
        Self { action, effect, found, at, copies, taken_back: None, source, undid: None }
    }

    /// Another word on the same action, which came with a handoff.
    fn is_told(&mut self, told: Action) {
        // What is said may be worse than what was found.
        self.found &= told.effect <= self.effect;
        self.effect = self.effect.max(told.effect);
        if told.status == ActionStatus::Undone {
            self.action.status = ActionStatus::Undone;
        }
        if self.action.undo.is_none() {
            self.action.undo = told.undo;
        }
        if self.action.files.is_empty() {
            self.action.files = told.files;
        }
    }

    /// Whether it is the call that took another one back.
    pub const fn took_back(&self) -> bool {
        self.undid.is_some()
    }

    fn undone_at(&self) -> Option<DateTime<Utc>> {
        self.taken_back.as_ref().and_then(|taken| taken.undone_at)
    }

    fn recorded(&self) -> Recorded<'_> {
        Recorded {
            action: &self.action,
            effect: self.effect,
            at: self.at,
            copies: self.copies,
            undone_at: self.undone_at(),
            undo_failed: self.taken_back.as_ref().and_then(|taken| taken.failed.as_deref()),
        }
    }

    fn moment(&self) -> Option<DateTime<Utc>> {
        self.recorded().moment()
    }

    /// Whether it can be taken back now, or was.
    pub fn standing(&self, now: DateTime<Utc>) -> Standing {
        match &self.undid {
            Some(action) => Standing::Nothing { why: format!("It took {action} back.") },
            None => standing(&self.recorded(), now),
        }
    }

    fn view(&self, now: DateTime<Utc>) -> TaskAction {
        TaskAction {
            id: self.action.id.clone(),
            tool: self.action.tool.clone(),
            step: self.action.step.clone(),
            effect: self.effect,
            status: self.action.status,
            at: self.moment(),
            source: self.source.clone(),
            standing: self.standing(now),
        }
    }
}
