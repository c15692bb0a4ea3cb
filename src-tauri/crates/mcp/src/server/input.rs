//! What a tool was given: names it knows, and the rest named as faults.

use std::time::Duration;

use handoff_domain::validate::Fault;
use serde_json::{Map, Value};

use super::LONGEST_WAIT;

/// How long the call is to wait for a person.
pub fn wait(args: &Map<String, Value>) -> Duration {
    let asked = args.get("wait_s").and_then(Value::as_u64).map(Duration::from_secs);
    asked.map_or(LONGEST_WAIT, |asked| asked.min(LONGEST_WAIT))
}

/// A text that must be there.
pub fn text(args: &Map<String, Value>, name: &str) -> Result<String, String> {
    match args.get(name) {
        Some(Value::String(text)) if !text.trim().is_empty() => Ok(text.clone()),
        Some(_) => Err(format!("`{name}` must be a text that is not empty.")),
        None => Err(format!("`{name}` is missing.")),
    }
}

/// A text that may be there.
pub fn optional(args: &Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    match args.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(_) => text(args, name).map(Some),
    }
}

/// An object that must be there.
pub fn object(args: &Map<String, Value>, name: &str) -> Result<Map<String, Value>, String> {
    match args.get(name) {
        Some(Value::Object(object)) => Ok(object.clone()),
        Some(_) => Err(format!("`{name}` must be an object.")),
        None => Err(format!("`{name}` is missing.")),
    }
}

/// Refuses names that the tool does not have.
pub fn only(args: &Map<String, Value>, known: &[&str]) -> Result<(), String> {
    let strange: Vec<String> =
        strangers(args, known).map(|name| format!("`{name}` is not known")).collect();
    if strange.is_empty() {
        return Ok(());
    }
    Err(format!("{}. Known are: {}.", strange.join(", "), known.join(", ")))
}

/// The same as faults, at `place`.
pub fn unknown(args: &Map<String, Value>, known: &[&str], place: &str, faults: &mut Vec<Fault>) {
    faults.extend(strangers(args, known).map(|name| Fault {
        pointer: format!("{place}/{name}"),
        message: "This is not known here.".to_owned(),
        hint: format!("Known are: {}.", known.join(", ")),
    }));
}

fn strangers<'a>(
    args: &'a Map<String, Value>,
    known: &'a [&str],
) -> impl Iterator<Item = &'a String> {
    args.keys().filter(|name| !known.contains(&name.as_str()))
}
