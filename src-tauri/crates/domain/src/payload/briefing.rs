//! The briefing of a handoff: what the situation is, in parts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What the situation is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct Briefing {
    /// What the person behind the task wants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 65536))]
    #[ts(optional)]
    pub intent: Option<String>,
    /// The people, things and numbers the case is about.
    #[serde(default)]
    pub entities: Vec<Entity>,
    /// What must hold, whatever is decided.
    #[serde(default)]
    pub constraints: Vec<Constraint>,
    /// The mood of the person behind the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub sentiment: Option<Sentiment>,
    /// What the agent knows and did not hand over.
    #[serde(default)]
    #[schemars(inner(length(min = 1, max = 65536)))]
    pub not_included: Vec<String>,
}

/// A person, thing or number of the case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct Entity {
    /// What it is.
    pub kind: EntityKind,
    /// Its role in the case.
    #[schemars(length(min = 1, max = 65536), regex(pattern = r"\S"))]
    pub label: String,
    /// Its value as text.
    #[schemars(length(min = 1, max = 65536), regex(pattern = r"\S"))]
    pub value: String,
}

/// The kinds of entities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum EntityKind {
    Person,
    Organization,
    Id,
    Amount,
    Date,
    Place,
    File,
    Url,
    Other,
}

/// Something that must hold, whatever is decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct Constraint {
    /// In words.
    #[schemars(length(min = 1, max = 65536), regex(pattern = r"\S"))]
    pub text: String,
    /// The same as a CEL expression over `args`, `facts` and `steps`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    #[ts(optional)]
    pub expr: Option<String>,
}

/// The mood of the person behind the task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct Sentiment {
    /// In one word.
    pub label: SentimentLabel,
    /// What shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 65536))]
    #[ts(optional)]
    pub note: Option<String>,
}

/// The moods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum SentimentLabel {
    Calm,
    Neutral,
    Confused,
    Frustrated,
    Angry,
    Urgent,
    Positive,
}
