use handoff_domain::decision::Then;
use handoff_domain::payload::TimeoutKind;
use handoff_protocol::view::{List, QueueQuery};
use handoff_protocol::wire::ErrorCode;
use handoff_testkit::Headless;
use serde_json::json;

use crate::agent::{Agent, code, decide, decide_and_release, handoff, reject, until};
use crate::alerts::set;

fn inbox() -> QueueQuery {
    QueueQuery { list: List::Inbox, search: String::new(), limit: 100 }
}

#[tokio::test]
async fn a_submit_is_on_the_desk_and_announced_once() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let answer = agent.call("handoff.submit", json!({ "handoff": handoff("k") })).await.unwrap();
    assert_eq!(answer["state"], "ready");
    assert_eq!(answer["revision"], 1);
    assert!(answer.get("replayed").is_none());
    let id = answer["id"].as_str().unwrap();

    let queue = desk.engine.queue(inbox()).await.unwrap();
    assert_eq!((queue.total, queue.counts.inbox), (1, 1));
    assert_eq!(queue.items[0].id, id);
    until(&desk, || !desk.notifier.notices().is_empty()).await;
    let notices = desk.notifier.notices();
    assert_eq!(notices.len(), 1);
    assert!(notices[0].title.contains("tidy") && notices[0].title.contains("high"), "{notices:?}");
    assert_eq!(notices[0].body, "Delete two of them?");
}

#[tokio::test]
async fn the_same_key_is_the_same_handoff() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let id = agent.submit(handoff("k")).await;
    let again = agent.call("handoff.submit", json!({ "handoff": handoff("k") })).await.unwrap();
    assert_eq!(again["id"].as_str(), Some(id.as_str()));
    assert_eq!(again["replayed"], true);

    let mut other = handoff("k");
    other["summary"] = json!("Something else.");
    let conflict = agent.call("handoff.submit", json!({ "handoff": other })).await;
    assert_eq!(code(conflict), ErrorCode::Conflict);
    assert_eq!(desk.engine.queue(inbox()).await.unwrap().total, 1);
}

#[tokio::test]
async fn what_is_left_open_of_a_deadline_is_as_the_reviewer_has_set_it() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    set(&desk, |alerts| {
        alerts.respond_within_s.high = 600;
        alerts.on_timeout.high = TimeoutKind::Escalate;
    })
    .await;
    // It names an hour, and manual review.
    let (time, outcome) = ("respond_within_s", "on_timeout");
    for (left_open, within, then) in [
        (vec![time, outcome], 600, TimeoutKind::Escalate),
        (vec![time], 600, TimeoutKind::ManualReview),
        (vec![outcome], 3600, TimeoutKind::Escalate),
        (vec![], 3600, TimeoutKind::ManualReview),
    ] {
        let key = format!("k{}", left_open.concat());
        let params = json!({ "handoff": handoff(&key), "left_open": left_open });
        let standing = agent.call("handoff.submit", params).await.unwrap();
        let case = desk.engine.open_case(standing["id"].as_str().unwrap()).unwrap();
        let deadline = case.deadline;
        let span = (deadline.respond_by - case.received_at).num_seconds();
        assert_eq!((span, deadline.on_timeout), (within, then), "{left_open:?}");
        let kept = agent.get(&case.id).await["handoff"]["deadline"].clone();
        assert_eq!(kept["respond_within_s"], json!(within), "and the agent is told");
    }
}

#[tokio::test]
async fn the_same_again_with_a_deadline_left_open_is_the_same_whatever_was_set_meanwhile() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let params = json!({ "handoff": handoff("k"), "left_open": ["respond_within_s"] });
    let first = agent.call("handoff.submit", params.clone()).await.unwrap();
    set(&desk, |alerts| alerts.respond_within_s.high = 600).await;
    let again = agent.call("handoff.submit", params.clone()).await.unwrap();
    assert_eq!((&again["id"], &again["replayed"]), (&first["id"], &json!(true)));
    let mut other = params;
    other["handoff"]["summary"] = json!("Something else.");
    assert_eq!(code(agent.call("handoff.submit", other).await), ErrorCode::Conflict);
}

