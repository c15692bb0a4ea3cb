//! The life of one handoff: which event leads from which state to which
//! (CONTRACT §4), as one pure function.
//!
//! It knows no payload beyond the few [`Traits`] the edges ask for, reads no
//! clock and stores nothing. An event that has no edge from the present state
//! is refused with a [`Refusal`] that says why; nothing changes then.

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::action::Effect;
use crate::decision::{Decision, DecisionKind, Then};
use crate::payload::{Deadline, Payload, TimeoutKind};

/// How long a lease holds without renewal.
pub const LEASE: TimeDelta = TimeDelta::minutes(10);

/// Time between a late warning and what follows it, where the agent names none.
pub const DEFAULT_GRACE: TimeDelta = TimeDelta::minutes(5);

/// The state in one word, as `data-state` and the wire show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum State {
    Queued,
    Ready,
    Decided,
    Released,
    Collected,
    Reconciled,
    Withdrawn,
    Superseded,
}

/// Marks a handoff carries beside its state.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema, TS,
)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// Its deadline passed and the reviewer was alerted louder.
    Escalated,
    /// Its deadline passed; nothing waits for it, it can still be decided.
    ManualReview,
    /// Its reminders are put off.
    Snoozed,
    /// The reviewer has opened it.
    Acknowledged,
    /// It came without history, intent or constraints.
    Cold,
    /// What the agent did is not what was decided.
    Diverged,
}

/// The state with all that belongs to it, so that no state can lack its part
/// or carry another's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Phase {
    /// Stored, kept back from the reviewer for now.
    Queued,
    /// In front of the reviewer.
    Ready,
    /// Answered; can be undone until the hold is over.
    Decided {
        /// The answer.
        decision: Box<Decision>,
        /// The length of the hold in seconds.
        hold_s: u32,
    },
    /// The agent may have it.
    Released {
        /// The answer.
        decision: Box<Decision>,
        /// Since when.
        released_at: DateTime<Utc>,
        /// Offered to one client that has not yet acknowledged it.
        offer: Option<Lease>,
    },
    /// One client has acknowledged receipt.
    Collected {
        /// The answer.
        decision: Box<Decision>,
        /// Who acts on it, and until when.
        lease: Lease,
        /// Since when.
        collected_at: DateTime<Utc>,
        /// The reviewer allowed a lapsed lease to be handed out again.
        regranted: bool,
    },
    /// The agent has reported.
    Reconciled {
        /// The answer.
        decision: Box<Decision>,
        /// What the agent did.
        report: Report,
        /// When it was received.
        at: DateTime<Utc>,
    },
    /// Taken back by the agent.
    Withdrawn {
        /// Why, in the agent's words.
        reason: Option<String>,
        /// When.
        at: DateTime<Utc>,
    },
    /// Replaced by another handoff.
    Superseded {
        /// Its id.
        by: String,
        /// When.
        at: DateTime<Utc>,
    },
}

/// The right to act on a decision, given to one client at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Lease {
    /// Names the lease when it is acknowledged.
    pub id: String,
    /// The connection that holds it.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub holder: String,
    /// When it lapses unless renewed (RFC 3339).
    #[ts(type = "string")]
    pub expires_at: DateTime<Utc>,
}

/// What the agent did with the decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// In one word.
    pub outcome: Outcome,
    /// Why, where it diverged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub why: Option<String>,
    /// Step by step.
    #[serde(default)]
    pub steps: Vec<StepReport>,
}

/// What the agent did with one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct StepReport {
    /// The step's id.
    pub id: String,
    /// In one word.
    pub outcome: Outcome,
    /// Why, where it diverged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub why: Option<String>,
}

/// Whether the agent did what was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It did.
    Applied,
    /// It did something else.
    Diverged,
}

/// When an answer is due and what follows, in absolute time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// The deadline.
    pub respond_by: DateTime<Utc>,
    /// When the warning is due.
    pub warn_at: DateTime<Utc>,
    /// Seconds between a late warning and what follows it.
    pub grace_s: u32,
    /// When the warning was attempted.
    pub warned_at: Option<DateTime<Utc>>,
}

