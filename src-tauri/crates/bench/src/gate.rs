//! What the gate takes to answer, on the server's side, with a thousand rules
//! and a hundred thousand recorded actions; and what a replay of the past takes.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, anyhow};
use chrono::DateTime;
use handoff_domain::action::Effect;
use handoff_domain::autonomy::Level;
use handoff_domain::bounded;
use handoff_domain::decision::action_hash;
use handoff_domain::effect::Judged;
use handoff_domain::gate::Verdict;
use handoff_domain::trigger::Measured as Measures;
use handoff_engine::{Clock as _, Engine};
use handoff_protocol::session::{Host, Session};
use handoff_protocol::view::{LevelTried, ReplayRequest, SetLevel};
use handoff_protocol::wire::{Check, RecordAction, TaskRef, method};
use handoff_store::{NewAction, NewCheck, Store, StoreError, Write};
use handoff_transport::home::Home;
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use crate::Setup;
use crate::desk::Desk;
use crate::floor::Bare;
use crate::host::Hosted;
use crate::release::said;
use crate::row::{Goal, Head, Measured};
use crate::spread::{Better, Spread};
use crate::time::{SystemClock, millis};

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
/// How many share a commit while the past is made.
const COMMIT: usize = 5_000;
/// What is asked for.
const READS: &str = "tool.read";
const CHANGES: &str = "tool.reversible";
const SAMPLES: usize = 500;
const REPLAYS: usize = 5;
const AGENT: &str = "bench";

/// Where files are kept in memory, on the systems that say so.
const IN_MEMORY: &str = "/dev/shm";

/// Measures all five.
pub fn measure(setup: &Setup) -> anyhow::Result<Vec<Measured>> {
    let scratch = setup.scratch.as_path();
    let home = filled(scratch)?;
    let memory = tempfile::tempdir_in(IN_MEMORY).context("no folder in memory")?;
    let copy = Home::new(memory.path().join("home"));
    copy.create()?;
    for entry in std::fs::read_dir(home.root())? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            std::fs::copy(entry.path(), copy.root().join(entry.file_name()))?;
        }
    }
    // On a thread like those that answer agents in the app.
    std::thread::scope(|scope| {
        let measured = std::thread::Builder::new().stack_size(bounded::STACK).spawn_scoped(
            scope,
            || -> anyhow::Result<Vec<Measured>> {
                bounded::has_stack();
                let desk = Hosted::answering(&home)?;
                let mut rows = answers(&desk, scratch)?;
                let quick = Hosted::answering(&copy)?;
                rows.extend(answers(&quick, memory.path())?);
                rows.push(replays(&desk)?);
                Ok(rows)
            },
        )?;
        measured.join().map_err(|_| anyhow!("the measurement panicked"))?
    })
}

/// A home with the past in it. One action and one check are made by an agent; all
/// others are copies of these, written through the store in large commits.
fn filled(scratch: &Path) -> anyhow::Result<Home> {
    println!("storing: {RULES} rules, {RECORDED} actions, {CHECKS} checks");
    let desk = Desk::open(scratch)?;
    let home = desk.home().clone();
    let engine = desk.engine();
    let level = SetLevel {
        agent: AGENT.to_owned(),
        task: None,
        level: Some(Level::Execute),
        minutes: None,
    };
    desk.run(async {
        let agent = Caller::connect(engine).await?;
        engine.set_level(level).await.map_err(said)?;
        // Every trigger looks; a chain as long as these tasks is not what is meant.
        let mut settings = engine.settings();
        settings.triggers.chain_bound = 10_000;
        engine.save_settings(settings).await.map_err(said)?;
        agent.call(method::RECORD, action(0)).await?;
        agent.call(method::CHECK, check("past", READS, 0)).await?;
        anyhow::Ok(())
    })?;
    drop(desk);
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let store = Store::open(&home.database())?;
    let model = Arc::new(Model::of(&store)?);
    let fill = |of: fn(&Write<'_>, &Model, usize) -> Result<(), StoreError>,
                from: usize,
                count: usize| {
        (from..count).step_by(COMMIT).try_for_each(|first| {
            let model = Arc::clone(&model);
            let part = move |write: &Write<'_>| {
                (first..count.min(first + COMMIT)).try_for_each(|number| of(write, &model, number))
            };
            runtime.block_on(store.write(part))
        })
    };
    fill(keep_rule, 0, RULES)?;
    fill(keep_action, 1, RECORDED)?;
    fill(keep_check, 1, CHECKS)?;
    Ok(home)
}

/// What the first check was answered, to be copied.
struct Model {
    answer: String,
    hash: String,
    judged: Judged,
    gave: Verdict,
    measured: Measures,
}

impl Model {
    fn of(store: &Store) -> anyhow::Result<Self> {
        let (row, past) = store.read(|read| {
            let row = read.check_by_key(AGENT, "past-0")?;
            Ok((row, read.past_checks(DateTime::UNIX_EPOCH, 1)?.pop()))
        })?;
        let (row, past) = row.zip(past).context("the first check is there")?;
        Ok(Self {
            answer: row.answer,
            hash: row.hash,
            judged: serde_json::from_str(&past.judged)?,
            gave: serde_json::from_str(&past.gave)?,
            measured: serde_json::from_str(&past.measured)?,
        })
    }
}

