//! What each kind of answer makes the agent do, and what it reports.

use handoff_domain::decision::{Decision, DecisionKind, Then};
use handoff_domain::lifecycle::{Outcome, Report, StepReport};
use handoff_protocol::wire::Answered;
use serde_json::json;

use super::act::{self, Tally};
use super::ask::is_as_approved;
use super::case::{counted, step};
use super::ledger::{About, Ended, Question, Stage};
use super::{Demo, inform, not_written, plan, write};
use crate::exit::Exit;
use crate::failure::Failure;

/// How the agent goes on.
pub(super) enum Course {
    /// The answer was followed.
    Done {
        /// What is reported.
        report: Report,
        /// What comes next.
        next: Stage,
    },
    /// Another proposal is made in the same handoff: its payload.
    Revise(String),
    /// The gate is asked once more: what is then done is the report.
    AskAgain,
}

/// A file that changed this recently may still be in use.
const RECENT_NS: i64 = 30 * 24 * 3600 * 1_000_000_000;

impl Demo<'_, '_> {
    /// Does what was answered.
    pub(super) fn follow(
        &mut self,
        question: Question,
        decision: &Decision,
        answered: &Answered,
    ) -> Result<Course, Failure> {
        let about = match question {
            Question::Own(about) => about,
            Question::Held => return self.follow_held(decision),
            Question::Draft => return self.settle_draft(decision, answered),
        };
        match decision.kind {
            DecisionKind::Approve | DecisionKind::Modify => self.act(about, decision, answered),
            DecisionKind::Inform => self.learn(about, decision),
            DecisionKind::Reject => match decision.then {
                Some(Then::Revise) => self.propose_less(about, decision),
                Some(Then::Skip) => self.leave_out(about),
                Some(Then::Stop) | None => self.stop(),
            },
            DecisionKind::TakeOver => self.give_over(),
        }
    }

    /// The answer on one move that the gate had held. A no is about that move;
    /// the gate says so when it is asked again.
    fn follow_held(&mut self, decision: &Decision) -> Result<Course, Failure> {
        match (decision.kind, decision.then) {
            (DecisionKind::Approve | DecisionKind::Modify, _) => return Ok(Course::AskAgain),
            (DecisionKind::TakeOver, _) => return self.give_over(),
            (DecisionKind::Reject, Some(Then::Stop) | None) => return self.stop(),
            (DecisionKind::Reject, Some(Then::Skip | Then::Revise)) => {}
            (DecisionKind::Inform, _) => {
                let paths: Vec<String> =
                    self.run.moves.iter().map(|way| way.from.clone()).collect();
                self.listen(decision, &paths)?;
            }
        }
        Ok(Course::Done { report: applied(), next: Stage::SortAsAllowed })
    }

    fn act(
        &mut self,
        about: About,
        decision: &Decision,
        answered: &Answered,
    ) -> Result<Course, Failure> {
        let tally = if is_as_approved(decision, answered) {
            let id = answered.id.clone();
            self.work().carry_out(decision, &id)?
        } else {
            let why = "nothing was done: the arguments are not those that were approved";
            Tally { done: Vec::new(), not_done: vec![why.to_owned()] }
        };
        let done = match decision.tool.as_deref() {
            None => "nothing, as decided".to_owned(),
            Some("files.delete") => format!("deleted {}", files(&tally)),
            Some("files.trash") => format!("moved {} to {}", files(&tally), plan::TRASH),
            Some(_) => format!("moved {}", files(&tally)),
        };
        self.tell("did", &done)?;
        let (name, next) = match about {
            About::Moves => {
                // Care about moves says nothing about deleting; words may.
                self.run.care = u8::from(self.run.wishes.gentle);
                (step::SORT, Stage::AskForRemoval)
            }
            About::Removal => (step::REMOVE, Stage::Finish),
        };
        let output = json!({ "done": tally.done.len(), "left": tally.not_done });
        self.run.steps.insert(name.to_owned(), Ended::Done(output));
        self.run.diverged.extend(tally.not_done.iter().cloned());
        Ok(Course::Done { report: self.report(name, &tally), next })
    }

    /// Takes information into account and asks anew.
    fn learn(&mut self, about: About, decision: &Decision) -> Result<Course, Failure> {
        let paths: Vec<String> = match about {
            About::Moves => self.run.moves.iter().map(|way| way.from.clone()).collect(),
            About::Removal => plan::extras(&self.run.groups),
        };
        self.listen(decision, &paths)?;
        let next = match about {
            About::Moves => {
                self.plan_fewer_moves();
                Stage::AskForMoves
            }
            About::Removal => {
                self.run.care = self.run.care.max(u8::from(self.run.wishes.gentle));
                Stage::AskForRemoval
            }
        };
        Ok(Course::Done { report: applied(), next })
    }

