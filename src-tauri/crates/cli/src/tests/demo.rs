//! The demo agent at work: real files, a real desk, every kind of answer.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use handoff_domain::lifecycle::{Outcome, State};
use handoff_protocol::view::CaseView;
use serde_json::{Value, json};

use super::room::{Room, Running, start, well};
use crate::exit::Exit;

/// All files of a folder by their path in it.
pub fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).expect("readable").map(|entry| entry.expect("an entry")) {
            if entry.file_type().expect("a type").is_dir() {
                folders.push(entry.path());
            } else {
                let path = entry.path();
                let name = path.strip_prefix(folder).expect("inside").display().to_string();
                found.insert(name, fs::read(&path).unwrap_or_default());
            }
        }
    }
    found
}

pub fn contents(files: &BTreeMap<String, Vec<u8>>) -> BTreeSet<Vec<u8>> {
    files.values().cloned().collect()
}

pub fn sample(room: &Room) -> PathBuf {
    room.home().join("demo/Downloads")
}

fn args(room: &Room, case: &CaseView, option: &str) -> Value {
    let found = case.options.iter().find(|one| one.id == option).expect("the option");
    let action = found.action.as_ref().expect("an action");
    let engine = &room.desk().engine;
    let whole = engine.unfold(&case.id, case.revision, &action.args.pointer);
    serde_json::from_str(&well(whole)).expect("json")
}

fn paths(room: &Room, case: &CaseView, option: &str) -> Vec<String> {
    serde_json::from_value(args(room, case, option)["paths"].clone()).expect("paths")
}

pub fn option_ids(case: &CaseView) -> Vec<&str> {
    case.options.iter().map(|option| option.id.as_str()).collect()
}

/// Its question has been answered; the item is closed with this outcome.
pub fn outcome(room: &Room, case: &CaseView) -> Outcome {
    let case = room.case(&case.id);
    assert_eq!(case.state, State::Reconciled, "{:?}", case.thread);
    case.report.expect("a report").outcome
}

fn asked(room: &Room) -> (Running, CaseView) {
    let running = room.start(&["demo"]);
    let case = room.next_case(&[]);
    (running, case)
}

#[test]
fn the_first_case_is_fully_briefed() {
    let room = Room::new();
    let (mut running, case) = asked(&room);
    assert_eq!(option_ids(&case), ["trash", "delete", "keep-all"]);
    assert!(case.summary_words <= 90, "{} words", case.summary_words);
    assert!(case.missing_layers.is_empty(), "{:?}", case.missing_layers);
    assert!(case.entities.len() >= 4 && case.constraints.len() >= 2);
    assert!(case.options.iter().all(|one| !one.pros.is_empty() && !one.cons.is_empty()));
    assert!(case.options.iter().all(|one| one.broken.is_empty()), "{:?}", case.options);
    let extra: Vec<bool> = case.options.iter().map(|option| option.confirm).collect();
    assert_eq!(extra, [true, true, false], "nobody has accepted what it says of its tools");
    let moves: Vec<_> = case.actions.iter().filter(|action| action.tool == "files.move").collect();
    assert!(moves.len() > 30, "each move is listed: {}", moves.len());
    assert!(moves.iter().all(|action| action.undo.is_some()));
    assert!(case.actions.iter().all(|action| {
        action.reasoning.is_some() && action.started_at.is_some() && action.confidence.is_some()
    }));
    // The steps that need no answer really go on.
    let free: Vec<&str> =
        case.plan.iter().filter(|step| step.free).map(|step| step.id.as_str()).collect();
    assert_eq!(free, ["index", "checksums"]);
    running.until_line("SHA256SUMS");
    let index = running.until_line("index.md");
    let index = index.split_once("wrote").map_or("", |(_, path)| path.trim());
    assert!(fs::read_to_string(index).expect("there").contains("IMG_0042 copy.png"));
    room.decide(&case, json!({"kind": "approve", "option": "keep-all"}));
    assert_eq!(running.end().exit, Exit::Done);
}

#[test]
fn approved_deletion_deletes_the_copies_and_nothing_else() {
    let room = Room::new();
    let (running, case) = asked(&room);
    let before = files(&sample(&room));
    let doomed = paths(&room, &case, "delete");
    assert_eq!(doomed.len(), 12);
    room.decide(&case, json!({"kind": "approve", "option": "delete"}));
    let ended = running.end();
    assert_eq!(ended.exit, Exit::Done, "{}", ended.out);
    let after = files(&sample(&room));
    let gone: Vec<String> =
        before.keys().filter(|path| !after.contains_key(*path)).cloned().collect();
    let wanted: BTreeSet<String> = doomed.into_iter().collect();
    assert_eq!(gone.into_iter().collect::<BTreeSet<_>>(), wanted);
    assert_eq!(contents(&after), contents(&before), "a copy of everything is left");
    assert_eq!(outcome(&room, &case), Outcome::Applied);
    assert!(ended.out.contains("report.md"), "{}", ended.out);
}

