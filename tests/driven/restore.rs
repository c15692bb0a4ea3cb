//! Going back to a backup from the window: the desk starts itself again in its
//! own place, and what that loses is named.

use std::fs;
use std::path::{Path, PathBuf};

use handoff_stage::ask_until;

use crate::support::{AFTER_HOLD, Desk, SOON, payload};

/// The finished backups of a desk.
fn backups(home: &Path) -> Vec<PathBuf> {
    let list = fs::read_dir(home.join("backups")).into_iter().flatten();
    let paths = list.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|end| end == "db")).collect()
}

#[test]
fn going_back_keeps_what_was_there_and_names_what_is_lost() {
    let mut desk = Desk::open();
    let first = desk.submit(&payload::rename("first"));
    ask_until(SOON, || Ok((backups(desk.home()).len() == 1).then_some(())))
        .unwrap()
        .expect("a desk without a backup makes one when it starts");
    // Another that has no backup makes one, with the first handoff in it.
    desk.kill();
    fs::remove_dir_all(desk.home().join("backups")).unwrap();
    let apart = desk.start_apart();
    ask_until(SOON, || Ok((backups(desk.home()).len() == 1).then_some(()))).unwrap().unwrap();
    let second = desk.submit(&payload::rename("second"));
    desk.window().item(&second, "ready");

    desk.window().open_settings("Backups");
    let window = desk.window().driver();
    let go_back = window.find("[data-backup] .restore", SOON).unwrap();
    window.click(&go_back).unwrap();
    let lose_it = window.find("[data-backup] .danger", SOON).unwrap();
    // The page may be gone before it can say that it was clicked.
    window.click(&lose_it).ok();
    let aside = desk.home().join("damaged");
    ask_until(AFTER_HOLD, || Ok(aside.exists().then_some(()))).unwrap().expect("it goes back");
    desk.answers();

    desk.cli(&["show", &second]).expect_code(6);
    assert_eq!(desk.state(&first), "ready", "it was in the backup");
    let verified = desk.cli(&["verify"]).expect_code(0).json;
    let epochs = verified["epochs"].as_array().unwrap();
    assert_eq!(epochs.len(), 1, "{verified}");
    assert_eq!(epochs[0]["reason"], "restored");
    let lost = (epochs[0]["lost_from"].as_u64(), epochs[0]["first"].as_u64());
    assert!(lost.0 >= Some(2) && lost.1 > lost.0, "a range is named: {verified}");
    assert!(epochs[0]["note"].as_str().unwrap().contains(&second), "and what it was about");
    let set_aside = fs::read_dir(&aside).unwrap().next().unwrap().unwrap().path();
    assert!(set_aside.join("desk.db").exists(), "nothing was deleted");

    // It goes on as any other desk.
    drop(apart);
    desk.close();
    desk.start();
    let window = desk.window();
    // Nobody had read it in the window that was replaced.
    window.shows("notice", "went back to the backup");
    window.shows("notice", "at Suggest again");
    let dismiss = window.driver().find("[data-testid=notice] button", SOON).unwrap();
    window.driver().click(&dismiss).unwrap();
    window.gone("notice", "");
    window.item(&first, "ready");
    assert_eq!(window.items(), std::slice::from_ref(&first));
    window.open_item(&first, "May I rename draft-first.txt?");
    window.click("decide-approve");
    desk.wait_for_state(&first, "released");
    desk.cli(&["verify"]).expect_code(0);
    desk.close();
    desk.start();
    let third = desk.submit(&payload::rename("third"));
    desk.window().item(&third, "ready");
    desk.window().gone("notice", "");
}
