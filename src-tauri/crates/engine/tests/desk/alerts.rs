//! Reminders, calm, bursts and escalation, and what a clock that jumps or a
//! machine that sleeps does to them.

use std::time::Duration;

use chrono::TimeDelta;
use chrono_tz::Tz;
use handoff_domain::alerts::{Alerts, Purpose, Quiet, Stage};
use handoff_domain::lifecycle::{Flag, State};
use handoff_protocol::view::{CaseView, Change, List, QueueItem, QueueQuery, Settings};
use handoff_protocol::wire::ErrorCode;
use handoff_testkit::Headless;
use serde_json::{Value, json};

use crate::agent::{Agent, approve, decide, handoff, until};
use crate::gate::desk as accepted;

pub const MINUTE: u64 = 60;

pub fn payload(key: &str, deadline: Value) -> Value {
    let mut payload = handoff(key);
    payload["deadline"] = deadline;
    payload
}

pub fn within(seconds: u32, kind: &str) -> Value {
    json!({ "respond_within_s": seconds, "on_timeout": { "kind": kind } })
}

async fn listed(desk: &Headless, list: List) -> Vec<QueueItem> {
    let query = QueueQuery { list, search: String::new(), limit: 9 };
    let view = desk.engine.queue(query).await.unwrap();
    let counts = view.counts;
    let counted = match list {
        List::Inbox => counts.inbox,
        List::Review => counts.review,
        List::Waiting => counts.waiting,
        List::Done => counts.done,
    };
    assert_eq!(usize::try_from(counted).unwrap(), view.items.len());
    view.items
}

pub async fn set(desk: &Headless, change: impl FnOnce(&mut Alerts)) {
    let mut settings = desk.engine.settings();
    change(&mut settings.alerts);
    desk.engine.save_settings(settings).await.unwrap();
}

pub async fn pass(desk: &Headless, seconds: u64) {
    desk.clock.pass(Duration::from_secs(seconds));
    desk.engine.tick().await;
}

/// Lets time pass in the steps in which a real desk looks.
pub async fn live(desk: &Headless, seconds: u64) {
    for _ in 0..seconds.div_ceil(5) {
        pass(desk, 5).await;
    }
}

pub fn case(desk: &Headless, id: &str) -> CaseView {
    desk.engine.open_case(id).unwrap()
}

fn has(desk: &Headless, id: &str, flag: Flag) -> bool {
    case(desk, id).flags.contains(&flag)
}

pub fn happened(desk: &Headless, id: &str, event: &str) -> usize {
    case(desk, id).thread.iter().filter(|entry| entry.event == event).count()
}

pub fn shown(desk: &Headless, purpose: Purpose) -> usize {
    desk.notifier.notices().iter().filter(|notice| notice.purpose == purpose).count()
}

pub async fn with(deadline: Value) -> (Headless, Agent, String) {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let id = agent.submit(payload("k", deadline)).await;
    until(&desk, || happened(&desk, &id, "notified") == 1).await;
    (desk, agent, id)
}

#[tokio::test]
async fn reminders_come_until_the_card_is_opened_and_go_on_after_a_pause() {
    // High priority: every half hour.
    let (desk, _agent, id) = with(within(6 * 3600, "manual_review")).await;
    pass(&desk, 29 * MINUTE).await;
    assert_eq!(shown(&desk, Purpose::Reminder), 0);
    pass(&desk, MINUTE).await;
    assert_eq!(shown(&desk, Purpose::Reminder), 1);
    pass(&desk, 29 * MINUTE).await;
    desk.engine.seen(&id).await.unwrap();
    assert!(has(&desk, &id, Flag::Acknowledged));
    pass(&desk, 14 * MINUTE).await;
    assert_eq!(shown(&desk, Purpose::Reminder), 1, "it was opened");
    pass(&desk, MINUTE).await;
    assert_eq!(shown(&desk, Purpose::Reminder), 2, "and not answered");
    assert!(!has(&desk, &id, Flag::Acknowledged), "who looks again says so again");
    decide(&desk, &id, approve("keep")).await;
    pass(&desk, 6 * 3600).await;
    assert_eq!(shown(&desk, Purpose::Reminder), 2);
}

