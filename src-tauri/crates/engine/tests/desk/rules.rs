//! The reviewer's rules at the gate, and the past tried by them.

use handoff_domain::action::Effect;
use handoff_domain::autonomy::Level;
use handoff_domain::decision::Then;
use handoff_domain::rule::Rule;
use handoff_protocol::view::{LevelTried, ReplayRequest, SetLevel};
use serde_json::{Value, json};

use crate::agent::{approve, decide_and_release, reject};
use crate::gate::{AGENT, a_delete, a_move, action, ask, desk, set, task};

fn rule(value: Value) -> Rule {
    serde_json::from_value(value).unwrap()
}

#[tokio::test]
async fn always_allowing_exactly_this_lets_exactly_this_run() {
    let (desk, agent) = desk().await;
    let id = ask(&agent, a_move("k1")).await["handoff_id"].as_str().unwrap().to_owned();
    assert!(desk.engine.open_case(&id).unwrap().asked.unwrap().can_allow);
    let offered = desk.engine.rule_from(&id, 7, Some(1)).unwrap();
    let kept = desk.engine.add_rule(offered.rule).await.unwrap();
    agent.call("handoff.withdraw", json!({ "id": id })).await.unwrap();
    let ran = ask(&agent, a_move("k2")).await;
    assert_eq!((&ran["verdict"], &ran["ran"]), (&json!("run"), &json!("allowed")));
    let mut other = a_move("k3");
    other["args"] = json!({ "from": "a", "to": "../b" });
    let held = ask(&agent, other).await;
    assert_eq!(held["verdict"], "held");
    agent.call("handoff.withdraw", json!({ "id": held["handoff_id"] })).await.unwrap();
    assert_eq!(ask(&agent, a_move("k4")).await["verdict"], "held", "it was good for one call");
    let row = desk.engine.rules().unwrap().remove(0);
    assert_eq!((row.id, row.used, row.active), (kept, 1, false));
}

#[tokio::test]
async fn a_revoked_rule_allows_nothing_and_no_rule_allows_the_irreversible() {
    let (desk, agent) = desk().await;
    let until = desk.engine.rules().map(|_| "2026-10-01T00:00:00Z").unwrap();
    let allow = |tool: &str, args: Value| {
        rule(json!({
        "name": "x", "agent": AGENT, "tool": tool, "does": "allow", "until": until,
        "when": { "args": args } }))
    };
    let kept = desk
        .engine
        .add_rule(allow("files.move", json!({ "from": { "is": "a" }, "to": { "is": "b" } })))
        .await
        .unwrap();
    desk.engine.revoke_rule(kept).await.unwrap();
    let held = ask(&agent, a_move("k1")).await;
    assert_eq!(held["verdict"], "held");
    agent.call("handoff.withdraw", json!({ "id": held["handoff_id"] })).await.unwrap();
    desk.engine.add_rule(allow("files.delete", json!({ "path": { "is": "a" } }))).await.unwrap();
    assert_eq!(ask(&agent, a_delete("k2")).await["verdict"], "held");
}

#[tokio::test]
async fn a_limit_of_the_reviewer_holds_with_its_reason() {
    let (desk, agent) = desk().await;
    set(&desk, Level::Execute).await;
    let limit = rule(json!({ "name": "x", "does": "hold", "why": "Nothing goes to b.",
        "when": { "expr": "args.to == 'b'" } }));
    desk.engine.add_rule(limit).await.unwrap();
    let held = ask(&agent, a_move("k1")).await;
    assert_eq!((&held["verdict"], &held["held"]), (&json!("held"), &json!("trigger")));
    let case = desk.engine.open_case(held["handoff_id"].as_str().unwrap()).unwrap();
    assert_eq!(case.asked.unwrap().evidence[0].headline, "Nothing goes to b.");
    assert_eq!(ask(&agent, a_move("k1")).await["verdict"], "held");
    let row = &desk.engine.rules().unwrap()[0];
    assert_eq!((row.used, row.active), (1, true), "it is used once by one question");
    assert!(row.last_used.is_some());
}

