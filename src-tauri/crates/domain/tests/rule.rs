//! The reviewer's rules: what they cover, and that they cover nothing else.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

#[path = "rule/calls.rs"]
mod calls;
#[path = "rule/misses.rs"]
mod misses;
#[path = "rule/samples.rs"]
mod samples;

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use calls::{Call, at, now};
use chrono::TimeDelta;
use handoff_domain::action::Effect;
use handoff_domain::bounded::{STACK, has_stack};
use handoff_domain::rule::{
    CallFacts, Does, Kept, Leads, Matched, Pattern, Rule, Rules, When, is_within,
};
use proptest::prelude::*;
use samples::{allow, counts, hold};
use serde_json::{Value, json};

fn kept(rules: &[Rule]) -> Rules {
    let each = rules.iter().zip(1..).map(|(rule, id)| Kept { id, rule: rule.clone(), used: 0 });
    Rules::new(each)
}

/// What a rule on its own says of a call, through the set as through itself.
fn covers(rule: &Rule, call: &Call) -> bool {
    let alone = rule.matches(&call.facts());
    let matched = kept(std::slice::from_ref(rule)).matched(&call.facts());
    assert_eq!(alone, matched != Matched::default(), "the set and the rule agree");
    alone
}

#[test]
fn each_sample_covers_its_own_call_and_has_no_fault() {
    let samples = samples::all();
    assert!(samples.len() >= 40, "{} samples", samples.len());
    for (rule, call) in &samples {
        assert_eq!(rule.fault(now()), Vec::new(), "{}", rule.name);
        assert!(covers(rule, call), "{}", rule.name);
    }
}

#[test]
fn ten_thousand_near_misses_match_nothing() {
    let samples = samples::all();
    let all = kept(&samples.iter().map(|(rule, _)| rule.clone()).collect::<Vec<_>>());
    let mut count = 0;
    for (rule, call) in &samples {
        for (what, miss) in misses::of(rule, call) {
            count += 1;
            assert!(!covers(rule, &miss), "{}: {what}: {miss:?}", rule.name);
            let matched = all.matched(&miss.facts());
            assert_eq!(matched, Matched::default(), "{}: {what}: {miss:?}", rule.name);
        }
    }
    assert!(count >= 10_000, "only {count} near misses");
}

#[test]
fn a_rule_that_is_used_up_or_over_says_nothing() {
    for (mut rule, mut call) in samples::all() {
        rule.uses = Some(2);
        let mut rules = kept(std::slice::from_ref(&rule));
        for _ in 0..2 {
            assert_ne!(rules.matched(&call.facts()), Matched::default(), "{}", rule.name);
            assert!(rules.note_use(1));
        }
        assert_eq!(rules.matched(&call.facts()), Matched::default(), "{}", rule.name);
        assert_ne!(rules.unused().matched(&call.facts()), Matched::default());
        rule.uses = None;
        rule.until = Some(at(1000));
        call.at = at(999);
        assert!(covers(&rule, &call), "a second before its end");
        call.at = at(1000);
        assert!(!covers(&rule, &call), "at its end");
    }
    assert!(!kept(&[]).note_use(7), "there is no such rule");
}

