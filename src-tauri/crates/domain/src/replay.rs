//! What a change of rules, levels or triggers would have done in the recorded
//! past: how often the reviewer would have been asked, and what they would not
//! have seen (DESIGN §6).
//!
//! Each recorded question is answered anew, by the same rules and the same
//! gate that answer now, once on the ground before the change and once on the
//! ground after it. It is no forecast: an agent that had been held earlier
//! might have gone on in another way. What the record cannot tell is said in
//! [`Replay::caveats`].

mod caveats;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use ts_rs::TS;

use crate::autonomy::Level;
use crate::bounded::{has_stack, on_thread};
use crate::effect::{Class, Judged, Reading, Word, judge};
use crate::gate::{self, Held, Ran, Verdict};
use crate::rule::{CallFacts, Matched, RuleId, Rules};
use crate::trigger::{Evidence, Measured, TriggerKind, Triggers};

/// The most calls a replay lists of each kind.
pub const MAX_LISTED: usize = 50;

/// The recorded past, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Past {
    /// The questions.
    pub checks: Vec<PastCheck>,
}

/// One question to the gate, as it was recorded.
#[derive(Debug, Clone)]
pub struct PastCheck {
    /// Names it.
    pub id: i64,
    /// The agent.
    pub agent: String,
    /// The task's id.
    pub task: String,
    /// The tool.
    pub tool: String,
    /// What the tool was to be given.
    pub args: Map<String, Value>,
    /// A command's words after parsing, as in [`CallFacts`].
    pub argv: Option<Vec<String>>,
    /// The folder it was to run in.
    pub cwd: Option<String>,
    /// The facts known then; shared, since most questions know what the one before did.
    pub facts: Arc<Map<String, Value>>,
    /// What it counted as before any rule of the reviewer was looked at.
    pub judged: Judged,
    /// What the triggers said; limits among it are left out and found anew.
    pub evidence: Vec<Evidence>,
    /// How far it went towards the bounds of the triggers.
    pub measured: Measured,
    /// The level in force then.
    pub level: Level,
    /// What the gate answered.
    pub verdict: Verdict,
    /// What became of it.
    pub afterwards: Option<Afterwards>,
    /// When it was asked.
    pub at: DateTime<Utc>,
}

/// What became of a call: the worst, if it was several.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema, TS,
)]
#[serde(rename_all = "snake_case")]
pub enum Afterwards {
    /// The reviewer approved it as it was.
    Approved,
    /// The reviewer answered in another way, such as with information.
    Informed,
    /// The reviewer changed it first.
    Modified,
    /// The reviewer did it on their own.
    TakenOver,
    /// The reviewer refused it.
    Rejected,
    /// It ran and was taken back.
    RolledBack,
}

impl Afterwards {
    /// Whether it shows that somebody had to look.
    pub fn is_against(self) -> bool {
        matches!(self, Self::Modified | Self::TakenOver | Self::Rejected | Self::RolledBack)
    }
}

/// What the reviewer sets, as far as a replay can follow it.
#[derive(Debug, Clone, Default)]
pub struct Ground {
    /// The rules. Uses are counted from the first recorded question on.
    pub rules: Rules,
    /// The levels of agents and tasks. Where none is given, the level counts
    /// that was in force at the time.
    pub levels: Levels,
    /// The triggers. Switches count, and bounds where it was measured how far
    /// a call went towards them; anything else is only caveated.
    pub triggers: Triggers,
}

/// Levels of agents, and of tasks of their own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Levels {
    /// By agent.
    pub agents: BTreeMap<String, Level>,
    /// By agent, then by task.
    pub tasks: BTreeMap<String, BTreeMap<String, Level>>,
}

impl Levels {
    /// The level of a task, if it is given.
    pub fn of(&self, agent: &str, task: &str) -> Option<Level> {
        let own = self.tasks.get(agent).and_then(|tasks| tasks.get(task));
        own.or_else(|| self.agents.get(agent)).copied()
    }
}

/// What a change would have done.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Replay {
    /// The questions that were answered anew.
    pub checks: u32,
    /// Questions left out, since nothing was asked with them: their decision
    /// had been made, they waited for another, or their agent was stopped.
    pub left_out: u32,
    /// Before the change.
    pub before: Interruptions,
    /// After it.
    pub after: Interruptions,
    /// Held before, and not after.
    pub let_through: Shift,
    /// Held after, and not before.
    pub newly_held: Shift,
    /// What the record cannot tell, in sentences.
    pub caveats: Vec<String>,
}

