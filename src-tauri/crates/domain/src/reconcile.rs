//! Reconciliation: what a decision makes of the plan (DESIGN §7).
//!
//! One pure function of the plan, the recorded actions, the question, the
//! decision and the time. It says what becomes of each step and why, which
//! values changed, which constraints stand, and where finished work is in the
//! way. It sees declared dependencies and named values only; it does not guess
//! what free text means, runs nothing, and decides nothing.
//!
//! A finished step is *stale* when it used a value that is no longer true, or
//! builds on a stale or undone one, by `depends_on`, by `uses`, by an action's
//! `depends_on`, or by a later change of the same file; and while it was told to be
//! done again and was not. A stale read is run again; a stale change is undone first;
//! one that cannot be undone stays, and is a conflict. Nothing else that is finished
//! is touched.

mod checks;
mod edits;
mod facts;
mod graph;
mod owed;
mod returned;
mod stale;
mod verdicts;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;

use crate::action::Effect;
use crate::decision::{Decision, DecisionKind, Then};
use crate::directive::Line;
use crate::payload::{Constraint, HandoffOption, Payload, Plan};
use crate::record::Recorded;
use crate::runnable::Pending;
use crate::validate::Fault;

pub(crate) use graph::Graph;
pub use owed::Owed;
pub use returned::{GivenBack, Returned, StepDone, give_back};

/// What is known when a decision is weighed.
#[derive(Debug, Clone)]
pub struct Case<'c> {
    /// The plan in force.
    pub plan: &'c Plan,
    /// What was done, oldest first.
    pub actions: Vec<Recorded<'c>>,
    /// What is asked; none where the plan is looked at by itself, as after a
    /// rollback.
    pub question: Option<Question<'c>>,
    /// The answer, or the draft of one.
    pub decision: Option<&'c Decision>,
    /// The decisions of this task before, oldest first: what they said is
    /// known, and what they made stale is stale until it was done again.
    pub earlier: Vec<&'c Decision>,
    /// The other questions of this task that are still open.
    pub pending: Vec<Pending<'c>>,
    /// The steps that were undone and wait until the reviewer says how to go on,
    /// although their plan says no more that they are done.
    pub undone: BTreeSet<&'c str>,
    /// The steps that an earlier decision has left out.
    pub left_out: BTreeSet<&'c str>,
    /// The steps that earlier words had done again.
    pub owed: BTreeMap<&'c str, Owed>,
    /// What steps without a recorded action did, as far as that was computed.
    pub effects: BTreeMap<&'c str, Effect>,
    /// The time.
    pub now: DateTime<Utc>,
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct Question<'c> {
    /// The step that waits for the answer.
    pub step: Option<&'c str>,
    /// The agent goes on without the answer: nothing waits for it.
    pub quick: bool,
    /// The gate asks about one call; its step may have many.
    pub one_call: bool,
    /// The answers the agent prepared.
    pub options: &'c [HandoffOption],
    /// What must hold.
    pub constraints: Vec<&'c Constraint>,
}

/// What a decision makes of the plan.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Reconciliation {
    /// What becomes of each step, in the order of the plan.
    pub lines: Vec<Line>,
    /// The actions to undo, in this order, before anything is done again.
    pub undo: Vec<String>,
    /// The values that changed.
    pub facts: Vec<ChangedFact>,
    /// The arguments that were edited.
    pub args: Vec<ChangedArg>,
    /// How the constraints stand.
    pub constraints: Vec<ConstraintStand>,
    /// Where finished work is in the way.
    pub conflicts: Vec<Conflict>,
    /// What cannot be used as it is: edited arguments that do not fit their
    /// schema, expressions that cannot be read, a plan that does not hold up.
    pub faults: Vec<Fault>,
    /// The steps that are to be done again once it is told, each with the moment from
    /// which doing it counts: for the next answer.
    #[serde(skip)]
    #[ts(skip)]
    pub owed: BTreeMap<String, DateTime<Utc>>,
}

/// A value that changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
pub struct ChangedFact {
    /// Its name.
    pub name: String,
    /// What was known; absent where nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "unknown")]
    pub old: Option<Value>,
    /// What is true now.
    #[ts(type = "unknown")]
    pub new: Value,
    /// Who says so.
    pub source: FactSource,
    /// The action that found the old value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub found_by: Option<String>,
    /// The finished steps that used the old value.
    pub used_by: Vec<String>,
}

/// Who says that a value changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
pub enum FactSource {
    /// The reviewer gave it to the agent.
    Reviewer,
    /// The reviewer edited an argument that was taken from it.
    EditedArgs,
    /// It was found while the reviewer did the work by hand.
    ByHand,
}

