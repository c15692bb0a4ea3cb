//! What the desk knows of a task when an answer is weighed: the plan in force,
//! what was done, what was decided before and what else is asked.
//!
//! It gathers and judges nothing; [`handoff_domain::reconcile`] does. Two that
//! are equal lead to the same directive, so that what was weighed aside can be
//! held against what is true in the writer's transaction.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use handoff_domain::action::{ActionStatus, Undo};
use handoff_domain::decision::{Decider, Decision, DecisionKind};
use handoff_domain::directive::{Line, needs};
use handoff_domain::payload::{Payload, Plan, Step, StepStatus};
use handoff_domain::reconcile::{Case, Owed, Question};
use handoff_domain::record::Recorded;
use handoff_domain::runnable::{Pending, free_steps};
use handoff_protocol::view::{DirectiveStep, ToUndo};
use handoff_store::{Entry, OpenQuestion, Read, Record, StoreError};
use serde_json::Value;

use crate::control::subject;
use crate::course::Course;
use crate::ledger::{Ledger, handoffs};
use crate::owed::owed;

/// What is known of a task.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// The plan in force.
    pub plan: Plan,
    /// What was done.
    pub ledger: Ledger,
    earlier: Vec<Decision>,
    pending: Vec<OpenQuestion>,
    /// The step that is asked about, as far as any plan knows it.
    asked: Option<String>,
    /// The gate asks, about one call.
    one_call: bool,
    course: Course,
    /// The steps that were told to be done again.
    owed: BTreeMap<String, Owed>,
    /// The desk may run the undo commands of its agent.
    commands: bool,
}

impl Known {
    /// What is known where this handoff is answered.
    pub fn of(read: &Read<'_>, record: &Record, payload: &Payload) -> Result<Self, StoreError> {
        // What this one was told does not count what came after it, nor itself.
        let mine = record.progress.phase.released_decision();
        let but = (record.id.as_str(), mine.map(|decision| decision.at));
        let about = subject(&record.agent, &record.task);
        let edited = read.latest_about(&about, ["plan_edited"])?;
        let edited = edited.is_some_and(|entry| entry.at >= record.received_at);
        let own = Some((payload, edited));
        let mut known = Self::gather(read, &record.agent, &record.task, own, Some(but))?;
        known.pending.retain(|open| open.id != record.id);
        known.one_call = read.check_of(&record.id)?.is_some();
        known.course = Course::of(read, &record.agent, &record.task, Some(&record.id))?;
        // Who asks about the same step makes the other proposal, but for the gate with its
        // question about one call; what is about no step is over with the next answer.
        if !known.one_call {
            let step = &payload.pending_question.step;
            known.course.awaited.retain(|open| open.step.is_some() && open.step != *step);
        }
        Ok(known)
    }

    /// What is known of a task where nothing is asked.
    pub fn of_task(read: &Read<'_>, agent: &str, task: &str) -> Result<Self, StoreError> {
        let mut known = Self::gather(read, agent, task, None, None)?;
        known.course = Course::of(read, agent, task, None)?;
        Ok(known)
    }

