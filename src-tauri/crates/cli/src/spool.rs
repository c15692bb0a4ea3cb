//! What the command does while no desk can be reached: it leaves handoffs in
//! the spool, and answers for those that lie there.
//!
//! It does not claim to know what the desk knows: of what is not in the spool
//! it says nothing but that no desk could be asked.

use std::cmp::Reverse;
use std::time::{Duration, Instant};

use handoff_domain::identity::{handoff_id, is_agent_name};
use handoff_domain::integration::Integration;
use handoff_domain::lifecycle::{State, Timing};
use handoff_domain::record::Recorded;
use handoff_domain::rollback;
use handoff_domain::validate::{self, Checked, Deadlines};
use handoff_protocol::wire::{
    Answered, ErrorCode, ListQuery, Listed, ListedHandoff, Shown, Standing, Submit, method,
};
use handoff_spool::{Entry, Put, SpoolError, Waiting, Withdrawn};
use handoff_transport::client::{Client, ClientError};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::commands::await_decision;
use crate::desk::{Desk, is_past};
use crate::edge::Edge;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::input::Input;
use crate::{text, visible};

/// How long a desk that was found may still need to take up what waits,
/// before it is asked again.
const PAUSE: Duration = Duration::from_millis(250);

/// An answer that the spool gives in the desk's place.
#[derive(Serialize)]
struct FromSpool<'a, T> {
    #[serde(flatten)]
    answer: &'a T,
    spooled: bool,
}

/// What became of a handoff that found no desk.
pub enum Left {
    /// It lies in the spool.
    Spooled {
        /// What lies there.
        entry: Box<Entry>,
        /// Where it stands.
        standing: Standing,
        /// Why no desk has it.
        why: Failure,
    },
    /// A desk came just then, and has it.
    Taken(Client, Standing),
}

/// Whether a desk that comes meanwhile is given the handoff.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandOver {
    /// Yes: none was there before.
    Once,
    /// No: one was tried, and to try it again would only take as long again.
    Tried,
}

/// Leaves a handoff in the spool, after the same check as the desk's.
pub fn leave(
    edge: &Edge<'_>,
    desk: &Desk,
    input: &Input,
    handoff: &RawValue,
    why: Failure,
    hand_over: HandOver,
) -> Result<Left, Failure> {
    if !is_agent_name(desk.agent()) {
        return Err(Failure::new(
            ErrorCode::InvalidParams,
            format!("{:?} cannot be the name of an agent.", desk.agent()),
            "Use 1 to 100 of the characters A–Z, a–z, 0–9 and . _ : / -",
        ));
    }
    let spool = desk.spool();
    let now = (edge.now)();
    let (checked, late) = check(input, now)?;
    let id = handoff_id(desk.agent(), &checked.payload.key);
    let failed = |error: SpoolError| not_spooled(&error, &why);
    // A retry may come after its own deadline: what lies there is answered as
    // before, and nothing new is taken.
    if let Some(faults) = late
        && spool.find(&id).map_err(failed)?.is_none()
    {
        return Err(faults);
    }
    desk.home().create()?;
    let entry = Entry {
        agent: desk.agent().to_owned(),
        framework: Some(Integration::CommandLine.framework().to_owned()),
        token: Client::token(desk.home(), desk.agent())?,
        spooled_at: now,
        withdrawn: None,
        left_open: Vec::new(),
        handoff: handoff.to_owned(),
    };
    let (entry, known) = match spool.put(&entry).map_err(failed)? {
        Put::New => (entry, false),
        Put::Known(known) => (*known, true),
    };
    // A desk that has started meanwhile may have looked before the file came.
    let outcome = (hand_over == HandOver::Once).then(|| hand_in(desk, handoff)).transpose();
    match outcome {
        Ok(Some((client, standing))) => Ok(Left::Taken(client, standing)),
        Ok(None) => Ok(spooled(id, entry, known, why)),
        Err(error) if error.passes() => Ok(spooled(id, entry, known, why)),
        Err(error) => {
            if !known {
                // Otherwise the desk would report what its agent knows already.
                spool.take_back(&id).map_err(failed)?;
            }
            Err(error.into())
        }
    }
}

