//! Only a build with the feature `automation` can be driven.

use std::path::Path;
use std::time::Duration;

use handoff_stage::{Child, Driver};

use crate::support::{Desk, Options, SOON, payload};

/// The app as it is shipped; `cargo xtask test` leaves it here before it builds
/// the one that can be driven.
fn plain() -> std::path::PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let plain = target.join("system/plain/handoff-desk");
    assert!(plain.is_file(), "{} comes from `cargo xtask test`", plain.display());
    plain
}

#[test]
fn a_shipped_build_cannot_be_driven_whatever_its_environment_says() {
    let desk = Desk::closed(Options::default());
    let mut driver = desk.command("WebKitWebDriver");
    let opened = Driver::open_within(&mut driver, &plain(), Duration::from_secs(12));
    assert!(opened.is_err(), "a driver got hold of the window in which decisions are made");
}

#[test]
fn a_shipped_build_works_under_the_same_environment() {
    let desk = Desk::closed(Options::default());
    let mut command = desk.command(plain());
    command.env("TAURI_AUTOMATION", "true").env("TAURI_WEBVIEW_AUTOMATION", "true");
    let _app = Child::start("the desk", &mut command).unwrap();
    let active = handoff_stage::ask_until(SOON, || desk.stage().active_window()).unwrap();
    assert!(active.is_some_and(|title| title.contains("Handoff")), "its window opens");
    desk.submit(&payload::rename("plain"));
    desk.notices().wait(SOON, |notice| notice.body.contains("draft-plain.txt")).unwrap();
}
