//! What happens next: chosen by the seed, done to the desk, and noted.

use handoff_domain::decision::action_hash;
use handoff_domain::identity::handoff_id;
use handoff_engine::{Clock as _, Failure};
use handoff_protocol::view::DecideRequest;
use handoff_protocol::view::NotificationState;
use handoff_protocol::wire::{ErrorCode, ErrorData};
use serde_json::{Map, json};
use std::pin::Pin;

use crate::agents::{AGENTS, Connection};
use crate::calm::Mood;
use crate::case::{Ask, Case, Stage};
use crate::proposal::{Choice, Proposal};
use crate::world::World;

/// Whether it was done or refused; anything else is a fault.
pub type Asked = Pin<Box<dyn Future<Output = Result<bool, String>> + Send>>;

/// The most handoffs of one seed.
const MOST: usize = 4;

const ZONES: [chrono_tz::Tz; 4] = [
    chrono_tz::Europe::Berlin,
    chrono_tz::Australia::Lord_Howe,
    chrono_tz::America::New_York,
    chrono_tz::Asia::Kathmandu,
];

pub const HOUR: i64 = 3600;
const YEAR: i64 = 365 * 24 * HOUR;

impl World {
    pub fn step(&mut self) -> Result<(), String> {
        if !self.runs() {
            self.start()?;
            return self.tick();
        }
        if self.cases.is_empty() {
            return self.ask_one();
        }
        match self.seed.below(100) {
            0..28 => self.ask_one(),
            28..32 => self.fail_disk(),
            32..40 => self.gate(),
            40..50 => self.wait(),
            50..68 => self.move_time(),
            68..76 => self.race(),
            76..84 => self.crash_at(),
            84..90 => self.change_mood(),
            90..93 => self.change_settings(),
            93..96 => self.show(),
            _ => self.hang_up(),
        }
    }

    pub fn unchanged(&mut self) -> Result<(), String> {
        self.desk()?.settle()?;
        let moment = self.moment();
        self.look(|_, case, warned| case.asked_all(warned, moment))
    }

    fn ask_one(&mut self) -> Result<(), String> {
        let (index, ask) = self.choose();
        self.tell(&format!("{index} {ask:?}"));
        let replaced = self.replaced(&ask);
        let moment = self.moment();
        let call = self.call(index, &ask)?;
        let done = self.desk()?.run(call)??;
        self.desk()?.settle()?;
        self.look(|at, case, warned| {
            let mut asks = warned.to_vec();
            if at == index {
                asks.push((ask.clone(), done));
            } else if Some(at) == replaced {
                asks.push((Ask::Supersede, done));
            }
            case.asked_all(&asks, moment)
        })
    }

    pub fn replaced(&self, ask: &Ask) -> Option<usize> {
        let Ask::Submit(Proposal { supersedes: Some(id), .. }) = ask else { return None };
        self.cases.iter().position(|case| case.id == *id)
    }

    fn proposal(&mut self) -> Proposal {
        self.next += 1;
        let mut proposal = Proposal::random(&mut self.seed, self.next, self.clock.now());
        if self.set_unseen {
            // A date by a clock that the desk has not yet looked at.
            proposal.date = None;
        }
        proposal
    }

    /// Somebody asks something of a handoff, of a new one perhaps.
    pub fn choose(&mut self) -> (usize, Ask) {
        if self.cases.len() < MOST && (self.cases.is_empty() || self.seed.chance(25)) {
            let agent = self.seed.below(AGENTS);
            let key = format!("k{}", self.cases.len());
            let id = handoff_id(&format!("agent-{agent}"), &key);
            let mut proposal = self.proposal();
            let mut ready =
                self.cases.iter().filter(|case| case.agent == agent && case.stage == Stage::Ready);
            if self.seed.chance(20) {
                proposal.supersedes = ready.next().map(|case| case.id.clone());
            }
            self.cases.push(Case::new(agent, key, id));
            self.warnings.push(0);
            return (self.cases.len() - 1, Ask::Submit(proposal));
        }
        let index = self.seed.below(self.cases.len());
        (index, self.ask_of(index))
    }

