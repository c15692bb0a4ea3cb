//! The lifecycle against a model of CONTRACT §4 that knows nothing of its code:
//! a table of edges, and whole seconds for time.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]
#![expect(clippy::wildcard_enum_match_arm, reason = "the model says what is, not what is not")]

mod model;

use chrono::{DateTime, TimeDelta, Utc};
use handoff_domain::decision::{Decider, Decision, DecisionKind, Then};
use handoff_domain::gate::Held;
use handoff_domain::gate::by_default::Unfit;
use handoff_domain::lifecycle::{
    Event, Flag, NextAlert, Outcome, Phase, Progress, Report, State, Traits, transition,
};
use handoff_domain::payload::{Deadline, OnTimeout, TimeoutKind};
use proptest::prelude::*;
use serde_json::{Map, json};

use crate::model::{ALERT_S, EVERY_S, Model, Move, PAUSE_S};

fn at(seconds: i64) -> DateTime<Utc> {
    let start: DateTime<Utc> = "2026-11-20T09:15:00Z".parse().expect("a moment");
    start + TimeDelta::seconds(seconds)
}

fn deadline(within: u32, lead: u32, grace: u32, kind: TimeoutKind) -> Deadline {
    Deadline {
        respond_by: None,
        respond_within_s: Some(within),
        warn_before_s: Some(lead),
        grace_s: Some(grace),
        on_timeout: OnTimeout { kind, option: None },
    }
}

fn decision(
    option: Option<&str>,
    kind: DecisionKind,
    then: Option<Then>,
    by: Decider,
) -> Box<Decision> {
    Box::new(Decision {
        kind,
        by,
        at: at(0),
        option: option.map(str::to_owned),
        tool: option.map(|_| "tool".to_owned()),
        args: option.map(|_| Map::from_iter([("a".to_owned(), json!(1))])),
        facts: Map::new(),
        constraints: Vec::new(),
        text: None,
        reason: None,
        then,
        overriding: None,
        message: None,
        note: None,
    })
}

fn report(outcome: Outcome) -> Report {
    Report { outcome, why: None, steps: Vec::new(), unmet: Vec::new() }
}

fn moves() -> impl Strategy<Value = Move> {
    prop_oneof![
        2 => Just(Move::Present),
        1 => Just(Move::Open),
        3 => (any::<bool>(), prop::bool::weighted(0.9))
            .prop_map(|(irreversible, current)| Move::Approve { irreversible, current }),
        2 => any::<bool>().prop_map(|revise| Move::Reject { revise }),
        2 => Just(Move::Undo),
        3 => Just(Move::Release),
        3 => (0..3_u8, 0..2_u8).prop_map(|(lease, holder)| Move::Offer { lease, holder }),
        3 => (0..3_u8, 0..2_u8).prop_map(|(lease, holder)| Move::Acknowledge { lease, holder }),
        1 => (0..2_u8, any::<bool>()).prop_map(|(holder, present)| Move::Holder { holder, present }),
        1 => Just(Move::Regrant),
        1 => any::<bool>().prop_map(|applied| Move::Report { applied }),
        1 => Just(Move::Withdraw),
        1 => Just(Move::Supersede),
        1 => Just(Move::Revise),
        3 => Just(Move::Warn),
        3 => Just(Move::TimeUp),
        1 => prop::option::of(-100..3000_i64).prop_map(|remind| Move::Plan { remind }),
        2 => Just(Move::Remind),
        1 => (-10..3000_i64).prop_map(|by| Move::Snooze { by }),
        1 => Just(Move::Wake),
        1 => any::<(bool, bool)>().prop_map(|(allowed, current)| Move::Allow { allowed, current }),
        2 => any::<bool>().prop_map(|gives_up| Move::Alert { gives_up }),
        1 => Just(Move::GiveUp),
        1 => (0..3000_i64).prop_map(|of| Move::Gap { of }),
        1 => prop_oneof![-40_000_000..40_000_000_i64, -100..100_i64].prop_map(|by| Move::Step { by }),
    ]
}

fn name(number: u8) -> String {
    format!("n{number}")
}

fn event(step: Move, model: &Model, now: i64) -> Event {
    match step {
        Move::Present => Event::Present,
        Move::Open => Event::Open { resume_at: Some(at(now + PAUSE_S)) },
        Move::Approve { irreversible, current } => Event::Decide {
            decision: decision(
                Some(if irreversible { "burn" } else { "move" }),
                DecisionKind::Approve,
                None,
                Decider::Reviewer,
            ),
            revision: if current { model.revision } else { model.revision + 1 },
            hold_s: 5,
        },
        Move::Reject { revise } => Event::Decide {
            decision: decision(
                None,
                DecisionKind::Reject,
                Some(if revise { Then::Revise } else { Then::Stop }),
                Decider::Reviewer,
            ),
            revision: model.revision,
            hold_s: 5,
        },
        Move::Undo => Event::Undo,
        Move::Release => Event::Release,
        Move::Offer { lease, holder } => Event::Offer { lease: name(lease), holder: name(holder) },
        Move::Acknowledge { lease, holder } => {
            Event::Acknowledge { lease: name(lease), holder: name(holder), report_by: None }
        }
        Move::Holder { holder, present } => Event::Holder { holder: name(holder), present },
        Move::Regrant => Event::Regrant,
        Move::Report { applied } => Event::Report {
            report: report(if applied { Outcome::Applied } else { Outcome::Diverged }),
        },
        Move::Withdraw => Event::Withdraw { reason: None },
        Move::Supersede => Event::Supersede { by: "other".to_owned() },
        Move::Revise => {
            Event::Revise { deadline: deadline(1000, 200, 100, model.kind), cold: false }
        }
        Move::Warn => Event::Warn { revision: model.revision },
        Move::TimeUp => Event::TimeUp {
            default: (model.kind == TimeoutKind::SafeDefault)
                .then(|| decision(Some("move"), DecisionKind::Approve, None, Decider::System))
                .ok_or(Unfit::Undeclared),
            held: (!model.default_runs).then_some(Held::Level),
            alert: NextAlert { at: at(now), gives_up: false },
        },
        Move::Plan { remind } => Event::Plan { remind_at: remind.map(|after| at(now + after)) },
        Move::Remind => Event::Remind { next: Some(at(now + EVERY_S)) },
        Move::Snooze { by } => Event::Snooze { until: at(now + by) },
        Move::Wake => Event::Wake { remind_at: Some(at(now + EVERY_S)) },
        Move::Allow { allowed, current } => {
            Event::Allow { allowed, revision: model.revision - u32::from(!current) }
        }
        Move::Alert { gives_up } => {
            Event::Alert { next: NextAlert { at: at(now + ALERT_S), gives_up } }
        }
        Move::GiveUp => Event::GiveUp,
        Move::Gap { of } => Event::Gap { since: at(now - of) },
        Move::Step { by } => Event::Step { by: TimeDelta::seconds(by), since: at(now - by) },
    }
}

