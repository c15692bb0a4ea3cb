//! One handoff as the reviewer sees it: the payload, folded, with where it
//! stands and what each choice would do.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use handoff_domain::action::{Action, Effect};
use handoff_domain::answer::{judge, shown_risk};
use handoff_domain::autonomy::level;
use handoff_domain::briefing::{self, Layer};
use handoff_domain::constraint;
use handoff_domain::decision::{Answer, Decision, action_hash};
use handoff_domain::directive::{directive, free_steps};
use handoff_domain::lifecycle::{Phase, State};
use handoff_domain::payload::{AllowedDecision, HandoffOption, Payload, RiskLevel};
use handoff_domain::rule::{CallFacts, Rule};
use handoff_protocol::view::{
    ActionView, Allowed, Asked, CaseView, ConstraintResult, ConstraintView, DeadlineView,
    DirectiveStep, Liveness, OptionView, ProposedActionView,
};
use handoff_protocol::wire::{Check, Checked};
use handoff_store::{CheckRow, Record, StoreError};
use serde_json::{Map, Value};

use crate::{Desk, Engine, Failure, fold, words};

/// How many actions travel with the card, and with each further request.
const ACTIONS: usize = 200;

/// How long a rule is offered for, in days.
const OFFERED_DAYS: i64 = 30;

/// How long after its last contact an agent is still expected to collect.
const EXPECTED: chrono::TimeDelta = chrono::TimeDelta::hours(1);

impl Engine {
    /// Everything the reviewer is shown of one handoff.
    pub fn open_case(&self, id: &str) -> Result<CaseView, Failure> {
        self.desk.case(id)
    }

    /// The next actions of the history.
    pub fn actions(&self, id: &str, offset: usize) -> Result<Vec<ActionView>, Failure> {
        let (_, payload, _) = self.desk.load(id)?.ok_or_else(|| Failure::no_such_handoff(id))?;
        Ok(actions(&payload, offset))
    }

    /// The whole of a folded value of a proposal.
    pub fn unfold(&self, id: &str, revision: u32, pointer: &str) -> Result<String, Failure> {
        let missing = || Failure::no_such_handoff(id);
        let json = self.desk.store.read(|read| {
            let Some(record) = read.handoff(id)? else { return Ok(None) };
            read.payload(record.seq, revision)
        })?;
        let payload: Value = serde_json::from_str(&json.ok_or_else(missing)?)
            .map_err(handoff_store::StoreError::from)?;
        fold::unfold(&payload, pointer).ok_or_else(missing)
    }
}

