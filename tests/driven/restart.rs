//! What was acknowledged survives the sudden death of the desk.

use crate::support::{AFTER_HOLD, Desk, payload};

#[test]
fn killed_while_items_wait_and_one_is_held_nothing_is_lost() {
    let mut desk = Desk::open();
    let pending = desk.submit(&payload::rename("pending"));
    let held = desk.submit(&payload::rename("held"));
    let mut agent = desk.wait_for(&held);
    let window = desk.window();
    window.item(&pending, "ready");
    window.open_item(&held, "May I rename draft-held.txt?");
    window.click("decide-approve");
    window.see("undo-decision");

    desk.kill();
    assert!(agent.runs(), "the agent goes on waiting while the desk is away");
    desk.start();

    let window = desk.window();
    window.item(&pending, "ready");
    let answer = agent.finish(AFTER_HOLD).expect_code(0).json;
    assert_eq!(answer["decision"]["kind"], "approve", "the held decision was released");
    assert_eq!(answer["act"], true);
    let again = desk.cli(&["wait", &held]).expect_code(0).json;
    assert_eq!(again["act"], false, "once, not twice");
    assert_eq!(desk.state(&pending), "ready");
    window.open_item(&pending, "May I rename draft-pending.txt?");
    window.click("decide-approve");
    desk.wait_for_state(&pending, "released");
}

#[test]
fn a_decision_held_at_the_kill_can_still_be_undone() {
    let mut desk = Desk::open();
    let held = desk.submit(&payload::rename("held"));
    desk.window().open_item(&held, "May I rename draft-held.txt?");
    desk.window().click("decide-approve");
    desk.window().see("undo-decision");

    desk.kill();
    desk.start();

    // The hold starts again in full.
    desk.window().click("undo-decision");
    desk.window().item(&held, "ready");
    assert_eq!(desk.state(&held), "ready");
    desk.cli(&["wait", &held, "--timeout", "1"]).expect_code(10);
}

#[test]
fn a_released_decision_outlives_the_desk() {
    let mut desk = Desk::open();
    let id = desk.submit(&payload::rename("released"));
    desk.window().open_item(&id, "May I rename draft-released.txt?");
    desk.window().click("decide-approve");
    desk.wait_for_state(&id, "released");

    desk.kill();
    desk.start();

    let answer = desk.wait_for(&id).finish(AFTER_HOLD).expect_code(0).json;
    assert_eq!(answer["decision"]["kind"], "approve");
    assert_eq!(answer["act"], true, "nobody had collected it before");
}
