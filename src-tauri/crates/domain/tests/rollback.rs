//! What goes, what goes along, what stays, in which order; and how a rollback
//! goes on whatever happens to it.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use chrono::{DateTime, TimeDelta, Utc};
use handoff_domain::action::Action;
use handoff_domain::payload::Plan;
use handoff_domain::record::Recorded;
use handoff_domain::rollback::execution::{
    Event, Execution, ItemState, Refusal, UndoKind, transition,
};
use handoff_domain::rollback::{Ledger, RollbackPlan, Selection, Standing, plan, standing};
use proptest::prelude::*;
use serde_json::{Value, json};

fn noon() -> DateTime<Utc> {
    "2026-11-20T12:00:00Z".parse().expect("a moment")
}

fn actions(list: Value) -> Vec<Action> {
    let each = list.as_array().expect("a list").iter().map(|given| {
        let mut whole = json!({ "tool": "t", "effect": "reversible", "status": "done",
            "undo": { "kind": "files" } });
        for (name, value) in given.as_object().expect("an object") {
            whole[name] = value.clone();
        }
        if whole["undo"].is_null() {
            whole.as_object_mut().expect("an object").remove("undo");
        }
        serde_json::from_value(whole).expect("an action")
    });
    each.collect()
}

fn ledger<'r>(actions: &'r [Action], plan: Option<&'r Plan>) -> Ledger<'r> {
    Ledger { actions: actions.iter().map(Recorded::said).collect(), plan, now: noon() }
}

fn these(ids: &[&str]) -> Selection {
    Selection::Actions { ids: ids.iter().map(|id| (*id).to_owned()).collect() }
}

fn order(plan: &RollbackPlan) -> Vec<&str> {
    plan.steps.iter().map(|undoing| undoing.action.as_str()).collect()
}

#[test]
fn what_used_a_result_or_changed_the_file_later_goes_along_and_goes_first() {
    let actions = actions(json!([
        { "id": "a", "files": ["/x"] },
        { "id": "b", "depends_on": ["a"] },
        { "id": "c", "files": ["/x"] },
        { "id": "d" },
        { "id": "e", "depends_on": ["b"], "effect": "read", "undo": null },
        { "id": "f", "depends_on": ["e"] },
    ]));
    let planned = plan(&ledger(&actions, None), &these(&["a"]));
    assert_eq!(order(&planned), ["f", "c", "b", "a"]);
    let why: Vec<Option<(&str, &str)>> = planned
        .steps
        .iter()
        .map(|undoing| {
            let along = undoing.along.as_ref()?;
            Some((along.with.as_str(), along.why.as_str()))
        })
        .collect();
    assert_eq!(why[0].map(|why| why.0), Some("e"), "through what it read");
    assert_eq!(why[1], Some(("a", "It changed /x later.")));
    assert_eq!(why[2], Some(("a", "It used the result of t.")));
    assert_eq!(why[3], None, "it was selected");
    assert!(planned.stays.is_empty() && planned.faults.is_empty());
}

#[test]
fn steps_that_need_each_other_tie_their_actions() {
    let steps: Plan = serde_json::from_value(json!({ "steps": [
        { "id": "one", "title": "One", "status": "done" },
        { "id": "between", "title": "Between", "status": "done", "depends_on": ["one"] },
        { "id": "two", "title": "Two", "status": "done", "uses": ["steps.between.output"] },
        { "id": "other", "title": "Other", "status": "done" },
    ] }))
    .expect("a plan");
    let actions = actions(json!([
        { "id": "two-early", "step": "two" },
        { "id": "one", "step": "one" },
        { "id": "other", "step": "other" },
        { "id": "two-late", "step": "two" },
    ]));
    let planned = plan(&ledger(&actions, Some(&steps)), &these(&["one"]));
    assert_eq!(order(&planned), ["two-late", "two-early", "one"]);
    let why = planned.steps[0].along.as_ref().expect("it goes along");
    assert_eq!(why.why, "Its step “Two” builds on “One”.");
}

