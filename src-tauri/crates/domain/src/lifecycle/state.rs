//! The states of a handoff and what belongs to each: the shapes alone, no edge.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use ts_rs::TS;

use crate::decision::Decision;

/// The state in one word, as `data-state` and the wire show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum State {
    Queued,
    Ready,
    Decided,
    Released,
    Collected,
    Reconciled,
    Withdrawn,
    Superseded,
}

/// Marks a handoff carries beside its state.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema, TS,
)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// Its deadline passed and the reviewer was alerted louder.
    Escalated,
    /// Its deadline passed; nothing waits for it, it can still be decided.
    ManualReview,
    /// Its reminders are put off.
    Snoozed,
    /// The reviewer has opened it.
    Acknowledged,
    /// It came without history, intent or constraints.
    Cold,
    /// What the agent did is not what was decided.
    Diverged,
    /// The agent has received the decision and has not reported in time.
    Unreported,
}

/// The state with all that belongs to it, so that no state can lack its part
/// or carry another's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Phase {
    /// Stored, kept back from the reviewer for now.
    Queued,
    /// In front of the reviewer.
    Ready,
    /// Answered; can be undone until the hold is over.
    Decided {
        /// The answer.
        decision: Box<Decision>,
        /// The length of the hold in seconds.
        hold_s: u32,
    },
    /// The agent may have it.
    Released {
        /// The answer.
        decision: Box<Decision>,
        /// Since when.
        released_at: DateTime<Utc>,
        /// Offered to one client that has not yet acknowledged it.
        offer: Option<Lease>,
    },
    /// One client has acknowledged receipt.
    Collected {
        /// The answer.
        decision: Box<Decision>,
        /// Who acts on it, and until when.
        lease: Lease,
        /// Since when.
        collected_at: DateTime<Utc>,
        /// The reviewer allowed a lapsed lease to be handed out again.
        regranted: bool,
    },
    /// The agent has reported.
    Reconciled {
        /// The answer.
        decision: Box<Decision>,
        /// What the agent did.
        report: Report,
        /// When it was received.
        at: DateTime<Utc>,
    },
    /// Taken back by the agent.
    Withdrawn {
        /// Why, in the agent's words.
        reason: Option<String>,
        /// When.
        at: DateTime<Utc>,
    },
    /// Replaced by another handoff.
    Superseded {
        /// Its id.
        by: String,
        /// When.
        at: DateTime<Utc>,
    },
}

/// The right to act on a decision, given to one client at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Lease {
    /// Names the lease when it is acknowledged.
    pub id: String,
    /// The connection that holds it.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub holder: String,
    /// When it lapses unless renewed (RFC 3339).
    #[ts(type = "string")]
    pub expires_at: DateTime<Utc>,
}

/// What the agent did with the decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// In one word.
    pub outcome: Outcome,
    /// Why, where it diverged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub why: Option<String>,
    /// Step by step.
    #[serde(default)]
    pub steps: Vec<StepReport>,
    /// The preconditions that did not hold, so that nothing was done: the
    /// reviewer is asked again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(optional, as = "Option<Vec<Unmet>>")]
    pub unmet: Vec<Unmet>,
}

/// A precondition that was checked again and did not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct Unmet {
    /// The read that was made.
    pub tool: String,
    /// Its arguments.
    #[serde(default)]
    #[ts(type = "Record<string, unknown>")]
    pub args: Map<String, Value>,
    /// What was expected; the desk fills it in from the option.
    #[serde(default)]
    #[ts(type = "unknown")]
    pub expect: Value,
    /// What it answered instead.
    #[serde(default)]
    #[ts(type = "unknown")]
    pub found: Value,
}

/// What the agent did with one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct StepReport {
    /// The step's id.
    pub id: String,
    /// In one word.
    pub outcome: Outcome,
    /// Why, where it diverged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub why: Option<String>,
}

/// Whether the agent did what was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It did.
    Applied,
    /// It did something else.
    Diverged,
}

impl Phase {
    /// The state in one word.
    pub fn state(&self) -> State {
        match self {
            Self::Queued => State::Queued,
            Self::Ready => State::Ready,
            Self::Decided { .. } => State::Decided,
            Self::Released { .. } => State::Released,
            Self::Collected { .. } => State::Collected,
            Self::Reconciled { .. } => State::Reconciled,
            Self::Withdrawn { .. } => State::Withdrawn,
            Self::Superseded { .. } => State::Superseded,
        }
    }

    /// The decision, from the moment it was made.
    pub fn decision(&self) -> Option<&Decision> {
        match self {
            Self::Decided { decision, .. }
            | Self::Released { decision, .. }
            | Self::Collected { decision, .. }
            | Self::Reconciled { decision, .. } => Some(decision),
            Self::Queued | Self::Ready | Self::Withdrawn { .. } | Self::Superseded { .. } => None,
        }
    }

    /// What the agent did, once it has said so.
    pub fn report(&self) -> Option<&Report> {
        if let Self::Reconciled { report, .. } = self { Some(report) } else { None }
    }

    /// Who may act on the decision: offered, or acknowledged.
    pub fn lease(&self) -> Option<&Lease> {
        if let Self::Released { offer, .. } = self {
            offer.as_ref()
        } else if let Self::Collected { lease, .. } = self {
            Some(lease)
        } else {
            None
        }
    }

    /// The decision, once the agent may have it.
    pub fn released_decision(&self) -> Option<&Decision> {
        match self {
            Self::Decided { .. } => None,
            Self::Queued
            | Self::Ready
            | Self::Released { .. }
            | Self::Collected { .. }
            | Self::Reconciled { .. }
            | Self::Withdrawn { .. }
            | Self::Superseded { .. } => self.decision(),
        }
    }
}

impl State {
    /// Whether nothing more can happen.
    pub fn is_over(self) -> bool {
        match self {
            Self::Reconciled | Self::Withdrawn | Self::Superseded => true,
            Self::Queued | Self::Ready | Self::Decided | Self::Released | Self::Collected => false,
        }
    }

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Ready => "ready",
            Self::Decided => "decided",
            Self::Released => "released",
            Self::Collected => "collected",
            Self::Reconciled => "reconciled",
            Self::Withdrawn => "withdrawn",
            Self::Superseded => "superseded",
        }
    }
}
