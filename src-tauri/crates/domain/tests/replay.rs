//! Replays: what a change would have done, by the gate's own answers.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use handoff_domain::action::Effect;
use handoff_domain::autonomy::Level;
use handoff_domain::effect::Judged;
use handoff_domain::gate::{Held, Ran, Stop, Verdict};
use handoff_domain::replay::{Afterwards, Ground, MAX_LISTED, Past, PastCheck, Replay, replay};
use handoff_domain::rule::{Does, Kept, Pattern, Rule, Rules, When};
use handoff_domain::trigger::{Evidence, Exhibit, Measured, TriggerKind, Triggers};
use proptest::prelude::*;
use serde_json::{Value, json};

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + second, 0).expect("a time")
}

fn check(id: i64, tool: &str, args: Value, effect: Effect) -> PastCheck {
    let Value::Object(args) = args else { panic!("arguments are an object") };
    PastCheck {
        id,
        agent: "helper".into(),
        task: "task-1".into(),
        tool: tool.into(),
        args,
        argv: None,
        cwd: None,
        facts: Arc::default(),
        judged: Judged { effect, unknown: false, why: "because".into() },
        evidence: Vec::new(),
        measured: Measured::default(),
        level: Level::Suggest,
        verdict: Verdict::Held(Held::Level),
        afterwards: None,
        at: at(id),
    }
}

fn evidence(trigger: TriggerKind, action: Option<&str>) -> Evidence {
    let exhibit =
        Exhibit { action: action.map(Into::into), label: "Look".into(), text: "text".into() };
    Evidence { trigger, headline: "Look".into(), exhibits: vec![exhibit] }
}

fn rule(tool: &str, args: Value, does: Does) -> Rule {
    Rule {
        name: "rule".into(),
        agent: Some("helper".into()),
        tool: Some(tool.into()),
        when: When { args: serde_json::from_value(args).expect("patterns"), ..When::default() },
        does,
        until: Some(at(1_000_000)),
        uses: None,
    }
}

fn ground(rules: &[Rule]) -> Ground {
    let kept = rules.iter().zip(1..).map(|(rule, id)| Kept { id, rule: rule.clone(), used: 9 });
    Ground { rules: Rules::new(kept), ..Ground::default() }
}

fn run(checks: Vec<PastCheck>, before: &Ground, after: &Ground) -> Replay {
    replay(&Past { checks }, before, after).expect("it is done")
}

fn close(one: f64, other: f64) -> bool {
    (one - other).abs() < 1e-9
}

#[test]
fn an_allow_lets_through_exactly_its_calls_and_tells_what_was_refused() {
    let note = |id, text: &str| check(id, "note", json!({ "text": text }), Effect::Reversible);
    let mut checks: Vec<PastCheck> = (0..10).map(|id| note(id, "paid")).collect();
    checks.extend((10..20).map(|id| note(id, "paid ")));
    checks.extend((20..40).map(|id| check(id, "find", json!({}), Effect::Read)));
    for (place, afterwards) in [
        (0, Afterwards::Approved),
        (1, Afterwards::Informed),
        (5, Afterwards::Modified),
        (6, Afterwards::RolledBack),
        (7, Afterwards::Rejected),
        (8, Afterwards::TakenOver),
        (12, Afterwards::Rejected),
    ] {
        checks[place].afterwards = Some(afterwards);
    }
    let allow = rule("note", json!({ "text": { "is": "paid" } }), Does::Allow);
    let told = run(checks, &Ground::default(), &ground(&[allow]));
    assert_eq!((told.checks, told.left_out), (40, 0));
    assert_eq!((told.before.held, told.after.held), (20, 10));
    assert!(close(told.before.rate, 0.5) && close(told.after.rate, 0.25));
    assert!(close(told.after.discretionary_rate, 0.25));
    let shift = &told.let_through;
    assert_eq!(shift.count, 10);
    assert_eq!((shift.approved, shift.informed, shift.modified), (1, 1, 1));
    assert_eq!((shift.taken_over, shift.rejected, shift.rolled_back), (1, 1, 1));
    assert_eq!(shift.unknown, 4);
    let ids: Vec<i64> = shift.listed.iter().map(|one| one.id).collect();
    assert_eq!(ids, [5, 6, 7, 8, 0, 1, 2, 3, 4, 9], "those stepped in at come first");
    assert_eq!((shift.listed[0].held, shift.listed[0].ran), (Held::Level, Ran::Allowed));
    assert_eq!(told.newly_held.count, 0);
    assert!(told.caveats.is_empty(), "{:?}", told.caveats);
}

