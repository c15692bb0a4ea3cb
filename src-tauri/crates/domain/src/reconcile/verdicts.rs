//! The verdict on each step, in words.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::stale::{Cause, Ground, unrecorded};
use super::{ChangedFact, Conflict, ConflictKind, Course, FactSource, Reconciliation, words};
use crate::action::Effect;
use crate::directive::{Line, Verdict};
use crate::payload::StepStatus;
use crate::rollback::Dependencies;
use crate::runnable::{Waiting, waiting};

/// What becomes of each step; the undos in their order; the changed facts and
/// the finished steps that are in the way.
pub(super) fn weigh(ground: &Ground<'_, '_>) -> Reconciliation {
    let mut weighed = Weighed {
        ground,
        held: held(ground),
        others: waiting(ground.case.plan, &ground.case.pending),
        undone: undone(ground),
        conflicts: Vec::new(),
        undo: Vec::new(),
        owed: ground.owed.iter().map(|(step, at)| ((*step).to_owned(), *at)).collect(),
    };
    let mut lines: Vec<Line> =
        (0..ground.case.plan.steps.len()).map(|place| weighed.line(place)).collect();
    let order = in_order(ground, &weighed.undo);
    for at in &order {
        let action = ground.case.actions[*at].action;
        let step = action.step.as_deref().and_then(|id| ground.graph.place(id));
        if let Some(line) = step.and_then(|place| lines.get_mut(place)) {
            line.undo.push(action.id.clone());
        }
    }
    Reconciliation {
        undo: order.iter().map(|at| ground.case.actions[*at].action.id.clone()).collect(),
        facts: changed_facts(ground),
        conflicts: weighed.conflicts,
        owed: weighed.owed,
        lines,
        ..Reconciliation::default()
    }
}

/// These actions in the order in which they are undone.
fn in_order(ground: &Ground<'_, '_>, undo: &[usize]) -> Vec<usize> {
    if undo.len() < 2 {
        return undo.to_vec();
    }
    Dependencies::new(&ground.case.actions, &ground.graph).order(undo)
}

/// The asked step and what depends on it; `None` where the question names no
/// step and so holds all of them.
fn held(ground: &Ground<'_, '_>) -> Option<BTreeSet<usize>> {
    let question = ground.case.question.as_ref()?;
    if question.quick {
        return Some(BTreeSet::new());
    }
    question.step?;
    let Some(asked) = ground.asked else { return Some(BTreeSet::new()) };
    let by_plan = super::graph::reversed(ground.graph.needs());
    Some(super::graph::reached(&by_plan, [asked]).into_iter().chain([asked]).collect())
}

/// The steps that were undone, and those that build on them.
fn undone(ground: &Ground<'_, '_>) -> Vec<bool> {
    let starts: Vec<usize> = (0..ground.causes.len())
        .filter(|place| ground.causes[*place] == Some(Cause::Undone))
        .filter(|place| !ground.is_decided(*place))
        .collect();
    let mut undone = vec![false; ground.causes.len()];
    // What is decided on now runs, whatever it builds on, and what follows from
    // it goes on with it.
    let goes_on = |place: usize| ground.by_hand.contains(&place) || ground.is_decided(place);
    let mut after = ground.after.clone();
    for place in (0..after.len()).filter(|place| ground.is_decided(*place)) {
        after[place].clear();
    }
    for place in super::graph::reached(&after, starts.iter().copied()) {
        undone[place] = !goes_on(place);
    }
    for place in starts {
        undone[place] = true;
    }
    undone
}

struct Weighed<'w, 'g, 'c> {
    ground: &'w Ground<'g, 'c>,
    held: Option<BTreeSet<usize>>,
    others: Waiting,
    undone: Vec<bool>,
    conflicts: Vec<Conflict>,
    undo: Vec<usize>,
    /// The steps that are to be done again, and since when.
    owed: BTreeMap<String, DateTime<Utc>>,
}

/// How a stale step is done again.
enum Again {
    /// It changed nothing.
    Read,
    /// These actions are undone first.
    Undo(Vec<usize>),
    /// It cannot be taken back.
    Cannot(Option<usize>, String),
}

