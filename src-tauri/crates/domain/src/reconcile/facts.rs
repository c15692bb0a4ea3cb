//! What was known when: the named values in the order in which they were
//! found or given, and where in that order each step last ran.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::{Case, FactSource, Graph};
use crate::action::ActionStatus;
use crate::trigger::same_json;

/// The named values of a task over time.
#[derive(Debug)]
pub(super) struct Facts<'c> {
    names: HashMap<&'c str, Vec<Found<'c>>>,
    /// Where each step last ran; `None` where no action of it is recorded.
    ran: Vec<Option<usize>>,
    /// What decisions say, this one last.
    stated: BTreeMap<&'c str, Stated<'c>>,
}

/// A value that was found or given.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'c> {
    /// When, as a place in the order.
    at: usize,
    /// The value.
    pub value: &'c Value,
    /// The action that found it; none where the reviewer gave it.
    pub action: Option<usize>,
    /// The step of that action.
    pub step: Option<usize>,
}

/// A value that a decision gives.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stated<'c> {
    /// The value.
    pub value: &'c Value,
    /// Who says so.
    pub source: FactSource,
    /// Whether it is this decision that says so.
    pub now: bool,
}

impl<'c> Facts<'c> {
    pub(super) fn new(
        case: &Case<'c>,
        graph: &Graph<'c>,
        given: Option<&'c Map<String, Value>>,
    ) -> Self {
        let mut facts = Self {
            names: HashMap::new(),
            ran: vec![None; case.plan.steps.len()],
            stated: BTreeMap::new(),
        };
        let mut earlier = case.earlier.iter().peekable();
        let mut latest: Option<DateTime<Utc>> = None;
        let mut at = 0;
        for (place, recorded) in case.actions.iter().enumerate() {
            latest = latest.max(recorded.moment());
            while let Some(told) =
                earlier.next_if(|told| latest.is_some_and(|latest| told.at < latest))
            {
                facts.give(&told.facts, &mut at);
            }
            at += 1;
            if recorded.action.status == ActionStatus::Failed {
                continue;
            }
            let step = recorded.action.step.as_deref().and_then(|id| graph.place(id));
            if let Some(step) = step
                && recorded.stands()
            {
                facts.ran[step] = Some(at);
            }
            for (name, value) in &recorded.action.facts {
                let found = Found { at, value, action: Some(place), step };
                facts.names.entry(name).or_default().push(found);
            }
        }
        for told in earlier {
            facts.give(&told.facts, &mut at);
        }
        let told = case.decision.map(|decision| (&decision.facts, FactSource::Reviewer));
        let by_hand = given.map(|facts| (facts, FactSource::ByHand));
        for (given, source) in told.into_iter().chain(by_hand) {
            for (name, value) in given {
                facts.stated.insert(name, Stated { value, source, now: true });
            }
        }
        facts
    }

    fn give(&mut self, given: &'c Map<String, Value>, at: &mut usize) {
        *at += 1;
        for (name, value) in given {
            self.names.entry(name).or_default().push(Found {
                at: *at,
                value,
                action: None,
                step: None,
            });
            let stated = Stated { value, source: FactSource::Reviewer, now: false };
            self.stated.insert(name, stated);
        }
    }

    /// Takes a value as given, unless the decision itself gives another.
    pub(super) fn correct(&mut self, name: &'c str, value: &'c Value) {
        let stated = Stated { value, source: FactSource::EditedArgs, now: true };
        match self.stated.get(name) {
            Some(known) if known.now => {}
            Some(_) | None => {
                self.stated.insert(name, stated);
            }
        }
    }

    /// What decisions say, this one last.
    pub(super) fn stated(&self) -> impl Iterator<Item = (&'c str, Stated<'c>)> {
        self.stated.iter().map(|(name, stated)| (*name, *stated))
    }

    /// What a decision says of this name.
    pub(super) fn stated_as(&self, name: &str) -> Option<Stated<'c>> {
        self.stated.get(name).copied()
    }

    /// The value in force before this decision.
    pub(super) fn latest(&self, name: &str) -> Option<Found<'c>> {
        self.names.get(name).and_then(|found| found.last()).copied()
    }

    /// The last value before this decision that differs from a given one.
    pub(super) fn latest_other(&self, name: &str, value: &Value) -> Option<Found<'c>> {
        let found = self.names.get(name)?;
        found.iter().rev().find(|found| !same_json(found.value, value)).copied()
    }

    /// The value that a finished step used: the one in force when it last ran.
    /// One that was found only later counts as what it had used, where it was
    /// the first. Where no action of the step is recorded, it is the latest.
    pub(super) fn used_by(&self, step: usize, name: &str) -> Option<&'c Value> {
        let found = self.names.get(name)?;
        let used = match self.ran[step] {
            Some(ran) => {
                let before = found.partition_point(|found| found.at < ran);
                found.get(before.saturating_sub(1))
            }
            None => found.last(),
        };
        used.map(|found| found.value)
    }

    /// The value that the actions of this step found last.
    pub(super) fn found_by(&self, step: usize, name: &str) -> Option<&'c Value> {
        let found = self.names.get(name)?;
        found.iter().rev().find(|found| found.step == Some(step)).map(|found| found.value)
    }

    /// All names and the values in force after this decision.
    pub(super) fn in_force(&self) -> BTreeMap<&'c str, &'c Value> {
        let known =
            self.names.iter().filter_map(|(name, found)| Some((*name, found.last()?.value)));
        let stated = self.stated.iter().map(|(name, stated)| (*name, stated.value));
        known.chain(stated).collect()
    }
}
