use handoff_domain::autonomy::Level;
use handoff_domain::decision::{Answer, Then};
use handoff_domain::lifecycle::Flag;
use handoff_domain::payload::TimeoutKind;
use handoff_protocol::view::{AcceptTool, AcceptTools, Pause, SetLevel};
use handoff_protocol::wire::ErrorCode;
use handoff_testkit::Headless;
use serde_json::{Value, json};

use crate::agent::{Agent, approve, code, decide_and_release, reject};

pub const AGENT: &str = "tidy";

pub fn task() -> Value {
    json!({ "id": "t", "title": "Tidy", "goal": "Sort the files" })
}

/// A move that can be undone, claimed so.
pub fn a_move(key: &str) -> Value {
    json!({
        "task": task(), "tool": "files.move", "key": key, "effect": "reversible",
        "args": { "from": "a", "to": "b" },
        "undo": { "kind": "tool", "tool": "files.move", "args": { "from": "b", "to": "a" } },
    })
}

pub fn a_delete(key: &str) -> Value {
    json!({ "task": task(), "tool": "files.delete", "key": key, "args": { "path": "a" } })
}

/// A desk with one agent whose tools the reviewer has accepted as claimed.
pub async fn desk() -> (Headless, Agent) {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, AGENT).await;
    let tools = json!({ "tools": [
        { "name": "files.list", "effect": "read" },
        { "name": "files.move", "effect": "reversible" },
        { "name": "files.delete", "effect": "irreversible" },
    ] });
    agent.call("agent.tools", tools).await.expect("tools");
    accept_all(&desk).await;
    (desk, agent)
}

async fn accept_all(desk: &Headless) {
    let card = desk.engine.agents().unwrap().agents.remove(0);
    let tools = card
        .tools
        .into_iter()
        .map(|tool| AcceptTool { name: tool.name, hash: tool.hash, effect: tool.claimed })
        .collect();
    desk.engine.accept_tools(AcceptTools { agent: AGENT.to_owned(), tools }).await.unwrap();
}

pub async fn set(desk: &Headless, level: Level) {
    let set = SetLevel { agent: AGENT.to_owned(), task: None, level: Some(level), minutes: None };
    desk.engine.set_level(set).await.unwrap();
}

pub async fn ask(agent: &Agent, check: Value) -> Value {
    agent.call("action.check", check).await.expect("answered")
}

pub fn action(id: &str, tool: &str, input: &Value, effect: &str) -> Value {
    json!({ "task": "t", "action": {
        "id": id, "tool": tool, "input": input, "effect": effect, "status": "done" } })
}

#[tokio::test]
async fn each_level_lets_run_what_the_table_says() {
    let (desk, agent) = desk().await;
    let read = |key: &str| json!({ "task": task(), "tool": "files.list", "key": key, "args": {} });
    let table = [
        (Level::Suggest, "run", "held", "held"),
        (Level::Draft, "run", "run", "held"),
        (Level::Execute, "run", "run", "held"),
    ];
    for (level, reads, moves, deletes) in table {
        // A task of its own: a pending question holds back the others of its task.
        let in_own = |mut check: Value| {
            check["task"]["id"] = json!(format!("{level:?}-{}", check["tool"].as_str().unwrap()));
            check
        };
        set(&desk, level).await;
        let key = format!("{level:?}");
        assert_eq!(ask(&agent, in_own(read(&format!("r{key}")))).await["verdict"], reads);
        let moved = ask(&agent, in_own(a_move(&format!("m{key}")))).await;
        assert_eq!((&moved["verdict"], &moved["effect"]), (&json!(moves), &json!("reversible")));
        let deleted = ask(&agent, in_own(a_delete(&format!("d{key}")))).await;
        assert_eq!(deleted["verdict"], deletes, "{deleted}");
        assert!(deleted["handoff_id"].is_string());
    }
}

