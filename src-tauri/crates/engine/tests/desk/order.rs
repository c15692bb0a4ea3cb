//! A wait registers first and reads then: what happens in between is missed by
//! nobody.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use handoff_domain::lifecycle::State;
use handoff_engine::Engine;
use handoff_protocol::view::Liveness;
use handoff_store::{AfterRead, Disk, Store};
use handoff_testkit::{FakeClock, RecordingNotifier, RecordingRunner};
use serde_json::json;

use crate::agent::{Agent, approve, handoff, request_to};

/// What is to happen after the next reads, until it says that it did.
type Armed = Arc<Mutex<Option<Box<dyn FnMut() -> bool + Send>>>>;

/// A disk after whose reads happens what is armed.
fn disk(armed: &Armed) -> Disk {
    let armed = Arc::clone(armed);
    let after = move || {
        // What it does reads, too: nothing is armed meanwhile.
        let taken = armed.lock().unwrap().take();
        if let Some(mut happens) = taken
            && !happens()
        {
            *armed.lock().unwrap() = Some(happens);
        }
    };
    Disk { after_read: AfterRead(Some(Arc::new(after))), ..Disk::default() }
}

/// Releases what is due while the thread that asks stands still.
fn release(engine: &Engine) {
    let due = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(engine.tick());
    };
    std::thread::scope(|scope| scope.spawn(due).join().unwrap());
}

#[tokio::test]
async fn a_decision_that_is_released_right_after_the_look_for_it_is_not_missed() {
    let folder = tempfile::tempdir().unwrap();
    let armed = Armed::default();
    let store = Store::open_on(&folder.path().join("desk.db"), disk(&armed)).unwrap();
    let clock = FakeClock::default();
    let (notifier, runner) = (RecordingNotifier::default(), RecordingRunner::default());
    let engine =
        Engine::start(store, Arc::new(clock.clone()), Arc::new(notifier), Arc::new(runner));
    let engine = engine.await.unwrap();
    let agent = Agent::named(&engine, "tidy").await;
    let id = agent.submit(handoff("k")).await;
    engine.decide(request_to(&engine, &id, approve("trash"))).await.unwrap();
    clock.pass(Duration::from_secs(31));

    let (looked, desk) = (Arc::new(AtomicBool::new(false)), engine.clone());
    let happens = {
        let (looked, id) = (Arc::clone(&looked), id.clone());
        move || {
            let case = desk.open_case(&id).unwrap();
            let waits = case.liveness == Liveness::Listening;
            if waits {
                assert_eq!(case.state, State::Decided, "what was read is not released yet");
                release(&desk);
                looked.store(true, Ordering::SeqCst);
            }
            waits
        }
    };
    *armed.lock().unwrap() = Some(Box::new(happens));
    let told = agent.wait(&id, 3).await;
    assert!(looked.load(Ordering::SeqCst), "it was released while the agent waited");
    assert_eq!((&told["state"], &told["act"]), (&json!("released"), &json!(true)), "{told}");
}
