//! What can happen, from outside and by time.

use handoff_domain::payload::TimeoutKind;

use crate::world::Shape;

/// One thing that happens; times are in ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// A tick passes while the desk watches.
    Pass,
    /// The machine sleeps.
    Sleep(i64),
    /// The desk is off, and starts again.
    Restart(i64),
    /// The wall clock is set.
    Step(i64),
    /// The wall clock is set as the machine wakes.
    SleepAndStep(i64, i64),
    Open,
    Plan(bool),
    Snooze(i64),
    Wake,
    Remind,
    Allow(bool),
    /// The reviewer takes the option that cannot be undone, or the other.
    Approve {
        burn: bool,
        stale: bool,
    },
    Reject {
        revise: bool,
    },
    Undo,
    Regrant,
    Release,
    Warn,
    /// The deadline; whether System brings a decision along.
    TimeUp {
        decision: bool,
    },
    Alert,
    GiveUp,
    Offer(u8),
    Acknowledge(u8),
    Holder(u8, bool),
    Report,
    Withdraw,
    Supersede,
    Revise,
}

impl Move {
    /// Whether the desk has looked at its clocks before it comes to that.
    pub fn follows_a_look(self) -> bool {
        match self {
            Self::Pass
            | Self::Sleep(_)
            | Self::Restart(_)
            | Self::Step(_)
            | Self::SleepAndStep(..)
            | Self::Remind
            | Self::Warn
            | Self::TimeUp { .. }
            | Self::Alert
            | Self::GiveUp => true,
            Self::Open
            | Self::Plan(_)
            | Self::Snooze(_)
            | Self::Wake
            | Self::Allow(_)
            | Self::Approve { .. }
            | Self::Reject { .. }
            | Self::Undo
            | Self::Regrant
            | Self::Release
            | Self::Offer(_)
            | Self::Acknowledge(_)
            | Self::Holder(..)
            | Self::Report
            | Self::Withdraw
            | Self::Supersede
            | Self::Revise => false,
        }
    }

    /// All that is tried in every state of a shape.
    pub fn all(shape: &Shape) -> Vec<Self> {
        let mut all = vec![
            Self::Pass,
            Self::Restart(0),
            Self::Step(1000),
            Self::Approve { burn: false, stale: false },
            Self::Approve { burn: false, stale: true },
            Self::Reject { revise: true },
            Self::Undo,
            Self::Release,
            Self::Warn,
            Self::TimeUp { decision: true },
            Self::Report,
            Self::Withdraw,
            Self::Supersede,
            Self::Revise,
        ];
        if !shape.leases {
            all.extend([
                Self::Sleep(2),
                Self::TimeUp { decision: false },
                Self::Alert,
                Self::GiveUp,
            ]);
        }
        // A clock that is set does the same to a reminder as to a warning.
        if !shape.leases && !shape.reminders {
            all.extend([
                Self::Restart(2),
                Self::Step(1),
                Self::Step(-2),
                Self::Step(-1000),
                Self::SleepAndStep(2, 1),
                Self::SleepAndStep(2, 1000),
                Self::SleepAndStep(1, -2),
            ]);
        }
        if shape.kind == TimeoutKind::SafeDefault && !shape.default_runs {
            all.extend([Self::Allow(true), Self::Allow(false)]);
        }
        if shape.reminders {
            all.extend([
                Self::Open,
                Self::Plan(true),
                Self::Plan(false),
                Self::Snooze(1),
                Self::Snooze(9),
                Self::Wake,
                Self::Remind,
            ]);
        }
        if shape.leases {
            all.extend([
                Self::Approve { burn: true, stale: false },
                Self::Offer(0),
                Self::Offer(1),
                Self::Acknowledge(0),
                Self::Acknowledge(1),
                Self::Holder(0, true),
                Self::Holder(0, false),
                Self::Holder(1, true),
                Self::Holder(1, false),
                Self::Regrant,
            ]);
        }
        all
    }
}
