//! What the record counts of asking and answering.

use std::time::Duration;

use handoff_domain::autonomy::Level;
use handoff_protocol::view::{ReplayRequest, Settings};
use serde_json::json;

use crate::agent::{approve, decide, decide_and_release, handoff, release};
use crate::gate::{AGENT, a_move, action, ask, desk, set};

#[tokio::test]
async fn a_question_stays_one_whatever_its_key_or_another_is_answered_afterwards() {
    for again in ["k1", "k2"] {
        let (desk, agent) = desk().await;
        let id = ask(&agent, a_move("k1")).await["handoff_id"].as_str().unwrap().to_owned();
        decide_and_release(&desk, &id, approve("run")).await;
        assert_eq!(ask(&agent, a_move(again)).await["ran"], "permit");
        let told = desk.engine.insights().unwrap();
        assert_eq!((told.all.questions, told.all.discretionary), (1, 1), "{again}");
        assert_eq!(told.reasons.len(), 1, "{again}: {:?}", told.reasons);
        let track = desk.engine.agents().unwrap().agents.remove(0).track;
        assert_eq!((track.calls, track.mandatory, track.discretionary), (1, 0, 1), "{again}");
        let level = handoff_protocol::view::LevelTried {
            agent: AGENT.to_owned(),
            task: None,
            level: Level::Execute,
        };
        let change = ReplayRequest { level: Some(level), ..ReplayRequest::default() };
        let replay = desk.engine.replay(&change).unwrap();
        assert_eq!((replay.checks, replay.before.held, replay.after.held), (1, 1, 0), "{again}");
        assert_eq!(replay.let_through.approved, 1, "{again}");
        let case = desk.engine.open_case(&id).unwrap();
        assert_eq!(case.asked.unwrap().level, Level::Suggest);
    }
}

#[tokio::test]
async fn what_only_waited_is_counted_as_what_it_becomes() {
    let (desk, agent) = desk().await;
    let first = ask(&agent, a_move("k1")).await["handoff_id"].as_str().unwrap().to_owned();
    assert_eq!(ask(&agent, a_move("k2")).await["held"], "waits");
    agent.call("handoff.withdraw", json!({ "id": first })).await.unwrap();
    assert_eq!(ask(&agent, a_move("k2")).await["held"], "level");
    let told = desk.engine.insights().unwrap();
    assert_eq!((told.all.questions, told.all.discretionary), (2, 2));
    let track = desk.engine.agents().unwrap().agents.remove(0).track;
    assert_eq!((track.calls, track.discretionary), (2, 2));
}

#[tokio::test]
async fn a_draft_is_the_desks_own_and_counts_for_no_agent() {
    let (desk, agent) = desk().await;
    let settings = Settings { cards_per_hour: 1, ..desk.engine.settings() };
    desk.engine.save_settings(settings).await.unwrap();
    set(&desk, Level::Draft).await;
    assert_eq!(ask(&agent, a_move("k1")).await["ran"], "drafted");
    let mut done = action("a1", "files.move", &json!({ "from": "a", "to": "b" }), "reversible");
    done["action"]["undo"] = a_move("k1")["undo"].clone();
    agent.call("action.record", done).await.unwrap();
    assert!(agent.call("task.close", json!({ "task": "t" })).await.unwrap()["draft"].is_string());
    set(&desk, Level::Suggest).await;
    for (key, state) in [("u", "ready"), ("v", "queued")] {
        let mut check = a_move(key);
        check["task"]["id"] = json!(key);
        let id = ask(&agent, check).await["handoff_id"].as_str().unwrap().to_owned();
        assert_eq!(agent.get(&id).await["state"], state);
    }
    assert_eq!(desk.engine.insights().unwrap().all.submitted, 0);
}

#[tokio::test]
async fn what_an_agent_hands_over_counts_as_that_though_its_call_is_asked_for_later() {
    let (desk, agent) = desk().await;
    let id = agent.submit(handoff("k")).await;
    decide_and_release(&desk, &id, approve("delete")).await;
    let decision = agent.get(&id).await["decision"].clone();
    let mut check = a_move("c");
    check["tool"] = decision["tool"].clone();
    check["args"] = decision["args"].clone();
    assert_eq!(ask(&agent, check).await["ran"], "permit");
    let told = desk.engine.insights().unwrap();
    assert_eq!((told.all.submitted, told.all.questions), (1, 0));
}

#[tokio::test]
async fn a_decision_took_as_long_as_what_was_decided_was_open() {
    let (desk, agent) = desk().await;
    let looked = || desk.engine.insights().unwrap().deciding.median_looked_s;
    let id = agent.submit(handoff("k")).await;
    desk.clock.pass(Duration::from_secs(500));
    desk.engine.seen(&id).await.unwrap();
    desk.clock.pass(Duration::from_mins(1));
    decide(&desk, &id, approve("keep")).await;
    desk.clock.pass(Duration::from_secs(5));
    desk.engine.undo(&id).await.unwrap();
    desk.clock.pass(Duration::from_secs(10));
    decide(&desk, &id, approve("keep")).await;
    release(&desk).await;
    assert_eq!(looked(), Some(10.0), "since the answer before was taken back");
}
