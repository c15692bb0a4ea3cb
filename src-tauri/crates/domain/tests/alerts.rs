//! When the reviewer is reminded, left alone and alerted.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use chrono::{DateTime, TimeDelta, Timelike as _, Utc};
use chrono_tz::Tz;
use handoff_domain::alerts::{Alerts, ByPriority, OutcomeByPriority, Purpose, Quiet, Stage};
use handoff_domain::payload::{Deadline, OnTimeout, Priority, TimeoutKind};
use proptest::prelude::*;

/// Zones with every kind of rule: whole, half and quarter hours, both
/// hemispheres, half-hour summer time, and clocks that are set at midnight.
const ZONES: [Tz; 20] = [
    Tz::UTC,
    Tz::Europe__Berlin,
    Tz::Europe__London,
    Tz::Europe__Lisbon,
    Tz::Europe__Athens,
    Tz::America__New_York,
    Tz::America__Los_Angeles,
    Tz::America__St_Johns,
    Tz::America__Sao_Paulo,
    Tz::America__Santiago,
    Tz::America__Havana,
    Tz::Asia__Kolkata,
    Tz::Asia__Kathmandu,
    Tz::Asia__Tokyo,
    Tz::Asia__Beirut,
    Tz::Africa__Cairo,
    Tz::Australia__Sydney,
    Tz::Australia__Lord_Howe,
    Tz::Pacific__Chatham,
    Tz::Pacific__Apia,
];

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().expect("a moment")
}

fn quiet(from: u16, to: u16) -> Alerts {
    let hours = |hour: u16| hour * 60;
    Alerts { quiet: Some(Quiet { from_min: hours(from), to_min: hours(to) }), ..Alerts::default() }
}

#[test]
fn quiet_hours_run_over_midnight_by_the_clock_on_the_wall() {
    let alerts = quiet(22, 7);
    let berlin = Tz::Europe__Berlin;
    let end = |text: &str| alerts.calm_until(utc(text), &berlin).map(|at| at.to_string());
    assert_eq!(end("2026-01-10T20:59:59Z"), None);
    assert_eq!(end("2026-01-10T21:00:00Z").as_deref(), Some("2026-01-11 06:00:00 UTC"));
    assert_eq!(end("2026-01-11T05:59:59Z").as_deref(), Some("2026-01-11 06:00:00 UTC"));
    assert_eq!(end("2026-01-11T06:00:00Z"), None);
    // In the night in which clocks are set forward seven o'clock comes sooner.
    assert_eq!(end("2026-03-28T23:00:00Z").as_deref(), Some("2026-03-29 05:00:00 UTC"));
}

#[test]
fn an_end_that_the_clock_skips_is_the_next_minute_there_is() {
    let alerts =
        Alerts { quiet: Some(Quiet { from_min: 60, to_min: 2 * 60 + 30 }), ..Alerts::default() };
    // 02:00 to 03:00 does not exist.
    let end = alerts.calm_until(utc("2026-03-29T00:30:00Z"), &Tz::Europe__Berlin);
    assert_eq!(end, Some(utc("2026-03-29T01:00:00Z")));
    // 02:30 comes twice: the first time ends it, and it is over then.
    let end = alerts.calm_until(utc("2026-10-25T00:10:00Z"), &Tz::Europe__Berlin);
    assert_eq!(end, Some(utc("2026-10-25T00:30:00Z")));
}

#[test]
fn focus_and_quiet_hours_add_up() {
    let focused = |until: &str| Alerts { focus_until: Some(utc(until)), ..quiet(22, 7) };
    let end = |alerts: &Alerts, at: &str| alerts.calm_until(utc(at), &Utc);
    let into_the_night = focused("2026-01-10T23:00:00Z");
    assert_eq!(end(&into_the_night, "2026-01-10T20:00:00Z"), Some(utc("2026-01-11T07:00:00Z")));
    let after_the_night = focused("2026-01-11T08:00:00Z");
    assert_eq!(end(&after_the_night, "2026-01-10T23:00:00Z"), Some(utc("2026-01-11T08:00:00Z")));
    assert_eq!(end(&after_the_night, "2026-01-11T08:00:00Z"), None);
}

