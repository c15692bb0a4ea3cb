//! What waits to be looked through.

use handoff_domain::action::Effect;
use serde_json::json;

use super::{at, open};
use crate::NewAction;

#[tokio::test]
async fn what_is_recorded_while_a_draft_is_gathered_belongs_to_the_next() {
    let opened = open();
    let store = &opened.store;
    let record = async |id: &str| {
        let action = serde_json::from_value(json!({ "id": id, "tool": "x", "effect": "reversible",
            "status": "done" }));
        let action = action.expect("an action");
        store
            .write(move |write| {
                let new = NewAction {
                    task: "t",
                    action: &action,
                    hash: "h",
                    effect: Effect::Reversible,
                    found: true,
                    source: "agent says",
                    drafted: true,
                };
                write.keep_action("a", &new, at(0))
            })
            .await
            .expect("kept");
    };
    let drafted = || {
        let found = store.read(|read| read.drafted("a", "t")).expect("read");
        found.into_iter().map(|past| past.action.id).collect::<Vec<_>>()
    };
    record("first").await;
    let shown = drafted();
    record("second").await;
    store.write(move |write| write.gather_draft("a", "t", "d1", &shown)).await.expect("gathered");
    assert_eq!(drafted(), ["second"]);
}
