//! One handoff as the reviewer sees it: the payload, folded, with where it
//! stands and what each choice would do.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use handoff_domain::action::{Action, Effect};
use handoff_domain::answer::{default_decision, judge};
use handoff_domain::autonomy::in_force;
use handoff_domain::briefing::{self, Layer};
use handoff_domain::decision::{Answer, action_hash};
use handoff_domain::directive::Line;
use handoff_domain::effect::Judged;
use handoff_domain::floor;
use handoff_domain::gate::by_default;
use handoff_domain::lifecycle::{Phase, State};
use handoff_domain::payload::{AllowedDecision, HandoffOption, Payload, RiskLevel, TimeoutKind};
use handoff_domain::reconcile::{ConstraintStand, lines, reconcile};
use handoff_domain::rollback::Standing;
use handoff_protocol::view::{
    ActionView, Allowed, Asked, CaseView, ConstraintResult, ConstraintView, DeadlineView,
    FoundView, Liveness, OptionView, ProposedActionView,
};
use handoff_protocol::wire::Check;
use handoff_store::{CheckRow, Record, StoreError};
use serde_json::Value;

use crate::gate::{AGENT_SAYS, Around};
use crate::known::Known;
use crate::ledger::{Done, Ledger};
use crate::origin::allowing;
use crate::release::told_with;
use crate::{Desk, Engine, Failure, connections, elsewhere, fold, lock, rollback, words};

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
        let (record, payload, _) =
            self.desk.load(id)?.ok_or_else(|| Failure::no_such_handoff(id))?;
        let ledger = self.desk.ledger(&record.agent, &record.task)?;
        let is_draft = self.desk.store.read(|read| read.is_draft(id))?;
        Ok(actions(&payload, offset, (&ledger, is_draft), self.desk.now()))
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
        let around = self.store.read(|read| self.around_stored(read, &record, &payload))?;
        let found = self.found_of(&around, &payload);
        let ((level_set, reach), asked, is_draft) = self.store.read(|read| {
            let set = read.levels(&record.agent, &record.task)?;
            let asked =
                read.check_of(id)?.map(|check| asked(&record.agent, check, found.first(), now));
            let heard_of = read.connections(&record.agent)?;
            let (_, reach) = connections::reach(&heard_of, read.track(&record.agent)?.calls > 0);
            let level = (in_force(set.agent, set.task), reach);
            Ok((level, asked.transpose()?, read.is_draft(id)?))
        })?;
        let by_desk = asked.is_some() || is_draft;
        let missing_layers =
            if by_desk { Vec::new() } else { missing(&briefing::missing_layers(&payload)) };
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
        let known = self.store.read(|read| Known::of(read, &record, &payload))?;
        let lines = match &decision {
            Some(_) => self.store.read(|read| told_with(read, &record, &payload, &known))?,
            None => likely(&payload, &known, now),
        };
        let plan = known.steps(Some(&payload), &lines);
        let open = reconcile(&known.case(Some(&payload), None, now));
        let briefing = payload.briefing.clone().unwrap_or_default();
        Ok(CaseView {
            id: record.id.clone(),
            revision: progress.revision,
            liveness: self.liveness(&record, agent.last_seen),
            outbox: self.outbox(&record)?,
            agent: self.agent_view(agent),
            state,
            flags: progress.flags.clone(),
            level: level_set.at(now),
            level_set,
            reach,
            asked,
            is_draft,
            reading_s: briefing::reading_seconds(&payload),
            summary_words: u32::try_from(briefing::summary_words(&payload)).unwrap_or(u32::MAX),
            missing_layers,
            options: options(&payload, &open.constraints, &found, &around),
            allowed: allowed(&payload, state, may_have_run),
            deadline: self.deadline(&record, &payload, &known)?,
            actions: actions(&payload, 0, (&known.ledger, is_draft), now),
            rollbacks: self
                .store
                .read(|read| rollback::rollbacks(read, &record.agent, &record.task))?,
            actions_total: u32::try_from(payload.actions_taken.len()).unwrap_or(u32::MAX),
            plan,
            meta: payload.meta.as_ref().map(|meta| fold::json(meta, "/meta".to_owned())),
            hold: self.hold_of(id).filter(|_| state == State::Decided),
            decision,
            report,
            divergences: progress.divergences.clone(),
            report_by: progress.report_by,
            changed: progress.unmet.clone(),
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

    /// Where the actions of a task stand, by their ids.
    pub(crate) fn standings(
        &self,
        agent: &str,
        task: &str,
    ) -> Result<BTreeMap<String, Standing>, Failure> {
        Ok(self.ledger(agent, task)?.standings(self.now()))
    }

    fn ledger(&self, agent: &str, task: &str) -> Result<Ledger, Failure> {
        Ok(self.store.read(|read| Ledger::of(read, agent, task))?)
    }

    fn deadline(
        &self,
        record: &Record,
        payload: &Payload,
        known: &Known,
    ) -> Result<DeadlineView, Failure> {
        let progress = &record.progress;
        let held = self.default_held(record, payload)?;
        let default = default_decision(payload, &known.case(Some(payload), None, self.now()));
        let taken = by_default::taken(default.map(drop), held, progress.default_allowed);
        Ok(DeadlineView {
            respond_by: progress.timing.respond_by,
            warn_at: progress.timing.warn_at,
            warned: progress.timing.warned_at.is_some(),
            on_timeout: payload.deadline.on_timeout.kind,
            then: words::at_the_deadline(payload, held, taken, &lock(&self.settings).alerts),
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
            takes_default: payload.deadline.on_timeout.kind == TimeoutKind::SafeDefault
                && taken.is_ok(),
            refused: progress.default_refused.clone(),
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

/// What the reviewer may do with it now.
fn allowed(payload: &Payload, state: State, may_have_run: bool) -> Allowed {
    let ready = state == State::Ready;
    let may = |kind| ready && payload.allows(kind);
    Allowed {
        approve: may(AllowedDecision::Approve) && !payload.options.is_empty(),
        modify: may(AllowedDecision::Modify)
            && payload.options.iter().any(|option| option.action.is_some()),
        inform: may(AllowedDecision::Inform),
        reject: ready,
        take_over: ready,
        undo: state == State::Decided,
        regrant: may_have_run,
    }
}

fn missing(layers: &[Layer]) -> Vec<String> {
    let name = |layer: &Layer| match layer {
        Layer::History => "history".to_owned(),
        Layer::Intent => "intent".to_owned(),
        Layer::Constraints => "constraints".to_owned(),
    };
    layers.iter().map(name).collect()
}

/// What becomes of each step if the reviewer does what is most likely, for the
/// first look at the plan.
fn likely(payload: &Payload, known: &Known, now: DateTime<Utc>) -> Vec<Line> {
    let case = known.case(Some(payload), None, now);
    let recommended = payload.options.iter().find(|option| option.recommended);
    let Some(option) = recommended.or_else(|| payload.options.first()) else {
        return lines(&case);
    };
    let answer = Answer::Approve { option: option.id.clone() };
    judge(payload, &case, &answer, None, None).reconciliation.lines
}

fn options(
    payload: &Payload,
    stands: &[ConstraintStand],
    found: &[Judged],
    around: &Around,
) -> Vec<OptionView> {
    let broken = |id: &str| {
        let of_it = stands.iter().filter(|stand| stand.option.as_deref() == Some(id));
        let broken = of_it.filter(|stand| stand.holds == Some(false));
        broken
            .map(|stand| ConstraintResult {
                text: stand.text.clone(),
                holds: false,
                error: stand.error.clone(),
            })
            .collect()
    };
    payload
        .options
        .iter()
        .zip(found)
        .enumerate()
        .map(|(place, (option, found))| OptionView {
            id: option.id.clone(),
            label: option.label.clone(),
            description: option.description.clone(),
            pros: option.pros.clone(),
            cons: option.cons.clone(),
            risk: floor::risk(option, found),
            effect: found.effect,
            found: found_view(around.said_of(option), found),
            risk_why: option.risk.why.clone(),
            recommended: option.recommended,
            broken: broken(&option.id),
            confirm: floor::risk(option, found) == RiskLevel::High,
            action: proposed(option, place),
        })
        .collect()
}

/// What the call of an option was found to do, where the agent says otherwise.
pub fn found_view(said: Option<Effect>, found: &Judged) -> Option<FoundView> {
    let said = said.filter(|said| *said != found.effect)?;
    let Judged { effect, unknown, why } = found.clone();
    Some(FoundView { said, effect, unknown, why })
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

fn actions(
    payload: &Payload,
    offset: usize,
    (ledger, is_draft): (&Ledger, bool),
    now: DateTime<Utc>,
) -> Vec<ActionView> {
    let known = ledger.by_id();
    // Of a draft its agent takes back these alone, whatever came after them.
    let mut drafted = if is_draft {
        let ids = payload.actions_taken.iter().map(|action| action.id.as_str()).collect();
        elsewhere::standings(ledger, &ids, now)
    } else {
        BTreeMap::new()
    };
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
        .map(|(place, action)| {
            let known = known.get(action.id.as_str()).copied();
            let mut view = action_view(action, place, &titles, known, now);
            if let Some(standing) = drafted.remove(&action.id) {
                view.standing = standing;
            }
            view
        })
        .collect()
}

fn action_view(
    action: &Action,
    place: usize,
    titles: &BTreeMap<&str, &str>,
    known: Option<&Done>,
    now: DateTime<Utc>,
) -> ActionView {
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
        effect: known.map_or(action.effect, |done| done.effect),
        found: known.is_some_and(|done| done.found),
        status: action.status,
        started_at: action.started_at,
        ended_at: action.ended_at,
        undo: action.undo.clone(),
        facts: (!action.facts.is_empty()).then(|| fold::json(&action.facts, at("facts"))),
        files: action.files.clone(),
        depends_on: action.depends_on.clone(),
        source: known.map_or(AGENT_SAYS, |done| &done.source).to_owned(),
        // One that came with an older proposal is not looked through.
        standing: known.map_or_else(
            || Standing::Nothing { why: "It is not known whether it can be undone.".to_owned() },
            |done| done.standing(now),
        ),
    }
}

/// Whether a rule may let a call go that does this.
pub(crate) fn can_be_allowed(found: &Judged) -> bool {
    found.effect != Effect::Irreversible && !found.unknown
}

/// Why the gate asks, and whether the very call could be allowed for good, by
/// what it is found to do now.
fn asked(
    agent: &str,
    row: CheckRow,
    found: Option<&Judged>,
    now: DateTime<Utc>,
) -> Result<Asked, StoreError> {
    let check: Check = serde_json::from_str(&row.asked)?;
    let rule = allowing(agent, &row, &check, now, (OFFERED_DAYS, None));
    Ok(Asked {
        tool: row.tool,
        level: row.level,
        can_allow: found.is_some_and(can_be_allowed) && rule.fault(now).is_empty(),
        evidence: row.evidence,
    })
}
