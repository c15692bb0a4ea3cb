//! Arguments that break the schema the tool was declared with.
//!
//! It checks shape only; what the arguments say is the other triggers' part.

use super::{Evidence, TriggerKind, show};
use crate::args::args_faults;
use crate::trace::Proposed;

/// Every fault of the arguments. A schema that cannot be used is one, too:
/// what cannot be checked does not pass for checked.
pub(super) fn missing(proposed: &Proposed<'_>) -> Option<Evidence> {
    let faults = args_faults(proposed.args_schema, proposed.args);
    let first = faults.first()?;
    let tool = show::name(proposed.tool);
    let mut headline = format!("The arguments of {tool} break its schema: ");
    let place = |pointer: &str| match pointer {
        "" => "arguments".to_owned(),
        inner => inner.to_owned(),
    };
    let names: Vec<String> =
        faults.iter().take(5).map(|fault| show::name(&place(&fault.pointer))).collect();
    if faults.len() == 1 {
        headline.push_str(&first.message);
    } else {
        headline.push_str(&names.join(", "));
        if let Some(more) = faults.len().checked_sub(names.len()).filter(|more| *more > 0) {
            headline.push_str(" and ");
            headline.push_str(&more.to_string());
            headline.push_str(" more");
        }
        headline.push('.');
    }
    let shown = show::MAX_EXHIBITS - 1;
    let mut exhibits: Vec<_> = faults
        .iter()
        .take(shown)
        .map(|fault| {
            let text = format!("{} {}", fault.message, fault.hint);
            show::of_proposed(&place(&fault.pointer), &text)
        })
        .collect();
    if faults.len() > shown {
        let rest: Vec<String> = faults[shown..]
            .iter()
            .map(|fault| format!("{}: {}", place(&fault.pointer), fault.message))
            .collect();
        exhibits.push(show::of_proposed("more faults", &rest.join(" ")));
    }
    Some(show::evidence(TriggerKind::MissingArgument, &headline, exhibits))
}
