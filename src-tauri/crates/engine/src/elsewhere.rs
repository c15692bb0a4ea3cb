//! Which changes of a draft cannot be taken back as things are, since a later
//! change of the same task has taken their files elsewhere.
//!
//! It goes by what was recorded, and looks at no file.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use handoff_domain::action::{Action, ActionStatus, Effect, Undo};
use handoff_domain::rollback::Standing;
use serde_json::Value;

use crate::gate::clipped;
use crate::ledger::Ledger;

/// How much of a path is named.
const PATH: usize = 120;

/// Where each of these changes of a draft stands.
pub fn standings(
    ledger: &Ledger,
    draft: &BTreeSet<&str>,
    now: DateTime<Utc>,
) -> BTreeMap<String, Standing> {
    let mut since: BTreeMap<&str, &str> = BTreeMap::new();
    let mut found = BTreeMap::new();
    for done in ledger.latest_first() {
        let action = &done.action;
        let own = draft.contains(action.id.as_str());
        if own {
            let mut standing = done.standing(now);
            let goes =
                matches!(standing, Standing::Reversible { .. } | Standing::Compensating { .. });
            let gone = depends_on(action).find_map(|at| Some((at, *since.get(at)?)));
            if let Some((at, tool)) = gone.filter(|_| goes) {
                let (at, tool) = (clipped(at, PATH), clipped(tool, 40));
                standing = Standing::Irreversible {
                    why: format!("{tool} has changed or moved {at} since. Undo that first."),
                };
            }
            found.insert(action.id.clone(), standing);
        } else if action.status == ActionStatus::Done && done.effect != Effect::Read {
            // One that took another back has put its file where it belongs.
            if !done.took_back() {
                let named = action.input.iter().flat_map(paths);
                let files = action.files.iter().map(String::as_str);
                since.extend(named.chain(files).map(|at| (at, &*action.tool)));
            }
        }
    }
    found
}

/// Whether it can be taken back as it was declared.
pub const fn can(standing: &Standing) -> bool {
    matches!(
        standing,
        Standing::Reversible { .. }
            | Standing::Compensating { .. }
            | Standing::UndoFailed { again: true, .. }
    )
}

/// Every path that a value names.
pub fn paths(value: &Value) -> impl DoubleEndedIterator<Item = &str> {
    let mut found = Vec::new();
    let mut open: Vec<&Value> = vec![value];
    while let Some(value) = open.pop() {
        match value {
            Value::String(word) if is_path(word) => found.push(word.as_str()),
            Value::Array(items) => open.extend(items.iter().rev()),
            Value::Object(fields) => open.extend(fields.values().rev()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    found.into_iter()
}

/// The paths on which taking it back depends.
fn depends_on(action: &Action) -> impl Iterator<Item = &str> {
    let args = match &action.undo {
        Some(Undo::Tool { args, .. }) => Some(args),
        _ => None,
    };
    let named = args.into_iter().flat_map(|args| args.values()).flat_map(paths);
    action.files.iter().map(String::as_str).chain(named)
}

/// Whether a word looks like the path of a file: what is only an id, a version or
/// an address says nothing of where a file is.
fn is_path(word: &str) -> bool {
    if word.len() > 4096 || word.contains("://") || word.contains('@') || word.contains('\n') {
        return false;
    }
    let extension = word.rsplit_once('.').is_some_and(|(name, end)| {
        !name.is_empty() && (1..=8).contains(&end.len()) && end.starts_with(char::is_alphabetic)
    });
    word.contains('/') || word.contains('\\') || extension
}

#[cfg(test)]
mod tests {
    use super::is_path;

    #[test]
    fn ids_versions_and_addresses_are_no_paths() {
        for word in ["Documents/a b", "a.txt", "C:\\a", "/etc"] {
            assert!(is_path(word), "{word}");
        }
        for word in
            ["ch_2", "1.4", "a@supplier.example", "https://a.example/b", ".", "a. b c d e f g h"]
        {
            assert!(!is_path(word), "{word}");
        }
    }
}
