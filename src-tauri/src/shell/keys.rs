//! The key store of the desktop: the Secret Service on the session bus, which
//! GNOME Keyring, KWallet and others offer.
//!
//! It opens no store that is locked where that needs a dialog, and keeps nothing
//! itself. A secret crosses the bus of this user in plain, as for any program of
//! theirs.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use handoff_connectors::KeyStore;
use serde::Serialize;
use tokio::runtime::Handle;
use zbus::zvariant::{DynamicType, Type};
use zbus::{OwnedObjectPath, OwnedVariant, Variant};

const SERVICE: &str = "org.freedesktop.secrets";
const ROOT: &str = "/org/freedesktop/secrets";
const OF_SERVICE: &str = "org.freedesktop.Secret.Service";
const OF_COLLECTION: &str = "org.freedesktop.Secret.Collection";
const OF_ITEM: &str = "org.freedesktop.Secret.Item";

/// The path that stands for none.
const NONE: &str = "/";

/// How long the service may take: the bus may have to start it.
const PATIENCE: Duration = Duration::from_secs(10);

/// A secret as it crosses the bus: session, parameters, value, kind.
#[derive(Debug, serde::Serialize, serde::Deserialize, Type)]
struct Crossing {
    session: OwnedObjectPath,
    parameters: Vec<u8>,
    value: Vec<u8>,
    content_type: String,
}

/// The key store of the session, for the secrets of one home.
struct SessionKeys {
    runtime: Handle,
    home: String,
    /// The bus, if it is not the session's.
    address: Option<String>,
}

/// The key store, which is asked when something is to be kept.
pub fn store(runtime: Handle, home: &Path) -> Arc<dyn KeyStore> {
    let home = home.display().to_string();
    Arc::new(SessionKeys { runtime, home, address: None })
}

impl KeyStore for SessionKeys {
    fn keep(&self, name: &str, secret: &str) -> Result<(), String> {
        self.asked(async {
            let open = self.open().await?;
            let collection = open.default_collection().await?;
            let properties = HashMap::from([
                (
                    "org.freedesktop.Secret.Item.Label",
                    Variant::from(format!("Handoff Desk: server {name}")),
                ),
                ("org.freedesktop.Secret.Item.Attributes", Variant::from(self.attributes(name))),
            ]);
            let crossing = Crossing {
                session: open.session.clone(),
                parameters: Vec::new(),
                value: secret.as_bytes().to_vec(),
                content_type: "text/plain; charset=utf8".to_owned(),
            };
            let words = (properties, crossing, true);
            let reply = open.call(collection.as_str(), OF_COLLECTION, "CreateItem", &words).await?;
            let (item, prompt): (OwnedObjectPath, OwnedObjectPath) = reply.body().deserialize()?;
            Ok(if item.as_str() == NONE || prompt.as_str() != NONE { None } else { Some(()) })
        })?
        .ok_or_else(|| "The key store is locked.".to_owned())
    }

    fn find(&self, name: &str) -> Result<Option<String>, String> {
        self.asked(async {
            let open = self.open().await?;
            let Some(item) = open.item(&self.attributes(name)).await? else { return Ok(None) };
            let reply = open.call(item.as_str(), OF_ITEM, "GetSecret", &(&open.session,)).await?;
            let crossing: Crossing = reply.body().deserialize()?;
            Ok(Some(crossing.value))
        })?
        .map(|value| {
            String::from_utf8(value)
                .map_err(|_| "The key store has something else in its place.".to_owned())
        })
        .transpose()
    }

    fn forget(&self, name: &str) -> Result<(), String> {
        self.asked(async {
            let open = self.open().await?;
            if let Some(item) = open.item(&self.attributes(name)).await? {
                let reply = open.call(item.as_str(), OF_ITEM, "Delete", &()).await?;
                without_dialog(&reply.body().deserialize()?)?;
            }
            Ok(())
        })
    }
}

impl SessionKeys {
    /// What names a secret: another home has its own.
    fn attributes(&self, name: &str) -> HashMap<String, String> {
        HashMap::from([
            ("application".to_owned(), "handoff-desk".to_owned()),
            ("home".to_owned(), self.home.clone()),
            ("server".to_owned(), name.to_owned()),
        ])
    }

    async fn open(&self) -> zbus::Result<Open> {
        let bus = match &self.address {
            None => zbus::Connection::session().await?,
            Some(address) => zbus::connection::Builder::address(address.as_str()).build().await?,
        };
        let words = ("plain", Variant::from(""));
        let reply =
            bus.call_method(Some(SERVICE), ROOT, Some(OF_SERVICE), "OpenSession", &words).await?;
        let (_, session): (OwnedVariant, OwnedObjectPath) = reply.body().deserialize()?;
        Ok(Open { bus, session })
    }

