//! Facts that disagree: with each other, and with what is about to be written.
//!
//! Facts are named values that agents report; their names say what is the same
//! thing. Nothing is read out of outputs here.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::values::{Node, nodes, plain, plain_signs, same, same_json};
use super::{Evidence, TriggerKind, show, since};
use crate::action::{ActionStatus, Effect};
use crate::trace::{Call, Proposed, Trace};

/// Names that stand for what a write is there to change.
const STATES: [&str; 12] = [
    "status", "state", "stage", "phase", "priority", "assignee", "labels", "tags", "enabled",
    "active", "archived", "progress",
];
/// Names of free text, which is worded anew each time.
const PROSE: [&str; 13] = [
    "text",
    "content",
    "contents",
    "body",
    "message",
    "description",
    "comment",
    "note",
    "notes",
    "reason",
    "summary",
    "prompt",
    "subject",
];
/// Names that say nothing of their own below other names.
const VAGUE: [&str; 13] = [
    "id", "name", "type", "kind", "value", "title", "key", "path", "url", "date", "label",
    "number", "code",
];

/// A value as one source has it: the latest answer of the same call.
type Source<'t> = (&'t Call, &'t Value);

/// Facts with two values, where a person has not yet seen both.
pub(super) fn contradiction(trace: &Trace) -> Option<Evidence> {
    let new = since(trace);
    let fresh = trace.calls.len() - new.len();
    let mut names: BTreeMap<&str, Named<'_>> = new
        .iter()
        .filter(|call| counts(call))
        .flat_map(|call| call.facts.keys())
        .map(|name| (name.as_str(), Named::default()))
        .collect();
    if names.is_empty() {
        return None;
    }
    for (index, call) in trace.calls.iter().enumerate().filter(|(_, call)| counts(call)) {
        for (name, value) in call.facts.iter().filter(|(_, value)| !value.is_null()) {
            if let Some(named) = names.get_mut(name.as_str()) {
                named.take(name, (call, value), index >= fresh);
            }
        }
    }
    let clashes: Vec<_> =
        names.iter().filter_map(|(name, named)| Some((*name, named.clash?))).collect();
    let (name, (former, later)) = clashes.first()?;
    let mut headline = format!(
        "{} is {} by {} but {} by {}",
        show::name(name),
        show::clip(&show::value(former.1), 80),
        show::name(&former.0.tool),
        show::clip(&show::value(later.1), 80),
        show::name(&later.0.tool),
    );
    headline.push_str(&and_more(clashes.len() - 1, "contradiction"));
    let exhibits = clashes
        .iter()
        .flat_map(|(name, (former, later))| [(name, former), (name, later)])
        .map(|(name, (call, value))| {
            let text = format!("{} from {}", show::value(value), show::args_of(call));
            show::of_call(call, &format!("{name} by {}", call.tool), &text)
        })
        .collect();
    Some(show::evidence(TriggerKind::Contradiction, &headline, exhibits))
}

/// What is known of one name.
#[derive(Default)]
struct Named<'t> {
    sources: Vec<Source<'t>>,
    /// The values a person may have seen.
    seen: Vec<&'t Value>,
    clash: Option<(Source<'t>, Source<'t>)>,
}

impl<'t> Named<'t> {
    fn take(&mut self, name: &str, (call, value): Source<'t>, fresh: bool) {
        if writes(call, name, value) {
            // It did not find the value, it made it: what was found before is past.
            self.sources.clear();
        }
        let known = |seen: &[&Value], value: &Value| seen.iter().any(|other| same(other, value));
        self.sources.retain(|(other, _)| !reruns(call, other));
        if fresh && self.clash.is_none() {
            let seen_now = known(&self.seen, value);
            let former = self.sources.iter().rev().find(|(other, old)| {
                other.id != call.id && !same(old, value) && !(seen_now && known(&self.seen, old))
            });
            self.clash = former.map(|former| (*former, (call, value)));
        }
        if !fresh && !known(&self.seen, value) {
            self.seen.push(value);
        }
        self.sources.push((call, value));
    }
}

