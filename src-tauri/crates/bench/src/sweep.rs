//! Deadline sweep: one look of the desk at 100,000 open deadlines of which
//! none is due, against the bare indexed question to the same database.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, bail};
use handoff_engine::Clock as _;
use rusqlite::{Connection, OpenFlags};

use crate::Setup;
use crate::host::Hosted;
use crate::release::said;
use crate::row::{Goal, Head, Measured};
use crate::spread::{Better, Spread};
use crate::stored::{self, STORED};
use crate::time::{SystemClock, millis};

/// The row. The goal is our own: DESIGN names none.
pub const HEAD: Head =
    Head { name: "deadline sweep, 100k open", unit: "µs", goal: Goal::TailAtMost(1000.0) };

const SAMPLES: usize = 500;
/// Looks that warm caches up and are not counted.
const WARM: usize = 50;

/// Measures it.
pub fn measure(setup: &Setup) -> anyhow::Result<Vec<Measured>> {
    let home = stored::all_open(&setup.scratch)?;
    let hosted = Hosted::answering(&home)?;
    let open = hosted.engine.inbox_count().map_err(said)?;
    if usize::try_from(open)? < STORED - 1 {
        bail!("{open} of {STORED} deadlines are open");
    }
    let bare = Bare::open(&home.database())?;
    let (mut desk, mut floor) = (Vec::new(), Vec::new());
    for turn in 0..WARM + SAMPLES {
        let start = Instant::now();
        hosted.runtime.block_on(hosted.engine.tick());
        let looked = millis(start.elapsed());
        let start = Instant::now();
        if bare.due()? > 0 {
            bail!("a deadline is due: the desk has something to do");
        }
        let asked = millis(start.elapsed());
        if turn >= WARM {
            desk.push(looked * 1000.0);
            floor.push(asked * 1000.0);
        }
    }
    let sum = |samples| Spread::of(samples, Better::Less).context("there are samples");
    let note = "a whole look, with the spool, the clocks and the disk's room; floor: which are \
                due, by the index, on a bare connection";
    Ok(vec![Measured { value: sum(desk)?, floor: Some(sum(floor)?), note: note.to_owned() }])
}

struct Bare(Connection);

impl Bare {
    #[expect(clippy::disallowed_methods, reason = "the store is what this is compared with")]
    fn open(database: &Path) -> anyhow::Result<Self> {
        Ok(Self(Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?))
    }

    fn due(&self) -> anyhow::Result<usize> {
        let mut statement = self.0.prepare_cached(
            "SELECT id FROM handoffs WHERE timer_at <= ? ORDER BY timer_at LIMIT 500",
        )?;
        let now = SystemClock.now().timestamp_millis();
        let found = statement.query_map([now], |row| row.get::<_, String>(0))?;
        Ok(found.collect::<Result<Vec<_>, _>>()?.len())
    }
}
