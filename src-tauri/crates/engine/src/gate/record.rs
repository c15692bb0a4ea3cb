//! What agents report to have done: kept, matched with what was asked and
//! decided, and shown to the reviewer where the two differ.

use std::borrow::Cow;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use handoff_domain::action::{Action, ActionStatus, Effect};
use handoff_domain::autonomy::{Level, LevelSet, capped};
use handoff_domain::decision::Decision;
use handoff_domain::effect::Judged;
use handoff_domain::gate::Ran;
use handoff_domain::identity::is_key;
use handoff_domain::lifecycle::{Event, Flag, Outcome, Report, State, transition};
use handoff_protocol::view::Change;
use handoff_protocol::wire::{Checked, ErrorCode, Observer, RecordAction, Recorded, TaskRef};
use handoff_store::{NewAction, Past, Record, RollbackRow, Write};
use serde_json::json;

use super::form::refuse_undo;
use super::rests::{Left, Rests};
use super::{TRIES, entry, no_such_task, vouch};
use crate::agreement::{Held, hold};
use crate::control::BY_HAND_ID;
use crate::news::News;
use crate::{Actor, Engine, Failure, change, rollback};

/// Where the desk has an action from that an agent reports by itself.
pub(crate) const AGENT_SAYS: &str = "agent says";

/// How a record came out.
struct Kept {
    recorded: Recorded,
    /// The handoffs that changed by it.
    changed: Vec<String>,
    /// Those that are flagged by it and were not before.
    flagged: Vec<Record>,
    /// Why the agent was lowered to asking for every change.
    lowered: Option<String>,
    /// It was recorded before, with less.
    again: bool,
    /// The rollback that it moved on, and the action that it took back.
    undo: Option<(RollbackRow, String)>,
    /// It belongs to the draft of a task that has ended.
    left_over: bool,
}

impl Engine {
    /// Keeps what an agent did.
    pub(crate) async fn record_action(
        &self,
        agent: &str,
        observer: Option<Observer>,
        record: RecordAction,
    ) -> Result<Recorded, Failure> {
        let desk = &self.desk;
        refuse_malformed(&record, desk.now())?;
        let size = serde_json::to_string(&record.action).map_or(0, |text| text.len());
        desk.must_have_room(size)?;
        let (task, now) = (record.task.id().to_owned(), desk.now());
        let left = desk.left_of(agent, &task, &record.action).await?;
        let record = Arc::new(record);
        let mut tries = 0..TRIES;
        let kept = loop {
            if tries.next().is_none() {
                return Err(Failure::new(
                    ErrorCode::Unavailable,
                    "What this rests on changed again and again while it was judged.",
                    "Record it again, as it is.",
                ));
            }
            // A condition of the reviewer's may take its time: not while
            // everybody else waits to write.
            let rests = desk.store.read(|read| Rests::of(read, agent, &record, left.as_ref()))?;
            let judged = desk.judge_record(agent, &record, &rests, now)?;
            let (owner, left, record) = (agent.to_owned(), left.clone(), Arc::clone(&record));
            let stored = desk.store.write(move |write| {
                let left = left.as_ref();
                let by = By { agent: &owner, observer, left, rests: &rests, judged };
                keep(write, &by, &record, now)
            });
            if let Some(kept) = desk.watched(stored.await)? {
                break kept;
            }
        };
        if kept.again {
            desk.memory.forget(agent, &task);
        }
        for id in &kept.changed {
            desk.hub.changed(agent, id);
        }
        if let Some((row, _)) = &kept.undo {
            self.undo_reported(row);
        }
        for record in kept.flagged {
            self.flagged(record, Flag::Diverged);
        }
        if kept.left_over
            && let Err(error) = self.draft(agent, &task, true).await
        {
            // It is recorded: the next draft of the task has it.
            tracing::warn!(?error, "what came after the end of a task is in no draft yet");
        }
        if let Some(why) = kept.lowered {
            desk.hub.tell(&Change::Status);
            self.tell_news(News::Lowered { agent: agent.to_owned(), why });
        }
        Ok(kept.recorded)
    }
}

/// Who did it, and how it is weighed.
struct By<'b> {
    agent: &'b str,
    observer: Option<Observer>,
    left: Option<&'b Left>,
    rests: &'b Rests,
    judged: Judged,
}

