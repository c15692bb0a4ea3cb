//! What an agent does with its own handoffs: submit, take back, propose again.

use chrono::{DateTime, TimeDelta, Utc};
use handoff_domain::briefing;
use handoff_domain::decision::fingerprint;
use handoff_domain::effect::Judged;
use handoff_domain::floor;
use handoff_domain::identity::handoff_id;
use handoff_domain::lifecycle::{Event, Phase, Progress, State, Traits, Unmet, transition};
use handoff_domain::payload::{Deadline, LeftOpen, Payload};
use handoff_domain::validate::{self, Checked, Deadlines};
use handoff_protocol::view::Change;
use handoff_protocol::wire::{Standing, Validated};
use handoff_store::{NewHandoff, Proposal, Record, StoreError, Write};
use serde_json::json;

use crate::gate::{Place, place, refuse_desks_own};
use crate::{Actor, Desk, Failure, change, lock, log, owned};

impl Desk {
    pub(crate) async fn validate(&self, text: String) -> Result<Validated, Failure> {
        let faults = match self.check(text, Deadlines::Future).await? {
            Ok(_) => Vec::new(),
            Err(faults) => faults,
        };
        Ok(Validated { valid: faults.is_empty(), faults })
    }

    /// Stores what an agent hands over; says how it stands, and where.
    pub(crate) async fn submit(
        &self,
        agent: &str,
        text: String,
        left_open: &[LeftOpen],
    ) -> Result<(Standing, Place), Failure> {
        let (checked, text) = match self.check(text.clone(), Deadlines::Future).await? {
            Ok(checked) => self.completed(agent, checked, text, left_open)?,
            Err(faults) => {
                // A retry may come after its own deadline: what is known is
                // answered as before.
                let late = faults.iter().all(|fault| fault.pointer.starts_with("/deadline"));
                if !late {
                    return Err(Failure::invalid(faults));
                }
                let known = match self.check(text.clone(), Deadlines::AnyTime).await? {
                    Ok(late) => {
                        let (late, _) = self.completed(agent, late, text, left_open)?;
                        self.known(agent, &late)?
                    }
                    Err(_) => None,
                };
                let known = known.ok_or_else(|| Failure::invalid(faults))?;
                return Ok((known, Place::Shown));
            }
        };
        if let Some(standing) = self.known(agent, &checked)? {
            return Ok((standing, Place::Shown));
        }
        self.must_have_room(text.len())?;
        let moment = self.moment();
        let owner = agent.to_owned();
        let open = self.left_open(agent, &checked.payload, moment.at)?;
        let Stored { record, known, replaced, place } = self.watched(
            self.store
                .write(move |write| {
                    let open = open.moved(moment.moved(write)?);
                    store_new(write, &owner, checked, open, text, None, moment.now(write)?)
                })
                .await,
        )?;
        if let Some(replaced) = replaced {
            self.retire(&replaced);
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
        Ok((standing, place))
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
        let moment = self.moment();
        let owner = agent.to_owned();
        let open = self.left_open(agent, &checked.payload, moment.at)?;
        let (record, known) = self.watched(
            self.store
                .write(move |write| {
                    let (open, now) = (open.moved(moment.moved(write)?), moment.now(write)?);
                    let mut record = owned(write, &id, Some(&owner))?;
                    let current = record.progress.revision;
                    refuse_desks_own(&record.key)?;
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
                    let proposal = proposal(checked, &open.found, text);
                    // What is of high risk now waits behind nothing any more.
                    let comes_out = proposal.high && progress.state() == State::Queued;
                    if comes_out {
                        progress = transition(&progress, &record.traits, Event::Present, now)?;
                    }
                    if progress.state() == State::Ready {
                        let plan = Event::Plan { remind_at: open.remind_at };
                        progress = transition(&progress, &record.traits, plan, now)?;
                    }
                    write.propose(&record, &progress, &proposal, now)?;
                    record.progress = progress;
                    let data = json!({ "revision": record.progress.revision });
                    log(write, record.seq, Actor::Agent, "revised", data, now)?;
                    if comes_out {
                        write.note_shown(&record.id, now)?;
                        log(write, record.seq, Actor::System, "ready", json!({}), now)?;
                    }
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
        self.retire(id);
        Ok(standing(&record))
    }

    /// Puts what the reviewer has set in the place of what an agent leaves open of
    /// its deadline. Where the handoff is known that was done before, and is not done
    /// anew: the same is the same, whatever has been set since.
    pub(crate) fn completed(
        &self,
        agent: &str,
        mut checked: Checked,
        text: String,
        left_open: &[LeftOpen],
    ) -> Result<(Checked, String), Failure> {
        if left_open.is_empty() {
            return Ok((checked, text));
        }
        let known = self.store.read(|read| {
            let Some(record) = read.handoff_by_key(agent, &checked.payload.key)? else {
                return Ok(None);
            };
            read.payload(record.seq, 1)
        })?;
        let known = known.map(|json| serde_json::from_str::<Payload>(&json));
        let set = match known.transpose().map_err(StoreError::from)? {
            Some(first) => first.deadline,
            None => self.alerts().own_deadline(checked.payload.priority),
        };
        for part in left_open {
            let deadline = &mut checked.payload.deadline;
            match part {
                LeftOpen::RespondWithinS if deadline.respond_by.is_none() => {
                    deadline.respond_within_s = set.respond_within_s.or(deadline.respond_within_s);
                }
                LeftOpen::RespondWithinS => {}
                LeftOpen::OnTimeout => deadline.on_timeout = set.on_timeout.clone(),
            }
        }
        checked.value["deadline"] =
            serde_json::to_value(&checked.payload.deadline).map_err(StoreError::from)?;
        checked.fingerprint = fingerprint(&checked.value);
        let text = checked.value.to_string();
        Ok((checked, text))
    }

    /// What an agent leaves open, and what its options were found to do.
    pub(crate) fn left_open(
        &self,
        agent: &str,
        payload: &Payload,
        now: DateTime<Utc>,
    ) -> Result<Open, Failure> {
        let around = self.store.read(|read| self.around(read, agent, payload, now))?;
        let found = self.found_of(&around, payload);
        Ok(Open { found, by_desk: false, ..self.left_open_by_desk(payload, now) })
    }

    /// The same for what the desk itself asks: it leaves out nothing that it
    /// knows, and an agent does not answer for how it is briefed.
    pub(crate) fn left_open_by_desk(&self, payload: &Payload, now: DateTime<Utc>) -> Open {
        Open {
            deadline: self.alerts().filled(&payload.deadline, payload.priority, now),
            remind_at: self.first_reminder(payload.priority),
            most: Some(lock(&self.settings).cards_per_hour),
            by_desk: true,
            // It has weighed them already.
            found: payload.options.iter().map(floor::declared).collect(),
        }
    }

    pub(crate) async fn check(
        &self,
        text: String,
        deadlines: Deadlines,
    ) -> Result<Result<Checked, Vec<validate::Fault>>, Failure> {
        // A date is given by the clock as it was set, which nobody may have seen yet.
        if let Err(failure) = self.notice_gaps().await {
            tracing::warn!(error = failure.0.message, "a gap in time is not taken account of yet");
        }
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
    /// The most cards of an agent in an hour; 0 where nothing is put off, and none
    /// for what is the desk's own, which counts for no agent.
    pub(crate) most: Option<u32>,
    /// The desk wrote it, from what it has seen.
    by_desk: bool,
    /// What the call of each option was found to do.
    found: Vec<Judged>,
}

impl Open {
    /// The same where the clock was set by so much since.
    pub fn moved(self, by: TimeDelta) -> Self {
        Self { remind_at: self.remind_at.map(|at| at + by), ..self }
    }
}

fn key_conflict(record: &Record) -> Failure {
    Failure::conflict(
        format!("The key {:?} was used before with another content ({}).", record.key, record.id),
        "Use a new key for a new handoff, or `handoff revise` to change this one.",
    )
}

/// A handoff that was stored, now or before.
pub(crate) struct Stored {
    pub(crate) record: Record,
    /// It was there already.
    pub(crate) known: bool,
    /// The one that it has taken the place of.
    pub(crate) replaced: Option<String>,
    /// Where it stands, if it is new.
    pub(crate) place: Place,
}

/// Stores a handoff unless it is known. Beyond so many cards in an hour it waits
/// behind the others of its agent, but for what is of high risk and what takes
/// the place of a card that is shown.
/// One from the spool was acknowledged, and its time began, when it was spooled.
pub(crate) fn store_new(
    write: &Write<'_>,
    agent: &str,
    checked: Checked,
    open: Open,
    text: String,
    spooled_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<Stored, Failure> {
    let payload = &checked.payload;
    // Another connection may have stored the same key since it was looked up.
    if let Some(record) = write.read().handoff_by_key(agent, &payload.key)? {
        return if write.read().was_proposed(record.seq, &checked.fingerprint)? {
            Ok(Stored { record, known: true, replaced: None, place: Place::Shown })
        } else {
            Err(key_conflict(&record))
        };
    }
    if !open.by_desk {
        refuse_desks_own(&payload.key)?;
    }
    let id = handoff_id(agent, &payload.key);
    let replaced = payload.supersedes.clone();
    let mut stays = floor::is_high(&payload.options, &open.found);
    if let Some(replaced) = &replaced {
        let record = owned(write, replaced, Some(agent))?;
        let event = Event::Supersede { by: id.clone() };
        stays |= record.progress.state() == State::Ready;
        let progress = transition(&record.progress, &record.traits, event, now)?;
        change(write, record, progress, Actor::Agent, "superseded", json!({ "by": id }), now)?;
    }
    let cold = !open.by_desk && briefing::is_cold(payload);
    let traits = Traits::of(payload, &open.found);
    // A clock that went back since must not give it time from the future.
    let received = spooled_at.map_or(now, |at| at.min(now));
    let queued = Progress::new(&open.deadline, cold, received);
    let place =
        if stays { Place::Shown } else { place(write, agent, open.most.unwrap_or(0), now)? };
    let is_shown = place == Place::Shown;
    let progress = if is_shown {
        // Its time counts from its receipt, also where it waited in the spool.
        let ready = transition(&queued, &traits, Event::Present, received)?;
        transition(&ready, &traits, Event::Plan { remind_at: open.remind_at }, now)?
    } else {
        queued
    };
    write.open_task(agent, &payload.task, payload.plan.as_ref(), now)?;
    let key = payload.key.clone();
    let new = NewHandoff {
        id,
        agent: agent.to_owned(),
        key,
        proposal: proposal(checked, &open.found, text),
    };
    let record = write.insert(&new, &progress, received)?;
    let how = spooled_at.map_or_else(|| json!({}), |_| json!({ "spooled": true }));
    log(write, record.seq, Actor::Agent, "submitted", how, received)?;
    if is_shown && open.most.is_some() {
        write.note_shown(&record.id, now)?;
    }
    let kind = if is_shown { "ready" } else { "queued" };
    log(write, record.seq, Actor::System, kind, json!({}), now)?;
    Ok(Stored { record, known: false, replaced, place })
}

/// Puts the same proposal in front of the reviewer again, as another revision.
pub(crate) fn ask_again(
    write: &Write<'_>,
    mut record: Record,
    (payload, json): (Payload, String),
    (unmet, open): (Vec<Unmet>, Open),
    now: DateTime<Utc>,
) -> Result<Record, Failure> {
    let revision = record.progress.revision;
    let fingerprint = write.read().fingerprint(record.seq, revision)?;
    let fingerprint = fingerprint.ok_or_else(|| Failure::no_such_handoff(&record.id))?;
    let value = serde_json::from_str(&json).map_err(StoreError::from)?;
    let data = json!({ "unmet": unmet });
    let event = Event::Reopen { unmet, deadline: open.deadline };
    let progress = transition(&record.progress, &record.traits, event, now)?;
    let plan = Event::Plan { remind_at: open.remind_at };
    let progress = transition(&progress, &record.traits, plan, now)?;
    let checked = Checked { payload, value, fingerprint };
    write.propose(&record, &progress, &proposal(checked, &open.found, json), now)?;
    record.progress = progress;
    log(write, record.seq, Actor::Agent, "reopened", data, now)?;
    Ok(record)
}

fn proposal(checked: Checked, found: &[Judged], json: String) -> Proposal {
    let traits = Traits::of(&checked.payload, found);
    let payload = checked.payload;
    Proposal {
        fingerprint: checked.fingerprint,
        json,
        effect: found.iter().map(|found| found.effect).max(),
        high: floor::is_high(&payload.options, found),
        task: payload.task.id,
        title: payload.task.title,
        question: payload.pending_question.text,
        priority: payload.priority,
        traits,
    }
}

pub(crate) fn standing(record: &Record) -> Standing {
    Standing {
        id: record.id.clone(),
        revision: record.progress.revision,
        state: record.progress.state(),
        replayed: None,
    }
}
