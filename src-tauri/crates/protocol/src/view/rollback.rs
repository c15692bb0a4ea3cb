//! Taking actions back: what is selected, what would happen, how far it is.

use chrono::{DateTime, Utc};
use handoff_domain::action::{ActionStatus, Effect, Undo};
use handoff_domain::kept::WayBack;
use handoff_domain::reconcile::Conflict;
use handoff_domain::rollback::execution::{ItemState, UndoKind};
use handoff_domain::rollback::{RollbackPlan, Selection, Standing, Stays};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::preview::DirectiveStep;

/// What the reviewer wants taken back in a task. The task of a handoff will do,
/// also where its agent never opened one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct RollbackRequest {
    /// The agent.
    pub agent: String,
    /// The task's id.
    pub task: String,
    /// Which actions.
    pub selection: Selection,
}

/// What a rollback would do. Nothing has run.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
pub struct RollbackPreview {
    /// Names all of this; the confirmation gives it back, so that what runs is
    /// what was shown.
    pub fingerprint: String,
    /// What is undone and in which order, what stays, what is wrong.
    pub plan: RollbackPlan,
    /// The files that the desk would put back, as they are at this moment.
    pub files: Vec<FileBack>,
    /// It would run programs, and the reviewer has not allowed that for this
    /// agent.
    pub commands_off: bool,
    /// Why it cannot be confirmed; none where it can.
    pub refused: Option<String>,
    /// What becomes of the plan if all of it succeeds; empty without a plan.
    pub directive: Vec<DirectiveStep>,
    /// Finished work that would not be right any more and stays.
    pub conflicts: Vec<Conflict>,
}

/// One file that the desk puts back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct FileBack {
    /// The action that changed it.
    pub action: String,
    /// Where it lies.
    pub path: String,
    /// How it gets back; `conflict` where it was changed since: it stays.
    pub way: WayBack,
    /// The same in words.
    pub says: String,
}

/// A rollback as it was shown, confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct ConfirmRollback {
    /// The agent.
    pub agent: String,
    /// The task's id.
    pub task: String,
    /// Which actions.
    pub selection: Selection,
    /// What the preview was named.
    pub fingerprint: String,
}

/// Names one undo of a rollback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct UndoItem {
    /// The rollback.
    pub rollback: String,
    /// The action that it takes back.
    pub action: String,
}

/// Whether the desk may run the programs that an agent names for its undos.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct AllowUndoCommands {
    /// The agent.
    pub agent: String,
    /// It may.
    pub allowed: bool,
}

/// A rollback that was confirmed.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
pub struct RollbackView {
    /// Its id.
    pub id: String,
    /// When it was confirmed (RFC 3339).
    #[ts(type = "string")]
    pub at: DateTime<Utc>,
    /// What is undone, in its order.
    pub items: Vec<UndoView>,
    /// What stays.
    pub stays: Vec<Stays>,
    /// Nothing is left to do.
    pub over: bool,
    /// The action whose undo waits for the reviewer: it failed, or may have run.
    pub stuck: Option<String>,
    /// How far it is, in a sentence or two.
    pub says: String,
}

/// One undo of a rollback.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
pub struct UndoView {
    /// The action that is taken back.
    pub action: String,
    /// Its tool.
    pub tool: String,
    /// The step it belongs to.
    pub step: Option<String>,
    /// Who does it.
    pub by: UndoKind,
    /// What is done, exactly.
    pub undo: Undo,
    /// The same in words.
    pub how: String,
    /// It only makes up for what cannot be undone.
    pub compensates: bool,
    /// How far it is.
    pub state: ItemState,
    /// The same in words.
    pub says: String,
    /// How often it was begun.
    pub attempts: u32,
    /// What it said: the end of a program's output, or what the agent reported.
    pub output: Option<String>,
    /// The files that the last attempt looked at.
    pub files: Vec<String>,
    /// What the reviewer can do with it now.
    pub can: UndoChoices,
}

/// What the reviewer can do with an undo.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, TS)]
#[expect(clippy::struct_excessive_bools, reason = "one for each choice")]
pub struct UndoChoices {
    /// Have it tried again (`retry_undo`).
    pub retry: bool,
    /// Leave it out (`skip_undo`).
    pub skip: bool,
    /// Leave it to the agent (`hand_over_undo`).
    pub hand_over: bool,
    /// Say that it did run (`confirm_undone`).
    pub confirm: bool,
}

/// One action of a task, and whether it can be taken back.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
pub struct TaskAction {
    /// Its id.
    pub id: String,
    /// Its tool.
    pub tool: String,
    /// The step it belongs to.
    pub step: Option<String>,
    /// What it did to the world, as computed.
    pub effect: Effect,
    /// How far it is.
    pub status: ActionStatus,
    /// When it happened (RFC 3339), as well as that is known.
    #[ts(type = "string | null")]
    pub at: Option<DateTime<Utc>>,
    /// Who says so.
    pub source: String,
    /// Where it stands.
    pub standing: Standing,
}
