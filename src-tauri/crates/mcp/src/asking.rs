//! One question to the gate, from the check to the answer a caller can act on.
//!
//! The last word is always a check that answers `run`: a decision alone runs
//! nothing, since the reviewer may have paused the agent meanwhile. A desk that
//! is lost on the way leaves the question open, and the call undone.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use handoff_domain::action::{Effect, Undo};
use handoff_domain::decision::{DecisionKind, action_hash};
use handoff_domain::effect::{self, Class, is_shell};
use handoff_domain::lifecycle::{Outcome, Report, State};
use handoff_protocol::wire::{
    Answered, Check, Checked, ErrorCode, ErrorData, Gate, LeaseGrant, Reconcile, Standing, method,
};
use handoff_transport::client::{Client, ClientError};
use serde_json::{Map, Value};

use crate::desk::{Desk, Patience, acknowledge, is_final};
use crate::words;

/// The pauses between two looks at what no handoff stands for.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The handoff that a question became, for who takes it back meanwhile.
pub type Became = Arc<Mutex<Option<String>>>;

/// A call that is asked for.
#[derive(Debug)]
pub struct Question {
    check: Check,
    first: First,
    /// The handoff that it became.
    handoff: Option<String>,
    became: Became,
    /// The reviewer has answered with the call that `check` is now.
    decided: bool,
}

/// What a question asked first: all that tells it from another.
#[derive(Debug, PartialEq)]
struct First {
    call: String,
    task: String,
    step: Option<String>,
    cwd: Option<String>,
    /// The key, where the caller has named it.
    key: Option<String>,
}

/// The files that a call would change, where the call says which, with the way
/// back that the desk has for them: its own copies. What a command does to files
/// is left to the desk.
pub fn copies(
    tool: &str,
    args: &Map<String, Value>,
    cwd: Option<&str>,
) -> (Option<Undo>, Vec<String>) {
    if is_shell(tool) {
        return (None, Vec::new());
    }
    let reading = effect::read(tool, args, cwd);
    match (reading.class, reading.touches) {
        (Class::Write, Some(files)) if !files.is_empty() => {
            (Some(Undo::Files { until: None }), files)
        }
        _ => (None, Vec::new()),
    }
}

/// The folder that this runs in, and what it starts.
pub fn folder() -> Option<String> {
    std::env::current_dir().ok().map(|folder| folder.display().to_string())
}

/// Where a question ends.
pub enum Ending {
    /// It may run now, once.
    Run(Box<Go>),
    /// It must not run.
    No(No),
    /// It has no answer yet; the question stays open.
    Open {
        /// Where it can be seen.
        handoff: Option<String>,
        /// Why it waits.
        why: String,
    },
    /// Nobody wants to know any more.
    Dropped {
        /// What it became.
        handoff: Option<String>,
    },
}

/// A call that may run.
pub struct Go {
    /// With what.
    pub args: Map<String, Value>,
    /// What it was found to do.
    pub effect: Effect,
    /// The decision it carries out.
    pub handoff: Option<String>,
    /// How much there is to know in `agent.next`.
    pub pending: u32,
    /// Holds the lease while the call runs.
    pub holder: Client,
}

/// A call that must not run.
pub struct No {
    /// Why, for a model.
    pub words: String,
    /// What was decided, with what there is to acknowledge.
    pub receipt: Option<Receipt>,
}

/// A decision that says no, to be acknowledged once it was passed on.
pub struct Receipt {
    client: Client,
    lease: LeaseGrant,
    handoff: String,
}

impl Receipt {
    /// Tells the desk that the agent has it, and that nothing is to be done.
    pub fn give(mut self) {
        // Not told, it is offered again to the next who asks.
        if acknowledge(&mut self.client, &self.lease).is_ok() {
            let report = Report {
                outcome: Outcome::Applied,
                why: None,
                steps: Vec::new(),
                unmet: Vec::new(),
            };
            let told = Reconcile { id: self.handoff, report };
            self.client.call::<_, Standing>(method::RECONCILE, &told).ok();
        }
    }
}

impl Question {
    /// A new one.
    pub fn new(check: Check) -> Self {
        let first = First {
            call: action_hash(&check.tool, &check.args),
            task: check.task.id().to_owned(),
            step: check.step.clone(),
            cwd: check.cwd.clone(),
            key: None,
        };
        Self { check, first, handoff: None, became: Became::default(), decided: false }
    }

    /// The same, where the caller has named its key: it is asked under no other.
    pub fn under_its_key(mut self) -> Self {
        self.first.key = Some(self.check.key.clone());
        self
    }

    /// The handoff that it is or becomes.
    pub fn became(&self) -> Became {
        Arc::clone(&self.became)
    }

    /// The key that it is asked under now, the task it belongs to, and the folder
    /// it is asked for in.
    pub fn place(&self) -> (&str, &str, Option<&str>) {
        (&self.check.key, self.check.task.id(), self.check.cwd.as_deref())
    }

    /// Asks once, without waiting: the ending, or none where it is held.
    pub fn ask(&mut self, mut client: Client) -> Result<Result<Ending, Client>, ClientError> {
        let checked: Checked = client.call(method::CHECK, &self.check)?;
        Ok(self.heard(checked, client))
    }

