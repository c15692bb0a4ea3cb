//! The gate: agents ask here before they act (CONTRACT §6).
//!
//! It gathers what is known of a call and lets [`handoff_domain::gate`] judge
//! it, twice: on a snapshot, and again inside the change that keeps the answer,
//! by what is true then. A call that is held becomes a handoff like any other.

mod again;
mod answer;
mod ask;
mod backlog;
mod before;
mod by_default;
mod carried;
mod draft;
mod files;
mod floor;
mod form;
mod links;
mod memory;
mod record;
mod redo;
mod rests;
mod tasks;
mod vouch;
mod weigh;

pub(crate) use again::{Outdated, outdate};
pub(crate) use ask::clipped;
pub(crate) use backlog::{BEHIND, Place, place};
pub(crate) use floor::Around;
pub(crate) use form::{no_such_task, refuse_desks_own};
pub(crate) use links::linked_folders;
pub use memory::Memory;
pub(crate) use record::AGENT_SAYS;
pub(crate) use tasks::refuse_plan;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use handoff_domain::action::Effect;
use handoff_domain::autonomy::{Level, level};
use handoff_domain::effect::Judged;
use handoff_domain::gate::{Ground, Pending, Ran, Stop, Verdict, decide, waits_for};
use handoff_domain::identity::handoff_id;
use handoff_domain::lifecycle::{Event, transition};
use handoff_domain::payload::{Plan, Task};
use handoff_domain::rule::{Kept, Matched, Rules};
use handoff_domain::trace::Trace;
use handoff_domain::trigger::{Evidence, Measured};
use handoff_protocol::wire::{Check, Checked, ErrorCode, Gate, TaskRef};
use handoff_store::{
    KnownTool, NewCheck, OpenQuestion, Permit, Read, StoreError, TaskRow, UndoRow, Write,
};
use serde_json::{Value, json};

use self::answer::answer;
use self::before::Before;
use self::files::Copies;
use self::form::{check_hash, refuse_ended, refuse_malformed, runs_in, task_of};
use self::memory::Remembered;
use self::redo::{Redo, redo};
use self::weigh::Wanted;
use crate::course::Course;
use crate::known::holding;
use crate::moment::Moment;
use crate::submit::{Open, Stored, store_new};
use crate::{Actor, Desk, Engine, Entry, Failure, lock, rollback};

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

impl Outcome {
    /// What changes nothing.
    fn said(checked: Checked) -> Self {
        Self::Answered { checked: Box::new(checked), new: None, used: false }
    }
}

/// A question that is new to the reviewer.
struct New {
    handoff: String,
    place: Place,
}

/// What one look inside or outside of a change says of what can change.
struct Standing {
    level: Level,
    stop: Option<Stop>,
    permit: Option<String>,
    /// The undo that exactly this call is asked for with.
    undo: Option<UndoRow>,
    pending: Vec<OpenQuestion>,
    plan: Option<Plan>,
    /// Its task has ended.
    over: bool,
    /// What the reviewer's last words hold back of the plan.
    course: Course,
    /// Whether it does again what was taken back.
    redo: Redo,
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
                    if checked.ran == Some(Ran::Permit) {
                        // From now on a report is waited for.
                        desk.sooner.notify_one();
                    }
                    if used {
                        // It may have been the last time that a rule counts.
                        desk.read_rules()?;
                    }
                    if let Some(New { handoff, place }) = new {
                        desk.hub.changed(agent, &handoff);
                        desk.sooner.notify_one();
                        self.announce_new(agent, &handoff, place);
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
        let moment = self.moment();
        let now = moment.at;
        let task_id = check.task.id().to_owned();
        let (known, standing, before) = self.store.read(|read| {
            let known = known(read, &self.memory, agent, check)?;
            let standing = standing(read, agent, &task_id, check, &check_hash(check), now)?;
            Ok((known, standing, read.check_by_key(agent, &check.key)?))
        })?;
        let task = task_of(check, known.task.as_ref())?;
        if let Some(before) = &before {
            let asked: Check = serde_json::from_str(&before.asked).map_err(StoreError::from)?;
            let same = before.hash == check_hash(check) && before.task == task_id;
            if !same || !runs_in(check, asked.cwd.as_deref()) {
                return Err(Failure::conflict(
                    format!("The key {:?} was used before for another call.", check.key),
                    "Use a new key for a new call.",
                ));
            }
        }
        let before = before.map_or(Ok(Before::Open), |before| self.said_before(&before, now))?;
        let let_run = match before {
            Before::Said(checked) => return Ok(Outcome::said(standing.as_of_now(*checked))),
            Before::LetRun(let_run) => Some(let_run),
            Before::Open => None,
        };
        refuse_ended(check, &standing)?;
        let taken = match &let_run {
            Some(_) => Copies::NotAsked,
            None => self.take_copies(check).await,
        };
        let copies = let_run.as_ref().map_or(&taken, |let_run| &let_run.copies);
        let mut weighed = self.weigh(agent, check, &known, copies, now);
        if !reads(&weighed.judged) {
            weighed.evidence.extend(standing.redo.evidence());
        }
        let waits = standing.waits(check, &weighed.judged);
        let again = let_run.as_ref().and_then(|run| {
            let by = |rule| Wanted::of(agent, check).is_allowed_by(rule, &known.done.facts, now);
            run.again(run.rule.as_deref().is_some_and(by), &weighed, &standing, &waits)
        });
        if let Some(again) = again {
            return Ok(Outcome::said(again));
        }
        let verdict = decide(&standing.ground(&weighed, &waits));
        let question = match verdict {
            Verdict::Held(held) if held.asks() => {
                let plan = standing.plan.as_ref();
                let mut check = check.clone();
                let own = || self.alerts().own_deadline(ask::priority(held));
                check.deadline.get_or_insert_with(own);
                let text = ask::payload(agent, &task, plan, &check, &known, &weighed, held);
                self.must_have_room(text.len())?;
                let deadlines = handoff_domain::validate::Deadlines::Future;
                let checked = self.check(text.clone(), deadlines).await?;
                let checked = checked.map_err(Failure::invalid)?;
                let open = self.left_open_by_desk(&checked.payload, now);
                Some((checked, open, text))
            }
            // It is an answer that lets it run: that has its room.
            Verdict::Run(Ran::Permit) => None,
            Verdict::Held(_) | Verdict::Run(_) => {
                self.must_have_room(0)?;
                None
            }
        };
        let (agent, check, redo) = (agent.to_owned(), check.clone(), standing.redo.clone());
        let report_by = self.report_by();
        let kept = self
            .store
            .write(move |write| {
                let (agent, check) = (&agent, &check);
                let (task, weighed, redo) = (&task, &weighed, &redo);
                let call = Call { agent, check, task, weighed, redo, report_by };
                let outcome = keep(write, &call, verdict, question, moment)?;
                if let Copies::Taken(taken) = &taken {
                    write.keep_files(agent, &task.id, &check.key, taken, now)?;
                }
                Ok(outcome)
            })
            .await;
        self.watched(kept)
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
        let after = Arc::new(Rules::new(kept));
        let before = std::mem::replace(&mut *lock(&self.rules), Arc::clone(&after));
        self.weigh_by(&before, &after);
        Ok(())
    }
}

