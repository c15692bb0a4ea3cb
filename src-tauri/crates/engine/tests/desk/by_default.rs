//! A declared default at its deadline, by level, effect, leave and pause
//! (CONTRACT §4).

use std::time::Duration;

use handoff_domain::autonomy::Level;
use handoff_protocol::view::Pause;
use handoff_testkit::Headless;
use serde_json::{Value, json};

use crate::agent::Agent;
use crate::gate::{AGENT, desk, set, task};

/// What the default would do, as the desk sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Does {
    Nothing,
    Reads,
    Moves,
    MovesForGood,
    Unknown,
}

const ALL: [Does; 5] = [Does::Nothing, Does::Reads, Does::Moves, Does::MovesForGood, Does::Unknown];

fn case(key: &str, does: Does) -> Value {
    let undo = json!({ "kind": "tool", "tool": "files.move", "args": {} });
    let (effect, action) = match does {
        Does::Nothing => ("read", Value::Null),
        Does::Reads => ("read", json!({ "tool": "files.list", "args": {} })),
        Does::Moves => ("reversible", json!({ "tool": "files.move", "args": {}, "undo": undo })),
        Does::MovesForGood => ("reversible", json!({ "tool": "files.move", "args": {} })),
        Does::Unknown => ("read", json!({ "tool": "nobody.knows", "args": {} })),
    };
    let mut option = json!({ "id": "default", "label": "Go on",
        "risk": { "level": "low", "effect": effect, "why": "It is said to be harmless." } });
    if !action.is_null() {
        option["action"] = action;
    }
    let mut task = task();
    task["id"] = json!(key);
    json!({ "version": "1", "key": key, "task": task, "reason": { "code": "other" },
        "priority": "normal", "summary": "It waits.", "pending_question": { "text": "Go on?" },
        "options": [option],
        "deadline": { "respond_within_s": 600,
            "on_timeout": { "kind": "safe_default", "option": "default" } } })
}

async fn pause(desk: &Headless, paused: bool) {
    let pause = Pause { agent: Some(AGENT.to_owned()), task: None, paused };
    desk.engine.pause(pause).await.unwrap();
}

/// What the contract says: whether System takes it. It is "the declared, not
/// irreversible option", by what the desk finds, whatever leave there is; and
/// what nobody knows counts as irreversible.
fn is_taken(level: Level, does: Does, allowed: bool, paused: bool) -> bool {
    match does {
        Does::Nothing | Does::Reads => true,
        Does::Moves => !paused && (allowed || level >= Level::Draft),
        Does::MovesForGood | Does::Unknown => false,
    }
}

/// Whether the card has a box for it: where leave is needed and can be given.
fn has_a_box(level: Level, does: Does, paused: bool) -> bool {
    does == Does::Moves && !is_taken(level, does, false, paused)
}

#[tokio::test]
async fn a_default_is_taken_only_where_the_level_lets_it_run_or_the_reviewer_has_allowed_it() {
    let (desk, agent) = desk().await;
    for level in [Level::Suggest, Level::Draft, Level::Execute] {
        for (allowed, paused) in [(false, false), (true, false), (false, true), (true, true)] {
            one_row(&desk, &agent, level, allowed, paused).await;
        }
    }
}

async fn one_row(desk: &Headless, agent: &Agent, level: Level, allowed: bool, paused: bool) {
    set(desk, level).await;
    let mut waiting = Vec::new();
    for does in ALL {
        let key = format!("{level:?}-{allowed}-{paused}-{does:?}");
        let id = agent.submit(case(&key, does)).await;
        if allowed {
            desk.engine.allow_default(&id, 1, true).await.unwrap();
        }
        waiting.push((id, does, key));
    }
    pause(desk, paused).await;
    for (id, does, key) in &waiting {
        let deadline = desk.engine.open_case(id).unwrap().deadline;
        let taken = is_taken(level, *does, allowed, paused);
        let says = !deadline.then.contains("Nothing is done");
        assert_eq!(says, taken, "the card of {key} says {}", deadline.then);
        assert_eq!(deadline.takes_default, taken, "{key}");
        let asked = has_a_box(level, *does, paused);
        assert_eq!(deadline.default_allowed, asked.then_some(allowed), "{key}");
    }
    for seconds in [481, 121] {
        desk.clock.pass(Duration::from_secs(seconds));
        desk.engine.tick().await;
    }
    pause(desk, false).await;
    for (id, does, key) in waiting {
        let told = agent.get(&id).await;
        let taken = is_taken(level, does, allowed, paused);
        let state = if taken { "released" } else { "ready" };
        assert_eq!(told["state"], state, "{key}: {told}");
        if taken {
            assert_eq!(told["decision"]["by"], "System", "{key}");
            assert!(desk.notifier.retired().contains(&Some(id)), "nothing runs out: {key}");
        } else {
            assert_eq!(told["flags"][0], "manual_review", "{key}");
            agent.call("handoff.withdraw", json!({ "id": id })).await.unwrap();
        }
    }
}

/// A default that nobody could take as it stands: what the card says, and what
/// becomes of it.
async fn is_not_taken(handoff: Value, why: &str) {
    let (desk, agent) = desk().await;
    set(&desk, Level::Execute).await;
    let id = agent.submit(handoff).await;
    let deadline = desk.engine.open_case(&id).unwrap().deadline;
    assert!(deadline.then.contains("Nothing is done"), "{}", deadline.then);
    assert!(deadline.then.contains(why) && !deadline.takes_default, "{}", deadline.then);
    for seconds in [481, 121] {
        desk.clock.pass(Duration::from_secs(seconds));
        desk.engine.tick().await;
    }
    let told = agent.get(&id).await;
    assert_eq!((&told["state"], &told["flags"][0]), (&json!("ready"), &json!("manual_review")));
    let thread = desk.engine.open_case(&id).unwrap().thread;
    assert!(thread.iter().any(|entry| format!("{entry:?}").contains(why)), "{thread:?}");
}

#[tokio::test]
async fn a_default_that_contradicts_a_constraint_is_promised_by_no_card() {
    let mut handoff = case("k", Does::Reads);
    handoff["briefing"] = json!({ "constraints": [{ "text": "Nothing goes.", "expr": "false" }] });
    is_not_taken(handoff, "It contradicts what is known by now.").await;
}

#[tokio::test]
async fn a_default_that_the_agent_cannot_act_on_is_not_taken() {
    let mut handoff = case("k", Does::Reads);
    handoff["allowed_decisions"] = json!(["inform"]);
    is_not_taken(handoff, "This agent cannot act on an approval.").await;
}

#[tokio::test]
async fn a_level_that_is_lowered_before_the_deadline_counts_at_the_deadline() {
    let (desk, agent) = desk().await;
    set(&desk, Level::Execute).await;
    let id = agent.submit(case("k", Does::Moves)).await;
    let then = || desk.engine.open_case(&id).unwrap().deadline.then;
    assert!(then().contains("is taken"), "{}", then());
    set(&desk, Level::Suggest).await;
    assert!(then().contains("At its level"), "{}", then());
    for seconds in [481, 121] {
        desk.clock.pass(Duration::from_secs(seconds));
        desk.engine.tick().await;
    }
    assert_eq!(agent.get(&id).await["flags"][0], "manual_review");
}
