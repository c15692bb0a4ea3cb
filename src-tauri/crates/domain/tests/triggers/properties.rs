//! What holds for any trace: nothing panics, what is off stays off, texts stay
//! short, and calls of others do not matter where they should not.

use std::sync::Arc;

use chrono::DateTime;
use handoff_domain::action::{ActionStatus, Effect};
use handoff_domain::trace::{Call, Proposed, Trace};
use handoff_domain::trigger::{Evidence, TriggerKind, Triggers, fired};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec![
            "a.rs", "/srv/app/../x", "../..", "https://a@b.example:1/%2e%2e", "anna@example.com",
            "lawsuit", "data\u{ad} breach", "select a.b from c", "1.250,00 EUR", "$1", "0042",
            "2026-01-05T10:00:00Z", "stripe webhook secret", "'", "\"don't\"", "/tmp/", "~", "c:\\x",
            "error 0x1f at 12ms", "-", "://", "@", "ſ", "İ", "ﬀ", "a-1", "-1", "8f14e45f-ceea-467f-9575-0a1b2c3d4e5f",
        ]).prop_map(str::to_owned),
        2 => any::<String>(),
        1 => "[a-z /.@:]{0,40}",
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            members(inner).prop_map(Value::Object),
        ]
    })
}

fn members(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    let names = prop::sample::select(vec![
        "path",
        "query",
        "url",
        "to",
        "amount",
        "command",
        "content",
        "error",
        "id",
        "customer_id",
        "cwd",
        "host",
        "method",
        "",
    ]);
    let name = prop_oneof![3 => names.prop_map(str::to_owned), 1 => any::<String>()];
    prop::collection::btree_map(name, inner, 0..5).prop_map(|map| map.into_iter().collect())
}

fn call() -> impl Strategy<Value = Call> {
    (
        prop::sample::select(vec!["Read", "Bash", "mail.send"]),
        value(),
        prop::option::of(value()),
        prop::sample::select(vec![
            ActionStatus::Done,
            ActionStatus::Failed,
            ActionStatus::Running,
            ActionStatus::Undone,
        ]),
        prop::sample::select(vec![Effect::Read, Effect::Reversible, Effect::Irreversible]),
        members(value()),
        0..5_i64,
    )
        .prop_map(|(tool, args, output, status, effect, facts, at)| Call {
            id: format!("a{at}"),
            step: None,
            tool: tool.to_owned(),
            args,
            output,
            status,
            effect,
            facts,
            at: DateTime::from_timestamp(at, 0).expect("a moment"),
        })
}

prop_compose! {
    fn trace()(
        calls in prop::collection::vec(call(), 0..12),
        tools in prop::option::of(prop::collection::vec(text(), 0..3)),
        targets in prop::option::of(prop::collection::vec(text(), 0..4)),
        since_decision in prop_oneof![0..15_u32, Just(u32::MAX)],
    ) -> Trace {
        let (agent, task) = ("a".to_owned(), "t".to_owned());
        Trace { agent, task, tools, targets, calls: Arc::new(calls), since_decision }
    }
}

/// Settings in which everything is quick to fire.
fn eager() -> Triggers {
    Triggers {
        words: vec![
            "lawsuit".to_owned(),
            "data breach".to_owned(),
            "a*".to_owned(),
            "ſ".to_owned(),
        ],
        rephrased_retries: 1,
        rephrased_alike: 50,
        chain_bound: 2,
        churn_reads: 2,
        error_times: 1,
        ..Triggers::default()
    }
}

fn effects() -> impl Strategy<Value = Effect> {
    prop::sample::select(vec![Effect::Read, Effect::Reversible, Effect::Irreversible])
}

fn ask(
    trace: &Trace,
    effect: Effect,
    args: &Map<String, Value>,
    schema: Option<&Value>,
    set: &Triggers,
) -> Vec<Evidence> {
    let (step, cwd) = (None, None);
    fired(trace, &Proposed { step, tool: "Read", args, cwd, effect, args_schema: schema }, set)
}

fn off(set: &mut Triggers, kind: TriggerKind) {
    let switch = match kind {
        TriggerKind::MissingArgument => &mut set.missing_argument,
        TriggerKind::Contradiction => &mut set.contradiction,
        TriggerKind::FactMismatch => &mut set.fact_mismatch,
        TriggerKind::Compliance => &mut set.compliance,
        TriggerKind::Rephrased => &mut set.rephrased,
        TriggerKind::Scope => &mut set.scope,
        TriggerKind::ChainLength => &mut set.chain_length,
        TriggerKind::ContextChurn => &mut set.context_churn,
        TriggerKind::RepeatedError => &mut set.repeated_error,
        TriggerKind::Limit | TriggerKind::Overruled => return,
    };
    *switch = false;
}

