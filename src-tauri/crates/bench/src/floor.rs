//! The floor of every durable answer: the same bytes into a bare SQLite table,
//! one synced transaction each.

use std::path::Path;

use rusqlite::Connection;

/// A database with one table and nothing else.
pub struct Bare(Connection);

impl Bare {
    /// Makes one below `scratch`.
    #[expect(clippy::disallowed_methods, reason = "the store is what this is compared with")]
    pub fn open(scratch: &Path) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("bare").tempdir_in(scratch)?.keep();
        let connection = Connection::open(folder.join("bare.db"))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch("CREATE TABLE bare (seq INTEGER PRIMARY KEY, text TEXT)")?;
        Ok(Self(connection))
    }

    /// Stores a text; back once it is on disk.
    pub fn insert(&self, text: &str) -> anyhow::Result<()> {
        self.0.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        self.0.prepare_cached("INSERT INTO bare (text) VALUES (?)")?.execute([text])?;
        self.0.prepare_cached("COMMIT")?.execute([])?;
        Ok(())
    }
}
