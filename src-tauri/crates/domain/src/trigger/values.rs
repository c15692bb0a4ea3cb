//! When two values say the same, and when two names name the same.
//!
//! Spelling does not count; meaning is not guessed: `1,250` is read both ways
//! it can be written, and a number of a bill is never taken for a date.

use chrono::{DateTime, FixedOffset};
use serde_json::{Map, Value};

/// The most bytes of one value's text that a trigger looks at.
pub const MAX_LOOKED_AT: usize = 64 * 1024;
/// The most named values of one call that a trigger looks at.
const MAX_NODES: usize = 2000;
/// The deepest nesting that a trigger looks at.
const MAX_DEPTH: usize = 32;

/// A value of a call and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Node<'v> {
    /// The names that lead to it, with dots between: `items.0.price`.
    pub path: String,
    /// The last of them that is no position in a list.
    pub key: &'v str,
    /// How many names lead to it.
    pub depth: usize,
    /// It is an item of a list.
    pub item: bool,
    /// The value.
    pub value: &'v Value,
}

/// Every value below, parents before children.
pub(super) fn nodes(root: &Map<String, Value>) -> Vec<Node<'_>> {
    let mut found = Vec::new();
    for (key, value) in root {
        push(Node { path: key.clone(), key, depth: 1, item: false, value }, &mut found);
    }
    found
}

fn push<'v>(node: Node<'v>, found: &mut Vec<Node<'v>>) {
    if found.len() >= MAX_NODES || node.depth > MAX_DEPTH {
        return;
    }
    let Node { path, key, depth, value, .. } = node.clone();
    found.push(node);
    match value {
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate().take(MAX_NODES) {
                let path = format!("{path}.{index}");
                push(Node { path, key, depth: depth + 1, item: true, value }, found);
            }
        }
        Value::Object(map) => {
            for (key, value) in map.iter().take(MAX_NODES) {
                let path = format!("{path}.{key}");
                push(Node { path, key, depth: depth + 1, item: false, value }, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The start of a text, as far as triggers look.
pub(super) fn head(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

/// A name without its case and word signs: `orderTotal` is `order_total`.
pub(crate) fn plain(name: &str) -> String {
    plain_signs(name).collect()
}

/// The signs of such a name.
pub(super) fn plain_signs(name: &str) -> impl Iterator<Item = char> {
    name.chars().filter(|sign| sign.is_alphanumeric()).flat_map(char::to_lowercase)
}

/// Whether two values are the same JSON, with numbers compared as numbers.
pub(crate) fn same_json(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(_), Value::Number(_)) => one == other || same(one, other),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| same_json(a, b))
        }
        (Value::Object(one), Value::Object(other)) => same_args(one, other),
        _ => one == other,
    }
}

/// The same for arguments.
pub(super) fn same_args(one: &Map<String, Value>, other: &Map<String, Value>) -> bool {
    one.len() == other.len()
        && one.iter().all(|(name, value)| other.get(name).is_some_and(|b| same_json(value, b)))
}

/// Whether two values say the same: `100.0` is `100`, ` Paid` is `paid`, and
/// `$1,250.00` is `1250`. Case counts in paths and in ids with digits.
pub(super) fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| same(a, b))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| other.get(name).is_some_and(|b| same(value, b)))
        }
        (Value::Array(_) | Value::Object(_), _) | (_, Value::Array(_) | Value::Object(_)) => false,
        (Value::String(one), Value::String(other)) => same_text(one, other),
        (Value::String(text), scalar) | (scalar, Value::String(text)) => {
            !scalar.is_null()
                && (same_text(text, &scalar.to_string())
                    || Amount::of(scalar).is_some_and(|amount| {
                        Amount::read(text).iter().flatten().any(|read| read.same(&amount))
                    }))
        }
        (Value::Number(_), Value::Number(_)) => match (Amount::of(one), Amount::of(other)) {
            (Some(a), Some(b)) => a.same(&b),
            _ => one == other,
        },
        _ => one == other,
    }
}

fn same_text(one: &str, other: &str) -> bool {
    let (one, other) = (one.trim(), other.trim());
    if one == other {
        return true;
    }
    if one.len() > MAX_LOOKED_AT || other.len() > MAX_LOOKED_AT {
        return false;
    }
    let spelled = |text: &str| text.contains('/') || (is_id(text) && !text.contains('@'));
    if !spelled(one) || !spelled(other) {
        let folded = |text: &str| -> String {
            text.split_whitespace().flat_map(|word| [" ", word]).collect::<String>().to_lowercase()
        };
        if folded(one) == folded(other) {
            return true;
        }
    }
    if let (Some(one), Some(other)) = (moment(one), moment(other)) {
        return one == other;
    }
    let others = Amount::read(other);
    Amount::read(one).iter().flatten().any(|a| others.iter().flatten().any(|b| a.same(b)))
}

fn is_id(text: &str) -> bool {
    !text.contains(char::is_whitespace) && text.contains(|sign: char| sign.is_ascii_digit())
}

fn moment(text: &str) -> Option<DateTime<FixedOffset>> {
    (text.len() >= 20).then(|| DateTime::parse_from_rfc3339(text).ok()).flatten()
}

/// A number, perhaps of money.
#[derive(Debug, Clone, PartialEq)]
struct Amount<'t> {
    whole: Option<i128>,
    number: f64,
    currency: Option<&'t str>,
}

