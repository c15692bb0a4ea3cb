//! The record as replays and insights read it: all of it, once, in order.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use handoff_domain::lifecycle::{Progress, Traits};
use rusqlite::params;

use crate::rows::{instant, millis};
use crate::{Read, StoreError};

/// A question that was asked, as it is stored.
#[derive(Debug, Clone)]
pub struct PastRow {
    /// Its place.
    pub seq: i64,
    /// Who asked.
    pub agent: String,
    /// The question, as JSON.
    pub asked: String,
    /// What the call was found to do before any rule, as JSON.
    pub judged: String,
    /// What the gate gave, as JSON.
    pub gave: String,
    /// What the triggers said, as JSON.
    pub evidence: String,
    /// How far it went towards the bounds of the triggers, as JSON.
    pub measured: String,
    /// The level in force, as JSON.
    pub level: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Where the handoff stands that it became.
    pub progress: Option<Progress>,
    /// What it was let run for, by itself or by the decision on it, was taken back.
    pub undone: bool,
}

/// A handoff that was decided, as it is stored.
#[derive(Debug, Clone)]
pub struct DecidedRow {
    /// Its id.
    pub id: String,
    /// Who asked.
    pub agent: String,
    /// Where it stands.
    pub progress: Progress,
    /// What the lifecycle needs to know of the proposal.
    pub traits: Traits,
    /// The proposal, as JSON.
    pub payload: String,
    /// Since when the reviewer had the proposal before them that was decided: they
    /// had opened it, it had changed, or the answer before was taken back.
    pub opened_at: Option<DateTime<Utc>>,
    /// When it was decided.
    pub decided_at: DateTime<Utc>,
}

/// A handoff that an agent made of its own accord.
#[derive(Debug, Clone)]
pub struct SubmittedRow {
    /// Who.
    pub agent: String,
    /// Why, as the contract names it.
    pub reason: String,
    /// When.
    pub at: DateTime<Utc>,
}

