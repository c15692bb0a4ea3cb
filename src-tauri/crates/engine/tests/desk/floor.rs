//! What is shown of a submitted option is not the agent's word alone: its call
//! is weighed as the gate would weigh it (CONTRACT §3).

use std::time::Duration;

use handoff_domain::action::Effect;
use handoff_domain::decision::Answer;
use handoff_domain::payload::RiskLevel;
use handoff_protocol::view::{List, OptionView, QueueQuery};
use handoff_protocol::wire::ErrorCode;
use handoff_testkit::Headless;
use serde_json::{Value, json};

use crate::agent::{approve, decide_and_release, request};
use crate::gate::{AGENT, ask, desk, task};

const GONE: &str = "rm -rf /home/me && git push --force";

/// A handoff whose one option is called harmless.
fn case(key: &str, effect: &str, action: &Value) -> Value {
    let mut option = json!({ "id": "go", "label": "Go on",
        "risk": { "level": "low", "effect": effect, "why": "It only looks." } });
    if !action.is_null() {
        option["action"] = action.clone();
    }
    json!({ "version": "1", "key": key, "task": task(), "reason": { "code": "other" },
        "priority": "normal", "summary": "It waits.", "pending_question": { "text": "Go on?" },
        "options": [option],
        "deadline": { "respond_within_s": 600, "on_timeout": { "kind": "manual_review" } } })
}

fn bash(command: &str) -> Value {
    json!({ "tool": "bash", "args": { "command": command } })
}

fn shown(desk: &Headless, id: &str) -> OptionView {
    desk.engine.open_case(id).unwrap().options.remove(0)
}

async fn in_queue(desk: &Headless, id: &str) -> Option<Effect> {
    let query = QueueQuery { list: List::Inbox, search: String::new(), limit: 50 };
    let items = desk.engine.queue(query).await.unwrap().items;
    items.into_iter().find(|item| item.id == id).unwrap().effect
}

#[tokio::test]
async fn a_command_that_deletes_is_shown_as_that_whatever_its_agent_calls_it() {
    let (desk, agent) = desk().await;
    let id = agent.submit(case("k", "read", &bash(GONE))).await;
    assert_eq!(in_queue(&desk, &id).await, Some(Effect::Irreversible));
    let option = shown(&desk, &id);
    assert_eq!((option.risk, option.effect), (RiskLevel::High, Effect::Irreversible));
    assert!(option.confirm);
    let found = option.found.expect("the desk does not say what the agent says");
    assert_eq!((found.said, found.effect), (Effect::Read, Effect::Irreversible));
    assert!(found.why.contains("rm"), "{}", found.why);
    let mut careless = request(&desk, &id, approve("go"));
    careless.confirmed = false;
    assert!(desk.engine.preview(&careless).unwrap().needs_confirmation);
    let refused = desk.engine.decide(careless.clone()).await.expect_err("refused");
    assert_eq!(refused.0.code, ErrorCode::Refused);
    careless.confirmed = true;
    desk.engine.decide(careless).await.unwrap();
}

#[tokio::test]
async fn what_is_shown_of_an_option_is_what_the_gate_would_say_of_its_call() {
    let (desk, agent) = desk().await;
    let undo = json!({ "kind": "tool", "tool": "files.move", "args": {} });
    let over = json!({ "kind": "tool", "tool": "files.move", "args": {}, "until": "2026-01-01T00:00:00Z" });
    let files = json!({ "kind": "files" });
    let calls = [
        ("read", bash("ls -la")),
        ("irreversible", bash("ls -la")),
        ("read", bash("mkdir -p a/b")),
        ("read", bash("some-tool --of-mine")),
        ("read", json!({ "tool": "files.list", "args": {} })),
        ("reversible", json!({ "tool": "files.move", "args": {} })),
        ("reversible", json!({ "tool": "files.move", "args": {}, "undo": undo })),
        ("reversible", json!({ "tool": "files.move", "args": {}, "undo": over })),
        ("reversible", json!({ "tool": "files.move", "args": {}, "undo": files, "files": ["a"] })),
        ("read", json!({ "tool": "files.delete", "args": {} })),
        ("read", json!({ "tool": "nobody.knows", "args": {} })),
        ("reversible", json!({ "tool": "nobody.knows", "args": {}, "undo": undo })),
    ];
    for (place, (effect, action)) in calls.into_iter().enumerate() {
        let key = format!("k{place}");
        let id = agent.submit(case(&key, effect, &action)).await;
        let option = shown(&desk, &id);
        let queued = in_queue(&desk, &id).await;
        agent.call("handoff.withdraw", json!({ "id": id })).await.unwrap();
        let mut check = json!({ "task": task(), "tool": action["tool"], "args": action["args"],
            "key": format!("c{place}"), "effect": effect, "files": action["files"].as_array().cloned().unwrap_or_default() });
        if action["undo"].is_object() {
            check["undo"] = action["undo"].clone();
        }
        let asked = ask(&agent, check).await;
        if let Some(id) = asked["handoff_id"].as_str() {
            agent.call("handoff.withdraw", json!({ "id": id })).await.unwrap();
        }
        let gate: Effect = serde_json::from_value(asked["effect"].clone()).unwrap();
        assert_eq!(option.effect, gate, "{action}");
        assert_eq!(queued, Some(gate), "{action}");
        assert_eq!(option.confirm, gate == Effect::Irreversible, "{action}");
        let said: Effect = serde_json::from_value(json!(effect)).unwrap();
        assert_eq!(option.found.is_some(), said != gate, "{action}");
    }
}

