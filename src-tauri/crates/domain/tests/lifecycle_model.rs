//! The lifecycle against a model of CONTRACT §4 that knows nothing of its code:
//! a table of edges, and whole seconds for time.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]
#![expect(clippy::wildcard_enum_match_arm, reason = "the model says what is, not what is not")]

use chrono::{DateTime, TimeDelta, Utc};
use handoff_domain::decision::{Decider, Decision, DecisionKind, Then};
use handoff_domain::lifecycle::{
    Event, Flag, Outcome, Phase, Progress, Report, State, Traits, transition,
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
        3 => (0..3_u8).prop_map(|lease| Move::Acknowledge { lease }),
        1 => (0..2_u8, any::<bool>()).prop_map(|(holder, present)| Move::Holder { holder, present }),
        1 => Just(Move::Regrant),
        1 => any::<bool>().prop_map(|applied| Move::Report { applied }),
        1 => Just(Move::Withdraw),
        1 => Just(Move::Supersede),
        1 => Just(Move::Revise),
        3 => Just(Move::Warn),
        3 => Just(Move::TimeUp),
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
}

impl Model {
    /// Makes the move if the contract has it; else says that it has not.
    fn make(&mut self, step: Move, now: i64) -> bool {
        let open = matches!(self.state, State::Queued | State::Ready);
        match step {
            Move::Present => self.go(self.state == State::Queued, State::Ready),
            Move::Open => self.state == State::Ready,
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
                }
                may
            }
            Move::TimeUp => self.timed_out(now),
        }
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
            TimeoutKind::Escalate => self.escalated = true,
            TimeoutKind::SafeDefault if self.default_is_read => {
                (self.irreversible, self.wants_revision, self.by_system) = (false, false, true);
                (self.offer, self.held) = (None, None);
                self.state = State::Released;
            }
            TimeoutKind::ManualReview | TimeoutKind::SafeDefault => self.manual_review = true,
        }
        true
    }
}

fn event(step: Move, model: &Model) -> Event {
    let name = |number: u8| format!("n{number}");
    match step {
        Move::Present => Event::Present,
        Move::Open => Event::Open,
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
        },
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
        };
        let mut now = 0;
        for (step, pause) in walk {
            now += pause;
            let before = model.clone();
            let outcome = transition(&progress, &traits, event(step, &model), at(now));
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
