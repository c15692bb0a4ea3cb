//! The log in a real file: it is only added to, and whatever is done to it
//! behind the desk's back is found.

use handoff_domain::audit::{Head, Reason};

use super::desk::{Desk, desk, raw, submit};
use crate::{head, verify};

#[tokio::test]
async fn a_log_is_whole_and_its_head_is_written_down() {
    let desk = Desk::filled().await;
    let verified = desk.verify();
    assert_eq!(verified.broken, None);
    assert_eq!((verified.events, verified.handoffs), (6, 3));
    assert_eq!(verified.head, Some(verified.reached), "closing the store wrote the last head");
    assert_eq!((verified.reached.epoch, verified.reached.seq), (1, 6));
}

#[tokio::test]
async fn a_running_desk_can_be_verified_and_is_never_behind_its_head() {
    let desk = Desk::filled().await;
    let opened = desk.open();
    assert!(opened.notices.is_empty());
    for key in 0..40 {
        submit(&opened.store, &format!("k{key}")).await.expect("stored");
        assert_eq!(desk.verify().broken, None);
    }
}

#[tokio::test]
async fn events_cannot_be_changed_or_removed() {
    let desk = Desk::filled().await;
    let connection = raw(&desk.files);
    for sql in [
        "UPDATE events SET actor = 'agent'",
        "DELETE FROM events WHERE seq = 6",
        "INSERT OR REPLACE INTO events SELECT * FROM events WHERE seq = 1",
        "INSERT OR REPLACE INTO events SELECT * FROM events WHERE seq = 6",
    ] {
        let refused = connection.execute_batch(sql).expect_err(sql).to_string();
        assert!(refused.contains("only added"), "{sql}: {refused}");
    }
    assert_eq!(desk.verify().broken, None);
}

#[tokio::test]
async fn each_kind_of_tampering_is_found_where_it_was_done() {
    let cases = [
        ("UPDATE events SET actor = 'agent' WHERE seq = 3", 3, Some("h-b")),
        ("UPDATE events SET data = '{}' WHERE seq = 4", 4, Some("h-b")),
        ("UPDATE events SET at = at + 1 WHERE seq = 1", 1, Some("h-a")),
        ("UPDATE events SET handoff = 1 WHERE seq = 5", 5, Some("h-a")),
        ("UPDATE events SET hash = zeroblob(32) WHERE seq = 2", 2, Some("h-a")),
        ("DELETE FROM events WHERE seq = 2", 3, Some("h-b")),
        ("DELETE FROM events WHERE seq > 4", 5, None),
        ("DELETE FROM events", 1, None),
        ("DELETE FROM handoffs WHERE id = 'h-b'", 3, None),
        ("UPDATE handoffs SET id = 'h-x' WHERE id = 'h-c'", 5, Some("h-x")),
        (
            "UPDATE events SET seq = -seq WHERE seq IN (3, 4);
             UPDATE events SET seq = CASE seq WHEN -3 THEN 4 ELSE 3 END WHERE seq < 0",
            3,
            Some("h-b"),
        ),
        (
            "UPDATE handoffs SET progress = replace(progress, '\"ready\"', '\"queued\"')
             WHERE id = 'h-b'",
            4,
            Some("h-b"),
        ),
        ("UPDATE payloads SET fingerprint = 'other' WHERE handoff = 3", 6, Some("h-c")),
        ("UPDATE handoffs SET progress = 'no json' WHERE id = 'h-c'", 6, Some("h-c")),
    ];
    for (sql, seq, handoff) in cases {
        let desk = Desk::filled().await;
        desk.tamper(sql);
        let broken = desk.verify().broken.unwrap_or_else(|| panic!("not found: {sql}"));
        assert_eq!((broken.seq, broken.handoff.as_deref()), (seq, handoff), "{sql}: {broken:?}");
    }
}

#[tokio::test]
async fn an_end_that_was_cut_off_is_told_at_the_start_and_for_ever() {
    let desk = Desk::filled().await;
    desk.tamper(
        "DELETE FROM events WHERE seq > 4; DELETE FROM payloads WHERE handoff = 3;
        DELETE FROM to_index WHERE handoff = 3; DELETE FROM handoffs WHERE seq = 3",
    );
    let opened = desk.open();
    assert!(opened.notices[0].contains("events 5 to 6 are missing"), "{:?}", opened.notices);
    submit(&opened.store, "d").await.expect("it works on");
    let told = opened.notices.clone();
    drop(opened);
    let verified = desk.verify();
    assert_eq!((verified.reached.epoch, verified.reached.seq), (2, 8));
    assert_eq!((verified.epochs[0].reason, verified.epochs[0].lost_from), (Reason::Behind, 5));
    assert_eq!(verified.broken.map(|broken| broken.seq), Some(5));
    let again = desk.open();
    assert!(again.notices.is_empty(), "it is found once");
    assert_eq!(again.store.unread(), told, "and told until it is read");
}

