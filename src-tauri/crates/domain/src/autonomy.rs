//! How far an agent may go unasked (DESIGN §6): the level, whose it is, and
//! until when.
//!
//! A level says nothing about a single call; [`crate::gate`] does.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What an agent may do unasked; later is more.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    TS,
)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// It reads; every change is asked for.
    #[default]
    Suggest,
    /// It makes changes that can be undone, and the reviewer accepts them
    /// together or has them undone.
    Draft,
    /// It makes changes that can be undone.
    Execute,
}

/// A level as the reviewer has set it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct LevelSet {
    /// The level.
    pub level: Level,
    /// When it ends; none for no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "string")]
    pub until: Option<DateTime<Utc>>,
    /// The level after that.
    #[serde(default)]
    pub then: Level,
}

impl LevelSet {
    /// A level without an end.
    pub fn lasting(level: Level) -> Self {
        Self { level, until: None, then: Level::Suggest }
    }

    /// A level until `until`, and after it what `self` gives for good; where
    /// that is no lower than the new one, an end would end nothing, so it falls
    /// back to the lowest.
    #[must_use]
    pub fn changed(self, level: Level, until: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Self {
        let lasting = match self.until {
            Some(until) if now < until => self.then,
            _ => self.at(now),
        };
        Self { level, until, then: if lasting < level { lasting } else { Level::Suggest } }
    }

    /// The level at a moment.
    pub fn at(self, now: DateTime<Utc>) -> Level {
        match self.until {
            Some(until) if now >= until => self.then,
            _ => self.level,
        }
    }
}

/// The level in force: the task's own where there is one, else the agent's.
pub fn level(agent: LevelSet, task: Option<LevelSet>, now: DateTime<Utc>) -> Level {
    in_force(agent, task).at(now)
}

/// What sets that level, and until when.
pub fn in_force(agent: LevelSet, task: Option<LevelSet>) -> LevelSet {
    task.unwrap_or(agent)
}

/// What becomes of a task's own level when its agent's is lowered to `to`:
/// lowering reaches every task at once, raising none.
pub fn capped(task: LevelSet, to: Level) -> LevelSet {
    LevelSet { level: task.level.min(to), until: task.until, then: task.then.min(to) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap_or_default()
    }

    const ALL: [Level; 3] = [Level::Suggest, Level::Draft, Level::Execute];

    #[test]
    fn a_level_with_an_end_falls_back_at_the_very_moment() {
        let before = LevelSet::lasting(Level::Suggest);
        let set = before.changed(Level::Execute, Some(at(60)), at(0));
        assert_eq!(set.at(at(59)), Level::Execute);
        assert_eq!(set.at(at(60)), Level::Suggest);
    }

    #[test]
    fn what_ends_never_leads_to_a_higher_level() {
        for before in ALL {
            for level in ALL {
                let set = LevelSet::lasting(before).changed(level, Some(at(60)), at(0));
                assert!(set.at(at(61)) <= level);
            }
        }
    }

    #[test]
    fn a_longer_end_leads_to_what_the_first_would_have_led_to() {
        let first = LevelSet::lasting(Level::Suggest).changed(Level::Execute, Some(at(60)), at(0));
        let longer = first.changed(Level::Execute, Some(at(200)), at(30));
        assert_eq!(longer.at(at(199)), Level::Execute);
        assert_eq!(longer.at(at(200)), Level::Suggest);
        let lower = first.changed(Level::Draft, Some(at(200)), at(30));
        assert_eq!(lower.at(at(200)), Level::Suggest);
    }

    #[test]
    fn an_end_given_to_a_lasting_level_ends_it() {
        for level in [Level::Draft, Level::Execute] {
            let set = LevelSet::lasting(Level::Execute).changed(level, Some(at(60)), at(0));
            assert_eq!(set.at(at(60)), Level::Suggest);
        }
    }

    #[test]
    fn a_second_limited_level_falls_back_to_what_was_in_force() {
        let draft = LevelSet::lasting(Level::Draft);
        let first = draft.changed(Level::Execute, Some(at(60)), at(0));
        let second = first.changed(Level::Execute, Some(at(200)), at(100));
        assert_eq!(second.at(at(200)), Level::Draft, "the first had ended by then");
    }

    #[test]
    fn the_tasks_own_level_comes_first() {
        let agent = LevelSet::lasting(Level::Execute);
        assert_eq!(level(agent, None, at(0)), Level::Execute);
        assert_eq!(level(agent, Some(LevelSet::lasting(Level::Suggest)), at(0)), Level::Suggest);
    }

    #[test]
    fn lowering_an_agent_reaches_its_tasks() {
        for task in ALL {
            for to in ALL {
                let set = capped(LevelSet { level: task, until: Some(at(9)), then: task }, to);
                assert!(set.at(at(0)) <= to && set.at(at(10)) <= to);
                assert!(set.at(at(0)) <= task, "nothing is raised");
            }
        }
    }
}
