//! The gate: agents ask here before they act (CONTRACT §6).
//!
//! It gathers what is known of a call and lets [`handoff_domain::gate`] judge
//! it, twice: on a snapshot, and again inside the change that keeps the answer,
//! by what is true then. A call that is held becomes a handoff like any other.

mod answer;
mod ask;
mod backlog;
mod by_default;
mod files;
mod form;
mod memory;
mod record;
mod tasks;

pub(crate) use form::no_such_task;
pub use memory::Memory;
pub(crate) use tasks::refuse_plan;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use handoff_domain::action::{Effect, Undo};
use handoff_domain::autonomy::{Level, level};
use handoff_domain::decision::{action_hash, fingerprint};
use handoff_domain::effect::{self, Judged, Word, judge};
use handoff_domain::gate::{Ground, Pending, Ran, Stop, Verdict, decide, runnable, waits_for};
use handoff_domain::identity::handoff_id;
use handoff_domain::lifecycle::State;
use handoff_domain::payload::{Plan, Task};
use handoff_domain::rule::{CallFacts, Kept, Matched, Rules};
use handoff_domain::trace::{Proposed, Trace};
use handoff_domain::trigger::{Evidence, Measured, looked_at};
use handoff_protocol::wire::{Check, Checked, ErrorCode, Gate, TaskRef};
use handoff_store::{CheckRow, KnownTool, NewCheck, Read, StoreError, TaskRow, Write};
use serde_json::{Value, json};

use self::answer::{answer, limit, no};
use self::files::Copies;
use self::form::{refuse_malformed, task_of};
use self::memory::Remembered;
use crate::submit::{Open, store_new};
use crate::{Actor, Desk, Engine, Entry, Failure, lock};

/// How often a check is judged anew because the world changed beneath it.
const TRIES: u32 = 5;

/// What is known of a call on one snapshot.
struct Known {
    task: Option<TaskRow>,
    tool: Option<KnownTool>,
    trace: Trace,
    done: Arc<Remembered>,
}

/// A call with what was found out about it.
struct Weighed {
    hash: String,
    judged: Judged,
    /// The same before any rule of the reviewer.
    read_as: Judged,
    evidence: Vec<Evidence>,
    measured: Measured,
    matched: Matched,
}

/// How a check came out of the change that keeps it.
enum Outcome {
    Answered {
        checked: Box<Checked>,
        /// The handoff that it became.
        new: Option<New>,
        /// A rule was used.
        used: bool,
    },
    /// Something changed meanwhile: judge again.
    Again,
}

/// A question that is new to the reviewer.
struct New {
    handoff: String,
    place: Place,
}

/// Where a new question stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before the reviewer.
    Shown,
    /// Behind the others of its agent, the first of those.
    FirstBehind,
    /// Behind the others of its agent.
    Behind,
}

/// What one look inside or outside of a change says of what can change.
struct Standing {
    level: Level,
    stop: Option<Stop>,
    permit: Option<String>,
    pending: Vec<(String, Option<String>)>,
    plan: Option<Plan>,
    /// How much the agent is told and does not know yet.
    untold: u32,
}

impl Engine {
    /// May this agent make this call?
    pub(crate) async fn check_action(&self, agent: &str, check: Check) -> Result<Checked, Failure> {
        let desk = &self.desk;
        refuse_malformed(&check)?;
        for _ in 0..TRIES {
            match desk.judge_check(agent, &check).await? {
                Outcome::Answered { checked, new, used } => {
                    if used {
                        // It may have been the last time that a rule counts.
                        desk.read_rules()?;
                    }
                    if let Some(New { handoff, place }) = new {
                        desk.hub.changed(agent, &handoff);
                        desk.sooner.notify_one();
                        match place {
                            Place::Shown => self.announce(&handoff),
                            Place::FirstBehind => self.tell_of_backlog(agent),
                            Place::Behind => {}
                        }
                    }
                    return Ok(*checked);
                }
                Outcome::Again => {}
            }
        }
        Err(Failure::new(
            ErrorCode::Unavailable,
            "The rules changed again and again while this was judged.",
            "Ask again with the same key.",
        ))
    }
}

