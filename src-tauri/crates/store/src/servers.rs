//! The servers of others that the reviewer has added, and what was found there
//! that waits for an answer.
//!
//! It keeps no secret: those are in the system's key store, or in a file.

use chrono::{DateTime, Utc};
use handoff_domain::lifecycle::State;
use handoff_domain::outbox::Delivery;
use rusqlite::{OptionalExtension as _, Row, params};

use crate::rows::millis;
use crate::{Read, StoreError, Write};

/// A server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerRow {
    /// Its name, and the end of the name of its agent.
    pub name: String,
    /// Where it is.
    pub url: String,
    /// What else is sent with each request: names and values, none of them secret.
    pub headers: Vec<(String, String)>,
    /// The name of the header that carries the secret.
    pub secret: Option<String>,
    /// Where the secret is kept, in one word.
    pub secret_in: Option<String>,
}

/// A question that was found on a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskRow {
    /// Names it here.
    pub seq: i64,
    /// The server.
    pub server: String,
    /// The thread that waits.
    pub thread: String,
    /// What names the question in its thread.
    pub question: String,
    /// How often it was asked at the desk, with this time.
    pub attempt: u32,
    /// What it is, as JSON of the connector.
    pub about: String,
    /// How far the answer is.
    pub standing: Delivery,
    /// All that it became was closed.
    pub closed: bool,
    /// The handoffs that it became, in the order of its parts, and where they
    /// stand; those that were not submitted yet stand nowhere.
    pub handoffs: Vec<(String, Option<State>)>,
}

/// A question to be kept, before it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAsk {
    /// The server.
    pub server: String,
    /// The thread that waits.
    pub thread: String,
    /// What names the question in its thread.
    pub question: String,
    /// How often it was asked at the desk, with this time.
    pub attempt: u32,
    /// What it is, as JSON of the connector.
    pub about: String,
    /// The ids of the handoffs that it becomes.
    pub handoffs: Vec<String>,
}

const SERVER: &str = "name, url, headers, secret, secret_in";

const ASK: &str = "seq, server, thread, question, attempt, about, standing, over_at IS NOT NULL";

fn server(row: &Row<'_>) -> rusqlite::Result<Result<ServerRow, StoreError>> {
    let headers: String = row.get(2)?;
    let parsed = || -> Result<ServerRow, StoreError> {
        Ok(ServerRow {
            name: row.get(0)?,
            url: row.get(1)?,
            headers: serde_json::from_str(&headers)?,
            secret: row.get(3)?,
            secret_in: row.get(4)?,
        })
    };
    Ok(parsed())
}

fn ask(row: &Row<'_>) -> rusqlite::Result<Result<AskRow, StoreError>> {
    let standing: String = row.get(6)?;
    let parsed = || -> Result<AskRow, StoreError> {
        Ok(AskRow {
            seq: row.get(0)?,
            server: row.get(1)?,
            thread: row.get(2)?,
            question: row.get(3)?,
            attempt: row.get(4)?,
            about: row.get(5)?,
            standing: serde_json::from_str(&standing)?,
            closed: row.get(7)?,
            handoffs: Vec::new(),
        })
    };
    Ok(parsed())
}

