//! Taking actions back: what would happen, what the reviewer confirms, and how
//! it goes on from there (DESIGN §7).
//!
//! What is undone in which order is [`handoff_domain::rollback`]'s to say. Here
//! each undo is begun, run or asked for, and its result kept; nothing runs that
//! was not shown, and nothing twice.

mod asked;
mod change;
mod run;
mod shown;
mod told;

pub use asked::{by_record, by_report, take};
pub use run::why_stuck;
pub use shown::rollbacks;
pub use told::{TAKES_BACK, UNDO, begin_told, of_draft};

use std::path::Path;

use chrono::{DateTime, Utc};
use handoff_domain::action::Undo;
use handoff_domain::decision::fingerprint;
use handoff_domain::kept::{Content, KeptFile, WayBack, way_back};
use handoff_domain::rollback::execution::{Event, Execution};
use handoff_domain::rollback::{Ledger as Planned, RollbackPlan, Selection, plan};
use handoff_protocol::view::{
    AllowUndoCommands, Change, ConfirmRollback, FileBack, RollbackPreview, RollbackRequest,
    RollbackView, UndoItem,
};
use handoff_protocol::wire::ErrorCode;
use handoff_store::{Read, RollbackRow, StoreError, Write};
use serde_json::json;

use crate::gate::entry;
use crate::ledger::Ledger;
use crate::{Actor, Desk, Engine, Failure, control, random_hex};

/// What a reading of the ledger says of a rollback.
struct Weighed {
    plan: RollbackPlan,
    commands_off: bool,
    /// The rollback of this task that is not over.
    open: Option<String>,
    /// For each undo from copies, its files.
    kept: Vec<(String, Vec<KeptFile>)>,
    after: change::After,
}

impl Engine {
    /// What a rollback would do. Nothing is touched.
    pub fn preview_rollback(&self, request: &RollbackRequest) -> Result<RollbackPreview, Failure> {
        let desk = &self.desk;
        let weighed = desk.store.read(|read| weigh(read, request, desk.now()))?;
        let files = desk.files_back(&weighed.kept);
        let named =
            json!([request.agent, request.task, weighed.plan, weighed.after, files_named(&files)]);
        let refused = refused(&weighed, &request.selection);
        Ok(RollbackPreview {
            fingerprint: fingerprint(&named),
            refused,
            commands_off: weighed.commands_off,
            directive: weighed.after.steps(),
            conflicts: weighed.after.conflicts,
            plan: weighed.plan,
            files,
        })
    }

    /// Rolls back what was shown, and nothing else.
    pub async fn confirm_rollback(
        &self,
        confirm: ConfirmRollback,
    ) -> Result<RollbackView, Failure> {
        let desk = &self.desk;
        let ConfirmRollback { agent, task, selection, fingerprint } = confirm;
        let request = RollbackRequest { agent, task, selection };
        let (engine, asked) = (self.clone(), request.clone());
        // It reads the files that would be put back.
        let shown = tokio::task::spawn_blocking(move || engine.preview_rollback(&asked));
        let shown = shown.await.map_err(|error| {
            Failure::new(
                ErrorCode::Internal,
                format!("The desk failed: {error}."),
                "Try again; nothing was undone.",
            )
        })??;
        if let Some(why) = shown.refused {
            return Err(Failure::new(ErrorCode::Refused, why, "Nothing was undone."));
        }
        if shown.fingerprint != fingerprint {
            return Err(has_changed());
        }
        let (id, now) = (format!("r-{}", random_hex(10)), desk.now());
        let named = id.clone();
        let row = desk.watched(
            desk.store
                .write(move |write| {
                    let weighed = weigh(&write.read(), &request, now)?;
                    if weighed.plan != shown.plan || weighed.open.is_some() || weighed.commands_off
                    {
                        return Err(has_changed());
                    }
                    let RollbackRequest { agent, task, .. } = request;
                    let row = RollbackRow {
                        id: named,
                        execution: Execution::new(&weighed.plan),
                        plan: weighed.plan,
                        agent,
                        task,
                        at: now,
                        over_at: None,
                        void: false,
                    };
                    write.add_rollback(&row)?;
                    let actions: Vec<&str> =
                        row.plan.steps.iter().map(|undoing| undoing.action.as_str()).collect();
                    let data = json!({ "rollback": row.id, "actions": actions });
                    let entry = entry(Actor::Reviewer, "rollback_confirmed", data, now);
                    write.log_about(&control::subject(&row.agent, &row.task), &entry)?;
                    Ok(row)
                })
                .await,
        )?;
        self.tell_of_rollback(&row.agent, &row.task);
        self.drive(id);
        desk.rollback_view(row)
    }

