//! What the reviewer's words hold back beyond the question they answer: until
//! another word, and no longer.

use handoff_domain::autonomy::Level;
use handoff_domain::decision::Then;
use handoff_domain::directive::Verdict;
use handoff_protocol::view::{EditPlan, OfTask};
use handoff_testkit::Headless;
use serde_json::{Value, json};

use crate::agent::{Agent, approve, decide_and_release, handoff, reject, request};
use crate::gate::{a_move, ask, desk, set, task};

const AGENT: &str = "sweeper";

fn of() -> OfTask {
    OfTask { agent: AGENT.to_owned(), task: "t".to_owned() }
}

async fn runnable(agent: &Agent) -> Value {
    let standing = agent.call("task.runnable", json!({ "task": "t" })).await.expect("the task");
    standing["runnable"].clone()
}

/// A question about a step of the task.
async fn asks(agent: &Agent, step: &str, key: &str) -> String {
    let mut handoff = handoff(key);
    handoff["pending_question"]["step"] = json!(step);
    agent.submit(handoff).await
}

/// What the agent is told becomes of a step.
async fn told(agent: &Agent, id: &str, step: &str) -> Value {
    let answer = agent.wait(id, 1).await;
    let lines = answer["directive"].as_array().expect("lines").iter();
    lines.clone().find(|line| line["step"] == step).expect("the step")["verdict"].clone()
}

async fn after_a_skip() -> (Headless, Agent) {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, AGENT).await;
    let id = asks(&agent, "delete", "k1").await;
    assert_eq!(runnable(&agent).await, json!(["index"]), "while it is asked");
    decide_and_release(&desk, &id, reject(Then::Skip)).await;
    (desk, agent)
}

#[tokio::test]
async fn a_step_that_was_left_out_stays_so_until_it_is_asked_about_again() {
    let (desk, agent) = after_a_skip().await;
    assert_eq!(runnable(&agent).await, json!(["index"]), "not what was left out");
    let other = asks(&agent, "index", "k2").await;
    assert_eq!(runnable(&agent).await, json!([]));
    decide_and_release(&desk, &other, approve("keep")).await;
    assert_eq!(told(&agent, &other, "delete").await, "skip", "another answer changes nothing");
    assert_eq!(told(&agent, &other, "report").await, "skip", "nor for what depends on it");
    assert_eq!(runnable(&agent).await, json!(["index"]));

    let again = asks(&agent, "delete", "k3").await;
    decide_and_release(&desk, &again, approve("trash")).await;
    assert_eq!(told(&agent, &again, "delete").await, "run");
    assert_eq!(runnable(&agent).await, json!(["delete", "index"]));
}

#[tokio::test]
async fn another_plan_or_another_run_begins_afresh() {
    let (desk, agent) = after_a_skip().await;
    let view = desk.engine.task(&of()).expect("the task");
    assert!(!view.steps.iter().any(|step| step.id == "delete" && step.free), "{view:?}");
    let mut plan = view.plan.expect("a plan");
    plan.steps[1].title = "Delete with care".to_owned();
    let edit = EditPlan {
        agent: AGENT.to_owned(),
        task: "t".to_owned(),
        revision: view.revision,
        plan,
        text: None,
    };
    desk.engine.edit_plan(edit).await.expect("edited");
    assert_eq!(runnable(&agent).await, json!(["delete", "index"]));

    let (_desk, agent) = after_a_skip().await;
    agent.call("task.close", json!({ "task": "t" })).await.expect("closed");
    agent.call("task.open", json!({ "task": task() })).await.expect("opened");
    assert_eq!(runnable(&agent).await, json!(["delete", "index"]), "it is another run");
}

#[tokio::test]
async fn a_step_waits_for_the_other_proposal_that_was_asked_for() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, AGENT).await;
    let id = asks(&agent, "delete", "k1").await;
    decide_and_release(&desk, &id, reject(Then::Revise)).await;
    assert_eq!(told(&agent, &id, "delete").await, "blocked");
    assert_eq!(runnable(&agent).await, json!(["index"]), "it waits for the proposal");

    let other = asks(&agent, "index", "k2").await;
    decide_and_release(&desk, &other, approve("keep")).await;
    assert_eq!(told(&agent, &other, "delete").await, "blocked", "another answer changes nothing");
    assert_eq!(told(&agent, &other, "report").await, "blocked", "nor for what depends on it");
    assert_eq!(runnable(&agent).await, json!(["index"]));
    let shown = desk.engine.task(&of()).expect("the task").steps;
    assert_eq!(shown[1].waits_for, [id.as_str()], "{shown:?}");

    let proposal = json!({ "id": id, "handoff": handoff("k1") });
    agent.call("handoff.revise", proposal).await.expect("the proposal");
    decide_and_release(&desk, &id, approve("trash")).await;
    assert_eq!(told(&agent, &id, "delete").await, "run");
    assert_eq!(runnable(&agent).await, json!(["delete", "index"]));
}

#[tokio::test]
async fn whoever_asks_about_the_step_anew_makes_the_other_proposal() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, AGENT).await;
    let first = asks(&agent, "delete", "k1").await;
    decide_and_release(&desk, &first, reject(Then::Revise)).await;
    let anew = asks(&agent, "delete", "k2").await;
    decide_and_release(&desk, &anew, approve("trash")).await;
    assert_eq!(told(&agent, &anew, "delete").await, "run");
    let other = asks(&agent, "index", "k3").await;
    decide_and_release(&desk, &other, approve("keep")).await;
    assert_eq!(told(&agent, &other, "delete").await, "run", "nor is it waited for again");
    assert_eq!(runnable(&agent).await, json!(["delete", "index"]));
}