/// Says that a handoff was spooled, and where.
pub fn tell(
    edge: &mut Edge<'_>,
    desk: &Desk,
    standing: &Standing,
    why: &Failure,
) -> Result<(), Failure> {
    let text = said(desk, standing, why);
    edge.answer(&FromSpool { answer: standing, spooled: true }, &text)
}

/// The same in words.
pub fn said(desk: &Desk, standing: &Standing, why: &Failure) -> String {
    let next = if standing.state == State::Withdrawn {
        "It was taken back. Ask again with a new key.\n".to_owned()
    } else {
        format!("Wait for the answer with: handoff wait {}\n", visible::line(&standing.id))
    };
    let why = visible::block(&format!("{}\n{}", why.data.message, why.data.hint));
    format!("{}{why}\n{}{next}", text::standing(standing), lies_in(desk, &standing.id))
}

/// What waits in the spool under this id, if it is this agent's.
pub fn own(desk: &Desk, id: &str) -> Result<Option<Entry>, Failure> {
    let found = desk.spool().find(id).map_err(|error| {
        Failure::unreachable(
            format!("No desk could be asked, and its spool neither: {error}."),
            "Start `handoff-desk`: it sets a damaged file aside and says so.",
        )
    })?;
    Ok(found.filter(|entry| entry.agent == desk.agent()))
}

/// Waits for a desk that takes it up, and for the decision; for `limit` at most.
pub fn wait(
    edge: &mut Edge<'_>,
    desk: &Desk,
    id: &str,
    entry: &Entry,
    limit: Option<Duration>,
    exit: fn(&Answered) -> Exit,
) -> Result<Exit, Failure> {
    if entry.withdrawn.is_some() {
        return pending(edge, desk, id, entry);
    }
    let until = limit.and_then(|limit| Instant::now().checked_add(limit));
    let mut gone = false;
    loop {
        let client = match desk.look_for(until) {
            Ok(client) => client,
            Err(error) if error.passes() => return pending(edge, desk, id, entry),
            Err(error) => return Err(error.into()),
        };
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        match await_decision(edge, desk, client, id, left, exit) {
            Err(failure) if failure.exit == Exit::NotFound => {
                // It may have been taken up just after the desk said no.
                if gone {
                    return Err(explained(desk, id, failure));
                }
                gone = matches!(desk.spool().find(id), Ok(None));
                if !gone && until.is_some_and(is_past) {
                    return pending(edge, desk, id, entry);
                }
                if !gone {
                    std::thread::park_timeout(PAUSE);
                }
            }
            outcome => return outcome,
        }
    }
}

/// Shows a handoff that no desk has taken up yet.
pub fn show(edge: &mut Edge<'_>, desk: &Desk, id: &str, entry: &Entry) -> Result<Exit, Failure> {
    let Checked { payload, value, .. } =
        validate::parse_with(entry.handoff.get(), entry.spooled_at, Deadlines::AnyTime)
            .map_err(|faults| Failure::invalid("What lies in the spool", faults))?;
    let shown = Shown {
        answered: answered(id, entry),
        received_at: entry.spooled_at,
        respond_by: Timing::new(&payload.deadline, entry.spooled_at).respond_by,
        report: None,
        standing: Recorded::all_of(&payload)
            .iter()
            .map(|done| (done.action.id.clone(), rollback::standing(done, entry.spooled_at)))
            .collect(),
        key: payload.key,
        handoff: value,
    };
    let text = format!("{}\n{}", text::shown(&shown), lies_in(desk, id));
    edge.answer(&FromSpool { answer: &shown, spooled: true }, &text)?;
    Ok(Exit::Done)
}

