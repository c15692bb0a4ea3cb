use handoff_domain::autonomy::Level;
use handoff_domain::decision::Then;
use handoff_protocol::view::SetLevel;
use handoff_protocol::wire::ErrorCode;
use serde_json::{Value, json};

use crate::agent::{Agent, approve, decide, decide_and_release, handoff, reject, release, until};
use crate::gate::{AGENT, a_delete, a_move, action, ask, desk, set, task};

#[tokio::test]
async fn what_is_recorded_as_decided_closes_the_handoff() {
    let (desk, agent) = desk().await;
    let id = ask(&agent, a_delete("k1")).await["handoff_id"].as_str().unwrap().to_owned();
    decide_and_release(&desk, &id, approve("run")).await;
    assert_eq!(ask(&agent, a_delete("k1")).await["verdict"], "run");
    let done = action("a1", "files.delete", &json!({ "path": "a" }), "irreversible");
    let recorded = agent.call("action.record", done.clone()).await.unwrap();
    assert_eq!(recorded["reconciled"], json!(id));
    assert_eq!(agent.get(&id).await["state"], "reconciled");
    assert_eq!(agent.call("action.record", done).await.unwrap()["replayed"], json!(true));
}

#[tokio::test]
async fn a_record_whose_clock_is_out_of_order_is_refused() {
    let (_desk, agent) = desk().await;
    agent.call("task.open", json!({ "task": task() })).await.unwrap();
    let now = "2026-09-21T14:13:20Z";
    let timed = |id: &str, started: Option<&str>, ended: Option<&str>| {
        let mut done = action(id, "files.list", &json!({}), "read");
        for (name, at) in [("started_at", started), ("ended_at", ended)] {
            if let Some(at) = at {
                done["action"][name] = json!(at);
            }
        }
        agent.call("action.record", done)
    };
    let (before, ahead, far) =
        ("2026-09-21T14:00:00Z", "2026-09-22T10:00:00Z", "2026-09-23T14:13:20Z");
    for (id, started, ended) in
        [("b1", Some(now), Some(before)), ("b2", Some(far), None), ("b3", None, Some(far))]
    {
        let refused = timed(id, started, ended).await.expect_err("out of order");
        assert_eq!(refused.code, ErrorCode::InvalidParams);
        assert!(refused.message.contains("2026-09-2"), "{}", refused.message);
    }
    for (id, started, ended) in
        [("g1", Some(before), Some(before)), ("g2", Some(now), Some(ahead)), ("g3", None, None)]
    {
        timed(id, started, ended).await.expect("in order");
    }
}

#[tokio::test]
async fn a_record_of_something_else_is_a_divergence_and_lowers_the_agent() {
    let (desk, agent) = desk().await;
    set(&desk, Level::Execute).await;
    let task_level = SetLevel {
        agent: AGENT.to_owned(),
        task: Some("t".to_owned()),
        level: Some(Level::Execute),
        minutes: None,
    };
    desk.engine.set_level(task_level).await.unwrap();
    let id = ask(&agent, a_delete("k1")).await["handoff_id"].as_str().unwrap().to_owned();
    decide_and_release(&desk, &id, approve("run")).await;
    let mut other = action("a1", "files.delete", &json!({ "path": "z" }), "irreversible");
    other["action"]["handoff"] = json!(id);
    let recorded = agent.call("action.record", other).await.unwrap();
    assert!(recorded["diverged"].is_string(), "{recorded}");
    assert!(agent.get(&id).await["flags"].as_array().unwrap().contains(&json!("diverged")));
    let card = desk.engine.agents().unwrap().agents.remove(0);
    assert_eq!(card.level, Level::Suggest);
    assert!(card.lowered.is_some());
    assert_eq!(card.tasks[0].level, Level::Suggest, "its tasks too");
    assert_eq!(card.track.divergences, 1);
    until(&desk, || {
        desk.notifier
            .notices()
            .iter()
            .any(|notice| notice.handoff.as_deref() == Some("agent:tidy") && notice.sound)
    })
    .await;
    desk.engine.looked_at_agent(AGENT.to_owned()).await.unwrap();
    assert!(desk.engine.agents().unwrap().agents[0].lowered.is_none());
}

