//! The one window: made once, hidden and shown, never a second one.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use handoff_engine::Engine;
use tauri::{
    AppHandle, Manager as _, UserAttentionType, WebviewUrl, WebviewWindow, WebviewWindowBuilder,
    WindowEvent,
};
use tauri_plugin_window_state::{AppHandleExt as _, StateFlags};

use super::tray::Tray;

/// The label of the window, as the capabilities name it.
const LABEL: &str = "desk";

/// How long the window must have stayed as it is before that is written down:
/// while it is dragged it moves with every frame.
const SETTLED: Duration = Duration::from_millis(500);

/// What is remembered of the window; whether it was visible is not.
pub fn remembered() -> StateFlags {
    StateFlags::SIZE | StateFlags::POSITION | StateFlags::MAXIMIZED
}

/// Makes the window; the page keeps its own files in `page_data`. Closing it leaves the desk in the tray, or minimised
/// where there is no tray.
pub fn open(
    app: &AppHandle,
    page_data: PathBuf,
    background: bool,
    tray: &Tray,
    engine: Engine,
) -> tauri::Result<()> {
    let window = WebviewWindowBuilder::new(app, LABEL, WebviewUrl::default())
        .title("Handoff Desk")
        .inner_size(1320.0, 840.0)
        .min_inner_size(600.0, 480.0)
        .visible(!background)
        .data_directory(page_data)
        // Whoever can inspect the page can decide in it.
        .devtools(false)
        .on_navigation(is_own)
        .on_new_window(|_, _| tauri::webview::NewWindowResponse::Deny)
        .build()?;
    draw_plainly(&window)?;
    let (closing, panel) = (window.clone(), tray.clone());
    let shape = Shape::of(app);
    engine.is_in_front(window.is_focused()?);
    window.on_window_event(move |event| {
        if let WindowEvent::Focused(focused) = event {
            // Put away, minimised or covered by a lock it loses the focus.
            engine.is_in_front(*focused);
        } else if let WindowEvent::Resized(_) | WindowEvent::Moved(_) = event {
            shape.changed();
        } else if let WindowEvent::CloseRequested { api, .. } = event {
            api.prevent_close();
            engine.is_in_front(false);
            let away = if panel.is_there() { closing.hide() } else { closing.minimize() };
            if let Err(error) = away {
                tracing::warn!(%error, "the window could not be put away");
            }
        }
    });
    if background && !tray.is_there() {
        window.minimize()?;
        // What was never shown is in no task bar, either.
        window.show()?;
    }
    Ok(())
}

/// The window's shape, written down soon after it has changed: a desk ends by
/// a logout or a shutdown more often than by its own command.
struct Shape {
    app: AppHandle,
    changes: Arc<AtomicU64>,
}

impl Shape {
    fn of(app: &AppHandle) -> Self {
        Self { app: app.clone(), changes: Arc::default() }
    }

    fn changed(&self) {
        let (app, changes) = (self.app.clone(), Arc::clone(&self.changes));
        let this = changes.fetch_add(1, Ordering::Relaxed) + 1;
        tauri::async_runtime::spawn(async move {
            tokio::time::sleep(SETTLED).await;
            if changes.load(Ordering::Relaxed) != this {
                return;
            }
            if let Err(error) = app.save_window_state(remembered()) {
                tracing::warn!(%error, "the window's shape was not written down");
            }
        });
    }
}

/// Lets the page be drawn without the graphics card: lists and text gain
/// nothing from it, and its driver, or what stands in for one, costs more
/// memory and time at the start than the whole desk.
#[cfg(target_os = "linux")]
fn draw_plainly(window: &WebviewWindow) -> tauri::Result<()> {
    use webkit2gtk::{HardwareAccelerationPolicy, SettingsExt as _, WebViewExt as _};
    window.with_webview(|view| {
        if let Some(settings) = view.inner().settings() {
            settings.set_hardware_acceleration_policy(HardwareAccelerationPolicy::Never);
        }
    })
}

#[cfg(not(target_os = "linux"))]
fn draw_plainly(_window: &WebviewWindow) -> tauri::Result<()> {
    Ok(())
}

/// The tray is gone in which the window may be: it goes where it can be found.
#[cfg(target_os = "linux")]
pub fn leave_tray(app: &AppHandle) {
    let Some(window) = app.get_webview_window(LABEL) else { return };
    let moved = window.is_visible().and_then(|visible| {
        if visible {
            return Ok(());
        }
        window.minimize()?;
        window.show()
    });
    if let Err(error) = moved {
        tracing::warn!(%error, "the window could not be taken out of the tray");
    }
}

/// Brings the window to the front.
pub fn raise(app: &AppHandle) {
    let Some(window) = app.get_webview_window(LABEL) else { return };
    if let Err(error) = bring_forward(&window) {
        tracing::warn!(%error, "the window could not be brought forward");
    }
}

/// Lets the desktop mark the window, as it does for what is urgent.
pub fn ask_for_attention(app: &AppHandle) {
    let Some(window) = app.get_webview_window(LABEL) else { return };
    if let Err(error) = window.request_user_attention(Some(UserAttentionType::Critical)) {
        tracing::warn!(%error, "the window could not ask for attention");
    }
}

fn bring_forward(window: &WebviewWindow) -> tauri::Result<()> {
    window.show()?;
    window.unminimize()?;
    present(window)
}

/// Tauri asks for the focus only of what is on the screen already, which a
/// window that has just been told to show itself is not.
#[cfg(target_os = "linux")]
fn present(window: &WebviewWindow) -> tauri::Result<()> {
    let presented = window.clone();
    window.run_on_main_thread(move || match presented.gtk_window() {
        Ok(window) => gtk::prelude::GtkWindowExt::present(&window),
        Err(error) => tracing::warn!(%error, "there is no window to present"),
    })
}

#[cfg(not(target_os = "linux"))]
fn present(window: &WebviewWindow) -> tauri::Result<()> {
    window.set_focus()
}

/// The page itself and nothing else: agent text can name any address.
fn is_own(address: &tauri::Url) -> bool {
    match address.scheme() {
        "tauri" => true,
        "http" | "https" => address.host_str() == Some("tauri.localhost"),
        _ => false,
    }
}
