//! What the desk tells an agent that works.

use chrono::{DateTime, Utc};
use handoff_domain::instruction::Instruction;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The longest that `agent.next` waits, in seconds.
pub const LONGEST_WAIT_S: u32 = 3600;

/// `agent.next`: what is there to know?
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Next {
    /// Only what concerns this task, or all the agent's work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// How many seconds to wait if there is nothing, an hour at most; 0 without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_s: Option<u32>,
}

/// The answer to `agent.next`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NextItems {
    /// What the agent has not acknowledged yet, oldest first; each comes again
    /// until `agent.ack` names it.
    pub items: Vec<NextItem>,
}

/// One thing to know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NextItem {
    /// What `agent.ack` takes.
    pub id: String,
    /// The task it is about; without it, all the agent's work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// When the reviewer said it (RFC 3339).
    pub at: DateTime<Utc>,
    /// What it says: `kind` and what belongs to it.
    #[serde(flatten)]
    pub instruction: Instruction,
}

/// What came of an undo that the agent was asked for, as the `result` of its
/// acknowledgement. A record of the very call says the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UndoReport {
    /// In one word.
    pub outcome: UndoOutcome,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What came of an undo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UndoOutcome {
    /// What was done is taken back.
    Undone,
    /// It is not, or not all of it.
    Failed,
}
