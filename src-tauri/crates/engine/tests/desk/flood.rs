//! An agent that asks more often than a person can answer.

use std::time::Duration;

use handoff_domain::lifecycle::State;
use handoff_protocol::view::{List, QueueQuery, QueueView};
use handoff_protocol::wire::ErrorCode;
use handoff_testkit::Headless;
use serde_json::{Value, json};

use crate::agent::{Agent, approve, code, decide_and_release, until};
use crate::gate::{AGENT, a_delete, a_move, ask, desk};

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
    let titles: Vec<String> =
        desk.notifier.notices().into_iter().map(|notice| notice.title).collect();
    let told = |title: &&String| title.contains("asks very often");
    until(&desk, || desk.notifier.notices().len() > 2).await;
    assert!(titles.iter().filter(told).count() <= 1, "once, not for each: {titles:?}");
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
