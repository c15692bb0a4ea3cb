//! What each tool does.

use handoff_domain::decision::action_hash;
use handoff_domain::identity::handoff_id;
use handoff_domain::payload::{LeftOpen, Task};
use handoff_domain::validate;
use handoff_protocol::wire::{
    Ack, Answered, ByTask, Check, ErrorCode, ErrorData, Next, NextItems, Reconcile, RecordAction,
    Recorded, Standing, Submit, TaskRef, TaskStanding, UndoReport, Withdraw, method,
};
use handoff_spool::{Entry, SpoolError, Withdrawn};
use handoff_transport::client::{Client, ClientError};
use handoff_transport::session::{Let, Passed, Session};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::case;
use super::{After, Answer, Call, input, lock, tools};
use crate::asking::{Ending, Go, Question, copies, folder};
use crate::desk::{Away, is_left_alone};
use crate::words;

const PENDING: &str = "There is no decision yet, and no answer is not a yes. Call handoff_wait \
                       with this handoff_id to go on waiting, or stop here and tell the user the \
                       id. Do not do what the question is about.";

impl Call<'_> {
    /// Does what the tool does.
    pub(super) fn perform(self, tool: &str) -> Answer {
        let answer = match tool {
            tools::HANDOFF => self.handoff(),
            tools::WAIT => self.wait(),
            tools::CHECK => self.check(),
            tools::RECORD => self.record(),
            tools::RECONCILE => self.reconcile(),
            tools::WITHDRAW => self.withdraw(),
            tools::NEXT => self.next(),
            _ => Ok(self.approve()),
        };
        answer.unwrap_or_else(Answer::fault)
    }

    fn handoff(&self) -> Result<Answer, String> {
        let task = self.task_id();
        let run = &self.server.nonce;
        let session = case::Session { task: &task, run, agent: self.desk.agent() };
        let faults = |faults: Vec<validate::Fault>| {
            words::failure(&ErrorData {
                code: ErrorCode::InvalidPayload,
                message: "Nothing was handed off: this is wrong with it.".to_owned(),
                hint: "Correct all of it and call handoff again.".to_owned(),
                retryable: false,
                faults: faults
                    .into_iter()
                    .map(|fault| validate::Fault { pointer: case::place(&fault.pointer), ..fault })
                    .collect(),
                winner: None,
            })
        };
        let payload = case::payload(&self.args, &session).map_err(faults)?;
        let text = payload.to_string();
        let handoff = RawValue::from_string(text).map_err(|error| error.to_string())?;
        let left = self.server.uncut(|| self.leave(&handoff, case::left_open(&self.args)));
        match left {
            Ok(Left::Taken(client, standing)) => self.decision(client, &standing.id),
            Ok(Left::Spooled { id, why }) => Ok(spooled(&id, &why)),
            Err(data) if data.code == ErrorCode::InvalidPayload => Err(faults(data.faults)),
            Err(data) => Err(words::failure(&data)),
        }
    }

    fn wait(&self) -> Result<Answer, String> {
        input::only(&self.args, &["handoff_id", "wait_s"])?;
        let id = input::text(&self.args, "handoff_id")?;
        match self.desk.reach() {
            Ok(client) => self.decision(client, &id),
            Err(away) => match self.in_spool(&id) {
                Some(_) => Ok(spooled(&id, &away.data)),
                None => Err(words::failure(&away.data)),
            },
        }
    }

    fn decision(&self, client: Client, id: &str) -> Result<Answer, String> {
        match self.desk.wait(client, id, &self.patience) {
            Ok((client, answered)) => Ok(told(client, answered)),
            // The desk may not have taken it up yet.
            Err(data) if data.code == ErrorCode::NotFound && self.in_spool(id).is_some() => {
                Ok(spooled(id, &data))
            }
            Err(data) if data.code == ErrorCode::NotFound => {
                match self.desk.spool().why_set_aside(id) {
                    Some(why) => Err(format!(
                        "The desk could not take {id} up from the spool: {why} Hand it off again \
                         with another key."
                    )),
                    None => Err(words::failure(&data)),
                }
            }
            // What the desk has acknowledged is kept, wherever it is now.
            Err(data) if data.code == ErrorCode::Unavailable => Ok(Answer::document(json!({
                "status": "pending", "handoff_id": id, "why": data.message, "next": PENDING,
            }))),
            Err(data) => Err(words::failure(&data)),
        }
    }

    fn check(&self) -> Result<Answer, String> {
        input::only(
            &self.args,
            &[
                "tool",
                "args",
                "effect",
                "reasoning",
                "undo",
                "files",
                "cwd",
                "step",
                "task_id",
                "key",
                "wait_s",
            ],
        )?;
        let tool = input::text(&self.args, "tool")?;
        let args = input::object(&self.args, "args")?;
        let mut asked = json!({
            "task": self.task(), "tool": tool, "args": args,
            "key": format!("mcp:{}:{}", self.server.nonce, self.server.number()),
            "cwd": folder(),
        });
        for name in ["effect", "reasoning", "undo", "files", "cwd", "step", "key"] {
            if let Some(value) = self.args.get(name) {
                asked[name] = value.clone();
            }
        }
        let mut check: Check =
            serde_json::from_value(asked).map_err(|error| format!("This is no check: {error}."))?;
        if check.undo.is_none() && check.files.is_empty() {
            (check.undo, check.files) = copies(&tool, &args, check.cwd.as_deref());
        }
        let asked = Question::new(check);
        let named = self.args.contains_key("key");
        let asked = if named { asked.under_its_key() } else { asked };
        let mut question = self.server.left_open.take(&asked).unwrap_or(asked);
        let client = self.desk.reach().map_err(|away| crate::asking::without_desk(&away.data))?;
        Ok(match question.pursue(&self.desk, client, &self.patience) {
            Ending::Run(go) => {
                self.was_let(&question, &tool, &go);
                if let Some(handoff) = &go.handoff {
                    lock(&self.server.holders).insert(handoff.clone(), go.holder);
                }
                Answer::document(json!({
                    "status": "run", "args": go.args, "effect": go.effect,
                    "handoff_id": go.handoff, "pending_for_you": go.pending,
                    "next": "Make the call now, once, with exactly these args. Then call \
                             handoff_record with the same tool and args, and this handoff_id if \
                             there is one.",
                }))
            }
            Ending::No(no) => {
                let after = no.receipt.map_or(After::Nothing, After::Give);
                let denied = json!({ "status": "denied", "why": no.words,
                    "next": "Do not make the call." });
                Answer::document(denied).then(after)
            }
            Ending::Open { handoff, why } => {
                self.server.left_open.keep(question);
                held(handoff.as_deref(), &why)
            }
            Ending::Dropped { handoff } => {
                self.server.left_open.keep(question);
                held(handoff.as_deref(), "Nobody waits any more.")
            }
        })
    }

    fn record(&self) -> Result<Answer, String> {
        let known = [
            "tool",
            "args",
            "output",
            "effect",
            "status",
            "handoff_id",
            "step",
            "facts",
            "undo",
            "files",
            "depends_on",
            "action_id",
            "cwd",
            "task_id",
        ];
        input::only(&self.args, &known)?;
        let made = || format!("mcp:{}:a{}", self.server.nonce, self.server.number());
        let id = self.recorded_as().unwrap_or_else(made);
        let mut action = json!({
            "id": id, "status": "done", "input": input::object(&self.args, "args")?,
        });
        for name in known {
            let field = match name {
                "args" | "cwd" | "task_id" => continue,
                "handoff_id" => "handoff",
                "action_id" => "id",
                other => other,
            };
            if let Some(value) = self.args.get(name) {
                action[field] = value.clone();
            }
        }
        let cwd = input::optional(&self.args, "cwd")?;
        let record = json!({ "task": self.task(), "action": action, "cwd": cwd });
        let record: RecordAction = serde_json::from_value(record)
            .map_err(|error| format!("This is no record: {error}."))?;
        let recorded: Recorded = self.ask(method::RECORD, &record)?;
        if let Some(handoff) = &record.action.handoff {
            lock(&self.server.holders).remove(handoff);
        }
        Ok(Answer::document(json!(recorded)))
    }

    fn reconcile(&self) -> Result<Answer, String> {
        input::only(&self.args, &["handoff_id", "outcome", "why", "steps", "unmet"])?;
        let id = input::text(&self.args, "handoff_id")?;
        let mut report = self.args.clone();
        report.remove("handoff_id");
        let report = serde_json::from_value(Value::Object(report))
            .map_err(|error| format!("This is no report: {error}."))?;
        let standing: Standing =
            self.ask(method::RECONCILE, &Reconcile { id: id.clone(), report })?;
        lock(&self.server.holders).remove(&id);
        Ok(Answer::document(json!(standing)))
    }

    fn withdraw(&self) -> Result<Answer, String> {
        input::only(&self.args, &["handoff_id", "reason"])?;
        let id = input::text(&self.args, "handoff_id")?;
        let reason = input::optional(&self.args, "reason")?;
        let mut client = match self.desk.reach() {
            Ok(client) => client,
            Err(away) => {
                let entry = self.in_spool(&id).filter(|entry| entry.withdrawn.is_none());
                let entry = entry.ok_or_else(|| words::failure(&away.data))?;
                let withdrawn = Withdrawn { at: self.desk.now(), reason };
                let done = self.server.uncut(|| self.desk.spool().withdraw(&entry, withdrawn));
                let done = done.map_err(|error| format!("It could not be taken back: {error}."))?;
                if !done {
                    return Err("The desk had taken it up already, and may have an answer to it. \
                                It is asked to take it back as soon as it runs; ask again then."
                        .to_owned());
                }
                let standing = json!({ "id": id, "state": "withdrawn", "spooled": true });
                return Ok(Answer::document(standing));
            }
        };
        let asked = Withdraw { id, reason };
        let standing: Standing = client
            .call(method::WITHDRAW, &asked)
            .map_err(|error| words::failure(&error.explained()))?;
        Ok(Answer::document(json!(standing)))
    }

    fn next(&self) -> Result<Answer, String> {
        input::only(&self.args, &["wait_s", "task_id", "undo", "outcome", "why"])?;
        if let Some(id) = input::optional(&self.args, "undo")? {
            return self.undid(id);
        }
        let task = input::optional(&self.args, "task_id")?;
        let mut client = self.desk.reach().map_err(|away| words::failure(&away.data))?;
        let wait_s = u32::try_from(self.patience.left().as_secs()).ok();
        let asked = Next { task, wait_s };
        let limit = super::LONGEST_WAIT * 2;
        let told: NextItems = client
            .call_by(method::NEXT, &asked, limit)
            .map_err(|error| words::failure(&error.explained()))?;
        // What is to be undone stands until it is said what came of it.
        let known = told.items.iter().filter(|item| item.instruction.undoes().is_none());
        let items = known.map(|item| item.id.clone()).collect();
        Ok(Answer::document(json!(told)).then(After::Known { client, items }))
    }

    /// Says what came of an undo.
    fn undid(&self, id: String) -> Result<Answer, String> {
        let outcome = input::text(&self.args, "outcome")?;
        let report = json!({ "outcome": outcome, "why": self.args.get("why") });
        let report: UndoReport = serde_json::from_value(report)
            .map_err(|error| format!("This does not say what came of it: {error}."))?;
        let told: Value = self.ask(method::ACK, &Ack { id, result: Some(json!(report)) })?;
        Ok(Answer::document(told))
    }

    /// One call whose answer is passed on.
    fn ask<P: serde::Serialize, R: serde::de::DeserializeOwned>(
        &self,
        name: &str,
        params: &P,
    ) -> Result<R, String> {
        let outcome = self.server.uncut(|| {
            let mut client = self.desk.reach().map_err(|away| away.data)?;
            client.call(name, params).map_err(ClientError::explained)
        });
        outcome.map_err(|data| words::failure(&data))
    }

    /// Hands it to the desk, or leaves it in the spool.
    fn leave(&self, handoff: &RawValue, left_open: Vec<LeftOpen>) -> Result<Left, ErrorData> {
        let submit = Submit { handoff, left_open };
        let away = match self.desk.reach() {
            Ok(mut client) => match client.call(method::SUBMIT, &submit) {
                Ok(standing) => return Ok(Left::Taken(client, standing)),
                // It may have it, or not: the key makes both the same.
                Err(error @ ClientError::Lost { .. }) => {
                    Away { data: error.explained(), silent: true }
                }
                Err(error) => return Err(error.explained()),
            },
            Err(away) if away.data.code == ErrorCode::Unavailable => away,
            Err(away) => return Err(away.data),
        };
        let now = self.desk.now();
        let checked = validate::parse(handoff.get(), now).map_err(invalid)?;
        let unsafe_now = |error: SpoolError| not_spooled(&error, &away.data);
        self.desk.home().create().map_err(|error| ErrorData {
            message: format!("{} Its folder cannot be used: {error}.", away.data.message),
            ..away.data.clone()
        })?;
        let entry = Entry {
            agent: self.desk.agent().to_owned(),
            framework: Some(self.desk.framework().to_owned()),
            token: Client::token(self.desk.home(), self.desk.agent())
                .map_err(ClientError::explained)?,
            spooled_at: now,
            withdrawn: None,
            left_open: submit.left_open.clone(),
            handoff: handoff.to_owned(),
        };
        self.desk.spool().put(&entry).map_err(unsafe_now)?;
        // A desk that has started meanwhile may have looked before the file came.
        if !away.silent
            && let Ok(mut client) = self.desk.connect()
            && let Ok(standing) = client.call(method::SUBMIT, &submit)
        {
            return Ok(Left::Taken(client, standing));
        }
        let id = handoff_id(self.desk.agent(), &checked.payload.key);
        Ok(Left::Spooled { id, why: away.data })
    }

    /// What waits in the spool under this id, if it is this agent's.
    fn in_spool(&self, id: &str) -> Option<Entry> {
        let found = self.desk.spool().find(id).ok().flatten();
        found.filter(|entry| entry.agent == self.desk.agent())
    }

    /// The work that a call belongs to: one that it names, or this session.
    pub(super) fn task(&self) -> TaskRef {
        if let Some(Value::String(id)) = self.args.get("task_id") {
            return TaskRef::Id(id.clone());
        }
        let id = self.task_id();
        // The client's hook knows better what the session is about.
        if self.session.is_some() && self.is_known(&id) {
            return TaskRef::Id(id);
        }
        TaskRef::Whole(Box::new(Task {
            id,
            title: format!("Work of {}", self.desk.agent()),
            goal: "What the user has asked it to do.".to_owned(),
            tools: None,
            targets: None,
        }))
    }

    /// Whether the desk knows such a task; where it cannot be asked, the question
    /// that follows says so.
    fn is_known(&self, task: &str) -> bool {
        let asked = ByTask { task: task.to_owned() };
        let known =
            |mut client: Client| client.call::<_, TaskStanding>(method::TASK_RUNNABLE, &asked);
        self.desk.connect().is_ok_and(|client| known(client).is_ok())
    }

    fn task_id(&self) -> String {
        let session = self.session.as_ref().map(Session::task);
        session.unwrap_or_else(|| format!("mcp-{}", self.server.nonce))
    }

    /// Notes for the client's hook that its model has asked for this very call,
    /// and was told to make it.
    fn was_let(&self, question: &Question, tool: &str, go: &Go) {
        let (key, task, cwd) = question.place();
        if go.handoff.is_some()
            && let Some(session) = self.session.as_ref().filter(|session| session.task() == task)
        {
            let hash = action_hash(tool, &go.args);
            let passed = Let { key: key.to_owned(), cwd: cwd.map(str::to_owned) };
            // Unnoted, the hook asks once more.
            session.note(self.desk.home(), Passed::Asked, &hash, &passed).ok();
        }
    }

    /// The name under which the client's hook records a call that was asked for
    /// here.
    fn recorded_as(&self) -> Option<String> {
        let tool = self.args.get("tool")?.as_str()?;
        let hash = action_hash(tool, self.args.get("args")?.as_object()?);
        let noted = self.session.as_ref()?.take(self.desk.home(), Passed::Recorded, &hash)?;
        Some(noted.key)
    }
}

