//! The time in which a decision can still be taken back: begun with it, counted only
//! while the desk runs awake, begun anew by each start. What goes out when it is over
//! is judged elsewhere.

use std::sync::atomic::Ordering;
use std::time::Duration;

use handoff_domain::lifecycle::{Phase, State};
use handoff_protocol::view::{Change, Hold};
use handoff_protocol::wire::ErrorCode;

use crate::time::LOOK;
use crate::{Desk, Engine, Failure, lock};

#[derive(Debug, Clone, Copy)]
pub(crate) struct Running {
    /// Tells it from another of the same handoff: two may be over at the same
    /// moment, as an answer that was undone and given again at once.
    pub(crate) number: u64,
    over_at: Duration,
    total: Duration,
}

impl Engine {
    /// Releases the decisions whose holds are over; false where it is not known
    /// whether they are.
    pub(crate) async fn release_due(&self) -> bool {
        let desk = &self.desk;
        // Nobody could undo anything while the desk stood still.
        if let Err(failure) = desk.notice_gaps().await {
            tracing::error!(error = failure.0.message, "a gap in time was not taken account of");
            return false;
        }
        if let Err(failure) = desk.hold_again() {
            tracing::error!(error = failure.0.message, "what was held cannot be read");
        }
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
            match self.release(&id).await {
                Ok(()) => desk.end_hold(&id, number),
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
        true
    }

    pub(crate) fn until_hold(&self) -> Option<Duration> {
        if !self.desk.holds_again.load(Ordering::SeqCst) {
            return Some(LOOK);
        }
        let awake = self.desk.clock.awake();
        let holds = lock(&self.desk.holds);
        holds.values().map(|running| running.over_at.saturating_sub(awake)).min()
    }
}

impl Desk {
    pub(crate) fn hold_of(&self, id: &str) -> Option<Hold> {
        let running = lock(&self.holds).get(id).copied()?;
        let left = running.over_at.saturating_sub(self.clock.awake());
        let millis = |span: Duration| u32::try_from(span.as_millis()).unwrap_or(u32::MAX);
        Some(Hold { left_ms: millis(left), total_ms: millis(running.total) })
    }

    pub(crate) fn hold(&self, id: &str, seconds: u32) {
        let total = Duration::from_secs(seconds.into());
        let over_at = self.clock.awake() + total;
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        lock(&self.holds).insert(id.to_owned(), Running { number, over_at, total });
        self.held.notify_one();
    }

    /// Begins every hold anew, in full.
    pub(crate) fn hold_anew(&self, awake: Duration) {
        lock(&self.holds).values_mut().for_each(|running| running.over_at = awake + running.total);
    }

    /// Tries to end a hold later, unless another has begun in its place.
    pub(crate) fn delay_hold(&self, id: &str, number: u64, by: Duration) {
        let later = self.clock.awake() + by;
        let mut holds = lock(&self.holds);
        if let Some(running) = holds.get_mut(id).filter(|running| running.number == number) {
            running.over_at = later;
            self.hub.tell(&Change::Handoff { id: id.to_owned() });
        }
    }

    /// Forgets a hold, unless another has begun in its place.
    pub(crate) fn end_hold(&self, id: &str, number: u64) {
        let mut holds = lock(&self.holds);
        if holds.get(id).is_some_and(|running| running.number == number) {
            holds.remove(id);
        }
    }

    /// Holds in full what was held when the desk before this one ended; once.
    pub(crate) fn hold_again(&self) -> Result<(), Failure> {
        if self.holds_again.load(Ordering::SeqCst) {
            return Ok(());
        }
        for id in self.store.read(|read| read.ids_in(State::Decided))? {
            let record = self.store.read(|read| read.handoff(&id))?;
            if let Some(Phase::Decided { hold_s, .. }) = record.map(|record| record.progress.phase)
                && !lock(&self.holds).contains_key(&id)
            {
                self.hold(&id, hold_s);
            }
        }
        self.holds_again.store(true, Ordering::SeqCst);
        Ok(())
    }

    pub(crate) fn tell_of_holds(&self) {
        for id in lock(&self.holds).keys() {
            self.hub.tell(&Change::Handoff { id: id.clone() });
        }
    }

    /// Lengthens the holds that the desk was stopped in, by how late it looked.
    pub(crate) fn hold_longer(&self, late: Duration) {
        let stopped = self.clock.awake().saturating_sub(late);
        for (id, running) in &mut *lock(&self.holds) {
            // Not one that has begun since.
            if running.over_at.saturating_sub(running.total) <= stopped {
                running.over_at += late;
                self.hub.tell(&Change::Handoff { id: id.clone() });
            }
        }
    }
}
