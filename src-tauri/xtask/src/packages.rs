//! What must be installed on the machine: named first, then installed where
//! that is possible (Debian and its kin), else said plainly.

use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use crate::command::{answer, run};

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

/// Debian's and Ubuntu's names.
const PACKAGES: &[(Purpose, &str)] = &[
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
    (Purpose::Test, "chromium"),
];

/// Node from this version on has what the window's tools need.
const NODE: u32 = 20;

/// Sees to it that everything for `purpose` is there.
pub fn ensure(purpose: Purpose) -> anyhow::Result<()> {
    let wanted: Vec<&str> = PACKAGES
        .iter()
        .filter(|(needed_for, _)| *needed_for <= purpose)
        .map(|(_, package)| *package)
        .collect();
    if answer(Command::new("dpkg-query").arg("--version")).is_none() {
        return elsewhere(&wanted);
    }
    let missing: Vec<&str> = wanted.into_iter().filter(|package| !installed(package)).collect();
    if missing.is_empty() {
        return node();
    }
    println!("Handoff Desk needs these system packages: {}", missing.join(" "));
    let root = answer(Command::new("id").arg("-u")).as_deref() == Some("0");
    let hint = format!("apt-get install {}", missing.join(" "));
    if !root && answer(Command::new("sudo").arg("--version")).is_none() {
        bail!("they can only be installed by root, and there is no sudo. As root: {hint}");
    }
    println!("Installing with: {}{hint}", if root { "" } else { "sudo " });
    run(&mut apt(root, &["update", "-qq"]))
        .context("the package lists could not be fetched; is there a network?")?;
    let mut install = vec!["install", "-y", "-qq", "--no-install-recommends"];
    install.extend(&missing);
    run(&mut apt(root, &install))
        .with_context(|| format!("install them by hand and start again: {hint}"))?;
    node()
}

fn apt(root: bool, args: &[&str]) -> Command {
    // env passes the setting through sudo, which would drop it.
    let words = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];
    let mut command = Command::new(if root { words[0] } else { "sudo" });
    command.args(if root { &words[1..] } else { &words[..] }).args(args);
    if root {
        command.stdin(Stdio::null());
    }
    command
}

fn installed(package: &str) -> bool {
    let status = |name: &str| {
        answer(Command::new("dpkg-query").args([
            "--show",
            "--showformat=${db:Status-Status}",
            name,
        ]))
    };
    status(package).as_deref() == Some("installed")
}

/// Without Debian's package tool nothing is known of what is installed, so the
/// one thing without which nothing builds is asked for directly.
fn elsewhere(wanted: &[&str]) -> anyhow::Result<()> {
    let library = ["--exists", "webkit2gtk-4.1"];
    if answer(Command::new("pkg-config").args(library)).is_none() {
        bail!(
            "WebKitGTK 4.1 for development is missing, and this is no Debian or Ubuntu, where it \
             could be installed by itself. Install what your system calls: {}",
            wanted.join(", ")
        );
    }
    node()
}

fn node() -> anyhow::Result<()> {
    let hint = format!(
        "the window is built with Node.js {NODE} or newer and npm; install them from your system \
         or from nodejs.org and start again"
    );
    let Some(version) = answer(Command::new("node").arg("--version")) else {
        bail!("there is no Node.js here: {hint}");
    };
    let major =
        version.trim_start_matches('v').split('.').next().and_then(|n| n.parse::<u32>().ok());
    if major.is_none_or(|major| major < NODE) {
        bail!("Node.js here is {version}: {hint}");
    }
    if answer(Command::new("npm").arg("--version")).is_none() {
        bail!("there is Node.js but no npm here: {hint}");
    }
    Ok(())
}
