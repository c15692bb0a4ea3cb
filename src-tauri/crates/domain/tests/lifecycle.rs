//! The edges of CONTRACT §4, one by one, and the times between them.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use chrono::{DateTime, TimeDelta, Utc};
use handoff_domain::agreement::{Divergence, DivergenceKind};
use handoff_domain::decision::{Decider, Decision, DecisionKind, Then};
use handoff_domain::gate::by_default::Unfit;
use handoff_domain::gate::{Held, Stop};
use handoff_domain::lifecycle::{
    Due, Event, Flag, NextAlert, Outcome, Progress, Refusal, Report, State, Timing, Traits, Unmet,
    transition,
};
use handoff_domain::payload::{Deadline, OnTimeout, TimeoutKind};
use serde_json::Map;

fn acknowledge(lease: &str) -> Event {
    Event::Acknowledge { lease: lease.to_owned(), holder: "c".to_owned(), report_by: None }
}

fn at(seconds: i64) -> DateTime<Utc> {
    let start: DateTime<Utc> = "2026-11-20T09:15:00Z".parse().expect("a moment");
    start + TimeDelta::seconds(seconds)
}

fn deadline(within: u32) -> Deadline {
    Deadline {
        respond_by: None,
        respond_within_s: Some(within),
        warn_before_s: None,
        grace_s: None,
        on_timeout: OnTimeout { kind: TimeoutKind::Escalate, option: None },
    }
}

fn traits(on_timeout: TimeoutKind) -> Traits {
    Traits { on_timeout, irreversible: vec!["burn".to_owned()] }
}