    fn ask_of(&mut self, index: usize) -> Ask {
        if self.cases[index].stage == Stage::Unknown {
            return Ask::Submit(self.proposal());
        }
        let revision = self.cases[index].proposals.len();
        let held = self.cases[index].held.clone();
        match self.seed.below(100) {
            0..36 => {
                let revision = if self.seed.chance(90) { revision } else { revision - 1 };
                Ask::Decide { choice: Choice::random(&mut self.seed), revision }
            }
            36..48 => Ask::Undo,
            48..58 => match held {
                Some(held) => {
                    let connection = self.speaker(self.cases[index].agent, held.connection);
                    Ask::Acknowledge { connection, lease: held.lease }
                }
                None => Ask::Open,
            },
            58..64 => Ask::Report { applied: self.seed.chance(70) },
            64..72 => Ask::Revise(self.proposal()),
            72..75 => Ask::Withdraw,
            75..79 => Ask::Replay,
            79..84 => Ask::Open,
            84..89 => Ask::Snooze([60, 900, HOUR][self.seed.below(3)]),
            89..91 => Ask::Wake,
            91..97 => Ask::Allow { allowed: self.seed.chance(70), revision },
            _ => Ask::Regrant,
        }
    }

    /// Who acknowledges: the connection that was given the lease, or another
    /// of the same agent once that one is gone.
    fn speaker(&self, agent: usize, holder: usize) -> usize {
        let open = |open: &&Connection| open.agent == agent;
        let mut numbers = self.connections.iter().filter(open).map(|open| open.number);
        let here = numbers.clone().any(|number| number == holder);
        if here { holder } else { numbers.next().unwrap_or(holder) }
    }

    /// The call that asks for it.
    pub fn call(&self, index: usize, ask: &Ask) -> Result<Asked, String> {
        let case = &self.cases[index];
        let engine = self.desk()?.engine.clone();
        let id = case.id.clone();
        let by_agent = |method: &str, params| -> Result<Asked, String> {
            let wanted = match ask {
                Ask::Acknowledge { connection, .. } => Some(*connection),
                _ => None,
            };
            let open = self.connections.iter().find(|open| {
                open.agent == case.agent && wanted.is_none_or(|number| number == open.number)
            });
            let Some(open) = open else { return Ok(Box::pin(std::future::ready(Ok(false)))) };
            let call = open.call(method, params);
            Ok(Box::pin(async move { refused_or(call.await) }))
        };
        match ask.clone() {
            Ask::Submit(proposal) => {
                by_agent("handoff.submit", json!({ "handoff": proposal.payload(&case.key) }))
            }
            Ask::Replay => {
                let payload = case.proposals.first().map(|first| first.payload(&case.key));
                by_agent("handoff.submit", json!({ "handoff": payload }))
            }
            Ask::Withdraw => by_agent("handoff.withdraw", json!({ "id": id })),
            Ask::Revise(proposal) => {
                let payload = proposal.payload(&case.key);
                by_agent("handoff.revise", json!({ "id": id, "handoff": payload }))
            }
            Ask::Report { applied } => {
                let outcome = if applied { "applied" } else { "diverged" };
                let report = json!({ "outcome": outcome, "steps": [] });
                by_agent("handoff.reconcile", json!({ "id": id, "report": report }))
            }
            Ask::Acknowledge { lease, .. } => by_agent("agent.ack", json!({ "id": lease })),
            Ask::Decide { choice, revision } => {
                let request = request(case, choice, revision);
                Ok(Box::pin(async move { window(engine.decide(request).await) }))
            }
            Ask::Undo => Ok(Box::pin(async move { window(engine.undo(&id).await) })),
            Ask::Regrant => Ok(Box::pin(async move { window(engine.regrant(&id).await) })),
            Ask::Open => Ok(Box::pin(async move { window(engine.seen(&id).await) })),
            Ask::Snooze(seconds) => {
                let until = self.clock.now() + chrono::TimeDelta::seconds(seconds);
                Ok(Box::pin(async move { window(engine.snooze(&id, until).await) }))
            }
            Ask::Wake => Ok(Box::pin(async move { window(engine.wake(&id).await) })),
            Ask::Allow { allowed, revision } => {
                let revision = u32::try_from(revision).unwrap_or_default();
                let asked = async move { engine.allow_default(&id, revision, allowed).await };
                Ok(Box::pin(async move { window(asked.await) }))
            }
            Ask::Tick => Ok(Box::pin(async move {
                engine.tick().await;
                Ok(true)
            })),
            Ask::Supersede | Ask::Warn { .. } => Err("nobody asks for that by itself".to_owned()),
        }
    }

