//! The agents and the settings: who may speak under which name, and what the
//! reviewer has set.

use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension as _, Row, params};

use crate::rows::{instant, millis};
use crate::{Read, StoreError, Write};

/// An agent that has said hello.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Its name.
    pub name: String,
    /// SHA-256 of its token, in hex.
    pub token_hash: String,
    /// What it is built with.
    pub framework: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// When it first said hello.
    pub first_seen: DateTime<Utc>,
    /// When it was last heard of.
    pub last_seen: DateTime<Utc>,
    /// How many handoffs it has made.
    pub handoffs: u32,
    /// How many of them came cold.
    pub cold: u32,
}

/// What an agent has spoken to the desk through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentConnection {
    /// What it said it is built with.
    pub framework: Option<String>,
    /// The version it said last.
    pub version: Option<String>,
    /// When it was first heard of.
    pub first_seen: DateTime<Utc>,
    /// When it was last heard of.
    pub last_seen: DateTime<Utc>,
}

/// How many of them are kept for an agent: one that calls itself another thing
/// each time must not fill the disk.
const CONNECTIONS: u32 = 12;

const COLUMNS: &str = "name, token_hash, framework, version, first_seen, last_seen,
    (SELECT coalesce(sum(count), 0) FROM tallies WHERE agent = agents.name),
    (SELECT count(*) FROM handoffs WHERE agent = agents.name AND cold = 1)";

fn agent(row: &Row<'_>) -> rusqlite::Result<Agent> {
    Ok(Agent {
        name: row.get(0)?,
        token_hash: row.get(1)?,
        framework: row.get(2)?,
        version: row.get(3)?,
        first_seen: instant(row.get(4)?),
        last_seen: instant(row.get(5)?),
        handoffs: row.get(6)?,
        cold: row.get(7)?,
    })
}

impl Read<'_> {
    /// The agent of this name.
    pub fn agent(&self, name: &str) -> Result<Option<Agent>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM agents WHERE name = ?");
        Ok(self.connection.prepare_cached(&sql)?.query_row([name], agent).optional()?)
    }

    /// SHA-256 of the token that a name is bound to.
    pub fn token_hash(&self, name: &str) -> Result<Option<String>, StoreError> {
        Ok(self
            .connection
            .prepare_cached("SELECT token_hash FROM agents WHERE name = ?")?
            .query_row([name], |row| row.get(0))
            .optional()?)
    }

    /// All agents, the last heard of first.
    pub fn agents(&self) -> Result<Vec<Agent>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM agents ORDER BY last_seen DESC, name");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let found = statement.query_map([], agent)?.collect::<Result<_, _>>()?;
        Ok(found)
    }

    /// What an agent has spoken through, the last heard of first.
    pub fn connections(&self, agent: &str) -> Result<Vec<AgentConnection>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT framework, version, first_seen, last_seen FROM connections
             WHERE agent = ? ORDER BY last_seen DESC, framework",
        )?;
        let connection = |row: &Row<'_>| {
            let framework: String = row.get(0)?;
            Ok(AgentConnection {
                framework: (!framework.is_empty()).then_some(framework),
                version: row.get(1)?,
                first_seen: instant(row.get(2)?),
                last_seen: instant(row.get(3)?),
            })
        };
        let found = statement.query_map([agent], connection)?.collect::<Result<_, _>>()?;
        Ok(found)
    }

    /// A setting, as JSON.
    pub fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        Ok(self
            .connection
            .prepare_cached("SELECT value FROM settings WHERE name = ?")?
            .query_row([name], |row| row.get(0))
            .optional()?)
    }
}

impl Write<'_> {
    /// The same as a reader sees, within the change.
    pub fn read(&self) -> Read<'_> {
        Read { connection: self.connection }
    }

    /// Binds a name to a token, unless it is taken; says whether it did.
    pub fn bind_agent(
        &self,
        name: &str,
        token_hash: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let bound = self
            .connection
            .prepare_cached(
                "INSERT INTO agents (name, token_hash, first_seen, last_seen)
                 VALUES (?1, ?2, ?3, ?3) ON CONFLICT (name) DO NOTHING",
            )?
            .execute(params![name, token_hash, millis(now)])?;
        Ok(bound == 1)
    }

    /// Records that an agent was heard of, and what it says it is; says whether
    /// it is new to come through that.
    pub fn agent_seen(
        &self,
        name: &str,
        framework: Option<&str>,
        version: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        self.connection
            .prepare_cached(
                "UPDATE agents SET last_seen = max(last_seen, ?2),
                 framework = coalesce(?3, framework), version = coalesce(?4, version)
                 WHERE name = ?1",
            )?
            .execute(params![name, millis(now), framework, version])?;
        let is_new: bool = self
            .connection
            .prepare_cached(
                "INSERT INTO connections (agent, framework, version, first_seen, last_seen)
                 VALUES (?1, ?2, ?3, ?4, ?4)
                 ON CONFLICT (agent, framework) DO UPDATE SET
                 last_seen = max(last_seen, excluded.last_seen),
                 version = coalesce(excluded.version, version)
                 RETURNING first_seen = ?4",
            )?
            .query_row(
                params![name, framework.unwrap_or_default(), version, millis(now)],
                |row| row.get(0),
            )?;
        if is_new {
            self.connection
                .prepare_cached(
                    "DELETE FROM connections WHERE agent = ?1 AND framework NOT IN (
                     SELECT framework FROM connections WHERE agent = ?1
                     ORDER BY last_seen DESC, first_seen DESC, framework LIMIT ?2)",
                )?
                .execute(params![name, CONNECTIONS])?;
        }
        Ok(is_new)
    }

    /// Records that an agent was there until now, through what it said it is
    /// built with.
    pub fn agent_left(
        &self,
        name: &str,
        framework: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("UPDATE agents SET last_seen = max(last_seen, ?2) WHERE name = ?1")?
            .execute(params![name, millis(now)])?;
        self.connection
            .prepare_cached(
                "UPDATE connections SET last_seen = max(last_seen, ?3)
                 WHERE agent = ?1 AND framework = ?2",
            )?
            .execute(params![name, framework.unwrap_or_default(), millis(now)])?;
        Ok(())
    }

    /// Keeps a setting, as JSON.
    pub fn set(&self, name: &str, value: &str) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO settings (name, value) VALUES (?1, ?2)
                 ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            )?
            .execute([name, value])?;
        Ok(())
    }
}
