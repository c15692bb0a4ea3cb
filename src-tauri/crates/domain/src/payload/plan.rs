//! The plan of a task: its steps and how they depend on each other.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use ts_rs::TS;

/// The steps of a task: acyclic, every reference names a step.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The steps, in the order the agent would take them.
    pub steps: Vec<Step>,
}

/// A node of the plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Unique within the plan.
    #[schemars(regex(pattern = r"^[A-Za-z0-9._:/-]{1,200}$"))]
    pub id: String,
    /// What the step does.
    #[schemars(length(min = 1, max = 65536), regex(pattern = r"\S"))]
    pub title: String,
    /// How far it is.
    pub status: StepStatus,
    /// Steps that must be done before it.
    #[serde(default)]
    #[schemars(inner(regex(pattern = r"^[A-Za-z0-9._:/-]{1,200}$")))]
    pub depends_on: Vec<String>,
    /// Values it uses: `facts.NAME` or `steps.ID.output.PATH`.
    #[serde(default)]
    #[schemars(inner(length(min = 1, max = 1024)))]
    pub uses: Vec<String>,
    /// The tool it calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    #[ts(optional)]
    pub tool: Option<String>,
    /// The tool's arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "Record<string, unknown>")]
    pub args: Option<Map<String, Value>>,
    /// What it produced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "unknown")]
    pub output: Option<Value>,
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum StepStatus {
    Pending,
    Running,
    Done,
    Failed,
    Skipped,
}