#[test]
fn a_rule_from_a_call_covers_that_call_and_says_so() {
    let call = Call::new("helper", "crm.note", json!({ "id": "A-7", "text": "paid" }));
    let rule = Rule::from_call(&call.facts(), now() + TimeDelta::days(30), Some(5));
    assert_eq!(rule.fault(now()), Vec::new());
    assert!(covers(&rule, &call));
    assert_eq!(
        rule.preview(),
        "Runs without asking, as long as it can be undone: calls of `crm.note` by helper, where \
         `id` is exactly \"A-7\", `text` is exactly \"paid\" and it names no folder to run in. No \
         other argument, and none missing. It ends after 5 calls, or on 2026-12-01 at 12:00 UTC."
    );
    let mut elsewhere = call.clone();
    elsewhere.cwd = Some("/work/app".to_owned());
    let here = Rule::from_call(&elsewhere.facts(), now() + TimeDelta::days(1), None);
    assert!(covers(&here, &elsewhere));
    assert!(!covers(&here, &call), "the folder belongs to it where it is known");
    assert!(!covers(&rule, &elsewhere), "and so it does where none is named");
    let unknown = CallFacts { cwd: None, ..call.facts() };
    assert!(!rule.matches(&unknown), "wherever that is");
    assert!(!Rule::from_call(&unknown, now() + TimeDelta::days(1), None).matches(&unknown));
    let mut command = here.clone();
    command.when =
        When { argv: Some(vec!["ls".to_owned()]), cwd: Some(String::new()), ..When::default() };
    assert!(command.fault(now()).iter().any(|fault| fault.pointer == "/when/cwd"));
    let hold = Rule { does: Does::Hold { why: "Look".to_owned() }, ..here };
    assert!(hold.matches(&call.facts()), "it may run there all the same");
}

#[test]
fn an_allow_from_before_folders_were_part_of_a_rule_covers_calls_that_name_none() {
    let kept = json!({ "name": "note", "agent": "helper", "tool": "file.format", "does": "allow",
        "until": "2026-12-01T12:00:00Z", "when": { "args": { "path": { "is": "src/main.rs" } } } });
    let rule: Rule = serde_json::from_value(kept).expect("a rule");
    assert_eq!(rule.fault(now()), Vec::new());
    let mut call = Call::new("helper", "file.format", json!({ "path": "src/main.rs" }));
    assert!(covers(&rule, &call));
    assert!(rule.preview().contains("names no folder to run in"), "{}", rule.preview());
    call.cwd = Some("/work/app".to_owned());
    assert!(!covers(&rule, &call), "another file is meant in each folder");
}

#[test]
fn a_rule_from_a_shell_call_is_never_kept() {
    for tool in ["bash", "Bash", "mcp__box__shell", "exec_command", "run_shell_command", "terminal"]
    {
        let call = Call::new("helper", tool, json!({ "command": "ls" }));
        let rule = Rule::from_call(&call.facts(), now() + TimeDelta::days(1), None);
        let faults = rule.fault(now());
        assert!(faults.iter().any(|fault| fault.pointer == "/tool"), "{tool}: {faults:?}");
    }
}

#[test]
fn a_command_is_its_words_and_its_folder_and_not_what_is_said_about_it() {
    let call = Call::command("bash", &["npm", "test"], "/work/app");
    let mut rule = counts("tests", None, "bash", Effect::Read, json!({}));
    rule.when.argv.clone_from(&call.argv);
    rule.when.cwd.clone_from(&call.cwd);
    for (name, value, fits) in [
        ("description", json!("in other words"), true),
        ("timeout", json!(600), true),
        ("workdir", json!("/work/app"), true),
        ("directory", json!("/work/other"), false),
        ("with_escalated_permissions", json!(true), false),
        ("workdir", json!("/work/app/"), false),
        ("workdir", json!(null), false),
        ("env", json!({}), false),
    ] {
        let mut changed = call.clone();
        changed.args.insert(name.to_owned(), value.clone());
        assert_eq!(covers(&rule, &changed), fits, "{name}: {value}");
    }
    rule.when.args.insert("env".to_owned(), Pattern::Is(json!({ "CI": "1" })));
    assert!(!covers(&rule, &call), "what is named has to be there");
    let mut named = call;
    named.args.insert("env".to_owned(), json!({ "CI": "1" }));
    assert!(covers(&rule, &named));
}

/// Makes a rule wrong.
type Change = fn(&mut Rule);

