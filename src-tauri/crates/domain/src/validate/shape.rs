//! The shape of a payload, read off the generated JSON Schema: missing and
//! unknown fields, wrong types, unknown words, lengths, ranges, patterns.
//!
//! This is no general JSON Schema validator. It knows exactly the keywords the
//! generated schema uses (a test holds that), and says in plain words what a
//! general one would say in schema terms.

use chrono::DateTime;
use serde_json::{Map, Value};

use super::names::{choose, clip, describe, listing, nearest};
use super::{Faults, push_segment};
use crate::schema;

/// Adds every fault of shape.
pub(super) fn check(value: &Value, faults: &mut Faults) {
    check_by(schema::shape(), value, "payload", faults);
}

/// The same of anything else that has a generated schema; `what` is what it is called.
pub(super) fn check_by(root: &Value, value: &Value, what: &str, faults: &mut Faults) {
    let mut walk = Walk { root, pointer: String::new(), faults };
    walk.value(Place { schema: root, name: what, owner: "" }, value);
}

/// Where in the schema a value is looked at.
#[derive(Clone, Copy)]
struct Place<'s> {
    schema: &'s Value,
    /// What the value is called in its parent.
    name: &'s str,
    /// The definition it came from.
    owner: &'s str,
}

struct Walk<'s, 'f> {
    root: &'s Value,
    pointer: String,
    faults: &'f mut Faults,
}

