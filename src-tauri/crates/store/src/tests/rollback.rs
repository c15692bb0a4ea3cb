//! What is kept of a rollback: enough that nothing is undone twice, whoever
//! dies in between.

use handoff_domain::action::{Action, Effect};
use handoff_domain::rollback::RollbackPlan;
use handoff_domain::rollback::execution::{Event, Execution, ItemState, transition};
use serde_json::json;

use super::desk::{desk, raw};
use super::{Opened, at, insert, open};
use crate::{NewAction, Read, RollbackRow, Store, StoreError, TakenBack, UndoRow};

/// A rollback of one call of the agent's.
fn row(id: &str) -> RollbackRow {
    let plan: RollbackPlan = serde_json::from_value(json!({
        "steps": [{ "action": "m1", "tool": "files.move", "how": "by files.move",
            "compensates": false, "files": [],
            "undo": { "kind": "tool", "tool": "files.move", "args": {} } }],
        "stays": [], "faults": [],
    }))
    .expect("a plan");
    RollbackRow {
        id: id.to_owned(),
        agent: "a".to_owned(),
        task: "t".to_owned(),
        execution: Execution::new(&plan),
        plan,
        at: at(0),
        over_at: None,
        void: false,
    }
}

fn attempt(rollback: &str, attempt: u32) -> UndoRow {
    UndoRow {
        rollback: rollback.to_owned(),
        action: "m1".to_owned(),
        attempt,
        agent: "a".to_owned(),
        task: "t".to_owned(),
        hash: Some("h".to_owned()),
        instruction: Some(format!("i-{attempt}")),
        until: Some(at(60)),
        taken_at: None,
        ended_at: None,
        result: None,
        output: None,
    }
}

async fn add(store: &Store, undo: &UndoRow, second: i64) {
    let undo = undo.clone();
    store.write(move |write| write.add_undo(&undo, at(second))).await.expect("kept");
}

async fn take(store: &Store, undo: &UndoRow, second: i64) -> bool {
    let undo = undo.clone();
    store.write(move |write| write.take_undo(&undo, at(second))).await.expect("asked")
}

async fn end(
    store: &Store,
    rollback: &'static str,
    result: &'static str,
    said: Option<&'static str>,
) {
    let ended = store.write(move |write| write.end_undo(rollback, "m1", result, said, at(9))).await;
    ended.expect("kept");
}

/// The attempt that the very call is asked for by, at this second.
fn asked(store: &Store, second: i64) -> Option<u32> {
    let found = store.read(|read| read.undo_asked("a", "t", "h", at(second))).expect("read");
    found.map(|undo| undo.attempt)
}