/// An argument that was edited.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
pub struct ChangedArg {
    /// Where, as a JSON pointer into the arguments.
    pub pointer: String,
    /// What the agent proposed; absent where it was added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "unknown")]
    pub old: Option<Value>,
    /// What it is now; absent where it was taken out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "unknown")]
    pub new: Option<Value>,
}

/// How one constraint stands for the arguments of one option.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct ConstraintStand {
    /// The constraint in words.
    pub text: String,
    /// Whether this decision adds it.
    pub added: bool,
    /// Whether it holds; absent where it is in words only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub holds: Option<bool>,
    /// Why it could not be evaluated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub error: Option<String>,
    /// The option whose arguments are meant, where several are open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub option: Option<String>,
}

/// Finished work that is in the way of a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Conflict {
    /// Of which kind.
    pub kind: ConflictKind,
    /// The finished step it contradicts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub step: Option<String>,
    /// The action that cannot be taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub action: Option<String>,
    /// The edited argument, as a JSON pointer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub pointer: Option<String>,
    /// What is the matter, in plain words.
    pub text: String,
    /// Whether a stated override is needed to release the decision.
    pub needs_override: bool,
}

/// The kinds of conflicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
pub enum ConflictKind {
    /// A finished step is no longer right and cannot be undone.
    Irreversible,
    /// An edited argument differs from what a finished step found.
    Contradicts,
    /// A constraint does not hold.
    Constraint,
}

impl Reconciliation {
    /// Whether a stated override is needed to release the decision.
    pub fn needs_override(&self) -> bool {
        self.conflicts.iter().any(|conflict| conflict.needs_override)
    }
}

impl<'c> Case<'c> {
    /// A handoff by itself: the plan and the actions it came with.
    pub fn of(payload: &'c Payload, decision: Option<&'c Decision>, now: DateTime<Utc>) -> Self {
        static NO_PLAN: Plan = Plan { steps: Vec::new() };
        Self {
            plan: payload.plan.as_ref().unwrap_or(&NO_PLAN),
            actions: Recorded::all_of(payload),
            question: Some(Question::of(payload)),
            decision,
            earlier: Vec::new(),
            pending: Vec::new(),
            undone: BTreeSet::new(),
            left_out: BTreeSet::new(),
            owed: BTreeMap::new(),
            effects: BTreeMap::new(),
            now,
        }
    }
}

impl<'c> Question<'c> {
    /// The question of a handoff.
    pub fn of(payload: &'c Payload) -> Self {
        Self {
            step: payload.pending_question.step.as_deref(),
            quick: payload.is_quick(),
            one_call: false,
            options: &payload.options,
            constraints: payload
                .briefing
                .iter()
                .flat_map(|briefing| &briefing.constraints)
                .collect(),
        }
    }
}

/// What the decision makes of the plan, with all that is to be known before it
/// is released.
pub fn reconcile(case: &Case<'_>) -> Reconciliation {
    let ground = stale::Ground::new(case, stale::Extra::default());
    let mut found = verdicts::weigh(&ground);
    checks::check(&ground, &mut found);
    found
}

/// What becomes of each step, and nothing else: what the agent gets.
pub fn lines(case: &Case<'_>) -> Vec<Line> {
    verdicts::weigh(&stale::Ground::new(case, stale::Extra::default())).lines
}

/// How the task goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    /// Nothing is asked.
    NothingAsked,
    /// It is asked and not answered.
    Open,
    /// As proposed, or with other arguments.
    Decided,
    /// With new information.
    Informed,
    /// The task ends.
    Stops,
    /// The step is left out.
    Skips,
    /// Another proposal is made.
    Revises,
    /// The reviewer does it.
    TakenOver,
    /// The reviewer did some of it and gives it back.
    GivenBack,
}

impl Course {
    fn of(case: &Case<'_>) -> Self {
        let Some(decision) = case.decision else {
            return if case.question.is_some() { Self::Open } else { Self::NothingAsked };
        };
        match (decision.kind, decision.then) {
            (DecisionKind::Approve | DecisionKind::Modify, _) => Self::Decided,
            (DecisionKind::Inform, _) => Self::Informed,
            (DecisionKind::TakeOver, _) => Self::TakenOver,
            (DecisionKind::Reject, Some(Then::Skip)) => Self::Skips,
            (DecisionKind::Reject, Some(Then::Revise)) => Self::Revises,
            (DecisionKind::Reject, Some(Then::Stop) | None) => Self::Stops,
        }
    }

    /// Whether the plan comes to rest, so that nothing is done again.
    fn rests(self) -> bool {
        matches!(self, Self::Stops | Self::TakenOver)
    }
}
