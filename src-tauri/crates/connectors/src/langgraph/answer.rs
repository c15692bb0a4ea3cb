//! What a thread is resumed with: the decisions on the parts of one interrupt,
//! in the form of its dialect.
//!
//! A decision that a dialect has no form for is never sent as another.

use handoff_domain::decision::{Decider, Decision, DecisionKind, Then};
use serde_json::{Map, Value, json};

use super::dialect::{Form, Reading, Word};

/// Why there is nothing to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoForm {
    /// It was decided that nothing is done, and the dialect has no word for it.
    AsDecided,
    /// The dialect has no form for what was decided.
    Unanswerable,
}

impl Reading {
    /// What the thread is resumed with, one decision for each question.
    pub fn answer(&self, decisions: &[Decision]) -> Result<Value, NoForm> {
        let [first, ..] = decisions else { return Err(NoForm::Unanswerable) };
        if decisions.len() != self.questions.len() {
            return Err(NoForm::Unanswerable);
        }
        // A default that the desk took at a deadline is no yes of anybody.
        if decisions.iter().any(|decision| decision.by != Decider::Reviewer) {
            return Err(NoForm::Unanswerable);
        }
        match &self.form {
            Form::Batch(allowed) => {
                let parts = self.questions.iter().zip(allowed).zip(decisions);
                let answers = parts
                    .map(|((question, words), decision)| hitl(&question.tool, words, decision));
                // The most telling of what has no form: a mistake before a wish.
                let answers: Vec<_> = answers.collect();
                if answers.contains(&Err(NoForm::Unanswerable)) {
                    return Err(NoForm::Unanswerable);
                }
                let answers = answers.into_iter().collect::<Result<Vec<_>, _>>()?;
                Ok(json!({ "decisions": answers }))
            }
            Form::PerCall(words) => match self.questions.as_slice() {
                [question] => hitl(&question.tool, words, first),
                _ => Err(NoForm::Unanswerable),
            },
            Form::Inbox { words, ignore } => match self.questions.as_slice() {
                [question] => inbox_answer(&question.tool, words, *ignore, first),
                _ => Err(NoForm::Unanswerable),
            },
            Form::Schema { bare } => form(*bare, first),
            Form::Free => free(first),
        }
    }
}

/// What was filled in. What was left as it was proposed counts as approved.
fn filled(decision: &Decision) -> Option<&Map<String, Value>> {
    let given = matches!(decision.kind, DecisionKind::Approve | DecisionKind::Modify);
    decision.args.as_ref().filter(|_| given)
}

fn form(bare: bool, decision: &Decision) -> Result<Value, NoForm> {
    let Some(args) = filled(decision) else { return Err(no_form(decision)) };
    if bare {
        return Ok(Value::Object(args.clone()));
    }
    args.get("answer").cloned().ok_or(NoForm::Unanswerable)
}

fn free(decision: &Decision) -> Result<Value, NoForm> {
    let answer = filled(decision).and_then(|args| args.get("answer"));
    match (decision.kind, answer) {
        (_, Some(answer)) => Ok(answer.clone()),
        (DecisionKind::Inform, _) if !decision.facts.is_empty() => {
            Ok(Value::Object(decision.facts.clone()))
        }
        (DecisionKind::Inform, _) => Ok(json!(decision.text.as_deref().unwrap_or_default())),
        (
            DecisionKind::Approve
            | DecisionKind::Modify
            | DecisionKind::Reject
            | DecisionKind::TakeOver,
            _,
        ) => Err(no_form(decision)),
    }
}

fn hitl(tool: &str, words: &[Word], decision: &Decision) -> Result<Value, NoForm> {
    let may = |word| words.contains(&word);
    match decision.kind {
        DecisionKind::Approve if may(Word::Approve) => Ok(json!({ "type": "approve" })),
        DecisionKind::Modify if may(Word::Edit) => {
            let args = decision.args.clone().unwrap_or_default();
            Ok(json!({ "type": "edit", "edited_action": { "name": tool, "args": args } }))
        }
        DecisionKind::Inform if may(Word::Respond) => {
            Ok(json!({ "type": "respond", "message": words_of(decision) }))
        }
        DecisionKind::Reject | DecisionKind::TakeOver if may(Word::Reject) => {
            Ok(json!({ "type": "reject", "message": no_words(decision) }))
        }
        DecisionKind::Approve
        | DecisionKind::Modify
        | DecisionKind::Inform
        | DecisionKind::Reject
        | DecisionKind::TakeOver => Err(no_form(decision)),
    }
}

fn inbox_answer(
    tool: &str,
    words: &[Word],
    ignore: bool,
    decision: &Decision,
) -> Result<Value, NoForm> {
    let may = |word| words.contains(&word);
    match decision.kind {
        DecisionKind::Approve if may(Word::Approve) => {
            Ok(json!([{ "type": "accept", "args": null }]))
        }
        DecisionKind::Modify if may(Word::Edit) => {
            let args = decision.args.clone().unwrap_or_default();
            Ok(json!([{ "type": "edit", "args": { "action": tool, "args": args } }]))
        }
        DecisionKind::Inform if may(Word::Respond) => {
            Ok(json!([{ "type": "response", "args": words_of(decision) }]))
        }
        DecisionKind::Reject | DecisionKind::TakeOver if ignore => {
            Ok(json!([{ "type": "ignore", "args": null }]))
        }
        DecisionKind::Reject | DecisionKind::TakeOver if may(Word::Respond) => {
            Ok(json!([{ "type": "response", "args": no_words(decision) }]))
        }
        DecisionKind::Approve
        | DecisionKind::Modify
        | DecisionKind::Inform
        | DecisionKind::Reject
        | DecisionKind::TakeOver => Err(no_form(decision)),
    }
}

/// What the reviewer says, with facts as JSON behind it.
fn words_of(decision: &Decision) -> String {
    let facts = (!decision.facts.is_empty()).then(|| Value::Object(decision.facts.clone()));
    let text = decision.text.clone().filter(|text| !text.is_empty());
    let parts: Vec<String> = text.into_iter().chain(facts.map(|facts| facts.to_string())).collect();
    parts.join(" ")
}

/// A rejection, or a take-over, in words that a model can read.
fn no_words(decision: &Decision) -> String {
    if decision.kind == DecisionKind::TakeOver {
        let note = decision.note.as_deref().unwrap_or_default();
        return format!("The reviewer does this themselves; leave it. {note}").trim().to_owned();
    }
    let reason = decision.reason.as_deref().filter(|reason| !reason.is_empty());
    let after = match decision.then.unwrap_or(Then::Skip) {
        Then::Stop => " Stop this task.",
        Then::Skip => "",
        Then::Revise => " Make another proposal.",
    };
    format!("{}{after}", reason.unwrap_or("The reviewer said no."))
}

fn no_form(decision: &Decision) -> NoForm {
    match decision.kind {
        DecisionKind::Reject | DecisionKind::TakeOver => NoForm::AsDecided,
        DecisionKind::Approve | DecisionKind::Modify | DecisionKind::Inform => NoForm::Unanswerable,
    }
}
