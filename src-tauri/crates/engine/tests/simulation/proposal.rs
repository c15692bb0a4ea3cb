//! What an agent proposes, and how the reviewer may answer.

use chrono::{DateTime, Utc};
use handoff_domain::decision::{Answer, Decider, Decision, DecisionKind, Then};
use handoff_domain::payload::TimeoutKind;
use handoff_faultfs::Seed;
use serde_json::{Map, Value, json};

/// One proposal; all spans are in seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// Tells it from the others.
    pub number: usize,
    pub kind: TimeoutKind,
    /// The declared default, where there is one.
    pub default: Option<&'static str>,
    pub within: i64,
    /// The deadline as a date.
    pub date: Option<DateTime<Utc>>,
    pub lead: Option<i64>,
    pub grace: Option<i64>,
    pub urgent: bool,
    pub supersedes: Option<String>,
}

/// How the reviewer answers, or System in his place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// The option that its agent says cannot be taken back.
    Burn,
    /// The one that it says can be.
    Move,
    Keep,
    Inform,
    Stop,
    Revise,
    TakeOver,
    /// The declared default, by System.
    Default(&'static str),
}

impl Proposal {
    pub fn random(seed: &mut Seed, number: usize, now: DateTime<Utc>) -> Self {
        let (kind, default) = match seed.below(5) {
            0 => (TimeoutKind::ManualReview, None),
            1 => (TimeoutKind::Escalate, None),
            2 => (TimeoutKind::SafeDefault, Some("keep")),
            3 => (TimeoutKind::SafeDefault, Some("sell")),
            _ => (TimeoutKind::SafeDefault, Some("move")),
        };
        let within: i64 = [120, 600, 1200][seed.below(3)];
        let span = chrono::TimeDelta::seconds(within);
        Self {
            number,
            kind,
            default,
            within,
            date: seed.chance(40).then(|| now + span),
            lead: seed.chance(60).then(|| [60, within.min(300)][seed.below(2)]),
            grace: seed.chance(60).then(|| [60, 900][seed.below(2)]),
            urgent: seed.chance(30),
            supersedes: None,
        }
    }

    /// The lead of its warning: the last fifth, at least a minute, at most half.
    pub fn lead(&self) -> i64 {
        self.lead.unwrap_or((self.within / 5).max(60).min(self.within / 2))
    }

    /// From a late warning to what follows: five minutes, if nothing is said.
    pub fn grace(&self) -> i64 {
        self.grace.unwrap_or(300)
    }

    pub fn payload(&self, key: &str) -> Value {
        let option = |id: &str, effect: &str| {
            let mut option = json!({ "id": id, "label": id,
                "risk": { "level": "low", "effect": effect, "why": "w" } });
            if id != "keep" {
                option["action"] = json!({ "tool": id, "args": { "number": self.number } });
            }
            if id == "move" {
                option["action"]["undo"] = json!({ "kind": "tool", "tool": id, "args": {} });
            }
            option
        };
        let mut deadline = match self.date {
            Some(date) => json!({ "respond_by": date }),
            None => json!({ "respond_within_s": self.within }),
        };
        deadline["on_timeout"] = match self.default {
            Some(option) => json!({ "kind": self.kind, "option": option }),
            None => json!({ "kind": self.kind }),
        };
        let named = [("warn_before_s", self.lead), ("grace_s", self.grace)];
        for (name, span) in named.into_iter().filter_map(|(name, span)| Some((name, span?))) {
            deadline[name] = json!(span);
        }
        let mut payload = json!({
            "version": "1", "key": key,
            // Each in a task of its own: one that is taken over holds its others.
            "task": { "id": key, "title": "T", "goal": "G" },
            "reason": { "code": "approval_required" },
            "priority": if self.urgent { "urgent" } else { "normal" },
            "summary": format!("Proposal {}.", self.number),
            "pending_question": { "text": "Which?" },
            "deadline": deadline,
            "options": [
                option("burn", "irreversible"), option("move", "reversible"),
                option("keep", "read"),
                // Nothing undoes it, whatever its agent says.
                option("sell", "reversible"),
            ],
        });
        if let Some(replaced) = &self.supersedes {
            payload["supersedes"] = json!(replaced);
        }
        payload
    }
}

impl Choice {
    pub fn random(seed: &mut Seed) -> Self {
        let all = [
            Self::Burn,
            Self::Burn,
            Self::Move,
            Self::Keep,
            Self::Inform,
            Self::Stop,
            Self::Revise,
            Self::Revise,
            Self::TakeOver,
        ];
        all[seed.below(all.len())]
    }

    pub fn answer(self) -> Answer {
        let approve = |option: &str| Answer::Approve { option: option.to_owned() };
        let reject = |then| Answer::Reject { reason: "No".to_owned(), then };
        match self {
            Self::Burn => approve("burn"),
            Self::Move => approve("move"),
            Self::Keep => approve("keep"),
            Self::Default(option) => approve(option),
            Self::Inform => {
                let (facts, constraints) = (Map::new(), Vec::new());
                Answer::Inform { text: "Know this".to_owned(), facts, constraints }
            }
            Self::Stop => reject(Then::Stop),
            Self::Revise => reject(Then::Revise),
            Self::TakeOver => Answer::TakeOver { note: "Mine".to_owned() },
        }
    }

    /// Whether carrying it out cannot be taken back. A move can: its tool is
    /// accepted, and it names its undo.
    pub fn is_irreversible(self) -> bool {
        self == Self::Burn
    }

    /// Whether this is the answer that a decision carries, in every part.
    pub fn is(self, decision: &Decision, proposal: &Proposal) -> bool {
        let option = match self {
            Self::Burn => Some("burn"),
            Self::Move => Some("move"),
            Self::Keep => Some("keep"),
            Self::Default(option) => Some(option),
            Self::Inform | Self::Stop | Self::Revise | Self::TakeOver => None,
        };
        let kind = match self {
            Self::Inform => DecisionKind::Inform,
            Self::Stop | Self::Revise => DecisionKind::Reject,
            Self::TakeOver => DecisionKind::TakeOver,
            Self::Burn | Self::Move | Self::Keep | Self::Default(_) => DecisionKind::Approve,
        };
        let then = match self {
            Self::Stop => Some(Then::Stop),
            Self::Revise => Some(Then::Revise),
            _ => None,
        };
        let by = match self {
            Self::Default(_) => Decider::System,
            _ => Decider::Reviewer,
        };
        // Keeping all runs nothing.
        let tool = option.filter(|option| *option != "keep");
        let number = decision.args.as_ref().and_then(|args| args.get("number"));
        decision.kind == kind
            && decision.by == by
            && decision.then == then
            && decision.option.as_deref() == option
            && decision.tool.as_deref() == tool
            && number.cloned() == tool.map(|_| json!(proposal.number))
    }
}
