//! What an agent reports and does, held against what it was told.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use handoff_domain::action::Action;
use handoff_domain::agreement::{Agreement, DivergenceKind, Told, compare};
use handoff_domain::decision::Decision;
use handoff_domain::directive::Line;
use handoff_domain::lifecycle::{Outcome, Report};
use handoff_domain::payload::ProposedAction;
use handoff_domain::record::Recorded;
use serde_json::{Value, json};

fn at(minutes: i64) -> DateTime<Utc> {
    let noon: DateTime<Utc> = "2026-11-20T12:00:00Z".parse().expect("a moment");
    noon + TimeDelta::minutes(minutes)
}

/// What the agent was told: refund 100 instead of the proposed 149.
fn agreement(report: Option<Value>, actions: &[(i64, Value)]) -> Agreement {
    let decision: Decision = serde_json::from_value(json!({ "kind": "modify", "by": "reviewer",
        "at": at(0), "option": "refund", "tool": "billing.refund", "args": { "amount": 100.0 } }))
    .expect("a decision");
    let line = |step: &str, verdict: &str| {
        json!({ "step": step, "verdict": verdict, "why": "It is a test.",
            "undo": if verdict == "undo_then_rerun" { json!(["old"]) } else { json!([]) } })
    };
    let directive: Vec<Line> = serde_json::from_value(json!([
        line("find", "keep"),
        line("check", "rerun"),
        line("tag", "undo_then_rerun"),
        line("refund", "run"),
        line("survey", "skip"),
        line("close", "blocked"),
    ]))
    .expect("lines");
    let proposed: ProposedAction =
        serde_json::from_value(json!({ "tool": "billing.refund", "args": { "amount": 149.0 } }))
            .expect("a proposal");
    let report: Option<Report> = report.map(|told| serde_json::from_value(told).expect("a report"));
    let written: Vec<(DateTime<Utc>, Action)> = actions
        .iter()
        .enumerate()
        .map(|(number, (minutes, action))| {
            let mut whole = json!({ "id": format!("n{number}"), "effect": "irreversible",
                "status": "done" });
            for (name, value) in action.as_object().expect("an object") {
                whole[name] = value.clone();
            }
            (at(*minutes), serde_json::from_value(whole).expect("an action"))
        })
        .collect();
    let recorded: Vec<Recorded<'_>> = written
        .iter()
        .map(|(at, action)| Recorded { at: Some(*at), ..Recorded::said(action) })
        .collect();
    let told = Told {
        handoff: "h1",
        directive: &directive,
        known: &BTreeSet::new(),
        let_run: &BTreeSet::new(),
        decision: &decision,
        step: Some("refund"),
        proposed: Some(&proposed),
        released_at: at(0),
        directed_at: at(0),
    };
    compare(&told, report.as_ref(), &recorded)
}

fn refund(amount: f64) -> Value {
    json!({ "step": "refund", "tool": "billing.refund", "input": { "amount": amount } })
}

/// The kinds of divergence that an action after the release shows.
fn kinds(action: Value) -> Vec<DivergenceKind> {
    let found = agreement(None, &[(1, action)]);
    found.divergences.into_iter().map(|divergence| divergence.kind).collect()
}

#[test]
fn nothing_said_and_nothing_done_is_open() {
    assert_eq!(agreement(None, &[]), Agreement::default());
    let before = agreement(None, &[(-1, refund(149.0))]);
    assert_eq!(before, Agreement::default(), "it was before the release");
}

#[test]
fn a_report_or_the_decided_call_closes_it() {
    let said = agreement(Some(json!({ "outcome": "applied" })), &[]);
    assert_eq!((said.outcome, said.divergences.len()), (Some(Outcome::Applied), 0));
    let done = agreement(None, &[(1, refund(100.0))]);
    assert_eq!((done.outcome, done.divergences.len()), (Some(Outcome::Applied), 0));
    let mut without_step = refund(100.0);
    without_step.as_object_mut().expect("an object").remove("step");
    assert_eq!(agreement(None, &[(1, without_step)]).outcome, Some(Outcome::Applied));
}