/// Keeps it; nothing where what its judgement rests on is not so any more.
fn keep(
    write: &Write<'_>,
    by: &By<'_>,
    record: &RecordAction,
    now: DateTime<Utc>,
) -> Result<Option<Kept>, Failure> {
    let (agent, action, judged) = (by.agent, &record.action, &by.judged);
    let task = record.task.id();
    let hash = action.hash();
    let before = write.read().action(agent, task, &action.id)?;
    if let Some(before) = before.as_ref().filter(|before| is_known(&before.action, action)) {
        if by.observer.is_some() && before.source == AGENT_SAYS {
            write.set_source(agent, task, &action.id, source(by.observer))?;
        }
        // It may have been asked about under its id since it was told of.
        if let Some(check) = by.rests.allowed.as_ref().filter(|check| check.key == action.id) {
            write.check_recorded(check.seq, &action.id, action.status != ActionStatus::Running)?;
        }
        let (recorded, changed, flagged) = (recorded(action, true), vec![], vec![]);
        let (lowered, again, undo, left_over) = (None, false, None, false);
        let kept = Kept { recorded, changed, flagged, lowered, again, undo, left_over };
        return Ok(Some(kept));
    }
    if let Some(before) = &before
        && before.action.hash() != hash
    {
        return Err(Failure::conflict(
            format!("The action {:?} was recorded before as another call.", action.id),
            "Give every call an id of its own within its task.",
        ));
    }
    if Rests::of(&write.read(), agent, record, by.left)? != *by.rests {
        return Ok(None);
    }
    let known = write.read().task(agent, task)?;
    let over = known.as_ref().is_some_and(|row| row.closed_at.is_some());
    match &record.task {
        // What was done before a task ended does not begin it anew.
        _ if over => write.touch_task(agent, task, now)?,
        TaskRef::Whole(task) => write.keep_task(agent, task, None, now)?,
        TaskRef::Id(id) if known.is_none() => return Err(no_such_task(id)),
        TaskRef::Id(id) => write.touch_task(agent, id, now)?,
    }
    let allowed = by.rests.allowed.as_ref();
    if let Some((check, files)) = by.rests.left_of(by.left) {
        write.files_left(*check, &action.id, files)?;
    }
    let drafted = !by.rests.again && allowed.is_some_and(|asked| was_drafted(&asked.answer));
    let (stands, source) = match &before {
        Some(before) => told_by_both(before, action, by.observer),
        None => (Cow::Borrowed(action), source(by.observer).to_owned()),
    };
    let ran = matches!(action.status, ActionStatus::Done | ActionStatus::Running);
    let done = NewAction {
        task,
        action: &stands,
        hash: &hash,
        // What nobody knows is shown as the agent says it: it has happened.
        effect: if judged.unknown { action.effect } else { judged.effect },
        found: !judged.unknown,
        source: &source,
        // What failed may have changed something all the same.
        drafted: drafted && matches!(stands.status, ActionStatus::Done | ActionStatus::Failed),
    };
    write.keep_action(agent, &done, now)?;
    if let Some(check) = allowed.filter(|_| !by.rests.again) {
        write.check_recorded(check.seq, &action.id, action.status != ActionStatus::Running)?;
    }
    let mut kept = Kept {
        recorded: recorded(action, false),
        changed: Vec::new(),
        flagged: Vec::new(),
        lowered: None,
        again: before.is_some(),
        undo: rollback::by_record(write, agent, (task, &hash), action, now)?,
        left_over: over && done.drafted,
    };
    kept.recorded.undid = kept.undo.as_ref().map(|(_, action)| action.clone());
    let decided = decided_on(write, agent, task, action, &hash)?;
    let vouched = {
        let call = vouch::Call { agent, task, hash: &hash };
        let anew = before.as_ref().is_none_or(|past| vouch::runs_anew(past, &stands, by.observer));
        !anew || vouch::vouched(write, &call, allowed, decided.as_ref(), now)?
    };
    if let Some(handoff) = decided
        && action.status == ActionStatus::Done
        && is_open(&handoff)
    {
        report(write, handoff, &mut kept, now)?;
    }
    let mut held = Held::default();
    // What takes another action back as it was asked to repeats nothing.
    if ran && kept.undo.is_none() {
        let at = before.is_none().then_some(now);
        let said = handoff_domain::record::Recorded::said(action);
        let recorded = handoff_domain::record::Recorded { effect: done.effect, at, ..said };
        held = hold(write, (agent, task), &recorded, now)?;
    }
    if let Some(why) = &held.why {
        diverged(write, agent, (why, held.other_call), &mut kept, now)?;
    }
    for (record, was) in held.flagged {
        kept.changed.push(record.id.clone());
        kept.flagged.extend((!was).then_some(record));
    }
    // What failed, or was undone since, was called all the same.
    let asked = vouched || held.other_call || kept.undo.is_some();
    if !asked && let Some(why) = had_to_ask(&action.tool, judged) {
        lower(write, agent, &why, &mut kept, now)?;
    }
    Ok(Some(kept))
}

