//! How titles and values are named in a sentence.

use serde_json::Value;

use crate::payload::Step;
use crate::validate::names::clip;

/// A step by its title.
pub(super) fn step(step: &Step) -> String {
    format!("“{}”", clip(step.title.trim()))
}

/// A name.
pub(super) fn name(name: &str) -> String {
    clip(name)
}

/// A value, short enough for a sentence.
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::String(text) => format!("“{}”", clip(text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(_) => "an object".to_owned(),
    }
}
