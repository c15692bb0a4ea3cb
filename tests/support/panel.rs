//! A panel that shows tray icons, as far as a person uses one: it reads the
//! menu of the icon that has registered itself, and presses its items.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use handoff_stage::ask_until;
use tokio::runtime::Runtime;
use zbus::export::futures_core::Stream as _;
use zbus::{OwnedObjectPath, OwnedVariant, Variant};

use super::{Desk, SOON};

/// Where the bus finds panels.
const WATCHER: &str = "org.kde.StatusNotifierWatcher";
const MENU: &str = "com.canonical.dbusmenu";

/// Who has an icon, and under which path.
type Icons = Arc<Mutex<Vec<(String, String)>>>;

/// One item of a menu with what is in it.
type Layout = (i32, HashMap<String, OwnedVariant>, Vec<OwnedVariant>);

/// The panel of a desktop.
pub struct Panel {
    runtime: Runtime,
    bus: zbus::Connection,
    icons: Icons,
}

impl Panel {
    /// Puts a panel onto the desktop of a desk that is not on yet.
    pub fn open(desk: &Desk) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let address = desk.bus_address();
        let icons = Icons::default();
        let bus = runtime
            .block_on(async {
                zbus::connection::Builder::address(address.as_str()).name(WATCHER).build().await
            })
            .unwrap();
        runtime.spawn(watch(bus.clone(), Arc::clone(&icons)));
        Self { runtime, bus, icons }
    }

    /// Waits until the menu has an item with this text.
    #[track_caller]
    pub fn shows(&self, text: &str) {
        self.item(text);
    }

    /// Waits until the words beside the icon are these.
    #[track_caller]
    pub fn counts(&self, words: &str) {
        let mut last = None;
        let found = ask_until(SOON, || {
            last = self.label();
            Ok((last.as_deref() == Some(words)).then_some(()))
        });
        assert!(found.unwrap().is_some(), "{words:?} is not in the tray, but {last:?}");
    }

    /// What stands beside the icon.
    fn label(&self) -> Option<String> {
        let (icon, path) = self.icons.lock().unwrap().last().cloned()?;
        let label: OwnedVariant = self.property(&icon, &path, "XAyatanaLabel")?;
        String::try_from(label).ok()
    }

    fn property(&self, icon: &str, path: &str, name: &str) -> Option<OwnedVariant> {
        let asked = ("org.kde.StatusNotifierItem", name);
        let properties = Some("org.freedesktop.DBus.Properties");
        let call = self.bus.call_method(Some(icon), path, properties, "Get", &asked);
        self.runtime.block_on(call).ok()?.body().deserialize().ok()
    }

    /// Presses the item with this text.
    #[track_caller]
    pub fn press(&self, text: &str) {
        let id = self.item(text);
        let (icon, menu) = self.menu().unwrap();
        let pressed = (id, "clicked", Variant::from(0_i32), 0_u32);
        let call = self.bus.call_method(Some(icon.as_str()), &menu, Some(MENU), "Event", &pressed);
        self.runtime.block_on(call).unwrap();
    }

    #[track_caller]
    fn item(&self, text: &str) -> i32 {
        let mut last = Vec::new();
        let found = ask_until(SOON, || {
            last = self.items();
            Ok(last.iter().find(|(_, label)| label == text).map(|(id, _)| *id))
        });
        found.unwrap().unwrap_or_else(|| panic!("no item {text:?} in the tray: {last:?}"))
    }

    /// The items of the menu with their texts; none as long as there is no icon.
    fn items(&self) -> Vec<(i32, String)> {
        let Some((icon, menu)) = self.menu() else { return Vec::new() };
        let asked = (0_i32, -1_i32, Vec::<String>::new());
        let call =
            self.bus.call_method(Some(icon.as_str()), &menu, Some(MENU), "GetLayout", &asked);
        let Ok(answer) = self.runtime.block_on(call) else { return Vec::new() };
        let (_, (_, _, items)): (u32, Layout) = answer.body().deserialize().unwrap();
        items
            .into_iter()
            .filter_map(|item| Layout::try_from(item).ok())
            .filter_map(labelled)
            .collect()
    }

    fn menu(&self) -> Option<(String, OwnedObjectPath)> {
        let (icon, path) = self.icons.lock().unwrap().last().cloned()?;
        let menu = self.property(&icon, &path, "Menu")?;
        Some((icon, OwnedObjectPath::try_from(menu).ok()?))
    }
}

/// Answers icons that register themselves.
async fn watch(bus: zbus::Connection, icons: Icons) {
    let mut messages = zbus::MessageStream::from(&bus);
    while let Some(Ok(message)) = poll_fn(|cx| Pin::new(&mut messages).poll_next(cx)).await {
        let header = message.header();
        if message.message_type() != zbus::message::Type::MethodCall {
            continue;
        }
        match header.member().map(zbus::names::MemberName::as_str) {
            Some("RegisterStatusNotifierItem") => {
                let path: String = message.body().deserialize().unwrap();
                let sender = header.sender().map(ToString::to_string).unwrap_or_default();
                icons.lock().unwrap().push((sender, path));
                bus.reply(&header, &()).await.unwrap();
            }
            Some("GetAll") => {
                let shown =
                    HashMap::from([("IsStatusNotifierHostRegistered", Variant::from(true))]);
                bus.reply(&header, &shown).await.unwrap();
            }
            _ => bus.reply(&header, &()).await.unwrap(),
        }
    }
}

fn labelled((id, properties, _): Layout) -> Option<(i32, String)> {
    let label = String::try_from(properties.get("label")?.try_clone().ok()?).ok()?;
    // An underscore marks the letter that chooses the item.
    Some((id, label.replace('_', "")))
}
