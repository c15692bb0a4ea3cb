//! Opening the file: version checks, migrations, and the pragmas that
//! durability rests on. The only place where a connection is made.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction};
use rusqlite_migration::{M, Migrations};

use crate::{StoreError, audit};

/// The oldest SQLite that is safe with several connections on one WAL; earlier
/// ones can corrupt it when it is reset.
pub const SQLITE_MINIMUM: i32 = 3_051_003;

/// The format that this desk writes: how many migrations there are.
pub const FORMAT: i64 = 8;

/// The first format with an audit log.
pub const AUDITED: i64 = 3;

static STEPS: LazyLock<Migrations<'static>> = LazyLock::new(|| Migrations::new(migrations()));

fn migrations() -> Vec<M<'static>> {
    vec![
        M::up(include_str!("../migrations/0001_desk.sql")),
        M::up(include_str!("../migrations/0002_lookups.sql")),
        M::up_with_hook(
            include_str!("../migrations/0003_audit.sql"),
            |change: &Transaction<'_>| Ok(audit::chain_existing(change)?),
        ),
        M::up(include_str!("../migrations/0004_search.sql")),
        M::up(include_str!("../migrations/0005_gate.sql")),
        M::up(include_str!("../migrations/0006_review.sql")),
        M::up(include_str!("../migrations/0007_queued.sql")),
        M::up(include_str!("../migrations/0008_control.sql")),
    ]
}

/// No later desk will have as many formats as this.
const LATER: i64 = 10_000;

/// What the file lies on, and how it is written. A desk knows only the
/// default; a test may have a disk that fails, or break the rules to see that
/// it is noticed.
#[derive(Debug, Clone)]
pub struct Disk {
    /// The name of the VFS, if not the system's.
    pub vfs: Option<String>,
    /// SQLite's `synchronous`.
    pub synchronous: &'static str,
    /// After how many pages the log is brought into the database.
    pub checkpoint_pages: u32,
    /// Changes are answered before they are committed.
    pub answers_early: bool,
    /// How long another program may hold the database before that is said.
    pub patience: Duration,
}

impl Default for Disk {
    fn default() -> Self {
        Self {
            vfs: None,
            synchronous: "FULL",
            checkpoint_pages: 1000,
            answers_early: false,
            patience: Duration::from_secs(5),
        }
    }
}

/// Why the database could not be opened. It is left as it was.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The SQLite in use can corrupt the file.
    #[error("SQLite {found} is too old: at least 3.51.3 is needed")]
    OldSqlite {
        /// Its version.
        found: String,
    },
    /// A later desk has written the file.
    #[error("the database has format {found}, this desk knows {known}: start the newer desk")]
    Newer {
        /// Its format.
        found: i64,
        /// The newest this desk knows.
        known: i64,
    },
    /// The file belongs to another program.
    #[error("{0} is not a Handoff Desk database")]
    Foreign(String),
    /// The file cannot be made or read.
    #[error("{path} cannot be opened: {cause}")]
    File {
        /// The file.
        path: String,
        /// Why.
        cause: std::io::Error,
    },
    /// The disk is full, and the room that was kept is not enough.
    #[error(
        "the disk is full: {doing} needs about {} free in {}{}",
        in_words(*needed),
        folder.display(),
        free.map(|free| format!(", and {} is", in_words(free))).unwrap_or_default()
    )]
    NoRoom {
        /// What needs it.
        doing: &'static str,
        /// How much, in bytes.
        needed: u64,
        /// How much is free, where that is known.
        free: Option<u64>,
        /// Where.
        folder: PathBuf,
    },
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Bytes for people, never less than they are.
fn in_words(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1024 * 1024))
}

/// Says whether closing the last connection brings the log into the database.
/// It must not while nobody knows that both are whole: what is damaged is set
/// aside as it was found.
pub fn merges_when_closed(connection: &Connection, merges: bool) -> Result<(), StoreError> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !merges)?;
    Ok(())
}

/// Opens for the one writer, and brings the format up to date. The log is not
/// merged when it is closed, until that is allowed.
pub fn for_writing(path: &Path, disk: &Disk) -> Result<Connection, OpenError> {
    if rusqlite::version_number() < SQLITE_MINIMUM {
        return Err(OpenError::OldSqlite { found: rusqlite::version().to_owned() });
    }
    make_private(path)?;
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, disk)?;
    merges_when_closed(&connection, false)?;
    refuse_foreign(&connection, path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", disk.synchronous)?;
    connection.pragma_update(None, "wal_autocheckpoint", disk.checkpoint_pages)?;
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    connection.pragma_update(None, "secure_delete", true)?;
    // A savepoint keeps pages as they were: in memory, not in a file a change.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // The parts of the indexes that new handoffs fall into, in KiB.
    connection.pragma_update(None, "cache_size", -8 * 1024)?;
    connection.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
    STEPS.to_latest(&mut connection).map_err(|error| {
        if let rusqlite_migration::Error::RusqliteError { err, .. } = error {
            StoreError::from(err)
        } else {
            StoreError::Failed(error.to_string())
        }
    })?;
    Ok(connection)
}

/// The format of the database at this path; `None` if there is none yet.
pub fn format(path: &Path) -> Result<Option<i64>, StoreError> {
    if crate::files::size(path) == 0 {
        return Ok(None);
    }
    let connection = for_reading(path, &Disk::default())?;
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok((found > 0).then_some(found))
}

/// Opens a copy of a database that nobody else uses.
pub fn for_copy(path: &Path) -> Result<Connection, StoreError> {
    Ok(connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, &Disk::default())?)
}

