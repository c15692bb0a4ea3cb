//! `cargo xtask test`: everything that must pass before a change is taken.

use std::thread;

use crate::command::{Root, answer, run as run_command};
use crate::packages::{self, Purpose};
use crate::stages::Stages;
use crate::{clients, lint, ui};

/// The feature with which the window can be driven.
pub const AUTOMATION: &str = "handoff-desk/automation";
/// The system tests, as cargo names them.
const SYSTEM: &str = "system";

/// Runs all stages; those after a failed one too, unless they rest on it.
pub fn run(root: &Root, only: Option<&str>) -> anyhow::Result<()> {
    packages::ensure(Purpose::Test)?;
    let mut stages = Stages::new(only);
    if stages.run("window: install", || ui::install(root)) {
        stages.run("window: check", || ui::script(root, "check"));
        stages.run("window: unit tests", || ui::script(root, "test"));
        stages.run("window: browser tests", || ui::browser_tests(root));
    }
    // What the app is built with; where it fails, an earlier one may be there.
    let window = stages.run("window: build", || ui::build(root));
    stages.run("format", || lint::format(root));
    stages.run("clippy", || lint::clippy(root));
    // Among them: that the generated files are up to date, the import table, and
    // the app as it is shipped, which nothing may drive.
    stages.run("rust tests", || cargo_test(root, &[]));
    let clients = window && clients::build(root, &mut stages);
    let system = ["--features", AUTOMATION, "--test", SYSTEM];
    if clients && stages.run("system tests: build", || build_tests(root, &system)) {
        // Both wait more than they work: for a window, and for a client.
        let beside = stages.beside();
        thread::scope(|scope| {
            let clients = scope.spawn(|| clients::run_beside(root, beside));
            stages.run("system tests", || cargo_test(root, &system));
            match clients.join() {
                Ok(done) => stages.take(done),
                Err(_) => stages.skip("clients", "running them panicked"),
            }
        });
    } else {
        stages.skip("system tests", "the app was not built");
        stages.skip("clients", "the app was not built");
    }
    stages.finish()
}

/// The tests of all crates.
///
/// Both builds select all of them, and the feature changes the app's own crate
/// alone: cargo then shares everything else between the two.
fn cargo_test(root: &Root, extra: &[&str]) -> anyhow::Result<()> {
    let mut args = test_args(root, extra);
    if !has_nextest(root) && extra.contains(&SYSTEM) {
        // The machine has two cores, and every one of them opens a window.
        args.extend(["--", "--test-threads=1"]);
    }
    run_command(&mut root.cargo(args))
}

fn build_tests(root: &Root, extra: &[&str]) -> anyhow::Result<()> {
    let mut args = test_args(root, extra);
    args.push("--no-run");
    run_command(&mut root.cargo(args))
}

fn test_args<'a>(root: &Root, extra: &[&'a str]) -> Vec<&'a str> {
    let mut args: Vec<&str> = if has_nextest(root) { vec!["nextest", "run"] } else { vec!["test"] };
    args.push("--workspace");
    args.extend(extra);
    args
}

fn has_nextest(root: &Root) -> bool {
    answer(&mut root.cargo(["nextest", "--version"])).is_some()
}
