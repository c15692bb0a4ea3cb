//! The undos that a directive asks for before steps are done again: the reviewer
//! has seen them on deciding, and the desk has them done.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use handoff_domain::rollback::execution::Execution;
use handoff_domain::rollback::{Ledger as Planned, Selection, plan};
use handoff_store::{RollbackRow, Write};
use serde_json::json;

use crate::course::Course;
use crate::gate::entry;
use crate::ledger::Ledger;
use crate::{Actor, Failure, control, random_hex};

/// How many rollbacks of a task are looked through for what was tried.
const LATEST: u32 = 50;

/// Begins the rollback that the last word on a task asks for, unless another is
/// not over; then it begins after that one. What was tried since is not tried
/// again by itself.
pub fn begin_told(
    write: &Write<'_>,
    agent: &str,
    task: &str,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let read = write.read();
    let course = Course::of(&read, agent, task, None)?;
    let Some(told_at) = course.told_at.filter(|_| !course.again.is_empty()) else { return Ok(()) };
    if read.open_rollback_of(agent, task)?.is_some() {
        return Ok(());
    }
    let rollbacks = read.rollbacks_of(agent, task, LATEST)?;
    let since = rollbacks.iter().filter(|row| row.at >= told_at);
    let items = since.flat_map(|row| &row.execution.items);
    let tried: BTreeSet<&str> = items.map(|item| item.action.as_str()).collect();
    let all = course.again.into_values().flatten();
    let ids: Vec<String> = all.filter(|id| !tried.contains(id.as_str())).collect();
    let ledger = Ledger::of(&read, agent, task)?;
    let named = Planned { actions: ledger.recorded(), plan: ledger.plan.as_ref(), now };
    let mut plan = plan(&named, &Selection::Actions { ids: ids.clone() });
    // Nothing goes along that was not said.
    plan.steps.retain(|undoing| ids.contains(&undoing.action));
    if plan.steps.is_empty() {
        return Ok(());
    }
    let row = RollbackRow {
        id: format!("r-{}", random_hex(10)),
        execution: Execution::new(&plan),
        plan,
        agent: agent.to_owned(),
        task: task.to_owned(),
        at: now,
        over_at: None,
        void: false,
    };
    write.add_rollback(&row)?;
    let actions: Vec<&str> = row.plan.steps.iter().map(|undoing| undoing.action.as_str()).collect();
    let data = json!({ "rollback": row.id, "actions": actions, "told": true });
    let entry = entry(Actor::Reviewer, "rollback_confirmed", data, now);
    Ok(write.log_about(&control::subject(agent, task), &entry)?)
}
