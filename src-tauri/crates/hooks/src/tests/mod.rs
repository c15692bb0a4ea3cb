//! The dialects as tables, whatever else may come in, and what is left open.

mod broken;
mod dialects;
mod install;
mod open;
