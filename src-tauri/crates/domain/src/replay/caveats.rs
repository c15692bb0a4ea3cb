//! What a replay cannot know, said before its numbers are believed.

use super::{Ground, Past, is_on};
use crate::trigger::{TriggerKind, Triggers};

const KINDS: [(TriggerKind, &str); 9] = [
    (TriggerKind::MissingArgument, "missing arguments"),
    (TriggerKind::Contradiction, "contradicting outputs"),
    (TriggerKind::FactMismatch, "values that differ from facts"),
    (TriggerKind::Compliance, "words to be asked about"),
    (TriggerKind::Rephrased, "rephrased questions"),
    (TriggerKind::Scope, "scope"),
    (TriggerKind::ChainLength, "chain length"),
    (TriggerKind::ContextChurn, "reads that go round in circles"),
    (TriggerKind::RepeatedError, "repeated errors"),
];

pub(super) fn all(past: &Past, before: &Ground, after: &Ground) -> Vec<String> {
    let mut said = Vec::new();
    if past.checks.is_empty() {
        said.push("Nothing is recorded yet, so nothing can be said.".to_owned());
        return said;
    }
    let (old, new) = (&before.triggers, &after.triggers);
    for (kind, name) in KINDS {
        let fired = past
            .checks
            .iter()
            .filter(|check| check.evidence.iter().any(|evidence| evidence.trigger == kind))
            .count();
        if is_on(new, kind) && !is_on(old, kind) {
            said.push(format!(
                "The trigger for {name} is recorded only while it is on: it was found {fired} \
                 times then, and may have been missed at other times."
            ));
        }
        let change = if is_on(new, kind) { threshold(old, new, kind) } else { None };
        if let Some(change) = change {
            said.push(format!(
                "The record keeps what was found under the old setting, not the whole trace: \
                 {change} is not replayed. It was found {fired} times."
            ));
        }
    }
    said
}

/// The setting of a trigger that changes, and cannot be replayed.
fn threshold(old: &Triggers, new: &Triggers, kind: TriggerKind) -> Option<String> {
    let numbers: &[(&str, u32, u32)] = &match kind {
        TriggerKind::Rephrased => vec![
            ("retries in other words", old.rephrased_retries, new.rephrased_retries),
            ("how alike questions are, in percent,", old.rephrased_alike, new.rephrased_alike),
        ],
        TriggerKind::ChainLength => vec![("the longest chain", old.chain_bound, new.chain_bound)],
        TriggerKind::ContextChurn => vec![("the same read", old.churn_reads, new.churn_reads)],
        TriggerKind::RepeatedError => vec![("the same error", old.error_times, new.error_times)],
        TriggerKind::Compliance if old.words != new.words => {
            return Some("the new list of words".to_owned());
        }
        TriggerKind::MissingArgument
        | TriggerKind::Contradiction
        | TriggerKind::FactMismatch
        | TriggerKind::Compliance
        | TriggerKind::Limit
        | TriggerKind::Scope => vec![],
    };
    let changed = numbers.iter().filter(|(_, old, new)| old != new);
    let said: Vec<String> =
        changed.map(|(what, old, new)| format!("{what} from {old} to {new}")).collect();
    (!said.is_empty()).then(|| said.join(" and "))
}
