//! The rules of a briefing: constraints with expressions that can be evaluated.

use serde_json::Value;

use super::{Faults, items, member, text};
use crate::constraint::{MAX_EXPRESSIONS, check_all};

/// Adds every fault of the constraints.
pub(super) fn check(payload: &Value, faults: &mut Faults) {
    let Some(briefing) = member(payload, "briefing") else { return };
    let (places, exprs): (Vec<usize>, Vec<&str>) = items(briefing, "constraints")
        .iter()
        .enumerate()
        .filter_map(|(index, constraint)| Some((index, text(constraint, "expr")?)))
        // An empty one, or one over the length, is reported by its shape.
        .filter(|(_, expr)| (1..=crate::constraint::MAX_BYTES).contains(&expr.len()))
        .unzip();
    if exprs.len() > MAX_EXPRESSIONS {
        faults.add(
            "/briefing/constraints",
            format!("{} constraints have an expression.", exprs.len()),
            format!("Give at most {MAX_EXPRESSIONS} of them an `expr`, or put several into one with `&&`."),
        );
        return;
    }
    for (index, outcome) in places.into_iter().zip(check_all(&exprs)) {
        if let Err(why) = outcome {
            faults.add(
                format!("/briefing/constraints/{index}/expr"),
                why,
                "Give a CEL expression over `args`, `facts` and `steps` that is true or false.",
            );
        }
    }
}
