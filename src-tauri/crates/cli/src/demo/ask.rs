//! Handing over a question, going on with what needs no answer, and telling the
//! desk what was done with it. Each part can be repeated after a stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use handoff_domain::decision::{Decider, Decision};
use handoff_domain::lifecycle::State;
use handoff_domain::payload::Payload;
use handoff_domain::runnable::{Pending, free_steps};
use handoff_protocol::wire::{Answered, ErrorCode, Reconcile, Revise, Standing, Submit, method};
use handoff_transport::client::{Client, ClientError};
use serde_json::value::RawValue;

use super::answer::Course;
use super::ledger::{About, Open, Question, Stage};
use super::undo::Heard;
use super::{Demo, case, undo};
use crate::commands::acknowledge;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::text;

impl Demo<'_, '_> {
    /// Asks, waits and does what was answered. `Some` when the run cannot go
    /// on for now.
    pub(super) fn ask(&mut self, about: About) -> Result<Option<Exit>, Failure> {
        if self.run.open.is_none() {
            self.run.round += 1;
            let payload = self.payload_text(about)?;
            self.run.open = Some(Open {
                question: Question::Own(about),
                payload,
                id: None,
                answer: None,
                revision: None,
                report: None,
            });
            self.ledger.write(&self.run)?;
        }
        self.go_by_the_answer(Question::Own(about))
    }

    /// Waits for the answer to the question that is open, and does it.
    pub(super) fn go_by_the_answer(&mut self, question: Question) -> Result<Option<Exit>, Failure> {
        let client = self.desk.reach(self.edge)?;
        let Some((client, id)) = self.hand_over(client)? else { return Ok(None) };
        let (client, answered) = match self.wait_and_go_on(client, &id) {
            Err(failure) if failure.data.code == ErrorCode::NotFound => {
                // The desk has lost its memory, or has another one: ask again.
                match question {
                    Question::Own(_) => self.with_open(|open| open.id = None),
                    Question::Held | Question::Draft => self.run.open = None,
                }
                self.ledger.write(&self.run)?;
                return Ok(None);
            }
            other => other?,
        };
        let Some(decision) = answered.decision.clone() else {
            return self.without_decision(question, &answered);
        };
        // What was held is asked for again, and the gate knows if it was done.
        if question != Question::Held && !self.may_act(&answered) {
            return self.someone_else_acts(question, &answered);
        }
        // Remembered first: once it is acknowledged, it is not given again.
        let first_sight = answered.act;
        if first_sight {
            self.with_open(|open| open.answer = Some(answered.clone()));
            self.ledger.write(&self.run)?;
        }
        let client = acknowledge(&self.desk, client, &answered)?;
        self.tell("answer", &text::decision_in_words(&decision))?;
        match self.follow(question, &decision, &answered)? {
            Course::AskAgain => {
                self.run.open = None;
                self.ledger.write(&self.run)?;
            }
            Course::Revise(payload) => {
                self.with_open(|open| open.revision = Some(payload));
                self.ledger.write(&self.run)?;
            }
            Course::Done { report, next } => {
                self.run.stage = next;
                self.with_open(|open| open.report = Some(report));
                self.ledger.write(&self.run)?;
                if decision.by == Decider::System {
                    self.exit = Exit::Default;
                }
                self.send_report(client)?;
            }
        }
        Ok(None)
    }

    /// Sends the report that an earlier stop kept from being sent.
    pub(super) fn report_what_was_done(&mut self) -> Result<(), Failure> {
        if self.run.open.as_ref().is_none_or(|open| open.report.is_none()) {
            return Ok(());
        }
        let client = self.desk.reach(self.edge)?;
        self.send_report(client)
    }

