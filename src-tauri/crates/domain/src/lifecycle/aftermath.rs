//! What follows a decision that is out: what the agent did with it, what it
//! says of that or does not, and how it is asked again.

use chrono::{DateTime, Utc};

use super::progress::Progress;
use super::state::{Flag, Outcome, Phase, Report, State, Unmet};
use super::timing::Timing;
use super::{Refusal, no_edge};
use crate::agreement::Divergence;
use crate::decision::{DecisionKind, Then};
use crate::payload::Deadline;

/// The most divergences that are kept of one handoff.
const DIVERGENCES: usize = 50;

/// The reviewer lets a lapsed lease be handed out again.
pub(super) fn regrant(next: &mut Progress, now: DateTime<Utc>) -> Result<(), Refusal> {
    let Phase::Collected { lease, regranted, .. } = &mut next.phase else {
        return Err(no_edge(next, "granted again"));
    };
    if lease.expires_at > now {
        return Err(Refusal::TooEarly);
    }
    *regranted = true;
    Ok(())
}

/// The agent says what it did.
pub(super) fn reconcile(
    next: &mut Progress,
    report: Report,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    if let Phase::Reconciled { report: known, .. } = &next.phase
        && *known == report
    {
        return Ok(());
    }
    let (Phase::Released { decision, .. } | Phase::Collected { decision, .. }) = &next.phase else {
        return Err(no_edge(next, "reconciled"));
    };
    let diverged = report.outcome == Outcome::Diverged
        || report.steps.iter().any(|step| step.outcome == Outcome::Diverged);
    next.phase = Phase::Reconciled { decision: decision.clone(), report, at: now };
    next.report_by = None;
    next.unmark(&[Flag::Unreported]);
    if diverged {
        next.mark(Flag::Diverged);
    }
    Ok(())
}

/// What the agent recorded is not what it was told. That closes nothing: it
/// may still do as it was told.
pub(super) fn diverged(next: &mut Progress, divergences: Vec<Divergence>) -> Result<(), Refusal> {
    if next.phase.released_decision().is_none() {
        return Err(no_edge(next, "held against what was done"));
    }
    for divergence in divergences {
        if next.divergences.len() < DIVERGENCES && !next.divergences.contains(&divergence) {
            next.divergences.push(divergence);
        }
        next.mark(Flag::Diverged);
    }
    Ok(())
}

/// The agent was to report by now.
pub(super) fn unreported(next: &mut Progress, now: DateTime<Utc>) -> Result<(), Refusal> {
    if !matches!(next.state(), State::Released | State::Collected) {
        return Err(no_edge(next, "missed"));
    }
    if next.report_by.is_none_or(|by| now < by) {
        return Err(Refusal::TooEarly);
    }
    next.report_by = None;
    next.mark(Flag::Unreported);
    Ok(())
}

/// What the decision was made on does not hold any more, and nothing was done:
/// the same is asked again.
pub(super) fn reopened(
    next: &mut Progress,
    unmet: Vec<Unmet>,
    deadline: &Deadline,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    if !matches!(next.state(), State::Released | State::Collected) {
        return Err(no_edge(next, "asked again"));
    }
    next.phase = Phase::Ready;
    let cold = next.has(Flag::Cold);
    anew(next, deadline, now);
    if cold {
        next.mark(Flag::Cold);
    }
    next.unmet = unmet;
    Ok(())
}

/// The agent makes another proposal.
pub(super) fn revise(
    next: &mut Progress,
    deadline: &Deadline,
    cold: bool,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let asked_for = next.phase.released_decision().is_some_and(|decision| {
        decision.kind == DecisionKind::Reject && decision.then == Some(Then::Revise)
    });
    match next.state() {
        State::Queued => {}
        State::Ready => next.phase = Phase::Ready,
        State::Released | State::Collected if asked_for => next.phase = Phase::Ready,
        State::Decided
        | State::Released
        | State::Collected
        | State::Reconciled
        | State::Withdrawn
        | State::Superseded => return Err(no_edge(next, "revised")),
    }
    anew(next, deadline, now);
    if cold {
        next.mark(Flag::Cold);
    }
    Ok(())
}

/// What is asked from now on has its own time, and nothing of what came of the
/// proposal before.
fn anew(next: &mut Progress, deadline: &Deadline, now: DateTime<Utc>) {
    next.revision += 1;
    next.timing = Timing::new(deadline, now);
    next.stood_still_since = (next.state() == State::Queued).then_some(now);
    next.default_refused = None;
    next.default_allowed = false;
    next.remind_at = None;
    next.escalation = None;
    next.unmet = Vec::new();
    next.report_by = None;
    // That it once did something else stays known.
    next.unmark(&[
        Flag::Escalated,
        Flag::ManualReview,
        Flag::Acknowledged,
        Flag::Snoozed,
        Flag::Cold,
        Flag::Unreported,
    ]);
}
