//! Why an agent should stop and ask although its level lets it go on
//! (DESIGN §6): rules over what it is about to do and what it has done.
//!
//! A trigger sees no clock and no self-reported confidence. It never permits
//! anything: it can only hold.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::trace::{Proposed, Trace};

/// What made an agent stop.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema, TS,
)]
#[serde(rename_all = "snake_case")]
pub enum TriggerKind {
    /// An argument that the tool's schema requires is missing or of the wrong shape.
    MissingArgument,
    /// Two outputs name the same fact with different values.
    Contradiction,
    /// What is about to be written differs from a fact found earlier.
    FactMismatch,
    /// A word that the reviewer wants to be asked about.
    Compliance,
    /// A limit on amounts, counts or targets.
    Limit,
    /// The same question, rephrased and asked again and again.
    Rephrased,
    /// A tool or a target that the task did not declare.
    Scope,
    /// More calls in a row than the bound.
    ChainLength,
    /// The same read again and again while nothing changed.
    ContextChurn,
    /// The same error again and again.
    RepeatedError,
}

/// What a trigger shows the reviewer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Evidence {
    /// Which trigger.
    pub trigger: TriggerKind,
    /// What is the matter, in one sentence.
    pub headline: String,
    /// What shows it, side by side.
    pub exhibits: Vec<Exhibit>,
}

/// One piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Exhibit {
    /// The action it comes from; none for the proposed call itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub action: Option<String>,
    /// What it is.
    pub label: String,
    /// What it says, at most 500 characters.
    pub text: String,
}

/// Which triggers are on, and from when they hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each trigger has its switch")]
pub struct Triggers {
    /// Hold calls whose arguments break the tool's schema.
    pub missing_argument: bool,
    /// Hold after outputs that contradict each other.
    pub contradiction: bool,
    /// Hold what differs from a fact found earlier.
    pub fact_mismatch: bool,
    /// Hold what contains one of `words`.
    pub compliance: bool,
    /// The words and phrases to be asked about, matched as whole words.
    pub words: Vec<String>,
    /// Hold a question that is asked again in other words.
    pub rephrased: bool,
    /// How many retries are let pass.
    pub rephrased_retries: u32,
    /// How alike two questions are to be the same, in percent.
    pub rephrased_alike: u32,
    /// Hold tools and targets that the task did not declare.
    pub scope: bool,
    /// Hold a chain of calls that is too long.
    pub chain_length: bool,
    /// The most calls without a person having looked.
    pub chain_bound: u32,
    /// Hold reads that go round in circles.
    pub context_churn: bool,
    /// How often the same read may come.
    pub churn_reads: u32,
    /// Hold after the same error again and again.
    pub repeated_error: bool,
    /// How often the same error may come.
    pub error_times: u32,
}

/// The triggers that hold a call, each with its evidence; limits, which are
/// rules of the reviewer, are [`crate::rule`]'s.
pub fn fired(trace: &Trace, proposed: &Proposed<'_>, set: &Triggers) -> Vec<Evidence> {
    let _ = (trace, proposed, set);
    Vec::new()
}

impl Default for Triggers {
    fn default() -> Self {
        Self {
            missing_argument: true,
            contradiction: true,
            fact_mismatch: true,
            compliance: true,
            words: Vec::new(),
            rephrased: true,
            rephrased_retries: 2,
            rephrased_alike: 80,
            scope: true,
            chain_length: true,
            chain_bound: 50,
            context_churn: true,
            churn_reads: 3,
            repeated_error: true,
            error_times: 3,
        }
    }
}
