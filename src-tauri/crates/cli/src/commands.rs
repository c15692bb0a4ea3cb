//! What each word of the command line does, except the demo.

use std::path::Path;
use std::time::{Duration, Instant};

use clap::CommandFactory;
use clap_complete::Shell;
use handoff_domain::lifecycle::{Outcome, Report, State};
use handoff_domain::{schema, validate};
use handoff_protocol::wire::{
    Ack, Answered, ById, ErrorCode, LeaseGrant, ListQuery, Listed, Reconcile, Revise, Shown,
    Standing, Submit, Validated, Withdraw, method,
};
use handoff_transport::client::{Client, ClientError};
use serde_json::Value;

use crate::args::{self, CommandLine};
use crate::desk::Desk;
use crate::edge::Edge;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::input::Input;
use crate::spool::{self, HandOver, Left};
use crate::start::Found;
use crate::{text, visible};

/// How much longer than asked for is waited for a decision that is made and
/// held: the longest hold, and the way here.
const HELD: Duration = Duration::from_secs(35);

/// How long an answer that was offered to another caller, who has not taken it,
/// is asked for again.
const OFFERED: Duration = Duration::from_secs(2);

/// How long a desk that went away may take until an answer can be acknowledged.
const RECEIPT: Duration = Duration::from_secs(10);

/// `handoff submit`.
pub fn submit(edge: &mut Edge<'_>, agent: &str, given: &args::Submit) -> Result<Exit, Failure> {
    let input = Input::read(&given.file, edge)?;
    let handoff = checked_json(&input, edge)?;
    let desk = Desk::new(edge, agent)?;
    let limit = given.wait.map(|seconds| Duration::from_secs(u64::from(seconds)));
    let left = match desk.seek(edge)? {
        Found::Desk(mut client) => match client.call(method::SUBMIT, &Submit::of(handoff)) {
            Ok(standing) => Left::Taken(client, standing),
            // It may have it, or not: the key makes both the same.
            Err(ClientError::Lost { why }) => {
                spool::leave(edge, &desk, &input, handoff, desk.silent(&why), HandOver::Tried)?
            }
            Err(error) => return Err(Failure::from(error).about(&input.name)),
        },
        Found::Silent(why) => spool::leave(edge, &desk, &input, handoff, why, HandOver::Tried)?,
        Found::Nobody(why) => spool::leave(edge, &desk, &input, handoff, why, HandOver::Once)?,
    };
    let (client, standing) = match left {
        Left::Taken(client, standing) => (client, standing),
        Left::Spooled { entry, standing, why } => {
            if limit.is_none() {
                spool::tell(edge, &desk, &standing, &why)?;
                return Ok(Exit::Done);
            }
            edge.say(&spool::said(&desk, &standing, &why))?;
            return spool::wait(edge, &desk, &standing.id, &entry, limit, Exit::of_submit);
        }
    };
    if limit.is_none() {
        edge.answer(&standing, &(text::standing(&standing) + &text::what_now(&standing)))?;
        return Ok(Exit::Done);
    }
    edge.say(&text::standing(&standing))?;
    await_decision(edge, &desk, client, &standing.id, limit, Exit::of_submit)
}

/// `handoff validate`.
pub fn validate(edge: &mut Edge<'_>, file: &Path) -> Result<Exit, Failure> {
    let input = Input::read(file, edge)?;
    let faults = match validate::parse(&input.text, (edge.now)()) {
        Ok(_) => Vec::new(),
        Err(faults) => faults,
    };
    let answer = Validated { valid: faults.is_empty(), faults };
    if edge.json || answer.valid {
        edge.answer(&answer, &format!("{} is a valid handoff.\n", visible::line(&input.name)))?;
        return Ok(if answer.valid { Exit::Done } else { Exit::Invalid });
    }
    Err(Failure::invalid(&input.name, answer.faults))
}

/// `handoff wait`.
pub fn wait(
    edge: &mut Edge<'_>,
    agent: &str,
    id: &str,
    timeout: Option<u32>,
) -> Result<Exit, Failure> {
    let desk = Desk::new(edge, agent)?;
    let limit = timeout.map(|seconds| Duration::from_secs(u64::from(seconds)));
    match desk.seek(edge)? {
        Found::Desk(client) => {
            match await_decision(edge, &desk, client, id, limit, Exit::of_wait) {
                Err(failure) if failure.exit == Exit::NotFound => match spool::own(&desk, id) {
                    // It is there, but the desk could not take it up yet.
                    Ok(Some(entry)) => spool::wait(edge, &desk, id, &entry, limit, Exit::of_wait),
                    Ok(None) | Err(_) => Err(spool::explained(&desk, id, failure)),
                },
                outcome => outcome,
            }
        }
        Found::Nobody(why) | Found::Silent(why) => match spool::own(&desk, id)? {
            Some(entry) => spool::wait(edge, &desk, id, &entry, limit, Exit::of_wait),
            None => Err(why),
        },
    }
}