impl<'t> Amount<'t> {
    fn of(value: &Value) -> Option<Self> {
        let number = value.as_number()?;
        let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
        Some(Self { whole, number: number.as_f64()?, currency: None })
    }

    /// The one or two numbers that a text can be read as.
    fn read(text: &'t str) -> [Option<Self>; 2] {
        let text = text.trim();
        if text.len() > 40 || !text.contains(|sign: char| sign.is_ascii_digit()) {
            return [None, None];
        }
        let (digits, currency) = split_currency(text);
        let commas = digits.matches(',').count();
        let dots = digits.matches('.').count();
        let as_decimal = |digits: &str| {
            plain_number(digits).map(|(whole, number)| Self { whole, number, currency })
        };
        let points = |group: char, point: char| {
            grouped(digits, group, point).and_then(|plain| as_decimal(&plain))
        };
        match (commas, dots) {
            (0, 0 | 1) => [as_decimal(digits), points('.', ',')],
            (1, 0) => [as_decimal(&digits.replace(',', ".")), points(',', '.')],
            _ => [points(',', '.'), points('.', ',')],
        }
    }

    #[expect(clippy::float_cmp, reason = "equal numbers need no tolerance")]
    fn same(&self, other: &Self) -> bool {
        if let (Some(one), Some(other)) = (self.currency, other.currency)
            && one != other
        {
            return false;
        }
        if let (Some(one), Some(other)) = (self.whole, other.whole) {
            return one == other;
        }
        let (one, other) = (self.number, other.number);
        one == other || (one - other).abs() <= 1e-9 * one.abs().max(other.abs())
    }
}

/// A number and the currency before or behind it, signs as codes.
fn split_currency(text: &str) -> (&str, Option<&str>) {
    const SIGNS: [(&str, &str); 5] =
        [("$", "USD"), ("€", "EUR"), ("£", "GBP"), ("¥", "JPY"), ("₹", "INR")];
    for (sign, code) in SIGNS {
        if let Some(rest) = text.strip_prefix(sign).or_else(|| text.strip_suffix(sign)) {
            return (rest.trim(), Some(code));
        }
    }
    let is_code =
        |word: &str| word.len() == 3 && word.bytes().all(|sign| sign.is_ascii_uppercase());
    match text.split_once(' ') {
        Some((code, rest)) if is_code(code) => (rest.trim(), Some(code)),
        Some((rest, code)) if is_code(code) => (rest.trim(), Some(code)),
        _ => (text, None),
    }
}

/// The number without the signs that group its thousands, if they do.
fn grouped(text: &str, group: char, point: char) -> Option<String> {
    let (front, behind) = match text.split_once(point) {
        Some((front, behind)) => (front, Some(behind)),
        None => (text, None),
    };
    let mut parts = front.split(group);
    let first = parts.next()?.trim_start_matches(['-', '+']);
    let sound = (1..=3).contains(&first.len()) && parts.clone().all(|part| part.len() == 3);
    if !sound || parts.next().is_none() || behind.is_some_and(|rest| rest.contains(group)) {
        return None;
    }
    let plain = front.replace(group, "");
    Some(behind.map_or(plain.clone(), |behind| format!("{plain}.{behind}")))
}

fn plain_number(text: &str) -> Option<(Option<i128>, f64)> {
    let bare = text.strip_prefix(['-', '+']).unwrap_or(text);
    let mut signs = bare.bytes();
    let first = signs.next()?;
    // A number with zeros before it is a number of an account or a bill.
    let padded = first == b'0' && bare.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
    if padded || !first.is_ascii_digit() || !bare.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return None;
    }
    Some((text.parse().ok(), text.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_that_say_the_same_are_the_same() {
        for (one, other) in [
            (json!(100.0), json!(100)),
            (json!("100.00"), json!(100)),
            (json!("$1,250.00"), json!(1250)),
            (json!("1.250,00 EUR"), json!("1250 EUR")),
            (json!("49,90"), json!(49.9)),
            (json!("1,250"), json!(1250)),
            (json!(" Paid "), json!("paid")),
            (json!("Anna  Berg"), json!("anna berg")),
            (json!("Bob7@Example.com"), json!("bob7@example.com")),
            (json!("2026-01-05T10:00:00Z"), json!("2026-01-05T11:00:00+01:00")),
            (json!(true), json!("true")),
            (json!(0.1 + 0.2), json!(0.3)),
            (json!({"a": [1, "X"]}), json!({"a": [1.0, "x"]})),
        ] {
            assert!(same(&one, &other) && same(&other, &one), "{one} {other}");
        }
    }

    #[test]
    fn values_that_differ_in_more_than_spelling_differ() {
        for (one, other) in [
            (json!(49.9), json!(49.99)),
            (json!("0042"), json!(42)),
            (json!("EUR 10"), json!("USD 10")),
            (json!("$10"), json!("€10")),
            (json!("aB3x"), json!("Ab3X")),
            (json!("/srv/App"), json!("/srv/app")),
            (json!(9_007_199_254_740_993_i64), json!(9_007_199_254_740_992_i64)),
            (json!("2026-01-05"), json!("2026-05-01")),
            (json!(1), json!(null)),
            (json!("1.2.3"), json!("123")),
            (json!([1, 2]), json!([1])),
        ] {
            assert!(!same(&one, &other) && !same(&other, &one), "{one} {other}");
        }
    }
}
