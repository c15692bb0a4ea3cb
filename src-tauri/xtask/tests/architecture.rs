//! Who may import what: the column of DESIGN §3, as a table, held against what
//! cargo resolves and what lies in the folders.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail like the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

/// Each crate with the crates of ours it may import. A crate that is not here
/// is refused: whoever adds one decides where it stands.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("handoff-domain", &[]),
    ("handoff-protocol", &["handoff-domain"]),
    ("handoff-store", &["handoff-domain"]),
    ("handoff-spool", &["handoff-domain", "handoff-protocol"]),
    ("handoff-keeper", &["handoff-domain"]),
    (
        "handoff-engine",
        &["handoff-domain", "handoff-protocol", "handoff-store", "handoff-spool", "handoff-keeper"],
    ),
    ("handoff-transport", &["handoff-domain", "handoff-protocol"]),
    // `verify` and `doctor` look at what lies on the disk, desk or no desk.
    (
        "handoff-cli",
        &[
            "handoff-domain",
            "handoff-hooks",
            "handoff-protocol",
            "handoff-transport",
            "handoff-spool",
            "handoff-store",
            "handoff-mcp",
        ],
    ),
    ("handoff-mcp", IN_BY_SOCKET),
    ("handoff-hooks", &["handoff-domain", "handoff-protocol", "handoff-transport"]),
    ("handoff-connectors", &["handoff-domain", "handoff-protocol", "handoff-engine"]),
    (
        "handoff-testkit",
        &[
            "handoff-domain",
            "handoff-protocol",
            "handoff-store",
            "handoff-spool",
            "handoff-keeper",
            "handoff-engine",
            "handoff-transport",
            "handoff-connectors",
        ],
    ),
    ("handoff-stage", &[]),
    ("handoff-faultfs", &[]),
    (
        "handoff-bench",
        &[
            "handoff-domain",
            "handoff-protocol",
            "handoff-store",
            "handoff-engine",
            "handoff-transport",
            "handoff-mcp",
            "handoff-connectors",
            "handoff-testkit",
            "handoff-stage",
        ],
    ),
    (
        APP,
        &[
            "handoff-domain",
            "handoff-protocol",
            "handoff-store",
            "handoff-spool",
            "handoff-keeper",
            "handoff-engine",
            "handoff-transport",
            "handoff-cli",
            "handoff-mcp",
            "handoff-hooks",
            "handoff-connectors",
        ],
    ),
    ("handoff-generate", &["handoff-domain", "handoff-protocol"]),
    ("xtask", &["handoff-stage"]),
];

/// The ways in reach the desk over its socket or leave a file for it; they
/// know the payload's types and nothing of how the desk keeps them.
const IN_BY_SOCKET: &[&str] =
    &["handoff-domain", "handoff-protocol", "handoff-transport", "handoff-spool"];

/// The package that puts everything together.
const APP: &str = "handoff-desk";

/// The one room with a network client.
const CONNECTORS: &str = "handoff-connectors";

/// Ours, but no part of what is shipped: tests and tasks alone may use them.
const NOT_SHIPPED: &[&str] = &[
    "handoff-testkit",
    "handoff-stage",
    "handoff-faultfs",
    "handoff-bench",
    "handoff-generate",
    "xtask",
];

/// All that the domain may name: pure functions over text and values.
const PURE: &[&str] = &[
    "cel",
    "chrono",
    "jsonschema",
    "regex",
    "schemars",
    "serde",
    "serde_json",
    "serde_json_canonicalizer",
    "sha2",
    "sqlparser",
    "strsim",
    "thiserror",
    "tree-sitter",
    "tree-sitter-bash",
    "ts-rs",
    "unicode-general-category",
    "unicode-segmentation",
];

/// A crate, and the only ones of ours that may name it.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("tauri", &[APP]),
    ("tauri-build", &[APP]),
    ("tauri-plugin-window-state", &[APP]),
    ("webkit2gtk", &[APP]),
    ("notify-rust", &[APP]),
    // A measurement needs the bare database to measure against, and a disk that
    // fails is put under it.
    ("rusqlite", &["handoff-store", "handoff-bench", "handoff-faultfs"]),
    ("rusqlite_migration", &["handoff-store"]),
    ("ureq", &["handoff-stage", CONNECTORS]),
];

