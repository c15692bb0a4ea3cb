//! The store on a real file: what is answered is there, what failed is not.

mod audit;
mod backup;
mod damage;
mod desk;
mod drafts;
mod formats;
mod full;
mod rollback;

use chrono::{DateTime, TimeDelta, Utc};
use handoff_domain::action::Effect;
use handoff_domain::lifecycle::{Event, Flag, Progress, State, Traits, transition};
use handoff_domain::payload::{Deadline, OnTimeout, Priority, TimeoutKind};

use crate::{ListPart, NewHandoff, Page, Proposal, Record, Store, StoreError};

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + seconds, 0).expect("a time")
}

fn traits() -> Traits {
    Traits { on_timeout: TimeoutKind::ManualReview, irreversible: vec![] }
}

fn ready(seconds: u32) -> Progress {
    let deadline = Deadline {
        respond_by: None,
        respond_within_s: Some(seconds),
        warn_before_s: None,
        grace_s: None,
        on_timeout: OnTimeout { kind: TimeoutKind::ManualReview, option: None },
    };
    let queued = Progress::new(&deadline, false, at(0));
    transition(&queued, &traits(), Event::Present, at(0)).expect("an edge")
}

fn new(key: &str, json: String) -> NewHandoff {
    NewHandoff {
        id: format!("h-{key}"),
        agent: "a".to_owned(),
        key: key.to_owned(),
        proposal: Proposal {
            fingerprint: format!("f-{key}"),
            json,
            task: "t".to_owned(),
            title: "Title".to_owned(),
            question: key.to_owned(),
            priority: Priority::Normal,
            effect: None,
            high: false,
            traits: traits(),
        },
    }
}

async fn insert(store: &Store, key: &str, json: String) -> Result<Record, StoreError> {
    let handoff = new(key, json);
    store.write(move |write| write.insert(&handoff, &ready(600), at(0))).await
}

struct Opened {
    store: Store,
    path: std::path::PathBuf,
    folder: tempfile::TempDir,
}

fn open() -> Opened {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("desk.db");
    Opened { store: Store::open(&path).expect("opened"), path, folder }
}

#[tokio::test]
async fn what_was_answered_is_there_after_reopening() {
    let Opened { store, path, folder } = open();
    let record = insert(&store, "k", "{}".to_owned()).await.expect("stored");
    drop(store);
    let store = Store::open(&path).expect("reopened");
    let found = store.read(|read| read.handoff("h-k")).expect("read").expect("there");
    assert_eq!(found, record);
    assert_eq!(store.read(|read| read.payload(found.seq, 1)).expect("read"), Some("{}".to_owned()));
    drop(folder);
}

#[tokio::test]
async fn a_change_that_fails_leaves_nothing_and_hinders_no_other() {
    let opened = open();
    let handoff = new("bad", "{}".to_owned());
    let bad = opened.store.write(move |write| {
        write.insert(&handoff, &ready(600), at(0))?;
        Err::<(), _>(StoreError::Failed("changed my mind".to_owned()))
    });
    // All three may share one commit.
    let (one, bad, two) = tokio::join!(
        insert(&opened.store, "1", "{}".to_owned()),
        bad,
        insert(&opened.store, "2", "{}".to_owned())
    );
    assert!(one.is_ok() && two.is_ok());
    assert_eq!(bad, Err(StoreError::Failed("changed my mind".to_owned())));
    assert_eq!(opened.store.read(|read| read.handoff("h-bad")), Ok(None));
    assert_eq!(opened.store.read(|read| read.counts()), Ok([2, 0, 0, 0, 0]));
}

#[tokio::test]
async fn a_change_that_panics_is_undone_and_the_next_is_stored() {
    let opened = open();
    let handoff = new("bad", "{}".to_owned());
    let bad: Result<(), StoreError> = opened
        .store
        .write(move |write| {
            write.insert(&handoff, &ready(600), at(0))?;
            panic!("a bug")
        })
        .await;
    assert!(matches!(bad, Err(StoreError::Failed(_))), "{bad:?}");
    insert(&opened.store, "good", "{}".to_owned()).await.expect("stored");
    assert_eq!(opened.store.read(|read| read.counts()), Ok([1, 0, 0, 0, 0]));
}

