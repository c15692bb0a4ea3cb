//! How the reviewer wants to be reminded, left alone and alerted: the settings
//! behind the times that [`crate::lifecycle`] holds to.
//!
//! It moves reminders only. No setting here makes a deadline earlier or later,
//! and none does away with a warning.

use chrono::{DateTime, Days, LocalResult, NaiveTime, TimeDelta, TimeZone, Timelike as _, Utc};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::lifecycle::NextAlert;
use crate::payload::{Deadline, OnTimeout, Priority, TimeoutKind};

/// The longest span that can be set, in seconds: a week.
const LONGEST_S: u32 = 7 * 24 * 3600;

/// The shortest time between two reminders or alerts, in seconds.
const SHORTEST_S: u32 = 30;

/// The least grace that counts where an agent names one, in seconds.
const LEAST_GRACE_S: u32 = 60;

/// The shortest time to answer that can be set, in seconds.
const SHORTEST_ANSWER_S: u32 = 60;

/// The most stages, and the most alerts of one stage.
const MOST: usize = 10;

/// The most words of a command.
const MOST_WORDS: usize = 32;

/// What the reviewer has set. All spans are in seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(default, deny_unknown_fields)]
pub struct Alerts {
    /// How long there is to answer where nobody names a deadline: of a call that the
    /// desk holds, a draft, a question over MCP or of a server.
    pub respond_within_s: ByPriority,
    /// What follows such a deadline.
    pub on_timeout: OutcomeByPriority,
    /// Time between reminders; 0: none.
    pub remind_every_s: ByPriority,
    /// How long reminders pause once a card was opened.
    pub pause_s: u32,
    /// Lead of the warning where the agent names none; 0: the last fifth.
    pub warn_before_s: ByPriority,
    /// Time between a late warning and what follows, where the agent names
    /// none.
    pub grace_s: ByPriority,
    /// The hours in which nothing is shown, every day.
    pub quiet: Option<Quiet>,
    /// Nothing is shown until then.
    #[ts(type = "string | null")]
    pub focus_until: Option<DateTime<Utc>>,
    /// Warnings and alerts of urgent handoffs are shown all the same.
    pub urgent_pierces: bool,
    /// The alerts after a deadline that escalates, one after the other.
    pub stages: Vec<Stage>,
    /// From the last alert until it is left to manual review.
    pub give_up_after_s: u32,
}

/// A number for each priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names are the documentation")]
pub struct ByPriority {
    pub low: u32,
    pub normal: u32,
    pub high: u32,
    pub urgent: u32,
}

/// The outcome of a deadline for each priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names are the documentation")]
pub struct OutcomeByPriority {
    pub low: TimeoutKind,
    pub normal: TimeoutKind,
    pub high: TimeoutKind,
    pub urgent: TimeoutKind,
}

/// Hours of the day by the clock on the wall, in minutes since midnight; an
/// end before the start is on the next day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Quiet {
    /// From this minute on.
    pub from_min: u16,
    /// Up to this minute.
    pub to_min: u16,
}

/// One kind of alert after a deadline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// How long after the deadline, or the alert before.
    pub after_s: u32,
    /// How often, each so long after the one before.
    pub times: u32,
    /// A notification that stays.
    pub notify: bool,
    /// With a sound.
    pub sound: bool,
    /// The window asks for attention.
    pub attention: bool,
    /// A command of the reviewer's own, word by word, without a shell.
    pub command: Vec<String>,
}

/// What a notice is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It is new.
    Ready,
    /// It still waits.
    Reminder,
    /// Its deadline comes near.
    Warning,
    /// Its deadline has passed.
    Alert,
    /// The agent did something else than was decided.
    Diverged,
    /// The agent has not reported what it did.
    Unreported,
}

impl Default for Alerts {
    fn default() -> Self {
        let minutes = |low: u32, normal: u32, high: u32, urgent: u32| ByPriority {
            low: low * 60,
            normal: normal * 60,
            high: high * 60,
            urgent: urgent * 60,
        };
        let alert = Stage {
            after_s: 0,
            times: 1,
            notify: true,
            sound: false,
            attention: true,
            command: Vec::new(),
        };
        let alike = TimeoutKind::Escalate;
        Self {
            respond_within_s: minutes(60, 60, 60, 60),
            on_timeout: OutcomeByPriority { low: alike, normal: alike, high: alike, urgent: alike },
            remind_every_s: minutes(0, 60, 30, 10),
            pause_s: 15 * 60,
            warn_before_s: minutes(0, 0, 0, 0),
            grace_s: minutes(5, 5, 5, 5),
            quiet: None,
            focus_until: None,
            urgent_pierces: false,
            stages: vec![alert.clone(), Stage { after_s: 600, times: 2, sound: true, ..alert }],
            give_up_after_s: 1800,
        }
    }
}

