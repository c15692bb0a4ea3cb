//! A wall clock that is set while the desk is off, or does not look.

use chrono::{DateTime, TimeDelta, Utc};
use handoff_domain::alerts::Purpose;
use handoff_domain::autonomy::Level;
use handoff_domain::lifecycle::Flag;
use handoff_engine::Clock as _;
use handoff_protocol::view::SetLevel;
use handoff_protocol::wire::ErrorCode;
use handoff_testkit::Headless;
use serde_json::json;

use crate::agent::{Agent, handoff};
use crate::alerts::{case, live, payload, shown, with, within};
use crate::gate::{self, a_move, ask};
use crate::spool::{entry, spool};

/// Whether the hour that was given from `gone` seconds on lasts as long as it
/// is to, and the warning comes when it is to.
async fn lasts_its_hour(desk: &Headless, id: &str, gone: u64, why: &str) {
    live(desk, 2800 - gone).await;
    assert_eq!(shown(desk, Purpose::Warning), 0, "no early warning: {why}");
    live(desk, 100).await;
    assert_eq!(shown(desk, Purpose::Warning), 1, "and none too late: {why}");
    let escalated = || case(desk, id).flags.contains(&Flag::Escalated);
    live(desk, 695).await;
    assert!(!escalated(), "{why}");
    live(desk, 10).await;
    assert!(escalated(), "{why}");
}

#[tokio::test]
async fn a_span_is_not_changed_by_a_clock_that_was_set_while_the_desk_was_off() {
    for years in [-3, 56] {
        let (desk, agent, id) = with(within(3600, "escalate")).await;
        live(&desk, 1000).await;
        agent.hang_up();
        desk.clock.step(TimeDelta::days(365 * years));
        let desk = desk.restart().await.unwrap();
        lasts_its_hour(&desk, &id, 1000, &format!("{years} years")).await;
    }
}

#[tokio::test]
async fn a_step_is_taken_account_of_once_however_often_the_desk_starts() {
    let (desk, agent, id) = with(within(3600, "escalate")).await;
    live(&desk, 1000).await;
    agent.hang_up();
    desk.clock.step(TimeDelta::days(365));
    let desk = desk.restart().await.unwrap().restart().await.unwrap();
    // And once where it was set while the desk ran.
    live(&desk, 5).await;
    desk.clock.step(TimeDelta::days(-400));
    live(&desk, 5).await;
    let desk = desk.restart().await.unwrap();
    lasts_its_hour(&desk, &id, 1010, "two steps and three starts").await;
}

#[tokio::test]
async fn a_level_for_a_time_lasts_that_time_whatever_the_clock_is_set_to() {
    for days in [-1, 1] {
        let (desk, agent) = crate::gate::desk().await;
        let level = SetLevel {
            agent: crate::gate::AGENT.to_owned(),
            task: None,
            level: Some(Level::Execute),
            minutes: Some(30),
        };
        desk.engine.set_level(level).await.unwrap();
        live(&desk, 5).await;
        desk.clock.step(TimeDelta::days(days));
        live(&desk, 29 * 60).await;
        let ran = ask(&agent, a_move("in-time")).await;
        assert_eq!(ran["verdict"], "run", "{days}: {ran}");
        live(&desk, 120).await;
        let held = ask(&agent, a_move("after-it")).await;
        assert_eq!(held["verdict"], "held", "{days}: {held}");
    }
}

#[tokio::test]
async fn a_machine_that_starts_in_1970_and_learns_the_time_later_keeps_every_span() {
    let (desk, agent, id) = with(within(3600, "escalate")).await;
    live(&desk, 1000).await;
    agent.hang_up();
    let before = desk.clock.now();
    desk.clock.reboot(DateTime::<Utc>::UNIX_EPOCH);
    let desk = desk.restart().await.unwrap();
    live(&desk, 60).await;
    // It was off for ten minutes, as is known now.
    desk.clock.step(before + TimeDelta::minutes(10) - DateTime::<Utc>::UNIX_EPOCH);
    // When the machine was ended is known to ten minutes.
    live(&desk, 2800 - 1060).await;
    assert_eq!(shown(&desk, Purpose::Warning), 0, "no early warning");
    live(&desk, 100 + 600).await;
    assert_eq!(shown(&desk, Purpose::Warning), 1, "and none too late");
    assert!(!case(&desk, &id).flags.contains(&Flag::Escalated));
    assert!(case(&desk, &id).deadline.respond_by > before, "in the present again");
}

