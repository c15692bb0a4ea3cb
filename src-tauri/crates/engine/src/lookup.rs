//! What an agent reads of its own handoffs: one, or a list. It changes none.

use handoff_domain::lifecycle::State;
use handoff_domain::payload::Payload;
use handoff_protocol::wire::{Answered, ListQuery, Listed, ListedHandoff, Shown};
use handoff_store::{Page, Read, Record, StoreError};

use crate::release::told;
use crate::{Desk, Failure};

/// How many handoffs a list has when no limit is given, and at most.
const LIST: (u32, u32) = (100, 1000);

impl Desk {
    pub(crate) fn get(&self, agent: &str, id: &str) -> Result<Shown, Failure> {
        let (record, payload, json) = self.own(agent, id)?;
        let report = record.progress.phase.report().cloned();
        let mut standing = self.standings(agent, &record.task)?;
        standing.retain(|id, _| payload.actions_taken.iter().any(|action| action.id == *id));
        Ok(Shown {
            standing,
            answered: self.store.read(|read| answered(read, &record, &payload))?,
            key: record.key,
            received_at: record.received_at,
            respond_by: record.progress.timing.respond_by,
            report,
            handoff: serde_json::from_str(&json).map_err(StoreError::from)?,
        })
    }

    pub(crate) async fn list(&self, agent: &str, query: ListQuery) -> Result<Listed, Failure> {
        if query.search.is_some() {
            self.store.index().await?;
        }
        let page = Page {
            agent: Some(agent.to_owned()),
            state: query.state,
            search: query.search,
            limit: query.limit.unwrap_or(LIST.0).min(LIST.1),
            list: None,
        };
        let (rows, total) = self.store.read(|read| read.page(&page))?;
        let handoffs = rows
            .into_iter()
            .map(|row| ListedHandoff {
                state: row.record.progress.state(),
                flags: row.record.progress.flags,
                revision: row.record.progress.revision,
                respond_by: row.record.progress.timing.respond_by,
                id: row.record.id,
                key: row.record.key,
                priority: row.record.priority,
                task: row.record.task,
                title: row.title,
                question: row.record.question,
                received_at: row.record.received_at,
            })
            .collect();
        Ok(Listed { handoffs, total })
    }
}

/// State and decision of a handoff, for a caller that is not the one to act.
pub fn answered(
    read: &Read<'_>,
    record: &Record,
    payload: &Payload,
) -> Result<Answered, StoreError> {
    let decision = record.progress.phase.released_decision().cloned();
    let option = decision.as_ref().and_then(|decision| payload.option(decision.option.as_deref()?));
    Ok(Answered {
        id: record.id.clone(),
        revision: record.progress.revision,
        state: record.progress.state(),
        flags: record.progress.flags.clone(),
        warned_at: record
            .progress
            .timing
            .warned_at
            .filter(|_| record.progress.state() == State::Ready),
        action_hash: decision.as_ref().and_then(handoff_domain::decision::Decision::action_hash),
        directive: told(read, record, payload)?,
        preconditions: option.map(|option| option.preconditions.clone()).unwrap_or_default(),
        decision,
        act: false,
        lease: None,
    })
}