impl Desk {
    async fn judge_check(&self, agent: &str, check: &Check) -> Result<Outcome, Failure> {
        let now = self.now();
        let task_id = check.task.id().to_owned();
        let (known, standing, before) = self.store.read(|read| {
            let known = known(read, &self.memory, agent, check)?;
            let standing = standing(read, agent, &task_id, &check_hash(check), now)?;
            Ok((known, standing, read.check_by_key(agent, &check.key)?))
        })?;
        let task = task_of(check, known.task.as_ref())?;
        if let Some(before) = &before {
            if before.hash != check_hash(check) || before.task != task_id {
                return Err(Failure::conflict(
                    format!("The key {:?} was used before for another call.", check.key),
                    "Use a new key for a new call.",
                ));
            }
            if let Some(answer) = self.settled(before)? {
                return Ok(Outcome::Answered { checked: Box::new(answer), new: None, used: false });
            }
        }
        let copies = self.take_copies(check).await;
        let weighed = self.weigh(agent, check, &known, &copies, now);
        let waits = standing.waits(check, &weighed.judged);
        let verdict = decide(&standing.ground(&weighed, &waits));
        let question = match verdict {
            Verdict::Held(held) if held.asks() => {
                let plan = standing.plan.as_ref();
                let text = ask::payload(agent, &task, plan, check, &known, &weighed, held);
                self.must_have_room(text.len())?;
                let deadlines = handoff_domain::validate::Deadlines::Future;
                let checked = self.check(text.clone(), deadlines).await?;
                let checked = checked.map_err(Failure::invalid)?;
                let open = self.left_open(&checked.payload, now);
                Some((checked, open, text))
            }
            Verdict::Held(_) | Verdict::Run(_) => None,
        };
        let (agent, check) = (agent.to_owned(), check.clone());
        let most = lock(&self.settings).cards_per_hour;
        let kept = self
            .store
            .write(move |write| {
                let (agent, check) = (&agent, &check);
                let call = Call { agent, check, task: &task, weighed: &weighed, most };
                let outcome = keep(write, &call, verdict, question, now)?;
                if let Copies::Taken(taken) = &copies {
                    write.keep_files(agent, &task.id, &check.key, taken, now)?;
                }
                Ok(outcome)
            })
            .await;
        self.watched(kept)
    }

    /// The answer to a question that was asked before, where it does not
    /// depend on how things are now.
    fn settled(&self, before: &CheckRow) -> Result<Option<Checked>, Failure> {
        let answer: Checked = serde_json::from_str(&before.answer).map_err(StoreError::from)?;
        let Some(handoff) = &before.handoff else {
            // What was let run once is let run: the answer may have been lost.
            return Ok((answer.verdict == Gate::Run).then_some(answer));
        };
        let Some((record, ..)) = self.load(handoff)? else { return Ok(None) };
        let denied = |why: String| Checked {
            verdict: Gate::Denied,
            why,
            ran: None,
            held: None,
            ..answer.clone()
        };
        let decision = record.progress.phase.released_decision();
        Ok(match record.progress.state() {
            State::Queued | State::Ready | State::Decided => Some(answer),
            State::Withdrawn => Some(denied("The question was taken back.".to_owned())),
            State::Superseded => {
                Some(denied("Another question took the place of this one.".to_owned()))
            }
            State::Released | State::Collected | State::Reconciled => {
                match decision.and_then(|decision| no(decision, &before.hash)) {
                    Some(why) => Some(denied(why)),
                    // Else the permit decides, or it was used: then it ran.
                    None => (answer.verdict == Gate::Run).then_some(answer),
                }
            }
        })
    }

    fn weigh(
        &self,
        agent: &str,
        check: &Check,
        known: &Known,
        copies: &Copies,
        now: DateTime<Utc>,
    ) -> Weighed {
        let words = effect::command_words(&check.tool, &check.args);
        let named = words.as_ref().and_then(|(_, folder)| folder.as_deref());
        let cwd = effect::folder(check.cwd.as_deref(), named);
        let rules = Arc::clone(&lock(&self.rules));
        let matched = rules.matched(&CallFacts {
            agent,
            task: check.task.id(),
            tool: &check.tool,
            args: &check.args,
            argv: words.as_ref().map(|(argv, _)| argv.as_slice()),
            cwd: cwd.as_deref(),
            facts: &known.done.facts,
            at: now,
        });
        let reading = effect::read(&check.tool, &check.args, check.cwd.as_deref());
        let tool = known.tool.as_ref();
        let word = Word {
            reviewer: matched.reviewer(),
            claimed: check.effect.max(tool.and_then(|tool| tool.claimed)),
            accepted: effect::acceptable(&check.tool, tool.and_then(KnownTool::in_force)),
            undoable: check.undo.as_ref().is_some_and(|undo| match undo {
                Undo::Files { .. } => {
                    files::cover(copies, &reading, check.cwd.as_deref()) && in_time(undo, now)
                }
                Undo::Tool { .. } | Undo::Command { .. } => in_time(undo, now),
            }),
        };
        let mut judged = judge(&reading, word);
        if let Copies::None(why) = copies {
            // The reason would else be looked for in vain.
            judged.why = format!("{} No copies of its files are kept: {why}.", judged.why);
        }
        let read_as = judge(&reading, Word { reviewer: None, ..word });
        let definition: Option<Value> =
            tool.and_then(|tool| serde_json::from_str(&tool.definition).ok());
        let proposed = Proposed {
            step: check.step.as_deref(),
            tool: &check.tool,
            args: &check.args,
            effect: judged.effect,
            args_schema: definition.as_ref().and_then(|tool| tool.get("args_schema")),
        };
        let triggers = lock(&self.settings).triggers.clone();
        let (mut evidence, measured) = looked_at(&known.trace, &proposed, &triggers);
        evidence.extend(matched.hold.iter().map(|(_, why)| limit(why)));
        Weighed { hash: check_hash(check), judged, read_as, evidence, measured, matched }
    }

