use handoff_domain::autonomy::Level;
use handoff_domain::decision::Then;
use handoff_protocol::view::SetLevel;
use serde_json::{Value, json};

use crate::agent::{approve, decide, decide_and_release, handoff, reject, release, until};
use crate::gate::{AGENT, a_delete, a_move, action, ask, desk, set, task};

#[tokio::test]
async fn what_is_recorded_as_decided_closes_the_handoff() {
    let (desk, agent) = desk().await;
    let id = ask(&agent, a_delete("k1")).await["handoff_id"].as_str().unwrap().to_owned();
    decide_and_release(&desk, &id, approve("run")).await;
    assert_eq!(ask(&agent, a_delete("k1")).await["verdict"], "run");
    let done = action("a1", "files.delete", &json!({ "path": "a" }), "irreversible");
    let recorded = agent.call("action.record", done.clone()).await.unwrap();
    assert_eq!(recorded["reconciled"], json!(id));
    assert_eq!(agent.get(&id).await["state"], "reconciled");
    assert_eq!(agent.call("action.record", done).await.unwrap()["replayed"], json!(true));
}

#[tokio::test]
async fn a_record_of_something_else_is_a_divergence_and_lowers_the_agent() {
    let (desk, agent) = desk().await;
    set(&desk, Level::Execute).await;
    let task_level = SetLevel {
        agent: AGENT.to_owned(),
        task: Some("t".to_owned()),
        level: Some(Level::Execute),
        minutes: None,
    };
    desk.engine.set_level(task_level).await.unwrap();
    let id = ask(&agent, a_delete("k1")).await["handoff_id"].as_str().unwrap().to_owned();
    decide_and_release(&desk, &id, approve("run")).await;
    let mut other = action("a1", "files.delete", &json!({ "path": "z" }), "irreversible");
    other["action"]["handoff"] = json!(id);
    let recorded = agent.call("action.record", other).await.unwrap();
    assert!(recorded["diverged"].is_string(), "{recorded}");
    assert!(agent.get(&id).await["flags"].as_array().unwrap().contains(&json!("diverged")));
    let card = desk.engine.agents().unwrap().agents.remove(0);
    assert_eq!(card.level, Level::Suggest);
    assert!(card.lowered.is_some());
    assert_eq!(card.tasks[0].level, Level::Suggest, "its tasks too");
    assert_eq!(card.track.divergences, 1);
    until(&desk, || {
        desk.notifier
            .notices()
            .iter()
            .any(|notice| notice.handoff.as_deref() == Some("agent:tidy") && notice.sound)
    })
    .await;
    desk.engine.looked_at_agent(AGENT.to_owned()).await.unwrap();
    assert!(desk.engine.agents().unwrap().agents[0].lowered.is_none());
}

#[tokio::test]
async fn what_cannot_be_undone_and_never_asked_lowers_the_agent() {
    let (desk, agent) = desk().await;
    set(&desk, Level::Execute).await;
    agent.call("task.open", json!({ "task": task() })).await.unwrap();
    let read = action("a1", "files.list", &json!({}), "read");
    assert_eq!(agent.call("action.record", read).await.unwrap()["diverged"], Value::Null);
    let sent = action("a2", "mail.send", &json!({ "to": "x" }), "irreversible");
    let recorded = agent.call("action.record", sent).await.unwrap();
    assert!(recorded["diverged"].as_str().unwrap().contains("never asked"));
    assert_eq!(desk.engine.agents().unwrap().agents[0].level, Level::Suggest);
}

#[tokio::test]
async fn what_nobody_knows_and_never_asked_lowers_the_agent_and_alerts_once() {
    let (desk, agent) = desk().await;
    set(&desk, Level::Execute).await;
    agent.call("task.open", json!({ "task": task() })).await.unwrap();
    for id in ["a", "b"] {
        let done = action(id, "nobody.knows", &json!({ "x": id }), "read");
        let recorded = agent.call("action.record", done).await.unwrap();
        let why = recorded["diverged"].as_str().unwrap_or_default();
        assert!(why.contains("never asked, though nobody knows"), "{recorded}");
    }
    let read = action("c", "files.list", &json!({}), "read");
    let recorded = agent.call("action.record", read).await.unwrap();
    assert_eq!(recorded["diverged"], Value::Null, "a known read needs no question");
    let alerts = || {
        let loud = |notice: &handoff_engine::Notice| notice.title.contains("did not keep");
        desk.notifier.notices().into_iter().filter(loud).count()
    };
    until(&desk, || alerts() > 0).await;
    assert_eq!(alerts(), 1, "until it was looked at, the same again is no news");
    let card = desk.engine.agents().unwrap().agents.remove(0);
    assert_eq!((card.level, card.track.divergences), (Level::Suggest, 2));
}

