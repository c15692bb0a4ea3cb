//! The calls: what was asked, what was answered, and what was then done.

use chrono::{DateTime, Utc};
use handoff_domain::action::{Action, Effect};
use handoff_domain::autonomy::Level;
use handoff_domain::effect::Judged;
use handoff_domain::gate::Verdict;
use handoff_domain::lifecycle::State;
use handoff_domain::trace::Call;
use handoff_domain::trigger::{Evidence, Measured};
use rusqlite::{OptionalExtension as _, Row, params};
use serde_json::Value;

use crate::rows::{effect_from, effect_number, instant, millis};
use crate::{Read, StoreError, Write};

/// A question to the gate, with its answer.
#[derive(Debug, Clone)]
pub struct NewCheck {
    /// The task's id.
    pub task: String,
    /// The idempotency key.
    pub key: String,
    /// The step.
    pub step: Option<String>,
    /// The tool.
    pub tool: String,
    /// The hash of tool and arguments.
    pub hash: String,
    /// The question, as JSON.
    pub asked: String,
    /// The answer, as JSON.
    pub answer: String,
    /// The answer in one word.
    pub verdict: &'static str,
    /// What the call does, before any rule of the reviewer.
    pub judged: Judged,
    /// What the gate gave.
    pub gave: Verdict,
    /// What the call does.
    pub effect: Effect,
    /// Whether it was held whatever the reviewer sets.
    pub mandatory: bool,
    /// The level in force.
    pub level: Level,
    /// What the triggers said.
    pub evidence: Vec<Evidence>,
    /// How far it went towards their bounds.
    pub measured: Measured,
    /// The handoff that asks the reviewer.
    pub handoff: Option<String>,
    /// The standing rule that let it run.
    pub rule: Option<i64>,
}

/// A question that was asked before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckRow {
    /// Its place.
    pub seq: i64,
    /// The task's id.
    pub task: String,
    /// The step.
    pub step: Option<String>,
    /// The tool.
    pub tool: String,
    /// The hash of tool and arguments.
    pub hash: String,
    /// The question, as JSON.
    pub asked: String,
    /// The answer, as JSON.
    pub answer: String,
    /// The answer in one word.
    pub verdict: String,
    /// What the triggers said.
    pub evidence: Vec<Evidence>,
    /// The level in force.
    pub level: Level,
    /// The handoff that asks the reviewer.
    pub handoff: Option<String>,
}

/// An action that was recorded.
#[derive(Debug, Clone)]
pub struct NewAction<'a> {
    /// The task's id.
    pub task: &'a str,
    /// The action.
    pub action: &'a Action,
    /// The hash of tool and input.
    pub hash: &'a str,
    /// What it did, as computed.
    pub effect: Effect,
    /// Where the desk has it from.
    pub source: &'a str,
    /// It belongs to the task's draft.
    pub drafted: bool,
}

/// What an agent has done so far, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// Answers given to its handoffs.
    pub decisions: u32,
    /// Of these, such that took another option than the recommended one.
    pub overridden: u32,
    /// Actions taken back.
    pub undone: u32,
    /// Times it did something else than was decided, or never asked.
    pub divergences: u32,
    /// Questions asked of the gate.
    pub calls: u32,
    /// Of these, held whatever the reviewer sets.
    pub mandatory: u32,
    /// Of these, held for another reason.
    pub discretionary: u32,
}

/// What is known of a call that was recorded before.
#[derive(Debug, Clone, PartialEq)]
pub struct Past {
    /// The action.
    pub action: Action,
    /// What it did, as computed.
    pub effect: Effect,
    /// Where the desk has it from.
    pub source: String,
}

const CHECK: &str = "seq, task, step, tool, hash, asked, answer, verdict, evidence, level, handoff";

fn check(row: &Row<'_>) -> rusqlite::Result<Result<CheckRow, StoreError>> {
    let (evidence, level): (String, String) = (row.get(8)?, row.get(9)?);
    let parsed = || -> Result<CheckRow, StoreError> {
        Ok(CheckRow {
            seq: row.get(0)?,
            task: row.get(1)?,
            step: row.get(2)?,
            tool: row.get(3)?,
            hash: row.get(4)?,
            asked: row.get(5)?,
            answer: row.get(6)?,
            verdict: row.get(7)?,
            evidence: serde_json::from_str(&evidence)?,
            level: serde_json::from_str(&level)?,
            handoff: row.get(10)?,
        })
    };
    Ok(parsed())
}

fn past(row: &Row<'_>) -> rusqlite::Result<Result<Past, StoreError>> {
    let text: String = row.get(0)?;
    let (effect, source) = (effect_from(row.get(1)?), row.get(2)?);
    Ok(serde_json::from_str(&text)
        .map(|action| Past { action, effect, source })
        .map_err(StoreError::from))
}

