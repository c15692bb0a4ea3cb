//! The words that cross the socket and the window: methods, wire types, error
//! codes, change tags. TypeScript, JSON Schema and PROTOCOL.md are generated
//! from here.
//!
//! It holds no behaviour: what a call does is the engine's business.

pub mod generate;
mod manual;
pub mod session;
pub mod view;
pub mod wire;
