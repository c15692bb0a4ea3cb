//! The folder of a desk, filled as a desk fills it, and harmed as none would.

use std::path::Path;

use handoff_domain::decision::{Decision, fingerprint};
use handoff_domain::lifecycle::{Event, transition};
use rusqlite::Connection;

use super::{at, new, ready};
use crate::{Entry, Files, Opened, Store, StoreError, Verified, verify};

/// The folder of a desk.
pub struct Desk {
    pub files: Files,
    folder: tempfile::TempDir,
}

pub fn desk() -> Desk {
    let folder = tempfile::tempdir().expect("a folder");
    Desk { files: Files::of(folder.path().join("desk.db")), folder }
}

pub fn entry(kind: &str) -> Entry {
    Entry {
        at: at(1),
        actor: "reviewer".to_owned(),
        kind: kind.to_owned(),
        data: serde_json::json!({ "kind": kind }),
    }
}

impl Desk {
    pub fn open(&self) -> Opened {
        Store::take_up(&self.files, at(100)).expect("opened")
    }

    /// A desk that has stored three handoffs with two events each, and ended.
    pub async fn filled() -> Self {
        let desk = desk();
        let store = desk.open().store;
        for key in ["a", "b", "c"] {
            submit(&store, key).await.expect("stored");
        }
        desk
    }

    pub fn verify(&self) -> Verified {
        verify(&self.files).expect("checked")
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Does something behind the desk's back, triggers or not.
    pub fn tamper(&self, sql: &str) {
        let connection = raw(&self.files);
        for trigger in ["events_are_not_changed", "events_are_not_removed", "events_come_in_order"]
        {
            connection.execute_batch(&format!("DROP TRIGGER IF EXISTS {trigger}")).expect("gone");
        }
        connection.execute_batch("PRAGMA foreign_keys = OFF").expect("off");
        connection.execute_batch(sql).expect("tampered");
    }
}

#[expect(clippy::disallowed_methods, reason = "somebody else's connection")]
pub fn raw(files: &Files) -> Connection {
    Connection::open(&files.database).expect("opened")
}

pub async fn submit(store: &Store, key: &str) -> Result<(), StoreError> {
    let json = format!(r#"{{"key":"{key}","text":"{}"}}"#, "long enough for a page ".repeat(60));
    let mut handoff = new(key, json);
    let value = serde_json::from_str(&handoff.proposal.json).expect("json");
    handoff.proposal.fingerprint = fingerprint(&value);
    store
        .write(move |write| {
            let record = write.insert(&handoff, &ready(600), at(0))?;
            write.log(record.seq, &entry("submitted"))?;
            write.log(record.seq, &entry("ready"))
        })
        .await
}

/// The reviewer rejects it, for a reason that can be recognised.
pub async fn decide(store: &Store, key: &str) -> Result<(), StoreError> {
    let id = format!("h-{key}");
    let decision: Decision = serde_json::from_value(serde_json::json!({
        "kind": "reject", "by": "reviewer", "at": at(2), "reason": format!("No to {key}."),
        "then": "stop",
    }))?;
    store
        .write(move |write| {
            let Some(record) = write.read().handoff(&id)? else { return Err(StoreError::Stale) };
            let event = Event::Decide { decision: Box::new(decision), revision: 1, hold_s: 5 };
            let progress = transition(&record.progress, &record.traits, event, at(2))
                .map_err(|refusal| StoreError::Failed(format!("{refusal:?}")))?;
            write.save(&record, &progress, at(2))?;
            write.log(record.seq, &entry("decided"))
        })
        .await
}
