//! Carrying a rollback on: one undo after the other, each begun and ended in
//! the store, so that a desk that dies in between knows what it does not know.

use std::path::Path;
use std::time::Duration;

use handoff_domain::action::Undo;
use handoff_domain::kept::{KeptFile, WayBack, way_back};
use handoff_domain::rollback::execution::{Event, ItemState};
use handoff_keeper::Keeper;
use handoff_protocol::wire::ErrorCode;
use handoff_store::RollbackRow;

use super::{change, of_id};
use crate::news::News;
use crate::ports::Ended;
use crate::{Actor, Engine, Failure};

/// How long until a result that could not be stored is tried to be stored again.
const AGAIN: Duration = Duration::from_secs(5);

/// How many files are named in one sentence.
const NAMED: usize = 3;

/// What the desk does itself for an undo that has begun.
struct Job {
    action: String,
    undo: Undo,
    files: Vec<KeptFile>,
}

impl Engine {
    /// Goes on with a rollback beside everything else, as far as it can go by
    /// itself.
    pub(crate) fn drive(&self, id: String) {
        let engine = self.clone();
        tokio::spawn(async move {
            loop {
                match engine.begin_next(&id).await {
                    Ok(Some(job)) => {
                        let action = job.action.clone();
                        let ended = engine.work(job).await;
                        engine.ended(&id, &action, ended).await;
                    }
                    Ok(None) => return,
                    Err(failure) => {
                        // The next look tries it again.
                        tracing::warn!(id, error = failure.0.message, "an undo was not begun");
                        return;
                    }
                }
            }
        });
    }

    /// Goes on with the rollback of a task that is not over, if there is one.
    pub(crate) fn drive_open(&self, agent: &str, task: &str) {
        match self.desk.store.read(|read| read.open_rollback_of(agent, task)) {
            Ok(open) => open.into_iter().for_each(|id| self.drive(id)),
            // The next look goes on with it.
            Err(error) => tracing::warn!(%error, "the open rollback could not be read"),
        }
    }

    /// Begins the next undo; what the desk is to do itself, if it is.
    async fn begin_next(&self, id: &str) -> Result<Option<Job>, Failure> {
        let desk = &self.desk;
        let open = desk.store.read(|read| read.rollback(id))?;
        if !open.is_some_and(|row| row.over_at.is_none() && row.execution.next().is_some()) {
            return Ok(None);
        }
        let (named, now) = (id.to_owned(), desk.now());
        let begun = desk.watched(
            desk.store
                .write(move |write| {
                    let row = of_id(write, &named)?;
                    let Some(next) = row.execution.next().filter(|_| row.over_at.is_none()) else {
                        return Ok(None);
                    };
                    let action = next.action.clone();
                    let undo = row
                        .plan
                        .steps
                        .iter()
                        .find(|undoing| undoing.action == action)
                        .map(|undoing| undoing.undo.clone());
                    let begin = Event::Begin { action: &action };
                    let mut row = change::happen(write, row, &begin, None, Actor::System, now)?;
                    let off = matches!(undo, Some(Undo::Command { .. }))
                        && !write.read().undo_commands(&row.agent)?;
                    if off && is_running(&row, &action) {
                        let why = "You have not allowed the desk to run the undo commands of this \
                                   agent. Nothing was run.";
                        let failed = Event::Failed { action: &action, why };
                        row = change::happen(write, row, &failed, None, Actor::System, now)?;
                    }
                    let files = write.read().kept_of(&row.agent, &row.task, &action)?;
                    let job = undo.filter(|_| is_running(&row, &action)).map(|undo| Job {
                        action,
                        undo,
                        files,
                    });
                    Ok::<_, Failure>(Some((row, job)))
                })
                .await,
        )?;
        let Some((row, job)) = begun else { return Ok(None) };
        if job.is_none() {
            desk.hub.pending(&row.agent);
        }
        self.after_change(&row);
        Ok(job)
    }

    /// Runs what the desk does itself; says what came of it.
    async fn work(&self, job: Job) -> Ended {
        match job.undo {
            Undo::Files { .. } => {
                let Some(keeper) = self.desk.keeper.get().cloned() else {
                    return Ended::failed("This desk keeps no copies of files.");
                };
                let files = job.files;
                let work = tokio::task::spawn_blocking(move || put_back(&keeper, &files));
                work.await
                    .unwrap_or_else(|error| Ended::failed(format!("The desk failed: {error}.")))
            }
            Undo::Command { argv, cwd, timeout_s, .. } => {
                let folder = cwd.clone();
                // A mount that hangs holds this undo alone.
                let looked = tokio::task::spawn_blocking(move || is_itself(&folder)).await;
                if let Err(why) =
                    looked.unwrap_or_else(|error| Err(format!("The desk failed: {error}.")))
                {
                    return Ended::failed(format!("{why} Nothing was run."));
                }
                let limit = Duration::from_secs(timeout_s.into());
                self.desk.runner.run_in(argv, cwd, limit).await
            }
            Undo::Tool { .. } => Ended::failed("Only the agent can do this."),
        }
    }

