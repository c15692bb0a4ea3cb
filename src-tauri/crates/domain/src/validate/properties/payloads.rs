//! Generated payloads: valid ones, and the same with something broken.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::validate::push_segment;

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

pub(super) fn any_json() -> BoxedStrategy<Value> {
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
            ("cwd", Always, "/[a-zé¿漢<&\"\\\\]{1,12}".prop_map(Value::from).boxed()),
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

#[expect(clippy::too_many_lines, reason = "one field after the other")]
pub(super) fn valid() -> BoxedStrategy<Value> {
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
                push_segment(&mut below, name);
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

pub(super) fn broken() -> BoxedStrategy<Value> {
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
            Some(Value::Array(items)) => drop(name.parse().map(|index: usize| items.remove(index))),
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
