//! What the record says about asking and deciding.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Europe::Berlin;
use handoff_domain::action::Effect;
use handoff_domain::autonomy::Level;
use handoff_domain::decision::DecisionKind;
use handoff_domain::effect::Judged;
use handoff_domain::gate::{Held, Ran, Stop, Verdict};
use handoff_domain::insight::{
    Band, Decided, Deciding, Insights, Interruption, MAX_DAYS_SHOWN, MIN_APPROVED, Recorded, Rows,
    Submitted, Suggestion, insights,
};
use handoff_domain::payload::{ReasonCode, RiskLevel};
use handoff_domain::replay::{Afterwards, PastCheck};
use handoff_domain::rule::{Does, Kept, Rules};
use handoff_domain::trigger::{Evidence, Measured, TriggerKind};
use proptest::prelude::*;
use serde_json::json;

/// 22 November 2026, 22:30 UTC: already the 22nd in Berlin, for half an hour more.
fn now() -> DateTime<Utc> {
    "2026-11-22T22:30:00Z".parse().expect("a time")
}

fn check(agent: &str, tool: &str, verdict: Verdict) -> PastCheck {
    let args = json!({ "id": 7 }).as_object().expect("object").clone();
    PastCheck {
        id: 1,
        agent: agent.into(),
        task: "task-1".into(),
        tool: tool.into(),
        args,
        argv: None,
        cwd: Some(String::new()),
        facts: Arc::default(),
        judged: Judged { effect: Effect::Reversible, unknown: false, why: "because".into() },
        evidence: Vec::new(),
        measured: Measured::default(),
        level: Level::Suggest,
        verdict,
        afterwards: None,
        at: now(),
    }
}

fn of(checks: Vec<PastCheck>) -> Insights {
    told(&Rows { checks, ..Rows::default() })
}

fn told(rows: &Rows) -> Insights {
    insights(rows, &Rules::default(), now(), &Berlin)
}

fn many(count: u32, verdict: Verdict) -> impl Iterator<Item = PastCheck> {
    (0..count).map(move |_| check("helper", "note", verdict))
}

#[test]
fn the_band_is_judged_from_fifty_questions_on_and_at_its_very_edges() {
    for (held, mandatory, questions, band, warns) in [
        (49, 0, 49, Band::TooFew, false),
        (0, 0, 0, Band::TooFew, false),
        (0, 0, 50, Band::FarBelow, true),
        (2, 30, 50, Band::FarBelow, true),
        (49, 0, 1000, Band::FarBelow, true),
        (50, 0, 1000, Band::Below, false),
        (99, 0, 1000, Band::Below, false),
        (100, 0, 1000, Band::Within, false),
        (150, 0, 1000, Band::Within, false),
        (150, 850, 1000, Band::Within, false),
        (151, 0, 1000, Band::Above, false),
        (200, 0, 1000, Band::Above, false),
        (201, 0, 1000, Band::FarAbove, true),
        (50, 0, 50, Band::FarAbove, true),
    ] {
        let mut checks: Vec<PastCheck> = many(held, Verdict::Held(Held::Level)).collect();
        checks.extend(many(mandatory, Verdict::Held(Held::Irreversible)));
        checks.extend(many(questions - held - mandatory, Verdict::Run(Ran::Read)));
        let all = of(checks).all;
        let context = format!("{held} and {mandatory} of {questions}");
        assert_eq!((all.questions, all.discretionary, all.mandatory), (questions, held, mandatory));
        assert_eq!((all.band, all.warning.is_some()), (band, warns), "{context}");
        let rate = f64::from(held) / f64::from(questions.max(1));
        assert!((all.rate - rate).abs() < 1e-12, "{context}");
    }
}

#[test]
fn permits_waits_and_pauses_are_no_questions() {
    let checks = [
        Verdict::Run(Ran::Permit),
        Verdict::Held(Held::Waits),
        Verdict::Held(Held::Stopped(Stop::Agent)),
        Verdict::Run(Ran::Executed),
    ];
    let told = of(checks.map(|verdict| check("helper", "note", verdict)).into());
    assert_eq!((told.all.questions, told.all.discretionary, told.all.mandatory), (1, 0, 0));
    assert!(told.reasons.is_empty());
}