/// A call inside of the change that keeps it.
struct Call<'c> {
    agent: &'c str,
    check: &'c Check,
    task: &'c Task,
    weighed: &'c Weighed,
    /// What stood in its way when it was weighed.
    redo: &'c Redo,
    /// By when its agent is to report, where a decision lets it run.
    report_by: Option<DateTime<Utc>>,
}

fn reads(judged: &Judged) -> bool {
    judged.effect == Effect::Read && !judged.unknown
}

impl Standing {
    fn waits(&self, check: &Check, judged: &Judged) -> Vec<String> {
        let reads = reads(judged);
        let mut waits = waits_for(self.plan.as_ref(), check.step.as_deref(), &self.open(), reads);
        if let (Redo::Undoing(rollback), false) = (&self.redo, reads) {
            waits.push(format!("rollback:{rollback}"));
        }
        waits
    }

    fn open(&self) -> Vec<Pending<'_>> {
        holding(&self.pending)
    }

    /// The steps of the plan that nothing holds back.
    fn runnable(&self) -> Vec<String> {
        let free = |plan: &Plan| self.course.runnable(plan, &self.open());
        self.plan.as_ref().map(free).unwrap_or_default()
    }

    /// What was answered before, with what it tells beside that as it is now: whoever
    /// asks again and again learns of the reviewer's words by nothing else.
    fn as_of_now(&self, checked: Checked) -> Checked {
        Checked { runnable: self.runnable(), pending_for_you: self.untold, ..checked }
    }

    fn ground<'g>(&self, weighed: &'g Weighed, waits: &'g [String]) -> Ground<'g> {
        Ground {
            level: self.level,
            judged: &weighed.judged,
            stop: self.stop,
            waits_for: waits,
            permit: self.permit.is_some() || self.undo.is_some(),
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
    moment: Moment,
) -> Result<Outcome, Failure> {
    let (Call { agent, check, task, weighed, redo, report_by }, now) = (call, moment.at);
    let standing = standing(&write.read(), agent, &task.id, check, &weighed.hash, now)?;
    refuse_ended(check, &standing)?;
    let waits = standing.waits(check, &weighed.judged);
    let verdict = decide(&standing.ground(weighed, &waits));
    let was_set = !moment.moved(write)?.is_zero();
    if was_set || verdict != expected || standing.redo != **redo {
        return Ok(Outcome::Again);
    }
    if matches!(check.task, TaskRef::Whole(_)) {
        tasks::go_on(write, agent, task, now)?;
    }
    let mut checked = answer(verdict, weighed, &standing, waits);
    let mut new = None;
    for rule in weighed.matched.used(verdict, !weighed.evidence.is_empty()) {
        if !write.use_rule(rule, now)? {
            return Ok(Outcome::Again);
        }
        let did = if checked.verdict == Gate::Run { "let_go" } else { "held" };
        let data = json!({ "agent": agent, "task": task.id, "tool": check.tool,
            "hash": weighed.hash, "did": did });
        write.log_about(&format!("rule:{rule}"), &entry(Actor::System, "rule_used", data, now))?;
    }
    match verdict {
        Verdict::Run(Ran::Permit) if let Some(undo) = &standing.undo => {
            if !rollback::take(write, undo, now)? {
                return Ok(Outcome::Again);
            }
            "It takes back an action, as the reviewer has confirmed.".clone_into(&mut checked.why);
            checked.undoes = Some(undo.action.clone());
        }
        Verdict::Run(Ran::Permit) => {
            let permit = standing.permit.as_deref().unwrap_or_default();
            if !write.use_permit(permit, now)? {
                return Ok(Outcome::Again);
            }
            checked.handoff_id = Some(permit.to_owned());
            let handoff = crate::owned(write, permit, Some(agent))?;
            let data = json!({ "tool": check.tool, "key": check.key });
            let acted = Event::Acted { report_by: *report_by };
            let progress = transition(&handoff.progress, &handoff.traits, acted, now)?;
            let handoff =
                crate::change(write, handoff, progress, Actor::Agent, "", Value::Null, now)?;
            crate::log(write, handoff.seq, Actor::Agent, "permit_used", data, now)?;
        }
        Verdict::Held(held) if held.asks() => {
            let Some((payload, open, text)) = question else { return Ok(Outcome::Again) };
            let id = handoff_id(agent, &payload.payload.key);
            // Its approval was used up by an equal call under another key: that is
            // what there is to say, whatever the question would hold by now.
            let known = write.read().handoff(&id)?.is_some();
            if !known {
                let Stored { record, place, .. } =
                    store_new(write, agent, payload, open, text, None, now)?;
                new = Some(New { handoff: record.id, place });
            }
            let waiting = Pending { id: &id, step: check.step.as_deref() };
            let pending = [standing.open(), vec![waiting]].concat();
            let free = standing.plan.as_ref().map(|plan| standing.course.runnable(plan, &pending));
            checked.runnable = free.unwrap_or_default();
            checked.handoff_id = Some(id);
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
    write.touch_task(agent, &task.id, now)?;
    // Only what lets calls go is ever used up.
    let runs = matches!(verdict, Verdict::Run(_));
    let used = runs && weighed.matched.used(verdict, !weighed.evidence.is_empty()).next().is_some();
    Ok(Outcome::Answered { checked: Box::new(checked), new, used })
}

pub(crate) fn entry(actor: Actor, kind: &str, data: Value, now: DateTime<Utc>) -> Entry {
    Entry { at: now, actor: actor.name().to_owned(), kind: kind.to_owned(), data }
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
    let remembered = done.calls.iter().rev().take_while(|call| call.at > looked_at).count();
    let mut since = u32::try_from(remembered).unwrap_or(u32::MAX);
    if since == memory::limit() {
        // A chain may be longer than what is remembered of it.
        since += read.calls_before(agent, id, since, looked_at)?;
    }
    let described = match &check.task {
        TaskRef::Whole(task) => Some(task.as_ref()),
        TaskRef::Id(_) => task.as_ref().map(|row| &row.task),
    };
    let trace = Trace {
        agent: agent.to_owned(),
        task: id.to_owned(),
        tools: described.and_then(|task| task.tools.clone()),
        targets: described.and_then(|task| task.targets.clone()),
        since_decision: since,
        calls: Arc::clone(&done.calls),
    };
    Ok(Known { tool: read.tool(agent, &check.tool)?, task, trace, done })
}

/// The first of these permits that is good where this call would run: what was
/// allowed in one folder is another thing in the next. What an agent hands over
/// itself names no folder.
fn permit(permits: Vec<Permit>, check: &Check) -> Option<String> {
    let fits = |permit: &Permit| !permit.by_gate || runs_in(check, permit.cwd.as_deref());
    permits.into_iter().find(fits).map(|permit| permit.handoff)
}

fn standing(
    read: &Read<'_>,
    agent: &str,
    task: &str,
    check: &Check,
    hash: &str,
    now: DateTime<Utc>,
) -> Result<Standing, StoreError> {
    let levels = read.levels(agent, task)?;
    let row = read.task(agent, task)?;
    let over = row.as_ref().is_some_and(|row| row.closed_at.is_some());
    let plan = row.and_then(|row| row.plan);
    let course = plan.as_ref().map(|_| Course::of(read, agent, task, None)).transpose()?;
    let course = course.unwrap_or_default();
    Ok(Standing {
        redo: redo(read, agent, (check, hash), plan.as_ref(), &course)?,
        level: level(levels.agent, levels.task, now),
        stop: read.stop(agent, task)?,
        permit: permit(read.permits(agent, task, hash)?, check),
        undo: read.undo_asked(agent, task, hash, now)?,
        pending: read.pending(agent, task)?,
        plan,
        over,
        course,
        untold: read.untold_count(agent)?,
    })
}
