//! What the reviewer edited in the proposed arguments, and where the old
//! values had come from.
//!
//! A value comes from a finished step if the step that asks uses or needs it
//! and finds the same value there under the same name; a value that is named
//! in `uses` need not have the same name, where no other argument has it.

use std::cell::Cell;

use serde_json::Value;

use super::Case;
use super::ChangedArg;
use super::stale::Ground;
use crate::decision::DecisionKind;
use crate::payload::{HandoffOption, StepStatus, Used};
use crate::trigger::{plain, same_json};
use crate::validate::push_segment;

/// The most values looked at in the outputs of finished steps.
pub(super) const MAX_VALUES: usize = 50_000;

/// The deepest value looked at.
const MAX_DEPTH: usize = 100;

/// The edits of a decision.
#[derive(Debug, Clone, Default)]
pub(super) struct Edits<'c> {
    /// The option they were made in.
    pub option: Option<&'c HandoffOption>,
    /// What differs from its arguments.
    pub list: Vec<Edit<'c>>,
}

/// One edited argument.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Edit<'c> {
    /// Where, as a JSON pointer.
    pub pointer: String,
    /// The argument it is in.
    pub argument: &'c str,
    /// The last name on the way to it.
    pub name: &'c str,
    /// What was proposed.
    pub old: Option<&'c Value>,
    /// What it is now.
    pub new: Option<&'c Value>,
}

/// Where an old value had come from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Origin<'c> {
    /// The finished step, where it is known.
    pub step: Option<usize>,
    /// The fact, if it is one.
    pub fact: Option<&'c str>,
    /// How the value is called there.
    pub name: &'c str,
    /// The value.
    pub value: &'c Value,
}

impl<'c> Edits<'c> {
    pub(super) fn of(case: &Case<'c>) -> Self {
        let Some(decision) = case.decision.filter(|decision| decision.kind == DecisionKind::Modify)
        else {
            return Self::default();
        };
        let option = case.question.as_ref().and_then(|question| {
            question.options.iter().find(|option| decision.option.as_ref() == Some(&option.id))
        });
        let proposed = option.and_then(|option| option.action.as_ref());
        let (Some(proposed), Some(args)) = (proposed, &decision.args) else {
            return Self { option, list: Vec::new() };
        };
        let mut list = Vec::new();
        for (name, value) in args {
            let mut pointer = String::new();
            push_segment(&mut pointer, name);
            match proposed.args.get(name) {
                Some(old) => differences(pointer, name, name, old, value, &mut list),
                None => {
                    list.push(Edit { pointer, argument: name, name, old: None, new: Some(value) });
                }
            }
        }
        for (name, value) in proposed.args.iter().filter(|(name, _)| !args.contains_key(*name)) {
            let mut pointer = String::new();
            push_segment(&mut pointer, name);
            list.push(Edit { pointer, argument: name, name, old: Some(value), new: None });
        }
        Self { option, list }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn shown(&self) -> Vec<ChangedArg> {
        let shown = self.list.iter().map(|edit| ChangedArg {
            pointer: edit.pointer.clone(),
            old: edit.old.cloned(),
            new: edit.new.cloned(),
        });
        shown.collect()
    }
}

fn differences<'c>(
    pointer: String,
    argument: &'c str,
    name: &'c str,
    old: &'c Value,
    new: &'c Value,
    list: &mut Vec<Edit<'c>>,
) {
    if same_json(old, new) {
        return;
    }
    match (old, new) {
        (Value::Object(before), Value::Object(after)) => {
            for (name, new) in after {
                let mut pointer = pointer.clone();
                push_segment(&mut pointer, name);
                match before.get(name) {
                    Some(old) => differences(pointer, argument, name, old, new, list),
                    None => list.push(Edit { pointer, argument, name, old: None, new: Some(new) }),
                }
            }
            for (name, old) in before.iter().filter(|(name, _)| !after.contains_key(*name)) {
                let mut pointer = pointer.clone();
                push_segment(&mut pointer, name);
                list.push(Edit { pointer, argument, name, old: Some(old), new: None });
            }
        }
        (Value::Array(before), Value::Array(after)) if before.len() == after.len() => {
            for (place, (old, new)) in before.iter().zip(after).enumerate() {
                differences(format!("{pointer}/{place}"), argument, name, old, new, list);
            }
        }
        _ => list.push(Edit { pointer, argument, name, old: Some(old), new: Some(new) }),
    }
}

/// An edit of an argument that was taken from a fact corrects the fact.
pub(super) fn correct_facts(ground: &mut Ground<'_, '_>) {
    let corrected: Vec<_> = origins(ground)
        .into_iter()
        .filter_map(|(edit, origin)| Some((origin.fact?, ground.edits.list[edit].new?)))
        .collect();
    for (name, value) in corrected {
        ground.facts.correct(name, value);
    }
}