#[test]
fn only_urgent_warnings_pierce_and_only_if_allowed() {
    let night = utc("2026-01-10T23:00:00Z");
    let deaf = quiet(22, 7);
    assert!(!deaf.urgent_pierces, "the reviewer has to allow it");
    let alerts = Alerts { urgent_pierces: true, ..deaf.clone() };
    for purpose in [Purpose::Ready, Purpose::Reminder, Purpose::Warning, Purpose::Alert] {
        let held =
            |alerts: &Alerts, priority| alerts.holds_back(purpose, priority, night, &Utc).is_some();
        assert!(held(&alerts, Priority::High), "{purpose:?}");
        assert!(held(&deaf, Priority::Urgent), "{purpose:?}");
        let pierces = matches!(purpose, Purpose::Warning | Purpose::Alert);
        assert_eq!(held(&alerts, Priority::Urgent), !pierces, "{purpose:?}");
        let day = utc("2026-01-10T12:00:00Z");
        assert_eq!(alerts.holds_back(purpose, Priority::Low, day, &Utc), None);
    }
}

#[test]
fn reminders_follow_the_priority_and_wait_for_the_end_of_calm() {
    let alerts = quiet(22, 7);
    let noon = utc("2026-01-10T12:00:00Z");
    let next = |priority, at| alerts.next_reminder(priority, at, &Utc);
    assert_eq!(next(Priority::Low, noon), None);
    assert_eq!(next(Priority::Urgent, noon), Some(noon + TimeDelta::minutes(10)));
    let late = utc("2026-01-10T21:30:00Z");
    assert_eq!(next(Priority::Normal, late), Some(utc("2026-01-11T07:00:00Z")));
    let night = utc("2026-01-10T23:00:00Z");
    let first = alerts.first_reminder(Priority::Low, night, &Utc);
    assert_eq!(first, Some(utc("2026-01-11T07:00:00Z")), "what came at night is shown then");
    assert_eq!(alerts.first_reminder(Priority::Low, noon, &Utc), None);
}

#[test]
fn alerts_come_stage_by_stage_and_then_it_gives_up() {
    let alerts = Alerts::default();
    let now = utc("2026-01-10T12:00:00Z");
    let steps: Vec<(i64, bool)> = (0..5)
        .map(|done| alerts.next_alert(done, now))
        .map(|next| ((next.at - now).num_seconds(), next.gives_up))
        .collect();
    assert_eq!(steps, [(0, false), (600, false), (600, false), (1800, true), (1800, true)]);
    assert!(alerts.alert(0).is_some_and(|stage| !stage.sound));
    assert!(alerts.alert(2).is_some_and(|stage| stage.sound));
    let none = Alerts { stages: Vec::new(), ..alerts };
    assert!(none.next_alert(0, now).gives_up);
}