#[tokio::test]
async fn a_date_by_a_clock_that_was_set_back_is_taken_before_anybody_looked() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    desk.engine.tick().await;
    desk.clock.step(TimeDelta::hours(-1));
    let by = |minutes| {
        let at = desk.clock.now() + TimeDelta::minutes(minutes);
        payload("k", json!({ "respond_by": at, "on_timeout": { "kind": "escalate" } }))
    };
    let id = agent.submit(by(10)).await;
    desk.clock.step(TimeDelta::hours(-1));
    let sooner = by(5);
    agent.call("handoff.revise", json!({ "id": id, "handoff": sooner })).await.expect("taken");
    let respond_by = case(&desk, &id).deadline.respond_by;
    assert_eq!(respond_by, desk.clock.now() + TimeDelta::minutes(5));
    live(&desk, 305).await;
    assert!(case(&desk, &id).flags.contains(&Flag::Escalated));
}

#[tokio::test]
async fn a_call_that_is_held_as_the_first_to_look_at_a_set_clock_has_its_whole_time() {
    for hours in [-2, 2] {
        let (desk, agent) = gate::desk().await;
        desk.engine.tick().await;
        // No clock is set by whole seconds.
        desk.clock.step(TimeDelta::hours(hours) + TimeDelta::nanoseconds(123_456_789));
        let held = gate::ask(&agent, gate::a_delete("k")).await;
        let deadline = case(&desk, held["handoff_id"].as_str().unwrap()).deadline;
        let off = deadline.respond_by - desk.clock.now() - TimeDelta::hours(1);
        assert!(off.abs() < TimeDelta::milliseconds(1), "{off} where it was set by {hours} hours");
    }
}

#[tokio::test]
async fn a_date_is_judged_by_the_clock_as_it_was_set_last() {
    for (hours, minutes) in [(-2, 10), (-2, -10), (2, 10), (2, -10)] {
        let desk = Headless::new().await.unwrap();
        let agent = Agent::named(&desk.engine, "tidy").await;
        let id = agent.submit(handoff("k")).await;
        desk.engine.tick().await;
        let by = |key: &str| {
            let at = desk.clock.now() + TimeDelta::minutes(minutes);
            payload(key, json!({ "respond_by": at, "on_timeout": { "kind": "escalate" } }))
        };
        let why = format!("set by {hours} hours, a date in {minutes} minutes");
        // Each is the first that looks at the clock.
        desk.clock.step(TimeDelta::hours(hours));
        let submitted = agent.call("handoff.submit", json!({ "handoff": by("n") })).await;
        desk.clock.step(TimeDelta::hours(hours));
        let revised = json!({ "id": id, "handoff": by("k") });
        let revised = agent.call("handoff.revise", revised).await;
        let until = case(&desk, &id).deadline.respond_by;
        if minutes > 0 {
            let submitted = submitted.expect(&why)["id"].as_str().unwrap().to_owned();
            revised.expect(&why);
            assert_eq!(until, desk.clock.now() + TimeDelta::minutes(minutes), "{why}");
            let first = case(&desk, &submitted).deadline.respond_by;
            assert_eq!(first, until - TimeDelta::hours(hours), "a date stays what it is: {why}");
        } else {
            for refused in [submitted, revised] {
                let refused = refused.expect_err(&why);
                assert_eq!(refused.code, ErrorCode::InvalidPayload, "{why}");
                let faults = json!(refused).to_string();
                assert!(faults.contains("/deadline/respond_by"), "{faults}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_spooled_by_a_clock_that_was_set_back_has_its_whole_time() {
    let desk = Headless::new().await.unwrap();
    desk.engine.tick().await;
    desk.clock.step(TimeDelta::hours(-1));
    let spooled_at = desk.clock.now();
    let spooled = entry("tidy", &handoff("k"), spooled_at);
    spool(&desk).put(&spooled).unwrap();
    desk.engine.tick().await;
    let timing = case(&desk, &spooled.id().unwrap());
    assert_eq!(timing.received_at, spooled_at);
    assert_eq!(timing.deadline.respond_by, spooled_at + TimeDelta::hours(1));
}