#[tokio::test]
async fn a_retry_after_its_own_deadline_is_still_a_retry() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let mut payload = handoff("k");
    payload["deadline"] = json!({
        "respond_by": "2026-09-21T15:00:00Z", "on_timeout": { "kind": "manual_review" } });
    let id = agent.submit(payload.clone()).await;
    desk.clock.pass(std::time::Duration::from_hours(24));
    let again = agent.call("handoff.submit", json!({ "handoff": payload })).await.unwrap();
    assert_eq!(again["id"].as_str(), Some(id.as_str()));
    payload["key"] = json!("new");
    let late = agent.call("handoff.submit", json!({ "handoff": payload })).await;
    assert_eq!(code(late), ErrorCode::InvalidPayload);
}

#[tokio::test]
async fn every_fault_is_named_and_nothing_is_stored() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let mut payload = handoff("k");
    payload["priority"] = json!("huge");
    payload["sumary"] = json!("typo");
    let error = agent.call("handoff.submit", json!({ "handoff": payload })).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidPayload);
    let pointers: Vec<&str> = error.faults.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(pointers.len(), 2, "{error:?}");
    assert!(pointers.contains(&"/priority") && pointers.contains(&"/sumary"), "{pointers:?}");
    assert_eq!(desk.engine.queue(inbox()).await.unwrap().total, 0);
}

#[tokio::test]
async fn an_agent_sees_only_its_own() {
    let desk = Headless::new().await.unwrap();
    let one = Agent::named(&desk.engine, "one").await;
    let two = Agent::named(&desk.engine, "two").await;
    let id = one.submit(handoff("k")).await;
    for method in ["handoff.get", "handoff.wait", "handoff.withdraw"] {
        assert_eq!(code(two.call(method, json!({ "id": id })).await), ErrorCode::NotFound);
    }
    let report = json!({ "id": id, "report": { "outcome": "applied" } });
    assert_eq!(code(two.call("handoff.reconcile", report).await), ErrorCode::NotFound);
    let revise = json!({ "id": id, "handoff": handoff("k") });
    assert_eq!(code(two.call("handoff.revise", revise).await), ErrorCode::NotFound);
    assert_eq!(two.call("handoff.list", json!({})).await.unwrap()["total"], 0);
    assert_eq!(one.call("handoff.list", json!({})).await.unwrap()["total"], 1);
    let other = two.submit(handoff("k")).await;
    assert_ne!(id, other, "the same key of another agent is another handoff");
}

#[tokio::test]
async fn withdrawing_moves_it_to_the_history_and_takes_the_notice_back() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let id = agent.submit(handoff("k")).await;
    let params = json!({ "id": id, "reason": "Found it" });
    assert_eq!(agent.call("handoff.withdraw", params).await.unwrap()["state"], "withdrawn");
    assert_eq!(desk.engine.queue(inbox()).await.unwrap().counts.inbox, 0);
    assert_eq!(desk.notifier.retired(), [Some(id.clone())]);
    let case = desk.engine.open_case(&id).unwrap();
    assert_eq!(case.closed_because.as_deref(), Some("Found it"));
    let answer = desk.engine.decide(crate::agent::request(&desk, &id, reject(Then::Stop))).await;
    assert_eq!(answer.expect_err("over").0.code, ErrorCode::Conflict);
}

#[tokio::test]
async fn what_is_decided_cannot_be_withdrawn_or_revised() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let id = agent.submit(handoff("k")).await;
    decide(&desk, &id, reject(Then::Stop)).await;
    let withdrawn = agent.call("handoff.withdraw", json!({ "id": id })).await;
    assert_eq!(code(withdrawn), ErrorCode::Conflict);
    let mut other = handoff("k");
    other["summary"] = json!("Another proposal.");
    let revised = agent.call("handoff.revise", json!({ "id": id, "handoff": other })).await;
    assert_eq!(code(revised), ErrorCode::Conflict);
}

