//! The notification service of the desktop: one call each, as long as it
//! takes. Who is told what, and how long anybody waits, is not decided here.

use std::future::Future;
use std::pin::Pin;

use handoff_domain::alerts::Purpose;
use handoff_domain::payload::Priority;
use handoff_domain::visible;
use handoff_engine::Notice;
use notify_rust::{Hint, Notification, NotificationResponse, Timeout, Urgency};

use super::bus::{Bus, NOTIFICATIONS};

/// No service is there, nor one that the bus could start.
pub const NONE: &str = "No notification service runs on this desktop.";

/// An answer of the service, to come.
pub type Answer<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What shows notifications.
pub trait Service: Send + Sync + 'static {
    /// Whether there is one, or a sentence that says why not.
    fn look(&self) -> Answer<Result<(), String>>;

    /// Its name, from itself.
    fn name(&self) -> Answer<Result<String, String>>;

    /// Which one it is: another, or the same begun anew, says something else.
    fn identity(&self) -> Answer<Result<String, String>>;

    /// Shows a notice, in the place of an earlier one if that is named.
    fn show(&self, notice: &Notice, replaces: Option<u32>) -> Answer<Result<Posted, String>>;

    /// Takes back what was shown.
    fn close(&self, id: u32) -> Answer<Result<(), String>>;
}

/// A notice that is shown.
pub struct Posted {
    /// The service's number for it.
    pub id: u32,
    /// Whether it was clicked, once it is gone or clicked.
    pub clicked: Answer<bool>,
}

/// The service of the session bus.
pub struct SessionService;

impl Service for SessionService {
    fn look(&self) -> Answer<Result<(), String>> {
        Box::pin(async {
            let there = Bus::connect().await?.has_service(NOTIFICATIONS).await?;
            if there { Ok(()) } else { Err(NONE.to_owned()) }
        })
    }

    fn name(&self) -> Answer<Result<String, String>> {
        Box::pin(async {
            let answer = call("GetServerInformation", &()).await?;
            let (name, _vendor, version, _spec): (String, String, String, String) =
                answer.body().deserialize().map_err(|error| error.to_string())?;
            Ok(format!("{name} {version}"))
        })
    }

    fn identity(&self) -> Answer<Result<String, String>> {
        Box::pin(async { Bus::connect().await?.owner_of(NOTIFICATIONS).await })
    }

    fn show(&self, notice: &Notice, replaces: Option<u32>) -> Answer<Result<Posted, String>> {
        let mut notification = drawn(notice);
        if let Some(earlier) = replaces {
            notification.id(earlier);
        }
        Box::pin(async move {
            let handle = notification
                .show_async()
                .await
                .map_err(|error| format!("The service refused it: {error}."))?;
            let id = handle.id();
            let clicked = Box::pin(async move {
                let mut clicked = false;
                let act = |response: &NotificationResponse| {
                    clicked = matches!(
                        response,
                        NotificationResponse::Default | NotificationResponse::Action(_)
                    );
                };
                handle.wait_for_action_async(act).await;
                clicked
            });
            Ok(Posted { id, clicked })
        })
    }

    fn close(&self, id: u32) -> Answer<Result<(), String>> {
        Box::pin(async move { call("CloseNotification", &(id,)).await.map(drop) })
    }
}

async fn call<B>(method: &str, words: &B) -> Result<zbus::Message, String>
where
    B: serde::Serialize + zbus::zvariant::DynamicType + Sync,
{
    let asked = async {
        let bus = zbus::Connection::session().await?;
        let path = "/org/freedesktop/Notifications";
        bus.call_method(Some(NOTIFICATIONS), path, Some(NOTIFICATIONS), method, words).await
    };
    asked.await.map_err(|error: zbus::Error| error.to_string())
}

fn drawn(notice: &Notice) -> Notification {
    let stays = matches!(notice.purpose, Purpose::Warning | Purpose::Alert | Purpose::Diverged);
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
    notification
}

/// A text that means the same to a service that reads markup and to one that
/// does not hide anything: characters that act are shown as their numbers.
pub fn plain(text: &str) -> String {
    visible::block(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_out_is_urgent_and_stays_and_is_heard_where_that_is_wanted() {
        use Purpose::{Alert, Diverged, Ready, Reminder, Unreported, Warning};
        for (purpose, urgent) in [
            (Ready, false),
            (Reminder, false),
            (Unreported, false),
            (Warning, true),
            (Alert, true),
            (Diverged, true),
        ] {
            for sound in [false, true] {
                let (title, body) = ("tidy asks".to_owned(), "Delete two?".to_owned());
                let priority = Priority::Low;
                let notice = Notice { handoff: None, title, body, priority, purpose, sound };
                let shown = drawn(&notice);
                let urgency = if urgent { Urgency::Critical } else { Urgency::Low };
                let hints = &shown.hints;
                assert!(hints.contains(&Hint::Urgency(urgency)), "{purpose:?}: {hints:?}");
                assert_eq!(shown.timeout == Timeout::Never, urgent, "{purpose:?}");
                let heard = Hint::SoundName("dialog-warning".to_owned());
                assert_eq!(hints.contains(&heard), sound, "{purpose:?}: {hints:?}");
            }
        }
    }

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
