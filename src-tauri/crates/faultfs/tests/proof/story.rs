//! The whole story of some handoffs on a desk without a window, told to the
//! end whatever fails on the way: who gets an error does what its hint says,
//! and tries again.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use handoff_domain::decision::Answer;
use handoff_domain::lifecycle::State;
use handoff_engine::Engine;
use handoff_faultfs::Disk;
use handoff_protocol::session::{Host, Session};
use handoff_protocol::view::Settings;
use handoff_protocol::wire::{ErrorCode, ErrorData};
use handoff_store::{Page, Store};
use handoff_testkit::reviewer::answering;
use handoff_testkit::{FakeClock, RecordingNotifier, RecordingRunner};
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

/// How often something is tried before it counts as stuck.
const TRIES: usize = 5;

/// What is known of each handoff: where it stands, which proposal is in force,
/// and what happened to it, but for the notifications, which nobody is told of.
pub type Facts = BTreeMap<String, (State, u32, Vec<String>)>;

/// What was acknowledged when the first call failed.
#[derive(Debug, Default)]
pub struct Told {
    /// The events, each of one handoff.
    pub events: Vec<(String, &'static str)>,
    /// When the first call failed, as a position in the log.
    pub failed_at: Option<usize>,
    /// How many of the events were acknowledged by then.
    pub before: usize,
    /// How many calls failed.
    pub failures: usize,
}

/// Tells the story on this disk; the fault is armed, and lifted once something
/// has failed twice.
pub async fn tell(folder: &Path, disk: &Disk) -> Told {
    let clock = FakeClock::default();
    let mut teller = Teller { disk, clock: clock.clone(), told: Told::default() };
    let engine = teller.start(&folder.join("desk.db"), &clock).await;
    let agent = Agent(engine.open(Arc::new(|_, _| {})));
    teller.call(&agent, "agent.hello", json!({ "name": "tidy" })).await;
    teller
        .retry("settings", async || {
            engine.save_settings(Settings::default()).await.map_err(|failure| *failure.0)
        })
        .await;

    let done = teller.submit(&agent, payload("done", json!({ "kind": "manual_review" }))).await;
    let withdrawn = teller.submit(&agent, payload("gone", json!({ "kind": "escalate" }))).await;
    let default = json!({ "kind": "safe_default", "option": "keep" });
    let default = teller.submit(&agent, payload("default", default)).await;
    let escalated = teller.submit(&agent, payload("late", json!({ "kind": "escalate" }))).await;

    let mut again = payload("done", json!({ "kind": "manual_review" }));
    again["summary"] = json!("Three files are the same, and one is empty.");
    teller.call(&agent, "handoff.revise", json!({ "id": done, "handoff": again })).await;
    teller.is(&done, "revised");
    teller.retry("open", async || engine.seen(&done).await.map_err(|failure| *failure.0)).await;
    teller.is(&done, "opened");
    teller.decide(&engine, &done, "trash").await;
    teller.retry("undo", async || engine.undo(&done).await.map_err(|failure| *failure.0)).await;
    teller.is(&done, "undone");
    teller.decide(&engine, &done, "trash").await;
    clock.pass(Duration::from_secs(31));
    teller.tick_until(&engine, &done, "released").await;

    let offer = teller.call(&agent, "handoff.wait", json!({ "id": done, "timeout_s": 0 })).await;
    assert_eq!(offer["act"], true, "the only agent may act: {offer}");
    teller.call(&agent, "agent.ack", json!({ "id": offer["lease"]["id"] })).await;
    teller.is(&done, "collected");
    let report = json!({ "id": done, "report": { "outcome": "applied" } });
    teller.call(&agent, "handoff.reconcile", report).await;
    teller.is(&done, "reconciled");
    teller.call(&agent, "handoff.withdraw", json!({ "id": withdrawn })).await;
    teller.is(&withdrawn, "withdrawn");
    let found = teller.call(&agent, "handoff.list", json!({ "search": "files" })).await;
    assert_eq!(found["total"], 4, "the search finds all: {found}");
    teller.ask_the_gate(&engine, &agent).await;

    clock.pass(Duration::from_secs(460));
    teller.tick_until(&engine, &default, "warned").await;
    teller.tick_until(&engine, &escalated, "warned").await;
    clock.pass(Duration::from_mins(5));
    teller.tick_until(&engine, &default, "default_taken").await;
    teller.tick_until(&engine, &escalated, "escalated").await;
    teller.tick_until(&engine, &escalated, "alerted").await;
    teller.told
}

/// What a store holds.
pub fn facts(store: &Store) -> Result<Facts, handoff_store::StoreError> {
    store.read(|read| {
        let (rows, _) = read.page(&Page { limit: u32::MAX, ..Page::default() })?;
        rows.into_iter()
            .map(|row| {
                let record = row.record;
                let mut kinds: Vec<String> =
                    read.entries(record.seq)?.into_iter().map(|entry| entry.kind).collect();
                kinds.retain(|kind| kind != "notified" && kind != "not_notified");
                Ok((record.id, (record.progress.state(), record.progress.revision, kinds)))
            })
            .collect()
    })
}

struct Agent(Arc<dyn Session>);

struct Teller<'a> {
    disk: &'a Disk,
    clock: FakeClock,
    told: Told,
}

