//! The session bus: which services are there, and when they come and go. It
//! starts none and shows nothing.

use std::pin::Pin;
use std::time::Duration;

use zbus::export::futures_core::Stream;
use zbus::fdo::{DBusProxy, NameOwnerChangedStream};

/// The well-known name of the notification service.
pub const NOTIFICATIONS: &str = "org.freedesktop.Notifications";

/// How long the bus, or a service on it, may take to answer.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// A connection to the session bus.
pub struct Bus {
    proxy: DBusProxy<'static>,
}

/// The owners of a name as they come and go.
pub struct Owners(NameOwnerChangedStream);

impl Bus {
    /// Connects, or says in a sentence why that cannot be done.
    pub async fn connect() -> Result<Self, String> {
        Self::over(zbus::Connection::session()).await
    }

    async fn over(
        bus: impl Future<Output = zbus::Result<zbus::Connection>>,
    ) -> Result<Self, String> {
        let connect = async { DBusProxy::new(&bus.await?).await };
        Ok(Self { proxy: answered(connect).await? })
    }

    /// Whether a name has an owner.
    pub async fn has_owner(&self, name: &'static str) -> Result<bool, String> {
        answered(async { Ok(self.proxy.name_has_owner(name.try_into()?).await?) }).await
    }

    /// Who owns a name, and on which bus: names of owners are never used twice
    /// on one bus, and no two buses are called the same.
    pub async fn owner_of(&self, name: &'static str) -> Result<String, String> {
        answered(async {
            let bus = self.proxy.get_id().await?;
            let owner = self.proxy.get_name_owner(name.try_into()?).await?;
            Ok(format!("{owner} on {}", bus.as_str()))
        })
        .await
    }

    /// Whether a service runs, or is one that the bus starts when it is asked.
    pub async fn has_service(&self, name: &'static str) -> Result<bool, String> {
        if self.has_owner(name).await? {
            return Ok(true);
        }
        let names = answered(async { Ok(self.proxy.list_activatable_names().await?) }).await?;
        Ok(names.iter().any(|known| known.as_str() == name))
    }

    /// Follows the owners of a name from now on: whoever looks after this
    /// misses none.
    pub async fn owners(&self, name: &'static str) -> Result<Owners, String> {
        let of = [(0, name)];
        answered(self.proxy.receive_name_owner_changed_with_args(&of)).await.map(Owners)
    }
}

impl Owners {
    /// Waits for the next change: whether there is an owner then; `None` once
    /// the bus is gone.
    pub async fn next(&mut self) -> Option<bool> {
        loop {
            let change =
                std::future::poll_fn(|context| Pin::new(&mut self.0).poll_next(context)).await?;
            if let Ok(change) = change.args() {
                return Some(change.new_owner().is_some());
            }
        }
    }
}

async fn answered<T>(ask: impl Future<Output = zbus::Result<T>>) -> Result<T, String> {
    match tokio::time::timeout(PATIENCE, ask).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => {
            let why = error.to_string();
            Err(format!("The session bus cannot be asked: {}.", why.trim_end_matches('.')))
        }
        Err(_) => Err("The session bus does not answer.".to_owned()),
    }
}

#[cfg(test)]
pub mod tests {
    use std::io::{BufRead as _, BufReader};
    use std::process::{Child, Command, Stdio};

    use super::*;

    /// A bus of its own, ended with it.
    pub struct OwnBus {
        daemon: Child,
        address: String,
        _folder: tempfile::TempDir,
    }

    impl OwnBus {
        pub fn start() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let config = folder.path().join("bus.conf");
            let text = format!(
                "<busconfig><listen>unix:dir={}</listen><policy context=\"default\">\
                 <allow send_destination=\"*\" eavesdrop=\"true\"/><allow eavesdrop=\"true\"/>\
                 <allow own=\"*\"/></policy></busconfig>",
                folder.path().display()
            );
            std::fs::write(&config, text).unwrap();
            let mut daemon = Command::new("dbus-daemon")
                .arg("--config-file")
                .arg(&config)
                .args(["--nofork", "--print-address=1"])
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut address = String::new();
            BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut address).unwrap();
            Self { daemon, address: address.trim().to_owned(), _folder: folder }
        }

        pub fn address(&self) -> Address {
            Address(self.address.clone())
        }

        pub async fn connection(&self) -> zbus::Result<zbus::Connection> {
            self.address().connection().await
        }

        pub fn end(&mut self) {
            self.daemon.kill().unwrap();
            self.daemon.wait().unwrap();
        }
    }

    /// Where a bus is reached.
    #[derive(Clone)]
    pub struct Address(String);

    impl Address {
        pub fn text(&self) -> &str {
            &self.0
        }

        async fn connection(&self) -> zbus::Result<zbus::Connection> {
            zbus::connection::Builder::address(self.0.as_str()).build().await
        }

        pub async fn bus(&self) -> Result<Bus, String> {
            Bus::over(self.connection()).await
        }
    }

    impl Drop for OwnBus {
        fn drop(&mut self) {
            drop(self.daemon.kill());
            drop(self.daemon.wait());
        }
    }

    #[tokio::test]
    async fn owners_are_followed_from_the_moment_of_asking_to_the_end_of_the_bus() {
        let mut own = OwnBus::start();
        let bus = own.address().bus().await.unwrap();
        let mut owners = bus.owners(NOTIFICATIONS).await.unwrap();
        assert_eq!(bus.has_service(NOTIFICATIONS).await, Ok(false));
        let service = own.connection().await.unwrap();
        service.request_name(NOTIFICATIONS).await.unwrap();
        assert_eq!(bus.has_service(NOTIFICATIONS).await, Ok(true));
        service.release_name(NOTIFICATIONS).await.unwrap();
        assert_eq!(owners.next().await, Some(true), "it came after the asking");
        assert_eq!(owners.next().await, Some(false));
        own.end();
        assert_eq!(owners.next().await, None);
        assert!(bus.has_service(NOTIFICATIONS).await.is_err());
    }
}
