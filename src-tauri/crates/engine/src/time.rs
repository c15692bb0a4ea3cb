//! What happens by time alone: holds that end, reminders, warnings, deadlines,
//! escalations, and leases that are renewed.
//!
//! Nothing is timed by a sleep: each look compares what is stored with the
//! clocks, so that a restart, a suspended machine or a stepped clock loses
//! nothing.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use handoff_domain::alerts::Purpose;
use handoff_domain::answer::default_decision;
use handoff_domain::decision::Decision;
use handoff_domain::lifecycle::{Due, Event, Flag, NextAlert, State, transition};
use handoff_protocol::view::Change;
use handoff_store::{Record, Write};
use serde_json::{Value, json};

use crate::notify::told;
use crate::{Actor, Attempt, Engine, Failure, lock, words};

/// The longest time between two looks while something is due by wall clock,
/// which a step of that clock may bring closer.
const LOOK: Duration = Duration::from_secs(5);

/// How often leases of connected agents are renewed.
const RENEWAL: Duration = Duration::from_mins(2);

/// How often one look goes round: what is done may make the next thing due.
const ROUNDS: usize = 4;

impl Engine {
    /// Does what is due, for as long as the future is polled. Holds end on
    /// time, whatever a notification service or a command makes the rest wait.
    pub async fn run(&self) {
        self.announce_the_unannounced();
        tokio::join!(self.run_holds(), self.run_timers(), self.run_leases());
    }

    async fn run_holds(&self) {
        loop {
            self.release_due().await;
            let wait = self.until_hold();
            first(self.desk.held.notified(), wait).await;
        }
    }

    async fn run_timers(&self) {
        loop {
            let wait = self.look().await;
            first(self.desk.sooner.notified(), wait).await;
        }
    }

    async fn run_leases(&self) {
        let mut renewed = self.desk.clock.awake();
        loop {
            let leased = !self.desk.hub.leases().is_empty();
            first(self.desk.leased.notified(), leased.then_some(RENEWAL)).await;
            let awake = self.desk.clock.awake();
            if awake.saturating_sub(renewed) >= RENEWAL {
                renewed = awake;
                self.desk.renew().await;
            }
        }
    }

    /// Does what is due now; says how long nothing will be, or `None` when
    /// nothing is timed at all.
    pub async fn tick(&self) -> Option<Duration> {
        self.release_due().await;
        let timers = self.look().await;
        [self.until_hold(), timers].into_iter().flatten().min()
    }

