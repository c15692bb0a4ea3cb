//! A call on its way through the gate: asked, waited for, and let go on only by
//! the desk's `run`.

use std::fs::File;
use std::io::Read as _;
use std::time::{Duration, Instant};

use handoff_domain::decision::{DecisionKind, action_hash, hex};
use handoff_domain::gate::{Held, Ran, Stop};
use handoff_domain::identity::is_handoff_id;
use handoff_domain::lifecycle::State;
use handoff_domain::payload::Task;
use handoff_protocol::wire::{Answered, Check, Checked, Gate, TaskRef};
use handoff_transport::session::{Let, Passed, Served};
use serde_json::{Map, Value};

use crate::call;
use crate::event::{Call, Ending, Moment, Verdict};
use crate::open::{Note, Open, Questions};
use crate::talk::{Fault, Talk};
use crate::{Client, Hook, Start, words};

/// How much of a client's transcript is read for what the user said first.
const TRANSCRIPT: u64 = 256 * 1024;

/// May this call go on?
pub(crate) fn gate(hook: Hook, moment: Moment, call: &Call, until: Instant) -> Verdict {
    let client = hook.client;
    match Talk::begin(hook, until) {
        Ok(talk) => {
            let questions = Questions::of(talk.home(), talk.agent(), &call.session);
            questions.is_worked_on();
            Gatekeeper { client, moment, call, questions, open: None, blocked: None, talk }
                .verdict()
        }
        Err(why) => Verdict::Deny(why),
    }
}

/// Records what was done, and takes back what is asked of it still.
pub(crate) fn record(hook: Hook, call: &Call, ending: Ending) -> Result<(), String> {
    let (client, until) = (hook.client, Instant::now() + hook.within);
    let mut talk = Talk::begin(hook, until)?;
    let questions = Questions::of(talk.home(), talk.agent(), &call.session);
    let hash = action_hash(&call.tool, &call.args);
    for gate in [Passed::FirstGate, Passed::ForPrompt] {
        questions.take_let(gate, &hash);
    }
    if let Some(name) = call::to_server(client, call, &call.args) {
        questions.take_served(&name);
    }
    for note in questions.answered_elsewhere(&hash, call.id.as_deref()) {
        let reason = "It was answered at the terminal.";
        talk.withdraw(&note.handoff, reason).map_err(|fault| fault_said(fault, ""))?;
    }
    let id = call::action_id(call).map_or_else(fresh, Ok)?;
    let mut done = call::record(call, ending, id);
    let recorded = match talk.record(&done) {
        Err(Fault::NoSuchTask) => {
            done.task = TaskRef::Whole(Box::new(task(client, call)));
            talk.record(&done)
        }
        outcome => outcome,
    };
    recorded.map(drop).map_err(|fault| fault_said(fault, "The call was not recorded."))
}

/// Takes back what nobody waits for any more.
pub(crate) fn retire(hook: Hook, session: &str, busy: bool) -> Result<(), String> {
    let until = Instant::now() + hook.within;
    let Ok(home) = &hook.home else { return Ok(()) };
    let questions = Questions::of(home, &hook.agent, session);
    questions.tidy();
    let given_up = questions.given_up(busy);
    if given_up.is_empty() {
        return Ok(());
    }
    let mut talk = Talk::begin(hook, until)?;
    for note in given_up {
        let reason = "The turn ended at the terminal before there was an answer.";
        talk.withdraw(&note.handoff, reason).map_err(|fault| fault_said(fault, ""))?;
    }
    Ok(())
}

/// Ends the session's task, where a desk runs: what it changed is looked through
/// then. The client goes, whatever comes of it, and one that takes the session up
/// again begins the task anew.
pub(crate) fn end(hook: Hook, session: &str, until: Instant) {
    let start: Start = Box::new(|_, _| Err("The session is over.".to_owned()));
    if let Ok(mut talk) = Talk::begin(Hook { start, ..hook }, until) {
        talk.close(&call::task_id(session)).ok();
    }
}

