//! What was done is taken back from the window: real files go back to where
//! they were, nothing of somebody else's is overwritten, and whoever dies in
//! between, nothing is undone twice.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use handoff_stage::ask_until;
use serde_json::{Value, json};

use crate::support::cli::Call;
use crate::support::files::contents;
use crate::support::rollback::Process;
use crate::support::{Desk, SOON};

#[test]
fn the_demo_moves_files_back_but_not_one_that_was_edited_since() {
    let desk = Desk::open();
    let (sorted, _agent) = Sorted::by_the_demo(&desk);
    let [first, edited, last] = sorted.latest();
    fs::write(sorted.folder.join(&edited.to), "These are my own words.").unwrap();
    let before = contents(&sorted.folder);
    let window = desk.window();

    window.open_actions();
    let order = window.undo_since(&first.action);
    assert_eq!(order, [&*last.action, &edited.action, &first.action], "the last one first");
    window.click("rollback-confirm");
    window.undo_is(&last.action, "undone");
    window.undo_is(&edited.action, "failed");
    window.shows("rollback-step", "it has changed since it was looked at");
    window.undo_is(&first.action, "pending");
    assert_eq!(contents(&sorted.folder), with_back(&before, &[&last]), "and it stops there");

    window.settle_undo(&edited.action, "skip");
    window.undo_is(&edited.action, "skipped");
    window.undo_is(&first.action, "undone");
    let after = contents(&sorted.folder);
    assert_eq!(after, with_back(&before, &[&first, &last]), "all else is where it was");
    assert_eq!(after[&edited.to], "These are my own words.");
}

#[test]
fn an_agent_that_dies_in_an_undo_is_followed_by_one_that_finishes_it() {
    let desk = Desk::open();
    let (sorted, agent) = Sorted::by_the_demo(&desk);
    agent.kill();
    let before = contents(&sorted.folder);
    let [_, first, second] = sorted.latest();
    let window = desk.window();
    window.open_actions();
    window.undo_since(&first.action);
    window.click("rollback-confirm");
    window.undo_is(&second.action, "asked");

    // It makes the move, and dies before it can say so.
    let dying = sorted.process(&desk);
    let undo = dying.is_asked_to_undo();
    assert_eq!(undo["action"], second.action.as_str());
    assert_eq!(dying.takes_up(&undo).expect_code(0).json["undoes"], second.action.as_str());
    sorted.move_back(&second);
    window.undo_is(&second.action, "running");
    dying.takes_up(&undo).expect_code(5);
    desk.sleep(Duration::from_mins(2));
    window.undo_is(&second.action, "may_have_run");
    window.undo_is(&first.action, "pending");

    let _next = desk.start_cli(&["demo"], None);
    window.settle_undo(&second.action, "retry");
    window.undo_is(&second.action, "undone");
    window.undo_is(&first.action, "undone");
    let after = contents(&sorted.folder);
    assert_eq!(after, with_back(&before, &[&first, &second]), "each once, and no file is lost");
}

#[test]
fn a_desk_that_dies_while_the_agent_undoes_hears_of_it_later_and_goes_on() {
    let mut desk = Desk::open();
    let (sorted, agent) = Sorted::by_the_demo(&desk);
    agent.kill();
    let before = contents(&sorted.folder);
    let [_, first, second] = sorted.latest();
    desk.window().open_actions();
    desk.window().undo_since(&first.action);
    desk.window().click("rollback-confirm");
    let undo = sorted.process(&desk).is_asked_to_undo();
    sorted.process(&desk).takes_up(&undo).expect_code(0);

    desk.kill();
    sorted.move_back(&second);
    desk.start();

    let window = desk.window();
    window.open_item(&sorted.handoff, "extra cop");
    window.open_rollback();
    // It may still be at it: it has a while to say so.
    window.undo_is(&second.action, "running");
    window.undo_is(&first.action, "pending");
    let agent = sorted.process(&desk);
    assert_ne!(agent.takes_up(&undo).code, 0, "it was let run once, and is not again");
    assert_eq!(agent.has_undone(&undo).expect_code(0).json["undid"], second.action.as_str());
    window.undo_is(&second.action, "undone");
    window.undo_is(&first.action, "asked");

    let _next = desk.start_cli(&["demo"], None);
    window.undo_is(&first.action, "undone");
    assert_eq!(contents(&sorted.folder), with_back(&before, &[&first, &second]));
}

