//! The programs themselves.

use crate::command::{Root, run};
use crate::ui;

/// The app, as cargo names it.
pub const DESK: &str = "handoff-desk";
/// The command line.
pub const CLI: &str = "handoff";

/// Builds window, app and command line for development.
pub fn build(root: &Root) -> anyhow::Result<()> {
    ui::install(root)?;
    ui::build(root)?;
    run(&mut root.cargo(["build", "--bin", DESK, "--bin", CLI]))
}