impl Read<'_> {
    /// What an agent asked under this key.
    pub fn check_by_key(&self, agent: &str, key: &str) -> Result<Option<CheckRow>, StoreError> {
        self.one_check("agent = ?1 AND key = ?2", [agent, key])
    }

    /// The question behind a handoff.
    pub fn check_of(&self, handoff: &str) -> Result<Option<CheckRow>, StoreError> {
        self.one_check("handoff = ?1", [handoff])
    }

    fn one_check(
        &self,
        filter: &str,
        values: impl rusqlite::Params,
    ) -> Result<Option<CheckRow>, StoreError> {
        let sql = format!("SELECT {CHECK} FROM checks WHERE {filter} ORDER BY seq DESC LIMIT 1");
        self.connection.prepare_cached(&sql)?.query_row(values, check).optional()?.transpose()
    }

    /// The question by which exactly this call was allowed and that is not yet
    /// recorded as done.
    pub fn was_allowed(
        &self,
        agent: &str,
        task: &str,
        hash: &str,
    ) -> Result<Option<CheckRow>, StoreError> {
        let sql = format!(
            "SELECT {CHECK} FROM checks WHERE agent = ? AND task = ? AND hash = ?
             AND verdict = 'run' AND done = 0 ORDER BY seq LIMIT 1"
        );
        let values = [agent, task, hash];
        self.connection.prepare_cached(&sql)?.query_row(values, check).optional()?.transpose()
    }

    /// The handoff whose decision lets exactly this call run once more.
    pub fn permit(
        &self,
        agent: &str,
        task: &str,
        hash: &str,
    ) -> Result<Option<String>, StoreError> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT handoff FROM permits WHERE agent = ? AND task = ? AND hash = ?
                 AND used_at IS NULL LIMIT 1",
            )?
            .query_row([agent, task, hash], |row| row.get(0))
            .optional()?)
    }

    /// Whether a decision ever let exactly this call run.
    pub fn was_permitted(&self, agent: &str, task: &str, hash: &str) -> Result<bool, StoreError> {
        Ok(self
            .connection
            .prepare_cached("SELECT 1 FROM permits WHERE agent = ? AND task = ? AND hash = ?")?
            .exists([agent, task, hash])?)
    }

    /// The action of this id, as it was recorded.
    pub fn action(&self, agent: &str, task: &str, id: &str) -> Result<Option<Past>, StoreError> {
        self.connection
            .prepare_cached(
                "SELECT action, effect, source FROM actions
                 WHERE agent = ? AND task = ? AND id = ?",
            )?
            .query_row([agent, task, id], past)
            .optional()?
            .transpose()
    }

    /// The last calls of a task after this place, oldest first, at most
    /// `limit`, each with its place.
    pub fn calls_after(
        &self,
        agent: &str,
        task: &str,
        after: i64,
        limit: u32,
    ) -> Result<Vec<(i64, Call)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT action, effect, at, seq FROM actions WHERE agent = ? AND task = ? AND seq > ?
             ORDER BY seq DESC LIMIT ?",
        )?;
        let mut rows = statement.query(params![agent, task, after, limit])?;
        let mut calls = Vec::new();
        while let Some(row) = rows.next()? {
            let action: Action = serde_json::from_str(row.get_ref(0)?.as_str().unwrap_or("null"))?;
            let call = Call {
                id: action.id,
                step: action.step,
                tool: action.tool,
                args: action.input.unwrap_or(Value::Null),
                output: action.output,
                status: action.status,
                effect: effect_from(row.get(1)?),
                facts: action.facts,
                at: instant(row.get(2)?),
            };
            calls.push((row.get(3)?, call));
        }
        calls.reverse();
        Ok(calls)
    }

    /// The changes of a task that wait to be looked at, oldest first.
    pub fn drafted(&self, agent: &str, task: &str) -> Result<Vec<Past>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT action, effect, source FROM actions
             WHERE agent = ? AND task = ? AND drafted = 1 ORDER BY seq",
        )?;
        statement
            .query_map([agent, task], past)?
            .map(|found| found.map_err(StoreError::from).flatten())
            .collect()
    }

    /// How many changes of a task wait to be looked at.
    pub fn drafted_count(&self, agent: &str, task: &str) -> Result<u32, StoreError> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT count(*) FROM actions WHERE agent = ? AND task = ? AND drafted = 1",
            )?
            .query_row([agent, task], |row| row.get(0))?)
    }

    /// The oldest draft of a task that the agent has not reported on yet.
    pub fn open_draft(&self, agent: &str, task: &str) -> Result<Option<String>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT a.draft FROM actions a JOIN handoffs h ON h.id = a.draft
             WHERE a.agent = ?1 AND a.task = ?2 AND h.state IN (?3, ?4, ?5, ?6, ?7)
             ORDER BY h.seq LIMIT 1",
        )?;
        let open = [State::Queued, State::Ready, State::Decided, State::Released, State::Collected];
        let [queued, ready, decided, released, collected] = open.map(State::as_str);
        let asked = params![agent, task, queued, ready, decided, released, collected];
        Ok(statement.query_row(asked, |row| row.get(0)).optional()?)
    }

    /// Whether a handoff is about a draft.
    pub fn is_draft(&self, handoff: &str) -> Result<bool, StoreError> {
        Ok(self
            .connection
            .prepare_cached("SELECT 1 FROM actions WHERE draft = ?")?
            .exists([handoff])?)
    }

    /// What an agent has done so far.
    pub fn track(&self, agent: &str) -> Result<Counted, StoreError> {
        let counted = self
            .connection
            .prepare_cached(
                "SELECT t.decisions, t.overridden, t.undone, t.calls, t.mandatory,
                   t.discretionary, coalesce(a.divergences, 0)
                 FROM tracks t LEFT JOIN agents a ON a.name = t.agent WHERE t.agent = ?",
            )?
            .query_row([agent], |row| {
                Ok(Counted {
                    decisions: row.get(0)?,
                    overridden: row.get(1)?,
                    undone: row.get(2)?,
                    calls: row.get(3)?,
                    mandatory: row.get(4)?,
                    discretionary: row.get(5)?,
                    divergences: row.get(6)?,
                })
            })
            .optional()?;
        if let Some(counted) = counted {
            return Ok(counted);
        }
        let mut statement = self
            .connection
            .prepare_cached("SELECT coalesce(sum(divergences), 0) FROM agents WHERE name = ?")?;
        let divergences = statement.query_row([agent], |row| row.get(0))?;
        Ok(Counted { divergences, ..Counted::default() })
    }
}

