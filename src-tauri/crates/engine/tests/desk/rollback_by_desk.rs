//! Taking back what the desk takes back itself: files from its copies, and
//! programs that the reviewer has allowed.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use handoff_domain::autonomy::Level;
use handoff_domain::rollback::execution::{Event, Execution, ItemState, transition};
use handoff_domain::rollback::{RollbackPlan, Standing};
use handoff_engine::{Clock as _, Ended};
use handoff_protocol::view::AllowUndoCommands;
use handoff_protocol::wire::ErrorCode;
use handoff_store::{RollbackRow, Store};
use handoff_testkit::Headless;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::agent::Agent;
use crate::gate::{AGENT, ask, desk, set, task};
use crate::rollback::{
    actions, confirmed, item, look, preview, ran, record, roll_back, since, standing, state, until,
};

pub fn command(argv: &[&str], cwd: &str) -> Value {
    json!({ "kind": "command", "argv": argv, "cwd": cwd, "timeout_s": 7 })
}

pub async fn allow(desk: &Headless, allowed: bool) {
    let allow = AllowUndoCommands { agent: AGENT.to_owned(), allowed };
    desk.engine.allow_undo_commands(allow).await.expect("set");
}

/// A folder with a file that an agent has edited, with a copy of it kept.
pub struct Edited {
    _root: TempDir,
    pub folder: PathBuf,
}

impl Edited {
    pub fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().canonicalize().unwrap();
        Self { _root: root, folder }
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub fn text(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap_or_default()
    }

    pub async fn edit(&self, agent: &Agent, id: &str, name: &str, text: &str) {
        let args = json!({ "file_path": self.file(name), "old_string": id, "new_string": "x" });
        let undo = json!({ "kind": "files" });
        let check = json!({
            "task": task(), "tool": "Edit", "key": id, "cwd": self.folder, "args": args,
            "undo": undo, "files": [name] });
        assert_eq!(ask(agent, check).await["verdict"], "run");
        fs::write(self.file(name), text).unwrap();
        let done = json!({ "task": "t", "action": {
            "id": id, "tool": "Edit", "effect": "reversible", "status": "done", "input": args,
            "undo": undo, "files": [name] } });
        record(agent, done).await;
    }
}

async fn after_edits() -> (Headless, Agent, Edited) {
    let (desk, agent) = desk().await;
    set(&desk, Level::Execute).await;
    let work = Edited::new();
    fs::write(work.file("a.txt"), "first").unwrap();
    work.edit(&agent, "e1", "a.txt", "second").await;
    desk.clock.pass(Duration::from_secs(1));
    work.edit(&agent, "e2", "a.txt", "third").await;
    (desk, agent, work)
}

#[tokio::test]
async fn the_desk_puts_its_copies_back_in_the_right_order() {
    let (desk, _agent, work) = after_edits().await;
    let shown = preview(&desk, since("e1"));
    assert_eq!(shown.files.len(), 2);
    assert!(shown.files.iter().all(|file| file.says == "The copy takes its place."), "{shown:?}");
    let view = roll_back(&desk, since("e1")).await;
    let over = until(&desk, |view| view.over).await;
    assert_eq!(over.id, view.id);
    assert_eq!(work.text("a.txt"), "first");
    assert_eq!(over.items[0].output.as_deref(), Some("1 file is put back."));
    assert_eq!(standing(&desk, "e2"), Standing::Undone);
}

#[tokio::test]
async fn a_file_that_was_edited_since_is_shown_and_left_as_it_is() {
    let (desk, _agent, work) = after_edits().await;
    fs::write(work.file("a.txt"), "mine").unwrap();
    let shown = preview(&desk, since("e1"));
    assert!(shown.files[0].says.contains("Somebody has changed it"), "{shown:?}");
    roll_back(&desk, since("e1")).await;
    let stuck = until(&desk, |view| view.stuck.is_some()).await;
    assert_eq!(work.text("a.txt"), "mine");
    assert!(stuck.items[0].says.contains("changed since"), "{}", stuck.items[0].says);
    assert_eq!(state(&stuck, "e1"), ItemState::Pending, "the chain has stopped");

    fs::write(work.file("a.txt"), "third").unwrap();
    desk.engine.retry_undo(item(&stuck, "e2")).await.expect("again");
    until(&desk, |view| view.over).await;
    assert_eq!(work.text("a.txt"), "first");
}