#[tokio::test]
async fn a_claim_lowers_nothing_before_it_is_accepted_nor_after_it_changed() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, AGENT).await;
    set(&desk, Level::Execute).await;
    let tools = |says: &str| json!({ "tools": [{ "name": "files.move", "description": says, "effect": "reversible" }] });
    let known = agent.call("agent.tools", tools("Moves")).await.unwrap();
    assert_eq!(known["waiting"], json!(["files.move"]));
    let unknown = ask(&agent, a_move("k1")).await;
    assert_eq!((&unknown["verdict"], &unknown["unknown"]), (&json!("held"), &json!(true)));
    agent.call("handoff.withdraw", json!({ "id": unknown["handoff_id"] })).await.unwrap();
    accept_all(&desk).await;
    assert_eq!(ask(&agent, a_move("k2")).await["verdict"], "run");
    let known = agent.call("agent.tools", tools("Moves, and more")).await.unwrap();
    assert_eq!(known["waiting"], json!(["files.move"]), "a changed definition is unknown again");
    assert_eq!(ask(&agent, a_move("k3")).await["verdict"], "held");
    let card = desk.engine.agents().unwrap().agents.remove(0);
    assert!(card.tools[0].changed);
    assert_eq!(card.waiting, 1);
}

#[tokio::test]
async fn what_mcp_says_of_a_tool_raises_at_once_and_lowers_once_it_is_accepted() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, AGENT).await;
    // The desk reads one by its name, and knows nothing of the other.
    for (hints, known, unknown, accepted) in [
        (json!({ "readOnlyHint": true }), "run", "held", "run"),
        (json!({ "readOnlyHint": false }), "held", "held", "held"),
        (json!({ "destructiveHint": false }), "held", "held", "held"),
        (json!({ "readOnlyHint": false, "destructiveHint": true }), "held", "held", "held"),
        (json!({ "title": "Look" }), "run", "held", "held"),
    ] {
        let tools = ["read_file", "look"].map(|name| json!({ "name": name, "annotations": hints }));
        agent.call("agent.tools", json!({ "tools": tools })).await.expect("tools");
        let verdict = async |tool: &str, when: &str| {
            let key = format!("{when}-{}", hints.to_string().replace(['{', '}', '"', ','], "."));
            let check = json!({ "task": { "id": format!("{tool}-{key}"), "title": "T", "goal": "G" },
                "tool": tool, "key": format!("{tool}-{key}"), "args": { "path": "/a" } });
            ask(&agent, check).await["verdict"].clone()
        };
        assert_eq!(verdict("read_file", "at-once").await, known, "{hints}");
        assert_eq!(verdict("look", "at-once").await, unknown, "{hints}");
        accept_all(&desk).await;
        assert_eq!(verdict("look", "accepted").await, accepted, "{hints}");
    }
}

#[tokio::test]
async fn a_tool_that_changed_since_it_was_shown_is_not_accepted() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, AGENT).await;
    agent
        .call("agent.tools", json!({ "tools": [{ "name": "x", "effect": "read" }] }))
        .await
        .unwrap();
    let shown = desk.engine.agents().unwrap().agents.remove(0).tools.remove(0);
    agent
        .call(
            "agent.tools",
            json!({ "tools": [{ "name": "x", "description": "!", "effect": "read" }] }),
        )
        .await
        .unwrap();
    let tools = vec![AcceptTool { name: shown.name, hash: shown.hash, effect: shown.claimed }];
    let refused = desk.engine.accept_tools(AcceptTools { agent: AGENT.to_owned(), tools }).await;
    assert_eq!(refused.expect_err("refused").0.code, ErrorCode::Conflict);
}

#[tokio::test]
async fn a_held_call_that_names_no_deadline_has_the_reviewers() {
    let (desk, agent) = desk().await;
    let mut settings = desk.engine.settings();
    settings.alerts.respond_within_s.high = 600;
    settings.alerts.on_timeout.high = TimeoutKind::ManualReview;
    desk.engine.save_settings(settings).await.unwrap();
    let deadline = |asked: &Value| {
        let case = desk.engine.open_case(asked["handoff_id"].as_str().unwrap()).unwrap();
        ((case.deadline.respond_by - case.received_at).num_seconds(), case.deadline.on_timeout)
    };
    let open = ask(&agent, a_delete("k1")).await;
    assert_eq!(deadline(&open), (600, TimeoutKind::ManualReview));
    let mut named = a_delete("k2");
    named["task"]["id"] = json!("another");
    named["deadline"] = json!({ "respond_within_s": 90, "on_timeout": { "kind": "escalate" } });
    assert_eq!(deadline(&ask(&agent, named).await), (90, TimeoutKind::Escalate));
}

