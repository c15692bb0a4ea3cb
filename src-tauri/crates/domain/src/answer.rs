//! Whether the reviewer's answer fits its handoff, and the decision it makes.
//!
//! One judgement serves the preview and the real thing, so that what was
//! previewed is what happens. Here is only what an answer must look like; what
//! it makes of the plan, and what it contradicts, is said by
//! [`crate::reconcile`]. When a decision takes effect is the lifecycle's business.

use serde_json::{Map, Value};

use crate::decision::{
    Answer, Decider, Decision, DecisionKind, EndUserMessage, Override, action_hash,
};
use crate::effect;
use crate::floor;
use crate::gate::by_default::Unfit;
use crate::payload::{AllowedDecision, HandoffOption, Payload, RiskLevel};
use crate::reconcile::{Case, Reconciliation, reconcile};
use crate::validate::Fault;

/// What an answer would do.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// What is wrong with it; pointers lead into the edited arguments.
    pub faults: Vec<Fault>,
    /// Approving it takes one deliberate extra act.
    pub needs_confirmation: bool,
    /// The decision it makes.
    pub decision: Decision,
    /// What becomes of the plan by it, and what it contradicts.
    pub reconciliation: Reconciliation,
}

impl Judged {
    /// Whether it contradicts something, so that an override must be stated.
    pub fn needs_override(&self) -> bool {
        self.reconciliation.needs_override()
    }

    /// Takes account of what the call that it leads to was found to do.
    pub fn found(&mut self, option: &HandoffOption, found: &effect::Judged) {
        self.needs_confirmation = floor::risk(option, found) == RiskLevel::High;
    }
}

/// Judges an answer to this payload, given when the case was looked at, by what
/// is known then.
pub fn judge(
    payload: &Payload,
    case: &Case<'_>,
    answer: &Answer,
    overriding: Option<&Override>,
    message: Option<&EndUserMessage>,
) -> Judged {
    let now = case.now;
    let mut judged = Judged {
        faults: Vec::new(),
        needs_confirmation: false,
        reconciliation: Reconciliation::default(),
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
    judged.reconciliation = reconcile(&Case { decision: Some(&judged.decision), ..case.clone() });
    if !matches!(answer, Answer::Reject { .. } | Answer::TakeOver { .. }) {
        // Of a plan that does not hold up one can always get out.
        judged.faults.extend(judged.reconciliation.faults.iter().cloned());
    }
    // An override that overrides nothing would be recorded as if it mattered.
    if !judged.needs_override() {
        judged.decision.overriding = None;
    }
    judged
}

/// The decision by which System takes the declared default, or why there is
/// none: it is held to what an answer of the reviewer's is held to.
pub fn default_decision(payload: &Payload, case: &Case<'_>) -> Result<Judged, Unfit> {
    let declared = payload.deadline.on_timeout.option.as_deref();
    let option = declared.and_then(|id| payload.option(id)).ok_or(Unfit::Undeclared)?;
    let answer = Answer::Approve { option: option.id.clone() };
    let mut judged = judge(payload, case, &answer, None, None);
    judged.decision.by = Decider::System;
    if !payload.allows(AllowedDecision::Approve) {
        return Err(Unfit::NotActedOn);
    }
    if judged.needs_override() || !judged.faults.is_empty() {
        return Err(Unfit::Contradicts);
    }
    Ok(judged)
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
        self.found(option, &floor::declared(option));
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
        if let Some(args) = edited
            && payload.allows(AllowedDecision::Approve)
            && action_hash(&action.tool, args) == action_hash(&action.tool, &action.args)
        {
            // Nothing was edited: it is an approval, and is recorded as one where the agent
            // can act on one.
            self.decision.kind = DecisionKind::Approve;
        }
        let args = edited.unwrap_or(&action.args);
        self.decision.tool = Some(action.tool.clone());
        self.decision.args = Some(args.clone());
    }
}
