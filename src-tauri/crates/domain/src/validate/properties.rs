//! The validator against the published schema, over generated payloads: valid
//! ones, and the same with something broken in them.

use std::sync::LazyLock;

use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{Deadlines, Faults, parse, parse_with, shape};
use crate::payload::Payload;
use crate::schema;

fn compiled(schema: &Value) -> Validator {
    jsonschema::options().should_validate_formats(true).build(schema).expect("a schema")
}

/// The schema of the types alone, as the shape is walked off it.
static SHAPE: LazyLock<Validator> = LazyLock::new(|| compiled(schema::shape()));

/// The published one, with what depends on more than one field.
static PUBLISHED: LazyLock<Validator> =
    LazyLock::new(|| compiled(&schema::schema("handoff").expect("known")));

fn now() -> chrono::DateTime<chrono::Utc> {
    "2026-11-20T09:15:00Z".parse().expect("a moment")
}

fn words() -> BoxedStrategy<Value> {
    "[a-zé¿漢<&\"\\\\]{1,12}".prop_map(Value::from).boxed()
}

fn moment() -> BoxedStrategy<Value> {
    (
        1..28_u32,
        0..24_u32,
        0..60_u32,
        prop::sample::select(vec!["Z", "+02:00", ".5Z", ".123456-11:30"]),
    )
        .prop_map(|(day, hour, minute, zone)| {
            json!(format!("2027-02-{day:02}T{hour:02}:{minute:02}:07{zone}"))
        })
        .boxed()
}

fn word(of: &'static [&'static str]) -> BoxedStrategy<Value> {
    prop::sample::select(of).prop_map(Value::from).boxed()
}

fn any_json() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-1_000_000..1_000_000_i64).prop_map(Value::from),
        (-1e6..1e6_f64).prop_map(Value::from),
        words(),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z/~.]{1,4}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
    .boxed()
}

fn any_object() -> BoxedStrategy<Value> {
    prop::collection::btree_map("[a-z]{1,4}", any_json(), 0..3)
        .prop_map(|map| Value::Object(map.into_iter().collect()))
        .boxed()
}

fn list(of: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    prop::collection::vec(of, 0..3).prop_map(Value::from).boxed()
}

