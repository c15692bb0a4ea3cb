//! What an agent reports and records, held against what it was told.

use std::time::Duration;

use handoff_domain::agreement::DivergenceKind;
use handoff_domain::alerts::Purpose;
use handoff_domain::decision::Then;
use handoff_domain::lifecycle::{Flag, State};
use handoff_protocol::wire::ErrorCode;
use handoff_testkit::Headless;
use serde_json::{Value, json};

use crate::agent::{Agent, approve, code, decide_and_release, reject, release, request, until};
use crate::reconcile::{amount, at_work};

fn record(id: &str, step: &str, tool: &str, input: &Value, effect: &str) -> Value {
    json!({ "task": "t", "action": { "id": id, "step": step, "tool": tool, "input": input,
        "effect": effect, "status": "done" } })
}

async fn report(agent: &Agent, id: &str, report: Value) -> Result<Value, ErrorCode> {
    let told = agent.call("handoff.reconcile", json!({ "id": id, "report": report })).await;
    told.map_err(|error| error.code)
}

fn told_of(desk: &Headless, id: &str, purpose: Purpose) -> usize {
    let of = |one: &handoff_engine::Notice| one.handoff.as_deref() == Some(id);
    desk.notifier.notices().into_iter().filter(|one| of(one) && one.purpose == purpose).count()
}

#[tokio::test]
async fn the_old_arguments_flag_the_card_and_close_nothing() {
    let (desk, agent, id) = at_work().await;
    decide_and_release(&desk, &id, amount(100.0)).await;
    let old = json!({ "charge": "ch_2", "amount": 149.0 });
    let done = record("r1", "refund", "billing.refund", &old, "irreversible");
    let answer = agent.call("action.record", done.clone()).await.unwrap();
    assert!(answer["diverged"].as_str().unwrap().contains("arguments it had proposed"), "{answer}");
    let case = desk.engine.open_case(&id).unwrap();
    assert_eq!((case.state, case.divergences[0].kind), (State::Released, DivergenceKind::OldArgs));
    assert!(case.flags.contains(&Flag::Diverged));
    until(&desk, || told_of(&desk, &id, Purpose::Diverged) == 1).await;
    agent.call("action.record", done).await.unwrap();
    report(&agent, &id, json!({ "outcome": "applied" })).await.unwrap();
    let case = desk.engine.open_case(&id).unwrap();
    assert_eq!((case.state, case.divergences.len()), (State::Reconciled, 1));
    assert!(case.flags.contains(&Flag::Diverged), "its word does not undo what it did");
    assert_eq!(told_of(&desk, &id, Purpose::Diverged), 1, "once");
}

#[tokio::test]
async fn a_skipped_step_run_and_a_kept_one_repeated_flag_the_card() {
    let (desk, agent, id) = at_work().await;
    decide_and_release(&desk, &id, reject(Then::Skip)).await;
    report(&agent, &id, json!({ "outcome": "applied" })).await.unwrap();
    let kinds = || -> Vec<DivergenceKind> {
        let case = desk.engine.open_case(&id).unwrap();
        case.divergences.iter().map(|divergence| divergence.kind).collect()
    };
    let again = record("f9", "find", "charges.list", &json!({}), "read");
    agent.call("action.record", again).await.unwrap();
    assert_eq!(kinds(), [], "to read again does no harm");
    let free = record("i1", "index", "index.write", &json!({}), "reversible");
    agent.call("action.record", free).await.unwrap();
    assert_eq!(kinds(), [], "it was told to go on with that");
    let skipped = record("m1", "mail", "mail.send", &json!({}), "irreversible");
    let answer = agent.call("action.record", skipped).await.unwrap();
    assert!(answer["diverged"].as_str().unwrap().contains("left out"), "{answer}");
    let kept = record("t9", "tag", "case.tag", &json!({ "tag": "x" }), "reversible");
    agent.call("action.record", kept).await.unwrap();
    assert_eq!(kinds(), [DivergenceKind::SkippedRun, DivergenceKind::KeptRepeated]);
    until(&desk, || told_of(&desk, &id, Purpose::Diverged) == 1).await;
}

