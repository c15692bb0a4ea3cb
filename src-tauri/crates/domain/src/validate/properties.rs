//! The validator against the published schema, over generated payloads: valid
//! ones, and the same with something broken in them.

mod payloads;

use std::sync::LazyLock;

use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Value, json};

use self::payloads::{any_json, broken, valid};
use super::{Deadlines, Faults, parse, parse_with, shape};
use crate::payload::Payload;
use crate::schema;

fn compiled(schema: &Value) -> Validator {
    jsonschema::options().should_validate_formats(true).build(schema).expect("a schema")
}

/// The schema of the types alone, as the shape is walked off it.
static SHAPE: LazyLock<Validator> = LazyLock::new(|| compiled(schema::shape()));

/// The published one, with what depends on more than one field.
static PUBLISHED: LazyLock<Validator> =
    LazyLock::new(|| compiled(&schema::schema("handoff").expect("known")));

fn now() -> chrono::DateTime<chrono::Utc> {
    "2026-11-20T09:15:00Z".parse().expect("a moment")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn valid_payloads_are_accepted_by_both_and_come_back_whole(value in valid()) {
        let checked = parse(&value.to_string(), now());
        prop_assert!(checked.is_ok(), "{:?} for {value:#}", checked.err());
        prop_assert!(PUBLISHED.is_valid(&value), "{:?} for {value:#}", PUBLISHED.validate(&value));
        let checked = checked.expect("accepted");
        let text = serde_json::to_string(&checked.payload).expect("json");
        let back: Payload = serde_json::from_str(&text).expect("a payload");
        prop_assert_eq!(&back, &checked.payload);
        let again = parse(&text, now());
        prop_assert!(again.is_ok(), "what the desk writes is a payload again: {:?}", again.err());
    }

    #[test]
    fn both_see_the_same_shape_in_broken_payloads(value in broken()) {
        let mut faults = Faults::default();
        shape::check(&value, &mut faults);
        let faults = faults.into_list();
        prop_assert_eq!(
            faults.is_empty(),
            SHAPE.is_valid(&value),
            "{:?} and {:?} for {:#}", faults, SHAPE.validate(&value).map_err(|error| error.to_string()), value
        );
        let accepted = parse(&value.to_string(), now());
        if accepted.is_ok() {
            prop_assert!(PUBLISHED.is_valid(&value), "{:?} for {value:#}", PUBLISHED.validate(&value));
        } else {
            let faults = accepted.expect_err("refused");
            prop_assert!(faults.iter().all(|fault| !fault.hint.contains("`handoff schema`")), "{faults:?}");
            // A fault leads to a place that is there, or to one right below such.
            for fault in faults {
                let parent = fault.pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
                prop_assert!(value.pointer(parent).is_some(), "{fault:?} for {value:#}");
            }
        }
    }

    #[test]
    fn no_text_brings_the_reader_down(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let text = String::from_utf8_lossy(&bytes);
        prop_assert!(parse(&text, now()).is_err());
    }

    #[test]
    fn no_json_brings_the_validator_down(value in any_json()) {
        prop_assert!(parse(&value.to_string(), now()).is_err());
    }
}

#[test]
fn the_rules_over_several_fields_are_in_the_published_schema_too() {
    let base = json!({
        "version": "1", "key": "k", "task": { "id": "t", "title": "t", "goal": "g" },
        "reason": { "code": "other" }, "priority": "low", "summary": "s",
        "pending_question": { "text": "q" }
    });
    let option = json!({ "id": "a", "label": "l", "risk": { "level": "low", "effect": "read", "why": "w" } });
    let times = [
        json!({}),
        json!({"respond_by": "2027-01-01T00:00:00Z"}),
        json!({"respond_within_s": 60}),
        json!({"respond_by": "2027-01-01T00:00:00Z", "respond_within_s": 60}),
        json!({"respond_by": null, "respond_within_s": 60}),
        json!({"respond_by": null, "respond_within_s": null}),
    ];
    let outcomes = [
        json!({"kind": "escalate"}),
        json!({"kind": "safe_default"}),
        json!({"kind": "safe_default", "option": null}),
        json!({"kind": "safe_default", "option": "a"}),
        json!({"kind": "manual_review", "option": "a"}),
    ];
    let allowed = [
        None,
        Some(json!(null)),
        Some(json!([])),
        Some(json!(["inform"])),
        Some(json!(["modify"])),
        Some(json!(["approve", "inform"])),
        Some(json!(["inform", "inform"])),
    ];
    let options = [None, Some(json!([])), Some(json!([option]))];
    let mut accepted = 0;
    for time in &times {
        for outcome in &outcomes {
            for allowed in &allowed {
                for options in &options {
                    let mut value = base.clone();
                    value["deadline"] = time.clone();
                    value["deadline"]["on_timeout"] = outcome.clone();
                    for (name, given) in [("allowed_decisions", allowed), ("options", options)] {
                        if let Some(given) = given {
                            value[name] = given.clone();
                        }
                    }
                    // That the option exists is beyond any schema.
                    let names_it = outcome["option"] == "a";
                    let there = options.as_ref().is_some_and(|list| list[0]["id"] == "a");
                    if names_it && !there {
                        continue;
                    }
                    let outcome = parse(&value.to_string(), now());
                    accepted += usize::from(outcome.is_ok());
                    assert_eq!(
                        outcome.is_ok(),
                        PUBLISHED.is_valid(&value),
                        "{outcome:?} for {value:#}"
                    );
                }
            }
        }
    }
    assert!(accepted > 10, "{accepted} were accepted");
}

#[test]
fn a_deadline_gone_by_is_taken_from_the_spool_only() {
    let text = json!({
        "version": "1", "key": "k", "task": { "id": "t", "title": "t", "goal": "g" },
        "reason": { "code": "other" }, "priority": "low", "summary": "s",
        "pending_question": { "text": "q" }, "allowed_decisions": ["inform"],
        "deadline": { "respond_by": "2026-11-20T09:14:59Z", "warn_before_s": 600, "on_timeout": { "kind": "escalate" } }
    })
    .to_string();
    assert_eq!(parse(&text, now()).expect_err("past")[0].pointer, "/deadline/respond_by");
    assert!(parse_with(&text, now(), Deadlines::AnyTime).is_ok());
}