    fn wait(&mut self) -> Result<(), String> {
        let case = self.seed.below(self.cases.len());
        self.wait_for(case)
    }

    fn wait_for(&mut self, case: usize) -> Result<(), String> {
        let of = self.cases[case].agent;
        let mut open: Vec<usize> = (0..self.connections.len()).collect();
        open.retain(|number| self.connections[*number].agent == of);
        if open.is_empty() || self.cases[case].stage == Stage::Unknown {
            return Ok(());
        }
        let connection = open[self.seed.below(open.len())];
        self.tell(&format!("{case} is waited for on {}", self.connections[connection].number));
        let (connection, id) = (&self.connections[connection], self.cases[case].id.clone());
        let wait = self.desk()?.run(async { connection.wait(case, &id) })?;
        self.waits.push(wait);
        self.unchanged()
    }

    fn move_time(&mut self) -> Result<(), String> {
        for _ in 0..=self.seed.below(2) {
            match self.seed.below(10) {
                0..5 => {
                    let seconds = [1, 6, 31, 60, 100, 300, 610, HOUR][self.seed.below(8)];
                    self.tell(&format!("{seconds} s pass"));
                    self.pass(seconds);
                }
                5..7 => {
                    let seconds = [10, 120, 600, 9 * HOUR][self.seed.below(4)];
                    self.tell(&format!("asleep for {seconds} s"));
                    self.sleep(seconds);
                    // Somebody else may ask before the desk has looked at its clocks.
                    let held =
                        |case: &Case| case.held.as_ref().is_some_and(|held| held.acknowledged);
                    let held = self.cases.iter().position(held);
                    if let Some(case) = held.filter(|_| self.seed.chance(50)) {
                        self.wait_for(case)?;
                    }
                }
                7..9 => {
                    // Of two settings it would see what they come to, the account each.
                    if self.set_unseen {
                        self.tick()?;
                    }
                    let by = self.step_of_the_clock();
                    self.tell(&format!("the clock is set by {by} s"));
                    self.set_clock(by);
                }
                _ => {
                    let zone = ZONES[self.seed.below(ZONES.len())];
                    self.clock.travel(zone);
                }
            }
        }
        if self.seed.chance(80) { self.tick() } else { self.unchanged() }
    }

    pub fn step_of_the_clock(&mut self) -> i64 {
        let by = [300, 900, HOUR, 5 * HOUR, YEAR][self.seed.below(5)];
        if self.seed.chance(50) { by } else { -by }
    }

    /// Several ask at once: it must be as if one had come after the other.
    fn race(&mut self) -> Result<(), String> {
        let index = self.seed.below(self.cases.len());
        let mut asks: Vec<Ask> = (0..=1 + self.seed.below(2)).map(|_| self.ask_of(index)).collect();
        if self.bell.mood() != Mood::Hangs && self.seed.chance(30) {
            asks[0] = Ask::Tick;
        }
        self.tell(&format!("{index} at once: {asks:?}"));
        let ticks = asks.contains(&Ask::Tick);
        let moment = self.moment();
        let calls = asks.iter().map(|ask| self.call(index, ask)).collect::<Result<Vec<_>, _>>()?;
        let done = self.desk()?.run(async {
            let running: Vec<_> = calls.into_iter().map(tokio::spawn).collect();
            let mut done = Vec::new();
            for one in running {
                done.push(one.await.map_err(|error| error.to_string())??);
            }
            Ok::<_, String>(done)
        })??;
        self.tell(&format!("done: {done:?}"));
        self.desk()?.settle()?;
        if ticks {
            self.set_unseen = false;
        }
        let answered: Vec<(Ask, bool)> = asks.into_iter().zip(done).collect();
        self.look(|at, case, warned| {
            let mut asks = warned.to_vec();
            if at == index {
                asks.extend(answered.iter().cloned());
            } else if ticks {
                asks.push((Ask::Tick, true));
            }
            case.asked_all(&asks, moment)
        })
    }

