//! The life of one handoff: which event leads from which state to which
//! (CONTRACT §4), as one pure function.
//!
//! It knows no payload beyond the few [`Traits`] the edges ask for, reads no
//! clock and stores nothing. An event that has no edge from the present state
//! is refused with a [`Refusal`] that says why; nothing changes then.

mod aftermath;
mod progress;
mod state;
mod timing;
mod waiting;

use chrono::{DateTime, TimeDelta, Utc};

pub use progress::{Due, Escalation, NextAlert, Progress, Traits};
pub use state::{Flag, Lease, Outcome, Phase, Report, State, StepReport, Unmet};
pub use timing::{DEFAULT_GRACE, Timing};

use crate::agreement::Divergence;
use crate::decision::Decision;
use crate::gate::{Held, by_default};
use crate::payload::Deadline;

/// How long a lease holds without renewal.
pub const LEASE: TimeDelta = TimeDelta::minutes(10);

/// What can happen to a handoff.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// It comes in front of the reviewer.
    Present,
    /// The reviewer opened it: reminders pause.
    Open {
        /// Until when, where there are any.
        resume_at: Option<DateTime<Utc>>,
    },
    /// Reminders are planned, anew after a change of the settings.
    Plan {
        /// The next one.
        remind_at: Option<DateTime<Utc>>,
    },
    /// The reviewer was reminded.
    Remind {
        /// When to remind again.
        next: Option<DateTime<Utc>>,
    },
    /// The reviewer puts reminders off, to the warning at the latest.
    Snooze {
        /// Until when.
        until: DateTime<Utc>,
    },
    /// The reviewer wants to be reminded again.
    Wake {
        /// The next reminder.
        remind_at: Option<DateTime<Utc>>,
    },
    /// The reviewer lets the declared default be taken, or no longer.
    Allow {
        /// Whether it may.
        allowed: bool,
        /// The proposal the reviewer saw.
        revision: u32,
    },
    /// The reviewer answered.
    Decide {
        /// The answer.
        decision: Box<Decision>,
        /// The revision that was on screen.
        revision: u32,
        /// The length of the hold in seconds.
        hold_s: u32,
    },
    /// The reviewer takes the answer back.
    Undo,
    /// The hold is over.
    Release,
    /// A client asks to act on the decision.
    Offer {
        /// The id of the lease, should one be given.
        lease: String,
        /// The client's connection.
        holder: String,
    },
    /// A client has received the decision.
    Acknowledge {
        /// The lease it was offered.
        lease: String,
        /// The connection that says so, and holds it from now on.
        holder: String,
        /// By when it is to report, where that is waited for.
        report_by: Option<DateTime<Utc>>,
    },
    /// The gate has let the call run that was decided on, whether or not a client
    /// collected the decision.
    Acted {
        /// By when a report is due, where that is waited for.
        report_by: Option<DateTime<Utc>>,
    },
    /// The connection of a client is still, or no longer, there.
    Holder {
        /// The connection.
        holder: String,
        /// Whether it is open.
        present: bool,
    },
    /// The reviewer lets a lapsed lease be handed out again.
    Regrant,
    /// The agent says what it did.
    Report {
        /// What it did.
        report: Report,
    },
    /// What the agent recorded is not what it was told.
    Diverge {
        /// In what.
        divergences: Vec<Divergence>,
    },
    /// The agent was to report by now.
    Unreported,
    /// What the decision was made on does not hold any more: it is asked again.
    Reopen {
        /// What does not hold.
        unmet: Vec<Unmet>,
        /// Its deadline, which counts anew.
        deadline: Deadline,
    },
    /// The agent takes the handoff back.
    Withdraw {
        /// Why.
        reason: Option<String>,
    },
    /// Another handoff of the same agent replaces this one.
    Supersede {
        /// Its id.
        by: String,
    },
    /// The agent makes another proposal.
    Revise {
        /// Its deadline.
        deadline: Deadline,
        /// Whether it comes without history, intent or constraints.
        cold: bool,
    },
    /// The warning was attempted.
    Warn {
        /// The proposal it told of.
        revision: u32,
    },
    /// The deadline has passed; with the decision of a declared default.
    TimeUp {
        /// The decision by System that takes the declared default, or why there
        /// is none.
        default: Result<Box<Decision>, by_default::Unfit>,
        /// Why the gate would hold it now, if it would.
        held: Option<Held>,
        /// The first alert, where it escalates.
        alert: NextAlert,
    },
    /// The reviewer was alerted after the deadline.
    Alert {
        /// What follows.
        next: NextAlert,
    },
    /// No alert was answered.
    GiveUp,
    /// Nobody looked at the time: the desk was off, or the machine slept.
    Gap {
        /// Since when.
        since: DateTime<Utc>,
    },
    /// The wall clock was set.
    Step {
        /// By how much, forward or back.
        by: TimeDelta,
        /// From then on what a date made due is warned of again.
        since: DateTime<Utc>,
    },
}

