//! Letting a decision go: what the agent is told is what follows from what is
//! true at that moment, and stays what it was told.
//!
//! A decision that contradicts by then what it did not contradict when it was
//! made goes back to the reviewer: nobody has said that it is to go against it, and
//! an override is of what was shown. So does one that finished work is in the way
//! of that nobody was shown.

use handoff_domain::decision::DecisionKind;
use handoff_domain::directive::Line;
use handoff_domain::lifecycle::{Event, State, transition};
use handoff_domain::payload::Payload;
use handoff_domain::reconcile::{
    Conflict, ConflictKind, FactSource, Reconciliation, lines, reconcile,
};
use handoff_protocol::view::Change;
use handoff_protocol::wire::ErrorCode;
use handoff_store::{Read, Record, StoreError};
use serde_json::{Map, Value, json};

use crate::known::Known;
use crate::owed::OWED;
use crate::{Actor, Desk, Engine, Failure, change, owned, rollback};

/// How often it is weighed anew because something came in between.
const ROUNDS: usize = 5;

impl Engine {
    /// Releases a decision whose hold is over, or hands it back.
    pub(crate) async fn release(&self, id: &str) -> Result<(), Failure> {
        for _ in 0..ROUNDS {
            let released = self.desk.release_once(id).await?;
            let Some(record) = released else { continue };
            self.desk.hub.changed(&record.agent, &record.id);
            let decision = record.progress.phase.released_decision();
            if decision.is_some_and(|decision| decision.kind == DecisionKind::TakeOver) {
                self.desk.hub.tell(&Change::Status);
            }
            self.drive_open(&record.agent, &record.task);
            if record.progress.state() == State::Ready {
                self.desk.sooner.notify_one();
                self.announce(id);
            }
            return Ok(());
        }
        Err(Failure::new(
            ErrorCode::Unavailable,
            "The task changes faster than the decision can be weighed.",
            "It is tried again by itself.",
        ))
    }
}

impl Desk {
    /// Weighs and releases; `None` if something changed in between.
    async fn release_once(&self, id: &str) -> Result<Option<Record>, Failure> {
        let (record, payload, _) = self.load(id)?.ok_or_else(|| Failure::no_such_handoff(id))?;
        let Some(decision) = record.progress.phase.decision().cloned() else {
            transition(&record.progress, &record.traits, Event::Release, self.now())?;
            return Ok(None);
        };
        let known = self.store.read(|read| Known::of(read, &record, &payload))?;
        // Undo windows count as they stand now.
        let moment = self.moment();
        let found = reconcile(&known.case(Some(&payload), Some(&decision), moment.at));
        let shown = self.store.read(|read| shown(read, &record))?;
        let is_new =
            |conflict: &Conflict| shown.as_ref().is_some_and(|shown| !shown.contains(conflict));
        let against = found.conflicts.iter().find(|conflict| {
            let unseen = is_new(conflict);
            conflict.needs_override && (decision.overriding.is_none() || unseen)
                || conflict.kind == ConflictKind::Irreversible && unseen
        });
        let takes_back = self.store.read(|read| rollback::of_draft(read, &record, &decision))?;
        let (event, kind, data) = match against {
            None => (Event::Release, "released", out(&found, takes_back)),
            Some(conflict) => (Event::Undo, "contradicted", json!({ "why": conflict.text })),
        };
        let id = id.to_owned();
        self.watched(
            self.store
                .write(move |write| {
                    let now = moment.now(write)?;
                    let present = owned(write, &id, None)?;
                    let progress = transition(&present.progress, &present.traits, event, now)?;
                    if present.version != record.version
                        || Known::of(&write.read(), &present, &payload)? != known
                    {
                        return Ok(None);
                    }
                    let record = change(write, present, progress, Actor::System, kind, data, now)?;
                    if kind == "released" {
                        rollback::begin_told(write, &record.agent, &record.task, now)?;
                    }
                    Ok(Some(record))
                })
                .await,
        )
    }
}

/// What is kept of a decision as it goes out: what becomes of each step, what is to be
/// done again, the values that its edits have corrected, which hold from then on, and
/// what of a draft the desk takes back.
fn out(found: &Reconciliation, takes_back: Vec<String>) -> Value {
    let edited = found.facts.iter().filter(|fact| fact.source == FactSource::EditedArgs);
    let corrected: Map<String, Value> =
        edited.map(|fact| (fact.name.clone(), fact.new.clone())).collect();
    let mut data = json!({ "directive": found.lines, OWED: found.owed });
    if !corrected.is_empty() {
        data["corrected"] = Value::Object(corrected);
    }
    if !takes_back.is_empty() {
        data[rollback::TAKES_BACK] = json!(takes_back);
    }
    data
}

/// The finished work that was shown to be in the way when it was decided; none
/// where a desk before did not keep it.
fn shown(read: &Read<'_>, record: &Record) -> Result<Option<Vec<Conflict>>, StoreError> {
    let decided = read.latest_entry(record.seq, ["decided"])?;
    let shown = decided.and_then(|mut decided| Some(decided.data.get_mut("conflicts")?.take()));
    Ok(shown.map(serde_json::from_value).transpose()?)
}

/// What the agent was told becomes of each step, once it was told; what stands
/// for now before that.
pub fn told(read: &Read<'_>, record: &Record, payload: &Payload) -> Result<Vec<Line>, StoreError> {
    match as_released(read, record)? {
        Some(lines) => Ok(lines),
        None => Ok(as_decided(record, payload, &Known::of(read, record, payload)?)),
    }
}

/// The same where what is known of its task is at hand.
pub fn told_with(
    read: &Read<'_>,
    record: &Record,
    payload: &Payload,
    known: &Known,
) -> Result<Vec<Line>, StoreError> {
    let released = as_released(read, record)?;
    Ok(released.unwrap_or_else(|| as_decided(record, payload, known)))
}

/// What went out with the decision, if that was kept.
fn as_released(read: &Read<'_>, record: &Record) -> Result<Option<Vec<Line>>, StoreError> {
    if record.progress.phase.released_decision().is_none() {
        return Ok(None);
    }
    let entry = read.latest_entry(record.seq, ["released", "default_taken"])?;
    let directive = entry.and_then(|mut entry| Some(entry.data.get_mut("directive")?.take()));
    Ok(directive.map(serde_json::from_value).transpose()?)
}

/// By a desk that did not keep what it told: as it stood when it was decided.
fn as_decided(record: &Record, payload: &Payload, known: &Known) -> Vec<Line> {
    let decision = record.progress.phase.decision();
    let at = decision.map_or(record.received_at, |decision| decision.at);
    lines(&known.case(Some(payload), decision, at))
}
