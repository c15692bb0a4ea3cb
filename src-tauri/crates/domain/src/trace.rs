//! What one task has done so far, as triggers and replays look at it.
//!
//! A trace is a bounded window into the record, oldest first; it is not the
//! record.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::action::{ActionStatus, Effect};

/// The most calls a trace looks back on.
pub const MAX_CALLS: usize = 500;

/// One call of the past.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The action's id.
    pub id: String,
    /// The step of the plan it belonged to.
    pub step: Option<String>,
    /// The tool's name.
    pub tool: String,
    /// What the tool was given.
    pub args: Value,
    /// What the tool answered.
    pub output: Option<Value>,
    /// How far it came.
    pub status: ActionStatus,
    /// What it did to the world, as computed.
    pub effect: Effect,
    /// Named values it found.
    pub facts: Map<String, Value>,
    /// When it was reported.
    pub at: DateTime<Utc>,
}

/// A call that is about to be made.
#[derive(Debug, Clone, Copy)]
pub struct Proposed<'p> {
    /// The step of the plan it belongs to.
    pub step: Option<&'p str>,
    /// The tool's name.
    pub tool: &'p str,
    /// What the tool would be given.
    pub args: &'p Map<String, Value>,
    /// The folder it would run in, where that is known.
    pub cwd: Option<&'p str>,
    /// What it would do to the world, as computed.
    pub effect: Effect,
    /// The schema of the tool's arguments, where it was declared.
    pub args_schema: Option<&'p Value>,
}

/// What one task has done, and what it may do.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trace {
    /// The agent.
    pub agent: String,
    /// The task's id.
    pub task: String,
    /// The tools the task declared; `None` if it declared none.
    pub tools: Option<Vec<String>>,
    /// The targets the task declared; `None` if it declared none.
    pub targets: Option<Vec<String>>,
    /// The calls made, oldest first, at most [`MAX_CALLS`]; shared, since they
    /// are looked at far more often than they change.
    pub calls: Arc<Vec<Call>>,
    /// How many calls were made since a person last looked at the task.
    pub since_decision: u32,
}
