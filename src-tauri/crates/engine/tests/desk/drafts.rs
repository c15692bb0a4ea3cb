//! Drafts that the reviewer looks through: what of them the desk takes back, and
//! what comes in between.

use std::fs;

use handoff_domain::autonomy::Level;
use handoff_domain::decision::Answer;
use handoff_domain::rollback::Standing;
use handoff_domain::rollback::execution::ItemState;
use handoff_testkit::Headless;
use serde_json::{Value, json};

use crate::agent::{Agent, approve, decide_and_release, reject};
use crate::gate::{AGENT, a_move, action, ask, desk, set};
use crate::rollback::{actions, item, look, roll_back, standing, state, until};
use crate::rollback_by_desk::Edited;

/// An agent at Draft that has edited two files.
async fn after_edits() -> (Headless, Agent, Edited) {
    let (desk, agent) = desk().await;
    set(&desk, Level::Draft).await;
    let work = Edited::new();
    for name in ["a.txt", "b.txt"] {
        fs::write(work.file(name), "before").unwrap();
        work.edit(&agent, name, name, "after").await;
    }
    (desk, agent, work)
}

fn picked(ids: &[&str]) -> Answer {
    let args = json!({ "actions": ids }).as_object().unwrap().clone();
    Answer::Modify { option: "roll_back".to_owned(), args }
}

async fn close(agent: &Agent) -> String {
    let closed = agent.call("task.close", json!({ "task": "t" })).await.expect("closed");
    closed["draft"].as_str().expect("a draft").to_owned()
}

#[tokio::test]
async fn what_only_the_desk_can_take_back_it_takes_back_when_the_answer_is_out() {
    let (desk, agent, work) = after_edits().await;
    let id = close(&agent).await;
    let request = crate::agent::request(&desk, &id, approve("roll_back"));
    desk.engine.decide(request).await.expect("decided");
    assert_eq!((work.text("a.txt"), look(&desk).rollbacks.len()), ("after".to_owned(), 0), "held");
    crate::agent::release(&desk).await;
    let over = until(&desk, |view| view.over).await;
    assert_eq!(over.items.len(), 2);
    assert_eq!((work.text("a.txt"), work.text("b.txt")), ("before".into(), "before".into()));
    assert_eq!(standing(&desk, "a.txt"), Standing::Undone);
    assert!(look(&desk).closed, "the task has ended");
    desk.engine.tick().await;
    assert_eq!(look(&desk).rollbacks.len(), 1, "once");
}

#[tokio::test]
async fn the_question_about_a_draft_is_not_its_agents_to_change() {
    let (desk, agent, work) = after_edits().await;
    let id = close(&agent).await;
    let other = crate::agent::handoff("k");
    let revised = agent.call("handoff.revise", json!({ "id": id, "handoff": other })).await;
    let error = revised.expect_err("refused");
    assert!(error.message.contains("the desk's own question"), "{error:?}");
    decide_and_release(&desk, &id, approve("accept")).await;
    assert_eq!((work.text("a.txt"), look(&desk).rollbacks.len()), ("after".into(), 0));
}

#[tokio::test]
async fn of_a_draft_only_what_is_picked_is_taken_back() {
    let (desk, agent, work) = after_edits().await;
    let id = close(&agent).await;
    decide_and_release(&desk, &id, picked(&["b.txt"])).await;
    until(&desk, |view| view.over).await;
    assert_eq!((work.text("a.txt"), work.text("b.txt")), ("after".into(), "before".into()));
    for answer in [approve("accept"), reject(handoff_domain::decision::Then::Stop)] {
        let (desk, agent, work) = after_edits().await;
        let id = close(&agent).await;
        decide_and_release(&desk, &id, answer).await;
        assert_eq!((work.text("a.txt"), look(&desk).rollbacks.len()), ("after".into(), 0));
    }
}

