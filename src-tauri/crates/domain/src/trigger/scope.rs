//! A tool, or a target in the arguments, that the task did not declare.
//!
//! A task that declared no tools, or no targets, has no bounds to leave.

use super::targets::{Declared, is_declared, reaches};
use super::{Evidence, TriggerKind, show};
use crate::trace::{Proposed, Trace};

/// What of the call lies outside.
pub(super) fn outside(trace: &Trace, proposed: &Proposed<'_>) -> Option<Evidence> {
    let list = |declared: &'_ Option<Vec<String>>| {
        declared.as_deref().filter(|list| !list.is_empty()).map(<[String]>::to_vec)
    };
    let (tools, targets) = (list(&trace.tools), list(&trace.targets));
    let mut exhibits = Vec::new();
    let mut headline = String::new();
    if let Some(tools) = tools.filter(|tools| !is_declared(tools, proposed.tool)) {
        headline = format!("{} is no tool that the task declared.", show::name(proposed.tool));
        exhibits.push(show::of_proposed("tool", proposed.tool));
        exhibits.push(show::of_proposed("tools declared", &tools.join(", ")));
    }
    if let Some(targets) = targets {
        let declared = Declared::new(&targets, proposed.cwd);
        let mut beyond = reaches(proposed.args);
        beyond.extend(declared.place(proposed));
        beyond.retain(|reach| !declared.covers(&reach.target));
        if let Some(first) = beyond.first() {
            if headline.is_empty() {
                headline = format!(
                    "{} reaches for {}, which the task did not declare.",
                    show::name(proposed.tool),
                    show::name(&first.shown),
                );
            }
            let room = show::MAX_EXHIBITS - 1 - exhibits.len();
            exhibits.extend(
                beyond
                    .iter()
                    .take(room)
                    .map(|reach| show::of_proposed(&reach.argument, &reach.shown)),
            );
            exhibits.push(show::of_proposed("targets declared", &targets.join(", ")));
        }
    }
    (!headline.is_empty()).then(|| show::evidence(TriggerKind::Scope, &headline, exhibits))
}
