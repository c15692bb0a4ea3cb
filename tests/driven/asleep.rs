//! The machine sleeps through a deadline: its lid is closed, and the clocks of
//! the desk are as after that. The sleep is made up, in the only place where
//! the desk reads the time.

use std::time::{Duration, Instant};

use handoff_stage::ask_until;
use serde_json::{Value, json};

use crate::support::{Desk, SOON, payload};

/// The time that is given after waking.
const GRACE: Duration = Duration::from_secs(6);

#[test]
fn a_deadline_that_was_slept_through_is_warned_of_anew_and_then_waits_for_the_grace() {
    let desk = Desk::open();
    desk.window().set_grace("0.1");
    // It is warned of at once: a desk that took no notice of the sleep would go by
    // that warning, which nobody has seen for two hours.
    let mut soon = payload::rename("soon");
    soon["deadline"] = json!({
        "respond_within_s": 3600, "warn_before_s": 3599, "grace_s": GRACE.as_secs(),
        "on_timeout": {"kind": "manual_review"},
    });
    let id = desk.submit(&soon);
    let far = desk.submit(&payload::rename("far"));
    desk.notices().wait(SOON, |notice| notice.body.contains("draft-far.txt")).unwrap();
    // What is on the screen need not be told.
    desk.window().open_item(&far, "May I rename draft-far.txt?");
    let shown = |id: &str| desk.cli(&["show", id]).expect_code(0).json;
    let is_left_alone =
        |shown: &Value| shown["flags"].as_array().unwrap().contains(&json!("manual_review"));
    let warned_after = |before: &Value| {
        let warned = ask_until(SOON, || {
            let shown = shown(&id);
            let warned = !shown["warned_at"].is_null() && shown["warned_at"] != *before;
            Ok((warned || is_left_alone(&shown)).then_some(shown))
        });
        warned.unwrap().expect("it is not warned of")
    };
    let first = warned_after(&Value::Null)["warned_at"].clone();

    desk.sleep(Duration::from_hours(2));
    let again = warned_after(&first);
    let since = Instant::now();
    assert_ne!(again["warned_at"], first, "it goes by a warning from before the sleep: {again}");
    assert!(!is_left_alone(&again), "the warning comes before what follows: {again}");
    assert_eq!(again["state"], "ready", "and it can still be answered");
    let told = |notice: &handoff_stage::Notice| {
        notice.summary.contains("time runs out") && notice.body.contains("draft-soon.txt")
    };
    desk.notices().wait(SOON, told).unwrap();
    let left = ask_until(SOON, || Ok(is_left_alone(&shown(&id)).then(|| since.elapsed())));
    let after = left.unwrap().expect("the grace is over and nothing follows");
    // It was seen a moment after the grace had begun.
    assert!(after > GRACE / 2, "only {after:?} after the warning");

    desk.cli(&["wait", &id]).expect_code(11);
    desk.window().open_tab("review");
    desk.window().open_item(&id, "May I rename draft-soon.txt?");
    let all = desk.notices().all().unwrap();
    let far_off = |notice: &&handoff_stage::Notice| {
        notice.summary.contains("time runs out") && notice.body.contains("draft-far.txt")
    };
    assert_eq!(all.iter().filter(far_off).count(), 0, "what has time left is left: {all:#?}");
    assert!(!is_left_alone(&shown(&far)));
}