    fn change_mood(&mut self) -> Result<(), String> {
        let mood = match self.bell.mood() {
            Mood::Shows => [Mood::Missing, Mood::Hangs][self.seed.below(2)],
            Mood::Missing | Mood::Hangs => Mood::Shows,
        };
        self.tell(&format!("notifications: {mood:?}"));
        self.bell.set(mood);
        if mood == Mood::Shows {
            if let Some(looking) = &self.looking {
                self.desk()?.settle_until(|| looking.is_finished())?;
            }
            let desk = self.desk()?;
            let service = "bell".to_owned();
            let known = NotificationState::Available { service };
            desk.run(async { desk.engine.notifications_are(known) })?;
        }
        self.desk()?.settle()?;
        // What hung goes on.
        let moment = self.moment();
        self.look(|_, case, warned| {
            let ticked = case.asked_all(&[&[(Ask::Tick, true)], warned].concat(), moment);
            [ticked, case.asked_all(warned, moment)].concat()
        })
    }

    fn change_settings(&mut self) -> Result<(), String> {
        self.hold = std::time::Duration::from_secs([0, 5, 30][self.seed.below(3)]);
        self.calm.focus = self.seed.chance(30);
        self.calm.pierces = self.seed.chance(50);
        self.calm.quiet =
            [None, Some((1320, 420)), Some((0, 1439)), Some((540, 600))][self.seed.below(4)];
        self.tell(&format!("hold {:?}, {:?}", self.hold, self.calm));
        self.save_settings()?;
        self.unchanged()
    }

    fn show(&mut self) -> Result<(), String> {
        let index = self.seed.below(self.cases.len() + 1);
        let id = self.cases.get(index).map(|case| case.id.clone());
        self.bell.on_screen(id.clone());
        let engine = &self.desk()?.engine;
        engine.on_screen(id);
        engine.is_in_front(true);
        self.unchanged()
    }

    fn hang_up(&mut self) -> Result<(), String> {
        if !self.connections.is_empty() {
            let gone = self.connections.remove(self.seed.below(self.connections.len()));
            self.tell(&format!("{} hangs up", gone.number));
            self.waits.retain(|wait| wait.connection != gone.number);
            self.desk()?.settle()?;
            gone.hang_up();
            self.cases.iter_mut().for_each(|case| case.hung_up(gone.number));
            self.connect(gone.agent)?;
        }
        self.unchanged()
    }
}

fn request(case: &Case, choice: Choice, revision: usize) -> DecideRequest {
    let option = match choice {
        Choice::Burn => Some("burn"),
        Choice::Move => Some("move"),
        Choice::Keep => Some("keep"),
        _ => None,
    };
    let number = case.proposals.last().map(|proposal| proposal.number);
    let args = Map::from_iter([("number".to_owned(), json!(number))]);
    DecideRequest {
        id: case.id.clone(),
        revision: u32::try_from(revision).unwrap_or_default(),
        answer: choice.answer(),
        // Keeping all runs nothing.
        shown_hash: option.filter(|it| *it != "keep").map(|tool| action_hash(tool, &args)),
        confirmed: true,
        overriding: None,
        message: None,
    }
}

fn window<T>(outcome: Result<T, Failure>) -> Result<bool, String> {
    refused_or(outcome.map_err(|failure| *failure.0))
}

/// A refusal is an answer; that something broke is a fault.
fn refused_or<T>(outcome: Result<T, ErrorData>) -> Result<bool, String> {
    match outcome {
        Ok(_) => Ok(true),
        Err(error) => match error.code {
            ErrorCode::Conflict | ErrorCode::Refused | ErrorCode::NotFound => Ok(false),
            code => Err(format!("{code:?}: {} {:?}", error.message, error.faults)),
        },
    }
}
