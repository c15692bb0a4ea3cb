//! What was told to be done again, and was not yet.
//!
//! What made a step stale may not be seen any more by the next answer: it is a step
//! that was done again since, a constraint or an edit of an answer before, or what a
//! person did by hand. So each word carries on what those before it had done again,
//! with the moment from which doing it counts: what followed that is not done a third
//! time.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{Case, Graph};
use crate::record::Recorded;

/// That a step was told to be done again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owed {
    /// When that was told first; where it builds on another one of them that was done
    /// again since, when that was.
    pub told_at: DateTime<Utc>,
    /// The agent says that it did, which counts where nothing of the step is recorded.
    pub said: bool,
}

/// The steps of which that still holds, with the moment from which doing it counts: a
/// step that builds on another one of them is done again only after that one.
pub(super) fn still<'c>(
    case: &Case<'c>,
    graph: &Graph<'_>,
    actions: &[Vec<usize>],
) -> BTreeMap<&'c str, DateTime<Utc>> {
    let mut still: BTreeMap<&str, DateTime<Utc>> =
        case.owed.iter().map(|(step, owed)| (*step, owed.told_at)).collect();
    if still.is_empty() {
        return still;
    }
    let mut begun: Vec<Option<DateTime<Utc>>> = vec![None; actions.len()];
    for place in graph.in_order() {
        let step = case.plan.steps[place].id.as_str();
        let Some(owed) = case.owed.get(step) else { continue };
        let needs = graph.needs()[place].iter().filter_map(|need| begun[*need]);
        let since = needs.fold(owed.told_at, DateTime::max);
        let of_step = actions[place].iter().map(|at| &case.actions[*at]);
        let again = of_step.filter(|done| done.stands() && done.follows(since));
        begun[place] = again.filter_map(Recorded::begun).min();
        if begun[place].is_some() || owed.said && actions[place].is_empty() {
            still.remove(step);
        } else {
            still.insert(step, since);
        }
    }
    still
}
