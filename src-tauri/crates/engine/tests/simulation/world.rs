//! The world of one seed: the machine, its clocks, the desk on it, the agents,
//! and the account of it all.

use std::sync::LazyLock;
use std::time::Duration;

use chrono::TimeDelta;
use handoff_domain::alerts::{Alerts, Quiet, Stage as AlertStage};
use handoff_engine::Clock as _;
use handoff_faultfs::{Disk as Medium, Seed};
use handoff_protocol::view::{AcceptTool, AcceptTools, NotificationState, ToolView};
use handoff_testkit::FakeClock;
use serde_json::json;
use tempfile::TempDir;

use crate::agents::{AGENTS, Connection, EACH, Wait};
use crate::calls::GateCall;
use crate::calm::{Bell, Calm, Mood};
use crate::case::{Ask, Case, Moment, Stage};
use crate::desk::{Desk, database, folder};
use crate::judge::Seen;

/// The world of one seed.
pub struct World {
    pub seed: Seed,
    tells: bool,
    pub clock: FakeClock,
    pub bell: Bell,
    // Dropped in this order: what hangs on the desk goes before it.
    pub waits: Vec<Wait>,
    pub connections: Vec<Connection>,
    desk: Option<Desk>,
    /// What the desk writes on; it can be made to fail.
    pub medium: Medium,
    folder: TempDir,
    tokens: [serde_json::Value; AGENTS],
    pub cases: Vec<Case>,
    /// The calls that asked the gate.
    pub calls: Vec<GateCall>,
    /// What was last seen of each of them.
    pub seen: Vec<Seen>,
    /// How many warnings of each were recorded.
    pub warnings: Vec<usize>,
    /// Numbers connections and proposals.
    pub next: usize,
    pub hold: Duration,
    pub calm: Calm,
    /// By how much the wall clock was set in all.
    set_by: TimeDelta,
    /// It was set since the desk last looked.
    pub set_unseen: bool,
    /// A look at the clocks that hangs with the notification service.
    pub looking: Option<tokio::task::JoinHandle<()>>,
    /// It went on just now.
    pub went_on: bool,
    /// The disk failed just now: who waited may have been told so.
    pub failed: bool,
    /// A desk has died so far.
    crashed: bool,
}

/// What each life begins with, made once: a desk that knows its agents and their
/// tools.
struct Beginning {
    database: Vec<u8>,
    tokens: [serde_json::Value; AGENTS],
}

static BEGINNING: LazyLock<Beginning> = LazyLock::new(|| {
    let mut world = World::empty(0, false);
    world.start().unwrap();
    world.save_settings().unwrap();
    world.accept_tools().unwrap();
    world.crash();
    let database = std::fs::read(database(&world.folder)).unwrap();
    Beginning { database, tokens: world.tokens }
});

impl World {
    pub fn new(seed: u64, tells: bool) -> Self {
        let world = Self::empty(seed, tells);
        std::fs::write(database(&world.folder), &BEGINNING.database).unwrap();
        // No disk is full here: no room is taken for that.
        std::fs::write(world.folder.path().join("reserve"), "").unwrap();
        Self { tokens: BEGINNING.tokens.clone(), ..world }
    }

    fn empty(seed: u64, tells: bool) -> Self {
        let clock = FakeClock::default();
        Self {
            seed: Seed::new(seed, 0),
            tells,
            bell: Bell::new(clock.clone()),
            clock,
            waits: Vec::new(),
            connections: Vec::new(),
            desk: None,
            medium: Medium::forgetful().unwrap(),
            folder: folder(),
            tokens: Default::default(),
            cases: Vec::new(),
            calls: Vec::new(),
            seen: Vec::new(),
            warnings: Vec::new(),
            next: 0,
            hold: Duration::from_secs(5),
            calm: Calm::default(),
            set_by: TimeDelta::zero(),
            set_unseen: false,
            looking: None,
            went_on: false,
            failed: false,
            crashed: false,
        }
    }

    /// Says what happens, to whoever plays one seed again.
    pub fn tell(&self, what: &str) {
        if self.tells {
            eprintln!("{} {:>8?} {what}", self.clock.now(), self.clock.boot());
        }
    }

    pub fn runs(&self) -> bool {
        self.desk.is_some()
    }

    pub fn desk(&self) -> Result<&Desk, String> {
        self.desk.as_ref().ok_or_else(|| "there is no desk".to_owned())
    }

