//! The agents' side: real third-party clients against the real desk. Each has a
//! check of its own in the repository, which installs what it pins into a cache
//! outside of it; here they are given the built programs and run.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;

use crate::command::{Failed, Root, keep_output, run as run_command};
use crate::packages::{self, Purpose};
use crate::stages::Stages;
use crate::test::AUTOMATION;
use crate::{app, ui};

/// The checks that every change must pass: how the stage is called, and the
/// script.
const CHECKS: &[(&str, &str)] = &[
    ("clients: Python", "clients/python/check"),
    ("clients: MCP", "tests/clients/mcp/check"),
    ("clients: LangGraph Server", "tests/clients/langgraph_server/check"),
    ("clients: Claude Code", "tests/clients/claude_code/check"),
    ("clients: Codex", "tests/clients/codex/check"),
    ("clients: SSH", "tests/clients/ssh/check"),
];

/// Those that take too long for every change.
const MORE: &[(&str, &str)] = &[("clients: Gemini CLI", "tests/clients/gemini/check")];

/// The desk without a window, whose reviewer a test drives.
const TEST_DESK: &str = "desk";

/// Runs all checks there are.
pub fn run_all(root: &Root) -> anyhow::Result<()> {
    packages::ensure(Purpose::Test)?;
    ui::install(root)?;
    ui::build(root)?;
    let mut stages = Stages::new(None);
    let built = build(root, &mut stages);
    for (name, script) in CHECKS.iter().chain(MORE) {
        if built {
            stages.run(name, || run_command(&mut check(root, script)?));
        } else {
            stages.skip(name, "what it talks to was not built");
        }
    }
    stages.finish()
}

/// Builds what the clients talk to.
pub fn build(root: &Root, stages: &mut Stages) -> bool {
    stages.run("clients: build", || {
        run_command(&mut root.cargo([
            "build",
            "--workspace",
            "--features",
            AUTOMATION,
            "--bin",
            app::DESK,
            "--bin",
            app::CLI,
            "--example",
            TEST_DESK,
        ]))
    })
}

/// Runs the checks that every change must pass beside something else: what they
/// say is kept, and comes with their stages. As a system test has, each has a
/// second try: on a loaded machine a client of somebody else's can be too late.
pub fn run_beside(root: &Root, mut stages: Stages) -> Stages {
    for (name, script) in CHECKS {
        stages.run_quietly(name, || {
            let first = match keep_output(&mut check(root, script)?) {
                Err(fault) => fault.downcast::<Failed>()?,
                passed => return passed,
            };
            let second = keep_output(&mut check(root, script)?)?;
            Ok(format!("{}\nFLAKY: its first try did not pass.\n{second}", first.said))
        });
    }
    stages
}

fn check(root: &Root, script: &str) -> anyhow::Result<Command> {
    let caches = caches().context("There is no home folder to keep packages in.")?;
    let mut check = root.command(root.join(script), [] as [&str; 0]);
    check.env("HANDOFF_BIN", root.built(app::CLI));
    check.env("HANDOFF_DESK_BIN", root.built(app::DESK));
    check.env("HANDOFF_TESTDESK", root.target().join("debug/examples").join(TEST_DESK));
    check.env("HANDOFF_PYTHON_CACHE", caches.join("python"));
    check.env("HANDOFF_CLIENT_CACHE", caches);
    Ok(check)
}

fn caches() -> Option<PathBuf> {
    let set = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache"));
    Some(set.filter(|set| set.is_absolute()).or_else(home)?.join("handoff-desk-clients"))
}
