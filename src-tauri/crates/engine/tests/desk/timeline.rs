//! What the thread of a task keeps of what was said and done in it.

use handoff_domain::decision::{EndUserMessage, Then};
use handoff_protocol::view::{OfTask, Settings};
use serde_json::json;

use crate::agent::{approve, decide_and_release, handoff, reject, release, request};
use crate::gate::{AGENT, action, desk};

fn of() -> OfTask {
    OfTask { agent: AGENT.to_owned(), task: "t".to_owned() }
}

#[tokio::test]
async fn what_was_said_to_the_end_user_stays_said_when_it_is_asked_anew() {
    let (desk, agent) = desk().await;
    let id = agent.submit(handoff("k")).await;
    let mut answer = request(&desk, &id, reject(Then::Revise));
    answer.message = Some(EndUserMessage { text: "We look at it once more.".to_owned() });
    desk.engine.decide(answer.clone()).await.unwrap();
    desk.engine.undo(&id).await.unwrap();
    assert_eq!(desk.engine.task(&of()).unwrap().said, [], "it was taken back");
    desk.engine.decide(answer).await.unwrap();
    release(&desk).await;
    let mut other = handoff("k");
    other["summary"] = json!("Another way.");
    agent.call("handoff.revise", json!({ "id": id, "handoff": other })).await.expect("revised");
    let said = desk.engine.task(&of()).unwrap().said;
    let told: Vec<(&str, bool)> =
        said.iter().map(|said| (said.text.as_str(), said.known)).collect();
    assert_eq!(told, [("We look at it once more.", true)]);
    decide_and_release(&desk, &id, approve("keep")).await;
    assert_eq!(desk.engine.task(&of()).unwrap().said.len(), 1, "once");
}

#[tokio::test]
async fn what_is_not_shown_any_more_is_counted() {
    let (desk, agent) = desk().await;
    let settings = Settings { cards_per_hour: 0, ..desk.engine.settings() };
    desk.engine.save_settings(settings).await.expect("none of them waits behind others");
    agent.submit(handoff("k")).await;
    for number in 0..310 {
        let done = action(&format!("a{number}"), "files.list", &json!({ "n": number }), "read");
        agent.call("action.record", done).await.unwrap();
    }
    let view = desk.engine.task(&of()).unwrap();
    let shown = view.timeline.iter().filter(|entry| entry.action.is_some()).count();
    assert_eq!((shown, view.earlier), (300, 10));
    for number in 0..60 {
        let mut quick = handoff(&format!("q{number}"));
        quick["options"] = json!([]);
        quick["allowed_decisions"] = json!(["inform"]);
        quick["pending_question"] = json!({ "text": "Which folder?" });
        agent.submit(quick).await;
    }
    let view = desk.engine.task(&of()).unwrap();
    assert_eq!(view.timeline.len() + usize::try_from(view.earlier).unwrap(), 310 + 61);
}
