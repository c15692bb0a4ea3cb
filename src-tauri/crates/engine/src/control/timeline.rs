//! A task as the reviewer sees it: who acts, how its steps stand, and one
//! timeline of agent, reviewer and System.

use std::collections::BTreeMap;

use handoff_domain::action::ActionStatus;
use handoff_domain::gate::{Pending, Stop, waits_for};
use handoff_domain::instruction::Instruction;
use handoff_domain::payload::Plan;
use handoff_protocol::view::{Acts, OfTask, PlanStep, Said, TaskEntry, TaskView, ThreadEntry};
use handoff_store::{Entry, Read, StoreError};
use serde_json::Value;

use super::subject;
use crate::course::Course;
use crate::gate::no_such_task;
use crate::known::holding;
use crate::ledger::Ledger;
use crate::{Engine, Failure, rollback, words};

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
            let thread = (
                timeline(read, agent, task, row.plan.as_ref())?,
                read.passed_over(agent, task, HANDOFFS, ACTIONS, &ASIDE)?,
                said(read, agent, task)?,
            );
            let ledger = Ledger::of(read, agent, task)?;
            let rollbacks = rollback::rollbacks(read, agent, task)?;
            let course = Course::of(read, agent, task, None)?;
            Ok(Some((row, stopped, (pending, course), thread, (ledger, rollbacks))))
        })?;
        let (
            row,
            stopped,
            (pending, course),
            (mut timeline, passed_over, said),
            (ledger, rollbacks),
        ) = found.ok_or_else(|| no_such_task(task))?;
        let (actions, total) = ledger.shown(ENTRIES, desk.now());
        let open = holding(&pending);
        let free = row.plan.as_ref().map(|plan| course.runnable(plan, &open)).unwrap_or_default();
        let closed = row.closed_at.is_some();
        let acts = match stopped {
            Some(Stop::TakenOver) => Acts::Reviewer,
            Some(_) => Acts::Paused,
            None if !open.is_empty() && free.is_empty() => Acts::Reviewer,
            None if closed => Acts::Over,
            None => Acts::Agent,
        };
        let held = course.open(&pending);
        let steps = row.plan.as_ref().map(|plan| steps(plan, &held, &free, stopped.is_some()));
        let cut = timeline.len().saturating_sub(ENTRIES);
        timeline.drain(..cut);
        let earlier = passed_over.saturating_add(u32::try_from(cut).unwrap_or(u32::MAX));
        Ok(TaskView {
            agent: agent.clone(),
            id: task.clone(),
            title: row.task.title,
            goal: row.task.goal,
            acts,
            stopped,
            pending: pending.into_iter().map(|open| open.id).collect(),
            steps: steps.unwrap_or_default(),
            plan: row.plan,
            revision: row.revision,
            said,
            timeline,
            earlier,
            actions,
            actions_total: u32::try_from(total).unwrap_or(u32::MAX),
            rollbacks,
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

/// What was said to the end user of a task, oldest first.
fn said(read: &Read<'_>, agent: &str, task: &str) -> Result<Vec<Said>, StoreError> {
    let mut said = Vec::new();
    for (seq, id) in read.handoffs_of(agent, task, HANDOFFS)? {
        said.extend(said_with(&id, read.entries(seq)?));
    }
    let told = read.told_of(agent, task)?;
    for told in told {
        if let Instruction::TakeOver { message: Some(message) } = told.instruction {
            let known = told.known_at.is_some();
            said.push(Said { at: told.at, text: message.text, handoff: None, known });
        }
    }
    said.sort_by_key(|said| said.at);
    Ok(said)
}

/// What went out with the answers to a handoff. It may have been asked anew since,
/// which takes nothing back.
fn said_with(handoff: &str, entries: Vec<Entry>) -> Vec<Said> {
    let mut said: Vec<Said> = Vec::new();
    let mut held = None;
    for entry in entries {
        match entry.kind.as_str() {
            "decided" => {
                let text = entry.data.pointer("/decision/message/text").and_then(Value::as_str);
                held = text.map(|text| Said {
                    at: entry.at,
                    text: text.to_owned(),
                    handoff: Some(handoff.to_owned()),
                    known: false,
                });
            }
            "undone" | "contradicted" => held = None,
            "released" => said.extend(held.take()),
            // Who makes another proposal has read why.
            "collected" | "reconciled" | "reopened" | "revised" => {
                for said in &mut said {
                    said.known = true;
                }
            }
            _ => {}
        }
    }
    said
}

/// All that happened, oldest first.
fn timeline(
    read: &Read<'_>,
    agent: &str,
    task: &str,
    plan: Option<&Plan>,
) -> Result<Vec<TaskEntry>, StoreError> {
    let titles: BTreeMap<&str, &str> = plan
        .iter()
        .flat_map(|plan| &plan.steps)
        .map(|step| (step.id.as_str(), step.title.as_str()))
        .collect();
    let mut all: Vec<TaskEntry> = Vec::new();
    for (seq, id) in read.handoffs_of(agent, task, HANDOFFS)? {
        let own = read.entries(seq)?.into_iter().filter(|entry| !ASIDE.contains(&&*entry.kind));
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
        let by_hand = call.id.starts_with(super::BY_HAND_ID);
        let step = call.step.as_deref();
        // A step that the plan does not know goes by its id.
        let step = step.map(|id| titles.get(id).copied().unwrap_or(id));
        let text = match (by_hand, step) {
            (true, Some(step)) => format!("Did “{step}” by hand"),
            (true, None) => "Found facts by hand".to_owned(),
            (false, Some(step)) => format!("{done} {} for “{step}”", call.tool),
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

/// The events of a handoff that say nothing of the task's course, but how its
/// reviewer was told.
const ASIDE: [&str; 14] = [
    "ready",
    "notified",
    "not_notified",
    "reminded",
    "opened",
    "snoozed",
    "woken",
    "clock_set",
    "missed",
    "report_put_off",
    "command_ran",
    "command_failed",
    "alerted",
    "permit_used",
];
