use handoff_domain::decision::{Answer, EndUserMessage};
use handoff_domain::gate::Stop;
use handoff_domain::reconcile::StepDone;
use handoff_protocol::view::{Acts, EditPlan, GiveBack, OfTask, Pause, TakeOver, TellAgent};
use handoff_protocol::wire::ErrorCode;
use handoff_testkit::Headless;
use serde_json::{Value, json};

use crate::agent::{Agent, approve, code, decide_and_release, handoff};
use crate::gate::{AGENT, a_move, ask, desk, task};

const TASK: &str = "t";

fn steps() -> Value {
    json!({ "steps": [
        { "id": "scan", "title": "Scan", "status": "done" },
        { "id": "sort", "title": "Sort", "status": "pending", "depends_on": ["scan"] },
        { "id": "report", "title": "Report", "status": "pending", "depends_on": ["sort"] },
    ] })
}

/// The tasks in the reviewer's hands, by their titles.
fn in_hands(desk: &Headless) -> Vec<String> {
    let status = desk.engine.status(String::new(), String::new()).expect("status");
    status
        .in_hands
        .into_iter()
        .map(|one| format!("{}/{}: {}", one.agent, one.task, one.title))
        .collect()
}

/// A desk with an agent that works on a task with a plan.
async fn at_work() -> (Headless, Agent) {
    let (desk, agent) = desk().await;
    agent.call("task.open", json!({ "task": task(), "plan": steps() })).await.expect("open");
    (desk, agent)
}

async fn next(agent: &Agent) -> Vec<Value> {
    let told = agent.call("agent.next", json!({})).await.expect("next");
    told["items"].as_array().unwrap().clone()
}

async fn acknowledge(agent: &Agent, item: &Value) {
    agent.call("agent.ack", json!({ "id": item["id"] })).await.expect("acknowledged");
}

async fn pause(desk: &Headless, agent: Option<&str>, task: Option<&str>, paused: bool) {
    let owned = |name: Option<&str>| name.map(str::to_owned);
    let pause = Pause { agent: owned(agent), task: owned(task), paused };
    desk.engine.pause(pause).await.expect("paused");
}

fn of() -> OfTask {
    OfTask { agent: AGENT.to_owned(), task: TASK.to_owned() }
}

fn take() -> TakeOver {
    TakeOver { agent: AGENT.to_owned(), task: TASK.to_owned(), message: None }
}

fn back(done: &[&str], facts: Value) -> GiveBack {
    let done =
        done.iter().map(|step| StepDone { step: (*step).to_owned(), output: Some(json!(7)) });
    GiveBack {
        agent: AGENT.to_owned(),
        task: TASK.to_owned(),
        done: done.collect(),
        facts: serde_json::from_value(facts).unwrap(),
        text: Some("Look at the names again.".to_owned()),
    }
}

#[tokio::test]
async fn what_an_agent_is_told_comes_again_until_it_says_that_it_knows() {
    let (desk, agent) = at_work().await;
    pause(&desk, Some(AGENT), Some(TASK), true).await;
    let told = next(&agent).await;
    assert_eq!((told.len(), &told[0]["kind"], &told[0]["task"]), (1, &json!("pause"), &json!("t")));
    assert_eq!(next(&agent).await, told, "it was not acknowledged");
    acknowledge(&agent, &told[0]).await;
    assert_eq!(next(&agent).await, Vec::<Value>::new());
    acknowledge(&agent, &told[0]).await;
    let unknown = agent.call("agent.ack", json!({ "id": "i-none" })).await;
    assert_eq!(code(unknown), ErrorCode::NotFound);
    let other = Agent::named(&desk.engine, "other").await;
    let foreign = other.call("agent.ack", json!({ "id": told[0]["id"] })).await;
    assert_eq!(code(foreign), ErrorCode::NotFound, "another's does not exist");
}

