//! What is to be known before a decision is released: how the constraints
//! stand, whether an edit contradicts finished work, and what cannot be used.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value};

use super::edits::{Edit, Origin, origins};
use super::stale::Ground;
use super::{Conflict, ConflictKind, ConstraintStand, Course, Reconciliation, words};
use crate::args::args_faults;
use crate::constraint::{Bindings, Judge, judging};
use crate::payload::{Constraint, StepStatus};
use crate::trigger::same_json;
use crate::validate::Fault;

/// Adds how the constraints stand, the contradictions and the faults.
pub(super) fn check(ground: &Ground<'_, '_>, found: &mut Reconciliation) {
    found.faults = ground.graph.faults();
    unknown_step(ground, &mut found.faults);
    found.args = ground.edits.shown();
    if !ground.edits.is_empty()
        && let Some(args) = ground.case.decision.and_then(|decision| decision.args.as_ref())
        && let Some(action) = ground.edits.option.and_then(|option| option.action.as_ref())
    {
        found.faults.extend(args_faults(action.args_schema.as_ref(), args));
    }
    let all = constraints(ground);
    let exprs: Vec<&str> =
        all.iter().filter_map(|(constraint, _)| constraint.expr.as_deref()).collect();
    let origins = origins(ground);
    let mut checked = Checked::default();
    let mut governed = BTreeSet::new();
    let done = if exprs.is_empty() {
        Ok(())
    } else {
        judging(&exprs, |judge| {
            checked = stands(ground, &all, judge);
            governed = governed_by(ground, &origins, judge, exprs.len());
        })
    };
    if let Err(why) = done {
        found.faults.push(Fault { pointer: String::new(), message: why, hint: String::new() });
    }
    for (constraint, added) in all.iter().filter(|(constraint, _)| constraint.expr.is_none()) {
        checked.stands.push(ConstraintStand {
            text: constraint.text.clone(),
            added: *added,
            holds: None,
            error: None,
            option: None,
        });
    }
    found.constraints = checked.stands;
    found.faults.extend(checked.faults);
    for (edit, origin) in &origins {
        if !governed.contains(&(*edit, origin.step)) {
            found.conflicts.extend(contradiction(ground, &ground.edits.list[*edit], origin));
        }
    }
    found.conflicts.extend(checked.conflicts);
}

/// The finished steps whose arguments or output go against a constraint that
/// this decision adds.
pub(super) fn broken_by_added<'c>(ground: &Ground<'_, 'c>) -> HashMap<usize, &'c str> {
    let added: Vec<(&'c str, &'c str)> = ground
        .case
        .decision
        .into_iter()
        .flat_map(|decision| &decision.constraints)
        .filter_map(|constraint| Some((constraint.text.as_str(), constraint.expr.as_deref()?)))
        .collect();
    if added.is_empty() {
        return HashMap::new();
    }
    let exprs: Vec<&str> = added.iter().map(|(_, expr)| *expr).collect();
    let mut bindings = bindings(ground, None);
    let judged = judging(&exprs, |judge| {
        let mut broken = HashMap::new();
        for (number, (text, _)) in added.iter().enumerate() {
            if judge.unreadable(number).is_some() {
                continue;
            }
            let wanted = judge.members(number, "args");
            let steps = judge.members(number, "steps");
            for place in 0..ground.causes.len() {
                let concerned = if wanted.is_empty() {
                    steps.has(&ground.step(place).id)
                        && ground.step(place).status == StepStatus::Done
                        && ground.step(place).output.is_some()
                } else {
                    let args = ground.args(place).into_iter().flatten();
                    bindings.args = args.map(|(name, value)| (name.as_str(), value)).collect();
                    bindings.args.keys().any(|name| wanted.has(name))
                };
                if !concerned {
                    continue;
                }
                // One that cannot be evaluated does not hold; but it says
                // nothing of a step that lacks what it looks at.
                let goes_against = match judge.holds(number, &bindings) {
                    Ok(holds) => !holds,
                    Err(_) => wanted.all_in(|name| bindings.args.contains_key(name)),
                };
                if goes_against {
                    broken.entry(place).or_insert(*text);
                }
            }
        }
        broken
    });
    // A failure to start is told by `check`, which judges the same expressions.
    judged.unwrap_or_default()
}

