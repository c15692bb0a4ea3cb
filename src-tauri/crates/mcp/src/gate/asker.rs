//! Asking for calls, one after the other, and sending on those that may run.

use std::cell::Cell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use handoff_domain::action::Effect;
use handoff_domain::effect::is_of_a_client;
use handoff_protocol::wire::{Check, ErrorData, TaskRef, Tools, ToolsKnown, Withdraw, method};
use handoff_transport::client::{Client, ClientError};
use serde_json::Value;

use super::call::{Call, Going, Sent};
use super::record::report;
use super::{Queue, Shared, lock};
use crate::asking::{Ending, Go, No, Question, copies, folder, without_desk};
use crate::desk::Patience;
use crate::message;

/// How long the desk may take to be told of the tools.
const TOLD: Duration = Duration::from_secs(5);

/// What stands in the queue.
pub enum Asked {
    /// The server has listed its tools.
    Tools,
    /// The client has made a call.
    Call(Arc<Call>),
    /// The client has taken one back.
    Dropped(Arc<Call>),
    /// The client is gone.
    End,
}

impl Shared {
    /// Works the queue off.
    pub(super) fn ask(self: &Arc<Self>, queue: &Queue) {
        let mut kept = None;
        while let Ok(asked) = queue.recv() {
            match asked {
                Asked::Tools => kept = self.tell_tools(kept),
                Asked::Call(call) => kept = self.ask_for(&call, kept),
                // Who asks for it sees that nobody wants it; one that is held
                // sees it at its next look, and the reviewer at once.
                Asked::Dropped(call) => self.take_back(&call),
                Asked::End => {
                    self.leave();
                    self.to_server.close();
                    return;
                }
            }
        }
    }

    /// The client, or the server, is gone: nobody is left to run what is held.
    pub(super) fn leave(&self) {
        let held: Vec<Arc<Call>> = lock(&self.asking).drain().map(|(_, call)| call).collect();
        for call in held {
            call.dropped.store(true, Ordering::Release);
            self.take_back(&call);
        }
    }

    /// Tells the desk of the tools, if it can be reached; gives back the
    /// connection.
    fn tell_tools(&self, kept: Option<Client>) -> Option<Client> {
        let Some(tools) = self.known().untold() else { return kept };
        let mut client = kept.or_else(|| self.desk().connect().ok())?;
        match client.call_by::<_, ToolsKnown>(method::TOOLS, &Tools { tools }, TOLD) {
            Ok(_) | Err(ClientError::Refused { .. }) => {
                // Refused, they stay unknown: their calls are held.
                self.known().told();
                Some(client)
            }
            Err(_) => None,
        }
    }

    /// Asks for a call; gives back the connection, if it can be used again.
    fn ask_for(self: &Arc<Self>, call: &Arc<Call>, kept: Option<Client>) -> Option<Client> {
        if call.dropped.load(Ordering::Acquire) {
            return kept;
        }
        if let Some(going) = call.goes_on.as_ref().and_then(|key| lock(&self.going_on).remove(key))
        {
            // It was asked for when it began.
            self.send(call, going);
            return kept;
        }
        if let Some(hooked) = self.let_by_hook(call) {
            match hooked {
                Ok(effect) if self.is_wanted(call) => {
                    let going = self.going(call, call.args.clone(), effect, None);
                    self.send(call, Box::new(Going { is_hooked: true, ..*going }));
                }
                Ok(_) => {}
                Err(words) => self.refuse_call(call, &words),
            }
            return kept;
        }
        let mut question = Question::new(self.check(call));
        if let Some(known) = self.left_open.take(&question) {
            self.hold(call, known);
            return kept;
        }
        let kept = self.tell_tools(kept);
        // A connection that broke while nobody used it says nothing of the desk.
        let first = kept.map(|client| question.ask(client));
        let outcome = match first {
            Some(Ok(heard)) => Ok(heard),
            Some(Err(ClientError::Refused { data, .. })) => Err(*data),
            Some(Err(_)) | None => match self.desk().reach() {
                Ok(client) => question.ask(client).map_err(ClientError::explained),
                Err(away) => Err(away.data),
            },
        };
        match outcome {
            Ok(Ok(Ending::Run(go))) if go.handoff.is_none() => {
                let Go { args, effect, holder, .. } = *go;
                if self.is_wanted(call) {
                    self.send(call, self.going(call, args, effect, None));
                }
                Some(holder)
            }
            Ok(Ok(ending)) => {
                self.ended(call, ending, question);
                None
            }
            Ok(Err(_held)) => {
                self.hold(call, question);
                None
            }
            Err(data) => {
                self.refuse_call(call, &without_desk(&data));
                None
            }
        }
    }

