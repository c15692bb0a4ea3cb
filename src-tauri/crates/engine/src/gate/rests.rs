//! What the judgement of a recorded action rests on: found before the change that
//! keeps it, and held against what is true in that change.
//!
//! A rule of the reviewer may take its time to evaluate; nobody else waits for it
//! here.

use chrono::{DateTime, Utc};
use handoff_domain::action::{Action, ActionStatus, Undo};
use handoff_domain::effect::Judged;
use handoff_domain::kept::KeptFile;
use handoff_protocol::wire::{Check, RecordAction};
use handoff_store::{CheckRow, KnownTool, Read, StoreError};
use serde_json::{Map, Value};

use super::weigh::{Wanted, undoable};
use crate::{Desk, Failure};

/// What a call has left of the files that were copied for its check, which is
/// named by its place.
pub(super) type Left = (i64, Vec<KeptFile>);

/// What the judgement rests on that may change meanwhile.
#[derive(PartialEq)]
pub(super) struct Rests {
    tool: Option<KnownTool>,
    /// The check by which it was allowed, if it was.
    pub allowed: Option<CheckRow>,
    /// How it ended was recorded before: that another equal call was let run is
    /// said of that one.
    pub again: bool,
    /// There are copies of the files that it changed.
    copied: bool,
}

impl Rests {
    pub(super) fn of(
        read: &Read<'_>,
        agent: &str,
        record: &RecordAction,
        left: Option<&Left>,
    ) -> Result<Self, StoreError> {
        let (action, task) = (&record.action, record.task.id());
        let tool = read.tool(agent, &action.tool)?;
        let allowed = read.was_allowed(agent, task, &action.hash(), &action.id)?;
        let before = read.action(agent, task, &action.id)?;
        // What was asked under its own id is said of this action, whenever.
        let own = allowed.as_ref().is_some_and(|check| check.key == action.id);
        let told = before.is_some_and(|past| is_told_again(past.action.status, action.status));
        let again = told && !own;
        let mut rests = Self { tool, allowed, again, copied: false };
        let by_files = matches!(action.undo, Some(Undo::Files { .. }));
        rests.copied = rests.left_of(left).is_some()
            || by_files && !read.kept_of(agent, task, &action.id)?.is_empty();
        Ok(rests)
    }

    /// The files that were copied for exactly the check by which it was allowed:
    /// another call of the same kind may have been asked for since they were
    /// looked at.
    pub(super) fn left_of<'l>(&self, left: Option<&'l Left>) -> Option<&'l Left> {
        let check = self.allowed.as_ref()?.seq;
        left.filter(|(of, _)| !self.again && *of == check)
    }
}

impl Desk {
    /// What the action did, weighed like a call that is asked for.
    pub(super) fn judge_record(
        &self,
        agent: &str,
        record: &RecordAction,
        rests: &Rests,
        now: DateTime<Utc>,
    ) -> Result<Judged, Failure> {
        let (action, args) = (&record.action, args_of(&record.action));
        let task = record.task.id();
        let asked_in = || rests.allowed.as_ref().and_then(asked_in);
        let cwd = record.cwd.clone().or_else(asked_in);
        let known = self.store.read(|read| self.memory.recall(read, agent, task))?;
        let wanted = Wanted {
            agent,
            task,
            tool: &action.tool,
            args: &args,
            claimed: Some(action.effect),
            undo: action.undo.as_ref(),
            cwd: cwd.as_deref(),
        };
        let back = |_: &_| undoable(wanted.undo, now, || rests.copied);
        Ok(self.found(&wanted, rests.tool.as_ref(), &known.facts, back, now).judged)
    }
}

/// Whether what is told of an action is of the run that ended like this before,
/// and not of another one.
fn is_told_again(ended: ActionStatus, now: ActionStatus) -> bool {
    match ended {
        ActionStatus::Running => false,
        ActionStatus::Done => true,
        ActionStatus::Failed | ActionStatus::Undone => {
            !matches!(now, ActionStatus::Done | ActionStatus::Running)
        }
    }
}

/// The folder that was named when exactly this was asked for.
fn asked_in(row: &CheckRow) -> Option<String> {
    serde_json::from_str::<Check>(&row.asked).ok()?.cwd
}

fn args_of(action: &Action) -> Map<String, Value> {
    match &action.input {
        Some(Value::Object(args)) => args.clone(),
        Some(_) | None => Map::new(),
    }
}
