//! The questions that wait behind the others of their agent, and the cards that
//! were shown lately. How many an agent may have is not known here.

use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension as _, params};

use crate::handoffs::ListPart;
use crate::rows::{instant, millis};
use crate::{Read, StoreError, Write};

impl Read<'_> {
    /// The agents whose questions wait behind others, with how many they are.
    pub fn backlogs(&self) -> Result<Vec<(String, u32)>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT agent, count FROM tallies WHERE list = ? AND count > 0")?;
        let found = statement
            .query_map([ListPart::Queued.number()], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        Ok(found)
    }

    /// How many questions of this agent wait behind others.
    pub fn backlog(&self, agent: &str) -> Result<u32, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT coalesce(sum(count), 0) FROM tallies WHERE agent = ? AND list = ?",
        )?;
        Ok(statement.query_row(params![agent, ListPart::Queued.number()], |row| row.get(0))?)
    }

    /// The first of them, in the order they were asked.
    pub fn queued(&self, agent: &str, limit: u32) -> Result<Vec<String>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id FROM handoffs WHERE list = ? AND agent = ? ORDER BY seq LIMIT ?",
        )?;
        let ids = statement
            .query_map(params![ListPart::Queued.number(), agent, limit], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        Ok(ids)
    }

    /// Whether this handoff asks what is always asked: it cannot be undone, or
    /// nobody knows what it does.
    pub fn is_mandatory(&self, handoff: &str) -> Result<bool, StoreError> {
        Ok(self
            .connection
            .prepare_cached("SELECT 1 FROM checks WHERE handoff = ? AND mandatory = 1")?
            .exists([handoff])?)
    }

    /// When the `nth` newest card of this agent, counted from 1, came before
    /// the reviewer, if that was after `since` and by `now`; cards that are
    /// always shown do not count.
    pub fn shown(
        &self,
        agent: &str,
        nth: u32,
        since: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        let at: Option<i64> = self
            .connection
            .prepare_cached(
                "SELECT shown_at FROM checks WHERE agent = ? AND shown_at IS NOT NULL
                 AND mandatory = 0 AND shown_at > ? AND shown_at <= ?
                 ORDER BY shown_at DESC LIMIT 1 OFFSET ?",
            )?
            .query_row(params![agent, millis(since), millis(now), nth.saturating_sub(1)], |row| {
                row.get(0)
            })
            .optional()?;
        Ok(at.map(instant))
    }
}

impl Write<'_> {
    /// Notes that the card of a question has come before the reviewer.
    pub fn note_shown(&self, handoff: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("UPDATE checks SET shown_at = ?2 WHERE handoff = ?1")?
            .execute(params![handoff, millis(now)])?;
        Ok(())
    }
}
