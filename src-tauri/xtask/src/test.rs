//! `cargo xtask test`: everything that must pass before a change is taken.

use crate::command::{Root, answer, run as run_command};
use crate::packages::{self, Purpose};
use crate::stages::Stages;
use crate::{lint, ui};

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
    let rust = stages.run("rust tests", || cargo_test(root, &[]));
    if window && rust {
        stages.run("system tests", || {
            cargo_test(root, &["--features", AUTOMATION, "--test", SYSTEM])
        });
    } else {
        stages.skip("system tests", "the app was not built");
    }
    stages.finish()
}

/// The tests of all crates.
///
/// Both builds select all of them, and the feature changes the app's own crate
/// alone: cargo then shares everything else between the two.
fn cargo_test(root: &Root, extra: &[&str]) -> anyhow::Result<()> {
    let nextest = answer(&mut root.cargo(["nextest", "--version"])).is_some();
    let mut args: Vec<&str> = if nextest { vec!["nextest", "run"] } else { vec!["test"] };
    args.push("--workspace");
    args.extend(extra);
    if !nextest && extra.contains(&SYSTEM) {
        // The machine has two cores, and every one of them opens a window.
        args.extend(["--", "--test-threads=1"]);
    }
    run_command(&mut root.cargo(args))
}
