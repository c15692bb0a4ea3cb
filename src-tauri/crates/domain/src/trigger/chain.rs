//! A chain of calls that nobody has looked at for too long.
//!
//! It counts; what the calls were does not matter.

use std::collections::BTreeMap;

use super::{Measure, TriggerKind, show, since};
use crate::trace::{Proposed, Trace};

/// More calls since a person looked than `bound`, the proposed one among them;
/// and how many there were before it.
pub(super) fn too_long(trace: &Trace, proposed: &Proposed<'_>, bound: u32) -> Measure {
    let made = trace.since_decision;
    if made < bound {
        return (made, None);
    }
    let headline = format!(
        "{made} calls were made since a person last looked at this task; {} would be one more.",
        show::name(proposed.tool)
    );
    let calls = since(trace);
    let mut tools: BTreeMap<&str, usize> = BTreeMap::new();
    for call in calls {
        *tools.entry(&call.tool).or_default() += 1;
    }
    let mut tools: Vec<_> = tools.into_iter().collect();
    tools.sort_by_key(|(name, times)| (std::cmp::Reverse(*times), *name));
    let listed: Vec<String> = tools
        .iter()
        .take(10)
        .map(|(tool, times)| format!("{} × {times}", show::clip(tool, 40)))
        .collect();
    let mut exhibits = Vec::new();
    if let (Some(first), Some(last)) = (calls.first(), calls.last()) {
        exhibits.push(show::of_proposed("calls by tool", &listed.join(", ")));
        for (label, call) in [("first", first), ("latest", last)] {
            let text = format!("{} {}", call.tool, show::args_of(call));
            exhibits.push(show::of_call(call, &format!("{label} of them"), &text));
        }
    }
    (made, Some(show::evidence(TriggerKind::ChainLength, &headline, exhibits)))
}
