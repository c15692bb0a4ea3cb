//! What happens by time alone: holds that end, warnings, deadlines, leases
//! that are renewed; and the notifications that go with it.
//!
//! Nothing is timed by a sleep: each look compares what is stored with the
//! clocks, so that a restart, a suspended machine or a stepped clock loses
//! nothing.

use std::time::Duration;

use chrono::{DateTime, Utc};
use handoff_domain::answer::default_decision;
use handoff_domain::decision::Decision;
use handoff_domain::lifecycle::{Event, Flag, State, transition};
use handoff_protocol::view::NotificationState;
use handoff_store::{Record, Write};
use serde_json::json;

use crate::{Actor, Attempt, Engine, Failure, lock, words};

/// The longest time between two looks while something is due by wall clock,
/// which a step of that clock may bring closer.
const LOOK: Duration = Duration::from_secs(5);

/// How often leases of connected agents are renewed.
const RENEWAL: Duration = Duration::from_mins(2);

impl Engine {
    /// Does what is due, for as long as the future is polled.
    pub async fn run(&self) {
        self.announce_the_unannounced();
        let mut renewed = self.desk.clock.awake();
        loop {
            let sleep = self.tick().await;
            let awake = self.desk.clock.awake();
            if awake.saturating_sub(renewed) >= RENEWAL {
                renewed = awake;
                self.desk.renew().await;
            }
            let sleep = if self.desk.hub.leases().is_empty() {
                sleep
            } else {
                Some(sleep.map_or(RENEWAL, |sleep| sleep.min(RENEWAL)))
            };
            tokio::select! {
                () = self.desk.sooner.notified() => {}
                () = async {
                    match sleep {
                        Some(sleep) => tokio::time::sleep(sleep).await,
                        None => std::future::pending().await,
                    }
                } => {}
            }
        }
    }

    /// Does what is due now; says how long nothing will be, or `None` when
    /// nothing is timed at all.
    pub async fn tick(&self) -> Option<Duration> {
        self.release_due().await;
        match self.timers_due().await {
            Ok(next) => self.until_next(next),
            Err(failure) => {
                tracing::error!(error = failure.0.message, "the timers could not be read");
                Some(LOOK)
            }
        }
    }

    /// A desk that died between the commit and the notification owes it still.
    fn announce_the_unannounced(&self) {
        match self.desk.store.read(|read| read.unannounced()) {
            Ok(ids) => ids.iter().for_each(|id| self.announce(id)),
            Err(error) => tracing::warn!(%error, "earlier handoffs were not announced"),
        }
    }

