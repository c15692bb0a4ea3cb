//! What the reviewer has given and taken: levels, pauses, accepted tools and
//! rules.

use chrono::{DateTime, TimeDelta, Utc};
use handoff_domain::action::Effect;
use handoff_domain::autonomy::LevelSet;
use handoff_domain::gate::Stop;
use handoff_domain::rule::Rule;
use rusqlite::{OptionalExtension as _, Row, params};

use super::effect;
use crate::rows::{effect_number, instant, millis};
use crate::{Read, StoreError, Write};

/// A task in the reviewer's hands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InHandsRow {
    /// The agent.
    pub agent: String,
    /// The task's id.
    pub task: String,
    /// Its title.
    pub title: String,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// The levels that apply to a task.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SetLevels {
    /// The agent's.
    pub agent: LevelSet,
    /// The task's own.
    pub task: Option<LevelSet>,
    /// Why the desk has lowered the agent's, until the reviewer has looked.
    pub lowered: Option<String>,
}

/// A tool of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownTool {
    /// Its name.
    pub name: String,
    /// Its definition, word for word.
    pub definition: String,
    /// SHA-256 of the definition.
    pub hash: String,
    /// What it does to the world, as the agent says.
    pub claimed: Option<Effect>,
    /// What the reviewer has accepted it as.
    pub accepted: Option<Effect>,
    /// The definition that was accepted.
    pub accepted_hash: Option<String>,
}

impl KnownTool {
    /// What was accepted of the present definition.
    pub fn in_force(&self) -> Option<Effect> {
        self.accepted.filter(|_| self.accepted_hash.as_ref() == Some(&self.hash))
    }
}

/// A rule of the reviewer.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleRow {
    /// Names it.
    pub id: i64,
    /// The rule.
    pub rule: Rule,
    /// How often it has been used.
    pub used: u32,
    /// When it was last used.
    pub last_used: Option<DateTime<Utc>>,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// When it was taken back.
    pub revoked_at: Option<DateTime<Utc>>,
}

impl RuleRow {
    /// Whether it counts at this moment.
    pub fn is_active(&self, now: DateTime<Utc>) -> bool {
        self.stands(now) && self.rule.uses.is_none_or(|uses| self.used < uses)
    }

    /// Whether it is neither taken back nor at its end, used up or not.
    pub fn stands(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && self.rule.until.is_none_or(|until| now < until)
    }
}

const RULE: &str = "id, rule, used, last_used, made_at, revoked_at";

fn rule(row: &Row<'_>) -> rusqlite::Result<Result<RuleRow, StoreError>> {
    let text: String = row.get(1)?;
    let (last_used, revoked_at): (Option<i64>, Option<i64>) = (row.get(3)?, row.get(5)?);
    let (id, used, made_at) = (row.get(0)?, row.get(2)?, row.get(4)?);
    let parsed = || -> Result<RuleRow, StoreError> {
        Ok(RuleRow {
            id,
            rule: serde_json::from_str(&text)?,
            used,
            last_used: last_used.map(instant),
            made_at: instant(made_at),
            revoked_at: revoked_at.map(instant),
        })
    };
    Ok(parsed())
}

const TOOL: &str = "name, definition, hash, claimed, accepted, accepted_hash";

fn tool(row: &Row<'_>) -> rusqlite::Result<KnownTool> {
    Ok(KnownTool {
        name: row.get(0)?,
        definition: row.get(1)?,
        hash: row.get(2)?,
        claimed: effect(row.get(3)?),
        accepted: effect(row.get(4)?),
        accepted_hash: row.get(5)?,
    })
}

