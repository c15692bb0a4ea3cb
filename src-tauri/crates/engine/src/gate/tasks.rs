//! Tasks and tools, as agents tell of them before and while they work; and the
//! draft that a task ends in.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use handoff_domain::action::Effect;
use handoff_domain::autonomy::level;
use handoff_domain::decision::fingerprint;
use handoff_domain::identity::{handoff_id, is_key};
use handoff_domain::payload::{Plan, Priority, Step, StepStatus, Task};
use handoff_domain::validate::{self, Deadlines};
use handoff_protocol::view::Change;
use handoff_protocol::wire::{
    ErrorCode, OpenTask, PlanTask, TaskStanding, Tool, Tools, ToolsKnown,
};
use handoff_store::{Entry, KnownTool, Read, StoreError, TaskRow, Write};
use serde_json::{Value, json};

use super::{TRIES, draft, entry, no_such_task};
use crate::course::Course;
use crate::known::holding;
use crate::ledger::Ledger;
use crate::news::News;
use crate::submit::store_new;
use crate::{Actor, Desk, Engine, Failure, control, elsewhere};

/// How many tools an agent may name.
const TOOLS: usize = 500;

/// How long the definition of one tool may be, in bytes.
const DEFINITION: usize = 64 * 1024;

/// How many steps a plan may have.
const STEPS: usize = 5000;

impl Engine {
    /// Keeps what an agent can call; says what the reviewer still has to accept.
    pub(crate) async fn tools_are(&self, agent: &str, tools: Tools) -> Result<ToolsKnown, Failure> {
        let desk = &self.desk;
        let tools = definitions(tools)?;
        desk.must_have_room(0)?;
        let owner = agent.to_owned();
        let stored = desk.store.write(move |write| {
            let before = write.read().tools(&owner)?;
            write.keep_tools(&owner, &tools)?;
            if write.read().tools(&owner)? != before {
                super::outdate(write)?;
            }
            Ok::<Vec<KnownTool>, Failure>(before)
        });
        let before = desk.watched(stored.await)?;
        let now = desk.now();
        let (known, set) =
            desk.store.read(|read| Ok((read.tools(agent)?, read.levels(agent, "")?)))?;
        let (accepted, waiting): (Vec<_>, Vec<_>) =
            known.iter().partition(|tool| tool.in_force().is_some());
        let names = |tools: Vec<&KnownTool>| tools.iter().map(|tool| tool.name.clone()).collect();
        let newly = waiting.iter().any(|tool| !before.contains(tool));
        if newly {
            self.tell_news(News::Tools { agent: agent.to_owned() });
        }
        if known != before {
            desk.weigh_again(Some(agent));
        }
        desk.hub.tell(&Change::Status);
        Ok(ToolsKnown {
            accepted: names(accepted),
            waiting: names(waiting),
            level: set.agent.at(now),
        })
    }

    /// Keeps what the work is.
    pub(crate) async fn open_task(
        &self,
        agent: &str,
        open: OpenTask,
    ) -> Result<TaskStanding, Failure> {
        refuse_task(&open.task)?;
        if let Some(plan) = &open.plan {
            refuse_plan(plan)?;
        }
        self.desk.must_have_room(0)?;
        let (owner, id, now) = (agent.to_owned(), open.task.id.clone(), self.desk.now());
        let stored = self.desk.store.write(move |write| {
            let OpenTask { task, plan } = open;
            // An agent that starts again has not heard of what the reviewer did.
            let stays = has_reviewers_hand(&write.read(), &owner, &task.id)?;
            let plan = plan.filter(|_| !stays);
            begin(write, &owner, &task, plan.as_ref(), now)
        });
        self.desk.watched(stored.await)?;
        self.desk.hub.tell(&Change::Status);
        self.desk.task_standing(agent, &id)
    }

