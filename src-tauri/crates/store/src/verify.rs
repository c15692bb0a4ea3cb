//! Checking the log of events from its first to its last, and that each
//! handoff stands where its last event left it. Reads only, beside a running
//! desk or without one.

use std::collections::HashMap;

use handoff_domain::audit::{Break, Epoch, Hash, Head, Walk, standing};
use rusqlite::Connection;
use serde::Serialize;

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
    let connection = open::for_reading(&files.database)?;
    let snapshot = connection.unchecked_transaction()?;
    if !audit::is_chained(&snapshot)? {
        return Err(StoreError::Failed(
            "it was written by an earlier desk and has no audit log yet".to_owned(),
        ));
    }
    let mut verified = check(&snapshot, head);
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

/// Checks the log in a database, and its end against `head` if there is one.
pub fn check(connection: &Connection, head: Option<Head>) -> Verified {
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
    verified
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
    let mut unexplained: Option<Break> = None;
    let mut open = |walk: &mut Walk, epoch: Epoch, claimed: &[u8], verified: &mut Verified| {
        walk.epoch(&epoch, claimed).map_err(Fault::Broken)?;
        verified.reached = walk.tip();
        if !epoch.reason.is_explained() && unexplained.is_none() {
            unexplained = Some(lost_unasked(&epoch));
        }
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
    walk.end().map_err(Fault::Broken)?;
    unexplained.map_or(Ok(()), |broken| Err(Fault::Broken(broken)))
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
    let mut statement = connection.prepare(
        "SELECT h.seq, h.id, h.progress, p.fingerprint FROM handoffs h
         LEFT JOIN payloads p ON p.handoff = h.seq AND p.revision =
           (SELECT max(revision) FROM payloads WHERE handoff = h.seq)
         ORDER BY h.seq",
    )?;
    let mut rows = statement.query([])?;
    let mut first: Option<Break> = None;
    while let Some(row) = rows.next()? {
        verified.handoffs += 1;
        let id: String = row.get(1)?;
        let progress: String = row.get(2)?;
        let fingerprint: Option<String> = row.get(3)?;
        let found = fingerprint.map(|fingerprint| standing(&progress, &fingerprint).ok());
        let (seq, what) = match (last.get(&row.get::<_, i64>(0)?), found) {
            (Some((seq, _)), None) => (*seq, "The proposal of its handoff is gone."),
            (Some((_, None)), Some(_)) => continue,
            (Some((_, Some(left))), Some(Some(found))) if *left == found => continue,
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