#[test]
fn that_links_are_not_followed_in_the_past_is_said_of_rules_for_a_folder() {
    let checks = vec![check(0, "note", json!({ "path": "/a/b" }), Effect::Reversible)];
    let folder = rule("note", json!({ "path": { "within": "/a" } }), Does::Allow);
    let (none, with) = (Ground::default(), ground(&[folder]));
    for (before, after, said) in [(&none, &with, 1), (&with, &none, 1), (&none, &none, 0)] {
        let caveats = run(checks.clone(), before, after).caveats;
        assert_eq!(caveats.len(), said, "{caveats:?}");
        assert!(caveats.iter().all(|caveat| caveat.starts_with("Where links led")));
    }
}

#[test]
fn uses_and_ends_of_rules_count_from_the_first_question_on() {
    let note = |id| check(id, "note", json!({}), Effect::Reversible);
    let mut allow = rule("note", json!({}), Does::Allow);
    allow.uses = Some(3);
    let told = run((0..10).map(note).collect(), &Ground::default(), &ground(&[allow.clone()]));
    assert_eq!(told.let_through.count, 3);
    assert_eq!(told.let_through.listed[2].id, 2, "the first three");
    allow.uses = None;
    allow.until = Some(at(4));
    let told = run((0..10).map(note).collect(), &Ground::default(), &ground(&[allow]));
    assert_eq!(told.let_through.count, 4);
}

#[test]
fn what_cannot_be_undone_is_let_through_by_no_allow_and_no_level() {
    let mut checks = vec![
        check(1, "pay", json!({}), Effect::Irreversible),
        check(2, "odd", json!({}), Effect::Reversible),
    ];
    checks[1].judged.unknown = true;
    let mut after =
        ground(&[rule("pay", json!({}), Does::Allow), rule("odd", json!({}), Does::Allow)]);
    after.levels.agents.insert("helper".into(), Level::Execute);
    let told = run(checks.clone(), &Ground::default(), &after);
    assert_eq!((told.after.held, told.after.mandatory), (2, 2));
    assert!(close(told.after.rate, 1.0) && close(told.after.discretionary_rate, 0.0));
    let counts = rule("pay", json!({}), Does::Counts { effect: Effect::Read });
    let told = run(checks, &Ground::default(), &ground(&[counts]));
    assert_eq!(told.let_through.count, 1, "only the reviewer's own word lowers it");
    assert_eq!(told.let_through.listed[0].held, Held::Irreversible);
}

#[test]
fn levels_are_those_of_the_time_where_the_ground_names_none() {
    let mut checks: Vec<PastCheck> =
        (0..4).map(|id| check(id, "note", json!({}), Effect::Reversible)).collect();
    checks[1].level = Level::Execute;
    checks[2].task = "task-2".into();
    checks[3].agent = "other".into();
    let mut after = Ground::default();
    after.levels.agents.insert("helper".into(), Level::Draft);
    let own = after.levels.tasks.entry("helper".into()).or_default();
    own.insert("task-2".into(), Level::Suggest);
    let told = run(checks, &Ground::default(), &after);
    assert_eq!((told.before.held, told.after.held), (3, 2));
    assert_eq!(told.let_through.listed[0].id, 0);
    assert_eq!(told.let_through.listed[0].ran, Ran::Drafted);
}

#[test]
fn holds_are_found_anew_and_those_recorded_are_not_believed() {
    let mut checks: Vec<PastCheck> =
        (0..3).map(|id| check(id, "find", json!({ "n": id }), Effect::Read)).collect();
    checks[0].evidence = vec![evidence(TriggerKind::Limit, None)];
    let mut hold = rule("find", json!({}), Does::Hold { why: "Too many.".into() });
    hold.when.args.insert("n".into(), Pattern::Between(2.0, 9.0));
    let told = run(checks, &Ground::default(), &ground(&[hold]));
    assert_eq!((told.before.held, told.after.held), (0, 1));
    assert_eq!(told.newly_held.listed[0].id, 2);
    assert_eq!(told.newly_held.listed[0].held, Held::Trigger);
    assert_eq!(told.newly_held.listed[0].ran, Ran::Read);
}

