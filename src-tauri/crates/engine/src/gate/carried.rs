//! A recorded action as a payload can carry it. A record takes what a tool gave, as it
//! is; a payload is stricter, and one number too long must not keep a question from
//! being asked.

use handoff_domain::action::Action;
use handoff_domain::validate::{EXACT, MAX_DEPTH, MAX_TEXT_BYTES};
use serde_json::Value;

/// How deep a value of an action may be: it lies in a list of a payload.
const DEPTH: usize = MAX_DEPTH - 3;

/// The longest name of a tool, in bytes.
const TOOL: usize = 200;

/// The action as a payload takes it, and whether that is all of it, as it was.
pub fn carried(mut action: Action) -> (Action, bool) {
    let mut same = true;
    for value in action.input.iter_mut().chain(action.output.as_mut()) {
        same &= mend(value, 1);
    }
    for value in action.facts.values_mut() {
        same &= mend(value, 2);
    }
    if action.tool.len() > TOOL {
        action.tool.truncate(start(&action.tool, TOOL).len());
        same = false;
    }
    let fits = |text: &str| !text.is_empty() && text.len() <= MAX_TEXT_BYTES;
    if action.reasoning.as_deref().is_some_and(|words| !fits(words)) {
        same &= action.reasoning.take().is_some_and(|words| words.is_empty());
    }
    let files = action.files.len();
    action.files.retain(|file| fits(file));
    same &= action.files.len() == files;
    // An undo in other words would be another one.
    let undo = action.undo.take_if(|undo| {
        let mut value = serde_json::to_value(&*undo).unwrap_or_default();
        !undo.faults().is_empty() || !mend(&mut value, 1)
    });
    (action, same && undo.is_none())
}

/// Says of how many actions something is not there as it was, where there are any.
pub fn said(changed: usize) -> Option<String> {
    (changed > 0).then(|| {
        format!("{changed} actions as they were recorded: a card cannot carry all of them")
    })
}

/// The start of a text, of so many bytes at most.
pub fn start(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

/// Puts in other words what a payload does not take; whether there was nothing.
fn mend(value: &mut Value, depth: usize) -> bool {
    match value {
        Value::Number(number) => {
            let exact = |whole: u64| whole <= EXACT;
            let same = number.as_u64().is_none_or(exact)
                && number.as_i64().is_none_or(|whole| exact(whole.unsigned_abs()));
            if !same {
                *value = Value::String(number.to_string());
            }
            same
        }
        Value::Array(_) | Value::Object(_) if depth > DEPTH => {
            *value = Value::String("… (nested too deep for a card)".to_owned());
            false
        }
        Value::Array(items) => all(items.iter_mut(), depth),
        Value::Object(members) => all(members.values_mut(), depth),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

/// The same of all that are in one.
fn all<'v>(values: impl Iterator<Item = &'v mut Value>, depth: usize) -> bool {
    let mut same = true;
    for value in values {
        same &= mend(value, depth + 1);
    }
    same
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_undo_that_a_payload_refuses_does_not_go_along() {
        let with = |undo: Value| -> Action {
            let action = json!({ "id": "a", "tool": "t", "effect": "reversible", "status": "done",
                "undo": undo });
            serde_json::from_value(action).expect("an action")
        };
        let command =
            |cwd: &str| json!({ "kind": "command", "argv": ["u"], "cwd": cwd, "timeout_s": 7 });
        let tool = |id: u64| json!({ "kind": "tool", "tool": "u", "args": { "id": id } });
        for (undo, same) in [
            (command("/work"), true),
            (command("/work/../etc"), false),
            (tool(7), true),
            (tool(EXACT + 1), false),
        ] {
            let (action, as_it_was) = carried(with(undo.clone()));
            assert_eq!((action.undo.is_some(), as_it_was), (same, same), "{undo}");
        }
    }

    #[test]
    fn what_is_said_in_other_words_is_said_and_no_more() {
        let long = "ü".repeat(TOOL);
        let action = json!({ "id": "a", "tool": long, "effect": "read", "status": "done",
            "input": { "exact": EXACT, "less": -9_007_199_254_740_993_i64, "part": 1e300 },
            "files": ["", "f"], "reasoning": "w" });
        let (action, as_it_was) = carried(serde_json::from_value(action).expect("an action"));
        let input = json!({ "exact": EXACT, "less": "-9007199254740993", "part": 1e300 });
        assert_eq!((action.input, as_it_was), (Some(input), false));
        assert_eq!((action.tool, action.files), ("ü".repeat(TOOL / 2), vec!["f".to_owned()]));
        assert_eq!(action.reasoning.as_deref(), Some("w"));
    }
}
