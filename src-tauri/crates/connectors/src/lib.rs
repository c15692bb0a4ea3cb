//! Servers of others on which agents run: what waits there becomes handoffs,
//! and what is decided goes back, once.
//!
//! The one room of the desk with a network client, and it reaches only the
//! servers that the reviewer has added. It decides nothing, keeps nothing itself,
//! and never takes a server's word for what the state of a thread must say.

mod address;
mod connector;
mod desk;
mod http;
mod langgraph;
mod secrets;
mod servers;
mod wake;

pub use connector::Pace;
pub use secrets::{KeyStore, Secrets};
pub use servers::Servers;
