//! What the desk says of itself, and what the reviewer can set.

use chrono::{DateTime, Utc};
use handoff_domain::alerts::Alerts;
use handoff_domain::trigger::Triggers;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// One agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct AgentView {
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
    /// How many handoffs it has made.
    pub handoffs: u32,
    /// How many of them came cold.
    pub cold: u32,
}

/// What the desk says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct DeskStatus {
    /// The version of the program.
    pub version: String,
    /// The agents, those connected first.
    pub agents: Vec<AgentView>,
    /// Whether notifications can be shown.
    pub notifications: NotificationState,
    /// The folder that holds everything.
    pub home: String,
    /// Where the agents connect.
    pub socket: String,
    /// A fault that needs the reviewer, such as a full disk, in one sentence
    /// with what to do.
    pub fault: Option<String>,
    /// What the reviewer should know or look after, such as a damaged database
    /// that was set aside, or a spooled handoff that could not be taken up:
    /// whole sentences, with what to do.
    pub notices: Vec<String>,
    /// Whether the demo agent is running now.
    pub demo_running: bool,
    /// Everything is paused.
    pub paused: bool,
    /// How many agents wait for the reviewer to look at them.
    pub calling: u32,
    /// The tasks that the reviewer has taken over and not given back, the latest
    /// first.
    pub in_hands: Vec<InHands>,
}

/// A task that waits for the reviewer, who does it by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct InHands {
    /// The agent.
    pub agent: String,
    /// The task's id.
    pub task: String,
    /// Its title.
    pub title: String,
    /// Since when (RFC 3339).
    #[ts(type = "string")]
    pub since: DateTime<Utc>,
}

/// A copy of everything, to which the desk can go back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct BackupView {
    /// Names it when it is chosen.
    pub name: String,
    /// When it was made (RFC 3339).
    #[ts(type = "string")]
    pub at: DateTime<Utc>,
    /// Whether it was made before a later desk changed the format; else it is
    /// one of those made every day.
    pub before_new_format: bool,
    /// Its size in bytes.
    #[ts(type = "number")]
    pub bytes: u64,
    /// How many handoffs it has, if it says so.
    pub handoffs: Option<u32>,
}

/// Whether notifications can be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum NotificationState {
    /// Not asked yet.
    Unknown,
    /// A service answers.
    Available {
        /// Its name.
        service: String,
    },
    /// There is none, or it does not answer.
    Missing {
        /// Why, in one sentence.
        why: String,
    },
}

/// What the reviewer can set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The hold in seconds, 0 to 30.
    pub hold_s: u32,
    /// Light, dark, or as the system says.
    pub theme: Theme,
    /// Single-key shortcuts.
    pub shortcuts: bool,
    /// Whether notifications show the question, or the agent alone.
    pub notify_question: bool,
    /// When the reviewer is reminded, left alone and alerted.
    pub alerts: Alerts,
    /// What makes agents stop and ask.
    pub triggers: Triggers,
    /// The most new cards of one agent in an hour, 1 to 1000; what it asks or
    /// hands over beyond that waits behind them, but for what is of high risk. 0
    /// for no limit.
    pub cards_per_hour: u32,
    /// How long an agent that has received a decision may take to report on
    /// it, in seconds, at most 30 days; 0: it is not waited for.
    pub report_within_s: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hold_s: 5,
            theme: Theme::System,
            shortcuts: true,
            notify_question: true,
            alerts: Alerts::default(),
            triggers: Triggers::default(),
            cards_per_hour: 30,
            report_within_s: 30 * 60,
        }
    }
}

/// The colours of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum Theme {
    System,
    Light,
    Dark,
}
