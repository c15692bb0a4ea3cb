//! The use cases of the desk on a real database, with time moved by hand.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

mod agent;
mod agents;
mod alerts;
mod always_asked;
mod asked_again;
mod by_default;
mod by_hand;
mod calm;
mod clocks;
mod connections;
mod control;
mod counted;
mod course;
mod decide;
mod deliver;
mod drafts;
mod durable;
mod ended;
mod files;
mod flood;
mod floor;
mod folders;
mod full;
mod gate;
mod links;
mod locked;
mod order;
mod origin;
mod reconcile;
mod records;
mod reports;
mod rerun;
mod rollback;
mod rollback_by_desk;
mod rules;
mod seen;
mod servers;
mod spool;
mod spool_crashes;
mod stages;
mod stops;
mod submit;
mod time;
mod timeline;
