//! The words of faults: what a value is, and which known name was likely meant.
//!
//! It judges nothing; it only words what others found.

use serde_json::Value;

/// The known name that was likely meant, if one is near.
pub(crate) fn nearest<'k>(
    given: &str,
    known: impl IntoIterator<Item = &'k str>,
) -> Option<&'k str> {
    // Measuring is quadratic; nobody misspells a name at this length.
    if given.len() > 64 {
        return None;
    }
    let given = plain(given);
    let mut best: Option<(usize, &str)> = None;
    for candidate in known.into_iter().filter(|name| name.len() <= 64).take(1000) {
        let other = plain(candidate);
        let distance = if given == other {
            0
        } else if given.len() >= 4
            && other.len() >= 4
            && (other.ends_with(&given) || given.ends_with(&other))
        {
            1
        } else {
            strsim::damerau_levenshtein(&given, &other)
        };
        let near = distance <= (other.len() / 3).clamp(1, 3);
        if near && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, name)| name)
}

/// A hint that names what is known, and first what was likely meant.
pub(crate) fn choose(given: &str, known: &[&str]) -> String {
    let listed = listing(known);
    match nearest(given, known.iter().copied()) {
        Some(name) => format!("Did you mean `{name}`? Known are {listed}."),
        None => format!("Known are {listed}."),
    }
}

/// `a`, `b` and `c`; long lists are cut short.
pub(crate) fn listing(names: &[&str]) -> String {
    const SHOWN: usize = 30;
    if names.is_empty() {
        return "none".to_owned();
    }
    let mut out = String::new();
    for (index, name) in names.iter().take(SHOWN).enumerate() {
        if index > 0 {
            let last = index + 1 == names.len();
            out.push_str(if last { " and " } else { ", " });
        }
        out.push('`');
        out.push_str(&clip(name));
        out.push('`');
    }
    if names.len() > SHOWN {
        out.push_str(" and ");
        out.push_str(&(names.len() - SHOWN).to_string());
        out.push_str(" more");
    }
    out
}

/// What a value is, in a few words.
pub(crate) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) if text.is_empty() => "an empty text".to_owned(),
        Value::String(text) => format!("the text \"{}\"", clip(text)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// The start of a name or value, so that a fault stays readable.
pub(crate) fn clip(text: &str) -> String {
    shorten(text, 60)
}

/// The start of a sentence, so that data of any size never becomes one.
pub(crate) fn clip_long(text: &str) -> String {
    shorten(text, 200)
}

fn shorten(text: &str, most: usize) -> String {
    let mut shown: String = text.chars().take(most).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// A name without its case and word signs, so that `pendingQuestion` is near
/// `pending_question`.
fn plain(name: &str) -> String {
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_likely_meant() {
        let known = ["summary", "pending_question", "on_timeout", "options", "plan"];
        for (given, meant) in [
            ("summery", Some("summary")),
            ("Summary", Some("summary")),
            ("pendingQuestion", Some("pending_question")),
            ("question", Some("pending_question")),
            ("timeout", Some("on_timeout")),
            ("option", Some("options")),
            ("plna", Some("plan")),
            ("weather", None),
            ("x", None),
        ] {
            assert_eq!(nearest(given, known), meant, "for {given}");
        }
    }

    #[test]
    fn lists_read_as_sentences() {
        assert_eq!(listing(&["a", "b", "c"]), "`a`, `b` and `c`");
        assert_eq!(listing(&[]), "none");
    }
}
