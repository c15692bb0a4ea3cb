//! Weighing open cards again where a rule, an acceptance or a tool has changed.
//!
//! What the calls of a card do is stored beside it, for lists, for leases and for
//! what may wait behind others. Here that follows what the gate finds now. A card
//! that is decided stays as it was: that is what was decided on.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use handoff_domain::action::Effect;
use handoff_domain::floor;
use handoff_domain::lifecycle::{State, Traits};
use handoff_domain::rule::{Does, RuleId, Rules};
use handoff_protocol::view::Change;
use handoff_protocol::wire::ErrorCode;
use handoff_store::{Record, StoreError, Write};
use serde_json::json;

use super::Place;
use super::backlog::bring_out;
use crate::{Actor, Desk, Engine, Failure, lock, log, owned};

/// How many cards are weighed before others get their turn.
const AT_ONCE: u32 = 100;

/// Whose cards are to be weighed again.
#[derive(Debug, Default)]
pub(crate) struct Outdated {
    everyone: bool,
    agents: BTreeSet<String>,
}

/// A card that is found to do something else than was stored.
struct Otherwise {
    record: Record,
    was: Option<Effect>,
    effect: Option<Effect>,
    high: bool,
    traits: Traits,
}

/// Under this name it is stored by what all open cards were last weighed.
const WEIGHED_BY: &str = "weighed_by";

impl Desk {
    /// Reads the rules for the first time. Where some have ended or the desk is
    /// another since all was last weighed, all is weighed again.
    pub(crate) fn begin_weighing(&self) -> Result<(), Failure> {
        self.read_rules()?;
        *lock(&self.outdated) = Outdated::default();
        if self.store.read(|read| read.setting(WEIGHED_BY))? != Some(self.weighing_by()) {
            self.weigh_again(None);
        }
        Ok(())
    }

    /// What the stored effects depend on besides the tools: this desk, and the
    /// rules by which calls count as something else.
    fn weighing_by(&self) -> String {
        let rules = counting(&lock(&self.rules));
        let ids: Vec<String> = rules.keys().map(ToString::to_string).collect();
        format!("{} {}", env!("CARGO_PKG_VERSION"), ids.join(","))
    }

    /// Has the open cards of an agent weighed again at the next look; without a
    /// name, those of all.
    pub(crate) fn weigh_again(&self, agent: Option<&str>) {
        let mut outdated = lock(&self.outdated);
        match agent {
            Some(agent) => drop(outdated.agents.insert(agent.to_owned())),
            None => outdated.everyone = true,
        }
        drop(outdated);
        self.sooner.notify_one();
    }

    /// The same where rules came or went by which calls count as something else.
    pub(super) fn weigh_by(&self, before: &Rules, after: &Rules) {
        let (before, after) = (counting(before), counting(after));
        for (id, agent) in before.iter().chain(&after) {
            if before.contains_key(id) != after.contains_key(id) {
                self.weigh_again(agent.as_deref());
            }
        }
    }

    /// Of the next open cards after this place, those that are found to do
    /// something else than was stored; and the place of the last of them, if
    /// there were any.
    fn otherwise(
        &self,
        agent: Option<&str>,
        after: i64,
    ) -> Result<(Vec<Otherwise>, Option<i64>), StoreError> {
        let ids = self.store.read(|read| read.open_cards(agent, after, AT_ONCE))?;
        let last = ids.last().map(|(seq, _)| *seq);
        let mut otherwise = Vec::new();
        for (seq, id) in ids {
            let Some((record, payload, _)) = self.load(&id)? else { continue };
            // It may have been decided since it was listed.
            if !matches!(record.progress.state(), State::Queued | State::Ready) {
                continue;
            }
            let (around, (was, was_high)) = self.store.read(|read| {
                Ok((self.around_stored(read, &record, &payload)?, read.weighed(seq)?))
            })?;
            let found = self.found_of(&around, &payload);
            let traits = Traits::of(&payload, &found);
            let effect = found.iter().map(|found| found.effect).max();
            let high = floor::is_high(&payload.options, &found);
            if (effect, high) != (was, was_high) || traits != record.traits {
                otherwise.push(Otherwise { record, was, effect, high, traits });
            }
        }
        Ok((otherwise, last))
    }
}