    pub fn moment(&self) -> Moment {
        Moment { awake: self.clock.awake(), hold: self.hold }
    }

    /// Starts the desk on what the last one left behind.
    pub fn start(&mut self) -> Result<(), String> {
        self.set_unseen = false;
        self.seen.clear();
        self.bell.on_screen(None);
        if self.bell.mood() == Mood::Hangs {
            self.bell.set(Mood::Shows);
        }
        let desk = Desk::start(&self.folder, &self.medium, &self.clock, &self.bell)?;
        self.desk = Some(desk);
        for agent in 0..AGENTS * EACH {
            self.connect(agent % AGENTS)?;
        }
        let awake = self.clock.awake();
        self.cases.iter_mut().for_each(|case| case.restarted(awake));
        Ok(())
    }

    /// The reviewer takes each agent's word that its moves can be undone.
    fn accept_tools(&self) -> Result<(), String> {
        let desk = self.desk()?;
        let known = json!({ "tools": [{ "name": "move", "effect": "reversible" }] });
        for connection in &self.connections {
            desk.run(connection.call("agent.tools", known.clone()))?.map_err(|it| it.message)?;
        }
        let roster = desk.engine.agents().map_err(|failure| failure.0.message)?;
        for card in roster.agents {
            let tool = |tool: ToolView| AcceptTool {
                name: tool.name,
                hash: tool.hash,
                effect: tool.claimed,
            };
            let tools = card.tools.into_iter().map(tool).collect();
            let accepted = desk.engine.accept_tools(AcceptTools { agent: card.name, tools });
            desk.run(accepted)?.map_err(|failure| failure.0.message)?;
        }
        Ok(())
    }

    pub fn connect(&mut self, agent: usize) -> Result<(), String> {
        let mut token = std::mem::take(&mut self.tokens[agent]);
        let desk = self.desk()?;
        let connection =
            desk.run(Connection::open(&desk.engine, agent, self.next, &mut token))??;
        self.tokens[agent] = token;
        self.connections.push(connection);
        self.next += 1;
        Ok(())
    }

    /// Ends the desk in the middle of whatever it does.
    pub fn crash(&mut self) {
        self.set_unseen = false;
        self.waits.clear();
        self.connections.clear();
        self.looking = None;
        self.crashed |= self.desk.is_some();
        self.desk = None;
    }

    /// Stores what the reviewer has set: the hold, and when to leave him alone.
    pub fn save_settings(&mut self) -> Result<(), String> {
        let desk = self.desk()?;
        let mut settings = desk.engine.settings();
        // How long its agents take to report is not part of the account.
        settings.report_within_s = 0;
        settings.hold_s = u32::try_from(self.hold.as_secs()).unwrap_or_default();
        let alert = AlertStage {
            after_s: 0,
            times: 1,
            notify: true,
            sound: false,
            attention: true,
            command: vec!["ring".to_owned()],
        };
        let far = chrono::DateTime::from_timestamp(7_000_000_000, 0).unwrap_or_default();
        let minute = |minute: u32| u16::try_from(minute).unwrap_or_default();
        settings.alerts = Alerts {
            stages: vec![alert],
            give_up_after_s: 300,
            urgent_pierces: self.calm.pierces,
            focus_until: self.calm.focus.then_some(far),
            quiet: self
                .calm
                .quiet
                .map(|(from, to)| Quiet { from_min: minute(from), to_min: minute(to) }),
            ..Alerts::default()
        };
        self.bell.be_calm(self.calm);
        let saved = desk.run(desk.engine.save_settings(settings))?;
        saved.map(|_| ()).map_err(|failure| failure.0.message)
    }

    pub fn pass(&mut self, seconds: i64) {
        self.clock.pass(Duration::from_secs(seconds.unsigned_abs()));
        self.cases.iter_mut().for_each(|case| case.elapse(seconds, true));
    }

    pub fn sleep(&mut self, seconds: i64) {
        self.clock.sleep(Duration::from_secs(seconds.unsigned_abs()));
        let connected: Vec<usize> = self.connections.iter().map(|open| open.number).collect();
        self.cases.iter_mut().for_each(|case| {
            case.elapse(seconds, false);
            case.slept(seconds, &connected);
        });
    }