#[tokio::test]
async fn no_report_in_time_is_said_once() {
    let (desk, agent, id) = at_work().await;
    decide_and_release(&desk, &id, approve("refund")).await;
    let lease = agent.wait(&id, 0).await["lease"]["id"].clone();
    desk.clock.pass(Duration::from_hours(2));
    desk.engine.tick().await;
    assert!(
        !desk.engine.open_case(&id).unwrap().flags.contains(&Flag::Unreported),
        "nobody has it"
    );
    agent.call("agent.ack", json!({ "id": lease })).await.unwrap();
    assert!(desk.engine.open_case(&id).unwrap().report_by.is_some());
    desk.clock.pass(Duration::from_mins(29));
    desk.engine.tick().await;
    assert_eq!(told_of(&desk, &id, Purpose::Unreported), 0);
    desk.clock.pass(Duration::from_mins(2));
    desk.engine.tick().await;
    let case = desk.engine.open_case(&id).unwrap();
    assert!(case.flags.contains(&Flag::Unreported) && case.report_by.is_none(), "{:?}", case.flags);
    until(&desk, || told_of(&desk, &id, Purpose::Unreported) == 1).await;
    desk.clock.pass(Duration::from_hours(9));
    desk.engine.tick().await;
    report(&agent, &id, json!({ "outcome": "applied" })).await.unwrap();
    assert_eq!(told_of(&desk, &id, Purpose::Unreported), 1);
    assert_eq!(desk.notifier.retired().last(), Some(&Some(id.clone())), "that is over");
    let case = desk.engine.open_case(&id).unwrap();
    assert_eq!((case.state, case.flags.contains(&Flag::Unreported)), (State::Reconciled, false));
}

#[tokio::test]
async fn a_call_that_was_let_run_is_to_be_reported_on_though_nobody_collected() {
    let (desk, agent, id) = at_work().await;
    decide_and_release(&desk, &id, approve("refund")).await;
    let check = json!({ "task": "t", "tool": "billing.refund", "key": "c",
        "args": { "charge": "ch_2", "amount": 149.0 } });
    assert_eq!(agent.call("action.check", check).await.unwrap()["verdict"], "run");
    assert_eq!(desk.engine.open_case(&id).unwrap().state, State::Released);
    desk.clock.pass(Duration::from_mins(29));
    desk.engine.tick().await;
    assert_eq!(told_of(&desk, &id, Purpose::Unreported), 0);
    desk.clock.pass(Duration::from_mins(2));
    desk.engine.tick().await;
    assert!(desk.engine.open_case(&id).unwrap().flags.contains(&Flag::Unreported));
    until(&desk, || told_of(&desk, &id, Purpose::Unreported) == 1).await;
    let done = json!({ "charge": "ch_2", "amount": 149.0 });
    let done = record("r1", "refund", "billing.refund", &done, "irreversible");
    agent.call("action.record", done).await.unwrap();
    let case = desk.engine.open_case(&id).unwrap();
    assert_eq!((case.state, case.flags.contains(&Flag::Unreported)), (State::Reconciled, false));
}

#[tokio::test]
async fn a_sleeping_machine_and_a_setting_of_none_leave_the_agent_its_time() {
    let (desk, agent, id) = at_work().await;
    decide_and_release(&desk, &id, approve("refund")).await;
    let lease = agent.wait(&id, 0).await["lease"]["id"].clone();
    agent.call("agent.ack", json!({ "id": lease })).await.unwrap();
    desk.clock.sleep(Duration::from_hours(8));
    desk.engine.tick().await;
    assert!(!desk.engine.open_case(&id).unwrap().flags.contains(&Flag::Unreported));
    desk.clock.pass(Duration::from_mins(6));
    desk.engine.tick().await;
    assert!(desk.engine.open_case(&id).unwrap().flags.contains(&Flag::Unreported));
    let mut settings = desk.engine.settings();
    settings.report_within_s = 0;
    desk.engine.save_settings(settings.clone()).await.unwrap();
    let second = agent.submit(crate::reconcile::refund("k2")).await;
    decide_and_release(&desk, &second, approve("refund")).await;
    let lease = agent.wait(&second, 0).await["lease"]["id"].clone();
    agent.call("agent.ack", json!({ "id": lease })).await.unwrap();
    assert_eq!(desk.engine.open_case(&second).unwrap().report_by, None);
    settings.report_within_s = u32::MAX;
    assert!(desk.engine.save_settings(settings).await.is_err());
}

