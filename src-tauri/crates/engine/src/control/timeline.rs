//! A task as the reviewer sees it: who acts, how its steps stand, and one
//! timeline of agent, reviewer and System.

use handoff_domain::action::ActionStatus;
use handoff_domain::gate::{Pending, Stop, runnable, waits_for};
use handoff_domain::payload::Plan;
use handoff_protocol::view::{Acts, OfTask, PlanStep, TaskEntry, TaskView, ThreadEntry};
use handoff_store::{Read, StoreError};

use super::subject;
use crate::gate::no_such_task;
use crate::{Engine, Failure, words};

/// How many handoffs a timeline reaches back.
const HANDOFFS: u32 = 50;

/// How many entries are shown, the latest ones.
const ENTRIES: usize = 400;

/// How many actions a timeline reaches back.
const ACTIONS: u32 = 300;

impl Engine {
    /// A task with all that happened in it.
    pub fn task(&self, of: &OfTask) -> Result<TaskView, Failure> {
        let desk = &self.desk;
        let OfTask { agent, task } = of;
        let found = desk.store.read(|read| {
            let Some(row) = read.task(agent, task)? else { return Ok(None) };
            let stopped = read.stop(agent, task)?;
            let pending = read.pending(agent, task)?;
            Ok(Some((row, stopped, pending, timeline(read, agent, task)?)))
        })?;
        let (row, stopped, pending, mut timeline) = found.ok_or_else(|| no_such_task(task))?;
        let open: Vec<Pending<'_>> =
            pending.iter().map(|(id, step)| Pending { id, step: step.as_deref() }).collect();
        let free = row.plan.as_ref().map(|plan| runnable(plan, &open)).unwrap_or_default();
        let closed = row.closed_at.is_some();
        let acts = match stopped {
            Some(Stop::TakenOver) => Acts::Reviewer,
            Some(_) => Acts::Paused,
            None if !pending.is_empty() && free.is_empty() => Acts::Reviewer,
            None if closed => Acts::Over,
            None => Acts::Agent,
        };
        let steps = row.plan.as_ref().map(|plan| steps(plan, &open, &free, stopped.is_some()));
        let earlier = timeline.len().saturating_sub(ENTRIES);
        timeline.drain(..earlier);
        Ok(TaskView {
            agent: agent.clone(),
            id: task.clone(),
            title: row.task.title,
            goal: row.task.goal,
            acts,
            stopped,
            pending: pending.into_iter().map(|(id, _)| id).collect(),
            steps: steps.unwrap_or_default(),
            plan: row.plan,
            revision: row.revision,
            timeline,
            earlier: u32::try_from(earlier).unwrap_or(u32::MAX),
            closed,
            connected: desk.hub.is_connected(agent),
        })
    }
}

fn steps(plan: &Plan, open: &[Pending<'_>], free: &[String], stopped: bool) -> Vec<PlanStep> {
    plan.steps
        .iter()
        .map(|step| PlanStep {
            id: step.id.clone(),
            title: step.title.clone(),
            status: step.status,
            depends_on: step.depends_on.clone(),
            free: !stopped && free.contains(&step.id),
            waits_for: waits_for(Some(plan), Some(&step.id), open, false),
        })
        .collect()
}

/// All that happened, oldest first.
fn timeline(read: &Read<'_>, agent: &str, task: &str) -> Result<Vec<TaskEntry>, StoreError> {
    let mut all: Vec<TaskEntry> = Vec::new();
    for (seq, id) in read.handoffs_of(agent, task, HANDOFFS)? {
        let own = read.entries(seq)?.into_iter().filter(|entry| matters(&entry.kind));
        all.extend(own.map(|entry| TaskEntry {
            entry: words::entry(entry),
            handoff: Some(id.clone()),
            action: None,
        }));
    }
    let about = read.entries_about(&subject(agent, task))?.into_iter();
    all.extend(about.map(|entry| TaskEntry {
        entry: words::entry(entry),
        handoff: None,
        action: None,
    }));
    for (_, call) in read.calls_after(agent, task, 0, ACTIONS)? {
        let done = match call.status {
            ActionStatus::Running => "Is running",
            ActionStatus::Done => "Ran",
            ActionStatus::Failed => "Failed:",
            ActionStatus::Undone => "Took back",
        };
        let by_hand = call.id.starts_with("by-hand:");
        let text = match (by_hand, &call.step) {
            (true, Some(step)) => format!("Did {step} by hand"),
            (true, None) => "Found facts by hand".to_owned(),
            (false, Some(step)) => format!("{done} {} for {step}", call.tool),
            (false, None) => format!("{done} {}", call.tool),
        };
        all.push(TaskEntry {
            entry: ThreadEntry {
                at: call.at,
                actor: if by_hand { "reviewer" } else { "agent" }.to_owned(),
                event: "action".to_owned(),
                text,
                until: None,
            },
            handoff: None,
            action: Some(call.id),
        });
    }
    all.sort_by_key(|entry| entry.entry.at);
    Ok(all)
}

/// Whether an event of a handoff says something of the task's course; how its
/// reviewer was told does not.
fn matters(kind: &str) -> bool {
    !matches!(
        kind,
        "ready"
            | "notified"
            | "not_notified"
            | "reminded"
            | "opened"
            | "snoozed"
            | "woken"
            | "clock_set"
            | "missed"
            | "command_ran"
            | "command_failed"
            | "alerted"
            | "permit_used"
    )
}
