//! The conversation with an end user that a handoff may carry.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// The conversation with an end user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct Conversation {
    /// Where it takes place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 65536))]
    #[ts(optional)]
    pub channel: Option<String>,
    /// With whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 65536))]
    #[ts(optional)]
    pub with: Option<String>,
    /// The last messages, oldest first.
    #[serde(default)]
    pub last_messages: Vec<Message>,
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Who wrote it.
    pub from: Speaker,
    /// The text.
    #[schemars(length(min = 1, max = 65536), regex(pattern = r"\S"))]
    pub text: String,
    /// When (RFC 3339).
    #[ts(type = "string")]
    pub at: DateTime<Utc>,
}

/// Who wrote a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum Speaker {
    Customer,
    Agent,
    Human,
}
