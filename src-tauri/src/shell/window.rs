//! The one window: made once, hidden and shown, never a second one.

use std::path::PathBuf;

use handoff_engine::Engine;
use tauri::{
    AppHandle, Manager as _, UserAttentionType, WebviewUrl, WebviewWindow, WebviewWindowBuilder,
    WindowEvent,
};
use tauri_plugin_window_state::StateFlags;

/// The label of the window, as the capabilities name it.
const LABEL: &str = "desk";

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
    tray: bool,
    engine: Engine,
) -> tauri::Result<()> {
    let window = WebviewWindowBuilder::new(app, LABEL, WebviewUrl::default())
        .title("Handoff Desk")
        .inner_size(1320.0, 840.0)
        .min_inner_size(600.0, 480.0)
        .visible(!background)
        .data_directory(page_data)
        .on_navigation(is_own)
        .on_new_window(|_, _| tauri::webview::NewWindowResponse::Deny)
        .build()?;
    draw_plainly(&window)?;
    let closing = window.clone();
    engine.is_in_front(window.is_focused()?);
    window.on_window_event(move |event| {
        if let WindowEvent::Focused(focused) = event {
            // Put away, minimised or covered by a lock it loses the focus.
            engine.is_in_front(*focused);
        } else if let WindowEvent::CloseRequested { api, .. } = event {
            api.prevent_close();
            engine.is_in_front(false);
            let away = if tray { closing.hide() } else { closing.minimize() };
            if let Err(error) = away {
                tracing::warn!(%error, "the window could not be put away");
            }
        }
    });
    if background && !tray {
        window.minimize()?;
    }
    Ok(())
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