#[tokio::test]
async fn an_agent_that_waits_learns_it_at_once_and_is_given_a_hint() {
    let (desk, agent) = at_work().await;
    let words = TellAgent {
        agent: AGENT.to_owned(),
        task: TASK.to_owned(),
        text: "Mind the photos.".to_owned(),
    };
    let waiting = agent.call("agent.next", json!({ "wait_s": 600, "task": TASK }));
    let (told, said) = tokio::join!(waiting, desk.engine.tell_agent(words));
    said.expect("told");
    let told = told.expect("next");
    assert_eq!(told["items"][0]["text"], "Mind the photos.");
    assert!(agent.hints.lock().unwrap().contains(&json!({})), "agent.pending was sent");
    let long = agent.call("agent.next", json!({ "wait_s": 3601 })).await;
    assert_eq!(code(long), ErrorCode::InvalidParams);
}

#[tokio::test]
async fn a_pause_that_nobody_heard_of_is_nothing_to_tell() {
    let (desk, agent) = at_work().await;
    pause(&desk, None, None, true).await;
    pause(&desk, None, None, false).await;
    assert_eq!(next(&agent).await, Vec::<Value>::new());
    pause(&desk, None, None, true).await;
    let told = next(&agent).await;
    assert!(told[0].get("task").is_none(), "it is about all the agent's work");
    pause(&desk, None, None, false).await;
    let kinds: Vec<Value> =
        next(&agent).await.into_iter().map(|item| item["kind"].clone()).collect();
    assert_eq!(kinds, [json!("pause"), json!("resume")], "in the order they were said");
}

#[tokio::test]
async fn every_check_says_how_much_there_is_to_know() {
    let (desk, agent) = at_work().await;
    assert_eq!(ask(&agent, a_move("1")).await["pending_for_you"], 0);
    pause(&desk, Some(AGENT), None, true).await;
    let held = ask(&agent, a_move("2")).await;
    assert_eq!(
        (&held["pending_for_you"], &held["held"]),
        (&json!(1), &json!({ "stopped": "agent" }))
    );
}

#[tokio::test]
async fn a_task_that_is_taken_over_is_given_back_with_what_was_done_by_hand() {
    let (desk, agent) = at_work().await;
    desk.engine.take_over(take()).await.expect("taken over");
    assert_eq!(desk.engine.task(&of()).unwrap().acts, Acts::Reviewer);
    let title = task()["title"].as_str().unwrap().to_owned();
    assert_eq!(in_hands(&desk), [format!("{AGENT}/{TASK}: {title}")]);
    let read = json!({ "task": TASK, "tool": "files.list", "key": "r", "args": {} });
    assert_eq!(ask(&agent, read.clone()).await["verdict"], "held", "not even reading");
    assert_eq!(next(&agent).await[0]["kind"], "take_over");

    let unknown = desk.engine.give_back(back(&["nowhere"], json!({}))).await.unwrap_err();
    assert_eq!(unknown.0.code, ErrorCode::InvalidPayload);
    assert_eq!(unknown.0.faults[0].pointer, "/done/0/step");
    assert_eq!(desk.engine.task(&of()).unwrap().stopped, Some(Stop::TakenOver), "nothing was sent");

    desk.engine.give_back(back(&["sort"], json!({ "count": 3 }))).await.expect("given back");
    let view = desk.engine.task(&of()).unwrap();
    assert_eq!((view.acts, view.stopped, view.revision), (Acts::Agent, None, 2));
    assert!(in_hands(&desk).is_empty(), "given back");
    let told = next(&agent).await;
    let last = told.last().unwrap();
    assert_eq!((&last["kind"], &last["facts"]["count"]), (&json!("give_back"), &json!(3)));
    assert_eq!(last["done"][0], json!({ "step": "sort", "output": 7 }));
    let verdicts: Vec<&Value> =
        last["directive"].as_array().unwrap().iter().map(|line| &line["verdict"]).collect();
    assert_eq!(verdicts, [&json!("keep"), &json!("keep"), &json!("run")]);
    let standing = agent.call("task.runnable", json!({ "task": TASK })).await.unwrap();
    assert_eq!(standing["runnable"], json!(["report"]), "what waited for it may go on");
    let again = desk.engine.give_back(back(&[], json!({}))).await.unwrap_err();
    assert_eq!(again.0.code, ErrorCode::Conflict);
    let read = json!({ "task": TASK, "tool": "files.list", "key": "r2", "args": {} });
    assert_eq!(ask(&agent, read).await["verdict"], "run");
}