#[tokio::test]
async fn a_report_of_an_unknown_step_is_refused_whole() {
    let (desk, agent, id) = at_work().await;
    decide_and_release(&desk, &id, approve("refund")).await;
    let said = json!({ "outcome": "applied", "steps": [
        { "id": "refund", "outcome": "applied" }, { "id": "refnd", "outcome": "applied" } ] });
    let params = json!({ "id": id, "report": said });
    let error = agent.call("handoff.reconcile", params).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidPayload);
    assert_eq!(error.faults[0].pointer, "/steps/1/id");
    assert!(error.faults[0].hint.contains("`refund`"), "{error:?}");
    assert_eq!(agent.get(&id).await["state"], "released", "nothing was changed");
    let mut plan = crate::reconcile::refund("x")["plan"].clone();
    plan["steps"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "id": "refnd", "title": "R", "status": "done" }));
    agent.call("task.plan", json!({ "task": "t", "plan": plan, "revision": 1 })).await.unwrap();
    report(
        &agent,
        &id,
        json!({ "outcome": "applied", "steps": [
        { "id": "refnd", "outcome": "applied" } ] }),
    )
    .await
    .expect("it came into the plan since");
}

#[tokio::test]
async fn a_precondition_that_does_not_hold_asks_the_reviewer_again() {
    let (desk, agent, id) = at_work().await;
    until(&desk, || told_of(&desk, &id, Purpose::Ready) == 1).await;
    decide_and_release(&desk, &id, approve("refund")).await;
    let lease = agent.wait(&id, 0).await["lease"]["id"].clone();
    agent.call("agent.ack", json!({ "id": lease })).await.unwrap();
    let unmet = |charge: &str, found: &str| {
        json!({ "outcome": "diverged", "unmet": [
            { "tool": "charges.get", "args": { "charge": charge }, "found": found } ] })
    };
    for wrong in [
        unmet("ch_1", "refunded"),
        unmet("ch_2", "captured"),
        json!({ "outcome": "applied", "unmet": unmet("ch_2", "refunded")["unmet"] }),
    ] {
        assert_eq!(report(&agent, &id, wrong).await, Err(ErrorCode::InvalidPayload));
        assert_eq!(agent.get(&id).await["state"], "collected");
    }
    let check = |key: &str| {
        json!({ "task": "t", "tool": "billing.refund", "key": key,
            "args": { "charge": "ch_2", "amount": 149.0 } })
    };
    let ran = agent.call("action.check", check("first")).await.unwrap();
    assert_eq!(ran["verdict"], "run", "by the permit");
    let asked = report(&agent, &id, unmet("ch_2", "refunded")).await.unwrap();
    assert_eq!((&asked["state"], &asked["revision"]), (&json!("ready"), &json!(2)));
    let case = desk.engine.open_case(&id).unwrap();
    assert_eq!(
        (&case.changed[0].expect, &case.changed[0].found),
        (&json!("captured"), &json!("refunded"))
    );
    until(&desk, || told_of(&desk, &id, Purpose::Ready) == 2).await;
    let again = report(&agent, &id, unmet("ch_2", "refunded")).await.unwrap();
    assert_eq!(again["revision"], 2, "said twice, asked once");
    for key in ["first", "second"] {
        let held = agent.call("action.check", check(key)).await.unwrap();
        assert_eq!(held["verdict"], "held", "{key}: the permit is void");
    }
    let mut late = request(&desk, &id, approve("refund"));
    late.revision = 1;
    assert_eq!(desk.engine.decide(late).await.unwrap_err().0.code, ErrorCode::Conflict);
    desk.engine.decide(request(&desk, &id, approve("refund"))).await.unwrap();
    release(&desk).await;
    assert_eq!(agent.wait(&id, 0).await["act"], true, "the new answer has a lease of its own");
    let ran = agent.call("action.check", check("third")).await.unwrap();
    assert_eq!(ran["verdict"], "run", "and a permit of its own");
    assert_eq!(
        code(
            agent
                .call(
                    "handoff.reconcile",
                    json!({ "id": "none", "report": { "outcome": "applied" } })
                )
                .await
        ),
        ErrorCode::NotFound
    );
}

/// A question about moving at a step of a task in which the gate is used, too.
async fn asks_to_move(agent: &Agent, key: &str) -> String {
    let mut asked = crate::agent::handoff(key);
    asked["options"][1]["action"] =
        json!({ "tool": "files.move", "args": { "from": "x", "to": "y" } });
    agent.submit(asked).await
}

fn a_move(key: &str, from: &str, to: &str) -> Value {
    json!({ "task": "t", "tool": "files.move", "key": key, "step": "delete",
        "effect": "reversible", "args": { "from": from, "to": to },
        "undo": { "kind": "tool", "tool": "files.move", "args": { "from": to, "to": from } } })
}