/// Where a handoff is.
enum Left {
    Taken(Client, Standing),
    Spooled { id: String, why: ErrorData },
}

/// What a wait came to, as a document; the lease goes along.
fn told(client: Client, answered: Answered) -> Answer {
    let id = answered.id.clone();
    let Some(decision) = &answered.decision else {
        let (status, next) = if answered.state.is_over() {
            ("closed", "There will be no decision, and so no permission. Go on without it.")
        } else if is_left_alone(&answered) {
            (
                "pending",
                "Its time ran out, and it was left for the reviewer to look at some time. Stop \
                 here and tell the user the id; handoff_wait still gives the answer if one comes.",
            )
        } else {
            ("pending", PENDING)
        };
        return Answer::document(json!({
            "status": status, "handoff_id": id, "state": answered.state,
            "flags": answered.flags, "next": next,
        }));
    };
    let checks = answered.act && !answered.preconditions.is_empty();
    let mut document = json!({
        "status": "decided", "handoff_id": id, "revision": answered.revision,
        "decision": decision, "act": answered.act, "action_hash": answered.action_hash,
        "directive": answered.directive, "next": words::next(decision, answered.act, checks),
    });
    if checks {
        document["preconditions"] = json!(answered.preconditions);
    }
    match answered.lease {
        Some(lease) => Answer::document(document).then(After::Hold { client, lease, handoff: id }),
        None => Answer::document(document),
    }
}

