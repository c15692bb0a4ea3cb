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

#[test]
fn of_two_desks_started_at_once_one_stays_and_the_other_ends_well() {
    let desk = Desk::closed(Options::default());
    let start = |name: &str| Child::start(name, &mut desk.command(DESK)).unwrap();
    let (mut one, mut other) = (start("one desk"), start("the other desk"));
    let ended = handoff_stage::ask_until(SOON, || {
        let ends = [one.process().try_wait()?, other.process().try_wait()?];
        Ok(ends.into_iter().flatten().next())
    });
    assert!(
        ended.unwrap().expect("one of them gives way").success(),
        "and it says nothing is wrong"
    );
    desk.submit(&payload::rename("both"));
    let ends = [one.process().try_wait().unwrap(), other.process().try_wait().unwrap()];
    assert_eq!(ends.iter().flatten().count(), 1, "the other one works on");
}

/// Starts the desk on a file system of its own, made by `mount` and set up by
/// `prepare`; returns its exit code and what it said.
fn start_on(mount: &str, prepare: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let script = format!(
        "{mount} none \"$0\" && {prepare} && HANDOFF_DESK_HOME=\"$0/home\" exec timeout 20 \"$1\""
    );
    let output = std::process::Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", &script])
        .arg(folder.path())
        .arg(DESK)
        .env_remove("DBUS_SESSION_BUS_ADDRESS")
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_full_disk_at_the_start_is_named_with_what_to_do() {
    let (code, said) = start_on("mount -t tmpfs -o size=64k", "true");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("full") && said.contains("Free some space"), "{said}");
}

#[test]
fn a_folder_that_cannot_be_written_is_named_with_what_to_do() {
    let prepare = "mkdir \"$0/home\" && mount -o remount,ro \"$0\"";
    let (code, said) = start_on("mount -t tmpfs", prepare);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("Read-only") && said.contains("writable"), "{said}");
}

/// Calls the desk's program where there is no display.
fn call_without_display(home: &Path, words: &[&str]) -> (Option<i32>, String, String) {
    let output = std::process::Command::new(DESK)
        .args(words)
        .env("HANDOFF_DESK_HOME", home)
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("DBUS_SESSION_BUS_ADDRESS")
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn without_a_display_it_says_so_and_still_helps() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    let (code, out, _) = call_without_display(&home, &["--help"]);
    assert!(code == Some(0) && out.contains("Usage: handoff-desk"), "{out}");
    let (code, out, _) = call_without_display(&home, &["--version"]);
    assert!(code == Some(0) && out.starts_with("handoff-desk "), "{out}");
    let (code, _, said) = call_without_display(&home, &["--backgroud"]);
    assert!(code == Some(2) && said.contains("“--backgroud”"), "{said}");
    assert!(!home.exists(), "asking changes nothing");
    let (code, _, said) = call_without_display(&home, &[]);
    assert!(code == Some(1) && said.contains("no display") && !said.contains("panicked"), "{said}");
    assert!(said.contains("desktop session"), "{said}");
}
