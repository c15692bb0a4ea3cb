//! Which files were copied before which call.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use handoff_domain::kept::{Content, KeptFile};
use rusqlite::{Row, params};

use crate::rows::millis;
use crate::{Read, StoreError, Write};

fn kept(row: &Row<'_>) -> rusqlite::Result<Result<KeptFile, StoreError>> {
    let (before, after): (String, Option<String>) = (row.get(1)?, row.get(2)?);
    let path = row.get(0)?;
    let parsed = || -> Result<KeptFile, StoreError> {
        Ok(KeptFile {
            path,
            before: serde_json::from_str(&before)?,
            after: after.map(|after| serde_json::from_str(&after)).transpose()?,
        })
    };
    Ok(parsed())
}

impl Read<'_> {
    /// The files that were copied for a check, which its place names.
    pub fn kept_for(&self, check: i64) -> Result<Vec<KeptFile>, StoreError> {
        self.kept_where(
            "SELECT k.path, k.before, k.after FROM checks c
             JOIN kept_files k ON k.agent = c.agent AND k.key = c.key
             WHERE c.seq = ? ORDER BY k.path",
            [check],
        )
    }

    /// The files that an action changed, as far as there are copies.
    pub fn kept_of(
        &self,
        agent: &str,
        task: &str,
        action: &str,
    ) -> Result<Vec<KeptFile>, StoreError> {
        self.kept_where(
            "SELECT path, before, after FROM kept_files
             WHERE agent = ? AND task = ? AND action = ? ORDER BY path",
            [agent, task, action],
        )
    }

    fn kept_where(
        &self,
        sql: &str,
        values: impl rusqlite::Params,
    ) -> Result<Vec<KeptFile>, StoreError> {
        self.connection
            .prepare_cached(sql)?
            .query_map(values, kept)?
            .map(|found| found.map_err(StoreError::from).flatten())
            .collect()
    }

    /// The hashes of all copies that are still needed.
    pub fn kept_hashes(&self) -> Result<BTreeSet<String>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT before FROM kept_files")?;
        let mut rows = statement.query([])?;
        let mut found = BTreeSet::new();
        while let Some(row) = rows.next()? {
            let before = row.get_ref(0)?.as_str().unwrap_or_default();
            if let Content::File { sha256, .. } = serde_json::from_str(before)? {
                found.insert(sha256);
            }
        }
        Ok(found)
    }
}

impl Write<'_> {
    /// Notes which files were copied for the check with this key, in the place
    /// of those that were copied when it was asked before.
    pub fn keep_files(
        &self,
        agent: &str,
        task: &str,
        key: &str,
        files: &[KeptFile],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("DELETE FROM kept_files WHERE agent = ? AND key = ?")?
            .execute([agent, key])?;
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO kept_files (agent, key, path, task, before, at) VALUES (?, ?, ?, ?, ?, ?)",
        )?;
        for file in files {
            let before = serde_json::to_string(&file.before)?;
            statement.execute(params![agent, key, file.path, task, before, millis(now)])?;
        }
        Ok(())
    }

    /// Notes what a call has left of the files that were copied for it, and the
    /// action it was recorded as.
    pub fn files_left(
        &self,
        check: i64,
        action: &str,
        files: &[KeptFile],
    ) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(
            "UPDATE kept_files SET after = ?3, action = ?4 WHERE path = ?2 AND (agent, key) =
             (SELECT agent, key FROM checks WHERE seq = ?1)",
        )?;
        for file in files {
            let after = file.after.as_ref().map(serde_json::to_string).transpose()?;
            statement.execute(params![check, file.path, after, action])?;
        }
        Ok(())
    }

    /// Forgets what was copied before that time.
    pub fn forget_files(&self, before: DateTime<Utc>) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("DELETE FROM kept_files WHERE at < ?")?
            .execute([millis(before)])?;
        Ok(())
    }
}