#[test]
fn edited_arguments_are_what_is_done() {
    let room = Room::new();
    let (running, case) = asked(&room);
    let before = files(&sample(&room));
    let some = paths(&room, &case, "trash")[..2].to_vec();
    room.decide(
        &case,
        json!({
            "kind": "modify", "option": "trash", "args": {"paths": some, "into": "Trash"},
        }),
    );
    assert_eq!(running.end().exit, Exit::Done);
    let after = files(&sample(&room));
    assert_eq!(after.len(), before.len(), "nothing is lost");
    assert_eq!(after.keys().filter(|path| path.starts_with("Trash/")).count(), 2);
    assert!(some.iter().all(|path| !after.contains_key(path)));
}

#[test]
fn what_changed_meanwhile_is_left_alone_and_reported() {
    let room = Room::new();
    let (running, case) = asked(&room);
    let doomed = paths(&room, &case, "delete");
    fs::write(sample(&room).join(&doomed[0]), "edited since").expect("written");
    fs::remove_file(sample(&room).join(&doomed[1])).expect("removed");
    room.decide(&case, json!({"kind": "approve", "option": "delete"}));
    let ended = running.end();
    assert_eq!(ended.exit, Exit::Refused, "not all was done as decided");
    let after = files(&sample(&room));
    assert_eq!(after.get(&doomed[0]).map(Vec::as_slice), Some(&b"edited since"[..]));
    assert!(!after.contains_key(&doomed[2]), "the rest is done");
    assert_eq!(outcome(&room, &case), Outcome::Diverged);
    let why = room.case(&case.id).report.and_then(|report| report.why).unwrap_or_default();
    assert!(why.starts_with("2 of 12 not done.") && why.contains("changed"), "{why}");
}

#[test]
fn information_leads_to_another_proposal() {
    let room = Room::new();
    let (running, case) = asked(&room);
    room.decide(
        &case,
        json!({
            "kind": "inform",
            "text": "I still need “IMG_0042 copy.png”. Please don't delete anything.",
            "facts": {"keep": "*.pdf", "colour": "red"},
            "constraints": [{"text": "Not more than twenty.", "expr": "size(args.paths) <= 20"}],
        }),
    );
    let second = room.next_case(&[&case.id]);
    assert_eq!(outcome(&room, &case), Outcome::Applied);
    assert_eq!(option_ids(&second), ["trash", "keep-all"]);
    let left = paths(&room, &second, "trash");
    assert_eq!(left.len(), 7, "four PDFs and a picture are kept: {left:?}");
    assert!(
        second.summary.contains("*.pdf") && second.summary.contains("colour"),
        "{}",
        second.summary
    );
    assert!(second.summary_words <= 90);
    assert!(second.constraints.iter().any(|one| one.text == "Not more than twenty."));
    room.decide(&second, json!({"kind": "approve", "option": "trash"}));
    assert_eq!(running.end().exit, Exit::Done);
    let after = files(&sample(&room));
    assert!(after.contains_key("Pictures/IMG_0042 copy.png"));
    assert!(after.contains_key("Documents/invoice-2026-09 (1).pdf"));
    assert_eq!(after.keys().filter(|path| path.starts_with("Trash/")).count(), 7);
}

#[test]
fn a_rejection_to_revise_leads_to_a_gentler_proposal_in_the_same_item() {
    let room = Room::new();
    let (mut running, case) = asked(&room);
    room.decide(&case, json!({"kind": "reject", "reason": "Too bold.", "then": "revise"}));
    running.until_line("revision 2");
    let second = room.next_case(&[]);
    assert_eq!((second.id.as_str(), second.revision), (case.id.as_str(), 2));
    assert_eq!(option_ids(&second), ["trash", "keep-all"]);
    room.decide(&second, json!({"kind": "reject", "reason": "Still.", "then": "revise"}));
    running.until_line("revision 3");
    let third = room.next_case(&[]);
    assert_eq!(option_ids(&third), ["keep-all"]);
    let before = files(&sample(&room));
    room.decide(&third, json!({"kind": "approve", "option": "keep-all"}));
    assert_eq!(running.end().exit, Exit::Done);
    assert_eq!(files(&sample(&room)), before);
}

