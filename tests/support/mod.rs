//! What the system tests share.

pub mod cli;
pub mod desk;
pub mod dice;
pub mod files;
pub mod hostile;
pub mod newcomer;
pub mod panel;
pub mod payload;
pub mod rollback;
pub mod settings;
pub mod window;

pub use desk::{Desk, Options};

use std::time::Duration;

/// How long anything that should happen at once may take on a slow machine.
pub const SOON: Duration = Duration::from_secs(20);

/// The hold between a decision and its release, plus what is above.
pub const AFTER_HOLD: Duration = Duration::from_secs(30);
