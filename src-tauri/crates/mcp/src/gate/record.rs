//! Telling the desk what the calls did, behind the answers.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use handoff_domain::action::{Action, ActionStatus};
use handoff_domain::lifecycle::{Outcome, Report};
use handoff_protocol::wire::{
    ByTask, Reconcile, RecordAction, Recorded, Standing, TaskRef, TaskStanding, method,
};
use handoff_transport::client::{Client, ClientError};
use serde_json::{Map, Value, json};

use super::call::{Going, Sent, going_on};
use super::{Shared, lock};
use crate::asking::{copies, folder};
use crate::desk::Patience;
use crate::message::Message;

/// The longest answer that is kept whole, in bytes.
const WHOLE: usize = 1024 * 1024;

/// How much of a longer one is kept.
const BEGINNING: usize = 16 * 1024;

/// How long a desk that is away is looked for, before a record is given up.
const PATIENCE: Duration = Duration::from_mins(10);

/// The end of the queue where records are put in.
pub struct Recorder {
    queue: Sender<Option<Done>>,
    counted: AtomicU32,
}

/// A call that is over.
pub struct Done {
    going: Box<Going>,
    output: Option<Value>,
    status: ActionStatus,
    ended: DateTime<Utc>,
    /// Why it did not do what was decided.
    why: Option<String>,
}

impl Recorder {
    /// Both ends of a queue.
    pub fn new() -> (Self, Receiver<Option<Done>>) {
        let (queue, records) = channel();
        (Self { queue, counted: AtomicU32::new(1) }, records)
    }

    /// A name that no other call of this run has.
    pub fn name(&self) -> String {
        format!("c-{}", self.counted.fetch_add(1, Ordering::Relaxed))
    }

    /// Nothing more comes.
    pub fn end(&self) {
        self.queue.send(None).ok();
    }

    fn put(&self, done: Done) {
        self.queue.send(Some(done)).ok();
    }
}

impl Shared {
    /// A call has its answer: it is recorded, or goes on when the client has
    /// said what the server wants to know.
    pub(super) fn came_back(&self, going: Box<Going>, result: Option<String>, line: &[u8]) {
        let result = result.map(|text| kept(&text));
        if let Some(Value::Object(result)) = &result
            && result.get("resultType").and_then(Value::as_str) == Some("input_required")
        {
            let key = going_on(&going.tool, &going.asked, result.get("requestState"));
            lock(&self.going_on).insert(key, going);
            return;
        }
        if going.is_hooked {
            return;
        }
        let (status, output, why) = if let Some(output) = result {
            let failed = output.get("isError").and_then(Value::as_bool) == Some(true);
            // A task that was only begun is not done yet.
            let begun = output.get("task").is_some_and(Value::is_object);
            let status = match (failed, begun) {
                (true, _) => ActionStatus::Failed,
                (false, true) => ActionStatus::Running,
                (false, false) => ActionStatus::Done,
            };
            let why = failed.then(|| format!("The tool {} answered an error.", going.tool));
            (status, output, why)
        } else {
            let error = match Message::read(line) {
                Ok(Message::Answer { error: Some(error), .. }) => kept(error.get()),
                Ok(_) | Err(_) => Value::Null,
            };
            let why = format!("The server refused the call of {}.", going.tool);
            (ActionStatus::Failed, json!({ "error": error }), Some(why))
        };
        let ended = self.desk().now();
        self.recorder.put(Done { going, output: Some(output), status, ended, why });
    }

    /// The server is gone: what it had may have run.
    pub(super) fn never_answered(&self) {
        let sent: Vec<Sent> = lock(&self.sent).drain().map(|(_, sent)| sent).collect();
        let calls = sent.into_iter().filter_map(|sent| match sent {
            Sent::Call(going) => Some(going),
            Sent::List { .. } => None,
        });
        let paused: Vec<_> = lock(&self.going_on).drain().map(|(_, going)| going).collect();
        for going in calls.chain(paused).filter(|going| !going.is_hooked) {
            let why = "The server ended before it answered: the call may have run.".to_owned();
            let (status, ended) = (ActionStatus::Running, self.desk().now());
            self.recorder.put(Done { going, output: None, status, ended, why: Some(why) });
        }
    }

