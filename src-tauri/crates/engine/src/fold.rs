//! Long values, folded: the first lines travel with the card, the rest on
//! request. What is folded always says how much there is.

use handoff_protocol::view::Folded;
use serde::Serialize;
use serde_json::Value;

/// How much travels with the card.
const HEAD_LINES: usize = 12;
const HEAD_BYTES: usize = 2048;

/// A JSON value as indented text, folded.
pub fn json(value: &impl Serialize, pointer: String) -> Folded {
    text(&indented(value), pointer)
}

/// A text, folded.
pub fn text(whole: &str, pointer: String) -> Folded {
    let mut end = whole.len();
    if let Some((at, _)) = whole.match_indices('\n').nth(HEAD_LINES - 1) {
        end = at;
    }
    if end > HEAD_BYTES {
        end = whole.floor_char_boundary(HEAD_BYTES);
    }
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Folded {
        head: whole.get(..end).unwrap_or_default().to_owned(),
        lines: count(whole.lines().count().max(1)),
        chars: count(whole.chars().count()),
        whole: end == whole.len(),
        pointer,
    }
}

/// The whole of what `pointer` names in a payload, as the card shows it.
pub fn unfold(payload: &Value, pointer: &str) -> Option<String> {
    payload.pointer(pointer).map(indented)
}

fn indented(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn short_values_are_whole() {
        let folded = json(&json!({"a": 1}), "/x".to_owned());
        assert_eq!(folded.head, "{\n  \"a\": 1\n}");
        assert!(folded.whole);
        assert_eq!((folded.lines, folded.chars), (3, 12));
    }

    #[test]
    fn long_values_say_how_much_there_is() {
        let values: Vec<u32> = (0..1000).collect();
        let folded = json(&values, String::new());
        assert!(!folded.whole);
        assert_eq!(folded.lines, 1002);
        assert_eq!(folded.head.lines().count(), HEAD_LINES);
    }

    #[test]
    fn a_cut_never_splits_a_character() {
        let folded = text(&"é".repeat(5000), String::new());
        assert!(!folded.whole && folded.head.len() <= HEAD_BYTES);
        assert_eq!(folded.chars, 5000);
    }

    #[test]
    fn unfolding_gives_the_same_text() {
        let payload = json!({"options": [{"action": {"args": {"b": [1, 2]}}}]});
        let whole = unfold(&payload, "/options/0/action/args").expect("there");
        assert!(whole.starts_with(&json(&json!({"b": [1, 2]}), String::new()).head));
        assert_eq!(unfold(&payload, "/nothing"), None);
    }
}
