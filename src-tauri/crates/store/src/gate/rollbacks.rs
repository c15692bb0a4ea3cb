//! Rollbacks: what was confirmed, how far each is, and what each undo did.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use handoff_domain::rollback::RollbackPlan;
use handoff_domain::rollback::execution::Execution;
use rusqlite::{OptionalExtension as _, Row, params};

use super::calls::{PAST, Past, past};
use crate::rows::{instant, millis};
use crate::{Read, StoreError, Write};

/// A rollback that was confirmed.
#[derive(Debug, Clone, PartialEq)]
pub struct RollbackRow {
    /// Names it.
    pub id: String,
    /// The agent.
    pub agent: String,
    /// The task's id.
    pub task: String,
    /// What was shown and confirmed.
    pub plan: RollbackPlan,
    /// How far it is.
    pub execution: Execution,
    /// When it was confirmed.
    pub at: DateTime<Utc>,
    /// When it was over.
    pub over_at: Option<DateTime<Utc>>,
    /// It was given up, because the desk went back to a backup or was mended.
    pub void: bool,
}

/// An attempt to take an action back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndoRow {
    /// The rollback.
    pub rollback: String,
    /// The action that is taken back.
    pub action: String,
    /// Which attempt it is.
    pub attempt: u32,
    /// The agent.
    pub agent: String,
    /// The task's id.
    pub task: String,
    /// The hash of the call that the agent is asked for.
    pub hash: Option<String>,
    /// What the agent is told of it with.
    pub instruction: Option<String>,
    /// The last moment it works.
    pub until: Option<DateTime<Utc>>,
    /// When the agent took it up.
    pub taken_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// What came of it, in one word.
    pub result: Option<String>,
    /// What there is to say of it.
    pub output: Option<String>,
}

/// What became of taking an action back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenBack {
    /// When it was undone.
    pub undone_at: Option<DateTime<Utc>>,
    /// Why it was not.
    pub failed: Option<String>,
}

const ROLLBACK: &str = "id, agent, task, plan, execution, at, over_at, void";

const UNDO: &str = "rollback, action, attempt, agent, task, hash, instruction, until, taken_at,
    ended_at, result, output";

fn rollback(row: &Row<'_>) -> rusqlite::Result<Result<RollbackRow, StoreError>> {
    let (plan, execution): (String, String) = (row.get(3)?, row.get(4)?);
    let parsed = || -> Result<RollbackRow, StoreError> {
        Ok(RollbackRow {
            id: row.get(0)?,
            agent: row.get(1)?,
            task: row.get(2)?,
            plan: serde_json::from_str(&plan)?,
            execution: serde_json::from_str(&execution)?,
            at: instant(row.get(5)?),
            over_at: row.get::<_, Option<i64>>(6)?.map(instant),
            void: row.get(7)?,
        })
    };
    Ok(parsed())
}

fn undo(row: &Row<'_>) -> rusqlite::Result<UndoRow> {
    let moment = |at: usize| row.get::<_, Option<i64>>(at).map(|at| at.map(instant));
    Ok(UndoRow {
        rollback: row.get(0)?,
        action: row.get(1)?,
        attempt: row.get(2)?,
        agent: row.get(3)?,
        task: row.get(4)?,
        hash: row.get(5)?,
        instruction: row.get(6)?,
        until: moment(7)?,
        taken_at: moment(8)?,
        ended_at: moment(9)?,
        result: row.get(10)?,
        output: row.get(11)?,
    })
}

