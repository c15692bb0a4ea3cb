//! What the reviewer changes in the settings counts from then on, with no
//! restart.

use serde_json::json;

use crate::support::{AFTER_HOLD, Desk, SOON, payload};

#[test]
fn another_hold_counts_from_the_next_decision_on() {
    let desk = Desk::open();
    let window = desk.window();
    window.set_hold(30);
    let held = desk.submit(&payload::rename("held"));
    let mut agent = desk.wait_for(&held);
    window.open_item(&held, "May I rename draft-held.txt?");
    window.click("decide-approve");
    let undo = format!("[data-handoff-id='{held}']");
    window.see_where("undo-decision", &undo);
    let left =
        window.until("return document.body.innerText.match(/goes out in (2\\d|30) s/)?.[0];", &[]);
    assert!(left.is_some(), "the hold is not 30 s:\n{}", window.page_text());

    window.set_hold(0);
    let at_once = desk.submit(&payload::rename("now"));
    let other = desk.wait_for(&at_once);
    window.open_item(&at_once, "May I rename draft-now.txt?");
    window.click("decide-approve");
    let answer = other.finish(SOON).expect_code(0).json;
    assert_eq!(answer["decision"]["kind"], "approve");
    assert!(agent.runs(), "what is held already keeps its hold");
    window.click_where("undo-decision", &undo);
    window.item(&held, "ready");
    assert_eq!(desk.state(&held), "ready");
    agent.kill();
}

#[test]
fn a_question_that_is_to_stay_hidden_is_in_no_notification() {
    let desk = Desk::open();
    desk.submit(&payload::rename("open"));
    desk.notices().wait(SOON, |notice| notice.body.contains("draft-open.txt")).unwrap();

    desk.window().switch("Notifications", "Question in notifications", false);
    desk.submit(&payload::rename("hidden"));
    let notice = desk.notices().wait(SOON, |notice| !notice.body.contains("draft-open")).unwrap();
    assert!(notice.summary.contains("cli"), "it names the agent: {notice:?}");
    let all = desk.notices().all().unwrap();
    let tells = |words: &str| all.iter().any(|one| format!("{one:?}").contains(words));
    assert!(!tells("draft-hidden"), "the question is told all the same: {all:#?}");

    desk.window().switch("Notifications", "Question in notifications", true);
    desk.submit(&payload::rename("shown"));
    desk.notices().wait(SOON, |notice| notice.body.contains("draft-shown.txt")).unwrap();
}

#[test]
fn in_quiet_hours_nothing_is_shown_and_after_them_it_is() {
    let desk = Desk::open();
    let window = desk.window();
    desk.submit(&payload::rename("before"));
    desk.notices().wait(SOON, |notice| notice.body.contains("draft-before.txt")).unwrap();

    window.quiet_hours_now();
    window.shows_calm(Some("Quiet hours now"));
    let quiet = desk.submit(&payload::rename("quiet"));
    window.item(&quiet, "ready");
    window.open_item(&quiet, "May I rename draft-quiet.txt?");
    window.click("decide-approve");
    desk.wait_for_state(&quiet, "released");

    window.switch("Quiet hours and focus", "Quiet hours", false);
    window.shows_calm(None);
    desk.submit(&payload::rename("after"));
    desk.notices().wait(SOON, |notice| notice.body.contains("draft-after.txt")).unwrap();
    let all = desk.notices().all().unwrap();
    assert!(!all.iter().any(|notice| notice.body.contains("draft-quiet")), "{all:#?}");
}

#[test]
fn what_is_set_outlives_the_desk() {
    let mut desk = Desk::open();
    desk.window().set_hold(0);
    desk.window().switch("Notifications", "Question in notifications", false);
    desk.kill();
    desk.start();
    let id = desk.submit(&payload::rename("later"));
    desk.window().open_item(&id, "May I rename draft-later.txt?");
    desk.window().click("decide-approve");
    let answer = desk.wait_for(&id).finish(AFTER_HOLD).expect_code(0).json;
    assert_eq!(answer["act"], json!(true));
    let all = desk.notices().all().unwrap();
    assert!(!all.iter().any(|notice| notice.body.contains("draft-later")), "{all:#?}");
}
