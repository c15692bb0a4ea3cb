//! Notifications: when, what they say, and where they lead.

use crate::support::newcomer::{Newcomer, Told};
use crate::support::{Desk, Options, SOON, payload};

#[test]
fn a_notification_names_agent_and_question_and_opens_its_item() {
    let desk = Desk::open();
    let window = desk.window();
    let first = desk.submit(&payload::delete("first"));
    let notice = desk.notices().wait(SOON, |_| true).unwrap();
    let text = format!("{} {}", notice.summary, notice.body);
    assert!(text.contains("cli"), "the agent: {text}");
    assert!(text.contains("May I delete draft-first.txt for good?"), "the question: {text}");
    assert!(text.to_lowercase().contains("high"), "the priority: {text}");
    assert_eq!(desk.state(&first), "ready", "the card was there before it");
    desk.notices().close_all().unwrap();

    let second = desk.submit(&payload::rename("second"));
    desk.notices().wait(SOON, |notice| notice.body.contains("draft-second.txt")).unwrap();
    window.item(&second, "ready");
    window.open_item(&first, "May I delete draft-first.txt for good?");
    let mut minimise = desk.command("xdotool");
    minimise.args(["getactivewindow", "windowminimize", "--sync"]);
    assert!(minimise.status().unwrap().success());

    desk.notices().act().unwrap();

    window.shows("question", "May I rename draft-second.txt?");
    let active = handoff_stage::ask_until(SOON, || desk.stage().active_window()).unwrap();
    assert!(active.is_some_and(|title| title.contains("Handoff")), "the window is in front");
}

#[test]
fn one_handoff_is_one_notification() {
    let desk = Desk::open();
    let case = payload::rename("once");
    desk.submit(&case);
    desk.submit(&case);
    desk.submit(&payload::rename("last"));
    desk.notices().wait(SOON, |notice| notice.body.contains("draft-last.txt")).unwrap();
    let all = desk.notices().all().unwrap();
    let once = all.iter().filter(|notice| notice.body.contains("draft-once.txt")).count();
    assert_eq!(once, 1, "a replayed submit does not notify again: {all:#?}");
}

#[test]
fn without_a_notification_service_the_desk_works_and_says_so() {
    let desk = Desk::open_with(Options { silent: true });
    let window = desk.window();
    let id = desk.submit(&payload::rename("silent"));
    window.item(&id, "ready");
    let said = window.until("return document.body.innerText.includes('No notifications')", &[]);
    assert!(said.is_some(), "the window says so:\n{}", window.page_text());
}

/// Waits until the window says of notifications what it should.
#[track_caller]
fn says_of_notifications(desk: &Desk, missing: bool) {
    let said = desk.window().until(
        "return document.body.innerText.includes('No notifications') === args[0];",
        &[serde_json::json!(missing)],
    );
    assert!(said.is_some(), "missing: {missing}\n{}", desk.window().page_text());
}

#[test]
fn a_service_that_dies_and_comes_back_is_told_once_what_waits() {
    let mut desk = Desk::open();
    desk.submit(&payload::rename("before"));
    desk.notices().wait(SOON, |notice| notice.body.contains("draft-before.txt")).unwrap();
    desk.stage_mut().kill_notifications().unwrap();
    says_of_notifications(&desk, true);
    let id = desk.submit(&payload::rename("meanwhile"));
    desk.window().item(&id, "ready");
    desk.stage_mut().start_notifications().unwrap();
    let fits = |notice: &handoff_stage::Notice| notice.body.contains("draft-meanwhile.txt");
    desk.notices().wait(SOON, fits).unwrap();
    says_of_notifications(&desk, false);
    // Nobody had read it when its service died.
    desk.notices().wait(SOON, |notice| notice.body.contains("draft-before.txt")).unwrap();
    desk.submit(&payload::rename("after"));
    desk.notices().wait(SOON, |notice| notice.body.contains("draft-after.txt")).unwrap();
    let all = desk.notices().all().unwrap();
    assert_eq!(all.iter().filter(|notice| fits(notice)).count(), 1, "{all:#?}");
}

