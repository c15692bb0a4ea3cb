//! What the gate takes to answer, on the server's side, with a thousand rules
//! and a hundred thousand recorded actions; and what a replay of the past takes.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, anyhow};
use handoff_domain::autonomy::Level;
use handoff_domain::bounded;
use handoff_engine::Engine;
use handoff_protocol::session::{Host, Session};
use handoff_protocol::view::{LevelTried, ReplayRequest, SetLevel};
use handoff_protocol::wire::method;
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use crate::Setup;
use crate::desk::Desk;
use crate::floor::Bare;
use crate::release::said;
use crate::row::{Goal, Head, Measured};
use crate::spread::{Better, Spread};
use crate::time::millis;

/// A read, which runs.
pub const READ: Head = Head {
    name: "gate answer, server side: a read that runs",
    unit: "ms",
    goal: Goal::TailAtMost(1.0),
};
/// A change, which a level lets run.
pub const CHANGE: Head = Head {
    name: "gate answer, server side: a change that runs",
    unit: "ms",
    goal: Goal::TailAtMost(1.0),
};
/// The same two without what the disk takes.
pub const READ_IN_MEMORY: Head = Head {
    name: "gate answer, no disk: a read that runs",
    unit: "ms",
    goal: Goal::TailAtMost(1.0),
};
/// A change, which a level lets run.
pub const CHANGE_IN_MEMORY: Head = Head {
    name: "gate answer, no disk: a change that runs",
    unit: "ms",
    goal: Goal::TailAtMost(1.0),
};
/// The past, answered anew.
pub const REPLAY: Head =
    Head { name: "replay of 100,000 checks", unit: "ms", goal: Goal::TailAtMost(2000.0) };

const RULES: usize = 1_000;
const RECORDED: usize = 100_000;
const CHECKS: usize = 100_000;
/// How many actions a task has.
const OF_A_TASK: usize = 500;
/// How many calls are under way at once while the past is made.
const AT_ONCE: usize = 200;
const SAMPLES: usize = 500;
const REPLAYS: usize = 5;
const AGENT: &str = "bench";

/// Where files are kept in memory, on the systems that say so.
const IN_MEMORY: &str = "/dev/shm";

/// Measures all five.
pub fn measure(setup: &Setup) -> anyhow::Result<Vec<Measured>> {
    let scratch = setup.scratch.as_path();
    // On a thread like those that answer agents in the app.
    std::thread::scope(|scope| {
        let measured = std::thread::Builder::new().stack_size(bounded::STACK).spawn_scoped(
            scope,
            || -> anyhow::Result<Vec<Measured>> {
                bounded::has_stack();
                let desk = Desk::open(scratch)?;
                let mut rows = answers(&desk, scratch)?;
                let memory = tempfile::tempdir_in(IN_MEMORY).context("no folder in memory")?;
                let quick = Desk::open(memory.path())?;
                rows.extend(answers(&quick, memory.path())?);
                rows.push(replays(&desk)?);
                Ok(rows)
            },
        )?;
        measured.join().map_err(|_| anyhow!("the measurement panicked"))?
    })
}

/// Fills a desk and asks it: a read, and a change.
fn answers(desk: &Desk, scratch: &Path) -> anyhow::Result<Vec<Measured>> {
    let engine = desk.engine();
    let agent = Caller::connect(engine, desk)?;
    let level = SetLevel {
        agent: AGENT.to_owned(),
        task: None,
        level: Some(Level::Execute),
        minutes: None,
    };
    desk.run(engine.set_level(level)).map_err(said)?;
    // Every trigger looks; a chain as long as these tasks is not what is meant.
    let mut settings = engine.settings();
    settings.triggers.chain_bound = 10_000;
    desk.run(engine.save_settings(settings)).map_err(said)?;
    let count = |effect: &str| {
        json!({ "name": effect, "agent": AGENT, "tool": format!("tool.{effect}"),
            "does": "counts", "effect": effect, "when": { "args": { "path": "any" } } })
    };
    let hold = |number: usize| {
        // Some of them look at the very calls that are measured.
        let tool = match number % 50 {
            0 => "tool.read".to_owned(),
            1 => "tool.reversible".to_owned(),
            other => format!("tool.{other}"),
        };
        json!({ "name": format!("rule {number}"), "agent": AGENT, "does": "hold", "tool": tool,
            "why": "It is much.",
            "when": { "expr": format!("has(args.amount) && args.amount > {number}") } })
    };
    desk.run(async {
        for number in 0..RULES {
            let rule = match number {
                0 => count("read"),
                1 => count("reversible"),
                _ => hold(number),
            };
            engine.add_rule(serde_json::from_value(rule)?).await.map_err(said)?;
        }
        anyhow::Ok(())
    })?;
    println!("storing: {RECORDED} actions, {CHECKS} checks");
    desk.run(agent.many(method::RECORD, RECORDED, action))?;
    desk.run(agent.many(method::CHECK, CHECKS, |number| check("past", "tool.read", number)))?;
    let bare = Bare::open(scratch)?;
    let mut floor = Vec::new();
    for number in 0..SAMPLES {
        let text = check("floor", "tool.read", number).to_string();
        let start = Instant::now();
        bare.insert(&text)?;
        floor.push(millis(start.elapsed()));
    }
    let mut rows = Vec::new();
    for tool in ["tool.read", "tool.reversible"] {
        let mut samples = Vec::new();
        for number in 0..SAMPLES {
            let asked = check(tool, tool, number);
            let start = Instant::now();
            let answer = desk.run(agent.call(method::CHECK, asked))?;
            samples.push(millis(start.elapsed()));
            if answer["verdict"] != "run" {
                return Err(anyhow!("it was not let run: {answer}"));
            }
        }
        rows.push(Measured {
            value: Spread::of(samples, Better::Less).context("there are samples")?,
            floor: Spread::of(floor.clone(), Better::Less),
            note: "with the commit that keeps question and answer; the floor is that commit alone"
                .to_owned(),
        });
    }
    Ok(rows)
}

