use std::time::Duration;

use handoff_domain::action::Effect;
use handoff_domain::decision::Then;
use handoff_domain::lifecycle::{Flag, State};
use handoff_protocol::view::{List, Liveness, QueueQuery};
use handoff_protocol::wire::ErrorCode;
use handoff_testkit::Headless;
use serde_json::{Value, json};

use crate::agent::{
    Agent, approve, code, decide, decide_and_release, handoff, reject, release, until,
};

async fn released(option: &str) -> (Headless, Agent, String) {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let id = agent.submit(handoff("k")).await;
    decide_and_release(&desk, &id, approve(option)).await;
    (desk, agent, id)
}

async fn two_clients() -> (Headless, Agent, Agent, String) {
    let desk = Headless::new().await.unwrap();
    let one = Agent::connect(&desk.engine);
    let welcome = one.call("agent.hello", json!({ "name": "tidy" })).await.unwrap();
    let two = Agent::connect(&desk.engine);
    two.call("agent.hello", json!({ "name": "tidy", "token": welcome["token"] })).await.unwrap();
    let id = one.submit(handoff("k")).await;
    (desk, one, two, id)
}

#[tokio::test]
async fn a_listening_agent_has_the_decision_the_moment_it_is_released() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let id = agent.submit(handoff("k")).await;
    let waiting = agent.listen(&desk, &id).await;
    assert_eq!(desk.engine.open_case(&id).unwrap().liveness, Liveness::Listening);
    decide(&desk, &id, approve("trash")).await;
    assert!(!waiting.is_finished(), "held is not released");
    release(&desk).await;
    let told = waiting.await.unwrap().unwrap();
    assert_eq!((&told["act"], &told["decision"]["option"]), (&json!(true), &json!("trash")));

    let lease = told["lease"]["id"].clone();
    agent.call("agent.ack", json!({ "id": lease })).await.unwrap();
    let case = desk.engine.open_case(&id).unwrap();
    assert_eq!(case.state, State::Collected);
    assert!(matches!(case.liveness, Liveness::Collected { .. }));
    let report = json!({ "id": id, "report": { "outcome": "applied" } });
    let standing = agent.call("handoff.reconcile", report).await.unwrap();
    assert_eq!(standing["state"], "reconciled");
}

/// The other proposal may come between the look at the decision and its offer:
/// which of the two is first is up to the threads, so it is tried often.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wait_that_meets_another_proposal_waits_for_the_answer_to_that() {
    let (desk, one, two, id) = two_clients().await;
    let mut waits = Vec::new();
    for round in 1..100 {
        decide_and_release(&desk, &id, reject(Then::Revise)).await;
        let mut other = handoff("k");
        other["summary"] = json!(format!("Proposal {round}."));
        #[expect(clippy::async_yields_async, reason = "it is started now and waited for later")]
        let waiting = async {
            // So many readings later.
            for _ in 0..round % 20 {
                one.get(&id).await;
            }
            one.listen(&desk, &id).await
        };
        let params = json!({ "id": id, "handoff": other });
        let (revised, wait) = tokio::join!(two.call("handoff.revise", params), waiting);
        assert_eq!(revised.unwrap()["revision"], round + 1);
        waits.push(wait);
    }
    decide_and_release(&desk, &id, approve("keep")).await;
    for wait in waits {
        let told = wait.await.unwrap().unwrap();
        assert!(!told["decision"].is_null(), "it has ended with nothing: {told}");
    }
}

#[tokio::test]
async fn one_acts_and_everyone_can_read() {
    let (desk, one, two, id) = two_clients().await;
    decide_and_release(&desk, &id, approve("delete")).await;
    let first = one.wait(&id, 0).await;
    let later = two.wait(&id, 0).await;
    assert_eq!((&first["act"], &later["act"]), (&json!(true), &json!(false)));
    assert_eq!(first["decision"], later["decision"]);
    one.call("agent.ack", json!({ "id": first["lease"]["id"] })).await.unwrap();
    assert_eq!(one.wait(&id, 0).await["act"], false, "a later reading does not act again");
    let foreign = two.call("agent.ack", json!({ "id": first["lease"]["id"] })).await;
    assert_eq!(code(foreign), ErrorCode::Conflict, "a lease is its holder's");
}

#[tokio::test]
async fn an_acknowledgement_counts_on_a_later_connection_of_the_same_agent() {
    let (desk, one, two, id) = two_clients().await;
    decide_and_release(&desk, &id, approve("delete")).await;
    let lease = one.wait(&id, 0).await["lease"]["id"].clone();
    one.call("agent.ack", json!({ "id": lease })).await.unwrap();
    // The answer to it was lost with the connection.
    one.hang_up();
    two.call("agent.ack", json!({ "id": lease })).await.unwrap();
    assert_eq!(desk.engine.open_case(&id).unwrap().state, State::Collected);
    for _ in 0..4 {
        desk.clock.sleep(Duration::from_mins(8));
        desk.engine.tick().await;
    }
    assert!(!desk.engine.open_case(&id).unwrap().may_have_run, "it is renewed for the new holder");
    let stranger = Agent::named(&desk.engine, "other").await;
    for (who, what) in [(&stranger, &lease), (&two, &json!("no-such-lease"))] {
        let refused = who.call("agent.ack", json!({ "id": what })).await;
        assert_eq!(code(refused), ErrorCode::Conflict);
    }
}

