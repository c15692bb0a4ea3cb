//! One question under one key, asked more than once.

use handoff_domain::autonomy::Level;
use handoff_protocol::view::{EditPlan, Pause, RuleFrom};
use handoff_testkit::Headless;
use serde_json::{Value, json};

use crate::agent::{Agent, approve, decide_and_release};
use crate::gate::{AGENT, a_delete, a_move, action, ask, desk, set, task};

async fn pause(desk: &Headless, paused: bool) {
    let pause = Pause { agent: Some(AGENT.to_owned()), task: None, paused };
    desk.engine.pause(pause).await.unwrap();
}

async fn record(agent: &Agent, check: &Value, id: &str, status: &str) {
    let (tool, effect) = (check["tool"].as_str().unwrap(), "reversible");
    let mut done = action(id, tool, &check["args"], effect);
    done["action"]["status"] = json!(status);
    agent.call("action.record", done).await.expect("recorded");
}

#[tokio::test]
async fn what_was_recorded_is_not_let_run_again_by_its_key() {
    let (desk, agent) = desk().await;
    set(&desk, Level::Execute).await;
    for (key, status) in [("k1", "done"), ("k2", "failed")] {
        assert_eq!(ask(&agent, a_move(key)).await["verdict"], "run");
        assert_eq!(ask(&agent, a_move(key)).await["verdict"], "run", "a lost answer, told again");
        record(&agent, &a_move(key), key, "running").await;
        assert_eq!(ask(&agent, a_move(key)).await["verdict"], "run", "it is not over");
        record(&agent, &a_move(key), key, status).await;
        let over = ask(&agent, a_move(key)).await;
        assert_eq!(over["verdict"], "denied", "{over}");
        assert!(over["why"].as_str().unwrap().contains("another key"), "{over}");
    }
    assert_eq!(ask(&agent, a_move("k3")).await["verdict"], "run", "another key is another call");
}

#[tokio::test]
async fn what_a_decision_let_run_is_over_with_its_record_or_report() {
    let (desk, agent) = desk().await;
    for told in ["record", "report"] {
        let check = |key: &str| {
            let mut check = a_delete(key);
            check["task"] = json!(task());
            check["args"] = json!({ "path": told });
            check
        };
        let id = ask(&agent, check(told)).await["handoff_id"].as_str().unwrap().to_owned();
        decide_and_release(&desk, &id, approve("run")).await;
        assert_eq!(ask(&agent, check(told)).await["verdict"], "run");
        if told == "record" {
            record(&agent, &check(told), told, "done").await;
        } else {
            let report = json!({ "id": id, "report": { "outcome": "applied" } });
            agent.call("handoff.reconcile", report).await.unwrap();
        }
        let over = ask(&agent, check(told)).await;
        assert_eq!((&over["verdict"], &over["handoff_id"]), (&json!("denied"), &json!(id)));
    }
}

#[tokio::test]
async fn a_pause_holds_what_was_let_run_and_a_read_goes_on() {
    let (desk, agent) = desk().await;
    set(&desk, Level::Execute).await;
    let read = || json!({ "task": task(), "tool": "files.list", "key": "r", "args": {} });
    for check in [a_move("m"), read()] {
        assert_eq!(ask(&agent, check).await["verdict"], "run");
    }
    let mut deletes = a_delete("d");
    deletes["task"]["id"] = json!("u");
    let id = ask(&agent, deletes.clone()).await["handoff_id"].as_str().unwrap().to_owned();
    decide_and_release(&desk, &id, approve("run")).await;
    assert_eq!(ask(&agent, deletes.clone()).await["verdict"], "run");
    pause(&desk, true).await;
    for check in [a_move("m"), deletes.clone()] {
        let held = ask(&agent, check).await;
        assert_eq!(
            (&held["verdict"], &held["blocked_by"]),
            (&json!("held"), &json!(["pause:agent"]))
        );
    }
    assert_eq!(ask(&agent, read()).await["verdict"], "run");
    pause(&desk, false).await;
    for check in [a_move("m"), deletes.clone()] {
        assert_eq!(ask(&agent, check).await["verdict"], "run", "it was let run before");
    }
    // A pause between the answer and the record takes nothing back.
    pause(&desk, true).await;
    ask(&agent, deletes.clone()).await;
    let mut done = action("a", "files.delete", &deletes["args"], "irreversible");
    done["task"] = json!("u");
    assert_eq!(agent.call("action.record", done).await.unwrap()["diverged"], Value::Null);
}

