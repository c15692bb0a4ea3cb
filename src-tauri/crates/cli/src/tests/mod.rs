//! The command against a real desk without a window, in one process.

mod away;
mod demo;
mod demo_levels;
mod disk;
mod flow;
mod gate;
mod hook;
mod line;
mod room;
mod silent;
mod undo;
