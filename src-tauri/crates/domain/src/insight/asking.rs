//! How often agents are held, by day and why.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, NaiveDate, TimeZone, Utc};

use super::{
    AgentAsking, Asking, Band, Day, Interruption, ReasonCount, Rows, Submitted, SubmittedCount,
};
use crate::gate::{Held, Ran, Verdict};
use crate::replay::PastCheck;

/// The least questions a rate is judged on.
pub const MIN_QUESTIONS: u32 = 50;

/// The most days shown: the newest. One row with a wrong clock would else make
/// a chart of fifty years.
pub const MAX_DAYS_SHOWN: usize = 366;

/// What happened, in the order of [`Day`]'s numbers.
#[derive(Clone, Copy)]
enum Seen {
    Ran,
    Mandatory,
    Discretionary,
    Submitted,
    Recorded,
}

pub(super) fn count<Z: TimeZone>(rows: &Rows, zone: &Z) -> (Asking, Vec<AgentAsking>) {
    let mut events: Vec<(&str, NaiveDate, Seen)> = Vec::new();
    let day = |at: DateTime<Utc>| at.with_timezone(zone).date_naive();
    for check in &rows.checks {
        let seen = match check.verdict {
            Verdict::Run(Ran::Permit) | Verdict::Held(Held::Stopped(_) | Held::Waits) => continue,
            Verdict::Run(_) => Seen::Ran,
            Verdict::Held(held) if held.is_mandatory() => Seen::Mandatory,
            Verdict::Held(_) => Seen::Discretionary,
        };
        events.push((&check.agent, day(check.at), seen));
    }
    events.extend(rows.submitted.iter().map(|row| (&*row.agent, day(row.at), Seen::Submitted)));
    events.extend(rows.recorded.iter().map(|row| (&*row.agent, day(row.at), Seen::Recorded)));

    let days = calendar(events.iter().map(|(_, day, _)| *day));
    let places: BTreeMap<NaiveDate, usize> = days.iter().copied().zip(0..).collect();
    let empty = || Asking {
        days: days.iter().map(|day| Day { day: day.to_string(), ..Day::default() }).collect(),
        ..Asking::default()
    };
    let mut all = empty();
    let mut agents: BTreeMap<&str, Asking> = BTreeMap::new();
    for (agent, day, seen) in events {
        let place = places.get(&day).copied();
        all.note(place, seen);
        agents.entry(agent).or_insert_with(empty).note(place, seen);
    }
    all.settle();
    let settled = |(agent, mut asking): (&str, Asking)| {
        asking.settle();
        AgentAsking { agent: agent.to_owned(), asking }
    };
    (all, agents.into_iter().map(settled).collect())
}

/// Every day from the first to the last, the newest only where they are many.
fn calendar(days: impl Iterator<Item = NaiveDate> + Clone) -> Vec<NaiveDate> {
    let Some((first, last)) = days.clone().min().zip(days.max()) else { return Vec::new() };
    let back = |from: &NaiveDate| from.checked_sub_days(Days::new(1));
    let mut found: Vec<NaiveDate> = std::iter::successors(Some(last), back)
        .take_while(|day| *day >= first)
        .take(MAX_DAYS_SHOWN)
        .collect();
    found.reverse();
    found
}

impl Asking {
    fn note(&mut self, place: Option<usize>, seen: Seen) {
        // A day that is too long ago to be shown still counts in the sums.
        let mut unseen = Day::default();
        let day = place.and_then(|place| self.days.get_mut(place)).unwrap_or(&mut unseen);
        match seen {
            Seen::Ran | Seen::Mandatory | Seen::Discretionary => {
                self.questions += 1;
                day.questions += 1;
                let mandatory = u32::from(matches!(seen, Seen::Mandatory));
                let discretionary = u32::from(matches!(seen, Seen::Discretionary));
                self.mandatory += mandatory;
                day.mandatory += mandatory;
                self.discretionary += discretionary;
                day.discretionary += discretionary;
            }
            Seen::Submitted => {
                self.submitted += 1;
                day.submitted += 1;
            }
            Seen::Recorded => {
                self.recorded += 1;
                day.recorded += 1;
            }
        }
    }

    fn settle(&mut self) {
        self.rate = f64::from(self.discretionary) / f64::from(self.questions.max(1));
        self.band = band(self.discretionary, self.questions);
        self.warning = warning(self.band, self.discretionary, self.questions);
        let rate = f64::from(self.submitted) / f64::from(self.recorded.max(1));
        self.submitted_rate = (self.recorded > 0).then_some(rate);
    }
}

/// Compared in whole numbers, so that exactly 5 of 100 are 5 percent.
fn band(held: u32, questions: u32) -> Band {
    if questions < MIN_QUESTIONS {
        return Band::TooFew;
    }
    let (held, questions) = (u64::from(held) * 100, u64::from(questions));
    if held < 5 * questions {
        Band::FarBelow
    } else if held < 10 * questions {
        Band::Below
    } else if held <= 15 * questions {
        Band::Within
    } else if held <= 20 * questions {
        Band::Above
    } else {
        Band::FarAbove
    }
}

fn warning(band: Band, held: u32, questions: u32) -> Option<String> {
    match band {
        Band::FarBelow => Some(format!(
            "Only {held} of {questions} questions reached you that did not have to. Look at what \
             was taken back, and hold more of it."
        )),
        Band::FarAbove => Some(format!(
            "{held} of {questions} questions reached you that did not have to. Allow what you \
             always approve, so that you can read the rest."
        )),
        Band::TooFew | Band::Below | Band::Within | Band::Above => None,
    }
}

pub(super) fn reasons(checks: &[PastCheck]) -> Vec<ReasonCount> {
    let mut counts: BTreeMap<Interruption, u32> = BTreeMap::new();
    for check in checks {
        let Verdict::Held(held) = check.verdict else { continue };
        match held {
            Held::Stopped(_) | Held::Waits => {}
            Held::Irreversible => *counts.entry(Interruption::Irreversible).or_default() += 1,
            Held::Level => *counts.entry(Interruption::Level).or_default() += 1,
            Held::Trigger => {
                let mut kinds: Vec<_> =
                    check.evidence.iter().map(|evidence| evidence.trigger).collect();
                kinds.sort_unstable();
                kinds.dedup();
                for kind in kinds {
                    *counts.entry(Interruption::Trigger(kind)).or_default() += 1;
                }
            }
        }
    }
    let mut list: Vec<ReasonCount> =
        counts.into_iter().map(|(reason, count)| ReasonCount { reason, count }).collect();
    list.sort_by_key(|row| std::cmp::Reverse(row.count));
    list
}

pub(super) fn submitted(rows: &[Submitted]) -> Vec<SubmittedCount> {
    let mut list: Vec<SubmittedCount> = Vec::new();
    for Submitted { reason, .. } in rows {
        match list.iter_mut().find(|row: &&mut SubmittedCount| row.reason == *reason) {
            Some(row) => row.count += 1,
            None => list.push(SubmittedCount { reason: *reason, count: 1 }),
        }
    }
    list.sort_by_key(|row| std::cmp::Reverse(row.count));
    list
}