/// Lists what this agent has in the spool, where no desk can list the rest.
pub fn list(
    edge: &mut Edge<'_>,
    desk: &Desk,
    query: &ListQuery,
    why: Failure,
) -> Result<Exit, Failure> {
    let Waiting { entries, unreadable } = desk.spool().waiting().map_err(|error| {
        Failure::unreachable(
            format!("{} Its spool cannot be read either: {error}.", why.data.message),
            why.data.hint.clone(),
        )
    })?;
    if unreadable > 0 {
        edge.remark(&format!(
            "{unreadable} of the files in {} cannot be read. The desk sets them aside when it \
             runs, and says why.",
            desk.spool().root().display()
        ));
    }
    let own = entries.iter().filter(|entry| entry.agent == desk.agent());
    let mut found: Vec<ListedHandoff> = own
        .filter_map(line)
        .filter(|(line, text)| fits(query, line, text))
        .map(|(line, _)| line)
        .collect();
    if found.is_empty() {
        let mut why = why;
        why.data.hint.push_str(" Nothing that fits waits in its spool.");
        return Err(why);
    }
    found.sort_by_key(|one| Reverse(one.received_at));
    let total = u32::try_from(found.len()).unwrap_or(u32::MAX);
    found.truncate(query.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX));
    let listed = Listed { handoffs: found, total };
    let text = format!(
        "{}These wait in the spool; the desk takes them up as soon as it runs. What it has \
         already is not listed: {}\n",
        text::listed(&listed, edge.columns),
        visible::line(&why.data.message)
    );
    edge.answer(&FromSpool { answer: &listed, spooled: true }, &text)?;
    Ok(Exit::Done)
}

/// The line of what lies in the spool, and all its text.
fn line(entry: &Entry) -> Option<(ListedHandoff, String)> {
    let text = entry.handoff.get();
    let Checked { payload, .. } =
        validate::parse_with(text, entry.spooled_at, Deadlines::AnyTime).ok()?;
    let line = ListedHandoff {
        id: entry.id()?,
        revision: 1,
        state: state(entry),
        flags: Vec::new(),
        priority: payload.priority,
        received_at: entry.spooled_at,
        respond_by: Timing::new(&payload.deadline, entry.spooled_at).respond_by,
        key: payload.key,
        task: payload.task.id,
        title: payload.task.title,
        question: payload.pending_question.text,
    };
    Some((line, text.to_lowercase()))
}

fn fits(query: &ListQuery, line: &ListedHandoff, text: &str) -> bool {
    let mut words = query.search.iter().flat_map(|words| words.split_whitespace());
    query.state.is_none_or(|state| state == line.state)
        && words.all(|word| text.contains(&word.to_lowercase()))
}

/// Takes a handoff back that no desk has taken up yet.
pub fn withdraw(
    edge: &mut Edge<'_>,
    desk: &Desk,
    id: String,
    entry: Entry,
    reason: Option<String>,
) -> Result<Exit, Failure> {
    if entry.withdrawn.is_some() {
        return Err(Failure::new(
            ErrorCode::Conflict,
            "A handoff that is withdrawn cannot be withdrawn.",
            "There is nothing to do.",
        ));
    }
    let withdrawn = Withdrawn { at: (edge.now)(), reason };
    let done = desk.spool().withdraw(&entry, withdrawn.clone()).map_err(|error| {
        Failure::unreachable(
            format!("It could not be taken back: {error}."),
            "Try again; whether it happened is shown by `handoff show ID`.",
        )
    })?;
    // A desk that runs by now is woken by a greeting, and does the same.
    drop(desk.connect());
    if !done {
        let standing = standing(id, &entry);
        let text = format!(
            "{}A desk had taken it up already, and may have an answer to it. It is asked to take \
             it back as soon as it runs; `handoff show ID` says what became of it.\n",
            text::standing(&standing)
        );
        edge.answer(&FromSpool { answer: &standing, spooled: true }, &text)?;
        return Ok(Exit::Pending);
    }
    let standing = standing(id, &Entry { withdrawn: Some(withdrawn), ..entry });
    let text = format!(
        "{}It stays in the spool, marked as taken back, until the desk has recorded that.\n",
        text::standing(&standing)
    );
    edge.answer(&FromSpool { answer: &standing, spooled: true }, &text)?;
    Ok(Exit::Done)
}