#[tokio::test]
async fn a_sleep_takes_no_lease_from_a_holder_who_is_still_there() {
    for regranted in [false, true] {
        let (desk, one, two, id) = two_clients().await;
        // What may run twice: a lease on it that lapses goes to the next.
        decide_and_release(&desk, &id, approve("keep")).await;
        let told = one.wait(&id, 0).await;
        one.call("agent.ack", json!({ "id": told["lease"]["id"] })).await.unwrap();
        // Nobody could renew it, and nobody has looked at the clocks since.
        desk.clock.sleep(Duration::from_hours(1));
        if regranted {
            let refused = desk.engine.regrant(&id).await;
            assert!(refused.is_err(), "its holder is there: {refused:?}");
        }
        assert_eq!(two.wait(&id, 0).await["act"], false, "two would act");
    }
}

#[tokio::test]
async fn a_sleep_counts_for_the_lease_of_a_holder_who_is_gone() {
    for (option, act) in [("keep", true), ("delete", false)] {
        let (desk, one, two, id) = two_clients().await;
        decide_and_release(&desk, &id, approve(option)).await;
        let told = one.wait(&id, 0).await;
        one.call("agent.ack", json!({ "id": told["lease"]["id"] })).await.unwrap();
        one.hang_up();
        desk.clock.sleep(Duration::from_mins(11));
        desk.engine.tick().await;
        assert_eq!(two.wait(&id, 0).await["act"], act, "{option}");
        let may_have_run = desk.engine.open_case(&id).unwrap().may_have_run;
        assert_eq!(may_have_run, !act, "what cannot be taken back is the reviewer's");
    }
}

#[tokio::test]
async fn an_offer_that_was_never_acknowledged_goes_to_the_next() {
    let (desk, one, two, id) = two_clients().await;
    decide_and_release(&desk, &id, approve("delete")).await;
    assert_eq!(one.wait(&id, 0).await["act"], true);
    let mut changes = desk.engine.follow();
    one.hang_up();
    changes.recv().await.expect("freed");
    assert_eq!(two.wait(&id, 0).await["act"], true);
}

#[tokio::test]
async fn a_lapsed_lease_on_what_cannot_be_taken_back_is_the_reviewers() {
    let (desk, one, two, id) = two_clients().await;
    decide_and_release(&desk, &id, approve("delete")).await;
    let told = one.wait(&id, 0).await;
    one.call("agent.ack", json!({ "id": told["lease"]["id"] })).await.unwrap();
    one.hang_up();
    desk.clock.pass(Duration::from_mins(11));
    assert_eq!(two.wait(&id, 0).await["act"], false);
    let case = desk.engine.open_case(&id).unwrap();
    assert!(case.may_have_run && case.allowed.regrant);
    desk.engine.regrant(&id).await.unwrap();
    assert_eq!(two.wait(&id, 0).await["act"], true);
}

#[tokio::test]
async fn what_an_option_declares_counts_though_it_names_no_action() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let mut bare = handoff("k");
    for option in bare["options"].as_array_mut().unwrap() {
        option.as_object_mut().unwrap().remove("action");
    }
    let id = agent.submit(bare).await;
    let query = QueueQuery { list: List::Inbox, search: String::new(), limit: 10 };
    let queue = desk.engine.queue(query).await.unwrap();
    assert_eq!(queue.items[0].effect, Some(Effect::Irreversible));
    decide_and_release(&desk, &id, approve("delete")).await;
    let told = agent.wait(&id, 0).await;
    agent.call("agent.ack", json!({ "id": told["lease"]["id"] })).await.unwrap();
    desk.clock.pass(Duration::from_mins(11));
    assert!(desk.engine.open_case(&id).unwrap().may_have_run, "the agent may have done it");
}

#[tokio::test]
async fn a_lapsed_lease_on_what_can_be_taken_back_goes_to_the_next() {
    let (desk, one, two, id) = two_clients().await;
    decide_and_release(&desk, &id, approve("keep")).await;
    let told = one.wait(&id, 0).await;
    one.call("agent.ack", json!({ "id": told["lease"]["id"] })).await.unwrap();
    one.hang_up();
    assert_eq!(two.wait(&id, 0).await["act"], false);
    desk.clock.pass(Duration::from_mins(11));
    assert!(!desk.engine.open_case(&id).unwrap().may_have_run);
    assert_eq!(two.wait(&id, 0).await["act"], true);
}

