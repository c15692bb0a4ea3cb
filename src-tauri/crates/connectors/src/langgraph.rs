//! LangGraph Server: what its threads ask, as cards, and what was decided, in
//! the form that each thread waits for.

pub mod answer;
pub mod card;
pub mod dialect;
mod schema;
pub mod server;
#[cfg(test)]
mod tests;
pub mod thread;
