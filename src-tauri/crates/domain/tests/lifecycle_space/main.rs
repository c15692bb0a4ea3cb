//! Every state that one handoff can come to on a small model of time, and
//! every edge out of it, judged by an account of its own (DESIGN §5).
//!
//! A tick is five minutes, and a deadline a few ticks away. Whatever an agent,
//! the reviewer, System, a sleep, a restart or a set clock can do is tried in
//! every state that can be reached, in every order. The account counts elapsed
//! ticks and knows nothing of the lifecycle's own times. It holds invariants
//! 2 (a warning comes before whatever time does), 4 (the first decision wins),
//! 6 (time never approves) and 10 (one holder of a lease), and that nothing
//! waits for ever.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]
#![expect(clippy::wildcard_enum_match_arm, reason = "the account says what is, not what is not")]
#![expect(clippy::struct_excessive_bools, reason = "the plainest form of an account")]
#![expect(clippy::print_stderr, reason = "how much was explored is for who runs it")]

mod account;
mod moves;
mod world;

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

use handoff_domain::payload::TimeoutKind;

use crate::moves::Move;
use crate::world::{Key, Shape, World};

/// What a walk over the whole space has seen.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    states: usize,
    edges: usize,
    refused: usize,
}

/// Goes to every state of a shape, along every edge.
fn explore(shape: &Shape) -> Seen {
    let start = World::start(shape);
    let mut from: HashMap<Key, Option<(Key, Move)>> = HashMap::new();
    let mut next = VecDeque::new();
    let mut seen = Seen::default();
    from.insert(start.key(shape), None);
    next.push_back(start);
    while let Some(world) = next.pop_front() {
        let key = world.key(shape);
        seen.states += 1;
        let ends = world.comes_to_an_end(false, shape);
        let ends = ends.and_then(|()| {
            if shape.reminders { world.comes_to_an_end(true, shape) } else { Ok(()) }
        });
        if let Err(fault) = ends {
            panic!("{fault}\nby {:?}\nin {shape:?}", path(&from, &key));
        }
        for made in Move::all(shape) {
            match world.make(made, shape) {
                Ok(Some(after)) => {
                    seen.edges += 1;
                    let to = after.key(shape);
                    if let Entry::Vacant(place) = from.entry(to) {
                        place.insert(Some((key.clone(), made)));
                        next.push_back(after);
                    }
                }
                Ok(None) => seen.refused += 1,
                Err(fault) => {
                    let mut by = path(&from, &key);
                    by.push(made);
                    panic!("{fault}\nby {by:?}\nin {shape:?}");
                }
            }
        }
    }
    seen
}

/// The moves that led there, from the start.
fn path(from: &HashMap<Key, Option<(Key, Move)>>, to: &Key) -> Vec<Move> {
    let mut moves = Vec::new();
    let mut at = to;
    while let Some(Some((before, made))) = from.get(at) {
        moves.push(*made);
        at = before;
    }
    moves.reverse();
    moves
}

fn explore_all(shapes: &[Shape]) {
    let mut all = Seen::default();
    for shape in shapes {
        let seen = explore(shape);
        assert!(seen.states > 100, "there is something to see in {shape:?}");
        all.states += seen.states;
        all.edges += seen.edges;
        all.refused += seen.refused;
    }
    let Seen { states, edges, refused } = all;
    eprintln!("{} shapes: {states} states, {edges} edges, {refused} refusals", shapes.len());
}

const PLAIN: Shape = Shape {
    kind: TimeoutKind::ManualReview,
    default_runs: false,
    relative: true,
    within: 2,
    lead: 1,
    grace: 1,
    reminders: false,
    leases: false,
};

/// (deadline, lead, grace) in ticks: a lead as long as the grace, a longer one
/// that fills the whole span, and a shorter one.
const TIMES: &[(i64, i64, i64)] = &[(2, 1, 1), (2, 2, 1), (2, 1, 2)];

fn shapes(kind: TimeoutKind, default_runs: bool, times: &[(i64, i64, i64)]) -> Vec<Shape> {
    let times = times.iter().flat_map(|times| [(*times, true), (*times, false)]);
    times
        .map(|((within, lead, grace), relative)| Shape {
            kind,
            default_runs,
            relative,
            within,
            lead,
            grace,
            ..PLAIN
        })
        .collect()
}

#[test]
fn every_edge_to_an_escalation_holds_the_invariants() {
    explore_all(&shapes(TimeoutKind::Escalate, false, &TIMES[..1]));
}

#[test]
fn every_edge_to_manual_review_holds_the_invariants() {
    explore_all(&shapes(TimeoutKind::ManualReview, false, TIMES));
}

#[test]
fn every_edge_to_a_default_holds_the_invariants() {
    explore_all(&shapes(TimeoutKind::SafeDefault, false, &TIMES[..1]));
    explore_all(&shapes(TimeoutKind::SafeDefault, true, &TIMES[..1]));
}

#[test]
fn every_edge_with_reminders_holds_the_invariants() {
    let shape = Shape { kind: TimeoutKind::Escalate, reminders: true, ..PLAIN };
    explore_all(&[shape]);
}

#[test]
fn every_edge_with_leases_holds_the_invariants() {
    let shape = Shape { leases: true, within: 2, ..PLAIN };
    let default = Shape { kind: TimeoutKind::SafeDefault, default_runs: true, ..shape.clone() };
    explore_all(&[shape, default]);
}
