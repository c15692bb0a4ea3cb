//! Another program that holds the database.

use std::sync::Arc;
use std::time::Duration;

use handoff_domain::lifecycle::State;
use handoff_engine::Engine;
use handoff_protocol::wire::ErrorCode;
use handoff_store::{Disk, Store};
use handoff_testkit::{FakeClock, RecordingNotifier, RecordingRunner};
use serde_json::json;

use crate::agent::{Agent, code, handoff};

#[tokio::test]
async fn a_database_that_another_program_holds_is_said_and_nothing_is_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("desk.db");
    let disk = Disk { patience: Duration::from_millis(20), ..Disk::default() };
    let store = Store::open_on(&path, disk).unwrap();
    let engine = Engine::start(
        store,
        Arc::new(FakeClock::default()),
        Arc::new(RecordingNotifier::default()),
        Arc::new(RecordingRunner::default()),
    )
    .await
    .unwrap();
    let agent = Agent::named(&engine, "tidy").await;
    let before = agent.submit(handoff("before")).await;
    let fault = || engine.status(String::new(), String::new()).unwrap().fault;
    assert_eq!(fault(), None);

    #[expect(clippy::disallowed_methods, reason = "the other program")]
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let submit = json!({ "handoff": handoff("during") });
    let refused = agent.call("handoff.submit", submit.clone()).await;
    assert_eq!(code(refused), ErrorCode::Unavailable);
    assert!(fault().is_some_and(|fault| fault.contains("nother program")), "{:?}", fault());
    assert!(engine.tick().await.is_some(), "it looks again");
    assert!(fault().is_some(), "it is held still");
    let seen = engine.seen(&before).await.unwrap_err();
    assert_eq!(seen.0.code, ErrorCode::Unavailable, "the reviewer is not told a lie either");
    assert_eq!(engine.open_case(&before).unwrap().state, State::Ready, "reading goes on");

    other.execute_batch("COMMIT").unwrap();
    engine.tick().await;
    assert_eq!(fault(), None, "nobody had to do anything");
    let standing = agent.call("handoff.submit", submit).await.unwrap();
    assert!(standing["replayed"].is_null(), "it was not there: {standing}");
}