#[tokio::test]
async fn a_draft_whose_taking_back_fails_in_the_middle_stops_and_goes_on() {
    let (desk, agent, work) = after_edits().await;
    let id = close(&agent).await;
    fs::write(work.file("a.txt"), "mine").unwrap();
    decide_and_release(&desk, &id, approve("roll_back")).await;
    let stuck = until(&desk, |view| view.stuck.is_some()).await;
    assert_eq!(stuck.stuck.as_deref(), Some("a.txt"));
    assert_eq!((work.text("a.txt"), work.text("b.txt")), ("mine".into(), "before".into()));
    let desk = desk.restart().await.unwrap();
    let stuck = look(&desk).rollbacks.remove(0);
    assert!(matches!(state(&stuck, "a.txt"), ItemState::Failed { .. }), "{stuck:?}");
    fs::write(work.file("a.txt"), "after").unwrap();
    desk.engine.retry_undo(item(&stuck, "a.txt")).await.expect("again");
    until(&desk, |view| view.over).await;
    assert_eq!(work.text("a.txt"), "before");
}

#[tokio::test]
async fn a_draft_waits_for_the_rollback_before_it() {
    let (desk, agent, work) = after_edits().await;
    let id = close(&agent).await;
    fs::write(work.file("a.txt"), "mine").unwrap();
    roll_back(&desk, actions(&["a.txt"])).await;
    let stuck = until(&desk, |view| view.stuck.is_some()).await;
    decide_and_release(&desk, &id, approve("roll_back")).await;
    assert_eq!(work.text("b.txt"), "after", "one at a time");
    desk.engine.skip_undo(item(&stuck, "a.txt")).await.expect("skipped");
    until(&desk, |view| {
        view.items.iter().any(|item| item.action == "b.txt" && view.stuck.is_some())
    })
    .await;
    assert_eq!(work.text("b.txt"), "before");
}

#[tokio::test]
async fn what_the_agent_takes_back_is_left_to_it() {
    let (desk, agent) = desk().await;
    set(&desk, Level::Draft).await;
    assert_eq!(ask(&agent, a_move("m")).await["ran"], "drafted");
    let mut done = action("m", "files.move", &json!({ "from": "a", "to": "b" }), "reversible");
    done["action"]["undo"] = a_move("m")["undo"].clone();
    agent.call("action.record", done).await.expect("recorded");
    let id = close(&agent).await;
    decide_and_release(&desk, &id, approve("roll_back")).await;
    assert_eq!(look(&desk).rollbacks.len(), 0);
    assert_eq!(agent.wait(&id, 1).await["decision"]["args"], json!({ "actions": ["m"] }));
}

#[tokio::test]
async fn a_level_that_is_lowered_while_a_draft_gathers_loses_nothing_of_it() {
    let (desk, agent, work) = after_edits().await;
    fs::write(work.file("c.txt"), "before").unwrap();
    let args = json!({ "file_path": work.file("c.txt"), "old_string": "c", "new_string": "x" });
    let edit = json!({ "task": "t", "tool": "Edit", "key": "c", "cwd": work.folder, "args": args,
        "undo": { "kind": "files" }, "files": ["c.txt"] });
    assert_eq!(ask(&agent, edit).await["ran"], "drafted");
    set(&desk, Level::Suggest).await;
    let done = json!({ "task": "t", "action": { "id": "c", "tool": "Edit", "input": args,
        "effect": "reversible", "status": "done", "undo": { "kind": "files" },
        "files": ["c.txt"] } });
    agent.call("action.record", done).await.expect("recorded");
    let case = desk.engine.open_case(&close(&agent).await).unwrap();
    let ids: Vec<&str> = case.actions.iter().map(|action| action.id.as_str()).collect();
    assert_eq!(ids, ["a.txt", "b.txt", "c"], "what ran belongs to it all the same");
}

