//! What crosses the socket: newline-delimited JSON-RPC 2.0 (CONTRACT §6).
//!
//! These are the shapes of requests and answers. Who may call what, and what a
//! call does, is the engine's business; how bytes become lines, the transport's.

mod control;
mod gate;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use handoff_domain::autonomy::Level;
use handoff_domain::decision::Decision;
use handoff_domain::directive::Line;
use handoff_domain::lifecycle::{Flag, Report, State};
use handoff_domain::payload::{LeftOpen, Precondition, Priority};
use handoff_domain::rollback;
use handoff_domain::validate::Fault;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

pub use control::{LONGEST_WAIT_S, Next, NextItem, NextItems, UndoOutcome, UndoReport};
pub use gate::{
    ByTask, Check, Checked, Gate, OpenTask, PlanTask, RecordAction, Recorded, TaskRef,
    TaskStanding, Tool, Tools, ToolsKnown,
};

/// The version of the contract that this desk speaks.
pub const PROTOCOL: &str = "1";

/// The longest line, in bytes, in either direction.
pub const MAX_FRAME_BYTES: usize = 10 * 1024 * 1024;

/// A call, or a notification when it has no id.
#[derive(Debug, Deserialize)]
pub struct Request<'a> {
    /// Always `"2.0"`.
    pub jsonrpc: String,
    /// Names the call in its answer. One that is given as `null` is there, too:
    /// it makes no notification of a call.
    #[serde(default, deserialize_with = "given")]
    pub id: Option<Value>,
    /// What to do.
    pub method: String,
    /// With what.
    #[serde(borrow, default)]
    pub params: Option<&'a RawValue>,
}

/// A value that is there, be it `null`.
fn given<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

/// Why a call failed, for a program and for a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorData {
    /// One word for code that branches.
    pub code: ErrorCode,
    /// What failed and why.
    pub message: String,
    /// What to do.
    pub hint: String,
    /// Whether the same call may succeed later.
    pub retryable: bool,
    /// Everything that is wrong with a payload.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
    /// The decision that won, in a conflict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub winner: Option<Box<Decision>>,
}

/// The kinds of errors; each has its own JSON-RPC number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The line is not JSON.
    ParseError,
    /// The line is JSON, but not a call.
    InvalidRequest,
    /// There is no such method.
    MethodNotFound,
    /// The parameters do not fit the method.
    InvalidParams,
    /// The desk failed; nothing was done.
    Internal,
    /// The handoff is not a valid payload.
    InvalidPayload,
    /// There is no such handoff of this agent.
    NotFound,
    /// It is no longer possible, or contradicts what is there.
    Conflict,
    /// It is not allowed.
    Refused,
    /// The desk cannot store at present.
    Unavailable,
    /// The line is longer than [`MAX_FRAME_BYTES`].
    FrameTooLarge,
}

impl ErrorCode {
    /// The number in the JSON-RPC error object.
    pub fn number(self) -> i32 {
        match self {
            Self::ParseError => -32700,
            Self::InvalidRequest => -32600,
            Self::MethodNotFound => -32601,
            Self::InvalidParams => -32602,
            Self::Internal => -32603,
            Self::InvalidPayload => -32010,
            Self::NotFound => -32011,
            Self::Conflict => -32012,
            Self::Refused => -32013,
            Self::Unavailable => -32014,
            Self::FrameTooLarge => -32015,
        }
    }
}

/// `agent.hello`: who is calling. The first call on a connection.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hello {
    /// The agent's name.
    pub name: String,
    /// What it is built with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub framework: Option<String>,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The token of this name. A new name may bring its own, of 32 characters
    /// at least, so that it is kept before the desk knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// What sees the agent's calls, where that calls and not the agent itself:
    /// what it records is shown as observed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observer: Option<Observer>,
}

/// What sees the calls of an agent from outside of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Observer {
    /// A hook of its client.
    Hook,
    /// A gateway in front of its tools.
    Gateway,
}

