//! `cargo xtask bench`: builds the app as it is measured, and measures it.

use std::ffi::OsStr;

use crate::command::{Root, run as run_command};
use crate::packages::{self, Purpose};
use crate::{app, ui};

/// What measures.
const BENCH: &str = "handoff-bench";
/// What the app's window is held against.
const BARE: &str = "bare-window";
/// The command line, which some rows start.
const COMMAND_LINE: &str = "handoff";
/// What a process that agents start is held against.
const EMPTY: &str = "empty";
/// As a release, but sooner built.
const PROFILE: &str = "measure";

/// Measures the rows whose name contains `only`, and writes the report `name`.
pub fn run(root: &Root, name: &str, only: Option<&str>) -> anyhow::Result<()> {
    packages::ensure(Purpose::Test)?;
    ui::install(root)?;
    ui::build(root)?;
    // All in one go, so that they share what they are made of.
    run_command(&mut root.cargo([
        "build",
        "--profile",
        PROFILE,
        "--package",
        app::DESK,
        "--package",
        BENCH,
        "--bin",
        app::DESK,
        "--bin",
        COMMAND_LINE,
        "--bin",
        BENCH,
        "--example",
        BARE,
        "--example",
        EMPTY,
        "--features",
        "handoff-desk/automation,handoff-desk/custom-protocol",
    ]))?;
    let built = root.target().join(PROFILE);
    let mut bench = root.command(built.join(BENCH), [OsStr::new("--name"), OsStr::new(name)]);
    bench.arg("--desk").arg(built.join(app::DESK));
    bench.arg("--bare").arg(built.join("examples").join(BARE));
    bench.arg("--out").arg(root.target().join("bench"));
    if let Some(only) = only {
        bench.arg("--only").arg(only);
    }
    run_command(&mut bench)
}
