//! Telling the reviewer: that something is ready, still waits, runs out or has
//! run out; and what became of each attempt.
//!
//! It decides nothing by time and nobody waits for it but the timers, which
//! must have tried before they act.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::{DateTime, Utc};
use handoff_domain::alerts::Purpose;
use handoff_domain::lifecycle::{Event, Flag, State, transition};
use handoff_domain::payload::Priority;
use handoff_protocol::view::{Change, NotificationState};
use handoff_store::{Record, StoreError};
use serde_json::{Value, json};

use crate::burst::Weight;
use crate::{Actor, Attempt, Desk, Engine, Failure, lock, owned, words};

/// Under this name it is stored when the notification for many was last shown.
const SUMMED_UP: &str = "summed_up";

/// How many reminders are planned in one change.
const PLANNED_AT_ONCE: usize = 500;

/// The handoffs of which a notification is made up for.
#[derive(Debug, Default)]
pub(crate) struct Telling {
    /// It is going on.
    now: HashSet<String>,
    /// Nobody was told, and that could not be recorded.
    unnoted: HashSet<String>,
}

impl Engine {
    /// A desk that died between the commit and the notification owes it still.
    /// Called before anything can be submitted, which would be told of twice.
    pub fn announce_the_unannounced(&self) {
        match self.desk.store.read(|read| read.unannounced()) {
            Ok(ids) => ids.iter().for_each(|id| self.announce(id)),
            Err(error) => tracing::warn!(%error, "earlier handoffs were not announced"),
        }
    }

    /// Notifies the reviewer of a handoff that is ready, and records how that
    /// went; the submit does not wait for it.
    pub(crate) fn announce(&self, id: &str) {
        let (engine, id) = (self.clone(), id.to_owned());
        tokio::spawn(async move { engine.announce_now(&id, |_| Purpose::Ready).await });
    }

    /// Notifies the reviewer of what could not be shown earlier, unless that
    /// is going on.
    fn make_up_for(&self, id: &str) {
        if lock(&self.desk.telling).now.insert(id.to_owned()) {
            let (engine, id) = (self.clone(), id.to_owned());
            tokio::spawn(async move {
                engine.announce_now(&id, owed).await;
                lock(&engine.desk.telling).now.remove(&id);
            });
        }
    }