#[derive(Debug, Default)]
struct Checked {
    stands: Vec<ConstraintStand>,
    conflicts: Vec<Conflict>,
    faults: Vec<Fault>,
}

/// All constraints in force, and whether this decision adds them.
fn constraints<'c>(ground: &Ground<'_, 'c>) -> Vec<(&'c Constraint, bool)> {
    let case = ground.case;
    let asked = case.question.iter().flat_map(|question| question.constraints.iter().copied());
    let earlier = case.earlier.iter().flat_map(|decision| &decision.constraints);
    let added = case.decision.into_iter().flat_map(|decision| &decision.constraints);
    let mut all: Vec<(&Constraint, bool)> = Vec::new();
    for (constraint, new) in asked
        .chain(earlier)
        .map(|constraint| (constraint, false))
        .chain(added.map(|new| (new, true)))
    {
        if all.iter().all(|(known, _)| *known != constraint) {
            all.push((constraint, new));
        }
    }
    all
}

fn bindings<'c>(ground: &Ground<'_, 'c>, args: Option<&'c Map<String, Value>>) -> Bindings<'c> {
    Bindings {
        args: args.into_iter().flatten().map(|(name, value)| (name.as_str(), value)).collect(),
        facts: ground.facts.in_force(),
        steps: ground
            .case
            .plan
            .steps
            .iter()
            .map(|step| (step.id.as_str(), step.output.as_ref()))
            .collect(),
        call: BTreeMap::new(),
    }
}

/// The arguments that constraints are held against: those decided on, or those
/// of each option that is still open.
fn arguments<'c>(ground: &Ground<'_, 'c>) -> Vec<(Option<&'c str>, &'c Map<String, Value>)> {
    let case = ground.case;
    match ground.course {
        Course::Decided => {
            let args = case.decision.and_then(|decision| decision.args.as_ref());
            args.map(|args| (None, args)).into_iter().collect()
        }
        Course::Informed | Course::Open => case
            .question
            .iter()
            .flat_map(|question| question.options)
            .filter_map(|option| Some((Some(option.id.as_str()), &option.action.as_ref()?.args)))
            .collect(),
        Course::NothingAsked
        | Course::Stops
        | Course::Skips
        | Course::Revises
        | Course::TakenOver
        | Course::GivenBack => Vec::new(),
    }
}

fn stands(ground: &Ground<'_, '_>, all: &[(&Constraint, bool)], judge: &mut Judge) -> Checked {
    let mut checked = Checked::default();
    let judged: Vec<&(&Constraint, bool)> =
        all.iter().filter(|(constraint, _)| constraint.expr.is_some()).collect();
    for (number, (constraint, added)) in judged.iter().enumerate() {
        if let Some(why) = judge.unreadable(number).filter(|_| *added) {
            checked.faults.push(Fault {
                pointer: "/constraints".to_owned(),
                message: format!("“{}” cannot be read. {why}", words::name(&constraint.text)),
                hint: "Correct the expression, or give the constraint in words only.".to_owned(),
            });
        }
    }
    let arguments = arguments(ground);
    let mut bindings = bindings(ground, None);
    for (option, args) in &arguments {
        bindings.args = args.iter().map(|(name, value)| (name.as_str(), value)).collect();
        for (number, (constraint, added)) in judged.iter().enumerate() {
            let outcome = judge.holds(number, &bindings);
            let holds = outcome == Ok(true);
            if !holds && ground.course == Course::Decided {
                checked.conflicts.push(violated(ground, constraint, judge, number, &outcome));
            }
            checked.stands.push(ConstraintStand {
                text: constraint.text.clone(),
                added: *added,
                holds: Some(holds),
                error: outcome.err(),
                option: option.map(str::to_owned),
            });
        }
    }
    checked
}

