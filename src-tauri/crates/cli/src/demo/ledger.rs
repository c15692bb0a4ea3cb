//! What the agent has to remember to go on after it was stopped: written down
//! before each thing that cannot be done twice.
//!
//! One file for each folder, under the desk's home. It is the agent's own
//! memory; the desk neither reads nor trusts it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, TryLockError};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use handoff_domain::action::Action;
use handoff_domain::lifecycle::Report;
use handoff_domain::payload::Constraint;
use handoff_protocol::wire::{Answered, ErrorCode};
use handoff_transport::home::{self, Home};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::plan::{Files, Group, Move};
use crate::failure::Failure;

/// One run over one folder.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Run {
    /// Names the run; also the task's id.
    pub id: String,
    /// The folder.
    pub folder: PathBuf,
    /// It is the agent's own sample folder.
    pub sample: bool,
    /// What comes next.
    pub stage: Stage,
    /// The files by the path they have now.
    pub files: Files,
    /// Every name that exists.
    pub taken: BTreeSet<String>,
    /// What was left alone, and why.
    pub left_alone: Vec<String>,
    /// The moves that are planned.
    pub moves: Vec<Move>,
    /// The duplicates the question is about.
    pub groups: Vec<Group>,
    /// What was done so far, oldest first.
    pub actions: Vec<Action>,
    /// The steps that are over.
    pub steps: BTreeMap<String, Ended>,
    /// What the reviewer wants.
    pub wishes: Wishes,
    /// How careful the next proposal is, from 0 to 2.
    pub care: u8,
    /// Counts the questions.
    pub round: u32,
    /// The question that waits.
    pub open: Option<Open>,
    /// The one thing that may or may not have happened when it was stopped.
    pub attempt: Option<String>,
    /// What turned out otherwise than decided.
    pub diverged: Vec<String>,
    /// The planned moves that are not to be made, by the path they would start
    /// from, and why.
    #[serde(default)]
    pub left: BTreeMap<String, String>,
    /// The ids of the actions that the desk does not know of yet.
    #[serde(default)]
    pub unreported: Vec<String>,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Nothing was looked at.
    Look,
    /// The moves are to be approved.
    AskForMoves,
    /// The moves are made without asking: it is the agent's own folder.
    Sort,
    /// The moves are made one by one, each as the gate says.
    SortAsAllowed,
    /// The removal of duplicates is to be decided.
    AskForRemoval,
    /// The closing report is to be written.
    Finish,
    /// The task is to be closed, and its draft looked through.
    Close,
    /// There is nothing left to do.
    Over,
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// It is done, with this output.
    Done(Value),
    /// It was left out.
    Skipped,
}

/// What the reviewer wants, as far as it was understood.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Wishes {
    /// What to leave alone.
    pub keep: BTreeSet<String>,
    /// What must hold.
    pub constraints: Vec<Constraint>,
    /// Nothing may be done that cannot be taken back.
    pub gentle: bool,
    /// Facts that mean nothing to this agent.
    pub unknown: BTreeSet<String>,
    /// The reviewer's words, the latest last.
    pub said: Vec<String>,
}

/// What a question is about that the agent asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// Whether the planned moves may be made.
    Moves,
    /// What becomes of the duplicates.
    Removal,
}

/// Whose question it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// The agent hands it over.
    Own(About),
    /// The gate's: whether a move may be made that it holds.
    Held,
    /// The desk's: what of the draft is taken back.
    Draft,
}

/// A question that waits.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Open {
    /// Whose question it is.
    pub question: Question,
    /// The payload, letter for letter, so that asking again is no new question.
    pub payload: String,
    /// The handoff's id, once it is known.
    pub id: Option<String>,
    /// The answer that came with the right to act.
    pub answer: Option<Answered>,
    /// The other proposal that was asked for, until the desk has it.
    pub revision: Option<String>,
    /// What was done with the answer, until the desk knows it.
    pub report: Option<Report>,
}

/// The memory of one folder, held by one process.
#[derive(Debug)]
pub struct Ledger {
    file: PathBuf,
    _lock: File,
}

