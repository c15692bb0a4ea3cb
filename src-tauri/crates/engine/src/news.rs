//! What the reviewer is told that no card asks: that an agent did otherwise, has
//! not reported, brings tools, asks too often, or that its undo has stopped.
//!
//! Nothing waits for it, so nothing else knows that it is owed: what could not be
//! shown is kept here, over a restart too, until it was, or is so no more. What is
//! so is judged elsewhere.

use std::sync::atomic::Ordering;

use chrono::{DateTime, Utc};
use handoff_domain::alerts::Purpose;
use handoff_domain::lifecycle::{Flag, State};
use handoff_domain::payload::Priority;
use handoff_protocol::view::{Change, NotificationState};
use handoff_store::{Read, Record, Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::gate::BEHIND;
use crate::notify::{is_unseen, owed};
use crate::rollback::why_stuck;
use crate::{Attempt, Engine, Failure, Notice, lock, words};

/// What the place of a notice begins with that tells of an agent; a click on it
/// opens the agent.
pub(crate) const AGENT: &str = "agent:";

/// The same of one that tells of an agent's tools: it must not take the place of a
/// louder one.
pub(crate) const TOOLS: &str = "tools:";

/// The same of one that tells that an undo of its has stopped.
pub(crate) const UNDO: &str = "undo:";

/// Under this name it is stored what could not be told yet.
const UNTOLD: &str = "untold";

/// How much of it is kept: who finds that many finds the rest in the window.
const KEPT: usize = 100;

/// Something of which the reviewer is told once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum News {
    /// A card was flagged.
    Flagged { id: String, flag: Flag },
    /// An agent has tools that nobody has looked at.
    Tools { agent: String },
    /// What an agent asks waits behind its other cards.
    Behind { agent: String },
    /// The desk has lowered an agent.
    Lowered { agent: String, why: String },
    /// A rollback waits for the reviewer.
    Stopped { agent: String, why: String },
}

/// What there is to tell by now.
enum ToTell<'n> {
    /// It is so no more.
    Nothing,
    /// Of a card.
    Card(Box<Record>, Purpose),
    /// Of an agent.
    Agent(&'n str, Notice),
}

/// What a desk before this one could not tell.
pub(crate) fn stored(store: &Store) -> Result<Vec<News>, StoreError> {
    let Some(json) = store.read(|read| read.setting(UNTOLD))? else { return Ok(Vec::new()) };
    Ok(serde_json::from_str(&json).unwrap_or_else(|error| {
        tracing::warn!(%error, "what was not told yet cannot be read");
        Vec::new()
    }))
}

impl Engine {
    /// Tells it; nobody waits for that.
    pub(crate) fn tell_news(&self, news: News) {
        let engine = self.clone();
        tokio::spawn(async move { engine.tell_or_keep(news).await });
    }

    /// Tells what could not be told before.
    pub(crate) fn tell_untold(&self) {
        if lock(&self.desk.untold).is_empty() {
            return;
        }
        let engine = self.clone();
        tokio::spawn(async move {
            let desk = &engine.desk;
            // One after the other, and nothing twice.
            let _one = desk.untold_kept.lock().await;
            let untold = lock(&desk.untold).clone();
            for news in untold {
                if engine.is_told(&news).await {
                    lock(&desk.untold).retain(|one| *one != news);
                }
            }
            engine.keep_untold().await;
        });
    }

    /// Tells the reviewer once more of those of these places that still matter:
    /// nobody listens to what is on the screen there. The place of what tells of many
    /// has no name.
    pub async fn tell_again(&self, places: Vec<Option<String>>) {
        for place in places {
            let Some(place) = place else {
                self.make_up_for_all(DateTime::<Utc>::UNIX_EPOCH, None);
                continue;
            };
            match self.still_in(&place) {
                Ok(Some(news)) => self.tell_or_keep(news).await,
                Ok(None) => self.announce_now(&place, owed).await,
                Err(error) => tracing::warn!(place, %error, "it is not told again"),
            }
        }
    }