    /// Reads the rules that are in force into memory.
    pub(crate) fn read_rules(&self) -> Result<(), Failure> {
        let now = self.now();
        let rows = self.store.read(|read| read.rules())?;
        let kept = rows.into_iter().filter(|row| row.is_active(now)).map(|row| Kept {
            id: row.id,
            rule: row.rule,
            used: row.used,
        });
        *lock(&self.rules) = Arc::new(Rules::new(kept));
        Ok(())
    }
}

/// A call inside of the change that keeps it.
struct Call<'c> {
    agent: &'c str,
    check: &'c Check,
    task: &'c Task,
    weighed: &'c Weighed,
    /// The most cards of an agent in an hour.
    most: u32,
}

impl Standing {
    fn waits(&self, check: &Check, judged: &Judged) -> Vec<String> {
        let reads = judged.effect == Effect::Read && !judged.unknown;
        waits_for(self.plan.as_ref(), check.step.as_deref(), &self.open(), reads)
    }

    fn open(&self) -> Vec<Pending<'_>> {
        self.pending.iter().map(|(id, step)| Pending { id, step: step.as_deref() }).collect()
    }

    fn ground<'g>(&self, weighed: &'g Weighed, waits: &'g [String]) -> Ground<'g> {
        Ground {
            level: self.level,
            judged: &weighed.judged,
            stop: self.stop,
            waits_for: waits,
            permit: self.permit.is_some(),
            evidence: &weighed.evidence,
            allowed: weighed.matched.allow.is_some(),
        }
    }
}

type Question = (handoff_domain::validate::Checked, Open, String);

