//! The log of events in the database: it is only added to, and each event is
//! chained to the one before it, inside the change that it records.

use chrono::{DateTime, Utc};
use handoff_domain::audit::{Epoch, Event, FIRST_EPOCH, GENESIS, Hash, Head, Reason, Standing};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::StoreError;
use crate::handoffs::Entry;
use crate::rows::millis;

/// Whether this database has a chained log; one of an earlier desk has not.
pub fn is_chained(connection: &Connection) -> Result<bool, StoreError> {
    Ok(connection
        .prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'epochs'")?
        .exists([])?)
}

/// How far the log goes.
pub fn tip(connection: &Connection) -> Result<Head, StoreError> {
    let event: Option<(i64, Hash)> = connection
        .prepare_cached("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let epoch: Option<(i64, i64, Hash)> = connection
        .prepare_cached("SELECT epoch, first, hash FROM epochs ORDER BY epoch DESC LIMIT 1")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let number = epoch.map_or(FIRST_EPOCH, |(number, ..)| number);
    Ok(match (event, epoch) {
        (Some((seq, hash)), Some((_, first, _))) if seq >= first => {
            Head { epoch: number, seq, hash }
        }
        (Some((seq, hash)), None) => Head { epoch: number, seq, hash },
        (_, Some((_, first, hash))) => Head { epoch: number, seq: first.saturating_sub(1), hash },
        (None, None) => Head::EMPTY,
    })
}

/// Adds an event to the log.
pub fn append(connection: &Connection, handoff: i64, entry: &Entry) -> Result<(), StoreError> {
    let data = entry.data.to_string();
    let (id, stands) = stands(connection, handoff)?;
    let tip = tip(connection)?;
    let event = Event {
        seq: tip.seq + 1,
        handoff: id,
        at: millis(entry.at),
        actor: entry.actor.clone(),
        kind: entry.kind.clone(),
        data,
        standing: Some(stands),
    };
    Ok(insert(connection, handoff, &event, &tip.after_event(&event))?)
}

/// Adds an event about something that is no handoff, such as an agent.
pub fn append_about(
    connection: &Connection,
    subject: &str,
    entry: &Entry,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT OR IGNORE INTO subjects (id) VALUES (?)")?
        .execute([subject])?;
    let number: i64 = connection
        .prepare_cached("SELECT n FROM subjects WHERE id = ?")?
        .query_row([subject], |row| row.get(0))?;
    let tip = tip(connection)?;
    let event = Event {
        seq: tip.seq + 1,
        handoff: subject.to_owned(),
        at: millis(entry.at),
        actor: entry.actor.clone(),
        kind: entry.kind.clone(),
        data: entry.data.to_string(),
        standing: None,
    };
    Ok(insert(connection, -number, &event, &tip.after_event(&event))?)
}

/// Stores an event that is chained.
pub fn insert(
    connection: &Connection,
    handoff: i64,
    event: &Event,
    head: &Head,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO events (seq, handoff, at, actor, kind, data, standing, hash)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            event.seq,
            handoff,
            event.at,
            event.actor,
            event.kind,
            event.data,
            event.standing,
            head.hash
        ])?;
    Ok(())
}

/// Opens a new epoch, whose first event has the number `first`.
pub fn open_epoch(
    connection: &Connection,
    reason: Reason,
    first: i64,
    note: String,
    now: DateTime<Utc>,
) -> Result<Epoch, StoreError> {
    let tip = tip(connection)?;
    let lost_from = tip.seq + 1;
    let first = first.max(lost_from);
    let epoch = Epoch { epoch: tip.epoch + 1, at: millis(now), reason, first, lost_from, note };
    let head = tip.after_epoch(&epoch);
    connection
        .prepare_cached(
            "INSERT INTO epochs (epoch, at, reason, first, lost_from, note, hash)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            epoch.epoch,
            epoch.at,
            epoch.reason.as_str(),
            epoch.first,
            epoch.lost_from,
            epoch.note,
            head.hash
        ])?;
    Ok(epoch)
}

/// Compares the log with the head that was written down, and opens an epoch
/// where they do not agree: the next head would hide it.
pub fn settle(
    connection: &Connection,
    head: Option<Head>,
    now: DateTime<Utc>,
) -> Result<Option<Epoch>, StoreError> {
    let tip = tip(connection)?;
    let (reason, first) = match head {
        Some(head) if hash_at(connection, head)? == Some(head.hash) => return Ok(None),
        Some(head) if head.seq > tip.seq => (Reason::Behind, head.seq + 1),
        Some(_) => (Reason::Rewritten, tip.seq + 1),
        None => (Reason::HeadMissing, tip.seq + 1),
    };
    open_epoch(connection, reason, first, String::new(), now).map(Some)
}

fn hash_at(connection: &Connection, head: Head) -> Result<Option<Hash>, StoreError> {
    if head.epoch == FIRST_EPOCH && head.seq == 0 {
        return Ok(Some(GENESIS));
    }
    let opened: Option<Hash> = connection
        .prepare("SELECT hash FROM epochs WHERE epoch = ? AND first = ?")?
        .query_row(params![head.epoch, head.seq + 1], |row| row.get(0))
        .optional()?;
    if opened.is_some() {
        return Ok(opened);
    }
    Ok(connection
        .prepare(
            "SELECT hash FROM events WHERE seq = ?1
             AND (SELECT coalesce(max(epoch), 1) FROM epochs WHERE first <= ?1) = ?2",
        )?
        .query_row(params![head.seq, head.epoch], |row| row.get(0))
        .optional()?)
}

