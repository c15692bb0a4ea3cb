//! Recovery: from the start of a desk that was killed with 100,000 handoffs
//! stored and a log of changes not yet in the database, to its first answer on
//! the socket; against bare SQLite that opens the same files and writes.

use std::time::Instant;

use anyhow::{Context, bail};
use rusqlite::Connection;

use crate::Setup;
use crate::host::{Hosted, killed};
use crate::row::{Goal, Head, Measured};
use crate::spread::{Better, Spread};
use crate::time::millis;

/// The row. The goal is our own: DESIGN names none.
pub const HEAD: Head = Head {
    name: "kill -9 → answers again, 100k stored",
    unit: "ms",
    goal: Goal::AboveFloorAtMost(250.0),
};

const RUNS: usize = 7;
/// How many the desk stores before it is killed.
const MORE: usize = 300;

/// Measures it.
pub fn measure(setup: &Setup) -> anyhow::Result<Vec<Measured>> {
    let home = setup.stored()?;
    let (mut desk, mut bare, mut logs) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        killed(home, MORE)?;
        logs.push(log_size(&home.database())?);
        let start = Instant::now();
        open_bare(&home.database())?;
        bare.push(millis(start.elapsed()));

        killed(home, MORE)?;
        let start = Instant::now();
        let hosted = Hosted::answering(home)?;
        desk.push(millis(start.elapsed()));
        drop(hosted);
    }
    let sum = |samples| Spread::of(samples, Better::Less).context("there are samples");
    let log = logs.iter().sum::<f64>() / f64::from(u32::try_from(RUNS)?);
    let note = format!(
        "from its start to its first answer on the socket, without the window; floor: bare SQLite \
         opens the same files, reads the log of {log:.1} MiB and takes the lock to write"
    );
    Ok(vec![Measured { value: sum(desk)?, floor: Some(sum(bare)?), note }])
}

/// The size of the log that the kill has left; there must be one.
fn log_size(database: &std::path::Path) -> anyhow::Result<f64> {
    let mut log = database.as_os_str().to_owned();
    log.push("-wal");
    let bytes = std::fs::metadata(&log).context("the kill has left no log")?.len();
    if bytes == 0 {
        bail!("the kill has left an empty log");
    }
    #[expect(clippy::cast_precision_loss, reason = "a few megabytes")]
    let mib = bytes as f64 / f64::from(1 << 20);
    Ok(mib)
}

#[expect(clippy::disallowed_methods, reason = "the store is what this is compared with")]
fn open_bare(database: &std::path::Path) -> anyhow::Result<()> {
    let connection = Connection::open(database)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let _last: i64 = connection.query_row("SELECT max(seq) FROM handoffs", [], |row| row.get(0))?;
    connection.execute_batch("BEGIN IMMEDIATE; COMMIT")?;
    // The log stays as it is: whether it is put away is no part of this.
    connection.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    Ok(())
}