#[test]
fn another_service_that_takes_the_name_shows_what_comes_and_is_asked_nothing_of_before() {
    let mut desk = Desk::open();
    let before = desk.submit(&payload::rename("before"));
    desk.notices().wait(SOON, |notice| notice.body.contains("draft-before.txt")).unwrap();
    desk.window().item(&before, "ready");
    let newcomer = Newcomer::waits(&desk);
    desk.stage_mut().kill_notifications().unwrap();

    // Nobody had read it: it is told again, in no place of the other service.
    let (again, replaces) = newcomer.shows("draft-before.txt");
    assert_eq!(replaces, 0);
    let after = desk.submit(&payload::rename("after"));
    let (number, replaces) = newcomer.shows("draft-after.txt");
    assert_eq!(replaces, 0, "it is in no place of the other service");
    says_of_notifications(&desk, false);
    desk.window().item(&after, "ready");
    desk.window().open_item(&before, "May I rename draft-before.txt?");
    newcomer.click(number);
    desk.window().shows("question", "May I rename draft-after.txt?");

    // Answered, it leaves the screen of the one that shows it.
    for (id, key) in [(&before, "before"), (&after, "after")] {
        desk.window().open_item(id, &format!("May I rename draft-{key}.txt?"));
        desk.window().click("decide-approve");
        desk.wait_for_state(id, "released");
    }
    let closed = |told: &Told| match told {
        Told::Close(id) => Some(*id),
        Told::Show { .. } => None,
    };
    let closed = |told: Vec<Told>| told.iter().filter_map(closed).collect::<Vec<_>>();
    // What was clicked is gone already, or is taken away; nothing else is.
    let all = closed(newcomer.told());
    assert!(all.iter().all(|id| [number, again].contains(id)), "the other's numbers: {all:?}");
}

#[test]
fn a_service_that_hangs_hinders_nothing() {
    let desk = Desk::open();
    desk.stage().hang_notifications().unwrap();
    let ids: Vec<String> =
        ["one", "two", "three"].iter().map(|key| desk.submit(&payload::rename(key))).collect();
    let window = desk.window();
    for id in &ids {
        window.item(id, "ready");
    }
    window.open_item(&ids[1], "May I rename draft-two.txt?");
    window.click("decide-approve");
    desk.wait_for_state(&ids[1], "released");
    says_of_notifications(&desk, true);
    desk.stage().wake_notifications().unwrap();
}

#[test]
fn a_burst_is_summed_up_in_one_notification() {
    let desk = Desk::open();
    for number in 0..12 {
        desk.submit(&payload::rename(&format!("burst-{number}")));
    }
    let summary = desk.notices().wait(SOON, |notice| notice.summary.contains("more ask")).unwrap();
    assert!(summary.body.contains("from cli"), "{summary:?}");
    let all = desk.notices().all().unwrap();
    let alone = all.iter().filter(|notice| notice.body.contains("draft-burst")).count();
    assert!(alone < 12, "not every one by itself: {all:#?}");
}

#[test]
fn what_a_killed_desk_left_on_the_screen_is_replaced_or_taken_away() {
    let mut desk = Desk::open();
    let id = desk.submit(&payload::rename("left"));
    desk.notices().wait(SOON, |notice| notice.body.contains("draft-left.txt")).unwrap();
    desk.window().item(&id, "ready");
    // Shown comes first, and is written down a moment later.
    let file = desk.home().join("notices.json");
    let written = || Ok(std::fs::read_to_string(&file).ok().filter(|text| text.contains(&id)));
    handoff_stage::ask_until(SOON, written).unwrap().expect("it is written down");
    desk.kill();
    assert_eq!(desk.notices().displayed().unwrap(), 1, "nobody took it away");
    desk.start();
    // The card may be on the screen at once: then nothing is told, and taken away.
    let told_or_gone = || {
        let all = desk.notices().all()?;
        let of_it = all.iter().filter(|notice| notice.body.contains("draft-left.txt")).count();
        let displayed = desk.notices().displayed()?;
        Ok((of_it >= 2 || displayed == 0).then_some(displayed))
    };
    let displayed = handoff_stage::ask_until(SOON, told_or_gone).unwrap();
    if displayed.expect("it is told again, or gone") > 0 {
        assert_eq!(desk.notices().displayed().unwrap(), 1, "in its old place");
        desk.notices().act().unwrap();
    }
    desk.window().shows("question", "May I rename draft-left.txt?");
}
