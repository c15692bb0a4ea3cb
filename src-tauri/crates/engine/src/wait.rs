//! Waiting for a decision, and receiving it under a lease.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use handoff_domain::lifecycle::{Event, Flag, Refusal, State, transition};
use handoff_domain::payload::Payload;
use handoff_protocol::wire::{Answered, LeaseGrant};
use handoff_store::Record;
use serde_json::{Value, json};

use crate::lookup::answered;
use crate::{Actor, Desk, Failure, change, lock, owned, random_hex};

impl Desk {
    /// Waits until there is something to know: registers first, then reads, so
    /// that no change falls between.
    pub(crate) async fn wait(
        &self,
        connection: u64,
        agent: &str,
        id: &str,
        timeout: Option<Duration>,
    ) -> Result<Answered, Failure> {
        // Checked before registering: a foreign id must not look listened to.
        self.own_record(agent, id)?;
        let waiting = self.hub.wait(connection, id);
        let over = async {
            match timeout {
                Some(span) => tokio::time::sleep(span).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(over);
        loop {
            let changed = waiting.next();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let record = self.own_record(agent, id)?;
            if matches!(record.progress.state(), State::Released | State::Collected) {
                match self.offer(connection, agent, id).await? {
                    Some(answer) => return Ok(answer),
                    None => continue,
                }
            }
            if ended(&record) {
                // Judged again by what is answered with: a revision in between
                // takes a case back out of manual review, and the wait goes on.
                let (record, payload, _) = self.own(agent, id)?;
                if ended(&record) {
                    return self.answer(&record, &payload);
                }
                continue;
            }
            tokio::select! {
                () = changed => {}
                () = &mut over => break,
            }
        }
        let (record, payload, _) = self.own(agent, id)?;
        self.answer(&record, &payload)
    }

    fn answer(&self, record: &Record, payload: &Payload) -> Result<Answered, Failure> {
        Ok(self.store.read(|read| answered(read, record, payload))?)
    }

    fn own_record(&self, agent: &str, id: &str) -> Result<Record, Failure> {
        self.store
            .read(|read| read.handoff(id))?
            .filter(|record| record.agent == agent)
            .ok_or_else(|| Failure::no_such_handoff(id))
    }

    fn holder(&self, connection: u64) -> String {
        format!("{}:{connection}", self.run)
    }

    /// Offers the decision. There is none any more where the agent has made
    /// another proposal since it was seen: the reviewer had asked for one.
    async fn offer(
        &self,
        connection: u64,
        agent: &str,
        id: &str,
    ) -> Result<Option<Answered>, Failure> {
        // After a sleep nobody's lease has lapsed before it could be renewed.
        self.notice_gaps().await?;
        let moment = self.moment();
        let lease = random_hex(12);
        let event = Event::Offer { lease: lease.clone(), holder: self.holder(connection) };
        let (handoff, owner) = (id.to_owned(), agent.to_owned());
        let granted = self.watched(
            self.store
                .write(move |write| {
                    let now = moment.now(write)?;
                    let record = owned(write, &handoff, Some(&owner))?;
                    match transition(&record.progress, &record.traits, event, now) {
                        Ok(progress) => {
                            change(write, record, progress, Actor::Agent, "", Value::Null, now)
                                .map(Some)
                        }
                        // Somebody else acts, or it was reconciled meanwhile:
                        // the decision can be read all the same.
                        Err(Refusal::WrongLease | Refusal::NoEdge { .. }) => Ok(None),
                        Err(refusal) => Err(Failure::from(refusal)),
                    }
                })
                .await,
        )?;
        let (record, payload, _) = self.own(agent, id)?;
        // What is decided anew is held, and not there to be told yet.
        if record.progress.phase.released_decision().is_none() && !ended(&record) {
            return Ok(None);
        }
        let mut answer = self.answer(&record, &payload)?;
        if granted.is_some() {
            let there = self.hub.lease(connection, id);
            self.leased.notify_one();
            if !there {
                // It closed while this was stored, and nobody else frees it.
                self.gone(connection, vec![id.to_owned()]).await;
            }
            let held = record.progress.phase.lease();
            if let Some(held) = held.filter(|held| held.id == lease) {
                answer.act = true;
                answer.lease =
                    Some(LeaseGrant { id: held.id.clone(), expires_at: held.expires_at });
            }
        }
        Ok(Some(answer))
    }

    /// The client has what carried this lease.
    pub(crate) async fn acknowledge(
        &self,
        connection: u64,
        agent: &str,
        lease: &str,
    ) -> Result<Value, Failure> {
        let held = self.hub.leases();
        let mine = held.iter().filter(|(holder, _)| *holder == connection);
        for (_, id) in mine {
            match self.has_it(connection, agent, id, lease, "collected").await {
                Err(failure) if failure.0.code == handoff_protocol::wire::ErrorCode::Conflict => {}
                told => return told,
            }
        }
        // It was given to an earlier connection of this client, which is gone:
        // where it is known to nobody else, it is this one's.
        let stored = self.store.read(|read| read.of_lease(agent, lease))?;
        let stored = stored.filter(|record| held.iter().all(|(_, leased)| *leased != record.id));
        let Some(record) = stored else { return Err(Failure::from(Refusal::WrongLease)) };
        // Acknowledged before, it is only held by another from now on.
        let kind = if record.progress.state() == State::Collected { "" } else { "collected" };
        let told = self.has_it(connection, agent, &record.id, lease, kind).await?;
        if self.hub.lease(connection, &record.id) {
            self.leased.notify_one();
        }
        Ok(told)
    }

    async fn has_it(
        &self,
        connection: u64,
        agent: &str,
        id: &str,
        lease: &str,
        kind: &'static str,
    ) -> Result<Value, Failure> {
        let event = Event::Acknowledge {
            lease: lease.to_owned(),
            holder: self.holder(connection),
            report_by: self.report_by(),
        };
        self.apply(id, Some(agent), event, Actor::Agent, kind, json!({})).await?;
        self.retire(id);
        self.sooner.notify_one();
        Ok(json!({}))
    }

    /// By when an agent that acts from now on is to report, where that is waited for.
    pub(crate) fn report_by(&self) -> Option<DateTime<Utc>> {
        let within = lock(&self.settings).report_within_s;
        (within > 0).then(|| self.now() + TimeDelta::seconds(i64::from(within)))
    }

    /// A connection is gone: what it was offered and never acknowledged is
    /// free for the next client.
    pub(crate) async fn gone(&self, connection: u64, handoffs: Vec<String>) {
        for id in handoffs {
            let event = Event::Holder { holder: self.holder(connection), present: false };
            if let Err(failure) = self.apply(&id, None, event, Actor::System, "", Value::Null).await
            {
                tracing::warn!(id, error = failure.0.message, "a lease could not be freed");
            }
        }
    }

    /// Renews the leases of those who are still connected, all in one change:
    /// nobody else sees a difference.
    pub(crate) async fn renew(&self) {
        let leases = self.hub.leases();
        let held: Vec<(String, String)> =
            leases.iter().map(|(connection, id)| (self.holder(*connection), id.clone())).collect();
        let moment = self.moment();
        let renewed: Result<Vec<bool>, Failure> = self
            .store
            .write_soon(move |write| {
                let now = moment.now(write)?;
                held.into_iter()
                    .map(|(holder, id)| {
                        let record = owned(write, &id, None)?;
                        let event = Event::Holder { holder, present: true };
                        let progress = transition(&record.progress, &record.traits, event, now)?;
                        write.keep(&record, &progress)?;
                        Ok(matches!(progress.state(), State::Released | State::Collected))
                    })
                    .collect()
            })
            .await;
        match renewed {
            Ok(still) => {
                let over = leases.into_iter().zip(still).filter(|(_, still)| !still);
                over.for_each(|((connection, id), _)| self.hub.forget_lease(connection, &id));
            }
            Err(failure) => {
                tracing::warn!(error = failure.0.message, "leases were not renewed");
            }
        }
    }
}

/// Whether a wait for it has nothing more to come, without a decision to collect.
fn ended(record: &Record) -> bool {
    match record.progress.state() {
        State::Reconciled | State::Withdrawn | State::Superseded => true,
        State::Ready => record.has(Flag::ManualReview),
        State::Queued | State::Decided | State::Released | State::Collected => false,
    }
}
