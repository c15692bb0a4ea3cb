//! Calls that look much like the one a rule was made for, and are another.

use chrono::TimeDelta;
use handoff_domain::rule::{Does, Pattern, Rule};
use serde_json::{Value, json};

use crate::calls::Call;
use crate::samples::is_any;

/// Not within `/work/app`, whatever some tool might make of them.
pub const PATH_TRICKS: [&str; 56] = [
    "",
    "/",
    "/work",
    "/work/app",
    "/work/app/",
    "/work/app/a/",
    "/work/app//a",
    "//work/app/a",
    "/work//app/a",
    "/work/app/../app/a",
    "/work/app/../a",
    "/work/app/..",
    "/work/app/.",
    "/work/app/./a",
    "/work/app/a/..",
    "/work/app/a/../../../etc/passwd",
    "/work/./app/a",
    "work/app/a",
    "./work/app/a",
    "../work/app/a",
    "~/work/app/a",
    "~root/work/app/a",
    "/work/app/~/a",
    "/work/app/~root/a",
    "/work/app-evil/a",
    "/work/app.bak/a",
    "/work/ap",
    "/work/appa",
    "/Work/app/a",
    "/work/App/a",
    "/WORK/APP/A",
    "/work /app/a",
    "/work/app /a",
    " /work/app/a",
    "/work/app/a ",
    "/work/app/ a",
    "/work/app/a\n",
    "/work/app/a\0",
    "/work/app/a\0/../../etc",
    "/work/app\0/a",
    "/work/app/a\tb",
    "/work/app\\..\\..\\etc",
    "/work/app/..\\..\\etc",
    "/work/app/$HOME/a",
    "/work/app/`id`",
    "/work/app/*",
    "/work/app/{a,../b}",
    "/work/app/%2e%2e/a",
    "/work/app/%2E%2E%2Fa",
    "/work/app/\u{ff0e}\u{ff0e}/a",
    "/work/app\u{ff0f}a",
    "/work/\u{430}pp/a",
    "/work/app/\u{202e}a",
    "/work/app/\u{200b}/a",
    "file:///work/app/a",
    "C:\\work\\app\\a",
];

/// Every near miss of a rule that lets something go, with what was changed.
pub fn of(rule: &Rule, call: &Call) -> Vec<(String, Call)> {
    let mut found = Vec::new();
    let mut add = |what: &str, change: &dyn Fn(&mut Call)| {
        let mut miss = call.clone();
        change(&mut miss);
        assert_ne!(&miss, call, "{what} changes nothing");
        found.push((what.to_owned(), miss));
    };
    for other in texts(&call.tool) {
        add("another tool", &|miss| miss.tool.clone_from(&other));
    }
    if let Some(agent) = &rule.agent {
        for other in texts(agent) {
            add("another agent", &|miss| miss.agent.clone_from(&other));
        }
    }
    if let Some(until) = rule.until {
        for late in [0, 1, 86_400, 400 * 86_400] {
            add("too late", &|miss| miss.at = until + TimeDelta::seconds(late));
        }
    }
    if rule.when.cwd.as_deref() == Some("") {
        for other in ["/", "/work", "/work/app", "/tmp", "work", ".", "..", "~", " "] {
            add("a named folder", &|miss| miss.cwd = Some(other.to_owned()));
        }
    }
    if let Some(folder) = rule.when.cwd.as_deref().filter(|folder| !folder.is_empty()) {
        add("an unknown folder", &|miss| miss.cwd = None);
        for other in folders(folder) {
            add("another folder", &|miss| miss.cwd = Some(other.clone()));
        }
    }
    for (what, argv) in call.argv.iter().flat_map(|words| commands(words)) {
        add(what, &|miss| miss.argv.clone_from(&argv));
    }
    let only_condition =
        rule.does != Does::Allow && rule.when.args.is_empty() && rule.when.argv.is_none();
    if !only_condition || call.args.is_empty() {
        for (name, value) in extra() {
            if !call.args.contains_key(name) {
                let value = &value;
                add("one more argument", &|miss| {
                    drop(miss.args.insert(name.to_owned(), value.clone()));
                });
            }
        }
    }
    for (name, value) in &call.args {
        let pattern = rule.when.args.get(name);
        if rule.when.argv.is_some() {
            continue;
        }
        add("one argument less", &|miss| drop(miss.args.remove(name)));
        for other in texts(name) {
            add("another name", &|miss| {
                if let Some(value) = miss.args.remove(name) {
                    miss.args.insert(other.clone(), value);
                }
            });
        }
        if pattern.is_some_and(is_any) && rule.when.expr.is_none() {
            continue;
        }
        for other in values(value, pattern) {
            add("another value", &|miss| drop(miss.args.insert(name.clone(), other.clone())));
        }
    }
    found
}

