//! The handoffs, their payloads and their events: what they are, and finding
//! them. How they are written is in [`crate::keep`].

use std::iter;

use chrono::{DateTime, Utc};
use handoff_domain::action::Effect;
use handoff_domain::lifecycle::{Flag, Progress, State, Traits};
use handoff_domain::payload::Priority;
use rusqlite::types::Value;
use rusqlite::{OptionalExtension as _, params, params_from_iter};

use crate::rows::{COLUMNS, instant, millis, row};
use crate::{Read, StoreError, search};

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
    /// Whether one of them is of high risk.
    pub high: bool,
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
    /// Ready, and not in manual review.
    Inbox,
    /// Decided, released and collected.
    Waiting,
    /// Over.
    Done,
    /// Ready, and in manual review.
    Review,
    /// Queued behind the other questions of its agent.
    Queued,
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

const FLOODED: &str = "(high = 1 AND agent IN (SELECT agent FROM tallies WHERE list = 4
       AND count > 0)) DESC, respond_by, priority DESC, effect DESC, seq";

impl ListPart {
    /// The list in which a handoff stands.
    pub fn of(progress: &Progress) -> Self {
        let [list, review] = Self::with(progress.state());
        if progress.has(Flag::ManualReview) { review } else { list }
    }

    /// The list of a state: without manual review, and with it.
    fn with(state: State) -> [Self; 2] {
        match state {
            State::Queued => [Self::Queued; 2],
            State::Ready => [Self::Inbox, Self::Review],
            State::Decided | State::Released | State::Collected => [Self::Waiting; 2],
            State::Reconciled | State::Withdrawn | State::Superseded => [Self::Done; 2],
        }
    }

    pub(crate) fn number(self) -> i64 {
        match self {
            Self::Inbox => 0,
            Self::Waiting => 1,
            Self::Done => 2,
            Self::Review => 3,
            Self::Queued => 4,
        }
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

    /// How many handoffs are in the inbox, waiting, done, in review, and queued.
    pub fn counts(&self) -> Result<[u32; 5], StoreError> {
        let mut counts = [0; 5];
        let mut statement =
            self.connection.prepare_cached("SELECT list, sum(count) FROM tallies GROUP BY list")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            if let Some(count) = counts.get_mut(usize::from(row.get::<_, u8>(0)?)) {
                *count = row.get(1)?;
            }
        }
        Ok(counts)
    }

    /// The handoff of this agent whose decision was given out under this lease,
    /// if that is still so.
    pub fn of_lease(&self, agent: &str, lease: &str) -> Result<Option<Record>, StoreError> {
        self.one(
            "list = 1 AND agent = ?1
             AND ?2 IN (progress ->> '$.offer.id', progress ->> '$.lease.id')",
            params![agent, lease],
        )
    }

