//! What comes while the reviewer wants nothing shown, and is not forgotten.

use chrono::TimeDelta;
use handoff_domain::alerts::{ByPriority, Purpose, Quiet, Stage};
use handoff_engine::Clock as _;
use handoff_testkit::Headless;
use serde_json::json;

use crate::agent::{Agent, approve, decide_and_release, until};
use crate::alerts::{MINUTE, happened, live, pass, payload, set, shown, within};

/// The minute of the day at which the clock of these tests begins.
const BEGINS_MIN: u16 = 14 * 60 + 13;

async fn quiet(desk: &Headless, minutes: u16) {
    set(desk, |alerts| {
        alerts.quiet = Some(Quiet { from_min: BEGINS_MIN, to_min: BEGINS_MIN + minutes });
    })
    .await;
}

async fn held_back(desk: &Headless, agent: &Agent, key: &str, priority: &str) -> String {
    let mut low = payload(key, within(24 * 3600, "manual_review"));
    low["priority"] = json!(priority);
    let id = agent.submit(low).await;
    until(desk, || happened(desk, &id, "not_notified") == 1).await;
    id
}

#[tokio::test]
async fn what_came_in_focus_is_shown_when_it_is_ended_early() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let tomorrow = desk.clock.now() + TimeDelta::days(1);
    set(&desk, |alerts| alerts.focus_until = Some(tomorrow)).await;
    // Of one of them there is never a reminder.
    let ids =
        [held_back(&desk, &agent, "a", "low").await, held_back(&desk, &agent, "b", "high").await];
    live(&desk, 60).await;
    assert!(desk.notifier.notices().is_empty());
    set(&desk, |alerts| alerts.focus_until = None).await;
    pass(&desk, 5).await;
    until(&desk, || ids.iter().all(|id| happened(&desk, id, "notified") == 1)).await;
    live(&desk, 60).await;
    assert_eq!(desk.notifier.notices().len(), 2, "each once");
}

#[tokio::test]
async fn what_came_in_quiet_hours_is_shown_when_they_are_switched_off() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    quiet(&desk, 8 * 60).await;
    let id = held_back(&desk, &agent, "a", "low").await;
    set(&desk, |alerts| alerts.quiet = None).await;
    pass(&desk, 5).await;
    until(&desk, || happened(&desk, &id, "notified") == 1).await;
}

#[tokio::test]
async fn an_alert_that_the_calm_holds_back_says_so_and_counts_as_none() {
    for notify in [true, false] {
        let (desk, id) = escalated_in_focus(notify).await;
        assert_eq!((desk.runner.ran().len(), desk.notifier.notices().len()), (0, 0));
        assert_eq!(happened(&desk, &id, "alerted"), 0, "nobody was");
        let thread = desk.engine.open_case(&id).unwrap().thread;
        let held = thread.iter().find(|entry| entry.event == "not_alerted").unwrap();
        assert_eq!(
            held.text,
            "Alerted after the deadline, not shown: focus is on; your command waits for the end of that"
        );
    }
}

#[tokio::test]
async fn a_warning_that_was_held_back_is_shown_when_the_calm_is_over() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    // Until an hour before the deadline; the warning is due four hours earlier.
    quiet(&desk, 7 * 60).await;
    let deadline = json!({ "respond_within_s": 8 * 3600, "warn_before_s": 5 * 3600,
        "on_timeout": { "kind": "manual_review" } });
    let id = agent.submit(payload("k", deadline)).await;
    for _ in 0..36 {
        pass(&desk, 10 * MINUTE).await;
    }
    assert_eq!((happened(&desk, &id, "warned"), desk.notifier.notices().len()), (1, 0));
    for _ in 0..6 {
        pass(&desk, 10 * MINUTE).await;
    }
    until(&desk, || shown(&desk, Purpose::Warning) == 1).await;
    pass(&desk, 50 * MINUTE).await;
    assert_eq!(desk.notifier.notices().len(), 1, "once");
}

#[tokio::test]
async fn what_came_in_the_calm_is_shown_by_a_desk_that_starts_after_it() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    set(&desk, |alerts| {
        alerts.remind_every_s = ByPriority { low: 0, normal: 0, high: 0, urgent: 0 }
    })
    .await;
    quiet(&desk, 60).await;
    let id = held_back(&desk, &agent, "a", "low").await;
    agent.hang_up();
    desk.clock.pass(std::time::Duration::from_hours(2));
    let desk = desk.restart().await.unwrap();
    pass(&desk, 5).await;
    until(&desk, || desk.notifier.notices().len() == 1).await;
    assert_eq!(desk.notifier.notices()[0].handoff, Some(id));
}

