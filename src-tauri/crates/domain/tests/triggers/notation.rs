//! Traces as text: what an agent did, what it is about to do, and whether a
//! person should be asked. `tests/traces/README.md` says how they are written.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, TimeDelta};
use handoff_domain::action::{ActionStatus, Effect};
use handoff_domain::effect::command_words;
use handoff_domain::rule::{CallFacts, Kept, Matched, Rule, Rules};
use handoff_domain::trace::{Call, Proposed, Trace};
use handoff_domain::trigger::{Evidence, Triggers, fired};
use serde_json::{Map, Value};

/// One labelled trace.
pub struct Case {
    /// Its file's line, and what it is about.
    pub name: String,
    /// A person should be asked.
    pub label: bool,
    /// What the evidence must say, somewhere.
    pub says: Vec<String>,
    pub trace: Trace,
    pub set: Triggers,
    /// The folder in which the call is proposed.
    cwd: Option<String>,
    /// The limits that the reviewer has set.
    limits: Vec<Rule>,
    step: Option<Step>,
}

/// The call that is proposed.
struct Step {
    effect: Effect,
    tool: String,
    args: Map<String, Value>,
    schema: Option<Value>,
}

impl Case {
    /// What the triggers and the limits say of the proposed call.
    pub fn fired(&self) -> Vec<Evidence> {
        let mut found = fired(&self.trace, &self.proposed(), &self.set);
        found.extend(self.matched().limits());
        found
    }

    fn matched(&self) -> Matched {
        let call = self.proposed();
        let facts: Map<String, Value> =
            self.trace.calls.iter().flat_map(|call| call.facts.clone()).collect();
        let words = command_words(call.tool, call.args);
        let kept = self.limits.iter().zip(1..).map(|(rule, id)| {
            let rule = rule.clone();
            Kept { id, rule, used: 0 }
        });
        Rules::new(kept).matched(&CallFacts {
            agent: "agent",
            task: "task",
            tool: call.tool,
            args: call.args,
            argv: words.as_ref().map(|(argv, _)| argv.as_slice()),
            cwd: None,
            leads: None,
            facts: &facts,
            at: DateTime::UNIX_EPOCH,
        })
    }

    /// The proposed call.
    pub fn proposed(&self) -> Proposed<'_> {
        let step = self.step.as_ref().expect("a proposed call");
        Proposed {
            step: None,
            tool: &step.tool,
            args: &step.args,
            cwd: self.cwd.as_deref(),
            effect: step.effect,
            args_schema: step.schema.as_ref(),
        }
    }
}

/// The cases of a file.
pub fn cases(file: &Path) -> Vec<Case> {
    let text = std::fs::read_to_string(file).expect("a file of traces");
    let mut schemas = BTreeMap::new();
    let mut rules: BTreeMap<String, Rule> = BTreeMap::new();
    let mut cases: Vec<Case> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let place = format!("{}:{}", file.file_name().expect("a name").display(), number + 1);
        let line = line.trim();
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "" | "#" => {}
            "+" | "-" => cases.push(Case {
                name: format!("{place} {rest}"),
                label: word == "+",
                says: Vec::new(),
                trace: Trace::default(),
                set: Triggers::default(),
                cwd: None,
                limits: Vec::new(),
                step: None,
            }),
            "schema" => {
                let (name, schema) = rest.split_once(' ').expect("a name and a schema");
                schemas.insert(name.to_owned(), value(schema, &place).0);
            }
            "rule" => {
                let (name, rule) = rest.split_once(' ').expect("a name and a rule");
                let rule: Rule =
                    serde_json::from_str(rule).unwrap_or_else(|error| panic!("{place}: {error}"));
                let faults = rule.fault(DateTime::UNIX_EPOCH);
                assert!(faults.is_empty(), "{place}: {faults:?}");
                rules.insert(name.to_owned(), rule);
            }
            "limit" => {
                let case = cases.last_mut().unwrap_or_else(|| panic!("{place}: no case yet"));
                case.limits.push(rules[rest].clone());
            }
            _ => {
                let case = cases.last_mut().unwrap_or_else(|| panic!("{place}: no case yet"));
                say(case, word, rest, &place, &schemas);
            }
        }
    }
    assert!(cases.iter().all(|case| case.step.is_some()), "each case proposes a call");
    cases
}

