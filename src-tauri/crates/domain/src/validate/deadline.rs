//! The rules of a deadline: one way to say when, a time still to come, a lead
//! that fits, a default that may be taken unasked.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::names::{choose, clip, listing};
use super::shape::moment;
use super::{Deadlines, Faults, items, member, text};

const PLACE: &str = "/deadline";

/// Adds every fault of the deadline.
pub(super) fn check(
    payload: &Value,
    now: DateTime<Utc>,
    deadlines: Deadlines,
    faults: &mut Faults,
) {
    let Some(deadline) = payload.get("deadline").filter(|deadline| deadline.is_object()) else {
        return;
    };
    let by = member(deadline, "respond_by");
    let within = member(deadline, "respond_within_s");
    match (by, within) {
        (Some(_), Some(_)) => faults.add(
            PLACE,
            "Both `respond_by` and `respond_within_s` are given.",
            "Give one of them: a moment, or a number of seconds.",
        ),
        (None, None) => faults.add(
            PLACE,
            "Neither `respond_by` nor `respond_within_s` is given.",
            "Give one of them: a moment, or a number of seconds.",
        ),
        (Some(_), None) | (None, Some(_)) => {}
    }
    let by = by.and_then(Value::as_str).and_then(moment);
    let left = by.map(|by| by.with_timezone(&Utc) - now);
    if deadlines == Deadlines::Future && left.is_some_and(|left| left <= TimeDelta::zero()) {
        faults.add(
            "/deadline/respond_by",
            "The deadline has passed already.",
            format!(
                "Give a moment after {}.",
                now.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
            ),
        );
    }
    lead(deadline, left.filter(|left| *left > TimeDelta::zero()), deadlines, faults);
    if let Some(on_timeout) = deadline.get("on_timeout").filter(|given| given.is_object()) {
        default_option(payload, on_timeout, faults);
    }
}

fn lead(deadline: &Value, left: Option<TimeDelta>, deadlines: Deadlines, faults: &mut Faults) {
    let seconds = |name| member(deadline, name).and_then(Value::as_f64);
    let Some(lead) = seconds("warn_before_s") else { return };
    #[expect(clippy::cast_precision_loss, reason = "a span in milliseconds is far below 2^53")]
    let left = left
        .filter(|_| deadlines == Deadlines::Future)
        .map(|left| left.num_milliseconds() as f64 / 1000.0);
    if let Some(span) = seconds("respond_within_s").or(left).filter(|span| lead > *span) {
        faults.add(
            "/deadline/warn_before_s",
            format!(
                "The warning is to come {lead} s before a deadline only {} s away.",
                span.floor()
            ),
            "Give a shorter lead, or more time; without a lead the last fifth is taken.",
        );
    }
}

fn default_option(payload: &Value, on_timeout: &Value, faults: &mut Faults) {
    const OPTION: &str = "/deadline/on_timeout/option";
    let option = member(on_timeout, "option");
    if text(on_timeout, "kind") != Some("safe_default") {
        let known_kind = matches!(text(on_timeout, "kind"), Some("escalate" | "manual_review"));
        if option.is_some() && known_kind {
            faults.add(
                OPTION,
                "Only `safe_default` takes an option.",
                "Leave `option` out, or set `kind` to `safe_default`.",
            );
        }
        return;
    }
    let options = items(payload, "options");
    let ids: Vec<&str> = options.iter().filter_map(|option| text(option, "id")).collect();
    let Some(option) = option else {
        faults.add(
            OPTION,
            "`safe_default` needs the option that is taken when nobody answers.",
            format!(
                "Give the id of an option that is not irreversible. Known are {}.",
                listing(&ids)
            ),
        );
        return;
    };
    let Some(id) = option.as_str() else { return };
    match options.iter().find(|option| text(option, "id") == Some(id)) {
        None => faults.add(OPTION, format!("There is no option `{}`.", clip(id)), choose(id, &ids)),
        Some(chosen)
            if chosen.pointer("/risk/effect").and_then(Value::as_str) == Some("irreversible") =>
        {
            faults.add(
                OPTION,
                format!("The option `{}` is irreversible; time alone never does what cannot be undone.", clip(id)),
                "Name an option that reads or can be taken back, or use `escalate` or `manual_review`.",
            );
        }
        Some(_) => {}
    }
}