/// What is wrong, and where.
#[test]
fn faults_are_found_and_named() {
    let good = || allow("note", "helper", "crm.note", json!({ "id": { "is": 7 } }));
    assert_eq!(good().fault(now()), Vec::new());
    let shell = || counts("c", None, "bash", Effect::Read, json!({}));
    let changes: Vec<(Rule, Change, &str)> = vec![
        (good(), |rule| rule.name = " ".into(), "/name"),
        (good(), |rule| rule.name = "a\u{202e}b".into(), "/name"),
        (good(), |rule| rule.agent = None, "/agent"),
        (good(), |rule| rule.agent = Some("a b".into()), "/agent"),
        (good(), |rule| rule.tool = None, "/tool"),
        (good(), |rule| rule.tool = Some("Bash".into()), "/tool"),
        (good(), |rule| rule.tool = Some(String::new()), "/tool"),
        (good(), |rule| rule.until = None, "/until"),
        (good(), |rule| rule.until = Some(now()), "/until"),
        (good(), |rule| rule.until = Some(now() + TimeDelta::seconds(30 * 86400 + 1)), "/until"),
        (good(), |rule| rule.uses = Some(0), "/uses"),
        (good(), |rule| rule.when.argv = Some(vec!["ls".into()]), "/when/argv"),
        (good(), |rule| rule.when.cwd = None, "/when/cwd"),
        (good(), |rule| rule.when.cwd = Some("work".into()), "/when/cwd"),
        (good(), |rule| rule.when.cwd = Some("/work/".into()), "/when/cwd"),
        (good(), |rule| set(rule, Pattern::Any), "/when/args"),
        (good(), |rule| set(rule, Pattern::OneOf(vec![])), "/when/args/id"),
        (good(), |rule| set(rule, Pattern::Between(2.0, 1.0)), "/when/args/id"),
        (good(), |rule| set(rule, Pattern::Between(f64::NAN, 1.0)), "/when/args/id"),
        (good(), |rule| set(rule, Pattern::Between(0.0, f64::INFINITY)), "/when/args/id"),
        (good(), |rule| set(rule, Pattern::Within("/".into())), "/when/args/id"),
        (good(), |rule| set(rule, Pattern::Within("/etc".into())), "/when/args/id"),
        (good(), |rule| set(rule, Pattern::Within("/work/../etc".into())), "/when/args/id"),
        (good(), |rule| set(rule, Pattern::Within("~/work".into())), "/when/args/id"),
        (good(), |rule| set(rule, Pattern::Within("/work/app/".into())), "/when/args/id"),
        (good(), |rule| set(rule, Pattern::Is(json!("x".repeat(70_000)))), ""),
        (good(), |rule| rule.when.expr = Some("args.id ==".into()), "/when/expr"),
        (good(), |rule| rule.when.expr = Some("steps.a.output".into()), "/when/expr"),
        (good(), |rule| rule.when.expr = Some("facts.ok".into()), "/when/expr"),
        (good(), |rule| rule.when.expr = Some("x".repeat(600)), "/when/expr"),
        (shell(), |rule| rule.tool = None, "/tool"),
        (shell(), |_| {}, "/when/argv"),
        (shell(), |rule| rule.when.expr = Some("args.command == 'ls'".into()), "/when/argv"),
        (shell(), |rule| rule.when.argv = Some(vec!["ls".into()]), "/when/cwd"),
        (shell(), |rule| rule.when.argv = Some(vec![]), "/when/argv"),
        (shell(), |rule| rule.when.argv = Some(vec!["a\0b".into()]), "/when/argv"),
        (shell(), |rule| rule.tool = Some("crm.find".into()), "/when/args"),
        (
            counts("c", None, "crm.find", Effect::Read, json!({})),
            |rule| rule.when.expr = Some("agent == 'helper' || true".into()),
            "/when/expr",
        ),
        (hold("h", None, "why"), |rule| rule.does = Does::Hold { why: " ".into() }, "/why"),
        (hold("h", None, "why"), |rule| rule.uses = Some(3), "/uses"),
        (hold("h", None, "why"), |rule| rule.when.expr = Some("now > 1".into()), "/when/expr"),
    ];
    for (mut rule, change, pointer) in changes {
        change(&mut rule);
        let faults = rule.fault(now());
        let found = faults.iter().any(|fault| fault.pointer == pointer);
        assert!(found, "expected a fault at {pointer:?} of {rule:?}, got {faults:?}");
        for fault in &faults {
            assert!(fault.message.ends_with('.') && fault.hint.ends_with('.'), "{fault:?}");
        }
    }
    let mut bare = hold("h", None, "why");
    assert_eq!(bare.fault(now()), Vec::new(), "a hold over everything is allowed");
    bare.does = Does::Counts { effect: Effect::Irreversible };
    bare.tool = Some("bash".into());
    assert_eq!(bare.fault(now()), Vec::new(), "as is making a whole tool worse");
}

