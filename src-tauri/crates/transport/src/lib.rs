//! Lines over a socket: framing, the listening end, the peer check, the client.
//!
//! It carries calls and answers; what they mean is the engine's business.

#[cfg(feature = "server")]
mod frame;
#[cfg(feature = "server")]
pub mod server;
