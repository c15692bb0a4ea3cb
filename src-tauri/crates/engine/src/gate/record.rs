//! What agents report to have done: kept, matched with what was asked and
//! decided, and shown to the reviewer where the two differ.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use handoff_domain::action::{Action, ActionStatus, Effect, Undo};
use handoff_domain::autonomy::{Level, LevelSet, capped};
use handoff_domain::decision::{action_hash, fingerprint};
use handoff_domain::effect::{self, Judged, Word, judge};
use handoff_domain::gate::Ran;
use handoff_domain::identity::is_key;
use handoff_domain::lifecycle::{Event, Outcome, Report, State, transition};
use handoff_domain::rule::{CallFacts, Rules};
use handoff_protocol::view::Change;
use handoff_protocol::wire::{Check, Checked, ErrorCode, RecordAction, Recorded, TaskRef};
use handoff_store::{CheckRow, KnownTool, NewAction, Record, StoreError, Write};
use serde_json::{Map, Value, json};

use super::{entry, in_time, no_such_task};
use crate::{Actor, Engine, Failure, change, lock};

/// Where the desk has an action from that an agent reports by itself.
const AGENT_SAYS: &str = "agent says";

/// How a record came out.
struct Kept {
    recorded: Recorded,
    /// The handoffs that changed by it.
    changed: Vec<String>,
    /// Why the agent was lowered to asking for every change.
    lowered: Option<String>,
    /// It was recorded before, with less.
    again: bool,
}

impl Engine {
    /// Keeps what an agent did.
    pub(crate) async fn record_action(
        &self,
        agent: &str,
        record: RecordAction,
    ) -> Result<Recorded, Failure> {
        let desk = &self.desk;
        refuse_malformed(&record)?;
        let size = serde_json::to_string(&record.action).map_or(0, |text| text.len());
        desk.must_have_room(size)?;
        let (owner, task, now) = (agent.to_owned(), record.task.id().to_owned(), desk.now());
        let hash = hash_of(&record.action);
        let left = desk.left_of(agent, &task, &hash, record.action.status).await?;
        let rules = Arc::clone(&lock(&desk.rules));
        let facts = desk.store.read(|read| desk.memory.recall(read, agent, &task))?;
        let stored = desk.store.write(move |write| {
            if let Some((check, files)) = &left {
                write.files_left(*check, &record.action.id, files)?;
            }
            let by = By { agent: &owner, rules: &rules, facts: &facts.facts };
            keep(write, &by, &record, now)
        });
        let kept = desk.watched(stored.await)?;
        if kept.again {
            desk.memory.forget(agent, &task);
        }
        for id in &kept.changed {
            desk.hub.changed(agent, id);
        }
        if let Some(why) = kept.lowered {
            desk.hub.tell(&Change::Status);
            self.alert_of_agent(agent, why);
        }
        Ok(kept.recorded)
    }
}

/// Who did it, and what it is weighed by.
struct By<'b> {
    agent: &'b str,
    rules: &'b Rules,
    facts: &'b Map<String, Value>,
}

