//! The undos that an agent is asked for: taken up under a permit that is good
//! once, reported by a record or an acknowledgement, and given up where the
//! agent is gone.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use handoff_domain::action::{Action, ActionStatus, Undo};
use handoff_domain::rollback::execution::Event;
use handoff_protocol::wire::{UndoOutcome, UndoReport};
use handoff_store::{RollbackRow, Told, UndoRow, Write};

use super::{change, of_id};
use crate::{Actor, Engine, Failure, lock};

/// How long an agent whose connection is gone may take to report what it took
/// up: a script asks, acts and reports over three connections.
const GRACE: TimeDelta = TimeDelta::minutes(1);

/// How long after its end a record still speaks of an undo.
const LATE: TimeDelta = TimeDelta::minutes(10);

/// How often open undos are looked at.
const LOOK: Duration = Duration::from_secs(5);

/// How much of an agent's words is kept, in characters.
const WORDS: usize = 4000;

/// Uses the permit of an undo up; says whether it was still there.
pub fn take(write: &Write<'_>, undo: &UndoRow, now: DateTime<Utc>) -> Result<bool, Failure> {
    if !write.take_undo(undo, now)? {
        return Ok(false);
    }
    let row = of_id(write, &undo.rollback)?;
    let taken = Event::Taken { action: &undo.action };
    change::happen(write, row, &taken, None, Actor::Agent, now)?;
    Ok(true)
}

/// What a record says of an undo, if it is the record of its call: the rollback
/// as it stands now, and the action that was taken back.
pub fn by_record(
    write: &Write<'_>,
    agent: &str,
    (task, hash): (&str, &str),
    done: &Action,
    now: DateTime<Utc>,
) -> Result<Option<(RollbackRow, String)>, Failure> {
    let Some(undo) = write.read().undo_by_call(agent, task, hash)? else { return Ok(None) };
    let is_open = undo.result.as_deref().is_none_or(|result| result == "may_have_run");
    if !is_open && undo.ended_at.is_some_and(|ended| now - ended > LATE) {
        return Ok(None);
    }
    let said = done
        .output
        .as_ref()
        .map(|output| output.as_str().map_or_else(|| clip(&output.to_string()), clip));
    let why = said.as_deref().unwrap_or("The agent says that it failed.");
    let action = undo.action.as_str();
    let event = match done.status {
        ActionStatus::Done => Event::Succeeded { action },
        ActionStatus::Failed => Event::Failed { action, why },
        ActionStatus::Running | ActionStatus::Undone => return Ok(None),
    };
    write.undo_recorded(&undo, &done.id)?;
    let row = of_id(write, &undo.rollback)?;
    if row.execution.item(action).is_none() || !can_happen(&row, &event, now) {
        return Ok(None);
    }
    let row = change::happen(write, row, &event, said.as_deref(), Actor::Agent, now)?;
    Ok(Some((row, undo.action)))
}

/// What an acknowledgement says of an undo.
pub fn by_report(
    write: &Write<'_>,
    told: &Told,
    report: &UndoReport,
    now: DateTime<Utc>,
) -> Result<Option<RollbackRow>, Failure> {
    let Some((rollback, action)) = told.instruction.undoes() else { return Ok(None) };
    let row = of_id(write, rollback)?;
    let latest = write.read().undos_of(rollback)?.remove(action);
    let is_latest = latest.is_some_and(|undo| undo.instruction.as_ref() == Some(&told.id));
    let why = report.why.as_deref().map(clip);
    let event = match report.outcome {
        UndoOutcome::Undone => Event::Succeeded { action },
        UndoOutcome::Failed => {
            let why = why.as_deref().unwrap_or("The agent says that it failed.");
            Event::Failed { action, why }
        }
    };
    // Late news of an attempt before says nothing of the present one, but that
    // it is not needed.
    let counts = is_latest || report.outcome == UndoOutcome::Undone;
    if !counts || !can_happen(&row, &event, now) {
        return Ok(None);
    }
    change::happen(write, row, &event, why.as_deref(), Actor::Agent, now).map(Some)
}

fn can_happen(row: &RollbackRow, event: &Event<'_>, now: DateTime<Utc>) -> bool {
    handoff_domain::rollback::execution::transition(&row.execution, event, now).is_ok()
}

fn clip(text: &str) -> String {
    text.chars().take(WORDS).collect()
}

impl Engine {
    /// Notes who has taken an undo up, so that its end is noticed.
    pub(crate) fn undo_taken(&self, connection: u64, agent: &str, task: &str, action: &str) {
        let key = (agent.to_owned(), task.to_owned(), action.to_owned());
        lock(&self.desk.undoing).insert(key, connection);
        self.tell_of_rollback(agent, task);
        self.desk.sooner.notify_one();
    }

    /// A record or a report has moved a rollback: what that leaves to do.
    pub(crate) fn undo_reported(&self, row: &RollbackRow) {
        self.after_change(row);
        self.drive(row.id.clone());
    }

    /// Gives up the undos whose agent is gone or whose window is over, and goes
    /// on with what could not be begun; says when to look again.
    pub(crate) async fn watch_undos(&self) -> Option<Duration> {
        let desk = &self.desk;
        let now = desk.now();
        let (undos, rollbacks) =
            match desk.store.read(|read| Ok((read.undos_open()?, read.open_rollbacks()?))) {
                Ok(found) => found,
                Err(error) => {
                    tracing::error!(%error, "the open undos could not be read");
                    return Some(LOOK);
                }
            };
        for undo in undos {
            let key = (undo.agent.clone(), undo.task.clone(), undo.action.clone());
            let holder = lock(&desk.undoing).get(&key).copied();
            let gone = !holder.is_some_and(|connection| desk.hub.is_open(connection));
            let late = Undo::over_since(undo.until, now);
            let over = match (undo.taken_at, late) {
                (Some(taken), _) => gone && now - taken >= GRACE,
                (None, late) => late.is_some(),
            };
            if !over {
                continue;
            }
            let why = late.map(|until| {
                format!(
                    "Its window was over at {}, before the agent took it up.",
                    until.format("%Y-%m-%d %H:%M:%S UTC")
                )
            });
            lock(&desk.undoing).remove(&key);
            let given_up = desk.store.write(move |write| {
                let row = of_id(write, &undo.rollback)?;
                let action = undo.action.as_str();
                let event = match (undo.taken_at, &why) {
                    (None, Some(why)) => Event::Failed { action, why },
                    _ => Event::AgentGone { action },
                };
                change::happen(write, row, &event, None, Actor::System, now)
            });
            match desk.watched(given_up.await) {
                Ok(row) => self.after_change(&row),
                Err(failure) => {
                    tracing::warn!(error = failure.0.message, "an undo was not given up");
                }
            }
        }
        for id in &rollbacks {
            self.drive(id.clone());
        }
        (!rollbacks.is_empty()).then_some(LOOK)
    }
}
