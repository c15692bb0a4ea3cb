//! The tasks: what the work is, and how its plan stands.

use chrono::{DateTime, Utc};
use handoff_domain::lifecycle::State;
use handoff_domain::payload::{Plan, Task};
use rusqlite::{OptionalExtension as _, Row, params};

use super::desks_own;
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

/// A handoff that is not released yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenQuestion {
    /// Its id.
    pub id: String,
    /// The step that it is about.
    pub step: Option<String>,
    /// It asks for words alone, and nothing waits for it.
    pub quick: bool,
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

    /// The handoffs of a task that are not released yet. A draft holds nothing: what it
    /// is about is done, and the work goes on as another one.
    pub fn pending(&self, agent: &str, task: &str) -> Result<Vec<OpenQuestion>, StoreError> {
        let draft = desks_own("h", "draft");
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT h.id, p.json ->> '$.pending_question.step',
               {draft} OR p.json ->> '$.allowed_decisions' IS '[\"inform\"]'
                 AND p.json ->> '$.pending_question.step' IS NULL
                 AND ifnull(json_array_length(p.json, '$.options'), 0) = 0
             FROM handoffs h JOIN payloads p ON p.handoff = h.seq AND p.revision =
               (SELECT max(revision) FROM payloads WHERE handoff = h.seq)
             WHERE h.agent = ?1 AND h.task = ?2 AND h.list IN (0, 1, 3, 4)
             AND h.state IN (?3, ?4, ?5) ORDER BY h.seq",
        ))?;
        let states = [State::Queued, State::Ready, State::Decided].map(State::as_str);
        let found = statement
            .query_map(params![agent, task, states[0], states[1], states[2]], |row| {
                Ok(OpenQuestion { id: row.get(0)?, step: row.get(1)?, quick: row.get(2)? })
            })?
            .collect::<Result<_, _>>()?;
        Ok(found)
    }

    /// The questions of a task of which the reviewer asked for another proposal that
    /// has not come, by whatever handoff; each with the number of its handoff. The
    /// desk's own are none of them: nobody proposes these anew.
    pub fn awaited(&self, agent: &str, task: &str) -> Result<Vec<(i64, OpenQuestion)>, StoreError> {
        let step = |of: &str| {
            format!(
                "(SELECT p.json ->> '$.pending_question.step' FROM payloads p
                  WHERE p.handoff = {of}.seq ORDER BY p.revision DESC LIMIT 1)"
            )
        };
        let (asked, later) = (step("h"), step("later"));
        let [own, own_draft] = ["check", "draft"].map(|kind| desks_own("h", kind));
        let [later_own, later_draft] = ["check", "draft"].map(|kind| desks_own("later", kind));
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT h.seq, h.id, {asked} FROM handoffs h
             WHERE h.agent = ?1 AND h.task = ?2 AND h.list IN (0, 1, 3, 4)
             AND h.state IN (?3, ?4) AND h.progress ->> '$.decision.then' = 'revise'
             AND NOT {own} AND NOT {own_draft}
             AND NOT EXISTS (SELECT 1 FROM handoffs later JOIN events e
               ON e.handoff = later.seq AND e.kind IN ('released', 'default_taken')
               WHERE later.agent = ?1 AND later.task = ?2 AND later.seq IS NOT h.seq AND e.seq >
                 (SELECT max(seq) FROM events WHERE handoff = h.seq AND kind = 'released')
               AND NOT {later_own} AND NOT {later_draft}
               AND ({asked} IS NULL OR {later} IS {asked}))
             ORDER BY h.seq"
        ))?;
        let states = [State::Released, State::Collected].map(State::as_str);
        let found = statement
            .query_map(params![agent, task, states[0], states[1]], |row| {
                let open = OpenQuestion { id: row.get(1)?, step: row.get(2)?, quick: false };
                Ok((row.get(0)?, open))
            })?
            .collect::<Result<_, _>>()?;
        Ok(found)
    }

    /// How much of what happened in a task is older than its latest handoffs and its
    /// latest actions; events of these kinds are left aside.
    pub fn passed_over(
        &self,
        agent: &str,
        task: &str,
        handoffs: u32,
        actions: u32,
        aside: &[&str],
    ) -> Result<u32, StoreError> {
        let aside = serde_json::to_string(aside)?;
        Ok(self
            .connection
            .prepare_cached(
                "SELECT (SELECT count(*) FROM events e WHERE e.handoff IN
                   (SELECT seq FROM handoffs WHERE agent = ?1 AND task = ?2
                    ORDER BY seq DESC LIMIT -1 OFFSET ?3)
                   AND e.kind NOT IN (SELECT value FROM json_each(?5)))
                 + max(0, (SELECT count(*) FROM actions WHERE agent = ?1 AND task = ?2) - ?4)",
            )?
            .query_row(params![agent, task, handoffs, actions, aside], |row| row.get(0))?)
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

/// The agent says what its task is: its plan is the later word.
const KEEP_TASK: &str =
    "INSERT INTO tasks (agent, id, task, plan, revision, opened_at, changed_at, planned)
     VALUES (?1, ?2, ?3, ?4, ?4 IS NOT NULL, ?5, ?5, ?4 IS NOT NULL)
     ON CONFLICT (agent, id) DO UPDATE SET task = excluded.task,
       revision = revision + (excluded.plan IS NOT NULL AND excluded.plan IS NOT tasks.plan),
       plan = coalesce(excluded.plan, tasks.plan), planned = max(planned, excluded.planned),
       changed_at = excluded.changed_at, closed_at = NULL";

/// A handoff says what its task is: its plan counts only where the agent gave
/// none of its own.
const OPEN_TASK: &str = "INSERT INTO tasks (agent, id, task, plan, revision, opened_at, changed_at)
     VALUES (?1, ?2, ?3, ?4, ?4 IS NOT NULL, ?5, ?5)
     ON CONFLICT (agent, id) DO UPDATE SET changed_at = excluded.changed_at,
       revision = revision + (NOT planned AND excluded.plan IS NOT NULL
         AND excluded.plan IS NOT tasks.plan),
       plan = CASE WHEN planned THEN plan ELSE coalesce(excluded.plan, plan) END";

impl Write<'_> {
    /// Keeps what a task is, and its plan if one is given. A task that ended is
    /// open again.
    pub fn keep_task(
        &self,
        agent: &str,
        task: &Task,
        plan: Option<&Plan>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.write_task(KEEP_TASK, agent, task, plan, now)
    }

    /// Puts another plan in the place of a task's; one that ended stays so.
    pub fn replan_task(
        &self,
        agent: &str,
        id: &str,
        plan: &Plan,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "UPDATE tasks SET plan = ?3, planned = 1, changed_at = ?4,
                   revision = revision + (plan IS NOT ?3)
                 WHERE agent = ?1 AND id = ?2",
            )?
            .execute(params![agent, id, serde_json::to_string(plan)?, millis(now)])?;
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
        self.write_task(OPEN_TASK, agent, task, plan, now)
    }

    fn write_task(
        &self,
        sql: &str,
        agent: &str,
        task: &Task,
        plan: Option<&Plan>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let plan = plan.map(serde_json::to_string).transpose()?;
        self.connection.prepare_cached(sql)?.execute(params![
            agent,
            task.id,
            serde_json::to_string(task)?,
            plan,
            millis(now)
        ])?;
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
