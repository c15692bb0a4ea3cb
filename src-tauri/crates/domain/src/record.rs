//! A recorded action, as the way back looks at it: what it did as the desk
//! computed it, when it came in, and whether it can be taken back now
//! (CONTRACT §2, §3; DESIGN §7).
//!
//! It judges one action by itself. What an undo drags along is the business of
//! [`crate::rollback`]; whether one is needed, that of [`crate::reconcile`].

use std::borrow::Cow;
use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use crate::action::{Action, ActionStatus, Effect, Undo};
use crate::payload::Payload;

/// An action in the record.
#[derive(Debug, Clone, Copy)]
pub struct Recorded<'r> {
    /// The action.
    pub action: &'r Action,
    /// What it did to the world, as computed; never milder than that.
    pub effect: Effect,
    /// When it was reported; `None` where only the agent's word is known.
    pub at: Option<DateTime<Utc>>,
    /// Whether the desk holds copies of the files as they were before.
    pub copies: bool,
    /// When it was undone, where that is known.
    pub undone_at: Option<DateTime<Utc>>,
    /// Why an attempt to undo it failed, if one did.
    pub undo_failed: Option<&'r str>,
}

/// Why an action cannot be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoUndo {
    /// It changed nothing.
    Read,
    /// It was taken back before.
    Undone,
    /// It has not ended.
    Running,
    /// It came with no undo.
    NoneGiven,
    /// Its window is over since then.
    Expired(DateTime<Utc>),
    /// It is undone from the desk's copies, and there are none.
    NoCopies,
}

impl<'r> Recorded<'r> {
    /// An action of which only the agent's word is known. Its files count as
    /// copied, since nobody has said otherwise.
    pub fn said(action: &'r Action) -> Self {
        Self {
            action,
            effect: action.effect,
            at: None,
            copies: true,
            undone_at: None,
            undo_failed: None,
        }
    }

    /// The actions a handoff came with, oldest first.
    pub fn all_of(payload: &'r Payload) -> Vec<Self> {
        payload.actions_taken.iter().map(Self::said).collect()
    }

    /// When it happened, as well as that is known.
    pub fn moment(&self) -> Option<DateTime<Utc>> {
        self.action.ended_at.or(self.action.started_at).or(self.at)
    }

    /// When it began, as well as that is known: by its own clock, or by when it was
    /// reported, whichever is earlier.
    pub fn begun(&self) -> Option<DateTime<Utc>> {
        let said = self.action.started_at.or(self.action.ended_at);
        [said, self.reported_to_begin()].into_iter().flatten().min()
    }

    /// Whether it may have begun at that moment or later. The clocks of an agent and of
    /// the desk need not agree, so one of them is enough.
    pub fn follows(&self, moment: DateTime<Utc>) -> bool {
        let said = self.action.started_at.or(self.action.ended_at);
        [said, self.reported_to_begin()].into_iter().flatten().any(|begun| begun >= moment)
    }

    /// When it began, if it was reported as it ended: how long it took is known
    /// whatever the agent's clock shows.
    fn reported_to_begin(&self) -> Option<DateTime<Utc>> {
        let span = self.action.started_at.zip(self.action.ended_at);
        let took = span.map(|(from, to)| (to - from).max(TimeDelta::zero()));
        Some(self.at? - took.unwrap_or_default())
    }

    /// Whether it stands: it was done, or is being done, and was not undone.
    pub fn stands(&self) -> bool {
        matches!(self.action.status, ActionStatus::Done | ActionStatus::Running)
    }

    /// Whether it may have changed something.
    pub fn changes(&self) -> bool {
        self.effect != Effect::Read
    }

    /// How it can be taken back at `now`, or why not. An irreversible action
    /// may come with an undo that makes up for it: it is given here, too.
    pub fn undo(&self, now: DateTime<Utc>) -> Result<&'r Undo, NoUndo> {
        match self.action.status {
            ActionStatus::Undone => return Err(NoUndo::Undone),
            ActionStatus::Running => return Err(NoUndo::Running),
            ActionStatus::Done | ActionStatus::Failed => {}
        }
        if !self.changes() {
            return Err(NoUndo::Read);
        }
        let undo = self.action.undo.as_ref().ok_or(NoUndo::NoneGiven)?;
        if let Some(until) = Undo::over_since(undo.until(), now) {
            return Err(NoUndo::Expired(until));
        }
        if matches!(undo, Undo::Files { .. }) && !self.copies {
            return Err(NoUndo::NoCopies);
        }
        Ok(undo)
    }
}

impl NoUndo {
    /// The same in a sentence.
    pub fn why(self) -> String {
        match self {
            Self::Read => "It changed nothing.".to_owned(),
            Self::Undone => "It is undone already.".to_owned(),
            Self::Running => "It has not ended yet.".to_owned(),
            Self::NoneGiven => "It came with no way to undo it.".to_owned(),
            Self::Expired(until) => {
                format!("It could be undone until {} only.", until.format("%Y-%m-%d %H:%M:%S UTC"))
            }
            Self::NoCopies => "The desk holds no copies of its files.".to_owned(),
        }
    }
}

/// Which file a path names, however it is spelt: `./a.txt` is `a.txt`. What lies
/// on a disk is not looked at.
pub(crate) fn place(path: &str) -> Cow<'_, str> {
    let plain = |part: &str| !part.is_empty() && part != ".";
    let from_root = path.strip_prefix('/');
    if from_root.unwrap_or(path).split('/').all(plain) {
        return Cow::Borrowed(path);
    }
    let parts: Vec<&str> = path.split('/').filter(|part| plain(part)).collect();
    let root = if from_root.is_some() { "/" } else { "" };
    Cow::Owned(format!("{root}{}", parts.join("/")))
}

/// The ids that occur more than once.
pub(crate) fn repeated<'i>(ids: impl Iterator<Item = &'i str>) -> BTreeSet<&'i str> {
    let mut seen = BTreeSet::new();
    ids.filter(|id| !seen.insert(*id)).collect()
}