#[test]
fn other_rejections_and_a_takeover_change_nothing() {
    for (answer, exit) in [
        (json!({"kind": "reject", "reason": "No.", "then": "stop"}), Exit::Reject),
        (json!({"kind": "reject", "reason": "No.", "then": "skip"}), Exit::Done),
        (json!({"kind": "take_over", "note": "Mine."}), Exit::TakeOver),
    ] {
        let room = Room::new();
        let (running, case) = asked(&room);
        let before = files(&sample(&room));
        room.decide(&case, answer.clone());
        let ended = running.end();
        assert_eq!(ended.exit, exit, "{answer}: {}", ended.out);
        assert_eq!(files(&sample(&room)), before, "{answer}");
        assert_eq!(outcome(&room, &case), Outcome::Applied);
        let list = ended.out.lines().find(|line| line.contains("left-to-do.md"));
        assert_eq!(list.is_some(), exit == Exit::TakeOver, "{}", ended.out);
    }
}

#[test]
fn a_folder_of_the_users_is_not_touched_before_the_plan_is_approved() {
    let room = Room::new();
    let mine = room.folder().join("mine");
    fs::create_dir_all(mine.join("sub")).expect("made");
    for (name, text) in [
        ("a.txt", "same"),
        ("a copy.txt", "same"),
        ("b.png", "not a picture"),
        ("plain", "x"),
        (".secret", "hidden"),
        ("sub/deep.txt", "same"),
    ] {
        fs::write(mine.join(name), text).expect("written");
    }
    std::os::unix::fs::symlink("/etc/hostname", mine.join("link.txt")).expect("linked");
    let before = files(&mine);
    let mut running = room.start(&["demo", &mine.display().to_string()]);
    let plan = room.next_case(&[]);
    running.until_line("SHA256SUMS");
    assert_eq!(files(&mine), before, "nothing was touched");
    assert_eq!(option_ids(&plan), ["sort", "list-only"]);
    assert!(plan.actions.iter().all(|action| action.tool == "files.list"));
    assert!(plan.options.iter().all(|one| one.broken.is_empty()), "{:?}", plan.options);
    let mut moves = args(&room, &plan, "sort");
    moves["moves"][2]["to"] = json!("Somewhere/else.png");
    room.decide(&plan, json!({"kind": "modify", "option": "sort", "args": moves}));
    let removal = room.next_case(&[&plan.id]);
    assert_eq!(outcome(&room, &plan), Outcome::Applied);
    assert_eq!(paths(&room, &removal, "delete"), ["Documents/a copy.txt"]);
    room.decide(&removal, json!({"kind": "approve", "option": "delete"}));
    assert_eq!(running.end().exit, Exit::Done);
    let after: Vec<String> = files(&mine).into_keys().collect();
    assert_eq!(
        after,
        [".secret", "Documents/a.txt", "Somewhere/else.png", "link.txt", "plain", "sub/deep.txt"]
    );
}

#[test]
fn a_plan_may_be_refused_softened_or_left_out() {
    let room = Room::new();
    let mine = room.folder().join("mine");
    fs::create_dir(&mine).expect("made");
    for (name, text) in [("a.txt", "same"), ("b.txt", "same"), ("c.png", "p")] {
        fs::write(mine.join(name), text).expect("written");
    }
    let before = files(&mine);
    let mut running = room.start(&["demo", &mine.display().to_string()]);
    let plan = room.next_case(&[]);
    room.decide(&plan, json!({"kind": "inform", "text": "", "facts": {"keep": ["c.png"]}}));
    let second = room.next_case(&[&plan.id]);
    assert_eq!(args(&room, &second, "sort")["moves"].as_array().map(Vec::len), Some(2));
    room.decide(&second, json!({"kind": "reject", "reason": "Those are new.", "then": "revise"}));
    running.until_line("revision 2");
    let third = room.next_case(&[&plan.id]);
    assert_eq!(option_ids(&third), ["list-only"], "all of them changed lately");
    room.decide(&third, json!({"kind": "reject", "reason": "No.", "then": "skip"}));
    let ended = running.end();
    assert_eq!(ended.exit, Exit::Done, "{}", ended.out);
    assert_eq!(files(&mine), before);
}