#[tokio::test]
async fn a_snooze_moves_reminders_and_is_cut_to_the_warning() {
    let (desk, _agent, id) = with(within(6 * 3600, "manual_review")).await;
    let now = case(&desk, &id).received_at;
    let hour = now + TimeDelta::hours(1);
    assert_eq!(desk.engine.snooze(&id, hour).await.unwrap(), hour);
    assert!(has(&desk, &id, Flag::Snoozed));
    assert_eq!(listed(&desk, List::Inbox).await[0].snoozed_until, Some(hour));
    let thread = case(&desk, &id).thread;
    let entry = thread.iter().find(|entry| entry.event == "snoozed").unwrap();
    assert_eq!((entry.text.as_str(), entry.until), ("Reminders put off", Some(hour)));
    pass(&desk, 59 * MINUTE).await;
    assert_eq!(shown(&desk, Purpose::Reminder), 0);
    pass(&desk, MINUTE).await;
    assert_eq!(shown(&desk, Purpose::Reminder), 1);
    assert!(!has(&desk, &id, Flag::Snoozed));

    let warn_at = case(&desk, &id).deadline.warn_at;
    let cut = desk.engine.snooze(&id, now + TimeDelta::days(3)).await.unwrap();
    assert_eq!(cut, warn_at, "never beyond the warning");
    desk.engine.wake(&id).await.unwrap();
    assert!(!has(&desk, &id, Flag::Snoozed));
    desk.engine.snooze(&id, warn_at).await.unwrap();
    live(&desk, 4 * 3600).await;
    assert_eq!(shown(&desk, Purpose::Warning), 1, "the warning comes on time");
    let late = desk.engine.snooze(&id, warn_at + TimeDelta::hours(1)).await;
    assert_eq!(late.unwrap_err().0.code, ErrorCode::Conflict);
}

#[tokio::test]
async fn quiet_hours_hold_notices_back_and_record_that_they_did() {
    let desk = Headless::new().await.unwrap();
    desk.clock.travel(Tz::Asia__Tokyo);
    // 2026-09-21 14:13 UTC is 23:13 in Tokyo.
    set(&desk, |alerts| alerts.quiet = Some(Quiet { from_min: 22 * 60, to_min: 7 * 60 })).await;
    let agent = Agent::named(&desk.engine, "tidy").await;
    let id = agent.submit(payload("k", within(24 * 3600, "manual_review"))).await;
    until(&desk, || happened(&desk, &id, "not_notified") == 1).await;
    assert!(desk.notifier.notices().is_empty());
    let short = agent.submit(payload("short", within(3600, "manual_review"))).await;
    until(&desk, || happened(&desk, &short, "not_notified") == 1).await;
    pass(&desk, 48 * MINUTE).await;
    assert_eq!(happened(&desk, &short, "warned"), 1, "the attempt is recorded");
    assert!(case(&desk, &short).thread.iter().any(|entry| entry.text.contains("quiet hours")));
    pass(&desk, 12 * MINUTE).await;
    assert!(has(&desk, &short, Flag::ManualReview), "quiet hours move no deadline");
    assert!(desk.notifier.notices().is_empty());
    // At seven in the morning what waits is shown.
    live(&desk, 7 * 3600).await;
    assert_eq!(shown(&desk, Purpose::Reminder), 1);
}