    /// Records until there is nothing more to come.
    pub(super) fn record(&self, records: &Receiver<Option<Done>>) {
        let mut client: Option<Client> = None;
        while let Ok(Some(mut done)) = records.recv() {
            let what = done.going.tool.clone();
            let dropped = AtomicBool::new(false);
            let until = Instant::now() + PATIENCE;
            let patience = Patience { until, dropped: &dropped, tell: &|_| () };
            // Who holds the lease reports on it.
            let used = done.going.holder.take().or_else(|| client.take());
            match self.keep(used, &done, &patience) {
                Ok(used) => client = Some(used),
                Err(error) => {
                    let why = error.explained().message;
                    let mut to = std::io::stderr();
                    writeln!(to, "handoff: What {what} did could not be recorded: {why}").ok();
                }
            }
        }
        self.close(client);
    }

    /// Ends the task: what it changed is looked through then. Nothing was asked where
    /// nobody knows the desk.
    fn close(&self, client: Option<Client>) {
        let client = client.or_else(|| self.desk.get()?.connect().ok());
        if let Some(mut client) = client {
            let task = ByTask { task: self.task().id };
            client.call::<_, TaskStanding>(method::TASK_CLOSE, &task).ok();
        }
    }

    fn keep(
        &self,
        client: Option<Client>,
        done: &Done,
        patience: &Patience<'_>,
    ) -> Result<Client, ClientError> {
        let going = &done.going;
        let cwd = folder();
        let (undo, files) = copies(&going.tool, &going.args, cwd.as_deref());
        let record = RecordAction {
            task: TaskRef::Whole(Box::new(self.task())),
            action: Action {
                id: going.action.clone(),
                step: None,
                tool: going.tool.clone(),
                input: Some(Value::Object(going.args.clone())),
                output: done.output.clone(),
                reasoning: None,
                confidence: None,
                effect: going.effect,
                status: done.status,
                started_at: Some(going.began),
                ended_at: Some(done.ended),
                depends_on: Vec::new(),
                facts: Map::new(),
                undo,
                files,
                handoff: going.handoff.clone(),
            },
            cwd,
        };
        let mut client = client;
        loop {
            let mut one = match client.take() {
                Some(client) => client,
                None => self.desk().look_for(patience)?,
            };
            // The id of the action makes the same again the same.
            match one.call::<_, Recorded>(method::RECORD, &record) {
                Ok(_) => {
                    if let (Some(id), Some(why)) = (&going.handoff, &done.why) {
                        report(&mut one, id, why);
                    }
                    return Ok(one);
                }
                Err(error) if error.passes() && !patience.is_over() => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Tells that what was decided was not done.
pub fn report(client: &mut Client, id: &str, why: &str) {
    let why = Some(why.to_owned());
    let report = Report { outcome: Outcome::Diverged, why, steps: Vec::new(), unmet: Vec::new() };
    let told = Reconcile { id: id.to_owned(), report };
    // Reported before, it stays as it was.
    client.call::<_, Standing>(method::RECONCILE, &told).ok();
}

/// An answer as it is kept: whole, or its beginning.
fn kept(text: &str) -> Value {
    let left_out = || {
        let beginning: String = text.chars().take(BEGINNING).collect();
        json!({ "begins": beginning, "bytes": text.len() })
    };
    if text.len() > WHOLE {
        return left_out();
    }
    serde_json::from_str(text).unwrap_or_else(|_| left_out())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_answer_is_kept_by_its_beginning() {
        assert_eq!(kept(r#"{"a":1}"#), json!({ "a": 1 }));
        let long = format!("\"{}\"", "x".repeat(WHOLE));
        let shown = kept(&long);
        assert_eq!(shown["bytes"], json!(long.len()));
        assert_eq!(shown["begins"].as_str().map(str::len), Some(BEGINNING));
    }
}
