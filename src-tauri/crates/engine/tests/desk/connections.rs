//! Through what an agent is connected, as the reviewer is told.

use std::time::Duration;

use handoff_domain::integration::{Integration, Reach};
use handoff_protocol::view::AgentCard;
use handoff_protocol::wire::ErrorCode;
use handoff_testkit::Headless;
use serde_json::{Value, json};

use crate::agent::{Agent, code};

async fn hello(desk: &Headless, framework: &str, token: Option<&str>) -> (Agent, Value) {
    let agent = Agent::connect(&desk.engine);
    let hello = json!({ "name": "claude-code", "framework": framework, "version": "0.1.0",
        "token": token });
    let welcome = agent.call("agent.hello", hello).await.unwrap();
    (agent, welcome)
}

fn card(desk: &Headless) -> AgentCard {
    let mut agents = desk.engine.agents().unwrap().agents;
    assert_eq!(agents.len(), 1, "one agent, however it comes");
    agents.remove(0)
}

/// What is known is written behind the answer.
async fn until(desk: &Headless, holds: impl Fn(&AgentCard) -> bool) -> AgentCard {
    let mut changes = desk.engine.follow();
    let look = async {
        loop {
            let card = card(desk);
            if holds(&card) {
                return card;
            }
            tokio::select! {
                _ = changes.recv() => {}
                () = tokio::task::yield_now() => {}
            }
        }
    };
    let found = tokio::time::timeout(Duration::from_secs(10), look).await;
    found.unwrap_or_else(|_| panic!("never: {:?}", card(desk).connections))
}

#[tokio::test]
async fn one_agent_through_a_hook_and_a_server_is_listed_with_both() {
    let desk = Headless::new().await.unwrap();
    let (hook, welcome) = hello(&desk, "Claude Code hook", None).await;
    let token = welcome["token"].as_str();
    let (_server, _) = hello(&desk, "handoff-mcp", token).await;
    let both = until(&desk, |card| card.connections.len() == 2).await;
    let of = |card: &AgentCard, wanted| {
        card.connections.iter().find(|one| one.integration == wanted).cloned().unwrap()
    };
    let asked = of(&both, Integration::ClaudeCodeHook);
    assert!(asked.connected && asked.brief, "{asked:?}");
    assert_eq!(asked.version.as_deref(), Some("0.1.0"));
    let server = of(&both, Integration::McpServer);
    assert_eq!((server.connected, server.reach), (true, Reach::HandsOver), "it asked nothing yet");
    assert_eq!(both.reaches, Reach::HookedCalls, "the one that reaches furthest");
    assert!(both.reach.contains("Claude Code asks before every tool call"), "{}", both.reach);

    let since = asked.since;
    desk.clock.pass(Duration::from_hours(30));
    hook.hang_up();
    let ended = until(&desk, |card| of(card, Integration::ClaudeCodeHook).last_seen > since).await;
    assert!(!of(&ended, Integration::ClaudeCodeHook).connected);
    assert!(ended.connected, "its server is");
    assert_eq!(of(&ended, Integration::ClaudeCodeHook).since, since);

    // A day without the hook: what it could hold back is promised no more.
    desk.clock.pass(Duration::from_hours(30));
    hello(&desk, "handoff-mcp", token).await;
    until(&desk, |card| card.reaches == Reach::HandsOver).await;

    let desk = desk.restart().await.unwrap();
    let kept = card(&desk);
    assert_eq!(kept.connections.len(), 2, "it outlives the desk");
    assert!(kept.connections.iter().all(|one| !one.connected));
    assert_eq!(of(&kept, Integration::ClaudeCodeHook).since, since);
}

#[tokio::test]
async fn a_call_right_behind_a_hello_is_that_agents() {
    let desk = Headless::new().await.unwrap();
    for (number, name) in ["new", "new", "other"].into_iter().enumerate() {
        let agent = Agent::connect(&desk.engine);
        let token = "k".repeat(32);
        let hello = agent.begin("agent.hello", json!({ "name": name, "token": token }));
        let check = agent.begin(
            "action.check",
            json!({ "task": { "id": "t", "title": "T", "goal": "G" }, "tool": "Read",
                "args": { "file_path": "/w/a" }, "key": format!("k-{number}") }),
        );
        // The one that came later is asked for first.
        let (checked, welcome) = tokio::join!(check, hello);
        assert_eq!(welcome.unwrap()["agent"], json!(name));
        assert_eq!(checked.unwrap()["verdict"], json!("run"));
    }
    let agent = Agent::connect(&desk.engine);
    let hello = agent.begin("agent.hello", json!({ "name": "new", "token": "x".repeat(32) }));
    let list = agent.begin("handoff.list", json!({}));
    let (listed, refused) = tokio::join!(list, hello);
    assert_eq!(code(refused), ErrorCode::Refused);
    assert_eq!(code(listed), ErrorCode::Refused, "what was refused speaks for nobody");
}

#[tokio::test]
async fn an_agent_of_many_names_does_not_fill_the_disk() {
    let desk = Headless::new().await.unwrap();
    let (_first, welcome) = hello(&desk, &"long ".repeat(5_000), None).await;
    let token = welcome["token"].as_str();
    for number in 0..40 {
        desk.clock.pass(Duration::from_secs(1));
        let (agent, _) = hello(&desk, &format!("loop {number}"), token).await;
        agent.hang_up();
    }
    let last = |card: &AgentCard| {
        card.connections.iter().any(|one| one.framework.as_deref() == Some("loop 39"))
    };
    let card = until(&desk, last).await;
    assert!(card.connections.len() <= 12, "{}", card.connections.len());
    let longest = card.connections.iter().filter_map(|one| one.framework.as_ref());
    assert!(longest.map(|name| name.chars().count()).max() <= Some(200));
}
