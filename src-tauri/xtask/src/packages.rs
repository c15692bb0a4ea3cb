//! What must be installed on the machine: named first, then installed where
//! that is possible (Debian and its kin), else said plainly.

use std::process::Command;

use anyhow::bail;

use crate::apt::{self, Apt};
use crate::command::answer;
use crate::{browser, node};

/// What the packages are for; each purpose includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Building the app.
    Build,
    /// Opening it on a virtual screen.
    Headless,
    /// The browser and system tests.
    Test,
}

/// Sees to it that everything for `purpose` is there.
///
/// Only the browser may still be missing then: where it cannot be had, one
/// stage of the tests fails, and says why.
pub fn ensure(purpose: Purpose) -> anyhow::Result<()> {
    // First, as nothing here can mend it: no package is installed in vain.
    node::check()?;
    if !apt::here() {
        return elsewhere(purpose);
    }
    let missing: Vec<Need> = wanted(purpose).filter(|need| !apt::installed(need.1)).collect();
    let browser = purpose >= Purpose::Test && browser::find().is_none();
    if missing.is_empty() && !browser {
        return Ok(());
    }
    println!("These system packages are needed and not installed:");
    println!("{}", named(&missing, browser));
    let names: Vec<&str> = missing.iter().map(|need| need.1).collect();
    let apt = match Apt::allowed(&names) {
        Ok(apt) => apt,
        Err(refused) if names.is_empty() => {
            println!("The browser tests will fail: {refused:#}");
            return Ok(());
        }
        Err(refused) => return Err(refused),
    };
    apt.update();
    if !names.is_empty() {
        apt.install(&names)?;
    }
    // By itself: on Ubuntu it comes from another store, which may not be there.
    if browser && let Err(fault) = apt.install(&[browser::package()]) {
        println!("The browser tests will fail: {fault:#}");
    }
    Ok(())
}

/// A package, by the name that Debian and Ubuntu share, and what it is for.
type Need = (Purpose, &'static str);

const PACKAGES: &[Need] = &[
    (Purpose::Build, "build-essential"),
    (Purpose::Build, "pkg-config"),
    (Purpose::Build, "libwebkit2gtk-4.1-dev"),
    (Purpose::Build, "libayatana-appindicator3-dev"),
    (Purpose::Build, "librsvg2-dev"),
    (Purpose::Headless, "xvfb"),
    (Purpose::Headless, "dbus"),
    (Purpose::Headless, "openbox"),
    (Purpose::Headless, "dunst"),
    (Purpose::Headless, "xdotool"),
    (Purpose::Headless, "imagemagick"),
    (Purpose::Headless, "fonts-dejavu-core"),
    (Purpose::Test, "libglib2.0-bin"),
    (Purpose::Test, "webkit2gtk-driver"),
    (Purpose::Test, "sqlite3"),
    (Purpose::Test, "x11-utils"),
    (Purpose::Test, "python3-venv"),
    (Purpose::Test, "openssh-client"),
];

fn wanted(purpose: Purpose) -> impl Iterator<Item = Need> {
    PACKAGES.iter().copied().filter(move |need| need.0 <= purpose)
}

/// The missing packages, one line for each purpose.
fn named(missing: &[Need], browser: bool) -> String {
    let mut lines = Vec::new();
    for (purpose, why) in [
        (Purpose::Build, "to build the app"),
        (Purpose::Headless, "to open it without a screen"),
        (Purpose::Test, "to test it"),
    ] {
        let mut names: Vec<&str> =
            missing.iter().filter(|need| need.0 == purpose).map(|need| need.1).collect();
        if browser && purpose == Purpose::Test {
            names.push("chromium");
        }
        if !names.is_empty() {
            lines.push(format!("  {why}: {}", names.join(" ")));
        }
    }
    lines.join("\n")
}

/// Without Debian's package tools nothing is known of what is installed, so the
/// one thing without which nothing builds is asked for directly.
fn elsewhere(purpose: Purpose) -> anyhow::Result<()> {
    let library = ["--exists", "webkit2gtk-4.1"];
    if answer(Command::new("pkg-config").args(library)).is_none() {
        let all: Vec<Need> = wanted(purpose).collect();
        bail!(
            "pkg-config finds no WebKitGTK 4.1 for development here, and this is no Debian or \
             Ubuntu, where it would be installed by itself. Install what your system calls:\n{}",
            named(&all, purpose >= Purpose::Test)
        );
    }
    Ok(())
}
