//! Mounts that only one program sees, for tests of a full disk or a folder that
//! cannot be written.

use std::process::Command;

/// What gives a program mounts of its own, without rights over the machine.
const UNSHARE: [&str; 3] = ["unshare", "--map-root-user", "--mount"];

/// A command that runs this shell script with mounts of its own.
///
/// `None`, said aloud, where the machine lets no user have any, as Ubuntu 24.04
/// does unless `kernel.apparmor_restrict_unprivileged_userns` is 0. Where `CI` is
/// set that is no excuse: the command is there, and fails.
#[must_use]
pub fn script(text: &str) -> Option<Command> {
    let [unshare, words @ ..] = UNSHARE;
    let mut may = Command::new(unshare);
    let may = may.args(words).arg("true").output();
    if std::env::var_os("CI").is_none() && !may.is_ok_and(|may| may.status.success()) {
        say("SKIPPED: this machine lets no user have mounts of their own");
        return None;
    }
    let mut command = Command::new(unshare);
    command.args(words).args(["sh", "-c", text]);
    Some(command)
}

#[expect(clippy::print_stderr, reason = "whoever runs the test must know that it did not")]
fn say(words: &str) {
    eprintln!("{words}");
}
