//! One row of the report: what was measured, against what, and whether that
//! is good enough.

use crate::spread::Spread;

/// What a row is about.
#[derive(Debug, Clone, Copy)]
pub struct Head {
    /// What is measured.
    pub name: &'static str,
    /// In what.
    pub unit: &'static str,
    /// What is wished for.
    pub goal: Goal,
}

/// What is wished for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Goal {
    /// The median is at most so many times the floor's.
    RatioAtMost(f64),
    /// The median is at least so many times the floor's.
    RatioAtLeast(f64),
    /// The 95th percentile is at most this.
    TailAtMost(f64),
    /// The median is above the floor's by at most this.
    AboveFloorAtMost(f64),
    /// The 95th percentile is above the floor's by at most this.
    TailAboveFloorAtMost(f64),
}

/// What a measurement found.
#[derive(Debug, Clone)]
pub struct Measured {
    /// The desk.
    pub value: Spread,
    /// What cannot be beaten, where there is such a thing.
    pub floor: Option<Spread>,
    /// What the reader of the figures must know.
    pub note: String,
}

/// A row that was measured, or was not and says why.
#[derive(Debug, Clone)]
pub struct Row {
    /// What it is about.
    pub head: Head,
    /// What came of it.
    pub outcome: Result<Measured, String>,
}

impl Row {
    /// The rows of one measurement; its failure is that of all of them.
    pub fn of(heads: &[Head], outcome: anyhow::Result<Vec<Measured>>) -> Vec<Self> {
        let mut measured = outcome.map(Vec::into_iter).map_err(|fault| format!("{fault:#}"));
        let mut next = || match &mut measured {
            Ok(all) => all.next().ok_or_else(|| "it was not measured".to_owned()),
            Err(fault) => Err(fault.clone()),
        };
        heads.iter().map(|head| Self { head: *head, outcome: next() }).collect()
    }
}

impl Measured {
    /// How many times the floor it is; nothing is a multiple of a floor of zero.
    pub fn ratio(&self) -> Option<f64> {
        let floor = self.floor.filter(|floor| floor.median > 0.0)?;
        Some(self.value.median / floor.median)
    }

    /// Whether the goal is met; `None` when its floor is missing.
    pub fn meets(&self, goal: Goal) -> Option<bool> {
        Some(match goal {
            Goal::RatioAtMost(most) => self.ratio()? <= most,
            Goal::RatioAtLeast(least) => self.ratio()? >= least,
            Goal::TailAtMost(most) => self.value.p95 <= most,
            Goal::AboveFloorAtMost(most) => self.value.median - self.floor?.median <= most,
            Goal::TailAboveFloorAtMost(most) => self.value.p95 - self.floor?.p95 <= most,
        })
    }
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    fn spread(median: f64, p95: f64) -> Spread {
        Spread { median, p95, samples: 2 }
    }

    fn measured(value: f64, floor: Option<f64>) -> Measured {
        Measured {
            value: spread(value, 2.0 * value),
            floor: floor.map(|median| spread(median, median)),
            note: String::new(),
        }
    }

    #[test]
    fn each_kind_of_goal_can_be_met_and_missed() {
        let meets = |goal, value, floor| measured(value, Some(floor)).meets(goal);
        assert_eq!(meets(Goal::RatioAtMost(2.0), 4.0, 2.0), Some(true));
        assert_eq!(meets(Goal::RatioAtMost(2.0), 4.1, 2.0), Some(false));
        assert_eq!(meets(Goal::RatioAtLeast(3.0), 6.0, 2.0), Some(true));
        assert_eq!(meets(Goal::RatioAtLeast(3.0), 5.9, 2.0), Some(false));
        assert_eq!(meets(Goal::TailAtMost(8.0), 4.0, 9.0), Some(true), "the tail is 8");
        assert_eq!(meets(Goal::TailAtMost(7.9), 4.0, 9.0), Some(false), "the median is not it");
        assert_eq!(meets(Goal::AboveFloorAtMost(40.0), 90.0, 50.0), Some(true));
        assert_eq!(meets(Goal::AboveFloorAtMost(40.0), 90.1, 50.0), Some(false));
        assert_eq!(meets(Goal::TailAboveFloorAtMost(10.0), 30.0, 50.0), Some(true), "60 and 50");
        assert_eq!(meets(Goal::TailAboveFloorAtMost(10.0), 30.1, 50.0), Some(false));
    }

    #[test]
    fn without_its_floor_a_goal_is_neither_met_nor_missed() {
        assert_eq!(measured(1.0, None).meets(Goal::RatioAtMost(2.0)), None);
        assert_eq!(measured(1.0, None).meets(Goal::AboveFloorAtMost(2.0)), None);
        assert_eq!(measured(1.0, None).meets(Goal::TailAtMost(2.0)), Some(true));
        assert_eq!(measured(1.0, Some(0.0)).meets(Goal::RatioAtMost(2.0)), None);
    }

    #[test]
    fn a_failure_stands_in_every_row_it_concerns() {
        let head = Head { name: "a", unit: "ms", goal: Goal::TailAtMost(1.0) };
        let failed = Row::of(&[head, head], (|| bail!("no screen"))());
        assert!(failed.iter().all(|row| row.outcome.as_ref().is_err_and(|why| why == "no screen")));
        let short = Row::of(&[head, head], Ok(vec![measured(1.0, None)]));
        assert!(short[0].outcome.is_ok() && short[1].outcome.is_err(), "{short:?}");
    }
}