/// Where the old values of edited arguments had come from, by the edit.
pub(super) fn origins<'c>(ground: &Ground<'_, 'c>) -> Vec<(usize, Origin<'c>)> {
    let Some(asked) = ground.asked.filter(|_| !ground.edits.is_empty()) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut left = MAX_VALUES;
    for used in &ground.step(asked).uses {
        match Used::read(used, |id| ground.graph.has(id)) {
            Some(Used::Fact(name)) => {
                let Some(known) = ground.facts.latest(name) else { continue };
                let step = known.action.and_then(|at| {
                    ground.graph.place(ground.case.actions[at].action.step.as_deref()?)
                });
                let origin = Origin { step, fact: Some(name), name, value: known.value };
                link(ground, origin, true, &mut found);
            }
            Some(Used::Output { step, path }) => {
                let Some(place) = ground.graph.place(step) else { continue };
                let Some(value) = finished(ground, place).and_then(|output| at_path(output, path))
                else {
                    continue;
                };
                let name = path.rsplit('.').next().filter(|name| !name.is_empty()).unwrap_or(step);
                let origin = Origin { step: Some(place), fact: None, name, value };
                link(ground, origin, true, &mut found);
                within(ground, place, value, 0, &mut left, &mut found);
            }
            None => {}
        }
    }
    let mut needed = ground.graph.all_needs(asked);
    needed.sort_unstable();
    for place in needed {
        if let Some(output) = finished(ground, place) {
            within(ground, place, output, 0, &mut left, &mut found);
        }
        for at in &ground.actions[place] {
            for (name, value) in &ground.case.actions[*at].action.facts {
                if ground.facts.latest(name).is_some_and(|known| known.action == Some(*at)) {
                    let origin = Origin { step: Some(place), fact: Some(name), name, value };
                    link(ground, origin, false, &mut found);
                }
            }
        }
    }
    found
}

fn finished<'c>(ground: &Ground<'_, 'c>, place: usize) -> Option<&'c Value> {
    let step = ground.step(place);
    step.output.as_ref().filter(|_| step.status == StepStatus::Done)
}

/// Each named value within an output.
fn within<'c>(
    ground: &Ground<'_, 'c>,
    step: usize,
    value: &'c Value,
    depth: usize,
    left: &mut usize,
    found: &mut Vec<(usize, Origin<'c>)>,
) {
    if *left == 0 || depth > MAX_DEPTH {
        return;
    }
    *left -= 1;
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let origin = Origin { step: Some(step), fact: None, name, value };
                link(ground, origin, false, found);
                within(ground, step, value, depth + 1, left, found);
            }
        }
        Value::Array(items) => {
            for value in items {
                within(ground, step, value, depth + 1, left, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn link<'c>(
    ground: &Ground<'_, 'c>,
    origin: Origin<'c>,
    declared: bool,
    found: &mut Vec<(usize, Origin<'c>)>,
) {
    for (place, edit) in ground.edits.list.iter().enumerate() {
        let Some(old) = edit.old else { continue };
        if !same_json(old, origin.value) {
            continue;
        }
        let named = plain(edit.name) == plain(origin.name);
        if (named || (declared && is_telling(ground, old)))
            && found.iter().all(|(known, other)| {
                *known != place || other.step != origin.step || other.fact != origin.fact
            })
        {
            found.push((place, origin));
        }
    }
}

/// Whether a value stands for itself among the proposed arguments: no flag,
/// and in one place only.
fn is_telling(ground: &Ground<'_, '_>, value: &Value) -> bool {
    let proposed = ground.edits.option.and_then(|option| option.action.as_ref());
    !matches!(value, Value::Null | Value::Bool(_))
        && proposed.is_some_and(|action| {
            let mut left = MAX_VALUES;
            let each = action.args.values().map(|arg| count(arg, value, 0, &mut left));
            each.sum::<usize>() == 1
        })
}

fn count(within: &Value, value: &Value, depth: usize, left: &mut usize) -> usize {
    if *left == 0 || depth > MAX_DEPTH {
        return 0;
    }
    *left -= 1;
    let below = match within {
        Value::Array(items) => items.iter().map(|item| count(item, value, depth + 1, left)).sum(),
        Value::Object(members) => {
            members.values().map(|member| count(member, value, depth + 1, left)).sum()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    };
    below + usize::from(same_json(within, value))
}

/// The value at a path with dots; the whole for an empty one.
pub(super) fn at_path<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').filter(|name| !name.is_empty()).try_fold(value, |value, name| match value {
        Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        Value::Object(members) => members.get(name),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    })
}

/// Whether this value stands under this name in a part of an output that is
/// found at `path`. Where too much would have to be looked at, it may.
pub(super) fn holds_under(
    part: &Value,
    path: &str,
    name: &str,
    value: &Value,
    left: &Cell<usize>,
) -> bool {
    fn below(part: &Value, wanted: &str, value: &Value, depth: usize, left: &Cell<usize>) -> bool {
        if left.get() == 0 || depth > MAX_DEPTH {
            return true;
        }
        left.set(left.get() - 1);
        match part {
            Value::Object(members) => members.iter().any(|(name, member)| {
                (same_json(member, value) && plain(name) == wanted)
                    || below(member, wanted, value, depth + 1, left)
            }),
            Value::Array(items) => {
                items.iter().any(|item| below(item, wanted, value, depth + 1, left))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        }
    }
    let wanted = plain(name);
    let last = path.rsplit('.').next().unwrap_or_default();
    (same_json(part, value) && plain(last) == wanted) || below(part, &wanted, value, 0, left)
}