#[tokio::test]
async fn what_the_gate_has_let_run_by_itself_is_no_other_call_than_was_decided() {
    let (desk, agent) = crate::gate::desk().await;
    crate::gate::set(&desk, handoff_domain::autonomy::Level::Execute).await;
    let id = asks_to_move(&agent, "k").await;
    decide_and_release(&desk, &id, approve("trash")).await;
    let ran = agent.call("action.check", a_move("c1", "a", "b")).await.unwrap();
    assert_eq!(ran["verdict"], "run", "{ran}");
    let args = |from: &str, to: &str| json!({ "from": from, "to": to });
    let done = record("m1", "delete", "files.move", &args("a", "b"), "reversible");
    let answer = agent.call("action.record", done).await.unwrap();
    assert_eq!(answer.get("diverged"), None, "{answer}");
    let never = record("m2", "delete", "files.move", &args("c", "d"), "reversible");
    let answer = agent.call("action.record", never).await.unwrap();
    assert!(answer["diverged"].is_string(), "nobody let that one run: {answer}");
    report(&agent, &id, json!({ "outcome": "applied" })).await.unwrap();
    let case = desk.engine.open_case(&id).unwrap();
    let by: Vec<Option<&str>> = case.divergences.iter().map(|one| one.action.as_deref()).collect();
    assert_eq!(by, [Some("m2")]);
}

#[tokio::test]
async fn an_answer_whose_permit_the_gate_used_still_says_what_becomes_of_each_step() {
    let (desk, agent) = crate::gate::desk().await;
    crate::gate::set(&desk, handoff_domain::autonomy::Level::Execute).await;
    let id = asks_to_move(&agent, "k").await;
    decide_and_release(&desk, &id, approve("trash")).await;
    let ran = agent.call("action.check", a_move("c1", "x", "y")).await.unwrap();
    assert_eq!((&ran["verdict"], &ran["handoff_id"]), (&json!("run"), &json!(id)));
    let kept = record("s2", "scan", "files.move", &json!({ "from": "q" }), "reversible");
    let answer = agent.call("action.record", kept).await.unwrap();
    assert!(answer["diverged"].as_str().is_some_and(|why| why.contains("stays")), "{answer}");
    assert!(desk.engine.open_case(&id).unwrap().asked.is_none(), "the gate did not ask it");
}

#[tokio::test]
async fn an_unknown_step_is_refused_in_a_report_on_any_handoff() {
    let (desk, agent, id) = at_work().await;
    decide_and_release(&desk, &id, approve("refund")).await;
    let mut other = crate::reconcile::refund("k2");
    other["pending_question"]["step"] = json!("index");
    let last = agent.submit(other).await;
    decide_and_release(&desk, &last, approve("refund")).await;
    let said = json!({ "outcome": "applied", "steps": [{ "id": "refnd", "outcome": "applied" }] });
    let params = json!({ "id": id, "report": said });
    let error = agent.call("handoff.reconcile", params).await.unwrap_err();
    assert_eq!(error.faults[0].pointer, "/steps/0/id", "{error:?}");
    let said = json!({ "outcome": "applied", "steps": [{ "id": "refund", "outcome": "applied" }] });
    report(&agent, &id, said).await.expect("a step of the plan");
}

#[tokio::test]
async fn what_was_told_before_a_rollback_is_not_held_against_what_comes_after() {
    let (desk, agent) = crate::gate::desk().await;
    let id = asks_to_move(&agent, "k").await;
    let undo = json!({ "kind": "tool", "tool": "files.move", "args": { "from": "b" } });
    let mut first = record("m1", "scan", "files.move", &json!({ "from": "a" }), "reversible");
    first["action"]["undo"] = undo;
    agent.call("action.record", first).await.unwrap();
    decide_and_release(&desk, &id, approve("keep")).await;
    crate::rollback::roll_back(&desk, crate::rollback::actions(&["m1"])).await;
    let told = agent.call("agent.next", json!({ "wait_s": 20 })).await.unwrap();
    let ack = json!({ "id": told["items"][0]["id"], "result": { "outcome": "undone" } });
    agent.call("agent.ack", ack).await.expect("undone");
    crate::rollback::until(&desk, |view| view.over).await;
    let again = record("m2", "scan", "files.move", &json!({ "from": "c" }), "reversible");
    let answer = agent.call("action.record", again).await.unwrap();
    let why = answer["diverged"].as_str().unwrap_or_default();
    assert!(!why.contains("is done and stays"), "it was taken back since: {answer}");
}
