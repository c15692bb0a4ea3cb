use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::effect::{Class, Reading, Word, judge};
use crate::payload::Plan;
use crate::trigger::Exhibit;

const EFFECTS: [Effect; 3] = [Effect::Read, Effect::Reversible, Effect::Irreversible];
const LEVELS: [Level; 3] = [Level::Suggest, Level::Draft, Level::Execute];
const CLASSES: [Class; 4] = [Class::Read, Class::Write, Class::Unknown, Class::Irreversible];

fn judged(effect: Effect, unknown: bool) -> Judged {
    Judged { effect, unknown, why: "because".to_owned() }
}

fn ground(level: Level, judged: &Judged) -> Ground<'_> {
    Ground {
        level,
        judged,
        stop: None,
        waits_for: &[],
        permit: false,
        evidence: &[],
        allowed: false,
    }
}

fn evidence(trigger: TriggerKind, action: Option<&str>) -> Evidence {
    let exhibit = Exhibit {
        action: action.map(str::to_owned),
        label: "Argument".to_owned(),
        text: "text".to_owned(),
    };
    Evidence { trigger, headline: "Look".to_owned(), exhibits: vec![exhibit] }
}

/// The table of DESIGN §6, word for word.
#[test]
fn levels_and_effects_follow_the_table() {
    use Held::{Irreversible, Level as ByLevel};
    use Verdict::{Held as H, Run as R};
    let table = [
        (Effect::Read, [R(Ran::Read), R(Ran::Read), R(Ran::Read)]),
        (Effect::Reversible, [H(ByLevel), R(Ran::Drafted), R(Ran::Executed)]),
        (Effect::Irreversible, [H(Irreversible), H(Irreversible), H(Irreversible)]),
    ];
    for (effect, row) in table {
        for (level, expected) in LEVELS.into_iter().zip(row) {
            let judged = judged(effect, false);
            assert_eq!(decide(&ground(level, &judged)), expected, "{effect:?} at {level:?}");
        }
    }
    for level in LEVELS {
        let unknown = judged(Effect::Irreversible, true);
        assert_eq!(decide(&ground(level, &unknown)), H(Irreversible));
    }
}

#[test]
fn a_standing_rule_answers_for_the_level_and_for_what_was_seen_with_it() {
    let reversible = judged(Effect::Reversible, false);
    let allowed = Ground { allowed: true, ..ground(Level::Suggest, &reversible) };
    assert_eq!(decide(&allowed), Verdict::Run(Ran::Allowed));
    let table = [
        (TriggerKind::Compliance, None, true),
        (TriggerKind::Scope, None, true),
        (TriggerKind::Compliance, Some("a1"), false),
        (TriggerKind::Limit, None, false),
        (TriggerKind::Overruled, None, false),
        (TriggerKind::ContextChurn, None, false),
        (TriggerKind::MissingArgument, None, false),
    ];
    for (trigger, action, runs) in table {
        let found = [evidence(trigger, action)];
        let verdict = decide(&Ground { evidence: &found, ..allowed });
        assert_eq!(matches!(verdict, Verdict::Run(_)), runs, "{trigger:?} {action:?}");
    }
}

#[test]
fn a_trigger_holds_a_read_too() {
    let read = judged(Effect::Read, false);
    let found = [evidence(TriggerKind::ContextChurn, Some("a1"))];
    let verdict = decide(&Ground { evidence: &found, ..ground(Level::Execute, &read) });
    assert_eq!(verdict, Verdict::Held(Held::Trigger));
}

#[test]
fn what_is_paused_still_reads_and_what_is_taken_over_does_nothing() {
    let read = judged(Effect::Read, false);
    let write = judged(Effect::Reversible, false);
    for stop in [Stop::Everything, Stop::Agent, Stop::Task, Stop::TakenOver] {
        let stop_on = |judged| Ground {
            stop: Some(stop),
            permit: true,
            allowed: true,
            ..ground(Level::Execute, judged)
        };
        let held = Verdict::Held(Held::Stopped(stop));
        assert_eq!(decide(&stop_on(&write)), held, "no permit gets past {stop:?}");
        if stop == Stop::TakenOver {
            assert_eq!(decide(&stop_on(&read)), held);
        } else {
            assert!(matches!(decide(&stop_on(&read)), Verdict::Run(_)));
        }
    }
}

