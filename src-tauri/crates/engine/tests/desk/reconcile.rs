//! What a decision makes of the plan, as the reviewer sees it before and the
//! agent gets it after: by what is true then, and the same ever after.

use handoff_domain::decision::{Answer, Override, Then};
use handoff_domain::directive::Verdict::{self, Blocked, Keep, Rerun, Run};
use handoff_domain::lifecycle::State;
use handoff_domain::reconcile::{ConflictKind, StepDone};
use handoff_protocol::view::{EditPlan, GiveBack, Preview, TakeOver};
use handoff_protocol::wire::ErrorCode;
use handoff_testkit::Headless;
use serde_json::{Map, Value, json};

use crate::agent::{
    Agent, approve, decide, decide_and_release, handoff, reject, release, request, until,
};
use crate::gate::task;

const AGENT: &str = "tidy";

fn map(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

/// A refund that rests on what a finished step found.
pub fn refund(key: &str) -> Value {
    let mut refund = handoff(key);
    refund["plan"] = json!({ "steps": [
        { "id": "find", "title": "Find the charges", "status": "done",
          "output": { "amount": 149.0, "charge": "ch_2" } },
        { "id": "tag", "title": "Tag the case", "status": "done", "uses": ["facts.tag"] },
        { "id": "refund", "title": "Refund", "status": "pending", "depends_on": ["find"],
          "uses": ["steps.find.output.amount", "steps.find.output.charge"] },
        { "id": "mail", "title": "Write a mail", "status": "pending", "depends_on": ["refund"] },
        { "id": "index", "title": "Write an index", "status": "pending", "depends_on": ["find"] },
    ] });
    refund["pending_question"] = json!({ "text": "Refund it?", "step": "refund" });
    refund["options"] = json!([{ "id": "refund", "label": "Refund 149",
        "risk": { "level": "high", "effect": "irreversible", "why": "Money goes." },
        "preconditions": [
            { "tool": "charges.get", "args": { "charge": "ch_2" }, "expect": "captured" } ],
        "action": { "tool": "billing.refund", "args": { "charge": "ch_2", "amount": 149.0 },
            "args_schema": { "type": "object", "required": ["charge", "amount"],
                "properties": { "amount": { "type": "number" } } } } }]);
    refund["briefing"] = json!({ "intent": "Her money back" });
    refund["actions_taken"] = json!([
        { "id": "f1", "step": "find", "tool": "charges.list", "input": {}, "effect": "read",
          "output": { "amount": 149.0, "charge": "ch_2" }, "facts": { "tag": "vip" },
          "status": "done" },
        { "id": "t1", "step": "tag", "tool": "case.look", "input": {}, "effect": "read",
          "status": "done" } ]);
    refund
}

pub fn amount(amount: f64) -> Answer {
    let args = map(json!({ "charge": "ch_2", "amount": amount }));
    Answer::Modify { option: "refund".to_owned(), args }
}

pub fn inform(facts: Value) -> Answer {
    Answer::Inform { text: String::new(), facts: map(facts), constraints: Vec::new() }
}

fn verdicts(preview: &Preview) -> Vec<(&str, Verdict)> {
    preview.directive.iter().map(|step| (step.id.as_str(), step.verdict)).collect()
}

pub async fn at_work() -> (Headless, Agent, String) {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, AGENT).await;
    let id = agent.submit(refund("k")).await;
    (desk, agent, id)
}

#[tokio::test]
async fn an_edit_against_finished_work_is_shown_with_its_step_and_takes_an_override() {
    let (desk, agent, id) = at_work().await;
    let mut asked = request(&desk, &id, amount(200.0));
    let preview = desk.engine.preview(&asked).unwrap();
    assert!(preview.needs_override && preview.faults.is_empty(), "{preview:?}");
    let conflict = &preview.conflicts[0];
    assert_eq!(
        (conflict.kind, conflict.step.as_deref()),
        (ConflictKind::Contradicts, Some("find"))
    );
    assert_eq!(conflict.pointer.as_deref(), Some("/amount"));
    assert!(conflict.text.contains("Find the charges"), "{}", conflict.text);
    assert_eq!(
        (preview.args[0].old.clone(), preview.args[0].new.clone()),
        (Some(json!(149.0)), Some(json!(200.0)))
    );

    let refused = desk.engine.decide(asked.clone()).await.unwrap_err();
    assert_eq!(refused.0.code, ErrorCode::Refused);
    assert!(refused.0.message.contains("Find the charges"), "{}", refused.0.message);
    assert_eq!(desk.engine.open_case(&id).unwrap().state, State::Ready);

    asked.overriding = Some(Override { why: "Goodwill.".to_owned() });
    desk.engine.decide(asked).await.unwrap();
    release(&desk).await;
    let told = agent.wait(&id, 0).await;
    assert_eq!(told["decision"]["override"]["why"], "Goodwill.");
    assert_eq!(told["decision"]["args"]["amount"], 200.0);
    assert_eq!(told["preconditions"][0]["tool"], "charges.get", "to be checked again");
}

