//! One handoff, as the reviewer is shown it.

use chrono::{DateTime, Utc};
use handoff_domain::action::{ActionStatus, Effect, Undo};
use handoff_domain::agreement::Divergence;
use handoff_domain::autonomy::{Level, LevelSet};
use handoff_domain::decision::Decision;
use handoff_domain::lifecycle::{Flag, Report, State, Unmet};
use handoff_domain::payload::{
    Conversation, Entity, Priority, Reason, Resume, RiskLevel, Sentiment, Task, TimeoutKind,
};
use handoff_domain::rollback::Standing;
use handoff_domain::trigger::Evidence;
use serde::Serialize;
use ts_rs::TS;

use super::desk::AgentView;
use super::preview::DirectiveStep;
use super::queue::Hold;
use super::rollback::RollbackView;
use super::servers::OutboxView;

/// Everything the reviewer is shown of one handoff.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
pub struct CaseView {
    /// The handoff's id.
    pub id: String,
    /// The proposal that is shown; an answer names it.
    pub revision: u32,
    /// Who asks.
    pub agent: AgentView,
    /// The piece of work.
    pub task: Task,
    /// Where it stands.
    pub state: State,
    /// What marks it.
    pub flags: Vec<Flag>,
    /// How far the agent may go unasked in this task now.
    pub level: Level,
    /// What sets that, for the task or else for the agent, and until when.
    pub level_set: LevelSet,
    /// How far the desk can hold the agent back, in honest words.
    pub reach: String,
    /// Why the gate asks, where it does; else the agent handed over by itself.
    pub asked: Option<Asked>,
    /// It is about a draft: the actions are the changes to be looked through,
    /// and the option `roll_back` names those to be undone.
    pub is_draft: bool,
    /// Why the agent stops here.
    pub reason: Reason,
    /// How much it matters.
    pub priority: Priority,
    /// The question.
    pub question: String,
    /// The step that waits for the answer.
    pub question_step: Option<String>,
    /// The summary.
    pub summary: String,
    /// How long the briefing takes to read at 238 words a minute, in seconds.
    pub reading_s: u32,
    /// How many words the summary has; over 90 is flagged.
    pub summary_words: u32,
    /// What the person behind the task wants.
    pub intent: Option<String>,
    /// The people, things and numbers of the case.
    pub entities: Vec<Entity>,
    /// What must hold.
    pub constraints: Vec<ConstraintView>,
    /// The mood of the person behind the task.
    pub sentiment: Option<Sentiment>,
    /// What the agent knows and did not hand over, in its words.
    pub not_included: Vec<String>,
    /// Which layers did not cross at all: `history`, `intent`, `constraints`.
    pub missing_layers: Vec<String>,
    /// The answers the agent prepared.
    pub options: Vec<OptionView>,
    /// Which kinds of answers are possible now.
    pub allowed: Allowed,
    /// The deadline.
    pub deadline: DeadlineView,
    /// The tool calls made so far, oldest first; at most the first 200.
    pub actions: Vec<ActionView>,
    /// How many there are.
    pub actions_total: u32,
    /// The rollbacks of its task, the latest first.
    pub rollbacks: Vec<RollbackView>,
    /// The plan with what becomes of each step if the recommended (else the
    /// first) option is approved, or what was decided.
    pub plan: Vec<DirectiveStep>,
    /// The conversation with an end user.
    pub conversation: Option<Conversation>,
    /// How the agent goes on.
    pub resume: Option<Resume>,
    /// The agent's own free data, folded.
    pub meta: Option<Folded>,
    /// How live the other end is.
    pub liveness: Liveness,
    /// How far the answer is, where it goes to a server.
    pub outbox: Option<OutboxView>,
    /// The running hold, while decided.
    pub hold: Option<Hold>,
    /// The decision, from the moment it was made.
    pub decision: Option<Decision>,
    /// What the agent did with it.
    pub report: Option<Report>,
    /// Where it did something else than was decided, oldest first.
    pub divergences: Vec<Divergence>,
    /// By when it is to report (RFC 3339); `None` while that does not run.
    #[ts(type = "string | null")]
    pub report_by: Option<DateTime<Utc>>,
    /// The checks that did not hold any more when the agent was about to act
    /// on an earlier decision: why this is asked again.
    pub changed: Vec<Unmet>,
    /// The lease lapsed on an action that cannot be taken back: it may have
    /// run, and only the reviewer can hand the decision out again.
    pub may_have_run: bool,
    /// Why the handoff was taken back, or by which one it was replaced.
    pub closed_because: Option<String>,
    /// Who did what and when, oldest first.
    pub thread: Vec<ThreadEntry>,
    /// When it was received (RFC 3339).
    #[ts(type = "string")]
    pub received_at: DateTime<Utc>,
}

