//! What the reviewer did by hand while a task was taken over is done once:
//! nothing that would do it again outlives the giving back.

use handoff_domain::agreement::DivergenceKind;
use handoff_domain::autonomy::Level;
use handoff_domain::lifecycle::State;
use handoff_domain::reconcile::StepDone;
use handoff_protocol::view::{GiveBack, TakeOver};
use handoff_testkit::Headless;
use serde_json::{Map, Value, json};

use crate::agent::{Agent, approve, decide, decide_and_release, handoff, release};
use crate::gate::{AGENT, a_move, ask, desk, set, task};

const TASK: &str = "t";

pub async fn take_over(desk: &Headless, agent: &str) {
    let take = TakeOver { agent: agent.to_owned(), task: TASK.to_owned(), message: None };
    desk.engine.take_over(take).await.expect("taken over");
}

pub async fn give_back(desk: &Headless, agent: &str, done: &[&str], facts: Map<String, Value>) {
    let done = done.iter().map(|step| StepDone { step: (*step).to_owned(), output: None });
    let back = GiveBack {
        agent: agent.to_owned(),
        task: TASK.to_owned(),
        done: done.collect(),
        facts,
        text: None,
    };
    desk.engine.give_back(back).await.expect("given back");
}

async fn does_by_hand(desk: &Headless, step: &str) {
    take_over(desk, AGENT).await;
    give_back(desk, AGENT, &[step], Map::new()).await;
}

async fn asks(agent: &Agent, step: &str, key: &str) -> String {
    let mut asked = handoff(key);
    asked["pending_question"]["step"] = json!(step);
    agent.submit(asked).await
}

async fn next(agent: &Agent) -> Vec<Value> {
    let told = agent.call("agent.next", json!({ "task": TASK })).await.expect("next");
    told["items"].as_array().unwrap().clone()
}

fn state(desk: &Headless, id: &str) -> State {
    desk.engine.open_case(id).expect("the card").state
}

/// What the agent reads of a handoff: its state, and whether it may act.
async fn told(agent: &Agent, id: &str) -> (Value, Value) {
    let answer = agent.wait(id, 0).await;
    (answer["state"].clone(), answer["act"].clone())
}

#[tokio::test]
async fn a_question_about_a_step_that_was_done_by_hand_is_taken_back() {
    let (desk, agent) = desk().await;
    let waits = asks(&agent, "delete", "k1").await;
    let other = asks(&agent, "index", "k2").await;
    does_by_hand(&desk, "delete").await;
    assert_eq!(told(&agent, &waits).await, (json!("withdrawn"), json!(false)));
    assert_eq!(state(&desk, &other), State::Ready, "it asks of another step");
    let case = desk.engine.open_case(&waits).unwrap();
    let entry = case.thread.iter().find(|entry| entry.event == "withdrawn").unwrap();
    assert_eq!((entry.actor.as_str(), entry.text.contains("by hand")), ("reviewer", true));
    let standing = agent.call("task.runnable", json!({ "task": TASK })).await.unwrap();
    assert_eq!(
        (&standing["pending"], &standing["runnable"]),
        (&json!([other]), &json!(["report"]))
    );
    let lines = next(&agent).await.pop().expect("what was told")["directive"].clone();
    let verdicts: Vec<&Value> =
        lines.as_array().unwrap().iter().map(|line| &line["verdict"]).collect();
    assert_eq!(verdicts, ["keep", "keep", "blocked", "run"], "each as it is free: {lines}");
}

#[tokio::test]
async fn an_answer_that_is_held_goes_nowhere_once_its_step_was_done_by_hand() {
    let (desk, agent) = desk().await;
    let id = asks(&agent, "delete", "k1").await;
    decide(&desk, &id, approve("trash")).await;
    does_by_hand(&desk, "delete").await;
    release(&desk).await;
    assert_eq!(told(&agent, &id).await, (json!("withdrawn"), json!(false)));
}

#[tokio::test]
async fn an_answer_that_is_out_lets_nothing_run_once_its_step_was_done_by_hand() {
    let (desk, agent) = desk().await;
    let id = asks(&agent, "delete", "k1").await;
    decide_and_release(&desk, &id, approve("trash")).await;
    does_by_hand(&desk, "delete").await;
    assert_eq!(told(&agent, &id).await, (json!("reconciled"), json!(false)));
    let read = agent.get(&id).await;
    assert!(read["report"]["why"].as_str().unwrap().contains("by hand"), "{read}");

    let keeps = asks(&agent, "index", "k2").await;
    decide_and_release(&desk, &keeps, approve("trash")).await;
    does_by_hand(&desk, "report").await;
    assert_eq!(told(&agent, &keeps).await, (json!("released"), json!(true)), "of another step");
}