/// The answer to `agent.hello`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Welcome {
    /// The name in force.
    pub agent: String,
    /// The token that the desk made, at the first hello of a name that brought
    /// none; it is not given again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// How far the agent may go unasked.
    pub level: Level,
    /// The version of the contract.
    pub protocol: String,
}

/// `handoff.validate` and `handoff.submit`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Submit<'a> {
    /// The payload.
    #[serde(borrow)]
    pub handoff: &'a RawValue,
    /// What its agent does not say of its deadline.
    #[serde(default, skip_serializing_if = "<[LeftOpen]>::is_empty")]
    pub left_open: Vec<LeftOpen>,
}

impl<'a> Submit<'a> {
    /// A payload that leaves nothing open.
    pub fn of(handoff: &'a RawValue) -> Self {
        Self { handoff, left_open: Vec::new() }
    }
}

/// The answer to `handoff.validate`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Validated {
    /// Whether the payload would be accepted.
    pub valid: bool,
    /// Everything that is wrong with it.
    pub faults: Vec<Fault>,
}

/// The answer to `handoff.submit`, `revise`, `withdraw` and `reconcile`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Standing {
    /// The handoff's id.
    pub id: String,
    /// The proposal in force.
    pub revision: u32,
    /// Where it stands.
    pub state: State,
    /// The same content was submitted before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replayed: Option<bool>,
}

/// `handoff.get`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ById {
    /// The handoff's id.
    pub id: String,
}

/// `handoff.wait`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wait {
    /// The handoff's id.
    pub id: String,
    /// Seconds to wait at most; without it, until there is an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_s: Option<u32>,
}

/// The answer to `handoff.wait`, and the decision part of `handoff.get`
/// (CONTRACT §5).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Answered {
    /// The handoff's id.
    pub id: String,
    /// The proposal in force.
    pub revision: u32,
    /// Where it stands.
    pub state: State,
    /// What marks it.
    pub flags: Vec<Flag>,
    /// When the reviewer was warned of the deadline (RFC 3339), while no answer
    /// has come; what has followed since is in `flags`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warned_at: Option<DateTime<Utc>>,
    /// The decision, once released.
    pub decision: Option<Decision>,
    /// The hash of the action decided on; null without an action.
    pub action_hash: Option<String>,
    /// Whether the caller is the one to act on it.
    pub act: bool,
    /// The caller's lease, to be acknowledged with `agent.ack`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<LeaseGrant>,
    /// What becomes of each step of the plan.
    pub directive: Vec<Line>,
    /// What the caller checks once more before it acts; if one of them does not
    /// hold, it does not act and reports it as `unmet`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub preconditions: Vec<Precondition>,
}

/// A lease, as the client that got it sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeaseGrant {
    /// Names the lease in `agent.ack`.
    pub id: String,
    /// When it lapses (RFC 3339); renewed while connected.
    pub expires_at: DateTime<Utc>,
}

/// The answer to `handoff.get`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Shown {
    /// State and decision; `act` is always false here.
    #[serde(flatten)]
    pub answered: Answered,
    /// The idempotency key.
    pub key: String,
    /// When it was received (RFC 3339).
    pub received_at: DateTime<Utc>,
    /// The deadline (RFC 3339).
    pub respond_by: DateTime<Utc>,
    /// What the agent did with the decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Report>,
    /// Whether what was done so far can be taken back, or was, by the id of the
    /// action.
    #[serde(default)]
    pub standing: BTreeMap<String, rollback::Standing>,
    /// The payload as it was given.
    pub handoff: Value,
}

/// `handoff.list`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    /// Only handoffs in this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// Only handoffs in which all these words occur.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
    /// How many at most; 100 without it, 1000 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// The answer to `handoff.list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Listed {
    /// The handoffs, the newest first.
    pub handoffs: Vec<ListedHandoff>,
    /// How many match in all.
    pub total: u32,
}