/// Something that must hold, and whether it does for each option.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct ConstraintView {
    /// In words.
    pub text: String,
    /// As an expression.
    pub expr: Option<String>,
}

/// What a constraint says of certain arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct ConstraintResult {
    /// The constraint in words.
    pub text: String,
    /// Whether it holds; an expression that fails does not.
    pub holds: bool,
    /// Why it could not be evaluated.
    pub error: Option<String>,
}

/// One answer the agent prepared.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
pub struct OptionView {
    /// Its id.
    pub id: String,
    /// What choosing it does, in a few words.
    pub label: String,
    /// The same at more length.
    pub description: Option<String>,
    /// What speaks for it.
    pub pros: Vec<String>,
    /// What speaks against it.
    pub cons: Vec<String>,
    /// The risk as the desk shows it: the higher of the agent's and the floor.
    pub risk: RiskLevel,
    /// What it does to the world, as the desk found.
    pub effect: Effect,
    /// What the desk found, where the agent says otherwise.
    pub found: Option<FoundView>,
    /// Why it is that risky, as the agent says.
    pub risk_why: String,
    /// The agent's own choice.
    pub recommended: bool,
    /// The exact tool call; `None` when choosing it runs nothing.
    pub action: Option<ProposedActionView>,
    /// The constraints that this option's arguments do not satisfy.
    pub broken: Vec<ConstraintResult>,
    /// Approving it takes one deliberate extra act.
    pub confirm: bool,
}

/// What a call was found to do, against the word of its agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct FoundView {
    /// What the agent says.
    pub said: Effect,
    /// What it counts as.
    pub effect: Effect,
    /// Nobody knows what it does, so it counts as irreversible.
    pub unknown: bool,
    /// Why, in whole sentences.
    pub why: String,
}

/// Why the gate asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct Asked {
    /// The tool that the agent wants to call.
    pub tool: String,
    /// How far the agent could go unasked when it asked.
    pub level: Level,
    /// What the triggers and your limits found.
    pub evidence: Vec<Evidence>,
    /// Whether "always allow exactly this" can be offered.
    pub can_allow: bool,
}

/// The exact tool call of an option.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
pub struct ProposedActionView {
    /// The tool.
    pub tool: String,
    /// Its arguments as indented JSON.
    pub args: Folded,
    /// What an approval binds to.
    pub hash: String,
    /// The schema for edited arguments.
    #[ts(type = "unknown")]
    pub args_schema: Option<serde_json::Value>,
    /// How it can be taken back.
    pub undo: Option<Undo>,
    /// Files it will change.
    pub files: Vec<String>,
    /// Reads that must still hold when it runs, each in one line.
    pub preconditions: Vec<String>,
}

/// A text that may be longer than what is sent with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct Folded {
    /// The first lines, or all of it.
    pub head: String,
    /// How many lines there are in all.
    pub lines: u32,
    /// How many characters there are in all.
    pub chars: u32,
    /// Whether `head` is all of it.
    pub whole: bool,
    /// Names the value when the rest is asked for (a JSON pointer).
    pub pointer: String,
}