fn kinds() -> impl Strategy<Value = TimeoutKind> {
    prop::sample::select(vec![
        TimeoutKind::Escalate,
        TimeoutKind::ManualReview,
        TimeoutKind::SafeDefault,
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_walk_follows_the_model(
        kind in kinds(),
        default_runs in any::<bool>(),
        (within, lead, grace) in (60..5000_u32, 1..5000_u32, 0..1000_u32),
        walk in prop::collection::vec((moves(), prop_oneof![Just(0_i64), 1..30_i64, 100..2000_i64]), 1..60),
    ) {
        let lead = lead.min(within);
        let traits = Traits { on_timeout: kind, irreversible: vec!["burn".to_owned()] };
        let mut progress = Progress::new(&deadline(within, lead, grace, kind), false, at(0));
        let mut model = Model {
            state: State::Queued,
            revision: 1,
            kind,
            default_runs,
            respond_by: i64::from(within),
            lead: i64::from(lead),
            grace: i64::from(grace),
            warned: None,
            still_since: 0,
            irreversible: false,
            wants_revision: false,
            by_system: false,
            offer: None,
            held: None,
            regranted: false,
            applied: None,
            escalated: false,
            manual_review: false,
            acknowledged: false,
            snoozed: false,
            allowed: false,
            remind: None,
            again: false,
            alerts: None,
        };
        let mut now = 0;
        for (step, pause) in walk {
            now += pause;
            if let Move::Step { by } = step {
                now += by;
            }
            let before = model.clone();
            let outcome = transition(&progress, &traits, event(step, &model, now), at(now));
            let made = model.make(step, now);
            prop_assert_eq!(outcome.is_ok(), made, "{:?} at {} from {:?}: {:?}", step, now, before, outcome);
            if !made {
                prop_assert_eq!(&model, &before, "the model itself moved");
            }
            if let Ok(next) = outcome {
                progress = next;
            }
            agree(&progress, &model)?;
        }
        let text = serde_json::to_string(&progress).expect("json");
        let back: Progress = serde_json::from_str(&text).expect("the same again");
        prop_assert_eq!(back, progress, "what is stored is what was");
    }
}

fn agree(progress: &Progress, model: &Model) -> Result<(), TestCaseError> {
    prop_assert_eq!(progress.state(), model.state);
    prop_assert_eq!(progress.revision, model.revision);
    prop_assert_eq!(progress.timing.respond_by, at(model.respond_by));
    prop_assert_eq!(progress.timing.warned_at, model.warned.map(at));
    prop_assert_eq!(progress.remind_at, model.remind.map(at));
    prop_assert_eq!(progress.default_allowed, model.allowed);
    prop_assert_eq!(progress.has(Flag::Acknowledged), model.acknowledged);
    prop_assert_eq!(progress.has(Flag::Snoozed), model.snoozed);
    let alerts = progress.escalation.map(|all| (all.done, all.next.at, all.next.gives_up));
    prop_assert_eq!(alerts, model.alerts.map(|(done, next, last)| (done, at(next), last)));
    prop_assert_eq!(progress.has(Flag::Escalated), model.escalated);
    prop_assert_eq!(progress.has(Flag::ManualReview), model.manual_review);
    prop_assert_eq!(progress.has(Flag::Diverged), model.applied == Some(false));
    let mut sorted = progress.flags.clone();
    sorted.sort();
    sorted.dedup();
    prop_assert_eq!(&progress.flags, &sorted);
    if let Some(decision) = progress.phase.decision() {
        prop_assert_eq!(decision.by == Decider::System, model.by_system);
        prop_assert_eq!(decision.option.as_deref() == Some("burn"), model.irreversible);
    }
    let hidden = matches!(model.state, State::Queued | State::Ready | State::Decided);
    prop_assert!(!hidden || progress.phase.released_decision().is_none(), "shown too early");
    let (lease, due) = match &progress.phase {
        Phase::Released { offer, .. } => (offer.as_ref(), model.offer),
        Phase::Collected { lease, regranted, .. } => {
            prop_assert_eq!(*regranted, model.regranted);
            (Some(lease), model.held)
        }
        _ => return Ok(()),
    };
    let due = due.map(|due| (name(due.lease), name(due.holder), at(due.until)));
    let lease = lease.map(|lease| (lease.id.clone(), lease.holder.clone(), lease.expires_at));
    prop_assert_eq!(lease, due);
    Ok(())
}
