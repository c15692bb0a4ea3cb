//! The desk as a user meets it: the built app in a real window on a desktop of
//! its own, the real command line as the agent, real notifications.
//!
//! Nothing is faked here and nothing is reached but through the public ways:
//! the window's test ids, the exit codes and JSON of `handoff`, the session
//! bus. What one part does by itself is tested beside it.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail like the test")]
#![cfg_attr(
    not(feature = "automation"),
    expect(dead_code, reason = "a build that cannot be driven is only looked at from outside")
)]

mod support;

#[cfg(feature = "automation")]
mod driven {
    mod asleep;
    mod decisions;
    mod hostile;
    mod keyboard;
    mod kills;
    mod levels;
    mod live;
    mod load;
    mod locked;
    mod notices;
    mod reboot;
    mod restart;
    mod restore;
    mod returned;
    mod rollback;
    mod settings;
    mod side_by_side;
    mod story;
    mod tray;
}
#[cfg(not(feature = "automation"))]
mod shipped;
#[cfg(not(feature = "automation"))]
mod unwritable;