#[tokio::test]
async fn another_option_than_the_recommended_one_counts_as_overridden() {
    let (desk, agent) = desk().await;
    let overridden = || desk.engine.agents().unwrap().agents.remove(0).track;
    let mut ids = Vec::new();
    for key in ["a", "b", "c", "d"] {
        ids.push(agent.submit(handoff(key)).await);
    }
    decide(&desk, &ids[0], approve("keep")).await;
    assert_eq!((overridden().decisions, overridden().overridden), (1, 1));
    desk.engine.undo(&ids[0]).await.unwrap();
    assert_eq!((overridden().decisions, overridden().overridden), (0, 0), "taken back");
    decide(&desk, &ids[0], approve("trash")).await;
    decide(&desk, &ids[1], approve("delete")).await;
    decide(&desk, &ids[2], reject(Then::Stop)).await;
    release(&desk).await;
    assert_eq!((overridden().decisions, overridden().overridden), (3, 1));
    let desk = desk.restart().await.unwrap();
    let track = desk.engine.agents().unwrap().agents.remove(0).track;
    assert_eq!((track.decisions, track.overridden, track.handoffs), (3, 1, 4));
}

#[tokio::test]
async fn the_record_of_an_agent_is_counted_as_it_happens() {
    let (desk, agent) = desk().await;
    let track = || desk.engine.agents().unwrap().agents.remove(0).track;
    let in_own = |mut check: Value| {
        check["task"]["id"] = check["key"].clone();
        check
    };
    ask(&agent, in_own(a_move("m"))).await;
    ask(&agent, in_own(a_delete("d"))).await;
    ask(&agent, in_own(a_delete("d"))).await;
    let read = json!({ "task": task(), "tool": "files.list", "key": "r", "args": {} });
    ask(&agent, read).await;
    let now = track();
    assert_eq!((now.calls, now.mandatory, now.discretionary), (3, 1, 1));
    let undone = |status: &str| {
        let mut done = action("a", "files.list", &json!({}), "read");
        done["action"]["status"] = json!(status);
        done
    };
    for (status, reversals) in [("done", 0), ("undone", 1), ("undone", 1)] {
        agent.call("action.record", undone(status)).await.unwrap();
        assert_eq!(track().reversals, reversals, "{status}");
    }
}

#[tokio::test]
async fn what_was_handed_over_and_decided_counts_as_asked() {
    let (desk, agent) = desk().await;
    set(&desk, Level::Draft).await;
    let id = agent.submit(crate::agent::handoff("k")).await;
    decide_and_release(&desk, &id, approve("delete")).await;
    let report = json!({ "outcome": "applied" });
    agent.call("handoff.reconcile", json!({ "id": id, "report": report })).await.unwrap();
    agent.call("task.open", json!({ "task": task() })).await.unwrap();
    let done = action("a9", "files.delete", &json!({ "paths": ["a", "b"] }), "irreversible");
    assert_eq!(agent.call("action.record", done).await.unwrap()["diverged"], Value::Null);
    assert_eq!(desk.engine.agents().unwrap().agents[0].level, Level::Draft);
}

#[tokio::test]
async fn a_reported_decision_permits_nothing_more() {
    let (desk, agent) = desk().await;
    let id = agent.submit(crate::agent::handoff("k")).await;
    decide_and_release(&desk, &id, approve("delete")).await;
    let report = json!({ "outcome": "applied" });
    agent.call("handoff.reconcile", json!({ "id": id, "report": report })).await.unwrap();
    let mut check = a_delete("k9");
    check["args"] = json!({ "paths": ["a", "b"] });
    assert_eq!(ask(&agent, check).await["verdict"], "held");
}