#[tokio::test]
async fn a_held_call_is_a_whole_handoff_and_its_approval_permits_it_once() {
    let (desk, agent) = desk().await;
    let held = ask(&agent, a_delete("k1")).await;
    let id = held["handoff_id"].as_str().unwrap().to_owned();
    let case = desk.engine.open_case(&id).unwrap();
    assert_eq!(case.options.len(), 1);
    assert_eq!(case.options[0].action.as_ref().unwrap().tool, "files.delete");
    assert_eq!(case.level, Level::Suggest);
    assert!(!case.asked.as_ref().unwrap().can_allow, "never for what cannot be undone");
    assert_eq!(ask(&agent, a_delete("k1")).await["handoff_id"], json!(id), "the same question");
    decide_and_release(&desk, &id, approve("run")).await;
    // Whichever way it asks: another key, the same call.
    let ran = ask(&agent, a_delete("k2")).await;
    assert_eq!((&ran["verdict"], &ran["handoff_id"]), (&json!("run"), &json!(id)));
    let again = ask(&agent, a_delete("k3")).await;
    assert_eq!(again["verdict"], "held", "a permit is good for one call: {again}");
    assert_ne!(again["handoff_id"], json!(id));
}

#[tokio::test]
async fn what_the_desk_itself_asks_is_not_held_against_the_agents_briefings() {
    let (desk, agent) = desk().await;
    let mut elsewhere = a_delete("k1");
    elsewhere["task"] = json!({ "id": "u", "title": "Clear", "goal": "Delete the files" });
    let id = ask(&agent, elsewhere).await["handoff_id"].as_str().unwrap().to_owned();
    set(&desk, Level::Draft).await;
    ask(&agent, a_move("k2")).await;
    let moved = action("k2", "files.move", &json!({ "from": "a", "to": "b" }), "reversible");
    agent.call("action.record", moved).await.unwrap();
    let closed = agent.call("task.close", json!({ "task": "t" })).await.unwrap();
    for id in [id.as_str(), closed["draft"].as_str().expect("a draft")] {
        let case = desk.engine.open_case(id).unwrap();
        assert_eq!((case.missing_layers.len(), case.flags.contains(&Flag::Cold)), (0, false));
    }
    assert_eq!(desk.engine.agents().unwrap().agents[0].track.cold, 0);
}

#[tokio::test]
async fn a_lost_answer_can_be_asked_for_again_and_permits_nothing_twice() {
    let (desk, agent) = desk().await;
    let id = ask(&agent, a_delete("k1")).await["handoff_id"].as_str().unwrap().to_owned();
    decide_and_release(&desk, &id, approve("run")).await;
    assert_eq!(ask(&agent, a_delete("k1")).await["verdict"], "run");
    assert_eq!(ask(&agent, a_delete("k1")).await["verdict"], "run", "the same call, told again");
    assert_eq!(ask(&agent, a_delete("other")).await["verdict"], "held");
}

#[tokio::test]
async fn a_no_is_a_denial_with_the_reason() {
    let (desk, agent) = desk().await;
    let id = ask(&agent, a_delete("k1")).await["handoff_id"].as_str().unwrap().to_owned();
    decide_and_release(&desk, &id, reject(Then::Skip)).await;
    let denied = ask(&agent, a_delete("k1")).await;
    assert_eq!(denied["verdict"], "denied");
    assert!(denied["why"].as_str().unwrap().contains("Not today"), "{denied}");
}

