//! What earlier desks have written: a filled database of each format is opened by
//! today's code, and every row is as it was.

use std::collections::BTreeMap;

use handoff_domain::decision::fingerprint;
use rusqlite::Connection;
use rusqlite::types::Value;

use super::desk::{desk, raw, submit};
use super::{at, ready, traits};
use crate::{Kind, Store, audit, backups, head, open, verify};

/// What a desk of each format wrote into the tables that came with it, after
/// two handoffs.
const ROWS: [&str; 13] = [
    "INSERT INTO agents VALUES ('a', 'hash', 'a framework', '1.2', 1, 2), ('b', 'hash', NULL, NULL, 3, 4);
     INSERT INTO events (handoff, at, actor, kind, data) VALUES
       (1, 5, 'agent', 'submitted', '{}'), (1, 6, 'System', 'ready', '{}'),
       (2, 7, 'agent', 'submitted', '{}'), (2, 8, 'System', 'ready', '{\"a\":[1]}');
     INSERT INTO settings VALUES ('hold_s', '7');
     INSERT INTO search (rowid, text) VALUES (1, 'a word');
     INSERT INTO to_index VALUES (1), (2);",
    "",
    "",
    "INSERT INTO search (rowid, name_id, text) VALUES (1, 'h-a', 'another word');",
    "INSERT INTO subjects VALUES (1, 'agent:a');
     INSERT INTO levels VALUES ('a', '', 'draft', NULL), ('a', 't', 'suggest', 'It did not ask.');
     INSERT INTO pauses VALUES ('a', 't', 'pause', 9);
     INSERT INTO tools VALUES ('a', 'bash', '{}', 'hash', 1, 2, 'hash', 0);
     INSERT INTO tasks VALUES ('a', 't', '{}', '{\"steps\":[]}', 3, 4, 5, NULL, 6);
     INSERT INTO checks (agent, task, key, step, tool, hash, asked, answer, verdict, judged, gave,
       effect, mandatory, level, evidence, handoff, rule, at, done)
     VALUES ('a', 't', 'c1', 's', 'bash', 'hash', '{}', '{}', 'held', '{}', '{}', 1, 0, 'draft',
         '[]', 'h-a', NULL, 10, 0),
       ('a', 't', 'c2', NULL, 'bash', 'hash', '{}', '{}', 'run', '{}', '{}', 0, 1, 'draft',
         '[]', NULL, 1, 11, 1);
     INSERT INTO actions VALUES
       (1, 'a', 't', 'x1', 's', 'bash', 'hash', '{}', 1, 'done', 'agent', 12, 1, 'h-b'),
       (2, 'a', 't', 'x2', NULL, 'bash', 'hash', '{}', 1, 'undone', 'hook', 13, 0, NULL);
     INSERT INTO permits VALUES ('h-a', 'a', 't', 'hash', NULL), ('h-b', 'a', 't', 'hash', 14);
     INSERT INTO rules VALUES (4, '{}', 2, 15, 16, NULL);",
    "",
    "",
    "INSERT INTO instructions VALUES (1, 'i1', 'a', 't', '{}', 17, 18, NULL, NULL);
     INSERT INTO kept_files VALUES ('a', 'c2', '/a file', 't', '{}', NULL, 'x1', 19);",
    "INSERT INTO rollbacks VALUES (1, 'r1', 'a', 't', '{}', '{}', 20, 21, 0);
     INSERT INTO undos VALUES ('r1', 'x1', 1, 'a', 't', 'hash', 'i1', 22, 23, 24, 25, 'undone', NULL, 'x2');
     INSERT INTO taken_back VALUES ('a', 't', 'x1', 26, NULL);",
    "",
    "INSERT INTO servers VALUES ('lab', 'http://127.0.0.1:1', '{}', 'x-key', 'keyring', 27, NULL);
     INSERT INTO asks VALUES (1, 'lab', 'thread', 'question', 1, '{}', '{}', 28, NULL);
     INSERT INTO asked VALUES ('h-b', 1, 0);",
    "",
    "",
];

/// Columns that a later format has moved elsewhere.
const MOVED: [(&str, &str); 1] = [("checks", "shown_at")];
/// Tables that are empty while nothing has gone wrong.
const EMPTY: [&str; 1] = ["epochs"];

const JSON: &str = r#"{"key":"a","text":"Größe \"5\""}"#;

/// A row by the names of its columns.
type Row = BTreeMap<String, Value>;

fn proposal() -> serde_json::Value {
    serde_json::from_str(JSON).expect("json")
}

