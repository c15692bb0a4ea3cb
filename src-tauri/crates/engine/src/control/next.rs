//! `agent.next` and its acknowledgement: each item comes again until the agent
//! says that it knows.

use std::time::Duration;

use handoff_protocol::view::Change;
use handoff_protocol::wire::{
    Ack, ErrorCode, LONGEST_WAIT_S, Next, NextItem, NextItems, UndoReport,
};
use handoff_store::Told;
use serde_json::{Value, json};

use super::subject;
use crate::gate::entry;
use crate::{Actor, Engine, Failure, random_hex, rollback};

/// What instructions are told apart from leases by.
const PREFIX: &str = "i-";

/// The longest result of an instruction, in bytes.
const RESULT: usize = 64 * 1024;

/// Whether this names an instruction, and not a lease.
pub fn is_instruction(id: &str) -> bool {
    id.starts_with(PREFIX)
}

pub fn new_id() -> String {
    format!("{PREFIX}{}", random_hex(10))
}

impl Engine {
    /// What an agent is told and does not know yet; waits for it if there is
    /// nothing.
    pub(crate) async fn next(&self, agent: &str, asked: Next) -> Result<NextItems, Failure> {
        let desk = &self.desk;
        let wait_s = asked.wait_s.unwrap_or_default();
        if wait_s > LONGEST_WAIT_S {
            return Err(Failure::new(
                ErrorCode::InvalidParams,
                format!("It cannot wait for {wait_s} seconds."),
                format!("Wait {LONGEST_WAIT_S} seconds at most, and ask again."),
            ));
        }
        let told = desk.hub.told(agent);
        let over = tokio::time::sleep(Duration::from_secs(wait_s.into()));
        tokio::pin!(over);
        loop {
            // Listens first, then looks, so that nothing falls between.
            let woken = told.notified();
            tokio::pin!(woken);
            woken.as_mut().enable();
            let untold = desk.store.read(|read| read.untold(agent, asked.task.as_deref()))?;
            if !untold.is_empty() {
                self.given(&untold).await;
                return Ok(NextItems { items: untold.into_iter().map(item).collect() });
            }
            tokio::select! {
                () = woken => {}
                () = &mut over => return Ok(NextItems { items: Vec::new() }),
            }
        }
    }

    /// Notes what was handed out. Where that cannot be stored, it is handed out
    /// again as if for the first time: no harm.
    async fn given(&self, untold: &[Told]) {
        let new: Vec<String> = untold
            .iter()
            .filter(|told| told.given_at.is_none())
            .map(|told| told.id.clone())
            .collect();
        if new.is_empty() {
            return;
        }
        let now = self.desk.now();
        let noted =
            self.desk.store.write(move |write| write.given(&new, now).map_err(Failure::from)).await;
        if let Err(failure) = self.desk.watched(noted) {
            tracing::warn!(error = failure.0.message, "what was handed out could not be noted");
        }
    }

    /// An agent knows of an instruction; the same again is answered the same.
    pub(crate) async fn knows(&self, agent: &str, ack: Ack) -> Result<Value, Failure> {
        let desk = &self.desk;
        let undo = ack.result.clone().map(serde_json::from_value::<UndoReport>);
        let result = ack.result.map(|result| result.to_string());
        if result.as_ref().is_some_and(|result| result.len() > RESULT) {
            return Err(Failure::new(
                ErrorCode::InvalidParams,
                "The result is longer than 64 KiB.",
                "Say in a few words what became of it.",
            ));
        }
        let (owner, now) = (agent.to_owned(), desk.now());
        let (known, undo) = desk.watched(
            desk.store
                .write(move |write| {
                    let told = write.read().told(&owner, &ack.id)?;
                    let told = told.ok_or_else(|| no_such_instruction(&ack.id))?;
                    let undo = match (told.instruction.undoes(), undo) {
                        (Some(_), Some(Ok(report))) => {
                            rollback::by_report(write, &told, &report, now)?
                        }
                        (Some(_), None | Some(Err(_))) if told.known_at.is_none() => {
                            return Err(says_nothing());
                        }
                        (Some(_), None | Some(Err(_))) | (None, _) => None,
                    };
                    let known = write.known(&told.id, result.as_deref(), now)?;
                    if let Some(task) = told.task.as_deref().filter(|_| known) {
                        let data = json!({ "what": told.instruction.kind() });
                        let entry = entry(Actor::Agent, "knows", data, now);
                        write.log_about(&subject(&owner, task), &entry)?;
                    }
                    Ok::<_, Failure>((known, undo))
                })
                .await,
        )?;
        if let Some(row) = &undo {
            self.undo_reported(row);
        }
        if known {
            desk.hub.tell(&Change::Status);
        }
        Ok(json!({}))
    }
}

fn item(told: Told) -> NextItem {
    NextItem { id: told.id, task: told.task, at: told.at, instruction: told.instruction }
}

fn says_nothing() -> Failure {
    Failure::new(
        ErrorCode::InvalidParams,
        "An undo is acknowledged with what came of it.",
        r#"Give {"outcome": "undone"} or {"outcome": "failed", "why": "…"} as the result; a record of its call does, too."#,
    )
}

fn no_such_instruction(id: &str) -> Failure {
    Failure::new(
        ErrorCode::NotFound,
        format!("There is nothing to acknowledge with the id {id:?}."),
        "Take the ids from agent.next. After a restore from a backup, what was told before is void.",
    )
}
