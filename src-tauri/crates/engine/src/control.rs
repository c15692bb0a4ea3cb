//! What the reviewer does with a task unasked, from the window alone: takes it
//! over and gives it back, changes its plan, says something. And how the agent
//! learns of it (DESIGN §7, CONTRACT §6 `agent.next`).
//!
//! The gate holds the agent back; what is told here only saves it the asking.

mod next;
mod timeline;

pub(crate) use next::is_instruction;

use chrono::{DateTime, Utc};
use handoff_domain::action::{Action, ActionStatus, Effect};
use handoff_domain::gate::Stop;
use handoff_domain::instruction::{DoneByHand, Instruction};
use handoff_domain::payload::{Plan, StepStatus};
use handoff_protocol::view::{Change, EditPlan, GiveBack, TakeOver, TellAgent};
use handoff_protocol::wire::ErrorCode;
use handoff_store::{NewAction, TaskRow, Write};
use serde_json::{Map, Value, json};

use crate::gate::{entry, no_such_task, refuse_plan};
use crate::{Actor, Engine, Failure, random_hex};

/// Where an action is from that the reviewer did by hand.
const BY_HAND: &str = "the reviewer, by hand";

/// The longest words to an agent, in bytes.
const WORDS: usize = 64 * 1024;

impl Engine {
    /// The reviewer does the task from now on; its agent may not even read.
    pub async fn take_over(&self, take: TakeOver) -> Result<(), Failure> {
        refuse_words(take.message.as_ref().map(|message| message.text.as_str()))?;
        let TakeOver { agent, task, message } = take;
        self.control(agent, task, move |write, of, now| {
            if !write.pause(of.agent, of.task, Some(Stop::TakenOver), now)? {
                return Ok(false);
            }
            let data = json!({ "message": message.as_ref().map(|message| &message.text) });
            of.log(write, "taken_over", data, now)?;
            of.tell(write, &Instruction::TakeOver { message }, now)
        })
        .await
    }

    /// Gives a task back: what was done by hand stands in its plan, and what
    /// was found out counts like what the agent found.
    pub async fn give_back(&self, back: GiveBack) -> Result<(), Failure> {
        refuse_words(back.text.as_deref())?;
        let GiveBack { agent, task, done, facts, text } = back;
        let forgotten = (agent.clone(), task.clone());
        self.control(agent, task, move |write, of, now| {
            if write.read().stop(of.agent, of.task)? != Some(Stop::TakenOver) {
                return Err(Failure::conflict(
                    "The task is not taken over, so there is nothing to give back.",
                    "Look at it again; nothing was sent.",
                ));
            }
            if !done.is_empty() {
                let plan = finished(&of.row, &done)?;
                write.keep_task(of.agent, &of.row.task, Some(&plan), now)?;
            }
            of.record_by_hand(write, &done, &facts, now)?;
            write.pause(of.agent, of.task, None, now)?;
            let data = json!({ "done": done, "facts": facts, "text": text });
            of.log(write, "given_back", data, now)?;
            of.tell(write, &Instruction::GiveBack { done, facts, text }, now)
        })
        .await?;
        self.desk.memory.forget(&forgotten.0, &forgotten.1);
        Ok(())
    }

    /// Puts another plan in the place of the one that was on screen.
    pub async fn edit_plan(&self, edit: EditPlan) -> Result<(), Failure> {
        refuse_words(edit.text.as_deref())?;
        refuse_plan(&edit.plan)?;
        let EditPlan { agent, task, revision, plan, text } = edit;
        self.control(agent, task, move |write, of, now| {
            let present = &of.row;
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
                return Ok(false);
            }
            write.keep_task(of.agent, &present.task, Some(&plan), now)?;
            let revision = revision + 1;
            of.log(write, "plan_edited", json!({ "revision": revision, "text": text }), now)?;
            of.tell(write, &Instruction::Plan { plan, revision, text }, now)
        })
        .await
    }

    /// Says something to the agent; nothing is asked.
    pub async fn tell_agent(&self, tell: TellAgent) -> Result<(), Failure> {
        refuse_words(Some(&tell.text))?;
        let TellAgent { agent, task, text } = tell;
        self.control(agent, task, move |write, of, now| {
            of.log(write, "told", json!({ "text": text }), now)?;
            of.tell(write, &Instruction::Message { text }, now)
        })
        .await
    }

    /// Does something with a task in one change, and tells whoever waits for it
    /// if that leaves something to tell.
    async fn control(
        &self,
        agent: String,
        task: String,
        work: impl FnOnce(&Write<'_>, &Of<'_>, DateTime<Utc>) -> Result<bool, Failure> + Send + 'static,
    ) -> Result<(), Failure> {
        let desk = &self.desk;
        let (now, owner) = (desk.now(), agent.clone());
        let told = desk.watched(
            desk.store
                .write(move |write| {
                    let row = write.read().task(&agent, &task)?;
                    let row = row.ok_or_else(|| no_such_task(&task))?;
                    work(write, &Of { agent: &agent, task: &task, row }, now)
                })
                .await,
        )?;
        if told {
            desk.hub.pending(&owner);
        }
        desk.hub.tell(&Change::Status);
        Ok(())
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

    /// Keeps what the reviewer did and found among the task's actions, where
    /// triggers and later checks look for it.
    fn record_by_hand(
        &self,
        write: &Write<'_>,
        done: &[DoneByHand],
        facts: &Map<String, Value>,
        now: DateTime<Utc>,
    ) -> Result<(), Failure> {
        let steps = done.iter().map(|done| (Some(done.step.clone()), done.output.clone()));
        let found = (!facts.is_empty()).then_some((None, None));
        for (step, output) in steps.chain(found) {
            let facts = if step.is_none() { facts.clone() } else { Map::new() };
            let action = Action {
                id: format!("by-hand:{}", random_hex(8)),
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
                self.agent,
                &NewAction {
                    task: self.task,
                    action: &action,
                    hash: &hash,
                    effect: action.effect,
                    source: BY_HAND,
                    drafted: false,
                },
                now,
            )?;
        }
        Ok(())
    }
}

/// What events about a task itself are kept under.
pub(crate) fn subject(agent: &str, task: &str) -> String {
    format!("task:{agent}/{task}")
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

/// The plan with what was done by hand.
fn finished(row: &TaskRow, done: &[DoneByHand]) -> Result<Plan, Failure> {
    let mut plan = row.plan.clone().unwrap_or(Plan { steps: Vec::new() });
    for done in done {
        let step = plan.steps.iter_mut().find(|step| step.id == done.step);
        let Some(step) = step else {
            return Err(Failure::new(
                ErrorCode::InvalidParams,
                format!("The plan has no step {:?}.", done.step),
                "Name steps of the plan, or add the step to the plan first; nothing was sent.",
            ));
        };
        step.status = StepStatus::Done;
        if done.output.is_some() {
            step.output.clone_from(&done.output);
        }
    }
    Ok(plan)
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
