//! What a check must look like before it is judged, and which task it belongs
//! to.

use handoff_domain::action::Undo;
use handoff_domain::decision::{action_hash, fingerprint};
use handoff_domain::effect;
use handoff_domain::identity::is_key;
use handoff_domain::payload::Task;
use handoff_protocol::wire::{Check, ErrorCode, TaskRef};
use handoff_store::TaskRow;
use serde_json::json;

use super::Standing;
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

/// Refuses a call in a task that has ended. What the reviewer decided on is still
/// done in it, and who gives the whole task begins it anew.
pub fn refuse_ended(check: &Check, standing: &Standing) -> Result<(), Failure> {
    let TaskRef::Id(id) = &check.task else { return Ok(()) };
    if !standing.over || standing.permit.is_some() || standing.undo.is_some() {
        return Ok(());
    }
    Err(Failure::new(
        ErrorCode::NotFound,
        format!("The task {id:?} has ended."),
        "Open it again with task.open, or give the whole task: {\"id\", \"title\", \"goal\"}.",
    ))
}

/// Whether a call runs where the same was asked for before, with this folder.
pub fn runs_in(check: &Check, asked: Option<&str>) -> bool {
    let named = effect::command_words(&check.tool, &check.args).and_then(|(_, named)| named);
    let place = |cwd: Option<&str>| effect::folder(cwd, named.as_deref());
    let plain = |folder: &str| match folder.trim_end_matches('/') {
        "" if !folder.is_empty() => "/".to_owned(),
        folder => folder.to_owned(),
    };
    match (place(asked), place(check.cwd.as_deref())) {
        (Some(there), Some(here)) => plain(&there) == plain(&here),
        // Wherever that is, the agent says it in the same words.
        (None, None) => asked == check.cwd.as_deref(),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

/// The hash of the call that is asked for.
pub fn check_hash(check: &Check) -> String {
    action_hash(&check.tool, &check.args)
}

/// The key of the handoff that a held call becomes: no agent can guess it as
/// the key of a handoff of its own by chance.
pub fn handoff_key(check: &Check) -> String {
    let digest = fingerprint(&json!(["check", check.key]));
    format!("check:{}", &digest[..32])
}

/// Refuses what an agent would write itself in the place of a question of the desk:
/// the reviewer takes its words for those of the desk, and a rule that is made from
/// it is about the call that was asked for.
pub(crate) fn refuse_desks_own(key: &str) -> Result<(), Failure> {
    let own = |kind: &str| {
        key.strip_prefix(kind).is_some_and(|digest| {
            digest.len() == 32 && digest.bytes().all(|letter| letter.is_ascii_hexdigit())
        })
    };
    if !own("check:") && !own("draft:") {
        return Ok(());
    }
    Err(Failure::conflict(
        format!("{key:?} is the desk's own question about a call or a draft."),
        "Its answer is the reviewer's alone. Ask for another call under another key, and record \
         what you do.",
    ))
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
    refuse_undo(check.undo.as_ref())
}

/// Refuses an undo that could never run as it is.
pub fn refuse_undo(undo: Option<&Undo>) -> Result<(), Failure> {
    match undo.map(Undo::faults).unwrap_or_default().as_slice() {
        [] => Ok(()),
        [first, ..] => Err(Failure::new(ErrorCode::InvalidParams, first.what, first.hint)),
    }
}