impl Engine {
    /// Weighs again what is outdated; says whether some of it could not be.
    pub(crate) async fn weigh_outdated(&self) -> bool {
        let desk = &self.desk;
        let now = desk.now();
        let over = lock(&desk.rules).iter().any(|kept| kept.rule.until.is_some_and(|at| at <= now));
        if over && let Err(failure) = desk.read_rules() {
            tracing::error!(error = failure.0.message, "rules that are over were not left out");
        }
        let outdated = std::mem::take(&mut *lock(&desk.outdated));
        let whose: Vec<Option<String>> = if outdated.everyone {
            vec![None]
        } else {
            outdated.agents.into_iter().map(Some).collect()
        };
        if whose.is_empty() {
            return false;
        }
        let by = desk.weighing_by();
        let mut left = false;
        for agent in whose {
            if let Err(failure) = self.weigh_cards(agent.as_deref()).await {
                tracing::error!(error = failure.0.message, "open cards were not weighed again");
                let mut outdated = lock(&desk.outdated);
                outdated.everyone |= agent.is_none();
                outdated.agents.extend(agent);
                left = true;
            }
        }
        if !left {
            let noted = desk.store.write(move |write| Ok(write.set(WEIGHED_BY, &by)?)).await;
            if let Err(failure) = desk.watched::<()>(noted) {
                // Then all is weighed once more at the next start.
                tracing::warn!(error = failure.0.message, "it was not noted what was weighed");
            }
        }
        left
    }

    async fn weigh_cards(&self, agent: Option<&str>) -> Result<(), Failure> {
        let mut after = 0;
        loop {
            let (engine, whose) = (self.clone(), agent.map(str::to_owned));
            let looked =
                tokio::task::spawn_blocking(move || engine.desk.otherwise(whose.as_deref(), after));
            let (otherwise, last) = looked.await.map_err(|error| {
                let what = format!("The open cards could not be weighed again: {error}.");
                Failure::new(ErrorCode::Internal, what, "")
            })??;
            if !otherwise.is_empty() {
                self.keep_otherwise(otherwise).await?;
            }
            match last {
                Some(last) => after = last,
                None => return Ok(()),
            }
        }
    }

    async fn keep_otherwise(&self, otherwise: Vec<Otherwise>) -> Result<(), Failure> {
        let desk = &self.desk;
        let (now, alerts, zone) = (desk.now(), desk.alerts(), desk.clock.zone());
        let kept: Result<Vec<(Record, bool)>, Failure> = desk
            .store
            .write(move |write| {
                let mut kept = Vec::new();
                for one in &otherwise {
                    if let Some(record) = keep(write, one, now)? {
                        // What is of high risk now waits behind nothing any more.
                        let comes_out = one.high && record.progress.state() == State::Queued;
                        let record = if comes_out {
                            let remind_at = alerts.first_reminder(record.priority, now, &zone);
                            bring_out(write, record, remind_at, Actor::System, now)?
                        } else {
                            record
                        };
                        kept.push((record, comes_out));
                    }
                }
                Ok(kept)
            })
            .await;
        for (record, comes_out) in desk.watched(kept)? {
            desk.hub.changed(&record.agent, &record.id);
            if comes_out {
                self.announce_new(&record.agent, &record.id, Place::Shown);
            }
        }
        desk.hub.tell(&Change::Status);
        desk.sooner.notify_one();
        Ok(())
    }
}

/// Has all weighed at the next start, should the desk die before it has done so;
/// belongs into the change after which cards may do something else.
pub(crate) fn outdate(write: &Write<'_>) -> Result<(), StoreError> {
    write.set(WEIGHED_BY, "")
}

/// Keeps what was found, unless the card has changed since it was looked at.
fn keep(write: &Write<'_>, one: &Otherwise, now: DateTime<Utc>) -> Result<Option<Record>, Failure> {
    let record = owned(write, &one.record.id, None)?;
    if record.version != one.record.version {
        return Ok(None);
    }
    write.set_weighed(record.seq, one.effect, one.high, &one.traits)?;
    let data = json!({ "effect": one.effect, "was": one.was });
    log(write, record.seq, Actor::System, "weighed_again", data, now)?;
    Ok(Some(Record { traits: one.traits.clone(), ..record }))
}

/// The rules by which calls count as something else, with the agent they are for.
fn counting(rules: &Rules) -> BTreeMap<RuleId, Option<String>> {
    let counts = rules.iter().filter(|kept| matches!(kept.rule.does, Does::Counts { .. }));
    counts.map(|kept| (kept.id, kept.rule.agent.clone())).collect()
}
