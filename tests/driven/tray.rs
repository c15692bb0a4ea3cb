//! The tray of a desktop that has one.

use serde_json::json;

use crate::support::panel::Panel;
use crate::support::{Desk, Options, SOON};

#[test]
fn all_agents_are_paused_and_let_go_on_from_the_tray() {
    let mut desk = Desk::closed(Options::default());
    let panel = Panel::open(&desk);
    desk.start();
    let check = json!({
        "task": {"id": "t", "title": "Write it down", "goal": "Have it written"},
        "tool": "notes.write",
        "args": {"text": "milk"},
        "key": "1",
    });
    panel.press("Pause all agents");
    panel.shows("Let agents go on");
    desk.window().shows_part("paused");
    let held = desk.start_cli(&["check", "-"], Some(&check)).finish(SOON).expect_code(10).json;
    assert!(held["handoff_id"].is_null(), "a pause asks nothing: {held}");

    // The window and the tray are two handles of one thing.
    desk.window().press("Control+2");
    desk.window().click("pause-all");
    panel.shows("Pause all agents");
    panel.press("Pause all agents");
    desk.window().shows("pause-all", "Resume all");

    desk.kill();
    desk.start();
    desk.window().shows_part("paused");
    panel.press("Let agents go on");
    panel.shows("Pause all agents");
    let check = json!({"key": "2", "task": "t", "tool": "notes.write", "args": {"text": "milk"}});
    let asked = desk.start_cli(&["check", "-"], Some(&check)).finish(SOON).expect_code(10).json;
    assert!(asked["handoff_id"].is_string(), "now it is asked: {asked}");
}
