//! The lifecycle against a model of CONTRACT §4 that knows nothing of its code:
//! a table of edges, and whole seconds for time.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]
#![expect(clippy::wildcard_enum_match_arm, reason = "the model says what is, not what is not")]

use chrono::{DateTime, TimeDelta, Utc};
use handoff_domain::decision::{Decider, Decision, DecisionKind, Then};
use handoff_domain::lifecycle::{
    Event, Flag, NextAlert, Outcome, Phase, Progress, Report, State, Traits, transition,
};
use handoff_domain::payload::{Deadline, OnTimeout, TimeoutKind};
use proptest::prelude::*;
use serde_json::{Map, json};

const LEASE_S: i64 = 600;

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
    Report { outcome, why: None, steps: Vec::new() }
}

/// What the walk can do next; the names are those of the contract.
#[derive(Debug, Clone, Copy)]
enum Move {
    Present,
    Open,
    /// Of the irreversible option, or of the other one; for this revision or an old one.
    Approve {
        irreversible: bool,
        current: bool,
    },
    Reject {
        revise: bool,
    },
    Undo,
    Release,
    Offer {
        lease: u8,
        holder: u8,
    },
    Acknowledge {
        lease: u8,
    },
    Holder {
        holder: u8,
        present: bool,
    },
    Regrant,
    Report {
        applied: bool,
    },
    Withdraw,
    Supersede,
    Revise,
    Warn,
    TimeUp,
    Plan {
        remind: Option<i64>,
    },
    Remind,
    Snooze {
        by: i64,
    },
    Wake,
    Allow {
        allowed: bool,
    },
    Alert {
        gives_up: bool,
    },
    GiveUp,
    /// Nobody looked for so long.
    Gap {
        of: i64,
    },
    /// The wall clock was set.
    Step {
        by: i64,
    },
}

/// The pauses of the reviewer's settings, in seconds.
const PAUSE_S: i64 = 50;
const EVERY_S: i64 = 300;
const ALERT_S: i64 = 150;

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
        3 => (0..3_u8).prop_map(|lease| Move::Acknowledge { lease }),
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
        1 => any::<bool>().prop_map(|allowed| Move::Allow { allowed }),
        2 => any::<bool>().prop_map(|gives_up| Move::Alert { gives_up }),
        1 => Just(Move::GiveUp),
        1 => (0..3000_i64).prop_map(|of| Move::Gap { of }),
        1 => prop_oneof![-40_000_000..40_000_000_i64, -100..100_i64].prop_map(|by| Move::Step { by }),
    ]
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Held {
    lease: u8,
    holder: u8,
    until: i64,
}

/// The model: what the contract says, in the plainest form.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "the plainest form")]
struct Model {
    state: State,
    revision: u32,
    kind: TimeoutKind,
    default_is_read: bool,
    respond_by: i64,
    lead: i64,
    grace: i64,
    warned: Option<i64>,
    decided_at: i64,
    irreversible: bool,
    wants_revision: bool,
    by_system: bool,
    offer: Option<Held>,
    held: Option<Held>,
    regranted: bool,
    applied: Option<bool>,
    escalated: bool,
    manual_review: bool,
    acknowledged: bool,
    snoozed: bool,
    allowed: bool,
    remind: Option<i64>,
    /// How many alerts there were, when the next is due, and whether there is none left.
    alerts: Option<(u32, i64, bool)>,
}

