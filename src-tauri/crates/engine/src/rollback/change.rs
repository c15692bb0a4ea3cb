//! What happens to a rollback, with all that follows from it in the same
//! change: the attempt, what the agent is told, the action's own state, the log.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use handoff_domain::action::{ActionStatus, Undo};
use handoff_domain::decision::action_hash;
use handoff_domain::directive::{Line, Verdict};
use handoff_domain::instruction::Instruction;
use handoff_domain::payload::{Plan, StepStatus};
use handoff_domain::reconcile::{Case, Conflict, lines, reconcile};
use handoff_domain::record::Recorded;
use handoff_domain::rollback::Undoing;
use handoff_domain::rollback::execution::{Event, Item, ItemState, Refusal, transition};
use handoff_protocol::view::DirectiveStep;
use handoff_store::{Read, RollbackRow, StoreError, TakenBack, UndoRow, Write};
use serde::Serialize;
use serde_json::{Value, json};

use super::told::begin_told;
use crate::course::Course;
use crate::gate::entry;
use crate::known::{self, earlier};
use crate::ledger::{Ledger, handoffs};
use crate::owed::{OWED, owed};
use crate::{Actor, Failure, control};

/// Why a running undo may or may not have happened.
pub const CUT_SHORT: &str = "It was under way when it was cut short, and may have run.";

/// What becomes of the plan once actions are undone.
#[derive(Debug, Clone, Default, Serialize)]
pub struct After {
    /// What becomes of each step.
    pub lines: Vec<Line>,
    /// Finished work that is not right any more and stays.
    pub conflicts: Vec<Conflict>,
    /// What is to be done again, and since when.
    #[serde(skip)]
    owed: BTreeMap<String, DateTime<Utc>>,
    /// The steps that were undone, and wait until the reviewer says how to go on.
    #[serde(skip)]
    waits: Vec<String>,
    #[serde(skip)]
    plan: Option<Plan>,
    #[serde(skip)]
    free: BTreeSet<String>,
}

/// Applies what happened to a rollback; the same again changes nothing.
pub fn happen(
    write: &Write<'_>,
    mut row: RollbackRow,
    event: &Event<'_>,
    said: Option<&str>,
    actor: Actor,
    now: DateTime<Utc>,
) -> Result<RollbackRow, Failure> {
    let next = transition(&row.execution, event, now).map_err(|refusal| refused(&refusal))?;
    if next == row.execution {
        return Ok(row);
    }
    let before = std::mem::replace(&mut row.execution, next);
    for (was, is) in before.items.iter().zip(&row.execution.items) {
        if was != is {
            let undoing = row.plan.steps.iter().find(|undoing| undoing.action == is.action);
            let undoing = undoing.ok_or_else(|| {
                StoreError::Damaged(format!("{} does not undo {}", row.id, is.action))
            })?;
            follow(write, &row, undoing, (was, is), said, actor, now)?;
        }
    }
    if row.execution.is_over() && row.over_at.is_none() {
        row.over_at = Some(now);
        is_over(write, &row, now)?;
    }
    write.save_rollback(&row.id, &row.execution, row.over_at)?;
    if row.over_at == Some(now) {
        // It may have had to wait for this one.
        begin_told(write, &row.agent, &row.task, now)?;
    }
    Ok(row)
}

/// What follows from the new state of one undo.
fn follow(
    write: &Write<'_>,
    row: &RollbackRow,
    undoing: &Undoing,
    (was, is): (&Item, &Item),
    said: Option<&str>,
    actor: Actor,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let action = is.action.as_str();
    let log = |actor: Actor, kind: &str, why: Option<&str>| {
        let data =
            json!({ "rollback": row.id, "action": action, "tool": undoing.tool, "why": why });
        let entry = entry(actor, kind, data, now);
        write.log_about(&control::subject(&row.agent, &row.task), &entry)
    };
    let end = |result: &str, said: Option<&str>| {
        write.end_undo(&row.id, action, result, said, now)?;
        untell(write, row, action, now)
    };
    let taken_back = |undone_at, failed: Option<&str>| {
        let what = TakenBack { undone_at, failed: failed.map(str::to_owned) };
        write.note_taken_back(&row.agent, &row.task, action, &what)
    };
    let begins = was.state == ItemState::Pending
        && !matches!(is.state, ItemState::Skipped | ItemState::Undone { .. });
    if begins {
        begin(write, row, undoing, is, now)?;
    }
    match &is.state {
        // What was being put back when the desk ended is looked at again.
        ItemState::Pending if matches!(was.state, ItemState::Running { .. }) => {
            write.end_undo(&row.id, action, "cut_short", None, now)?;
        }
        ItemState::Pending => log(actor, "undo_again", None)?,
        ItemState::Asked { .. } => log(Actor::System, "undo_asked", None)?,
        ItemState::Running { .. } if begins => log(Actor::System, "undo_begun", None)?,
        ItemState::Running { .. } => {
            untell(write, row, action, now)?;
            log(Actor::Agent, "undo_taken", None)?;
        }
        ItemState::Undone { .. } => {
            end("undone", said)?;
            taken_back(Some(now), None)?;
            log(actor, "undo_done", None)?;
        }
        ItemState::Failed { why } => {
            end("failed", said)?;
            taken_back(None, Some(why))?;
            log(actor, "undo_failed", Some(why))?;
        }
        ItemState::MayHaveRun { .. } => {
            end("may_have_run", said)?;
            taken_back(None, Some(CUT_SHORT))?;
            log(actor, "undo_cut_short", None)?;
        }
        ItemState::Skipped => {
            end("skipped", None)?;
            log(actor, "undo_skipped", None)?;
        }
        ItemState::HandedOver { .. } => {
            let why = if let ItemState::Failed { why } = &was.state { why } else { CUT_SHORT };
            hand_over(write, row, undoing, why, now)?;
            log(actor, "undo_handed_over", None)?;
        }
    }
    Ok(())
}

