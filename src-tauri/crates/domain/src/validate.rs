//! Whether a text is a payload.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::payload::Payload;

/// One thing that is wrong with an input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Fault {
    /// Where (RFC 6901).
    pub pointer: String,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub hint: String,
}

/// A payload that has been checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// The payload.
    pub payload: Payload,
    /// The JSON as given.
    pub value: serde_json::Value,
    /// Its fingerprint.
    pub fingerprint: String,
}

/// Parses.
pub fn parse(text: &str, _now: DateTime<Utc>) -> Result<Checked, Vec<Fault>> {
    let fail = |error: serde_json::Error| {
        vec![Fault { pointer: String::new(), message: error.to_string(), hint: String::new() }]
    };
    let value: serde_json::Value = serde_json::from_str(text).map_err(fail)?;
    let payload = serde_json::from_value(value.clone()).map_err(fail)?;
    let fingerprint = crate::decision::fingerprint(&value);
    Ok(Checked { payload, value, fingerprint })
}
