//! Doing what was planned or decided, file by file, and remembering it.
//!
//! It does exactly the arguments it is given and nothing beside them. What it
//! cannot do as decided it leaves undone, and says so.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use handoff_domain::action::{Action, ActionStatus, Effect, Undo};
use handoff_domain::decision::Decision;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::case::step;
use super::folder::{Folder, NotDone};
use super::ledger::{Ended, Ledger, Run};
use super::options;
use super::plan::{self, Found, Move, TRASH};
use crate::failure::Failure;

/// The agent at work in one folder.
pub struct Work<'a> {
    /// The folder.
    pub folder: &'a Folder,
    /// Where it remembers.
    pub ledger: &'a Ledger,
    /// What it remembers.
    pub run: &'a mut Run,
    /// Reads the clock.
    pub now: fn() -> DateTime<Utc>,
}

/// Why a file is moved where it is.
pub const MOVE_REASON: &str = "The ending of its name says which folder it belongs in.";

/// What became of a number of files.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// What is done.
    pub done: Vec<String>,
    /// What is not, and why.
    pub not_done: Vec<String>,
}

impl Tally {
    fn note(&mut self, path: &str, outcome: Result<(), NotDone>) {
        match outcome {
            Ok(()) => self.done.push(path.to_owned()),
            Err(why) => self.not_done.push(format!("{path}: {why}")),
        }
    }
}

/// What is worth telling about a call besides its result.
struct Call<'a> {
    step: &'a str,
    tool: &'a str,
    reasoning: &'a str,
    confidence: f64,
    effect: Effect,
}