#[tokio::test]
async fn other_arguments_are_permitted_in_the_place_of_the_asked_ones() {
    let (desk, agent) = desk().await;
    let id = ask(&agent, a_delete("k1")).await["handoff_id"].as_str().unwrap().to_owned();
    let args = json!({ "path": "b" }).as_object().unwrap().clone();
    let answer = Answer::Modify { option: "run".to_owned(), args };
    decide_and_release(&desk, &id, answer).await;
    let asked = ask(&agent, a_delete("k1")).await;
    assert_eq!(asked["verdict"], "denied", "not what was asked: {asked}");
    let mut edited = a_delete("k2");
    edited["args"] = json!({ "path": "b" });
    assert_eq!(ask(&agent, edited).await["verdict"], "run");
}

#[tokio::test]
async fn drafted_changes_become_one_handoff_when_the_task_ends() {
    let (desk, agent) = desk().await;
    let mut settings = desk.engine.settings();
    settings.alerts.respond_within_s.normal = 7200;
    settings.alerts.on_timeout.normal = TimeoutKind::ManualReview;
    desk.engine.save_settings(settings).await.unwrap();
    set(&desk, Level::Draft).await;
    for at in ["a", "b", "c"] {
        let mut check = a_move(at);
        check["args"] = json!({ "from": at, "to": "d" });
        assert_eq!(ask(&agent, check).await["ran"], "drafted");
        let mut done = action(at, "files.move", &json!({ "from": at, "to": "d" }), "reversible");
        done["action"]["undo"] =
            json!({ "kind": "tool", "tool": "files.move", "args": { "from": "d", "to": at } });
        agent.call("action.record", done).await.unwrap();
    }
    assert_eq!(desk.engine.agents().unwrap().agents[0].tasks[0].drafted, 3);
    let closed = agent.call("task.close", json!({ "task": "t" })).await.unwrap();
    assert_eq!(closed["closed"], json!(true));
    let case = desk.engine.open_case(closed["draft"].as_str().unwrap()).unwrap();
    assert!(case.is_draft);
    assert_eq!(case.deadline.respond_by - case.received_at, chrono::TimeDelta::hours(2));
    assert_eq!(case.deadline.on_timeout, TimeoutKind::ManualReview, "the reviewer's own");
    assert_eq!(case.actions.len(), 3);
    assert!(case.actions.iter().all(|action| action.undo.is_some()));
    let again = agent.call("task.close", json!({ "task": "t" })).await.unwrap();
    assert_eq!(
        again["draft"], closed["draft"],
        "a lost answer is told again, nothing is drafted twice"
    );
    let picked = json!({ "actions": ["b"] }).as_object().unwrap().clone();
    let answer = Answer::Modify { option: "roll_back".to_owned(), args: picked };
    decide_and_release(&desk, &case.id, answer).await;
    assert_eq!(agent.get(&case.id).await["decision"]["args"], json!({ "actions": ["b"] }));
    let report = json!({ "id": case.id, "report": { "outcome": "applied" } });
    agent.call("handoff.reconcile", report).await.unwrap();
    let over = agent.call("task.close", json!({ "task": "t" })).await.unwrap();
    assert_eq!(over["draft"], Value::Null, "it has been looked through and reported on");
}

#[tokio::test]
async fn a_draft_is_gathered_when_the_reviewer_asks_and_the_rest_at_the_end() {
    let (desk, agent) = desk().await;
    set(&desk, Level::Draft).await;
    let change = async |at: &str| {
        let mut check = a_move(at);
        check["args"] = json!({ "from": at, "to": "d" });
        assert_eq!(ask(&agent, check).await["ran"], "drafted");
        let mut done = action(at, "files.move", &json!({ "from": at, "to": "d" }), "reversible");
        done["action"]["undo"] =
            json!({ "kind": "tool", "tool": "files.move", "args": { "from": "d", "to": at } });
        agent.call("action.record", done).await.unwrap();
    };
    change("a").await;
    let first = desk.engine.gather_draft(AGENT, "t").await.unwrap().expect("a draft");
    assert_eq!(desk.engine.gather_draft(AGENT, "t").await.unwrap(), None, "it is gathered");
    let case = desk.engine.open_case(&first).unwrap();
    assert!(case.is_draft && case.summary.contains("far"), "{}", case.summary);
    assert!(case.summary.contains("Rejecting it undoes nothing"), "{}", case.summary);
    decide_and_release(&desk, &first, approve("roll_back")).await;
    let decided = agent.get(&first).await["decision"].clone();
    assert_eq!(decided["args"], json!({ "actions": ["a"] }), "it says what is to be undone");
    let report = json!({ "id": first, "report": { "outcome": "applied" } });
    agent.call("handoff.reconcile", report).await.unwrap();
    change("b").await;
    let closed = agent.call("task.close", json!({ "task": "t" })).await.unwrap();
    assert_ne!(closed["draft"], json!(first));
    let nobody = desk.engine.gather_draft(AGENT, "nothing").await.expect_err("no such task");
    assert_eq!(nobody.0.code, ErrorCode::NotFound);
}

