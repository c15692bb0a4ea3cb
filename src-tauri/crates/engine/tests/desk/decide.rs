use handoff_domain::decision::{Answer, DecisionKind, EndUserMessage, Override, Then};
use handoff_domain::directive::Verdict::{Blocked, Keep, Run, Skip};
use handoff_domain::lifecycle::State;
use handoff_protocol::wire::ErrorCode;
use handoff_testkit::Headless;
use serde_json::json;

use crate::agent::{Agent, approve, decide, decide_and_release, handoff, reject, request};

fn args(value: serde_json::Value) -> serde_json::Map<String, serde_json::Value> {
    value.as_object().unwrap().clone()
}

fn modify(paths: serde_json::Value) -> Answer {
    Answer::Modify { option: "delete".to_owned(), args: args(json!({ "paths": paths })) }
}

#[tokio::test]
async fn each_kind_of_answer_reaches_the_agent_whole() {
    let answers = [
        (approve("trash"), "approve"),
        (modify(json!(["a"])), "modify"),
        (
            Answer::Inform {
                text: "Keep the first".to_owned(),
                facts: args(json!({ "keep": "a" })),
                constraints: Vec::new(),
            },
            "inform",
        ),
        (reject(Then::Skip), "reject"),
        (Answer::TakeOver { note: "I do it".to_owned() }, "take_over"),
    ];
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    for (number, (answer, kind)) in answers.into_iter().enumerate() {
        let id = agent.submit(handoff(&number.to_string())).await;
        decide_and_release(&desk, &id, answer).await;
        let told = agent.wait(&id, 0).await;
        assert_eq!(told["decision"]["kind"], kind);
        assert_eq!(told["decision"]["by"], "reviewer");
        assert_eq!(told["state"], "released");
        match kind {
            "approve" => {
                assert_eq!(told["decision"]["tool"], "files.move");
                assert_eq!(told["decision"]["args"], json!({ "paths": ["a", "b"] }));
                assert!(told["action_hash"].is_string());
            }
            "modify" => assert_eq!(told["decision"]["args"], json!({ "paths": ["a"] })),
            "inform" => {
                assert_eq!(told["decision"]["facts"], json!({ "keep": "a" }));
                assert_eq!(told["decision"]["text"], "Keep the first");
                assert!(told["action_hash"].is_null());
            }
            "reject" => {
                assert_eq!(told["decision"]["reason"], "Not today");
                assert_eq!(told["decision"]["then"], "skip");
            }
            _ => assert_eq!(told["decision"]["note"], "I do it"),
        }
    }
}

#[tokio::test]
async fn the_hold_can_be_undone_and_then_nothing_was_said() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let id = agent.submit(handoff("k")).await;
    let receipt = desk.engine.decide(request(&desk, &id, approve("trash"))).await.unwrap();
    assert_eq!(receipt.state, State::Decided);
    assert_eq!(receipt.hold.unwrap().total_ms, 5000);
    assert!(agent.wait(&id, 0).await["decision"].is_null(), "held is not yet said");
    desk.clock.pass(std::time::Duration::from_millis(4900));
    desk.engine.tick().await;
    assert_eq!(desk.engine.undo(&id).await.unwrap().state, State::Ready);
    desk.clock.pass(std::time::Duration::from_mins(1));
    desk.engine.tick().await;
    assert_eq!(desk.engine.open_case(&id).unwrap().state, State::Ready);
    decide_and_release(&desk, &id, approve("keep")).await;
    assert_eq!(agent.wait(&id, 0).await["decision"]["option"], "keep");
    let late = desk.engine.undo(&id).await.expect_err("released");
    assert_eq!(late.0.code, ErrorCode::Conflict);
}