/// Why an event was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The present state has no such edge.
    #[error("a handoff that is {state:?} cannot be {verb}")]
    NoEdge {
        /// The present state.
        state: State,
        /// What was tried.
        verb: &'static str,
    },
    /// The answer belongs to an earlier proposal.
    #[error("the answer was given to revision {given}, but revision {current} is in force")]
    StaleRevision {
        /// The revision answered.
        given: u32,
        /// The revision in force.
        current: u32,
    },
    /// Somebody decided before; the decision in force.
    #[error("already decided")]
    AlreadyDecided {
        /// The winner.
        winner: Box<Decision>,
    },
    /// The lease is not, or no longer, the one in force.
    #[error("this lease is not in force")]
    WrongLease,
    /// It is too early.
    #[error("not before its time")]
    TooEarly,
    /// The warning is out, or the deadline has passed.
    #[error("too late: its deadline was warned of already")]
    TooLate,
}

/// Applies an event to a handoff at `now`, or says why it cannot be.
pub fn transition(
    progress: &Progress,
    traits: &Traits,
    event: Event,
    now: DateTime<Utc>,
) -> Result<Progress, Refusal> {
    let mut next = progress.clone();
    match event {
        Event::Present => {
            must_be(progress, &[State::Queued], "presented")?;
            next.phase = Phase::Ready;
            if let Some(since) = next.stood_still_since.take() {
                next.stood_still((now - since).max(TimeDelta::zero()));
            }
        }
        Event::Open { resume_at } => waiting::opened(&mut next, resume_at)?,
        Event::Plan { remind_at } => waiting::planned(&mut next, remind_at, now)?,
        Event::Remind { next: again } => waiting::reminded(&mut next, again, now)?,
        Event::Snooze { until } => waiting::snoozed(&mut next, until, now)?,
        Event::Wake { remind_at } => waiting::woken(&mut next, remind_at)?,
        Event::Allow { allowed, revision } => {
            must_be(progress, &[State::Ready], "allowed")?;
            is_current(progress, revision)?;
            next.default_allowed = allowed;
        }
        Event::Decide { decision, revision, hold_s } => {
            decide(&mut next, decision, revision, hold_s, now)?;
        }
        Event::Undo => {
            must_be(progress, &[State::Decided], "undone")?;
            next.phase = Phase::Ready;
            if let Some(since) = next.stood_still_since.take() {
                next.stood_still((now - since).max(TimeDelta::zero()));
            }
            if next.escalation.is_none() && !next.has(Flag::ManualReview) {
                // Whatever made it due meanwhile, a sleep or a set clock: the
                // reviewer is warned of that before anything follows.
                next.timing.missed(DateTime::<Utc>::MIN_UTC, now);
            }
            next.missed_giving_up(DateTime::<Utc>::MIN_UTC, now);
        }
        Event::Release => {
            let Phase::Decided { decision, .. } = next.phase else {
                return Err(no_edge(progress, "released"));
            };
            next.phase = Phase::Released { decision, released_at: now, offer: None };
        }
        Event::Offer { lease, holder } => {
            let granted = Lease { id: lease, holder, expires_at: now + LEASE };
            offer(&mut next, traits, granted, now)?;
        }
        Event::Acknowledge { lease, holder, report_by } => {
            acknowledge(&mut next, &lease, holder, now)?;
            if progress.state() == State::Released {
                next.report_by = report_by;
            }
        }
        Event::Acted { report_by } => {
            if progress.state() == State::Released {
                next.report_by = next.report_by.or(report_by);
            }
        }
        Event::Holder { holder, present } => holder_seen(&mut next, &holder, present, now),
        Event::Regrant => aftermath::regrant(&mut next, now)?,
        Event::Report { report } => aftermath::reconcile(&mut next, report, now)?,
        Event::Diverge { divergences } => aftermath::diverged(&mut next, divergences)?,
        Event::Unreported => aftermath::unreported(&mut next, now)?,
        Event::Reopen { unmet, deadline } => {
            aftermath::reopened(&mut next, unmet, &deadline, now)?;
        }
        Event::Withdraw { reason } => {
            must_be(progress, &[State::Queued, State::Ready], "withdrawn")?;
            next.phase = Phase::Withdrawn { reason, at: now };
        }
        Event::Supersede { by } => {
            must_be(progress, &[State::Queued, State::Ready], "superseded")?;
            next.phase = Phase::Superseded { by, at: now };
        }
        Event::Revise { deadline, cold } => {
            aftermath::revise(&mut next, &deadline, cold, now)?;
        }
        Event::Warn { revision } => {
            is_current(progress, revision)?;
            waiting::warned(&mut next, now)?;
        }
        Event::TimeUp { default, held, alert } => {
            let default = by_default::taken(default, held, next.default_allowed);
            waiting::timed_out(&mut next, traits, default, alert, now)?;
        }
        Event::Alert { next: follows } => waiting::alerted(&mut next, follows, now)?,
        Event::GiveUp => waiting::given_up(&mut next, now)?,
        Event::Gap { since } => {
            if progress.state() == State::Ready {
                if progress.escalation.is_none() {
                    next.timing.missed(since, now);
                }
                next.missed_giving_up(since, now);
            }
            // The agent slept as well.
            next.report_by = next
                .report_by
                .map(|by| if since < by && by <= now { now + DEFAULT_GRACE } else { by });
        }
        Event::Step { by, since } => stepped(&mut next, by, since, now),
    }
    Ok(next)
}