impl Timing {
    /// The timing of a deadline that was acknowledged at `now`: the default
    /// lead is the last fifth, at least a minute, at most half.
    pub fn new(deadline: &Deadline, now: DateTime<Utc>) -> Self {
        let respond_by = match (deadline.respond_by, deadline.respond_within_s) {
            (Some(at), _) => at,
            (None, Some(seconds)) => now + TimeDelta::seconds(i64::from(seconds)),
            (None, None) => now,
        };
        let grace_s = deadline
            .grace_s
            .unwrap_or_else(|| u32::try_from(DEFAULT_GRACE.num_seconds()).unwrap_or(u32::MAX));
        let span = (respond_by - now).max(TimeDelta::zero());
        let named = deadline.warn_before_s.map(|seconds| TimeDelta::seconds(i64::from(seconds)));
        let lead = if span.is_zero() {
            // It passed while the handoff waited in the spool. There is no time
            // left to take a part of, so the grace is what the warning gets.
            TimeDelta::seconds(i64::from(grace_s))
        } else {
            named.map_or_else(
                || (span / 5).max(TimeDelta::seconds(60)).min(span / 2),
                |lead| lead.min(span),
            )
        };
        Self { respond_by, warn_at: respond_by - lead, grace_s, warned_at: None }
    }

    /// The earliest moment at which the deadline may act: never without a
    /// warning, and never sooner after it than its lead, or the grace where
    /// the warning came after the deadline or with less than its lead to go.
    pub fn due_at(&self) -> Option<DateTime<Utc>> {
        let warned = self.warned_at?;
        let lead = self.respond_by - self.warn_at;
        let grace = TimeDelta::seconds(i64::from(self.grace_s));
        Some(if warned + lead <= self.respond_by {
            self.respond_by
        } else {
            self.respond_by.max(warned + lead.min(grace))
        })
    }

    fn shift(&mut self, by: TimeDelta) {
        self.respond_by += by;
        self.warn_at += by;
        if let Some(warned) = &mut self.warned_at {
            *warned += by;
        }
    }
}

/// Where a handoff stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Counts the agent's proposals, from 1.
    pub revision: u32,
    /// The state.
    #[serde(flatten)]
    pub phase: Phase,
    /// Sorted, without repeats.
    pub flags: Vec<Flag>,
    /// The deadline.
    pub timing: Timing,
    /// Since when the deadline stands still.
    pub stood_still_since: Option<DateTime<Utc>>,
    /// Why a declared default was not taken.
    pub default_refused: Option<String>,
}

/// What the edges need to know of the payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traits {
    /// What happens at the deadline.
    pub on_timeout: TimeoutKind,
    /// Whether the declared default runs nothing or only reads.
    pub default_is_read: bool,
    /// The options whose action cannot be taken back.
    pub irreversible: Vec<String>,
}

impl Traits {
    /// The traits of a payload.
    pub fn of(payload: &Payload) -> Self {
        let default = payload
            .deadline
            .on_timeout
            .option
            .as_deref()
            .and_then(|id| payload.option(id));
        Self {
            on_timeout: payload.deadline.on_timeout.kind,
            default_is_read: default
                .is_some_and(|option| option.action.is_none() || option.risk.effect == Effect::Read),
            irreversible: payload
                .options
                .iter()
                .filter(|option| option.action.is_some() && option.risk.effect == Effect::Irreversible)
                .map(|option| option.id.clone())
                .collect(),
        }
    }

    /// Whether carrying out this decision cannot be taken back.
    pub fn is_irreversible(&self, decision: &Decision) -> bool {
        decision.option.as_ref().is_some_and(|option| self.irreversible.contains(option))
    }
}

