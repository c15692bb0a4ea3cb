//! The schema of an answer: its parts by reference, and the emptiest value that
//! has its form.

use serde_json::{Map, Value, json};

use super::dialect::Malformed;

/// How deep a schema may lead.
const DEPTH: u32 = 20;

/// A schema with its own reference followed, one step.
pub fn resolved<'s>(
    schema: &'s Value,
    root: &'s Value,
) -> Result<&'s Map<String, Value>, Malformed> {
    let object = schema.as_object().ok_or_else(no_schema)?;
    let Some(target) = object.get("$ref").and_then(Value::as_str) else { return Ok(object) };
    let pointer = target.strip_prefix('#').unwrap_or(target);
    let found = if pointer.starts_with('/') { root.pointer(pointer) } else { None };
    match found.and_then(Value::as_object) {
        Some(found) if !std::ptr::eq(found, object) => Ok(found),
        Some(_) | None => Err(Malformed(format!(
            "its `response_schema` has a reference that leads nowhere: {target}"
        ))),
    }
}

pub fn no_schema() -> Malformed {
    Malformed("its `response_schema` is no JSON Schema".to_owned())
}

/// The emptiest value that has the form; the reviewer fills it in.
pub fn blank(schema: &Value, root: &Value) -> Result<Value, Malformed> {
    blank_at(schema, root, 0)
}

fn blank_at(schema: &Value, root: &Value, depth: u32) -> Result<Value, Malformed> {
    if depth > DEPTH {
        return Err(Malformed("its `response_schema` goes on without an end".to_owned()));
    }
    let found = resolved(schema, root)?;
    if let Some(value) = found.get("default").or_else(|| found.get("const")) {
        return Ok(value.clone());
    }
    let first = |word: &str| found.get(word).and_then(Value::as_array).and_then(|all| all.first());
    if let Some(value) = first("enum") {
        return Ok(value.clone());
    }
    if let Some(one) = first("anyOf").or_else(|| first("oneOf")).or_else(|| first("allOf")) {
        return blank_at(one, root, depth + 1);
    }
    if found.contains_key("$ref") {
        return blank_at(&Value::Object(found.clone()), root, depth + 1);
    }
    Ok(match found.get("type").and_then(Value::as_str) {
        Some("object") => {
            let anything = json!({});
            let inside = found.get("properties");
            let needed = found.get("required").and_then(Value::as_array);
            let names = needed.into_iter().flatten().filter_map(Value::as_str);
            let parts = names.map(|name| {
                let part = inside.and_then(|inside| inside.get(name)).unwrap_or(&anything);
                Ok((name.to_owned(), blank_at(part, root, depth + 1)?))
            });
            Value::Object(parts.collect::<Result<_, Malformed>>()?)
        }
        Some("string") => json!(""),
        Some("integer" | "number") => json!(0),
        Some("boolean") => json!(false),
        Some("array") => json!([]),
        Some(_) | None => Value::Null,
    })
}