#[tokio::test]
async fn a_rule_that_raises_a_call_is_used_when_it_holds_it_and_never_used_up() {
    let (desk, agent) = desk().await;
    set(&desk, Level::Execute).await;
    let raises = json!({ "name": "x", "tool": "files.move", "does": "counts",
        "effect": "irreversible" });
    desk.engine.add_rule(rule(raises.clone())).await.unwrap();
    assert_eq!(ask(&agent, a_move("k1")).await["held"], "irreversible");
    assert_eq!(desk.engine.rules().unwrap()[0].used, 1);
    let mut limited = raises;
    limited["uses"] = json!(1);
    let refused = desk.engine.add_rule(rule(limited)).await.expect_err("refused");
    assert_eq!(refused.0.faults[0].pointer, "/uses");
}

#[tokio::test]
async fn a_rule_that_is_tried_is_refused_with_all_that_is_wrong_with_it() {
    let (desk, _agent) = desk().await;
    let faulty = rule(json!({ "name": " ", "does": "hold", "why": "", "uses": 1,
        "when": { "expr": "args." } }));
    let change = ReplayRequest { with_rule: Some(faulty), ..ReplayRequest::default() };
    let refused = desk.engine.replay(&change).expect_err("refused");
    let mut at: Vec<&str> = refused.0.faults.iter().map(|fault| fault.pointer.as_str()).collect();
    at.sort_unstable();
    assert_eq!(at, ["/name", "/uses", "/when/expr", "/why"]);
}

#[tokio::test]
async fn what_the_reviewer_says_a_call_counts_as_is_what_counts() {
    let (desk, agent) = desk().await;
    let counts = rule(json!({ "name": "x", "tool": "files.delete", "does": "counts",
        "effect": "read", "when": { "args": { "path": { "is": "a" } } } }));
    desk.engine.add_rule(counts).await.unwrap();
    let ran = ask(&agent, a_delete("k1")).await;
    assert_eq!((&ran["verdict"], &ran["effect"]), (&json!("run"), &json!(Effect::Read)));
}

#[tokio::test]
async fn a_level_is_tried_on_the_past_before_it_is_set() {
    let (desk, agent) = desk().await;
    for key in ["k1", "k2"] {
        let mut check = a_move(key);
        check["task"]["id"] = json!(key);
        let id = ask(&agent, check).await["handoff_id"].as_str().unwrap().to_owned();
        let answer = if key == "k1" { approve("run") } else { reject(Then::Skip) };
        decide_and_release(&desk, &id, answer).await;
    }
    let mut delete = a_delete("k3");
    delete["task"]["id"] = json!("k3");
    ask(&agent, delete).await;
    let level = LevelTried { agent: AGENT.to_owned(), task: None, level: Level::Execute };
    let change = ReplayRequest { level: Some(level), ..ReplayRequest::default() };
    let replay = desk.engine.replay(&change).unwrap();
    assert_eq!((replay.checks, replay.before.held, replay.after.held), (3, 3, 1));
    let through = &replay.let_through;
    assert_eq!((through.count, through.approved, through.rejected), (2, 1, 1));
    assert_eq!(replay.after.mandatory, 1);
    let same = desk.engine.replay(&ReplayRequest::default()).unwrap();
    assert_eq!((same.let_through.count, same.newly_held.count), (0, 0), "no change, no difference");
}

