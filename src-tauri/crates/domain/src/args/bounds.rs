//! How much a schema may ask for: its size before it is compiled, the work of
//! a check before it is done.
//!
//! References make a few lines of schema into any amount of work, so the check
//! is walked through first, without checking anything, and given up when it
//! takes too long.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{MAX_PATTERNS, MAX_REFERENCES, MAX_SCHEMA_NODES, MAX_VISITS};
use crate::validate::{Fault, push_segment};

/// Deepest nesting of schemas at work within each other.
const MAX_NESTING: usize = 1000;

/// Refuses what is no self-contained schema of 2020-12, or too large.
pub(super) fn check_schema(schema: &Value) -> Result<(), Fault> {
    let mut survey = Survey::default();
    survey.schema(schema, &mut String::new(), true)
}

/// Refuses a check that would take longer than what is left, and takes its part
/// of that.
pub(super) fn check_work(schema: &Value, args: &Value, left: &mut usize) -> Result<(), Fault> {
    let mut anchors = Survey::default();
    anchors.schema(schema, &mut String::new(), true)?;
    let mut work =
        Work { root: schema, anchors: anchors.anchors, visits: 0, most: MAX_VISITS.min(*left) };
    let outcome = work.visit(schema, args, At { depth: 0, times: 1 });
    *left = left.saturating_sub(work.visits);
    match outcome {
        Ok(()) => Ok(()),
        Err(Endless) => Err(fault(
            "",
            "Checking the arguments against their schema would take too long.",
            "Use a simpler schema: fewer references that lead to each other, smaller arguments.",
        )),
    }
}

#[derive(Default)]
struct Survey<'s> {
    nodes: usize,
    patterns: usize,
    references: usize,
    anchors: HashMap<&'s str, &'s Value>,
}

impl<'s> Survey<'s> {
    fn schema(&mut self, schema: &'s Value, pointer: &mut String, top: bool) -> Result<(), Fault> {
        self.nodes += 1;
        let Some(map) = schema.as_object() else {
            return Ok(());
        };
        for (keyword, value) in map {
            let length = pointer.len();
            push_segment(pointer, keyword);
            self.keyword(keyword, value, schema, pointer, top)?;
            pointer.truncate(length);
        }
        Ok(())
    }

    fn keyword(
        &mut self,
        keyword: &str,
        value: &'s Value,
        schema: &'s Value,
        pointer: &mut String,
        top: bool,
    ) -> Result<(), Fault> {
        match (keyword, value) {
            ("$ref" | "$dynamicRef", Value::String(to)) => {
                if !to.starts_with('#') {
                    return Err(fault(
                        pointer,
                        format!("`{keyword}` leads out of the schema."),
                        "Refer only to parts of this schema, such as `#/$defs/NAME`.",
                    ));
                }
                self.references += 1;
            }
            ("$schema", Value::String(uri))
                if !uri.trim_end_matches('#').ends_with("draft/2020-12/schema") =>
            {
                return Err(fault(
                    pointer,
                    "The schema is written for another version of JSON Schema.",
                    "Write it for 2020-12, or leave `$schema` out.",
                ));
            }
            ("$id", Value::String(_)) if !top => {
                return Err(fault(
                    pointer,
                    "A part of the schema has an `$id` of its own.",
                    "Leave it out, and refer to parts by `#/$defs/NAME`.",
                ));
            }
            ("$anchor" | "$dynamicAnchor", Value::String(name)) => {
                self.anchors.insert(name, schema);
            }
            ("pattern", _) => self.patterns += 1,
            ("enum", Value::Array(words)) => self.nodes += words.len(),
            (
                "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas",
                Value::Object(parts),
            ) => {
                if keyword == "patternProperties" {
                    self.patterns += parts.len();
                }
                for (name, part) in parts {
                    let length = pointer.len();
                    push_segment(pointer, name);
                    self.schema(part, pointer, false)?;
                    pointer.truncate(length);
                }
            }
            ("allOf" | "anyOf" | "oneOf" | "prefixItems" | "items", Value::Array(parts)) => {
                for (place, part) in parts.iter().enumerate() {
                    let length = pointer.len();
                    push_segment(pointer, &place.to_string());
                    self.schema(part, pointer, false)?;
                    pointer.truncate(length);
                }
            }
            (name, part) if IN_PLACE.contains(&name) || BELOW.contains(&name) => {
                self.schema(part, pointer, false)?;
            }
            _ => {}
        }
        self.limits()
    }

    fn limits(&self) -> Result<(), Fault> {
        for (count, most, noun) in [
            (self.nodes, MAX_SCHEMA_NODES, "parts"),
            (self.patterns, MAX_PATTERNS, "patterns"),
            (self.references, MAX_REFERENCES, "references"),
        ] {
            if count > most {
                return Err(fault(
                    "",
                    format!("The schema has more than {most} {noun}."),
                    "Use a smaller schema.",
                ));
            }
        }
        Ok(())
    }
}