fn values(value: &Value, pattern: Option<&Pattern>) -> Vec<Value> {
    let mut found = vec![json!([value]), json!({ "value": value }), json!([]), json!({})];
    if !value.is_null() {
        found.push(Value::Null);
    }
    match (value, pattern) {
        (Value::String(_), Some(Pattern::Within(folder))) => {
            found.extend(PATH_TRICKS.iter().map(|path| json!(path.replace("/work/app", folder))));
            // Those that are the folder's own after the exchange stay out.
            found.retain(|path| {
                !path
                    .as_str()
                    .is_some_and(|path| path.contains("/work/app") && folder != "/work/app")
            });
            found.extend(["/etc/passwd", "/work/other/a", "a"].map(Value::from));
        }
        (Value::String(text), pattern) => {
            let mut others = texts(text);
            if let Some(Pattern::OneOf(values)) = pattern {
                others.retain(|other| !values.contains(&json!(other)));
            }
            found.extend(others.into_iter().map(Value::from));
            found.extend([json!(true), json!(0)]);
        }
        (Value::Number(number), pattern) => {
            let number = number.as_f64().expect("a number");
            found.extend([json!(number.to_string()), json!(format!(" {number}")), json!(true)]);
            let others = match pattern {
                Some(Pattern::Between(least, most)) => {
                    vec![
                        least - 0.01,
                        most + 0.01,
                        least - 1.0,
                        most + 1.0,
                        most * 1e6,
                        -1e300,
                        1e300,
                    ]
                }
                Some(Pattern::OneOf(_)) => vec![number + 1.0, number * 10.0, number + 1e-9],
                Some(Pattern::Any) => vec![0.0, -1.0, 3.5, 4.0, 1e300],
                _ => vec![number + 1.0, number - 1.0, -number, number * 10.0, number + 1e-9, 1e300],
            };
            found.extend(others.into_iter().map(Value::from));
        }
        (Value::Bool(flag), _) => {
            found.extend([
                json!(!flag),
                json!(flag.to_string()),
                json!(i32::from(*flag)),
                json!("yes"),
            ]);
        }
        (Value::Null, _) => found.extend([json!(""), json!("null"), json!(0), json!(false)]),
        (Value::Array(list), _) => {
            let mut turned = list.clone();
            turned.reverse();
            let mut longer = list.clone();
            longer.push(json!("c"));
            found.extend([
                json!(turned),
                json!(longer),
                json!(list[1..]),
                json!("a,b"),
                json!([list]),
            ]);
        }
        (Value::Object(map), _) => {
            for (name, inner) in map {
                let mut without = map.clone();
                without.remove(name);
                found.push(Value::Object(without));
                for other in values(inner, None) {
                    let mut changed = map.clone();
                    changed.insert(name.clone(), other);
                    found.push(Value::Object(changed));
                }
            }
            let mut more = map.clone();
            more.insert("role".to_owned(), json!("admin"));
            found.extend([Value::Object(more), json!(value.to_string())]);
        }
    }
    found.retain(|other| other != value);
    found
}

/// Other texts that look much the same.
fn texts(text: &str) -> Vec<String> {
    let mut found: Vec<String> = [
        "", " ", "\t", "\n", "\0", "\u{200b}", "\u{feff}", "\u{a0}", "\u{301}", "/", ".", "*",
        "\\", "'", ";", "x", "\r",
    ]
    .iter()
    .flat_map(|sign| [format!("{text}{sign}"), format!("{sign}{text}")])
    .collect();
    found.extend([
        text.to_uppercase(),
        text.to_lowercase(),
        text.replace('a', "\u{430}"),
        text.replace('e', "\u{435}"),
        text.replace('o', "\u{3bf}"),
        text.replace('i', "\u{456}"),
        text.replace('s', "\u{455}"),
        text.replace('-', "\u{2010}"),
        text.replace('-', "_"),
        text.replace('.', "\u{2024}"),
        text.replace('/', "\u{2215}"),
        text.replace('ö', "o\u{308}"),
        text.replace('A', "\u{391}"),
        text.replace('1', "l"),
        text.replace('/', "//"),
        text.replace('.', ".."),
        format!("\"{text}\""),
        format!("{text}{text}"),
        format!("$({text})"),
        text.chars()
            .map(|sign| match sign {
                '!'..='~' => char::from_u32(u32::from(sign) + 0xfee0).unwrap_or(sign),
                _ => sign,
            })
            .collect(),
        text.chars().rev().collect(),
        text.chars().skip(1).collect(),
        text.chars().take(text.chars().count().saturating_sub(1)).collect(),
        text.trim_start_matches('/').to_owned(),
    ]);
    found.retain(|other| other != text);
    found.sort();
    found.dedup();
    found
}