#[tokio::test]
async fn what_the_reviewer_found_counts_like_what_the_agent_found() {
    let (desk, agent) = at_work().await;
    let found = json!({ "task": TASK, "action": { "id": "a1", "tool": "files.list",
        "effect": "read", "status": "done", "facts": { "owner": "Ann" } } });
    agent.call("action.record", found).await.unwrap();
    desk.engine.take_over(take()).await.unwrap();
    desk.engine.give_back(back(&[], json!({ "owner": "Ben" }))).await.unwrap();
    let held = ask(&agent, a_move("1")).await;
    assert_eq!(held["verdict"], "held");
    let case = desk.engine.open_case(held["handoff_id"].as_str().unwrap()).unwrap();
    let evidence = serde_json::to_string(&case.asked.unwrap().evidence).unwrap();
    assert!(evidence.contains("Ann") && evidence.contains("Ben"), "{evidence}");
}

#[tokio::test]
async fn a_decision_to_take_over_takes_the_task_over_when_it_is_released() {
    let (desk, agent) = at_work().await;
    let id = agent.submit(handoff("k")).await;
    crate::agent::decide(&desk, &id, Answer::TakeOver { note: "I do it.".to_owned() }).await;
    assert_eq!(desk.engine.task(&of()).unwrap().stopped, None, "it can still be undone");
    crate::agent::release(&desk).await;
    assert_eq!(desk.engine.task(&of()).unwrap().stopped, Some(Stop::TakenOver));
    assert_eq!(in_hands(&desk).len(), 1);
}

#[tokio::test]
async fn an_edited_plan_is_the_plan_and_the_agent_is_told() {
    let (desk, agent) = at_work().await;
    let plan = |steps: Value| serde_json::from_value(steps).unwrap();
    let edit = |revision, steps: Value| EditPlan {
        agent: AGENT.to_owned(),
        task: TASK.to_owned(),
        revision,
        plan: plan(steps),
        text: None,
    };
    let mut shorter = steps();
    shorter["steps"].as_array_mut().unwrap().pop();
    desk.engine.edit_plan(edit(1, shorter.clone())).await.expect("edited");
    let told = next(&agent).await;
    assert_eq!((&told[0]["kind"], &told[0]["revision"]), (&json!("plan"), &json!(2)));
    assert_eq!(told[0]["plan"]["steps"].as_array().unwrap().len(), 2);

    let stale = desk.engine.edit_plan(edit(1, steps())).await.unwrap_err();
    assert_eq!(stale.0.code, ErrorCode::Conflict);
    let mut circle = steps();
    circle["steps"][0]["depends_on"] = json!(["report"]);
    let refused = desk.engine.edit_plan(edit(2, circle)).await.unwrap_err();
    assert!(!refused.0.faults.is_empty(), "a circle is named");
    let mut undone = steps();
    undone["steps"][0]["status"] = json!("pending");
    let refused = desk.engine.edit_plan(edit(2, undone)).await.unwrap_err();
    assert!(refused.0.message.contains("Scan"), "what is done is done");
    assert_eq!(desk.engine.task(&of()).unwrap().revision, 2);
    let old = json!({ "task": TASK, "plan": steps(), "revision": 1 });
    assert_eq!(code(agent.call("task.plan", old).await), ErrorCode::Conflict);
}

