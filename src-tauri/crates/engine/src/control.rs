//! What the reviewer does with a task unasked, from the window alone: takes it
//! over and gives it back, changes its plan, says something. And how the agent
//! learns of it (DESIGN §7, CONTRACT §6 `agent.next`).
//!
//! The gate holds the agent back; what is told here only saves it the asking.

mod by_hand;
mod next;
mod timeline;

pub(crate) use by_hand::{BY_HAND_ID, instead as done_by_hand};
pub(crate) use next::{is_instruction, new_id};

use chrono::{DateTime, Utc};
use handoff_domain::gate::Stop;
use handoff_domain::instruction::Instruction;
use handoff_domain::payload::{Plan, StepStatus};
use handoff_domain::reconcile::{self, Reconciliation, Returned};
use handoff_protocol::view::{BackPreview, Change, EditPlan, GiveBack, TakeOver, TellAgent};
use handoff_protocol::wire::ErrorCode;
use handoff_store::{Entry, Read, StoreError, TaskRow, Write};
use serde_json::{Value, json};

use crate::gate::{entry, no_such_task, refuse_plan};
use crate::known::Known;
use crate::owed::OWED;
use crate::{Actor, Engine, Failure, rollback};

/// The longest words to an agent, in bytes.
const WORDS: usize = 64 * 1024;

impl Engine {
    /// The reviewer does the task from now on; its agent may not even read.
    pub async fn take_over(&self, take: TakeOver) -> Result<(), Failure> {
        refuse_words(take.message.as_ref().map(|message| message.text.as_str()))?;
        let TakeOver { agent, task, message } = take;
        self.control(agent, task, move |write, of, now| {
            if !write.pause(of.agent, of.task, Some(Stop::TakenOver), now)? {
                return Ok(Left::nothing());
            }
            let data = json!({ "message": message.as_ref().map(|message| &message.text) });
            of.log(write, "taken_over", data, now)?;
            of.tell(write, &Instruction::TakeOver { message }, now).map(Left::to_tell)
        })
        .await
    }

    /// Gives a task back: what was done by hand stands in its plan, what was
    /// found out counts like what the agent found, and the agent is told what
    /// becomes of each step.
    pub async fn give_back(&self, back: GiveBack) -> Result<(), Failure> {
        refuse_words(back.text.as_deref())?;
        let GiveBack { agent, task, done, facts, text } = back;
        self.control(agent, task, move |write, of, now| {
            if write.read().stop(of.agent, of.task)? != Some(Stop::TakenOver) {
                return Err(Failure::conflict(
                    "The task is not taken over, so there is nothing to give back.",
                    "Look at it again; nothing was sent.",
                ));
            }
            let known = Known::of_task(&write.read(), of.agent, of.task)?;
            let returned = Returned { facts, done };
            let given = reconcile::give_back(&known.case(None, None, now), &returned);
            let Returned { facts, done } = returned;
            if !given.reconciliation.faults.is_empty() {
                return Err(Failure::unfit(given.reconciliation.faults));
            }
            let replaced = of.row.plan.as_ref() != Some(&given.plan) && !done.is_empty();
            if replaced {
                write.replan_task(of.agent, of.task, &given.plan, now)?;
            }
            by_hand::record(write, of, &done, &facts, now)?;
            let closed = by_hand::close(write, of, &done, now)?;
            write.pause(of.agent, of.task, None, now)?;
            let Reconciliation { lines: directive, owed, .. } = given.reconciliation;
            let mut data = json!({ "done": done, "facts": facts, "text": text,
                "directive": directive, OWED: owed });
            let revision = of.row.revision + 1;
            if replaced {
                data["revision"] = json!(revision);
            }
            of.log(write, "given_back", data, now)?;
            if replaced {
                let text = Some("What was done by hand is done.".to_owned());
                of.tell(write, &Instruction::Plan { plan: given.plan, revision, text }, now)?;
            }
            rollback::begin_told(write, of.agent, of.task, now)?;
            let told =
                of.tell(write, &Instruction::GiveBack { done, facts, directive, text }, now)?;
            Ok(Left { told, closed })
        })
        .await
    }

    /// What giving a task back like this would make of its plan.
    pub fn preview_give_back(&self, back: &GiveBack) -> Result<BackPreview, Failure> {
        let desk = &self.desk;
        let known = desk.store.read(|read| {
            let Some(_) = read.task(&back.agent, &back.task)? else { return Ok(None) };
            Known::of_task(read, &back.agent, &back.task).map(Some)
        })?;
        let mut known = known.ok_or_else(|| no_such_task(&back.task))?;
        let returned = Returned { facts: back.facts.clone(), done: back.done.clone() };
        let given = reconcile::give_back(&known.case(None, None, desk.now()), &returned);
        known.plan = given.plan;
        let found = given.reconciliation;
        Ok(BackPreview {
            faults: found.faults,
            directive: known.steps(None, &found.lines),
            conflicts: found.conflicts,
            undo: known.to_undo(&found.undo),
            facts: found.facts,
        })
    }

