//! Taking actions back: through the window's calls on one side, the agent's on
//! the other, and with a desk or an agent that dies in between.

use std::time::Duration;

use handoff_domain::autonomy::Level;
use handoff_domain::payload::StepStatus;
use handoff_domain::rollback::execution::ItemState;
use handoff_domain::rollback::{Selection, Standing};
use handoff_engine::Clock as _;
use handoff_protocol::view::{
    ConfirmRollback, OfTask, Pause, RollbackPreview, RollbackRequest, RollbackView, TaskView,
    UndoItem,
};
use handoff_protocol::wire::{ErrorCode, ErrorData};
use handoff_testkit::Headless;
use serde_json::{Value, json};

use crate::agent::{Agent, approve, code, decide_and_release, handoff};
use crate::gate::{AGENT, ask, desk, set, task};
use crate::news::{settle, there};

/// How long something that comes by itself may take.
const PATIENCE: Duration = Duration::from_secs(20);

fn of() -> OfTask {
    OfTask { agent: AGENT.to_owned(), task: "t".to_owned() }
}

pub fn actions(ids: &[&str]) -> Selection {
    Selection::Actions { ids: ids.iter().map(|id| (*id).to_owned()).collect() }
}

pub fn since(id: &str) -> Selection {
    Selection::SinceAction { id: id.to_owned() }
}

pub fn preview(desk: &Headless, selection: Selection) -> RollbackPreview {
    let request = RollbackRequest { agent: AGENT.to_owned(), task: "t".to_owned(), selection };
    desk.engine.preview_rollback(&request).expect("a preview")
}

pub fn confirmed(shown: &RollbackPreview, selection: Selection) -> ConfirmRollback {
    ConfirmRollback {
        agent: AGENT.to_owned(),
        task: "t".to_owned(),
        selection,
        fingerprint: shown.fingerprint.clone(),
    }
}

pub async fn roll_back(desk: &Headless, selection: Selection) -> RollbackView {
    let shown = preview(desk, selection.clone());
    assert_eq!(shown.refused, None);
    desk.engine.confirm_rollback(confirmed(&shown, selection)).await.expect("confirmed")
}

pub fn item(view: &RollbackView, action: &str) -> UndoItem {
    UndoItem { rollback: view.id.clone(), action: action.to_owned() }
}

pub fn look(desk: &Headless) -> TaskView {
    desk.engine.task(&of()).expect("the task")
}

pub fn standing(desk: &Headless, id: &str) -> Standing {
    let view = look(desk);
    view.actions.into_iter().find(|action| action.id == id).expect("the action").standing
}

pub fn state(view: &RollbackView, action: &str) -> ItemState {
    view.items.iter().find(|item| item.action == action).expect("the item").state.clone()
}

/// The latest rollback, once it is as wanted.
pub async fn until(desk: &Headless, wanted: impl Fn(&RollbackView) -> bool) -> RollbackView {
    let mut changes = desk.engine.follow();
    let reached = async {
        loop {
            if let Some(view) = look(desk).rollbacks.into_iter().next().filter(|view| wanted(view))
            {
                return view;
            }
            changes.recv().await.expect("the desk is there");
        }
    };
    let came = tokio::time::timeout(PATIENCE, reached).await;
    came.unwrap_or_else(|_| panic!("it never came so far: {:#?}", look(desk).rollbacks))
}

async fn next(agent: &Agent) -> Vec<Value> {
    let told = agent.call("agent.next", json!({ "task": "t" })).await.expect("next");
    told["items"].as_array().unwrap().clone()
}

/// The undo that the agent is asked for, once it is.
async fn asked(agent: &Agent) -> Value {
    let told = agent.call("agent.next", json!({ "task": "t", "wait_s": 20 })).await.expect("next");
    let undo = told["items"].as_array().unwrap().iter().find(|item| item["kind"] == "undo");
    undo.cloned().expect("an undo")
}

fn check_of(undo: &Value) -> Value {
    json!({ "task": "t", "tool": undo["tool"], "args": undo["args"], "key": undo["key"] })
}

fn record_of(undo: &Value, id: &str, status: &str) -> Value {
    json!({ "task": "t", "action": {
        "id": id, "tool": undo["tool"], "input": undo["args"], "effect": "reversible",
        "status": status, "output": "as asked" } })
}