#[test]
fn what_it_says_of_itself_counts_and_is_told_step_by_step() {
    let whole =
        agreement(Some(json!({ "outcome": "diverged", "why": "The charge is gone." })), &[]);
    assert_eq!(whole.outcome, Some(Outcome::Diverged));
    assert_eq!(whole.why().as_deref(), Some("The charge is gone."));
    let step = agreement(
        Some(json!({ "outcome": "applied", "steps": [
            { "id": "find", "outcome": "applied" },
            { "id": "tag", "outcome": "diverged", "why": "No right to untag." }] })),
        &[],
    );
    assert_eq!(step.outcome, Some(Outcome::Diverged));
    assert_eq!(step.why().as_deref(), Some("tag: No right to untag."));
    assert_eq!(step.divergences[0].kind, DivergenceKind::Said);
    let silent = agreement(Some(json!({ "outcome": "diverged" })), &[]);
    assert!(silent.why().is_some_and(|why| why.contains("does not say why")));
}

#[test]
fn a_report_for_a_step_that_nobody_knows_is_a_fault() {
    let found = agreement(
        Some(json!({ "outcome": "applied", "steps": [{ "id": "refnd", "outcome": "applied" }] })),
        &[],
    );
    assert_eq!(found.faults.len(), 1);
    assert_eq!(found.faults[0].pointer, "/steps/0/id");
    assert!(found.faults[0].hint.contains("`refund`"), "{:?}", found.faults);
}

#[test]
fn other_arguments_than_were_decided_contradict_whatever_is_said() {
    assert_eq!(kinds(refund(149.0)), [DivergenceKind::OldArgs]);
    assert_eq!(kinds(refund(120.0)), [DivergenceKind::OtherArgs]);
    let named = json!({ "handoff": "h1", "tool": "bank.pay", "input": { "amount": 100.0 } });
    assert_eq!(kinds(named), [DivergenceKind::OtherArgs], "another tool in its name");
    let lie = agreement(Some(json!({ "outcome": "applied" })), &[(1, refund(149.0))]);
    assert_eq!(lie.outcome, Some(Outcome::Diverged));
    let both = agreement(None, &[(1, refund(100.0)), (2, refund(149.0))]);
    assert_eq!(both.outcome, Some(Outcome::Diverged), "once as told, and once as proposed");
}

#[test]
fn steps_are_held_against_their_verdicts() {
    let act = |step: &str, effect: &str| {
        kinds(json!({ "step": step, "tool": "some.tool", "effect": effect, "input": {} }))
    };
    assert_eq!(act("survey", "irreversible"), [DivergenceKind::SkippedRun]);
    assert_eq!(act("survey", "read"), [DivergenceKind::SkippedRun]);
    assert_eq!(act("find", "reversible"), [DivergenceKind::KeptRepeated]);
    assert_eq!(act("find", "read"), [], "a read may be repeated");
    assert_eq!(act("close", "reversible"), [DivergenceKind::BlockedRun]);
    assert_eq!(act("close", "read"), []);
    assert_eq!(act("check", "read"), []);
    assert_eq!(act("elsewhere", "irreversible"), [], "the directive does not know it");
}

#[test]
fn what_must_be_undone_is_undone_before_it_is_done_again() {
    let old = |status: &str| {
        (
            -5,
            json!({ "id": "old", "step": "tag", "tool": "crm.tag", "effect": "reversible",
            "status": status, "input": { "tag": "a" },
            "undo": { "kind": "tool", "tool": "crm.untag", "args": { "tag": "a" } } }),
        )
    };
    let again = (
        2,
        json!({ "step": "tag", "tool": "crm.tag", "effect": "reversible",
        "input": { "tag": "b" } }),
    );
    let undo = (
        1,
        json!({ "step": "tag", "tool": "crm.untag", "effect": "reversible",
        "input": { "tag": "a" } }),
    );
    let too_early = agreement(None, &[old("done"), again.clone()]);
    assert_eq!(too_early.divergences[0].kind, DivergenceKind::NotUndone);
    let right = agreement(None, &[old("undone"), undo.clone(), again]);
    assert_eq!(right.divergences, []);
    let only_undone = agreement(None, &[old("done"), undo]);
    assert_eq!(only_undone.divergences, [], "the undo itself repeats nothing");
}

#[test]
fn reading_at_the_same_step_is_nothing_else() {
    let look = json!({ "step": "refund", "tool": "billing.refund", "effect": "read",
        "input": { "dry_run": true } });
    assert_eq!(kinds(look.clone()), []);
    let mut named = look;
    named["handoff"] = json!("h1");
    assert_eq!(kinds(named), [DivergenceKind::OtherArgs], "it says that it carries it out");
}
