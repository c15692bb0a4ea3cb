//! What the reviewer has set: read, kept, and never silently replaced.
//!
//! It knows what can be set, and nothing of what follows from it.

use handoff_protocol::view::{Change, Settings};
use handoff_protocol::wire::ErrorCode;
use handoff_store::Store;
use serde_json::{Map, Value};

use crate::{Engine, Failure, lock};

/// Where they are in the store.
const SETTINGS: &str = "settings";

/// Where those stay that could not be read.
const UNREAD: &str = "settings-unread.json";

/// What the notice begins with that reminders are not as they were set.
const UNPLANNED: &str =
    "Your settings are saved, but the reminders of what waits already could not be moved:";

/// The longest hold, in seconds.
const HOLD_LIMIT: u32 = 30;

/// The most cards of an agent in an hour.
const CARDS_LIMIT: u32 = 1000;

/// The longest time for a report, in seconds: 30 days.
const REPORT_LIMIT: u32 = 30 * 24 * 3600;

impl Engine {
    /// What the reviewer has set.
    pub fn settings(&self) -> Settings {
        lock(&self.desk.settings).clone()
    }

    /// Keeps what the reviewer has set.
    pub async fn save_settings(&self, settings: Settings) -> Result<Settings, Failure> {
        if settings.hold_s > HOLD_LIMIT {
            return Err(Failure::new(
                ErrorCode::InvalidParams,
                format!("A hold of {} s is too long.", settings.hold_s),
                format!("Choose 0 to {HOLD_LIMIT} seconds."),
            ));
        }
        if settings.cards_per_hour > CARDS_LIMIT {
            return Err(Failure::new(
                ErrorCode::InvalidParams,
                format!("{} cards in an hour are too many to count.", settings.cards_per_hour),
                format!("Choose 1 to {CARDS_LIMIT}, or 0 for no limit."),
            ));
        }
        if settings.report_within_s > REPORT_LIMIT {
            return Err(Failure::new(
                ErrorCode::InvalidParams,
                format!("{} s is too long to wait for a report.", settings.report_within_s),
                format!("Choose at most {REPORT_LIMIT} seconds, or 0 not to wait for any."),
            ));
        }
        if let Some(fault) = settings.alerts.fault().or_else(|| settings.triggers.fault()) {
            return Err(Failure::new(
                ErrorCode::InvalidParams,
                fault,
                "Nothing was changed; mend it and save again.",
            ));
        }
        let json = serde_json::to_string(&settings).map_err(handoff_store::StoreError::from)?;
        let desk = &self.desk;
        desk.watched(desk.store.write(move |write| Ok(write.set(SETTINGS, &json)?)).await)?;
        let before = std::mem::replace(&mut *lock(&desk.settings), settings.clone());
        if before.alerts != settings.alerts {
            // They are kept and in force: that is no reason to say they are not.
            let planned = desk.plan_again().await.map_err(|failure| failure.0.message);
            let unplanned = planned.err().map(|why| {
                format!("{why} They come as planned before. Change the reminders once more.")
            });
            self.note_fault(UNPLANNED, unplanned);
        }
        if before.cards_per_hour != settings.cards_per_hour {
            desk.sooner.notify_one();
        }
        desk.hub.tell(&Change::Status);
        Ok(settings)
    }
}

/// The settings as they are stored; with a sentence for the reviewer where
/// some of them could not be read, which are kept aside.
pub fn stored(store: &Store) -> Result<(Settings, Option<String>), Failure> {
    let Some(json) = store.read(|read| read.setting(SETTINGS))? else {
        return Ok((Settings::default(), None));
    };
    let (settings, unread) = readable(&json);
    if unread.is_empty() {
        return Ok((settings, None));
    }
    let unread = unread.join(", ");
    tracing::error!(unread, "settings could not be read");
    let kept = match store.keep_aside(UNREAD, &json) {
        Ok(path) => format!("All of them as they were are kept in {}.", path.display()),
        Err(error) => format!("They could not be kept aside: {error}."),
    };
    let notice = format!(
        "Some of your settings could not be read and are as in a new desk: {unread}. {kept} Look \
         through your settings and save them."
    );
    Ok((settings, Some(notice)))
}

/// What can be read of the settings, and the names of what cannot.
fn readable(json: &str) -> (Settings, Vec<String>) {
    let Ok(Value::Object(all)) = serde_json::from_str(json) else {
        return (Settings::default(), vec!["all of them".to_owned()]);
    };
    let read = |some: Map<String, Value>| serde_json::from_value::<Settings>(Value::Object(some));
    if let Ok(settings) = read(all.clone()) {
        return (settings, Vec::new());
    }
    let (good, unread): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|(name, value)| read(Map::from_iter([(name.clone(), value.clone())])).is_ok());
    let settings = read(good.into_iter().collect()).unwrap_or_default();
    (settings, unread.into_iter().map(|(name, _)| name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_read_is_kept_and_the_rest_is_named() {
        let (settings, unread) = readable(r#"{"hold_s":9,"theme":"dark"}"#);
        assert_eq!((settings.hold_s, unread.len()), (9, 0));
        let later = r#"{"hold_s":9,"theme":"mauve","colour_of_sky":1,"shortcuts":false}"#;
        let (settings, unread) = readable(later);
        assert_eq!((settings.hold_s, settings.shortcuts), (9, false));
        assert_eq!(unread, ["colour_of_sky", "theme"]);
        for nothing in ["", "[]", "{\"hold_s\":"] {
            let (settings, unread) = readable(nothing);
            assert_eq!((settings, unread.len()), (Settings::default(), 1), "{nothing}");
        }
    }
}
