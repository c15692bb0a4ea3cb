//! A declared default at its deadline (CONTRACT §4): whether System may take
//! it, and what the reviewer is told of that beforehand.
//!
//! Time permits nothing by itself. Either the gate would let the very call run
//! unasked at this moment, or the reviewer has given leave on the card; and no
//! leave outweighs a pause.

use super::{Held, Stop};

/// Whether System may take the default, of which the gate says `held`, and the
/// reviewer that it is `allowed`.
pub fn may_take(held: Option<Held>, allowed: bool) -> bool {
    match held {
        None => true,
        Some(Held::Stopped(_)) => false,
        Some(Held::Waits | Held::Irreversible | Held::Trigger | Held::Level) => allowed,
    }
}

/// Why System may not take it unasked.
pub fn why_not(held: Held) -> &'static str {
    match held {
        Held::Stopped(Stop::TakenOver) => "The reviewer does this task now.",
        Held::Stopped(Stop::Everything) => "Everything is paused.",
        Held::Stopped(Stop::Agent) => "This agent is paused.",
        Held::Stopped(Stop::Task) => "This task is paused.",
        Held::Waits => "It depends on another question that is pending.",
        Held::Irreversible => "It cannot be undone, or nobody knows what it does.",
        Held::Trigger => "One of your rules or triggers wants a person to look first.",
        Held::Level => "At its level this agent may not change anything unasked.",
    }
}
