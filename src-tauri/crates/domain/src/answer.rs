//! Whether the reviewer's answer fits its handoff, and the decision it makes.
//!
//! One judgement serves the preview and the real thing, so that what was
//! previewed is what happens. When a decision takes effect is the lifecycle's
//! business.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::action::Effect;
use crate::args::args_faults;
use crate::constraint::{ConstraintResult, results};
use crate::decision::{
    Answer, Decider, Decision, DecisionKind, EndUserMessage, Override, action_hash,
};
use crate::payload::{AllowedDecision, HandoffOption, Payload, RiskLevel};
use crate::validate::Fault;

/// What an answer would do.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// What is wrong with it; pointers lead into the edited arguments.
    pub faults: Vec<Fault>,
    /// What the constraints say of its arguments.
    pub constraints: Vec<ConstraintResult>,
    /// Approving it takes one deliberate extra act.
    pub needs_confirmation: bool,
    /// The decision it makes.
    pub decision: Decision,
}

impl Judged {
    /// Whether a constraint does not hold, so that an override must be stated.
    pub fn needs_override(&self) -> bool {
        self.constraints.iter().any(|constraint| !constraint.holds)
    }
}

/// The risk the desk shows: the higher of the agent's and the floor.
pub fn shown_risk(option: &HandoffOption) -> RiskLevel {
    match option.risk.effect {
        Effect::Irreversible => RiskLevel::High,
        Effect::Read | Effect::Reversible => option.risk.level,
    }
}

/// Judges an answer to this payload, given at `now`.
pub fn judge(
    payload: &Payload,
    answer: &Answer,
    overriding: Option<&Override>,
    message: Option<&EndUserMessage>,
    now: DateTime<Utc>,
) -> Judged {
    let mut judged = Judged {
        faults: Vec::new(),
        constraints: Vec::new(),
        needs_confirmation: false,
        decision: Decision {
            kind: answer.kind(),
            by: Decider::Reviewer,
            at: now,
            option: None,
            tool: None,
            args: None,
            facts: Map::new(),
            constraints: Vec::new(),
            text: None,
            reason: None,
            then: None,
            overriding: overriding.filter(|stated| !stated.why.trim().is_empty()).cloned(),
            message: message.filter(|message| !message.text.trim().is_empty()).cloned(),
            note: None,
        },
    };
    match answer {
        Answer::Approve { option } => judged.take(payload, option, None),
        Answer::Modify { option, args } => judged.take(payload, option, Some(args)),
        Answer::Inform { text, facts, constraints } => {
            if !payload.allows(AllowedDecision::Inform) {
                judged.fault(
                    "",
                    "This agent cannot act on new information.",
                    "Choose another answer.",
                );
            }
            if text.trim().is_empty() && facts.is_empty() && constraints.is_empty() {
                judged.fault(
                    "",
                    "There is no information in it.",
                    "Write what the agent should know.",
                );
            }
            for (name, _) in facts.iter().filter(|(name, _)| name.trim().is_empty()) {
                judged.fault(&format!("/facts/{name}"), "A fact has no name.", "Name it.");
            }
            judged.decision.text = Some(text.clone()).filter(|text| !text.trim().is_empty());
            judged.decision.facts.clone_from(facts);
            judged.decision.constraints.clone_from(constraints);
        }
        Answer::Reject { reason, then } => {
            if reason.trim().is_empty() {
                judged.fault(
                    "",
                    "A rejection needs a reason.",
                    "Say why, so that the agent can learn from it.",
                );
            }
            judged.decision.reason = Some(reason.clone());
            judged.decision.then = Some(*then);
        }
        Answer::TakeOver { note } => {
            judged.decision.note = Some(note.clone()).filter(|note| !note.trim().is_empty());
        }
    }
    // An override that overrides nothing would be recorded as if it mattered.
    if !judged.needs_override() {
        judged.decision.overriding = None;
    }
    judged
}

/// The decision by which System takes the declared default; `None` where none
/// is declared.
pub fn default_decision(payload: &Payload, now: DateTime<Utc>) -> Option<Decision> {
    let option = payload.option(payload.deadline.on_timeout.option.as_deref()?)?;
    let answer = Answer::Approve { option: option.id.clone() };
    let mut decision = judge(payload, &answer, None, None, now).decision;
    decision.by = Decider::System;
    Some(decision)
}

/// Whether two decisions say the same, whenever they were made.
pub fn same(one: &Decision, other: &Decision) -> bool {
    Decision { at: other.at, ..one.clone() } == *other
}

impl Judged {
    fn fault(&mut self, pointer: &str, message: &str, hint: &str) {
        self.faults.push(Fault {
            pointer: pointer.to_owned(),
            message: message.to_owned(),
            hint: hint.to_owned(),
        });
    }

    fn take(&mut self, payload: &Payload, id: &str, edited: Option<&Map<String, Value>>) {
        let needed = match edited {
            None => AllowedDecision::Approve,
            Some(_) => AllowedDecision::Modify,
        };
        if !payload.allows(needed) {
            self.fault(
                "",
                "This agent cannot act on that kind of answer.",
                "Choose another answer.",
            );
        }
        let Some(option) = payload.option(id) else {
            self.fault("", &format!("There is no option {id:?}."), "Choose one of those shown.");
            return;
        };
        self.needs_confirmation = shown_risk(option) == RiskLevel::High;
        self.decision.option = Some(option.id.clone());
        let Some(action) = &option.action else {
            if edited.is_some() {
                self.fault(
                    "",
                    "This option runs nothing that could be edited.",
                    "Approve it as it is.",
                );
            }
            return;
        };
        if let Some(args) = edited {
            self.faults.extend(args_faults(action.args_schema.as_ref(), args));
            if action_hash(&action.tool, args) == action_hash(&action.tool, &action.args) {
                // Nothing was edited: it is an approval, and is recorded as one.
                self.decision.kind = DecisionKind::Approve;
            }
        }
        let args = edited.unwrap_or(&action.args);
        self.constraints = results(payload, Some(args));
        self.decision.tool = Some(action.tool.clone());
        self.decision.args = Some(args.clone());
    }
}