    /// Keeps the steps a task has now.
    pub(crate) async fn plan_task(
        &self,
        agent: &str,
        plan: PlanTask,
    ) -> Result<TaskStanding, Failure> {
        refuse_plan(&plan.plan)?;
        self.desk.must_have_room(0)?;
        let (owner, task, now) = (agent.to_owned(), plan.task.clone(), self.desk.now());
        // Compared where it is written: the reviewer changes plans, too.
        let stored = self.desk.store.write(move |write| {
            let row = write.read().task(&owner, &plan.task)?;
            let row = row.ok_or_else(|| no_such_task(&plan.task))?;
            if row.revision != plan.revision {
                let (has, given) = (row.revision, plan.revision);
                return Err(Failure::conflict(
                    format!("The plan has revision {has}, and {given} was given."),
                    "Read it again with task.runnable, and change the present one.",
                ));
            }
            if let Some(title) = reopens(&write.read(), &owner, &row, &plan.plan)? {
                return Err(Failure::conflict(
                    format!("The reviewer did the step “{title}” by hand, so it is done."),
                    "Take the plan that agent.next tells, and change that one.",
                ));
            }
            begin(write, &owner, &row.task, Some(&plan.plan), now)?;
            let Some(news) = progress(row.plan.as_ref(), &plan.plan) else { return Ok(false) };
            let entry = entry(Actor::Agent, "progressed", news, now);
            write.log_about(&control::subject(&owner, &plan.task), &entry)?;
            Ok(true)
        });
        if self.desk.watched(stored.await)? {
            self.desk.hub.tell(&Change::Status);
        }
        self.desk.task_standing(agent, &task)
    }

    /// Ends a task; what it changed as a draft becomes one handoff.
    pub(crate) async fn close_task(&self, agent: &str, id: &str) -> Result<TaskStanding, Failure> {
        let desk = &self.desk;
        desk.task(agent, id)?;
        for _ in 0..TRIES {
            self.draft(agent, id, true).await?;
            let (owner, task, now) = (agent.to_owned(), id.to_owned(), desk.now());
            let closed = desk.store.write(move |write| {
                // What was recorded meanwhile belongs to a draft, too.
                let whole = write.read().drafted_count(&owner, &task)? == 0;
                if whole {
                    write.close_task(&owner, &task, now)?;
                }
                Ok::<bool, Failure>(whole)
            });
            if desk.watched(closed.await)? {
                desk.hub.tell(&Change::Status);
                return desk.task_standing(agent, id);
            }
        }
        Err(Failure::new(
            ErrorCode::Unavailable,
            "More was recorded again and again while the task was closed.",
            "Close it again when all of it is recorded.",
        ))
    }

    /// Makes one handoff of everything that a task has changed as a draft so
    /// far, because the reviewer asks; its id, if there is anything.
    pub async fn gather_draft(&self, agent: &str, id: &str) -> Result<Option<String>, Failure> {
        self.draft(agent, id, false).await
    }

    pub(super) async fn draft(
        &self,
        agent: &str,
        id: &str,
        over: bool,
    ) -> Result<Option<String>, Failure> {
        let desk = &self.desk;
        let row = desk.task(agent, id)?;
        let (drafted, unrecorded, ledger) = desk.store.read(|read| {
            let drafted = read.drafted(agent, id)?;
            Ok((drafted, read.drafted_unrecorded(agent, id)?, Ledger::of(read, agent, id)?))
        })?;
        if drafted.is_empty() {
            return Ok(None);
        }
        let drafted_ids = drafted.iter().map(|past| past.action.id.as_str()).collect();
        let standings = elsewhere::standings(&ledger, &drafted_ids, desk.now());
        // Nobody names a deadline for it.
        let deadline = desk.alerts().own_deadline(Priority::Normal);
        let text = draft::payload(&row.task, (&drafted, &unrecorded, &standings), &deadline, over);
        let ids: Vec<String> = drafted.into_iter().map(|past| past.action.id).collect();
        let checked = desk.check(text.clone(), Deadlines::Future).await?;
        let checked = checked.map_err(Failure::invalid)?;
        let moment = desk.moment();
        // It is what the reviewer asked for, or the end of the work.
        let mut open = desk.left_open_by_desk(&checked.payload, moment.at);
        open.most = None;
        let handoff = handoff_id(agent, &checked.payload.key);
        let (owner, task, named) = (agent.to_owned(), id.to_owned(), handoff.clone());
        let known = desk.watched(
            desk.store
                .write(move |write| {
                    let open = open.moved(moment.moved(write)?);
                    let now = moment.now(write)?;
                    let stored = store_new(write, &owner, checked, open, text, None, now)?;
                    write.gather_draft(&owner, &task, &named, &ids)?;
                    Ok::<bool, Failure>(stored.known)
                })
                .await,
        )?;
        if !known {
            desk.hub.changed(agent, &handoff);
            desk.sooner.notify_one();
            self.announce(&handoff);
        }
        Ok(Some(handoff))
    }
}

impl Desk {
    fn task(&self, agent: &str, id: &str) -> Result<TaskRow, Failure> {
        self.store.read(|read| read.task(agent, id))?.ok_or_else(|| no_such_task(id))
    }

