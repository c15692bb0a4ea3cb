//! How a confirmed rollback goes on: one undo after the other, each with its
//! own recorded result, and never the same one twice (DESIGN §7).
//!
//! A pure state machine. An undo that was under way when the desk or its agent
//! died may have run: it is done again by itself only where that is harmless,
//! that is for the desk's own copies of files, which are compared first. All
//! others go back to the reviewer.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::RollbackPlan;
use crate::action::Undo;

/// A rollback that was confirmed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Execution {
    /// The undos, in their order.
    pub items: Vec<Item>,
}

/// One undo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Item {
    /// The action that is undone.
    pub action: String,
    /// Who runs it, and how.
    pub by: UndoKind,
    /// The last moment it works (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "string")]
    pub until: Option<DateTime<Utc>>,
    /// How often it was begun.
    pub attempts: u32,
    /// How far it is.
    pub state: ItemState,
}

/// The kinds of undos.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
pub enum UndoKind {
    /// The agent calls a tool.
    Tool,
    /// The desk runs a program.
    Command,
    /// The desk restores its copies.
    Files,
}

/// How far an undo is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ItemState {
    /// Its turn has not come.
    Pending,
    /// The agent was asked to do it and has not taken it up.
    Asked {
        /// When (RFC 3339).
        #[ts(type = "string")]
        at: DateTime<Utc>,
    },
    /// It is under way.
    Running {
        /// Since when (RFC 3339).
        #[ts(type = "string")]
        at: DateTime<Utc>,
    },
    /// It succeeded.
    Undone {
        /// When (RFC 3339).
        #[ts(type = "string")]
        at: DateTime<Utc>,
    },
    /// It failed.
    Failed {
        /// Why.
        why: String,
    },
    /// It was under way when somebody died: it may have run.
    MayHaveRun {
        /// Since when it was under way (RFC 3339).
        #[ts(type = "string")]
        since: DateTime<Utc>,
    },
    /// The reviewer left it out.
    Skipped,
    /// The agent does it in its own way.
    HandedOver {
        /// When (RFC 3339).
        #[ts(type = "string")]
        at: DateTime<Utc>,
    },
}

/// What happens to a rollback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<'e> {
    /// The next undo is begun: a tool is asked for, all else runs.
    Begin {
        /// The action.
        action: &'e str,
    },
    /// The agent takes up what it was asked for.
    Taken {
        /// The action.
        action: &'e str,
    },
    /// It succeeded.
    Succeeded {
        /// The action.
        action: &'e str,
    },
    /// It failed.
    Failed {
        /// The action.
        action: &'e str,
        /// Why.
        why: &'e str,
    },
    /// The reviewer wants it tried again.
    Retry {
        /// The action.
        action: &'e str,
    },
    /// The reviewer leaves it out.
    Skip {
        /// The action.
        action: &'e str,
    },
    /// The reviewer leaves it to the agent.
    HandOver {
        /// The action.
        action: &'e str,
    },
    /// The reviewer has looked: it did run.
    Confirm {
        /// The action.
        action: &'e str,
    },
    /// The agent that had taken an undo up is gone.
    AgentGone {
        /// The action.
        action: &'e str,
    },
    /// The desk has started again.
    Restarted,
}

/// Why something does not happen to a rollback.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No such undo.
    #[error("This rollback does not undo the action {0}. Look at its list again.")]
    Unknown(String),
    /// Its turn has not come.
    #[error("The action {0} is not the next one to be undone. Undo what comes before it first.")]
    NotItsTurn(String),
    /// It is not in a state for that.
    #[error("The action {action} is {state} and cannot be {wanted}.")]
    NoEdge {
        /// The action.
        action: String,
        /// Where it stands.
        state: &'static str,
        /// What was wanted.
        wanted: &'static str,
    },
    /// Its window is over.
    #[error(
        "The action {action} could be undone until {until} only. Skip it, or hand it to the agent."
    )]
    Expired {
        /// The action.
        action: String,
        /// Until when.
        until: DateTime<Utc>,
    },
}

