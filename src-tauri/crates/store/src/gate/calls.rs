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

use super::desks_own;
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
    /// The idempotency key.
    pub key: String,
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
    /// The standing rule that let it run.
    pub rule: Option<i64>,
    /// What it allowed was recorded.
    pub done: bool,
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
    /// Whether the desk found that out; else the agent says so.
    pub found: bool,
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
    /// Whether the desk found that out; else the agent says so.
    pub found: bool,
    /// Where the desk has it from.
    pub source: String,
}

const CHECK: &str = "seq, task, step, tool, hash, asked, answer, verdict, evidence, level, handoff, rule, done, key";

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
            rule: row.get(11)?,
            done: row.get(12)?,
            key: row.get(13)?,
        })
    };
    Ok(parsed())
}

/// The columns that [`past`] reads.
pub(super) const PAST: &str = "action, effect, source, found";

pub(super) fn past(row: &Row<'_>) -> rusqlite::Result<Result<Past, StoreError>> {
    let text: String = row.get(0)?;
    let (effect, source, found) = (effect_from(row.get(1)?), row.get(2)?, row.get(3)?);
    Ok(serde_json::from_str(&text)
        .map(|action| Past { action, effect, found, source })
        .map_err(StoreError::from))
}

impl Read<'_> {
    /// What an agent asked under this key.
    pub fn check_by_key(&self, agent: &str, key: &str) -> Result<Option<CheckRow>, StoreError> {
        self.one_check("agent = ?1 AND key = ?2", [agent, key])
    }

    /// The question behind a handoff that the gate asks with: the first that names
    /// it. Later ones have used its permit, as others use that of a handoff of the
    /// agent's own, which has none.
    pub fn check_of(&self, handoff: &str) -> Result<Option<CheckRow>, StoreError> {
        let own = desks_own("h", "check");
        let asks = format!("EXISTS (SELECT 1 FROM handoffs h WHERE h.id = ?1 AND {own})");
        self.one_check(&format!("handoff = ?1 AND {asks}"), [handoff])
    }

    fn one_check(
        &self,
        filter: &str,
        values: impl rusqlite::Params,
    ) -> Result<Option<CheckRow>, StoreError> {
        let sql = format!("SELECT {CHECK} FROM checks WHERE {filter} ORDER BY seq LIMIT 1");
        self.connection.prepare_cached(&sql)?.query_row(values, check).optional()?.transpose()
    }

    /// The question by which exactly this call was allowed and that is not yet
    /// recorded, or not as another action than this one: the latest, since one
    /// before may never have been made. One that was asked under the action's id
    /// is meant before others.
    pub fn was_allowed(
        &self,
        agent: &str,
        task: &str,
        hash: &str,
        action: &str,
    ) -> Result<Option<CheckRow>, StoreError> {
        let sql = format!(
            "SELECT {CHECK} FROM checks WHERE agent = ?1 AND task = ?2 AND hash = ?3
             AND verdict = 'run' AND done = 0 AND (action IS NULL OR action = ?4)
             ORDER BY action IS NULL, key = ?4 DESC, seq DESC LIMIT 1"
        );
        let values = [agent, task, hash, action];
        self.connection.prepare_cached(&sql)?.query_row(values, check).optional()?.transpose()
    }

    /// The action of this id, as it was recorded.
    pub fn action(&self, agent: &str, task: &str, id: &str) -> Result<Option<Past>, StoreError> {
        let sql = format!("SELECT {PAST} FROM actions WHERE agent = ? AND task = ? AND id = ?");
        self.connection
            .prepare_cached(&sql)?
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

    /// How many calls of a task before its `newest` ones came after this moment.
    pub fn calls_before(
        &self,
        agent: &str,
        task: &str,
        newest: u32,
        after: DateTime<Utc>,
    ) -> Result<u32, StoreError> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT count(*) FROM (SELECT at FROM actions WHERE agent = ? AND task = ?
                 ORDER BY seq DESC LIMIT -1 OFFSET ?) WHERE at > ?",
            )?
            .query_row(params![agent, task, newest, millis(after)], |row| row.get(0))?)
    }

    /// The changes of a task that wait to be looked at, oldest first.
    pub fn drafted(&self, agent: &str, task: &str) -> Result<Vec<Past>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {PAST} FROM actions
             WHERE agent = ? AND task = ? AND drafted = 1 ORDER BY seq"
        ))?;
        statement
            .query_map([agent, task], past)?
            .map(|found| found.map_err(StoreError::from).flatten())
            .collect()
    }

    /// The tools of the calls that were let run as part of a task's draft and of which
    /// nothing was recorded, oldest first.
    pub fn drafted_unrecorded(&self, agent: &str, task: &str) -> Result<Vec<String>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT tool FROM checks c WHERE agent = ?1 AND task = ?2 AND done = 0
               AND verdict = 'run' AND gave ->> 'by' = 'drafted'
               AND NOT EXISTS (SELECT 1 FROM actions a
                 WHERE a.agent = ?1 AND a.task = ?2 AND a.hash = c.hash)
             ORDER BY seq",
        )?;
        let found = statement.query_map([agent, task], |row| row.get(0))?;
        Ok(found.collect::<Result<_, _>>()?)
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

    /// The handoffs about drafts of a task, by their numbers, oldest first.
    pub fn drafts_of(&self, agent: &str, task: &str) -> Result<Vec<i64>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT DISTINCT h.seq FROM actions a JOIN handoffs h ON h.id = a.draft
             WHERE a.agent = ? AND a.task = ? ORDER BY h.seq",
        )?;
        let found = statement.query_map([agent, task], |row| row.get(0))?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// What an agent has done so far.
    pub fn track(&self, agent: &str) -> Result<Counted, StoreError> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT coalesce(t.decisions, 0), coalesce(t.overridden, 0),
                   coalesce(t.undone, 0), coalesce(t.calls, 0), coalesce(t.mandatory, 0),
                   coalesce(t.discretionary, 0), coalesce(a.divergences, 0)
                 FROM (SELECT ?1 AS name) n LEFT JOIN tracks t ON t.agent = n.name
                 LEFT JOIN agents a ON a.name = n.name",
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
            })?)
    }
}

