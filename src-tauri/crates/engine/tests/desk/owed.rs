//! What was told to be done again is told again until it was, and not once more.

use std::time::Duration;

use handoff_domain::autonomy::Level;
use handoff_domain::payload::Step;
use handoff_domain::reconcile::StepDone;
use handoff_engine::Clock;
use handoff_protocol::view::{EditPlan, GiveBack, OfTask};
use handoff_testkit::Headless;
use serde_json::{Map, Value, json};

use crate::agent::{Agent, approve, decide_and_release, handoff};
use crate::by_hand::take_over;
use crate::gate::{AGENT, desk, set, task};
use crate::rerun::{a_move, done, new_folder, next, undoes};
use crate::rollback::{record, until};

fn plan() -> Value {
    json!({ "steps": [
        { "id": "look", "title": "Look", "status": "done", "output": { "files": 3 } },
        { "id": "sort", "title": "Sort", "status": "done", "uses": ["facts.folder"] },
        { "id": "report", "title": "Report", "status": "done",
          "depends_on": ["sort"], "uses": ["steps.look.output.files"] },
        { "id": "index", "title": "Index", "status": "pending" },
        { "id": "ask", "title": "Ask", "status": "pending" },
        { "id": "mail", "title": "Mail", "status": "pending" } ] })
}

/// An agent that has sorted by a value and reported that; what it did for its report is
/// recorded, or not.
async fn after_reporting(recorded: bool) -> (Headless, Agent) {
    let (desk, agent) = desk().await;
    set(&desk, Level::Execute).await;
    agent.call("task.open", json!({ "task": task(), "plan": plan() })).await.expect("open");
    let found = json!({ "task": "t", "action": { "id": "l1", "step": "look", "tool": "files.list",
        "effect": "read", "status": "done", "facts": { "folder": "old" } } });
    record(&agent, found).await;
    record(&agent, done("m1", &a_move("-", Some("sort"), "a", "old/a"))).await;
    if recorded {
        record(&agent, reads("r1")).await;
    }
    later(&desk);
    (desk, agent)
}

fn reads(id: &str) -> Value {
    json!({ "task": "t", "action": { "id": id, "step": "report", "tool": "files.list",
        "effect": "read", "status": "done" } })
}

fn later(desk: &Headless) {
    desk.clock.pass(Duration::from_secs(1));
}

/// A question about this step, and nothing else with it.
async fn asks(agent: &Agent, step: &str) -> String {
    let mut asked = handoff(step);
    asked["pending_question"]["step"] = json!(step);
    asked["actions_taken"] = json!([]);
    asked.as_object_mut().unwrap().remove("plan");
    agent.submit(asked).await
}

fn verdicts<const COUNT: usize>(directive: &Value, steps: [&str; COUNT]) -> [String; COUNT] {
    steps.map(|step| {
        let mut lines = directive.as_array().unwrap().iter();
        let line = lines.find(|line| line["step"] == step).expect("the step");
        line["verdict"].as_str().unwrap().to_owned()
    })
}

/// What an answer that has nothing to do with them tells of these steps.
async fn told<const COUNT: usize>(
    (desk, agent): (&Headless, &Agent),
    step: &str,
    steps: [&str; COUNT],
) -> ([String; COUNT], String) {
    let id = asks(agent, step).await;
    decide_and_release(desk, &id, approve("keep")).await;
    let directive = agent.wait(&id, 0).await["directive"].clone();
    later(desk);
    (verdicts(&directive, steps), id)
}

/// Answers with another value, and has what was sorted by the old one undone.
async fn informs(desk: &Headless, agent: &Agent) {
    let id = asks(agent, "ask").await;
    decide_and_release(desk, &id, new_folder()).await;
    let lines = agent.wait(&id, 0).await["directive"].clone();
    assert_eq!(verdicts(&lines, ["sort", "report"]), ["undo_then_rerun", "rerun"]);
    later(desk);
    undoes(agent).await;
    until(desk, |view| view.over).await;
    later(desk);
}

/// Sorts again, and says so in the plan.
async fn sorts_again(desk: &Headless, agent: &Agent) {
    record(agent, done("m2", &a_move("-", Some("sort"), "a", "new/a"))).await;
    plans(desk, agent, "sort", "done").await;
    later(desk);
}

async fn plans(desk: &Headless, agent: &Agent, step: &str, status: &str) {
    let of = OfTask { agent: AGENT.to_owned(), task: "t".to_owned() };
    let view = desk.engine.task(&of).unwrap();
    let mut plan = json!(view.plan.unwrap());
    let steps = plan["steps"].as_array_mut().unwrap();
    let found = steps.iter_mut().find(|known| known["id"] == step).expect("the step");
    found["status"] = json!(status);
    let plan = json!({ "task": "t", "plan": plan, "revision": view.revision });
    agent.call("task.plan", plan).await.expect("planned");
}