#[tokio::test]
async fn a_task_has_one_timeline_of_agent_reviewer_and_desk() {
    let (desk, agent) = at_work().await;
    let id = agent.submit(handoff("k")).await;
    decide_and_release(&desk, &id, approve("keep")).await;
    let done = json!({ "task": TASK, "action": { "id": "a1", "tool": "files.list",
        "effect": "read", "status": "done" } });
    agent.call("action.record", done).await.unwrap();
    desk.engine.take_over(take()).await.unwrap();
    let view = desk.engine.task(&of()).unwrap();
    let told: Vec<(&str, &str)> = view
        .timeline
        .iter()
        .map(|entry| (entry.entry.actor.as_str(), entry.entry.text.as_str()))
        .collect();
    for expected in [
        ("agent", "Handed over"),
        ("reviewer", "Approved: Keep all"),
        ("System", "Sent to the agent"),
        ("agent", "Ran files.list"),
        ("reviewer", "Took the task over"),
    ] {
        assert!(told.contains(&expected), "{expected:?} in {told:?}");
    }
    assert!(view.timeline.is_sorted_by_key(|entry| entry.entry.at));
    let nobody = OfTask { agent: "nobody".to_owned(), task: TASK.to_owned() };
    assert_eq!(desk.engine.task(&nobody).unwrap_err().0.code, ErrorCode::NotFound);
}

#[tokio::test]
async fn a_handoff_opens_its_task_and_its_plan_gives_way_to_the_agents_own() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, AGENT).await;
    agent.submit(handoff("k")).await;
    let view = desk.engine.task(&of()).unwrap();
    assert_eq!((view.revision, view.steps.len()), (1, 4));
    agent.call("task.plan", json!({ "task": TASK, "plan": steps(), "revision": 1 })).await.unwrap();
    let mut later = handoff("k2");
    later["plan"]["steps"][2]["title"] = json!("Another title");
    agent.submit(later).await;
    let view = desk.engine.task(&of()).unwrap();
    assert_eq!((view.revision, view.steps.len()), (2, 3), "what was given as the plan stays it");
}

#[tokio::test]
async fn what_was_told_outlives_the_desk() {
    let (desk, agent) = at_work().await;
    desk.engine.take_over(take()).await.unwrap();
    drop(agent);
    let desk = desk.restart().await.unwrap();
    assert_eq!(desk.engine.task(&of()).unwrap().stopped, Some(Stop::TakenOver));
    let kinds: Vec<String> =
        desk.engine.task(&of()).unwrap().timeline.into_iter().map(|at| at.entry.event).collect();
    assert_eq!(kinds, ["taken_over"]);
}

#[tokio::test]
async fn a_quick_question_holds_nothing_and_its_answer_reaches_the_agent() {
    let (desk, agent) = at_work().await;
    crate::gate::set(&desk, handoff_domain::autonomy::Level::Execute).await;
    let mut quick = handoff("quick");
    quick["options"] = json!([]);
    quick["allowed_decisions"] = json!(["inform"]);
    quick["pending_question"] = json!({ "text": "Which folder is the newest?" });
    let id = agent.submit(quick).await;
    let free = ask(&agent, a_move("1")).await;
    assert_eq!(free["verdict"], "run", "{free}");
    let standing = agent.call("task.runnable", json!({ "task": TASK })).await.unwrap();
    assert_eq!(standing["runnable"], json!(["sort"]));
    assert_eq!(standing["pending"], json!([id]), "it waits for the reviewer all the same");
    let view = desk.engine.task(&of()).unwrap();
    assert_eq!((view.acts, view.pending), (Acts::Agent, vec![id.clone()]));
    let case = desk.engine.open_case(&id).unwrap();
    let blocked = handoff_domain::directive::Verdict::Blocked;
    assert!(case.plan.iter().all(|step| step.verdict != blocked), "{:?}", case.plan);
    let answer = Answer::Inform {
        text: "2026".to_owned(),
        facts: serde_json::Map::new(),
        constraints: Vec::new(),
    };
    decide_and_release(&desk, &id, answer).await;
    assert_eq!(agent.wait(&id, 0).await["decision"]["text"], "2026");
}

