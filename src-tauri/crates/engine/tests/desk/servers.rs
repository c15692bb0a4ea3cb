use std::sync::Arc;

use handoff_domain::outbox::Delivery;
use handoff_engine::{NewAsk, ServerRow};
use handoff_protocol::session::Session;
use handoff_protocol::wire::ErrorCode;
use handoff_testkit::Headless;
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use crate::agent::{Agent, approve, code, decide, handoff, release};

fn server(name: &str) -> ServerRow {
    ServerRow {
        name: name.to_owned(),
        url: "https://agents.example.com".to_owned(),
        headers: vec![("x-team".to_owned(), "billing".to_owned())],
        secret: Some("x-api-key".to_owned()),
        secret_in: Some("file".to_owned()),
    }
}

async fn ask(session: &Arc<dyn Session>, method: &str, params: Value) -> Value {
    let params = to_raw_value(&params).unwrap();
    let answer = Arc::clone(session).call(method.to_owned(), Some(params)).await.unwrap();
    serde_json::from_str(answer.get()).unwrap()
}

async fn submit_two(session: &Arc<dyn Session>) -> Vec<String> {
    let mut ids = Vec::new();
    for key in ["a", "b"] {
        let standing = ask(session, "handoff.submit", json!({ "handoff": handoff(key) })).await;
        ids.push(standing["id"].as_str().unwrap().to_owned());
    }
    ids
}

fn asked(ids: &[String]) -> NewAsk {
    NewAsk {
        server: "team".to_owned(),
        thread: "t".to_owned(),
        question: "q".to_owned(),
        attempt: 1,
        about: "{}".to_owned(),
        handoffs: ids.to_vec(),
    }
}

#[tokio::test]
async fn nobody_can_speak_as_the_agent_of_a_server() {
    let desk = Headless::new().await.unwrap();
    desk.engine.add_server(server("team")).await.unwrap();
    for token in [Value::Null, json!(""), json!("0".repeat(64))] {
        let thief = Agent::connect(&desk.engine);
        let hello = json!({ "name": "langgraph:team", "token": token });
        assert_eq!(code(thief.call("agent.hello", hello).await), ErrorCode::Refused);
    }
    // Nor take its name before it.
    Agent::named(&desk.engine, "langgraph:lab").await;
    let refused = desk.engine.add_server(server("lab")).await.unwrap_err();
    assert_eq!(refused.0.code, ErrorCode::Conflict);
    assert_eq!(desk.engine.servers().unwrap(), [server("team")]);
}

#[tokio::test]
async fn a_name_leads_nowhere_else_and_stays_its_servers() {
    let desk = Headless::new().await.unwrap();
    for name in ["", "..", "a/b", "a b", "a:b", &"x".repeat(61)] {
        let refused = desk.engine.add_server(server(name)).await;
        let fits = name == "..";
        assert_eq!(refused.is_ok(), fits, "{name:?}: a file's name begins with something else");
    }
    desk.engine.forget_server("..").await.unwrap();
    desk.engine.add_server(server("team")).await.unwrap();
    let twice = desk.engine.add_server(server("team")).await.unwrap_err();
    assert_eq!(twice.0.code, ErrorCode::Conflict);
    desk.engine.forget_server("team").await.unwrap();
    assert_eq!(desk.engine.servers().unwrap(), []);
    // It comes back as the same agent.
    desk.engine.add_server(server("team")).await.unwrap();
    let desk = desk.restart().await.unwrap();
    assert_eq!(desk.engine.servers().unwrap(), [server("team")]);
}

#[tokio::test]
async fn a_card_says_how_far_its_answer_is() {
    let desk = Headless::new().await.unwrap();
    desk.engine.add_server(server("team")).await.unwrap();
    let session = desk.engine.session_of_server("team", Arc::new(|_, _| ()));
    let ids = submit_two(&session).await;
    let new = asked(&ids);
    desk.engine.keep_ask(new.clone()).await.unwrap();
    assert!(desk.engine.keep_ask(new).await.is_err(), "a question is kept once");
    let shown = |id: &str| desk.engine.open_case(id).unwrap().outbox.unwrap();
    let outbox = shown(&ids[0]);
    assert_eq!((outbox.server.as_str(), outbox.reached, outbox.undecided), ("team", true, 1));
    assert_eq!(outbox.standing, Delivery::Asked);

    let open = desk.engine.open_asks("team").unwrap();
    let sending = Delivery::Sending { tries: 1 };
    desk.engine.ask_stands(&open[0], sending.clone()).await.unwrap();
    assert_eq!(shown(&ids[1]).standing, sending);
    session.close();
    assert!(!shown(&ids[0]).reached);

    // Removed, it leaves nothing open.
    desk.engine.release_asks("team").await.unwrap();
    assert_eq!(desk.engine.open_asks("team").unwrap(), []);
    let last = desk.engine.last_ask("team", "t", "q").unwrap().unwrap();
    assert!(last.closed);
    let case = desk.engine.open_case(&ids[0]).unwrap();
    assert_eq!(case.closed_because.as_deref(), Some("The server was removed from the desk."));
}

#[tokio::test]
async fn a_removal_that_is_refused_ends_nothing() {
    let desk = Headless::new().await.unwrap();
    desk.engine.add_server(server("team")).await.unwrap();
    let session = desk.engine.session_of_server("team", Arc::new(|_, _| ()));
    let ids = submit_two(&session).await;
    desk.engine.keep_ask(asked(&ids)).await.unwrap();
    decide(&desk, &ids[1], approve("keep")).await;
    let open = desk.engine.open_asks("team").unwrap();
    let refused = desk.engine.release_asks("team").await.unwrap_err();
    assert_eq!(refused.0.code, ErrorCode::Conflict);
    assert_eq!(desk.engine.open_asks("team").unwrap(), open);
    release(&desk).await;
    desk.engine.release_asks("team").await.unwrap();
    assert_eq!(desk.engine.open_asks("team").unwrap(), []);
}

#[tokio::test]
async fn the_card_of_another_agent_has_no_outbox() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let id = agent.submit(handoff("a")).await;
    assert_eq!(desk.engine.open_case(&id).unwrap().outbox, None);
}
