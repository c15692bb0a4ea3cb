//! Copies of files that were taken before a change, and whether one can be put
//! back (CONTRACT §2, undo `files`).
//!
//! It compares contents by their hashes; it reads and writes no file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What lies at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Content {
    /// Nothing.
    Absent,
    /// A regular file.
    File {
        /// SHA-256 of its bytes, in hex.
        sha256: String,
        /// How many bytes it has.
        bytes: u64,
        /// Who may read, write and run it, as Unix has it.
        mode: u32,
    },
}

/// One file before a change, and after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct KeptFile {
    /// Where it lies: absolute, with no link on the way.
    pub path: String,
    /// What lay there before.
    pub before: Content,
    /// What lay there after; none while nobody has said that the change is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub after: Option<Content>,
}

/// How one file gets back to what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
pub enum WayBack {
    /// It is as it was before.
    Nothing,
    /// The copy takes its place, or it is removed where there was none.
    PutBack,
    /// Somebody has changed it since: what they did must not be lost.
    Conflict,
}

/// How a file gets back, by what lies there now.
pub fn way_back(kept: &KeptFile, now: &Content) -> WayBack {
    if *now == kept.before {
        WayBack::Nothing
    } else if kept.after.as_ref() == Some(now) {
        WayBack::PutBack
    } else {
        WayBack::Conflict
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(sha256: &str, mode: u32) -> Content {
        Content::File { sha256: sha256.to_owned(), bytes: 1, mode }
    }

    #[test]
    fn only_what_the_agent_left_there_is_replaced() {
        use WayBack::{Conflict, Nothing, PutBack};
        let (a, b, c) = (file("a", 0o644), file("b", 0o644), file("c", 0o644));
        let none = Content::Absent;
        for (before, after, now, way) in [
            (&a, Some(&b), &b, PutBack),
            (&a, Some(&b), &a, Nothing),
            (&a, Some(&b), &c, Conflict),
            (&a, Some(&b), &none, Conflict),
            (&a, Some(&none), &none, PutBack),
            (&a, Some(&none), &c, Conflict),
            (&none, Some(&b), &b, PutBack),
            (&none, Some(&b), &none, Nothing),
            (&none, Some(&b), &c, Conflict),
            // Nobody said what the change left: it may be somebody else's.
            (&a, None, &b, Conflict),
            (&a, None, &a, Nothing),
            // Who may read it is part of what it is.
            (&a, Some(&b), &file("b", 0o600), Conflict),
        ] {
            let kept =
                KeptFile { path: "/p".to_owned(), before: before.clone(), after: after.cloned() };
            assert_eq!(way_back(&kept, now), way, "{kept:?} and now {now:?}");
        }
    }
}