    /// Takes back what was told of agents and is so no more.
    pub(crate) fn retire_what_is_over(&self) {
        let told = lock(&self.desk.told).clone();
        for place in told {
            let over = self.still_in(&place).and_then(|news| {
                let to_tell = news.as_ref().map(|news| self.to_tell(news)).transpose()?;
                Ok(matches!(to_tell, None | Some(ToTell::Nothing)))
            });
            match over {
                Ok(true) => {
                    lock(&self.desk.told).remove(&place);
                    self.desk.retire(&place);
                }
                Ok(false) => {}
                Err(error) => tracing::warn!(place, %error, "it may be told though it is over"),
            }
        }
    }

    async fn tell_or_keep(&self, news: News) {
        let desk = &self.desk;
        if self.is_told(&news).await {
            // It could not be told earlier, perhaps.
            let before = lock(&desk.untold).len();
            lock(&desk.untold).retain(|one| *one != news);
            if lock(&desk.untold).len() < before {
                let _one = desk.untold_kept.lock().await;
                self.keep_untold().await;
            }
            return;
        }
        {
            let mut untold = lock(&desk.untold);
            if untold.contains(&news) {
                return;
            }
            if untold.len() >= KEPT {
                untold.remove(0);
            }
            untold.push(news);
        }
        {
            let _one = desk.untold_kept.lock().await;
            self.keep_untold().await;
        }
        // The service may have come, or the calm ended, while that was being noted.
        let there = matches!(&*lock(&desk.notifications), NotificationState::Available { .. });
        if there && !desk.was_calm.load(Ordering::SeqCst) {
            self.tell_untold();
        }
    }

    /// Tells it, if it is still so; whether it need not be told again.
    async fn is_told(&self, news: &News) -> bool {
        let attempt = match self.to_tell(news) {
            Ok(ToTell::Nothing) => return true,
            Ok(ToTell::Card(record, purpose)) => self.announce_as(*record, purpose).await,
            Ok(ToTell::Agent(agent, notice)) => {
                let loud = notice.purpose == Purpose::Warning;
                let place = notice.handoff.clone().unwrap_or_default();
                // An agent must not hide what it did among what it asks.
                let attempt = if loud {
                    self.bring_alone(notice).await
                } else {
                    self.bring(notice, agent, false).await
                };
                lock(&self.desk.told).insert(place);
                self.desk.hub.tell(&Change::Status);
                attempt
            }
            Err(error) => {
                tracing::warn!(?news, %error, "it is not told yet");
                return false;
            }
        };
        // Nobody sees the summary, either, where there is no service.
        let missing = matches!(&*lock(&self.desk.notifications), NotificationState::Missing { .. });
        !(is_unseen(&attempt) || missing && attempt == Attempt::Summed)
    }