    pub fn set_clock(&mut self, seconds: i64) {
        let by = TimeDelta::seconds(seconds);
        self.clock.step(by);
        self.set_by += by;
        self.set_unseen = true;
        self.cases.iter_mut().for_each(|case| case.stepped(seconds));
    }

    /// The desk looks at its clocks and acts by them.
    pub fn tick(&mut self) -> Result<(), String> {
        let engine = self.desk()?.engine.clone();
        if self.set_unseen {
            // What is released just before the desk looks may be offered by the
            // old setting: see the limits in main.rs.
            let decided = |case: &&mut Case| matches!(case.stage, Stage::Decided { .. });
            self.cases.iter_mut().filter(decided).for_each(|case| case.skewed = true);
        }
        let hung = self.bell.mood() == Mood::Hangs;
        self.went_on = self.looking.is_some();
        if !hung && let Some(looking) = self.looking.take() {
            self.desk()?.run(looking)?.map_err(|error| error.to_string())?;
        }
        if self.looking.as_ref().is_none_or(tokio::task::JoinHandle::is_finished) {
            let tick = async move {
                engine.tick().await;
            };
            let (look, before) = (async move { tokio::spawn(tick) }, self.bell.hung());
            let looking = self.desk()?.run(look)?;
            self.set_unseen = false;
            if hung {
                let (bell, stuck) = (self.bell.clone(), &looking);
                self.desk()?.settle_until(|| stuck.is_finished() || bell.hung() > before)?;
                self.looking = Some(looking);
            } else {
                self.desk()?.run(looking)?.map_err(|error| error.to_string())?;
            }
        }
        self.desk()?.settle()?;
        let moment = self.moment();
        self.look(|_, case, warned| {
            let mut may = case.asked_all(&[&[(Ask::Tick, true)], warned].concat(), moment);
            if hung {
                may.extend(case.asked_all(warned, moment));
            }
            may
        })?;
        let unwarned = |case: &&Case| !hung && case.lacks_a_warning();
        match self.cases.iter().find(unwarned) {
            Some(case) => Err(format!("invariant 2: it was not warned of {case:?}")),
            None => Ok(()),
        }
    }

    /// One that waits and that nobody was told of.
    fn untold(&self) -> Option<&Case> {
        let waits = |case: &&Case| case.stage == Stage::Ready && !case.manual;
        self.cases.iter().filter(waits).find(|case| !self.bell.has_told_of(&case.id))
    }

    /// With a service and no calm there is nothing that waits and that nobody
    /// was told of.
    fn all_are_told_of(&mut self) -> Result<(), String> {
        self.calm = Calm::default();
        self.save_settings()?;
        let service = "bell".to_owned();
        let there = NotificationState::Available { service };
        let desk = self.desk()?;
        desk.run(async { desk.engine.notifications_are(there) })?;
        desk.settle()?;
        self.tick()?;
        self.desk()?.settle()?;
        // What the calm held back may be told with the look after the one that ends it.
        self.tick()?;
        self.desk()?.settle()?;
        if self.untold().is_some() {
            // One of too many is told of when the burst is over.
            self.pass(11);
            self.tick()?;
            self.desk()?.settle()?;
        }
        match self.untold() {
            // One that died in between is asked to catch up by what runs it.
            Some(_) if self.crashed => Ok(()),
            Some(case) => Err(format!("nobody was told of it: {case:?}")),
            None => Ok(()),
        }
    }

    /// Leaves the desk alone with nothing in its way: in the end nobody waits.
    pub fn end(&mut self) -> Result<(), String> {
        self.tell("the end");
        if self.desk.is_none() {
            self.start()?;
        }
        self.bell.set(Mood::Shows);
        self.desk()?.settle()?;
        self.tick()?;
        self.all_are_told_of()?;
        let back = -self.set_by.num_seconds();
        self.set_clock(back);
        for _ in 0..6 {
            self.tick()?;
            // A date by a clock that went wrong may be far away.
            let waits = self.cases.iter().filter(|case| case.waits());
            if waits.clone().count() == 0 {
                break;
            }
            let longest = waits.map(|case| case.left).max().unwrap_or_default();
            self.pass(longest.max(700));
        }
        self.seen.clear();
        self.tick()?;
        self.lists()?;
        self.recorded()?;
        for case in self.cases.iter().filter(|case| !case.skewed) {
            if case.waits() {
                return Err(format!("it waits for ever: {case:?}"));
            }
        }
        self.crash();
        Ok(())
    }
}
