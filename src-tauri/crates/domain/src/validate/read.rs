//! From text to JSON, with the faults a common JSON reader passes over:
//! doubled keys, numbers that lose digits, nesting without end.
//!
//! It knows nothing about handoffs.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::{Map, Number, Value};

use super::{Faults, MAX_DEPTH, push_segment};

/// The largest integer every JSON reader carries exactly.
pub const EXACT: u64 = 1 << 53;
const EXACT_FLOAT: f64 = 9_007_199_254_740_992.0;

/// Reads JSON; `None` if the text is none.
pub(super) fn json(text: &str, faults: &mut Faults) -> Option<Value> {
    let mut reader = Reader { path: String::new(), depth: 0, huge: Vec::new(), faults };
    let mut source = serde_json::Deserializer::from_str(text);
    let read = Node(&mut reader).deserialize(&mut source);
    let huge = std::mem::take(&mut reader.huge);
    match read.and_then(|value| source.end().map(|()| value)) {
        Ok(value) => {
            refuse_huge_integers(text, huge, faults);
            Some(value)
        }
        Err(error) => {
            // What was found before the break stays reported.
            let (message, hint) = explain(text, &error);
            faults.add("", message, hint);
            None
        }
    }
}

struct Reader<'f> {
    path: String,
    depth: usize,
    /// Where numbers too large for an integer type were read, in their order.
    huge: Vec<String>,
    faults: &'f mut Faults,
}

impl Reader<'_> {
    fn refuse_integer(&mut self, shown: impl fmt::Display) {
        refuse_integer(self.faults, self.path.clone(), shown);
    }

    fn too_deep(&mut self) {
        self.faults.add(
            self.path.clone(),
            format!("Lists and objects are nested more than {MAX_DEPTH} deep here."),
            "Flatten the value, or hand it over as text.",
        );
    }
}

struct Node<'r, 'f>(&'r mut Reader<'f>);

impl<'de> DeserializeSeed<'de> for Node<'_, '_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Value, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_, '_> {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        if number > EXACT {
            self.0.refuse_integer(number);
        }
        Ok(Value::Number(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        if number.unsigned_abs() > EXACT {
            self.0.refuse_integer(number);
        }
        Ok(Value::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        if number.abs() > EXACT_FLOAT {
            self.0.huge.push(self.0.path.clone());
        }
        Ok(Number::from_f64(number).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut source: A) -> Result<Value, A::Error> {
        let reader = self.0;
        let mut list = Vec::new();
        if reader.depth == MAX_DEPTH {
            reader.too_deep();
            while source.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(Value::Array(list));
        }
        reader.depth += 1;
        let length = reader.path.len();
        loop {
            push_segment(&mut reader.path, &list.len().to_string());
            let item = source.next_element_seed(Node(reader))?;
            reader.path.truncate(length);
            let Some(item) = item else { break };
            list.push(item);
        }
        reader.depth -= 1;
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut source: A) -> Result<Value, A::Error> {
        let reader = self.0;
        let mut map = Map::new();
        if reader.depth == MAX_DEPTH {
            reader.too_deep();
            while source.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(Value::Object(map));
        }
        reader.depth += 1;
        let length = reader.path.len();
        while let Some(key) = source.next_key::<String>()? {
            push_segment(&mut reader.path, &key);
            if map.contains_key(&key) {
                reader.faults.add(
                    reader.path.clone(),
                    format!("The key `{}` is given twice.", super::names::clip(&key)),
                    "Give each key once; readers disagree about which one counts.",
                );
            }
            let item = source.next_value_seed(Node(reader))?;
            reader.path.truncate(length);
            map.insert(key, item);
        }
        reader.depth -= 1;
        Ok(Value::Object(map))
    }
}

fn refuse_integer(faults: &mut Faults, pointer: String, shown: impl fmt::Display) {
    faults.add(
        pointer,
        format!("The integer {shown} is beyond ±2^53, where common readers lose digits."),
        "Hand it over as text, in quotes.",
    );
}

/// Refuses those of the huge numbers that are written as integers: 1e300 is a
/// measured value, thirty digits are an id.
fn refuse_huge_integers(text: &str, huge: Vec<String>, faults: &mut Faults) {
    if huge.is_empty() {
        return;
    }
    let literals = huge_literals(text);
    // They differ only where too deep a value was skipped: then better safe.
    let aligned = literals.len() == huge.len();
    for (index, pointer) in huge.into_iter().enumerate() {
        let literal = literals.get(index).copied().filter(|_| aligned);
        if literal.is_none_or(is_integer) {
            let shown = literal.map_or_else(|| "here".to_owned(), super::names::clip);
            refuse_integer(faults, pointer, shown);
        }
    }
}

fn is_integer(literal: &str) -> bool {
    !literal.contains(['.', 'e', 'E'])
}

/// The numbers of a JSON text that are beyond 2^53 and no 64-bit integer.
fn huge_literals(text: &str) -> Vec<&str> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                at += 1;
                while at < bytes.len() && bytes[at] != b'"' {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                at += 1;
            }
            b'-' | b'0'..=b'9' => {
                let start = at;
                while at < bytes.len()
                    && matches!(bytes[at], b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')
                {
                    at += 1;
                }
                let literal = &text[start..at];
                let fits = is_integer(literal)
                    && (literal.parse::<u64>().is_ok() || literal.parse::<i64>().is_ok());
                if !fits && literal.parse::<f64>().is_ok_and(|number| number.abs() > EXACT_FLOAT) {
                    found.push(literal);
                }
            }
            _ => at += 1,
        }
    }
    found
}

fn explain(text: &str, error: &serde_json::Error) -> (String, &'static str) {
    if text.trim().is_empty() {
        return (
            "The text is empty.".to_owned(),
            "Give one JSON object, as `handoff schema` says.",
        );
    }
    let place = format!("line {}, column {}", error.line(), error.column());
    let full = error.to_string();
    let what = full.split(" at line ").next().unwrap_or(&full);
    let hint = if text.starts_with('\u{feff}') {
        "Save the text without a byte order mark."
    } else if what.starts_with("trailing characters") {
        "Give one JSON object and nothing after it."
    } else if what.starts_with("number out of range") {
        "Hand the number over as text, in quotes."
    } else if error.classify() == Category::Eof {
        "The text ends too early: close every quote, list and object."
    } else {
        "Write the payload with a JSON library rather than by hand."
    };
    (format!("This is not JSON: {what} ({place})."), hint)
}
