//! The main job, from the demo agent's first look at a folder to the files on
//! disk.

use std::path::Path;

use handoff_stage::ask_until;
use serde_json::{Value, json};

use crate::support::files::{self, HEAP, contents, whereabouts};
use crate::support::{AFTER_HOLD, Desk, SOON};

#[test]
fn the_demo_agent_asks_twice_and_does_what_was_decided() {
    let desk = Desk::open();
    let heap = desk.scratch("heap");
    files::heap(&heap);
    let before = contents(&heap);
    let agent = desk.start_cli(&["demo", heap.to_str().unwrap()], None);
    let window = desk.window();

    // In a folder that is not its own it touches nothing before the plan is
    // approved.
    // It has introduced itself before.
    let notice = desk.notices().wait(SOON, |notice| notice.body.contains("May I sort")).unwrap();
    let text = format!("{} {}", notice.summary, notice.body);
    assert!(text.contains("demo") && text.contains("May I sort"), "who asks what: {text}");
    window.shows("question", "May I sort");
    for part in [
        "summary",
        "reading-time",
        "deadline",
        "liveness",
        "entity",
        "constraint",
        "directive-step",
    ] {
        window.says_something(part);
    }
    window.see_where("option", "[data-option-id='sort']");
    window.see_where("option", "[data-option-id='list-only']");
    assert_eq!(contents(&heap), before, "nothing is touched before the plan is approved");
    desk.notices().close_all().unwrap();
    // Nobody has accepted its tools yet: what they do is unknown, and all of it
    // must have been seen.
    window.click_where("option", "[data-option-id='sort'] button.fold");
    window.approve_high_risk();

    // The second question comes by itself, and its notification leads to it.
    desk.notices().wait(AFTER_HOLD, |notice| notice.body.contains("extra cop")).unwrap();
    assert!(!heap.join("roof.jpg").exists(), "the approved moves were made");
    desk.notices().act().unwrap();
    window.shows("question", "extra cop");
    assert!(whereabouts(&heap, "minutes copy.txt").is_some(), "nothing is deleted yet");
    window.choose("delete");
    window.approve_high_risk();

    agent.finish(AFTER_HOLD).expect_code(0);
    let after = contents(&heap);
    assert!(whereabouts(&heap, "minutes copy.txt").is_none(), "the copy is deleted: {after:#?}");
    assert!(whereabouts(&heap, "minutes.txt").is_some(), "the one it is a copy of stays");
    for (name, content) in HEAP.into_iter().filter(|(name, _)| !name.contains("copy")) {
        let path = whereabouts(&heap, name).unwrap_or_else(|| panic!("{name} is gone: {after:#?}"));
        assert_eq!(after[&path], content, "{name} is what it was");
    }
    for case in cases(&desk) {
        assert_eq!(case["state"], "reconciled", "the agent has reported on {case}");
    }
}

#[test]
fn the_demo_agent_obeys_edited_arguments_to_the_letter() {
    let desk = Desk::open();
    let agent = desk.start_cli(&["demo"], None);
    let window = desk.window();
    window.shows("question", "extra copies");
    let id = cases(&desk)[0]["id"].as_str().unwrap().to_owned();
    let shown = desk.cli(&["--agent", "demo", "show", &id]).expect_code(0).json;
    let paths = option(&shown, "delete")["action"]["args"]["paths"].as_array().unwrap().clone();
    let folder = shown["handoff"]["task"]["targets"][0].as_str().unwrap().to_owned();
    let folder = Path::new(&folder);
    assert!(paths.len() > 1, "the sample has true duplicates: {paths:?}");
    for path in &paths {
        assert!(folder.join(path.as_str().unwrap()).is_file(), "{path} is a real file");
    }
    let taken = shown["handoff"]["actions_taken"].as_array().unwrap();
    let moves: Vec<&Value> = taken.iter().filter(|action| action["tool"] == "files.move").collect();
    assert!(!moves.is_empty(), "in its own folder it has sorted already: {taken:#?}");
    for action in moves {
        assert!(action["undo"].is_object(), "each move says how it is taken back: {action}");
    }

    window.choose("delete");
    window.click("decide-modify");
    window.edit_args(&json!({"paths": [paths[0]]}));
    window.confirm_high_risk();
    window.click("submit-decision");

    agent.finish(AFTER_HOLD).expect_code(0);
    for (number, path) in paths.iter().enumerate() {
        let there = folder.join(path.as_str().unwrap()).exists();
        assert_eq!(there, number > 0, "only the first of {paths:?} was to go: {path}");
    }
}

#[test]
fn the_demo_agent_can_be_run_from_the_empty_desk_and_told_no() {
    let desk = Desk::open();
    let window = desk.window();
    window.click("run-demo");
    window.shows("question", "extra copies");
    let id = cases(&desk)[0]["id"].as_str().unwrap().to_owned();
    let shown = desk.cli(&["--agent", "demo", "show", &id]).expect_code(0).json;
    let folder = shown["handoff"]["task"]["targets"][0].as_str().unwrap().to_owned();
    let paths = option(&shown, "delete")["action"]["args"]["paths"].as_array().unwrap().clone();

    window.click("decide-reject");
    window.type_into("reject-reason", "I want to look at them first.");
    window.click("submit-decision");

    let reported =
        ask_until(AFTER_HOLD, || Ok((cases(&desk)[0]["state"] == "reconciled").then_some(())));
    assert!(reported.unwrap().is_some(), "the agent reports: {:?}", cases(&desk));
    for path in paths {
        let path = Path::new(&folder).join(path.as_str().unwrap());
        assert!(path.is_file(), "{} was not to be touched", path.display());
    }
}

/// The demo agent's handoffs, the newest first.
fn cases(desk: &Desk) -> Vec<Value> {
    let listed = desk.cli(&["--agent", "demo", "list"]).expect_code(0).json;
    listed["handoffs"].as_array().unwrap().clone()
}

fn option<'a>(shown: &'a Value, id: &str) -> &'a Value {
    let options = shown["handoff"]["options"].as_array().unwrap();
    options.iter().find(|option| option["id"] == id).unwrap()
}