/// Chains what was logged before there was a chain, as part of the migration.
pub fn chain_existing(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("CREATE INDEX unchained_by_handoff ON unchained (handoff, seq)")?;
    let mut events = connection.prepare(&format!(
        "SELECT u.seq, u.handoff, u.at, u.actor, u.kind, u.data, h.id,
               u.seq = (SELECT max(seq) FROM unchained WHERE handoff = u.handoff), {STANDING}
             FROM unchained u JOIN handoffs h ON h.seq = u.handoff ORDER BY u.seq"
    ))?;
    let mut rows = events.query([])?;
    let mut tip = Head::EMPTY;
    while let Some(row) = rows.next()? {
        let is_last: bool = row.get(7)?;
        let event = Event {
            // The old numbers may have gaps; the chain has none.
            seq: tip.seq + 1,
            handoff: row.get(6)?,
            at: row.get(2)?,
            actor: row.get(3)?,
            kind: row.get(4)?,
            data: row.get(5)?,
            standing: if is_last { standing(row, 8)? } else { None },
        };
        tip = tip.after_event(&event);
        insert(connection, row.get(1)?, &event, &tip)?;
    }
    drop(rows);
    drop(events);
    connection.execute_batch("DROP TABLE unchained")
}

/// The columns of an event and the id of what it is about, as [`event`] reads
/// them.
pub const EVENT: &str = "SELECT e.seq, e.at, e.actor, e.kind, e.data, e.standing, e.hash,
    e.handoff, coalesce(h.id, s.id) FROM events e LEFT JOIN handoffs h ON h.seq = e.handoff
    LEFT JOIN subjects s ON s.n = -e.handoff";

/// An event as it is stored: with the hash it claims, and its handoff's row.
#[derive(Debug)]
pub struct Stored {
    pub event: Event,
    pub claimed: Vec<u8>,
    pub handoff: i64,
    /// Whether the handoff is there.
    pub known: bool,
}

/// Reads a row of [`EVENT`].
pub fn event(row: &Row<'_>) -> rusqlite::Result<Stored> {
    let id: Option<String> = row.get(8)?;
    Ok(Stored {
        known: id.is_some(),
        claimed: row.get(6)?,
        handoff: row.get(7)?,
        event: Event {
            seq: row.get(0)?,
            handoff: id.unwrap_or_default(),
            at: row.get(1)?,
            actor: row.get(2)?,
            kind: row.get(3)?,
            data: row.get(4)?,
            standing: row.get(5)?,
        },
    })
}

/// All epochs, each with the hash it claims.
pub fn epochs(connection: &Connection) -> Result<Vec<(Epoch, Vec<u8>)>, StoreError> {
    let mut statement = connection.prepare(
        "SELECT epoch, at, reason, first, lost_from, note, hash FROM epochs ORDER BY epoch",
    )?;
    let mut rows = statement.query([])?;
    let mut epochs = Vec::new();
    while let Some(row) = rows.next()? {
        let word: String = row.get(2)?;
        let reason = Reason::from_word(&word).ok_or_else(|| {
            StoreError::Damaged(format!("an epoch was opened for the unknown reason {word:?}"))
        })?;
        let epoch = Epoch {
            epoch: row.get(0)?,
            at: row.get(1)?,
            reason,
            first: row.get(3)?,
            lost_from: row.get(4)?,
            note: row.get(5)?,
        };
        epochs.push((epoch, row.get(6)?));
    }
    Ok(epochs)
}

/// The columns of a handoff `h` that [`standing`] reads.
pub const STANDING: &str = "h.progress, h.agent, h.key, h.task, h.title, h.question, h.traits,
    h.priority, h.effect, (SELECT p.fingerprint FROM payloads p WHERE p.handoff = h.seq
      ORDER BY p.revision DESC LIMIT 1)";

/// Where a handoff stands, from the columns [`STANDING`] that begin at `from`;
/// `None` if it has no proposal, or a progress that cannot be read.
pub fn standing(row: &Row<'_>, from: usize) -> rusqlite::Result<Option<Hash>> {
    let text = |at: usize| row.get_ref(from + at)?.as_str().map_err(rusqlite::Error::from);
    let Some(fingerprint) = row.get_ref(from + 9)?.as_str_or_null()? else { return Ok(None) };
    let standing = Standing {
        progress: text(0)?,
        fingerprint,
        agent: text(1)?,
        key: text(2)?,
        task: text(3)?,
        title: text(4)?,
        question: text(5)?,
        traits: text(6)?,
        priority: row.get(from + 7)?,
        effect: row.get(from + 8)?,
    };
    Ok(standing.hash().ok())
}

/// The id of a handoff, and where it stands.
pub fn stands(connection: &Connection, handoff: i64) -> Result<(String, Hash), StoreError> {
    let sql = format!("SELECT h.id, {STANDING} FROM handoffs h WHERE h.seq = ?");
    let (id, hash): (String, Option<Hash>) = connection
        .prepare_cached(&sql)?
        .query_row([handoff], |row| Ok((row.get(0)?, standing(row, 1)?)))?;
    let hash =
        hash.ok_or_else(|| StoreError::Damaged(format!("where {id} stands cannot be read")))?;
    Ok((id, hash))
}
