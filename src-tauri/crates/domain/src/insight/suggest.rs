//! Rules that the record speaks for.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::Suggestion;
use crate::action::Effect;
use crate::decision::{canonical, fingerprint};
use crate::gate::{Ran, Verdict};
use crate::replay::Afterwards::{Approved, RolledBack};
use crate::replay::PastCheck;
use crate::rule::{Does, MAX_DAYS, Rule, Rules, When};
use crate::validate::names::clip;
use crate::visible::line;

/// The least approvals of the very same call, with nothing else said to it,
/// that speak for allowing it.
pub const MIN_APPROVED: u32 = 10;

/// The least calls taken back that speak for holding such calls.
pub const MIN_ROLLED_BACK: u32 = 3;

/// The most rules suggested at once, of each kind.
const MAX_SUGGESTED: usize = 10;

pub(super) fn rules(checks: &[PastCheck], in_force: &Rules, now: DateTime<Utc>) -> Vec<Suggestion> {
    let mut list = allows(checks, in_force, now);
    list.extend(holds(checks, in_force, now));
    list
}

/// Calls asked again and again that were always approved as they were.
fn allows(checks: &[PastCheck], in_force: &Rules, now: DateTime<Utc>) -> Vec<Suggestion> {
    let mut same: BTreeMap<Vec<u8>, Vec<&PastCheck>> = BTreeMap::new();
    for check in checks.iter().filter(|check| check.judged.effect != Effect::Irreversible) {
        let call = json!([check.agent, check.tool, check.cwd, check.args]);
        same.entry(canonical(&call)).or_default().push(check);
    }
    let rules = same.into_values().filter_map(|calls| allow(&calls, in_force, now));
    most_telling(rules.collect())
}

/// The rule that the same call, asked so often, speaks for.
fn allow(calls: &[&PastCheck], in_force: &Rules, now: DateTime<Utc>) -> Option<Suggestion> {
    let was_held = |check: &PastCheck| matches!(check.verdict, Verdict::Held(held) if held.asks());
    let approved =
        calls.iter().filter(|check| was_held(check) && check.afterwards == Some(Approved));
    let count = number(approved.count());
    let is_doubtful = calls.iter().any(|check| check.afterwards.is_some_and(|it| it != Approved));
    let last = calls.last()?;
    if count < MIN_APPROVED || is_doubtful || in_force.matched(&last.facts_at(now)).allow.is_some()
    {
        return None;
    }
    let rule = Rule::from_call(&last.facts(), now + TimeDelta::days(MAX_DAYS), None);
    // Commands, for one, are never allowed for good, and nobody can allow exactly
    // what runs in a folder that is not known.
    if !rule.fault(now).is_empty() || !rule.matches(&last.facts_at(now)) {
        return None;
    }
    let text = format!(
        "{count} of {count} approved, never reversed: allow exactly this {} of {}?",
        clip(&line(&last.tool)),
        clip(&line(&last.agent)),
    );
    Some(suggestion(text, rule, count))
}

/// Tools that ran without a question and were taken back.
fn holds(checks: &[PastCheck], in_force: &Rules, now: DateTime<Utc>) -> Vec<Suggestion> {
    let mut tools: BTreeMap<(&str, &str), Vec<&PastCheck>> = BTreeMap::new();
    for check in checks {
        tools.entry((&check.agent, &check.tool)).or_default().push(check);
    }
    let rules = tools.into_values().filter_map(|calls| hold(&calls, in_force, now));
    most_telling(rules.collect())
}

/// The rule that these calls of one tool of one agent speak for.
fn hold(calls: &[&PastCheck], in_force: &Rules, now: DateTime<Utc>) -> Option<Suggestion> {
    let ran = |check: &PastCheck| matches!(check.verdict, Verdict::Run(ran) if ran != Ran::Permit);
    let back: Vec<&&PastCheck> =
        calls.iter().filter(|check| check.afterwards == Some(RolledBack)).collect();
    let (count, of) = (number(back.len()), number(calls.len()));
    let last = back.last()?;
    if !calls.iter().all(|check| ran(check))
        || count < MIN_ROLLED_BACK
        || !in_force.matched(&last.facts_at(now)).hold.is_empty()
    {
        return None;
    }
    let (tool, agent) = (clip(&line(&last.tool)), clip(&line(&last.agent)));
    let rule = Rule {
        name: format!("Ask before {tool} of {agent}"),
        agent: Some(last.agent.clone()),
        tool: Some(last.tool.clone()),
        when: When::default(),
        does: Does::Hold { why: format!("{count} of {of} such calls were taken back.") },
        until: None,
        uses: None,
    };
    let text = format!("{tool} of {agent}: never held, yet {count} rolled back: hold these?");
    rule.fault(now).is_empty().then(|| suggestion(text, rule, count))
}

fn suggestion(text: String, rule: Rule, calls: u32) -> Suggestion {
    // Neither when it ends nor how many calls speak for it: both move on.
    let (what, whose) = (matches!(rule.does, Does::Allow), (&rule.agent, &rule.tool));
    let meant = json!([what, whose, rule.when]);
    let id = fingerprint(&meant).chars().take(32).collect();
    Suggestion { id, text, rule, calls }
}

fn most_telling(mut list: Vec<Suggestion>) -> Vec<Suggestion> {
    list.sort_by_key(|suggestion| std::cmp::Reverse(suggestion.calls));
    list.truncate(MAX_SUGGESTED);
    list
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