#[tokio::test]
async fn a_draft_names_what_ran_and_was_never_recorded() {
    let (desk, agent, work) = after_edits().await;
    let edit = |name: &str| {
        let args = json!({ "file_path": work.file(name), "old_string": "c", "new_string": "x" });
        json!({ "task": "t", "tool": "Edit", "key": name, "cwd": work.folder, "args": args,
            "undo": { "kind": "files" }, "files": [name] })
    };
    for name in ["lost.txt", "told.txt"] {
        fs::write(work.file(name), "before").unwrap();
        assert_eq!(ask(&agent, edit(name)).await["ran"], "drafted");
    }
    let mut begun = action("told", "Edit", &edit("told.txt")["args"], "reversible");
    begun["action"]["status"] = json!("running");
    agent.call("action.record", begun).await.expect("recorded");
    let case = desk.engine.open_case(&close(&agent).await).unwrap();
    let says = "nothing was recorded of 1 call that it let run (Edit).";
    assert!(case.summary.contains(says), "{}", case.summary);
    assert_eq!(case.actions.len(), 2);

    let (desk, agent, _work) = after_edits().await;
    let case = desk.engine.open_case(&close(&agent).await).unwrap();
    assert!(!case.summary.contains("recorded"), "{}", case.summary);
}

#[tokio::test]
async fn a_draft_of_nothing_is_none() {
    let (desk, agent, work) = after_edits().await;
    roll_back(&desk, actions(&["a.txt", "b.txt"])).await;
    until(&desk, |view| view.over).await;
    assert_eq!(work.text("b.txt"), "before");
    assert_eq!(desk.engine.gather_draft(AGENT, "t").await.unwrap(), None);
    let closed = agent.call("task.close", json!({ "task": "t" })).await.expect("closed");
    assert_eq!((&closed["draft"], &closed["closed"]), (&Value::Null, &json!(true)));
}

#[tokio::test]
async fn a_command_that_may_have_run_is_not_run_again_by_the_answer_to_a_draft() {
    let (desk, agent) = desk().await;
    set(&desk, Level::Draft).await;
    crate::rollback_by_desk::allow(&desk, true).await;
    let undo = crate::rollback_by_desk::command(&["undo"], "/work");
    let mut call = a_move("m");
    call["undo"] = undo.clone();
    assert_eq!(ask(&agent, call).await["ran"], "drafted");
    let mut done = action("m", "files.move", &json!({ "from": "a", "to": "b" }), "reversible");
    done["action"]["undo"] = undo;
    agent.call("action.record", done).await.expect("recorded");
    let id = desk.engine.gather_draft(AGENT, "t").await.unwrap().expect("a draft");
    desk.runner.ends(None);
    roll_back(&desk, actions(&["m"])).await;
    until(&desk, |view| matches!(state(view, "m"), ItemState::Running { .. })).await;
    drop(agent);
    let desk = desk.restart().await.unwrap();
    let cut = look(&desk).rollbacks.remove(0);
    desk.engine.skip_undo(item(&cut, "m")).await.expect("skipped");
    decide_and_release(&desk, &id, approve("roll_back")).await;
    assert_eq!((look(&desk).rollbacks.len(), desk.runner.ran_in().len()), (1, 1), "once");
}

/// Does a call as part of a draft that a card cannot carry as it is.
async fn does(agent: &Agent, id: &str, args: &Value, output: &Value) {
    let undo = json!({ "kind": "tool", "tool": "files.move", "args": {} });
    let call = json!({ "task": crate::gate::task(), "tool": "files.move", "key": id, "args": args,
        "effect": "reversible", "undo": undo });
    assert_eq!(ask(agent, call).await["ran"], "drafted");
    let mut done = action(id, "files.move", args, "reversible");
    done["action"]["undo"] = undo;
    done["action"]["output"] = output.clone();
    done["action"]["reasoning"] = json!("");
    agent.call("action.record", done).await.expect("recorded");
}

