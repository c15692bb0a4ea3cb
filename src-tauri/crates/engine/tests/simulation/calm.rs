//! The notification service of this world, and what it may never be asked.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};

use chrono::{Offset as _, TimeZone as _, Timelike as _, Utc};
use handoff_domain::alerts::Purpose;
use handoff_domain::payload::Priority;
use handoff_engine::{Attempt, Clock as _, Notice, Notifier};
use handoff_testkit::FakeClock;
use tokio::sync::Notify;

/// What the service does with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Shows,
    Missing,
    Hangs,
}

/// Whether nothing is to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Calm {
    pub focus: bool,
    /// Between these minutes of the day, by the clock on the wall.
    pub quiet: Option<(u32, u32)>,
    /// Urgent warnings and alerts are shown all the same.
    pub pierces: bool,
}

#[derive(Debug)]
struct Inner {
    mood: Mood,
    calm: Calm,
    on_screen: Option<String>,
    fault: Option<String>,
    /// How many calls have hung so far.
    hung: usize,
    /// What was shown by itself, or was on screen.
    shown: BTreeSet<String>,
    /// Some were only counted in one notice for many.
    counted: bool,
}

/// The service.
#[derive(Debug, Clone)]
pub struct Bell {
    inner: Arc<Mutex<Inner>>,
    goes_on: Arc<Notify>,
    clock: FakeClock,
}

impl Bell {
    pub fn new(clock: FakeClock) -> Self {
        let inner = Inner {
            mood: Mood::Shows,
            calm: Calm::default(),
            on_screen: None,
            fault: None,
            hung: 0,
            shown: BTreeSet::new(),
            counted: false,
        };
        Self { inner: Arc::new(Mutex::new(inner)), goes_on: Arc::new(Notify::new()), clock }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    pub fn mood(&self) -> Mood {
        self.inner().mood
    }

    pub fn set(&self, mood: Mood) {
        self.inner().mood = mood;
        if mood != Mood::Hangs {
            self.goes_on.notify_waiters();
        }
    }

    pub fn be_calm(&self, calm: Calm) {
        self.inner().calm = calm;
    }

    pub fn on_screen(&self, id: Option<String>) {
        let mut inner = self.inner();
        inner.shown.extend(id.clone());
        inner.on_screen = id;
    }

    /// What it should never have been asked to show.
    pub fn fault(&self) -> Option<String> {
        self.inner().fault.clone()
    }

    /// How many calls have hung so far.
    pub fn hung(&self) -> usize {
        self.inner().hung
    }

    /// Whether the reviewer was told of it, as far as can be seen.
    pub fn has_told_of(&self, id: &str) -> bool {
        let inner = self.inner();
        inner.counted || inner.shown.contains(id)
    }

    fn minute(&self) -> u32 {
        let now = self.clock.now();
        let east = self.clock.zone().offset_from_utc_datetime(&now.naive_utc()).fix();
        let local = now.with_timezone(&Utc).naive_utc() + east;
        local.hour() * 60 + local.minute()
    }

    fn objection(&self, notice: &Notice) -> Option<&'static str> {
        let inner = self.inner();
        // A summary stands for none of them.
        notice.handoff.as_ref()?;
        if inner.on_screen == notice.handoff {
            return Some("it is on screen");
        }
        let loud = matches!(notice.purpose, Purpose::Warning | Purpose::Alert | Purpose::Diverged);
        if inner.calm.pierces && loud && notice.priority == Priority::Urgent {
            return None;
        }
        if inner.calm.focus {
            return Some("focus is on");
        }
        let minute = self.minute();
        let quiet = inner.calm.quiet.is_some_and(|(from, to)| {
            if from < to { (from..to).contains(&minute) } else { minute >= from || minute < to }
        });
        quiet.then_some("these are quiet hours")
    }
}

impl Notifier for Bell {
    fn notify(&self, notice: Notice) -> Pin<Box<dyn Future<Output = Attempt> + Send>> {
        if let Some(why) = self.objection(&notice) {
            self.inner().fault = Some(format!("shown although {why}: {notice:?}"));
        }
        let mood = self.mood();
        let goes_on = Arc::clone(&self.goes_on);
        match mood {
            Mood::Shows => {
                let mut inner = self.inner();
                match notice.handoff {
                    Some(id) => drop(inner.shown.insert(id)),
                    None => inner.counted = true,
                }
                Box::pin(std::future::ready(Attempt::Shown))
            }
            Mood::Missing => {
                Box::pin(std::future::ready(Attempt::NoService("There is none.".to_owned())))
            }
            // As long as the port allows; this clock stands still meanwhile.
            Mood::Hangs => {
                self.inner().hung += 1;
                Box::pin(async move {
                    goes_on.notified().await;
                    Attempt::Failed("It did not answer.".to_owned())
                })
            }
        }
    }

    fn retire(&self, _: Option<&str>) {}
}