/// Why the desk does not know a handoff, where the spool can tell.
pub fn explained(desk: &Desk, id: &str, failure: Failure) -> Failure {
    let why = Some(failure.exit)
        .filter(|exit| *exit == Exit::NotFound)
        .and_then(|_| desk.spool().why_set_aside(id));
    match why {
        None => failure,
        Some(why) => Failure::new(
            ErrorCode::NotFound,
            format!("The desk could not take {id} up from the spool: {why}"),
            "It was set aside and reported to the reviewer. Hand it off again with a new key.",
        ),
    }
}

/// The payload, and what is wrong if only its deadline has passed.
fn check(
    input: &Input,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(Checked, Option<Failure>), Failure> {
    match validate::parse(&input.text, now) {
        Ok(checked) => Ok((checked, None)),
        Err(faults) => {
            let late = faults.iter().all(|fault| fault.pointer.starts_with("/deadline"));
            let known = validate::parse_with(&input.text, now, Deadlines::AnyTime);
            let failure = Failure::invalid(&input.name, faults);
            match known {
                Ok(checked) if late => Ok((checked, Some(failure))),
                Ok(_) | Err(_) => Err(failure),
            }
        }
    }
}

fn spooled(id: String, entry: Entry, known: bool, why: Failure) -> Left {
    let standing = Standing { replayed: known.then_some(true), ..standing(id, &entry) };
    Left::Spooled { entry: Box::new(entry), standing, why }
}

fn hand_in(desk: &Desk, handoff: &RawValue) -> Result<(Client, Standing), ClientError> {
    let mut client = desk.connect()?;
    let standing = client.call(method::SUBMIT, &Submit::of(handoff))?;
    Ok((client, standing))
}

fn not_spooled(error: &SpoolError, why: &Failure) -> Failure {
    match error {
        SpoolError::Conflict { id } => Failure::new(
            ErrorCode::Conflict,
            format!("The same key waits in the spool with another content ({id})."),
            "Use a new key for a new handoff.",
        ),
        SpoolError::Io { .. }
        | SpoolError::Unsafe { .. }
        | SpoolError::Damaged { .. }
        | SpoolError::NoKey => Failure::unreachable(
            format!("{} It could not be spooled either: {error}.", why.data.message),
            format!("Mend that and try again with the same key. {}", why.data.hint),
        ),
    }
}

/// The answer of the spool when no desk has answered in time.
fn pending(edge: &mut Edge<'_>, desk: &Desk, id: &str, entry: &Entry) -> Result<Exit, Failure> {
    let answered = answered(id, entry);
    let text = format!("{}{}", text::answered(&answered), lies_in(desk, id));
    edge.answer(&FromSpool { answer: &answered, spooled: true }, &text)?;
    Ok(Exit::of_wait(&answered))
}

fn lies_in(desk: &Desk, id: &str) -> String {
    let spool = desk.spool();
    // A desk that died may have claimed it.
    let file = Some(spool.file(id)).filter(|file| file.exists());
    let path = file.unwrap_or_else(|| spool.root().to_owned()).display().to_string();
    format!("It lies safe in {}; the desk takes it up as soon as it runs.\n", visible::line(&path))
}

fn state(entry: &Entry) -> State {
    if entry.withdrawn.is_some() { State::Withdrawn } else { State::Queued }
}

fn standing(id: String, entry: &Entry) -> Standing {
    Standing { id, revision: 1, state: state(entry), replayed: None }
}

fn answered(id: &str, entry: &Entry) -> Answered {
    Answered {
        preconditions: Vec::new(),
        id: id.to_owned(),
        revision: 1,
        state: state(entry),
        flags: Vec::new(),
        warned_at: None,
        decision: None,
        action_hash: None,
        act: false,
        lease: None,
        directive: Vec::new(),
    }
}