impl Read<'_> {
    /// The servers that were added and not removed, by name.
    pub fn servers(&self) -> Result<Vec<ServerRow>, StoreError> {
        let sql = format!("SELECT {SERVER} FROM servers WHERE removed_at IS NULL ORDER BY name");
        let mut statement = self.connection.prepare_cached(&sql)?;
        statement.query_map([], server)?.map(|row| row?).collect()
    }

    /// Whether a server of this name is, or was, the reviewer's.
    pub fn knows_server(&self, name: &str) -> Result<bool, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT 1 FROM servers WHERE name = ?")?;
        Ok(statement.exists([name])?)
    }

    /// The questions of a server of which something is open, oldest first.
    pub fn open_asks(&self, server: &str) -> Result<Vec<AskRow>, StoreError> {
        let sql =
            format!("SELECT {ASK} FROM asks WHERE server = ? AND over_at IS NULL ORDER BY seq");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let found = statement.query_map([server], ask)?.map(|row| row?);
        found.map(|row| self.with_handoffs(row?)).collect()
    }

    /// The last time that a question of a thread was asked.
    pub fn last_ask(
        &self,
        server: &str,
        thread: &str,
        question: &str,
    ) -> Result<Option<AskRow>, StoreError> {
        let sql = format!(
            "SELECT {ASK} FROM asks WHERE server = ? AND thread = ? AND question = ?
             ORDER BY attempt DESC LIMIT 1"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let found = statement.query_row([server, thread, question], ask).optional()?.transpose()?;
        found.map(|row| self.with_handoffs(row)).transpose()
    }

    /// The question that became this handoff.
    pub fn ask_of(&self, handoff: &str) -> Result<Option<AskRow>, StoreError> {
        let sql =
            format!("SELECT {ASK} FROM asks WHERE seq = (SELECT ask FROM asked WHERE handoff = ?)");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let found = statement.query_row([handoff], ask).optional()?.transpose()?;
        found.map(|row| self.with_handoffs(row)).transpose()
    }

    fn with_handoffs(&self, mut row: AskRow) -> Result<AskRow, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT asked.handoff, handoffs.state FROM asked
             LEFT JOIN handoffs ON handoffs.id = asked.handoff
             WHERE asked.ask = ? ORDER BY asked.part",
        )?;
        let found = statement.query_map([row.seq], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, Option<String>>(1)?))
        })?;
        for part in found {
            let (handoff, state) = part?;
            let state = state.map(|word| serde_json::from_value(word.into())).transpose()?;
            row.handoffs.push((handoff, state));
        }
        Ok(row)
    }
}

impl Write<'_> {
    /// Adds a server, or puts another in the place of the one of this name.
    pub fn keep_server(&self, server: &ServerRow, now: DateTime<Utc>) -> Result<(), StoreError> {
        let headers = serde_json::to_string(&server.headers)?;
        self.connection
            .prepare_cached(
                "INSERT INTO servers (name, url, headers, secret, secret_in, added_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (name) DO UPDATE SET url = ?2, headers = ?3, secret = ?4,
                   secret_in = ?5, added_at = ?6, removed_at = NULL",
            )?
            .execute(params![
                server.name,
                server.url,
                headers,
                server.secret,
                server.secret_in,
                millis(now)
            ])?;
        Ok(())
    }

    /// Removes a server; its name stays taken for it.
    pub fn remove_server(&self, name: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "UPDATE servers SET removed_at = ?2, headers = '[]', secret = NULL,
                 secret_in = NULL WHERE name = ?1",
            )?
            .execute(params![name, millis(now)])?;
        Ok(())
    }

    /// Keeps a question, once; answers how it is named here.
    pub fn keep_ask(&self, new: &NewAsk, now: DateTime<Utc>) -> Result<i64, StoreError> {
        let standing = serde_json::to_string(&Delivery::Asked)?;
        self.connection
            .prepare_cached(
                "INSERT INTO asks (server, thread, question, attempt, about, standing, at)
                 VALUES (?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                new.server,
                new.thread,
                new.question,
                new.attempt,
                new.about,
                standing,
                millis(now)
            ])?;
        let seq = self.connection.last_insert_rowid();
        for (part, handoff) in new.handoffs.iter().enumerate() {
            self.connection
                .prepare_cached("INSERT INTO asked (handoff, ask, part) VALUES (?, ?, ?)")?
                .execute(params![handoff, seq, i64::try_from(part).unwrap_or(i64::MAX)])?;
        }
        Ok(seq)
    }

    /// Notes how far the answer to a question is.
    pub fn ask_stands(&self, seq: i64, standing: &Delivery) -> Result<(), StoreError> {
        let standing = serde_json::to_string(standing)?;
        self.connection
            .prepare_cached("UPDATE asks SET standing = ?2 WHERE seq = ?1")?
            .execute(params![seq, standing])?;
        Ok(())
    }

    /// All that a question became is closed.
    pub fn close_ask(&self, seq: i64, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("UPDATE asks SET over_at = ?2 WHERE seq = ?1 AND over_at IS NULL")?
            .execute(params![seq, millis(now)])?;
        Ok(())
    }
}
