//! What happens to a handoff while it waits for the reviewer: reminders, the
//! warning, the deadline, and the alerts after it.

use chrono::{DateTime, TimeDelta, Utc};

use super::progress::{Due, Escalation, NextAlert, Progress, Traits};
use super::state::{Flag, Phase, State};
use super::{Refusal, must_be, no_edge};
use crate::decision::Decision;
use crate::payload::TimeoutKind;

type Moment = DateTime<Utc>;

/// The reviewer opened it: reminders pause.
pub(super) fn opened(next: &mut Progress, resume_at: Option<Moment>) -> Result<(), Refusal> {
    must_be(next, &[State::Ready], "opened")?;
    next.mark(Flag::Acknowledged);
    if !next.has(Flag::Snoozed) {
        // Never sooner than it would have been.
        next.remind_at = next.remind_at.zip(resume_at).map(|(at, resume)| at.max(resume));
    }
    Ok(())
}

/// Reminders are planned, unless they are put off to a time that is to come.
pub(super) fn planned(
    next: &mut Progress,
    remind_at: Option<Moment>,
    now: Moment,
) -> Result<(), Refusal> {
    must_be(next, &[State::Ready], "planned")?;
    if !next.has(Flag::Snoozed) || next.remind_at.is_none_or(|at| at <= now) {
        next.remind_at = remind_at;
    }
    Ok(())
}

/// The reviewer was reminded.
pub(super) fn reminded(
    next: &mut Progress,
    again: Option<Moment>,
    now: Moment,
) -> Result<(), Refusal> {
    before_the_warning(next, "reminded of")?;
    if next.remind_at.is_none_or(|due| now < due) {
        return Err(Refusal::TooEarly);
    }
    next.remind_at = again;
    // Who had seen it, or put it off, is asked anew.
    next.unmark(&[Flag::Snoozed, Flag::Acknowledged]);
    Ok(())
}

/// Reminders are put off, to the warning at the latest.
pub(super) fn snoozed(next: &mut Progress, until: Moment, now: Moment) -> Result<(), Refusal> {
    before_the_warning(next, "snoozed")?;
    let until = until.min(next.timing.warn_at);
    if until <= now {
        return Err(Refusal::TooLate);
    }
    next.remind_at = Some(until);
    next.mark(Flag::Snoozed);
    Ok(())
}

/// Reminders are wanted again.
pub(super) fn woken(next: &mut Progress, remind_at: Option<Moment>) -> Result<(), Refusal> {
    must_be(next, &[State::Ready], "woken")?;
    next.remind_at = remind_at;
    next.unmark(&[Flag::Snoozed]);
    Ok(())
}

/// The warning was attempted.
pub(super) fn warned(next: &mut Progress, now: Moment) -> Result<(), Refusal> {
    must_be(next, &[State::Ready], "warned about")?;
    if now < next.timing.warn_at {
        return Err(Refusal::TooEarly);
    }
    next.timing.warned_at.get_or_insert(now);
    next.remind_at = None;
    next.unmark(&[Flag::Snoozed]);
    Ok(())
}

/// The deadline has passed.
pub(super) fn timed_out(
    next: &mut Progress,
    traits: &Traits,
    default: Result<Box<Decision>, &'static str>,
    alert: NextAlert,
    now: Moment,
) -> Result<(), Refusal> {
    must_be(next, &[State::Ready], "timed out")?;
    if next.has(Flag::Escalated) || next.has(Flag::ManualReview) {
        return Err(no_edge(next, "timed out again"));
    }
    if next.timing.due_at().is_none_or(|due| now < due) {
        return Err(Refusal::TooEarly);
    }
    match traits.on_timeout {
        TimeoutKind::Escalate => {
            next.mark(Flag::Escalated);
            next.escalation = Some(Escalation { done: 0, next: alert, again: false });
        }
        TimeoutKind::ManualReview => next.mark(Flag::ManualReview),
        TimeoutKind::SafeDefault => match default {
            Ok(decision) => {
                next.phase = Phase::Released { decision, released_at: now, offer: None };
            }
            Err(why) => {
                next.default_refused = Some(format!("The default was not taken. {why}"));
                next.mark(Flag::ManualReview);
            }
        },
    }
    Ok(())
}

/// The reviewer was alerted once more.
pub(super) fn alerted(next: &mut Progress, follows: NextAlert, now: Moment) -> Result<(), Refusal> {
    must_be(next, &[State::Ready], "alerted")?;
    let due = next.next_due().is_some_and(|(at, due)| due == Due::Alert && at <= now);
    match &mut next.escalation {
        Some(escalation) if due => {
            let (mut follows, mut done) = (follows, escalation.done + 1);
            if escalation.again {
                let grace = TimeDelta::seconds(next.timing.grace_s.into());
                (follows.at, done) = (follows.at.max(now + grace), escalation.done);
            }
            *escalation = Escalation { done, next: follows, again: false };
            Ok(())
        }
        Some(_) | None => Err(Refusal::TooEarly),
    }
}

/// No alert was answered.
pub(super) fn given_up(next: &mut Progress, now: Moment) -> Result<(), Refusal> {
    must_be(next, &[State::Ready], "given up")?;
    if !next.next_due().is_some_and(|(at, due)| due == Due::GiveUp && at <= now) {
        return Err(Refusal::TooEarly);
    }
    next.mark(Flag::ManualReview);
    Ok(())
}

fn before_the_warning(progress: &Progress, verb: &'static str) -> Result<(), Refusal> {
    must_be(progress, &[State::Ready], verb)?;
    if progress.is_late() { Err(Refusal::TooLate) } else { Ok(()) }
}
