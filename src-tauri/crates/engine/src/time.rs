//! What happens by time alone: holds that end, reminders, warnings, deadlines,
//! escalations, and leases that are renewed.
//!
//! Nothing is timed by a sleep: each look compares what is stored with the
//! clocks, so that a restart, a suspended machine or a stepped clock loses
//! nothing.

use std::time::Duration;

use chrono::{DateTime, Utc};
use handoff_domain::answer::default_decision;
use handoff_domain::lifecycle::{Due, Event, Flag, Progress, State, transition};
use handoff_protocol::view::Change;
use handoff_store::{Record, Store, StoreError, Write};
use serde_json::{Value, json};

use crate::known::Known;
use crate::moment::{self, Moment};
use crate::owed::OWED;
use crate::watch::{Gap, Looker, Reading, Shown};
use crate::{Actor, Clock, Desk, Engine, Failure, lock, owned, words};

/// The longest time between two looks while something is due by wall clock,
/// which a step of that clock may bring closer.
pub(crate) const LOOK: Duration = Duration::from_secs(5);

/// How often holds are looked at while there are any, and how late that look has to
/// be to count as a time in which the desk was stopped: it takes no more off them.
const HOLDS_LOOK: Duration = Duration::from_secs(1);
const HOLDS_LATE: Duration = Duration::from_secs(1);

/// How often a desk that waits for nothing else looks into its spool: what is put
/// there knocks at no door.
const SPOOL_LOOK: Duration = Duration::from_mins(1);

/// Under this name it is stored when storing was last tried.
const LAST_TRIED: &str = "last_tried";

/// Under this name it is stored what the clocks showed.
const CLOCKS: &str = "clocks";

/// How often leases of connected agents are renewed.
const RENEWAL: Duration = Duration::from_mins(2);

/// How often one look goes round: what is done may make the next thing due.
const ROUNDS: usize = 4;

impl Engine {
    /// Does what is due, for as long as the future is polled. Holds end on
    /// time, whatever a notification service or a command makes the rest wait.
    pub async fn run(&self) {
        tokio::join!(self.run_holds(), self.run_timers(), self.run_leases());
    }

    async fn run_holds(&self) {
        loop {
            let wait = if self.release_due().await {
                self.until_hold().map(|wait| wait.min(HOLDS_LOOK))
            } else {
                Some(LOOK)
            };
            let late = self.rest(Looker::Holds, self.desk.held.notified(), wait).await;
            if late >= HOLDS_LATE {
                self.desk.hold_longer(late);
            }
        }
    }

    async fn run_timers(&self) {
        loop {
            let wait = self.look().await;
            self.rest(Looker::Timers, self.desk.sooner.notified(), wait).await;
        }
    }

    /// Waits for the call, or for so long; that it takes much longer is noticed.
    /// Says how much longer it took.
    async fn rest(
        &self,
        who: Looker,
        call: impl Future<Output = ()>,
        wait: Option<Duration>,
    ) -> Duration {
        let desk = &self.desk;
        let awake = desk.clock.awake();
        let next = wait.map(|wait| awake + wait);
        lock(&desk.watch).looks_by(who, next, awake);
        first(call, wait).await;
        let awake = desk.clock.awake();
        lock(&desk.watch).looks_by(who, None, awake);
        next.map_or(Duration::ZERO, |next| awake.saturating_sub(next))
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
        self.look_where_suspected().await;
        // What could not be taken up is tried again.
        let spooled = if self.import().await { Some(LOOK) } else { self.spool_look() };
        if let Err(failure) = self.desk.notice_gaps().await {
            tracing::error!(error = failure.0.message, "a gap in time was not taken account of");
            return Some(LOOK);
        }
        self.desk.store.reserve().refill();
        self.look_at_the_head();
        let faulty = self.still_faulty().await.then_some(LOOK);
        let weighed = self.weigh_outdated().await.then_some(LOOK);
        // A service that hangs keeps its own summary waiting, and nothing else.
        let ((), (shown, undos, timers)) = tokio::join!(self.sum_up(), self.act());
        let calm = self.after_the_calm().map(|left| left.min(SPOOL_LOOK));
        let awake = self.desk.clock.awake();
        let summary = lock(&self.desk.burst).due().map(|due| due.saturating_sub(awake));
        [timers, summary, spooled, faulty, weighed, shown, undos, calm].into_iter().flatten().min()
    }

    fn spool_look(&self) -> Option<Duration> {
        self.desk.spooled.is_set().then_some(SPOOL_LOOK)
    }

