//! One tool call, made or proposed, and how to take it back (CONTRACT §2, §3).
//!
//! An action says what was done; it does not say whether that was allowed.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use ts_rs::TS;

use crate::decision::{action_hash, fingerprint};

/// What a tool call does to the world; later is worse. Unknown counts as
/// irreversible, so there is no fourth value.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, TS,
)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum Effect {
    Read,
    Reversible,
    Irreversible,
}

/// How far an action is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum ActionStatus {
    Running,
    Done,
    Failed,
    Undone,
}

/// One tool call the agent made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// Unique within the task.
    #[schemars(regex(pattern = r"^[A-Za-z0-9._:/-]{1,200}$"))]
    pub id: String,
    /// The step of the plan it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[A-Za-z0-9._:/-]{1,200}$"))]
    #[ts(optional)]
    pub step: Option<String>,
    /// The tool's name.
    #[schemars(length(min = 1, max = 200))]
    pub tool: String,
    /// What the tool was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "unknown")]
    pub input: Option<Value>,
    /// What the tool answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "unknown")]
    pub output: Option<Value>,
    /// Why the agent made the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 65536))]
    #[ts(optional)]
    pub reasoning: Option<String>,
    /// The agent's own estimate, 0 to 1; shown, never a trigger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    #[ts(optional)]
    pub confidence: Option<f64>,
    /// What the call does to the world, as the agent says.
    pub effect: Effect,
    /// How far it is.
    pub status: ActionStatus,
    /// When it began (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "string")]
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "string")]
    pub ended_at: Option<DateTime<Utc>>,
    /// Actions whose result it used.
    #[serde(default)]
    #[schemars(inner(regex(pattern = r"^[A-Za-z0-9._:/-]{1,200}$")))]
    pub depends_on: Vec<String>,
    /// Named values it found.
    #[serde(default)]
    #[ts(type = "Record<string, unknown>")]
    pub facts: Map<String, Value>,
    /// How it can be taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub undo: Option<Undo>,
    /// Files it changed.
    #[serde(default)]
    #[schemars(inner(length(min = 1, max = 65536)))]
    pub files: Vec<String>,
    /// The handoff whose decision it carries out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[A-Za-z0-9._:/-]{1,200}$"))]
    #[ts(optional)]
    pub handoff: Option<String>,
}

/// How an action can be taken back, and until when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Undo {
    /// A tool call that the agent runs.
    Tool {
        /// The tool's name.
        #[schemars(length(min = 1, max = 200))]
        tool: String,
        /// Its arguments.
        #[ts(type = "Record<string, unknown>")]
        args: Map<String, Value>,
        /// The last moment it works (RFC 3339).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional, type = "string")]
        until: Option<DateTime<Utc>>,
    },
    /// A program the desk runs, without a shell, after showing it.
    Command {
        /// The program and its arguments.
        #[schemars(length(min = 1), inner(length(min = 1, max = 65536)))]
        argv: Vec<String>,
        /// The folder it runs in.
        #[schemars(length(min = 1, max = 65536))]
        cwd: String,
        /// Seconds it may take.
        #[serde(deserialize_with = "crate::whole::required")]
        #[schemars(range(min = 1, max = 86400))]
        timeout_s: u32,
        /// The last moment it works (RFC 3339).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional, type = "string")]
        until: Option<DateTime<Utc>>,
    },
    /// The desk's own copies of the files, taken before the change.
    Files {
        /// The last moment it works (RFC 3339).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional, type = "string")]
        until: Option<DateTime<Utc>>,
    },
}

/// What is wrong with an undo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UndoFault {
    /// The field.
    pub at: &'static str,
    /// What is wrong.
    pub what: &'static str,
    /// What would be right.
    pub hint: &'static str,
}

/// The longest name of a tool, in characters.
const NAME: usize = 200;

/// The longest time of a command, in seconds.
const DAY_S: u32 = 86_400;

const TOOL: &str = "Give the tool's name, at most 200 characters.";

const ARGV: &str = "Give `argv`: the program, and each of its arguments by itself.";

impl Action {
    /// The hash of tool and input, as that of a call with these arguments; an
    /// input that is no object is none that was ever decided on.
    pub fn hash(&self) -> String {
        match &self.input {
            Some(Value::Object(args)) => action_hash(&self.tool, args),
            None => action_hash(&self.tool, &Map::new()),
            Some(other) => fingerprint(&json!({ "args": other, "tool": self.tool })),
        }
    }
}

impl Undo {
    /// The last moment at which the undo works; `None` means no limit.
    pub fn until(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Tool { until, .. } | Self::Command { until, .. } | Self::Files { until } => {
                *until
            }
        }
    }

    /// What is wrong with it, whatever it takes back.
    pub fn faults(&self) -> Vec<UndoFault> {
        let mut faults = Vec::new();
        let mut add = |at, what, hint| faults.push(UndoFault { at, what, hint });
        match self {
            Self::Tool { tool, .. } => {
                if tool.trim().is_empty() || tool.chars().count() > NAME {
                    add("tool", "The tool of its undo has no name, or one that is too long.", TOOL);
                }
            }
            Self::Command { argv, cwd, timeout_s, .. } => {
                if argv.iter().all(|word| word.trim().is_empty()) {
                    add("argv", "The command of its undo names no program.", ARGV);
                } else if argv.first().is_some_and(String::is_empty)
                    || argv.iter().any(|word| word.contains('\0'))
                {
                    add("argv", "The command of its undo cannot be run as it is written.", ARGV);
                }
                if !cwd.starts_with('/') || cwd.contains('\0') {
                    let what = "The folder of its undo does not say where on this machine it is.";
                    add("cwd", what, "Give `cwd` from the root on.");
                } else if cwd.split('/').any(|part| part == "..") {
                    let what = "The folder of its undo leads up again with `..`.";
                    add("cwd", what, "Give `cwd` from the root on, without `..`.");
                }
                if !(1..=DAY_S).contains(timeout_s) {
                    let what = "The time of its undo is none, or longer than a day.";
                    add("timeout_s", what, "Give `timeout_s` from 1 to 86400.");
                }
            }
            Self::Files { .. } => {}
        }
        faults
    }

    /// Whether it works no more.
    pub fn is_over(&self, now: DateTime<Utc>) -> bool {
        Self::over_since(self.until(), now).is_some()
    }

    /// Since when an undo with this last moment works no more, if that is so; at
    /// the last moment it still does.
    pub fn over_since(until: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        until.filter(|until| *until < now)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn an_undo_works_at_its_last_moment_and_not_a_moment_later() {
        let until = DateTime::UNIX_EPOCH;
        let undo = Undo::Files { until: Some(until) };
        assert!(!undo.is_over(until));
        assert!(undo.is_over(until + TimeDelta::milliseconds(1)));
        assert!(!Undo::Files { until: None }.is_over(DateTime::<Utc>::MAX_UTC));
    }

    #[test]
    fn an_input_that_is_no_object_is_another_call() {
        let with = |input: Value| -> Action {
            let action = json!({ "id": "a", "tool": "sh", "input": input, "effect": "read",
                "status": "done" });
            serde_json::from_value(action).unwrap()
        };
        let empty = action_hash("sh", &Map::new());
        assert_eq!(with(json!({})).hash(), empty);
        assert_eq!(Action { input: None, ..with(json!({})) }.hash(), empty);
        for other in [json!("rm -rf build"), json!(["rm"]), json!(1)] {
            assert_ne!(with(other.clone()).hash(), empty, "{other}");
        }
    }
}
