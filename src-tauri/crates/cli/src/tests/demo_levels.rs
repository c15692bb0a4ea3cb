//! The demo agent at each level: real files, a real desk, and a gate that it
//! asks before each move.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{DateTime, Utc};
use handoff_domain::action::ActionStatus;
use handoff_domain::autonomy::Level;
use handoff_domain::lifecycle::Outcome;
use handoff_protocol::view::{AcceptTool, AcceptTools, AgentCard, Pause, SetLevel};
use serde_json::json;

use super::demo::{contents, files, option_ids, outcome, sample};
use super::room::{Room, now, start, start_at, well};
use crate::exit::Exit;

const AGENT: &str = "demo";

fn card(room: &Room) -> AgentCard {
    let mut agents = well(room.desk().engine.agents()).agents;
    agents.retain(|agent| agent.name == AGENT);
    agents.pop().expect("it has said hello")
}

/// A desk that knows the agent and its tools, from a run with nothing to do.
fn introduced() -> Room {
    let room = Room::new();
    let empty = room.folder().join("empty");
    fs::create_dir(&empty).expect("made");
    let ended = room.run(&["demo", &empty.display().to_string()]);
    assert_eq!(ended.exit, Exit::Done, "{ended:?}");
    assert!(ended.out.contains("6 tools wait to be accepted"), "{}", ended.out);
    assert_eq!(card(&room).waiting, 6);
    room
}

fn accept(room: &Room) {
    let tools = card(room)
        .tools
        .into_iter()
        .map(|tool| AcceptTool { name: tool.name, hash: tool.hash, effect: tool.claimed })
        .collect();
    let accept = AcceptTools { agent: AGENT.to_owned(), tools };
    well(room.runtime.block_on(room.desk().engine.accept_tools(accept)));
}

fn set(room: &Room, level: Level) {
    let set = SetLevel { agent: AGENT.to_owned(), task: None, level: Some(level), minutes: None };
    well(room.runtime.block_on(room.desk().engine.set_level(set)));
}

/// A desk that trusts the agent as far as this.
fn trusting(level: Level) -> Room {
    let room = introduced();
    accept(&room);
    set(&room, level);
    room
}

fn pause(room: &Room, paused: bool) {
    let pause = Pause { agent: None, task: None, paused };
    well(room.runtime.block_on(room.desk().engine.pause(pause)));
}

/// A folder of the user's with these files, each with content of its own.
fn folder(room: &Room, names: &[&str]) -> PathBuf {
    let mine = room.folder().join("mine");
    fs::create_dir(&mine).expect("made");
    for name in names {
        fs::write(mine.join(name), format!("content of {name}")).expect("written");
    }
    mine
}

fn names(folder: &Path) -> Vec<String> {
    files(folder).into_keys().collect()
}

#[test]
fn without_accepted_tools_or_at_suggest_it_asks_for_its_plan() {
    let room = introduced();
    set(&room, Level::Execute);
    let mine = folder(&room, &["a.txt", "b.png"]);
    let words = ["demo", &mine.display().to_string()];
    let plan = {
        let running = room.start(&words);
        let plan = room.next_case(&[]);
        assert_eq!(option_ids(&plan), ["sort", "list-only"], "nobody has accepted its tools");
        room.decide(&plan, json!({"kind": "reject", "reason": "Later.", "then": "stop"}));
        assert_eq!(running.end().exit, Exit::Reject);
        plan
    };
    accept(&room);
    set(&room, Level::Suggest);
    let running = room.start(&words);
    let second = room.next_case(&[&plan.id]);
    assert_eq!(option_ids(&second), ["sort", "list-only"]);
    assert_eq!(names(&mine), ["a.txt", "b.png"], "nothing was touched");
    room.decide(&second, json!({"kind": "approve", "option": "sort"}));
    assert_eq!(running.end().exit, Exit::Done);
    assert_eq!(names(&mine), ["Documents/a.txt", "Pictures/b.png"]);
    assert_eq!(card(&room).track.calls, 0, "it asked by handoffs alone");
}

#[test]
fn at_draft_it_moves_and_takes_back_what_is_picked() {
    let room = trusting(Level::Draft);
    let running = room.start(&["demo"]);
    let removal = room.next_case(&[]);
    assert_eq!(option_ids(&removal), ["trash", "delete", "keep-all"]);
    let sorted = files(&sample(&room));
    let moves: Vec<_> = removal.actions.iter().filter(|one| one.tool == "files.move").collect();
    assert!(moves.len() > 30 && moves.iter().all(|one| one.undo.is_some()));
    let before = card(&room);
    assert_eq!(before.tasks[0].drafted as usize, moves.len());
    assert_eq!(before.track.calls as usize, moves.len(), "each move was asked for once");
    room.decide(&removal, json!({"kind": "approve", "option": "keep-all"}));

    let draft = room.next_case(&[&removal.id]);
    assert!(draft.is_draft);
    assert_eq!(draft.actions.len(), moves.len());
    let picked: Vec<String> = draft.actions[..2].iter().map(|one| one.id.clone()).collect();
    room.decide(
        &draft,
        json!({"kind": "modify", "option": "roll_back", "args": {"actions": picked}}),
    );
    let ended = running.end();
    assert_eq!(ended.exit, Exit::Done, "{}", ended.out);
    assert!(ended.out.contains("took back 2 changes"), "{}", ended.out);
    assert_eq!(outcome(&room, &draft), Outcome::Applied);
    let after = files(&sample(&room));
    let back: BTreeSet<_> = after.keys().filter(|path| !sorted.contains_key(*path)).collect();
    assert_eq!(back.len(), 2, "{back:?}");
    assert!(back.iter().all(|path| !path.contains('/')), "they lie where they lay: {back:?}");
    assert_eq!(after.len(), sorted.len());
    assert_eq!(contents(&after), contents(&sorted));
    let track = card(&room).track;
    assert_eq!((track.reversals, track.divergences), (2, 0));
}

