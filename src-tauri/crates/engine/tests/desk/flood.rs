//! An agent that asks more often than a person can answer.

use std::time::Duration;

use handoff_domain::lifecycle::State;
use handoff_protocol::view::{List, QueueQuery, QueueView};
use handoff_protocol::wire::ErrorCode;
use handoff_testkit::Headless;
use serde_json::{Value, json};

use crate::agent::{Agent, approve, code, decide_and_release, handoff, until};
use crate::gate::{AGENT, a_delete, a_move, ask, desk};
use crate::spool::{entry, spool};

/// In a task of its own: a pending question holds back the others of its task.
fn in_own(mut check: Value) -> Value {
    check["task"]["id"] = check["key"].clone();
    check
}

async fn inbox(desk: &Headless) -> QueueView {
    let query = QueueQuery { list: List::Inbox, search: String::new(), limit: 100 };
    desk.engine.queue(query).await.unwrap()
}

async fn ids(desk: &Headless) -> Vec<String> {
    inbox(desk).await.items.into_iter().map(|item| item.id).collect()
}

async fn at_most(desk: &Headless, cards_per_hour: u32) {
    let settings = handoff_protocol::view::Settings { cards_per_hour, ..desk.engine.settings() };
    desk.engine.save_settings(settings).await.unwrap();
}

/// A desk that shows two cards of an agent in an hour, of which five are asked.
async fn flooded() -> (Headless, Agent, Vec<String>) {
    let (desk, agent) = desk().await;
    at_most(&desk, 2).await;
    let mut asked = Vec::new();
    for number in 0..5 {
        let held = ask(&agent, in_own(a_move(&format!("k{number}")))).await;
        assert_eq!(held["verdict"], "held", "{held}");
        asked.push(held["handoff_id"].as_str().expect("the id to wait on").to_owned());
    }
    (desk, agent, asked)
}

#[tokio::test]
async fn what_goes_beyond_the_hour_waits_behind_one_line() {
    let (desk, agent, asked) = flooded().await;
    let shown = inbox(&desk).await;
    assert_eq!((shown.total, shown.counts.inbox, shown.counts.queued), (2, 2, 3));
    assert_eq!(shown.backlogs.len(), 1);
    let backlog = &shown.backlogs[0];
    assert_eq!((backlog.agent.as_str(), backlog.count), (AGENT, 3));
    assert!(backlog.next_at.is_some());
    assert_eq!(ids(&desk).await, asked[..2]);
    let queued = agent.get(&asked[4]).await;
    assert_eq!((&queued["state"], &queued["decision"]), (&json!("queued"), &Value::Null));
    let again = ask(&agent, in_own(a_move("k4"))).await;
    assert_eq!((&again["verdict"], &again["handoff_id"]), (&json!("held"), &json!(asked[4])));
    assert_eq!(inbox(&desk).await.counts.queued, 3, "the same question is one question");
    until(&desk, || desk.notifier.notices().len() > 2).await;
    let notices = desk.notifier.notices();
    let told = notices.iter().filter(|notice| notice.title.contains("asks very often"));
    assert_eq!(told.count(), 1, "once, not for each: {notices:?}");
}

#[tokio::test]
async fn nobody_is_notified_of_a_question_before_its_card_can_be_read() {
    let (desk, agent, asked) = flooded().await;
    let held = ask(&agent, in_own(a_delete("d"))).await;
    let last = held["handoff_id"].as_str().unwrap().to_owned();
    let told = |id: &str| {
        desk.notifier.notices().iter().any(|notice| notice.handoff.as_deref() == Some(id))
    };
    // They are told one after the other: those asked before it are through.
    until(&desk, || told(&last)).await;
    for (number, id) in asked.iter().enumerate() {
        assert_eq!(told(id), number < 2, "question {number}");
    }
    desk.clock.pass(Duration::from_mins(61));
    desk.engine.tick().await;
    until(&desk, || told(&asked[2])).await;
    assert_eq!(desk.engine.open_case(&asked[2]).unwrap().state, State::Ready);
    assert!(!told(&asked[4]), "it still waits its turn");
}