#[tokio::test]
async fn a_head_that_could_not_be_written_is_told_of_and_tried_again() {
    let desk = Desk::filled().await;
    let store = desk.open().store;
    let head = desk.files.head();
    std::fs::remove_file(&head).expect("gone");
    std::fs::create_dir(&head).expect("nothing can take this place");
    submit(&store, "d").await.expect("stored");
    let until = |seen: &dyn Fn() -> bool| {
        let begun = std::time::Instant::now();
        while !seen() {
            assert!(begun.elapsed() < std::time::Duration::from_secs(20), "it never happened");
            std::thread::yield_now();
        }
    };
    until(&|| store.head_fault().is_some());
    std::fs::remove_dir(&head).expect("it can again");
    until(&|| store.head_fault().is_none());
    assert!(head.is_file(), "nothing was stored meanwhile");
}

#[tokio::test]
async fn a_database_ahead_of_its_head_is_fine() {
    let desk = Desk::filled().await;
    let before = std::fs::read(desk.files.head()).expect("a head");
    let store = desk.open().store;
    submit(&store, "d").await.expect("stored");
    drop(store);
    std::fs::write(desk.files.head(), before).expect("put back");
    assert_eq!(desk.verify().broken, None);
    assert!(desk.open().notices.is_empty());
}

#[tokio::test]
async fn a_log_written_anew_or_a_missing_head_is_told() {
    let desk = Desk::filled().await;
    let mut other = head::read(&desk.files.head()).expect("read").expect("a head");
    other.hash[0] ^= 1;
    head::write(&desk.files.head(), &other).expect("written");
    assert_eq!(desk.verify().broken.map(|broken| broken.seq), Some(6));
    assert!(desk.open().notices[0].contains("is another"));
    let broken = desk.verify().broken.expect("for ever");
    assert!(broken.what.contains("epoch 2"), "{broken:?}");

    let desk = Desk::filled().await;
    std::fs::remove_file(desk.files.head()).expect("removed");
    assert!(desk.verify().broken.is_some());
    assert!(desk.open().notices[0].contains("audit-head is missing"));
}

#[test]
fn a_new_desk_has_a_head_before_it_has_a_database() {
    let desk = desk();
    drop(desk.open());
    assert_eq!(head::read(&desk.files.head()).expect("read"), Some(Head::EMPTY));
    let verified = desk.verify();
    assert_eq!((verified.broken, verified.events), (None, 0));
}

#[test]
fn what_an_earlier_desk_logged_is_chained() {
    let desk = desk();
    raw(&desk.files)
        .execute_batch(concat!(
            "BEGIN;",
            include_str!("../../migrations/0001_desk.sql"),
            "PRAGMA user_version = 1;
             WITH n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50)
             INSERT INTO handoffs SELECT i, 'h-' || i, 'a', i, 't', 'T', 'q', 1, NULL, '{}',
               '{\"revision\":1,\"state\":\"ready\"}', 1, 'ready', 0, 0, 0, 0, NULL, NULL FROM n;
             INSERT INTO payloads SELECT seq, 1, 'f', '{}' FROM handoffs;
             INSERT INTO events (handoff, at, actor, kind, data)
               SELECT seq, 7, 'agent', 'submitted', '{}' FROM handoffs
               UNION ALL SELECT seq, 8, 'System', 'ready', '{}' FROM handoffs;
             COMMIT;"
        ))
        .expect("an old database");
    let unchained = verify(&desk.files).expect_err("no chain").to_string();
    assert!(unchained.contains("no audit log yet"), "{unchained}");
    let opened = desk.open();
    assert!(opened.notices.is_empty(), "{:?}", opened.notices);
    let kinds: Vec<String> = opened
        .store
        .read(|read| read.entries(50))
        .expect("read")
        .into_iter()
        .map(|entry| entry.kind)
        .collect();
    assert_eq!(kinds, ["submitted", "ready"]);
    drop(opened);
    let verified = desk.verify();
    assert_eq!((verified.broken, verified.events, verified.handoffs), (None, 100, 50));
    desk.tamper(
        "UPDATE handoffs SET progress = replace(progress, 'ready', 'released') WHERE seq = 9",
    );
    let broken = desk.verify().broken.expect("found");
    assert_eq!(broken.handoff.as_deref(), Some("h-9"), "also what was there before the chain");
}
