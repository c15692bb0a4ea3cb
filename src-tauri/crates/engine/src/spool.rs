//! Taking up what agents left in the spool while no desk could be reached.
//!
//! A file is removed only after its handoff is stored, and storing it again
//! changes nothing: whatever dies in between, each handoff is there once. What
//! cannot be taken up is set aside and reported, never dropped, and stands in
//! nobody's way. When the store refuses, the files stay for the next look.

use std::sync::{Mutex, OnceLock};

use chrono::{DateTime, Utc};
use handoff_domain::integration::Integration;
use handoff_domain::lifecycle::{Event, State, transition};
use handoff_domain::validate::{Checked, Deadlines, Fault};
use handoff_domain::visible;
use handoff_protocol::view::Change;
use handoff_protocol::wire::ErrorCode;
use handoff_spool::{Entry, Spool, SpoolError, Taken, Unreadable};
use handoff_store::Write;
use serde_json::json;

use crate::submit::{Open, Stored, store_new};
use crate::{Actor, Engine, Failure, agents, change, lock};

/// How many files that were set aside are reported one by one.
const REPORTED: usize = 5;

/// The spool of this desk, and what is wrong with it.
#[derive(Debug, Default)]
pub(crate) struct Spooled {
    spool: OnceLock<Spool>,
    fault: Mutex<Option<String>>,
    /// One import at a time.
    importing: tokio::sync::Mutex<()>,
}

/// What became of one file.
enum Fate {
    /// The desk has it, stored just now or before.
    Stored(Box<Stored>),
    /// It can never be taken up.
    Refused(String),
    /// It names another handoff that may only come after it.
    TooEarly(String),
    /// Not now; it stays.
    Later(String),
    /// It was removed by somebody else.
    Gone,
}

impl Engine {
    /// Takes up what waits in this spool now, and from now on at every tick.
    /// Meant for the time before connections are answered.
    pub async fn take_up(&self, spool: Spool) {
        let now = self.desk.now();
        let spool = self.desk.spooled.spool.get_or_init(|| spool).clone();
        beside(move || spool.clear_drafts(now)).await;
        // Who is owed a notification is seen to when the desk runs.
        self.import_all().await;
    }

    /// Takes up what was spooled since, and notifies the reviewer of it; says
    /// whether anything had to stay.
    pub(crate) async fn import(&self) -> bool {
        let (stored, left) = self.import_all().await;
        for Stored { record, place, .. } in &stored {
            if record.progress.state() != State::Withdrawn {
                self.announce_new(&record.agent, &record.id, *place);
            }
        }
        left
    }

    async fn import_all(&self) -> (Vec<Stored>, bool) {
        let spooled = &self.desk.spooled;
        let Some(spool) = spooled.spool.get().filter(|spool| spool.has_any()) else {
            self.spool_fault(None);
            return (Vec::new(), false);
        };
        let _alone = spooled.importing.lock().await;
        let (mut stored, mut fault) = (Vec::new(), None);
        let mut note = |error: &dyn std::fmt::Display| {
            tracing::warn!(%error, "the spool");
            fault.get_or_insert_with(|| sentence(&error.to_string()));
        };
        let taker = spool.clone();
        let mut files = match beside(move || taker.take()).await {
            Some(Ok(files)) => files,
            Some(Err(error)) => {
                note(&error);
                Vec::new()
            }
            None => Vec::new(),
        };
        let mut again = Vec::new();
        let mut last_round = false;
        // What another one takes the place of may be among those that come later.
        let mut later = false;
        loop {
            for file in std::mem::take(&mut files) {
                match self.import_one(&file).await {
                    Fate::Stored(one) => {
                        self.tell_of(&one);
                        if !one.known {
                            stored.push(*one);
                        }
                        if let Err(error) = spool.done(&file) {
                            note(&error);
                        }
                    }
                    Fate::TooEarly(_) if !last_round => again.push(file),
                    Fate::TooEarly(why) if later => note(&why),
                    Fate::Refused(why) | Fate::TooEarly(why) => {
                        if let Err(error) = self.set_aside(spool, &file, &why) {
                            note(&error);
                        }
                    }
                    Fate::Later(why) => {
                        later = true;
                        note(&why);
                    }
                    Fate::Gone => {}
                }
            }
            if again.is_empty() {
                break;
            }
            files = std::mem::take(&mut again);
            last_round = true;
        }
        let settler = spool.clone();
        if let Some(Err(error)) = beside(move || settler.settle()).await {
            note(&error);
        }
        self.spool_fault(fault);
        (stored, spool.has_any())
    }