#[tokio::test]
async fn that_questions_wait_behind_others_is_no_longer_told_once_none_does() {
    // Told by itself, and as one of many.
    for (cards, place) in [(2, Some(format!("backlog:{AGENT}"))), (5, None)] {
        let (desk, agent) = desk().await;
        desk.clock.pass(Duration::from_secs(11));
        at_most(&desk, cards).await;
        let mut asked = Vec::new();
        for number in 0..cards + 2 {
            let held = ask(&agent, in_own(a_move(&format!("k{number}")))).await;
            asked.push(held["handoff_id"].as_str().expect("the id to wait on").to_owned());
        }
        let title = if place.is_some() { "asks very often" } else { "1 more asks" };
        let told = || desk.notifier.notices().iter().any(|notice| notice.title.contains(title));
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        desk.engine.tick().await;
        until(&desk, told).await;
        assert!(!desk.notifier.retired().contains(&place), "two wait");
        for id in asked.split_off(usize::try_from(cards).unwrap()) {
            agent.call("handoff.withdraw", json!({ "id": id })).await.expect("taken back");
        }
        desk.engine.tick().await;
        assert!(desk.notifier.retired().contains(&place), "{:?}", desk.notifier.retired());
    }
}

#[tokio::test]
async fn the_hour_brings_the_next_ones_in_the_order_they_were_asked() {
    let (desk, agent, asked) = flooded().await;
    let before = agent.get(&asked[2]).await["respond_by"].as_str().unwrap().to_owned();
    desk.clock.pass(Duration::from_mins(59));
    desk.engine.tick().await;
    assert_eq!(ids(&desk).await.len(), 2, "the hour is not over");
    desk.clock.pass(Duration::from_secs(61));
    desk.engine.tick().await;
    let shown = inbox(&desk).await;
    assert_eq!((shown.counts.inbox + shown.counts.review, shown.counts.queued), (4, 1));
    let case = desk.engine.open_case(&asked[2]).unwrap();
    assert_eq!(case.state, State::Ready);
    assert!(case.deadline.respond_by.to_rfc3339() > before, "its time stood still meanwhile");
    assert!(!case.deadline.warned, "and nobody is warned of what was not to be seen");
    decide_and_release(&desk, &asked[2], approve("run")).await;
    assert_eq!(ask(&agent, in_own(a_move("k2"))).await["verdict"], "run");
}

#[tokio::test]
async fn the_reviewer_brings_all_of_them_out_at_once() {
    let (desk, _agent, asked) = flooded().await;
    assert_eq!(desk.engine.show_queued(AGENT).await.unwrap(), 3);
    let shown = inbox(&desk).await;
    assert_eq!((shown.counts.inbox, shown.counts.queued, shown.backlogs.len()), (5, 0, 0));
    assert_eq!(ids(&desk).await, asked);
    assert_eq!(desk.engine.show_queued(AGENT).await.unwrap(), 0);
}

#[tokio::test]
async fn what_cannot_be_undone_never_waits_behind_anything() {
    let (desk, agent, asked) = flooded().await;
    let held = ask(&agent, in_own(a_delete("d"))).await;
    let id = held["handoff_id"].as_str().unwrap().to_owned();
    assert_eq!(ids(&desk).await, [&id, &asked[0], &asked[1]].map(String::clone), "it is on top");
    until(&desk, || {
        let about = |notice: &handoff_engine::Notice| notice.handoff.as_ref() == Some(&id);
        desk.notifier.notices().iter().any(about)
    })
    .await;
}

