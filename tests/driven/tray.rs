//! The tray of a desktop that has one.

use handoff_stage::{Child, ask_until};
use serde_json::json;

use crate::support::desk::DESK;
use crate::support::panel::Panel;
use crate::support::{Desk, Options, SOON, payload};

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

/// The windows of the desk that can be seen.
fn seen(desk: &Desk) -> Vec<String> {
    let mut search = desk.command("xdotool");
    search.args(["search", "--onlyvisible", "--name", "^Handoff Desk$"]);
    let found = search.output().unwrap();
    String::from_utf8_lossy(&found.stdout).lines().map(str::to_owned).collect()
}

#[track_caller]
fn is_seen(desk: &Desk, expected: bool) {
    let found = ask_until(SOON, || Ok((seen(desk).is_empty() != expected).then_some(())));
    assert!(found.unwrap().is_some(), "seen: {:?}", seen(desk));
}

fn close(desk: &Desk) {
    desk.close_window(|| seen(desk).is_empty());
}

#[test]
fn the_tray_counts_what_waits_and_the_window_closes_into_it() {
    let mut desk = Desk::closed(Options::default());
    let panel = Panel::open(&desk);
    desk.start();
    let first = desk.submit(&payload::rename("first"));
    desk.window().item(&first, "ready");
    panel.counts("1");
    is_seen(&desk, true);

    close(&desk);
    is_seen(&desk, false);
    let second = desk.submit(&payload::rename("second"));
    panel.counts("2");
    let told = desk.notices().wait(SOON, |notice| notice.body.contains("draft-second.txt"));
    assert!(told.is_ok(), "the desk is at work: {told:?}");

    panel.press("Open Handoff Desk");
    is_seen(&desk, true);
    for (id, key) in [(&first, "first"), (&second, "second")] {
        desk.window().open_item(id, &format!("May I rename draft-{key}.txt?"));
        desk.window().click("decide-approve");
        desk.wait_for_state(id, "released");
    }
    panel.counts("");
}

#[test]
fn out_of_the_tray_it_comes_to_the_front_on_what_was_clicked_or_by_a_second_start() {
    let mut desk = Desk::closed(Options::default());
    let _panel = Panel::open(&desk);
    desk.start();
    let other = Other::open(&desk);
    let first = desk.submit(&payload::rename("first"));
    desk.window().item(&first, "ready");
    desk.notices().close_all().unwrap();
    let away = |desk: &Desk| {
        close(desk);
        is_seen(desk, false);
        in_front(desk, Other::NAME);
    };
    away(&desk);
    desk.submit(&payload::rename("second"));
    desk.notices().wait(SOON, |notice| notice.body.contains("draft-second.txt")).unwrap();
    desk.notices().act().unwrap();
    desk.window().shows("question", "May I rename draft-second.txt?");
    in_front(&desk, "Handoff Desk");

    away(&desk);
    assert!(desk.command(DESK).status().unwrap().success(), "it gives way to the first");
    in_front(&desk, "Handoff Desk");
    drop(other);
}

#[test]
fn a_panel_that_starts_after_the_desk_gets_its_icon_and_one_that_ends_leaves_the_window_in_reach() {
    let mut desk = Desk::closed(Options::default());
    desk.start();
    let id = desk.submit(&payload::rename("early"));
    desk.window().item(&id, "ready");
    let panel = Panel::open(&desk);
    panel.counts("1");
    close(&desk);
    is_seen(&desk, false);
    assert_eq!(desk.minimised(), 0, "it is in the tray alone");

    drop(panel);
    let reach = || Ok((desk.minimised() == 1).then_some(()));
    assert!(ask_until(SOON, reach).unwrap().is_some(), "nobody could open it any more");
}

/// Another program's window, over all of the screen.
struct Other {
    _program: Child,
}

impl Other {
    const NAME: &str = "Another program";

    fn open(desk: &Desk) -> Self {
        let mut command = desk.command("xev");
        command.args(["-name", Self::NAME, "-event", "expose", "-geometry", "1200x800"]);
        let program = Child::start("another program", &mut command).unwrap();
        in_front(desk, Self::NAME);
        Self { _program: program }
    }
}

#[track_caller]
fn in_front(desk: &Desk, name: &str) {
    let active = || Ok(desk.stage().active_window()?.filter(|title| title == name));
    let found = ask_until(SOON, active).unwrap();
    assert!(found.is_some(), "in front is {:?}", desk.stage().active_window());
}

#[test]
fn the_window_comes_back_as_it_was_left() {
    let mut desk = Desk::closed(Options::default());
    desk.start();
    is_seen(&desk, true);
    let geometry = |desk: &Desk| {
        let window = seen(desk).pop().unwrap();
        let shape = desk.stage().run("xdotool", &["getwindowgeometry".as_ref(), window.as_ref()]);
        shape.unwrap().lines().find_map(|line| Some(line.split_once("Geometry: ")?.1.to_owned()))
    };
    let window = seen(&desk).pop().unwrap();
    let resize = ["windowsize", "--sync", &window, "900", "700"].map(AsRef::as_ref);
    desk.stage().run("xdotool", &resize).unwrap();
    let resized = || Ok((geometry(&desk).as_deref() == Some("900x700")).then_some(()));
    assert!(ask_until(SOON, resized).unwrap().is_some(), "{:?}", geometry(&desk));
    // The page knows it too: so the app has heard of it.
    let known = desk.window().until("return innerWidth === 900 && innerHeight === 700;", &[]);
    assert!(known.is_some(), "{}", desk.window().page_text());

    let file = desk.home().join("window.json");
    let text = || std::fs::read_to_string(&file).unwrap_or_default();
    let written = || Ok((text().contains("900") && text().contains("700")).then_some(()));
    assert!(ask_until(SOON, written).unwrap().is_some(), "it is written down: {}", text());
    // As by a shutdown, which asks nobody.
    desk.kill();
    desk.start();
    is_seen(&desk, true);
    let back = || Ok((geometry(&desk).as_deref() == Some("900x700")).then_some(()));
    assert!(ask_until(SOON, back).unwrap().is_some(), "{:?}", geometry(&desk));
}

#[test]
fn the_desk_is_quit_from_the_tray_and_from_the_window() {
    let mut desk = Desk::closed(Options::default());
    let panel = Panel::open(&desk);
    desk.start();
    let [app, _] = desk.window().driver().processes();
    panel.press("Quit");
    assert!(handoff_stage::child::wait_for_end(app, SOON).unwrap(), "by the tray");
    desk.close();

    desk.start();
    let id = desk.submit(&payload::rename("kept"));
    desk.window().item(&id, "ready");
    let [app, _] = desk.window().driver().processes();
    for key in ["Control+k", "q", "u", "i", "t"] {
        desk.window().press(key);
    }
    let found = "return document.querySelectorAll('[role=option][id^=command-]').length === 1;";
    assert!(desk.window().until(found, &[]).is_some(), "{}", desk.window().page_text());
    // Not by the driver: the window that would answer it is gone.
    desk.stage().run("xdotool", &["key", "Return"].map(AsRef::as_ref)).unwrap();
    assert!(handoff_stage::child::wait_for_end(app, SOON).unwrap(), "by the window");
    desk.close();

    desk.start();
    desk.window().item(&id, "ready");
}
