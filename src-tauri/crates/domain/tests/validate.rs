//! Whole payloads through the validator.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use chrono::{DateTime, Utc};
use handoff_domain::validate::parse;

fn now() -> DateTime<Utc> {
    "2026-11-20T09:15:00Z".parse().expect("a moment")
}

#[test]
fn the_published_examples_are_accepted_as_they_are() {
    for text in [
        include_str!("examples/handoff-minimal.json"),
        include_str!("examples/handoff-refund.json"),
    ] {
        let checked = parse(text, now()).expect("accepted");
        assert_eq!(checked.value, serde_json::from_str::<serde_json::Value>(text).expect("json"));
    }
}

#[test]
fn the_constraints_of_the_refund_hold_for_what_is_proposed() {
    let checked = parse(include_str!("examples/handoff-refund.json"), now()).expect("accepted");
    let args = checked.payload.options[0].action.as_ref().map(|action| &action.args);
    let results = handoff_domain::constraint::results(&checked.payload, args);
    assert_eq!(results.len(), 2);
    assert!(results.iter().all(|result| result.holds), "{results:?}");
}