    fn asked<T>(&self, ask: impl Future<Output = zbus::Result<T>>) -> Result<T, String> {
        match self.runtime.block_on(async { tokio::time::timeout(PATIENCE, ask).await }) {
            Ok(Ok(answer)) => Ok(answer),
            // It names what failed on the bus, and never what was to be kept.
            Ok(Err(error)) => Err(format!("The key store cannot be asked: {error}.")),
            Err(_) => Err("The key store does not answer.".to_owned()),
        }
    }
}

/// A session with the service.
struct Open {
    bus: zbus::Connection,
    session: OwnedObjectPath,
}

impl Open {
    async fn default_collection(&self) -> zbus::Result<OwnedObjectPath> {
        let reply = self.call(ROOT, OF_SERVICE, "ReadAlias", &("default",)).await?;
        let path: OwnedObjectPath = reply.body().deserialize()?;
        if path.as_str() == NONE {
            return Err(zbus::Error::Failure("it has no default collection".to_owned()));
        }
        self.unlock(&path).await?;
        Ok(path)
    }

    /// The item with these attributes, unlocked if that needs no dialog.
    async fn item(
        &self,
        attributes: &HashMap<String, String>,
    ) -> zbus::Result<Option<OwnedObjectPath>> {
        let reply = self.call(ROOT, OF_SERVICE, "SearchItems", &(attributes,)).await?;
        let (unlocked, locked): (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) =
            reply.body().deserialize()?;
        if let Some(item) = unlocked.into_iter().next() {
            return Ok(Some(item));
        }
        let Some(item) = locked.into_iter().next() else { return Ok(None) };
        self.unlock(&item).await?;
        Ok(Some(item))
    }

    async fn unlock(&self, path: &OwnedObjectPath) -> zbus::Result<()> {
        let reply = self.call(ROOT, OF_SERVICE, "Unlock", &(vec![path],)).await?;
        let (_, prompt): (Vec<OwnedObjectPath>, OwnedObjectPath) = reply.body().deserialize()?;
        without_dialog(&prompt)
    }

    async fn call<B>(
        &self,
        path: &str,
        interface: &str,
        method: &str,
        words: &B,
    ) -> zbus::Result<zbus::Message>
    where
        B: Serialize + DynamicType + Sync,
    {
        self.bus.call_method(Some(SERVICE), path, Some(interface), method, words).await
    }
}

