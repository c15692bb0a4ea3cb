//! What the reviewer tells an agent that works: to stop, to go on, to follow
//! another plan (DESIGN §7, CONTRACT §6 `agent.next`).
//!
//! An instruction informs. What holds an agent back is the gate, which knows of
//! a pause before the agent does; nothing here permits anything.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use ts_rs::TS;

use crate::decision::EndUserMessage;
use crate::payload::Plan;

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
        done: Vec<DoneByHand>,
        /// What the reviewer found out, by name.
        #[serde(default)]
        #[ts(type = "Record<string, unknown>")]
        facts: Map<String, Value>,
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
    /// Something to know; nothing is asked.
    Message {
        /// In words.
        text: String,
    },
}

/// A step that the reviewer did by hand while the task was theirs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct DoneByHand {
    /// The step's id.
    pub step: String,
    /// What came of it, as far as later steps use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "unknown")]
    pub output: Option<Value>,
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
            Self::Message { .. } => "message",
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
        let back = || Instruction::GiveBack { done: vec![], facts: Map::new(), text: None };
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