#[test]
fn days_are_the_reviewers_own_and_have_no_gaps() {
    let mut checks: Vec<PastCheck> = many(4, Verdict::Held(Held::Level)).collect();
    checks[0].at = now() - TimeDelta::days(3);
    checks[1].at = now() + TimeDelta::minutes(29);
    checks[2].at = now() + TimeDelta::minutes(30);
    checks[2].agent = "other".into();
    checks[3].verdict = Verdict::Held(Held::Irreversible);
    let told = of(checks);
    let days: Vec<(&str, u32, u32)> = told
        .all
        .days
        .iter()
        .map(|day| (day.day.as_str(), day.discretionary, day.mandatory))
        .collect();
    let expected = [
        ("2026-11-19", 1, 0),
        ("2026-11-20", 0, 0),
        ("2026-11-21", 0, 0),
        ("2026-11-22", 1, 1),
        ("2026-11-23", 1, 0),
    ];
    assert_eq!(days, expected);
    let names: Vec<&str> = told.agents.iter().map(|row| row.agent.as_str()).collect();
    assert_eq!(names, ["helper", "other"]);
    assert!(told.agents.iter().all(|row| row.asking.days.len() == 5), "the same days for all");
}

#[test]
fn one_wrong_clock_does_not_make_a_chart_of_fifty_years() {
    let mut checks: Vec<PastCheck> = many(2, Verdict::Run(Ran::Read)).collect();
    checks[0].at = DateTime::from_timestamp(0, 0).expect("a time");
    let all = of(checks).all;
    assert_eq!((all.questions, all.days.len()), (2, MAX_DAYS_SHOWN));
    assert_eq!(all.days.iter().map(|day| day.questions).sum::<u32>(), 1);
    assert_eq!(all.days.last().map(|day| day.day.as_str()), Some("2026-11-22"));
    let mut end = many(1, Verdict::Run(Ran::Read)).next().expect("one");
    end.at = DateTime::<Utc>::MIN_UTC + TimeDelta::days(2);
    assert_eq!(of(vec![end]).all.questions, 1, "the end of the calendar");
}

#[test]
fn submitted_handoffs_are_set_against_recorded_actions() {
    let submitted = |reason| Submitted { agent: "helper".into(), reason, at: now() };
    let recorded = Recorded { agent: "helper".into(), at: now() };
    let mut rows = Rows {
        submitted: vec![
            submitted(ReasonCode::Policy),
            submitted(ReasonCode::Failure),
            submitted(ReasonCode::Failure),
        ],
        ..Rows::default()
    };
    assert_eq!(told(&rows).all.submitted_rate, None, "nothing to set them against");
    rows.recorded = vec![recorded; 12];
    let told = told(&rows);
    let asking = &told.agents[0].asking;
    assert_eq!((asking.submitted, asking.recorded, asking.submitted_rate), (3, 12, Some(0.25)));
    assert_eq!((asking.questions, asking.band), (0, Band::TooFew), "they are not in the band");
    let reasons: Vec<_> = told.submitted.iter().map(|row| (row.reason, row.count)).collect();
    assert_eq!(reasons, [(ReasonCode::Failure, 2), (ReasonCode::Policy, 1)]);
}

#[test]
fn reasons_are_counted_once_for_a_question_and_listed_by_number() {
    let evidence = |trigger| Evidence { trigger, headline: "Look".into(), exhibits: Vec::new() };
    let mut checks: Vec<PastCheck> = many(3, Verdict::Held(Held::Level)).collect();
    checks.extend(many(1, Verdict::Held(Held::Irreversible)));
    checks.extend(many(2, Verdict::Held(Held::Trigger)));
    checks[0].evidence = vec![evidence(TriggerKind::Scope)];
    checks[4].evidence = vec![evidence(TriggerKind::Scope), evidence(TriggerKind::Scope)];
    checks[5].evidence = vec![evidence(TriggerKind::Limit), evidence(TriggerKind::Scope)];
    let reasons: Vec<_> = of(checks).reasons.iter().map(|row| (row.reason, row.count)).collect();
    let expected = [
        (Interruption::Level, 3),
        (Interruption::Trigger(TriggerKind::Scope), 2),
        (Interruption::Irreversible, 1),
        (Interruption::Trigger(TriggerKind::Limit), 1),
    ];
    assert_eq!(reasons, expected);
}

fn decided(kind: DecisionKind, looked_s: impl Into<Option<f64>>, reading_s: u32) -> Decided {
    Decided {
        handoff: "h-1".into(),
        agent: "helper".into(),
        kind,
        risk: RiskLevel::Low,
        looked_s: looked_s.into(),
        reading_s,
        at: now(),
    }
}

fn deciding(decided: Vec<Decided>) -> Deciding {
    told(&Rows { decided, ..Rows::default() }).deciding
}