/// Keeps an attempt, and asks the agent where it is the one to act.
fn begin(
    write: &Write<'_>,
    row: &RollbackRow,
    undoing: &Undoing,
    item: &Item,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let mut undo = UndoRow {
        rollback: row.id.clone(),
        action: item.action.clone(),
        attempt: item.attempts,
        agent: row.agent.clone(),
        task: row.task.clone(),
        hash: None,
        instruction: None,
        until: item.until,
        taken_at: None,
        ended_at: None,
        result: None,
        output: None,
    };
    if let (Undo::Tool { tool, args, until }, ItemState::Asked { .. }) =
        (&undoing.undo, &item.state)
    {
        let place = row.execution.items.iter().position(|other| other.action == item.action);
        let asks = Instruction::Undo {
            rollback: row.id.clone(),
            action: item.action.clone(),
            tool: tool.clone(),
            args: args.clone(),
            key: format!("undo:{}:{}:{}", row.id, place.unwrap_or_default(), item.attempts),
            until: *until,
        };
        let id = control::new_id();
        write.tell(&row.agent, &row.task, &id, &asks, now)?;
        undo.hash = Some(action_hash(tool, args));
        undo.instruction = Some(id);
    }
    Ok(write.add_undo(&undo, now)?)
}

fn hand_over(
    write: &Write<'_>,
    row: &RollbackRow,
    undoing: &Undoing,
    why: &str,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let ledger = Ledger::of(&write.read(), &row.agent, &row.task)?;
    let asks = Instruction::UndoYourself {
        rollback: row.id.clone(),
        action: undoing.action.clone(),
        tool: undoing.tool.clone(),
        input: ledger.find(&undoing.action).and_then(|done| done.action.input.clone()),
        why: why.to_owned(),
    };
    let id = control::new_id();
    write.tell(&row.agent, &row.task, &id, &asks, now)?;
    Ok(write.undo_told(&row.id, &undoing.action, &id)?)
}

/// The agent need not be told any more to take this action back.
fn untell(
    write: &Write<'_>,
    row: &RollbackRow,
    action: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let undos = write.read().undos_of(&row.id)?;
    match undos.get(action).and_then(|undo| undo.instruction.as_deref()) {
        Some(instruction) => write.untell(instruction, now),
        None => Ok(()),
    }
}

/// Nothing is left to undo: the plan is reconciled, and the agent told.
fn is_over(write: &Write<'_>, row: &RollbackRow, now: DateTime<Utc>) -> Result<(), Failure> {
    let undone: Vec<&str> = row
        .execution
        .items
        .iter()
        .filter(|item| matches!(item.state, ItemState::Undone { .. }))
        .map(|item| item.action.as_str())
        .collect();
    let read = write.read();
    let ledger = Ledger::of(&read, &row.agent, &row.task)?;
    let after = after(&read, &row.agent, &row.task, ledger.clone(), &undone, now)?;
    let mut data = json!({
        "rollback": row.id, "undone": undone.len(), "of": row.execution.items.len(),
    });
    let log = |kind: &str, data: Value| {
        let entry = entry(Actor::System, kind, data, now);
        write.log_about(&control::subject(&row.agent, &row.task), &entry)
    };
    if undone.is_empty() {
        // The task goes on as it did.
        return Ok(log("rollback_left", data)?);
    }
    data["waits"] = json!(after.waits);
    data["directive"] = json!(after.lines);
    data[OWED] = json!(after.owed);
    if let Some(revision) = open_again(write, row, &ledger, &undone, now)? {
        data["revision"] = json!(revision);
    }
    log("rollback_over", data)?;
    let text = match undone.as_slice() {
        [action] => format!("The reviewer had {action} taken back."),
        actions => format!("The reviewer had {} actions taken back.", actions.len()),
    };
    let directive = Instruction::Directive {
        directive: after.lines,
        undone: undone.into_iter().map(str::to_owned).collect(),
        text,
    };
    control::instruct(write, &row.agent, &row.task, &directive, now)?;
    Ok(())
}

