//! What the window is shown and what it may ask: the types behind
//! `ui/src/gen`. Agents never see these.
//!
//! Long values arrive folded, with what is needed to fetch the rest, so that a
//! payload of any allowed size opens at once and nothing is cut unseen.

mod agents;
mod case;
mod control;
mod desk;
mod preview;
mod queue;
mod rollback;
mod servers;

use handoff_domain::decision::{Answer, EndUserMessage, Override};
use handoff_domain::lifecycle::State;
use handoff_domain::validate::Fault;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

pub use agents::{
    AcceptTool, AcceptTools, AgentCard, AgentsView, ConnectionView, LevelTried, Pause,
    ReplayRequest, RuleFrom, RuleRow, SetLevel, TaskCard, ToolView, Track,
};
pub use case::{
    ActionView, Allowed, Asked, CaseView, ConstraintResult, ConstraintView, DeadlineView, Folded,
    FoundView, Liveness, OptionView, ProposedActionView, ThreadEntry,
};
pub use control::{
    Acts, EditPlan, GiveBack, OfTask, PlanStep, Said, TakeOver, TaskEntry, TaskView, TellAgent,
};
pub use desk::{AgentView, BackupView, DeskStatus, InHands, NotificationState, Settings, Theme};
pub use preview::{AnswerFault, BackPreview, DirectiveStep, Preview, ToUndo};
pub use queue::{Backlog, Counts, Hold, List, QueueItem, QueueQuery, QueueView};
pub use rollback::{
    AllowUndoCommands, ConfirmRollback, FileBack, RollbackPreview, RollbackRequest, RollbackView,
    TaskAction, UndoChoices, UndoItem, UndoView,
};
pub use servers::{
    Contact, Header, KeptIn, NewServer, OutboxView, SecretView, ServerTried, ServerView,
};

/// An answer, as the window sends it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct DecideRequest {
    /// The handoff.
    pub id: String,
    /// The revision that was on screen.
    pub revision: u32,
    /// The answer.
    pub answer: Answer,
    /// The hash of the action that was on screen, for approve and modify.
    pub shown_hash: Option<String>,
    /// The consequence was confirmed in words.
    pub confirmed: bool,
    /// The stated reason to go against a constraint.
    #[serde(rename = "override")]
    pub overriding: Option<Override>,
    /// Words for the end user.
    pub message: Option<EndUserMessage>,
}

/// An answer was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct Receipt {
    /// Where the handoff stands now.
    pub state: State,
    /// The running hold.
    pub hold: Option<Hold>,
}

/// Why a request of the window failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct WindowError {
    /// One word for code that branches.
    pub code: String,
    /// What failed and why.
    pub message: String,
    /// What to do.
    pub hint: String,
    /// What is wrong with what was sent, each with its place in it; none where
    /// the failure is about no single place.
    pub faults: Vec<Fault>,
}

/// What has changed, so that the window asks again for what it shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Change {
    /// A handoff, and with it the queue and the counts.
    Handoff {
        /// Its id.
        id: String,
    },
    /// An agent, the settings, notifications or a fault.
    Status,
    /// The window asks for attention, as the desktop does it.
    Attention,
    /// The window is asked to show this item.
    Show {
        /// Its id; `None` for the window alone.
        id: Option<String>,
    },
}
