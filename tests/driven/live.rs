//! The open window shows what happens, as it happens, and to each agent only
//! its own.

use serde_json::json;

use crate::support::{AFTER_HOLD, Desk, SOON, payload};

/// Asks the window manager how the window stands.
const ICONIC: &str = "xprop -id $(xdotool search --name '^Handoff Desk$' | tail -n 1) WM_STATE";

#[test]
fn an_empty_desk_explains_itself_and_a_submit_appears_by_itself() {
    let desk = Desk::open();
    let window = desk.window();
    window.see("run-demo");

    let first = desk.submit(&payload::rename("first"));
    window.item(&first, "ready");
    window.shows("question", "May I rename draft-first.txt?");
    window.gone("run-demo", "");

    let second = desk.submit(&payload::rename("second"));
    window.item(&second, "ready");
    window.shows("question", "May I rename draft-first.txt?");
}

#[test]
fn the_card_says_how_live_the_other_end_is() {
    let desk = Desk::open();
    let window = desk.window();
    let id = desk.submit(&payload::rename("live"));
    window.open_item(&id, "May I rename draft-live.txt?");
    assert!(!window.text("liveness").contains("listening"), "nobody waits yet");

    let agent = desk.wait_for(&id);
    window.shows("liveness", "listening now");

    agent.kill();
    let gone = window.until(
        "return !document.querySelector('[data-testid=liveness]').innerText.includes('listening');",
        &[],
    );
    assert!(gone.is_some(), "a dead agent does not listen:\n{}", window.page_text());

    window.click("decide-approve");
    desk.wait_for_state(&id, "released");
    let late = desk.wait_for(&id).finish(SOON).expect_code(0);
    assert_eq!(late.json["act"], true, "an agent that died while waiting collects later");
}

#[test]
fn a_withdrawn_handoff_leaves_the_queue_for_the_history() {
    let desk = Desk::open();
    let window = desk.window();
    let kept = desk.submit(&payload::rename("kept"));
    let gone = desk.submit(&payload::rename("gone"));
    window.item(&kept, "ready");
    window.open_item(&gone, "May I rename draft-gone.txt?");

    desk.cli(&["withdraw", &gone, "--reason", "The file is gone"]).expect_code(0);

    window.gone("queue-item", &format!("[data-handoff-id='{gone}'][data-state='ready']"));
    window.item(&kept, "ready");
    assert_eq!(desk.state(&gone), "withdrawn");
    window.open_history();
    window.item(&gone, "withdrawn");
}

#[test]
fn a_second_agent_neither_sees_nor_touches_the_first_ones_handoffs() {
    let desk = Desk::open();
    let mine = desk.submit(&payload::rename("mine"));
    let other = |args: &[&str]| desk.cli(&[&["--agent", "stranger"], args].concat());

    let listed = other(&["list"]).expect_code(0);
    assert!(!listed.out.contains(&mine), "another's handoff is not listed: {}", listed.out);
    for verb in ["show", "wait", "withdraw"] {
        other(&[verb, &mine]).expect_code(6);
    }
    assert_eq!(desk.state(&mine), "ready", "and nothing has happened to it");
    let own = desk.cli(&["list"]).expect_code(0);
    assert!(own.out.contains(&mine), "its own agent sees it: {}", own.out);
}

#[test]
fn the_same_submit_again_is_the_same_handoff_and_another_one_a_conflict() {
    let desk = Desk::open();
    let case = payload::rename("again");
    let id = desk.submit(&case);
    let again = desk.start_cli(&["submit", "-"], Some(&case)).finish(SOON).expect_code(0);
    assert_eq!(again.id(), id);
    assert_eq!(again.json["replayed"], true);

    let mut other = case;
    other["summary"] = json!("Something else.");
    desk.start_cli(&["submit", "-"], Some(&other)).finish(SOON).expect_code(5);
    other["priority"] = json!("whenever");
    let refused = desk.start_cli(&["submit", "-"], Some(&other)).finish(SOON).expect_code(3);
    let said = format!("{}{}", refused.out, refused.err);
    assert!(said.contains("/priority"), "the fault is named with its place: {said}");
    desk.window().item(&id, "ready");
    assert_eq!(desk.window().items().len(), 1, "one card for all of it");
}

#[test]
fn a_second_desk_focuses_the_first_and_ends_well() {
    let desk = Desk::open();
    desk.window().see("queue");
    let id = desk.submit(&payload::rename("two"));
    // Something else has the keyboard.
    let mut other = desk.command("xdotool");
    other.args(["getactivewindow", "windowminimize", "--sync"]);
    assert!(other.status().unwrap().success(), "the window can be minimised");

    let mut command = desk.command(crate::support::desk::DESK);
    let mut second = handoff_stage::Child::start("the second desk", &mut command).unwrap();
    let status = second.wait(AFTER_HOLD).unwrap();

    assert!(status.is_some_and(|status| status.success()), "the second ends with 0: {status:?}");
    let active = handoff_stage::ask_until(SOON, || desk.stage().active_window()).unwrap();
    assert!(active.is_some_and(|title| title.contains("Handoff")), "the first has the keyboard");
    assert_eq!(desk.state(&id), "ready", "and still answers");
}

#[test]
fn closing_the_window_leaves_the_desk_at_work() {
    let desk = Desk::open();
    let window = desk.window();
    window.see("queue");
    desk.close_window(|| {
        desk.stage().active_window().unwrap().is_none_or(|title| !title.contains("Handoff"))
    });
    // There is no tray here: what is hidden could not be found again.
    let state = desk.command("sh").args(["-c", ICONIC]).output().unwrap();
    let state = String::from_utf8_lossy(&state.stdout).into_owned();
    assert!(state.contains("window state: Iconic"), "it is minimised: {state}");

    let id = desk.submit(&payload::rename("closed"));
    let notice = desk.notices().wait(SOON, |notice| notice.body.contains("draft-closed.txt"));
    assert!(notice.is_ok(), "the desk still notifies: {notice:?}");
    desk.notices().act().unwrap();

    window.open_item(&id, "May I rename draft-closed.txt?");
    let active = handoff_stage::ask_until(SOON, || desk.stage().active_window()).unwrap();
    assert!(active.is_some_and(|title| title.contains("Handoff")), "the notification opens it");
}
