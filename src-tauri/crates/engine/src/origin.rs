//! Rules that nobody wrote by hand: made from the call behind a card, suggested
//! by the record, or taken back and made again.
//!
//! The window names where such a rule comes from. It never sends the rule: what
//! passes through it may have lost digits.

use handoff_domain::replay::Replay;
use handoff_domain::rule::Rule;
use handoff_protocol::view::{ReplayRequest, RuleFrom};
use handoff_protocol::wire::ErrorCode;

use crate::{Engine, Failure};

impl Engine {
    /// Keeps the rule from this source; says what names it.
    pub async fn add_rule_from(&self, from: RuleFrom) -> Result<i64, Failure> {
        let engine = self.clone();
        // A suggestion is found by counting the whole record.
        let found = tokio::task::spawn_blocking(move || engine.rule_of(&from)).await;
        let rule = found.map_err(|error| {
            let what = format!("The rule could not be made: {error}.");
            Failure::new(ErrorCode::Internal, what, "Try again.")
        })?;
        self.keep_rule(rule?).await
    }

    /// What the rule from this source would have done in the recorded past.
    pub fn replay_from(&self, from: &RuleFrom) -> Result<Replay, Failure> {
        let with_rule = Some(self.rule_of(from)?);
        self.replay(&ReplayRequest { with_rule, ..ReplayRequest::default() })
    }

    fn rule_of(&self, from: &RuleFrom) -> Result<Rule, Failure> {
        match from {
            RuleFrom::Card { id, days, uses } => {
                let rule = self.rule_from(id, *days, *uses)?.rule;
                if !self.open_case(id)?.asked.is_some_and(|asked| asked.can_allow) {
                    return Err(Failure::new(
                        ErrorCode::Refused,
                        "This call cannot be undone, or nobody knows what it does.",
                        "Answer it each time; no rule can let it go.",
                    ));
                }
                Ok(rule)
            }
            RuleFrom::Suggestion { id } => {
                let suggestions = self.insights()?.suggestions;
                let found = suggestions.into_iter().find(|suggestion| suggestion.id == *id);
                found.map(|suggestion| suggestion.rule).ok_or_else(|| {
                    Failure::conflict(
                        "The record does not speak for this rule any more.",
                        "Look at what it suggests now; nothing was kept.",
                    )
                })
            }
            RuleFrom::TakenBack { id } => {
                let rows = self.rules()?;
                let row = rows.into_iter().find(|row| row.id == *id);
                let row = row.filter(|row| row.revoked_at.is_some()).ok_or_else(|| {
                    Failure::conflict(
                        "This rule is not one that was taken back.",
                        "Look at the rules again; nothing was kept.",
                    )
                })?;
                // What was used up stays used up.
                let uses = row.rule.uses.map(|uses| uses.saturating_sub(row.used).max(1));
                Ok(Rule { uses, ..row.rule })
            }
        }
    }
}