#[tokio::test]
async fn an_undo_that_is_answered_late_does_not_end_the_hold_of_the_next_answer() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let id = agent.submit(handoff("k")).await;
    decide(&desk, &id, approve("trash")).await;
    let mut undo = std::pin::pin!(desk.engine.undo(&id));
    let begun = std::future::poll_fn(|context| {
        std::task::Poll::Ready(undo.as_mut().poll(context).is_pending())
    });
    assert!(begun.await, "the undo is stored, and not yet answered");
    // At the same moment by the clock: both holds would be over together.
    decide(&desk, &id, approve("keep")).await;
    undo.await.unwrap();
    desk.clock.pass(std::time::Duration::from_secs(5));
    desk.engine.tick().await;
    assert_eq!(agent.wait(&id, 0).await["decision"]["option"], "keep");
}

#[tokio::test]
async fn the_deadline_stands_still_while_decided() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let id = agent.submit(handoff("k")).await;
    let before = desk.engine.open_case(&id).unwrap().deadline.respond_by;
    decide(&desk, &id, approve("keep")).await;
    desk.clock.pass(std::time::Duration::from_secs(4));
    desk.engine.undo(&id).await.unwrap();
    let after = desk.engine.open_case(&id).unwrap().deadline.respond_by;
    assert_eq!((after - before).num_seconds(), 4);
}

#[tokio::test]
async fn the_first_decision_wins_and_the_same_again_is_answered_the_same() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let id = agent.submit(handoff("k")).await;
    let first = request(&desk, &id, approve("keep"));
    let other = request(&desk, &id, approve("trash"));
    desk.engine.decide(first.clone()).await.unwrap();
    desk.clock.pass(std::time::Duration::from_secs(1));
    assert_eq!(desk.engine.decide(first).await.unwrap().state, State::Decided);
    let lost = desk.engine.decide(other).await.expect_err("too late").0;
    assert_eq!(lost.code, ErrorCode::Conflict);
    assert_eq!(lost.winner.unwrap().option.as_deref(), Some("keep"));
    assert!(lost.message.contains("keep"), "{}", lost.message);
}

#[tokio::test]
async fn what_cannot_be_taken_back_needs_its_consequence_confirmed() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let id = agent.submit(handoff("k")).await;
    let mut careless = request(&desk, &id, approve("delete"));
    careless.confirmed = false;
    assert!(desk.engine.preview(&careless).unwrap().needs_confirmation);
    let refused = desk.engine.decide(careless.clone()).await.expect_err("refused");
    assert_eq!(refused.0.code, ErrorCode::Refused);
    careless.confirmed = true;
    desk.engine.decide(careless).await.unwrap();
}

#[tokio::test]
async fn only_what_was_shown_is_approved() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let id = agent.submit(handoff("k")).await;
    for hash in [None, Some("0".repeat(64))] {
        let mut blind = request(&desk, &id, approve("trash"));
        blind.shown_hash = hash;
        let refused = desk.engine.decide(blind).await.expect_err("not shown");
        assert_eq!(refused.0.code, ErrorCode::Conflict);
    }
    assert_eq!(desk.engine.open_case(&id).unwrap().state, State::Ready);
}

#[tokio::test]
async fn edited_arguments_must_fit_the_schema() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let id = agent.submit(handoff("k")).await;
    let wrong = request(&desk, &id, modify(json!(["a", "/etc/passwd"])));
    let preview = desk.engine.preview(&wrong).unwrap();
    assert_eq!(preview.faults.len(), 1);
    assert_eq!(preview.faults[0].pointer, "/paths/1");
    let refused = desk.engine.decide(wrong).await.expect_err("unfit");
    assert_eq!(refused.0.code, ErrorCode::InvalidParams);
    let right = request(&desk, &id, modify(json!(["b"])));
    assert!(desk.engine.preview(&right).unwrap().faults.is_empty());
    desk.engine.decide(right).await.unwrap();
}