#[test]
fn a_desk_that_dies_in_an_undo_of_its_own_goes_on_where_it_was() {
    let mut desk = Desk::open();
    let edits = Edits::of(&desk);
    edits.edit(&desk, "e1", "a.txt");
    let running = edits.run_with_an_endless_undo(&desk, "c1");
    edits.edit(&desk, "e2", "b.txt");
    let window = desk.window();
    window.open_task("work");
    assert_eq!(window.undo_since("e1"), ["e2", "c1", "e1"]);
    window.shows("rollback-step", "echo ran >> ran.txt; cat end");
    assert!(edits.ran().is_empty(), "nothing runs before it is allowed and confirmed");
    window.press_part("allow-commands", "");
    window.shows("rollback-preview", "Undone, in this order");
    window.click("rollback-confirm");
    window.undo_is("e2", "undone");
    window.undo_is("c1", "running");
    let begun = ask_until(SOON, || Ok((edits.ran() == "ran\n").then_some(()))).unwrap();
    assert!(begun.is_some(), "the program runs");
    // What is back already is the user's again.
    fs::write(edits.folder.join("b.txt"), "mine").unwrap();

    desk.kill();
    drop(running);
    desk.start();

    let window = desk.window();
    window.open_task("work");
    window.open_rollback();
    window.undo_is("e2", "undone");
    window.undo_is("c1", "may_have_run");
    window.undo_is("e1", "pending");
    assert_eq!(edits.text("a.txt"), "second", "the rest waits");
    window.settle_undo("c1", "confirm");
    window.undo_is("c1", "undone");
    window.undo_is("e1", "undone");
    assert_eq!(edits.text("a.txt"), "first");
    assert_eq!(edits.text("b.txt"), "mine", "what was back is not put back again");
    assert_eq!(edits.ran(), "ran\n", "and the program has run once");
}

#[test]
fn a_copy_does_not_take_the_place_of_what_was_edited_since() {
    let desk = Desk::open();
    let edits = Edits::of(&desk);
    edits.edit(&desk, "e1", "a.txt");
    fs::write(edits.folder.join("a.txt"), "mine").unwrap();
    let window = desk.window();
    window.open_task("work");
    window.undo_since("e1");
    window.shows("rollback-step", "Somebody has changed it since");
    window.click("rollback-confirm");
    window.undo_is("e1", "failed");
    window.shows("rollback-step", "no change of somebody else is lost");
    assert_eq!(edits.text("a.txt"), "mine");

    fs::write(edits.folder.join("a.txt"), "second").unwrap();
    window.settle_undo("e1", "retry");
    window.undo_is("e1", "undone");
    assert_eq!(edits.text("a.txt"), "first");
}

/// A file that the demo agent has moved.
#[derive(Debug, Clone)]
struct Moved {
    action: String,
    from: String,
    to: String,
}

/// The sample folder, sorted by the demo agent, which asks what becomes of the
/// duplicates.
struct Sorted {
    folder: PathBuf,
    handoff: String,
    task: String,
    moves: Vec<Moved>,
}

impl Sorted {
    fn by_the_demo(desk: &Desk) -> (Self, Call) {
        let agent = desk.start_cli(&["demo"], None);
        desk.window().shows("question", "extra copies");
        let listed = desk.cli(&["--agent", "demo", "list"]).expect_code(0).json;
        let id = listed["handoffs"][0]["id"].as_str().unwrap().to_owned();
        let shown = desk.cli(&["--agent", "demo", "show", &id]).expect_code(0).json;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let case = &shown["handoff"];
        let taken = case["actions_taken"].as_array().unwrap();
        let moves = taken.iter().filter(|action| action["tool"] == "files.move").map(|action| {
            let way = &action["input"]["moves"][0];
            Moved { action: text(&action["id"]), from: text(&way["from"]), to: text(&way["to"]) }
        });
        let sorted = Self {
            folder: text(&case["task"]["targets"][0]).into(),
            handoff: id,
            task: text(&case["task"]["id"]),
            moves: moves.collect(),
        };
        (sorted, agent)
    }