fn set(rule: &mut Rule, pattern: Pattern) {
    rule.when.args.insert("id".into(), pattern);
}

#[test]
fn numbers_are_what_they_are_and_not_how_they_are_written() {
    let is = |wanted: Value, given: Value| {
        let mut rule = allow("n", "helper", "pay", json!({}));
        set(&mut rule, Pattern::Is(wanted));
        covers(&rule, &Call::new("helper", "pay", json!({ "id": given })))
    };
    assert!(is(json!(1), json!(1.0)) && is(json!(1.0), json!(1)) && is(json!(-0.0), json!(0)));
    assert!(is(json!([1, { "a": 2 }]), json!([1.0, { "a": 2.0 }])), "at any depth");
    assert!(is(json!(u64::MAX), json!(u64::MAX)));
    assert!(!is(json!(u64::MAX), json!(u64::MAX - 1)));
    assert!(!is(json!(u64::MAX), json!(18_446_744_073_709_551_615.0)), "one of many");
    for other in [json!("1"), json!(true), json!(null), json!([1]), json!(1.000_000_1), json!(-1)] {
        assert!(!is(json!(1), other.clone()), "{other}");
    }
}

#[test]
fn a_hold_counts_what_it_cannot_tell_as_fitting() {
    let mut amount = hold("big", Some("pay"), "Over 100.");
    amount.when.args.insert("amount".into(), Pattern::Between(100.0, 1e12));
    let mut folder = hold("system", Some("write"), "System files.");
    folder.when.args.insert("path".into(), Pattern::Within("/etc".into()));
    let mut limit = hold("limit", Some("pay"), "Over the limit.");
    limit.when.expr = Some("args.amount > facts.limit".into());
    let call = |tool: &str, args: Value| Call::new("helper", tool, args);
    for (rule, tool, args, held) in [
        (&amount, "pay", json!({ "amount": 100 }), true),
        (&amount, "pay", json!({ "amount": 99.99 }), false),
        (&amount, "pay", json!({ "amount": "5" }), true),
        (&amount, "pay", json!({ "amount": [5] }), true),
        (&amount, "pay", json!({}), false),
        (&folder, "write", json!({ "path": "/etc/hosts", "more": 1 }), true),
        (&folder, "write", json!({ "path": "/work/../etc/hosts" }), true),
        (&folder, "write", json!({ "path": "hosts" }), true),
        (&folder, "write", json!({ "path": "/work/hosts" }), false),
        (&limit, "pay", json!({ "amount": 1 }), true),
        (&limit, "find", json!({ "amount": 1 }), false),
    ] {
        assert_eq!(covers(rule, &call(tool, args.clone())), held, "{} with {args}", rule.name);
    }
    let matched = kept(&[limit.clone()]).matched(&call("pay", json!({ "amount": 1 })).facts());
    let why = &matched.hold[0].1;
    assert!(why.starts_with("Over the limit. (Its condition could not be evaluated: "), "{why}");
    let mut known = call("pay", json!({ "amount": 1 }));
    known.facts = json!({ "limit": 50 }).as_object().expect("object").clone();
    assert!(!covers(&limit, &known));
    let mut broken = limit;
    broken.when.expr = Some("args.amount >".into());
    assert!(covers(&broken, &known), "a hold that cannot be read holds");
    broken.does = Does::Counts { effect: Effect::Read };
    assert!(!covers(&broken, &known), "and what lets go does not");
    broken.does = Does::Counts { effect: Effect::Irreversible };
    assert!(covers(&broken, &known), "making it worse is on the safe side, too");
}

