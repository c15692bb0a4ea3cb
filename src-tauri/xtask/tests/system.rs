//! What `cargo xtask system` says and does on machines that differ: each test
//! makes the system's tools itself, as scripts that write down how they are
//! called.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail like the test")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use tempfile::TempDir;

/// Held while a tool is written and while a process starts: one that starts in
/// another test would for a moment hold the file open, and no file that is
/// open for writing can be run.
static STARTING: Mutex<()> = Mutex::new(());

/// A folder with all the tools there are, and what was done with them.
struct Machine {
    tools: TempDir,
}

/// How a task ended.
struct End {
    good: bool,
    said: String,
    /// The calls that change something, in order.
    done: Vec<String>,
}

impl Machine {
    /// A fresh Debian: root, the right Node.js, none of the packages.
    fn fresh() -> Self {
        let machine = Self { tools: tempfile::tempdir().unwrap() };
        machine.tool("node", "echo v20.19.4");
        machine.tool("npm", "echo 10.8.2");
        machine.tool("id", "echo 0");
        machine.tool("env", r#"export "$1"; shift; exec "$@""#);
        machine.tool("dpkg-query", r#"[ "$1" = --version ]"#);
        machine.tool("apt-cache", "printf '  Installed: (none)\n  Candidate: 1.0\n'");
        machine.apt("");
        machine
    }

    /// Makes a tool, in the words of a shell; `$log` keeps what is written to it.
    fn tool(&self, name: &str, script: &str) {
        let path = self.tools.path().join(name);
        let log = self.tools.path().join("log");
        let _held = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
        fs::write(&path, format!("#!/bin/sh\nlog='{}'\n{script}\n", log.display())).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// An apt-get that does `then` at last.
    fn apt(&self, then: &str) {
        let log = r#"[ "$1" = --version ] || echo "$DEBIAN_FRONTEND apt-get $*" >>"$log""#;
        self.tool("apt-get", &format!("{log}\n{then}"));
    }

    /// A person who is not root.
    fn person(&self) {
        self.tool("id", "echo 1000");
    }

    fn system(&self) -> End {
        let held = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
        let task = Command::new(env!("CARGO_BIN_EXE_xtask"))
            .arg("system")
            .env("PATH", self.tools.path())
            .env_remove("CHROMIUM")
            .env_remove("DEBIAN_FRONTEND")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(held);
        let output = task.wait_with_output().unwrap();
        let log = fs::read_to_string(self.tools.path().join("log")).unwrap_or_default();
        End {
            good: output.status.success(),
            said: String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(),
            done: log.lines().map(str::to_owned).collect(),
        }
    }
}

impl End {
    /// The packages that were to be installed, with each call.
    fn installed(&self) -> Vec<Vec<&str>> {
        self.done
            .iter()
            .filter(|call| call.contains("apt-get install"))
            .map(|call| call.split(' ').filter(|word| PACKAGES.contains(word)).collect())
            .collect()
    }
}

/// Those that the tests look for.
const PACKAGES: &[&str] =
    &["libwebkit2gtk-4.1-dev", "xvfb", "webkit2gtk-driver", "chromium", "chromium-browser"];

#[test]
fn root_is_told_what_is_missing_and_why_and_gets_it() {
    let end = Machine::fresh().system();
    assert!(end.good, "{}", end.said);
    for line in ["to build the app: build-essential", "without a screen: xvfb", "to test it: lib"] {
        assert!(end.said.contains(line), "{line} is not in {}", end.said);
    }
    assert!(end.done[0].starts_with("noninteractive apt-get update"), "{:?}", end.done);
    assert_eq!(
        end.installed(),
        [vec!["libwebkit2gtk-4.1-dev", "xvfb", "webkit2gtk-driver"], vec!["chromium"]]
    );
}

#[test]
fn what_is_there_is_left_alone() {
    let machine = Machine::fresh();
    // Of some packages there are two, for two architectures.
    machine.tool("dpkg-query", r"printf 'config-files\ninstalled\n'");
    machine.tool("google-chrome", "");
    let end = machine.system();
    assert!(end.good, "{}", end.said);
    assert_eq!((end.said.as_str(), end.done.len()), ("", 0));
}

#[test]
fn a_package_of_which_only_settings_are_left_is_missing() {
    let machine = Machine::fresh();
    machine.tool("dpkg-query", "echo config-files");
    assert_eq!(machine.system().installed().len(), 2);
}

#[test]
fn without_root_and_sudo_nothing_is_touched() {
    let machine = Machine::fresh();
    machine.person();
    let end = machine.system();
    assert!(!end.good);
    assert_eq!(end.done, [""; 0]);
    assert!(end.said.contains("there is no sudo here"), "{}", end.said);
    assert!(end.said.contains(": apt-get update && apt-get install"), "{}", end.said);
}

#[test]
fn a_password_that_nobody_can_type_is_not_waited_for() {
    let machine = Machine::fresh();
    machine.person();
    machine.tool("sudo", r#"[ "$1" = --version ]"#);
    let end = machine.system();
    assert!(!end.good);
    assert_eq!(end.done, [""; 0]);
    assert!(end.said.contains("sudo wants a password"), "{}", end.said);
    assert!(end.said.contains(": sudo apt-get update && sudo apt-get install"), "{}", end.said);
}

#[test]
fn sudo_keeps_apt_from_asking() {
    let machine = Machine::fresh();
    machine.person();
    machine.tool(
        "sudo",
        r#"case "$1" in --version) exit;; -n) exit;; esac; echo "sudo $1" >>"$log"; exec "$@""#,
    );
    let end = machine.system();
    assert!(end.good, "{}", end.said);
    assert_eq!(end.done[0], "sudo env");
    assert!(end.done[1].starts_with("noninteractive apt-get update"), "{:?}", end.done);
    assert_eq!(end.installed().len(), 2);
}

#[test]
fn a_list_that_cannot_be_fetched_hinders_no_package_that_can() {
    let machine = Machine::fresh();
    machine.apt(r#"[ "$1" != update ]"#);
    let end = machine.system();
    assert!(end.good, "{}", end.said);
    assert!(end.said.contains("going on with those"), "{}", end.said);
    assert_eq!(end.installed().len(), 2);
}

#[test]
fn a_failed_installation_ends_the_task_and_says_what_to_do() {
    let machine = Machine::fresh();
    machine.apt(r#"[ "$1" != install ]"#);
    let end = machine.system();
    assert!(!end.good);
    assert_eq!(end.installed().len(), 1, "the browser is not tried after it");
    assert!(end.said.contains("Without a network it cannot"), "{}", end.said);
    assert!(end.said.contains("--no-install-recommends build-essential"), "{}", end.said);
}

#[test]
fn ubuntu_has_its_browser_elsewhere_and_may_do_without() {
    let machine = Machine::fresh();
    machine.tool(
        "apt-cache",
        r#"[ "$2" = chromium ] && echo '  Candidate: (none)' || echo '  Candidate: 2:1snap1'"#,
    );
    machine.apt(r#"case "$*" in *browser) exit 1;; esac"#);
    let end = machine.system();
    assert!(end.good, "{}", end.said);
    assert_eq!(end.installed()[1], ["chromium-browser"]);
    assert!(end.said.contains("The browser tests will fail"), "{}", end.said);
}

#[test]
fn an_old_node_is_named_before_anything_is_installed() {
    let machine = Machine::fresh();
    machine.tool("node", "echo v20.18.3");
    let end = machine.system();
    assert!(!end.good);
    assert_eq!(end.done, [""; 0]);
    assert!(end.said.contains("Node.js here is v20.18.3"), "{}", end.said);
}

#[test]
fn a_system_without_apt_is_told_what_to_install() {
    let machine = Machine::fresh();
    fs::remove_file(machine.tools.path().join("apt-get")).unwrap();
    let end = machine.system();
    assert!(!end.good);
    assert!(end.said.contains("this is no Debian or Ubuntu"), "{}", end.said);
    assert!(end.said.contains("to test it: libglib2.0-bin"), "{}", end.said);

    machine.tool("pkg-config", "");
    assert!(machine.system().good, "the library is there, by another name");
}
