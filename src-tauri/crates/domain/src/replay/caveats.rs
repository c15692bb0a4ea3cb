//! What a replay cannot know, said before its numbers are believed.

use super::{Ground, Past, is_on};
use crate::rule::Pattern;
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
    let mut rules = before.rules.iter().chain(after.rules.iter());
    let within = |pattern: &Pattern| matches!(pattern, Pattern::Within(_));
    if rules.any(|kept| kept.rule.when.args.values().any(within)) {
        said.push(
            "Where links led is not recorded: a path counts as in the folder of a rule by how it \
             is written. A rule that allows may let less go than is shown here, and one that holds \
             may hold more."
                .to_owned(),
        );
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
        if !is_on(new, kind) {
            continue;
        }
        if let Some(change) = unmeasured(old, new, kind) {
            said.push(format!(
                "The record keeps what was found under the old setting, not the whole trace: \
                 {change} is not replayed. It was found {fired} times."
            ));
        }
        let lacking =
            past.checks.iter().filter(|check| check.measured.holds(kind, new).is_none()).count();
        if let Some(change) = bound(old, new, kind).filter(|_| lacking > 0) {
            said.push(format!(
                "For {lacking} questions it was not measured how far they went: for them \
                 {change} is not replayed."
            ));
        }
    }
    said
}

/// The setting of a trigger that changes, and cannot be replayed.
fn unmeasured(old: &Triggers, new: &Triggers, kind: TriggerKind) -> Option<String> {
    let (before, after) = (old.rephrased_alike, new.rephrased_alike);
    if kind == TriggerKind::Rephrased && before != after {
        Some(format!("how alike questions are, in percent, from {before} to {after}"))
    } else if kind == TriggerKind::Compliance && old.words != new.words {
        Some("the new list of words".to_owned())
    } else {
        None
    }
}

/// The bound of a trigger that changes.
fn bound(old: &Triggers, new: &Triggers, kind: TriggerKind) -> Option<String> {
    let (what, before, after) = match kind {
        TriggerKind::Rephrased => {
            ("retries in other words", old.rephrased_retries, new.rephrased_retries)
        }
        TriggerKind::ChainLength => ("the longest chain", old.chain_bound, new.chain_bound),
        TriggerKind::ContextChurn => ("the same read", old.churn_reads, new.churn_reads),
        TriggerKind::RepeatedError => ("the same error", old.error_times, new.error_times),
        TriggerKind::MissingArgument
        | TriggerKind::Contradiction
        | TriggerKind::FactMismatch
        | TriggerKind::Compliance
        | TriggerKind::Limit
        | TriggerKind::Overruled
        | TriggerKind::Scope => return None,
    };
    (before != after).then(|| format!("{what} from {before} to {after}"))
}
