//! What the page in the window may do: the settings on which its safety rests,
//! held against what they must be. What an agent wrote is on that page.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail like the test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

/// All that the page may load, and from where. A kind that is not here may come
/// from nowhere.
const MAY_LOAD: &[(&str, &[&str])] = &[
    ("default-src", &["'none'"]),
    ("script-src", &["'self'"]),
    // Svelte and the editor set styles of single elements.
    ("style-src", &["'self'", "'unsafe-inline'"]),
    ("img-src", &["'self'"]),
    ("font-src", &["'self'"]),
    ("connect-src", &["ipc:", "http://ipc.localhost"]),
    ("base-uri", &["'none'"]),
    ("form-action", &["'none'"]),
    ("frame-ancestors", &["'none'"]),
];

/// The one file by which the app is configured, and those that tauri would
/// merge into it.
fn read(name: &str) -> Value {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    serde_json::from_str(&fs::read_to_string(root.join(name)).unwrap()).unwrap()
}

#[test]
fn the_page_loads_nothing_from_elsewhere_and_runs_no_script_but_its_own() {
    let config = read("tauri.conf.json");
    let policy = config["app"]["security"]["csp"].as_str().unwrap();
    let found: BTreeMap<&str, Vec<&str>> = policy
        .split(';')
        .filter_map(|part| {
            let mut words = part.split_whitespace();
            Some((words.next()?, words.collect()))
        })
        .collect();
    let expected: BTreeMap<&str, Vec<&str>> =
        MAY_LOAD.iter().map(|(kind, from)| (*kind, from.to_vec())).collect();
    assert_eq!(found, expected);
}

#[test]
fn nothing_weakens_what_the_page_may_do() {
    let config = read("tauri.conf.json");
    let security = config["app"]["security"].as_object().unwrap();
    let known = ["csp", "dangerousDisableAssetCspModification", "freezePrototype", "capabilities"];
    for name in security.keys() {
        assert!(known.contains(&name.as_str()), "{name}: think of it, and name it here");
    }
    // Scripts still get their hashes; only styles are left as they are.
    assert_eq!(security["dangerousDisableAssetCspModification"], json!(["style-src"]));
    assert_eq!(security["capabilities"], json!(["desk"]), "no other file gives rights");
    assert_eq!(config["app"]["withGlobalTauri"], json!(false), "no script finds tauri by chance");
    assert_eq!(config["app"]["windows"], json!([]), "the desk makes its one window itself");
    assert_eq!(config["build"].get("devUrl"), None, "the page comes with the app");
}

#[test]
fn the_window_has_its_own_commands_and_hears_of_changes_and_that_is_all() {
    let desk = read("src-tauri/capabilities/desk.json");
    assert_eq!(desk["windows"], json!(["desk"]));
    assert_eq!(desk.get("remote"), None, "no page of the network has rights");
    let rights = ["core:event:allow-listen", "core:event:allow-unlisten", "desk-commands"];
    assert_eq!(desk["permissions"], json!(rights));
}
