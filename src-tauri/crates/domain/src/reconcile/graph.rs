//! The steps of a plan as places, and who needs whom.
//!
//! It is lenient: a name that leads nowhere is no edge, and a circle is only a
//! walk that ends. What is wrong with a plan is said by [`Graph::faults`].

use std::collections::HashMap;

use crate::payload::{Plan, Used};
use crate::validate::{Fault, plan_faults};

/// Who needs whom, by places in the plan.
#[derive(Debug)]
pub(crate) struct Graph<'p> {
    plan: &'p Plan,
    places: HashMap<&'p str, usize>,
    needs: Vec<Vec<usize>>,
    broken: bool,
}

impl<'p> Graph<'p> {
    pub(crate) fn new(plan: &'p Plan) -> Self {
        let mut places = HashMap::with_capacity(plan.steps.len());
        let mut broken = false;
        for (place, step) in plan.steps.iter().enumerate() {
            if places.contains_key(step.id.as_str()) {
                broken = true;
            } else {
                places.insert(step.id.as_str(), place);
            }
        }
        let mut needs = Vec::with_capacity(plan.steps.len());
        for step in &plan.steps {
            let mut found = Vec::new();
            for id in &step.depends_on {
                match places.get(id.as_str()) {
                    Some(need) => found.push(*need),
                    None => broken = true,
                }
            }
            for used in &step.uses {
                match Used::read(used, |id| places.contains_key(id)) {
                    Some(Used::Output { step, .. }) => match places.get(step) {
                        Some(need) => found.push(*need),
                        None => broken = true,
                    },
                    Some(Used::Fact(_)) => {}
                    None => broken = true,
                }
            }
            needs.push(found);
        }
        Self { plan, places, needs, broken }
    }

    /// The place of a step.
    pub(crate) fn place(&self, id: &str) -> Option<usize> {
        self.places.get(id).copied()
    }

    /// Whether there is such a step.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.places.contains_key(id)
    }

    /// What each step needs directly.
    pub(crate) fn needs(&self) -> &[Vec<usize>] {
        &self.needs
    }

    /// All that a step needs, directly or not.
    pub(crate) fn all_needs(&self, place: usize) -> Vec<usize> {
        reached(&self.needs, [place])
    }

    /// What is wrong with the plan: names used twice, names that lead nowhere,
    /// circles.
    pub(crate) fn faults(&self) -> Vec<Fault> {
        // To word them is slow, and most plans have none.
        if self.broken || self.is_circular() { plan_faults(self.plan) } else { Vec::new() }
    }

    fn is_circular(&self) -> bool {
        self.in_order().len() < self.needs.len()
    }

    /// The places, each after all that it needs, without those in a circle or behind
    /// one.
    pub(crate) fn in_order(&self) -> Vec<usize> {
        let mut open: Vec<usize> = self.needs.iter().map(Vec::len).collect();
        let dependants = reversed(&self.needs);
        let mut ready: Vec<usize> = (0..open.len()).filter(|place| open[*place] == 0).collect();
        let mut ordered = Vec::with_capacity(open.len());
        while let Some(place) = ready.pop() {
            ordered.push(place);
            for dependant in &dependants[place] {
                open[*dependant] -= 1;
                if open[*dependant] == 0 {
                    ready.push(*dependant);
                }
            }
        }
        ordered
    }
}

/// The same edges, seen from the other end.
pub(super) fn reversed(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut turned = vec![Vec::new(); edges.len()];
    for (from, ends) in edges.iter().enumerate() {
        for to in ends {
            turned[*to].push(from);
        }
    }
    turned
}

/// The places reached from these, without the starts themselves unless a walk
/// comes back to them; nearest first.
pub(super) fn reached(edges: &[Vec<usize>], starts: impl IntoIterator<Item = usize>) -> Vec<usize> {
    let mut seen = vec![false; edges.len()];
    let mut found = Vec::new();
    let mut next: Vec<usize> = starts.into_iter().collect();
    let mut at = 0;
    while let Some(place) = next.get(at).copied() {
        at += 1;
        for to in edges[place].iter().copied() {
            if !seen[to] {
                seen[to] = true;
                found.push(to);
                next.push(to);
            }
        }
    }
    found
}
