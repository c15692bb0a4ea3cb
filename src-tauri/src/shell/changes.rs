//! Tells the window, the badge and the tray what has changed, many changes at
//! once.

use std::collections::HashSet;
use std::time::Duration;

use handoff_engine::Engine;
use handoff_protocol::view::Change;
use tauri::{AppHandle, Emitter as _};

use super::tray::Tray;
use super::window;

/// The event the window listens to; its payload is a list of changes.
const EVENT: &str = "desk-change";

/// A burst reaches the window at most once a frame; what comes alone, at once.
const FRAME: Duration = Duration::from_millis(16);

/// Passes changes on for as long as the desk runs.
pub async fn forward(app: AppHandle, engine: Engine, tray: Tray) {
    let mut changes = engine.follow();
    let mut batch = Vec::new();
    // A pause outlives the desk.
    show(&tray, &engine);
    while changes.recv_many(&mut batch, 4096).await > 0 {
        let mut known = HashSet::new();
        let mut distinct = Vec::new();
        for change in batch.drain(..) {
            let key = match &change {
                Change::Handoff { id } => format!("h{id}"),
                Change::Status => "s".to_owned(),
                Change::Attention => {
                    window::ask_for_attention(&app);
                    "a".to_owned()
                }
                Change::Show { id } => {
                    window::raise(&app);
                    format!("o{id:?}")
                }
            };
            if known.insert(key) {
                distinct.push(change);
            }
        }
        if let Err(error) = app.emit(EVENT, &distinct) {
            tracing::warn!(%error, "the window was not told of a change");
        }
        show(&tray, &engine);
        tokio::time::sleep(FRAME).await;
    }
}

fn show(tray: &Tray, engine: &Engine) {
    let (Ok(waiting), Ok(paused)) = (engine.inbox_count(), engine.is_paused()) else { return };
    tray.show(waiting, paused);
}