    fn to_tell<'n>(&self, news: &'n News) -> Result<ToTell<'n>, StoreError> {
        let desk = &self.desk;
        let quiet = (Purpose::Ready, Priority::Normal);
        let loud = (Purpose::Warning, Priority::High);
        let (agent, place, title, body, (purpose, priority)) = match news {
            News::Flagged { id, flag } => {
                let unreported = *flag == Flag::Unreported;
                let purpose = if unreported { Purpose::Unreported } else { Purpose::Diverged };
                let record = desk.store.read(|read| read.handoff(id))?;
                let record = record.filter(|record| record.has(*flag));
                let card = |record| ToTell::Card(Box::new(record), purpose);
                return Ok(record.map_or(ToTell::Nothing, card));
            }
            News::Tools { agent } => {
                let tools = desk.store.read(|read| read.tools(agent))?;
                let things = match tools.iter().filter(|tool| tool.in_force().is_none()).count() {
                    0 => return Ok(ToTell::Nothing),
                    1 => "1 tool".to_owned(),
                    waiting => format!("{waiting} tools"),
                };
                let body = format!("{things} to look at. Until then it asks before each use.");
                let low = (Purpose::Ready, Priority::Low);
                (agent, TOOLS, format!("{agent} introduces itself"), body, low)
            }
            News::Behind { agent } => {
                if desk.store.read(|read| read.backlog(agent))? == 0 {
                    return Ok(ToTell::Nothing);
                }
                let most = lock(&desk.settings).cards_per_hour;
                let body = format!(
                    "More than {most} cards in an hour: what else it asks waits behind them. \
                     Nothing of that runs. The queue shows how many there are."
                );
                (agent, BEHIND, format!("{agent} asks very often"), body, quiet)
            }
            News::Lowered { agent, why } => {
                let lowered = desk.store.read(|read| read.levels(agent, ""))?.lowered;
                if lowered.as_ref() != Some(why) {
                    return Ok(ToTell::Nothing);
                }
                let title = format!("{agent} did not keep to what was decided");
                (agent, AGENT, title, why.clone(), loud)
            }
            News::Stopped { agent, why } => {
                if !desk.store.read(|read| stuck_of(read, agent))?.contains(why) {
                    return Ok(ToTell::Nothing);
                }
                let title = format!("Undoing what {agent} did has stopped");
                (agent, UNDO, title, why.clone(), loud)
            }
        };
        let body = if self.shows_question() { body } else { words::HIDDEN.to_owned() };
        let sound = purpose == Purpose::Warning;
        let handoff = Some(format!("{place}{agent}"));
        Ok(ToTell::Agent(agent, Notice { handoff, title, body, priority, purpose, sound }))
    }

    /// What is told again of what was in this place, if it is not that a card waits.
    fn still_in(&self, place: &str) -> Result<Option<News>, StoreError> {
        let of = |kind: &str| place.strip_prefix(kind).map(str::to_owned);
        if let Some(agent) = of(TOOLS) {
            return Ok(Some(News::Tools { agent }));
        }
        if let Some(agent) = of(BEHIND) {
            return Ok(Some(News::Behind { agent }));
        }
        self.desk.store.read(|read| {
            if let Some(agent) = of(AGENT) {
                let lowered = read.levels(&agent, "")?.lowered;
                return Ok(lowered.map(|why| News::Lowered { agent, why }));
            }
            if let Some(agent) = of(UNDO) {
                let why = stuck_of(read, &agent)?.into_iter().next();
                return Ok(why.map(|why| News::Stopped { agent, why }));
            }
            let record = read.handoff(place)?;
            Ok(record.filter(|record| record.progress.state() != State::Ready).and_then(|record| {
                let told = [Flag::Diverged, Flag::Unreported];
                let flag = told.into_iter().find(|flag| record.has(*flag))?;
                Some(News::Flagged { id: record.id, flag })
            }))
        })
    }

    /// Writes down what is to be told; one at a time.
    async fn keep_untold(&self) {
        let desk = &self.desk;
        let json = serde_json::to_string(&*lock(&desk.untold));
        let stored: Result<(), Failure> = match json {
            Ok(json) => desk.store.write_soon(move |write| Ok(write.set(UNTOLD, &json)?)).await,
            Err(error) => Err(StoreError::from(error).into()),
        };
        if let Err(failure) = stored {
            tracing::warn!(error = failure.0.message, "what is to be told is not written down");
        }
    }
}

/// Why undos of what an agent did have stopped, for each.
fn stuck_of(read: &Read<'_>, agent: &str) -> Result<Vec<String>, StoreError> {
    let mut stuck = Vec::new();
    for id in read.open_rollbacks()? {
        let row = read.rollback(&id)?.filter(|row| row.agent == agent);
        stuck.extend(row.as_ref().and_then(why_stuck));
    }
    Ok(stuck)
}
