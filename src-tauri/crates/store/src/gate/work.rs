//! The tasks: what the work is, and how its plan stands.

use chrono::{DateTime, Utc};
use handoff_domain::lifecycle::State;
use handoff_domain::payload::{Plan, Task};
use rusqlite::{OptionalExtension as _, Row, params};

use crate::rows::{instant, millis};
use crate::{Read, Record, StoreError, Write};

/// A task, as its agent described it.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskRow {
    /// What it is.
    pub task: Task,
    /// Its steps.
    pub plan: Option<Plan>,
    /// Counts the plans; 0 while there is none.
    pub revision: u32,
    /// When it was last heard of.
    pub changed_at: DateTime<Utc>,
    /// When it ended.
    pub closed_at: Option<DateTime<Utc>>,
    /// When a person last looked at what it did.
    pub looked_at: DateTime<Utc>,
}

const COLUMNS: &str = "task, plan, revision, changed_at, closed_at, looked_at";

fn task(row: &Row<'_>) -> rusqlite::Result<Result<TaskRow, StoreError>> {
    let (text, plan): (String, Option<String>) = (row.get(0)?, row.get(1)?);
    let (revision, changed): (u32, i64) = (row.get(2)?, row.get(3)?);
    let (closed, looked): (Option<i64>, i64) = (row.get(4)?, row.get(5)?);
    let parsed = || -> Result<TaskRow, StoreError> {
        Ok(TaskRow {
            task: serde_json::from_str(&text)?,
            plan: plan.map(|plan| serde_json::from_str(&plan)).transpose()?,
            revision,
            changed_at: instant(changed),
            closed_at: closed.map(instant),
            looked_at: instant(looked),
        })
    };
    Ok(parsed())
}

impl Read<'_> {
    /// The task of this agent.
    pub fn task(&self, agent: &str, id: &str) -> Result<Option<TaskRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM tasks WHERE agent = ? AND id = ?");
        self.connection.prepare_cached(&sql)?.query_row([agent, id], task).optional()?.transpose()
    }

    /// The open tasks of this agent, the latest first, at most `limit`.
    pub fn open_tasks(&self, agent: &str, limit: u32) -> Result<Vec<TaskRow>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM tasks WHERE agent = ? AND closed_at IS NULL
             ORDER BY changed_at DESC LIMIT ?"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        statement
            .query_map(params![agent, limit], task)?
            .map(|found| found.map_err(StoreError::from).flatten())
            .collect()
    }

    /// The agents that have open tasks.
    pub fn working(&self) -> Result<Vec<String>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT DISTINCT agent FROM tasks WHERE closed_at IS NULL")?;
        let found = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(found)
    }

    /// The handoffs of a task that are not released yet, each with the step it
    /// is about.
    pub fn pending(
        &self,
        agent: &str,
        task: &str,
    ) -> Result<Vec<(String, Option<String>)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT h.id, (SELECT p.json ->> '$.pending_question.step' FROM payloads p
               WHERE p.handoff = h.seq ORDER BY p.revision DESC LIMIT 1)
             FROM handoffs h WHERE h.agent = ?1 AND h.task = ?2 AND h.list IN (0, 1, 3, 4)
             AND h.state IN (?3, ?4, ?5) ORDER BY h.seq",
        )?;
        let states = [State::Queued, State::Ready, State::Decided].map(State::as_str);
        let found = statement
            .query_map(params![agent, task, states[0], states[1], states[2]], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?
            .collect::<Result<_, _>>()?;
        Ok(found)
    }

    /// The handoffs of a task whose decision is out and not reported on yet,
    /// each with the step it was about.
    pub fn released(
        &self,
        agent: &str,
        task: &str,
    ) -> Result<Vec<(Record, Option<String>)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT h.id, (SELECT p.json ->> '$.pending_question.step' FROM payloads p
               WHERE p.handoff = h.seq ORDER BY p.revision DESC LIMIT 1)
             FROM handoffs h WHERE h.agent = ?1 AND h.task = ?2 AND h.list IN (0, 1, 3, 4)
             AND h.state IN (?3, ?4) ORDER BY h.seq",
        )?;
        let states = [State::Released, State::Collected].map(State::as_str);
        let found: Vec<(String, Option<String>)> = statement
            .query_map(params![agent, task, states[0], states[1]], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?
            .collect::<Result<_, _>>()?;
        found
            .into_iter()
            .filter_map(|(id, step)| {
                self.handoff(&id).map(|record| record.map(|record| (record, step))).transpose()
            })
            .collect()
    }
}

impl Write<'_> {
    /// Keeps what a task is, and its plan if one is given; returns how it
    /// stands. A task that ended is open again.
    pub fn keep_task(
        &self,
        agent: &str,
        task: &Task,
        plan: Option<&Plan>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let plan = plan.map(serde_json::to_string).transpose()?;
        self.connection
            .prepare_cached(
                "INSERT INTO tasks (agent, id, task, plan, revision, opened_at, changed_at, planned)
                 VALUES (?1, ?2, ?3, ?4, ?4 IS NOT NULL, ?5, ?5, ?4 IS NOT NULL)
                 ON CONFLICT (agent, id) DO UPDATE SET task = excluded.task,
                   revision = revision + (excluded.plan IS NOT NULL
                     AND excluded.plan IS NOT tasks.plan),
                   plan = coalesce(excluded.plan, tasks.plan),
                   planned = max(planned, excluded.planned),
                   changed_at = excluded.changed_at, closed_at = NULL",
            )?
            .execute(params![agent, task.id, serde_json::to_string(task)?, plan, millis(now)])?;
        Ok(())
    }

    /// Keeps the task that a handoff belongs to. Its plan counts only where the
    /// agent gives none of its own: that one is the later word.
    pub fn open_task(
        &self,
        agent: &str,
        task: &Task,
        plan: Option<&Plan>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let plan = plan.map(serde_json::to_string).transpose()?;
        self.connection
            .prepare_cached(
                "INSERT INTO tasks (agent, id, task, plan, revision, opened_at, changed_at)
                 VALUES (?1, ?2, ?3, ?4, ?4 IS NOT NULL, ?5, ?5)
                 ON CONFLICT (agent, id) DO UPDATE SET changed_at = excluded.changed_at,
                   revision = revision + (NOT planned AND excluded.plan IS NOT NULL
                     AND excluded.plan IS NOT tasks.plan),
                   plan = CASE WHEN planned THEN plan ELSE coalesce(excluded.plan, plan) END",
            )?
            .execute(params![agent, task.id, serde_json::to_string(task)?, plan, millis(now)])?;
        Ok(())
    }

    /// Notes that a task was heard of.
    pub fn touch_task(&self, agent: &str, id: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("UPDATE tasks SET changed_at = ?3 WHERE agent = ?1 AND id = ?2")?
            .execute(params![agent, id, millis(now)])?;
        Ok(())
    }

    /// Notes that a person has looked at what a task did.
    pub fn looked_at(&self, agent: &str, id: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("UPDATE tasks SET looked_at = ?3 WHERE agent = ?1 AND id = ?2")?
            .execute(params![agent, id, millis(now)])?;
        Ok(())
    }

    /// Ends a task.
    pub fn close_task(&self, agent: &str, id: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "UPDATE tasks SET closed_at = ?3, changed_at = ?3 WHERE agent = ?1 AND id = ?2",
            )?
            .execute(params![agent, id, millis(now)])?;
        Ok(())
    }
}
