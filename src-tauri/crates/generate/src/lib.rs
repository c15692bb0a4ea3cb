//! What is written from the types and committed: the window's TypeScript, the
//! JSON Schemas and PROTOCOL.md.
//!
//! A crate of its own, because it builds half of the app and the tasks that a
//! newcomer runs first must not wait for that.

#![expect(clippy::print_stdout, reason = "a task speaks to the person who started it")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// Folders in which everything is generated: a file that is not is stale.
const FOLDERS: &[&str] = &["ui/src/gen", "schema"];

/// Writes everything, and removes stale files.
pub fn write(root: &Path) -> anyhow::Result<()> {
    let (differing, fresh) = differing(root)?;
    for name in &differing {
        let path = root.join(name);
        if let Some(text) = fresh.get(name) {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(&path, text).with_context(|| format!("{name} cannot be written"))?;
            println!("wrote {name}");
        } else {
            fs::remove_file(&path).with_context(|| format!("{name} cannot be removed"))?;
            println!("removed {name}");
        }
    }
    println!("{} generated files, {} changed", fresh.len(), differing.len());
    Ok(())
}

/// Compares everything with what is committed.
pub fn check(root: &Path) -> anyhow::Result<()> {
    let (differing, fresh) = differing(root)?;
    if differing.is_empty() {
        println!("{} generated files are up to date", fresh.len());
        return Ok(());
    }
    bail!(
        "these generated files differ from the types they come from: {}. Run: cargo xtask gen",
        differing.join(", ")
    );
}

type Files = BTreeMap<String, String>;

/// The names of the files that are missing, changed or stale, and all files as
/// they should be.
fn differing(root: &Path) -> anyhow::Result<(Vec<String>, Files)> {
    let fresh = fresh()?;
    let mut differing = Vec::new();
    for (name, text) in &fresh {
        // A checkout may have turned the line ends.
        let there = fs::read_to_string(root.join(name)).unwrap_or_default().replace("\r\n", "\n");
        if there != *text {
            differing.push(name.clone());
        }
    }
    for folder in FOLDERS {
        for file in files(&root.join(folder))? {
            let name = format!("{folder}/{}", file.display());
            if !fresh.contains_key(&name) {
                differing.push(name);
            }
        }
    }
    Ok((differing, fresh))
}

fn fresh() -> anyhow::Result<Files> {
    let mut fresh = Files::new();
    let folder = tempfile::tempdir()?;
    handoff_protocol::generate::typescript(folder.path())?;
    for file in files(folder.path())? {
        let text = fs::read_to_string(folder.path().join(&file))?;
        fresh.insert(format!("ui/src/gen/{}", file.display()), text);
    }
    fresh.insert("ui/src/gen/unseen.ts".to_owned(), handoff_protocol::generate::unseen());
    fresh.extend(handoff_domain::schema::files());
    fresh.insert("PROTOCOL.md".to_owned(), handoff_protocol::generate::protocol_md());
    Ok(fresh)
}

/// All files below `folder`, relative to it; none when it is not there.
fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let Ok(entries) = fs::read_dir(&next) else { continue };
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(folder)?.to_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}
