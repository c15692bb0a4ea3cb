//! The app as it is shipped, without the feature `automation`: nothing can
//! drive its window.

use std::path::Path;
use std::time::Duration;

use handoff_stage::{Child, Driver};

use crate::support::desk::DESK;
use crate::support::{Desk, Options, SOON, payload};

#[test]
fn a_shipped_build_cannot_be_driven_whatever_its_environment_says() {
    let desk = Desk::closed(Options::default());
    let mut driver = desk.command("WebKitWebDriver");
    let opened = Driver::open_within(&mut driver, Path::new(DESK), Duration::from_secs(12));
    assert!(opened.is_err(), "a driver got hold of the window in which decisions are made");
}

#[test]
fn a_shipped_build_works_under_the_same_environment() {
    let desk = Desk::closed(Options::default());
    let mut command = desk.command(DESK);
    command.env("TAURI_AUTOMATION", "true").env("TAURI_WEBVIEW_AUTOMATION", "true");
    let _app = Child::start("the desk", &mut command).unwrap();
    let active = handoff_stage::ask_until(SOON, || desk.stage().active_window()).unwrap();
    assert!(active.is_some_and(|title| title.contains("Handoff")), "its window opens");
    desk.submit(&payload::rename("plain"));
    desk.notices().wait(SOON, |notice| notice.body.contains("draft-plain.txt")).unwrap();
}