/// What can happen to a handoff.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// It comes in front of the reviewer.
    Present,
    /// The reviewer opened it.
    Open,
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
    },
    /// The warning was attempted.
    Warn,
    /// The deadline has passed; with the decision of a declared default.
    TimeUp {
        /// The decision by System, where a default is declared.
        default: Option<Box<Decision>>,
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
}

impl Phase {
    /// The state in one word.
    pub fn state(&self) -> State {
        match self {
            Self::Queued => State::Queued,
            Self::Ready => State::Ready,
            Self::Decided { .. } => State::Decided,
            Self::Released { .. } => State::Released,
            Self::Collected { .. } => State::Collected,
            Self::Reconciled { .. } => State::Reconciled,
            Self::Withdrawn { .. } => State::Withdrawn,
            Self::Superseded { .. } => State::Superseded,
        }
    }

    /// The decision, from the moment it was made.
    pub fn decision(&self) -> Option<&Decision> {
        match self {
            Self::Decided { decision, .. }
            | Self::Released { decision, .. }
            | Self::Collected { decision, .. }
            | Self::Reconciled { decision, .. } => Some(decision),
            Self::Queued | Self::Ready | Self::Withdrawn { .. } | Self::Superseded { .. } => None,
        }
    }

    /// The decision, once the agent may have it.
    pub fn released_decision(&self) -> Option<&Decision> {
        match self {
            Self::Decided { .. } => None,
            Self::Queued
            | Self::Ready
            | Self::Released { .. }
            | Self::Collected { .. }
            | Self::Reconciled { .. }
            | Self::Withdrawn { .. }
            | Self::Superseded { .. } => self.decision(),
        }
    }
}

impl State {
    /// Whether nothing more can happen.
    pub fn is_over(self) -> bool {
        match self {
            Self::Reconciled | Self::Withdrawn | Self::Superseded => true,
            Self::Queued | Self::Ready | Self::Decided | Self::Released | Self::Collected => false,
        }
    }

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Ready => "ready",
            Self::Decided => "decided",
            Self::Released => "released",
            Self::Collected => "collected",
            Self::Reconciled => "reconciled",
            Self::Withdrawn => "withdrawn",
            Self::Superseded => "superseded",
        }
    }
}

impl Progress {
    /// A handoff just received.
    pub fn new(deadline: &Deadline, cold: bool, now: DateTime<Utc>) -> Self {
        Self {
            revision: 1,
            phase: Phase::Queued,
            flags: if cold { vec![Flag::Cold] } else { Vec::new() },
            timing: Timing::new(deadline, now),
            stood_still_since: None,
            default_refused: None,
        }
    }

    /// The state in one word.
    pub fn state(&self) -> State {
        self.phase.state()
    }

    /// Whether it carries a flag.
    pub fn has(&self, flag: Flag) -> bool {
        self.flags.contains(&flag)
    }

    /// Whether the lease of an irreversible decision has lapsed with nothing
    /// reported, so that the action may have run, or not.
    pub fn may_have_run(&self, traits: &Traits, now: DateTime<Utc>) -> bool {
        matches!(&self.phase, Phase::Collected { lease, regranted, decision, .. }
            if lease.expires_at <= now && !regranted && traits.is_irreversible(decision))
    }

    /// The next moment at which time alone makes something happen.
    pub fn next_timer(&self) -> Option<DateTime<Utc>> {
        match self.phase {
            Phase::Ready if self.has(Flag::Escalated) || self.has(Flag::ManualReview) => None,
            Phase::Ready => Some(self.timing.due_at().unwrap_or(self.timing.warn_at)),
            Phase::Queued
            | Phase::Decided { .. }
            | Phase::Released { .. }
            | Phase::Collected { .. }
            | Phase::Reconciled { .. }
            | Phase::Withdrawn { .. }
            | Phase::Superseded { .. } => None,
        }
    }

    fn mark(&mut self, flag: Flag) {
        if let Err(place) = self.flags.binary_search(&flag) {
            self.flags.insert(place, flag);
        }
    }

    fn unmark(&mut self, flags: &[Flag]) {
        self.flags.retain(|flag| !flags.contains(flag));
    }
}

