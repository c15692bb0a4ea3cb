//! What the record says about asking and answering: how often agents are held,
//! why, how the reviewer decides, and which rules would spare or catch
//! something (DESIGN §6).
//!
//! It counts what it is given and sets nothing. A suggestion is a rule to look
//! at, with the replay beside it; it is never put in force from here.

mod asking;
mod deciding;
mod suggest;

use chrono::{DateTime, TimeZone, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::decision::DecisionKind;
use crate::payload::{ReasonCode, RiskLevel};
use crate::replay::PastCheck;
use crate::rule::{Rule, Rules};
use crate::trigger::TriggerKind;

pub use asking::{MAX_DAYS_SHOWN, MIN_QUESTIONS};
pub use deciding::{MAX_POINTS, STAMPED};
pub use suggest::{MIN_APPROVED, MIN_ROLLED_BACK};

/// The rows of the record, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    /// Questions to the gate.
    pub checks: Vec<PastCheck>,
    /// Actions recorded without a question, by agent.
    pub recorded: Vec<Recorded>,
    /// Handoffs that agents submitted of their own accord.
    pub submitted: Vec<Submitted>,
    /// Decisions of the reviewer; those of a clock are none.
    pub decided: Vec<Decided>,
}

/// An action that was recorded, and not asked about before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The agent.
    pub agent: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// A handoff that an agent submitted of its own accord.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitted {
    /// The agent.
    pub agent: String,
    /// Why it asked.
    pub reason: ReasonCode,
    /// When.
    pub at: DateTime<Utc>,
}

/// A decision of the reviewer.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided {
    /// The handoff.
    pub handoff: String,
    /// The agent.
    pub agent: String,
    /// What was decided.
    pub kind: DecisionKind,
    /// The risk shown on the card.
    pub risk: RiskLevel,
    /// How long the card was open, in seconds; none if that is not known.
    pub looked_s: Option<f64>,
    /// How long reading it takes, in seconds.
    pub reading_s: u32,
    /// When.
    pub at: DateTime<Utc>,
}

/// What the record says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Insights {
    /// All agents together.
    pub all: Asking,
    /// Each agent, by name.
    pub agents: Vec<AgentAsking>,
    /// Why questions were held, the most frequent first.
    pub reasons: Vec<ReasonCount>,
    /// Why agents asked of their own accord, the most frequent first.
    pub submitted: Vec<SubmittedCount>,
    /// How the reviewer decides.
    pub deciding: Deciding,
    /// Rules to look at.
    pub suggestions: Vec<Suggestion>,
}

/// How often one agent, or all, interrupt.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Asking {
    /// Questions to the gate; repeats with a permit are none.
    pub questions: u32,
    /// Of these, held because they cannot be undone or nobody knows them.
    pub mandatory: u32,
    /// Of these, held for another reason.
    pub discretionary: u32,
    /// Held for another reason, of all questions: 0 to 1.
    pub rate: f64,
    /// How that compares with what keeps a reviewer awake and not worn out.
    pub band: Band,
    /// What to do about it, in a sentence; only where the band is left far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub warning: Option<String>,
    /// Handoffs submitted of its own accord.
    pub submitted: u32,
    /// Actions recorded without a question.
    pub recorded: u32,
    /// The handoffs submitted for each such action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub submitted_rate: Option<f64>,
    /// Day by day, without gaps.
    pub days: Vec<Day>,
}

/// The same for one agent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
pub struct AgentAsking {
    /// The agent.
    pub agent: String,
    /// How often it interrupts.
    pub asking: Asking,
}

/// Where a rate of discretionary holds lies.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
    TS,
)]
#[serde(rename_all = "snake_case")]
pub enum Band {
    /// Too few questions to say.
    #[default]
    TooFew,
    /// Under 5 percent: what goes wrong may not be seen.
    FarBelow,
    /// From 5 to under 10 percent.
    Below,
    /// 10 to 15 percent.
    Within,
    /// Over 15 to 20 percent.
    Above,
    /// Over 20 percent: nobody reads that many with care.
    FarAbove,
}

/// One day of the reviewer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Day {
    /// The date, as in `2026-11-22`.
    pub day: String,
    /// Questions to the gate.
    pub questions: u32,
    /// Of these, held because they have to be.
    pub mandatory: u32,
    /// Of these, held for another reason.
    pub discretionary: u32,
    /// Handoffs submitted.
    pub submitted: u32,
    /// Actions recorded without a question.
    pub recorded: u32,
}

/// Why a question was held.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, TS,
)]
#[serde(rename_all = "snake_case", tag = "by", content = "trigger")]
pub enum Interruption {
    /// It cannot be undone, or nobody knows what it does.
    Irreversible,
    /// The level asks for every change.
    Level,
    /// A trigger, or a limit of the reviewer.
    Trigger(TriggerKind),
}

/// How often that was so. A question with several triggers counts for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct ReasonCount {
    /// Why.
    pub reason: Interruption,
    /// How often.
    pub count: u32,
}

/// How often agents gave this reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct SubmittedCount {
    /// The reason.
    pub reason: ReasonCode,
    /// How often.
    pub count: u32,
}

/// How the reviewer decides.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Deciding {
    /// Decisions made.
    pub decisions: u32,
    /// By the risk shown, the lowest first; each risk is listed.
    pub by_risk: Vec<ByRisk>,
    /// The middle of how long cards were open, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub median_looked_s: Option<f64>,
    /// The middle of how long reading these takes, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub median_reading_s: Option<f64>,
    /// The newest decisions, oldest first: how long each was open against how
    /// long reading it takes.
    pub points: Vec<Point>,
    /// A quiet word to a reviewer who may be approving unread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub stamping: Option<Stamping>,
}

/// Decisions on cards of one risk.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
pub struct ByRisk {
    /// The risk.
    pub risk: RiskLevel,
    /// Decisions made.
    pub decisions: u32,
    /// Of these, approvals.
    pub approved: u32,
    /// The share of approvals, 0 to 1; none without decisions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub share: Option<f64>,
}

/// One decision with its times.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Point {
    /// The handoff.
    pub handoff: String,
    /// The agent.
    pub agent: String,
    /// What was decided.
    pub kind: DecisionKind,
    /// The risk shown.
    pub risk: RiskLevel,
    /// How long the card was open, in seconds.
    pub looked_s: f64,
    /// How long reading it takes, in seconds.
    pub reading_s: u32,
    /// When (RFC 3339).
    #[ts(type = "string")]
    pub at: DateTime<Utc>,
}

/// The last decisions were nearly all approvals made faster than one reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Stamping {
    /// Such approvals.
    pub unread: u32,
    /// Of so many last decisions.
    pub of: u32,
    /// The same in words.
    pub notice: String,
}

/// A rule to look at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Suggestion {
    /// Names it: the same as long as it means the same calls.
    pub id: String,
    /// What was seen, and the question to the reviewer.
    pub text: String,
    /// The rule.
    pub rule: Rule,
    /// The calls it rests on.
    pub calls: u32,
}

/// What the rows say at `now`, in the reviewer's days; `in_force` are the rules
/// there are already, which need not be suggested.
pub fn insights<Z: TimeZone>(
    rows: &Rows,
    in_force: &Rules,
    now: DateTime<Utc>,
    zone: &Z,
) -> Insights {
    let (all, agents) = asking::count(rows, zone);
    Insights {
        all,
        agents,
        reasons: asking::reasons(&rows.checks),
        submitted: asking::submitted(&rows.submitted),
        deciding: deciding::count(&rows.decided),
        suggestions: suggest::rules(&rows.checks, in_force, now),
    }
}
