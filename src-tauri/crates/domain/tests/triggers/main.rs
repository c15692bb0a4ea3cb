//! Triggers over labelled traces, and over anything at all.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod measure;
mod notation;
mod properties;

/// The least precision and recall of each trigger, as committed. A change that
/// makes one worse lowers its line here, and says why.
const AT_LEAST: [(&str, f64, f64); 10] = [
    ("missing_argument", 1.0, 1.0),
    ("contradiction", 0.92, 1.0),
    ("fact_mismatch", 0.93, 1.0),
    ("compliance", 0.96, 0.96),
    ("rephrased", 1.0, 0.96),
    ("scope", 0.94, 1.0),
    ("chain_length", 1.0, 1.0),
    ("context_churn", 0.92, 1.0),
    ("repeated_error", 1.0, 0.96),
    ("limit", 0.9, 0.9),
];

#[test]
fn each_trigger_is_as_often_right_as_it_was() {
    let rows = measure::rows();
    let table = measure::table(&rows);
    for (row, (name, precision, recall)) in rows.iter().zip(AT_LEAST) {
        assert_eq!(row.name, name);
        assert!(row.positives >= 20 && row.negatives >= 20, "{name}: too few\n{table}");
        assert!(row.precision >= precision && row.recall >= recall, "{name}\n{table}");
    }
}

#[test]
fn the_evidence_says_what_it_is_about() {
    for (kind, name) in measure::MEASURED {
        for case in measure::traces(name).iter().filter(|case| !case.says.is_empty()) {
            let found = case.fired();
            let evidence = found.iter().find(|found| found.trigger == kind);
            let evidence = evidence.unwrap_or_else(|| panic!("{} did not fire", case.name));
            let told = serde_json::to_value(evidence).expect("json").to_string();
            for says in &case.says {
                assert!(told.contains(says.as_str()), "{}: no {says} in {told}", case.name);
            }
        }
    }
}