#[tokio::test]
async fn the_later_of_two_changes_to_the_same_state_is_refused() {
    let opened = open();
    let record = insert(&opened.store, "k", "{}".to_owned()).await.expect("stored");
    let change = |reason: &str| {
        let event = Event::Withdraw { reason: Some(reason.to_owned()) };
        let next = transition(&record.progress, &record.traits, event, at(1)).expect("an edge");
        let record = record.clone();
        opened.store.write(move |write| write.save(&record, &next, at(1)))
    };
    let (first, second) = tokio::join!(change("first"), change("second"));
    assert_eq!((first, second), (Ok(()), Err(StoreError::Stale)));
    let found = opened.store.read(|read| read.handoff("h-k")).expect("read").expect("there");
    assert_eq!((found.progress.state(), found.version), (State::Withdrawn, 2));
}

#[tokio::test]
async fn a_full_disk_is_named_and_what_was_there_stays() {
    let opened = open();
    insert(&opened.store, "before", "{}".to_owned()).await.expect("stored");
    let limit = |pages: u32| {
        opened.store.write(move |write| {
            let sql = format!("PRAGMA max_page_count = {pages}");
            write.connection.query_row(&sql, [], |_| Ok(())).map_err(StoreError::from)
        })
    };
    limit(1).await.expect("limited to what is there");
    let big = format!("\"{}\"", "x".repeat(1024 * 1024));
    // They may share a commit, which the full disk then ends for all of them.
    let (first, full, last) = tokio::join!(
        insert(&opened.store, "first", "{}".to_owned()),
        insert(&opened.store, "big", big.clone()),
        insert(&opened.store, "last", "{}".to_owned())
    );
    assert_eq!(full, Err(StoreError::Full));
    for (key, answer) in [("h-first", first), ("h-last", last)] {
        let there = opened.store.read(|read| read.handoff(key)).expect("read").is_some();
        assert_eq!(there, answer.is_ok(), "{key} was answered {answer:?}");
    }
    assert_eq!(opened.store.read(|read| read.handoff("h-big")), Ok(None));
    limit(1_000_000).await.expect("room again");
    insert(&opened.store, "big", big).await.expect("the same again is stored");
    assert!(opened.store.read(|read| read.handoff("h-big")).expect("read").is_some());
}

#[tokio::test]
async fn a_key_is_unique_for_its_agent() {
    let opened = open();
    insert(&opened.store, "k", "{}".to_owned()).await.expect("stored");
    let mut again = new("k", "{}".to_owned());
    again.id = "h-other".to_owned();
    let twice = opened.store.write(move |write| write.insert(&again, &ready(600), at(0))).await;
    assert!(matches!(twice, Err(StoreError::Failed(_))), "{twice:?}");
}

#[tokio::test]
async fn the_inbox_comes_by_deadline_then_priority_then_what_it_does_at_worst() {
    let opened = open();
    let cases = [
        ("reads", 600, Priority::Normal, Some(Effect::Read)),
        ("asks", 600, Priority::Normal, None),
        ("deletes", 600, Priority::Normal, Some(Effect::Irreversible)),
        ("writes", 600, Priority::Normal, Some(Effect::Reversible)),
        ("matters", 600, Priority::High, Some(Effect::Read)),
        ("soon", 300, Priority::Low, None),
    ];
    for (key, seconds, priority, effect) in cases {
        let mut handoff = new(key, "{}".to_owned());
        (handoff.proposal.priority, handoff.proposal.effect) = (priority, effect);
        let stored =
            opened.store.write(move |write| write.insert(&handoff, &ready(seconds), at(0)));
        stored.await.expect("stored");
    }
    let page = Page { list: Some(ListPart::Inbox), limit: 10, ..Page::default() };
    let (rows, _) = opened.store.read(|read| read.page(&page)).expect("read");
    let keys: Vec<&str> = rows.iter().map(|row| row.record.key.as_str()).collect();
    assert_eq!(keys, ["soon", "matters", "deletes", "writes", "reads", "asks"]);
}