#[tokio::test]
async fn what_a_card_cannot_carry_keeps_no_question_and_no_draft_from_being_asked() {
    let (desk, agent) = desk().await;
    set(&desk, Level::Draft).await;
    let deep = (0..110).fold(json!(1), |inner, _| json!([inner]));
    let output = json!({ "id": 1_234_567_890_123_456_789_u64, "ok": [7, -7], "z": deep });
    does(&agent, "m1", &json!({ "from": "a" }), &output).await;
    let held = ask(&agent, crate::gate::a_delete("d")).await;
    let asked = desk.engine.open_case(held["handoff_id"].as_str().expect("a card")).unwrap();
    assert!(asked.not_included[0].contains("cannot carry"), "{:?}", asked.not_included);
    let draft = desk.engine.gather_draft(AGENT, "t").await.unwrap().expect("a draft");
    for case in [asked, desk.engine.open_case(&draft).unwrap()] {
        let shown = serde_json::to_string(&case.actions[0]).unwrap();
        assert!(shown.contains(r#"\"id\": \"1234567890123456789\""#), "{shown}");
        assert_eq!(case.not_included.len(), 1, "{:?}", case.not_included);
    }
}

#[tokio::test]
async fn a_draft_that_is_longer_than_a_card_is_asked_about_all_the_same() {
    let long = |text: &str| json!({ "from": text.repeat(4 << 20) });
    for (args, output, left_out) in
        [(json!({ "from": "a" }), long("y"), 1), (long("x"), json!("moved"), 2)]
    {
        let (desk, agent) = desk().await;
        set(&desk, Level::Draft).await;
        for id in ["m1", "m2"] {
            does(&agent, id, &args, &output).await;
        }
        let case = desk.engine.open_case(&close(&agent).await).unwrap();
        assert_eq!((case.actions.len(), case.not_included.len()), (2, left_out));
        decide_and_release(&desk, &case.id, approve("roll_back")).await;
        let args = agent.wait(&case.id, 1).await["decision"]["args"].clone();
        assert_eq!(args, json!({ "actions": ["m1", "m2"] }), "the ids are enough");
    }
}

#[tokio::test]
async fn a_draft_names_the_changes_whose_files_went_elsewhere_since() {
    let (desk, agent) = desk().await;
    let moves = async |id: &str, from: &str, to: &str| {
        let undo =
            json!({ "kind": "tool", "tool": "files.move", "args": { "from": to, "to": from } });
        let args = json!({ "from": from, "to": to });
        let call = json!({ "task": crate::gate::task(), "tool": "files.move", "key": id,
            "args": args, "effect": "reversible", "undo": undo });
        assert_eq!(ask(&agent, call).await["verdict"], "run");
        let mut done = action(id, "files.move", &args, "reversible");
        done["action"]["undo"] = undo;
        agent.call("action.record", done).await.expect("recorded");
    };
    set(&desk, Level::Draft).await;
    moves("m1", "a.pdf", "Documents/a.pdf").await;
    moves("m2", "b.pdf", "Documents/b.pdf").await;
    set(&desk, Level::Execute).await;
    moves("m3", "Documents/a.pdf", "Trash/a.pdf").await;
    let id = desk.engine.gather_draft(AGENT, "t").await.unwrap().expect("a draft");
    let case = desk.engine.open_case(&id).unwrap();
    assert!(
        case.summary.contains(
            "1 of them can be undone. 1 cannot as things are: “Documents/a.pdf”. The list says why."
        ),
        "{}",
        case.summary
    );
    let standing = |at: usize| &case.actions[at].standing;
    assert!(
        matches!(standing(0), Standing::Irreversible { why } if why.contains("Documents/a.pdf since")),
        "{:?}",
        standing(0)
    );
    assert!(matches!(standing(1), Standing::Reversible { .. }), "{:?}", standing(1));
    assert_eq!(desk.engine.actions(&id, 0).unwrap(), case.actions, "page by page too");
}
