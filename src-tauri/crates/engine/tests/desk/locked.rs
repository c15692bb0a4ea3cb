//! Another program that holds the database.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use handoff_domain::alerts::{ByPriority, Purpose, Stage};
use handoff_domain::lifecycle::State;
use handoff_engine::{Clock as _, Engine};
use handoff_protocol::view::Change;
use handoff_protocol::wire::ErrorCode;
use handoff_store::{Disk, Store};
use handoff_testkit::{FakeClock, RecordingNotifier, RecordingRunner};
use serde_json::json;

use crate::agent::{Agent, approve, code, engine_on, handoff, request_to};

#[tokio::test]
async fn a_database_that_another_program_holds_is_said_and_nothing_is_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("desk.db");
    let disk = Disk { patience: Duration::from_millis(20), ..Disk::default() };
    let store = Store::open_on(&path, disk).unwrap();
    let engine = engine_on(store).await;
    let agent = Agent::named(&engine, "tidy").await;
    let before = agent.submit(handoff("before")).await;
    let fault = || engine.status(String::new(), String::new()).unwrap().fault;
    assert_eq!(fault(), None);

    #[expect(clippy::disallowed_methods, reason = "the other program")]
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let submit = json!({ "handoff": handoff("during") });
    let refused = agent.call("handoff.submit", submit.clone()).await;
    assert_eq!(code(refused), ErrorCode::Unavailable);
    assert!(fault().is_some_and(|fault| fault.contains("nother program")), "{:?}", fault());
    assert!(engine.tick().await.is_some(), "it looks again");
    assert!(fault().is_some(), "it is held still");
    let seen = engine.seen(&before).await.unwrap_err();
    assert_eq!(seen.0.code, ErrorCode::Unavailable, "the reviewer is not told a lie either");
    assert_eq!(engine.open_case(&before).unwrap().state, State::Ready, "reading goes on");

    other.execute_batch("COMMIT").unwrap();
    engine.tick().await;
    assert_eq!(fault(), None, "nobody had to do anything");
    let standing = agent.call("handoff.submit", submit).await.unwrap();
    assert!(standing["replayed"].is_null(), "it was not there: {standing}");
}

#[tokio::test]
async fn what_cannot_be_recorded_is_shown_once_and_its_command_runs_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("desk.db");
    let disk = Disk { patience: Duration::from_millis(20), ..Disk::default() };
    let store = Store::open_on(&path, disk).unwrap();
    let (clock, notifier, runner) =
        (FakeClock::default(), RecordingNotifier::default(), RecordingRunner::default());
    let engine = Engine::start(
        store,
        Arc::new(clock.clone()),
        Arc::new(notifier.clone()),
        Arc::new(runner.clone()),
    )
    .await
    .unwrap();
    let mut settings = engine.settings();
    let minute = ByPriority { low: 60, normal: 60, high: 60, urgent: 60 };
    settings.alerts.remind_every_s = minute;
    settings.alerts.stages = vec![Stage {
        after_s: 60,
        times: 1,
        notify: true,
        sound: false,
        attention: true,
        command: vec!["page".to_owned()],
    }];
    engine.save_settings(settings).await.unwrap();
    let agent = Agent::named(&engine, "tidy").await;
    let mut soon = handoff("soon");
    soon["deadline"] = json!({ "respond_within_s": 600, "on_timeout": { "kind": "escalate" } });
    let soon = agent.submit(soon).await;
    let mut far = handoff("far");
    far["deadline"] = json!({ "respond_within_s": 86_400, "on_timeout": { "kind": "escalate" } });
    let far = agent.submit(far).await;
    for _ in 0..10 {
        clock.pass(Duration::from_mins(1));
        engine.tick().await;
    }
    let shown =
        |purpose| notifier.notices().iter().filter(|notice| notice.purpose == purpose).count();
    let happened = |id: &str, event: &str| {
        let thread = engine.open_case(id).unwrap().thread;
        thread.iter().filter(|entry| entry.event == event).count()
    };
    assert_eq!((happened(&soon, "escalated"), happened(&soon, "alerted")), (1, 0));
    let (reminded, recorded) = (shown(Purpose::Reminder), happened(&far, "reminded"));

    #[expect(clippy::disallowed_methods, reason = "the other program")]
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    // The alert and a reminder are due, and come back with every look.
    for seconds in [60, 5, 5, 5] {
        clock.pass(Duration::from_secs(seconds));
        engine.tick().await;
    }
    let seen = || (shown(Purpose::Alert), runner.ran().len(), shown(Purpose::Reminder));
    assert_eq!(seen(), (1, 1, reminded + 1), "alerts, commands and reminders");
    assert_eq!((happened(&soon, "alerted"), happened(&far, "reminded")), (0, recorded));

    other.execute_batch("COMMIT").unwrap();
    clock.pass(Duration::from_secs(5));
    engine.tick().await;
    assert_eq!(seen(), (1, 1, reminded + 1), "what was shown is only recorded");
    assert_eq!((happened(&soon, "alerted"), happened(&far, "reminded")), (1, recorded + 1));
    clock.pass(Duration::from_mins(1));
    engine.tick().await;
    assert_eq!(shown(Purpose::Reminder), reminded + 2, "the next one is another");
}

