//! The recorded past for the reviewer: what a change of rules, levels or
//! triggers would have done to it, and what it says of asking and answering.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use handoff_domain::briefing;
use handoff_domain::decision::{Decider, DecisionKind};
use handoff_domain::effect;
use handoff_domain::insight::{self, Decided, Insights, Recorded, Submitted};
use handoff_domain::lifecycle::Progress;
use handoff_domain::payload::{Payload, RiskLevel};
use handoff_domain::replay::{self, Afterwards, Ground, Past, PastCheck, Replay};
use handoff_domain::rule::{Kept, Rules};
use handoff_protocol::view::{LevelTried, ReplayRequest};
use handoff_protocol::wire::{Check, ErrorCode};
use handoff_store::{DecidedRow, FactsFound, PastRow, StoreError};
use serde_json::{Map, Value};

use crate::autonomy::refuse_faulty;
use crate::{Desk, Engine, Failure, lock};

/// How many questions are looked back on.
const CHECKS: u32 = 100_000;

/// How many decisions and submits are looked back on.
const DECISIONS: u32 = 2_000;
const SUBMITS: u32 = 20_000;

/// How far back insights look, in days.
const DAYS: i64 = 90;

impl Engine {
    /// What a change would have done in the recorded past.
    pub fn replay(&self, change: &ReplayRequest) -> Result<Replay, Failure> {
        let desk = &self.desk;
        let now = desk.now();
        let rows = desk.store.read(|read| read.rules())?;
        let in_force: Vec<Kept> = rows
            .into_iter()
            .filter(|row| row.is_active(now))
            .map(|row| Kept { id: row.id, rule: row.rule, used: 0 })
            .collect();
        let mut after = in_force.clone();
        after.retain(|kept| Some(kept.id) != change.without_rule);
        if let Some(rule) = &change.with_rule {
            refuse_faulty(rule, now)?;
            after.push(Kept { id: i64::MAX, rule: rule.clone(), used: 0 });
        }
        let triggers = lock(&desk.settings).triggers.clone();
        let mut then = Ground { rules: Rules::new(after), ..Ground::default() };
        then.triggers = change.triggers.clone().unwrap_or_else(|| triggers.clone());
        if let Some(level) = &change.level {
            match &level.task {
                Some(task) => {
                    let tasks = then.levels.tasks.entry(level.agent.clone()).or_default();
                    tasks.insert(task.clone(), level.level);
                }
                None => {
                    then.levels.agents.insert(level.agent.clone(), level.level);
                }
            }
        }
        let uses_facts = in_force
            .iter()
            .map(|kept| &kept.rule)
            .chain(change.with_rule.as_ref())
            .any(|rule| rule.when.expr.as_ref().is_some_and(|expr| expr.contains("facts")));
        let before = Ground { rules: Rules::new(in_force), triggers, ..Ground::default() };
        let past = Past { checks: desk.past(DateTime::UNIX_EPOCH, uses_facts)? };
        let mut replay = replay::replay(&past, &before, &then).map_err(|why| {
            let what = format!("The past could not be replayed: {why}.");
            Failure::new(ErrorCode::Internal, what, "Try again.")
        })?;
        if let Some(LevelTried { agent, task: None, .. }) = &change.level {
            let own = desk.store.read(|read| read.task_levels(agent))?.len();
            if own > 0 {
                replay.caveats.push(format!(
                    "{own} of this agent's tasks have a level of their own and keep it, where the \
                     agent's is not lowered below it: the level is tried on them all the same."
                ));
            }
        }
        Ok(replay)
    }

    /// What the record of the last months says of asking and answering.
    pub fn insights(&self) -> Result<Insights, Failure> {
        let desk = &self.desk;
        let now = desk.now();
        let since = now - TimeDelta::days(DAYS);
        let (decided, submitted, recorded) = desk.store.read(|read| {
            Ok((
                read.decided_since(since, DECISIONS)?,
                read.submitted_since(since, SUBMITS)?,
                read.unasked_since(since, SUBMITS)?,
            ))
        })?;
        let submitted = submitted.into_iter().filter_map(|row| {
            let reason = serde_json::from_value(Value::String(row.reason)).ok()?;
            Some(Submitted { agent: row.agent, reason, at: row.at })
        });
        let rows = insight::Rows {
            checks: desk.past(since, false)?,
            recorded: recorded.into_iter().map(|(agent, at)| Recorded { agent, at }).collect(),
            submitted: submitted.collect(),
            decided: decided.into_iter().filter_map(decision).collect(),
        };
        let rules = Arc::clone(&lock(&desk.rules));
        Ok(insight::insights(&rows, &rules, now, &desk.clock.zone()))
    }
}