/// Whether something was done: not if the service would first show this dialog.
fn without_dialog(prompt: &OwnedObjectPath) -> zbus::Result<()> {
    if prompt.as_str() == NONE {
        return Ok(());
    }
    Err(zbus::Error::Failure("it is locked; unlock it and look again".to_owned()))
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, MutexGuard};

    use zbus::ObjectServer;

    use super::*;
    use crate::shell::bus::tests::OwnBus;

    const COLLECTION: &str = "/org/freedesktop/secrets/collection/login";

    /// A secret that is not given up without a dialog.
    const GUARDED: &str = "guarded";

    /// What is kept, each by its attributes.
    type Items = Vec<(HashMap<String, String>, Vec<u8>)>;
    type Kept = Arc<Mutex<Items>>;

    /// As much of the service as the desk uses.
    struct Service {
        kept: Kept,
        locked: bool,
    }

    struct Collection(Kept);

    struct Item(Kept, usize);

    fn path(text: &str) -> OwnedObjectPath {
        OwnedObjectPath::try_from(text).expect("a path")
    }

    fn item_path(number: usize) -> OwnedObjectPath {
        path(&format!("{COLLECTION}/{number}"))
    }

    fn all(kept: &Kept) -> MutexGuard<'_, Items> {
        kept.lock().expect("a lock")
    }

    #[expect(clippy::unused_self, reason = "every method of an interface is one of an object")]
    #[zbus::interface(name = "org.freedesktop.Secret.Service")]
    impl Service {
        fn open_session(
            &self,
            algorithm: &str,
            input: Variant<'_>,
        ) -> (OwnedVariant, OwnedObjectPath) {
            assert_eq!((algorithm, input), ("plain", Variant::from("")));
            let none = OwnedVariant::try_from(Variant::from("")).expect("a value");
            (none, path("/org/freedesktop/secrets/session/1"))
        }

        fn read_alias(&self, name: &str) -> OwnedObjectPath {
            path(if name == "default" { COLLECTION } else { NONE })
        }

        fn unlock(&self, paths: Vec<OwnedObjectPath>) -> (Vec<OwnedObjectPath>, OwnedObjectPath) {
            if self.locked {
                (Vec::new(), path("/org/freedesktop/secrets/prompt/1"))
            } else {
                (paths, path(NONE))
            }
        }

        fn search_items(
            &self,
            attributes: HashMap<String, String>,
        ) -> (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) {
            let kept = all(&self.kept);
            let found = kept.iter().enumerate().filter(|(_, (of, _))| *of == attributes);
            (found.map(|(number, _)| item_path(number)).collect(), Vec::new())
        }
    }

    #[zbus::interface(name = "org.freedesktop.Secret.Collection")]
    impl Collection {
        async fn create_item(
            &self,
            properties: HashMap<String, OwnedVariant>,
            secret: Crossing,
            replace: bool,
            #[zbus(object_server)] server: &ObjectServer,
        ) -> (OwnedObjectPath, OwnedObjectPath) {
            let named = properties["org.freedesktop.Secret.Item.Attributes"].clone();
            let attributes = HashMap::<String, String>::try_from(named).expect("attributes");
            let number = {
                let mut kept = all(&self.0);
                let same = kept.iter().position(|(of, _)| *of == attributes && replace);
                match same {
                    Some(same) => kept[same].1 = secret.value,
                    None => kept.push((attributes, secret.value)),
                }
                same.unwrap_or(kept.len() - 1)
            };
            server.at(item_path(number), Item(Arc::clone(&self.0), number)).await.expect("an item");
            (item_path(number), path(NONE))
        }
    }

    #[zbus::interface(name = "org.freedesktop.Secret.Item")]
    impl Item {
        fn get_secret(&self, session: OwnedObjectPath) -> (Crossing,) {
            let value = all(&self.0)[self.1].1.clone();
            (Crossing { session, parameters: Vec::new(), value, content_type: String::new() },)
        }

        fn delete(&self) -> OwnedObjectPath {
            let attributes = &mut all(&self.0)[self.1].0;
            if attributes.get("server").is_some_and(|server| server == GUARDED) {
                return path("/org/freedesktop/secrets/prompt/1");
            }
            attributes.clear();
            path(NONE)
        }
    }

    /// The service on a bus of its own, and the desk's way to it.
    async fn served(own: &OwnBus, locked: bool) -> (zbus::Connection, SessionKeys, Kept) {
        let kept = Kept::default();
        let service = own.connection().await.expect("a bus");
        let objects = service.object_server();
        objects.at(ROOT, Service { kept: Arc::clone(&kept), locked }).await.expect("a service");
        objects.at(COLLECTION, Collection(Arc::clone(&kept))).await.expect("a collection");
        service.request_name(SERVICE).await.expect("a name");
        let keys = SessionKeys {
            runtime: Handle::current(),
            home: "/home/of/a/desk".to_owned(),
            address: Some(own.address().text().to_owned()),
        };
        (service, keys, kept)
    }

    async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
        tokio::task::spawn_blocking(work).await.expect("it ends")
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_secret_is_kept_found_replaced_and_forgotten() {
        let own = OwnBus::start();
        let (_service, keys, kept) = served(&own, false).await;
        aside(move || {
            assert_eq!(keys.find("team"), Ok(None));
            assert_eq!(keys.keep("team", "first"), Ok(()));
            assert_eq!(keys.keep("team", "s3cret"), Ok(()));
            assert_eq!(keys.keep("other", "another"), Ok(()));
            assert_eq!(keys.find("team"), Ok(Some("s3cret".to_owned())));
            assert_eq!(keys.forget("team"), Ok(()));
            assert_eq!(keys.find("team"), Ok(None));
            assert_eq!(keys.find("other"), Ok(Some("another".to_owned())));
            assert_eq!(keys.keep(GUARDED, "s3cret"), Ok(()));
            assert!(keys.forget(GUARDED).is_err(), "it is there still");
        })
        .await;
        assert_eq!(all(&kept).len(), 3);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_store_that_is_locked_or_gone_says_so_and_not_what_it_was_to_keep() {
        let own = OwnBus::start();
        let (service, keys, _) = served(&own, true).await;
        aside(move || {
            let why = keys.keep("team", "s3cret").expect_err("it is locked");
            assert!(why.contains("locked") && !why.contains("s3cret"), "{why}");
            drop(service);
            assert!(keys.find("team").is_err());
        })
        .await;
    }
}
