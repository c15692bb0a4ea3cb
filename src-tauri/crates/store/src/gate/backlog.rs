//! The cards that wait behind the others of their agent, and those that were
//! shown lately. How many an agent may have is not known here.

use chrono::{DateTime, Utc};
use handoff_domain::action::Effect;
use rusqlite::{OptionalExtension as _, params};

use crate::handoffs::ListPart;
use crate::rows::{effect_from, instant, millis};
use crate::{Read, StoreError, Write};

impl Read<'_> {
    /// The agents whose cards wait behind others, with how many they are.
    pub fn backlogs(&self) -> Result<Vec<(String, u32)>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT agent, count FROM tallies WHERE list = ? AND count > 0")?;
        let found = statement
            .query_map([ListPart::Queued.number()], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        Ok(found)
    }

    /// How many cards of this agent wait behind others.
    pub fn backlog(&self, agent: &str) -> Result<u32, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT coalesce(sum(count), 0) FROM tallies WHERE agent = ? AND list = ?",
        )?;
        Ok(statement.query_row(params![agent, ListPart::Queued.number()], |row| row.get(0))?)
    }

    /// The first of them, in the order they came.
    pub fn queued(&self, agent: &str, limit: u32) -> Result<Vec<String>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id FROM handoffs WHERE list = ? AND agent = ? ORDER BY seq LIMIT ?",
        )?;
        let ids = statement
            .query_map(params![ListPart::Queued.number(), agent, limit], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        Ok(ids)
    }

    /// The next open cards after this place, in the order they came: those of an
    /// agent, or of all.
    pub fn open_cards(
        &self,
        agent: Option<&str>,
        after: i64,
        limit: u32,
    ) -> Result<Vec<(i64, String)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT seq, id FROM handoffs WHERE +list IN (0, 3, 4) AND seq > ?1
             AND (?2 IS NULL OR agent = ?2) ORDER BY seq LIMIT ?3",
        )?;
        let found = statement
            .query_map(params![after, agent, limit], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        Ok(found)
    }

    /// What the options of a card were last found to do at worst, and whether one
    /// of them is of high risk.
    pub fn weighed(&self, seq: i64) -> Result<(Option<Effect>, bool), StoreError> {
        Ok(self
            .connection
            .prepare_cached("SELECT effect, high FROM handoffs WHERE seq = ?")?
            .query_row([seq], |row| {
                Ok((row.get::<_, Option<i64>>(0)?.map(effect_from), row.get(1)?))
            })?)
    }

    /// Whether one of the options of this handoff is of high risk.
    pub fn is_high(&self, handoff: &str) -> Result<bool, StoreError> {
        Ok(self
            .connection
            .prepare_cached("SELECT 1 FROM handoffs WHERE id = ? AND high = 1")?
            .exists([handoff])?)
    }

    /// When the `nth` newest card of this agent, counted from 1, came before
    /// the reviewer, if that was after `since` and by `now`; cards of high risk
    /// are always shown and do not count.
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
                "SELECT shown_at FROM handoffs WHERE agent = ? AND shown_at IS NOT NULL
                 AND high = 0 AND shown_at > ? AND shown_at <= ?
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
    /// Notes that a card has come before the reviewer.
    pub fn note_shown(&self, handoff: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("UPDATE handoffs SET shown_at = ?2 WHERE id = ?1")?
            .execute(params![handoff, millis(now)])?;
        Ok(())
    }
}