impl Read<'_> {
    /// The rollback of this id.
    pub fn rollback(&self, id: &str) -> Result<Option<RollbackRow>, StoreError> {
        let sql = format!("SELECT {ROLLBACK} FROM rollbacks WHERE id = ?");
        self.connection.prepare_cached(&sql)?.query_row([id], rollback).optional()?.transpose()
    }

    /// The rollbacks of a task, the latest first, at most `limit`.
    pub fn rollbacks_of(
        &self,
        agent: &str,
        task: &str,
        limit: u32,
    ) -> Result<Vec<RollbackRow>, StoreError> {
        let sql = format!(
            "SELECT {ROLLBACK} FROM rollbacks WHERE agent = ? AND task = ?
             ORDER BY seq DESC LIMIT ?"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        statement
            .query_map(params![agent, task, limit], rollback)?
            .map(|found| found.map_err(StoreError::from).flatten())
            .collect()
    }

    /// The rollback of a task that is not over.
    pub fn open_rollback_of(&self, agent: &str, task: &str) -> Result<Option<String>, StoreError> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT id FROM rollbacks WHERE agent = ? AND task = ? AND over_at IS NULL LIMIT 1",
            )?
            .query_row([agent, task], |row| row.get(0))
            .optional()?)
    }

    /// The rollbacks that are not over, the oldest first.
    pub fn open_rollbacks(&self) -> Result<Vec<String>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT id FROM rollbacks WHERE over_at IS NULL ORDER BY seq")?;
        let found = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(found)
    }

    /// The attempts of a rollback, the latest of each action.
    pub fn undos_of(&self, rollback: &str) -> Result<BTreeMap<String, UndoRow>, StoreError> {
        let sql = format!("SELECT {UNDO} FROM undos WHERE rollback = ? ORDER BY action, attempt");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let found = statement.query_map([rollback], undo)?;
        found.map(|row| Ok(row.map(|row| (row.action.clone(), row))?)).collect()
    }

    /// The undo that the agent is asked for with exactly this call, in time and
    /// not taken up.
    pub fn undo_asked(
        &self,
        agent: &str,
        task: &str,
        hash: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<UndoRow>, StoreError> {
        let sql = format!(
            "SELECT {UNDO} FROM undos WHERE agent = ? AND task = ? AND hash = ?
             AND taken_at IS NULL AND ended_at IS NULL AND coalesce(until, ?4) >= ?4
             ORDER BY began_at LIMIT 1"
        );
        let asked = params![agent, task, hash, millis(now)];
        Ok(self.connection.prepare_cached(&sql)?.query_row(asked, undo).optional()?)
    }

    /// The undo that a record of exactly this call says something of: the
    /// latest that is not recorded yet.
    pub fn undo_by_call(
        &self,
        agent: &str,
        task: &str,
        hash: &str,
    ) -> Result<Option<UndoRow>, StoreError> {
        let sql = format!(
            "SELECT {UNDO} FROM undos WHERE agent = ? AND task = ? AND hash = ?
             AND recorded IS NULL ORDER BY began_at DESC, attempt DESC LIMIT 1"
        );
        Ok(self.connection.prepare_cached(&sql)?.query_row([agent, task, hash], undo).optional()?)
    }

    /// The undos that agents were asked for and have not ended, the oldest first.
    pub fn undos_open(&self) -> Result<Vec<UndoRow>, StoreError> {
        let sql = format!(
            "SELECT {UNDO} FROM undos WHERE hash IS NOT NULL AND ended_at IS NULL ORDER BY began_at"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let found = statement.query_map([], undo)?.collect::<Result<_, _>>()?;
        Ok(found)
    }

    /// What became of taking actions of a task back, by the action's id.
    pub fn taken_back(
        &self,
        agent: &str,
        task: &str,
    ) -> Result<BTreeMap<String, TakenBack>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT action, undone_at, failed FROM taken_back WHERE agent = ? AND task = ?",
        )?;
        let found = statement.query_map([agent, task], |row| {
            let undone_at = row.get::<_, Option<i64>>(1)?.map(instant);
            Ok((row.get(0)?, TakenBack { undone_at, failed: row.get(2)? }))
        })?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// The recorded actions of a task that took others back, each with the one
    /// that it took back.
    pub fn undo_calls(
        &self,
        agent: &str,
        task: &str,
    ) -> Result<BTreeMap<String, String>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT recorded, action FROM undos
             WHERE agent = ? AND task = ? AND hash IS NOT NULL AND recorded IS NOT NULL",
        )?;
        let found = statement.query_map([agent, task], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// All recorded actions of a task, oldest first, each with the time of its
    /// record.
    pub fn actions_of(
        &self,
        agent: &str,
        task: &str,
    ) -> Result<Vec<(Past, DateTime<Utc>)>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {PAST}, at FROM actions WHERE agent = ? AND task = ? ORDER BY seq"
        ))?;
        statement
            .query_map([agent, task], |row| {
                let at = instant(row.get(4)?);
                Ok(past(row)?.map(|past| (past, at)))
            })?
            .map(|found| found.map_err(StoreError::from).flatten())
            .collect()
    }

    /// The actions of a task whose files were copied before they changed them.
    pub fn actions_with_copies(
        &self,
        agent: &str,
        task: &str,
    ) -> Result<BTreeSet<String>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT DISTINCT action FROM kept_files
             WHERE agent = ? AND task = ? AND action IS NOT NULL",
        )?;
        let found = statement.query_map([agent, task], |row| row.get(0))?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// Whether the desk may run the programs that an agent names for its undos.
    pub fn undo_commands(&self, agent: &str) -> Result<bool, StoreError> {
        Ok(self
            .connection
            .prepare_cached("SELECT 1 FROM agents WHERE name = ? AND undo_commands = 1")?
            .exists([agent])?)
    }
}