/// How often the reviewer is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Interruptions {
    /// Questions held.
    pub held: u32,
    /// Of these, held whatever the reviewer sets.
    pub mandatory: u32,
    /// Held, of all questions: 0 to 1.
    pub rate: f64,
    /// Held for another reason than that they have to be, of all questions:
    /// the rate the band of 10 to 15 percent is about.
    pub discretionary_rate: f64,
}

/// The questions that a change answers in another way.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Shift {
    /// How many.
    pub count: u32,
    /// Of these, approved as they were.
    pub approved: u32,
    /// Answered in another way.
    pub informed: u32,
    /// Changed by the reviewer.
    pub modified: u32,
    /// Done by the reviewer.
    pub taken_over: u32,
    /// Refused.
    pub rejected: u32,
    /// Run, and taken back.
    pub rolled_back: u32,
    /// Of which nothing is known.
    pub unknown: u32,
    /// The most telling of them: those the reviewer stepped in at first, then
    /// the oldest.
    pub listed: Vec<Shifted>,
}

/// One such question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Shifted {
    /// Names the question.
    #[ts(type = "number")]
    pub id: i64,
    /// The agent.
    pub agent: String,
    /// The task's id.
    pub task: String,
    /// The tool.
    pub tool: String,
    /// What the tool was to be given.
    #[ts(type = "Record<string, unknown>")]
    pub args: Map<String, Value>,
    /// The folder it was to run in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub cwd: Option<String>,
    /// When it was asked (RFC 3339).
    #[ts(type = "string")]
    pub at: DateTime<Utc>,
    /// Why it is held on the one ground.
    pub held: Held,
    /// Why it runs on the other.
    pub ran: Ran,
    /// What became of it at the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub afterwards: Option<Afterwards>,
}

/// The triggers with a bound.
const BOUNDED: [TriggerKind; 4] = [
    TriggerKind::Rephrased,
    TriggerKind::ChainLength,
    TriggerKind::ContextChurn,
    TriggerKind::RepeatedError,
];

/// Answers the past anew, before and after a change. An error says in words
/// why it could not be done.
pub fn replay(past: &Past, before: &Ground, after: &Ground) -> Result<Replay, String> {
    on_thread(|| {
        // Conditions of rules are evaluated on this very thread, which has the
        // stack for them: a thread for each would cost more than the rest.
        has_stack();
        answer_all(past, before, after)
    })
}

fn answer_all(past: &Past, before: &Ground, after: &Ground) -> Replay {
    let mut replay = Replay { caveats: caveats::all(past, before, after), ..Replay::default() };
    let (mut let_through, mut newly_held) = (Shifting::default(), Shifting::default());
    let (mut one, mut other) = (Gate::new(before), Gate::new(after));
    for check in &past.checks {
        if !is_question(check.verdict) {
            replay.left_out += 1;
            continue;
        }
        replay.checks += 1;
        let (then, now) = (one.answer(check), other.answer(check));
        replay.before.note(then);
        replay.after.note(now);
        match (then, now) {
            (Verdict::Held(held), Verdict::Run(ran)) => let_through.note(check, held, ran),
            (Verdict::Run(ran), Verdict::Held(held)) => newly_held.note(check, held, ran),
            _ => {}
        }
    }
    replay.before.settle(replay.checks);
    replay.after.settle(replay.checks);
    replay.let_through = let_through.told();
    replay.newly_held = newly_held.told();
    replay
}

/// Whether a recorded answer was one on rules and levels.
fn is_question(verdict: Verdict) -> bool {
    match verdict {
        Verdict::Run(ran) => ran != Ran::Permit,
        Verdict::Held(held) => held.asks(),
    }
}

/// One ground while it is being replayed.
struct Gate<'g> {
    ground: &'g Ground,
    rules: Rules,
}

impl<'g> Gate<'g> {
    fn new(ground: &'g Ground) -> Self {
        Self { ground, rules: ground.rules.unused() }
    }

    fn answer(&mut self, check: &PastCheck) -> Verdict {
        let matched = self.rules.matched(&check.facts());
        let judged = judged(check, &matched);
        let set = &self.ground.triggers;
        let holds = |kind| is_on(set, kind) && check.measured.holds(kind, set).unwrap_or(true);
        let kept = |evidence: &&Evidence| holds(evidence.trigger);
        let mut evidence: Vec<Evidence> = check.evidence.iter().filter(kept).cloned().collect();
        for kind in BOUNDED {
            let is_new = evidence.iter().all(|evidence| evidence.trigger != kind);
            let measured = check.measured.holds(kind, set) == Some(true);
            if is_new && measured && is_on(set, kind) {
                let (headline, exhibits) = (String::new(), Vec::new());
                evidence.push(Evidence { trigger: kind, headline, exhibits });
            }
        }
        evidence.extend(matched.limits());
        let verdict = gate::decide(&gate::Ground {
            level: self.ground.levels.of(&check.agent, &check.task).unwrap_or(check.level),
            judged: &judged,
            stop: None,
            waits_for: &[],
            permit: false,
            evidence: &evidence,
            allowed: matched.allow.is_some(),
        });
        let used: Vec<RuleId> = matched.used(verdict, !evidence.is_empty()).collect();
        for id in used {
            self.rules.note_use(id);
        }
        verdict
    }
}

