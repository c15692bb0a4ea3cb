//! What an agent reports and records, held against what it was told: the card
//! is flagged where the two differ, and the reviewer hears of it.
//!
//! What differs is judged by [`handoff_domain::agreement`]. A difference closes
//! nothing: the agent may still do as it was told, and says so itself.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use handoff_domain::agreement::{Agreement, DivergenceKind, Told, compare};
use handoff_domain::decision::DecisionKind;
use handoff_domain::directive::Line;
use handoff_domain::lifecycle::{Event, Flag, Outcome, Report, State, Unmet, transition};
use handoff_domain::payload::Payload;
use handoff_domain::record::Recorded;
use handoff_domain::validate::Fault;
use handoff_protocol::wire::Standing;
use handoff_store::{Read, Record, StoreError, Write};
use serde_json::json;

use crate::control::changed_course;
use crate::course::part;
use crate::known::Known;
use crate::news::News;
use crate::release::told;
use crate::submit::{Open, ask_again, standing};
use crate::{Actor, Engine, Failure, change, owned};

impl Engine {
    /// The agent says what it did with a decision, or why it could not.
    pub(crate) async fn reconcile(
        &self,
        agent: &str,
        id: &str,
        report: Report,
    ) -> Result<Standing, Failure> {
        let desk = &self.desk;
        let (before, payload, json) = desk.own(agent, id)?;
        let moment = desk.moment();
        let asks_anew = !report.unmet.is_empty();
        let open = asks_anew.then(|| desk.left_open(agent, &payload, moment.at)).transpose()?;
        let (owner, id) = (agent.to_owned(), id.to_owned());
        let (was_flagged, was_late) = (before.has(Flag::Diverged), before.has(Flag::Unreported));
        let revision = before.progress.revision;
        let after = desk.watched(
            desk.store
                .write(move |write| {
                    let now = moment.now(write)?;
                    let open = match open {
                        Some(open) => Some(open.moved(moment.moved(write)?)),
                        None => None,
                    };
                    let present = owned(write, &id, Some(&owner))?;
                    if present.progress.revision != revision {
                        return Err(Failure::conflict(
                            "It was asked anew meanwhile.",
                            "Look at it again; nothing was changed.",
                        ));
                    }
                    match open {
                        None => hear(write, present, &payload, report, now),
                        Some(open) => reopen(write, present, (payload, json), (report, open), now),
                    }
                })
                .await,
        )?;
        desk.hub.changed(agent, &after.id);
        let answer = standing(&after);
        if after.progress.revision != revision {
            desk.sooner.notify_one();
            self.announce(&after.id);
        } else if after.has(Flag::Diverged) && !was_flagged {
            self.flagged(after, Flag::Diverged);
        } else if was_late {
            // It has said by now what it did.
            desk.retire(&after.id);
        }
        Ok(answer)
    }

    /// Says once that the agent was to report by now.
    pub(crate) async fn unreported(&self, id: &str) -> Result<(), Failure> {
        let desk = &self.desk;
        let (event, data) = (Event::Unreported, json!({}));
        let record = desk.apply(id, None, event, Actor::System, "unreported", data).await?;
        self.flagged(record, Flag::Unreported);
        Ok(())
    }

    /// Tells the reviewer that a card was flagged; nobody waits for that.
    pub(crate) fn flagged(&self, record: Record, flag: Flag) {
        self.tell_news(News::Flagged { id: record.id, flag });
    }
}

/// What an agent was told, as it is held against what it does.
struct Given {
    record: Record,
    directive: Vec<Line>,
    directed_at: DateTime<Utc>,
    payload: Payload,
    released_at: DateTime<Utc>,
}

impl Given {
    /// Of a handoff whose decision is out. The steps are judged by the last
    /// word on the task alone, be it that of a rollback or of a give-back: an earlier
    /// one did not know of it. An answer to one call is no word on its step, which
    /// may have many: the gate keeps it.
    fn of(read: &Read<'_>, record: Record, payload: Payload) -> Result<Option<Self>, StoreError> {
        let Some(out) = read.latest_entry(record.seq, ["released", "default_taken"])? else {
            return Ok(None);
        };
        let Record { agent, task, id, .. } = &record;
        let is_last = read.last_told(agent, task, None)?.as_ref() == Some(id);
        let since = changed_course(read, agent, task)?.filter(|entry| entry.at >= out.at);
        let (directive, directed_at) = match since {
            _ if !is_last => (Vec::new(), out.at),
            // What the reviewer said with a plan of their own is in the plan.
            Some(mut entry) => (part(&mut entry, "directive")?.unwrap_or_default(), entry.at),
            None if read.check_of(id)?.is_some() => (Vec::new(), out.at),
            None => (told(read, &record, &payload)?, out.at),
        };
        Ok(Some(Self { record, directive, directed_at, payload, released_at: out.at }))
    }