#[tokio::test]
async fn what_cannot_be_undone_and_never_asked_lowers_the_agent() {
    let (desk, agent) = desk().await;
    set(&desk, Level::Execute).await;
    agent.call("task.open", json!({ "task": task() })).await.unwrap();
    let read = action("a1", "files.list", &json!({}), "read");
    assert_eq!(agent.call("action.record", read).await.unwrap()["diverged"], Value::Null);
    let sent = action("a2", "mail.send", &json!({ "to": "x" }), "irreversible");
    let recorded = agent.call("action.record", sent).await.unwrap();
    assert!(recorded["diverged"].as_str().unwrap().contains("never asked"));
    assert_eq!(desk.engine.agents().unwrap().agents[0].level, Level::Suggest);
}

#[tokio::test]
async fn what_nobody_knows_and_never_asked_lowers_the_agent_and_alerts_once() {
    let (desk, agent) = desk().await;
    set(&desk, Level::Execute).await;
    agent.call("task.open", json!({ "task": task() })).await.unwrap();
    for id in ["a", "b"] {
        let done = action(id, "nobody.knows", &json!({ "x": id }), "read");
        let recorded = agent.call("action.record", done).await.unwrap();
        let why = recorded["diverged"].as_str().unwrap_or_default();
        assert!(why.contains("never asked, though nobody knows"), "{recorded}");
    }
    let read = action("c", "files.list", &json!({}), "read");
    let recorded = agent.call("action.record", read).await.unwrap();
    assert_eq!(recorded["diverged"], Value::Null, "a known read needs no question");
    let alerts = || {
        let loud = |notice: &handoff_engine::Notice| notice.title.contains("did not keep");
        desk.notifier.notices().into_iter().filter(loud).count()
    };
    until(&desk, || alerts() > 0).await;
    assert_eq!(alerts(), 1, "until it was looked at, the same again is no news");
    let card = desk.engine.agents().unwrap().agents.remove(0);
    assert_eq!((card.level, card.track.divergences), (Level::Suggest, 2));
}

#[tokio::test]
async fn what_a_tool_says_of_itself_counts_for_what_was_never_asked() {
    let (desk, agent) = desk().await;
    set(&desk, Level::Execute).await;
    let tool = json!({ "name": "read_file", "annotations": { "destructiveHint": true } });
    agent.call("agent.tools", json!({ "tools": [tool] })).await.unwrap();
    agent.call("task.open", json!({ "task": task() })).await.unwrap();
    let done = action("a", "read_file", &json!({ "path": "/a" }), "read");
    let recorded = agent.call("action.record", done).await.unwrap();
    assert!(
        recorded["diverged"].as_str().unwrap_or_default().contains("never asked"),
        "{recorded}"
    );
    assert_eq!(desk.engine.agents().unwrap().agents[0].level, Level::Suggest);
}

#[tokio::test]
async fn another_option_than_the_recommended_one_counts_as_overridden() {
    let (desk, agent) = desk().await;
    let overridden = || desk.engine.agents().unwrap().agents.remove(0).track;
    let mut ids = Vec::new();
    for key in ["a", "b", "c", "d"] {
        ids.push(agent.submit(handoff(key)).await);
    }
    decide(&desk, &ids[0], approve("keep")).await;
    assert_eq!((overridden().decisions, overridden().overridden), (1, 1));
    desk.engine.undo(&ids[0]).await.unwrap();
    assert_eq!((overridden().decisions, overridden().overridden), (0, 0), "taken back");
    decide(&desk, &ids[0], approve("trash")).await;
    decide(&desk, &ids[1], approve("delete")).await;
    decide(&desk, &ids[2], reject(Then::Stop)).await;
    release(&desk).await;
    assert_eq!((overridden().decisions, overridden().overridden), (3, 1));
    let desk = desk.restart().await.unwrap();
    let track = desk.engine.agents().unwrap().agents.remove(0).track;
    assert_eq!((track.decisions, track.overridden, track.handoffs), (3, 1, 4));
}