#[test]
fn a_draft_is_kept_rolled_back_or_left() {
    for (answer, exit, there) in [
        (json!({"kind": "approve", "option": "accept"}), Exit::Done, "Documents/a.txt"),
        (json!({"kind": "approve", "option": "roll_back"}), Exit::Done, "a.txt"),
        (
            json!({"kind": "reject", "reason": "Hm.", "then": "skip"}),
            Exit::Reject,
            "Documents/a.txt",
        ),
    ] {
        let room = trusting(Level::Draft);
        let mine = folder(&room, &["a.txt"]);
        let running = room.start(&["demo", &mine.display().to_string()]);
        let draft = room.next_case(&[]);
        assert!(draft.is_draft);
        assert_eq!(names(&mine), ["Documents/a.txt"]);
        room.decide(&draft, answer.clone());
        let ended = running.end();
        assert_eq!(ended.exit, exit, "{answer}: {}", ended.out);
        assert_eq!(names(&mine), [there], "{answer}");
        assert_eq!(outcome(&room, &draft), Outcome::Applied);
        assert!(card(&room).tasks.is_empty(), "the task is closed");
    }
}

#[test]
fn a_file_that_changed_in_the_draft_is_not_moved_back_and_reported() {
    let room = trusting(Level::Draft);
    let mine = folder(&room, &["a.txt", "b.png"]);
    let running = room.start(&["demo", &mine.display().to_string()]);
    let draft = room.next_case(&[]);
    fs::write(mine.join("Documents/a.txt"), "edited since").expect("written");
    room.decide(&draft, json!({"kind": "approve", "option": "roll_back"}));
    let ended = running.end();
    assert_eq!(ended.exit, Exit::Refused, "{}", ended.out);
    assert_eq!(names(&mine), ["Documents/a.txt", "b.png"]);
    assert_eq!(outcome(&room, &draft), Outcome::Diverged);
}

#[test]
fn at_execute_the_moves_stay_and_only_the_deletion_is_asked_for() {
    let room = trusting(Level::Execute);
    let mine = folder(&room, &["a.txt", "b.png"]);
    fs::copy(mine.join("a.txt"), mine.join("a copy.txt")).expect("copied");
    let running = room.start(&["demo", &mine.display().to_string()]);
    let removal = room.next_case(&[]);
    assert_eq!(names(&mine), ["Documents/a copy.txt", "Documents/a.txt", "Pictures/b.png"]);
    let moves: Vec<_> = removal.actions.iter().filter(|one| one.tool == "files.move").collect();
    assert_eq!(moves.len(), 3);
    assert!(moves.iter().all(|one| one.undo.is_some() && one.status == ActionStatus::Done));
    room.decide(&removal, json!({"kind": "approve", "option": "delete"}));
    let ended = running.end();
    assert_eq!(ended.exit, Exit::Done, "{}", ended.out);
    assert_eq!(names(&mine), ["Documents/a.txt", "Pictures/b.png"]);
    assert_eq!(outcome(&room, &removal), Outcome::Applied);
    let card = card(&room);
    assert_eq!((card.level, card.track.divergences), (Level::Execute, 0), "{:?}", card.lowered);
    assert!(card.tasks.is_empty(), "the task is closed, and nothing was drafted");
    assert!(!ended.out.contains("recorded"), "the desk took every record: {}", ended.out);
}

#[test]
fn trashing_as_decided_is_no_divergence() {
    let room = trusting(Level::Execute);
    let mine = folder(&room, &["a.txt"]);
    fs::copy(mine.join("a.txt"), mine.join("a copy.txt")).expect("copied");
    let running = room.start(&["demo", &mine.display().to_string()]);
    let removal = room.next_case(&[]);
    room.decide(&removal, json!({"kind": "approve", "option": "trash"}));
    assert_eq!(running.end().exit, Exit::Done);
    assert_eq!(names(&mine), ["Documents/a.txt", "Trash/a copy.txt"]);
    assert_eq!(card(&room).track.divergences, 0, "{:?}", card(&room).lowered);
}

