//! What is committed is what the types say.

use std::fs;
use std::path::Path;

#[test]
fn the_committed_files_are_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(3).unwrap();
    handoff_generate::check(root).unwrap();
}

#[test]
fn a_missing_a_changed_and_a_stale_file_are_each_named_and_mended() {
    let root = tempfile::tempdir().unwrap();
    handoff_generate::write(root.path()).unwrap();
    handoff_generate::check(root.path()).unwrap();

    fs::remove_file(root.path().join("ui/src/gen/State.ts")).unwrap();
    fs::write(root.path().join("schema/handoff.json"), "{}").unwrap();
    fs::write(root.path().join("ui/src/gen/Gone.ts"), "").unwrap();

    let fault = handoff_generate::check(root.path()).unwrap_err().to_string();
    for name in ["ui/src/gen/State.ts", "schema/handoff.json", "ui/src/gen/Gone.ts"] {
        assert!(fault.contains(name), "{name} is named in: {fault}");
    }
    handoff_generate::write(root.path()).unwrap();
    handoff_generate::check(root.path()).unwrap();
}