#[tokio::test]
async fn a_command_that_was_held_back_and_cannot_be_recorded_is_not_run_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("desk.db");
    let disk = Disk { patience: Duration::from_millis(20), ..Disk::default() };
    let store = Store::open_on(&path, disk).unwrap();
    let (clock, runner) = (FakeClock::default(), RecordingRunner::default());
    let engine = Engine::start(
        store,
        Arc::new(clock.clone()),
        Arc::new(RecordingNotifier::default()),
        Arc::new(runner.clone()),
    )
    .await
    .unwrap();
    let focus = async |seconds: i64| {
        let mut settings = engine.settings();
        settings.alerts.focus_until = Some(clock.now() + TimeDelta::seconds(seconds));
        let page = vec!["page".to_owned()];
        settings.alerts.stages = vec![Stage { after_s: 0, command: page, ..Stage::plain() }];
        engine.save_settings(settings).await.unwrap();
    };
    let pass = async |seconds: u64| {
        clock.pass(Duration::from_secs(seconds));
        engine.tick().await;
    };
    focus(1000).await;
    let agent = Agent::named(&engine, "tidy").await;
    let mut soon = handoff("soon");
    soon["deadline"] = json!({ "respond_within_s": 600, "on_timeout": { "kind": "escalate" } });
    let id = agent.submit(soon).await;
    for _ in 0..8 {
        pass(100).await;
    }
    let happened = |event: &str| {
        let thread = engine.open_case(&id).unwrap().thread;
        thread.iter().filter(|entry| entry.event == event).count()
    };
    assert_eq!((happened("not_alerted"), runner.ran().len()), (1, 0));

    #[expect(clippy::disallowed_methods, reason = "the other program")]
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let mut changes = engine.follow();
    pass(201).await;
    assert_eq!(runner.ran().len(), 1, "the calm is over");
    let ended = async {
        // Its notification, and its command: what became of neither is recorded.
        for _ in 0..2 {
            while changes.recv().await != Some(Change::Handoff { id: id.clone() }) {}
        }
    };
    tokio::time::timeout(Duration::from_secs(10), ended).await.unwrap();
    assert_eq!(happened("command_ran"), 0);
    other.execute_batch("COMMIT").unwrap();

    focus(60).await;
    pass(30).await;
    pass(60).await;
    assert_eq!(runner.ran().len(), 1, "it is known to have run");
}

