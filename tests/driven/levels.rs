//! How far the demo agent may go unasked: set in the window before it starts
//! and while it runs, and seen in the files on disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use handoff_stage::ask_until;
use serde_json::json;

use crate::support::cli::Call;
use crate::support::files::{self, HEAP, contents, whereabouts};
use crate::support::window::Window;
use crate::support::{AFTER_HOLD, Desk};

/// So many that a person can step in while they are moved, and no more than the
/// agent moves in one task.
const MANY: usize = 480;

/// How long all of them may take.
const LONG: Duration = Duration::from_mins(2);

#[test]
fn at_suggest_the_first_move_is_held() {
    let desk = introduced("suggest");
    let heap = filled(&desk, "heap");
    let before = contents(&heap);
    let agent = tidy(&desk, &heap);
    see_question(desk.window(), "May I sort");
    assert_eq!(contents(&heap), before, "nothing is touched before it is approved");
    desk.window().click("decide-reject");
    desk.window().type_into("reject-reason", "I like it as it is.");
    desk.window().click("submit-decision");
    agent.finish(AFTER_HOLD).expect_code(13);
    assert_eq!(contents(&heap), before, "a no leaves all as it was");
}

#[test]
fn at_draft_the_moves_run_and_one_card_keeps_or_undoes_them() {
    let desk = introduced("draft");
    let window = desk.window();

    let kept = filled(&desk, "kept");
    let agent = draft_of(&desk, &kept);
    window.click("decide-approve");
    agent.finish(AFTER_HOLD).expect_code(0);
    assert_all_sorted(&kept);

    let undone = filled(&desk, "undone");
    let before = contents(&undone);
    let agent = draft_of(&desk, &undone);
    window.press_part("draft-all", "");
    agent.finish(AFTER_HOLD).expect_code(0);
    assert_eq!(contents(&undone), before, "every file is where it was");

    let picked = filled(&desk, "picked");
    let agent = draft_of(&desk, &picked);
    mark(window, "song.mp3");
    window.click("decide-modify");
    agent.finish(AFTER_HOLD).expect_code(0);
    let after = contents(&picked);
    assert!(after.contains_key("song.mp3"), "the marked one is back: {after:#?}");
    let back = after.keys().filter(|path| !path.contains('/')).count();
    assert_eq!(back, 1, "and no other: {after:#?}");
    window.open_history();
    window.shows("queue-item", "Undo 1 of 5 changes");
}

#[test]
fn at_execute_the_moves_run_and_only_the_deletion_is_held() {
    let desk = introduced("execute");
    let heap = filled(&desk, "heap");
    let agent = tidy(&desk, &heap);
    let window = desk.window();
    see_question(window, "extra cop");
    assert_all_sorted(&heap);
    assert_eq!(window.items().len(), 1, "nothing else was asked");
    window.choose("delete");
    window.approve_high_risk();
    agent.finish(AFTER_HOLD).expect_code(0);
    assert!(whereabouts(&heap, "minutes copy.txt").is_none(), "{:#?}", contents(&heap));
    assert!(whereabouts(&heap, "minutes.txt").is_some());
}

#[test]
fn a_lower_level_counts_at_once_for_an_agent_that_runs() {
    let desk = introduced("execute");
    let window = desk.window();
    let_long_chains_run(window);
    let heap = many(&desk);
    let mut agent = tidy(&desk, &heap);
    wait_for_a_move(&heap);
    window.set_level("suggest");
    see_question(window, "May it call files.move");
    window.see_where("option", "[data-option-id='run']");
    let (moved, left) = counts(&heap);
    assert!(moved > 0 && left > 0, "it was stopped on its way: {moved} moved, {left} left");
    assert!(agent.runs(), "it waits for the answer");
    window.click("decide-reject");
    window.type_into("reject-reason", "That is enough.");
    window.click("submit-decision");
    agent.finish(LONG);
    assert_eq!(counts(&heap), (moved, left), "nothing more was moved");
}

#[test]
fn a_pause_of_everything_holds_what_runs_and_outlives_the_desk() {
    let mut desk = introduced("execute");
    let_long_chains_run(desk.window());
    let heap = many(&desk);
    let agent = tidy(&desk, &heap);
    wait_for_a_move(&heap);
    desk.window().press("Control+2");
    desk.window().click("pause-all");
    desk.window().shows("pause-all", "Resume all");
    agent.finish(LONG).expect_code(10);
    let (moved, left) = counts(&heap);
    assert!(moved > 0 && left > 0, "it was stopped on its way: {moved} moved, {left} left");

    desk.kill();
    desk.start();
    let again = tidy(&desk, &heap).finish(AFTER_HOLD).expect_code(10);
    assert_eq!(counts(&heap), (moved, left), "the pause holds still: {}", again.out);

    desk.window().press("Control+2");
    desk.window().shows("pause-all", "Resume all");
    desk.window().click("pause-all");
    desk.window().shows("pause-all", "Pause all");
    tidy(&desk, &heap).finish(LONG).expect_code(0);
    assert_eq!(counts(&heap), (MANY, 0), "it goes on where it was stopped");
}