fn moved(id: &str, from: &str, to: &str) -> Value {
    json!({ "task": task(), "action": {
        "id": id, "tool": "files.move", "input": { "from": from, "to": to },
        "effect": "reversible", "status": "done",
        "undo": { "kind": "tool", "tool": "files.move", "args": { "from": to, "to": from } } } })
}

pub fn ran(id: &str, undo: &Value) -> Value {
    json!({ "task": task(), "action": {
        "id": id, "tool": "files.move", "input": { "id": id }, "effect": "reversible",
        "status": "done", "undo": undo } })
}

pub async fn record(agent: &Agent, action: Value) -> Value {
    agent.call("action.record", action).await.expect("recorded")
}

/// A desk on which an agent has moved two files.
async fn after_moves() -> (Headless, Agent) {
    let (desk, agent) = desk().await;
    set(&desk, Level::Suggest).await;
    record(&agent, moved("m1", "a", "b")).await;
    desk.clock.pass(Duration::from_secs(1));
    record(&agent, moved("m2", "c", "d")).await;
    (desk, agent)
}

#[tokio::test]
async fn an_undo_is_asked_of_the_agent_and_its_call_runs_once() {
    let (desk, agent) = after_moves().await;
    assert!(matches!(standing(&desk, "m1"), Standing::Reversible { .. }));
    let shown = preview(&desk, since("m1"));
    let order: Vec<&str> = shown.plan.steps.iter().map(|step| step.action.as_str()).collect();
    assert_eq!(order, ["m2", "m1"], "the later one first");

    roll_back(&desk, since("m1")).await;
    let undo = asked(&agent).await;
    assert_eq!((&undo["action"], &undo["args"]["from"]), (&json!("m2"), &json!("d")));
    let other = json!({ "task": "t", "tool": "files.move", "key": "o",
        "args": { "from": "d", "to": "elsewhere" } });
    let other = ask(&agent, other).await;
    assert_eq!(other["verdict"], "held", "the permit is for this call alone");
    agent.call("handoff.withdraw", json!({ "id": other["handoff_id"] })).await.unwrap();

    let run = ask(&agent, check_of(&undo)).await;
    assert_eq!((&run["verdict"], &run["undoes"]), (&json!("run"), &json!("m2")), "at Suggest");
    let again = ask(&agent, check_of(&undo)).await;
    assert_eq!(again["verdict"], "denied", "the same key is not let run twice: {again}");
    let mut third = check_of(&undo);
    third["key"] = json!("another");
    let third = ask(&agent, third).await;
    assert_eq!(third["verdict"], "held", "nor is another: {third}");
    agent.call("handoff.withdraw", json!({ "id": third["handoff_id"] })).await.unwrap();

    let recorded = record(&agent, record_of(&undo, "u2", "done")).await;
    assert_eq!(recorded["undid"], "m2");
    let second = asked(&agent).await;
    assert_eq!(second["action"], "m1", "the next one, once this is done");
    assert_eq!(ask(&agent, check_of(&second)).await["verdict"], "run");
    let report = json!({ "id": second["id"], "result": { "outcome": "undone" } });
    agent.call("agent.ack", report).await.expect("reported");

    let over = until(&desk, |view| view.over).await;
    assert_eq!(over.says, "All 2 are undone.");
    assert_eq!(standing(&desk, "m1"), Standing::Undone);
    assert_eq!(standing(&desk, "m2"), Standing::Undone);
    assert!(matches!(standing(&desk, "u2"), Standing::Nothing { .. }), "it is an undo itself");
    let told = next(&agent).await;
    assert_eq!(told.last().map(|item| &item["kind"]), Some(&json!("directive")), "{told:?}");
    assert_eq!(told.last().unwrap()["undone"], json!(["m2", "m1"]));
    let late = record(&agent, moved("m1", "a", "b")).await;
    assert_eq!(late["replayed"], true, "what was undone does not stand again by being told again");
    assert_eq!(standing(&desk, "m1"), Standing::Undone);
    let refused = preview(&desk, actions(&["m1"])).refused.expect("refused");
    assert!(refused.contains("undone already"), "{refused}");
}

