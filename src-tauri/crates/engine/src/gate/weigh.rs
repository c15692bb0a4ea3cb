//! Weighing a call: what it does by its own words, by what is said of it and by
//! the rules of the reviewer, and what the triggers see in it.
//!
//! A call that is asked for, one that an option leads to and one that was made are
//! weighed alike. What follows from it is not known here.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use handoff_domain::action::{Effect, Undo};
use handoff_domain::effect::{self, Judged, Reading, Word, judge};
use handoff_domain::rule::{CallFacts, Kept, Matched, Rule, Rules};
use handoff_domain::trace::Proposed;
use handoff_domain::trigger::looked_at;
use handoff_protocol::wire::Check;
use handoff_store::KnownTool;
use serde_json::{Map, Value};

use super::answer::limit;
use super::files::{self, Copies};
use super::{Known, Weighed, check_hash, links};
use crate::{Desk, lock};

/// A call that somebody wants to make.
pub(super) struct Wanted<'c> {
    pub agent: &'c str,
    pub task: &'c str,
    pub tool: &'c str,
    pub args: &'c Map<String, Value>,
    /// What the agent says that it does.
    pub claimed: Option<Effect>,
    pub undo: Option<&'c Undo>,
    /// The folder it would run in, where that is known.
    pub cwd: Option<&'c str>,
}

/// What a wanted call was found to do.
pub(super) struct Found {
    pub judged: Judged,
    /// The same before any rule of the reviewer.
    pub read_as: Judged,
    pub matched: Matched,
}

/// Whether a call could be taken back: by an undo that has not run out, or by
/// copies, where these are `intact`.
pub(super) fn undoable(
    undo: Option<&Undo>,
    now: DateTime<Utc>,
    intact: impl FnOnce() -> bool,
) -> bool {
    match undo.filter(|undo| !undo.is_over(now)) {
        Some(Undo::Files { .. }) => intact(),
        Some(Undo::Tool { .. } | Undo::Command { .. }) => true,
        None => false,
    }
}

impl<'c> Wanted<'c> {
    /// What a check asks for.
    pub fn of(agent: &'c str, check: &'c Check) -> Self {
        Self {
            agent,
            task: check.task.id(),
            tool: &check.tool,
            args: &check.args,
            claimed: check.effect,
            undo: check.undo.as_ref(),
            cwd: check.cwd.as_deref(),
        }
    }

    /// Whether it could be taken back, where these copies were taken for it.
    pub fn has_way_back(&self, reading: &Reading, copies: &Copies, now: DateTime<Utc>) -> bool {
        undoable(self.undo, now, || files::cover(copies, reading, self.cwd))
    }

    /// Whether this rule allows it, however often it was used.
    pub fn is_allowed_by(
        &self,
        rule: &Rule,
        facts: &Map<String, Value>,
        now: DateTime<Utc>,
    ) -> bool {
        let alone = Rules::new([Kept { id: 0, rule: rule.clone(), used: 0 }]);
        self.matched(&alone, facts, now).allow.is_some()
    }

    fn matched(&self, rules: &Rules, facts: &Map<String, Value>, now: DateTime<Utc>) -> Matched {
        let words = effect::command_words(self.tool, self.args);
        let named = words.as_ref().and_then(|(_, folder)| folder.as_deref());
        let leads = links::leads(rules, self.agent, self.tool, self.args);
        rules.matched(&CallFacts {
            agent: self.agent,
            task: self.task,
            tool: self.tool,
            args: self.args,
            argv: words.as_ref().map(|(argv, _)| argv.as_slice()),
            cwd: effect::folder(self.cwd, named).as_deref(),
            leads: Some(&leads),
            facts,
            at: now,
        })
    }
}

impl Desk {
    /// What a call does; `facts` are what its task has found so far, and `back` says
    /// whether there is a working way back from what was read of it.
    pub(super) fn found(
        &self,
        wanted: &Wanted<'_>,
        tool: Option<&KnownTool>,
        facts: &Map<String, Value>,
        back: impl FnOnce(&Reading) -> bool,
        now: DateTime<Utc>,
    ) -> Found {
        let rules = Arc::clone(&lock(&self.rules));
        let matched = wanted.matched(&rules, facts, now);
        let reading = effect::read(wanted.tool, wanted.args, wanted.cwd);
        let word = Word {
            reviewer: matched.reviewer(),
            claimed: wanted.claimed.max(tool.and_then(|tool| tool.claimed)),
            accepted: effect::acceptable(wanted.tool, tool.and_then(KnownTool::in_force)),
            undoable: back(&reading),
        };
        let read_as = judge(&reading, Word { reviewer: None, ..word });
        Found { judged: judge(&reading, word), read_as, matched }
    }

    pub(super) fn weigh(
        &self,
        agent: &str,
        check: &Check,
        known: &Known,
        copies: &Copies,
        now: DateTime<Utc>,
    ) -> Weighed {
        let tool = known.tool.as_ref();
        let wanted = Wanted::of(agent, check);
        let back = |reading: &Reading| wanted.has_way_back(reading, copies, now);
        let found = self.found(&wanted, tool, &known.done.facts, back, now);
        let Found { mut judged, read_as, matched } = found;
        if let Copies::None(why) = copies {
            // The reason would else be looked for in vain.
            judged.why = format!("{} No copies of its files are kept: {why}.", judged.why);
        }
        let definition: Option<Value> =
            tool.and_then(|tool| serde_json::from_str(&tool.definition).ok());
        let proposed = Proposed {
            step: check.step.as_deref(),
            tool: &check.tool,
            args: &check.args,
            cwd: check.cwd.as_deref(),
            effect: judged.effect,
            args_schema: definition.as_ref().and_then(|tool| tool.get("args_schema")),
        };
        let triggers = lock(&self.settings).triggers.clone();
        let (mut evidence, measured) = looked_at(&known.trace, &proposed, &triggers);
        evidence.extend(matched.hold.iter().map(|(_, why)| limit(why)));
        Weighed { hash: check_hash(check), judged, read_as, evidence, measured, matched }
    }
}