#[tokio::test]
async fn an_override_of_nothing_is_not_recorded_and_faults_are_told_once() {
    let (desk, _, id) = at_work().await;
    let mut asked = request(&desk, &id, approve("refund"));
    asked.overriding = Some(Override { why: "To be sure.".to_owned() });
    assert!(!desk.engine.preview(&asked).unwrap().needs_override);
    desk.engine.decide(asked).await.unwrap();
    let decision = desk.engine.open_case(&id).unwrap().decision.unwrap();
    assert_eq!(decision.overriding, None);
    desk.engine.undo(&id).await.unwrap();
    let args = map(json!({ "charge": "ch_2", "amount": "all" }));
    let wrong = Answer::Modify { option: "refund".to_owned(), args };
    let faults = desk.engine.preview(&request(&desk, &id, wrong)).unwrap().faults;
    let places: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(places, ["/amount"], "{faults:?}");
}

#[tokio::test]
async fn a_new_fact_reruns_what_used_the_old_one_and_keeps_the_rest() {
    let (desk, agent, id) = at_work().await;
    let preview =
        desk.engine.preview(&request(&desk, &id, inform(json!({ "tag": "late" })))).unwrap();
    let steps = [("find", Keep), ("tag", Rerun), ("refund", Run), ("mail", Run), ("index", Run)];
    assert_eq!(verdicts(&preview), steps);
    let fact = &preview.facts[0];
    assert_eq!(
        (fact.old.clone(), &fact.new, &fact.used_by),
        (Some(json!("vip")), &json!("late"), &vec!["tag".to_owned()])
    );
    assert_eq!(preview.directive[2].needs, ["find"], "by what it uses, too");
    decide_and_release(&desk, &id, inform(json!({ "tag": "late" }))).await;
    let told = agent.wait(&id, 0).await;
    assert_eq!(told["directive"][1]["verdict"], "rerun", "{told}");
}

#[tokio::test]
async fn what_was_recorded_at_the_desk_counts_and_not_the_payload_alone() {
    let (desk, agent, id) = at_work().await;
    let sent = json!({ "task": task(), "action": { "id": "t2", "step": "tag", "tool": "mail.send",
        "input": { "tag": "vip" }, "effect": "irreversible", "status": "done" } });
    agent.call("action.record", sent).await.unwrap();
    let preview =
        desk.engine.preview(&request(&desk, &id, inform(json!({ "tag": "late" })))).unwrap();
    let conflict = &preview.conflicts[0];
    assert_eq!(conflict.kind, ConflictKind::Irreversible);
    assert_eq!((conflict.step.as_deref(), conflict.action.as_deref()), (Some("tag"), Some("t2")));
    assert!(!preview.needs_override, "what is true is true");
}

#[tokio::test]
async fn an_earlier_answer_of_the_task_is_known_and_another_question_holds_its_steps() {
    let (desk, agent, id) = at_work().await;
    decide_and_release(&desk, &id, inform(json!({ "tag": "late" }))).await;
    let mut index = refund("k2");
    index["pending_question"]["step"] = json!("index");
    index["options"][0]["action"]["tool"] = json!("index.write");
    let second = agent.submit(index).await;
    let mut mail = refund("k3");
    mail["pending_question"]["step"] = json!("mail");
    agent.submit(mail).await;
    let preview = desk.engine.preview(&request(&desk, &second, approve("refund"))).unwrap();
    let steps =
        [("find", Keep), ("tag", Rerun), ("refund", Run), ("mail", Blocked), ("index", Run)];
    assert_eq!(verdicts(&preview), steps, "{preview:?}");
    let free: Vec<bool> = preview.directive.iter().map(|step| step.free).collect();
    assert_eq!(free, [false, false, true, false, false]);
}

