use std::time::Duration;

use handoff_domain::alerts::Purpose;
use handoff_domain::lifecycle::{Flag, State};
use handoff_protocol::view::Change;
use handoff_testkit::Headless;
use serde_json::{Value, json};

use crate::agent::{Agent, approve, decide, handoff, until};

fn due(kind: Value) -> Value {
    let mut payload = handoff("k");
    payload["deadline"] =
        json!({ "respond_within_s": 600, "warn_before_s": 120, "on_timeout": kind });
    payload
}

async fn pass(desk: &Headless, seconds: u64) {
    desk.clock.pass(Duration::from_secs(seconds));
    desk.engine.tick().await;
}

fn events(desk: &Headless, id: &str) -> Vec<String> {
    desk.engine.open_case(id).unwrap().thread.into_iter().map(|entry| entry.event).collect()
}

async fn open(kind: Value) -> (Headless, Agent, String) {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let id = agent.submit(due(kind)).await;
    until(&desk, || events(&desk, &id).contains(&"notified".to_owned())).await;
    (desk, agent, id)
}

#[tokio::test]
async fn the_warning_comes_first_and_then_the_deadline() {
    let (desk, agent, id) = open(json!({ "kind": "manual_review" })).await;
    pass(&desk, 479).await;
    assert_eq!(desk.notifier.notices().len(), 1, "not before its time");
    pass(&desk, 2).await;
    let notices = desk.notifier.notices();
    assert!(notices.len() == 2 && notices[1].purpose == Purpose::Warning, "{notices:?}");
    let waiting = agent.listen(&desk, &id).await;
    pass(&desk, 120).await;
    let told = waiting.await.unwrap().unwrap();
    assert_eq!(told["flags"], json!(["manual_review"]));
    assert!(told["decision"].is_null(), "silence is not an answer");
    let happened = events(&desk, &id);
    let place = |event: &str| happened.iter().position(|known| known == event).unwrap();
    assert!(place("warned") < place("manual_review"));
    assert_eq!(desk.engine.open_case(&id).unwrap().state, State::Ready, "still decidable");
}

#[tokio::test]
async fn a_deadline_that_passed_unseen_is_warned_of_first_and_then_waits_for_the_grace() {
    let (desk, _agent, id) = open(json!({ "kind": "escalate" })).await;
    desk.clock.sleep(Duration::from_hours(9));
    desk.engine.tick().await;
    let case = desk.engine.open_case(&id).unwrap();
    assert!(case.deadline.warned && !case.flags.contains(&Flag::Escalated));
    pass(&desk, 295).await;
    assert!(!desk.engine.open_case(&id).unwrap().flags.contains(&Flag::Escalated));
    pass(&desk, 10).await;
    assert!(desk.engine.open_case(&id).unwrap().flags.contains(&Flag::Escalated));
}

#[tokio::test]
async fn a_default_that_runs_nothing_is_taken_by_system() {
    let (desk, agent, id) = open(json!({ "kind": "safe_default", "option": "keep" })).await;
    pass(&desk, 481).await;
    pass(&desk, 121).await;
    let told = agent.wait(&id, 0).await;
    assert_eq!((&told["state"], &told["decision"]["by"]), (&json!("released"), &json!("System")));
    assert_eq!(told["decision"]["option"], "keep");
}

#[tokio::test]
async fn a_default_that_changes_something_is_not_taken() {
    let (desk, agent, id) = open(json!({ "kind": "safe_default", "option": "trash" })).await;
    assert!(desk.engine.open_case(&id).unwrap().deadline.then.contains("Nothing is done"));
    pass(&desk, 481).await;
    pass(&desk, 121).await;
    let told = agent.wait(&id, 0).await;
    assert_eq!((&told["state"], &told["flags"]), (&json!("ready"), &json!(["manual_review"])));
}

#[tokio::test]
async fn a_missing_service_is_recorded_and_hinders_nothing() {
    let desk = Headless::new().await.unwrap();
    desk.notifier.disappear();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let id = agent.submit(due(json!({ "kind": "manual_review" }))).await;
    until(&desk, || events(&desk, &id).contains(&"not_notified".to_owned())).await;
    pass(&desk, 481).await;
    pass(&desk, 121).await;
    assert!(desk.engine.open_case(&id).unwrap().flags.contains(&Flag::ManualReview));
    let status = desk.engine.status(String::new(), String::new()).unwrap();
    assert!(matches!(
        status.notifications,
        handoff_protocol::view::NotificationState::Missing { .. }
    ));
}

