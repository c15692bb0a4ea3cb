//! Where the desk lives, and how bytes on its socket become calls.
//!
//! It knows frames, tokens, whose socket it is talking to, and which of the
//! processes of a coding agent belong together. It does not know
//! what a call means: that is the engine's business, and the caller's.

pub mod client;
#[cfg(feature = "server")]
mod frame;
pub mod home;
#[cfg(feature = "server")]
pub mod server;
pub mod session;
mod token;
