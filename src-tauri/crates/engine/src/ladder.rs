//! The rungs of the ladder that tell the reviewer something: the reminder, the
//! warning and the alerts.
//!
//! Each is tried once and recorded with what became of it. While that cannot be
//! stored the timer comes back, but nothing is shown, and no command run, a
//! second time. What the calm holds back is made up for when it is over. When a
//! rung is due, and what follows it, is said elsewhere.

use std::collections::HashMap;

use handoff_domain::alerts::{Purpose, Stage};
use handoff_domain::lifecycle::{Event, Flag};
use handoff_protocol::view::Change;
use handoff_protocol::wire::ErrorCode;
use handoff_store::{Record, StoreError};
use serde_json::{Value, json};

use crate::notify::told;
use crate::{Actor, Engine, Failure, lock};

/// One rung of one proposal: which, and the how many-th.
type Rung = (String, u32, &'static str, u32);

/// What became of attempts that could not be recorded yet.
pub type Attempts = HashMap<Rung, Value>;

impl Engine {
    pub(crate) async fn remind(&self, record: &Record) -> Result<(), Failure> {
        let attempt = async { told(&self.tell(record, Purpose::Reminder, false).await) };
        // In a calm that was not known of when it was planned, the next is at its end.
        let next = || Event::Remind { next: self.desk.first_reminder(record.priority) };
        self.once(record, ("reminded", 0), attempt, next).await
    }

    pub(crate) async fn warn(&self, record: &Record) -> Result<(), Failure> {
        let attempt = async { told(&self.tell(record, Purpose::Warning, false).await) };
        let event = || Event::Warn { revision: record.progress.revision };
        self.once(record, ("warned", 0), attempt, event).await
    }

    pub(crate) async fn alert(&self, record: &Record) -> Result<(), Failure> {
        let desk = &self.desk;
        let Some(escalation) = record.progress.escalation else { return Ok(()) };
        let alerts = desk.alerts();
        // The last one once more, or the one that is next.
        let before = escalation.done.saturating_sub(escalation.again.into());
        let stage = alerts.alert(before).cloned();
        // A stage that the reviewer has taken out meanwhile is passed over, but
        // before it is given up after all there is a sign.
        let stage = stage.or_else(|| escalation.again.then(Stage::plain));
        let attempt = async {
            let mut data = match &stage {
                Some(stage) => self.sound_the_alarm(record, stage).await,
                None => json!({}),
            };
            data["alert"] = json!(before + 1);
            data
        };
        let next = || Event::Alert { next: alerts.next_alert(before + 1, desk.now()) };
        // The last one that comes once more is another one.
        let number = 2 * escalation.done + u32::from(escalation.again);
        self.once(record, ("alerted", number), attempt, next).await
    }

    pub(crate) async fn give_up(&self, id: &str) -> Result<(), Failure> {
        let data = json!({ "why": "No alert was answered." });
        self.desk.apply(id, None, Event::GiveUp, Actor::System, "manual_review", data).await?;
        Ok(())
    }

    async fn sound_the_alarm(&self, record: &Record, stage: &Stage) -> Value {
        let desk = &self.desk;
        let mut data = json!({});
        if stage.notify {
            data = told(&self.tell(record, Purpose::Alert, stage.sound).await);
        }
        // A notification may be left out for other reasons than the calm that
        // the reviewer asked for; the rest of the alert may not.
        if let Some(why) = desk.calm(Purpose::Alert, record.priority) {
            if !stage.notify {
                // What the notifications before it owe is owed still.
                data = json!({ "attempt": "inhibited", "why": why, "silent": true });
            }
            if !stage.command.is_empty() {
                data["not_run"] = json!(stage.command);
            }
            return data;
        }
        if stage.attention {
            desk.hub.tell(&Change::Attention);
        }
        if !stage.command.is_empty() {
            self.run_command(record, stage.command.clone(), None);
        }
        data
    }

    /// Makes the attempt, unless it was made before and could not be recorded,
    /// and records it.
    async fn once(
        &self,
        record: &Record,
        (kind, number): (&'static str, u32),
        attempt: impl Future<Output = Value>,
        event: impl FnOnce() -> Event,
    ) -> Result<(), Failure> {
        let desk = &self.desk;
        let rung = (record.id.clone(), record.progress.revision, kind, number);
        let known = lock(&desk.attempts).get(&rung).cloned();
        let data = match known {
            Some(data) => data,
            None => attempt.await,
        };
        let recorded =
            desk.apply(&record.id, None, event(), Actor::System, kind, data.clone()).await;
        let mut attempts = lock(&desk.attempts);
        match recorded {
            Err(failure) if failure.0.code == ErrorCode::Unavailable => {
                attempts.insert(rung, data);
                Err(failure)
            }
            recorded => {
                attempts.remove(&rung);
                match recorded {
                    // Answered or revised meanwhile: what comes later is tried anew.
                    Err(failure) if failure.0.code == ErrorCode::Conflict => Ok(()),
                    recorded => recorded.map(drop),
                }
            }
        }
    }

    /// Runs, now that the calm is over, the command that the last alert of each
    /// handoff has held back, once: if nobody has answered it meanwhile, and the
    /// reviewer has not taken the command out of the stages.
    pub(crate) fn run_what_was_held_back(&self) {
        let desk = &self.desk;
        let held = match desk.store.read(|read| {
            let held = read.commands_held_back()?;
            let of = |(id, command, alert): (String, String, i64)| {
                Ok((read.handoff(&id)?, command, alert))
            };
            held.into_iter().map(of).collect::<Result<Vec<_>, StoreError>>()
        }) {
            Ok(held) => held,
            Err(error) => {
                tracing::warn!(%error, "what was held back is not run");
                return;
            }
        };
        let stages = desk.alerts().stages;
        for (record, command, alert) in held {
            // Another proposal is another matter: its own deadline is to come.
            let Some(record) = record.filter(|record| record.has(Flag::Escalated)) else {
                continue;
            };
            let command = serde_json::from_str::<Vec<String>>(&command).unwrap_or_default();
            let wanted = stages.iter().any(|stage| stage.command == command);
            // The one that is run now is recorded when it has ended.
            if wanted && lock(&desk.ringing).insert(alert) {
                self.run_command(&record, command, Some(alert));
            }
        }
    }

    /// Runs the reviewer's command beside everything else, and records how it
    /// went: one of an alert that was held back is not run again, also where that
    /// cannot be recorded.
    fn run_command(&self, record: &Record, command: Vec<String>, held_back: Option<i64>) {
        let (desk, seq, id) = (self.desk.clone(), record.seq, record.id.clone());
        let running = desk.runner.run(command.clone(), about(record));
        tokio::spawn(async move {
            let (kind, data) = match running.await {
                Ok(()) => ("command_ran", json!({ "command": command })),
                Err(why) => ("command_failed", json!({ "command": command, "why": why })),
            };
            let now = desk.now();
            let logged: Result<(), Failure> = desk
                .store
                .write_soon(move |write| {
                    Ok(crate::log(write, seq, Actor::System, kind, data, now)?)
                })
                .await;
            match (logged, held_back) {
                (Ok(()), Some(alert)) => drop(lock(&desk.ringing).remove(&alert)),
                (Ok(()), None) => {}
                (Err(failure), _) => {
                    tracing::warn!(error = failure.0.message, "a command was not recorded");
                }
            }
            desk.hub.tell(&Change::Handoff { id });
        });
    }
}

/// What a command is told of a handoff.
fn about(record: &Record) -> Value {
    json!({
        "id": record.id,
        "agent": record.agent,
        "question": record.question,
        "priority": record.priority,
        "respond_by": record.progress.timing.respond_by,
    })
}
