//! The directive: what a decision makes of the plan, step by step (DESIGN §7,
//! CONTRACT §5), as it crosses the boundary.
//!
//! What is in it is decided by [`crate::reconcile`]; here are its form, and
//! the dependencies between steps.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use ts_rs::TS;

use crate::payload::{Plan, Step, Used};

/// What becomes of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is to be done.
    Run,
    /// It is done and stays.
    Keep,
    /// It is done and must be done again.
    Rerun,
    /// It is done, must be undone, and done again.
    UndoThenRerun,
    /// It waits for something.
    Blocked,
    /// It is left out.
    Skip,
}

/// The verdict on one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Line {
    /// The step's id.
    pub step: String,
    /// What becomes of it.
    pub verdict: Verdict,
    /// Why, in one sentence.
    pub why: String,
    /// The values it uses that the reviewer gave or corrected, as they are now.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[ts(type = "Record<string, unknown> | undefined")]
    pub facts: Map<String, Value>,
    /// The actions to undo before it is done again, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(optional, as = "Option<Vec<String>>")]
    pub undo: Vec<String>,
}

/// The steps that depend on one of `steps`, directly or not, by `depends_on`
/// or `uses`; one of them is itself among these only if it depends on another.
pub fn dependants(plan: &Plan, steps: &[&str]) -> BTreeSet<String> {
    let mut waiting: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let known: BTreeSet<&str> = plan.steps.iter().map(|step| step.id.as_str()).collect();
    for candidate in &plan.steps {
        for need in needs(candidate, &known) {
            if need != candidate.id {
                waiting.entry(need).or_default().push(&candidate.id);
            }
        }
    }
    let mut found = BTreeSet::new();
    let mut next = steps.to_vec();
    while let Some(needed) = next.pop() {
        for dependant in waiting.remove(needed).into_iter().flatten() {
            if found.insert(dependant.to_owned()) {
                next.push(dependant);
            }
        }
    }
    found
}

/// The steps a step needs, by `depends_on` and by the outputs it uses; the
/// known ids decide where an id with dots ends.
pub fn needs<'s>(step: &'s Step, known: &BTreeSet<&str>) -> impl Iterator<Item = &'s str> {
    let outputs =
        step.uses.iter().filter_map(|used| match Used::read(used, |id| known.contains(id)) {
            Some(Used::Output { step, .. }) => Some(step),
            Some(Used::Fact(_)) | None => None,
        });
    step.depends_on.iter().map(String::as_str).chain(outputs)
}

#[cfg(test)]
mod tests {
    use crate::payload::StepStatus;

    use super::*;

    fn plan(steps: &[(&str, &[&str], &[&str])]) -> Plan {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let steps = steps.iter().map(|(id, depends_on, uses)| Step {
            id: (*id).to_owned(),
            title: "t".to_owned(),
            status: StepStatus::Pending,
            depends_on: owned(depends_on),
            uses: owned(uses),
            tool: None,
            args: None,
            output: None,
        });
        Plan { steps: steps.collect() }
    }

    #[test]
    fn dependants_follow_both_kinds_of_need() {
        let plan = plan(&[
            ("a.1", &[], &[]),
            ("b", &["a.1"], &[]),
            ("c", &[], &["steps.b.output.x"]),
            ("d", &[], &["steps.a.1.output", "facts.f"]),
            ("e", &[], &["facts.f"]),
        ]);
        let found: Vec<String> = dependants(&plan, &["a.1"]).into_iter().collect();
        assert_eq!(found, ["b", "c", "d"]);
        assert!(dependants(&plan, &["e"]).is_empty());
    }

    #[test]
    fn a_long_chain_is_walked_once() {
        let ids: Vec<String> = (0..20_000).map(|place| format!("s{place}")).collect();
        // Listed backwards, so that each pass over the list would find one step.
        let steps = (0..ids.len()).rev().map(|place| Step {
            depends_on: place
                .checked_sub(1)
                .map(|before| ids[before].clone())
                .into_iter()
                .collect(),
            ..plan(&[(&ids[place], &[], &[])]).steps.remove(0)
        });
        assert_eq!(dependants(&Plan { steps: steps.collect() }, &["s0"]).len(), ids.len() - 1);
    }
}
