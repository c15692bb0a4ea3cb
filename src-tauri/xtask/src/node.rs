//! Node.js, which builds the window. It is never installed from here: the
//! versions of Debian 12 and Ubuntu 24.04 are too old.

use std::process::Command;

use anyhow::bail;

use crate::command::answer;

/// The first version with what the window's tools need, as `ui/package.json` says.
const NEEDED: (u32, u32) = (20, 19);

/// Fails unless Node.js and npm are there, and new enough.
pub fn check() -> anyhow::Result<()> {
    let hint = format!(
        "the window is built with Node.js {}.{} or newer and its npm; install them from nodejs.org \
         or with your system's packages, and start again",
        NEEDED.0, NEEDED.1
    );
    let Some(version) = answer(Command::new("node").arg("--version")) else {
        bail!("there is no Node.js here: {hint}");
    };
    if number(&version).is_none_or(|here| here < NEEDED) {
        bail!("Node.js here is {version}: {hint}");
    }
    if answer(Command::new("npm").arg("--version")).is_none() {
        bail!("there is Node.js but no npm here: {hint}");
    }
    Ok(())
}

/// The first two numbers of `v20.19.4`.
fn number(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.trim_start_matches('v').split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert_eq!(number("v20.19.4"), Some((20, 19)));
        assert!(number("v20.9.0") < Some(NEEDED));
        assert!(number("v22.3.0") > Some(NEEDED));
        assert_eq!(number("nightly"), None);
    }
}
