//! What a handoff is and what may happen to it.
//!
//! Everything here is a pure function of (state, event, now). This crate reads
//! no clock, touches no file, opens no socket and knows no database.

pub mod action;
pub mod agreement;
pub mod alerts;
pub mod answer;
pub mod args;
pub mod audit;
pub mod autonomy;
pub mod bounded;
pub mod briefing;
pub mod constraint;
pub mod decision;
pub mod directive;
pub mod effect;
pub mod floor;
pub mod gate;
pub mod identity;
pub mod insight;
pub mod instruction;
pub mod integration;
pub mod kept;
pub mod lifecycle;
pub mod outbox;
pub mod payload;
pub mod reconcile;
pub mod record;
pub mod replay;
pub mod rollback;
pub mod rule;
pub mod runnable;
pub mod schema;
pub mod trace;
pub mod trigger;
pub mod validate;
pub mod visible;
mod whole;
