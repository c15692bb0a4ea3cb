//! The floor under the risk of an option (CONTRACT §3): what the reviewer is
//! shown of it is the higher of what the agent says and of what its call was
//! found to do.
//!
//! The call is read and weighed in [`crate::effect`]; here the two are put side
//! by side.

use crate::action::Effect;
use crate::effect::Judged;
use crate::payload::{HandoffOption, RiskLevel};

/// What is known of an option that runs nothing that could be read: the agent's
/// own word.
pub fn declared(option: &HandoffOption) -> Judged {
    Judged { effect: option.risk.effect, unknown: false, why: option.risk.why.clone() }
}

/// What is known of a call that nobody has read.
pub fn unread() -> Judged {
    Judged {
        effect: Effect::Irreversible,
        unknown: true,
        why: "There are more options than the desk reads.".to_owned(),
    }
}

/// The risk that is shown: irreversible or unknown is high, whatever the agent
/// says.
pub fn risk(option: &HandoffOption, found: &Judged) -> RiskLevel {
    if found.effect == Effect::Irreversible || found.unknown {
        RiskLevel::High
    } else {
        option.risk.level
    }
}

/// Whether one of the options is of high risk.
pub fn is_high(options: &[HandoffOption], found: &[Judged]) -> bool {
    options.iter().zip(found).any(|(option, found)| risk(option, found) == RiskLevel::High)
}

/// The options that cannot be taken back once they are carried out.
pub fn irreversible<'o>(
    options: impl IntoIterator<Item = (&'o HandoffOption, &'o Judged)>,
) -> Vec<String> {
    options
        .into_iter()
        .filter(|(_, found)| found.effect == Effect::Irreversible)
        .map(|(option, _)| option.id.clone())
        .collect()
}