#[tokio::test]
async fn an_urgent_warning_pierces_the_calm_if_it_may() {
    for (may, expected) in [(true, 1), (false, 0)] {
        let desk = Headless::new().await.unwrap();
        let agent = Agent::named(&desk.engine, "tidy").await;
        let mut urgent = payload("k", within(3600, "manual_review"));
        urgent["priority"] = json!("urgent");
        let id = agent.submit(urgent).await;
        let until_then = case(&desk, &id).received_at + TimeDelta::days(1);
        set(&desk, |alerts| {
            alerts.focus_until = Some(until_then);
            alerts.urgent_pierces = may;
        })
        .await;
        pass(&desk, 50 * MINUTE).await;
        assert_eq!(shown(&desk, Purpose::Warning), expected);
        assert_eq!(happened(&desk, &id, "warned"), 1);
    }
}

#[tokio::test]
async fn a_burst_becomes_one_summary() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let mut ids = Vec::new();
    for number in 0..40 {
        ids.push(agent.submit(payload(&format!("k{number}"), within(3600, "manual_review"))).await);
    }
    let attempted =
        |id: &String| happened(&desk, id, "notified") + happened(&desk, id, "not_notified") == 1;
    until(&desk, || ids.iter().all(attempted)).await;
    desk.engine.tick().await;
    let notices = desk.notifier.notices();
    assert_eq!(notices.len(), 6, "{notices:?}");
    let summary = notices.last().unwrap();
    assert_eq!(summary.handoff, None);
    assert_eq!((summary.title.as_str(), summary.body.as_str()), ("35 more ask", "35 from tidy"));
    assert_eq!(desk.engine.tick().await.map(|wait| wait <= Duration::from_secs(5)), Some(true));
    assert_eq!(desk.notifier.notices().len(), 6, "and it is not repeated");
}

#[tokio::test]
async fn many_warnings_at_once_are_one_notification_that_stays_and_each_is_recorded() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let mut ids = Vec::new();
    for number in 0..30 {
        ids.push(agent.submit(payload(&format!("k{number}"), within(3600, "escalate"))).await);
    }
    let attempted =
        |id: &String| happened(&desk, id, "notified") + happened(&desk, id, "not_notified") == 1;
    until(&desk, || ids.iter().all(attempted)).await;
    pass(&desk, 20).await;
    desk.clock.sleep(Duration::from_hours(5));
    desk.engine.tick().await;
    pass(&desk, 2).await;
    assert!(ids.iter().all(|id| happened(&desk, id, "warned") == 1));
    let notices = desk.notifier.notices();
    let loud: Vec<_> = notices.iter().filter(|notice| notice.purpose == Purpose::Warning).collect();
    assert_eq!(loud.len(), 6, "{loud:?}");
    assert!(loud[5].handoff.is_none() && loud[5].title.starts_with("25 more"), "{:?}", loud[5]);
    let (most, rest) = ids.split_at(24);
    for id in most {
        agent.call("handoff.withdraw", json!({ "id": id })).await.unwrap();
    }
    assert!(!desk.notifier.retired().contains(&None), "one of the 25 waits still");
    for id in rest {
        agent.call("handoff.withdraw", json!({ "id": id })).await.unwrap();
    }
    let gone = desk.notifier.retired().into_iter().filter(Option::is_none).count();
    assert_eq!(gone, 1, "it tells of nothing any more");
}

