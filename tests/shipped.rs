//! The app as it is shipped, without the feature `automation`: nothing can
//! drive its window.

use std::path::Path;
use std::time::Duration;

use handoff_protocol::wire::{Status, method};
use handoff_stage::{Child, Driver};
use handoff_transport::client::Client;
use handoff_transport::home::Home;

use crate::support::desk::{CLI, DESK};
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

#[test]
fn a_submit_starts_the_desk_and_hands_it_no_secrets() {
    let desk = Desk::closed(Options::default());
    let file = desk.scratch("cases").join("case.json");
    std::fs::write(&file, payload::rename("first").to_string()).unwrap();
    let mut command = desk.command(CLI);
    command.arg("submit").arg(&file).env("AGENT_API_KEY", "secret").env("LD_DEBUG_OUTPUT", "/x");
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("was not running") && said.contains("handoff-desk"), "{said}");
    let status: Status =
        Client::ask(&Home::new(desk.home().to_owned()), method::STATUS, &serde_json::json!({}))
            .unwrap();
    let _ends = Ends(status.pid);
    assert_eq!(status.inbox, 1);
    let environment = std::fs::read(format!("/proc/{}/environ", status.pid)).unwrap();
    let names: Vec<String> = environment
        .split(|byte| *byte == 0)
        .map(|pair| String::from_utf8_lossy(pair).split('=').next().unwrap_or_default().to_owned())
        .collect();
    assert!(names.iter().any(|name| name == "HANDOFF_DESK_HOME"), "{names:?}");
    assert!(!names.iter().any(|name| name.contains("KEY") || name.starts_with("LD_")), "{names:?}");
    // It waits in the background, and comes forward when it is asked to.
    let window =
        || desk.stage().active_window().map(|title| title.filter(|t| t.contains("Handoff")));
    let shown = desk.command(DESK).status().unwrap();
    assert!(shown.success());
    assert!(handoff_stage::ask_until(SOON, window).unwrap().is_some(), "its window comes forward");
}

#[test]
fn what_is_handed_off_without_a_desk_is_there_when_it_starts() {
    let desk = Desk::closed(Options::default());
    let file = desk.scratch("cases").join("case.json");
    std::fs::write(&file, payload::rename("away").to_string()).unwrap();
    let without_display = |words: &[&str]| {
        let mut command = desk.command(CLI);
        command.arg("--json").args(words).env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
        let output = command.output().unwrap();
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        (output.status.code(), json)
    };
    let (code, told) = without_display(&["submit", file.to_str().unwrap()]);
    assert_eq!((code, &told["spooled"]), (Some(0), &serde_json::json!(true)), "{told}");
    let id = told["id"].as_str().unwrap().to_owned();
    let (code, told) = without_display(&["wait", &id, "--timeout", "0"]);
    assert_eq!((code, &told["state"]), (Some(10), &serde_json::json!("queued")), "{told}");
    let _app = Child::start("the desk", &mut desk.command(DESK)).unwrap();
    desk.notices().wait(SOON, |notice| notice.body.contains("draft-away.txt")).unwrap();
    let (code, told) = without_display(&["wait", &id, "--timeout", "0"]);
    assert_eq!((code, &told["state"]), (Some(10), &serde_json::json!("ready")), "{told}");
    assert_eq!(told["spooled"], serde_json::Value::Null, "the desk itself answers");
    let (code, told) = without_display(&["submit", file.to_str().unwrap()]);
    assert_eq!(
        (code, &told["id"], &told["replayed"]),
        (Some(0), &serde_json::json!(id), &serde_json::json!(true))
    );
}

/// Ends a process that this one has not started itself.
struct Ends(u32);

impl Drop for Ends {
    fn drop(&mut self) {
        let killed = std::process::Command::new("kill").args(["-9", &self.0.to_string()]).status();
        assert!(killed.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

#[test]
fn a_reader_that_left_is_no_panic_and_no_success() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = std::process::Command::new(CLI);
    let output = command.args(["schema"]).stdout(writer).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}