impl PastCheck {
    /// The same call, asked at another time.
    pub(crate) fn facts_at(&self, at: DateTime<Utc>) -> CallFacts<'_> {
        CallFacts { at, ..self.facts() }
    }

    /// What a rule looks at in it.
    pub(crate) fn facts(&self) -> CallFacts<'_> {
        CallFacts {
            agent: &self.agent,
            task: &self.task,
            tool: &self.tool,
            args: &self.args,
            argv: self.argv.as_deref(),
            cwd: self.cwd.as_deref(),
            leads: None,
            facts: &self.facts,
            at: self.at,
        }
    }
}

/// What it counts as with these rules: the same weighing as at the gate, in
/// which the reviewer's word is heard before anything else.
fn judged(check: &PastCheck, matched: &Matched) -> Judged {
    let Some(effect) = matched.reviewer() else { return check.judged.clone() };
    let reading = Reading { class: Class::Unknown, why: String::new(), touches: None };
    judge(&reading, Word { reviewer: Some(effect), ..Word::default() })
}

/// Whether evidence counts: what the rules say is found anew, and what the reviewer
/// said of the work itself is no rule.
fn is_on(triggers: &Triggers, kind: TriggerKind) -> bool {
    match kind {
        TriggerKind::MissingArgument => triggers.missing_argument,
        TriggerKind::Contradiction => triggers.contradiction,
        TriggerKind::FactMismatch => triggers.fact_mismatch,
        TriggerKind::Compliance => triggers.compliance,
        TriggerKind::Limit => false,
        TriggerKind::Overruled => true,
        TriggerKind::Rephrased => triggers.rephrased,
        TriggerKind::Scope => triggers.scope,
        TriggerKind::ChainLength => triggers.chain_length,
        TriggerKind::ContextChurn => triggers.context_churn,
        TriggerKind::RepeatedError => triggers.repeated_error,
    }
}

impl Interruptions {
    fn note(&mut self, verdict: Verdict) {
        if let Verdict::Held(held) = verdict {
            self.held += 1;
            self.mandatory += u32::from(held.is_mandatory());
        }
    }

    fn settle(&mut self, checks: u32) {
        let share = |part: u32| f64::from(part) / f64::from(checks.max(1));
        self.rate = share(self.held);
        self.discretionary_rate = share(self.held - self.mandatory);
    }
}

/// A shift while it is being found: only what may be listed is kept.
#[derive(Default)]
struct Shifting<'p> {
    shift: Shift,
    /// Where the reviewer stepped in, and the rest.
    against: Vec<(&'p PastCheck, Held, Ran)>,
    rest: Vec<(&'p PastCheck, Held, Ran)>,
}

impl<'p> Shifting<'p> {
    fn note(&mut self, check: &'p PastCheck, held: Held, ran: Ran) {
        let shift = &mut self.shift;
        shift.count += 1;
        *match check.afterwards {
            Some(Afterwards::Approved) => &mut shift.approved,
            Some(Afterwards::Informed) => &mut shift.informed,
            Some(Afterwards::Modified) => &mut shift.modified,
            Some(Afterwards::TakenOver) => &mut shift.taken_over,
            Some(Afterwards::Rejected) => &mut shift.rejected,
            Some(Afterwards::RolledBack) => &mut shift.rolled_back,
            None => &mut shift.unknown,
        } += 1;
        let is_against = check.afterwards.is_some_and(Afterwards::is_against);
        let list = if is_against { &mut self.against } else { &mut self.rest };
        if list.len() < MAX_LISTED {
            list.push((check, held, ran));
        }
    }

    fn told(self) -> Shift {
        let listed = self.against.into_iter().chain(self.rest).take(MAX_LISTED);
        let listed = listed.map(|(check, held, ran)| Shifted {
            id: check.id,
            agent: check.agent.clone(),
            task: check.task.clone(),
            tool: check.tool.clone(),
            args: check.args.clone(),
            cwd: check.cwd.clone().filter(|folder| !folder.is_empty()),
            at: check.at,
            held,
            ran,
            afterwards: check.afterwards,
        });
        Shift { listed: listed.collect(), ..self.shift }
    }
}
