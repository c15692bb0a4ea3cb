//! Evidence in bounded words: every text of others is cut to what a card holds.
//!
//! It decides nothing about what is evidence.

use serde_json::{Map, Value};

use super::{Evidence, Exhibit, TriggerKind};
use crate::trace::Call;

/// The most characters of a text of evidence, its headline included.
pub(super) const MAX_TEXT: usize = 500;
/// The most exhibits of one trigger.
pub(super) const MAX_EXHIBITS: usize = 8;

/// Evidence, with what is too long or too much left out.
pub(super) fn evidence(
    trigger: TriggerKind,
    headline: &str,
    mut exhibits: Vec<Exhibit>,
) -> Evidence {
    exhibits.truncate(MAX_EXHIBITS);
    Evidence { trigger, headline: clip(headline, MAX_TEXT), exhibits }
}

/// What an action of the past shows.
pub(super) fn of_call(call: &Call, label: &str, text: &str) -> Exhibit {
    Exhibit { action: Some(call.id.clone()), label: clip(label, 120), text: clip(text, MAX_TEXT) }
}

/// What the proposed call shows.
pub(super) fn of_proposed(label: &str, text: &str) -> Exhibit {
    Exhibit { action: None, label: clip(label, 120), text: clip(text, MAX_TEXT) }
}

/// At most `most` characters, the last of them `…` if something is missing.
pub(super) fn clip(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    if text.char_indices().nth(most).is_none() {
        return text.to_owned();
    }
    let mut shown: String = text.chars().take(most.saturating_sub(1)).collect();
    shown.push('…');
    shown
}

/// A name as it stands in a sentence.
pub(super) fn name(text: &str) -> String {
    format!("`{}`", clip(text, 60))
}

/// A value as it stands in a sentence: texts bare, the rest as JSON.
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::String(text) => clip(text.trim(), 200),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(_) | Value::Object(_) => json(value, 200),
    }
}

/// The arguments of a call, on one line.
pub(super) fn args(args: &Map<String, Value>) -> String {
    let mut out = String::from("{");
    for (index, (name, value)) in args.iter().enumerate() {
        if out.len() > MAX_TEXT {
            break;
        }
        let comma = if index > 0 { ", " } else { "" };
        out.push_str(comma);
        out.push_str(&clip(name, 60));
        out.push_str(": ");
        out.push_str(&json(value, 200));
    }
    out.push('}');
    out
}

/// The same of a call of the past.
pub(super) fn args_of(call: &Call) -> String {
    call.args.as_object().map_or_else(|| json(&call.args, 200), args)
}

/// A value as JSON, never writing out more of it than is shown.
fn json(value: &Value, most: usize) -> String {
    let mut out = String::new();
    write(value, most, &mut out);
    clip(&out, most)
}

fn write(value: &Value, most: usize, out: &mut String) {
    // Bytes are at least as many as characters, so this is enough to clip.
    if out.len() > most.saturating_mul(4) {
        return;
    }
    match value {
        Value::String(text) => {
            out.push_str(&Value::String(clip(text, most)).to_string());
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => out.push_str(&value.to_string()),
        Value::Array(list) => {
            out.push('[');
            for (index, item) in list.iter().take(most).enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                write(item, most, out);
            }
            out.push(']');
        }
        Value::Object(map) => {
            out.push('{');
            for (index, (name, item)) in map.iter().take(most).enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                out.push_str(&Value::String(clip(name, most)).to_string());
                out.push_str(": ");
                write(item, most, out);
            }
            out.push('}');
        }
    }
}