#[tokio::test]
async fn what_runs_nothing_is_shown_as_its_agent_says() {
    let (desk, agent) = desk().await;
    for effect in ["read", "reversible", "irreversible"] {
        let id = agent.submit(case(effect, effect, &Value::Null)).await;
        let option = shown(&desk, &id);
        assert_eq!(json!(option.effect), effect);
        assert_eq!((option.found, option.confirm), (None, effect == "irreversible"));
    }
}

#[tokio::test]
async fn the_word_of_the_reviewer_counts_at_once_on_the_card() {
    let (desk, agent) = desk().await;
    let make = json!({ "tool": "bash", "args": { "command": "make all", "workdir": "/work" } });
    let id = agent.submit(case("k", "read", &make)).await;
    assert!(shown(&desk, &id).confirm, "nobody knows what it does");
    let rule = json!({ "name": "builds", "agent": AGENT, "tool": "bash",
        "until": "2026-10-01T00:00:00Z", "when": { "argv": ["make", "all"], "cwd": "/work" },
        "does": "counts", "effect": "reversible" });
    desk.engine.add_rule(serde_json::from_value(rule).unwrap()).await.unwrap();
    let option = shown(&desk, &id);
    assert_eq!((option.effect, option.confirm), (Effect::Reversible, false));
    assert_eq!(option.found.unwrap().why, "You have set this for such calls.");
    let mut plain = request(&desk, &id, approve("go"));
    plain.confirmed = false;
    desk.engine.decide(plain).await.unwrap();
}

#[tokio::test]
async fn an_edit_is_weighed_as_what_it_has_become() {
    let (desk, agent) = desk().await;
    let id = agent.submit(case("k", "read", &bash("ls"))).await;
    assert!(!shown(&desk, &id).confirm);
    let edit = |command: &str| Answer::Modify {
        option: "go".to_owned(),
        args: json!({ "command": command }).as_object().cloned().unwrap(),
    };
    let mut mild = request(&desk, &id, edit("ls -la"));
    mild.confirmed = false;
    let preview = desk.engine.preview(&mild).unwrap();
    assert_eq!((preview.needs_confirmation, preview.found), (false, None));
    let mut harsh = request(&desk, &id, edit("rm -rf ."));
    harsh.confirmed = false;
    let preview = desk.engine.preview(&harsh).unwrap();
    assert!(preview.needs_confirmation);
    assert_eq!(preview.found.unwrap().effect, Effect::Irreversible);
    let refused = desk.engine.decide(harsh).await.expect_err("refused");
    assert_eq!(refused.0.code, ErrorCode::Refused);
    // Whoever collects it and is gone may have run it: it is not given out again.
    decide_and_release(&desk, &id, edit("rm -rf .")).await;
    let told = agent.wait(&id, 0).await;
    let lease = told["lease"]["id"].as_str().expect("a lease").to_owned();
    agent.call("agent.ack", json!({ "id": lease })).await.unwrap();
    agent.hang_up();
    desk.clock.pass(Duration::from_hours(1));
    desk.engine.tick().await;
    assert!(desk.engine.open_case(&id).unwrap().may_have_run);
}

#[tokio::test]
async fn a_proposal_that_is_revised_is_weighed_anew() {
    let (desk, agent) = desk().await;
    let id = agent.submit(case("k", "read", &bash("ls"))).await;
    assert_eq!(in_queue(&desk, &id).await, Some(Effect::Read));
    let revised = case("k", "read", &bash(GONE));
    agent.call("handoff.revise", json!({ "id": id, "handoff": revised })).await.unwrap();
    assert_eq!(in_queue(&desk, &id).await, Some(Effect::Irreversible));
    assert!(shown(&desk, &id).confirm);
}

#[tokio::test]
async fn more_options_than_the_desk_reads_are_taken_for_unknown() {
    let (desk, agent) = desk().await;
    let mut many = case("k", "read", &bash("ls"));
    let option = many["options"][0].clone();
    let options: Vec<Value> = (0..80)
        .map(|place| {
            let mut option = option.clone();
            option["id"] = json!(format!("o{place}"));
            option
        })
        .collect();
    many["options"] = json!(options);
    let id = agent.submit(many).await;
    let case = desk.engine.open_case(&id).unwrap();
    assert!(!case.options[0].confirm);
    assert!(case.options[79].confirm);
}

fn counts(effect: &str, until: Option<&str>) -> handoff_domain::rule::Rule {
    let mut rule = json!({ "name": "x", "tool": "files.delete", "does": "counts",
        "effect": effect, "when": { "args": { "path": { "is": "a" } } } });
    if let Some(until) = until {
        rule["until"] = json!(until);
    }
    serde_json::from_value(rule).unwrap()
}