/// Which kinds of answers are possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[expect(clippy::struct_excessive_bools, reason = "one for each kind of answer")]
#[expect(missing_docs, reason = "the names are those of the answers")]
pub struct Allowed {
    pub approve: bool,
    pub modify: bool,
    pub inform: bool,
    pub reject: bool,
    pub take_over: bool,
    pub undo: bool,
    pub regrant: bool,
}

/// When an answer is due and what follows without one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct DeadlineView {
    /// The deadline (RFC 3339).
    #[ts(type = "string")]
    pub respond_by: DateTime<Utc>,
    /// When the warning is due (RFC 3339).
    #[ts(type = "string")]
    pub warn_at: DateTime<Utc>,
    /// Whether the warning has been attempted.
    pub warned: bool,
    /// What the agent asked for.
    pub on_timeout: TimeoutKind,
    /// What will really happen, in one sentence.
    pub then: String,
    /// What the option that is declared as the default is called; `None` where
    /// none is declared.
    pub default_option: Option<String>,
    /// Until when its reminders are put off (RFC 3339), if they are.
    #[ts(type = "string | null")]
    pub snoozed_until: Option<DateTime<Utc>>,
    /// Whether it can be put off still: its warning is not out.
    pub can_snooze: bool,
    /// Whether the declared default may be taken; `None` where that is not the
    /// reviewer's to say: it needs no leave, or it cannot be undone.
    pub default_allowed: Option<bool>,
    /// Whether the declared default would be taken, as things stand.
    pub takes_default: bool,
    /// Why it was not taken at the deadline, in a sentence.
    pub refused: Option<String>,
}

/// One tool call the agent made.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
pub struct ActionView {
    /// Its id.
    pub id: String,
    /// The title of its step, else the step's id.
    pub step: Option<String>,
    /// The tool.
    pub tool: String,
    /// What the tool was given.
    pub input: Option<Folded>,
    /// What it answered.
    pub output: Option<Folded>,
    /// Why the agent made the call.
    pub reasoning: Option<String>,
    /// The agent's estimate, 0 to 1.
    pub confidence: Option<f64>,
    /// What it does to the world.
    pub effect: Effect,
    /// Whether the desk found that out; else the agent says so.
    pub found: bool,
    /// How far it is.
    pub status: ActionStatus,
    /// When it began (RFC 3339).
    #[ts(type = "string | null")]
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended (RFC 3339).
    #[ts(type = "string | null")]
    pub ended_at: Option<DateTime<Utc>>,
    /// How it can be taken back.
    pub undo: Option<Undo>,
    /// Named values it found, folded.
    pub facts: Option<Folded>,
    /// Files it changed.
    pub files: Vec<String>,
    /// Actions whose result it used.
    pub depends_on: Vec<String>,
    /// Who says so.
    pub source: String,
    /// Whether it can be taken back, or was.
    pub standing: Standing,
}

/// How live the other end is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Liveness {
    /// A client waits for this very decision.
    Listening,
    /// The agent is connected, or asked lately, and will collect later.
    WillCollect {
        /// When it was last heard of (RFC 3339).
        #[ts(type = "string")]
        last_seen: DateTime<Utc>,
    },
    /// The agent has not been heard of for a while.
    NotSeen {
        /// When it was last heard of (RFC 3339).
        #[ts(type = "string")]
        since: DateTime<Utc>,
    },
    /// The decision was collected.
    Collected {
        /// When (RFC 3339).
        #[ts(type = "string")]
        at: DateTime<Utc>,
    },
}

/// One entry of a handoff's thread.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct ThreadEntry {
    /// When (RFC 3339).
    #[ts(type = "string")]
    pub at: DateTime<Utc>,
    /// Who: `agent`, `reviewer` or `System`.
    pub actor: String,
    /// What, in one word.
    pub event: String,
    /// What, in one sentence.
    pub text: String,
    /// Until when that holds (RFC 3339): the reader's clock and calendar are
    /// the window's to know.
    #[ts(type = "string | null")]
    pub until: Option<DateTime<Utc>>,
}
