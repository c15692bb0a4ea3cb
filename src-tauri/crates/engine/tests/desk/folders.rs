//! What was allowed in one folder is another thing in the next.

use handoff_protocol::view::RuleFrom;
use serde_json::{Value, json};

use crate::agent::{approve, decide_and_release, handoff};
use crate::gate::{a_move, ask, desk, task};

fn removal(key: &str, cwd: Option<&str>) -> Value {
    let mut check = json!({ "task": task(), "tool": "bash", "key": key,
        "args": { "command": "rm -r build" } });
    if let Some(cwd) = cwd {
        check["cwd"] = json!(cwd);
    }
    check
}

#[tokio::test]
async fn an_approval_for_one_folder_permits_nothing_in_another() {
    let (desk, agent) = desk().await;
    let held = ask(&agent, removal("k1", Some("/work/a"))).await;
    let id = held["handoff_id"].as_str().unwrap().to_owned();
    decide_and_release(&desk, &id, approve("run")).await;
    let elsewhere = ask(&agent, removal("k2", Some("/home"))).await;
    assert_eq!(elsewhere["verdict"], "held", "{elsewhere}");
    assert_ne!(elsewhere["handoff_id"], json!(id));
    agent.call("handoff.withdraw", json!({ "id": elsewhere["handoff_id"] })).await.unwrap();
    let here = ask(&agent, removal("k3", Some("/work/a/"))).await;
    assert_eq!(here["verdict"], "run", "the permit was not used up elsewhere: {here}");
    assert_eq!(here["handoff_id"], json!(id));
}

#[tokio::test]
async fn a_folder_that_is_not_named_is_another_one_and_none_is_none() {
    let (desk, agent) = desk().await;
    let in_own = |key: &str, cwd: Option<&str>| {
        let mut check = removal(key, cwd);
        check["task"]["id"] = json!(key[..1]);
        check
    };
    let table = [
        ("a", None, Some("/home"), "held"),
        ("b", Some("/work"), None, "held"),
        ("c", None, None, "run"),
        ("d", Some("/"), None, "held"),
        ("e", Some("work"), Some("work"), "run"),
        ("f", Some("work"), Some("home"), "held"),
    ];
    for (key, first, then, verdict) in table {
        let held = ask(&agent, in_own(&format!("{key}1"), first)).await;
        let id = held["handoff_id"].as_str().unwrap().to_owned();
        decide_and_release(&desk, &id, approve("run")).await;
        let again = ask(&agent, in_own(&format!("{key}2"), then)).await;
        assert_eq!(again["verdict"], verdict, "{key}: {again}");
    }
}

#[tokio::test]
async fn what_was_handed_over_names_no_folder_and_its_yes_counts_in_the_one_it_is_asked_in() {
    let (desk, agent) = desk().await;
    let id = agent.submit(handoff("k")).await;
    decide_and_release(&desk, &id, approve("delete")).await;
    let decided = agent.get(&id).await["decision"].clone();
    let check = json!({ "task": task(), "tool": decided["tool"], "key": "c",
        "args": decided["args"], "cwd": "/work" });
    let ran = ask(&agent, check).await;
    assert_eq!((&ran["ran"], &ran["handoff_id"]), (&json!("permit"), &json!(id)), "{ran}");
}

#[tokio::test]
async fn a_rule_of_a_card_without_a_folder_allows_nothing_in_one() {
    let (desk, agent) = desk().await;
    let id = ask(&agent, a_move("k1")).await["handoff_id"].as_str().unwrap().to_owned();
    let from = RuleFrom::Card { id: id.clone(), days: 7, uses: None };
    desk.engine.add_rule_from(from).await.unwrap();
    agent.call("handoff.withdraw", json!({ "id": id })).await.unwrap();
    assert_eq!(ask(&agent, a_move("k2")).await["ran"], "allowed");
    for (key, cwd) in [("k3", "/work"), ("k4", "work")] {
        let mut elsewhere = a_move(key);
        elsewhere["cwd"] = json!(cwd);
        elsewhere["task"]["id"] = json!(key);
        assert_eq!(ask(&agent, elsewhere).await["verdict"], "held", "{cwd}");
    }
    let mut nowhere = a_move("k5");
    nowhere["cwd"] = json!("work");
    nowhere["task"]["id"] = json!("k5");
    let id = ask(&agent, nowhere).await["handoff_id"].as_str().unwrap().to_owned();
    let from = RuleFrom::Card { id, days: 7, uses: None };
    assert!(desk.engine.add_rule_from(from).await.is_err(), "nobody knows which folder that is");
}

#[tokio::test]
async fn a_folder_that_the_call_itself_names_is_the_same_wherever_it_is_asked() {
    let (desk, agent) = desk().await;
    let named = |key: &str, cwd: &str| {
        let mut check = removal(key, Some(cwd));
        check["args"]["workdir"] = json!("/work/a");
        check
    };
    let held = ask(&agent, named("k1", "/work")).await;
    decide_and_release(&desk, held["handoff_id"].as_str().unwrap(), approve("run")).await;
    assert_eq!(ask(&agent, named("k2", "/home")).await["verdict"], "run");
}
