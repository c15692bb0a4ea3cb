//! The lists of the window.

use chrono::{DateTime, Utc};
use handoff_domain::action::Effect;
use handoff_domain::lifecycle::{Flag, State};
use handoff_domain::payload::Priority;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// The part of the queue to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum List {
    /// What waits for the reviewer: ready.
    Inbox,
    /// What nobody answered in time: ready still, and no time runs any more.
    Review,
    /// What waits for the agent: decided, released, collected.
    Waiting,
    /// What is over: reconciled, withdrawn, superseded.
    Done,
}

/// Which items to show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct QueueQuery {
    /// The list; a search looks in all of them.
    pub list: List,
    /// Words that must all occur; empty for no search.
    pub search: String,
    /// How many items at most.
    pub limit: u32,
}

/// A list of the queue with the counts of all of them, from one query.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
pub struct QueueView {
    /// The items, the most urgent first (the newest first once over).
    pub items: Vec<QueueItem>,
    /// How many items match in all.
    pub total: u32,
    /// How many there are in each list.
    pub counts: Counts,
    /// The questions that wait behind others of their agent and are no items
    /// yet: one line for each such agent.
    pub backlogs: Vec<Backlog>,
}

/// The questions of one agent that wait behind its other ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct Backlog {
    /// The agent.
    pub agent: String,
    /// How many they are.
    pub count: u32,
    /// When the next of them becomes an item (RFC 3339); none if it does now.
    #[ts(type = "string | null")]
    pub next_at: Option<DateTime<Utc>>,
}

/// How many handoffs there are in each list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, TS)]
#[expect(missing_docs, reason = "the names are those of the lists")]
pub struct Counts {
    pub inbox: u32,
    pub review: u32,
    pub waiting: u32,
    pub done: u32,
    pub queued: u32,
}

/// One line of the queue.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
pub struct QueueItem {
    /// The handoff's id.
    pub id: String,
    /// Who asks.
    pub agent: String,
    /// The title of its task.
    pub task: String,
    /// The question.
    pub question: String,
    /// How much it matters.
    pub priority: Priority,
    /// Where it stands.
    pub state: State,
    /// What marks it.
    pub flags: Vec<Flag>,
    /// The worst effect among its options; `None` when it has none.
    pub effect: Option<Effect>,
    /// What was decided on cannot be taken back.
    pub irreversible: bool,
    /// When it was received (RFC 3339).
    #[ts(type = "string")]
    pub received_at: DateTime<Utc>,
    /// Its deadline (RFC 3339).
    #[ts(type = "string")]
    pub respond_by: DateTime<Utc>,
    /// When its warning is due (RFC 3339).
    #[ts(type = "string")]
    pub warn_at: DateTime<Utc>,
    /// Until when its reminders are put off (RFC 3339), if they are.
    #[ts(type = "string | null")]
    pub snoozed_until: Option<DateTime<Utc>>,
    /// The running hold, while decided.
    pub hold: Option<Hold>,
    /// The decision in a few words, once there is one.
    pub outcome: Option<String>,
}

/// The hold between decision and release, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
pub struct Hold {
    /// What is left of it when this was answered.
    pub left_ms: u32,
    /// Its whole length.
    pub total_ms: u32,
}