#[test]
fn a_held_move_waits_for_its_answer_and_a_no_leaves_the_file() {
    let room = trusting(Level::Execute);
    let mine = folder(&room, &["a.txt", "lawsuit one.txt", "lawsuit two.txt", "z.png"]);
    let mut running = room.start(&["demo", &mine.display().to_string()]);
    let first = room.next_case(&[]);
    running.until_line("lawsuit one.txt");
    running.until_line("SHA256SUMS");
    assert_eq!(
        names(&mine),
        ["Documents/a.txt", "lawsuit one.txt", "lawsuit two.txt", "z.png"],
        "what is held is not moved, nor what comes after it"
    );
    room.decide(&first, json!({"kind": "approve", "option": "run"}));
    let second = room.next_case(&[&first.id]);
    assert_eq!(outcome(&room, &first), Outcome::Applied, "its record has closed it");
    room.decide(&second, json!({"kind": "reject", "reason": "It stays.", "then": "skip"}));
    let ended = running.end();
    assert_eq!(ended.exit, Exit::Done, "{}", ended.out);
    assert_eq!(
        names(&mine),
        ["Documents/a.txt", "Documents/lawsuit one.txt", "Pictures/z.png", "lawsuit two.txt"]
    );
    assert_eq!(outcome(&room, &second), Outcome::Applied);
    assert!(ended.out.contains("It stays."), "{}", ended.out);
    assert_eq!(card(&room).track.divergences, 0, "a step has other moves, too");
}

#[test]
fn a_pause_moves_nothing_and_the_next_start_goes_on() {
    let room = trusting(Level::Execute);
    let mine = folder(&room, &["a.txt", "b.png"]);
    let words = ["demo", &mine.display().to_string()];
    pause(&room, true);
    let ended = room.run(&words);
    assert_eq!(ended.exit, Exit::Pending, "{}", ended.out);
    assert!(ended.out.contains("held") && ended.out.contains("SHA256SUMS"), "{}", ended.out);
    assert_eq!(names(&mine), ["a.txt", "b.png"]);
    pause(&room, false);
    let ended = room.run(&words);
    assert_eq!(ended.exit, Exit::Done, "{}", ended.out);
    assert_eq!(names(&mine), ["Documents/a.txt", "Pictures/b.png"]);
}

/// How often the clock was read, and the two moments at which the test and the
/// agent meet.
static LOOKS: AtomicUsize = AtomicUsize::new(0);
static ALLOWED: Barrier = Barrier::new(2);
static GONE: Barrier = Barrier::new(2);

/// A clock that stops the agent when it has been allowed its second move: it is
/// read once for the run, twice for the look at the folder, twice for a move.
fn stops_in_the_second_move() -> DateTime<Utc> {
    if LOOKS.fetch_add(1, Ordering::SeqCst) == 5 {
        ALLOWED.wait();
        GONE.wait();
    }
    now()
}

#[test]
fn a_lost_desk_permits_nothing_more_and_the_next_run_asks_nothing_twice() {
    let mut room = trusting(Level::Draft);
    let mine = folder(&room, &["a.txt", "b.txt", "c.txt", "d.txt"]);
    let words = ["demo", &mine.display().to_string()];
    let running = start_at(stops_in_the_second_move, room.home(), &words, b"");
    ALLOWED.wait();
    room.restart();
    GONE.wait();
    let ended = running.end();
    assert_eq!(ended.exit, Exit::Unreachable, "{ended:?}");
    assert!(ended.out.contains("nothing more is moved"), "{}", ended.out);
    assert_eq!(names(&mine), ["Documents/a.txt", "Documents/b.txt", "c.txt", "d.txt"]);
    assert_eq!(card(&room).tasks[0].drafted, 1, "the second was not recorded");

    let running = room.start(&words);
    let draft = room.next_case(&[]);
    assert_eq!(draft.actions.len(), 4, "all four are in the draft");
    assert_eq!(card(&room).track.calls, 4, "no move was asked for twice");
    room.decide(&draft, json!({"kind": "approve", "option": "roll_back"}));
    let ended = running.end();
    assert_eq!(ended.exit, Exit::Done, "{}", ended.out);
    assert_eq!(names(&mine), ["a.txt", "b.txt", "c.txt", "d.txt"]);
}

#[test]
fn stopped_before_the_draft_is_answered_it_waits_for_the_same_draft() {
    let room = trusting(Level::Draft);
    let mine = folder(&room, &["a.txt"]);
    let words = ["demo", &mine.display().to_string()];
    let ended = start(room.home(), &words, b"", Some("draft ")).end();
    assert_eq!(ended.exit, Exit::Internal, "{ended:?}");
    let broken = start(room.home(), &words, b"", Some("answer"));
    let draft = room.next_case(&[]);
    room.decide(&draft, json!({"kind": "approve", "option": "roll_back"}));
    assert_eq!(broken.end().exit, Exit::Internal);
    assert_eq!(names(&mine), ["Documents/a.txt"], "it was stopped before it acted");
    let again = room.run(&words);
    assert_eq!(again.exit, Exit::Done, "{again:?}");
    assert_eq!(names(&mine), ["a.txt"]);
    assert_eq!(outcome(&room, &draft), Outcome::Applied);
    assert_eq!(card(&room).track.reversals, 1);
}
