//! The app as it is shipped, without the feature `automation`: nothing can
//! drive its window.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::net::TcpListener;
use std::path::Path;

use handoff_stage::{Child, Driver};

use crate::support::desk::{CLI, DESK};
use crate::support::{Desk, Options, SOON, payload};

/// What a WebDriver and WebKit's inspector are let in by.
const AUTOMATION: [&str; 4] = [
    "TAURI_AUTOMATION",
    "TAURI_WEBVIEW_AUTOMATION",
    "WEBKIT_INSPECTOR_SERVER",
    "WEBKIT_INSPECTOR_HTTP_SERVER",
];

/// The names of the variables that this process was started with.
fn variables(process: u32) -> Vec<String> {
    let environment = fs::read(format!("/proc/{process}/environ")).unwrap();
    environment
        .split(|byte| *byte == 0)
        .map(|pair| String::from_utf8_lossy(pair).split('=').next().unwrap_or_default().to_owned())
        .collect()
}

/// Waits until this process and its page have all their processes, and gives
/// them back.
fn with_its_page(process: u32) -> Vec<u32> {
    let page = || Ok(Some(family(process)).filter(|found| found.len() > 2));
    let found = handoff_stage::ask_until(SOON, page).unwrap();
    found.unwrap_or_else(|| panic!("the page has no processes of its own"))
}

#[test]
fn a_shipped_build_cannot_be_driven_whatever_its_environment_says() {
    let desk = Desk::closed(Options::default());
    let mut driver = desk.command("WebKitWebDriver");
    driver.env("WEBKIT_INSPECTOR_HTTP_SERVER", "127.0.0.1:1");
    std::thread::scope(|scope| {
        let opening = scope.spawn(|| Driver::open_within(&mut driver, Path::new(DESK), SOON));
        // Only the driver starts one here: so it is there, and the desk works.
        for process in with_its_page(desk.answers().pid) {
            let names = variables(process);
            assert!(names.iter().any(|name| name == "HANDOFF_DESK_HOME"), "{process}: {names:?}");
            let found: Vec<_> =
                names.iter().filter(|name| AUTOMATION.contains(&name.as_str())).collect();
            assert_eq!(found, [""; 0], "process {process} was told that it may be driven");
        }
        let opened = opening.join().unwrap();
        assert!(opened.is_err(), "a driver got hold of the window in which decisions are made");
    });
}

#[test]
fn a_shipped_build_works_under_the_same_environment() {
    let desk = Desk::closed(Options::default());
    let mut command = desk.command(DESK);
    command.env("TAURI_AUTOMATION", "true").env("TAURI_WEBVIEW_AUTOMATION", "true");
    let _app = Child::start("the desk", &mut command).unwrap();
    its_window_opens(&desk);
    desk.submit(&payload::rename("plain"));
    desk.notices().wait(SOON, |notice| notice.body.contains("draft-plain.txt")).unwrap();
}

#[track_caller]
fn its_window_opens(desk: &Desk) {
    let active = handoff_stage::ask_until(SOON, || desk.stage().active_window()).unwrap();
    assert!(active.is_some_and(|title| title.contains("Handoff")), "its window opens");
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

/// The processes that this one has started, and theirs, itself included.
fn family(of: u32) -> Vec<u32> {
    let mut parents = HashMap::<u32, Vec<u32>>::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
        // It may have ended meanwhile.
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        let after = stat.rsplit_once(')').unwrap().1;
        let parent = after.split_whitespace().nth(1).unwrap().parse().unwrap();
        parents.entry(parent).or_default().push(pid);
    }
    let mut found = vec![of];
    let mut next = 0;
    while next < found.len() {
        found.extend(parents.remove(&found[next]).unwrap_or_default());
        next += 1;
    }
    found
}

/// The network addresses at which these processes can be reached, as the system
/// lists them.
fn reached_at(processes: &[u32]) -> Vec<String> {
    let mut found = Vec::new();
    for process in processes {
        let folder = Path::new("/proc").join(process.to_string());
        let own: HashSet<String> = fs::read_dir(folder.join("fd"))
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|file| fs::read_link(file.path()).ok())
            .filter_map(|link| {
                let inode = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
                Some(inode.to_owned())
            })
            .collect();
        for table in ["tcp", "tcp6", "udp", "udp6", "raw", "raw6"] {
            let lines = fs::read_to_string(folder.join("net").join(table)).unwrap_or_default();
            for line in lines.lines().skip(1) {
                let fields: Vec<&str> = line.split_whitespace().collect();
                let [_, address, _, state, ..] = fields[..] else { continue };
                // A TCP socket that listens; of the others, any takes what comes.
                let takes = !table.starts_with("tcp") || state == "0A";
                if takes && fields.get(9).is_some_and(|inode| own.contains(*inode)) {
                    found.push(format!("process {process}: {table} {address}"));
                }
            }
        }
    }
    found
}

#[test]
fn nothing_of_it_can_be_reached_over_a_network() {
    let desk = Desk::closed(Options::default());
    let mut command = desk.command(DESK);
    // By these WebKit would let a distant inspector into the page.
    let ports = [0; 2].map(|_| TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    command.env("WEBKIT_INSPECTOR_SERVER", ports[0].to_string());
    command.env("WEBKIT_INSPECTOR_HTTP_SERVER", ports[1].to_string());
    let app = Child::start("the desk", &mut command).unwrap();
    its_window_opens(&desk);
    desk.submit(&payload::rename("quiet"));
    desk.notices().wait(SOON, |notice| notice.body.contains("draft-quiet.txt")).unwrap();
    assert_eq!(reached_at(&with_its_page(app.pid())), [""; 0]);

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let datagrams = std::net::UdpSocket::bind("[::1]:0").or_else(|_| {
        // Not every machine has the newer protocol.
        std::net::UdpSocket::bind("127.0.0.1:0")
    });
    let seen = reached_at(&[std::process::id()]);
    assert!(seen.len() >= 2, "the look finds what is open: {seen:?}");
    drop((listener, datagrams));
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
    let status = desk.answers();
    let _ends = Ends(status.pid);
    assert_eq!(status.inbox, 1);
    let names = variables(status.pid);
    assert!(names.iter().any(|name| name == "HANDOFF_DESK_HOME"), "{names:?}");
    assert!(!names.iter().any(|name| name.contains("KEY") || name.starts_with("LD_")), "{names:?}");
    // It waits in the background, in reach though there is no tray, and comes forward
    // when it is asked to.
    let reach = || Ok((desk.minimised() == 1).then_some(()));
    assert!(handoff_stage::ask_until(SOON, reach).unwrap().is_some(), "nobody could open it");
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
