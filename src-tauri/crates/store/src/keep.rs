//! Writing handoffs: each change is compare-and-set, with its event beside it.

use chrono::{DateTime, Utc};
use handoff_domain::action::Effect;
use handoff_domain::lifecycle::{Flag, Progress, Traits};
use rusqlite::params;

use crate::handoffs::{Entry, ListPart, NewHandoff, Proposal, Record};
use crate::rows::{effect_number, millis, priority_number};
use crate::{StoreError, Write, audit};

impl Write<'_> {
    /// Stores a handoff for the first time.
    pub fn insert(
        &self,
        new: &NewHandoff,
        progress: &Progress,
        now: DateTime<Utc>,
    ) -> Result<Record, StoreError> {
        let NewHandoff { id, agent, key, proposal } = new;
        self.connection
            .prepare_cached(
                "INSERT INTO handoffs (id, agent, key, task, title, question, priority, effect,
                   traits, progress, version, state, list, respond_by, received_at, changed_at,
                   timer_at, cold, high)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 1, ?11, ?12, ?13, ?14, ?14,
                   ?15, ?16, ?17)",
            )?
            .execute(params![
                id,
                agent,
                key,
                proposal.task,
                proposal.title,
                proposal.question,
                priority_number(proposal.priority),
                proposal.effect.map(effect_number),
                serde_json::to_string(&proposal.traits)?,
                serde_json::to_string(progress)?,
                progress.state().as_str(),
                ListPart::of(progress).number(),
                millis(progress.timing.respond_by),
                millis(now),
                progress.next_due().map(|(at, _)| millis(at)),
                progress.has(Flag::Cold),
                proposal.high,
            ])?;
        let seq = self.connection.last_insert_rowid();
        self.add_payload(seq, progress.revision, proposal)?;
        Ok(Record {
            seq,
            id: id.clone(),
            agent: agent.clone(),
            key: key.clone(),
            task: proposal.task.clone(),
            question: proposal.question.clone(),
            priority: proposal.priority,
            traits: proposal.traits.clone(),
            progress: progress.clone(),
            version: 1,
            received_at: now,
        })
    }

    /// Puts another proposal in the place of the present one.
    pub fn propose(
        &self,
        record: &Record,
        progress: &Progress,
        proposal: &Proposal,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "UPDATE handoffs SET task = ?2, title = ?3, question = ?4, priority = ?5,
                 effect = ?6, traits = ?7, high = ?8, announced = 0 WHERE seq = ?1",
            )?
            .execute(params![
                record.seq,
                proposal.task,
                proposal.title,
                proposal.question,
                priority_number(proposal.priority),
                proposal.effect.map(effect_number),
                serde_json::to_string(&proposal.traits)?,
                proposal.high,
            ])?;
        self.add_payload(record.seq, progress.revision, proposal)?;
        self.save(record, progress, now)
    }

    /// Keeps what the options of a card are found to do now.
    pub fn set_weighed(
        &self,
        seq: i64,
        effect: Option<Effect>,
        high: bool,
        traits: &Traits,
    ) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "UPDATE handoffs SET effect = ?2, high = ?3, traits = ?4 WHERE seq = ?1",
            )?
            .execute(params![
                seq,
                effect.map(effect_number),
                high,
                serde_json::to_string(traits)?
            ])?;
        Ok(())
    }

    /// Keeps what was found out about a proposal since it was stored; belongs
    /// before the change that depends on it.
    pub fn set_traits(&self, seq: i64, traits: &Traits) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("UPDATE handoffs SET traits = ?2 WHERE seq = ?1")?
            .execute(params![seq, serde_json::to_string(traits)?])?;
        Ok(())
    }

    /// Stores a new progress, if the record is still as it was read.
    pub fn save(
        &self,
        record: &Record,
        progress: &Progress,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let changed = self
            .connection
            .prepare_cached(
                "UPDATE handoffs SET progress = ?3, state = ?4, list = ?5, respond_by = ?6,
                 changed_at = ?7, timer_at = ?8, cold = ?9, version = version + 1
                 WHERE seq = ?1 AND version = ?2",
            )?
            .execute(params![
                record.seq,
                record.version,
                serde_json::to_string(progress)?,
                progress.state().as_str(),
                ListPart::of(progress).number(),
                millis(progress.timing.respond_by),
                millis(now),
                progress.next_due().map(|(at, _)| millis(at)),
                progress.has(Flag::Cold),
            ])?;
        if changed == 1 { Ok(()) } else { Err(StoreError::Stale) }
    }

    /// Stores a new progress that nobody sees a difference of, such as a lease
    /// that holds longer or a reminder at another time: its place in the lists stays.
    pub fn keep(&self, record: &Record, progress: &Progress) -> Result<(), StoreError> {
        let changed = self
            .connection
            .prepare_cached(
                "UPDATE handoffs SET progress = ?3, timer_at = ?4, version = version + 1
                 WHERE seq = ?1 AND version = ?2",
            )?
            .execute(params![
                record.seq,
                record.version,
                serde_json::to_string(progress)?,
                progress.next_due().map(|(at, _)| millis(at)),
            ])?;
        if changed == 1 { Ok(()) } else { Err(StoreError::Stale) }
    }

    /// Adds an event about something that is no handoff: `agent:NAME`,
    /// `rule:ID`, `desk`.
    pub fn log_about(&self, subject: &str, entry: &Entry) -> Result<(), StoreError> {
        audit::append_about(self.connection, subject, entry)
    }

    /// Keeps the decision in a few words, for the lists, and whether it goes
    /// against what was recommended; belongs before the decision itself.
    pub fn set_outcome(&self, seq: i64, outcome: &str, overrode: bool) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("UPDATE handoffs SET outcome = ?2, overrode = ?3 WHERE seq = ?1")?
            .execute(params![seq, outcome, overrode])?;
        Ok(())
    }

    /// Records what happened; belongs into the same change as what it records.
    pub fn log(&self, seq: i64, entry: &Entry) -> Result<(), StoreError> {
        audit::append(self.connection, seq, entry)?;
        if matches!(entry.kind.as_str(), "notified" | "not_notified") {
            self.connection
                .prepare_cached(
                    "UPDATE handoffs SET announced = 1 WHERE seq = ? AND announced = 0",
                )?
                .execute([seq])?;
        }
        Ok(())
    }

    fn add_payload(&self, seq: i64, revision: u32, proposal: &Proposal) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO payloads (handoff, revision, fingerprint, json) VALUES (?, ?, ?, ?)",
            )?
            .execute(params![seq, revision, proposal.fingerprint, proposal.json])?;
        self.connection
            .prepare_cached("INSERT OR IGNORE INTO to_index (handoff) VALUES (?)")?
            .execute([seq])?;
        Ok(())
    }
}