    /// Takes the reviewer's words to heart, as far as it understands them.
    fn listen(&mut self, decision: &Decision, paths: &[String]) -> Result<(), Failure> {
        let understood = inform::understand(decision, paths);
        for pattern in &understood.keep {
            self.tell("keeps", pattern)?;
        }
        for name in &understood.unknown {
            self.tell("knows not", name)?;
        }
        let wishes = &mut self.run.wishes;
        wishes.keep.extend(understood.keep);
        wishes.unknown.extend(understood.unknown);
        wishes.constraints.extend(decision.constraints.iter().cloned());
        wishes.said.push(said(decision));
        wishes.gentle |= understood.gentle;
        Ok(())
    }

    /// Proposes something more careful in the same handoff.
    fn propose_less(&mut self, about: About, decision: &Decision) -> Result<Course, Failure> {
        self.run.care = (self.run.care + 1).min(2);
        self.run.wishes.said.push(said(decision));
        if about == About::Moves {
            self.plan_fewer_moves();
            if self.run.moves.is_empty() {
                self.run.care = 2;
            }
        }
        self.payload_text(about).map(Course::Revise)
    }

    /// Plans only the moves that the reviewer's wishes and the care leave.
    fn plan_fewer_moves(&mut self) {
        let before = (self.edge.now)().timestamp_nanos_opt().unwrap_or(i64::MAX) - RECENT_NS;
        let run = &self.run;
        let moves = run.moves.iter().filter(|way| {
            let old = run.files.get(&way.from).is_some_and(|found| found.modified < before);
            !act::is_kept(run, &way.from) && (run.care == 0 || old)
        });
        self.run.moves = moves.cloned().collect();
    }

    /// Leaves out the step that was asked about, and what depends on it.
    fn leave_out(&mut self, about: About) -> Result<Course, Failure> {
        let steps: &[&str] = match about {
            About::Moves => &[step::SORT, step::INDEX, step::REMOVE, step::REPORT],
            About::Removal => &[step::REMOVE, step::REPORT],
        };
        for name in steps {
            self.run.steps.insert((*name).to_owned(), Ended::Skipped);
        }
        self.tell("leaves out", &steps.join(", "))?;
        Ok(Course::Done { report: applied(), next: Stage::Finish })
    }

    fn stop(&mut self) -> Result<Course, Failure> {
        self.skip_the_rest();
        self.exit = Exit::Reject;
        self.tell("stops", "nothing more is done")?;
        Ok(Course::Done { report: applied(), next: Stage::Close })
    }

    fn give_over(&mut self) -> Result<Course, Failure> {
        let text = write::remaining_list(&self.run);
        let path = self
            .reports
            .write("left-to-do.md", &text)
            .map_err(|error| not_written("left-to-do.md", &error))?;
        self.skip_the_rest();
        self.exit = Exit::TakeOver;
        self.tell("hands over", &path.display().to_string())?;
        Ok(Course::Done { report: applied(), next: Stage::Close })
    }

    fn skip_the_rest(&mut self) {
        for name in
            [step::SORT, step::FIND, step::REMOVE, step::INDEX, step::CHECKSUMS, step::REPORT]
        {
            self.run.steps.entry(name.to_owned()).or_insert(Ended::Skipped);
        }
    }

    /// The report on one step, with those that went on meanwhile.
    fn report(&self, name: &str, tally: &Tally) -> Report {
        let why = shortfall(tally);
        let outcome = if why.is_some() { Outcome::Diverged } else { Outcome::Applied };
        let mut steps = vec![StepReport { id: name.to_owned(), outcome, why: why.clone() }];
        for id in [step::INDEX, step::CHECKSUMS] {
            if matches!(self.run.steps.get(id), Some(Ended::Done(_))) {
                let id = id.to_owned();
                steps.push(StepReport { id, outcome: Outcome::Applied, why: None });
            }
        }
        Report { outcome, why, steps, unmet: Vec::new() }
    }
}

/// What was not done of what was decided, in words.
pub(super) fn shortfall(tally: &Tally) -> Option<String> {
    (!tally.not_done.is_empty()).then(|| {
        let all = tally.done.len() + tally.not_done.len();
        let mut why = format!("{} of {all} not done. ", tally.not_done.len());
        why.push_str(&tally.not_done.join("; "));
        why.chars().take(4000).collect()
    })
}

pub(super) fn applied() -> Report {
    Report { outcome: Outcome::Applied, why: None, steps: Vec::new(), unmet: Vec::new() }
}

fn files(tally: &Tally) -> String {
    counted(tally.done.len(), "file", "files")
}

/// The reviewer's words, whichever kind of answer they came with.
fn said(decision: &Decision) -> String {
    let mut parts: Vec<String> =
        [&decision.text, &decision.reason].into_iter().flatten().cloned().collect();
    parts.extend(decision.facts.iter().map(|(name, value)| format!("{name} = {value}")));
    parts.extend(decision.constraints.iter().map(|constraint| constraint.text.clone()));
    let text = parts.join("; ");
    if text.trim().is_empty() { "(no words)".to_owned() } else { text.chars().take(2000).collect() }
}