#[tokio::test]
async fn the_record_of_an_agent_is_counted_as_it_happens() {
    let (desk, agent) = desk().await;
    let track = || desk.engine.agents().unwrap().agents.remove(0).track;
    let in_own = |mut check: Value| {
        check["task"]["id"] = check["key"].clone();
        check
    };
    ask(&agent, in_own(a_move("m"))).await;
    ask(&agent, in_own(a_delete("d"))).await;
    ask(&agent, in_own(a_delete("d"))).await;
    let read = json!({ "task": task(), "tool": "files.list", "key": "r", "args": {} });
    ask(&agent, read).await;
    let now = track();
    assert_eq!((now.calls, now.mandatory, now.discretionary), (3, 1, 1));
    let undone = |status: &str| {
        let mut done = action("a", "files.list", &json!({}), "read");
        done["action"]["status"] = json!(status);
        done
    };
    for (status, reversals) in [("done", 0), ("undone", 1), ("undone", 1)] {
        agent.call("action.record", undone(status)).await.unwrap();
        assert_eq!(track().reversals, reversals, "{status}");
    }
}

#[tokio::test]
async fn what_was_handed_over_and_decided_counts_as_asked() {
    let (desk, agent) = desk().await;
    set(&desk, Level::Draft).await;
    let id = agent.submit(crate::agent::handoff("k")).await;
    decide_and_release(&desk, &id, approve("delete")).await;
    let report = json!({ "outcome": "applied" });
    agent.call("handoff.reconcile", json!({ "id": id, "report": report })).await.unwrap();
    agent.call("task.open", json!({ "task": task() })).await.unwrap();
    let done = action("a9", "files.delete", &json!({ "paths": ["a", "b"] }), "irreversible");
    assert_eq!(agent.call("action.record", done).await.unwrap()["diverged"], Value::Null);
    assert_eq!(desk.engine.agents().unwrap().agents[0].level, Level::Draft);
}

#[tokio::test]
async fn a_reported_decision_permits_nothing_more() {
    let (desk, agent) = desk().await;
    let id = agent.submit(crate::agent::handoff("k")).await;
    decide_and_release(&desk, &id, approve("delete")).await;
    let report = json!({ "outcome": "applied" });
    agent.call("handoff.reconcile", json!({ "id": id, "report": report })).await.unwrap();
    let mut check = a_delete("k9");
    check["args"] = json!({ "paths": ["a", "b"] });
    assert_eq!(ask(&agent, check).await["verdict"], "held");
}

/// Another connection of an agent, of whom this calls in its place.
async fn beside(desk: &handoff_testkit::Headless, token: &Value, observer: Value) -> Agent {
    let beside = Agent::connect(&desk.engine);
    let mut hello = json!({ "name": "watched", "token": token });
    if !observer.is_null() {
        hello["observer"] = observer;
    }
    beside.call("agent.hello", hello).await.expect("hello");
    beside
}

fn listed(id: &str, status: &str, output: Value) -> Value {
    json!({ "task": task(), "action": { "id": id, "tool": "bash", "status": status,
        "input": { "command": "ls" }, "effect": "read", "output": output } })
}

#[tokio::test]
async fn what_a_hook_or_a_gateway_saw_is_shown_as_that_and_so_is_what_found_its_effect() {
    let desk = handoff_testkit::Headless::new().await.unwrap();
    let token = json!("t".repeat(40));
    let [agent, hook, gateway] = [json!(null), json!("hook"), json!("gateway")];
    let agent = beside(&desk, &token, agent).await;
    let hook = beside(&desk, &token, hook).await;
    let gateway = beside(&desk, &token, gateway).await;
    agent.call("action.record", listed("a", "done", json!("x"))).await.unwrap();
    hook.call("action.record", listed("b", "done", json!("x"))).await.unwrap();
    gateway.call("action.record", listed("c", "done", json!("x"))).await.unwrap();
    let unknown = json!({ "task": "t", "action": { "id": "d", "tool": "crm.find",
        "status": "done", "input": {}, "effect": "read" } });
    hook.call("action.record", unknown).await.unwrap();
    let check = json!({ "task": task(), "tool": "crm.drop", "args": {}, "key": "k" });
    let held = ask(&agent, check).await;
    let case = desk.engine.open_case(held["handoff_id"].as_str().unwrap()).unwrap();
    let said: Vec<(&str, &str, bool)> = case
        .actions
        .iter()
        .map(|action| (action.id.as_str(), action.source.as_str(), action.found))
        .collect();
    assert_eq!(
        said,
        [
            ("a", "agent says", true),
            ("b", "observed by hook", true),
            ("c", "observed by gateway", true),
            ("d", "observed by hook", false),
        ]
    );
}

