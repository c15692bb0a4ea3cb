//! What agents are told: kept until they say that they know.

use chrono::{DateTime, Utc};
use handoff_domain::instruction::Instruction;
use rusqlite::{OptionalExtension as _, Row, params};

use crate::rows::{instant, millis};
use crate::{Entry, Read, StoreError, Write};

/// How many handoffs of a task are looked through for the last decision.
const LATEST: u32 = 50;

/// The most instructions that are handed out at once.
const MOST: u32 = 100;

/// An instruction to an agent.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// Names it.
    pub id: String,
    /// The task it is about; none where it is about all the agent's work.
    pub task: Option<String>,
    /// What it says.
    pub instruction: Instruction,
    /// When it was given by the reviewer.
    pub at: DateTime<Utc>,
    /// When it was first handed out.
    pub given_at: Option<DateTime<Utc>>,
    /// When the agent said that it knows.
    pub known_at: Option<DateTime<Utc>>,
}

const COLUMNS: &str = "id, task, instruction, at, given_at, known_at";

fn told(row: &Row<'_>) -> rusqlite::Result<Result<Told, StoreError>> {
    let (task, text): (String, String) = (row.get(1)?, row.get(2)?);
    let (given, known): (Option<i64>, Option<i64>) = (row.get(4)?, row.get(5)?);
    let (id, at) = (row.get(0)?, row.get(3)?);
    Ok(serde_json::from_str(&text).map_err(StoreError::from).map(|instruction| Told {
        id,
        task: Some(task).filter(|task| !task.is_empty()),
        instruction,
        at: instant(at),
        given_at: given.map(instant),
        known_at: known.map(instant),
    }))
}

impl Read<'_> {
    /// What an agent does not know yet, oldest first; of one task, what
    /// concerns all its work included.
    pub fn untold(&self, agent: &str, task: Option<&str>) -> Result<Vec<Told>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM instructions WHERE agent = ?1 AND known_at IS NULL
             AND (?2 IS NULL OR task IN ('', ?2)) ORDER BY seq LIMIT ?3"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        statement
            .query_map(params![agent, task, MOST], told)?
            .map(|found| found.map_err(StoreError::from).flatten())
            .collect()
    }

    /// How many instructions an agent does not know yet.
    pub fn untold_count(&self, agent: &str) -> Result<u32, StoreError> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT count(*) FROM instructions WHERE agent = ? AND known_at IS NULL",
            )?
            .query_row([agent], |row| row.get(0))?)
    }

    /// The instruction of this id, if it is this agent's.
    pub fn told(&self, agent: &str, id: &str) -> Result<Option<Told>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM instructions WHERE agent = ? AND id = ?");
        self.connection.prepare_cached(&sql)?.query_row([agent, id], told).optional()?.transpose()
    }

    /// The agents whose last word about all their work is a pause.
    pub fn told_to_pause(&self) -> Result<Vec<String>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT agent FROM (SELECT agent, instruction ->> '$.kind' AS kind, max(seq)
               FROM instructions WHERE task = '' AND instruction ->> '$.kind' IN ('pause', 'resume')
               GROUP BY agent) WHERE kind = 'pause'",
        )?;
        Ok(statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
    }

    /// The last of what an agent was told of one task, oldest first.
    pub fn told_of(&self, agent: &str, task: &str) -> Result<Vec<Told>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM instructions WHERE agent = ? AND task = ?
             ORDER BY seq DESC LIMIT ?"
        );
        let mut found: Vec<Told> = self
            .connection
            .prepare_cached(&sql)?
            .query_map(params![agent, task, MOST], told)?
            .map(|found| found.map_err(StoreError::from).flatten())
            .collect::<Result<_, _>>()?;
        found.reverse();
        Ok(found)
    }

    /// What happened to something that is no handoff, oldest first.
    pub fn entries_about(&self, subject: &str) -> Result<Vec<Entry>, StoreError> {
        let number: Option<i64> = self
            .connection
            .prepare_cached("SELECT n FROM subjects WHERE id = ?")?
            .query_row([subject], |row| row.get(0))
            .optional()?;
        number.map_or(Ok(Vec::new()), |number| self.entries(-number))
    }

    /// The latest event of any of these kinds about a subject.
    pub fn latest_about<const N: usize>(
        &self,
        subject: &str,
        kinds: [&str; N],
    ) -> Result<Option<Entry>, StoreError> {
        let number: Option<i64> = self
            .connection
            .prepare_cached("SELECT n FROM subjects WHERE id = ?")?
            .query_row([subject], |row| row.get(0))
            .optional()?;
        number.map_or(Ok(None), |number| self.latest_entry(-number, kinds))
    }

    /// The handoff of a task whose decision went out last, among the latest of
    /// them; one can be left out. The gate asks for it at every call.
    pub fn last_told(
        &self,
        agent: &str,
        task: &str,
        but: Option<&str>,
    ) -> Result<Option<String>, StoreError> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT h.id FROM (SELECT seq, id, state FROM handoffs
                   WHERE agent = ?1 AND task = ?2 ORDER BY seq DESC LIMIT ?4) h
                 JOIN events e ON e.handoff = h.seq AND e.kind IN ('released', 'default_taken')
                 WHERE h.id IS NOT ?3 AND h.state IN ('released', 'collected', 'reconciled')
                 ORDER BY e.seq DESC LIMIT 1",
            )?
            .query_row(params![agent, task, but, LATEST], |row| row.get(0))
            .optional()?)
    }

    /// The latest handoffs of a task, the latest first, at most `limit`: the
    /// number and the id of each.
    pub fn handoffs_of(
        &self,
        agent: &str,
        task: &str,
        limit: u32,
    ) -> Result<Vec<(i64, String)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT seq, id FROM handoffs WHERE agent = ? AND task = ? ORDER BY seq DESC LIMIT ?",
        )?;
        let found = statement
            .query_map(params![agent, task, limit], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        Ok(found)
    }
}

