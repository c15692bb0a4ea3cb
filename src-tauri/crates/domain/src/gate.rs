//! The gate: may this call run (DESIGN §6, CONTRACT §6)?
//!
//! One pure function of what is known of the call. It reads no rule and no
//! record itself; it weighs what they say. Nothing here permits an
//! irreversible or unknown call but a decision of the reviewer on that very
//! call.

pub mod by_default;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::action::Effect;
use crate::autonomy::Level;
use crate::effect::Judged;
use crate::payload::ReasonCode;
use crate::trigger::{Evidence, TriggerKind};

pub use crate::runnable::{Pending, runnable, waits_for};

/// What somebody has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// Every agent is paused.
    Everything,
    /// This agent is paused.
    Agent,
    /// This task is paused.
    Task,
    /// The reviewer does this task now; its agent does nothing.
    TakenOver,
}

/// What is known of a call when it is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'g> {
    /// The level in force.
    pub level: Level,
    /// What the call does.
    pub judged: &'g Judged,
    /// Whether somebody has stopped it.
    pub stop: Option<Stop>,
    /// The pending handoffs it depends on.
    pub waits_for: &'g [String],
    /// A decision on exactly this call that was not used yet.
    pub permit: bool,
    /// What its triggers and the reviewer's limits say.
    pub evidence: &'g [Evidence],
    /// A standing rule of the reviewer that allows exactly this call.
    pub allowed: bool,
}

/// What the gate answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case", tag = "verdict", content = "by")]
pub enum Verdict {
    /// It may run.
    Run(Ran),
    /// It waits.
    Held(Held),
}

/// Why a call may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
pub enum Ran {
    /// The reviewer decided on exactly this call; the permit is used up.
    Permit,
    /// It changes nothing.
    Read,
    /// A standing rule allows exactly this.
    Allowed,
    /// It becomes part of the task's draft.
    Drafted,
    /// The level lets changes that can be undone run.
    Executed,
}

/// Why a call waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
pub enum Held {
    /// Somebody has stopped it; there is no question to answer.
    Stopped(Stop),
    /// It depends on handoffs that are pending; there is no new question.
    Waits,
    /// It cannot be undone, or nobody knows what it does: always asked.
    Irreversible,
    /// A trigger or a limit wants a person to look.
    Trigger,
    /// The level asks for every change.
    Level,
}

impl Held {
    /// Whether a new question goes to the reviewer.
    pub fn asks(self) -> bool {
        matches!(self, Self::Irreversible | Self::Trigger | Self::Level)
    }

    /// Whether it would be held whatever the reviewer sets.
    pub fn is_mandatory(self) -> bool {
        matches!(self, Self::Irreversible)
    }
}

/// May it run?
pub fn decide(ground: &Ground<'_>) -> Verdict {
    let reads = ground.judged.effect == Effect::Read && !ground.judged.unknown;
    match ground.stop {
        Some(Stop::TakenOver) => return Verdict::Held(Held::Stopped(Stop::TakenOver)),
        Some(stop) if !reads => return Verdict::Held(Held::Stopped(stop)),
        _ => {}
    }
    if ground.permit {
        return Verdict::Run(Ran::Permit);
    }
    if !ground.waits_for.is_empty() {
        return Verdict::Held(Held::Waits);
    }
    if ground.judged.effect == Effect::Irreversible || ground.judged.unknown {
        return Verdict::Held(Held::Irreversible);
    }
    let covered = |evidence: &Evidence| ground.allowed && is_about_the_call(evidence);
    if !ground.evidence.iter().all(covered) {
        return Verdict::Held(Held::Trigger);
    }
    match (ground.judged.effect, ground.level) {
        (Effect::Read, _) => Verdict::Run(Ran::Read),
        (Effect::Reversible, _) if ground.allowed => Verdict::Run(Ran::Allowed),
        (Effect::Reversible, Level::Draft) => Verdict::Run(Ran::Drafted),
        (Effect::Reversible, Level::Execute) => Verdict::Run(Ran::Executed),
        (Effect::Reversible, Level::Suggest) => Verdict::Held(Held::Level),
        (Effect::Irreversible, _) => Verdict::Held(Held::Irreversible),
    }
}

/// Whether the reviewer saw all of it when they allowed exactly this call:
/// its words and its scope, and nothing of what was done before.
fn is_about_the_call(evidence: &Evidence) -> bool {
    matches!(evidence.trigger, TriggerKind::Compliance | TriggerKind::Scope)
        && evidence.exhibits.iter().all(|exhibit| exhibit.action.is_none())
}

/// The reason for a handoff that a held call becomes.
pub fn reason(held: Held, evidence: &[Evidence]) -> ReasonCode {
    if held.is_mandatory() || evidence.is_empty() {
        return ReasonCode::ApprovalRequired;
    }
    match evidence.iter().map(|evidence| evidence.trigger).min() {
        Some(TriggerKind::MissingArgument) => ReasonCode::MissingInformation,
        Some(TriggerKind::Contradiction | TriggerKind::FactMismatch) => {
            ReasonCode::ConflictingEvidence
        }
        Some(TriggerKind::Compliance | TriggerKind::Limit | TriggerKind::Overruled) => {
            ReasonCode::Policy
        }
        Some(TriggerKind::Rephrased) => ReasonCode::LoopDetected,
        Some(TriggerKind::Scope) => ReasonCode::ScopeExceeded,
        Some(TriggerKind::ChainLength) => ReasonCode::ChainTooLong,
        Some(TriggerKind::ContextChurn) => ReasonCode::ContextChurn,
        Some(TriggerKind::RepeatedError) => ReasonCode::RepeatedError,
        None => ReasonCode::ApprovalRequired,
    }
}

#[cfg(test)]
mod tests;
