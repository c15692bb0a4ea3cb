//! The command against a real desk without a window, in one process.

mod demo;
mod disk;
mod flow;
mod line;
mod room;
