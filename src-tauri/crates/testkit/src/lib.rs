//! A desk without a window, for tests and measurements: a clock that is moved
//! by hand, a notifier that remembers, and the engine behind a real socket.
//!
//! Nothing that ships may depend on it.

pub mod machine;
pub mod reviewer;

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use handoff_engine::{Attempt, Clock, CommandRunner, Ended, Engine, Notice, Notifier};
use handoff_keeper::Keeper;
use handoff_protocol::session::Host;
use handoff_spool::Spool;
use handoff_store::{Files, Store};
use handoff_transport::home::Home;
use handoff_transport::server::Server;
use serde_json::Value;
use tempfile::TempDir;

#[derive(Debug, Clone, Copy)]
struct Clocks {
    wall: DateTime<Utc>,
    awake: Duration,
    boot: Duration,
    /// How often the machine was started.
    starts: u32,
    zone: Tz,
}

/// A clock that stands still until it is moved.
#[derive(Debug, Clone)]
pub struct FakeClock {
    state: Arc<Mutex<Clocks>>,
}

impl Default for FakeClock {
    fn default() -> Self {
        let start = DateTime::from_timestamp(1_790_000_000, 0).unwrap_or_default();
        let up = Duration::from_secs(1000);
        let clocks = Clocks { wall: start, awake: up, boot: up, starts: 1, zone: Tz::UTC };
        Self { state: Arc::new(Mutex::new(clocks)) }
    }
}

impl FakeClock {
    /// Time passes while the machine is awake.
    pub fn pass(&self, span: Duration) {
        self.sleep(span);
        self.clocks().awake += span;
    }

    /// Time passes while the machine sleeps.
    pub fn sleep(&self, span: Duration) {
        self.clocks().boot += span;
        self.step(TimeDelta::from_std(span).unwrap_or_default());
    }

    /// The wall clock alone is set forward or back.
    pub fn step(&self, by: TimeDelta) {
        self.clocks().wall += by;
    }

    /// The machine is started anew, by a wall clock that shows this.
    pub fn reboot(&self, wall: DateTime<Utc>) {
        let mut clocks = self.clocks();
        let up = Duration::from_secs(20);
        (clocks.wall, clocks.awake, clocks.boot) = (wall, up, up);
        clocks.starts += 1;
    }

    /// The machine is carried elsewhere.
    pub fn travel(&self, zone: Tz) {
        self.clocks().zone = zone;
    }

    fn clocks(&self) -> MutexGuard<'_, Clocks> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for FakeClock {
    fn now(&self) -> DateTime<Utc> {
        self.clocks().wall
    }

    fn awake(&self) -> Duration {
        self.clocks().awake
    }

    fn boot(&self) -> Duration {
        self.clocks().boot
    }

    fn boot_id(&self) -> Option<String> {
        Some(format!("start {}", self.clocks().starts))
    }

    fn zone(&self) -> Tz {
        self.clocks().zone
    }
}

/// A command and what it was told.
pub type Ran = (Vec<String>, Value);

/// A program that was run in a folder, and for how long it might.
pub type RanIn = (Vec<String>, String, Duration);

/// A runner that remembers what it was asked to run, and what it was told.
#[derive(Debug, Clone, Default)]
pub struct RecordingRunner {
    ran: Arc<Mutex<Vec<Ran>>>,
    ran_in: Arc<Mutex<Vec<RanIn>>>,
    /// How the next programs end; those after them succeed.
    ends: Arc<Mutex<VecDeque<Option<Ended>>>>,
}

impl RecordingRunner {
    /// What was run so far.
    pub fn ran(&self) -> Vec<Ran> {
        self.ran.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What was run in a folder so far.
    pub fn ran_in(&self) -> Vec<RanIn> {
        self.ran_in.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says how the next program ends; `None` where it never does.
    pub fn ends(&self, ended: Option<Ended>) {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner).push_back(ended);
    }
}

impl CommandRunner for RecordingRunner {
    fn run(
        &self,
        argv: Vec<String>,
        about: Value,
    ) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> {
        self.ran.lock().unwrap_or_else(PoisonError::into_inner).push((argv, about));
        Box::pin(std::future::ready(Ok(())))
    }