fn keep(
    write: &Write<'_>,
    by: &By<'_>,
    record: &RecordAction,
    now: DateTime<Utc>,
) -> Result<Kept, Failure> {
    let (agent, action) = (by.agent, &record.action);
    let task = record.task.id();
    let hash = hash_of(action);
    let before = write.read().action(agent, task, &action.id)?;
    if before.as_ref().is_some_and(|before| before.action == *action) {
        let recorded =
            Recorded { id: action.id.clone(), replayed: true, reconciled: None, diverged: None };
        return Ok(Kept { recorded, changed: Vec::new(), lowered: None, again: false });
    }
    if let Some(before) = &before
        && hash_of(&before.action) != hash
    {
        return Err(Failure::conflict(
            format!("The action {:?} was recorded before as another call.", action.id),
            "Give every call an id of its own within its task.",
        ));
    }
    match &record.task {
        TaskRef::Whole(task) => write.keep_task(agent, task, None, now)?,
        TaskRef::Id(id) if write.read().task(agent, id)?.is_none() => return Err(no_such_task(id)),
        TaskRef::Id(id) => write.touch_task(agent, id, now)?,
    }
    let allowed = write.read().was_allowed(agent, task, &hash)?;
    let drafted = allowed.as_ref().is_some_and(|asked| was_drafted(&asked.answer));
    let cwd = record.cwd.clone().or_else(|| allowed.as_ref().and_then(asked_in));
    let judged = judged(write, by, record, cwd.as_deref(), now)?;
    let ran = matches!(action.status, ActionStatus::Done | ActionStatus::Running);
    let done = NewAction {
        task,
        action,
        hash: &hash,
        // What nobody knows is shown as the agent says it: it has happened.
        effect: if judged.unknown { action.effect } else { judged.effect },
        source: AGENT_SAYS,
        drafted: drafted && action.status == ActionStatus::Done,
    };
    write.keep_action(agent, &done, now)?;
    if let Some(check) = &allowed
        && action.status != ActionStatus::Running
    {
        write.check_done(check.seq)?;
    }
    let mut kept = Kept {
        recorded: Recorded {
            id: action.id.clone(),
            replayed: false,
            reconciled: None,
            diverged: None,
        },
        changed: Vec::new(),
        lowered: None,
        again: before.is_some(),
    };
    let decided = decided_on(write, agent, task, action, &hash)?;
    match decided {
        Some((handoff, true)) => {
            if action.status == ActionStatus::Done && is_open(&handoff) {
                report(write, handoff, Outcome::Applied, None, &mut kept, now)?;
            }
        }
        Some((handoff, false)) if ran => {
            let why = format!("It called {} with something else than was decided.", action.tool);
            if is_open(&handoff) {
                report(write, handoff, Outcome::Diverged, Some(&why), &mut kept, now)?;
            }
            lower(write, agent, &why, &mut kept, now)?;
        }
        Some((_, false)) => {}
        None => {
            let asked = allowed.is_some()
                || before.is_some()
                || write.read().was_permitted(agent, task, &hash)?;
            let always_asks = judged.unknown || judged.effect == Effect::Irreversible;
            if ran && !asked && always_asks {
                let tool = &action.tool;
                let though = if judged.unknown {
                    "nobody knows what that does"
                } else {
                    "that cannot be undone"
                };
                let why = format!("It called {tool} and never asked, though {though}.");
                lower(write, agent, &why, &mut kept, now)?;
            }
        }
    }
    Ok(kept)
}

fn is_open(handoff: &Record) -> bool {
    matches!(handoff.progress.state(), State::Released | State::Collected)
}

fn was_drafted(answer: &str) -> bool {
    serde_json::from_str::<Checked>(answer).is_ok_and(|answer| answer.ran == Some(Ran::Drafted))
}

/// The decided handoff that this action carries out, and whether it does what
/// was decided: one it names, one with the same hash, or one about the same
/// step and tool.
fn decided_on(
    write: &Write<'_>,
    agent: &str,
    task: &str,
    action: &Action,
    hash: &str,
) -> Result<Option<(Record, bool)>, Failure> {
    let decided = |record: &Record| record.progress.phase.released_decision()?.action_hash();
    if let Some(id) = &action.handoff {
        let record = crate::owned(write, id, Some(agent))?;
        return Ok(decided(&record).map(|decided| (record, decided == hash)));
    }
    let open = write.read().released(agent, task)?;
    let same = open.iter().find(|(record, _)| decided(record).as_deref() == Some(hash));
    if let Some((record, _)) = same {
        return Ok(Some((record.clone(), true)));
    }
    let Some(step) = &action.step else { return Ok(None) };
    let same_place = |(record, asked): &&(Record, Option<String>)| {
        let decision = record.progress.phase.released_decision();
        let tool = decision.and_then(|decision| decision.tool.as_ref());
        asked.as_ref() == Some(step) && tool == Some(&action.tool)
    };
    Ok(open.iter().find(same_place).map(|(record, _)| (record.clone(), false)))
}