impl ByPriority {
    /// The number of one priority.
    pub fn of(self, priority: Priority) -> u32 {
        match priority {
            Priority::Low => self.low,
            Priority::Normal => self.normal,
            Priority::High => self.high,
            Priority::Urgent => self.urgent,
        }
    }

    fn each(self) -> [u32; 4] {
        [self.low, self.normal, self.high, self.urgent]
    }
}

impl OutcomeByPriority {
    fn of(self, priority: Priority) -> TimeoutKind {
        match priority {
            Priority::Low => self.low,
            Priority::Normal => self.normal,
            Priority::High => self.high,
            Priority::Urgent => self.urgent,
        }
    }

    fn each(self) -> [TimeoutKind; 4] {
        [self.low, self.normal, self.high, self.urgent]
    }
}

impl Alerts {
    /// The deadline where nobody names one.
    pub fn own_deadline(&self, priority: Priority) -> Deadline {
        Deadline {
            respond_by: None,
            respond_within_s: Some(self.respond_within_s.of(priority)),
            warn_before_s: None,
            grace_s: None,
            on_timeout: OnTimeout { kind: self.on_timeout.of(priority), option: None },
        }
    }

    /// The deadline with what the agent left open filled in. A lead of the
    /// reviewer's takes half of the time at most.
    pub fn filled(&self, deadline: &Deadline, priority: Priority, now: DateTime<Utc>) -> Deadline {
        let mut filled = deadline.clone();
        // No agent leaves less time after a warning that came too late than it
        // takes to look, unless the reviewer wants it so.
        let grace = self.grace_s.of(priority);
        filled.grace_s =
            Some(deadline.grace_s.map_or(grace, |named| named.max(grace.min(LEAST_GRACE_S))));
        let span = match (deadline.respond_by, deadline.respond_within_s) {
            (Some(at), _) => u32::try_from((at - now).num_seconds()).unwrap_or_default(),
            (None, seconds) => seconds.unwrap_or_default(),
        };
        let lead = self.warn_before_s.of(priority).min(span / 2);
        if lead > 0 {
            filled.warn_before_s.get_or_insert(lead);
        }
        filled
    }

    /// The first reminder of what became ready at `now`: what is held back now
    /// is shown when the calm is over.
    pub fn first_reminder<Z: TimeZone>(
        &self,
        priority: Priority,
        now: DateTime<Utc>,
        zone: &Z,
    ) -> Option<DateTime<Utc>> {
        self.calm_until(now, zone).or_else(|| self.next_reminder(priority, now, zone))
    }

    /// The reminder after one at `now`.
    pub fn next_reminder<Z: TimeZone>(
        &self,
        priority: Priority,
        now: DateTime<Utc>,
        zone: &Z,
    ) -> Option<DateTime<Utc>> {
        let every = self.remind_every_s.of(priority);
        (every > 0).then(|| self.out_of_calm(now + TimeDelta::seconds(every.into()), zone))
    }

    /// When reminders go on after the card was opened at `now`.
    pub fn resume<Z: TimeZone>(&self, now: DateTime<Utc>, zone: &Z) -> DateTime<Utc> {
        self.out_of_calm(now + TimeDelta::seconds(self.pause_s.into()), zone)
    }

    /// Until when nothing is shown, if that is so at `at`.
    pub fn calm_until<Z: TimeZone>(&self, at: DateTime<Utc>, zone: &Z) -> Option<DateTime<Utc>> {
        let out = self.out_of_calm(at, zone);
        (out > at).then_some(out)
    }

