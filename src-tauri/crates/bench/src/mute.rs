//! Submit → acknowledged while the notification service hangs, and while there
//! is none: the built app in a real window, against the same with a service
//! that answers, in the same run.

use std::time::Instant;

use anyhow::Context;
use handoff_protocol::wire::{Standing, Withdraw, method};
use handoff_stage::{Plan, Stage};
use handoff_transport::home::Home;

use crate::Setup;
use crate::case;
use crate::desk::Agent;
use crate::driven;
use crate::row::{Goal, Head, Measured};
use crate::spread::{Better, Spread};
use crate::time::millis;

/// It takes calls and answers none.
pub const HANGS: Head = Head {
    name: "submit → acknowledged, notification service hangs",
    unit: "ms",
    goal: Goal::TailAboveFloorAtMost(10.0),
};

/// There is none.
pub const MISSING: Head = Head {
    name: "submit → acknowledged, notification service missing",
    unit: "ms",
    goal: Goal::TailAboveFloorAtMost(10.0),
};

const SAMPLES: usize = 300;
/// Samples that warm the app up and are not counted.
const WARM: usize = 20;

/// Measures both.
pub fn measure(setup: &Setup) -> anyhow::Result<Vec<Measured>> {
    let mut stage = Stage::open(Plan::default())?;
    let root = tempfile::Builder::new().prefix("m").tempdir_in(&setup.scratch)?;
    let home = Home::new(root.path());
    let driver = driven::open(&stage, &setup.desk, &home, "[data-testid='connection-state']")?;
    let mut agent = Agent::connect(&home, "bench")?;
    submits(&mut agent, "warm", WARM)?;
    let present = submits(&mut agent, "present", SAMPLES)?;
    stage.hang_notifications()?;
    let hangs = submits(&mut agent, "hangs", SAMPLES)?;
    stage.wake_notifications()?;
    stage.kill_notifications()?;
    let missing = submits(&mut agent, "missing", SAMPLES)?;
    driver.kill()?;
    let measured = |value: Spread| {
        let note = format!("floor: the service answers, p95 {:.2} ms", present.p95);
        Measured { value, floor: Some(present), note }
    };
    Ok(vec![measured(hangs), measured(missing)])
}

/// How long submits take. Each is taken back, so that nothing heaps up.
fn submits(agent: &mut Agent, name: &str, count: usize) -> anyhow::Result<Spread> {
    let mut took = Vec::with_capacity(count);
    for number in 0..count {
        let handoff = case::refund(&format!("{name}-{number}"))?;
        let start = Instant::now();
        let id = agent.submit(&handoff)?.id;
        took.push(millis(start.elapsed()));
        let withdraw = Withdraw { id, reason: None };
        let _gone: Standing = agent.client().call(method::WITHDRAW, &withdraw)?;
    }
    Spread::of(took, Better::Less).context("there are samples")
}
