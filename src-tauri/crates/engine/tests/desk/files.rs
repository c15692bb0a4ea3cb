use std::fs;
use std::path::{Path, PathBuf};

use handoff_domain::autonomy::Level;
use handoff_testkit::Headless;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::agent::Agent;
use crate::gate::{ask, desk, set, task};

struct Work {
    _root: TempDir,
    folder: PathBuf,
}

impl Work {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().canonicalize().unwrap();
        fs::write(folder.join("a.txt"), "before").unwrap();
        Self { _root: root, folder }
    }

    fn edit(&self, key: &str, file: &str) -> Value {
        json!({
            "task": task(), "tool": "Edit", "key": key, "cwd": self.folder,
            "args": { "file_path": self.folder.join(file), "old_string": "b", "new_string": "a" },
            "undo": { "kind": "files" }, "files": [file],
        })
    }

    fn done(&self, id: &str, file: &str) -> Value {
        json!({ "task": "t", "action": {
            "id": id, "tool": "Edit", "effect": "reversible", "status": "done",
            "input": { "file_path": self.folder.join(file), "old_string": "b", "new_string": "a" },
            "undo": { "kind": "files" }, "files": [file] } })
    }
}

async fn at_execute() -> (Headless, Agent, Work) {
    let (desk, agent) = desk().await;
    set(&desk, Level::Execute).await;
    (desk, agent, Work::new())
}

fn copies(desk: &Headless) -> usize {
    let folder = desk.home.root().join("kept");
    let is_copy = |path: &Path| path.is_file();
    fs::read_dir(folder)
        .map_or(0, |all| all.filter(|at| is_copy(&at.as_ref().unwrap().path())).count())
}

#[tokio::test]
async fn an_edit_whose_files_are_kept_can_be_undone_and_so_may_run() {
    let (desk, agent, work) = at_execute().await;
    let ran = ask(&agent, work.edit("1", "a.txt")).await;
    assert_eq!((&ran["verdict"], &ran["effect"]), (&json!("run"), &json!("reversible")), "{ran}");
    assert_eq!(copies(&desk), 1);
    fs::write(work.folder.join("a.txt"), "after").unwrap();
    let recorded = agent.call("action.record", work.done("a1", "a.txt")).await.unwrap();
    assert!(recorded.get("diverged").is_none(), "{recorded}");
}

#[tokio::test]
async fn without_copies_of_all_it_touches_an_edit_is_asked_about() {
    let (desk, agent, work) = at_execute().await;
    std::os::unix::fs::symlink(work.folder.join("a.txt"), work.folder.join("link")).unwrap();
    let other = |key: &str, change: &dyn Fn(&mut Value)| {
        let mut check = work.edit(key, "a.txt");
        change(&mut check);
        check
    };
    let cases: [(&str, Value, &str); 5] = [
        ("a link", work.edit("1", "link"), "link"),
        ("another file", other("2", &|check| check["files"] = json!(["b.txt"])), "undo"),
        ("no file", other("3", &|check| check["files"] = json!([])), "names no files"),
        ("outside", other("4", &|check| check["files"] = json!(["../x"])), "out of sight"),
        ("no folder", other("5", &|check| check["cwd"] = Value::Null), "which folder"),
    ];
    for (what, mut check, why) in cases {
        check["task"]["id"] = check["key"].clone();
        let held = ask(&agent, check).await;
        assert_eq!((&held["verdict"], &held["effect"]), (&json!("held"), &json!("irreversible")));
        assert!(held["why"].as_str().unwrap().contains(why), "{what}: {held}");
    }
    drop(desk);
}

#[tokio::test]
async fn a_shell_is_not_taken_at_its_word_about_the_files_it_changes() {
    let (_desk, agent, work) = at_execute().await;
    let check = json!({
        "task": task(), "tool": "bash", "key": "1", "cwd": work.folder,
        "args": { "command": "make install" },
        "undo": { "kind": "files" }, "files": ["a.txt"],
    });
    assert_eq!(ask(&agent, check).await["verdict"], "held");
}

#[tokio::test]
async fn copies_that_nobody_needs_go_when_the_desk_starts() {
    let (desk, agent, work) = at_execute().await;
    ask(&agent, work.edit("1", "a.txt")).await;
    drop(agent);
    let desk = desk.restart().await.unwrap();
    assert_eq!(copies(&desk), 1, "needed for a month");
    desk.clock.pass(std::time::Duration::from_hours(31 * 24));
    let desk = desk.restart().await.unwrap();
    assert_eq!(copies(&desk), 0);
}