#[tokio::test]
async fn an_escalation_goes_stage_by_stage_and_ends_in_manual_review() {
    let (desk, agent, id) = with(within(600, "escalate")).await;
    let stage = |after_s, times, command: &[&str]| Stage {
        after_s,
        times,
        notify: true,
        sound: times > 1,
        attention: true,
        command: command.iter().map(|word| (*word).to_owned()).collect(),
    };
    set(&desk, |alerts| {
        alerts.stages = vec![stage(0, 1, &[]), stage(60, 2, &["page", "me; rm -rf /"])];
        alerts.give_up_after_s = 300;
    })
    .await;
    let mut changes = desk.engine.follow();
    live(&desk, 600).await;
    assert!(has(&desk, &id, Flag::Escalated) && !has(&desk, &id, Flag::ManualReview));
    assert_eq!((shown(&desk, Purpose::Warning), shown(&desk, Purpose::Alert)), (1, 1));
    let attention = std::iter::from_fn(|| changes.try_recv().ok());
    assert!(attention.into_iter().any(|change| change == Change::Attention));
    let waiting = agent.listen(&desk, &id).await;
    live(&desk, 120).await;
    assert_eq!(shown(&desk, Purpose::Alert), 3);
    assert!(desk.notifier.notices().last().unwrap().sound);
    let ran = desk.runner.ran();
    assert_eq!(ran.len(), 2);
    assert_eq!(ran[0].0, ["page", "me; rm -rf /"], "word by word");
    assert_eq!(ran[0].1["id"], json!(id));
    assert!(!waiting.is_finished(), "it is open for a decision");
    live(&desk, 300).await;
    let told = waiting.await.unwrap().unwrap();
    assert_eq!(told["flags"], json!(["escalated", "manual_review"]));
    assert!(listed(&desk, List::Inbox).await.is_empty());
    assert_eq!(listed(&desk, List::Review).await[0].id, id, "a list of its own");
    assert!(told["decision"].is_null());
    assert_eq!(case(&desk, &id).state, State::Ready);
    live(&desk, 3600).await;
    assert_eq!(shown(&desk, Purpose::Alert), 3, "and nothing more");
}

#[tokio::test]
async fn an_answer_ends_the_escalation_and_undoing_it_goes_on() {
    let (desk, _agent, id) = with(within(600, "escalate")).await;
    live(&desk, 600).await;
    assert_eq!(shown(&desk, Purpose::Alert), 1);
    let mut settings: Settings = desk.engine.settings();
    settings.hold_s = 30;
    desk.engine.save_settings(settings).await.unwrap();
    decide(&desk, &id, approve("keep")).await;
    live(&desk, 25).await;
    desk.engine.undo(&id).await.unwrap();
    live(&desk, 595).await;
    assert_eq!(shown(&desk, Purpose::Alert), 1, "the time it was decided does not count");
    live(&desk, 10).await;
    assert_eq!(shown(&desk, Purpose::Alert), 2);
}

#[tokio::test]
async fn a_default_that_changes_something_is_taken_only_with_leave() {
    for (allowed, state) in [(true, "released"), (false, "ready")] {
        let (desk, agent) = accepted().await;
        let mut asked = payload(
            "k",
            json!({
                "respond_within_s": 600, "on_timeout": { "kind": "safe_default", "option": "trash" }
            }),
        );
        let undo = json!({ "kind": "tool", "tool": "files.move", "args": {} });
        asked["options"][1]["action"]["undo"] = undo;
        let id = agent.submit(asked).await;
        let label = case(&desk, &id).deadline.default_option.unwrap();
        desk.engine.allow_default(&id, 1, true).await.unwrap();
        let then = case(&desk, &id).deadline.then;
        assert!(then.contains("is taken") && then.contains(&label), "the card says so before");
        desk.engine.allow_default(&id, 1, allowed).await.unwrap();
        let unseen = desk.engine.allow_default(&id, 2, !allowed).await;
        assert_eq!(unseen.unwrap_err().0.code, ErrorCode::Conflict, "not what was shown");
        live(&desk, 605).await;
        let told = agent.wait(&id, 0).await;
        assert_eq!(told["state"], json!(state));
        if allowed {
            assert_eq!(told["decision"]["by"], json!("System"));
        }
    }
}

#[tokio::test]
async fn a_deadline_that_passed_while_the_desk_was_off_is_warned_of_again() {
    let (desk, agent, id) = with(within(600, "escalate")).await;
    live(&desk, 500).await;
    assert_eq!(shown(&desk, Purpose::Warning), 1);
    agent.hang_up();
    desk.clock.pass(Duration::from_hours(3));
    let desk = desk.restart().await.unwrap();
    desk.engine.tick().await;
    assert!(!has(&desk, &id, Flag::Escalated));
    assert_eq!(shown(&desk, Purpose::Warning), 2);
    // The lead is two minutes, which does not count any more.
    live(&desk, 295).await;
    assert!(!has(&desk, &id, Flag::Escalated), "the grace of five minutes");
    live(&desk, 10).await;
    assert!(has(&desk, &id, Flag::Escalated));
}