impl Teller<'_> {
    async fn start(&mut self, path: &Path, clock: &FakeClock) -> Engine {
        for _ in 0..TRIES {
            let on = handoff_store::Disk {
                vfs: Some(self.disk.vfs().to_owned()),
                checkpoint_pages: 40,
                ..handoff_store::Disk::default()
            };
            let store = match Store::open_on(path, on) {
                Ok(store) => store,
                Err(error) => {
                    self.failed("open the store", &error.to_string());
                    continue;
                }
            };
            let notifier = Arc::new(RecordingNotifier::default());
            let runner = Arc::new(RecordingRunner::default());
            match Engine::start(store, Arc::new(clock.clone()), notifier, runner).await {
                Ok(engine) => return engine,
                Err(failure) => self.failed("start", &failure.0.message),
            }
        }
        panic!("the desk does not start after the fault has ended");
    }

    async fn retry<T>(&mut self, what: &str, call: impl AsyncFn() -> Result<T, ErrorData>) -> T {
        for _ in 0..TRIES {
            match call().await {
                Ok(answer) => return answer,
                Err(error) => {
                    assert_eq!(error.code, ErrorCode::Unavailable, "{what}: {error:?}");
                    assert!(error.retryable && !error.hint.is_empty(), "{what}: {error:?}");
                    self.failed(what, &error.message);
                }
            }
        }
        panic!("{what}: it does not go on after the fault has ended");
    }

    async fn call(&mut self, agent: &Agent, method: &str, params: Value) -> Value {
        let params = to_raw_value(&params).unwrap();
        let answer = self
            .retry(method, async || {
                Arc::clone(&agent.0).call(method.to_owned(), Some(params.clone())).await
            })
            .await;
        serde_json::from_str(answer.get()).unwrap()
    }

    async fn submit(&mut self, agent: &Agent, payload: Value) -> String {
        let standing = self.call(agent, "handoff.submit", json!({ "handoff": payload })).await;
        let id = standing["id"].as_str().unwrap().to_owned();
        self.is(&id, "submitted");
        id
    }

    /// A call is held, approved, and let through once, by whichever key.
    async fn ask_the_gate(&mut self, engine: &Engine, agent: &Agent) {
        let held = self.call(agent, "action.check", a_delete("k-1")).await;
        let id = held["handoff_id"].as_str().unwrap().to_owned();
        self.is(&id, "submitted");
        self.decide(engine, &id, "run").await;
        self.clock.pass(Duration::from_secs(31));
        self.tick_until(engine, &id, "released").await;
        let ran = self.call(agent, "action.check", a_delete("k-2")).await;
        assert_eq!((&ran["verdict"], &ran["handoff_id"]), (&json!("run"), &json!(id)), "{ran}");
        self.is(&id, "permit_used");
        let told = self.call(agent, "action.check", a_delete("k-2")).await;
        assert_eq!(told["verdict"], "run", "the same question is answered the same: {told}");
        let other = self.call(agent, "action.check", a_delete("k-3")).await;
        assert_eq!(other["verdict"], "held", "a permit is used once: {other}");
        self.is(other["handoff_id"].as_str().unwrap(), "submitted");
    }

    async fn decide(&mut self, engine: &Engine, id: &str, option: &str) {
        self.retry("decide", async || {
            let case = engine.open_case(id).map_err(|failure| *failure.0)?;
            let yes = Answer::Approve { option: option.to_owned() };
            engine.decide(answering(&case, yes)).await.map_err(|failure| *failure.0)
        })
        .await;
        self.is(id, "decided");
    }

    /// Lets the desk look at its timers until this has happened.
    async fn tick_until(&mut self, engine: &Engine, id: &str, event: &'static str) {
        for _ in 0..TRIES {
            engine.tick().await;
            let happened = engine
                .open_case(id)
                .map(|case| case.thread.into_iter().any(|entry| entry.event == event));
            match happened {
                Ok(true) => return self.is(id, event),
                Ok(false) => {
                    self.failed(event, "the timers did not act");
                    // They try again, but not at once.
                    self.clock.pass(Duration::from_secs(6));
                }
                Err(failure) => self.failed(event, &failure.0.message),
            }
        }
        panic!("{event}: it does not happen after the fault has ended");
    }

    /// This was acknowledged.
    fn is(&mut self, id: &str, event: &'static str) {
        self.told.events.push((id.to_owned(), event));
    }

    fn failed(&mut self, what: &str, error: &str) {
        assert!(!error.is_empty(), "{what} failed without a word");
        if self.told.failed_at.is_none() {
            assert!(self.disk.struck(), "{what} failed, and the disk had not: {error}");
            self.told.failed_at = Some(self.disk.position());
            self.told.before = self.told.events.len();
        } else {
            self.disk.lift();
        }
        self.told.failures += 1;
    }
}

/// A call that always asks.
pub fn a_delete(key: &str) -> Value {
    let task = json!({ "id": "g", "title": "Clear", "goal": "Delete what is there twice" });
    json!({ "task": task, "tool": "files.delete", "key": key, "args": { "path": "a" } })
}

/// A handoff that says what happens when nobody answers.
pub fn payload(key: &str, on_timeout: Value) -> Value {
    json!({
        "version": "1",
        "key": key,
        "task": { "id": "t", "title": "Tidy", "goal": "Sort the files" },
        "reason": { "code": "approval_required" },
        "priority": "normal",
        "summary": "Three files are the same.",
        "pending_question": { "text": "Which of them go?", "step": "sort" },
        "plan": { "steps": [ { "id": "sort", "title": "Sort", "status": "pending" } ] },
        "options": [
            { "id": "trash", "label": "Move two to the trash", "recommended": true,
              "risk": { "level": "low", "effect": "reversible", "why": "They come back." },
              "action": { "tool": "files.move", "args": { "paths": ["a", "b"] } } },
            { "id": "keep", "label": "Keep all",
              "risk": { "level": "low", "effect": "read", "why": "Nothing changes." } }
        ],
        "deadline": { "respond_within_s": 600, "warn_before_s": 120, "on_timeout": on_timeout }
    })
}
