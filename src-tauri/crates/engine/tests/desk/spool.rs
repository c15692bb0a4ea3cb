//! What agents spooled while the desk was off is taken up when it runs.

use std::fs;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use handoff_domain::lifecycle::State;
use handoff_domain::payload::LeftOpen;
use handoff_engine::Clock;
use handoff_protocol::wire::ErrorCode;
use handoff_spool::{Entry, Spool, Withdrawn};
use handoff_testkit::Headless;
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use crate::agent::{Agent, approve, code, decide_and_release, handoff, until};
use crate::alerts::set;

pub fn token(agent: &str) -> String {
    format!("{agent:x<64}")
}

pub fn spool(desk: &Headless) -> Spool {
    Spool::of(desk.home.root())
}

pub fn entry(agent: &str, handoff: &Value, spooled_at: DateTime<Utc>) -> Entry {
    Entry {
        agent: agent.to_owned(),
        framework: Some("test".to_owned()),
        token: token(agent),
        spooled_at,
        withdrawn: None,
        left_open: Vec::new(),
        handoff: to_raw_value(handoff).unwrap(),
    }
}

fn put(desk: &Headless, entry: &Entry) -> String {
    spool(desk).put(entry).unwrap();
    entry.id().unwrap()
}

async fn hello(desk: &Headless, name: &str) -> Agent {
    let agent = Agent::connect(&desk.engine);
    let greeting = json!({ "name": name, "token": token(name) });
    agent.call("agent.hello", greeting).await.expect("hello");
    agent
}

fn notices(desk: &Headless) -> Vec<String> {
    desk.engine.status(String::new(), String::new()).unwrap().notices
}

fn moment(value: &Value) -> DateTime<Utc> {
    serde_json::from_value(value.clone()).unwrap()
}

#[tokio::test]
async fn what_a_spooled_handoff_leaves_open_is_as_the_reviewer_has_set_it() {
    let desk = Headless::new().await.unwrap();
    set(&desk, |alerts| alerts.respond_within_s.high = 600).await;
    let spooled_at = desk.clock.now();
    let left_open = vec![LeftOpen::RespondWithinS, LeftOpen::OnTimeout];
    let open = Entry { left_open, ..entry("tidy", &handoff("k"), spooled_at) };
    let id = put(&desk, &open);
    let desk = desk.restart().await.unwrap();
    let agent = hello(&desk, "tidy").await;
    let respond_by = moment(&agent.get(&id).await["respond_by"]);
    assert_eq!(respond_by, spooled_at + TimeDelta::minutes(10));
    // Its agent did not hear that it was taken up, and spools it again.
    set(&desk, |alerts| alerts.respond_within_s.high = 900).await;
    put(&desk, &open);
    desk.engine.tick().await;
    assert_eq!(notices(&desk), Vec::<String>::new(), "it is the same");
    assert!(!spool(&desk).has_any());
}

#[tokio::test]
async fn it_is_there_before_anybody_is_answered_and_its_time_began_when_it_was_spooled() {
    let desk = Headless::new().await.unwrap();
    let spooled_at = desk.clock.now();
    let id = put(&desk, &entry("tidy", &handoff("k"), spooled_at));
    desk.clock.pass(Duration::from_mins(10));
    let desk = desk.restart().await.unwrap();
    let case = desk.engine.open_case(&id).unwrap();
    assert_eq!(case.state, State::Ready);
    assert_eq!(case.thread[0].event, "submitted");
    assert!(case.thread[0].text.contains("off"), "{:?}", case.thread[0]);
    let agent = hello(&desk, "tidy").await;
    let shown = agent.get(&id).await;
    assert_eq!(moment(&shown["received_at"]), spooled_at);
    assert_eq!(moment(&shown["respond_by"]), spooled_at + TimeDelta::hours(1));
    assert_eq!(shown["handoff"], handoff("k"));
    decide_and_release(&desk, &id, approve("trash")).await;
    assert_eq!(agent.wait(&id, 0).await["act"], true);
    assert!(!spool(&desk).has_any() && notices(&desk).is_empty());
    let again = agent.call("handoff.submit", json!({ "handoff": handoff("k") })).await.unwrap();
    assert_eq!((&again["id"], &again["replayed"]), (&json!(id), &json!(true)));
}

#[tokio::test]
async fn a_deadline_that_passed_in_the_spool_refuses_nothing_and_is_warned_of_first() {
    let desk = Headless::new().await.unwrap();
    let spooled_at = desk.clock.now();
    let mut dated = handoff("dated");
    dated["deadline"] = json!({
        "respond_by": spooled_at + TimeDelta::minutes(30),
        "on_timeout": { "kind": "manual_review" },
    });
    let within = put(&desk, &entry("tidy", &handoff("within"), spooled_at));
    let dated = put(&desk, &entry("tidy", &dated, spooled_at));
    desk.clock.pass(Duration::from_hours(48));
    let desk = desk.restart().await.unwrap();
    desk.engine.tick().await;
    for id in [&within, &dated] {
        let case = desk.engine.open_case(id).unwrap();
        assert!(case.deadline.warned && case.flags.is_empty(), "{:?}", case.flags);
    }
    desk.clock.pass(Duration::from_mins(5) + Duration::from_secs(1));
    desk.engine.tick().await;
    for id in [&within, &dated] {
        assert_eq!(desk.engine.open_case(id).unwrap().flags.len(), 1, "the grace is over");
    }
}