    /// How a task stands, and which of its steps are free to go.
    pub(crate) fn task_standing(&self, agent: &str, id: &str) -> Result<TaskStanding, Failure> {
        let row = self.task(agent, id)?;
        let now = self.now();
        self.store
            .read(|read| {
                let pending = read.pending(agent, id)?;
                let open = holding(&pending);
                let set = read.levels(agent, id)?;
                let stopped = read.stop(agent, id)?;
                let course = Course::of(read, agent, id, None)?;
                let free = row.plan.as_ref().map(|plan| course.runnable(plan, &open));
                Ok(TaskStanding {
                    task: id.to_owned(),
                    revision: row.revision,
                    level: level(set.agent, set.task, now),
                    runnable: free.filter(|_| stopped.is_none()).unwrap_or_default(),
                    stopped,
                    pending: pending.iter().map(|open| open.id.clone()).collect(),
                    closed: row.closed_at.is_some(),
                    draft: read.open_draft(agent, id)?,
                })
            })
            .map_err(Failure::from)
    }
}

/// Keeps what the work is. Where it had ended it begins anew, and what was said
/// of it before was said of another run.
pub(super) fn begin(
    write: &Write<'_>,
    agent: &str,
    task: &Task,
    plan: Option<&Plan>,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    take_up(write, agent, task, plan, ("begun_anew", now))
}

/// The same for a call alone, as of a session that is taken up again: nobody has
/// said that it is another run, and so what was said of it holds on.
pub(super) fn go_on(
    write: &Write<'_>,
    agent: &str,
    task: &Task,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    take_up(write, agent, task, None, ("gone_on", now))
}

fn take_up(
    write: &Write<'_>,
    agent: &str,
    task: &Task,
    plan: Option<&Plan>,
    (kind, now): (&str, DateTime<Utc>),
) -> Result<(), Failure> {
    let was = write.read().task(agent, &task.id)?;
    write.keep_task(agent, task, plan, now)?;
    if was.is_some_and(|was| was.closed_at.is_some()) {
        let entry = entry(Actor::Agent, kind, json!({}), now);
        write.log_about(&control::subject(agent, &task.id), &entry)?;
    }
    Ok(())
}

/// Whether the plan in force holds what the reviewer has changed, done by hand or
/// had undone, and its task is not over: `task.plan`, which names its revision, is
/// the only word after that.
fn has_reviewers_hand(read: &Read<'_>, agent: &str, task: &str) -> Result<bool, StoreError> {
    if read.task(agent, task)?.is_none_or(|row| row.closed_at.is_some()) {
        return Ok(false);
    }
    let mut of_this_run = of_this_run(read, agent, task)?.into_iter();
    Ok(of_this_run.any(|entry| entry.data.get("revision").is_some()))
}

/// What the reviewer did with a task since it began, the latest first.
fn of_this_run(read: &Read<'_>, agent: &str, task: &str) -> Result<Vec<Entry>, StoreError> {
    let entries = read.entries_about(&control::subject(agent, task))?;
    Ok(entries.into_iter().rev().take_while(|entry| entry.kind != "begun_anew").collect())
}

/// The title of a step that was done by hand, and of which this plan says
/// otherwise: nobody may do it a second time by mistake.
fn reopens<'p>(
    read: &Read<'_>,
    agent: &str,
    row: &TaskRow,
    plan: &'p Plan,
) -> Result<Option<&'p str>, StoreError> {
    let Some(was) = row.plan.as_ref().filter(|_| row.closed_at.is_none()) else { return Ok(None) };
    let is_done = |plan: &Plan, id: &str| {
        plan.steps.iter().any(|step| step.id == id && step.status == StepStatus::Done)
    };
    let mut open = plan
        .steps
        .iter()
        .filter(|step| step.status != StepStatus::Done && is_done(was, &step.id))
        .peekable();
    if open.peek().is_none() {
        return Ok(None);
    }
    let given = of_this_run(read, agent, &row.task.id)?;
    let by_hand: BTreeSet<&str> = given
        .iter()
        .filter_map(|entry| entry.data.get("done")?.as_array())
        .flatten()
        .filter_map(|done| done.get("step")?.as_str())
        .collect();
    Ok(open.find(|step| by_hand.contains(&*step.id)).map(|step| step.title.as_str()))
}