#[tokio::test]
async fn what_is_queued_survives_a_restart_and_can_be_taken_back() {
    let (desk, agent, asked) = flooded().await;
    drop(agent);
    let desk = desk.restart().await.unwrap();
    let shown = inbox(&desk).await;
    assert_eq!((shown.counts.inbox, shown.counts.queued), (2, 3));
    desk.clock.pass(Duration::from_mins(61));
    desk.engine.tick().await;
    assert_eq!(inbox(&desk).await.counts.queued, 1);
    at_most(&desk, 0).await;
    desk.engine.tick().await;
    assert_eq!(inbox(&desk).await.counts.queued, 0, "without a limit nothing is put off");
    assert_eq!(desk.engine.open_case(&asked[4]).unwrap().state, State::Ready);
}

#[tokio::test]
async fn a_queued_question_is_no_card_and_blocks_what_depends_on_it() {
    let (desk, agent, asked) = flooded().await;
    let other = json!({ "task": { "id": "k4", "title": "Tidy", "goal": "Sort the files" },
        "tool": "files.move", "key": "other", "effect": "reversible",
        "args": { "from": "c", "to": "d" },
        "undo": { "kind": "tool", "tool": "files.move", "args": { "from": "d", "to": "c" } } });
    assert_eq!(ask(&agent, other).await["blocked_by"], json!([asked[4]]));
    agent.call("handoff.withdraw", json!({ "id": asked[4] })).await.unwrap();
    assert_eq!(inbox(&desk).await.counts.queued, 2);
    let denied = ask(&agent, in_own(a_move("k4"))).await;
    assert_eq!(denied["verdict"], "denied");
    let unknown = agent.call("handoff.show_queued", json!({ "agent": AGENT })).await;
    assert_eq!(code(unknown), ErrorCode::MethodNotFound, "only the window asks for them");
}

/// A case that its agent hands over by itself and that can be undone.
fn mild(key: &str) -> Value {
    let mut case = handoff(key);
    case["options"] = json!([case["options"][2]]);
    case
}

#[tokio::test]
async fn what_is_handed_over_is_counted_with_what_is_asked() {
    let (desk, agent) = desk().await;
    at_most(&desk, 2).await;
    let mut ids = Vec::new();
    for key in ["s0", "s1", "s2"] {
        ids.push(agent.submit(mild(key)).await);
    }
    let shown = inbox(&desk).await;
    assert_eq!((shown.counts.inbox, shown.counts.queued), (2, 1));
    let again = agent.call("handoff.submit", json!({ "handoff": mild("s2") })).await.unwrap();
    assert_eq!((&again["state"], &again["replayed"]), (&json!("queued"), &json!(true)));
    let held = ask(&agent, in_own(a_move("k"))).await;
    assert_eq!(agent.get(held["handoff_id"].as_str().unwrap()).await["state"], "queued");
    let harsh = agent.submit(handoff("harsh")).await;
    assert_eq!(agent.get(&harsh).await["state"], "ready", "it cannot be undone");
    let waiting = agent.listen(&desk, &ids[2]).await;
    desk.clock.pass(Duration::from_mins(61));
    desk.engine.tick().await;
    assert_eq!(inbox(&desk).await.counts.queued, 0);
    decide_and_release(&desk, &ids[2], approve("keep")).await;
    let told = waiting.await.unwrap().unwrap();
    assert_eq!(told["decision"]["option"], "keep", "who waits goes on waiting: {told}");
    let told = desk.notifier.notices().into_iter();
    assert_eq!(told.filter(|notice| notice.title.contains("asks very often")).count(), 1);
}

#[tokio::test]
async fn what_takes_the_place_of_a_card_is_shown_in_its_place() {
    let (desk, agent) = desk().await;
    at_most(&desk, 1).await;
    let instead = |of: &str, key: &str| {
        let mut next = mild(key);
        next["supersedes"] = json!(of);
        next
    };
    let first = agent.submit(mild("s0")).await;
    let next = agent.submit(instead(&first, "s1")).await;
    assert_eq!(agent.get(&next).await["state"], "ready");
    let behind = agent.submit(mild("s2")).await;
    let instead = agent.submit(instead(&behind, "s3")).await;
    assert_eq!(agent.get(&instead).await["state"], "queued", "that one was not shown either");
}