#[test]
fn what_the_reviewer_had_taken_back_is_held_at_every_level() {
    let mut again = check(0, "move", json!({}), Effect::Reversible);
    again.evidence = vec![evidence(TriggerKind::Overruled, None)];
    again.level = Level::Suggest;
    again.verdict = Verdict::Held(Held::Trigger);
    let mut after = Ground::default();
    after.levels.agents.insert("helper".into(), Level::Execute);
    let told = run(vec![again], &Ground::default(), &after);
    assert_eq!((told.before.held, told.after.held, told.let_through.count), (1, 1, 0));
}

/// Moves a threshold.
type Change = fn(&mut Triggers);

#[test]
fn a_trigger_that_is_switched_off_holds_no_more_and_changes_are_caveated() {
    let mut checks: Vec<PastCheck> =
        (0..3).map(|id| check(id, "find", json!({}), Effect::Read)).collect();
    checks[0].evidence = vec![evidence(TriggerKind::Scope, None)];
    checks[1].evidence =
        vec![evidence(TriggerKind::Scope, None), evidence(TriggerKind::Compliance, None)];
    let on = Ground::default();
    let mut off = Ground::default();
    off.triggers.scope = false;
    let told = run(checks.clone(), &on, &off);
    assert_eq!((told.before.held, told.after.held), (2, 1));
    assert!(told.caveats.is_empty(), "switching off is replayed wholly");
    let told = run(checks.clone(), &off, &on);
    assert_eq!(told.newly_held.count, 1);
    assert!(told.caveats[0].contains("scope is recorded only while it is on"), "{told:?}");
    let changes: [(Change, &str); 6] = [
        (|set| set.chain_bound = 7, "the longest chain from 50 to 7"),
        (|set| set.rephrased_retries = 7, "retries in other words from 2 to 7"),
        (|set| set.rephrased_alike = 99, "in percent, from"),
        (|set| set.churn_reads = 9, "the same read from 3 to 9"),
        (|set| set.error_times = 9, "the same error from 3 to 9"),
        (|set| set.words = vec!["secret".into()], "the new list of words"),
    ];
    for (change, says) in changes {
        let mut after = Ground::default();
        change(&mut after.triggers);
        let told = run(checks.clone(), &Ground::default(), &after);
        assert!(told.caveats.len() == 1 && told.caveats[0].contains(says), "{:?}", told.caveats);
        assert_eq!(told.before, told.after);
    }
    let told = run(Vec::new(), &on, &off);
    assert_eq!(told.caveats.len(), 1, "an empty past says nothing");
    assert!(close(told.before.rate, 0.0));
}

#[test]
fn a_bound_that_is_moved_is_replayed_by_what_was_measured() {
    let mut checks: Vec<PastCheck> =
        (0..10).map(|id| check(id, "find", json!({}), Effect::Read)).collect();
    for (check, made) in checks.iter_mut().zip(0..) {
        check.verdict = Verdict::Run(Ran::Read);
        check.measured = Measured {
            rephrased: Some(made),
            chain: Some(made),
            churn: Some(made),
            errors: Some(made),
        };
    }
    // By the old bound two were held; the record says so of one, and does not
    // of the other, which was asked under another bound still.
    checks[9].verdict = Verdict::Held(Held::Trigger);
    checks[9].evidence = vec![evidence(TriggerKind::ChainLength, None)];
    let far = |set: &mut Triggers| {
        (set.rephrased_retries, set.chain_bound) = (20, 10_000);
        (set.churn_reads, set.error_times) = (100, 100);
    };
    let changes: [(Change, Change, u32, u32); 5] = [
        (|set| set.chain_bound = 8, |set| set.chain_bound = 3, 2, 7),
        (|set| set.chain_bound = 3, |set| set.chain_bound = 9, 7, 1),
        (|set| set.rephrased_retries = 8, |set| set.rephrased_retries = 2, 1, 7),
        (|set| set.churn_reads = 9, |set| set.churn_reads = 2, 1, 8),
        (|set| set.error_times = 9, |set| set.error_times = 1, 1, 9),
    ];
    for (old, new, held_before, held_after) in changes {
        let (mut before, mut after) = (Ground::default(), Ground::default());
        for (ground, change) in [(&mut before, old), (&mut after, new)] {
            far(&mut ground.triggers);
            change(&mut ground.triggers);
        }
        let told = run(checks.clone(), &before, &after);
        assert_eq!((told.before.held, told.after.held), (held_before, held_after));
        assert!(told.caveats.is_empty(), "{:?}", told.caveats);
        let mut off = after.clone();
        (off.triggers.chain_length, off.triggers.rephrased) = (false, false);
        (off.triggers.context_churn, off.triggers.repeated_error) = (false, false);
        assert_eq!(run(checks.clone(), &before, &off).after.held, 0);
    }
}

