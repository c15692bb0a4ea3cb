//! The chain that makes the log of events tell on whoever edits it: each event
//! is hashed together with the hash of the one before it.
//!
//! It only computes and compares. It keeps no log, and it protects against
//! mistakes and damage, not against somebody who may write every file of the
//! desk and computes the chain anew.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::decision::{canonical, hex};

/// SHA-256.
pub type Hash = [u8; 32];

/// What the first record is chained to.
pub const GENESIS: Hash = [0; 32];

/// The first epoch: it needs no record.
pub const FIRST_EPOCH: i64 = 1;

/// One event of the log, as it is hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its number; there are no gaps but those that an epoch names.
    pub seq: i64,
    /// The id of the handoff it belongs to.
    pub handoff: String,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// Who.
    pub actor: String,
    /// What.
    pub kind: String,
    /// More about it, as it is stored.
    pub data: String,
    /// Where the handoff stood afterwards: see [`Standing`].
    pub standing: Option<Hash>,
}

/// The beginning of a new epoch: from here on the log is known to be another
/// than it was, and says which part was lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Epoch {
    /// Its number.
    pub epoch: i64,
    /// When it was opened, in milliseconds since 1970.
    pub at: i64,
    /// Why.
    pub reason: Reason,
    /// The number of its first event.
    pub first: i64,
    /// The number of the first lost event; none is lost if this is `first`.
    pub lost_from: i64,
    /// What else is to be known: the lost events as far as they could be read,
    /// the handoffs concerned.
    pub note: String,
}

/// Why an epoch was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The reviewer restored a backup.
    Restored,
    /// The database was damaged; what follows is a backup and what was saved.
    Salvaged,
    /// The log ended before the last head that was written down.
    Behind,
    /// The log had another content than the last head says.
    Rewritten,
    /// There was no head beside the log.
    HeadMissing,
}

/// Where a handoff stands, as far as it is chained: its row as it is stored.
/// Leases and timers are not part of it: they change without an event.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "they are the columns of the same names")]
pub struct Standing<'a> {
    /// Of which the state, the revision and the whole decision count.
    pub progress: &'a str,
    /// Of the proposal in force.
    pub fingerprint: &'a str,
    pub agent: &'a str,
    pub key: &'a str,
    pub task: &'a str,
    pub title: &'a str,
    pub question: &'a str,
    pub traits: &'a str,
    pub priority: i64,
    pub effect: Option<i64>,
}

/// How far the log goes, and what it is up to there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The epoch.
    pub epoch: i64,
    /// The number of the last event, those that were lost included.
    pub seq: i64,
    /// The hash of the last record.
    #[serde(with = "in_hex")]
    pub hash: Hash,
}

/// Where the chain is broken, or what it admits to have lost unasked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Break {
    /// The number of the event.
    pub seq: i64,
    /// The handoff it belongs to, where that is known.
    pub handoff: Option<String>,
    /// What is wrong, in one sentence.
    pub what: String,
}

/// One step along the log: the place so far, from which the next record is
/// checked.
#[derive(Debug, Clone)]
pub struct Walk {
    tip: Head,
    expected: Option<Head>,
    met: bool,
}

impl Reason {
    /// In one word, as it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Restored => "restored",
            Self::Salvaged => "salvaged",
            Self::Behind => "behind",
            Self::Rewritten => "rewritten",
            Self::HeadMissing => "head_missing",
        }
    }

    /// The reason that is stored as this word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Restored, Self::Salvaged, Self::Behind, Self::Rewritten, Self::HeadMissing]
            .into_iter()
            .find(|reason| reason.as_str() == word)
    }

    /// Whether the desk itself knows how the loss came about.
    pub fn is_explained(self) -> bool {
        match self {
            Self::Restored | Self::Salvaged => true,
            Self::Behind | Self::Rewritten | Self::HeadMissing => false,
        }
    }
}

impl Head {
    /// The head of an empty log.
    pub const EMPTY: Self = Self { epoch: FIRST_EPOCH, seq: 0, hash: GENESIS };

    /// The head after this event.
    #[must_use]
    pub fn after_event(&self, event: &Event) -> Self {
        let mut hasher = begin(b'E', &self.hash);
        number(&mut hasher, event.seq);
        text(&mut hasher, &event.handoff);
        number(&mut hasher, event.at);
        text(&mut hasher, &event.actor);
        text(&mut hasher, &event.kind);
        text(&mut hasher, &event.data);
        match &event.standing {
            Some(standing) => bytes(&mut hasher, standing),
            None => bytes(&mut hasher, &[]),
        }
        Self { epoch: self.epoch, seq: event.seq, hash: hasher.finalize().into() }
    }

    /// The head after this epoch was opened.
    #[must_use]
    pub fn after_epoch(&self, epoch: &Epoch) -> Self {
        let mut hasher = begin(b'P', &self.hash);
        number(&mut hasher, epoch.epoch);
        number(&mut hasher, epoch.at);
        text(&mut hasher, epoch.reason.as_str());
        number(&mut hasher, epoch.first);
        number(&mut hasher, epoch.lost_from);
        text(&mut hasher, &epoch.note);
        Self {
            epoch: epoch.epoch,
            seq: epoch.first.saturating_sub(1),
            hash: hasher.finalize().into(),
        }
    }

    /// Whether this head was written down after `other`.
    pub fn is_after(&self, other: &Self) -> bool {
        (self.epoch, self.seq) > (other.epoch, other.seq)
    }
}

impl Walk {
    /// Before the first record; `head` is what was written down last.
    pub fn new(head: Option<Head>) -> Self {
        let tip = Head::EMPTY;
        Self { tip, expected: head, met: head == Some(tip) }
    }