#[tokio::test]
async fn the_plan_is_reconciled_and_the_undone_step_is_open_again() {
    let (desk, agent) = desk().await;
    let steps = json!({ "steps": [
        { "id": "sort", "title": "Sort", "status": "done" },
        { "id": "report", "title": "Report", "status": "pending", "depends_on": ["sort"] } ] });
    agent.call("task.open", json!({ "task": task(), "plan": &steps })).await.expect("open");
    let mut action = moved("m1", "a", "b");
    action["action"]["step"] = json!("sort");
    record(&agent, action).await;
    let shown = preview(&desk, actions(&["m1"]));
    let verdicts: Vec<String> = shown
        .directive
        .iter()
        .map(|step| serde_json::to_value(step.verdict).unwrap().as_str().unwrap().to_owned())
        .collect();
    assert_eq!(verdicts, ["blocked", "blocked"]);
    roll_back(&desk, actions(&["m1"])).await;
    let undo = asked(&agent).await;
    ask(&agent, check_of(&undo)).await;
    record(&agent, record_of(&undo, "u1", "done")).await;
    until(&desk, |view| view.over).await;
    let told = next(&agent).await;
    let kinds: Vec<&Value> = told.iter().map(|item| &item["kind"]).collect();
    assert_eq!(kinds, [&json!("plan"), &json!("directive")]);
    assert_eq!(told[1]["directive"][0]["verdict"], "blocked");
    assert_eq!(told[0]["plan"]["steps"][0]["status"], "pending");
    let runnable = async || {
        let standing = agent.call("task.runnable", json!({ "task": "t" })).await.unwrap();
        standing["runnable"].clone()
    };
    assert_eq!(runnable().await, json!([]), "it waits, and with it what builds on it");
    let again = json!({ "task": task(), "plan": steps });
    agent.call("task.open", again).await.expect("it starts again");
    let plan = look(&desk).plan.expect("a plan");
    assert_eq!(plan.steps[0].status, StepStatus::Pending, "what was taken back is not done");
    let other = agent.submit(about("index")).await;
    decide_and_release(&desk, &other, approve("keep")).await;
    let told = agent.wait(&other, 1).await;
    assert_eq!(told["directive"][0]["verdict"], "blocked", "{}", told["directive"]);
    assert_eq!(runnable().await, json!([]), "a word on something else does not let it go on");
    let again = agent.submit(about("sort")).await;
    decide_and_release(&desk, &again, approve("trash")).await;
    assert_eq!(runnable().await, json!(["sort"]), "one on this step does");
}

/// A question about a step, from an agent that tells of no plan.
fn about(step: &str) -> Value {
    let mut asks = handoff(&format!("about-{step}"));
    asks["pending_question"]["step"] = json!(step);
    asks.as_object_mut().unwrap().remove("plan");
    asks
}

#[tokio::test]
async fn what_changed_since_it_was_shown_is_not_rolled_back() {
    let (desk, agent) = after_moves().await;
    let shown = preview(&desk, since("m1"));
    record(&agent, moved("m3", "e", "f")).await;
    let stale = desk.engine.confirm_rollback(confirmed(&shown, since("m1"))).await.unwrap_err();
    assert_eq!(stale.0.code, ErrorCode::Conflict);
    assert!(stale.0.message.contains("changed"), "{}", stale.0.message);
    assert_eq!(look(&desk).rollbacks, vec![], "nothing was begun");
    roll_back(&desk, actions(&["m3"])).await;
    let second = preview(&desk, actions(&["m1"])).refused.expect("one at a time");
    assert!(second.contains("not over"), "{second}");
}

