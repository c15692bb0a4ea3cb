use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

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

fn kept(desk: &Headless) -> Vec<PathBuf> {
    let all = fs::read_dir(desk.home.root().join("kept"));
    let paths = all.into_iter().flatten().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.is_file()).collect()
}

fn copies(desk: &Headless) -> usize {
    kept(desk).len()
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
async fn a_link_makes_no_mere_file_of_what_other_programs_obey() {
    let (_desk, agent, work) = at_execute().await;
    fs::create_dir_all(work.folder.join(".git/hooks")).unwrap();
    fs::create_dir_all(work.folder.join("bare")).unwrap();
    fs::write(work.folder.join(".git/hooks/pre-commit"), "before").unwrap();
    for (name, to) in [("notes", ".git/hooks"), ("plain", "bare")] {
        std::os::unix::fs::symlink(work.folder.join(to), work.folder.join(name)).unwrap();
    }
    let linked = work.folder.join("linked");
    std::os::unix::fs::symlink(work.folder.join(".git"), &linked).unwrap();
    let mut inside = work.edit("3", "hooks/pre-commit");
    inside["cwd"] = json!(linked);
    inside["args"]["file_path"] = json!(linked.join("hooks/pre-commit"));
    let table = [
        (work.edit("1", "notes/pre-commit"), "obey"),
        (work.edit("2", "notes/new"), "obey"),
        (inside, "obey"),
        (work.edit("4", "plain/../plain/x"), "out of sight"),
    ];
    for (mut check, why) in table {
        check["task"]["id"] = check["key"].clone();
        let held = ask(&agent, check).await;
        assert_eq!((&held["verdict"], &held["effect"]), (&json!("held"), &json!("irreversible")));
        assert!(held["why"].as_str().unwrap().contains(why), "{held}");
    }
    // A link to an ordinary folder is an ordinary folder.
    assert_eq!(ask(&agent, work.edit("5", "plain/new.txt")).await["verdict"], "run");
}

#[tokio::test]
async fn who_asks_again_for_an_edit_keeps_the_copies_from_before_it() {
    let (desk, agent, work) = at_execute().await;
    let held = || kept(&desk).iter().map(|copy| fs::read_to_string(copy).unwrap()).collect();
    assert_eq!(ask(&agent, work.edit("1", "a.txt")).await["verdict"], "run");
    fs::write(work.folder.join("a.txt"), "after").unwrap();
    assert_eq!(ask(&agent, work.edit("1", "a.txt")).await["verdict"], "run", "told again");
    let copies: Vec<String> = held();
    assert_eq!(copies, ["before"]);
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
    for copy in kept(&desk) {
        // By the clock of the file system, it is old already.
        fs::File::open(copy).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    }
    let desk = desk.restart().await.unwrap();
    assert_eq!(copies(&desk), 1, "needed for a month");
    desk.clock.pass(std::time::Duration::from_hours(31 * 24));
    let desk = desk.restart().await.unwrap();
    assert_eq!(copies(&desk), 0);
}

#[tokio::test]
async fn what_was_left_is_noted_of_the_call_that_was_made_and_not_of_one_before() {
    let (desk, agent, work) = at_execute().await;
    let file = work.folder.join("a.txt");
    // Let run, and never made.
    assert_eq!(ask(&agent, work.edit("1", "a.txt")).await["verdict"], "run");
    fs::write(&file, "by somebody else").unwrap();
    assert_eq!(ask(&agent, work.edit("2", "a.txt")).await["verdict"], "run");
    fs::write(&file, "after").unwrap();
    let mut done = work.done("a1", "a.txt");
    agent.call("action.record", done.clone()).await.unwrap();
    // Told again with more, it is the same call still.
    done["action"]["output"] = json!("ok");
    fs::write(&file, "later").unwrap();
    agent.call("action.record", done).await.unwrap();
    fs::write(&file, "after").unwrap();
    let all = crate::rollback::actions(&["a1"]);
    let view = crate::rollback::roll_back(&desk, all).await;
    crate::rollback::until(&desk, |view| view.over || view.stuck.is_some()).await;
    assert_eq!(fs::read_to_string(&file).unwrap(), "by somebody else", "{view:?}");
}
