//! The agents, what they may do unasked, and the rules over them.

use chrono::{DateTime, Utc};
use handoff_domain::action::Effect;
use handoff_domain::autonomy::{Level, LevelSet};
use handoff_domain::gate::Stop;
use handoff_domain::integration::{Integration, Reach};
use handoff_domain::rule::Rule;
use handoff_domain::trigger::Triggers;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// The view of all agents.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
pub struct AgentsView {
    /// Everything is paused.
    pub paused: bool,
    /// The agents, those that need the reviewer first, then the last heard of.
    pub agents: Vec<AgentCard>,
}

/// One agent, with all that the reviewer decides about it.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
pub struct AgentCard {
    /// Its name.
    pub name: String,
    /// What it is built with.
    pub framework: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Whether it is connected now.
    pub connected: bool,
    /// When it was last heard of (RFC 3339).
    #[ts(type = "string")]
    pub last_seen: DateTime<Utc>,
    /// The level as it was set.
    pub set: LevelSet,
    /// The level in force now.
    pub level: Level,
    /// Why the desk has lowered it, until the reviewer has looked.
    pub lowered: Option<String>,
    /// It is paused.
    pub paused: bool,
    /// Its tools.
    pub tools: Vec<ToolView>,
    /// How many of them wait to be accepted, new or changed.
    pub waiting: u32,
    /// Its open tasks, the latest first.
    pub tasks: Vec<TaskCard>,
    /// What it has done so far.
    pub track: Track,
    /// The desk may run the programs that it names for its undos.
    pub undo_commands: bool,
    /// What it has spoken to the desk through, the last heard of first.
    pub connections: Vec<ConnectionView>,
    /// How far the desk can hold it back.
    pub reaches: Reach,
    /// The same in honest words.
    pub reach: String,
}

/// What an agent has spoken to the desk through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct ConnectionView {
    /// Which integration, as the agent says.
    pub integration: Integration,
    /// Its name for people.
    pub title: String,
    /// What the agent says it is built with.
    pub framework: Option<String>,
    /// The version it says.
    pub version: Option<String>,
    /// Whether it is connected now.
    pub connected: bool,
    /// It connects for one call at a time.
    pub brief: bool,
    /// When it was first heard of (RFC 3339).
    #[ts(type = "string")]
    pub since: DateTime<Utc>,
    /// When it was last heard of (RFC 3339).
    #[ts(type = "string")]
    pub last_seen: DateTime<Utc>,
    /// How far the desk can hold back what comes through it.
    pub reach: Reach,
    /// What it holds back, in words.
    pub held: String,
    /// What it does not see, in words.
    pub unseen: String,
}

/// One tool of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct ToolView {
    /// Its name.
    pub name: String,
    /// What it does, as the agent says.
    pub description: Option<String>,
    /// What it does to the world, as the agent says.
    pub claimed: Option<Effect>,
    /// What the reviewer has accepted of its present definition.
    pub accepted: Option<Effect>,
    /// It was accepted before, and its definition has changed since.
    pub changed: bool,
    /// SHA-256 of its definition, to be accepted as it was shown.
    pub hash: String,
}

/// One task of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct TaskCard {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// The level set for it alone.
    pub set: Option<LevelSet>,
    /// The level in force for it.
    pub level: Level,
    /// Whether somebody has stopped it.
    pub stopped: Option<Stop>,
    /// How many changes its draft has.
    pub drafted: u32,
    /// When it was last heard of (RFC 3339).
    #[ts(type = "string")]
    pub changed_at: DateTime<Utc>,
}

/// What an agent has done so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, TS)]
pub struct Track {
    /// Handoffs made.
    pub handoffs: u32,
    /// Of these, such that came with too little to go by.
    pub cold: u32,
    /// Answers given to them.
    pub decisions: u32,
    /// Answers other than the recommended option.
    pub overridden: u32,
    /// Actions taken back.
    pub reversals: u32,
    /// Times it did something else than was decided, or did not ask.
    pub divergences: u32,
    /// Calls it asked about, and actions it recorded without asking.
    pub calls: u32,
    /// Of these, held because they cannot be undone or nobody knows them.
    pub mandatory: u32,
    /// Of these, held for another reason.
    pub discretionary: u32,
}

