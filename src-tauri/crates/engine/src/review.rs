//! What the reviewer does, from the window alone: open, preview, decide, undo,
//! grant again.

use std::sync::Arc;

use handoff_domain::action::Effect;
use handoff_domain::answer::{Judged, judge, same};
use handoff_domain::decision::{Decision, DecisionKind};
use handoff_domain::effect;
use handoff_domain::lifecycle::{Event, Flag, Phase, Refusal, State, transition};
use handoff_domain::payload::Payload;
use handoff_domain::reconcile::Conflict;
use handoff_protocol::view::{AnswerFault, DecideRequest, Preview, Receipt};
use handoff_protocol::wire::ErrorCode;
use handoff_store::Record;
use serde_json::{Value, json};

use crate::known::Known;
use crate::{Actor, Desk, Engine, Failure, case, change, lock, owned, words};

/// What the agent says of an option, and what its call was found to do.
type Found = (Option<Effect>, effect::Judged);

/// A card that is being answered, as it was read when the store had changed so
/// often.
#[derive(Debug)]
pub struct Answering {
    id: String,
    changes: u64,
    found: Arc<(Record, Payload, Known)>,
}

/// What is kept of a decision beside itself.
#[derive(Clone)]
struct Said {
    /// In a few words.
    outcome: String,
    /// It goes against what was recommended.
    overrode: bool,
    /// What it leads to cannot be taken back.
    irreversible: bool,
    /// The finished work that was shown to be in its way.
    conflicts: Vec<Conflict>,
}

impl Engine {
    /// What an answer would do, before it is sent.
    pub fn preview(&self, request: &DecideRequest) -> Result<Preview, Failure> {
        let looked = self.desk.looked_at(request)?;
        let (record, payload, known) = &*looked;
        let (judged, found) = self.desk.judged(record, payload, known, request)?;
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
        let needs_override = judged.needs_override();
        let way = judged.reconciliation;
        Ok(Preview {
            faults,
            constraints: way.constraints,
            conflicts: way.conflicts,
            needs_override,
            needs_confirmation: judged.needs_confirmation,
            found: found.and_then(|(said, found)| case::found_view(said, &found)),
            hash: judged.decision.action_hash(),
            directive: known.steps(Some(payload), &way.lines),
            undo: known.to_undo(&way.undo),
            facts: way.facts,
            args: way.args,
        })
    }

    /// Decides: what was shown, at the revision that was shown, once.
    pub async fn decide(&self, request: DecideRequest) -> Result<Receipt, Failure> {
        let desk = &self.desk;
        let (record, payload, known) = desk.answerable(&request.id)?;
        refuse_stale(&record, &request)?;
        let (judged, found) = desk.judged(&record, &payload, &known, &request)?;
        refuse_unfit(&request, &payload, &judged)?;
        // An edit may make another thing of it than was proposed.
        let irreversible = found.is_some_and(|(_, found)| found.effect == Effect::Irreversible);
        let hold_s = lock(&desk.settings).hold_s;
        let decision = judged.decision;
        let is_draft = desk.store.read(|read| read.is_draft(&request.id))?;
        let outcome = words::outcome(&decision, Some(&payload), is_draft);
        let (overrode, conflicts) =
            (overrides(&payload, &decision), judged.reconciliation.conflicts);
        let said = Said { outcome, overrode, irreversible, conflicts };
        let store = || desk.store_decision(&request, decision.clone(), said.clone(), hold_s);
        let stored = match store().await {
            Err(failure) if failure.is_for_want_of_room() => store().await,
            stored => stored,
        };
        let record = match stored {
            Ok(record) => record,
            Err(failure) => {
                // The same answer again is answered the same.
                let repeated = failure.0.winner.as_ref().is_some_and(|won| same(won, &decision));
                return if repeated { desk.receipt(&request.id) } else { Err(failure) };
            }
        };
        desk.retire(&record.id);
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
        // Its deadline runs again, and what it does may be another thing since.
        desk.weigh_again(Some(&record.agent));
        Ok(desk.receipt_for(&record))
    }

