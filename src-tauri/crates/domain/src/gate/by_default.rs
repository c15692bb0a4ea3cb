//! A declared default at its deadline (CONTRACT §4): whether System may take
//! it, and what the reviewer is told of that beforehand.
//!
//! Time permits nothing by itself. Either the gate would let the very call run
//! unasked at this moment, or the reviewer has given leave on the card. No
//! leave outweighs a pause, and none is asked for what cannot be undone: that
//! takes an answer.

use super::{Held, Stop};

/// Whether System may take the default, of which the gate says `held`, and the
/// reviewer that it is `allowed`.
fn may_take(held: Option<Held>, allowed: bool) -> bool {
    match held {
        None => true,
        Some(Held::Stopped(_) | Held::Irreversible) => false,
        Some(Held::Waits | Held::Trigger | Held::Level) => allowed,
    }
}

/// Why System takes no default at all, whatever the gate says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// None is declared, or none of the options is it.
    Undeclared,
    /// It contradicts what is known: going against that takes a person.
    Contradicts,
    /// The agent cannot act on an approval.
    NotActedOn,
}

impl Unfit {
    fn why(self) -> &'static str {
        match self {
            Self::Undeclared => "There is no such option.",
            Self::Contradicts => "It contradicts what is known by now.",
            Self::NotActedOn => "This agent cannot act on an approval.",
        }
    }
}

/// What System takes as things stand, or in a sentence why not: the same for the
/// card beforehand as for the record at the deadline.
pub fn taken<T>(
    default: Result<T, Unfit>,
    held: Option<Held>,
    allowed: bool,
) -> Result<T, &'static str> {
    match held.filter(|_| !may_take(held, allowed)) {
        Some(held) => Err(why_not(held)),
        None => default.map_err(Unfit::why),
    }
}

/// Whether the reviewer can give leave for a default of which the gate says
/// `held`. A pause ends, and is no reason to take the leave away.
pub fn takes_leave(held: Held) -> bool {
    held != Held::Irreversible
}

/// Why System may not take it unasked.
fn why_not(held: Held) -> &'static str {
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