/// What nothing shipped but the connectors may reach, however far down: the desk
/// talks to nobody over a network but to the servers that the reviewer has added.
const NO_NETWORK: &[&str] = &[
    "curl",
    "hyper",
    "isahc",
    "native-tls",
    "openssl",
    "quinn",
    "reqwest",
    "rustls",
    "surf",
    "tungstenite",
    "ureq",
];

/// What not even the connectors may reach: a second client, or TLS of another
/// make.
const OTHER_CLIENTS: &[&str] =
    &["curl", "hyper", "isahc", "native-tls", "openssl", "quinn", "reqwest", "surf", "tungstenite"];

/// What the crates below the app may not reach, however far down: they build
/// and are tested without it.
const NO_WINDOW: &[&str] = &["tauri", "wry", "tao", "gtk", "webkit2gtk", "notify-rust"];

/// What the pure crates may not reach, however far down.
const NO_WORLD: &[&str] = &["tokio", "mio", "socket2", "rusqlite", "libsqlite3-sys"];

/// How long a file may be before it should be two.
const LINES: usize = 500;

#[test]
fn our_crates_import_only_what_the_table_allows() {
    let faults = import_faults(&imports(&metadata()));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn an_import_against_the_table_is_found() {
    let import = |from: &str, to: &str| Import { from: from.into(), to: to.into(), ours: true };
    let faults = import_faults(&[
        import("handoff-domain", "handoff-protocol"),
        import("handoff-mcp", "handoff-store"),
        import("handoff-new", "handoff-domain"),
        import("handoff-engine", "handoff-store"),
        Import { from: "handoff-domain".into(), to: "tokio".into(), ours: false },
        Import { from: "handoff-engine".into(), to: "tauri".into(), ours: false },
    ]);
    assert_eq!(faults.len(), 5, "all but engine → store is against the table: {faults:#?}");
}

#[test]
fn no_shipped_crate_reaches_a_network_client_and_no_lower_one_a_window() {
    let metadata = metadata();
    let mut faults = Vec::new();
    for name in ours(&metadata) {
        if NOT_SHIPPED.contains(&name.as_str()) {
            continue;
        }
        let reached = reached(&metadata, &name);
        let mut refuse = |banned: &[&str], why: &str| {
            for found in banned.iter().filter(|banned| reached.contains(**banned)) {
                faults.push(format!("{name} reaches {found}: {why}"));
            }
        };
        if name == CONNECTORS || name == APP {
            refuse(OTHER_CLIENTS, "one network client is enough");
        } else {
            refuse(NO_NETWORK, "only the connectors have a network client");
        }
        if name != APP {
            refuse(NO_WINDOW, "only the app has a window");
        }
        if name == "handoff-domain" || name == "handoff-protocol" {
            refuse(NO_WORLD, "a pure crate needs no runtime and no database");
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn nothing_shipped_can_weaken_the_store() {
    let metadata = metadata();
    let dependencies = metadata
        .workspace_packages()
        .into_iter()
        .flat_map(|package| package.dependencies.iter().map(move |found| (package, found)));
    let faults: Vec<String> = dependencies
        .filter(|(_, found)| found.kind != DependencyKind::Development)
        .filter(|(_, found)| found.features.iter().any(|name| name == "fault-injection"))
        .map(|(package, _)| format!("{} has its commits' syncs in its hand", package.name))
        .collect();
    assert!(faults.is_empty(), "tests alone: {}", faults.join("\n"));
}

#[test]
fn nothing_shipped_opens_a_network_socket() {
    let mut faults = Vec::new();
    for file in sources(&root().join("src-tauri"), &["rs"]) {
        let name = shown(&file);
        let shipped = NOT_SHIPPED
            .iter()
            .all(|crate_| !name.contains(&format!("/{}/", crate_.trim_start_matches("handoff-"))));
        let text = fs::read_to_string(&file).unwrap();
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let opens = ["TcpListener", "TcpStream", "TcpSocket", "UdpSocket"];
            if shipped && opens.iter().any(|socket| code.contains(socket)) {
                faults.push(format!("{name}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(faults.is_empty(), "agents connect over the desk's socket:\n{}", faults.join("\n"));
}

#[test]
fn files_are_short_enough_to_be_read() {
    let mut long = Vec::new();
    for folder in ["src-tauri", "tests", "ui/src", "ui/tests"] {
        for file in sources(&root().join(folder), &["rs", "ts", "svelte"]) {
            let lines = fs::read_to_string(&file).unwrap().lines().count();
            if lines > LINES {
                long.push(format!("{}: {lines} lines", shown(&file)));
            }
        }
    }
    assert!(long.is_empty(), "over {LINES} lines, so two files:\n{}", long.join("\n"));
}

/// One crate of ours names another crate as a dependency of what is built.
#[derive(Debug)]
struct Import {
    from: String,
    to: String,
    ours: bool,
}

fn import_faults(imports: &[Import]) -> Vec<String> {
    let table: BTreeMap<&str, &[&str]> = MAY_IMPORT.iter().copied().collect();
    let only_in: BTreeMap<&str, &[&str]> = ONLY_IN.iter().copied().collect();
    let mut faults = Vec::new();
    for Import { from, to, ours } in imports {
        let fault = match table.get(from.as_str()) {
            None => Some("is not in the table of this test".to_owned()),
            Some(allowed) if *ours && !allowed.contains(&to.as_str()) => {
                Some(format!("may import of ours only {allowed:?}"))
            }
            Some(_) if !ours && from == "handoff-domain" && !PURE.contains(&to.as_str()) => {
                Some("may import pure crates only".to_owned())
            }
            Some(_) => only_in
                .get(to.as_str())
                .filter(|allowed| !allowed.contains(&from.as_str()))
                .map(|allowed| format!("is not among those that may: {allowed:?}")),
        };
        faults.extend(fault.map(|fault| format!("{from} → {to}: {from} {fault}")));
    }
    faults
}

fn imports(metadata: &Metadata) -> Vec<Import> {
    let ours = ours(metadata);
    let mut imports = Vec::new();
    for package in metadata.workspace_packages() {
        for dependency in &package.dependencies {
            if dependency.kind == DependencyKind::Development {
                continue;
            }
            imports.push(Import {
                from: package.name.to_string(),
                to: dependency.name.clone(),
                ours: ours.contains(&dependency.name),
            });
        }
    }
    assert!(!imports.is_empty(), "cargo names the dependencies of the workspace");
    imports
}

fn ours(metadata: &Metadata) -> BTreeSet<String> {
    metadata.workspace_packages().iter().map(|package| package.name.to_string()).collect()
}

/// The names of all packages that are built into `name`.
fn reached(metadata: &Metadata, name: &str) -> BTreeSet<String> {
    let resolve = metadata.resolve.as_ref().unwrap();
    let nodes: BTreeMap<&PackageId, _> =
        resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let start = metadata.packages.iter().find(|package| package.name.as_str() == name).unwrap();
    let mut seen = BTreeSet::new();
    let mut next = vec![&start.id];
    while let Some(id) = next.pop() {
        if !seen.insert(id) {
            continue;
        }
        for dependency in &nodes[id].deps {
            if dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal) {
                next.push(&dependency.pkg);
            }
        }
    }
    seen.iter().map(|id| metadata[id].name.to_string()).collect()
}

/// What cargo resolves for this machine's platform.
fn metadata() -> Metadata {
    let version = Command::new("rustc").arg("-vV").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .other_options(["--filter-platform".to_owned(), host.to_owned()])
        .exec()
        .unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

fn shown(file: &Path) -> String {
    file.strip_prefix(root()).unwrap().display().to_string()
}

/// The written (not generated, not installed) files with one of the endings.
fn sources(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !["gen", "node_modules", "target", "dist"].contains(&name.as_str()) {
                found.extend(sources(&path, endings));
            }
        } else if path.extension().is_some_and(|ending| endings.iter().any(|e| ending == *e)) {
            found.push(path);
        }
    }
    found
}

/// A command that is handled and not allowed fails only when somebody uses it.
#[test]
fn the_window_may_call_every_command_there_is_and_no_other() {
    let root = root();
    let handled = fs::read_to_string(root.join("src-tauri/src/lib.rs")).expect("the app");
    let handled: BTreeSet<&str> = handled
        .split("generate_handler![")
        .nth(1)
        .and_then(|list| list.split(']').next())
        .expect("the list of commands")
        .split("commands::")
        .skip(1)
        .filter_map(|name| name.split(',').next())
        .collect();
    let allowed = fs::read_to_string(root.join("src-tauri/permissions/desk.toml")).expect("them");
    let allowed: BTreeSet<&str> = allowed
        .split("commands.allow = [")
        .nth(1)
        .expect("the list of what is allowed")
        .split('"')
        .skip(1)
        .step_by(2)
        .collect();
    assert_eq!(handled, allowed);
}