impl Ledger {
    /// Takes hold of the memory of a folder.
    pub fn hold(home: &Home, folder: &Path) -> Result<Self, Failure> {
        let place = home.root().join("demo").join("runs");
        let failed = |error: &dyn std::fmt::Display| {
            Failure::new(
                ErrorCode::Internal,
                format!("The demo cannot write to {}: {error}.", place.display()),
                "Make room there, or name another place with HANDOFF_DESK_HOME.",
            )
        };
        home.create().map_err(|error| failed(&error))?;
        home::make_private(&place).map_err(|error| failed(&error))?;
        let name = super::hex(&Sha256::digest(folder.as_os_str().as_encoded_bytes())[..8]);
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(place.join(format!("{name}.lock")))
            .map_err(|error| failed(&error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Failure::new(
                    ErrorCode::Conflict,
                    format!("Another demo is at work in {}.", folder.display()),
                    "Answer it at the desk, or stop it first.",
                ));
            }
            Err(TryLockError::Error(error)) => return Err(failed(&error)),
        }
        Ok(Self { file: place.join(format!("{name}.json")), _lock: lock })
    }

    /// The last run, finished or not. What cannot be read is no run.
    pub fn last(&self) -> Option<Run> {
        let text = fs::read_to_string(&self.file).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Writes the run down, whole or not at all.
    pub fn write(&self, run: &Run) -> Result<(), Failure> {
        let draft = self.file.with_extension("new");
        let outcome = serde_json::to_vec(run)
            .map_err(io::Error::other)
            .and_then(|text| fs::write(&draft, text))
            .and_then(|()| fs::rename(&draft, &self.file));
        outcome.map_err(|error| {
            Failure::new(
                ErrorCode::Internal,
                format!("The demo cannot remember in {}: {error}.", self.file.display()),
                "Make room there and start it again; it goes on where it was.",
            )
        })
    }
}

impl Run {
    /// A run that has not begun.
    pub fn new(folder: PathBuf, sample: bool, now: DateTime<Utc>) -> Self {
        // Random enough that no key of an earlier run is met again.
        let mark = super::hex(&RandomState::new().build_hasher().finish().to_be_bytes()[..4]);
        Self {
            id: format!("tidy-{}-{mark}", now.format("%Y%m%d-%H%M%S")),
            folder,
            sample,
            stage: Stage::Look,
            files: Files::new(),
            taken: BTreeSet::new(),
            left_alone: Vec::new(),
            moves: Vec::new(),
            groups: Vec::new(),
            actions: Vec::new(),
            steps: BTreeMap::new(),
            wishes: Wishes::default(),
            care: 0,
            round: 0,
            open: None,
            attempt: None,
            diverged: Vec::new(),
            left: BTreeMap::new(),
            unreported: Vec::new(),
        }
    }

    /// Notes that a file has another path now.
    pub fn moved(&mut self, way: &Move) {
        if let Some(found) = self.files.remove(&way.from) {
            self.files.insert(way.to.clone(), found);
        }
        self.taken.remove(&way.from);
        self.taken.insert(way.to.clone());
        for group in &mut self.groups {
            if group.keep == way.from {
                group.keep.clone_from(&way.to);
            }
            for extra in &mut group.extra {
                if *extra == way.from {
                    extra.clone_from(&way.to);
                }
            }
        }
    }

    /// The length of all files together.
    pub fn bytes(&self) -> u64 {
        self.files.values().map(|found| found.size).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_holds_a_folder_and_its_run_is_found_again() {
        let place = tempfile::tempdir().expect("a folder");
        let home = Home::new(place.path().join("home"));
        let folder = Path::new("/some/folder");
        let ledger = Ledger::hold(&home, folder).expect("held");
        assert!(ledger.last().is_none());
        let refused = Ledger::hold(&home, folder).expect_err("held by another");
        assert_eq!(refused.data.code, ErrorCode::Conflict);
        assert!(Ledger::hold(&home, Path::new("/another")).is_ok());

        let mut run = Run::new(folder.to_owned(), false, DateTime::UNIX_EPOCH);
        ledger.write(&run).expect("written");
        assert_eq!(ledger.last().expect("there").id, run.id);
        run.stage = Stage::Over;
        ledger.write(&run).expect("written");
        assert_eq!(ledger.last().expect("there").stage, Stage::Over);
        drop(ledger);
        assert!(Ledger::hold(&home, folder).is_ok());
    }
}
