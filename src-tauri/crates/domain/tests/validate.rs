//! Whole payloads through the validator.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use chrono::{DateTime, Utc};
use handoff_domain::reconcile::{Case, reconcile};
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
fn what_the_readme_hands_off_is_accepted() {
    let readme = include_str!("../../../../README.md");
    let (_, text) = readme.split_once("<<'END'").expect("an example in a shell");
    let (_, text) = text.split_once('\n').expect("lines below the command");
    let (text, _) = text.split_once("\nEND\n").expect("where the payload ends");
    parse(text, now()).expect("accepted");
}

#[test]
fn the_constraints_of_the_refund_hold_for_what_is_proposed() {
    let checked = parse(include_str!("examples/handoff-refund.json"), now()).expect("accepted");
    let stands = reconcile(&Case::of(&checked.payload, None, now())).constraints;
    assert_eq!(stands.len(), 2 * checked.payload.options.len());
    assert!(stands.iter().all(|stand| stand.holds == Some(true)), "{stands:?}");
}
