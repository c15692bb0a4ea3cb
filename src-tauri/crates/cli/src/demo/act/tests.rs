use std::fs;

use handoff_transport::home::Home;

use super::*;
use crate::demo::scan;

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH
}

fn decision(tool: &str, args: Value) -> Decision {
    serde_json::from_value(json!({
        "kind": "approve", "by": "reviewer", "at": "2026-11-22T10:00:00Z",
        "option": "o", "tool": tool, "args": args,
    }))
    .expect("a decision")
}

/// Does `check` with an agent in a folder of four files, three of them
/// alike, that has found the duplicates.
fn at_work(check: impl FnOnce(&mut Work<'_>)) {
    let all = tempfile::tempdir().expect("a folder");
    let path = all.path().join("mine");
    fs::create_dir(&path).expect("made");
    for (name, text) in [("a.txt", "same"), ("b.txt", "same"), ("c.txt", "same"), ("d.txt", "x")] {
        fs::write(path.join(name), text).expect("written");
    }
    let folder = Folder::open(&path).expect("opened");
    let home = Home::new(all.path().join("home"));
    let ledger = Ledger::hold(&home, folder.path()).expect("held");
    let scan = scan::scan(&folder).expect("scanned");
    let mut run = Run::new(folder.path().to_owned(), false, now());
    (run.files, run.taken) = (scan.files, scan.taken);
    let mut work = Work { folder: &folder, ledger: &ledger, run: &mut run, now };
    work.find_duplicates();
    check(&mut work);
}

fn names(work: &Work<'_>) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(work.folder.path())
        .expect("readable")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn arguments_that_name_other_files_are_refused_one_by_one() {
    at_work(|work| {
        let paths = json!({"paths": ["a.txt", "d.txt", "../x", "b.txt", "b.txt", "/etc/passwd"]});
        let tally = work.carry_out(&decision("files.delete", paths), "h").expect("written");
        assert_eq!(tally.done, ["b.txt"]);
        assert_eq!(tally.not_done.len(), 4, "{:?}", tally.not_done);
        assert_eq!(names(work), ["a.txt", "c.txt", "d.txt"], "the copy to keep is not deleted");
    });
}

#[test]
fn another_tool_or_other_arguments_do_nothing() {
    let odd = [
        ("files.shred", json!({"paths": ["b.txt"]})),
        ("files.delete", json!({"paths": ["b.txt"], "force": true})),
        ("files.delete", json!({"path": "b.txt"})),
        ("files.trash", json!({"paths": ["b.txt"], "into": "/tmp"})),
        ("files.move", json!({"moves": [{"from": "b.txt", "to": "x", "mode": 1}]})),
    ];
    for (tool, args) in odd {
        at_work(|work| {
            let tally = work.carry_out(&decision(tool, args.clone()), "h").expect("written");
            assert!(tally.done.is_empty() && tally.not_done.len() == 1, "{tool} {args}");
            assert_eq!(names(work), ["a.txt", "b.txt", "c.txt", "d.txt"], "{tool} {args}");
        });
    }
}

#[test]
fn stopped_halfway_it_finishes_what_was_decided() {
    at_work(|work| {
        let decided = decision("files.delete", json!({"paths": ["b.txt", "c.txt"]}));
        // As an earlier process left it: begun, one of two deleted.
        work.run.attempt = Some("h".to_owned());
        fs::remove_file(work.folder.path().join("b.txt")).expect("removed");
        let tally = work.carry_out(&decided, "h").expect("written");
        assert_eq!((tally.done.len(), tally.not_done.len()), (2, 0), "{tally:?}");
        assert_eq!(names(work), ["a.txt", "d.txt"]);
    });
    at_work(|work| {
        let decided = decision("files.delete", json!({"paths": ["b.txt", "c.txt"]}));
        fs::remove_file(work.folder.path().join("b.txt")).expect("removed");
        let tally = work.carry_out(&decided, "h").expect("written");
        assert_eq!(tally.not_done.len(), 1, "somebody else removed it: {tally:?}");
    });
    at_work(|work| {
        let decided = decision("files.trash", json!({"paths": ["b.txt", "c.txt"], "into": TRASH}));
        work.run.attempt = Some("h".to_owned());
        fs::create_dir(work.folder.path().join(TRASH)).expect("made");
        fs::rename(work.folder.path().join("b.txt"), work.folder.path().join("Trash/b.txt"))
            .expect("moved");
        let tally = work.carry_out(&decided, "h").expect("written");
        assert_eq!((tally.done.len(), tally.not_done.len()), (2, 0), "{tally:?}");
        assert_eq!(names(work), ["Trash", "a.txt", "d.txt"]);
    });
}

#[test]
fn each_move_is_recorded_once_with_its_way_back() {
    at_work(|work| {
        let moves = [Move { from: "d.txt".to_owned(), to: "Documents/d.txt".to_owned() }];
        work.sort(&moves, None).expect("written");
        work.sort(&moves, None).expect("written");
        let made: Vec<&Action> =
            work.run.actions.iter().filter(|action| action.tool == "files.move").collect();
        assert_eq!(made.len(), 1, "doing it again is no second action");
        let Some(Undo::Tool { args, .. }) = &made[0].undo else { panic!("no way back") };
        let back: MoveArgs = serde_json::from_value(Value::Object(args.clone())).expect("moves");
        work.sort(&back.moves, None).expect("written");
        assert_eq!(names(work), ["Documents", "a.txt", "b.txt", "c.txt", "d.txt"]);
    });
}

#[test]
fn what_is_taken_back_lies_where_it_lay_and_is_told_once() {
    at_work(|work| {
        for (from, to) in [("a.txt", "Documents/a.txt"), ("d.txt", "Documents/d.txt")] {
            let way = Move { from: from.to_owned(), to: to.to_owned() };
            work.move_as_allowed(&way).expect("written").expect("moved");
        }
        let ids: Vec<String> = work
            .run
            .actions
            .iter()
            .filter(|action| action.tool == "files.move")
            .map(|action| action.id.clone())
            .collect();
        assert_eq!(work.run.unreported, ids);
        work.run.unreported.clear();
        let wanted = [ids[1].clone(), "a1".to_owned(), "nobody".to_owned()];
        let tally = work.take_back(&wanted);
        assert_eq!(tally.done, [ids[1].clone()]);
        assert_eq!(tally.not_done.len(), 2, "what has no way back is said: {tally:?}");
        assert_eq!(names(work), ["Documents", "b.txt", "c.txt", "d.txt"]);
        assert_eq!(work.take_back(&wanted).done, [ids[1].clone()], "it is back already");
        assert_eq!(work.run.unreported, [ids[1].clone()]);
    });
}

#[test]
fn a_move_that_fails_is_remembered_as_failed() {
    at_work(|work| {
        fs::write(work.folder.path().join("d.txt"), "changed since").expect("written");
        let way = Move { from: "d.txt".to_owned(), to: "Documents/d.txt".to_owned() };
        let outcome = work.move_as_allowed(&way).expect("written");
        assert_eq!(outcome, Err(NotDone::Changed));
        let action = work.run.actions.last().expect("one");
        assert_eq!((action.status, action.undo.is_none()), (ActionStatus::Failed, true));
        assert_eq!(work.run.unreported, std::slice::from_ref(&action.id));
    });
}
