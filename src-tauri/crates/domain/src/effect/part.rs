//! What one part of a call was found to do, and how parts make a whole: the
//! worst of them decides, and it is the one that is named.

use super::{Class, Reading};

/// As much of a command as a reviewer is shown of it in a sentence.
const SHOWN: usize = 80;

/// As much of why, which may hold a word of the command.
const SAID: usize = 200;

/// One part of a call, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) class: Class,
    /// What it does: `deletes files`, or a whole sentence once it is `named`.
    why: String,
    named: bool,
    touches: Option<Vec<String>>,
}

impl Part {
    pub(super) fn reads() -> Self {
        Self::of(Class::Read, "only reads", Some(Vec::new()))
    }

    /// It changes these paths; `None` where they cannot all be named.
    pub(super) fn writes(why: impl Into<String>, touches: Option<Vec<String>>) -> Self {
        Self::of(Class::Write, why, touches)
    }

    pub(super) fn unknown(why: impl Into<String>) -> Self {
        Self::of(Class::Unknown, why, None)
    }

    pub(super) fn irreversible(why: impl Into<String>) -> Self {
        Self::of(Class::Irreversible, why, None)
    }

    fn of(class: Class, why: impl Into<String>, touches: Option<Vec<String>>) -> Self {
        Self { class, why: why.into(), named: false, touches }
    }

    /// Says of which command this is; an inner one that was named keeps its own.
    pub(super) fn named(mut self, command: &str) -> Self {
        if !self.named {
            self.why = format!("`{}` {}.", shown(command, SHOWN), shown(&self.why, SAID));
            self.named = true;
        }
        self
    }

    /// The two together.
    pub(super) fn and(self, other: Self) -> Self {
        let touches = match (self.touches, other.touches) {
            (Some(mut mine), Some(theirs)) => {
                for path in theirs {
                    if !mine.contains(&path) {
                        mine.push(path);
                    }
                }
                Some(mine)
            }
            _ => None,
        };
        let (class, why, named) = if other.class > self.class {
            (other.class, other.why, other.named)
        } else {
            (self.class, self.why, self.named)
        };
        Self { class, why, named, touches }
    }

    /// The reading of a whole call; what has no command to name is about `call`.
    pub(super) fn reading(self, call: &str) -> Reading {
        let part = self.named(call);
        let touches = if part.class <= Class::Write { part.touches } else { None };
        Reading { class: part.class, why: part.why, touches }
    }
}

/// A text on one line, cut where it is long.
fn shown(text: &str, most: usize) -> String {
    let mut line = String::new();
    for (count, character) in text.trim().chars().enumerate() {
        if count == most {
            line.push('…');
            break;
        }
        line.push(if character.is_control() { ' ' } else { character });
    }
    line
}
