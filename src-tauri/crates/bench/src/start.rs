//! Cold start to a usable queue, and memory, with 100,000 handoffs stored:
//! against a bare window that is opened and looked at in the same way.

use std::path::Path;
use std::time::Instant;

use anyhow::Context;
use handoff_stage::{Plan, Stage};
use handoff_transport::home::Home;

use crate::Setup;
use crate::driven;
use crate::memory;
use crate::row::{Goal, Head, Measured};
use crate::spread::{Better, Spread};
use crate::time::millis;

/// Cold start.
pub const START: Head = Head {
    name: "cold start → usable queue, 100k stored",
    unit: "ms",
    goal: Goal::RatioAtMost(1.3),
};

/// Memory.
pub const MEMORY: Head =
    Head { name: "memory (PSS), 100k stored", unit: "MiB", goal: Goal::AboveFloorAtMost(40.0) };

const RUNS: usize = 5;

/// Measures both.
pub fn measure(setup: &Setup) -> anyhow::Result<Vec<Measured>> {
    let home = setup.stored()?;
    let stage = Stage::open(Plan::default())?;
    let (mut desk, mut bare) = (Runs::default(), Runs::default());
    // The first of each fills the caches of files, and is not counted.
    for run in 0..=RUNS {
        let opened = open(&stage, &setup.bare, home, "[data-testid='bare']")?;
        let queue = open(&stage, &setup.desk, home, "[data-testid='queue-item']")?;
        if run > 0 {
            bare.add(opened);
            desk.add(queue);
        }
    }
    let driven = |runs: &Runs| Spread::of(runs.driven.clone(), Better::Less);
    let note = driven(&desk).zip(driven(&bare)).map_or_else(String::new, |(desk, bare)| {
        format!(
            "floor: a bare window; a window can be looked at only once WebDriver has it, after \
             {:.0} ms here and {:.0} ms there",
            desk.median, bare.median
        )
    });
    let sum = |samples| Spread::of(samples, Better::Less).context("there are samples");
    Ok(vec![
        Measured { value: sum(desk.start)?, floor: Some(sum(bare.start)?), note },
        Measured {
            value: sum(desk.memory)?,
            floor: Some(sum(bare.memory)?),
            note: "the program with WebKit's processes, at rest; floor: a bare window".to_owned(),
        },
    ])
}

#[derive(Default)]
struct Runs {
    start: Vec<f64>,
    driven: Vec<f64>,
    memory: Vec<f64>,
}

struct Opened {
    start: f64,
    driven: f64,
    memory: f64,
}

impl Runs {
    fn add(&mut self, run: Opened) {
        self.start.push(run.start);
        self.driven.push(run.driven);
        self.memory.push(run.memory);
    }
}

/// Opens a window and looks until `selector` is visible in it.
fn open(stage: &Stage, program: &Path, home: &Home, selector: &str) -> anyhow::Result<Opened> {
    let driver = driven::open(stage, program, home, selector)?;
    let ready = Instant::now();
    let (asked, opened) = driver.opened();
    let memory = memory::settled(driver.app())?;
    driver.kill()?;
    Ok(Opened {
        start: millis(ready.duration_since(asked)),
        driven: millis(opened.duration_since(asked)),
        memory,
    })
}
