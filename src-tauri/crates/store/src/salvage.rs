//! Saving from a damaged database, row by row, what can be proven: an event by
//! its place in the chain, a handoff by its last event, a proposal by its
//! fingerprint. What cannot be proven is not taken, but named.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use chrono::{DateTime, Utc};
use handoff_domain::audit::{Event, FIRST_EPOCH, GENESIS, Hash, Head, Reason};
use handoff_domain::decision::fingerprint;
use handoff_domain::lifecycle::Progress;
use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};

use crate::damage::{copy_private, remove};
use crate::files::{parts_of, size};
use crate::handoffs::{Entry, ListPart};
use crate::{StoreError, audit, open};

/// What SQLite reads before it can read anything else.
const FIRST_PAGE: usize = 4096;

/// How many rows beyond the last known one are looked for.
const BEYOND: i64 = 10_000;

/// How much was saved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Saved {
    /// Handoffs that are as they were in the damaged database.
    pub handoffs: u64,
    /// Events after the backup.
    pub events: u64,
    /// The ids of the handoffs that are lost, or may be older than they were.
    pub affected: Vec<String>,
    /// The first and the last of the events that were written and that nobody has
    /// any more.
    pub lost: Option<(i64, i64)>,
}

/// Opens a copy of a damaged database; what is needed to read it at all is
/// taken from a sound one of the same desk.
pub fn readable(damaged: &Path, sound: &Path, work: &Path) -> Result<Connection, StoreError> {
    remove(work)?;
    let [from, from_log, _] = parts_of(damaged);
    let [to, to_log, _] = parts_of(work);
    copy_private(if from.exists() { &from } else { sound }, &to)?;
    if from_log.exists() {
        copy_private(&from_log, &to_log)?;
    }
    if let Some(connection) = opened(work)? {
        return Ok(connection);
    }
    let mut page = vec![0; FIRST_PAGE];
    fs::File::open(sound)?.read_exact(&mut page)?;
    let mut file = OpenOptions::new().read(true).write(true).open(&to)?;
    // The count of pages in a page from elsewhere means nothing here: SQLite
    // goes by the file's size when these two fields differ.
    if let Some(field) = page.get_mut(92..96) {
        field.fill(0xff);
    }
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&page)?;
    drop(file);
    if size(&to) < size(sound) {
        let mut tail = fs::File::open(sound)?;
        tail.seek(SeekFrom::Start(size(&to)))?;
        let mut rest = Vec::new();
        tail.read_to_end(&mut rest)?;
        OpenOptions::new().append(true).open(&to)?.write_all(&rest)?;
    }
    opened(work)?.ok_or_else(|| StoreError::Damaged("its tables cannot be found".to_owned()))
}

fn opened(work: &Path) -> Result<Option<Connection>, StoreError> {
    let look = || -> Result<Connection, StoreError> {
        let connection = open::for_copy(work)?;
        connection.query_row("SELECT count(*) FROM handoffs WHERE seq = 1", [], |_| Ok(()))?;
        if !audit::is_chained(&connection)? {
            return Err(StoreError::Damaged("it has no audit log".to_owned()));
        }
        Ok(connection)
    };
    match look() {
        Ok(connection) => Ok(Some(connection)),
        Err(error @ (StoreError::Full | StoreError::ReadOnly(_))) => Err(error),
        Err(_) => Ok(None),
    }
}

/// Adds to a restored database what can be saved from a damaged one, within
/// one transaction, and opens the epoch that names what is lost.
pub fn carry_over(
    source: Option<&Connection>,
    target: &Connection,
    written: Option<Head>,
    now: DateTime<Utc>,
) -> Result<Saved, StoreError> {
    let mut saved = Saved::default();
    let mut affected = BTreeSet::new();
    if let Some(source) = source {
        let carrying = Carrying { source, target };
        carrying.plain_rows("agents")?;
        carrying.plain_rows("connections")?;
        carrying.plain_rows("settings")?;
        // No levels or permits: what was damaged must not permit anything.
        carrying.plain_rows("subjects")?;
        carrying.what_holds()?;
        let events = carrying.intact_events()?;
        saved.handoffs = carrying.handoffs(&events, &mut affected)?;
        saved.events = carrying.events(events, now)?;
    }
    let reached = audit::tip(target)?.seq;
    let first = written.map_or(0, |head| head.seq).max(reached) + 1;
    saved.lost = (first > reached + 1).then_some((reached + 1, first - 1));
    affected.extend(left_behind(target)?);
    saved.affected = affected.into_iter().collect();
    let note = serde_json::json!({ "affected": saved.affected }).to_string();
    audit::open_epoch(target, Reason::Salvaged, first, note, now)?;
    lock_down(target, now)?;
    for id in &saved.affected {
        mark(target, id, now)?;
    }
    Ok(saved)
}

