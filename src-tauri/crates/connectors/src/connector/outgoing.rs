//! What was decided, on its way to the server.
//!
//! Each step is noted before it is made: whatever a crash cuts off, the next look
//! at the thread says what is left to do.

use std::collections::HashSet;

use handoff_domain::decision::{Decision, DecisionKind};
use handoff_domain::gate::Stop;
use handoff_domain::lifecycle::State as Stage;
use handoff_domain::outbox::{self, Delivery, Ending, Found, Heard, Step, Wish};
use handoff_engine::{AskRow, Engine, Failure};
use serde_json::Value;

use super::import::{About, Named, named};
use super::{Broken, Connector};
use crate::langgraph::answer::NoForm;
use crate::langgraph::card::Asked;
use crate::langgraph::server::{Said, Silent};
use crate::langgraph::thread::Waiting;

/// What was decided on a question, put together.
struct Reply {
    decisions: Vec<Decision>,
    /// What is sent, if anything is; `None` inside where the graph just goes on.
    answer: Result<Option<Value>, NoForm>,
}

impl Connector {
    /// Takes each open question one step further; those that were seen standing
    /// and are not decided are passed over.
    pub(super) fn attend(&mut self, standing: Option<&HashSet<Named>>) -> Result<(), Broken> {
        let mut in_flight = false;
        for ask in self.engine.open_asks(&self.name)? {
            in_flight |= self.take_further(&ask, standing)?;
            if self.wake.is_stopped() {
                break;
            }
        }
        self.in_flight = in_flight;
        Ok(())
    }

    /// Says whether something is on its way.
    fn take_further(
        &mut self,
        ask: &AskRow,
        standing: Option<&HashSet<Named>>,
    ) -> Result<bool, Broken> {
        if let Delivery::Over { how } = &ask.standing {
            self.close(ask, how)?;
            return Ok(false);
        }
        let out = |stage: &Option<Stage>| {
            matches!(stage, Some(Stage::Released | Stage::Collected | Stage::Reconciled))
        };
        let decided = ask.handoffs.iter().all(|(_, stage)| out(stage));
        let untouched = ask.standing == Delivery::Asked && !decided;
        if untouched && standing.is_none_or(|standing| standing.contains(&named(ask))) {
            return Ok(false);
        }
        let about: About = match serde_json::from_str(&ask.about) {
            Ok(about) => about,
            Err(error) => {
                let why = format!("What was asked cannot be read any more: {error}.");
                self.end(ask, Ending::Refused { why })?;
                return Ok(false);
            }
        };
        let reply = if decided { Some(self.reply(ask, &about)?) } else { None };
        let wish = match reply.as_ref().map(|reply| &reply.answer) {
            None => Wish::None,
            Some(Ok(_)) => Wish::Send,
            Some(Err(_)) => Wish::Leave,
        };
        let found = self.found(ask)?;
        match outbox::next(&ask.standing, wish, &found, self.engine.time()) {
            Step::Wait => Ok(ask.standing != Delivery::Asked),
            Step::End(ending) => {
                let unanswerable =
                    reply.is_some_and(|reply| reply.answer == Err(NoForm::Unanswerable));
                let ending = match ending {
                    Ending::Left if unanswerable => Ending::Refused {
                        why: "The interrupt has no form for what was decided, so nothing was \
                              sent. The graph stays where it is."
                            .to_owned(),
                    },
                    Ending::Left
                    | Ending::Confirmed
                    | Ending::Elsewhere
                    | Ending::Refused { .. } => ending,
                };
                self.end(ask, ending)?;
                Ok(false)
            }
            Step::Send => match reply {
                Some(Reply { decisions, answer: Ok(answer) })
                    if self.may_go_on(ask, &decisions)? && self.take(ask)? =>
                {
                    self.send(ask, &about, answer.as_ref())?;
                    Ok(true)
                }
                Some(_) | None => Ok(false),
            },
        }
    }

    /// What a look at the thread of a question finds.
    fn found(&mut self, ask: &AskRow) -> Result<Found, Broken> {
        let Some((thread, state)) = self.examine(&ask.thread)? else { return Ok(Found::Missing) };
        if thread.status == "busy" {
            return Ok(Found::Busy);
        }
        let Some(all) = self.waiting(&thread, &state) else { return Ok(Found::Busy) };
        let same = all.into_iter().find(|stands| stands.waiting.question() == ask.question);
        if same.is_none() && thread.says_it_waits_for(&ask.question) {
            self.problem(format!(
                "The server says two things of the thread {}: that it waits, and that nothing \
                 waits in it. It may have lost what it kept. Nothing is sent there; look at the \
                 thread on the server.",
                ask.thread
            ));
            return Ok(Found::Busy);
        }
        Ok(same.map_or(Found::Gone, |stands| Found::Stands { failed: stands.failed }))
    }

    /// What was decided, in the form of the question.
    fn reply(&self, ask: &AskRow, about: &About) -> Result<Reply, Broken> {
        let desk = self.desk()?;
        let mut decisions = Vec::new();
        for (id, _) in &ask.handoffs {
            decisions.extend(desk.get(id)?.answered.decision);
        }
        let answer = match Asked::of(&about.waiting) {
            Ok(asked) => asked.answer(&decisions),
            Err(_) => Err(NoForm::Unanswerable),
        };
        Ok(Reply { decisions, answer })
    }