#[tokio::test]
async fn a_sleep_through_the_deadline_is_noticed_and_warned_of() {
    let (desk, _agent, id) = with(within(3600, "escalate")).await;
    live(&desk, 3000).await;
    assert_eq!(shown(&desk, Purpose::Warning), 1);
    desk.clock.sleep(Duration::from_hours(9));
    pass(&desk, 5).await;
    assert_eq!((happened(&desk, &id, "missed"), shown(&desk, Purpose::Warning)), (1, 2));
    live(&desk, 290).await;
    assert!(!has(&desk, &id, Flag::Escalated), "the grace of five minutes");
    live(&desk, 15).await;
    assert!(has(&desk, &id, Flag::Escalated));
}

#[tokio::test]
async fn a_sleep_through_the_giving_up_is_alerted_of_once_more_before_it() {
    let (desk, _agent, id) = with(within(600, "escalate")).await;
    set(&desk, |alerts| {
        alerts.stages.clear();
        alerts.give_up_after_s = 60;
    })
    .await;
    live(&desk, 605).await;
    assert_eq!((has(&desk, &id, Flag::Escalated), shown(&desk, Purpose::Alert)), (true, 0));
    desk.clock.sleep(Duration::from_hours(9));
    pass(&desk, 5).await;
    assert_eq!((happened(&desk, &id, "missed"), shown(&desk, Purpose::Alert)), (1, 1));
    live(&desk, 290).await;
    assert!(!has(&desk, &id, Flag::ManualReview), "the grace of five minutes");
    live(&desk, 15).await;
    assert!(has(&desk, &id, Flag::ManualReview));
    assert_eq!(shown(&desk, Purpose::Alert), 1);
}

#[tokio::test]
async fn a_span_is_measured_by_time_that_passes_and_not_by_the_wall_clock() {
    for years in [-3, 1] {
        let (desk, _agent, id) = with(within(3600, "escalate")).await;
        live(&desk, 1000).await;
        desk.clock.step(TimeDelta::days(365 * years));
        live(&desk, 1800).await;
        assert_eq!(shown(&desk, Purpose::Warning), 0, "no early warning");
        live(&desk, 100).await;
        assert_eq!(shown(&desk, Purpose::Warning), 1, "and none too late");
        live(&desk, 695).await;
        assert!(!has(&desk, &id, Flag::Escalated));
        live(&desk, 10).await;
        assert!(has(&desk, &id, Flag::Escalated), "{years} years");
    }
}

#[tokio::test]
async fn a_date_keeps_its_date_and_still_gets_its_warning() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let respond_by = "2026-09-21T16:00:00Z";
    let deadline = json!({
        "respond_by": respond_by, "warn_before_s": 600, "on_timeout": { "kind": "escalate" }
    });
    let id = agent.submit(payload("k", deadline)).await;
    until(&desk, || happened(&desk, &id, "notified") == 1).await;
    live(&desk, 60).await;
    desk.clock.step(TimeDelta::days(365));
    pass(&desk, 5).await;
    assert_eq!(shown(&desk, Purpose::Warning), 1, "by this clock it has passed");
    live(&desk, 290).await;
    assert!(!has(&desk, &id, Flag::Escalated));
    desk.clock.step(TimeDelta::days(-365));
    live(&desk, 60).await;
    assert!(!has(&desk, &id, Flag::Escalated), "by this one it has not");
    // It is twenty past two.
    live(&desk, 100 * MINUTE).await;
    assert!(has(&desk, &id, Flag::Escalated), "it comes on its date");
    assert_eq!(case(&desk, &id).deadline.respond_by.to_rfc3339(), "2026-09-21T16:00:00+00:00");
}