#[test]
fn an_allow_covers_what_was_seen_of_the_call_and_not_of_the_past() {
    let mut checks: Vec<PastCheck> =
        (0..2).map(|id| check(id, "note", json!({}), Effect::Reversible)).collect();
    checks[0].evidence = vec![evidence(TriggerKind::Scope, None)];
    checks[1].evidence = vec![evidence(TriggerKind::Scope, Some("a-1"))];
    let told = run(checks, &Ground::default(), &ground(&[rule("note", json!({}), Does::Allow)]));
    assert_eq!(told.let_through.listed.iter().map(|one| one.id).collect::<Vec<_>>(), [0]);
}

#[test]
fn what_asked_nothing_is_left_out() {
    let mut checks: Vec<PastCheck> =
        (0..5).map(|id| check(id, "note", json!({}), Effect::Reversible)).collect();
    checks[0].verdict = Verdict::Run(Ran::Permit);
    checks[1].verdict = Verdict::Held(Held::Waits);
    checks[2].verdict = Verdict::Held(Held::Stopped(Stop::Everything));
    let told = run(checks, &Ground::default(), &Ground::default());
    assert_eq!((told.checks, told.left_out, told.before.held), (2, 3, 2));
}

#[test]
fn lists_are_bounded_and_numbers_are_not() {
    let mut checks: Vec<PastCheck> =
        (0..300).map(|id| check(id, "note", json!({}), Effect::Reversible)).collect();
    checks[299].afterwards = Some(Afterwards::Rejected);
    let told = run(checks, &Ground::default(), &ground(&[rule("note", json!({}), Does::Allow)]));
    assert_eq!((told.let_through.count, told.let_through.listed.len()), (300, MAX_LISTED));
    assert_eq!(told.let_through.listed[0].id, 299, "the refused one is among them");
    let json = serde_json::to_value(&told).expect("json");
    assert_eq!(serde_json::from_value::<Replay>(json).expect("the same"), told);
}

/// 100,000 questions (fewer unoptimised), 300 rules on the one side and 301 on the other, one in
/// ten with a condition.
#[test]
fn a_hundred_thousand_questions_are_answered_in_seconds() {
    let effects = [Effect::Read, Effect::Reversible, Effect::Irreversible];
    let count: u32 = if cfg!(debug_assertions) { 2_000 } else { 100_000 };
    let checks: Vec<PastCheck> = (0..i64::from(count))
        .zip((0..3_usize).cycle())
        .map(|(id, turn)| {
            let args = json!({
                "path": format!("/work/{}/notes.txt", id % 97),
                "text": "What the customer said on the phone, in a few words.",
                "n": id % 21,
            });
            let mut check = check(id, &format!("tool-{}", id % 30), args, effects[turn]);
            check.agent = format!("agent-{}", id % 10);
            if id % 12 == 0 {
                check.evidence = vec![evidence(TriggerKind::Scope, None)];
            }
            check
        })
        .collect();
    let mut rules: Vec<Rule> = (0..300_i64)
        .map(|id| {
            let args = json!({
                "path": { "within": format!("/work/{}", id % 97) },
                "text": { "any": null },
                "n": { "between": [0, 15] },
            });
            let mut rule = rule(&format!("tool-{}", id % 30), args, Does::Allow);
            rule.agent = Some(format!("agent-{}", id % 10));
            if id % 10 == 0 {
                rule.when.expr = Some("args.n < 10 && args.path.startsWith('/work')".into());
            }
            rule
        })
        .collect();
    let before = ground(&rules);
    let mut hold = rule("tool-3", json!({}), Does::Hold { why: "Look.".into() });
    hold.agent = None;
    hold.when.expr = Some("args.n > 15 || size(args.text) > 1000".into());
    rules.push(hold);
    let after = ground(&rules);
    let started = Instant::now();
    let told = run(checks, &before, &after);
    let took = started.elapsed();
    assert_eq!(told.checks, count);
    assert!(told.newly_held.count > 5, "{:?}", told.newly_held.count);
    let bound = if cfg!(debug_assertions) { 20 } else { 2 };
    assert!(took < Duration::from_secs(bound), "{count} questions in {took:?}");
}