#[tokio::test]
async fn lists_and_counts_agree() {
    let opened = open();
    for key in 0..30 {
        insert(&opened.store, &key.to_string(), "{}".to_owned()).await.expect("stored");
    }
    let page = Page { list: Some(ListPart::Inbox), limit: 10, ..Page::default() };
    let (rows, total) = opened.store.read(|read| read.page(&page)).expect("read");
    assert_eq!((rows.len(), total), (10, 30));
    assert_eq!(opened.store.read(|read| read.counts()), Ok([30, 0, 0, 0, 0]));
    assert_eq!(opened.store.read(|read| read.next_timer()), Ok(Some(at(480))));
    assert_eq!(opened.store.read(|read| read.due(at(479))).map(|due| due.len()), Ok(0));
    assert_eq!(opened.store.read(|read| read.due(at(480))).map(|due| due.len()), Ok(30));
}

#[tokio::test]
async fn a_caller_that_goes_away_undoes_nothing() {
    let opened = open();
    let handoff = new("k", "{}".to_owned());
    let abandoned = opened.store.write(move |write| write.insert(&handoff, &ready(600), at(0)));
    {
        // Polled once, so that the change is under way, and then dropped.
        let mut abandoned = std::pin::pin!(abandoned);
        let polled = poll_once(abandoned.as_mut()).await;
        assert!(polled.is_none(), "a commit takes longer than a poll");
    }
    insert(&opened.store, "next", "{}".to_owned()).await.expect("stored");
    assert!(opened.store.read(|read| read.handoff("h-k")).expect("read").is_some());
}