#[test]
fn a_permit_lets_exactly_this_call_past_every_question() {
    let unknown = judged(Effect::Irreversible, true);
    let found = [evidence(TriggerKind::Limit, None)];
    let waits = ["h-1".to_owned()];
    let with = Ground {
        permit: true,
        evidence: &found,
        waits_for: &waits,
        ..ground(Level::Suggest, &unknown)
    };
    assert_eq!(decide(&with), Verdict::Run(Ran::Permit));
    assert_eq!(decide(&Ground { permit: false, ..with }), Verdict::Held(Held::Waits));
}

#[test]
fn the_reason_of_a_card_is_its_gravest_trigger() {
    let both =
        [evidence(TriggerKind::RepeatedError, None), evidence(TriggerKind::Contradiction, None)];
    assert_eq!(reason(Held::Trigger, &both), ReasonCode::ConflictingEvidence);
    assert_eq!(reason(Held::Irreversible, &both), ReasonCode::ApprovalRequired);
    assert_eq!(reason(Held::Level, &[]), ReasonCode::ApprovalRequired);
}

fn plan(steps: &serde_json::Value) -> Plan {
    serde_json::from_value(json!({ "steps": steps })).unwrap_or_else(|error| panic!("{error}"))
}

fn diamond() -> Plan {
    plan(&json!([
        {"id": "find", "title": "Find", "status": "done"},
        {"id": "delete", "title": "Delete", "status": "pending", "depends_on": ["find"]},
        {"id": "sort", "title": "Sort", "status": "pending", "depends_on": ["find"]},
        {"id": "tell", "title": "Tell", "status": "pending", "uses": ["steps.delete.output.count"]},
        {"id": "last", "title": "Last", "status": "pending", "depends_on": ["tell", "sort"]},
    ]))
}

#[test]
fn only_what_depends_on_a_pending_decision_waits() {
    let pending = [Pending { id: "h-1", step: Some("delete") }];
    let waits = |step| waits_for(Some(&diamond()), Some(step), &pending, false);
    assert_eq!(waits("sort"), Vec::<String>::new());
    assert_eq!(waits("tell"), ["h-1"], "by what it uses");
    assert_eq!(waits("last"), ["h-1"], "not directly");
    assert_eq!(waits("delete"), ["h-1"]);
    assert_eq!(runnable(&diamond(), &pending), ["sort"]);
    assert_eq!(runnable(&diamond(), &[]), ["delete", "sort"]);
}

#[test]
fn without_a_known_step_changes_wait_and_reads_do_not() {
    let pending = [Pending { id: "h-1", step: Some("delete") }];
    for step in [None, Some("elsewhere")] {
        assert_eq!(waits_for(Some(&diamond()), step, &pending, false), ["h-1"]);
        assert_eq!(waits_for(Some(&diamond()), step, &pending, true), Vec::<String>::new());
    }
    let nameless = [Pending { id: "h-2", step: None }];
    assert_eq!(waits_for(Some(&diamond()), Some("sort"), &nameless, false), ["h-2"]);
    assert_eq!(waits_for(None, None, &[], false), Vec::<String>::new());
}

fn reaches(needs: &[Vec<usize>], from: usize, to: usize) -> bool {
    from == to || needs[from].iter().any(|next| reaches(needs, *next, to))
}

fn any_level() -> impl Strategy<Value = Level> {
    prop::sample::select(LEVELS.to_vec())
}

fn any_effect() -> impl Strategy<Value = Effect> {
    prop::sample::select(EFFECTS.to_vec())
}

