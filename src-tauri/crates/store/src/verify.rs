//! Checking the log of events from its first to its last, and that each
//! handoff stands where its last event left it. Reads only, beside a running
//! desk or without one.

use std::collections::HashMap;

use handoff_domain::audit::{Break, Epoch, Hash, Head, Walk};
use handoff_domain::decision::fingerprint;
use rusqlite::Connection;
use serde::Serialize;

use crate::disk::Disk;
use crate::files::Files;
use crate::{StoreError, audit, head, open};

/// What checking the log has shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// How many events were checked.
    pub events: u64,
    /// How many handoffs they are about.
    pub handoffs: u64,
    /// How far the log could be followed.
    pub reached: Head,
    /// What was written down outside of the database.
    pub head: Option<Head>,
    /// Where parts of the log were lost, and why.
    pub epochs: Vec<Epoch>,
    /// The first thing that is wrong.
    pub broken: Option<Break>,
}

/// Checks the log of a desk.
pub fn verify(files: &Files) -> Result<Verified, StoreError> {
    // First, because a running desk goes on writing both: the database may be
    // ahead of its head.
    let (head, unreadable) = match head::read(&files.head()) {
        Ok(head) => (head, None),
        Err(error) => (None, Some(error.to_string())),
    };
    let connection = open::for_reading(&files.database, &Disk::default())?;
    let snapshot = connection.unchecked_transaction()?;
    if !audit::is_chained(&snapshot)? {
        return Err(StoreError::Failed(
            "it was written by an earlier desk and has no audit log yet".to_owned(),
        ));
    }
    let (mut verified, told) = examine(&snapshot, head);
    verified.broken = [verified.broken, told].into_iter().flatten().min_by_key(|one| one.seq);
    if verified.broken.is_none() && head.is_none() {
        let what = match unreadable {
            Some(why) => format!("The head outside of the database cannot be read: {why}."),
            None => "The head outside of the database is missing, so that an end that was cut off \
                     would leave no trace."
                .to_owned(),
        };
        let seq = verified.reached.seq.saturating_add(1);
        verified.broken = Some(Break { seq, handoff: None, what });
    }
    Ok(verified)
}

/// The first thing in a database that only damage, or meddling, explains. What
/// was told when an epoch was opened is not told again.
pub fn damage(connection: &Connection, head: Option<Head>) -> Option<Break> {
    examine(connection, head).0.broken
}

/// Checks the log in a database, and its end against `head` if there is one;
/// beside it, the first loss that the desk cannot explain.
fn examine(connection: &Connection, head: Option<Head>) -> (Verified, Option<Break>) {
    let mut verified = Verified {
        events: 0,
        handoffs: 0,
        reached: Head::EMPTY,
        head,
        epochs: Vec::new(),
        broken: None,
    };
    let mut last = HashMap::new();
    let outcome = follow(connection, &mut verified, &mut last)
        .and_then(|()| compare(connection, &mut verified, &last));
    if let Err(fault) = outcome {
        verified.broken = Some(match fault {
            Fault::Broken(broken) => broken,
            Fault::Unreadable(error) => Break {
                seq: verified.reached.seq.saturating_add(1),
                handoff: None,
                what: format!("It cannot be read: {error}."),
            },
        });
    }
    let told = verified.epochs.iter().find(|epoch| !epoch.reason.is_explained()).map(lost_unasked);
    (verified, told)
}

/// The handoffs still to be decided, or acted on, whose proposal is not what it
/// was when it was received.
pub fn changed_proposals(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare(
        "SELECT h.id, p.fingerprint, p.json FROM handoffs h
         JOIN payloads p ON p.handoff = h.seq WHERE h.list IN (0, 1, 3, 4)",
    )?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, print, json): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if !serde_json::from_str(&json).is_ok_and(|value| fingerprint(&value) == print) {
            found.push(format!("the proposal of {id} is not what it was"));
        }
    }
    Ok(found)
}

