//! Every kind of decision, from the window to the agent's exit code.

use serde_json::json;

use crate::support::{AFTER_HOLD, Desk, payload};

#[test]
fn an_approval_reaches_the_agent_after_the_hold_and_to_the_letter() {
    let desk = Desk::open();
    let case = payload::rename("approve");
    let mut agent = desk.submit_and_wait(&case);
    let window = desk.window();
    window.shows("question", "May I rename draft-approve.txt?");

    window.click("decide-approve");
    window.see("undo-decision");
    assert!(agent.runs(), "nothing is released while the decision can be undone");

    let answer = agent.finish(AFTER_HOLD).expect_code(0).json;
    assert_eq!(answer["decision"]["kind"], "approve");
    assert_eq!(answer["decision"]["by"], "reviewer");
    assert_eq!(answer["decision"]["option"], "rename", "the recommended option was chosen");
    assert_eq!(answer["decision"]["args"], case["options"][0]["action"]["args"]);
    assert_eq!(answer["act"], true, "the one who waited is to act");
    assert_eq!(answer["action_hash"].as_str().map(str::len), Some(64), "what was shown is bound");
    assert!(answer["lease"].is_object() || answer["lease"].is_string(), "with a lease: {answer}");

    let id = answer["id"].as_str().unwrap();
    desk.wait_for_state(id, "collected");
    let again = desk.cli(&["wait", id]).expect_code(0).json;
    assert_eq!(again["decision"], answer["decision"], "asked again, the same is answered");
    assert_eq!(again["act"], false, "but only one may act");
    desk.cli(&["reconcile", id, "--applied"]).expect_code(0);
    desk.wait_for_state(id, "reconciled");
}

#[test]
fn another_option_than_the_recommended_can_be_approved() {
    let desk = Desk::open();
    let agent = desk.submit_and_wait(&payload::rename("other"));
    let window = desk.window();
    window.shows("question", "May I rename draft-other.txt?");
    window.choose("leave");
    window.shows("decide-approve", "Leave it");

    window.click("decide-approve");

    let answer = agent.finish(AFTER_HOLD).expect_code(0).json;
    assert_eq!(answer["decision"]["option"], "leave");
    assert_eq!(answer["action_hash"], json!(null), "an option without an action binds none");
}

#[test]
fn a_high_risk_takes_one_deliberate_extra_act() {
    let desk = Desk::open();
    let agent = desk.submit_and_wait(&payload::delete("high"));
    let window = desk.window();
    window.shows("question", "May I delete draft-high.txt for good?");

    window.approve_high_risk();

    let answer = agent.finish(AFTER_HOLD).expect_code(0).json;
    assert_eq!(answer["decision"]["option"], "delete");
}

#[test]
fn edited_arguments_are_what_the_agent_gets() {
    let desk = Desk::open();
    let agent = desk.submit_and_wait(&payload::rename("modify"));
    let window = desk.window();
    window.shows("question", "May I rename draft-modify.txt?");
    window.click("decide-modify");

    window.edit_args(&json!({"command": 7, "timeout": 1}));
    window.shows("args-editor", "Give a text");
    let edited = json!({"command": "mv -n draft-modify.txt minutes.txt", "timeout": 1});
    window.edit_args(&edited);
    window.click("submit-decision");

    let answer = agent.finish(AFTER_HOLD).expect_code(0).json;
    assert_eq!(answer["decision"]["kind"], "modify");
    assert_eq!(answer["decision"]["args"], edited, "complete and as edited");
}

#[test]
fn information_is_no_approval() {
    let desk = Desk::open();
    let agent = desk.submit_and_wait(&payload::rename("inform"));
    let window = desk.window();
    window.shows("question", "May I rename draft-inform.txt?");

    window.click("decide-inform");
    window.type_into("inform-text", "The file belongs to someone else.");
    window.click("submit-decision");

    let answer = agent.finish(AFTER_HOLD).expect_code(12).json;
    assert_eq!(answer["decision"]["kind"], "inform");
    assert_eq!(answer["decision"]["text"], "The file belongs to someone else.");
}

#[test]
fn a_rejection_stops_what_was_to_follow() {
    let desk = Desk::open();
    let agent = desk.submit_and_wait(&payload::rename("reject"));
    let window = desk.window();
    window.shows("question", "May I rename draft-reject.txt?");

    window.click("decide-reject");
    window.type_into("reject-reason", "The name is fine.");
    window.click("submit-decision");

    let answer = agent.finish(AFTER_HOLD).expect_code(13).json;
    assert_eq!(answer["decision"]["kind"], "reject");
    assert_eq!(answer["decision"]["reason"], "The name is fine.");
}

#[test]
fn taking_over_tells_the_agent_to_leave_it() {
    let desk = Desk::open();
    let agent = desk.submit_and_wait(&payload::rename("take"));
    let window = desk.window();
    window.shows("question", "May I rename draft-take.txt?");

    window.click("decide-takeover");
    window.click("submit-decision");

    let answer = agent.finish(AFTER_HOLD).expect_code(14).json;
    assert_eq!(answer["decision"]["kind"], "take_over");
}

#[test]
fn a_decision_undone_within_the_hold_never_reaches_the_agent() {
    let desk = Desk::open();
    let mut agent = desk.submit_and_wait(&payload::rename("undo"));
    let window = desk.window();
    window.shows("question", "May I rename draft-undo.txt?");
    window.click("decide-approve");
    window.click("undo-decision");
    window.see_where("queue-item", "[data-state='ready']");
    assert!(agent.runs(), "the agent still waits");

    window.shows("question", "May I rename draft-undo.txt?");
    window.click("decide-reject");
    window.type_into("reject-reason", "On second thoughts, no.");
    window.click("submit-decision");

    let answer = agent.finish(AFTER_HOLD).expect_code(13).json;
    assert_eq!(answer["decision"]["kind"], "reject", "what was undone is gone: {answer}");
}

#[test]
fn a_wait_that_ends_early_says_that_nothing_was_decided() {
    let desk = Desk::open();
    let id = desk.submit(&payload::rename("early"));
    desk.cli(&["wait", &id, "--timeout", "1"]).expect_code(10);
    desk.cli(&["withdraw", &id]).expect_code(0);
    desk.cli(&["wait", &id, "--timeout", "1"]).expect_code(11);
    desk.cli(&["wait", "no-such-handoff", "--timeout", "1"]).expect_code(6);
}
