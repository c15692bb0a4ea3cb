//! What is wrong with a rule, before it is kept.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::fit::is_plain;
use super::{Does, Pattern, Rule, When};
use crate::constraint::{Condition, Names};
use crate::effect::is_shell;
use crate::schema::is_id;
use crate::validate::{Fault, Faults, push_segment};

/// The longest an `allow` lasts, in days.
pub const MAX_DAYS: i64 = 30;

/// The most arguments, words or values one rule names.
pub const MAX_PATTERNS: usize = 100;

/// The largest rule, in bytes of JSON.
pub const MAX_RULE_BYTES: usize = 64 * 1024;

pub(super) fn faults(rule: &Rule, now: DateTime<Utc>) -> Vec<Fault> {
    let mut faults = Faults::default();
    let size = serde_json::to_vec(rule).map_or(usize::MAX, |json| json.len());
    if size > MAX_RULE_BYTES {
        faults.add(
            "",
            format!("The rule has {size} bytes; at most {MAX_RULE_BYTES} are kept."),
            "Make several smaller rules.",
        );
        return faults.into_list();
    }
    names(rule, &mut faults);
    time(rule, now, &mut faults);
    when(rule, &mut faults);
    match &rule.does {
        Does::Allow => allow(rule, now, &mut faults),
        Does::Hold { why } => hold(why, &mut faults),
        Does::Counts { .. } => counts(rule, &mut faults),
    }
    faults.into_list()
}

pub(super) fn inexact(rule: &Rule) -> Vec<Fault> {
    let mut faults = Faults::default();
    for (name, pattern) in &rule.when.args {
        let is_exact = match pattern {
            Pattern::Is(value) => keeps_numbers(value),
            Pattern::OneOf(values) => values.iter().all(keeps_numbers),
            Pattern::Between(least, most) => least.abs() <= EXACT && most.abs() <= EXACT,
            Pattern::Within(_) | Pattern::Any => true,
        };
        if !is_exact {
            let mut pointer = "/when/args".to_owned();
            push_segment(&mut pointer, name);
            let message = "A number beyond 2^53 may have lost its last digits on its way here.";
            let hint = "Make the rule from the card of the call: the desk keeps its numbers.";
            faults.add(pointer, message, hint);
        }
    }
    faults.into_list()
}

/// Up to here every whole number is one of its own.
const EXACT: f64 = 9_007_199_254_740_992.0;

