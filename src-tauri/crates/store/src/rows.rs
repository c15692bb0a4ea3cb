//! How a handoff is written into its row and read back.

use chrono::{DateTime, Utc};
use handoff_domain::action::Effect;
use handoff_domain::payload::Priority;

use crate::StoreError;
use crate::handoffs::{Record, Row};

pub fn millis(at: DateTime<Utc>) -> i64 {
    at.timestamp_millis()
}

pub fn instant(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis).unwrap_or_default()
}

pub const COLUMNS: &str = "seq, id, agent, key, task, title, question, priority, effect, traits,
    progress, version, received_at, outcome";

pub fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Result<Row, StoreError>> {
    let traits: String = row.get(9)?;
    let progress: String = row.get(10)?;
    let parsed = || -> Result<Row, StoreError> {
        Ok(Row {
            title: row.get(5)?,
            outcome: row.get(13)?,
            effect: row.get::<_, Option<i64>>(8)?.map(effect_from),
            record: Record {
                seq: row.get(0)?,
                id: row.get(1)?,
                agent: row.get(2)?,
                key: row.get(3)?,
                task: row.get(4)?,
                question: row.get(6)?,
                priority: priority_from(row.get(7)?),
                traits: serde_json::from_str(&traits)?,
                progress: serde_json::from_str(&progress)?,
                version: row.get(11)?,
                received_at: instant(row.get(12)?),
            },
        })
    };
    Ok(parsed())
}

pub fn priority_number(priority: Priority) -> i64 {
    match priority {
        Priority::Low => 0,
        Priority::Normal => 1,
        Priority::High => 2,
        Priority::Urgent => 3,
    }
}

pub fn priority_from(number: i64) -> Priority {
    match number {
        0 => Priority::Low,
        1 => Priority::Normal,
        2 => Priority::High,
        _ => Priority::Urgent,
    }
}

pub fn effect_number(effect: Effect) -> i64 {
    match effect {
        Effect::Read => 0,
        Effect::Reversible => 1,
        Effect::Irreversible => 2,
    }
}

pub fn effect_from(number: i64) -> Effect {
    match number {
        0 => Effect::Read,
        1 => Effect::Reversible,
        _ => Effect::Irreversible,
    }
}
