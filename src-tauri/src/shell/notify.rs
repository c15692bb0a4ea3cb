//! Notifications: one per handoff, in the place of its earlier one. Buttons
//! and clicks only ever open an item: any program of the session can forge
//! them.
//!
//! A service that is missing, hangs or dies costs nobody else any time: every
//! question to it has a limit and runs beside everything else.

mod left;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use handoff_engine::{Attempt, Engine, Notice, Notifier};
use handoff_protocol::view::NotificationState;
use tokio::sync::Notify;
use tokio::time::Instant;

use self::left::{Left, OnScreen, OnScreenNotice};
use super::bus::{Bus, NOTIFICATIONS, Owners, PATIENCE};
use super::service::{Answer, NONE, Posted, Service, SessionService};

const LIMITS: Limits = Limits { patience: PATIENCE, look: Duration::from_secs(30) };

const SILENT: &str = "The notification service does not answer.";
const ANSWERED: &str = "the handoff was answered before it could be shown";

/// Shows notices, one per handoff.
pub struct DesktopNotifier {
    shared: Arc<Shared>,
}

struct Shared {
    service: Box<dyn Service>,
    limits: Limits,
    engine: OnceLock<Engine>,
    /// What is wanted or shown, by handoff; the summary of a burst has none.
    places: Mutex<Places>,
    presence: Mutex<Presence>,
    /// How many times in a row it has shown nothing, though it may answer questions.
    silences: AtomicU32,
    left: Left,
    /// The service whose notices are written down, once those that a desk
    /// before this one left with it are seen to.
    written_for: Mutex<Option<String>>,
    /// What a service that is gone had on the screen, until it is told again.
    lost: Mutex<Vec<String>>,
    /// Woken when the service has stopped answering.
    fell_silent: Notify,
    turn: tokio::sync::Mutex<()>,
}

/// How long things may take.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// A question to the service; showing something, twice that.
    patience: Duration,
    /// The time until a bus that cannot be reached is tried again, and at most
    /// that until a service is that did not answer.
    look: Duration,
}

impl Limits {
    /// The time until a service that was silent so many times before is asked
    /// again: a desktop that is just starting answers soon, and one that hangs is
    /// left alone for longer each time.
    fn pause(&self, before: u32) -> Duration {
        self.patience.saturating_mul(1 << before.min(8)).min(self.look)
    }
}

/// What is known of the service.
#[derive(Debug, Clone, Default)]
enum Presence {
    #[default]
    Unknown,
    Present,
    Absent(String),
    /// It took a call and never answered.
    Silent(Instant),
}

#[derive(Default)]
struct Places {
    /// Notices are numbered as they are asked for.
    last: u64,
    of: HashMap<Option<String>, Place>,
}

/// Where the notices of one handoff are shown, one after the other, until it
/// is retired.
struct Place {
    /// The notice that it was made for: earlier ones belong to a place that
    /// was retired.
    since: u64,
    shown: Option<Shown>,
}

struct Shown {
    number: u64,
    id: u32,
    /// It was clicked or closed; nobody sees it any more.
    gone: bool,
    /// Who listens for a click; nobody, where a desk before this one showed it.
    listener: Option<tokio::task::AbortHandle>,
}

impl DesktopNotifier {
    /// A notifier that shows, and opens nothing until it is attached. What it
    /// has on the screen is written down in `file`.
    pub fn new(file: PathBuf) -> Self {
        Self::with(Box::new(SessionService), LIMITS, file)
    }

    fn with(service: Box<dyn Service>, limits: Limits, file: PathBuf) -> Self {
        Self {
            shared: Arc::new(Shared {
                service,
                limits,
                engine: OnceLock::new(),
                places: Mutex::default(),
                presence: Mutex::default(),
                silences: AtomicU32::new(0),
                left: Left::new(file),
                written_for: Mutex::default(),
                lost: Mutex::default(),
                fell_silent: Notify::new(),
                turn: tokio::sync::Mutex::default(),
            }),
        }
    }

    /// Names the desk whose items the notices open.
    pub fn attach(&self, engine: Engine) {
        // Attached once, at the start.
        drop(self.shared.engine.set(engine));
    }