impl Execution {
    /// A rollback that begins.
    pub fn new(plan: &RollbackPlan) -> Self {
        let items = plan.steps.iter().map(|undoing| Item {
            action: undoing.action.clone(),
            by: UndoKind::of(&undoing.undo),
            until: undoing.undo.until(),
            attempts: 0,
            state: ItemState::Pending,
        });
        Self { items: items.collect() }
    }

    /// The undo to begin now; `None` while one is under way, one has failed or
    /// may have run, or all is over.
    pub fn next(&self) -> Option<&Item> {
        let item = self.items.iter().find(|item| !item.state.is_over())?;
        (item.state == ItemState::Pending).then_some(item)
    }

    /// The undo that waits for the reviewer: it failed, or may have run.
    pub fn stuck(&self) -> Option<&Item> {
        self.items.iter().find(|item| {
            matches!(item.state, ItemState::Failed { .. } | ItemState::MayHaveRun { .. })
        })
    }

    /// Whether nothing is left to do.
    pub fn is_over(&self) -> bool {
        self.items.iter().all(|item| item.state.is_over())
    }

    /// The undo of this action.
    pub fn item(&self, action: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.action == action)
    }
}

/// What becomes of a rollback. The same result again changes nothing.
pub fn transition(
    execution: &Execution,
    event: &Event<'_>,
    now: DateTime<Utc>,
) -> Result<Execution, Refusal> {
    let mut next = execution.clone();
    let action = match event {
        Event::Restarted => {
            for item in &mut next.items {
                item.restart();
            }
            return Ok(next);
        }
        Event::Begin { action }
        | Event::Taken { action }
        | Event::Succeeded { action }
        | Event::Failed { action, .. }
        | Event::Retry { action }
        | Event::Skip { action }
        | Event::HandOver { action }
        | Event::Confirm { action }
        | Event::AgentGone { action } => *action,
    };
    let turn = execution.next().is_some_and(|item| item.action == action);
    let item = next.items.iter_mut().find(|item| item.action == action);
    let item = item.ok_or_else(|| Refusal::Unknown(action.to_owned()))?;
    item.happen(event, turn, now)?;
    Ok(next)
}