fn see<T>(store: &Store, look: impl FnOnce(&Read<'_>) -> Result<T, StoreError>) -> T {
    store.read(look).expect("read")
}

#[tokio::test]
async fn a_rollback_is_there_after_reopening_and_one_that_is_over_stays_over() {
    let Opened { store, path, folder } = open();
    let mut kept = row("r1");
    let new = kept.clone();
    store.write(move |write| write.add_rollback(&new)).await.expect("kept");
    let begun = Event::Begin { action: "m1" };
    kept.execution = transition(&kept.execution, &begun, at(1)).expect("an edge");
    let execution = kept.execution.clone();
    store.write(move |write| write.save_rollback("r1", &execution, None)).await.expect("kept");
    drop(store);

    let store = Store::open(&path).expect("reopened");
    assert_eq!(see(&store, |read| read.rollback("r1")), Some(kept.clone()));
    assert_eq!(see(&store, |read| read.open_rollback_of("a", "t")), Some("r1".to_owned()));
    assert_eq!(see(&store, |read| read.open_rollback_of("a", "other")), None);
    assert_eq!(see(&store, |read| read.open_rollbacks()), ["r1"]);

    for over_at in [Some(at(5)), Some(at(7)), None] {
        let execution = kept.execution.clone();
        let saved = store.write(move |write| write.save_rollback("r1", &execution, over_at)).await;
        saved.expect("kept");
        let over = see(&store, |read| read.rollback("r1")).expect("there").over_at;
        assert_eq!(over, Some(at(5)), "after {over_at:?}");
    }
    assert_eq!(see(&store, |read| read.open_rollbacks()), Vec::<String>::new());
    drop(folder);
}

#[tokio::test]
async fn one_of_two_takes_an_undo_up_and_only_in_its_time() {
    let Opened { store, folder, .. } = open();
    let undo = attempt("r1", 1);
    add(&store, &undo, 0).await;
    assert_eq!((asked(&store, 60), asked(&store, 61)), (Some(1), None), "its window is over then");
    let (one, other) = tokio::join!(take(&store, &undo, 3), take(&store, &undo, 3));
    assert!(one != other, "one of the two: {one} and {other}");
    assert_eq!(asked(&store, 4), None, "it is not asked for any more");
    let open = see(&store, |read| read.undos_open());
    assert_eq!(open.iter().map(|undo| undo.taken_at).collect::<Vec<_>>(), [Some(at(3))]);

    end(&store, "r1", "failed", None).await;
    assert_eq!(see(&store, |read| read.undos_open()), []);
    assert!(!take(&store, &undo, 5).await, "nor taken up after its end");
    drop(folder);
}

#[tokio::test]
async fn the_latest_attempt_counts_and_a_later_word_on_it() {
    let Opened { store, folder, .. } = open();
    add(&store, &attempt("r1", 1), 0).await;
    end(&store, "r1", "failed", Some("it is locked")).await;
    add(&store, &attempt("r1", 2), 1).await;
    assert_eq!(asked(&store, 2), Some(2));
    end(&store, "r1", "may_have_run", None).await;
    let latest = || see(&store, |read| read.undos_of("r1")).remove("m1").expect("there");
    assert_eq!((latest().attempt, latest().result.as_deref()), (2, Some("may_have_run")));
    assert_eq!(latest().output, None, "the words on the first are the first's");
    end(&store, "r1", "undone", Some("moved")).await;
    end(&store, "r1", "undone", None).await;
    assert_eq!(
        (latest().result.as_deref(), latest().output.as_deref()),
        (Some("undone"), Some("moved"))
    );
    let told = store.write(|write| write.undo_told("r1", "m1", "i-3")).await;
    told.expect("kept");
    assert_eq!(latest().instruction.as_deref(), Some("i-3"));
    drop(folder);
}

#[tokio::test]
async fn a_record_speaks_of_the_latest_attempt_with_its_call_and_once() {
    let Opened { store, folder, .. } = open();
    add(&store, &attempt("r1", 1), 0).await;
    add(&store, &attempt("r1", 2), 0).await;
    let spoken_of = || see(&store, |read| read.undo_by_call("a", "t", "h"));
    let found = spoken_of().expect("there");
    assert_eq!(found.attempt, 2, "of two at one moment the later");
    let (undo, id) = (found, "u1");
    store.write(move |write| write.undo_recorded(&undo, id)).await.expect("kept");
    assert_eq!(spoken_of().expect("there").attempt, 1);
    assert_eq!(see(&store, |read| read.undo_by_call("a", "t", "other")), None);
    assert_eq!(see(&store, |read| read.undo_by_call("b", "t", "h")), None, "another agent's");
    let calls = see(&store, |read| read.undo_calls("a", "t"));
    assert_eq!(calls.into_iter().collect::<Vec<_>>(), [("u1".to_owned(), "m1".to_owned())]);
    drop(folder);
}

#[tokio::test]
async fn what_was_taken_back_is_undone_and_in_no_draft_any_more() {
    let Opened { store, folder, .. } = open();
    let action: Action = serde_json::from_value(json!({
        "id": "m1", "tool": "files.move", "effect": "reversible", "status": "done" }))
    .expect("an action");
    for task in ["t", "u"] {
        let action = action.clone();
        let kept = store.write(move |write| {
            let new = NewAction {
                task,
                action: &action,
                hash: "h",
                effect: Effect::Reversible,
                source: "agent says",
                found: false,
                drafted: true,
            };
            write.keep_action("a", &new, at(0))
        });
        kept.await.expect("kept");
    }
    let note = async |undone_at, failed: Option<&'static str>| {
        let what = TakenBack { undone_at, failed: failed.map(str::to_owned) };
        store.write(move |write| write.note_taken_back("a", "t", "m1", &what)).await.expect("kept");
    };
    let status = |task| {
        let found = see(&store, |read| read.actions_of("a", task));
        serde_json::to_value(found[0].0.action.status).expect("json")
    };
    note(None, Some("it is locked")).await;
    assert_eq!(status("t"), "done", "an attempt that failed takes nothing back");
    note(Some(at(3)), None).await;
    assert_eq!((status("t"), status("u")), (json!("undone"), json!("done")), "of this task alone");
    let what = see(&store, |read| read.taken_back("a", "t")).remove("m1").expect("there");
    assert_eq!(what, TakenBack { undone_at: Some(at(3)), failed: None });
    assert_eq!(see(&store, |read| read.drafted("a", "t")).len(), 0);
    assert_eq!(see(&store, |read| read.drafted("a", "u")).len(), 1);
    drop(folder);
}

#[tokio::test]
async fn what_comes_from_the_past_goes_on_with_no_undo() {
    let desk = desk();
    let store = desk.open().store;
    store.write(|write| write.add_rollback(&row("r1"))).await.expect("kept");
    add(&store, &attempt("r1", 1), 0).await;
    drop(store);
    crate::salvage::lock_down(&raw(&desk.files), at(8)).expect("locked down");

    let store = desk.open().store;
    let found = see(&store, |read| read.rollback("r1")).expect("there");
    assert_eq!((found.void, found.over_at), (true, Some(at(8))));
    assert!(matches!(found.execution.items[0].state, ItemState::Pending), "as it was");
    assert_eq!(asked(&store, 9), None);
    assert!(!take(&store, &attempt("r1", 1), 9).await);
}

#[tokio::test]
async fn each_change_is_counted_and_no_look_is() {
    let Opened { store, folder, .. } = open();
    let before = store.changes();
    insert(&store, "k", "{}".to_owned()).await.expect("stored");
    let after = store.changes();
    assert!(after > before);
    see(&store, |read| read.handoff("h-k"));
    assert_eq!(store.changes(), after);
    drop(folder);
}