impl Read<'_> {
    /// The levels that apply to a task; the empty task is the agent alone.
    pub fn levels(&self, agent: &str, task: &str) -> Result<SetLevels, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT task, level, lowered FROM levels WHERE agent = ?1 AND task IN ('', ?2)",
        )?;
        let mut rows = statement.query([agent, task])?;
        let mut set = SetLevels::default();
        while let Some(row) = rows.next()? {
            let level = serde_json::from_str(row.get_ref(1)?.as_str().unwrap_or_default())?;
            if row.get_ref(0)?.as_str() == Ok("") {
                set.agent = level;
                set.lowered = row.get(2)?;
            } else {
                set.task = Some(level);
            }
        }
        Ok(set)
    }

    /// The tasks of an agent that have a level of their own.
    pub fn task_levels(&self, agent: &str) -> Result<Vec<(String, LevelSet)>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT task, level FROM levels WHERE agent = ? AND task != ''")?;
        let mut rows = statement.query([agent])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let level: String = row.get(1)?;
            found.push((row.get(0)?, serde_json::from_str(&level)?));
        }
        Ok(found)
    }

    /// What stops a task: the gravest of what is stopped above it.
    pub fn stop(&self, agent: &str, task: &str) -> Result<Option<Stop>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT stop FROM pauses WHERE (agent = '' AND task = '')
             OR (agent = ?1 AND task IN ('', ?2))",
        )?;
        let mut rows = statement.query([agent, task])?;
        let mut found: Option<Stop> = None;
        while let Some(row) = rows.next()? {
            let word: String = row.get(0)?;
            let stop: Stop = serde_json::from_str(&word)?;
            if stop == Stop::TakenOver || found.is_none() {
                found = Some(stop);
            }
        }
        Ok(found)
    }

    /// Whether exactly this is stopped; empty means all.
    pub fn is_paused(&self, agent: &str, task: &str) -> Result<bool, StoreError> {
        Ok(self.stopped_at(agent, task)?.is_some())
    }

    /// How exactly this is stopped; empty means all.
    pub fn stopped_at(&self, agent: &str, task: &str) -> Result<Option<Stop>, StoreError> {
        let word: Option<String> = self
            .connection
            .prepare_cached("SELECT stop FROM pauses WHERE agent = ? AND task = ?")?
            .query_row([agent, task], |row| row.get(0))
            .optional()?;
        Ok(word.map(|word| serde_json::from_str(&word)).transpose()?)
    }

    /// How many agents wait for the reviewer: lowered, or with tools that are
    /// new or changed.
    pub fn calling(&self) -> Result<u32, StoreError> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT count(*) FROM (
                   SELECT agent FROM levels WHERE task = '' AND lowered IS NOT NULL
                   UNION SELECT agent FROM tools
                   WHERE gone = 0 AND (accepted IS NULL OR accepted_hash IS NOT hash))",
            )?
            .query_row([], |row| row.get(0))?)
    }

    /// The tasks that are in the reviewer's hands and not over, the latest first.
    pub fn in_hands(&self, most: u32) -> Result<Vec<InHandsRow>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT t.agent, t.id, coalesce(t.task ->> 'title', t.id), p.at
             FROM pauses p JOIN tasks t ON t.agent = p.agent AND t.id = p.task
             WHERE p.stop = ? AND t.closed_at IS NULL ORDER BY p.at DESC, t.id LIMIT ?",
        )?;
        let word = serde_json::to_string(&Stop::TakenOver)?;
        let found = statement.query_map(params![word, most], |row| {
            let (agent, task, title) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(InHandsRow { agent, task, title, since: instant(row.get(3)?) })
        })?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// The tools of an agent, by name.
    pub fn tools(&self, agent: &str) -> Result<Vec<KnownTool>, StoreError> {
        let sql = format!("SELECT {TOOL} FROM tools WHERE agent = ? AND gone = 0 ORDER BY name");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let found = statement.query_map([agent], tool)?.collect::<Result<_, _>>()?;
        Ok(found)
    }

    /// One tool of an agent.
    pub fn tool(&self, agent: &str, name: &str) -> Result<Option<KnownTool>, StoreError> {
        let sql = format!("SELECT {TOOL} FROM tools WHERE agent = ? AND name = ? AND gone = 0");
        Ok(self.connection.prepare_cached(&sql)?.query_row([agent, name], tool).optional()?)
    }

    /// All rules, the latest first.
    pub fn rules(&self) -> Result<Vec<RuleRow>, StoreError> {
        let sql = format!("SELECT {RULE} FROM rules ORDER BY id DESC");
        self.connection
            .prepare_cached(&sql)?
            .query_map([], rule)?
            .map(|found| found.map_err(StoreError::from).flatten())
            .collect()
    }

    /// The rule of this id, in force or not.
    pub fn rule(&self, id: i64) -> Result<Option<RuleRow>, StoreError> {
        let sql = format!("SELECT {RULE} FROM rules WHERE id = ?");
        self.connection.prepare_cached(&sql)?.query_row([id], rule).optional()?.transpose()
    }
}