/// One line of `handoff.list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListedHandoff {
    /// The handoff's id.
    pub id: String,
    /// The idempotency key.
    pub key: String,
    /// The proposal in force.
    pub revision: u32,
    /// Where it stands.
    pub state: State,
    /// What marks it.
    pub flags: Vec<Flag>,
    /// How much it matters.
    pub priority: Priority,
    /// The id of its task.
    pub task: String,
    /// The title of its task.
    pub title: String,
    /// The question.
    pub question: String,
    /// When it was received (RFC 3339).
    pub received_at: DateTime<Utc>,
    /// The deadline (RFC 3339).
    pub respond_by: DateTime<Utc>,
}

/// `handoff.withdraw`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Withdraw {
    /// The handoff's id.
    pub id: String,
    /// Why, for the reviewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// `handoff.revise`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revise<'a> {
    /// The handoff's id.
    pub id: String,
    /// The new payload, complete, with the same key.
    #[serde(borrow)]
    pub handoff: &'a RawValue,
}

/// `handoff.reconcile`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reconcile {
    /// The handoff's id.
    pub id: String,
    /// What the agent did.
    pub report: Report,
}

/// `agent.ack`: the client has received what carried this id: a lease, or an
/// item of `agent.next`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ack {
    /// The id of the lease, or of the item.
    pub id: String,
    /// What became of it, if there is anything to say, of 64 KiB at most. For an
    /// `undo` and an `undo_yourself` it is required: `outcome`, which is `undone`
    /// or `failed`, and `why`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
}

/// `desk.show`: brings the window forward, on an item if one is named.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Show {
    /// The handoff's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// The answer to `desk.status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// The version of the desk.
    pub version: String,
    /// The version of the contract.
    pub protocol: String,
    /// The process id of the desk.
    pub pid: u32,
    /// How many handoffs wait for the reviewer, of all agents.
    pub inbox: u32,
    /// A fault that keeps the desk from storing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// Why the reviewer cannot be notified; absent where they can, and while
    /// nobody has looked yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_notifications: Option<String>,
}

/// The method names.
pub mod method {
    /// See [`super::Hello`].
    pub const HELLO: &str = "agent.hello";
    /// See [`super::Ack`].
    pub const ACK: &str = "agent.ack";
    /// See [`super::Submit`].
    pub const VALIDATE: &str = "handoff.validate";
    /// See [`super::Submit`].
    pub const SUBMIT: &str = "handoff.submit";
    /// See [`super::ById`].
    pub const GET: &str = "handoff.get";
    /// See [`super::ListQuery`].
    pub const LIST: &str = "handoff.list";
    /// See [`super::Wait`].
    pub const WAIT: &str = "handoff.wait";
    /// See [`super::Withdraw`].
    pub const WITHDRAW: &str = "handoff.withdraw";
    /// See [`super::Revise`].
    pub const REVISE: &str = "handoff.revise";
    /// See [`super::Reconcile`].
    pub const RECONCILE: &str = "handoff.reconcile";
    /// See [`super::Status`].
    pub const STATUS: &str = "desk.status";
    /// See [`super::Show`].
    pub const SHOW: &str = "desk.show";
    /// See [`super::Tools`].
    pub const TOOLS: &str = "agent.tools";
    /// See [`super::OpenTask`].
    pub const TASK_OPEN: &str = "task.open";
    /// See [`super::PlanTask`].
    pub const TASK_PLAN: &str = "task.plan";
    /// See [`super::ByTask`].
    pub const TASK_RUNNABLE: &str = "task.runnable";
    /// See [`super::ByTask`].
    pub const TASK_CLOSE: &str = "task.close";
    /// See [`super::Check`].
    pub const CHECK: &str = "action.check";
    /// See [`super::RecordAction`].
    pub const RECORD: &str = "action.record";
    /// See [`super::Next`].
    pub const NEXT: &str = "agent.next";
    /// A hint to the agent that there is something to know: `agent.next` says what.
    pub const PENDING: &str = "agent.pending";
    /// A hint to the agent that one of its handoffs has changed.
    pub const CHANGED: &str = "handoff.changed";
}