#[tokio::test]
async fn a_lapsed_lease_on_what_nobody_knows_waits_for_the_reviewer_whatever_it_is_called() {
    let (desk, one, two, id) = two_clients().await;
    decide_and_release(&desk, &id, approve("trash")).await;
    let told = one.wait(&id, 0).await;
    one.call("agent.ack", json!({ "id": told["lease"]["id"] })).await.unwrap();
    one.hang_up();
    desk.clock.pass(Duration::from_mins(11));
    assert!(desk.engine.open_case(&id).unwrap().may_have_run);
    assert_eq!(two.wait(&id, 0).await["act"], false);
}

#[tokio::test]
async fn a_decision_can_be_read_for_ever() {
    let (desk, agent, id) = released("trash").await;
    let first = agent.wait(&id, 0).await;
    agent.call("agent.ack", json!({ "id": first["lease"]["id"] })).await.unwrap();
    let report = json!({ "id": id, "report": { "outcome": "applied" } });
    agent.call("handoff.reconcile", report.clone()).await.unwrap();
    desk.clock.pass(Duration::from_hours(24 * 365));
    let last = agent.wait(&id, 0).await;
    assert_eq!(last["decision"], first["decision"]);
    assert_eq!(last["act"], false);
    agent.call("handoff.reconcile", report).await.expect("the same report again is fine");
    let other = json!({ "id": id, "report": { "outcome": "diverged", "why": "x" } });
    assert_eq!(code(agent.call("handoff.reconcile", other).await), ErrorCode::Conflict);
}

#[tokio::test]
async fn a_report_that_diverges_is_flagged() {
    let (desk, agent, id) = released("trash").await;
    let report = json!({ "outcome": "applied", "steps": [
        { "id": "delete", "outcome": "diverged", "why": "One file had changed." } ] });
    agent.call("handoff.reconcile", json!({ "id": id, "report": report })).await.unwrap();
    let case = desk.engine.open_case(&id).unwrap();
    assert!(case.flags.contains(&Flag::Diverged));
    assert_eq!(case.report.unwrap().steps[0].why.as_deref(), Some("One file had changed."));
}

#[tokio::test]
async fn reports_belong_to_released_decisions() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let id = agent.submit(handoff("k")).await;
    let report = json!({ "id": id, "report": { "outcome": "applied" } });
    assert_eq!(code(agent.call("handoff.reconcile", report.clone()).await), ErrorCode::Conflict);
    decide(&desk, &id, reject(Then::Stop)).await;
    assert_eq!(code(agent.call("handoff.reconcile", report).await), ErrorCode::Conflict);
}

#[tokio::test]
async fn waiting_ends_when_the_handoff_does() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let id = agent.submit(handoff("k")).await;
    let waiting = agent.listen(&desk, &id).await;
    agent.call("handoff.withdraw", json!({ "id": id })).await.unwrap();
    let told = waiting.await.unwrap().unwrap();
    assert_eq!((&told["state"], &told["decision"]), (&json!("withdrawn"), &Value::Null));
}

#[tokio::test]
async fn an_agent_that_hangs_up_no_longer_listens() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let id = agent.submit(handoff("k")).await;
    let waiting = agent.listen(&desk, &id).await;
    waiting.abort();
    agent.hang_up();
    until(&desk, || {
        matches!(desk.engine.open_case(&id).unwrap().liveness, Liveness::WillCollect { .. })
    })
    .await;
    desk.clock.pass(Duration::from_hours(2));
    let liveness = desk.engine.open_case(&id).unwrap().liveness;
    assert!(matches!(liveness, Liveness::NotSeen { .. }), "{liveness:?}");
}

#[tokio::test]
async fn agents_are_told_of_changes_of_their_own_handoffs_only() {
    let desk = Headless::new().await.unwrap();
    let one = Agent::named(&desk.engine, "one").await;
    let two = Agent::named(&desk.engine, "two").await;
    let id = one.submit(handoff("k")).await;
    decide_and_release(&desk, &id, approve("keep")).await;
    let heard = one.hints.lock().unwrap().clone();
    assert!(!heard.is_empty() && heard.iter().all(|hint| hint["id"] == id.as_str()));
    assert!(two.hints.lock().unwrap().is_empty());
}

#[tokio::test]
async fn yesterdays_key_brings_yesterdays_answer_and_no_second_run() {
    let (desk, one, two, id) = two_clients().await;
    decide_and_release(&desk, &id, approve("delete")).await;
    let first = one.wait(&id, 0).await;
    one.call("agent.ack", json!({ "id": first["lease"]["id"] })).await.unwrap();
    one.hang_up();
    desk.clock.pass(Duration::from_hours(24));
    desk.engine.tick().await;
    let again = two.call("handoff.submit", json!({ "handoff": handoff("k") })).await.unwrap();
    assert_eq!((&again["id"], &again["replayed"]), (&json!(id), &json!(true)));
    let late = two.wait(&id, 0).await;
    assert_eq!((&late["act"], &late["decision"]), (&json!(false), &first["decision"]));
    assert_eq!(late["directive"], first["directive"]);
    let case = desk.engine.open_case(&id).unwrap();
    assert!(case.may_have_run && case.flags.contains(&Flag::Unreported), "{:?}", case.flags);
}