#[tokio::test]
async fn bad_input_touches_nothing_and_says_why() {
    let (desk, agent) = after_moves().await;
    record(&agent, crate::gate::action("d1", "files.list", &json!({}), "read")).await;
    let none = json!({ "task": "t", "action": { "id": "n1", "tool": "files.move",
        "input": { "from": "x" }, "effect": "reversible", "status": "done" } });
    record(&agent, none).await;
    let copies = ran("k1", &json!({ "kind": "files" }));
    record(&agent, copies).await;
    for (selection, why) in [
        (actions(&["m9"]), "no action `m9`"),
        (since("m9"), "no action `m9`"),
        (actions(&["d1"]), "changed nothing"),
        (actions(&["n1"]), "Nothing of this can be undone"),
        (actions(&["k1"]), "Nothing of this can be undone"),
    ] {
        let shown = preview(&desk, selection.clone());
        let refused = shown.refused.clone().expect("refused");
        assert!(refused.contains(why), "{selection:?}: {refused}");
        let failed = desk.engine.confirm_rollback(confirmed(&shown, selection)).await.unwrap_err();
        assert_eq!(failed.0.code, ErrorCode::Refused);
    }
    let stays = preview(&desk, actions(&["n1"])).plan.stays;
    assert_eq!(stays[0].why, "It came with no way to undo it.");
    let unknown = UndoItem { rollback: "r-none".to_owned(), action: "m1".to_owned() };
    assert_eq!(desk.engine.retry_undo(unknown).await.unwrap_err().0.code, ErrorCode::NotFound);
    let view = roll_back(&desk, actions(&["m1"])).await;
    let unknown = desk.engine.skip_undo(item(&view, "m2")).await.unwrap_err();
    assert_eq!(unknown.0.code, ErrorCode::Conflict);
    let undo = asked(&agent).await;
    let told: Result<Value, ErrorData> = agent.call("agent.ack", json!({ "id": undo["id"] })).await;
    assert_eq!(code(told), ErrorCode::InvalidParams, "an undo is not acknowledged by nothing");
    let told = agent.call("agent.ack", json!({ "id": undo["id"], "result": "ok" })).await;
    assert_eq!(code(told), ErrorCode::InvalidParams);
}

#[tokio::test]
async fn an_expired_window_is_refused_before_and_after_it_was_asked_for() {
    let (desk, agent) = desk().await;
    let soon = in_seconds(&desk, 60);
    let undo =
        json!({ "kind": "tool", "tool": "files.move", "args": { "from": "b" }, "until": soon });
    record(&agent, ran("x1", &undo)).await;
    roll_back(&desk, actions(&["x1"])).await;
    let told = asked(&agent).await;
    desk.clock.pass(Duration::from_secs(61));
    let held = ask(&agent, check_of(&told)).await;
    assert_eq!(held["verdict"], "held", "its permit is over: {held}");
    desk.engine.tick().await;
    let view = until(&desk, |view| view.stuck.is_some()).await;
    assert!(view.items[0].says.contains("window was over"), "{}", view.items[0].says);
    let again = desk.engine.retry_undo(item(&view, "x1")).await.unwrap_err();
    assert!(again.0.message.contains("could be undone until"), "{}", again.0.message);
    desk.engine.skip_undo(item(&view, "x1")).await.expect("skipped");
    let refused = preview(&desk, actions(&["x1"])).refused.expect("refused");
    assert!(refused.contains("Nothing of this"), "{refused}");
    assert!(matches!(standing(&desk, "x1"), Standing::UndoFailed { again: false, .. }));
}

fn in_seconds(desk: &Headless, seconds: i64) -> String {
    (desk.clock.now() + chrono::TimeDelta::seconds(seconds)).to_rfc3339()
}

