//! One tool call, made or proposed, and how to take it back (CONTRACT §2, §3).
//!
//! An action says what was done; it does not say whether that was allowed.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use ts_rs::TS;

/// What a tool call does to the world; later is worse. Unknown counts as
/// irreversible, so there is no fourth value.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, TS,
)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum Effect {
    Read,
    Reversible,
    Irreversible,
}

/// How far an action is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum ActionStatus {
    Running,
    Done,
    Failed,
    Undone,
}

/// One tool call the agent made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// Unique within the task.
    #[schemars(regex(pattern = r"^[A-Za-z0-9._:/-]{1,200}$"))]
    pub id: String,
    /// The step of the plan it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[A-Za-z0-9._:/-]{1,200}$"))]
    #[ts(optional)]
    pub step: Option<String>,
    /// The tool's name.
    #[schemars(length(min = 1, max = 200))]
    pub tool: String,
    /// What the tool was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "unknown")]
    pub input: Option<Value>,
    /// What the tool answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "unknown")]
    pub output: Option<Value>,
    /// Why the agent made the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 65536))]
    #[ts(optional)]
    pub reasoning: Option<String>,
    /// The agent's own estimate, 0 to 1; shown, never a trigger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    #[ts(optional)]
    pub confidence: Option<f64>,
    /// What the call does to the world, as the agent says.
    pub effect: Effect,
    /// How far it is.
    pub status: ActionStatus,
    /// When it began (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "string")]
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "string")]
    pub ended_at: Option<DateTime<Utc>>,
    /// Actions whose result it used.
    #[serde(default)]
    #[schemars(inner(regex(pattern = r"^[A-Za-z0-9._:/-]{1,200}$")))]
    pub depends_on: Vec<String>,
    /// Named values it found.
    #[serde(default)]
    #[ts(type = "Record<string, unknown>")]
    pub facts: Map<String, Value>,
    /// How it can be taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub undo: Option<Undo>,
    /// Files it changed.
    #[serde(default)]
    #[schemars(inner(length(min = 1, max = 65536)))]
    pub files: Vec<String>,
    /// The handoff whose decision it carries out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[A-Za-z0-9._:/-]{1,200}$"))]
    #[ts(optional)]
    pub handoff: Option<String>,
}

/// How an action can be taken back, and until when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Undo {
    /// A tool call that the agent runs.
    Tool {
        /// The tool's name.
        #[schemars(length(min = 1, max = 200))]
        tool: String,
        /// Its arguments.
        #[ts(type = "Record<string, unknown>")]
        args: Map<String, Value>,
        /// The last moment it works (RFC 3339).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional, type = "string")]
        until: Option<DateTime<Utc>>,
    },
    /// A program the desk runs, without a shell, after showing it.
    Command {
        /// The program and its arguments.
        #[schemars(length(min = 1), inner(length(min = 1, max = 65536)))]
        argv: Vec<String>,
        /// The folder it runs in.
        #[schemars(length(min = 1, max = 65536))]
        cwd: String,
        /// Seconds it may take.
        #[serde(deserialize_with = "crate::whole::required")]
        #[schemars(range(min = 1, max = 86400))]
        timeout_s: u32,
        /// The last moment it works (RFC 3339).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional, type = "string")]
        until: Option<DateTime<Utc>>,
    },
    /// The desk's own copies of the files, taken before the change.
    Files {
        /// The last moment it works (RFC 3339).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional, type = "string")]
        until: Option<DateTime<Utc>>,
    },
}

impl Undo {
    /// The last moment at which the undo works; `None` means no limit.
    pub fn until(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Tool { until, .. } | Self::Command { until, .. } | Self::Files { until } => {
                *until
            }
        }
    }
}