fn keep_rule(write: &Write<'_>, _: &Model, number: usize) -> Result<(), StoreError> {
    let count = |effect: &str| {
        json!({ "name": effect, "agent": AGENT, "tool": format!("tool.{effect}"),
            "does": "counts", "effect": effect, "when": { "args": { "path": "any" } } })
    };
    let hold = || {
        // Some of them look at the very calls that are measured.
        let tool = match number % 50 {
            0 => READS.to_owned(),
            1 => CHANGES.to_owned(),
            other => format!("tool.{other}"),
        };
        json!({ "name": format!("rule {number}"), "agent": AGENT, "does": "hold", "tool": tool,
            "why": "It is much.",
            "when": { "expr": format!("has(args.amount) && args.amount > {number}") } })
    };
    let rule = match number {
        0 => count("read"),
        1 => count("reversible"),
        _ => hold(),
    };
    write.add_rule(&serde_json::from_value(rule)?, SystemClock.now()).map(drop)
}

fn keep_action(write: &Write<'_>, _: &Model, number: usize) -> Result<(), StoreError> {
    let RecordAction { task, action, .. } = serde_json::from_value(action(number))?;
    let now = SystemClock.now();
    if let TaskRef::Whole(task) = &task
        && number.is_multiple_of(OF_A_TASK)
    {
        write.keep_task(AGENT, task, None, now)?;
    }
    let new = NewAction {
        task: task.id(),
        action: &action,
        hash: &action.hash(),
        effect: action.effect,
        found: true,
        source: "agent says",
        drafted: false,
    };
    write.keep_action(AGENT, &new, now)
}

fn keep_check(write: &Write<'_>, model: &Model, number: usize) -> Result<(), StoreError> {
    let asked = check("past", READS, number);
    let check: Check = serde_json::from_value(asked.clone())?;
    let hash = action_hash(&check.tool, &check.args);
    let new = NewCheck {
        task: check.task.id().to_owned(),
        key: check.key,
        step: None,
        tool: check.tool,
        asked: asked.to_string(),
        answer: model.answer.replace(&model.hash, &hash),
        hash,
        verdict: "run",
        judged: model.judged.clone(),
        gave: model.gave,
        effect: Effect::Read,
        mandatory: false,
        level: Level::Execute,
        evidence: Vec::new(),
        measured: model.measured,
        handoff: None,
        rule: None,
    };
    write.keep_check(AGENT, &new, SystemClock.now())
}

/// Asks a desk with a past: a read, and a change.
fn answers(desk: &Hosted, scratch: &Path) -> anyhow::Result<Vec<Measured>> {
    let timed = desk.engine.clone();
    desk.runtime.spawn(async move { timed.run().await });
    let agent = desk.runtime.block_on(Caller::connect(&desk.engine))?;
    let bare = Bare::open(scratch)?;
    let mut floor = Vec::new();
    for number in 0..SAMPLES {
        let text = check("floor", READS, number).to_string();
        let start = Instant::now();
        bare.insert(&text)?;
        floor.push(millis(start.elapsed()));
    }
    let mut rows = Vec::new();
    for tool in [READS, CHANGES] {
        let mut samples = Vec::new();
        for number in 0..SAMPLES {
            let asked = check(tool, tool, number);
            let start = Instant::now();
            let answer = desk.runtime.block_on(agent.call(method::CHECK, asked))?;
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

fn replays(desk: &Hosted) -> anyhow::Result<Measured> {
    let mut samples = Vec::new();
    for _ in 0..REPLAYS {
        let level = LevelTried { agent: AGENT.to_owned(), task: None, level: Level::Suggest };
        let change = ReplayRequest { level: Some(level), ..ReplayRequest::default() };
        let start = Instant::now();
        let replay = desk.engine.replay(&change).map_err(said)?;
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
    async fn connect(engine: &Engine) -> anyhow::Result<Self> {
        let caller = Self(engine.open(Arc::new(|_, _: &Value| {})));
        let token = "t".repeat(40);
        caller.call(method::HELLO, json!({ "name": AGENT, "token": token })).await?;
        Ok(caller)
    }

    async fn call(&self, method: &str, params: Value) -> anyhow::Result<Value> {
        let params = to_raw_value(&params)?;
        let answer = Arc::clone(&self.0).call(method.to_owned(), Some(params)).await;
        let answer = answer.map_err(|error| anyhow!("{}", error.message))?;
        Ok(serde_json::from_str(answer.get())?)
    }
}

fn task(number: usize) -> Value {
    json!({ "id": format!("task-{}", number / OF_A_TASK), "title": "Measure", "goal": "Figures" })
}

fn action(number: usize) -> Value {
    json!({ "task": task(number), "action": {
        "id": format!("a-{number}"), "tool": READS,
        "input": { "path": format!("/data/{}", number % 97) },
        "output": { "size": number, "text": "a line of some length that was read from there" },
        "effect": "read", "status": "done" } })
}

fn check(key: &str, tool: &str, number: usize) -> Value {
    json!({ "task": task(number % RECORDED), "tool": tool, "key": format!("{key}-{number}"),
        "effect": "read", "args": { "path": format!("/new/{number}") },
        "undo": { "kind": "tool", "tool": "back", "args": {} } })
}
