//! What an agent writes is shown as the text it is, and does nothing.

use serde_json::{Value, json};

use crate::support::hostile::{Lure, UNSEEN, everywhere};
use crate::support::{Desk, SOON};

#[test]
fn hostile_text_is_visible_and_inert_in_every_field() {
    let (desk, lure) = (Desk::open(), Lure::new());
    let window = desk.window();
    let id = desk.submit(&everywhere("hostile", &lure.text()));
    window.open_item(&id, "<script>owned=1</script>");

    for test_id in ["question", "summary", "entity", "constraint", "option", "directive-step"] {
        let text = window.text(test_id);
        assert!(text.contains("<b>bold</b>"), "the markup in {test_id} is to be read: {text}");
        assert!(!text.contains(UNSEEN), "{test_id} hides something: {text:?}");
    }
    for (tab, says) in
        [("plan", "directive-step"), ("history", "action"), ("thread", "task-thread")]
    {
        window.open_tab(tab);
        window.says_something(says);
        let page = window.page_text();
        assert!(page.contains("<b>bold</b>") && page.contains("&amp;"), "{tab}: {page}");
        assert!(!page.contains(UNSEEN), "{tab} hides something: {page:?}");
    }
    window.open_actions();
    let reasons = window.text("action");
    assert!(reasons.contains("<b>bold</b>"), "what it did, and why: {reasons}");
    assert_eq!(window.run("return window.owned ?? null", &[]), Value::Null, "nothing ran");
    let parsed = window.run(
        "return [...document.querySelectorAll('b, script, img, p[style]')]
           .filter(e => /bold|owned|127\\.0\\.0\\.1/.test(e.outerHTML)).map(e => e.outerHTML);",
        &[],
    );
    assert_eq!(parsed, json!([]), "none of it became an element");
    // All of it has been on the page for as long as it took to read it.
    lure.is_untouched();
}

#[test]
fn a_notification_shows_hostile_text_as_text() {
    let (desk, lure) = (Desk::open(), Lure::new());
    desk.submit(&everywhere("hostile", &lure.text()));
    let notice = desk.notices().wait(SOON, |_| true).unwrap();
    let text = format!("{}{}", notice.summary, notice.body);
    assert!(text.contains("&lt;b&gt;bold") || text.contains("<b>bold"), "it is shown: {text:?}");
    // The service reads the body as markup, so what is text must be escaped.
    assert!(!notice.body.contains("<b>bold"), "it would be bold: {text:?}");
    assert!(!notice.body.contains("<img"), "it would be an image: {text:?}");
    assert!(!text.contains(UNSEEN), "{text:?}");
    lure.is_untouched();
}