#[tokio::test]
async fn what_the_end_user_is_told_stands_in_the_task_and_steps_go_by_their_titles() {
    let (desk, agent) = at_work().await;
    let id = agent.submit(handoff("k")).await;
    let words = |text: &str| Some(EndUserMessage { text: text.to_owned() });
    let mut answer = crate::agent::request(&desk, &id, approve("keep"));
    answer.message = words("I have read your conversation with our assistant.");
    desk.engine.decide(answer).await.unwrap();
    assert!(desk.engine.task(&of()).unwrap().said.is_empty(), "it is not out");
    crate::agent::release(&desk).await;
    let done = json!({ "task": TASK, "action": { "id": "a1", "step": "scan", "tool": "files.list",
        "effect": "read", "status": "done" } });
    agent.call("action.record", done).await.unwrap();
    let message = words("I look into it myself.");
    desk.engine.take_over(TakeOver { message, ..take() }).await.unwrap();
    let view = desk.engine.task(&of()).unwrap();
    let said: Vec<(&str, Option<&String>, bool)> = view
        .said
        .iter()
        .map(|said| (said.text.as_str(), said.handoff.as_ref(), said.known))
        .collect();
    let first = ("I have read your conversation with our assistant.", Some(&id), false);
    assert_eq!(said, [first, ("I look into it myself.", None, false)]);
    let told: Vec<&str> = view.timeline.iter().map(|entry| entry.entry.text.as_str()).collect();
    for expected in [
        "Approved: Keep all. The end user is told: I have read your conversation with our \
         assistant.",
        "Ran files.list for “Scan”",
        "Took the task over. The end user is told: I look into it myself.",
    ] {
        assert!(told.contains(&expected), "{expected:?} in {told:?}");
    }
}

#[tokio::test]
async fn how_far_the_agent_comes_while_its_question_waits_stands_in_the_timeline() {
    let (desk, agent) = at_work().await;
    agent.submit(handoff("k")).await;
    let mut plan = steps();
    plan["steps"][1]["status"] = json!("done");
    plan["steps"][2]["status"] = json!("running");
    let further = json!({ "task": TASK, "plan": plan, "revision": 1 });
    agent.call("task.plan", further).await.unwrap();
    let again = json!({ "task": TASK, "plan": plan, "revision": 2 });
    agent.call("task.plan", again).await.unwrap();
    let view = desk.engine.task(&of()).unwrap();
    let of_agent = view.timeline.iter().filter(|entry| entry.entry.event == "progressed");
    let told: Vec<&str> = of_agent.map(|entry| entry.entry.text.as_str()).collect();
    assert_eq!(told, ["Began “Report”. Finished “Sort”"]);
}

#[tokio::test]
async fn several_questions_are_answered_in_any_order_and_each_frees_its_own() {
    for order in [[0, 1], [1, 0]] {
        let desk = Headless::new().await.unwrap();
        let agent = Agent::named(&desk.engine, AGENT).await;
        let mut ids = Vec::new();
        for step in ["delete", "index"] {
            let mut one = handoff(step);
            one["pending_question"]["step"] = json!(step);
            ids.push(agent.submit(one).await);
        }
        let runnable = async || {
            let standing = agent.call("task.runnable", json!({ "task": TASK })).await.unwrap();
            standing["runnable"].clone()
        };
        assert_eq!(runnable().await, json!([]));
        let steps = ["delete", "index"];
        decide_and_release(&desk, &ids[order[0]], approve("keep")).await;
        assert_eq!(runnable().await, json!([steps[order[0]]]));
        decide_and_release(&desk, &ids[order[1]], approve("keep")).await;
        assert_eq!(runnable().await, json!(["delete", "index"]));
    }
}
