//! The servers of others that the desk asks for work, as the reviewer sees them.

use chrono::{DateTime, Utc};
use handoff_domain::outbox::Delivery;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A server that the reviewer adds, or tries.
#[derive(Clone, PartialEq, Eq, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct NewServer {
    /// What it is called here: letters, digits and `. _ -`.
    pub name: String,
    /// Where it is.
    pub url: String,
    /// What else is sent with each request.
    pub headers: Vec<Header>,
    /// A header whose value is a secret.
    pub secret: Option<Header>,
}

impl std::fmt::Debug for NewServer {
    /// Without what may be secret: this ends up in logs.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("NewServer").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A header of a request.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl std::fmt::Debug for Header {
    /// Without the value, which may be a secret.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Header").field("name", &self.name).finish_non_exhaustive()
    }
}

/// One server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct ServerView {
    /// What it is called here.
    pub name: String,
    /// The agent that its threads are shown as.
    pub agent: String,
    /// Where it is.
    pub url: String,
    /// Whether what is sent to it can be read on the way.
    pub in_the_clear: bool,
    /// What else is sent with each request.
    pub headers: Vec<Header>,
    /// The secret that is sent with each request.
    pub secret: Option<SecretView>,
    /// Whether it answers.
    pub contact: Contact,
    /// How many questions of it wait for the reviewer.
    pub waiting: u32,
    /// How many decisions wait for it, or for its word.
    pub outbox: u32,
    /// What the desk could not show or do, in whole sentences.
    pub problems: Vec<String>,
}

/// A secret, without its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct SecretView {
    /// The header that carries it.
    pub header: String,
    /// Where it is kept.
    pub kept_in: KeptIn,
}

/// Where a secret is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum KeptIn {
    /// The key store of the system.
    KeyStore,
    /// A file of the desk that only its user can read: there is no key store.
    File,
}

/// Whether a server answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Contact {
    /// It was not asked yet.
    Unknown,
    /// It answers.
    Connected {
        /// Its version, if it says so.
        version: Option<String>,
        /// Its last answer (RFC 3339).
        #[ts(type = "string")]
        at: DateTime<Utc>,
    },
    /// It cannot be reached, or refuses.
    Offline {
        /// Since when (RFC 3339).
        #[ts(type = "string")]
        since: DateTime<Utc>,
        /// Its last answer before that (RFC 3339).
        #[ts(type = "string | null")]
        last: Option<DateTime<Utc>>,
        /// Why, and what to do.
        why: String,
    },
}

/// What a server answers when it is tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct ServerTried {
    /// Its version, if it says so.
    pub version: Option<String>,
    /// How many threads wait there for an answer, or failed.
    pub waiting: u32,
    /// What the reviewer should know before it is added.
    pub caution: Option<String>,
}

/// How far the answer to a question of a server is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct OutboxView {
    /// The server.
    pub server: String,
    /// Whether it answers.
    pub reached: bool,
    /// How far it is.
    pub standing: Delivery,
    /// How many other cards are answered together with this one and are not
    /// decided yet.
    pub undecided: u32,
}
