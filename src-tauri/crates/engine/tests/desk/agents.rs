use handoff_protocol::view::Change;
use handoff_protocol::wire::ErrorCode;
use handoff_testkit::Headless;
use serde_json::json;

use crate::agent::{Agent, code, handoff};

#[tokio::test]
async fn a_name_is_bound_to_its_first_token() {
    let desk = Headless::new().await.unwrap();
    let first = Agent::connect(&desk.engine);
    let welcome = first.call("agent.hello", json!({ "name": "tidy" })).await.unwrap();
    let token = welcome["token"].as_str().unwrap().to_owned();
    assert_eq!((token.len(), &welcome["level"]), (64, &json!("suggest")));

    let thief = Agent::connect(&desk.engine);
    for given in [json!(null), json!(""), json!("0".repeat(64))] {
        let hello = json!({ "name": "tidy", "token": given });
        assert_eq!(code(thief.call("agent.hello", hello).await), ErrorCode::Refused);
    }
    assert_eq!(code(thief.call("handoff.list", json!({})).await), ErrorCode::Refused);
    let again = Agent::connect(&desk.engine);
    let hello = json!({ "name": "tidy", "token": token });
    let welcome = again.call("agent.hello", hello).await.unwrap();
    assert!(welcome.get("token").is_none(), "a token is given once");
}

#[tokio::test]
async fn a_new_name_can_bring_its_token_along() {
    let desk = Headless::new().await.unwrap();
    let own = "k".repeat(32);
    let hello = |token: &str| json!({ "name": "tidy", "token": token });
    for weak in ["", "secret", &own[1..]] {
        let refused = Agent::connect(&desk.engine).call("agent.hello", hello(weak)).await;
        assert_eq!(code(refused), ErrorCode::InvalidParams, "{weak:?}");
    }
    for _ in 0..2 {
        let welcome = Agent::connect(&desk.engine).call("agent.hello", hello(&own)).await.unwrap();
        assert!(welcome.get("token").is_none(), "it is known to whom brought it");
    }
    let other = Agent::connect(&desk.engine).call("agent.hello", hello(&"x".repeat(32))).await;
    assert_eq!(code(other), ErrorCode::Refused);
}

#[tokio::test]
async fn the_binding_outlives_the_desk() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::connect(&desk.engine);
    let welcome = agent.call("agent.hello", json!({ "name": "tidy" })).await.unwrap();
    agent.hang_up();
    let desk = desk.restart().await.unwrap();
    let thief = Agent::connect(&desk.engine);
    assert_eq!(
        code(thief.call("agent.hello", json!({ "name": "tidy" })).await),
        ErrorCode::Refused
    );
    let hello = json!({ "name": "tidy", "token": welcome["token"] });
    Agent::connect(&desk.engine).call("agent.hello", hello).await.unwrap();
}

#[tokio::test]
async fn a_connection_keeps_its_name() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "one").await;
    let other = agent.call("agent.hello", json!({ "name": "two" })).await;
    assert_eq!(code(other), ErrorCode::Refused);
}

#[tokio::test]
async fn names_are_plain() {
    let desk = Headless::new().await.unwrap();
    for name in ["", "a b", "<b>", "ä", "a\u{202e}", "x\n", &"n".repeat(101)] {
        let agent = Agent::connect(&desk.engine);
        let refused = agent.call("agent.hello", json!({ "name": name })).await;
        assert_eq!(code(refused), ErrorCode::InvalidParams, "{name:?}");
    }
}

#[tokio::test]
async fn unknown_methods_and_parameters_are_named() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let id = agent.submit(handoff("k")).await;
    // The verbs of the window do not exist on this side.
    for method in [
        "handoff.decide",
        "handoff.approve",
        "handoff.undo",
        "handoff.release",
        "handoff.regrant",
        "settings.save",
        "agent.set_level",
        "",
    ] {
        let refused = agent.call(method, json!({ "id": id })).await;
        assert_eq!(code(refused), ErrorCode::MethodNotFound, "{method}");
    }
    let typo = agent.call("handoff.get", json!({ "id": id, "extra": 1 })).await.unwrap_err();
    assert_eq!(typo.code, ErrorCode::InvalidParams);
    assert!(typo.message.contains("extra"), "{}", typo.message);
}

#[tokio::test]
async fn status_and_validation_need_no_name() {
    let desk = Headless::new().await.unwrap();
    let anyone = Agent::connect(&desk.engine);
    assert_eq!(anyone.call("desk.status", json!({})).await.unwrap()["protocol"], "1");
    let valid = anyone.call("handoff.validate", json!({ "handoff": handoff("k") })).await.unwrap();
    assert_eq!(valid, json!({ "valid": true, "faults": [] }));
    let submit = anyone.call("handoff.submit", json!({ "handoff": handoff("k") })).await;
    assert_eq!(code(submit), ErrorCode::Refused);
}

#[tokio::test]
async fn what_is_asked_to_be_shown_before_the_page_listens_is_told_again_once_it_does() {
    let desk = Headless::new().await.unwrap();
    desk.engine.show(Some("h-1".to_owned()));
    let mut window = desk.engine.follow();
    desk.engine.show(Some("h-2".to_owned()));
    let asked = Change::Show { id: Some("h-2".to_owned()) };
    assert_eq!(window.try_recv().ok(), Some(asked.clone()), "the window is raised at once");
    desk.engine.listens();
    assert_eq!(window.try_recv().ok(), Some(asked), "the page has not heard of it");
    desk.engine.show(Some("h-3".to_owned()));
    assert!(window.try_recv().is_ok());
    desk.engine.listens();
    assert!(window.try_recv().is_err(), "what it heard is not told again");
}