#[tokio::test]
async fn a_new_proposal_replaces_the_old_one_and_voids_answers_to_it() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let id = agent.submit(handoff("k")).await;
    let stale = crate::agent::request(&desk, &id, crate::agent::approve("keep"));
    let mut other = handoff("k");
    other["pending_question"]["text"] = json!("Delete one of them?");
    let revised =
        agent.call("handoff.revise", json!({ "id": id, "handoff": other.clone() })).await.unwrap();
    assert_eq!((&revised["revision"], &revised["state"]), (&json!(2), &json!("ready")));
    assert_eq!(desk.engine.open_case(&id).unwrap().question, "Delete one of them?");
    let refused = desk.engine.decide(stale).await.expect_err("stale");
    assert_eq!(refused.0.code, ErrorCode::Conflict);
    // Both proposals are known content; neither makes another handoff.
    for payload in [handoff("k"), other] {
        let again = agent.call("handoff.submit", json!({ "handoff": payload })).await.unwrap();
        assert_eq!((&again["replayed"], &again["revision"]), (&json!(true), &json!(2)));
    }
}

#[tokio::test]
async fn after_asking_for_another_proposal_the_same_case_is_back() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let id = agent.submit(handoff("k")).await;
    decide_and_release(&desk, &id, reject(Then::Revise)).await;
    let mut other = handoff("k");
    other["summary"] = json!("Another proposal.");
    let revised =
        agent.call("handoff.revise", json!({ "id": id, "handoff": other })).await.unwrap();
    assert_eq!((&revised["revision"], &revised["state"]), (&json!(2), &json!("ready")));
    assert!(agent.get(&id).await["decision"].is_null(), "the old answer is not the new one's");
}

#[tokio::test]
async fn superseding_closes_the_earlier_one() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let first = agent.submit(handoff("1")).await;
    let mut second = handoff("2");
    second["supersedes"] = json!(first);
    let second = agent.submit(second).await;
    assert_eq!(agent.get(&first).await["state"], "superseded");
    assert_eq!(agent.get(&second).await["state"], "ready");
    let mut third = handoff("3");
    third["supersedes"] = json!("h-unknown");
    let refused = agent.call("handoff.submit", json!({ "handoff": third })).await;
    assert_eq!(code(refused), ErrorCode::NotFound);
    assert_eq!(agent.call("handoff.list", json!({})).await.unwrap()["total"], 2);
}

#[tokio::test]
async fn a_search_finds_what_was_just_acknowledged() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let mut payload = handoff("k");
    payload["briefing"]["entities"] =
        json!([{ "kind": "person", "label": "Customer", "value": "Dana Ortiz" }]);
    let id = agent.submit(payload).await;
    agent.submit(handoff("other")).await;
    for words in ["ortiz", "dan orti", "TIDY dana"] {
        let query = QueueQuery { list: List::Done, search: words.to_owned(), limit: 10 };
        let found = desk.engine.queue(query).await.unwrap();
        assert_eq!(found.items.len(), 1, "{words}");
        assert_eq!(found.items[0].id, id);
    }
    let listed = agent.call("handoff.list", json!({ "search": "dana" })).await.unwrap();
    assert_eq!(listed["total"], 1);
}

#[tokio::test]
async fn the_queue_runs_by_what_runs_out_first() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    for (key, seconds) in [("late", 9000), ("soon", 300), ("middle", 3600)] {
        let mut payload = handoff(key);
        payload["pending_question"]["text"] = json!(key);
        payload["deadline"]["respond_within_s"] = json!(seconds);
        agent.submit(payload).await;
    }
    let queue = desk.engine.queue(inbox()).await.unwrap();
    let order: Vec<&str> = queue.items.iter().map(|item| item.question.as_str()).collect();
    assert_eq!(order, ["soon", "middle", "late"]);
}