/// Applies an event to a handoff at `now`, or says why it cannot be.
pub fn transition(
    progress: &Progress,
    traits: &Traits,
    event: Event,
    now: DateTime<Utc>,
) -> Result<Progress, Refusal> {
    let mut next = progress.clone();
    let no_edge = |verb| Refusal::NoEdge { state: progress.state(), verb };
    match event {
        Event::Present => match progress.phase {
            Phase::Queued => next.phase = Phase::Ready,
            _ => return Err(no_edge("presented")),
        },
        Event::Open => next.mark(Flag::Acknowledged),
        Event::Decide { decision, revision, hold_s } => {
            if let Some(winner) = progress.phase.decision() {
                return Err(Refusal::AlreadyDecided { winner: Box::new(winner.clone()) });
            }
            if progress.state() != State::Ready {
                return Err(no_edge("decided"));
            }
            if revision != progress.revision {
                return Err(Refusal::StaleRevision { given: revision, current: progress.revision });
            }
            next.phase = Phase::Decided { decision, hold_s };
            next.stood_still_since = Some(now);
        }
        Event::Undo => {
            if progress.state() != State::Decided {
                return Err(no_edge("undone"));
            }
            next.phase = Phase::Ready;
            if let Some(since) = next.stood_still_since.take() {
                next.timing.shift((now - since).max(TimeDelta::zero()));
            }
        }
        Event::Release => {
            let Phase::Decided { decision, .. } = next.phase else {
                return Err(no_edge("released"));
            };
            next.phase = Phase::Released { decision, released_at: now, offer: None };
        }
        Event::Offer { lease, holder } => offer(&mut next, traits, lease, holder, now)
            .map_err(|refusal| refusal.unwrap_or_else(|| no_edge("collected")))?,
        Event::Acknowledge { lease } => acknowledge(&mut next, &lease, now)?,
        Event::Holder { holder, present } => holder_seen(&mut next, &holder, present, now),
        Event::Regrant => match &mut next.phase {
            Phase::Collected { lease, regranted, .. } if lease.expires_at <= now => {
                *regranted = true;
            }
            Phase::Collected { .. } => return Err(Refusal::TooEarly),
            _ => return Err(no_edge("granted again")),
        },
        Event::Report { report } => {
            if let Phase::Reconciled { report: known, .. } = &progress.phase
                && *known == report
            {
                return Ok(next);
            }
            let (Phase::Released { decision, .. } | Phase::Collected { decision, .. }) = next.phase
            else {
                return Err(no_edge("reconciled"));
            };
            let diverged = report.outcome == Outcome::Diverged
                || report.steps.iter().any(|step| step.outcome == Outcome::Diverged);
            next.phase = Phase::Reconciled { decision, report, at: now };
            if diverged {
                next.mark(Flag::Diverged);
            }
        }
        Event::Withdraw { reason } => match progress.state() {
            State::Queued | State::Ready => next.phase = Phase::Withdrawn { reason, at: now },
            _ => return Err(no_edge("withdrawn")),
        },
        Event::Supersede { by } => match progress.state() {
            State::Queued | State::Ready => next.phase = Phase::Superseded { by, at: now },
            _ => return Err(no_edge("superseded")),
        },
        Event::Revise { deadline } => {
            if !may_revise(&progress.phase) {
                return Err(no_edge("revised"));
            }
            next.revision += 1;
            next.phase = match progress.phase {
                Phase::Queued => Phase::Queued,
                _ => Phase::Ready,
            };
            next.timing = Timing::new(&deadline, now);
            next.stood_still_since = None;
            next.default_refused = None;
            next.unmark(&[Flag::Escalated, Flag::ManualReview, Flag::Acknowledged, Flag::Snoozed]);
        }
        Event::Warn => {
            if progress.state() != State::Ready {
                return Err(no_edge("warned about"));
            }
            if now < progress.timing.warn_at {
                return Err(Refusal::TooEarly);
            }
            if next.timing.warned_at.is_none() {
                next.timing.warned_at = Some(now);
            }
        }
        Event::TimeUp { default } => time_up(&mut next, traits, default, now)?,
    }
    Ok(next)
}

