//! The reviewer's hour without a mouse.

use std::time::{Duration, Instant};

use crate::support::{Desk, payload};

#[test]
fn ten_simple_handoffs_are_cleared_by_keyboard_in_under_a_minute() {
    let desk = Desk::open();
    let window = desk.window();
    let ids: Vec<String> =
        (0..10).map(|number| desk.submit(&payload::rename(&format!("card{number}")))).collect();
    for id in &ids {
        window.item(id, "ready");
    }
    let start = Instant::now();
    let mut seen = Vec::new();
    for _ in &ids {
        // Deciding moves on by itself; a new card takes no decision at first.
        window.see_where("decide-approve", ":not(:disabled):not([aria-disabled='true'])");
        let question = window.text("question");
        seen.push(question.clone());
        window.press("Control+Enter");
        let moved = window.until(
            "const question = document.querySelector('[data-testid=question]');
             return !question || question.innerText !== args[0];",
            &[question.into()],
        );
        assert!(moved.is_some(), "the next card comes by itself:\n{}", window.page_text());
    }
    let took = start.elapsed();
    assert!(took < Duration::from_mins(1), "it took {took:?}");
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 10, "ten different cards were decided: {seen:#?}");
    for id in &ids {
        desk.wait_for_state(id, "released");
    }
}

#[test]
fn enter_or_space_alone_decide_nothing() {
    let desk = Desk::open();
    let window = desk.window();
    let id = desk.submit(&payload::rename("enter"));
    window.open_item(&id, "May I rename draft-enter.txt?");
    window.see_where("decide-approve", ":not(:disabled):not([aria-disabled='true'])");
    for key in ["Enter", "Space", "Enter"] {
        window.press(key);
    }
    // What a key does, it does at once; an answer that comes later would have
    // been given by now, because this one takes the same way.
    let other = desk.submit(&payload::rename("after"));
    window.item(&other, "ready");
    assert_eq!(desk.state(&id), "ready");
}

#[test]
fn z_undoes_the_latest_decision() {
    let desk = Desk::open();
    let window = desk.window();
    let id = desk.submit(&payload::rename("zed"));
    window.open_item(&id, "May I rename draft-zed.txt?");
    window.see_where("decide-approve", ":not(:disabled):not([aria-disabled='true'])");
    window.press("Control+Enter");
    window.see("undo-decision");
    window.press("z");
    window.item(&id, "ready");
    assert_eq!(desk.state(&id), "ready");
}