#[tokio::test]
async fn a_lower_level_asks_about_what_was_let_run_before() {
    let (desk, agent) = desk().await;
    set(&desk, Level::Execute).await;
    assert_eq!(ask(&agent, a_move("m")).await["verdict"], "run");
    set(&desk, Level::Suggest).await;
    let held = ask(&agent, a_move("m")).await;
    assert_eq!((&held["verdict"], &held["held"]), (&json!("held"), &json!("level")), "{held}");
    let id = held["handoff_id"].as_str().expect("a question").to_owned();
    assert_eq!(ask(&agent, a_move("m")).await["handoff_id"], json!(id));
    decide_and_release(&desk, &id, approve("run")).await;
    assert_eq!(ask(&agent, a_move("m")).await["ran"], "permit");
}

#[tokio::test]
async fn a_rule_that_was_used_up_by_a_call_lets_it_run_still_and_one_taken_back_does_not() {
    let (desk, agent) = desk().await;
    let id = ask(&agent, a_move("first")).await["handoff_id"].as_str().unwrap().to_owned();
    let from = RuleFrom::Card { id: id.clone(), days: 7, uses: Some(1) };
    let rule = desk.engine.add_rule_from(from).await.unwrap();
    agent.call("handoff.withdraw", json!({ "id": id })).await.unwrap();
    assert_eq!(ask(&agent, a_move("m")).await["ran"], "allowed");
    assert_eq!(ask(&agent, a_move("m")).await["ran"], "allowed", "a lost answer, told again");
    desk.engine.revoke_rule(rule).await.unwrap();
    assert_eq!(ask(&agent, a_move("m")).await["verdict"], "held");
}

#[tokio::test]
async fn who_asks_again_learns_what_the_reviewer_has_said_since() {
    let (desk, agent) = desk().await;
    set(&desk, Level::Execute).await;
    let plan = |ids: &[&str]| {
        let step = |id: &&str| json!({ "id": id, "title": id, "status": "pending" });
        json!({ "steps": ids.iter().map(step).collect::<Vec<_>>() })
    };
    agent.call("task.open", json!({ "task": task(), "plan": plan(&["a", "b"]) })).await.unwrap();
    let (mut runs, mut held) = (a_move("m"), a_delete("d"));
    (runs["step"], held["step"]) = (json!("b"), json!("a"));
    let told = |answer: &Value| {
        ["verdict", "pending_for_you", "runnable"].map(|name| answer[name].clone())
    };
    let first = ask(&agent, runs.clone()).await;
    assert_eq!(told(&first), [json!("run"), json!(0), json!(["a", "b"])]);
    let first = ask(&agent, held.clone()).await;
    assert_eq!(told(&first), [json!("held"), json!(0), json!(["b"])]);
    let plan = serde_json::from_value(plan(&["a", "b", "c"])).unwrap();
    let (of, task) = (AGENT.to_owned(), "t".to_owned());
    let edit = EditPlan { agent: of, task, revision: 1, plan, text: None };
    desk.engine.edit_plan(edit).await.unwrap();
    assert_eq!(told(&ask(&agent, runs).await), [json!("run"), json!(1), json!(["b", "c"])]);
    assert_eq!(told(&ask(&agent, held).await), [json!("held"), json!(1), json!(["b", "c"])]);
}
