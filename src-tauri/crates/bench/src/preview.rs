//! Typing → preview: what an edited argument makes of a plan of 1,000 steps, asked
//! anew for every letter, as the window asks it of the desk. Painting it is not in
//! it.

use std::time::Instant;

use anyhow::{Context, ensure};
use handoff_domain::decision::Answer;
use handoff_protocol::view::DecideRequest;
use serde_json::{Value, json};

use crate::Setup;
use crate::case;
use crate::desk::{Agent, Desk};
use crate::release::{approve, said};
use crate::row::{Goal, Head, Measured};
use crate::spread::{Better, Spread};
use crate::time::millis;

/// The row. A frame of a screen that draws sixty in a second.
pub const HEAD: Head = Head {
    name: "letter typed → preview of a plan of 1,000 steps",
    unit: "ms",
    goal: Goal::TailAtMost(16.7),
};

const STEPS: usize = 1_000;
const SAMPLES: usize = 200;

/// Measures it.
pub fn measure(setup: &Setup) -> anyhow::Result<Vec<Measured>> {
    let desk = Desk::open(&setup.scratch)?;
    let mut agent = Agent::connect(desk.home(), "bench")?;
    let payload = case::with("preview", |payload| {
        payload["plan"] = json!({ "steps": (0..STEPS).map(step).collect::<Vec<_>>() });
        payload["actions_taken"] = json!([]);
        payload["pending_question"]["step"] = json!("s500");
        payload["options"] = json!([{ "id": "pay", "label": "Pay it",
            "risk": { "level": "low", "effect": "reversible", "why": "It is a measurement." },
            "action": { "tool": "pay", "args": { "note": "" } } }]);
        payload["briefing"] = json!({ "intent": "To be measured" });
        payload["deadline"] =
            json!({ "respond_within_s": 3600, "on_timeout": { "kind": "manual_review" } });
    })?;
    let id = agent.submit(&payload)?.id;
    let view = desk.engine().open_case(&id).map_err(said)?;
    let mut typed = String::new();
    let mut samples = Vec::new();
    for _ in 0..SAMPLES {
        typed.push('x');
        let args = [("note".to_owned(), Value::from(typed.as_str()))].into_iter().collect();
        let answer = Answer::Modify { option: "pay".to_owned(), args };
        let request = DecideRequest { answer, ..approve(&view)? };
        let start = Instant::now();
        let preview = desk.engine().preview(&request).map_err(said)?;
        samples.push(millis(start.elapsed()));
        ensure!(preview.directive.len() == STEPS, "it says {} steps", preview.directive.len());
        ensure!(preview.args.len() == 1, "the edit is not in it");
    }
    let value = Spread::of(samples, Better::Less).context("there are samples")?;
    let note = "the desk's part of it: drawing comes after";
    Ok(vec![Measured { value, floor: None, note: note.to_owned() }])
}

/// The first half is done; every step needs the one ten before it.
fn step(number: usize) -> Value {
    let mut step = json!({ "id": format!("s{number}"), "title": format!("Step {number}"),
        "status": if number < STEPS / 2 { "done" } else { "pending" } });
    if let Some(before) = number.checked_sub(10) {
        step["depends_on"] = json!([format!("s{before}")]);
    }
    step
}