#[test]
fn the_quiet_word_comes_exactly_when_nearly_all_is_approved_unread() {
    use DecisionKind::{Approve, Modify};
    let fast = || decided(Approve, 2.0, 40);
    let with = |others: Vec<Decided>| {
        let mut list: Vec<Decided> = (0..20).map(|_| fast()).collect();
        list.splice(20 - others.len().., others);
        deciding(list).stamping.is_some()
    };
    assert!(with(vec![]));
    assert!(with(vec![decided(Modify, 2.0, 40)]), "19 of 20 are 95 percent");
    assert!(!with(vec![decided(Modify, 2.0, 40), decided(Modify, 2.0, 40)]));
    assert!(with(vec![decided(Approve, 10.0, 40)]));
    assert!(
        !with(vec![decided(Approve, 10.0, 40), decided(Approve, 10.0, 40)]),
        "a quarter is read"
    );
    assert!(with(vec![decided(Approve, 9.99, 40), decided(Approve, 9.99, 40)]));
    assert!(!with(vec![decided(Approve, None, 40)]), "19 known times are too few");
    assert!(!with(vec![decided(Approve, 0.0, 0)]), "as are 19 with something to read");
    assert!(!with(vec![decided(Approve, -5.0, 40)]), "a clock that went back says nothing");
    assert!(!with(vec![decided(Approve, f64::NAN, 40)]));
    assert_eq!(deciding((0..19).map(|_| fast()).collect()).stamping, None);
    let mut slow: Vec<Decided> = (0..30).map(|_| decided(Modify, 90.0, 40)).collect();
    slow.extend((0..20).map(|_| fast()));
    let stamping = deciding(slow.clone()).stamping.expect("only the last count");
    assert_eq!((stamping.unread, stamping.of), (20, 20));
    slow.reverse();
    assert_eq!(deciding(slow).stamping, None);
}

#[test]
fn approvals_by_risk_and_times_against_reading_times() {
    use DecisionKind::{Approve, Reject};
    let mut list = vec![
        decided(Approve, 10.0, 30),
        decided(Approve, 30.0, 60),
        decided(Reject, 20.0, 10),
        decided(Reject, None, 10),
    ];
    list[2].risk = RiskLevel::High;
    let told = deciding(list);
    assert_eq!(told.decisions, 4);
    let risks: Vec<_> =
        told.by_risk.iter().map(|row| (row.risk, row.decisions, row.approved, row.share)).collect();
    let third = 2.0 / 3.0;
    let expected = [
        (RiskLevel::Low, 3, 2, Some(third)),
        (RiskLevel::Medium, 0, 0, None),
        (RiskLevel::High, 1, 0, Some(0.0)),
    ];
    assert_eq!(risks, expected);
    assert_eq!((told.median_looked_s, told.median_reading_s), (Some(20.0), Some(30.0)));
    assert_eq!(told.points.len(), 3, "one has no known time");
    let even = deciding(vec![decided(Approve, 10.0, 30), decided(Approve, 30.0, 60)]);
    assert_eq!((even.median_looked_s, even.median_reading_s), (Some(20.0), Some(45.0)));
    assert_eq!(deciding(vec![]).median_looked_s, None);
}

fn suggested(checks: Vec<PastCheck>) -> Vec<Suggestion> {
    of(checks).suggestions
}

fn approved(count: u32) -> Vec<PastCheck> {
    let mut checks: Vec<PastCheck> = many(count, Verdict::Held(Held::Level)).collect();
    for check in &mut checks {
        check.afterwards = Some(Afterwards::Approved);
    }
    checks
}

/// Makes a record speak less clearly.
type Change = fn(&mut Vec<PastCheck>);