/// Opens the epoch of a restored backup, which keeps the events of the present
/// database that came after it; returns how many, and whom they concern.
pub fn leave_behind(
    present: Option<&Connection>,
    target: &Connection,
    written: Option<Head>,
    now: DateTime<Utc>,
) -> Result<(u64, Vec<String>), StoreError> {
    let reached = audit::tip(target)?.seq;
    let mut last = written.map_or(0, |head| head.seq).max(reached);
    let mut affected = BTreeSet::new();
    let mut later = Vec::new();
    if let Some(present) = present {
        let carrying = Carrying { source: present, target };
        last = last.max(carrying.last("events", "seq"));
        carrying.what_holds()?;
        for event in (reached + 1..=last).filter_map(|seq| carrying.event(seq)) {
            let about_handoff = event.handoff > 0;
            let event = event.event;
            if about_handoff {
                affected.insert(event.handoff.clone());
            }
            later.push(serde_json::json!([
                event.seq,
                event.handoff,
                event.at,
                event.actor,
                event.kind,
                event.data
            ]));
        }
    }
    let count = u64::try_from(later.len()).unwrap_or(u64::MAX);
    let note = serde_json::json!({ "affected": affected, "events": later }).to_string();
    audit::open_epoch(target, Reason::Restored, last + 1, note, now)?;
    lock_down(target, now)?;
    for id in &affected {
        mark(target, id, now)?;
    }
    Ok((count, affected.into_iter().collect()))
}

/// Takes back whatever lets agents go on unasked: what comes from the past
/// must not permit what was forbidden since.
pub fn lock_down(target: &Connection, now: DateTime<Utc>) -> Result<(), StoreError> {
    target.execute_batch(
        "DELETE FROM levels; DELETE FROM permits;
         DELETE FROM instructions WHERE known_at IS NULL;
         UPDATE agents SET undo_commands = 0;",
    )?;
    // An undo that was under way may have run since.
    target
        .prepare("UPDATE rollbacks SET over_at = ?, void = 1 WHERE over_at IS NULL")?
        .execute([crate::rows::millis(now)])?;
    target
        .prepare("UPDATE undos SET ended_at = ?, result = 'void' WHERE ended_at IS NULL")?
        .execute([crate::rows::millis(now)])?;
    target
        .prepare(
            "UPDATE rules SET revoked_at = ? WHERE revoked_at IS NULL
             AND rule ->> 'does' IN ('allow', 'counts')",
        )?
        .execute([crate::rows::millis(now)])?;
    Ok(())
}

/// The handoffs that stand elsewhere than where their last event left them.
fn left_behind(target: &Connection) -> Result<Vec<String>, StoreError> {
    let mut statement = target.prepare(
        "SELECT h.seq, (SELECT e.standing FROM events e WHERE e.handoff = h.seq
           ORDER BY e.seq DESC LIMIT 1) FROM handoffs h ORDER BY h.seq",
    )?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, stands) = audit::stands(target, row.get(0)?)?;
        if row.get::<_, Option<Hash>>(1)?.is_some_and(|left| left != stands) {
            found.push(id);
        }
    }
    Ok(found)
}

/// Records that a handoff is as the backup has it.
fn mark(target: &Connection, id: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
    let mut statement = target.prepare_cached("SELECT seq FROM handoffs WHERE id = ?")?;
    let mut rows = statement.query([id])?;
    let Some(row) = rows.next()? else { return Ok(()) };
    let entry = Entry {
        at: now,
        actor: "System".to_owned(),
        kind: "restored".to_owned(),
        data: serde_json::json!({}),
    };
    audit::append(target, row.get(0)?, &entry)
}

struct Carrying<'a> {
    source: &'a Connection,
    target: &'a Connection,
}

/// An event of the damaged database that is what was recorded there.
struct Intact {
    event: Event,
    handoff: i64,
}