fn violated(
    ground: &Ground<'_, '_>,
    constraint: &Constraint,
    judge: &Judge,
    number: usize,
    outcome: &Result<bool, String>,
) -> Conflict {
    let steps = judge.members(number, "steps");
    let finished =
        ground.case.plan.steps.iter().find(|step| {
            step.status == StepStatus::Done && !steps.is_empty() && steps.has(&step.id)
        });
    let args = judge.members(number, "args");
    let edited = ground.edits.list.iter().find(|edit| args.has(edit.argument));
    let name = words::name(&constraint.text);
    let text = match (outcome, finished) {
        (Err(why), _) => format!("“{name}” cannot be checked. {why}"),
        (Ok(_), Some(step)) => {
            format!("“{name}” does not hold, with what {} found.", words::step(step))
        }
        (Ok(_), None) => format!("“{name}” does not hold."),
    };
    Conflict {
        kind: ConflictKind::Constraint,
        step: finished.map(|step| step.id.clone()),
        action: None,
        pointer: edited.map(|edit| edit.pointer.clone()),
        text,
        needs_override: true,
    }
}

/// The edits for which a constraint already says how the argument and what a
/// step found belong together.
fn governed_by(
    ground: &Ground<'_, '_>,
    origins: &[(usize, Origin<'_>)],
    judge: &Judge,
    count: usize,
) -> BTreeSet<(usize, Option<usize>)> {
    let mut governed = BTreeSet::new();
    for number in 0..count {
        let args = judge.members(number, "args");
        let steps = judge.members(number, "steps");
        let facts = judge.members(number, "facts");
        for (edit, origin) in origins {
            let of_step = origin.step.is_some_and(|step| steps.has(&ground.step(step).id));
            let of_fact = origin.fact.is_some_and(|fact| facts.has(fact));
            if args.has(ground.edits.list[*edit].argument) && (of_step || of_fact) {
                governed.insert((*edit, origin.step));
            }
        }
    }
    governed
}

/// An edited argument that differs from what a finished step found.
fn contradiction(
    ground: &Ground<'_, '_>,
    edit: &Edit<'_>,
    origin: &Origin<'_>,
) -> Option<Conflict> {
    let step = ground.step(origin.step?);
    let found = format!(
        "{} found {} as {}",
        words::step(step),
        words::name(origin.name),
        words::value(origin.value)
    );
    let text = match edit.new {
        Some(new) if same_json(new, origin.value) => return None,
        Some(new) => {
            format!("{} is {} here, but {found}.", words::name(edit.name), words::value(new))
        }
        None => format!("{} is left out here, but {found}.", words::name(edit.name)),
    };
    Some(Conflict {
        kind: ConflictKind::Contradicts,
        step: Some(step.id.clone()),
        action: None,
        pointer: Some(edit.pointer.clone()),
        text,
        needs_override: !is_part(edit.new, origin.value),
    })
}

/// Whether a number is a part of the one that was found: less of the same,
/// such as half a refund, contradicts nothing.
fn is_part(new: Option<&Value>, found: &Value) -> bool {
    match (new.and_then(Value::as_f64), found.as_f64()) {
        (Some(new), Some(found)) => {
            (found > 0.0 && new >= 0.0 && new < found) || (found < 0.0 && new <= 0.0 && new > found)
        }
        _ => false,
    }
}

/// A question about a step that the plan does not know.
fn unknown_step(ground: &Ground<'_, '_>, faults: &mut Vec<Fault>) {
    let Some(step) = ground.case.question.as_ref().and_then(|question| question.step) else {
        return;
    };
    if ground.asked.is_none() && !ground.case.plan.steps.is_empty() {
        faults.push(Fault {
            pointer: "/pending_question/step".to_owned(),
            message: format!("The plan has no step `{}` any more.", words::name(step)),
            hint: "Put the step back, or reject the question.".to_owned(),
        });
    }
}
