//! What a check must look like before it is judged, and which task it belongs
//! to.

use handoff_domain::identity::is_key;
use handoff_domain::payload::Task;
use handoff_protocol::wire::{Check, ErrorCode, TaskRef};
use handoff_store::TaskRow;

use crate::Failure;

pub fn task_of(check: &Check, known: Option<&TaskRow>) -> Result<Task, Failure> {
    match (&check.task, known) {
        (TaskRef::Whole(task), _) => Ok(task.as_ref().clone()),
        (TaskRef::Id(_), Some(row)) => Ok(row.task.clone()),
        (TaskRef::Id(id), None) => Err(no_such_task(id)),
    }
}

pub(crate) fn no_such_task(id: &str) -> Failure {
    Failure::new(
        ErrorCode::NotFound,
        format!("There is no task {id:?} of this agent."),
        "Open it with task.open, or give the whole task: {\"id\", \"title\", \"goal\"}.",
    )
}

pub fn refuse_malformed(check: &Check) -> Result<(), Failure> {
    let fault = |what: String, hint: &str| Err(Failure::new(ErrorCode::InvalidParams, what, hint));
    let id = "Use 1 to 200 of the characters A–Z, a–z, 0–9 and . _ : / -";
    if !is_key(&check.key) {
        return fault(format!("{:?} cannot be a key.", check.key), id);
    }
    if !is_key(check.task.id()) {
        return fault(format!("{:?} cannot be the id of a task.", check.task.id()), id);
    }
    if let Some(step) = check.step.as_deref().filter(|step| !is_key(step)) {
        return fault(format!("{step:?} cannot be the id of a step."), id);
    }
    if check.tool.trim().is_empty() || check.tool.chars().count() > 200 {
        return fault(
            "The tool has no name, or one that is too long.".to_owned(),
            "Give the tool's name, at most 200 characters.",
        );
    }
    Ok(())
}