#[tokio::test]
async fn what_needs_no_change_is_answered_though_a_gap_in_time_cannot_be_stored() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("desk.db");
    let disk = Disk { patience: Duration::from_millis(20), ..Disk::default() };
    let clock = FakeClock::default();
    let engine = Engine::start(
        Store::open_on(&path, disk).unwrap(),
        Arc::new(clock.clone()),
        Arc::new(RecordingNotifier::default()),
        Arc::new(RecordingRunner::default()),
    )
    .await
    .unwrap();
    let agent = Agent::named(&engine, "tidy").await;
    let id = agent.submit(handoff("k")).await;
    #[expect(clippy::disallowed_methods, reason = "the other program")]
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    clock.step(TimeDelta::hours(-5));
    let submit = json!({ "handoff": handoff("k") });
    let replayed = agent.call("handoff.submit", submit.clone()).await.expect("answered");
    assert_eq!((&replayed["id"], &replayed["replayed"]), (&json!(id), &json!(true)));
    let valid = agent.call("handoff.validate", submit).await.expect("answered");
    assert_eq!(valid["valid"], true);
    assert_eq!(agent.wait(&id, 0).await["state"], "ready");
    other.execute_batch("COMMIT").unwrap();
}

#[tokio::test]
async fn settings_are_saved_where_reminders_cannot_be_planned_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("desk.db");
    let engine = engine_on(Store::open_on(&path, Disk::default()).unwrap()).await;
    let agent = Agent::named(&engine, "tidy").await;
    agent.submit(handoff("k")).await;
    #[expect(clippy::disallowed_methods, reason = "what refuses every change of a card")]
    let other = rusqlite::Connection::open(&path).unwrap();
    other
        .execute_batch(
            "CREATE TRIGGER no BEFORE UPDATE ON handoffs BEGIN SELECT RAISE(ABORT, 'no'); END",
        )
        .unwrap();
    let mut settings = engine.settings();
    settings.alerts.remind_every_s = ByPriority { low: 60, normal: 60, high: 60, urgent: 60 };
    let saved = engine.save_settings(settings.clone()).await.expect("they are saved");
    assert_eq!((&saved, &engine.settings()), (&settings, &settings), "and in force");
    let said = || {
        let notices = engine.status(String::new(), String::new()).unwrap().notices;
        notices.iter().filter(|one| one.starts_with("Your settings are saved, but")).count()
    };
    assert_eq!(said(), 1, "and what is not as it was set");
    other.execute_batch("DROP TRIGGER no").unwrap();
    settings.alerts.remind_every_s.high = 120;
    engine.save_settings(settings).await.expect("saved");
    assert_eq!(said(), 0, "now they are");
}

#[tokio::test]
async fn what_comes_while_the_clock_is_taken_account_of_goes_by_the_clock_as_it_was_set() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("desk.db");
    let store = Store::open_on(&path, Disk::default()).unwrap();
    let (clock, notifier) = (FakeClock::default(), RecordingNotifier::default());
    let runner = Arc::new(RecordingRunner::default());
    let engine =
        Engine::start(store, Arc::new(clock.clone()), Arc::new(notifier), runner).await.unwrap();
    let agent = Agent::named(&engine, "tidy").await;
    let mut within = handoff("k");
    within["deadline"] =
        json!({ "respond_within_s": 3600, "on_timeout": { "kind": "manual_review" } });
    let id = agent.submit(within).await;
    engine.decide(request_to(&engine, &id, approve("delete"))).await.unwrap();
    clock.step(TimeDelta::hours(-2));

    #[expect(clippy::disallowed_methods, reason = "what keeps the account waiting")]
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (one, another) = ((engine.clone(), id.clone()), (engine.clone(), id.clone()));
    // Whoever asks for a lapsed lease again looks at the clocks first. On one thread
    // each goes on until it waits.
    let looked = tokio::spawn(async move { one.0.regrant(&one.1).await });
    tokio::task::yield_now().await;
    let undone = tokio::spawn(async move { another.0.undo(&another.1).await });
    tokio::task::yield_now().await;
    assert!(!looked.is_finished() && !undone.is_finished());
    other.execute_batch("COMMIT").unwrap();
    looked.await.unwrap().unwrap_err();
    undone.await.unwrap().unwrap();
    let left = engine.open_case(&id).unwrap().deadline.respond_by - clock.now();
    assert_eq!(left, TimeDelta::hours(1), "as much as there was when it was decided");
}