    async fn look(&self) -> Option<Duration> {
        // What could not be taken up is tried again.
        let spooled = self.import().await.then_some(LOOK);
        self.notice_gaps().await;
        self.desk.store.reserve().refill();
        self.sum_up().await;
        let timers = match self.timers_due().await {
            Ok(next) => next.map(|at| {
                (at - self.desk.now()).to_std().unwrap_or(Duration::from_millis(50)).min(LOOK)
            }),
            Err(failure) => {
                tracing::error!(error = failure.0.message, "the timers could not be read");
                Some(LOOK)
            }
        };
        let awake = self.desk.clock.awake();
        let summary = lock(&self.desk.burst).due().map(|due| due.saturating_sub(awake));
        [timers, summary, spooled].into_iter().flatten().min()
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
                    desk.delay_hold(&id, over_at, LOOK);
                }
                Err(failure) => {
                    // Undone in the same moment: the compare-and-set decided.
                    tracing::debug!(id, error = failure.0.message, "nothing to release");
                    desk.end_hold(&id, over_at);
                }
            }
        }
    }

    fn until_hold(&self) -> Option<Duration> {
        let awake = self.desk.clock.awake();
        let holds = lock(&self.desk.holds);
        holds.values().map(|running| running.over_at.saturating_sub(awake)).min()
    }

    async fn timers_due(&self) -> Result<Option<DateTime<Utc>>, Failure> {
        let desk = &self.desk;
        for _ in 0..ROUNDS {
            let now = desk.now();
            let due = desk.store.read(|read| read.due(now))?;
            if due.is_empty() {
                break;
            }
            // Side by side: one command of a minute must not keep the others.
            let mut acting = tokio::task::JoinSet::new();
            for id in due {
                let engine = self.clone();
                acting.spawn(async move {
                    let acted = engine.timer(&id, now).await;
                    acted.inspect_err(|failure| {
                        tracing::warn!(id, error = failure.0.message, "a timer did not act");
                    })
                });
            }
            let all = acting.join_all().await;
            if all.iter().any(Result::is_err) {
                // It is still due: looked at again, but not at once.
                return Ok(Some(now + LOOK));
            }
        }
        Ok(desk.store.read(|read| read.next_timer())?)
    }

    async fn timer(&self, id: &str, now: DateTime<Utc>) -> Result<(), Failure> {
        let desk = &self.desk;
        let Some(record) = desk.store.read(|read| read.handoff(id))? else { return Ok(()) };
        match record.progress.due(now) {
            Some(Due::Remind) => self.remind(&record).await,
            Some(Due::Warn) => self.warn(&record).await,
            Some(Due::TimeUp) => self.time_up(id, now).await,
            Some(Due::Alert) => self.alert(&record).await,
            Some(Due::GiveUp) => self.give_up(id).await,
            // Moved since it was looked for.
            None => Ok(()),
        }
    }

    async fn remind(&self, record: &Record) -> Result<(), Failure> {
        let desk = &self.desk;
        let calm = lock(&desk.settings).alerts.calm_until(desk.now(), &desk.clock.zone());
        if calm.is_some() {
            // The settings have changed since it was planned.
            let event = Event::Plan { remind_at: calm };
            desk.apply(&record.id, None, event, Actor::System, "", Value::Null).await?;
            return Ok(());
        }
        let attempt = self.tell(record, Purpose::Reminder, false).await;
        let event = Event::Remind { next: desk.next_reminder(record.priority) };
        desk.apply(&record.id, None, event, Actor::System, "reminded", told(&attempt)).await?;
        Ok(())
    }

    async fn warn(&self, record: &Record) -> Result<(), Failure> {
        let desk = &self.desk;
        // A warning that could not be recorded is not shown again for that.
        let known = lock(&desk.warned).get(&record.id).cloned();
        let attempt = if let Some(attempt) = known {
            attempt
        } else {
            let attempt = self.tell(record, Purpose::Warning, false).await;
            lock(&desk.warned).insert(record.id.clone(), attempt.clone());
            attempt
        };
        let data = told(&attempt);
        desk.apply(&record.id, None, Event::Warn, Actor::System, "warned", data).await?;
        lock(&desk.warned).remove(&record.id);
        Ok(())
    }

    async fn time_up(&self, id: &str, now: DateTime<Utc>) -> Result<(), Failure> {
        let desk = &self.desk;
        let Some((_, payload, _)) = desk.load(id)? else { return Ok(()) };
        let default = default_decision(&payload, now).map(Box::new);
        let outcome = default
            .as_deref()
            .map(|default| words::outcome(default, Some(&payload)))
            .unwrap_or_default();
        let alert = lock(&desk.settings).alerts.next_alert(0, now);
        let id = id.to_owned();
        desk.store.reserve().make_room();
        let after = desk.watched(
            desk.store
                .write(move |write| time_is_up(write, &id, default, alert, &outcome, now))
                .await,
        )?;
        desk.hub.changed(&after.agent, &after.id);
        Ok(())
    }

    async fn alert(&self, record: &Record) -> Result<(), Failure> {
        let desk = &self.desk;
        let done = record.progress.escalation.map_or(0, |escalation| escalation.done);
        let alerts = lock(&desk.settings).alerts.clone();
        let mut data = json!({ "alert": done + 1 });
        // A stage that the reviewer has taken out meanwhile is passed over.
        if let Some(stage) = alerts.alert(done) {
            let attempt = if stage.notify {
                self.tell(record, Purpose::Alert, stage.sound).await
            } else {
                let held = self.held_back(record, Purpose::Alert);
                held.map_or(Attempt::Shown, Attempt::Inhibited)
            };
            data = told(&attempt);
            data["alert"] = json!(done + 1);
            if !matches!(attempt, Attempt::Inhibited(_)) {
                if stage.attention {
                    desk.hub.tell(&Change::Attention);
                }
                if !stage.command.is_empty() {
                    let ran = desk.runner.run(stage.command.clone(), about(record)).await;
                    data["command"] = json!(stage.command);
                    data["command_failed"] = json!(ran.err());
                }
            }
        }
        let next = alerts.next_alert(done + 1, desk.now());
        desk.apply(&record.id, None, Event::Alert { next }, Actor::System, "alerted", data).await?;
        Ok(())
    }

    async fn give_up(&self, id: &str) -> Result<(), Failure> {
        let data = json!({ "why": "No alert was answered." });
        self.desk.apply(id, None, Event::GiveUp, Actor::System, "manual_review", data).await?;
        Ok(())
    }

    /// Takes notice of time that nobody watched: the machine slept, or its
    /// clock was set.
    async fn notice_gaps(&self) {
        let desk = &self.desk;
        let gap = lock(&desk.watch).look(desk.now(), desk.clock.awake(), desk.clock.boot());
        let outcome = match gap {
            None => Ok(()),
            Some(gap) => self.mind_the_gap(gap).await,
        };
        if let Err(failure) = outcome {
            tracing::error!(error = failure.0.message, "a gap in time was not taken account of");
        }
    }

    /// Warns again of what came due while nobody watched, before it acts; and
    /// moves what is measured by a clock that was set.
    pub(crate) async fn mind_the_gap(&self, gap: Gap) -> Result<(), Failure> {
        let desk = &self.desk;
        let now = desk.now();
        let (ids, event, kind) = match gap {
            Gap::Slept { since } => {
                (desk.store.read(|read| read.due(now))?, Event::Gap { since }, "missed")
            }
            Gap::Stepped { by } => {
                let ids = desk.store.read(|read| read.open_ids())?;
                (ids, Event::Step { by, since: now - by }, "clock_set")
            }
        };
        for id in ids {
            desk.apply(&id, None, event.clone(), Actor::System, kind, json!({})).await?;
        }
        Ok(())
    }
}

