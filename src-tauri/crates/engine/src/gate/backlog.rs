//! Floods: an agent has so many new cards in an hour, and what it asks or hands
//! over beyond that waits behind them, queued, until the hour or the reviewer
//! allows it.
//!
//! It only puts cards off. What is queued stays held and its deadline stands
//! still; what is of high risk is never put off, and counts for nothing.

use chrono::{DateTime, TimeDelta, Utc};
use handoff_domain::lifecycle::{Event, transition};
use handoff_protocol::view::{Backlog, Change};
use handoff_store::{Read, Record, StoreError, Write};
use serde_json::json;

use crate::news::News;
use crate::{Actor, Desk, Engine, Failure, change, lock, log, owned};

/// The time that cards are counted over.
const HOUR: TimeDelta = TimeDelta::hours(1);

/// What the place of a notice begins with that tells of cards behind others.
pub(crate) const BEHIND: &str = "backlog:";

/// How many cards come out in one change.
const AT_ONCE: u32 = 200;

/// Where a new card stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Before the reviewer.
    Shown,
    /// Behind the others of its agent, the first of those.
    FirstBehind,
    /// Behind the others of its agent.
    Behind,
}

/// Where the next card of an agent stands that may be put off.
pub(crate) fn place(
    write: &Write<'_>,
    agent: &str,
    most: u32,
    now: DateTime<Utc>,
) -> Result<Place, StoreError> {
    let behind = write.read().backlog(agent)?;
    if most == 0 || behind == 0 && opens_at(&write.read(), agent, most, now)?.is_none() {
        Ok(Place::Shown)
    } else {
        Ok(if behind == 0 { Place::FirstBehind } else { Place::Behind })
    }
}

/// When the next card of an agent may come out; none if it may now.
fn opens_at(
    read: &Read<'_>,
    agent: &str,
    most: u32,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    if most == 0 {
        return Ok(None);
    }
    Ok(read.shown(agent, most, now - HOUR, now)?.map(|at| at + HOUR))
}

impl Engine {
    /// Shows all questions of an agent that wait behind others; the reviewer
    /// asks for them, so that no notification tells of each.
    pub async fn show_queued(&self, agent: &str) -> Result<u32, Failure> {
        let desk = &self.desk;
        let mut shown = 0;
        loop {
            let some = desk.bring_out(agent, None).await?;
            if some.is_empty() {
                return Ok(shown);
            }
            shown += u32::try_from(some.len()).unwrap_or(u32::MAX);
            desk.told_of_shown(&some);
            self.retire_what_is_over();
        }
    }

    /// Tells the reviewer of a new card, or that it waits behind so much else:
    /// of that once.
    pub(crate) fn announce_new(&self, agent: &str, id: &str, place: Place) {
        match place {
            Place::Shown => self.announce(id),
            Place::FirstBehind => self.tell_news(News::Behind { agent: agent.to_owned() }),
            Place::Behind => {}
        }
    }

    /// Shows what the hour allows; says when it allows more.
    pub(crate) async fn show_next(&self) -> Result<Option<DateTime<Utc>>, Failure> {
        let desk = &self.desk;
        let mut next: Option<DateTime<Utc>> = None;
        for (agent, _) in desk.store.read(|read| read.backlogs())? {
            let most = lock(&desk.settings).cards_per_hour;
            loop {
                let now = desk.now();
                if let Some(at) = desk.store.read(|read| opens_at(read, &agent, most, now))? {
                    next = Some(next.map_or(at, |next| next.min(at)));
                    break;
                }
                let some = desk.bring_out(&agent, Some(most)).await?;
                if some.is_empty() {
                    break;
                }
                desk.told_of_shown(&some);
                for record in &some {
                    self.announce(&record.id);
                }
            }
        }
        self.retire_what_is_over();
        Ok(next)
    }
}

/// Puts a card before the reviewer that waited behind others.
pub(super) fn bring_out(
    write: &Write<'_>,
    record: Record,
    remind_at: Option<DateTime<Utc>>,
    by: Actor,
    now: DateTime<Utc>,
) -> Result<Record, Failure> {
    let ready = transition(&record.progress, &record.traits, Event::Present, now)?;
    let ready = transition(&ready, &record.traits, Event::Plan { remind_at }, now)?;
    let record = change(write, record, ready, by, "ready", json!({}), now)?;
    write.note_shown(&record.id, now)?;
    Ok(record)
}

impl Desk {
    /// The agents whose questions wait behind others, for the window.
    pub(crate) fn backlogs(&self, read: &Read<'_>) -> Result<Vec<Backlog>, StoreError> {
        let (now, most) = (self.now(), lock(&self.settings).cards_per_hour);
        let one = |(agent, count): (String, u32)| {
            let next_at = opens_at(read, &agent, most, now)?;
            Ok(Backlog { agent, count, next_at })
        };
        read.backlogs()?.into_iter().map(one).collect()
    }

    /// Puts the next of an agent's questions before the reviewer: some of
    /// them, one where an hour's number is given.
    async fn bring_out(&self, agent: &str, most: Option<u32>) -> Result<Vec<Record>, Failure> {
        let (agent, now) = (agent.to_owned(), self.now());
        let alerts = self.alerts();
        let zone = self.clock.zone();
        self.watched(
            self.store
                .write(move |write| {
                    let limit = match most {
                        Some(most) if opens_at(&write.read(), &agent, most, now)?.is_some() => 0,
                        Some(most) if most > 0 => 1,
                        Some(_) | None => AT_ONCE,
                    };
                    let mut shown = Vec::new();
                    for id in write.read().queued(&agent, limit)? {
                        let record = owned(write, &id, None)?;
                        let seq = record.seq;
                        let remind_at = alerts.first_reminder(record.priority, now, &zone);
                        let by = if most.is_some() { Actor::System } else { Actor::Reviewer };
                        shown.push(bring_out(write, record, remind_at, by, now)?);
                        if most.is_none() {
                            let data = json!({ "attempt": "inhibited", "why": "you asked for it" });
                            log(write, seq, Actor::System, "not_notified", data, now)?;
                        }
                    }
                    Ok::<Vec<Record>, Failure>(shown)
                })
                .await,
        )
    }

    fn told_of_shown(&self, some: &[Record]) {
        for record in some {
            self.hub.changed(&record.agent, &record.id);
        }
        self.hub.tell(&Change::Status);
        self.sooner.notify_one();
    }
}