    /// Has an undo that failed, or may have run, tried again.
    pub async fn retry_undo(&self, item: UndoItem) -> Result<RollbackView, Failure> {
        self.reviewer_says(item, |action| Event::Retry { action }).await
    }

    /// Leaves an undo out.
    pub async fn skip_undo(&self, item: UndoItem) -> Result<RollbackView, Failure> {
        self.reviewer_says(item, |action| Event::Skip { action }).await
    }

    /// Leaves an undo to the agent, in its own way.
    pub async fn hand_over_undo(&self, item: UndoItem) -> Result<RollbackView, Failure> {
        self.reviewer_says(item, |action| Event::HandOver { action }).await
    }

    /// The reviewer has looked: an undo that may have run did run.
    pub async fn confirm_undone(&self, item: UndoItem) -> Result<RollbackView, Failure> {
        self.reviewer_says(item, |action| Event::Confirm { action }).await
    }

    async fn reviewer_says(
        &self,
        item: UndoItem,
        event: impl FnOnce(&str) -> Event<'_> + Send + 'static,
    ) -> Result<RollbackView, Failure> {
        let desk = &self.desk;
        let now = desk.now();
        let row = desk.watched(
            desk.store
                .write(move |write| {
                    let row = of_id(write, &item.rollback)?;
                    if row.over_at.is_some() {
                        return Err(Failure::conflict(
                            "This rollback is over.",
                            "Look at it again; nothing was done.",
                        ));
                    }
                    let event = event(&item.action);
                    change::happen(write, row, &event, None, Actor::Reviewer, now)
                })
                .await,
        )?;
        self.desk.memory.forget(&row.agent, &row.task);
        self.desk.hub.pending(&row.agent);
        self.tell_of_rollback(&row.agent, &row.task);
        // Where it is over by that, another may have waited for it.
        self.drive_open(&row.agent, &row.task);
        self.desk.rollback_view(row)
    }

    /// Lets the desk run the programs that an agent names for its undos, or
    /// forbids it.
    pub async fn allow_undo_commands(&self, allow: AllowUndoCommands) -> Result<(), Failure> {
        let desk = &self.desk;
        let now = desk.now();
        desk.watched(
            desk.store
                .write(move |write| {
                    let AllowUndoCommands { agent, allowed } = allow;
                    if write.read().agent(&agent)?.is_none() {
                        return Err(crate::autonomy::no_such_agent(&agent));
                    }
                    if write.allow_undo_commands(&agent, allowed)? {
                        let data = json!({ "allowed": allowed });
                        let entry = entry(Actor::Reviewer, "undo_commands", data, now);
                        write.log_about(&format!("agent:{agent}"), &entry)?;
                    }
                    Ok(())
                })
                .await,
        )?;
        desk.hub.tell(&Change::Status);
        Ok(())
    }

    /// Takes up the rollbacks of the last run. Meant for the time before
    /// connections are answered, with the copies of files at hand: what was cut
    /// short is not taken for done, nor done again unseen.
    pub async fn take_up_rollbacks(&self) {
        let desk = &self.desk;
        let now = desk.now();
        let open = match desk.store.read(|read| read.open_rollbacks()) {
            Ok(open) => open,
            Err(error) => {
                tracing::error!(%error, "the open rollbacks could not be read");
                return;
            }
        };
        for id in open {
            let named = id.clone();
            let restarted = desk.store.write(move |write| {
                let row = of_id(write, &named)?;
                change::happen(write, row, &Event::Restarted, None, Actor::System, now)
            });
            match restarted.await {
                Ok(row) => {
                    self.warn_if_stuck(&row);
                    self.drive(id);
                }
                // It stays as it was cut short, and nothing of it runs.
                Err(failure) => {
                    tracing::error!(id, error = failure.0.message, "a rollback was not taken up");
                }
            }
        }
    }

    /// Tells the windows that something about a rollback of this task changed.
    fn tell_of_rollback(&self, agent: &str, task: &str) {
        let desk = &self.desk;
        self.retire_what_is_over();
        desk.hub.tell(&Change::Status);
        let concerned = desk.store.read(|read| read.handoffs_of(agent, task, shown::HANDOFFS));
        for (_, id) in concerned.unwrap_or_default() {
            desk.hub.tell(&Change::Handoff { id });
        }
    }
}

impl Desk {
    /// How the files that are to be put back lie now, one undo after the other.
    fn files_back(&self, kept: &[(String, Vec<KeptFile>)]) -> Vec<FileBack> {
        // What the undos before have put back already, by then.
        let mut then: std::collections::BTreeMap<&str, Content> = std::collections::BTreeMap::new();
        let mut all = Vec::new();
        for (action, files) in kept {
            for file in files {
                let known = then.get(file.path.as_str()).cloned();
                let (way, says) = match known.map_or_else(|| self.look_at(&file.path), Ok) {
                    Ok(now) => (way_back(file, &now), said(file, &now)),
                    Err(why) => (WayBack::Conflict, why),
                };
                if way != WayBack::Conflict {
                    then.insert(&file.path, file.before.clone());
                }
                all.push(FileBack { action: action.clone(), path: file.path.clone(), way, says });
            }
        }
        all
    }

