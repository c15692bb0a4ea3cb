//! How often each trigger is right, over the labelled traces.

use std::fmt::Write as _;
use std::path::Path;

use handoff_domain::trigger::TriggerKind;

use super::notation::{Case, cases};

/// The triggers that are measured, each with its file of traces.
pub const MEASURED: [(TriggerKind, &str); 10] = [
    (TriggerKind::MissingArgument, "missing_argument"),
    (TriggerKind::Contradiction, "contradiction"),
    (TriggerKind::FactMismatch, "fact_mismatch"),
    (TriggerKind::Compliance, "compliance"),
    (TriggerKind::Rephrased, "rephrased"),
    (TriggerKind::Scope, "scope"),
    (TriggerKind::ChainLength, "chain_length"),
    (TriggerKind::ContextChurn, "context_churn"),
    (TriggerKind::RepeatedError, "repeated_error"),
    (TriggerKind::Limit, "limit"),
];

/// What was counted for one trigger.
pub struct Row {
    pub name: &'static str,
    pub positives: usize,
    pub negatives: usize,
    /// The names of the cases it got wrong.
    pub wrong: Vec<String>,
    /// Of what was held, the percentage that should be.
    pub precision: f64,
    /// Of what should be held, the percentage that was.
    pub recall: f64,
}

/// The traces of one trigger.
pub fn traces(name: &str) -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/traces");
    cases(&folder.join(format!("{name}.trace")))
}

/// A row for each trigger.
pub fn rows() -> Vec<Row> {
    MEASURED.iter().map(|(kind, name)| row(*kind, name)).collect()
}

#[expect(clippy::cast_precision_loss, reason = "there are some dozens of cases")]
fn row(kind: TriggerKind, name: &'static str) -> Row {
    let cases = traces(name);
    let judged: Vec<(bool, bool)> = cases
        .iter()
        .map(|case| (case.label, case.fired().iter().any(|found| found.trigger == kind)))
        .collect();
    let count =
        |which: &dyn Fn(&(bool, bool)) -> bool| judged.iter().filter(|one| which(one)).count();
    let held = count(&|(label, held)| *label && *held);
    let positives = count(&|(label, _)| *label);
    let all_held = count(&|(_, held)| *held);
    let wrong = cases
        .iter()
        .zip(&judged)
        .filter(|(_, (label, held))| label != held)
        .map(|(case, (_, held))| {
            format!("{}: {}", if *held { "held" } else { "passed" }, case.name)
        })
        .collect();
    Row {
        name,
        positives,
        negatives: cases.len() - positives,
        wrong,
        precision: held as f64 / all_held.max(1) as f64,
        recall: held as f64 / positives.max(1) as f64,
    }
}

/// The rows as a table, and the cases that are wrong below it.
pub fn table(rows: &[Row]) -> String {
    let mut out = format!(
        "{:<18}{:>10}{:>11}{:>11}{:>8}\n",
        "trigger", "positives", "negatives", "precision", "recall"
    );
    for row in rows {
        let _ = writeln!(
            out,
            "{:<18}{:>10}{:>11}{:>11.3}{:>8.3}",
            row.name, row.positives, row.negatives, row.precision, row.recall
        );
    }
    for wrong in rows.iter().flat_map(|row| &row.wrong) {
        let _ = writeln!(out, "wrongly {wrong}");
    }
    out
}