#[tokio::test]
async fn a_pause_holds_every_change_and_survives_a_restart() {
    let (desk, agent) = desk().await;
    set(&desk, Level::Execute).await;
    let pause = |paused| Pause { agent: None, task: None, paused };
    desk.engine.pause(pause(true)).await.unwrap();
    let held = ask(&agent, a_move("k1")).await;
    assert_eq!(held["blocked_by"], json!(["pause:everything"]));
    assert_eq!(held["handoff_id"], Value::Null, "there is nothing to answer");
    drop(agent);
    let desk = desk.restart().await.unwrap();
    assert!(desk.engine.agents().unwrap().paused);
    desk.engine.pause(pause(false)).await.unwrap();
    let agent = Agent::connect(&desk.engine);
    let token = code(agent.call("agent.hello", json!({ "name": AGENT })).await);
    assert_eq!(token, ErrorCode::Refused, "its name is still its own");
}

#[tokio::test]
async fn a_paused_call_goes_on_under_the_same_key() {
    let (desk, agent) = desk().await;
    set(&desk, Level::Execute).await;
    let pause = |paused| Pause { agent: Some(AGENT.to_owned()), task: None, paused };
    desk.engine.pause(pause(true)).await.unwrap();
    assert_eq!(ask(&agent, a_move("k1")).await["verdict"], "held");
    let read = json!({ "task": task(), "tool": "files.list", "key": "r", "args": {} });
    assert_eq!(ask(&agent, read).await["verdict"], "run", "reading goes on");
    desk.engine.pause(pause(false)).await.unwrap();
    assert_eq!(ask(&agent, a_move("k1")).await["verdict"], "run");
}

#[tokio::test]
async fn a_level_ends_by_itself_and_lowering_counts_at_once() {
    let (desk, agent) = desk().await;
    let set = SetLevel {
        agent: AGENT.to_owned(),
        task: None,
        level: Some(Level::Execute),
        minutes: Some(30),
    };
    desk.engine.set_level(set).await.unwrap();
    assert_eq!(ask(&agent, a_move("k1")).await["verdict"], "run");
    desk.clock.pass(std::time::Duration::from_mins(30));
    assert_eq!(ask(&agent, a_move("k2")).await["verdict"], "held");
}

#[tokio::test]
async fn only_what_depends_on_a_pending_call_waits() {
    let (desk, agent) = desk().await;
    set(&desk, Level::Execute).await;
    let plan = json!({ "steps": [
        { "id": "delete", "title": "Delete", "status": "pending" },
        { "id": "sort", "title": "Sort", "status": "pending" },
        { "id": "report", "title": "Report", "status": "pending", "depends_on": ["delete"] },
    ] });
    let opened = agent.call("task.open", json!({ "task": task(), "plan": plan })).await.unwrap();
    assert_eq!(opened["runnable"], json!(["delete", "sort"]));
    let at = |mut check: Value, step: &str| {
        check["step"] = json!(step);
        check
    };
    let held = ask(&agent, at(a_delete("k1"), "delete")).await;
    assert_eq!(held["runnable"], json!(["sort"]));
    let free = ask(&agent, at(a_move("k2"), "sort")).await;
    assert_eq!((&free["verdict"], &free["runnable"]), (&json!("run"), &json!(["sort"])));
    let waits = ask(&agent, at(a_move("k3"), "report")).await;
    assert_eq!(waits["blocked_by"], json!([held["handoff_id"]]));
    assert_eq!(waits["held"], "waits");
    assert_eq!(ask(&agent, a_move("k4")).await["verdict"], "held", "no step: it may depend on it");
}