#[test]
fn of_several_rules_the_worst_effect_the_first_allow_and_every_hold_count() {
    let fit = json!({ "id": { "is": 1 } });
    let rules = kept(&[
        counts("a", None, "crm.note", Effect::Read, fit.clone()),
        counts("b", Some("helper"), "crm.note", Effect::Reversible, fit.clone()),
        counts("c", None, "crm.note", Effect::Read, fit.clone()),
        hold("d", None, "d"),
        hold("e", Some("crm.note"), "e"),
        allow("f", "helper", "crm.note", fit.clone()),
        allow("g", "helper", "crm.note", fit),
        hold("h", Some("other"), "h"),
    ]);
    let call = Call::new("helper", "crm.note", json!({ "id": 1 }));
    let matched = rules.matched(&call.facts());
    let hold = vec![(4, "d".to_owned()), (5, "e".to_owned())];
    assert_eq!(matched, Matched { allow: Some(6), hold, counts: Some((2, Effect::Reversible)) });
}

#[test]
fn paths_within_a_folder() {
    for inside in
        ["/work/app/a", "/work/app/a/b.c", "/work/app/.env", "/work/app/a b", "/work/app/ä"]
    {
        assert!(is_within(inside, "/work/app"), "{inside}");
    }
    for outside in misses::PATH_TRICKS {
        assert!(!is_within(outside, "/work/app"), "{outside:?}");
    }
}

#[test]
fn a_path_lies_in_a_folder_by_where_it_leads() {
    let mut lets =
        allow("in", "helper", "file.write", json!({ "path": { "within": "/work/app" } }));
    let mut holds = hold("in", Some("file.write"), "Look.");
    holds.when.args.clone_from(&lets.when.args);
    lets.until = None;
    let call = Call::new("helper", "file.write", json!({ "path": "/work/app/a" }));
    let other = Call::new("helper", "file.write", json!({ "path": "/tmp/a" }));
    let leads = |path: Option<&str>, folder: Option<&str>| {
        let owned = |path: Option<&str>| path.map(str::to_owned);
        let written = ["/work/app/a", "/tmp/a"].map(|written| (written.to_owned(), owned(path)));
        written.into_iter().chain([("/work/app".to_owned(), owned(folder))]).collect::<Leads>()
    };
    for (call, path, folder, goes, held) in [
        (&call, Some("/work/app/a"), Some("/work/app"), true, true),
        (&call, Some("/srv/app/a"), Some("/srv/app"), false, true),
        (&call, Some("/etc/passwd"), Some("/work/app"), false, true),
        (&call, Some("/work/app/a"), Some("/srv/app"), false, true),
        (&call, None, Some("/work/app"), false, true),
        (&call, Some("/work/app/a"), None, false, true),
        (&other, Some("/tmp/a"), Some("/work/app"), false, false),
        (&other, Some("/work/app/a"), Some("/work/app"), true, true),
        (&other, None, Some("/work/app"), false, true),
        (&other, Some("/work/app/$id"), Some("/work/app"), false, true),
    ] {
        let leads = leads(path, folder);
        let facts = CallFacts { leads: Some(&leads), ..call.facts() };
        let said = (lets.matches(&facts), holds.matches(&facts));
        assert_eq!(said, (goes, held), "{:?} leads to {path:?} of {folder:?}", call.args);
    }
    let nobody_looked = CallFacts { leads: Some(&Leads::new()), ..call.facts() };
    assert!(!lets.matches(&nobody_looked));
}

