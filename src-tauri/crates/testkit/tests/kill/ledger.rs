//! What the agents were told, in memory that no kill reaches.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use handoff_domain::decision::{Decision, fingerprint};
use handoff_domain::identity::handoff_id;
use handoff_domain::lifecycle::{LEASE, Report};
use handoff_faultfs::Seed;
use handoff_protocol::wire::Answered;
use serde_json::Value;

/// A handoff, with all that its agent asked and was told.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Debug, Clone)]
pub struct Known {
    pub agent: String,
    /// The last proposal that was asked for.
    pub payload: Value,
    /// What may have been proposed, by its hash.
    pub asked: BTreeSet<String>,
    /// What was acknowledged, by revision.
    pub proposals: BTreeMap<u32, String>,
    /// It was acknowledged by the spool.
    pub spooled: bool,
    /// The desk has spoken of it.
    pub met: bool,
    /// The decision that an agent was given for a revision.
    pub decisions: BTreeMap<u32, Decision>,
    /// The rights to act that were acknowledged.
    pub leases: Vec<Held>,
    pub withdrawn: bool,
    pub report: Option<Report>,
    /// A wait for it was answered.
    pub answered: bool,
}

/// A right to act whose receipt the desk has acknowledged.
#[derive(Debug, Clone)]
pub struct Held {
    pub revision: u32,
    pub granted_at: DateTime<Utc>,
    pub irreversible: bool,
}

#[derive(Default)]
struct State {
    handoffs: BTreeMap<String, Known>,
    waited_for: HashSet<String>,
    faults: Vec<String>,
}

/// Shared by all agents.
#[derive(Default)]
pub struct Ledger {
    state: Mutex<State>,
    bell: Condvar,
    over: AtomicBool,
    winding_up: AtomicBool,
    ahead_s: AtomicI64,
}

impl Known {
    /// Whether nothing more can be asked of it.
    pub fn is_closed(&self) -> bool {
        self.withdrawn || self.report.is_some()
    }

    /// Whether anybody was told that it is safe.
    pub fn is_acknowledged(&self) -> bool {
        self.spooled || !self.proposals.is_empty()
    }
}

impl Ledger {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn change<T>(&self, id: &str, change: impl FnOnce(&mut Known) -> T) -> T {
        let mut state = self.state();
        let changed = change(state.handoffs.get_mut(id).expect("an agent knows what it asks"));
        drop(state);
        self.bell.notify_all();
        changed
    }

    /// Something is about to be proposed; returns its id and its hash.
    pub fn ask(&self, agent: &str, payload: &Value) -> (String, String) {
        let id = handoff_id(agent, payload["key"].as_str().unwrap_or_default());
        let hash = fingerprint(payload);
        let mut state = self.state();
        let known = state.handoffs.entry(id.clone()).or_insert_with(|| Known {
            agent: agent.to_owned(),
            payload: Value::Null,
            asked: BTreeSet::new(),
            proposals: BTreeMap::new(),
            spooled: false,
            met: false,
            decisions: BTreeMap::new(),
            leases: Vec::new(),
            withdrawn: false,
            report: None,
            answered: false,
        });
        known.payload = payload.clone();
        known.asked.insert(hash.clone());
        (id, hash)
    }

    pub fn proposed(&self, id: &str, revision: u32, hash: &str) {
        let before = self.change(id, |known| {
            known.met = true;
            known.proposals.insert(revision, hash.to_owned())
        });
        if before.is_some_and(|before| before != hash) {
            self.fault(format!("{id}: two contents were acknowledged as revision {revision}"));
        }
    }

    pub fn spooled(&self, id: &str) {
        self.change(id, |known| known.spooled = true);
    }

    pub fn withdrawn(&self, id: &str) {
        self.change(id, |known| {
            known.withdrawn = true;
            known.answered = true;
        });
    }

    pub fn reported(&self, id: &str, report: Report) {
        let before = self.change(id, |known| known.report.replace(report.clone()));
        if before.is_some_and(|before| before != report) {
            self.fault(format!("{id}: two reports were acknowledged"));
        }
    }