#[tokio::test]
async fn that_an_agent_did_otherwise_is_told_after_the_calm() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    quiet(&desk, 60).await;
    let id = held_back(&desk, &agent, "a", "high").await;
    decide_and_release(&desk, &id, approve("keep")).await;
    let report = json!({ "outcome": "diverged", "why": "The disk was full.", "steps": [] });
    agent.call("handoff.reconcile", json!({ "id": id, "report": report })).await.unwrap();
    until(&desk, || happened(&desk, &id, "not_notified") == 2).await;
    let minute = std::time::Duration::from_mins(1);
    assert_eq!(desk.engine.tick().await, Some(minute), "it sleeps as any idle desk");
    let end = desk.clock.now() + TimeDelta::seconds(40);
    set(&desk, |alerts| (alerts.quiet, alerts.focus_until) = (None, Some(end))).await;
    let waits = desk.engine.tick().await;
    assert!(waits.is_some_and(|wait| wait <= minute * 2 / 3), "for the end: {waits:?}");
    live(&desk, 45).await;
    until(&desk, || shown(&desk, Purpose::Diverged) == 1).await;
}

/// A desk with focus on, and a case whose deadline it lets pass: the reviewer's
/// command was not run.
async fn escalated_in_focus(notify: bool) -> (Headless, String) {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let (tomorrow, page) = (desk.clock.now() + TimeDelta::days(1), vec!["page".to_owned()]);
    set(&desk, |alerts| {
        alerts.focus_until = Some(tomorrow);
        alerts.stages = vec![Stage { notify, command: page, ..alerts.stages[0].clone() }];
    })
    .await;
    let id = agent.submit(payload("k", within(600, "escalate"))).await;
    live(&desk, 700).await;
    assert_eq!(happened(&desk, &id, "not_alerted"), 1);
    (desk, id)
}

async fn end_focus(desk: &Headless) {
    set(desk, |alerts| alerts.focus_until = None).await;
    pass(desk, 5).await;
}

#[tokio::test]
async fn a_command_that_the_calm_held_back_runs_once_when_it_is_over() {
    for (notify, left) in [(true, false), (false, false), (true, true)] {
        let (desk, id) = escalated_in_focus(notify).await;
        if left {
            live(&desk, 1800).await;
            assert_eq!(happened(&desk, &id, "manual_review"), 1, "and it can be decided still");
        }
        assert_eq!(desk.runner.ran().len(), 0);
        end_focus(&desk).await;
        until(&desk, || happened(&desk, &id, "command_ran") == 1).await;
        assert_eq!(desk.runner.ran()[0].1["id"], json!(id));
        // A stage that shows nothing takes nothing away from what was held back before it.
        until(&desk, || desk.notifier.notices().len() == 1).await;
        let soon = desk.clock.now() + TimeDelta::minutes(1);
        set(&desk, |alerts| alerts.focus_until = Some(soon)).await;
        live(&desk, 120).await;
        assert_eq!(desk.runner.ran().len(), 1, "once, whatever calm comes later");
    }
}

#[tokio::test]
async fn a_command_that_the_calm_held_back_is_not_run_for_what_was_answered_or_is_not_wanted() {
    let (desk, id) = escalated_in_focus(true).await;
    decide_and_release(&desk, &id, approve("keep")).await;
    end_focus(&desk).await;
    assert_eq!(desk.runner.ran().len(), 0, "it was answered");

    let (desk, id) = escalated_in_focus(true).await;
    set(&desk, |alerts| alerts.stages[0].command.clear()).await;
    end_focus(&desk).await;
    until(&desk, || shown(&desk, Purpose::Alert) == 1).await;
    assert_eq!(desk.runner.ran().len(), 0, "the reviewer has taken it out");
    assert_eq!(happened(&desk, &id, "command_ran"), 0);
}

