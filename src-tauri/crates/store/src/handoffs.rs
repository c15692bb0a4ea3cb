//! The handoffs, their payloads and their events.

use chrono::{DateTime, Utc};
use handoff_domain::action::Effect;
use handoff_domain::lifecycle::{Flag, Progress, State, Traits};
use handoff_domain::payload::Priority;
use rusqlite::types::Value;
use rusqlite::{OptionalExtension as _, params, params_from_iter};

use crate::{Read, StoreError, Write, search};

/// A handoff that is about to be stored for the first time.
#[derive(Debug, Clone)]
pub struct NewHandoff {
    /// Its id.
    pub id: String,
    /// Who submits it.
    pub agent: String,
    /// Its idempotency key.
    pub key: String,
    /// What its payload is.
    pub proposal: Proposal,
}

/// What is stored of each proposal.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// SHA-256 over its canonical form.
    pub fingerprint: String,
    /// Its text.
    pub json: String,
    /// The id of its task.
    pub task: String,
    /// The title of its task.
    pub title: String,
    /// The question.
    pub question: String,
    /// How much it matters.
    pub priority: Priority,
    /// The worst effect among its options.
    pub effect: Option<Effect>,
    /// What the lifecycle needs to know of it.
    pub traits: Traits,
}

/// A handoff without its payload.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its place in the order of arrival.
    pub seq: i64,
    /// Its id.
    pub id: String,
    /// Who submitted it.
    pub agent: String,
    /// Its idempotency key.
    pub key: String,
    /// The id of its task.
    pub task: String,
    /// The question.
    pub question: String,
    /// How much it matters.
    pub priority: Priority,
    /// What the lifecycle needs to know of the payload.
    pub traits: Traits,
    /// Where it stands.
    pub progress: Progress,
    /// Counts the changes, for compare-and-set.
    pub version: i64,
    /// When it was received.
    pub received_at: DateTime<Utc>,
}

/// A line of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The handoff.
    pub record: Record,
    /// The title of its task.
    pub title: String,
    /// The worst effect among its options.
    pub effect: Option<Effect>,
    /// The decision in a few words; means nothing while there is none.
    pub outcome: Option<String>,
}

/// Which handoffs a list is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListPart {
    /// Queued and ready.
    Inbox,
    /// Decided, released and collected.
    Waiting,
    /// Over.
    Done,
}

/// Which part of which list.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// Only this list.
    pub list: Option<ListPart>,
    /// Only this agent's.
    pub agent: Option<String>,
    /// Only in this state.
    pub state: Option<State>,
    /// Only those with all these words.
    pub search: Option<String>,
    /// How many at most.
    pub limit: u32,
}

/// Something that happened to a handoff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: DateTime<Utc>,
    /// Who: `agent`, `reviewer` or `System`.
    pub actor: String,
    /// What, in one word.
    pub kind: String,
    /// More about it, as JSON.
    pub data: serde_json::Value,
}

impl ListPart {
    /// The list in which a handoff of this state stands.
    pub fn of(state: State) -> Self {
        match state {
            State::Queued | State::Ready => Self::Inbox,
            State::Decided | State::Released | State::Collected => Self::Waiting,
            State::Reconciled | State::Withdrawn | State::Superseded => Self::Done,
        }
    }

    fn number(self) -> i64 {
        match self {
            Self::Inbox => 0,
            Self::Waiting => 1,
            Self::Done => 2,
        }
    }
}

pub(crate) fn millis(at: DateTime<Utc>) -> i64 {
    at.timestamp_millis()
}

pub(crate) fn instant(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis).unwrap_or_default()
}

const COLUMNS: &str = "seq, id, agent, key, task, title, question, priority, effect, traits,
    progress, version, received_at, outcome";

fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Result<Row, StoreError>> {
    let traits: String = row.get(9)?;
    let progress: String = row.get(10)?;
    let parsed = || -> Result<Row, StoreError> {
        Ok(Row {
            title: row.get(5)?,
            outcome: row.get(13)?,
            effect: row.get::<_, Option<i64>>(8)?.map(effect_from),
            record: Record {
                seq: row.get(0)?,
                id: row.get(1)?,
                agent: row.get(2)?,
                key: row.get(3)?,
                task: row.get(4)?,
                question: row.get(6)?,
                priority: priority_from(row.get(7)?),
                traits: serde_json::from_str(&traits)?,
                progress: serde_json::from_str(&progress)?,
                version: row.get(11)?,
                received_at: instant(row.get(12)?),
            },
        })
    };
    Ok(parsed())
}

