//! The use cases of the desk on a real database, with time moved by hand.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

mod agent;
mod agents;
mod alerts;
mod by_default;
mod control;
mod decide;
mod deliver;
mod durable;
mod files;
mod flood;
mod full;
mod gate;
mod locked;
mod origin;
mod records;
mod rules;
mod seen;
mod spool;
mod spool_crashes;
mod submit;
mod time;
