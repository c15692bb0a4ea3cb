//! One handoff with its clock and its account, and how a move changes them.

use chrono::{DateTime, TimeDelta, Utc};
use handoff_domain::decision::{Decider, Decision, DecisionKind, Then};
use handoff_domain::gate::Held;
use handoff_domain::gate::by_default::Unfit;
use handoff_domain::lifecycle::{
    Due, Event, Flag, NextAlert, Outcome, Phase, Progress, Report, State, Traits, transition,
};
use handoff_domain::payload::{Deadline, OnTimeout, TimeoutKind};
use serde_json::Map;

use crate::account::{Account, LONG};
use crate::moves::Move;

pub const TICK_S: i64 = 300;

/// How many alerts there are before it is given up.
const ALERTS: u32 = 2;

/// The handoff, the settings and what is tried; times are in ticks.
#[derive(Debug, Clone)]
pub struct Shape {
    pub kind: TimeoutKind,
    pub default_runs: bool,
    /// The deadline is a span and no date.
    pub relative: bool,
    pub within: i64,
    pub lead: i64,
    pub grace: i64,
    pub reminders: bool,
    pub leases: bool,
}

/// A handoff at one moment.
#[derive(Debug, Clone)]
pub struct World {
    progress: Progress,
    /// The wall clock, in ticks.
    now: i64,
    /// Since when nobody has looked at the time: the desk does so before it
    /// acts by it, but somebody else may come first.
    unseen: Option<i64>,
    account: Account,
}

/// What two moments have in common that nothing can tell apart later: all
/// times by how far they are from now.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    state: State,
    revised: bool,
    flags: Vec<Flag>,
    /// Deadline, warning, reminder, alert, lease.
    times: [Option<i64>; 5],
    alerts: Option<(u32, bool, bool)>,
    holder: Option<(String, bool)>,
    allowed: bool,
    unseen: Option<i64>,
    account: Account,
}

impl Shape {
    fn traits(&self) -> Traits {
        Traits { on_timeout: self.kind, irreversible: vec!["burn".to_owned()] }
    }

    fn deadline(&self, now: i64) -> Deadline {
        let seconds = |ticks: i64| u32::try_from(ticks * TICK_S).ok();
        Deadline {
            respond_by: (!self.relative).then(|| at(now + self.within)),
            respond_within_s: seconds(self.within).filter(|_| self.relative),
            warn_before_s: seconds(self.lead),
            grace_s: seconds(self.grace),
            on_timeout: OnTimeout { kind: self.kind, option: None },
        }
    }
}

impl World {
    pub fn start(shape: &Shape) -> Self {
        let queued = Progress::new(&shape.deadline(0), false, at(0));
        let progress = transition(&queued, &shape.traits(), Event::Present, at(0));
        let progress = progress.expect("a new handoff can be shown");
        Self { progress, now: 0, unseen: None, account: Account::new(shape) }
    }

    /// Makes a move; `None` where it is refused, an objection where it should
    /// have been.
    pub fn make(&self, made: Move, shape: &Shape) -> Result<Option<Self>, String> {
        let mut next = self.clone();
        if made.follows_a_look() {
            next.look(shape)?;
        }
        let ready = self.progress.state() == State::Ready && !self.account.acted;
        for event in next.events(made, ready, shape) {
            match transition(&next.progress, &shape.traits(), event, at(next.now)) {
                Ok(progress) => next.progress = progress,
                Err(_) => return Ok(None),
            }
        }
        next.account.note(made, &self.progress, &next.progress, shape)?;
        Ok(Some(next))
    }

    /// The desk looks at its clocks.
    fn look(&mut self, shape: &Shape) -> Result<(), String> {
        if let Some(since) = self.unseen.take() {
            let gap = Event::Gap { since: at(since) };
            self.progress = transition(&self.progress, &shape.traits(), gap, at(self.now))
                .map_err(|refusal| format!("a gap was refused: {refusal}"))?;
        }
        Ok(())
    }

