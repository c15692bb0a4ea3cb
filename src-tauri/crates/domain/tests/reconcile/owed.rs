//! Work over many answers, against what is true of it: a finished step is right if it
//! used what is known now, after all that it builds on was right, and nobody has said
//! since that it is not. Nothing else is kept, and nothing that is right is done again.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use handoff_domain::action::Action;
use handoff_domain::decision::Decision;
use handoff_domain::directive::Verdict;
use handoff_domain::payload::Plan;
use handoff_domain::reconcile::{Case, Owed, Question, Reconciliation, reconcile};
use handoff_domain::record::Recorded;
use proptest::prelude::*;
use serde_json::json;

use crate::notation::noon;

/// What happens next.
#[derive(Debug, Clone)]
enum Next {
    /// The reviewer answers, and may say that a value is another one.
    Answer(Option<(usize, i64)>),
    /// The agent does a step again that is not right.
    DoesAgain(prop::sample::Index),
}

fn next() -> impl Strategy<Value = Next> {
    prop_oneof![
        prop::option::of((0_usize..2, 0_i64..3)).prop_map(Next::Answer),
        any::<prop::sample::Index>().prop_map(Next::DoesAgain),
        any::<prop::sample::Index>().prop_map(Next::DoesAgain),
    ]
}

/// A step: whom it needs, and the fact that it uses.
type Drawn = (Vec<prop::sample::Index>, Option<usize>);

struct World {
    plan: Plan,
    needs: Vec<Vec<usize>>,
    uses: Vec<Option<usize>>,
    known: [i64; 2],
    /// When each step was last done, and with which value.
    ran: Vec<(i64, Option<i64>)>,
    /// It was told to be done again since.
    told: Vec<bool>,
    actions: Vec<(Action, DateTime<Utc>)>,
    earlier: Vec<Decision>,
    owed: BTreeMap<String, DateTime<Utc>>,
    time: i64,
}

fn at(time: i64) -> DateTime<Utc> {
    noon() + TimeDelta::seconds(time)
}

impl World {
    fn new(drawn: &[Drawn]) -> Self {
        let needs: Vec<Vec<usize>> = drawn
            .iter()
            .enumerate()
            .map(|(place, (needs, _))| match place {
                0 => Vec::new(),
                _ => needs.iter().map(|need| need.index(place)).collect(),
            })
            .collect();
        let steps = drawn.iter().enumerate().map(|(place, (_, fact))| {
            json!({ "id": format!("s{place}"), "title": "t", "status": "done",
                "depends_on": needs[place].iter().map(|need| format!("s{need}")).collect::<Vec<_>>(),
                "uses": fact.iter().map(|fact| format!("facts.f{fact}")).collect::<Vec<_>>() })
        });
        let asked = json!({ "id": "ask", "title": "t", "status": "pending" });
        let steps: Vec<_> = steps.chain([asked]).collect();
        let mut world = Self {
            plan: serde_json::from_value(json!({ "steps": steps })).expect("a plan"),
            uses: drawn.iter().map(|(_, fact)| *fact).collect(),
            known: [0, 0],
            ran: vec![(0, None); drawn.len()],
            told: vec![false; drawn.len()],
            actions: Vec::new(),
            earlier: Vec::new(),
            owed: BTreeMap::new(),
            time: 0,
            needs,
        };
        world.records("known", json!({ "f0": 0, "f1": 0 }));
        for place in 0..drawn.len() {
            world.does(place);
        }
        world
    }

    fn records(&mut self, step: &str, facts: serde_json::Value) {
        self.time += 1;
        let action = json!({ "id": format!("a{}", self.time), "step": step, "tool": "look",
            "effect": "read", "status": "done", "facts": facts });
        self.actions.push((serde_json::from_value(action).expect("an action"), at(self.time)));
    }

    fn does(&mut self, place: usize) {
        self.records(&format!("s{place}"), json!({}));
        self.told[place] = false;
        self.ran[place] = (self.time, self.uses[place].map(|fact| self.known[fact]));
    }

    fn is_right(&self, place: usize) -> bool {
        let (time, used) = self.ran[place];
        !self.told[place]
            && used == self.uses[place].map(|fact| self.known[fact])
            && self.needs[place].iter().all(|need| self.ran[*need].0 < time && self.is_right(*need))
    }

    fn answered(&mut self, told: Option<(usize, i64)>) -> Reconciliation {
        self.time += 1;
        let facts: BTreeMap<String, i64> =
            told.iter().map(|(fact, value)| (format!("f{fact}"), *value)).collect();
        if let Some((fact, value)) = told {
            self.known[fact] = value;
        }
        let decision: Decision = serde_json::from_value(json!({ "kind": "inform",
            "by": "reviewer", "at": at(self.time), "facts": facts, "text": "So it is." }))
        .expect("a decision");
        let recorded = |(action, at)| Recorded { at: Some(at), ..Recorded::said(action) };
        let owed = |told_at: &DateTime<Utc>| Owed { told_at: *told_at, said: false };
        let found = reconcile(&Case {
            plan: &self.plan,
            actions: self.actions.iter().map(|(action, at)| recorded((action, *at))).collect(),
            question: Some(Question {
                step: Some("ask"),
                quick: false,
                one_call: false,
                options: &[],
                constraints: Vec::new(),
            }),
            decision: Some(&decision),
            earlier: self.earlier.iter().collect(),
            pending: Vec::new(),
            undone: [].into(),
            left_out: [].into(),
            owed: self.owed.iter().map(|(step, at)| (step.as_str(), owed(at))).collect(),
            effects: [].into(),
            now: at(self.time),
        });
        self.earlier.push(decision);
        self.owed.clone_from(&found.owed);
        found
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn over_many_answers_all_that_is_not_right_is_done_again_and_nothing_else(
        drawn in prop::collection::vec(
            (prop::collection::vec(any::<prop::sample::Index>(), 0..3),
                prop::option::weighted(0.4, 0_usize..2)),
            1..7,
        ),
        happens in prop::collection::vec(next(), 1..24),
    ) {
        let mut world = World::new(&drawn);
        for next in happens.into_iter().chain([Next::Answer(None)]) {
            match next {
                Next::DoesAgain(which) => {
                    let told: Vec<usize> = (0..drawn.len())
                        .filter(|place| world.owed.contains_key(&format!("s{place}")))
                        .filter(|place| !world.is_right(*place))
                        .collect();
                    if !told.is_empty() {
                        world.does(told[which.index(told.len())]);
                    }
                }
                Next::Answer(value) => {
                    let found = world.answered(value);
                    world.told = (0..drawn.len()).map(|place| !world.is_right(place)).collect();
                    for place in 0..drawn.len() {
                        let right = !world.told[place];
                        let expected = if right { Verdict::Keep } else { Verdict::Rerun };
                        prop_assert_eq!(found.lines[place].verdict, expected, "s{}", place);
                        let owed = found.owed.contains_key(&format!("s{place}"));
                        prop_assert_eq!(owed, !right, "s{}", place);
                    }
                }
            }
        }
    }
}