proptest! {
    #[test]
    fn anything_at_all_gives_evidence_that_fits_a_card(
        trace in trace(),
        args in members(value()),
        schema in prop::option::of(value()),
        effect in effects(),
    ) {
        for found in ask(&trace, effect, &args, schema.as_ref(), &eager()) {
            prop_assert!(!found.headline.trim().is_empty() && !found.exhibits.is_empty()
                || found.trigger == TriggerKind::ChainLength, "{found:?}");
            prop_assert!(found.headline.chars().count() <= 500);
            prop_assert!(found.exhibits.len() <= 8);
            for exhibit in found.exhibits {
                prop_assert!(exhibit.text.chars().count() <= 500, "{exhibit:?}");
                prop_assert!(exhibit.label.chars().count() <= 500, "{exhibit:?}");
                let known = |id: &String| trace.calls.iter().any(|call| call.id == *id);
                prop_assert!(exhibit.action.as_ref().is_none_or(known), "{exhibit:?}");
            }
        }
    }

    #[test]
    fn what_is_off_stays_off_and_leaves_the_others_as_they_are(
        trace in trace(),
        args in members(value()),
        effect in effects(),
    ) {
        let all = ask(&trace, effect, &args, None, &eager());
        for found in &all {
            let mut set = eager();
            off(&mut set, found.trigger);
            let rest: Vec<_> = all.iter().filter(|other| other.trigger != found.trigger).cloned().collect();
            prop_assert_eq!(ask(&trace, effect, &args, None, &set), rest);
        }
    }

    #[test]
    fn a_person_who_has_just_looked_is_asked_for_the_call_alone(
        mut trace in trace(),
        args in members(value()),
        effect in effects(),
    ) {
        trace.since_decision = 0;
        let of_the_past = [
            TriggerKind::Contradiction,
            TriggerKind::Rephrased,
            TriggerKind::ChainLength,
            TriggerKind::ContextChurn,
            TriggerKind::RepeatedError,
        ];
        for found in ask(&trace, effect, &args, None, &eager()) {
            prop_assert!(!of_the_past.contains(&found.trigger), "{found:?}");
        }
    }

    #[test]
    fn what_another_tool_did_in_between_makes_no_other_error_or_question(
        trace in trace(),
        args in members(value()),
        places in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
    ) {
        let own = |trace: &Trace| -> Vec<Evidence> {
            let mut set = eager();
            for kind in [TriggerKind::ContextChurn, TriggerKind::ChainLength, TriggerKind::Compliance] {
                off(&mut set, kind);
            }
            ask(trace, Effect::Read, &args, None, &set)
        };
        let mut more = trace.clone();
        more.since_decision = u32::MAX;
        let before = own(&more);
        for (number, place) in places.iter().enumerate() {
            let at = place.index(more.calls.len() + 1);
            let moment = more.calls.get(at.saturating_sub(1)).map_or_else(
                || DateTime::from_timestamp(0, 0).expect("a moment"),
                |call| call.at,
            );
            Arc::make_mut(&mut more.calls).insert(at, Call {
                id: format!("other{number}"),
                step: None,
                tool: "clock".to_owned(),
                args: json!({"query": "stripe webhook secret"}),
                output: Some(json!("error again")),
                status: ActionStatus::Failed,
                effect: Effect::Read,
                facts: Map::new(),
                at: moment,
            });
        }
        prop_assert_eq!(own(&more), before);
    }
}

#[test]
fn a_text_of_any_length_is_looked_at_only_so_far() {
    let far = format!("{}lawsuit", "word ".repeat(20_000));
    let near = format!("{}lawsuit", "word ".repeat(10_000));
    for (text, held) in [(far, false), (near, true)] {
        let args = json!({ "body": text });
        let found = ask(
            &Trace::default(),
            Effect::Irreversible,
            args.as_object().expect("an object"),
            None,
            &Triggers::default(),
        );
        assert_eq!(!found.is_empty(), held);
    }
}

#[test]
fn settings_out_of_bounds_are_refused_in_words() {
    assert_eq!(Triggers::default().fault(), None);
    assert_eq!(eager().fault(), None);
    let wrong = |change: fn(&mut Triggers)| {
        let mut set = Triggers::default();
        change(&mut set);
        set.fault().expect("a fault")
    };
    assert!(wrong(|set| set.rephrased_retries = 0).contains("1 and 20"));
    assert!(wrong(|set| set.rephrased_alike = 101).contains("100"));
    assert!(wrong(|set| set.chain_bound = 0).contains("10,000"));
    assert!(wrong(|set| set.churn_reads = 1).contains("2nd"));
    assert!(wrong(|set| set.error_times = 101).contains("100"));
    assert!(wrong(|set| set.words = vec!["fine".to_owned(), "  ".to_owned()]).contains("letter"));
    assert!(wrong(|set| set.words = vec!["*".to_owned()]).contains('*'));
    assert!(wrong(|set| set.words = vec!["x".repeat(101)]).contains("100"));
    assert!(wrong(|set| set.words = vec!["x".to_owned(); 501]).contains("500"));
}
