//! The way back as an agent walks it: the demo agent while it waits and later,
//! and a script with three commands.

use std::path::Path;

use handoff_domain::rollback::{Selection, Standing};
use handoff_protocol::view::{
    CaseView, ConfirmRollback, OfTask, RollbackRequest, RollbackView, TaskView,
};
use serde_json::{Value, json};

use super::demo::sample;
use super::room::{PATIENCE, Room, well};
use crate::exit::Exit;

fn look(room: &Room, (agent, task): (&str, &str)) -> TaskView {
    let of = OfTask { agent: agent.to_owned(), task: task.to_owned() };
    well(room.desk().engine.task(&of))
}

/// The reviewer has these actions of a task taken back. The agent goes on
/// meanwhile: where that changes what was shown, they look again.
fn roll_back(room: &Room, (agent, task): (&str, &str), ids: &[String]) {
    let (agent, task) = (agent.to_owned(), task.to_owned());
    let selection = Selection::Actions { ids: ids.to_vec() };
    let engine = &room.desk().engine;
    let request =
        RollbackRequest { agent: agent.clone(), task: task.clone(), selection: selection.clone() };
    let confirmed = (0..20).find_map(|_| {
        let shown = well(engine.preview_rollback(&request));
        assert_eq!(shown.refused, None, "{shown:?}");
        let (agent, task, selection) = (agent.clone(), task.clone(), selection.clone());
        let confirm = ConfirmRollback { agent, task, selection, fingerprint: shown.fingerprint };
        room.runtime.block_on(engine.confirm_rollback(confirm)).ok()
    });
    assert!(confirmed.is_some(), "the desk refuses");
}

/// The latest rollback of a task, once it is as wanted.
fn until(room: &Room, task: (&str, &str), wanted: impl Fn(&RollbackView) -> bool) -> RollbackView {
    room.runtime.block_on(async {
        let mut changes = room.desk().engine.follow();
        let reached = async {
            loop {
                let latest = look(room, task).rollbacks.into_iter().next();
                if let Some(view) = latest.filter(|view| wanted(view)) {
                    return view;
                }
                drop(changes.recv().await.expect("a change"));
            }
        };
        tokio::time::timeout(PATIENCE, reached).await.expect("it comes so far")
    })
}

/// The agent and the task of a handoff.
fn of(case: &CaseView) -> (&str, &str) {
    (&case.agent.name, &case.task.id)
}

/// The moves that the agent told of: the action, from where and to where.
fn moves(case: &CaseView) -> Vec<(String, String, String)> {
    case.actions
        .iter()
        .filter(|action| action.tool == "files.move")
        .map(|action| {
            let input: Value =
                serde_json::from_str(&action.input.as_ref().expect("an input").head).expect("json");
            let way = |end: &str| input["moves"][0][end].as_str().expect("a path").to_owned();
            (action.id.clone(), way("from"), way("to"))
        })
        .collect()
}

fn is_at(folder: &Path, here: &str, not_here: &str) -> bool {
    folder.join(here).is_file() && !folder.join(not_here).exists()
}

#[test]
fn the_demo_moves_its_files_back_while_it_waits() {
    let room = Room::new();
    let mut running = room.start(&["demo"]);
    let case = room.next_case(&[]);
    room.until_listened_to(&case.id);
    let made = moves(&case);
    let folder = sample(&room);
    assert!(made.len() > 2 && made.iter().all(|(_, from, to)| is_at(&folder, to, from)));
    let (back, stay) = made.split_at(2);
    let ids: Vec<String> = back.iter().map(|(id, ..)| id.clone()).collect();
    roll_back(&room, of(&case), &ids);
    let over = until(&room, of(&case), |view| view.over);
    assert_eq!(over.says, "All 2 are undone.");
    assert!(back.iter().all(|(_, from, to)| is_at(&folder, from, to)), "really moved back");
    assert!(stay.iter().all(|(_, from, to)| is_at(&folder, to, from)), "and nothing else");
    let undone = look(&room, of(&case)).actions;
    let standing = &undone.iter().find(|action| action.id == ids[0]).expect("there").standing;
    assert_eq!(*standing, Standing::Undone);
    assert!(running.until_line("took back").contains("took back"));
    room.decide(&case, json!({ "kind": "reject", "reason": "No.", "then": "stop" }));
    assert_eq!(running.end().exit, Exit::Reject);
}

