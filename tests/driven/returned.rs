//! The way back: what an answer makes of finished work is seen before it is
//! sent, and told to the agent with it.

use serde_json::{Value, json};

use crate::support::files::{contents, whereabouts};
use crate::support::{AFTER_HOLD, Desk, payload};

#[test]
fn an_edit_against_finished_work_goes_out_only_with_a_stated_reason() {
    let desk = Desk::open();
    let agent = desk.submit_and_wait(&payload::refund("over"));
    let window = desk.window();
    window.shows("question", "May I refund case over?");
    let id = window.items()[0].clone();
    window.click("decide-modify");
    window.edit_args(&json!({ "charge": "ch_2", "amount": 200.0 }));

    // At the argument, with the step that says otherwise.
    window.see_where("option", " [data-conflict='contradicts'][data-step='find']");
    window.shows("option", "“Find the charges” found captured as 149.0");
    window.confirm_high_risk();
    window.see_where("submit-decision", "[aria-disabled='true']");
    window.press("Control+Enter");
    window.see("override");
    assert_eq!(desk.state(&id), "ready", "nothing goes out without a reason");
    window.type_into("override", "Both charges were wrong.");
    window.click("submit-decision");

    let decision = agent.finish(AFTER_HOLD).expect_code(0).json["decision"].clone();
    assert_eq!(decision["kind"], "modify");
    assert_eq!(decision["args"]["amount"].as_f64(), Some(200.0));
    assert_eq!(decision["override"]["why"], "Both charges were wrong.");
    window.open_tab("waiting");
    window.open_item(&id, "May I refund case over?");
    let kept = "return document.body.innerText.includes('Both charges were wrong.');";
    assert!(window.until(kept, &[]).is_some(), "it is recorded:\n{}", window.page_text());
}

#[test]
fn half_of_what_was_found_contradicts_nothing() {
    let desk = Desk::open();
    let agent = desk.submit_and_wait(&payload::refund("half"));
    let window = desk.window();
    window.shows("question", "May I refund case half?");
    window.click("decide-modify");
    window.edit_args(&json!({ "charge": "ch_2", "amount": 74.5 }));
    window.confirm_high_risk();
    window.click("submit-decision");
    let decision = agent.finish(AFTER_HOLD).expect_code(0).json["decision"].clone();
    assert_eq!(decision["args"]["amount"], 74.5);
    assert_eq!(decision["override"], Value::Null);
}

#[test]
fn a_new_fact_undoes_what_used_the_old_one_and_says_what_cannot_be() {
    let desk = Desk::open();
    let agent = desk.submit_and_wait(&payload::refund("address"));
    let window = desk.window();
    window.shows("question", "May I refund case address?");
    window.step_is("letter", "keep");
    window.click("decide-inform");
    window.state_fact("email", "d.ortiz@example.com");

    window.step_is("letter", "undo_then_rerun");
    window.step_is("tag", "keep");
    window.shows(
        "directive-preview",
        "It used email as “dana@example.com”; it is “d.ortiz@example.com” now.",
    );
    window.step_is("sms", "keep");
    let stays = "return document.querySelector(\"[data-conflict='irreversible'][data-step='sms']\") !== null;";
    assert!(window.until(stays, &[]).is_some(), "what stays is said:\n{}", window.page_text());
    window.click("submit-decision");

    let answer = agent.finish(AFTER_HOLD).expect_code(12).json;
    assert_eq!(answer["decision"]["facts"], json!({ "email": "d.ortiz@example.com" }));
    let line = |step: &str| {
        let lines = answer["directive"].as_array().unwrap().iter();
        lines.clone().find(|line| line["step"] == step).unwrap().clone()
    };
    assert_eq!(line("letter")["verdict"], "undo_then_rerun");
    assert_eq!(line("letter")["undo"], json!(["letter"]), "the agent is told what to undo");
    assert_eq!(line("tag")["verdict"], "keep");
    assert_eq!(line("sms")["verdict"], "keep");
    assert_eq!(line("refund")["verdict"], "run");
}

#[test]
fn the_demo_agent_heeds_a_fact_asks_anew_and_keeps_the_file() {
    let desk = Desk::open();
    let agent = desk.start_cli(&["demo"], None);
    let window = desk.window();
    window.shows("question", "extra copies");
    let listed = desk.cli(&["--agent", "demo", "list"]).expect_code(0).json;
    let id = listed["handoffs"][0]["id"].as_str().unwrap();
    let shown = desk.cli(&["--agent", "demo", "show", id]).expect_code(0).json;
    let folder = shown["handoff"]["task"]["targets"][0].as_str().unwrap().to_owned();
    let options = shown["handoff"]["options"].as_array().unwrap();
    let copies = options.iter().find(|option| option["id"] == "trash").unwrap();
    let copies = copies["action"]["args"]["paths"].as_array().unwrap().clone();
    let (kept, others) = copies.split_first().unwrap();
    let kept = kept.as_str().unwrap();

    window.click("decide-inform");
    window.state_fact("keep", &json!([kept]).to_string());
    window.click("submit-decision");

    // It asks about the others, and says what it has understood.
    window.shows("summary", "As you asked I leave alone");
    window.choose("trash");
    window.click_where("option", "[data-option-id='trash'] button.fold");
    window.approve_high_risk();
    agent.finish(AFTER_HOLD).expect_code(0);
    let folder = std::path::Path::new(&folder);
    assert!(folder.join(kept).is_file(), "{kept} stays: {:#?}", contents(folder).keys());
    for path in others {
        let name = path.as_str().unwrap().rsplit('/').next().unwrap();
        let now = whereabouts(folder, name).unwrap();
        assert!(now.starts_with("Trash/"), "{name} was to go: it is {now}");
    }
}