impl Read<'_> {
    /// The last questions since then, oldest first, at most `limit`.
    pub fn past_checks(
        &self,
        since: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<PastRow>, StoreError> {
        // A question that was held is carried out under a later one that used its
        // permit, or is recorded with no other.
        let mut statement = self.connection.prepare_cached(
            "WITH gone AS MATERIALIZED (
               SELECT agent, task, hash, id FROM actions WHERE status = 'undone'),
             asked AS MATERIALIZED (
               SELECT o.seq, o.handoff, g.agent, g.task, g.id FROM gone g JOIN checks o
               ON o.agent = g.agent AND o.task = g.task AND o.hash = g.hash
               AND (o.action = g.id OR o.action IS NULL AND o.done)),
             decided AS MATERIALIZED (
               SELECT handoff FROM asked WHERE handoff IS NOT NULL
               UNION SELECT p.handoff FROM gone g JOIN permits p ON p.agent = g.agent
               AND p.task = g.task AND p.hash = g.hash AND p.vouched
               WHERE (g.agent, g.task, g.id) NOT IN (SELECT agent, task, id FROM asked))
             SELECT c.seq, c.agent, c.asked, c.judged, c.gave, c.evidence, c.level, c.at,
               (SELECT h.progress FROM handoffs h WHERE h.id = c.handoff),
               c.seq IN (SELECT seq FROM asked)
                 OR c.handoff IS NOT NULL AND c.handoff IN (SELECT handoff FROM decided),
               c.measured
             FROM checks c WHERE c.at >= ? ORDER BY c.seq DESC LIMIT ?",
        )?;
        let mut rows = statement.query(params![millis(since), limit])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let progress: Option<String> = row.get(8)?;
            found.push(PastRow {
                seq: row.get(0)?,
                agent: row.get(1)?,
                asked: row.get(2)?,
                judged: row.get(3)?,
                gave: row.get(4)?,
                evidence: row.get(5)?,
                level: row.get(6)?,
                at: instant(row.get(7)?),
                progress: progress.map(|text| serde_json::from_str(&text)).transpose()?,
                undone: row.get(9)?,
                measured: row.get(10)?,
            });
        }
        found.reverse();
        Ok(found)
    }

    /// The last handoffs that were decided since then, oldest first, at most
    /// `limit`.
    pub fn decided_since(
        &self,
        since: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<DecidedRow>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT h.id, h.agent, h.progress, (SELECT p.json FROM payloads p
               WHERE p.handoff = h.seq ORDER BY p.revision DESC LIMIT 1),
               (SELECT max(e.at) FROM events e WHERE e.handoff = h.seq
                 AND e.kind IN ('opened', 'revised', 'reopened', 'contradicted', 'undone')
                 AND EXISTS (SELECT 1 FROM events o WHERE o.handoff = h.seq AND o.kind = 'opened')),
               (SELECT max(at) FROM events WHERE handoff = h.seq AND kind = 'decided'),
               h.traits
             FROM handoffs h WHERE h.list IN (1, 2) AND h.outcome IS NOT NULL
             AND h.changed_at >= ? ORDER BY h.changed_at DESC LIMIT ?",
        )?;
        let mut rows = statement.query(params![millis(since), limit])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let (Some(payload), Some(decided)) = (row.get(3)?, row.get::<_, Option<i64>>(5)?)
            else {
                continue;
            };
            found.push(DecidedRow {
                id: row.get(0)?,
                agent: row.get(1)?,
                progress: serde_json::from_str(row.get_ref(2)?.as_str().unwrap_or_default())?,
                traits: serde_json::from_str(row.get_ref(6)?.as_str().unwrap_or_default())?,
                payload,
                opened_at: row.get::<_, Option<i64>>(4)?.map(instant),
                decided_at: instant(decided),
            });
        }
        found.sort_by_key(|row| row.decided_at);
        Ok(found)
    }

    /// The last handoffs since then that an agent made itself, oldest first, at
    /// most `limit`: neither the desk's question about a call nor its draft.
    pub fn submitted_since(
        &self,
        since: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<SubmittedRow>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT h.agent, h.received_at, (SELECT p.json ->> '$.reason.code' FROM payloads p
               WHERE p.handoff = h.seq ORDER BY p.revision LIMIT 1)
             FROM handoffs h WHERE h.received_at >= ?
             AND NOT (h.key GLOB 'check:*' AND EXISTS (SELECT 1 FROM checks c WHERE c.handoff = h.id))
             AND NOT EXISTS (SELECT 1 FROM actions d WHERE d.draft = h.id)
             ORDER BY h.seq DESC LIMIT ?",
        )?;
        let mut rows = statement.query(params![millis(since), limit])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(SubmittedRow {
                agent: row.get(0)?,
                at: instant(row.get(1)?),
                reason: row.get::<_, Option<String>>(2)?.unwrap_or_default(),
            });
        }
        found.reverse();
        Ok(found)
    }

    /// When actions were recorded since then that nobody had asked about, by
    /// agent, oldest first, at most `limit`.
    pub fn unasked_since(
        &self,
        since: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<(String, DateTime<Utc>)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT a.agent, a.at FROM actions a WHERE a.at >= ? AND NOT EXISTS (
               SELECT 1 FROM checks c WHERE c.agent = a.agent AND c.task = a.task
               AND c.hash = a.hash)
             ORDER BY a.seq DESC LIMIT ?",
        )?;
        let mut found = statement
            .query_map(params![millis(since), limit], |row| {
                Ok((row.get(0)?, instant(row.get(1)?)))
            })?
            .collect::<Result<Vec<_>, _>>()?;
        found.reverse();
        Ok(found)
    }

    /// The facts that the actions of each task found, in the order they came:
    /// (when, name, value as JSON), by (agent, task).
    pub fn facts_found(&self) -> Result<FactsFound, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT a.agent, a.task, a.at, f.key, json_quote(f.value)
             FROM actions a, json_each(a.action, '$.facts') f ORDER BY a.seq",
        )?;
        let mut rows = statement.query([])?;
        let mut found = FactsFound::new();
        while let Some(row) = rows.next()? {
            let task: (String, String) = (row.get(0)?, row.get(1)?);
            let fact = (instant(row.get(2)?), row.get(3)?, row.get(4)?);
            found.entry(task).or_default().push(fact);
        }
        Ok(found)
    }
}

/// Facts by (agent, task): when each was found, its name, its value as JSON.
pub type FactsFound = HashMap<(String, String), Vec<(DateTime<Utc>, String, String)>>;
