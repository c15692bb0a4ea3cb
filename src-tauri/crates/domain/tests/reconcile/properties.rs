//! Random plans against a model that is too slow and too simple to be wrong.

use std::collections::{BTreeMap, BTreeSet};

use handoff_domain::action::Action;
use handoff_domain::decision::{Decider, Decision, DecisionKind};
use handoff_domain::directive::Verdict;
use handoff_domain::payload::{Constraint, HandoffOption, Plan, StepStatus};
use handoff_domain::reconcile::{Case, ConflictKind, Question, Reconciliation, reconcile};
use handoff_domain::record::Recorded;
use handoff_domain::runnable::{Pending, runnable, waits_for};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::notation::noon;

const STATUSES: [&str; 5] = ["pending", "running", "done", "failed", "skipped"];

/// A step as drawn: its status, whom it needs in which way, the facts it uses.
#[derive(Debug, Clone)]
struct Drawn {
    status: &'static str,
    needs: Vec<(usize, bool)>,
    facts: Vec<u8>,
    has_tool: bool,
}

/// An action as drawn.
#[derive(Debug, Clone)]
struct Did {
    step: usize,
    effect: &'static str,
    undo: Option<Value>,
    after: Vec<usize>,
    found: Option<(u8, i64)>,
    file: Option<u8>,
    status: &'static str,
}

fn steps() -> impl Strategy<Value = Vec<Drawn>> {
    let step = (
        prop::sample::select(vec![
            "pending", "running", "done", "done", "done", "failed", "skipped",
        ]),
        prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..3),
        prop::collection::vec(0_u8..4, 0..2),
        any::<bool>(),
    );
    prop::collection::vec(step, 1..10).prop_map(|drawn| {
        let each =
            drawn.into_iter().enumerate().map(|(place, (status, needs, facts, has_tool))| {
                let needs = needs
                    .into_iter()
                    .filter(|_| place > 0)
                    .map(|(index, by_use)| (index.index(place), by_use))
                    .collect();
                Drawn { status, needs, facts, has_tool }
            });
        each.collect()
    })
}

fn undo() -> impl Strategy<Value = Option<Value>> {
    prop::sample::select(vec![
        None,
        Some(json!({ "kind": "files" })),
        Some(json!({ "kind": "tool", "tool": "back", "args": {} })),
        Some(
            json!({ "kind": "tool", "tool": "back", "args": {}, "until": "2026-11-20T11:00:00Z" }),
        ),
        Some(
            json!({ "kind": "tool", "tool": "back", "args": {}, "until": "2026-11-20T13:00:00Z" }),
        ),
    ])
}

fn actions() -> impl Strategy<Value = Vec<Did>> {
    let did = (
        any::<prop::sample::Index>(),
        prop::sample::select(vec!["read", "reversible", "reversible", "irreversible"]),
        undo(),
        prop::collection::vec(any::<prop::sample::Index>(), 0..2),
        prop::option::of((0_u8..4, 0_i64..3)),
        prop::option::weighted(0.3, 0_u8..3),
        prop::sample::select(vec!["done", "done", "done", "running", "failed"]),
    );
    prop::collection::vec(did, 0..14).prop_map(|drawn| {
        let each = drawn.into_iter().enumerate();
        each.map(|(place, (step, effect, undo, after, found, file, status))| Did {
            step: step.index(1_000_000),
            effect,
            undo,
            after: after.into_iter().filter(|_| place > 0).map(|at| at.index(place)).collect(),
            found,
            file,
            status,
        })
        .collect()
    })
}

fn plan(drawn: &[Drawn]) -> Plan {
    let steps = drawn.iter().enumerate().map(|(place, step)| {
        let by = |wanted: bool| step.needs.iter().filter(move |(_, by_use)| *by_use == wanted);
        let mut uses: Vec<String> =
            step.facts.iter().map(|fact| format!("facts.f{fact}")).collect();
        uses.extend(by(true).map(|(need, _)| format!("steps.s{need}.output.v")));
        let mut written = json!({ "id": format!("s{place}"), "title": format!("Step {place}"),
            "status": step.status, "uses": uses, "output": { "v": place },
            "depends_on": by(false).map(|(need, _)| format!("s{need}")).collect::<Vec<_>>() });
        if step.has_tool {
            written["tool"] = json!("some.tool");
        }
        written
    });
    serde_json::from_value(json!({ "steps": steps.collect::<Vec<_>>() })).expect("a plan")
}

