//! A stage is a working desktop that leaves nothing behind.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail like the test")]

use std::ffi::OsStr;
use std::time::Duration;

use handoff_stage::{Child, Plan, Stage, child};

const LIMIT: Duration = Duration::from_secs(10);

fn notify(stage: &Stage, summary: &str, body: &str) {
    // gdbus reads its arguments as GVariant text, and JSON strings are that.
    let [summary, body] = [summary, body].map(|text| format!("{text:?}"));
    let args = [
        "call",
        "--session",
        "--dest=org.freedesktop.Notifications",
        "--object-path=/org/freedesktop/Notifications",
        "--method=org.freedesktop.Notifications.Notify",
        "'probe'",
        "uint32 0",
        "''",
        &summary,
        &body,
        "['default', 'Open']",
        "@a{sv} {}",
        "int32 -1",
    ];
    stage.run("gdbus", &args.map(OsStr::new)).unwrap();
}

#[test]
fn a_notification_is_heard_and_can_be_acted_on() {
    let stage = Stage::open(Plan::default()).unwrap();
    let notices = stage.notices().unwrap();
    assert_eq!(notices.all().unwrap(), [], "a new stage has no past");

    notify(&stage, "first = of two", "with\ntwo lines");
    let heard = notices.wait(LIMIT, |notice| notice.app == "probe").unwrap();

    assert_eq!(heard.summary, "first = of two", "an equals sign does not end the field");
    assert_eq!(heard.body, "with\ntwo lines", "a line break does not end the field");
    assert_eq!(heard.urgency, "NORMAL");
    assert_eq!(notices.displayed().unwrap(), 1, "it stays until it is acted on");

    let mut listener = stage.command("dbus-monitor");
    listener.args(["--session", "--profile", "type='signal'"]);
    let (listener, _ready) = Child::start_until_line("dbus-monitor", &mut listener, LIMIT).unwrap();
    let lines = listener.lines().unwrap();
    lines.wait(LIMIT, |line| line.contains("NameAcquired")).unwrap();
    notices.act().unwrap();
    lines.wait(LIMIT, |line| line.contains("ActionInvoked")).unwrap();
}

#[test]
fn a_stage_without_notifications_has_no_service_at_all() {
    let stage = Stage::open(Plan { notifications: false, ..Plan::default() }).unwrap();
    assert!(stage.notices().is_err());
    let names = stage
        .run(
            "dbus-send",
            &[
                "--session",
                "--print-reply",
                "--dest=org.freedesktop.DBus",
                "/org/freedesktop/DBus",
                "org.freedesktop.DBus.ListActivatableNames",
            ]
            .map(OsStr::new),
        )
        .unwrap();
    assert!(!names.contains("Notifications"), "the bus would start one by itself: {names}");
}

#[test]
fn a_closed_stage_leaves_no_process_and_no_folder() {
    let stage = Stage::open(Plan::default()).unwrap();
    let folder = stage.folder().to_owned();
    let picture = folder.join("screen.png");
    stage.screenshot(&picture).unwrap();
    assert!(picture.metadata().unwrap().len() > 0, "the screen can be photographed");
    let processes = stage.processes();
    assert_eq!(processes.len(), 4, "screen, bus, window manager and notification service");

    drop(stage);

    for pid in processes {
        assert!(child::wait_for_end(pid, LIMIT).unwrap(), "process {pid} still runs");
    }
    assert!(!folder.exists(), "its folder is gone");
}
