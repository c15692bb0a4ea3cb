//! The copies of files that are taken before a change, for those calls that
//! would be undone with them (CONTRACT §2).
//!
//! Here it is said whether the copies cover a call; putting them back is the
//! rollback's.

use std::path::Path;

use chrono::TimeDelta;
use handoff_domain::action::{Action, ActionStatus, Undo};
use handoff_domain::effect::{self, Class, Reading};
use handoff_domain::kept::KeptFile;
use handoff_keeper::{KeepError, Keeper};
use handoff_protocol::wire::Check;

use crate::{Desk, Engine, Failure};

/// How long copies are kept.
pub(crate) const KEPT_FOR: TimeDelta = TimeDelta::days(30);

/// What came of taking copies for a call.
pub enum Copies {
    /// The call would not be undone by them.
    NotAsked,
    /// They are taken.
    Taken(Vec<KeptFile>),
    /// None is; with the reason.
    None(String),
}

impl Engine {
    /// Keeps copies of files with this keeper from now on. Meant for the time
    /// before connections are answered: what nobody needs any more is removed.
    pub async fn keep_files_with(&self, keeper: Keeper) {
        let desk = &self.desk;
        let keeper = desk.keeper.get_or_init(|| keeper).clone();
        let before = desk.now() - KEPT_FOR;
        let forgot =
            desk.store.write(move |write| write.forget_files(before).map_err(Failure::from)).await;
        let needed = desk.store.read(|read| read.kept_hashes());
        match (forgot, needed) {
            (Ok(()), Ok(needed)) => {
                let cleared =
                    tokio::task::spawn_blocking(move || keeper.clear(&needed, before.into())).await;
                if !matches!(cleared, Ok(Ok(_))) {
                    tracing::warn!(?cleared, "old copies of files could not be removed");
                }
            }
            // None is removed that may be needed.
            outcome => tracing::warn!(?outcome, "which copies are needed could not be read"),
        }
    }
}

impl Desk {
    /// Takes copies of the files that a call would change, if it would be
    /// undone with them.
    pub(super) async fn take_copies(&self, check: &Check) -> Copies {
        let Some(Undo::Files { .. }) = &check.undo else { return Copies::NotAsked };
        let Some(keeper) = self.keeper.get().cloned() else {
            return Copies::None("this desk keeps no copies".to_owned());
        };
        if check.files.is_empty() {
            return Copies::None("the call names no files".to_owned());
        }
        let Some(folder) = check.cwd.clone() else {
            return Copies::None("the call does not say in which folder it runs".to_owned());
        };
        let files = check.files.clone();
        let room = self.store.reserve().room();
        let taken = tokio::task::spawn_blocking(move || {
            let folder = Path::new(&folder);
            refuse_special(folder, &files)?;
            keeper.keep(folder, &files, room)
        });
        match taken.await {
            Ok(Ok(taken)) => Copies::Taken(taken),
            Ok(Err(error)) => Copies::None(error.to_string()),
            Err(error) => Copies::None(format!("the desk failed: {error}")),
        }
    }

    /// What a call has left of the files that were copied for it: the place of
    /// its check, and the files.
    pub(super) async fn left_of(
        &self,
        agent: &str,
        task: &str,
        action: &Action,
    ) -> Result<Option<(i64, Vec<KeptFile>)>, Failure> {
        let over = matches!(action.status, ActionStatus::Done | ActionStatus::Failed);
        let Some(keeper) = self.keeper.get().filter(|_| over).cloned() else { return Ok(None) };
        let found = self.store.read(|read| {
            let Some(asked) = read.was_allowed(agent, task, &action.hash(), &action.id)? else {
                return Ok(None);
            };
            Ok(Some((asked.seq, read.kept_for(asked.seq)?)))
        })?;
        let Some((check, mut files)) = found.filter(|(_, files)| !files.is_empty()) else {
            return Ok(None);
        };
        let looked = tokio::task::spawn_blocking(move || {
            for file in &mut files {
                // What cannot be looked at now is never overwritten later.
                file.after = keeper.look(&file.path).ok();
            }
            files
        });
        Ok(looked.await.ok().map(|files| (check, files)))
    }
}

/// Refuses files that a link makes look like others: a copy takes nothing back
/// of what has been obeyed meanwhile.
fn refuse_special(folder: &Path, files: &[String]) -> Result<(), KeepError> {
    for file in files {
        let place = Keeper::place(folder, file)?;
        if let Some(why) = effect::no_mere_file(&place.to_string_lossy()) {
            let why = format!("it leads to {}, {why}", place.display());
            return Err(KeepError::Refused { path: file.clone(), why });
        }
    }
    Ok(())
}

/// Whether the copies are of all that the call would change. Where that cannot
/// be read from the call, only a tool whose claims the reviewer has accepted is
/// taken at its word.
pub fn cover(copies: &Copies, reading: &Reading, folder: Option<&str>) -> bool {
    let Copies::Taken(taken) = copies else { return false };
    match (&reading.touches, reading.class) {
        (Some(touched), _) => touched.iter().all(|file| {
            let place = folder.and_then(|folder| Keeper::place(Path::new(folder), file).ok());
            place.is_some_and(|place| {
                taken.iter().any(|kept| Path::new(&kept.path) == place.as_path())
            })
        }),
        (None, Class::Unknown) => true,
        (None, _) => false,
    }
}