impl Desk {
    fn case(&self, id: &str) -> Result<CaseView, Failure> {
        let (record, payload, _) = self.load(id)?.ok_or_else(|| Failure::no_such_handoff(id))?;
        let now = self.now();
        let (agent, entries) =
            self.store.read(|read| Ok((read.agent(&record.agent)?, read.entries(record.seq)?)))?;
        let agent = agent.ok_or_else(|| Failure::no_such_handoff(id))?;
        let (level, asked, is_draft) = self.store.read(|read| {
            let set = read.levels(&record.agent, &record.task)?;
            let asked = read.check_of(id)?.map(|check| asked(&record.agent, check, now));
            Ok((level(set.agent, set.task, now), asked.transpose()?, read.is_draft(id)?))
        })?;
        let progress = &record.progress;
        let state = progress.state();
        let may_have_run = progress.may_have_run(&record.traits, now);
        let decision = progress.phase.decision().cloned();
        let report = progress.phase.report().cloned();
        let closed_because = if let Phase::Withdrawn { reason, .. } = &progress.phase {
            Some(reason.clone().unwrap_or_else(|| "No reason was given.".to_owned()))
        } else if let Phase::Superseded { by, .. } = &progress.phase {
            Some(format!("Replaced by {by}."))
        } else {
            None
        };
        let plan = decision
            .clone()
            .or_else(|| likely(&payload, now))
            .map_or_else(|| steps(&payload, None), |decision| steps(&payload, Some(&decision)));
        let briefing = payload.briefing.clone().unwrap_or_default();
        Ok(CaseView {
            id: record.id.clone(),
            revision: progress.revision,
            liveness: self.liveness(&record, agent.last_seen),
            agent: self.agent_view(agent),
            state,
            flags: progress.flags.clone(),
            level,
            asked,
            is_draft,
            reading_s: briefing::reading_seconds(&payload),
            summary_words: u32::try_from(briefing::summary_words(&payload)).unwrap_or(u32::MAX),
            missing_layers: briefing::missing_layers(&payload)
                .into_iter()
                .map(|layer| match layer {
                    Layer::History => "history".to_owned(),
                    Layer::Intent => "intent".to_owned(),
                    Layer::Constraints => "constraints".to_owned(),
                })
                .collect(),
            options: options(&payload),
            allowed: Allowed {
                approve: state == State::Ready
                    && payload.allows(AllowedDecision::Approve)
                    && !payload.options.is_empty(),
                modify: state == State::Ready
                    && payload.allows(AllowedDecision::Modify)
                    && payload.options.iter().any(|option| option.action.is_some()),
                inform: state == State::Ready && payload.allows(AllowedDecision::Inform),
                reject: state == State::Ready,
                take_over: state == State::Ready,
                undo: state == State::Decided,
                regrant: may_have_run,
            },
            deadline: self.deadline(&record, &payload)?,
            actions: actions(&payload, 0),
            actions_total: u32::try_from(payload.actions_taken.len()).unwrap_or(u32::MAX),
            plan,
            meta: payload.meta.as_ref().map(|meta| fold::json(meta, "/meta".to_owned())),
            hold: self.hold_of(id).filter(|_| state == State::Decided),
            decision,
            report,
            may_have_run,
            closed_because,
            thread: entries.into_iter().map(words::entry).collect(),
            received_at: record.received_at,
            task: payload.task,
            reason: payload.reason,
            priority: payload.priority,
            question: payload.pending_question.text,
            question_step: payload.pending_question.step,
            summary: payload.summary,
            intent: briefing.intent,
            entities: briefing.entities,
            constraints: briefing
                .constraints
                .into_iter()
                .map(|constraint| ConstraintView { text: constraint.text, expr: constraint.expr })
                .collect(),
            sentiment: briefing.sentiment,
            not_included: briefing.not_included,
            conversation: payload.conversation,
            resume: payload.resume,
        })
    }

    fn deadline(&self, record: &Record, payload: &Payload) -> Result<DeadlineView, Failure> {
        let progress = &record.progress;
        let held = self.default_held(record, payload)?;
        Ok(DeadlineView {
            respond_by: progress.timing.respond_by,
            warn_at: progress.timing.warn_at,
            warned: progress.timing.warned_at.is_some(),
            on_timeout: payload.deadline.on_timeout.kind,
            then: self.at_the_deadline(payload, record, held),
            default_option: payload
                .deadline
                .on_timeout
                .option
                .as_deref()
                .and_then(|id| payload.option(id))
                .map(|option| option.label.clone()),
            snoozed_until: progress.snoozed_until(),
            can_snooze: progress.can_snooze(self.now()),
            default_allowed: progress.leave(&record.traits, held),
        })
    }

    fn liveness(&self, record: &Record, last_seen: chrono::DateTime<chrono::Utc>) -> Liveness {
        if let Phase::Collected { collected_at, .. } = record.progress.phase {
            return Liveness::Collected { at: collected_at };
        }
        if self.hub.is_listening(&record.id) {
            Liveness::Listening
        } else if self.hub.is_connected(&record.agent) || self.now() - last_seen < EXPECTED {
            Liveness::WillCollect { last_seen }
        } else {
            Liveness::NotSeen { since: last_seen }
        }
    }
}

/// What the reviewer will most likely do, for the first look at the plan.
fn likely(payload: &Payload, now: chrono::DateTime<chrono::Utc>) -> Option<Decision> {
    let option = payload
        .options
        .iter()
        .find(|option| option.recommended)
        .or_else(|| payload.options.first())?;
    let answer = Answer::Approve { option: option.id.clone() };
    Some(judge(payload, &answer, None, None, now).decision)
}

/// What becomes of each step of the plan.
pub fn steps(payload: &Payload, decision: Option<&Decision>) -> Vec<DirectiveStep> {
    let Some(plan) = &payload.plan else { return Vec::new() };
    let free: BTreeSet<String> = free_steps(payload);
    plan.steps
        .iter()
        .zip(directive(payload, decision))
        .map(|(step, line)| DirectiveStep {
            id: step.id.clone(),
            title: step.title.clone(),
            status: step.status,
            verdict: line.verdict,
            why: line.why,
            depends_on: step.depends_on.clone(),
            asked: payload.pending_question.step.as_ref() == Some(&step.id),
            free: free.contains(&step.id),
        })
        .collect()
}

