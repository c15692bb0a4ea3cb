//! What the reviewer was to be told of what waits, and was not: found in what is
//! recorded of each attempt.

use chrono::{DateTime, Utc};
use rusqlite::params_from_iter;

use crate::rows::millis;
use crate::{Read, StoreError};

/// The lists that are looked through: what waits, and what is left for later.
const INBOX_AND_REVIEW: &str = "0, 3";

impl Read<'_> {
    /// The ids of the ready handoffs of which no notification was attempted.
    pub fn unannounced(&self) -> Result<Vec<String>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id FROM handoffs WHERE state = 'ready' AND announced = 0 ORDER BY respond_by",
        )?;
        let ids = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(ids)
    }

    /// The ids of the ready handoffs whose latest notification could not be
    /// shown because no service was there, or none that worked; and of those
    /// that were only counted among many, since that moment. Those that were left to
    /// manual review meanwhile, too.
    pub fn owed_notices(&self, since: DateTime<Utc>) -> Result<Vec<String>, StoreError> {
        let owed = "attempt IN ('no_service', 'failed') OR summed AND at > ?";
        self.whose_latest_attempt(owed, &[millis(since)])
    }

    /// The ids of the ready handoffs whose latest notification was held back
    /// because the reviewer wanted none; those that were left to manual review
    /// meanwhile, too.
    pub fn held_back_by_calm(&self) -> Result<Vec<String>, StoreError> {
        self.whose_latest_attempt("calm", &[])
    }

    /// The ready handoffs whose latest alert held back a command of the
    /// reviewer's, which was not run since: the id, the command, as JSON, and the
    /// number of that alert's event. Another proposal has alerts of its own.
    pub fn commands_held_back(&self) -> Result<Vec<(String, String, i64)>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT id, data ->> 'not_run', latest.seq FROM handoffs AS h JOIN events AS latest
               ON latest.seq = (
                 SELECT seq FROM events WHERE handoff = h.seq AND kind IN
                   ('alerted', 'command_ran', 'command_failed', 'revised', 'reopened')
                 ORDER BY seq DESC LIMIT 1
               )
             WHERE list IN ({INBOX_AND_REVIEW}) AND state = 'ready'
               AND data ->> 'not_run' IS NOT NULL
             ORDER BY respond_by"
        ))?;
        let held = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<Result<_, _>>()?;
        Ok(held)
    }

    fn whose_latest_attempt(&self, is: &str, values: &[i64]) -> Result<Vec<String>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT id FROM handoffs AS h WHERE list IN ({INBOX_AND_REVIEW}) AND state = 'ready' AND EXISTS (
               SELECT 1 FROM (
                 SELECT at, data ->> 'attempt' AS attempt, data ->> 'summed' AS summed,
                   data ->> 'calm' AS calm
                 FROM events WHERE handoff = h.seq AND data ->> 'attempt' IS NOT NULL
                   AND data ->> 'silent' IS NULL
                 ORDER BY seq DESC LIMIT 1
               ) WHERE {is}
             ) ORDER BY respond_by"
        ))?;
        let ids = statement
            .query_map(params_from_iter(values), |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        Ok(ids)
    }
}
