//! What the reviewer is to know of what was lost, until it is dismissed: kept in
//! a file beside the database, which may be the one that was lost.
//!
//! It keeps sentences and judges none.

use std::io;

use crate::files::{Files, replace};

/// What is kept and was not dismissed, the oldest first.
pub fn all(files: &Files) -> Vec<String> {
    let read = match std::fs::read(files.unread()) {
        Ok(text) => serde_json::from_slice(&text).map_err(io::Error::from),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    };
    read.unwrap_or_else(|error| {
        tracing::warn!(%error, "what the reviewer has not read cannot be read");
        Vec::new()
    })
}

/// Keeps a notice. Where that cannot be, it is told once all the same.
pub fn keep(files: &Files, notice: &str) {
    let mut all = all(files);
    if all.iter().all(|known| known != notice) {
        all.push(notice.to_owned());
        if let Err(error) = write(files, &all) {
            tracing::warn!(%error, notice, "a notice is told once only");
        }
    }
}

/// The reviewer has read it.
pub fn dismiss(files: &Files, notice: &str) -> io::Result<()> {
    let mut all = all(files);
    let before = all.len();
    all.retain(|known| known != notice);
    if all.len() == before { Ok(()) } else { write(files, &all) }
}

fn write(files: &Files, all: &[String]) -> io::Result<()> {
    replace(&files.unread(), &serde_json::to_vec(all)?)
}
