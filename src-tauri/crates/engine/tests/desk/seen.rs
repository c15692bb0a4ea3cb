//! What the reviewer sees already, and what no service could show.

use handoff_domain::alerts::Purpose;
use handoff_protocol::view::NotificationState;
use handoff_testkit::Headless;
use serde_json::json;

use crate::agent::{Agent, approve, decide_and_release, until};
use crate::alerts::{MINUTE, case, happened, live, pass, payload, shown, with, within};

#[tokio::test]
async fn what_is_on_screen_is_not_notified_of() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let id = agent.submit(payload("k", within(3600, "manual_review"))).await;
    until(&desk, || happened(&desk, &id, "notified") == 1).await;
    desk.engine.on_screen(Some(id.clone()));
    desk.engine.is_in_front(true);
    pass(&desk, 49 * MINUTE).await;
    assert_eq!(shown(&desk, Purpose::Warning), 0);
    assert!(case(&desk, &id).thread.iter().any(|entry| entry.text.contains("on screen")));
    let other = agent.submit(payload("other", within(3600, "manual_review"))).await;
    until(&desk, || happened(&desk, &other, "notified") == 1).await;
}

#[tokio::test]
async fn what_the_page_shows_is_seen_only_while_the_window_is_in_front() {
    // The page says once what it shows; the focus comes and goes.
    for (focus, reminders) in [(&[][..], 1), (&[true, false], 1), (&[true, false, true], 0)] {
        let (desk, _agent, id) = with(within(6 * 3600, "manual_review")).await;
        desk.engine.on_screen(Some(id.clone()));
        for in_front in focus {
            desk.engine.is_in_front(*in_front);
        }
        pass(&desk, 30 * MINUTE).await;
        assert_eq!(shown(&desk, Purpose::Reminder), reminders, "{focus:?}");
    }
}

fn there() -> NotificationState {
    NotificationState::Available { service: "dunst".to_owned() }
}

fn gone() -> NotificationState {
    NotificationState::Missing { why: "It left.".to_owned() }
}

#[tokio::test]
async fn a_service_that_appears_is_told_what_waits_and_only_once() {
    let desk = Headless::new().await.unwrap();
    desk.notifier.disappear();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let id = agent.submit(payload("k", within(3600, "manual_review"))).await;
    until(&desk, || happened(&desk, &id, "not_notified") == 1).await;
    desk.notifier.appear();
    for _ in 0..2 {
        desk.engine.notifications_are(there());
        until(&desk, || happened(&desk, &id, "notified") == 1).await;
        desk.engine.tick().await;
        desk.engine.notifications_are(gone());
    }
    assert_eq!(desk.notifier.notices().len(), 1);
}

#[tokio::test]
async fn agents_are_told_whether_the_reviewer_can_be_notified() {
    let desk = Headless::new().await.unwrap();
    let anyone = Agent::connect(&desk.engine);
    let said = async || anyone.call("desk.status", json!({})).await.unwrap();
    assert_eq!(said().await.get("no_notifications"), None, "nobody has looked yet");
    desk.engine.notifications_are(gone());
    assert_eq!(said().await["no_notifications"], "It left.");
    desk.engine.notifications_are(there());
    assert_eq!(said().await.get("no_notifications"), None);
}

#[tokio::test]
async fn a_warning_that_no_service_showed_is_shown_when_one_is_back() {
    let (desk, agent, id) = with(within(600, "manual_review")).await;
    desk.notifier.disappear();
    live(&desk, 490).await;
    assert_eq!(happened(&desk, &id, "warned"), 1);
    assert_eq!(shown(&desk, Purpose::Warning), 0);
    desk.notifier.appear();
    // Nobody says so but the next notification, which is shown.
    let other = agent.submit(payload("other", within(3600, "manual_review"))).await;
    until(&desk, || shown(&desk, Purpose::Warning) == 1).await;
    let of = |id: &str| {
        desk.notifier.notices().iter().filter(|one| one.handoff.as_deref() == Some(id)).count()
    };
    assert_eq!((of(&id), of(&other)), (2, 1), "once for being ready, once more for the warning");
}

/// Eight at once: five are tried by themselves, three counted among many.
async fn burst(desk: &Headless) -> Vec<String> {
    let agent = Agent::named(&desk.engine, "tidy").await;
    let mut ids = Vec::new();
    for number in 0..8 {
        ids.push(agent.submit(payload(&format!("k{number}"), within(3600, "escalate"))).await);
    }
    let tried =
        |id: &String| happened(desk, id, "notified") + happened(desk, id, "not_notified") == 1;
    until(desk, || ids.iter().all(tried)).await;
    ids
}

/// How many were shown by themselves, and how many the others count.
fn told(desk: &Headless) -> (usize, Vec<String>) {
    let notices = desk.notifier.notices();
    let many = notices.iter().filter(|one| one.handoff.is_none());
    let titles: Vec<String> = many.map(|one| one.title.clone()).collect();
    (notices.len() - titles.len(), titles)
}