    /// Its last three moves.
    fn latest(&self) -> [Moved; 3] {
        self.moves.last_chunk().unwrap().clone()
    }

    /// What a process of the agent would say.
    fn process<'d>(&'d self, desk: &'d Desk) -> Process<'d> {
        Process { desk, agent: "demo", task: &self.task }
    }

    /// Does what the agent is asked for.
    fn move_back(&self, moved: &Moved) {
        fs::rename(self.folder.join(&moved.to), self.folder.join(&moved.from)).unwrap();
    }
}

/// The same files with these moved back.
fn with_back(files: &BTreeMap<String, String>, moves: &[&Moved]) -> BTreeMap<String, String> {
    let mut files = files.clone();
    for moved in moves {
        let content = files.remove(&moved.to).unwrap();
        files.insert(moved.from.clone(), content);
    }
    files
}

/// A folder in which a script works with the leave of the desk, which keeps
/// copies of what it edits.
struct Edits {
    folder: PathBuf,
}

/// An undo that goes on for as long as this is kept.
struct Endless(#[expect(dead_code, reason = "it ends when this is dropped")] File);

impl Edits {
    fn of(desk: &Desk) -> Self {
        let folder = desk.scratch("work").canonicalize().unwrap();
        desk.cli(&["list"]).expect_code(0);
        desk.window().set_level("execute");
        Self { folder }
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.folder.join(name)).unwrap()
    }

    /// How often the program that undoes something was run, a line each time.
    fn ran(&self) -> String {
        fs::read_to_string(self.folder.join("ran.txt")).unwrap_or_default()
    }

    /// Changes a file that says "first" so that it says "second".
    fn edit(&self, desk: &Desk, id: &str, name: &str) {
        let file = self.folder.join(name);
        fs::write(&file, "first").unwrap();
        let args = json!({ "file_path": file, "old_string": "first", "new_string": "second" });
        let call = json!({
            "tool": "Edit", "args": args, "undo": { "kind": "files" }, "files": [name],
        });
        self.act(desk, id, &call, || fs::write(&file, "second").unwrap());
    }

    /// Makes a folder; what undoes that does not end by itself.
    fn run_with_an_endless_undo(&self, desk: &Desk, id: &str) -> Endless {
        let end = self.folder.join("end");
        assert!(Command::new("mkfifo").arg(&end).status().unwrap().success());
        let open = File::options().read(true).write(true).open(end).unwrap();
        let undo = json!({
            "kind": "command", "argv": ["sh", "-c", "echo ran >> ran.txt; cat end"],
            "cwd": self.folder, "timeout_s": 600,
        });
        let call = json!({ "tool": "Bash", "args": { "command": "mkdir made" }, "undo": undo });
        self.act(desk, id, &call, || fs::create_dir(self.folder.join("made")).unwrap());
        Endless(open)
    }

    /// Asks for a call, makes it, and says so.
    fn act(&self, desk: &Desk, id: &str, call: &Value, work: impl FnOnce()) {
        let script = Process { desk, agent: "cli", task: "work" };
        let mut check = call.clone();
        check["task"] = json!({ "id": "work", "title": "Work on texts", "goal": "Better texts" });
        check["key"] = json!(id);
        check["cwd"] = json!(self.folder);
        script.says("check", &check).expect_code(0);
        work();
        let mut action = json!({
            "id": id, "tool": call["tool"], "input": call["args"], "undo": call["undo"],
            "effect": "reversible", "status": "done",
        });
        if call["files"].is_array() {
            action["files"] = call["files"].clone();
        }
        script.says("record", &json!({ "task": "work", "action": action })).expect_code(0);
    }
}