#[tokio::test]
async fn a_failure_stops_the_chain_and_the_reviewer_says_how_to_go_on() {
    let (desk, agent) = after_moves().await;
    roll_back(&desk, since("m1")).await;
    let undo = asked(&agent).await;
    ask(&agent, check_of(&undo)).await;
    record(&agent, record_of(&undo, "u1", "failed")).await;
    let view = until(&desk, |view| view.stuck.is_some()).await;
    assert_eq!(
        view.says,
        "0 of 2 are undone. It has stopped: undoing m2 failed. One after it was not touched."
    );
    assert_eq!(view.items[0].output.as_deref(), Some("as asked"));
    assert!(matches!(standing(&desk, "m2"), Standing::UndoFailed { again: true, .. }));
    assert!(next(&agent).await.is_empty(), "the one after it is not asked for");
    assert!(desk.notifier.notices().iter().any(|notice| notice.title.contains("stopped")));

    desk.engine.retry_undo(item(&view, "m2")).await.expect("again");
    let again = asked(&agent).await;
    assert_ne!(again["key"], undo["key"]);
    assert_eq!(ask(&agent, check_of(&again)).await["verdict"], "run");
    let report = json!({ "outcome": "failed", "why": "it is gone" });
    let report = json!({ "id": again["id"], "result": report });
    agent.call("agent.ack", report).await.expect("reported");
    let view = until(&desk, |view| view.stuck.is_some()).await;
    assert_eq!(state(&view, "m2"), ItemState::Failed { why: "it is gone".to_owned() });

    let view = desk.engine.hand_over_undo(item(&view, "m2")).await.expect("handed over");
    assert!(matches!(state(&view, "m2"), ItemState::HandedOver { .. }));
    let told = next(&agent).await;
    assert_eq!(
        (&told[0]["kind"], &told[0]["why"]),
        (&json!("undo_yourself"), &json!("it is gone"))
    );
    let report = json!({ "id": told[0]["id"], "result": { "outcome": "undone" } });
    agent.call("agent.ack", report).await.expect("reported");

    let last = asked(&agent).await;
    assert_eq!(last["action"], "m1");
    desk.engine.skip_undo(item(&view, "m1")).await.expect("skipped");
    let over = until(&desk, |view| view.over).await;
    assert_eq!(over.says, "1 of 2 are undone.");
    let kinds: Vec<Value> =
        next(&agent).await.into_iter().map(|item| item["kind"].clone()).collect();
    assert_eq!(kinds, [json!("directive")], "what was left out is not asked for any more");
    let skipped = ask(&agent, check_of(&last)).await;
    assert_eq!(skipped["verdict"], "held", "nor permitted");
}

#[tokio::test]
async fn that_an_undo_has_stopped_is_told_only_while_it_has() {
    let (desk, agent) = after_moves().await;
    let told = || {
        let mut notices = desk.notifier.notices();
        notices.retain(|notice| notice.title.contains("has stopped"));
        notices.into_iter().map(|notice| notice.body).collect::<Vec<_>>()
    };
    desk.notifier.disappear();
    roll_back(&desk, since("m1")).await;
    let undo = asked(&agent).await;
    ask(&agent, check_of(&undo)).await;
    record(&agent, record_of(&undo, "u1", "failed")).await;
    let view = until(&desk, |view| view.stuck.is_some()).await;
    settle().await;
    desk.engine.retry_undo(item(&view, "m2")).await.expect("again");
    let again = asked(&agent).await;
    ask(&agent, check_of(&again)).await;
    let report = json!({ "outcome": "failed", "why": "it is gone" });
    let report = json!({ "id": again["id"], "result": report });
    agent.call("agent.ack", report).await.expect("reported");
    let view = until(&desk, |view| view.stuck.is_some()).await;
    settle().await;
    desk.notifier.appear();
    desk.engine.notifications_are(there());
    crate::agent::until(&desk, || told().iter().any(|why| why == "it is gone")).await;
    assert_eq!(told(), ["it is gone"], "the first time is over");
    let place = desk.notifier.notices().last().and_then(|notice| notice.handoff.clone());
    assert_eq!(place, Some(format!("undo:{AGENT}")), "beside what else is told of the agent");

    desk.clock.pass(Duration::from_secs(11));
    desk.engine.tell_again(vec![Some(format!("undo:{AGENT}"))]).await;
    assert_eq!(told().len(), 2, "nobody has read it");
    let retired = || desk.notifier.retired().into_iter().filter(|one| *one == place).count();
    let before = retired();
    desk.engine.skip_undo(item(&view, "m2")).await.expect("skipped");
    settle().await;
    assert_eq!(retired(), before + 1, "it goes on");
    desk.engine.tell_again(vec![Some(format!("undo:{AGENT}"))]).await;
    assert_eq!(told().len(), 2);
}

#[tokio::test]
async fn an_agent_that_dies_in_the_middle_leaves_it_to_the_reviewer() {
    let (desk, agent) = after_moves().await;
    roll_back(&desk, actions(&["m1"])).await;
    let undo = asked(&agent).await;
    ask(&agent, check_of(&undo)).await;
    desk.clock.pass(Duration::from_mins(10));
    desk.engine.tick().await;
    let view = look(&desk).rollbacks.remove(0);
    assert!(matches!(state(&view, "m1"), ItemState::Running { .. }), "it is at it, and connected");
    agent.hang_up();
    desk.engine.tick().await;
    let view = until(&desk, |view| view.stuck.is_some()).await;
    assert!(matches!(state(&view, "m1"), ItemState::MayHaveRun { .. }));
    assert!(view.items[0].can.confirm && view.items[0].can.retry);

    let view = desk.engine.confirm_undone(item(&view, "m1")).await.expect("confirmed");
    assert!(view.over);
    assert_eq!(standing(&desk, "m1"), Standing::Undone);
}