#[test]
fn rules_are_flat_json_and_know_every_name() {
    for (rule, _) in samples::all() {
        let json = serde_json::to_value(&rule).expect("json");
        assert!(json["does"].is_string(), "{json}");
        assert_eq!(serde_json::from_value::<Rule>(json).expect("the same"), rule);
    }
    for bad in [
        json!({ "name": "a", "does": "allow", "untill": "2026-12-01T00:00:00Z" }),
        json!({ "name": "a", "does": "allow", "why": "x" }),
        json!({ "name": "a", "does": "hold" }),
        json!({ "name": "a", "does": "counts" }),
        json!({ "name": "a", "does": "counts", "effect": "read", "why": "x" }),
        json!({ "name": "a", "does": "deny" }),
        json!({ "name": "a" }),
        json!({ "name": "a", "does": "allow", "when": { "arg": {} } }),
        json!({ "name": "a", "does": "allow", "when": { "args": { "a": { "like": "x" } } } }),
    ] {
        assert!(serde_json::from_value::<Rule>(bad.clone()).is_err(), "{bad}");
    }
}

#[test]
fn a_thousand_rules_cost_a_check_next_to_nothing() {
    let rules = samples::thousand();
    assert_eq!(rules.iter().count(), 1000);
    let call = Call::new("agent-7", "tool-3", json!({ "path": "/work/a.txt", "n": 3 }));
    let rounds = 200;
    // A thread with the stack for conditions, as the gate's are: one of its own
    // for each check would cost more than the check.
    let checked = move || {
        has_stack();
        let started = Instant::now();
        for _ in 0..rounds {
            assert_eq!(rules.matched(&call.facts()).allow, Some(733));
        }
        started.elapsed() / rounds
    };
    let thread = thread::Builder::new().stack_size(STACK).spawn(checked).expect("a thread");
    let each = thread.join().expect("no panic");
    // Unoptimised and on a busy machine; far below a thousand evaluations.
    let bound = Duration::from_micros(if cfg!(debug_assertions) { 3000 } else { 100 });
    assert!(each < bound, "{each:?}");
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-5_i64..5).prop_map(Value::from),
        "[a-c/.]{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[ab]", inner, 0..3)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn args() -> impl Strategy<Value = Value> {
    prop::collection::btree_map("[a-c]", value(), 0..4)
        .prop_map(|map: BTreeMap<String, Value>| Value::Object(map.into_iter().collect()))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn exactly_this_is_exactly_this(one in args(), other in args()) {
        let first = Call::new("helper", "crm.note", one.clone());
        let second = Call::new("helper", "crm.note", other.clone());
        let rule = Rule::from_call(&first.facts(), now() + TimeDelta::days(1), None);
        prop_assert!(covers(&rule, &first));
        prop_assert_eq!(covers(&rule, &second), one == other);
    }

    #[test]
    fn the_set_says_what_its_rules_say(
        picked in prop::collection::vec((0_usize..40, 0_usize..3, 0_usize..3), 1..12),
        asked in 0_usize..40,
    ) {
        let samples = samples::all();
        let rules: Vec<Rule> = picked
            .iter()
            .map(|(place, agent, tool)| {
                let mut rule = samples[*place].0.clone();
                if *agent == 0 { rule.agent = None; }
                if *tool == 0 { rule.tool = None; }
                rule
            })
            .collect();
        let call = &samples[asked].1;
        let matched = kept(&rules).matched(&call.facts());
        let alone: Vec<i64> = rules
            .iter()
            .zip(1..)
            .filter(|(rule, _)| rule.does == Does::Allow && rule.matches(&call.facts()))
            .map(|(_, id)| id)
            .collect();
        prop_assert_eq!(matched.allow, alone.first().copied());
    }

    #[test]
    fn nothing_that_is_read_as_a_rule_brings_it_down(
        when in args(),
        given in args(),
        expr in "[a-z.()\\[\\]'\"<>=&|!0-9 ]{0,40}",
    ) {
        let args = when.as_object().into_iter().flatten();
        let rule = Rule {
            name: "any".into(),
            agent: None,
            tool: None,
            when: When {
                args: args.map(|(name, value)| (name.clone(), Pattern::Is(value.clone()))).collect(),
                expr: Some(expr),
                ..When::default()
            },
            does: Does::Hold { why: "why".into() },
            until: None,
            uses: None,
        };
        drop(rule.fault(now()));
        drop(rule.preview());
        covers(&rule, &Call::new("helper", "crm.note", given));
    }
}