/// Arguments of a write that differ from a fact of the same name or path.
///
/// The same name is meant with another case or other word signs, too. Names of
/// free text and of states (`status`, `assignee`, …), which a write is there to
/// change, are let be, and names such as `id` count below other names only
/// with their whole path.
pub(super) fn mismatch(trace: &Trace, proposed: &Proposed<'_>) -> Option<Evidence> {
    if proposed.effect == Effect::Read || trace.calls.iter().all(|call| call.facts.is_empty()) {
        return None;
    }
    let arguments: Vec<(Vec<String>, Node<'_>)> =
        nodes(proposed.args).into_iter().filter_map(named).collect();
    let wanted: BTreeSet<&str> =
        arguments.iter().flat_map(|(names, _)| names).map(String::as_str).collect();
    let mut known: BTreeMap<String, Vec<Source<'_>>> = BTreeMap::new();
    let mut name = String::new();
    for call in trace.calls.iter().filter(|call| counts(call) && !call.facts.is_empty()) {
        for (fact, value) in &call.facts {
            let mut take = |path: &str, value| {
                name.clear();
                name.extend(plain_signs(path));
                if wanted.contains(name.as_str()) {
                    let sources = known.entry(name.clone()).or_default();
                    sources.retain(|(other, _)| !reruns(call, other));
                    sources.push((call, value));
                }
            };
            match value {
                Value::Null => {}
                Value::Object(members) => {
                    for node in nodes(members).iter().filter(|node| !node.value.is_null()) {
                        take(&format!("{fact}.{}", node.path), node.value);
                    }
                }
                Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                    take(fact, value);
                }
            }
        }
    }
    let mut found: Vec<(&Node<'_>, Source<'_>)> = Vec::new();
    for (names, node) in &arguments {
        let sources = names.iter().find_map(|name| known.get(name));
        let Some(latest) = sources.and_then(|sources| sources.last()) else { continue };
        let agrees = |source: &Source<'_>| agree(node.value, source.1);
        if !sources.into_iter().flatten().any(agrees) {
            found.push((node, *latest));
        }
    }
    let (node, (call, value)) = found.first()?;
    let mut headline = format!(
        "{} would be {}, but {} found {}",
        show::name(&node.path),
        show::clip(&show::value(node.value), 80),
        show::name(&call.tool),
        show::clip(&show::value(value), 80),
    );
    headline.push_str(&and_more(found.len() - 1, "difference"));
    let exhibits = found
        .iter()
        .flat_map(|(node, (call, value))| {
            let source = format!("{} from {}", show::value(value), show::args_of(call));
            [
                show::of_proposed(
                    &format!("{} to be written", node.path),
                    &show::value(node.value),
                ),
                show::of_call(call, &format!("{} found by {}", node.path, call.tool), &source),
            ]
        })
        .collect();
    Some(show::evidence(TriggerKind::FactMismatch, &headline, exhibits))
}

/// The names under which a fact would be meant, and only of what can be compared.
fn named(node: Node<'_>) -> Option<(Vec<String>, Node<'_>)> {
    let key = plain(node.key);
    let is_deep = matches!(node.value, Value::Object(_))
        || node.value.as_array().is_some_and(|list| list.iter().any(Value::is_object));
    let let_be = [&STATES[..], &PROSE].concat().contains(&key.as_str());
    if node.item || is_deep || let_be || node.value.is_null() {
        return None;
    }
    let mut names = vec![plain(&node.path)];
    if node.depth > 1 && !VAGUE.contains(&key.as_str()) {
        names.push(key);
    }
    Some((names, node))
}

/// Whether an argument is a fact, or one of several, or one of them.
fn agree(argument: &Value, fact: &Value) -> bool {
    match (argument, fact) {
        (Value::Array(list), Value::Array(facts)) => {
            same(argument, fact)
                || list.iter().all(|item| facts.iter().any(|fact| same(item, fact)))
        }
        (Value::Array(list), one) | (one, Value::Array(list)) => {
            list.iter().any(|item| same(item, one))
        }
        _ => same(argument, fact),
    }
}

/// Whether what a call found still stands.
fn counts(call: &Call) -> bool {
    matches!(call.status, ActionStatus::Done | ActionStatus::Running)
}

/// Whether one call is the other made again.
fn reruns(call: &Call, former: &Call) -> bool {
    call.id == former.id || (call.tool == former.tool && same_json(&call.args, &former.args))
}

fn writes(call: &Call, name: &str, value: &Value) -> bool {
    let wanted = plain(name);
    call.effect != Effect::Read
        && call.args.as_object().is_some_and(|args| {
            nodes(args).iter().any(|node| {
                (plain(node.key) == wanted || plain(&node.path) == wanted)
                    && same(node.value, value)
            })
        })
}

fn and_more(more: usize, what: &str) -> String {
    match more {
        0 => ".".to_owned(),
        1 => format!("; and one more {what}."),
        more => format!("; and {more} more {what}s."),
    }
}
