//! What it takes to say what becomes of a large plan, and in which order ten
//! thousand actions are undone. Pure functions: no desk, no disk.

use std::hint::black_box;
use std::time::Instant;

use anyhow::{Context, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use handoff_domain::action::Action;
use handoff_domain::decision::Decision;
use handoff_domain::directive::Verdict;
use handoff_domain::payload::{Constraint, HandoffOption, Plan};
use handoff_domain::reconcile::{Case, Question, reconcile};
use handoff_domain::record::Recorded;
use handoff_domain::rollback::{Ledger, Selection, plan};
use serde_json::{Value, json};

use crate::Setup;
use crate::row::{Goal, Head, Measured};
use crate::spread::{Better, Spread};
use crate::time::millis;

/// A fact that half of the plan rests on is another one.
pub const INFORM: Head = Head {
    name: "directive for a plan of 1,000 steps: a fact that half of it rests on",
    unit: "ms",
    goal: Goal::TailAtMost(5.0),
};
/// An argument is edited, under constraints.
pub const MODIFY: Head = Head {
    name: "directive for a plan of 1,000 steps: an edit, ten constraints",
    unit: "ms",
    goal: Goal::TailAtMost(5.0),
};
/// Everything is undone.
pub const ROLLBACK: Head =
    Head { name: "rollback plan for 10,000 actions", unit: "ms", goal: Goal::TailAtMost(50.0) };

const STEPS: usize = 1_000;
const ACTIONS: usize = 10_000;
const SAMPLES: usize = 200;
const ROLLBACKS: usize = 50;

/// Measures all three.
pub fn measure(_: &Setup) -> anyhow::Result<Vec<Measured>> {
    let steps: Plan = serde_json::from_value(json!({
        "steps": (0..STEPS).map(step).collect::<Vec<_>>()
    }))?;
    let done = actions(STEPS)?;
    let options: Vec<HandoffOption> = serde_json::from_value(json!([{
        "id": "take", "label": "Take it",
        "risk": { "level": "low", "effect": "reversible", "why": "It is a measurement." },
        "action": { "tool": "pay", "args": { "amount": 499 },
            "args_schema": { "type": "object", "properties": { "amount": { "type": "number" } } } }
    }]))?;
    let limits: Vec<Constraint> = serde_json::from_value(json!(
        (0..10)
            .map(|number| json!({ "text": format!("limit {number}"),
            "expr": format!("args.amount <= steps.s{number}.output.value + 10000") }))
            .collect::<Vec<_>>()
    ))?;
    let mut rows = Vec::new();
    for told in [
        json!({ "kind": "inform", "by": "reviewer", "at": "2026-11-20T12:00:00Z",
            "facts": { "rate": 2 } }),
        json!({ "kind": "modify", "by": "reviewer", "at": "2026-11-20T12:00:00Z",
            "option": "take", "tool": "pay", "args": { "amount": 600 } }),
    ] {
        let decision: Decision = serde_json::from_value(told)?;
        let mut samples = Vec::new();
        for _ in 0..SAMPLES {
            let start = Instant::now();
            let found = reconcile(&Case {
                plan: &steps,
                actions: done.iter().map(Recorded::said).collect(),
                question: Some(Question {
                    step: Some("s500"),
                    quick: false,
                    one_call: false,
                    options: &options,
                    constraints: limits.iter().collect(),
                }),
                decision: Some(&decision),
                earlier: Vec::new(),
                pending: Vec::new(),
                undone: [].into(),
                left_out: [].into(),
                owed: [].into(),
                effects: [].into(),
                now: decision.at,
            });
            samples.push(millis(start.elapsed()));
            ensure!(found.lines.len() == STEPS && found.faults.is_empty(), "{:?}", found.faults);
            let again = found.lines.iter().filter(|line| line.verdict == Verdict::UndoThenRerun);
            let told = decision.facts.is_empty() || again.count() >= STEPS / 4;
            ensure!(told, "too little rests on the fact");
        }
        let note = "with a recorded action for each finished step".to_owned();
        let value = Spread::of(samples, Better::Less).context("there are samples")?;
        rows.push(Measured { value, floor: None, note });
    }
    let done = actions(ACTIONS)?;
    let selection = Selection::SinceAction { id: "a0".to_owned() };
    let now = moment(ACTIONS)?;
    let mut samples = Vec::new();
    for _ in 0..ROLLBACKS {
        let start = Instant::now();
        let ledger =
            Ledger { actions: done.iter().map(Recorded::said).collect(), plan: Some(&steps), now };
        let planned = plan(black_box(&ledger), &selection);
        samples.push(millis(start.elapsed()));
        ensure!(planned.steps.len() == ACTIONS, "only {} are undone", planned.steps.len());
    }
    let note = "all of them, each with files, a step and what it used".to_owned();
    let value = Spread::of(samples, Better::Less).context("there are samples")?;
    rows.push(Measured { value, floor: None, note });
    Ok(rows)
}

/// The first half is done; every step needs the one ten before it.
fn step(number: usize) -> Value {
    let mut step = json!({ "id": format!("s{number}"), "title": format!("Step {number}"),
        "status": if number < STEPS / 2 { "done" } else { "pending" } });
    if let Some(before) = number.checked_sub(10) {
        step["depends_on"] = json!([format!("s{before}")]);
        step["uses"] = json!([format!("steps.s{before}.output.value")]);
    } else {
        step["uses"] = json!(["facts.rate"]);
    }
    if number < STEPS / 2 {
        step["output"] = json!({ "value": number, "text": "what came of it" });
    }
    step
}

fn actions(count: usize) -> anyhow::Result<Vec<Action>> {
    let each = (0..count).map(|number| -> anyhow::Result<Action> {
        let mut action = json!({ "id": format!("a{number}"), "tool": "write",
            "step": format!("s{}", number * (STEPS / 2) / count), "effect": "reversible",
            "input": { "number": number }, "status": "done", "ended_at": moment(number)?,
            "files": [format!("/data/{}", number % 997)], "undo": { "kind": "files" } });
        if let Some(before) = number.checked_sub(7) {
            action["depends_on"] = json!([format!("a{before}")]);
        }
        if number == 0 {
            action["facts"] = json!({ "rate": 1 });
        }
        Ok(serde_json::from_value(action)?)
    });
    each.collect()
}

fn moment(number: usize) -> anyhow::Result<DateTime<Utc>> {
    let start: DateTime<Utc> = "2026-11-20T09:00:00Z".parse()?;
    Ok(start + TimeDelta::seconds(i64::try_from(number)?))
}