/// Time that nobody watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gap {
    /// The machine slept, or the desk was off.
    Slept {
        /// Since when, by the wall clock.
        since: DateTime<Utc>,
    },
    /// The wall clock was set.
    Stepped {
        /// By how much.
        by: TimeDelta,
    },
}

/// What the clocks showed when they were last looked at.
#[derive(Debug, Clone, Copy)]
pub struct Watch {
    wall: DateTime<Utc>,
    awake: Duration,
    boot: Duration,
    /// What the wall clock showed when the machine started, by its present
    /// setting.
    origin: DateTime<Utc>,
}

impl Watch {
    /// How far the wall clock may be corrected before that counts as a step.
    const SLACK: TimeDelta = TimeDelta::seconds(60);

    /// How long a sleep has to be.
    const SLEEP: Duration = Duration::from_secs(2);

    pub fn new(wall: DateTime<Utc>, awake: Duration, boot: Duration) -> Self {
        Self { wall, awake, boot, origin: wall - delta(boot) }
    }

    /// Looks at the clocks; says what happened since the last look.
    pub fn look(&mut self, wall: DateTime<Utc>, awake: Duration, boot: Duration) -> Option<Gap> {
        let before = *self;
        (self.wall, self.awake, self.boot) = (wall, awake, boot);
        let by = (wall - delta(boot)) - self.origin;
        if by.abs() > Self::SLACK {
            self.origin += by;
            return Some(Gap::Stepped { by });
        }
        let asleep =
            boot.saturating_sub(before.boot).saturating_sub(awake.saturating_sub(before.awake));
        (asleep >= Self::SLEEP).then_some(Gap::Slept { since: before.wall })
    }
}

fn delta(span: Duration) -> TimeDelta {
    TimeDelta::from_std(span).unwrap_or(TimeDelta::MAX)
}

/// Waits for the call, or for so long.
async fn first(call: impl Future<Output = ()>, wait: Option<Duration>) {
    tokio::select! {
        () = call => {}
        () = async {
            match wait {
                Some(wait) => tokio::time::sleep(wait).await,
                None => std::future::pending().await,
            }
        } => {}
    }
}

/// What a command is told of a handoff.
fn about(record: &Record) -> Value {
    json!({
        "id": record.id,
        "agent": record.agent,
        "question": record.question,
        "priority": record.priority,
        "respond_by": record.progress.timing.respond_by,
    })
}

fn time_is_up(
    write: &Write<'_>,
    id: &str,
    default: Option<Box<Decision>>,
    alert: NextAlert,
    outcome: &str,
    now: DateTime<Utc>,
) -> Result<Record, Failure> {
    let record = crate::owned(write, id, None)?;
    let event = Event::TimeUp { default, alert };
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
