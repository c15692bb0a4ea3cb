//! Full-text search: the engine's answer to words in one of 100,000
//! handoffs, in some of them, and in all of them.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, anyhow};
use handoff_engine::Engine;
use handoff_protocol::view::{List, QueueQuery};
use handoff_store::{Opened, Store};
use handoff_testkit::{RecordingNotifier, RecordingRunner};

use crate::Setup;
use crate::release::said;
use crate::row::{Goal, Head, Measured};
use crate::spread::{Better, Spread};
use crate::stored::{self, STORED};
use crate::time::{SystemClock, millis};

/// The row.
pub const HEAD: Head =
    Head { name: "full-text search, 100k stored", unit: "ms", goal: Goal::TailAtMost(50.0) };

const ROUNDS: usize = 40;
/// What the window asks for.
const LIMIT: u32 = 100;

/// Measures it.
pub fn measure(setup: &Setup) -> anyhow::Result<Vec<Measured>> {
    let home = setup.stored()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()?;
    let opened = Opened { store: Store::open(&home.database())?, notices: Vec::new() };
    let notifier = Arc::new(RecordingNotifier::default());
    let runner = Arc::new(RecordingRunner::default());
    let started = Engine::start(opened, Arc::new(SystemClock), notifier, runner);
    let engine = runtime.block_on(started).map_err(said)?;
    let mut samples = Vec::new();
    let mut worst = (0.0, String::new());
    for round in 0..ROUNDS {
        for (words, fits) in words(round) {
            let query = QueueQuery { list: List::Inbox, search: words.clone(), limit: LIMIT };
            let start = Instant::now();
            let found = runtime.block_on(engine.queue(query)).map_err(said)?;
            let took = millis(start.elapsed());
            if !fits(usize::try_from(found.total)?) {
                return Err(anyhow!("{words:?} was found in {} handoffs", found.total));
            }
            if took > worst.0 {
                worst = (took, words);
            }
            samples.push(took);
        }
    }
    let value = Spread::of(samples, Better::Less).context("there are samples")?;
    let note = format!("the engine's answer with 100 lines and all counts; slowest: {:?}", worst.1);
    Ok(vec![Measured { value, floor: None, note }])
}

type Fits = fn(usize) -> bool;

/// What a person types, letter by letter too, and in how many it must be.
fn words(round: usize) -> [(String, Fits); 6] {
    let some = |found| (1..STORED).contains(&found);
    let one = 2 + round * STORED / ROUNDS;
    let question = stored::question(one);
    let word = |place| question.split(' ').nth(place).unwrap_or_default().to_owned();
    [
        (word(1), |found| found >= 1),
        (word(4), some),
        (format!("{} {}", word(4), word(5)), some),
        (word(5).chars().take(3).collect(), some),
        ("refund".to_owned(), |found| found == STORED),
        ("r".to_owned(), |found| found == STORED),
    ]
}