    fn compare(
        &self,
        read: &Read<'_>,
        report: Option<&Report>,
        known: &BTreeSet<&str>,
        actions: &[Recorded<'_>],
    ) -> Result<Agreement, StoreError> {
        let Some(decision) = self.record.progress.phase.released_decision() else {
            return Ok(Agreement::default());
        };
        let step = self.payload.pending_question.step.as_deref();
        let mut let_run = BTreeSet::new();
        for recorded in actions {
            let action = recorded.action;
            if step.is_none()
                || action.step.as_deref() != step
                || decision.tool.as_ref() != Some(&action.tool)
            {
                continue;
            }
            let (Record { agent, task, id, .. }, hash) = (&self.record, action.hash());
            if read.was_let_run(agent, task, &hash, id)? {
                let_run.insert(hash);
            }
        }
        let option = decision.option.as_deref().and_then(|id| self.payload.option(id));
        let told = Told {
            handoff: &self.record.id,
            directive: &self.directive,
            known,
            let_run: &let_run,
            decision,
            step,
            proposed: option
                .filter(|_| decision.kind == DecisionKind::Modify)
                .and_then(|option| option.action.as_ref()),
            released_at: self.released_at,
            directed_at: self.directed_at,
        };
        Ok(compare(&told, report, actions))
    }
}

/// Closes a handoff by its agent's report; one that cannot be read changes
/// nothing.
fn hear(
    write: &Write<'_>,
    record: Record,
    payload: &Payload,
    report: Report,
    now: DateTime<Utc>,
) -> Result<Record, Failure> {
    let outcome = match report.outcome {
        Outcome::Applied => "applied",
        Outcome::Diverged => "diverged",
    };
    let data = json!({ "outcome": outcome, "why": report.why, "steps": report.steps });
    let event = Event::Report { report: report.clone() };
    let progress = transition(&record.progress, &record.traits, event, now)?;
    if progress == record.progress {
        return Ok(record);
    }
    let known = Known::of(&write.read(), &record, payload)?;
    let given = Given::of(&write.read(), record.clone(), payload.clone())?;
    // A step that went out of the plan since, or came into it, is known, too.
    let proposed = payload.plan.iter().flat_map(|plan| &plan.steps);
    let steps = known.plan.steps.iter().chain(proposed).map(|step| step.id.as_str()).collect();
    let agreement = given
        .map(|given| given.compare(&write.read(), Some(&report), &steps, &known.recorded()))
        .transpose()?;
    let mut agreement = agreement.unwrap_or_default();
    if !agreement.faults.is_empty() {
        return Err(Failure::unfit(agreement.faults));
    }
    let record = change(write, record, progress, Actor::Agent, "reconciled", data, now)?;
    // What it says itself stands in its report.
    agreement.divergences.retain(|divergence| divergence.kind != DivergenceKind::Said);
    differ(write, record, agreement, now)
}

/// Flags a handoff whose agent did something else than it was told.
fn differ(
    write: &Write<'_>,
    record: Record,
    agreement: Agreement,
    now: DateTime<Utc>,
) -> Result<Record, Failure> {
    if agreement.divergences.is_empty() {
        return Ok(record);
    }
    let data = json!({ "why": agreement.why(), "divergences": agreement.divergences });
    let event = Event::Diverge { divergences: agreement.divergences };
    let progress = transition(&record.progress, &record.traits, event, now)?;
    change(write, record, progress, Actor::System, "diverged", data, now)
}

/// What a recorded action has to do with what its agent was told.
#[derive(Default)]
pub struct Held {
    /// The handoffs that are flagged by it, each with whether it was before.
    pub flagged: Vec<(Record, bool)>,
    /// In what it differs.
    pub why: Option<String>,
    /// It is another call than was decided on.
    pub other_call: bool,
}

/// Holds an action, as it was just recorded, against what its agent was told.
pub fn hold(
    write: &Write<'_>,
    (agent, task): (&str, &str),
    action: &Recorded<'_>,
    now: DateTime<Utc>,
) -> Result<Held, Failure> {
    let mut held = Held::default();
    let mut told: Vec<Record> =
        write.read().released(agent, task)?.into_iter().map(|(record, _)| record).collect();
    if let Some(last) = write.read().last_told(agent, task, None)?
        && told.iter().all(|record| record.id != last)
    {
        told.extend(write.read().handoff(&last)?);
    }
    for record in told {
        let Some(json) = write.read().payload(record.seq, record.progress.revision)? else {
            continue;
        };
        let payload: Payload = serde_json::from_str(&json).map_err(StoreError::from)?;
        let known = |record: &Record| Known::of(&write.read(), record, &payload);
        let Some(given) = Given::of(&write.read(), record.clone(), payload.clone())? else {
            continue;
        };
        // Most actions differ in nothing, and all others need not be read.
        let none = BTreeSet::new();
        if given.compare(&write.read(), None, &none, &[*action])?.divergences.is_empty() {
            continue;
        }
        let known = known(&record)?;
        let mut agreement = given.compare(&write.read(), None, &none, &known.recorded())?;
        let this = |of: &Option<String>| of.as_deref() == Some(action.action.id.as_str());
        agreement.divergences.retain(|divergence| this(&divergence.action));
        let Some(why) = agreement.why() else { continue };
        let other = [DivergenceKind::OldArgs, DivergenceKind::OtherArgs];
        let other = agreement.divergences.iter().any(|divergence| other.contains(&divergence.kind));
        let (version, was) = (record.version, record.has(Flag::Diverged));
        let after = differ(write, record, agreement, now)?;
        if after.version != version {
            held.other_call |= other;
            held.why.get_or_insert(why);
            held.flagged.push((after, was));
        }
    }
    Ok(held)
}

/// Asks the reviewer again: what the decision was made on does not hold.
fn reopen(
    write: &Write<'_>,
    record: Record,
    (payload, json): (Payload, String),
    (report, open): (Report, Open),
    now: DateTime<Utc>,
) -> Result<Record, Failure> {
    if record.progress.state() == State::Ready && same(&record.progress.unmet, &report.unmet) {
        return Ok(record);
    }
    let decision = record.progress.phase.released_decision();
    let option = decision.and_then(|decision| payload.option(decision.option.as_deref()?));
    let checks = option.map(|option| option.preconditions.as_slice()).unwrap_or_default();
    let mut faults = Vec::new();
    if report.outcome == Outcome::Applied {
        faults.push(Fault {
            pointer: "/outcome".to_owned(),
            message: "It says that it was applied, though a precondition did not hold.".to_owned(),
            hint: "Report `diverged`, and act on nothing.".to_owned(),
        });
    }
    let mut unmet = Vec::new();
    for (place, said) in report.unmet.into_iter().enumerate() {
        let check = checks.iter().find(|check| check.tool == said.tool && check.args == said.args);
        match check {
            Some(check) if check.expect != said.found => {
                unmet.push(Unmet { expect: check.expect.clone(), ..said });
            }
            Some(_) => faults.push(Fault {
                pointer: format!("/unmet/{place}/found"),
                message: "It found what was expected.".to_owned(),
                hint: "Leave it out, and act on the decision.".to_owned(),
            }),
            None => faults.push(Fault {
                pointer: format!("/unmet/{place}"),
                message: "The option that was decided on has no such precondition.".to_owned(),
                hint: "Give the tool and the arguments of one of its preconditions.".to_owned(),
            }),
        }
    }
    if !faults.is_empty() {
        return Err(Failure::unfit(faults));
    }
    // Nothing was done by it, and nothing is to be done by it any more.
    write.use_permit(&record.id, now)?;
    write.vouch(&record.id)?;
    ask_again(write, record, (payload, json), (unmet, open), now)
}

/// Whether an agent says once more what it said, without what the desk adds.
fn same(known: &[Unmet], said: &[Unmet]) -> bool {
    let bare = |unmet: &Unmet| (unmet.tool.clone(), unmet.args.clone(), unmet.found.clone());
    known.iter().map(bare).eq(said.iter().map(bare))
}