#[tokio::test]
async fn an_alert_that_comes_with_the_end_of_the_calm_runs_the_command_alone() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let (until_then, page) = (desk.clock.now() + TimeDelta::seconds(1300), vec!["page".to_owned()]);
    set(&desk, |alerts| {
        alerts.focus_until = Some(until_then);
        alerts.stages =
            vec![Stage { after_s: 600, times: 2, command: page, ..alerts.stages[0].clone() }];
    })
    .await;
    let id = agent.submit(payload("k", within(600, "escalate"))).await;
    // The warning counts from its time, and so the alerts are at 1200 and 1800.
    live(&desk, 1250).await;
    assert_eq!(happened(&desk, &id, "not_alerted"), 1);
    // One look finds the calm over and the second alert due.
    pass(&desk, 600).await;
    until(&desk, || happened(&desk, &id, "command_ran") == 1).await;
    assert_eq!(desk.runner.ran().len(), 1);
}

#[tokio::test]
async fn a_command_that_was_held_back_of_an_earlier_proposal_waits_for_its_own_alert() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let (tomorrow, page) = (desk.clock.now() + TimeDelta::days(1), vec!["page".to_owned()]);
    set(&desk, |alerts| {
        alerts.focus_until = Some(tomorrow);
        alerts.stages = vec![Stage { after_s: 600, command: page, ..alerts.stages[0].clone() }];
    })
    .await;
    let id = agent.submit(payload("k", within(600, "escalate"))).await;
    live(&desk, 1300).await;
    assert_eq!((happened(&desk, &id, "escalated"), happened(&desk, &id, "not_alerted")), (1, 1));
    let mut other = payload("k", within(600, "escalate"));
    other["summary"] = json!("Four files are the same.");
    agent.call("handoff.revise", json!({ "id": id, "handoff": other })).await.unwrap();
    live(&desk, 700).await;
    assert_eq!(happened(&desk, &id, "escalated"), 2, "its first alert is minutes away");
    end_focus(&desk).await;
    live(&desk, 60).await;
    assert_eq!(desk.runner.ran().len(), 0);
    live(&desk, 600).await;
    assert_eq!(desk.runner.ran().len(), 1, "by its own alert");
}

#[tokio::test]
async fn calm_that_is_switched_on_and_off_puts_no_reminder_off_for_ever() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let hour = ByPriority { low: 3600, normal: 3600, high: 3600, urgent: 3600 };
    set(&desk, |alerts| alerts.remind_every_s = hour).await;
    let id = agent.submit(payload("k", within(24 * 3600, "manual_review"))).await;
    until(&desk, || happened(&desk, &id, "notified") == 1).await;
    let tomorrow = desk.clock.now() + TimeDelta::days(1);
    let mut told = Vec::new();
    for on in [true, false, true, false, true, false, true, false] {
        for _ in 0..45 {
            pass(&desk, MINUTE).await;
        }
        set(&desk, |alerts| alerts.focus_until = on.then_some(tomorrow)).await;
        desk.engine.tick().await;
        let tried = 1 + told.len() + usize::from(!on);
        until(&desk, || happened(&desk, &id, "notified") == tried).await;
        if !on {
            told.push(desk.notifier.notices().len());
        }
    }
    assert_eq!(told, [2, 3, 4, 5], "what the calm held back, as soon as it is over");
}

#[tokio::test]
async fn a_reminder_comes_when_it_was_planned_whatever_is_set_meanwhile() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    // High priority: every half hour.
    agent.submit(payload("k", within(24 * 3600, "manual_review"))).await;
    pass(&desk, 20 * MINUTE).await;
    set(&desk, |alerts| alerts.pause_s += 60).await;
    pass(&desk, 10 * MINUTE).await;
    assert_eq!(shown(&desk, Purpose::Reminder), 1);
    set(&desk, |alerts| alerts.remind_every_s.high = 600).await;
    pass(&desk, 10 * MINUTE).await;
    assert_eq!(shown(&desk, Purpose::Reminder), 2, "sooner, where that is wanted");
    set(&desk, |alerts| alerts.remind_every_s.high = 0).await;
    pass(&desk, 60 * MINUTE).await;
    assert_eq!(shown(&desk, Purpose::Reminder), 2, "and no more, where that is");
    set(&desk, |alerts| alerts.remind_every_s.high = 600).await;
    pass(&desk, 9 * MINUTE).await;
    assert_eq!(shown(&desk, Purpose::Reminder), 2, "a span begins where there was none");
    pass(&desk, MINUTE).await;
    assert_eq!(shown(&desk, Purpose::Reminder), 3, "and again, where they are wanted again");
}
