//! A desk without a window, for tests and measurements: a clock that is moved
//! by hand, a notifier that remembers, and the engine behind a real socket.
//!
//! Nothing that ships may depend on it.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

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
        let Self { engine, clock, notifier, home: _, folder, serving } = self;
        if let Some(serving) = serving {
            serving.abort();
            // Its end is what is waited for; how it ended does not matter.
            drop(serving.await);
        }
        drop(engine);
        Self::at(folder, clock, notifier).await
    }

    async fn at(
        folder: Arc<TempDir>,
        clock: C,
        notifier: RecordingNotifier,
    ) -> anyhow::Result<Self> {
        let home = Home::new(folder.path().join("home"));
        home.create()?;
        let opened = Store::take_up(&Files::of(home.database()), clock.now())?;
        let engine = Engine::start(opened, Arc::new(clock.clone()), Arc::new(notifier.clone()))
            .await
            .map_err(|failure| anyhow::anyhow!("{}", failure.0.message))?;
        Ok(Self { engine, clock, notifier, home, folder, serving: None })
    }

    /// Listens on the socket of its home.
    pub fn listen(&mut self) -> anyhow::Result<()> {
        let server = Server::bind(self.home.socket())?;
        let host: Arc<dyn Host> = Arc::new(self.engine.clone());
        self.serving = Some(tokio::spawn(server.run(host)));
        Ok(())
    }
}
