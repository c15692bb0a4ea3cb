//! The rules the reviewer owns: what is always allowed, what is always held,
//! what such calls count as, and limits (DESIGN §6).
//!
//! A rule is matched against a call; whether the call then runs is decided by
//! the gate, where no rule outweighs an irreversible effect.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;

use crate::action::Effect;

/// One rule, as the reviewer made it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
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
    /// Each argument named here must be there and fit; an `allow` names every
    /// argument of the call, and one that it does not name does not fit.
    #[ts(type = "Record<string, unknown>")]
    pub args: std::collections::BTreeMap<String, Pattern>,
    /// A command's words, exactly, after parsing; for shells.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub argv: Option<Vec<String>>,
    /// The folder it runs in, exactly.
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
    /// A file directly or deeper in this folder, written without `.` and `..`.
    Within(String),
    /// A number from the first to the second, both included.
    Between(f64, f64),
    /// Any value at all.
    Any,
}