fn keeps_numbers(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.as_f64().is_some_and(|number| number.abs() <= EXACT),
        Value::Array(items) => items.iter().all(keeps_numbers),
        Value::Object(map) => map.values().all(keeps_numbers),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

fn names(rule: &Rule, faults: &mut Faults) {
    let is_name = |text: &str, most: usize| {
        !text.trim().is_empty()
            && text.trim() == text
            && text.len() <= most
            && crate::visible::line(text) == text
    };
    if !is_name(&rule.name, 400) {
        let hint = "Call it something you will know again, in one line of at most 400 bytes.";
        faults.add("/name", "The rule has no name that can be shown.", hint);
    }
    if rule.agent.as_deref().is_some_and(|agent| !is_id(agent)) {
        faults.add("/agent", "No agent is called that.", "Name an agent as the desk lists it.");
    }
    if rule.tool.as_deref().is_some_and(|tool| !is_name(tool, 200)) {
        faults.add("/tool", "No tool is called that.", "Name a tool exactly as the agent does.");
    }
}

fn time(rule: &Rule, now: DateTime<Utc>, faults: &mut Faults) {
    if rule.until.is_some_and(|until| until <= now) {
        faults.add("/until", "The rule would be over already.", "Name a time that is to come.");
    }
    match rule.uses {
        Some(_) if !rule.lets_go() => {
            let hint = "Leave out `uses`; an end in time is fine.";
            faults.add("/uses", "A hold that is used up would let the next call go.", hint);
        }
        Some(0) => {
            let hint = "Name at least 1, or leave it out.";
            faults.add("/uses", "The rule would cover no call.", hint);
        }
        Some(_) | None => {}
    }
}

fn when(rule: &Rule, faults: &mut Faults) {
    let When { args, argv, cwd, expr } = &rule.when;
    if args.len() > MAX_PATTERNS {
        let message = format!("{} arguments are named; at most {MAX_PATTERNS} are.", args.len());
        faults.add("/when/args", message, "Make several smaller rules.");
    }
    for (name, pattern) in args {
        let mut pointer = "/when/args".to_owned();
        push_segment(&mut pointer, name);
        one_pattern(&pointer, pattern, rule.lets_go(), faults);
    }
    if let Some(words) = argv {
        let is_empty = words.first().is_none_or(|word| word.is_empty());
        if is_empty || words.len() > MAX_PATTERNS || words.iter().any(|word| word.contains('\0')) {
            let message = "These are not the words of a command.";
            let hint = format!("Give the program and its arguments, at most {MAX_PATTERNS} words.");
            faults.add("/when/argv", message, hint);
        }
        if cwd.as_deref().is_none_or(str::is_empty) {
            let hint = "Name the folder: the same words do other things elsewhere.";
            faults.add("/when/cwd", "A command is named without its folder.", hint);
        }
    }
    let named = cwd.as_deref().filter(|folder| !folder.is_empty());
    if named.is_some_and(|folder| folder != "/" && !is_plain(folder)) {
        faults.add("/when/cwd", "This is not one folder for sure.", PLAIN);
    }
    if let Some(expr) = expr {
        condition(expr, rule.lets_go(), faults);
    }
}

const PLAIN: &str = "Write an absolute path without `.`, `..`, `~`, wildcards, variables and a \
                     slash at its end.";

fn one_pattern(pointer: &str, pattern: &Pattern, lets_go: bool, faults: &mut Faults) {
    match pattern {
        Pattern::OneOf(values) if values.is_empty() || values.len() > MAX_PATTERNS => {
            let message = format!("It gives {} values to choose from.", values.len());
            faults.add(pointer, message, format!("Give 1 to {MAX_PATTERNS} values."));
        }
        Pattern::Any | Pattern::Is(_) | Pattern::OneOf(_) => {}
        Pattern::Within(folder) => {
            if !is_plain(folder) {
                faults.add(pointer, "This is not one folder for sure.", PLAIN);
            } else if lets_go && folder.matches('/').count() < 2 {
                let message = format!("`{folder}` is too much to let go at once.");
                faults.add(pointer, message, "Name a folder deeper within it.");
            }
        }
        Pattern::Between(least, most) => {
            if !(least.is_finite() && most.is_finite() && least <= most) {
                let hint = "Give the smaller number first.";
                faults.add(pointer, "No number is between these two.", hint);
            }
        }
    }
}

fn condition(expr: &str, lets_go: bool, faults: &mut Faults) {
    match Condition::read(expr, Names::Rule) {
        Err(why) => {
            let hint = "Write a condition in CEL over `agent`, `task`, `tool`, `args` and `facts`.";
            faults.add("/when/expr", why, hint);
        }
        Ok(condition) if lets_go && condition.uses("facts") => {
            let message = "It rests on facts, and those come from the agent itself.";
            let hint = "Let a rule that lets something go look at `args` only.";
            faults.add("/when/expr", message, hint);
        }
        Ok(_) => {}
    }
}

fn allow(rule: &Rule, now: DateTime<Utc>, faults: &mut Faults) {
    if rule.agent.is_none() {
        faults.add("/agent", "An allow is for one agent.", "Name the agent.");
    }
    match rule.tool.as_deref() {
        None => faults.add("/tool", "An allow is for one tool.", "Name the tool."),
        Some(tool) if is_shell(tool) => faults.add(
            "/tool",
            "Whatever runs commands is never allowed as a whole.",
            "Say what one exact command in one folder counts as instead.",
        ),
        Some(_) => {}
    }
    if rule.when.argv.is_some() {
        let hint = "Say what one exact command in one folder counts as instead.";
        faults.add("/when/argv", "Commands are never allowed for good.", hint);
    }
    if rule.when.cwd.is_none() {
        let hint = "Name the folder, or leave it empty for calls that name none.";
        faults.add("/when/cwd", "An allow is for one folder.", hint);
    }
    let args = &rule.when.args;
    if !args.is_empty() && args.values().all(|pattern| *pattern == Pattern::Any) {
        let message = "With every argument free, it allows whatever the tool can do.";
        faults.add("/when/args", message, "Give at least one argument exactly.");
    }
    // Beyond what the calendar holds, no date is within 30 days.
    let latest = now.checked_add_signed(TimeDelta::days(MAX_DAYS));
    if rule.until.is_none_or(|until| latest.is_none_or(|latest| until > latest)) {
        let message = format!("An allow lasts at most {MAX_DAYS} days.");
        faults.add("/until", message, "Say when it ends; it can be made again then.");
    }
}

fn hold(why: &str, faults: &mut Faults) {
    if why.trim().is_empty() || why.len() > 2000 {
        let hint = "Say in at most 2000 bytes what you want to look at.";
        faults.add("/why", "A hold has to say why on the card.", hint);
    }
}

fn counts(rule: &Rule, faults: &mut Faults) {
    let Some(tool) = rule.tool.as_deref() else {
        let message = "What a call counts as is said of one tool.";
        return faults.add("/tool", message, "Name the tool.");
    };
    if !rule.lets_go() {
        return;
    }
    let When { args, argv, cwd: _, expr } = &rule.when;
    if argv.is_some() {
        return;
    }
    if is_shell(tool) {
        let message = "What a shell does is told by the exact words of one command.";
        faults.add("/when/argv", message, "Give the words and the folder of the command.");
    } else if args.is_empty() && expr.is_none() {
        let message = "It does not say which calls count as less than they may do.";
        let hint = "Name the arguments, or give a condition; `size(args) == 0` is one.";
        faults.add("/when/args", message, hint);
    } else if args.is_empty() && !rests_on_args(expr.as_deref()) {
        let hint = "Give a condition on the arguments.";
        faults.add("/when/expr", "It does not look at what the tool is given.", hint);
    }
}

fn rests_on_args(expr: Option<&str>) -> bool {
    expr.and_then(|expr| Condition::read(expr, Names::Rule).ok())
        .is_none_or(|condition| condition.uses("args"))
}
