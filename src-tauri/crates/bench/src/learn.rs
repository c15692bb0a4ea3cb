//! Pause → the agent knows: an agent that works and waits in `agent.next` on the
//! socket, and a reviewer who stops its task and lets it go on.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};
use handoff_domain::instruction::Instruction;
use handoff_protocol::view::Pause;
use handoff_protocol::wire::{Ack, Next, NextItems, method};
use serde_json::{Value, json};

use crate::Setup;
use crate::desk::{Agent, Desk};
use crate::release::said;
use crate::row::{Goal, Head, Measured};
use crate::spread::{Better, Spread};
use crate::time::millis;

/// The row.
pub const HEAD: Head =
    Head { name: "pause → running agent knows", unit: "ms", goal: Goal::TailAtMost(50.0) };

const SAMPLES: usize = 200;
const LIMIT: Duration = Duration::from_secs(10);
const TASK: &str = "learn";

/// Measures it.
pub fn measure(setup: &Setup) -> anyhow::Result<Vec<Measured>> {
    let desk = Desk::open(&setup.scratch)?;
    let mut agent = Agent::connect(desk.home(), "bench")?;
    let task = json!({ "task": { "id": TASK, "title": "Learn", "goal": "Hear of a change" } });
    let _standing: Value = agent.client().call(method::TASK_OPEN, &task)?;
    let (tell, told) = mpsc::channel();
    let (ask, asked) = mpsc::channel();
    let listens = std::thread::spawn(move || {
        while asked.recv().is_ok() {
            if tell.send(learn(&mut agent)).is_err() {
                break;
            }
        }
    });
    let mut samples = Vec::new();
    for number in 0..SAMPLES {
        let paused = number % 2 == 0;
        ask.send(())?;
        let pause = Pause { agent: Some("bench".to_owned()), task: Some(TASK.to_owned()), paused };
        let start = Instant::now();
        desk.run(desk.engine().pause(pause)).map_err(said)?;
        let (instruction, at): (Instruction, Instant) = told.recv_timeout(LIMIT)??;
        samples.push(millis(at.duration_since(start)));
        let expected = if paused { Instruction::Pause } else { Instruction::Resume };
        ensure!(instruction == expected, "it was told {}", instruction.kind());
    }
    drop(ask);
    listens.join().map_err(|_| anyhow!("the agent's thread panicked"))?;
    let value = Spread::of(samples, Better::Less).context("there are samples")?;
    let note = "counted from the reviewer's click, so with the commit of the pause in it";
    Ok(vec![Measured { value, floor: None, note: note.to_owned() }])
}

/// Waits for the next thing to know, and says when it came.
fn learn(agent: &mut Agent) -> anyhow::Result<(Instruction, Instant)> {
    let next = Next { task: Some(TASK.to_owned()), wait_s: Some(10) };
    let told: NextItems = agent.client().call_by(method::NEXT, &next, LIMIT)?;
    let at = Instant::now();
    let item = told.items.into_iter().next().context("nothing was told in time")?;
    let _nothing: Value = agent.client().call(method::ACK, &Ack { id: item.id, result: None })?;
    Ok((item.instruction, at))
}