/// Keywords whose schema looks at the same value.
const IN_PLACE: [&str; 4] = ["not", "if", "then", "else"];

/// Keywords whose schema looks at the values below.
const BELOW: [&str; 7] = [
    "additionalProperties",
    "contains",
    "contentSchema",
    "items",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// To know what no other keyword looked at, the validator looks at all of it
/// again, up to so many times, at every level that asks.
const ASKED_AGAIN: usize = 4;

/// How deep a visit is, and how often the validator makes it.
#[derive(Clone, Copy)]
struct At {
    depth: usize,
    times: usize,
}

/// The walk takes too long or goes too deep.
struct Endless;

struct Work<'s> {
    root: &'s Value,
    anchors: HashMap<&'s str, &'s Value>,
    visits: usize,
    most: usize,
}

impl<'s> Work<'s> {
    fn visit(&mut self, schema: &'s Value, value: &Value, at: At) -> Result<(), Endless> {
        self.count(1, at)?;
        if at.depth > MAX_NESTING {
            return Err(Endless);
        }
        let Some(map) = schema.as_object() else { return Ok(()) };
        self.count(map.get("enum").and_then(Value::as_array).map_or(0, Vec::len), at)?;
        let asks_again =
            map.contains_key("unevaluatedProperties") || map.contains_key("unevaluatedItems");
        let at = At {
            depth: at.depth + 1,
            times: if asks_again { at.times.saturating_mul(ASKED_AGAIN) } else { at.times },
        };
        for name in ["$ref", "$dynamicRef"] {
            if let Some(part) = map.get(name).and_then(Value::as_str).and_then(|to| self.target(to))
            {
                self.visit(part, value, at)?;
            }
        }
        for name in ["allOf", "anyOf", "oneOf"] {
            for part in map.get(name).and_then(Value::as_array).into_iter().flatten() {
                self.visit(part, value, at)?;
            }
        }
        for part in
            IN_PLACE.iter().filter_map(|name| map.get(*name)).chain(parts(map, "dependentSchemas"))
        {
            self.visit(part, value, at)?;
        }
        match value {
            Value::String(text) => self.count(text.len() / 64, at),
            Value::Array(list) => self.list(map, list, at),
            Value::Object(members) => self.object(map, members, at),
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
        }
    }

    fn list(&mut self, map: &'s Map<String, Value>, list: &[Value], at: At) -> Result<(), Endless> {
        self.count(list.len(), at)?;
        let prefix = map.get("prefixItems").and_then(Value::as_array).into_iter().flatten();
        for (part, item) in prefix.zip(list) {
            self.visit(part, item, at)?;
        }
        for name in ["items", "contains", "unevaluatedItems"] {
            if let Some(part) = map.get(name) {
                for item in list {
                    self.visit(part, item, at)?;
                }
            }
        }
        Ok(())
    }

    fn object(
        &mut self,
        map: &'s Map<String, Value>,
        members: &Map<String, Value>,
        at: At,
    ) -> Result<(), Endless> {
        self.count(members.len(), at)?;
        if let Some(known) = map.get("properties").and_then(Value::as_object) {
            for (name, part) in known {
                if let Some(member) = members.get(name) {
                    self.visit(part, member, at)?;
                }
            }
        }
        let all = ["additionalProperties", "unevaluatedProperties", "propertyNames"];
        for part in
            all.iter().filter_map(|name| map.get(*name)).chain(parts(map, "patternProperties"))
        {
            for (name, member) in members {
                self.count(1 + name.len() / 64, at)?;
                self.visit(part, member, at)?;
            }
        }
        Ok(())
    }

    fn target(&self, to: &str) -> Option<&'s Value> {
        let name = to.strip_prefix('#')?;
        if name.is_empty() || name.starts_with('/') {
            return self.root.pointer(name);
        }
        self.anchors.get(name).copied()
    }

    fn count(&mut self, more: usize, at: At) -> Result<(), Endless> {
        self.visits = self.visits.saturating_add(more.saturating_mul(at.times));
        if self.visits > self.most { Err(Endless) } else { Ok(()) }
    }
}

fn parts<'s>(map: &'s Map<String, Value>, name: &str) -> impl Iterator<Item = &'s Value> {
    map.get(name).and_then(Value::as_object).into_iter().flat_map(Map::values)
}

fn fault(pointer: &str, message: impl Into<String>, hint: impl Into<String>) -> Fault {
    Fault { pointer: pointer.to_owned(), message: message.into(), hint: hint.into() }
}