impl Desk {
    fn past(&self, since: DateTime<Utc>, with_facts: bool) -> Result<Vec<PastCheck>, Failure> {
        let (rows, found) = self.store.read(|read| {
            let found = if with_facts { read.facts_found()? } else { FactsFound::default() };
            Ok((read.past_checks(since, CHECKS)?, found))
        })?;
        let mut known = Known { found, facts: HashMap::new() };
        let checks = rows.into_iter().map(|row| past(row, &mut known));
        checks.collect::<Result<_, StoreError>>().map_err(Failure::from)
    }
}

/// What a task has found, by name.
type Facts = Arc<Map<String, Value>>;

/// The facts of each task up to the moment that the walk has come to.
struct Known {
    found: FactsFound,
    facts: HashMap<(String, String), (usize, Facts)>,
}

impl Known {
    fn at(&mut self, agent: &str, task: &str, at: DateTime<Utc>) -> Facts {
        let key = (agent.to_owned(), task.to_owned());
        let Some(found) = self.found.get(&key) else { return Arc::default() };
        let (seen, facts) = self.facts.entry(key).or_default();
        while let Some((_, name, value)) = found.get(*seen).filter(|(when, ..)| *when <= at) {
            Arc::make_mut(facts)
                .insert(name.clone(), serde_json::from_str(value).unwrap_or_default());
            *seen += 1;
        }
        Arc::clone(facts)
    }
}

fn past(row: PastRow, known: &mut Known) -> Result<PastCheck, StoreError> {
    let check: Check = serde_json::from_str(&row.asked)?;
    let words = effect::command_words(&check.tool, &check.args);
    let (argv, named) = words.map_or((None, None), |(argv, folder)| (Some(argv), folder));
    let task = check.task.id().to_owned();
    Ok(PastCheck {
        id: row.seq,
        facts: known.at(&row.agent, &task, row.at),
        afterwards: afterwards(row.progress.as_ref(), row.undone),
        agent: row.agent,
        task,
        tool: check.tool,
        args: check.args,
        argv,
        cwd: effect::folder(check.cwd.as_deref(), named.as_deref()),
        judged: serde_json::from_str(&row.judged)?,
        evidence: serde_json::from_str(&row.evidence)?,
        measured: serde_json::from_str(&row.measured)?,
        level: serde_json::from_str(&row.level)?,
        verdict: serde_json::from_str(&row.gave)?,
        at: row.at,
    })
}

fn afterwards(progress: Option<&Progress>, undone: bool) -> Option<Afterwards> {
    if undone {
        return Some(Afterwards::RolledBack);
    }
    let decision = progress?.phase.decision().filter(|made| made.by == Decider::Reviewer)?;
    Some(match decision.kind {
        DecisionKind::Approve => Afterwards::Approved,
        DecisionKind::Modify => Afterwards::Modified,
        DecisionKind::Inform => Afterwards::Informed,
        DecisionKind::Reject => Afterwards::Rejected,
        DecisionKind::TakeOver => Afterwards::TakenOver,
    })
}

fn decision(row: DecidedRow) -> Option<Decided> {
    let decision = row.progress.phase.decision()?;
    if decision.by != Decider::Reviewer {
        return None;
    }
    let payload: Payload = serde_json::from_str(&row.payload).ok()?;
    let risk = if let Some(option) = decision.option.as_deref().and_then(|id| payload.option(id)) {
        row.traits.risk(option)
    } else {
        let risks = payload.options.iter().map(|option| row.traits.risk(option));
        risks.max().unwrap_or(RiskLevel::Low)
    };
    let looked = row.opened_at.map(|opened| (row.decided_at - opened).as_seconds_f64());
    Some(Decided {
        handoff: row.id,
        agent: row.agent,
        kind: decision.kind,
        risk,
        looked_s: looked.filter(|seconds| *seconds >= 0.0),
        reading_s: briefing::reading_seconds(&payload),
        at: row.decided_at,
    })
}
