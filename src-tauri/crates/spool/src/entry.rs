//! One file of the spool: a handoff as it was given, and what the desk needs
//! to take it up as if its agent had just submitted it.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use chrono::{DateTime, Utc};
use handoff_domain::decision::fingerprint;
use handoff_domain::identity::handoff_id;
use handoff_domain::payload::LeftOpen;
use handoff_domain::validate::MAX_PAYLOAD_BYTES;
use rustix::fs::OFlags;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// The form of the files that are written now.
const VERSION: u32 = 1;

/// The longest file: the largest payload, and room for the rest.
pub(crate) const MAX_FILE_BYTES: usize = MAX_PAYLOAD_BYTES + 64 * 1024;

/// A handoff that waits for a desk.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Who hands it off.
    pub agent: String,
    /// What that agent is built with.
    pub framework: Option<String>,
    /// The token that its name is, or is to be, bound to.
    pub token: String,
    /// When it was acknowledged.
    pub spooled_at: DateTime<Utc>,
    /// Taken back while it lay here.
    pub withdrawn: Option<Withdrawn>,
    /// What its agent does not say of its deadline.
    pub left_open: Vec<LeftOpen>,
    /// The payload, letter for letter.
    pub handoff: Box<RawValue>,
}

/// That a handoff was taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Withdrawn {
    /// When.
    pub at: DateTime<Utc>,
    /// Why, in the agent's words.
    pub reason: Option<String>,
}

/// Why a file gives no entry.
#[derive(Debug)]
pub enum Unreadable {
    /// It is no good, and will not become better.
    Damaged(String),
    /// The system could not read it now.
    NotNow(io::Error),
    /// It is not there any more.
    Gone,
}

#[derive(Serialize)]
struct Writing<'a> {
    version: u32,
    agent: &'a str,
    framework: Option<&'a str>,
    token: &'a str,
    spooled_at: DateTime<Utc>,
    withdrawn: Option<&'a Withdrawn>,
    #[serde(skip_serializing_if = "<[LeftOpen]>::is_empty")]
    left_open: &'a [LeftOpen],
    handoff: &'a RawValue,
    seal: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(rename = "version")]
    _version: u32,
    agent: String,
    framework: Option<String>,
    token: String,
    spooled_at: DateTime<Utc>,
    withdrawn: Option<Withdrawn>,
    #[serde(default)]
    left_open: Vec<LeftOpen>,
    handoff: Box<RawValue>,
    seal: String,
}

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

#[derive(Deserialize)]
struct Keyed {
    key: String,
}

impl Entry {
    /// The id that the handoff has here, and will have at the desk.
    pub fn id(&self) -> Option<String> {
        let keyed: Keyed = serde_json::from_str(self.handoff.get()).ok()?;
        Some(handoff_id(&self.agent, &keyed.key))
    }

    /// Whether both hand off the same, however it is written down.
    pub fn is_same_handoff(&self, other: &Self) -> bool {
        let content = |entry: &Self| serde_json::from_str::<Value>(entry.handoff.get()).ok();
        self.agent == other.agent
            && (self.handoff.get() == other.handoff.get()
                || content(self).map(|value| fingerprint(&value))
                    == content(other).map(|value| fingerprint(&value)))
    }

    /// Covers all that is written down: a disk that gives back another letter
    /// must not change what an agent asked.
    fn seal(&self) -> String {
        let mut all = vec![
            json!(VERSION),
            json!(self.agent),
            json!(self.framework),
            json!(self.token),
            json!(self.spooled_at),
            json!(self.withdrawn),
            json!(self.handoff.get()),
        ];
        if !self.left_open.is_empty() {
            all.push(json!(self.left_open));
        }
        fingerprint(&Value::Array(all))
    }

    pub(crate) fn to_bytes(&self) -> io::Result<Vec<u8>> {
        Ok(serde_json::to_vec(&Writing {
            version: VERSION,
            agent: &self.agent,
            framework: self.framework.as_deref(),
            token: &self.token,
            spooled_at: self.spooled_at,
            withdrawn: self.withdrawn.as_ref(),
            left_open: &self.left_open,
            handoff: &self.handoff,
            seal: self.seal(),
        })?)
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let found: Versioned = serde_json::from_slice(bytes)
            .map_err(|error| format!("it is no whole spool file: {error}"))?;
        if found.version != VERSION {
            return Err(format!("it has the form {}, made by another version", found.version));
        }
        let written: Written = serde_json::from_slice(bytes)
            .map_err(|error| format!("it is no whole spool file: {error}"))?;
        let entry = Self {
            agent: written.agent,
            framework: written.framework,
            token: written.token,
            spooled_at: written.spooled_at,
            withdrawn: written.withdrawn,
            left_open: written.left_open,
            handoff: written.handoff,
        };
        if entry.seal() != written.seal {
            return Err("its content is not what was written".to_owned());
        }
        Ok(entry)
    }

    /// Reads a file that must be ours, of bearable size, whole, and named after
    /// what is in it.
    pub(crate) fn read(path: &Path) -> Result<Self, Unreadable> {
        let damaged = |why: &str| Unreadable::Damaged(why.to_owned());
        let found = fs::symlink_metadata(path).map_err(not_read)?;
        let kind = found.file_type();
        if !kind.is_file() {
            return Err(damaged(if kind.is_symlink() {
                "it is a link"
            } else if kind.is_dir() {
                "it is a folder"
            } else {
                "it is no file"
            }));
        }
        // What lies there now may be another thing than a moment ago: nothing
        // here follows a link or waits for the other end of a pipe.
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let flags = i32::try_from(flags.bits()).map_err(io::Error::other).map_err(not_read)?;
        let file =
            fs::OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(not_read)?;
        let found = file.metadata().map_err(not_read)?;
        if !found.is_file() {
            return Err(damaged("it is no file"));
        }
        if found.uid() != rustix::process::geteuid().as_raw() {
            return Err(damaged("it belongs to another user"));
        }
        let mut bytes = Vec::new();
        let limit = u64::try_from(MAX_FILE_BYTES + 1).unwrap_or(u64::MAX);
        file.take(limit).read_to_end(&mut bytes).map_err(not_read)?;
        if bytes.len() > MAX_FILE_BYTES {
            return Err(damaged("it is larger than any handoff may be"));
        }
        let entry = Self::from_bytes(&bytes).map_err(Unreadable::Damaged)?;
        let name = entry.id().map(|id| file_name(&id));
        if name.as_deref().map(AsRef::as_ref) != path.file_name() {
            return Err(damaged("its name is not that of the handoff in it"));
        }
        Ok(entry)
    }
}

/// The name of the file in which a handoff waits.
pub(crate) fn file_name(id: &str) -> String {
    format!("{id}.json")
}

/// A right that is missing may be given back: what was acknowledged waits for it.
fn not_read(error: io::Error) -> Unreadable {
    if error.kind() == io::ErrorKind::NotFound {
        Unreadable::Gone
    } else if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) {
        Unreadable::Damaged("it is a link".to_owned())
    } else {
        Unreadable::NotNow(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_that_is_missing_is_waited_for_and_says_nothing_of_the_file() {
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        assert!(matches!(not_read(denied), Unreadable::NotNow(_)));
        let link = io::Error::from_raw_os_error(Errno::LOOP.raw_os_error());
        assert!(matches!(not_read(link), Unreadable::Damaged(_)));
    }
}