/// Notes what an agent did against a decision; another call in the place of the
/// decided one lowers it.
fn diverged(
    write: &Write<'_>,
    agent: &str,
    (why, other_call): (&str, bool),
    kept: &mut Kept,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    if other_call {
        return lower(write, agent, why, kept, now);
    }
    write.count_divergence(agent)?;
    kept.recorded.diverged = Some(why.to_owned());
    Ok(())
}

/// What is wrong with a call that never asked, if it had to.
fn had_to_ask(tool: &str, judged: &Judged) -> Option<String> {
    let though = if judged.unknown {
        "nobody knows what that does"
    } else if judged.effect == Effect::Irreversible {
        "that cannot be undone"
    } else {
        return None;
    };
    Some(format!("It called {tool} and never asked, though {though}."))
}

fn recorded(action: &Action, replayed: bool) -> Recorded {
    Recorded { id: action.id.clone(), replayed, reconciled: None, undid: None, diverged: None }
}

/// Whether the same was recorded before. What was taken back since stays so:
/// done anew, it is another action.
fn is_known(before: &Action, action: &Action) -> bool {
    let undone = before.status == ActionStatus::Undone;
    before == action || undone && *before == Action { status: before.status, ..action.clone() }
}

/// Who says so, in the words of CONTRACT §2.
fn source(observer: Option<Observer>) -> &'static str {
    match observer {
        None => AGENT_SAYS,
        Some(Observer::Hook) => "observed by hook",
        Some(Observer::Gateway) => "observed by gateway",
    }
}

/// One action of which two have told. What was seen counts; where the agent says
/// otherwise, its source says that.
fn told_by_both<'a>(
    before: &Past,
    action: &'a Action,
    observer: Option<Observer>,
) -> (Cow<'a, Action>, String) {
    let seen_before = vouch::was_seen(before);
    if seen_before == observer.is_some() {
        return (Cow::Borrowed(action), source(observer).to_owned());
    }
    let (seen, said, by) = if seen_before {
        (&before.action, action, before.source.as_str())
    } else {
        (action, &before.action, source(observer))
    };
    let mut one = seen.clone();
    one.undo = one.undo.or_else(|| said.undo.clone());
    for (name, value) in &said.facts {
        one.facts.entry(name).or_insert_with(|| value.clone());
    }
    let ended = |action: &Action| action.status != ActionStatus::Running;
    if !ended(seen) {
        one.status = said.status;
    }
    let differ = ended(seen) && ended(said);
    let otherwise = if differ && said.status != seen.status {
        let status = serde_json::to_value(said.status).unwrap_or_default();
        Some(status.as_str().unwrap_or_default().to_owned())
    } else if differ && said.output.is_some() && said.output != seen.output {
        Some("another output".to_owned())
    } else {
        None
    };
    let by = by.split("; ").next().unwrap_or(by);
    let source = match otherwise {
        Some(otherwise) => format!("{by}; {AGENT_SAYS}: {otherwise}"),
        None => by.to_owned(),
    };
    (Cow::Owned(one), source)
}

pub(super) fn is_open(handoff: &Record) -> bool {
    matches!(handoff.progress.state(), State::Released | State::Collected)
}

fn was_drafted(answer: &str) -> bool {
    serde_json::from_str::<Checked>(answer).is_ok_and(|answer| answer.ran == Some(Ran::Drafted))
}

