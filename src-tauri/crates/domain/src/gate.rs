//! The gate: may this call run (DESIGN §6, CONTRACT §6)?
//!
//! One pure function of what is known of the call. It reads no rule and no
//! record itself; it weighs what they say. Nothing here permits an
//! irreversible or unknown call but a decision of the reviewer on that very
//! call.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::action::Effect;
use crate::autonomy::Level;
use crate::directive::{dependants, needs};
use crate::effect::Judged;
use crate::payload::{Plan, ReasonCode, Step, StepStatus};
use crate::trigger::{Evidence, TriggerKind};

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
        Some(TriggerKind::Compliance | TriggerKind::Limit) => ReasonCode::Policy,
        Some(TriggerKind::Rephrased) => ReasonCode::LoopDetected,
        Some(TriggerKind::Scope) => ReasonCode::ScopeExceeded,
        Some(TriggerKind::ChainLength) => ReasonCode::ChainTooLong,
        Some(TriggerKind::ContextChurn) => ReasonCode::ContextChurn,
        Some(TriggerKind::RepeatedError) => ReasonCode::RepeatedError,
        None => ReasonCode::ApprovalRequired,
    }
}

/// A handoff that is still to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending<'p> {
    /// Its id.
    pub id: &'p str,
    /// The step that waits for it; none where the agent did not say.
    pub step: Option<&'p str>,
}

/// The pending handoffs of a task that a call has to wait for (invariant 8):
/// those whose step it belongs to or depends on, directly or not. A call that
/// names no step, or one that the plan does not know, waits for all of them,
/// unless it only reads.
pub fn waits_for(
    plan: Option<&Plan>,
    step: Option<&str>,
    pending: &[Pending<'_>],
    reads: bool,
) -> Vec<String> {
    let known = plan.zip(step).filter(|(plan, step)| plan.steps.iter().any(|at| at.id == **step));
    let holds = |other: &Pending<'_>| match (known, other.step) {
        (Some((plan, step)), Some(other)) => {
            step == other || dependants(plan, other).contains(step)
        }
        // Nobody knows how the two belong together.
        _ => !reads,
    };
    pending.iter().filter(|other| holds(other)).map(|other| other.id.to_owned()).collect()
}

/// The steps that are free to go while these decisions are pending: not
/// begun, all they need is there, and none of it waits.
pub fn runnable(plan: &Plan, pending: &[Pending<'_>]) -> Vec<String> {
    let known: BTreeSet<&str> = plan.steps.iter().map(|step| step.id.as_str()).collect();
    let over: BTreeSet<&str> = plan
        .steps
        .iter()
        .filter(|step| matches!(step.status, StepStatus::Done | StepStatus::Skipped))
        .map(|step| step.id.as_str())
        .collect();
    let mut waiting = BTreeSet::new();
    for other in pending {
        // A question that names no step stops all of them.
        let Some(step) = other.step else { return Vec::new() };
        waiting.insert(step.to_owned());
        waiting.extend(dependants(plan, step));
    }
    let free = |step: &&Step| {
        step.status == StepStatus::Pending
            && !waiting.contains(&step.id)
            && needs(step, &known).all(|id| over.contains(id))
    };
    plan.steps.iter().filter(free).map(|step| step.id.clone()).collect()
}

#[cfg(test)]
mod tests;