    /// Lets a lapsed lease be handed out again.
    pub async fn regrant(&self, id: &str) -> Result<Receipt, Failure> {
        let desk = &self.desk;
        desk.notice_gaps().await?;
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
    /// What an answer is weighed in, as it is now.
    fn answerable(&self, id: &str) -> Result<(Record, Payload, Known), Failure> {
        let (record, payload, _) = self.load(id)?.ok_or_else(|| Failure::no_such_handoff(id))?;
        let known = self.store.read(|read| Known::of(read, &record, &payload))?;
        Ok((record, payload, known))
    }

    /// The same, read anew only where something was changed since: an answer is
    /// looked at with every key, and a task may have many proposals to read.
    fn looked_at(&self, request: &DecideRequest) -> Result<Arc<(Record, Payload, Known)>, Failure> {
        let changes = self.store.changes();
        let known = lock(&self.answering)
            .as_ref()
            .filter(|answering| answering.id == request.id && answering.changes == changes)
            .map(|answering| Arc::clone(&answering.found));
        let found = if let Some(found) = known {
            found
        } else {
            let found = Arc::new(self.answerable(&request.id)?);
            let id = request.id.clone();
            *lock(&self.answering) = Some(Answering { id, changes, found: Arc::clone(&found) });
            found
        };
        refuse_stale(&found.0, request)?;
        Ok(found)
    }

    /// What an answer would do, and what the call that it leads to was found to
    /// do now.
    fn judged(
        &self,
        record: &Record,
        payload: &Payload,
        known: &Known,
        request: &DecideRequest,
    ) -> Result<(Judged, Option<Found>), Failure> {
        let (stated, message) = (request.overriding.as_ref(), request.message.as_ref());
        let case = known.case(Some(payload), None, self.now());
        let mut judged = judge(payload, &case, &request.answer, stated, message);
        let option = judged.decision.option.as_deref().and_then(|id| payload.option(id));
        let (Some(option), Some(args)) = (option, &judged.decision.args) else {
            return Ok((judged, None));
        };
        let around = self.store.read(|read| self.around_stored(read, record, payload))?;
        let found = self.found_call(&around, option, args);
        judged.found(option, &found);
        Ok((judged, Some((around.said_of(option), found))))
    }

    async fn store_decision(
        &self,
        request: &DecideRequest,
        decision: Decision,
        said: Said,
        hold_s: u32,
    ) -> Result<Record, Failure> {
        let (id, revision) = (request.id.clone(), request.revision);
        let moment = self.moment();
        self.watched(
            self.store
                .write(move |write| {
                    let now = moment.now(write)?;
                    let mut record = owned(write, &id, None)?;
                    write.set_outcome(record.seq, &said.outcome, said.overrode)?;
                    if let Some(option) = decision.option.clone().filter(|_| said.irreversible)
                        && !record.traits.irreversible.contains(&option)
                    {
                        record.traits.irreversible.push(option);
                        write.set_traits(record.seq, &record.traits)?;
                    }
                    write.looked_at(&record.agent, &record.task, now)?;
                    let data = json!({
                        "outcome": said.outcome,
                        "decision": serde_json::to_value(&decision).unwrap_or(Value::Null),
                        "conflicts": said.conflicts,
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

/// An answer is to what was shown, at its revision.
fn refuse_stale(record: &Record, request: &DecideRequest) -> Result<(), Failure> {
    let (given, current) = (request.revision, record.progress.revision);
    if given == current { Ok(()) } else { Err(Refusal::StaleRevision { given, current }.into()) }
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
        let why = judged.reconciliation.conflicts.iter().find(|conflict| conflict.needs_override);
        return Err(Failure::new(
            ErrorCode::Refused,
            format!(
                "{} No reason to go against that was given.",
                why.map_or("", |conflict| conflict.text.as_str())
            ),
            "State why, or change the arguments.",
        ));
    }
    Ok(())
}
