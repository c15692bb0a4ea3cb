//! Malformed and hostile payloads, kept as files: `NAME.json` is the text, each
//! line of `NAME.expect` a pointer, a tab, and words of the fault there.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use handoff_domain::validate::{Fault, parse};

fn now() -> DateTime<Utc> {
    "2026-11-20T09:15:00Z".parse().expect("a moment")
}

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the corpus")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .collect();
    found.sort();
    found
}

#[test]
fn every_case_gives_exactly_the_expected_faults() {
    let cases = cases();
    assert!(cases.len() >= 60, "only {} cases", cases.len());
    let wrong: Vec<String> = cases.iter().filter_map(|case| differs(case)).collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

fn differs(case: &Path) -> Option<String> {
    let text = std::fs::read_to_string(case).expect("a text");
    let expect = std::fs::read_to_string(case.with_extension("expect")).expect("expectations");
    let expected: Vec<(&str, &str)> =
        expect.lines().map(|line| line.split_once('\t').expect("a tab")).collect();
    let faults = parse(&text, now()).err().unwrap_or_default();
    let given: BTreeSet<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
    let wanted: BTreeSet<&str> = expected.iter().map(|(pointer, _)| *pointer).collect();
    let said = |pointer: &str, words: &str| {
        faults.iter().any(|fault| fault.pointer == pointer && says(fault, words))
    };
    let unsaid: Vec<_> = expected.iter().filter(|(pointer, words)| !said(pointer, words)).collect();
    let stops = |text: &str| text.ends_with(['.', '?']);
    let unfinished = faults.iter().any(|fault| !stops(&fault.message) || !stops(&fault.hint));
    let same = given == wanted && faults.len() == wanted.len() && unsaid.is_empty() && !unfinished;
    (!same).then(|| {
        format!(
            "{}: unsaid {unsaid:?}\n    in {faults:#?}",
            case.file_stem().expect("a name").display()
        )
    })
}

fn says(fault: &Fault, words: &str) -> bool {
    fault.message.contains(words) || fault.hint.contains(words)
}
