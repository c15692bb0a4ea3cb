//! A disk that is full, for real: a file system of its own, filled to the end.

use std::fs::File;
use std::io::Write as _;
use std::time::Duration;

use handoff_domain::lifecycle::State;
use handoff_faultfs::{Call, Cause, Fault};
use handoff_protocol::wire::ErrorCode;
use handoff_store::Store;
use handoff_testkit::Headless;

use crate::agent::{Agent, approve, code, decide, engine_on, handoff, release, request_to};

#[test]
fn on_a_full_disk_answers_are_taken_and_new_handoffs_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs -o size=96m none \"$0\" && \
                  TMPDIR=\"$0\" ON_A_SMALL_DISK=1 exec \"$1\" --exact full::on_a_disk_of_its_own --ignored";
    let Some(mut script) = handoff_stage::mounts::script(script) else { return };
    let output = script.arg(folder.path()).arg(std::env::current_exe().unwrap()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[tokio::test]
#[ignore = "the other test runs it, on a file system that it may fill"]
async fn on_a_disk_of_its_own() {
    assert!(std::env::var_os("ON_A_SMALL_DISK").is_some(), "it would fill the disk");
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let id = agent.submit(handoff("k")).await;
    let reserve = desk.home.root().join("reserve");
    assert!(reserve.exists());

    let filler = std::env::temp_dir().join("filler");
    fill(&filler);
    let refused =
        agent.call("handoff.submit", serde_json::json!({ "handoff": handoff("n") })).await;
    assert_eq!(code(refused), ErrorCode::Unavailable);
    let check = crate::gate::a_delete("c");
    assert_eq!(code(agent.call("action.check", check).await), ErrorCode::Unavailable);
    let tools = serde_json::json!({ "tools": [{ "name": "move" }] });
    assert_eq!(code(agent.call("agent.tools", tools).await), ErrorCode::Unavailable);
    let status = desk.engine.status(String::new(), String::new()).unwrap();
    assert!(status.notices.iter().any(|notice| notice.contains("nearly full")), "{status:?}");

    decide(&desk, &id, approve("delete")).await;
    assert!(!reserve.exists(), "its room was needed");
    desk.engine.undo(&id).await.unwrap();
    decide(&desk, &id, approve("trash")).await;
    release(&desk).await;
    assert_eq!(agent.wait(&id, 0).await["act"], true);

    std::fs::remove_file(filler).unwrap();
    desk.clock.pass(Duration::from_secs(5));
    desk.engine.tick().await;
    assert!(reserve.exists(), "it is kept again");
    let later = agent.submit(handoff("n")).await;
    assert_eq!(desk.engine.open_case(&later).unwrap().state, State::Ready);
}

fn fill(path: &std::path::Path) {
    let mut file = File::create(path).unwrap();
    for size in [1 << 20, 4096, 1] {
        let piece = vec![b'x'; size];
        while file.write_all(&piece).is_ok() {}
    }
}

#[tokio::test]
async fn where_a_quota_is_reached_with_room_on_the_disk_an_answer_is_taken_all_the_same() {
    let disk = handoff_faultfs::Disk::forgetful().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let on = handoff_store::Disk { vfs: Some(disk.vfs().to_owned()), ..Default::default() };
    let store = Store::open_on(&folder.path().join("desk.db"), on).unwrap();
    let engine = engine_on(store).await;
    let agent = Agent::named(&engine, "tidy").await;
    let id = agent.submit(handoff("k")).await;
    let reserve = folder.path().join("reserve");
    let no_room = || {
        let fault = Fault { calls: &[Call::Write], nth: 1, cause: Cause::NoSpace, lasting: false };
        assert!(reserve.exists(), "there is plenty of room, as far as can be seen");
        disk.arm(fault);
    };
    let request = request_to(&engine, &id, approve("trash"));
    no_room();
    engine.decide(request).await.unwrap();
    assert!(disk.struck() && !reserve.exists(), "the reserve was given for it");
    assert_eq!(engine.open_case(&id).unwrap().state, State::Decided);
    engine.tick().await;
    no_room();
    engine.undo(&id).await.unwrap();
    assert!(disk.struck() && !reserve.exists(), "and for taking it back");
}