    /// Lets the time of a move pass; says what the engine makes of the move.
    fn events(&mut self, made: Move, ready: bool, shape: &Shape) -> Vec<Event> {
        let now = self.now;
        let event = match made {
            Move::Pass => {
                self.elapse(1, ready, true, shape);
                return Vec::new();
            }
            Move::Sleep(ticks) => {
                self.elapse(ticks, ready, false, shape);
                self.unseen = Some(now);
                return Vec::new();
            }
            Move::Restart(ticks) => {
                self.elapse(ticks, ready, false, shape);
                let mut events = vec![Event::Gap { since: DateTime::<Utc>::MIN_UTC }];
                if let Phase::Released { offer: Some(offer), .. } = &self.progress.phase {
                    let holder = offer.holder.clone();
                    events.insert(0, Event::Holder { holder, present: false });
                }
                return events;
            }
            Move::Step(by) => self.step(by, now, shape),
            Move::SleepAndStep(ticks, by) => {
                self.elapse(ticks, ready, false, shape);
                let step = self.step(by, now, shape);
                return vec![step, Event::Gap { since: at(now + by) }];
            }
            Move::Open => Event::Open { resume_at: Some(at(now + 1)) },
            Move::Plan(some) => Event::Plan { remind_at: some.then(|| at(now + 1)) },
            Move::Snooze(ticks) => Event::Snooze { until: at(now + ticks) },
            Move::Wake => Event::Wake { remind_at: Some(at(now + 1)) },
            Move::Remind => Event::Remind { next: Some(at(now + 2)) },
            Move::Allow(allowed) => Event::Allow { allowed, revision: self.progress.revision },
            Move::Approve { burn, stale } => Event::Decide {
                decision: decision(Some(if burn { "burn" } else { "move" }), Decider::Reviewer),
                revision: self.progress.revision - u32::from(stale),
                hold_s: 5,
            },
            Move::Reject { revise } => {
                let mut decision = decision(None, Decider::Reviewer);
                decision.kind = DecisionKind::Reject;
                decision.then = Some(if revise { Then::Revise } else { Then::Stop });
                Event::Decide { decision, revision: self.progress.revision, hold_s: 5 }
            }
            Move::Undo => Event::Undo,
            Move::Regrant => Event::Regrant,
            Move::Release => Event::Release,
            Move::Warn => Event::Warn { revision: self.progress.revision },
            Move::TimeUp { decision: brought } => Event::TimeUp {
                default: brought
                    .then(|| decision(Some("move"), Decider::System))
                    .ok_or(Unfit::Contradicts),
                held: (!shape.default_runs).then_some(Held::Level),
                alert: NextAlert { at: at(now + 1), gives_up: false },
            },
            Move::Alert => Event::Alert { next: self.next_alert() },
            Move::GiveUp => Event::GiveUp,
            Move::Offer(by) => Event::Offer { lease: by.to_string(), holder: by.to_string() },
            Move::Acknowledge(by) => Event::Acknowledge {
                lease: by.to_string(),
                holder: by.to_string(),
                report_by: None,
            },
            Move::Holder(by, present) => Event::Holder { holder: by.to_string(), present },
            Move::Report => {
                let report = Report {
                    outcome: Outcome::Applied,
                    why: None,
                    steps: Vec::new(),
                    unmet: Vec::new(),
                };
                Event::Report { report }
            }
            Move::Withdraw => Event::Withdraw { reason: None },
            Move::Supersede => Event::Supersede { by: "other".to_owned() },
            Move::Revise => Event::Revise { deadline: shape.deadline(now), cold: false },
        };
        vec![event]
    }

    fn elapse(&mut self, ticks: i64, ready: bool, watched: bool, shape: &Shape) {
        self.now += ticks;
        self.account.elapse(ticks, ready, watched, shape);
    }

    fn step(&mut self, by: i64, since: i64, shape: &Shape) -> Event {
        self.now += by;
        self.account.stepped(by, shape);
        Event::Step { by: TimeDelta::seconds(by * TICK_S), since: at(since) }
    }

    fn next_alert(&self) -> NextAlert {
        let gives_up = self
            .progress
            .escalation
            .is_some_and(|escalation| escalation.again || escalation.done + 1 >= ALERTS);
        NextAlert { at: at(self.now + 1), gives_up }
    }

