//! The reading of calls, held to a labelled corpus.

use std::time::Instant;

use handoff_domain::effect::{Class, read};
use serde_json::{Map, Value, json};

const COMMANDS: &str = include_str!("effect/commands.txt");

fn args(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("no object: {other}"),
    }
}

fn class(command: &str) -> Class {
    read("bash", &args(json!({ "command": command })), Some("/work/app")).class
}

fn corpus() -> Vec<(Class, String)> {
    let lines = COMMANDS.lines().filter(|line| !line.is_empty() && !line.starts_with("# "));
    let labelled = lines.map(|line| {
        let (class, command) = line.split_once(' ').expect("a class and a command");
        let class = match class {
            "read" => Class::Read,
            "write" => Class::Write,
            "unknown" => Class::Unknown,
            "irreversible" => Class::Irreversible,
            other => panic!("no class: {other}"),
        };
        (class, command.replace('⏎', "\n"))
    });
    labelled.collect()
}

#[test]
fn no_harmful_command_is_read_as_less_and_few_reads_are_held() {
    let corpus = corpus();
    assert!(corpus.len() >= 400, "{} commands", corpus.len());
    let (mut reads, mut alarms, mut wrong) = (0, Vec::new(), Vec::new());
    for (label, command) in &corpus {
        let reading = read("bash", &args(json!({ "command": command })), Some("/work/app"));
        let line = format!("{label:?} {command:?}: {:?}, {}", reading.class, reading.why);
        if *label == Class::Read {
            reads += 1;
        }
        if *label == Class::Read && reading.class > Class::Read {
            alarms.push(line);
        } else if reading.class < *label
            && !(*label == Class::Irreversible && reading.class == Class::Unknown)
        {
            wrong.push(line);
        } else if *label == Class::Irreversible && reading.class != Class::Irreversible
            || *label == Class::Write && reading.class != Class::Write
            || *label == Class::Unknown && reading.class != Class::Unknown
        {
            wrong.push(format!("other class: {line}"));
        }
    }
    println!("{} commands, {reads} reads, {} of them held", corpus.len(), alarms.len());
    assert!(
        wrong.is_empty(),
        "read as less than they are:\n{}\nalarms:\n{}",
        wrong.join("\n"),
        alarms.join("\n")
    );
    assert!(alarms.len() * 100 < reads * 3, "held:\n{}", alarms.join("\n"));
}

#[test]
fn a_typical_command_takes_no_time() {
    let corpus = corpus();
    let start = Instant::now();
    for (_, command) in &corpus {
        let _class = class(command);
    }
    println!("{:?} for a command", start.elapsed() / u32::try_from(corpus.len()).expect("few"));
}