/// Waits for the decision, prints it and acknowledges that it was received.
pub fn await_decision(
    edge: &mut Edge<'_>,
    desk: &Desk,
    client: Client,
    id: &str,
    limit: Option<Duration>,
    exit: fn(&Answered) -> Exit,
) -> Result<Exit, Failure> {
    let (mut client, mut answered) = desk.wait(client, id, limit, &mut |text| edge.remark(text))?;
    if let Some(more) = more_time(answered.state, limit) {
        (client, answered) = desk.wait(client, id, Some(more), &mut |text| edge.remark(text))?;
    }
    // It was offered to one that is just gone, such as an earlier run of this:
    // the desk notices that in a moment.
    let until = Instant::now() + OFFERED;
    while answered.decision.is_some()
        && !answered.act
        && answered.state == State::Released
        && Instant::now() < until
    {
        std::thread::park_timeout(OFFERED / 20);
        (client, answered) =
            desk.wait(client, id, Some(Duration::ZERO), &mut |text| edge.remark(text))?;
    }
    edge.answer(&answered, &text::answered(&answered))?;
    // Only now has it been received: an answer that was acknowledged but never
    // written would be lost to everyone.
    if let Err(failure) = acknowledge(desk, client, &answered) {
        // Standard output already has its one document.
        write!(edge.stderr, "{}", failure.text()).ok();
        return Ok(failure.exit);
    }
    Ok(exit(&answered))
}

/// How much longer a wait goes on whose time is over. A decision that is held
/// is seconds away: to leave now would drop a yes. Who only asks gets no wait.
fn more_time(state: State, limit: Option<Duration>) -> Option<Duration> {
    let waits = limit.is_some_and(|limit| !limit.is_zero());
    (waits && state == State::Decided).then_some(HELD)
}

/// Tells the desk that the decision has arrived. Gives back the connection that
/// holds the lease.
pub fn acknowledge(
    desk: &Desk,
    mut client: Client,
    answered: &Answered,
) -> Result<Client, Failure> {
    let Some(lease) = &answered.lease else { return Ok(client) };
    match receipt(&mut client, lease) {
        Ok(()) => Ok(client),
        // With the connection its offer has ended: there is another to be had,
        // unless the receipt did arrive. Then nobody can say whose it was, and
        // acting twice is worse than not acting.
        Err(ClientError::Lost { .. }) => {
            let client = desk.look_for(Some(Instant::now() + RECEIPT))?;
            let (mut client, again) =
                desk.wait(client, &answered.id, Some(Duration::ZERO), &mut |_| ())?;
            match again.lease.filter(|_| again.act && again.decision == answered.decision) {
                Some(lease) => receipt(&mut client, &lease).map(|()| client).map_err(Failure::from),
                None => Err(Failure::new(
                    ErrorCode::Conflict,
                    "Whether the decision still is this caller's to act on is unknown: the \
                     connection broke while its receipt was acknowledged.",
                    "Do not act on it. `handoff show ID` says what became of it. If nobody has it, \
                     wait again in ten minutes; what cannot be undone, the card at the desk hands \
                     out again first.",
                )),
            }
        }
        Err(error) => Err(error.into()),
    }
}

fn receipt(client: &mut Client, lease: &LeaseGrant) -> Result<(), ClientError> {
    client.call(method::ACK, &Ack { id: lease.id.clone(), result: None }).map(|_: Value| ())
}

/// `handoff show`.
pub fn show(edge: &mut Edge<'_>, agent: &str, id: &str) -> Result<Exit, Failure> {
    let desk = Desk::new(edge, agent)?;
    let mut client = match desk.seek(edge)? {
        Found::Desk(client) => client,
        Found::Nobody(why) | Found::Silent(why) => {
            let entry = spool::own(&desk, id)?.ok_or(why)?;
            return spool::show(edge, &desk, id, &entry);
        }
    };
    let shown: Shown = client
        .call(method::GET, &ById { id: id.to_owned() })
        .map_err(|error| spool::explained(&desk, id, error.into()))?;
    edge.answer(&shown, &text::shown(&shown))?;
    Ok(Exit::Done)
}

/// `handoff list`.
pub fn list(edge: &mut Edge<'_>, agent: &str, query: &ListQuery) -> Result<Exit, Failure> {
    let desk = Desk::new(edge, agent)?;
    let mut client = match desk.seek(edge)? {
        Found::Desk(client) => client,
        Found::Nobody(why) | Found::Silent(why) => return spool::list(edge, &desk, query, why),
    };
    let listed: Listed = client.call(method::LIST, query)?;
    edge.answer(&listed, &text::listed(&listed, edge.columns))?;
    Ok(Exit::Done)
}

