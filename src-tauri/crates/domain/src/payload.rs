//! The handoff as an agent submits it, field by field (CONTRACT §1).
//!
//! These types say what a well-formed payload looks like; whether a given text
//! *is* one, and what is wrong with it otherwise, is the business of
//! [`crate::validate`]. Nothing here knows about states, decisions or time.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use ts_rs::TS;

use crate::action::{Action, Effect, Undo};

mod briefing;
mod conversation;
mod plan;

pub use briefing::{Briefing, Constraint, Entity, EntityKind, Sentiment, SentimentLabel};
pub use conversation::{Conversation, Message, Speaker};
pub use plan::{Plan, Step, StepStatus};

/// A case that crosses the boundary from an agent to the reviewer.
///
/// The length of a text is that of its UTF-8, in bytes: `maxLength` bounds it
/// for letters of one byte, and text with others reaches it sooner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct Payload {
    /// Contract version; `"1"`.
    pub version: Version,
    /// Idempotency key, unique per agent: the same key with the same content
    /// is the same handoff.
    #[schemars(regex(pattern = r"^[A-Za-z0-9._:/-]{1,200}$"))]
    pub key: String,
    /// The piece of work this handoff belongs to.
    pub task: Task,
    /// Why the agent stops here.
    pub reason: Reason,
    /// How much it matters, as the agent sees it.
    pub priority: Priority,
    /// Two or three sentences; over 90 words is accepted and flagged.
    #[schemars(length(min = 1, max = 65536), regex(pattern = r"\S"))]
    pub summary: String,
    /// The one question a human must answer.
    pub pending_question: PendingQuestion,
    /// When an answer is needed, and what happens without one.
    pub deadline: Deadline,
    /// The answers the agent prepared.
    #[serde(default)]
    pub options: Vec<HandoffOption>,
    /// Which of approve, modify and inform the agent can act on; all three
    /// when absent. Reject and take-over are always possible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub allowed_decisions: Option<Vec<AllowedDecision>>,
    /// What the situation is, readable in 30 seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub briefing: Option<Briefing>,
    /// The tool calls made so far, oldest first.
    #[serde(default)]
    pub actions_taken: Vec<Action>,
    /// The steps of the task and how they depend on each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub plan: Option<Plan>,
    /// How the agent goes on after the decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub resume: Option<Resume>,
    /// The conversation with an end user, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub conversation: Option<Conversation>,
    /// A pending handoff of the same agent that this one replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[A-Za-z0-9._:/-]{1,200}$"))]
    #[ts(optional)]
    pub supersedes: Option<String>,
    /// Free for the agent's own use: any JSON object up to 64 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "Record<string, unknown>")]
    pub meta: Option<Map<String, Value>>,
}

/// The version of the contract a payload speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub enum Version {
    /// Version 1.
    #[serde(rename = "1")]
    V1,
}

/// One piece of work of one agent; its identity is (agent, `id`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// The agent's own id of the task.
    #[schemars(regex(pattern = r"^[A-Za-z0-9._:/-]{1,200}$"))]
    pub id: String,
    /// A line that names the work.
    #[schemars(length(min = 1, max = 65536), regex(pattern = r"\S"))]
    pub title: String,
    /// What the work is to achieve.
    #[schemars(length(min = 1, max = 65536), regex(pattern = r"\S"))]
    pub goal: String,
    /// The tools the agent means to use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(inner(length(min = 1, max = 200)))]
    #[ts(optional)]
    pub tools: Option<Vec<String>>,
    /// What the agent means to touch: paths, accounts, hosts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(inner(length(min = 1, max = 65536)))]
    #[ts(optional)]
    pub targets: Option<Vec<String>>,
}

/// Why the agent hands over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// The kind of reason.
    pub code: ReasonCode,
    /// The reason in the agent's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 65536))]
    #[ts(optional)]
    pub detail: Option<String>,
}