/// A level, as the window sets it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct SetLevel {
    /// The agent.
    pub agent: String,
    /// The task; none for the agent as a whole.
    #[serde(default)]
    #[ts(optional)]
    pub task: Option<String>,
    /// The level; none takes a task's own level away.
    #[serde(default)]
    #[ts(optional)]
    pub level: Option<Level>,
    /// Minutes until it falls back; none for no end.
    #[serde(default)]
    #[ts(optional)]
    pub minutes: Option<u32>,
}

/// What is paused or goes on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Pause {
    /// The agent; none for all.
    #[serde(default)]
    #[ts(optional)]
    pub agent: Option<String>,
    /// The task; none for all of the agent's.
    #[serde(default)]
    #[ts(optional)]
    pub task: Option<String>,
    /// Paused, or going on.
    pub paused: bool,
}

/// The introduction card, answered.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct AcceptTools {
    /// The agent.
    pub agent: String,
    /// The tools that are accepted, as they were shown, each with what it
    /// counts as.
    pub tools: Vec<AcceptTool>,
}

/// One tool that is accepted.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct AcceptTool {
    /// Its name.
    pub name: String,
    /// SHA-256 of the definition that was on screen.
    pub hash: String,
    /// What it counts as; none takes an acceptance back.
    #[serde(default)]
    #[ts(optional)]
    pub effect: Option<Effect>,
}

/// A change that is tried on the recorded past before it is made.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, TS)]
#[serde(default, deny_unknown_fields)]
pub struct ReplayRequest {
    /// With this rule besides.
    #[ts(optional)]
    pub with_rule: Option<Rule>,
    /// Without this rule.
    #[ts(optional, type = "number")]
    pub without_rule: Option<i64>,
    /// With this level.
    #[ts(optional)]
    pub level: Option<LevelTried>,
    /// With these triggers.
    #[ts(optional)]
    pub triggers: Option<Triggers>,
}

/// Where a rule comes from that nobody wrote by hand. The window names the
/// source and never sends the rule back: what it has read it may have rounded.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, TS)]
#[serde(tag = "source", rename_all = "snake_case", deny_unknown_fields)]
pub enum RuleFrom {
    /// The call behind a card: exactly this is allowed.
    Card {
        /// The handoff.
        id: String,
        /// For how many days.
        #[ts(type = "number")]
        days: i64,
        /// For how many calls; none for any number.
        uses: Option<u32>,
    },
    /// What the insights suggest.
    Suggestion {
        /// What names the suggestion.
        id: String,
    },
    /// A rule that was taken back, and is made again.
    TakenBack {
        /// What names the rule.
        #[ts(type = "number")]
        id: i64,
    },
}

/// A level that is tried on the recorded past.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct LevelTried {
    /// The agent.
    pub agent: String,
    /// The task; none for the agent as a whole.
    #[serde(default)]
    #[ts(optional)]
    pub task: Option<String>,
    /// The level.
    pub level: Level,
}

/// One rule of the reviewer, in the list.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
pub struct RuleRow {
    /// Names it.
    #[ts(type = "number")]
    pub id: i64,
    /// The rule.
    pub rule: Rule,
    /// What it covers, in words.
    pub covers: String,
    /// How often it has been used.
    pub used: u32,
    /// When it was last used (RFC 3339).
    #[ts(type = "string | null")]
    pub last_used: Option<DateTime<Utc>>,
    /// When it was made (RFC 3339).
    #[ts(type = "string")]
    pub made_at: DateTime<Utc>,
    /// When it was taken back (RFC 3339).
    #[ts(type = "string | null")]
    pub revoked_at: Option<DateTime<Utc>>,
    /// Whether it counts now: not taken back, not over, not used up.
    pub active: bool,
}