fn report(
    write: &Write<'_>,
    handoff: Record,
    outcome: Outcome,
    why: Option<&str>,
    kept: &mut Kept,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let id = handoff.id.clone();
    let said = if outcome == Outcome::Applied { "applied" } else { "diverged" };
    let report = Report { outcome, why: why.map(str::to_owned), steps: Vec::new() };
    let event = Event::Report { report };
    let progress = transition(&handoff.progress, &handoff.traits, event, now)?;
    let data = json!({ "outcome": said, "why": why, "by": "record" });
    change(write, handoff, progress, Actor::Agent, "reconciled", data, now)?;
    if outcome == Outcome::Applied {
        kept.recorded.reconciled = Some(id.clone());
    }
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
    kept.recorded.diverged = Some(why.to_owned());
    // Until the reviewer has looked, the same again is one alert.
    kept.lowered = Some(why.to_owned()).filter(|why| known.as_ref() != Some(why));
    Ok(())
}

/// The folder that was named when exactly this was asked for.
fn asked_in(row: &CheckRow) -> Option<String> {
    serde_json::from_str::<Check>(&row.asked).ok()?.cwd
}

/// What the action did, weighed like a call that is asked for.
fn judged(
    write: &Write<'_>,
    by: &By<'_>,
    record: &RecordAction,
    cwd: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Judged, StoreError> {
    let (action, args) = (&record.action, args_of(&record.action));
    let task = record.task.id();
    let tool = write.read().tool(by.agent, &action.tool)?;
    let undoable = match &action.undo {
        None => false,
        Some(undo @ Undo::Files { .. }) => {
            in_time(undo, now) && !write.read().kept_of(by.agent, task, &action.id)?.is_empty()
        }
        Some(undo) => in_time(undo, now),
    };
    let words = effect::command_words(&action.tool, &args);
    let named = words.as_ref().and_then(|(_, folder)| folder.as_deref());
    let matched = by.rules.matched(&CallFacts {
        agent: by.agent,
        task,
        tool: &action.tool,
        args: &args,
        argv: words.as_ref().map(|(argv, _)| argv.as_slice()),
        cwd: effect::folder(cwd, named).as_deref(),
        facts: by.facts,
        at: now,
    });
    let word = Word {
        reviewer: matched.reviewer(),
        claimed: Some(action.effect),
        accepted: effect::acceptable(&action.tool, tool.as_ref().and_then(KnownTool::in_force)),
        undoable,
    };
    Ok(judge(&effect::read(&action.tool, &args, cwd), word))
}

fn args_of(action: &Action) -> Map<String, Value> {
    match &action.input {
        Some(Value::Object(args)) => args.clone(),
        _ => Map::new(),
    }
}

/// The hash of tool and input; an input that is no object has one of its own.
fn hash_of(action: &Action) -> String {
    match &action.input {
        Some(Value::Object(args)) => action_hash(&action.tool, args),
        None => action_hash(&action.tool, &Map::new()),
        Some(other) => fingerprint(&json!({ "args": other, "tool": action.tool })),
    }
}

fn refuse_malformed(record: &RecordAction) -> Result<(), Failure> {
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
    if action.tool.trim().is_empty() || action.tool.chars().count() > 200 {
        return Err(Failure::new(
            ErrorCode::InvalidParams,
            "The tool has no name, or one that is too long.",
            "Give the tool's name, at most 200 characters.",
        ));
    }
    if action.confidence.is_some_and(|confidence| !(0.0..=1.0).contains(&confidence)) {
        return Err(Failure::new(
            ErrorCode::InvalidParams,
            "The confidence is not between 0 and 1.",
            "Leave it out, or give a number from 0 to 1.",
        ));
    }
    Ok(())
}
