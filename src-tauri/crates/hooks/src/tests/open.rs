//! Which question a call made again takes up.

use handoff_transport::home::Home;
use tempfile::TempDir;

use crate::open::{Note, Questions};

fn note(key: &str, call: Option<&str>) -> Note {
    let call = call.map(str::to_owned);
    Note { key: key.to_owned(), handoff: format!("h-{key}"), call, told: false }
}

fn room() -> (TempDir, Questions) {
    let folder = TempDir::new().expect("a folder");
    let questions = Questions::of(&Home::new(folder.path()), "codex", "s-1");
    (folder, questions)
}

#[test]
fn a_question_that_somebody_works_on_is_nobody_elses() {
    let (_folder, questions) = room();
    assert!(questions.take_up("abc").is_none());
    let first = questions.keep("abc", note("k-1", None)).expect("kept");
    assert!(questions.take_up("abc").is_none(), "an equal call beside it is another question");
    let second = questions.keep("abc", note("k-2", None)).expect("kept");
    first.told();
    let taken = questions.take_up("abc").expect("the first is free");
    assert_eq!((taken.note.key.as_str(), taken.note.told), ("k-1", true));
    assert!(questions.take_up("abd").is_none(), "another call");
    taken.over();
    assert!(questions.take_up("abc").is_none(), "it is answered");
    drop(second);
    // A gap before it does not hide it.
    assert!(questions.keep("abc", note("k-3", None)).is_ok());
}

#[test]
fn whoever_is_killed_leaves_its_question_to_the_next() {
    let (_folder, questions) = room();
    drop(questions.keep("abc", note("k-1", Some("toolu_1"))).expect("kept"));
    let taken = questions.take_up("abc").expect("it is free");
    assert_eq!(taken.note, note("k-1", Some("toolu_1")));
}

#[test]
fn a_call_that_ended_takes_its_own_question_back_and_no_other() {
    let (_folder, questions) = room();
    let _one = questions.keep("abc", note("k-1", Some("toolu_1"))).expect("kept");
    let _two = questions.keep("abc", note("k-2", Some("toolu_2"))).expect("kept");
    let _bare = questions.keep("abd", note("k-3", None)).expect("kept");
    let back = questions.answered_elsewhere("abc", Some("toolu_2"));
    assert_eq!(back, [note("k-2", Some("toolu_2"))]);
    let back = questions.answered_elsewhere("abd", Some("toolu_9"));
    assert_eq!(back, [note("k-3", None)], "a call without a name is known by what it does");
    assert!(questions.answered_elsewhere("abe", None).is_empty());
}

#[test]
fn the_end_of_a_turn_leaves_what_the_client_will_come_back_for() {
    let (_folder, questions) = room();
    let told = questions.keep("abc", note("k-1", None)).expect("kept");
    let waits = questions.keep("abd", note("k-2", None)).expect("kept");
    told.told();
    assert!(questions.given_up(true).is_empty(), "somebody waits, and work goes on behind");
    drop(questions.keep("abe", note("k-3", None)).expect("kept"));
    assert_eq!(questions.given_up(true), [note("k-3", None)], "its process was killed");
    assert_eq!(questions.given_up(false), [note("k-2", None)]);
    drop(waits);
    assert!(questions.take_up("abc").is_some());
    questions.tidy();
    assert!(questions.take_up("abc").is_some(), "a session of today stays");
}