fn folders(folder: &str) -> Vec<String> {
    let mut found = texts(folder);
    found.extend([
        format!("{folder}/."),
        format!("{folder}/.."),
        format!("{folder}/sub"),
        format!("{folder}/../{}", folder.rsplit('/').next().unwrap_or_default()),
        format!("/private{folder}"),
        format!("~{folder}"),
        "/".to_owned(),
        "/work".to_owned(),
        "/tmp".to_owned(),
        ".".to_owned(),
        String::new(),
    ]);
    found
}

/// The same command in other words, which may do something else.
fn commands(words: &[String]) -> Vec<(&'static str, Option<Vec<String>>)> {
    let mut found = vec![("not one simple command", None), ("no words", Some(Vec::new()))];
    let mut add = |what: &'static str, words: Vec<String>| found.push((what, Some(words)));
    let program = words[0].as_str();
    let with_program = |before: &[&str], program: String| {
        let mut all: Vec<String> = before.iter().map(|word| (*word).to_owned()).collect();
        all.push(program);
        all.extend_from_slice(&words[1..]);
        all
    };
    for form in ["./", "/bin/", "/usr/bin/", "/tmp/", "../", "\\", "~/bin/", "./node_modules/.bin/"]
    {
        add("a program of that name elsewhere", with_program(&[], format!("{form}{program}")));
    }
    for before in [
        &["busybox"][..],
        &["/bin/busybox"],
        &["sudo"],
        &["sudo", "-u", "root"],
        &["env"],
        &["env", "PATH=/tmp"],
        &["command"],
        &["exec"],
        &["nohup"],
        &["time"],
        &["xargs"],
        &["nice", "-n", "1"],
        &["sh", "-c"],
        &["bash", "-c"],
        &["toybox"],
        &["PATH=/tmp"],
    ] {
        add("run by another program", with_program(before, program.to_owned()));
    }
    for flag in [
        "-f",
        "-r",
        "-rf",
        "--force",
        "-v",
        "--help",
        "--",
        "-",
        "-c",
        "--config=/tmp/x",
        "-o",
        "--fix",
        "..",
        ".",
        "*",
        "/",
        "/etc/passwd",
        "~",
        "&&",
        ";",
        "|",
        "rm",
        ">",
        "$HOME",
        "",
    ] {
        for place in 0..=words.len() {
            let mut more = words.to_vec();
            more.insert(place, flag.to_owned());
            add("one word more", more);
        }
    }
    for place in 0..words.len() {
        let mut less = words.to_vec();
        less.remove(place);
        add("one word less", less);
        for other in texts(&words[place]) {
            let mut changed = words.to_vec();
            changed[place] = other;
            add("another word", changed);
        }
    }
    if words.len() > 1 {
        add("one long word", vec![words.join(" ")]);
        let mut turned = words.to_vec();
        turned.reverse();
        add("another order", turned);
    }
    found
}

/// What a call could be given besides.
fn extra() -> Vec<(&'static str, Value)> {
    let names = [
        "force",
        "recursive",
        "overwrite",
        "env",
        "shell",
        "sudo",
        "user",
        "as",
        "path",
        "paths",
        "target",
        "cwd",
        "workdir",
        "stdin",
        "input",
        "args",
        "options",
        "flags",
        "dry_run",
        "all",
        "to",
        "id",
        "",
        " ",
        "run_in_background",
        "sandbox",
        "dangerously_disable_sandbox",
        "with_escalated_permissions",
    ];
    let values =
        [json!(true), json!(null), json!("/etc"), json!(""), json!({ "PATH": "/tmp" }), json!([])];
    names.iter().flat_map(|name| values.iter().map(|value| (*name, value.clone()))).collect()
}