fn replays(desk: &Desk) -> anyhow::Result<Measured> {
    let mut samples = Vec::new();
    for _ in 0..REPLAYS {
        let level = LevelTried { agent: AGENT.to_owned(), task: None, level: Level::Suggest };
        let change = ReplayRequest { level: Some(level), ..ReplayRequest::default() };
        let start = Instant::now();
        let replay = desk.engine().replay(&change).map_err(said)?;
        samples.push(millis(start.elapsed()));
        if usize::try_from(replay.checks)? < CHECKS {
            return Err(anyhow!("only {} checks were replayed", replay.checks));
        }
    }
    let note = "with reading them, and 1,000 rules before and after".to_owned();
    let value = Spread::of(samples, Better::Less).context("there are samples")?;
    Ok(Measured { value, floor: None, note })
}

/// An agent in this process: what the socket takes is left out.
struct Caller(Arc<dyn Session>);

impl Caller {
    fn connect(engine: &Engine, desk: &Desk) -> anyhow::Result<Self> {
        let session = desk.run(async { engine.open(Arc::new(|_, _: &Value| {})) });
        let caller = Self(session);
        desk.run(caller.call(method::HELLO, json!({ "name": AGENT })))?;
        Ok(caller)
    }

    async fn call(&self, method: &str, params: Value) -> anyhow::Result<Value> {
        let params = to_raw_value(&params)?;
        let answer = Arc::clone(&self.0).call(method.to_owned(), Some(params)).await;
        let answer = answer.map_err(|error| anyhow!("{}", error.message))?;
        Ok(serde_json::from_str(answer.get())?)
    }

    /// Many calls, some at a time, so that they share commits.
    async fn many(
        &self,
        method: &str,
        count: usize,
        params: impl Fn(usize) -> Value,
    ) -> anyhow::Result<()> {
        let mut next = 0;
        while next < count {
            let mut under_way = tokio::task::JoinSet::new();
            for number in next..(next + AT_ONCE).min(count) {
                let params = to_raw_value(&params(number))?;
                under_way.spawn(Arc::clone(&self.0).call(method.to_owned(), Some(params)));
            }
            next += AT_ONCE;
            while let Some(done) = under_way.join_next().await {
                done?.map_err(|error| anyhow!("{}", error.message))?;
            }
        }
        Ok(())
    }
}

fn task(number: usize) -> Value {
    json!({ "id": format!("task-{}", number / OF_A_TASK), "title": "Measure", "goal": "Figures" })
}

fn action(number: usize) -> Value {
    json!({ "task": task(number), "action": {
        "id": format!("a-{number}"), "tool": "tool.read",
        "input": { "path": format!("/data/{}", number % 97) },
        "output": { "size": number, "text": "a line of some length that was read from there" },
        "effect": "read", "status": "done" } })
}

fn check(key: &str, tool: &str, number: usize) -> Value {
    json!({ "task": task(number % RECORDED), "tool": tool, "key": format!("{key}-{number}"),
        "effect": "read", "args": { "path": format!("/new/{number}") },
        "undo": { "kind": "tool", "tool": "back", "args": {} } })
}