    /// Follows the service as it comes and goes, for as long as it is polled,
    /// and tells what is known of it. A bus that is lost is looked for again.
    pub async fn watch(&self, tell: impl Fn(NotificationState)) {
        self.watch_on(Bus::connect, tell).await;
    }

    async fn watch_on<C>(&self, connect: impl Fn() -> C, tell: impl Fn(NotificationState))
    where
        C: Future<Output = Result<Bus, String>>,
    {
        loop {
            let lost = match connect().await {
                Ok(bus) => self.follow(&bus, &tell).await,
                Err(why) => why,
            };
            self.is_gone(&tell, lost);
            tokio::time::sleep(self.shared.limits.look).await;
        }
    }

    /// Follows the service on one bus; says why that ended.
    async fn follow(&self, bus: &Bus, tell: &impl Fn(NotificationState)) -> String {
        let mut owners = match bus.owners(NOTIFICATIONS).await {
            Ok(owners) => owners,
            Err(why) => return why,
        };
        loop {
            match bus.has_service(NOTIFICATIONS).await {
                Ok(true) => self.is_there(tell).await,
                Ok(false) => self.is_gone(tell, NONE.to_owned()),
                Err(why) => return why,
            }
            match self.changed(&mut owners).await {
                // What an earlier one showed is gone with it.
                Changed::Owner(true) => self.shared.forget(),
                Changed::Owner(false) | Changed::Silent => {}
                Changed::Lost => return "The session bus was lost.".to_owned(),
            }
        }
    }

    async fn changed(&self, owners: &mut Owners) -> Changed {
        let silent = async {
            loop {
                if let Some(pause) = self.shared.silence() {
                    tokio::time::sleep(pause).await;
                    return;
                }
                self.shared.fell_silent.notified().await;
            }
        };
        tokio::select! {
            there = owners.next() => there.map_or(Changed::Lost, Changed::Owner),
            () = silent => Changed::Silent,
        }
    }

    /// A service is there; whether it answers, it says itself.
    async fn is_there(&self, tell: &impl Fn(NotificationState)) {
        let asked = tokio::time::timeout(self.shared.limits.patience, self.shared.service.name());
        let Ok(name) = asked.await else {
            self.shared.falls_silent();
            tell(NotificationState::Missing { why: SILENT.to_owned() });
            return;
        };
        self.shared.is(Presence::Present);
        let service = name.unwrap_or_else(|_| "a notification service".to_owned());
        tell(NotificationState::Available { service });
        self.take_over().await;
    }

    /// Sees to what a desk before this one left on the screen: what still waits
    /// is told again in its place, and the rest is taken away.
    async fn take_over(&self) {
        let shared = &self.shared;
        let asked = tokio::time::timeout(shared.limits.patience, shared.service.identity()).await;
        let Ok(Ok(service)) = asked else { return };
        if shared.is_written_for(&service) {
            return;
        }
        let left = shared.left.with(&service);
        let doubled = lock(&shared.places).adopt(&left);
        *shared.written_for.lock().unwrap_or_else(PoisonError::into_inner) = Some(service);
        if let Some(engine) = shared.engine.get() {
            let lost = std::mem::take(&mut *shared.lost());
            let mut places: Vec<Option<String>> = lost.into_iter().map(Some).collect();
            places.extend(left.iter().map(|one| one.handoff.clone()));
            places.sort_unstable();
            places.dedup();
            engine.tell_again(places).await;
        }
        let unheard = lock(&shared.places).give_up_adopted();
        for shown in doubled.into_iter().chain(unheard) {
            shared.take_back(shown);
        }
        shared.write_down();
    }

    fn is_gone(&self, tell: &impl Fn(NotificationState), why: String) {
        self.shared.is(Presence::Absent(why.clone()));
        tell(NotificationState::Missing { why });
    }
}

enum Changed {
    /// There is an owner now, or none any more.
    Owner(bool),
    /// It has not answered for a while.
    Silent,
    /// The bus is gone.
    Lost,
}

