//! What the reviewer tells an agent that works: to stop, to go on, to follow
//! another plan (DESIGN §7, CONTRACT §6 `agent.next`).
//!
//! An instruction informs. What holds an agent back is the gate, which knows of
//! a pause before the agent does; nothing here permits anything.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use ts_rs::TS;

use crate::decision::EndUserMessage;
use crate::directive::Line;
use crate::payload::Plan;
use crate::reconcile::StepDone;

/// One thing an agent is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Instruction {
    /// Hold everything but what reads.
    Pause,
    /// Go on.
    Resume,
    /// The reviewer does the task now: leave it, reads included.
    TakeOver {
        /// What to tell the end user meanwhile.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        message: Option<EndUserMessage>,
    },
    /// The task is the agent's again.
    GiveBack {
        /// The steps that the reviewer did by hand.
        done: Vec<StepDone>,
        /// What the reviewer found out, by name.
        #[serde(default)]
        #[ts(type = "Record<string, unknown>")]
        facts: Map<String, Value>,
        /// What becomes of each step of the plan.
        #[serde(default)]
        directive: Vec<Line>,
        /// What else there is to know.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        text: Option<String>,
    },
    /// Follow this plan from now on.
    Plan {
        /// The steps, complete.
        plan: Plan,
        /// Its revision; `task.plan` takes it as the one that is replaced.
        revision: u32,
        /// Why it was changed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        text: Option<String>,
    },
    /// Make this call: it takes an action back, in a rollback that the reviewer
    /// has confirmed. Ask the gate first, with this key; it lets exactly this
    /// call run, once. Its record, or the acknowledgement, says what came of it.
    Undo {
        /// The rollback.
        rollback: String,
        /// The action that is taken back.
        action: String,
        /// The tool.
        tool: String,
        /// Its arguments.
        #[ts(type = "Record<string, unknown>")]
        args: Map<String, Value>,
        /// The key for `action.check`.
        key: String,
        /// The last moment it works (RFC 3339).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional, type = "string")]
        until: Option<DateTime<Utc>>,
    },
    /// Take an action back in your own way: it could not be undone as declared.
    /// Every call is asked for as always. The acknowledgement says what came of
    /// it.
    UndoYourself {
        /// The rollback.
        rollback: String,
        /// The action that is to be taken back.
        action: String,
        /// What it called.
        tool: String,
        /// With what.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional, type = "unknown")]
        input: Option<Value>,
        /// What went wrong.
        why: String,
    },
    /// What becomes of each step, after actions were taken back.
    Directive {
        /// The steps.
        directive: Vec<Line>,
        /// The actions that were taken back.
        undone: Vec<String>,
        /// In words.
        text: String,
    },
    /// Something to know; nothing is asked.
    Message {
        /// In words.
        text: String,
    },
}

impl Instruction {
    /// What it is, in one word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::TakeOver { .. } => "take_over",
            Self::GiveBack { .. } => "give_back",
            Self::Plan { .. } => "plan",
            Self::Undo { .. } => "undo",
            Self::UndoYourself { .. } => "undo_yourself",
            Self::Directive { .. } => "directive",
            Self::Message { .. } => "message",
        }
    }

    /// The rollback and the action, where something is to be taken back: such an
    /// instruction stands until it is said what came of it.
    pub fn undoes(&self) -> Option<(&str, &str)> {
        match self {
            Self::Undo { rollback, action, .. } | Self::UndoYourself { rollback, action, .. } => {
                Some((rollback, action))
            }
            Self::Pause
            | Self::Resume
            | Self::TakeOver { .. }
            | Self::GiveBack { .. }
            | Self::Plan { .. }
            | Self::Directive { .. }
            | Self::Message { .. } => None,
        }
    }

    /// Whether this, told to somebody who never heard of `earlier`, says all
    /// that `earlier` had to say: it need not be told any more.
    pub fn makes_void(&self, earlier: &Self) -> bool {
        use Instruction::{GiveBack, Pause, Plan, Resume, TakeOver};
        matches!(
            (self, earlier),
            (Pause | Resume, Pause | Resume)
                | (Plan { .. }, Plan { .. })
                | (GiveBack { .. }, TakeOver { message: None })
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_word_takes_the_place_of_the_earlier_where_it_says_as_much() {
        let message = || Instruction::Message { text: "m".to_owned() };
        let taken = |message| Instruction::TakeOver { message };
        let back = || Instruction::GiveBack {
            done: vec![],
            facts: Map::new(),
            directive: vec![],
            text: None,
        };
        let said = EndUserMessage { text: "Somebody looks after you.".to_owned() };
        for (later, earlier, void) in [
            (Instruction::Resume, Instruction::Pause, true),
            (Instruction::Pause, Instruction::Resume, true),
            (Instruction::Pause, Instruction::Pause, true),
            (back(), taken(None), true),
            (back(), taken(Some(said)), false),
            (taken(None), Instruction::Pause, false),
            (message(), message(), false),
            (Instruction::Resume, message(), false),
        ] {
            assert_eq!(later.makes_void(&earlier), void, "{later:?} after {earlier:?}");
        }
    }
}
