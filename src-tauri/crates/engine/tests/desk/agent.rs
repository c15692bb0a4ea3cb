//! An agent in the test's own process: the same calls as over the socket.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use handoff_domain::decision::{Answer, Then};
use handoff_engine::Engine;
use handoff_protocol::session::{Host, Session};
use handoff_protocol::view::DecideRequest;
use handoff_protocol::wire::{ErrorCode, ErrorData};
use handoff_store::Store;
use handoff_testkit::{FakeClock, Headless, RecordingNotifier, RecordingRunner};
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

pub struct Agent {
    session: Arc<dyn Session>,
    pub hints: Arc<Mutex<Vec<Value>>>,
}

/// An engine on this store, with a clock of its own and nobody who listens.
pub async fn engine_on(store: Store) -> Engine {
    let clock = Arc::new(FakeClock::default());
    let (notifier, runner) = (RecordingNotifier::default(), RecordingRunner::default());
    Engine::start(store, clock, Arc::new(notifier), Arc::new(runner)).await.unwrap()
}

impl Agent {
    pub fn connect(engine: &Engine) -> Self {
        let hints: Arc<Mutex<Vec<Value>>> = Arc::default();
        let heard = Arc::clone(&hints);
        let push = move |_: &'static str, params: &Value| {
            heard.lock().unwrap().push(params.clone());
        };
        Self { session: engine.open(Arc::new(push)), hints }
    }

    pub async fn named(engine: &Engine, name: &str) -> Self {
        let agent = Self::connect(engine);
        agent.call("agent.hello", json!({ "name": name })).await.expect("hello");
        agent
    }

    pub async fn call(&self, method: &str, params: Value) -> Result<Value, ErrorData> {
        self.begin(method, params).await
    }

    /// Sends a call; its answer comes from what is given back.
    pub fn begin(
        &self,
        method: &str,
        params: Value,
    ) -> impl Future<Output = Result<Value, ErrorData>> + use<> {
        let params = to_raw_value(&params).unwrap();
        let reply = Arc::clone(&self.session).call(method.to_owned(), Some(params));
        async move { Ok(serde_json::from_str(reply.await?.get()).unwrap()) }
    }

    pub async fn submit(&self, handoff: Value) -> String {
        let standing = self.call("handoff.submit", json!({ "handoff": handoff })).await;
        standing.expect("accepted")["id"].as_str().unwrap().to_owned()
    }

    pub async fn wait(&self, id: &str, timeout_s: u32) -> Value {
        let params = json!({ "id": id, "timeout_s": timeout_s });
        self.call("handoff.wait", params).await.expect("waited")
    }

    pub async fn get(&self, id: &str) -> Value {
        self.call("handoff.get", json!({ "id": id })).await.expect("there")
    }

    /// Starts waiting, and returns once the desk knows it.
    pub async fn listen(
        &self,
        desk: &Headless,
        id: &str,
    ) -> tokio::task::JoinHandle<Result<Value, ErrorData>> {
        let mut changes = desk.engine.follow();
        let session = Arc::clone(&self.session);
        let params = to_raw_value(&json!({ "id": id })).unwrap();
        let waiting = tokio::spawn(async move {
            let answer = session.call("handoff.wait".to_owned(), Some(params)).await?;
            Ok(serde_json::from_str(answer.get()).unwrap())
        });
        changes.recv().await.expect("the wait is registered");
        waiting
    }

    pub fn hang_up(self) {
        self.session.close();
    }
}

pub fn handoff(key: &str) -> Value {
    json!({
        "version": "1",
        "key": key,
        "task": { "id": "t", "title": "Tidy", "goal": "Sort the files" },
        "reason": { "code": "approval_required" },
        "priority": "high",
        "summary": "Three files are the same.",
        "pending_question": { "text": "Delete two of them?", "step": "delete" },
        "plan": { "steps": [
            { "id": "scan", "title": "Scan", "status": "done" },
            { "id": "delete", "title": "Delete", "status": "pending", "depends_on": ["scan"] },
            { "id": "index", "title": "Write an index", "status": "pending", "depends_on": ["scan"] },
            { "id": "report", "title": "Report", "status": "pending", "depends_on": ["delete"] }
        ] },
        "options": [
            { "id": "delete", "label": "Delete two",
              "risk": { "level": "medium", "effect": "irreversible", "why": "They are gone." },
              "action": { "tool": "files.delete", "args": { "paths": ["a", "b"] },
                "args_schema": { "type": "object", "required": ["paths"],
                  "properties": { "paths": { "type": "array", "items": { "enum": ["a", "b"] } } } } } },
            { "id": "trash", "label": "Move two to the trash", "recommended": true,
              "risk": { "level": "low", "effect": "reversible", "why": "They can be moved back." },
              "action": { "tool": "files.move", "args": { "paths": ["a", "b"] } } },
            { "id": "keep", "label": "Keep all",
              "risk": { "level": "low", "effect": "read", "why": "Nothing changes." } }
        ],
        "actions_taken": [
            { "id": "a1", "step": "scan", "tool": "files.scan", "input": { "folder": "." },
              "output": { "files": 3 }, "effect": "read", "status": "done" } ],
        "briefing": { "intent": "Less clutter", "constraints": [
            { "text": "At least one file goes.", "expr": "!has(args.paths) || size(args.paths) > 0" } ] },
        "deadline": { "respond_within_s": 3600, "on_timeout": { "kind": "manual_review" } }
    })
}

/// The request the window would send for this answer to what is shown now.
pub fn request(desk: &Headless, id: &str, answer: Answer) -> DecideRequest {
    request_to(&desk.engine, id, answer)
}

/// The same to an engine that stands alone.
pub fn request_to(engine: &Engine, id: &str, answer: Answer) -> DecideRequest {
    let case = engine.open_case(id).unwrap();
    let shown_hash = match &answer {
        Answer::Approve { option } | Answer::Modify { option, .. } => case
            .options
            .iter()
            .find(|shown| shown.id == *option)
            .and_then(|shown| shown.action.as_ref())
            .map(|action| action.hash.clone()),
        Answer::Inform { .. } | Answer::Reject { .. } | Answer::TakeOver { .. } => None,
    };
    DecideRequest {
        id: id.to_owned(),
        revision: case.revision,
        answer,
        shown_hash,
        confirmed: true,
        overriding: None,
        message: None,
    }
}

pub fn approve(option: &str) -> Answer {
    Answer::Approve { option: option.to_owned() }
}

pub fn reject(then: Then) -> Answer {
    Answer::Reject { reason: "Not today".to_owned(), then }
}

pub async fn decide(desk: &Headless, id: &str, answer: Answer) {
    desk.engine.decide(request(desk, id, answer)).await.expect("decided");
}

/// Lets the hold pass.
pub async fn release(desk: &Headless) {
    desk.clock.pass(Duration::from_secs(31));
    desk.engine.tick().await;
}

pub async fn decide_and_release(desk: &Headless, id: &str, answer: Answer) {
    decide(desk, id, answer).await;
    release(desk).await;
}

pub fn code<T: std::fmt::Debug>(outcome: Result<T, ErrorData>) -> ErrorCode {
    outcome.expect_err("refused").code
}

/// Waits for a change after which `seen` holds.
pub async fn until(desk: &Headless, seen: impl Fn() -> bool) {
    let mut changes = desk.engine.follow();
    let patience = async {
        while !seen() {
            changes.recv().await.expect("the desk runs");
        }
    };
    tokio::time::timeout(Duration::from_secs(10), patience).await.expect("it never happened");
}
