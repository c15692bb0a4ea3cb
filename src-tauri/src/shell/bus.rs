//! The session bus: which services are there, and when they come and go. It
//! starts none and shows nothing.

use std::pin::Pin;
use std::time::Duration;

use zbus::export::futures_core::Stream;
use zbus::fdo::DBusProxy;

/// The well-known name of the notification service.
pub const NOTIFICATIONS: &str = "org.freedesktop.Notifications";

/// How long the bus, or a service on it, may take to answer.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// A connection to the session bus.
pub struct Bus {
    proxy: DBusProxy<'static>,
}

impl Bus {
    /// Connects, or says in a sentence why that cannot be done.
    pub async fn connect() -> Result<Self, String> {
        let connect = async {
            let bus = zbus::Connection::session().await?;
            DBusProxy::new(&bus).await
        };
        Ok(Self { proxy: answered(connect).await? })
    }

    /// Whether a name has an owner.
    pub async fn has_owner(&self, name: &'static str) -> Result<bool, String> {
        answered(async { Ok(self.proxy.name_has_owner(name.try_into()?).await?) }).await
    }

    /// Whether a service runs, or is one that the bus starts when it is asked.
    pub async fn has_service(&self, name: &'static str) -> Result<bool, String> {
        if self.has_owner(name).await? {
            return Ok(true);
        }
        let names = answered(async { Ok(self.proxy.list_activatable_names().await?) }).await?;
        Ok(names.iter().any(|known| known.as_str() == name))
    }

    /// Calls `tell` whenever the owner of a name has come or gone, with
    /// whether there is one now; ends with the bus.
    pub async fn follow<F>(&self, name: &'static str, mut tell: impl FnMut(bool) -> F)
    where
        F: Future<Output = ()>,
    {
        let Ok(mut changes) = self.proxy.receive_name_owner_changed_with_args(&[(0, name)]).await
        else {
            return;
        };
        while let Some(change) =
            std::future::poll_fn(|context| Pin::new(&mut changes).poll_next(context)).await
        {
            if let Ok(change) = change.args() {
                tell(change.new_owner().is_some()).await;
            }
        }
    }
}

async fn answered<T>(ask: impl Future<Output = zbus::Result<T>>) -> Result<T, String> {
    match tokio::time::timeout(PATIENCE, ask).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(format!("The session bus cannot be asked: {error}.")),
        Err(_) => Err("The session bus does not answer.".to_owned()),
    }
}