impl Carrying<'_> {
    /// Rows that no chain protects: taken where there are none yet, if they
    /// can be read at all.
    fn plain_rows(&self, table: &str) -> Result<(), StoreError> {
        let last = self.last(table, "rowid").min(BEYOND);
        for place in 1..=last {
            let Some(row) = self.row(table, "rowid", place) else { continue };
            let marks = vec!["?"; row.len()].join(", ");
            self.target
                .prepare_cached(&format!("INSERT OR IGNORE INTO {table} VALUES ({marks})"))?
                .execute(params_from_iter(row))?;
        }
        Ok(())
    }

    /// What was stopped since, and the rules: those that let calls run are revoked with
    /// all others.
    fn what_holds(&self) -> Result<(), StoreError> {
        self.plain_rows("rules")?;
        let Ok(mut statement) = self.source.prepare("SELECT agent, task, stop, at FROM pauses")
        else {
            return Ok(());
        };
        let Ok(mut rows) = statement.query([]) else { return Ok(()) };
        // Up to what cannot be read.
        while let Ok(Some(row)) = rows.next() {
            let Ok(values) =
                (0..4).map(|at| row.get::<_, Value>(at)).collect::<Result<Vec<_>, _>>()
            else {
                continue;
            };
            self.target
                .prepare_cached("INSERT OR IGNORE INTO pauses VALUES (?, ?, ?, ?)")?
                .execute(params_from_iter(values))?;
        }
        Ok(())
    }

    /// The largest number of a row, as far as that can be read.
    fn last(&self, table: &str, column: &str) -> i64 {
        let read = |connection: &Connection, sql: &str| {
            connection.query_row(sql, [], |row| row.get::<_, Option<i64>>(0)).ok().flatten()
        };
        let largest = format!("SELECT max({column}) FROM {table}");
        let here = read(self.target, &largest).unwrap_or(0);
        // Beyond what is known only where nothing is said of it.
        read(self.source, &largest).unwrap_or(here.saturating_add(BEYOND)).max(here)
    }

    /// A whole row, if every part of it can be read.
    fn row(&self, table: &str, column: &str, place: i64) -> Option<Vec<Value>> {
        let sql = format!("SELECT * FROM {table} WHERE {column} = ?");
        let mut statement = self.source.prepare_cached(&sql).ok()?;
        let count = statement.column_count();
        statement.query_row([place], |row| (0..count).map(|at| row.get(at)).collect()).ok()
    }

    /// The events after those of the backup that follow from the one before
    /// them, as it was stored.
    fn intact_events(&self) -> Result<BTreeMap<i64, Intact>, StoreError> {
        let tip = audit::tip(self.target)?;
        let opened: BTreeMap<i64, (i64, Hash)> = audit::epochs(self.source)
            .unwrap_or_default()
            .into_iter()
            .filter_map(|(epoch, hash)| Some((epoch.first, (epoch.epoch, hash.try_into().ok()?))))
            .collect();
        let mut found = BTreeMap::new();
        let mut before = (tip.seq, Some(tip.hash));
        for seq in tip.seq + 1..=self.last("events", "seq") {
            let previous = match opened.get(&seq) {
                Some((_, hash)) => Some(*hash),
                None if before.0 == seq - 1 => before.1,
                None => None,
            };
            let stored = self.event(seq);
            let Some(stored) = stored else { continue };
            let claimed: Option<Hash> = stored.claimed.as_slice().try_into().ok();
            before = (seq, claimed);
            let previous = previous.or((seq == 1).then_some(GENESIS));
            let Some(hash) = previous else { continue };
            let from = Head { epoch: FIRST_EPOCH, seq: seq - 1, hash };
            if Some(from.after_event(&stored.event).hash) == claimed {
                let intact = Intact { event: stored.event, handoff: stored.handoff };
                found.insert(seq, intact);
            }
        }
        Ok(found)
    }

    fn event(&self, seq: i64) -> Option<audit::Stored> {
        let sql = format!("{} WHERE e.seq = ?", audit::EVENT);
        let read = self.source.prepare_cached(&sql).ok()?.query_row([seq], audit::event);
        let mut stored = read.ok()?;
        if !stored.known {
            stored.event.handoff = self
                .target
                .query_row("SELECT id FROM handoffs WHERE seq = ?", [stored.handoff], |row| {
                    row.get(0)
                })
                .ok()?;
        }
        Some(stored)
    }

    /// Takes the handoffs that stand where their last known event left them,
    /// with proposals that are what they were; returns how many.
    fn handoffs(
        &self,
        events: &BTreeMap<i64, Intact>,
        affected: &mut BTreeSet<String>,
    ) -> Result<u64, StoreError> {
        let mut last: BTreeMap<i64, Option<Hash>> = BTreeMap::new();
        let mut known = self.target.prepare("SELECT handoff, standing FROM events ORDER BY seq")?;
        let mut rows = known.query([])?;
        while let Some(row) = rows.next()? {
            last.insert(row.get(0)?, row.get(1)?);
        }
        for intact in events.values() {
            last.insert(intact.handoff, intact.event.standing);
        }
        let mut taken = 0;
        let mut unseen = 0;
        for seq in 1..=self.last("handoffs", "seq") {
            match self.handoff(seq, last.get(&seq).copied().flatten())? {
                Found::Taken => taken += 1,
                Found::Unproven(id) => drop(affected.insert(id)),
                Found::Nothing => unseen += 1,
            }
        }
        tracing::info!(taken, unseen, "handoffs were looked for in the damaged database");
        for intact in events.values() {
            if intact.handoff > 0 && !self.has("handoffs", "seq", intact.handoff)? {
                affected.insert(intact.event.handoff.clone());
            }
        }
        Ok(taken)
    }

    fn handoff(&self, seq: i64, left: Option<Hash>) -> Result<Found, StoreError> {
        let Some(row) = self.row("handoffs", "seq", seq) else { return Ok(Found::Nothing) };
        let sql = format!(
            "SELECT h.id, h.progress, h.state, h.list, {} FROM handoffs h WHERE h.seq = ?",
            audit::STANDING
        );
        let read = self.source.query_row(&sql, [seq], |row| {
            let (id, progress): (String, String) = (row.get(0)?, row.get(1)?);
            let copies: (String, i64) = (row.get(2)?, row.get(3)?);
            Ok((id, progress, copies, audit::standing(row, 4)?))
        });
        let Ok((id, progress, copies, stands)) = read else {
            return Ok(match row.get(1) {
                Some(Value::Text(id)) => Found::Unproven(id.clone()),
                _ => Found::Nothing,
            });
        };
        let Ok(progress) = serde_json::from_str::<Progress>(&progress) else {
            return Ok(Found::Unproven(id));
        };
        let state = progress.state();
        let agree = copies == (state.as_str().to_owned(), ListPart::of(&progress).number());
        let proposals = self.proposals(seq);
        let is_whole = proposals.iter().any(|(of, _)| *of == i64::from(progress.revision));
        if stands.is_none() || stands != left || !is_whole || !agree {
            return Ok(Found::Unproven(id));
        }
        let names = self.columns("handoffs")?;
        if row.len() != names.len() {
            return Ok(Found::Unproven(id));
        }
        let marks = vec!["?"; names.len()].join(", ");
        let sets: Vec<String> =
            names.iter().map(|name| format!("{name} = excluded.{name}")).collect();
        let sql = format!(
            "INSERT INTO handoffs ({}) VALUES ({marks}) ON CONFLICT (seq) DO UPDATE SET {}",
            names.join(", "),
            sets.join(", ")
        );
        self.target.prepare_cached(&sql)?.execute(params_from_iter(row))?;
        for (_, row) in proposals {
            self.target
                .prepare_cached("INSERT OR IGNORE INTO payloads VALUES (?, ?, ?, ?)")?
                .execute(params_from_iter(row))?;
        }
        self.target
            .prepare_cached("INSERT OR IGNORE INTO to_index (handoff) VALUES (?)")?
            .execute([seq])?;
        Ok(Found::Taken)
    }

    /// The proposals of a handoff that are what their fingerprint says.
    fn proposals(&self, seq: i64) -> Vec<(i64, Vec<Value>)> {
        let Ok(mut statement) = self.source.prepare_cached(
            "SELECT handoff, revision, fingerprint, json FROM payloads WHERE handoff = ?
             ORDER BY revision",
        ) else {
            return Vec::new();
        };
        let Ok(rows) = statement.query_map([seq], |row| {
            let (revision, print, json): (i64, String, String) =
                (row.get(1)?, row.get(2)?, row.get(3)?);
            Ok((revision, print, json))
        }) else {
            return Vec::new();
        };
        rows.map_while(Result::ok)
            .filter(|(_, print, json)| {
                serde_json::from_str(json).is_ok_and(|value| fingerprint(&value) == *print)
            })
            .map(|(revision, print, json)| {
                let row = vec![seq.into(), revision.into(), print.into(), json.into()];
                (revision, row)
            })
            .collect()
    }

    fn columns(&self, table: &str) -> Result<Vec<String>, StoreError> {
        let statement = self.target.prepare(&format!("SELECT * FROM {table}"))?;
        Ok(statement.column_names().into_iter().map(str::to_owned).collect())
    }

    fn has(&self, table: &str, column: &str, place: i64) -> Result<bool, StoreError> {
        let sql = format!("SELECT 1 FROM {table} WHERE {column} = ?");
        Ok(self.target.prepare_cached(&sql)?.exists(params![place])?)
    }

    /// Adds the events to the chain; an epoch names each gap.
    fn events(&self, events: BTreeMap<i64, Intact>, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut count = 0;
        for (seq, intact) in events {
            let known = if intact.handoff < 0 {
                self.has("subjects", "n", -intact.handoff)?
            } else {
                self.has("handoffs", "seq", intact.handoff)?
            };
            if !known {
                continue;
            }
            let tip = audit::tip(self.target)?;
            let tip = if seq > tip.seq + 1 {
                let note = "The damaged database had them.".to_owned();
                audit::open_epoch(self.target, Reason::Salvaged, seq, note, now)?;
                audit::tip(self.target)?
            } else {
                tip
            };
            let head = tip.after_event(&intact.event);
            audit::insert(self.target, intact.handoff, &intact.event, &head)?;
            count += 1;
        }
        Ok(count)
    }
}

enum Found {
    /// It is as it was.
    Taken,
    /// There is one, but whether it is as it was cannot be proven.
    Unproven(String),
    /// No row can be read here.
    Nothing,
}
