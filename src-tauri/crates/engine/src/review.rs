//! What the reviewer does, from the window alone: open, preview, decide, undo,
//! grant again.

use handoff_domain::answer::{Judged, judge, same};
use handoff_domain::decision::{Decision, DecisionKind};
use handoff_domain::lifecycle::{Event, Flag, Phase, Refusal, State, transition};
use handoff_domain::payload::Payload;
use handoff_protocol::view::{AnswerFault, DecideRequest, DirectiveStep, Preview, Receipt};
use handoff_protocol::wire::ErrorCode;
use handoff_store::Record;
use serde_json::{Value, json};

use crate::{Actor, Desk, Engine, Failure, case, change, lock, owned, words};

impl Engine {
    /// What an answer would do, before it is sent.
    pub fn preview(&self, request: &DecideRequest) -> Result<Preview, Failure> {
        let (record, payload) = self.desk.answerable(request)?;
        let judged = self.desk.judged(&payload, request);
        let mut faults: Vec<AnswerFault> = judged
            .faults
            .iter()
            .map(|fault| AnswerFault {
                pointer: fault.pointer.clone(),
                message: format!("{} {}", fault.message, fault.hint).trim().to_owned(),
            })
            .collect();
        if record.progress.state() != State::Ready {
            faults.push(AnswerFault {
                pointer: String::new(),
                message: format!(
                    "It is {} and cannot be answered now.",
                    record.progress.state().as_str()
                ),
            });
        }
        let directive: Vec<DirectiveStep> = case::steps(&payload, Some(&judged.decision));
        Ok(Preview {
            faults,
            needs_override: judged.needs_override(),
            needs_confirmation: judged.needs_confirmation,
            hash: judged.decision.action_hash(),
            constraints: judged.constraints.into_iter().map(case::constraint_result).collect(),
            directive,
        })
    }

    /// Decides: what was shown, at the revision that was shown, once.
    pub async fn decide(&self, request: DecideRequest) -> Result<Receipt, Failure> {
        let desk = &self.desk;
        let (_, payload) = desk.answerable(&request)?;
        let judged = desk.judged(&payload, &request);
        refuse_unfit(&request, &payload, &judged)?;
        let hold_s = lock(&desk.settings).hold_s;
        let decision = judged.decision;
        let outcome = words::outcome(&decision, Some(&payload));
        let said = (outcome, overrides(&payload, &decision));
        let stored = desk.store_decision(&request, decision.clone(), said, hold_s).await;
        let record = match stored {
            Ok(record) => record,
            Err(failure) => {
                // The same answer again is answered the same.
                let repeated = failure.0.winner.as_ref().is_some_and(|won| same(won, &decision));
                return if repeated { desk.receipt(&request.id) } else { Err(failure) };
            }
        };
        desk.notifier.retire(&record.id);
        desk.hold(&record.id, hold_s);
        desk.hub.changed(&record.agent, &record.id);
        // Not read again: what is stored is not to be answered with an error.
        Ok(desk.receipt_for(&record))
    }

    /// Takes a held decision back.
    pub async fn undo(&self, id: &str) -> Result<Receipt, Failure> {
        let desk = &self.desk;
        let running = lock(&desk.holds).get(id).copied();
        let record =
            desk.apply(id, None, Event::Undo, Actor::Reviewer, "undone", json!({})).await?;
        if let Some(running) = running {
            desk.end_hold(id, running.number);
        }
        desk.held.notify_one();
        // Its deadline runs again.
        desk.sooner.notify_one();
        Ok(desk.receipt_for(&record))
    }

    /// Lets a lapsed lease be handed out again.
    pub async fn regrant(&self, id: &str) -> Result<Receipt, Failure> {
        let desk = &self.desk;
        let record = desk
            .apply(id, None, Event::Regrant, Actor::Reviewer, "granted_again", json!({}))
            .await?;
        Ok(desk.receipt_for(&record))
    }

    /// Notes that the reviewer has opened an item.
    pub async fn seen(&self, id: &str) -> Result<(), Failure> {
        let desk = &self.desk;
        let record = desk.store.read(|read| read.handoff(id))?;
        let record = record.ok_or_else(|| Failure::no_such_handoff(id))?;
        if record.progress.state() == State::Ready && !record.has(Flag::Acknowledged) {
            let resume_at = Some(desk.alerts().resume(desk.now(), &desk.clock.zone()));
            let event = Event::Open { resume_at };
            desk.apply(id, None, event, Actor::Reviewer, "opened", json!({})).await?;
        }
        Ok(())
    }
}