/// A desk that knows the demo agent, has accepted its tools, and trusts it as
/// far as this, all of it in the window.
fn introduced(level: &str) -> Desk {
    let desk = Desk::open();
    desk.window().set_hold(0);
    let empty = desk.scratch("empty");
    desk.cli(&["demo", empty.to_str().unwrap()]).expect_code(0);
    let window = desk.window();
    window.press("Control+2");
    window.see_where("agent-row", "[data-agent='demo']");
    window.click("accept-tools");
    window.gone("accept-tools", "");
    window.set_level(level);
    desk.notices().close_all().unwrap();
    desk
}

/// Switches off what would stop an agent that nobody looks at for so long.
#[track_caller]
fn let_long_chains_run(window: &Window) {
    window.press("Control+3");
    window.open_tab("triggers");
    let off = window.until(
        "const row = [...document.querySelectorAll('.triggers label')]
           .find(e => e.innerText.includes('Long without a person'));
         row?.querySelector('input').click();
         return row !== undefined;",
        &[],
    );
    assert!(off.is_some(), "no such trigger:\n{}", window.page_text());
    window.press_part("save-triggers", "");
    let saved =
        window.until("return document.querySelector('[data-part=save-triggers]') === null;", &[]);
    assert!(saved.is_some(), "it is not saved:\n{}", window.page_text());
}

fn filled(desk: &Desk, name: &str) -> PathBuf {
    let heap = desk.scratch(name);
    files::heap(&heap);
    heap
}

/// A folder of files of which no two are the same.
fn many(desk: &Desk) -> PathBuf {
    let heap = desk.scratch("many");
    for number in 0..MANY {
        fs::write(heap.join(format!("note {number:04}.txt")), number.to_string()).unwrap();
    }
    heap
}

fn tidy(desk: &Desk, heap: &Path) -> Call {
    desk.start_cli(&["demo", heap.to_str().unwrap()], None)
}

/// Runs the agent up to the card of its draft, with the copies kept.
#[track_caller]
fn draft_of(desk: &Desk, heap: &Path) -> Call {
    let agent = tidy(desk, heap);
    let window = desk.window();
    see_question(window, "extra cop");
    assert_all_sorted(heap);
    window.choose("keep-all");
    window.click("decide-approve");
    see_question(window, "Keep the draft of 5 changes?");
    let listed =
        window.run("return document.querySelectorAll('[data-testid=draft-item]').length", &[]);
    assert_eq!(listed, json!(HEAP.len()), "every move is listed");
    agent
}

/// Waits for the only card of the inbox to ask this.
#[track_caller]
fn see_question(window: &Window, text: &str) {
    window.press("Control+1");
    let there = window.until(
        "const item = [...document.querySelectorAll('[data-testid=queue-item]')]
           .find(e => e.innerText.includes(args[0]));
         item?.click();
         return item !== undefined;",
        &[json!(text)],
    );
    assert!(there.is_some(), "nobody asks {text:?}:\n{}", window.page_text());
    window.shows("question", text);
}

/// Marks the change of the draft that is about this file.
#[track_caller]
fn mark(window: &Window, file: &str) {
    let marked = window.run(
        "const item = [...document.querySelectorAll('[data-testid=draft-item]')]
           .find(e => e.innerText.includes(arguments[0]));
         item?.querySelector('input').click();
         return item !== undefined;",
        &[json!(file)],
    );
    assert_eq!(marked, json!(true), "no change is about {file}:\n{}", window.page_text());
}

#[track_caller]
fn assert_all_sorted(heap: &Path) {
    let now = contents(heap);
    assert_eq!(now.len(), HEAP.len(), "no file is lost: {now:#?}");
    assert!(now.keys().all(|path| path.contains('/')), "every file is in a folder: {now:#?}");
}

/// How many files are in folders, and how many lie open. It reads none of them:
/// while it looks, the agent may move them on.
fn counts(heap: &Path) -> (usize, usize) {
    let entries = |folder: &Path| fs::read_dir(folder).unwrap().map(Result::unwrap);
    let (folders, open): (Vec<_>, Vec<_>) =
        entries(heap).partition(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    (folders.iter().map(|folder| entries(&folder.path()).count()).sum(), open.len())
}

/// Waits until the agent has begun to move.
#[track_caller]
fn wait_for_a_move(heap: &Path) {
    let begun = ask_until(AFTER_HOLD, || Ok((counts(heap).0 > 0).then_some(())));
    assert!(begun.unwrap().is_some(), "nothing is moved");
}
