//! `handoff verify` of a log of 100,000 events: the whole process, as a person
//! starts it.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::Setup;
use crate::row::{Goal, Head, Measured};
use crate::spread::{Better, Spread};
use crate::stored;

/// The row.
pub const HEAD: Head =
    Head { name: "handoff verify, 100k events", unit: "s", goal: Goal::TailAtMost(2.0) };

const EVENTS: u64 = 100_000;
/// Handoffs with at least so many events between them, three each.
const HANDOFFS: usize = 33_500;
const SAMPLES: usize = 7;

/// Measures it.
pub fn measure(setup: &Setup) -> anyhow::Result<Vec<Measured>> {
    let home = stored::that_wait(&setup.scratch, HANDOFFS)?;
    let program = setup.desk.with_file_name("handoff");
    let mut took = Vec::with_capacity(SAMPLES);
    let mut events = 0;
    for _ in 0..SAMPLES {
        let mut command = Command::new(&program);
        command.args(["verify", "--json"]).env("HANDOFF_DESK_HOME", home.root());
        let start = Instant::now();
        let output = command
            .output()
            .with_context(|| format!("{} could not be started", program.display()))?;
        took.push(start.elapsed().as_secs_f64());
        let answer: Value = serde_json::from_slice(&output.stdout).context("it answers in JSON")?;
        if !output.status.success() || answer["ok"] != true {
            bail!("the log is not whole: {answer}");
        }
        events = answer["events"].as_u64().context("it says how many there are")?;
    }
    if events < EVENTS {
        bail!("there were only {events} events");
    }
    let value = Spread::of(took, Better::Less).context("there are samples")?;
    let note = format!("the whole process; {events} events of {HANDOFFS} handoffs");
    Ok(vec![Measured { value, floor: None, note }])
}