impl Model {
    /// Makes the move if the contract has it; else says that it has not.
    fn make(&mut self, step: Move, now: i64) -> bool {
        let open = matches!(self.state, State::Queued | State::Ready);
        match step {
            Move::Present => self.go(self.state == State::Queued, State::Ready),
            Move::Open => {
                let may = self.state == State::Ready;
                self.acknowledged |= may;
                if may && !self.snoozed {
                    self.remind = self.remind.map(|_| now + PAUSE_S);
                }
                may
            }
            Move::Approve { irreversible, current } => {
                let may = self.state == State::Ready && current;
                if may {
                    (self.irreversible, self.wants_revision, self.decided_at) =
                        (irreversible, false, now);
                    self.by_system = false;
                }
                self.go(may, State::Decided)
            }
            Move::Reject { revise } => {
                let may = self.state == State::Ready;
                if may {
                    (self.irreversible, self.wants_revision, self.decided_at) =
                        (false, revise, now);
                    self.by_system = false;
                }
                self.go(may, State::Decided)
            }
            Move::Undo => {
                let may = self.state == State::Decided;
                if may {
                    // The deadline stood still.
                    let still = now - self.decided_at;
                    self.respond_by += still;
                    self.warned = self.warned.map(|warned| warned + still);
                    self.remind = self.remind.map(|at| at + still);
                    self.alerts = self.alerts.map(|(done, at, last)| (done, at + still, last));
                }
                self.go(may, State::Ready)
            }
            Move::Release => {
                (self.offer, self.held) = if self.state == State::Decided {
                    (None, None)
                } else {
                    (self.offer, self.held)
                };
                self.go(self.state == State::Decided, State::Released)
            }
            Move::Offer { lease, holder } => {
                self.offered(Held { lease, holder, until: now + LEASE_S }, now)
            }
            Move::Acknowledge { lease } => self.acknowledged(lease, now),
            Move::Holder { holder, present } => {
                let place = match self.state {
                    State::Released => &mut self.offer,
                    State::Collected if present && !self.regranted => &mut self.held,
                    _ => return true,
                };
                if let Some(held) = place.filter(|held| held.holder == holder) {
                    *place = present.then_some(Held { until: now + LEASE_S, ..held });
                }
                true
            }
            Move::Regrant => {
                let may = self.state == State::Collected
                    && self.held.is_some_and(|held| held.until <= now);
                self.regranted |= may;
                may
            }
            Move::Report { applied } => {
                if self.state == State::Reconciled {
                    return self.applied == Some(applied);
                }
                let may = matches!(self.state, State::Released | State::Collected);
                if may {
                    self.applied = Some(applied);
                }
                self.go(may, State::Reconciled)
            }
            Move::Withdraw => self.go(open, State::Withdrawn),
            Move::Supersede => self.go(open, State::Superseded),
            Move::Revise => self.revised(now),
            Move::Warn => {
                let may = self.state == State::Ready && now >= self.respond_by - self.lead;
                if may {
                    self.warned = self.warned.or(Some(now));
                    (self.remind, self.snoozed) = (None, false);
                }
                may
            }
            Move::TimeUp => self.timed_out(now),
            Move::Plan { .. }
            | Move::Remind
            | Move::Snooze { .. }
            | Move::Wake
            | Move::Allow { .. } => self.asked(step, now),
            Move::Alert { gives_up } => {
                let due = self.alerts.filter(|(_, at, last)| !last && *at <= now);
                let may = self.state == State::Ready && !self.manual_review && due.is_some();
                if let Some((done, ..)) = due.filter(|_| may) {
                    self.alerts = Some((done + 1, now + ALERT_S, gives_up));
                }
                may
            }
            Move::GiveUp => {
                let due = self.alerts.is_some_and(|(_, at, last)| last && at <= now);
                let may = self.state == State::Ready && !self.manual_review && due;
                self.manual_review |= may;
                may
            }
            Move::Gap { of } => {
                let open = self.state == State::Ready && self.alerts.is_none();
                if open && self.due().is_some_and(|due| now - of < due && due <= now) {
                    self.warned = None;
                }
                true
            }
            Move::Step { by } => {
                // All that was measured by the clock is measured on.
                let shift = |at: &mut i64| *at += by;
                shift(&mut self.respond_by);
                shift(&mut self.decided_at);
                self.warned.iter_mut().for_each(shift);
                self.remind.iter_mut().for_each(shift);
                self.alerts.iter_mut().for_each(|(_, at, _)| shift(at));
                for held in [&mut self.offer, &mut self.held].into_iter().flatten() {
                    shift(&mut held.until);
                }
                true
            }
        }
    }

    /// What the reviewer asks for before the deadline.
    fn asked(&mut self, step: Move, now: i64) -> bool {
        let ready = self.state == State::Ready;
        let calm = ready && self.warned.is_none() && self.alerts.is_none() && !self.manual_review;
        let warn_at = self.respond_by - self.lead;
        match step {
            Move::Plan { remind } => {
                if ready && !self.snoozed {
                    self.remind = remind.map(|after| now + after);
                }
                ready
            }
            Move::Remind => {
                let may = calm && self.remind.is_some_and(|at| at <= now);
                if may {
                    (self.remind, self.snoozed, self.acknowledged) =
                        (Some(now + EVERY_S), false, false);
                }
                may
            }
            Move::Snooze { by } => {
                let until = (now + by).min(warn_at);
                let may = calm && until > now;
                if may {
                    (self.remind, self.snoozed) = (Some(until), true);
                }
                may
            }
            Move::Wake => {
                if ready {
                    (self.remind, self.snoozed) = (Some(now + EVERY_S), false);
                }
                ready
            }
            Move::Allow { allowed } => {
                self.allowed = if ready { allowed } else { self.allowed };
                ready
            }
            _ => false,
        }
    }

    /// From when on the deadline may act.
    fn due(&self) -> Option<i64> {
        let warned = self.warned?;
        let in_full = warned + self.lead <= self.respond_by;
        let late = (warned + self.lead.min(self.grace)).max(self.respond_by);
        Some(if in_full { self.respond_by } else { late })
    }

