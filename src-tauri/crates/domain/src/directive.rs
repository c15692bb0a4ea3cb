//! What a decision makes of the plan, step by step (DESIGN §7).
//!
//! A first, structural answer: which steps go on, wait, or fall away, from the
//! dependencies alone. It does not yet weigh recorded outputs or facts.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::decision::{Decision, DecisionKind, Then};
use crate::payload::{Payload, Plan, Step, StepStatus, Used};

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
}

/// The steps that depend on `step`, directly or not, by `depends_on` or `uses`.
pub fn dependants(plan: &Plan, step: &str) -> BTreeSet<String> {
    let mut waiting: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let known: BTreeSet<&str> = plan.steps.iter().map(|step| step.id.as_str()).collect();
    for candidate in &plan.steps {
        for need in needs(candidate, &known) {
            waiting.entry(need).or_default().push(&candidate.id);
        }
    }
    let mut found = BTreeSet::new();
    let mut next = vec![step];
    while let Some(needed) = next.pop() {
        for dependant in waiting.remove(needed).into_iter().flatten() {
            if found.insert(dependant.to_owned()) {
                next.push(dependant);
            }
        }
    }
    found.remove(step);
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

/// The steps that may go on while the question waits: not done, and neither
/// the asked step nor one that depends on it. A question that names no step
/// stops all of them.
pub fn free_steps(payload: &Payload) -> BTreeSet<String> {
    let (Some(plan), Some(asked)) = (&payload.plan, &payload.pending_question.step) else {
        return BTreeSet::new();
    };
    let held = dependants(plan, asked);
    plan.steps
        .iter()
        .filter(|step| matches!(step.status, StepStatus::Pending | StepStatus::Running))
        .filter(|step| step.id != *asked && !held.contains(&step.id))
        .map(|step| step.id.clone())
        .collect()
}

/// What a decision makes of the plan; `None` while nothing is decided.
pub fn directive(payload: &Payload, decision: Option<&Decision>) -> Vec<Line> {
    let Some(plan) = &payload.plan else { return Vec::new() };
    let asked = payload.pending_question.step.as_deref();
    let held = asked.map(|step| dependants(plan, step)).unwrap_or_default();
    plan.steps
        .iter()
        .map(|step| {
            let is_asked = asked == Some(step.id.as_str());
            let waits = asked.is_none() || is_asked || held.contains(&step.id);
            let (verdict, why) = verdict(step, is_asked, waits, decision);
            Line { step: step.id.clone(), verdict, why: why.to_owned() }
        })
        .collect()
}

fn verdict(
    step: &Step,
    asked: bool,
    waits: bool,
    decision: Option<&Decision>,
) -> (Verdict, &'static str) {
    match step.status {
        StepStatus::Done => {
            return (Verdict::Keep, "It is done and stays.");
        }
        StepStatus::Skipped => return (Verdict::Skip, "The agent has left it out."),
        StepStatus::Pending | StepStatus::Running | StepStatus::Failed => {}
    }
    let Some(decision) = decision else {
        return if waits {
            (Verdict::Blocked, "It waits for this decision.")
        } else {
            (Verdict::Run, "It goes on; it does not depend on this.")
        };
    };
    let stops_all = matches!(
        (decision.kind, decision.then),
        (DecisionKind::TakeOver, _) | (DecisionKind::Reject, Some(Then::Stop) | None)
    );
    match (decision.kind, waits) {
        (DecisionKind::TakeOver, _) => (Verdict::Blocked, "The reviewer has taken the task over."),
        (DecisionKind::Reject, _) if stops_all => (Verdict::Skip, "The task stops here."),
        (_, false) => (Verdict::Run, "It goes on; it does not depend on this."),
        (DecisionKind::Approve | DecisionKind::Modify, true) if asked => {
            (Verdict::Run, "It is what this decides.")
        }
        (DecisionKind::Approve | DecisionKind::Modify, true) => {
            (Verdict::Run, "It waits for nothing else then.")
        }
        (DecisionKind::Inform, true) if asked => {
            (Verdict::Run, "It goes on with the new information.")
        }
        (DecisionKind::Inform, true) => (Verdict::Run, "It waits for nothing else then."),
        (DecisionKind::Reject, true) if decision.then == Some(Then::Revise) => {
            (Verdict::Blocked, "It waits for another proposal.")
        }
        (DecisionKind::Reject, true) => {
            (Verdict::Skip, "It is left out, and with it what depends on it.")
        }
    }
}

#[cfg(test)]
mod tests {
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
        let found: Vec<String> = dependants(&plan, "a.1").into_iter().collect();
        assert_eq!(found, ["b", "c", "d"]);
        assert!(dependants(&plan, "e").is_empty());
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
        assert_eq!(dependants(&Plan { steps: steps.collect() }, "s0").len(), ids.len() - 1);
    }
}
