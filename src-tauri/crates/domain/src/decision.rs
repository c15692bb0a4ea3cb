//! What the reviewer answers, and the decision the agent gets (CONTRACT §5).
//!
//! An [`Answer`] is what the window sends: each kind carries exactly what
//! belongs to it. A [`Decision`] is what crosses back. Whether an answer fits
//! its handoff is decided in [`crate::answer`]; when it takes effect, in
//! [`crate::lifecycle`].

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use ts_rs::TS;

use crate::payload::Constraint;

/// The five ways to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum DecisionKind {
    Approve,
    Modify,
    Inform,
    Reject,
    TakeOver,
}

/// Who decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub enum Decider {
    /// The person at the window.
    #[serde(rename = "reviewer")]
    Reviewer,
    /// The desk itself, by a default the handoff declared; never a "yes".
    System,
}

/// What the agent does after a rejection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// The task ends here.
    Stop,
    /// The step and what depends on it are left out.
    Skip,
    /// The agent makes another proposal in the same handoff.
    Revise,
}

/// What the reviewer answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Answer {
    /// Take this option as proposed.
    Approve {
        /// The option's id.
        option: String,
    },
    /// Take this option with other arguments.
    Modify {
        /// The option's id.
        option: String,
        /// The complete new arguments.
        #[ts(type = "Record<string, unknown>")]
        args: Map<String, Value>,
    },
    /// Give the agent what it did not know.
    Inform {
        /// In words.
        #[serde(default)]
        text: String,
        /// As named values.
        #[serde(default)]
        #[ts(type = "Record<string, unknown>")]
        facts: Map<String, Value>,
        /// As new constraints.
        #[serde(default)]
        constraints: Vec<Constraint>,
    },
    /// Do none of it.
    Reject {
        /// Why, for the agent.
        reason: String,
        /// What the agent does next.
        then: Then,
    },
    /// The reviewer does it by hand.
    TakeOver {
        /// What the agent should know.
        #[serde(default)]
        note: String,
    },
}

impl Answer {
    /// Which of the five it is.
    pub fn kind(&self) -> DecisionKind {
        match self {
            Self::Approve { .. } => DecisionKind::Approve,
            Self::Modify { .. } => DecisionKind::Modify,
            Self::Inform { .. } => DecisionKind::Inform,
            Self::Reject { .. } => DecisionKind::Reject,
            Self::TakeOver { .. } => DecisionKind::TakeOver,
        }
    }
}

/// A stated reason to go against a constraint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct Override {
    /// Why.
    pub why: String,
}

/// Words for the end user, delivered by the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct EndUserMessage {
    /// The words.
    pub text: String,
}

/// A decision, as the agent gets it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Decision {
    /// Which of the five.
    pub kind: DecisionKind,
    /// Who decided.
    pub by: Decider,
    /// When (RFC 3339).
    #[ts(type = "string")]
    pub at: DateTime<Utc>,
    /// The option taken (approve, modify, default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub option: Option<String>,
    /// The tool to call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub tool: Option<String>,
    /// The complete final arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "Record<string, unknown>")]
    pub args: Option<Map<String, Value>>,
    /// New or corrected values (inform).
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[ts(type = "Record<string, unknown> | undefined")]
    pub facts: Map<String, Value>,
    /// New constraints (inform).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(optional, as = "Option<Vec<Constraint>>")]
    pub constraints: Vec<Constraint>,
    /// Free words (inform).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub text: Option<String>,
    /// Why (reject).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub reason: Option<String>,
    /// What the agent does next (reject).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub then: Option<Then>,
    /// The stated reason to go against a constraint.
    #[serde(default, rename = "override", skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub overriding: Option<Override>,
    /// Words for the end user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub message: Option<EndUserMessage>,
    /// Words for the agent (take over).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub note: Option<String>,
}

impl Decision {
    /// The hash of the action decided on; `None` without an action.
    pub fn action_hash(&self) -> Option<String> {
        match (&self.tool, &self.args) {
            (Some(tool), Some(args)) => Some(action_hash(tool, args)),
            (None | Some(_), None) | (None, Some(_)) => None,
        }
    }
}

/// SHA-256 in lower-case hex over the RFC 8785 form of
/// `{"args":…,"tool":…}`: what was shown is what is approved.
pub fn action_hash(tool: &str, args: &Map<String, Value>) -> String {
    fingerprint(&serde_json::json!({ "args": args, "tool": tool }))
}

/// SHA-256 in lower-case hex over the RFC 8785 form of a JSON value.
pub fn fingerprint(value: &Value) -> String {
    hex(&Sha256::digest(canonical(value)))
}

/// The RFC 8785 form of a JSON value.
pub fn canonical(value: &Value) -> Vec<u8> {
    // A `Value` holds only finite numbers and string keys, the two things
    // canonicalisation can refuse.
    serde_json_canonicalizer::to_vec(value).unwrap_or_default()
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn args(value: Value) -> Map<String, Value> {
        value.as_object().cloned().expect("an object")
    }

    #[test]
    fn hash_ignores_the_order_of_keys_and_the_spelling_of_numbers() {
        let one = action_hash("t", &args(json!({"a": 1.0, "b": "x"})));
        let two =
            action_hash("t", &args(serde_json::from_str(r#"{"b":"x","a":1}"#).expect("json")));
        assert_eq!(one, two);
    }

    #[test]
    fn hash_is_sha256_over_the_canonical_text() {
        // printf '{"args":{"a":1},"tool":"t"}' | sha256sum
        let expected = hex(&Sha256::digest(br#"{"args":{"a":1},"tool":"t"}"#));
        assert_eq!(action_hash("t", &args(json!({"a": 1}))), expected);
    }

    #[test]
    fn every_part_counts() {
        let base = action_hash("t", &args(json!({"a": 1})));
        assert_ne!(base, action_hash("u", &args(json!({"a": 1}))));
        assert_ne!(base, action_hash("t", &args(json!({"a": 2}))));
        assert_ne!(base, action_hash("t", &args(json!({"a": 1, "b": null}))));
    }
}
