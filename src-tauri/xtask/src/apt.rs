//! Debian's package tools, and the right to use them. It asks nothing itself:
//! only sudo may ask, for a password, and only at a terminal.

use std::io::IsTerminal as _;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use crate::command::{answer, run};

/// The right to install packages.
#[derive(Debug)]
pub struct Apt {
    sudo: bool,
}

/// Whether this machine has them at all.
pub fn here() -> bool {
    ["dpkg-query", "apt-get"]
        .iter()
        .all(|tool| answer(Command::new(tool).arg("--version")).is_some())
}

/// Whether the package is installed.
pub fn installed(package: &str) -> bool {
    // One line for each architecture it is there for.
    let format = "--showformat=${db:Status-Status}\n";
    answer(Command::new("dpkg-query").args(["--show", format, package]))
        .is_some_and(|states| states.lines().any(|state| state == "installed"))
}

/// Whether the package can be installed. Some names are known, as others refer
/// to them, and yet stand for nothing.
pub fn offers(package: &str) -> bool {
    // The word is translated elsewhere.
    let policy = answer(Command::new("apt-cache").env("LC_ALL", "C").args(["policy", package]));
    policy.is_some_and(|policy| {
        policy
            .lines()
            .filter_map(|line| line.trim().strip_prefix("Candidate:"))
            .any(|version| version.trim() != "(none)")
    })
}

impl Apt {
    /// Gets it, from root or through sudo; where that is refused, the error
    /// says how `packages` are installed by hand.
    pub fn allowed(packages: &[&str]) -> anyhow::Result<Self> {
        if answer(Command::new("id").arg("-u")).as_deref() == Some("0") {
            return Ok(Self { sudo: false });
        }
        if answer(Command::new("sudo").arg("--version")).is_none() {
            bail!(
                "only root can install packages, and there is no sudo here. Become root, do this \
                 and start again as yourself: {}",
                by_hand("", packages)
            );
        }
        if answer(Command::new("sudo").args(["-n", "true"])).is_some() {
            return Ok(Self { sudo: true });
        }
        let hint = by_hand("sudo ", packages);
        if !std::io::stdin().is_terminal() {
            bail!(
                "only root can install packages, and sudo wants a password, which nobody can \
                 type here. Do this at a terminal and start again: {hint}"
            );
        }
        println!("Only root can install them, so sudo asks for your password.");
        run(Command::new("sudo").arg("true")).with_context(|| {
            format!("sudo did not make you root. Have this done by someone it does: {hint}")
        })?;
        Ok(Self { sudo: true })
    }

    /// Fetches the lists of packages, without which a fresh machine knows none.
    ///
    /// That may fail for a list that has nothing to do with us, so what is
    /// known is then gone on with.
    pub fn update(&self) {
        // Without this, apt-get says it went well when there is no network.
        let strict = "APT::Update::Error-Mode=any";
        if let Err(fault) = run(&mut self.get(&["update", "-q", "-o", strict])) {
            println!(
                "Not every list of packages could be fetched ({fault:#}); going on with those \
                 that are here."
            );
        }
    }

    /// Installs the packages; apt-get begins only once it has fetched them all.
    pub fn install(&self, packages: &[&str]) -> anyhow::Result<()> {
        let mut args = vec!["install", "-q", "-y", "--no-install-recommends"];
        // A fresh machine may be busy with its own updates for a while.
        args.extend(["-o", "DPkg::Lock::Timeout=300"]);
        // Nobody could answer whether a settings file of theirs is to be kept: it is.
        args.extend(["-o", "Dpkg::Options::=--force-confold"]);
        args.extend(packages);
        run(&mut self.get(&args)).with_context(|| {
            let sudo = if self.sudo { "sudo " } else { "" };
            format!(
                "apt-get did not install {}, and says why above. Without a network it cannot. To \
                 try by hand: {}",
                packages.join(" "),
                by_hand(sudo, packages)
            )
        })
    }

    fn get(&self, args: &[&str]) -> Command {
        // env passes the setting through sudo, which would drop it.
        let words = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];
        let mut command;
        if self.sudo {
            // It keeps the terminal, for a sudo that asks every time.
            command = Command::new("sudo");
            command.args(words);
        } else {
            command = Command::new(words[0]);
            command.args(&words[1..]).stdin(Stdio::null());
        }
        command.args(args);
        command
    }
}

fn by_hand(sudo: &str, packages: &[&str]) -> String {
    let names = if packages.is_empty() { "chromium".to_owned() } else { packages.join(" ") };
    format!("{sudo}apt-get update && {sudo}apt-get install --no-install-recommends {names}")
}