fn held(handoff: Option<&str>, why: &str) -> Answer {
    Answer::document(json!({
        "status": "held", "handoff_id": handoff, "why": why,
        "next": "Do not make the call. Call handoff_check again with the same input to go on \
                 waiting, or stop here and tell the user.",
    }))
}

fn spooled(id: &str, why: &ErrorData) -> Answer {
    Answer::document(json!({
        "status": "pending", "handoff_id": id, "spooled": true,
        "why": format!("No desk has it yet: {} It is stored safely, and shown to the reviewer as \
                        soon as the desk runs.", why.message),
        "next": PENDING,
    }))
}

fn invalid(faults: Vec<validate::Fault>) -> ErrorData {
    ErrorData {
        code: ErrorCode::InvalidPayload,
        message: "This is no valid handoff.".to_owned(),
        hint: String::new(),
        retryable: false,
        faults,
        winner: None,
    }
}

fn not_spooled(error: &SpoolError, why: &ErrorData) -> ErrorData {
    let conflict = matches!(error, SpoolError::Conflict { .. });
    ErrorData {
        code: if conflict { ErrorCode::Conflict } else { ErrorCode::Unavailable },
        message: format!("{} It could not be spooled either: {error}.", why.message),
        hint: if conflict {
            "Use another key for another handoff.".to_owned()
        } else {
            format!("Mend that and try again. {}", why.hint)
        },
        ..why.clone()
    }
}