#[test]
fn a_later_process_takes_back_what_an_earlier_one_did() {
    let room = Room::new();
    let running = room.start(&["demo"]);
    let case = room.next_case(&[]);
    room.decide(&case, json!({ "kind": "reject", "reason": "No.", "then": "stop" }));
    assert_eq!(running.end().exit, Exit::Reject);
    let (id, from, to) = moves(&case).remove(0);
    let folder = sample(&room);
    roll_back(&room, of(&case), &[id]);
    until(&room, of(&case), |view| view.items[0].attempts == 1);
    assert!(is_at(&folder, &to, &from), "nobody is there to do it");
    let later = room.run(&["demo"]);
    assert_eq!(later.exit, Exit::Done, "{later:?}");
    assert!(later.out.contains("took back"), "{later:?}");
    until(&room, of(&case), |view| view.over);
    assert!(is_at(&folder, &from, &to));
}

#[test]
fn a_script_undoes_what_it_is_asked_for_once_and_says_so() {
    let room = Room::new();
    let done = |id: &str| {
        json!({ "task": { "id": "t", "title": "Tidy", "goal": "Room" }, "action": {
            "id": id, "tool": "fs.move", "input": { "id": id }, "effect": "reversible",
            "status": "done", "undo": { "kind": "tool", "tool": "fs.move", "args": { "back": id } } } })
    };
    for id in ["a1", "a2"] {
        let recorded = room.run(&["record", &room.file("done.json", done(id).to_string())]);
        assert_eq!(recorded.exit, Exit::Done, "{recorded:?}");
    }
    roll_back(&room, ("cli", "t"), &["a1".to_owned(), "a2".to_owned()]);
    until(&room, ("cli", "t"), |view| view.items[0].attempts == 1);
    let told = room.run(&["next", "--json"]);
    let item = told.json()["items"][0].clone();
    assert_eq!((&item["kind"], &item["action"]), (&json!("undo"), &json!("a2")));
    assert_eq!(
        room.run(&["next", "--json"]).json()["items"][0]["id"],
        item["id"],
        "until it is done"
    );

    let check =
        json!({ "task": "t", "tool": item["tool"], "args": item["args"], "key": item["key"] });
    let check = room.file("check.json", check.to_string());
    let run = room.run(&["check", &check, "--json"]);
    assert_eq!((run.exit, &run.json()["undoes"]), (Exit::Done, &json!("a2")));
    let again = room.run(&["check", &check]);
    assert_eq!(again.exit, Exit::Refused, "not twice: {again:?}");
    let record = json!({ "task": "t", "action": { "id": "u2", "tool": item["tool"],
        "input": item["args"], "effect": "reversible", "status": "done" } });
    let recorded = room.run(&["record", &room.file("undone.json", record.to_string())]);
    assert!(recorded.out.contains("takes back"), "{recorded:?}");

    until(&room, ("cli", "t"), |view| view.items[1].attempts == 1);
    let told = room.run(&["next", "--json"]).json()["items"][0].clone();
    assert_eq!(told["action"], "a1");
    let id = told["id"].as_str().expect("an id");
    let said = room.run(&["next", "--not-undone", id, "--why", "It is gone."]);
    assert_eq!(said.exit, Exit::Done, "{said:?}");
    let stuck = until(&room, ("cli", "t"), |view| view.stuck.is_some());
    assert_eq!(stuck.items[1].says, "It is gone.");
    let said = room.run(&["next", "--undid", id]);
    assert_eq!(said.exit, Exit::Done, "its late word counts: {said:?}");
    until(&room, ("cli", "t"), |view| view.over);
}
