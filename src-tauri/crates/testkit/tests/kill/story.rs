//! The story: agents work, and the desk is killed and started again.

use std::fs::OpenOptions;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use handoff_faultfs::Seed;
use handoff_transport::home::Home;

use crate::agents::Agent;
use crate::calls::{CALLER, Caller, Calls};
use crate::check::{self, Count};
use crate::host::{PLAN, Plan};
use crate::ledger::Ledger;
use crate::line::Line;

const AGENTS: [&str; 2] = ["ada", "bob"];

/// Threads of each agent that ask, and that wait.
const ASKING: u64 = 2;
const WAITING: u64 = 3;

/// Threads of the agent that asks the gate.
const CALLING: u64 = 2;

/// How often the time that all deadlines need may pass in the end.
const ROUNDS: u32 = 30;

/// What is to happen.
pub struct Story {
    pub kills: u32,
    pub seed: u64,
    pub answers_early: bool,
}

/// What happened.
#[derive(Debug)]
pub struct Told {
    pub faults: Vec<String>,
    kills: u32,
    count: Count,
    took: Duration,
}

/// A seed that nobody has tried.
pub fn fresh_seed() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one("kill") % 1_000_000_007
}

impl Story {
    pub fn play(&self) -> Told {
        let since = Instant::now();
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path().join("home"));
        let ledger = Arc::new(Ledger::default());
        let mut desk = Desk {
            notes: folder.path().join("notes"),
            log: folder.path().join("log"),
            home: home.clone(),
            ledger: Arc::clone(&ledger),
            calls: Arc::default(),
            seed: self.seed,
            answers_early: self.answers_early,
            runs: 0,
            ahead_s: 0,
        };
        let (mut asking, waiting) = self.agents(&home, &ledger);
        asking.extend(self.callers(&home, &ledger, &desk.calls));
        let mut kills = 0;
        let mut count = Count::default();
        let mut seed = Seed::new(self.seed, 0);
        let every = if self.answers_early { 25 } else { 250 };
        while kills < self.kills && ledger.faults().is_empty() {
            desk.run_for(moment(&mut seed));
            kills += 1;
            desk.was_off(&mut seed);
            if kills % every == 0 {
                count = desk.check();
            }
        }
        if ledger.faults().is_empty() {
            kills += desk.answer_all(asking);
            count = desk.check();
        }
        ledger.end();
        for thread in waiting {
            thread.join().unwrap();
        }
        Told { faults: ledger.faults(), kills, count, took: since.elapsed() }
    }

    fn callers(
        &self,
        home: &Home,
        ledger: &Arc<Ledger>,
        calls: &Arc<Calls>,
    ) -> impl Iterator<Item = JoinHandle<()>> {
        (0..CALLING).map(move |thread| {
            let line = Line::new(Arc::clone(ledger), home.clone(), CALLER);
            let seed = Seed::new(self.seed, 2000 + thread);
            let name = format!("{CALLER}-{thread}");
            let one = Caller::new(line, seed, name, Arc::clone(calls));
            std::thread::spawn(move || one.work())
        })
    }

    fn agents(
        &self,
        home: &Home,
        ledger: &Arc<Ledger>,
    ) -> (Vec<JoinHandle<()>>, Vec<JoinHandle<()>>) {
        let (mut asking, mut waiting) = (Vec::new(), Vec::new());
        for (number, agent) in (0..).zip(AGENTS) {
            for thread in 0..ASKING + WAITING {
                let line = Line::new(Arc::clone(ledger), home.clone(), agent);
                let seed = Seed::new(self.seed, 1000 + number * 100 + thread);
                let one = Agent::new(line, seed, format!("{agent}-{thread}"));
                if thread < ASKING {
                    asking.push(std::thread::spawn(move || one.work()));
                } else {
                    waiting.push(std::thread::spawn(move || one.wait()));
                }
            }
        }
        (asking, waiting)
    }
}

/// When the desk is killed, counted from its start: often while it starts,
/// mostly at work, seldom after a while in which holds and deadlines end.
fn moment(seed: &mut Seed) -> Duration {
    let most = match seed.below(100) {
        0..20 => 30,
        20..90 => 150,
        90..98 => 400,
        _ => 2500,
    };
    Duration::from_micros(seed.below(most * 1000) as u64)
}