    fn gather(
        read: &Read<'_>,
        agent: &str,
        task: &str,
        of: Option<(&Payload, bool)>,
        but: Option<(&str, Option<DateTime<Utc>>)>,
    ) -> Result<Self, StoreError> {
        let handoffs = handoffs(read, agent, task)?;
        let earlier = earlier(read, (agent, task), &handoffs, but)?;
        let owed = owed(read, (agent, task), &handoffs, but.map(|(but, _)| but))?;
        let ledger = Ledger::with(read, agent, task, &handoffs)?;
        let payload = of.map(|(payload, _)| payload);
        let own = payload.and_then(|payload| payload.plan.as_ref());
        let present = ledger.plan.clone();
        let asked = payload.and_then(|payload| payload.pending_question.step.clone());
        let has = |plan: &Plan| {
            asked.as_ref().is_some_and(|asked| plan.steps.iter().any(|step| step.id == *asked))
        };
        let edited = of.is_some_and(|(_, edited)| edited);
        let plan = match (present, own) {
            // The agent asks by another plan than it last gave: by the one it
            // asks with. What the reviewer has taken out since stays out.
            (Some(present), Some(own)) if has(own) && !has(&present) && !edited => {
                caught_up(own.clone(), &present, &ledger)
            }
            (Some(present), Some(own)) => caught_up(present, own, &ledger),
            (present, own) => {
                present.or_else(|| own.cloned()).unwrap_or(Plan { steps: Vec::new() })
            }
        };
        // A step that no plan ever knew is a name and nothing more.
        let known = has(&plan) || own.is_some_and(has);
        let asked = asked.clone().filter(|_| known);
        let pending = read.pending(agent, task)?;
        let (course, commands) = (Course::default(), read.undo_commands(agent)?);
        Ok(Self { plan, ledger, earlier, pending, asked, one_call: false, course, owed, commands })
    }

    /// The case that an answer to this payload is weighed in; without one,
    /// nothing is asked.
    pub fn case<'c>(
        &'c self,
        payload: Option<&'c Payload>,
        decision: Option<&'c Decision>,
        now: DateTime<Utc>,
    ) -> Case<'c> {
        Case {
            plan: &self.plan,
            actions: self.recorded(),
            question: payload.map(|payload| Question {
                step: self.asked.as_deref(),
                one_call: self.one_call,
                ..Question::of(payload)
            }),
            decision,
            earlier: self.earlier.iter().collect(),
            pending: self.course.open(&self.pending),
            undone: self.course.undone.iter().map(String::as_str).collect(),
            left_out: self.course.left_out.iter().map(String::as_str).collect(),
            owed: self.owed.iter().map(|(step, owed)| (step.as_str(), *owed)).collect(),
            effects: BTreeMap::new(),
            now,
        }
    }

    /// What was done, oldest first.
    pub fn recorded(&self) -> Vec<Recorded<'_>> {
        self.ledger.recorded()
    }

    /// What becomes of each step, for the window. Lines that were released
    /// say nothing of a step that came into the plan since.
    pub fn steps(&self, payload: Option<&Payload>, lines: &[Line]) -> Vec<DirectiveStep> {
        let free = payload.map(|payload| self.free(payload)).unwrap_or_default();
        let asked = self.asked.as_deref().filter(|_| payload.is_some());
        steps(&self.plan, lines, asked, &free)
    }

    /// The actions to undo, in words for the window.
    pub fn to_undo(&self, ids: &[String]) -> Vec<ToUndo> {
        let title = |id: &String| {
            let step = self.plan.steps.iter().find(|step| step.id == *id);
            step.map_or_else(|| id.clone(), |step| step.title.clone())
        };
        let action = |id: &String| self.ledger.find(id);
        ids.iter()
            .filter_map(action)
            .map(|done| ToUndo {
                action: done.action.id.clone(),
                tool: done.action.tool.clone(),
                step: done.action.step.as_ref().map(title),
                files: done.action.files.clone(),
                commands_off: !self.commands
                    && matches!(done.action.undo, Some(Undo::Command { .. })),
                undo: done.action.undo.clone(),
            })
            .collect()
    }

    fn free(&self, payload: &Payload) -> BTreeSet<String> {
        let mut open = holding(&self.pending);
        if !payload.is_quick() {
            open.push(Pending { id: &payload.key, step: self.asked.as_deref() });
        }
        let mut free = free_steps(&self.plan, &open);
        let held = self.course.held(&self.plan);
        free.retain(|step| !held.contains(step));
        free
    }
}

