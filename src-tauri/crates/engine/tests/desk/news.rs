//! What the reviewer is told that no card asks: it waits like the rest while nothing
//! is to be shown, or can be, and is not forgotten.

use std::time::Duration;

use handoff_domain::alerts::Purpose;
use handoff_domain::autonomy::Level;
use handoff_engine::Notice;
use handoff_protocol::view::{Change, NotificationState, Settings};
use handoff_testkit::Headless;
use serde_json::json;

use crate::agent::{Agent, approve, decide_and_release, handoff, until};
use crate::alerts::{MINUTE, happened, pass, payload, shown, within};
use crate::gate::{AGENT, action, set, task};

const BROUGHT: &str = "introduces itself";
const BEHIND: &str = "asks very often";
const LOWERED: &str = "did not keep";

fn told(desk: &Headless, title: &str) -> Vec<Notice> {
    let mut notices = desk.notifier.notices();
    notices.retain(|notice| notice.title.contains(title));
    notices
}

fn count(desk: &Headless) -> [usize; 3] {
    [BROUGHT, BEHIND, LOWERED].map(|title| told(desk, title).len())
}

async fn bring_a_tool(agent: &Agent, name: &str) {
    let tools = json!({ "tools": [{ "name": name, "effect": "read" }] });
    agent.call("agent.tools", tools).await.expect("tools");
}

/// Records what nobody knows and nobody was asked about.
async fn misbehave(agent: &Agent) {
    agent.call("task.open", json!({ "task": task() })).await.expect("open");
    let done = action("a", "nobody.knows", &json!({ "secret": "s3cret" }), "read");
    let recorded = agent.call("action.record", done).await.expect("recorded");
    assert!(recorded["diverged"].is_string(), "{recorded}");
}

/// A desk that has told of the tools of its one agent, which may then do anything.
async fn trusting() -> (Headless, Agent) {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, AGENT).await;
    bring_a_tool(&agent, "files.list").await;
    until(&desk, || count(&desk)[0] == 1).await;
    set(&desk, Level::Execute).await;
    (desk, agent)
}

pub fn there() -> NotificationState {
    NotificationState::Available { service: "dunst".to_owned() }
}

/// Lets all that was begun come to where it waits.
pub async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn many_new_agents_at_once_are_one_burst() {
    let desk = Headless::new().await.unwrap();
    for number in 0..20 {
        let agent = Agent::named(&desk.engine, &format!("agent-{number}")).await;
        bring_a_tool(&agent, "files.show").await;
    }
    settle().await;
    desk.engine.tick().await;
    assert_eq!(told(&desk, BROUGHT).len(), 5);
    assert_eq!(told(&desk, "15 more ask").len(), 1);
}

#[tokio::test]
async fn where_the_question_is_hidden_no_notice_says_what_it_is_about() {
    let (desk, agent) = trusting().await;
    let settings = Settings { notify_question: false, cards_per_hour: 1, ..desk.engine.settings() };
    desk.engine.save_settings(settings).await.unwrap();
    let before = desk.notifier.notices().len();
    misbehave(&agent).await;
    bring_a_tool(&agent, "files.show").await;
    let id = agent.submit(payload("k", within(3600, "escalate"))).await;
    until(&desk, || count(&desk) == [2, 0, 1] && happened(&desk, &id, "notified") == 1).await;
    desk.clock.pass(Duration::from_secs(11));
    for key in ["first", "waits"] {
        let mut light = handoff(key);
        light["options"].as_array_mut().unwrap().drain(..2);
        agent.submit(light).await;
    }
    until(&desk, || count(&desk) == [2, 1, 1]).await;
    for _ in 0..75 {
        pass(&desk, MINUTE).await;
    }
    let purposes = [Purpose::Ready, Purpose::Reminder, Purpose::Warning, Purpose::Alert];
    for purpose in purposes {
        assert!(shown(&desk, purpose) > 0, "{purpose:?}");
    }
    decide_and_release(&desk, &id, approve("keep")).await;
    let report = json!({ "outcome": "diverged", "why": "The disk was full.", "steps": [] });
    agent.call("handoff.reconcile", json!({ "id": id, "report": report })).await.unwrap();
    until(&desk, || shown(&desk, Purpose::Diverged) == 1).await;
    for notice in desk.notifier.notices().split_off(before) {
        assert_eq!(notice.body, "Open it to read more.", "{}", notice.title);
        assert!(!notice.title.contains("Delete two") && !notice.title.contains("nobody.knows"));
    }
}

