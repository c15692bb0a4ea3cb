//! Notifications through the desktop's own service. Buttons and clicks only
//! ever open an item: any program of the session can forge them.
//!
//! A service that is missing, hangs or dies costs nobody else any time: every
//! question to it has a limit and runs beside everything else.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use handoff_domain::alerts::Purpose;
use handoff_domain::payload::Priority;
use handoff_domain::visible;
use handoff_engine::{Attempt, Engine, Notice, Notifier};
use handoff_protocol::view::NotificationState;
use notify_rust::{Hint, Notification, NotificationResponse, Timeout, Urgency};

use super::bus::{Bus, NOTIFICATIONS, PATIENCE};

/// How often a bus that cannot be reached is tried again, and how long a
/// service that did not answer is left alone.
const LOOK: Duration = Duration::from_secs(30);

const NONE: &str = "No notification service runs on this desktop.";
const SILENT: &str = "The notification service does not answer.";

/// Shows notices, one per handoff.
pub struct DesktopNotifier {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    engine: OnceLock<Engine>,
    /// What is shown, by handoff; the summary of a burst has no handoff.
    shown: Mutex<HashMap<Option<String>, Shown>>,
    presence: Mutex<Presence>,
    turn: tokio::sync::Mutex<()>,
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

struct Shown {
    id: u32,
    listener: tokio::task::AbortHandle,
}

impl DesktopNotifier {
    /// A notifier that shows, and opens nothing until it is attached.
    pub fn new() -> Self {
        Self { shared: Arc::default() }
    }

    /// Names the desk whose items the notices open.
    pub fn attach(&self, engine: Engine) {
        // Attached once, at the start.
        drop(self.shared.engine.set(engine));
    }

    /// Follows the service as it comes and goes, for as long as it is polled.
    pub async fn watch(&self, engine: Engine) {
        loop {
            match Bus::connect().await {
                Ok(bus) => self.follow(&engine, &bus).await,
                Err(why) => self.is_gone(&engine, why),
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn follow(&self, engine: &Engine, bus: &Bus) {
        match bus.has_service(NOTIFICATIONS).await {
            Ok(true) => {
                self.shared.is(Presence::Present);
                let service = name().await;
                engine.notifications_are(NotificationState::Available { service });
            }
            Ok(false) => self.is_gone(engine, NONE.to_owned()),
            Err(why) => self.is_gone(engine, why),
        }
        bus.follow(NOTIFICATIONS, |there| async move {
            if there {
                // What an earlier one showed is gone with it.
                forget(&self.shared);
                self.shared.is(Presence::Present);
                engine.notifications_are_back(name().await);
            } else if matches!(bus.has_service(NOTIFICATIONS).await, Ok(true)) {
                self.shared.is(Presence::Present);
            } else {
                self.is_gone(engine, NONE.to_owned());
            }
        })
        .await;
    }

    fn is_gone(&self, engine: &Engine, why: String) {
        self.shared.is(Presence::Absent(why.clone()));
        engine.notifications_are(NotificationState::Missing { why });
    }
}

impl Notifier for DesktopNotifier {
    fn notify(&self, notice: Notice) -> Pin<Box<dyn Future<Output = Attempt> + Send>> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            // One after the other: a burst would overrun the bus, and the limit
            // is for the service, not for the queue before it.
            let turn = Arc::clone(&shared);
            let _turn = turn.turn.lock().await;
            if let Some(attempt) = shared.without_asking() {
                return attempt;
            }
            let asked = tokio::time::timeout(PATIENCE * 2, show(Arc::clone(&shared), notice));
            asked.await.unwrap_or_else(|_| {
                shared.is(Presence::Silent(Instant::now()));
                Attempt::Failed(SILENT.to_owned())
            })
        })
    }

    fn retire(&self, handoff: &str) {
        let shown = take(&self.shared, Some(handoff.to_owned()).as_ref());
        let (Some(shown), Ok(runtime)) = (shown, tokio::runtime::Handle::try_current()) else {
            return;
        };
        runtime.spawn(async move {
            shown.listener.abort();
            if let Err(error) = tokio::time::timeout(PATIENCE, close(shown.id)).await {
                tracing::debug!(%error, "a notification was not taken back");
            }
        });
    }
}

impl Shared {
    fn is(&self, presence: Presence) {
        *self.presence.lock().unwrap_or_else(PoisonError::into_inner) = presence;
    }