/// An object with these fields; those that may be left out sometimes are, and
/// sometimes are null where `nullable`.
fn object(fields: Vec<(&'static str, Need, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let each: Vec<BoxedStrategy<Option<(String, Value)>>> = fields
        .into_iter()
        .map(|(name, need, value)| {
            let given = value.prop_map(move |value| Some((name.to_owned(), value)));
            match need {
                Need::Always => given.boxed(),
                Need::Maybe => prop_oneof![2 => given, 1 => Just(None)].boxed(),
                Need::OrNull => prop_oneof![
                    4 => given,
                    2 => Just(None),
                    1 => Just(Some((name.to_owned(), Value::Null))),
                ]
                .boxed(),
            }
        })
        .collect();
    each.prop_map(|fields| Value::Object(fields.into_iter().flatten().collect::<Map<_, _>>()))
        .boxed()
}

#[derive(Clone, Copy)]
enum Need {
    Always,
    Maybe,
    OrNull,
}
use Need::{Always, Maybe, OrNull};

fn undo() -> BoxedStrategy<Value> {
    prop_oneof![
        object(vec![
            ("kind", Always, word(&["tool"])),
            ("tool", Always, words()),
            ("args", Always, any_object()),
            ("until", OrNull, moment()),
        ]),
        object(vec![
            ("kind", Always, word(&["command"])),
            ("argv", Always, prop::collection::vec(words(), 1..3).prop_map(Value::from).boxed()),
            ("cwd", Always, words()),
            ("timeout_s", Always, prop_oneof![Just(json!(60)), Just(json!(60.0))].boxed()),
        ]),
        object(vec![("kind", Always, word(&["files"])), ("until", OrNull, moment())]),
    ]
    .boxed()
}

fn option(id: &'static str) -> BoxedStrategy<Value> {
    object(vec![
        (
            "id",
            Always,
            word(match id {
                "a" => &["a"],
                _ => &["b"],
            }),
        ),
        ("label", Always, words()),
        ("description", OrNull, words()),
        ("pros", Maybe, list(words())),
        ("cons", Maybe, list(words())),
        (
            "risk",
            Always,
            object(vec![
                ("level", Always, word(&["low", "medium", "high"])),
                ("effect", Always, word(&["read", "reversible"])),
                ("why", Always, words()),
            ]),
        ),
        (
            "action",
            OrNull,
            object(vec![
                ("tool", Always, words()),
                ("args", Always, any_object()),
                (
                    "args_schema",
                    OrNull,
                    prop_oneof![Just(json!({"type": "object"})), Just(json!(true))].boxed(),
                ),
                ("undo", OrNull, undo()),
                ("files", Maybe, list(words())),
            ]),
        ),
        (
            "preconditions",
            Maybe,
            list(object(vec![
                ("tool", Always, words()),
                ("args", Always, any_object()),
                ("expect", Always, any_json()),
            ])),
        ),
    ])
}

fn action() -> BoxedStrategy<Value> {
    object(vec![
        ("tool", Always, words()),
        ("input", Maybe, any_json()),
        ("output", Maybe, any_json()),
        ("reasoning", OrNull, words()),
        ("confidence", OrNull, (0.0..=1.0_f64).prop_map(Value::from).boxed()),
        ("effect", Always, word(&["read", "reversible", "irreversible"])),
        ("status", Always, word(&["running", "done", "failed", "undone"])),
        ("started_at", OrNull, moment()),
        ("facts", Maybe, any_object()),
        ("undo", OrNull, undo()),
        ("handoff", OrNull, word(&["h-1", "a/b:c"])),
    ])
}

fn step() -> BoxedStrategy<Value> {
    object(vec![
        ("title", Always, words()),
        ("status", Always, word(&["pending", "running", "done", "failed", "skipped"])),
        ("tool", OrNull, words()),
        ("args", OrNull, any_object()),
        ("output", Maybe, any_json()),
    ])
}

/// Gives the items of a list their ids, and references that lead back only.
fn chained(items: Vec<Value>, uses: bool) -> Value {
    let linked = items.into_iter().enumerate().map(|(place, mut item)| {
        item["id"] = json!(format!("i{place}.x"));
        if place > 0 {
            let earlier = format!("i{}.x", place - 1);
            if uses {
                item["uses"] = json!([format!("steps.{earlier}.output.a.b"), "facts.name"]);
            }
            item["depends_on"] = json!([earlier]);
        }
        item
    });
    linked.collect()
}

fn valid() -> BoxedStrategy<Value> {
    let within = object(vec![
        ("respond_within_s", Always, prop_oneof![Just(json!(3600)), Just(json!(3600.0))].boxed()),
        ("warn_before_s", OrNull, (1..=3600_u32).prop_map(Value::from).boxed()),
        ("grace_s", OrNull, (0..9999_u32).prop_map(Value::from).boxed()),
        (
            "on_timeout",
            Always,
            prop_oneof![
                Just(json!({"kind": "escalate"})),
                Just(json!({"kind": "manual_review", "option": null})),
                Just(json!({"kind": "safe_default", "option": "b"})),
            ]
            .boxed(),
        ),
    ]);
    let by = object(vec![
        ("respond_by", Always, moment()),
        ("respond_within_s", Maybe, Just(Value::Null).boxed()),
        ("on_timeout", Always, Just(json!({"kind": "escalate"})).boxed()),
    ]);
    let entity = object(vec![
        ("kind", Always, word(&["person", "amount", "file", "url", "other"])),
        ("label", Always, words()),
        ("value", Always, words()),
    ]);
    let constraint =
        object(vec![("text", Always, words()), ("expr", OrNull, word(&["true", "!has(args.a)"]))]);
    let message = object(vec![
        ("from", Always, word(&["customer", "agent", "human"])),
        ("text", Always, words()),
        ("at", Always, moment()),
    ]);
    object(vec![
        ("version", Always, word(&["1"])),
        ("key", Always, "[A-Za-z0-9._:/-]{1,20}".prop_map(Value::from).boxed()),
        (
            "task",
            Always,
            object(vec![
                ("id", Always, word(&["t", "t/1:2"])),
                ("title", Always, words()),
                ("goal", Always, words()),
                ("tools", OrNull, list(words())),
                ("targets", OrNull, list(words())),
            ]),
        ),
        (
            "reason",
            Always,
            object(vec![
                ("code", Always, word(&["policy", "approval_required", "other"])),
                ("detail", OrNull, words()),
            ]),
        ),
        ("priority", Always, word(&["low", "normal", "high", "urgent"])),
        ("summary", Always, words()),
        ("pending_question", Always, object(vec![("text", Always, words())])),
        ("deadline", Always, prop_oneof![within, by].boxed()),
        ("options", Always, (option("a"), option("b")).prop_map(|(a, b)| json!([a, b])).boxed()),
        (
            "allowed_decisions",
            OrNull,
            prop_oneof![
                Just(json!(["approve", "modify"])),
                Just(json!(["inform"])),
                Just(json!([])),
            ]
            .boxed(),
        ),
        (
            "briefing",
            OrNull,
            object(vec![
                ("intent", OrNull, words()),
                ("entities", Maybe, list(entity)),
                ("constraints", Maybe, list(constraint)),
                (
                    "sentiment",
                    OrNull,
                    object(vec![
                        ("label", Always, word(&["calm", "positive"])),
                        ("note", OrNull, words()),
                    ]),
                ),
                ("not_included", Maybe, list(words())),
            ]),
        ),
        (
            "actions_taken",
            Maybe,
            prop::collection::vec(action(), 0..4).prop_map(|list| chained(list, false)).boxed(),
        ),
        (
            "plan",
            OrNull,
            prop::collection::vec(step(), 0..4)
                .prop_map(|list| json!({ "steps": chained(list, true) }))
                .boxed(),
        ),
        (
            "resume",
            OrNull,
            object(vec![
                ("mode", Always, word(&["snapshot", "checkpoint"])),
                ("token", OrNull, words()),
            ]),
        ),
        (
            "conversation",
            OrNull,
            object(vec![
                ("channel", OrNull, words()),
                ("with", OrNull, words()),
                ("last_messages", Maybe, list(message)),
            ]),
        ),
        ("supersedes", OrNull, word(&["h-1"])),
        ("meta", OrNull, any_object()),
    ])
}

/// What is put in the place of something.
fn junk() -> BoxedStrategy<Value> {
    prop_oneof![
        any_json(),
        prop::sample::select(vec![
            json!(null),
            json!(""),
            json!(" "),
            json!([]),
            json!({}),
            json!(0),
            json!(-1),
            json!(1.5),
            json!(60.0),
            json!(1e10),
            json!("low"),
            json!("a b"),
            json!("1"),
            json!(true),
            json!([[]]),
            json!("2027-02-29T00:00:00Z"),
            json!("2027-02-03 00:00:00Z"),
            json!("2027-02-03t00:00:00z"),
            json!("2027-02-03T24:00:00Z"),
            json!("2027-02-03T00:00:00"),
            json!("2027-02-03T00:00:00+25:00"),
            json!("2027-02-03T00:00Z"),
            json!("2027-2-3T00:00:00Z"),
            json!("2027-02-03T00:00:00.Z"),
            json!({"kind": "tool"}),
            json!({"kind": "files"}),
            json!({"kind": "none"}),
            json!([1, "a"]),
        ]),
    ]
    .boxed()
}

/// Every place in a value, and the places where a field could be added.
fn places(value: &Value, at: String, found: &mut Vec<String>) {
    found.push(at.clone());
    match value {
        Value::Array(list) => {
            for (place, item) in list.iter().enumerate() {
                places(item, format!("{at}/{place}"), found);
            }
        }
        Value::Object(map) => {
            for (name, item) in map {
                let mut below = at.clone();
                super::push_segment(&mut below, name);
                places(item, below, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[derive(Debug, Clone)]
enum Break {
    Put(Value),
    Take,
    Add(String, Value),
    Rename,
}

fn broken() -> BoxedStrategy<Value> {
    let how = prop_oneof![
        3 => junk().prop_map(Break::Put),
        2 => Just(Break::Take),
        1 => (prop::sample::select(vec!["kind", "steps", "zz", "id", "text"]), junk())
            .prop_map(|(name, value)| Break::Add(name.to_owned(), value)),
        1 => Just(Break::Rename),
    ];
    let breaks = prop::collection::vec((any::<prop::sample::Index>(), how), 1..4);
    (valid(), breaks)
        .prop_map(|(mut value, breaks)| {
            for (place, how) in breaks {
                let mut found = Vec::new();
                places(&value, String::new(), &mut found);
                apply(&mut value, &found[place.index(found.len())], how);
            }
            value
        })
        .boxed()
}

fn apply(value: &mut Value, place: &str, how: Break) {
    let (parent, last) = place.rsplit_once('/').unwrap_or(("", ""));
    let name = last.replace("~1", "/").replace("~0", "~");
    match how {
        Break::Put(new) => {
            if let Some(old) = value.pointer_mut(place) {
                *old = new;
            }
        }
        Break::Take => match value.pointer_mut(parent) {
            Some(Value::Object(map)) => drop(map.remove(&name)),
            Some(Value::Array(list)) => drop(name.parse().map(|place: usize| list.remove(place))),
            _ => {}
        },
        Break::Add(name, new) => {
            if let Some(Value::Object(map)) = value.pointer_mut(place) {
                map.insert(name, new);
            }
        }
        Break::Rename => {
            if let Some(Value::Object(map)) = value.pointer_mut(parent)
                && let Some(old) = map.remove(&name)
            {
                map.insert(name + "s", old);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn valid_payloads_are_accepted_by_both_and_come_back_whole(value in valid()) {
        let checked = parse(&value.to_string(), now());
        prop_assert!(checked.is_ok(), "{:?} for {value:#}", checked.err());
        prop_assert!(PUBLISHED.is_valid(&value), "{:?} for {value:#}", PUBLISHED.validate(&value));
        let checked = checked.expect("accepted");
        let text = serde_json::to_string(&checked.payload).expect("json");
        let back: Payload = serde_json::from_str(&text).expect("a payload");
        prop_assert_eq!(&back, &checked.payload);
        let again = parse(&text, now());
        prop_assert!(again.is_ok(), "what the desk writes is a payload again: {:?}", again.err());
    }

    #[test]
    fn both_see_the_same_shape_in_broken_payloads(value in broken()) {
        let mut faults = Faults::default();
        shape::check(&value, &mut faults);
        let faults = faults.into_list();
        prop_assert_eq!(
            faults.is_empty(),
            SHAPE.is_valid(&value),
            "{:?} and {:?} for {:#}", faults, SHAPE.validate(&value).map_err(|error| error.to_string()), value
        );
        let accepted = parse(&value.to_string(), now());
        if accepted.is_ok() {
            prop_assert!(PUBLISHED.is_valid(&value), "{:?} for {value:#}", PUBLISHED.validate(&value));
        } else {
            let faults = accepted.expect_err("refused");
            prop_assert!(faults.iter().all(|fault| !fault.hint.contains("`handoff schema`")), "{faults:?}");
            // A fault leads to a place that is there, or to one right below such.
            for fault in faults {
                let parent = fault.pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
                prop_assert!(value.pointer(parent).is_some(), "{fault:?} for {value:#}");
            }
        }
    }

    #[test]
    fn no_text_brings_the_reader_down(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let text = String::from_utf8_lossy(&bytes);
        prop_assert!(parse(&text, now()).is_err());
    }

    #[test]
    fn no_json_brings_the_validator_down(value in any_json()) {
        prop_assert!(parse(&value.to_string(), now()).is_err());
    }
}

#[test]
fn the_rules_over_several_fields_are_in_the_published_schema_too() {
    let base = json!({
        "version": "1", "key": "k", "task": { "id": "t", "title": "t", "goal": "g" },
        "reason": { "code": "other" }, "priority": "low", "summary": "s",
        "pending_question": { "text": "q" }
    });
    let option = json!({ "id": "a", "label": "l", "risk": { "level": "low", "effect": "read", "why": "w" } });
    let times = [
        json!({}),
        json!({"respond_by": "2027-01-01T00:00:00Z"}),
        json!({"respond_within_s": 60}),
        json!({"respond_by": "2027-01-01T00:00:00Z", "respond_within_s": 60}),
        json!({"respond_by": null, "respond_within_s": 60}),
        json!({"respond_by": null, "respond_within_s": null}),
    ];
    let outcomes = [
        json!({"kind": "escalate"}),
        json!({"kind": "safe_default"}),
        json!({"kind": "safe_default", "option": null}),
        json!({"kind": "safe_default", "option": "a"}),
        json!({"kind": "manual_review", "option": "a"}),
    ];
    let allowed = [
        None,
        Some(json!(null)),
        Some(json!([])),
        Some(json!(["inform"])),
        Some(json!(["modify"])),
        Some(json!(["approve", "inform"])),
        Some(json!(["inform", "inform"])),
    ];
    let options = [None, Some(json!([])), Some(json!([option]))];
    let mut accepted = 0;
    for time in &times {
        for outcome in &outcomes {
            for allowed in &allowed {
                for options in &options {
                    let mut value = base.clone();
                    value["deadline"] = time.clone();
                    value["deadline"]["on_timeout"] = outcome.clone();
                    for (name, given) in [("allowed_decisions", allowed), ("options", options)] {
                        if let Some(given) = given {
                            value[name] = given.clone();
                        }
                    }
                    // That the option exists is beyond any schema.
                    let names_it = outcome["option"] == "a";
                    let there = options.as_ref().is_some_and(|list| list[0]["id"] == "a");
                    if names_it && !there {
                        continue;
                    }
                    let outcome = parse(&value.to_string(), now());
                    accepted += usize::from(outcome.is_ok());
                    assert_eq!(
                        outcome.is_ok(),
                        PUBLISHED.is_valid(&value),
                        "{outcome:?} for {value:#}"
                    );
                }
            }
        }
    }
    assert!(accepted > 10, "{accepted} were accepted");
}

#[test]
fn a_deadline_gone_by_is_taken_from_the_spool_only() {
    let text = json!({
        "version": "1", "key": "k", "task": { "id": "t", "title": "t", "goal": "g" },
        "reason": { "code": "other" }, "priority": "low", "summary": "s",
        "pending_question": { "text": "q" }, "allowed_decisions": ["inform"],
        "deadline": { "respond_by": "2026-11-20T09:14:59Z", "warn_before_s": 600, "on_timeout": { "kind": "escalate" } }
    })
    .to_string();
    assert_eq!(parse(&text, now()).expect_err("past")[0].pointer, "/deadline/respond_by");
    assert!(parse_with(&text, now(), Deadlines::AnyTime).is_ok());
}
