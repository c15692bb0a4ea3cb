//! A call is held, approved and let through, and the power is cut at any point
//! on the way: the desk that comes after it knows what was acknowledged, and
//! has let the call through once at most, however often it is asked.

#![expect(clippy::similar_names, reason = "a desk on its disk, a store in its story")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use handoff_domain::decision::Answer;
use handoff_engine::Engine;
use handoff_faultfs::{Disk, Op, Platter, Seed};
use handoff_protocol::session::{Host, Session};
use handoff_protocol::view::Settings;
use handoff_store::Store;
use handoff_testkit::reviewer::answering;
use handoff_testkit::{FakeClock, RecordingNotifier, RecordingRunner};
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use crate::story::a_delete;

/// The agent that asks.
const AGENT: &str = "tidy";

/// How many times the power is cut; half of them at an acknowledgement.
const CUTS: usize = 240;

/// A desk on a disk, and its one agent.
struct Desk {
    engine: Engine,
    clock: FakeClock,
    agent: Arc<dyn Session>,
}

impl Desk {
    async fn on(folder: &Path, disk: &Disk, clock: FakeClock) -> Self {
        let on = handoff_store::Disk {
            vfs: Some(disk.vfs().to_owned()),
            checkpoint_pages: 40,
            ..handoff_store::Disk::default()
        };
        let store = Store::open_on(&folder.join("desk.db"), on).unwrap();
        let notifier = Arc::new(RecordingNotifier::default());
        let runner = Arc::new(RecordingRunner::default());
        let engine = Engine::start(store, Arc::new(clock.clone()), notifier, runner).await.unwrap();
        let agent = engine.open(Arc::new(|_, _| {}));
        Self { engine, clock, agent }
    }

    async fn call(&self, method: &str, params: Value) -> Value {
        let params = to_raw_value(&params).unwrap();
        let answer = Arc::clone(&self.agent).call(method.to_owned(), Some(params)).await.unwrap();
        serde_json::from_str(answer.get()).unwrap()
    }

    async fn check(&self, key: &str) -> Value {
        self.call("action.check", a_delete(key)).await
    }

    async fn approve(&self, id: &str) {
        let case = self.engine.open_case(id).unwrap();
        let yes = Answer::Approve { option: "run".to_owned() };
        self.engine.decide(answering(&case, yes)).await.unwrap();
    }

    /// Lets the hold pass.
    async fn release(&self) {
        self.clock.pass(Duration::from_secs(31));
        self.engine.tick().await;
    }
}

/// What was told, and at which position of the log.
struct Story {
    log: Vec<Op>,
    clock: FakeClock,
    token: Value,
    /// From here on the agent has its name.
    named: usize,
    /// The handoff behind the call, and when the agent knew of it.
    held: (String, usize),
    approved: usize,
    released: usize,
    ran: usize,
}

async fn tell() -> Story {
    let folder = crate::folder();
    let disk = Disk::recording().unwrap();
    let desk = Desk::on(folder.path(), &disk, FakeClock::default()).await;
    desk.engine.save_settings(Settings::default()).await.unwrap();
    let token = desk.call("agent.hello", json!({ "name": AGENT })).await["token"].clone();
    let named = disk.position();
    let id = desk.check("first").await["handoff_id"].as_str().unwrap().to_owned();
    let held = (id.clone(), disk.position());
    desk.approve(&id).await;
    let approved = disk.position();
    desk.release().await;
    assert_eq!(desk.engine.open_case(&id).unwrap().state.as_str(), "released");
    let released = disk.position();
    assert_eq!(desk.check("second").await["verdict"], "run");
    let ran = disk.position();
    assert_eq!(desk.check("third").await["verdict"], "held");
    let clock = desk.clock.clone();
    Story { log: disk.log(), clock, token, named, held, approved, released, ran }
}

/// Goes on after a cut at this position; says what is wrong.
async fn go_on(story: &Story, folder: &Path, disk: &Disk, at: usize, turned: bool) -> Vec<String> {
    let mut faults = Vec::new();
    let mut must = |is: bool, what: &str, seen: &Value| {
        if !is {
            faults.push(format!("{what}: {seen}"));
        }
    };
    let path = folder.join("desk.db");
    if at >= story.ran {
        let on = handoff_store::Disk { vfs: Some(disk.vfs().to_owned()), ..Default::default() };
        let store = Store::open_on(&path, on).unwrap();
        let kept = store.read(|read| read.check_by_key(AGENT, "second")).unwrap();
        let kept = kept.map(|row| row.verdict);
        must(kept.as_deref() == Some("run"), "the allowed check left no record", &json!(kept));
    }
    let desk = Desk::on(folder, disk, story.clock.clone()).await;
    desk.call("agent.hello", json!({ "name": AGENT, "token": story.token })).await;
    // With its first look, as when it runs, the desk begins the hold anew.
    desk.engine.tick().await;
    desk.release().await;
    let (id, known) = &story.held;
    let state = desk.engine.open_case(id).ok().map(|case| case.state.as_str());
    must(at < *known || state.is_some(), "the handoff of the held call is lost", &json!(state));
    let keys = if turned { ["fourth", "second"] } else { ["second", "fourth"] };
    let mut runs = Vec::new();
    for key in keys {
        let answer = desk.check(key).await;
        must(desk.check(key).await == answer, "the same question is answered otherwise", &answer);
        if answer["verdict"] == "run" {
            must(answer["handoff_id"] == **id, "it runs by no permit", &answer);
            runs.push(key);
        }
    }
    must(runs.len() <= 1, "one permit let two calls through", &json!(runs));
    let released = state == Some("released");
    must(at < story.approved || released, "the decision is lost", &json!(state));
    must(at < story.approved || runs.len() == 1, "the approval is lost", &json!(runs));
    must(at < story.ran || runs == ["second"], "the call that ran ran again", &json!(runs));
    must(
        desk.check("fifth").await["verdict"] == "held",
        "a used permit is used again",
        &json!(runs),
    );
    faults
}

#[tokio::test]
async fn a_permit_lets_one_call_through_whenever_the_power_is_cut() {
    let story = tell().await;
    let moments = [story.held.1, story.approved, story.released, story.ran];
    let mut points: Vec<usize> = (0..CUTS)
        .map(|number| {
            if number % 2 == 0 {
                moments[number / 2 % moments.len()]
            } else {
                let span = story.log.len() + 1 - story.named;
                story.named + Seed::new(number as u64, 0).below(span)
            }
        })
        .collect();
    points.sort_unstable();
    let disk = Disk::forgetful().unwrap();
    let mut platter = Platter::new(&story.log);
    let mut past = Seed::new(0, 1);
    for (number, at) in points.into_iter().enumerate() {
        platter.advance(at, &mut past);
        let image = platter.cut(&mut Seed::new(number as u64, 2));
        let folder = crate::folder();
        image.write_to(folder.path()).unwrap();
        let faults = go_on(&story, folder.path(), &disk, at, number % 3 == 0).await;
        let whole = story.log.len();
        assert!(
            faults.is_empty(),
            "cut {number}, after {at} of {whole} calls; {image}: {faults:#?}"
        );
    }
}
