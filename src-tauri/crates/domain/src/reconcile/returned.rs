//! Giving a task back: what the reviewer did by hand, and what follows from it
//! (issue of control in both directions, DESIGN §7).

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use ts_rs::TS;

use super::stale::{Extra, Ground};
use super::{Case, Reconciliation, checks, verdicts};
use crate::payload::{Plan, StepStatus};
use crate::record::repeated;
use crate::trigger::same_json;
use crate::validate::Fault;
use crate::validate::names::{choose, clip};

/// What the reviewer reports on giving a task back.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct Returned {
    /// What was found.
    #[serde(default)]
    #[ts(type = "Record<string, unknown>")]
    pub facts: Map<String, Value>,
    /// The steps that were done by hand.
    #[serde(default)]
    pub done: Vec<StepDone>,
}

/// A step that was done by hand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct StepDone {
    /// The step's id.
    pub step: String,
    /// What came of it; what was there before stays where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "unknown")]
    pub output: Option<Value>,
}

/// A task that was given back.
#[derive(Debug, Clone, PartialEq)]
pub struct GivenBack {
    /// The plan with what was done by hand.
    pub plan: Plan,
    /// What becomes of it.
    pub reconciliation: Reconciliation,
}

/// What becomes of a plan when its task is given back. What was done by hand
/// is done; what used another value than was found, or builds on a step that
/// was done otherwise by hand, is stale. Steps that the plan does not know are
/// faults, and change nothing.
pub fn give_back(case: &Case<'_>, returned: &Returned) -> GivenBack {
    let mut plan = case.plan.clone();
    let mut faults = Vec::new();
    let (mut by_hand, mut changed) = (Vec::new(), Vec::new());
    for id in repeated(returned.done.iter().map(|done| done.step.as_str())) {
        faults.push(Fault {
            pointer: "/done".to_owned(),
            message: format!("The step `{}` is reported twice.", clip(id)),
            hint: "Report each step once.".to_owned(),
        });
    }
    for (number, done) in returned.done.iter().enumerate() {
        let Some(place) = plan.steps.iter().position(|step| step.id == done.step) else {
            let known: Vec<&str> = case.plan.steps.iter().map(|step| step.id.as_str()).collect();
            faults.push(Fault {
                pointer: format!("/done/{number}/step"),
                message: format!("The plan has no step `{}`.", clip(&done.step)),
                hint: choose(&done.step, &known),
            });
            continue;
        };
        let step = &mut plan.steps[place];
        let other = match (&done.output, &step.output) {
            (Some(new), Some(old)) => !same_json(new, old),
            (Some(_), None) => true,
            (None, _) => step.status != StepStatus::Done,
        };
        step.status = StepStatus::Done;
        step.output = done.output.clone().or(step.output.take());
        by_hand.push(place);
        if other {
            changed.push(place);
        }
    }
    let by_hand_now =
        |step: Option<&str>| returned.done.iter().any(|done| step == Some(done.step.as_str()));
    let given = Case {
        plan: &plan,
        actions: case.actions.clone(),
        question: case.question.clone(),
        decision: None,
        earlier: case.earlier.clone(),
        // Nobody asks any more about what was done by hand.
        pending: case.pending.iter().filter(|open| !by_hand_now(open.step)).copied().collect(),
        // It goes on: that is what giving it back says.
        undone: BTreeSet::new(),
        left_out: case.left_out.clone(),
        owed: case.owed.clone(),
        effects: case.effects.clone(),
        now: case.now,
    };
    let extra = Extra { given_back: true, facts: Some(&returned.facts), by_hand, changed };
    let ground = Ground::new(&given, extra);
    let mut reconciliation = verdicts::weigh(&ground);
    checks::check(&ground, &mut reconciliation);
    reconciliation.faults.extend(faults);
    drop(ground);
    drop(given);
    GivenBack { plan, reconciliation }
}
