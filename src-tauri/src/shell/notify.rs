//! Notifications through the desktop's own service. Buttons and clicks only
//! ever open an item: any program of the session can forge them.
//!
//! A service that is missing, hangs or dies costs nobody else any time: every
//! question to it has a limit and runs beside everything else.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use handoff_domain::payload::Priority;
use handoff_domain::visible;
use handoff_engine::{Attempt, Engine, Notice, Notifier};
use handoff_protocol::view::NotificationState;
use notify_rust::{Hint, Notification, NotificationResponse, Timeout, Urgency};

/// The well-known name of the service.
const SERVICE: &str = "org.freedesktop.Notifications";

/// How long a service may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often a missing service is looked for.
const LOOK: Duration = Duration::from_secs(30);

/// Shows notices, one per handoff.
pub struct DesktopNotifier {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    engine: OnceLock<Engine>,
    shown: Mutex<HashMap<String, Shown>>,
    turn: tokio::sync::Mutex<()>,
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
}

impl Notifier for DesktopNotifier {
    fn notify(&self, notice: Notice) -> Pin<Box<dyn Future<Output = Attempt> + Send>> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            // One after the other: a burst would overrun the bus, and the limit
            // is for the service, not for the queue before it.
            let turn = Arc::clone(&shared);
            let _turn = turn.turn.lock().await;
            match tokio::time::timeout(PATIENCE * 2, show(shared, notice)).await {
                Ok(attempt) => attempt,
                Err(_) => Attempt::Failed("The notification service does not answer.".to_owned()),
            }
        })
    }

    fn retire(&self, handoff: &str) {
        let shown = take(&self.shared, handoff);
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

/// Follows whether there is a service, for the status of the desk.
pub async fn watch(engine: Engine) {
    loop {
        let state = state().await;
        let missing = matches!(state, NotificationState::Missing { .. });
        engine.notifications_are(state);
        if !missing {
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn state() -> NotificationState {
    match has_service().await {
        Ok(true) => NotificationState::Available { service: name().await },
        Ok(false) => NotificationState::Missing {
            why: "No notification service runs on this desktop.".to_owned(),
        },
        Err(why) => NotificationState::Missing { why },
    }
}

async fn show(shared: Arc<Shared>, notice: Notice) -> Attempt {
    match has_service().await {
        Ok(true) => {}
        Ok(false) => {
            return Attempt::NoService("No notification service runs on this desktop.".to_owned());
        }
        Err(why) => return Attempt::NoService(why),
    }
    let mut notification = Notification::new();
    notification
        .appname("Handoff Desk")
        .summary(&visible::line(&notice.title))
        .body(&plain(&notice.body))
        .icon("handoff-desk")
        .hint(Hint::DesktopEntry("handoff-desk".to_owned()))
        .action("default", "Open")
        .action("open", "Open")
        .timeout(Timeout::Default)
        .urgency(match (notice.warning, notice.priority) {
            (true, _) => Urgency::Critical,
            (false, Priority::Low) => Urgency::Low,
            (false, Priority::Normal | Priority::High | Priority::Urgent) => Urgency::Normal,
        });
    if let Some(earlier) = take(&shared, &notice.handoff) {
        earlier.listener.abort();
        notification.id(earlier.id);
    }
    let handle = match notification.show_async().await {
        Ok(handle) => handle,
        Err(error) => return Attempt::Failed(format!("The service refused it: {error}.")),
    };
    let id = handle.id();
    let (handoff, opened) = (notice.handoff.clone(), Arc::clone(&shared));
    let listener = tokio::spawn(async move {
        let act = |response: &NotificationResponse| {
            let clicked =
                matches!(response, NotificationResponse::Default | NotificationResponse::Action(_));
            if let (true, Some(engine)) = (clicked, opened.engine.get()) {
                engine.show(Some(handoff.clone()));
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

/// Whether a name on the session bus has an owner; never starts one.
pub async fn has_owner(name: &str) -> Result<bool, String> {
    let ask = async {
        let bus = zbus::Connection::session().await?;
        let proxy = zbus::fdo::DBusProxy::new(&bus).await?;
        let name = zbus::names::BusName::try_from(name)?;
        Ok::<bool, zbus::Error>(proxy.name_has_owner(name).await?)
    };
    match tokio::time::timeout(PATIENCE, ask).await {
        Ok(Ok(owned)) => Ok(owned),
        Ok(Err(error)) => Err(format!("The session bus cannot be asked: {error}.")),
        Err(_) => Err("The session bus does not answer.".to_owned()),
    }
}

/// Whether there is a service, or one that the bus starts when it is asked.
async fn has_service() -> Result<bool, String> {
    if has_owner(SERVICE).await? {
        return Ok(true);
    }
    let ask = async {
        let bus = zbus::Connection::session().await?;
        let names = zbus::fdo::DBusProxy::new(&bus).await?.list_activatable_names().await?;
        Ok::<bool, zbus::Error>(names.iter().any(|name| name.as_str() == SERVICE))
    };
    match tokio::time::timeout(PATIENCE, ask).await {
        Ok(Ok(startable)) => Ok(startable),
        Ok(Err(_)) | Err(_) => Ok(false),
    }
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
        Some(SERVICE),
        "/org/freedesktop/Notifications",
        Some(SERVICE),
        "CloseNotification",
        &(id,),
    )
    .await?;
    Ok(())
}

fn take(shared: &Shared, handoff: &str) -> Option<Shown> {
    lock(shared).remove(handoff)
}

fn lock(shared: &Shared) -> std::sync::MutexGuard<'_, HashMap<String, Shown>> {
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
