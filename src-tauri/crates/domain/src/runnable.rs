//! Which steps wait for a decision, and which may go on (invariant 8).
//!
//! A step waits only for a question about itself or about a step it depends
//! on, directly or not, by `depends_on` or `uses`. Several questions may be
//! open at once; each holds its own. Nothing here knows what is answered.

use std::collections::BTreeSet;

use crate::directive::{dependants, needs};
use crate::payload::{Plan, Step, StepStatus};
use crate::reconcile::Graph;

/// A handoff that is still to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending<'p> {
    /// Its id.
    pub id: &'p str,
    /// The step that waits for it; none where the agent did not say.
    pub step: Option<&'p str>,
}

/// The steps that wait while questions are open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waiting {
    /// All of them: a question names no step.
    All,
    /// These.
    Steps(BTreeSet<String>),
}

impl Waiting {
    /// Whether this step waits.
    pub fn has(&self, step: &str) -> bool {
        match self {
            Self::All => true,
            Self::Steps(steps) => steps.contains(step),
        }
    }
}

/// The steps that wait while these questions are open.
pub fn waiting(plan: &Plan, pending: &[Pending<'_>]) -> Waiting {
    let mut asked = Vec::with_capacity(pending.len());
    for question in pending {
        let Some(step) = question.step else { return Waiting::All };
        asked.push(step);
    }
    let mut steps = dependants(plan, &asked);
    steps.extend(asked.into_iter().map(str::to_owned));
    Waiting::Steps(steps)
}

/// The steps that are free to go while these questions are open: not begun,
/// all they need is there, and none of it waits.
pub fn runnable(plan: &Plan, pending: &[Pending<'_>]) -> Vec<String> {
    let waiting = waiting(plan, pending);
    let known: BTreeSet<&str> = plan.steps.iter().map(|step| step.id.as_str()).collect();
    let over: BTreeSet<&str> = plan
        .steps
        .iter()
        .filter(|step| matches!(step.status, StepStatus::Done | StepStatus::Skipped))
        .map(|step| step.id.as_str())
        .collect();
    let free = |step: &&Step| {
        step.status == StepStatus::Pending
            && !waiting.has(&step.id)
            && needs(step, &known).all(|id| over.contains(id))
    };
    plan.steps.iter().filter(free).map(|step| step.id.clone()).collect()
}

/// The steps that may go on, now or once what they need is there, while these
/// questions are open.
pub fn free_steps(plan: &Plan, pending: &[Pending<'_>]) -> BTreeSet<String> {
    let waiting = waiting(plan, pending);
    plan.steps
        .iter()
        .filter(|step| matches!(step.status, StepStatus::Pending | StepStatus::Running))
        .filter(|step| !waiting.has(&step.id))
        .map(|step| step.id.clone())
        .collect()
}

/// The pending handoffs of a task that a call has to wait for (invariant 8):
/// those whose step it belongs to or depends on, directly or not. A call that
/// names no step, or one that the plan does not know, waits for all of them,
/// unless it only reads.
pub fn waits_for(
    plan: Option<&Plan>,
    step: Option<&str>,
    pending: &[Pending<'_>],
    reads: bool,
) -> Vec<String> {
    if pending.is_empty() {
        return Vec::new();
    }
    let graph = plan.map(Graph::new);
    let known = graph.as_ref().zip(step).and_then(|(graph, step)| {
        let place = graph.place(step)?;
        let up: BTreeSet<usize> = graph.all_needs(place).into_iter().chain([place]).collect();
        Some((graph, up))
    });
    let holds = |other: &Pending<'_>| match (&known, other.step) {
        (Some((graph, up)), Some(asked)) => graph.place(asked).is_some_and(|at| up.contains(&at)),
        // Nobody knows how the two belong together.
        _ => !reads,
    };
    pending.iter().filter(|other| holds(other)).map(|other| other.id.to_owned()).collect()
}