    fn run_in(
        &self,
        argv: Vec<String>,
        folder: String,
        limit: Duration,
    ) -> Pin<Box<dyn Future<Output = Ended> + Send>> {
        let ran = (argv, folder, limit);
        self.ran_in.lock().unwrap_or_else(PoisonError::into_inner).push(ran);
        let said = self.ends.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        match said {
            Some(None) => Box::pin(std::future::pending()),
            Some(Some(ended)) => Box::pin(std::future::ready(ended)),
            None => {
                let ended = Ended { outcome: Ok(()), output: "done".to_owned() };
                Box::pin(std::future::ready(ended))
            }
        }
    }
}

/// A notifier that remembers what it was asked to show.
#[derive(Debug, Clone, Default)]
pub struct RecordingNotifier {
    notices: Arc<Mutex<Vec<Notice>>>,
    retired: Arc<Mutex<Vec<Option<String>>>>,
    missing: Arc<Mutex<bool>>,
    hanging: Arc<Mutex<bool>>,
}

impl RecordingNotifier {
    /// What was shown so far.
    pub fn notices(&self) -> Vec<Notice> {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What was taken back so far; `None` is what told of many.
    pub fn retired(&self) -> Vec<Option<String>> {
        self.retired.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on the service takes calls and never answers.
    pub fn hang(&self) {
        *self.hanging.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }

    /// From now on the service answers again.
    pub fn go_on(&self) {
        *self.hanging.lock().unwrap_or_else(PoisonError::into_inner) = false;
    }

    /// From now on there is a service again.
    pub fn appear(&self) {
        *self.missing.lock().unwrap_or_else(PoisonError::into_inner) = false;
    }

    /// From now on there is no service.
    pub fn disappear(&self) {
        *self.missing.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }
}

impl Notifier for RecordingNotifier {
    fn notify(&self, notice: Notice) -> Pin<Box<dyn Future<Output = Attempt> + Send>> {
        if *self.hanging.lock().unwrap_or_else(PoisonError::into_inner) {
            return Box::pin(std::future::pending());
        }
        let attempt = if *self.missing.lock().unwrap_or_else(PoisonError::into_inner) {
            Attempt::NoService("There is none.".to_owned())
        } else {
            self.notices.lock().unwrap_or_else(PoisonError::into_inner).push(notice);
            Attempt::Shown
        };
        Box::pin(std::future::ready(attempt))
    }

    fn retire(&self, handoff: Option<&str>) {
        let handoff = handoff.map(str::to_owned);
        self.retired.lock().unwrap_or_else(PoisonError::into_inner).push(handoff);
    }
}

/// How long a desk may take to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// Whatever a test did with a desk, its audit log is whole in the end, and each
/// handoff stands where its last event left it.
struct Audited {
    files: Files,
}

impl Drop for Audited {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        match handoff_store::verify(&self.files) {
            Ok(verified) => assert_eq!(verified.broken, None, "the audit log is broken"),
            Err(error) => panic!("the audit log cannot be read: {error}"),
        }
    }
}

/// A desk with a folder of its own.
pub struct Headless<C = FakeClock> {
    /// The engine: the reviewer's side.
    pub engine: Engine,
    /// Its clock.
    pub clock: C,
    /// Its notifier.
    pub notifier: RecordingNotifier,
    /// Its runner of commands.
    pub runner: RecordingRunner,
    /// Where it lives: the agents' side connects here.
    pub home: Home,
    audited: Audited,
    folder: Arc<TempDir>,
    serving: Option<tokio::task::JoinHandle<()>>,
}

impl Headless {
    /// A new desk in an empty folder, not yet listening.
    pub async fn new() -> anyhow::Result<Self> {
        Self::within(tempfile::tempdir()?, FakeClock::default()).await
    }
}

impl<C: Clock + Clone> Headless<C> {
    /// A desk with another clock in `folder`, which goes with it; not yet
    /// listening.
    pub async fn within(folder: TempDir, clock: C) -> anyhow::Result<Self> {
        Self::at(Arc::new(folder), clock, RecordingNotifier::default(), RecordingRunner::default())
            .await
    }

    /// Ends this desk as a crash would, and starts another on the same folder.
    pub async fn restart(self) -> anyhow::Result<Self> {
        let (folder, clock, notifier, runner) = self.end().await;
        Self::at(folder, clock, notifier, runner).await
    }

    /// Ends this desk in good order, does something to its folder, and starts
    /// another on it.
    pub async fn restart_after(self, change: impl FnOnce(&Home)) -> anyhow::Result<Self> {
        let home = self.home.clone();
        let (folder, clock, notifier, runner) = self.end().await;
        // The last of its tasks to end closes the database and removes the log.
        let closed = async {
            while home.root().join("desk.db-wal").exists() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, closed).await.context("the database was not closed")?;
        change(&home);
        Self::at(folder, clock, notifier, runner).await
    }

    async fn end(self) -> (Arc<TempDir>, C, RecordingNotifier, RecordingRunner) {
        let Self { engine, clock, notifier, runner, home: _, audited, folder, serving } = self;
        if let Some(serving) = serving {
            serving.abort();
            // Its end is what is waited for; how it ended does not matter.
            drop(serving.await);
        }
        // Looked at before the end: a reader that came after it would leave a
        // log behind that it may not remove.
        drop(audited);
        drop(engine);
        (folder, clock, notifier, runner)
    }

    async fn at(
        folder: Arc<TempDir>,
        clock: C,
        notifier: RecordingNotifier,
        runner: RecordingRunner,
    ) -> anyhow::Result<Self> {
        let home = Home::new(folder.path().join("home"));
        home.create()?;
        let files = Files::of(home.database());
        let opened = Store::take_up(&files, clock.now())?;
        let engine = Engine::start(
            opened,
            Arc::new(clock.clone()),
            Arc::new(notifier.clone()),
            Arc::new(runner.clone()),
        )
        .await
        .map_err(|failure| anyhow::anyhow!("{}", failure.0.message))?;
        let audited = Audited { files };
        engine.keep_files_with(Keeper::of(home.root())).await;
        engine.take_up_rollbacks().await;
        engine.take_up(Spool::of(home.root())).await;
        Ok(Self { engine, clock, notifier, runner, home, audited, folder, serving: None })
    }

    /// Listens on the socket of its home.
    pub fn listen(&mut self) -> anyhow::Result<()> {
        let server = Server::bind(self.home.socket())?;
        let (engine, spool) = (self.engine.clone(), Spool::of(self.home.root()));
        let host: Arc<dyn Host> = Arc::new(self.engine.clone());
        self.serving = Some(tokio::spawn(async move {
            // As the app does: between listening and answering.
            engine.take_up(spool).await;
            server.run(host).await;
        }));
        Ok(())
    }
}
