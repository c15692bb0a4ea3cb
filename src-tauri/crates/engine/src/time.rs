//! What happens by time alone: holds that end, reminders, warnings, deadlines,
//! escalations, and leases that are renewed.
//!
//! Nothing is timed by a sleep: each look compares what is stored with the
//! clocks, so that a restart, a suspended machine or a stepped clock loses
//! nothing.

use std::time::Duration;

use chrono::{DateTime, Utc};
use handoff_domain::alerts::{Purpose, Stage};
use handoff_domain::answer::default_decision;
use handoff_domain::lifecycle::{Due, Event, Flag, Progress, State, transition};
use handoff_protocol::view::Change;
use handoff_protocol::wire::ErrorCode;
use handoff_store::{Record, Write};
use serde_json::{Value, json};

use crate::notify::told;
use crate::watch::{Gap, Reading};
use crate::{Actor, Desk, Engine, Failure, lock, words};

/// The longest time between two looks while something is due by wall clock,
/// which a step of that clock may bring closer.
const LOOK: Duration = Duration::from_secs(5);

/// Under this name it is stored when storing was last tried.
const LAST_TRIED: &str = "last_tried";

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
        if let Err(failure) = self.desk.notice_gaps().await {
            tracing::error!(error = failure.0.message, "a gap in time was not taken account of");
            return Some(LOOK);
        }
        self.desk.store.reserve().refill();
        let faulty = self.still_faulty().await.then_some(LOOK);
        self.sum_up().await;
        let shown = match self.show_next().await {
            Ok(next) => next.map(|at| (at - self.desk.now()).to_std().unwrap_or(LOOK).min(LOOK)),
            Err(failure) => {
                tracing::error!(error = failure.0.message, "what is queued was not shown");
                Some(LOOK)
            }
        };
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
        [timers, summary, spooled, faulty, shown].into_iter().flatten().min()
    }

    /// Tries to store something where the last change could not be, so that the
    /// window says it when that is over, also when nobody asks for anything.
    async fn still_faulty(&self) -> bool {
        let desk = &self.desk;
        if lock(&desk.fault).is_none() {
            return false;
        }
        let now = desk.now().to_rfc3339();
        let tried: Result<(), Failure> =
            desk.store.write(move |write| Ok(write.set(LAST_TRIED, &now)?)).await;
        desk.watched(tried).is_err()
    }

    async fn release_due(&self) {
        let desk = &self.desk;
        let awake = desk.clock.awake();
        let over: Vec<(String, u64)> = lock(&desk.holds)
            .iter()
            .filter(|(_, running)| running.over_at <= awake)
            .map(|(id, running)| (id.clone(), running.number))
            .collect();
        for (id, number) in over {
            // An answer that was undone and given anew meanwhile has a hold of
            // its own to wait for.
            if lock(&desk.holds).get(&id).is_none_or(|running| running.number != number) {
                continue;
            }
            let released =
                desk.apply(&id, None, Event::Release, Actor::System, "released", json!({})).await;
            match released {
                Ok(_) => desk.end_hold(&id, number),
                Err(failure)
                    if matches!(failure.0.code, ErrorCode::Conflict | ErrorCode::NotFound) =>
                {
                    // Undone in the same moment: the compare-and-set decided.
                    tracing::debug!(id, error = failure.0.message, "nothing to release");
                    desk.end_hold(&id, number);
                }
                Err(failure) => {
                    // Kept, and tried again.
                    tracing::error!(id, error = failure.0.message, "a decision was not released");
                    desk.delay_hold(&id, number, LOOK);
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
            // Nothing acts before it is known that time was watched.
            desk.notice_gaps().await?;
            let now = desk.now();
            let due = desk.store.read(|read| read.due(now))?;
            if due.is_empty() {
                break;
            }
            // Side by side: what one waits for must not keep the others.
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
            let mut failed = false;
            while let Some(acted) = acting.join_next().await {
                if let Err(error) = &acted {
                    tracing::error!(%error, "a timer panicked");
                }
                failed |= !matches!(acted, Ok(Ok(())));
            }
            if failed {
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
        let key = (record.id.clone(), record.progress.revision);
        let known = lock(&desk.warned).get(&key).cloned();
        let attempt = if let Some(attempt) = known {
            attempt
        } else {
            self.tell(record, Purpose::Warning, false).await
        };
        let data = told(&attempt);
        let event = Event::Warn { revision: record.progress.revision };
        let warned = desk.apply(&record.id, None, event, Actor::System, "warned", data).await;
        match warned {
            Err(failure) if failure.0.code == ErrorCode::Unavailable => {
                lock(&desk.warned).insert(key, attempt);
                Err(failure)
            }
            // Answered or revised meanwhile: what comes later is warned of anew.
            Err(failure) if failure.0.code == ErrorCode::Conflict => {
                lock(&desk.warned).remove(&key);
                Ok(())
            }
            other => {
                lock(&desk.warned).remove(&key);
                other.map(drop)
            }
        }
    }

    async fn time_up(&self, id: &str, now: DateTime<Utc>) -> Result<(), Failure> {
        let desk = &self.desk;
        let Some((record, payload, _)) = desk.load(id)? else { return Ok(()) };
        let call = desk.default_call(&record, &payload, now)?;
        let default = default_decision(&payload, now).map(Box::new);
        let outcome = default
            .as_deref()
            .map(|default| words::outcome(default, Some(&payload)))
            .unwrap_or_default();
        let alert = lock(&desk.settings).alerts.next_alert(0, now);
        let id = id.to_owned();
        let after = desk.watched(
            desk.store
                .write(move |write| {
                    // By the level and the pauses of this very moment.
                    let held = match &call {
                        Some(call) => call.held(&write.read(), now)?,
                        None => None,
                    };
                    let event = Event::TimeUp { default, held, alert };
                    time_is_up(write, &id, event, &outcome, now)
                })
                .await,
        )?;
        desk.hub.changed(&after.agent, &after.id);
        Ok(())
    }

    async fn alert(&self, record: &Record) -> Result<(), Failure> {
        let desk = &self.desk;
        let Some(escalation) = record.progress.escalation else { return Ok(()) };
        let alerts = desk.alerts();
        let mut data = json!({});
        // The last one once more, or the one that is next.
        let before = escalation.done.saturating_sub(escalation.again.into());
        let stage = alerts.alert(before).cloned();
        // A stage that the reviewer has taken out meanwhile is passed over, but
        // before it is given up after all there is a sign.
        if let Some(stage) = stage.or_else(|| escalation.again.then(Stage::plain)) {
            if stage.notify {
                data = told(&self.tell(record, Purpose::Alert, stage.sound).await);
            }
            // A notification may be left out for other reasons than the calm
            // that the reviewer asked for; the rest of the alert may not.
            let calm = desk.calm(record, Purpose::Alert);
            if calm.is_none() {
                if stage.attention {
                    desk.hub.tell(&Change::Attention);
                }
                if !stage.command.is_empty() {
                    self.run_command(record, stage.command.clone());
                }
            }
        }
        data["alert"] = json!(before + 1);
        let next = alerts.next_alert(before + 1, desk.now());
        desk.apply(&record.id, None, Event::Alert { next }, Actor::System, "alerted", data).await?;
        Ok(())
    }

    /// Runs the reviewer's command beside everything else, and records how it
    /// went.
    fn run_command(&self, record: &Record, command: Vec<String>) {
        let (desk, seq, id) = (self.desk.clone(), record.seq, record.id.clone());
        let running = desk.runner.run(command.clone(), about(record));
        tokio::spawn(async move {
            let (kind, data) = match running.await {
                Ok(()) => ("command_ran", json!({ "command": command })),
                Err(why) => ("command_failed", json!({ "command": command, "why": why })),
            };
            let now = desk.now();
            let logged: Result<(), Failure> = desk
                .store
                .write_soon(move |write| {
                    Ok(crate::log(write, seq, Actor::System, kind, data, now)?)
                })
                .await;
            if let Err(failure) = logged {
                tracing::warn!(error = failure.0.message, "a command was not recorded");
            }
            desk.hub.tell(&Change::Handoff { id });
        });
    }

    async fn give_up(&self, id: &str) -> Result<(), Failure> {
        let data = json!({ "why": "No alert was answered." });
        self.desk.apply(id, None, Event::GiveUp, Actor::System, "manual_review", data).await?;
        Ok(())
    }
}

impl Desk {
    /// Takes notice of time that nobody watched, and carries out what follows
    /// before anything else acts: whole, or again at the next look.
    pub(crate) async fn notice_gaps(&self) -> Result<(), Failure> {
        let _one = self.minding.lock().await;
        let reading =
            Reading { wall: self.clock.now(), awake: self.clock.awake(), boot: self.clock.boot() };
        let gap = lock(&self.watch).gap(reading);
        if gap != Gap::default() {
            let now = lock(&self.watch).shows(reading, gap);
            self.mind(gap, now).await?;
        }
        lock(&self.watch).accept(reading, gap);
        if gap.slept_since.is_some() {
            // Nobody could renew them meanwhile.
            self.renew().await;
        }
        Ok(())
    }

    /// Moves what is measured by a clock that was set, and warns again of what
    /// came due while nobody watched, before it acts; in one change.
    pub(crate) async fn mind(&self, gap: Gap, now: DateTime<Utc>) -> Result<(), Failure> {
        let ids = self.store.read(|read| match gap.stepped {
            Some(_) => read.open_ids(),
            None => read.due_ids(now),
        })?;
        let changed: Vec<Record> = self.watched(
            self.store
                .write(move |write| {
                    let mut changed = Vec::new();
                    for id in &ids {
                        let record = crate::owned(write, id, None)?;
                        let (traits, mut progress) = (&record.traits, record.progress.clone());
                        if let Some(by) = gap.stepped {
                            // A date may have come in the sleep before.
                            let set = now - by;
                            let since = gap.slept_since.map_or(set, |since| since.min(set));
                            let event = Event::Step { by, since };
                            progress = transition(&progress, traits, event, now)?;
                        }
                        if let Some(since) = gap.slept_since {
                            let since = since + gap.stepped.unwrap_or_default();
                            progress = transition(&progress, traits, Event::Gap { since }, now)?;
                        }
                        if progress == record.progress {
                            continue;
                        }
                        let again = |progress: &Progress| {
                            progress.escalation.is_some_and(|escalation| escalation.again)
                        };
                        let missed = progress.timing.warned_at.is_none()
                            && record.progress.timing.warned_at.is_some()
                            || again(&progress) && !again(&record.progress);
                        let kind = if missed { "missed" } else { "clock_set" };
                        let (actor, data) = (Actor::System, json!({}));
                        changed
                            .push(crate::change(write, record, progress, actor, kind, data, now)?);
                    }
                    Ok(changed)
                })
                .await,
        )?;
        for record in changed {
            self.hub.changed(&record.agent, &record.id);
        }
        Ok(())
    }
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
    event: Event,
    outcome: &str,
    now: DateTime<Utc>,
) -> Result<Record, Failure> {
    let record = crate::owned(write, id, None)?;
    let progress = transition(&record.progress, &record.traits, event, now)?;
    let (kind, data) = if progress.state() == State::Released {
        write.set_outcome(record.seq, outcome, false)?;
        ("default_taken", json!({ "outcome": outcome }))
    } else if progress.has(Flag::ManualReview) {
        ("manual_review", json!({ "why": progress.default_refused }))
    } else {
        ("escalated", json!({}))
    };
    crate::change(write, record, progress, Actor::System, kind, data, now)
}
