//! The rules of the history: own ids, known references, no circle, undos that
//! can run; and the size of what is free for the agent.

use std::io;

use chrono::DateTime;
use serde::Deserialize as _;
use serde_json::Value;

use super::graph::{cycles, spell};
use super::options::unique_ids;
use super::plan::Known;
use super::{Faults, MAX_META_BYTES, items, member};
use crate::action::Undo;

/// Adds every fault of the actions, and of `meta`.
pub(super) fn check(payload: &Value, faults: &mut Faults) {
    let actions = items(payload, "actions_taken");
    unique_ids(actions, "/actions_taken", "action", faults);
    let known = Known::new(actions);
    let edges: Vec<_> = actions
        .iter()
        .enumerate()
        .map(|(index, action)| {
            known.needs(action, &format!("/actions_taken/{index}"), "action", faults)
        })
        .collect();
    for (index, action) in actions.iter().enumerate() {
        in_order(action, index, faults);
        undo(action, &format!("/actions_taken/{index}"), faults);
    }
    for cycle in cycles(&edges) {
        faults.add(
            cycle.pointer,
            format!(
                "The actions used each other's result in a circle: {}.",
                spell(&cycle.nodes, |node| known.name(node))
            ),
            "Take out one of these dependencies.",
        );
    }
    if let Some(size) = member(payload, "meta").map(size).filter(|size| *size > MAX_META_BYTES) {
        faults.add(
            "/meta",
            format!("`meta` has {size} bytes."),
            format!("Give at most {MAX_META_BYTES} bytes."),
        );
    }
}

/// Adds every fault of an undo that could never run as it is, where its shape
/// has none.
pub(super) fn undo(action: &Value, place: &str, faults: &mut Faults) {
    let Some(Ok(undo)) = member(action, "undo").map(Undo::deserialize) else { return };
    for fault in undo.faults() {
        let pointer = format!("{place}/undo/{}", fault.at);
        if !faults.has(&pointer) {
            faults.add(pointer, fault.what, fault.hint);
        }
    }
}

/// Adds a fault where an action ended before it started.
fn in_order(action: &Value, index: usize, faults: &mut Faults) {
    let at = |name: &str| {
        let text = member(action, name)?.as_str()?;
        DateTime::parse_from_rfc3339(text).ok()
    };
    if let (Some(started), Some(ended)) = (at("started_at"), at("ended_at"))
        && ended < started
    {
        faults.add(
            format!("/actions_taken/{index}/ended_at"),
            format!("The action ended at {ended}, before it started at {started}."),
            "Give both by the same clock, or leave them out.",
        );
    }
}

/// The bytes of a value as compact JSON.
fn size(value: &Value) -> usize {
    struct Count(usize);
    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // Counting cannot fail, and a `Value` has only keys that are texts.
    match serde_json::to_writer(&mut count, value) {
        Ok(()) => count.0,
        Err(_) => usize::MAX,
    }
}