impl Write<'_> {
    /// Keeps a question and its answer, in the place of an earlier answer to
    /// the same key.
    pub fn keep_check(
        &self,
        agent: &str,
        check: &NewCheck,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO checks (agent, task, key, step, tool, hash, asked, answer, verdict,
                   effect, mandatory, level, evidence, handoff, rule, at, judged, gave,
                   measured)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16,
                   ?17, ?18, ?19)
                 ON CONFLICT (agent, key) DO UPDATE SET answer = ?8, verdict = ?9, effect = ?10,
                   mandatory = max(mandatory, ?11), level = ?12, evidence = ?13,
                   handoff = coalesce(?14, handoff), rule = ?15, judged = ?17, gave = ?18,
                   measured = ?19",
            )?
            .execute(params![
                agent,
                check.task,
                check.key,
                check.step,
                check.tool,
                check.hash,
                check.asked,
                check.answer,
                check.verdict,
                effect_number(check.effect),
                check.mandatory,
                serde_json::to_string(&check.level)?,
                serde_json::to_string(&check.evidence)?,
                check.handoff,
                check.rule,
                millis(now),
                serde_json::to_string(&check.judged)?,
                serde_json::to_string(&check.gave)?,
                serde_json::to_string(&check.measured)?,
            ])?;
        Ok(())
    }

    /// Notes that what a question allowed was done.
    pub fn check_done(&self, seq: i64) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("UPDATE checks SET done = 1 WHERE seq = ?")?
            .execute([seq])?;
        Ok(())
    }

    /// Keeps an action, in the place of what was recorded of it before.
    pub fn keep_action(
        &self,
        agent: &str,
        new: &NewAction<'_>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let action = new.action;
        self.connection
            .prepare_cached(
                "INSERT INTO actions (agent, task, id, step, tool, hash, action, effect, status,
                   source, at, drafted)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
                 ON CONFLICT (agent, task, id) DO UPDATE SET action = ?7, effect = ?8,
                   status = ?9, source = ?10, drafted = max(drafted, ?12)",
            )?
            .execute(params![
                agent,
                new.task,
                action.id,
                action.step,
                action.tool,
                new.hash,
                serde_json::to_string(action)?,
                effect_number(new.effect),
                serde_json::to_string(&action.status)?.trim_matches('"'),
                new.source,
                millis(now),
                new.drafted,
            ])?;
        Ok(())
    }

    /// Puts the drafted changes of a task into the handoff that asks for them.
    pub fn gather_draft(&self, agent: &str, task: &str, handoff: &str) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "UPDATE actions SET drafted = 0, draft = ?3
                 WHERE agent = ?1 AND task = ?2 AND drafted = 1",
            )?
            .execute([agent, task, handoff])?;
        Ok(())
    }

    /// Lets exactly one later call of this hash run.
    pub fn permit_once(
        &self,
        handoff: &str,
        agent: &str,
        task: &str,
        hash: &str,
    ) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "INSERT OR IGNORE INTO permits (handoff, agent, task, hash) VALUES (?, ?, ?, ?)",
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
}
