//! A home in which many handoffs are stored. One that waits and one that is
//! over are made by an agent and a reviewer; all others are copies of these
//! under other names, written through the store in large commits.

use std::path::Path;

use anyhow::{Context, anyhow, bail};
use chrono::TimeDelta;
use handoff_domain::lifecycle::{Outcome, Report};
use handoff_protocol::view::Settings;
use handoff_protocol::wire::{Reconcile, Standing, method};
use handoff_store::{Entry, ListPart, NewHandoff, Page, Proposal, Row, Store, StoreError, Write};
use handoff_transport::home::Home;
use serde_json::json;
use tokio::runtime::Runtime;

use crate::case;
use crate::desk::{Agent, Desk};
use crate::release::{approve, collect, said, wait};

/// How many are stored.
pub const STORED: usize = 100_000;
/// How many agents they are from.
const AGENTS: usize = 20;
/// One in so many waits for the reviewer; the others are over.
const WAITING: usize = 10;
/// How many share a commit.
const COMMIT: usize = 5_000;

/// Words that make the questions differ: each stands in a few of a hundred.
const WORDS: [&str; 24] = [
    "amber", "basalt", "cedar", "delta", "ember", "fjord", "garnet", "harbor", "indigo", "jasper",
    "kelp", "lagoon", "maple", "nectar", "onyx", "prairie", "quartz", "raven", "saffron", "tundra",
    "umber", "velvet", "willow", "zephyr",
];

/// Makes one below `scratch`, with the search index caught up and nobody in it.
pub fn home(scratch: &Path) -> anyhow::Result<Home> {
    with(scratch, STORED, WAITING)
}

/// The same in which all but one wait for the reviewer.
pub fn all_open(scratch: &Path) -> anyhow::Result<Home> {
    with(scratch, STORED, 1)
}

/// The same with another number of them.
pub fn that_wait(scratch: &Path, count: usize) -> anyhow::Result<Home> {
    with(scratch, count, 1)
}

fn with(scratch: &Path, count: usize, one_in: usize) -> anyhow::Result<Home> {
    let desk = Desk::open(scratch)?;
    let home = desk.home().clone();
    for number in 0..AGENTS {
        Agent::connect(&home, &agent(number))?;
    }
    models(&desk)?;
    drop(desk);
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let store = Store::open(&home.database())?;
    copy(&runtime, &store, count, one_in)?;
    let counts = store.read(|read| read.counts())?;
    let stored: usize = counts.iter().map(|count| usize::try_from(*count).unwrap_or(0)).sum();
    if stored != count {
        bail!("{stored} of {count} handoffs were stored");
    }
    Ok(home)
}

/// A question that only this number has, and words that others have too.
pub fn question(number: usize) -> String {
    let word = |step: usize| WORDS.get(number / step % WORDS.len()).copied().unwrap_or_default();
    format!("Refund case{number} of the {} {} account, or only a part?", word(1), word(24))
}

fn agent(number: usize) -> String {
    format!("agent-{}", number % AGENTS)
}

/// One that waits and was announced, and one that an agent has reported on.
fn models(desk: &Desk) -> anyhow::Result<()> {
    let settings = Settings { hold_s: 0, ..desk.engine().settings() };
    desk.run(desk.engine().save_settings(settings)).map_err(said)?;
    let mut agent = Agent::connect(desk.home(), &agent(0))?;
    agent.submit(&case::refund("model-0")?)?;
    let over = agent.submit(&case::refund("model-1")?)?.id;
    let view = desk.engine().open_case(&over).map_err(said)?;
    desk.run(desk.engine().decide(approve(&view)?)).map_err(said)?;
    let answered = wait(&mut agent, &over)?;
    collect(&mut agent, &answered)?;
    let report =
        Report { outcome: Outcome::Applied, why: None, steps: Vec::new(), unmet: Vec::new() };
    let _reported: Standing =
        agent.client().call(method::RECONCILE, &Reconcile { id: over, report })?;
    Ok(())
}

/// A handoff with all there is to copy of it.
struct Model {
    row: Row,
    json: String,
    entries: Vec<Entry>,
}

fn copy(runtime: &Runtime, store: &Store, count: usize, one_in: usize) -> anyhow::Result<()> {
    let model = |list| {
        store.read(|read| {
            let page = Page { list: Some(list), limit: 1, ..Page::default() };
            let Some(row) = read.page(&page)?.0.pop() else { return Ok(None) };
            let seq = row.record.seq;
            let json = read.payload(seq, row.record.progress.revision)?.unwrap_or_default();
            Ok(Some(Model { row, json, entries: read.entries(seq)? }))
        })
    };
    let waiting = model(ListPart::Inbox)?.context("nothing waits")?;
    let over = model(ListPart::Done)?.context("nothing is over")?;
    let models = std::sync::Arc::new([waiting, over]);
    for first in (2..count).step_by(COMMIT) {
        let models = std::sync::Arc::clone(&models);
        runtime
            .block_on(store.write(move |write| {
                (first..count.min(first + COMMIT)).try_for_each(|number| {
                    let [waiting, over] = &*models;
                    let model = if number % one_in == 0 { waiting } else { over };
                    one(write, model, number)
                })
            }))
            .map_err(|error| anyhow!("{error}"))?;
        runtime.block_on(store.index())?;
    }
    Ok(())
}

fn one(write: &Write<'_>, model: &Model, number: usize) -> Result<(), StoreError> {
    let Row { record, title, effect, outcome } = &model.row;
    let (key, question) = (format!("stored-{number}"), question(number));
    // One after the other, and each runs out at another time.
    let shift = TimeDelta::milliseconds(i64::try_from(number).unwrap_or_default());
    let mut progress = record.progress.clone();
    progress.timing.respond_by += shift * 500;
    let new = NewHandoff {
        id: format!("h-{number:020x}"),
        agent: agent(number),
        key: key.clone(),
        proposal: Proposal {
            fingerprint: format!("{number:064x}"),
            json: model.json.replace(&record.key, &key).replace(&record.question, &question),
            task: record.task.clone(),
            title: title.clone(),
            question,
            priority: record.priority,
            effect: *effect,
            high: *effect == Some(handoff_domain::action::Effect::Irreversible),
            traits: record.traits.clone(),
        },
    };
    let received = record.received_at - TimeDelta::days(7) + shift * 1000;
    let seq = write.insert(&new, &progress, received)?.seq;
    if let Some(outcome) = outcome {
        write.set_outcome(seq, outcome, false)?;
    }
    for entry in model.entries.iter().filter(|entry| !entry.kind.ends_with("notified")) {
        write.log(seq, entry)?;
    }
    let announced = Entry {
        at: received,
        actor: "System".to_owned(),
        kind: "notified".to_owned(),
        data: json!({ "warning": false }),
    };
    write.log(seq, &announced)
}
