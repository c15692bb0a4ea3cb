//! The tray: a count of what waits, the way back to the window, and a stop for
//! all agents. Some desktops have none, so nothing can be done here alone, and
//! nothing is decided here.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use handoff_engine::Engine;
use handoff_protocol::view::Pause;
use tauri::menu::{Menu, MenuItem};
use tauri::tray::{TrayIcon, TrayIconBuilder};
use tauri::{AppHandle, Manager as _, Wry};

use super::window;
use crate::Desk;

/// Where the bus finds what shows tray icons.
#[cfg(target_os = "linux")]
const WATCHER: &str = "org.kde.StatusNotifierWatcher";

/// The time until a bus that is lost, or was never there, is looked for again.
#[cfg(target_os = "linux")]
const LOOK: std::time::Duration = std::time::Duration::from_secs(30);

/// The tray as it comes and goes: a panel may start after the desk, or crash.
#[derive(Clone)]
pub struct Tray {
    app: AppHandle,
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Something on this desktop shows tray icons now.
    there: AtomicBool,
    icon: Mutex<Option<Icon>>,
    /// What is to be shown: how many handoffs wait, and whether all is paused.
    stands: Mutex<(u32, bool)>,
}

/// The desk's icon with the item that changes its words.
struct Icon {
    icon: TrayIcon,
    pause: MenuItem<Wry>,
}

impl Tray {
    /// Puts the desk into the tray, if there is one. It must be called on the
    /// main thread.
    pub fn open(app: &AppHandle) -> Self {
        let tray = Self { app: app.clone(), inner: Arc::default() };
        if has_tray() {
            tray.appears();
        }
        tray
    }

    /// Whether something shows it.
    pub fn is_there(&self) -> bool {
        self.inner.there.load(Ordering::Relaxed)
    }

    /// Shows how many handoffs wait, and whether everything is paused.
    pub fn show(&self, waiting: u32, paused: bool) {
        let mut stands = self.inner.stands.lock().unwrap_or_else(PoisonError::into_inner);
        // Every call to it wakes the desktop.
        if *stands != (waiting, paused) {
            *stands = (waiting, paused);
            drop(stands);
            self.draw();
        }
    }

    /// Follows the panels of the desktop for as long as it is polled.
    #[cfg(target_os = "linux")]
    pub async fn watch(self) {
        loop {
            if let Ok(bus) = super::bus::Bus::connect().await
                && let Ok(mut owners) = bus.owners(WATCHER).await
            {
                // It may have come or gone since it was looked for.
                self.is_now(bus.has_owner(WATCHER).await.unwrap_or(false));
                while let Some(there) = owners.next().await {
                    self.is_now(there);
                }
                self.is_now(false);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    #[cfg(target_os = "linux")]
    fn is_now(&self, there: bool) {
        if there == self.is_there() {
            return;
        }
        let tray = self.clone();
        let change = move || if there { tray.appears() } else { tray.vanishes() };
        if let Err(error) = self.app.run_on_main_thread(change) {
            tracing::warn!(%error, "the tray could not be followed");
        }
    }

    fn appears(&self) {
        let mut icon = self.inner.icon.lock().unwrap_or_else(PoisonError::into_inner);
        if icon.is_none() {
            match try_build(&self.app) {
                Ok(built) => *icon = Some(built),
                Err(error) => {
                    tracing::info!(%error, "no tray");
                    return;
                }
            }
        }
        drop(icon);
        self.inner.there.store(true, Ordering::Relaxed);
        self.draw();
    }

    /// The icon stays: it shows itself to the next panel.
    #[cfg(target_os = "linux")]
    fn vanishes(&self) {
        self.inner.there.store(false, Ordering::Relaxed);
        window::leave_tray(&self.app);
    }

    fn draw(&self) {
        let (waiting, paused) = *self.inner.stands.lock().unwrap_or_else(PoisonError::into_inner);
        let icon = self.inner.icon.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(icon) = &*icon else { return };
        let text = match waiting {
            0 => "Handoff Desk: nothing waits for you".to_owned(),
            1 => "Handoff Desk: 1 handoff waits for you".to_owned(),
            many => format!("Handoff Desk: {many} handoffs wait for you"),
        };
        let text = if paused { format!("{text}. All agents are paused") } else { text };
        let title = (waiting > 0).then(|| waiting.to_string());
        let shown = icon
            .icon
            .set_tooltip(Some(text))
            .and_then(|()| icon.icon.set_title(title))
            .and_then(|()| icon.pause.set_text(pause_words(paused)));
        if let Err(error) = shown {
            tracing::warn!(%error, "the tray does not show how things stand");
        }
    }
}

/// What a press on the item does.
fn pause_words(paused: bool) -> &'static str {
    if paused { "Let agents go on" } else { "Pause all agents" }
}

fn try_build(app: &AppHandle) -> tauri::Result<Icon> {
    let open = MenuItem::with_id(app, "open", "Open Handoff Desk", true, None::<&str>)?;
    let pause = MenuItem::with_id(app, "pause", pause_words(false), true, None::<&str>)?;
    let quit = MenuItem::with_id(app, "quit", "Quit", true, None::<&str>)?;
    let menu: Menu<Wry> = Menu::with_items(app, &[&open, &pause, &quit])?;
    let mut tray = TrayIconBuilder::with_id("desk").menu(&menu).on_menu_event(|app, event| {
        match event.id().as_ref() {
            "open" => window::raise(app),
            "pause" => pause_or_go_on(app),
            "quit" => app.exit(0),
            _ => {}
        }
    });
    if let Some(icon) = app.default_window_icon() {
        tray = tray.icon(icon.clone());
    }
    Ok(Icon { icon: tray.build(app)?, pause })
}

/// The same as in the window. Where it fails, the window says so: in a menu
/// nobody would see it.
fn pause_or_go_on(app: &AppHandle) {
    let engine: Engine = app.state::<Desk>().engine.clone();
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let outcome = match engine.is_paused() {
            Ok(paused) => engine.pause(Pause { agent: None, task: None, paused: !paused }).await,
            Err(failure) => Err(failure),
        };
        if let Err(failure) = outcome {
            let (what, hint) = (&failure.0.message, &failure.0.hint);
            tracing::error!(error = what, "the tray could not pause or resume");
            engine.note(format!("The agents could not be paused or let go on: {what} {hint}"));
            window::raise(&app);
        }
    });
}

/// Whether something on this desktop shows tray icons.
#[cfg(target_os = "linux")]
fn has_tray() -> bool {
    let asked = async { super::bus::Bus::connect().await?.has_owner(WATCHER).await };
    matches!(tauri::async_runtime::block_on(asked), Ok(true))
}

#[cfg(not(target_os = "linux"))]
fn has_tray() -> bool {
    true
}