#[tokio::test]
async fn what_was_held_approved_done_and_taken_back_counts_as_rolled_back() {
    let (desk, agent) = desk().await;
    let args = a_move("k")["args"].clone();
    // Asked again under another key, recorded with no other question, and of two equal
    // calls only the one that was taken back.
    for (task, again) in [("again", true), ("recorded", false), ("kept", true)] {
        let check = |key: &str| {
            let mut check = a_move(key);
            check["task"]["id"] = json!(task);
            check["key"] = json!(format!("{task}-{key}"));
            check
        };
        let id = ask(&agent, check("k1")).await["handoff_id"].as_str().unwrap().to_owned();
        decide_and_release(&desk, &id, approve("run")).await;
        if again {
            assert_eq!(ask(&agent, check("k2")).await["ran"], "permit");
        }
        for status in ["done", if task == "kept" { "done" } else { "undone" }] {
            let mut record = action("a", "files.move", &args, "reversible");
            record["task"] = json!(task);
            record["action"]["status"] = json!(status);
            agent.call("action.record", record).await.unwrap();
        }
    }
    set(&desk, Level::Execute).await;
    for (id, status) in [("first", "done"), ("second", "undone")] {
        let mut check = a_move(id);
        check["task"]["id"] = json!("twice");
        assert_eq!(ask(&agent, check).await["verdict"], "run");
        let statuses = ["done", status];
        for status in statuses {
            let mut record = action(id, "files.move", &args, "reversible");
            record["task"] = json!("twice");
            record["action"]["status"] = json!(status);
            agent.call("action.record", record).await.unwrap();
        }
    }
    let hold = rule(json!({ "name": "x", "does": "hold", "why": "Look.", "tool": "files.move" }));
    let execute = LevelTried { agent: AGENT.to_owned(), task: None, level: Level::Execute };
    let change = ReplayRequest { level: Some(execute), ..ReplayRequest::default() };
    let through = desk.engine.replay(&change).unwrap().let_through;
    assert_eq!((through.count, through.rolled_back, through.approved), (3, 2, 1));
    let change = ReplayRequest { with_rule: Some(hold), ..ReplayRequest::default() };
    let replay = desk.engine.replay(&change).unwrap();
    assert_eq!(replay.newly_held.rolled_back, 1, "{:?}", replay.newly_held);
}

#[tokio::test]
async fn a_rule_is_tried_on_the_past_with_the_facts_of_its_time() {
    let (desk, agent) = desk().await;
    set(&desk, Level::Execute).await;
    agent.call("task.open", json!({ "task": task() })).await.unwrap();
    assert_eq!(ask(&agent, a_move("k1")).await["verdict"], "run");
    desk.clock.pass(std::time::Duration::from_secs(1));
    let mut found = action("a1", "files.list", &json!({}), "read");
    found["action"]["facts"] = json!({ "free": 3 });
    agent.call("action.record", found).await.unwrap();
    desk.clock.pass(std::time::Duration::from_secs(1));
    assert_eq!(ask(&agent, a_move("k2")).await["verdict"], "run");
    let hold = rule(json!({ "name": "x", "does": "hold", "why": "Little room.",
        "when": { "expr": "has(facts.free) && facts.free < 5" } }));
    let change = ReplayRequest { with_rule: Some(hold), ..ReplayRequest::default() };
    let replay = desk.engine.replay(&change).unwrap();
    assert_eq!(replay.newly_held.count, 1, "only what came after the fact was known");
}

#[tokio::test]
async fn insights_count_what_was_asked_and_answered() {
    let (desk, agent) = desk().await;
    let id = ask(&agent, a_move("k1")).await["handoff_id"].as_str().unwrap().to_owned();
    desk.engine.seen(&id).await.unwrap();
    desk.clock.pass(std::time::Duration::from_secs(12));
    decide_and_release(&desk, &id, approve("run")).await;
    let mut delete = a_delete("k2");
    delete["task"]["id"] = json!("t2");
    ask(&agent, delete).await;
    agent.submit(crate::agent::handoff("own")).await;
    let told = desk.engine.insights().unwrap();
    assert_eq!(told.all.questions, 2);
    assert_eq!(told.agents.len(), 1);
    assert!(!told.reasons.is_empty());
    assert_eq!(told.submitted.iter().map(|reason| reason.count).sum::<u32>(), 1);
}