#[tokio::test]
async fn what_was_counted_among_many_is_owed_while_no_service_has_shown_the_count() {
    let desk = Headless::new().await.unwrap();
    desk.notifier.disappear();
    let ids = burst(&desk).await;
    desk.engine.tick().await;
    assert_eq!(told(&desk), (0, Vec::new()));
    desk.notifier.appear();
    desk.clock.pass(std::time::Duration::from_secs(11));
    desk.engine.notifications_are(there());
    let tried =
        |id: &String| happened(&desk, id, "notified") + happened(&desk, id, "not_notified") == 2;
    until(&desk, || ids.iter().all(tried)).await;
    desk.engine.tick().await;
    assert_eq!(told(&desk), (5, vec!["3 more ask".to_owned()]), "all eight");
}

#[tokio::test]
async fn a_desk_that_died_before_it_had_counted_many_owes_them_still_and_else_not() {
    for (counted, after) in [(false, (8, vec![])), (true, (5, vec!["3 more ask".to_owned()]))] {
        let desk = Headless::new().await.unwrap();
        desk.engine.notifications_are(there());
        burst(&desk).await;
        desk.clock.pass(std::time::Duration::from_secs(1));
        if counted {
            desk.engine.tick().await;
        }
        let desk = desk.restart().await.unwrap();
        desk.clock.pass(std::time::Duration::from_secs(11));
        desk.engine.notifications_are(there());
        until(&desk, || told(&desk) == after).await;
        desk.engine.tick().await;
        assert_eq!(told(&desk), after);
    }
}

#[tokio::test]
async fn a_count_of_many_that_is_taken_away_with_the_desk_that_showed_it_is_told_again() {
    let desk = Headless::new().await.unwrap();
    desk.engine.notifications_are(there());
    burst(&desk).await;
    desk.clock.pass(std::time::Duration::from_secs(1));
    desk.engine.tick().await;
    let desk = desk.restart().await.unwrap();
    desk.clock.pass(std::time::Duration::from_secs(11));
    desk.engine.notifications_are(there());
    // Nobody has read it: it was still on the screen.
    desk.engine.tell_again(vec![None]).await;
    until(&desk, || told(&desk) == (8, vec!["3 more ask".to_owned()])).await;
}

#[tokio::test]
async fn what_an_agent_did_otherwise_is_told_when_a_service_is_back() {
    let (desk, agent, id) = with(within(3600, "manual_review")).await;
    decide_and_release(&desk, &id, approve("keep")).await;
    desk.notifier.disappear();
    let report = json!({ "outcome": "diverged", "why": "The disk was full.", "steps": [] });
    agent.call("handoff.reconcile", json!({ "id": id, "report": report })).await.unwrap();
    until(&desk, || happened(&desk, &id, "not_notified") == 1).await;
    desk.notifier.appear();
    for _ in 0..2 {
        desk.engine.notifications_are(there());
        until(&desk, || shown(&desk, Purpose::Diverged) == 1).await;
        desk.engine.notifications_are(gone());
    }
    assert_eq!(shown(&desk, Purpose::Diverged), 1, "once");
}

#[tokio::test]
async fn a_service_that_hangs_with_a_count_of_many_puts_no_deadline_off() {
    let (desk, _agent, id) = with(within(600, "manual_review")).await;
    live(&desk, 490).await;
    assert_eq!(happened(&desk, &id, "warned"), 1);
    desk.notifier.hang();
    let other = Agent::named(&desk.engine, "other").await;
    let mut ids = Vec::new();
    for number in 0..8 {
        ids.push(other.submit(payload(&format!("k{number}"), within(3600, "escalate"))).await);
    }
    let counted = || ids.iter().filter(|id| happened(&desk, id, "not_notified") == 1).count();
    until(&desk, || counted() == 3).await;
    desk.clock.pass(std::time::Duration::from_secs(115));
    let engine = desk.engine.clone();
    let look = tokio::spawn(async move { engine.tick().await });
    until(&desk, || happened(&desk, &id, "manual_review") == 1).await;
    assert!(!look.is_finished(), "the count is still being shown");
    look.abort();
}

#[tokio::test]
async fn an_attempt_that_could_not_be_recorded_is_made_up_for_all_the_same() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    desk.notifier.disappear();
    // Whatever is recorded of a notification is refused.
    #[expect(clippy::disallowed_methods, reason = "what refuses to record an attempt")]
    let other = rusqlite::Connection::open(desk.home.database()).unwrap();
    other
        .execute_batch(
            "CREATE TRIGGER no BEFORE INSERT ON events WHEN NEW.kind = 'not_notified'
             BEGIN SELECT RAISE(ABORT, 'no'); END",
        )
        .unwrap();
    let id = agent.submit(payload("k", within(3600, "manual_review"))).await;
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    desk.engine.tick().await;
    agent.submit(payload("other", within(3600, "manual_review"))).await;
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    desk.engine.tick().await;
    assert_eq!((happened(&desk, &id, "not_notified"), desk.notifier.notices().len()), (0, 0));
    other.execute_batch("DROP TRIGGER no").unwrap();
    desk.notifier.appear();
    desk.engine.notifications_are(there());
    until(&desk, || happened(&desk, &id, "notified") == 1).await;
}
