//! Submit → durable acknowledgement: one agent, and a hundred at once, over
//! the real socket, against a bare commit of the same bytes.

use std::process::Command;
use std::sync::Barrier;
use std::time::Instant;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use crate::Setup;
use crate::case;
use crate::desk::{Agent, Desk};
use crate::floor::Bare;
use crate::row::{Goal, Head, Measured};
use crate::spread::{Better, Spread};
use crate::time::millis;

/// One agent.
pub const ONE: Head =
    Head { name: "submit → acknowledged, 1 agent", unit: "ms", goal: Goal::RatioAtMost(2.0) };

/// A hundred agents.
pub const MANY: Head =
    Head { name: "submit → acknowledged, 100 agents", unit: "/s", goal: Goal::RatioAtLeast(3.0) };

/// A hundred agents on a slow disk.
pub const MANY_SLOW: Head =
    Head { name: "the same, 2 ms added to each sync", unit: "/s", goal: Goal::RatioAtLeast(10.0) };

/// How many submits and how many bare commits, in turns: a sync is fast or
/// slow by what the disk did in the last milliseconds, for both alike.
const TURNS: usize = 2000;
/// Turns that warm caches up and are not counted.
const WARM: usize = 100;

const AGENTS: usize = 100;
/// How many each agent submits in one round.
const EACH: usize = 5;

/// Measures one agent.
pub fn one(setup: &Setup) -> anyhow::Result<Vec<Measured>> {
    let desk = Desk::open(&setup.scratch)?;
    let bare = Bare::open(&setup.scratch)?;
    let mut agent = Agent::connect(desk.home(), "bench")?;
    let (mut submits, mut commits) = (Vec::new(), Vec::new());
    for turn in 0..WARM + TURNS {
        let handoff = case::refund(&format!("one-{turn}"))?;
        let start = Instant::now();
        agent.submit(&handoff)?;
        submits.push(millis(start.elapsed()));
        let start = Instant::now();
        bare.insert(handoff.get())?;
        commits.push(millis(start.elapsed()));
    }
    let counted = |samples: Vec<f64>| {
        let counted = samples.into_iter().skip(WARM).collect();
        Spread::of(counted, Better::Less).context("there are samples")
    };
    let (value, floor) = (counted(submits)?, counted(commits)?);
    let note = format!("floor: a bare commit, p95 {:.2} ms, in turns with the submits", floor.p95);
    Ok(vec![Measured { value, floor: Some(floor), note }])
}

/// Rates of rounds, per second.
#[derive(Debug, Serialize, Deserialize)]
pub struct Rates {
    desk: Vec<f64>,
    bare: Vec<f64>,
}

impl Rates {
    fn measured(self) -> anyhow::Result<Vec<Measured>> {
        let sum = |rates| Spread::of(rates, Better::More).context("there are samples");
        let note = format!(
            "rounds of {} submits, each with its event in the audit chain; floor: bare commits one at \
             a time, between the rounds",
            AGENTS * EACH
        );
        Ok(vec![Measured { value: sum(self.desk)?, floor: Some(sum(self.bare)?), note }])
    }
}

/// Measures a hundred agents.
pub fn many(setup: &Setup) -> anyhow::Result<Vec<Measured>> {
    rates(setup, 12, 300)?.measured()
}

/// Measures a hundred agents under a tracer that makes each sync longer.
pub fn many_with_slow_syncs(setup: &Setup) -> anyhow::Result<Vec<Measured>> {
    let program = std::env::current_exe()?;
    let output = Command::new("strace")
        .args(["--follow-forks", "--seccomp-bpf", "--quiet=all", "--output=/dev/null"])
        .args(["--trace=fsync,fdatasync", "--inject=fsync,fdatasync:delay_enter=2000"])
        .arg("--")
        .arg(program)
        .arg("--rates")
        .args(
            [("--desk", &setup.desk), ("--bare", &setup.bare), ("--out", &setup.scratch)]
                .iter()
                .flat_map(|(name, path)| [name.as_ref(), path.as_os_str()]),
        )
        .output()
        .context("strace, which adds the delay, could not be started; is it installed?")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("under strace it ended with {}: {}", output.status, said.trim());
    }
    let rates: Rates = serde_json::from_slice(&output.stdout).context("the rates are JSON")?;
    rates.measured()
}

/// The rates of a hundred agents, few enough for slow syncs.
pub fn slow_rates(setup: &Setup) -> anyhow::Result<Rates> {
    rates(setup, 8, 100)
}

fn rates(setup: &Setup, rounds: usize, commits: usize) -> anyhow::Result<Rates> {
    let desk = Desk::open(&setup.scratch)?;
    let bare = Bare::open(&setup.scratch)?;
    let agents = (0..AGENTS)
        .map(|number| Agent::connect(desk.home(), &format!("bench-{number}")))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut rates = Rates { desk: Vec::new(), bare: Vec::new() };
    let gate = Barrier::new(AGENTS + 1);
    std::thread::scope(|scope| {
        let threads: Vec<_> = agents
            .into_iter()
            .enumerate()
            .map(|(number, agent)| {
                let gate = &gate;
                scope.spawn(move || work(agent, number, rounds, gate))
            })
            .collect();
        for round in 0..rounds {
            let cases = (0..commits)
                .map(|place| case::refund(&format!("bare-{round}-{place}")))
                .collect::<anyhow::Result<Vec<_>>>()?;
            let start = Instant::now();
            for handoff in &cases {
                bare.insert(handoff.get())?;
            }
            rates.bare.push(rate(commits, start));
            gate.wait();
            let start = Instant::now();
            gate.wait();
            rates.desk.push(rate(AGENTS * EACH, start));
        }
        for thread in threads {
            match thread.join() {
                Ok(outcome) => outcome?,
                Err(_) => bail!("an agent's thread panicked"),
            }
        }
        anyhow::Ok(())
    })?;
    Ok(rates)
}

/// One agent of many: submits its share of each round between the gates. One
/// that fails still comes to the gates, so that nobody waits for it.
fn work(mut agent: Agent, number: usize, rounds: usize, gate: &Barrier) -> anyhow::Result<()> {
    let mut outcome = Ok(());
    for round in 0..rounds {
        let cases = (0..EACH)
            .map(|place| case::refund(&format!("many-{number}-{round}-{place}")))
            .collect::<anyhow::Result<Vec<_>>>()?;
        gate.wait();
        for handoff in &cases {
            outcome = outcome.and_then(|()| agent.submit(handoff).map(drop));
        }
        gate.wait();
    }
    outcome
}

fn rate(count: usize, since: Instant) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
    let count = count as f64;
    count / since.elapsed().as_secs_f64()
}
