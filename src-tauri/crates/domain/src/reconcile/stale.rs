//! Which finished steps are stale, and through what.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::{BTreeMap, HashMap, VecDeque};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::edits::{self, Edits};
use super::facts::Facts;
use super::graph::reversed;
use super::{Case, Course, Graph, checks, owed};
use crate::action::{ActionStatus, Effect};
use crate::decision::action_hash;
use crate::payload::{Step, StepStatus, Used};
use crate::record::place;
use crate::trigger::same_json;

/// What comes on top of a case when a task is given back.
#[derive(Debug, Clone, Default)]
pub(super) struct Extra<'c> {
    /// The task is given back.
    pub given_back: bool,
    /// What was found by hand.
    pub facts: Option<&'c Map<String, Value>>,
    /// The steps done by hand.
    pub by_hand: Vec<usize>,
    /// Those of them whose output is another one than before.
    pub changed: Vec<usize>,
}

/// All that a verdict rests on.
#[derive(Debug)]
pub(super) struct Ground<'g, 'c> {
    pub case: &'g Case<'c>,
    pub course: Course,
    pub graph: Graph<'c>,
    pub facts: Facts<'c>,
    pub edits: Edits<'c>,
    /// The places of the actions of each step.
    pub actions: Vec<Vec<usize>>,
    /// The place of the step that is asked about.
    pub asked: Option<usize>,
    /// The steps done by hand.
    pub by_hand: Vec<usize>,
    /// Who comes after whom, by plan, actions and files.
    pub after: Vec<Vec<usize>>,
    /// The steps that were told to be done again and were not, and since when.
    pub owed: BTreeMap<&'c str, DateTime<Utc>>,
    /// Why a step no longer stands as it is.
    pub causes: Vec<Option<Cause<'c>>>,
}

