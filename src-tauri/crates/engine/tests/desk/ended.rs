//! The end of a task: what of it is a draft, and what is asked after it.

use handoff_domain::autonomy::Level;
use handoff_protocol::wire::ErrorCode;
use handoff_testkit::Headless;
use serde_json::{Value, json};

use crate::agent::{Agent, approve, code, decide_and_release};
use crate::gate::{AGENT, a_delete, a_move, action, ask, desk, set, task};

fn by_id(mut check: Value) -> Value {
    check["task"] = json!("t");
    check
}

fn moved(at: &str, status: &str) -> Value {
    let mut done = action(at, "files.move", &json!({ "from": "a", "to": "b" }), "reversible");
    done["action"]["status"] = json!(status);
    done["action"]["undo"] = a_move(at)["undo"].clone();
    done
}

async fn close(agent: &Agent) -> Value {
    agent.call("task.close", json!({ "task": "t" })).await.expect("closed")
}

fn drafted(desk: &Headless, id: &Value) -> Vec<String> {
    let case = desk.engine.open_case(id.as_str().expect("a draft")).unwrap();
    assert!(case.is_draft);
    case.actions.iter().map(|action| action.id.clone()).collect()
}

#[tokio::test]
async fn in_a_task_that_has_ended_nothing_runs_until_it_is_begun_anew() {
    let (desk, agent) = desk().await;
    set(&desk, Level::Execute).await;
    assert_eq!(ask(&agent, a_move("k1")).await["verdict"], "run");
    close(&agent).await;
    let read = json!({ "task": "t", "tool": "files.list", "key": "r", "args": {} });
    for check in [by_id(a_move("k1")), by_id(a_move("k2")), by_id(a_delete("k3")), read] {
        let refused = agent.call("action.check", check).await.expect_err("refused");
        assert_eq!(refused.code, ErrorCode::NotFound);
        assert!(refused.message.contains("has ended"), "{refused:?}");
    }
    assert_eq!(ask(&agent, a_move("k4")).await["verdict"], "run", "the whole task begins it anew");
    assert_eq!(ask(&agent, by_id(a_move("k5"))).await["verdict"], "run");
    close(&agent).await;
    agent.call("task.open", json!({ "task": task() })).await.expect("opened");
    assert_eq!(ask(&agent, by_id(a_move("k6"))).await["verdict"], "run");
}

#[tokio::test]
async fn what_was_decided_on_runs_in_a_task_that_has_ended() {
    let (desk, agent) = desk().await;
    let id = ask(&agent, a_delete("k1")).await["handoff_id"].as_str().unwrap().to_owned();
    close(&agent).await;
    assert_eq!(ask(&agent, by_id(a_delete("k1"))).await["verdict"], "held", "it was asked before");
    decide_and_release(&desk, &id, approve("run")).await;
    assert_eq!(ask(&agent, by_id(a_delete("k1"))).await["verdict"], "run");
    let refused = agent.call("action.check", by_id(a_delete("k2"))).await;
    assert_eq!(code(refused), ErrorCode::NotFound);
}

#[tokio::test]
async fn a_draft_tells_of_what_failed_too() {
    let (desk, agent) = desk().await;
    set(&desk, Level::Draft).await;
    for (key, status) in [("a", "done"), ("b", "failed")] {
        assert_eq!(ask(&agent, a_move(key)).await["ran"], "drafted");
        agent.call("action.record", moved(key, status)).await.unwrap();
    }
    let closed = close(&agent).await;
    assert_eq!(drafted(&desk, &closed["draft"]), ["a", "b"]);
    let case = desk.engine.open_case(closed["draft"].as_str().unwrap()).unwrap();
    assert!(case.summary.contains("1 failed"), "{}", case.summary);
}

#[tokio::test]
async fn what_is_recorded_after_the_end_is_a_draft_of_its_own() {
    let (desk, agent) = desk().await;
    set(&desk, Level::Draft).await;
    for key in ["a", "b"] {
        assert_eq!(ask(&agent, a_move(key)).await["ran"], "drafted");
    }
    agent.call("action.record", moved("a", "done")).await.unwrap();
    let closed = close(&agent).await;
    assert_eq!(drafted(&desk, &closed["draft"]), ["a"]);
    let mut late = moved("b", "done");
    late["task"] = json!(task());
    agent.call("action.record", late).await.unwrap();
    let listed = desk.engine.agents().unwrap().agents.remove(0);
    assert!(listed.tasks.is_empty(), "a late record begins nothing anew");
    assert_eq!(desk.engine.gather_draft(AGENT, "t").await.unwrap(), None, "it is in a draft");
    let items = desk.engine.queue(handoff_protocol::view::QueueQuery {
        list: handoff_protocol::view::List::Inbox,
        search: String::new(),
        limit: 10,
    });
    let ids: Vec<String> = items.await.unwrap().items.into_iter().map(|item| item.id).collect();
    assert_eq!(ids.len(), 2);
    let other = ids.into_iter().find(|id| json!(id) != closed["draft"]).unwrap();
    assert_eq!(drafted(&desk, &json!(other)), ["b"]);
}