fn priority_number(priority: Priority) -> i64 {
    match priority {
        Priority::Low => 0,
        Priority::Normal => 1,
        Priority::High => 2,
        Priority::Urgent => 3,
    }
}

fn priority_from(number: i64) -> Priority {
    match number {
        0 => Priority::Low,
        1 => Priority::Normal,
        2 => Priority::High,
        _ => Priority::Urgent,
    }
}

fn effect_number(effect: Effect) -> i64 {
    match effect {
        Effect::Read => 0,
        Effect::Reversible => 1,
        Effect::Irreversible => 2,
    }
}

fn effect_from(number: i64) -> Effect {
    match number {
        0 => Effect::Read,
        1 => Effect::Reversible,
        _ => Effect::Irreversible,
    }
}

impl Read<'_> {
    /// The handoff with this id.
    pub fn handoff(&self, id: &str) -> Result<Option<Record>, StoreError> {
        self.one("id = ?1", params![id])
    }

    /// The handoff an agent submitted under this key.
    pub fn handoff_by_key(&self, agent: &str, key: &str) -> Result<Option<Record>, StoreError> {
        self.one("agent = ?1 AND key = ?2", params![agent, key])
    }

    fn one(
        &self,
        filter: &str,
        values: impl rusqlite::Params,
    ) -> Result<Option<Record>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM handoffs WHERE {filter}");
        self.connection
            .prepare_cached(&sql)?
            .query_row(values, row)
            .optional()?
            .transpose()
            .map(|found| found.map(|row| row.record))
    }

    /// The text of a proposal.
    pub fn payload(&self, seq: i64, revision: u32) -> Result<Option<String>, StoreError> {
        Ok(self
            .connection
            .prepare_cached("SELECT json FROM payloads WHERE handoff = ? AND revision = ?")?
            .query_row(params![seq, revision], |row| row.get(0))
            .optional()?)
    }

    /// The fingerprint of a proposal.
    pub fn fingerprint(&self, seq: i64, revision: u32) -> Result<Option<String>, StoreError> {
        Ok(self
            .connection
            .prepare_cached("SELECT fingerprint FROM payloads WHERE handoff = ? AND revision = ?")?
            .query_row(params![seq, revision], |row| row.get(0))
            .optional()?)
    }

    /// Whether this content was proposed before, in any revision.
    pub fn was_proposed(&self, seq: i64, fingerprint: &str) -> Result<bool, StoreError> {
        Ok(self
            .connection
            .prepare_cached("SELECT 1 FROM payloads WHERE handoff = ? AND fingerprint = ?")?
            .exists(params![seq, fingerprint])?)
    }

    /// The title of the task of a handoff and the worst effect of its options.
    pub fn row(&self, id: &str) -> Result<Option<Row>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM handoffs WHERE id = ?1");
        self.connection.prepare_cached(&sql)?.query_row([id], row).optional()?.transpose()
    }

    /// How many handoffs are in the inbox, waiting, and done.
    pub fn counts(&self) -> Result<[u32; 3], StoreError> {
        let mut counts = [0; 3];
        let mut statement =
            self.connection.prepare_cached("SELECT list, count(*) FROM handoffs GROUP BY list")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            if let Some(count) = counts.get_mut(usize::from(row.get::<_, u8>(0)?)) {
                *count = row.get(1)?;
            }
        }
        Ok(counts)
    }

    /// A part of a list, and how many there are in all. The inbox and the
    /// waiting come by what runs out first, everything else newest first.
    pub fn page(&self, page: &Page) -> Result<(Vec<Row>, u32), StoreError> {
        let mut filters: Vec<&str> = Vec::new();
        let mut values: Vec<Value> = Vec::new();
        if let Some(list) = page.list {
            filters.push("list = ?");
            values.push(Value::Integer(list.number()));
        }
        if let Some(agent) = &page.agent {
            filters.push("agent = ?");
            values.push(Value::Text(agent.clone()));
        }
        if let Some(state) = page.state {
            filters.push("state = ?");
            values.push(Value::Text(state.as_str().to_owned()));
        }
        if let Some(words) = page.search.as_deref().and_then(search::query) {
            filters.push("seq IN (SELECT rowid FROM search WHERE search MATCH ?)");
            values.push(Value::Text(words));
        }
        let filter = if filters.is_empty() { "1".to_owned() } else { filters.join(" AND ") };
        let order = match page.list {
            Some(ListPart::Inbox) => "respond_by, priority DESC, seq",
            Some(ListPart::Waiting | ListPart::Done) => "changed_at DESC, seq DESC",
            None => "seq DESC",
        };
        let total = self
            .connection
            .prepare_cached(&format!("SELECT count(*) FROM handoffs WHERE {filter}"))?
            .query_row(params_from_iter(&values), |row| row.get(0))?;
        values.push(Value::Integer(page.limit.into()));
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM handoffs WHERE {filter} ORDER BY {order} LIMIT ?"
        ))?;
        let rows = statement
            .query_map(params_from_iter(&values), row)?
            .map(|found| found.map_err(StoreError::from).flatten())
            .collect::<Result<_, _>>()?;
        Ok((rows, total))
    }

    /// The ids of the handoffs in this state.
    pub fn ids_in(&self, state: State) -> Result<Vec<String>, StoreError> {
        let list = ListPart::of(state).number();
        let mut statement = self
            .connection
            .prepare_cached("SELECT id FROM handoffs WHERE list = ? AND state = ? ORDER BY seq")?;
        let ids = statement
            .query_map(params![list, state.as_str()], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        Ok(ids)
    }

    /// The ids of the handoffs whose timer is due, the oldest first.
    pub fn due(&self, now: DateTime<Utc>) -> Result<Vec<String>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id FROM handoffs WHERE timer_at <= ? ORDER BY timer_at LIMIT 500",
        )?;
        let ids =
            statement.query_map([millis(now)], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(ids)
    }

    /// When the next timer is due.
    pub fn next_timer(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        let at: Option<i64> = self
            .connection
            .prepare_cached("SELECT min(timer_at) FROM handoffs WHERE timer_at IS NOT NULL")?
            .query_row([], |row| row.get(0))?;
        Ok(at.map(instant))
    }

    /// What happened to a handoff, oldest first.
    pub fn entries(&self, seq: i64) -> Result<Vec<Entry>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT at, actor, kind, data FROM events WHERE handoff = ? ORDER BY seq",
        )?;
        let mut rows = statement.query([seq])?;
        let mut entries = Vec::new();
        while let Some(row) = rows.next()? {
            entries.push(Entry {
                at: instant(row.get(0)?),
                actor: row.get(1)?,
                kind: row.get(2)?,
                data: serde_json::from_str(&row.get::<_, String>(3)?)?,
            });
        }
        Ok(entries)
    }
}

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
                   timer_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 1, ?11, ?12, ?13, ?14, ?14,
                   ?15)",
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
                ListPart::of(progress.state()).number(),
                millis(progress.timing.respond_by),
                millis(now),
                progress.next_timer().map(millis),
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
                 effect = ?6, traits = ?7 WHERE seq = ?1",
            )?
            .execute(params![
                record.seq,
                proposal.task,
                proposal.title,
                proposal.question,
                priority_number(proposal.priority),
                proposal.effect.map(effect_number),
                serde_json::to_string(&proposal.traits)?,
            ])?;
        self.add_payload(record.seq, progress.revision, proposal)?;
        self.save(record, progress, now)
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
                 changed_at = ?7, timer_at = ?8, version = version + 1
                 WHERE seq = ?1 AND version = ?2",
            )?
            .execute(params![
                record.seq,
                record.version,
                serde_json::to_string(progress)?,
                progress.state().as_str(),
                ListPart::of(progress.state()).number(),
                millis(progress.timing.respond_by),
                millis(now),
                progress.next_timer().map(millis),
            ])?;
        if changed == 1 { Ok(()) } else { Err(StoreError::Stale) }
    }

    /// Keeps the decision in a few words, for the lists.
    pub fn set_outcome(&self, seq: i64, outcome: &str) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("UPDATE handoffs SET outcome = ?2 WHERE seq = ?1")?
            .execute(params![seq, outcome])?;
        Ok(())
    }

    /// Records what happened; belongs into the same change as what it records.
    pub fn log(&self, seq: i64, entry: &Entry) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO events (handoff, at, actor, kind, data) VALUES (?, ?, ?, ?, ?)",
            )?
            .execute(params![
                seq,
                millis(entry.at),
                entry.actor,
                entry.kind,
                entry.data.to_string()
            ])?;
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

impl Record {
    /// Whether it carries a flag.
    pub fn has(&self, flag: Flag) -> bool {
        self.progress.has(flag)
    }
}