    /// Asks until there is an answer that counts, or patience ends.
    pub fn pursue(&mut self, desk: &Desk, mut client: Client, patience: &Patience<'_>) -> Ending {
        let mut pause = FIRST_PAUSE;
        loop {
            if self.handoff.is_some() && !self.decided {
                match self.await_decision(desk, client, patience) {
                    Ok(Err(again)) => client = again,
                    Ok(Ok(ending)) => return ending,
                    Err(data) => return self.unanswered(&data),
                }
            }
            if patience.is_dropped() {
                return Ending::Dropped { handoff: self.handoff.clone() };
            }
            match self.ask(client) {
                Ok(Ok(ending)) => return ending,
                Ok(Err(held)) if self.handoff.is_some() && !self.decided => {
                    client = held;
                    continue;
                }
                Ok(Err(held)) => client = held,
                Err(error) if error.passes() && !patience.is_over() => {
                    match desk.look_for(patience) {
                        Ok(found) => client = found,
                        Err(error) => return self.unanswered(&error.explained()),
                    }
                    continue;
                }
                Err(error) => return self.unanswered(&error.explained()),
            }
            if patience.is_over() {
                return self.open("The reviewer has paused this, or something else comes first.");
            }
            // No handoff stands for a pause or for what another waits for.
            (patience.tell)("Waiting: the reviewer has paused this, or something comes first.");
            std::thread::park_timeout(pause.min(patience.left()));
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// What a check answered.
    fn heard(&mut self, checked: Checked, client: Client) -> Result<Ending, Client> {
        match checked.verdict {
            Gate::Run => Ok(Ending::Run(Box::new(Go {
                args: self.check.args.clone(),
                effect: checked.effect,
                handoff: checked.handoff_id.or_else(|| self.handoff.clone()),
                pending: checked.pending_for_you,
                holder: client,
            }))),
            Gate::Denied => Ok(Ending::No(No { words: checked.why, receipt: None })),
            Gate::Held => {
                if checked.handoff_id.is_some() && checked.handoff_id != self.handoff {
                    self.handoff.clone_from(&checked.handoff_id);
                    *self.became.lock().unwrap_or_else(PoisonError::into_inner) =
                        checked.handoff_id;
                    self.decided = false;
                }
                Err(client)
            }
        }
    }

    /// Waits for the decision: an ending, or the connection to ask again on.
    fn await_decision(
        &mut self,
        desk: &Desk,
        client: Client,
        patience: &Patience<'_>,
    ) -> Result<Result<Ending, Client>, ErrorData> {
        let id = self.handoff.clone().unwrap_or_default();
        let (mut client, answered) = desk.wait(client, &id, patience)?;
        if patience.is_dropped() {
            // What was offered to this connection is free as it closes.
            return Ok(Ok(Ending::Dropped { handoff: self.handoff.clone() }));
        }
        let Answered { decision, act, lease, state, .. } = &answered;
        let Some(decision) = decision else {
            return Ok(Ok(if is_final(&answered) && state.is_over() {
                let over = if *state == State::Withdrawn { "taken back" } else { "replaced" };
                no(format!("The question was {over}, so there is no permission."))
            } else {
                self.open("The reviewer has not decided yet.")
            }));
        };
        if !act {
            return Ok(Ok(
                no("The answer was given to another caller, who acts on it.".to_owned()),
            ));
        }
        let (DecisionKind::Approve | DecisionKind::Modify, Some(args)) =
            (decision.kind, &decision.args)
        else {
            let words = words::refusal(decision);
            let receipt = lease.clone().map(|lease| Receipt { client, lease, handoff: id });
            return Ok(Ok(Ending::No(No { words, receipt })));
        };
        if let Some(lease) = lease {
            match acknowledge(&mut client, lease) {
                Ok(()) => {}
                // It is offered again, and then it is known.
                Err(error) if error.passes() && !patience.is_over() => {
                    let again = desk.look_for(patience).map_err(ClientError::explained)?;
                    return Ok(Err(again));
                }
                Err(error) => return Err(error.explained()),
            }
        }
        self.take(args);
        Ok(Err(client))
    }

    /// What was decided is asked for from now on.
    fn take(&mut self, args: &Map<String, Value>) {
        let tool = &self.check.tool;
        if action_hash(tool, args) != action_hash(tool, &self.check.args) {
            self.check.args.clone_from(args);
            if matches!(self.check.undo, Some(Undo::Files { .. })) {
                let cwd = self.check.cwd.as_deref();
                (self.check.undo, self.check.files) = copies(tool, args, cwd);
            }
            // Another call is another question; its answer is there.
            self.check.key.push_str(":edited");
        }
        self.decided = true;
    }

    fn open(&self, why: &str) -> Ending {
        Ending::Open { handoff: self.handoff.clone(), why: why.to_owned() }
    }

    /// The desk did not answer, or not well: nothing is permitted.
    fn unanswered(&self, data: &ErrorData) -> Ending {
        if data.code == ErrorCode::Unavailable && self.handoff.is_some() {
            return self.open(&data.message);
        }
        no(without_desk(data))
    }
}

/// That a call does not run, since nobody could be asked.
pub fn without_desk(data: &ErrorData) -> String {
    format!(
        "The call was not made: nothing may run that could not be asked.\n{}",
        words::failure(data)
    )
}

fn no(words: String) -> Ending {
    Ending::No(No { words, receipt: None })
}

/// The questions that were left open: who asks the same again goes on waiting for
/// the same answer. A yes for one folder, task or step is none for another.
#[derive(Default)]
pub struct LeftOpen(Mutex<Vec<Question>>);

impl LeftOpen {
    /// The oldest that asks what this one would; it is left open no longer.
    pub fn take(&self, asked: &Question) -> Option<Question> {
        let mut open = self.list();
        let same = open.iter().position(|known| known.first == asked.first)?;
        Some(open.remove(same))
    }

    /// Keeps one that still waits for a decision.
    pub fn keep(&self, question: Question) {
        if question.handoff.is_some() {
            self.list().push(question);
        }
    }

    fn list(&self) -> MutexGuard<'_, Vec<Question>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
