//! What stands on the card of a call that is held.

use handoff_domain::autonomy::Level;
use serde_json::json;

use crate::gate::{a_delete, a_move, action, ask, desk, set, task};

#[tokio::test]
async fn it_tells_of_the_plan_of_what_was_done_and_of_what_was_found() {
    let (desk, agent) = desk().await;
    set(&desk, Level::Execute).await;
    let step = |id: &str, status: &str| json!({ "id": id, "title": id, "status": status });
    let plan = json!({ "steps": [step("look", "done"), step("move", "running")] });
    agent.call("task.open", json!({ "task": task(), "plan": plan })).await.expect("open");
    for id in ["one", "two"] {
        let mut done = action(id, "files.list", &json!({ "path": id }), "read");
        done["action"]["step"] = json!("look");
        agent.call("action.record", done).await.expect("recorded");
    }
    let hold = json!({ "name": "x", "does": "hold", "why": "Nothing goes to b.",
        "when": { "expr": "args.to == 'b'" } });
    desk.engine.add_rule(serde_json::from_value(hold).unwrap()).await.unwrap();
    let mut check = a_move("k");
    check["step"] = json!("move");
    let id = ask(&agent, check).await["handoff_id"].as_str().unwrap().to_owned();

    let case = desk.engine.open_case(&id).unwrap();
    assert!(case.summary.contains("tidy works on “Tidy”"), "{}", case.summary);
    assert!(case.summary.contains("Nothing goes to b."), "{}", case.summary);
    let steps: Vec<&str> = case.plan.iter().map(|step| step.id.as_str()).collect();
    assert_eq!((steps, case.question_step.as_deref()), (vec!["look", "move"], Some("move")));
    let done: Vec<&str> = case.actions.iter().map(|action| action.id.as_str()).collect();
    assert_eq!(done, ["one", "two"]);
}

#[tokio::test]
async fn what_its_agent_cannot_change_is_not_the_reviewers_to_edit() {
    let (desk, agent) = desk().await;
    for (key, editable, modify) in [("k1", json!(false), false), ("k2", json!(true), true)] {
        let mut check = a_delete(key);
        check["task"]["id"] = json!(key);
        check["editable"] = editable;
        let id = ask(&agent, check).await["handoff_id"].as_str().unwrap().to_owned();
        let allowed = desk.engine.open_case(&id).unwrap().allowed;
        assert_eq!((allowed.approve, allowed.modify), (true, modify));
        let args = json!({ "path": "b" }).as_object().unwrap().clone();
        let answer = handoff_domain::decision::Answer::Modify { option: "run".to_owned(), args };
        let decided = desk.engine.decide(crate::agent::request(&desk, &id, answer)).await;
        assert_eq!(decided.is_ok(), modify, "{decided:?}");
    }
}
