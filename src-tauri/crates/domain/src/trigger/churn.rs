//! A read that comes again and again while nothing it could have changed by was
//! written.
//!
//! Asking the same thing in a row is waiting, not churn: other reads stand
//! between. A write that may have touched what is read starts the count anew.

use serde_json::Value;

use super::values::{nodes, plain, same, same_args};
use super::wording::is_statement;
use super::{Measure, TriggerKind, show, since};
use crate::action::{ActionStatus, Effect};
use crate::trace::{Call, Proposed, Trace};

/// Names of arguments that may touch anything.
const ANYTHING: [&str; 9] =
    ["command", "cmd", "script", "sql", "statement", "code", "argv", "args", "query"];
/// Names of arguments that hold what is written, not where.
const WRITTEN: [&str; 11] = [
    "content",
    "contents",
    "text",
    "body",
    "message",
    "old_string",
    "new_string",
    "old_str",
    "new_str",
    "patch",
    "diff",
];

/// The same read for the `times`-th time since a person looked; and which time
/// it is.
pub(super) fn circles(trace: &Trace, proposed: &Proposed<'_>, times: u32) -> Measure {
    if proposed.effect != Effect::Read {
        return (0, None);
    }
    let mut before: Vec<&Call> = Vec::new();
    // Newest first: a write in between makes everything older another question.
    let mut others_between = 0_usize;
    let mut others: Vec<&Call> = Vec::new();
    for call in since(trace).iter().rev() {
        if call.effect == Effect::Read {
            let is_same = call.tool == proposed.tool
                && call.args.as_object().is_some_and(|args| same_args(args, proposed.args));
            if !is_same {
                others_between += 1;
                others.push(call);
            } else if matches!(call.status, ActionStatus::Done | ActionStatus::Running)
                && others_between > 0
            {
                before.push(call);
                others_between = 0;
            }
        } else if call.status != ActionStatus::Failed && touches(call, proposed) {
            break;
        }
    }
    let reads = before.len() + 1;
    let measured = u32::try_from(reads).unwrap_or(u32::MAX);
    if measured < times {
        return (measured, None);
    }
    let headline = format!(
        "{} would make the same read for the {} time, with other reads between and no write \
         that touches it.",
        show::name(proposed.tool),
        ordinal(reads),
    );
    let mut exhibits = vec![show::of_proposed("the read", &show::args(proposed.args))];
    let shown = show::MAX_EXHIBITS - 2;
    let skip = before.len().saturating_sub(shown);
    exhibits.extend(before.iter().rev().skip(skip).enumerate().map(|(index, call)| {
        let answer = call.output.as_ref().map_or("no answer".to_owned(), show::value);
        show::of_call(call, &format!("answer of the {} time", ordinal(skip + index + 1)), &answer)
    }));
    let mut between: Vec<&str> = others.iter().rev().map(|call| call.tool.as_str()).collect();
    between.dedup();
    exhibits.push(show::of_proposed("read in between", &between.join(", ")));
    (measured, Some(show::evidence(TriggerKind::ContextChurn, &headline, exhibits)))
}

/// Whether a write may have changed what is read. Where that cannot be told,
/// it may.
fn touches(write: &Call, read: &Proposed<'_>) -> bool {
    let Some(args) = write.args.as_object() else { return true };
    let anything = |name: &str| ANYTHING.contains(&name.to_lowercase().as_str());
    // Words that are looked for are no statement, and nothing the desk knows of
    // changes what is found in the world.
    let looked_for = |name: &str, value: &Value| {
        name == "query" && value.as_str().is_some_and(|text| !is_statement(text))
    };
    let may_meet = args.keys().any(|name| anything(name))
        || read.args.iter().any(|(name, value)| anything(name) && !looked_for(name, value));
    if may_meet {
        return true;
    }
    let written = subjects(args);
    let read = subjects(read.args);
    written.is_empty()
        || read.is_empty()
        || written.iter().any(|one| read.iter().any(|other| meet(one, other)))
}

/// What a call is about: paths, ids, numbers; not what is written.
fn subjects(args: &serde_json::Map<String, Value>) -> Vec<&Value> {
    nodes(args)
        .into_iter()
        .filter(|node| !WRITTEN.iter().any(|name| plain(name) == plain(node.key)))
        .map(|node| node.value)
        .filter(|value| match value {
            Value::String(text) => !text.trim().is_empty() && text.len() <= 1000,
            Value::Number(_) => true,
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
        })
        .take(100)
        .collect()
}

/// Whether two subjects are the same, or one lies in the other.
fn meet(one: &Value, other: &Value) -> bool {
    let (Value::String(one), Value::String(other)) = (one, other) else {
        return same(one, other);
    };
    let bare = |text: &str| -> String {
        text.trim().trim_start_matches("./").trim_end_matches(['/', '*']).to_lowercase()
    };
    let (one, other) = (bare(one), bare(other));
    let holds = |outer: &str, inner: &str| {
        outer.is_empty()
            || outer == "."
            || inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            // One of them may be written from the root, the other from the folder of the work.
            || inner.strip_suffix(outer).is_some_and(|rest| rest.ends_with('/'))
    };
    holds(&one, &other) || holds(&other, &one)
}

fn ordinal(number: usize) -> String {
    let end = match (number % 10, number % 100) {
        (1, rest) if rest != 11 => "st",
        (2, rest) if rest != 12 => "nd",
        (3, rest) if rest != 13 => "rd",
        _ => "th",
    };
    format!("{number}{end}")
}