#[tokio::test]
async fn bad_questions_get_clear_errors_and_never_run() {
    let (_desk, agent) = desk().await;
    let change = |pointer: &str, value: Value| {
        let mut check = a_move("k");
        check[pointer] = value;
        check
    };
    let table = [
        (change("task", json!("nobody")), ErrorCode::NotFound),
        (change("key", json!("two words")), ErrorCode::InvalidParams),
        (change("tool", json!(" ")), ErrorCode::InvalidParams),
        (change("args", json!([])), ErrorCode::InvalidParams),
        (change("step", json!("ä")), ErrorCode::InvalidParams),
        (change("colour", json!("red")), ErrorCode::InvalidParams),
    ];
    for (check, expected) in table {
        let said = check.to_string();
        assert_eq!(code(agent.call("action.check", check).await), expected, "{said}");
    }
    assert_eq!(ask(&agent, a_move("k")).await["verdict"], "held");
    let mut other = a_move("k");
    other["args"] = json!({});
    assert_eq!(code(agent.call("action.check", other).await), ErrorCode::Conflict);
    let nobody = json!({ "task": "nobody", "action": {
        "id": "a", "tool": "x", "effect": "read", "status": "done" } });
    assert_eq!(code(agent.call("action.record", nobody).await), ErrorCode::NotFound);
    let circle = json!({ "task": task(), "plan": { "steps": [
        { "id": "a", "title": "A", "status": "pending", "depends_on": ["a"] }] } });
    assert_eq!(code(agent.call("task.open", circle).await), ErrorCode::InvalidPayload);
}

#[tokio::test]
async fn an_agent_sees_only_its_own_tasks_and_checks() {
    let (desk, agent) = desk().await;
    agent.call("task.open", json!({ "task": task() })).await.unwrap();
    let other = Agent::named(&desk.engine, "other").await;
    assert_eq!(
        code(other.call("task.runnable", json!({ "task": "t" })).await),
        ErrorCode::NotFound
    );
    let permit = ask(&agent, a_delete("k1")).await["handoff_id"].as_str().unwrap().to_owned();
    decide_and_release(&desk, &permit, approve("run")).await;
    assert_eq!(ask(&other, a_delete("k1")).await["verdict"], "held", "a permit is one agent's");
}

#[tokio::test]
async fn no_acceptance_stands_in_for_a_command_that_cannot_be_read() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, AGENT).await;
    set(&desk, Level::Execute).await;
    let tools = json!({ "tools": [{ "name": "bash", "effect": "read" }] });
    agent.call("agent.tools", tools).await.unwrap();
    accept_all(&desk).await;
    let unread = json!({ "task": task(), "tool": "bash", "key": "k1",
        "args": { "command": "frobnicate --all" } });
    let held = ask(&agent, unread).await;
    assert_eq!((&held["verdict"], &held["unknown"]), (&json!("held"), &json!(true)), "{held}");
}

#[tokio::test]
async fn who_asks_again_after_an_equal_call_has_used_the_yes_up_is_told_of_that_question() {
    let (desk, agent) = desk().await;
    let id = ask(&agent, a_delete("k1")).await["handoff_id"].as_str().unwrap().to_owned();
    decide_and_release(&desk, &id, approve("run")).await;
    assert_eq!(ask(&agent, a_delete("k2")).await["verdict"], "run");
    // The question would be briefed with this by now.
    agent.call("action.record", action("a1", "files.list", &json!({}), "read")).await.unwrap();
    let again = ask(&agent, a_delete("k1")).await;
    assert_eq!((&again["verdict"], &again["handoff_id"]), (&json!("held"), &json!(id)));
}
