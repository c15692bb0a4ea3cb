//! The end of a task: what of it is a draft, and what is asked after it.

use handoff_domain::autonomy::Level;
use handoff_domain::rollback::Standing;
use handoff_protocol::view::{EditPlan, OfTask};
use handoff_protocol::wire::ErrorCode;
use handoff_testkit::Headless;
use serde_json::{Value, json};

use crate::agent::{Agent, approve, code, decide_and_release};
use crate::by_hand::{give_back, take_over};
use crate::gate::{AGENT, a_delete, a_move, action, ask, desk, set, task};
use crate::rollback::{actions, roll_back, standing, until};

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

fn of() -> OfTask {
    OfTask { agent: AGENT.to_owned(), task: "t".to_owned() }
}

/// A task that has ended, with one move in it and a plan.
async fn over() -> (Headless, Agent) {
    let (desk, agent) = desk().await;
    set(&desk, Level::Execute).await;
    let plan = json!({ "steps": [
        { "id": "sort", "title": "Sort", "status": "done" },
        { "id": "report", "title": "Report", "status": "pending", "depends_on": ["sort"] } ] });
    agent.call("task.open", json!({ "task": task(), "plan": plan })).await.expect("opened");
    let mut done = moved("a", "done");
    done["action"]["step"] = json!("sort");
    agent.call("action.record", done).await.expect("recorded");
    assert_eq!(close(&agent).await["closed"], json!(true));
    (desk, agent)
}

#[tokio::test]
async fn the_plan_of_a_task_that_has_ended_is_not_edited() {
    let (desk, agent) = over().await;
    let view = desk.engine.task(&of()).unwrap();
    let mut plan = view.plan.clone().unwrap();
    plan.steps[1].title = "Report at length".to_owned();
    let edit = EditPlan {
        agent: AGENT.to_owned(),
        task: "t".to_owned(),
        revision: view.revision,
        plan,
        text: None,
    };
    let refused = desk.engine.edit_plan(edit.clone()).await.unwrap_err();
    assert_eq!(refused.0.code, ErrorCode::Conflict);
    assert!(refused.0.message.contains("has ended"), "{refused:?}");
    let after = desk.engine.task(&of()).unwrap();
    assert_eq!((after.closed, after.revision), (true, view.revision), "nothing was changed");
    agent.call("task.open", json!({ "task": task() })).await.expect("begun anew");
    desk.engine.edit_plan(edit).await.expect("edited");
}

#[tokio::test]
async fn a_rollback_in_a_task_that_has_ended_leaves_it_ended() {
    let (desk, agent) = over().await;
    roll_back(&desk, actions(&["a"])).await;
    let told = agent.call("agent.next", json!({ "wait_s": 20 })).await.expect("next");
    let undo = told["items"].as_array().unwrap().iter().find(|item| item["kind"] == "undo");
    let undo = undo.expect("an undo").clone();
    let check = json!({ "task": "t", "tool": undo["tool"], "args": undo["args"],
        "key": undo["key"] });
    assert_eq!(ask(&agent, check).await["verdict"], "run");
    let report = json!({ "id": undo["id"], "result": { "outcome": "undone" } });
    agent.call("agent.ack", report).await.expect("reported");
    until(&desk, |view| view.over).await;
    assert_eq!(standing(&desk, "a"), Standing::Undone);
    assert!(desk.engine.task(&of()).unwrap().closed, "it has ended");
    let told = agent.call("agent.next", json!({})).await.expect("next");
    let items = told["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{items:?}");
    assert_eq!(
        (&items[0]["undone"], &items[0]["directive"]),
        (&json!(["a"]), &json!([])),
        "nothing goes on in it"
    );
}

#[tokio::test]
async fn a_task_that_ended_while_it_was_taken_over_stays_so_when_it_is_given_back() {
    let (desk, agent) = desk().await;
    let plan = json!({ "steps": [{ "id": "sort", "title": "Sort", "status": "pending" }] });
    agent.call("task.open", json!({ "task": task(), "plan": plan })).await.expect("opened");
    take_over(&desk, AGENT).await;
    assert_eq!(close(&agent).await["closed"], json!(true));
    give_back(&desk, AGENT, &["sort"], serde_json::Map::new()).await;
    let view = desk.engine.task(&of()).unwrap();
    assert!(view.closed, "its agent has ended it");
    assert_eq!(view.revision, 2, "what was done by hand stands in its plan");
}
