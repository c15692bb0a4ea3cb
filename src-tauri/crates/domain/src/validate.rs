//! Whether a text is a well-formed handoff, and every way in which it is not.
//!
//! The shape comes from the generated JSON Schema ([`crate::schema`]), so that
//! the published schema and this validator cannot drift apart; what no schema
//! can say (references, cycles, times, expressions) is checked by hand. Faults
//! are collected, never thrown at the first: an agent mends them in one go.
//! Nothing here decides whether a handoff is *wise*, or touches a store.

mod actions;
mod briefing;
mod deadline;
mod graph;
pub(crate) mod names;
mod options;
mod plan;
#[cfg(test)]
mod properties;
mod read;
mod shape;

pub use read::EXACT;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;

use crate::decision::fingerprint;
use crate::payload::{Payload, Plan};

/// The largest payload, in bytes.
pub const MAX_PAYLOAD_BYTES: usize = 8 * 1024 * 1024;

/// The longest text field, in bytes of UTF-8, where nothing shorter is said.
pub const MAX_TEXT_BYTES: usize = 64 * 1024;

/// The largest `meta`, in bytes of compact JSON.
pub const MAX_META_BYTES: usize = 64 * 1024;

/// The deepest nesting of lists and objects; leaves room for the frames that
/// carry a payload below the 128 levels common JSON readers stop at.
pub const MAX_DEPTH: usize = 100;

/// The faults listed; more are only counted.
pub const MAX_FAULTS: usize = 100;

/// One thing that is wrong with a payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Fault {
    /// Where: a JSON pointer (RFC 6901); empty for the whole text.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub hint: String,
}

/// A payload without a fault.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// The payload.
    pub payload: Payload,
    /// The same as JSON, as it was given.
    pub value: Value,
    /// Names the content: equal for equal content, whatever the order of keys.
    pub fingerprint: String,
}

/// Which deadlines are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deadlines {
    /// Only those still to come: a submit.
    Future,
    /// Also those gone by: a handoff that waited in the spool.
    AnyTime,
}

/// Reads a payload that is being submitted at `now`; gives every fault.
pub fn parse(text: &str, now: DateTime<Utc>) -> Result<Checked, Vec<Fault>> {
    parse_with(text, now, Deadlines::Future)
}

/// Reads a payload; gives every fault.
pub fn parse_with(
    text: &str,
    now: DateTime<Utc>,
    deadlines: Deadlines,
) -> Result<Checked, Vec<Fault>> {
    let mut faults = Faults::default();
    if text.len() > MAX_PAYLOAD_BYTES {
        faults.add(
            "",
            format!("The payload has {} bytes; at most {MAX_PAYLOAD_BYTES} are taken.", text.len()),
            "Leave out what the reviewer does not need, or name the files instead of their content.",
        );
        return Err(faults.into_list());
    }
    let Some(value) = read::json(text, &mut faults) else {
        return Err(faults.into_list());
    };
    check(&value, now, deadlines, &mut faults);
    if !faults.is_empty() {
        return Err(faults.into_list());
    }
    match Payload::deserialize(&value) {
        Ok(payload) => Ok(Checked { payload, fingerprint: fingerprint(&value), value }),
        Err(error) => {
            faults.add(
                "",
                format!("The payload cannot be read: {error}."),
                "See `handoff schema`.",
            );
            Err(faults.into_list())
        }
    }
}

/// Reads JSON as strictly as a payload: doubled keys and numbers that would
/// lose digits are faults, since two readers may take them differently.
pub fn strict_json(text: &str) -> Result<Value, Vec<Fault>> {
    let mut faults = Faults::default();
    match read::json(text, &mut faults) {
        Some(value) if faults.is_empty() => Ok(value),
        Some(_) | None => Err(faults.into_list()),
    }
}

/// What is wrong with the shape of a text that is to be a `T`, which is spoken of as
/// `what`: nothing where only what no schema can say is wrong with it.
pub fn shape_faults<T: JsonSchema>(text: &str, what: &str) -> Vec<Fault> {
    let mut faults = Faults::default();
    if let Some(value) = read::json(text, &mut faults) {
        shape::check_by(&crate::schema::of::<T>(), &value, what, &mut faults);
    }
    faults.into_list()
}

/// What is wrong with a plan by itself: ids, dangling names, circles.
pub fn plan_faults(plan: &Plan) -> Vec<Fault> {
    let mut faults = Faults::default();
    plan::check(&serde_json::json!({ "plan": plan }), &mut faults);
    faults.into_list()
}

fn check(value: &Value, now: DateTime<Utc>, deadlines: Deadlines, faults: &mut Faults) {
    shape::check(value, faults);
    if !value.is_object() {
        return;
    }
    deadline::check(value, now, deadlines, faults);
    options::check(value, faults);
    briefing::check(value, faults);
    plan::check(value, faults);
    actions::check(value, faults);
}

/// The faults found so far, with a bound on what a hostile payload can make
/// the answer weigh.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    list: Vec<Fault>,
    beyond: usize,
}

impl Faults {
    pub(crate) fn add(
        &mut self,
        pointer: impl Into<String>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let fault = Fault { pointer: pointer.into(), message: message.into(), hint: hint.into() };
        if self.list.contains(&fault) {
            return;
        }
        if self.list.len() < MAX_FAULTS {
            self.list.push(fault);
        } else {
            self.beyond += 1;
        }
    }

    /// Whether further faults are only counted, so that wording them is wasted.
    pub(crate) fn is_full(&self) -> bool {
        self.list.len() >= MAX_FAULTS
    }

    /// Counts a fault that need not be worded.
    pub(crate) fn count(&mut self) {
        self.beyond += 1;
    }

    pub(crate) fn extend(&mut self, more: Vec<Fault>) {
        for fault in more {
            self.add(fault.pointer, fault.message, fault.hint);
        }
    }

    /// Whether something was found at this place, or deeper.
    pub(crate) fn has(&self, place: &str) -> bool {
        let mut rests = self.list.iter().filter_map(|fault| fault.pointer.strip_prefix(place));
        rests.any(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(crate) fn into_list(mut self) -> Vec<Fault> {
        if self.beyond > 0 {
            self.list.push(Fault {
                pointer: String::new(),
                message: format!("{} more faults are not listed.", self.beyond),
                hint: "Mend the listed ones first, then validate again.".to_owned(),
            });
        }
        self.list
    }
}

/// Appends one step to a JSON pointer.
pub(crate) fn push_segment(pointer: &mut String, segment: &str) {
    pointer.push('/');
    for letter in segment.chars() {
        match letter {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}

/// The member of an object, unless it is missing or null.
fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    value.get(name).filter(|member| !member.is_null())
}

/// The text of a member, if it is one.
fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name).and_then(Value::as_str)
}

/// The items of a member; none if it is not a list.
fn items<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