#[tokio::test]
async fn a_permit_for_a_step_that_was_done_by_hand_is_void() {
    let (desk, agent) = desk().await;
    set(&desk, Level::Suggest).await;
    let plan = json!({ "steps": [{ "id": "sort", "title": "Sort", "status": "pending" }] });
    agent.call("task.open", json!({ "task": task(), "plan": plan })).await.expect("open");
    let mut check = a_move("k1");
    check["step"] = json!("sort");
    let id = ask(&agent, check.clone()).await["handoff_id"].as_str().unwrap().to_owned();
    decide_and_release(&desk, &id, approve("run")).await;
    does_by_hand(&desk, "sort").await;
    let again = ask(&agent, check.clone()).await;
    assert_eq!(again["verdict"], "denied", "{again}");
    check["key"] = json!("k2");
    let anew = ask(&agent, check).await;
    assert_eq!(anew["verdict"], "held", "it is asked anew: {anew}");
}

#[tokio::test]
async fn an_agent_that_does_again_what_was_done_by_hand_is_found_out() {
    let (desk, agent) = desk().await;
    let id = asks(&agent, "index", "k1").await;
    decide_and_release(&desk, &id, approve("keep")).await;
    does_by_hand(&desk, "delete").await;
    let again = json!({ "task": TASK, "action": { "id": "d1", "step": "delete",
        "tool": "files.move", "effect": "reversible", "status": "done" } });
    agent.call("action.record", again).await.expect("recorded");
    let found = desk.engine.open_case(&id).unwrap().divergences;
    let kinds: Vec<DivergenceKind> = found.iter().map(|one| one.kind).collect();
    assert_eq!(kinds, [DivergenceKind::KeptRepeated], "{found:?}");
}

fn steps() -> Value {
    json!({ "steps": [
        { "id": "sort", "title": "Sort", "status": "pending" },
        { "id": "report", "title": "Report", "status": "pending", "depends_on": ["sort"] } ] })
}

#[tokio::test]
async fn an_agent_that_starts_again_does_not_wipe_what_was_done_by_hand() {
    let (desk, agent) = desk().await;
    let open = json!({ "task": task(), "plan": steps() });
    agent.call("task.open", open.clone()).await.expect("open");
    does_by_hand(&desk, "sort").await;
    let again = agent.call("task.open", open.clone()).await.expect("opened again");
    assert_eq!((&again["revision"], &again["runnable"]), (&json!(2), &json!(["report"])));

    let told = next(&agent).await;
    let told = told.iter().find(|item| item["kind"] == "plan").expect("the plan that is in force");
    assert_eq!(
        (&told["revision"], &told["plan"]["steps"][0]["status"]),
        (&json!(2), &json!("done"))
    );
    for status in ["pending", "running", "skipped"] {
        let mut open = steps();
        open["steps"][0]["status"] = json!(status);
        let plan = json!({ "task": TASK, "plan": open, "revision": 2 });
        let error = agent.call("task.plan", plan).await.expect_err("refused");
        assert!(error.message.contains("“Sort” by hand"), "{error:?}");
    }

    let mut further = steps();
    further["steps"][0]["status"] = json!("done");
    further["steps"][1]["status"] = json!("running");
    let plan = json!({ "task": TASK, "plan": further, "revision": 2 });
    agent.call("task.plan", plan).await.expect("it knows what it replaces");
    let again = agent.call("task.open", open.clone()).await.expect("and starts again");
    assert_eq!(again["revision"], 3, "what was done by hand is in there, too");

    agent.call("task.close", json!({ "task": TASK })).await.expect("closed");
    let anew = agent.call("task.open", open).await.expect("another run");
    assert_eq!(anew["runnable"], json!(["sort"]), "which has its own plan");
    let mut plan = json!({ "task": TASK, "plan": steps(), "revision": anew["revision"] });
    for status in ["done", "pending"] {
        plan["plan"]["steps"][0]["status"] = json!(status);
        let standing =
            agent.call("task.plan", plan.clone()).await.expect("nobody did that by hand");
        plan["revision"] = standing["revision"].clone();
    }
}
