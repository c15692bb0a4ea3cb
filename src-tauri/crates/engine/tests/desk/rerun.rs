//! What is to be undone before it is done again is undone, and what was taken
//! back is done again only where somebody says so.

use handoff_domain::autonomy::Level;
use handoff_domain::decision::Answer;
use handoff_domain::rollback::Standing;
use handoff_protocol::view::{EditPlan, OfTask, ToUndo};
use handoff_testkit::Headless;
use serde_json::{Value, json};

use crate::agent::{Agent, approve, decide_and_release, handoff, request};
use crate::gate::{AGENT, ask, desk, set, task};
use crate::rollback::{actions, look, record, roll_back, standing, until};
use crate::rollback_by_desk::{allow, command};

pub fn a_move(key: &str, step: Option<&str>, from: &str, to: &str) -> Value {
    let mut check = json!({ "task": "t", "tool": "files.move", "key": key, "effect": "reversible",
        "args": { "from": from, "to": to },
        "undo": { "kind": "tool", "tool": "files.move", "args": { "from": to, "to": from } } });
    if let Some(step) = step {
        check["step"] = json!(step);
    }
    check
}

pub fn done(id: &str, check: &Value) -> Value {
    let mut action = json!({ "id": id, "tool": check["tool"], "input": check["args"],
        "effect": "reversible", "status": "done", "undo": check["undo"] });
    if check["step"].is_string() {
        action["step"] = check["step"].clone();
    }
    json!({ "task": "t", "action": action })
}

fn steps(sorted: &str) -> Value {
    json!({ "steps": [
        { "id": "look", "title": "Look", "status": "done" },
        { "id": "sort", "title": "Sort", "status": sorted, "uses": ["facts.folder"] },
        { "id": "report", "title": "Report", "status": "pending", "depends_on": ["sort"] },
        { "id": "ask", "title": "Ask", "status": "pending" } ] })
}

/// An agent that has sorted by a value, and asks about something else.
async fn after_sorting() -> (Headless, Agent, String) {
    let (desk, agent) = desk().await;
    set(&desk, Level::Execute).await;
    agent.call("task.open", json!({ "task": task(), "plan": steps("done") })).await.expect("open");
    let found = json!({ "task": "t", "action": { "id": "l1", "step": "look", "tool": "files.list",
        "effect": "read", "status": "done", "facts": { "folder": "old" } } });
    record(&agent, found).await;
    record(&agent, done("m1", &a_move("-", Some("sort"), "a", "old/a"))).await;
    let mut asked = handoff("k");
    asked["pending_question"]["step"] = json!("ask");
    asked["plan"] = steps("done");
    asked["actions_taken"] = json!([]);
    let id = agent.submit(asked).await;
    (desk, agent, id)
}

pub fn new_folder() -> Answer {
    let facts = json!({ "folder": "new" }).as_object().unwrap().clone();
    Answer::Inform { text: String::new(), facts, constraints: Vec::new() }
}

pub async fn next(agent: &Agent) -> Vec<Value> {
    let told = agent.call("agent.next", json!({ "task": "t", "wait_s": 20 })).await.expect("next");
    told["items"].as_array().unwrap().clone()
}

/// Does the undo that the agent is asked for.
pub async fn undoes(agent: &Agent) -> Value {
    let undo = loop {
        let told = next(agent).await;
        if let Some(undo) = told.iter().find(|item| item["kind"] == "undo") {
            break undo.clone();
        }
        for item in told {
            agent.call("agent.ack", json!({ "id": item["id"] })).await.expect("known");
        }
    };
    let check =
        json!({ "task": "t", "tool": undo["tool"], "args": undo["args"], "key": undo["key"] });
    assert_eq!(ask(agent, check).await["verdict"], "run");
    let report = json!({ "id": undo["id"], "result": { "outcome": "undone" } });
    agent.call("agent.ack", report).await.expect("reported");
    undo
}

