//! The JSON Schemas of what crosses the boundary, generated from the types.
//!
//! One description, two uses: agents get [`schema`], the validator walks
//! [`shape`]. What depends on more than one field is added to the published
//! schema by hand, as far as JSON Schema can say it.

use std::sync::LazyLock;

pub use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use crate::action::Action;
use crate::decision::Decision;
use crate::lifecycle::Report;
use crate::payload::Payload;

/// The names [`schema`] knows.
pub const SCHEMAS: [&str; 4] = ["handoff", "action", "decision", "report"];

/// The pattern of ids.
pub(crate) const ID: &str = r"^[A-Za-z0-9._:/-]{1,200}$";

/// The pattern of texts that must say something.
pub(crate) const NOT_BLANK: &str = r"\S";

/// The JSON Schema (2020-12) of this name.
pub fn schema(name: &str) -> Option<Value> {
    let (body, title) = match name {
        "handoff" => (with_conditions(of::<Payload>()), "Handoff"),
        "action" => (of::<Action>(), "Action"),
        "decision" => (of::<Decision>(), "Decision"),
        "report" => (of::<Report>(), "Report"),
        _ => return None,
    };
    Some(named(body, name, title))
}

/// The files under `schema/` at the top of the repository: name and content.
pub fn files() -> Vec<(String, String)> {
    SCHEMAS
        .iter()
        .filter_map(|name| {
            let body = serde_json::to_string_pretty(&schema(name)?).ok()?;
            Some((format!("schema/{name}.json"), body + "\n"))
        })
        .collect()
}

/// Whether a text is an id.
pub(crate) fn is_id(text: &str) -> bool {
    (1..=200).contains(&text.len())
        && text.bytes().all(|sign| sign.is_ascii_alphanumeric() || b"._:/-".contains(&sign))
}

/// The schema of the payload as the types have it, without what depends on
/// more than one field.
pub(crate) fn shape() -> &'static Value {
    static SHAPE: LazyLock<Value> = LazyLock::new(of::<Payload>);
    &SHAPE
}

/// The JSON Schema of a type, as it is.
pub(crate) fn of<T: JsonSchema>() -> Value {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>().to_value()
}

fn named(mut body: Value, name: &str, title: &str) -> Value {
    if let Some(map) = body.as_object_mut() {
        map.insert("$id".to_owned(), json!(format!("urn:handoff-desk:schema:{name}:1")));
        map.insert("title".to_owned(), json!(title));
    }
    body
}

fn with_conditions(mut body: Value) -> Value {
    let given = |name: &str| json!({ "required": [name], "properties": { name: { "not": { "type": "null" } } } });
    extend(
        &mut body,
        "",
        &json!({
            "if": {
                "required": ["allowed_decisions"],
                "properties": { "allowed_decisions": {
                    "type": "array",
                    "not": { "contains": { "enum": ["approve", "modify"] } }
                } }
            },
            "else": { "required": ["options"], "properties": { "options": { "minItems": 1 } } }
        }),
    );
    extend(&mut body, "/properties/allowed_decisions", &json!({ "uniqueItems": true }));
    extend(
        &mut body,
        "/$defs/Deadline",
        &json!({ "oneOf": [given("respond_by"), given("respond_within_s")] }),
    );
    extend(
        &mut body,
        "/$defs/OnTimeout",
        &json!({
            "if": { "required": ["kind"], "properties": { "kind": { "const": "safe_default" } } },
            "then": given("option"),
            "else": { "properties": { "option": { "type": "null" } } }
        }),
    );
    body
}

fn extend(body: &mut Value, pointer: &str, more: &Value) {
    let Some(place) = body.pointer_mut(pointer).and_then(Value::as_object_mut) else { return };
    for (key, value) in more.as_object().into_iter().flatten() {
        place.insert(key.clone(), value.clone());
    }
}