/// The kinds of reasons for a handoff.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum ReasonCode {
    ApprovalRequired,
    AmbiguousRequest,
    MissingInformation,
    ConflictingEvidence,
    Policy,
    LoopDetected,
    ScopeExceeded,
    ChainTooLong,
    ContextChurn,
    RepeatedError,
    Failure,
    Other,
}

/// How much a handoff matters; later is more.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, TS,
)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum Priority {
    Low,
    Normal,
    High,
    Urgent,
}

/// The one question a human must answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct PendingQuestion {
    /// The question itself.
    #[schemars(length(min = 1, max = 65536), regex(pattern = r"\S"))]
    pub text: String,
    /// The step of the plan that waits for the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[A-Za-z0-9._:/-]{1,200}$"))]
    #[ts(optional)]
    pub step: Option<String>,
}

/// When an answer is needed: exactly one of `respond_by` and
/// `respond_within_s`. All spans are in seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct Deadline {
    /// The moment (RFC 3339) by which an answer is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "string")]
    pub respond_by: Option<DateTime<Utc>>,
    /// Seconds from the durable acknowledgement, at most ten years.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::whole::optional"
    )]
    #[schemars(range(min = 1, max = 315_360_000))]
    #[ts(optional)]
    pub respond_within_s: Option<u32>,
    /// Lead of the warning before the deadline; default: the last fifth, at
    /// least 60 s, at most half.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::whole::optional"
    )]
    #[schemars(range(min = 1, max = 315_360_000))]
    #[ts(optional)]
    pub warn_before_s: Option<u32>,
    /// Seconds between a late warning and what follows it.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::whole::optional"
    )]
    #[schemars(range(min = 0, max = 315_360_000))]
    #[ts(optional)]
    pub grace_s: Option<u32>,
    /// What happens when nobody answers.
    pub on_timeout: OnTimeout,
}

/// A part of a deadline that its agent does not name: what stands there counts only
/// where nobody knows what the reviewer has set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftOpen {
    /// How long there is to answer.
    RespondWithinS,
    /// What follows.
    OnTimeout,
}

/// What happens when a deadline passes unanswered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct OnTimeout {
    /// The kind of outcome.
    pub kind: TimeoutKind,
    /// The option taken by `safe_default`; required there, refused elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[A-Za-z0-9._:/-]{1,200}$"))]
    #[ts(optional)]
    pub option: Option<String>,
}

/// The outcomes of a deadline that passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum TimeoutKind {
    Escalate,
    ManualReview,
    SafeDefault,
}

/// One answer the agent prepared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct HandoffOption {
    /// Unique within the handoff.
    #[schemars(regex(pattern = r"^[A-Za-z0-9._:/-]{1,200}$"))]
    pub id: String,
    /// What choosing it does, in a few words; it names the button.
    #[schemars(length(min = 1, max = 65536), regex(pattern = r"\S"))]
    pub label: String,
    /// The same at more length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 65536))]
    #[ts(optional)]
    pub description: Option<String>,
    /// What speaks for it.
    #[serde(default)]
    #[schemars(inner(length(min = 1, max = 65536)))]
    pub pros: Vec<String>,
    /// What speaks against it.
    #[serde(default)]
    #[schemars(inner(length(min = 1, max = 65536)))]
    pub cons: Vec<String>,
    /// What could go wrong, as the agent sees it.
    pub risk: Risk,
    /// The tool call it leads to; absent when choosing it runs nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub action: Option<ProposedAction>,
    /// Reads whose results must still hold when the action runs.
    #[serde(default)]
    pub preconditions: Vec<Precondition>,
    /// The agent's own choice; at most one option has it.
    #[serde(default)]
    pub recommended: bool,
}

/// What could go wrong with an option.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct Risk {
    /// How bad it could be.
    pub level: RiskLevel,
    /// What the action does to the world.
    pub effect: Effect,
    /// Why it is that risky.
    #[schemars(length(min = 1, max = 65536), regex(pattern = r"\S"))]
    pub why: String,
}

