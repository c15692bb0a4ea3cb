//! What crosses the socket before an action and after it: tasks, tools, checks
//! and records (CONTRACT §2, §3, §6).

use handoff_domain::action::{Action, Effect, Undo};
use handoff_domain::autonomy::Level;
use handoff_domain::gate::{Held, Ran, Stop};
use handoff_domain::payload::{Deadline, Plan, Resume, Task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// `agent.tools`: what the agent can call. Replaces what it said before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tools {
    /// The tools, at most 500.
    pub tools: Vec<Tool>,
}

/// One tool, as its agent describes it. What it says of its effect is a claim:
/// it counts once the reviewer has accepted this very definition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// Its name.
    #[schemars(length(min = 1, max = 200))]
    pub name: String,
    /// What it does, for the reviewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The JSON Schema of its arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args_schema: Option<Value>,
    /// What it does to the world, as the agent says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<Effect>,
    /// The annotations of an MCP tool, as they came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Map<String, Value>>,
}

/// The answer to `agent.tools`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ToolsKnown {
    /// Names whose present definition the reviewer has accepted.
    pub accepted: Vec<String>,
    /// Names that wait for the reviewer, new or changed.
    pub waiting: Vec<String>,
    /// The agent's level.
    pub level: Level,
}

/// `task.open`: what the work is, before it starts. The same again changes
/// nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenTask {
    /// The task.
    pub task: Task,
    /// Its steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
}

/// `task.plan`: the steps have changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanTask {
    /// The task's id.
    pub task: String,
    /// Its steps now.
    pub plan: Plan,
    /// The revision that the agent last saw; another is a conflict.
    pub revision: u32,
}

/// `task.runnable` and `task.close`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ByTask {
    /// The task's id.
    pub task: String,
}

/// The answer to `task.open`, `task.plan`, `task.runnable` and `task.close`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TaskStanding {
    /// The task's id.
    pub task: String,
    /// The revision of its plan; 0 while it has none.
    pub revision: u32,
    /// The level in force for it.
    pub level: Level,
    /// Whether somebody has stopped it, and what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stop>,
    /// The steps that are free to go now.
    pub runnable: Vec<String>,
    /// The handoffs of it that wait for the reviewer.
    pub pending: Vec<String>,
    /// It is over.
    pub closed: bool,
    /// The handoff in which the reviewer looks through its draft, until what
    /// was done with the answer is reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<String>,
}

/// `action.check`: may this run?
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// The task's id, or the whole task where it was not opened before.
    pub task: TaskRef,
    /// The step of the plan it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The tool's name.
    #[schemars(length(min = 1, max = 200))]
    pub tool: String,
    /// What the tool would be given, complete.
    pub args: Map<String, Value>,
    /// Idempotency key of this call, unique per agent: asked again in the same
    /// folder, it is the same question, whose `run` stands until the call is
    /// recorded, and while it would run still.
    #[schemars(regex(pattern = r"^[A-Za-z0-9._:/-]{1,200}$"))]
    pub key: String,
    /// What the call does to the world, as the agent says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<Effect>,
    /// How it could be taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<Undo>,
    /// The files it would change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// The folder it would run in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// Why the agent wants it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 65536))]
    pub reasoning: Option<String>,
    /// When an answer is needed, and what happens without one; by default an
    /// hour, and then the reviewer is alerted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Deadline>,
    /// How the agent goes on after the decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<Resume>,
    /// Whether the asker can carry out edited arguments; true without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub editable: Option<bool>,
}

/// A task by its id, or described.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum TaskRef {
    /// One that was opened before.
    Id(String),
    /// One that is opened by this.
    Whole(Box<Task>),
}

impl TaskRef {
    /// The task's id.
    pub fn id(&self) -> &str {
        match self {
            Self::Id(id) => id,
            Self::Whole(task) => &task.id,
        }
    }
}

/// What the gate answers, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// It may run, once.
    Run,
    /// It waits: for `handoff_id`, or for what `blocked_by` names.
    Held,
    /// It must not run.
    Denied,
}

/// The answer to `action.check`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Checked {
    /// May it run?
    pub verdict: Gate,
    /// What the call was found to do.
    pub effect: Effect,
    /// Nobody knows what it does, so it counts as irreversible.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unknown: bool,
    /// Why, in words an agent and a person can read.
    pub why: String,
    /// Why it may run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ran: Option<Ran>,
    /// Why it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
    /// The handoff that asks the reviewer; `handoff.wait` waits for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handoff_id: Option<String>,
    /// The action that this call takes back, in a rollback that the reviewer has
    /// confirmed: the answer is good once, and not given again to the same key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<String>,
    /// The handoffs, the pause, or the rollback, it waits for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked_by: Vec<String>,
    /// The steps that are free to go now; none where the task is stopped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runnable: Vec<String>,
    /// How many things wait for this agent in `agent.next`.
    pub pending_for_you: u32,
    /// SHA-256 of the call: RFC 8785 JSON of `{"args":…,"tool":…}`.
    pub action_hash: String,
}

/// `action.record`: what was done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordAction {
    /// The task's id, or the whole task where it was not opened before.
    pub task: TaskRef,
    /// The action.
    pub action: Action,
    /// The folder it ran in; without it, the one that was asked with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
}

/// The answer to `action.record`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Recorded {
    /// The action's id.
    pub id: String,
    /// The same was recorded before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replayed: bool,
    /// The handoff that this closes, as carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reconciled: Option<String>,
    /// The action that this took back, in a rollback that the reviewer has
    /// confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undid: Option<String>,
    /// What was done is not what was decided, or was never asked for: the
    /// reviewer is told, and the agent has to ask for every change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diverged: Option<String>,
}
