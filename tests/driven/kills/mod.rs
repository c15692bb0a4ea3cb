//! The proof against `kill -9` of the whole app: agents hand off, wait and
//! report, over the socket and by the command line, and a reviewer decides in
//! the real window, while the app is killed at random moments and started
//! again. What was acknowledged, to an agent by its answer and to the reviewer
//! by the page, is there in the end, once and unchanged, and no agent waits
//! for ever.
//!
//! The same of the desk without its window, with time-outs and a thousand
//! kills, is the business of `handoff-testkit`. That this one can fail was
//! tried by hand: an app that answers before it has stored was caught at the
//! first kill.
//!
//! `HANDOFF_APP_KILLS=<number>` kills more often, and
//! `HANDOFF_APP_KILL_SEED=<number>` draws the same numbers again; that brings
//! back what everyone tries and when the app is killed, not how the system
//! schedules it.

mod agents;
mod ledger;
mod reviewer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use handoff_stage::{Child, child};
use handoff_transport::home::Home;
use serde_json::Value;

use crate::support::desk::DESK;
use crate::support::dice::Dice;
use crate::support::{Desk, Options, payload};
use agents::{ByCommand, BySocket};
use ledger::Ledger;
use reviewer::Reviewer;

/// The kills of one run; the desk without a window is killed the rest of the
/// thousand.
const KILLS: u64 = 50;

/// How long the reviewer may take over what is left when nobody asks any more.
const LAST: Duration = Duration::from_mins(1);

#[test]
fn nothing_acknowledged_is_lost_doubled_or_changed_by_kills_of_the_app() {
    let kills = number("HANDOFF_APP_KILLS").unwrap_or(KILLS);
    let seed = number("HANDOFF_APP_KILL_SEED").unwrap_or_else(Dice::fresh_seed);
    say(&format!("HANDOFF_APP_KILL_SEED={seed} HANDOFF_APP_KILLS={kills}"));
    let since = Instant::now();
    let mut desk = Desk::closed(Options::default());
    let ledger = Arc::new(Ledger::default());
    let mut reviewer = Reviewer::new(Arc::clone(&ledger), Dice::new(seed, 1));
    desk.start();
    desk.window().set_hold(1);
    // More is asked than a person is shown in an hour.
    desk.window().set_cards(0);
    let agents = agents(&desk, &ledger, seed);

    let mut dice = Dice::new(seed, 0);
    let mut killed = 0;
    while killed < kills && ledger.faults().is_empty() {
        match Moment::drawn(&mut dice) {
            Moment::Starting(span) => {
                desk.close();
                let mut app = Child::start("the desk", &mut desk.command(DESK)).unwrap();
                ledger.pause(span);
                app.kill().unwrap();
            }
            moment @ (Moment::Working(_) | Moment::Answering(..)) => {
                if !desk.is_on() {
                    desk.start();
                }
                killed_at_work(&mut desk, &mut reviewer, moment);
            }
        }
        killed += 1;
    }
    desk.close();
    desk.start();
    ledger.wind_up();
    reviewer.finish(desk.window(), LAST, || agents.iter().all(JoinHandle::is_finished));
    let told = ledger.told();
    say(&format!("{killed} kills in {:.0?}: {told:?}", since.elapsed()));
    no_faults(&ledger, seed);
    for agent in agents {
        agent.join().unwrap();
    }
    look_at_what_is_left(&desk, &ledger);
    no_faults(&ledger, seed);
    let enough = usize::try_from(kills / 4).unwrap();
    assert!(told.handoffs >= enough && told.decisions >= enough, "too little to lose: {told:?}");
    if kills >= KILLS {
        assert!(told.undone > 0 && told.doubtful > 0, "something never happened: {told:?}");
    }
}

#[track_caller]
fn no_faults(ledger: &Ledger, seed: u64) {
    let faults = ledger.faults().join("\n");
    assert!(faults.is_empty(), "HANDOFF_APP_KILL_SEED={seed}:\n{faults}");
}

/// When the app is killed.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// So long after it was asked for, before there may be a window.
    Starting(Duration),
    /// So long after its window can be used.
    Working(Duration),
    /// So long after the reviewer has sent this answer, counted from 1.
    Answering(u64, Duration),
}

impl Moment {
    fn drawn(dice: &mut Dice) -> Self {
        match dice.below(100) {
            0..30 => Self::Starting(Duration::from_millis(dice.below(900))),
            30..55 => Self::Working(Duration::from_millis(dice.below(2500))),
            _ => Self::Answering(1 + dice.below(3), Duration::from_micros(dice.below(40_000))),
        }
    }

