//! Constraints: what they can say, and that no expression can do harm.

use std::time::{Duration, Instant};

use handoff_domain::constraint::{
    Bindings, MAX_BRACKETS, MAX_BYTES, MAX_OPERATORS, check, evaluate,
};
use handoff_domain::payload::Payload;
use handoff_domain::reconcile::{Case, ConstraintStand, reconcile};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Far above what any expression takes, far below what an unbounded one does.
const SOON: Duration = Duration::from_secs(20);

fn holds(expr: &str, args: &Value, facts: &Value, steps: &Value) -> Result<bool, String> {
    fn members(of: &Value) -> impl Iterator<Item = (&str, &Value)> {
        of.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
    }
    let bindings = Bindings {
        args: members(args).collect(),
        facts: members(facts).collect(),
        steps: members(steps).map(|(id, step)| (id, step.get("output"))).collect(),
        ..Bindings::default()
    };
    evaluate(expr, &bindings)
}

fn args_hold(expr: &str, args: &Value) -> Result<bool, String> {
    holds(expr, args, &json!({}), &json!({}))
}

#[test]
fn whole_numbers_and_fractions_compare_as_numbers() {
    let steps = json!({ "find": { "output": { "captured": 149.0 } } });
    let limit = "args.amount <= steps.find.output.captured";
    for (amount, expected) in [(json!(149), true), (json!(149.0), true), (json!(150), false)] {
        assert_eq!(holds(limit, &json!({ "amount": amount }), &json!({}), &steps), Ok(expected));
    }
    assert_eq!(args_hold("args.n - 5 == -2", &json!({ "n": 3 })), Ok(true), "integers are signed");
    assert_eq!(args_hold("-args.n < 0", &json!({ "n": 3 })), Ok(true));
    assert_eq!(
        args_hold("args.n == 9007199254740992", &json!({ "n": 9_007_199_254_740_992_u64 })),
        Ok(true)
    );
}

#[test]
fn names_reach_everything_that_was_handed_over() {
    let facts = json!({ "limit eur": 50, "region": "EU" });
    let steps = json!({
        "a-b.c/d": { "output": [ { "id": "x" } ] },
        "waiting": {}
    });
    for (expr, expected) in [
        ("facts.region == 'EU'", true),
        ("facts['limit eur'] >= 50", true),
        ("steps['a-b.c/d'].output[0].id == \"x\"", true),
        ("has(steps.waiting.output)", false),
        ("has(facts.other)", false),
        ("!has(args.credit) || args.credit <= 50.0", true),
        ("args.paths.all(p, p.startsWith('/home/'))", true),
        ("args.paths.exists(p, p.endsWith('.pdf'))", true),
        ("size(args.paths) == 2 && args.paths[1].contains('b')", true),
        ("args.when < timestamp('2027-01-01T00:00:00Z')", false),
        ("timestamp(args.when) < timestamp('2027-01-01T00:00:00Z')", true),
        ("args.kind in ['a', 'b'] ? true : false", true),
        ("args.paths.map(p, size(p)).filter(n, n > 100) == []", true),
        ("size(steps) == 2 && size(facts) == 2 && size(args) == 3", true),
        ("args['kind'] == 'a' // the only kind", true),
    ] {
        let args = json!({ "paths": ["/home/a.pdf", "/home/b"], "when": "2026-12-01T00:00:00Z", "kind": "a" });
        let outcome = holds(expr, &args, &facts, &steps);
        if expr.starts_with("args.when") {
            assert!(outcome.is_err(), "{expr}: a text is no timestamp, but gave {outcome:?}");
        } else {
            assert_eq!(outcome, Ok(expected), "{expr}");
        }
        assert_eq!(check(expr), Ok(()), "{expr}");
    }
}

#[test]
fn what_cannot_be_evaluated_does_not_hold_and_says_why() {
    for (expr, words) in [
        ("args.missing > 1", "no `missing`"),
        ("args.text > 1", "types"),
        ("args.text * 2.0 == 4.0", "types"),
        ("args.n", "type int"),
        ("args.n / 0 == 1", "evaluated"),
        ("args.list[7] == 1", "evaluated"),
        ("args.n + 9223372036854775807 > 0", "evaluated"),
        ("steps.none.output.x == 1", "no `none`"),
    ] {
        let args = json!({ "text": "2", "n": 3, "list": [1] });
        let why = args_hold(expr, &args).expect_err(expr);
        assert!(why.contains(words), "{expr}: {why}");
        assert!(why.len() < 700, "{expr}: {} bytes of why", why.len());
    }
}

