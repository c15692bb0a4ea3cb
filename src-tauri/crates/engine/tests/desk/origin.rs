//! Rules that the window only names: the desk makes them itself.

use handoff_protocol::view::RuleFrom;
use handoff_protocol::wire::ErrorCode;
use serde_json::json;

use crate::agent::{approve, decide_and_release, handoff};
use crate::gate::{a_delete, a_move, ask, desk};

#[tokio::test]
async fn the_rule_of_a_card_is_kept_tried_and_made_again_with_what_is_left_of_it() {
    let (desk, agent) = desk().await;
    let engine = &desk.engine;
    let id = ask(&agent, a_move("k1")).await["handoff_id"].as_str().unwrap().to_owned();
    let from = RuleFrom::Card { id: id.clone(), days: 7, uses: Some(2) };
    let tried = engine.replay_from(&from).unwrap();
    assert_eq!((tried.checks, tried.let_through.count), (1, 1));
    assert!(engine.rules().unwrap().is_empty(), "a trial keeps nothing");

    let kept = engine.add_rule_from(from).await.unwrap();
    let offered = engine.rule_from(&id, 7, Some(2)).unwrap().rule;
    let row = engine.rules().unwrap().remove(0);
    assert_eq!((row.id, &row.rule.when), (kept, &offered.when));
    agent.call("handoff.withdraw", json!({ "id": id })).await.unwrap();
    assert_eq!(ask(&agent, a_move("k2")).await["verdict"], "run");

    let again = RuleFrom::TakenBack { id: kept };
    let refused = engine.add_rule_from(again.clone()).await.unwrap_err();
    assert_eq!(refused.0.code, ErrorCode::Conflict, "it is in force: {refused:?}");
    engine.revoke_rule(kept).await.unwrap();
    engine.add_rule_from(again).await.unwrap();
    let row = engine.rules().unwrap().remove(0);
    assert_eq!(row.rule.uses, Some(1), "what was used up stays used up");
}

#[tokio::test]
async fn no_rule_comes_from_a_card_that_nothing_may_allow_nor_from_nowhere() {
    let (desk, agent) = desk().await;
    let engine = &desk.engine;
    let id = ask(&agent, a_delete("k1")).await["handoff_id"].as_str().unwrap().to_owned();
    let handed = agent.submit(handoff("k2")).await;
    for (from, code) in [
        (RuleFrom::Card { id, days: 7, uses: None }, ErrorCode::Refused),
        (RuleFrom::Card { id: handed, days: 7, uses: None }, ErrorCode::NotFound),
        (RuleFrom::Suggestion { id: "none".to_owned() }, ErrorCode::Conflict),
        (RuleFrom::TakenBack { id: 7 }, ErrorCode::Conflict),
    ] {
        let failure = engine.replay_from(&from).unwrap_err();
        assert_eq!(failure.0.code, code, "{from:?}: {failure:?}");
        assert!(!failure.0.hint.is_empty());
        assert_eq!(engine.add_rule_from(from).await.unwrap_err(), failure);
    }
    assert!(engine.rules().unwrap().is_empty());
}

#[tokio::test]
async fn the_question_about_a_call_is_not_its_agents_to_write() {
    let (desk, agent) = desk().await;
    let asked = ask(&agent, a_move("k1")).await;
    let id = asked["handoff_id"].as_str().unwrap();
    let shown = agent.call("handoff.get", json!({ "id": id })).await.unwrap();
    let other = handoff(shown["key"].as_str().unwrap());
    let revised = agent.call("handoff.revise", json!({ "id": id, "handoff": other })).await;
    let error = revised.expect_err("refused");
    assert!(error.message.contains("the desk's own question"), "{error:?}");
    assert_eq!(desk.engine.open_case(id).unwrap().revision, 1);

    // Nor is it there before the call is asked for.
    let (desk, agent) = crate::gate::desk().await;
    let submitted = agent.call("handoff.submit", json!({ "handoff": other })).await;
    let error = submitted.expect_err("refused");
    assert!(error.message.contains("the desk's own question"), "{error:?}");
    let asked = ask(&agent, a_move("k1")).await;
    let case = desk.engine.open_case(asked["handoff_id"].as_str().unwrap()).unwrap();
    assert!(case.question.starts_with("May it call files.move"), "{}", case.question);
}

#[tokio::test]
async fn a_suggestion_keeps_its_name_while_the_record_grows_and_is_kept_by_it() {
    let (desk, agent) = desk().await;
    let engine = &desk.engine;
    let mut names = Vec::new();
    for number in 0..12 {
        let mut check = a_move(&format!("k{number}"));
        check["task"]["id"] = json!(format!("t{number}"));
        let id = ask(&agent, check).await["handoff_id"].as_str().unwrap().to_owned();
        decide_and_release(&desk, &id, approve("run")).await;
        names.extend(engine.insights().unwrap().suggestions.into_iter().map(|one| one.id));
    }
    assert_eq!(names.len(), 3, "from the tenth approval on: {names:?}");
    assert!(names.iter().all(|name| *name == names[0]), "{names:?}");
    engine.add_rule_from(RuleFrom::Suggestion { id: names[0].clone() }).await.unwrap();
    assert!(engine.insights().unwrap().suggestions.is_empty(), "there is a rule now");
}

#[tokio::test]
async fn the_status_says_who_calls_and_whether_all_are_paused() {
    let (desk, agent) = desk().await;
    let status = || desk.engine.status(String::new(), String::new()).unwrap();
    let agents = || desk.engine.agents().unwrap();
    let calling =
        || agents().agents.iter().filter(|one| one.waiting > 0 || one.lowered.is_some()).count();
    assert_eq!((status().calling, calling()), (0, 0));
    let tools = json!({ "tools": [{ "name": "files.list", "effect": "read", "description": "Now it writes." }] });
    agent.call("agent.tools", tools).await.unwrap();
    assert_eq!((status().calling, calling()), (1, 1), "a tool has changed");
    assert!(!status().paused);
    let pause = |paused| handoff_protocol::view::Pause { agent: None, task: None, paused };
    desk.engine.pause(pause(true)).await.unwrap();
    assert!(status().paused && desk.engine.is_paused().unwrap());
    desk.engine.pause(pause(false)).await.unwrap();
    assert!(!status().paused);
}