    /// Lets the moment come; `sent` tells of each answer.
    fn come(self, sent: &Receiver<()>) {
        // A reviewer who finds nothing to answer must not keep the app alive.
        let most = Instant::now() + Duration::from_secs(6);
        let (answers, after) = match self {
            Self::Starting(after) | Self::Working(after) => (0, after),
            Self::Answering(answers, after) => (answers, after),
        };
        for _ in 0..answers {
            if sent.recv_timeout(most.saturating_duration_since(Instant::now())).is_err() {
                return;
            }
        }
        let until = Instant::now() + after;
        while sent.recv_timeout(until.saturating_duration_since(Instant::now())).is_ok() {}
    }
}

/// Lets the reviewer work until the app is killed under their hands.
fn killed_at_work(desk: &mut Desk, reviewer: &mut Reviewer, moment: Moment) {
    let [app, driver] = desk.window().driver().processes();
    let dead = Arc::new(AtomicBool::new(false));
    let (about_to_send, sent) = channel();
    let killer = std::thread::spawn({
        let dead = Arc::clone(&dead);
        move || {
            moment.come(&sent);
            dead.store(true, Ordering::SeqCst);
            child::kill(app).unwrap();
            // Whoever asks the page now hears at once that it is gone.
            child::kill(driver).unwrap();
            // Answers that were sent meanwhile are still heard, and mean nothing.
            sent
        }
    });
    let fault = reviewer.work(desk.window(), &about_to_send, &dead);
    drop(killer.join().unwrap());
    desk.kill();
    if let Some(fault) = fault {
        panic!("{moment:?}: the window failed while the app was alive: {fault:#}");
    }
}

fn agents(desk: &Desk, ledger: &Arc<Ledger>, seed: u64) -> Vec<JoinHandle<()>> {
    let home = Home::new(desk.home().to_owned());
    let mut agents = Vec::new();
    for (part, name) in (10..).zip(["ada", "ada", "bob", "cleo"]) {
        let dice = Dice::new(seed, part);
        let agent = BySocket::new(home.clone(), Arc::clone(ledger), name, part, dice);
        agents.push(std::thread::spawn(move || agent.work()));
    }
    for (part, name) in (20..).zip(["dora", "emil"]) {
        let agent = ByCommand::new(
            desk.calls().without_display(),
            Arc::clone(ledger),
            name,
            Dice::new(seed, part),
        );
        agents.push(std::thread::spawn(move || agent.work()));
    }
    agents
}

/// Asks the desk itself, once nobody works with it any more.
fn look_at_what_is_left(desk: &Desk, ledger: &Ledger) {
    let handoffs = ledger.handoffs();
    for name in ["ada", "bob", "cleo", "dora", "emil"] {
        let asked = handoffs.values().filter(|known| known.agent == name).count();
        let listed = desk.cli(&["--agent", name, "list"]).expect_code(0).json;
        if listed["total"] != asked {
            ledger.fault(format!("{name} has asked {asked} times; the desk has {listed}"));
        }
    }
    for (id, known) in &handoffs {
        let shown = desk.cli(&["--agent", &known.agent, "show", id]).expect_code(0).json;
        if shown["handoff"] != known.payload {
            ledger.fault(format!("{id} is not what was submitted: {}", shown["handoff"]));
        }
        let decision = known.told.as_ref().unwrap_or(&Value::Null);
        if shown["state"] != "reconciled" || shown["decision"] != *decision {
            ledger.fault(format!("{id} ends otherwise than its agent was told: {shown}"));
        }
    }
    let verified = desk.cli(&["verify"]);
    if verified.code != 0 {
        ledger.fault(format!("the audit log is broken: {}", verified.out));
    }
    for (name, log) in desk.logs() {
        if log.contains("panicked") {
            ledger.fault(format!("the app panicked; {name} says:\n{log}"));
        }
    }
    // What can be read of it in the window.
    let counted = desk.window().until(
        "return document.querySelector('[data-tab=done]').innerText.replace(/\\D/g, '') === args[0];",
        &[handoffs.len().to_string().into()],
    );
    if counted.is_none() {
        ledger.fault(format!("the window counts otherwise:\n{}", desk.window().page_text()));
    }
    let id = desk.submit(&payload::rename("after-all"));
    desk.window().item(&id, "ready");
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
}

#[expect(clippy::print_stderr, reason = "the seed and the figures are for who runs it")]
fn say(words: &str) {
    eprintln!("{words}");
}