#[test]
fn hostile_expressions_are_refused_before_they_run() {
    let nested = "args.l.all(a, args.l.all(b, args.l.all(c, a + b + c > 0)))";
    for (expr, words) in [
        (vec!["1"; 1500].join("+"), "512"),
        (vec!["1"; 250].join("+"), "operators"),
        (vec!["x"; 170].join("&&"), "operators"),
        (format!("{}1{}", "(".repeat(200), ")".repeat(200)), "nested"),
        ("[".repeat(500), "nested"),
        ("{".repeat(500), "nested"),
        (format!("{}true", "!".repeat(500)), "operators"),
        (format!("{}1", "-".repeat(500)), "operators"),
        (format!("{}1", "a?b:".repeat(120)), "operators"),
        (format!("args{}", ".a".repeat(250)), "operators"),
        (format!("args{}", ".map(x,x)".repeat(56)), ""),
        (nested.to_owned(), "loop within a loop"),
        ("args.l.map(a, args.l.filter(b, b > a)).size() > 0".to_owned(), "loop within a loop"),
        ("args.l.exists_one(a, [1].exists(b, b == a))".to_owned(), "loop within a loop"),
        ("env.HOME == ''".to_owned(), "`env`"),
        ("args.s.matches('(a+)+$')".to_owned(), "`matches`"),
        ("cel.bind(x, args, x == args)".to_owned(), "`bind`"),
        ("'abc".to_owned(), "no CEL"),
        ("\"\"\"".to_owned() + &"+1".repeat(200), "operators"),
        ("'\\'' + '".to_owned() + &"+1".repeat(200), "operators"),
        ("é".repeat(256), "no CEL"),
        ("\u{202e}args == args".to_owned(), "no CEL"),
        ("\0".repeat(512), "no CEL"),
        (".".repeat(512), "operators"),
        ("args.a.?b.orValue(3) == 3".to_owned(), ""),
        ("// only a note".to_owned(), "no CEL"),
    ] {
        let start = Instant::now();
        let shown: String = expr.chars().take(40).collect();
        match check(&expr) {
            Ok(()) => assert!(words.is_empty(), "{shown} was accepted"),
            Err(why) => assert!(why.contains(words), "{shown}: {why}"),
        }
        assert!(start.elapsed() < SOON, "{shown} took {:?}", start.elapsed());
    }
}

#[test]
fn work_that_grows_with_the_data_is_counted_before_it_is_done() {
    let list: Vec<i64> = (0..100_000).collect();
    let text = "x".repeat(4_000_000);
    let args = json!({ "l": list, "t": text, "few": [1, 2, 3], "n": 7 });
    for (expr, runs) in [
        ("args.l.all(x, x in args.l)", false),
        ("args.l.map(x, args.l).size() > 0", false),
        ("args.l.all(x, args.t.contains(string(x)))", false),
        ("args.few.map(x, args.t).map(y, y + y).size() == 3", false),
        ("args.l.all(x, x >= 0)", false),
        ("args.few.all(x, x <= args.n)", true),
        ("size(args.few) == 3", true),
        ("args.n in args.few", true),
        ("args == args", true),
        ("args.l.size() == 100000", true),
    ] {
        let start = Instant::now();
        let outcome = args_hold(expr, &args);
        let refused = outcome.as_ref().is_err_and(|why| why.contains("too long"));
        assert_eq!(refused, !runs, "{expr}: {outcome:?}");
        assert!(start.elapsed() < SOON, "{expr} took {:?}", start.elapsed());
    }
}

