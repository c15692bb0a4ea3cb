//! The rules of options and of what the agent can act on.

use std::collections::BTreeMap;

use serde_json::Value;

use super::names::clip;
use crate::args;

use super::{Faults, actions, items, member, text};

/// Adds every fault of the options.
pub(super) fn check(payload: &Value, faults: &mut Faults) {
    needed(payload, faults);
    let options = items(payload, "options");
    unique_ids(options, "/options", "option", faults);
    let recommended = options
        .iter()
        .enumerate()
        .filter(|(_, option)| option.get("recommended") == Some(&Value::Bool(true)));
    for (index, _) in recommended.skip(1) {
        faults.add(
            format!("/options/{index}/recommended"),
            "Another option is recommended already.",
            "Recommend at most one option.",
        );
    }
    let mut left = args::MAX_PAYLOAD_VISITS;
    for (index, option) in options.iter().enumerate() {
        let Some(action) = member(option, "action") else { continue };
        actions::undo(action, &format!("/options/{index}/action"), faults);
        if let Some(schema) = member(action, "args_schema") {
            let place = format!("/options/{index}/action");
            faults.extend(args::check(schema, action.get("args"), &place, &mut left));
        }
    }
    let mut seen: Vec<&str> = Vec::new();
    for (index, word) in items(payload, "allowed_decisions").iter().enumerate() {
        let Some(word) = word.as_str() else { continue };
        if seen.contains(&word) {
            faults.add(
                format!("/allowed_decisions/{index}"),
                format!("`{}` is listed twice.", clip(word)),
                "List each decision once.",
            );
        } else if matches!(word, "approve" | "modify" | "inform") {
            seen.push(word);
        }
    }
}

fn needed(payload: &Value, faults: &mut Faults) {
    let listed = |word: &str| {
        items(payload, "allowed_decisions").iter().any(|given| given.as_str() == Some(word))
    };
    let answers_options = member(payload, "allowed_decisions")
        .is_none_or(|allowed| !allowed.is_array())
        || listed("approve")
        || listed("modify");
    let missing = match payload.get("options") {
        None => true,
        Some(Value::Array(options)) => options.is_empty(),
        // The wrong type is reported as such.
        Some(_) => false,
    };
    if answers_options && missing {
        faults.add(
            "/options",
            "There are no options.",
            "Give at least one, or give `allowed_decisions` without `approve` and `modify`.",
        );
    }
}

/// Adds a fault for each id that an earlier item has.
pub(super) fn unique_ids(list: &[Value], place: &str, noun: &str, faults: &mut Faults) {
    let mut seen = BTreeMap::new();
    for (index, item) in list.iter().enumerate() {
        let Some(id) = text(item, "id") else { continue };
        if let Some(first) = seen.get(id) {
            faults.add(
                format!("{place}/{index}/id"),
                format!("The {noun} {place}/{first} has the id `{}` too.", clip(id)),
                format!("Give every {noun} its own id."),
            );
        } else {
            seen.insert(id, index);
        }
    }
}