impl Notifier for DesktopNotifier {
    fn notify(&self, notice: Notice) -> Answer<Attempt> {
        let shared = Arc::clone(&self.shared);
        // A retirement from here on is of this notice, too.
        let number = lock(&shared.places).ask(notice.handoff.as_ref());
        Box::pin(async move {
            // One after the other: a burst would overrun the bus, and the limit
            // is for the service, not for the queue before it.
            let turn = Arc::clone(&shared);
            let _turn = turn.turn.lock().await;
            if let Some(attempt) = shared.without_asking() {
                return attempt;
            }
            // It goes on when nobody waits for it any more: what is shown late
            // must be known to be replaced and taken back.
            let showing = tokio::spawn(show(Arc::clone(&shared), notice, number));
            match tokio::time::timeout(shared.limits.patience * 2, showing).await {
                Ok(Ok(attempt)) => attempt,
                Ok(Err(error)) => Attempt::Failed(format!("The desk failed: {error}.")),
                Err(_) => {
                    shared.falls_silent();
                    shared.fell_silent.notify_one();
                    Attempt::Failed(SILENT.to_owned())
                }
            }
        })
    }

    fn retire(&self, handoff: Option<&str>) {
        let place = lock(&self.shared.places).of.remove(&handoff.map(str::to_owned));
        if let Some(shown) = place.and_then(|place| place.shown) {
            self.shared.take_back(shown);
            self.shared.write_down();
        }
    }
}

impl Shared {
    fn is(&self, presence: Presence) {
        *self.presence.lock().unwrap_or_else(PoisonError::into_inner) = presence;
    }

    fn falls_silent(&self) {
        self.silences.fetch_add(1, Ordering::Relaxed);
        self.is(Presence::Silent(Instant::now()));
    }

    /// How long it is not asked any more for having been silent.
    fn silence(&self) -> Option<Duration> {
        match &*self.presence.lock().unwrap_or_else(PoisonError::into_inner) {
            Presence::Silent(since) => {
                let before = self.silences.load(Ordering::Relaxed).saturating_sub(1);
                Some(self.limits.pause(before).saturating_sub(since.elapsed()))
            }
            Presence::Unknown | Presence::Present | Presence::Absent(_) => None,
        }
    }

    /// What becomes of a notice when the service need not be asked: one that
    /// is not there, or hangs, must not cost each notice its patience.
    fn without_asking(&self) -> Option<Attempt> {
        if self.silence().is_some_and(|left| !left.is_zero()) {
            return Some(Attempt::Failed(SILENT.to_owned()));
        }
        match &*self.presence.lock().unwrap_or_else(PoisonError::into_inner) {
            Presence::Absent(why) => Some(Attempt::NoService(why.clone())),
            Presence::Unknown | Presence::Present | Presence::Silent(_) => None,
        }
    }

    /// Whether there is a service, where nobody has looked yet.
    async fn look(&self) -> Result<(), String> {
        let unknown = matches!(
            &*self.presence.lock().unwrap_or_else(PoisonError::into_inner),
            Presence::Unknown
        );
        if unknown { self.service.look().await } else { Ok(()) }
    }

    fn take_back(self: &Arc<Self>, shown: Shown) {
        shown.listen_no_more();
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let closing = tokio::time::timeout(self.limits.patience, self.service.close(shown.id));
        runtime.spawn(async move {
            if !matches!(closing.await, Ok(Ok(()))) {
                tracing::debug!(id = shown.id, "a notification was not taken back");
            }
        });
    }

    /// Forgets what an earlier service showed, but for what nobody has clicked or
    /// closed: it went unread.
    fn forget(&self) {
        let mut lost = self.lost();
        for (handoff, place) in &mut lock(&self.places).of {
            if let Some(shown) = place.shown.take() {
                shown.listen_no_more();
                lost.extend(handoff.clone().filter(|_| !shown.gone));
            }
        }
        drop(lost);
        *self.written_for.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn lost(&self) -> MutexGuard<'_, Vec<String>> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_written_for(&self, service: &str) -> bool {
        let known = self.written_for.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_deref() == Some(service)
    }

    /// Writes down what is on the screen, once it is known whose it is.
    fn write_down(&self) {
        // One at a time: the last to write knows the most.
        let service = self.written_for.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(service) = &*service {
            let notices = lock(&self.places).on_screen();
            self.left.keep(&OnScreen { service: service.clone(), notices });
        }
    }

    /// A notice was clicked or closed.
    fn went(&self, handoff: Option<&String>, id: u32) {
        let mut places = lock(&self.places);
        let place = places.of.get_mut(&handoff.cloned());
        let shown = place.and_then(|place| place.shown.as_mut());
        if let Some(shown) = shown.filter(|shown| shown.id == id) {
            shown.gone = true;
            drop(places);
            self.write_down();
        }
    }
}