#[test]
fn what_cannot_be_undone_is_told_with_what_it_leaves_behind() {
    let actions = actions(json!([
        { "id": "a" },
        { "id": "mail", "tool": "mail.send", "effect": "irreversible", "undo": null,
            "depends_on": ["a"] },
        { "id": "late", "undo": { "kind": "files", "until": "2026-11-20T11:59:59Z" },
            "depends_on": ["mail"] },
        { "id": "pay", "tool": "bank.pay", "effect": "irreversible", "depends_on": ["late"],
            "undo": { "kind": "tool", "tool": "bank.refund", "args": { "id": 1 } } },
    ]));
    let ledger = ledger(&actions, None);
    let planned = plan(&ledger, &these(&["a", "mail"]));
    assert_eq!(order(&planned), ["pay", "a"]);
    assert!(planned.steps[0].compensates && !planned.steps[1].compensates);
    assert_eq!(planned.steps[0].how, "The agent calls bank.refund with {\"id\":1}.");
    let stays: Vec<(&str, &str, bool)> = planned
        .stays
        .iter()
        .map(|stays| (stays.action.as_str(), stays.why.as_str(), stays.selected))
        .collect();
    assert_eq!(
        stays,
        [
            ("late", "It could be undone until 2026-11-20 11:59:59 UTC only.", false),
            ("mail", "It came with no way to undo it.", true),
        ]
    );
    assert_eq!(
        planned.stays[1].leaves,
        "What mail.send did stays, though it builds on t, which is undone."
    );
    let alone = plan(&ledger, &these(&["mail"]));
    assert_eq!(order(&alone), [""; 0], "what stays drags nothing along");
    assert_eq!(alone.stays.len(), 1);
}