    /// Puts another plan in the place of the one that was on screen.
    pub async fn edit_plan(&self, edit: EditPlan) -> Result<(), Failure> {
        refuse_words(edit.text.as_deref())?;
        refuse_plan(&edit.plan)?;
        let EditPlan { agent, task, revision, plan, text } = edit;
        self.control(agent, task, move |write, of, now| {
            let present = &of.row;
            if present.closed_at.is_some() {
                return Err(Failure::conflict(
                    "The task has ended, and its agent works by no plan of it any more.",
                    "Tell the agent what you want; once it begins the task anew, its plan can be \
                     changed.",
                ));
            }
            if present.revision != revision {
                return Err(Failure::conflict(
                    format!(
                        "The plan has changed since: it has revision {} now.",
                        present.revision
                    ),
                    "Look at it again, and change the present one; nothing was sent.",
                ));
            }
            if let Some(undone) = present.plan.as_ref().and_then(|was| forgets(was, &plan)) {
                return Err(Failure::new(
                    ErrorCode::InvalidParams,
                    format!("The step “{undone}” is done, and the plan must not say otherwise."),
                    "Leave it in; to have it done again, have it undone first, or add a step.",
                ));
            }
            if present.plan.as_ref() == Some(&plan) {
                return Ok(Left::nothing());
            }
            write.replan_task(of.agent, of.task, &plan, now)?;
            let revision = revision + 1;
            of.log(write, "plan_edited", json!({ "revision": revision, "text": text }), now)?;
            of.tell(write, &Instruction::Plan { plan, revision, text }, now).map(Left::to_tell)
        })
        .await
    }

    /// Says something to the agent; nothing is asked.
    pub async fn tell_agent(&self, tell: TellAgent) -> Result<(), Failure> {
        refuse_words(Some(&tell.text))?;
        let TellAgent { agent, task, text } = tell;
        self.control(agent, task, move |write, of, now| {
            of.log(write, "told", json!({ "text": text }), now)?;
            of.tell(write, &Instruction::Message { text }, now).map(Left::to_tell)
        })
        .await
    }

    /// Does something with a task in one change, and tells whoever waits for it
    /// if that leaves something to tell.
    async fn control(
        &self,
        agent: String,
        task: String,
        work: impl FnOnce(&Write<'_>, &Of<'_>, DateTime<Utc>) -> Result<Left, Failure> + Send + 'static,
    ) -> Result<(), Failure> {
        let desk = &self.desk;
        let (owner, named) = (agent.clone(), task.clone());
        let moment = desk.moment();
        let left = desk.watched(
            desk.store
                .write(move |write| {
                    let now = moment.now(write)?;
                    let row = write.read().task(&agent, &task)?;
                    let row = row.ok_or_else(|| no_such_task(&task))?;
                    work(write, &Of { agent: &agent, task: &task, row }, now)
                })
                .await,
        )?;
        for id in &left.closed {
            desk.hub.changed(&owner, id);
            desk.retire(id);
        }
        if left.told {
            desk.hub.pending(&owner);
        }
        self.drive_open(&owner, &named);
        desk.hub.tell(&Change::Status);
        Ok(())
    }
}

/// What something done with a task leaves to do.
struct Left {
    /// There is something to tell its agent.
    told: bool,
    /// The handoffs that it closed.
    closed: Vec<String>,
}

impl Left {
    fn nothing() -> Self {
        Self::to_tell(false)
    }

    fn to_tell(told: bool) -> Self {
        Self { told, closed: Vec::new() }
    }
}

/// The task that something is done with.
struct Of<'o> {
    agent: &'o str,
    task: &'o str,
    row: TaskRow,
}

impl Of<'_> {
    fn log(
        &self,
        write: &Write<'_>,
        kind: &str,
        data: Value,
        now: DateTime<Utc>,
    ) -> Result<(), Failure> {
        let entry = entry(Actor::Reviewer, kind, data, now);
        Ok(write.log_about(&subject(self.agent, self.task), &entry)?)
    }

    fn tell(
        &self,
        write: &Write<'_>,
        instruction: &Instruction,
        now: DateTime<Utc>,
    ) -> Result<bool, Failure> {
        instruct(write, self.agent, self.task, instruction, now)
    }
}

/// How the reviewer last changed the course of a task unasked, or that what they had
/// undone was, so that what its agent was told before holds no more.
pub(crate) fn changed_course(
    read: &Read<'_>,
    agent: &str,
    task: &str,
) -> Result<Option<Entry>, StoreError> {
    read.latest_about(&subject(agent, task), ["given_back", "plan_edited", "rollback_over"])
}

/// What events about a task itself are kept under. Neither name may hold a
/// space, so that no two tasks share one.
pub(crate) fn subject(agent: &str, task: &str) -> String {
    format!("task:{agent} {task}")
}

/// Keeps an instruction; says whether it leaves anything to tell.
pub(crate) fn instruct(
    write: &Write<'_>,
    agent: &str,
    task: &str,
    instruction: &Instruction,
    now: DateTime<Utc>,
) -> Result<bool, Failure> {
    Ok(write.tell(agent, task, &next::new_id(), instruction, now)?)
}

/// The title of a step that is done in one plan, and in the other is not there
/// or not done.
fn forgets<'p>(was: &'p Plan, is: &Plan) -> Option<&'p str> {
    let done = was.steps.iter().filter(|step| step.status == StepStatus::Done);
    let kept =
        |id: &str| is.steps.iter().any(|step| step.id == id && step.status == StepStatus::Done);
    done.filter(|step| !kept(&step.id)).map(|step| step.title.as_str()).next()
}

fn refuse_words(text: Option<&str>) -> Result<(), Failure> {
    let Some(text) = text else { return Ok(()) };
    if text.trim().is_empty() || text.len() > WORDS {
        return Err(Failure::new(
            ErrorCode::InvalidParams,
            "The words are missing, or longer than 64 KiB.",
            "Write a sentence or two; nothing was sent.",
        ));
    }
    Ok(())
}