fn decision(option: &str, then: Option<Then>) -> Box<Decision> {
    Box::new(Decision {
        kind: if then.is_some() { DecisionKind::Reject } else { DecisionKind::Approve },
        by: Decider::Reviewer,
        at: at(0),
        option: Some(option.to_owned()),
        tool: None,
        args: None,
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

fn decide(option: &str) -> Event {
    Event::Decide { decision: decision(option, None), revision: 1, hold_s: 5 }
}

fn time_up(alert: i64) -> Event {
    let (default, held) = (Err(Unfit::Undeclared), Some(Held::Level));
    Event::TimeUp { default, held, alert: NextAlert { at: at(alert), gives_up: false } }
}

fn report(outcome: Outcome) -> Event {
    Event::Report { report: Report { outcome, why: None, steps: Vec::new(), unmet: Vec::new() } }
}

/// Brings a new handoff to a state by the shortest way.
fn in_state(state: State) -> Progress {
    let offer = Event::Offer { lease: "l".to_owned(), holder: "h".to_owned() };
    let way = match state {
        State::Queued => vec![],
        State::Ready => vec![Event::Present],
        State::Decided => vec![Event::Present, decide("burn")],
        State::Released => vec![Event::Present, decide("burn"), Event::Release],
        State::Collected | State::Reconciled => {
            let mut way = vec![Event::Present, decide("burn"), Event::Release, offer];
            way.push(acknowledge("l"));
            way.extend((state == State::Reconciled).then(|| report(Outcome::Applied)));
            way
        }
        State::Withdrawn => vec![Event::Withdraw { reason: None }],
        State::Superseded => vec![Event::Supersede { by: "other".to_owned() }],
    };
    let start = Progress::new(&deadline(1000), false, at(0));
    way.into_iter().fold(start, |progress, event| {
        transition(&progress, &traits(TimeoutKind::Escalate), event, at(0)).expect("a legal way")
    })
}

#[test]
fn each_event_leads_where_the_contract_says_and_nowhere_else() {
    use State::{Collected, Decided, Queued, Ready, Reconciled, Released, Superseded, Withdrawn};
    let all = [Queued, Ready, Decided, Released, Collected, Reconciled, Withdrawn, Superseded];
    let table: Vec<(Event, Vec<(State, State)>)> = vec![
        (Event::Present, vec![(Queued, Ready)]),
        (Event::Open { resume_at: None }, vec![(Ready, Ready)]),
        (decide("move"), vec![(Ready, Decided)]),
        (Event::Undo, vec![(Decided, Ready)]),
        (Event::Release, vec![(Decided, Released)]),
        (Event::Withdraw { reason: None }, vec![(Queued, Withdrawn), (Ready, Withdrawn)]),
        (
            Event::Supersede { by: "other".to_owned() },
            vec![(Queued, Superseded), (Ready, Superseded)],
        ),
        (
            Event::Revise { deadline: deadline(10), cold: false },
            vec![(Queued, Queued), (Ready, Ready)],
        ),
        (report(Outcome::Diverged), vec![(Released, Reconciled), (Collected, Reconciled)]),
        // The very same report again is answered the same.
        (
            report(Outcome::Applied),
            vec![(Released, Reconciled), (Collected, Reconciled), (Reconciled, Reconciled)],
        ),
        (
            Event::Offer { lease: "m".to_owned(), holder: "g".to_owned() },
            vec![(Released, Released)],
        ),
        (acknowledge("l"), vec![(Collected, Collected)]),
        (acknowledge("x"), vec![]),
        (Event::Regrant, vec![]),
        (time_up(0), vec![]),
    ];
    for (event, edges) in table {
        for from in all {
            let before = in_state(from);
            let to = edges.iter().find(|(start, _)| *start == from).map(|(_, end)| *end);
            let outcome = transition(&before, &traits(TimeoutKind::Escalate), event.clone(), at(1));
            assert_eq!(outcome.ok().map(|next| next.state()), to, "{event:?} from {from:?}");
        }
    }
}

#[test]
fn the_first_decision_wins_and_names_itself() {
    let decided = in_state(State::Decided);
    for state in [State::Decided, State::Released, State::Collected, State::Reconciled] {
        let outcome =
            transition(&in_state(state), &traits(TimeoutKind::Escalate), decide("move"), at(1));
        let winner = Box::new(decided.phase.decision().expect("decided").clone());
        assert_eq!(outcome, Err(Refusal::AlreadyDecided { winner }), "from {state:?}");
    }
    let stale = Event::Decide { decision: decision("move", None), revision: 2, hold_s: 5 };
    let outcome = transition(&in_state(State::Ready), &traits(TimeoutKind::Escalate), stale, at(1));
    assert_eq!(outcome, Err(Refusal::StaleRevision { given: 2, current: 1 }));
}

#[test]
fn only_a_rejection_that_asks_for_it_opens_the_handoff_again() {
    for (then, opens) in [(Then::Revise, true), (Then::Skip, false), (Then::Stop, false)] {
        let mut progress = in_state(State::Ready);
        let reject =
            Event::Decide { decision: decision("burn", Some(then)), revision: 1, hold_s: 5 };
        for event in [reject, Event::Release] {
            progress = transition(&progress, &traits(TimeoutKind::Escalate), event, at(1))
                .expect("a legal way");
        }
        let revise = Event::Revise { deadline: deadline(10), cold: false };
        let next = transition(&progress, &traits(TimeoutKind::Escalate), revise, at(2)).ok();
        assert_eq!(
            next.map(|next| (next.state(), next.revision)),
            opens.then_some((State::Ready, 2))
        );
    }
}

#[test]
fn an_irreversible_lease_that_lapsed_waits_for_the_reviewer() {
    let irreversible = traits(TimeoutKind::Escalate);
    let harmless = Traits { irreversible: Vec::new(), ..irreversible.clone() };
    let collected = in_state(State::Collected);
    let again = || Event::Offer { lease: "m".to_owned(), holder: "g".to_owned() };
    let lapsed = at(600);
    assert!(transition(&collected, &harmless, again(), at(599)).is_err(), "still held");
    assert!(transition(&collected, &harmless, again(), lapsed).is_ok());
    assert_eq!(transition(&collected, &irreversible, again(), lapsed), Err(Refusal::WrongLease));
    assert!(collected.may_have_run(&irreversible, lapsed));
    assert_eq!(
        transition(&collected, &irreversible, Event::Regrant, at(599)),
        Err(Refusal::TooEarly)
    );
    let mut progress = collected;
    for event in [
        Event::Regrant,
        // The one who had it shows up again; it is somebody else's to have.
        Event::Holder { holder: "h".to_owned(), present: true },
        again(),
    ] {
        progress = transition(&progress, &irreversible, event, lapsed).expect("given free");
    }
    assert_eq!(
        transition(&progress, &irreversible, again(), at(1300)),
        Err(Refusal::WrongLease),
        "a grant is for one time"
    );
}

#[test]
fn the_default_lead_is_the_last_fifth_within_its_bounds() {
    for (within, lead) in [(86_400, 17_280), (1000, 200), (200, 60), (100, 50), (2, 1)] {
        let timing = Timing::new(&deadline(within), at(0));
        assert_eq!(timing.respond_by - timing.warn_at, TimeDelta::seconds(lead), "of {within} s");
    }
}

#[test]
fn nothing_follows_without_a_warning_by_the_lead_or_the_grace() {
    // Warned at; then due at. The lead is 200 s, and the grace shorter or longer.
    for (grace, table) in [
        (100, [(800, 1000), (801, 1000), (950, 1050), (1000, 1100), (5000, 5100)]),
        (300, [(800, 1000), (801, 1001), (950, 1150), (1000, 1300), (5000, 5300)]),
    ] {
        for (warned, due) in table {
            let deadline = Deadline { grace_s: Some(grace), ..deadline(1000) };
            let mut timing = Timing::new(&deadline, at(0));
            assert_eq!(timing.due_at(), None, "never unwarned");
            timing.warned_at = Some(at(warned));
            assert_eq!(timing.due_at(), Some(at(due)), "warned at {warned}, grace {grace}");
        }
    }
}

#[test]
fn a_deadline_that_passed_in_the_spool_still_gives_the_grace() {
    let passed = Deadline {
        respond_by: Some(at(-3600)),
        respond_within_s: None,
        warn_before_s: Some(60),
        ..deadline(1)
    };
    let mut timing = Timing::new(&passed, at(0));
    assert!(timing.warn_at <= at(0), "the warning is due at once");
    timing.warned_at = Some(at(0));
    assert_eq!(timing.due_at(), Some(at(300)));
}

fn warn(revision: u32) -> Event {
    Event::Warn { revision }
}

#[test]
fn a_warning_of_an_earlier_proposal_is_none_of_the_present_one() {
    let traits = traits(TimeoutKind::ManualReview);
    let mut progress = in_state(State::Ready);
    progress.revision = 2;
    let stale = transition(&progress, &traits, warn(1), at(800));
    assert_eq!(stale, Err(Refusal::StaleRevision { given: 1, current: 2 }));
    let warned = transition(&progress, &traits, warn(2), at(800)).expect("due");
    assert!(warned.timing.warned_at.is_some());
}

#[test]
fn the_deadline_stands_still_during_the_hold() {
    let traits = traits(TimeoutKind::ManualReview);
    let mut progress = in_state(State::Ready);
    for (event, now) in [(warn(1), 800), (decide("burn"), 900), (Event::Undo, 930)] {
        progress = transition(&progress, &traits, event, at(now)).expect("a legal way");
    }
    let time_up = || time_up(0);
    assert_eq!(transition(&progress, &traits, time_up(), at(1029)), Err(Refusal::TooEarly));
    let over = transition(&progress, &traits, time_up(), at(1030)).expect("due");
    assert!(over.has(Flag::ManualReview));
    assert_eq!(over.state(), State::Ready, "it can still be decided");
}

#[test]
fn a_default_that_changes_something_is_not_taken_and_says_why() {
    let mut progress = in_state(State::Ready);
    let safe = traits(TimeoutKind::SafeDefault);
    progress = transition(&progress, &safe, warn(1), at(800)).expect("warned");
    let time_up = |held| Event::TimeUp {
        default: Ok(decision("move", None)),
        held,
        alert: NextAlert { at: at(0), gives_up: false },
    };
    let up = |progress: &Progress, held| {
        transition(progress, &safe, time_up(held), at(1000)).expect("due")
    };
    let refused = up(&progress, Some(Held::Level));
    assert!(refused.has(Flag::ManualReview) && refused.default_refused.is_some());
    assert_eq!(refused.state(), State::Ready);
    assert_eq!(up(&progress, None).state(), State::Released);
    let unfit = Event::TimeUp {
        default: Err(Unfit::NotActedOn),
        held: None,
        alert: NextAlert { at: at(0), gives_up: false },
    };
    let unfit = transition(&progress, &safe, unfit, at(1000)).expect("due");
    assert_eq!(
        unfit.default_refused.as_deref(),
        Some("The default was not taken. This agent cannot act on an approval.")
    );
    let allow = Event::Allow { allowed: true, revision: 1 };
    let allowed = transition(&progress, &safe, allow, at(900)).expect("allowed");
    assert_eq!(up(&allowed, Some(Held::Level)).state(), State::Released);
    let for_good = up(&allowed, Some(Held::Irreversible));
    assert_eq!(for_good.state(), State::Ready, "no leave makes time take what cannot be undone");
    assert!(for_good.has(Flag::ManualReview) && for_good.default_refused.is_some());
    assert_eq!(allowed.leave(&safe, Some(Held::Irreversible)), None, "nor is any asked for");
    let paused = up(&allowed, Some(Held::Stopped(Stop::Everything)));
    assert!(paused.has(Flag::ManualReview), "no leave outweighs a pause");
    assert_eq!(
        paused.default_refused.as_deref(),
        Some("The default was not taken. Everything is paused.")
    );
}

#[test]
fn no_report_in_time_is_due_once_and_a_report_settles_it() {
    let traits = traits(TimeoutKind::Escalate);
    let step =
        |progress: &Progress, event, seconds| transition(progress, &traits, event, at(seconds));
    let released = in_state(State::Released);
    let offer = Event::Offer { lease: "l".to_owned(), holder: "h".to_owned() };
    let offered = step(&released, offer, 10).expect("offered");
    let by = |seconds| Event::Acknowledge {
        lease: "l".to_owned(),
        holder: "h".to_owned(),
        report_by: Some(at(seconds)),
    };
    let collected = step(&offered, by(100), 10).expect("collected");
    assert_eq!(step(&collected, by(900), 20).expect("again").report_by, Some(at(100)), "once");
    assert_eq!(collected.due(at(99)), None);
    assert_eq!(collected.due(at(100)), Some(Due::Unreported));
    assert_eq!(step(&collected, Event::Unreported, 99), Err(Refusal::TooEarly));
    assert!(step(&released, Event::Unreported, 100).is_err(), "nobody has it");
    let slept = step(&collected, Event::Gap { since: at(50) }, 5000).expect("a gap");
    assert!(slept.report_by > Some(at(5000)), "the agent slept as well");
    let missed = step(&collected, Event::Unreported, 100).expect("missed");
    assert!(missed.has(Flag::Unreported) && missed.next_due().is_none());
    let reported = step(&missed, report(Outcome::Applied), 200).expect("late is not never");
    assert!(!reported.has(Flag::Unreported));
}

#[test]
fn what_differs_is_kept_once_and_what_does_not_hold_is_asked_again() {
    let traits = traits(TimeoutKind::Escalate);
    let step = |progress: &Progress, event| transition(progress, &traits, event, at(50));
    let divergence = Divergence {
        kind: DivergenceKind::OldArgs,
        step: None,
        action: Some("a".to_owned()),
        why: "It used the old ones.".to_owned(),
    };
    let differs = || Event::Diverge { divergences: vec![divergence.clone()] };
    assert!(step(&in_state(State::Ready), differs()).is_err(), "nothing was told");
    let once = step(&in_state(State::Collected), differs()).expect("flagged");
    assert!(once.has(Flag::Diverged) && once.state() == State::Collected, "it closes nothing");
    assert_eq!(step(&once, differs()).expect("again"), once);
    let unmet = vec![Unmet {
        tool: "t".to_owned(),
        args: Map::new(),
        expect: serde_json::json!(1),
        found: serde_json::json!(2),
    }];
    let reopen = || Event::Reopen { unmet: unmet.clone(), deadline: deadline(100) };
    for state in [State::Ready, State::Decided, State::Reconciled, State::Withdrawn] {
        assert!(step(&in_state(state), reopen()).is_err(), "{state:?}");
    }
    let again = step(&once, reopen()).expect("asked again");
    assert_eq!((again.state(), again.revision, again.unmet.len()), (State::Ready, 2, 1));
    assert_eq!(again.timing.respond_by, at(150), "its time counts anew");
    assert!(again.has(Flag::Diverged), "what it did stays known");
}
