//! What depends on what among actions, and the order in which they are undone:
//! dependants first, the newest first among equals.
//!
//! An action depends on another one if it used its result, if its step needs
//! the other's step, or if it changed the same file later. Steps are nodes of
//! their own in between, so that a step with a thousand actions that needs one
//! with a thousand is two thousand edges and not a million.

use std::borrow::Cow;
use std::collections::{BinaryHeap, HashMap, VecDeque};

use chrono::{DateTime, Utc};

use crate::reconcile::Graph;
use crate::record::{Recorded, place};

/// Why one action depends on another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By<'r> {
    /// It used its result.
    Result,
    /// It changed this file later.
    File(&'r str),
    /// Its step needs the other's.
    Step,
}

/// An action that an action depends on, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Link<'r> {
    /// The action.
    pub with: usize,
    /// Why.
    pub by: By<'r>,
}

/// Who depends on whom. The nodes are the actions, then for each step all its
/// actions together, then for each step all that it needs.
#[derive(Debug)]
pub(crate) struct Dependencies<'r> {
    actions: usize,
    /// When each action happened.
    keys: Vec<Key>,
    /// What each node depends on.
    on: Vec<Vec<(usize, By<'r>)>>,
}

impl<'r> Dependencies<'r> {
    pub(crate) fn new(actions: &[Recorded<'r>], graph: &Graph<'_>) -> Self {
        let (count, steps) = (actions.len(), graph.needs().len());
        let (all_of, needs_of) = (|step: usize| count + step, |step: usize| count + steps + step);
        let mut on: Vec<Vec<(usize, By<'r>)>> = vec![Vec::new(); count + 2 * steps];
        let ids: HashMap<&str, usize> = actions
            .iter()
            .enumerate()
            .map(|(at, recorded)| (recorded.action.id.as_str(), at))
            .collect();
        for (step, needs) in graph.needs().iter().enumerate() {
            on[all_of(step)].push((needs_of(step), By::Step));
            on[needs_of(step)].extend(needs.iter().map(|need| (all_of(*need), By::Step)));
        }
        let mut files: HashMap<Cow<'_, str>, usize> = HashMap::new();
        let keys = keys(actions);
        let mut by_time: Vec<usize> = (0..count).collect();
        by_time.sort_by_key(|at| keys[*at]);
        for at in by_time {
            let recorded = &actions[at];
            for id in &recorded.action.depends_on {
                if let Some(before) = ids.get(id.as_str()).filter(|before| **before != at) {
                    on[at].push((*before, By::Result));
                }
            }
            if let Some(step) = recorded.action.step.as_deref().and_then(|id| graph.place(id)) {
                on[at].push((needs_of(step), By::Step));
                on[all_of(step)].push((at, By::Step));
            }
            if recorded.stands() && recorded.changes() {
                for file in &recorded.action.files {
                    match files.insert(place(file), at) {
                        Some(before) if before != at => on[at].push((before, By::File(file))),
                        Some(_) | None => {}
                    }
                }
            }
        }
        Self { actions: count, keys, on }
    }

    /// All that depends on one of these, directly or not, each with the nearest
    /// action it depends on among them and among those found.
    pub(crate) fn dependants(&self, starts: &[usize]) -> Vec<Option<Link<'r>>> {
        let turned = self.turned();
        let mut found: Vec<Option<Link<'r>>> = vec![None; self.on.len()];
        let mut next: VecDeque<usize> = starts.iter().copied().collect();
        let mut seen = vec![false; self.on.len()];
        for start in starts {
            seen[*start] = true;
        }
        while let Some(node) = next.pop_front() {
            // On the way through steps, the action it began with counts.
            let with =
                if node < self.actions { node } else { found[node].map_or(node, |link| link.with) };
            for (dependant, by) in &turned[node] {
                if !seen[*dependant] {
                    seen[*dependant] = true;
                    found[*dependant] = Some(Link { with, by: *by });
                    next.push_back(*dependant);
                }
            }
        }
        found.truncate(self.actions);
        found
    }

    fn turned(&self) -> Vec<Vec<(usize, By<'r>)>> {
        let mut turned = vec![Vec::new(); self.on.len()];
        for (node, on) in self.on.iter().enumerate() {
            for (needed, by) in on {
                turned[*needed].push((node, *by));
            }
        }
        turned
    }

    /// The chosen actions in the order in which they are undone. Where actions
    /// depend on each other in a circle, the newest goes first.
    pub(crate) fn order(&self, chosen: &[usize]) -> Vec<usize> {
        let Self { keys, on, .. } = self;
        let mut is_chosen = vec![false; on.len()];
        for at in chosen {
            is_chosen[*at] = true;
        }
        // How many dependants of a node are still to come.
        let mut open = vec![0_usize; on.len()];
        for (needed, _) in on.iter().flatten() {
            open[*needed] += 1;
        }
        let mut newest: Vec<usize> = chosen.to_vec();
        newest.sort_by_key(|at| std::cmp::Reverse(keys[*at]));
        let mut newest = newest.into_iter();
        let mut ended = vec![false; on.len()];
        let mut passed: Vec<usize> = Vec::new();
        let mut ready = BinaryHeap::new();
        for node in (0..open.len()).filter(|node| open[*node] == 0) {
            if is_chosen[node] { ready.push((keys[node], node)) } else { passed.push(node) }
        }
        let mut order = Vec::with_capacity(chosen.len());
        loop {
            let node = if let Some(node) = passed.pop() {
                node
            } else if let Some((_, node)) = ready.pop() {
                node
            } else if let Some(node) = newest.find(|node| !ended[*node]) {
                node
            } else {
                return order;
            };
            if std::mem::replace(&mut ended[node], true) {
                continue;
            }
            if is_chosen[node] {
                order.push(node);
            }
            for (needed, _) in &on[node] {
                open[*needed] -= 1;
                if open[*needed] == 0 && !ended[*needed] {
                    if is_chosen[*needed] {
                        ready.push((keys[*needed], *needed));
                    } else {
                        passed.push(*needed);
                    }
                }
            }
        }
    }
}

/// When an action happened, to be compared.
pub(super) type Key = (Option<DateTime<Utc>>, usize);

/// When each action happened: one without a time happened with the one listed
/// before it.
pub(super) fn keys(actions: &[Recorded<'_>]) -> Vec<Key> {
    let mut latest = None;
    let each = actions.iter().enumerate().map(|(at, recorded)| {
        latest = recorded.moment().or(latest);
        (latest, at)
    });
    each.collect()
}