/// Why what a step did, or would do, is not what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cause<'c> {
    /// A value it uses is another one.
    Fact(&'c str),
    /// It is what was decided on, with other arguments than it ran with.
    Decided,
    /// Its arguments do not satisfy a constraint that this decision adds.
    Constraint(&'c str),
    /// It was told to be done again before, and was not.
    Owed,
    /// It was undone.
    Undone,
    /// A step it builds on is another one.
    Step(usize),
}

impl<'g, 'c> Ground<'g, 'c> {
    pub(super) fn new(case: &'g Case<'c>, extra: Extra<'c>) -> Self {
        let course = if extra.given_back { Course::GivenBack } else { Course::of(case) };
        let graph = Graph::new(case.plan);
        let facts = Facts::new(case, &graph, extra.facts);
        let mut actions = vec![Vec::new(); case.plan.steps.len()];
        for (place, recorded) in case.actions.iter().enumerate() {
            if let Some(step) = recorded.action.step.as_deref().and_then(|id| graph.place(id)) {
                actions[step].push(place);
            }
        }
        let asked = case
            .question
            .as_ref()
            .and_then(|question| question.step)
            .and_then(|id| graph.place(id));
        let edits = Edits::of(case);
        let after = after(case, &graph);
        let owed = owed::still(case, &graph, &actions);
        let causes = vec![None; case.plan.steps.len()];
        let by_hand = extra.by_hand;
        let mut ground = Self {
            case,
            course,
            graph,
            facts,
            edits,
            actions,
            asked,
            by_hand,
            after,
            owed,
            causes,
        };
        edits::correct_facts(&mut ground);
        if !course.rests() {
            ground.spread(&extra.changed);
        }
        ground
    }

    pub(super) fn step(&self, place: usize) -> &'c Step {
        &self.case.plan.steps[place]
    }

    /// Whether a step has begun: it used what it used.
    pub(super) fn has_begun(&self, place: usize) -> bool {
        matches!(self.step(place).status, StepStatus::Done | StepStatus::Running)
    }

    /// The arguments a step ran with, or would.
    pub(super) fn args(&self, place: usize) -> Option<&'c Map<String, Value>> {
        let ran = self.actions[place].iter().rev().map(|at| &self.case.actions[*at]);
        let input = ran
            .filter(|recorded| recorded.stands())
            .find_map(|recorded| recorded.action.input.as_ref()?.as_object());
        input.or(self.step(place).args.as_ref())
    }

    /// Finds what is stale by itself, and then what builds on it.
    fn spread(&mut self, changed: &[usize]) {
        let mut next = VecDeque::new();
        let constraints = checks::broken_by_added(self);
        let left = Cell::new(edits::MAX_VALUES);
        for place in 0..self.causes.len() {
            if self.by_hand.contains(&place) {
                continue;
            }
            let cause = if self.is_undone(place) {
                Some(Cause::Undone)
            } else if self.is_redone(place) {
                Some(Cause::Decided)
            } else {
                let fact = self.changed_fact(place, &left).map(Cause::Fact);
                let cause = fact.or(constraints.get(&place).copied().map(Cause::Constraint));
                cause.or(self.is_owed(place).then_some(Cause::Owed))
            };
            if cause.is_some() {
                self.causes[place] = cause;
                next.push_back(place);
            }
        }
        // What is not done yet, and will be done otherwise, passes it on, too.
        let edited = self.asked.filter(|_| !self.edits.is_empty());
        next.extend(changed.iter().copied().chain(edited));
        while let Some(place) = next.pop_front() {
            for after in self.after[place].clone() {
                let fresh = self.causes[after].is_none()
                    && after != place
                    && !self.by_hand.contains(&after)
                    && edited != Some(after);
                if fresh {
                    self.causes[after] = Some(Cause::Step(place));
                    next.push_back(after);
                }
            }
        }
    }

    /// Whether what a finished step changed was taken back since.
    fn is_undone(&self, place: usize) -> bool {
        let step = self.step(place);
        let waits = step.status == StepStatus::Pending && self.case.undone.contains(&*step.id);
        if step.status != StepStatus::Done && !waits {
            return false;
        }
        let changing = self.actions[place]
            .iter()
            .map(|at| (*at, &self.case.actions[*at]))
            .filter(|(_, recorded)| recorded.changes());
        // What stands: when the last of it happened, and the last of each tool.
        let mut latest = None;
        let mut of_tool: HashMap<&str, usize> = HashMap::new();
        for (at, again) in changing.clone().filter(|(_, recorded)| recorded.stands()) {
            latest = latest.max(again.moment());
            of_tool.insert(&again.action.tool, at);
        }
        changing.filter(|(_, undone)| undone.action.status == ActionStatus::Undone).any(
            |(at, undone)| match (undone.undone_at, latest) {
                (Some(undone), Some(latest)) => latest <= undone,
                // Nobody knows when: the same call later stands for it.
                _ => of_tool.get(undone.action.tool.as_str()).is_none_or(|later| *later < at),
            },
        )
    }

    /// Whether a step stands as it was when it was told to be done again.
    fn is_owed(&self, place: usize) -> bool {
        let mut of_step = self.actions[place].iter().map(|at| &self.case.actions[*at]).peekable();
        self.owed.contains_key(&*self.step(place).id)
            && self.has_begun(place)
            && (of_step.peek().is_none() || of_step.any(|done| done.stands()))
    }

    /// Whether the step that is asked about has run otherwise than is decided.
    fn is_redone(&self, place: usize) -> bool {
        let one_call = self.case.question.as_ref().is_some_and(|question| question.one_call);
        let decided = self.asked == Some(place) && self.course == Course::Decided;
        if !decided || one_call || !self.has_begun(place) {
            return false;
        }
        let Some(hash) = self.case.decision.and_then(|decision| decision.action_hash()) else {
            return false;
        };
        let step = self.step(place);
        let ran = self.actions[place].iter().map(|at| &self.case.actions[*at]);
        let mut known = ran
            .filter(|recorded| recorded.stands())
            .filter_map(|recorded| {
                Some((recorded.action.tool.as_str(), recorded.action.input.as_ref()?.as_object()?))
            })
            .chain(step.tool.as_deref().zip(step.args.as_ref()))
            .peekable();
        known.peek().is_some() && known.all(|(tool, args)| action_hash(tool, args) != hash)
    }

    /// A value that the step uses and that is now another one.
    fn changed_fact(&self, place: usize, left: &Cell<usize>) -> Option<&'c str> {
        let step = self.step(place);
        step.uses.iter().find_map(|used| match Used::read(used, |id| self.graph.has(id))? {
            Used::Fact(name) => {
                let stated = self.facts.stated_as(name)?;
                let used = if self.has_begun(place) {
                    self.facts.used_by(place, name)
                } else {
                    self.facts.latest(name).map(|found| found.value)
                };
                let same = used.is_some_and(|used| same_json(used, stated.value));
                (!same).then_some(name)
            }
            Used::Output { step, path } => self.corrected_output(step, path, left),
        })
    }

    /// A corrected value that stands, under its name, in the used part of an
    /// output whose step had found it.
    fn corrected_output(&self, step: &str, path: &str, left: &Cell<usize>) -> Option<&'c str> {
        let place = self.graph.place(step)?;
        let output = edits::at_path(self.step(place).output.as_ref()?, path)?;
        self.facts.stated().find_map(|(name, stated)| {
            let old = self.facts.found_by(place, name)?;
            let wrong =
                !same_json(old, stated.value) && edits::holds_under(output, path, name, old, left);
            wrong.then_some(name)
        })
    }
}

/// The effect of a whole step, where no action of it is recorded.
pub(super) fn unrecorded(case: &Case<'_>, step: &Step) -> Effect {
    match (case.effects.get(step.id.as_str()), &step.tool) {
        (Some(effect), _) => *effect,
        // It called nothing: there is nothing to take back.
        (None, None) => Effect::Read,
        (None, Some(_)) => Effect::Irreversible,
    }
}

/// Who comes after whom: who needs it, whose action used its action's result,
/// and who changed the same file later.
fn after(case: &Case<'_>, graph: &Graph<'_>) -> Vec<Vec<usize>> {
    let mut after = reversed(graph.needs());
    let step_of =
        |action: &crate::action::Action| action.step.as_deref().and_then(|id| graph.place(id));
    let ids: HashMap<&str, usize> = case
        .actions
        .iter()
        .filter_map(|recorded| Some((recorded.action.id.as_str(), step_of(recorded.action)?)))
        .collect();
    let mut files: BTreeMap<Cow<'_, str>, usize> = BTreeMap::new();
    for recorded in case.actions.iter().filter(|recorded| recorded.stands()) {
        let Some(step) = step_of(recorded.action) else { continue };
        for before in recorded.action.depends_on.iter().filter_map(|id| ids.get(id.as_str())) {
            after[*before].push(step);
        }
        if recorded.changes() {
            for file in &recorded.action.files {
                if let Some(before) = files.insert(place(file), step) {
                    after[before].push(step);
                }
            }
        }
    }
    for (place, ends) in after.iter_mut().enumerate() {
        ends.sort_unstable();
        ends.dedup();
        ends.retain(|end| *end != place);
    }
    after
}