    /// What becomes of a notice when the service need not be asked: one that
    /// is not there, or hangs, must not cost each notice its patience.
    fn without_asking(&self) -> Option<Attempt> {
        match &*self.presence.lock().unwrap_or_else(PoisonError::into_inner) {
            Presence::Absent(why) => Some(Attempt::NoService(why.clone())),
            Presence::Silent(since) if since.elapsed() < LOOK => {
                Some(Attempt::Failed(SILENT.to_owned()))
            }
            Presence::Unknown | Presence::Present | Presence::Silent(_) => None,
        }
    }

    /// Whether there is a service, where nobody has looked yet.
    async fn look(&self) -> Result<(), String> {
        if !matches!(
            &*self.presence.lock().unwrap_or_else(PoisonError::into_inner),
            Presence::Unknown
        ) {
            return Ok(());
        }
        if Bus::connect().await?.has_service(NOTIFICATIONS).await? {
            Ok(())
        } else {
            Err(NONE.to_owned())
        }
    }
}

async fn show(shared: Arc<Shared>, notice: Notice) -> Attempt {
    if let Err(why) = shared.look().await {
        return Attempt::NoService(why);
    }
    let stays = matches!(notice.purpose, Purpose::Warning | Purpose::Alert);
    let mut notification = Notification::new();
    notification
        .appname("Handoff Desk")
        .summary(&visible::line(&notice.title))
        .body(&plain(&notice.body))
        .icon("handoff-desk")
        .hint(Hint::DesktopEntry("handoff-desk".to_owned()))
        .action("default", "Open")
        .action("open", "Open")
        .timeout(if stays { Timeout::Never } else { Timeout::Default })
        .urgency(match (stays, notice.priority) {
            (true, _) => Urgency::Critical,
            (false, Priority::Low) => Urgency::Low,
            (false, Priority::Normal | Priority::High | Priority::Urgent) => Urgency::Normal,
        });
    if notice.sound {
        notification.sound_name("dialog-warning");
    }
    if let Some(earlier) = take(&shared, notice.handoff.as_ref()) {
        earlier.listener.abort();
        notification.id(earlier.id);
    }
    let handle = match notification.show_async().await {
        Ok(handle) => handle,
        Err(error) => return Attempt::Failed(format!("The service refused it: {error}.")),
    };
    shared.is(Presence::Present);
    let id = handle.id();
    let (handoff, opened) = (notice.handoff.clone(), Arc::clone(&shared));
    let listener = tokio::spawn(async move {
        let act = |response: &NotificationResponse| {
            let clicked =
                matches!(response, NotificationResponse::Default | NotificationResponse::Action(_));
            if let (true, Some(engine)) = (clicked, opened.engine.get()) {
                engine.show(handoff.clone());
            }
        };
        handle.wait_for_action_async(act).await;
    });
    let shown = Shown { id, listener: listener.abort_handle() };
    lock(&shared).insert(notice.handoff, shown);
    Attempt::Shown
}

/// A text that means the same to a service that reads markup and to one that
/// does not hide anything: characters that act are shown as their numbers.
pub fn plain(text: &str) -> String {
    visible::block(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

async fn name() -> String {
    let asked = tokio::task::spawn_blocking(notify_rust::get_server_information);
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(Ok(service))) => format!("{} {}", service.name, service.version),
        _ => "a notification service".to_owned(),
    }
}

async fn close(id: u32) -> zbus::Result<()> {
    let bus = zbus::Connection::session().await?;
    bus.call_method(
        Some(NOTIFICATIONS),
        "/org/freedesktop/Notifications",
        Some(NOTIFICATIONS),
        "CloseNotification",
        &(id,),
    )
    .await?;
    Ok(())
}

fn take(shared: &Shared, handoff: Option<&String>) -> Option<Shown> {
    lock(shared).remove(&handoff.cloned())
}

fn forget(shared: &Shared) {
    for (_, shown) in lock(shared).drain() {
        shown.listener.abort();
    }
}

fn lock(shared: &Shared) -> MutexGuard<'_, HashMap<Option<String>, Shown>> {
    shared.shown.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn markup_is_shown_not_obeyed() {
        assert_eq!(
            plain(r#"<img src="http://x/"> & <b>"#),
            r#"&lt;img src="http://x/"&gt; &amp; &lt;b&gt;"#
        );
    }

    #[test]
    fn characters_that_act_are_shown_as_numbers() {
        let shown = plain("a\u{202e}b\u{1b}[31m");
        assert!(!shown.contains('\u{202e}') && !shown.contains('\u{1b}'), "{shown}");
        assert!(shown.contains("&lt;U+202E&gt;"), "{shown}");
    }
}
