//! The tray: a count of what waits, and the way back to the window. Some
//! desktops have none, so nothing can be done here alone.

use tauri::menu::{Menu, MenuItem};
use tauri::tray::{TrayIcon, TrayIconBuilder};
use tauri::{AppHandle, Wry};

use super::window;

/// Puts the desk into the tray, where there is one.
pub fn build(app: &AppHandle) -> Option<TrayIcon> {
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

/// Shows how many handoffs wait.
pub fn count(tray: &TrayIcon, waiting: u32) {
    let text = match waiting {
        0 => "Handoff Desk: nothing waits for you".to_owned(),
        1 => "Handoff Desk: 1 handoff waits for you".to_owned(),
        many => format!("Handoff Desk: {many} handoffs wait for you"),
    };
    let title = (waiting > 0).then(|| waiting.to_string());
    let shown = tray.set_tooltip(Some(text)).and_then(|()| tray.set_title(title));
    if let Err(error) = shown {
        tracing::warn!(%error, "the tray does not show the count");
    }
}

fn try_build(app: &AppHandle) -> tauri::Result<TrayIcon> {
    let open = MenuItem::with_id(app, "open", "Open Handoff Desk", true, None::<&str>)?;
    let quit = MenuItem::with_id(app, "quit", "Quit", true, None::<&str>)?;
    let menu: Menu<Wry> = Menu::with_items(app, &[&open, &quit])?;
    let mut tray = TrayIconBuilder::with_id("desk").menu(&menu).on_menu_event(|app, event| {
        match event.id().as_ref() {
            "open" => window::raise(app),
            "quit" => app.exit(0),
            _ => {}
        }
    });
    if let Some(icon) = app.default_window_icon() {
        tray = tray.icon(icon.clone());
    }
    tray.build(app)
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
