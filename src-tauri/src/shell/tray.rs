//! The tray: a count of what waits, the way back to the window, and a stop for
//! all agents. Some desktops have none, so nothing can be done here alone, and
//! nothing is decided here.

use handoff_engine::Engine;
use handoff_protocol::view::Pause;
use tauri::menu::{Menu, MenuItem};
use tauri::tray::{TrayIcon, TrayIconBuilder};
use tauri::{AppHandle, Manager as _, Wry};

use super::window;
use crate::Desk;

/// The desk in the tray.
pub struct Tray {
    icon: TrayIcon,
    pause: MenuItem<Wry>,
}

/// Puts the desk into the tray, where there is one.
pub fn build(app: &AppHandle) -> Option<Tray> {
    if !has_tray() {
        return None;
    }
    match try_build(app) {
        Ok(tray) => Some(tray),
        Err(error) => {
            tracing::info!(%error, "no tray");
            None
        }
    }
}

impl Tray {
    /// Shows how many handoffs wait, and whether everything is paused.
    pub fn show(&self, waiting: u32, paused: bool) {
        let text = match waiting {
            0 => "Handoff Desk: nothing waits for you".to_owned(),
            1 => "Handoff Desk: 1 handoff waits for you".to_owned(),
            many => format!("Handoff Desk: {many} handoffs wait for you"),
        };
        let text = if paused { format!("{text}. All agents are paused") } else { text };
        let title = (waiting > 0).then(|| waiting.to_string());
        let shown = self
            .icon
            .set_tooltip(Some(text))
            .and_then(|()| self.icon.set_title(title))
            .and_then(|()| self.pause.set_text(pause_words(paused)));
        if let Err(error) = shown {
            tracing::warn!(%error, "the tray does not show how things stand");
        }
    }
}

/// What a press on the item does.
fn pause_words(paused: bool) -> &'static str {
    if paused { "Let agents go on" } else { "Pause all agents" }
}

fn try_build(app: &AppHandle) -> tauri::Result<Tray> {
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
    Ok(Tray { icon: tray.build(app)?, pause })
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
    let asked = async {
        super::bus::Bus::connect().await?.has_owner("org.kde.StatusNotifierWatcher").await
    };
    matches!(tauri::async_runtime::block_on(asked), Ok(true))
}

#[cfg(not(target_os = "linux"))]
fn has_tray() -> bool {
    true
}
