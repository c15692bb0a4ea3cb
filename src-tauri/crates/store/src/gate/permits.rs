//! What lets a call run, or does not: the permits that decisions gave, what the
//! gate let run, and what was taken back since.

use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension as _, params};

use crate::rows::{instant, millis};
use crate::{Read, StoreError, Write};

/// A decision that lets one call run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    /// The handoff that was decided.
    pub handoff: String,
    /// The gate asked; else the agent handed it over, and no folder was named.
    pub by_gate: bool,
    /// The folder that was named when the gate asked.
    pub cwd: Option<String>,
}

/// An action that was taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallTakenBack {
    /// Its id.
    pub action: String,
    /// The step that it belonged to.
    pub step: Option<String>,
    /// When it was taken back.
    pub undone_at: DateTime<Utc>,
}

impl Read<'_> {
    /// The decisions that let exactly this call run once more.
    pub fn permits(&self, agent: &str, task: &str, hash: &str) -> Result<Vec<Permit>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT p.handoff, c.seq IS NOT NULL, c.asked ->> '$.cwd'
             FROM permits p JOIN handoffs h ON h.id = p.handoff
             LEFT JOIN checks c ON h.key GLOB 'check:*' AND c.seq =
               (SELECT min(seq) FROM checks WHERE handoff = p.handoff)
             WHERE p.agent = ? AND p.task = ? AND p.hash = ? AND p.used_at IS NULL
             ORDER BY h.seq",
        )?;
        let permits = statement
            .query_map([agent, task, hash], |row| {
                Ok(Permit { handoff: row.get(0)?, by_gate: row.get(1)?, cwd: row.get(2)? })
            })?
            .collect::<Result<_, _>>()?;
        Ok(permits)
    }

    /// The decisions that let exactly this call run, used or not, and that no
    /// recorded action is vouched for by.
    pub fn unvouched(
        &self,
        agent: &str,
        task: &str,
        hash: &str,
    ) -> Result<Vec<String>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT handoff FROM permits
             WHERE agent = ? AND task = ? AND hash = ? AND vouched = 0 ORDER BY handoff",
        )?;
        let found = statement
            .query_map([agent, task, hash], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        Ok(found)
    }

    /// Whether there is a permit of this handoff, vouched by or not.
    pub fn has_permit(&self, handoff: &str) -> Result<bool, StoreError> {
        Ok(self
            .connection
            .prepare_cached("SELECT 1 FROM permits WHERE handoff = ?")?
            .exists([handoff])?)
    }

    /// Whether the gate has let exactly this call run, and not by the decision on
    /// this handoff.
    pub fn was_let_run(
        &self,
        agent: &str,
        task: &str,
        hash: &str,
        handoff: &str,
    ) -> Result<bool, StoreError> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT 1 FROM checks WHERE agent = ? AND task = ? AND hash = ?
                 AND verdict = 'run' AND handoff IS NOT ?",
            )?
            .exists([agent, task, hash, handoff])?)
    }

    /// Whether a decision ever let exactly this call run.
    pub fn was_permitted(&self, agent: &str, task: &str, hash: &str) -> Result<bool, StoreError> {
        Ok(self
            .connection
            .prepare_cached("SELECT 1 FROM permits WHERE agent = ? AND task = ? AND hash = ?")?
            .exists([agent, task, hash])?)
    }

    /// The last that was recorded of exactly this call, if it was taken back.
    pub fn call_taken_back(
        &self,
        agent: &str,
        task: &str,
        hash: &str,
    ) -> Result<Option<CallTakenBack>, StoreError> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT a.id, a.step, t.undone_at FROM taken_back t
                 JOIN actions a ON a.agent = t.agent AND a.task = t.task AND a.id = t.action
                 WHERE t.agent = ?1 AND t.task = ?2 AND t.undone_at IS NOT NULL AND a.hash = ?3
                 AND NOT EXISTS (SELECT 1 FROM actions b WHERE b.agent = ?1 AND b.task = ?2
                   AND b.hash = ?3 AND b.seq > a.seq)",
            )?
            .query_row([agent, task, hash], |row| {
                let undone_at = instant(row.get(2)?);
                Ok(CallTakenBack { action: row.get(0)?, step: row.get(1)?, undone_at })
            })
            .optional()?)
    }
}

impl Write<'_> {
    /// Lets exactly one later call of this hash run; decided anew, one more.
    pub fn permit_once(
        &self,
        handoff: &str,
        agent: &str,
        task: &str,
        hash: &str,
    ) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO permits (handoff, agent, task, hash) VALUES (?, ?, ?, ?)
                 ON CONFLICT (handoff) DO UPDATE SET hash = excluded.hash, used_at = NULL,
                   vouched = 0",
            )?
            .execute([handoff, agent, task, hash])?;
        Ok(())
    }

    /// Uses a permit up, whether or not anything ran by it; says whether it
    /// was still there.
    pub fn use_permit(&self, handoff: &str, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let changed = self
            .connection
            .prepare_cached(
                "UPDATE permits SET used_at = ?2 WHERE handoff = ?1 AND used_at IS NULL",
            )?
            .execute(params![handoff, millis(now)])?;
        Ok(changed == 1)
    }

    /// Lets the decision on a handoff vouch for no further action.
    pub fn vouch(&self, handoff: &str) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("UPDATE permits SET vouched = 1 WHERE handoff = ?")?
            .execute([handoff])?;
        Ok(())
    }
}
