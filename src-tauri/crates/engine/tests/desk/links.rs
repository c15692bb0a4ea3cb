//! Rules for a folder, and real links in it: what a link leads to lies where it
//! leads.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use handoff_domain::autonomy::Level;
use handoff_domain::rule::Rule;
use handoff_testkit::Headless;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::agent::Agent;
use crate::gate::{AGENT, ask, desk, set};

/// A desk on which files may be moved within a folder, beside another folder.
struct Work {
    desk: Headless,
    agent: Agent,
    inside: PathBuf,
    outside: PathBuf,
    _root: TempDir,
}

async fn work() -> Work {
    let root = tempfile::tempdir().unwrap();
    let real = root.path().canonicalize().unwrap();
    let (inside, outside) = (real.join("inside"), real.join("outside"));
    for folder in [&inside, &outside] {
        fs::create_dir(folder).unwrap();
        fs::write(folder.join("a"), "a").unwrap();
    }
    let (desk, agent) = desk().await;
    set(&desk, Level::Suggest).await;
    keep(&desk, allow(&inside)).await;
    Work { desk, agent, inside, outside, _root: root }
}

async fn keep(desk: &Headless, rule: Value) {
    let rule: Rule = serde_json::from_value(rule).unwrap();
    desk.engine.add_rule(rule).await.unwrap();
}

fn allow(folder: &Path) -> Value {
    json!({ "name": "x", "agent": AGENT, "tool": "files.move", "does": "allow",
        "until": "2026-10-01T00:00:00Z",
        "when": { "args": { "from": { "within": folder }, "to": { "within": folder } } } })
}

impl Work {
    /// What the gate says of moving a file to a place within the folder.
    async fn moves(&self, key: &str, to: &str) -> Value {
        self.moves_in(&self.inside, key, to).await
    }

    /// The same by another name of the folder.
    async fn moves_in(&self, folder: &Path, key: &str, to: &str) -> Value {
        let (from, to) = (folder.join("a"), folder.join(to));
        let check = json!({ "tool": "files.move", "key": key, "effect": "reversible",
            "task": { "id": format!("t-{key}"), "title": "Tidy", "goal": "Sort the files" },
            "args": { "from": from, "to": to },
            "undo": { "kind": "tool", "tool": "files.move", "args": { "from": to, "to": from } } });
        ask(&self.agent, check).await["verdict"].clone()
    }
}

#[tokio::test]
async fn a_rule_for_a_folder_lets_nothing_go_over_a_link_that_leads_out_of_it() {
    let work = work().await;
    symlink(&work.outside, work.inside.join("out")).unwrap();
    symlink(work.outside.join("a"), work.inside.join("file")).unwrap();
    symlink(work.outside.join("gone"), work.inside.join("nowhere")).unwrap();
    fs::create_dir(work.inside.join("sub")).unwrap();
    symlink(work.inside.join("sub"), work.inside.join("in")).unwrap();
    for (key, to, verdict) in [
        ("1", "b", "run"),
        ("2", "sub/deeper/b", "run"),
        ("3", "in/b", "run"),
        ("4", "out/b", "held"),
        ("5", "out/new/b", "held"),
        ("6", "file", "held"),
        ("7", "nowhere", "held"),
        ("8", "nowhere/b", "held"),
    ] {
        assert_eq!(work.moves(key, to).await, verdict, "{to}");
    }
}

#[tokio::test]
async fn a_link_that_is_made_after_the_rule_and_after_a_first_answer_counts() {
    let work = work().await;
    assert_eq!(work.moves("1", "sub/b").await, "run");
    symlink(&work.outside, work.inside.join("sub")).unwrap();
    assert_eq!(work.moves("2", "sub/b").await, "held");
    assert_eq!(work.moves("1", "sub/b").await, "held", "nor may the first one any more");
}

#[tokio::test]
async fn a_folder_is_named_without_a_link_and_reached_over_any() {
    let work = work().await;
    let linked = work.outside.join("linked");
    symlink(&work.inside, &linked).unwrap();
    let rule: Rule = serde_json::from_value(allow(&linked)).unwrap();
    let refused = work.desk.engine.add_rule(rule).await.expect_err("refused").0;
    let at: Vec<&str> = refused.faults.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(at, ["/when/args/from", "/when/args/to"]);
    let real = work.inside.to_str().unwrap();
    assert!(refused.faults[0].hint.contains(real), "{refused:?}");
    assert_eq!(work.moves_in(&linked, "1", "b").await, "run", "the same folder by another name");
    symlink(&work.outside, work.inside.join("out")).unwrap();
    assert_eq!(work.moves_in(&linked, "2", "out/b").await, "held");
}

#[tokio::test]
async fn a_folder_that_was_exchanged_for_a_link_is_not_the_one_of_the_rule() {
    let work = work().await;
    assert_eq!(work.moves("1", "b").await, "run");
    fs::rename(&work.inside, work.outside.join("away")).unwrap();
    symlink(&work.outside, &work.inside).unwrap();
    assert_eq!(work.moves("2", "b").await, "held");
}

#[tokio::test]
async fn a_hold_for_a_folder_holds_what_leads_into_it() {
    let work = work().await;
    symlink(&work.outside, work.inside.join("out")).unwrap();
    set(&work.desk, Level::Execute).await;
    assert_eq!(work.moves("1", "out/b").await, "run", "by its level");
    let hold = json!({ "name": "y", "tool": "files.move", "does": "hold", "why": "Look.",
        "when": { "args": { "to": { "within": work.outside } } } });
    keep(&work.desk, hold).await;
    assert_eq!(work.moves("2", "out/b").await, "held");
    assert_eq!(work.moves("3", "b").await, "run");
}
