//! What an agent writes is shown as the text it is, and does nothing.

use serde_json::{Value, json};

use crate::support::{Desk, SOON, payload};

/// Markup, a script, an image from a network, text that runs backwards, and
/// letters nobody sees.
const HOSTILE: &str = "<b>bold</b><img src=x onerror=\"window.owned=1\">\
    <script>window.owned=1</script> ![x](http://192.0.2.1/x.png) &amp; \u{202E}txt.exe\u{200B}end";

fn hostile_everywhere() -> Value {
    let mut case = payload::rename("hostile");
    for pointer in [
        "/task/title",
        "/task/goal",
        "/summary",
        "/pending_question/text",
        "/options/0/label",
        "/options/0/pros/0",
        "/options/0/cons/0",
        "/options/0/risk/why",
        "/options/0/action/args/from",
        "/briefing/intent",
        "/briefing/entities/0/label",
        "/briefing/entities/0/value",
        "/briefing/constraints/0/text",
        "/actions_taken/0/input/folder",
    ] {
        *case.pointer_mut(pointer).unwrap() = json!(HOSTILE);
    }
    case["reason"]["detail"] = json!(HOSTILE);
    case["options"][0]["description"] = json!(HOSTILE);
    case["actions_taken"][0]["reasoning"] = json!(HOSTILE);
    case["briefing"]["sentiment"] = json!({"label": "angry", "note": HOSTILE});
    case["briefing"]["not_included"] = json!([HOSTILE]);
    case["conversation"] = json!({
        "channel": HOSTILE,
        "with": HOSTILE,
        "last_messages": [{"from": "customer", "text": HOSTILE, "at": "2026-01-01T00:00:00Z"}],
    });
    case["plan"] = json!({"steps": [{"id": "one", "title": HOSTILE, "status": "pending"}]});
    case["meta"] = json!({"note": HOSTILE});
    case
}

#[test]
fn hostile_text_is_visible_and_inert_in_every_field() {
    let desk = Desk::open();
    let window = desk.window();
    window.run(
        "window.requests = [];
         new PerformanceObserver(list => {
           for (const entry of list.getEntries()) window.requests.push(entry.name);
         }).observe({ type: 'resource', buffered: true });",
        &[],
    );
    let id = desk.submit(&hostile_everywhere());
    window.open_item(&id, "<script>window.owned=1</script>");

    for test_id in ["question", "summary", "entity", "constraint", "option", "directive-step"] {
        let text = window.text(test_id);
        assert!(text.contains("<b>bold</b>"), "the markup in {test_id} is to be read: {text}");
        assert!(!text.contains('\u{202E}'), "{test_id} runs backwards: {text:?}");
        assert!(!text.contains('\u{200B}'), "{test_id} has letters nobody sees: {text:?}");
    }
    let page = window.page_text();
    assert!(page.contains("&amp;"), "an entity is not decoded");
    assert_eq!(window.run("return window.owned ?? null", &[]), Value::Null, "nothing ran");
    let parsed = window.run(
        "return [...document.querySelectorAll('b, script, img')]
           .filter(e => e.outerHTML.includes('bold') || e.outerHTML.includes('owned')
             || e.outerHTML.includes('192.0.2.1')).map(e => e.outerHTML);",
        &[],
    );
    assert_eq!(parsed, json!([]), "none of it became an element");
    let fetched = window.run(
        "return window.requests.filter(name => name.includes('192.0.2.1') || name.endsWith('/x'))",
        &[],
    );
    assert_eq!(fetched, json!([]), "none of it was fetched");
}

#[test]
fn a_notification_shows_hostile_text_as_text() {
    let desk = Desk::open();
    desk.submit(&hostile_everywhere());
    let notice = desk.notices().wait(SOON, |_| true).unwrap();
    let text = format!("{}{}", notice.summary, notice.body);
    assert!(text.contains("&lt;b&gt;bold") || text.contains("<b>bold"), "it is shown: {text:?}");
    // The service reads the body as markup, so what is text must be escaped.
    assert!(!notice.body.contains("<b>bold"), "it would be bold: {text:?}");
    assert!(!notice.body.contains("<img"), "it would be an image: {text:?}");
    assert!(!text.contains('\u{202E}') && !text.contains('\u{200B}'), "{text:?}");
}
