//! The window's own project: its packages, its build and its tests.

use std::ffi::OsStr;
use std::fs;
use std::process::Command;

use anyhow::{Context, bail};

use crate::browser;
use crate::command::{Root, run};

/// Installs the packages of the lock file, unless they already are.
pub fn install(root: &Root) -> anyhow::Result<()> {
    let lock = root.join("ui/package-lock.json");
    let wanted = fs::read(&lock).with_context(|| format!("{} cannot be read", lock.display()))?;
    // A copy of the lock that was installed; npm's own file differs from it.
    let stamp = root.join("ui/node_modules/.installed-lock.json");
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        println!("The window's packages are up to date.");
        return Ok(());
    }
    run(&mut npm(root, ["ci", "--no-audit", "--no-fund"]))?;
    fs::write(&stamp, wanted).with_context(|| format!("{} cannot be written", stamp.display()))
}

/// Builds the window.
pub fn build(root: &Root) -> anyhow::Result<()> {
    script(root, "build")
}

/// Runs one of the scripts of its package.json.
pub fn script(root: &Root, name: &str) -> anyhow::Result<()> {
    run(&mut npm(root, ["run", "--silent", name]))
}

/// Runs the tests that drive the window in a browser.
pub fn browser_tests(root: &Root) -> anyhow::Result<()> {
    let Some(browser) = browser::find() else {
        bail!(
            "they drive Chromium, which is not here: install it, or name one with {}=PATH",
            browser::VARIABLE
        );
    };
    run(npm(root, ["run", "--silent", "test:browser"]).env(browser::VARIABLE, browser))
}

fn npm<I>(root: &Root, args: I) -> Command
where
    I: IntoIterator<Item: AsRef<OsStr>>,
{
    let mut npm = root.command("npm", args);
    npm.current_dir(root.join("ui"));
    npm
}