#[test]
fn what_is_always_approved_is_suggested_as_exactly_that() {
    let found = suggested(approved(40));
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0].text,
        "40 of 40 approved, never reversed: allow exactly this note of helper?"
    );
    assert_eq!((found[0].calls, &found[0].rule.does), (40, &Does::Allow));
    assert_eq!(found[0].rule.fault(now()), Vec::new());
    let in_force = Rules::new([Kept { id: 1, rule: found[0].rule.clone(), used: 0 }]);
    let rows = Rows { checks: approved(40), ..Rows::default() };
    assert!(insights(&rows, &in_force, now(), &Berlin).suggestions.is_empty(), "there already");

    assert!(suggested(approved(MIN_APPROVED - 1)).is_empty());
    let doubts: [(&str, Change); 8] = [
        ("in a folder that nobody knows", |all| {
            for check in all {
                check.cwd = None;
            }
        }),
        ("one was rejected", |all| all[3].afterwards = Some(Afterwards::Rejected)),
        ("one was changed", |all| all[3].afterwards = Some(Afterwards::Modified)),
        ("one was answered with more", |all| all[3].afterwards = Some(Afterwards::Informed)),
        ("one ran by permit and was taken back", |all| {
            all[3].verdict = Verdict::Run(Ran::Permit);
            all[3].afterwards = Some(Afterwards::RolledBack);
        }),
        ("a shell", |all| {
            for check in all {
                check.tool = "bash".into();
            }
        }),
        ("not to be undone", |all| {
            for check in all {
                check.judged.effect = Effect::Irreversible;
            }
        }),
        ("never the same", |all| {
            for (check, n) in all.iter_mut().zip(0..) {
                check.args.insert("n".into(), json!(n));
            }
        }),
    ];
    for (what, change) in doubts {
        let mut checks = approved(40);
        change(&mut checks);
        assert!(suggested(checks).is_empty(), "{what}");
    }
}

#[test]
fn what_ran_unasked_and_was_taken_back_is_suggested_to_be_held() {
    let ran = |back: usize| {
        let mut checks: Vec<PastCheck> = many(8, Verdict::Run(Ran::Executed)).collect();
        for check in checks.iter_mut().take(back) {
            check.afterwards = Some(Afterwards::RolledBack);
        }
        checks
    };
    let found = suggested(ran(3));
    assert_eq!(found[0].text, "note of helper: never held, yet 3 rolled back: hold these?");
    assert_eq!(found[0].rule.fault(now()), Vec::new());
    assert_eq!(
        found[0].rule.preview(),
        "Always asks first: calls of `note` by helper. Where it cannot be told whether a call \
         fits, it counts as fitting. It has no end."
    );
    assert!(suggested(ran(2)).is_empty());
    let mut held = ran(3);
    held[7].verdict = Verdict::Held(Held::Trigger);
    assert!(suggested(held).is_empty(), "it is held at times");
    let in_force = Rules::new([Kept { id: 1, rule: found[0].rule.clone(), used: 0 }]);
    let rows = Rows { checks: ran(3), ..Rows::default() };
    assert!(insights(&rows, &in_force, now(), &Berlin).suggestions.is_empty(), "there already");
}

fn verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        Just(Verdict::Run(Ran::Read)),
        Just(Verdict::Run(Ran::Permit)),
        Just(Verdict::Held(Held::Irreversible)),
        Just(Verdict::Held(Held::Level)),
        Just(Verdict::Held(Held::Waits)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sums_add_up_over_days_and_agents(
        seen in prop::collection::vec((0_usize..3, verdict(), 0_i64..30), 0..80),
        recorded in prop::collection::vec((0_usize..3, 0_i64..30), 0..20),
    ) {
        let at = |day: i64| now() - TimeDelta::days(day);
        let agent = |place: usize| ["a", "b", "c"][place];
        let checks = seen.iter().map(|(who, verdict, day)| {
            let mut check = check(agent(*who), "note", *verdict);
            check.at = at(*day);
            check
        });
        let recorded = recorded.iter().map(|(who, day)| Recorded {
            agent: agent(*who).into(),
            at: at(*day),
        });
        let rows =
            Rows { checks: checks.collect(), recorded: recorded.collect(), ..Rows::default() };
        let told = told(&rows);
        let numbers = |day: &handoff_domain::insight::Day| {
            [day.questions, day.mandatory, day.discretionary, day.submitted, day.recorded]
        };
        let sum = |all: &mut dyn Iterator<Item = [u32; 5]>| {
            all.fold([0; 5], |sum, one| std::array::from_fn(|place| sum[place] + one[place]))
        };
        let all = &told.all;
        let whole = [all.questions, all.mandatory, all.discretionary, all.submitted, all.recorded];
        prop_assert_eq!(sum(&mut all.days.iter().map(numbers)), whole);
        let mut days = told.agents.iter().flat_map(|row| &row.asking.days).map(numbers);
        prop_assert_eq!(sum(&mut days), whole);
        prop_assert!(all.mandatory + all.discretionary <= all.questions);
        prop_assert!((0.0..=1.0).contains(&all.rate));
        let json = serde_json::to_value(&told).expect("json");
        prop_assert_eq!(serde_json::from_value::<Insights>(json).expect("the same"), told);
    }
}
