//! What the gate keeps: tasks, tools, checks, records, permits, levels, pauses,
//! rules, rollbacks and what agents are told. It finds and keeps them; what they mean is the domain's.

mod backlog;
mod calls;
mod given;
mod kept;
mod past;
mod permits;
mod rollbacks;
mod told;
mod work;

pub use calls::{CheckRow, Counted, NewAction, NewCheck, Past};
pub use given::{InHandsRow, KnownTool, RuleRow, SetLevels};
pub use past::{DecidedRow, FactsFound, PastRow, SubmittedRow};
pub use permits::{CallTakenBack, Permit};
pub use rollbacks::{RollbackRow, TakenBack, UndoRow};
pub use told::Told;
pub use work::{OpenQuestion, TaskRow};

use handoff_domain::action::Effect;

use crate::rows::effect_from;

fn effect(number: Option<i64>) -> Option<Effect> {
    number.map(effect_from)
}
