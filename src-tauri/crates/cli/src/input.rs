//! A payload or report from a file or standard input: its text as it is.
//!
//! It says what keeps a file from being text; what the text means is for the
//! validator.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use handoff_domain::schema::JsonSchema;
use handoff_domain::validate;
use handoff_protocol::wire::ErrorCode;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::edge::Edge;
use crate::failure::Failure;

/// The longest payload (CONTRACT §1).
pub const MAX_BYTES: usize = 8 * 1024 * 1024;

/// A text with the name it is spoken of by.
pub struct Input {
    /// The file's name, or `standard input`.
    pub name: String,
    /// The text, without a byte order mark.
    pub text: String,
}

impl Input {
    /// Reads a file, or standard input for `-`.
    pub fn read(path: &Path, edge: &mut Edge<'_>) -> Result<Self, Failure> {
        let from_stdin = path.as_os_str() == "-";
        let name =
            if from_stdin { "standard input".to_owned() } else { path.display().to_string() };
        let mut bytes = Vec::new();
        let limit = u64::try_from(MAX_BYTES + 1).unwrap_or(u64::MAX);
        let outcome = if from_stdin {
            edge.stdin.take(limit).read_to_end(&mut bytes)
        } else {
            if path.is_dir() {
                return Err(unusable(format!("{name} is a folder, not a file.")));
            }
            File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes))
        };
        outcome.map_err(|error| {
            unusable(if error.kind() == ErrorKind::NotFound {
                format!("There is no file {name}.")
            } else {
                format!("{name} cannot be read: {error}.")
            })
        })?;
        if bytes.len() > MAX_BYTES {
            return Err(Failure::unreadable(
                format!("{name} is longer than 8 MiB."),
                "Leave long outputs out and name them in `briefing.not_included`.",
            ));
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let place = error.utf8_error().valid_up_to();
            Failure::unreadable(
                format!("{name} is not UTF-8: byte {place} does not belong to a character."),
                "Save it as UTF-8.",
            )
        })?;
        let text = match text.strip_prefix('\u{feff}') {
            Some(rest) => rest.to_owned(),
            None => text,
        };
        if text.trim().is_empty() {
            return Err(Failure::unreadable(
                format!("{name} is empty."),
                "It must hold one JSON object.",
            ));
        }
        Ok(Self { name, text })
    }

    /// The text as a `T`, which is spoken of as `what`, or all that is wrong with its
    /// shape; `hint` says where it is described.
    pub fn read_as<T: DeserializeOwned + JsonSchema>(
        &self,
        what: &str,
        hint: &str,
    ) -> Result<T, Failure> {
        serde_json::from_str(&self.text).map_err(|error| {
            let faults = validate::shape_faults::<T>(&self.text, what);
            if faults.is_empty() {
                Failure::unreadable(format!("{} is not a {what}: {error}.", self.name), hint)
            } else {
                Failure::faulty(&self.name, what, faults, hint)
            }
        })
    }

    /// The text as JSON that is passed on exactly as given: doubled keys and
    /// the spelling of numbers are for the desk to see.
    pub fn raw(&self) -> Result<&RawValue, Failure> {
        serde_json::from_str(&self.text).map_err(|error| {
            Failure::unreadable(
                format!("{} is not JSON: {error}.", self.name),
                "Correct it; `handoff validate` checks without handing anything off.",
            )
        })
    }
}

/// What was named cannot be read at all: the command line is wrong, not a
/// payload.
fn unusable(message: String) -> Failure {
    Failure::new(
        ErrorCode::InvalidParams,
        message,
        "Name the file that holds the JSON, or - for standard input.",
    )
}
