//! Triggers over labelled traces, and over anything at all.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod measure;
mod notation;
mod properties;

/// The least that may be right of each trigger. A change that makes one worse
/// changes its line here, and says why.
#[test]
fn each_trigger_is_as_often_right_as_it_was() {
    let rows = measure::rows();
    let table = measure::table(&rows);
    for row in rows {
        assert!(row.positives >= 20 && row.negatives >= 20, "{}: too few\n{table}", row.name);
        assert!(row.precision >= 0.9 && row.recall >= 0.9, "{}\n{table}", row.name);
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
