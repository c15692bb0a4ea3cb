//! What the exit code says (CONTRACT §7).

use handoff_domain::decision::{Decider, DecisionKind};
use handoff_domain::lifecycle::{Flag, State};
use handoff_protocol::wire::{Answered, ErrorCode};

/// How a command ended, for the script that called it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done; for a wait: the reviewer approved, as proposed or edited.
    Done,
    /// The command itself failed.
    Internal,
    /// The command line makes no sense.
    Usage,
    /// The payload or report is invalid.
    Invalid,
    /// No desk answers.
    Unreachable,
    /// A conflict, or not allowed; for `submit --wait`: approved, but another
    /// caller's to act on, or carried out already.
    Refused,
    /// No such handoff of this agent.
    NotFound,
    /// No decision yet.
    Pending,
    /// Over, or left to manual review, without a decision.
    NoDecision,
    /// The reviewer gave information instead of an approval.
    Inform,
    /// The reviewer rejected it.
    Reject,
    /// The reviewer does it by hand.
    TakeOver,
    /// The deadline passed and the desk took the declared default.
    Default,
    /// What another program that ran behind this one ended with.
    Passed(u8),
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Internal => 1,
            Self::Usage => 2,
            Self::Invalid => 3,
            Self::Unreachable => 4,
            Self::Refused => 5,
            Self::NotFound => 6,
            Self::Pending => 10,
            Self::NoDecision => 11,
            Self::Inform => 12,
            Self::Reject => 13,
            Self::TakeOver => 14,
            Self::Default => 15,
            Self::Passed(code) => code,
        }
    }

    /// How `submit --wait` ends with this answer. Success says two things: the
    /// reviewer said yes, and nobody else is to act on it. `handoff submit
    /// --wait 600 f && rm …` rests on both, also when it is run twice.
    pub fn of_submit(answered: &Answered) -> Self {
        let exit = Self::of_wait(answered);
        if exit == Self::Done && !answered.act { Self::Refused } else { exit }
    }

    /// How `wait` ends with this answer: what was decided, whoever is to act.
    pub fn of_wait(answered: &Answered) -> Self {
        let Some(decision) = &answered.decision else {
            let over = answered.state.is_over() || answered.flags.contains(&Flag::ManualReview);
            // A decision that is held can still be undone: it is pending.
            let held = answered.state == State::Decided;
            return if over && !held { Self::NoDecision } else { Self::Pending };
        };
        match (decision.by, decision.kind) {
            (Decider::System, _) => Self::Default,
            (Decider::Reviewer, DecisionKind::Approve | DecisionKind::Modify) => Self::Done,
            (Decider::Reviewer, DecisionKind::Inform) => Self::Inform,
            (Decider::Reviewer, DecisionKind::Reject) => Self::Reject,
            (Decider::Reviewer, DecisionKind::TakeOver) => Self::TakeOver,
        }
    }

    /// How a command that the desk refused ends.
    pub fn of_error(code: ErrorCode) -> Self {
        match code {
            ErrorCode::InvalidPayload | ErrorCode::FrameTooLarge => Self::Invalid,
            ErrorCode::NotFound => Self::NotFound,
            ErrorCode::Conflict | ErrorCode::Refused => Self::Refused,
            ErrorCode::Unavailable => Self::Unreachable,
            ErrorCode::InvalidParams => Self::Usage,
            ErrorCode::ParseError
            | ErrorCode::InvalidRequest
            | ErrorCode::MethodNotFound
            | ErrorCode::Internal => Self::Internal,
        }
    }
}