/// The decided handoff that this action carries out: one it names, or one with
/// the same hash.
fn decided_on(
    write: &Write<'_>,
    agent: &str,
    task: &str,
    action: &Action,
    hash: &str,
) -> Result<Option<Record>, Failure> {
    let is_it = |record: &Record| {
        let decision = record.progress.phase.released_decision();
        decision.and_then(Decision::action_hash).as_deref() == Some(hash)
    };
    if let Some(id) = &action.handoff {
        return Ok(Some(crate::owned(write, id, Some(agent))?).filter(is_it));
    }
    let open = write.read().released(agent, task)?;
    Ok(open.into_iter().map(|(record, _)| record).find(is_it))
}

fn report(
    write: &Write<'_>,
    handoff: Record,
    kept: &mut Kept,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let id = handoff.id.clone();
    let outcome = Outcome::Applied;
    let report = Report { outcome, why: None, steps: Vec::new(), unmet: Vec::new() };
    let event = Event::Report { report };
    let progress = transition(&handoff.progress, &handoff.traits, event, now)?;
    let data = json!({ "outcome": "applied", "by": "record" });
    change(write, handoff, progress, Actor::Agent, "reconciled", data, now)?;
    kept.recorded.reconciled = Some(id.clone());
    kept.changed.push(id);
    Ok(())
}

/// Drops an agent to asking for every change, until the reviewer has looked.
fn lower(
    write: &Write<'_>,
    agent: &str,
    why: &str,
    kept: &mut Kept,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let lowest = LevelSet::lasting(Level::Suggest);
    let known = write.read().levels(agent, "")?.lowered;
    write.set_level(agent, "", lowest, Some(why))?;
    for (task, set) in write.read().task_levels(agent)? {
        write.set_level(agent, &task, capped(set, Level::Suggest), None)?;
    }
    write.count_divergence(agent)?;
    let data = json!({ "to": "suggest", "why": why });
    write.log_about(&format!("agent:{agent}"), &entry(Actor::System, "lowered", data, now))?;
    kept.recorded.diverged.get_or_insert_with(|| why.to_owned());
    // Until the reviewer has looked, the same again is one alert.
    kept.lowered = Some(why.to_owned()).filter(|why| known.as_ref() != Some(why));
    Ok(())
}

/// How far the clock of an agent may be ahead.
const AHEAD: TimeDelta = TimeDelta::days(1);

fn refuse_malformed(record: &RecordAction, now: DateTime<Utc>) -> Result<(), Failure> {
    let action = &record.action;
    let named = [Some(record.task.id()), Some(&action.id), action.step.as_deref()];
    for id in named.into_iter().flatten() {
        if !is_key(id) {
            return Err(Failure::new(
                ErrorCode::InvalidParams,
                format!("{id:?} cannot be an id."),
                "Use 1 to 200 of the characters A–Z, a–z, 0–9 and . _ : / -",
            ));
        }
    }
    if action.id.starts_with(BY_HAND_ID) {
        return Err(Failure::new(
            ErrorCode::InvalidParams,
            format!("Ids that begin with {BY_HAND_ID:?} are for what the reviewer did."),
            "Give the action another id.",
        ));
    }
    if action.tool.trim().is_empty() || action.tool.chars().count() > 200 {
        return Err(Failure::new(
            ErrorCode::InvalidParams,
            "The tool has no name, or one that is too long.",
            "Give the tool's name, at most 200 characters.",
        ));
    }
    refuse_undo(action.undo.as_ref())?;
    if action.confidence.is_some_and(|confidence| !(0.0..=1.0).contains(&confidence)) {
        return Err(Failure::new(
            ErrorCode::InvalidParams,
            "The confidence is not between 0 and 1.",
            "Leave it out, or give a number from 0 to 1.",
        ));
    }
    if let (Some(started), Some(ended)) = (action.started_at, action.ended_at)
        && ended < started
    {
        return Err(Failure::new(
            ErrorCode::InvalidParams,
            format!("The action ended at {ended}, before it started at {started}."),
            "Give both by the same clock, or leave them out.",
        ));
    }
    let named = [action.started_at, action.ended_at].into_iter().flatten();
    if let Some(at) = named.into_iter().find(|at| *at > now + AHEAD) {
        return Err(Failure::new(
            ErrorCode::InvalidParams,
            format!("The action names the time {at}; it is {now} now."),
            "Set the clock, or leave the times out.",
        ));
    }
    Ok(())
}