    /// Keeps what came of an undo, however long the store takes to be able to.
    async fn ended(&self, id: &str, action: &str, ended: Ended) {
        loop {
            let (named, action, ended) = (id.to_owned(), action.to_owned(), ended.clone());
            let now = self.desk.now();
            let stored = self
                .desk
                .store
                .write(move |write| {
                    let row = of_id(write, &named)?;
                    let event = match &ended.outcome {
                        Ok(()) => Event::Succeeded { action: &action },
                        Err(why) => Event::Failed { action: &action, why },
                    };
                    let said = Some(ended.output.as_str()).filter(|output| !output.is_empty());
                    change::happen(write, row, &event, said, Actor::System, now)
                })
                .await;
            match self.desk.watched(stored) {
                Ok(row) => return self.after_change(&row),
                Err(failure) if failure.0.code == ErrorCode::Unavailable => {
                    tokio::time::sleep(AGAIN).await;
                }
                Err(failure) => {
                    let error = failure.0.message;
                    tracing::error!(id, error, "what came of an undo was not kept");
                    return;
                }
            }
        }
    }

    /// Tells whoever looks, and the reviewer where it waits for them.
    pub(super) fn after_change(&self, row: &RollbackRow) {
        self.desk.memory.forget(&row.agent, &row.task);
        if row.over_at.is_some() {
            self.desk.hub.pending(&row.agent);
            self.drive_open(&row.agent, &row.task);
        }
        self.tell_of_rollback(&row.agent, &row.task);
        self.warn_if_stuck(row);
    }

    /// Calls the reviewer where a rollback waits for them.
    pub(super) fn warn_if_stuck(&self, row: &RollbackRow) {
        if let Some(why) = why_stuck(row) {
            self.tell_news(News::Stopped { agent: row.agent.clone(), why });
        }
    }
}

/// Why a rollback waits for the reviewer, if it does.
pub fn why_stuck(row: &RollbackRow) -> Option<String> {
    let item = row.execution.stuck().filter(|_| row.over_at.is_none())?;
    Some(if let ItemState::Failed { why } = &item.state {
        why.clone()
    } else {
        format!("It was {}, and may have run.", item.state.word())
    })
}

fn is_running(row: &RollbackRow, action: &str) -> bool {
    let item = row.execution.item(action);
    item.is_some_and(|item| matches!(item.state, ItemState::Running { .. }))
}

/// Whether a folder is where it was shown to be; what is wrong with it, if not.
fn is_itself(folder: &str) -> Result<(), String> {
    let path = Path::new(folder);
    // What was handed over to an older desk was not looked at.
    if !path.is_absolute() {
        return Err(format!("Its folder {folder:?} does not say where on this machine it is."));
    }
    match Keeper::leads_to(path) {
        Ok(place) if place == path => Ok(()),
        Ok(place) => Err(format!(
            "Its folder {folder:?} is reached over a link, and is {} now.",
            place.display()
        )),
        Err(error) => Err(format!("Its folder {folder:?} cannot be found: {error}.")),
    }
}

/// Puts all files of an action back, or none where one of them was changed
/// since. What is back already, as after a crash, stays.
fn put_back(keeper: &Keeper, files: &[KeptFile]) -> Ended {
    if files.is_empty() {
        return Ended::failed("The desk holds no copies of its files.");
    }
    let mut waiting = Vec::new();
    let mut changed: Vec<&str> = Vec::new();
    for file in files {
        let now = match keeper.look(&file.path) {
            Ok(now) => now,
            Err(error) => return Ended::failed(format!("{error}. Nothing was put back.")),
        };
        match way_back(file, &now) {
            WayBack::Nothing => {}
            WayBack::PutBack => waiting.push((file, now)),
            WayBack::Conflict => changed.push(&file.path),
        }
    }
    if !changed.is_empty() {
        let more = changed.len().saturating_sub(NAMED);
        let named = changed.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let verb = if changed.len() == 1 { "was" } else { "were" };
        return Ended::failed(format!(
            "{named}{more} {verb} changed since. Nothing was put back, and no change of somebody \
             else is lost."
        ));
    }
    let all = waiting.len();
    for (back, (file, now)) in waiting.into_iter().enumerate() {
        if let Err(error) = keeper.put_back(file, &now) {
            return Ended::failed(format!("{error}. Of {all} files {back} are back."));
        }
    }
    let output = match all {
        0 => "All files were as they were before.".to_owned(),
        1 => "1 file is put back.".to_owned(),
        _ => format!("{all} files are put back."),
    };
    Ended { outcome: Ok(()), output }
}