#[tokio::test]
async fn a_clock_that_went_back_gives_no_time_from_the_future() {
    let desk = Headless::new().await.unwrap();
    let now = desk.clock.now();
    let id = put(&desk, &entry("tidy", &handoff("k"), now + TimeDelta::days(400)));
    let desk = desk.restart().await.unwrap();
    let shown = hello(&desk, "tidy").await.get(&id).await;
    assert_eq!(moment(&shown["received_at"]), now);
    assert_eq!(moment(&shown["respond_by"]), now + TimeDelta::hours(1));
}

#[tokio::test]
async fn what_comes_while_the_desk_runs_is_taken_up_at_the_next_tick_and_announced_once() {
    let desk = Headless::new().await.unwrap();
    let id = put(&desk, &entry("tidy", &handoff("k"), desk.clock.now()));
    assert!(desk.engine.open_case(&id).is_err());
    desk.engine.tick().await;
    until(&desk, || desk.notifier.notices().len() == 1).await;
    put(&desk, &entry("tidy", &handoff("k"), desk.clock.now()));
    desk.engine.tick().await;
    assert!(!spool(&desk).has_any(), "the same again is only removed");
    // What is told of this comes after whatever was told of that.
    let agent = hello(&desk, "tidy").await;
    let later = agent.submit(handoff("later")).await;
    let told = |id: &str| {
        let of = |notice: &handoff_engine::Notice| notice.handoff.as_deref() == Some(id);
        desk.notifier.notices().into_iter().filter(of).count()
    };
    until(&desk, || told(&later) == 1).await;
    assert_eq!(told(&id), 1);
}

#[tokio::test]
async fn a_greeting_wakes_the_desk_for_what_was_spooled() {
    let desk = Headless::new().await.unwrap();
    let running = desk.engine.clone();
    let timers = tokio::spawn(async move { running.run().await });
    let other = Agent::named(&desk.engine, "other").await;
    // Nothing is timed, so the desk sleeps; the client that spooled calls.
    let id = put(&desk, &entry("tidy", &handoff("k"), desk.clock.now()));
    other.hang_up();
    let _agent = hello(&desk, "tidy").await;
    until(&desk, || desk.engine.open_case(&id).is_ok()).await;
    timers.abort();
}

#[tokio::test]
async fn the_token_binds_a_new_name_and_a_wrong_one_is_set_aside() {
    let desk = Headless::new().await.unwrap();
    let taken = Agent::named(&desk.engine, "taken").await;
    let refused = put(&desk, &entry("taken", &handoff("k"), desk.clock.now()));
    let short =
        Entry { token: "short".to_owned(), ..entry("new", &handoff("k"), desk.clock.now()) };
    put(&desk, &short);
    let good = put(&desk, &entry("tidy", &handoff("k"), desk.clock.now()));
    desk.engine.tick().await;
    assert!(desk.engine.open_case(&good).is_ok(), "the others do not stand in its way");
    assert!(desk.engine.open_case(&refused).is_err());
    let said = notices(&desk);
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said.iter().any(|one| one.contains("\"taken\"") && one.contains("another token")));
    assert!(said.iter().any(|one| one.contains("at least 32 characters")), "{said:?}");
    assert!(spool(&desk).why_set_aside(&refused).is_some());
    taken.hang_up();
    let stranger = Agent::connect(&desk.engine);
    let greeting = json!({ "name": "tidy", "token": token("stranger") });
    assert_eq!(code(stranger.call("agent.hello", greeting).await), ErrorCode::Refused);
    hello(&desk, "tidy").await;
    // It is reported until somebody has seen to it.
    let desk = desk.restart().await.unwrap();
    assert_eq!(notices(&desk).len(), 2);
}