    /// Shows what is queued, ends undos that have lasted too long, and does what
    /// the timers ask for; says for each when to look again.
    async fn act(&self) -> (Option<Duration>, Option<Duration>, Option<Duration>) {
        let shown = match self.show_next().await {
            Ok(next) => next.map(|at| (at - self.desk.now()).to_std().unwrap_or(LOOK).min(LOOK)),
            Err(failure) => {
                tracing::error!(error = failure.0.message, "what is queued was not shown");
                Some(LOOK)
            }
        };
        let undos = self.watch_undos().await;
        let timers = match self.timers_due().await {
            Ok(next) => next.map(|at| {
                (at - self.desk.now()).to_std().unwrap_or(Duration::from_millis(50)).min(LOOK)
            }),
            Err(failure) => {
                tracing::error!(error = failure.0.message, "the timers could not be read");
                Some(LOOK)
            }
        };
        (shown, undos, timers)
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

    async fn timers_due(&self) -> Result<Option<DateTime<Utc>>, Failure> {
        let desk = &self.desk;
        for _ in 0..ROUNDS {
            // Nothing acts before it is known that time was watched.
            desk.notice_gaps().await?;
            let moment = desk.moment();
            let due = desk.store.read(|read| read.due(moment.at))?;
            if due.is_empty() {
                break;
            }
            // Side by side: what one waits for must not keep the others.
            let mut acting = tokio::task::JoinSet::new();
            for id in due {
                let engine = self.clone();
                acting.spawn(async move {
                    let acted = engine.timer(&id, moment).await;
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
                return Ok(Some(moment.at + LOOK));
            }
        }
        Ok(desk.store.read(|read| read.next_timer())?)
    }

    async fn timer(&self, id: &str, moment: Moment) -> Result<(), Failure> {
        let desk = &self.desk;
        let Some(record) = desk.store.read(|read| read.handoff(id))? else { return Ok(()) };
        match record.progress.due(moment.at) {
            Some(Due::Remind) => self.remind(&record).await,
            Some(Due::Warn) => self.warn(&record).await,
            Some(Due::TimeUp) => self.time_up(id, moment).await,
            Some(Due::Alert) => self.alert(&record).await,
            Some(Due::GiveUp) => self.give_up(id).await,
            Some(Due::Unreported) => self.unreported(id).await,
            // Moved since it was looked for.
            None => Ok(()),
        }
    }

    async fn time_up(&self, id: &str, moment: Moment) -> Result<(), Failure> {
        let (desk, now) = (&self.desk, moment.at);
        let Some((record, payload, _)) = desk.load(id)? else { return Ok(()) };
        let call = desk.default_call(&record, &payload, now)?;
        let known = desk.store.read(|read| Known::of(read, &record, &payload))?;
        let judged = default_decision(&payload, &known.case(Some(&payload), None, now));
        let found = judged.as_ref().ok().map(|judged| &judged.reconciliation);
        let mut told = json!({ "directive": found.map(|found| &found.lines) });
        if let Some(found) = found {
            told[OWED] = json!(found.owed);
        }
        let default = judged.map(|judged| Box::new(judged.decision));
        let outcome = default.as_deref().map_or_else(
            |_| String::new(),
            |default| words::outcome(default, Some(&payload), false),
        );
        let alert = lock(&desk.settings).alerts.next_alert(0, now);
        let id = id.to_owned();
        told["outcome"] = json!(outcome);
        let after = desk.watched(
            desk.store
                .write(move |write| {
                    // By the level and the pauses of this very moment.
                    let held = match &call {
                        Some(call) => call.held(&write.read(), now)?,
                        None => None,
                    };
                    let present = owned(write, &id, None)?;
                    let is_same = Known::of(&write.read(), &present, &payload)? == known;
                    if !is_same || !moment.moved(write)?.is_zero() {
                        return Err(Failure::conflict(
                            "The task or the clock has changed while its default was weighed.",
                            "It is weighed again by itself.",
                        ));
                    }
                    let event = Event::TimeUp { default, held, alert };
                    time_is_up(write, &id, event, (&outcome, told), now)
                })
                .await,
        )?;
        if after.progress.state() == State::Released {
            desk.retire(&after.id);
        }
        desk.hub.changed(&after.agent, &after.id);
        Ok(())
    }
}

impl Desk {
    /// Takes notice of time that nobody watched, and carries out what follows
    /// before anything else acts: whole, or again at the next look.
    pub(crate) async fn notice_gaps(&self) -> Result<(), Failure> {
        let _one = self.minding.lock().await;
        let reading = self.reading();
        let gap = lock(&self.watch).gap(reading);
        if gap.frozen {
            self.hold_anew(reading.awake);
        }
        if gap == Gap::default() {
            lock(&self.watch).accept(reading, gap);
        } else {
            let then = lock(&self.watch).shows(reading, gap);
            self.mind(gap, reading, then).await?;
            lock(&self.watch).accept(reading, gap);
            // What was shown before it was not seen after it.
            lock(&self.attempts).clear();
            // The window counts the holds down by a clock that did not stand still.
            self.tell_of_holds();
        }
        if lock(&self.watch).is_to_be_written(reading) {
            self.write_clocks(reading).await;
        }
        if gap.slept_since.is_some() {
            // Nobody could renew them meanwhile.
            self.renew().await;
        }
        Ok(())
    }

    pub(crate) fn reading(&self) -> Reading {
        Reading { wall: self.clock.now(), awake: self.clock.awake(), boot: self.clock.boot() }
    }

    /// Writes down what the clocks show. Where that cannot be, all else goes on,
    /// and it is tried again.
    pub(crate) async fn write_clocks(&self, reading: Reading) {
        let written: Result<(), Failure> = match self.shown(reading) {
            Ok(json) => self.store.write(move |write| Ok(write.set(CLOCKS, &json)?)).await,
            Err(failure) => Err(failure),
        };
        match written {
            Ok(()) => lock(&self.watch).is_written(Some(reading)),
            Err(failure) => {
                tracing::warn!(error = failure.0.message, "the clocks were not written down");
            }
        }
    }

    fn shown(&self, reading: Reading) -> Result<String, Failure> {
        let shown = Shown::of(reading, self.clock.boot_id());
        Ok(serde_json::to_string(&shown).map_err(StoreError::from)?)
    }

    /// Moves what is measured by a clock that was set, and warns again of what
    /// came due while nobody watched, before it acts; in one change, with what
    /// the clocks show, so that nothing is moved twice.
    pub(crate) async fn mind(
        &self,
        gap: Gap,
        reading: Reading,
        then: Moment,
    ) -> Result<(), Failure> {
        let shown = self.shown(reading)?;
        lock(&self.watch).is_written(None);
        let now = then.at;
        let changed: Vec<Record> = self.watched(
            self.store
                .write(move |write| {
                    // Less than it was set by where whoever asked for the account of it
                    // before did not live to see it.
                    let left = -then.moved(write)?;
                    let stepped = (!left.is_zero()).then_some(left);
                    let ids = match stepped {
                        Some(_) => write.read().open_ids()?,
                        None => write.read().due_ids(now)?,
                    };
                    let mut changed = Vec::new();
                    for id in &ids {
                        let record = crate::owned(write, id, None)?;
                        let (traits, mut progress) = (&record.traits, record.progress.clone());
                        if let Some(by) = stepped {
                            // A date may have come in the sleep before.
                            let set = now - by;
                            let since = gap.slept_since.map_or(set, |since| since.min(set));
                            let event = Event::Step { by, since };
                            progress = transition(&progress, traits, event, now)?;
                        }
                        if let Some(since) = gap.slept_since {
                            let since = since
                                .checked_add_signed(stepped.unwrap_or_default())
                                .unwrap_or(since);
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
                        let kind = match stepped {
                            _ if missed => "missed",
                            // The time to report in is all that is left to move.
                            None => "report_put_off",
                            Some(_) => "clock_set",
                        };
                        let (actor, data) = (Actor::System, json!({}));
                        changed
                            .push(crate::change(write, record, progress, actor, kind, data, now)?);
                    }
                    if let Some(by) = stepped {
                        write.move_level_ends(by)?;
                        moment::count_by(write, then.steps)?;
                    }
                    if stepped.is_some() || !changed.is_empty() {
                        write.set(CLOCKS, &shown)?;
                    }
                    Ok(changed)
                })
                .await,
        )?;
        for record in changed {
            self.hub.changed(&record.agent, &record.id);
        }
        if gap.stepped.is_some() {
            // The ends of levels are shown, too.
            self.hub.tell(&Change::Status);
        }
        Ok(())
    }
}

/// What happened while the desk was off: nobody watched, and the wall clock may have
/// been set.
///
/// # Errors
///
/// If what the clocks showed before cannot be read.
pub(crate) fn was_off(store: &Store, clock: &dyn Clock, now: Reading) -> Result<Gap, StoreError> {
    let shown = store.read(|read| read.setting(CLOCKS))?;
    let shown: Option<Shown> = shown.and_then(|json| serde_json::from_str(&json).ok());
    let boot_id = clock.boot_id();
    let stepped = shown.and_then(|shown| shown.stepped(now, boot_id.as_deref()));
    Ok(Gap { slept_since: Some(DateTime::<Utc>::MIN_UTC), stepped, frozen: false })
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

fn time_is_up(
    write: &Write<'_>,
    id: &str,
    event: Event,
    (outcome, told): (&str, Value),
    now: DateTime<Utc>,
) -> Result<Record, Failure> {
    let record = crate::owned(write, id, None)?;
    let progress = transition(&record.progress, &record.traits, event, now)?;
    let (kind, data) = if progress.state() == State::Released {
        write.set_outcome(record.seq, outcome, false)?;
        ("default_taken", told)
    } else if progress.has(Flag::ManualReview) {
        ("manual_review", json!({ "why": progress.default_refused }))
    } else {
        ("escalated", json!({}))
    };
    let record = crate::change(write, record, progress, Actor::System, kind, data, now)?;
    if kind == "default_taken" {
        crate::rollback::begin_told(write, &record.agent, &record.task, now)?;
    }
    Ok(record)
}