#[tokio::test]
async fn what_becomes_of_high_risk_comes_out_from_behind_and_is_told() {
    let (desk, agent) = desk().await;
    at_most(&desk, 1).await;
    for key in ["s0", "s1", "s2"] {
        agent.submit(mild(key)).await;
    }
    let behind = agent.submit(mild("s3")).await;
    let revised = json!({ "id": behind, "handoff": handoff("s3") });
    let revised = agent.call("handoff.revise", revised).await.unwrap();
    assert_eq!((&revised["state"], &revised["revision"]), (&json!("ready"), &json!(2)));
    assert_eq!(ids(&desk).await[0], behind, "it is on top");
    until(&desk, || {
        let about = |notice: &handoff_engine::Notice| notice.handoff.as_ref() == Some(&behind);
        desk.notifier.notices().iter().any(about)
    })
    .await;
    assert_eq!(inbox(&desk).await.counts.queued, 2, "the others still wait");
}

#[tokio::test]
async fn what_its_agent_calls_a_high_risk_is_shown_above_the_flood() {
    let (desk, agent) = desk().await;
    at_most(&desk, 1).await;
    for key in ["s0", "s1"] {
        agent.submit(mild(key)).await;
    }
    let mut grave = mild("grave");
    grave["options"][0]["risk"]["level"] = json!("high");
    let grave = agent.submit(grave).await;
    let shown = inbox(&desk).await;
    assert_eq!((shown.items[0].id.as_str(), shown.counts.queued), (grave.as_str(), 1));
}

#[tokio::test]
async fn a_case_of_high_risk_is_told_by_itself_in_the_middle_of_a_burst() {
    let (desk, agent) = desk().await;
    for number in 0..12 {
        agent.submit(mild(&format!("s{number}"))).await;
    }
    let grave = agent.submit(handoff("grave")).await;
    until(&desk, || {
        let about = |notice: &handoff_engine::Notice| notice.handoff.as_ref() == Some(&grave);
        desk.notifier.notices().iter().any(about)
    })
    .await;
}

#[tokio::test]
async fn what_was_spooled_is_counted_too() {
    let desk = Headless::new().await.unwrap();
    at_most(&desk, 2).await;
    let desk = desk.restart().await.unwrap();
    for number in 0..4 {
        let at = handoff_engine::Clock::now(&desk.clock);
        spool(&desk).put(&entry("tidy", &mild(&format!("s{number}")), at)).unwrap();
    }
    desk.engine.tick().await;
    let shown = inbox(&desk).await;
    assert_eq!((shown.counts.inbox, shown.counts.queued), (2, 2));
    let told = || {
        let notices = desk.notifier.notices();
        notices.iter().filter(|notice| notice.title.contains("asks very often")).count()
    };
    until(&desk, || told() > 0).await;
    assert_eq!(told(), 1);
}

#[tokio::test]
async fn what_a_rule_makes_a_high_risk_comes_out_from_behind() {
    let (desk, agent, asked) = flooded().await;
    desk.engine.tick().await;
    let raises = json!({ "name": "x", "tool": "files.move", "does": "counts",
        "effect": "irreversible" });
    desk.engine.add_rule(serde_json::from_value(raises).unwrap()).await.unwrap();
    desk.engine.tick().await;
    let shown = inbox(&desk).await;
    assert_eq!((shown.counts.inbox, shown.counts.queued), (5, 0));
    assert_eq!(agent.get(&asked[4]).await["state"], "ready");
    until(&desk, || {
        desk.notifier.notices().iter().any(|notice| notice.handoff.as_ref() == Some(&asked[4]))
    })
    .await;
}