    fn look_at(&self, path: &str) -> Result<Content, String> {
        let keeper = self.keeper.get().ok_or("This desk keeps no copies of files.")?;
        if !Path::new(path).is_absolute() {
            return Err(format!("{path} is no place on this machine."));
        }
        keeper.look(path).map_err(|error| format!("{error}."))
    }
}

/// What the ledger says of a rollback at this moment.
fn weigh(
    read: &Read<'_>,
    request: &RollbackRequest,
    now: DateTime<Utc>,
) -> Result<Weighed, StoreError> {
    let RollbackRequest { agent, task, selection } = request;
    let ledger = Ledger::of(read, agent, task)?;
    let planned =
        plan(&Planned { actions: ledger.recorded(), plan: ledger.plan.as_ref(), now }, selection);
    let mut kept = Vec::new();
    let mut runs_programs = false;
    for undoing in &planned.steps {
        match undoing.undo {
            Undo::Files { .. } => {
                let files = read.kept_of(agent, task, &undoing.action)?;
                kept.push((undoing.action.clone(), files));
            }
            Undo::Command { .. } => runs_programs = true,
            Undo::Tool { .. } => {}
        }
    }
    let undone: Vec<&str> = planned.steps.iter().map(|undoing| undoing.action.as_str()).collect();
    let after = change::after(read, agent, task, ledger.clone(), &undone, now)?;
    Ok(Weighed {
        commands_off: runs_programs && !read.undo_commands(agent)?,
        open: read.open_rollback_of(agent, task)?,
        plan: planned,
        kept,
        after,
    })
}

/// Why it cannot be confirmed.
fn refused(weighed: &Weighed, selection: &Selection) -> Option<String> {
    // What is wrong with the plan of the task does not hinder an undo.
    let wrong = weighed.plan.faults.iter().find(|fault| match selection {
        Selection::Actions { .. } => fault.pointer.starts_with("/ids"),
        Selection::SinceAction { .. } => fault.pointer == "/id",
        Selection::SinceTime { .. } => false,
    });
    if let Some(fault) = wrong {
        return Some(format!("{} {}", fault.message, fault.hint).trim().to_owned());
    }
    if weighed.open.is_some() {
        return Some(
            "Another rollback of this task is not over. See it to its end, or leave out what is \
             left of it."
                .to_owned(),
        );
    }
    if weighed.plan.steps.is_empty() {
        return Some("Nothing of this can be undone.".to_owned());
    }
    weighed.commands_off.then(|| {
        "It would run a program on this machine. Allow the desk to run the undo commands of this \
         agent first."
            .to_owned()
    })
}

/// The files as a fingerprint names them: which, and how each gets back.
fn files_named(files: &[FileBack]) -> Vec<(&str, &str, WayBack)> {
    files.iter().map(|file| (file.action.as_str(), file.path.as_str(), file.way)).collect()
}

/// How a file gets back, in words.
fn said(kept: &KeptFile, now: &Content) -> String {
    match (way_back(kept, now), &kept.before) {
        (WayBack::Nothing, _) => "It is as it was before.".to_owned(),
        (WayBack::PutBack, Content::Absent) => "It is removed: it was not there before.".to_owned(),
        (WayBack::PutBack, Content::File { .. }) => "The copy takes its place.".to_owned(),
        (WayBack::Conflict, _) if kept.after.is_none() => {
            "What the action left there is not known. It is left as it is.".to_owned()
        }
        (WayBack::Conflict, _) => match now {
            Content::Absent => "Somebody has removed it since. It is left so.".to_owned(),
            Content::File { .. } => {
                "Somebody has changed it since. It is left as it is.".to_owned()
            }
        },
    }
}

fn has_changed() -> Failure {
    Failure::conflict(
        "Something has changed since this was shown: another action, another file, or what can \
         still be undone.",
        "Look at it again and confirm that; nothing was undone.",
    )
}

/// The rollback of this id.
fn of_id(write: &Write<'_>, id: &str) -> Result<RollbackRow, Failure> {
    write.read().rollback(id)?.ok_or_else(|| no_such_rollback(id))
}

fn no_such_rollback(id: &str) -> Failure {
    Failure::new(
        ErrorCode::NotFound,
        format!("There is no rollback {id:?}."),
        "Look at the task again.",
    )
}
