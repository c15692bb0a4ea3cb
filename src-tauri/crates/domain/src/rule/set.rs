//! All rules of the reviewer, found by agent and tool: a call is compared with
//! the few that could be meant, however many there are.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{CallFacts, Does, Pattern, Rule, fit};
use crate::action::Effect;
use crate::constraint::{Bindings, Condition, Names};
use crate::gate::{Held, Ran, Verdict};
use crate::trigger::{Evidence, TriggerKind};

/// Names a rule where it is kept.
pub type RuleId = i64;

/// A rule as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// Its id.
    pub id: RuleId,
    /// The rule.
    pub rule: Rule,
    /// How many calls it has covered so far.
    pub used: u32,
}

/// What the rules say of a call.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Matched {
    /// The rule that allows it: the first of them.
    pub allow: Option<RuleId>,
    /// The rules that hold it, and why, by id.
    pub hold: Vec<(RuleId, String)>,
    /// The rule that says what it counts as: of several, the one with the
    /// worst effect.
    pub counts: Option<(RuleId, Effect)>,
}

impl Matched {
    /// What the reviewer has set for exactly such calls.
    pub fn reviewer(&self) -> Option<Effect> {
        self.counts.map(|(_, effect)| effect)
    }

    /// The holds as the gate takes them: limits of the reviewer.
    pub fn limits(&self) -> impl Iterator<Item = Evidence> {
        self.hold.iter().map(|(_, why)| Evidence {
            trigger: TriggerKind::Limit,
            headline: why.clone(),
            exhibits: Vec::new(),
        })
    }

    /// The rules whose use counts, once the gate has answered: those without
    /// which the call might not have run, or might not have been held. `asked`
    /// says that there was evidence.
    pub fn used(&self, verdict: Verdict, asked: bool) -> impl Iterator<Item = RuleId> {
        let runs = matches!(verdict, Verdict::Run(ran) if ran != Ran::Permit);
        let allowed = verdict == Verdict::Run(Ran::Allowed) || (runs && asked);
        let allow = self.allow.filter(|_| allowed);
        let raised = verdict == Verdict::Held(Held::Irreversible);
        let counts = self
            .counts
            .filter(|(_, effect)| runs || raised && *effect == Effect::Irreversible)
            .map(|(id, _)| id);
        let limited = verdict == Verdict::Held(Held::Trigger);
        let hold = self.hold.iter().filter(move |_| limited).map(|(id, _)| *id);
        allow.into_iter().chain(counts).chain(hold)
    }
}

/// The rules that are in force.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    kept: Vec<Entry>,
    places: HashMap<RuleId, usize>,
    any_agent: Bucket,
    agents: HashMap<String, Bucket>,
}

#[derive(Debug, Clone)]
struct Entry {
    kept: Kept,
    condition: Option<Result<Condition, String>>,
}

/// The places of the rules for one agent, or for every agent.
#[derive(Debug, Clone, Default)]
struct Bucket {
    any_tool: Vec<usize>,
    tools: HashMap<String, Vec<usize>>,
}

impl Rules {
    /// Reads the rules once, so that a check need not.
    pub fn new(kept: impl IntoIterator<Item = Kept>) -> Self {
        let mut rules = Self::default();
        let mut sorted: Vec<Kept> = kept.into_iter().collect();
        sorted.sort_by_key(|kept| kept.id);
        for kept in sorted {
            rules.add(kept);
        }
        rules
    }

    fn add(&mut self, kept: Kept) {
        let place = self.kept.len();
        let bucket = match &kept.rule.agent {
            Some(agent) => self.agents.entry(agent.clone()).or_default(),
            None => &mut self.any_agent,
        };
        match &kept.rule.tool {
            Some(tool) => bucket.tools.entry(tool.clone()).or_default().push(place),
            None => bucket.any_tool.push(place),
        }
        self.places.insert(kept.id, place);
        self.kept.push(Entry { condition: condition(&kept.rule), kept });
    }