impl Write<'_> {
    /// Keeps a question and its answer, in the place of an earlier answer to
    /// the same key. How a question came before the reviewer stays, whatever the
    /// answer is afterwards: it is what replays and counts are about.
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
                   mandatory = max(mandatory, ?11), handoff = coalesce(?14, handoff), rule = ?15,
                   (level, evidence, judged, gave, measured) =
                     (SELECT level, evidence, judged, gave, measured
                      WHERE handoff IS NOT NULL AND gave ->> '$.verdict' = 'held'
                      UNION ALL SELECT ?12, ?13, ?17, ?18, ?19 LIMIT 1)",
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

    /// Notes the action that a question is recorded as, and whether that is over.
    pub fn check_recorded(&self, seq: i64, action: &str, over: bool) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("UPDATE checks SET action = ?2, done = max(done, ?3) WHERE seq = ?1")?
            .execute(params![seq, action, over])?;
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
                   source, at, drafted, found)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
                 ON CONFLICT (agent, task, id) DO UPDATE SET action = ?7, effect = ?8,
                   status = ?9, source = ?10, drafted = max(drafted, ?12), found = ?13",
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
                new.found,
            ])?;
        Ok(())
    }

    /// Notes where the desk has an action from.
    pub fn set_source(
        &self,
        agent: &str,
        task: &str,
        id: &str,
        source: &str,
    ) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "UPDATE actions SET source = ?4 WHERE agent = ?1 AND task = ?2 AND id = ?3",
            )?
            .execute([agent, task, id, source])?;
        Ok(())
    }

    /// Puts these drafted changes of a task into the handoff that asks for them;
    /// what was recorded since belongs to the next one.
    pub fn gather_draft(
        &self,
        agent: &str,
        task: &str,
        handoff: &str,
        actions: &[String],
    ) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(
            "UPDATE actions SET drafted = 0, draft = ?3
             WHERE agent = ?1 AND task = ?2 AND id = ?4 AND drafted = 1",
        )?;
        for action in actions {
            statement.execute([agent, task, handoff, action])?;
        }
        Ok(())
    }
}