/// `handoff withdraw`.
pub fn withdraw(
    edge: &mut Edge<'_>,
    agent: &str,
    id: String,
    reason: Option<String>,
) -> Result<Exit, Failure> {
    let desk = Desk::new(edge, agent)?;
    let mut client = match desk.seek(edge)? {
        Found::Desk(client) => client,
        Found::Nobody(why) | Found::Silent(why) => {
            let entry = spool::own(&desk, &id)?.ok_or(why)?;
            return spool::withdraw(edge, &desk, id, entry, reason);
        }
    };
    let standing: Standing = client.call(method::WITHDRAW, &Withdraw { id, reason })?;
    edge.answer(&standing, &text::standing(&standing))?;
    Ok(Exit::Done)
}

/// `handoff revise`.
pub fn revise(edge: &mut Edge<'_>, agent: &str, id: String, file: &Path) -> Result<Exit, Failure> {
    let input = Input::read(file, edge)?;
    let handoff = checked_json(&input, edge)?;
    let mut client = Desk::new(edge, agent)?.reach(edge)?;
    let standing: Standing = client
        .call(method::REVISE, &Revise { id, handoff })
        .map_err(|error| Failure::from(error).about(&input.name))?;
    edge.answer(&standing, &text::standing(&standing))?;
    Ok(Exit::Done)
}

/// `handoff reconcile`.
pub fn reconcile(
    edge: &mut Edge<'_>,
    agent: &str,
    given: &args::Reconcile,
) -> Result<Exit, Failure> {
    let report = match &given.file {
        Some(file) => {
            let hint = "A report looks like {\"outcome\": \"applied\"} or {\"outcome\": \
                        \"diverged\", \"why\": \"…\"}; see `handoff reconcile --help`.";
            Input::read(file, edge)?.read_as("report", hint)?
        }
        None => {
            Report { outcome: Outcome::Applied, why: None, steps: Vec::new(), unmet: Vec::new() }
        }
    };
    let mut client = Desk::new(edge, agent)?.reach(edge)?;
    let asked = Reconcile { id: given.id.clone(), report };
    let standing: Standing = client.call(method::RECONCILE, &asked)?;
    edge.answer(&standing, &text::standing(&standing))?;
    Ok(Exit::Done)
}

/// `handoff schema`.
pub fn schema(edge: &mut Edge<'_>, name: Option<&str>) -> Result<Exit, Failure> {
    let name = name.unwrap_or("handoff");
    let found = schema::schema(name).ok_or_else(|| {
        Failure::new(
            ErrorCode::InvalidParams,
            format!("There is no schema {name}."),
            format!("The schemas are: {}.", schema::SCHEMAS.join(", ")),
        )
    })?;
    let text = serde_json::to_string_pretty(&found).map_err(std::io::Error::other)?;
    edge.answer(&found, &format!("{text}\n"))?;
    Ok(Exit::Done)
}

/// `handoff completions`.
pub fn completions(edge: &mut Edge<'_>, shell: Shell) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut CommandLine::command(), "handoff", &mut script);
    edge.stdout.write_all(&script)?;
    edge.stdout.flush()?;
    Ok(Exit::Done)
}

/// `handoff man`.
pub fn manual(edge: &mut Edge<'_>, command: Option<&str>) -> Result<Exit, Failure> {
    let mut whole = CommandLine::command();
    whole.build();
    let page = match command {
        None => whole,
        Some(name) => whole.find_subcommand(name).cloned().ok_or_else(|| {
            Failure::new(
                ErrorCode::InvalidParams,
                format!("There is no command {name}."),
                "`handoff --help` lists them.",
            )
        })?,
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(page).render(&mut text)?;
    edge.stdout.write_all(&text)?;
    edge.stdout.flush()?;
    Ok(Exit::Done)
}

/// The payload as it was given. What is not even JSON cannot be sent on, so
/// the validator says here what the desk would have said.
fn checked_json<'a>(
    input: &'a Input,
    edge: &Edge<'_>,
) -> Result<&'a serde_json::value::RawValue, Failure> {
    input.raw().map_err(|failure| match validate::parse(&input.text, (edge.now)()) {
        Err(faults) if !faults.is_empty() => Failure::invalid(&input.name, faults),
        Ok(_) | Err(_) => failure,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_held_decision_makes_a_wait_longer() {
        let limit = Some(Duration::from_secs(1));
        assert_eq!(more_time(State::Decided, limit), Some(HELD));
        assert_eq!(more_time(State::Decided, Some(Duration::ZERO)), None, "it only asked");
        for state in [State::Ready, State::Released, State::Reconciled, State::Withdrawn] {
            assert_eq!(more_time(state, limit), None, "{state:?}");
        }
    }
}