    pub(crate) async fn announce_now(&self, id: &str, purpose: fn(&Record) -> Purpose) {
        match self.desk.store.read(|read| read.handoff(id)) {
            Ok(Some(record)) if record.progress.state() == State::Ready => {
                let purpose = purpose(&record);
                drop(self.announce_as(record, purpose).await);
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(id, %error, "no notification"),
        }
    }

    pub(crate) async fn announce_as(&self, record: Record, purpose: Purpose) -> Attempt {
        let desk = &self.desk;
        let attempt = self.tell(&record, purpose, false).await;
        let kind = if attempt == Attempt::Shown { "notified" } else { "not_notified" };
        let (data, now) = (told(&attempt), desk.now());
        // Nobody waits for it, and an agent's next call should not.
        let logged: Result<(), Failure> = desk
            .store
            .write_soon(move |write| {
                Ok(crate::log(write, record.seq, Actor::System, kind, data, now)?)
            })
            .await;
        if let Err(failure) = logged {
            tracing::warn!(error = failure.0.message, "a notification was not recorded");
            // Where it is owed nobody could read that it is.
            if is_unseen(&attempt) {
                lock(&desk.telling).unnoted.insert(record.id.clone());
            }
        }
        desk.hub.tell(&Change::Handoff { id: record.id });
        attempt
    }

    /// Shows the summary of a burst, if one is due.
    pub(crate) async fn sum_up(&self) {
        let summary = lock(&self.desk.burst).summary(self.desk.clock.awake());
        let Some(summary) = summary else { return };
        if self.show_notice(words::summary(&summary)).await != Attempt::Shown {
            // What it counts is owed still, to the service that comes.
            return;
        }
        let now = self.desk.now().to_rfc3339();
        let stored: Result<(), Failure> =
            self.desk.store.write_soon(move |write| Ok(write.set(SUMMED_UP, &now)?)).await;
        if let Err(failure) = stored {
            tracing::warn!(error = failure.0.message, "that many were told of was not recorded");
        }
    }

    /// When the notification for many was last shown.
    fn summed_up(&self) -> DateTime<Utc> {
        let stored = self.desk.store.read(|read| read.setting(SUMMED_UP));
        let at = stored.ok().flatten().and_then(|at| DateTime::parse_from_rfc3339(&at).ok());
        at.map_or(DateTime::<Utc>::UNIX_EPOCH, |at| at.to_utc())
    }

    /// Tells the reviewer something of a handoff; says what became of it.
    pub(crate) async fn tell(&self, record: &Record, purpose: Purpose, sound: bool) -> Attempt {
        let desk = &self.desk;
        let shown = lock(&desk.on_screen).as_deref() == Some(record.id.as_str());
        if shown && desk.in_front.load(Ordering::SeqCst) {
            return Attempt::Inhibited("it is on screen".to_owned());
        }
        let heavy = desk.store.read(|read| read.is_high(&record.id)).unwrap_or(true);
        let notice = words::notice(record, purpose, self.shows_question());
        self.bring(crate::Notice { sound, ..notice }, &record.agent, heavy).await
    }

    /// Shows a notice about an agent's doings, unless the reviewer wants none now
    /// or it is one of too many.
    pub(crate) async fn bring(&self, notice: crate::Notice, agent: &str, heavy: bool) -> Attempt {
        let desk = &self.desk;
        let crate::Notice { purpose, sound, .. } = notice;
        if let Some(calm) = self.held_back(&notice) {
            return calm;
        }
        let loud = matches!(purpose, Purpose::Warning | Purpose::Alert | Purpose::Diverged);
        let (place, weight) =
            (notice.handoff.clone().unwrap_or_default(), Weight { loud, heavy, sound });
        if !lock(&desk.burst).alone(agent, &place, weight, desk.clock.awake()) {
            desk.sooner.notify_one();
            return Attempt::Summed;
        }
        self.show_notice(notice).await
    }

    /// The same of what comes so seldom, and weighs so much, that it is none of many.
    pub(crate) async fn bring_alone(&self, notice: crate::Notice) -> Attempt {
        match self.held_back(&notice) {
            Some(calm) => calm,
            None => self.show_notice(notice).await,
        }
    }

    fn held_back(&self, notice: &crate::Notice) -> Option<Attempt> {
        let why = self.desk.calm(notice.purpose, notice.priority)?;
        // Else a calm that began and ended between two looks would be unseen.
        self.desk.was_calm.store(true, Ordering::SeqCst);
        Some(Attempt::Calm(why))
    }

    async fn show_notice(&self, notice: crate::Notice) -> Attempt {
        let desk = &self.desk;
        let handoff = notice.handoff.clone();
        let attempt = desk.notifier.notify(notice).await;
        match &attempt {
            Attempt::Inhibited(_) | Attempt::Calm(_) | Attempt::Summed => {}
            Attempt::Shown => {
                let missing =
                    matches!(&*lock(&desk.notifications), NotificationState::Missing { .. });
                if missing {
                    let service = "a notification service".to_owned();
                    self.service_is(NotificationState::Available { service }, handoff.as_deref());
                }
            }
            Attempt::NoService(why) | Attempt::Failed(why) => {
                self.notifications_are(NotificationState::Missing { why: why.clone() });
            }
        }
        attempt
    }

    /// Makes up for what was held back by the calm that has ended since the last
    /// look: by its time, or because the settings have changed. Says how far off its
    /// end is, where something waits for that and for no timer.
    pub(crate) fn after_the_calm(&self) -> Option<Duration> {
        let (desk, now) = (&self.desk, self.desk.now());
        let until = lock(&desk.settings).alerts.calm_until(now, &desk.clock.zone());
        let was_calm = desk.was_calm.swap(until.is_some(), Ordering::SeqCst);
        if let Some(until) = until {
            let left = (until - now).to_std().unwrap_or_default();
            return (!lock(&desk.untold).is_empty()).then_some(left);
        }
        if was_calm {
            self.tell_untold();
            self.once_noted(|engine| {
                match engine.desk.store.read(|read| read.held_back_by_calm()) {
                    Ok(ids) => ids.iter().for_each(|id| engine.make_up_for(id)),
                    Err(error) => tracing::warn!(%error, "what was held back is not shown"),
                }
                engine.make_up_for_unnoted();
            });
            self.run_what_was_held_back();
        }
        None
    }

    pub(crate) fn shows_question(&self) -> bool {
        lock(&self.desk.settings).notify_question
    }

    /// Records whether notifications can be shown. Once they can be again, or
    /// for the first time, what could not be shown for want of a service is
    /// due.
    pub fn notifications_are(&self, state: NotificationState) {
        self.service_is(state, None);
    }

    /// The same, where one handoff is being told of already.
    fn service_is(&self, state: NotificationState, but: Option<&str>) {
        let desk = &self.desk;
        let before = {
            let mut known = lock(&desk.notifications);
            if *known == state {
                return;
            }
            std::mem::replace(&mut *known, state.clone())
        };
        desk.hub.tell(&Change::Status);
        let was = matches!(before, NotificationState::Available { .. });
        if was || !matches!(state, NotificationState::Available { .. }) {
            return;
        }
        // What a desk before this one has told of many stands; what a service
        // showed that is gone does not.
        let since = match before {
            NotificationState::Unknown => self.summed_up(),
            NotificationState::Available { .. } | NotificationState::Missing { .. } => {
                DateTime::<Utc>::UNIX_EPOCH
            }
        };
        self.tell_untold();
        self.make_up_for_all(since, but);
    }

    /// Makes up for all that could not be shown, but for one that is being told of; of
    /// what was only counted among many, for that since this moment.
    pub(crate) fn make_up_for_all(&self, since: DateTime<Utc>, but: Option<&str>) {
        let but = but.map(str::to_owned);
        self.once_noted(move |engine| {
            match engine.desk.store.read(|read| read.owed_notices(since)) {
                Ok(ids) => {
                    ids.iter()
                        .filter(|id| but.as_ref() != Some(id))
                        .for_each(|id| engine.make_up_for(id));
                }
                Err(error) => tracing::warn!(%error, "what waits was not shown again"),
            }
            engine.make_up_for_unnoted();
        });
    }

    fn make_up_for_unnoted(&self) {
        let unnoted = std::mem::take(&mut lock(&self.desk.telling).unnoted);
        for id in unnoted {
            self.make_up_for(&id);
        }
    }

    /// Does this once it is stored what became of each attempt so far: that waits for
    /// the next change, which is this one.
    fn once_noted(&self, then: impl FnOnce(&Self) + Send + 'static) {
        let engine = self.clone();
        tokio::spawn(async move {
            let noted: Result<(), StoreError> = engine.desk.store.write(|_| Ok(())).await;
            if let Err(error) = noted {
                tracing::warn!(%error, "what was not told of may not be known yet");
            }
            then(&engine);
        });
    }

    /// The item whose card the page shows, if it shows one. It is seen while
    /// the window is in front, and not a moment longer.
    pub fn on_screen(&self, id: Option<String>) {
        *lock(&self.desk.on_screen) = id;
    }

    /// Whether the window has the focus, as the desktop says.
    pub fn is_in_front(&self, in_front: bool) {
        self.desk.in_front.store(in_front, Ordering::SeqCst);
    }

    /// Puts the reminders of a handoff off; says until when, which is the
    /// warning at the latest.
    pub async fn snooze(&self, id: &str, until: DateTime<Utc>) -> Result<DateTime<Utc>, Failure> {
        let desk = &self.desk;
        let record = desk.store.read(|read| read.handoff(id))?;
        let record = record.ok_or_else(|| Failure::no_such_handoff(id))?;
        let cut = until.min(record.progress.timing.warn_at);
        let data = json!({ "until": cut });
        desk.apply(id, None, Event::Snooze { until }, Actor::Reviewer, "snoozed", data).await?;
        desk.retire(id);
        desk.sooner.notify_one();
        Ok(cut)
    }

    /// Turns the reminders of a handoff on again.
    pub async fn wake(&self, id: &str) -> Result<(), Failure> {
        let desk = &self.desk;
        let record = desk.store.read(|read| read.handoff(id))?;
        let record = record.ok_or_else(|| Failure::no_such_handoff(id))?;
        let event = Event::Wake { remind_at: desk.first_reminder(record.priority) };
        desk.apply(id, None, event, Actor::Reviewer, "woken", json!({})).await?;
        desk.sooner.notify_one();
        Ok(())
    }

    /// Lets the declared default of a handoff be taken at its deadline, or no
    /// longer; of the proposal that the reviewer saw, and of no other.
    pub async fn allow_default(
        &self,
        id: &str,
        revision: u32,
        allowed: bool,
    ) -> Result<(), Failure> {
        let kind = if allowed { "default_allowed" } else { "default_disallowed" };
        let event = Event::Allow { allowed, revision };
        self.desk.apply(id, None, event, Actor::Reviewer, kind, json!({})).await?;
        Ok(())
    }
}

impl Desk {
    /// Plans all reminders by settings that have changed: none later than it was
    /// to come, or switching the calm on and off would put it off for ever.
    pub(crate) async fn plan_again(&self) -> Result<(), Failure> {
        let ids = self.store.read(|read| read.ids_in(State::Ready))?;
        let (alerts, zone) = (self.alerts(), self.clock.zone());
        for some in ids.chunks(PLANNED_AT_ONCE) {
            let (some, alerts) = (some.to_vec(), alerts.clone());
            let moment = self.moment();
            let planned: Result<(), Failure> = self
                .store
                .write(move |write| {
                    let now = moment.now(write)?;
                    for id in &some {
                        let record = owned(write, id, None)?;
                        let planned = alerts.first_reminder(record.priority, now, &zone);
                        let remind_at = planned
                            .map(|at| record.progress.remind_at.map_or(at, |was| was.min(at)));
                        let event = Event::Plan { remind_at };
                        // Else it was answered meanwhile.
                        if let Ok(progress) =
                            transition(&record.progress, &record.traits, event, now)
                        {
                            write.keep(&record, &progress)?;
                        }
                    }
                    Ok(())
                })
                .await;
            self.watched(planned)?;
        }
        self.sooner.notify_one();
        Ok(())
    }