impl Write<'_> {
    /// Sets a level; the empty task is the agent as a whole.
    pub fn set_level(
        &self,
        agent: &str,
        task: &str,
        level: LevelSet,
        lowered: Option<&str>,
    ) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO levels (agent, task, level, lowered) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (agent, task) DO UPDATE SET level = ?3, lowered = ?4",
            )?
            .execute(params![agent, task, serde_json::to_string(&level)?, lowered])?;
        Ok(())
    }

    /// Moves the ends of levels with a clock that was set.
    pub fn move_level_ends(&self, by: TimeDelta) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT agent, task, level FROM levels WHERE level ->> '$.until' IS NOT NULL",
        )?;
        let ending = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<Result<Vec<(String, String, String)>, _>>()?;
        for (agent, task, level) in ending {
            // What cannot be read is no level, and must not keep the deadlines from moving.
            let Ok(mut level) = serde_json::from_str::<LevelSet>(&level) else { continue };
            level.until = level.until.map(|at| at.checked_add_signed(by).unwrap_or(at));
            self.connection
                .prepare_cached("UPDATE levels SET level = ?3 WHERE agent = ?1 AND task = ?2")?
                .execute(params![agent, task, serde_json::to_string(&level)?])?;
        }
        Ok(())
    }

    /// Takes a task's own level away.
    pub fn clear_level(&self, agent: &str, task: &str) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("DELETE FROM levels WHERE agent = ? AND task = ? AND task != ''")?
            .execute([agent, task])?;
        Ok(())
    }

    /// Counts that an agent did something else than was decided, or never asked.
    pub fn count_divergence(&self, agent: &str) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("UPDATE agents SET divergences = divergences + 1 WHERE name = ?")?
            .execute([agent])?;
        Ok(())
    }

    /// Stops something, or lets it go on; empty means all. Says whether that
    /// changes anything.
    pub fn pause(
        &self,
        agent: &str,
        task: &str,
        stop: Option<Stop>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let changed = match stop {
            Some(stop) => self
                .connection
                .prepare_cached(
                    "INSERT INTO pauses (agent, task, stop, at) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (agent, task) DO UPDATE SET stop = ?3, at = ?4
                     WHERE stop != ?3",
                )?
                .execute(params![agent, task, serde_json::to_string(&stop)?, millis(now)])?,
            None => self
                .connection
                .prepare_cached("DELETE FROM pauses WHERE agent = ? AND task = ?")?
                .execute([agent, task])?,
        };
        Ok(changed > 0)
    }

    /// Keeps what an agent says its tools are; what it no longer names is gone,
    /// and what was accepted stays pinned to the definition it was accepted for.
    pub fn keep_tools(&self, agent: &str, tools: &[KnownTool]) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("UPDATE tools SET gone = 1 WHERE agent = ?")?
            .execute([agent])?;
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO tools (agent, name, definition, hash, claimed) VALUES (?, ?, ?, ?, ?)
             ON CONFLICT (agent, name) DO UPDATE SET definition = excluded.definition,
               hash = excluded.hash, claimed = excluded.claimed, gone = 0",
        )?;
        for tool in tools {
            let claimed = tool.claimed.map(effect_number);
            statement.execute(params![agent, tool.name, tool.definition, tool.hash, claimed])?;
        }
        Ok(())
    }

    /// Accepts a tool as it was shown, or takes that back; says whether its
    /// definition is still that one.
    pub fn accept_tool(
        &self,
        agent: &str,
        name: &str,
        hash: &str,
        accepted: Option<Effect>,
    ) -> Result<bool, StoreError> {
        let changed = self
            .connection
            .prepare_cached(
                "UPDATE tools SET accepted = ?4, accepted_hash = CASE WHEN ?4 IS NULL THEN NULL
                   ELSE ?3 END
                 WHERE agent = ?1 AND name = ?2 AND hash = ?3 AND gone = 0",
            )?
            .execute(params![agent, name, hash, accepted.map(effect_number)])?;
        Ok(changed == 1)
    }

    /// Keeps a new rule; returns what names it.
    pub fn add_rule(&self, rule: &Rule, now: DateTime<Utc>) -> Result<i64, StoreError> {
        self.connection
            .prepare_cached("INSERT INTO rules (rule, made_at) VALUES (?, ?)")?
            .execute(params![serde_json::to_string(rule)?, millis(now)])?;
        Ok(self.connection.last_insert_rowid())
    }

    /// Takes a rule back; says whether it was in force.
    pub fn revoke_rule(&self, id: i64, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let changed = self
            .connection
            .prepare_cached(
                "UPDATE rules SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL",
            )?
            .execute(params![id, millis(now)])?;
        Ok(changed == 1)
    }

    /// Counts a use of a rule, if it may still be used; says whether it may.
    pub fn use_rule(&self, id: i64, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let changed = self
            .connection
            .prepare_cached(
                "UPDATE rules SET used = used + 1, last_used = ?2 WHERE id = ?1
                 AND revoked_at IS NULL AND used < coalesce(rule ->> 'uses', used + 1)",
            )?
            .execute(params![id, millis(now)])?;
        Ok(changed == 1)
    }
}