fn has_table(connection: &Connection, name: &str) -> Result<bool, rusqlite::Error> {
    connection
        .prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?")?
        .exists([name])
}

/// Opens for one of the readers.
pub fn for_reading(path: &Path, disk: &Disk) -> Result<Connection, StoreError> {
    Ok(connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY, disk)?)
}

#[expect(clippy::disallowed_methods, reason = "the one place where a connection is made")]
fn connect(path: &Path, access: OpenFlags, disk: &Disk) -> Result<Connection, rusqlite::Error> {
    let access = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = match disk.vfs.as_deref() {
        Some(vfs) => Connection::open_with_flags_and_vfs(path, access, vfs)?,
        None => Connection::open_with_flags(path, access)?,
    };
    connection.busy_timeout(disk.patience)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

fn make_private(path: &Path) -> Result<(), OpenError> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(cause) => Err(OpenError::File { path: path.display().to_string(), cause }),
    }
}

fn refuse_foreign(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let owner: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let damaged = |what: &str| Err(StoreError::Damaged(what.to_owned()).into());
    let ours = has_table(connection, "handoffs")? && has_table(connection, "payloads")?;
    if tables > 0 && owner != 0x484F_444B {
        return if ours {
            damaged("its header does not say whose it is")
        } else {
            Err(OpenError::Foreign(path.display().to_string()))
        };
    }
    if ours && found > LATER {
        return damaged("its header names an impossible format");
    }
    if found > FORMAT {
        return Err(OpenError::Newer { found, known: FORMAT });
    }
    if ours != (found > 0) || has_table(connection, "epochs")? != (found >= AUDITED) {
        return damaged("its header and its tables do not agree");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database() -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("desk.db");
        (folder, path)
    }

    #[test]
    fn the_migrations_are_valid() {
        STEPS.validate().expect("every migration runs");
    }

    #[test]
    fn every_commit_is_synced_and_the_file_is_private() {
        let (_folder, path) = database();
        let connection = for_writing(&path, &Disk::default()).expect("open");
        let pragma = |name: &str| -> String {
            connection
                .pragma_query_value(None, name, |row| {
                    row.get::<_, rusqlite::types::Value>(0).map(|value| format!("{value:?}"))
                })
                .expect("pragma")
        };
        assert_eq!(pragma("journal_mode"), r#"Text("wal")"#);
        assert_eq!(pragma("synchronous"), "Integer(2)", "FULL");
        assert_eq!(pragma("foreign_keys"), "Integer(1)");
        assert_eq!(pragma("trusted_schema"), "Integer(0)");
        assert_eq!(pragma("mmap_size"), "Integer(0)");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(&path).expect("file").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn an_earlier_database_learns_what_was_cold_and_announced() {
        let (_folder, path) = database();
        make_private(&path).expect("file");
        let mut connection =
            connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE, &Disk::default()).expect("open");
        STEPS.to_version(&mut connection, 1).expect("the first format");
        let handoff = |seq: u8, flags: &str| {
            format!(
                "INSERT INTO handoffs VALUES ({seq}, 'h{seq}', 'a', 'k{seq}', 't', 'T \"cold\"', 'q',
                 1, NULL, '{{}}', '{{\"flags\":[{flags}]}}', 1, 'ready', 0, 9, 0, 0, NULL, NULL);"
            )
        };
        connection
            .execute_batch(&format!(
                "{} {}
                 INSERT INTO events (handoff, at, actor, kind, data)
                 VALUES (1, 0, 'System', 'ready', 'null'), (2, 0, 'System', 'notified', 'null');",
                handoff(1, "\"cold\""),
                handoff(2, "\"escalated\",\"manual_review\"")
            ))
            .expect("rows");
        drop(connection);
        let connection = for_writing(&path, &Disk::default()).expect("open");
        let mut statement = connection
            .prepare("SELECT cold, announced FROM handoffs ORDER BY seq")
            .expect("the new columns");
        let rows: Vec<(bool, bool)> = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .and_then(Iterator::collect)
            .expect("rows");
        assert_eq!(rows, [(true, false), (false, true)]);
        let counted = |list: u8| -> u8 {
            connection
                .query_row(
                    "SELECT count FROM tallies WHERE agent = 'a' AND list = ?",
                    [list],
                    |row| row.get(0),
                )
                .expect("counted")
        };
        assert_eq!((counted(0), counted(3)), (1, 1), "the inbox, and manual review");
    }

    #[test]
    fn a_newer_database_is_refused_and_left_alone() {
        let (_folder, path) = database();
        let connection = for_writing(&path, &Disk::default()).expect("open");
        connection.pragma_update(None, "user_version", 99).expect("pragma");
        drop(connection);
        let before = std::fs::read(&path).expect("file");
        let error = for_writing(&path, &Disk::default()).expect_err("refused");
        assert!(matches!(error, OpenError::Newer { found: 99, .. }), "{error}");
        assert_eq!(before, std::fs::read(&path).expect("file"));
    }

    #[test]
    fn a_foreign_database_is_refused() {
        let (_folder, path) = database();
        make_private(&path).expect("file");
        let connection =
            connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE, &Disk::default()).expect("open");
        connection.execute_batch("CREATE TABLE theirs (a)").expect("table");
        drop(connection);
        assert!(matches!(for_writing(&path, &Disk::default()), Err(OpenError::Foreign(_))));
    }

    #[test]
    fn a_file_that_is_no_database_is_refused() {
        let (_folder, path) = database();
        std::fs::write(&path, "not a database, but a text that is long enough".repeat(50))
            .expect("file");
        assert!(matches!(
            for_writing(&path, &Disk::default()),
            Err(OpenError::Store(StoreError::Damaged(_)))
        ));
    }
}
