//! What the gate says of a declared default, before the deadline for the card
//! and at the deadline for System (CONTRACT §4).

use chrono::{DateTime, Utc};
use handoff_domain::action::Effect;
use handoff_domain::autonomy::level;
use handoff_domain::effect::Judged;
use handoff_domain::gate::{Ground, Held, Verdict, decide};
use handoff_domain::payload::{HandoffOption, Payload, TimeoutKind};
use handoff_domain::trigger::Evidence;
use handoff_protocol::wire::{Check, TaskRef};
use handoff_store::{Read, Record, StoreError};

use super::files::Copies;
use super::known;
use crate::{Desk, Failure};

/// A declared default with what was found out about it.
pub(crate) struct DefaultCall {
    agent: String,
    task: String,
    judged: Judged,
    evidence: Vec<Evidence>,
    allowed: bool,
}

impl DefaultCall {
    /// Why the gate would hold it, if it would.
    pub(crate) fn held(
        &self,
        read: &Read<'_>,
        now: DateTime<Utc>,
    ) -> Result<Option<Held>, StoreError> {
        let set = read.levels(&self.agent, &self.task)?;
        let ground = Ground {
            level: level(set.agent, set.task, now),
            judged: &self.judged,
            stop: None,
            // It is what the question is about, and waits for nothing but that.
            waits_for: &[],
            permit: false,
            evidence: &self.evidence,
            allowed: self.allowed,
        };
        let held = |ground: &Ground<'_>| match decide(ground) {
            Verdict::Run(_) => None,
            Verdict::Held(held) => Some(held),
        };
        // What cannot be undone is not taken after a pause either: the card
        // must not make it look as if it could be.
        let unstopped = held(&ground);
        if unstopped == Some(Held::Irreversible) {
            return Ok(unstopped);
        }
        Ok(held(&Ground { stop: read.stop(&self.agent, &self.task)?, ..ground }))
    }
}

impl Desk {
    /// Weighs the declared default as a call that is asked for now; none where
    /// no default is declared.
    pub(crate) fn default_call(
        &self,
        record: &Record,
        payload: &Payload,
        now: DateTime<Utc>,
    ) -> Result<Option<DefaultCall>, Failure> {
        let on_timeout = &payload.deadline.on_timeout;
        let option = on_timeout.option.as_deref().and_then(|id| payload.option(id));
        let Some(option) = option.filter(|_| on_timeout.kind == TimeoutKind::SafeDefault) else {
            return Ok(None);
        };
        let (agent, task) = (record.agent.clone(), record.task.clone());
        let Some(mut check) = call(record, payload, option) else {
            // It runs nothing that the desk could look at: the agent's word on
            // it can only raise.
            let judged = Judged {
                effect: option.risk.effect,
                unknown: option.risk.effect == Effect::Irreversible,
                why: option.risk.why.clone(),
            };
            let (evidence, allowed) = (Vec::new(), false);
            return Ok(Some(DefaultCall { agent, task, judged, evidence, allowed }));
        };
        let known = self.store.read(|read| {
            if let Some(row) = read.check_of(&record.id)? {
                let asked: Check = serde_json::from_str(&row.asked)?;
                check.cwd = asked.cwd;
            }
            known(read, &self.memory, &agent, &check)
        })?;
        let weighed = self.weigh(&agent, &check, &known, &Copies::NotAsked, now);
        Ok(Some(DefaultCall {
            agent,
            task,
            allowed: weighed.matched.allow.is_some(),
            judged: weighed.judged,
            evidence: weighed.evidence,
        }))
    }

    /// Why the gate would hold the declared default now; none where it would
    /// not, or none is declared.
    pub(crate) fn default_held(
        &self,
        record: &Record,
        payload: &Payload,
    ) -> Result<Option<Held>, Failure> {
        let now = self.now();
        match self.default_call(record, payload, now)? {
            Some(call) => Ok(self.store.read(|read| call.held(read, now))?),
            None => Ok(None),
        }
    }
}

/// The call that the option leads to, as an agent would ask for it.
fn call(record: &Record, payload: &Payload, option: &HandoffOption) -> Option<Check> {
    let action = option.action.as_ref()?;
    Some(Check {
        task: TaskRef::Id(record.task.clone()),
        step: payload.pending_question.step.clone(),
        tool: action.tool.clone(),
        args: action.args.clone(),
        key: record.key.clone(),
        effect: Some(option.risk.effect),
        undo: action.undo.clone(),
        files: action.files.clone(),
        cwd: None,
        reasoning: None,
        deadline: None,
        resume: None,
        editable: None,
    })
}