    fn send_report(&mut self, mut client: Client) -> Result<(), Failure> {
        let Some(Open { id: Some(id), report: Some(report), .. }) = self.run.open.clone() else {
            return Ok(());
        };
        let call = Reconcile { id, report };
        let outcome = match client.call::<_, Standing>(method::RECONCILE, &call) {
            Err(ClientError::Lost { .. }) => {
                self.desk.reach(self.edge)?.call::<_, Standing>(method::RECONCILE, &call)
            }
            other => other,
        };
        match outcome {
            Ok(_) => self.tell("reported", outcome_in_words(&call))?,
            // Reported before, or taken out of this agent's hands: what was
            // done stands, and there is nobody to tell.
            Err(ClientError::Refused { data, .. })
                if matches!(data.code, ErrorCode::Conflict | ErrorCode::NotFound) =>
            {
                self.tell("reported", &format!("the desk did not take it: {}", data.message))?;
            }
            Err(error) => return Err(error.into()),
        }
        self.run.open = None;
        self.ledger.write(&self.run)
    }

    /// Submits the question, or the other proposal that was asked for. `None`
    /// when it has to be tried again.
    fn hand_over(&mut self, mut client: Client) -> Result<Option<(Client, String)>, Failure> {
        let Some(open) = self.run.open.clone() else { return Ok(None) };
        if let (Some(id), Some(revision)) = (&open.id, &open.revision) {
            let handoff = raw(revision)?;
            let revise = Revise { id: id.clone(), handoff: &handoff };
            let standing: Standing = client.call(method::REVISE, &revise)?;
            self.with_open(|open| {
                open.payload.clone_from(revision);
                open.revision = None;
                open.answer = None;
            });
            self.ledger.write(&self.run)?;
            let text = format!("{}, revision {}", standing.id, standing.revision);
            self.tell("asks again", &text)?;
            return Ok(Some((client, standing.id)));
        }
        if let Some(id) = open.id {
            self.tell("has asked", &id)?;
            return Ok(Some((client, id)));
        }
        let handoff = raw(&open.payload)?;
        let submit = Submit::of(&handoff);
        let standing: Standing = match client.call(method::SUBMIT, &submit) {
            // Whether it arrived is unknown; the key makes asking again safe.
            Err(ClientError::Lost { .. }) => {
                client = self.desk.reach(self.edge)?;
                client.call(method::SUBMIT, &submit)?
            }
            other => other?,
        };
        self.with_open(|open| open.id = Some(standing.id.clone()));
        self.ledger.write(&self.run)?;
        let question = self.question()?;
        self.tell("asks", &question)?;
        self.tell(
            "",
            &format!(
                "handoff {}; waiting for the answer; `handoff-desk` opens the desk",
                standing.id
            ),
        )?;
        Ok(Some((client, standing.id)))
    }

    /// Waits for the answer, and meanwhile does the steps that do not need it.
    fn wait_and_go_on(&mut self, client: Client, id: &str) -> Result<(Client, Answered), Failure> {
        let answered = Arc::new(AtomicBool::new(false));
        let payload = self.open_payload()?;
        let free = payload.as_ref().and_then(|payload| {
            let step = payload.pending_question.step.as_deref();
            Some(free_steps(payload.plan.as_ref()?, &[Pending { id, step }]))
        });
        let free = free.unwrap_or_default();
        let (news, heard) = mpsc::channel();
        undo::listen(&self.desk, &self.run.id, &answered, news.clone());
        let waiting = {
            let (desk, id, answered) = (self.desk.clone(), id.to_owned(), Arc::clone(&answered));
            std::thread::spawn(move || {
                let outcome = desk.wait(client, &id, None, &mut |text| {
                    // Who has ended does not need to know.
                    news.send(Heard::Remark(text.to_owned())).ok();
                });
                answered.store(true, Ordering::Release);
                news.send(Heard::Over).ok();
                outcome
            })
        };
        let still_waiting = || !answered.load(Ordering::Acquire);
        for step in &free {
            if !still_waiting() {
                break;
            }
            // A full disk does not end the wait: it is told, and tried again.
            if let Err(failure) = self.write_free_step(step, &still_waiting) {
                if failure.unheard {
                    return Err(failure);
                }
                self.tell("not written", &failure.data.message)?;
            }
        }
        for heard in heard {
            match heard {
                Heard::Remark(remark) => self.tell("", &remark)?,
                Heard::Undo => {
                    self.undo_what_is_asked(None)?;
                }
                Heard::Over => break,
            }
        }
        waiting.join().unwrap_or_else(|_| {
            Err(Failure::new(
                ErrorCode::Internal,
                "The wait for the answer has failed.",
                "Start the demo again; it goes on waiting.",
            ))
        })
    }

