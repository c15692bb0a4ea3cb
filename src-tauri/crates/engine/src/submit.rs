//! What an agent does with its own handoffs: submit, look, take back, propose
//! again, report.

use chrono::{DateTime, Utc};
use handoff_domain::briefing;
use handoff_domain::directive::directive;
use handoff_domain::identity::handoff_id;
use handoff_domain::lifecycle::{
    Event, Outcome, Phase, Progress, Report, State, Traits, transition,
};
use handoff_domain::payload::{Deadline, Payload};
use handoff_domain::validate::{self, Checked, Deadlines};
use handoff_protocol::view::Change;
use handoff_protocol::wire::{
    Answered, ListQuery, Listed, ListedHandoff, Shown, Standing, Validated,
};
use handoff_store::{NewHandoff, Page, Proposal, Record, Write};
use serde_json::json;

use crate::{Actor, Desk, Failure, change, log, owned};

/// How many handoffs a list has when no limit is given, and at most.
const LIST: (u32, u32) = (100, 1000);

impl Desk {
    pub(crate) async fn validate(&self, text: String) -> Result<Validated, Failure> {
        let faults = match self.check(text, Deadlines::Future).await? {
            Ok(_) => Vec::new(),
            Err(faults) => faults,
        };
        Ok(Validated { valid: faults.is_empty(), faults })
    }

    pub(crate) async fn submit(&self, agent: &str, text: String) -> Result<Standing, Failure> {
        let checked = match self.check(text.clone(), Deadlines::Future).await? {
            Ok(checked) => checked,
            Err(faults) => {
                // A retry may come after its own deadline: what is known is
                // answered as before.
                let late = faults.iter().all(|fault| fault.pointer.starts_with("/deadline"));
                if !late {
                    return Err(Failure::invalid(faults));
                }
                let known = match self.check(text.clone(), Deadlines::AnyTime).await? {
                    Ok(late) => self.known(agent, &late)?,
                    Err(_) => None,
                };
                return known.ok_or_else(|| Failure::invalid(faults));
            }
        };
        if let Some(standing) = self.known(agent, &checked)? {
            return Ok(standing);
        }
        self.must_have_room(text.len())?;
        self.notice_gaps().await?;
        let now = self.now();
        let owner = agent.to_owned();
        let open = self.left_open(&checked.payload, now);
        let (record, known, replaced) = self.watched(
            self.store
                .write(move |write| store_new(write, &owner, checked, open, text, None, now))
                .await,
        )?;
        if let Some(replaced) = replaced {
            self.notifier.retire(&replaced);
            self.hub.changed(agent, &replaced);
        }
        let mut standing = standing(&record);
        if known {
            standing.replayed = Some(true);
        } else {
            self.hub.changed(agent, &record.id);
            // The agent has one handoff more.
            self.hub.tell(&Change::Status);
            self.sooner.notify_one();
        }
        Ok(standing)
    }

    pub(crate) async fn revise(
        &self,
        agent: &str,
        id: String,
        text: String,
    ) -> Result<Standing, Failure> {
        let checked =
            self.check(text.clone(), Deadlines::Future).await?.map_err(Failure::invalid)?;
        self.must_have_room(text.len())?;
        self.notice_gaps().await?;
        let now = self.now();
        let owner = agent.to_owned();
        let open = self.left_open(&checked.payload, now);
        let (record, known) = self.watched(
            self.store
                .write(move |write| {
                    let mut record = owned(write, &id, Some(&owner))?;
                    let current = record.progress.revision;
                    if checked.payload.key != record.key {
                        return Err(Failure::conflict(
                            format!(
                                "The proposal has the key {:?}, the handoff {:?}.",
                                checked.payload.key, record.key
                            ),
                            "Keep the key; a new key is a new handoff.",
                        ));
                    }
                    if write.read().fingerprint(record.seq, current)?.as_ref()
                        == Some(&checked.fingerprint)
                        && matches!(record.progress.phase, Phase::Queued | Phase::Ready)
                    {
                        return Ok((record, true));
                    }
                    let cold = briefing::is_cold(&checked.payload);
                    let revise = Event::Revise { deadline: open.deadline, cold };
                    let mut progress = transition(&record.progress, &record.traits, revise, now)?;
                    if progress.state() == State::Ready {
                        let plan = Event::Plan { remind_at: open.remind_at };
                        progress = transition(&progress, &record.traits, plan, now)?;
                    }
                    write.propose(&record, &progress, &proposal(checked, text), now)?;
                    record.progress = progress;
                    let data = json!({ "revision": record.progress.revision });
                    log(write, record.seq, Actor::Agent, "revised", data, now)?;
                    Ok((record, false))
                })
                .await,
        )?;
        if known {
            return Ok(Standing { replayed: Some(true), ..standing(&record) });
        }
        self.hub.changed(agent, &record.id);
        self.sooner.notify_one();
        Ok(standing(&record))
    }