#[tokio::test]
async fn a_script_has_a_minute_to_report_and_its_late_word_counts() {
    let (desk, agent) = after_moves().await;
    roll_back(&desk, actions(&["m1"])).await;
    let undo = asked(&agent).await;
    ask(&agent, check_of(&undo)).await;
    let desk = desk.restart().await.unwrap();
    desk.engine.tick().await;
    assert!(matches!(state(&look(&desk).rollbacks[0], "m1"), ItemState::Running { .. }));
    desk.clock.pass(Duration::from_secs(61));
    desk.engine.tick().await;
    let view = until(&desk, |view| view.stuck.is_some()).await;
    assert!(matches!(state(&view, "m1"), ItemState::MayHaveRun { .. }), "nobody knows");
    drop(agent);
}

#[tokio::test]
async fn a_request_to_an_agent_outlives_the_desk_and_is_good_once() {
    let (desk, agent) = after_moves().await;
    roll_back(&desk, actions(&["m1"])).await;
    let undo = asked(&agent).await;
    drop(agent);
    let desk = desk.restart().await.unwrap();
    let view = look(&desk).rollbacks.remove(0);
    assert!(matches!(state(&view, "m1"), ItemState::Asked { .. }));
    assert_eq!(view.items[0].attempts, 1, "not asked for anew");
    assert_eq!(undo["kind"], "undo");
}

#[tokio::test]
async fn what_only_a_handoff_told_of_can_be_taken_back_too() {
    let (desk, agent) = desk().await;
    let mut payload = handoff("k");
    payload["actions_taken"] = json!([
        { "id": "a1", "step": "scan", "tool": "files.move", "input": { "from": "a", "to": "b" },
          "effect": "reversible", "status": "done",
          "undo": { "kind": "tool", "tool": "files.move", "args": { "from": "b", "to": "a" } } },
        { "id": "a2", "tool": "mail.send", "effect": "irreversible", "status": "done" } ]);
    let id = agent.submit(payload).await;
    let case = desk.engine.open_case(&id).unwrap();
    assert!(matches!(case.actions[0].standing, Standing::Reversible { .. }));
    assert!(matches!(case.actions[1].standing, Standing::Irreversible { .. }));
    assert!(agent.get(&id).await["standing"]["a1"]["how"].is_string());
    roll_back(&desk, actions(&["a1"])).await;
    let undo = asked(&agent).await;
    assert_eq!(ask(&agent, check_of(&undo)).await["verdict"], "run", "though its task waits");
    record(&agent, record_of(&undo, "u1", "done")).await;
    until(&desk, |view| view.over).await;
    let case = desk.engine.open_case(&id).unwrap();
    assert_eq!(case.actions[0].standing, Standing::Undone);
    assert_eq!(case.rollbacks.len(), 1);
    assert_eq!(agent.get(&id).await["standing"]["a1"], json!({ "state": "undone" }));
}

#[tokio::test]
async fn a_pause_holds_an_undo_back_until_the_agent_goes_on() {
    let (desk, agent) = after_moves().await;
    let pause = |paused| Pause { agent: Some(AGENT.to_owned()), task: None, paused };
    desk.engine.pause(pause(true)).await.unwrap();
    roll_back(&desk, actions(&["m1"])).await;
    let paused = next(&agent).await.remove(0);
    agent.call("agent.ack", json!({ "id": paused["id"] })).await.expect("known");
    let undo = asked(&agent).await;
    assert_eq!(ask(&agent, check_of(&undo)).await["verdict"], "held");
    assert!(look(&desk).rollbacks[0].items[0].says.contains("paused"));
    desk.engine.pause(pause(false)).await.unwrap();
    assert_eq!(ask(&agent, check_of(&undo)).await["verdict"], "run");
}