fn any_kind() -> impl Strategy<Value = TriggerKind> {
    use TriggerKind::{
        ChainLength, Compliance, ContextChurn, Contradiction, FactMismatch, Limit, MissingArgument,
        Overruled, RepeatedError, Rephrased, Scope,
    };
    prop::sample::select(vec![
        MissingArgument,
        Contradiction,
        FactMismatch,
        Compliance,
        Limit,
        Overruled,
        Rephrased,
        Scope,
        ChainLength,
        ContextChurn,
        RepeatedError,
    ])
}

proptest! {
    /// Invariant 7: whatever the level, the standing rules and the agent's
    /// claims, what is irreversible or unknown asks.
    #[test]
    fn nothing_but_a_decision_lets_the_irreversible_run(
        level in any_level(),
        class in prop::sample::select(CLASSES.to_vec()),
        claimed in prop::option::of(any_effect()),
        accepted in prop::option::of(any_effect()),
        undoable: bool,
        allowed: bool,
        kinds in prop::collection::vec(any_kind(), 0..3),
        stopped: bool,
    ) {
        let reading = Reading { class, why: "because".to_owned(), touches: None };
        let word = Word { reviewer: None, claimed, accepted, undoable };
        let judged = judge(&reading, word);
        let evidence: Vec<Evidence> = kinds.into_iter().map(|kind| evidence(kind, None)).collect();
        let ground = Ground {
            evidence: &evidence,
            allowed,
            stop: stopped.then_some(Stop::Agent),
            ..ground(level, &judged)
        };
        let runs = matches!(decide(&ground), Verdict::Run(_));
        if class == Class::Irreversible {
            prop_assert!(!runs);
        }
        if class == Class::Unknown && accepted.is_none() {
            prop_assert!(!runs, "a claim lowers nothing before it is accepted");
        }
        if class == Class::Write && !undoable {
            prop_assert!(!runs, "a write without a way back");
        }
        if claimed == Some(Effect::Irreversible) {
            prop_assert!(!runs, "a claim raises at once");
        }
        if class == Class::Write && level == Level::Suggest && !allowed {
            prop_assert!(!runs);
        }
    }

    /// A higher level never holds what a lower one lets run.
    #[test]
    fn more_autonomy_never_asks_more(effect in any_effect(), unknown: bool, allowed: bool) {
        let judged = judged(effect, unknown);
        let runs = |level| {
            matches!(decide(&Ground { allowed, ..ground(level, &judged) }), Verdict::Run(_))
        };
        prop_assert!(runs(Level::Draft) >= runs(Level::Suggest));
        prop_assert!(runs(Level::Execute) >= runs(Level::Draft));
        prop_assert!(!unknown || !runs(Level::Execute), "whatever it seems to do");
    }

    /// Waiting is what a naive walk over the plan says it is.
    #[test]
    fn waiting_follows_the_plan(
        edges in prop::collection::vec((0_usize..8, 0_usize..8), 0..16),
        asked in 0_usize..8,
        pending in prop::collection::btree_set(0_usize..8, 0..4),
    ) {
        let needs: Vec<Vec<usize>> = (0..8)
            .map(|step| {
                let of = edges.iter().filter(|(from, to)| *from == step && to < from);
                of.map(|(_, to)| *to).collect()
            })
            .collect();
        let steps: Vec<_> = (0..8)
            .map(|step| {
                let depends: Vec<String> = needs[step].iter().map(|to| format!("s{to}")).collect();
                json!({"id": format!("s{step}"), "title": "t", "status": "pending", "depends_on": depends})
            })
            .collect();
        let plan = plan(&json!(steps));
        let names: Vec<String> = (0..8).map(|step| format!("s{step}")).collect();
        let open: Vec<Pending<'_>> =
            pending.iter().map(|at| Pending { id: &names[*at], step: Some(&names[*at]) }).collect();
        let expected: Vec<String> = pending
            .iter()
            .filter(|at| reaches(&needs, asked, **at))
            .map(|at| names[*at].clone())
            .collect();
        prop_assert_eq!(waits_for(Some(&plan), Some(&names[asked]), &open, false), expected);
    }
}