impl Shown {
    fn listen_no_more(&self) {
        if let Some(listener) = &self.listener {
            listener.abort();
        }
    }
}

impl Places {
    /// Numbers a notice, and keeps a place for it.
    fn ask(&mut self, handoff: Option<&String>) -> u64 {
        self.last += 1;
        let since = self.last;
        self.of.entry(handoff.cloned()).or_insert(Place { since, shown: None });
        since
    }

    /// Makes places of what a desk before this one showed, as number 0; gives
    /// back what this one has shown anew already.
    fn adopt(&mut self, left: &[OnScreenNotice]) -> Vec<Shown> {
        let mut doubled = Vec::new();
        for OnScreenNotice { handoff, id } in left {
            let place = self.of.entry(handoff.clone()).or_insert(Place { since: 0, shown: None });
            let adopted = Shown { number: 0, id: *id, gone: false, listener: None };
            match &place.shown {
                None => place.shown = Some(adopted),
                Some(shown) if shown.id != *id => doubled.push(adopted),
                Some(_) => {}
            }
        }
        doubled
    }

    /// What was adopted and has not been replaced.
    fn give_up_adopted(&mut self) -> Vec<Shown> {
        let shown =
            self.of.values_mut().filter_map(|place| place.shown.take_if(|shown| shown.number == 0));
        shown.collect()
    }

    fn on_screen(&self) -> Vec<OnScreenNotice> {
        let seen = self.of.iter().filter_map(|(handoff, place)| {
            let shown = place.shown.as_ref().filter(|shown| !shown.gone)?;
            Some(OnScreenNotice { handoff: handoff.clone(), id: shown.id })
        });
        seen.collect()
    }

    /// The place of a notice, unless it was retired meanwhile.
    fn place(&mut self, handoff: Option<&String>, number: u64) -> Option<&mut Place> {
        match self.of.entry(handoff.cloned()) {
            Entry::Occupied(place) if place.get().since <= number => Some(place.into_mut()),
            Entry::Occupied(_) | Entry::Vacant(_) => None,
        }
    }
}

async fn show(shared: Arc<Shared>, notice: Notice, number: u64) -> Attempt {
    if let Err(why) = shared.look().await {
        return Attempt::NoService(why);
    }
    let handoff = notice.handoff.as_ref();
    let replaces = match lock(&shared.places).place(handoff, number) {
        Some(place) => place.shown.as_ref().map(|shown| shown.id),
        None => return Attempt::Inhibited(ANSWERED.to_owned()),
    };
    let Posted { id, clicked } = match shared.service.show(&notice, replaces).await {
        Ok(posted) => posted,
        Err(why) => return Attempt::Failed(why),
    };
    shared.silences.store(0, Ordering::Relaxed);
    shared.is(Presence::Present);
    let (opens, opened) = (notice.handoff.clone(), Arc::clone(&shared));
    let listener = tokio::spawn(async move {
        let clicked = clicked.await;
        opened.went(opens.as_ref(), id);
        if let (true, Some(engine)) = (clicked, opened.engine.get()) {
            engine.show(opens);
        }
    });
    let shown = Shown { number, id, gone: false, listener: Some(listener.abort_handle()) };
    let mut places = lock(&shared.places);
    let Some(place) = places.place(handoff, number) else {
        drop(places);
        shared.take_back(shown);
        return Attempt::Inhibited(ANSWERED.to_owned());
    };
    // What hung may come after what was asked for later, which stays.
    let is_late = place.shown.as_ref().is_some_and(|other| other.number > number);
    let leaves = if is_late { Some(shown) } else { place.shown.replace(shown) };
    let kept = place.shown.as_ref().map(|kept| kept.id);
    drop(places);
    if let Some(leaves) = leaves {
        leaves.listen_no_more();
        // The service has it no more where the other took its place.
        if Some(leaves.id) != kept {
            shared.take_back(leaves);
        }
    }
    shared.write_down();
    Attempt::Shown
}

fn lock(places: &Mutex<Places>) -> MutexGuard<'_, Places> {
    places.lock().unwrap_or_else(PoisonError::into_inner)
}