#[test]
fn what_the_agent_leaves_open_is_the_reviewers() {
    let open = Deadline {
        respond_by: None,
        respond_within_s: Some(1000),
        warn_before_s: None,
        grace_s: None,
        on_timeout: OnTimeout { kind: TimeoutKind::Escalate, option: None },
    };
    let by = |urgent| ByPriority { low: 0, normal: 0, high: 0, urgent };
    let alerts = Alerts { warn_before_s: by(300), grace_s: by(60), ..Alerts::default() };
    let now = utc("2026-01-10T12:00:00Z");
    let filled = alerts.filled(&open, Priority::Urgent, now);
    assert_eq!((filled.warn_before_s, filled.grace_s), (Some(300), Some(60)));
    let filled = alerts.filled(&open, Priority::Low, now);
    assert_eq!((filled.warn_before_s, filled.grace_s), (None, Some(0)));
    let short = Deadline { respond_within_s: Some(100), ..open.clone() };
    assert_eq!(alerts.filled(&short, Priority::Urgent, now).warn_before_s, Some(50));
    let passed = Deadline {
        respond_by: Some(now - TimeDelta::hours(1)),
        respond_within_s: None,
        ..open.clone()
    };
    assert_eq!(alerts.filled(&passed, Priority::Urgent, now).warn_before_s, None);
    let named = Deadline { warn_before_s: Some(7), grace_s: Some(80), ..open };
    assert_eq!(alerts.filled(&named, Priority::Urgent, now), named, "the agent's own stand");
    let none = Deadline { grace_s: Some(0), ..named };
    let least = |alerts: &Alerts, priority| alerts.filled(&none, priority, now).grace_s;
    assert_eq!(least(&alerts, Priority::Urgent), Some(60));
    assert_eq!(least(&alerts, Priority::Low), Some(0), "as the reviewer has it");
    assert_eq!(least(&Alerts::default(), Priority::Low), Some(60), "and no longer than a minute");
}

#[test]
fn what_makes_no_sense_cannot_be_set() {
    let sound = Alerts::default();
    assert_eq!(sound.fault(), None);
    let all = |span| ByPriority { low: span, normal: span, high: span, urgent: span };
    let stage = sound.stages[0].clone();
    let command = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let faulty = [
        Alerts { remind_every_s: all(1), ..sound.clone() },
        Alerts { grace_s: all(u32::MAX), ..sound.clone() },
        Alerts { respond_within_s: all(59), ..sound.clone() },
        Alerts {
            on_timeout: OutcomeByPriority { low: TimeoutKind::SafeDefault, ..sound.on_timeout },
            ..sound.clone()
        },
        Alerts { pause_s: u32::MAX, ..sound.clone() },
        Alerts { quiet: Some(Quiet { from_min: 60, to_min: 60 }), ..sound.clone() },
        Alerts { quiet: Some(Quiet { from_min: 60, to_min: 1440 }), ..sound.clone() },
        Alerts { stages: vec![stage.clone(); 11], ..sound.clone() },
        Alerts { stages: vec![Stage { times: 0, ..stage.clone() }], ..sound.clone() },
        Alerts { stages: vec![Stage { times: 3, ..stage.clone() }], ..sound.clone() },
        Alerts {
            stages: vec![Stage { command: command(&["", "x"]), ..stage.clone() }],
            ..sound.clone()
        },
        Alerts {
            stages: vec![Stage { command: command(&["mail", "a\0b"]), ..stage }],
            ..sound.clone()
        },
    ];
    for alerts in faulty {
        assert!(alerts.fault().is_some(), "{alerts:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn calm_always_ends_within_a_day_and_on_the_set_minute(
        zone in prop::sample::select(ZONES.to_vec()),
        minute in 0..(3 * 366 * 24 * 60_i64),
        (from, to) in (0..1440_u16, 0..1440_u16).prop_filter("a span", |(from, to)| from != to),
    ) {
        let alerts = Alerts {
            quiet: Some(Quiet { from_min: from, to_min: to }),
            ..Alerts::default()
        };
        let at = utc("2025-01-01T00:00:00Z") + TimeDelta::minutes(minute);
        let wall = |at: DateTime<Utc>| {
            let local = at.with_timezone(&zone);
            local.hour() * 60 + local.minute()
        };
        let inside = |minute: u32| {
            let (from, to) = (u32::from(from), u32::from(to));
            if from < to { (from..to).contains(&minute) } else { minute >= from || minute < to }
        };
        match alerts.calm_until(at, &zone) {
            None => prop_assert!(!inside(wall(at))),
            Some(end) => {
                prop_assert!(inside(wall(at)));
                prop_assert!(end > at && end - at <= TimeDelta::hours(26), "{}", end - at);
                prop_assert!(alerts.calm_until(end, &zone).is_none(), "it is over then");
            }
        }
    }
}
