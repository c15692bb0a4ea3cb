//! The command against a real desk without a window, in one process.

mod demo;
mod flow;
mod line;
mod room;