#[tokio::test]
async fn a_change_of_a_file_between_preview_and_confirmation_is_noticed() {
    let (desk, _agent, work) = after_edits().await;
    let shown = preview(&desk, since("e1"));
    fs::write(work.file("a.txt"), "mine").unwrap();
    let stale = desk.engine.confirm_rollback(confirmed(&shown, since("e1"))).await.unwrap_err();
    assert_eq!(stale.0.code, ErrorCode::Conflict);
    assert_eq!(work.text("a.txt"), "mine");
}

#[tokio::test]
async fn a_folder_that_became_a_link_leads_nowhere() {
    let (desk, agent) = desk().await;
    set(&desk, Level::Execute).await;
    let work = Edited::new();
    fs::create_dir(work.file("in")).unwrap();
    fs::create_dir(work.file("other")).unwrap();
    fs::write(work.file("in/a.txt"), "first").unwrap();
    fs::write(work.file("other/a.txt"), "second").unwrap();
    work.edit(&agent, "e1", "in/a.txt", "second").await;
    fs::rename(work.file("in"), work.file("away")).unwrap();
    std::os::unix::fs::symlink(work.file("other"), work.file("in")).unwrap();
    roll_back(&desk, actions(&["e1"])).await;
    let stuck = until(&desk, |view| view.stuck.is_some()).await;
    assert!(stuck.items[0].says.contains("leads elsewhere"), "{}", stuck.items[0].says);
    assert_eq!(work.text("other/a.txt"), "second", "what the link leads to is not touched");
}

#[tokio::test]
async fn a_command_runs_only_where_the_reviewer_has_allowed_it() {
    let (desk, agent) = desk().await;
    record(&agent, ran("c1", &command(&["git", "revert", "abc"], "/work"))).await;
    let shown = preview(&desk, actions(&["c1"]));
    assert!(shown.commands_off);
    let refused =
        desk.engine.confirm_rollback(confirmed(&shown, actions(&["c1"]))).await.unwrap_err();
    assert_eq!(refused.0.code, ErrorCode::Refused);
    assert_eq!(desk.runner.ran_in(), vec![]);

    allow(&desk, true).await;
    assert!(desk.engine.agents().unwrap().agents[0].undo_commands);
    roll_back(&desk, actions(&["c1"])).await;
    let over = until(&desk, |view| view.over).await;
    assert_eq!(over.items[0].output.as_deref(), Some("done"));
    let argv: Vec<String> = ["git", "revert", "abc"].map(str::to_owned).into();
    assert_eq!(desk.runner.ran_in(), [(argv, "/work".to_owned(), Duration::from_secs(7))]);
    assert_eq!(standing(&desk, "c1"), Standing::Undone);

    let unknown = AllowUndoCommands { agent: "nobody".to_owned(), allowed: true };
    let unknown = desk.engine.allow_undo_commands(unknown).await.unwrap_err();
    assert_eq!(unknown.0.code, ErrorCode::NotFound);
}

#[tokio::test]
async fn a_command_that_fails_is_kept_with_what_it_said() {
    let (desk, agent) = desk().await;
    allow(&desk, true).await;
    record(&agent, ran("c1", &command(&["undo"], "/work"))).await;
    let ended = Ended {
        outcome: Err("The program took longer than 7 s and was ended.".to_owned()),
        output: "half of it".to_owned(),
    };
    desk.runner.ends(Some(ended));
    roll_back(&desk, actions(&["c1"])).await;
    let stuck = until(&desk, |view| view.stuck.is_some()).await;
    assert!(stuck.items[0].says.contains("longer than 7 s"));
    assert_eq!(stuck.items[0].output.as_deref(), Some("half of it"));
    allow(&desk, false).await;
    desk.engine.retry_undo(item(&stuck, "c1")).await.expect("again");
    let stuck = until(&desk, |view| view.items[0].attempts == 2 && view.stuck.is_some()).await;
    assert!(stuck.items[0].says.contains("have not allowed"), "{}", stuck.items[0].says);
    assert_eq!(desk.runner.ran_in().len(), 1, "forbidden since: nothing was run");
    desk.engine.skip_undo(item(&stuck, "c1")).await.expect("skipped");
}

