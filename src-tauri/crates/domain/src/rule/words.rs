//! A rule in words, and a rule made from a call.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{CallFacts, Does, Pattern, Rule, When};
use crate::action::Effect;
use crate::validate::names::clip_long;
use crate::visible::line;

pub(super) fn from_call(call: &CallFacts<'_>, until: DateTime<Utc>, uses: Option<u32>) -> Rule {
    let exactly = |(name, value): (&String, &Value)| (name.clone(), Pattern::Is(value.clone()));
    let when = When {
        args: call.args.iter().map(exactly).collect(),
        argv: None,
        // A relative path means another file in another folder: without one it
        // covers the calls that name none, either.
        cwd: Some(call.cwd.unwrap_or_default().to_owned()),
        expr: None,
    };
    Rule {
        name: clip_long(&format!("Exactly this {} of {}", line(call.tool), line(call.agent))),
        agent: Some(call.agent.to_owned()),
        tool: Some(call.tool.to_owned()),
        when,
        does: Does::Allow,
        until: Some(until),
        uses,
    }
}

/// The longest of a value that is shown.
const SHOWN: usize = 300;

pub(super) fn preview(rule: &Rule) -> String {
    let mut text = String::new();
    let _ = write!(text, "{} {}", does(&rule.does), whose(rule));
    let conditions = conditions(rule);
    match conditions.as_slice() {
        [] => text.push('.'),
        [one] => {
            let _ = write!(text, ", where {one}.");
        }
        [first @ .., last] => {
            let _ = write!(text, ", where {} and {last}.", first.join(", "));
        }
    }
    if rule.lets_go() {
        text.push_str(closing(rule));
    } else {
        text.push_str(" Where it cannot be told whether a call fits, it counts as fitting.");
    }
    match (rule.until, rule.uses) {
        (None, None) => text.push_str(" It has no end."),
        (until, uses) => {
            text.push_str(" It ends");
            if let Some(uses) = uses {
                let calls = if uses == 1 { "call" } else { "calls" };
                let _ = write!(text, " after {uses} {calls}");
            }
            if let Some(until) = until {
                let or = if uses.is_some() { ", or" } else { "" };
                let _ = write!(text, "{or} on {}", until.format("%Y-%m-%d at %H:%M UTC"));
            }
            text.push('.');
        }
    }
    text
}

fn does(does: &Does) -> &'static str {
    match does {
        Does::Allow => "Runs without asking, as long as it can be undone:",
        Does::Hold { .. } => "Always asks first:",
        Does::Counts { effect: Effect::Read } => "Counts as a read, which runs without asking:",
        Does::Counts { effect: Effect::Reversible } => "Counts as a change that can be undone:",
        Does::Counts { effect: Effect::Irreversible } => {
            "Counts as irreversible, so it always asks:"
        }
    }
}

fn whose(rule: &Rule) -> String {
    let tool = match &rule.tool {
        Some(tool) => format!("calls of `{}`", line(tool)),
        None => "calls of any tool".to_owned(),
    };
    match &rule.agent {
        Some(agent) => format!("{tool} by {}", line(agent)),
        None => format!("{tool} by any agent"),
    }
}

fn conditions(rule: &Rule) -> Vec<String> {
    let When { args, argv, cwd, expr } = &rule.when;
    let mut said: Vec<String> = args
        .iter()
        .map(|(name, pattern)| format!("`{}` is {}", line(name), shape(pattern)))
        .collect();
    if let Some(words) = argv {
        said.push(format!("the command is exactly {}", json(&Value::from(words.clone()))));
    }
    match cwd.as_deref() {
        Some("") => said.push("it names no folder to run in".to_owned()),
        Some(folder) => said.push(format!("it runs in {}", line(folder))),
        None => {}
    }
    if let Some(expr) = expr {
        said.push(format!("`{}` holds", line(expr)));
    }
    said
}

fn shape(pattern: &Pattern) -> String {
    match pattern {
        Pattern::Is(value) => format!("exactly {}", json(value)),
        Pattern::OneOf(values) => {
            let values: Vec<String> = values.iter().map(json).collect();
            format!("one of {}", values.join(", "))
        }
        Pattern::Within(folder) => format!("the path of a file in {} or deeper", line(folder)),
        Pattern::Between(least, most) => format!("a number from {least} to {most}"),
        Pattern::Any => "anything at all".to_owned(),
    }
}

fn closing(rule: &Rule) -> &'static str {
    let When { args, argv, expr, .. } = &rule.when;
    if argv.is_some() {
        " No other word, order or folder."
    } else if args.is_empty() && expr.is_some() && rule.does != Does::Allow {
        " Every call for which this holds, whatever else it is given."
    } else if args.is_empty() {
        " Only without any argument."
    } else {
        " No other argument, and none missing."
    }
}

/// A value on one line, shown honestly and cut where it is long.
fn json(value: &Value) -> String {
    let text = line(&value.to_string());
    if text.chars().count() <= SHOWN {
        return text;
    }
    let start: String = text.chars().take(SHOWN).collect();
    format!("{start}… ({} characters)", text.chars().count())
}