async fn runnable(agent: &Agent) -> Value {
    agent.call("task.runnable", json!({ "task": "t" })).await.unwrap()["runnable"].clone()
}

#[tokio::test]
async fn what_a_decision_has_undone_first_is_asked_of_the_agent_and_then_done_again() {
    let (desk, agent, id) = after_sorting().await;
    let preview = desk.engine.preview(&request(&desk, &id, new_folder())).unwrap();
    assert_eq!(preview.undo[0].action, "m1", "the reviewer sees it before");
    decide_and_release(&desk, &id, new_folder()).await;
    let told = agent.wait(&id, 0).await["directive"][1].clone();
    assert_eq!((&told["verdict"], &told["undo"]), (&json!("undo_then_rerun"), &json!(["m1"])));

    let anew = || a_move("again", Some("sort"), "a", "new/a");
    let early = ask(&agent, anew()).await;
    let open = format!("rollback:{}", look(&desk).rollbacks[0].id);
    assert_eq!((&early["verdict"], &early["blocked_by"]), (&json!("held"), &json!([open])));
    assert!(early.get("handoff_id").is_none(), "nobody is asked");
    assert_eq!(undoes(&agent).await["action"], "m1");
    until(&desk, |view| view.over).await;
    assert_eq!(standing(&desk, "m1"), Standing::Undone);

    let told = next(&agent).await;
    let directive = told.iter().find(|item| item["kind"] == "directive").expect("a directive");
    let verdicts: Vec<&Value> =
        directive["directive"].as_array().unwrap().iter().map(|line| &line["verdict"]).collect();
    assert_eq!(verdicts[1..3], [&json!("run"), &json!("run")], "it goes on: {directive}");
    assert_eq!(runnable(&agent).await, json!(["sort", "ask"]));
    assert_eq!(ask(&agent, anew()).await["verdict"], "run", "by its level, as before");
    record(&agent, done("m2", &anew())).await;

    let revision = look(&desk).revision;
    let plan = json!({ "task": "t", "plan": steps("done"), "revision": revision });
    agent.call("task.plan", plan).await.expect("planned");

    // Taken back once more, it waits: that was not said.
    roll_back(&desk, actions(&["m2"])).await;
    undoes(&agent).await;
    until(&desk, |view| view.over).await;
    assert_eq!(runnable(&agent).await, json!(["ask"]));
}

#[tokio::test]
async fn an_undo_that_comes_with_an_answer_is_shown_exactly() {
    let (desk, agent, id) = after_sorting().await;
    let command = command(&["git", "revert", "abc"], "/work");
    let mut more = done("m2", &a_move("-", Some("sort"), "b", "old/b"));
    more["action"]["undo"] = command.clone();
    record(&agent, more).await;
    let shown = || {
        let preview = desk.engine.preview(&request(&desk, &id, new_folder())).unwrap();
        let of = |undo: ToUndo| (undo.action, json!(undo.undo), undo.commands_off);
        preview.undo.into_iter().map(of).collect::<Vec<_>>()
    };
    let tool = a_move("-", None, "a", "old/a")["undo"].clone();
    let all =
        |off| [("m2".to_owned(), command.clone(), off), ("m1".to_owned(), tool.clone(), false)];
    assert_eq!(shown(), all(true));
    allow(&desk, true).await;
    assert_eq!(shown(), all(false));
}

#[tokio::test]
async fn what_is_told_once_it_is_undone_is_held_against_the_agent_too() {
    let (desk, agent, id) = after_sorting().await;
    decide_and_release(&desk, &id, new_folder()).await;
    undoes(&agent).await;
    until(&desk, |view| view.over).await;
    let call = |step: &str, to: &str| a_move("-", Some(step), "a", to);
    record(&agent, done("m2", &call("sort", "new/a"))).await;
    let flagged = || desk.engine.open_case(&id).unwrap().divergences;
    assert_eq!(flagged(), [], "it was told to do that again");
    let kept = done("m3", &call("look", "b"));
    let answer = agent.call("action.record", kept).await.expect("recorded");
    assert!(answer["diverged"].as_str().is_some_and(|why| why.contains("stays")), "{answer}");
    assert_eq!(flagged()[0].action.as_deref(), Some("m3"));
}

