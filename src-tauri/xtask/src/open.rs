//! `cargo xtask run`: from a fresh clone to the open desk.

use std::io::IsTerminal as _;

use anyhow::{Context, bail};

use crate::command::Root;
use crate::packages::{self, Purpose};
use crate::{app, headless};

/// Builds everything and opens the desk with the demo agent.
pub fn run(root: &Root, once: bool) -> anyhow::Result<()> {
    let screen = ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    packages::ensure(if screen { Purpose::Build } else { Purpose::Headless })?;
    app::build(root)?;
    if screen {
        return on_screen(root);
    }
    // Where nobody can press Ctrl+C, such as in a container, it must end.
    headless::run(root, once || !std::io::stdin().is_terminal())
}

/// On the person's own screen: their desk, in their own folders.
fn on_screen(root: &Root) -> anyhow::Result<()> {
    println!("Opening the desk. The demo agent will hand off a question in a moment.");
    println!("Close the desk from its tray menu, or with Ctrl+C here.");
    let mut desk = root
        .command(root.built(app::DESK), [""; 0])
        .spawn()
        .context("the desk could not be started")?;
    let demo = root.command(root.built(app::CLI), ["demo"]).status();
    match demo {
        Ok(status) if status.success() => println!("The demo agent is done."),
        Ok(status) => println!("The demo agent ended with {status}."),
        Err(fault) => println!("The demo agent could not be started: {fault}"),
    }
    let status = desk.wait()?;
    if !status.success() {
        bail!("the desk ended with {status}, and says why above; is there a screen to open it on?");
    }
    Ok(())
}
