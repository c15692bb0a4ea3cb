//! Taking back what the reviewer has asked for: while the agent works, while it
//! waits, and in a later process.
//!
//! The desk lets each call run once. What the agent cannot report any more it
//! does not do again by itself: the reviewer is asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use handoff_domain::action::{Action, ActionStatus, Effect};
use handoff_domain::instruction::Instruction;
use handoff_protocol::wire::{
    Ack, Check, Checked, Gate, Next, NextItem, NextItems, RecordAction, Recorded, TaskRef,
    UndoOutcome, UndoReport, method,
};
use handoff_transport::client::Client;
use serde_json::{Map, Value, json};

use super::Demo;
use super::ledger::Ended;
use crate::desk::Desk;
use crate::failure::Failure;

/// How long one look for news waits for some, in seconds; a listener that is
/// not needed any more lives on for that long.
const TURN_S: u32 = 1;

/// How long the next undo may take to be asked for, in seconds.
pub const NEXT_S: u32 = 2;

/// How long a listener that finds no desk waits until it looks again.
const AWAY: Duration = Duration::from_secs(1);

/// What is heard while an answer is waited for.
pub enum Heard {
    /// Words about the wait itself.
    Remark(String),
    /// There is something to take back.
    Undo,
    /// The wait is over.
    Over,
}

/// Listens beside a wait for whether there is something to take back.
pub fn listen(desk: &Desk, task: &str, over: &Arc<AtomicBool>, news: mpsc::Sender<Heard>) {
    let (desk, task, over) = (desk.clone(), task.to_owned(), Arc::clone(over));
    std::thread::spawn(move || {
        let mut client: Option<Client> = None;
        while !over.load(Ordering::Acquire) {
            let asked = Next { task: Some(task.clone()), wait_s: Some(TURN_S) };
            let connected = match client.take() {
                Some(client) => Ok(client),
                None => desk.connect(),
            };
            let told = connected.and_then(|mut reached| {
                let told: NextItems = reached.call(method::NEXT, &asked)?;
                client = Some(reached);
                Ok(told)
            });
            let Ok(told) = told else {
                std::thread::park_timeout(AWAY);
                continue;
            };
            let (undos, others): (Vec<_>, Vec<_>) =
                told.items.into_iter().partition(|item| item.instruction.undoes().is_some());
            // Who has ended does not need to know.
            if !undos.is_empty() && news.send(Heard::Undo).is_err() {
                return;
            }
            // What is there already is given again at once.
            if !undos.is_empty() || !others.is_empty() {
                std::thread::park_timeout(AWAY);
            }
        }
    });
}

impl Demo<'_, '_> {
    /// Takes back what the reviewer has asked for, and waits for a moment if
    /// there is nothing; says whether anything was settled. A desk that is away
    /// is asked later.
    pub(super) fn undo_what_is_asked(&mut self, wait_s: Option<u32>) -> Result<bool, Failure> {
        let Ok(mut client) = self.desk.connect() else { return Ok(false) };
        let asked = Next { task: Some(self.run.id.clone()), wait_s };
        let told: NextItems = match client.call(method::NEXT, &asked) {
            Err(error) if error.passes() => return Ok(false),
            told => told?,
        };
        let mut any = false;
        for item in told.items {
            any |= match &item.instruction {
                Instruction::Undo { action, tool, args, key, .. } => {
                    self.undo_one(&mut client, action, (tool, args), key)?
                }
                Instruction::UndoYourself { action, .. } => {
                    self.knows_no_other_way(&mut client, &item, action)?;
                    true
                }
                Instruction::Pause
                | Instruction::Resume
                | Instruction::TakeOver { .. }
                | Instruction::GiveBack { .. }
                | Instruction::Plan { .. }
                | Instruction::Directive { .. }
                | Instruction::Message { .. } => false,
            };
        }
        Ok(any)
    }

    fn undo_one(
        &mut self,
        client: &mut Client,
        action: &str,
        (tool, args): (&str, &Map<String, Value>),
        key: &str,
    ) -> Result<bool, Failure> {
        let check = Check {
            task: TaskRef::Id(self.run.id.clone()),
            step: None,
            tool: tool.to_owned(),
            args: args.clone(),
            key: key.to_owned(),
            effect: Some(Effect::Reversible),
            undo: None,
            files: Vec::new(),
            cwd: Some(self.run.folder.display().to_string()),
            reasoning: Some("The reviewer has asked for it.".to_owned()),
            deadline: None,
            resume: None,
            editable: Some(false),
        };
        let checked: Checked = self.ask_the_gate(client, method::CHECK, &check)?;
        // Held by a pause, it is asked for again; nothing else runs under its name.
        if checked.verdict != Gate::Run || checked.undoes.as_deref() != Some(action) {
            return Ok(false);
        }
        let started = (self.edge.now)();
        let outcome = self.work().take_back_as_asked(action, tool, args);
        let (status, output) = match &outcome {
            Ok(()) => (ActionStatus::Done, json!({ "took_back": action })),
            Err(why) => (ActionStatus::Failed, json!(why.to_string())),
        };
        if outcome.is_ok() {
            self.forget_move(action);
            self.open_its_step(action);
        }
        self.ledger.write(&self.run)?;
        let done = Action {
            id: key.to_owned(),
            step: None,
            tool: tool.to_owned(),
            input: Some(Value::Object(args.clone())),
            output: Some(output),
            reasoning: None,
            confidence: None,
            effect: Effect::Reversible,
            status,
            started_at: Some(started),
            ended_at: Some((self.edge.now)()),
            depends_on: Vec::new(),
            facts: Map::new(),
            undo: None,
            files: Vec::new(),
            handoff: None,
        };
        let record =
            RecordAction { task: TaskRef::Id(self.run.id.clone()), action: done, cwd: None };
        drop(self.ask_the_gate::<_, Recorded>(client, method::RECORD, &record)?);
        match outcome {
            Ok(()) => self.tell("took back", action)?,
            Err(why) => self.tell("not undone", &format!("{action}: {why}"))?,
        }
        Ok(true)
    }

    /// A step of which nothing stands any more is left out.
    fn open_its_step(&mut self, id: &str) {
        let actions = &self.run.actions;
        let Some(step) = actions.iter().find(|one| one.id == id).and_then(|one| one.step.clone())
        else {
            return;
        };
        let stands = actions
            .iter()
            .any(|one| one.step.as_ref() == Some(&step) && one.status == ActionStatus::Done);
        if !stands && matches!(self.run.steps.get(&step), Some(Ended::Done(_))) {
            self.run.steps.insert(step, Ended::Skipped);
        }
    }

    fn knows_no_other_way(
        &mut self,
        client: &mut Client,
        item: &NextItem,
        action: &str,
    ) -> Result<(), Failure> {
        let report = UndoReport {
            outcome: UndoOutcome::Failed,
            why: Some("This agent knows no other way than the one it named.".to_owned()),
        };
        let ack = Ack { id: item.id.clone(), result: Some(json!(report)) };
        drop(self.ask_the_gate::<_, Value>(client, method::ACK, &ack)?);
        self.tell("not undone", &format!("{action}: there is no other way"))
    }
}