#[tokio::test]
async fn a_stepped_clock_neither_ends_nor_stretches_a_lease() {
    let (desk, agent, id) = with(within(3600, "escalate")).await;
    decide(&desk, &id, approve("delete")).await;
    live(&desk, 10).await;
    let told = agent.wait(&id, 0).await;
    agent.call("agent.ack", json!({ "id": told["lease"]["id"] })).await.unwrap();
    desk.clock.step(TimeDelta::hours(5));
    desk.engine.tick().await;
    assert!(!case(&desk, &id).may_have_run);
    desk.clock.step(TimeDelta::hours(-5));
    desk.engine.tick().await;
    agent.hang_up();
    live(&desk, 605).await;
    assert!(case(&desk, &id).may_have_run);
}

#[tokio::test]
async fn what_is_stored_after_the_clock_was_set_and_before_anybody_looked_gets_its_full_time() {
    for hours in [-2, 2] {
        let desk = Headless::new().await.unwrap();
        let agent = Agent::named(&desk.engine, "tidy").await;
        desk.clock.pass(Duration::from_hours(1));
        desk.clock.step(TimeDelta::hours(hours));
        let id = agent.submit(payload("k", within(600, "escalate"))).await;
        live(&desk, 475).await;
        assert_eq!(happened(&desk, &id, "warned"), 0, "{hours} h: too early");
        live(&desk, 10).await;
        assert_eq!(happened(&desk, &id, "warned"), 1, "{hours} h: too late");
        live(&desk, 120).await;
        assert!(has(&desk, &id, Flag::Escalated), "{hours} h");
    }
}

#[tokio::test]
async fn of_many_deadlines_that_were_slept_through_each_is_warned_of_again() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let mut ids = Vec::new();
    for number in 0..600 {
        ids.push(agent.submit(payload(&format!("k{number}"), within(600, "escalate"))).await);
    }
    live(&desk, 500).await;
    // It sleeps through the deadline, and its clock is set on the way.
    desk.clock.sleep(Duration::from_hours(1));
    desk.clock.step(TimeDelta::minutes(-3));
    pass(&desk, 5).await;
    let early = ids.iter().filter(|id| has(&desk, id, Flag::Escalated)).count();
    assert_eq!(early, 0, "they acted without a new warning");
    live(&desk, 310).await;
    assert!(ids.iter().all(|id| has(&desk, id, Flag::Escalated)));
}

#[tokio::test]
async fn a_snooze_that_ends_in_the_calm_ends_with_the_calm() {
    let (desk, _agent, id) = with(within(24 * 3600, "manual_review")).await;
    let start = case(&desk, &id).received_at;
    desk.engine.snooze(&id, start + TimeDelta::hours(1)).await.unwrap();
    set(&desk, |alerts| alerts.focus_until = Some(start + TimeDelta::hours(3))).await;
    pass(&desk, 3600).await;
    let wait = desk.engine.tick().await.unwrap();
    assert_eq!(wait, Duration::from_secs(5), "and until then it is not looked at all the time");
    assert_eq!(shown(&desk, Purpose::Reminder), 0);
    pass(&desk, 2 * 3600).await;
    assert_eq!(shown(&desk, Purpose::Reminder), 1);
}

#[tokio::test]
async fn an_alert_that_is_not_shown_for_being_on_screen_still_runs_the_command() {
    let (desk, _agent, id) = with(within(600, "escalate")).await;
    set(&desk, |alerts| alerts.stages[0].command = vec!["page".to_owned()]).await;
    desk.engine.on_screen(Some(id.clone()));
    desk.engine.is_in_front(true);
    live(&desk, 605).await;
    assert_eq!(shown(&desk, Purpose::Alert), 0);
    until(&desk, || happened(&desk, &id, "command_ran") == 1).await;
}