#[test]
fn the_largest_expressions_let_through_keep_within_stack_and_time() {
    let list: Vec<i64> = (0..2000).collect();
    let args = json!({ "l": list, "a": 1 });
    let sum = |count: usize| format!("{} > 0", vec!["args.l[0]"; count].join("+"));
    for expr in [
        sum(MAX_OPERATORS / 4),
        format!("{}args.a == 1{}", "(".repeat(MAX_BRACKETS), ")".repeat(MAX_BRACKETS)),
        format!("{}args{}", "[".repeat(MAX_BRACKETS), "]".repeat(MAX_BRACKETS)),
        format!("{}1{} == 1", "size([".repeat(MAX_BRACKETS / 2), "])".repeat(MAX_BRACKETS / 2)),
        format!("{}true", "!".repeat(MAX_OPERATORS)),
        format!("{}1 == 1", "-".repeat(MAX_OPERATORS - 1)),
        vec!["args.l"; 21].join(" in "),
        format!("args.l{}.size() == 0", ".map(x,x)".repeat(40)),
        vec!["true"; MAX_OPERATORS].join("||"),
    ] {
        assert!(expr.len() <= MAX_BYTES, "{expr}");
        let start = Instant::now();
        drop(args_hold(&expr, &args));
        assert!(start.elapsed() < SOON, "{expr} took {:?}", start.elapsed());
    }
}

#[test]
fn results_are_one_for_each_expression_and_share_one_budget() {
    let mut value: Value =
        serde_json::from_str(include_str!("examples/handoff-refund.json")).expect("json");
    value["briefing"]["constraints"] = json!([
        { "text": "in words only" },
        { "text": "small", "expr": "args.amount <= 100.0" },
        { "text": "known", "expr": "args.currency == 'EUR'" },
        { "text": "broken by the edit", "expr": "args.credit <= 50.0" },
        { "text": "later fact wins", "expr": "facts.seen == 2" }
    ]);
    value["actions_taken"][0]["facts"] = json!({ "seen": 1 });
    value["actions_taken"][1]["facts"] = json!({ "seen": 2 });
    let payload: Payload = serde_json::from_value(value).expect("a payload");
    let found = reconcile(&Case::of(&payload, None, chrono::DateTime::UNIX_EPOCH)).constraints;
    let of_it = |stand: &&ConstraintStand| stand.option == Some(payload.options[0].id.clone());
    let outcomes: Vec<&ConstraintStand> = found.iter().filter(of_it).collect();
    let read: Vec<(&str, bool, bool)> = outcomes
        .iter()
        .map(|stand| (stand.text.as_str(), stand.holds == Some(true), stand.error.is_some()))
        .collect();
    assert_eq!(
        read,
        [
            ("small", false, false),
            ("known", true, false),
            ("broken by the edit", false, true),
            ("later fact wins", true, false),
        ]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_brings_the_evaluator_down(expr in "\\PC{0,80}") {
        drop(check(&expr));
    }

    #[test]
    fn no_heap_of_its_own_words_brings_it_down(
        words in prop::collection::vec(prop::sample::select(vec![
            "args", "facts", "steps", ".a", ".all(x, ", "(", ")", "[", "]", "{", "}", "+", "-", "!", "&&",
            "||", "==", " in ", "?", ":", ",", "1", "1.5", "1u", "'t'", "\"", "'", "\\", "r'", "b'x'", "x",
            "has(", "size(", "null", "true", "//", "\n", ".", ".?a", "[?0]", "@", "0x", "1e", "%", "/",
        ]), 0..40),
    ) {
        let expr = words.concat();
        let mut args = Map::new();
        args.insert("a".to_owned(), json!([1, "t", null, { "a": 1.5 }]));
        drop(args_hold(&expr, &Value::Object(args)));
    }
}

#[test]
fn all_options_of_a_card_share_one_budget() {
    let mut value: Value =
        serde_json::from_str(include_str!("examples/handoff-refund.json")).expect("json");
    let words: Vec<String> = (0..1000).map(|number| format!("word {number}")).collect();
    value["actions_taken"][0]["facts"] = json!({ "list": words });
    value["briefing"]["constraints"] =
        json!([{ "text": "long", "expr": "facts.list.all(word, word != 'x')" }]);
    let mut payload: Payload = serde_json::from_value(value).expect("a payload");
    let stands = |payload: &Payload| {
        reconcile(&Case::of(payload, None, chrono::DateTime::UNIX_EPOCH)).constraints
    };
    payload.options.truncate(1);
    let alone = stands(&payload);
    assert_eq!(alone[0].holds, Some(true), "one option is judged: {alone:?}");
    payload.options = vec![payload.options[0].clone(); 2000];
    let many = stands(&payload);
    assert_eq!(many.len(), 2000);
    let unjudged = many.iter().filter(|each| each.error.is_some()).count();
    assert!(unjudged > 0, "the budget ends, and what it does not reach does not hold");
    assert!(many.iter().all(|each| each.holds == Some(each.error.is_none())));
}
