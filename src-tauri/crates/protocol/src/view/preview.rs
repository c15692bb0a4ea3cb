//! What an answer, or giving a task back, would do: shown while it is written,
//! before anything is sent.

use handoff_domain::action::Undo;
use handoff_domain::directive::Verdict;
use handoff_domain::payload::StepStatus;
use handoff_domain::reconcile::{ChangedArg, ChangedFact, Conflict, ConstraintStand};
use handoff_domain::validate::Fault;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::FoundView;

/// What an answer would do, before it is sent.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
pub struct Preview {
    /// What is wrong with it; it cannot be sent while there is any.
    pub faults: Vec<AnswerFault>,
    /// How the constraints stand: those of the handoff, of earlier decisions,
    /// and those that this answer adds.
    pub constraints: Vec<ConstraintStand>,
    /// What it contradicts, each with the step; one of them may need an
    /// override.
    pub conflicts: Vec<Conflict>,
    /// One of the conflicts blocks it: a stated override is needed.
    pub needs_override: bool,
    /// It takes one deliberate extra act.
    pub needs_confirmation: bool,
    /// What its call was found to do, where the agent says otherwise.
    pub found: Option<FoundView>,
    /// What it binds to.
    pub hash: Option<String>,
    /// What becomes of the plan.
    pub directive: Vec<DirectiveStep>,
    /// The actions that are undone first, in this order.
    pub undo: Vec<ToUndo>,
    /// The values that change by it, with the steps that used the old ones.
    pub facts: Vec<ChangedFact>,
    /// The arguments that were edited.
    pub args: Vec<ChangedArg>,
}

/// What becomes of a plan if its task is given back like this.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
pub struct BackPreview {
    /// What is wrong with it, with places in what is given back; it cannot be
    /// sent while there is any.
    pub faults: Vec<Fault>,
    /// What becomes of the plan.
    pub directive: Vec<DirectiveStep>,
    /// Finished work that is not right any more and cannot be undone.
    pub conflicts: Vec<Conflict>,
    /// The actions that are undone first, in this order.
    pub undo: Vec<ToUndo>,
    /// The values that change by it, with the steps that used the old ones.
    pub facts: Vec<ChangedFact>,
}

/// Something wrong with an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct AnswerFault {
    /// Where, as a JSON pointer into the edited arguments; empty for the
    /// answer as a whole.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
}

/// An action that is undone before a step is done again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct ToUndo {
    /// The action's id.
    pub action: String,
    /// The tool that was called.
    pub tool: String,
    /// The title of its step, else the step's id.
    pub step: Option<String>,
    /// How it is undone, exactly.
    pub undo: Option<Undo>,
    /// The files it changed.
    pub files: Vec<String>,
    /// It is a program, and the desk may not run those of this agent: it stops there.
    pub commands_off: bool,
}

/// What becomes of one step of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct DirectiveStep {
    /// The step's id.
    pub id: String,
    /// What it does.
    pub title: String,
    /// How far it is.
    pub status: StepStatus,
    /// What becomes of it.
    pub verdict: Verdict,
    /// Why.
    pub why: String,
    /// Steps that must be done before it.
    pub depends_on: Vec<String>,
    /// The steps it needs, by `depends_on` and by the outputs it uses: the
    /// lines of the graph.
    pub needs: Vec<String>,
    /// The actions of it that are undone first.
    pub undo: Vec<String>,
    /// It is the step the question is about.
    pub asked: bool,
    /// It goes on while the question waits.
    pub free: bool,
}