#[tokio::test]
async fn what_contradicts_only_since_it_was_decided_is_not_sent() {
    let (desk, agent, id) = at_work().await;
    let of = |one: &handoff_engine::Notice| one.handoff.as_deref() == Some(id.as_str());
    let notices = || desk.notifier.notices().into_iter().filter(of).count();
    until(&desk, || notices() == 1).await;
    let mut limited = refund("k");
    limited["briefing"]["constraints"] =
        json!([{ "text": "No more than was captured.", "expr": "args.amount <= facts.captured" }]);
    limited["actions_taken"][0]["facts"] = json!({ "captured": 149.0 });
    let revise = json!({ "id": id, "handoff": limited });
    agent.call("handoff.revise", revise).await.unwrap();
    decide(&desk, &id, approve("refund")).await;
    let less = json!({ "task": task(), "action": { "id": "f2", "step": "find",
        "tool": "charges.list", "effect": "read", "status": "done", "facts": { "captured": 20.0 } } });
    agent.call("action.record", less).await.unwrap();
    let before = notices();
    release(&desk).await;
    let case = desk.engine.open_case(&id).unwrap();
    assert_eq!(case.state, State::Ready, "it came back");
    let entry = case.thread.iter().find(|entry| entry.event == "contradicted").unwrap();
    assert!(entry.text.contains("No more than was captured"), "{}", entry.text);
    until(&desk, || notices() > before).await;
    let mut anyway = request(&desk, &id, approve("refund"));
    anyway.overriding = Some(Override { why: "It is settled.".to_owned() });
    desk.engine.decide(anyway).await.unwrap();
    release(&desk).await;
    assert_eq!(agent.wait(&id, 0).await["decision"]["kind"], "approve");
}

#[tokio::test]
async fn an_override_is_of_what_was_shown_and_of_nothing_that_came_since() {
    let (desk, agent, id) = at_work().await;
    let mut limited = refund("k");
    limited["briefing"]["constraints"] = json!([
        { "text": "No more than was captured.", "expr": "args.amount <= facts.captured" },
        { "text": "Not to a closed account.", "expr": "facts.account == 'open'" } ]);
    limited["actions_taken"][0]["facts"] = json!({ "captured": 20.0, "account": "open" });
    agent.call("handoff.revise", json!({ "id": id, "handoff": limited })).await.unwrap();
    let decide_against = async || {
        let mut against = request(&desk, &id, approve("refund"));
        against.overriding = Some(Override { why: "It is settled.".to_owned() });
        desk.engine.decide(against).await.unwrap();
    };
    decide_against().await;
    let closed = json!({ "task": task(), "action": { "id": "f2", "step": "find", "effect": "read",
        "tool": "charges.list", "status": "done", "facts": { "account": "closed" } } });
    agent.call("action.record", closed).await.unwrap();
    release(&desk).await;
    let case = desk.engine.open_case(&id).unwrap();
    assert_eq!(case.state, State::Ready, "nobody has overridden that");
    let entry = case.thread.iter().find(|entry| entry.event == "contradicted").unwrap();
    assert!(entry.text.contains("closed account"), "{}", entry.text);
    decide_against().await;
    release(&desk).await;
    assert_eq!(agent.wait(&id, 0).await["decision"]["kind"], "approve", "now it was seen");
}

#[tokio::test]
async fn the_agent_is_told_the_same_however_late_it_asks() {
    let (desk, agent, id) = at_work().await;
    decide_and_release(&desk, &id, reject(Then::Skip)).await;
    let told = agent.wait(&id, 0).await["directive"].clone();
    assert_eq!(told[2]["verdict"], "skip");
    let mut plan = refund("x")["plan"].clone();
    plan["steps"][4]["status"] = json!("done");
    let plan = json!({ "task": "t", "plan": plan, "revision": 1 });
    agent.call("task.plan", plan).await.unwrap();
    assert_eq!(agent.get(&id).await["directive"], told);
    drop(agent);
    let desk = desk.restart().await.unwrap();
    let shown = desk.engine.open_case(&id).unwrap().plan;
    assert_eq!((shown[2].verdict, shown[4].verdict), (Verdict::Skip, Run), "as it was told");
}

#[tokio::test]
async fn a_plan_that_lost_the_asked_step_can_be_left_and_not_gone_on_with() {
    let (desk, agent, id) = at_work().await;
    let mut plan = refund("x")["plan"].clone();
    plan["steps"].as_array_mut().unwrap().truncate(2);
    let (owner, task) = (AGENT.to_owned(), "t".to_owned());
    let plan = serde_json::from_value(plan).unwrap();
    let edit = EditPlan { agent: owner, task, revision: 1, plan, text: None };
    desk.engine.edit_plan(edit).await.unwrap();
    let preview = desk.engine.preview(&request(&desk, &id, approve("refund"))).unwrap();
    assert!(preview.faults[0].message.contains("no step"), "{preview:?}");
    let refused = desk.engine.decide(request(&desk, &id, approve("refund"))).await.unwrap_err();
    assert_eq!(refused.0.code, ErrorCode::InvalidParams);
    decide_and_release(&desk, &id, reject(Then::Stop)).await;
    assert_eq!(agent.wait(&id, 0).await["decision"]["kind"], "reject");
}