/// Whether the agent may put another proposal in this handoff's place.
fn may_revise(phase: &Phase) -> bool {
    match phase {
        Phase::Queued | Phase::Ready => true,
        Phase::Released { decision, .. } | Phase::Collected { decision, .. } => {
            decision.kind == DecisionKind::Reject && decision.then == Some(Then::Revise)
        }
        Phase::Decided { .. }
        | Phase::Reconciled { .. }
        | Phase::Withdrawn { .. }
        | Phase::Superseded { .. } => false,
    }
}

fn offer(
    next: &mut Progress,
    traits: &Traits,
    lease: String,
    holder: String,
    now: DateTime<Utc>,
) -> Result<(), Option<Refusal>> {
    let granted = Lease { id: lease, holder, expires_at: now + LEASE };
    match &mut next.phase {
        Phase::Released { offer, .. } => match offer {
            Some(standing) if standing.expires_at > now && standing.holder != granted.holder => {
                Err(Some(Refusal::WrongLease))
            }
            _ => {
                *offer = Some(granted);
                Ok(())
            }
        },
        Phase::Collected { lease, regranted, decision, .. } => {
            // What cannot be taken back must not run twice: only the reviewer
            // hands it out again.
            let safe = *regranted || !traits.is_irreversible(decision);
            if lease.expires_at <= now && safe {
                *lease = granted;
                *regranted = false;
                Ok(())
            } else {
                Err(Some(Refusal::WrongLease))
            }
        }
        _ => Err(None),
    }
}

fn acknowledge(next: &mut Progress, lease: &str, now: DateTime<Utc>) -> Result<(), Refusal> {
    match &next.phase {
        Phase::Released { decision, offer: Some(offer), .. } if offer.id == lease => {
            next.phase = Phase::Collected {
                decision: decision.clone(),
                lease: Lease { expires_at: now + LEASE, ..offer.clone() },
                collected_at: now,
                regranted: false,
            };
            Ok(())
        }
        Phase::Collected { lease: held, .. } if held.id == lease => Ok(()),
        _ => Err(Refusal::WrongLease),
    }
}

fn holder_seen(next: &mut Progress, holder: &str, present: bool, now: DateTime<Utc>) {
    match &mut next.phase {
        Phase::Released { offer, .. }
            if offer.as_ref().is_some_and(|lease| lease.holder == holder) =>
        {
            if present {
                *offer = offer.take().map(|lease| Lease { expires_at: now + LEASE, ..lease });
            } else {
                // It was never acknowledged, so nothing can have run.
                *offer = None;
            }
        }
        // Once the reviewer has given the lease free, it does not come back to
        // life: the next client to ask has it.
        Phase::Collected { lease, regranted: false, .. } if lease.holder == holder && present => {
            lease.expires_at = now + LEASE;
        }
        _ => {}
    }
}

fn time_up(
    next: &mut Progress,
    traits: &Traits,
    default: Option<Box<Decision>>,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    if next.state() != State::Ready {
        return Err(Refusal::NoEdge { state: next.state(), verb: "timed out" });
    }
    if next.timing.due_at().is_none_or(|due| now < due) {
        return Err(Refusal::TooEarly);
    }
    match traits.on_timeout {
        TimeoutKind::Escalate => next.mark(Flag::Escalated),
        TimeoutKind::ManualReview => next.mark(Flag::ManualReview),
        TimeoutKind::SafeDefault => match default {
            Some(decision) if traits.default_is_read => {
                next.phase = Phase::Released { decision, released_at: now, offer: None };
            }
            _ => {
                next.default_refused = Some(
                    "The default changes something, and this agent may not change anything unasked."
                        .to_owned(),
                );
                next.mark(Flag::ManualReview);
            }
        },
    }
    Ok(())
}
