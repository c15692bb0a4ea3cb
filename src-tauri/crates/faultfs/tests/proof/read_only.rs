//! The folder of a desk that runs may only be read from now on, or the right
//! to write is taken from it: the window says so, nothing is acknowledged that
//! is not stored, and once it is over nobody has to do anything.

use std::sync::Arc;
use std::time::Duration;

use handoff_engine::{Engine, Failure};
use handoff_faultfs::{Call, Cause, Disk, Fault};
use handoff_protocol::session::{Host, Session};
use handoff_protocol::wire::{ErrorCode, ErrorData};
use handoff_store::{OpenError, Store};
use handoff_testkit::{FakeClock, RecordingNotifier, RecordingRunner};
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use crate::story::payload;

async fn submit(agent: &Arc<dyn Session>, key: &str) -> Result<Value, ErrorData> {
    let handoff = payload(key, json!({ "kind": "manual_review" }));
    let params = to_raw_value(&json!({ "handoff": handoff })).unwrap();
    let answer = Arc::clone(agent).call("handoff.submit".to_owned(), Some(params)).await?;
    Ok(serde_json::from_str(answer.get()).unwrap())
}

/// Nothing that is written gets through; what is read does. Says what an agent
/// is told.
async fn no_more_writing(calls: &'static [Call], cause: Cause) -> ErrorData {
    let folder = crate::folder();
    let disk = Disk::recording().unwrap();
    let on = handoff_store::Disk { vfs: Some(disk.vfs().to_owned()), ..Default::default() };
    let store = Store::open_on(&folder.path().join("desk.db"), on).unwrap();
    let clock = FakeClock::default();
    let notifier = Arc::new(RecordingNotifier::default());
    let runner = Arc::new(RecordingRunner::default());
    let engine = Engine::start(store, Arc::new(clock.clone()), notifier, runner).await.unwrap();
    let agent = engine.open(Arc::new(|_, _| {}));
    let name = to_raw_value(&json!({ "name": "tidy" })).unwrap();
    Arc::clone(&agent).call("agent.hello".to_owned(), Some(name)).await.unwrap();
    let before = submit(&agent, "before").await.unwrap()["id"].as_str().unwrap().to_owned();
    // What the notification has written behind the answer is over.
    let quiet = async {
        while engine.open_case(&before).unwrap().thread.iter().all(|one| one.event != "notified") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), quiet).await.unwrap();
    let fault = || engine.status(String::new(), String::new()).unwrap().fault;
    assert_eq!(fault(), None);

    disk.arm(Fault { calls, nth: 1, cause, lasting: true });
    let refused = submit(&agent, "during").await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Unavailable, "{refused:?}");
    assert!(refused.retryable && refused.message.contains("cannot be written"), "{refused:?}");
    let banner = fault().expect("the window says so");
    assert!(banner.contains(&refused.message) && banner.contains(&refused.hint), "{banner}");
    assert!(engine.open_case(&before).is_ok(), "reading goes on");
    let seen = engine.seen(&before).await.unwrap_err();
    assert_eq!(seen.0.code, ErrorCode::Unavailable, "the reviewer is not told a lie either");
    clock.pass(Duration::from_secs(6));
    assert!(engine.tick().await.is_some(), "it looks again");
    let banner = fault().expect("it is not over");
    assert!(banner.contains("cannot be written"), "{banner}");

    assert!(disk.lift(), "the disk has refused to be written");
    clock.pass(Duration::from_secs(6));
    engine.tick().await;
    assert_eq!(fault(), None, "nobody had to do anything");
    let standing = submit(&agent, "during").await.unwrap();
    assert!(standing["replayed"].is_null(), "it was not there: {standing}");
    refused
}

#[tokio::test]
async fn a_file_system_that_may_only_be_read_from_now_on_is_said_until_it_is_over() {
    let calls = &[Call::Write, Call::Truncate, Call::Delete];
    let refused = no_more_writing(calls, Cause::ReadOnly).await;
    assert!(refused.message.contains("readonly"), "{refused:?}");
}

#[tokio::test]
async fn a_disk_that_takes_no_writes_any_more_is_said_until_it_is_over() {
    let calls = &[Call::Write, Call::Open, Call::Truncate, Call::Delete];
    no_more_writing(calls, Cause::Device).await;
}

/// The right to open what is in the folder is gone, from the first call that
/// opens something: nothing has been written by then, and that is known.
#[tokio::test]
async fn a_folder_without_permission_is_said_with_what_to_do() {
    let folder = crate::folder();
    let path = folder.path().join("desk.db");
    let disk = Disk::recording().unwrap();
    let on = || handoff_store::Disk { vfs: Some(disk.vfs().to_owned()), ..Default::default() };
    drop(Store::open_on(&path, on()).unwrap());
    disk.arm(Fault { calls: &[Call::Open], nth: 1, cause: Cause::ReadOnly, lasting: true });
    let refused = match Store::open_on(&path, on()) {
        Err(OpenError::Store(error)) => Failure::from(error),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused.0.code, ErrorCode::Unavailable);
    assert!(refused.0.hint.contains("folder writable"), "{refused:?}");
    disk.lift();
    Store::open_on(&path, on()).unwrap();
}
