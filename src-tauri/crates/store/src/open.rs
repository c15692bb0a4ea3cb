//! Opening the file: version checks, migrations, and the pragmas that
//! durability rests on. The only place where a connection is made.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction};
use rusqlite_migration::{M, Migrations};

use crate::disk::Disk;
use crate::{StoreError, audit};

/// The oldest SQLite that is safe with several connections on one WAL; earlier
/// ones can corrupt it when it is reset.
pub const SQLITE_MINIMUM: i32 = 3_051_003;

/// The format that this desk writes: how many migrations there are.
pub const FORMAT: i64 = 13;

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
        M::up(include_str!("../migrations/0009_rollbacks.sql")),
        M::up(include_str!("../migrations/0010_cards.sql")),
        M::up(include_str!("../migrations/0011_servers.sql")),
        M::up(include_str!("../migrations/0012_connections.sql")),
        M::up(include_str!("../migrations/0013_vouched.sql")),
    ]
}

/// No later desk will have as many formats as this.
const LATER: i64 = 10_000;

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
    #[error("{path} cannot be opened")]
    File {
        /// The file.
        path: String,
        /// Why.
        #[source]
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
    refuse_old(disk.sqlite)?;
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

fn refuse_old(version: i32) -> Result<(), OpenError> {
    if version < SQLITE_MINIMUM {
        let (major, minor, patch) = (version / 1_000_000, version / 1000 % 1000, version % 1000);
        return Err(OpenError::OldSqlite { found: format!("{major}.{minor}.{patch}") });
    }
    Ok(())
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
    // More than there are: one that fell out would be compiled anew, again and again.
    connection.set_prepared_statement_cache_capacity(256);
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

/// A database as an earlier desk has left it. Each step may be followed by what
/// that desk wrote.
#[cfg(test)]
pub fn of_format(path: &Path, format: usize, mut wrote: impl FnMut(usize, &Connection)) {
    make_private(path).expect("file");
    let mut connection =
        connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, &Disk::default()).expect("open");
    connection.pragma_update(None, "journal_mode", "WAL").expect("a log");
    for step in 1..=format {
        STEPS.to_version(&mut connection, step).expect("an earlier format");
        wrote(step, &connection);
    }
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

    /// What a connection answers when it is asked for these pragmas.
    fn pragmas<'a>(connection: &Connection, names: &[&'a str]) -> Vec<(&'a str, String)> {
        let ask = |name: &&'a str| {
            let value = connection.pragma_query_value(None, name, |row| {
                let value = row.get_ref(0)?;
                let number = value.as_i64().map(|number| number.to_string());
                Ok(number.or_else(|_| value.as_str().map(str::to_owned)))
            });
            (*name, value.expect("pragma").expect("a number or a word"))
        };
        names.iter().map(ask).collect()
    }

    #[test]
    fn every_commit_is_synced_and_the_file_is_private() {
        let (_folder, path) = database();
        let writer = for_writing(&path, &Disk::default()).expect("open");
        let own = [
            ("journal_mode", "wal"),
            ("synchronous", "2"),
            ("wal_autocheckpoint", "1000"),
            ("fullfsync", "1"),
            ("checkpoint_fullfsync", "1"),
            ("secure_delete", "1"),
            ("temp_store", "2"),
            ("cache_size", "-8192"),
            ("journal_size_limit", "67108864"),
        ];
        let everyones = [
            ("busy_timeout", "5000"),
            ("foreign_keys", "1"),
            ("trusted_schema", "0"),
            ("cell_size_check", "1"),
            ("mmap_size", "0"),
        ];
        let expect = |connection: &Connection, expected: &[(&'static str, &str)]| {
            let names: Vec<&str> = expected.iter().map(|(name, _)| *name).collect();
            let expected: Vec<(&str, String)> =
                expected.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
            assert_eq!(pragmas(connection, &names), expected);
        };
        expect(&writer, &own);
        expect(&writer, &everyones);
        expect(&for_reading(&path, &Disk::default()).expect("open"), &everyones);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(&path).expect("file").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn every_table_is_strict() {
        let (_folder, path) = database();
        let connection = for_writing(&path, &Disk::default()).expect("open");
        let mut tables = connection
            .prepare(
                "SELECT name, strict FROM pragma_table_list
                 WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%'",
            )
            .expect("tables");
        let tables: Vec<(String, bool)> = tables
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .and_then(Iterator::collect)
            .expect("rows");
        assert!(tables.len() > 20, "{tables:?}");
        let loose: Vec<&String> =
            tables.iter().filter(|(_, strict)| !strict).map(|(name, _)| name).collect();
        assert_eq!(loose, [""; 0], "these take values of any type");
    }

    #[test]
    fn an_earlier_database_learns_what_was_cold_and_announced() {
        let (_folder, path) = database();
        let handoff = |seq: u8, flags: &str| {
            format!(
                "INSERT INTO handoffs VALUES ({seq}, 'h{seq}', 'a', 'k{seq}', 't', 'T \"cold\"', 'q',
                 1, NULL, '{{}}', '{{\"flags\":[{flags}]}}', 1, 'ready', 0, 9, 0, 0, NULL, NULL);"
            )
        };
        let rows = format!(
            "{} {}
             INSERT INTO events (handoff, at, actor, kind, data)
             VALUES (1, 0, 'System', 'ready', 'null'), (2, 0, 'System', 'notified', 'null');",
            handoff(1, "\"cold\""),
            handoff(2, "\"escalated\",\"manual_review\"")
        );
        of_format(&path, 1, |_, connection| connection.execute_batch(&rows).expect("rows"));
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
    fn an_earlier_database_learns_what_was_shown_and_what_is_of_high_risk() {
        let (_folder, path) = database();
        let handoff = |seq: u8, effect: u8| {
            format!(
                "INSERT INTO handoffs (seq, id, agent, key, task, title, question, priority, effect,
                   traits, progress, version, state, list, respond_by, received_at, changed_at)
                 VALUES ({seq}, 'h{seq}', 'a', 'k{seq}', 't', 'T', 'q', 1, {effect}, '{{}}',
                   '{{\"flags\":[]}}', 1, 'ready', 0, 9, 0, 0);"
            )
        };
        let rows = format!(
            "{} {}
             INSERT INTO checks (agent, task, key, tool, hash, asked, answer, verdict, effect,
               mandatory, level, evidence, handoff, at, judged, gave, shown_at)
             VALUES ('a', 't', 'k2', 'x', 'h', '', '', 'held', 1, 0, '', '', 'h2', 5, '', '{{}}', 7);",
            handoff(1, 2),
            handoff(2, 1)
        );
        of_format(&path, 9, |format, connection| {
            if format == 9 {
                connection.execute_batch(&rows).expect("rows");
            }
        });
        let connection = for_writing(&path, &Disk::default()).expect("open");
        let mut statement = connection
            .prepare("SELECT high, shown_at FROM handoffs ORDER BY seq")
            .expect("columns");
        let rows: Vec<(bool, Option<i64>)> = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .and_then(Iterator::collect)
            .expect("rows");
        assert_eq!(rows, [(true, None), (false, Some(7))]);
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
    fn an_sqlite_that_can_corrupt_the_log_is_refused() {
        for (sqlite, name) in [(3_051_002, "3.51.2"), (3_050_007, "3.50.7"), (3_007_000, "3.7.0")] {
            let (_folder, path) = database();
            let old = Disk { sqlite, ..Disk::default() };
            let error = for_writing(&path, &old).expect_err(name).to_string();
            assert!(error.contains(name) && error.contains("3.51.3"), "{error}");
            assert!(!path.exists(), "{name} has touched it");
        }
        for sqlite in [3_051_003, 3_052_000, 4_000_000] {
            let (_folder, path) = database();
            assert!(for_writing(&path, &Disk { sqlite, ..Disk::default() }).is_ok(), "{sqlite}");
        }
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