#[tokio::test]
async fn what_a_dead_desk_never_announced_is_announced_at_the_start() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let first = agent.submit(handoff("announced")).await;
    until(&desk, || events(&desk, &first).contains(&"notified".to_owned())).await;
    // The desk dies before it has come to the notification of the second one.
    desk.notifier.hang();
    let id = agent.submit(handoff("owed")).await;
    for _ in 0..20 {
        // Its attempt begins, and hangs.
        tokio::task::yield_now().await;
    }
    agent.hang_up();
    let desk = desk.restart().await.unwrap();
    desk.notifier.go_on();
    let engine = desk.engine.clone();
    engine.announce_the_unannounced();
    until(&desk, || events(&desk, &id).contains(&"notified".to_owned())).await;
    let notices = desk.notifier.notices();
    assert_eq!(notices.len(), 2, "and the first one is not repeated: {notices:?}");
    assert_eq!(notices[1].handoff.as_deref(), Some(id.as_str()));
}

#[tokio::test]
async fn a_desk_that_is_frozen_lets_no_hold_run_out_and_no_deadline_act() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let open = agent.submit(handoff("open")).await;
    desk.clock.pass(Duration::from_secs(2900));
    desk.engine.tick().await;
    let warned = desk.engine.open_case(&open).unwrap().deadline.warned;
    assert!(warned, "long before it is frozen");
    let held = agent.submit(handoff("held")).await;
    decide(&desk, &held, approve("trash")).await;
    let engine = desk.engine.clone();
    let running = tokio::spawn(async move { engine.run().await });
    for _ in 0..20 {
        // It comes to where it waits for the next look.
        tokio::task::yield_now().await;
    }
    // The machine was awake all the time, and the desk was not.
    desk.clock.pass(Duration::from_secs(1000));
    desk.engine.tick().await;
    let state = |id: &str| desk.engine.open_case(id).unwrap().state;
    let review = || desk.engine.open_case(&open).unwrap().flags.contains(&Flag::ManualReview);
    assert_eq!(state(&held), State::Decided, "nobody could have undone it");
    assert!(!review(), "it is warned of anew, and gets its grace");
    let left = desk.engine.open_case(&held).unwrap().hold.unwrap();
    assert_eq!(left.left_ms, left.total_ms, "it is held again in full");
    running.abort();
    desk.clock.pass(Duration::from_secs(31));
    desk.engine.tick().await;
    assert_eq!((state(&held), review()), (State::Released, false));
    desk.clock.pass(Duration::from_secs(280));
    desk.engine.tick().await;
    assert!(review());
}

#[tokio::test]
async fn the_window_hears_of_the_holds_that_a_sleep_did_not_count() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let held = agent.submit(handoff("held")).await;
    decide(&desk, &held, approve("trash")).await;
    let mut changes = desk.engine.follow();
    desk.clock.sleep(Duration::from_hours(1));
    desk.engine.tick().await;
    let left = desk.engine.open_case(&held).unwrap().hold.unwrap();
    assert_eq!(left.left_ms, left.total_ms);
    let told = std::iter::from_fn(|| changes.try_recv().ok());
    let of_it = |change: Change| matches!(change, Change::Handoff { id } if id == held);
    assert!(told.into_iter().any(of_it), "its clock went on");
}

#[tokio::test]
async fn a_desk_that_is_stopped_for_a_moment_gives_that_back_to_its_holds() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let held = agent.submit(handoff("held")).await;
    let other = agent.submit(handoff("other")).await;
    let engine = desk.engine.clone();
    let running = tokio::spawn(async move { engine.run().await });
    decide(&desk, &held, approve("trash")).await;
    let settle = async || {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    };
    settle().await;
    // Longer than the hold, and too short to be anything else.
    desk.clock.pass(Duration::from_secs(9));
    decide(&desk, &other, approve("trash")).await;
    settle().await;
    let left = |id: &str| desk.engine.open_case(id).unwrap().hold.map(|hold| hold.left_ms);
    assert_eq!(left(&held), Some(4000), "but for the second in which it may have run");
    assert_eq!(left(&other), Some(5000), "which has begun since");
    running.abort();
    desk.clock.pass(Duration::from_secs(4));
    desk.engine.tick().await;
    assert_eq!(desk.engine.open_case(&held).unwrap().state, State::Released);
}

#[tokio::test]
async fn nothing_is_timed_when_nothing_waits() {
    let desk = Headless::new().await.unwrap();
    let spool_only = Some(Duration::from_mins(1));
    assert_eq!(desk.engine.tick().await, spool_only, "what is spooled knocks at no door");
    let agent = Agent::named(&desk.engine, "tidy").await;
    let id = agent.submit(handoff("k")).await;
    assert!(desk.engine.tick().await < spool_only);
    agent.call("handoff.withdraw", json!({ "id": id })).await.unwrap();
    assert_eq!(desk.engine.tick().await, spool_only);
}