#[tokio::test]
async fn giving_back_is_previewed_as_it_will_be() {
    let (desk, agent, _) = at_work().await;
    let (of, task) = (AGENT.to_owned(), "t".to_owned());
    let take = TakeOver { agent: of.clone(), task: task.clone(), message: None };
    desk.engine.take_over(take).await.unwrap();
    let done = vec![StepDone { step: "refund".to_owned(), output: None }];
    let facts = map(json!({ "tag": "late" }));
    let back = GiveBack { agent: of, task, done, facts, text: None };
    let shown = desk.engine.preview_give_back(&back).unwrap();
    let lines: Vec<(&str, Verdict)> =
        shown.directive.iter().map(|step| (step.id.as_str(), step.verdict)).collect();
    let free = [("mail", Run), ("index", Run)];
    assert_eq!(lines[..3], [("find", Keep), ("tag", Rerun), ("refund", Keep)]);
    assert_eq!(lines[3..], free, "the question about what was done by hand holds nothing");
    desk.engine.give_back(back.clone()).await.unwrap();
    let told = agent.call("agent.next", json!({})).await.unwrap();
    let told = told["items"].as_array().unwrap().last().unwrap()["directive"].clone();
    let told: Vec<Verdict> = serde_json::from_value::<Vec<Value>>(told)
        .unwrap()
        .into_iter()
        .map(|line| serde_json::from_value(line["verdict"].clone()).unwrap())
        .collect();
    let shown: Vec<Verdict> = lines.into_iter().map(|(_, verdict)| verdict).collect();
    assert_eq!(told, shown, "what was shown is what was told");
    let twice = vec![back.done[0].clone(), back.done[0].clone()];
    let faults = desk.engine.preview_give_back(&GiveBack { done: twice, ..back }).unwrap().faults;
    assert!(faults[0].message.contains("reported twice"), "{faults:?}");
}

/// What an agent is told becomes of a step, with the values that it is to use.
async fn line(agent: &Agent, id: &str, step: &str) -> (Value, Value) {
    let told = agent.wait(id, 0).await;
    let lines = told["directive"].as_array().unwrap().iter();
    let line = lines.clone().find(|line| line["step"] == step).expect("the step");
    (line["verdict"].clone(), line["facts"].clone())
}

#[tokio::test]
async fn what_was_given_back_holds_in_every_later_answer() {
    let (desk, agent, id) = at_work().await;
    crate::by_hand::take_over(&desk, AGENT).await;
    crate::by_hand::give_back(&desk, AGENT, &[], map(json!({ "tag": "late" }))).await;
    decide_and_release(&desk, &id, approve("refund")).await;
    let late = json!({ "tag": "late" });
    assert_eq!(line(&agent, &id, "tag").await, (json!("rerun"), late), "it used another tag");
}

#[tokio::test]
async fn what_an_edit_has_corrected_holds_in_every_later_answer() {
    let (desk, agent, id) = at_work().await;
    let mut asked = refund("k");
    asked["plan"]["steps"][2]["uses"] = json!(["facts.tag"]);
    asked["options"][0]["action"]["args"]["tag"] = json!("vip");
    agent.call("handoff.revise", json!({ "id": id, "handoff": asked })).await.expect("revised");
    let args = map(json!({ "charge": "ch_2", "amount": 149.0, "tag": "late" }));
    let edit = Answer::Modify { option: "refund".to_owned(), args };
    let mut request = request(&desk, &id, edit);
    request.overriding = Some(Override { why: "She wrote late.".to_owned() });
    desk.engine.decide(request).await.unwrap();
    release(&desk).await;
    let late = json!({ "tag": "late" });
    assert_eq!(line(&agent, &id, "tag").await, (json!("rerun"), late.clone()));
    let mut other = refund("k2");
    other["pending_question"]["step"] = json!("index");
    let other = agent.submit(other).await;
    decide_and_release(&desk, &other, approve("refund")).await;
    assert_eq!(line(&agent, &other, "tag").await, (json!("rerun"), late), "still");
}

#[tokio::test]
async fn finished_work_that_came_in_the_way_since_is_shown_before_anything_goes_out() {
    let (desk, agent, id) = at_work().await;
    decide(&desk, &id, inform(json!({ "tag": "late" }))).await;
    let sent = json!({ "task": task(), "action": { "id": "t2", "step": "tag", "tool": "mail.send",
        "input": { "tag": "vip" }, "effect": "irreversible", "status": "done" } });
    agent.call("action.record", sent).await.unwrap();
    release(&desk).await;
    let case = desk.engine.open_case(&id).unwrap();
    assert_eq!(case.state, State::Ready, "nobody has seen that");
    let entry = case.thread.iter().find(|entry| entry.event == "contradicted").unwrap();
    assert!(entry.text.contains("Tag the case"), "{}", entry.text);
    decide_and_release(&desk, &id, inform(json!({ "tag": "late" }))).await;
    assert_eq!(agent.wait(&id, 0).await["decision"]["kind"], "inform", "now it was seen");
}