/// How bad it could be; later is worse.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, TS,
)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum RiskLevel {
    Low,
    Medium,
    High,
}

/// The exact tool call an option leads to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct ProposedAction {
    /// The tool's name.
    #[schemars(length(min = 1, max = 200))]
    pub tool: String,
    /// The complete arguments.
    #[ts(type = "Record<string, unknown>")]
    pub args: Map<String, Value>,
    /// JSON Schema 2020-12 that edited arguments must satisfy; no external
    /// references.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "unknown")]
    pub args_schema: Option<Value>,
    /// How the action can be taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub undo: Option<Undo>,
    /// Files it will change.
    #[serde(default)]
    #[schemars(inner(length(min = 1, max = 65536)))]
    pub files: Vec<String>,
}

/// A read and the result it must still have when the action runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct Precondition {
    /// The tool that reads.
    #[schemars(length(min = 1, max = 200))]
    pub tool: String,
    /// Its arguments.
    #[ts(type = "Record<string, unknown>")]
    pub args: Map<String, Value>,
    /// The expected result.
    #[ts(type = "unknown")]
    pub expect: Value,
}

/// The decisions an agent may say it can act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum AllowedDecision {
    Approve,
    Modify,
    Inform,
}

/// How the agent goes on after the decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct Resume {
    /// Whether a process waits or another one continues later.
    pub mode: ResumeMode,
    /// Where to continue, in the agent's own terms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 65536))]
    #[ts(optional)]
    pub token: Option<String>,
}

/// The ways to go on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
pub enum ResumeMode {
    /// A live process is blocked and goes on at once.
    Snapshot,
    /// Any process with the id may collect the decision later.
    #[default]
    Checkpoint,
}

/// What a step's `uses` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Used<'u> {
    /// `facts.NAME`.
    Fact(&'u str),
    /// `steps.ID.output.PATH`.
    Output {
        /// The step's id.
        step: &'u str,
        /// The path within its output; empty for the whole of it.
        path: &'u str,
    },
}

impl<'u> Used<'u> {
    /// Reads an entry of `uses`. Ids may hold dots themselves, so that the
    /// known ones decide where the id ends; where none fits, its first
    /// `.output` does.
    pub fn read(used: &'u str, is_step: impl Fn(&str) -> bool) -> Option<Self> {
        if let Some(name) = used.strip_prefix("facts.") {
            return (!name.is_empty()).then_some(Self::Fact(name));
        }
        let rest = used.strip_prefix("steps.")?;
        let mut ends = rest
            .match_indices(".output")
            .filter(|(at, word)| {
                let after = &rest[at + word.len()..];
                *at > 0 && (after.is_empty() || (after.starts_with('.') && after.len() > 1))
            })
            .map(|(at, word)| Self::Output {
                step: &rest[..at],
                path: rest[at + word.len()..].trim_start_matches('.'),
            });
        let first = ends.clone().next();
        ends.find(|end| matches!(end, Self::Output { step, .. } if is_step(step))).or(first)
    }
}

impl Payload {
    /// Whether it is a quick question: it asks for information alone and names
    /// no step, so that nothing waits for it.
    pub fn is_quick(&self) -> bool {
        self.allowed_decisions.as_deref() == Some(&[AllowedDecision::Inform])
            && self.pending_question.step.is_none()
            && self.options.is_empty()
    }

    /// The option with this id.
    pub fn option(&self, id: &str) -> Option<&HandoffOption> {
        self.options.iter().find(|option| option.id == id)
    }

    /// Whether the agent says it can act on this kind of answer.
    pub fn allows(&self, decision: AllowedDecision) -> bool {
        self.allowed_decisions.as_ref().is_none_or(|allowed| allowed.contains(&decision))
    }
}