    /// What they say of a call. The first allow that matches counts, and every
    /// hold. A rule that is over or used up says nothing.
    pub fn matched(&self, call: &CallFacts<'_>) -> Matched {
        let fitting: Vec<&Entry> = self
            .candidates(call.agent, call.tool)
            .map(|place| &self.kept[place])
            .filter(|entry| entry.is_left() && fit::covers(&entry.kept.rule, call))
            .collect();
        let mut outcomes = outcomes(&fitting, call);
        let mut said: BTreeMap<RuleId, (&Rule, Option<String>)> = BTreeMap::new();
        for (place, entry) in fitting.iter().enumerate() {
            let rule = &entry.kept.rule;
            match outcomes.remove(&place) {
                None | Some(Ok(true)) => said.insert(entry.kept.id, (rule, None)),
                Some(Err(why)) if !rule.lets_go() => said.insert(entry.kept.id, (rule, Some(why))),
                Some(_) => None,
            };
        }
        let mut matched = Matched::default();
        for (id, (rule, unclear)) in said {
            match &rule.does {
                Does::Allow => matched.allow = matched.allow.or(Some(id)),
                Does::Hold { why } => matched.hold.push((id, explained(why, unclear))),
                Does::Counts { effect } => {
                    if matched.counts.is_none_or(|(_, worst)| worst < *effect) {
                        matched.counts = Some((id, *effect));
                    }
                }
            }
        }
        matched
    }

    /// Notes that a rule has covered one more call; false if it is not here.
    pub fn note_use(&mut self, id: RuleId) -> bool {
        let entry = self.places.get(&id).and_then(|place| self.kept.get_mut(*place));
        entry.map(|entry| entry.kept.used = entry.kept.used.saturating_add(1)).is_some()
    }

    /// The same rules, none of them used yet.
    #[must_use]
    pub fn unused(&self) -> Self {
        let mut rules = self.clone();
        for entry in &mut rules.kept {
            entry.kept.used = 0;
        }
        rules
    }

    /// The rules, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Kept> {
        self.kept.iter().map(|entry| &entry.kept)
    }

    /// The arguments of such a call that the rules want to lie in a folder, each with
    /// that folder.
    pub fn folders(&self, agent: &str, tool: &str) -> BTreeSet<(&str, &str)> {
        self.candidates(agent, tool)
            .flat_map(|place| &self.kept[place].kept.rule.when.args)
            .filter_map(|(name, pattern)| match pattern {
                Pattern::Within(folder) => Some((name.as_str(), folder.as_str())),
                Pattern::Is(_) | Pattern::OneOf(_) | Pattern::Between(..) | Pattern::Any => None,
            })
            .collect()
    }

    fn candidates(&self, agent: &str, tool: &str) -> impl Iterator<Item = usize> {
        [self.agents.get(agent), Some(&self.any_agent)].into_iter().flatten().flat_map(
            move |bucket| {
                let tools = bucket.tools.get(tool).map_or(&[][..], Vec::as_slice);
                tools.iter().chain(&bucket.any_tool).copied()
            },
        )
    }
}

/// Whether one rule covers a call.
pub(super) fn matches(rule: &Rule, call: &CallFacts<'_>) -> bool {
    if !fit::covers(rule, call) {
        return false;
    }
    match condition(rule) {
        None => true,
        Some(Err(_)) => !rule.lets_go(),
        Some(Ok(condition)) => Condition::each(&[&condition], &bindings(call))
            .pop()
            .is_some_and(|outcome| outcome.unwrap_or(!rule.lets_go())),
    }
}

impl Entry {
    fn is_left(&self) -> bool {
        self.kept.rule.uses.is_none_or(|uses| self.kept.used < uses)
    }
}

fn condition(rule: &Rule) -> Option<Result<Condition, String>> {
    rule.when.expr.as_deref().map(|expr| Condition::read(expr, Names::Rule))
}

/// How the conditions of those entries stand that have one, by their place.
fn outcomes(entries: &[&Entry], call: &CallFacts<'_>) -> HashMap<usize, Result<bool, String>> {
    let mut outcomes = HashMap::new();
    let mut asked = Vec::new();
    for (place, entry) in entries.iter().enumerate() {
        match &entry.condition {
            None => {}
            Some(Err(why)) => drop(outcomes.insert(place, Err(why.clone()))),
            Some(Ok(condition)) => asked.push((place, condition)),
        }
    }
    if !asked.is_empty() {
        let conditions: Vec<&Condition> = asked.iter().map(|(_, condition)| *condition).collect();
        let places = asked.iter().map(|(place, _)| *place);
        outcomes.extend(places.zip(Condition::each(&conditions, &bindings(call))));
    }
    outcomes
}

fn bindings<'c>(call: &CallFacts<'c>) -> Bindings<'c> {
    Bindings {
        args: call.args.iter().map(|(name, value)| (name.as_str(), value)).collect(),
        facts: call.facts.iter().map(|(name, value)| (name.as_str(), value)).collect(),
        steps: BTreeMap::new(),
        call: [("agent", call.agent), ("task", call.task), ("tool", call.tool)].into(),
    }
}

fn explained(why: &str, unclear: Option<String>) -> String {
    match unclear {
        None => why.to_owned(),
        Some(error) => format!("{why} (Its condition could not be evaluated: {error})"),
    }
}
