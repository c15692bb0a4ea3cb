//! What the reviewer did by hand, once the task is given back: it stands among
//! what was done, and nothing that would do it again is left open.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use handoff_domain::action::{Action, ActionStatus, Effect};
use handoff_domain::decision::DecisionKind;
use handoff_domain::lifecycle::{Event, Outcome, Report, State, transition};
use handoff_domain::reconcile::StepDone;
use handoff_store::{NewAction, Read, Record, StoreError, Write};
use serde_json::{Map, Value, json};

use super::Of;
use crate::{Actor, Failure, change, owned, random_hex};

/// Where an action is from that the reviewer did by hand.
const BY_HAND: &str = "the reviewer, by hand";

/// What the id of such an action begins with; no agent may use it.
pub(crate) const BY_HAND_ID: &str = "by-hand:";

/// Why a question is closed whose step was done by hand.
const DONE: &str = "The reviewer did this step by hand.";

/// How the event that ends it is told from the agent's own report.
const BY: &str = "hand";

/// Keeps what the reviewer did and found among the task's actions, where
/// triggers and later checks look for it.
pub fn record(
    write: &Write<'_>,
    of: &Of<'_>,
    done: &[StepDone],
    facts: &Map<String, Value>,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let steps = done.iter().map(|done| (Some(done.step.clone()), done.output.clone()));
    let found = (!facts.is_empty()).then_some((None, None));
    for (step, output) in steps.chain(found) {
        let facts = if step.is_none() { facts.clone() } else { Map::new() };
        let action = Action {
            id: format!("{BY_HAND_ID}{}", random_hex(8)),
            step,
            tool: "by_hand".to_owned(),
            input: None,
            output,
            reasoning: None,
            confidence: None,
            // What a person did cannot be taken back by the desk.
            effect: Effect::Irreversible,
            status: ActionStatus::Done,
            started_at: None,
            ended_at: Some(now),
            depends_on: Vec::new(),
            facts,
            undo: None,
            files: Vec::new(),
            handoff: None,
        };
        let hash = handoff_domain::decision::action_hash(&action.tool, &Map::new());
        write.keep_action(
            of.agent,
            &NewAction {
                task: of.task,
                action: &action,
                hash: &hash,
                effect: action.effect,
                found: false,
                source: BY_HAND,
                drafted: false,
            },
            now,
        )?;
    }
    Ok(())
}

/// Closes the handoffs about steps that were done by hand: a question is taken
/// back, and what an answer let run is not to run any more. What is left to be
/// told by an answer that lets nothing run stays.
pub fn close(
    write: &Write<'_>,
    of: &Of<'_>,
    done: &[StepDone],
    now: DateTime<Utc>,
) -> Result<Vec<String>, Failure> {
    let done: BTreeSet<&str> = done.iter().map(|done| done.step.as_str()).collect();
    let is_done = |step: Option<&String>| step.is_some_and(|step| done.contains(step.as_str()));
    let mut closed = Vec::new();
    for open in write.read().pending(of.agent, of.task)? {
        if is_done(open.step.as_ref()) {
            let record = owned(write, &open.id, Some(of.agent))?;
            closed.push(take_back(write, record, now)?.id);
        }
    }
    for (record, step) in write.read().released(of.agent, of.task)? {
        let decision = record.progress.phase.released_decision();
        let lets_run = decision.is_some_and(|decision| {
            matches!(decision.kind, DecisionKind::Approve | DecisionKind::Modify)
        });
        if lets_run && is_done(step.as_ref()) {
            closed.push(end(write, record, now)?.id);
        }
    }
    Ok(closed)
}

/// Whether what an answer let run was done by hand instead.
pub(crate) fn instead(read: &Read<'_>, record: &Record) -> Result<bool, StoreError> {
    let ended = read.latest_entry(record.seq, ["reconciled"])?;
    Ok(ended.is_some_and(|ended| ended.data.get("by") == Some(&json!(BY))))
}

/// Takes a question back; an answer that is still held goes with it.
fn take_back(write: &Write<'_>, mut record: Record, now: DateTime<Utc>) -> Result<Record, Failure> {
    if record.progress.state() == State::Decided {
        let progress = transition(&record.progress, &record.traits, Event::Undo, now)?;
        record = change(write, record, progress, Actor::Reviewer, "undone", json!({}), now)?;
    }
    let data = json!({ "reason": DONE });
    let event = Event::Withdraw { reason: Some(DONE.to_owned()) };
    let progress = transition(&record.progress, &record.traits, event, now)?;
    change(write, record, progress, Actor::Reviewer, "withdrawn", data, now)
}

/// Ends what an answer let run: its permit is void, and nobody gets to act on it.
fn end(write: &Write<'_>, record: Record, now: DateTime<Utc>) -> Result<Record, Failure> {
    let data = json!({ "outcome": "diverged", "why": DONE, "by": BY });
    let (outcome, why) = (Outcome::Diverged, Some(DONE.to_owned()));
    let report = Report { outcome, why, steps: Vec::new(), unmet: Vec::new() };
    let progress = transition(&record.progress, &record.traits, Event::Report { report }, now)?;
    change(write, record, progress, Actor::Reviewer, "reconciled", data, now)
}