/// The steps that a plan has further than the one before, by their titles, and the ids
/// of those that were begun or finished; none where nothing has moved.
fn progress(before: Option<&Plan>, after: &Plan) -> Option<Value> {
    let was = |id: &str| {
        let step = before?.steps.iter().find(|step| step.id == id)?;
        Some(step.status)
    };
    let into = |status: StepStatus| -> Vec<&str> {
        let there = after.steps.iter().filter(|step| step.status == status);
        there.filter(|step| was(&step.id) != Some(status)).map(|step| step.title.as_str()).collect()
    };
    let parts = [
        ("began", into(StepStatus::Running)),
        ("finished", into(StepStatus::Done)),
        ("failed", into(StepStatus::Failed)),
        ("left_out", into(StepStatus::Skipped)),
    ];
    let moved = parts.iter().any(|(_, titles)| !titles.is_empty());
    let gone_on = |step: &&Step| {
        matches!(step.status, StepStatus::Running | StepStatus::Done)
            && was(&step.id).is_some_and(|was| was != step.status)
    };
    let ids: Vec<&str> = after.steps.iter().filter(gone_on).map(|step| step.id.as_str()).collect();
    let parts = parts.into_iter().map(|(name, titles)| (name, json!(titles)));
    moved.then(|| parts.chain([("steps", json!(ids))]).collect())
}

/// The tools as they are kept, each with the hash that an acceptance is pinned
/// to.
fn definitions(tools: Tools) -> Result<Vec<KnownTool>, Failure> {
    let fault = |what: String, hint: &str| Err(Failure::new(ErrorCode::InvalidParams, what, hint));
    if tools.tools.len() > TOOLS {
        return fault(format!("There are more than {TOOLS} tools."), "Name those that are used.");
    }
    let mut names = BTreeSet::new();
    let mut known = Vec::new();
    for tool in tools.tools {
        if tool.name.trim().is_empty() || tool.name.chars().count() > 200 {
            return fault(
                format!("{:?} cannot be the name of a tool.", tool.name),
                "Use 1 to 200 characters.",
            );
        }
        if !names.insert(tool.name.clone()) {
            return fault(
                format!("The tool {:?} is there twice.", tool.name),
                "Name every tool once.",
            );
        }
        let value = serde_json::to_value(&tool).map_err(StoreError::from)?;
        let definition = value.to_string();
        if definition.len() > DEFINITION {
            return fault(
                format!("The definition of {:?} is longer than 64 KiB.", tool.name),
                "Shorten its description or its schema.",
            );
        }
        known.push(KnownTool {
            hash: fingerprint(&value),
            definition,
            claimed: claimed(&tool),
            name: tool.name,
            accepted: None,
            accepted_hash: None,
        });
    }
    Ok(known)
}

/// What an agent claims of a tool: its own word, or the annotations of MCP. One that
/// does not only read changes something at least; that is all which is said by it.
fn claimed(tool: &Tool) -> Option<Effect> {
    if tool.effect.is_some() {
        return tool.effect;
    }
    let hints = tool.annotations.as_ref()?;
    let hint = |name: &str| hints.get(name).and_then(Value::as_bool);
    match (hint("readOnlyHint"), hint("destructiveHint")) {
        (Some(true), _) => Some(Effect::Read),
        (_, Some(true)) => Some(Effect::Irreversible),
        (_, Some(false)) | (Some(false), None) => Some(Effect::Reversible),
        (None, None) => None,
    }
}

fn refuse_task(task: &Task) -> Result<(), Failure> {
    let blank = |text: &str| text.trim().is_empty() || text.len() > 64 * 1024;
    let (what, hint) = if !is_key(&task.id) {
        (
            format!("{:?} cannot be the id of a task.", task.id),
            "Use 1 to 200 of the characters A–Z, a–z, 0–9 and . _ : / -",
        )
    } else if blank(&task.title) || blank(&task.goal) {
        (
            "The task needs a title and a goal, each of 64 KiB at most.".to_owned(),
            "Say in a line what the work is, and what it is to achieve.",
        )
    } else {
        return Ok(());
    };
    Err(Failure::new(ErrorCode::InvalidParams, what, hint))
}

pub fn refuse_plan(plan: &Plan) -> Result<(), Failure> {
    if plan.steps.len() > STEPS {
        return Err(Failure::new(
            ErrorCode::InvalidParams,
            format!("The plan has more than {STEPS} steps."),
            "Make several tasks of it.",
        ));
    }
    if let Some(step) = plan.steps.iter().find(|step| !is_key(&step.id)) {
        return Err(Failure::new(
            ErrorCode::InvalidParams,
            format!("{:?} cannot be the id of a step.", step.id),
            "Use 1 to 200 of the characters A–Z, a–z, 0–9 and . _ : / -",
        ));
    }
    let faults = validate::plan_faults(plan);
    if faults.is_empty() { Ok(()) } else { Err(Failure::invalid(faults)) }
}