    /// Whether the reviewer lets the agent work on this thread now. A task that
    /// is taken over by the decision itself is told so.
    fn may_go_on(&self, ask: &AskRow, decisions: &[Decision]) -> Result<bool, Failure> {
        let stop = self.engine.stopped(&Engine::agent_of_server(&self.name), &ask.thread)?;
        let taken = decisions.iter().any(|decision| decision.kind == DecisionKind::TakeOver);
        Ok(match stop {
            None => true,
            Some(Stop::TakenOver) => taken,
            Some(Stop::Everything | Stop::Agent | Stop::Task) => false,
        })
    }

    /// Takes the decisions, as the one who acts on them.
    fn take(&self, ask: &AskRow) -> Result<bool, Failure> {
        let desk = self.desk()?;
        for (id, stage) in &ask.handoffs {
            // One that was taken before a restart is still ours: nobody else can
            // speak as this agent.
            if *stage == Some(Stage::Released) && !desk.take(id)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn send(&mut self, ask: &AskRow, about: &About, answer: Option<&Value>) -> Result<(), Broken> {
        let sending = outbox::sending(&ask.standing);
        self.runtime.block_on(self.engine.ask_stands(ask, sending.clone()))?;
        let said = self.say(ask, about, answer)?;
        let heard = match said {
            Said::Taken => Heard::Taken,
            Said::Unknown | Said::NotNow => Heard::NotNow,
            Said::Never(why) => Heard::Never { why },
            Said::Nothing => Heard::Nothing,
        };
        let after = outbox::heard(&sending, heard, self.engine.time());
        if after != sending {
            self.runtime.block_on(self.engine.ask_stands(ask, after))?;
        }
        Ok(())
    }

    fn say(&mut self, ask: &AskRow, about: &About, answer: Option<&Value>) -> Result<Said, Silent> {
        let assistant = about.place.assistant.as_deref().or(about.place.graph.as_deref());
        let nobody = || {
            Said::Never("The thread does not say what runs it, so it cannot be continued.".into())
        };
        match (&about.waiting, answer) {
            (Waiting::Interrupt { id, .. }, Some(answer)) => {
                let said = self.server.respond(&ask.thread, id, answer);
                if said != Said::Unknown {
                    return Ok(said);
                }
                // Answered meanwhile, or a server that knows no such command, or
                // has no run to give it to.
                match self.found(ask) {
                    Ok(Found::Stands { .. }) => Ok(assistant.map_or_else(nobody, |assistant| {
                        self.server.resume(&ask.thread, assistant, id, answer)
                    })),
                    Ok(Found::Busy | Found::Gone | Found::Missing) | Err(Broken::Desk(_)) => {
                        Ok(Said::NotNow)
                    }
                    Err(Broken::Server(silent)) => Err(silent),
                }
            }
            (Waiting::Breakpoint { .. } | Waiting::Failed { .. }, _) => Ok(assistant
                .map_or_else(nobody, |assistant| self.server.go_on(&ask.thread, assistant))),
            (Waiting::Interrupt { .. }, None) => Ok(Said::Never("There is no answer.".into())),
        }
    }

    fn end(&mut self, ask: &AskRow, ending: Ending) -> Result<(), Failure> {
        let over = Delivery::Over { how: ending.clone() };
        self.runtime.block_on(self.engine.ask_stands(ask, over))?;
        // What it asks next, or again, is looked for at once.
        self.known.remove(&ask.thread);
        self.close(ask, &ending)
    }

    /// Ends the handoffs of a question; one that is held is ended later.
    fn close(&self, ask: &AskRow, how: &Ending) -> Result<(), Failure> {
        let desk = self.desk()?;
        let mut all = true;
        for (id, stage) in &ask.handoffs {
            match stage {
                Some(Stage::Queued | Stage::Ready) => desk.withdraw(id, &words(how, false))?,
                Some(Stage::Decided) => all = false,
                Some(Stage::Released | Stage::Collected) => {
                    let as_decided = match how {
                        Ending::Confirmed => true,
                        Ending::Left => desk.get(id)?.answered.decision.is_some_and(|decision| {
                            matches!(decision.kind, DecisionKind::Reject | DecisionKind::TakeOver)
                        }),
                        Ending::Elsewhere | Ending::Refused { .. } => false,
                    };
                    let why = words(how, true);
                    desk.report(id, (!as_decided).then_some(why.as_str()))?;
                }
                Some(Stage::Reconciled | Stage::Withdrawn | Stage::Superseded) | None => {}
            }
        }
        if all {
            self.runtime.block_on(self.engine.close_ask(ask.seq))?;
        }
        Ok(())
    }
}

/// Why a card is closed, or what its decision came to.
fn words(how: &Ending, decided: bool) -> String {
    match how {
        Ending::Elsewhere if decided => "It was answered elsewhere before your decision could be \
                                         sent: the thread does not wait for it any more. Nothing \
                                         was sent."
            .to_owned(),
        Ending::Elsewhere => {
            "It was answered elsewhere: the thread does not wait for it any more.".to_owned()
        }
        Ending::Confirmed => "It is answered.".to_owned(),
        Ending::Left => "Nothing was sent: its calls are answered together, and another of them \
                         was refused."
            .to_owned(),
        Ending::Refused { why } => why.clone(),
    }
}