fn say(case: &mut Case, word: &str, rest: &str, place: &str, schemas: &BTreeMap<String, Value>) {
    let list = || Some(rest.split(", ").map(str::to_owned).collect());
    match word {
        "tools" => case.trace.tools = list(),
        "targets" => case.trace.targets = list(),
        "in" => case.cwd = Some(rest.to_owned()),
        "says" => case.says.push(rest.to_owned()),
        "looked" => case.trace.since_decision = 0,
        "set" => {
            let mut set = serde_json::to_value(&case.set).expect("json");
            let changes = value(rest, place).0;
            for (name, value) in changes.as_object().expect("an object") {
                set[name] = value.clone();
            }
            case.set = serde_json::from_value(set).expect("settings");
        }
        "?" => {
            let (word, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            let call = Line::read(rest, place);
            let schema = call.schema.map(|name| schemas[&name].clone());
            let effect = effect(word, place);
            case.step = Some(Step { effect, tool: call.tool, args: call.args, schema });
        }
        times if times.parse::<u32>().is_ok() => {
            let (what, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            for time in 1..=times.parse().unwrap_or(1) {
                add(case, what, &rest.replace("{n}", &time.to_string()), place);
            }
        }
        what => add(case, what, rest, place),
    }
}

fn add(case: &mut Case, what: &str, rest: &str, place: &str) {
    let (status, what) = match what.strip_suffix('!') {
        Some(what) => (ActionStatus::Failed, what),
        None => (ActionStatus::Done, what),
    };
    let call = Line::read(rest, place);
    let number = case.trace.calls.len() + 1;
    let start = DateTime::from_timestamp(1_780_000_000, 0).expect("a moment");
    case.trace.since_decision += 1;
    std::sync::Arc::make_mut(&mut case.trace.calls).push(Call {
        id: format!("a{number}"),
        step: None,
        tool: call.tool,
        args: Value::Object(call.args),
        output: call.output,
        status,
        effect: effect(what, place),
        facts: call.facts,
        at: start + TimeDelta::seconds(i64::try_from(number).unwrap_or(0)),
    });
}

fn effect(word: &str, place: &str) -> Effect {
    match word {
        "read" => Effect::Read,
        "write" => Effect::Reversible,
        "send" => Effect::Irreversible,
        other => panic!("{place}: {other} is no kind of call"),
    }
}

/// `TOOL {args} => output facts {facts} schema NAME`, all but the tool optional.
struct Line {
    tool: String,
    args: Map<String, Value>,
    output: Option<Value>,
    facts: Map<String, Value>,
    schema: Option<String>,
}

impl Line {
    fn read(text: &str, place: &str) -> Self {
        let (tool, mut rest) = text.split_once(' ').unwrap_or((text, ""));
        let mut line = Self {
            tool: tool.to_owned(),
            args: Map::new(),
            output: None,
            facts: Map::new(),
            schema: None,
        };
        if rest.trim_start().starts_with('{') {
            let (args, after) = value(rest, place);
            line.args = args.as_object().cloned().expect("arguments are an object");
            rest = after;
        }
        loop {
            rest = rest.trim_start();
            if let Some(after) = rest.strip_prefix("=>") {
                let (output, after) = value(after, place);
                line.output = Some(output);
                rest = after;
            } else if let Some(after) = rest.strip_prefix("facts") {
                let (facts, after) = value(after, place);
                line.facts = facts.as_object().cloned().expect("facts are an object");
                rest = after;
            } else if let Some(name) = rest.strip_prefix("schema ") {
                line.schema = Some(name.trim().to_owned());
                return line;
            } else {
                assert!(rest.is_empty(), "{place}: {rest} is left over");
                return line;
            }
        }
    }
}

/// The value a text begins with, and the text behind it.
fn value<'t>(text: &'t str, place: &str) -> (Value, &'t str) {
    let mut values = serde_json::Deserializer::from_str(text).into_iter();
    match values.next() {
        Some(Ok(value)) => (value, &text[values.byte_offset()..]),
        other => panic!("{place}: {other:?} in {text}"),
    }
}
