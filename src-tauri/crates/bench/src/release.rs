//! Release → the waiting agent has it: a client blocked in `handoff.wait` on
//! the socket, and a reviewer without a hold.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use handoff_domain::decision::Answer;
use handoff_engine::Failure;
use handoff_protocol::view::{CaseView, DecideRequest, Liveness, Settings};
use handoff_protocol::wire::{Ack, Answered, Wait, method};
use handoff_testkit::reviewer::answering;

use crate::Setup;
use crate::case;
use crate::desk::{Agent, Desk};
use crate::row::{Goal, Head, Measured};
use crate::spread::{Better, Spread};
use crate::time::millis;

/// The row.
pub const HEAD: Head =
    Head { name: "release → waiting agent has it", unit: "ms", goal: Goal::TailAtMost(20.0) };

const SAMPLES: usize = 200;
const LIMIT: Duration = Duration::from_secs(10);

/// Measures it.
pub fn measure(setup: &Setup) -> anyhow::Result<Vec<Measured>> {
    let desk = Desk::open(&setup.scratch)?;
    let settings = Settings { hold_s: 0, ..desk.engine().settings() };
    desk.run(desk.engine().save_settings(settings)).map_err(said)?;
    let mut submitter = Agent::connect(desk.home(), "bench")?;
    let mut waiter = Agent::connect(desk.home(), "bench")?;
    let (ask, asked) = mpsc::channel::<String>();
    let (tell, told) = mpsc::channel();
    let agent = std::thread::spawn(move || {
        while let Ok(id) = asked.recv() {
            let answered = wait(&mut waiter, &id).map(|answered| (answered, Instant::now()));
            // The lease belongs to this connection.
            let collected = answered.and_then(|(answered, at)| {
                collect(&mut waiter, &answered)?;
                Ok((answered, at))
            });
            if tell.send(collected).is_err() {
                break;
            }
        }
    });
    let mut samples = Vec::new();
    for number in 0..SAMPLES {
        let id = submitter.submit(&case::refund(&format!("release-{number}"))?)?.id;
        ask.send(id.clone())?;
        let listening = handoff_stage::ask_until(LIMIT, || {
            let view = desk.engine().open_case(&id).map_err(said)?;
            Ok(matches!(view.liveness, Liveness::Listening).then_some(view))
        })?;
        let view = listening.context("the agent did not begin to wait")?;
        let request = approve(&view)?;
        let start = Instant::now();
        desk.run(desk.engine().decide(request)).map_err(said)?;
        let (answered, at): (Answered, Instant) = told.recv_timeout(LIMIT)??;
        samples.push(millis(at.duration_since(start)));
        if !answered.act {
            bail!("{id} was not handed to the agent that waited for it");
        }
    }
    drop(ask);
    agent.join().map_err(|_| anyhow!("the agent's thread panicked"))?;
    let value = Spread::of(samples, Better::Less).context("there are samples")?;
    let note = "counted from the reviewer's decision with no hold, so with the commits of \
                decision, release and lease in it";
    Ok(vec![Measured { value, floor: None, note: note.to_owned() }])
}

/// The yes to the first option of a card.
pub fn approve(view: &CaseView) -> anyhow::Result<DecideRequest> {
    let option = view.options.first().context("the example has options")?;
    Ok(answering(view, Answer::Approve { option: option.id.clone() }))
}

/// Waits for the answer.
pub fn wait(agent: &mut Agent, id: &str) -> anyhow::Result<Answered> {
    let wait = Wait { id: id.to_owned(), timeout_s: None };
    Ok(agent.client().call_by(method::WAIT, &wait, LIMIT)?)
}

/// Takes the lease that came with an answer.
pub fn collect(agent: &mut Agent, answered: &Answered) -> anyhow::Result<()> {
    let lease = answered.lease.as_ref().context("who acts has a lease")?;
    let ack = Ack { id: lease.id.clone(), result: None };
    let _nothing: serde_json::Value = agent.client().call(method::ACK, &ack)?;
    Ok(())
}

/// An engine's failure as an error of the measurement.
pub fn said(failure: Failure) -> anyhow::Error {
    anyhow!("{}", failure.0.message)
}