    pub(crate) async fn withdraw(
        &self,
        agent: &str,
        id: &str,
        reason: Option<String>,
    ) -> Result<Standing, Failure> {
        let data = json!({ "reason": reason });
        let event = Event::Withdraw { reason };
        let record = self.apply(id, Some(agent), event, Actor::Agent, "withdrawn", data).await?;
        self.notifier.retire(id);
        Ok(standing(&record))
    }

    pub(crate) async fn reconcile(
        &self,
        agent: &str,
        id: &str,
        report: Report,
    ) -> Result<Standing, Failure> {
        let outcome = match report.outcome {
            Outcome::Applied => "applied",
            Outcome::Diverged => "diverged",
        };
        let data = json!({ "outcome": outcome, "why": report.why, "steps": report.steps });
        let event = Event::Report { report };
        let record = self.apply(id, Some(agent), event, Actor::Agent, "reconciled", data).await?;
        Ok(standing(&record))
    }

    pub(crate) fn get(&self, agent: &str, id: &str) -> Result<Shown, Failure> {
        let (record, payload, json) = self.own(agent, id)?;
        let report = record.progress.phase.report().cloned();
        Ok(Shown {
            answered: answered(&record, &payload),
            key: record.key,
            received_at: record.received_at,
            respond_by: record.progress.timing.respond_by,
            report,
            handoff: serde_json::from_str(&json).map_err(handoff_store::StoreError::from)?,
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

    pub(crate) fn left_open(&self, payload: &Payload, now: DateTime<Utc>) -> Open {
        Open {
            deadline: self.alerts().filled(&payload.deadline, payload.priority, now),
            remind_at: self.first_reminder(payload.priority),
            queued: false,
        }
    }

    pub(crate) async fn check(
        &self,
        text: String,
        deadlines: Deadlines,
    ) -> Result<Result<Checked, Vec<validate::Fault>>, Failure> {
        let now = self.now();
        // Beside the threads that answer everyone else, and not on all cores.
        let _place = self.checks.acquire().await;
        tokio::task::spawn_blocking(move || validate::parse_with(&text, now, deadlines))
            .await
            .map_err(|error| {
                Failure::new(
                    handoff_protocol::wire::ErrorCode::Internal,
                    format!("The payload could not be checked: {error}."),
                    "Please report this payload.",
                )
            })
    }

    /// The standing of what was submitted before under the same key.
    fn known(&self, agent: &str, checked: &Checked) -> Result<Option<Standing>, Failure> {
        let found = self.store.read(|read| {
            let Some(record) = read.handoff_by_key(agent, &checked.payload.key)? else {
                return Ok(None);
            };
            let same = read.was_proposed(record.seq, &checked.fingerprint)?;
            Ok(Some((record, same)))
        })?;
        match found {
            None => Ok(None),
            Some((record, true)) => {
                Ok(Some(Standing { replayed: Some(true), ..standing(&record) }))
            }
            Some((record, false)) => Err(key_conflict(&record)),
        }
    }
}

/// What the agent leaves open and the reviewer has set.
pub(crate) struct Open {
    deadline: Deadline,
    remind_at: Option<DateTime<Utc>>,
    /// It waits behind the other questions of its agent.
    pub(crate) queued: bool,
}

fn key_conflict(record: &Record) -> Failure {
    Failure::conflict(
        format!("The key {:?} was used before with another content ({}).", record.key, record.id),
        "Use a new key for a new handoff, or `handoff revise` to change this one.",
    )
}

/// Stores a handoff unless it is known; says which, and what it has replaced.
/// One from the spool was acknowledged, and its time began, when it was spooled.
pub(crate) fn store_new(
    write: &Write<'_>,
    agent: &str,
    checked: Checked,
    open: Open,
    text: String,
    spooled_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<(Record, bool, Option<String>), Failure> {
    let payload = &checked.payload;
    // Another connection may have stored the same key since it was looked up.
    if let Some(record) = write.read().handoff_by_key(agent, &payload.key)? {
        return if write.read().was_proposed(record.seq, &checked.fingerprint)? {
            Ok((record, true, None))
        } else {
            Err(key_conflict(&record))
        };
    }
    let id = handoff_id(agent, &payload.key);
    let replaced = payload.supersedes.clone();
    if let Some(replaced) = &replaced {
        let record = owned(write, replaced, Some(agent))?;
        let event = Event::Supersede { by: id.clone() };
        let progress = transition(&record.progress, &record.traits, event, now)?;
        change(write, record, progress, Actor::Agent, "superseded", json!({ "by": id }), now)?;
    }
    let cold = briefing::is_cold(payload);
    let traits = Traits::of(payload);
    // A clock that went back since must not give it time from the future.
    let received = spooled_at.map_or(now, |at| at.min(now));
    let queued = Progress::new(&open.deadline, cold, received);
    let progress = if open.queued {
        queued
    } else {
        // Its time counts from its receipt, also where it waited in the spool.
        let ready = transition(&queued, &traits, Event::Present, received)?;
        transition(&ready, &traits, Event::Plan { remind_at: open.remind_at }, now)?
    };
    write.open_task(agent, &payload.task, payload.plan.as_ref(), now)?;
    let key = payload.key.clone();
    let new = NewHandoff { id, agent: agent.to_owned(), key, proposal: proposal(checked, text) };
    let record = write.insert(&new, &progress, received)?;
    let how = spooled_at.map_or_else(|| json!({}), |_| json!({ "spooled": true }));
    log(write, record.seq, Actor::Agent, "submitted", how, received)?;
    let kind = if open.queued { "queued" } else { "ready" };
    log(write, record.seq, Actor::System, kind, json!({}), now)?;
    Ok((record, false, replaced))
}

fn proposal(checked: Checked, json: String) -> Proposal {
    let traits = Traits::of(&checked.payload);
    let payload = checked.payload;
    Proposal {
        fingerprint: checked.fingerprint,
        json,
        effect: payload.options.iter().map(|option| option.risk.effect).max(),
        task: payload.task.id,
        title: payload.task.title,
        question: payload.pending_question.text,
        priority: payload.priority,
        traits,
    }
}

fn standing(record: &Record) -> Standing {
    Standing {
        id: record.id.clone(),
        revision: record.progress.revision,
        state: record.progress.state(),
        replayed: None,
    }
}

/// State and decision of a handoff, for a caller that is not the one to act.
pub fn answered(record: &Record, payload: &handoff_domain::payload::Payload) -> Answered {
    let decision = record.progress.phase.released_decision().cloned();
    Answered {
        id: record.id.clone(),
        revision: record.progress.revision,
        state: record.progress.state(),
        flags: record.progress.flags.clone(),
        action_hash: decision.as_ref().and_then(handoff_domain::decision::Decision::action_hash),
        directive: directive(payload, decision.as_ref()),
        decision,
        act: false,
        lease: None,
    }
}