/// A result of a constraint, for the window.
pub fn constraint_result(result: constraint::ConstraintResult) -> ConstraintResult {
    ConstraintResult { text: result.text, holds: result.holds, error: result.error }
}

fn options(payload: &Payload) -> Vec<OptionView> {
    let args: Vec<_> = payload
        .options
        .iter()
        .map(|option| option.action.as_ref().map(|action| &action.args))
        .collect();
    let judged = constraint::results_each(payload, &args);
    payload
        .options
        .iter()
        .zip(judged)
        .enumerate()
        .map(|(place, (option, results))| OptionView {
            id: option.id.clone(),
            label: option.label.clone(),
            description: option.description.clone(),
            pros: option.pros.clone(),
            cons: option.cons.clone(),
            risk: shown_risk(option),
            effect: option.risk.effect,
            risk_why: option.risk.why.clone(),
            recommended: option.recommended,
            broken: results
                .into_iter()
                .filter(|result| option.action.is_some() && !result.holds)
                .map(constraint_result)
                .collect(),
            confirm: shown_risk(option) == RiskLevel::High,
            action: proposed(option, place),
        })
        .collect()
}

fn proposed(option: &HandoffOption, place: usize) -> Option<ProposedActionView> {
    let action = option.action.as_ref()?;
    Some(ProposedActionView {
        tool: action.tool.clone(),
        args: fold::json(&action.args, format!("/options/{place}/action/args")),
        hash: action_hash(&action.tool, &action.args),
        args_schema: action.args_schema.clone(),
        undo: action.undo.clone(),
        files: action.files.clone(),
        preconditions: option
            .preconditions
            .iter()
            .map(|check| {
                format!(
                    "{} {} gives {}",
                    check.tool,
                    Value::Object(check.args.clone()),
                    check.expect
                )
            })
            .collect(),
    })
}

fn actions(payload: &Payload, offset: usize) -> Vec<ActionView> {
    let titles: BTreeMap<&str, &str> = payload
        .plan
        .iter()
        .flat_map(|plan| &plan.steps)
        .map(|step| (step.id.as_str(), step.title.as_str()))
        .collect();
    payload
        .actions_taken
        .iter()
        .enumerate()
        .skip(offset)
        .take(ACTIONS)
        .map(|(place, action)| action_view(action, place, &titles))
        .collect()
}

fn action_view(action: &Action, place: usize, titles: &BTreeMap<&str, &str>) -> ActionView {
    let at = |part: &str| format!("/actions_taken/{place}/{part}");
    ActionView {
        id: action.id.clone(),
        step: action
            .step
            .as_deref()
            .map(|step| titles.get(step).copied().unwrap_or(step).to_owned()),
        tool: action.tool.clone(),
        input: action.input.as_ref().map(|value| fold::json(value, at("input"))),
        output: action.output.as_ref().map(|value| fold::json(value, at("output"))),
        reasoning: action.reasoning.clone(),
        confidence: action.confidence,
        effect: action.effect,
        status: action.status,
        started_at: action.started_at,
        ended_at: action.ended_at,
        undo: action.undo.clone(),
        facts: (!action.facts.is_empty()).then(|| fold::json(&action.facts, at("facts"))),
        files: action.files.clone(),
        depends_on: action.depends_on.clone(),
        // Nothing but the agent's own word reaches the desk yet.
        source: "agent says".to_owned(),
    }
}

/// Why the gate asks, and whether the very call could be allowed for good.
fn asked(agent: &str, row: CheckRow, now: DateTime<Utc>) -> Result<Asked, StoreError> {
    let check: Check = serde_json::from_str(&row.asked)?;
    let answer: Checked = serde_json::from_str(&row.answer)?;
    let call = CallFacts {
        agent,
        task: &row.task,
        tool: &check.tool,
        args: &check.args,
        argv: None,
        cwd: check.cwd.as_deref(),
        facts: &Map::new(),
        at: now,
    };
    let rule = Rule::from_call(&call, now + TimeDelta::days(OFFERED_DAYS), None);
    let reversible = answer.effect != Effect::Irreversible && !answer.unknown;
    Ok(Asked {
        tool: row.tool,
        level: row.level,
        can_allow: reversible && rule.fault(now).is_empty(),
        evidence: row.evidence,
    })
}