    /// Notifies the reviewer of a handoff that is ready, and records how that
    /// went; the submit does not wait for it.
    pub(crate) fn announce(&self, id: &str) {
        let engine = self.clone();
        let id = id.to_owned();
        tokio::spawn(async move {
            let record = engine.desk.store.read(|read| read.handoff(&id));
            match record {
                Ok(Some(record)) if record.progress.state() == State::Ready => {
                    engine.notify(record, false).await;
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(id, %error, "no notification"),
            }
        });
    }

    async fn notify(&self, record: Record, warning: bool) {
        let desk = &self.desk;
        let show_question = lock(&desk.settings).notify_question;
        let notice = words::notice(
            &record.id,
            &record.agent,
            &record.question,
            record.priority,
            show_question,
            warning,
        );
        let attempt = desk.notifier.notify(notice).await;
        let (kind, data) = match &attempt {
            Attempt::Shown => ("notified", json!({ "warning": warning })),
            Attempt::NoService(why) | Attempt::Failed(why) => {
                ("not_notified", json!({ "warning": warning, "why": why }))
            }
        };
        match attempt {
            Attempt::Shown => {
                let known = lock(&desk.notifications).clone();
                if matches!(known, NotificationState::Missing { .. }) {
                    let service = "a notification service".to_owned();
                    self.notifications_are(NotificationState::Available { service });
                }
            }
            Attempt::NoService(why) | Attempt::Failed(why) => {
                self.notifications_are(NotificationState::Missing { why });
            }
        }
        let now = desk.now();
        // Nobody waits for it, and an agent's next call should not.
        let logged: Result<(), Failure> = desk
            .store
            .write_soon(move |write| {
                Ok(crate::log(write, record.seq, Actor::System, kind, data, now)?)
            })
            .await;
        if let Err(failure) = logged {
            tracing::warn!(error = failure.0.message, "a notification was not recorded");
        }
        desk.hub.tell(&handoff_protocol::view::Change::Handoff { id: record.id });
    }

    async fn release_due(&self) {
        let desk = &self.desk;
        let awake = desk.clock.awake();
        let over: Vec<(String, Duration)> = lock(&desk.holds)
            .iter()
            .filter(|(_, running)| running.over_at <= awake)
            .map(|(id, running)| (id.clone(), running.over_at))
            .collect();
        for (id, over_at) in over {
            let released =
                desk.apply(&id, None, Event::Release, Actor::System, "released", json!({})).await;
            match released {
                Ok(_) => desk.end_hold(&id, over_at),
                Err(failure)
                    if failure.0.code == handoff_protocol::wire::ErrorCode::Unavailable =>
                {
                    // Kept, and tried again at the next look.
                    tracing::error!(id, error = failure.0.message, "a decision was not released");
                }
                Err(failure) => {
                    // Undone in the same moment: the compare-and-set decided.
                    tracing::debug!(id, error = failure.0.message, "nothing to release");
                    desk.end_hold(&id, over_at);
                }
            }
        }
    }

    async fn timers_due(&self) -> Result<Option<DateTime<Utc>>, Failure> {
        let desk = &self.desk;
        let now = desk.now();
        let mut failed = false;
        for id in desk.store.read(|read| read.due(now))? {
            if let Err(failure) = self.timer(&id, now).await {
                tracing::warn!(id, error = failure.0.message, "a timer did not act");
                failed = true;
            }
        }
        if failed {
            // It is still due: looked at again, but not at once.
            return Ok(Some(now + LOOK));
        }
        Ok(desk.store.read(|read| read.next_timer())?)
    }

    async fn timer(&self, id: &str, now: DateTime<Utc>) -> Result<(), Failure> {
        let desk = &self.desk;
        let Some((record, payload, _)) = desk.load(id)? else { return Ok(()) };
        if record.progress.timing.warned_at.is_none() {
            // A warning that cannot be recorded is not repeated for that.
            if lock(&desk.warned).insert(id.to_owned()) {
                self.notify(record, true).await;
            }
            desk.apply(id, None, Event::Warn, Actor::System, "warned", json!({})).await?;
            lock(&desk.warned).remove(id);
            return Ok(());
        }
        let default = default_decision(&payload, now).map(Box::new);
        let outcome = default
            .as_deref()
            .map(|default| words::outcome(default, Some(&payload)))
            .unwrap_or_default();
        let id = id.to_owned();
        let after = desk.watched(
            desk.store.write(move |write| time_is_up(write, &id, default, &outcome, now)).await,
        )?;
        desk.hub.changed(&after.agent, &after.id);
        if after.has(Flag::Escalated) {
            self.notify(after, true).await;
        }
        Ok(())
    }

    fn until_next(&self, timer: Option<DateTime<Utc>>) -> Option<Duration> {
        let desk = &self.desk;
        let awake = desk.clock.awake();
        let hold =
            lock(&desk.holds).values().map(|running| running.over_at.saturating_sub(awake)).min();
        let timer = timer
            .map(|at| (at - desk.now()).to_std().unwrap_or(Duration::from_millis(50)).min(LOOK));
        match (hold, timer) {
            (Some(hold), Some(timer)) => Some(hold.min(timer)),
            (hold, timer) => hold.or(timer),
        }
    }
}

fn time_is_up(
    write: &Write<'_>,
    id: &str,
    default: Option<Box<Decision>>,
    outcome: &str,
    now: DateTime<Utc>,
) -> Result<Record, Failure> {
    let record = crate::owned(write, id, None)?;
    let event = Event::TimeUp { default };
    let progress = transition(&record.progress, &record.traits, event, now)?;
    let (kind, data) = if progress.state() == State::Released {
        write.set_outcome(record.seq, outcome)?;
        ("default_taken", json!({ "outcome": outcome }))
    } else if progress.has(Flag::ManualReview) {
        ("manual_review", json!({ "why": progress.default_refused }))
    } else {
        ("escalated", json!({}))
    };
    crate::change(write, record, progress, Actor::System, kind, data, now)
}