impl Write<'_> {
    /// Keeps a rollback that begins.
    pub fn add_rollback(&self, new: &RollbackRow) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO rollbacks (id, agent, task, plan, execution, at)
                 VALUES (?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                new.id,
                new.agent,
                new.task,
                serde_json::to_string(&new.plan)?,
                serde_json::to_string(&new.execution)?,
                millis(new.at),
            ])?;
        Ok(())
    }

    /// Keeps how far a rollback is; one that is over stays over.
    pub fn save_rollback(
        &self,
        id: &str,
        execution: &Execution,
        over_at: Option<DateTime<Utc>>,
    ) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "UPDATE rollbacks SET execution = ?2, over_at = coalesce(over_at, ?3) WHERE id = ?1",
            )?
            .execute(params![id, serde_json::to_string(execution)?, over_at.map(millis)])?;
        Ok(())
    }

    /// Keeps an attempt that begins.
    pub fn add_undo(&self, new: &UndoRow, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO undos (rollback, action, attempt, agent, task, hash, instruction,
                   until, began_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                new.rollback,
                new.action,
                new.attempt,
                new.agent,
                new.task,
                new.hash,
                new.instruction,
                new.until.map(millis),
                millis(now),
            ])?;
        Ok(())
    }

    /// Notes that the agent has taken an attempt up; says whether it was free.
    pub fn take_undo(&self, undo: &UndoRow, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let changed = self
            .connection
            .prepare_cached(
                "UPDATE undos SET taken_at = ?4 WHERE rollback = ?1 AND action = ?2
                 AND attempt = ?3 AND taken_at IS NULL AND ended_at IS NULL",
            )?
            .execute(params![undo.rollback, undo.action, undo.attempt, millis(now)])?;
        Ok(changed == 1)
    }

    /// Keeps what came of the latest attempt to take an action back; a later
    /// word takes the place of an earlier one.
    pub fn end_undo(
        &self,
        rollback: &str,
        action: &str,
        result: &str,
        output: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "UPDATE undos SET ended_at = ?3, result = ?4, output = coalesce(?5, output)
                 WHERE rollback = ?1 AND action = ?2 AND attempt =
                 (SELECT max(attempt) FROM undos WHERE rollback = ?1 AND action = ?2)",
            )?
            .execute(params![rollback, action, millis(now), result, output])?;
        Ok(())
    }

    /// Notes what the agent is told of the latest attempt with.
    pub fn undo_told(
        &self,
        rollback: &str,
        action: &str,
        instruction: &str,
    ) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "UPDATE undos SET instruction = ?3 WHERE rollback = ?1 AND action = ?2
                 AND attempt =
                 (SELECT max(attempt) FROM undos WHERE rollback = ?1 AND action = ?2)",
            )?
            .execute([rollback, action, instruction])?;
        Ok(())
    }

    /// Notes as which action the call of an undo was recorded.
    pub fn undo_recorded(&self, undo: &UndoRow, recorded: &str) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "UPDATE undos SET recorded = ?4 WHERE rollback = ?1 AND action = ?2
                 AND attempt = ?3",
            )?
            .execute(params![undo.rollback, undo.action, undo.attempt, recorded])?;
        Ok(())
    }

    /// Notes that an action was taken back, or why it was not.
    pub fn note_taken_back(
        &self,
        agent: &str,
        task: &str,
        action: &str,
        what: &TakenBack,
    ) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO taken_back (agent, task, action, undone_at, failed)
                 VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (agent, task, action) DO UPDATE SET undone_at = ?4, failed = ?5",
            )?
            .execute(params![agent, task, action, what.undone_at.map(millis), what.failed])?;
        if what.undone_at.is_some() {
            self.connection
                .prepare_cached(
                    "UPDATE actions SET status = 'undone', drafted = 0,
                       action = json_set(action, '$.status', 'undone')
                     WHERE agent = ? AND task = ? AND id = ? AND status != 'undone'",
                )?
                .execute([agent, task, action])?;
        }
        Ok(())
    }

    /// Lets the desk run the programs that an agent names for its undos, or
    /// forbids it; says whether that changes anything.
    pub fn allow_undo_commands(&self, agent: &str, allowed: bool) -> Result<bool, StoreError> {
        let changed = self
            .connection
            .prepare_cached(
                "UPDATE agents SET undo_commands = ?2 WHERE name = ?1 AND undo_commands != ?2",
            )?
            .execute(params![agent, allowed])?;
        Ok(changed == 1)
    }
}