    /// Waits for the reviewer on a thread of its own.
    fn hold(self: &Arc<Self>, call: &Arc<Call>, mut question: Question) {
        call.became.get_or_init(|| question.became());
        let (shared, call) = (Arc::clone(self), Arc::clone(call));
        std::thread::spawn(move || {
            let told = Cell::new(0_u32);
            let tell = |words: &str| {
                if let Some(token) = &call.meta.progress {
                    // So little that the server's own progress only goes up.
                    told.set(told.get() + 1);
                    let done = f64::from(told.get()) * 1e-6;
                    shared.to_client.line(&message::progress(token, done, None, words)).ok();
                }
            };
            let until = call.came + shared.wait;
            let patience = Patience { until, dropped: &call.dropped, tell: &tell };
            let ending = match shared.desk().reach() {
                Ok(client) => question.pursue(shared.desk(), client, &patience),
                Err(away) => unanswered(&away.data),
            };
            shared.ended(&call, ending, question);
        });
    }

    /// Does what an ending means.
    fn ended(&self, call: &Arc<Call>, ending: Ending, question: Question) {
        match ending {
            Ending::Run(go) if self.is_wanted(call) => {
                let Go { args, effect, handoff, holder, .. } = *go;
                let decision = handoff.map(|id| (id, holder));
                self.send(call, self.going(call, args, effect, decision));
            }
            Ending::Run(go) => {
                let Go { handoff, mut holder, .. } = *go;
                if let Some(id) = handoff {
                    report(&mut holder, &id, "It was cancelled before it was made.");
                }
            }
            Ending::No(No { words, receipt }) => {
                self.refuse_call(call, &words);
                if let Some(receipt) = receipt {
                    receipt.give();
                }
            }
            Ending::Open { handoff, why } => {
                let again = "Make the same call again to go on waiting for the answer, or stop \
                             and tell the user.";
                let words = match &handoff {
                    Some(id) => {
                        format!("The call was not made yet: {why} It waits as {id}. {again}")
                    }
                    None => format!("The call was not made: {why} {again}"),
                };
                self.left_open.keep(question);
                self.refuse_call(call, &words);
            }
            Ending::Dropped { handoff } => {
                if let Some(id) = handoff {
                    self.withdraw(id);
                }
            }
        }
    }

    /// Whether the client still waits for it; from now on it is the server's.
    fn is_wanted(&self, call: &Call) -> bool {
        let here = lock(&self.asking).remove(&message::id_key(&call.id)).is_some();
        here && !call.dropped.load(Ordering::Acquire)
    }

    /// A call that the server is given, with the decision that it carries out.
    fn going(
        &self,
        call: &Call,
        args: serde_json::Map<String, Value>,
        effect: Effect,
        decision: Option<(String, Client)>,
    ) -> Box<Going> {
        let (handoff, holder) = decision.unzip();
        Box::new(Going {
            action: self.recorder.name(),
            tool: call.tool.clone(),
            asked: call.args.clone(),
            args,
            effect,
            handoff,
            began: self.desk().now(),
            holder,
            is_hooked: false,
        })
    }

    /// Sends a call on to the server.
    fn send(&self, call: &Call, going: Box<Going>) {
        let key = message::id_key(&call.id);
        lock(&self.asking).remove(&key);
        let line = match call.with(&going.args) {
            Ok(line) => line,
            Err(error) => {
                self.refuse_call(call, &format!("The call was not made: {error}."));
                return;
            }
        };
        // Before the line: the answer may be here before anything else.
        lock(&self.sent).insert(key, Sent::Call(going));
        // A server that is gone is noticed where it is listened to.
        self.to_server.line(&line).ok();
    }

    /// Answers a call in the server's place, as a tool that did not work.
    fn refuse_call(&self, call: &Call, words: &str) {
        lock(&self.asking).remove(&message::id_key(&call.id));
        if call.dropped.load(Ordering::Acquire) {
            return;
        }
        let result = message::tool_result(call.meta.is_stateless(), words, None, true);
        let outcome: io::Result<()> = self.to_client.line(&message::answer(&call.id, &result));
        // Who is gone needs no answer.
        outcome.ok();
    }

    fn check(&self, call: &Call) -> Check {
        let cwd = folder();
        let (undo, files) = copies(&call.tool, &call.args, cwd.as_deref());
        Check {
            task: TaskRef::Whole(Box::new(self.task())),
            step: None,
            tool: call.tool.clone(),
            args: call.args.clone(),
            key: format!("gate:{}:{}", self.nonce, self.recorder.name()),
            // To the desk that name is another's, who only reads by it.
            effect: is_of_a_client(&call.tool).then_some(Effect::Irreversible),
            undo,
            files,
            cwd,
            reasoning: None,
            deadline: None,
            resume: None,
            editable: None,
        }
    }

    /// Withdraws what a call became that nobody wants any more.
    fn take_back(&self, call: &Call) {
        let id = call.became.get().and_then(|became| lock(became).clone());
        if let Some(id) = id {
            self.withdraw(id);
        }
    }

    fn withdraw(&self, id: String) {
        let reason = Some("The client does not want it any more.".to_owned());
        if let Ok(mut client) = self.desk().connect() {
            // One that is decided stays decided; nobody will act on it.
            client.call::<_, Value>(method::WITHDRAW, &Withdraw { id, reason }).ok();
        }
    }
}

fn unanswered(data: &ErrorData) -> Ending {
    Ending::No(No { words: without_desk(data), receipt: None })
}