    async fn import_one(&self, file: &Taken) -> Fate {
        let desk = &self.desk;
        let reader = file.clone();
        let entry = match beside(move || reader.read()).await {
            Some(Ok(entry)) => entry,
            Some(Err(Unreadable::Damaged(why))) => return Fate::Refused(sentence(&why)),
            Some(Err(Unreadable::NotNow(error))) => return Fate::Later(error.to_string()),
            Some(Err(Unreadable::Gone)) => return Fate::Gone,
            None => return Fate::Refused("It could not be read without a panic.".to_owned()),
        };
        if let Err(failure) = agents::check_name(&entry.agent) {
            return Fate::Refused(failure.0.message);
        }
        let text = entry.handoff.get().to_owned();
        if let Err(failure) = desk.must_have_room(text.len()) {
            return Fate::Later(failure.0.message);
        }
        // It was in time when it was acknowledged.
        let checked = match desk.check(text.clone(), Deadlines::AnyTime).await {
            Ok(Ok(checked)) => checked,
            Ok(Err(faults)) => return Fate::Refused(in_words(&faults)),
            Err(failure) if failure.0.code == ErrorCode::Unavailable => {
                return Fate::Later(failure.0.message);
            }
            Err(failure) => return Fate::Refused(failure.0.message),
        };
        let (checked, text) = match desk.completed(&entry.agent, checked, text, &entry.left_open) {
            Ok(completed) => completed,
            Err(failure) => return Fate::Later(failure.0.message),
        };
        let replaces = checked.payload.supersedes.is_some();
        let moment = desk.moment();
        let begun = entry.spooled_at.min(moment.at);
        let open = match desk.left_open(&entry.agent, &checked.payload, begun) {
            Ok(open) => open,
            Err(failure) => return Fate::Later(failure.0.message),
        };
        let outcome: Result<Stored, Failure> = desk.watched(
            desk.store
                .write(move |write| {
                    let open = open.moved(moment.moved(write)?);
                    store_entry(write, entry, (checked, text), open, moment.now(write)?)
                })
                .await,
        );
        match outcome {
            Ok(stored) => Fate::Stored(Box::new(stored)),
            Err(failure) => match failure.0.code {
                ErrorCode::Unavailable | ErrorCode::Internal => Fate::Later(failure.0.message),
                ErrorCode::NotFound if replaces => Fate::TooEarly(failure.0.message),
                ErrorCode::NotFound
                | ErrorCode::Conflict
                | ErrorCode::Refused
                | ErrorCode::InvalidParams
                | ErrorCode::InvalidPayload
                | ErrorCode::ParseError
                | ErrorCode::InvalidRequest
                | ErrorCode::MethodNotFound
                | ErrorCode::FrameTooLarge => Fate::Refused(failure.0.message),
            },
        }
    }

    /// The window and the agent hear of it as of any other.
    fn tell_of(&self, one: &Stored) {
        let desk = &self.desk;
        let Stored { record, replaced, .. } = one;
        if let Some(replaced) = replaced {
            desk.retire(replaced);
            desk.hub.changed(&record.agent, replaced);
        }
        if record.progress.state() == State::Withdrawn {
            desk.retire(&record.id);
        }
        desk.hub.changed(&record.agent, &record.id);
        desk.hub.tell(&Change::Status);
    }

    fn set_aside(&self, spool: &Spool, file: &Taken, why: &str) -> Result<(), SpoolError> {
        let aside = spool.set_aside(file, why)?;
        tracing::warn!(file = %aside.path.display(), why, "a spooled handoff was set aside");
        self.desk.hub.tell(&Change::Status);
        Ok(())
    }

    fn spool_fault(&self, fault: Option<String>) {
        let mut known = lock(&self.desk.spooled.fault);
        if *known != fault {
            *known = fault;
            drop(known);
            self.desk.hub.tell(&Change::Status);
        }
    }
}

impl Spooled {
    /// Whether there is a spool to look into.
    pub(crate) fn is_set(&self) -> bool {
        self.spool.get().is_some()
    }

    /// Whether anything waits to be taken up.
    pub(crate) fn has_any(&self) -> bool {
        self.spool.get().is_some_and(Spool::has_any)
    }

    /// What the reviewer should look after.
    pub(crate) fn notices(&self) -> Vec<String> {
        let mut notices = Vec::new();
        if let Some(fault) = lock(&self.fault).as_ref() {
            notices.push(format!(
                "Something that waits in the spool could not be taken up yet: {fault} The desk \
                 goes on trying."
            ));
        }
        let aside = self.spool.get().map(Spool::set_aside_files).unwrap_or_default();
        notices.extend(aside.iter().take(REPORTED).map(|one| {
            format!(
                "A spooled handoff could not be taken up and was set aside: {} It lies in {}; \
                 remove it once that is settled.",
                visible::line(&one.why),
                visible::line(&one.path.display().to_string()),
            )
        }));
        if aside.len() > REPORTED {
            let more = aside.len() - REPORTED;
            notices.push(format!("{more} more lie beside them, each with its reason."));
        }
        notices
    }
}

/// All of it in one transaction: who the agent is, what it hands off, and that
/// it has taken that back since.
fn store_entry(
    write: &Write<'_>,
    entry: Entry,
    (checked, text): (Checked, String),
    open: Open,
    now: DateTime<Utc>,
) -> Result<Stored, Failure> {
    let Entry { agent, framework, token, spooled_at, withdrawn, .. } = entry;
    agents::bind(write, &agent, Some(&token), None, now)?;
    let framework = Integration::kept(framework.as_deref());
    write.agent_seen(&agent, framework.as_deref(), None, spooled_at.min(now))?;
    let mut stored = store_new(write, &agent, checked, open, text, Some(spooled_at), now)?;
    if let Some(withdrawn) = withdrawn
        && stored.record.progress.state() != State::Withdrawn
    {
        let data = json!({ "reason": withdrawn.reason });
        let event = Event::Withdraw { reason: withdrawn.reason };
        let Stored { record, .. } = &stored;
        let progress = transition(&record.progress, &record.traits, event, now)?;
        stored.record =
            change(write, record.clone(), progress, Actor::Agent, "withdrawn", data, now)?;
    }
    Ok(stored)
}

fn in_words(faults: &[Fault]) -> String {
    let first = faults.first().map(|fault| format!("{}: {}", fault.pointer, fault.message));
    format!("It is not a valid handoff. {}", first.unwrap_or_default())
}

/// The same as a sentence.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string());
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{}{}{end}", first.unwrap_or_default(), letters.as_str())
}

/// Runs what waits for the disk beside the threads that answer agents.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}