#[tokio::test]
async fn what_is_damaged_or_in_conflict_is_set_aside_with_the_reason_and_kept() {
    let desk = Headless::new().await.unwrap();
    let agent = hello(&desk, "tidy").await;
    agent.submit(handoff("conflict")).await;
    let mut other = handoff("conflict");
    other["summary"] = json!("Four files are the same.");
    put(&desk, &entry("tidy", &other, desk.clock.now()));
    let mut invalid = handoff("invalid");
    invalid["priority"] = json!("soon");
    put(&desk, &entry("tidy", &invalid, desk.clock.now()));
    put(&desk, &entry("no name", &handoff("k"), desk.clock.now()));
    let cut = put(&desk, &entry("tidy", &handoff("cut"), desk.clock.now()));
    let path = spool(&desk).file(&cut);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let good = put(&desk, &entry("tidy", &handoff("good"), desk.clock.now()));
    desk.engine.tick().await;
    assert_eq!(desk.engine.open_case(&good).unwrap().state, State::Ready);
    let said = notices(&desk);
    for part in ["used before", "/priority", "name of an agent", "no whole spool file"] {
        assert!(said.iter().any(|one| one.contains(part)), "{part} in {said:?}");
    }
    assert_eq!(said.len(), 4);
    let kept = spool(&desk).set_aside_files();
    assert!(kept.iter().any(|one| fs::read(&one.path).unwrap() == whole[..whole.len() / 2]));
    assert!(!spool(&desk).has_any());
    for one in kept {
        fs::remove_file(&one.path).unwrap();
    }
    assert!(notices(&desk).is_empty(), "what is seen to is not reported");
}

#[tokio::test]
async fn a_handoff_that_takes_anothers_place_may_be_found_before_it() {
    let desk = Headless::new().await.unwrap();
    let old = entry("tidy", &handoff("old"), desk.clock.now());
    let mut new = handoff("new");
    new["supersedes"] = json!(old.id().unwrap());
    let (new, old) = (put(&desk, &entry("tidy", &new, desk.clock.now())), put(&desk, &old));
    let mut lost = handoff("lost");
    lost["supersedes"] = json!("h-00000000000000000000");
    put(&desk, &entry("tidy", &lost, desk.clock.now()));
    desk.engine.tick().await;
    assert_eq!(desk.engine.open_case(&old).unwrap().state, State::Superseded);
    assert_eq!(desk.engine.open_case(&new).unwrap().state, State::Ready);
    assert_eq!(notices(&desk).len(), 1, "and what never existed is reported");
}

#[tokio::test]
async fn what_was_taken_back_in_the_spool_is_recorded_as_withdrawn() {
    let desk = Headless::new().await.unwrap();
    let agent = hello(&desk, "tidy").await;
    let back = || Some(Withdrawn { at: desk.clock.now(), reason: Some("By hand.".to_owned()) });
    let marked =
        |key: &str| Entry { withdrawn: back(), ..entry("tidy", &handoff(key), desk.clock.now()) };
    let unseen = put(&desk, &marked("unseen"));
    let known = agent.submit(handoff("known")).await;
    put(&desk, &marked("known"));
    let decided = agent.submit(handoff("decided")).await;
    decide_and_release(&desk, &decided, approve("trash")).await;
    put(&desk, &marked("decided"));
    desk.engine.tick().await;
    let state = |id: &str| desk.engine.open_case(id).unwrap().state;
    assert_eq!((state(&unseen), state(&known)), (State::Withdrawn, State::Withdrawn));
    assert_eq!(agent.wait(&unseen, 0).await["state"], "withdrawn");
    assert_eq!(state(&decided), State::Released, "too late, and reported");
    assert_eq!(notices(&desk).len(), 1, "{:?}", notices(&desk));
}

#[tokio::test]
async fn when_the_store_refuses_the_files_stay_and_are_tried_again() {
    let desk = Headless::new().await.unwrap();
    let id = put(&desk, &entry("tidy", &handoff("k"), desk.clock.now()));
    #[expect(clippy::disallowed_methods, reason = "another program gets in the way")]
    let intruder = rusqlite::Connection::open(desk.home.database()).unwrap();
    let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON handoffs
        BEGIN SELECT raise(ABORT, 'no'); END";
    intruder.execute_batch(refuse).unwrap();
    let next = desk.engine.tick().await;
    assert!(next.is_some_and(|next| next <= Duration::from_secs(5)), "it looks again: {next:?}");
    assert!(spool(&desk).has_any(), "nothing is dropped");
    assert!(spool(&desk).set_aside_files().is_empty(), "and nothing refused");
    assert!(notices(&desk)[0].contains("goes on trying"), "{:?}", notices(&desk));
    intruder.execute_batch("DROP TRIGGER refuse").unwrap();
    desk.engine.tick().await;
    assert_eq!(desk.engine.open_case(&id).unwrap().state, State::Ready);
    assert!(!spool(&desk).has_any() && notices(&desk).is_empty());
}

#[tokio::test]
async fn a_spool_that_is_no_folder_is_reported_and_stops_nothing() {
    let desk = Headless::new().await.unwrap();
    std::os::unix::fs::symlink("/", spool(&desk).root()).unwrap();
    desk.engine.tick().await;
    let said = notices(&desk);
    assert!(said.len() == 1 && said[0].contains("not a folder"), "{said:?}");
    let agent = hello(&desk, "tidy").await;
    agent.submit(handoff("k")).await;
}