    /// Why a notice is not shown at `at`, if it is not.
    pub fn holds_back<Z: TimeZone>(
        &self,
        purpose: Purpose,
        priority: Priority,
        at: DateTime<Utc>,
        zone: &Z,
    ) -> Option<&'static str> {
        let pierces = match purpose {
            Purpose::Ready | Purpose::Reminder | Purpose::Unreported => false,
            Purpose::Warning | Purpose::Alert | Purpose::Diverged => {
                self.urgent_pierces && priority == Priority::Urgent
            }
        };
        if pierces {
            return None;
        }
        if self.focus_until.is_some_and(|until| at < until) {
            return Some("focus is on");
        }
        self.quiet.and_then(|quiet| quiet.until(at, zone)).map(|_| "these are quiet hours")
    }

    /// The alert that comes after `done` others.
    pub fn alert(&self, done: u32) -> Option<&Stage> {
        let mut before = 0;
        self.stages.iter().find(|stage| {
            before += stage.times;
            done < before
        })
    }

    /// What follows once there were `done` alerts, the last one at `now`.
    pub fn next_alert(&self, done: u32, now: DateTime<Utc>) -> NextAlert {
        let stage = self.alert(done);
        let after = stage.map_or(self.give_up_after_s, |stage| stage.after_s);
        NextAlert { at: now + TimeDelta::seconds(after.into()), gives_up: stage.is_none() }
    }

    /// What cannot be set, in a sentence with what can.
    pub fn fault(&self) -> Option<String> {
        let every = self.remind_every_s.each();
        if every.iter().any(|span| *span != 0 && !(SHORTEST_S..=LONGEST_S).contains(span)) {
            return Some("Reminders come every 30 seconds at most, once a week at least.".into());
        }
        let within = self.respond_within_s.each();
        if within.iter().any(|span| !(SHORTEST_ANSWER_S..=LONGEST_S).contains(span)) {
            return Some("The time to answer is a minute at least, a week at most.".into());
        }
        if self.on_timeout.each().contains(&TimeoutKind::SafeDefault) {
            return Some("Only an agent can declare a default that is taken.".into());
        }
        let spans = [self.pause_s, self.give_up_after_s];
        let spans = spans.into_iter().chain(self.warn_before_s.each()).chain(self.grace_s.each());
        if spans.chain(self.stages.iter().map(|stage| stage.after_s)).any(|span| span > LONGEST_S) {
            return Some("No time may be longer than a week.".into());
        }
        if self.quiet.is_some_and(|quiet| !quiet.is_sound()) {
            return Some("Quiet hours need a start and another end within the day.".into());
        }
        if self.stages.len() > MOST {
            return Some(format!("There can be {MOST} stages of escalation."));
        }
        self.stages.iter().find_map(Stage::fault)
    }

    fn out_of_calm<Z: TimeZone>(&self, at: DateTime<Utc>, zone: &Z) -> DateTime<Utc> {
        let mut at = at;
        // Focus may end in quiet hours, and these in focus: two steps lead out.
        for _ in 0..3 {
            let focus = self.focus_until.filter(|until| at < *until);
            let quiet = self.quiet.and_then(|quiet| quiet.until(at, zone));
            match focus.max(quiet) {
                Some(until) => at = until,
                None => break,
            }
        }
        at
    }
}

impl Stage {
    /// One notification and nothing else.
    pub fn plain() -> Self {
        Self {
            after_s: 0,
            times: 1,
            notify: true,
            sound: false,
            attention: false,
            command: Vec::new(),
        }
    }

    fn fault(&self) -> Option<String> {
        if self.times == 0 || usize::try_from(self.times).is_ok_and(|times| times > MOST) {
            return Some(format!("A stage alerts once to {MOST} times."));
        }
        if self.times > 1 && self.after_s < SHORTEST_S {
            return Some("A stage that repeats needs 30 seconds between its alerts.".into());
        }
        let unusable = |word: &String| word.contains('\0');
        if self.command.len() > MOST_WORDS || self.command.iter().any(unusable) {
            return Some(format!("A command has up to {MOST_WORDS} words."));
        }
        let nameless = self.command.first().is_some_and(|program| program.trim().is_empty());
        nameless.then(|| "A command needs the name of its program.".into())
    }
}

impl Quiet {
    fn is_sound(self) -> bool {
        const DAY: u16 = 24 * 60;
        self.from_min < DAY && self.to_min < DAY && self.from_min != self.to_min
    }

    /// The end of the quiet hours that `at` lies in.
    fn until<Z: TimeZone>(self, at: DateTime<Utc>, zone: &Z) -> Option<DateTime<Utc>> {
        if !self.is_sound() {
            return None;
        }
        let local = at.with_timezone(zone).naive_local();
        let minute = local.hour() * 60 + local.minute();
        let (from, to) = (u32::from(self.from_min), u32::from(self.to_min));
        let quiet =
            if from < to { (from..to).contains(&minute) } else { minute >= from || minute < to };
        if !quiet {
            return None;
        }
        let end = NaiveTime::from_num_seconds_from_midnight_opt(to * 60, 0)?;
        let day = if minute < to { local.date() } else { local.date() + Days::new(1) };
        // Where clocks are set forward the minute may not exist: the next that
        // does ends the calm. Where they are set back it comes twice.
        (0..=24 * 60).find_map(|later| {
            let wall = day.and_time(end) + TimeDelta::minutes(later);
            let found = match zone.from_local_datetime(&wall) {
                LocalResult::None => None,
                LocalResult::Single(one) => Some(one.to_utc()),
                LocalResult::Ambiguous(first, second) => {
                    [first.to_utc(), second.to_utc()].into_iter().find(|end| *end > at)
                }
            };
            found.filter(|end| *end > at)
        })
    }
}
