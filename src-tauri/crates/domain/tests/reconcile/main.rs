//! Plans and decisions with the directives they must lead to.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod notation;
mod owed;
mod properties;

use std::path::Path;

use handoff_domain::reconcile::{FactSource, Reconciliation};
use notation::{Told, cases};

#[test]
fn every_decision_leads_to_the_directive_that_is_written_down() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reconcile");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "plan"))
        .collect();
    files.sort();
    let all: Vec<Told> = files.iter().flat_map(|file| cases(file)).collect();
    let mut wrong = Vec::new();
    for case in &all {
        let found = case.outcome();
        let faults = differences(case, &found);
        if !faults.is_empty() {
            wrong.push(format!("{}\n  {}", case.name, faults.join("\n  ")));
        }
    }
    assert!(all.len() >= 60, "only {} decisions are written down", all.len());
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), all.len(), wrong.join("\n"));
}

fn differences(case: &Told, found: &Reconciliation) -> Vec<String> {
    let mut wrong = Vec::new();
    let lines: Vec<[String; 3]> = found
        .lines
        .iter()
        .map(|line| [line.step.clone(), named(line.verdict), line.why.clone()])
        .collect();
    compare("line", &case.lines, &lines, &mut wrong);
    let conflicts: Vec<[String; 4]> = found
        .conflicts
        .iter()
        .map(|conflict| {
            let told = if conflict.needs_override { "override" } else { "told" };
            let step = conflict.step.clone().unwrap_or_else(|| "-".to_owned());
            [named(conflict.kind), step, told.to_owned(), conflict.text.clone()]
        })
        .collect();
    compare("conflict", &case.conflicts, &conflicts, &mut wrong);
    let facts: Vec<[String; 4]> = found
        .facts
        .iter()
        .map(|fact| {
            let old = fact.old.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string);
            let source = match fact.source {
                FactSource::Reviewer => "reviewer",
                FactSource::EditedArgs => "edited",
                FactSource::ByHand => "by hand",
            };
            [fact.name.clone(), old, fact.new.to_string(), source.to_owned()]
        })
        .collect();
    compare("fact", &case.facts, &facts, &mut wrong);
    let faults: Vec<[String; 1]> = found
        .faults
        .iter()
        .map(|fault| [format!("{} {} {}", fault.pointer, fault.message, fault.hint)])
        .collect();
    let expected: Vec<[String; 1]> = case.faults.iter().map(|says| [says.clone()]).collect();
    compare("fault", &expected, &faults, &mut wrong);
    let owed: Vec<[String; 2]> =
        found.owed.iter().map(|(step, at)| [step.clone(), at.to_rfc3339()]).collect();
    if !case.owed.is_empty() {
        compare("owed", &case.owed, &owed, &mut wrong);
    }
    if case.undo != found.undo {
        wrong.push(format!("undo {:?}, not {:?}", found.undo, case.undo));
    }
    if !case.constraints.is_empty() {
        let constraints: Vec<[String; 3]> = found
            .constraints
            .iter()
            .map(|stand| {
                let how = match stand.holds {
                    Some(true) => "holds",
                    Some(false) => "fails",
                    None => "words",
                };
                let option = stand.option.clone().unwrap_or_else(|| "-".to_owned());
                [option, how.to_owned(), stand.text.clone()]
            })
            .collect();
        compare("constraint", &case.constraints, &constraints, &mut wrong);
    }
    wrong
}

fn named(value: impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).expect("json");
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// All parts are equal but the last, which must hold what is expected.
fn compare<const COUNT: usize>(
    what: &str,
    expected: &[[String; COUNT]],
    found: &[[String; COUNT]],
    wrong: &mut Vec<String>,
) {
    for place in 0..expected.len().max(found.len()) {
        match (expected.get(place), found.get(place)) {
            (Some(expected), Some(found)) => {
                let last = COUNT - 1;
                if expected[..last] != found[..last] || !found[last].contains(&expected[last]) {
                    wrong.push(format!("{what} {found:?}, not {expected:?}"));
                }
            }
            (Some(expected), None) => wrong.push(format!("{what} {expected:?} is missing")),
            (None, Some(found)) => wrong.push(format!("{what} {found:?} is too much")),
            (None, None) => {}
        }
    }
}