#[tokio::test]
async fn what_builds_on_what_is_undone_first_is_done_again_once_that_was() {
    let (desk, agent) = after_reporting(true).await;
    informs(&desk, &agent).await;
    let items = next(&agent).await;
    let item = items.iter().find(|item| item["kind"] == "directive").expect("a directive");
    assert_eq!(verdicts(&item["directive"], ["sort", "report"]), ["run", "rerun"], "{item}");
    sorts_again(&desk, &agent).await;
    let both = (&desk, &agent);
    assert_eq!(told(both, "index", ["sort", "report"]).await.0, ["keep", "rerun"]);
    record(&agent, reads("r2")).await;
    assert_eq!(told(both, "mail", ["sort", "report"]).await.0, ["keep", "keep"]);
}

#[tokio::test]
async fn what_was_begun_after_the_first_word_is_not_done_a_third_time() {
    let (desk, agent) = after_reporting(true).await;
    informs(&desk, &agent).await;
    sorts_again(&desk, &agent).await;
    let mut again = reads("r2");
    again["action"]["started_at"] = json!(desk.clock.now());
    assert_eq!(told((&desk, &agent), "index", ["report"]).await.0, ["rerun"]);
    again["action"]["ended_at"] = json!(desk.clock.now());
    record(&agent, again).await;
    assert_eq!(told((&desk, &agent), "mail", ["report"]).await.0, ["keep"]);
}

#[tokio::test]
async fn where_nothing_is_recorded_the_agents_word_counts() {
    for said in ["nothing", "plan", "all", "the step", "another step"] {
        let (desk, agent) = after_reporting(false).await;
        informs(&desk, &agent).await;
        sorts_again(&desk, &agent).await;
        let (verdict, id) = told((&desk, &agent), "index", ["report"]).await;
        assert_eq!(verdict, ["rerun"]);
        let reports = |steps: Value| {
            json!({ "id": id,
            "report": { "outcome": "applied", "steps": steps } })
        };
        let report = match said {
            "all" => Some(reports(json!([]))),
            "the step" => Some(reports(json!([{ "id": "report", "outcome": "applied" }]))),
            "another step" => Some(reports(json!([{ "id": "index", "outcome": "applied" }]))),
            "plan" => {
                plans(&desk, &agent, "report", "running").await;
                plans(&desk, &agent, "report", "done").await;
                None
            }
            _ => None,
        };
        if let Some(report) = report {
            agent.call("handoff.reconcile", report).await.expect("reported");
        }
        let expected = match said {
            "nothing" | "another step" => "rerun",
            _ => "keep",
        };
        assert_eq!(told((&desk, &agent), "mail", ["report"]).await.0, [expected], "{said}");
    }
}

#[tokio::test]
async fn a_plan_of_the_reviewer_forgets_nothing_and_another_run_everything() {
    let (desk, agent) = after_reporting(true).await;
    informs(&desk, &agent).await;
    sorts_again(&desk, &agent).await;
    let of = OfTask { agent: AGENT.to_owned(), task: "t".to_owned() };
    let view = desk.engine.task(&of).unwrap();
    let mut plan = view.plan.unwrap();
    let more = json!({ "id": "more", "title": "More", "status": "pending" });
    plan.steps.push(serde_json::from_value::<Step>(more).unwrap());
    let (agent_name, task_id) = (of.agent, of.task);
    let edit =
        EditPlan { agent: agent_name, task: task_id, revision: view.revision, plan, text: None };
    desk.engine.edit_plan(edit).await.expect("edited");
    later(&desk);
    assert_eq!(told((&desk, &agent), "index", ["report"]).await.0, ["rerun"]);
    agent.call("task.close", json!({ "task": "t" })).await.expect("closed");
    let open = json!({ "task": task(), "plan": crate::owed::plan() });
    agent.call("task.open", open).await.expect("opened");
    later(&desk);
    assert_eq!(told((&desk, &agent), "mail", ["report"]).await.0, ["keep"]);
}

#[tokio::test]
async fn what_builds_on_what_was_replaced_by_hand_is_not_forgotten_by_the_next_answer() {
    let (desk, agent) = after_reporting(true).await;
    take_over(&desk, AGENT).await;
    let done = vec![StepDone { step: "look".to_owned(), output: Some(json!({ "files": 4 })) }];
    let (agent_name, task, facts) = (AGENT.to_owned(), "t".to_owned(), Map::new());
    let back = GiveBack { agent: agent_name, task, done, facts, text: None };
    desk.engine.give_back(back).await.expect("given back");
    let items = next(&agent).await;
    let item = items.iter().find(|item| item["kind"] == "give_back").expect("given back");
    assert_eq!(verdicts(&item["directive"], ["look", "sort", "report"]), ["keep", "keep", "rerun"]);
    later(&desk);
    assert_eq!(told((&desk, &agent), "index", ["sort", "report"]).await.0, ["keep", "rerun"]);
    record(&agent, reads("r2")).await;
    assert_eq!(told((&desk, &agent), "mail", ["sort", "report"]).await.0, ["keep", "keep"]);
}