/// The wall clock was set by so much: what is measured by it moves with it, and a
/// date that passed by that, or did not after all, is warned of anew.
fn stepped(next: &mut Progress, by: TimeDelta, since: DateTime<Utc>, now: DateTime<Utc>) {
    let acted = next.escalation.is_some() || next.has(Flag::ManualReview);
    if by < TimeDelta::zero() && !acted {
        next.timing.was_not_late();
    }
    next.stepped(by);
    if next.state() == State::Ready && next.escalation.is_none() && !next.timing.relative {
        next.timing.missed(since, now);
    }
    if by > TimeDelta::zero() && !acted {
        match next.state() {
            State::Ready => next.timing.passed_at_once(since, now),
            // Where it stands still is not where its date says.
            State::Decided => next.timing.passed_at_once(DateTime::<Utc>::MIN_UTC, now),
            State::Queued
            | State::Released
            | State::Collected
            | State::Reconciled
            | State::Withdrawn
            | State::Superseded => {}
        }
    }
}

fn no_edge(progress: &Progress, verb: &'static str) -> Refusal {
    Refusal::NoEdge { state: progress.state(), verb }
}

fn must_be(progress: &Progress, states: &[State], verb: &'static str) -> Result<(), Refusal> {
    if states.contains(&progress.state()) { Ok(()) } else { Err(no_edge(progress, verb)) }
}

/// What the reviewer saw is what is in force.
fn is_current(progress: &Progress, given: u32) -> Result<(), Refusal> {
    let current = progress.revision;
    if given == current { Ok(()) } else { Err(Refusal::StaleRevision { given, current }) }
}

fn decide(
    next: &mut Progress,
    decision: Box<Decision>,
    revision: u32,
    hold_s: u32,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    if let Some(winner) = next.phase.decision() {
        return Err(Refusal::AlreadyDecided { winner: Box::new(winner.clone()) });
    }
    must_be(next, &[State::Ready], "decided")?;
    is_current(next, revision)?;
    next.phase = Phase::Decided { decision, hold_s };
    next.stood_still_since = Some(now);
    Ok(())
}

fn offer(
    next: &mut Progress,
    traits: &Traits,
    granted: Lease,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    if let Phase::Released { offer, .. } = &mut next.phase {
        let elsewhere = offer
            .as_ref()
            .is_some_and(|held| held.expires_at > now && held.holder != granted.holder);
        if elsewhere {
            return Err(Refusal::WrongLease);
        }
        *offer = Some(granted);
        return Ok(());
    }
    let Phase::Collected { lease, regranted, decision, .. } = &mut next.phase else {
        return Err(no_edge(next, "collected"));
    };
    // What cannot be taken back must not run twice: only the reviewer hands it
    // out again.
    let safe = *regranted || !traits.is_irreversible(decision);
    if lease.expires_at > now || !safe {
        return Err(Refusal::WrongLease);
    }
    *lease = granted;
    *regranted = false;
    Ok(())
}

fn acknowledge(
    next: &mut Progress,
    lease: &str,
    holder: String,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    if let Phase::Collected { lease: held, .. } = &mut next.phase
        && held.id == lease
    {
        held.holder = holder;
        return Ok(());
    }
    let Phase::Released { decision, offer: Some(offer), .. } = &next.phase else {
        return Err(Refusal::WrongLease);
    };
    if offer.id != lease {
        return Err(Refusal::WrongLease);
    }
    next.phase = Phase::Collected {
        decision: decision.clone(),
        lease: Lease { id: offer.id.clone(), holder, expires_at: now + LEASE },
        collected_at: now,
        regranted: false,
    };
    Ok(())
}

/// Renews the lease of a holder that is there, and voids the offer of one that
/// is gone: it was never acknowledged, so nothing can have run. A lease the
/// reviewer has given free does not come back to life: the next to ask has it.
fn holder_seen(next: &mut Progress, holder: &str, present: bool, now: DateTime<Utc>) {
    if let Phase::Released { offer, .. } = &mut next.phase
        && let Some(held) = offer.as_mut().filter(|held| held.holder == holder)
    {
        if present {
            held.expires_at = now + LEASE;
        } else {
            *offer = None;
        }
    } else if let Phase::Collected { lease, regranted: false, .. } = &mut next.phase
        && lease.holder == holder
        && present
    {
        // Once the reviewer has given the lease free, it does not come back to
        // life: the next client to ask has it.
        lease.expires_at = now + LEASE;
    }
}