impl Desk {
    fn answerable(&self, request: &DecideRequest) -> Result<(Record, Payload), Failure> {
        let (record, payload, _) =
            self.load(&request.id)?.ok_or_else(|| Failure::no_such_handoff(&request.id))?;
        if record.progress.revision != request.revision {
            return Err(Refusal::StaleRevision {
                given: request.revision,
                current: record.progress.revision,
            }
            .into());
        }
        Ok((record, payload))
    }

    fn judged(&self, payload: &Payload, request: &DecideRequest) -> Judged {
        let (stated, message) = (request.overriding.as_ref(), request.message.as_ref());
        judge(payload, &request.answer, stated, message, self.now())
    }

    async fn store_decision(
        &self,
        request: &DecideRequest,
        decision: Decision,
        (outcome, overrode): (String, bool),
        hold_s: u32,
    ) -> Result<Record, Failure> {
        let (id, revision, now) = (request.id.clone(), request.revision, self.now());
        self.watched(
            self.store
                .write(move |write| {
                    let record = owned(write, &id, None)?;
                    write.set_outcome(record.seq, &outcome, overrode)?;
                    write.looked_at(&record.agent, &record.task, now)?;
                    let data = json!({
                        "outcome": outcome,
                        "decision": serde_json::to_value(&decision).unwrap_or(Value::Null),
                    });
                    let event = Event::Decide { decision: Box::new(decision), revision, hold_s };
                    let progress = transition(&record.progress, &record.traits, event, now)?;
                    change(write, record, progress, Actor::Reviewer, "decided", data, now)
                })
                .await,
        )
    }

    fn receipt(&self, id: &str) -> Result<Receipt, Failure> {
        let record = self.store.read(|read| read.handoff(id))?;
        let record = record.ok_or_else(|| Failure::no_such_handoff(id))?;
        Ok(self.receipt_for(&record))
    }

    fn receipt_for(&self, record: &Record) -> Receipt {
        let decided = matches!(record.progress.phase, Phase::Decided { .. });
        let hold = self.hold_of(&record.id).filter(|_| decided);
        Receipt { state: record.progress.state(), hold }
    }
}

/// Whether it takes another option than the one that the agent recommends.
fn overrides(payload: &Payload, decision: &Decision) -> bool {
    let recommended = payload.options.iter().find(|option| option.recommended);
    let taken = decision.option.as_ref();
    recommended.zip(taken).is_some_and(|(recommended, taken)| recommended.id != *taken)
}

/// Refuses an answer that is not what was shown, or lacks what it needs.
fn refuse_unfit(
    request: &DecideRequest,
    payload: &Payload,
    judged: &Judged,
) -> Result<(), Failure> {
    if let Some(fault) = judged.faults.first() {
        return Err(Failure::new(
            ErrorCode::InvalidParams,
            if fault.pointer.is_empty() {
                fault.message.clone()
            } else {
                format!("{}: {}", fault.pointer, fault.message)
            },
            fault.hint.clone(),
        ));
    }
    let takes_option =
        matches!(request.answer.kind(), DecisionKind::Approve | DecisionKind::Modify);
    let proposed = judged
        .decision
        .option
        .as_deref()
        .and_then(|id| payload.option(id))
        .and_then(|option| option.action.as_ref())
        .map(|action| handoff_domain::decision::action_hash(&action.tool, &action.args));
    if takes_option && request.shown_hash != proposed {
        return Err(Failure::conflict(
            "The action on screen is not the one that would run.",
            "Look at the card again; nothing was sent.",
        ));
    }
    if judged.needs_confirmation && !request.confirmed {
        return Err(Failure::new(
            ErrorCode::Refused,
            "This cannot be taken back, and its consequence was not confirmed.",
            "Confirm the consequence first.",
        ));
    }
    if judged.needs_override() && judged.decision.overriding.is_none() {
        return Err(Failure::new(
            ErrorCode::Refused,
            "A constraint does not hold, and no reason to go against it was given.",
            "State why, or change the arguments.",
        ));
    }
    Ok(())
}