/// The desk in its many runs.
struct Desk {
    home: Home,
    notes: PathBuf,
    log: PathBuf,
    ledger: Arc<Ledger>,
    calls: Arc<Calls>,
    seed: u64,
    answers_early: bool,
    runs: u64,
    ahead_s: i64,
}

impl Desk {
    /// Starts the desk and kills it after so long.
    fn run_for(&mut self, span: Duration) {
        let mut running = self.start();
        self.ledger.pause(span);
        running.kill();
    }

    /// Time passes before the next start.
    fn was_off(&mut self, seed: &mut Seed) {
        let seconds = match seed.below(100) {
            0..90 => 0,
            90..97 => 1 + seed.below(5),
            97..99 => 60 + seed.below(540),
            // Leases lapse.
            _ => 660 + seed.below(600),
        };
        self.ahead_s += i64::try_from(seconds).unwrap();
    }

    /// Lets every agent have its answer: whatever the reviewer does not answer
    /// comes to its deadline. Returns how many kills it took.
    fn answer_all(&mut self, asking: Vec<JoinHandle<()>>) -> u32 {
        let mut running = self.start();
        self.ledger.wind_up();
        for thread in asking {
            thread.join().unwrap();
        }
        for round in 1..=ROUNDS {
            let all = self.ledger.all_answered_within(Duration::from_secs(4));
            running.kill();
            if all {
                return round;
            }
            self.ahead_s += 3600;
            running = self.start();
        }
        running.kill();
        let waiting = self.ledger.handoffs().into_iter().filter(|(_, known)| !known.answered);
        for (id, _) in waiting.filter(|(_, known)| known.is_acknowledged()) {
            self.ledger.fault(format!("{id}: its agent waits for ever"));
        }
        ROUNDS
    }

    fn start(&mut self) -> Running {
        self.runs += 1;
        self.ledger.is_ahead(self.ahead_s);
        let plan = Plan {
            home: self.home.root().to_owned(),
            notes: self.notes.clone(),
            seed: self.seed,
            run: self.runs,
            ahead_s: self.ahead_s,
            answers_early: self.answers_early,
        };
        let log = OpenOptions::new().append(true).create(true).open(&self.log).unwrap();
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "host", "--ignored", "--nocapture", "--test-threads=1"])
            .env(PLAN, serde_json::to_string(&plan).unwrap())
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Running { child, log: self.log.clone(), ledger: Arc::clone(&self.ledger) }
    }

    /// Looks at what is left while no desk runs.
    fn check(&self) -> Count {
        // What was told after this is looked at the next time.
        let (known, calls) = (self.ledger.handoffs(), self.calls.told());
        let (count, faults) = check::check(&self.home, &known, &calls, &self.notes);
        for fault in faults {
            self.ledger.fault(fault);
        }
        count
    }
}

/// A run of the desk; it does not outlive this.
struct Running {
    child: Child,
    log: PathBuf,
    ledger: Arc<Ledger>,
}

impl Running {
    fn kill(&mut self) {
        match self.child.try_wait() {
            Ok(None) => {}
            ended => {
                let said = std::fs::read_to_string(&self.log).unwrap_or_default();
                self.ledger.fault(format!("the desk ended by itself ({ended:?}): {said}"));
            }
        }
        self.child.kill().ok();
        self.child.wait().ok();
        let said = std::fs::read_to_string(&self.log).unwrap_or_default();
        if said.contains("panicked") {
            self.ledger.fault(format!("the desk panicked: {said}"));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Told {
    /// Whether there was enough to lose.
    pub fn did_enough(&self, kills: u32) {
        let Count { handoffs, decided, released, leases, reports, .. } = self.count;
        let kills = usize::try_from(kills).unwrap();
        for (what, number) in [("handoffs", handoffs), ("decisions", decided)] {
            assert!(number >= kills / 2, "too few {what}: {self}");
        }
        if kills < 500 {
            return;
        }
        let Count {
            spooled, undone, regranted, escalated, defaults, let_through, recorded, ..
        } = self.count;
        let rare = [
            spooled,
            undone,
            regranted,
            escalated,
            defaults,
            released,
            leases,
            reports,
            let_through,
            recorded,
        ];
        assert!(rare.iter().all(|number| *number > 0), "something never happened: {self}");
    }
}

impl std::fmt::Display for Told {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} kills in {:.0?}: {:?}", self.kills, self.took, self.count)
    }
}