/// What becomes of each step of a plan, for the window. Lines may say nothing of
/// a step that came into the plan since.
pub fn steps(
    plan: &Plan,
    lines: &[Line],
    asked: Option<&str>,
    free: &BTreeSet<String>,
) -> Vec<DirectiveStep> {
    let lines: BTreeMap<&str, &Line> =
        lines.iter().map(|line| (line.step.as_str(), line)).collect();
    let ids: BTreeSet<&str> = plan.steps.iter().map(|step| step.id.as_str()).collect();
    let told = plan.steps.iter().filter_map(|step| lines.get(&*step.id).zip(Some(step)));
    told.map(|(line, step)| {
        let needed: BTreeSet<&str> = needs(step, &ids).collect();
        DirectiveStep {
            id: step.id.clone(),
            title: step.title.clone(),
            status: step.status,
            verdict: line.verdict,
            why: line.why.clone(),
            depends_on: step.depends_on.clone(),
            needs: needed.into_iter().map(str::to_owned).collect(),
            undo: line.undo.clone(),
            asked: asked == Some(&*step.id),
            free: free.contains(&step.id),
        }
    })
    .collect()
}

/// The open questions that something waits for.
pub fn holding(pending: &[OpenQuestion]) -> Vec<Pending<'_>> {
    let holds = pending.iter().filter(|open| !open.quick);
    holds.map(|open| Pending { id: &open.id, step: open.step.as_deref() }).collect()
}

/// The plan in force, with what a handoff tells of steps that it does not know
/// to have begun: an agent may plan once and tell the rest with its questions.
/// What was undone since is open again, whatever was told before.
fn caught_up(mut plan: Plan, told: &Plan, ledger: &Ledger) -> Plan {
    let undone: BTreeSet<&str> = ledger
        .recorded()
        .into_iter()
        .filter(|recorded| recorded.action.status == ActionStatus::Undone)
        .filter_map(|recorded| recorded.action.step.as_deref())
        .collect();
    let told: BTreeMap<&str, &Step> =
        told.steps.iter().map(|step| (step.id.as_str(), step)).collect();
    for step in &mut plan.steps {
        let told = told.get(step.id.as_str()).filter(|_| !undone.contains(step.id.as_str()));
        let Some(told) = told else { continue };
        if step.status == StepStatus::Pending {
            step.status = told.status;
        }
        if step.output.is_none() && step.status == told.status {
            step.output.clone_from(&told.output);
        }
    }
    plan
}

/// What was said of a task with these handoffs and on giving it back, before this
/// time and by others than this one, oldest first. A value that an edit has
/// corrected counts as given with it.
pub fn earlier(
    read: &Read<'_>,
    (agent, task): (&str, &str),
    handoffs: &[Record],
    but: Option<(&str, Option<DateTime<Utc>>)>,
) -> Result<Vec<Decision>, StoreError> {
    let mut earlier = Vec::new();
    for record in handoffs.iter().filter(|record| but.is_none_or(|(but, _)| but != record.id)) {
        let Some(decision) = record.progress.phase.released_decision() else { continue };
        let mut decision = decision.clone();
        if decision.kind == DecisionKind::Modify {
            let out = read.latest_entry(record.seq, ["released"])?;
            let corrected = out.and_then(|out| out.data.get("corrected").cloned());
            for (name, value) in corrected.iter().filter_map(Value::as_object).flatten() {
                decision.facts.entry(name).or_insert_with(|| value.clone());
            }
        }
        earlier.push(decision);
    }
    let about = read.entries_about(&subject(agent, task))?;
    earlier.extend(about.iter().filter(|entry| entry.kind == "given_back").filter_map(given));
    if let Some(before) = but.and_then(|(_, before)| before) {
        earlier.retain(|decision| decision.at < before);
    }
    earlier.sort_by_key(|decision| decision.at);
    Ok(earlier)
}

/// What the reviewer found by hand, as if it had been the answer to a question.
fn given(back: &Entry) -> Option<Decision> {
    let facts = back.data.get("facts")?.as_object().filter(|facts| !facts.is_empty())?.clone();
    Some(Decision {
        kind: DecisionKind::Inform,
        by: Decider::Reviewer,
        at: back.at,
        option: None,
        tool: None,
        args: None,
        facts,
        constraints: Vec::new(),
        text: None,
        reason: None,
        then: None,
        overriding: None,
        message: None,
        note: None,
    })
}