#[test]
fn stopped_at_any_point_it_goes_on_from_there() {
    for part in
        ["looked at", "duplicates", "moved", "asks", "answer", "did", "reported", "finished"]
    {
        let room = Room::new();
        // Once the question waits, the reviewer answers it, whichever process
        // is there to hear it.
        let broken = start(room.home(), &["demo"], b"", Some(part));
        let answered = ["answer", "did", "reported", "finished"].contains(&part);
        let before = if answered {
            let case = room.next_case(&[]);
            let before = files(&sample(&room));
            room.decide(&case, json!({"kind": "approve", "option": "delete"}));
            Some((case, before))
        } else {
            None
        };
        let ended = broken.end();
        assert_eq!(ended.exit, Exit::Internal, "{part}: {ended:?}");
        let again = room.start(&["demo"]);
        let (case, before) = before.unwrap_or_else(|| {
            let case = room.next_case(&[]);
            let before = files(&sample(&room));
            room.decide(&case, json!({"kind": "approve", "option": "delete"}));
            (case, before)
        });
        let ended = if part == "finished" {
            // That run was over: the next one is a new one.
            let next = room.next_case(&[]);
            assert_ne!(next.id, case.id);
            room.decide(&next, json!({"kind": "reject", "reason": "Enough.", "then": "stop"}));
            again.end()
        } else {
            let ended = again.end();
            let after = files(&sample(&room));
            assert_eq!(after.len(), before.len() - 12, "{part}: {ended:?}");
            assert_eq!(contents(&after), contents(&before), "{part}");
            ended
        };
        let wanted = if part == "finished" { Exit::Reject } else { Exit::Done };
        assert_eq!(ended.exit, wanted, "{part}: {ended:?}");
        assert_eq!(outcome(&room, &case), Outcome::Applied, "{part}");
        let all = room.run(&["list", "--agent", "demo", "--json"]).json();
        assert_eq!(all["total"], json!(if part == "finished" { 2 } else { 1 }), "{part}");
    }
}

#[test]
fn it_ends_in_one_document_where_that_is_asked_for() {
    let room = Room::new();
    let running = room.start(&["demo", "--json"]);
    let case = room.next_case(&[]);
    room.decide(&case, json!({"kind": "approve", "option": "trash"}));
    let ended = running.end();
    assert_eq!((ended.exit, ended.err.as_str()), (Exit::Done, ""));
    assert_eq!(ended.json()["state"], json!("over"));
}

#[test]
fn the_desks_own_folder_is_no_folder_to_tidy() {
    let room = Room::new();
    for folder in [room.home(), room.home().join("tokens"), PathBuf::from("/")] {
        fs::create_dir_all(&folder).expect("there");
        let ended = room.run(&["demo", &folder.display().to_string()]);
        assert_eq!(ended.exit, Exit::Usage, "{ended:?}");
    }
}

#[test]
fn strange_names_are_moved_or_said_to_stay() {
    let room = Room::new();
    let mine = room.folder().join("mine");
    fs::create_dir(&mine).expect("made");
    for name in ["-rf", "x", "-rf.txt", "new\nline.txt", "no.such-kind", "a*?\"'$(id).png"] {
        fs::write(mine.join(name), format!("content of {name}")).expect("written");
    }
    fs::write(mine.join(OsStr::from_bytes(b"bad\xff.txt")), "x").expect("written");
    let running = room.start(&["demo", &mine.display().to_string()]);
    let case = room.next_case(&[]);
    room.decide(&case, json!({"kind": "approve", "option": "sort"}));
    let ended = running.end();
    assert_eq!(ended.exit, Exit::Done, "{ended:?}");
    let after: Vec<String> = files(&mine).into_keys().collect();
    let moved = ["Documents/-rf.txt", "Documents/new\nline.txt", "Pictures/a*?\"'$(id).png"];
    assert_eq!(after[..2], ["-rf", "Documents/-rf.txt"], "{after:?}");
    assert!(moved.iter().all(|name| after.contains(&(*name).to_owned())), "{after:?}");
    for stays in ["-rf: it stays", "x: it stays", "no.such-kind: it stays", "its name is not UTF-8"]
    {
        assert!(ended.out.contains(stays), "{stays} in {}", ended.out);
        assert!(
            case.not_included.iter().any(|text| text.contains(stays)),
            "the reviewer is told, too: {stays} in {:?}",
            case.not_included
        );
    }
}

#[test]
fn the_desk_knows_how_far_the_plan_is() {
    let room = Room::new();
    let (mut running, case) = asked(&room);
    running.until_line("SHA256SUMS");
    running.until_line("index.md");
    let words = ["task", "runnable", &case.task.id, "--agent", "demo", "--json"];
    // What it tells comes right after the line.
    let until = Instant::now() + Duration::from_mins(1);
    while room.run(&words).json()["runnable"] != json!([]) {
        assert!(Instant::now() < until, "{:?}", room.run(&words));
    }
    room.decide(&case, json!({"kind": "approve", "option": "keep-all"}));
    assert_eq!(running.end().exit, Exit::Done);
    let standing = room.run(&words).json();
    assert_eq!(standing["closed"], json!(true));
    let at_least = standing["revision"].as_u64().expect("a number");
    assert!(at_least >= 4, "opened, sorted, two reports, removed: {standing}");
}
