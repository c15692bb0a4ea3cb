//! The rules of a plan: own ids, no dangling names, no circle; and the step
//! the question names.

use std::collections::BTreeMap;

use serde_json::Value;

use super::graph::{Edge, cycles, spell};
use super::names::{choose, clip};
use super::options::unique_ids;
use super::{Faults, items, member, text};
use crate::payload::Used;

/// Adds every fault of the plan and of what refers to it.
pub(super) fn check(payload: &Value, faults: &mut Faults) {
    let Some(plan) =
        member(payload, "plan").filter(|plan| plan.get("steps").is_some_and(Value::is_array))
    else {
        return;
    };
    let steps = items(plan, "steps");
    unique_ids(steps, "/plan/steps", "step", faults);
    let known = Known::new(steps);
    let mut edges = Vec::with_capacity(steps.len());
    for (index, step) in steps.iter().enumerate() {
        let place = format!("/plan/steps/{index}");
        let mut needs = known.needs(step, &place, "step", faults);
        uses(step, &place, &known, &mut needs, faults);
        edges.push(needs);
    }
    for cycle in cycles(&edges) {
        faults.add(
            cycle.pointer,
            format!(
                "The steps wait for each other in a circle: {}.",
                spell(&cycle.nodes, |node| known.name(node))
            ),
            "Take out one of these dependencies.",
        );
    }
    for (place, step) in step_references(payload) {
        known.find(step, &place, "step", faults);
    }
}

/// What refers to a step from outside the plan: the question and the actions.
fn step_references(payload: &Value) -> impl Iterator<Item = (String, &str)> {
    let question = payload.get("pending_question").and_then(|question| text(question, "step"));
    let actions = items(payload, "actions_taken").iter().enumerate();
    question.map(|step| ("/pending_question/step".to_owned(), step)).into_iter().chain(
        actions.filter_map(|(index, action)| {
            Some((format!("/actions_taken/{index}/step"), text(action, "step")?))
        }),
    )
}

fn uses(step: &Value, place: &str, known: &Known<'_>, needs: &mut Vec<Edge>, faults: &mut Faults) {
    for (index, used) in items(step, "uses").iter().enumerate() {
        let Some(used) = used.as_str().filter(|used| !used.is_empty()) else { continue };
        let pointer = format!("{place}/uses/{index}");
        match Used::read(used, |id| known.places.contains_key(id)) {
            Some(Used::Fact(_)) => {}
            Some(Used::Output { step, .. }) => {
                if let Some(to) = known.find(step, &pointer, "step", faults) {
                    needs.push(Edge { to, pointer });
                }
            }
            None => faults.add(
                pointer,
                format!("`{}` names neither a fact nor an output.", clip(used)),
                "Give `facts.NAME` or `steps.ID.output.PATH`.",
            ),
        }
    }
}

/// The items of a list by their ids.
pub(super) struct Known<'v> {
    places: BTreeMap<&'v str, usize>,
    names: Vec<&'v str>,
}

impl<'v> Known<'v> {
    pub(super) fn new(list: &'v [Value]) -> Self {
        let names: Vec<&str> = list.iter().map(|item| text(item, "id").unwrap_or("?")).collect();
        let mut places = BTreeMap::new();
        for (index, item) in list.iter().enumerate() {
            if let Some(id) = text(item, "id") {
                places.entry(id).or_insert(index);
            }
        }
        Self { places, names }
    }

    pub(super) fn name(&self, place: usize) -> String {
        self.names.get(place).map_or_else(String::new, |name| clip(name))
    }

    /// The place of an id, or a fault.
    pub(super) fn find(
        &self,
        id: &str,
        pointer: &str,
        noun: &str,
        faults: &mut Faults,
    ) -> Option<usize> {
        let found = self.places.get(id).copied();
        if found.is_none() && faults.is_full() {
            faults.count();
        } else if found.is_none() {
            faults.add(
                pointer,
                format!("There is no {noun} `{}`.", clip(id)),
                choose(id, &self.places.keys().copied().collect::<Vec<_>>()),
            );
        }
        found
    }

    /// The edges of `depends_on`.
    pub(super) fn needs(
        &self,
        item: &Value,
        place: &str,
        noun: &str,
        faults: &mut Faults,
    ) -> Vec<Edge> {
        let needs = items(item, "depends_on").iter().enumerate();
        needs
            .filter_map(|(index, need)| {
                let pointer = format!("{place}/depends_on/{index}");
                let to = self.find(need.as_str()?, &pointer, noun, faults)?;
                Some(Edge { to, pointer })
            })
            .collect()
    }
}
