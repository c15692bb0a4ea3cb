//! The schema of a tool's arguments in the one dialect that the desk reads.
//!
//! Servers write what their libraries write: mostly draft 7, which says nearly
//! the same in nearly the same words. What cannot be said again is left out; a
//! schema only says more of a call, and never permits it.

use serde_json::{Map, Value};

/// The dialect in which lists of schemas are called `prefixItems`.
const OURS: &str = "2020-12";

/// Dialects that differ from it only in what is mended here.
const NEAR: [&str; 3] = ["draft-07", "draft-06", "2019-09"];

/// The schema in the desk's dialect; none where it is written in one that
/// means other things.
pub fn in_our_dialect(schema: &Value) -> Option<Value> {
    let Value::Object(fields) = schema else { return Some(schema.clone()) };
    match fields.get("$schema") {
        None => Some(schema.clone()),
        Some(Value::String(dialect)) if dialect.contains(OURS) => Some(schema.clone()),
        Some(Value::String(dialect)) if NEAR.iter().any(|near| dialect.contains(near)) => {
            let mut mended = mend(schema);
            if let Value::Object(fields) = &mut mended {
                fields.remove("$schema");
            }
            Some(mended)
        }
        Some(_) => None,
    }
}

/// What is under these names is schemas by name, and no keyword.
const NAMED: [&str; 4] = ["properties", "patternProperties", "definitions", "$defs"];

/// What is under these is no schema at all.
const PLAIN: [&str; 4] = ["enum", "const", "default", "examples"];

fn mend(schema: &Value) -> Value {
    match schema {
        Value::Object(fields) => {
            let tuple = fields.get("items").is_some_and(Value::is_array);
            let mended: Map<String, Value> = fields
                .iter()
                .filter(|(name, _)| tuple || name.as_str() != "additionalItems")
                .map(|(name, value)| {
                    let value = match name.as_str() {
                        named if NAMED.contains(&named) => each(value),
                        plain if PLAIN.contains(&plain) => value.clone(),
                        _ => mend(value),
                    };
                    let name = match name.as_str() {
                        "items" if tuple => "prefixItems",
                        "additionalItems" => "items",
                        other => other,
                    };
                    (name.to_owned(), value)
                })
                .collect();
            Value::Object(mended)
        }
        Value::Array(items) => items.iter().map(mend).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => schema.clone(),
    }
}

fn each(named: &Value) -> Value {
    named.as_object().map_or_else(
        || named.clone(),
        |schemas| schemas.iter().map(|(name, schema)| (name.clone(), mend(schema))).collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn near_dialects_are_said_again_and_others_left_out() {
        let said = |dialect: &str| {
            in_our_dialect(&json!({ "$schema": dialect, "type": "object", "properties": {
                "items": { "type": "array", "items": [{ "type": "string" }],
                    "additionalItems": false },
                "list": { "items": { "type": "string" }, "additionalItems": true,
                    "default": { "additionalItems": 1 } },
            } }))
        };
        let mended = json!({ "type": "object", "properties": {
            "items": { "type": "array", "prefixItems": [{ "type": "string" }], "items": false },
            "list": { "items": { "type": "string" }, "default": { "additionalItems": 1 } },
        } });
        assert_eq!(said("http://json-schema.org/draft-07/schema#"), Some(mended));
        assert_eq!(said("http://json-schema.org/draft-04/schema#"), None);
        let ours = json!({ "$schema": "https://json-schema.org/draft/2020-12/schema" });
        assert_eq!(in_our_dialect(&ours), Some(ours.clone()));
        assert_eq!(in_our_dialect(&json!({ "type": "object" })), Some(json!({ "type": "object" })));
    }
}
