//! The published schemas.

use std::path::Path;

use handoff_domain::schema::{SCHEMAS, files, schema};

#[test]
fn the_committed_files_are_those_generated() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let files = files();
    assert_eq!(files.len(), SCHEMAS.len());
    for (name, text) in files {
        let committed = std::fs::read_to_string(top.join(&name)).unwrap_or_default();
        assert!(committed == text, "{name} is stale: run `cargo xtask gen`");
    }
}

#[test]
fn every_schema_is_one_and_leads_nowhere_else() {
    for name in SCHEMAS {
        let schema = schema(name).expect("known");
        jsonschema::draft202012::meta::validate(&schema).expect("a schema of 2020-12");
        let text = schema.to_string();
        let hosts = text.matches("://").count();
        assert_eq!(hosts, 1, "{name} names a host beside that of `$schema`");
    }
    assert_eq!(schema("nothing"), None);
}