/// Judges once more by what is true now, and keeps the answer.
fn keep(
    write: &Write<'_>,
    call: &Call<'_>,
    expected: Verdict,
    question: Option<Question>,
    now: DateTime<Utc>,
) -> Result<Outcome, Failure> {
    let Call { agent, check, task, weighed, most } = call;
    let standing = standing(&write.read(), agent, &task.id, &weighed.hash, now)?;
    let waits = standing.waits(check, &weighed.judged);
    let verdict = decide(&standing.ground(weighed, &waits));
    if verdict != expected {
        return Ok(Outcome::Again);
    }
    if matches!(check.task, TaskRef::Whole(_)) {
        write.keep_task(agent, task, None, now)?;
    }
    let mut checked = answer(verdict, weighed, &standing, waits);
    let mut new = None;
    for rule in weighed.matched.used(verdict, !weighed.evidence.is_empty()) {
        if !write.use_rule(rule, now)? {
            return Ok(Outcome::Again);
        }
        let data =
            json!({ "agent": agent, "task": task.id, "tool": check.tool, "hash": weighed.hash });
        write.log_about(&format!("rule:{rule}"), &entry(Actor::System, "rule_used", data, now))?;
    }
    match verdict {
        Verdict::Run(Ran::Permit) => {
            let permit = standing.permit.as_deref().unwrap_or_default();
            if !write.use_permit(permit, now)? {
                return Ok(Outcome::Again);
            }
            checked.handoff_id = Some(permit.to_owned());
            let handoff = crate::owned(write, permit, Some(agent))?;
            let data = json!({ "tool": check.tool, "key": check.key });
            crate::log(write, handoff.seq, Actor::Agent, "permit_used", data, now)?;
        }
        Verdict::Held(held) if held.asks() => {
            let Some((payload, mut open, text)) = question else { return Ok(Outcome::Again) };
            let id = handoff_id(agent, &payload.payload.key);
            // What cannot be undone never waits behind anything.
            open.queued = !held.is_mandatory() && backlog::is_full(write, agent, *most, now)?;
            let place = match (open.queued, write.read().backlog(agent)?) {
                (false, _) => Place::Shown,
                (true, 0) => Place::FirstBehind,
                (true, _) => Place::Behind,
            };
            let (record, known, _) = store_new(write, agent, payload, open, text, None, now)?;
            let waiting = Pending { id: &id, step: check.step.as_deref() };
            let pending = [standing.open(), vec![waiting]].concat();
            checked.runnable =
                standing.plan.as_ref().map(|plan| runnable(plan, &pending)).unwrap_or_default();
            checked.handoff_id = Some(id);
            new = (!known).then_some(New { handoff: record.id, place });
        }
        Verdict::Run(_) | Verdict::Held(_) => {}
    }
    let kept = NewCheck {
        task: task.id.clone(),
        key: check.key.clone(),
        step: check.step.clone(),
        tool: check.tool.clone(),
        hash: weighed.hash.clone(),
        asked: serde_json::to_string(check).map_err(StoreError::from)?,
        answer: serde_json::to_string(&checked).map_err(StoreError::from)?,
        verdict: match checked.verdict {
            Gate::Run => "run",
            Gate::Held => "held",
            Gate::Denied => "denied",
        },
        judged: weighed.read_as.clone(),
        gave: verdict,
        effect: weighed.judged.effect,
        mandatory: matches!(verdict, Verdict::Held(held) if held.is_mandatory()),
        level: standing.level,
        evidence: weighed.evidence.clone(),
        measured: weighed.measured,
        handoff: checked.handoff_id.clone(),
        rule: weighed.matched.allow.filter(|_| verdict == Verdict::Run(Ran::Allowed)),
    };
    write.keep_check(agent, &kept, now)?;
    if let Some(New { handoff, place: Place::Shown }) = &new {
        write.note_shown(handoff, now)?;
    }
    write.touch_task(agent, &task.id, now)?;
    let used = weighed.matched.used(verdict, !weighed.evidence.is_empty()).next().is_some();
    Ok(Outcome::Answered { checked: Box::new(checked), new, used })
}

/// Whether an undo has not run out.
fn in_time(undo: &Undo, now: DateTime<Utc>) -> bool {
    undo.until().is_none_or(|until| now < until)
}

pub(crate) fn entry(actor: Actor, kind: &str, data: Value, now: DateTime<Utc>) -> Entry {
    Entry { at: now, actor: actor.name().to_owned(), kind: kind.to_owned(), data }
}

fn check_hash(check: &Check) -> String {
    action_hash(&check.tool, &check.args)
}

/// The key of the handoff that a held call becomes: no agent can guess it as
/// the key of a handoff of its own by chance.
fn handoff_key(check: &Check) -> String {
    let digest = fingerprint(&json!(["check", check.key]));
    format!("check:{}", &digest[..32])
}

fn known(
    read: &Read<'_>,
    memory: &Memory,
    agent: &str,
    check: &Check,
) -> Result<Known, StoreError> {
    let id = check.task.id();
    let task = read.task(agent, id)?;
    let done = memory.recall(read, agent, id)?;
    let looked_at = task.as_ref().map_or(DateTime::UNIX_EPOCH, |task| task.looked_at);
    let since = done.calls.iter().rev().take_while(|call| call.at > looked_at).count();
    let described = match &check.task {
        TaskRef::Whole(task) => Some(task.as_ref()),
        TaskRef::Id(_) => task.as_ref().map(|row| &row.task),
    };
    let trace = Trace {
        agent: agent.to_owned(),
        task: id.to_owned(),
        tools: described.and_then(|task| task.tools.clone()),
        targets: described.and_then(|task| task.targets.clone()),
        since_decision: u32::try_from(since).unwrap_or(u32::MAX),
        calls: Arc::clone(&done.calls),
    };
    Ok(Known { tool: read.tool(agent, &check.tool)?, task, trace, done })
}

fn standing(
    read: &Read<'_>,
    agent: &str,
    task: &str,
    hash: &str,
    now: DateTime<Utc>,
) -> Result<Standing, StoreError> {
    let levels = read.levels(agent, task)?;
    Ok(Standing {
        level: level(levels.agent, levels.task, now),
        stop: read.stop(agent, task)?,
        permit: read.permit(agent, task, hash)?,
        pending: read.pending(agent, task)?,
        plan: read.task(agent, task)?.and_then(|task| task.plan),
        untold: read.untold_count(agent)?,
    })
}