fn written(did: &[Did], count: usize) -> Vec<Action> {
    let each = did.iter().enumerate().map(|(place, did)| {
        let mut action = json!({ "id": format!("a{place}"), "step": format!("s{}", did.step % count),
            "tool": "some.tool", "input": { "n": place }, "effect": did.effect,
            "status": did.status,
            "depends_on": did.after.iter().map(|at| format!("a{at}")).collect::<Vec<_>>() });
        if let Some(undo) = &did.undo {
            action["undo"] = undo.clone();
        }
        if let Some((name, value)) = did.found {
            action["facts"] = json!({ format!("f{name}"): value });
        }
        if let Some(file) = did.file {
            action["files"] = json!([format!("/{file}")]);
        }
        serde_json::from_value(action).expect("an action")
    });
    each.collect()
}

fn inform(facts: &BTreeMap<u8, i64>) -> Decision {
    let facts: Map<String, Value> =
        facts.iter().map(|(name, value)| (format!("f{name}"), json!(value))).collect();
    Decision {
        kind: DecisionKind::Inform,
        by: Decider::Reviewer,
        at: noon(),
        option: None,
        tool: None,
        args: None,
        facts,
        constraints: Vec::new(),
        text: Some("New.".to_owned()),
        reason: None,
        then: None,
        overriding: None,
        message: None,
        note: None,
    }
}

fn weigh(plan: &Plan, actions: &[Action], decision: &Decision) -> Reconciliation {
    let question = Question {
        step: Some("s0"),
        quick: false,
        one_call: false,
        options: &[],
        constraints: Vec::new(),
    };
    reconcile(&Case {
        plan,
        actions: actions.iter().map(Recorded::said).collect(),
        question: Some(question),
        decision: Some(decision),
        earlier: Vec::new(),
        pending: Vec::new(),
        undone: BTreeSet::new(),
        left_out: BTreeSet::new(),
        owed: BTreeMap::new(),
        effects: BTreeMap::new(),
        now: noon(),
    })
}

/// Everything that comes after something, by asking again and again.
fn closed(mut after: Vec<Vec<bool>>) -> Vec<Vec<bool>> {
    let count = after.len();
    for by in 0..count {
        for from in 0..count {
            for to in 0..count {
                after[from][to] |= after[from][by] && after[by][to];
            }
        }
    }
    after
}

fn stands(did: &Did) -> bool {
    matches!(did.status, "done" | "running")
}

/// Which steps come after which: `[before][after]`.
fn model_after(drawn: &[Drawn], did: &[Did]) -> Vec<Vec<bool>> {
    let count = drawn.len();
    let mut after = vec![vec![false; count]; count];
    for (place, step) in drawn.iter().enumerate() {
        for (need, _) in &step.needs {
            after[*need][place] = true;
        }
    }
    for (place, later) in did.iter().enumerate().filter(|(_, did)| stands(did)) {
        for before in &later.after {
            after[did[*before].step % count][later.step % count] = true;
        }
        for before in did[..place].iter().filter(|before| stands(before)) {
            let both_change = before.effect != "read" && later.effect != "read";
            if both_change && before.file.is_some() && before.file == later.file {
                after[before.step % count][later.step % count] = true;
            }
        }
    }
    closed(after)
}

/// The value of a fact that a step used.
fn model_used(step: usize, fact: u8, count: usize, did: &[Did]) -> Option<i64> {
    let found =
        |did: &&Did| did.status != "failed" && did.found.is_some_and(|(name, _)| name == fact);
    let value = |did: &Did| did.found.map(|(_, value)| value);
    let ran = did.iter().rposition(|did| did.step % count == step && stands(did));
    match ran {
        Some(ran) => {
            did[..ran].iter().rev().find(found).or_else(|| did.iter().find(found)).and_then(value)
        }
        None => did.iter().rev().find(found).and_then(value),
    }
}

/// Whether a stale step cannot be done again.
fn model_final(step: usize, drawn: &[Drawn], did: &[Did]) -> bool {
    let count = drawn.len();
    let of_step: Vec<&Did> = did.iter().filter(|did| did.step % count == step).collect();
    if of_step.is_empty() {
        return drawn[step].has_tool;
    }
    of_step.iter().filter(|did| stands(did) && did.effect != "read").any(|did| {
        let until = did.undo.as_ref().and_then(|undo| undo["until"].as_str());
        did.effect == "irreversible"
            || did.status == "running"
            || did.undo.is_none()
            || until.is_some_and(|until| until < "2026-11-20T12")
    })
}

