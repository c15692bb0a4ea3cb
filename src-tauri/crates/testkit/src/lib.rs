//! A desk without a window, for tests and measurements: a clock that is moved
//! by hand, a notifier that remembers, and the engine behind a real socket.
//!
//! Nothing that ships may depend on it.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};
use handoff_engine::{Attempt, Clock, Engine, Notice, Notifier};
use handoff_protocol::session::Host;
use handoff_store::{Files, Store};
use handoff_transport::home::Home;
use handoff_transport::server::Server;
use tempfile::TempDir;

/// A clock that stands still until it is moved.
#[derive(Debug, Clone)]
pub struct FakeClock {
    state: Arc<Mutex<(DateTime<Utc>, Duration)>>,
}

impl Default for FakeClock {
    fn default() -> Self {
        let start = DateTime::from_timestamp(1_790_000_000, 0).unwrap_or_default();
        Self { state: Arc::new(Mutex::new((start, Duration::from_secs(1000)))) }
    }
}

impl FakeClock {
    /// Time passes, on both clocks.
    pub fn pass(&self, span: Duration) {
        self.step(TimeDelta::from_std(span).unwrap_or_default());
        self.state.lock().unwrap_or_else(PoisonError::into_inner).1 += span;
    }

    /// The wall clock alone is set forward or back.
    pub fn step(&self, by: TimeDelta) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).0 += by;
    }
}

impl Clock for FakeClock {
    fn now(&self) -> DateTime<Utc> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    fn awake(&self) -> Duration {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).1
    }
}

/// A notifier that remembers what it was asked to show.
#[derive(Debug, Clone, Default)]
pub struct RecordingNotifier {
    notices: Arc<Mutex<Vec<Notice>>>,
    retired: Arc<Mutex<Vec<String>>>,
    missing: Arc<Mutex<bool>>,
    hanging: Arc<Mutex<bool>>,
}

impl RecordingNotifier {
    /// What was shown so far.
    pub fn notices(&self) -> Vec<Notice> {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What was taken back so far.
    pub fn retired(&self) -> Vec<String> {
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

    fn retire(&self, handoff: &str) {
        self.retired.lock().unwrap_or_else(PoisonError::into_inner).push(handoff.to_owned());
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
        Self::at(Arc::new(folder), clock, RecordingNotifier::default()).await
    }

    /// Ends this desk as a crash would, and starts another on the same folder.
    pub async fn restart(self) -> anyhow::Result<Self> {
        let (folder, clock, notifier) = self.end().await;
        Self::at(folder, clock, notifier).await
    }

    /// Ends this desk in good order, does something to its folder, and starts
    /// another on it.
    pub async fn restart_after(self, change: impl FnOnce(&Home)) -> anyhow::Result<Self> {
        let home = self.home.clone();
        let (folder, clock, notifier) = self.end().await;
        // The last of its tasks to end closes the database and removes the log.
        let closed = async {
            while home.root().join("desk.db-wal").exists() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, closed).await.context("the database was not closed")?;
        change(&home);
        Self::at(folder, clock, notifier).await
    }

    async fn end(self) -> (Arc<TempDir>, C, RecordingNotifier) {
        let Self { engine, clock, notifier, home: _, audited, folder, serving } = self;
        if let Some(serving) = serving {
            serving.abort();
            // Its end is what is waited for; how it ended does not matter.
            drop(serving.await);
        }
        drop(engine);
        drop(audited);
        (folder, clock, notifier)
    }

    async fn at(
        folder: Arc<TempDir>,
        clock: C,
        notifier: RecordingNotifier,
    ) -> anyhow::Result<Self> {
        let home = Home::new(folder.path().join("home"));
        home.create()?;
        let files = Files::of(home.database());
        let opened = Store::take_up(&files, clock.now())?;
        let engine = Engine::start(opened, Arc::new(clock.clone()), Arc::new(notifier.clone()))
            .await
            .map_err(|failure| anyhow::anyhow!("{}", failure.0.message))?;
        let audited = Audited { files };
        Ok(Self { engine, clock, notifier, home, audited, folder, serving: None })
    }

    /// Listens on the socket of its home.
    pub fn listen(&mut self) -> anyhow::Result<()> {
        let server = Server::bind(self.home.socket())?;
        let host: Arc<dyn Host> = Arc::new(self.engine.clone());
        self.serving = Some(tokio::spawn(server.run(host)));
        Ok(())
    }
}