    /// Does what time asks for and nothing else, as a desk that is left alone:
    /// in the end nothing waits. In a `calm` no reminder is shown.
    pub fn comes_to_an_end(&self, calm: bool, shape: &Shape) -> Result<(), String> {
        let mut world = self.clone();
        world.look(shape)?;
        if world.progress.timing.respond_by - at(world.now) > TimeDelta::seconds(20 * TICK_S) {
            // A date that a clock set back has moved far away.
            return Ok(());
        }
        for _ in 0..10 * LONG {
            if world.progress.state() == State::Decided {
                world = world.must(Move::Release, shape)?;
            }
            let Some((due, what)) = world.progress.next_due() else {
                let waits = world.progress.state() == State::Ready
                    && !world.progress.has(Flag::ManualReview);
                return if waits { Err("it waits, and nothing is due".to_owned()) } else { Ok(()) };
            };
            while at(world.now) < due {
                world = world.must(Move::Pass, shape)?;
            }
            let made = match what {
                Due::Remind if calm => Move::Plan(true),
                Due::Remind => Move::Remind,
                Due::Warn => Move::Warn,
                Due::TimeUp => Move::TimeUp { decision: true },
                Due::Alert => Move::Alert,
                Due::GiveUp => Move::GiveUp,
                Due::Unreported => unreachable!("no report is waited for here"),
            };
            world = world.must(made, shape)?;
        }
        Err("time asks for more and more, and nothing comes of it".to_owned())
    }

    fn must(&self, made: Move, shape: &Shape) -> Result<Self, String> {
        self.make(made, shape)?.ok_or_else(|| format!("{made:?} is due and refused"))
    }

    pub fn key(&self, shape: &Shape) -> Key {
        let progress = &self.progress;
        // While the deadline stands still, all counts from when it stopped.
        let reference = progress.stood_still_since.unwrap_or(at(self.now));
        let from = |reference: DateTime<Utc>| {
            move |moment: DateTime<Utc>| {
                ((moment - reference).num_seconds().div_euclid(TICK_S)).clamp(-LONG, LONG)
            }
        };
        let relative = from(reference);
        let open = matches!(progress.state(), State::Ready | State::Decided);
        let lease = progress.phase.lease();
        let regranted = matches!(progress.phase, Phase::Collected { regranted: true, .. });
        let times = [
            open.then(|| relative(progress.timing.respond_by)),
            progress.timing.warned_at.filter(|_| open).map(relative),
            progress.remind_at.filter(|_| open).map(relative),
            progress.escalation.filter(|_| open).map(|all| relative(all.next.at)),
            lease.map(|lease| from(at(self.now))(lease.expires_at).max(0)),
        ];
        let mut account = self.account.clone();
        account.left = account.left.clamp(-LONG, LONG);
        if !open {
            // Only another proposal brings it back, with another deadline.
            let fresh = Account::new(shape);
            account = Account { winner: account.winner, held: account.held, ..fresh };
        }
        Key {
            state: progress.state(),
            revised: progress.revision > 1,
            flags: progress.flags.clone(),
            times,
            alerts: progress.escalation.map(|all| (all.done, all.next.gives_up, all.again)),
            holder: lease.map(|lease| (lease.holder.clone(), regranted)),
            allowed: progress.default_allowed,
            unseen: self.unseen.map(|since| (since - self.now).max(-LONG)),
            account,
        }
    }
}

fn at(ticks: i64) -> DateTime<Utc> {
    let start = DateTime::from_timestamp(1_790_000_000, 0).expect("a moment");
    start + TimeDelta::seconds(ticks * TICK_S)
}

fn decision(option: Option<&str>, by: Decider) -> Box<Decision> {
    Box::new(Decision {
        kind: DecisionKind::Approve,
        by,
        at: at(0),
        option: option.map(str::to_owned),
        tool: None,
        args: None,
        facts: Map::new(),
        constraints: Vec::new(),
        text: None,
        reason: None,
        then: None,
        overriding: None,
        message: None,
        note: None,
    })
}
