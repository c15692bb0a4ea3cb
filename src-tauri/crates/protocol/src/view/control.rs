//! A task as a whole, and what the reviewer does with it unasked.

use chrono::{DateTime, Utc};
use handoff_domain::decision::EndUserMessage;
use handoff_domain::gate::Stop;
use handoff_domain::payload::Plan;
use handoff_domain::payload::StepStatus;
use handoff_domain::reconcile::StepDone;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use ts_rs::TS;

use super::case::ThreadEntry;
use super::rollback::{RollbackView, TaskAction};

/// Names a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct OfTask {
    /// The agent.
    pub agent: String,
    /// The task's id.
    pub task: String,
}

/// The reviewer does the task from now on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct TakeOver {
    /// The agent.
    pub agent: String,
    /// The task's id.
    pub task: String,
    /// What the agent is to tell the end user meanwhile.
    pub message: Option<EndUserMessage>,
}

/// The reviewer gives a task back, with what was done by hand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct GiveBack {
    /// The agent.
    pub agent: String,
    /// The task's id.
    pub task: String,
    /// The steps that are done now.
    pub done: Vec<StepDone>,
    /// What was found out, by name.
    #[ts(type = "Record<string, unknown>")]
    pub facts: Map<String, Value>,
    /// What else the agent should know.
    pub text: Option<String>,
}

/// Another plan in the place of one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct EditPlan {
    /// The agent.
    pub agent: String,
    /// The task's id.
    pub task: String,
    /// The plan's revision that was on screen.
    pub revision: u32,
    /// The steps, complete.
    pub plan: Plan,
    /// Why.
    pub text: Option<String>,
}

/// Words for an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct TellAgent {
    /// The agent.
    pub agent: String,
    /// The task's id.
    pub task: String,
    /// The words.
    pub text: String,
}

/// A task with all that happened in it.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
pub struct TaskView {
    /// The agent.
    pub agent: String,
    /// The task's id.
    pub id: String,
    /// What it is.
    pub title: String,
    /// What it is to achieve.
    pub goal: String,
    /// Who acts now.
    pub acts: Acts,
    /// What stops it, where something does.
    pub stopped: Option<Stop>,
    /// The handoffs of it that wait for the reviewer.
    pub pending: Vec<String>,
    /// How its steps stand; none where there is no plan.
    pub steps: Vec<PlanStep>,
    /// The plan, to be edited.
    pub plan: Option<Plan>,
    /// The plan's revision; 0 while there is none.
    pub revision: u32,
    /// What was said to its end user, oldest first.
    pub said: Vec<Said>,
    /// What happened, oldest first.
    pub timeline: Vec<TaskEntry>,
    /// How many earlier entries are not shown.
    pub earlier: u32,
    /// What was done, oldest first: recorded, or told with a handoff; the latest.
    pub actions: Vec<TaskAction>,
    /// How many there are.
    pub actions_total: u32,
    /// Its rollbacks, the latest first.
    pub rollbacks: Vec<RollbackView>,
    /// Its agent has ended it.
    pub closed: bool,
    /// Its agent is connected now.
    pub connected: bool,
}

/// Who acts in a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Acts {
    /// The agent works, or may.
    Agent,
    /// The reviewer: all of it waits for an answer, or they do it by hand.
    Reviewer,
    /// Nobody: it is paused.
    Paused,
    /// Nobody: it is over.
    Over,
}

/// A step of a task's plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct PlanStep {
    /// The step's id.
    pub id: String,
    /// What it does.
    pub title: String,
    /// How far it is.
    pub status: StepStatus,
    /// Steps that must be done before it.
    pub depends_on: Vec<String>,
    /// It may go on now.
    pub free: bool,
    /// The handoffs that it waits for.
    pub waits_for: Vec<String>,
}

/// Words for the end user of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct Said {
    /// When they were written (RFC 3339).
    #[ts(type = "string")]
    pub at: DateTime<Utc>,
    /// The words.
    pub text: String,
    /// The handoff with whose decision they were given; `None` where the task
    /// was taken over.
    pub handoff: Option<String>,
    /// The agent has them: it delivers them.
    pub known: bool,
}

/// One entry of a task's timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct TaskEntry {
    /// Who did what, and when.
    #[serde(flatten)]
    pub entry: ThreadEntry,
    /// The handoff it belongs to.
    pub handoff: Option<String>,
    /// The action it is.
    pub action: Option<String>,
}