struct Gatekeeper<'c> {
    client: Client,
    moment: Moment,
    call: &'c Call,
    questions: Questions,
    /// The question that this call waits for.
    open: Option<Open>,
    /// Why it cannot be asked yet.
    blocked: Option<String>,
    talk: Talk,
}

impl Gatekeeper<'_> {
    fn verdict(mut self) -> Verdict {
        let verdict = self.asked();
        match (verdict, self.open.take()) {
            (Ok(verdict), open) => {
                // First, so that no answer can be taken up that was given.
                if let Some(open) = open {
                    open.over();
                }
                verdict
            }
            // The question stays, for the same call made again.
            (Err(fault), Some(open)) => {
                let why = match fault {
                    Fault::Late => words::undecided(&open.note.handoff),
                    Fault::NoSuchTask | Fault::Said(_) => fault_said(fault, ""),
                };
                open.told();
                Verdict::Deny(why)
            }
            (Err(fault), None) => Verdict::Deny(match (fault, &self.blocked) {
                (Fault::Late, Some(why)) => words::blocked(why),
                (fault, _) => fault_said(fault, "The desk took too long to answer."),
            }),
        }
    }

    fn asked(&mut self) -> Result<Verdict, Fault> {
        let hash = action_hash(&self.call.tool, &self.call.args);
        let let_on = match self.moment {
            Moment::Before => {
                // What the model was allowed to do, it is not to do meanwhile.
                if self.questions.is_let(Passed::Asked, &hash)
                    && let Some(verdict) = self.goes_on()?
                {
                    return Ok(verdict);
                }
                self.questions.take_let(Passed::Asked, &hash)
            }
            Moment::Permission => self.questions.take_let(Passed::FirstGate, &hash),
        };
        if let Some(Let { key, .. }) = let_on.filter(|passed| passed.fits(self.cwd())) {
            // What was let go on is not asked for twice: the desk answers the
            // same under the same key.
            let checked = self.check(&self.call.args, key.clone())?;
            if checked.verdict == Gate::Run {
                self.lets(&self.call.args, &key, &checked);
                self.is_recorded_as(&hash);
                return Ok(Verdict::Run(checked.why));
            }
        }
        self.open = self.questions.take_up(&hash);
        let mut key = match &self.open {
            Some(open) => open.note.key.clone(),
            None => call::key(self.call).map_or_else(fresh, Ok).map_err(Fault::Said)?,
        };
        let mut pause = Duration::ZERO;
        let mut approved = false;
        // One that was asked before may be answered by now, and with another call.
        let mut asked = self.open.as_ref().map(|open| open.note.handoff.clone());
        loop {
            if let Some(handoff) = asked.take() {
                match self.talk.wait(&handoff) {
                    Ok(answered) => match self.decided(&key, &handoff, &answered)? {
                        Some(verdict) => return Ok(verdict),
                        None => approved = true,
                    },
                    // Where it could not be noted, the words are the same.
                    Err(Fault::Late) if self.open.is_none() => {
                        return Ok(Verdict::Deny(words::undecided(&handoff)));
                    }
                    // A desk that does not know it is asked anew.
                    Err(Fault::NoSuchTask) => self.open.take().into_iter().for_each(Open::over),
                    Err(fault) => return Err(fault),
                }
            }
            let checked = self.check(&self.call.args, key.clone())?;
            let handoff = match (checked.verdict, checked.handoff_id.clone()) {
                (Gate::Run, _) => {
                    self.lets(&self.call.args, &key, &checked);
                    return Ok(Verdict::Run(checked.why));
                }
                (Gate::Denied, _) => return Ok(Verdict::Deny(words::denied(&checked.why))),
                // An equal call beside this one has used the yes up: it is asked
                // anew.
                (Gate::Held, Some(_)) if approved => {
                    self.open.take().into_iter().for_each(Open::over);
                    key = fresh().map_err(Fault::Said)?;
                    approved = false;
                    continue;
                }
                (Gate::Held, Some(handoff)) => handoff,
                (Gate::Held, None) => match self.stands_back(&checked, &mut pause)? {
                    Some(verdict) => return Ok(verdict),
                    None => continue,
                },
            };
            self.blocked = None;
            if self.open.is_none() {
                let (key, call) = (key.clone(), self.call.id.clone());
                let note = Note { key, handoff: handoff.clone(), call, told: false };
                // Without it, the same call made again is asked anew.
                self.open = self.questions.keep(&hash, note).ok();
            }
            asked = Some(handoff);
        }
    }

    /// What a decision makes of the call; nothing where it was approved as it
    /// is, which the gate has to say.
    fn decided(
        &mut self,
        key: &str,
        handoff: &str,
        answered: &Answered,
    ) -> Result<Option<Verdict>, Fault> {
        let Some(decision) = &answered.decision else {
            return match answered.state {
                State::Withdrawn | State::Superseded => {
                    Ok(Some(Verdict::Deny(words::over(answered.state.as_str()))))
                }
                // Its own deadline has passed; it can be decided still.
                State::Queued
                | State::Ready
                | State::Decided
                | State::Released
                | State::Collected
                | State::Reconciled => Err(Fault::Late),
            };
        };
        match (decision.kind, &decision.args) {
            (DecisionKind::Approve, _) => Ok(None),
            (DecisionKind::Modify, Some(args)) => self.edited(key, args).map(Some),
            (DecisionKind::Modify, None)
            | (DecisionKind::Reject | DecisionKind::Inform | DecisionKind::TakeOver, _) => {
                self.talk.reconcile(handoff);
                Ok(Some(Verdict::Deny(words::decision(decision))))
            }
        }
    }

    fn edited(&mut self, key: &str, args: &Map<String, Value>) -> Result<Verdict, Fault> {
        // The permit stays, for the call as it was edited.
        let told = || Ok(Verdict::Deny(words::cannot_carry(args)));
        if !self.client.can_carry(self.moment, &self.call.args, args) {
            return told();
        }
        let (hash, key) = (action_hash(&self.call.tool, args), call::edited_key(key));
        let mut pause = Duration::ZERO;
        loop {
            let checked = self.check(args, key.clone())?;
            match (checked.verdict, checked.handoff_id.clone()) {
                (Gate::Run, _) => {
                    self.lets(args, &key, &checked);
                    return Ok(Verdict::Edited(args.clone(), checked.why));
                }
                (Gate::Denied, _) => return Ok(Verdict::Deny(words::denied(&checked.why))),
                // An equal call has used the permit up. Who makes it again waits for
                // the answer to this.
                (Gate::Held, Some(handoff)) => {
                    let note = Note { key, handoff, call: None, told: true };
                    self.questions.keep(&hash, note).ok();
                    return told();
                }
                (Gate::Held, None) => match self.stands_back(&checked, &mut pause) {
                    Ok(None) => {}
                    Ok(Some(verdict)) => return Ok(verdict),
                    Err(Fault::Late) => return told(),
                    Err(fault) => return Err(fault),
                },
            }
        }
    }

    /// Notes for the second gate what a permit was used up for, and for the gate in
    /// front of a server that a call to it may be made.
    fn lets(&self, args: &Map<String, Value>, key: &str, checked: &Checked) {
        // What cannot be noted is asked once more.
        let passed = Let { key: key.to_owned(), cwd: self.call.cwd.clone() };
        if let Some(name) = call::to_server(self.client, self.call, args) {
            let framework = self.client.integration().framework().to_owned();
            let tool = self.call.tool.clone();
            let served = Served { passed: passed.clone(), tool, framework };
            self.questions.was_served(&name, &served).ok();
        }
        let used_up = checked.ran == Some(Ran::Permit);
        if used_up && self.moment == Moment::Before && self.client.has_second_gate() {
            let hash = action_hash(&self.call.tool, args);
            for gate in [Passed::FirstGate, Passed::ForPrompt] {
                self.questions.was_let(gate, &hash, &passed).ok();
            }
        }
    }

    /// Waits while somebody has stopped the task; a verdict where it is not to be
    /// waited for.
    fn goes_on(&mut self) -> Result<Option<Verdict>, Fault> {
        let task = call::task_id(&self.call.session);
        let mut pause = Duration::ZERO;
        loop {
            match self.talk.task(&task)?.stopped {
                None => return Ok(None),
                Some(Stop::TakenOver) => return Ok(Some(Verdict::Deny(words::taken_over()))),
                Some(Stop::Everything | Stop::Agent | Stop::Task) => {
                    self.blocked = Some("The reviewer has paused it.".to_owned());
                }
            }
            self.talk.pause(&mut pause)?;
        }
    }

    fn cwd(&self) -> Option<&str> {
        self.call.cwd.as_deref()
    }

    /// Notes the name under which a call that the model has asked for will be
    /// recorded: it may tell of it, too, and that is one action.
    fn is_recorded_as(&self, hash: &str) {
        if self.moment == Moment::Before
            && let Some(key) = call::action_id(self.call)
        {
            let passed = Let { key, cwd: self.call.cwd.clone() };
            self.questions.was_let(Passed::Recorded, hash, &passed).ok();
        }
    }

    /// Waits a moment where something else has to end first.
    fn stands_back(
        &mut self,
        checked: &Checked,
        pause: &mut Duration,
    ) -> Result<Option<Verdict>, Fault> {
        if checked.held == Some(Held::Stopped(Stop::TakenOver)) {
            return Ok(Some(Verdict::Deny(words::taken_over())));
        }
        self.blocked = Some(checked.why.clone());
        let blocker = checked.blocked_by.iter().find(|id| is_handoff_id(id));
        loop {
            self.talk.pause(pause)?;
            let waits = match blocker {
                Some(id) => {
                    let state = self.talk.look(id)?.answered.state;
                    matches!(state, State::Queued | State::Ready | State::Decided)
                }
                None => self.talk.task(&call::task_id(&self.call.session))?.stopped.is_some(),
            };
            if !waits {
                return Ok(None);
            }
        }
    }

    fn check(&mut self, args: &Map<String, Value>, key: String) -> Result<Checked, Fault> {
        let mut check: Check = call::check(self.client, self.moment, self.call, args, key);
        match self.talk.check(&check) {
            Err(Fault::NoSuchTask) => {
                check.task = TaskRef::Whole(Box::new(self.new_task()));
                self.talk.check(&check)
            }
            outcome => outcome,
        }
    }

    /// The session as a task of which the desk has not heard yet.
    fn new_task(&self) -> Task {
        let mut pause = Duration::ZERO;
        for _ in 1..LOOKS {
            let said = first_words(self.call);
            // Where no file is kept, nothing will ever stand in it.
            if said.is_some()
                || self.call.transcript.is_none()
                || self.talk.pause(&mut pause).is_err()
            {
                return call::task(self.client, self.call, said.as_deref());
            }
        }
        task(self.client, self.call)
    }
}

/// How often it is looked for what the user said: a client may write that down
/// while its first call is on the way.
const LOOKS: usize = 6;

/// The session as a task, with what the user said first.
fn task(client: Client, call: &Call) -> Task {
    call::task(client, call, first_words(call).as_deref())
}

fn first_words(call: &Call) -> Option<String> {
    let file = File::open(call.transcript.as_ref()?).ok()?;
    let mut head = Vec::new();
    // What cannot be read is not known; the goal then says so.
    file.take(TRANSCRIPT).read_to_end(&mut head).ok();
    call::first_words(&String::from_utf8_lossy(&head))
}

/// A name that nothing had before: a call that its client has no name for is
/// told from an earlier equal one by the question that is open, and by nothing
/// else.
fn fresh() -> Result<String, String> {
    let mut bytes = [0; 12];
    getrandom::fill(&mut bytes)
        .map_err(|error| words::broken(&format!("The system gives no random numbers: {error}.")))?;
    Ok(format!("call-{}", hex(&bytes)))
}

fn fault_said(fault: Fault, late: &str) -> String {
    match fault {
        Fault::Said(why) => why,
        Fault::Late => words::broken(late),
        Fault::NoSuchTask => words::broken("The desk does not know what it was asked about."),
    }
}
