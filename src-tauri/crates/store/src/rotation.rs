//! Which backups there are, when the next is due, and which are no longer
//! needed: pure functions of names and time.

use std::collections::BTreeSet;
use std::path::PathBuf;

use chrono::{DateTime, Datelike as _, NaiveDateTime, TimeDelta, Utc};
use serde::Serialize;

/// How many of the daily backups are kept, the newest first.
const DAILY: usize = 7;

/// Of how many of the weeks before them the last backup is kept.
const WEEKLY: usize = 4;

/// How many of those made before a migration are kept.
const MIGRATIONS: usize = 3;

const FORM: &str = "%Y%m%dT%H%M%S%3fZ";

/// Why a backup was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A day had passed.
    Daily,
    /// A later desk was about to change the format.
    Migration,
}

/// A backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Backup {
    /// Where it lies.
    pub path: PathBuf,
    /// Why it was made.
    pub kind: Kind,
    /// When.
    pub at: DateTime<Utc>,
}

/// Whether it is time for another daily backup. One that claims to be from the
/// future was made before the clock was set back, and says nothing.
pub fn is_due(backups: &[Backup], now: DateTime<Utc>) -> bool {
    let last = backups.iter().map(|backup| backup.at).filter(|at| *at <= now).max();
    last.is_none_or(|last| now - last >= TimeDelta::days(1))
}

/// The backups that are no longer needed. Those that claim to be from the
/// future take the place of none that tells when it was made.
pub fn superfluous(backups: &[Backup], now: DateTime<Utc>) -> Vec<&Backup> {
    let newest_first = |kind: Kind| {
        let mut found: Vec<&Backup> = backups.iter().filter(|backup| backup.kind == kind).collect();
        found.sort_by_key(|backup| std::cmp::Reverse(backup.at));
        found
    };
    let (wrong, daily): (Vec<_>, Vec<_>) =
        newest_first(Kind::Daily).into_iter().partition(|backup| backup.at > now);
    let mut weeks = BTreeSet::new();
    let older = daily.into_iter().skip(DAILY).filter(|backup| {
        let week = backup.at.iso_week();
        let is_last_of_week = weeks.insert((week.year(), week.week()));
        !is_last_of_week || weeks.len() > WEEKLY
    });
    let migrations = newest_first(Kind::Migration).into_iter().skip(MIGRATIONS);
    older.chain(migrations).chain(wrong.into_iter().skip(DAILY)).collect()
}

/// The name of a backup's file.
pub fn name(kind: Kind, at: DateTime<Utc>) -> String {
    let word = match kind {
        Kind::Daily => "daily",
        Kind::Migration => "migration",
    };
    format!("desk-{}-{word}.db", at.format(FORM))
}

/// What a file's name says of the backup in it; `None` if it is none.
pub fn read_name(name: &str) -> Option<(Kind, DateTime<Utc>)> {
    let (at, word) = name.strip_prefix("desk-")?.strip_suffix(".db")?.split_once('-')?;
    let kind = match word {
        "daily" => Kind::Daily,
        "migration" => Kind::Migration,
        _ => return None,
    };
    Some((kind, NaiveDateTime::parse_from_str(at, FORM).ok()?.and_utc()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: i64, hour: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000, 0).expect("a time")
            + TimeDelta::days(day)
            + TimeDelta::hours(hour)
    }

    fn backup(kind: Kind, at: DateTime<Utc>) -> Backup {
        Backup { path: name(kind, at).into(), kind, at }
    }

    #[test]
    fn a_name_is_read_as_it_was_written() {
        for kind in [Kind::Daily, Kind::Migration] {
            assert_eq!(read_name(&name(kind, at(3, 1))), Some((kind, at(3, 1))));
        }
        for other in ["desk.db", "desk-x-daily.db", "desk-20260101T000000000Z-other.db", ""] {
            assert_eq!(read_name(other), None, "{other}");
        }
        let partial = format!("{}.part", name(Kind::Daily, at(0, 0)));
        assert_eq!(read_name(&partial), None, "what is not finished does not count");
    }

    #[test]
    fn one_is_due_after_a_day_and_when_the_clock_was_set_back() {
        let one = [backup(Kind::Daily, at(0, 0))];
        assert!(is_due(&[], at(0, 0)));
        assert!(!is_due(&one, at(0, 23)));
        assert!(is_due(&one, at(1, 0)));
        assert!(is_due(&[backup(Kind::Daily, at(400, 0))], at(0, 0)));
    }

    #[test]
    fn a_clock_that_was_once_wrong_takes_no_day_away() {
        // One was made when the clock was a year ahead; each hour it is asked.
        let mut kept = vec![backup(Kind::Daily, at(365, 0))];
        for hour in 0..10 * 24 {
            if is_due(&kept, at(0, hour)) {
                kept.push(backup(Kind::Daily, at(0, hour)));
            }
            let gone: Vec<Backup> = superfluous(&kept, at(0, hour)).into_iter().cloned().collect();
            kept.retain(|backup| !gone.contains(backup));
        }
        let days: Vec<i64> =
            kept.iter().rev().map(|backup| (backup.at - at(0, 0)).num_days()).collect();
        assert_eq!(days[..7], [9, 8, 7, 6, 5, 4, 3]);
    }

    #[test]
    fn a_year_of_days_leaves_seven_days_and_four_weeks() {
        let mut kept: Vec<Backup> = Vec::new();
        for day in 0..365 {
            kept.push(backup(Kind::Daily, at(day, 0)));
            let gone: Vec<Backup> = superfluous(&kept, at(day, 0)).into_iter().cloned().collect();
            kept.retain(|backup| !gone.contains(backup));
            assert!(kept.len() <= DAILY + WEEKLY);
        }
        let ages: Vec<i64> =
            kept.iter().rev().map(|backup| (at(364, 0) - backup.at).num_days()).collect();
        assert_eq!(ages[..7], [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(ages.len(), 11);
        assert!(ages[10] >= 21, "the oldest is weeks old: {ages:?}");
    }

    #[test]
    fn those_before_migrations_are_counted_apart() {
        let mut backups: Vec<Backup> = (0..5).map(|day| backup(Kind::Daily, at(day, 0))).collect();
        backups.extend((0..4).map(|day| backup(Kind::Migration, at(day, 1))));
        assert_eq!(superfluous(&backups, at(9, 0)), [&backup(Kind::Migration, at(0, 1))]);
    }
}