#[tokio::test]
async fn the_folder_of_a_rule_is_where_the_call_really_runs() {
    let (desk, agent) = desk().await;
    let counts = rule(json!({ "name": "x", "agent": AGENT, "tool": "Bash", "does": "counts",
        "effect": "read", "when": { "argv": ["npm", "test"], "cwd": "/home/me/shop" } }));
    desk.engine.add_rule(counts).await.unwrap();
    let test = |key: &str, cwd: Value, named: Value| {
        let mut task = task();
        task["id"] = json!(key);
        let mut check = json!({ "task": task, "tool": "Bash", "key": key,
            "args": { "command": "npm test" } });
        for (place, folder) in [("/cwd", cwd), ("/args/workdir", named)] {
            if let (Some((at, name)), false) = (place.rsplit_once('/'), folder.is_null()) {
                check.pointer_mut(at).unwrap()[name] = folder;
            }
        }
        check
    };
    let none = Value::Null;
    let table = [
        ("here", json!("/home/me/shop"), none.clone(), "run"),
        ("named", json!("/home/me"), json!("/home/me/shop"), "run"),
        ("joined", json!("/home/me"), json!("shop"), "run"),
        ("elsewhere", json!("/home/me/shop"), json!("/home/me/other"), "held"),
        ("deeper", json!("/home/me/shop"), json!("shop"), "held"),
        ("up", json!("/home/me/shop/sub"), json!(".."), "held"),
        ("from nowhere", none.clone(), json!("shop"), "held"),
        ("unknown", none.clone(), none, "held"),
    ];
    for (name, cwd, named, verdict) in table {
        let key = name.replace(' ', "-");
        let answer = ask(&agent, test(&key, cwd, named)).await;
        assert_eq!(answer["verdict"], verdict, "{name}: {answer}");
    }
}

#[tokio::test]
async fn what_ran_is_weighed_in_the_folder_it_was_asked_with_and_by_the_reviewers_rules() {
    let (desk, agent) = desk().await;
    let counts = rule(json!({ "name": "x", "agent": AGENT, "tool": "Bash", "does": "counts",
        "effect": "read", "when": { "argv": ["npm", "test"], "cwd": "/home/me/shop" } }));
    desk.engine.add_rule(counts).await.unwrap();
    agent.call("task.open", json!({ "task": task() })).await.unwrap();
    let ran = |id: &str, cwd: Value| {
        json!({ "task": "t", "cwd": cwd, "action": { "id": id, "tool": "Bash",
            "input": { "command": "npm test" }, "effect": "read", "status": "done" } })
    };
    let recorded = agent.call("action.record", ran("a", json!("/home/me/shop"))).await.unwrap();
    assert_eq!(recorded["diverged"], Value::Null, "{recorded}");
    let recorded = agent.call("action.record", ran("b", json!("/home/me"))).await.unwrap();
    assert!(recorded["diverged"].as_str().unwrap().contains("never asked"), "{recorded}");
}

#[tokio::test]
async fn a_number_that_the_window_may_have_rounded_makes_no_rule() {
    let (desk, _agent) = desk().await;
    let allow = |pattern: Value| {
        rule(json!({ "name": "x", "agent": AGENT, "tool": "pay", "does": "allow",
            "until": "2026-10-01T00:00:00Z", "when": { "args": { "account": pattern } } }))
    };
    for pattern in [
        json!({ "is": 9_007_199_254_740_994_u64 }),
        json!({ "one_of": [1, -9_007_199_254_740_994_i64] }),
        json!({ "is": { "deep": [1e300] } }),
        json!({ "between": [0, 1e17] }),
    ] {
        let refused = desk.engine.add_rule(allow(pattern.clone())).await.expect_err("refused");
        assert_eq!(refused.0.faults[0].pointer, "/when/args/account", "{pattern}");
    }
    desk.engine.add_rule(allow(json!({ "is": 9_007_199_254_740_992_u64 }))).await.unwrap();
}

