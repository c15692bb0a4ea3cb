//! Rules that nobody wrote by hand: made from the call behind a card, suggested
//! by the record, or taken back and made again.
//!
//! The window names where such a rule comes from. It never sends the rule: what
//! passes through it may have lost digits.

use chrono::{DateTime, TimeDelta, Utc};
use handoff_domain::replay::Replay;
use handoff_domain::rule::{CallFacts, Rule};
use handoff_protocol::view::{ReplayRequest, RuleFrom, RuleRow};
use handoff_protocol::wire::{Check, ErrorCode};
use handoff_store::{CheckRow, StoreError};
use serde_json::Map;

use crate::autonomy::refuse_faulty;
use crate::case::can_be_allowed;
use crate::{Engine, Failure};

/// How long "always allow exactly this" lasts at most.
const ALLOW_DAYS: i64 = 30;

/// The rule that would let exactly the call behind a card go, for so many days
/// and uses.
pub(crate) fn allowing(
    agent: &str,
    row: &CheckRow,
    check: &Check,
    now: DateTime<Utc>,
    (days, uses): (i64, Option<u32>),
) -> Rule {
    let call = CallFacts {
        agent,
        task: &row.task,
        tool: &check.tool,
        args: &check.args,
        argv: None,
        // One that is not known from the root is a fault of the rule.
        cwd: Some(check.cwd.as_deref().unwrap_or_default()),
        leads: None,
        facts: &Map::new(),
        at: now,
    };
    Rule::from_call(&call, now + TimeDelta::days(days), uses)
}

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

    /// "Always allow exactly this": the rule that would allow the call behind
    /// a card, to be looked at and then kept.
    pub fn rule_from(
        &self,
        handoff: &str,
        days: i64,
        uses: Option<u32>,
    ) -> Result<RuleRow, Failure> {
        let desk = &self.desk;
        let now = desk.now();
        let row = desk.store.read(|read| read.check_of(handoff))?;
        let (row, (record, payload, _)) = row.zip(desk.load(handoff)?).ok_or_else(|| {
            Failure::new(
                ErrorCode::NotFound,
                "This was not asked by the gate, so there is no call to allow.",
                "Only a call that an agent asks for can be always allowed.",
            )
        })?;
        let around = desk.store.read(|read| desk.around_stored(read, &record, &payload))?;
        if !desk.found_of(&around, &payload).first().is_some_and(can_be_allowed) {
            return Err(Failure::new(
                ErrorCode::Refused,
                "This call cannot be undone, or nobody knows what it does.",
                "Answer it each time; no rule can let it go.",
            ));
        }
        let check: Check = serde_json::from_str(&row.asked).map_err(StoreError::from)?;
        let days = days.clamp(1, ALLOW_DAYS);
        let rule = allowing(&record.agent, &row, &check, now, (days, uses));
        refuse_faulty(&rule, now)?;
        Ok(RuleRow {
            id: 0,
            covers: rule.preview(),
            rule,
            used: 0,
            last_used: None,
            made_at: now,
            revoked_at: None,
            active: false,
        })
    }

    fn rule_of(&self, from: &RuleFrom) -> Result<Rule, Failure> {
        match from {
            RuleFrom::Card { id, days, uses } => Ok(self.rule_from(id, *days, *uses)?.rule),
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
