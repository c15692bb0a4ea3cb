//! The desk after the machine was started again: the clocks that count from
//! its start show something else, and only the wall clock goes on. Each start
//! of the desk is put into a time namespace of its own for that, which needs
//! rights that not every machine gives.

use std::process::Command;

use chrono::{DateTime, Utc};
use handoff_stage::ask_until;
use serde_json::json;

use crate::support::{AFTER_HOLD, Desk, SOON, payload};

/// Started a week longer ago than it was.
const LONGER: &str = "604800";

/// What the thread says of a deadline, in this order.
const WARNED: &str = "Warned of the deadline";
const LEFT_ALONE: &str = "nothing was done";

/// A start of the driver, and so of the desk, by other clocks: those that
/// count from the machine's start are set off by so many seconds.
fn by_clocks_off(seconds: &str) -> Vec<String> {
    ["unshare", "--time", "--monotonic", seconds, "--boottime", seconds, "--"]
        .map(str::to_owned)
        .to_vec()
}

/// The offset after which the machine seems to have been started just now.
fn just_started() -> String {
    let up = std::fs::read_to_string("/proc/uptime").unwrap();
    let seconds: f64 = up.split(' ').next().unwrap().parse().unwrap();
    // The clock may not fall below zero.
    format!("-{}", (seconds - 60.0).max(0.0).floor())
}

/// Named by whoever knows that this machine cannot do it, and will be told so.
const WITHOUT: &str = "HANDOFF_NO_TIME_NAMESPACE";

/// Whether this is to be left out, which somebody has to ask for: the kernel or
/// the rights may forbid time namespaces.
fn impossible() -> bool {
    let by = by_clocks_off(LONGER);
    let seen = Command::new(&by[0]).args(&by[1..]).args(["cat", "/proc/uptime"]).output().unwrap();
    let up: Option<f64> = String::from_utf8_lossy(&seen.stdout)
        .split(' ')
        .next()
        .and_then(|seconds| seconds.parse().ok());
    let why = match up {
        Some(up) if up > 604_800.0 => return false,
        Some(_) => "this kernel moves no process into one when it starts a program".to_owned(),
        None => String::from_utf8_lossy(&seen.stderr).trim().to_owned(),
    };
    assert!(
        std::env::var_os(WITHOUT).is_some(),
        "no time namespace can be made here: {why}. Where that is so, set {WITHOUT}=1 to leave \
         this test out."
    );
    say(&format!("SKIPPED: no time namespace can be made here: {why}"));
    true
}

#[expect(clippy::print_stderr, reason = "whoever runs it must know that it did not")]
fn say(words: &str) {
    eprintln!("{words}");
}

#[test]
fn a_held_decision_is_held_again_in_full_by_clocks_that_start_anew() {
    if impossible() {
        return;
    }
    let mut desk = Desk::open();
    let held = desk.submit(&payload::rename("held"));
    let mut agent = desk.wait_for(&held);
    desk.window().open_item(&held, "May I rename draft-held.txt?");
    desk.window().click("decide-approve");
    desk.window().see("undo-decision");
    for seconds in [LONGER.to_owned(), just_started()] {
        desk.kill();
        desk.start_by(&by_clocks_off(&seconds));
        // Five seconds again: neither over at once nor for a week.
        let left = desk
            .window()
            .until("return document.body.innerText.match(/goes out in [345] s/)?.[0];", &[]);
        assert!(left.is_some(), "off by {seconds} s:\n{}", desk.window().page_text());
        assert!(agent.runs(), "nothing is released before the hold is over");
    }
    let answer = agent.finish(AFTER_HOLD).expect_code(0).json;
    assert_eq!(answer["decision"]["kind"], "approve");
    assert_eq!(answer["act"], true);
}

#[test]
fn a_deadline_that_passed_while_the_machine_was_off_is_warned_of_first() {
    if impossible() {
        return;
    }
    for seconds in [LONGER.to_owned(), just_started()] {
        let mut desk = Desk::open();
        desk.window().set_grace("0");
        let mut soon = payload::rename("soon");
        soon["deadline"] = json!({
            "respond_within_s": 4, "grace_s": 1,
            "on_timeout": {"kind": "manual_review"},
        });
        let id = desk.submit(&soon);
        let far = desk.submit(&payload::rename("far"));
        let by = desk.cli(&["show", &id]).json["respond_by"].as_str().unwrap().parse().unwrap();
        desk.kill();
        wait_until_after(by);
        desk.start_by(&by_clocks_off(&seconds));

        let left_alone = |id: &str| {
            let flags = desk.cli(&["show", id]).expect_code(0).json["flags"].clone();
            flags.as_array().unwrap().contains(&json!("manual_review"))
        };
        let marked = ask_until(SOON, || Ok(left_alone(&id).then_some(())));
        assert!(marked.unwrap().is_some(), "off by {seconds} s: nothing follows");
        // What was left alone waits in a list of its own.
        desk.window().open_tab("review");
        desk.window().open_item(&id, "May I rename draft-soon.txt?");
        desk.window().open_thread();
        desk.window().shows("task-thread", LEFT_ALONE);
        let thread = desk.window().text("task-thread");
        let at =
            |words| thread.find(words).unwrap_or_else(|| panic!("{words:?} is not in {thread}"));
        assert!(at(LEFT_ALONE) < at(WARNED), "the latest first: {thread}");
        let all = desk.notices().all().unwrap();
        // Told again by the desk that comes after, it is the same one in its place.
        let warnings = all.iter().filter(|one| one.summary.contains("time runs out"));
        let warnings: std::collections::BTreeSet<u32> = warnings.map(|one| one.id).collect();
        assert_eq!(warnings.len(), 1, "only that one is warned of, once: {all:#?}");
        assert!(!left_alone(&far));
        desk.cli(&["wait", &id]).expect_code(11);
    }
}

/// Waits until the deadline lies behind, by the clock on the wall.
#[expect(clippy::disallowed_methods, reason = "it is the real time that passes here")]
fn wait_until_after(by: DateTime<Utc>) {
    let behind = ask_until(SOON, || Ok((Utc::now() > by).then_some(()))).unwrap();
    assert!(behind.is_some(), "{by} does not come");
}
