//! Whether somebody has said yes to a recorded action: a question that the gate
//! let run, or a decision on exactly this call.
//!
//! Each of them vouches for one action. It says nothing of what needs a yes.

use chrono::{DateTime, Utc};
use handoff_domain::action::{Action, ActionStatus};
use handoff_protocol::wire::Observer;
use handoff_store::{CheckRow, Past, Record, StoreError, Write};

use super::record::is_open;

/// What the source of an action begins with that something else has seen.
const OBSERVED: &str = "observed by";

/// A call that was made.
pub(super) struct Call<'c> {
    pub agent: &'c str,
    pub task: &'c str,
    pub hash: &'c str,
}

/// Whether somebody has said yes to this call, and to no other with the same
/// word: the question it was `allowed` by, the handoff that it carries out, or
/// another decision on it.
pub(super) fn vouched(
    write: &Write<'_>,
    call: &Call<'_>,
    allowed: Option<&CheckRow>,
    decided: Option<&Record>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let open = write.read().unvouched(call.agent, call.task, call.hash)?;
    if let Some(check) = allowed {
        // The question and the decision on it are one word.
        let both = [check.handoff.as_deref(), decided.map(|record| record.id.as_str())];
        for handoff in both.into_iter().flatten() {
            write.vouch(handoff)?;
        }
        return Ok(true);
    }
    let decided_on = decided.map(|record| &record.id);
    let by = open.iter().find(|id| Some(*id) == decided_on).or_else(|| open.first());
    if let Some(handoff) = by {
        write.vouch(handoff)?;
        // It was acted on unasked: nobody else is let run by it.
        write.use_permit(handoff, now)?;
        return Ok(true);
    }
    // A database from a backup has lost its permits, and not its decisions.
    Ok(match decided {
        Some(record) => is_open(record) && !write.read().has_permit(&record.id)?,
        None => false,
    })
}

/// Whether a record that comes after another of the same action tells of another
/// run: what had failed, or was taken back, has run. Where one tells of it that
/// was not heard before, the two may only differ.
pub(super) fn runs_anew(before: &Past, stands: &Action, observer: Option<Observer>) -> bool {
    was_seen(before) == observer.is_some()
        && matches!(before.action.status, ActionStatus::Failed | ActionStatus::Undone)
        && matches!(stands.status, ActionStatus::Done | ActionStatus::Running)
}

/// Whether something else than the agent has told of an action.
pub(super) fn was_seen(past: &Past) -> bool {
    past.source.starts_with(OBSERVED)
}
