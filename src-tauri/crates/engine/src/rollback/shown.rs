//! A rollback as the reviewer sees it.

use handoff_domain::gate::Stop;
use handoff_domain::rollback::Undoing;
use handoff_domain::rollback::execution::{Item, ItemState, UndoKind};
use handoff_protocol::view::{RollbackView, UndoChoices, UndoView};
use handoff_store::{Read, RollbackRow, StoreError, UndoRow};

use crate::{Desk, Failure};

/// How many handoffs of a task are told to be looked at again.
pub const HANDOFFS: u32 = 50;

/// How many rollbacks of a task are shown.
const ROLLBACKS: u32 = 20;

impl Desk {
    pub(super) fn rollback_view(&self, row: RollbackRow) -> Result<RollbackView, Failure> {
        Ok(self.store.read(|read| view(read, row))?)
    }
}

/// The rollbacks of a task, the latest first.
pub fn rollbacks(
    read: &Read<'_>,
    agent: &str,
    task: &str,
) -> Result<Vec<RollbackView>, StoreError> {
    let rows = read.rollbacks_of(agent, task, ROLLBACKS)?;
    rows.into_iter().map(|row| view(read, row)).collect()
}

fn view(read: &Read<'_>, row: RollbackRow) -> Result<RollbackView, StoreError> {
    let undos = read.undos_of(&row.id)?;
    let stop = read.stop(&row.agent, &row.task)?;
    let stuck = row.execution.stuck().filter(|_| row.over_at.is_none());
    let items = row
        .plan
        .steps
        .iter()
        .zip(&row.execution.items)
        .map(|(undoing, item)| item_view(&row, undoing, item, undos.get(&item.action), stop))
        .collect();
    Ok(RollbackView {
        says: says(&row),
        stuck: stuck.map(|item| item.action.clone()),
        over: row.over_at.is_some(),
        items,
        stays: row.plan.stays,
        at: row.at,
        id: row.id,
    })
}

fn item_view(
    row: &RollbackRow,
    undoing: &Undoing,
    item: &Item,
    undo: Option<&UndoRow>,
    stop: Option<Stop>,
) -> UndoView {
    let state = &item.state;
    let open = row.over_at.is_none();
    let waits = matches!(state, ItemState::Failed { .. } | ItemState::MayHaveRun { .. });
    let may = matches!(state, ItemState::MayHaveRun { .. });
    let in_hand = matches!(state, ItemState::Running { .. });
    UndoView {
        action: item.action.clone(),
        tool: undoing.tool.clone(),
        step: undoing.step.clone(),
        by: item.by,
        undo: undoing.undo.clone(),
        how: undoing.how.clone(),
        compensates: undoing.compensates,
        says: item_says(item, stop.filter(|_| open)),
        attempts: item.attempts,
        output: undo.and_then(|undo| undo.output.clone()),
        files: undoing.files.clone(),
        can: UndoChoices {
            retry: open && waits,
            skip: open && !state.is_over() && !in_hand,
            hand_over: open && waits,
            confirm: open && may,
        },
        state: state.clone(),
    }
}

fn item_says(item: &Item, stop: Option<Stop>) -> String {
    match &item.state {
        ItemState::Pending => "Its turn has not come.".to_owned(),
        ItemState::Asked { .. } => match stop {
            Some(Stop::TakenOver) => {
                "The agent is asked to do it. You do the task now: give it back first.".to_owned()
            }
            Some(_) => "The agent is asked to do it. It is paused: let it go on first.".to_owned(),
            None => "The agent is asked to do it, and has not begun.".to_owned(),
        },
        ItemState::Running { .. } => match item.by {
            UndoKind::Tool => "The agent does it.".to_owned(),
            UndoKind::Command => "The program runs.".to_owned(),
            UndoKind::Files => "The files are being put back.".to_owned(),
        },
        ItemState::Undone { .. } => "It is undone.".to_owned(),
        ItemState::Failed { why } => why.clone(),
        ItemState::MayHaveRun { .. } => {
            "It was under way when it was cut short, and may have run. \
                                         Look, and then say that it did or have it tried again."
                .to_owned()
        }
        ItemState::Skipped => "It is left out: what was done stays.".to_owned(),
        ItemState::HandedOver { .. } => {
            "It is left to the agent, which does it in its own way.".to_owned()
        }
    }
}

/// How far it is, in a sentence or two.
fn says(row: &RollbackRow) -> String {
    let all = row.execution.items.len();
    let undone = row
        .execution
        .items
        .iter()
        .filter(|item| matches!(item.state, ItemState::Undone { .. }))
        .count();
    let so_far = match (undone, all) {
        (1, 1) => "It is undone.".to_owned(),
        (undone, all) if undone == all => format!("All {all} are undone."),
        (undone, all) => format!("{undone} of {all} are undone."),
    };
    if row.void {
        return format!(
            "{so_far} It was given up, because the desk went back to an earlier state of itself. \
             Look what is there before you roll back again."
        );
    }
    let Some(stuck) = row.execution.stuck().filter(|_| row.over_at.is_none()) else {
        return so_far;
    };
    let after = row.execution.items.iter().filter(|item| item.state == ItemState::Pending).count();
    let rest = match after {
        0 => String::new(),
        1 => " One after it was not touched.".to_owned(),
        _ => format!(" The {after} after it were not touched."),
    };
    let may = matches!(stuck.state, ItemState::MayHaveRun { .. });
    let what = if may { "may have run" } else { "failed" };
    format!("{so_far} It has stopped: undoing {} {what}.{rest}", stuck.action)
}