#[tokio::test]
async fn one_action_of_which_two_tell_is_one_and_shows_where_they_differ() {
    let desk = handoff_testkit::Headless::new().await.unwrap();
    let token = json!("t".repeat(40));
    let agent = beside(&desk, &token, Value::Null).await;
    let hook = beside(&desk, &token, json!("hook")).await;
    for (id, seen, said) in [
        ("same", listed("same", "done", json!("x")), listed("same", "done", json!("x"))),
        ("failed", listed("failed", "done", json!("x")), listed("failed", "failed", json!("x"))),
        ("output", listed("output", "done", json!("x")), listed("output", "done", json!("y"))),
    ] {
        for (order, first, second) in [("hf", &seen, &said), ("af", &said, &seen)] {
            let with = |record: &Value| {
                let mut record = record.clone();
                record["action"]["id"] = json!(format!("{id}-{order}"));
                record
            };
            let (one, other) = if order == "hf" { (&hook, &agent) } else { (&agent, &hook) };
            one.call("action.record", with(first)).await.unwrap();
            other.call("action.record", with(second)).await.unwrap();
        }
    }
    let check = json!({ "task": task(), "tool": "crm.drop", "args": {}, "key": "k" });
    let held = ask(&agent, check).await;
    let case = desk.engine.open_case(held["handoff_id"].as_str().unwrap()).unwrap();
    assert_eq!(case.actions.len(), 6);
    for action in &case.actions {
        let source = match action.id.split('-').next().unwrap() {
            "same" => "observed by hook",
            "failed" => "observed by hook; agent says: failed",
            _ => "observed by hook; agent says: another output",
        };
        assert_eq!(action.source, source, "{}", action.id);
        assert_eq!(action.status, handoff_domain::action::ActionStatus::Done, "{}", action.id);
        let output = action.output.as_ref().map(|output| output.head.contains('x'));
        assert_eq!(output, Some(true), "what was seen counts: {}", action.id);
    }
}

#[tokio::test]
async fn an_undo_that_could_never_run_is_refused_and_nothing_is_kept() {
    let (desk, agent) = crate::gate::desk().await;
    let command = |argv: Value, cwd: &str, timeout_s: u32| json!({ "kind": "command", "argv": argv, "cwd": cwd, "timeout_s": timeout_s });
    for (undo, what) in [
        (command(json!([]), "/tmp", 5), "no program"),
        (command(json!([" "]), "/tmp", 5), "no program"),
        (command(json!(["", "x"]), "/tmp", 5), "as it is written"),
        (command(json!(["rm\u{0}"]), "/tmp", 5), "as it is written"),
        (command(json!(["true"]), "work", 5), "where on this machine"),
        (command(json!(["true"]), "/work/../etc", 5), "leads up again"),
        (command(json!(["true"]), "/tmp", 0), "time of its undo"),
        (command(json!(["true"]), "/tmp", 86_401), "time of its undo"),
        (json!({ "kind": "tool", "tool": " ", "args": {} }), "no name"),
    ] {
        let check = json!({ "task": crate::gate::task(), "tool": "files.move", "key": "k",
            "args": {}, "undo": undo });
        let error = agent.call("action.check", check).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidParams, "{undo}");
        assert!(error.message.contains(what), "{undo}: {}", error.message);
        let done = json!({ "task": crate::gate::task(), "action": { "id": "a", "tool": "files.move",
            "effect": "reversible", "status": "done", "undo": undo } });
        let error = agent.call("action.record", done).await.unwrap_err();
        assert!(error.message.contains(what), "{undo}: {}", error.message);
    }
    let of = handoff_protocol::view::OfTask {
        agent: crate::gate::AGENT.to_owned(),
        task: "t".to_owned(),
    };
    assert!(desk.engine.task(&of).is_err(), "not even the task was opened");
}