#[tokio::test]
async fn going_against_a_constraint_takes_a_stated_reason() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let id = agent.submit(handoff("k")).await;
    let mut none = request(&desk, &id, modify(json!([])));
    let preview = desk.engine.preview(&none).unwrap();
    assert!(preview.needs_override && preview.constraints[0].holds == Some(false));
    for why in ["", "  "] {
        none.overriding = Some(Override { why: why.to_owned() });
        let refused = desk.engine.decide(none.clone()).await.expect_err("no reason");
        assert_eq!(refused.0.code, ErrorCode::Refused);
    }
    none.overriding = Some(Override { why: "Just this once".to_owned() });
    desk.engine.decide(none).await.unwrap();
    crate::agent::release(&desk).await;
    assert_eq!(agent.wait(&id, 0).await["decision"]["override"]["why"], "Just this once");
}

#[tokio::test]
async fn an_edit_that_changes_nothing_is_an_approval() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let id = agent.submit(handoff("k")).await;
    decide(&desk, &id, modify(json!(["a", "b"]))).await;
    let decision = desk.engine.open_case(&id).unwrap().decision.unwrap();
    assert_eq!(decision.kind, DecisionKind::Approve);

    let mut payload = handoff("edits");
    payload["allowed_decisions"] = json!(["modify"]);
    let id = agent.submit(payload).await;
    decide(&desk, &id, modify(json!(["a", "b"]))).await;
    let decision = desk.engine.open_case(&id).unwrap().decision.unwrap();
    assert_eq!(decision.kind, DecisionKind::Modify, "it cannot act on an approval");
}

#[tokio::test]
async fn answers_an_agent_cannot_act_on_are_refused() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let mut payload = handoff("k");
    payload["allowed_decisions"] = json!(["inform"]);
    let id = agent.submit(payload).await;
    let case = desk.engine.open_case(&id).unwrap();
    assert!(!case.allowed.approve && !case.allowed.modify && case.allowed.inform);
    let refused = desk.engine.decide(request(&desk, &id, approve("keep"))).await;
    assert_eq!(refused.expect_err("not allowed").0.code, ErrorCode::InvalidParams);
    let empty =
        Answer::Inform { text: " ".to_owned(), facts: args(json!({})), constraints: Vec::new() };
    assert!(desk.engine.decide(request(&desk, &id, empty)).await.is_err());
    let silent = Answer::Reject { reason: String::new(), then: Then::Stop };
    assert!(desk.engine.decide(request(&desk, &id, silent)).await.is_err());
}

#[tokio::test]
async fn the_plan_shows_what_each_answer_does() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let id = agent.submit(handoff("k")).await;
    let verdicts = |answer: Answer| {
        let preview = desk.engine.preview(&request(&desk, &id, answer)).unwrap();
        preview.directive.into_iter().map(|step| step.verdict).collect::<Vec<_>>()
    };
    assert_eq!(verdicts(approve("trash")), [Keep, Run, Run, Run]);
    assert_eq!(verdicts(reject(Then::Stop)), [Keep, Skip, Skip, Skip]);
    assert_eq!(verdicts(reject(Then::Skip)), [Keep, Skip, Run, Skip]);
    assert_eq!(verdicts(reject(Then::Revise)), [Keep, Blocked, Run, Blocked]);
    let free: Vec<bool> =
        desk.engine.open_case(&id).unwrap().plan.iter().map(|step| step.free).collect();
    assert_eq!(free, [false, false, true, false], "the index goes on meanwhile");
}

#[tokio::test]
async fn words_for_the_end_user_travel_with_the_decision() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let id = agent.submit(handoff("k")).await;
    let mut kind = request(&desk, &id, approve("keep"));
    kind.message = Some(EndUserMessage { text: "I have read your conversation.".to_owned() });
    desk.engine.decide(kind).await.unwrap();
    crate::agent::release(&desk).await;
    let told = agent.wait(&id, 0).await;
    assert_eq!(told["decision"]["message"]["text"], "I have read your conversation.");
}