    /// How far it has come.
    pub fn tip(&self) -> Head {
        self.tip
    }

    /// Goes on to the next event, which claims this hash.
    pub fn event(&mut self, event: &Event, claimed: &[u8]) -> Result<(), Break> {
        let broken =
            |what: String| Break { seq: event.seq, handoff: Some(event.handoff.clone()), what };
        let due = self.tip.seq.saturating_add(1);
        if event.seq > due {
            return Err(broken(match event.seq - due {
                1 => format!("Event {due} before it is missing."),
                _ => format!("Events {due} to {} before it are missing.", event.seq - 1),
            }));
        }
        if event.seq < due {
            return Err(broken("It stands in the place of a later event.".to_owned()));
        }
        self.go_on(self.tip.after_event(event), claimed)
            .map_err(|()| broken("It is not what was recorded.".to_owned()))?;
        self.meets_head().map_err(broken)
    }

    /// Goes on to the beginning of an epoch, which claims this hash.
    pub fn epoch(&mut self, epoch: &Epoch, claimed: &[u8]) -> Result<(), Break> {
        let broken = |what: String| Break { seq: epoch.first, handoff: None, what };
        let fits = epoch.epoch == self.tip.epoch.saturating_add(1)
            && epoch.lost_from == self.tip.seq.saturating_add(1)
            && epoch.first >= epoch.lost_from;
        if !fits {
            return Err(broken(format!(
                "Epoch {} does not continue what is before it.",
                epoch.epoch
            )));
        }
        self.go_on(self.tip.after_epoch(epoch), claimed)
            .map_err(|()| broken(format!("Epoch {} is not what was recorded.", epoch.epoch)))?;
        self.meets_head().map_err(broken)
    }

    /// After the last record: has the log reached what was written down?
    pub fn end(&self) -> Result<Head, Break> {
        match self.expected {
            Some(expected) if !self.met => Err(Break {
                seq: self.tip.seq.saturating_add(1),
                handoff: None,
                what: if expected.is_after(&self.tip) {
                    format!(
                        "The log ends at event {}, but event {} was written down outside of it.",
                        self.tip.seq, expected.seq
                    )
                } else {
                    "The log is another than the one that was written down outside of it."
                        .to_owned()
                },
            }),
            Some(_) | None => Ok(self.tip),
        }
    }

    fn go_on(&mut self, next: Head, claimed: &[u8]) -> Result<(), ()> {
        if next.hash.as_slice() != claimed {
            return Err(());
        }
        self.tip = next;
        Ok(())
    }

    fn meets_head(&mut self) -> Result<(), String> {
        let Some(expected) = self.expected else { return Ok(()) };
        if self.tip == expected {
            self.met = true;
        } else if (self.tip.epoch, self.tip.seq) == (expected.epoch, expected.seq) {
            return Err(
                "It is another than the one that was written down outside of the log.".to_owned()
            );
        }
        Ok(())
    }
}

impl Standing<'_> {
    /// Its hash.
    ///
    /// It is computed from what is stored, not from the types: a later desk,
    /// which knows more fields, must come to the same.
    pub fn hash(&self) -> Result<Hash, serde_json::Error> {
        #[derive(Deserialize)]
        struct Stored {
            revision: u32,
            state: String,
            #[serde(default)]
            decision: Option<Map<String, Value>>,
        }
        let stored: Stored = serde_json::from_str(self.progress)?;
        let mut hasher = begin(b'S', &GENESIS);
        number(&mut hasher, stored.revision.into());
        for part in [
            stored.state.as_str(),
            self.fingerprint,
            self.agent,
            self.key,
            self.task,
            self.title,
            self.question,
            self.traits,
        ] {
            text(&mut hasher, part);
        }
        number(&mut hasher, self.priority);
        number(&mut hasher, self.effect.unwrap_or(-1));
        if let Some(mut decision) = stored.decision {
            // A field that says nothing may be left out by another version.
            decision.retain(|_, value| !value.is_null());
            bytes(&mut hasher, &canonical(&Value::Object(decision)));
        }
        Ok(hasher.finalize().into())
    }
}

/// What is hashed begins with its kind and what it is chained to; each part
/// carries its length, so that no two records are spelled alike.
fn begin(kind: u8, previous: &Hash) -> Sha256 {
    let mut hasher = Sha256::new();
    hasher.update(b"handoff-desk audit 1");
    hasher.update([kind]);
    hasher.update(previous);
    hasher
}

fn number(hasher: &mut Sha256, value: i64) {
    hasher.update(value.to_be_bytes());
}

fn text(hasher: &mut Sha256, value: &str) {
    bytes(hasher, value.as_bytes());
}

fn bytes(hasher: &mut Sha256, value: &[u8]) {
    hasher.update(u64::try_from(value.len()).unwrap_or(u64::MAX).to_be_bytes());
    hasher.update(value);
}

/// A hash as text.
mod in_hex {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use super::{Hash, hex};

    pub fn serialize<S: Serializer>(hash: &Hash, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&hex(hash))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Hash, D::Error> {
        let text = String::deserialize(input)?;
        let mut hash = Hash::default();
        if text.len() != hash.len() * 2 || !text.is_ascii() {
            return Err(D::Error::custom("not 64 hexadecimal digits"));
        }
        for (byte, digits) in hash.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).map_err(D::Error::custom)?;
            *byte = u8::from_str_radix(digits, 16).map_err(D::Error::custom)?;
        }
        Ok(hash)
    }
}
