//! The Chromium that the browser tests drive: one that is there, or a package
//! that brings it.

use std::path::PathBuf;

use crate::apt;

/// Names a browser for the tests, as a path.
pub const VARIABLE: &str = "CHROMIUM";

/// What it is called where it is installed, the first that is there.
const NAMES: &[&str] = &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// Where it is.
pub fn find() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os(VARIABLE).filter(|named| !named.is_empty()) {
        return Some(named.into());
    }
    let folders: Vec<PathBuf> =
        std::env::split_paths(&std::env::var_os("PATH")?).filter(|it| it.is_absolute()).collect();
    NAMES
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|path| path.is_file())
}

/// The package that brings it: Ubuntu has no `chromium`, and another one that
/// fetches it from the snap store.
pub fn package() -> &'static str {
    if !apt::offers("chromium") && apt::offers("chromium-browser") {
        "chromium-browser"
    } else {
        "chromium"
    }
}