impl<'s> Walk<'s, '_> {
    fn value(&mut self, place: Place<'s>, value: &Value) {
        let place = self.resolve(place, value);
        let branches = place.schema.get("oneOf").and_then(Value::as_array);
        if let Some(branches) = branches.filter(|_| words_of(place.schema).is_none()) {
            self.tagged(place, branches, value);
            return;
        }
        if !self.has_type(place, value) {
            return;
        }
        match value {
            Value::String(text) => self.text(place, text),
            Value::Number(number) => self.number(place, number.as_f64().unwrap_or(f64::NAN)),
            Value::Array(list) => self.list(place, list),
            Value::Object(map) => self.object(place, map),
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// Follows references, and takes the part of an optional place that fits.
    fn resolve(&self, mut place: Place<'s>, value: &Value) -> Place<'s> {
        loop {
            if let Some(reference) = place.schema.get("$ref").and_then(Value::as_str) {
                let owner = reference.rsplit('/').next().unwrap_or_default();
                let Some(schema) = self.root.get("$defs").and_then(|defs| defs.get(owner)) else {
                    return place;
                };
                place = Place { schema, owner, ..place };
            } else if let Some(parts) = place.schema.get("anyOf").and_then(Value::as_array) {
                let wanted = |part: &&Value| {
                    (part.get("type").and_then(Value::as_str) == Some("null")) == value.is_null()
                };
                // Of several, such as an id or the whole, the one that it looks like.
                let alike = |part: &&Value| {
                    let kind = part.get("type").and_then(Value::as_str).unwrap_or("object");
                    wanted(part) && (kind == "object") == value.is_object()
                };
                let found = parts.iter().find(alike).or_else(|| parts.iter().find(wanted));
                let Some(schema) = found else { return place };
                place = Place { schema, ..place };
            } else {
                return place;
            }
        }
    }

    /// An object whose `kind` says which of the branches it is.
    fn tagged(&mut self, place: Place<'s>, branches: &'s [Value], value: &Value) {
        let kinds: Vec<&str> = branches.iter().filter_map(kind_of).collect();
        let Some(map) = value.as_object() else {
            self.fault(
                format!("`{}` is {}.", place.name, describe(value)),
                format!("Give an object with a `kind`: {}.", listing(&kinds)),
            );
            return;
        };
        let kind = map.get("kind");
        let branch = branches
            .iter()
            .find(|branch| kind.is_some() && kind_of(branch) == kind.and_then(Value::as_str));
        match (branch, kind) {
            (Some(schema), _) => self.object(Place { schema, ..place }, map),
            (None, None) => self.below("kind", |walk| {
                walk.fault("`kind` is missing.", format!("Give one of {}.", listing(&kinds)));
            }),
            (None, Some(given)) => {
                self.below("kind", |walk| walk.unknown_word("kind", given, &kinds));
            }
        }
    }

    fn has_type(&mut self, place: Place<'s>, value: &Value) -> bool {
        let words = words_of(place.schema);
        if let Some(words) = words.filter(|_| !value.is_string()) {
            self.unknown_word(place.name, value, &words);
            return false;
        }
        let allowed: Vec<&str> = match place.schema.get("type") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
            _ => return true,
        };
        let fits = allowed.iter().any(|allowed| match *allowed {
            "null" => value.is_null(),
            "boolean" => value.is_boolean(),
            "string" => value.is_string(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            "number" => value.is_number(),
            "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
            _ => false,
        });
        if !fits {
            self.fault(
                format!("`{}` is {}.", place.name, describe(value)),
                format!("Give {}.", expected(place.schema)),
            );
        }
        fits
    }

    fn text(&mut self, place: Place<'s>, text: &str) {
        let schema = place.schema;
        if let Some(words) = words_of(schema) {
            if !words.contains(&text) {
                self.unknown_word(place.name, &Value::String(text.to_owned()), &words);
            }
            return;
        }
        if text.is_empty()
            && (limit(schema, "minLength").is_some() || schema.get("pattern").is_some())
        {
            self.fault(
                format!("`{}` is empty.", place.name),
                format!("Give {}.", expected(schema)),
            );
            return;
        }
        if let Some(most) = limit(schema, "maxLength").filter(|most| text.len() > *most) {
            self.fault(
                format!("`{}` has {} bytes.", place.name, text.len()),
                format!("Give at most {most} bytes of text."),
            );
            return;
        }
        match schema.get("pattern").and_then(Value::as_str) {
            Some(schema::NOT_BLANK) if text.chars().all(char::is_whitespace) => {
                self.fault(
                    format!("`{}` is blank.", place.name),
                    format!("Give {}.", expected(schema)),
                );
            }
            Some(schema::ID) if !schema::is_id(text) => self.fault(
                format!(
                    "`{}` is {}, which is no id.",
                    place.name,
                    describe(&Value::String(text.to_owned()))
                ),
                format!("Give {}.", expected(schema)),
            ),
            _ => {}
        }
        if schema.get("format").and_then(Value::as_str) == Some("date-time")
            && moment(text).is_none()
        {
            self.fault(
                format!("`{}` is \"{}\", which is no moment in time.", place.name, clip(text)),
                format!("Give {}.", expected(schema)),
            );
        }
    }

    fn number(&mut self, place: Place<'s>, number: f64) {
        let bound = |name| place.schema.get(name).and_then(Value::as_f64);
        if bound("minimum").is_some_and(|least| number < least)
            || bound("maximum").is_some_and(|most| number > most)
        {
            self.fault(
                format!("`{}` is {number}.", place.name),
                format!("Give {}.", expected(place.schema)),
            );
        }
    }

    fn list(&mut self, place: Place<'s>, list: &[Value]) {
        if let Some(least) = limit(place.schema, "minItems").filter(|least| list.len() < *least) {
            self.fault(
                format!("`{}` has {} items.", place.name, list.len()),
                format!("Give at least {least}."),
            );
        }
        let Some(schema) = place.schema.get("items") else { return };
        for (index, item) in list.iter().enumerate() {
            self.below(&index.to_string(), |walk| walk.value(Place { schema, ..place }, item));
        }
    }

    fn object(&mut self, place: Place<'s>, map: &Map<String, Value>) {
        let Some(known) = place.schema.get("properties").and_then(Value::as_object) else { return };
        for required in place.schema.get("required").and_then(Value::as_array).into_iter().flatten()
        {
            if let Some(name) = required.as_str().filter(|name| !map.contains_key(*name)) {
                let wanted = known.get(name).map(|schema| self.expected_at(schema));
                self.below(name, |walk| {
                    walk.fault(
                        format!("`{name}` is missing."),
                        format!("Give {}.", wanted.unwrap_or_default()),
                    );
                });
            }
        }
        let closed = place.schema.get("additionalProperties") == Some(&Value::Bool(false));
        for (name, value) in map {
            if let Some((name, schema)) = known.get_key_value(name) {
                self.below(name, |walk| {
                    walk.value(Place { schema, name, owner: place.owner }, value);
                });
            } else if closed && self.faults.is_full() {
                self.faults.count();
            } else if closed {
                let hint = self.unknown_field(place, known, map, name);
                self.below(name, |walk| {
                    walk.fault(format!("There is no field `{}` here.", clip(name)), hint);
                });
            }
        }
    }

    fn unknown_field(
        &self,
        place: Place<'s>,
        known: &'s Map<String, Value>,
        given: &Map<String, Value>,
        name: &str,
    ) -> String {
        if place.owner == "Action" && name == "source" {
            return "Leave it out: the desk itself notes where an action was seen.".to_owned();
        }
        // A name that is missing was meant more likely than one that is there.
        let free = known.keys().map(String::as_str).filter(|known| !given.contains_key(*known));
        if let Some(meant) = nearest(name, free) {
            return format!("Did you mean `{meant}`?");
        }
        if let Some(holder) = self.holder(name) {
            return format!("It belongs in `{holder}`.");
        }
        let names: Vec<&str> = known.keys().map(String::as_str).collect();
        let choice = choose(name, &names);
        if self.root.pointer("/properties/meta").is_none() {
            return choice;
        }
        format!("{choice} What is only yours may go in `meta`.")
    }

    /// The field of the payload whose object has a field of this name.
    fn holder(&self, name: &str) -> Option<&'s str> {
        let fields = self.root.get("properties")?.as_object()?;
        fields.iter().map(|(field, schema)| (field.as_str(), schema)).find_map(|(field, schema)| {
            let place = self.resolve(Place { schema, name: field, owner: "" }, &Value::Bool(true));
            place.schema.get("properties")?.get(name).map(|_| field)
        })
    }

    fn expected_at(&self, schema: &'s Value) -> String {
        let place = Place { schema, name: "", owner: "" };
        expected(self.resolve(place, &Value::Bool(true)).schema)
    }

    fn unknown_word(&mut self, name: &str, given: &Value, words: &[&str]) {
        let hint = match (given.as_str(), words) {
            // Neither is one word a choice, nor do its quotes go without saying.
            (_, [only]) => format!("Write `\"{name}\": \"{only}\"`, with the quotes."),
            (Some(text), _) => choose(text, words),
            (None, _) => format!("Give one of {}.", listing(words)),
        };
        self.fault(format!("`{name}` is {}.", describe(given)), hint);
    }

    fn below(&mut self, segment: &str, look: impl FnOnce(&mut Self)) {
        let length = self.pointer.len();
        push_segment(&mut self.pointer, segment);
        look(self);
        self.pointer.truncate(length);
    }

    fn fault(&mut self, message: impl Into<String>, hint: impl Into<String>) {
        self.faults.add(self.pointer.clone(), message, hint);
    }
}

/// The moment an RFC 3339 text names.
pub(super) fn moment(text: &str) -> Option<DateTime<chrono::FixedOffset>> {
    // RFC 3339 lets applications use a space; JSON Schema's format does not.
    let strict = text.as_bytes().get(10).is_some_and(|sign| matches!(sign, b'T' | b't'));
    DateTime::parse_from_rfc3339(text).ok().filter(|_| strict)
}

fn kind_of(branch: &Value) -> Option<&str> {
    branch.pointer("/properties/kind/const")?.as_str()
}

fn words_of(schema: &Value) -> Option<Vec<&str>> {
    if let Some(words) = schema.get("enum") {
        return Some(words.as_array()?.iter().filter_map(Value::as_str).collect());
    }
    if let Some(word) = schema.get("const") {
        return Some(vec![word.as_str()?]);
    }
    // Words with a description each are generated as branches.
    schema.get("oneOf")?.as_array()?.iter().map(|branch| branch.get("const")?.as_str()).collect()
}

fn limit(schema: &Value, name: &str) -> Option<usize> {
    schema.get(name)?.as_u64().and_then(|limit| usize::try_from(limit).ok())
}

/// What a place takes, in words that follow "Give".
fn expected(schema: &Value) -> String {
    if let Some(words) = words_of(schema) {
        return format!("one of {}", listing(&words)).replace("one of `1`", "`\"1\"`");
    }
    if let Some(branches) = schema.get("oneOf").and_then(Value::as_array) {
        let kinds: Vec<&str> = branches.iter().filter_map(kind_of).collect();
        return format!("an object with a `kind`: {}", listing(&kinds));
    }
    if schema.get("format").and_then(Value::as_str) == Some("date-time") {
        return "a moment as RFC 3339 writes it, such as `2026-11-20T09:14:02Z`".to_owned();
    }
    let kind = match schema.get("type") {
        Some(Value::String(one)) => one.as_str(),
        Some(Value::Array(several)) => several.first().and_then(Value::as_str).unwrap_or_default(),
        _ => "",
    };
    match kind {
        "boolean" => "`true` or `false`".to_owned(),
        "string" if schema.get("pattern").and_then(Value::as_str) == Some(schema::ID) => {
            "1 to 200 letters, digits and signs of `. _ : / -`".to_owned()
        }
        "string" => match limit(schema, "maxLength") {
            Some(most) => format!("a text of at most {most} bytes"),
            None => "a text".to_owned(),
        },
        "integer" | "number" => {
            let noun = if kind == "integer" { "a whole number" } else { "a number" };
            match (schema.get("minimum"), schema.get("maximum")) {
                (Some(least), Some(most)) => format!("{noun} from {least} to {most}"),
                (Some(least), None) => format!("{noun} of at least {least}"),
                (None, Some(most)) => format!("{noun} of at most {most}"),
                (None, None) => noun.to_owned(),
            }
        }
        "array" => "a list, in square brackets".to_owned(),
        "object" => match schema.get("required").and_then(Value::as_array) {
            Some(names) if !names.is_empty() => {
                let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
                format!("an object with {}", listing(&names))
            }
            _ => "an object".to_owned(),
        },
        _ => "a JSON value".to_owned(),
    }
}