#[tokio::test]
async fn what_a_decision_has_undone_waits_for_the_rollback_before_it() {
    let (desk, agent, id) = after_sorting().await;
    let other = a_move("-", None, "x", "y");
    record(&agent, done("o1", &other)).await;
    roll_back(&desk, actions(&["o1"])).await;
    decide_and_release(&desk, &id, new_folder()).await;
    assert_eq!(look(&desk).rollbacks.len(), 1, "one at a time");
    assert_eq!(undoes(&agent).await["action"], "o1");
    let view = until(&desk, |view| view.items[0].action == "m1").await;
    let view = desk.engine.skip_undo(crate::rollback::item(&view, "m1")).await;
    assert!(view.is_ok(), "nothing of it was taken up: {view:?}");
    assert_eq!(look(&desk).rollbacks.len(), 1 + 1, "what was left out is not begun again");
    let anew = ask(&agent, a_move("again", Some("sort"), "a", "new/a")).await;
    assert_eq!(anew["verdict"], "held", "it was to be undone first: {anew}");
    assert!(anew["handoff_id"].is_string(), "the reviewer says how it goes on");
}

#[tokio::test]
async fn what_was_taken_back_is_not_done_again_unasked() {
    for step in [Some("sort"), None] {
        let (desk, agent) = desk().await;
        set(&desk, Level::Execute).await;
        let open = json!({ "task": task(), "plan": steps("running") });
        agent.call("task.open", open).await.expect("open");
        let first = a_move("c1", step, "a", "b");
        assert_eq!(ask(&agent, first.clone()).await["verdict"], "run");
        record(&agent, done("m1", &first)).await;
        roll_back(&desk, actions(&["m1"])).await;
        undoes(&agent).await;
        until(&desk, |view| view.over).await;
        let again = a_move("c2", step, "a", "b");
        let held = ask(&agent, again.clone()).await;
        assert_eq!(
            (&held["verdict"], &held["held"]),
            (&json!("held"), &json!("trigger")),
            "{step:?}"
        );
        assert!(held["why"].as_str().unwrap().contains("taken back"), "{held}");
        let read = json!({ "task": "t", "tool": "files.list", "key": "r", "args": {} });
        assert_eq!(ask(&agent, read).await["verdict"], "run", "to look does no harm");
        let id = held["handoff_id"].as_str().unwrap().to_owned();
        decide_and_release(&desk, &id, approve("run")).await;
        assert_eq!(ask(&agent, again.clone()).await["verdict"], "run", "the reviewer said so");
        record(&agent, done("m2", &again)).await;
    }
}

#[tokio::test]
async fn a_plan_of_the_reviewer_lets_what_was_taken_back_be_done_again() {
    let (desk, agent) = desk().await;
    set(&desk, Level::Execute).await;
    let open = json!({ "task": task(), "plan": steps("done") });
    agent.call("task.open", open).await.expect("open");
    record(&agent, done("m1", &a_move("-", Some("sort"), "a", "b"))).await;
    roll_back(&desk, actions(&["m1"])).await;
    undoes(&agent).await;
    until(&desk, |view| view.over).await;
    let of = OfTask { agent: AGENT.to_owned(), task: "t".to_owned() };
    let view = desk.engine.task(&of).unwrap();
    let mut plan = view.plan.unwrap();
    plan.steps[1].title = "Sort again".to_owned();
    let (agent_name, task) = (of.agent, of.task);
    let edit = EditPlan { agent: agent_name, task, revision: view.revision, plan, text: None };
    desk.engine.edit_plan(edit).await.expect("edited");
    let again = ask(&agent, a_move("c2", Some("sort"), "a", "b")).await;
    assert_eq!(again["verdict"], "run", "{again}");
}