#[tokio::test]
async fn in_whatever_order_each_step_goes_by_its_own_answer() {
    for order in [[0, 1], [1, 0]] {
        let desk = Headless::new().await.unwrap();
        let agent = Agent::named(&desk.engine, AGENT).await;
        let asked = [asks(&agent, "delete", "k1").await, asks(&agent, "index", "k2").await];
        let answers = [reject(Then::Revise), reject(Then::Skip)];
        for place in order {
            decide_and_release(&desk, &asked[place], answers[place].clone()).await;
        }
        let last = &asked[order[1]];
        assert_eq!(told(&agent, last, "delete").await, "blocked", "{order:?}");
        assert_eq!(told(&agent, last, "report").await, "blocked", "{order:?}");
        assert_eq!(told(&agent, last, "index").await, "skip", "{order:?}");
        assert_eq!(runnable(&agent).await, json!([]));

        let proposal = json!({ "id": asked[0], "handoff": handoff("k1") });
        agent.call("handoff.revise", proposal).await.expect("the proposal");
        decide_and_release(&desk, &asked[0], reject(Then::Stop)).await;
        assert_eq!(told(&agent, &asked[0], "report").await, "skip", "the task stops");
        assert_eq!(runnable(&agent).await, json!([]));
    }
}

#[tokio::test]
async fn a_call_at_a_step_that_does_not_go_on_is_asked_about() {
    for (then, says) in [
        (Then::Skip, "left its step out"),
        (Then::Stop, "left"),
        (Then::Revise, "another proposal"),
    ] {
        let (desk, agent) = desk().await;
        set(&desk, Level::Execute).await;
        let id = asks(&agent, "delete", "k1").await;
        decide_and_release(&desk, &id, reject(then)).await;
        let call = |key: &str, step: &str| {
            let mut check = a_move(key);
            (check["task"], check["step"]) = (json!("t"), json!(step));
            check
        };
        if then != Then::Stop {
            assert_eq!(ask(&agent, call("c2", "index")).await["verdict"], "run", "of another step");
        }
        let read = json!({ "task": "t", "step": "report", "tool": "files.list", "key": "r",
            "args": {} });
        assert_eq!(ask(&agent, read).await["verdict"], "run", "to look does no harm");
        let held = ask(&agent, call("c1", "report")).await;
        assert_eq!((&held["verdict"], &held["held"]), (&json!("held"), &json!("trigger")));
        assert!(held["why"].as_str().unwrap().contains(says), "{then:?}: {held}");
        let again = held["handoff_id"].as_str().unwrap().to_owned();
        decide_and_release(&desk, &again, approve("run")).await;
        assert_eq!(ask(&agent, call("c1", "report")).await["verdict"], "run", "you said so");
    }
}

#[tokio::test]
async fn a_no_to_one_call_leaves_out_no_step() {
    let (desk, agent) = desk().await;
    set(&desk, Level::Suggest).await;
    let plan = json!({ "steps": [
        { "id": "sort", "title": "Sort", "status": "running" },
        { "id": "report", "title": "Report", "status": "pending", "depends_on": ["sort"] } ] });
    agent.call("task.open", json!({ "task": task(), "plan": plan })).await.expect("open");
    let done = json!({ "task": "t", "action": {
        "id": "m1", "step": "sort", "tool": "files.move", "input": { "from": "x", "to": "y" },
        "effect": "reversible", "status": "done",
        "undo": { "kind": "tool", "tool": "files.move", "args": { "from": "y", "to": "x" } } } });
    agent.call("action.record", done).await.expect("recorded");
    let mut check = a_move("k1");
    check["step"] = json!("sort");
    let id = ask(&agent, check).await["handoff_id"].as_str().expect("held").to_owned();
    let verdicts = |answer| {
        let preview = desk.engine.preview(&request(&desk, &id, answer)).expect("a preview");
        preview.directive.iter().map(|step| step.verdict).collect::<Vec<_>>()
    };
    assert_eq!(verdicts(approve("run")), [Verdict::Run, Verdict::Run], "nor is m1 undone");
    assert_eq!(verdicts(reject(Then::Skip)), [Verdict::Run, Verdict::Run]);
    assert_eq!(verdicts(reject(Then::Stop)), [Verdict::Skip, Verdict::Skip]);
    decide_and_release(&desk, &id, reject(Then::Skip)).await;
    assert_eq!(told(&agent, &id, "sort").await, "run");
}

#[tokio::test]
async fn a_preview_sees_what_has_changed_since_the_last_key() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, AGENT).await;
    let id = asks(&agent, "delete", "k1").await;
    let index = || {
        let shown = desk.engine.preview(&request(&desk, &id, approve("keep"))).expect("a preview");
        shown.directive.iter().find(|step| step.id == "index").expect("the step").verdict
    };
    assert_eq!((index(), index()), (Verdict::Run, Verdict::Run));
    let other = asks(&agent, "index", "k2").await;
    assert_eq!(index(), Verdict::Blocked, "it waits for the other question by now");
    agent.call("handoff.withdraw", json!({ "id": other })).await.expect("withdrawn");
    assert_eq!(index(), Verdict::Run);
}