async fn poll_once<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(match future.as_mut().poll(context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

#[tokio::test]
async fn a_stepped_deadline_moves_the_timer_with_it() {
    let opened = open();
    let record = insert(&opened.store, "k", "{}".to_owned()).await.expect("stored");
    let later = at(0) + TimeDelta::seconds(480);
    let event = Event::Warn { revision: record.progress.revision };
    let warned = transition(&record.progress, &record.traits, event, later).expect("an edge");
    let known = record.clone();
    opened.store.write(move |write| write.save(&known, &warned, later)).await.expect("saved");
    assert_eq!(opened.store.read(|read| read.next_timer()), Ok(Some(at(600))));
}

#[tokio::test]
async fn what_may_wait_shares_the_commit_of_the_next_change_and_is_in_it_first() {
    let opened = open();
    let store = std::sync::Arc::new(opened.store);
    let record = insert(&store, "k", "{}".to_owned()).await.expect("stored");
    let entry = |kind: &str| crate::Entry {
        at: at(0),
        actor: "System".to_owned(),
        kind: kind.to_owned(),
        data: serde_json::Value::Null,
    };
    let kinds = |store: &Store| -> Vec<String> {
        let entries = store.read(|read| read.entries(record.seq)).expect("read");
        entries.into_iter().map(|entry| entry.kind).collect()
    };
    let seq = record.seq;
    let (soon, now) = (entry("soon"), entry("now"));
    let mut soon = Box::pin(store.write_soon::<_, StoreError, _>(move |w| w.log(seq, &soon)));
    // Hands the change over without waiting for it.
    assert!(
        std::future::poll_fn(|context| {
            std::task::Poll::Ready(soon.as_mut().poll(context).is_pending())
        })
        .await
    );
    store.write::<_, StoreError, _>(move |w| w.log(seq, &now)).await.expect("stored");
    assert_eq!(kinds(&store), ["soon", "now"]);
    soon.await.expect("stored with it");

    let alone = entry("alone");
    store.write_soon::<_, StoreError, _>(move |w| w.log(seq, &alone)).await.expect("stored");
    assert_eq!(kinds(&store), ["soon", "now", "alone"], "the idle writer stores it by itself");
}

#[tokio::test]
async fn what_may_wait_is_stored_when_the_store_is_closed() {
    let Opened { store, path, folder } = open();
    let handoff = new("late", "{}".to_owned());
    let mut late = Box::pin(store.write_soon::<_, StoreError, _>(move |write| {
        write.insert(&handoff, &ready(600), at(0)).map(drop)
    }));
    assert!(poll_once(late.as_mut()).await.is_none(), "it waits for company");
    drop(late);
    drop(store);
    let store = Store::open(&path).expect("reopened");
    assert!(store.read(|read| read.handoff("h-late")).expect("read").is_some());
    drop(folder);
}

#[tokio::test]
async fn what_came_cold_is_counted_until_a_better_proposal_comes() {
    let opened = open();
    opened
        .store
        .write::<_, StoreError, _>(|write| {
            write.bind_agent("a", "hash", at(0))?;
            for key in ["cold", "warm"] {
                let mut progress = ready(600);
                if key == "cold" {
                    progress.flags.push(Flag::Cold);
                }
                write.insert(&new(key, "{}".to_owned()), &progress, at(0))?;
            }
            Ok(())
        })
        .await
        .expect("stored");
    let counted = || {
        let agents = opened.store.read(|read| read.agents()).expect("read");
        agents.first().map(|agent| (agent.handoffs, agent.cold))
    };
    assert_eq!(counted(), Some((2, 1)));
    let cold = opened.store.read(|read| read.handoff("h-cold")).expect("read").expect("there");
    let warmed = ready(600);
    opened.store.write(move |write| write.save(&cold, &warmed, at(1))).await.expect("saved");
    assert_eq!(counted(), Some((2, 0)));
}

#[tokio::test]
async fn what_was_announced_once_is_not_owed_again() {
    let opened = open();
    let first = insert(&opened.store, "first", "{}".to_owned()).await.expect("stored");
    insert(&opened.store, "second", "{}".to_owned()).await.expect("stored");
    let owed = || opened.store.read(|read| read.unannounced()).expect("read");
    assert_eq!(owed(), ["h-first", "h-second"]);
    let attempt = crate::Entry {
        at: at(1),
        actor: "System".to_owned(),
        kind: "not_notified".to_owned(),
        data: serde_json::Value::Null,
    };
    let write = opened.store.write::<_, StoreError, _>(move |write| write.log(first.seq, &attempt));
    write.await.expect("logged");
    assert_eq!(owed(), ["h-second"]);
}

#[tokio::test]
async fn the_log_is_emptied_once_nothing_is_written_any_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("desk.db");
    let disk =
        crate::disk::Disk { rest: std::time::Duration::from_millis(1), ..Default::default() };
    let store = Store::on(&path, disk).expect("opened");
    let log = crate::files::parts_of(&path)[1].clone();
    for key in ["first", "second"] {
        insert(&store, key, "{}".to_owned()).await.expect("stored");
        let emptied = async {
            while crate::files::size(&log) > 0 {
                tokio::task::yield_now().await;
            }
        };
        let patience = std::time::Duration::from_secs(10);
        tokio::time::timeout(patience, emptied).await.expect("it is emptied while the desk runs");
    }
    assert!(store.read(|read| read.handoff("h-second")).expect("read").is_some());
}

#[tokio::test]
async fn a_search_shows_the_newest_of_all_that_it_counts() {
    let opened = open();
    for number in 0..5 {
        insert(&opened.store, &format!("k{number}"), "{}".to_owned()).await.expect("stored");
    }
    opened.store.index().await.expect("indexed");
    let page = Page { search: Some("title".to_owned()), limit: 2, ..Page::default() };
    let (rows, total) = opened.store.read(|read| read.page(&page)).expect("read");
    let ids: Vec<_> = rows.iter().map(|row| row.record.id.as_str()).collect();
    assert_eq!((ids, total), (vec!["h-k4", "h-k3"], 5));
    let page = Page { agent: Some("b".to_owned()), ..page };
    let (rows, total) = opened.store.read(|read| read.page(&page)).expect("read");
    assert_eq!((rows.len(), total), (0, 0), "another agent has none of them");
}

#[tokio::test]
async fn a_search_finds_first_what_is_called_so() {
    let opened = open();
    let named = [
        ("a-1", "Deploy", "Deploy now?"),
        ("a-2", "Deploy the backend", "Now?"),
        ("a-3", "Close the month", "Wait for the deploy?"),
        ("a-4", "Deployment", "Go on?"),
        ("deploy", "Nightly", "Run it?"),
        ("a-5", "Close the year", "Tell deploy-bot?"),
        ("a-6", "The deploy", "Late?"),
    ];
    for (key, title, question) in named {
        let mut handoff = new(key, "{}".to_owned());
        handoff.proposal.title = title.to_owned();
        handoff.proposal.question = question.to_owned();
        let write = opened
            .store
            .write::<_, StoreError, _>(move |write| write.insert(&handoff, &ready(600), at(0)));
        write.await.expect("stored");
    }
    opened.store.index().await.expect("indexed");
    let found = |words: &str, limit, agent: Option<&str>| {
        let page = Page {
            search: Some(words.to_owned()),
            limit,
            agent: agent.map(str::to_owned),
            ..Page::default()
        };
        let (rows, total) = opened.store.read(|read| read.page(&page)).expect("read");
        (rows.into_iter().map(|row| row.record.key).collect::<Vec<_>>(), total)
    };
    let all = ["deploy", "a-1", "a-4", "a-2", "a-6", "a-5", "a-3"].map(str::to_owned).to_vec();
    assert_eq!(found("deploy", 9, None), (all.clone(), 7));
    assert_eq!(found("Deploy!", 9, Some("a")), (all.clone(), 7), "among one agent's alike");
    assert_eq!(found("deploy", 3, None), (all[..3].to_vec(), 7), "cut after the best");
    assert_eq!(found("a-3", 9, None).0, ["a-3"], "by its key");
    assert_eq!(found("h-a-3", 9, None).0, ["a-3"], "by its id");
    assert_eq!(found("the dep", 9, None).0, ["a-6", "a-5", "a-3", "a-2"], "begun, then anywhere");
    assert_eq!(found("deploy backend", 9, None).0, ["a-2"], "with other words between");
    assert_eq!(found("\u{e000}", 9, None).1, 7, "a mark of the index is no word");
}

#[tokio::test]
async fn the_counts_follow_every_change() {
    let opened = open();
    let first = insert(&opened.store, "first", "{}".to_owned()).await.expect("stored");
    insert(&opened.store, "second", "{}".to_owned()).await.expect("stored");
    let counts = || opened.store.read(|read| read.counts()).expect("read");
    let done = || {
        let page = Page { list: Some(ListPart::Done), limit: 9, ..Page::default() };
        let (rows, total) = opened.store.read(|read| read.page(&page)).expect("read");
        (rows.len(), total)
    };
    assert_eq!((counts(), done()), ([2, 0, 0, 0, 0], (0, 0)));
    let gone = Event::Withdraw { reason: None };
    let gone = transition(&first.progress, &first.traits, gone, at(1)).expect("an edge");
    opened.store.write(move |write| write.save(&first, &gone, at(1))).await.expect("saved");
    assert_eq!((counts(), done()), ([1, 0, 1, 0, 0], (1, 1)));
    let refused = opened
        .store
        .write(|write| {
            write.insert(&new("third", "{}".to_owned()), &ready(600), at(0))?;
            Err::<(), _>(StoreError::Stale)
        })
        .await;
    assert_eq!(
        (refused, counts()),
        (Err(StoreError::Stale), [1, 0, 1, 0, 0]),
        "nothing is counted"
    );
}