#[tokio::test]
async fn that_an_agent_was_lowered_is_told_once_a_service_is_there_over_a_restart_too() {
    for restarts in [false, true] {
        let (mut desk, agent) = trusting().await;
        desk.notifier.disappear();
        misbehave(&agent).await;
        settle().await;
        // It is written down with the next change, and this comes after it.
        agent.submit(handoff("k")).await;
        settle().await;
        if restarts {
            agent.hang_up();
            desk = desk.restart().await.unwrap();
        }
        desk.notifier.appear();
        for _ in 0..2 {
            desk.engine.notifications_are(there());
            until(&desk, || count(&desk)[2] == 1).await;
            settle().await;
            desk.engine
                .notifications_are(NotificationState::Missing { why: "It left.".to_owned() });
        }
        assert_eq!(count(&desk)[2], 1, "once; restarted: {restarts}");
    }
}

#[tokio::test]
async fn what_went_unread_is_told_again_as_long_as_it_is_so() {
    let (desk, agent) = trusting().await;
    misbehave(&agent).await;
    bring_a_tool(&agent, "files.show").await;
    let id = agent.submit(handoff("k")).await;
    decide_and_release(&desk, &id, approve("keep")).await;
    let report = json!({ "outcome": "diverged", "why": "The disk was full.", "steps": [] });
    agent.call("handoff.reconcile", json!({ "id": id, "report": report })).await.unwrap();
    until(&desk, || shown(&desk, Purpose::Diverged) == 1 && count(&desk) == [2, 0, 1]).await;
    let places = || {
        let mut places: Vec<String> =
            desk.notifier.notices().into_iter().filter_map(|notice| notice.handoff).collect();
        places.sort_unstable();
        places.dedup();
        places
    };
    assert_eq!(places(), ["agent:tidy", id.as_str(), "tools:tidy"], "none in another's place");
    desk.clock.pass(Duration::from_secs(11));
    desk.engine.tell_again(places().into_iter().map(Some).collect()).await;
    assert_eq!((shown(&desk, Purpose::Diverged), count(&desk)), (2, [3, 0, 2]));
    desk.engine.looked_at_agent(AGENT.to_owned()).await.unwrap();
    assert!(desk.notifier.retired().contains(&Some("agent:tidy".to_owned())));
    desk.clock.pass(Duration::from_secs(11));
    desk.engine.tell_again(vec![Some("agent:tidy".to_owned())]).await;
    assert_eq!(count(&desk), [3, 0, 2], "it was looked at");
}

#[tokio::test]
async fn a_click_on_what_tells_of_tools_opens_their_agent() {
    let desk = Headless::new().await.unwrap();
    let mut changes = desk.engine.follow();
    desk.engine.show(Some("tools:tidy".to_owned()));
    let shows = std::iter::from_fn(|| changes.try_recv().ok());
    let opened = Change::Show { id: Some("agent:tidy".to_owned()) };
    assert_eq!(shows.collect::<Vec<_>>(), [opened]);
}

#[tokio::test]
async fn that_an_agent_was_lowered_is_no_number_among_what_it_asks() {
    let (desk, agent) = trusting().await;
    for number in 0..8 {
        agent.submit(handoff(&number.to_string())).await;
    }
    misbehave(&agent).await;
    until(&desk, || count(&desk)[2] == 1).await;
    // Who sets its level has seen why it was lowered.
    set(&desk, Level::Suggest).await;
    assert!(desk.notifier.retired().contains(&Some("agent:tidy".to_owned())));
}