    /// Takes back what was shown for a handoff, and what told of many once it is
    /// the last of them.
    pub(crate) fn retire(&self, id: &str) {
        self.notifier.retire(Some(id));
        if lock(&self.burst).is_the_last(id) {
            self.notifier.retire(None);
        }
    }

    /// Why the reviewer wants to be left alone now, if so.
    pub(crate) fn calm(&self, purpose: Purpose, priority: Priority) -> Option<&'static str> {
        let (now, zone) = (self.now(), self.clock.zone());
        lock(&self.settings).alerts.holds_back(purpose, priority, now, &zone)
    }
}

/// What a handoff whose notification was not shown is to be told as now.
pub(crate) fn owed(record: &Record) -> Purpose {
    let progress = &record.progress;
    if progress.has(Flag::Escalated) || progress.has(Flag::ManualReview) {
        Purpose::Alert
    } else if progress.timing.warned_at.is_some() {
        Purpose::Warning
    } else {
        Purpose::Ready
    }
}

/// Whether it is to be told again once it can be.
pub(crate) fn is_unseen(attempt: &Attempt) -> bool {
    matches!(attempt, Attempt::NoService(_) | Attempt::Failed(_) | Attempt::Calm(_))
}

/// An attempt as the log keeps it.
pub fn told(attempt: &Attempt) -> Value {
    match attempt {
        Attempt::Shown => json!({ "attempt": "shown" }),
        Attempt::Inhibited(why) => json!({ "attempt": "inhibited", "why": why }),
        Attempt::Calm(why) => json!({ "attempt": "inhibited", "why": why, "calm": true }),
        Attempt::Summed => json!({
            "attempt": "inhibited",
            "why": "it is one of many, which one notification names",
            "summed": true,
        }),
        Attempt::NoService(why) => json!({ "attempt": "no_service", "why": why }),
        Attempt::Failed(why) => json!({ "attempt": "failed", "why": why }),
    }
}
