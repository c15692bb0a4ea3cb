//! The package for Debian and its kin.

use anyhow::Context;

use crate::command::Root;
use crate::{packages, ui};

/// Builds it.
pub fn run(root: &Root) -> anyhow::Result<()> {
    packages::ensure(packages::Purpose::Build)?;
    ui::install(root)?;
    let tauri = root.join("ui/node_modules/.bin/tauri");
    crate::command::run(&mut root.command(tauri, ["build", "--bundles", "deb"]))
        .context("the package was not built")?;
    println!("The package is in {}", root.target().join("release/bundle/deb").display());
    Ok(())
}
