//! The checks that run nothing of the app.

use crate::command::Root;
use crate::stages::Stages;
use crate::{packages, ui};

/// Runs all of them.
pub fn run(root: &Root) -> anyhow::Result<()> {
    packages::ensure(packages::Purpose::Build)?;
    ui::install(root)?;
    let mut stages = Stages::new(None);
    stages.run("format", || format(root));
    stages.run("clippy", || clippy(root));
    stages.run("window: check", || ui::script(root, "check"));
    stages.run("import table and generated files", || {
        let packages = ["--package", "xtask", "--package", "handoff-generate"];
        run_cargo(root, &[&["test", "--quiet"][..], &packages].concat())
    });
    stages.finish()
}

/// Formatting of the Rust code.
pub fn format(root: &Root) -> anyhow::Result<()> {
    run_cargo(root, &["fmt", "--all", "--check"])
}

/// Clippy over everything, with every warning an error.
pub fn clippy(root: &Root) -> anyhow::Result<()> {
    run_cargo(
        root,
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--features",
            crate::test::AUTOMATION,
            "--",
            "-D",
            "warnings",
        ],
    )
}

fn run_cargo(root: &Root, args: &[&str]) -> anyhow::Result<()> {
    crate::command::run(&mut root.cargo(args))
}
