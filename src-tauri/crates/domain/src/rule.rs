//! The rules the reviewer owns: what is always allowed, what is always held,
//! what such calls count as, and limits (DESIGN §6).
//!
//! A rule is matched against a call; whether the call then runs is decided by
//! the gate, where no rule outweighs an irreversible effect.
//!
//! Nothing is made alike before it is compared: texts fit byte for byte,
//! numbers as JSON has them (`1` and `1.0` are the same number here, as they
//! are in the hash of an approved call). Where a call cannot be told to fit,
//! a rule that lets something go does not match, and a rule that holds does.
//!
//! No disk is read here. Where a path really leads, over which links, the desk
//! has looked up before it asks, and says with the call.

mod fault;
mod fit;
mod parts;
mod set;
mod words;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use ts_rs::TS;

use crate::action::Effect;
use crate::validate::Fault;

pub use fault::{MAX_DAYS, MAX_PATTERNS, MAX_RULE_BYTES};
pub use fit::is_within;
pub use set::{Kept, Matched, RuleId, Rules};

/// One rule, as the reviewer made it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema, TS)]
pub struct Rule {
    /// What it is called in lists and in the log.
    pub name: String,
    /// The agent it is for; none for every agent. An `allow` names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub agent: Option<String>,
    /// The tool it is for, by its exact name; none for every tool. An `allow`
    /// and an `effect` name one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub tool: Option<String>,
    /// What the call must look like.
    #[serde(default)]
    pub when: When,
    /// What the rule does.
    #[serde(flatten)]
    pub does: Does,
    /// When it ends; an `allow` ends within 30 days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "string")]
    pub until: Option<DateTime<Utc>>,
    /// How many calls it covers; none for any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub uses: Option<u32>,
}

/// Where paths really lead, with all links followed, by the path as it is
/// written; none where that cannot be told.
pub type Leads = BTreeMap<String, Option<String>>;

/// What a rule looks at in a call.
#[derive(Debug, Clone, Copy)]
pub struct CallFacts<'c> {
    /// The agent.
    pub agent: &'c str,
    /// The task's id.
    pub task: &'c str,
    /// The tool, by the name the agent's client gives it.
    pub tool: &'c str,
    /// What the tool would be given.
    pub args: &'c Map<String, Value>,
    /// A command's words after parsing, where it is one simple command: no
    /// chain, no redirection, nothing that a shell still replaces.
    pub argv: Option<&'c [String]>,
    /// The folder it would run in; empty where the call names none, and none
    /// where it is not known.
    pub cwd: Option<&'c str>,
    /// Where its paths, and the folders of the rules that could be meant, lead;
    /// none where nobody has looked, as in the past.
    pub leads: Option<&'c Leads>,
    /// The facts known so far. They come from the agent.
    pub facts: &'c Map<String, Value>,
    /// When it is asked for.
    pub at: DateTime<Utc>,
}

impl Rule {
    /// What is wrong with a rule that is to be kept from `now` on; every fault,
    /// none for a good rule. A rule with a fault is never matched safely, so
    /// it is never kept.
    pub fn fault(&self, now: DateTime<Utc>) -> Vec<Fault> {
        fault::faults(self, now)
    }

    /// The numbers in it that may not be the ones that were meant, once they
    /// have passed through a window: beyond 2^53 those round them.
    pub fn inexact(&self) -> Vec<Fault> {
        fault::inexact(self)
    }

    /// Whether it covers a call, however often it was used.
    pub fn matches(&self, call: &CallFacts<'_>) -> bool {
        set::matches(self, call)
    }

    /// "Always allow exactly this": the rule that allows this call, and no
    /// other, until then. What may not be allowed so, [`Rule::fault`] says.
    #[must_use]
    pub fn from_call(call: &CallFacts<'_>, until: DateTime<Utc>, uses: Option<u32>) -> Self {
        words::from_call(call, until, uses)
    }

    /// What it covers, in words.
    pub fn preview(&self) -> String {
        words::preview(self)
    }

    /// Whether it lets something go that would else be asked for, so that it
    /// matches only what certainly fits. The others only ever hold more.
    pub fn lets_go(&self) -> bool {
        match &self.does {
            Does::Allow => true,
            Does::Hold { .. } => false,
            Does::Counts { effect } => *effect != Effect::Irreversible,
        }
    }
}

/// What a rule does with a call that it matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(tag = "does", rename_all = "snake_case")]
pub enum Does {
    /// It runs unasked, if it is a read or reversible.
    Allow,
    /// It is held.
    Hold {
        /// Why, as the reviewer wants to read it on the card.
        why: String,
    },
    /// It counts as this, whatever it was read as or claimed to be.
    Counts {
        /// As what.
        effect: Effect,
    },
}

/// What a call must look like; everything given must fit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(default, deny_unknown_fields)]
pub struct When {
    /// Each argument named here must be there and fit. A rule that lets
    /// something go names every argument of the call: one more does not fit.
    #[ts(type = "Record<string, unknown>")]
    pub args: std::collections::BTreeMap<String, Pattern>,
    /// A command's words, exactly, after parsing; for shells. Of the other
    /// arguments only those that change nothing of what runs go unnamed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub argv: Option<Vec<String>>,
    /// The folder it runs in, exactly; empty for calls that name none, as it is
    /// for an `allow` that leaves it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub cwd: Option<String>,
    /// A condition in CEL over `agent`, `task`, `tool`, `args`, `facts`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub expr: Option<String>,
}

/// What one argument must be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
pub enum Pattern {
    /// Exactly this value.
    Is(#[ts(type = "unknown")] Value),
    /// One of these values.
    OneOf(#[ts(type = "unknown[]")] Vec<Value>),
    /// A file directly or deeper in this folder, as an absolute path written
    /// without `.`, `..` and whatever else a tool might read as another path, and
    /// by where it leads with all links followed.
    Within(String),
    /// A number from the first to the second, both included.
    Between(f64, f64),
    /// Any value at all.
    Any,
}
