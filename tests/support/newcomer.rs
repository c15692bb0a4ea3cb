//! Another notification service, which waits for the name of the one that has
//! it and takes it over the moment that one goes: the name is never without an
//! owner. It remembers what it was told, and can be clicked.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use handoff_stage::ask_until;
use tokio::runtime::Runtime;
use zbus::OwnedVariant;
use zbus::export::futures_core::Stream as _;
use zbus::fdo::{RequestNameFlags, RequestNameReply};

use super::{Desk, SOON};

const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";

/// Its numbers are none that the one before it gave out.
const FIRST: u32 = 7001;

/// All that a program says to have something shown.
type Asked = (String, u32, String, String, String, Vec<String>, HashMap<String, OwnedVariant>, i32);

/// What it was told.
#[derive(Debug, Clone)]
pub enum Told {
    /// To show this, in the place of an earlier one unless that is 0.
    Show { id: u32, replaces: u32, body: String },
    /// To take this away.
    Close(u32),
}

/// The service.
pub struct Newcomer {
    runtime: Runtime,
    bus: zbus::Connection,
    told: Arc<Mutex<Vec<Told>>>,
}

impl Newcomer {
    /// Waits for the name, which another one has.
    pub fn waits(desk: &Desk) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let address = desk.bus_address();
        let told = Arc::<Mutex<Vec<Told>>>::default();
        let bus = runtime
            .block_on(async { zbus::connection::Builder::address(&*address).build().await })
            .unwrap();
        runtime.spawn(serve(bus.clone(), Arc::clone(&told)));
        let asked = bus.request_name_with_flags(NAME, RequestNameFlags::ALLOW_REPLACEMENT);
        assert_eq!(runtime.block_on(asked).unwrap(), RequestNameReply::InQueue, "another has it");
        Self { runtime, bus, told }
    }

    /// What it was told so far.
    pub fn told(&self) -> Vec<Told> {
        self.told.lock().unwrap().clone()
    }

    /// Waits until it was told to show this; says its number and which one it
    /// replaces.
    #[track_caller]
    pub fn shows(&self, text: &str) -> (u32, u32) {
        let shown = || {
            let told = self.told();
            Ok(told.iter().find_map(|told| match told {
                Told::Show { id, replaces, body } if body.contains(text) => Some((*id, *replaces)),
                Told::Show { .. } | Told::Close(_) => None,
            }))
        };
        ask_until(SOON, shown).unwrap().unwrap_or_else(|| panic!("{text:?}: {:#?}", self.told()))
    }

    /// Clicks what it shows under this number.
    pub fn click(&self, id: u32) {
        let said = (id, "default");
        let signal = self.bus.emit_signal(None::<&str>, PATH, NAME, "ActionInvoked", &said);
        self.runtime.block_on(signal).unwrap();
    }
}

async fn serve(bus: zbus::Connection, told: Arc<Mutex<Vec<Told>>>) {
    let mut messages = zbus::MessageStream::from(&bus);
    let mut next = FIRST;
    while let Some(Ok(message)) = poll_fn(|cx| Pin::new(&mut messages).poll_next(cx)).await {
        let header = message.header();
        if message.message_type() != zbus::message::Type::MethodCall {
            continue;
        }
        match header.member().map(zbus::names::MemberName::as_str) {
            Some("Notify") => {
                let asked: Asked = message.body().deserialize().unwrap();
                let (_, replaces, _, _, body, ..) = asked;
                let id = if replaces == 0 { next } else { replaces };
                next += 1;
                told.lock().unwrap().push(Told::Show { id, replaces, body });
                bus.reply(&header, &id).await.unwrap();
            }
            Some("CloseNotification") => {
                let id: u32 = message.body().deserialize().unwrap();
                told.lock().unwrap().push(Told::Close(id));
                bus.reply(&header, &()).await.unwrap();
            }
            Some("GetServerInformation") => {
                bus.reply(&header, &("newcomer", "test", "1", "1.2")).await.unwrap();
            }
            Some("GetCapabilities") => {
                bus.reply(&header, &vec!["actions", "body"]).await.unwrap();
            }
            _ => bus.reply(&header, &()).await.unwrap(),
        }
    }
}
