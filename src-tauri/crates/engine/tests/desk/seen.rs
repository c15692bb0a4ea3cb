//! What the reviewer sees already, and what no service could show.

use handoff_domain::alerts::Purpose;
use handoff_protocol::view::NotificationState;
use handoff_testkit::Headless;

use crate::agent::{Agent, until};
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
