//! Web requests, by their method.

use serde_json::{Map, Value};

use super::part::Part;

pub(super) const TOOLS: [&str; 7] =
    ["http", "fetch", "http_request", "http_fetch", "make_http_request", "request", "web_request"];

/// What may be told about a request besides its method and address.
const ASIDE: [&str; 16] = [
    "headers",
    "timeout",
    "timeout_ms",
    "follow_redirects",
    "redirect",
    "params",
    "query",
    "max_length",
    "start_index",
    "raw",
    "format",
    "accept",
    "user_agent",
    "prompt",
    "verify",
    "max_redirects",
];

const BODIES: [&str; 8] =
    ["body", "data", "json", "form", "files", "payload", "content", "multipart"];

/// Whether this is an address of the web.
pub(super) fn is_web(url: &str) -> bool {
    let lower = url.trim().to_ascii_lowercase();
    lower.starts_with("https://") || lower.starts_with("http://")
}

/// What a request does.
pub(super) fn judged(args: &Map<String, Value>) -> Part {
    let Some(Value::String(url)) = args.get("url") else {
        return Part::unknown("names no address");
    };
    if !is_web(url) {
        return Part::unknown("names an address that is not of the web");
    }
    let method = match args.get("method") {
        // Not every program of such a name means GET; one that does can be accepted so.
        None | Some(Value::Null) => {
            return Part::unknown("does not say by which method it sends its request");
        }
        Some(Value::String(method)) if method.trim().is_empty() => {
            return Part::unknown("does not say by which method it sends its request");
        }
        Some(Value::String(method)) => method.trim().to_ascii_uppercase(),
        Some(_) => return Part::unknown("has a method that is not read"),
    };
    if !matches!(method.as_str(), "GET" | "HEAD" | "OPTIONS") {
        return Part::irreversible(format!("sends a {method} request, which the other side keeps"));
    }
    for (name, value) in args {
        let known = matches!(name.as_str(), "url" | "method") || ASIDE.contains(&name.as_str());
        let empty_body = BODIES.contains(&name.as_str()) && empty(value);
        if !known && !empty_body {
            return Part::unknown(format!("has `{name}`, which is not read"));
        }
    }
    // `X-HTTP-Method-Override` has the other side take it for another method.
    let overridden = args
        .get("headers")
        .is_some_and(|headers| headers.to_string().to_ascii_lowercase().contains("method"));
    if overridden { Part::unknown("asks for another method in its headers") } else { Part::reads() }
}

fn empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}
