//! The undos that a directive asks for before steps are done again, and those that
//! the answer to a draft picks: the reviewer has seen them on deciding, and the desk
//! has them done.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use handoff_domain::action::Undo;
use handoff_domain::decision::Decision;
use handoff_domain::rollback::execution::Execution;
use handoff_domain::rollback::{Ledger as Planned, Selection, plan};
use handoff_store::{Read, Record, RollbackRow, StoreError, Write};
use serde_json::{Value, json};

use super::change::CUT_SHORT;
use crate::course::Course;
use crate::gate::entry;
use crate::ledger::Ledger;
use crate::{Actor, Failure, control, random_hex};

/// The tool of the option by which a draft is undone.
pub const UNDO: &str = "undo";

/// How many rollbacks of a task are looked through for what was tried.
const LATEST: u32 = 50;

/// Under this name the release of a draft's answer says what the desk takes back.
pub const TAKES_BACK: &str = "takes_back";

/// Of the changes that a draft's answer has undone, those that only the desk can
/// undo, with its copies or a program; the others are the agent's.
pub fn of_draft(
    read: &Read<'_>,
    record: &Record,
    decision: &Decision,
) -> Result<Vec<String>, StoreError> {
    if decision.tool.as_deref() != Some(UNDO) || !read.is_draft(&record.id)? {
        return Ok(Vec::new());
    }
    let picked = decision.args.as_ref().and_then(|args| args.get("actions")?.as_array());
    let ids = picked.into_iter().flatten().filter_map(Value::as_str);
    let ledger = Ledger::of(read, &record.agent, &record.task)?;
    let by_desk = |id: &str| {
        let undo = ledger.find(id).and_then(|done| done.action.undo.as_ref());
        matches!(undo, Some(Undo::Files { .. } | Undo::Command { .. }))
    };
    Ok(ids.filter(|id| by_desk(id)).map(str::to_owned).collect())
}

/// Begins the rollback that the last word on a task asks for, or the answer to a
/// draft, unless another is not over; then it begins after that one. What was
/// tried since is not tried again by itself.
pub fn begin_told(
    write: &Write<'_>,
    agent: &str,
    task: &str,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let read = write.read();
    let wanted = wanted(&read, agent, task)?;
    if wanted.is_empty() || read.open_rollback_of(agent, task)?.is_some() {
        return Ok(());
    }
    let rollbacks = read.rollbacks_of(agent, task, LATEST)?;
    let taken = read.taken_back(agent, task)?;
    // What may have run is tried again by the reviewer alone.
    let may_have_run =
        |id: &str| taken.get(id).is_some_and(|taken| taken.failed.as_deref() == Some(CUT_SHORT));
    let mut ids = Vec::new();
    for (told_at, all) in wanted {
        let since = rollbacks.iter().filter(|row| row.at >= told_at);
        let items = since.flat_map(|row| &row.execution.items);
        let tried: BTreeSet<&str> = items.map(|item| item.action.as_str()).collect();
        ids.extend(all.into_iter().filter(|id| !tried.contains(&**id) && !may_have_run(id)));
    }
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

/// When something was told to be taken back, and which actions.
type Wanted = (DateTime<Utc>, Vec<String>);

/// What is to be taken back without another word.
fn wanted(read: &Read<'_>, agent: &str, task: &str) -> Result<Vec<Wanted>, StoreError> {
    let mut wanted = Vec::new();
    let course = Course::of(read, agent, task, None)?;
    if let Some(told_at) = course.told_at.filter(|_| !course.again.is_empty()) {
        wanted.push((told_at, course.again.into_values().flatten().collect()));
    }
    for draft in read.drafts_of(agent, task)? {
        let out = read.latest_entry(draft, ["released"])?;
        let Some((at, ids)) =
            out.and_then(|mut out| Some((out.at, out.data.get_mut(TAKES_BACK)?.take())))
        else {
            continue;
        };
        wanted.push((at, serde_json::from_value(ids)?));
    }
    Ok(wanted)
}
