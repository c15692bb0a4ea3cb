//! What an agent hears of time: each stage comes as a hint, and what it looks up
//! then tells the stages apart.

use handoff_testkit::Headless;
use serde_json::{Value, json};

use crate::agent::{Agent, approve, decide_and_release};
use crate::alerts::{case, happened, live, pass, with, within};

/// All that happens by time, on the way from nothing to giving up.
const STAGES: &[&str] = &["warned", "escalated", "alerted", "manual_review"];

fn hints(agent: &Agent, id: &str) -> usize {
    agent.hints.lock().unwrap().iter().filter(|hint| hint["id"] == *id).count()
}

fn stages(desk: &Headless, id: &str) -> Vec<String> {
    let mut thread = case(desk, id).thread;
    thread.sort_by_key(|entry| entry.at);
    let kinds = thread.into_iter().map(|entry| entry.event);
    kinds.filter(|kind| STAGES.contains(&kind.as_str())).collect()
}

/// The stage, by what an agent can look up.
fn stage(looked_up: &Value) -> &'static str {
    let has = |flag: &str| looked_up["flags"].as_array().unwrap().contains(&json!(flag));
    match (looked_up.get("warned_at").is_some(), has("escalated"), has("manual_review")) {
        (false, false, false) => "none",
        (true, false, false) => "warned",
        (true, true, false) => "escalated",
        (true, true, true) => "given up",
        _ => panic!("no such stage: {looked_up}"),
    }
}

#[tokio::test]
async fn an_agent_hears_of_each_stage_and_can_tell_them_apart() {
    let (desk, agent, id) = with(within(600, "escalate")).await;
    let waiting = agent.listen(&desk, &id).await;
    let mut told = vec![stage(&agent.get(&id).await)];
    for _ in 0..3900 / 30 {
        let (known, heard) = (stages(&desk, &id).len(), hints(&agent, &id));
        pass(&desk, 30).await;
        let new = stages(&desk, &id).len() - known;
        let hints = hints(&agent, &id) - heard;
        assert!(hints >= new, "{hints} hints of {new}: {:?}", stages(&desk, &id));
        let now = stage(&agent.get(&id).await);
        if told.last() != Some(&now) {
            told.push(now);
        }
        if now != "given up" {
            let waits = agent.wait(&id, 0).await;
            assert_eq!((stage(&waits), waits["decision"].clone()), (now, Value::Null), "the same");
        }
    }
    assert_eq!(told, ["none", "warned", "escalated", "given up"]);
    let went = stages(&desk, &id);
    assert_eq!(went, ["warned", "escalated", "alerted", "alerted", "alerted", "manual_review"]);
    let over = waiting.await.unwrap().unwrap();
    assert_eq!((stage(&over), over["decision"].clone()), ("given up", Value::Null));
}

#[tokio::test]
async fn what_was_answered_after_the_warning_speaks_of_no_stage() {
    let (desk, agent, id) = with(within(600, "manual_review")).await;
    live(&desk, 500).await;
    assert_eq!(happened(&desk, &id, "warned"), 1);
    assert_eq!(stage(&agent.get(&id).await), "warned");
    decide_and_release(&desk, &id, approve("keep")).await;
    let decided = agent.wait(&id, 0).await;
    assert_eq!((stage(&decided), decided["act"].clone()), ("none", json!(true)), "{decided}");
}
