//! What is on the screen, written down: a desk that is killed leaves its
//! notifications there, and nobody listens to them any more.
//!
//! A number means something to the one service that gave it out, and only
//! while that lives: it is kept with who that was. The file holds no text.

use std::fs;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The file of one desk.
#[derive(Debug)]
pub struct Left {
    file: PathBuf,
}

/// What a service shows for the desk.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnScreen {
    /// Which service, on which bus.
    pub service: String,
    /// The notices on the screen.
    pub notices: Vec<OnScreenNotice>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnScreenNotice {
    /// The handoff; none for the summary of a burst.
    pub handoff: Option<String>,
    /// The service's number for it.
    pub id: u32,
}

impl Left {
    pub fn new(file: PathBuf) -> Self {
        Self { file }
    }

    /// What the desk before this one left with this service.
    pub fn with(&self, service: &str) -> Vec<OnScreenNotice> {
        let found: Option<OnScreen> =
            fs::read(&self.file).ok().and_then(|text| serde_json::from_slice(&text).ok());
        found
            .filter(|found| found.service == service)
            .map(|found| found.notices)
            .unwrap_or_default()
    }

    /// Writes down what is on the screen now. It need not outlive the machine:
    /// the service does not either.
    pub fn keep(&self, on_screen: &OnScreen) {
        let draft = self.file.with_extension("new");
        let written = serde_json::to_vec(on_screen)
            .map_err(io::Error::other)
            .and_then(|text| fs::write(&draft, text))
            .and_then(|()| fs::rename(&draft, &self.file));
        if let Err(error) = written {
            tracing::debug!(%error, "what is on the screen was not written down");
        }
    }
}