    /// Whether this process is the one to act: it was just told so, or was told
    /// so before it was stopped and the lease still holds.
    fn may_act(&self, answered: &Answered) -> bool {
        let known = self.run.open.as_ref().and_then(|open| open.answer.as_ref());
        let holds = known.and_then(|known| known.lease.as_ref()).is_some_and(|lease| {
            answered.state == State::Collected && (self.edge.now)() < lease.expires_at
        });
        answered.act || (holds && known.is_some_and(|known| known.decision == answered.decision))
    }

    fn without_decision(
        &mut self,
        question: Question,
        answered: &Answered,
    ) -> Result<Option<Exit>, Failure> {
        match answered.state {
            State::Withdrawn | State::Superseded => {
                self.tell("answer", "none: the question was taken back")?;
                self.drop_question(question, Exit::NoDecision)?;
                Ok(None)
            }
            State::Queued
            | State::Ready
            | State::Decided
            | State::Released
            | State::Collected
            | State::Reconciled => {
                self.tell("answer", "none in time; nothing was done")?;
                self.tell("", "Start the demo again to pick up a later answer.")?;
                Ok(Some(Exit::of_wait(answered)))
            }
        }
    }

    /// Goes on without the question. One of the agent's own decides how it goes
    /// on; the desk's are met again where they still stand.
    fn drop_question(&mut self, question: Question, exit: Exit) -> Result<(), Failure> {
        self.run.open = None;
        if matches!(question, Question::Own(_)) {
            self.exit = exit;
            self.run.stage = Stage::Close;
        }
        self.ledger.write(&self.run)
    }

    fn someone_else_acts(
        &mut self,
        question: Question,
        answered: &Answered,
    ) -> Result<Option<Exit>, Failure> {
        if answered.state == State::Reconciled {
            self.tell("answer", "it was carried out and reported already")?;
            self.drop_question(question, Exit::of_wait(answered))?;
            return Ok(None);
        }
        self.tell("answer", "another process was told to act on it, or this one took too long")?;
        self.tell(
            "",
            "It has ten minutes for that. Start the demo again then; what cannot be undone,",
        )?;
        self.tell("", "the card at the desk hands out again first.")?;
        Ok(Some(Exit::Refused))
    }

    fn question(&self) -> Result<String, Failure> {
        Ok(self.open_payload()?.map(|payload| payload.pending_question.text).unwrap_or_default())
    }

    /// The question that waits, read back.
    fn open_payload(&self) -> Result<Option<Payload>, Failure> {
        let Some(open) = &self.run.open else { return Ok(None) };
        serde_json::from_str(&open.payload).map(Some).map_err(|error| unreadable(&error))
    }

    /// The question in its present form, as JSON.
    pub(super) fn payload_text(&self, about: About) -> Result<String, Failure> {
        let payload = match about {
            About::Moves => case::moves(&self.run),
            About::Removal => case::removal(&self.run),
        };
        serde_json::to_string(&payload).map_err(|error| unreadable(&error))
    }

    fn with_open(&mut self, change: impl FnOnce(&mut Open)) {
        if let Some(open) = &mut self.run.open {
            change(open);
        }
    }
}

/// The decision's outcome in one word, as it was reported.
fn outcome_in_words(call: &Reconcile) -> &'static str {
    match call.report.outcome {
        handoff_domain::lifecycle::Outcome::Applied => "done as decided",
        handoff_domain::lifecycle::Outcome::Diverged => "not quite as decided, with why",
    }
}

fn raw(text: &str) -> Result<Box<RawValue>, Failure> {
    RawValue::from_string(text.to_owned()).map_err(|error| unreadable(&error))
}

fn unreadable(error: &serde_json::Error) -> Failure {
    Failure::new(
        ErrorCode::Internal,
        format!("The demo's own question cannot be read: {error}."),
        "Remove the files in the folder demo/runs of the desk's home and start it again.",
    )
}

/// Whether the action that was approved is the one that is about to run.
pub(super) fn is_as_approved(decision: &Decision, answered: &Answered) -> bool {
    decision.action_hash() == answered.action_hash
}
