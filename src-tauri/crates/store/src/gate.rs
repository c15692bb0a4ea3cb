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

/// In SQL, whether a handoff is the desk's own question of this kind, `check` or
/// `draft`: the keys of the gate that no agent can take.
fn desks_own(handoff: &str, kind: &str) -> String {
    let (key, at) = (format!("{handoff}.key"), kind.len() + 2);
    format!(
        "({key} GLOB '{kind}:*' AND length({key}) = {at} + 31
           AND substr({key}, {at}) NOT GLOB '*[^0-9a-fA-F]*')"
    )
}

fn effect(number: Option<i64>) -> Option<Effect> {
    number.map(effect_from)
}