fn delete() -> Value {
    json!({ "tool": "files.delete", "args": { "path": "a" } })
}

#[tokio::test]
async fn what_is_stored_of_a_card_follows_the_rules_and_its_history_says_so() {
    let (desk, agent) = desk().await;
    let id = agent.submit(case("k", "read", &delete())).await;
    assert_eq!(in_queue(&desk, &id).await, Some(Effect::Irreversible));
    let kept = desk.engine.add_rule(counts("read", None)).await.unwrap();
    desk.engine.tick().await;
    assert_eq!(in_queue(&desk, &id).await, Some(Effect::Read));
    assert_eq!(shown(&desk, &id).effect, Effect::Read);
    desk.engine.revoke_rule(kept).await.unwrap();
    desk.engine.tick().await;
    assert_eq!(in_queue(&desk, &id).await, Some(Effect::Irreversible));
    let thread = desk.engine.open_case(&id).unwrap().thread;
    let again: Vec<&str> = thread
        .iter()
        .filter(|entry| entry.event == "weighed_again")
        .map(|entry| entry.text.as_str())
        .collect();
    assert_eq!(again.len(), 2, "{thread:?}");
    assert!(again[0].contains("changes nothing") && again[1].contains("cannot be undone"));
}

#[tokio::test]
async fn a_rule_that_ends_or_ended_while_the_desk_was_off_is_left_out_of_what_is_stored() {
    let (desk, agent) = desk().await;
    let id = agent.submit(case("k", "read", &delete())).await;
    let soon = handoff_engine::Clock::now(&desk.clock) + chrono::TimeDelta::minutes(5);
    let rule = counts("read", Some(&soon.to_rfc3339()));
    desk.engine.add_rule(rule.clone()).await.unwrap();
    desk.engine.tick().await;
    assert_eq!(in_queue(&desk, &id).await, Some(Effect::Read));
    desk.clock.pass(Duration::from_mins(4));
    desk.engine.tick().await;
    assert_eq!(in_queue(&desk, &id).await, Some(Effect::Read), "it is not over yet");
    drop(agent);
    let desk = desk.restart().await.unwrap();
    desk.clock.pass(Duration::from_mins(1));
    desk.engine.tick().await;
    assert_eq!(in_queue(&desk, &id).await, Some(Effect::Irreversible));
}

#[tokio::test]
async fn what_is_stored_follows_what_the_reviewer_accepts() {
    let (desk, agent) = desk().await;
    let tools = json!({ "tools": [{ "name": "crm.find", "effect": "read" }] });
    agent.call("agent.tools", tools).await.unwrap();
    let find = json!({ "tool": "crm.find", "args": { "name": "Ada" } });
    let submitted = agent.submit(case("k", "read", &find)).await;
    let other = json!({ "id": "other", "title": "Other", "goal": "Other" });
    let check = json!({ "task": other, "tool": "crm.find", "args": { "name": "Bo" }, "key": "c",
        "effect": "read" });
    let asked = ask(&agent, check).await["handoff_id"].as_str().unwrap().to_owned();
    // What is new to a desk is weighed at its first look.
    desk.engine.tick().await;
    for id in [&submitted, &asked] {
        assert_eq!(in_queue(&desk, id).await, Some(Effect::Irreversible));
    }
    let tool = desk.engine.agents().unwrap().agents[0].tools[0].clone();
    let accept = handoff_protocol::view::AcceptTools {
        agent: AGENT.to_owned(),
        tools: vec![handoff_protocol::view::AcceptTool {
            name: tool.name,
            hash: tool.hash,
            effect: Some(Effect::Read),
        }],
    };
    desk.engine.accept_tools(accept).await.unwrap();
    desk.engine.tick().await;
    for id in [&submitted, &asked] {
        assert_eq!(in_queue(&desk, id).await, Some(Effect::Read));
        let option = shown(&desk, id);
        assert_eq!((option.effect, option.found), (Effect::Read, None));
    }
    let changed =
        json!({ "tools": [{ "name": "crm.find", "effect": "read", "description": "x" }] });
    agent.call("agent.tools", changed).await.unwrap();
    desk.engine.tick().await;
    assert_eq!(in_queue(&desk, &submitted).await, Some(Effect::Irreversible), "it is another tool");
}

#[tokio::test]
async fn what_is_decided_keeps_what_was_decided_on_and_follows_again_once_taken_back() {
    let (desk, agent) = desk().await;
    let id = agent.submit(case("k", "read", &delete())).await;
    desk.engine.decide(request(&desk, &id, approve("go"))).await.unwrap();
    desk.engine.add_rule(counts("read", None)).await.unwrap();
    desk.engine.tick().await;
    let events = |desk: &Headless| {
        let thread = desk.engine.open_case(&id).unwrap().thread;
        thread.iter().filter(|entry| entry.event == "weighed_again").count()
    };
    assert_eq!(events(&desk), 0);
    desk.engine.undo(&id).await.unwrap();
    desk.engine.tick().await;
    assert_eq!((events(&desk), in_queue(&desk, &id).await), (1, Some(Effect::Read)));
}
