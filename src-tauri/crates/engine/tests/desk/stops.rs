//! Pauses, and what stands in the place of one.

use handoff_domain::gate::Stop;
use handoff_protocol::view::{EditPlan, OfTask, Pause, TakeOver};
use handoff_protocol::wire::ErrorCode;
use handoff_testkit::Headless;
use serde_json::{Value, json};

use crate::agent::{Agent, code};
use crate::gate::{AGENT, action, desk, task};

async fn pause(desk: &Headless, task: Option<&str>, paused: bool) -> Result<(), ErrorCode> {
    let agent = task.map(|_| AGENT.to_owned());
    let pause = Pause { agent, task: task.map(str::to_owned), paused };
    desk.engine.pause(pause).await.map_err(|failure| failure.0.code)
}

async fn told(agent: &Agent) -> Vec<Value> {
    let told = agent.call("agent.next", json!({})).await.expect("next");
    let items = told["items"].as_array().unwrap().clone();
    for item in &items {
        agent.call("agent.ack", json!({ "id": item["id"] })).await.expect("acknowledged");
    }
    items.into_iter().map(|item| item["kind"].clone()).collect()
}

#[tokio::test]
async fn what_is_taken_over_is_given_back_and_not_paused_away() {
    let (desk, agent) = desk().await;
    agent.call("task.open", json!({ "task": task() })).await.expect("open");
    let take = TakeOver { agent: AGENT.to_owned(), task: "t".to_owned(), message: None };
    desk.engine.take_over(take).await.expect("taken over");
    for paused in [true, false] {
        assert_eq!(pause(&desk, Some("t"), paused).await, Err(ErrorCode::Conflict));
    }
    let of = OfTask { agent: AGENT.to_owned(), task: "t".to_owned() };
    assert_eq!(desk.engine.task(&of).unwrap().stopped, Some(Stop::TakenOver));
    // All else can still be paused and let go on.
    pause(&desk, None, true).await.expect("paused");
    pause(&desk, None, false).await.expect("resumed");
    assert_eq!(desk.engine.task(&of).unwrap().stopped, Some(Stop::TakenOver));
}

#[tokio::test]
async fn whoever_was_told_to_pause_is_told_to_go_on() {
    let desk = Headless::new().await.unwrap();
    let hello = json!({ "name": "walker", "token": "t".repeat(64) });
    let agent = Agent::connect(&desk.engine);
    agent.call("agent.hello", hello.clone()).await.expect("hello");
    // It has no task, and is gone when all may go on.
    pause(&desk, None, true).await.expect("paused");
    assert_eq!(told(&agent).await, [json!("pause")]);
    drop(agent);
    pause(&desk, None, false).await.expect("resumed");
    let again = Agent::connect(&desk.engine);
    again.call("agent.hello", hello).await.expect("hello again");
    assert_eq!(told(&again).await, [json!("resume")]);
}

#[tokio::test]
async fn two_tasks_never_share_a_timeline() {
    let desk = Headless::new().await.unwrap();
    let names = [("a", "b/c"), ("a/b", "c")];
    for (name, id) in names {
        let agent = Agent::named(&desk.engine, name).await;
        let task = json!({ "id": id, "title": "T", "goal": "G" });
        agent.call("task.open", json!({ "task": task })).await.expect("open");
    }
    let take = TakeOver { agent: "a".to_owned(), task: "b/c".to_owned(), message: None };
    desk.engine.take_over(take).await.expect("taken over");
    let entries = names.map(|(agent, task)| {
        let of = OfTask { agent: agent.to_owned(), task: task.to_owned() };
        desk.engine.task(&of).unwrap().timeline.len()
    });
    assert_eq!(entries, [1, 0]);
}

#[tokio::test]
async fn no_agent_signs_as_the_reviewer() {
    let (_desk, agent) = desk().await;
    agent.call("task.open", json!({ "task": task() })).await.expect("open");
    let forged = action("by-hand:1", "files.list", &json!({}), "read");
    assert_eq!(code(agent.call("action.record", forged).await), ErrorCode::InvalidParams);
}

#[tokio::test]
async fn an_agent_that_opens_its_task_again_does_not_undo_the_reviewers_plan() {
    let (desk, agent) = desk().await;
    let plan = |steps: &[&str]| {
        let steps = steps.iter().map(|id| json!({ "id": id, "title": id, "status": "pending" }));
        json!({ "steps": steps.collect::<Vec<_>>() })
    };
    let open = json!({ "task": task(), "plan": plan(&["one", "two"]) });
    agent.call("task.open", open.clone()).await.expect("open");
    let edit = EditPlan {
        agent: AGENT.to_owned(),
        task: "t".to_owned(),
        revision: 1,
        plan: serde_json::from_value(plan(&["two"])).unwrap(),
        text: None,
    };
    desk.engine.edit_plan(edit).await.expect("edited");
    let again = agent.call("task.open", open).await.expect("opened again");
    assert_eq!((&again["revision"], &again["runnable"]), (&json!(2), &json!(["two"])));
    let own = json!({ "task": "t", "plan": plan(&["one", "two"]), "revision": 2 });
    let named = agent.call("task.plan", own).await.expect("it knows what it replaces");
    assert_eq!(named["revision"], 3);
}