#[tokio::test]
async fn a_command_runs_in_no_folder_that_is_reached_over_a_link() {
    let (desk, agent) = desk().await;
    allow(&desk, true).await;
    let root = tempfile::tempdir().unwrap();
    let root = root.path().canonicalize().unwrap();
    let (real, linked) = (root.join("real"), root.join("linked"));
    fs::create_dir(&real).unwrap();
    fs::create_dir(&linked).unwrap();
    let folder = linked.to_str().unwrap();
    record(&agent, ran("c1", &command(&["rm", "-r", "build"], folder))).await;
    fs::remove_dir(&linked).unwrap();
    std::os::unix::fs::symlink(&real, &linked).unwrap();
    roll_back(&desk, actions(&["c1"])).await;
    let stuck = until(&desk, |view| view.stuck.is_some()).await;
    let says = &stuck.items[0].says;
    assert!(says.contains("link") && says.contains(real.to_str().unwrap()), "{says}");
    assert_eq!(desk.runner.ran_in(), vec![], "nothing was run");
    fs::remove_file(&linked).unwrap();
    fs::create_dir(&linked).unwrap();
    desk.engine.retry_undo(item(&stuck, "c1")).await.expect("again");
    until(&desk, |view| view.over).await;
    assert_eq!(desk.runner.ran_in().len(), 1);
}

#[tokio::test]
async fn a_command_that_was_cut_short_is_not_run_again_unseen() {
    let (desk, agent) = desk().await;
    allow(&desk, true).await;
    record(&agent, ran("c1", &command(&["undo"], "/work"))).await;
    desk.runner.ends(None);
    roll_back(&desk, actions(&["c1"])).await;
    until(&desk, |view| matches!(state(view, "c1"), ItemState::Running { .. })).await;
    // Whoever answers agents and the window is not held up by it.
    assert_eq!(ask(&agent, crate::gate::a_move("k")).await["verdict"], "held");
    let desk = desk.restart().await.unwrap();
    let view = look(&desk).rollbacks.remove(0);
    assert!(matches!(state(&view, "c1"), ItemState::MayHaveRun { .. }));
    assert_eq!(desk.runner.ran_in().len(), 1);
    assert!(matches!(standing(&desk, "c1"), Standing::UndoFailed { .. }));
    desk.engine.retry_undo(item(&view, "c1")).await.expect("again");
    until(&desk, |view| view.over).await;
    assert_eq!(desk.runner.ran_in().len(), 2, "because the reviewer said so");
}

#[tokio::test]
async fn files_that_were_being_put_back_are_looked_at_again_and_finished() {
    let (desk, agent, work) = after_edits().await;
    drop(agent);
    // It got as far as the first of the two, and one file was back already.
    fs::write(work.file("a.txt"), "second").unwrap();
    let selection = since("e1");
    let plan = preview(&desk, selection).plan;
    let now = desk.clock.now();
    let desk = desk
        .restart_after(|home| {
            let database = home.database();
            let cut = std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                runtime.block_on(cut_short(Store::open(&database).unwrap(), plan, now));
            });
            cut.join().unwrap();
        })
        .await
        .unwrap();
    let over = until(&desk, |view| view.over).await;
    assert_eq!(over.items[0].attempts, 2);
    assert_eq!(over.items[0].output.as_deref(), Some("All files were as they were before."));
    assert_eq!(work.text("a.txt"), "first");
}

/// A rollback whose first undo is under way, as a desk that was killed leaves it.
async fn cut_short(store: Store, plan: RollbackPlan, now: DateTime<Utc>) {
    let first = plan.steps[0].action.clone();
    let execution = Execution::new(&plan);
    let execution = transition(&execution, &Event::Begin { action: &first }, now).unwrap();
    let row = RollbackRow {
        id: "r-cut".to_owned(),
        agent: AGENT.to_owned(),
        task: "t".to_owned(),
        plan,
        execution,
        at: now,
        over_at: None,
        void: false,
    };
    store.write(move |write| write.add_rollback(&row)).await.unwrap();
}