/// What lowers the agent where it tells of it, if anything does.
async fn told(agent: &Agent, id: &str, status: &str, output: &str) -> Value {
    let mut done = action(id, "files.delete", &json!({ "path": "a" }), "irreversible");
    done["action"]["status"] = json!(status);
    done["action"]["output"] = json!(output);
    agent.call("action.record", done).await.expect("recorded")["diverged"].clone()
}

#[tokio::test]
async fn a_yes_vouches_for_one_action() {
    for way in ["check", "lease", "named"] {
        let (desk, agent) = desk().await;
        let id = ask(&agent, a_delete("k1")).await["handoff_id"].as_str().unwrap().to_owned();
        decide_and_release(&desk, &id, approve("run")).await;
        if way == "check" {
            assert_eq!(ask(&agent, a_delete("k1")).await["verdict"], "run");
        }
        let delete = |at: &str| {
            let mut done = action(at, "files.delete", &json!({ "path": "a" }), "irreversible");
            if way == "named" {
                done["action"]["handoff"] = json!(id);
            }
            done
        };
        let first = agent.call("action.record", delete("a1")).await.unwrap();
        assert_eq!(first["diverged"], Value::Null, "{way}");
        let second = agent.call("action.record", delete("a2")).await.unwrap();
        assert!(second["diverged"].as_str().unwrap_or_default().contains("never asked"), "{way}");
    }
}

#[tokio::test]
async fn a_yes_that_is_recorded_as_running_vouches_for_nothing_else() {
    let (desk, agent) = desk().await;
    let id = ask(&agent, a_delete("k1")).await["handoff_id"].as_str().unwrap().to_owned();
    decide_and_release(&desk, &id, approve("run")).await;
    assert_eq!(ask(&agent, a_delete("k1")).await["verdict"], "run");
    assert_eq!(told(&agent, "a1", "running", "").await, Value::Null);
    assert!(told(&agent, "a2", "running", "").await.is_string());
    assert_eq!(told(&agent, "a1", "done", "x").await, Value::Null, "it was asked for");
}

#[tokio::test]
async fn a_yes_that_was_acted_on_unasked_lets_nothing_run_later() {
    let (desk, agent) = desk().await;
    let id = ask(&agent, a_delete("k1")).await["handoff_id"].as_str().unwrap().to_owned();
    decide_and_release(&desk, &id, approve("run")).await;
    assert_eq!(told(&agent, "a1", "failed", "no").await, Value::Null, "it had its yes");
    assert_eq!(ask(&agent, a_delete("k1")).await["verdict"], "held");
}

#[tokio::test]
async fn what_never_asked_is_told_of_however_it_ended() {
    for status in ["failed", "undone", "running"] {
        let (desk, agent) = desk().await;
        set(&desk, Level::Execute).await;
        agent.call("task.open", json!({ "task": task() })).await.unwrap();
        assert!(told(&agent, "a1", status, "").await.is_string(), "{status}");
        assert_eq!(desk.engine.agents().unwrap().agents[0].level, Level::Suggest);
    }
}

#[tokio::test]
async fn what_had_failed_and_is_run_again_is_another_call() {
    let (desk, agent) = desk().await;
    let yes = async |key: &str| {
        let id = ask(&agent, a_delete(key)).await["handoff_id"].as_str().unwrap().to_owned();
        decide_and_release(&desk, &id, approve("run")).await;
        assert_eq!(ask(&agent, a_delete(key)).await["verdict"], "run");
    };
    yes("k1").await;
    assert_eq!(told(&agent, "a1", "failed", "no").await, Value::Null);
    assert_eq!(told(&agent, "a1", "failed", "no, no").await, Value::Null, "the same, said better");
    assert!(told(&agent, "a1", "done", "yes").await.is_string(), "nobody was asked again");
    desk.engine.looked_at_agent(AGENT.to_owned()).await.unwrap();
    assert_eq!(told(&agent, "a1", "failed", "no").await, Value::Null);
    yes("k2").await;
    assert_eq!(told(&agent, "a1", "done", "yes").await, Value::Null, "asked for anew");
}
