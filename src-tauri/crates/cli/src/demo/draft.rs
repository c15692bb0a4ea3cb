//! The end of the work: the task is closed, and what it changed as a draft is
//! looked through by the reviewer. What they pick is really taken back.

use handoff_domain::decision::{Decision, DecisionKind};
use handoff_domain::lifecycle::{Outcome, Report};
use handoff_protocol::wire::{Answered, ByTask, TaskStanding, method};
use serde::Deserialize;
use serde_json::json;

use super::act::Tally;
use super::answer::{Course, applied, shortfall};
use super::ask::is_as_approved;
use super::case::{counted, step};
use super::ledger::{Ended, Question, Stage};
use super::{Demo, not_written, write};
use crate::exit::Exit;
use crate::failure::Failure;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UndoArgs {
    actions: Vec<String>,
}

impl Demo<'_, '_> {
    /// Closes the task, and waits for what the reviewer makes of its draft.
    pub(super) fn close(&mut self) -> Result<Option<Exit>, Failure> {
        if let Some(open) = &self.run.open {
            return self.go_by_the_answer(open.question);
        }
        let mut client = self.desk.reach(self.edge)?;
        let task = ByTask { task: self.run.id.clone() };
        let standing: TaskStanding = self.ask_the_gate(&mut client, method::TASK_CLOSE, &task)?;
        match standing.draft {
            Some(draft) => {
                self.tell("draft", "the reviewer looks through what was changed")?;
                self.wait_for(&mut client, &draft, Question::Draft)?;
            }
            None => self.pass_to(Stage::Over)?,
        }
        Ok(None)
    }

    /// Does what was decided about the draft.
    pub(super) fn settle_draft(
        &mut self,
        decision: &Decision,
        answered: &Answered,
    ) -> Result<Course, Failure> {
        let next = self.run.stage;
        match decision.kind {
            DecisionKind::Approve | DecisionKind::Modify if decision.tool.is_some() => {}
            DecisionKind::Approve | DecisionKind::Modify => {
                self.tell("did", "kept the draft")?;
                return Ok(Course::Done { report: applied(), next });
            }
            DecisionKind::Inform | DecisionKind::Reject | DecisionKind::TakeOver => {
                // Only what is picked is taken back; nothing was.
                self.tell("did", "left the draft as it is")?;
                self.exit = Exit::of_wait(answered);
                return Ok(Course::Done { report: applied(), next });
            }
        }
        let tally = self.undo(decision, answered);
        self.tell("did", &format!("took back {}", counted(tally.done.len(), "change", "changes")))?;
        for line in &tally.not_done {
            self.tell("not undone", line)?;
        }
        for id in &tally.done {
            self.forget_move(id);
        }
        self.run.diverged.extend(tally.not_done.iter().cloned());
        if self.run.steps.get(step::REPORT).is_some_and(|ended| *ended != Ended::Skipped) {
            self.reports
                .write("report.md", &write::closing(&self.run))
                .map_err(|error| not_written("report.md", &error))?;
        }
        let why = shortfall(&tally);
        let outcome = if why.is_some() { Outcome::Diverged } else { Outcome::Applied };
        Ok(Course::Done {
            report: Report { outcome, why, steps: Vec::new(), unmet: Vec::new() },
            next,
        })
    }

    fn undo(&mut self, decision: &Decision, answered: &Answered) -> Tally {
        let nothing = |why: &str| Tally {
            done: Vec::new(),
            not_done: vec![format!("nothing was undone: {why}")],
        };
        if !is_as_approved(decision, answered) {
            return nothing("the arguments are not those that were approved");
        }
        if decision.tool.as_deref() != Some("undo") {
            return nothing("this agent has no such tool");
        }
        let args = decision.args.clone().unwrap_or_default();
        match serde_json::from_value::<UndoArgs>(args.into()) {
            Ok(args) => self.work().take_back(&args.actions),
            Err(error) => nothing(&error.to_string()),
        }
    }

    /// A move that was taken back is not made again.
    pub(super) fn forget_move(&mut self, id: &str) {
        let undone = self.run.actions.iter().find(|action| action.id == id);
        let input = undone.and_then(|action| action.input.as_ref());
        for way in &self.run.moves {
            if input == Some(&json!({ "moves": [way] })) {
                self.run.left.insert(way.from.clone(), "it was taken back".to_owned());
            }
        }
    }
}