    fn go(&mut self, may: bool, to: State) -> bool {
        if may {
            self.state = to;
        }
        may
    }

    fn offered(&mut self, lease: Held, now: i64) -> bool {
        let free = match self.state {
            State::Released => {
                self.offer.is_none_or(|offer| offer.until <= now || offer.holder == lease.holder)
            }
            State::Collected => {
                let lapsed = self.held.is_some_and(|held| held.until <= now);
                lapsed && (self.regranted || !self.irreversible)
            }
            _ => false,
        };
        if free && self.state == State::Released {
            self.offer = Some(lease);
        } else if free {
            self.held = Some(lease);
            self.regranted = false;
        }
        free
    }

    fn acknowledged(&mut self, lease: u8, now: i64) -> bool {
        match self.state {
            State::Released if self.offer.is_some_and(|offer| offer.lease == lease) => {
                self.held = self.offer.map(|offer| Held { until: now + LEASE_S, ..offer });
                self.regranted = false;
                self.go(true, State::Collected)
            }
            State::Collected => self.held.is_some_and(|held| held.lease == lease),
            _ => false,
        }
    }

    fn revised(&mut self, now: i64) -> bool {
        let asked = matches!(self.state, State::Released | State::Collected) && self.wants_revision;
        let open = matches!(self.state, State::Queued | State::Ready);
        if open || asked {
            self.revision += 1;
            self.respond_by = now + 1000;
            (self.lead, self.grace, self.warned) = (200, 100, None);
            (self.escalated, self.manual_review) = (false, false);
            (self.acknowledged, self.snoozed, self.allowed) = (false, false, false);
            (self.remind, self.alerts) = (None, None);
        }
        let to = if self.state == State::Queued { State::Queued } else { State::Ready };
        self.go(open || asked, to)
    }

    fn timed_out(&mut self, now: i64) -> bool {
        if self.escalated || self.manual_review {
            return false;
        }
        let warned_before =
            self.warned.is_some_and(|warned| now - warned >= self.lead.min(self.grace));
        let in_full = self.warned.is_some_and(|warned| {
            warned + self.lead <= self.respond_by || now - warned >= self.lead.min(self.grace)
        });
        if self.state != State::Ready || now < self.respond_by || !in_full {
            return false;
        }
        assert!(warned_before, "nothing follows a warning at once");
        match self.kind {
            TimeoutKind::Escalate => {
                self.escalated = true;
                self.alerts = Some((0, now, false));
            }
            TimeoutKind::SafeDefault if self.default_is_read || self.allowed => {
                (self.irreversible, self.wants_revision, self.by_system) = (false, false, true);
                (self.offer, self.held) = (None, None);
                self.state = State::Released;
            }
            TimeoutKind::ManualReview | TimeoutKind::SafeDefault => self.manual_review = true,
        }
        true
    }
}

fn event(step: Move, model: &Model, now: i64) -> Event {
    let name = |number: u8| format!("n{number}");
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
        Move::Acknowledge { lease } => Event::Acknowledge { lease: name(lease) },
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
        Move::Warn => Event::Warn,
        Move::TimeUp => Event::TimeUp {
            default: (model.kind == TimeoutKind::SafeDefault)
                .then(|| decision(Some("move"), DecisionKind::Approve, None, Decider::System)),
            alert: NextAlert { at: at(now), gives_up: false },
        },
        Move::Plan { remind } => Event::Plan { remind_at: remind.map(|after| at(now + after)) },
        Move::Remind => Event::Remind { next: Some(at(now + EVERY_S)) },
        Move::Snooze { by } => Event::Snooze { until: at(now + by) },
        Move::Wake => Event::Wake { remind_at: Some(at(now + EVERY_S)) },
        Move::Allow { allowed } => Event::Allow { allowed },
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
        default_is_read in any::<bool>(),
        (within, lead, grace) in (60..5000_u32, 1..5000_u32, 0..1000_u32),
        walk in prop::collection::vec((moves(), prop_oneof![Just(0_i64), 1..30_i64, 100..2000_i64]), 1..60),
    ) {
        let lead = lead.min(within);
        let traits = Traits { on_timeout: kind, default_is_read, irreversible: vec!["burn".to_owned()] };
        let mut progress = Progress::new(&deadline(within, lead, grace, kind), false, at(0));
        let mut model = Model {
            state: State::Queued,
            revision: 1,
            kind,
            default_is_read,
            respond_by: i64::from(within),
            lead: i64::from(lead),
            grace: i64::from(grace),
            warned: None,
            decided_at: 0,
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
    if let Phase::Collected { lease, regranted, .. } = &progress.phase {
        prop_assert_eq!(Some(lease.expires_at), model.held.map(|held| at(held.until)));
        prop_assert_eq!(*regranted, model.regranted);
    }
    Ok(())
}