proptest! {
    /// Whatever else is in the plan, an edit against what a finished step found, and
    /// arguments that a constraint does not allow, are shown.
    #[test]
    fn what_an_edit_goes_against_is_never_silent(
        drawn in steps(),
        did in actions(),
        found in 0_i64..6,
        edited in 0_i64..6,
        most in 0_i64..6,
    ) {
        let mut plan = plan(&drawn);
        let actions = written(&did, plan.steps.len());
        let more: Plan = serde_json::from_value(json!({ "steps": [
            { "id": "find", "title": "Find", "status": "done", "output": { "amount": found } },
            { "id": "pay", "title": "Pay", "status": "pending",
              "uses": ["steps.find.output.amount"] } ] })).expect("steps");
        plan.steps.extend(more.steps);
        let options: Vec<HandoffOption> = serde_json::from_value(json!([{ "id": "o",
            "label": "Pay", "risk": { "level": "high", "effect": "irreversible", "why": "It goes." },
            "action": { "tool": "pay", "args": { "amount": found } } }])).expect("an option");
        let limit: Constraint = serde_json::from_value(json!({ "text": "No more than that.",
            "expr": format!("args.amount <= {most}") })).expect("a constraint");
        let decision: Decision = serde_json::from_value(json!({ "kind": "modify",
            "by": "reviewer", "at": noon(), "option": "o", "tool": "pay",
            "args": { "amount": edited } })).expect("a decision");
        let question = Question {
            step: Some("pay"),
            quick: false,
            one_call: false,
            options: &options,
            constraints: vec![&limit],
        };
        let seen = reconcile(&Case {
            plan: &plan,
            actions: actions.iter().map(Recorded::said).collect(),
            question: Some(question),
            decision: Some(&decision),
            earlier: Vec::new(),
            pending: Vec::new(),
            undone: BTreeSet::new(),
            left_out: BTreeSet::new(),
            owed: BTreeMap::new(),
            effects: BTreeMap::new(),
            now: noon(),
        });
        let of = |kind| seen.conflicts.iter().filter(move |one| one.kind == kind);
        prop_assert_eq!(of(ConflictKind::Constraint).count(), usize::from(edited > most));
        prop_assert_eq!(of(ConflictKind::Contradicts).count(), usize::from(edited != found));
        let mut stated = of(ConflictKind::Constraint).chain(of(ConflictKind::Contradicts));
        let blocks = stated.any(|one| one.needs_override);
        prop_assert_eq!(blocks, edited > most || edited > found, "less of the same goes");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn what_is_valid_stays_and_what_is_stale_does_not(
        drawn in steps(),
        did in actions(),
        told in prop::collection::btree_map(0_u8..4, 0_i64..3, 0..3),
    ) {
        let count = drawn.len();
        let (plan, actions) = (plan(&drawn), written(&did, count));
        let found = weigh(&plan, &actions, &inform(&told));
        prop_assert!(found.faults.is_empty(), "{:?}", found.faults);
        let after = model_after(&drawn, &did);
        let begun = |step: usize| matches!(drawn[step].status, "done" | "running");
        let differs = |step: usize| drawn[step].facts.iter().any(|fact| {
            let Some(new) = told.get(fact) else { return false };
            let used = if begun(step) {
                model_used(step, *fact, count, &did)
            } else {
                let all = || did.iter().rev().filter(|did| did.status != "failed");
                all().find_map(|did| did.found.filter(|(name, _)| name == fact)).map(|(_, value)| value)
            };
            used != Some(*new)
        });
        let changed: Vec<bool> = (0..count).map(differs).collect();
        for step in 0..count {
            let line = &found.lines[step];
            let is_stale = changed[step] || (0..count).any(|by| changed[by] && after[by][step]);
            let conflict = found.conflicts.iter().any(|conflict| {
                conflict.kind == ConflictKind::Irreversible && conflict.step.as_ref() == Some(&line.step)
            });
            prop_assert!(!line.why.is_empty());
            match drawn[step].status {
                "done" | "running" if is_stale => {
                    let cannot = model_final(step, &drawn, &did);
                    prop_assert_eq!(conflict, cannot, "{:?}", line);
                    let expected = if cannot {
                        Verdict::Keep
                    } else if line.undo.is_empty() {
                        Verdict::Rerun
                    } else {
                        Verdict::UndoThenRerun
                    };
                    prop_assert_eq!(line.verdict, expected);
                }
                "done" => prop_assert_eq!(line.verdict, Verdict::Keep, "{:?}", line),
                "skipped" => prop_assert_eq!(line.verdict, Verdict::Skip),
                _ => prop_assert_eq!(line.verdict, Verdict::Run),
            }
            prop_assert!(is_stale || !conflict);
        }
        // What is undone is what stands and changed something, in those steps.
        let mut expected: Vec<String> = did.iter().enumerate().filter(|(_, did)| {
            found.lines[did.step % count].verdict == Verdict::UndoThenRerun
                && stands(did) && did.effect != "read"
        }).map(|(place, _)| format!("a{place}")).collect();
        let mut undo = found.undo.clone();
        undo.sort();
        expected.sort();
        prop_assert_eq!(undo, expected);
    }

    #[test]
    fn an_approval_touches_nothing_that_is_done(drawn in steps(), did in actions()) {
        let (plan, actions) = (plan(&drawn), written(&did, drawn.len()));
        let decision = Decision { kind: DecisionKind::Approve, ..inform(&BTreeMap::new()) };
        let found = weigh(&plan, &actions, &decision);
        prop_assert!(found.conflicts.is_empty() && found.undo.is_empty() && found.facts.is_empty());
        for (line, step) in found.lines.iter().zip(&drawn) {
            let expected = match step.status {
                "done" => Verdict::Keep,
                "skipped" => Verdict::Skip,
                _ => Verdict::Run,
            };
            prop_assert_eq!(line.verdict, expected);
        }
    }

    #[test]
    fn any_plan_is_weighed_without_a_crash(
        needs in prop::collection::vec(prop::collection::vec(0_usize..8, 0..3), 1..6),
        did in actions(),
        told in prop::collection::btree_map(0_u8..4, 0_i64..3, 0..3),
    ) {
        // Circles, names used twice, names that lead nowhere.
        let steps: Vec<Value> = needs.iter().enumerate().map(|(place, needs)| {
            let id = format!("s{}", place % 4);
            let depends_on: Vec<String> = needs.iter().map(|need| format!("s{need}")).collect();
            json!({ "id": id, "title": "t", "status": STATUSES[place % 5],
                "depends_on": depends_on, "uses": ["facts.f1", "steps.s9.output", "nothing"] })
        }).collect();
        let plan: Plan = serde_json::from_value(json!({ "steps": steps })).expect("a plan");
        let found = weigh(&plan, &written(&did, 7), &inform(&told));
        prop_assert!(!found.faults.is_empty(), "`nothing` is no name");
        prop_assert_eq!(found.lines.len(), plan.steps.len());
    }

    #[test]
    fn only_what_depends_on_an_open_question_waits(
        drawn in steps(),
        asked in prop::collection::vec(prop::option::weighted(0.95, any::<prop::sample::Index>()), 0..4),
        order in any::<u64>(),
    ) {
        let plan = plan(&drawn);
        let count = drawn.len();
        let after = model_after(&drawn, &[]);
        let mut open: Vec<(String, Option<usize>)> = asked.iter().enumerate()
            .map(|(number, at)| (format!("h{number}"), at.map(|at| at.index(count)))).collect();
        let mut before: Vec<String> = Vec::new();
        loop {
            let ids: Vec<Option<String>> =
                open.iter().map(|(_, at)| at.map(|at| format!("s{at}"))).collect();
            let pending: Vec<Pending<'_>> = open.iter().zip(&ids)
                .map(|((id, _), step)| Pending { id, step: step.as_deref() }).collect();
            let free = runnable(&plan, &pending);
            for step in 0..count {
                let waits = open.iter().any(|(_, at)| at.is_none_or(|at| at == step || after[at][step]));
                let ready = plan.steps[step].status == StepStatus::Pending
                    && drawn[step].needs.iter().all(|(need, _)| {
                        matches!(drawn[*need].status, "done" | "skipped")
                    });
                let id = format!("s{step}");
                prop_assert_eq!(free.contains(&id), ready && !waits, "{}", id);
                for (question, (_, at)) in pending.iter().zip(&open) {
                    let held = waits_for(Some(&plan), Some(&id), &[*question], false);
                    let expected = at.is_none_or(|at| at == step || after[at][step]);
                    prop_assert_eq!(!held.is_empty(), expected);
                }
            }
            prop_assert!(before.iter().all(|step| free.contains(step)), "an answer held something");
            before = free;
            if open.is_empty() {
                break;
            }
            let next = usize::try_from(order % 97).expect("small") % open.len();
            open.remove(next);
        }
    }
}