fn some_check() -> impl Strategy<Value = PastCheck> {
    let effect =
        prop_oneof![Just(Effect::Read), Just(Effect::Reversible), Just(Effect::Irreversible)];
    let level = prop_oneof![Just(Level::Suggest), Just(Level::Draft), Just(Level::Execute)];
    let kind = prop::option::of(prop_oneof![
        Just(TriggerKind::Scope),
        Just(TriggerKind::Limit),
        Just(TriggerKind::Overruled),
        Just(TriggerKind::ContextChurn)
    ]);
    (0_i64..50, 0_usize..3, 0_i64..4, effect, any::<bool>(), level, kind, any::<bool>()).prop_map(
        |(id, tool, n, effect, unknown, level, kind, about)| {
            let mut one = check(id, ["a", "b", "c"][tool], json!({ "n": n }), effect);
            one.judged.unknown = unknown;
            one.level = level;
            let action = about.then_some("a-1");
            one.evidence = kind.into_iter().map(|kind| evidence(kind, action)).collect();
            one
        },
    )
}

fn some_ground(counts: bool) -> impl Strategy<Value = Ground> {
    let does = move |kind: u8| match kind {
        0 => Does::Hold { why: "why".into() },
        1 if counts => Does::Counts { effect: Effect::Reversible },
        _ => Does::Allow,
    };
    let one = (0_usize..3, 0_i64..4, 0_u8..4, prop::option::of(1_u32..4)).prop_map(
        move |(tool, n, kind, uses)| {
            let mut rule = rule(["a", "b", "c"][tool], json!({ "n": { "is": n } }), does(kind));
            rule.uses = uses;
            rule
        },
    );
    let level = prop::option::of(prop_oneof![Just(Level::Suggest), Just(Level::Execute)]);
    (prop::collection::vec(one, 0..6), level, any::<bool>()).prop_map(|(rules, level, scope)| {
        let mut ground = ground(&rules);
        ground.levels.agents.extend(level.map(|level| ("helper".to_owned(), level)));
        ground.triggers.scope = scope;
        ground
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_change_and_its_reverse_tell_the_same(
        checks in prop::collection::vec(some_check(), 0..30),
        one in some_ground(true),
        other in some_ground(true),
    ) {
        let there = run(checks.clone(), &one, &other);
        let back = run(checks.clone(), &other, &one);
        prop_assert_eq!(there.before, back.after);
        prop_assert_eq!(there.after, back.before);
        prop_assert_eq!(&there.let_through, &back.newly_held);
        prop_assert_eq!(&there.newly_held, &back.let_through);
        let moved = i64::from(there.let_through.count) - i64::from(there.newly_held.count);
        prop_assert_eq!(i64::from(there.before.held) - i64::from(there.after.held), moved);
        let same = run(checks, &one, &one);
        prop_assert_eq!(same.let_through.count + same.newly_held.count, 0);
    }

    #[test]
    fn no_ground_without_the_reviewers_word_lets_the_worst_run(
        mut checks in prop::collection::vec(some_check(), 1..30),
        after in some_ground(false),
    ) {
        for check in &mut checks {
            if check.judged.effect != Effect::Irreversible {
                check.judged.unknown = true;
            }
        }
        let told = run(checks, &Ground::default(), &after);
        prop_assert_eq!(told.after.mandatory, told.checks);
        prop_assert_eq!(told.let_through.count, 0);
    }
}
