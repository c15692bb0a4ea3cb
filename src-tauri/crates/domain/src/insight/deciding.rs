//! How the reviewer decides: times, risks, and whether cards are read.

use super::{ByRisk, Decided, Deciding, Point, Stamping};
use crate::decision::DecisionKind;
use crate::payload::RiskLevel;

/// The most decisions shown with their times: the newest.
pub const MAX_POINTS: usize = 500;

/// The last decisions that are looked at for a quiet word, and how many of
/// them must be approvals nobody can have read: 95 percent.
pub const STAMPED: (usize, usize) = (20, 19);

pub(super) fn count(decided: &[Decided]) -> Deciding {
    let points = points(decided);
    let median = |values: &mut Vec<f64>| {
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let upper = values.get(middle).copied()?;
        let is_even = values.len().is_multiple_of(2);
        let lower = if is_even { values.get(middle - 1).copied()? } else { upper };
        Some(f64::midpoint(lower, upper))
    };
    Deciding {
        decisions: u32::try_from(decided.len()).unwrap_or(u32::MAX),
        by_risk: [RiskLevel::Low, RiskLevel::Medium, RiskLevel::High]
            .map(|risk| by_risk(decided, risk))
            .into(),
        median_looked_s: median(&mut points.iter().map(|point| point.looked_s).collect()),
        median_reading_s: median(
            &mut points.iter().map(|point| f64::from(point.reading_s)).collect(),
        ),
        stamping: stamping(&points),
        points,
    }
}

fn points(decided: &[Decided]) -> Vec<Point> {
    let mut known: Vec<Point> = decided
        .iter()
        .rev()
        .filter_map(|row| {
            // A clock that was set back gives no time that means something.
            let looked_s = row.looked_s.filter(|looked| looked.is_finite() && *looked >= 0.0)?;
            Some(Point {
                handoff: row.handoff.clone(),
                agent: row.agent.clone(),
                kind: row.kind,
                risk: row.risk,
                looked_s,
                reading_s: row.reading_s,
                at: row.at,
            })
        })
        .take(MAX_POINTS)
        .collect();
    known.reverse();
    known
}

fn by_risk(decided: &[Decided], risk: RiskLevel) -> ByRisk {
    let of_risk = || decided.iter().filter(|row| row.risk == risk);
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let decisions = number(of_risk().count());
    let approved = number(of_risk().filter(|row| row.kind == DecisionKind::Approve).count());
    let share = f64::from(approved) / f64::from(decisions.max(1));
    ByRisk { risk, decisions, approved, share: (decisions > 0).then_some(share) }
}

/// Whether nearly all of the last decisions are approvals made in under a
/// quarter of the time it takes to read them. Cards with nothing to read say
/// nothing about reading.
fn stamping(points: &[Point]) -> Option<Stamping> {
    let (last, enough) = STAMPED;
    let readable = points.iter().rev().filter(|point| point.reading_s > 0).take(last);
    let of = readable.clone().count();
    let is_unread = |point: &&Point| {
        point.kind == DecisionKind::Approve && point.looked_s * 4.0 < f64::from(point.reading_s)
    };
    let unread = readable.filter(is_unread).count();
    if of < last || unread < enough {
        return None;
    }
    Some(Stamping {
        unread: u32::try_from(unread).unwrap_or(u32::MAX),
        of: u32::try_from(of).unwrap_or(u32::MAX),
        notice: format!(
            "{unread} of your last {of} decisions were approvals made in under a quarter of the \
             time it takes to read them. Would a rule do as well?"
        ),
    })
}