impl Ground<'_, '_> {
    /// Whether the decision runs this very step.
    fn is_decided(&self, place: usize) -> bool {
        self.asked == Some(place)
            && self.course == Course::Decided
            && self.case.decision.is_some_and(|decision| decision.tool.is_some())
    }
}

impl Weighed<'_, '_, '_> {
    fn line(&mut self, place: usize) -> Line {
        let step = self.ground.step(place);
        let (verdict, why) = match step.status {
            StepStatus::Done => self.finished(place),
            StepStatus::Running if self.ground.causes[place].is_some() => self.finished(place),
            StepStatus::Skipped => (Verdict::Skip, self.skipped(place)),
            StepStatus::Pending | StepStatus::Running | StepStatus::Failed => self.open(place),
        };
        let facts = match verdict {
            Verdict::Run | Verdict::Rerun | Verdict::UndoThenRerun => self.given(place),
            Verdict::Keep | Verdict::Blocked | Verdict::Skip => Map::new(),
        };
        Line { step: step.id.clone(), verdict, why, facts, undo: Vec::new() }
    }

    /// The values that a step uses and that a decision has said.
    fn given(&self, place: usize) -> Map<String, Value> {
        let uses = self.ground.step(place).uses.iter();
        let named = uses.filter_map(|used| used.strip_prefix("facts."));
        let stated = named.filter_map(|name| Some((name, self.ground.facts.stated_as(name)?)));
        stated.map(|(name, stated)| (name.to_owned(), stated.value.clone())).collect()
    }

    /// Whether the answer is to one call, and no word on its step.
    fn one_call(&self) -> bool {
        self.ground.case.question.as_ref().is_some_and(|question| question.one_call)
    }

    fn finished(&mut self, place: usize) -> (Verdict, String) {
        let ground = self.ground;
        let id = &ground.step(place).id;
        if ground.by_hand.contains(&place) {
            self.owed.remove(id);
            return (Verdict::Keep, "It was done by hand and stays.".to_owned());
        }
        let Some(cause) = &ground.causes[place] else {
            return (Verdict::Keep, self.kept(place));
        };
        let because = self.because(place, cause);
        if *cause == Cause::Undone && !ground.is_decided(place) {
            return (
                Verdict::Blocked,
                "It was undone. It waits until you say how to go on.".to_owned(),
            );
        }
        let again = self.again(place);
        if matches!(again, Again::Cannot(..)) {
            self.owed.remove(id);
        } else {
            self.owed.entry(id.clone()).or_insert(ground.case.now);
        }
        match again {
            Again::Cannot(action, why) => {
                let action = action.map(|at| ground.case.actions[at].action.id.clone());
                let title = words::step(ground.step(place));
                self.conflicts.push(Conflict {
                    kind: ConflictKind::Irreversible,
                    step: Some(id.clone()),
                    action,
                    pointer: None,
                    text: format!("{title} is done and stays, though it is not right any more. {because} {why}"),
                    needs_override: self.is_by_edit(place),
                });
                (Verdict::Keep, format!("It stays, since it cannot be undone. {because}"))
            }
            Again::Read | Again::Undo(_) if self.undone[place] => {
                (Verdict::Blocked, format!("It waits until you say how to go on. {because}"))
            }
            Again::Read => (Verdict::Rerun, because),
            Again::Undo(actions) => {
                self.undo.extend(actions);
                (Verdict::UndoThenRerun, because)
            }
        }
    }

    /// Whether a step is stale because of what the reviewer edited: only an
    /// edit goes against finished work by will; what is true is true.
    fn is_by_edit(&self, place: usize) -> bool {
        let mut at = place;
        loop {
            match &self.ground.causes[at] {
                Some(Cause::Step(before)) => at = *before,
                Some(Cause::Fact(name)) => {
                    let stated = self.ground.facts.stated_as(name);
                    return stated.is_some_and(|stated| stated.source == FactSource::EditedArgs);
                }
                // What is asked about, with edited arguments, has no cause before it.
                Some(Cause::Decided) => return true,
                None => return !self.ground.by_hand.contains(&at),
                Some(Cause::Constraint(_) | Cause::Owed | Cause::Undone) => return false,
            }
        }
    }

    fn again(&self, place: usize) -> Again {
        let ground = self.ground;
        let of_step = &ground.actions[place];
        let standing: Vec<usize> =
            of_step.iter().copied().filter(|at| ground.case.actions[*at].stands()).collect();
        if standing.is_empty() && of_step.is_empty() {
            return match unrecorded(ground.case, ground.step(place)) {
                Effect::Read => Again::Read,
                Effect::Reversible | Effect::Irreversible => Again::Cannot(
                    None,
                    "What it did is not recorded, so it counts as irreversible.".to_owned(),
                ),
            };
        }
        let mut undo = Vec::new();
        for at in standing {
            let recorded = &ground.case.actions[at];
            if !recorded.changes() {
                continue;
            }
            let tool = words::name(&recorded.action.tool);
            if recorded.effect == Effect::Irreversible {
                return Again::Cannot(Some(at), format!("What {tool} did cannot be undone."));
            }
            match recorded.undo(ground.case.now) {
                Ok(_) => undo.push(at),
                Err(no) => {
                    return Again::Cannot(
                        Some(at),
                        format!("What {tool} did cannot be undone: {}", lower(&no.why())),
                    );
                }
            }
        }
        if undo.is_empty() { Again::Read } else { Again::Undo(undo) }
    }

    fn because(&self, place: usize, cause: &Cause<'_>) -> String {
        let ground = self.ground;
        match cause {
            Cause::Fact(name) => {
                let stated = ground.facts.stated_as(name);
                let old = ground.facts.used_by(place, name);
                let name = words::name(name);
                match (old, stated) {
                    (Some(old), Some(stated)) => format!(
                        "It used {name} as {}; it is {} now.",
                        words::value(old),
                        words::value(stated.value)
                    ),
                    (None, Some(stated)) => format!(
                        "It used {name} before it was known to be {}.",
                        words::value(stated.value)
                    ),
                    (_, None) => format!("It used an old value of {name}."),
                }
            }
            Cause::Decided => "It ran with other arguments than were decided.".to_owned(),
            Cause::Constraint(text) => {
                format!("It goes against the new constraint “{}”.", words::name(text))
            }
            Cause::Owed => "It was to be done again, and was not yet.".to_owned(),
            Cause::Undone => "It was undone.".to_owned(),
            Cause::Step(other) => {
                let title = words::step(ground.step(*other));
                if ground.causes[*other] == Some(Cause::Undone) {
                    format!("It builds on {title}, which was undone.")
                } else if ground.by_hand.contains(other) {
                    format!("It builds on {title}, which was done by hand since.")
                } else {
                    format!("It builds on {title}, which is not right any more.")
                }
            }
        }
    }

    fn kept(&self, place: usize) -> String {
        let ground = self.ground;
        let confirmed = ground.step(place).uses.iter().find_map(|used| {
            let name = used.strip_prefix("facts.")?;
            ground.facts.stated_as(name).filter(|stated| stated.now).map(|_| words::name(name))
        });
        match (confirmed, ground.course) {
            (Some(name), _) => format!("It is done and stays: it used {name} as it is."),
            (None, Course::Informed | Course::GivenBack) => {
                "It is done and stays: it used nothing that changed.".to_owned()
            }
            (None, _) => "It is done and stays.".to_owned(),
        }
    }

    fn skipped(&self, place: usize) -> String {
        match &self.ground.causes[place] {
            Some(cause) => {
                format!("It was left out, before something changed. {}", self.because(place, cause))
            }
            None => "It was left out before.".to_owned(),
        }
    }

    fn open(&self, place: usize) -> (Verdict, String) {
        let ground = self.ground;
        let asked = ground.asked == Some(place);
        let waits = match (&ground.case.question, &self.held) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(_), Some(held)) => held.contains(&place),
        };
        let say = |verdict, why: &str| (verdict, why.to_owned());
        // A no to one call at a step that was left out brings the step back no more.
        let no = self.one_call() && matches!(ground.course, Course::Skips | Course::Revises);
        let again = !no && self.held.as_ref().is_some_and(|held| held.contains(&place));
        if !again && ground.case.left_out.contains(&*ground.step(place).id) {
            return say(Verdict::Skip, "It was left out before.");
        }
        match ground.course {
            Course::Open if waits => return say(Verdict::Blocked, "It waits for this decision."),
            Course::TakenOver => {
                return say(Verdict::Blocked, "The reviewer has taken the task over.");
            }
            Course::Stops => return say(Verdict::Skip, "The task stops here."),
            Course::Skips if waits && !self.one_call() => {
                let why = "It is left out, and with it what depends on it.";
                return say(Verdict::Skip, why);
            }
            Course::Revises if waits => {
                return say(Verdict::Blocked, "It waits for another proposal.");
            }
            Course::NothingAsked
            | Course::Open
            | Course::Decided
            | Course::Informed
            | Course::Skips
            | Course::Revises
            | Course::GivenBack => {}
        }
        if self.others.has(&ground.step(place).id) {
            return say(Verdict::Blocked, "It waits for another decision.");
        }
        if self.undone[place] {
            let itself = ground.causes[place] == Some(Cause::Undone);
            return say(
                Verdict::Blocked,
                if itself {
                    "It was undone. It waits until you say how to go on."
                } else {
                    "It builds on a step that was undone, and waits."
                },
            );
        }
        if let Some(cause) = ground.causes[place].as_ref().filter(|_| !asked) {
            return (Verdict::Run, self.onward(cause));
        }
        let why = match ground.course {
            Course::Decided if asked => "It is what this decides.",
            Course::Informed if asked => "It goes on with the new information.",
            Course::GivenBack if asked => "It goes on; it was not done by hand.",
            Course::NothingAsked | Course::GivenBack => "It goes on.",
            Course::Skips if asked => "It goes on without this call.",
            Course::Decided | Course::Informed | Course::Skips if waits => {
                "It waits for nothing else then."
            }
            Course::Open
            | Course::Decided
            | Course::Informed
            | Course::Stops
            | Course::Skips
            | Course::Revises
            | Course::TakenOver => "It goes on; it does not depend on this.",
        };
        say(Verdict::Run, why)
    }

    /// Why a step that has not run yet will run otherwise.
    fn onward(&self, cause: &Cause<'_>) -> String {
        let ground = self.ground;
        match cause {
            Cause::Fact(name) => match ground.facts.stated_as(name) {
                Some(stated) => {
                    format!("It runs with {} as {}.", words::name(name), words::value(stated.value))
                }
                None => "It waits for nothing else then.".to_owned(),
            },
            Cause::Constraint(text) => format!(
                "Its arguments go against the new constraint “{}” and must change first.",
                words::name(text)
            ),
            Cause::Step(other) => {
                let title = words::step(ground.step(*other));
                match ground.step(*other).status {
                    StepStatus::Done | StepStatus::Running => {
                        format!("It runs after {title} is put right.")
                    }
                    StepStatus::Pending | StepStatus::Failed | StepStatus::Skipped => {
                        format!("It runs after {title}.")
                    }
                }
            }
            Cause::Decided | Cause::Owed | Cause::Undone => {
                "It waits for nothing else then.".to_owned()
            }
        }
    }
}

fn changed_facts(ground: &Ground<'_, '_>) -> Vec<ChangedFact> {
    let now = ground.facts.stated().filter(|(_, stated)| stated.now);
    now.filter_map(|(name, stated)| {
        let used_by: Vec<String> = (0..ground.causes.len())
            .filter(|place| ground.has_begun(*place))
            .filter(|place| ground.causes[*place] == Some(Cause::Fact(name)))
            .map(|place| ground.step(place).id.clone())
            .collect();
        let latest = ground.facts.latest(name);
        let is_new =
            latest.is_none_or(|known| !crate::trigger::same_json(known.value, stated.value));
        // What was found last may be right, and an earlier value used.
        let old = if is_new { latest } else { ground.facts.latest_other(name, stated.value) };
        let found_by = old.and_then(|old| old.action);
        (is_new || !used_by.is_empty()).then(|| ChangedFact {
            name: name.to_owned(),
            old: old.map(|old| old.value.clone()),
            new: stated.value.clone(),
            source: stated.source,
            found_by: found_by.map(|at| ground.case.actions[at].action.id.clone()),
            used_by,
        })
    })
    .collect()
}

/// A sentence as the end of another one.
fn lower(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