/// A step of which nothing stands any more is not done: it can be planned
/// anew, and what depends on it does not go on. The revision of the plan, where
/// that changes it.
fn open_again(
    write: &Write<'_>,
    row: &RollbackRow,
    ledger: &Ledger,
    undone: &[&str],
    now: DateTime<Utc>,
) -> Result<Option<u32>, Failure> {
    let Some(known) = write.read().task(&row.agent, &row.task)? else { return Ok(None) };
    let Some(mut plan) = known.plan.filter(|_| known.closed_at.is_none()) else { return Ok(None) };
    let changed = reopen(&mut plan, ledger, undone, |_, _| true);
    if !changed {
        return Ok(None);
    }
    write.replan_task(&row.agent, &row.task, &plan, now)?;
    let revision = known.revision + 1;
    let text = Some("What was undone is open again.".to_owned());
    let instruction = Instruction::Plan { plan, revision, text };
    control::instruct(write, &row.agent, &row.task, &instruction, now)?;
    Ok(Some(revision))
}

/// Opens the steps of which nothing stands any more, as far as they are wanted;
/// says whether there are any.
fn reopen(
    plan: &mut Plan,
    ledger: &Ledger,
    undone: &[&str],
    wanted: impl Fn(&str, &[&str]) -> bool,
) -> bool {
    let actions = ledger.recorded();
    let mut changed = false;
    for step in plan.steps.iter_mut().filter(|step| step.status == StepStatus::Done) {
        let of_step =
            || actions.iter().filter(|done| done.action.step.as_deref() == Some(step.id.as_str()));
        let ids = of_step().map(|done| done.action.id.as_str());
        let ids: Vec<&str> = ids.filter(|id| undone.contains(id)).collect();
        let stands = of_step().any(|done| done.stands() && done.changes());
        if !ids.is_empty() && !stands && wanted(&step.id, &ids) {
            step.status = StepStatus::Pending;
            step.output = None;
            changed = true;
        }
    }
    changed
}

/// What becomes of the plan of a task once these actions are undone.
pub fn after(
    read: &Read<'_>,
    agent: &str,
    task: &str,
    mut ledger: Ledger,
    undone: &[&str],
    now: DateTime<Utc>,
) -> Result<After, StoreError> {
    ledger.mark_undone(undone, now);
    let handoffs = handoffs(read, agent, task)?;
    let owed = owed(read, (agent, task), &handoffs, None)?;
    let Some(mut plan) = ledger.plan.clone() else {
        let owed = owed.into_iter().map(|(step, owed)| (step, owed.told_at)).collect();
        return Ok(After { owed, ..After::default() });
    };
    let pending = read.pending(agent, task)?;
    let course = Course::of(read, agent, task, None)?;
    let open = course.open(&pending);
    let decisions = earlier(read, (agent, task), &handoffs, None)?;
    reopen(&mut plan, &ledger, undone, |step, of_step| course.is_done_again(step, of_step));
    let case = Case {
        plan: &plan,
        actions: ledger.recorded(),
        question: None,
        decision: None,
        earlier: decisions.iter().collect(),
        pending: open.clone(),
        undone: course.undone.iter().map(String::as_str).collect(),
        left_out: course.left_out.iter().map(String::as_str).collect(),
        owed: owed.iter().map(|(step, owed)| (step.as_str(), *owed)).collect(),
        effects: BTreeMap::new(),
        now,
    };
    let found = reconcile(&case);
    let of_step = |done: &Recorded<'_>, step: &str| {
        done.action.status == ActionStatus::Undone && done.action.step.as_deref() == Some(step)
    };
    // What waits for a question waits for its answer alone.
    let alone = lines(&Case { pending: Vec::new(), ..case.clone() });
    let waits = alone
        .into_iter()
        .filter(|line| line.verdict == Verdict::Blocked)
        .filter(|line| case.actions.iter().any(|done| of_step(done, &line.step)))
        .map(|line| line.step)
        .collect();
    let free = course.runnable(&plan, &open).into_iter().collect();
    let ended = read.task(agent, task)?.is_some_and(|row| row.closed_at.is_some());
    // In a task that has ended nothing goes on.
    let lines = if ended { Vec::new() } else { found.lines };
    let (conflicts, owed) = (found.conflicts, found.owed);
    Ok(After { lines, conflicts, owed, waits, free, plan: Some(plan) })
}

impl After {
    /// The same, as the window draws it.
    pub fn steps(&self) -> Vec<DirectiveStep> {
        self.plan
            .as_ref()
            .map(|plan| known::steps(plan, &self.lines, None, &self.free))
            .unwrap_or_default()
    }
}

fn refused(refusal: &Refusal) -> Failure {
    Failure::conflict(refusal.to_string(), "Look at the rollback again; nothing was done.")
}
