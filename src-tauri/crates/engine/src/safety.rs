//! Looking after the database while the desk runs: for damage once, after the
//! start, and for the daily backup. No agent and no window waits for it.

use std::time::Duration;

use handoff_protocol::view::{BackupView, Change};
use handoff_protocol::wire::ErrorCode;
use handoff_store::{Choice, Kind, StoreError};

use crate::{Engine, Failure, lock};

/// How often it is asked whether a backup is due.
const LOOK: Duration = Duration::from_hours(1);

/// What the notices of two faults begin with that may be mended by themselves.
const NO_BACKUP: &str = "The daily backup could not be made:";
const NO_HEAD: &str = "How far the audit log goes could not be written down beside the database";

impl Engine {
    /// Does so for as long as the future is polled.
    pub async fn keep_safe(&self) {
        self.aside(Self::look_for_damage).await;
        loop {
            self.aside(Self::back_up).await;
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn aside(&self, work: fn(&Self)) {
        let engine = self.clone();
        if let Err(error) = tokio::task::spawn_blocking(move || work(&engine)).await {
            tracing::error!(%error, "looking after the database failed");
        }
    }

    /// Looks for damage where something could not be read.
    pub(crate) async fn look_where_suspected(&self) {
        if self.desk.store.is_to_be_inspected() {
            self.aside(Self::look_for_damage).await;
        }
    }

    /// Looks for damage, and tells the reviewer what was found.
    pub fn look_for_damage(&self) {
        match self.desk.store.inspect() {
            Ok(found) if found.is_empty() => tracing::info!("the database is whole"),
            Ok(found) => {
                tracing::error!(?found, "the database is damaged");
                let first = found.first().map(String::as_str).unwrap_or_default();
                self.note(format!(
                    "The database is damaged ({first}). Nothing more is stored in it. Quit the \
                     desk and start it again: it sets the database aside, and goes on with a \
                     backup and what can be saved."
                ));
                self.desk.fails(StoreError::Damaged(first.to_owned()));
            }
            Err(error) => tracing::warn!(%error, "the database could not be checked"),
        }
    }

    /// Makes the daily backup, if it is due.
    pub fn back_up(&self) {
        match self.desk.store.back_up_if_due(self.desk.now()) {
            Ok(made) => {
                if let Some(backup) = made {
                    tracing::info!(path = %backup.path.display(), "backed up");
                }
                self.note_fault(NO_BACKUP, None);
            }
            Err(error) => {
                tracing::error!(%error, "no backup could be made");
                self.note_fault(NO_BACKUP, Some(format!("{error}.")));
                if matches!(error, StoreError::Damaged(_)) {
                    // A copy of what is whole may fail as well: looked at itself.
                    self.look_for_damage();
                }
            }
        }
    }

    /// The backups that the desk can go back to, the newest first.
    pub fn backups(&self) -> Result<Vec<BackupView>, Failure> {
        let choices = self.desk.store.choices()?;
        let view = |choice: Choice| BackupView {
            name: choice.name,
            at: choice.backup.at,
            before_new_format: choice.backup.kind == Kind::Migration,
            bytes: choice.bytes,
            handoffs: choice.handoffs,
        };
        Ok(choices.into_iter().map(view).collect())
    }

    /// Whether the desk can go back to this backup; says why not.
    pub fn can_go_back(&self, name: &str) -> Result<(), Failure> {
        if self.backups()?.iter().any(|backup| backup.name == name) {
            return Ok(());
        }
        Err(Failure::new(
            ErrorCode::NotFound,
            format!("There is no backup {name:?} any more."),
            "Look at the list again and choose another one.",
        ))
    }

    /// The reviewer has read a notice: it is not told again, by this desk or by
    /// the next. What a fault is that is still there is said until it is mended.
    pub fn dismiss(&self, notice: &str) -> Result<(), Failure> {
        let lasts = [NO_BACKUP, NO_HEAD].iter().any(|begins| notice.starts_with(begins));
        lock(&self.desk.notices).retain(|known| known != notice || lasts);
        self.desk.hub.tell(&Change::Status);
        Ok(self.desk.store.dismiss(notice)?)
    }

    /// Says where the end of the audit log is not written down.
    pub(crate) fn look_at_the_head(&self) {
        let fault = self.desk.store.head_fault().map(|why| {
            format!(
                "({why}). Until it can be, nobody would notice that its end was cut off. Look \
                 whether the desk's folder can be written; the desk goes on trying."
            )
        });
        self.note_fault(NO_HEAD, fault);
    }

    /// Tells the reviewer how a fault is now that begins with these words; nothing
    /// once it is mended.
    pub(crate) fn note_fault(&self, begins: &str, rest: Option<String>) {
        let fault = rest.map(|rest| format!("{begins} {rest}"));
        let mut known = lock(&self.desk.notices);
        let before = known.clone();
        known.retain(|notice| !notice.starts_with(begins) || Some(notice) == fault.as_ref());
        known.extend(fault.filter(|fault| !before.contains(fault)));
        let changed = *known != before;
        drop(known);
        if changed {
            self.desk.hub.tell(&Change::Status);
        }
    }

    /// Tells the reviewer something in a whole sentence, for as long as the
    /// desk runs.
    pub fn note(&self, notice: String) {
        let mut known = lock(&self.desk.notices);
        if !known.contains(&notice) {
            known.push(notice);
            drop(known);
            self.desk.hub.tell(&Change::Status);
        }
    }
}