/// Two handoffs, as all formats can store them.
fn handoffs() -> String {
    let progress = serde_json::to_string(&ready(600)).expect("json");
    let traits = serde_json::to_string(&traits()).expect("json");
    let fingerprint = fingerprint(&proposal());
    let row = |seq: u8, key: &str| {
        format!(
            "INSERT INTO handoffs (seq, id, agent, key, task, title, question, priority, effect,
               traits, progress, version, state, list, respond_by, received_at, changed_at, timer_at)
             VALUES ({seq}, 'h-{key}', 'a', '{key}', 't', 'Title', 'May I?', 1, 1, '{traits}',
               '{progress}', 2, 'ready', 0, 1790000600000, 1790000000000, 1790000000000, NULL);
             INSERT INTO payloads VALUES ({seq}, 1, '{fingerprint}', '{JSON}');"
        )
    };
    row(1, "a") + &row(2, "b")
}

/// All tables with all their rows, but for those of the search.
fn tables(connection: &Connection) -> BTreeMap<String, Vec<Row>> {
    let mut names = connection
        .prepare(
            "SELECT name FROM pragma_table_list
             WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%'",
        )
        .expect("tables");
    let names: Vec<String> =
        names.query_map([], |row| row.get(0)).and_then(Iterator::collect).expect("names");
    let rows = |name: String| {
        let mut rows = connection.prepare(&format!("SELECT * FROM {name}")).expect("rows");
        let columns: Vec<String> = rows.column_names().into_iter().map(str::to_owned).collect();
        let read = |row: &rusqlite::Row<'_>| {
            let cell = |(at, column): (usize, &String)| Ok((column.clone(), row.get(at)?));
            columns.iter().enumerate().map(cell).collect()
        };
        let rows = rows.query_map([], read).and_then(Iterator::collect).expect("values");
        (name, rows)
    };
    names.into_iter().map(rows).collect()
}

/// The rows as far as they are there in both: what came later is left out, what
/// has gone must be known to have.
fn in_common(table: &str, before: &[Row], after: &[Row]) -> (Vec<Row>, Vec<Row>) {
    let columns =
        |rows: &[Row]| rows.first().map(|row| row.keys().cloned().collect()).unwrap_or_default();
    let (old, new): (Vec<String>, Vec<String>) = (columns(before), columns(after));
    let (kept, gone): (Vec<String>, Vec<String>) =
        old.into_iter().partition(|column| new.contains(column));
    for column in gone {
        assert!(MOVED.contains(&(table, column.as_str())), "{table}.{column} is gone");
    }
    let cut = |rows: &[Row]| {
        rows.iter()
            .map(|row| kept.iter().map(|name| (name.clone(), row[name].clone())).collect())
            .collect()
    };
    (cut(before), cut(after))
}

#[tokio::test]
async fn a_filled_database_of_every_format_is_opened_with_its_rows_intact() {
    let formats = usize::try_from(open::FORMAT).expect("a few");
    assert_eq!(ROWS.len(), formats, "each format has rows in this test");
    for format in 1..=formats {
        let desk = desk();
        let mut before = BTreeMap::new();
        open::of_format(&desk.files.database, format, |step, connection| {
            if step == 1 {
                connection.execute_batch(&handoffs()).expect("handoffs");
            }
            connection.execute_batch(ROWS[step - 1]).expect("rows");
            if step == format {
                before = tables(connection);
                if before.contains_key("epochs") {
                    let tip = audit::tip(connection).expect("the last event");
                    head::write(&desk.files.head(), &tip).expect("written");
                }
            }
        });
        for (table, rows) in &before {
            assert_eq!(rows.is_empty(), EMPTY.contains(&table.as_str()), "{format}: {table}");
        }

        let opened = desk.open();
        assert_eq!(opened.notices, [""; 0], "{format}");
        let after = tables(&raw(&desk.files));
        for (table, rows) in &before {
            let rows_now = after.get(table).unwrap_or_else(|| panic!("{format}: no {table}"));
            let (before, after) = in_common(table, rows, rows_now);
            assert_eq!(before, after, "format {format}: {table}");
        }

        still_works(&opened.store).await;
        drop(opened);
        let verified = verify(&desk.files).expect("verified");
        assert_eq!((verified.broken, verified.handoffs), (None, 3), "{format}");
        let kept = backups(&desk.files).expect("listed");
        let found: Vec<(Kind, Option<i64>)> = kept
            .iter()
            .map(|backup| (backup.kind, open::format(&backup.path).expect("a database")))
            .collect();
        let expected = (format < formats).then_some((Kind::Migration, i64::try_from(format).ok()));
        assert_eq!(found, Vec::from_iter(expected), "as it was before the change");
    }
}

/// Reads what an earlier desk has stored, and stores more.
async fn still_works(store: &Store) {
    let found = store.read(|read| read.handoff("h-a")).expect("read").expect("it is there");
    assert_eq!((found.seq, found.version, found.received_at), (1, 2, at(0)));
    assert_eq!((&found.progress, &found.traits), (&ready(600), &traits()));
    let text = store.read(|read| read.payload(1, 1)).expect("read").expect("it is there");
    assert_eq!(serde_json::from_str::<serde_json::Value>(&text).expect("json"), proposal());
    submit(store, "later").await.expect("stored");
}