    /// An agent was told where a handoff stands.
    pub fn saw(&self, told: &Answered) {
        let (id, revision) = (&told.id, told.revision);
        let before = self.change(id, |known| {
            known.met = true;
            let decision = told.decision.clone()?;
            let before = known.decisions.get(&revision).cloned();
            known.decisions.entry(revision).or_insert(decision);
            before
        });
        if let (Some(before), Some(now)) = (before, &told.decision)
            && before != *now
        {
            self.fault(format!("{id}: its decision has changed from {before:?} to {now:?}"));
        }
    }

    pub fn answered(&self, id: &str) {
        self.change(id, |known| known.answered = true);
    }

    /// An agent may act, and the desk knows that it knows.
    pub fn holds(&self, id: &str, revision: u32, expires_at: DateTime<Utc>, irreversible: bool) {
        let granted_at = expires_at - LEASE;
        let others = self.change(id, |known| {
            let others = known.leases.clone();
            known.leases.push(Held { revision, granted_at, irreversible });
            others
        });
        let fresh = |other: &Held| {
            other.revision == revision && (granted_at - other.granted_at).abs() < LEASE
        };
        if others.iter().any(fresh) {
            self.fault(format!("{id}: two clients hold the right to act at the same time"));
        }
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

    /// A handoff of this agent for which something may be asked, mostly one
    /// that has no answer yet.
    pub fn some_open(&self, agent: &str, seed: &mut Seed) -> Option<(String, Known)> {
        let state = self.state();
        let open: Vec<_> = state
            .handoffs
            .iter()
            .filter(|(_, known)| known.agent == agent && known.met && !known.is_closed())
            .collect();
        let drawn = (0..4).filter_map(|_| open.get(seed.below(open.len())));
        let (id, known) = drawn.min_by_key(|(_, known)| known.answered)?;
        Some(((*id).clone(), (*known).clone()))
    }

    /// How many handoffs of this agent wait for an answer.
    pub fn unanswered(&self, agent: &str) -> usize {
        let state = self.state();
        let mine = state.handoffs.values().filter(|known| known.agent == agent);
        mine.filter(|known| known.is_acknowledged() && !known.answered).count()
    }

    /// A handoff that nobody waits for yet, though its agent needs an answer.
    pub fn to_wait_for(&self, agent: &str) -> Option<(String, Known)> {
        let mut state = self.state();
        let found = state.handoffs.iter().find(|(id, known)| {
            known.agent == agent
                && known.is_acknowledged()
                && !known.answered
                && !state.waited_for.contains(*id)
        });
        let (id, known) = found.map(|(id, known)| (id.clone(), known.clone()))?;
        state.waited_for.insert(id.clone());
        Some((id, known))
    }

    pub fn no_longer_waits(&self, id: &str) {
        self.state().waited_for.remove(id);
        self.bell.notify_all();
    }

    /// No new handoffs from now on.
    pub fn wind_up(&self) {
        self.winding_up.store(true, Ordering::SeqCst);
        self.bell.notify_all();
    }

    pub fn is_winding_up(&self) -> bool {
        self.winding_up.load(Ordering::SeqCst) || self.is_over()
    }

    pub fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
        self.bell.notify_all();
    }

    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// Lets `span` pass, unless all is over before.
    pub fn pause(&self, span: Duration) {
        self.wait_until(span, |_| false);
    }

    /// Waits until every acknowledged handoff has an answer; says whether.
    pub fn all_answered_within(&self, span: Duration) -> bool {
        let all = |state: &State| {
            state.handoffs.values().all(|known| known.answered || !known.is_acknowledged())
        };
        self.wait_until(span, all);
        all(&self.state())
    }

    fn wait_until(&self, span: Duration, done: impl Fn(&State) -> bool) {
        let until = Instant::now() + span;
        let mut state = self.state();
        while !done(&state) && !self.is_over() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.bell.wait_timeout(state, left).unwrap().0;
        }
    }

    /// The desk's clock goes ahead: it was off for so long.
    pub fn is_ahead(&self, seconds: i64) {
        self.ahead_s.store(seconds, Ordering::SeqCst);
    }

    /// What the clock of the machine shows.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn now(&self) -> DateTime<Utc> {
        Utc::now() + TimeDelta::seconds(self.ahead_s.load(Ordering::SeqCst))
    }
}