#[test]
fn everything_since_an_action_or_a_moment() {
    let actions = actions(json!([
        { "id": "a", "ended_at": "2026-11-20T09:00:00Z" },
        { "id": "b", "ended_at": "2026-11-20T10:00:00Z" },
        { "id": "undone", "status": "undone" },
        { "id": "read", "effect": "read", "undo": null },
        { "id": "c", "ended_at": "2026-11-20T11:00:00Z" },
    ]));
    let ledger = ledger(&actions, None);
    let since = |selection: Selection| {
        let planned = plan(&ledger, &selection);
        assert!(planned.faults.is_empty() && planned.stays.is_empty());
        order(&planned).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(since(Selection::SinceAction { id: "b".to_owned() }), ["c", "b"]);
    assert_eq!(since(Selection::SinceAction { id: "read".to_owned() }), ["c"]);
    let at = noon() - TimeDelta::hours(2);
    assert_eq!(since(Selection::SinceTime { at }), ["c", "b"]);
    assert_eq!(since(Selection::SinceTime { at: at + TimeDelta::seconds(1) }), ["c"]);
    assert_eq!(since(Selection::SinceTime { at: noon() }), [""; 0]);
}

#[test]
fn bad_selections_are_faults_and_undo_nothing() {
    let actions = actions(json!([
        { "id": "alpha" },
        { "id": "read", "effect": "read", "undo": null },
        { "id": "undone", "status": "undone" },
    ]));
    let ledger = ledger(&actions, None);
    let planned = plan(&ledger, &these(&["alhpa", "read", "undone"]));
    assert!(planned.steps.is_empty() && planned.stays.is_empty());
    let told: Vec<String> =
        planned.faults.iter().map(|fault| format!("{} {}", fault.pointer, fault.message)).collect();
    assert_eq!(
        told,
        [
            "/ids/0 There is no action `alhpa`.",
            "/ids/1 `read` cannot be undone. It changed nothing.",
            "/ids/2 `undone` cannot be undone. It is undone already.",
        ]
    );
    assert!(planned.faults[0].hint.contains("Did you mean `alpha`?"));
    let since = plan(&ledger, &Selection::SinceAction { id: "beta".to_owned() });
    assert_eq!((since.steps.len(), since.faults.len()), (0, 1));
}

#[test]
fn circles_and_names_used_twice_end_in_an_order_all_the_same() {
    let actions = actions(json!([
        { "id": "a", "depends_on": ["b", "nobody"] },
        { "id": "b", "depends_on": ["a"] },
        { "id": "b" },
        { "id": "c", "depends_on": ["c"] },
    ]));
    let planned = plan(&ledger(&actions, None), &Selection::SinceAction { id: "a".to_owned() });
    assert_eq!(planned.steps.len(), 4);
    assert_eq!(planned.faults.len(), 1, "{:?}", planned.faults);
}

#[test]
fn every_action_says_where_it_stands() {
    let until = "2026-11-20T13:00:00Z";
    let tool = json!({ "kind": "tool", "tool": "crm.untag", "args": {}, "until": until });
    let all = actions(json!([
        { "id": "a", "undo": tool },
        { "id": "b", "undo": tool, "effect": "irreversible" },
        { "id": "c", "undo": null },
        { "id": "d", "status": "undone" },
        { "id": "e", "effect": "read" },
        { "id": "f", "undo": { "kind": "files" }, "files": ["/a", "/b"] },
        { "id": "g", "status": "failed", "undo": null },
        { "id": "h", "status": "running" },
    ]));
    let states: Vec<String> = all
        .iter()
        .map(|action| {
            let state = serde_json::to_value(standing(&Recorded::said(action), noon()));
            state.expect("json")["state"].as_str().expect("a word").to_owned()
        })
        .collect();
    assert_eq!(
        states,
        [
            "reversible",
            "compensating",
            "irreversible",
            "undone",
            "nothing",
            "reversible",
            "nothing",
            "nothing"
        ]
    );
    let at = |seconds| noon() + TimeDelta::hours(1) + TimeDelta::seconds(seconds);
    assert!(matches!(standing(&Recorded::said(&all[0]), at(0)), Standing::Reversible { .. }));
    assert!(matches!(standing(&Recorded::said(&all[0]), at(1)), Standing::Irreversible { .. }));
    let no_copies = Recorded { copies: false, ..Recorded::said(&all[5]) };
    assert!(matches!(standing(&no_copies, noon()), Standing::Irreversible { .. }));
    let failed = Recorded { undo_failed: Some("No right."), ..Recorded::said(&all[0]) };
    let again = |now| matches!(standing(&failed, now), Standing::UndoFailed { again: true, .. });
    assert!(again(noon()) && !again(at(1)));
}

/// An action as drawn: its step, what it used, its file, its kind.
type Drawn = (usize, Vec<prop::sample::Index>, Option<u8>, u8);

/// Whether an action of this kind can be undone, and whether it stands as a change.
fn kind(kind: u8) -> (Value, bool, bool) {
    match kind {
        0 => (json!({ "effect": "read", "undo": null }), false, false),
        1 => (json!({ "effect": "irreversible", "undo": null }), false, true),
        2 => (json!({ "status": "undone" }), false, false),
        _ => (json!({}), true, true),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn dependants_go_first_the_newest_among_equals_and_nothing_else_goes(
        drawn in prop::collection::vec(
            (0_usize..5, prop::collection::vec(any::<prop::sample::Index>(), 0..2),
                prop::option::weighted(0.3, 0_u8..3), 0_u8..8),
            1..14,
        ),
        needs in prop::collection::vec(any::<bool>(), 10),
        selected in prop::collection::vec(any::<prop::sample::Index>(), 1..3),
    ) {
        // Steps begin in the order of the plan, so that no circle can arise.
        let mut drawn: Vec<Drawn> = drawn;
        drawn.sort_by_key(|(step, ..)| *step);
        let mut pairs = (0_usize..5).flat_map(|later| (0..later).map(move |before| (later, before)));
        let edges: Vec<(usize, usize)> =
            needs.iter().zip(&mut pairs).filter(|(wanted, _)| **wanted).map(|(_, pair)| pair).collect();
        let steps: Vec<Value> = (0..5).map(|step| {
            let depends_on: Vec<String> = edges.iter().filter(|(later, _)| *later == step)
                .map(|(_, before)| format!("s{before}")).collect();
            json!({ "id": format!("s{step}"), "title": "t", "status": "done", "depends_on": depends_on })
        }).collect();
        let steps: Plan = serde_json::from_value(json!({ "steps": steps })).expect("a plan");
        let count = drawn.len();
        let list: Vec<Value> = drawn.iter().enumerate().map(|(at, (step, used, file, of))| {
            let mut action = kind(*of).0;
            action["id"] = json!(format!("a{at}"));
            action["step"] = json!(format!("s{step}"));
            let used = used.iter().filter(|_| at > 0).map(|used| format!("a{}", used.index(at)));
            action["depends_on"] = json!(used.collect::<Vec<_>>());
            action["files"] = json!(file.iter().map(|file| format!("/{file}")).collect::<Vec<_>>());
            action
        }).collect();
        let all = actions(json!(list));

        // The model: who depends on whom, by asking again and again.
        let mut step_needs = [[false; 5]; 5];
        for (later, before) in &edges {
            step_needs[*later][*before] = true;
        }
        for by in 0..5 { for a in 0..5 { for b in 0..5 {
            step_needs[a][b] |= step_needs[a][by] && step_needs[by][b];
        } } }
        let mut on = vec![vec![false; count]; count];
        for later in 0..count {
            for before in 0..count {
                let used = all[later].depends_on.contains(&all[before].id);
                let by_step = step_needs[drawn[later].0][drawn[before].0];
                let by_file = before < later && drawn[later].2.is_some()
                    && drawn[later].2 == drawn[before].2
                    && kind(drawn[later].3).2 && kind(drawn[before].3).2;
                on[later][before] = used || by_step || by_file;
            }
        }
        for by in 0..count { for a in 0..count { for b in 0..count {
            on[a][b] |= on[a][by] && on[by][b];
        } } }
        let chosen: Vec<usize> = selected.iter().map(|index| index.index(count)).collect();
        let can = |at: usize| kind(drawn[at].3).1;
        let goes = |at: usize| {
            can(at) && chosen.iter().any(|first| *first == at || (can(*first) && on[at][*first]))
        };
        let mut left: Vec<usize> = (0..count).filter(|at| goes(*at)).collect();
        let mut expected = Vec::new();
        while !left.is_empty() {
            let free = |at: &usize| left.iter().all(|other| other == at || !on[*other][*at]);
            let next = left.iter().copied().filter(free).max().expect("no circle");
            left.retain(|at| *at != next);
            expected.push(format!("a{next}"));
        }
        let ids: Vec<String> = chosen.iter().map(|at| format!("a{at}")).collect();
        let planned = plan(&ledger(&all, Some(&steps)), &Selection::Actions { ids });
        prop_assert_eq!(order(&planned), expected);

        // What is concerned and cannot be undone is told.
        for at in 0..count {
            let concerned = chosen.contains(&at)
                || chosen.iter().any(|first| can(*first) && on[at][*first]);
            let stays = planned.stays.iter().any(|stays| stays.action == all[at].id);
            prop_assert_eq!(stays, concerned && !can(at) && kind(drawn[at].3).2, "{}", at);
        }
    }

    #[test]
    fn no_undo_runs_twice_by_itself_or_out_of_turn(
        kinds in prop::collection::vec(0_usize..3, 1..5),
        events in prop::collection::vec((0_usize..10, any::<prop::sample::Index>(), 0_i64..90), 0..60),
    ) {
        let undos = [
            json!({ "kind": "tool", "tool": "back", "args": {}, "until": "2026-11-20T13:00:00Z" }),
            json!({ "kind": "command", "argv": ["true"], "cwd": "/", "timeout_s": 1 }),
            json!({ "kind": "files" }),
        ];
        let list: Vec<Value> = kinds.iter().enumerate()
            .map(|(at, of)| json!({ "id": format!("a{at}"), "undo": undos[*of] })).collect();
        let all = actions(json!(list));
        let planned = plan(&ledger(&all, None), &Selection::SinceAction { id: "a0".to_owned() });
        let mut execution = Execution::new(&planned);
        prop_assert_eq!(execution.items.len(), kinds.len());
        // How often each may begin: once, and once more for each consent.
        let mut consents = vec![1_u32; kinds.len()];
        for (what, at, minutes) in events {
            let place = at.index(execution.items.len());
            let action = execution.items[place].action.clone();
            let action = action.as_str();
            let event = match what {
                0 | 1 => Event::Begin { action },
                2 => Event::Taken { action },
                3 => Event::Succeeded { action },
                4 => Event::Failed { action, why: "No." },
                5 => Event::Retry { action },
                6 => Event::Skip { action },
                7 => Event::HandOver { action },
                8 => Event::AgentGone { action },
                _ => Event::Restarted,
            };
            let now = noon() + TimeDelta::minutes(minutes);
            let before = execution.clone();
            let next = transition(&execution, &event, now);
            if let Ok(next) = &next {
                for (place, (was, is)) in before.items.iter().zip(&next.items).enumerate() {
                    let under_way =
                        |state: &ItemState| matches!(state, ItemState::Asked { .. } | ItemState::Running { .. });
                    if !under_way(&was.state) && under_way(&is.state) {
                        prop_assert!(before.items[..place].iter().all(|item| item.state.is_over()));
                        prop_assert!(is.until.is_none_or(|until| until >= now), "its window is over");
                    }
                    if matches!(event, Event::Retry { action } if action == is.action) {
                        consents[place] += 1;
                    }
                    let cut_short = event == Event::Restarted && is.by == UndoKind::Files;
                    if cut_short && matches!(was.state, ItemState::Running { .. }) {
                        consents[place] += 1;
                    }
                    prop_assert!(is.attempts <= consents[place], "{:?}", is);
                    if matches!(was.state, ItemState::Undone { .. }) {
                        prop_assert_eq!(was, is, "what is undone stays undone");
                    }
                }
                let busy = next.items.iter().filter(|item| {
                    matches!(item.state, ItemState::Asked { .. } | ItemState::Running { .. })
                });
                prop_assert!(busy.count() <= 1);
                prop_assert_eq!(next.is_over() || next.stuck().is_some() || next.next().is_some()
                    || next.items.iter().any(|item| matches!(item.state, ItemState::Asked { .. }
                        | ItemState::Running { .. } | ItemState::HandedOver { .. })), true);
                // The same news again is no news.
                if matches!(event, Event::Succeeded { .. } | Event::Failed { .. } | Event::Restarted) {
                    let again = transition(next, &event, now);
                    prop_assert_eq!(again.as_ref(), Ok(next));
                }
                execution = next.clone();
            }
        }
    }
}

#[test]
fn a_failure_stops_the_chain_and_a_window_that_closed_is_refused() {
    let all = actions(json!([
        { "id": "a", "undo": { "kind": "command", "argv": ["true"], "cwd": "/", "timeout_s": 1 } },
        { "id": "b", "undo": { "kind": "tool", "tool": "back", "args": {}, "until": "2026-11-20T13:00:00Z" } },
    ]));
    let planned = plan(&ledger(&all, None), &these(&["a", "b"]));
    let start = Execution::new(&planned);
    let go = |from: &Execution, event: Event<'_>, minutes: i64| {
        transition(from, &event, noon() + TimeDelta::minutes(minutes))
    };
    assert_eq!(start.next().map(|item| item.action.as_str()), Some("b"));
    assert_eq!(
        go(&start, Event::Begin { action: "a" }, 0),
        Err(Refusal::NotItsTurn("a".to_owned()))
    );
    assert_eq!(go(&start, Event::Begin { action: "c" }, 0), Err(Refusal::Unknown("c".to_owned())));
    let asked = go(&start, Event::Begin { action: "b" }, 0).expect("its turn");
    assert!(asked.next().is_none() && asked.stuck().is_none());
    let failed = go(&asked, Event::Failed { action: "b", why: "No right." }, 1).expect("news");
    assert!(failed.next().is_none());
    assert_eq!(failed.stuck().map(|item| item.action.as_str()), Some("b"));
    assert!(go(&failed, Event::Retry { action: "b" }, 1).is_ok());
    assert!(matches!(go(&failed, Event::Retry { action: "b" }, 61), Err(Refusal::Expired { .. })));
    let skipped = go(&failed, Event::Skip { action: "b" }, 2).expect("left out");
    assert_eq!(skipped.next().map(|item| item.action.as_str()), Some("a"));
    let running = go(&skipped, Event::Begin { action: "a" }, 3).expect("its turn");
    let crashed = go(&running, Event::Restarted, 4).expect("a start");
    assert!(matches!(crashed.items[1].state, ItemState::MayHaveRun { .. }));
    assert!(crashed.next().is_none(), "a program is not run again by itself");
    let looked = go(&crashed, Event::Confirm { action: "a" }, 5).expect("it had run");
    assert!(looked.is_over());
    let expired = go(&start, Event::Begin { action: "b" }, 61).expect("too late");
    assert!(matches!(&expired.items[0].state, ItemState::Failed { why } if why.contains("13:00")));
}

#[test]
fn late_news_of_an_attempt_counts_and_nothing_runs_again() {
    let all = actions(json!([
        { "id": "a", "undo": { "kind": "tool", "tool": "back", "args": {} } },
    ]));
    let mut execution = Execution::new(&plan(&ledger(&all, None), &these(&["a"])));
    let events = [
        Event::Begin { action: "a" },
        Event::Taken { action: "a" },
        Event::AgentGone { action: "a" },
        Event::Retry { action: "a" },
        Event::Succeeded { action: "a" },
    ];
    for event in events {
        execution = transition(&execution, &event, noon()).expect("an edge");
    }
    assert!(execution.is_over());
    assert_eq!(execution.items[0].attempts, 1);
}

#[test]
fn one_file_under_two_spellings_is_one_file() {
    let actions = actions(json!([
        { "id": "a", "files": ["notes/a.txt"] },
        { "id": "b", "files": ["./notes//a.txt"] },
        { "id": "c", "files": ["notes/./a.txt/"] },
        { "id": "d", "files": ["/notes/a.txt"] },
    ]));
    let planned = plan(&ledger(&actions, None), &these(&["a"]));
    assert_eq!(order(&planned), ["c", "b", "a"], "and one from the root is another");
    let along = planned.steps[0].along.as_ref().expect("it goes along");
    assert_eq!(along.why, "It changed notes/./a.txt/ later.", "as it was named");
}