/// Whether a move is news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    /// It is.
    Now,
    /// It was made and recorded before.
    Before,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MoveArgs {
    moves: Vec<Move>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PathArgs {
    paths: Vec<String>,
    #[serde(default)]
    into: Option<String>,
}

impl Work<'_> {
    /// Remembers that the folder was looked at, and what was planned on that.
    pub fn looked(&mut self, started: DateTime<Utc>) {
        let files: Vec<Value> = self
            .run
            .files
            .iter()
            .map(|(path, found)| json!({ "path": path, "bytes": found.size }))
            .collect();
        let output = json!({ "files": files, "left_alone": self.run.left_alone });
        let call = Call {
            step: step::SCAN,
            tool: "files.list",
            reasoning: "Only what lies open in the folder is sorted; links, hidden files and \
                        subfolders may belong to programs.",
            confidence: 0.99,
            effect: Effect::Read,
        };
        let input = json!({ "folder": self.run.folder });
        self.record(&call, started, input, output, None, None);
        let summary = json!({ "files": self.run.files.len(), "bytes": self.run.bytes() });
        self.run.steps.insert(step::SCAN.to_owned(), Ended::Done(summary));
    }

    /// Looks for files with the same content.
    pub fn find_duplicates(&mut self) {
        let started = (self.now)();
        let stays = |path: &str| is_kept(self.run, path);
        let groups = plan::without(&plan::duplicates(&self.run.files), stays);
        let listed: Vec<Value> = groups
            .iter()
            .map(|group| {
                json!({ "sha256": group.digest, "bytes": group.size,
                        "keep": group.keep, "extra": group.extra })
            })
            .collect();
        let found = super::case::found(&groups);
        self.run.groups = groups;
        self.run.steps.insert(step::FIND.to_owned(), Ended::Done(found));
        let call = Call {
            step: step::FIND,
            tool: "files.compare",
            reasoning: "Equal names prove nothing. Files of the same length were compared by \
                        SHA-256; the copy with the plainest name and the earliest date stays.",
            confidence: 0.98,
            effect: Effect::Read,
        };
        let input = json!({ "files": self.run.files.len() });
        self.record(&call, started, input, json!({ "groups": listed }), None, None);
    }

    /// Brings what was found up to date with the moves and wishes since.
    pub fn refresh_duplicates(&mut self) {
        let groups = plan::without(&self.run.groups, |path| is_kept(self.run, path));
        let found = super::case::found(&groups);
        self.run.groups = groups;
        self.run.steps.insert(step::FIND.to_owned(), Ended::Done(found));
    }

    /// Makes moves, one recorded action each.
    pub fn sort(&mut self, moves: &[Move], handoff: Option<&str>) -> Result<Tally, Failure> {
        let mut tally = Tally::default();
        for way in moves {
            let started = (self.now)();
            let outcome = self.make_move(way, None);
            if outcome == Ok(Made::Now) {
                self.note_move(way, started, json!({ "moved": 1 }), handoff);
            }
            tally.note(&way.from, outcome.map(drop));
        }
        let output = json!({ "moved": tally.done.len(), "left": tally.not_done });
        self.run.steps.insert(step::SORT.to_owned(), Ended::Done(output));
        self.ledger.write(self.run)?;
        Ok(tally)
    }

    /// Makes one move that the gate let run, and remembers it to be reported,
    /// also where it failed.
    pub fn move_as_allowed(&mut self, way: &Move) -> Result<Result<(), NotDone>, Failure> {
        let started = (self.now)();
        let outcome = self.make_move(way, None);
        let output = match &outcome {
            Ok(_) => json!({ "moved": 1 }),
            Err(why) => json!({ "error": why.to_string() }),
        };
        if outcome != Ok(Made::Before) {
            self.note_move(way, started, output, None);
            if let Some(action) = self.run.actions.last_mut() {
                if outcome.is_err() {
                    action.status = ActionStatus::Failed;
                    action.undo = None;
                }
                self.run.unreported.push(action.id.clone());
            }
        }
        self.ledger.write(self.run)?;
        Ok(outcome.map(drop))
    }

    /// Takes actions back as they said it could be done, the last one first.
    pub fn take_back(&mut self, ids: &[String]) -> Tally {
        let mut tally = Tally::default();
        let wanted: BTreeSet<&String> = once_each(ids);
        for index in (0..self.run.actions.len()).rev() {
            let action = &self.run.actions[index];
            if !wanted.contains(&action.id) {
                continue;
            }
            let id = action.id.clone();
            let outcome = match (action.status, back(action)) {
                (ActionStatus::Undone, _) => Ok(()),
                (ActionStatus::Done, Some(moves)) => {
                    moves.iter().try_for_each(|way| self.make_move(way, None).map(drop))
                }
                _ => Err(NotDone::System("it has no way back".to_owned())),
            };
            let action = &mut self.run.actions[index];
            if outcome.is_ok() && action.status != ActionStatus::Undone {
                action.status = ActionStatus::Undone;
                self.run.unreported.push(id.clone());
            }
            tally.note(&id, outcome);
        }
        let known = |id: &&&String| !self.run.actions.iter().any(|action| action.id == ***id);
        let strangers = wanted.iter().filter(known).map(|id| format!("{id}: no such action"));
        tally.not_done.extend(strangers);
        tally
    }

    /// Makes the very call by which an action is taken back.
    pub fn take_back_as_asked(
        &mut self,
        id: &str,
        tool: &str,
        args: &Map<String, Value>,
    ) -> Result<(), NotDone> {
        if tool != super::tools::MOVE {
            return Err(NotDone::System(format!("this agent takes nothing back with {tool}")));
        }
        let args: MoveArgs = serde_json::from_value(Value::Object(args.clone()))
            .map_err(|error| NotDone::System(error.to_string()))?;
        args.moves.iter().try_for_each(|way| self.make_move(way, None).map(drop))?;
        if let Some(action) = self.run.actions.iter_mut().find(|action| action.id == id) {
            action.status = ActionStatus::Undone;
        }
        Ok(())
    }

    /// Carries out what was decided: this tool with these arguments.
    pub fn carry_out(&mut self, decision: &Decision, handoff: &str) -> Result<Tally, Failure> {
        let (Some(tool), Some(args)) = (&decision.tool, &decision.args) else {
            return Ok(Tally::default());
        };
        let args = Value::Object(args.clone());
        let input = args.clone();
        // From here on a file that is missing may have been removed by an
        // earlier attempt at this very decision.
        let again = self.run.attempt.as_deref() == Some(handoff);
        self.run.attempt = Some(handoff.to_owned());
        self.ledger.write(self.run)?;
        let tally = match tool.as_str() {
            "files.move" => match serde_json::from_value::<MoveArgs>(args) {
                Ok(args) => self.sort(&args.moves, Some(handoff))?,
                Err(error) => nothing(&error.to_string()),
            },
            "files.delete" => match serde_json::from_value::<PathArgs>(args) {
                Ok(args) => self.delete(&args.paths, input, handoff, again),
                Err(error) => nothing(&error.to_string()),
            },
            "files.trash" => match serde_json::from_value::<PathArgs>(args) {
                Ok(args) if args.into.as_deref().is_none_or(|into| into == TRASH) => {
                    self.trash(&args.paths, input, handoff)
                }
                Ok(_) => nothing("this agent has no other trash folder"),
                Err(error) => nothing(&error.to_string()),
            },
            other => nothing(&format!("this agent has no tool {other}")),
        };
        self.run.attempt = None;
        Ok(tally)
    }

    fn delete(&mut self, paths: &[String], input: Value, handoff: &str, again: bool) -> Tally {
        let started = (self.now)();
        let mut tally = Tally::default();
        for path in once_each(paths) {
            let outcome = match self.known_copy(path) {
                Some((was, keep)) => match self.folder.delete(path, &was, &keep) {
                    Err(NotDone::Missing) if again => Ok(()),
                    outcome => outcome,
                },
                None => Err(not_a_copy()),
            };
            if outcome.is_ok() {
                self.run.files.remove(path);
                self.run.taken.remove(path);
            }
            tally.note(path, outcome);
        }
        let call = Call {
            step: step::REMOVE,
            tool: "files.delete",
            reasoning: "Decided. Each file was compared once more, and its other copy was there.",
            confidence: 1.0,
            effect: Effect::Irreversible,
        };
        let output = json!({ "deleted": tally.done, "left": tally.not_done });
        self.record(&call, started, input, output, None, Some(handoff));
        self.report_removal(&tally);
        tally
    }

    fn trash(&mut self, paths: &[String], input: Value, handoff: &str) -> Tally {
        let started = (self.now)();
        let mut tally = Tally::default();
        let mut made = Vec::new();
        let wanted: Vec<String> = once_each(paths).into_iter().cloned().collect();
        for way in plan::into_trash(&wanted, &self.run.taken) {
            let outcome = match self.known_copy(&way.from) {
                Some((was, _)) => self.make_move(&way, Some(&was.digest)).map(drop),
                None if self.run.files.contains_key(&way.to) => Ok(()),
                None => Err(not_a_copy()),
            };
            if outcome.is_ok() {
                made.push(way.clone());
            }
            tally.note(&way.from, outcome);
        }
        let call = Call {
            step: step::REMOVE,
            tool: "files.trash",
            reasoning: "Decided. Nothing is lost until the folder is emptied by hand.",
            confidence: 1.0,
            effect: Effect::Reversible,
        };
        let undo = options::move_back(&made);
        let output = json!({ "moves": made, "left": tally.not_done });
        self.record(&call, started, input, output, Some(undo), Some(handoff));
        self.report_removal(&tally);
        tally
    }

    /// What was just done is to be reported, as failed where nothing was.
    fn report_removal(&mut self, tally: &Tally) {
        if let Some(action) = self.run.actions.last_mut() {
            if tally.done.is_empty() && !tally.not_done.is_empty() {
                action.status = ActionStatus::Failed;
                action.undo = None;
            }
            self.run.unreported.push(action.id.clone());
        }
    }

    fn note_move(
        &mut self,
        way: &Move,
        started: DateTime<Utc>,
        output: Value,
        handoff: Option<&str>,
    ) {
        let call = Call {
            step: step::SORT,
            tool: "files.move",
            reasoning: MOVE_REASON,
            confidence: 0.93,
            effect: Effect::Reversible,
        };
        let undo = options::move_back(std::slice::from_ref(way));
        self.record(&call, started, json!({ "moves": [way] }), output, Some(undo), handoff);
    }

    /// Makes one move, or finds that it was made already.
    fn make_move(&mut self, way: &Move, digest: Option<&str>) -> Result<Made, NotDone> {
        let Some(was) = self.run.files.get(&way.from).cloned() else {
            // Known under its new path only: an earlier attempt got this far.
            let known = self.run.files.contains_key(&way.to);
            return if known {
                Ok(Made::Before)
            } else {
                Err(NotDone::System(
                    "no such file is known there: it was never looked at, or went elsewhere since"
                        .to_owned(),
                ))
            };
        };
        if let Some(digest) = digest
            && self.folder.look(&way.from).is_ok_and(|now| now.digest != digest)
        {
            return Err(NotDone::Changed);
        }
        match self.folder.carry(way, &was) {
            Ok(()) => {}
            Err(NotDone::Missing) if self.is_there(&way.to, &was) => {}
            Err(why) => return Err(why),
        }
        self.run.moved(way);
        Ok(Made::Now)
    }

    /// Whether this very file is at this path.
    fn is_there(&self, path: &str, was: &Found) -> bool {
        self.folder.glance(path).is_ok_and(|now| {
            now.inode == was.inode && now.size == was.size && now.modified == was.modified
        })
    }

    /// An extra copy with what it was, and the copy that stays.
    fn known_copy(&self, path: &str) -> Option<(Found, String)> {
        let group =
            self.run.groups.iter().find(|group| group.extra.iter().any(|one| one == path))?;
        Some((self.run.files.get(path)?.clone(), group.keep.clone()))
    }

    fn record(
        &mut self,
        call: &Call<'_>,
        started: DateTime<Utc>,
        input: Value,
        output: Value,
        undo: Option<Undo>,
        handoff: Option<&str>,
    ) {
        let action = Action {
            id: format!("a{}", self.run.actions.len() + 1),
            step: Some(call.step.to_owned()),
            tool: call.tool.to_owned(),
            input: Some(input),
            output: Some(output),
            reasoning: Some(call.reasoning.to_owned()),
            confidence: Some(call.confidence),
            effect: call.effect,
            status: ActionStatus::Done,
            started_at: Some(started),
            ended_at: Some((self.now)()),
            depends_on: self
                .run
                .actions
                .first()
                .map(|first| first.id.clone())
                .into_iter()
                .collect(),
            facts: Map::new(),
            undo,
            files: Vec::new(),
            handoff: handoff.map(str::to_owned),
        };
        self.run.actions.push(action);
    }
}

/// Whether the reviewer asked to leave a file alone.
pub fn is_kept(run: &Run, path: &str) -> bool {
    run.wishes.keep.iter().any(|pattern| super::inform::matches(pattern, path))
}

/// The moves that take an action back.
fn back(action: &Action) -> Option<Vec<Move>> {
    let Some(Undo::Tool { args, .. }) = &action.undo else { return None };
    let args = serde_json::from_value::<MoveArgs>(Value::Object(args.clone())).ok()?;
    Some(args.moves)
}

fn once_each(paths: &[String]) -> BTreeSet<&String> {
    paths.iter().collect()
}

fn not_a_copy() -> NotDone {
    NotDone::System("it is not one of the extra copies that were found".to_owned())
}

fn nothing(why: &str) -> Tally {
    Tally { done: Vec::new(), not_done: vec![format!("nothing was done: {why}")] }
}

#[cfg(test)]
mod tests;
