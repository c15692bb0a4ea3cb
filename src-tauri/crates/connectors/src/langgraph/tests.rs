//! The dialects, held against what the Python package reads in them, too.

use handoff_domain::decision::Decision;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::NoForm;
use super::card::{self, Asked, Place};
use super::dialect::{Question, read};
use super::thread::Waiting;

#[derive(Deserialize)]
struct Case {
    name: String,
    value: Value,
    #[serde(default)]
    schema: Option<Value>,
    #[serde(default)]
    malformed: Option<String>,
    #[serde(default)]
    questions: Vec<Value>,
    #[serde(default)]
    answers: Vec<Map<String, Value>>,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("../../tests/dialects.json")).expect("cases")
}

fn decision(decision: &Value) -> Decision {
    let mut whole = json!({ "by": "reviewer", "at": "2026-11-23T05:00:00Z" });
    let fields = decision.as_object().cloned().expect("an object");
    whole.as_object_mut().expect("an object").extend(fields);
    serde_json::from_value(whole).expect("a decision")
}

fn shown(question: &Question) -> Value {
    json!({
        "tool": question.tool, "args": question.args, "text": question.text, "can": question.can,
        "reason": question.reason, "description": question.description,
        "args_schema": question.args_schema, "label": question.label,
        "risk_why": question.risk_why,
    })
}

/// What a graph shows, whatever the order of its names.
fn unordered(question: &Value) -> Value {
    let mut question = question.clone();
    let text = question["description"].as_str().map(str::to_owned);
    if let Some((before, json)) = text.as_deref().and_then(|text| text.split_once(": "))
        && let Ok(parsed) = serde_json::from_str::<Value>(json)
    {
        question["description"] = json!([before, parsed]);
    }
    question
}

#[test]
fn each_dialect_is_read_and_answered_as_the_python_package_does() {
    for case in cases() {
        let name = &case.name;
        let reading = match (read(&case.value, case.schema.as_ref()), &case.malformed) {
            (Err(malformed), Some(expected)) => {
                assert!(malformed.0.contains(expected), "{name}: {malformed:?}");
                continue;
            }
            (Ok(reading), None) => reading,
            (found, expected) => panic!("{name}: {found:?}, expected {expected:?}"),
        };
        let found: Vec<Value> =
            reading.questions.iter().map(|question| unordered(&shown(question))).collect();
        let expected: Vec<Value> = case.questions.iter().map(unordered).collect();
        assert_eq!(found, expected, "{name}");
        for answer in &case.answers {
            let decisions: Vec<Decision> =
                answer["decisions"].as_array().expect("a list").iter().map(decision).collect();
            let expected = match answer.get("sent") {
                Some(sent) => Ok(sent.clone()),
                None if answer["nothing"] == "as_decided" => Err(NoForm::AsDecided),
                None => Err(NoForm::Unanswerable),
            };
            assert_eq!(reading.answer(&decisions), expected, "{name}: {answer:?}");
        }
    }
}

#[test]
fn each_question_is_a_handoff_that_the_desk_takes() {
    let place = Place {
        server: "team".to_owned(),
        thread: "01a206ed-ac7e-7775-a0bf-72595d1bdaef".to_owned(),
        graph: Some("refunds".to_owned()),
        assistant: None,
        title: None,
    };
    let now = chrono::DateTime::from_timestamp(1_790_000_000, 0).expect("a time");
    let mut all: Vec<Waiting> = cases()
        .into_iter()
        .filter(|case| case.malformed.is_none())
        .map(|Case { value, schema, .. }| Waiting::Interrupt { id: "a1".into(), value, schema })
        .collect();
    let nodes = vec!["send".to_owned(), "tell".to_owned()];
    all.push(Waiting::Breakpoint { checkpoint: "c".into(), next: nodes.clone() });
    let why = "no ".repeat(40_000);
    all.push(Waiting::Failed { checkpoint: "c".into(), nodes, why });
    let long = json!({ "a": "x".repeat(70_000), "b": ["y".repeat(70_000)] });
    all.push(Waiting::Interrupt { id: "a2".into(), value: long, schema: None });
    for waiting in all {
        let asked = Asked::of(&waiting).expect("understood");
        for (part, question) in asked.questions().iter().enumerate() {
            let key = card::key(&place.thread, &waiting.question(), part, 1);
            let handoff = card::handoff(&place, &waiting, question, &key).to_string();
            let checked = handoff_domain::validate::parse(&handoff, now);
            assert!(checked.is_ok(), "{:?}: {:?}", waiting.question(), checked.err());
        }
    }
}

#[test]
fn a_part_or_another_attempt_has_a_key_of_its_own() {
    let keys = [("t", "q", 0, 1), ("t", "q", 1, 1), ("t", "q", 0, 2), ("t", "r", 0, 1)];
    let made: std::collections::BTreeSet<String> = keys
        .iter()
        .map(|(thread, question, part, attempt)| card::key(thread, question, *part, *attempt))
        .collect();
    assert_eq!(made.len(), keys.len());
    assert!(made.iter().all(|key| handoff_domain::identity::is_key(key)), "{made:?}");
}

#[test]
fn going_on_takes_a_yes_and_nothing_else() {
    let waiting = Waiting::Breakpoint { checkpoint: "c".into(), next: vec!["n".to_owned()] };
    let asked = Asked::of(&waiting).expect("understood");
    for (one, expected) in [
        (json!({ "kind": "approve" }), Ok(None)),
        (json!({ "kind": "reject", "reason": "No.", "then": "stop" }), Err(NoForm::AsDecided)),
        (json!({ "kind": "take_over" }), Err(NoForm::AsDecided)),
        (json!({ "kind": "inform", "text": "x" }), Err(NoForm::Unanswerable)),
        // Nobody said yes.
        (json!({ "kind": "approve", "by": "System" }), Err(NoForm::Unanswerable)),
    ] {
        assert_eq!(asked.answer(&[decision(&one)]), expected, "{one}");
    }
}