    /// A part of a list, and how many there are in all. The inbox comes by what
    /// runs out first, then by priority and by what it does at worst, everything
    /// else newest first; what is searched for by how well it fits. While an agent
    /// asks more than is shown, what is of high risk comes before all else of it.
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
        let filter = if filters.is_empty() { "1".to_owned() } else { filters.join(" AND ") };
        let order = match page.list {
            Some(ListPart::Inbox) if !self.backlogs()?.is_empty() => FLOODED,
            Some(ListPart::Inbox | ListPart::Review | ListPart::Queued) => {
                "respond_by, priority DESC, effect DESC, seq"
            }
            Some(ListPart::Waiting | ListPart::Done) => "changed_at DESC, seq DESC",
            None => "seq DESC",
        };
        if let Some(query) = page.search.as_deref().and_then(search::query) {
            return self.found(
                &query,
                (!filters.is_empty()).then_some(&filter),
                values,
                page.limit,
            );
        }
        let total = if page.list.is_some() && filters.len() == 1 {
            "SELECT coalesce(sum(count), 0) FROM tallies WHERE list = ?".to_owned()
        } else {
            format!("SELECT count(*) FROM handoffs WHERE {filter}")
        };
        let total = self
            .connection
            .prepare_cached(&total)?
            .query_row(params_from_iter(&values), |row| row.get(0))?;
        values.push(Value::Integer(page.limit.into()));
        let part = format!("handoffs WHERE {filter} ORDER BY {order} LIMIT ?");
        Ok((self.rows(&part, &values)?, total))
    }

    /// What is found: called exactly so, called something that begins so, then
    /// all else; the newest first in each. How many there are in all.
    fn found(
        &self,
        query: &search::Query,
        filter: Option<&String>,
        mut values: Vec<Value>,
        limit: u32,
    ) -> Result<(Vec<Row>, u32), StoreError> {
        values.push(Value::Text(query.all.clone()));
        let total = match filter {
            Some(filter) => format!(
                "SELECT count(*) FROM handoffs WHERE {filter}
                 AND seq IN (SELECT rowid FROM search WHERE search MATCH ?)"
            ),
            None => "SELECT count(*) FROM search WHERE search MATCH ?".to_owned(),
        };
        let total = self
            .connection
            .prepare_cached(&total)?
            .query_row(params_from_iter(&values), |row| row.get(0))?;
        let filter = filter.map_or("1", String::as_str);
        let mut rows = Vec::new();
        for rank in &query.ranks {
            let left = limit.saturating_sub(u32::try_from(rows.len()).unwrap_or(u32::MAX));
            if left == 0 {
                break;
            }
            values.pop();
            values.push(Value::Text(rank.clone()));
            let mut values = values.clone();
            values.push(Value::Integer(left.into()));
            // The index knows the order of arrival; left to itself SQLite
            // would look through all handoffs for those that are found.
            let part = format!(
                "search CROSS JOIN handoffs ON seq = search.rowid WHERE {filter}
                 AND search MATCH ? ORDER BY search.rowid DESC LIMIT ?"
            );
            rows.extend(self.rows(&part, &values)?);
        }
        Ok((rows, total))
    }

    fn rows(&self, part: &str, values: &[Value]) -> Result<Vec<Row>, StoreError> {
        let mut statement =
            self.connection.prepare_cached(&format!("SELECT {COLUMNS} FROM {part}"))?;
        statement
            .query_map(params_from_iter(values), row)?
            .map(|found| found.map_err(StoreError::from).flatten())
            .collect()
    }

    /// The ids of the handoffs in this state.
    pub fn ids_in(&self, state: State) -> Result<Vec<String>, StoreError> {
        let [some, others] = ListPart::with(state).map(ListPart::number);
        let mut statement = self.connection.prepare_cached(
            "SELECT id FROM handoffs WHERE list IN (?, ?) AND state = ? ORDER BY seq",
        )?;
        let ids = statement
            .query_map(params![some, others, state.as_str()], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        Ok(ids)
    }

    /// The ids of the handoffs that are not over, the oldest first.
    pub fn open_ids(&self) -> Result<Vec<String>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT id FROM handoffs WHERE list IN (0, 1, 3, 4) ORDER BY seq")?;
        let ids = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(ids)
    }

    /// The ids of handoffs whose timer is due, the oldest first, some at a time.
    pub fn due(&self, now: DateTime<Utc>) -> Result<Vec<String>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id FROM handoffs WHERE timer_at <= ? ORDER BY timer_at LIMIT 500",
        )?;
        let ids =
            statement.query_map([millis(now)], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(ids)
    }

    /// The same, all of them.
    pub fn due_ids(&self, now: DateTime<Utc>) -> Result<Vec<String>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT id FROM handoffs WHERE timer_at <= ? ORDER BY timer_at")?;
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

    /// The latest event of any of these kinds in the life of a handoff.
    pub fn latest_entry<const N: usize>(
        &self,
        seq: i64,
        kinds: [&str; N],
    ) -> Result<Option<Entry>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT at, actor, kind, data FROM events
             WHERE handoff = ? AND kind IN ({}) ORDER BY seq DESC LIMIT 1",
            ["?"; N].join(", ")
        ))?;
        let values = kinds.iter().map(|kind| Value::from((*kind).to_owned()));
        let found = statement
            .query_row(params_from_iter(iter::once(Value::from(seq)).chain(values)), |row| {
                Ok((instant(row.get(0)?), row.get(1)?, row.get(2)?, row.get::<_, String>(3)?))
            })
            .optional()?;
        let entry = |(at, actor, kind, data): (_, _, _, String)| {
            Ok(Entry { at, actor, kind, data: serde_json::from_str(&data)? })
        };
        found.map(entry).transpose()
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

impl Record {
    /// Whether it carries a flag.
    pub fn has(&self, flag: Flag) -> bool {
        self.progress.has(flag)
    }
}
