//! What a database says of itself, for `doctor`: read only, whoever else has it
//! open.

use rusqlite::Connection;
use serde::Serialize;

use crate::disk::Disk;
use crate::files::{Files, size};
use crate::{StoreError, backup, open};

/// How a database is kept, and whether it is whole as a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The SQLite that looked.
    pub sqlite: String,
    /// The format of the database.
    pub format: i64,
    /// The format that this version writes.
    pub known_format: i64,
    /// `wal`, once a desk has opened it.
    pub journal_mode: String,
    /// In bytes.
    pub page_size: i64,
    /// Of the database.
    pub bytes: u64,
    /// Of the log that is not yet part of it.
    pub log_bytes: u64,
    /// What the quick check found wrong.
    pub faults: Vec<String>,
}

/// Looks at a database.
pub fn report(files: &Files) -> Result<Report, StoreError> {
    let connection = open::for_reading(&files.database, &Disk::default())?;
    let [database, log, _] = files.parts();
    Ok(Report {
        sqlite: rusqlite::version().to_owned(),
        format: number(&connection, "user_version")?,
        known_format: open::FORMAT,
        journal_mode: connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?,
        page_size: number(&connection, "page_size")?,
        bytes: size(&database),
        log_bytes: size(&log),
        faults: backup::faults(&connection)?,
    })
}

fn number(connection: &Connection, pragma: &str) -> Result<i64, StoreError> {
    Ok(connection.pragma_query_value(None, pragma, |row| row.get(0))?)
}