enum Fault {
    Broken(Break),
    Unreadable(StoreError),
}

impl<E: Into<StoreError>> From<E> for Fault {
    fn from(error: E) -> Self {
        Self::Unreadable(error.into())
    }
}

/// The number of each handoff's last event, and where it left the handoff.
type Last = HashMap<i64, (i64, Option<Hash>)>;

fn follow(connection: &Connection, verified: &mut Verified, last: &mut Last) -> Result<(), Fault> {
    let mut walk = Walk::new(verified.head);
    let mut epochs = audit::epochs(connection)?.into_iter().peekable();
    let mut statement = connection.prepare(&format!("{} ORDER BY e.seq", audit::EVENT))?;
    let mut rows = statement.query([])?;
    let open = |walk: &mut Walk, epoch: Epoch, claimed: &[u8], verified: &mut Verified| {
        walk.epoch(&epoch, claimed).map_err(Fault::Broken)?;
        verified.reached = walk.tip();
        verified.epochs.push(epoch);
        Ok::<(), Fault>(())
    };
    while let Some(row) = rows.next()? {
        let stored = audit::event(row)?;
        while let Some((epoch, claimed)) =
            epochs.next_if(|(epoch, _)| epoch.first <= stored.event.seq)
        {
            open(&mut walk, epoch, &claimed, verified)?;
        }
        if !stored.known {
            return Err(Fault::Broken(Break {
                seq: stored.event.seq,
                handoff: None,
                what: "The handoff it belongs to is gone.".to_owned(),
            }));
        }
        walk.event(&stored.event, &stored.claimed).map_err(Fault::Broken)?;
        verified.reached = walk.tip();
        verified.events += 1;
        last.insert(stored.handoff, (stored.event.seq, stored.event.standing));
    }
    for (epoch, claimed) in epochs {
        open(&mut walk, epoch, &claimed, verified)?;
    }
    walk.end().map(drop).map_err(Fault::Broken)
}

fn lost_unasked(epoch: &Epoch) -> Break {
    use handoff_domain::audit::Reason;
    let what = match epoch.reason {
        Reason::Behind => format!(
            "The events {} to {} were cut off before epoch {} was opened.",
            epoch.lost_from,
            epoch.first.saturating_sub(1),
            epoch.epoch
        ),
        Reason::Rewritten => format!(
            "Before epoch {} was opened, the log was another than the one that was written down.",
            epoch.epoch
        ),
        Reason::HeadMissing | Reason::Restored | Reason::Salvaged => format!(
            "Before epoch {} was opened, the head outside of the database was missing.",
            epoch.epoch
        ),
    };
    Break { seq: epoch.lost_from, handoff: None, what }
}

/// Does every handoff stand where its last event left it?
fn compare(connection: &Connection, verified: &mut Verified, last: &Last) -> Result<(), Fault> {
    let sql = format!("SELECT h.seq, h.id, {} FROM handoffs h ORDER BY h.seq", audit::STANDING);
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut first: Option<Break> = None;
    while let Some(row) = rows.next()? {
        verified.handoffs += 1;
        let id: String = row.get(1)?;
        let found = audit::standing(row, 2)?;
        let (seq, what) = match (last.get(&row.get::<_, i64>(0)?), found) {
            (Some((seq, _)), None) => (*seq, "The state or the proposal of its handoff is gone."),
            (Some((_, None)), Some(_)) => continue,
            (Some((_, Some(left))), Some(found)) if *left == found => continue,
            (Some((seq, _)), Some(_)) => {
                (*seq, "The handoff does not stand where this event, its last, left it.")
            }
            (None, _) => (verified.reached.seq.saturating_add(1), "No event tells of the handoff."),
        };
        if first.as_ref().is_none_or(|known| seq < known.seq) {
            first = Some(Break { seq, handoff: Some(id), what: what.to_owned() });
        }
    }
    first.map_or(Ok(()), |broken| Err(Fault::Broken(broken)))
}