impl Write<'_> {
    /// Keeps what an agent is told; the empty task is all its work. What it
    /// makes void and was never handed out is dropped; says whether there is
    /// anything left to tell.
    pub fn tell(
        &self,
        agent: &str,
        task: &str,
        id: &str,
        instruction: &Instruction,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let mut opposed = false;
        for earlier in self.read().untold(agent, Some(task))? {
            let same_scope = earlier.task.as_deref().unwrap_or_default() == task;
            if same_scope
                && earlier.given_at.is_none()
                && instruction.makes_void(&earlier.instruction)
            {
                opposed |= earlier.instruction.kind() != instruction.kind();
                self.connection
                    .prepare_cached("DELETE FROM instructions WHERE id = ?")?
                    .execute([&earlier.id])?;
            }
        }
        // A stop that nobody heard of, and its end, are nothing to tell.
        if opposed && matches!(instruction, Instruction::Pause | Instruction::Resume) {
            return Ok(false);
        }
        self.connection
            .prepare_cached(
                "INSERT INTO instructions (id, agent, task, instruction, at)
                 VALUES (?, ?, ?, ?, ?)",
            )?
            .execute(params![id, agent, task, serde_json::to_string(instruction)?, millis(now)])?;
        Ok(true)
    }

    /// What an agent was to be told does not hold any more: it is not told
    /// again, and one that nobody heard of is dropped.
    pub fn untell(&self, id: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("DELETE FROM instructions WHERE id = ? AND given_at IS NULL")?
            .execute([id])?;
        self.connection
            .prepare_cached(
                "UPDATE instructions SET known_at = ?2 WHERE id = ?1 AND known_at IS NULL",
            )?
            .execute(params![id, millis(now)])?;
        Ok(())
    }

    /// Notes that instructions were handed out.
    pub fn given(&self, ids: &[String], now: DateTime<Utc>) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(
            "UPDATE instructions SET given_at = ?2 WHERE id = ?1 AND given_at IS NULL",
        )?;
        for id in ids {
            statement.execute(params![id, millis(now)])?;
        }
        Ok(())
    }

    /// Notes that an agent knows of an instruction, and what came of it; says
    /// whether it did not before.
    pub fn known(
        &self,
        id: &str,
        result: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let changed = self
            .connection
            .prepare_cached(
                "UPDATE instructions SET known_at = ?2, given_at = coalesce(given_at, ?2),
                 result = ?3 WHERE id = ?1 AND known_at IS NULL",
            )?
            .execute(params![id, millis(now), result])?;
        Ok(changed == 1)
    }
}