impl Item {
    fn happen(&mut self, event: &Event<'_>, turn: bool, now: DateTime<Utc>) -> Result<(), Refusal> {
        let next = match (event, &self.state) {
            (Event::Begin { .. }, ItemState::Pending) => {
                if !turn {
                    return Err(Refusal::NotItsTurn(self.action.clone()));
                }
                if let Some(until) = Undo::over_since(self.until, now) {
                    ItemState::Failed { why: over(until) }
                } else {
                    self.attempts += 1;
                    match self.by {
                        UndoKind::Tool => ItemState::Asked { at: now },
                        UndoKind::Command | UndoKind::Files => ItemState::Running { at: now },
                    }
                }
            }
            // The agent may have waited until the window was over.
            (Event::Taken { .. }, ItemState::Asked { .. }) => {
                match Undo::over_since(self.until, now) {
                    Some(until) => ItemState::Failed { why: over(until) },
                    None => ItemState::Running { at: now },
                }
            }
            (
                Event::Succeeded { .. },
                ItemState::Asked { .. }
                | ItemState::Running { .. }
                | ItemState::MayHaveRun { .. }
                | ItemState::HandedOver { .. },
            )
            | (Event::Confirm { .. }, ItemState::MayHaveRun { .. }) => {
                ItemState::Undone { at: now }
            }
            // Late news of an attempt that was given up: it is not run again.
            (
                Event::Succeeded { .. },
                ItemState::Pending | ItemState::Failed { .. } | ItemState::Skipped,
            ) if self.attempts > 0 => ItemState::Undone { at: now },
            (Event::Succeeded { .. } | Event::Confirm { .. }, ItemState::Undone { .. })
            | (Event::Failed { .. }, ItemState::Failed { .. })
            | (Event::Taken { .. }, ItemState::Running { .. })
            | (Event::Skip { .. }, ItemState::Skipped)
            | (Event::HandOver { .. }, ItemState::HandedOver { .. })
            | (Event::AgentGone { .. }, ItemState::Asked { .. } | ItemState::MayHaveRun { .. }) => {
                return Ok(());
            }
            (
                Event::Failed { why, .. },
                ItemState::Asked { .. }
                | ItemState::Running { .. }
                | ItemState::MayHaveRun { .. }
                | ItemState::HandedOver { .. },
            ) => ItemState::Failed { why: (*why).to_owned() },
            (Event::Retry { .. }, ItemState::Failed { .. } | ItemState::MayHaveRun { .. }) => {
                if let Some(until) = Undo::over_since(self.until, now) {
                    return Err(Refusal::Expired { action: self.action.clone(), until });
                }
                ItemState::Pending
            }
            (
                Event::Skip { .. },
                ItemState::Pending
                | ItemState::Asked { .. }
                | ItemState::Failed { .. }
                | ItemState::MayHaveRun { .. }
                | ItemState::HandedOver { .. },
            ) => ItemState::Skipped,
            (Event::HandOver { .. }, ItemState::Failed { .. } | ItemState::MayHaveRun { .. }) => {
                ItemState::HandedOver { at: now }
            }
            (Event::AgentGone { .. }, ItemState::Running { at }) if self.by == UndoKind::Tool => {
                ItemState::MayHaveRun { since: *at }
            }
            (event, state) => {
                return Err(Refusal::NoEdge {
                    action: self.action.clone(),
                    state: state.word(),
                    wanted: event.word(),
                });
            }
        };
        self.state = next;
        Ok(())
    }

    /// The desk was off. A request to an agent stands; what the desk ran
    /// itself was cut short.
    fn restart(&mut self) {
        if let ItemState::Running { at } = self.state {
            self.state = match self.by {
                UndoKind::Files => ItemState::Pending,
                UndoKind::Command => ItemState::MayHaveRun { since: at },
                UndoKind::Tool => return,
            };
        }
    }
}

impl ItemState {
    /// Whether nothing more happens to it by itself.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Undone { .. } | Self::Skipped)
    }

    /// The state in words.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Pending => "waiting for its turn",
            Self::Asked { .. } => "asked of the agent",
            Self::Running { .. } => "under way",
            Self::Undone { .. } => "undone",
            Self::Failed { .. } => "failed",
            Self::MayHaveRun { .. } => "under way when it was cut short",
            Self::Skipped => "left out",
            Self::HandedOver { .. } => "left to the agent",
        }
    }
}

impl UndoKind {
    /// The kind of an undo.
    pub fn of(undo: &Undo) -> Self {
        match undo {
            Undo::Tool { .. } => Self::Tool,
            Undo::Command { .. } => Self::Command,
            Undo::Files { .. } => Self::Files,
        }
    }
}

impl Event<'_> {
    fn word(&self) -> &'static str {
        match self {
            Self::Begin { .. } => "begun",
            Self::Taken { .. } => "taken up",
            Self::Succeeded { .. } => "reported as undone",
            Self::Failed { .. } => "reported as failed",
            Self::Retry { .. } => "tried again",
            Self::Skip { .. } => "left out",
            Self::HandOver { .. } => "left to the agent",
            Self::Confirm { .. } => "confirmed",
            Self::AgentGone { .. } => "given up by its agent",
            Self::Restarted => "restarted",
        }
    }
}

fn over(until: DateTime<Utc>) -> String {
    format!("Its window was over at {}.", until.format("%Y-%m-%d %H:%M:%S UTC"))
}