#[tokio::test]
async fn bounds_tasks_levels_and_revoked_rules_are_tried_on_the_past() {
    let (desk, agent) = desk().await;
    set(&desk, Level::Execute).await;
    for number in 0..6 {
        let (id, args) = (format!("a{number}"), json!({ "path": number }));
        let read = json!({ "task": task(), "tool": "files.list", "key": id, "args": args });
        assert_eq!(ask(&agent, read).await["verdict"], "run");
        agent.call("action.record", action(&id, "files.list", &args, "read")).await.unwrap();
    }
    let mut moved = a_move("m");
    moved["task"]["id"] = json!("other");
    assert_eq!(ask(&agent, moved).await["verdict"], "run");
    let tried = |change: ReplayRequest| desk.engine.replay(&change).unwrap();
    let mut triggers = desk.engine.settings().triggers;
    triggers.chain_bound = 4;
    let bound = ReplayRequest { triggers: Some(triggers.clone()), ..ReplayRequest::default() };
    let told = tried(bound);
    assert_eq!((told.before.held, told.after.held), (0, 2), "those after the fourth");
    assert!(told.caveats.is_empty(), "{:?}", told.caveats);
    let in_task = |task: &str| ReplayRequest {
        level: Some(LevelTried {
            agent: AGENT.to_owned(),
            task: Some(task.to_owned()),
            level: Level::Suggest,
        }),
        ..ReplayRequest::default()
    };
    assert_eq!(tried(in_task("other")).newly_held.count, 1);
    assert_eq!(tried(in_task("t")).newly_held.count, 0, "it only reads there");
    let of_agent = || ReplayRequest {
        level: Some(LevelTried { task: None, ..in_task("t").level.unwrap() }),
        ..ReplayRequest::default()
    };
    assert_eq!(tried(of_agent()).caveats, Vec::<String>::new());
    let (of, task) = (AGENT.to_owned(), Some("other".to_owned()));
    let level = Some(Level::Execute);
    let own = SetLevel { agent: of, task, level, minutes: None };
    desk.engine.set_level(own).await.unwrap();
    let caveats = tried(of_agent()).caveats;
    assert!(caveats.len() == 1 && caveats[0].starts_with("1 of this agent's tasks"), "{caveats:?}");
    let hold = rule(json!({ "name": "x", "does": "hold", "why": "Look.", "tool": "files.list",
        "when": { "expr": "args.path < 3" } }));
    let kept = desk.engine.add_rule(hold).await.unwrap();
    let revoked = ReplayRequest { without_rule: Some(kept), ..ReplayRequest::default() };
    let told = tried(revoked);
    assert_eq!((told.before.held, told.after.held, told.let_through.count), (3, 0, 3));
}

#[tokio::test]
async fn a_chain_that_is_longer_than_what_is_remembered_is_held_at_its_bound() {
    let (desk, agent) = desk().await;
    let mut settings = desk.engine.settings();
    settings.triggers.chain_bound = 503;
    desk.engine.save_settings(settings).await.unwrap();
    agent.call("task.open", json!({ "task": task() })).await.unwrap();
    let read = async |number: u32| {
        let (id, args) = (format!("a{number}"), json!({ "path": number }));
        let check = json!({ "task": task(), "tool": "files.list", "key": id, "args": args });
        let answer = ask(&agent, check).await;
        if answer["verdict"] == "run" {
            agent.call("action.record", action(&id, "files.list", &args, "read")).await.unwrap();
        }
        answer
    };
    for number in 0..503 {
        let answer = read(number).await;
        assert_eq!(answer["verdict"], "run", "{number}: {answer}");
    }
    let held = read(503).await;
    assert_eq!(held["held"], "trigger", "{held}");
    assert!(held["why"].as_str().unwrap().starts_with("503 calls"), "{held}");
    // Once a person has looked, the chain begins anew.
    decide_and_release(&desk, held["handoff_id"].as_str().unwrap(), approve("run")).await;
    assert_eq!(read(504).await["verdict"], "run");
}
